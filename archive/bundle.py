"""The proof bundle: one JSON file with all a verifier needs beside the evidence bytes.

```
{format: "incident-archive-proof/1", root, content_id,
 entries:   [header, record entry, evidence entries …, withheld entries …],
 record:    the value of record.json | null,
 directory: [{path, cid, tsize} …]     every file of the package, sorted by the UTF-8 bytes of the path
 anchors:   [{kind: "anchor", …} …],
 stamps:    [{kind: "rfc3161" | "opentimestamps" | "not_before", …} …]}      `archive.stamps.entries`
```
Parsing checks shape and bounds only. Nothing read here is trusted: `archive.verify.checks` recomputes the root from
`entries`, the content id from `directory`, and takes everything about an anchor from its proven log.

Entries, anchors and stamps stay plain JSON objects, so that a kind this version does not know can be carried through
and reported as unchecked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from archive.errors import ArchiveError, ExitCode, InvalidInputError
from archive.package import canonical

BUNDLE_FORMAT: Final = "incident-archive-proof/1"
MAX_BUNDLE_BYTES: Final = 64 * 1024 * 1024
MAX_LEAVES: Final = 65_536
MAX_DEPTH: Final = 32
MAX_PROOFS: Final = 64  # anchors, and stamps: each costs the verifier signatures and hashing
MAX_PATH_BYTES: Final = 1024

JsonObject = dict[str, Any]

_HEX64: Final = re.compile(r"[0-9a-f]{64}\Z")
_CONTENT_ID: Final = re.compile(r"bafybei[a-z2-7]{52}\Z")
_CID: Final = re.compile(r"baf[a-z2-7]{56}\Z")
_KEYS: Final = ("format", "root", "content_id", "entries", "record", "directory", "anchors", "stamps")
_STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
# Rules of canonical JSON whose names would say too little here.
_RULES: Final = {
    "depth": "too_deep",
    "syntax": "not_json",
    "trailing": "not_json",
    "bom": "not_json",
    "encoding": "not_json",
}
_ASK_AGAIN: Final = "fetch the proof bundle again, or ask its publisher for it"


class UnknownBundleFormatError(ArchiveError):
    """The bundle is of a format, or has a key, that this version does not know: nothing could be checked. Exit 3."""

    exit_code = ExitCode.INCOMPLETE


@dataclass(frozen=True, slots=True)
class DirectoryLink:
    """One file of the package directory: its CIDv1 and the byte size of its whole DAG (`Tsize`)."""

    path: str
    cid: str
    tsize: int


@dataclass(frozen=True, slots=True)
class ProofBundle:
    """A proof bundle of format 1, its shape checked and nothing more."""

    root: str
    content_id: str
    entries: tuple[JsonObject, ...]
    record: JsonObject | None
    directory: tuple[DirectoryLink, ...]
    anchors: tuple[JsonObject, ...] = ()
    stamps: tuple[JsonObject, ...] = ()

    def to_json(self) -> JsonObject:
        return {
            "format": BUNDLE_FORMAT,
            "root": self.root,
            "content_id": self.content_id,
            "entries": list(self.entries),
            "record": self.record,
            "directory": [{"path": d.path, "cid": d.cid, "tsize": d.tsize} for d in self.directory],
            "anchors": list(self.anchors),
            "stamps": list(self.stamps),
        }

    def to_bytes(self) -> bytes:
        """Canonical JSON of the bundle: the bytes that are written, pinned and compared."""
        return canonical.dumps(self.to_json())


def build_bundle(
    *,
    root: str,
    content_id: str,
    entries: Iterable[Mapping[str, Any]],
    record: Mapping[str, Any] | None,
    directory: Iterable[tuple[str, str, int]],
    anchors: Iterable[Mapping[str, Any]] = (),
    stamps: Iterable[Mapping[str, Any]] = (),
) -> ProofBundle:
    """A bundle from a package and its proofs, checked by the same rules as one that was read.

    Args:
        root: 64 hex digits.
        entries: JSON of all leaves, the header first.
        record: value of record.json.
        directory: (path, cid, tsize) of every file of the package.
        anchors: JSON of each anchor proof.

    Raises:
        InvalidInputError: a `bundle.*` code, where the parts do not make a valid bundle.
    """
    links = sorted((DirectoryLink(*link) for link in directory), key=lambda link: link.path.encode())
    bundle = ProofBundle(
        root=root,
        content_id=content_id,
        entries=tuple(dict(e) for e in entries),
        record=None if record is None else dict(record),
        directory=tuple(links),
        anchors=tuple(dict(a) for a in anchors),
        stamps=tuple(dict(s) for s in stamps),
    )
    return parse_bundle(bundle.to_bytes())


def read_bundle(path: Path) -> ProofBundle:
    """Read and parse a bundle file.

    Raises:
        InvalidInputError: `bundle.unreadable`, or any code of `parse_bundle`.
        UnknownBundleFormatError: `bundle.unknown_format`.
    """
    try:
        with path.open("rb") as handle:
            data = handle.read(MAX_BUNDLE_BYTES + 1)
    except OSError as error:
        raise InvalidInputError(
            f"{path}: cannot be read: {error.strerror}", code="bundle.unreadable", hint=_ASK_AGAIN
        ) from error
    return parse_bundle(data, name=str(path))


def parse_bundle(data: bytes, *, name: str = "proof bundle") -> ProofBundle:
    """Parse a bundle strictly and within bounds.

    Raises:
        InvalidInputError: `bundle.too_large`, `bundle.truncated`, `bundle.not_json`, `bundle.duplicate_key`,
            `bundle.too_deep`, `bundle.too_many_leaves`, `bundle.too_many_proofs`, `bundle.duplicate_proof`,
            `bundle.missing_key`, `bundle.shape`, `bundle.root`, `bundle.content_id`,
            `bundle.directory`, or another rule of canonical JSON (`bundle.float`, …).
        UnknownBundleFormatError: `bundle.unknown_format`, `bundle.unknown_key`.
    """
    value = _load(data, name)
    if not isinstance(value, dict):
        raise _wrong(name, "shape", f"is a JSON {_kind(value)}, not an object")
    if value.get("format") != BUNDLE_FORMAT:
        if isinstance(value.get("format"), str):
            raise UnknownBundleFormatError(
                f"{name}: format {value['format'][:80]!r} is not known here; this version reads {BUNDLE_FORMAT!r}",
                code="bundle.unknown_format",
                hint="use a newer version of archive, or check that this is a proof bundle",
            )
        raise _wrong(name, "missing_key", "has no 'format': it is not a proof bundle")
    for key in _KEYS:
        if key not in value:
            raise _wrong(name, "missing_key", f"has no {key!r}")
    for key in value:
        if key not in _KEYS:
            raise UnknownBundleFormatError(
                f"{name}: has a key {key[:80]!r} that this version does not know",
                code="bundle.unknown_key",
                hint="use a newer version of archive, or ask the publisher for the proof bundle",
            )
    if not _matches(_HEX64, value["root"]):
        raise _wrong(name, "root", "'root' is not 64 lower-case hex digits")
    if not _matches(_CONTENT_ID, value["content_id"]):
        raise _wrong(name, "content_id", "'content_id' is not a CIDv1 of a directory (bafybei…)")
    if value["record"] is not None and not isinstance(value["record"], dict):
        raise _wrong(name, "shape", f"'record' is a JSON {_kind(value['record'])}, not an object or null")
    entries = _objects(name, value, "entries", MAX_LEAVES, "too_many_leaves")
    if not entries:
        raise _wrong(name, "shape", "'entries' is empty: the header entry is missing")
    return ProofBundle(
        root=value["root"],
        content_id=value["content_id"],
        entries=entries,
        record=value["record"],
        directory=_directory(name, value["directory"]),
        anchors=_proofs(name, value, "anchors"),
        stamps=_proofs(name, value, "stamps"),
    )


def _load(data: bytes, name: str) -> Any:
    if len(data) > MAX_BUNDLE_BYTES:
        raise _wrong(name, "too_large", f"is larger than {MAX_BUNDLE_BYTES:,} bytes")
    try:
        return canonical.loads(data, max_bytes=MAX_BUNDLE_BYTES, max_depth=MAX_DEPTH)
    except InvalidInputError as error:
        rule = error.code.rpartition(".")[2]
        if rule in ("syntax", "encoding") and _is_cut_short(data):
            raise _wrong(name, "truncated", "ends in the middle: the file was cut short") from error
        code = f"bundle.{_RULES.get(rule, rule)}"
        raise InvalidInputError(f"{name}: {error.message}", code=code, hint=_ASK_AGAIN) from error


def _is_cut_short(data: bytes) -> bool:
    """JSON that opens more than it closes: the remedy is to fetch it again, so it is worth telling apart."""
    bare = _STRING.sub(b"", data)
    opened = bare.count(b"{") + bare.count(b"[")
    return data.lstrip(b" \t\r\n").startswith(b"{") and (b'"' in bare or opened > bare.count(b"}") + bare.count(b"]"))


def _directory(name: str, value: Any) -> tuple[DirectoryLink, ...]:
    if not isinstance(value, list):
        raise _wrong(name, "directory", f"'directory' is a JSON {_kind(value)}, not a list")
    if len(value) > MAX_LEAVES:
        raise _wrong(name, "directory", f"'directory' lists more than {MAX_LEAVES:,} files")
    links = []
    previous = b""
    for index, item in enumerate(value):
        where = f"'directory' entry {index}"
        if not isinstance(item, dict) or set(item) != {"path", "cid", "tsize"}:
            raise _wrong(name, "directory", f"{where} does not have exactly path, cid and tsize")
        path, cid, tsize = item["path"], item["cid"], item["tsize"]
        if not isinstance(path, str) or not 0 < len(path.encode("utf-8", "replace")) <= MAX_PATH_BYTES:
            raise _wrong(name, "directory", f"{where}: path is not text of 1 to {MAX_PATH_BYTES} bytes")
        if not _matches(_CID, cid):
            raise _wrong(name, "directory", f"{where}: cid is not a CIDv1 in base32")
        if not isinstance(tsize, int) or isinstance(tsize, bool) or tsize < 0:
            raise _wrong(name, "directory", f"{where}: tsize is not a whole number")
        if path.encode() <= previous:
            raise _wrong(name, "directory", f"{where}: {path[:80]!r} is listed twice or out of order")
        previous = path.encode()
        links.append(DirectoryLink(path, cid, tsize))
    return tuple(links)


def _proofs(name: str, value: JsonObject, key: str) -> tuple[JsonObject, ...]:
    proofs = _objects(name, value, key, MAX_PROOFS, "too_many_proofs")
    seen: set[bytes] = set()
    for index, proof in enumerate(proofs):
        if not isinstance(proof.get("kind"), str):
            raise _wrong(name, "shape", f"{key!r} entry {index} does not say its kind")
        written = canonical.dumps(proof)  # Python holds true and 1 for equal
        if written in seen:
            raise _wrong(name, "duplicate_proof", f"{key!r} entry {index} is there twice")
        seen.add(written)
    return proofs


def _objects(name: str, value: JsonObject, key: str, limit: int, code: str) -> tuple[JsonObject, ...]:
    items: Sequence[Any] = value[key]
    if not isinstance(items, list):
        raise _wrong(name, "shape", f"{key!r} is a JSON {_kind(items)}, not a list")
    if len(items) > limit:
        raise _wrong(name, code, f"{key!r} has {len(items):,} items, more than {limit:,}")
    for index, item in enumerate(items):
        if not isinstance(item, dict):
            raise _wrong(name, "shape", f"{key!r} entry {index} is a JSON {_kind(item)}, not an object")
    return tuple(items)


def _matches(pattern: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and pattern.match(value) is not None


def _wrong(name: str, rule: str, what: str) -> InvalidInputError:
    return InvalidInputError(f"{name}: {what}", code=f"bundle.{rule}", hint=_ASK_AGAIN)


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    names = {bool: "boolean", int: "number", str: "string", list: "list", dict: "object"}
    return names.get(type(value), type(value).__name__)
