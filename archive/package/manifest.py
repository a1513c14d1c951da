"""The manifest: all leaves of a package in order, and the Merkle root over them (docs/format.md, section Manifest)."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from archive.errors import InvalidInputError
from archive.package import canonical, entries, merkle
from archive.package.entries import ContentEntry, EvidenceEntry, Header, RecordEntry, WithheldEntry
from archive.package.limits import MAX_FOLDERS, MAX_LEAVES, MAX_MANIFEST_BYTES


@dataclass(frozen=True, slots=True)
class Manifest:
    """Header (leaf 0) and the other leaves. Make one with `from_leaves` or `parse_manifest`, which check the rules."""

    header: Header
    entries: tuple[ContentEntry, ...]

    def to_json(self) -> dict[str, canonical.Json]:
        return {"header": self.header.to_json(), "entries": [entry.to_json() for entry in self.entries]}

    def to_bytes(self) -> bytes:
        """`manifest.json`: JCS({header, entries})."""
        return canonical.dumps(self.to_json())

    def leaf_hashes(self) -> list[bytes]:
        return [entries.leaf_hash(self.header), *(entries.leaf_hash(entry) for entry in self.entries)]

    def root(self) -> str:
        """The Merkle root, 64 hex digits."""
        return merkle.merkle_root(self.leaf_hashes()).hex()

    @property
    def record(self) -> RecordEntry:
        entry = self.entries[0]
        assert isinstance(entry, RecordEntry)  # noqa: S101  # check_leaves has seen to it
        return entry

    @property
    def evidence(self) -> tuple[EvidenceEntry, ...]:
        return tuple(entry for entry in self.entries if isinstance(entry, EvidenceEntry))

    @property
    def withheld(self) -> tuple[WithheldEntry, ...]:
        return tuple(entry for entry in self.entries if isinstance(entry, WithheldEntry))


def parse_manifest(data: bytes) -> Manifest:
    """Parse `manifest.json` strictly.

    Raises:
        InvalidInputError: `canonical.…` for its bytes, `manifest.…` for its content.
    """
    value = canonical.loads_canonical(data, max_bytes=MAX_MANIFEST_BYTES)
    if not isinstance(value, dict):
        _fail("type", "the manifest is not a JSON object")
    if {"header", "entries"} - value.keys():
        _fail("missing_key", "the manifest lacks header or entries")
    header = value["header"]
    leaves = value["entries"]
    if not isinstance(leaves, list):
        _fail("type", "the manifest's entries are not a list")
    _check_count(len(leaves) + 1)
    first = entries.parse_entry(header)
    # After the header: a manifest of a later format is unknown by its format, not by its keys.
    if value.keys() - {"header", "entries"}:
        _fail("unknown_key", "the manifest has a key besides header and entries")
    return check_leaves([first, *(entries.parse_entry(leaf) for leaf in leaves)])


def from_leaves(values: Sequence[object]) -> Manifest:
    """The manifest from the JSON values of all its leaves, header first (as a proof bundle holds them)."""
    _check_count(len(values))
    return check_leaves([entries.parse_entry(value) for value in values])


def check_leaves(leaves: Sequence[entries.Entry]) -> Manifest:
    """The rules over all leaves: order, count, and no two of the same.

    Raises:
        InvalidInputError: `manifest.no_header`, `.no_record`, `.order`, `.leaf_count`, `.too_many_leaves`,
            `.duplicate_id`, `.duplicate_path`, `.duplicate_commitment`, `.path_collision`, `.path_conflict`,
            `.too_many_folders`.
    """
    _check_count(len(leaves))
    if not leaves or not isinstance(leaves[0], Header):
        _fail("no_header", "the first leaf is not the header")
    header = leaves[0]
    if len(leaves) < 2 or not isinstance(leaves[1], RecordEntry):
        _fail("no_record", "the second leaf is not the record")
    if header.leaf_count != len(leaves):
        _fail("leaf_count", f"the header counts {header.leaf_count} leaves, there are {len(leaves)}")
    content: list[ContentEntry] = []
    evidence: list[EvidenceEntry] = []
    withheld: list[WithheldEntry] = []
    for leaf in leaves[1:]:
        if isinstance(leaf, Header) or (isinstance(leaf, RecordEntry) and content):
            _fail("order", "a header or record stands among the evidence")
        if isinstance(leaf, EvidenceEntry):
            if withheld:
                _fail("order", "open evidence stands after withheld evidence")
            evidence.append(leaf)
        elif isinstance(leaf, WithheldEntry):
            withheld.append(leaf)
        content.append(leaf)
    _check_evidence(evidence)
    commitments = [leaf.commitment for leaf in withheld]
    _check_sorted(commitments, "withheld evidence is not sorted by commitment", "duplicate_commitment")
    return Manifest(header, tuple(content))


def _check_evidence(evidence: Sequence[EvidenceEntry]) -> None:
    ids: set[str] = set()
    for entry in evidence:
        if entry.id in ids:
            _fail("duplicate_id", f"evidence id {entry.id} occurs twice")
        ids.add(entry.id)
    paths = [entry.path.encode("utf-8") for entry in evidence]
    _check_sorted(paths, "open evidence is not sorted by the UTF-8 bytes of its path", "duplicate_path")
    check_collisions(entry.path for entry in evidence)


def check_collisions(paths: Iterable[str]) -> None:
    """No two paths, files or folders, may be one on a file system that ignores case or Unicode form.

    Raises:
        InvalidInputError: `manifest.path_collision` for two spellings, `manifest.path_conflict` for a path that is a
            file here and a folder there, `manifest.too_many_folders`.
    """
    spelling: dict[str, tuple[str, bool]] = {}
    folders = 0
    for path in paths:
        part, is_file = path, True
        # From the file upwards: a folder that is known has only known folders above it.
        while part:
            key = entries.fold(part)
            known = spelling.get(key)
            if known is None:
                spelling[key] = (part, is_file)
                folders += not is_file
            elif known[0] != part:
                _fail("path_collision", f"paths {known[0]!a} and {part!a} differ by case or form only")
            elif known[1] != is_file:
                _fail("path_conflict", f"path {part!a} is both a file and a folder")
            elif not is_file:
                break
            if folders > MAX_FOLDERS:
                _fail("too_many_folders", f"more than {MAX_FOLDERS:,} folders")
            part, is_file = part.rpartition("/")[0], False


def _check_sorted(keys: Sequence[str] | Sequence[bytes], message: str, duplicate: str) -> None:
    for before, after in itertools.pairwise(keys):
        if before == after:
            _fail(duplicate, f"{duplicate.replace('_', ' ')}: {before!r}")
        if before > after:  # type: ignore[operator]  # one kind of key in one call
            _fail("order", message)


def _check_count(count: int) -> None:
    if count > MAX_LEAVES:
        _fail("too_many_leaves", f"{count:,} leaves; the limit is {MAX_LEAVES:,}")


def _fail(code: str, message: str) -> NoReturn:
    raise InvalidInputError(message, code=f"manifest.{code}")
