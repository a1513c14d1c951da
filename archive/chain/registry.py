"""The registry's binary interface: selectors, event topic, and the fixed-size words of its calls and answers.

Pure, base libraries only: the registry uses nothing but one-word types, so no ABI library is needed. Source of the
encoding: Solidity ABI specification; of the layout: `contracts/src/interfaces/IIncidentRegistry.sol`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from archive.chain.codec import ZERO_WORD, from_hex, keccak, to_hex

WORD: Final = 32
ANCHOR: Final = "anchor(bytes32,bytes32,bytes32,bytes32)"
ANCHORED: Final = "Anchored(address,bytes32,bytes32,bytes32,bytes32,uint256)"

ANCHOR_BATCH: Final = "anchorBatch(bytes32,uint256)"
BATCH_ANCHORED: Final = "BatchAnchored(address,bytes32,uint256)"


@cache
def selector(signature: str) -> bytes:
    """First four bytes of the hash of a function's or custom error's signature."""
    return keccak(signature.encode())[:4]


@cache
def topic(signature: str) -> bytes:
    """Topic 0 of an event."""
    return keccak(signature.encode())


def incident_key(incident: str) -> bytes:
    """The 32-byte key of an incident id on chain: keccak256 of its UTF-8 bytes."""
    return keccak(incident.encode())


def address_word(address: str) -> bytes:
    return from_hex(address).rjust(WORD, b"\0")


def int_word(value: int) -> bytes:
    return value.to_bytes(WORD, "big")


def word_address(word: bytes) -> str:
    """The address in a word; raises ValueError when the upper 12 bytes are not zero."""
    if len(word) != WORD or any(word[:12]):
        raise ValueError("not an address word")
    return to_hex(word[12:])


def split_words(data: bytes, count: int) -> list[bytes]:
    """Exactly `count` words; raises ValueError for any other size."""
    if len(data) != count * WORD:
        raise ValueError(f"{len(data)} bytes, expected {count * WORD}")
    return [data[i : i + WORD] for i in range(0, len(data), WORD)]


def encode_call(signature: str, words: Sequence[bytes]) -> bytes:
    return selector(signature) + b"".join(words)


@dataclass(frozen=True, slots=True)
class AnchorCall:
    """The arguments of `anchor`, 32 bytes each; `previous` is zero for none."""

    incident: bytes
    root: bytes
    previous: bytes
    content_digest: bytes

    def encode(self) -> bytes:
        return encode_call(ANCHOR, (self.incident, self.root, self.previous, self.content_digest))

    @property
    def tag(self) -> bytes:
        """The top 152 bits of keccak256(abi.encode(incident, previous, contentDigest)): 19 bytes of the entry."""
        return keccak(self.incident + self.previous + self.content_digest)[:19]

    @classmethod
    def decode(cls, calldata: bytes) -> AnchorCall | None:
        """The arguments when the call is `anchor` and nothing else, or None."""
        if calldata[:4] != selector(ANCHOR) or len(calldata) != 4 + 4 * WORD:
            return None
        return cls(*split_words(calldata[4:], 4))


@dataclass(frozen=True, slots=True)
class AnchoredEvent:
    """The event `Anchored`: `publisher` as `0x` + 40 hex digits, the words as 32 bytes, `ordinal` from 1."""

    publisher: str
    incident: bytes
    root: bytes
    previous: bytes
    content_digest: bytes
    ordinal: int

    @property
    def has_previous(self) -> bool:
        return self.previous != ZERO_WORD

    @classmethod
    def decode(cls, topics: Sequence[bytes], data: bytes) -> AnchoredEvent:
        """Read a log whose topic 0 is that of `Anchored`; raises ValueError when its shape is not exact."""
        if len(topics) != 4:
            raise ValueError(f"{len(topics)} topics, expected 4")
        if any(len(word) != WORD for word in topics):
            raise ValueError("a topic is not 32 bytes")
        previous, digest, ordinal = split_words(data, 3)
        return cls(word_address(topics[1]), topics[2], topics[3], previous, digest, int.from_bytes(ordinal, "big"))


@dataclass(frozen=True, slots=True)
class BatchCall:
    """The arguments of `anchorBatch`: the batch's root, 32 bytes, and how many leaves it has."""

    root: bytes
    count: int

    def encode(self) -> bytes:
        return encode_call(ANCHOR_BATCH, (self.root, int_word(self.count)))

    @classmethod
    def decode(cls, calldata: bytes) -> BatchCall | None:
        """The arguments when the call is `anchorBatch` and nothing else, or None."""
        if calldata[:4] != selector(ANCHOR_BATCH) or len(calldata) != 4 + 2 * WORD:
            return None
        root, count = split_words(calldata[4:], 2)
        return cls(root, int.from_bytes(count, "big"))


@dataclass(frozen=True, slots=True)
class BatchAnchoredEvent:
    """The event `BatchAnchored`: `publisher` as `0x` + 40 hex digits, the batch's root, the number of its leaves."""

    publisher: str
    root: bytes
    count: int

    @classmethod
    def decode(cls, topics: Sequence[bytes], data: bytes) -> BatchAnchoredEvent:
        """Read a log whose topic 0 is that of `BatchAnchored`; raises ValueError when its shape is not exact."""
        if len(topics) != 3 or any(len(word) != WORD for word in topics):
            raise ValueError(f"{len(topics)} topics, expected 3 of 32 bytes")
        (count,) = split_words(data, 1)
        return cls(word_address(topics[1]), topics[2], int.from_bytes(count, "big"))


ENTRY_OF: Final = "entryOf(address,bytes32)"
HEAD_OF: Final = "headOf(address,bytes32)"
FLAG_KIND_MASK: Final = 0x0F
KIND_PACKAGE: Final = 0
KIND_BATCH: Final = 1
BATCHES_SLOT: Final = 2


def batch_slot(publisher: str, root: bytes) -> bytes:
    """The storage slot of the batch of (publisher, root)."""
    return keccak(root + keccak(address_word(publisher) + int_word(BATCHES_SLOT)))


@dataclass(frozen=True, slots=True)
class Entry:
    """A registry entry: `tag` is 19 bytes, `time` the block's in seconds since 1970, `ordinal` counts from 1.

    `flags`: the low four bits are the kind (0 = one package, 1 = a batch), bit 4 means sent by a relay.
    """

    tag: bytes
    time: int
    block: int
    ordinal: int
    flags: int

    @property
    def is_package(self) -> bool:
        """True for the root of one package, with no flag that this version does not know."""
        return self.flags & FLAG_KIND_MASK == KIND_PACKAGE and self.flags & ~0x1F == 0


@dataclass(frozen=True, slots=True)
class Head:
    """The latest of a publisher's history of an incident: first 29 bytes of its root, and how many revisions."""

    root_prefix: bytes
    ordinal: int

    def is_root(self, root: bytes) -> bool:
        return root[:29] == self.root_prefix


def encode_entry_of(publisher: str, root: bytes) -> bytes:
    return encode_call(ENTRY_OF, (address_word(publisher), root))


def encode_head_of(publisher: str, incident: bytes) -> bytes:
    return encode_call(HEAD_OF, (address_word(publisher), incident))


def decode_entry(answer: bytes) -> Entry | None:
    """The answer of `entryOf`, None for no entry; raises ValueError when its shape is not exact."""
    tag, *words = split_words(answer, 5)
    if any(tag[19:]):
        raise ValueError("the tag is not 19 bytes")
    numbers = [int.from_bytes(word, "big") for word in words]
    if any(number >> bits for number, bits in zip(numbers, (40, 40, 16, 8), strict=True)):
        raise ValueError("a number is out of range")
    entry = Entry(tag[:19], *numbers)
    return entry if entry.ordinal else None


def decode_head(answer: bytes) -> Head | None:
    """The answer of `headOf`, None for no history; raises ValueError when its shape is not exact."""
    prefix, ordinal = split_words(answer, 2)
    number = int.from_bytes(ordinal, "big")
    if any(prefix[29:]) or number >> 24:
        raise ValueError("a value is out of range")
    return Head(prefix[:29], number) if number else None


# The contract's custom errors: signature, our code, sentence, hint.
ERRORS: Final = (
    ("ZeroIncident()", "registry.zero_incident", "the incident key is zero", None),
    ("ZeroRoot()", "registry.zero_root", "the root is zero", None),
    (
        "AlreadyAnchored(address,bytes32)",
        "registry.already_anchored",
        "this publisher anchored this root before, with other values",
        "an entry never changes: publish a new revision instead",
    ),
    (
        "NotHead(bytes32,bytes29)",
        "registry.not_head",
        "the previous root given is not the latest that this publisher anchored for the incident",
        "fetch the latest revision and make the new one on top of it",
    ),
    (
        "HistoryFull(address,bytes32)",
        "registry.history_full",
        "this publisher's history of the incident is full",
        "publish under another key, naming the last root as the previous one",
    ),
    (
        "AlreadyAnchoredBatch(address,bytes32)",
        "registry.already_anchored_batch",
        "this publisher anchored this batch before",
        None,
    ),
    ("CountOutOfRange(uint256)", "registry.count_out_of_range", "a batch has 1 to 2^24 members", None),
    ("AlreadyEndorsed(address,bytes32)", "registry.already_endorsed", "this key endorsed this root before", None),
    (
        "AlreadyWithdrawn(address,bytes32)",
        "registry.already_withdrawn",
        "this key withdrew its endorsement of this root, which cannot be undone",
        None,
    ),
    (
        "AlreadyRetracted(address,bytes32)",
        "registry.already_retracted",
        "this publisher retracted this root before",
        None,
    ),
    ("ReasonOutOfRange(uint256)", "registry.reason_out_of_range", "a reason has 1 to 512 bytes", None),
    ("AlreadyCancelled(address,bytes32)", "registry.already_cancelled", "this request was cancelled before", None),
    ("Expired(uint256)", "registry.expired", "the request's deadline has passed", "ask its signer for a new one"),
    ("RequestCancelled(address,bytes32)", "registry.cancelled", "the signer cancelled the request", None),
    (
        "BadSignature(address,bytes32)",
        "registry.bad_signature",
        "the account named in the request does not stand behind its signature",
        "was it signed for this chain and registry, by this account? make it again with `archive sign`",
    ),
    ("ClockOutOfRange()", "registry.clock_out_of_range", "the chain's block number or time is out of range", None),
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A custom error of the registry in our terms."""

    code: str
    message: str
    hint: str | None


def decode_revert(data: bytes) -> Refusal | None:
    """The registry's own error in a call's revert data, or None for any other."""
    for signature, code, message, hint in ERRORS:
        if data[:4] == selector(signature):
            return Refusal(code, message, hint)
    return None
