"""Reading a registry through any `Rpc`: entries, heads, and the transaction behind an entry. Base libraries only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from archive.chain import blocks, codec, proofs, registry
from archive.chain.codec import from_hex, keccak, to_hex
from archive.chain.registry import AnchoredEvent, Entry, Head
from archive.chain.rpc import Rpc
from archive.errors import InvalidInputError

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class AnchorLocation:
    """Where an anchor is: hashes as `0x` + hex; `log_index` counts inside the receipt."""

    tx_hash: str
    block_number: int
    block_hash: str
    timestamp: int
    log_index: int
    event: AnchoredEvent


class RegistryReader:
    """The read-only side of one registry.

    Args:
        rpc: the chain, already checked with `check_chain`.
        address: of the registry.

    Answers of a node are decoded strictly (`chain.rpc_bad_answer`) but not proven; for proof see `collect`.
    """

    def __init__(self, rpc: Rpc, address: str) -> None:
        self.rpc = rpc
        self.address = address.lower()

    def check_code(self, *expected: str) -> None:
        """Make sure that code with one of these hashes is at the address.

        Raises:
            InvalidInputError: `chain.no_contract`, `chain.other_code`.
        """
        found = self.code_hash()
        if found is None:
            raise InvalidInputError(
                f"{self.address}: no contract at this address",
                code="chain.no_contract",
                hint="is it the right network? `archive contract deploy` puts a registry there",
            )
        if found not in expected:
            raise InvalidInputError(
                f"{self.address}: the contract has other code (hash {found}, expected {expected[0]})",
                code="chain.other_code",
                hint="this is not the registry that this version of the archive knows; check the address",
            )

    def code_hash(self) -> str | None:
        """keccak256 of the runtime code, None when there is none."""
        code = codec.data(self.rpc.call("eth_getCode", [self.address, "latest"]), "code")
        return to_hex(keccak(code)) if code else None

    def entry(self, publisher: str, root: bytes | str) -> Entry | None:
        """The entry of (publisher, root); `root` is 32 bytes or 64 hex digits."""
        return self._view(registry.encode_entry_of(publisher, _root(root)), registry.decode_entry)

    def head(self, publisher: str, incident: bytes | str) -> Head | None:
        """The head of the publisher's history; `incident` is its 32-byte key, or its id."""
        key = registry.incident_key(incident) if isinstance(incident, str) else incident
        return self._view(registry.encode_head_of(publisher, key), registry.decode_head)

    def find_anchor(self, publisher: str, root: bytes | str) -> AnchorLocation | None:
        """The transaction of an entry, by the block number in the entry, so that no logs need scanning.

        None when there is no entry. Raises `chain.anchor_not_found` when the node does not give the block or its
        event, which nodes do that keep only recent ones.
        """
        entry = self.entry(publisher, root)
        if entry is None:
            return None
        found = self._in_block(entry.block, publisher.lower(), _root(root))
        if found is None:
            raise InvalidInputError(
                f"the registry says the anchor is in block {entry.block}, but this node does not show its event there",
                code="chain.anchor_not_found",
                hint="the node keeps only recent blocks or receipts: use an archive node",
            )
        return found

    def _in_block(self, number: int, publisher: str, root: bytes) -> AnchorLocation | None:
        block = self.rpc.call("eth_getBlockByNumber", [hex(number), False])
        if not isinstance(block, dict):
            return None
        _, header = blocks.read_header(block)
        for receipt in block_receipts(self.rpc, block):
            for index, log in enumerate(blocks.read_receipt(receipt)[1].logs):
                event = event_of(log, self.address)
                if event is not None and event.publisher == publisher and event.root == root:
                    tx_hash = to_hex(codec.data(receipt.get("transactionHash"), "transaction hash", size=32))
                    return AnchorLocation(tx_hash, number, to_hex(header.hash), header.timestamp, index, event)
        return None

    def _view(self, calldata: bytes, decode: Callable[[bytes], _T]) -> _T:
        answer = self.rpc.call("eth_call", [{"to": self.address, "data": to_hex(calldata)}, "latest"])
        raw = codec.data(answer, "answer of the registry")
        try:
            return decode(raw)
        except ValueError as error:
            raise InvalidInputError(
                f"{self.address}: not a registry: its answer is malformed ({error})",
                code="chain.other_code" if raw else "chain.no_contract",
                hint="check the registry's address and the network",
            ) from None


def event_of(log: proofs.Log, address: str) -> AnchoredEvent | None:
    """The registry's `Anchored` event in a log, or None."""
    if to_hex(log.address) != address or not log.topics or log.topics[0] != registry.topic(registry.ANCHORED):
        return None
    try:
        return AnchoredEvent.decode(log.topics, log.data)
    except ValueError:
        return None


def block_receipts(rpc: Rpc, block: dict[str, Any]) -> list[dict[str, Any]]:
    """All receipts of a block in order: in one call where the node has it, else one by one."""
    from archive.chain.rpc import RpcError

    listed = block.get("transactions")
    if not isinstance(listed, list) or len(listed) > blocks.MAX_TRANSACTIONS:
        raise codec.bad_answer("transactions", "a list", listed)
    try:
        receipts = rpc.call("eth_getBlockReceipts", [block.get("number")])
    except RpcError:
        # Not every node knows this method.
        receipts = None
    if receipts is None:
        hashes = [item.get("hash") if isinstance(item, dict) else item for item in listed]
        receipts = [rpc.call("eth_getTransactionReceipt", [digest]) for digest in hashes]
    if not isinstance(receipts, list) or len(receipts) != len(listed):
        raise codec.bad_answer("receipts", f"{len(listed)} of them", receipts)
    for receipt in receipts:
        if not isinstance(receipt, dict) or receipt.get("blockHash") != block.get("hash"):
            raise codec.bad_answer("receipt", "one of the block asked for", receipt)
    return receipts


def _root(root: bytes | str) -> bytes:
    return root if isinstance(root, bytes) else from_hex(root if root.startswith("0x") else "0x" + root)
