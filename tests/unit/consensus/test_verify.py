"""`chain.consensus` and what it does to a verdict: on publications made in memory, anchored on a Parlia chain."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from archive.chain import codec
from archive.chain.consensus import bls
from archive.chain.consensus.pins import shipped_sets, with_shipped
from archive.errors import InvalidInputError, MissingDependencyError
from archive.trust import TrustFile, parse_trust
from archive.verify.outcome import Check, Outcome
from archive.verify.policy import Policy, parse_policy
from archive.verify.report import to_json, to_text
from tests.support import parlia
from tests.support.parlia import GENESIS, RULES, START_TIME, Group
from tests.unit.verify import simulator
from tests.unit.verify.simulator import Desk, Publication


@dataclass
class ParliaChain(simulator.Chain):
    """The simulator's chain with sealed headers."""

    chain_id: int = parlia.CHAIN_ID
    genesis: str = GENESIS
    sealed: parlia.Chain = field(default_factory=lambda: parlia.Chain({980: Group.of([1, 2, 3, 4])}, first=995))

    def header(self, number: int, transactions: bytes, receipts: bytes, state: bytes = b"\xdd" * 32) -> bytes:
        self.sealed.grow(number - 1)
        return self.sealed.make(number, transactionsRoot=transactions, receiptsRoot=receipts, stateRoot=state)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path)
    made.chain = ParliaChain()
    return made


@pytest.fixture
def published(desk: Desk) -> Publication:
    """Anchored in block 1000, an epoch block, with the proof that `publish` would have collected."""
    publication = desk.publish()
    sealed = desk.chain.sealed  # type: ignore[attr-defined]
    sealed.grow(1004)
    publication.anchors[0]["consensus"] = {
        "kind": "parlia",
        "headers": [codec.to_hex(raw) for raw in sealed.range(1001, 1002)],
        "epochs": [],
    }
    trust = replace(publication.trust, validator_sets=(sealed.pin(980, 1000),), consensus_rules=(RULES,))
    return replace(publication, trust=trust)


def check(outcome: Outcome, code: str) -> Check:
    (found,) = [c for c in outcome.checks if c.code == code]
    return found


def test_offline_it_passes_by_signatures(desk: Desk, published: Publication) -> None:
    outcome = desk.verify(published, offline=True)
    assert outcome.verdict == "pass"
    assert check(outcome, "chain.consensus").found == published.anchors[0]["block"]["hash"]
    assert check(outcome, "chain.header").status == "pass"
    assert check(outcome, "chain.final").status == "pass"
    (anchor,) = outcome.anchors
    assert anchor.grade == "consensus"
    report = to_json(outcome, None)
    assert report["anchors"][0]["consensus"] == {
        "votes": 4,
        "validators": 4,
        "source": 1000,
        "fork": "fermi",
        "set": {
            "number": 980,
            "hash": "0x" + published.trust.validator_sets[0].hash.hex(),
            "source": "test",
            "as_of": "2026-01-20T00:00:00Z",
        },
    }
    text = to_text(outcome, None)
    assert "two thirds of those keys" in " ".join(text.split())
    assert "as of 2026-01-20T00:00:00Z" in " ".join(text.split())
    assert anchor.proven.timestamp == START_TIME + 1000


def test_a_policy_can_ask_for_signatures(desk: Desk, published: Publication) -> None:
    policy = parse_policy(b'{"format": "incident-archive-policy/1", "require": ["chain.consensus"]}')
    assert desk.verify(published, offline=True, policy=policy).verdict == "pass"
    without = replace(published, anchors=[{k: v for k, v in published.anchors[0].items() if k != "consensus"}])
    outcome = desk.verify(without, policy=policy)
    assert (outcome.verdict, outcome.lacking) == ("incomplete", ("chain.consensus",))
    assert check(outcome, "chain.consensus").note == "the bundle does not carry the votes of validators for this block"
    assert desk.verify(without, policy=Policy()).verdict == "pass"


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"validator_sets": ()}, "unchecked", "consensus.no_validator_set"),
        ({"consensus_rules": ()}, "unchecked", "consensus.no_rules"),
    ],
)
def test_what_the_reader_does_not_know(
    desk: Desk, published: Publication, changes: dict[str, Any], status: str, code: str
) -> None:
    outcome = desk.verify(published, offline=True, trust=replace(published.trust, **changes))
    assert (outcome.verdict, outcome.lacking) == ("incomplete", ("chain.header",))
    assert (check(outcome, "chain.consensus").status, check(outcome, "chain.consensus").found) == (status, code)


def test_another_chain_of_the_same_number(desk: Desk, published: Publication) -> None:
    """Sets and rules are those of one genesis; a copy of the chain with another has none."""
    sets = tuple(replace(p, genesis="0x" + "77" * 32) for p in published.trust.validator_sets)
    outcome = desk.verify(published, offline=True, trust=replace(published.trust, validator_sets=sets))
    assert check(outcome, "chain.consensus").found == "consensus.no_validator_set"


@pytest.mark.parametrize(
    ("proof", "status", "code"),
    [
        ({}, "fail", "consensus.malformed"),
        ({"kind": "parlia"}, "fail", "consensus.malformed"),
        ({"kind": "parlia", "headers": [], "epochs": []}, "fail", "consensus.malformed"),
        ({"kind": "parlia", "headers": ["0xZZ"], "epochs": []}, "fail", "consensus.malformed"),
        ({"kind": "parlia", "headers": ["0xc0"], "epochs": []}, "fail", "consensus.header_shape"),
        ({"kind": "parlia", "headers": ["0xc0"] * 65, "epochs": []}, "fail", "consensus.malformed"),
        ({"kind": "casper"}, "unchecked", "consensus.unknown_kind"),
    ],
)
def test_proofs_that_are_none(
    desk: Desk, published: Publication, proof: dict[str, Any], status: str, code: str
) -> None:
    published.anchors[0]["consensus"] = proof
    outcome = desk.verify(published)
    assert (check(outcome, "chain.consensus").status, check(outcome, "chain.consensus").found) == (status, code)
    # A wrong proof fails though an honest node agrees; one of a later kind does not.
    assert outcome.verdict == ("fail" if status == "fail" else "pass")


def test_a_node_that_says_otherwise_is_named_and_the_verdict_waits(desk: Desk, published: Publication) -> None:
    outcome = desk.verify(published, nodes=[published.chain.node("liar.example", other_hash=True)])
    header = check(outcome, "chain.header")
    assert (outcome.verdict, header.status) == ("incomplete", "unchecked")
    assert "liar.example" in (header.note or "")


def test_without_a_library_it_is_unchecked_and_says_what_to_install(
    desk: Desk, published: Publication, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bls, "find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError):
        bls.backend()
    outcome = desk.verify(published, offline=True)
    assert outcome.lacking == ("chain.header",)
    found = check(outcome, "chain.consensus")
    assert (found.status, found.found) == ("unchecked", "consensus.no_bls")
    assert "incident-archive[consensus]" in (found.note or "")


# --- the trust file -------------------------------------------------------------------------------------------------


def trust_value(published: Publication) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(published.trust.to_bytes())
    return value


def test_the_trust_file_comes_back_the_same(published: Publication) -> None:
    assert parse_trust(published.trust.to_bytes()) == published.trust
    assert "validator_sets" not in json.loads(TrustFile().to_bytes())


@pytest.mark.parametrize(
    "changes",
    [
        {"chain_id": "97"},
        {"number": -1},
        {"number": 1001},
        {"hash": "0x00"},
        {"last_number": 980},
        {"turn_length": None},
        {"turn_length": 0},
        {"validators": None},
        {"validators": []},
        {"validators": [{"address": "0x" + "11" * 20}]},
        {"validators": [{"address": "0x" + "11" * 20, "bls": "0x" + "22" * 47}]},
        {"validators": [{"address": "0x" + "11" * 20, "bls": "0x" + "22" * 48}] * 2},
        {"validators": [{"address": f"0x{n:040x}", "bls": "0x" + "22" * 48} for n in range(65)]},
        {"validators": [{"address": f"0x{n:040x}", "bls": "0x" + "22" * 48} for n in (2, 1)]},
        {"source": ""},
        {"source": "\x1b[31m"},
        {"as_of": "yesterday"},
        {"more": 1},
    ],
)
def test_pins_are_read_strictly(published: Publication, changes: dict[str, Any]) -> None:
    value = trust_value(published)
    value["validator_sets"][0] |= changes
    with pytest.raises(InvalidInputError) as caught:
        parse_trust(json.dumps(value).encode())
    assert caught.value.code == "trust.validator_set"


@pytest.mark.parametrize(
    "changes",
    [{"chain_id": 97}, {"chain_id": 56}, {"fork": "future"}, {"epoch_length": 1}, {"genesis": "0x"}, {"a": 1}],
)
def test_rules_are_read_strictly_and_never_replace_those_of_bsc(
    published: Publication, changes: dict[str, Any]
) -> None:
    value = trust_value(published)
    value["consensus_rules"][0] |= changes
    with pytest.raises(InvalidInputError) as caught:
        parse_trust(json.dumps(value).encode())
    assert caught.value.code == "trust.consensus_rules"


def test_no_pin_twice(published: Publication) -> None:
    value = trust_value(published)
    value["validator_sets"] *= 2
    with pytest.raises(InvalidInputError) as caught:
        parse_trust(json.dumps(value).encode())
    assert caught.value.code == "trust.duplicate"


def test_shipped_sets_are_whole_say_how_old_they_are_and_yield_to_the_readers() -> None:
    shipped = {pin.chain_id: pin for pin in shipped_sets()}
    assert set(shipped) == {56, 97}
    assert {pin.as_of[:4] for pin in shipped.values()} == {"2025", "2026"}
    for pin in shipped.values():
        assert pin.set is not None
        assert pin.source.startswith("shipped with archive")
        keys = {v.bls for v in pin.set.validators}
        assert len(keys) == len(pin.set.validators)
    assert with_shipped(()) == shipped_sets()
    mine = replace(shipped[97], source="mine", hash=b"\x01" * 32, last_hash=b"\x01" * 32)
    merged = with_shipped((mine,))
    assert [pin.source for pin in merged if pin.chain_id == 97] == ["mine"]
