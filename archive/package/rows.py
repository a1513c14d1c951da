"""Lines of a withheld table, committed to one by one (docs/format.md, section 6).

A record is a line: the bytes up to the next `0x0A`, without it, or up to the end of the file. An empty rest after the
last `0x0A` is no record; a `0x0D` before it belongs to the record. The header line of a CSV is record 0.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NoReturn

from archive.errors import InvalidInputError
from archive.package import merkle
from archive.package.limits import MAX_RECORD_LINE_BYTES, MAX_ROWS

_LABEL = b"IA1-row"
_KEY_BYTES = 32
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Rows:
    """The tree over the records of a file: its root (64 hex digits), how many there are, and the file's own hash."""

    root: str
    count: int
    size: int
    sha256: str


def row_key(seed: bytes, revision: int, evidence_id: str) -> bytes:
    """HMAC-SHA256(seed, "IA1-row" ‖ 0x00 ‖ decimal revision ‖ 0x00 ‖ id): the key of one table's salts, 32 bytes."""
    message = b"\x00".join((_LABEL, str(revision).encode("ascii"), evidence_id.encode("utf-8")))
    return hmac.new(seed, message, hashlib.sha256).digest()


def row_salt(key: bytes, index: int) -> bytes:
    """HMAC-SHA256(key, decimal index), 32 bytes: to know one says nothing about another."""
    return hmac.digest(key, b"%d" % index, "sha256")


def row_leaf(salt: bytes, record: bytes) -> bytes:
    """SHA-256(0x00 ‖ salt ‖ record); raises `rows.salt`."""
    if len(salt) != _KEY_BYTES:
        _fail("salt", f"a salt has {len(salt)} bytes, not {_KEY_BYTES}")
    return merkle.leaf_hash(salt + record)


def read_records(handle: BinaryIO, *, hasher: hashlib._Hash | None = None) -> Iterator[bytes]:
    """The records of a file that is open at its start; raises `rows.too_long` for one above 1 MiB."""
    rest = b""
    while block := handle.read(_CHUNK):
        if hasher is not None:
            hasher.update(block)
        lines = (rest + block).split(b"\n")
        rest = lines.pop()
        for line in lines:
            if len(line) > MAX_RECORD_LINE_BYTES:
                _fail("too_long", f"a line has more than {MAX_RECORD_LINE_BYTES:,} bytes: this is no table of lines")
            yield line
        if len(rest) > MAX_RECORD_LINE_BYTES:
            _fail("too_long", f"a line has more than {MAX_RECORD_LINE_BYTES:,} bytes: this is no table of lines")
    if rest:
        yield rest


def digest_rows(path: Path, key: bytes) -> Rows:
    """Root and count over a file, in one pass and without holding it.

    Raises:
        InvalidInputError: `rows.empty`, `rows.too_long`, `rows.too_many`, `package.unreadable`.
    """
    hasher = hashlib.sha256()
    stack: list[tuple[int, bytes]] = []
    count = 0
    try:
        with path.open("rb") as handle:
            for record in read_records(handle, hasher=hasher):
                _push(stack, row_leaf(row_salt(key, count), record))
                count += 1
                if count > MAX_ROWS:
                    _fail("too_many", f"more than {MAX_ROWS:,} lines")
            size = handle.tell()
    except OSError as error:
        raise InvalidInputError(f"{path}: cannot be read: {error.strerror}", code="package.unreadable") from None
    if not count:
        _fail("empty", f"{path}: has no lines to commit to")
    return Rows(_finish(stack).hex(), count, size, hasher.hexdigest())


def prove_row(path: Path, key: bytes, index: int) -> tuple[bytes, list[bytes], Rows]:
    """One record, its inclusion path, and the tree it is in. Holds 32 bytes for each line while it runs.

    Raises:
        InvalidInputError: `rows.index` when there is no such line, and as `digest_rows`.
    """
    hasher = hashlib.sha256()
    leaves: list[bytes] = []
    found: bytes | None = None
    try:
        with path.open("rb") as handle:
            for number, record in enumerate(read_records(handle, hasher=hasher)):
                leaves.append(row_leaf(row_salt(key, number), record))
                if number == index:
                    found = record
            size = handle.tell()
    except OSError as error:
        raise InvalidInputError(f"{path}: cannot be read: {error.strerror}", code="package.unreadable") from None
    if found is None:
        _fail("index", f"{path}: there is no line {index + 1}; it has {len(leaves):,}")
    rows = Rows(merkle.merkle_root(leaves).hex(), len(leaves), size, hasher.hexdigest())
    return found, merkle.inclusion_path(leaves, index), rows


def _push(stack: list[tuple[int, bytes]], node: bytes) -> None:
    """Add a leaf to the peaks of the tree so far: (height, hash), the highest first."""
    height = 0
    while stack and stack[-1][0] == height:
        node = merkle.node_hash(stack.pop()[1], node)
        height += 1
    stack.append((height, node))


def _finish(stack: list[tuple[int, bytes]]) -> bytes:
    node = stack[-1][1]
    for _, left in reversed(stack[:-1]):
        node = merkle.node_hash(left, node)
    return node


def _fail(code: str, message: str) -> NoReturn:
    raise InvalidInputError(message, code=f"rows.{code}")
