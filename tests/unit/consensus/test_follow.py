"""Collecting proofs from a node and following validators over it; the node lies, lags and forgets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from archive.chain import blocks, codec
from archive.chain.consensus import follow as following
from archive.chain.consensus.collect import Patience, collect_finality_proof, fetch_header
from archive.chain.consensus.finality import Verifier
from archive.chain.consensus.follow import follow
from archive.chain.consensus.rules import UnknownRulesError, private_rules
from archive.chain.consensus.sets import SetHistory
from archive.errors import ArchiveError, InvalidInputError, UnreachableError, UsageError
from tests.support import parlia
from tests.support.parlia import EPOCH, RULES, Chain, Group, attestation


@dataclass
class Node:
    """A node in memory over a chain made by hand. `grows`: a block asked for too early is there the next time."""

    chain: Chain
    grows: bool = False
    hidden: set[int] = field(default_factory=set)
    change: Callable[[dict[str, Any]], dict[str, Any]] = lambda block: block

    def call(self, method: str, params: Sequence[object] = ()) -> Any:
        if method == "eth_blockNumber":
            return hex(max(self.chain.headers))
        assert method == "eth_getBlockByNumber"
        number = int(str(params[0]), 16)
        if number not in self.chain.headers or number in self.hidden:
            if self.grows:
                self.chain.make(max(self.chain.headers) + 1)
            return None
        return self.change(blocks.header_to_json(self.chain.headers[number]))


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0

    def patience(self, seconds: float = 30) -> Patience:
        return Patience(seconds, 1.0, self.sleep, lambda: self.now)

    def sleep(self, seconds: float) -> None:
        self.now += seconds


NONE = SetHistory()


def code(call: Callable[[], object]) -> str:
    with pytest.raises(ArchiveError) as caught:
        call()
    return caught.value.code


def test_the_proof_that_is_collected_is_the_smallest_and_holds(chain: Chain) -> None:
    node = Node(chain)
    for number, epochs in ((15, [10]), (25, [20]), (34, [30])):
        proof = collect_finality_proof(node, chain.headers[number], RULES, NONE, patience=Clock().patience(0))
        assert len(proof.headers) == 2
        assert [codec.rlp_int(codec.rlp_list(codec.from_hex(e[0]))[8]) for e in proof.epochs] == epochs
        verifier = Verifier(RULES, SetHistory([chain.pin(0, 10)]) if number < 30 else SetHistory([chain.pin(20)]))
        assert verifier.check(chain.headers[number], proof).number == number


def test_before_the_handover_the_epoch_before_is_brought(chain: Chain) -> None:
    """22 is the last block of the old validators; the proof for 21 reaches into the new ones' time."""
    node = Node(chain)
    told = {}
    for number in (18, 20, 21, 22, 23):
        proof = collect_finality_proof(node, chain.headers[number], RULES, NONE, patience=Clock().patience(0))
        told[number] = [codec.rlp_int(codec.rlp_list(codec.from_hex(e[0]))[8]) for e in proof.epochs]
        verifier = Verifier(RULES, SetHistory([chain.pin(0, 10)]))
        assert verifier.check(chain.headers[number], proof).votes in (4, 5)
    assert told == {18: [10], 20: [10], 21: [10, 20], 22: [10, 20], 23: [20]}


def test_votes_that_are_late_are_waited_for(old: Group) -> None:
    chain = Chain({0: old}).grow(13)
    clock = Clock()
    proof = collect_finality_proof(Node(chain, grows=True), chain.headers[13], RULES, NONE, patience=clock.patience())
    assert len(proof.headers) == 2
    assert clock.now == 2.0


def test_votes_that_never_come(old: Group) -> None:
    clock = Clock()
    chain = Chain({0: old}).grow(13)
    collect = lambda: collect_finality_proof(  # noqa: E731
        Node(chain), chain.headers[13], RULES, NONE, patience=clock.patience()
    )
    assert code(collect) == "consensus.no_votes_yet"
    assert clock.now == 30
    silent = Chain({0: old}, votes=lambda chain, number: b"").grow(100)
    collect = lambda: collect_finality_proof(  # noqa: E731
        Node(silent), silent.headers[13], RULES, NONE, patience=clock.patience()
    )
    assert code(collect) == "consensus.no_votes_yet"


def test_a_skipped_target_makes_the_proof_longer(old: Group) -> None:
    """Votes for a block whose source is not its parent finalise nothing; the next ones that do are taken."""
    chain = Chain({0: old}).grow(15)
    chain.make(16, votes=b"")
    chain.make(17, votes=attestation(old, (14, chain.hash(14)), (16, chain.hash(16))))
    chain.make(18)
    chain.grow(20)
    proof = collect_finality_proof(Node(chain), chain.headers[15], RULES, NONE, patience=Clock().patience(0))
    assert len(proof.headers) == 3
    assert Verifier(RULES, SetHistory([chain.pin(0, 10)])).check(chain.headers[15], proof).source == 16


def test_a_node_that_answers_with_strangers_is_refused_where_validators_are_known(chain: Chain) -> None:
    strangers = Chain({0: Group.of([21, 22, 23, 24])}).grow(36)
    history = SetHistory([chain.pin(0, 30)])
    collect = lambda: collect_finality_proof(  # noqa: E731
        Node(strangers), strangers.headers[15], RULES, history, patience=Clock().patience(0)
    )
    assert code(collect).startswith("consensus.")


def test_a_node_whose_blocks_do_not_follow(chain: Chain) -> None:
    fork = Chain(chain.groups).grow(15)
    fork.make(15, stateRoot=b"\x01" * 32)
    collect = lambda: collect_finality_proof(  # noqa: E731
        Node(chain), fork.headers[15], RULES, NONE, patience=Clock().patience(0)
    )
    assert code(collect) == "consensus.gap"


def test_answers_that_are_no_blocks(chain: Chain) -> None:
    other = Node(chain, change=lambda block: {**blocks.header_to_json(chain.headers[30])})
    assert code(lambda: fetch_header(other, 15)) == "chain.rpc_bad_answer"
    altered = Node(chain, change=lambda block: {**block, "gasUsed": "0x1"})
    assert code(lambda: fetch_header(altered, 15)) == "chain.header_mismatch"
    forgetful = Node(chain, hidden={10})
    collect = lambda: collect_finality_proof(  # noqa: E731
        forgetful, chain.headers[15], RULES, NONE, patience=Clock().patience(0)
    )
    assert code(collect) == "consensus.no_epoch_block"


# --- following ------------------------------------------------------------------------------------------------------


def test_follow_to_the_newest(chain: Chain, new: Group) -> None:
    seen: list[tuple[int, int]] = []
    done = follow(Node(chain), RULES, SetHistory([chain.pin(0, 10)]), progress=lambda *at: seen.append(at))
    assert [(p.number, p.last_number) for p in done.pins] == [(0, 10), (20, 30)]
    assert done.pins[1].set == new.set
    assert done.pins[1].source == "followed from test"
    assert done.pins[1].as_of == "2026-01-20T09:07:10Z"
    assert (done.steps, done.stopped, seen) == (2, None, [(20, 36), (30, 36)])
    again = follow(Node(chain), RULES, SetHistory(done.pins))
    assert (again.steps, again.pins) == (0, done.pins)


def test_an_epoch_whose_votes_are_not_there_yet_is_left_for_later(old: Group) -> None:
    chain = Chain({0: old}).grow(21)
    assert follow(Node(chain), RULES, SetHistory([chain.pin(0, 10)])).steps == 0
    chain.grow(22)
    assert follow(Node(chain), RULES, SetHistory([chain.pin(0, 10)])).steps == 1


def test_a_gap_is_refused_and_what_was_verified_is_kept(chain: Chain) -> None:
    done = follow(Node(chain, hidden={30}), RULES, SetHistory([chain.pin(0, 10)]))
    assert done.stopped is not None
    assert (done.stopped.code, done.steps, done.last.number) == ("consensus.gap", 1, 20)
    assert isinstance(done.stopped, UnreachableError)


def test_no_epoch_is_skipped(old: Group) -> None:
    """The set two epochs on, though sealed and voted for by the very same validators, does not follow from here."""
    chain = Chain({0: old}).grow(36)
    verifier = Verifier(RULES, SetHistory([chain.pin(10)]))
    assert verifier.learn(chain.range(30, 32)) is None
    assert verifier.learn(chain.range(20, 22)) == old.set
    assert verifier.learn(chain.range(30, 32)) == old.set


def test_a_liar_gets_nothing_in(chain: Chain, old: Group) -> None:
    forged = Chain({0: old, 20: Group.of([31, 32, 33, 34])}).grow(19)
    stranger = parlia.signer(31)
    for number in range(20, 37):
        forged.make(number, who=stranger)
    done = follow(Node(forged), RULES, SetHistory([forged.pin(0, 10)]))
    assert done.stopped is not None
    assert (done.stopped.code, done.steps) == ("consensus.not_validator", 0)
    assert [p.number for p in done.pins] == [0]
    mixed = Node(Chain(chain.groups).grow(36), change=lambda block: {**block, "hash": "0x" + "11" * 32})
    assert code(lambda: follow(mixed, RULES, SetHistory([chain.pin(0, 10)]))) == "chain.header_mismatch"


def test_a_node_on_another_history_than_the_pin(chain: Chain) -> None:
    wrong = replace(chain.pin(0, 10), last_hash=b"\x01" * 32)
    assert code(lambda: follow(Node(chain), RULES, SetHistory([wrong]))) == "consensus.wrong_epoch_set"
    assert code(lambda: follow(Node(chain, hidden={10}), RULES, SetHistory([chain.pin(0, 10)]))) == (
        "consensus.no_epoch_block"
    )


def test_nothing_to_follow_from(chain: Chain) -> None:
    with pytest.raises(UsageError) as caught:
        follow(Node(chain), RULES, NONE)
    assert caught.value.code == "consensus.nothing_pinned"


def test_follow_from_a_hash_alone(chain: Chain, old: Group) -> None:
    done = follow(Node(chain), RULES, SetHistory([replace(chain.pin(10), set=None)]))
    assert next((p.number, p.last_number, p.set) for p in done.pins) == (10, 10, old.set)
    assert done.steps == 2


def test_unknown_rules_stop_it(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = private_rules(parlia.CHAIN_ID, parlia.GENESIS, "fermi", EPOCH)
    told = rules.at

    def until(number: int, time: int) -> Any:
        if number >= 30:
            raise UnknownRulesError("newer", code="consensus.unknown_fork")
        return told(number, time)

    monkeypatch.setattr(type(rules), "at", lambda self, number, time: until(number, time))
    done = follow(Node(chain), rules, SetHistory([chain.pin(0, 10)]))
    assert done.stopped is not None
    assert (done.stopped.code, done.steps) == ("consensus.unknown_fork", 1)


def test_old_followed_sets_are_thinned_to_their_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "KEEP_WHOLE", 2)
    monkeypatch.setattr(following, "KEEP_HASHES", 4)
    groups = {epoch: Group.of([1, 2, 3, 40 + epoch]) for epoch in range(0, 80, EPOCH)}
    chain = Chain(groups).grow(76)
    done = follow(Node(chain), RULES, SetHistory([chain.pin(10)]))
    assert [(p.number, p.set is not None) for p in done.pins] == [
        (10, True), (40, False), (50, False), (60, True), (70, True),
    ]  # fmt: skip
    # A block of the epoch whose set is gone is still proved: the bundle brings the header that the hash is of.
    proof = collect_finality_proof(Node(chain), chain.headers[55], RULES, NONE, patience=Clock().patience(0))
    with pytest.raises(UnknownRulesError):
        Verifier(RULES, SetHistory(done.pins)).check_final(chain.range(55, 57))
    pins = [*done.pins[:2], replace(done.pins[2], number=50)]
    filled = Verifier(RULES, SetHistory([*pins, *done.pins[3:]]))
    both = proof.model_copy(update={"epochs": (_epoch(chain, 40), *proof.epochs)})
    assert filled.check(chain.headers[55], both).pin.number == 50


def _epoch(chain: Chain, number: int) -> tuple[str, ...]:
    return tuple(map(codec.to_hex, chain.range(number, number + 2)))


def test_limit(chain: Chain) -> None:
    done = follow(Node(chain), RULES, SetHistory([chain.pin(0, 10)]), limit=1)
    assert (done.steps, done.last.number) == (1, 20)
    with pytest.raises(InvalidInputError):
        follow(Node(chain, change=lambda block: {**block, "number": "0x1"}), RULES, SetHistory([chain.pin(0, 10)]))
