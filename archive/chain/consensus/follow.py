"""Following the validator sets of a chain from one that is pinned to the newest, handover by handover.

Each step takes the next epoch block and the headers after it that make it final, and verifies them with the sets so
far: links, seals, votes, quorum. A step that can't be taken stops everything; no epoch is skipped, since a skipped one
is where a forged set would come in. Nothing a node says is believed; the answer of a liar does not verify.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from archive.chain.consensus import bls
from archive.chain.consensus.collect import Patience, fetch_header, finalising_headers
from archive.chain.consensus.finality import Verifier
from archive.chain.consensus.headers import Header, decode_header
from archive.chain.consensus.rules import ChainRules, UnknownRulesError
from archive.chain.consensus.sets import PinnedSet, SetHistory
from archive.chain.rpc import Rpc
from archive.errors import ArchiveError, InvalidInputError, UnreachableError, UsageError

# Sets kept whole; of older ones followed here the hash remains, and a proof brings the header that it belongs to.
KEEP_WHOLE: Final = 16
# Of those the newest; a chain whose set changes with every epoch would otherwise fill the trust file.
KEEP_HASHES: Final = 4096
FOLLOWED: Final = "followed from "


@dataclass(frozen=True, slots=True)
class Followed:
    """What following came to: all pins of the chain now, the last epoch block reached, how many steps were taken.

    `stopped` is why it ended before the newest epoch; what was verified up to there stands.
    """

    pins: tuple[PinnedSet, ...]
    last: PinnedSet
    steps: int
    stopped: ArchiveError | None


def follow(
    rpc: Rpc,
    rules: ChainRules,
    history: SetHistory,
    *,
    limit: int = 1_000_000,
    progress: Callable[[int, int], None] | None = None,
    backend: bls.Backend | None = None,
) -> Followed:
    """Follow up to `limit` handovers from the newest set in the history.

    Args:
        progress: told of each epoch block reached and of the chain's head.

    Raises:
        UsageError: `consensus.nothing_pinned`.
        InvalidInputError: `consensus.wrong_epoch_set` when the node is on another history than the pin.
        UnreachableError: the node does not answer, or lacks the block of the pin (`consensus.no_epoch_block`).
        MissingDependencyError: `consensus.no_bls`.
    """
    if not history.pins:
        raise UsageError(
            f"no validator set of chain {rules.chain_id} is pinned to follow from",
            code="consensus.nothing_pinned",
            hint="pin an epoch block of which you know the hash: archive trust add epoch",
        )
    verifier = Verifier(rules, history, backend=backend or bls.backend())
    start = history.pins[-1]
    current = _pinned_header(rpc, rules, start)
    if start.set is None:
        verifier.learn([current.raw])
    last, steps = verifier.history.pins[-1], 0
    stopped: ArchiveError | None = None
    while steps < limit:
        head = _head(rpc)
        wanted = current.number + current.rules.epoch_length
        # The votes that make an epoch block final come two blocks later at the earliest.
        if wanted + 2 > head:
            break
        try:
            current, last = _step(rpc, verifier, last, wanted)
        except (InvalidInputError, UnreachableError, UnknownRulesError) as error:
            stopped = error
            break
        steps += 1
        if progress is not None:
            progress(wanted, head)
    return Followed(_thinned(verifier.history.pins), last, steps, stopped)


def _step(rpc: Rpc, verifier: Verifier, last: PinnedSet, wanted: int) -> tuple[Header, PinnedSet]:
    raw = fetch_header(rpc, wanted)
    if raw is None:
        raise UnreachableError(
            f"the node does not have epoch block {wanted}, and none may be left out",
            code="consensus.gap",
            hint="use a node that keeps older headers",
        )
    header = decode_header(raw, verifier.rules)
    raws = [raw, *finalising_headers(rpc, header, verifier.rules, Patience(seconds=0))]
    if verifier.learn(raws) is None or header.announced is None:
        raise InvalidInputError(
            f"epoch block {wanted} does not follow from the set that is pinned", code="consensus.gap"
        )
    return header, _joined(verifier, header, last)


def _joined(verifier: Verifier, header: Header, last: PinnedSet) -> PinnedSet:
    """The pin of the epoch just verified: the last one prolonged when it announced the same set, else a new one."""
    as_of = datetime.fromtimestamp(header.time // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    pin = verifier.history.pins[-1]
    if last.set == pin.set:
        others = (p for p in verifier.history.pins if p.number not in (last.number, pin.number))
        joined = replace(last, last_number=header.number, last_hash=header.hash, as_of=as_of)
        verifier.history = SetHistory((*others, joined))
        return joined
    source = last.source if last.source.startswith(FOLLOWED) else f"{FOLLOWED}{last.source}"[:200]
    joined = replace(pin, as_of=as_of, source=source)
    verifier.history = verifier.history.with_pin(joined)
    return joined


def _pinned_header(rpc: Rpc, rules: ChainRules, start: PinnedSet) -> Header:
    raw = fetch_header(rpc, start.last_number)
    if raw is None:
        raise UnreachableError(
            f"the node does not have epoch block {start.last_number}, the last one that is pinned",
            code="consensus.no_epoch_block",
            hint="use a node that keeps older headers, or pin a newer epoch block: archive trust add epoch",
        )
    header = decode_header(raw, rules)
    if header.hash != start.last_hash:
        raise InvalidInputError(
            f"the node has another epoch block {start.last_number} than the one that is pinned",
            code="consensus.wrong_epoch_set",
            hint="the node lies or is on another chain, or the pin is wrong: ask another node",
        )
    return header


def _head(rpc: Rpc) -> int:
    from archive.chain import codec

    return codec.quantity(rpc.call("eth_blockNumber", []), "block number")


def _thinned(pins: tuple[PinnedSet, ...]) -> tuple[PinnedSet, ...]:
    """Old followed pins without their sets, and the oldest of those not at all; others' pins stay as they are."""
    followed = [pin for pin in pins if pin.source.startswith(FOLLOWED)]
    whole = {pin.number for pin in followed[-KEEP_WHOLE:]}
    kept = {pin.number for pin in followed[-KEEP_HASHES:]}
    out = []
    for pin in pins:
        if pin not in followed or pin.number in whole:
            out.append(pin)
        elif pin.number in kept:
            out.append(_hash_only(pin))
    return tuple(out)


def _hash_only(pin: PinnedSet) -> PinnedSet:
    """A pin that covers several epochs keeps its set: hash and set go apart only where one block tells both."""
    return replace(pin, set=None) if pin.number == pin.last_number else pin
