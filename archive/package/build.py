"""Dossier and seal in, package out: the record and manifest bytes, the root and the content id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from archive.errors import InvalidInputError
from archive.package import canonical, contents, entries, manifest, rows, seal
from archive.package.entries import ContentEntry, EvidenceEntry, Header, RecordEntry, WithheldEntry
from archive.package.hashing import FileDigest, Progress, digest_bytes, digest_files
from archive.package.limits import MAX_RECORD_BYTES, MAX_RECORD_DEPTH
from archive.package.seal import Seal


@dataclass(frozen=True, slots=True)
class EvidenceInput:
    """One evidence file of a dossier: `path` is its place in the package, `source` the file to read.

    `rows`: the lines of a withheld table are committed to one by one.
    """

    id: str
    path: str
    media_type: str
    source: Path
    withheld: bool = False
    rows: bool = False


@dataclass(frozen=True, slots=True)
class PackageInput:
    """What a dossier gives to a package. `record` is what the author wrote, as JSON values, nothing injected."""

    record: Mapping[str, Any]
    incident: str
    revision: int
    previous_root: str | None
    evidence: tuple[EvidenceInput, ...] = ()

    @property
    def open_evidence(self) -> tuple[EvidenceInput, ...]:
        """The evidence that goes into the package as files, in path order."""
        return tuple(sorted((item for item in self.evidence if not item.withheld), key=_path_key))


@dataclass(frozen=True, slots=True)
class PackageFile:
    """One file of the package: its bytes are `data`, or those of the file `source`."""

    path: str
    digest: FileDigest
    source: Path | None = None
    data: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class WithheldItem:
    """What the publisher keeps of a withheld file: its full entry, and what is shown instead."""

    entry: EvidenceEntry
    shown: WithheldEntry

    @property
    def commitment(self) -> str:
        return self.shown.commitment


@dataclass(frozen=True, slots=True)
class Package:
    """The immutable form of a dossier.

    `root` is 64 hex digits, `content_id` base32 text, `content_digest` the 32 bytes of it that go on chain;
    `directory` and `files` hold every file of the package in path order, `entries` all leaves after the header.
    """

    header: Header
    entries: tuple[ContentEntry, ...]
    record_json: bytes = field(repr=False)
    manifest_json: bytes = field(repr=False)
    root: str
    content_id: str
    content_digest: bytes
    directory: tuple[tuple[str, str, int], ...]
    files: tuple[PackageFile, ...]
    withheld: tuple[WithheldItem, ...] = ()

    @property
    def manifest(self) -> manifest.Manifest:
        return manifest.Manifest(self.header, self.entries)

    @property
    def sources(self) -> dict[str, Path]:
        """Path in the package → file on disk, of the evidence files."""
        return {file.path: file.source for file in self.files if file.source is not None}

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(file.digest.size for file in self.files)


def build_package(inputs: PackageInput, sealed: Seal, *, progress: Progress | None = None) -> Package:
    """Read every evidence file once and make the package. Writes nothing.

    Raises:
        InvalidInputError: `package.…` for files, `manifest.…` for paths, ids and counts, `canonical.…` for the
            record's values.
    """
    check_input(inputs)
    digests = digest_files([item.source for item in inputs.evidence], progress=progress)
    return assemble(inputs, sealed, dict(zip((item.id for item in inputs.evidence), digests, strict=True)))


def check_input(inputs: PackageInput) -> None:
    """The rules that need no file to be read, so that nobody hashes a terabyte before hearing of a bad path."""
    ids: set[str] = set()
    for item in inputs.evidence:
        _entry(item, FileDigest(0, "0" * 64, "", 0))
        if item.id in ids:
            _fail("duplicate_id", f"evidence id {item.id} occurs twice", area="manifest")
        ids.add(item.id)
    paths = sorted((item.path for item in inputs.evidence), key=lambda path: path.encode("utf-8"))
    for before, after in zip(paths, paths[1:], strict=False):  # noqa: RUF007  # pairwise reads no better here
        if before == after:
            _fail("duplicate_path", f"{before}: listed twice", area="manifest")
    manifest.check_collisions(paths)
    named = inputs.record.get("id", inputs.incident)
    if named != inputs.incident:
        _fail("incident_mismatch", f"the record is of incident {named!a}, the package of {inputs.incident}")
    canonical.check(dict(inputs.record), max_depth=MAX_RECORD_DEPTH)
    _withheld_in_record(inputs)


def assemble(inputs: PackageInput, sealed: Seal, digests: Mapping[str, FileDigest]) -> Package:
    """The package from the digests of its evidence files, by evidence id."""
    opened = inputs.open_evidence
    hidden = [item for item in inputs.evidence if item.withheld]
    withheld = sorted(
        (_withhold(item, digests[item.id], inputs.revision, sealed) for item in hidden),
        key=lambda item: item.commitment,
    )
    record_json = _record_json(inputs, {item.entry.id: item.commitment for item in withheld})
    record = digest_bytes(record_json)
    leaves: list[ContentEntry] = [RecordEntry(record.size, record.sha256)]
    leaves += [_entry(item, digests[item.id]) for item in opened]
    leaves += [item.shown for item in withheld]
    header = Header(
        incident=inputs.incident,
        revision=inputs.revision,
        previous_root=inputs.previous_root,
        leaf_count=len(leaves) + 1,
        publisher=sealed.publisher,
        not_before=sealed.not_before,
    )
    # The header's own rules (id, revision, size) are those of parsing it.
    checked = manifest.check_leaves([entries.parse_entry(header.to_json()), *leaves])
    manifest_json = checked.to_bytes()
    files = [
        PackageFile(entries.MANIFEST_PATH, digest_bytes(manifest_json), data=manifest_json),
        PackageFile(entries.RECORD_PATH, record, data=record_json),
        *(PackageFile(item.path, digests[item.id], source=item.source) for item in opened),
    ]
    files.sort(key=lambda file: file.path.encode("utf-8"))
    directory = tuple((file.path, file.digest.cid, file.digest.tsize) for file in files)
    content_id = contents.content_id_of(directory)
    return Package(
        header=header,
        entries=checked.entries,
        record_json=record_json,
        manifest_json=manifest_json,
        root=checked.root(),
        content_id=content_id,
        content_digest=contents.content_digest(content_id),
        directory=directory,
        files=tuple(files),
        withheld=tuple(withheld),
    )


def _path_key(item: EvidenceInput) -> bytes:
    return item.path.encode("utf-8")


def _entry(item: EvidenceInput, digest: FileDigest) -> EvidenceEntry:
    return entries.parse_evidence(
        EvidenceEntry(item.id, item.path, item.media_type, digest.size, digest.sha256).to_json()
    )


def _withhold(item: EvidenceInput, digest: FileDigest, revision: int, sealed: Seal) -> WithheldItem:
    entry = _entry(item, digest)
    commitment = seal.commitment(seal.salt(sealed.seed, revision, entry.id), entry)
    if not item.rows:
        return WithheldItem(entry, WithheldEntry(commitment))
    tree = rows.digest_rows(item.source, rows.row_key(sealed.seed, revision, entry.id))
    if (tree.size, tree.sha256) != (digest.size, digest.sha256):
        raise InvalidInputError(
            f"{item.source}: was changed while it was being read",
            code="package.changed_while_read",
            hint="close the program that writes it, then run the same command again",
        )
    return WithheldItem(entry, WithheldEntry(commitment, tree.root, tree.count))


def _evidence_items(record: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    items = record.get("evidence", ())
    return [item for item in items if isinstance(item, Mapping)] if isinstance(items, Sequence) else []


def _withheld_in_record(inputs: PackageInput) -> None:
    hidden = {item.id for item in inputs.evidence if item.withheld}
    listed = {item.get("id") for item in _evidence_items(inputs.record)}
    marked = {item.get("id") for item in _evidence_items(inputs.record) if item.get("withheld")}
    missing = sorted(hidden - listed)
    if missing:
        _fail("withheld_not_in_record", f"withheld evidence {missing[0]} is not listed in the record")
    # Otherwise the description of an item meant to be hidden would be published.
    open_ones = sorted(str(name) for name in marked - hidden)
    if open_ones:
        _fail("withheld_missing", f"evidence {open_ones[0]} is marked withheld but no withheld file was given")


def _record_json(inputs: PackageInput, commitments: Mapping[str, str]) -> bytes:
    record: dict[str, Any] = dict(inputs.record)
    if commitments:
        record["evidence"] = [
            {"id": item["id"], "withheld": True, "commitment": commitments[item["id"]]}
            if isinstance(item, Mapping) and item.get("id") in commitments
            else item
            for item in record["evidence"]
        ]
    data = canonical.dumps(record, max_depth=MAX_RECORD_DEPTH)
    if len(data) > MAX_RECORD_BYTES:
        _fail("record_too_large", f"record of {len(data):,} bytes; the limit is {MAX_RECORD_BYTES:,}")
    return data


def _fail(code: str, message: str, *, area: str = "package") -> NoReturn:
    raise InvalidInputError(message, code=f"{area}.{code}")
