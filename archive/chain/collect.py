"""Collecting an anchor proof from a node: the whole block is fetched, both tries are rebuilt, the result is checked.

A node is not believed: the header must hash to the block hash, and the tries built from its transactions and receipts
must have the header's roots. A state proof is added where the node still has the block's state. Do this soon after
anchoring: public nodes keep state and receipts for hours, and the transaction index for days, not for ever.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from archive.chain import blocks, codec, proofs, state
from archive.chain import registry as contract
from archive.chain.batch import Place
from archive.chain.codec import to_hex
from archive.chain.proofs import AnchorProof
from archive.chain.reader import block_receipts, event_of
from archive.chain.rpc import Rpc, RpcError, identify
from archive.errors import ArchiveError, InvalidInputError, UnreachableError


def collect_anchor_proof(
    rpc: Rpc, tx_hash: str, registry: str, *, root: str | None = None, place: Place | None = None
) -> AnchorProof:
    """The proof of the anchor in a mined transaction, already checked with `check_anchor_proof`.

    Args:
        rpc: the chain, already checked with `check_chain`.
        tx_hash: `0x` + 64 hex digits.
        registry: address of the registry.
        root: 64 hex digits; which anchor is meant when the transaction made several.
        place: a package's place in the batch that the transaction anchored: the proof is then of kind `batch`.

    Raises:
        UnreachableError: `chain.not_mined` when the node does not show the transaction in a block.
        InvalidInputError: `chain.no_anchor_event`, `chain.header_mismatch`, `chain.transactions_mismatch`,
            `chain.receipts_mismatch`, `chain.rpc_bad_answer`, or a code of `check_anchor_proof`.
    """
    identity = identify(rpc)
    block = _block_of(rpc, tx_hash)
    header, fields = blocks.read_header(block)
    raws = _raw_transactions(rpc, block)
    receipts = [blocks.read_receipt(receipt)[0] for receipt in block_receipts(rpc, block)]
    transactions_trie = _trie(raws, fields.transactions_root, "transactions", fields.number)
    receipts_trie = _trie(receipts, fields.receipts_root, "receipts", fields.number)
    wanted = bytes.fromhex(tx_hash[2:])
    index = next((at for at, raw in enumerate(raws) if codec.keccak(raw) == wanted), None)
    if index is None:
        raise codec.bad_answer("block of the transaction", "a block that holds it", block.get("hash"))
    find = _log_index if place is None else _batch_log_index
    log_index = find(receipts[index], registry.lower(), root)
    proof = proofs.parse_anchor_proof(
        {
            "kind": "anchor" if place is None else "batch",
            "chain_id": identity.chain_id,
            "genesis": identity.genesis,
            "registry": registry.lower(),
            "block": {"number": fields.number, "hash": to_hex(fields.hash), "header": to_hex(header)},
            "transaction": {
                "hash": tx_hash.lower(),
                "raw": to_hex(raws[index]),
                "index": index,
                "proof": _path(transactions_trie, index),
            },
            "receipt": {"raw": to_hex(receipts[index]), "proof": _path(receipts_trie, index)},
            "log_index": log_index,
            **({} if place is None else place_json(place)),
        }
    )
    proven = proofs.check_anchor_proof(proof)
    return _with_state(rpc, proof, proven)


def _with_state(rpc: Rpc, proof: AnchorProof, proven: proofs.ProvenAnchor) -> AnchorProof:
    """The proof with the state at its block, where the node still has it and it holds; else as it is.

    State is kept for hours or days, and not by all nodes: an anchor is proven without it too.
    """
    find = state.entry_slot if proven.place is None else contract.batch_slot
    slot = find(proven.publisher, bytes.fromhex(proven.root))
    try:
        found = state.fetch_state(rpc, proof.registry, slot, proven.block_number)
        longer = proof.model_copy(update={"state": found})
        proofs.check_anchor_proof(longer)
    except ArchiveError:
        return proof
    return longer


def _block_of(rpc: Rpc, tx_hash: str) -> dict[str, Any]:
    receipt = rpc.call("eth_getTransactionReceipt", [tx_hash])
    block = None
    if isinstance(receipt, dict):
        block = rpc.call("eth_getBlockByHash", [receipt.get("blockHash"), True])
    if not isinstance(block, dict):
        raise UnreachableError(
            f"{tx_hash}: the node does not show this transaction in a block",
            code="chain.not_mined",
            hint="wait until it is mined, or use a node that keeps older blocks",
        )
    return block


def _raw_transactions(rpc: Rpc, block: Mapping[str, Any]) -> list[bytes]:
    """Every transaction's bytes: rebuilt from its fields where they hash right, else asked for."""
    listed = block.get("transactions")
    if not isinstance(listed, list) or len(listed) > blocks.MAX_TRANSACTIONS:
        raise codec.bad_answer("transactions", "a list", listed)
    raws = []
    for item in listed:
        if not isinstance(item, dict):
            raise codec.bad_answer("transaction", "an object", item)
        raw = blocks.transaction_from_json(item)
        raws.append(_ask_raw(rpc, item) if raw is None else raw)
    return raws


def _ask_raw(rpc: Rpc, item: Mapping[str, Any]) -> bytes:
    digest = codec.data(item.get("hash"), "transaction hash", size=32)
    try:
        raw = codec.data(rpc.call("eth_getRawTransactionByHash", [to_hex(digest)]), "raw transaction")
    except RpcError:
        raw = b""
    if codec.keccak(raw) != digest:
        raise InvalidInputError(
            f"transaction {to_hex(digest)} (type {item.get('type')}) cannot be rebuilt from what the node gives",
            code="chain.transactions_mismatch",
            hint="use a node that answers eth_getRawTransactionByHash",
        )
    return raw


def _trie(values: Sequence[bytes], expected: bytes, what: str, number: int) -> Any:
    from trie.hexary import HexaryTrie

    make: Any = HexaryTrie
    trie = make({})
    for index, value in enumerate(values):
        trie[codec.rlp_encode(codec.int_bytes(index))] = value
    if trie.root_hash != expected:
        raise InvalidInputError(
            f"block {number}: the {what} that the node gives do not have the root that the header states",
            code=f"chain.{what}_mismatch",
            hint="the node gives wrong or incomplete data; use another",
        )
    return trie


def _path(trie: Any, index: int) -> list[str]:
    return [to_hex(codec.rlp_encode(node)) for node in trie.get_proof(codec.rlp_encode(codec.int_bytes(index)))]


def place_json(place: Place) -> dict[str, Any]:
    """The keys of a proof of kind `batch` that differ between its members."""
    return {"path": [node.hex() for node in place.path], "index": place.index, "count": place.count}


def _batch_log_index(receipt: bytes, registry: str, root: str | None) -> int:
    told = contract.topic(contract.BATCH_ANCHORED)
    for index, log in enumerate(proofs.decode_receipt(receipt).logs):
        mine = to_hex(log.address) == registry and log.topics[:1] == (told,) and len(log.topics) == 3
        if mine and (root is None or log.topics[2].hex() == root):
            return index
    raise _no_event()


def _log_index(receipt: bytes, registry: str, root: str | None) -> int:
    for index, log in enumerate(proofs.decode_receipt(receipt).logs):
        event = event_of(log, registry)
        if event is not None and (root is None or event.root.hex() == root):
            return index
    raise _no_event()


def _no_event() -> InvalidInputError:
    return InvalidInputError(
        "the transaction made no such anchor in this registry",
        code="chain.no_anchor_event",
        hint="check the transaction, the registry's address and the root",
    )
