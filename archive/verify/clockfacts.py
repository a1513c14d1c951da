"""What was found out about the blocks that stamps and `not_before` speak of: plain values, no judgement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from archive.stamps.bitcoin import MAINNET, Network

BitcoinKind = Literal["trust", "file", "node", "source"]
# `other_history`: a chain of that number with another first block than the trusted one. `unknown_history`: another
# block at that height, where the trust file does not tell which history of that number is meant.
BlockOutcome = Literal["same", "other", "absent", "unreachable", "bad_answer", "other_history", "unknown_history"]


@dataclass(frozen=True, slots=True)
class BitcoinAnswer:
    """What one place says is the Bitcoin block at a height: 80 bytes, or None and why. `source` is safe to show."""

    height: int
    source: str
    kind: BitcoinKind
    header: bytes | None
    problem: str | None = None

    @property
    def own(self) -> bool:
        """Whether it is the verifier's own word, which needs nobody to agree."""
        return self.kind != "source"


@dataclass(frozen=True, slots=True)
class BlockAnswer:
    """What one node says of a block that the package names in `not_before`, on a chain of Ethereum's kind.

    `place` is who runs the node, as far as it can be told: nodes of one place count once.
    """

    chain: str
    height: int
    source: str
    outcome: BlockOutcome
    found: str | None = None
    place: str | None = None


@dataclass(frozen=True, slots=True)
class ClockFacts:
    """All of it. `quorum` is how many sources of others must agree on a Bitcoin header.

    `chain_quorums` is how many nodes must agree on a chain whose network has a setting of its own.
    """

    bitcoin: tuple[BitcoinAnswer, ...] = ()
    blocks: tuple[BlockAnswer, ...] = ()
    network: Network = MAINNET
    quorum: int = 2
    chain_quorums: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Clock:
    """A moment that was shown: the package existed `no_later` than it, or was assembled `no_earlier`.

    `time` is in seconds since 1970, `margin` the seconds by which the clock may be off, `rests_on` whom one believes.
    """

    name: str
    kind: Literal["anchor", "rfc3161", "bitcoin", "block"]
    bound: Literal["no_later", "no_earlier"]
    time: int
    margin: int
    rests_on: str

    @property
    def limit(self) -> int:
        """The moment with the clock's error on the safe side."""
        return self.time + self.margin if self.bound == "no_later" else self.time - self.margin


@dataclass(frozen=True, slots=True)
class Interval:
    """Between which moments the package came into being, as far as clocks show it, and which clocks contradict."""

    no_earlier: Clock | None = None
    no_later: Clock | None = None
    disagree: tuple[str, ...] = ()
