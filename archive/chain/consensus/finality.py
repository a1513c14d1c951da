"""That a block is final, shown by headers, votes and the reader's own validator sets.

A proof holds the headers that follow the block, up to one whose attestation has a source S at or after the block and
S's child as its target: then S and all before it are final. Each header must be linked to the one before, be sealed by
its miner, in a set that the reader pinned, at the right difficulty; the votes of that attestation must be a quorum of
the set in force at its target, under one aggregate signature.

Weak subjectivity: whoever holds the keys of two thirds of a *pinned* set, even years later, can forge. The sets are the
reader's; how old they are is part of the result.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from archive.chain.codec import from_hex, to_hex
from archive.chain.consensus import bls
from archive.chain.consensus.headers import Attestation, Header, decode_header, recover_sealer
from archive.chain.consensus.proof import MAX_HEADERS, ParliaProof
from archive.chain.consensus.rules import PUBLIC, ChainRules, UnknownRulesError
from archive.chain.consensus.sets import ZERO_KEY, PinnedSet, SetHistory, ValidatorSet
from archive.errors import InvalidInputError

_IN_TURN, _OUT_OF_TURN = 2, 1


@dataclass(frozen=True, slots=True)
class Finality:
    """A block shown to be final: by `votes` of `validators` of the set that `pin` holds, over the link to `source`."""

    number: int
    hash: str
    source: int
    votes: int
    validators: int
    fork: str
    pin: PinnedSet
    backend: str


class Verifier:
    """Checks headers of one chain against one history of validator sets.

    Args:
        rules: of the chain; `PUBLIC`, or those of a private chain from the reader's trust file.
        history: the reader's pins for this chain and genesis.
        others: chain ids that a seal is tried for when it does not fit, to say what is wrong.
    """

    def __init__(
        self,
        rules: ChainRules,
        history: SetHistory,
        *,
        backend: bls.Backend | None = None,
        others: Iterable[int] = tuple(PUBLIC),
    ) -> None:
        self.rules = rules
        self.history = history
        self._backend = backend
        self._others = tuple(others)

    def check(self, block: bytes, proof: ParliaProof) -> Finality:
        """That the block with this header is final.

        Raises:
            InvalidInputError: a `consensus.*` code: something in the proof is wrong.
            UnknownRulesError: nothing is wrong, but it can't be shown: `consensus.no_validator_set`,
                `consensus.not_final`, `consensus.unknown_fork`, ….
            MissingDependencyError: `consensus.no_bls`.
        """
        for epoch in proof.epochs:
            self.learn([from_hex(header) for header in epoch])
        return self.check_final([block, *(from_hex(header) for header in proof.headers)])

    def check_final(self, raw: Sequence[bytes]) -> Finality:
        """That the first of these linked headers is final by the votes in the last."""
        if len(raw) > MAX_HEADERS + 1:
            raise InvalidInputError("the proof has too many headers", code="consensus.too_many_headers")
        headers = self.link(raw)
        last = headers[-1]
        votes = last.attestation
        first = headers[0]
        if votes is None or not first.number <= votes.source_number < votes.target_number <= last.number:
            raise _unknown("not_final", f"no votes in the proof finalise block {first.number}")
        if not votes.finalises(votes.source_number):
            raise _unknown(
                "not_final", f"the votes justify block {votes.target_number}, which finalises no block before it"
            )
        for header in headers:
            self.check_seal(header)
        source = headers[votes.source_number - first.number]
        if source.hash != votes.source_hash:
            raise InvalidInputError(
                f"block {last.number}: the votes' source is another block {source.number}", code="consensus.source"
            )
        pin, count, size = self.check_votes(last, headers)
        return Finality(
            number=first.number,
            hash=to_hex(first.hash),
            source=source.number,
            votes=count,
            validators=size,
            fork=last.rules.fork,
            pin=pin,
            backend=self.backend.name,
        )

    def learn(self, raw: Sequence[bytes]) -> ValidatorSet | None:
        """Take in an epoch block: held against the reader's pin, or, right after the last one, as a handover.

        Returns the set it announced when it is now known, None when the reader has nothing to hold it against.

        Raises:
            InvalidInputError: `consensus.not_epoch_block`, `consensus.wrong_epoch_set`, and all of `check_final`.
        """
        header = decode_header(raw[0], self.rules)
        if header.announced is None:
            raise InvalidInputError(f"block {header.number} is not an epoch block", code="consensus.not_epoch_block")
        pin = self.history.covering(header.number)
        if pin is not None:
            self._compare(header, header.announced, pin)
            return header.announced
        before = self.history.covering(header.number - header.rules.epoch_length)
        if before is None or before.set is None or len(raw) < 2:
            return None
        self.check_final(raw)
        self.history = self.history.with_pin(
            PinnedSet(
                before.chain_id,
                before.genesis,
                header.number,
                header.hash,
                header.number,
                header.hash,
                header.announced,
                before.source,
                before.as_of,
            )
        )
        return header.announced

    def _compare(self, header: Header, announced: ValidatorSet, pin: PinnedSet) -> None:
        known = {pin.last_number: pin.last_hash, pin.number: pin.hash}.get(header.number)
        if known is not None and known != header.hash:
            raise _wrong_set(f"epoch block {header.number} is not the one that you pinned")
        if pin.set is None:
            if known is None:
                return  # a hash alone says nothing about the epochs after it
            self.history = self.history.filled(header.number, announced)
        elif pin.set != announced:
            raise _wrong_set(f"epoch block {header.number} announces another set than the one that you pinned")

    def link(self, raw: Sequence[bytes]) -> list[Header]:
        """Decode headers and check that each follows the one before; raises `consensus.gap`, `consensus.time`."""
        headers = [decode_header(item, self.rules) for item in raw]
        for before, header in pairwise(headers):
            if header.number != before.number + 1 or header.parent_hash != before.hash:
                raise InvalidInputError(
                    f"block {header.number} does not follow block {before.number} of the proof",
                    code="consensus.gap",
                )
            if header.time < before.time:
                raise InvalidInputError(f"block {header.number} is older than its parent", code="consensus.time")
        return headers

    def check_seal(self, header: Header) -> None:
        """That a validator of the set in force sealed the header.

        Raises:
            InvalidInputError: `consensus.wrong_chain_id`, `consensus.seal`, `consensus.wrong_epoch_set`,
                `consensus.not_validator`, `consensus.difficulty`.
            UnknownRulesError: `consensus.no_validator_set`.
        """
        sealer = recover_sealer(header, self.rules.chain_id)
        if sealer != header.miner:
            for other in self._others:
                if other != self.rules.chain_id and recover_sealer(header, other) == header.miner:
                    raise InvalidInputError(
                        f"block {header.number} was sealed for chain {other}, not for chain {self.rules.chain_id}",
                        code="consensus.wrong_chain_id",
                    )
            raise InvalidInputError(
                f"block {header.number}: the seal is not that of its miner {to_hex(header.miner)}",
                code="consensus.seal",
            )
        _, active = self.active(header.number, header.rules.epoch_length)
        if not active.holds(sealer):
            if any(other.holds(sealer) for other in self._other_sets(header, active)):
                raise _wrong_set(f"block {header.number} was sealed by a validator of another epoch")
            raise InvalidInputError(
                f"block {header.number}: {to_hex(sealer)} is not one of the {len(active.validators)} validators",
                code="consensus.not_validator",
            )
        expected = _IN_TURN if active.in_turn(header.number) == sealer else _OUT_OF_TURN
        if header.difficulty != expected:
            raise InvalidInputError(
                f"block {header.number}: difficulty {header.difficulty}, and by its turn it is {expected}",
                code="consensus.difficulty",
            )

    def check_votes(self, header: Header, before: Sequence[Header]) -> tuple[PinnedSet, int, int]:
        """That the votes in a header are a quorum for one of the blocks right before it.

        Args:
            before: linked headers that reach up to the header's parent at least (the header itself may be there).

        Returns the pin whose set voted, how many did, and of how many.

        Raises:
            InvalidInputError: `consensus.target`, `consensus.bit_out_of_range`, `consensus.zero_key`,
                `consensus.quorum`, `consensus.dropped_signer`, `consensus.vote_signature`,
                `consensus.wrong_epoch_set`.
        """
        votes = header.attestation
        if votes is None:
            raise _unknown("not_final", f"block {header.number} carries no votes")
        depth = header.rules.target_depth
        target = next((h for h in before if h.number == votes.target_number), None)
        if not 1 <= header.number - votes.target_number <= depth or target is None:
            raise InvalidInputError(
                f"block {header.number}: the votes are for block {votes.target_number}, which its fork does not allow",
                code="consensus.target",
            )
        if target.hash != votes.target_hash:
            raise InvalidInputError(
                f"block {header.number}: the votes are for another block {target.number}", code="consensus.target"
            )
        pin, active = self.active(target.number, target.rules.epoch_length)
        try:
            count = self._quorum(votes, active)
        except InvalidInputError:
            if any(self._fits(votes, other) for other in self._other_sets(target, active)):
                raise _wrong_set(f"block {header.number}: the votes are those of another epoch's validators") from None
            raise
        return pin, count, len(active.validators)

    @property
    def backend(self) -> bls.Backend:
        if self._backend is None:
            self._backend = bls.backend()
        return self._backend

    def active(self, number: int, epoch_length: int) -> tuple[PinnedSet, ValidatorSet]:
        """The pin and set in force at a block; raises UnknownRulesError `consensus.no_validator_set`."""
        pin = self.history.active(number, epoch_length)
        if pin is None or pin.set is None:
            raise UnknownRulesError(
                f"your trust file does not say which validators were in force at block {number} "
                f"of chain {self.rules.chain_id}",
                code="consensus.no_validator_set",
                hint="archive trust update --rpc URL follows newer sets from the ones you have",
            )
        return pin, pin.set

    def _quorum(self, votes: Attestation, active: ValidatorSet) -> int:
        signers = [v for place, v in enumerate(active.validators) if votes.bits >> place & 1]
        if votes.bits >> len(active.validators):
            raise InvalidInputError(
                f"a vote is marked beyond the {len(active.validators)} validators", code="consensus.bit_out_of_range"
            )
        if mute := next((v for v in signers if v.bls == ZERO_KEY), None):
            raise InvalidInputError(
                f"a vote is marked for {to_hex(mute.address)}, which has no voting key", code="consensus.zero_key"
            )
        if len(signers) < active.quorum:
            raise InvalidInputError(
                f"{len(signers)} of {len(active.validators)} validators voted, and {active.quorum} are needed",
                code="consensus.quorum",
            )
        keys = [v.bls for v in signers]
        if not self.backend.verify(keys, votes.message, votes.signature):
            absent = [v.bls for v in active.validators if v not in signers and v.bls != ZERO_KEY]
            if any(self.backend.verify([*keys, key], votes.message, votes.signature) for key in absent):
                raise InvalidInputError(
                    "the votes' signature holds one more validator than is marked", code="consensus.dropped_signer"
                )
            raise InvalidInputError(
                "the votes' signature is not that of the validators marked", code="consensus.vote_signature"
            )
        return len(signers)

    def _fits(self, votes: Attestation, other: ValidatorSet) -> bool:
        keys = [v.bls for place, v in enumerate(other.validators) if votes.bits >> place & 1]
        fit = not votes.bits >> len(other.validators) and ZERO_KEY not in keys and len(keys) >= other.quorum
        return fit and self.backend.verify(keys, votes.message, votes.signature)

    def _other_sets(self, header: Header, active: ValidatorSet) -> list[ValidatorSet]:
        around = self.history.around(header.number, header.rules.epoch_length)
        return [pin.set for pin in around if pin.set is not None and pin.set != active]


def _wrong_set(message: str) -> InvalidInputError:
    return InvalidInputError(message, code="consensus.wrong_epoch_set")


def _unknown(rule: str, message: str) -> UnknownRulesError:
    return UnknownRulesError(message, code=f"consensus.{rule}")
