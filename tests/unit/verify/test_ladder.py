"""The ladder says of each rung whether it holds and whom one believes, and never more than the checks do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from archive.trust import TrustFile
from archive.verify.checks import unknown_format
from archive.verify.ladder import build_ladder
from archive.verify.outcome import Outcome
from archive.verify.policy import Policy
from archive.verify.report import to_json, to_text
from tests.unit.verify.simulator import FILES, Chain, Desk

NAMES = ["bytes", "package", "inclusion", "registry", "origin", "chain", "final", "clocks"]


def rungs(outcome: Outcome) -> dict[str, str]:
    return {rung.name: rung.status for rung in build_ladder(outcome)}


def depends_on(outcome: Outcome, name: str) -> str:
    return next(rung.depends_on for rung in build_ladder(outcome) if rung.name == name)


def test_all_rungs_in_order_when_all_holds(desk: Desk) -> None:
    outcome = desk.verify(desk.publish())
    assert list(rungs(outcome)) == NAMES
    assert rungs(outcome) == {**dict.fromkeys(NAMES, "pass"), "clocks": "unchecked"}


def test_offline_leaves_the_chain_and_what_is_above_it(desk: Desk) -> None:
    found = rungs(desk.verify(desk.publish(), offline=True))
    assert [name for name, status in found.items() if status == "unchecked"] == ["chain", "final", "clocks"]


def test_a_flipped_byte_breaks_the_lowest_rung_only(desk: Desk) -> None:
    made = desk.publish()
    path = made.folder / "evidence/prices.csv"
    path.write_bytes(FILES["evidence/prices.csv"].replace(b"0.10", b"0.11"))
    found = rungs(desk.verify(made))
    assert [name for name, status in found.items() if status == "fail"] == ["bytes"]


@pytest.mark.parametrize(
    ("lies", "rung"),
    [
        ({"address_of_log": "0x" + "de" * 20}, "inclusion"),
        ({"status": 0}, "inclusion"),
        ({"publisher": "0x" + "de" * 20}, "origin"),
    ],
)
def test_a_broken_anchor_breaks_its_rung(desk: Desk, lies: dict[str, Any], rung: str) -> None:
    assert rungs(desk.verify(desk.publish(anchor=lies)))[rung] == "fail"


def test_unknown_registry_and_key_leave_their_rungs_open(desk: Desk) -> None:
    found = rungs(desk.verify(desk.publish(), trust=TrustFile()))
    assert (found["registry"], found["origin"], found["inclusion"]) == ("unchecked", "unchecked", "pass")


def test_the_chain_leg_is_graded(desk: Desk) -> None:
    made = desk.publish()
    one = desk.verify(made, nodes=[made.chain.node("a.example")])
    assert "one RPC, its word alone" in depends_on(one, "chain")
    nodes = [made.chain.node(f"{n}.example", down=n == 0) for n in range(3)]
    several = desk.verify(made, nodes=nodes)
    assert "k of n RPCs: 2 of 3 of different hosts agree, 2 needed" in depends_on(several, "chain")
    short = desk.verify(made, nodes=nodes, quorum=3)
    assert rungs(short)["chain"] == "unchecked"
    assert "too few agreed" in depends_on(short, "chain")


def test_two_urls_of_one_host_are_graded_as_one_rpc(desk: Desk) -> None:
    made = desk.publish()
    nodes = [replace(made.chain.node(f"a.example ({n})"), place="a.example") for n in range(2)]
    assert "one RPC" in depends_on(desk.verify(made, nodes=nodes), "chain")


def test_a_young_anchor_is_said_to_be_not_final(desk: Desk) -> None:
    made = desk.publish()
    outcome = desk.verify(made, nodes=[made.chain.node(more=2)])
    assert rungs(outcome)["final"] == "unchecked"
    assert "it is anchored, not final (3 of 12 confirmations)" in " ".join(to_text(outcome, None).split())


def test_a_private_chain_proves_no_time_on_its_rung(desk: Desk) -> None:
    outcome = desk.verify(desk.publish(), chains={97: _other_name()})
    assert "its clock proves no time" in depends_on(outcome, "chain")


def test_rungs_are_of_one_anchor_and_not_pieced_together(desk: Desk) -> None:
    """One anchor in a trusted registry whose block nobody knows, one known block in an unknown registry."""
    made = desk.publish()
    elsewhere = desk.publish(chain=Chain(genesis="0x" + "99" * 32))
    both = replace(made, anchors=[*made.anchors, *elsewhere.anchors])
    trust = TrustFile(elsewhere.trust.registries, made.trust.publishers)
    outcome = desk.verify(both, trust=trust, nodes=[made.chain.node()])
    found = rungs(outcome)
    assert {found["registry"], found["chain"]} == {"pass", "unchecked"}


def test_the_json_holds_the_ladder(desk: Desk) -> None:
    made = desk.publish()
    report = to_json(desk.verify(made, nodes=[made.chain.node(f"{n}.example") for n in range(3)]), None)
    assert [rung["rung"] for rung in report["ladder"]] == NAMES
    assert all(set(r) == {"rung", "status", "says", "depends_on", "trust", "checks"} for r in report["ladder"])
    assert next(r for r in report["ladder"] if r["rung"] == "chain")["trust"] == "rpcs"
    assert report["anchors"][0]["nodes"] == {"agreed": 3, "asked": 3, "needed": 2}
    codes = {check["code"] for check in report["checks"]} | {"time.stamps"}
    assert {code for rung in report["ladder"] for code in rung["checks"]} <= codes


def test_an_unknown_format_has_a_ladder_without_a_rung_that_holds() -> None:
    outcome = unknown_format("bundle.unknown_format", "of a later version", Policy())
    assert set(rungs(outcome).values()) == {"unchecked"}


def test_the_threat_model_names_only_rungs_and_checks_that_there_are() -> None:
    """docs/threat-model.md says which rung stops whom: each of those must exist."""
    import re

    root = Path(__file__).resolve().parents[3]
    page = (root / "docs/threat-model.md").read_text(encoding="utf-8")
    named = set(re.findall(r"rung `([a-z]+)`", page))
    assert named == set(NAMES)
    source = "".join(p.read_text(encoding="utf-8") for p in (root / "archive").rglob("*.py"))
    codes = set(re.findall(r"check `([a-z_]+(?:\.[a-z_]+)*)`", page))
    assert codes
    assert {code for code in codes if f'"{code}"' not in source} == set()


def _other_name() -> Any:
    from archive.verify.nodes import KnownChain

    return KnownChain("private", "0x" + "77" * 32, 1)


def test_a_broken_anchor_before_a_good_one_does_not_take_its_grade(desk: Desk) -> None:
    published = desk.publish()
    (good,) = published.anchors
    published.anchors = [{**good, "log_index": 3}, good]
    rung = next(rung for rung in build_ladder(desk.verify(published)) if rung.name == "chain")
    assert (rung.status, rung.trust) == ("pass", "rpc")


def test_the_code_of_another_anchors_registry_is_not_told_as_this_ones(desk: Desk) -> None:
    outcome = desk.verify(desk.publish())
    elsewhere = tuple(replace(c, anchor=1) if c.code == "chain.code" else c for c in outcome.checks)
    assert "its code was told by RPC nodes" in depends_on(outcome, "registry")
    assert "its code was not compared" in depends_on(replace(outcome, checks=elsewhere), "registry")
