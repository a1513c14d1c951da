"""The table of verdicts in the design, section Verifying: each row is at least one test."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import pytest

from archive.trust import TrustFile
from archive.verify.nodes import KnownChain
from archive.verify.report import closing
from archive.workspace import Workspace
from tests.unit.verify.simulator import (
    FILES,
    STRANGER,
    Chain,
    Desk,
    Publication,
    catalogue_entry,
    evidence_item,
    failed,
    statuses,
    write_catalogue,
)


def note(outcome, code: str) -> str:
    return " ".join(c.note or "" for c in outcome.checks if c.code == code)


# --- all files, trusted registry and publisher, header agreed by RPC: pass, 0


def test_all_files_trusted_registry_and_publisher_header_agreed_is_pass(desk: Desk) -> None:
    outcome = desk.verify(desk.publish())
    assert outcome.verdict == "pass"
    assert failed(outcome) == set()
    assert outcome.lacking == ()
    assert statuses(outcome, "package.complete") == ["pass"]
    assert any("existed no later than 2025-10-11" in text for text in closing(outcome))


# --- some of the files given: those pass, package.complete unchecked, verdict by the rest


def test_some_of_the_files_pass_and_package_is_not_complete(desk: Desk) -> None:
    published = desk.publish()
    outcome = desk.verify(published, [published.folder / "evidence/prices.csv"])
    assert outcome.verdict == "pass"
    assert statuses(outcome, "package.complete") == ["unchecked"]
    assert {c.subject for c in outcome.checks if c.code == "package.missing"} == {
        "evidence/large.bin",
        "evidence/log.txt",
    }
    assert any("2 of 3 evidence files, which were not there" in text for text in closing(outcome))


def test_no_file_at_all_leaves_bytes_unchecked(desk: Desk) -> None:
    outcome = desk.verify(desk.publish(), [])
    assert outcome.verdict == "incomplete"
    assert outcome.lacking == ("bytes",)


# --- publisher unknown to the trust file: incomplete, the key and how to add it are shown


def test_unknown_publisher_is_incomplete_and_shows_how_to_add_the_key(desk: Desk) -> None:
    published = desk.publish()
    outcome = desk.verify(published, trust=TrustFile(published.trust.registries))
    assert outcome.verdict == "incomplete"
    assert outcome.lacking == ("origin.trusted",)
    key = published.package.header.publisher
    assert f"archive trust add publisher {key} --name" in note(outcome, "origin.trusted")


# --- registry not in the trust file: incomplete


def test_unknown_registry_is_incomplete(desk: Desk) -> None:
    published = desk.publish()
    outcome = desk.verify(published, trust=TrustFile((), published.trust.publishers))
    assert outcome.verdict == "incomplete"
    assert outcome.lacking == ("anchor.registry",)
    assert "archive trust add registry" in note(outcome, "anchor.registry")


def test_lookalike_event_of_another_contract_fails_as_not_the_registry(desk: Desk) -> None:
    outcome = desk.verify(desk.publish(anchor={"address_of_log": "0x" + "de" * 20}))
    assert outcome.verdict == "fail"
    assert "anchor.log_address" in failed(outcome)


# --- --offline: incomplete, bytes and inclusion hold, header unchecked


def test_offline_is_incomplete_and_header_is_unchecked(desk: Desk) -> None:
    outcome = desk.verify(desk.publish(), offline=True)
    assert outcome.verdict == "incomplete"
    assert outcome.lacking == ("chain.header",)
    for code in ("bytes", "merkle", "content_id", "anchor.log", "origin.publisher"):
        assert set(statuses(outcome, code)) == {"pass"}, code
    assert statuses(outcome, "history.current") == ["unchecked"]


# --- embedded chain: pass in its own workspace and says that time is not proved; elsewhere incomplete


def _workspace_publication(desk: Desk, tmp_path: Path) -> tuple[Publication, Workspace]:
    import sqlite3

    from archive.chain import codec
    from archive.chain.local_headers import database_path

    genesis = desk.chain.header(0, bytes(32), bytes(32))
    desk.chain = Chain(chain_id=4800817, genesis=codec.to_hex(codec.keccak(genesis)))
    published = desk.publish()
    workspace = Workspace(tmp_path / "own")
    path = database_path(workspace)
    path.parent.mkdir(parents=True)
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE headers (number INTEGER PRIMARY KEY, hash BLOB, header BLOB)")
        rows = [(0, b"", genesis), *((n, b"", h) for n, h in desk.chain.blocks.items())]
        db.executemany("INSERT INTO headers VALUES (?, ?, ?)", rows)
    own = replace(published.trust.registries[0], workspace_chain=True)
    return replace(published, trust=TrustFile((own,), published.trust.publishers)), workspace


def test_embedded_chain_in_its_own_workspace_is_pass_and_says_time_is_not_proved(desk: Desk, tmp_path: Path) -> None:
    published, workspace = _workspace_publication(desk, tmp_path)
    outcome = desk.verify(published, offline=True, workspace=workspace)
    assert outcome.verdict == "pass"
    assert any("time is not proved" in text for text in closing(outcome))
    assert not any("no later than" in text for text in closing(outcome))


def test_embedded_chain_in_an_empty_workspace_is_incomplete(desk: Desk, tmp_path: Path) -> None:
    published, _ = _workspace_publication(desk, tmp_path)
    outcome = desk.verify(published, trust=TrustFile(), workspace=Workspace(tmp_path / "other"), nodes=[])
    assert outcome.verdict == "incomplete"
    assert set(outcome.lacking) == {"anchor.registry", "chain.header", "origin.trusted"}


def test_embedded_chain_copied_trust_file_is_still_incomplete_elsewhere(desk: Desk, tmp_path: Path) -> None:
    published, _ = _workspace_publication(desk, tmp_path)
    outcome = desk.verify(published, workspace=Workspace(tmp_path / "other"), nodes=[])
    assert outcome.verdict == "incomplete"
    assert outcome.lacking == ("chain.header",)


def test_embedded_chain_with_another_header_at_that_height_fails(desk: Desk, tmp_path: Path) -> None:
    import sqlite3

    from archive.chain.local_headers import database_path

    published, workspace = _workspace_publication(desk, tmp_path)
    with sqlite3.connect(database_path(workspace)) as db:
        db.execute("UPDATE headers SET header = ? WHERE number > 0", (desk.chain.header(1, bytes(32), bytes(32)),))
    outcome = desk.verify(published, offline=True, workspace=workspace)
    assert outcome.verdict == "fail"
    assert failed(outcome) == {"chain.header"}


def test_private_chain_agreed_by_its_node_says_time_is_not_proved(desk: Desk) -> None:
    published = desk.publish()
    outcome = desk.verify(published, chains={97: KnownChain("anvil", None)})
    assert outcome.verdict == "pass"
    assert any("time is not proved" in text for text in closing(outcome))


def test_time_on_a_chain_nobody_named_is_told_with_a_condition(desk: Desk) -> None:
    outcome = desk.verify(desk.publish(), chains={})
    assert outcome.verdict == "pass"
    assert any("if that is a public chain" in text for text in closing(outcome))


# --- chain of the same id but other genesis: chain.other_history unchecked, never fail


def test_reset_testnet_told_by_the_node_is_other_history_never_fail(desk: Desk) -> None:
    published = desk.publish()
    outcome = desk.verify(published, nodes=[published.chain.node(genesis="0x" + "77" * 32)])
    assert outcome.verdict == "incomplete"
    assert failed(outcome) == set()
    assert statuses(outcome, "chain.other_history") == ["unchecked"]
    assert statuses(outcome, "chain.header") == ["unchecked"]


def test_reset_testnet_told_by_the_trust_file_is_other_history_never_fail(desk: Desk) -> None:
    published = desk.publish()
    registry = replace(published.trust.registries[0], genesis="0x" + "77" * 32)
    outcome = desk.verify(published, trust=TrustFile((registry,), published.trust.publishers), offline=True)
    assert outcome.verdict == "incomplete"
    assert failed(outcome) == set()
    assert statuses(outcome, "chain.other_history") == ["unchecked"]
    assert "anchor.registry" in outcome.lacking


# --- superseded: verifies and says so; offline history.current is unchecked


def test_superseded_revision_verifies_and_says_so(desk: Desk) -> None:
    first = desk.publish()
    desk.publish(revision=2, previous=first.package.root)
    outcome = desk.verify(first)
    assert outcome.verdict == "pass"
    assert statuses(outcome, "history.superseded") == ["unchecked"]
    assert statuses(outcome, "history.current") == ["unchecked"]
    assert any("later revision" in text for text in closing(outcome))


def test_newest_revision_is_current(desk: Desk) -> None:
    first = desk.publish()
    second = desk.publish(revision=2, previous=first.package.root)
    outcome = desk.verify(second)
    assert outcome.verdict == "pass"
    assert statuses(outcome, "history.current") == ["pass"]


# --- publisher of the anchor is not the header's publisher; two roots claim one revision: fail, 1


def test_anchor_by_another_key_than_the_header_names_fails(desk: Desk) -> None:
    published = desk.publish(key=STRANGER, names_publisher="0x" + "ab" * 20)
    outcome = desk.verify(published)
    assert outcome.verdict == "fail"
    assert failed(outcome) == {"origin.publisher"}


def test_package_that_names_no_publisher_is_incomplete(desk: Desk) -> None:
    outcome = desk.verify(desk.publish(names_publisher=None))
    assert outcome.verdict == "incomplete"
    assert outcome.lacking == ("origin.publisher",)


def test_two_roots_for_one_revision_fail_when_the_other_bundle_is_given(desk: Desk, tmp_path: Path) -> None:
    first = desk.publish()
    other = desk.publish({"evidence/prices.csv": b"another story\n"})
    beside = other.write_bundle(tmp_path / "other.proof.json")
    outcome = desk.verify(first, [first.folder, beside])
    assert outcome.verdict == "fail"
    assert failed(outcome) == {"history.two_roots"}


def test_two_roots_for_one_revision_fail_when_the_signed_catalogue_says_so(desk: Desk, tmp_path: Path) -> None:
    first = desk.publish()
    workspace = Workspace(tmp_path / "space")
    write_catalogue(workspace, catalogue_entry(first, root="66" * 32))
    outcome = desk.verify(first, workspace=workspace)
    assert outcome.verdict == "fail"
    assert failed(outcome) == {"history.two_roots"}


def test_altered_bundle_accuses_nobody_of_two_roots(desk: Desk, tmp_path: Path) -> None:
    """The publisher's own catalogue has the true root: what somebody made of the bundle is no second publication."""
    published = desk.publish()
    workspace = Workspace(tmp_path / "space")
    write_catalogue(workspace, catalogue_entry(published))
    changed = [{**entry, "size": 1} if entry["type"] == "evidence" else entry for entry in published.bundle().entries]
    outcome = desk.verify(published, bundle={"entries": tuple(changed)}, workspace=workspace)
    assert outcome.verdict == "fail"
    assert "merkle" in failed(outcome)
    assert "history.two_roots" not in failed(outcome)


def test_package_anchored_under_anothers_name_accuses_nobody_of_two_roots(desk: Desk, tmp_path: Path) -> None:
    published = desk.publish()
    workspace = Workspace(tmp_path / "space")
    write_catalogue(workspace, catalogue_entry(published))
    forged = desk.publish(
        {"evidence/prices.csv": b"forged\n"}, key=STRANGER, names_publisher=published.package.header.publisher
    )
    outcome = desk.verify(forged, workspace=workspace)
    assert failed(outcome) == {"origin.publisher"}


def test_catalogue_of_somebody_else_accuses_nobody(desk: Desk, tmp_path: Path) -> None:
    first = desk.publish()
    workspace = Workspace(tmp_path / "space")
    write_catalogue(workspace, catalogue_entry(first, root="66" * 32), key=STRANGER)
    assert desk.verify(first, workspace=workspace).verdict == "pass"


def test_later_revision_in_the_catalogue_supersedes_offline_too(desk: Desk, tmp_path: Path) -> None:
    first = desk.publish()
    workspace = Workspace(tmp_path / "space")
    write_catalogue(workspace, catalogue_entry(first, root="66" * 32, revision=2))
    outcome = desk.verify(first, workspace=workspace, offline=True)
    assert statuses(outcome, "history.superseded") == ["unchecked"]
    assert outcome.lacking == ("chain.header",)


def test_another_publishers_package_of_the_same_revision_is_no_conflict(desk: Desk, tmp_path: Path) -> None:
    first = desk.publish()
    other = desk.publish({"evidence/prices.csv": b"another story\n"}, key=STRANGER)
    beside = other.write_bundle(tmp_path / "other.proof.json")
    assert desk.verify(first, [first.folder, beside]).verdict == "pass"


# --- withheld item not revealed, referenced file not given: unchecked, named


def test_withheld_item_is_unchecked_and_named(desk: Desk) -> None:
    published = desk.publish(withheld={"evidence/secret.csv": b"name,account\n"})
    outcome = desk.verify(published)
    assert outcome.verdict == "pass"
    assert statuses(outcome, "withheld:secret-csv") == ["unchecked"]


def test_withheld_file_without_its_reveal_is_not_called_wrong(desk: Desk, tmp_path: Path) -> None:
    """Nothing can tell whether a file that is none of the open ones is the withheld one."""
    published = desk.publish(withheld={"evidence/secret.csv": b"name,account\n"})
    secret = tmp_path / "secret.csv"
    secret.write_bytes(b"name,account\n")
    outcome = desk.verify(published, [published.folder / "evidence", secret])
    assert outcome.verdict == "incomplete"
    assert failed(outcome) == set()
    assert outcome.lacking == ("bytes",)
    assert "only a reveal" in note(outcome, "bytes")


def test_referenced_file_is_unchecked_and_named_until_it_is_given(desk: Desk, tmp_path: Path) -> None:
    import hashlib

    data = b"a long source document"
    reference = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    published = desk.publish(references=[evidence_item("source-one", reference=reference, media_type="text/plain")])
    outcome = desk.verify(published)
    assert outcome.verdict == "pass"
    assert statuses(outcome, "reference:source-one") == ["unchecked"]
    given = tmp_path / "source.txt"
    given.write_bytes(data)
    outcome = desk.verify(published, [published.folder, given])
    assert statuses(outcome, "reference:source-one") == ["pass"]
    assert outcome.verdict == "pass"


# --- file recompressed, renamed, CRLF-converted: by hash where possible; else fail with the likely reason


def test_renamed_file_is_recognised_by_its_hash(desk: Desk, tmp_path: Path) -> None:
    published = desk.publish()
    renamed = tmp_path / "download (3).csv"
    renamed.write_bytes(FILES["evidence/prices.csv"])
    outcome = desk.verify(published, [renamed])
    assert outcome.verdict == "pass"
    assert "recognised by its hash" in note(outcome, "bytes")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (FILES["evidence/prices.csv"].replace(b"\n", b"\r\n"), "line ends were converted"),
        (b"\xef\xbb\xbf" + FILES["evidence/prices.csv"], "byte order mark"),
        (FILES["evidence/prices.csv"][:-1], "line end was added or removed"),
        (gzip.compress(FILES["evidence/prices.csv"], mtime=0), "compressed copy"),
        (b"", "empty"),
        (FILES["evidence/prices.csv"].replace(b"0.10", b"0.11"), "same size, other bytes"),
        (FILES["evidence/prices.csv"] * 2, "re-compressed, re-saved or edited"),
        (FILES["evidence/log.txt"], "these are the bytes of evidence/log.txt"),
    ],
)
def test_changed_file_fails_with_the_likely_reason(desk: Desk, tmp_path: Path, changed: bytes, reason: str) -> None:
    published = desk.publish()
    given = tmp_path / "evidence" / "prices.csv"
    given.parent.mkdir()
    given.write_bytes(changed)
    outcome = desk.verify(published, [given])
    assert outcome.verdict == "fail"
    assert failed(outcome) == {"bytes"}
    assert reason in note(outcome, "bytes")
    assert reason.startswith("these") or "ask for the original" in note(outcome, "bytes")


def test_renamed_and_converted_file_is_still_explained(desk: Desk, tmp_path: Path) -> None:
    published = desk.publish()
    given = tmp_path / "mail-attachment"
    given.write_bytes(FILES["evidence/prices.csv"].replace(b"\n", b"\r\n"))
    outcome = desk.verify(published, [given])
    assert outcome.verdict == "fail"
    assert "line ends were converted" in note(outcome, "bytes")
