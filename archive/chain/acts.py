"""Endorsements, retractions and batches as a registry holds them, read through any `Rpc`. Base libraries only.

Layout and flags: `contracts/src/interfaces/IIncidentRegistry.sol`. A value with a flag that is not known is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from archive.chain import blocks, codec, registry
from archive.chain.codec import keccak, to_hex
from archive.chain.reader import block_receipts
from archive.chain.rpc import Rpc
from archive.errors import InvalidInputError

_T = TypeVar("_T")
BATCH_OF: Final = "batchOf(address,bytes32)"
ENDORSEMENT_OF: Final = "endorsementOf(address,bytes32)"
RETRACTION_OF: Final = "retractionOf(address,bytes32)"
RETRACTED: Final = "Retracted(address,bytes32,string)"
_SET, _WITHDRAWN, _RELAYED, _WITHDRAWN_RELAYED = 0x01, 0x02, 0x10, 0x20


@dataclass(frozen=True, slots=True)
class BatchEntry:
    """An anchored batch: number of leaves as stated, time in seconds since 1970, block number."""

    count: int
    time: int
    block: int
    flags: int


@dataclass(frozen=True, slots=True)
class Endorsement:
    """An endorsement, withdrawn or not; times in seconds since 1970, 0 for what did not happen."""

    time: int
    block: int
    withdrawn_time: int
    withdrawn_block: int
    flags: int

    @property
    def stands(self) -> bool:
        return self.flags & _SET != 0 and not self.withdrawn

    @property
    def withdrawn(self) -> bool:
        return self.flags & _WITHDRAWN != 0


@dataclass(frozen=True, slots=True)
class Retraction:
    """A retraction: first 19 bytes of the reason's keccak256, time in seconds since 1970, block number."""

    reason_tag: bytes
    time: int
    block: int
    flags: int


class ActsReader:
    """What one registry holds beside entries and heads. Answers are decoded strictly, but not proven."""

    def __init__(self, rpc: Rpc, address: str) -> None:
        self.rpc = rpc
        self.address = address.lower()

    def batch(self, publisher: str, root: bytes) -> BatchEntry | None:
        return self._view(BATCH_OF, publisher, root, _batch)

    def endorsement(self, endorser: str, root: bytes) -> Endorsement | None:
        return self._view(ENDORSEMENT_OF, endorser, root, _endorsement)

    def retraction(self, publisher: str, root: bytes) -> Retraction | None:
        return self._view(RETRACTION_OF, publisher, root, _retraction)

    def reason(self, publisher: str, root: bytes, retraction: Retraction) -> str | None:
        """The reason in the event, held against its tag in storage; None when the node does not show it any more."""
        block = self.rpc.call("eth_getBlockByNumber", [hex(retraction.block), False])
        if not isinstance(block, dict):
            return None
        topics = (registry.topic(RETRACTED), registry.address_word(publisher), root)
        for receipt in block_receipts(self.rpc, block):
            for log in blocks.read_receipt(receipt)[1].logs:
                if to_hex(log.address) == self.address and log.topics == topics:
                    reason = reason_of(log.data, retraction)
                    if reason is not None:
                        return reason
        return None

    def _view(self, signature: str, account: str, key: bytes, decode: Callable[[bytes], _T]) -> _T:
        calldata = registry.encode_call(signature, (registry.address_word(account), key))
        answer = self.rpc.call("eth_call", [{"to": self.address, "data": to_hex(calldata)}, "latest"])
        raw = codec.data(answer, "answer of the registry")
        try:
            return decode(raw)
        except ValueError as error:
            raise InvalidInputError(
                f"{self.address}: its answer is malformed ({error})",
                code="chain.other_code" if raw else "chain.no_contract",
                hint="check the registry's address and the network",
            ) from None


def endorsement_of_word(word: int) -> Endorsement | None:
    """An endorsement as its slot packs it, None for none; raises `chain.rpc_bad_answer` for unknown flags."""
    if not word:
        return None
    clock = (1 << 40) - 1
    found = Endorsement(word >> 64 & clock, word >> 24 & clock, word >> 216, word >> 176 & clock, word & 0xFF)
    _known_word(found.flags, _SET | _WITHDRAWN | _RELAYED | _WITHDRAWN_RELAYED)
    return found


def retraction_of_word(word: int) -> Retraction | None:
    """A retraction as its slot packs it, None for none; raises `chain.rpc_bad_answer` for unknown flags."""
    if not word:
        return None
    clock = (1 << 40) - 1
    found = Retraction((word >> 104).to_bytes(19, "big"), word >> 64 & clock, word >> 24 & clock, word & 0xFF)
    _known_word(found.flags, _SET | _RELAYED)
    return found


def reason_of(data: bytes, retraction: Retraction) -> str | None:
    """The reason in the data of a log `Retracted`, when it is the one that the retraction's tag is of."""
    reason = _string(data)
    if reason is None or keccak(reason)[:19] != retraction.reason_tag:
        return None
    return reason.decode("utf-8", "replace")


def _known_word(flags: int, known: int) -> None:
    if flags & ~known or not flags:
        raise codec.bad_answer("storage word", "flags that are known here", hex(flags))


def _numbers(words: list[bytes], bits: tuple[int, ...]) -> list[int]:
    numbers = [int.from_bytes(word, "big") for word in words]
    if any(number >> size for number, size in zip(numbers, bits, strict=True)):
        raise ValueError("a number is out of range")
    return numbers


def _known(flags: int, known: int) -> None:
    if flags & ~known:
        raise ValueError(f"flags {flags:#x} are not known here")


def _batch(raw: bytes) -> BatchEntry | None:
    found = BatchEntry(*_numbers(registry.split_words(raw, 4), (32, 40, 40, 8)))
    _known(found.flags, registry.KIND_BATCH | _RELAYED)
    return found if found.flags else None


def _endorsement(raw: bytes) -> Endorsement | None:
    found = Endorsement(*_numbers(registry.split_words(raw, 5), (40, 40, 40, 40, 8)))
    _known(found.flags, _SET | _WITHDRAWN | _RELAYED | _WITHDRAWN_RELAYED)
    return found if found.flags else None


def _retraction(raw: bytes) -> Retraction | None:
    tag, *words = registry.split_words(raw, 4)
    if any(tag[19:]):
        raise ValueError("the tag is not 19 bytes")
    time, block, flags = _numbers(words, (40, 40, 8))
    _known(flags, _SET | _RELAYED)
    return Retraction(tag[:19], time, block, flags) if flags else None


def _string(data: bytes) -> bytes | None:
    """The one `string` in a log's data, None when it is not encoded as compilers do."""
    if len(data) < 2 * registry.WORD or data[: registry.WORD] != registry.int_word(registry.WORD):
        return None
    size = int.from_bytes(data[registry.WORD : 2 * registry.WORD], "big")
    text = data[2 * registry.WORD :]
    return text[:size] if size <= len(text) < size + registry.WORD else None
