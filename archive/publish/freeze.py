"""Freeze first, describe later: files become a package with nothing but salted hashes, stamped by every clock at hand.

A minimal record, every file withheld under neutral ids, no wallet and no chain. The described incident is published
later as revision 2, whose header names the frozen root: so what is in it is tied to the moment of freezing.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from archive.bundle import ProofBundle, build_bundle
from archive.errors import ArchiveError, RefusedError, UnreachableError, UsageError
from archive.package import canonical
from archive.package.build import Package, build_package
from archive.package.entries import is_id
from archive.package.hashing import Progress
from archive.publish import blocks, seals
from archive.publish.inputs import open_draft, package_input
from archive.publish.keep import keep_car
from archive.record.add import Wish, carry_out, plan_additions
from archive.stamps.config import ClockConfig
from archive.stamps.entries import BlockHeader
from archive.stamps.rfc3161 import Root
from archive.stamps.stamping import Made, stamp_root, with_stamps
from archive.stores.local import LocalStore
from archive.workspace import Workspace, write_atomic

MAX_FILES = 1000
_RECORD = """\
# These files were frozen before the incident was described. To describe it: fill in this record, set `revision: 2`,
# add the line `supersedes:` with the root that `archive freeze` printed, give a second reason under `revisions`, decide
# which files are to be open (remove `withheld: true`), and run `archive publish` on this folder.
schema_version: 1
id: {incident}
title:
  en: Files frozen on {day}, not yet described
summary:
  en: {count} frozen on {day}, before anything was described. Only salted hashes are recorded here.
occurred:
  start: {day}
  precision: day
  time_zone: UTC
revision: 1
revisions:
  - revision: 1
    reason:
      en: Frozen first, to be described later.
"""


@dataclass(frozen=True, slots=True)
class Frozen:
    """What was made. `made` and `failures` say what each clock did; with no stamp at all nothing shows the time yet."""

    incident: str
    root: str
    content_id: str
    folder: Path
    bundle: Path
    copy: Path
    files: int
    made: tuple[Made, ...]
    failures: tuple[tuple[str, ArchiveError], ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "incident": self.incident,
            "revision": 1,
            "root": self.root,
            "content_id": self.content_id,
            "folder": str(self.folder),
            "bundle": str(self.copy),
            "workspace_bundle": str(self.bundle),
            "files": self.files,
            "stamps": [m.to_json() for m in self.made],
            "failures": [{"clock": clock, **error.to_json()} for clock, error in self.failures],
        }


def new_id(now: datetime) -> str:
    """An id that says when and nothing else."""
    return f"{now:%Y-%m-%d}-frozen-{secrets.token_hex(3)}"


def freeze(
    workspace: Workspace,
    files: Sequence[Path],
    clocks: ClockConfig,
    roots: Sequence[Root],
    *,
    incident: str | None = None,
    place: Path,
    not_before: Sequence[BlockHeader] = (),
    progress: Progress | None = None,
    step: Callable[[str], None] = lambda text: None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Frozen:
    """Copy the files into a new dossier, pack it, keep it, stamp its root. What was made stays when no clock answers.

    Args:
        place: where the dossier's folder and the bundle go.
        not_before: blocks that the package names, so that it cannot be older than they are.

    Raises:
        UsageError: `freeze.id`, `freeze.no_files`, `freeze.too_many_files`, `stamp.…` where a library is missing.
        RefusedError: `freeze.exists`, `add.duplicate`, …
        InvalidInputError: `add.not_a_file`, `add.unreadable`.
    """
    chosen = incident or new_id(now())
    if not is_id(chosen):
        raise UsageError(
            f"{chosen!r} is no id: 1 to 64 of the characters 0-9, a-z and -", code="freeze.id", hint="leave --id out"
        )
    sources = _sources(files)
    folder, copy = place / chosen, place / f"{chosen}-r1.proof.json"
    bundle_path = workspace.bundles / f"{chosen}-r1.proof.json"
    for path in (folder, copy, bundle_path):
        if path.exists() or path.is_symlink():
            raise RefusedError(f"{path}: is there already", code="freeze.exists", hint="choose another --id or --in")
    made = False
    try:
        _write_dossier(folder, chosen, sources, now())
        package = _pack(workspace, folder, chosen, not_before, progress)
        made = True
    finally:
        if not made:
            shutil.rmtree(folder, ignore_errors=True)
    step(f"frozen: {_count(len(sources))}, root {package.root}")
    bundle = with_stamps(_bundle(package), blocks.stamps(workspace, package.header.not_before))
    _write(bundle, bundle_path, copy)
    done = stamp_root(package.root, clocks, roots)
    failures = list(done.failures)
    if done.stamps:
        bundle = with_stamps(bundle, (*bundle.stamps, *done.stamps))
        _write(bundle, bundle_path, copy)
    elif not failures:
        failures.append(("clocks", _no_clock()))
    return Frozen(
        incident=chosen,
        root=package.root,
        content_id=package.content_id,
        folder=folder,
        bundle=bundle_path,
        copy=copy,
        files=len(sources),
        made=done.made,
        failures=tuple(failures),
    )


def _count(files: int) -> str:
    return "1 file" if files == 1 else f"{files} files"


def _no_clock() -> UnreachableError:
    return UnreachableError(
        "no clock is configured", code="freeze.no_clock", hint="add [stamps.NAME] to config.toml: docs/stamps.md"
    )


def _sources(files: Sequence[Path]) -> list[Path]:
    """The files, and those in folders that were named; hidden ones and links in folders are left out."""
    found: list[Path] = []
    for path in files:
        if path.is_dir():
            below = sorted(p for p in path.rglob("*") if p.is_file() and not p.is_symlink())
            found += [p for p in below if not any(part.startswith(".") for part in p.relative_to(path).parts)]
        else:
            found.append(path)
    if not found:
        raise UsageError("there is no file to freeze", code="freeze.no_files")
    if len(found) > MAX_FILES:
        raise UsageError(
            f"{len(found):,} files, more than {MAX_FILES:,}",
            code="freeze.too_many_files",
            hint="pack them into one archive file first, for example with tar",
        )
    return found


def _write_dossier(folder: Path, incident: str, sources: Sequence[Path], now: datetime) -> None:
    (folder / "evidence").mkdir(parents=True)
    count = "One file was" if len(sources) == 1 else f"{len(sources)} files were"
    text = _RECORD.format(incident=incident, day=f"{now:%Y-%m-%d}", count=count)
    write_atomic(folder / "incident.yaml", text.encode())
    # Neutral ids: an id is published even where everything else of an item is withheld.
    wishes = [
        (source, Wish(id=f"file-{number}", form="withheld", title=f"Frozen file {number}"))
        for number, source in enumerate(sources, start=1)
    ]
    carry_out(plan_additions(folder, wishes))


def _pack(
    workspace: Workspace, folder: Path, incident: str, not_before: Sequence[BlockHeader], progress: Progress | None
) -> Package:
    draft = open_draft(folder, code="freeze.check_failed")
    blocks.keep(workspace, not_before)
    seal = replace(seals.new_seal(), not_before=tuple(blocks.name(block) for block in not_before))
    # Before the package: one whose salts are lost could never be revealed.
    seals.save_seal(workspace, incident, seal)
    package = build_package(package_input(draft), seal, progress=progress)
    keep_car(LocalStore(workspace.store), package)
    return package


def _bundle(package: Package) -> ProofBundle:
    record = canonical.loads(package.record_json, max_bytes=len(package.record_json))
    return build_bundle(
        root=package.root,
        content_id=package.content_id,
        entries=[leaf.to_json() for leaf in (package.header, *package.entries)],
        record=record if isinstance(record, dict) else None,
        directory=package.directory,
    )


def _write(bundle: ProofBundle, *paths: Path) -> None:
    data = bundle.to_bytes()
    for path in paths:
        write_atomic(path, data)
