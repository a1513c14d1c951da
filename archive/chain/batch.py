"""Batches: one anchor for many packages, and each package's path to it. Pure, base libraries only.

The tree is RFC 9162's over the leaves `SHA-256(0x00 ‖ "IA1-batch" ‖ incident key ‖ root ‖ content digest)`, sorted, so
that the same packages make the same batch in any order. A batch's root stands only for the batch: the registry keeps
batches apart from entries, and a leaf's label keeps it apart from every leaf and node of a package's tree.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from archive.chain import registry
from archive.errors import InvalidInputError
from archive.package import merkle

LABEL: Final = b"IA1-batch"
MAX_MEMBERS: Final = 2**24
MAX_PATH: Final = 24


@dataclass(frozen=True, slots=True, order=True)
class Member:
    """A package in a batch; all three are 32 bytes."""

    incident: bytes
    root: bytes
    content_digest: bytes

    def leaf(self) -> bytes:
        """Its leaf hash in the batch's tree."""
        for word in (self.incident, self.root, self.content_digest):
            if len(word) != registry.WORD:
                raise InvalidInputError("a member's hash is not 32 bytes", code="batch.hash_size")
        return hashlib.sha256(b"\0" + LABEL + self.incident + self.root + self.content_digest).digest()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a member is in its batch: sibling hashes from its leaf up, index from 0, number of leaves."""

    path: tuple[bytes, ...]
    index: int
    count: int


class Batch:
    """A batch's tree, kept whole: any member's path is a look-up.

    Raises:
        InvalidInputError: `batch.empty`, `batch.too_many`, `batch.duplicate`, `batch.hash_size`.
    """

    def __init__(self, members: Iterable[Member]) -> None:
        leaves = sorted(member.leaf() for member in members)
        if not leaves:
            raise InvalidInputError("a batch has at least one package", code="batch.empty")
        if len(leaves) > MAX_MEMBERS:
            raise InvalidInputError(f"a batch has at most {MAX_MEMBERS:,} packages", code="batch.too_many")
        self._index = {leaf: index for index, leaf in enumerate(leaves)}
        if len(self._index) != len(leaves):
            raise InvalidInputError("the same package is in the batch twice", code="batch.duplicate")
        self._levels = merkle_levels(leaves)
        self.count = len(leaves)
        self.root = self._levels[-1][0]

    def place(self, member: Member) -> Place:
        """The member's path; raises `batch.not_a_member`."""
        index = self._index.get(member.leaf())
        if index is None:
            raise InvalidInputError("the package is not in the batch", code="batch.not_a_member")
        return Place(tuple(self._path(index)), index, self.count)

    def _path(self, index: int) -> list[bytes]:
        path = []
        for level in self._levels[:-1]:
            sibling = index ^ 1
            if sibling < len(level):
                path.append(level[sibling])
            index >>= 1
        return path


def merkle_levels(leaves: Sequence[bytes]) -> list[Sequence[bytes]]:
    """All levels of the tree, leaves first; a last node without a sibling is lifted unchanged."""
    sha256 = hashlib.sha256
    levels: list[Sequence[bytes]] = [leaves]
    while len(levels[-1]) > 1:
        level = levels[-1]
        pairs = [sha256(b"\x01" + level[i] + level[i + 1]).digest() for i in range(0, len(level) - 1, 2)]
        levels.append([*pairs, level[-1]] if len(level) % 2 else pairs)
    return levels


def batch_root(member: Member, place: Place) -> bytes:
    """The batch's root that a member's path leads to; raises `merkle.index`, `merkle.path_length`."""
    return merkle.root_from_path(member.leaf(), place.index, place.count, place.path)
