"""Which packages this workspace knows by name: from its catalogue, a catalogue it was given, and its bundles.

Nothing here is verified beyond its shape and the catalogue's signature: it only finds a content id for a name.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from archive.bundle import ProofBundle, read_bundle
from archive.errors import ArchiveError, InvalidInputError, UsageError
from archive.stores.base import check_cid
from archive.stores.catalogue import MAX_CATALOGUE_BYTES, Catalogue, load_catalogue, parse_catalogue
from archive.stores.config import Stores
from archive.workspace import Workspace


@dataclass(frozen=True, slots=True, order=True)
class KnownPackage:
    """A package known by name. `chain_id` and `transaction` are None where only a bundle without anchor names it."""

    id: str
    revision: int
    content_id: str
    root: str
    source: Literal["catalogue", "bundle"]
    publisher: str | None = None
    chain_id: int | None = None
    registry: str | None = None
    transaction: str | None = None
    bundle: str | None = None

    def to_json(self) -> dict[str, object]:
        return {
            "id": self.id,
            "revision": self.revision,
            "root": self.root,
            "content_id": self.content_id,
            "publisher": self.publisher,
            "chain_id": self.chain_id,
            "registry": self.registry,
            "transaction": self.transaction,
            "bundle": self.bundle,
            "source": self.source,
        }


def from_catalogue(catalogue: Catalogue) -> tuple[KnownPackage, ...]:
    return tuple(
        KnownPackage(
            id=entry.id,
            revision=entry.revision,
            content_id=entry.content_id,
            root=entry.root,
            source="catalogue",
            publisher=catalogue.publisher,
            chain_id=entry.chain_id,
            registry=entry.registry,
            transaction=entry.transaction,
            bundle=entry.bundle,
        )
        for entry in catalogue.entries
    )


def from_bundles(paths: Iterable[Path]) -> tuple[tuple[KnownPackage, ...], tuple[ArchiveError, ...]]:
    """Packages named by bundle files, and the errors of bundles that cannot be read."""
    found: list[KnownPackage] = []
    errors: list[ArchiveError] = []
    for path in paths:
        try:
            found.append(describe_bundle(read_bundle(path)))
        except ArchiveError as error:
            errors.append(error)
    return tuple(found), tuple(errors)


def describe_bundle(bundle: ProofBundle) -> KnownPackage:
    """What a bundle is about, its root recomputed from its leaves; raises `manifest.…` or `bundle.wrong_root`."""
    from archive.package.manifest import from_leaves

    manifest = from_leaves(bundle.entries)
    if manifest.root() != bundle.root:
        raise InvalidInputError(
            f"proof bundle: its root is not that of its leaves (expected {manifest.root()}, found {bundle.root})",
            code="bundle.wrong_root",
            hint="ask its publisher for the original",
        )
    return KnownPackage(
        id=manifest.header.incident,
        revision=manifest.header.revision,
        content_id=bundle.content_id,
        root=bundle.root,
        source="bundle",
        publisher=manifest.header.publisher,
    )


def known_packages(
    workspace: Workspace, catalogue: Catalogue | None = None
) -> tuple[tuple[KnownPackage, ...], tuple[ArchiveError, ...]]:
    """All packages known by name, sorted; the catalogue's word comes before a bundle's on the same content id.

    `catalogue` replaces the workspace's own.
    """
    used = catalogue if catalogue is not None else load_catalogue(workspace.catalogue_file)
    listed = from_catalogue(used) if used is not None else ()
    seen = {package.content_id for package in listed}
    bundles, errors = from_bundles(sorted(workspace.bundles.glob("*.proof.json")))
    extra = {package.content_id: package for package in bundles if package.content_id not in seen}
    return tuple(sorted([*listed, *extra.values()], key=lambda p: (p.id, p.revision, p.content_id))), errors


def find_package(
    workspace: Workspace, name: str, *, revision: int | None = None, catalogue: Catalogue | None = None
) -> tuple[str, KnownPackage | None]:
    """The content id for an incident id (its latest revision, or the given one) or for a content id itself.

    Errors: `store.unknown_id`, `store.ambiguous_id` when two packages claim the same revision.
    """
    packages, _ = known_packages(workspace, catalogue)
    if name.startswith("bafy"):
        check_cid(name)
        return name, next((package for package in packages if package.content_id == name), None)
    named = [package for package in packages if package.id == name]
    wanted = revision if revision is not None else max((package.revision for package in named), default=None)
    found = {package.content_id: package for package in named if package.revision == wanted}
    if not found:
        there = ", ".join(sorted({package.id for package in packages})) or "none yet"
        raise UsageError(
            f"{name}: no such incident{'' if revision is None else f' with revision {revision}'} is known here",
            code="store.unknown_id",
            hint=f"known: {there}; give a content id (bafybei…), or a publisher's catalogue with --catalogue",
        )
    if len(found) > 1:
        raise UsageError(
            f"{name}: two packages claim revision {wanted} ({', '.join(sorted(found))})",
            code="store.ambiguous_id",
            hint="give the content id of the one you mean",
        )
    return next(iter(found.items()))


def open_catalogue(source: str, stores: Stores) -> Catalogue:
    """A publisher's catalogue from a file, an http(s) URL or its CID; its signature is verified here."""
    if source.startswith(("http://", "https://")):
        data = _download(source)
    elif source.startswith(("bafkrei", "bafybei")) and not Path(source).exists():
        from archive.stores.fetch import fetch_file

        data, _ = fetch_file(source, stores.readers, max_bytes=MAX_CATALOGUE_BYTES)
    else:
        loaded = load_catalogue(Path(source))
        if loaded is None:
            raise UsageError(f"{source}: no such file", code="catalogue.unreadable")
        return loaded
    catalogue = parse_catalogue(data, name=source)
    catalogue.verify()
    return catalogue


def _download(url: str) -> bytes:
    from archive.stores.http import Http

    http = Http(url, code="catalogue", what="catalogue")
    buffer = io.BytesIO()
    started = http.clock()
    with http.stream("GET", "") as response:
        if response.status_code != 200:
            raise http.unreachable(f"answered {response.status_code}", suffix="server_error")
        http.download(response, buffer, max_bytes=MAX_CATALOGUE_BYTES, started=started)
    return buffer.getvalue()
