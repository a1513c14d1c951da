"""Take a package from a disk: a CAR, and the proof bundles that lie beside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from archive.bundle import read_bundle
from archive.errors import ArchiveError, RefusedError, UsageError
from archive.package.hashing import digest_bytes, digest_file
from archive.stores.carcheck import car_root
from archive.stores.index import describe_bundle
from archive.stores.local import LocalStore
from archive.workspace import Workspace, write_atomic


@dataclass(frozen=True, slots=True)
class Imported:
    """What was taken. `bundles` are the bundle files in the workspace; `skipped` why others beside it were not."""

    content_id: str
    path: Path
    bundles: tuple[Path, ...]
    bundle_cids: tuple[str, ...]
    skipped: tuple[ArchiveError, ...]

    def to_json(self) -> dict[str, object]:
        return {
            "content_id": self.content_id,
            "car": str(self.path),
            "bundles": [
                {"path": str(path), "cid": cid} for path, cid in zip(self.bundles, self.bundle_cids, strict=True)
            ],
            "skipped": [error.to_json() for error in self.skipped],
        }


def import_package(car: Path, workspace: Workspace) -> Imported:
    """Copy a CAR into the local store, checking every block, and the bundles of the same package beside it.

    Errors: `car.…` for a bad CAR, `import.unreadable`, `import.no_folder`; bundles that are wrong are only skipped.
    """
    try:
        with car.open("rb") as stream:
            content_id = car_root(stream)
    except OSError as error:
        raise UsageError(f"{car}: cannot be read ({error.strerror})", code="import.unreadable") from None
    store = LocalStore(workspace.store)
    store.put_package(car, content_id, root="")
    bundles: list[Path] = []
    cids: list[str] = []
    skipped: list[ArchiveError] = []
    for path in sorted(car.absolute().parent.glob("*.proof.json")):
        try:
            taken = _take_bundle(path, content_id, store, workspace)
        except ArchiveError as error:
            skipped.append(error)
            continue
        if taken is not None:
            bundles.append(taken[0])
            cids.append(taken[1])
    return Imported(content_id, store.package_path(content_id), tuple(bundles), tuple(cids), tuple(skipped))


def _take_bundle(path: Path, content_id: str, store: LocalStore, workspace: Workspace) -> tuple[Path, str] | None:
    """Store one bundle; None when it belongs to another package."""
    bundle = read_bundle(path)
    if bundle.content_id != content_id:
        return None
    known = describe_bundle(bundle)
    data = bundle.to_bytes()
    cid = digest_bytes(data).cid
    target = workspace.bundles / f"{known.id}-r{known.revision}.proof.json"
    if target.exists() and digest_file(target).cid != cid:
        raise RefusedError(
            f"{path}: another bundle is already at {target}",
            code="import.bundle_exists",
            hint="archive verify reads the one on your disk as well: name its path",
        )
    write_atomic(target, data)
    store.put_file(target, cid)
    return target, cid
