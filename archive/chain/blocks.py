"""Blocks, transactions and receipts between a node's JSON and the chain's own bytes.

A node answers JSON; hashes are over RLP. The functions `*_from_json` rebuild the bytes, and their callers compare the
hash, so a field that a node left out, added or altered cannot pass unseen. The functions `*_to_json` are what the
embedded chain answers with.

Sources: Ethereum execution API (field names), execution-specs (field order by fork), EIP-2718 and its types.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from archive.chain import codec, proofs
from archive.chain.codec import RlpItem, to_hex
from archive.errors import InvalidInputError

# Name in JSON, and size in bytes or None for an integer; in the order of the header's RLP list.
_BASE_FIELDS: Final = (
    ("parentHash", 32),
    ("sha3Uncles", 32),
    ("miner", 20),
    ("stateRoot", 32),
    ("transactionsRoot", 32),
    ("receiptsRoot", 32),
    ("logsBloom", 256),
    ("difficulty", None),
    ("number", None),
    ("gasLimit", None),
    ("gasUsed", None),
    ("timestamp", None),
    ("extraData", -1),
    ("mixHash", 32),
    ("nonce", 8),
)
# London, Shanghai, Cancun, Cancun, Cancun (Bohr on BSC), Prague. Each fork adds at the end, and drops none.
_FORK_FIELDS: Final = (
    ("baseFeePerGas", None),
    ("withdrawalsRoot", 32),
    ("blobGasUsed", None),
    ("excessBlobGas", None),
    ("parentBeaconBlockRoot", 32),
    ("requestsHash", 32),
)
HEADER_FIELDS: Final = _BASE_FIELDS + _FORK_FIELDS
MAX_TRANSACTIONS: Final = 50_000


def header_from_json(block: Mapping[str, Any]) -> bytes:
    """The header's RLP, whose hash must be the block's hash.

    Raises:
        InvalidInputError: `chain.rpc_bad_answer`; `chain.header_mismatch` when the fields do not hash to `hash`, which
            is a lying node or a fork that this version does not know.
    """
    expected = codec.data(block.get("hash"), "block hash", size=32)
    fields: list[RlpItem] = [_header_field(block, name, size) for name, size in _BASE_FIELDS]
    # null means absent; a fork's field can only follow all earlier ones.
    for name, size in _FORK_FIELDS:
        if block.get(name) is None:
            break
        fields.append(_header_field(block, name, size))
    raw = codec.rlp_encode(fields)
    if codec.keccak(raw) != expected:
        raise InvalidInputError(
            f"block {block.get('number')}: the fields that the node gives do not hash to {to_hex(expected)}",
            code="chain.header_mismatch",
            hint="the node lies, or the chain has a fork that this version does not know: update, or use another node",
        )
    return raw


def read_header(block: Mapping[str, Any]) -> tuple[bytes, proofs.BlockHeader]:
    """The header's RLP, checked as by `header_from_json`, and what it says."""
    raw = header_from_json(block)
    try:
        return raw, proofs.decode_header(raw)
    except ValueError as error:
        raise codec.bad_answer("block header", "a header within bounds", str(error)) from None


def read_receipt(receipt: Mapping[str, Any]) -> tuple[bytes, proofs.Receipt]:
    """The receipt's bytes as in the trie, and what they say; nothing is checked against a block yet."""
    raw = receipt_from_json(receipt)
    try:
        return raw, proofs.decode_receipt(raw)
    except ValueError as error:
        raise codec.bad_answer("receipt", "a receipt within bounds", str(error)) from None


def _header_field(block: Mapping[str, Any], name: str, size: int | None) -> bytes:
    if size is None:
        return codec.int_bytes(codec.quantity(block.get(name), name))
    return codec.data(block.get(name), name, size=None if size < 0 else size)


def header_to_json(raw: bytes) -> dict[str, Any]:
    """The fields of a header that was made here, in a node's JSON form."""
    fields = codec.rlp_list(raw)
    out: dict[str, Any] = {"hash": to_hex(codec.keccak(raw))}
    for (name, size), field in zip(HEADER_FIELDS, fields, strict=False):
        out[name] = hex(codec.rlp_int(field)) if size is None else to_hex(field)
    return out


# Fields after `chainId` of the typed transactions, before the signature; "to", "input" and lists are special.
_FEES: Final = ("maxPriorityFeePerGas", "maxFeePerGas")
_TRANSACTION_FIELDS: Final[Mapping[int, tuple[str, ...]]] = {
    0: ("nonce", "gasPrice", "gas", "to", "value", "input"),
    1: ("chainId", "nonce", "gasPrice", "gas", "to", "value", "input", "accessList"),
    2: ("chainId", "nonce", *_FEES, "gas", "to", "value", "input", "accessList"),
    3: (
        "chainId", "nonce", *_FEES, "gas", "to", "value", "input", "accessList", "maxFeePerBlobGas",
        "blobVersionedHashes",
    ),
    4: ("chainId", "nonce", *_FEES, "gas", "to", "value", "input", "accessList", "authorizationList"),
}  # fmt: skip


def transaction_from_json(transaction: Mapping[str, Any]) -> bytes | None:
    """The signed transaction's bytes when they can be rebuilt from the fields and hash to `hash`, else None."""
    try:
        expected = codec.data(transaction.get("hash"), "transaction hash", size=32)
        kind = codec.quantity(transaction.get("type", "0x0"), "type")
        names = _TRANSACTION_FIELDS.get(kind)
        if names is None:
            return None
        fields = [_transaction_field(transaction, name) for name in names]
        v = transaction.get("yParity", transaction.get("v")) if kind else transaction.get("v")
        signature: list[RlpItem] = [
            codec.int_bytes(codec.quantity(value, "signature"))
            for value in (v, transaction.get("r"), transaction.get("s"))
        ]
    except InvalidInputError:
        return None
    body = codec.rlp_encode([*fields, *signature])
    raw = bytes([kind]) + body if kind else body
    return raw if codec.keccak(raw) == expected else None


def _transaction_field(transaction: Mapping[str, Any], name: str) -> RlpItem:
    value = transaction.get(name)
    if name == "to":
        return b"" if value is None else codec.data(value, name, size=20)
    if name == "input":
        return codec.data(value, name)
    if name == "accessList":
        return [
            [codec.data(_get(item, "address"), "address", size=20), _words(_get(item, "storageKeys"))]
            for item in _list(value, name)
        ]
    if name == "blobVersionedHashes":
        return _words(value)
    if name == "authorizationList":
        return [_authorization(item) for item in _list(value, name)]
    return codec.int_bytes(codec.quantity(value, name))


def _authorization(item: Any) -> RlpItem:
    parity = _get(item, "yParity") if isinstance(item, dict) and "yParity" in item else _get(item, "v")
    numbers = [codec.int_bytes(codec.quantity(_get(item, key), key)) for key in ("chainId", "nonce", "r", "s")]
    address = codec.data(_get(item, "address"), "address", size=20)
    return [numbers[0], address, numbers[1], codec.int_bytes(codec.quantity(parity, "yParity")), numbers[2], numbers[3]]


def _words(value: Any) -> list[RlpItem]:
    return [codec.data(word, "word", size=32) for word in _list(value, "list of words")]


def _list(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise codec.bad_answer(what, "a list", value)
    return value


def _get(item: Any, key: str) -> Any:
    if not isinstance(item, dict):
        raise codec.bad_answer(key, "an object around it", item)
    return item.get(key)


def receipt_from_json(receipt: Mapping[str, Any]) -> bytes:
    """The receipt as it stands in the receipt trie: `type byte ‖ rlp([status, cumulative gas, bloom, logs])`."""
    kind = codec.quantity(receipt.get("type", "0x0"), "receipt type")
    if kind > 0x7F:
        raise codec.bad_answer("receipt type", "at most 0x7f", receipt.get("type"))
    logs: list[RlpItem] = []
    for log in _list(receipt.get("logs"), "logs"):
        address = codec.data(_get(log, "address"), "log address", size=20)
        logs.append([address, _words(_get(log, "topics")), codec.data(_get(log, "data"), "log data")])
    raw = codec.rlp_encode(
        [
            codec.int_bytes(codec.quantity(receipt.get("status"), "status")),
            codec.int_bytes(codec.quantity(receipt.get("cumulativeGasUsed"), "cumulativeGasUsed")),
            codec.data(receipt.get("logsBloom"), "logsBloom", size=256),
            logs,
        ]
    )
    return bytes([kind]) + raw if kind else raw


def transaction_to_json(raw: bytes, *, block: Mapping[str, Any], index: int) -> dict[str, Any]:
    """A mined transaction of type 0, 1 or 2 that was made here, in a node's JSON form."""
    transaction = proofs.decode_transaction(raw)
    fields = codec.rlp_list(raw[1:] if transaction.kind else raw)
    out: dict[str, Any] = {
        "hash": to_hex(codec.keccak(raw)),
        "type": hex(transaction.kind),
        "from": proofs.recover_sender(transaction),
        "blockHash": block["hash"],
        "blockNumber": block["number"],
        "transactionIndex": hex(index),
    }
    for name, field in zip(_TRANSACTION_FIELDS[transaction.kind], fields, strict=False):
        if name == "to":
            out[name] = to_hex(field) if field else None
        elif name == "input":
            out[name] = to_hex(field)
        elif name == "accessList":
            out[name] = [_access_to_json(who, words) for who, words in field]
        else:
            out[name] = hex(codec.rlp_int(field))
    out["v"] = hex(codec.rlp_int(fields[-3]))
    if transaction.kind:
        out["yParity"] = out["v"]
    out["r"], out["s"] = hex(transaction.r), hex(transaction.s)
    return out


def _access_to_json(address: bytes, words: Sequence[bytes]) -> dict[str, Any]:
    return {"address": to_hex(address), "storageKeys": [to_hex(word) for word in words]}


def receipts_to_json(
    block: Mapping[str, Any], transactions: Sequence[Mapping[str, Any]], receipts: Sequence[bytes]
) -> list[dict[str, Any]]:
    """All receipts of one block that was made here, in a node's JSON form."""
    out: list[dict[str, Any]] = []
    before = 0
    log_index = 0
    for transaction, raw in zip(transactions, receipts, strict=True):
        receipt = proofs.decode_receipt(raw)
        fields = codec.rlp_list(raw[1:] if receipt.kind else raw)
        total = codec.rlp_int(fields[1])
        where = {
            "blockHash": block["hash"],
            "blockNumber": block["number"],
            "transactionHash": transaction["hash"],
            "transactionIndex": transaction["transactionIndex"],
        }
        logs = []
        for log in receipt.logs:
            logs.append(
                {
                    "address": to_hex(log.address),
                    "topics": [to_hex(word) for word in log.topics],
                    "data": to_hex(log.data),
                    "logIndex": hex(log_index),
                    "removed": False,
                    **where,
                }
            )
            log_index += 1
        out.append(
            {
                **where,
                "type": hex(receipt.kind),
                "status": hex(receipt.status),
                "cumulativeGasUsed": hex(total),
                "gasUsed": hex(total - before),
                "logsBloom": to_hex(fields[2]),
                "from": transaction["from"],
                "to": transaction["to"],
                "logs": logs,
            }
        )
        before = total
    return out
