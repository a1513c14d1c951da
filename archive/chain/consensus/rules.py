"""The rules of each fork, and where each begins on chains 56 and 97.

A header says its number and time, and those decide which rules it must follow. Two things are never guessed: what holds
after a fork that is not in these tables (`consensus.unknown_fork`), and the epoch length in the first hour after a fork
that changes it, since the change waits for an aligned block (`consensus.epoch_switch`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from archive.errors import ArchiveError, ExitCode

# After a fork that changes the epoch length the old one holds up to the next multiple of the new one: at most 500 or
# 1000 blocks, 750 seconds at full speed. Within this time it can't be told from a header which of the two holds.
EPOCH_SWITCH_SECONDS: Final = 3600
# Last four of the 32 vanity bytes: CRC-32 of genesis and forks (EIP-2124), of the next fork where one is scheduled.
FORK_ID_SIZE: Final = 4


class UnknownRulesError(ArchiveError):
    """Nothing is known to be wrong, but the rules or the validator set for a block are not known here. Exit 3."""

    exit_code = ExitCode.INCOMPLETE


@dataclass(frozen=True, slots=True)
class Rules:
    """What a header must look like, and how votes count.

    `fields` of the header's RLP list; `turn_length` is True when epoch blocks carry one; `milliseconds` when mixHash
    holds them; `target_depth` is how many blocks back a vote's target may lie.
    """

    fork: str
    fields: int
    epoch_length: int
    turn_length: bool = False
    milliseconds: bool = False
    target_depth: int = 1


# Plato is the first fork whose votes count; before it nothing can be shown by them.
FORKS: Final[Mapping[str, Rules]] = {
    rules.fork: rules
    for rules in (
        Rules("plato", 15, 200),
        Rules("london", 16, 200),
        Rules("cancun", 19, 200),
        Rules("bohr", 20, 200, turn_length=True),
        Rules("prague", 21, 200, turn_length=True),
        Rules("lorentz", 21, 500, turn_length=True, milliseconds=True),
        Rules("maxwell", 21, 1000, turn_length=True, milliseconds=True),
        Rules("fermi", 21, 1000, turn_length=True, milliseconds=True, target_depth=3),
        # Osaka and Mendel change nothing that is checked here.
        Rules("osaka", 21, 1000, turn_length=True, milliseconds=True, target_depth=3),
    )
}


@dataclass(frozen=True, slots=True)
class Activation:
    """Where a fork begins: at a block number, or at a block's time in seconds since 1970."""

    fork: str
    number: int | None = None
    time: int | None = None

    def active(self, number: int, time: int) -> bool:
        if self.number is not None:
            return number >= self.number
        return self.time is not None and time >= self.time


@dataclass(frozen=True, slots=True)
class ChainRules:
    """The forks of one chain, oldest first; the chain is told by id and hash of its first block.

    `fork_id` is what headers after the last of them announce; None for a private chain, which has no later fork.
    `epoch_length` overrides the forks' on a private chain.
    """

    chain_id: int
    genesis: str
    forks: tuple[Activation, ...]
    fork_id: bytes | None = None
    epoch_length: int | None = None

    def at(self, number: int, time: int) -> Rules:
        """The rules for a block; raises UnknownRulesError `consensus.before_finality` or `consensus.epoch_switch`."""
        current = [fork for fork in self.forks if fork.active(number, time)]
        if not current:
            raise UnknownRulesError(
                f"block {number} is older than the votes of validators that a proof rests on",
                code="consensus.before_finality",
            )
        rules = FORKS[current[-1].fork]
        if self.epoch_length is not None:
            return Rules(
                rules.fork,
                rules.fields,
                self.epoch_length,
                rules.turn_length,
                rules.milliseconds,
                rules.target_depth,
            )
        for fork, before in zip(current[1:], current, strict=False):
            changed = FORKS[fork.fork].epoch_length != FORKS[before.fork].epoch_length
            if changed and fork.time is not None and time < fork.time + EPOCH_SWITCH_SECONDS:
                raise UnknownRulesError(
                    f"block {number} follows the {fork.fork} fork so closely that its epoch length is not certain",
                    code="consensus.epoch_switch",
                )
        return rules

    def after_last_fork(self, number: int, time: int) -> bool:
        """True where a fork that these tables do not know could be in force."""
        return self.fork_id is not None and self.forks[-1].active(number, time)


BSC: Final = ChainRules(
    chain_id=56,
    genesis="0x0d21840abff46b96c84b2ac9e10e4f5cdaeb5693cb665db62a2f3b02d2d57b5b",
    forks=(
        Activation("plato", number=30_720_096),
        Activation("london", number=31_302_048),
        Activation("cancun", time=1_718_863_500),  # 2024-06-20
        Activation("bohr", time=1_727_317_200),  # 2024-09-26
        Activation("prague", time=1_742_436_600),  # 2025-03-20
        Activation("lorentz", time=1_745_903_100),  # 2025-04-29
        Activation("maxwell", time=1_751_250_600),  # 2025-06-30
        Activation("fermi", time=1_768_357_800),  # 2026-01-14
        Activation("osaka", time=1_777_343_400),  # 2026-04-28
    ),
    fork_id=bytes.fromhex("808e16a3"),
)
BSC_TESTNET: Final = ChainRules(
    chain_id=97,
    genesis="0x6d3c66c5357ec91d5c43af47e234a939b22557cbb552dc45bebbceeed90fbe34",
    forks=(
        Activation("plato", number=29_861_024),
        Activation("london", number=31_103_030),
        Activation("cancun", time=1_713_330_442),  # 2024-04-17
        Activation("bohr", time=1_724_116_996),  # 2024-08-20
        Activation("prague", time=1_740_452_880),  # 2025-02-25
        Activation("lorentz", time=1_744_097_580),  # 2025-04-08
        Activation("maxwell", time=1_748_243_100),  # 2025-05-26
        Activation("fermi", time=1_762_741_500),  # 2025-11-10
        Activation("osaka", time=1_774_319_400),  # 2026-03-24
    ),
    fork_id=bytes.fromhex("f0bf43da"),
)
PUBLIC: Final[Mapping[int, ChainRules]] = {chain.chain_id: chain for chain in (BSC, BSC_TESTNET)}


def private_rules(chain_id: int, genesis: str, fork: str, epoch_length: int) -> ChainRules:
    """Rules of a private Parlia chain that runs one fork from its first block on."""
    return ChainRules(chain_id, genesis, (Activation(fork, number=0),), None, epoch_length)


def rules_of(chain_id: int, genesis: str, private: Iterable[ChainRules] = ()) -> ChainRules | None:
    """The rules of a chain: of a public one, else of one that the reader's trust file names; None when unknown."""
    for chain in (*PUBLIC.values(), *private):
        if (chain.chain_id, chain.genesis) == (chain_id, genesis):
            return chain
    return None
