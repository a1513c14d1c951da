"""The leaves of a package: header, record, open evidence, withheld evidence (docs/format.md, section Leaves).

Parsing is strict: exact keys, exact types. What a later format may have added (an unknown format, type or key) has a
code of its own, `manifest.unknown_…`, so that a verifier can report it as unchecked rather than wrong.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

from archive.errors import InvalidInputError
from archive.package import canonical, merkle
from archive.package.limits import (
    MAX_FILE_BYTES,
    MAX_HEADER_BYTES,
    MAX_LEAVES,
    MAX_PATH_BYTES,
    MAX_RECORD_BYTES,
    MAX_ROWS,
    MAX_SAFE_INTEGER,
    MAX_SEGMENT_BYTES,
)

FORMAT = "incident-archive/1"
HASH = "sha-256"
RECORD_PATH = "record.json"
MANIFEST_PATH = "manifest.json"
RECORD_MEDIA_TYPE = "application/json"
RESERVED_PATHS = (MANIFEST_PATH, RECORD_PATH)

_ID = re.compile(r"[0-9a-z-]{1,64}")
_HEX32 = re.compile(r"[0-9a-f]{64}")
_ADDRESS = re.compile(r"0x[0-9a-f]{40}")
_BLOCK_HASH = re.compile(r"0x[0-9a-f]{64}")
_CHAIN = re.compile(r"[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}")
_RESTRICTED_NAME = r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}"
_MEDIA_TYPE = re.compile(rf"{_RESTRICTED_NAME}/{_RESTRICTED_NAME}(; ?[a-z0-9_.-]+=[A-Za-z0-9_.-]+)*")
_MAX_MEDIA_TYPE = 255
# C0 and C1 controls, the backslash, and what can disguise a name on a screen: line and bidirectional controls.
_BAD_IN_PATH = re.compile("[\x00-\x1f\x7f-\x9f\\\\\u2028\u2029\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class NotBefore:
    """A block that the publisher had seen when packing: the package cannot be older. `chain` is CAIP-2."""

    chain: str
    height: int
    hash: str

    def to_json(self) -> dict[str, canonical.Json]:
        return {"chain": self.chain, "height": self.height, "hash": self.hash}


@dataclass(frozen=True, slots=True)
class Header:
    """Leaf 0. `leaf_count` counts all leaves, this one included; roots are 64 hex digits, publisher 0x + 40."""

    incident: str
    revision: int
    previous_root: str | None
    leaf_count: int
    publisher: str | None
    not_before: tuple[NotBefore, ...] = ()

    def to_json(self) -> dict[str, canonical.Json]:
        return {
            "type": "header",
            "format": FORMAT,
            "hash": HASH,
            "incident": self.incident,
            "revision": self.revision,
            "previous_root": self.previous_root,
            "leaf_count": self.leaf_count,
            "publisher": self.publisher,
            "not_before": [item.to_json() for item in self.not_before],
        }


@dataclass(frozen=True, slots=True)
class RecordEntry:
    """Leaf 1: `record.json`, its size in bytes and SHA-256."""

    size: int
    sha256: str

    def to_json(self) -> dict[str, canonical.Json]:
        return {
            "type": "record",
            "path": RECORD_PATH,
            "media_type": RECORD_MEDIA_TYPE,
            "size": self.size,
            "sha256": self.sha256,
        }

    @property
    def path(self) -> str:
        return RECORD_PATH


@dataclass(frozen=True, slots=True)
class EvidenceEntry:
    """An open evidence file; also the value that a withheld commitment hides."""

    id: str
    path: str
    media_type: str
    size: int
    sha256: str

    def to_json(self) -> dict[str, canonical.Json]:
        return {
            "type": "evidence",
            "id": self.id,
            "path": self.path,
            "media_type": self.media_type,
            "size": self.size,
            "sha256": self.sha256,
        }


@dataclass(frozen=True, slots=True)
class WithheldEntry:
    """An evidence file that is not shown: only the salted commitment to its entry, 64 hex digits.

    A table may add the root over its salted lines and their count: both or neither.
    """

    commitment: str
    rows_root: str | None = None
    rows_count: int | None = None

    def to_json(self) -> dict[str, canonical.Json]:
        value: dict[str, canonical.Json] = {"type": "withheld", "commitment": self.commitment}
        if self.rows_root is not None:
            value |= {"rows_root": self.rows_root, "rows_count": self.rows_count}
        return value


Entry: TypeAlias = "Header | RecordEntry | EvidenceEntry | WithheldEntry"
ContentEntry: TypeAlias = "RecordEntry | EvidenceEntry | WithheldEntry"

_KEYS: dict[str, frozenset[str]] = {
    "header": frozenset(Header("x", 1, None, 2, None).to_json()),
    "record": frozenset(RecordEntry(0, "").to_json()),
    "evidence": frozenset(EvidenceEntry("", "", "", 0, "").to_json()),
    "withheld": frozenset(WithheldEntry("").to_json()),
}
_ROWS_KEYS = frozenset({"rows_root", "rows_count"})


def leaf_data(entry: Entry) -> bytes:
    """The canonical bytes that are hashed into the leaf."""
    return canonical.dumps(entry.to_json())


def leaf_hash(entry: Entry) -> bytes:
    """SHA-256(0x00 ‖ JCS(entry)), 32 bytes."""
    return merkle.leaf_hash(leaf_data(entry))


def is_unknown(code: str) -> bool:
    """True for codes of things that a later format may define: to be reported as unchecked, not as wrong."""
    return ".unknown_" in code


def parse_entry(value: object) -> Entry:
    """One leaf from its JSON value.

    Raises:
        InvalidInputError: `manifest.unknown_entry_type`, `.unknown_format`, `.unknown_hash`, `.unknown_key`,
            `.missing_key`, `.type`, `.bad_value`, `.path_…`, `.header_too_large`, `.record_too_large`.
    """
    if not isinstance(value, Mapping):
        _fail("type", "an entry is not a JSON object")
    kind = value.get("type")
    if not isinstance(kind, str):
        _fail("missing_key" if "type" not in value else "type", "an entry has no type")
    if kind not in _KEYS:
        _fail("unknown_entry_type", f"entry type {kind[:40]!a} is not known to format 1")
    if kind == "header":
        # Before the keys: another format may well have other keys.
        for key, known in (("format", FORMAT), ("hash", HASH)):
            found = value.get(key)
            if isinstance(found, str) and found != known:
                _fail(f"unknown_{key}", f"{key} {found[:40]!a} is not known; this is {known}")
    keys = _KEYS[kind]
    if kind == "withheld" and not _ROWS_KEYS.isdisjoint(value):
        keys |= _ROWS_KEYS
    missing = sorted(keys - value.keys())
    if missing:
        _fail("missing_key", f"{kind} entry lacks {', '.join(missing)}")
    extra = sorted(value.keys() - keys)
    if extra:
        _fail("unknown_key", f"{kind} entry has unknown key {extra[0][:40]!a}")
    if kind == "header":
        return _parse_header(value)
    if kind == "record":
        return _parse_record(value)
    if kind == "evidence":
        return parse_evidence(value)
    return _parse_withheld(value)


def _parse_header(value: Mapping[str, object]) -> Header:
    if value["format"] != FORMAT or value["hash"] != HASH:
        _fail("type", "header: format and hash must be text")
    blocks = value["not_before"]
    if not isinstance(blocks, list):
        _fail("type", "header: not_before is not a list")
    header = Header(
        incident=_match(value, "incident", _ID),
        revision=_integer(value, "revision", 1, MAX_SAFE_INTEGER),
        previous_root=_match_or_null(value, "previous_root", _HEX32),
        leaf_count=_integer(value, "leaf_count", 2, MAX_LEAVES),
        publisher=_match_or_null(value, "publisher", _ADDRESS),
        not_before=tuple(parse_not_before(item) for item in blocks),
    )
    if header.revision == 1 and header.previous_root is not None:
        _fail("bad_value", "header: revision 1 has a previous_root")
    if len(leaf_data(header)) > MAX_HEADER_BYTES:
        _fail("header_too_large", f"header is larger than {MAX_HEADER_BYTES:,} bytes")
    return header


def parse_not_before(value: object) -> NotBefore:
    """One element of the header's `not_before`."""
    if not isinstance(value, Mapping):
        _fail("type", "header: not_before holds something that is not an object")
    keys = {"chain", "height", "hash"}
    if keys - value.keys():
        _fail("missing_key", "header: a not_before block lacks chain, height or hash")
    if value.keys() - keys:
        _fail("unknown_key", "header: a not_before block has an unknown key")
    return NotBefore(
        chain=_match(value, "chain", _CHAIN),
        height=_integer(value, "height", 0, MAX_SAFE_INTEGER),
        hash=_match(value, "hash", _BLOCK_HASH),
    )


def _parse_record(value: Mapping[str, object]) -> RecordEntry:
    if value["path"] != RECORD_PATH or value["media_type"] != RECORD_MEDIA_TYPE:
        _fail("bad_value", f"the record entry must be {RECORD_PATH}, {RECORD_MEDIA_TYPE}")
    entry = RecordEntry(size=_integer(value, "size", 0, MAX_FILE_BYTES), sha256=_match(value, "sha256", _HEX32))
    if entry.size > MAX_RECORD_BYTES:
        _fail("record_too_large", f"{RECORD_PATH} of {entry.size:,} bytes; the limit is {MAX_RECORD_BYTES:,}")
    return entry


def _parse_withheld(value: Mapping[str, object]) -> WithheldEntry:
    commitment = _match(value, "commitment", _HEX32)
    if "rows_root" not in value:
        return WithheldEntry(commitment)
    return WithheldEntry(commitment, _match(value, "rows_root", _HEX32), _integer(value, "rows_count", 1, MAX_ROWS))


def parse_evidence(value: Mapping[str, object]) -> EvidenceEntry:
    """An evidence entry whose keys are known to be exact (also used for revealed withheld entries)."""
    return EvidenceEntry(
        id=_match(value, "id", _ID),
        path=check_path(value["path"]),
        media_type=_match(value, "media_type", _MEDIA_TYPE, _MAX_MEDIA_TYPE),
        size=_integer(value, "size", 0, MAX_FILE_BYTES),
        sha256=_match(value, "sha256", _HEX32),
    )


def check_path(path: object) -> str:
    """A path inside a package: relative, `/` between segments, nothing that a file system could take otherwise.

    Raises:
        InvalidInputError: `manifest.path_type`, `.path_empty`, `.path_absolute`, `.path_dots`, `.path_characters`,
            `.path_too_long`, `.path_reserved`, or a `canonical.…` code for its text.
    """
    if not isinstance(path, str):
        _fail("path_type", "a path is not text")
    shown = ascii(path if len(path) <= 80 else path[:80] + "…")
    canonical.check(path)
    if not path:
        _fail("path_empty", "a path is empty")
    if _BAD_IN_PATH.search(path):
        _fail("path_characters", f"path {shown} holds a backslash or a control character")
    if path.startswith("/"):
        _fail("path_absolute", f"path {shown} is absolute")
    if len(path.encode("utf-8")) > MAX_PATH_BYTES:
        _fail("path_too_long", f"path {shown} is longer than {MAX_PATH_BYTES:,} bytes")
    for segment in path.split("/"):
        if not segment:
            _fail("path_empty", f"path {shown} has an empty segment")
        if segment in (".", ".."):
            _fail("path_dots", f"path {shown} holds {segment!r}")
        if len(segment.encode("utf-8")) > MAX_SEGMENT_BYTES:
            _fail("path_too_long", f"a segment of path {shown} is longer than {MAX_SEGMENT_BYTES} bytes")
    if fold(path.split("/", 1)[0]) in RESERVED_PATHS:
        _fail("path_reserved", f"path {shown} is taken by the package itself")
    return path


def fold(path: str) -> str:
    """Two paths with the same fold are one file on some file system (Unicode canonical caseless matching, D145)."""
    if path.isascii():
        return path.lower()
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", path).casefold())


def is_id(text: str) -> bool:
    """True for the ids of incidents and evidence: 1 to 64 of `0-9a-z-`."""
    return _ID.fullmatch(text) is not None


def _match(value: Mapping[str, object], key: str, pattern: re.Pattern[str], limit: int = 1024) -> str:
    text = value[key]
    if not isinstance(text, str):
        _fail("type", f"{key} is not text")
    if len(text) > limit or not pattern.fullmatch(text):
        _fail("bad_value", f"{key} {text[:80]!a} does not have the form that format 1 asks for")
    return text


def _match_or_null(value: Mapping[str, object], key: str, pattern: re.Pattern[str]) -> str | None:
    return None if value[key] is None else _match(value, key, pattern)


def _integer(value: Mapping[str, object], key: str, low: int, high: int) -> int:
    number = value[key]
    if type(number) is not int:
        _fail("type", f"{key} is not an integer")
    if not low <= number <= high:
        _fail("bad_value", f"{key} is {number}; it must be from {low} to {high}")
    return number


def _fail(code: str, message: str) -> NoReturn:
    raise InvalidInputError(message, code=f"manifest.{code}")
