"""The Merkle tree of RFC 9162 §2.1 with SHA-256. Pure and iterative; all hashes are 32 raw bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from archive.errors import InvalidInputError

HASH_BYTES = 32


def leaf_hash(data: bytes) -> bytes:
    """SHA-256(0x00 ‖ data)."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 ‖ left ‖ right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def _next_level(level: Sequence[bytes]) -> list[bytes]:
    # Pairing level by level and lifting an odd last node unchanged gives RFC 9162's split at the largest power of two.
    pairs = [node_hash(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
    if len(level) % 2:
        pairs.append(level[-1])
    return pairs


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes (not leaf data). The root of no leaves is SHA-256 of nothing, as in the RFC."""
    _check_hashes(leaves)
    if not leaves:
        return hashlib.sha256(b"").digest()
    level: Sequence[bytes] = leaves
    while len(level) > 1:
        level = _next_level(level)
    return level[0]


def inclusion_path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The sibling hashes from leaf `index` up to the root (RFC 9162 §2.1.3.1); raises `merkle.index`."""
    _check_hashes(leaves)
    _check_index(index, len(leaves))
    path: list[bytes] = []
    level: Sequence[bytes] = leaves
    while len(level) > 1:
        sibling = index ^ 1
        if sibling < len(level):
            path.append(level[sibling])
        index //= 2
        level = _next_level(level)
    return path


def root_from_path(leaf: bytes, index: int, count: int, path: Sequence[bytes]) -> bytes:
    """The root that a leaf hash and its inclusion path lead to (RFC 9162 §2.1.3.2).

    The caller compares it with a root it trusts. Raises `merkle.index`, `merkle.path_length`, `merkle.hash_size`.
    """
    _check_index(index, count)
    _check_hashes([leaf, *path])
    current = leaf
    node, last = index, count - 1
    for sibling in path:
        if last == 0:
            raise InvalidInputError("inclusion path is too long", code="merkle.path_length")
        if node % 2 or node == last:
            current = node_hash(sibling, current)
            while node % 2 == 0 and node:
                node, last = node // 2, last // 2
        else:
            current = node_hash(current, sibling)
        node, last = node // 2, last // 2
    if last:
        raise InvalidInputError("inclusion path is too short", code="merkle.path_length")
    return current


def _check_index(index: int, count: int) -> None:
    if not 0 <= index < count:
        raise InvalidInputError(f"leaf {index} of a tree of {count} leaves", code="merkle.index")


def _check_hashes(hashes: Sequence[bytes]) -> None:
    if any(len(item) != HASH_BYTES for item in hashes):
        raise InvalidInputError("a hash in the tree is not 32 bytes long", code="merkle.hash_size")
