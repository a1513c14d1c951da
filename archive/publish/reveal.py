"""Making reveals: a withheld file, or one line of it, shown against the root that was published with its commitment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from archive.bundle import ProofBundle
from archive.errors import InvalidInputError, UsageError
from archive.package import entries, merkle, rows, seal
from archive.package.canonical import dumps
from archive.package.hashing import digest_file
from archive.package.seal import Seal, parse_seal
from archive.record.dossier import RECORD_NAMES, load_dossier
from archive.reveal import FileReveal, Reveal, RowReveal
from archive.verify.leaves import Leaves, read_leaves

MAX_CLIMB = 32


@dataclass(frozen=True, slots=True)
class Described:
    """How a file may have been listed when it was withheld."""

    id: str
    path: str
    media_type: str


def make_reveal(
    bundle: ProofBundle, file: Path, sealed: Seal, described: list[Described], *, line: int | None = None
) -> Reveal:
    """The reveal of a withheld file, or of one line (1-based) of it.

    Raises:
        InvalidInputError: `reveal.no_match` when no commitment of the package fits file, description and seal;
            `reveal.no_rows` when its lines were not committed to; `reveal.other_rows`, `rows.index`, `package.…`.
    """
    leaves = read_leaves(bundle.entries)
    header = leaves.header
    if header is None:
        raise InvalidInputError("the bundle's header is not of format 1", code="reveal.no_header")
    digest = digest_file(file)
    for item in described:
        entry = entries.EvidenceEntry(item.id, item.path, item.media_type, digest.size, digest.sha256)
        salt = seal.salt(sealed.seed, header.revision, item.id)
        leaf = _leaf(leaves, seal.commitment(salt, entry))
        if leaf is not None:
            key = rows.row_key(sealed.seed, header.revision, item.id)
            root = merkle.merkle_root([merkle.leaf_hash(dumps(value)) for value in bundle.entries]).hex()
            if line is not None:
                return _row(root, leaf, file, key, line)
            return FileReveal(root, entry, salt.hex(), key.hex() if leaf.rows_root is not None else None)
    raise InvalidInputError(
        f"{file}: no withheld item of this package is this file, under this seal and description",
        code="reveal.no_match",
        hint="is it the unchanged file, the seal of this incident, and the dossier (path, media type) as it was then?",
    )


def _leaf(leaves: Leaves, commitment: str) -> entries.WithheldEntry | None:
    return next((leaf for leaf in leaves.withheld if leaf.commitment == commitment), None)


def _row(root: str, leaf: entries.WithheldEntry, file: Path, key: bytes, line: int) -> RowReveal:
    if leaf.rows_root is None:
        raise InvalidInputError(
            f"{file}: its lines were not committed to one by one",
            code="reveal.no_rows",
            hint="that needs `rows: true` at the item before it is published; the whole file can be revealed",
        )
    record, path, tree = rows.prove_row(file, key, line - 1)
    if (tree.root, tree.count) != (leaf.rows_root, leaf.rows_count):
        raise InvalidInputError(f"{file}: the lines are not those that were committed to", code="reveal.other_rows")
    return RowReveal(
        root=root,
        commitment=leaf.commitment,
        rows_root=leaf.rows_root,
        rows_count=tree.count,
        index=line - 1,
        salt=rows.row_salt(key, line - 1).hex(),
        record=record,
        path=tuple(node.hex() for node in path),
    )


def read_seal(path: Path) -> Seal:
    """A seal from its file; raises `reveal.no_seal` and as `parse_seal`."""
    try:
        return parse_seal(path.read_bytes())
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be read: {error.strerror}", code="reveal.no_seal", hint="name the seal's own file"
        ) from None


def describe(
    file: Path, *, dossier: Path | None, evidence: str | None, path: str | None, media_type: str | None
) -> list[Described]:
    """How the file may have been listed: by options, else by the record of the dossier it lies in.

    Raises:
        UsageError: `reveal.no_dossier` when neither tells.
    """
    if evidence and path and media_type:
        return [Described(evidence, path, media_type)]
    folder = dossier or dossier_around(file)
    if folder is None:
        raise UsageError(
            f"{file}: it lies in no dossier, so how it was listed is not known",
            code="reveal.no_dossier",
            hint="name the dossier with --dossier, or give --id, --path and --media-type",
        )
    return list(_listed(folder, evidence, path, media_type))


def _listed(folder: Path, evidence: str | None, path: str | None, media_type: str | None) -> Iterator[Described]:
    record = load_dossier(folder).record
    for item in record.evidence if record is not None else ():
        if item.withheld and item.path is not None and evidence in (None, item.id):
            yield Described(item.id, path or item.path, media_type or item.media_type or "application/octet-stream")


def dossier_around(file: Path) -> Path | None:
    """The folder above a file that holds a record, if there is one."""
    for folder in list(file.absolute().parents)[:MAX_CLIMB]:
        if any((folder / name).is_file() for name in RECORD_NAMES):
            return folder
    return None
