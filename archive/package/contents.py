"""What a package directory must hold, recomputed from a listing of it: the verifier's side of the content id."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn

from archive.errors import InvalidInputError, Problem
from archive.package import cid as cids
from archive.package import entries, unixfs
from archive.package.entries import EvidenceEntry, RecordEntry
from archive.package.hashing import digest_bytes
from archive.package.manifest import Manifest
from archive.package.unixfs import CHUNK_BYTES

DirectoryRow = tuple[str, str, int]
"""(path, CID text, cumulative DAG size in bytes)"""


def content_id_of(directory: Iterable[DirectoryRow]) -> str:
    """The content id of a package directory from its files alone."""
    return unixfs.directory({path: (cid, tsize) for path, cid, tsize in directory}).cid


def content_digest(content_id: str) -> bytes:
    """The 32 bytes of a content id that go on chain."""
    return cids.content_digest(content_id)


def expected_paths(manifest: Manifest) -> list[str]:
    """The paths of exactly the files that the package of a manifest holds, by their UTF-8 bytes."""
    paths = [*entries.RESERVED_PATHS, *(entry.path for entry in manifest.evidence)]
    return sorted(paths, key=lambda path: path.encode("utf-8"))


def check_paths(manifest: Manifest, found: Iterable[str]) -> list[Problem]:
    """Files that are missing and files that should not be there; both are listed."""
    wanted, given = set(expected_paths(manifest)), set(found)
    missing = [
        Problem("package.missing_file", "the manifest lists it, the package does not hold it", path=path)
        for path in sorted(wanted - given)
    ]
    unexpected = [
        Problem("package.unexpected_file", "the package holds it, the manifest does not list it", path=path)
        for path in sorted(given - wanted)
    ]
    return missing + unexpected


def check_directory(manifest: Manifest, directory: Iterable[DirectoryRow]) -> str:
    """The content id that a directory listing leads to, after holding the listing against the manifest.

    The listing is believed only where nothing else can be known: the CID of a file of more than one chunk. Whoever
    has the file compares its digest; the content id itself is then compared with the one that was anchored.

    Raises:
        InvalidInputError: with all problems; `package.duplicate_path`, `.missing_file`, `.unexpected_file`,
            `.cid_mismatch` for a CID that contradicts the manifest, `cid.…`, `unixfs.…`.
    """
    rows = list(directory)
    listing = {path: (cid, tsize) for path, cid, tsize in rows}
    if len(listing) != len(rows):
        _fail("duplicate_path", "a path occurs twice in the directory listing")
    problems = check_paths(manifest, listing)
    manifest_digest = digest_bytes(manifest.to_bytes())
    known: dict[str, tuple[str, int]] = {entries.MANIFEST_PATH: (manifest_digest.cid, manifest_digest.tsize)}
    sized: list[EvidenceEntry | RecordEntry] = [*manifest.evidence, manifest.record]
    for entry in sized:
        if entry.size <= CHUNK_BYTES:
            # A file of one chunk: its CID is its SHA-256.
            known[entry.path] = (cids.to_text(cids.RAW_PREFIX + bytes.fromhex(entry.sha256)), entry.size)
    for path, row in known.items():
        if path in listing and listing[path] != row:
            problems.append(
                Problem("package.cid_mismatch", f"CID and size should be {row}, are {listing[path]}", path=path)
            )
    for entry in sized:
        if entry.path in listing and entry.size > CHUNK_BYTES:
            cid = cids.parse(listing[entry.path][0])
            if cid[:4] != cids.DAG_PB_PREFIX:
                message = "a file of more than one chunk has the CID of a single chunk"
                problems.append(Problem("package.cid_mismatch", message, path=entry.path))
    raise_problems(problems)
    return content_id_of(rows)


def raise_problems(problems: list[Problem]) -> None:
    """Raise all problems as one error that carries the first one's code; nothing when there are none."""
    if problems:
        first = problems[0]
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise InvalidInputError(f"{first.path}: {first.message}{more}", code=first.code, problems=problems)


def _fail(code: str, message: str) -> NoReturn:
    raise InvalidInputError(message, code=f"package.{code}")
