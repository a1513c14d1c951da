"""`archive pack` as one call: dossier in, CAR out; no network and no key."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from archive.errors import Problem, UsageError
from archive.package.build import Package, build_package
from archive.package.car import write_car
from archive.package.hashing import Progress
from archive.publish import seals
from archive.publish.history import require_previous
from archive.publish.inputs import open_draft, package_input, require_bytes
from archive.publish.keep import KeptCar, keep_car
from archive.stores.local import LocalStore
from archive.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Packed:
    """A package, its CAR, and what the check had to say that is no error."""

    package: Package
    car: KeptCar
    notes: tuple[Problem, ...]


def pack_dossier(
    workspace: Workspace,
    folder: Path,
    *,
    out: Path | None = None,
    publisher: str | None = None,
    progress: Progress | None = None,
) -> Packed:
    """Build the package of a dossier and write its CAR to `out`, else into the local store.

    A seal is made and kept when something is withheld; with nothing withheld it adds nothing to the package.

    Args:
        publisher: address named in the header; default the seal's, which publishing sets.

    Raises:
        InvalidInputError: `pack.check_failed` with all problems, `pack.file_missing`,
            `publish.previous_missing`, `package.changed_while_read`, …
        UsageError: `pack.bad_out`, `trust.bad_address`.
    """
    draft = open_draft(folder, code="pack.check_failed", scan=True)
    require_previous(workspace, draft.record)
    require_bytes(draft)
    incident = draft.record.id
    held = seals.load_seal(workspace, incident)
    seal = held or seals.new_seal()
    if publisher is not None:
        from archive.trust import checked_address

        seal = replace(seal, publisher=checked_address(publisher))
    package = build_package(package_input(draft), seal, progress=progress)
    if package.withheld and held is None:
        seals.save_seal(workspace, incident, replace(seal, publisher=None))
    car = _write(package, out) if out is not None else keep_car(LocalStore(workspace.store), package)
    return Packed(package, car, draft.notes)


def _write(package: Package, out: Path) -> KeptCar:
    """Write the CAR to a file that appears whole or not at all."""
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{out.name}.", suffix=".partial", dir=out.absolute().parent)
    except OSError as error:
        raise UsageError(
            f"--out {out}: cannot be written: {error.strerror}", code="pack.bad_out", hint="choose another place"
        ) from None
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as sink:
            info = write_car(package, sink)
            sink.flush()
            os.fsync(sink.fileno())
        temporary.chmod(0o644)
        temporary.replace(out)
    finally:
        temporary.unlink(missing_ok=True)
    return KeptCar(out, info.size, info.sha256)
