"""`archive pack` as one call: dossier in, CAR out; no network and no key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from archive.errors import Problem, UsageError
from archive.package.build import Package, PackageInput, build_package
from archive.package.car import pack_file
from archive.package.hashing import Progress
from archive.package.seal import Seal
from archive.publish import blocks, seals
from archive.publish.findings import require_findings
from archive.publish.history import require_previous
from archive.publish.inputs import open_draft, package_input, require_bytes
from archive.publish.keep import keep_car
from archive.stores.local import LocalStore
from archive.workspace import Workspace


@dataclass(frozen=True, slots=True)
class CarFile:
    """A CAR on disk and its size in bytes."""

    path: Path
    size: int


@dataclass(frozen=True, slots=True)
class Packed:
    """A package, its CAR, and what the check had to say that is no error."""

    package: Package
    car: CarFile
    notes: tuple[Problem, ...]


def pack_dossier(
    workspace: Workspace,
    folder: Path,
    *,
    out: Path | None = None,
    publisher: str | None = None,
    not_before: Sequence[str] = (),
    progress: Progress | None = None,
) -> Packed:
    """Build the package of a dossier and write its CAR to `out`, else into the local store.

    A seal is made and kept when something is withheld; with nothing withheld it adds nothing to the package.

    Args:
        publisher: address named in the header; default the seal's, which publishing sets.
        not_before: blocks to name, as `archive.publish.blocks.choose` takes them; default the seal's.

    Raises:
        InvalidInputError: `pack.check_failed` with all problems, `pack.file_missing`, `findings.not_reproduced`,
            `publish.previous_missing`, `package.changed_while_read`, …
        UsageError: `pack.bad_out`, `trust.bad_address`.
    """
    draft = open_draft(folder, code="pack.check_failed", scan=True)
    require_previous(workspace, draft.record)
    require_bytes(draft)
    notes = (*draft.notes, *require_findings(draft))
    incident = draft.record.id
    held = seals.load_seal(workspace, incident)
    seal = held or seals.new_seal()
    if publisher is not None:
        from archive.trust import checked_address

        seal = replace(seal, publisher=checked_address(publisher))
    seal = blocks.into_seal(workspace, seal, incident, draft.record.revision, not_before)
    inputs = package_input(draft)
    if held is not None and held.not_before != seal.not_before:
        seals.save_seal(workspace, incident, replace(held, not_before=seal.not_before))
    if held is None and (seal.not_before or any(item.withheld for item in inputs.evidence)):
        # Before the CAR: one whose salts are lost could never be revealed.
        seals.save_seal(workspace, incident, replace(seal, publisher=None))
    if out is not None:
        package, car = _write(inputs, seal, out, progress)
    else:
        package = build_package(inputs, seal, progress=progress)
        kept = keep_car(LocalStore(workspace.store), package)
        car = CarFile(kept.path, kept.size)
    return Packed(package, car, notes)


def _write(inputs: PackageInput, seal: Seal, out: Path, progress: Progress | None) -> tuple[Package, CarFile]:
    """Write the CAR to a file that appears whole or not at all, reading each evidence file once."""
    try:
        out.absolute().parent.resolve(strict=True)
        packed = pack_file(inputs, seal, out, progress=progress)
    except OSError as error:
        raise UsageError(
            f"--out {out}: cannot be written: {error.strerror}", code="pack.bad_out", hint="choose another place"
        ) from None
    return packed.package, CarFile(out, packed.size)
