"""Collecting a finality proof from a node, soon after the block is final: headers after it, and its epoch block.

A node's word for finality (`finalized`) can run ahead of what headers show, since it counts votes that no header holds
yet: this waits for the votes to appear. The proof is checked in form here (links, votes that finalise); signatures are
checked where the validators are known.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from archive.chain import blocks
from archive.chain.codec import to_hex
from archive.chain.consensus.finality import Verifier
from archive.chain.consensus.headers import Header, decode_header
from archive.chain.consensus.proof import MAX_HEADERS, ParliaProof
from archive.chain.consensus.rules import ChainRules, UnknownRulesError
from archive.chain.consensus.sets import SetHistory
from archive.chain.rpc import Rpc
from archive.errors import InvalidInputError, UnreachableError

POLL_SECONDS = 1.0
WAIT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for blocks that are still to come; tests give it a clock of their own."""

    seconds: float = WAIT_SECONDS
    poll: float = POLL_SECONDS
    sleep: Callable[[float], None] = field(default=time.sleep)
    clock: Callable[[], float] = field(default=time.monotonic)


def fetch_header(rpc: Rpc, number: int) -> bytes | None:
    """The RLP of a block's header, which hashes to what the node says; None when the node does not have it."""
    block = rpc.call("eth_getBlockByNumber", [hex(number), False])
    if not isinstance(block, dict):
        return None
    raw, header = blocks.read_header(block)
    if header.number != number:
        raise InvalidInputError(
            f"the node answers block {header.number} when asked for {number}", code="chain.rpc_bad_answer"
        )
    return raw


def finalising_headers(rpc: Rpc, block: Header, rules: ChainRules, patience: Patience | None = None) -> list[bytes]:
    """The headers after a block up to the first whose votes make it final.

    Raises:
        UnreachableError: `consensus.no_votes_yet`, when none comes in time or within the bound of a proof.
        InvalidInputError: `consensus.gap` and the codes of `decode_header`.
    """
    waiting = patience or Patience()
    deadline = waiting.clock() + waiting.seconds
    found: list[bytes] = []
    before = block
    while len(found) < MAX_HEADERS:
        raw = fetch_header(rpc, before.number + 1)
        if raw is None:
            if waiting.clock() >= deadline:
                break
            waiting.sleep(waiting.poll)
            continue
        header = decode_header(raw, rules)
        if header.parent_hash != before.hash:
            raise InvalidInputError(
                f"block {header.number} of the node does not follow block {before.number}",
                code="consensus.gap",
                hint="the chain is being reorganised, or the node changes its answers; run the command again",
            )
        found.append(raw)
        votes = header.attestation
        if votes is not None and votes.source_number >= block.number and votes.finalises(votes.source_number):
            return found
        before = header
    raise UnreachableError(
        f"no votes that make block {block.number} final are in the headers up to {before.number}",
        code="consensus.no_votes_yet",
        hint="run the command again later",
    )


def collect_finality_proof(
    rpc: Rpc, block: bytes, rules: ChainRules, history: SetHistory, *, patience: Patience | None = None
) -> ParliaProof:
    """The smallest proof that a block is final, with the epoch blocks whose sets it rests on.

    Args:
        block: RLP of the block's header.
        history: sets that the publisher knows; where they reach, the proof is verified whole.

    Raises:
        UnreachableError: `consensus.no_votes_yet`, `consensus.no_epoch_block`.
        InvalidInputError: a `consensus.*` code: the node gives what does not hold.
    """
    first = decode_header(block, rules)
    raws = finalising_headers(rpc, first, rules, patience)
    headers = [first, *(decode_header(raw, rules) for raw in raws)]
    epochs = [_epoch_with_votes(rpc, number, rules, patience) for number in _epochs(rpc, headers, rules)]
    proof = ParliaProof(
        kind="parlia",
        headers=tuple(map(to_hex, raws)),
        epochs=tuple(tuple(map(to_hex, epoch)) for epoch in epochs),
    )
    try:
        Verifier(rules, history).check(block, proof)
    except UnknownRulesError as error:
        # The publisher may have no sets of this time; the reader's decide in any case.
        if error.code != "consensus.no_validator_set":
            raise
    return proof


def _epochs(rpc: Rpc, headers: list[Header], rules: ChainRules) -> list[int]:
    """The epoch blocks whose sets are in force at the headers: the last one, or before its handover the one before."""
    found: set[int] = set()
    for header in headers:
        before = header.epoch - header.rules.epoch_length
        if before <= 0:  # the first block of a chain announces nothing in a header that could be carried
            found |= {header.epoch} if header.epoch else set()
            continue
        announced = _epoch_header(rpc, before, rules).announced
        late = announced is None or header.number > header.epoch + announced.handover
        found.add(header.epoch if late else before)
    return sorted(found)


def _epoch_with_votes(rpc: Rpc, number: int, rules: ChainRules, patience: Patience | None) -> list[bytes]:
    header = _epoch_header(rpc, number, rules)
    return [header.raw, *finalising_headers(rpc, header, rules, patience)]


def _epoch_header(rpc: Rpc, number: int, rules: ChainRules) -> Header:
    raw = fetch_header(rpc, number)
    if raw is None:
        raise UnreachableError(
            f"the node does not have epoch block {number}",
            code="consensus.no_epoch_block",
            hint="use a node that keeps older headers",
        )
    return decode_header(raw, rules)
