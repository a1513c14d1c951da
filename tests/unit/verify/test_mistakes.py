"""Mistakes of the systems before us that concern verification, each a named regression test."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from archive.errors import InvalidInputError
from archive.verify.policy import NEVER_WAIVED, REQUIRED, parse_policy
from tests.unit.verify.simulator import FILES, STRANGER, Desk, address, failed, statuses


def test_auto_archiver_a_stamp_that_merely_exists_verifies_nothing(desk: Desk) -> None:
    published = desk.publish()
    outcome = desk.verify(published, bundle={"anchors": (), "stamps": ({"kind": "opentimestamps", "ok": True},)})
    assert outcome.verdict == "incomplete"
    assert statuses(outcome, "stamp.unknown") == ["unchecked"]


def test_py_wacz_listed_but_absent_file_never_passes(desk: Desk) -> None:
    published = desk.publish()
    (published.folder / "evidence/log.txt").unlink()
    outcome = desk.verify(published)
    assert [c.status for c in outcome.checks if c.subject == "evidence/log.txt"] == ["unchecked"]
    assert statuses(outcome, "package.complete") == ["unchecked"]
    assert "evidence/log.txt" not in {c.subject for c in outcome.checks if c.status == "pass"}


def test_blockcerts_the_first_node_is_not_believed_alone(desk: Desk) -> None:
    published = desk.publish()
    first = published.chain.node("fastest.example")
    second = published.chain.node("slower.example", other_hash=True)
    outcome = desk.verify(published, nodes=[first, second])
    assert outcome.verdict == "incomplete"
    assert "eth_getBlockByNumber" in second.rpc.asked


def test_blockcerts_calldata_without_a_successful_receipt_is_no_anchor(desk: Desk) -> None:
    assert failed(desk.verify(desk.publish(anchor={"status": 0}))) == {"anchor.receipt_failed"}


def test_eas_a_stranger_who_anchored_first_changes_nothing(desk: Desk) -> None:
    """The same root anchored by a stranger before the publisher: only the stranger's own anchor is refused."""
    from archive.chain import registry
    from tests.unit.verify.simulator import INCIDENT

    published = desk.publish()
    call = registry.AnchorCall(
        registry.incident_key(INCIDENT),
        bytes.fromhex(published.package.root),
        bytes(32),
        published.package.content_digest,
    )
    stolen = desk.chain.anchor(call, key=STRANGER)
    assert desk.verify(published).verdict == "pass"
    outcome = desk.verify(replace(published, anchors=[stolen]))
    assert failed(outcome) == {"origin.publisher"}
    assert address(STRANGER) in str([c.found for c in outcome.checks])


def test_okx_the_root_is_never_taken_from_the_file_that_is_checked(desk: Desk) -> None:
    """Files, entries and claimed root changed together still do not fit the anchor."""
    published = desk.publish()
    forged = desk.publish({**FILES, "evidence/prices.csv": b"time,price\n21:36,9.99\n"})
    outcome = desk.verify(replace(forged, anchors=published.anchors))
    assert set(statuses(outcome, "bytes")) == {"pass"}
    assert statuses(outcome, "merkle") == ["pass"]
    assert failed(outcome) == {"anchor.log"}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b'{"format": "incident-archive-policy/1", "witnesses": 3}', "policy.unknown_key"),
        (b'{"format": "incident-archive-policy/2"}', "policy.unknown_format"),
        (b'{"format": "incident-archive-policy/1", "require": "stamps"}', "policy.shape"),
        (b'{"format": "incident-archive-policy/1", "require": ["x y"]}', "policy.shape"),
        (b'{"format": "incident-archive-policy/1", "require": [], "require": []}', "policy.duplicate_key"),
        (
            b'{"format": "incident-archive-policy/1", "require": ["bytes"], "waive": ["origin.trusted", 1]}',
            "policy.shape",
        ),
        (b"", "policy.not_json"),
        (b"{" + b" " * 70_000 + b"}", "policy.too_large"),
    ],
)
def test_rekor_a_policy_that_is_not_understood_fails_closed(text: bytes, code: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_policy(text)
    assert caught.value.code == code


def test_rekor_a_required_check_that_nobody_makes_keeps_the_verdict_from_pass(desk: Desk) -> None:
    policy = parse_policy(b'{"format": "incident-archive-policy/1", "require": ["stamp.rfc3161"]}')
    outcome = desk.verify(desk.publish(), policy=policy)
    assert outcome.verdict == "incomplete"
    assert outcome.lacking == ("stamp.rfc3161",)
    assert statuses(outcome, "stamp.rfc3161") == ["unchecked"]


@pytest.mark.parametrize("code", NEVER_WAIVED)
def test_policy_cannot_remove_the_first_four(code: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_policy(f'{{"format": "incident-archive-policy/1", "waive": ["{code}"]}}'.encode())
    assert caught.value.code == "policy.cannot_waive"


def test_policy_may_waive_the_others(desk: Desk) -> None:
    policy = parse_policy(b'{"format": "incident-archive-policy/1", "waive": ["chain.header"]}')
    assert policy.required == tuple(code for code in REQUIRED if code != "chain.header")
    assert desk.verify(desk.publish(), policy=policy, offline=True).verdict == "pass"


def test_bagit_every_bad_file_is_named_not_only_the_first(desk: Desk) -> None:
    published = desk.publish()
    for path in FILES:
        (published.folder / path).write_bytes(b"changed")
    outcome = desk.verify(published)
    assert {c.subject for c in outcome.checks if c.code == "bytes" and c.status == "fail"} == set(FILES)


def test_c2pa_a_withheld_item_shows_nothing_of_what_it_hides(desk: Desk, tmp_path: Path) -> None:
    published = desk.publish(withheld={"evidence/secret-name.csv": b"very secret content"})
    data = published.bundle().to_bytes()
    assert b"very secret" not in data
    assert b"secret-name.csv" not in data
    import hashlib

    assert hashlib.sha256(b"very secret content").hexdigest().encode() not in data


def test_ipfs_users_a_store_that_says_it_has_it_proves_nothing(desk: Desk) -> None:
    """`has` is True, the bytes are gone: the files are fetched or not verified."""
    published = desk.publish()
    store = published.store("pinned", down=True)
    assert store.has(published.package.content_id)
    outcome = desk.verify(published, [], stores=[store])
    assert outcome.verdict == "incomplete"
    assert outcome.lacking == ("bytes",)
