"""Validator sets, the reader's pins of them, and which set is in force at a block.

The set that epoch block E announces seals and votes after block E + (n//2 + 1) · turn − 1, n and turn being those of
the set in force at E. A pin says that epoch block `number` with this hash announced a set, and that every epoch block
up to `last_number` announced the same one. A pin may hold the hash alone: a proof that brings that header fills in the
set.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

ZERO_KEY: Final = bytes(48)


@dataclass(frozen=True, slots=True)
class Validator:
    """An address of 20 bytes that seals, and the 48-byte BLS key that votes; all zero when it has none."""

    address: bytes
    bls: bytes


@dataclass(frozen=True, slots=True)
class ValidatorSet:
    """Validators sorted by address, and how many blocks in a row each may seal."""

    validators: tuple[Validator, ...]
    turn_length: int

    @property
    def quorum(self) -> int:
        """Votes needed: two thirds, rounded up, of all validators, those without a key included."""
        return -(-2 * len(self.validators) // 3)

    @property
    def handover(self) -> int:
        """Blocks from an epoch block to the last one that this set seals."""
        return (len(self.validators) // 2 + 1) * self.turn_length - 1

    def holds(self, address: bytes) -> bool:
        return any(validator.address == address for validator in self.validators)

    def in_turn(self, number: int) -> bytes:
        """The address whose turn block `number` is."""
        return self.validators[number // self.turn_length % len(self.validators)].address


@dataclass(frozen=True, slots=True)
class PinnedSet:
    """One pin of the reader. `as_of` is the time of the last block seen with it, RFC 3339; `source` who pinned it."""

    chain_id: int
    genesis: str
    number: int
    hash: bytes
    last_number: int
    last_hash: bytes
    set: ValidatorSet | None
    source: str
    as_of: str


class SetHistory:
    """The pins of one chain, by epoch. Never changed in place."""

    def __init__(self, pins: Iterable[PinnedSet] = ()) -> None:
        self.pins = tuple(sorted(pins, key=lambda pin: pin.number))

    def covering(self, epoch: int) -> PinnedSet | None:
        """The pin that says what epoch block `epoch` announced."""
        return next((pin for pin in self.pins if pin.number <= epoch <= pin.last_number), None)

    def active(self, number: int, epoch_length: int) -> PinnedSet | None:
        """The pin whose set seals block `number` and votes for it as a target; None when that is not known.

        A set is in force for certain from the epoch block after its own, since every handover ends within its epoch.
        """
        epoch = number - number % epoch_length
        current = self.covering(epoch)
        if current is not None and epoch > current.number:
            return current
        before = self.covering(epoch - epoch_length)
        if before is None or before.set is None:
            return None
        return before if number <= epoch + before.set.handover else current

    def around(self, number: int, epoch_length: int) -> tuple[PinnedSet, ...]:
        """The pins whose sets a confused or lying source could have taken for the one in force."""
        epoch = number - number % epoch_length
        found = [self.covering(epoch + step * epoch_length) for step in (-1, 0, 1)]
        return tuple(dict.fromkeys(pin for pin in found if pin is not None and pin.set is not None))

    def with_pin(self, pin: PinnedSet) -> SetHistory:
        """The history with one more pin, in place of one with the same number."""
        return SetHistory((*(p for p in self.pins if p.number != pin.number), pin))

    def filled(self, epoch: int, announced: ValidatorSet) -> SetHistory:
        """The history with the set of a pin that held only the hash."""
        return SetHistory(replace(p, set=announced) if p.number == epoch else p for p in self.pins)
