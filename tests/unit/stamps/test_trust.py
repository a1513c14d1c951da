"""Time-stamp roots and Bitcoin headers in the trust file."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from archive.errors import InvalidInputError, RefusedError
from archive.trust import BitcoinHeader, TimeStampRoot, TrustFile, parse_trust
from tests.support.clocks import Authority


def code_of(value: dict[str, Any]) -> str:
    empty = {"format": "incident-archive-trust/1", "registries": [], "publishers": []}
    with pytest.raises(InvalidInputError) as caught:
        parse_trust(json.dumps({**empty, **value}).encode())
    return caught.value.code


@pytest.fixture
def pem(authority: Callable[..., Authority]) -> str:
    return authority().root_pem


def test_they_come_back_as_they_were_written(pem: str) -> None:
    trust = TrustFile().with_time_stamp_root(TimeStampRoot("one", pem, ("1.2.3",)))
    trust = trust.with_bitcoin_header(BitcoinHeader(7, "ab" * 80))
    assert parse_trust(trust.to_bytes()) == trust
    assert trust.time_stamp_roots[0].der[0] == 0x30
    # Files of before are as they were.
    assert set(TrustFile().to_json()) == {"format", "registries", "publishers"}


def test_adding_again_changes_nothing_and_contradictions_are_refused(pem: str) -> None:
    root, header = TimeStampRoot("one", pem), BitcoinHeader(7, "ab" * 80)
    trust = TrustFile().with_time_stamp_root(root).with_bitcoin_header(header)
    assert trust.with_time_stamp_root(root).with_bitcoin_header(header) == trust
    for change in (
        lambda: trust.with_time_stamp_root(TimeStampRoot("two", pem)),
        lambda: trust.with_bitcoin_header(BitcoinHeader(7, "cd" * 80)),
    ):
        with pytest.raises(RefusedError) as caught:
            change()
        assert caught.value.code == "trust.conflict"
    assert trust.without("one").without("bitcoin:7") == TrustFile()
    with pytest.raises(RefusedError):
        trust.without("bitcoin:8")


def test_malformed(pem: str) -> None:
    roots = [{"name": "one", "certificate": pem}]
    for certificate in (
        "",
        "x",
        pem + pem,
        pem.strip(),
        pem.replace("-----BEGIN", "----BEGIN"),
        7,
        pem[:-60] + pem[-30:],
    ):
        assert code_of({"time_stamp_roots": [{"name": "one", "certificate": certificate}]}) == "trust.bad_certificate"
    for policies in (["x"], ["1.2 "], [7], ["1.02"], ["1.2"] * 17):
        assert code_of({"time_stamp_roots": [{**roots[0], "policies": policies}]}) == "trust.bad_policy"
    assert code_of({"time_stamp_roots": roots * 2}) == "trust.duplicate"
    assert code_of({"time_stamp_roots": [{**roots[0], "x": 1}]}) == "trust.unknown_key"
    assert code_of({"time_stamp_roots": [{"name": "0x12", "certificate": pem}]}) == "trust.bad_name"
    for header in (
        {"height": -1, "header": "ab" * 80},
        {"height": 1, "header": "ab"},
        {"height": True, "header": "ab" * 80},
    ):
        assert code_of({"bitcoin_headers": [header]}) == "trust.bad_header"
    assert code_of({"bitcoin_headers": [{"height": 1, "header": "ab" * 80}] * 2}) == "trust.duplicate"
