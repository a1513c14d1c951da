"""The state proof in a bundle: the registry's code and entry, offline, under the header the anchor is in."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archive.chain import codec, proofs
from archive.trust import TrustFile
from archive.verify.ladder import build_ladder
from tests.unit.verify.simulator import Desk, Publication, failed, statuses


@pytest.fixture
def made(desk: Desk) -> Publication:
    return desk.publish(anchor={"entry": 0})


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Publication:
    return Desk(Path(tmp_path_factory.mktemp("state"))).publish(anchor={"entry": 0})


def test_code_and_entry_are_proven_without_a_node(desk: Desk, made: Publication) -> None:
    outcome = desk.verify(made, offline=True)
    assert outcome.verdict == "incomplete"
    assert outcome.lacking == ("chain.header",)
    for code in ("anchor.state_account", "anchor.state_slot", "anchor.state_entry", "chain.code"):
        assert statuses(outcome, code) == ["pass"], code
    rung = next(rung for rung in build_ladder(outcome) if rung.name == "registry")
    assert (rung.status, "told by the state proof" in rung.depends_on) == ("pass", True)


def test_without_a_state_proof_it_verifies_as_before(desk: Desk) -> None:
    outcome = desk.verify(desk.publish())
    assert outcome.verdict == "pass"
    assert statuses(outcome, "anchor.state_entry") == []


def test_a_proven_code_outweighs_any_number_of_nodes(desk: Desk, made: Publication) -> None:
    nodes = [made.chain.node(f"{n}.example", code=b"\x00") for n in range(3)]
    assert desk.verify(made, nodes=nodes).verdict == "pass"


def test_other_code_in_the_state_fails_though_nodes_say_otherwise(desk: Desk, made: Publication) -> None:
    trusted = replace(made.trust.registries[0], code_hash="0x" + "77" * 32)
    trust = TrustFile((trusted,), made.trust.publishers)
    outcome = desk.verify(made, trust=trust, offline=True)
    assert failed(outcome) == {"chain.code"}
    assert next(r.status for r in build_ladder(outcome) if r.name == "registry") == "fail"


@pytest.mark.parametrize("bit", [8, 24, 64, 104, 250, 0])
def test_an_entry_that_is_not_the_events_fails(desk: Desk, bit: int) -> None:
    """Ordinal, block, time, tag at both ends, kind: each must be what log and header say."""
    outcome = desk.verify(desk.publish(anchor={"entry": 1 << bit}))
    assert failed(outcome) == {"anchor.state_entry"}


def test_the_state_of_another_block_is_refused(desk: Desk) -> None:
    first, second = desk.publish(anchor={"entry": 0}), desk.publish(anchor={"entry": 0})
    mixed = {**first.anchors[0], "state": second.anchors[0]["state"]}
    assert failed(desk.verify(replace(first, anchors=[mixed]))) == {"anchor.state_account"}


@pytest.mark.parametrize("state", [{}, {"account": []}, {"account": [], "storage": [], "more": 1}, [], 1, None])
def test_a_state_of_another_shape_is_malformed(one: Publication, state: object) -> None:
    with pytest.raises(Exception, match="anchor proof") as caught:
        proofs.parse_anchor_proof({**one.anchors[0], "state": state})
    assert getattr(caught.value, "code", None) == "anchor.malformed"


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_flipped_byte_of_the_state_proof_is_refused(one: Publication, data: st.DataObject) -> None:
    anchor = copy.deepcopy(one.anchors[0])
    nodes = anchor["state"][data.draw(st.sampled_from(["account", "storage"]))]
    which = data.draw(st.integers(0, len(nodes) - 1))
    raw = bytearray(codec.from_hex(nodes[which]))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    nodes[which] = codec.to_hex(bytes(raw))
    inspection = proofs.inspect_anchor_proof(proofs.parse_anchor_proof(anchor))
    assert inspection.proven is None
    assert {step.code for step in inspection.failures} <= {"anchor.state_account", "anchor.state_slot"}


def test_the_proof_keeps_its_exact_keys(one: Publication) -> None:
    assert proofs.parse_anchor_proof(one.anchors[0]).model_dump(mode="json") == one.anchors[0]
    without = {key: value for key, value in one.anchors[0].items() if key != "state"}
    assert proofs.parse_anchor_proof(without).model_dump(mode="json") == without
