"""The leaves of a bundle: what they are, the root over them, and the content id of the directory they describe."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from archive.bundle import JsonObject, ProofBundle
from archive.errors import InvalidInputError
from archive.package import canonical, cid, entries, hashing, manifest, merkle, unixfs
from archive.verify.matching import Matching, Wanted
from archive.verify.outcome import Check, unknown_note

# A file of one chunk is one raw block, so its CID is its SHA-256 in other clothes.
ONE_BLOCK_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Leaves:
    """The leaves as far as they could be understood. Unknown ones still count in the tree."""

    raw: tuple[JsonObject, ...]
    header: entries.Header | None
    record: entries.RecordEntry | None
    evidence: tuple[entries.EvidenceEntry, ...]
    withheld: tuple[entries.WithheldEntry, ...]
    unknown: tuple[tuple[int, InvalidInputError], ...]
    wrong: tuple[tuple[int, InvalidInputError], ...]

    @property
    def format_known(self) -> bool:
        return all(index != 0 for index, _ in self.unknown)


def read_leaves(raw: Sequence[JsonObject]) -> Leaves:
    """Parse each leaf; what a later format may have added is set apart from what is wrong."""
    known: dict[int, entries.Entry] = {}
    unknown: list[tuple[int, InvalidInputError]] = []
    wrong: list[tuple[int, InvalidInputError]] = []
    for index, value in enumerate(raw):
        try:
            known[index] = entries.parse_entry(value)
        except InvalidInputError as error:
            (unknown if entries.is_unknown(error.code) else wrong).append((index, error))
    header = known.get(0)
    record = known.get(1)
    if 0 in known and not isinstance(header, entries.Header):
        wrong.append((0, InvalidInputError("the first leaf is not the header", code="manifest.no_header")))
    return Leaves(
        raw=tuple(raw),
        header=header if isinstance(header, entries.Header) else None,
        record=record if isinstance(record, entries.RecordEntry) else None,
        evidence=tuple(e for e in known.values() if isinstance(e, entries.EvidenceEntry)),
        withheld=tuple(e for e in known.values() if isinstance(e, entries.WithheldEntry)),
        unknown=tuple(unknown),
        wrong=tuple(wrong),
    )


def manifest_bytes(raw: Sequence[JsonObject]) -> bytes:
    """`manifest.json` as it follows from the leaves."""
    return canonical.dumps({"header": raw[0], "entries": list(raw[1:])})


def wanted_files(leaves: Leaves) -> list[Wanted]:
    """Every file of the package, the manifest included: that is what the files given are held against."""
    if not leaves.format_known:
        return []
    digest = hashing.digest_bytes(manifest_bytes(leaves.raw))
    wanted = [Wanted(entries.MANIFEST_PATH, digest.size, digest.sha256)]
    if leaves.record is not None:
        wanted.append(Wanted(entries.RECORD_PATH, leaves.record.size, leaves.record.sha256))
    return wanted + [Wanted(e.path, e.size, e.sha256) for e in leaves.evidence]


def check_tree(bundle: ProofBundle, leaves: Leaves) -> tuple[str, list[Check]]:
    """The root recomputed from the entries, and whether entries and claimed root are sound."""
    root = merkle.merkle_root([merkle.leaf_hash(canonical.dumps(value)) for value in leaves.raw]).hex()
    checks = [
        Check("merkle", "fail", f"entry {index}", None, error.code, error.message) for index, error in leaves.wrong
    ]
    checks += [
        Check(
            "package.unknown_entry", "unchecked", f"entry {index}", None, error.code, unknown_note(error), blocking=True
        )
        for index, error in leaves.unknown
    ]
    if not leaves.wrong and not leaves.unknown:
        try:
            manifest.from_leaves(leaves.raw)
        except InvalidInputError as error:
            checks.append(Check("merkle", "fail", "entries", None, error.code, error.message))
    elif leaves.header is not None and leaves.header.leaf_count != len(leaves.raw):
        counts = (str(leaves.header.leaf_count), str(len(leaves.raw)))
        checks.append(Check("merkle", "fail", "entries", *counts, "the header counts other leaves than there are"))
    if root != bundle.root:
        note = "the root that follows from the entries is not the one the bundle claims"
        checks.append(Check("merkle", "fail", "root", bundle.root, root, note))
    elif not any(c.status == "fail" for c in checks):
        checks.append(Check("merkle", "pass", "root", bundle.root, root, f"recomputed from {len(leaves.raw)} entries"))
    return root, checks


def check_content_id(
    bundle: ProofBundle, leaves: Leaves, wanted: Sequence[Wanted], matching: Matching
) -> tuple[str | None, list[Check]]:
    """The content id recomputed from the directory listing, and the listing held against what is known of the files."""
    checks: list[Check] = []
    listed = {link.path: link for link in bundle.directory}
    expected = {w.path for w in wanted}
    missing = [w.path for w in wanted if w.path not in listed]
    surplus = [path for path in listed if path not in expected]
    checks += [_listing(path, "listed", "not listed", "the directory listing lacks a file") for path in missing]
    if surplus and not leaves.unknown:
        checks += [_listing(path, "not listed", "listed", "the listing has a file without entry") for path in surplus]
    for path, known in _known_cids(bundle, wanted, matching):
        link = listed.get(path)
        if link is not None and link.cid != known:
            checks.append(_listing(path, link.cid, known, "the directory listing names other bytes"))
    try:
        content_id = unixfs.directory({link.path: (link.cid, link.tsize) for link in bundle.directory}).cid
    except InvalidInputError as error:
        checks.append(Check("content_id", "fail", "directory", bundle.content_id, error.code, error.message))
        return None, checks
    if content_id != bundle.content_id:
        note = "the content id that follows from the directory listing is not the one the bundle claims"
        checks.append(Check("content_id", "fail", "directory", bundle.content_id, content_id, note))
    elif not checks:
        note = f"recomputed from {len(listed)} files"
        checks.append(Check("content_id", "pass", "directory", bundle.content_id, content_id, note))
    return content_id, checks


def _listing(path: str, expected: str, found: str, note: str) -> Check:
    return Check("content_id", "fail", path, expected, found, note)


def _known_cids(bundle: ProofBundle, wanted: Sequence[Wanted], matching: Matching) -> Iterable[tuple[str, str]]:
    """CIDs that follow from hashes which are known: of files of one chunk, of files in hand, of the record."""
    for entry in wanted:
        if entry.size <= ONE_BLOCK_BYTES:
            yield entry.path, cid.to_text(cid.RAW_PREFIX + bytes.fromhex(entry.sha256))
    if bundle.record is not None:
        yield entries.RECORD_PATH, hashing.digest_bytes(canonical.dumps(bundle.record)).cid
    for match in matching.matches:
        if match.good:
            yield match.wanted.path, match.file.cid
