"""The finality proof: what it accepts, and each way to forge one with the code it is refused under."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.chain import codec
from archive.chain.consensus.bls import Backend, Blst, PyEcc
from archive.chain.consensus.finality import Finality, Verifier
from archive.chain.consensus.proof import MAX_HEADERS, ParliaProof
from archive.chain.consensus.rules import UnknownRulesError, private_rules
from archive.chain.consensus.sets import SetHistory
from archive.errors import ArchiveError, InvalidInputError
from tests.support import parlia
from tests.support.parlia import RULES, Chain, Group, attestation, signer


def refused(verifier: Verifier, headers: list[bytes]) -> str:
    with pytest.raises(ArchiveError) as caught:
        verifier.check_final(headers)
    return caught.value.code


@pytest.fixture
def verifier(chain: Chain) -> Verifier:
    return Verifier(RULES, SetHistory([chain.pin(0, 10), chain.pin(20, 30)]))


def proof_of(chain: Chain, number: int, *epochs: int) -> ParliaProof:
    def texts(first: int, last: int) -> tuple[str, ...]:
        return tuple(map(codec.to_hex, chain.range(first, last)))

    return ParliaProof(
        kind="parlia",
        headers=texts(number + 1, number + 2),
        epochs=tuple(texts(epoch, epoch + 2) for epoch in epochs),
    )


def test_a_block_is_final_by_the_votes_two_blocks_later(chain: Chain, verifier: Verifier) -> None:
    final = verifier.check_final(chain.range(15, 17))
    assert (final.number, final.source, final.votes, final.validators) == (15, 15, 4, 4)
    assert final.pin.number == 0
    assert final.hash == codec.to_hex(chain.hash(15))


def test_blocks_before_the_source_are_final_with_it(chain: Chain, verifier: Verifier) -> None:
    assert verifier.check_final(chain.range(12, 18)).source == 16


def test_over_the_handover(chain: Chain, verifier: Verifier) -> None:
    """(4//2 + 1) · 1 − 1 = 2: blocks up to 22 are the old validators', 23 is the first of the new."""
    pins = [verifier.active(n, parlia.EPOCH)[0].number for n in range(19, 26)]
    assert pins == [0, 0, 0, 0, 20, 20, 20]
    for number in range(17, 26):
        assert verifier.check_final(chain.range(number, number + 2)).number == number


def test_a_handover_is_learned_from_the_proof(chain: Chain, new: Group) -> None:
    verifier = Verifier(RULES, SetHistory([chain.pin(0, 10)]))
    final = verifier.check(chain.headers[25], proof_of(chain, 25, 20))
    assert (final.votes, final.pin.number, final.pin.set) == (5, 20, new.set)


def test_a_set_pinned_by_its_hash_alone_is_filled_from_the_proof(chain: Chain, new: Group) -> None:
    hash_only = dataclasses.replace(chain.pin(20), set=None)
    verifier = Verifier(RULES, SetHistory([chain.pin(10), hash_only]))
    final = verifier.check(chain.headers[25], proof_of(chain, 25, 20))
    assert final.pin.set == new.set
    forged = Chain({0: Group.of([11, 12, 13, 14])}).grow(36)
    verifier = Verifier(RULES, SetHistory([chain.pin(10), hash_only]))
    with pytest.raises(InvalidInputError) as caught:
        verifier.check(forged.headers[25], proof_of(forged, 25, 20))
    assert caught.value.code == "consensus.wrong_epoch_set"


def test_a_lone_pin_counts_from_the_next_epoch_on(chain: Chain) -> None:
    """When it took over is not known, and not guessed."""
    verifier = Verifier(RULES, SetHistory([chain.pin(20)]))
    assert refused(verifier, chain.range(25, 27)) == "consensus.no_validator_set"
    assert verifier.check_final(chain.range(30, 32)).votes == 5


def test_no_set_is_unchecked_not_failed(chain: Chain) -> None:
    with pytest.raises(UnknownRulesError) as caught:
        Verifier(RULES, SetHistory()).check_final(chain.range(15, 17))
    assert caught.value.code == "consensus.no_validator_set"
    with pytest.raises(UnknownRulesError) as caught:
        Verifier(RULES, SetHistory([chain.pin(0)])).check(chain.headers[34], proof_of(chain, 34, 30))
    assert caught.value.code == "consensus.no_validator_set"


def test_strangers_are_refused(chain: Chain) -> None:
    strangers = Chain({0: Group.of([21, 22, 23, 24])}).grow(36)
    verifier = Verifier(RULES, SetHistory([chain.pin(0, 30)]))
    assert refused(verifier, strangers.range(15, 17)) == "consensus.not_validator"
    with pytest.raises(InvalidInputError) as caught:
        verifier.check(strangers.headers[15], proof_of(strangers, 15, 10))
    assert caught.value.code == "consensus.wrong_epoch_set"


def test_a_handover_by_strangers_is_refused(chain: Chain, old: Group) -> None:
    """A bundle can't bring validators of its own: the set before must have made their epoch block final."""
    forged = Chain({0: old, 20: Group.of([21, 22, 23])}).grow(19)
    stranger = signer(21)
    for number in (20, 21, 22):
        forged.make(number, who=stranger)
    verifier = Verifier(RULES, SetHistory([chain.pin(0, 10)]))
    with pytest.raises(InvalidInputError) as caught:
        verifier.learn(forged.range(20, 22))
    assert caught.value.code == "consensus.not_validator"


def test_wrong_chain_id(chain: Chain, old: Group, new: Group) -> None:
    other = Chain({0: old, 20: new}, chain_id=97).grow(20)
    verifier = Verifier(RULES, SetHistory([chain.pin(0, 10)]))
    assert refused(verifier, other.range(15, 17)) == "consensus.wrong_chain_id"


def test_gap_in_links(chain: Chain, verifier: Verifier) -> None:
    assert refused(verifier, [chain.headers[14], chain.headers[16]]) == "consensus.gap"
    assert refused(verifier, [chain.headers[15], chain.headers[15], chain.headers[17]]) == "consensus.gap"
    fork = Chain(chain.groups).grow(15)
    fork.make(15, stateRoot=b"\x01" * 32)
    assert refused(verifier, [fork.headers[15], *chain.range(16, 17)]) == "consensus.gap"


def test_older_than_its_parent(chain: Chain, verifier: Verifier) -> None:
    chain.make(16, timestamp=codec.int_bytes(parlia.START_TIME))
    chain.make(17)
    assert refused(verifier, chain.range(15, 17)) == "consensus.time"


def test_seal_of_another(chain: Chain, verifier: Verifier, old: Group) -> None:
    others = [s for s in old.signers if s.address != old.set.in_turn(16)]
    chain.make(16, who=others[0])
    assert verifier.check_final([chain.headers[15], chain.headers[16], chain.make(17)]).votes == 4  # out of turn
    chain.make(16, who=others[0], miner=old.set.in_turn(16))
    chain.make(17)
    assert refused(verifier, chain.range(15, 17)) == "consensus.seal"
    chain.make(16, who=signer(99))
    chain.make(17)
    assert refused(verifier, chain.range(15, 17)) == "consensus.not_validator"


def test_difficulty_follows_the_turn(chain: Chain, verifier: Verifier) -> None:
    chain.make(17, difficulty=b"\x01")
    assert refused(verifier, chain.range(15, 17)) == "consensus.difficulty"


def test_sealed_by_a_validator_of_another_epoch(chain: Chain, verifier: Verifier, new: Group) -> None:
    late = next(s for s in new.signers if s.seed == 7)
    chain.make(21, who=late)
    chain.make(22)
    assert refused(verifier, chain.range(20, 22)) == "consensus.wrong_epoch_set"


def votes(chain: Chain, group: Group, number: int, **changes: object) -> bytes:
    source, target = number - 2, number - 1
    return attestation(group, (source, chain.hash(source)), (target, chain.hash(target)), **changes)  # type: ignore[arg-type]


def test_votes_of_another_epochs_validators(chain: Chain, verifier: Verifier, new: Group) -> None:
    chain.make(17, votes=votes(chain, new, 17))
    # Neighbouring epochs only: 17 lies in the epoch before the change.
    assert refused(verifier, chain.range(15, 17)) == "consensus.wrong_epoch_set"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"places": (0, 1)}, "consensus.quorum"),
        ({"places": (0, 1, 2)}, None),
        ({"places": (0, 1, 2, 3), "bits": 0b0111}, "consensus.dropped_signer"),
        ({"places": (0, 1, 2), "bits": 0b1111}, "consensus.vote_signature"),
        ({"places": (0, 1), "bits": 0b0111}, "consensus.vote_signature"),
        ({"bits": 0b10111}, "consensus.bit_out_of_range"),
        ({"bits": 0b1111 | 1 << 63}, "consensus.bit_out_of_range"),
        ({"bits": 0b0011}, "consensus.quorum"),
    ],
)
@pytest.mark.parametrize("backend", [Blst(), PyEcc()], ids=lambda b: b.name)
def test_signers(chain: Chain, old: Group, changes: dict[str, object], code: str | None, backend: Backend) -> None:
    if backend.name == "blst":
        pytest.importorskip("pyblst", reason="pyblst is not installed")
    verifier = Verifier(RULES, SetHistory([chain.pin(0, 10)]), backend=backend)
    chain.make(17, votes=votes(chain, old, 17, **changes))
    if code is None:
        assert verifier.check_final(chain.range(15, 17)).votes == 3
    else:
        assert refused(verifier, chain.range(15, 17)) == code


def test_zero_keys_count_and_cannot_vote() -> None:
    group = Group.of([1, 2, 3, 4], mute=[2])
    chain = Chain({0: group}).grow(17)
    verifier = Verifier(RULES, SetHistory([chain.pin(0, 10)]))
    assert verifier.check_final(chain.range(15, 17)).votes == 3
    chain.make(17, votes=votes(chain, group, 17, bits=0b1111))
    assert refused(verifier, chain.range(15, 17)) == "consensus.zero_key"
    chain.make(17, votes=votes(chain, group, 17, places=(0, 1)))
    assert refused(verifier, chain.range(15, 17)) == "consensus.quorum"


def test_quorum_is_two_thirds_rounded_up() -> None:
    assert [Group.of(range(1, n + 1)).set.quorum for n in (1, 2, 3, 4, 7, 8, 9)] == [1, 2, 2, 3, 5, 6, 6]


def test_votes_that_finalise_nothing(chain: Chain, verifier: Verifier, old: Group) -> None:
    skipped = attestation(old, (14, chain.hash(14)), (16, chain.hash(16)))
    chain.make(17, votes=skipped)
    assert refused(verifier, chain.range(13, 17)) == "consensus.not_final"
    chain.make(17, votes=b"")
    assert refused(verifier, chain.range(15, 17)) == "consensus.not_final"
    assert refused(verifier, chain.range(16, 17)) == "consensus.not_final"
    assert refused(verifier, chain.range(15, 15)) == "consensus.not_final"


def test_source_and_target_are_the_linked_blocks(chain: Chain, verifier: Verifier, old: Group) -> None:
    chain.make(17, votes=attestation(old, (15, b"\x01" * 32), (16, chain.hash(16))))
    assert refused(verifier, chain.range(15, 17)) == "consensus.source"
    chain.make(17, votes=attestation(old, (15, chain.hash(15)), (16, b"\x01" * 32)))
    assert refused(verifier, chain.range(15, 17)) == "consensus.target"


@pytest.mark.parametrize(("fork", "depth"), [("maxwell", 1), ("fermi", 3)])
def test_how_far_back_a_target_may_lie(old: Group, fork: str, depth: int) -> None:
    rules = private_rules(parlia.CHAIN_ID, parlia.GENESIS, fork, parlia.EPOCH)
    for back in (1, 2, 3, 4):
        chain = Chain({0: old}).grow(16)
        for number in range(17, 16 + back):
            chain.make(number, votes=b"")
        last = 16 + back
        chain.make(last, votes=attestation(old, (15, chain.hash(15)), (16, chain.hash(16))))
        verifier = Verifier(rules, SetHistory([chain.pin(0, 10)]))
        if back <= depth:
            assert verifier.check_final(chain.range(15, last)).source == 15
        else:
            assert refused(verifier, chain.range(15, last)) == "consensus.target"


def test_not_an_epoch_block(chain: Chain, verifier: Verifier) -> None:
    with pytest.raises(InvalidInputError) as caught:
        verifier.learn(chain.range(21, 23))
    assert caught.value.code == "consensus.not_epoch_block"


def test_an_epoch_block_that_is_not_the_pinned_one(chain: Chain, verifier: Verifier) -> None:
    chain.make(20, stateRoot=b"\x01" * 32)
    with pytest.raises(InvalidInputError) as caught:
        verifier.learn(chain.range(20, 20))
    assert caught.value.code == "consensus.wrong_epoch_set"


def test_a_proof_is_bounded(chain: Chain, verifier: Verifier) -> None:
    assert refused(verifier, chain.range(10, 36) * 3) in ("consensus.gap", "consensus.too_many_headers")
    with pytest.raises(ValueError, match="at most"):
        ParliaProof(kind="parlia", headers=("0x00",) * (MAX_HEADERS + 1), epochs=())


PROVED = Chain({0: Group.of([1, 2, 3, 4]), 20: Group.of([3, 4, 5, 6, 7])}).grow(27)


@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_no_bit_of_a_proof_can_be_flipped(data: st.DataObject) -> None:
    """Block, headers after it, epoch block, headers after that: each bit is held by a link, a seal or a vote."""
    pytest.importorskip("pyblst", reason="pyblst is not installed")
    parts = [PROVED.headers[n] for n in (25, 26, 27, 20, 21, 22)]
    which = data.draw(st.integers(0, len(parts) - 1))
    at = data.draw(st.integers(0, len(parts[which]) - 1))
    flipped = parts[which][at] ^ 1 << data.draw(st.integers(0, 7))
    parts[which] = parts[which][:at] + bytes([flipped]) + parts[which][at + 1 :]
    texts = [codec.to_hex(part) for part in parts]
    proof = ParliaProof(kind="parlia", headers=tuple(texts[1:3]), epochs=(tuple(texts[3:]),))
    with pytest.raises(ArchiveError) as caught:
        Verifier(RULES, SetHistory([PROVED.pin(0, 10)])).check(parts[0], proof)
    assert caught.value.code.startswith("consensus.")


def test_both_backends_say_the_same_of_a_whole_proof(chain: Chain) -> None:
    pytest.importorskip("pyblst", reason="pyblst is not installed")
    found: list[Finality] = []
    for backend in (Blst(), PyEcc()):
        verifier = Verifier(RULES, SetHistory([chain.pin(0, 10)]), backend=backend)
        found.append(verifier.check(chain.headers[25], proof_of(chain, 25, 20)))
    assert dataclasses.replace(found[0], backend="") == dataclasses.replace(found[1], backend="")
