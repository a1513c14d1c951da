"""Anchor proofs: that a registry's event is in a block, shown from bytes alone.

An `AnchorProof` carries a block header, the signed transaction with its path in the transaction trie, and the receipt
with its path in the receipt trie. `inspect_anchor_proof` recomputes all of it, needs no network and no key, and takes
nothing from side fields that the proven bytes do not say:

1. header RLP → keccak is the block hash; number, timestamp and both roots come from the header;
2. receipt → value at key `rlp(index)` under the header's receiptsRoot; status 1; the log at `log_index` comes from the
   registry and is `Anchored` with its exact shape: publisher, incident, root, previous, digest, ordinal come from it;
   where a state proof is there, the registry's storage after the block must hold that very entry;
3. transaction → value at the same key under transactionsRoot; its signature gives the sender, its chain id is bound.

An anchor of kind `batch` is the same with the event `BatchAnchored`, and with the package's `path` to the batch's root;
that the path begins at the package is for the verifier, which has the package.

**Origin.** The contract sets the event's publisher to its caller. When the transaction itself calls `anchor` on the
registry (`direct`), its signature covers incident, root, previous and digest, so the publisher's own key said it, even
when the chain is gone; so does the signed request when it calls `anchorFor`. Otherwise (a contract wallet, a
transaction type unknown here) the publisher rests on
the registry's code and on the block being in the chain; step `anchor.sender` is then `unchecked`, not `pass`, and
`sender` tells who signed the transaction.

What a proof can't show: that the block is in the chain (`chain.header` of the verifier), and that `chain_id`'s block 0
is `genesis`: those are compared with the trust file, never believed.

Sources: Ethereum Yellow Paper §4.3 and appendix D (tries), EIP-155, EIP-2718, EIP-2930, EIP-1559, EIP-658.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    StrictInt,
    model_serializer,
    model_validator,
)

from archive.chain import codec, eip712, registry
from archive.chain.batch import MAX_MEMBERS, MAX_PATH, Place
from archive.chain.codec import RlpItem, from_hex, keccak, to_hex
from archive.chain.state import StateProof, decode_slot, entry_slot, hex_prefix, read_account, read_slot
from archive.errors import InvalidInputError

# Bounds on attacker-supplied sizes, in bytes, with room above what chains allow or use today.
MAX_HEADER_BYTES: Final = 16 * 1024
MAX_TRANSACTION_BYTES: Final = 1024 * 1024
MAX_RECEIPT_BYTES: Final = 2 * 1024 * 1024
# A key of three bytes is six nibbles deep; one node per nibble and a leaf.
MAX_PROOF_NODES: Final = 10
MIN_HEADER_FIELDS: Final = 15
MAX_HEADER_FIELDS: Final = 40
MAX_LOGS: Final = 65_536
_MAX_JSON_INTEGER: Final = 2**53 - 1
# Order of the secp256k1 group; EIP-2 refuses s above its half.
_ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141

OPTIONAL_KEYS: Final = ("state", "consensus", "path", "index", "count")

StepStatus = Literal["pass", "fail", "unchecked"]
_Event: TypeAlias = "registry.AnchoredEvent | registry.BatchAnchoredEvent"


Address = Annotated[str, Field(strict=True, pattern=r"^0x[0-9a-f]{40}$", max_length=42)]
Hash = Annotated[str, Field(strict=True, pattern=r"^0x[0-9a-f]{64}$", max_length=66)]
_Raw = r"^0x(?:[0-9a-f]{2})+$"
Count = Annotated[StrictInt, Field(ge=0, le=_MAX_JSON_INTEGER)]
Index = Annotated[StrictInt, Field(ge=0, lt=2**24)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class BlockPart(_Model):
    """The block: its number and hash as claimed, and its header as RLP."""

    number: Count
    hash: Hash
    header: Annotated[str, Field(strict=True, pattern=_Raw, max_length=2 + 2 * MAX_HEADER_BYTES)]


class TransactionPart(_Model):
    """The signed transaction as sent, its index in the block, and the nodes from transactionsRoot to it."""

    hash: Hash
    raw: Annotated[str, Field(strict=True, pattern=_Raw, max_length=2 + 2 * MAX_TRANSACTION_BYTES)]
    index: Index
    proof: Annotated[
        tuple[Annotated[str, Field(strict=True, pattern=_Raw, max_length=2 * MAX_TRANSACTION_BYTES + 2048)], ...],
        Field(min_length=1, max_length=MAX_PROOF_NODES),
    ]


class ReceiptPart(_Model):
    """The receipt as the chain encodes it, and the nodes from receiptsRoot to it."""

    raw: Annotated[str, Field(strict=True, pattern=_Raw, max_length=2 + 2 * MAX_RECEIPT_BYTES)]
    proof: Annotated[
        tuple[Annotated[str, Field(strict=True, pattern=_Raw, max_length=2 * MAX_RECEIPT_BYTES + 2048)], ...],
        Field(min_length=1, max_length=MAX_PROOF_NODES),
    ]


class AnchorProof(_Model):
    """One anchor with everything needed to check it; the exact keys of `anchors[]` in a proof bundle.

    All bytes are `0x` + lower-case hex. `log_index` counts inside the receipt, not inside the block. Two keys may be
    absent: `state`, the registry's code and entry under the header's state root (`archive.chain.state`), and
    `consensus`, which shows the block final (`archive.chain.consensus.proof`; nothing here reads it).

    Kind `batch` has three keys more: `path` (64 hex digits each, from the package's leaf up), `index` and `count`.
    """

    kind: Literal["anchor", "batch"]
    chain_id: Annotated[StrictInt, Field(ge=1, le=_MAX_JSON_INTEGER)]
    genesis: Hash
    registry: Address
    block: BlockPart
    transaction: TransactionPart
    receipt: ReceiptPart
    log_index: Annotated[StrictInt, Field(ge=0, lt=MAX_LOGS)]
    state: StateProof | None = None
    consensus: dict[str, Any] | None = None
    path: Annotated[
        tuple[Annotated[str, Field(strict=True, pattern=r"^[0-9a-f]{64}$", max_length=64)], ...] | None,
        Field(max_length=MAX_PATH),
    ] = None
    index: Annotated[StrictInt, Field(ge=0, lt=MAX_MEMBERS)] | None = None
    count: Annotated[StrictInt, Field(ge=1, le=MAX_MEMBERS)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _absent_is_not_null(cls, value: object) -> object:
        """A key without a proof is left out, so that no anchor has two forms."""
        for name in OPTIONAL_KEYS:
            if isinstance(value, dict) and name in value and value[name] is None:
                raise ValueError(f"{name!r} is null")
        return value

    @model_validator(mode="after")
    def _place_only_in_a_batch(self) -> AnchorProof:
        for name in ("path", "index", "count"):
            if (getattr(self, name) is None) == (self.kind == "batch"):
                raise ValueError(f"kind {self.kind!r} {'without' if self.kind == 'batch' else 'with'} {name!r}")
        return self

    @property
    def place(self) -> Place | None:
        """Where the package is in its batch; None for kind `anchor`."""
        if self.path is None or self.index is None or self.count is None:
            return None
        return Place(tuple(bytes.fromhex(node) for node in self.path), self.index, self.count)

    @model_serializer(mode="wrap")
    def _without_absent(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """No key where there is no such proof."""
        return {key: value for key, value in handler(self).items() if key not in OPTIONAL_KEYS or value is not None}


@dataclass(frozen=True, slots=True)
class Step:
    """One check of a proof: a stable code, how it went, and what was expected and found."""

    code: str
    status: StepStatus
    expected: str | None = None
    found: str | None = None


@dataclass(frozen=True, slots=True)
class ProvenAnchor:
    """What the proven bytes say.

    `root`, `previous` (None for none) and `content_digest` are 64 hex digits; `incident_key`, hashes and addresses are
    `0x` + hex; `timestamp` is the block's, in seconds since 1970. `genesis` is claimed, not proven. `sender` signed the
    transaction (None when its type is unknown here); `direct` is True when that signature covers the anchor itself.
    `code_hash` is that of the registry's code by the state proof, None without one.

    `place` is set for a batch: `root` is then the batch's own, `ordinal` 0, and `incident_key` and `content_digest` are
    zero, since the event tells none; the package is where `place` leads from.
    """

    publisher: str
    incident_key: str
    root: str
    previous: str | None
    content_digest: str
    ordinal: int
    block_number: int
    block_hash: str
    timestamp: int
    registry: str
    chain_id: int
    genesis: str
    tx_hash: str
    sender: str | None
    direct: bool
    steps: tuple[Step, ...]
    code_hash: str | None = None
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class AnchorInspection:
    """Every step that could be taken; `proven` is None when one of them failed."""

    steps: tuple[Step, ...]
    proven: ProvenAnchor | None

    @property
    def failures(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.status == "fail")


@dataclass(frozen=True, slots=True)
class BlockHeader:
    """The fields of a block header that are read here; the rest only counts in the hash."""

    hash: bytes
    number: int
    timestamp: int
    transactions_root: bytes
    receipts_root: bytes
    state_root: bytes


@dataclass(frozen=True, slots=True)
class Log:
    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt since EIP-658. `kind` is the EIP-2718 type, 0 for legacy."""

    kind: int
    status: int
    logs: tuple[Log, ...]


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """A decoded transaction. `chain_id` is None for a legacy one without EIP-155; `to` is None for a creation."""

    kind: int
    chain_id: int | None
    to: str | None
    calldata: bytes
    sighash: bytes
    y_parity: int
    r: int
    s: int


_MESSAGES: Final = {
    "anchor.malformed": "the anchor proof does not have the right form",
    "anchor.header_shape": "the block header is not a list of plain fields",
    "anchor.header_hash": "the block header does not hash to the block hash",
    "anchor.block_number": "the block header has another number",
    "anchor.receipt_proof": "the receipt is not in the block at this index",
    "anchor.receipt_shape": "the receipt cannot be read",
    "anchor.receipt_failed": "the transaction failed: its receipt does not have status 1",
    "anchor.log_missing": "the receipt has no log at this index",
    "anchor.log_address": "the log was emitted by another contract than the registry",
    "anchor.log_topic": "the log is not the registry's Anchored event",
    "anchor.log_shape": "the Anchored event does not have its exact shape",
    "anchor.batch_count": "the batch was anchored with another number of members than the path is for",
    "anchor.state_account": "the state proof does not lead to the registry's contract under the header's state root",
    "anchor.state_slot": "the state proof does not lead to the entry in the registry's storage",
    "anchor.state_entry": "the registry's storage holds another entry than the event tells of",
    "anchor.tx_hash": "the transaction does not hash to its hash",
    "anchor.tx_proof": "the transaction is not in the block at this index",
    "anchor.tx_type": "transactions of this type are not read here, so its signer is not known",
    "anchor.tx_shape": "the transaction cannot be read",
    "anchor.tx_chain_id": "the transaction was not signed for this chain",
    "anchor.tx_signature": "the transaction's signature is not valid",
    "anchor.sender": "the transaction was not signed by the publisher",
    "anchor.calldata": "the transaction asks for another anchor than the event tells of",
}


def parse_anchor_proof(value: object) -> AnchorProof:
    """Read the JSON value of one anchor; raises `anchor.malformed` naming the first key that is wrong."""
    from pydantic import ValidationError

    try:
        return AnchorProof.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = "/".join(str(part) for part in first["loc"])
        raise InvalidInputError(f"anchor proof: {where or 'value'}: {first['msg']}", code="anchor.malformed") from None


def check_anchor_proof(proof: AnchorProof) -> ProvenAnchor:
    """What the proof proves; raises InvalidInputError with the code of the first failed step."""
    inspection = inspect_anchor_proof(proof)
    if inspection.proven is None:
        step = inspection.failures[0]
        detail = f" (expected {step.expected}, found {step.found})" if step.expected is not None else ""
        raise InvalidInputError(
            f"anchor proof: {describe(step.code)}{detail}",
            code=step.code,
            hint="the proof was altered or is incomplete; get it again from the publisher",
        )
    return inspection.proven


def describe(code: str) -> str:
    """One sentence for a failed (or, for `anchor.tx_type` and `anchor.sender`, unchecked) step."""
    return _MESSAGES[code]


class _Stopped(Exception):
    """A step failed and the ones that build on it cannot be taken."""


class _Steps:
    def __init__(self) -> None:
        self.taken: list[Step] = []

    def require(self, code: str, ok: bool, expected: str | None = None, found: str | None = None) -> None:
        self.taken.append(Step(code, "pass" if ok else "fail", expected, found))
        if not ok:
            raise _Stopped

    def leave(self, code: str, expected: str | None = None, found: str | None = None) -> None:
        self.taken.append(Step(code, "unchecked", expected, found))

    def fail(self, code: str, error: ValueError) -> _Stopped:
        self.taken.append(Step(code, "fail", "canonical encoding", str(error)[:200]))
        return _Stopped()


def inspect_anchor_proof(proof: AnchorProof) -> AnchorInspection:
    """Take every step that can be taken; never raises for a wrong proof."""
    steps = _Steps()
    header: BlockHeader | None = None
    event: _Event | None = None
    transaction: SignedTransaction | None = None
    sender: str | None = None
    direct = False
    code_hash: str | None = None
    try:
        header = _header(proof, steps)
    except _Stopped:
        return AnchorInspection(tuple(steps.taken), None)
    try:
        receipt = _receipt(proof, header, steps)
        event = _event(proof, receipt, steps)
        code_hash = _state(proof, header, event, steps)
    except _Stopped:
        event = None
    try:
        transaction, sender = _transaction(proof, header, steps)
        if event is not None:
            direct = _origin(proof, event, transaction, sender, steps)
    except _Stopped:
        event = None
    if event is None:
        return AnchorInspection(tuple(steps.taken), None)
    taken = tuple(steps.taken)
    return AnchorInspection(
        taken,
        ProvenAnchor(
            publisher=event.publisher,
            **_told(event),
            block_number=header.number,
            block_hash=to_hex(header.hash),
            timestamp=header.timestamp,
            registry=proof.registry,
            chain_id=proof.chain_id,
            genesis=proof.genesis,
            tx_hash=proof.transaction.hash,
            sender=sender,
            direct=direct,
            steps=taken,
            code_hash=code_hash,
            place=proof.place,
        ),
    )


def _told(event: _Event) -> dict[str, Any]:
    """What the event says of a package, for `ProvenAnchor`."""
    if isinstance(event, registry.BatchAnchoredEvent):
        zero = codec.ZERO_WORD
        told = {"incident_key": to_hex(zero), "previous": None, "content_digest": zero.hex(), "ordinal": 0}
        return {"root": event.root.hex(), **told}
    return {
        "incident_key": to_hex(event.incident),
        "root": event.root.hex(),
        "previous": event.previous.hex() if event.has_previous else None,
        "content_digest": event.content_digest.hex(),
        "ordinal": event.ordinal,
    }


def _header(proof: AnchorProof, steps: _Steps) -> BlockHeader:
    raw = from_hex(proof.block.header)
    found = to_hex(keccak(raw))
    steps.require("anchor.header_hash", found == proof.block.hash, proof.block.hash, found)
    try:
        header = decode_header(raw)
    except ValueError as error:
        raise steps.fail("anchor.header_shape", error) from None
    steps.require(
        "anchor.block_number", header.number == proof.block.number, str(proof.block.number), str(header.number)
    )
    return header


def _receipt(proof: AnchorProof, header: BlockHeader, steps: _Steps) -> Receipt:
    raw = from_hex(proof.receipt.raw)
    _require_in_trie(
        "anchor.receipt_proof", header.receipts_root, proof.transaction.index, proof.receipt.proof, raw, steps
    )
    try:
        receipt = decode_receipt(raw)
    except ValueError as error:
        raise steps.fail("anchor.receipt_shape", error) from None
    steps.require("anchor.receipt_failed", receipt.status == 1, "status 1", f"status {receipt.status}")
    return receipt


def _event(proof: AnchorProof, receipt: Receipt, steps: _Steps) -> _Event:
    steps.require(
        "anchor.log_missing",
        proof.log_index < len(receipt.logs),
        f"log {proof.log_index}",
        f"{len(receipt.logs)} logs",
    )
    log = receipt.logs[proof.log_index]
    steps.require("anchor.log_address", to_hex(log.address) == proof.registry, proof.registry, to_hex(log.address))
    in_batch = proof.place is not None
    expected = registry.topic(registry.BATCH_ANCHORED if in_batch else registry.ANCHORED)
    found = log.topics[0] if log.topics else b""
    steps.require("anchor.log_topic", found == expected, to_hex(expected), to_hex(found))
    try:
        if proof.place is not None:
            return _batch_event(proof.place, registry.BatchAnchoredEvent.decode(log.topics, log.data), steps)
        event = registry.AnchoredEvent.decode(log.topics, log.data)
    except ValueError as error:
        raise steps.fail("anchor.log_shape", error) from None
    ok = event.ordinal <= _MAX_JSON_INTEGER and codec.ZERO_WORD not in (event.root, event.incident)
    steps.require("anchor.log_shape", ok, "a root, an incident, an ordinal", f"ordinal {event.ordinal}")
    return event


def _batch_event(place: Place, event: registry.BatchAnchoredEvent, steps: _Steps) -> registry.BatchAnchoredEvent:
    ok = event.root != codec.ZERO_WORD and 0 < event.count <= MAX_MEMBERS
    steps.require("anchor.log_shape", ok, "a root, a count", f"count {event.count}"[:80])
    steps.require("anchor.batch_count", event.count == place.count, str(event.count), str(place.count))
    return event


def _state(proof: AnchorProof, header: BlockHeader, event: _Event, steps: _Steps) -> str | None:
    """Hash of the registry's code, when a state proof shows that it holds the entry the event tells of."""
    if proof.state is None:
        return None
    try:
        account = read_account(header.state_root, proof.registry, proof.state.account)
    except ValueError as error:
        raise steps.fail("anchor.state_account", error) from None
    steps.require("anchor.state_account", True, None, account.code_hash)
    batch = isinstance(event, registry.BatchAnchoredEvent)
    slot = (registry.batch_slot if batch else entry_slot)(event.publisher, event.root)
    try:
        value = read_slot(account.storage_root, slot, proof.state.storage)
    except ValueError as error:
        raise steps.fail("anchor.state_slot", error) from None
    steps.require("anchor.state_slot", value != 0, "an entry", "an entry" if value else "none: it is proven absent")
    if isinstance(event, registry.BatchAnchoredEvent):
        stored = event.count << 104 | header.timestamp << 64 | header.number << 24 | registry.KIND_BATCH
        steps.require("anchor.state_entry", value == stored, f"slot value {stored:064x}", f"slot value {value:064x}")
        return account.code_hash
    entry = decode_slot(value)
    call = registry.AnchorCall(event.incident, event.root, event.previous, event.content_digest)
    told = (call.tag, header.timestamp, header.number, event.ordinal)
    same = (entry.tag, entry.time, entry.block, entry.ordinal) == told and entry.is_package
    expected = f"tag {call.tag.hex()}, time {header.timestamp}, block {header.number}, ordinal {event.ordinal}"
    steps.require("anchor.state_entry", same, expected, f"slot value {value:064x}")
    return account.code_hash


def _transaction(proof: AnchorProof, header: BlockHeader, steps: _Steps) -> tuple[SignedTransaction | None, str | None]:
    raw = from_hex(proof.transaction.raw)
    found = to_hex(keccak(raw))
    steps.require("anchor.tx_hash", found == proof.transaction.hash, proof.transaction.hash, found)
    _require_in_trie(
        "anchor.tx_proof", header.transactions_root, proof.transaction.index, proof.transaction.proof, raw, steps
    )
    if raw[0] not in (1, 2) and raw[0] < 0xC0:
        steps.leave("anchor.tx_type", "type 0, 1 or 2", f"type {raw[0]}")
        return None, None
    try:
        transaction = decode_transaction(raw)
    except ValueError as error:
        raise steps.fail("anchor.tx_shape", error) from None
    steps.require(
        "anchor.tx_chain_id",
        transaction.chain_id == proof.chain_id,
        str(proof.chain_id),
        "none" if transaction.chain_id is None else str(transaction.chain_id),
    )
    try:
        sender = recover_sender(transaction)
    except ValueError as error:
        raise steps.fail("anchor.tx_signature", error) from None
    steps.require("anchor.tx_signature", True, None, sender)
    return transaction, sender


def _origin(
    proof: AnchorProof,
    event: _Event,
    transaction: SignedTransaction | None,
    sender: str | None,
    steps: _Steps,
) -> bool:
    """Whether a signature of the publisher's own key covers the anchor itself (see the module's text)."""
    said, calldata, signer = _said(event), None, None
    if transaction is not None and transaction.to == proof.registry:
        calldata, signer = _asked(transaction.calldata, said, sender, proof)
    if calldata is None or signer is None:
        steps.leave("anchor.sender", event.publisher, sender)
        return False
    steps.require("anchor.sender", signer == event.publisher, event.publisher, signer)
    steps.require("anchor.calldata", calldata == said.encode(), to_hex(said.encode()), to_hex(calldata))
    return True


def _said(event: _Event) -> registry.AnchorCall | registry.BatchCall:
    """The call that makes the registry tell of this event."""
    if isinstance(event, registry.BatchAnchoredEvent):
        return registry.BatchCall(event.root, event.count)
    return registry.AnchorCall(event.incident, event.root, event.previous, event.content_digest)


def _asked(
    calldata: bytes, said: registry.AnchorCall | registry.BatchCall, sender: str | None, proof: AnchorProof
) -> tuple[bytes | None, str | None]:
    """The call as its author would send it, and whose key signed it; None where that cannot be told."""
    if type(said).decode(calldata) is not None:
        return calldata, sender
    request = eip712.decode_anchor_for(calldata, proof.chain_id, proof.registry)
    # Where the account is a contract wallet the signature is in the wallet's own form, and only the registry knows.
    if isinstance(said, registry.BatchCall) or request is None or request.signer() != request.act.account:
        return None, None
    return eip712.direct_call(request.act), request.signer()


def _require_in_trie(code: str, root: bytes, index: int, proof: Sequence[str], expected: bytes, steps: _Steps) -> None:
    """The value at `rlp(index)` under `root` must be `expected`, by exactly these nodes and no others."""
    try:
        value = trie_value(root, index, [from_hex(node) for node in proof])
    except ValueError as error:
        raise steps.fail(code, error) from None
    steps.require(code, value == expected, to_hex(keccak(expected)), to_hex(keccak(value)))


def trie_value(root: bytes, index: int, nodes: Sequence[bytes]) -> bytes:
    """The value at key `rlp(index)` of the trie with this root, proven by exactly these nodes, root node first.

    Raises ValueError when a node is missing, malformed, or not needed, and when the key is absent. Written out here
    because trie libraries are made for nodes from an own database: on hostile ones they raise whatever comes, ignore
    nodes that are not needed, and answer an absent key with an empty value. Source: Yellow Paper, appendix D.
    """
    path = codec.rlp_encode(codec.int_bytes(index)).hex()
    expected: RlpItem = root
    for position, node in enumerate(nodes):
        if keccak(node) != expected:
            raise ValueError("a node on the path is missing or altered")
        items = codec.rlp_decode(node)
        value: RlpItem | None = None
        if isinstance(items, list) and len(items) == 17:
            if path:
                expected, path = items[int(path[0], 16)], path[1:]
            else:
                value = items[16]
        elif isinstance(items, list) and len(items) == 2:
            is_leaf, prefix = hex_prefix(items[0])
            if path != prefix if is_leaf else not path.startswith(prefix):
                raise ValueError("the key is absent")
            expected, path = items[1], path[len(prefix) :]
            value = items[1] if is_leaf else None
        else:
            raise ValueError("a node is neither branch, extension nor leaf")
        if value is not None:
            if not isinstance(value, bytes) or value == b"":
                raise ValueError("the key is absent")
            if position + 1 != len(nodes):
                raise ValueError("there are more nodes than the path needs")
            return value
        # Nodes shorter than 32 bytes stand inside their parent; values of these tries are too long for that.
        if not isinstance(expected, bytes) or len(expected) != 32:
            raise ValueError("the key is absent")
    raise ValueError("the path ends before the value")


def decode_header(raw: bytes) -> BlockHeader:
    """Read a block header of any fork: 15 fields since the start, more by fork; raises ValueError.

    Fields added by forks that are not known yet only count in the hash.
    """
    fields = codec.rlp_decode(raw, max_bytes=MAX_HEADER_BYTES)
    if not isinstance(fields, list) or not MIN_HEADER_FIELDS <= len(fields) <= MAX_HEADER_FIELDS:
        raise ValueError(f"not a list of {MIN_HEADER_FIELDS} to {MAX_HEADER_FIELDS} fields")
    plain = [field for field in fields if isinstance(field, bytes)]
    if len(plain) != len(fields):
        raise ValueError("a field is a list")
    for position, size in ((0, 32), (1, 32), (2, 20), (3, 32), (4, 32), (5, 32), (6, 256), (13, 32), (14, 8)):
        if len(plain[position]) != size:
            raise ValueError(f"field {position} has {len(plain[position])} bytes, expected {size}")
    number, timestamp = codec.rlp_int(plain[8]), codec.rlp_int(plain[11])
    if number > _MAX_JSON_INTEGER or timestamp > _MAX_JSON_INTEGER:
        raise ValueError("number or timestamp out of range")
    return BlockHeader(keccak(raw), number, timestamp, plain[4], plain[5], plain[3])


def decode_receipt(raw: bytes) -> Receipt:
    """Read a receipt, legacy or typed (EIP-2718); raises ValueError."""
    kind = 0
    if raw and raw[0] < 0x80:
        kind, raw = raw[0], raw[1:]
        if kind == 0:
            raise ValueError("type 0 has no type byte")
    fields = codec.rlp_decode(raw, max_bytes=MAX_RECEIPT_BYTES)
    if not isinstance(fields, list) or len(fields) != 4:
        raise ValueError("not a list of 4 fields")
    status, gas, bloom, logs = fields
    if not isinstance(bloom, bytes) or len(bloom) != 256 or not isinstance(logs, list):
        raise ValueError("bloom or logs of the wrong kind")
    codec.rlp_int(gas)
    return Receipt(kind, codec.rlp_int(status), tuple(_log(log) for log in logs))


def _log(item: RlpItem) -> Log:
    if not isinstance(item, list) or len(item) != 3:
        raise ValueError("a log is not a list of 3 fields")
    address, topics, data = item
    if not isinstance(address, bytes) or len(address) != 20 or not isinstance(data, bytes):
        raise ValueError("a log's address or data is of the wrong kind")
    if not isinstance(topics, list) or len(topics) > 4:
        raise ValueError("a log's topics are not a list of at most 4")
    words = tuple(word for word in topics if isinstance(word, bytes) and len(word) == 32)
    if len(words) != len(topics):
        raise ValueError("a topic is not 32 bytes")
    return Log(address, words, data)


def decode_transaction(raw: bytes) -> SignedTransaction:
    """Read a signed transaction of type 0 (legacy, EIP-155), 1 (EIP-2930) or 2 (EIP-1559); raises ValueError."""
    kind = raw[0] if raw and raw[0] < 0xC0 else 0
    body = raw[1:] if kind else raw
    fields = codec.rlp_decode(body, max_bytes=MAX_TRANSACTION_BYTES)
    # Position of `to`, number of fields.
    shape = {0: (3, 9), 1: (4, 11), 2: (5, 12)}.get(kind)
    if shape is None:
        raise ValueError(f"type {kind}")
    to_at, count = shape
    if not isinstance(fields, list) or len(fields) != count:
        raise ValueError(f"not a list of {count} fields")
    to, calldata = fields[to_at], fields[to_at + 2]
    if not isinstance(to, bytes) or len(to) not in (0, 20) or not isinstance(calldata, bytes):
        raise ValueError("recipient or data of the wrong kind")
    v, r, s = (codec.rlp_int(item) for item in fields[-3:])
    unsigned = fields[:-3]
    chain_id: int | None
    if kind:
        chain_id, y_parity = codec.rlp_int(fields[0]), v
        sighash = keccak(bytes([kind]) + codec.rlp_encode(unsigned))
    elif v >= 35:
        chain_id, y_parity = divmod(v - 35, 2)
        sighash = keccak(codec.rlp_encode([*unsigned, codec.int_bytes(chain_id), b"", b""]))
    else:
        chain_id, y_parity = None, v - 27
        sighash = keccak(codec.rlp_encode(unsigned))
    return SignedTransaction(kind, chain_id, to_hex(to) if to else None, calldata, sighash, y_parity, r, s)


def recover_sender(transaction: SignedTransaction) -> str:
    """The address whose key signed the transaction; raises ValueError for a signature that chains refuse too."""
    from eth_keys.datatypes import Signature
    from eth_keys.exceptions import BadSignature
    from eth_utils.exceptions import ValidationError

    if transaction.y_parity not in (0, 1):
        raise ValueError("the parity is neither 0 nor 1")
    if not 0 < transaction.r < _ORDER:
        raise ValueError("r is out of range")
    if not 0 < transaction.s <= _ORDER // 2:
        raise ValueError("s is zero, high or out of range")
    try:
        signature = Signature(vrs=(transaction.y_parity, transaction.r, transaction.s))
        public_key = signature.recover_public_key_from_msg_hash(transaction.sighash)
    except (BadSignature, ValidationError):
        raise ValueError("no key fits the signature") from None
    return to_hex(public_key.to_canonical_address())
