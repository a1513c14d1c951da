"""A state with a registry in it, and a node that proves it with `eth_getProof`, or lies about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import rlp
from trie import HexaryTrie

from archive.chain import codec, registry, state
from archive.chain.rpc import RpcError

REGISTRY = "0x" + "c0" * 20
PUBLISHER = "0x" + "aa" * 20
CODE = codec.keccak(b"code of the registry")
GENESIS = "0x" + "9e" * 32


def secure(items: dict[bytes, bytes]) -> HexaryTrie:
    trie = HexaryTrie({})
    for key, value in items.items():
        trie[codec.keccak(key)] = value
    return trie


def path(trie: HexaryTrie, key: bytes) -> list[str]:
    """The nodes to a key as nodes give them: without those that stand inside their parent, none of an empty trie."""
    if trie.root_hash == state.EMPTY_TRIE:
        return []
    nodes = [rlp.encode(node) for node in trie.get_proof(codec.keccak(key))]
    return [codec.to_hex(raw) for at, raw in enumerate(nodes) if at == 0 or len(raw) >= 32]


def entry_value(call: registry.AnchorCall, *, time: int = 1_760_140_800, block: int = 1000, ordinal: int = 1) -> int:
    return int.from_bytes(call.tag, "big") << 104 | time << 64 | block << 24 | ordinal << 8


CALL = registry.AnchorCall(registry.incident_key("a-b"), b"\x01" * 32, bytes(32), b"\x02" * 32)


class World:
    """A state with a registry that holds some entries, and a node that proves it."""

    def __init__(self, roots: Sequence[bytes] = (CALL.root, b"\x07" * 32), *, code: bytes = CODE) -> None:
        values = {
            state.entry_slot(PUBLISHER, root): rlp.encode(codec.int_bytes(entry_value(CALL) + n))
            for n, root in enumerate(roots)
        }
        self.storage = secure(values)
        account = rlp.encode([b"\x01", b"", self.storage.root_hash, code])
        others = {bytes([n]) * 20: rlp.encode([b"", b"\x05", state.EMPTY_TRIE, state.EMPTY_CODE]) for n in range(9)}
        self.accounts = secure({codec.from_hex(REGISTRY): account, **others})
        self.lie: Callable[[dict[str, Any]], Any] = lambda answer: answer
        self.knows_proofs = True
        self.final = 990

    def header(self, number: int = 1000) -> dict[str, Any]:
        fields = {
            "parentHash": "0x" + "aa" * 32,
            "sha3Uncles": "0x" + "bb" * 32,
            "miner": "0x" + "cc" * 20,
            "stateRoot": codec.to_hex(self.accounts.root_hash),
            "transactionsRoot": "0x" + "dd" * 32,
            "receiptsRoot": "0x" + "ee" * 32,
            "logsBloom": "0x" + "00" * 256,
            "difficulty": "0x2",
            "number": hex(number),
            "gasLimit": "0x1c9c380",
            "gasUsed": "0x0",
            "timestamp": hex(1_760_140_800 + number),
            "extraData": "0x",
            "mixHash": "0x" + "00" * 32,
            "nonce": "0x" + "00" * 8,
        }
        values = list(fields.values())
        # Numbers are quantities, all else is bytes.
        raw = [
            codec.int_bytes(int(value, 16)) if at in (7, 8, 9, 10, 11) else codec.from_hex(value)
            for at, value in enumerate(values)
        ]
        return {**fields, "hash": codec.to_hex(codec.keccak(rlp.encode(raw)))}

    def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        if method == "eth_chainId":
            return "0x61"
        if method == "eth_blockNumber":
            return hex(1000)
        if method == "eth_getBlockByNumber":
            if params[0] == "0x0":
                return {"number": "0x0", "hash": GENESIS}
            if params[0] == "finalized" and self.final is None:
                raise RpcError(method, -32602, "unknown tag")
            named = {"finalized": self.final, "latest": 1000}
            return self.header(named[params[0]] if params[0] in named else int(params[0], 16))
        if method == "eth_getProof":
            if not self.knows_proofs:
                raise RpcError(method, -32000, "missing trie node")
            address, (slot,), _ = params
            return self.lie(
                {
                    "address": address,
                    "accountProof": path(self.accounts, codec.from_hex(address)),
                    "storageProof": [{"key": slot, "proof": path(self.storage, codec.from_hex(slot))}],
                }
            )
        raise AssertionError(method)
