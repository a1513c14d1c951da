"""The stamps of a bundle: exact keys, bounds, and what a later version may have added."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from archive.errors import InvalidInputError
from archive.stamps.entries import (
    MAX_TOKEN_BYTES,
    BlockHeader,
    OtsStamp,
    Rfc3161Stamp,
    Token,
    is_unknown,
    parse_stamp,
)

TOKEN = Token("an authority", 0x1F, b"token", (b"certificate",), (b"crl",), (b"ocsp",))
STAMPS = (
    Rfc3161Stamp(TOKEN),
    Rfc3161Stamp(Token(None, None, b"t"), (TOKEN, Token("x", 0, b"u"))),
    OtsStamp(b"proof"),
    BlockHeader("eip155:56", 7, b"\xf9\x00"),
)


def code_of(value: dict[str, Any]) -> str:
    with pytest.raises(InvalidInputError) as caught:
        parse_stamp(value)
    return caught.value.code


@pytest.mark.parametrize("stamp", STAMPS)
def test_a_stamp_comes_back_as_it_was_written(stamp: Rfc3161Stamp | OtsStamp | BlockHeader) -> None:
    assert parse_stamp(stamp.to_json()) == stamp


@pytest.mark.parametrize("stamp", STAMPS)
def test_a_missing_key_is_malformed_and_a_new_one_is_of_a_later_version(
    stamp: Rfc3161Stamp | OtsStamp | BlockHeader,
) -> None:
    value = stamp.to_json()
    for key in value:
        if key != "kind":
            assert code_of({k: v for k, v in value.items() if k != key}) == "stamp.malformed"
    assert is_unknown(code_of({**value, "verified": True}))


@pytest.mark.parametrize("value", [{}, {"kind": "sundial"}, {"kind": None}, {"kind": ["rfc3161"]}])
def test_an_unknown_kind(value: dict[str, Any]) -> None:
    assert code_of(value) == "stamp.unknown"


def test_a_subject_of_a_later_version() -> None:
    assert code_of({**OtsStamp(b"p").to_json(), "subject": "batch"}) == "stamp.unknown"


@pytest.mark.parametrize(
    "change",
    [
        {"token": ""},
        {"token": "!"},
        {"token": 7},
        {"token": "dG9rZW4"},  # without padding
        {"token": "dG9rZW5="},  # stray bits
        {"token": "dG9r\nZW4="},
        {"token": base64.b64encode(bytes(MAX_TOKEN_BYTES + 1)).decode()},
        {"nonce": "0x01"},
        {"nonce": 1},
        {"nonce": "0x" + "f" * 65},
        {"authority": ""},
        {"authority": "x" * 201},
        {"certificates": None},
        {"certificates": ["YQ=="] * 17},
        {"crls": ["YQ=="] * 9},
        {"ocsp": ["YQ=="] * 17},
        {"renewals": [1]},
        {"renewals": [TOKEN.to_json()] * 17},
        {"subject": 1},
    ],
)
def test_a_malformed_token(change: dict[str, Any]) -> None:
    assert code_of({**STAMPS[0].to_json(), **change}) == "stamp.malformed"


@pytest.mark.parametrize("change", [{"height": -1}, {"height": True}, {"header": "f9"}, {"header": "0x"}, {"chain": 1}])
def test_a_malformed_block(change: dict[str, Any]) -> None:
    assert code_of({**STAMPS[3].to_json(), **change}) == "stamp.malformed"


def test_a_renewal_covers_all_that_was_there_before_it() -> None:
    stamp = Rfc3161Stamp(TOKEN, (TOKEN,))
    root = bytes(32)
    messages = {stamp.renewal_message(root, 0), stamp.renewal_message(root, 1), stamp.renewal_message(b"\x01" * 32, 0)}
    assert len(messages) == 3
    other = Rfc3161Stamp(Token("an authority", 0x1F, b"token", (b"certificate",), (), (b"ocsp",)))
    assert other.renewal_message(root, 0) not in messages
