"""State proofs: what a registry's storage holds, and holds not, at a block, shown from the header's state root alone.

The account of the registry lies in the state trie under keccak(address); its storage root leads to the storage trie,
where the entry of (publisher, root) lies under keccak(slot). Account and value are RLP; a storage value is an integer
encoded once more. Entries are `mapping(address => mapping(bytes32 => uint256))` at slot 0 of the contract, so

    slot = keccak(root ‖ keccak(publisher as a word ‖ 0))

An absent key is proven by the place where its path ends: an empty branch item, or a leaf or extension that leads
elsewhere. Every node given must be needed, so that no proof has two forms.

Sources: Yellow Paper §4.1 and appendices C, D; EIP-1186 (`eth_getProof`); Solidity's layout of mappings in storage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from archive.chain import codec, registry
from archive.chain.codec import RlpItem, from_hex, keccak, to_hex
from archive.chain.registry import Entry
from archive.chain.rpc import Rpc

# A branch of 16 hashes is 532 bytes; an account's leaf about 150.
MAX_NODE_BYTES: Final = 1024
# Keys are 64 nibbles long, and each node uses up at least one, a leaf maybe none.
MAX_NODES: Final = 65
ENTRIES_SLOT: Final = 0
EMPTY_TRIE: Final = keccak(b"\x80")
EMPTY_CODE: Final = keccak(b"")

Nodes = Annotated[
    tuple[Annotated[str, Field(strict=True, pattern=r"^0x(?:[0-9a-f]{2})+$", max_length=2 + 2 * MAX_NODE_BYTES)], ...],
    Field(max_length=MAX_NODES),
]


class StateProof(BaseModel):
    """The nodes from the header's state root to the registry's account, and from its storage root to a slot.

    Each list holds the root node first, as `0x` + lower-case hex of its RLP. `storage` is empty where the registry's
    storage is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    account: Nodes
    storage: Nodes


@dataclass(frozen=True, slots=True)
class Account:
    """A contract as the state trie has it: hash of its runtime code (`0x` + hex), root of its storage (32 bytes)."""

    code_hash: str
    storage_root: bytes


def entry_slot(publisher: str, root: bytes) -> bytes:
    """The storage slot of the entry of (publisher, root)."""
    inner = keccak(registry.address_word(publisher) + registry.int_word(ENTRIES_SLOT))
    return keccak(root + inner)


def read_account(state_root: bytes, address: str, nodes: Sequence[str]) -> Account:
    """The account at `address`; raises ValueError when the nodes do not prove one that holds a contract."""
    raw = trie_get(state_root, keccak(from_hex(address)), nodes)
    if raw is None:
        raise ValueError("there is no account at the address")
    fields = codec.rlp_decode(raw, max_bytes=MAX_NODE_BYTES)
    if not isinstance(fields, list) or len(fields) != 4:
        raise ValueError("the account is not a list of 4 fields")
    codec.rlp_int(fields[0]), codec.rlp_int(fields[1])
    hashes = [field for field in fields[2:] if isinstance(field, bytes) and len(field) == 32]
    if len(hashes) != 2:
        raise ValueError("storage root or code hash is not 32 bytes")
    storage_root, code_hash = hashes
    if code_hash == EMPTY_CODE:
        raise ValueError("the account holds no contract")
    return Account(to_hex(code_hash), storage_root)


def read_slot(storage_root: bytes, slot: bytes, nodes: Sequence[str]) -> int:
    """The value of a slot, 0 when it is proven absent; raises ValueError when the nodes prove neither."""
    raw = trie_get(storage_root, keccak(slot), nodes)
    if raw is None:
        return 0
    item = codec.rlp_decode(raw, max_bytes=MAX_NODE_BYTES)
    value = codec.rlp_int(item)
    if value == 0:
        raise ValueError("a slot that holds zero is not in the trie")
    return value


def decode_slot(value: int) -> Entry:
    """An entry as its slot packs it: tag 152 | time 40 | block 40 | ordinal 16 | flags 8."""
    return Entry(
        tag=(value >> 104).to_bytes(19, "big"),
        time=value >> 64 & (1 << 40) - 1,
        block=value >> 24 & (1 << 40) - 1,
        ordinal=value >> 8 & (1 << 16) - 1,
        flags=value & 0xFF,
    )


def trie_get(root: bytes, key: bytes, nodes: Sequence[str]) -> bytes | None:
    """The value at `key` (32 bytes) of the trie with this root, or None when it is proven to be absent.

    Raises ValueError when the nodes prove neither: one is missing, altered, malformed or not needed.
    """
    rest = [from_hex(node) for node in nodes]
    if root == EMPTY_TRIE:
        if rest:
            raise ValueError("an empty trie has no nodes to show")
        return None
    path = key.hex()
    item: RlpItem = root
    while True:
        # Nodes shorter than 32 bytes stand inside their parent.
        node = item if isinstance(item, list) else _take(item, rest)
        following: RlpItem
        if len(node) == 17:
            if not path:
                raise ValueError("a branch where the path ends")
            following, path = node[int(path[0], 16)], path[1:]
            if following == b"":
                return _found(None, rest)
        elif len(node) == 2:
            is_leaf, part = hex_prefix(node[0])
            if is_leaf:
                return _found(node[1] if part == path else None, rest)
            if not part:
                raise ValueError("an extension without a path")
            if not path.startswith(part):
                return _found(None, rest)
            following, path = node[1], path[len(part) :]
        else:
            raise ValueError("a node is neither branch, extension nor leaf")
        item = following


def _take(expected: bytes, rest: list[bytes]) -> list[RlpItem]:
    if len(expected) != 32:
        raise ValueError("a node's reference is not a hash")
    if not rest:
        raise ValueError("the path ends before the key is found or shown absent")
    node = rest.pop(0)
    if keccak(node) != expected:
        raise ValueError("a node on the path is missing or altered")
    items = codec.rlp_decode(node, max_bytes=MAX_NODE_BYTES)
    # A string has none of the lengths of a node.
    return items if isinstance(items, list) else [items]


def _found(item: RlpItem | None, rest: Sequence[bytes]) -> bytes | None:
    if rest:
        raise ValueError("there are more nodes than the path needs")
    if item is not None and (not isinstance(item, bytes) or not item):
        raise ValueError("a leaf without a value")
    return item


def hex_prefix(item: RlpItem) -> tuple[bool, str]:
    """Whether a node of two items is a leaf, and its part of the path as hex digits (appendix C)."""
    digits = item.hex() if isinstance(item, bytes) else ""
    if digits[:2] in ("00", "20"):
        return digits[0] == "2", digits[2:]
    if digits[:1] in ("1", "3"):
        return digits[0] == "3", digits[1:]
    raise ValueError("a node's path is not in hex-prefix encoding")


def fetch_state(rpc: Rpc, address: str, slot: bytes, block: int) -> StateProof:
    """What a node gives as the proof of one slot at a block; its shape checked and nothing more.

    Raises:
        RpcError: the node does not know `eth_getProof`, or has that block's state no more.
        InvalidInputError: `chain.rpc_bad_answer`.
        UnreachableError: no answer.
    """
    answer = rpc.call("eth_getProof", [address, [to_hex(slot)], hex(block)])
    return state_from_json(answer, address, slot)


def state_from_json(answer: object, address: str, slot: bytes) -> StateProof:
    """The proof in a node's answer to `eth_getProof`, its shape checked and nothing more.

    Raises:
        InvalidInputError: `chain.rpc_bad_answer`.
    """
    if not isinstance(answer, dict):
        raise codec.bad_answer("state proof", "an object", answer)
    told = answer.get("storageProof")
    if not isinstance(told, list) or len(told) != 1 or not isinstance(told[0], dict):
        raise codec.bad_answer("state proof", f"one storage proof, of slot {to_hex(slot)}", told)
    if codec.data(answer.get("address"), "address", size=20) != from_hex(address):
        raise codec.bad_answer("state proof", f"one of {address}", answer.get("address"))
    return StateProof(account=_nodes(answer.get("accountProof")), storage=_nodes(told[0].get("proof")))


def _nodes(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > MAX_NODES:
        raise codec.bad_answer("proof", f"a list of at most {MAX_NODES} nodes", value)
    nodes = tuple(to_hex(codec.data(node, "node of a proof")) for node in value)
    if any(not 1 < len(node) <= 2 + 2 * MAX_NODE_BYTES for node in nodes):
        raise codec.bad_answer("proof", f"nodes of at most {MAX_NODE_BYTES} bytes", "a longer one")
    # An empty trie is told as no nodes, or as the one empty node.
    return () if nodes == ("0x80",) else nodes
