"""What a bundle, a node or a mirror can say that is not so, and what the verifier says then."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from archive.chain import registry
from archive.errors import InvalidInputError, UnreachableError, UsageError
from archive.trust import TrustFile
from archive.verify import report
from archive.verify.checks import judge
from archive.verify.gather import Sources, Target, gather, parse_target
from archive.verify.ladder import build_ladder
from archive.verify.policy import Policy, parse_policy
from archive.workspace import Workspace
from tests.unit.verify.simulator import (
    FILES,
    INCIDENT,
    KEY,
    STRANGER,
    Chain,
    Desk,
    Publication,
    address,
    catalogue_entry,
    failed,
    statuses,
    write_catalogue,
)


def details(outcome: Any, code: str) -> str:
    return " ".join(f"{c.subject} {c.found} {c.note}" for c in outcome.checks if c.code == code)


# --- the bundle's entries


def test_leaf_count_lies(desk: Desk) -> None:
    published = desk.publish()
    entries = [dict(e) for e in published.bundle().entries]
    entries[0]["leaf_count"] += 1
    outcome = desk.verify(published, bundle={"entries": tuple(entries)})
    assert outcome.verdict == "fail"
    assert "manifest.leaf_count" in details(outcome, "merkle")


def test_order_of_leaves_lies(desk: Desk) -> None:
    published = desk.publish()
    entries = list(published.bundle().entries)
    entries[2], entries[3] = entries[3], entries[2]
    outcome = desk.verify(published, bundle={"entries": tuple(entries)})
    assert outcome.verdict == "fail"
    assert {"merkle", "content_id", "anchor.log"} <= failed(outcome)


def test_all_problems_are_listed_not_only_the_first(desk: Desk) -> None:
    published = desk.publish()
    entries = [dict(e) for e in published.bundle().entries]
    entries[2]["size"] = -1
    entries[3]["sha256"] = "zz"
    outcome = desk.verify(published, bundle={"entries": tuple(entries), "root": "00" * 32})
    assert [c.subject for c in outcome.checks if c.code == "merkle" and c.status == "fail"] == [
        "entry 2",
        "entry 3",
        "root",
    ]


def test_root_of_another_package(desk: Desk) -> None:
    published = desk.publish()
    outcome = desk.verify(published, bundle={"root": "ab" * 32})
    assert outcome.verdict == "fail"
    assert failed(outcome) == {"merkle"}


def test_directory_listing_that_names_other_bytes(desk: Desk) -> None:
    published = desk.publish()
    links = list(published.bundle().directory)
    links[0] = replace(links[0], cid=links[1].cid)
    outcome = desk.verify(published, bundle={"directory": tuple(links)})
    assert outcome.verdict == "fail"
    assert "content_id" in failed(outcome)


def test_directory_listing_of_a_large_file_is_held_against_the_file(desk: Desk) -> None:
    from archive.package import unixfs

    published = desk.publish()
    links = list(published.bundle().directory)
    at = next(i for i, link in enumerate(links) if link.path == "evidence/large.bin")
    links[at] = replace(links[at], cid="bafybeie5nqv6kd3qnfjupgvz34woh3oksc3iau6abmyajn7qvtf6d2ho34")
    lied = unixfs.directory({link.path: (link.cid, link.tsize) for link in links}).cid
    outcome = desk.verify(published, bundle={"directory": tuple(links), "content_id": lied})
    assert {"content_id", "anchor.log"} <= failed(outcome)


@pytest.mark.parametrize("change", ["missing", "surplus"])
def test_directory_listing_with_other_files(desk: Desk, change: str) -> None:
    published = desk.publish()
    links = list(published.bundle().directory)
    if change == "missing":
        links.pop(0)
    else:
        links.append(replace(links[0], path="zzz"))
    outcome = desk.verify(published, bundle={"directory": tuple(links)})
    assert outcome.verdict == "fail"
    assert "content_id" in failed(outcome)


def test_record_of_another_package(desk: Desk) -> None:
    published = desk.publish()
    record = {**(published.bundle().record or {}), "summary": {"en": "Another story.", "zh-Hans": "另一个说法"}}
    outcome = desk.verify(published, bundle={"record": record})
    assert outcome.verdict == "fail"
    assert {"bytes", "content_id"} <= failed(outcome)


def test_a_bundle_without_record_takes_a_given_one(desk: Desk, tmp_path: Path) -> None:
    published = desk.publish()
    (published.folder / "record.json").write_bytes(published.package.record_json)
    outcome = desk.verify(published, bundle={"record": None})
    assert outcome.verdict == "pass"
    assert statuses(outcome, "record.valid") == ["pass"]
    (published.folder / "record.json").unlink()
    outcome = desk.verify(published, bundle={"record": None})
    assert statuses(outcome, "record.valid") == ["unchecked"]
    assert statuses(outcome, "package.complete") == ["unchecked"]
    assert [c.subject for c in outcome.checks if c.code == "package.missing"] == ["record.json"]


# --- what a later version may have added


def test_unknown_entry_type_is_unchecked_and_never_pass(desk: Desk) -> None:
    from archive.package import canonical, merkle

    published = desk.publish()
    entries = [*published.bundle().entries, {"type": "hologram", "id": "x"}]
    entries[0] = {**entries[0], "leaf_count": len(entries)}
    root = merkle.merkle_root([merkle.leaf_hash(canonical.dumps(e)) for e in entries]).hex()
    outcome = desk.verify(published, bundle={"entries": tuple(entries), "root": root})
    assert statuses(outcome, "package.unknown_entry") == ["unchecked"]
    assert statuses(outcome, "merkle") == ["pass"]
    assert outcome.verdict == "fail"  # the anchor is of the package without it


def test_unknown_entry_alone_keeps_the_verdict_incomplete(desk: Desk) -> None:
    published = desk.publish()
    facts = _facts(desk, published)
    entries = [*facts.bundle.entries, {"type": "hologram", "id": "x"}]
    outcome = judge(replace(facts, bundle=_reanchored(desk, facts.bundle, entries)), Policy())
    assert failed(outcome) == set()
    assert outcome.verdict == "incomplete"
    assert statuses(outcome, "package.unknown_entry") == ["unchecked"]


def test_unknown_package_format_leaves_everything_unchecked(desk: Desk) -> None:
    published = desk.publish()
    entries = [dict(e) for e in published.bundle().entries]
    entries[0]["format"] = "incident-archive/2"
    outcome = desk.verify(published, bundle={"entries": tuple(entries)})
    assert outcome.verdict == "incomplete"
    for code in ("bytes", "merkle", "content_id", "anchor.log"):
        assert set(statuses(outcome, code)) == {"unchecked"}, code


def test_unknown_anchor_kind_and_key_are_unchecked(desk: Desk) -> None:
    published = desk.publish()
    known = published.anchors[0]
    for anchors in ([{"kind": "hologram"}], [{**known, "hologram": {}}]):
        outcome = desk.verify(replace(published, anchors=anchors))
        assert outcome.verdict == "incomplete"
        assert statuses(outcome, "anchor.unknown") == ["unchecked"]
        assert statuses(outcome, "anchor.log") == ["unchecked"]
    outcome = desk.verify(replace(published, anchors=[known, {"kind": "hologram"}]))
    assert outcome.verdict == "pass"
    assert statuses(outcome, "anchor.unknown") == ["unchecked"]


def test_unknown_stamp_and_schema_version_are_unchecked(desk: Desk) -> None:
    published = desk.publish()
    outcome = desk.verify(published, bundle={"stamps": ({"kind": "sundial"},)})
    assert statuses(outcome, "stamp.unknown") == ["unchecked"]
    record = {**(published.bundle().record or {}), "schema_version": "9"}
    outcome = desk.verify(published, bundle={"record": record})
    assert statuses(outcome, "record.valid") == ["unchecked"]


# --- the anchor


def test_no_anchor_lists_every_required_check(desk: Desk) -> None:
    outcome = desk.verify(replace(desk.publish(), anchors=[]))
    assert outcome.verdict == "incomplete"
    for code in ("anchor.log", "anchor.registry", "chain.header", "origin.publisher", "origin.trusted"):
        assert statuses(outcome, code) == ["unchecked"]
        assert code in outcome.lacking


def test_proof_of_another_root(desk: Desk) -> None:
    first, other = desk.publish(), desk.publish({"evidence/prices.csv": b"x\n"})
    outcome = desk.verify(replace(first, anchors=other.anchors))
    assert outcome.verdict == "fail"
    assert failed(outcome) == {"anchor.log"}
    wrong = {c.subject.rpartition(": ")[2] for c in outcome.checks if c.code == "anchor.log"}
    assert wrong == {"root", "content digest"}


def test_anchor_of_another_incident_or_another_predecessor(desk: Desk) -> None:
    published = desk.publish()
    right = registry.AnchorCall(
        registry.incident_key(INCIDENT),
        bytes.fromhex(published.package.root),
        bytes(32),
        published.package.content_digest,
    )
    for call in (replace(right, incident=registry.incident_key("other")), replace(right, previous=b"\x01" * 32)):
        desk.chain.heads.clear()
        outcome = desk.verify(replace(published, anchors=[desk.chain.anchor(call)]))
        assert failed(outcome) == {"anchor.log"}


def test_another_chains_anchor_is_not_taken_for_ours(desk: Desk) -> None:
    published = desk.publish(chain=Chain(chain_id=31337, genesis="0x" + "55" * 32))
    outcome = desk.verify(published, trust=desk.trust(Chain()), nodes=[Chain().node()])
    assert outcome.verdict == "incomplete"
    assert {"anchor.registry", "chain.header"} <= set(outcome.lacking)


def test_chain_id_relabelled(desk: Desk) -> None:
    published = desk.publish(chain=Chain(chain_id=31337))
    anchors = [{**published.anchors[0], "chain_id": 97}]
    outcome = desk.verify(replace(published, anchors=anchors), trust=desk.trust(Chain()))
    assert failed(outcome) == {"anchor.tx_chain_id"}


def test_receipt_of_a_failed_transaction(desk: Desk) -> None:
    outcome = desk.verify(desk.publish(anchor={"status": 0}))
    assert outcome.verdict == "fail"
    assert failed(outcome) == {"anchor.receipt_failed"}


def test_event_that_names_another_publisher_than_the_signer(desk: Desk) -> None:
    victim = "0x" + "ab" * 20
    published = desk.publish(key=STRANGER, names_publisher=victim, anchor={"publisher": victim})
    outcome = desk.verify(published)
    assert failed(outcome) == {"anchor.sender"}


def test_two_anchors_are_not_pieced_together(desk: Desk) -> None:
    """One anchor has a trusted registry and no agreed header, the other the reverse: neither is enough."""
    published = desk.publish()
    elsewhere = Chain(chain_id=56, genesis="0x" + "56" * 32)
    call = registry.AnchorCall.decode(
        registry.AnchorCall(
            registry.incident_key(INCIDENT),
            bytes.fromhex(published.package.root),
            bytes(32),
            published.package.content_digest,
        ).encode()
    )
    assert call is not None
    both = replace(published, anchors=[*published.anchors, elsewhere.anchor(call)])
    outcome = desk.verify(both, nodes=[])
    assert statuses(outcome, "anchor.registry") == ["pass", "unchecked"]
    assert statuses(outcome, "chain.header") == ["unchecked", "unchecked"]
    node = elsewhere.node()
    outcome = desk.verify(both, nodes=[node])
    assert statuses(outcome, "chain.header") == ["unchecked", "pass"]
    assert outcome.verdict == "incomplete"
    assert len(outcome.lacking) == 1
    assert desk.verify(both, nodes=[node, desk.chain.node()]).verdict == "pass"


# --- nodes


def test_node_with_another_block_at_that_height_fails_and_is_named(desk: Desk) -> None:
    published = desk.publish()
    outcome = desk.verify(published, nodes=[published.chain.node("liar.example", other_hash=True)])
    assert outcome.verdict == "fail"
    assert failed(outcome) == {"chain.header"}
    assert "liar.example" in details(outcome, "chain.header")


def test_nodes_that_disagree_are_named_and_leave_it_unchecked(desk: Desk) -> None:
    published = desk.publish()
    nodes = [published.chain.node("honest.example"), published.chain.node("liar.example", other_hash=True)]
    for order in (nodes, nodes[::-1]):
        outcome = desk.verify(published, nodes=order)
        assert outcome.verdict == "incomplete"
        assert "honest.example" in details(outcome, "chain.header")
        assert "liar.example" in details(outcome, "chain.header")


def test_unreachable_node_leaves_its_checks_unchecked(desk: Desk) -> None:
    published = desk.publish()
    outcome = desk.verify(published, nodes=[published.chain.node(down=True)])
    assert outcome.verdict == "incomplete"
    assert statuses(outcome, "chain.header") == ["unchecked"]
    assert failed(outcome) == set()
    nodes = [published.chain.node("down.example", down=True), published.chain.node()]
    assert desk.verify(published, nodes=nodes).verdict == "pass"


def test_node_of_another_chain_is_named(desk: Desk) -> None:
    published = desk.publish()
    node = replace(published.chain.node("other.example", chain_id=1), chain_id=None)
    outcome = desk.verify(published, nodes=[node])
    assert outcome.verdict == "incomplete"
    assert "other.example is on another chain (chain 1)" in details(outcome, "chain.header")


def test_block_that_the_node_does_not_have(desk: Desk) -> None:
    published = desk.publish()
    outcome = desk.verify(published, nodes=[Chain().node()])
    assert outcome.verdict == "incomplete"
    assert "has no block at height" in details(outcome, "chain.header")


def test_other_code_at_the_registrys_address_fails(desk: Desk) -> None:
    published = desk.publish()
    outcome = desk.verify(published, nodes=[published.chain.node(code=b"\x00")])
    assert failed(outcome) == {"chain.code"}


# --- stores


def test_files_are_fetched_when_none_are_given(desk: Desk) -> None:
    published = desk.publish()
    outcome = desk.verify(published, [], stores=[published.store()])
    assert outcome.verdict == "pass"
    assert statuses(outcome, "package.complete") == ["pass"]
    assert statuses(outcome, "availability") == ["pass"]


def test_one_lying_mirror_is_named_and_another_is_asked(desk: Desk) -> None:
    published = desk.publish()
    liar = published.store("liar", lie=lambda car: car[:-1] + bytes([car[-1] ^ 1]))
    outcome = desk.verify(published, [], stores=[liar, published.store("honest")])
    assert outcome.verdict == "pass"
    told = {c.subject: (c.status, c.found) for c in outcome.checks if c.code == "availability"}
    assert told["honest"] == ("pass", "good")
    assert told["liar"][0] == "unchecked"
    assert str(told["liar"][1]).startswith("wrong")


def test_mirror_that_sends_another_package_is_a_mismatch_not_a_network_problem(desk: Desk) -> None:
    published, other = desk.publish(), desk.publish({"evidence/prices.csv": b"x\n"})
    swapped = published.store("swapped", lie=lambda car: other.car())
    outcome = desk.verify(published, [], stores=[swapped])
    assert outcome.verdict == "fail"
    assert failed(outcome) == {"bytes"}
    assert "swapped" in details(outcome, "bytes")


def test_stores_that_are_down_or_empty_leave_bytes_unchecked(desk: Desk) -> None:
    published = desk.publish()
    empty = replace(published.store("empty"), cars={})
    outcome = desk.verify(published, [], stores=[published.store("down", down=True), empty])
    assert outcome.verdict == "incomplete"
    assert outcome.lacking == ("bytes",)
    found = {c.subject: str(c.found) for c in outcome.checks if c.code == "availability"}
    assert found["down"].startswith("unreachable")
    assert found["empty"].startswith("absent")


# --- files


def test_car_as_the_files(desk: Desk, tmp_path: Path) -> None:
    published = desk.publish()
    car = tmp_path / "package.car"
    car.write_bytes(published.car())
    assert desk.verify(published, [car]).verdict == "pass"
    car.write_bytes(published.car()[:-10])
    outcome = desk.verify(published, [car])
    assert outcome.verdict == "fail"
    assert "car." in details(outcome, "bytes")


def test_links_in_a_folder_are_not_followed(desk: Desk) -> None:
    published = desk.publish()
    (published.folder / "evidence" / "link").symlink_to("/etc/passwd")
    outcome = desk.verify(published)
    assert outcome.verdict == "fail"
    assert "verify.not_regular_file" in details(outcome, "bytes")


def test_file_that_is_not_of_the_package_fails_when_named_alone(desk: Desk, tmp_path: Path) -> None:
    published = desk.publish()
    foreign = tmp_path / "holiday.jpg"
    foreign.write_bytes(b"\xff\xd8\xff not evidence")
    outcome = desk.verify(published, [published.folder, foreign])
    assert failed(outcome) == {"bytes"}
    assert "not part of the package" in details(outcome, "bytes")


def test_surplus_file_in_a_package_folder_fails_and_in_any_other_is_named(desk: Desk) -> None:
    published = desk.publish()
    (published.folder / "evidence" / "notes.txt").write_bytes(b"mine")
    outcome = desk.verify(published)
    assert outcome.verdict == "pass"
    assert statuses(outcome, "package.unlisted") == ["unchecked"]
    (published.folder / "manifest.json").write_bytes(published.package.manifest_json)
    (published.folder / ".DS_Store").write_bytes(b"litter")
    outcome = desk.verify(published)
    assert outcome.verdict == "fail"
    assert sorted(statuses(outcome, "package.unlisted")) == ["fail", "unchecked"]


def test_two_entries_with_equal_bytes_need_two_files(desk: Desk, tmp_path: Path) -> None:
    published = desk.publish({"evidence/a.csv": b"same\n", "evidence/b.csv": b"same\n"})
    one = tmp_path / "copy"
    one.write_bytes(b"same\n")
    outcome = desk.verify(published, [one])
    assert statuses(outcome, "package.complete") == ["unchecked"]
    two = tmp_path / "copy2"
    two.write_bytes(b"same\n")
    outcome = desk.verify(published, [one, two])
    assert statuses(outcome, "package.complete") == ["pass"]


def test_file_that_cannot_be_read_is_unchecked_not_wrong(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from archive.package import hashing

    published = desk.publish()
    real = hashing.digest_files

    def one(path: Path, **_: Any) -> Any:
        if path.name == "log.txt":
            raise InvalidInputError(f"{path}: permission denied", code="package.unreadable")
        return real([path])[0]

    def many(paths: list[Path], **_: Any) -> Any:
        return [one(path) for path in paths]

    monkeypatch.setattr(hashing, "digest_file", one)
    monkeypatch.setattr(hashing, "digest_files", many)
    outcome = desk.verify(published)
    assert outcome.verdict == "incomplete"
    assert failed(outcome) == set()
    assert sorted(statuses(outcome, "bytes")).count("pass") == 3
    assert "package.unreadable" in details(outcome, "bytes")


def test_single_file_may_be_named_through_a_link(desk: Desk, tmp_path: Path) -> None:
    published = desk.publish()
    link = tmp_path / "evidence" / "prices.csv"
    link.parent.mkdir()
    link.symlink_to(published.folder / "evidence/prices.csv")
    assert desk.verify(published, [link]).verdict == "pass"


def test_linked_folder_is_not_walked_and_not_passed_over(desk: Desk) -> None:
    published = desk.publish()
    (published.folder / "more").symlink_to("/etc")
    outcome = desk.verify(published)
    assert outcome.verdict == "fail"
    assert "verify.not_regular_file" in details(outcome, "bytes")


def test_damaged_bundle_beside_the_files_is_told_and_decides_nothing(desk: Desk) -> None:
    published = desk.publish()
    (published.folder / "other.proof.json").write_bytes(b"{")
    outcome = desk.verify(published)
    assert outcome.verdict == "pass"
    assert statuses(outcome, "history.other_bundle") == ["unchecked"]


def test_more_anchors_than_revisions_means_two_roots_for_one(desk: Desk) -> None:
    """The registry's own count shows it, offline and without the other package."""
    first = desk.publish()
    second = desk.publish(revision=2, previous=first.package.root)
    third = desk.publish({"evidence/prices.csv": b"x\n"}, revision=2, previous=second.package.root)
    outcome = desk.verify(third, offline=True)
    assert failed(outcome) == {"history.two_roots"}


def test_the_count_of_a_registry_that_nobody_trusts_accuses_nobody(desk: Desk) -> None:
    """Anybody can deploy one that tells of any anchor under any number, and put its proof into a good bundle."""
    published = desk.publish()
    package, forger = published.package, Chain(genesis="0x" + "66" * 32)
    call = registry.AnchorCall(
        registry.incident_key(INCIDENT), bytes.fromhex(package.root), bytes(32), package.content_digest
    )
    forger.heads[(address(KEY), call.incident)] = (b"\x01" * 32, 6)
    forged = forger.anchor(call, key=STRANGER, publisher=address(KEY), through="0x" + "99" * 20)
    published.anchors.append(forged)
    outcome = desk.verify(published)
    assert outcome.anchors[1].proven.ordinal == 7
    assert failed(outcome) == set()
    assert outcome.verdict == "pass"


def forged(desk: Desk, published: Publication) -> Publication:
    """The package with one anchor: an event in a stranger's contract that names the publisher, who signed nothing."""
    package = published.package
    call = registry.AnchorCall(
        registry.incident_key(INCIDENT), bytes.fromhex(package.root), bytes(32), package.content_digest
    )
    chain = Chain()
    anchor = chain.anchor(call, key=STRANGER, publisher=address(KEY), through="0x" + "99" * 20)
    return replace(published, chain=chain, anchors=[anchor], trust=replace(published.trust, registries=()))


def test_an_event_of_a_contract_that_nobody_trusts_is_not_the_publishers_word(desk: Desk) -> None:
    made = forged(desk, desk.publish())
    waiving = parse_policy(b'{"format":"incident-archive-policy/1","waive":["anchor.registry"]}')
    for policy in (Policy(), waiving):
        outcome = desk.verify(made, policy=policy)
        assert outcome.verdict == "incomplete"
        assert statuses(outcome, "anchor.log") == statuses(outcome, "chain.header") == ["pass"]
        assert statuses(outcome, "origin.publisher") == ["unchecked"]
        assert {rung.name: rung.status for rung in build_ladder(outcome)}["origin"] == "unchecked"


def test_what_was_proved_does_not_say_that_the_publisher_anchored_it_there(desk: Desk) -> None:
    published = desk.publish()
    outcome = desk.verify(forged(desk, published))
    assert statuses(outcome, "chain.header") == ["pass"]
    told = " ".join(report.closing(outcome))
    assert "It was anchored by a contract that your trust file does not name, in the name of The publisher," in told
    assert "It was anchored by The publisher on" in " ".join(report.closing(desk.verify(published)))


def test_a_forged_event_accuses_nobody_of_two_roots(desk: Desk) -> None:
    """The publisher's own package lies beside one that a stranger made and anchored in its name."""
    own = desk.publish()
    other = forged(desk, desk.publish({"evidence/prices.csv": b"made up\n"}))
    (other.folder / "own.proof.json").write_bytes(own.bundle().to_bytes())
    outcome = desk.verify(other)
    assert "history.two_roots" not in failed(outcome)


@pytest.mark.parametrize("through", ["0x" + "99" * 20, None], ids=["any contract", "the registry, in a made-up block"])
def test_a_forged_bundle_beside_a_good_package_accuses_nobody(desk: Desk, through: str | None) -> None:
    """A stranger adds a bundle of another package, with a block of their own making that names the publisher."""
    own = desk.publish()
    other = desk.publish({"evidence/prices.csv": b"made up\n"})
    call = registry.AnchorCall(
        registry.incident_key(INCIDENT), bytes.fromhex(other.package.root), bytes(32), other.package.content_digest
    )
    anchor = Chain().anchor(call, key=STRANGER, publisher=address(KEY), through=through or "0x" + "98" * 20)
    if through is not None:
        anchor["genesis"] = "0x" + "77" * 32
    beside = replace(other, anchors=[anchor]).bundle()
    (own.folder / "other.proof.json").write_bytes(beside.to_bytes())
    outcome = desk.verify(own)
    assert "history.two_roots" not in failed(outcome)
    assert outcome.verdict == "pass"


@pytest.mark.parametrize("newer", [False, True], ids=["current", "superseded"])
def test_a_contract_that_nobody_trusts_does_not_say_which_revision_is_the_newest(desk: Desk, newer: bool) -> None:
    made = forged(desk, desk.publish())
    if newer:
        (place,) = made.chain.heads
        made.chain.heads[place] = (b"\x77" * 32, 2)
    outcome = desk.verify(made)
    assert statuses(outcome, "history.current") == ["unchecked"]
    assert statuses(outcome, "history.superseded") == []
    assert statuses(desk.verify(desk.publish()), "history.current") == ["pass"]


def test_a_package_that_names_no_publisher_is_retracted_by_who_anchored_it(desk: Desk) -> None:
    """Nobody was asked for before, and that no retraction was found was told as that there is none."""
    made = desk.publish(names_publisher=None)
    assert statuses(desk.verify(made), "history.retracted") == ["pass"]
    made.chain.retract(address(KEY), made.package.root, "misread")
    (check,) = [c for c in desk.verify(made).checks if c.code == "history.retracted"]
    assert check.status == "unchecked"
    assert "RETRACTED by The publisher" in str(check.note)
    assert "succession" not in str(check.note)


@pytest.mark.parametrize("code", ["history.retracted", "history.fork"])
def test_without_any_key_of_a_publisher_nothing_is_said_not_to_be_there(desk: Desk, code: str) -> None:
    made = replace(desk.publish(names_publisher=None), anchors=[])
    (check,) = [c for c in desk.verify(made).checks if c.code == code]
    assert check.status == "unchecked"
    assert "names no publisher" in str(check.note)


def test_a_policys_publisher_is_not_who_a_stranger_names(desk: Desk) -> None:
    listed = {"format": "incident-archive-policy/1", "publishers": [{"address": address(KEY)}]}
    outcome = desk.verify(forged(desk, desk.publish()), policy=parse_policy(json.dumps(listed).encode()))
    assert statuses(outcome, "policy.publisher") == ["unchecked"]


def test_clocks_are_only_of_anchors_of_this_very_package(desk: Desk) -> None:
    """An anchor of another package in the bundle fails, and its block says nothing of this one."""
    made, other = desk.publish(), desk.publish({"evidence/prices.csv": b"x\n"}, revision=2, previous="ab" * 32)
    outcome = desk.verify(replace(made, anchors=other.anchors))
    assert "anchor.log" in failed(outcome)
    assert (outcome.clocks, outcome.interval.no_later) == ((), None)
    assert desk.verify(made).interval.no_later is not None


def test_control_characters_of_others_never_reach_the_terminal(desk: Desk) -> None:
    published = desk.publish()
    evil = "\x1b[2K\x1b[32mPASS\r\u202e"
    facts = replace(_facts(desk, published), target=evil)
    bundle = replace(facts.bundle, anchors=({"kind": evil},), stamps=({"kind": evil},))
    bundle = replace(bundle, record={**(bundle.record or {}), evil: 1, "schema_version": evil})
    text = report.to_text(judge(replace(facts, bundle=bundle), Policy()), facts)
    assert all(c.isprintable() for c in text.replace("\n", ""))
    assert "\\x1b[2K" in text


def test_a_root_written_like_a_transaction_gets_the_hint(desk: Desk) -> None:
    published = desk.publish()
    with pytest.raises(UnreachableError) as caught:
        gather(Target("transaction", "0x" + published.package.root), [], Sources(trust=TrustFile()))
    assert caught.value.code == "verify.not_found"
    assert (caught.value.hint or "").startswith("a root is written without 0x")


# --- the record against the entries


def test_record_that_lists_other_evidence_than_the_package(desk: Desk) -> None:
    published = desk.publish()
    facts = _facts(desk, published)
    record = json.loads(json.dumps(facts.bundle.record))
    record["evidence"][0]["path"] = "evidence/other.csv"
    record["revision"] = 2
    record["id"] = "other"
    outcome = judge(replace(facts, bundle=replace(facts.bundle, record=record)), Policy())
    assert {c.subject for c in outcome.checks if c.code == "record.matches"} >= {"id", "revision", "prices-csv"}


@pytest.mark.parametrize(
    "evidence",
    [None, "text", 7, {"a": 1}, [1, None, "x"], [{"id": {}, "path": []}], [{"commitment": {}, "withheld": 1}]],
)
def test_malformed_evidence_list_in_the_record_is_reported_not_raised(desk: Desk, evidence: Any) -> None:
    facts = _facts(desk, desk.publish())
    record = {**(facts.bundle.record or {}), "evidence": evidence}
    outcome = judge(replace(facts, bundle=replace(facts.bundle, record=record)), Policy())
    assert outcome.verdict == "fail"
    assert "record.valid" in failed(outcome)


# --- targets


def test_targets_are_told_apart_strictly(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published = desk.publish()
    path = published.write_bundle(tmp_path / "x.proof.json")
    assert parse_target(str(path)).kind == "bundle"
    assert parse_target("ab" * 32).kind == "root"
    assert parse_target("0x" + "ab" * 32).kind == "transaction"
    assert parse_target(published.package.content_id).kind == "content_id"
    for text in ("", "AB" * 32, "0x" + "ab" * 20, "ab" * 31, published.package.content_id.upper(), str(tmp_path)):
        with pytest.raises(UsageError) as caught:
            parse_target(text)
        assert caught.value.code == "verify.target"
    monkeypatch.chdir(tmp_path)
    (tmp_path / ("ab" * 32)).write_bytes(b"")
    with pytest.raises(UsageError) as caught:
        parse_target("ab" * 32)
    assert caught.value.code == "verify.ambiguous_target"


def test_content_id_without_bundle_verifies_the_bytes_and_lists_the_rest(desk: Desk) -> None:
    published = desk.publish()
    sources = Sources(trust=published.trust, readers=(published.store(),))  # type: ignore[arg-type]
    target = Target("content_id", published.package.content_id)
    outcome = judge(gather(target, [], sources), Policy())
    assert outcome.verdict == "incomplete"
    assert statuses(outcome, "target") == ["pass"]
    assert set(statuses(outcome, "bytes")) == {"pass"}
    assert "anchor.log" in outcome.lacking


def test_nothing_found_is_incomplete_and_only_lies_is_wrong(desk: Desk) -> None:
    published = desk.publish()
    target = Target("content_id", published.package.content_id)
    with pytest.raises(UnreachableError) as caught:
        gather(target, [], Sources(trust=TrustFile()))
    assert caught.value.code == "verify.not_found"
    liar = published.store("liar", lie=lambda car: car[:-1])
    with pytest.raises(InvalidInputError) as wrong:
        gather(target, [], Sources(trust=TrustFile(), readers=(liar,)))  # type: ignore[arg-type]
    assert wrong.value.code == "verify.wrong_bytes"
    for kind in ("root", "transaction"):
        with pytest.raises(UnreachableError):
            gather(Target(kind, "ab" * 32), [], Sources(trust=published.trust, nodes=(desk.chain.node(),)))


def test_bundle_is_found_through_the_catalogue_and_the_stores_that_do_not_lie(desk: Desk, tmp_path: Path) -> None:
    from archive.package.hashing import digest_bytes

    published = desk.publish()
    data = published.bundle().to_bytes()
    cid = digest_bytes(data).cid
    workspace = Workspace(tmp_path / "space")
    write_catalogue(workspace, catalogue_entry(published, bundle=cid))
    liar = published.store("liar", files={cid: data}, lie=lambda sent: sent.replace(b"97", b"56"))
    honest = published.store("honest", files={cid: data})
    package = published.package
    for kind, text in (
        ("root", package.root),
        ("content_id", package.content_id),
        ("transaction", published.anchors[0]["transaction"]["hash"]),
    ):
        sources = Sources(published.trust, (liar, honest), (desk.chain.node(),), workspace=workspace)  # type: ignore[arg-type]
        outcome = judge(gather(Target(kind, text), [], sources), Policy())  # type: ignore[arg-type]
        assert outcome.verdict == "pass"
        assert statuses(outcome, "target") == ["pass"]


def test_bundle_in_the_workspace_is_found_by_any_of_its_ids(desk: Desk, tmp_path: Path) -> None:
    published = desk.publish()
    workspace = Workspace(tmp_path / "space")
    workspace.bundles.mkdir(parents=True)
    (workspace.bundles / "a-damaged.proof.json").write_bytes(b"{")
    published.write_bundle(workspace.bundles / "b.proof.json")
    sources = Sources(published.trust, nodes=(desk.chain.node(),), workspace=workspace)
    hash_of = published.anchors[0]["transaction"]["hash"]
    for kind, text in (("root", published.package.root), ("transaction", hash_of)):
        outcome = judge(gather(Target(kind, text), [published.folder], sources), Policy())  # type: ignore[arg-type]
        assert outcome.verdict == "pass"


# --- the report


def test_report_is_plain_and_whole(desk: Desk) -> None:
    published = desk.publish(withheld={"evidence/secret.csv": b"x"})
    facts = _facts(desk, published)
    outcome = judge(facts, Policy())
    text = report.to_text(outcome, facts)
    for part in ("Bytes:", "Time:", "Origin:", "Availability:", "Findings:", "PASS", "Proved:", "Not proved:"):
        assert part in text
    assert "No proof here says that what the files claim is true" in " ".join(text.split())
    assert all(len(line) <= 200 for line in text.splitlines())
    data = report.to_json(outcome, facts)
    assert data["verdict"] == "pass"
    assert {"code", "status", "subject", "expected", "found"} <= set(data["checks"][0])
    assert data["anchors"][0]["publisher"] == published.package.header.publisher
    json.dumps(data)


def test_failing_report_names_what_failed_with_both_hashes(desk: Desk, tmp_path: Path) -> None:
    published = desk.publish()
    (published.folder / "evidence/prices.csv").write_bytes(FILES["evidence/prices.csv"] + b"x")
    facts = _facts(desk, published)
    text = report.to_text(judge(facts, Policy()), facts)
    assert "FAIL bytes" in text
    assert "expected" in text
    assert "found" in text
    assert "ask" in text


def _facts(desk: Desk, published: Publication) -> Any:
    path = published.write_bundle(desk.folder / "facts.proof.json")
    sources = Sources(trust=published.trust, nodes=(published.chain.node(),))
    return gather(Target("bundle", str(path)), [published.folder], sources)


def _reanchored(desk: Desk, bundle: Any, entries: list[dict[str, Any]]) -> Any:
    """The bundle of a package with these entries, with listing and anchor that fit."""
    from archive.package import canonical, cid, hashing, merkle, unixfs

    entries[0] = {**entries[0], "leaf_count": len(entries)}
    root = merkle.merkle_root([merkle.leaf_hash(canonical.dumps(e)) for e in entries])
    manifest = hashing.digest_bytes(canonical.dumps({"header": entries[0], "entries": entries[1:]}))
    links = [
        replace(link, cid=manifest.cid, tsize=manifest.tsize) if link.path == "manifest.json" else link
        for link in bundle.directory
    ]
    content_id = unixfs.directory({link.path: (link.cid, link.tsize) for link in links}).cid
    call = registry.AnchorCall(registry.incident_key(INCIDENT), root, bytes(32), cid.content_digest(content_id))
    # The facts' chain answers are by index; this anchor's block is another, so ask for the same height.
    desk.chain.blocks.clear()
    desk.chain.heads.clear()
    anchor = desk.chain.anchor(call, key=KEY)
    return replace(
        bundle,
        root=root.hex(),
        content_id=content_id,
        entries=tuple(entries),
        directory=tuple(links),
        anchors=(anchor,),
    )
