"""Look inside a package: its manifest and record, verified, by the cheapest way there is."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archive.bundle import read_bundle
from archive.errors import ArchiveError, InvalidInputError
from archive.package import canonical, contents, entries
from archive.package.limits import MAX_RECORD_BYTES, MAX_RECORD_DEPTH
from archive.package.manifest import Manifest, from_leaves
from archive.stores.base import Reader
from archive.stores.fetch import fetch_package


@dataclass(frozen=True, slots=True)
class Inside:
    """Manifest and record of one package; both lead to its content id by hashes recomputed here."""

    manifest: Manifest
    record: dict[str, Any]


def look_inside(content_id: str, readers: Sequence[Reader], bundles: Iterable[Path] = ()) -> Inside:
    """From a proof bundle of the package when there is one, else from the package itself.

    Errors: those of `archive.stores.fetch.fetch_package`.
    """
    for path in bundles:
        try:
            inside = _from_bundle(path, content_id)
        except ArchiveError:
            continue  # a bundle that does not hold together: the package itself is asked
        if inside is not None:
            return inside
    with tempfile.TemporaryDirectory(prefix="archive-show-") as name:
        fetched = fetch_package(content_id, readers, Path(name) / "package")
        raw = (fetched.folder / entries.RECORD_PATH).read_bytes()
    return Inside(fetched.package.manifest, _record(raw))


def _from_bundle(path: Path, content_id: str) -> Inside | None:
    bundle = read_bundle(path)
    if bundle.content_id != content_id or bundle.record is None:
        return None
    manifest = from_leaves(bundle.entries)
    listing = [(link.path, link.cid, link.tsize) for link in bundle.directory]
    raw = canonical.dumps(bundle.record)
    if contents.check_directory(manifest, listing) != content_id:
        return None
    if hashlib.sha256(raw).hexdigest() != manifest.record.sha256:
        return None
    return Inside(manifest, _record(raw))


def _record(raw: bytes) -> dict[str, Any]:
    value = canonical.loads(raw, max_bytes=MAX_RECORD_BYTES, max_depth=MAX_RECORD_DEPTH)
    if not isinstance(value, dict):
        raise InvalidInputError("record.json: not a JSON object", code="record.not_object")
    return value
