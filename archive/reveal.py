"""Reveals: what shows a withheld file, or one line of it, against a root that is published already (docs/format.md).

A file: `{format, root, entry, salt, rows_key}`; a line: `{format, root, commitment, rows_root, rows_count, index, salt,
record, path}`. Nothing in one is trusted: the commitment, the leaf and the root of the lines are recomputed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn, TypeAlias

from archive.errors import InvalidInputError
from archive.package import canonical, entries, merkle, rows, seal
from archive.package.limits import MAX_RECORD_LINE_BYTES, MAX_ROWS

SUFFIX: Final = ".reveal.json"
FILE_FORMAT: Final = "incident-archive-reveal/1"
ROW_FORMAT: Final = "incident-archive-reveal-row/1"
MAX_BYTES: Final = 4 * 1024 * 1024

_HEX32 = re.compile(r"[0-9a-f]{64}")
_HEX = re.compile(r"(?:[0-9a-f]{2})*")
_MAX_PATH = 64


@dataclass(frozen=True, slots=True)
class FileReveal:
    """The entry and salt behind a commitment. `rows_key` (64 hex digits) is there when its lines are committed to."""

    root: str
    entry: entries.EvidenceEntry
    salt: str
    rows_key: str | None = None

    @property
    def commitment(self) -> str:
        return seal.commitment(bytes.fromhex(self.salt), self.entry)

    def to_bytes(self) -> bytes:
        """Canonical JSON and a line end."""
        value: dict[str, canonical.Json] = {
            "format": FILE_FORMAT,
            "root": self.root,
            "entry": self.entry.to_json(),
            "salt": self.salt,
            "rows_key": self.rows_key,
        }
        return canonical.dumps(value) + b"\n"


@dataclass(frozen=True, slots=True)
class RowReveal:
    """One line of a withheld table: its 0-based index, its bytes, its salt and its path to the root of the lines."""

    root: str
    commitment: str
    rows_root: str
    rows_count: int
    index: int
    salt: str
    record: bytes
    path: tuple[str, ...]

    def to_bytes(self) -> bytes:
        """Canonical JSON and a line end."""
        value: dict[str, canonical.Json] = {
            "format": ROW_FORMAT,
            "root": self.root,
            "commitment": self.commitment,
            "rows_root": self.rows_root,
            "rows_count": self.rows_count,
            "index": self.index,
            "salt": self.salt,
            "record": self.record.hex(),
            "path": list(self.path),
        }
        return canonical.dumps(value) + b"\n"

    def computed_root(self) -> str:
        """The root of the lines that this line leads to; raises `merkle.…` for a path of the wrong length."""
        leaf = rows.row_leaf(bytes.fromhex(self.salt), self.record)
        return merkle.root_from_path(leaf, self.index, self.rows_count, [bytes.fromhex(h) for h in self.path]).hex()


Reveal: TypeAlias = "FileReveal | RowReveal"


def read_reveal(path: Path) -> Reveal:
    """Read a reveal file; raises `reveal.unreadable` and as `parse_reveal`."""
    try:
        with path.open("rb") as handle:
            data = handle.read(MAX_BYTES + 1)
    except OSError as error:
        raise InvalidInputError(f"{path}: cannot be read: {error.strerror}", code="reveal.unreadable") from None
    return parse_reveal(data)


def parse_reveal(data: bytes) -> Reveal:
    """Parse a reveal strictly.

    Raises:
        InvalidInputError: `canonical.…` for its bytes, `reveal.unknown_format`, `reveal.keys`, `reveal.bad_value`,
            `manifest.…` for its entry.
    """
    value = canonical.loads(data, max_bytes=MAX_BYTES)
    if not isinstance(value, dict) or not isinstance(value.get("format"), str):
        _fail("keys", "this is no reveal: it names no format")
    if value["format"] == FILE_FORMAT:
        return _parse_file(value)
    if value["format"] != ROW_FORMAT:
        _fail("unknown_format", f"reveal format {str(value['format'])[:40]!a} is not known here")
    return _parse_row(value)


def _parse_file(value: Mapping[str, Any]) -> FileReveal:
    _keys(value, {"format", "root", "entry", "salt", "rows_key"})
    entry = entries.parse_entry(value["entry"])
    if not isinstance(entry, entries.EvidenceEntry):
        _fail("bad_value", "the entry of a reveal is not an evidence entry")
    key = None if value["rows_key"] is None else _hash(value, "rows_key")
    return FileReveal(_hash(value, "root"), entry, _hash(value, "salt"), key)


def _parse_row(value: Mapping[str, Any]) -> RowReveal:
    names = {"format", "root", "commitment", "rows_root", "rows_count", "index", "salt", "record", "path"}
    _keys(value, names)
    count, index, record, path = value["rows_count"], value["index"], value["record"], value["path"]
    if type(count) is not int or type(index) is not int or not 0 <= index < count <= MAX_ROWS:
        _fail("bad_value", "index and rows_count of a reveal do not fit together")
    if not isinstance(record, str) or len(record) > 2 * MAX_RECORD_LINE_BYTES or not _HEX.fullmatch(record):
        _fail("bad_value", "the record of a reveal is not hex")
    if not isinstance(path, list) or len(path) > _MAX_PATH:
        _fail("bad_value", "the path of a reveal is no list of hashes")
    if not all(isinstance(h, str) and _HEX32.fullmatch(h) for h in path):
        _fail("bad_value", "the path of a reveal is no list of hashes")
    return RowReveal(
        root=_hash(value, "root"),
        commitment=_hash(value, "commitment"),
        rows_root=_hash(value, "rows_root"),
        rows_count=count,
        index=index,
        salt=_hash(value, "salt"),
        record=bytes.fromhex(record),
        path=tuple(path),
    )


def _keys(value: Mapping[str, Any], names: set[str]) -> None:
    if value.keys() != names:
        odd = sorted(value.keys() ^ names)[0]
        _fail("keys", f"a reveal has exactly {', '.join(sorted(names))} (see {odd[:40]!a})")


def _hash(value: Mapping[str, Any], key: str) -> str:
    text = value[key]
    if not isinstance(text, str) or not _HEX32.fullmatch(text):
        _fail("bad_value", f"{key} of a reveal is not 64 lower-case hex digits")
    return text


def _fail(code: str, message: str) -> NoReturn:
    raise InvalidInputError(message, code=f"reveal.{code}")
