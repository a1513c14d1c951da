"""A dossier: the authoring folder with `incident.yaml` (or `incident.json`) and the evidence files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archive.errors import Problem
from archive.record.load import load_record

if TYPE_CHECKING:
    from archive.record.models import IncidentRecord

RECORD_NAMES = ("incident.yaml", "incident.json")


@dataclass(frozen=True, slots=True)
class Dossier:
    """A dossier as read. `record` is None when its record has errors; `value` is then still what the file says."""

    folder: Path
    record_file: Path
    record: IncidentRecord | None
    value: dict[str, Any]
    lines: Mapping[str, int]
    problems: tuple[Problem, ...]


def load_dossier(folder: Path) -> Dossier:
    """Read a dossier's record. All faults, a missing folder included, are in the result's `problems`."""
    try:
        return _load(folder)
    except OSError as error:  # no permission to look inside, a name that is too long
        reason = error.strerror or type(error).__name__
        return _unread(folder, Problem("dossier.unreadable", f"the dossier cannot be read: {reason}", str(folder)))


def _load(folder: Path) -> Dossier:
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "does not exist"
        hint = "name the folder that holds incident.yaml"
        return _unread(folder, Problem("dossier.no_folder", f"the dossier {what}", str(folder), hint=hint))
    present = [folder / name for name in RECORD_NAMES if (folder / name).is_symlink() or (folder / name).exists()]
    if not present:
        hint = "rename it to incident.yaml" if (folder / "incident.yml").exists() else _way_in(folder)
        return _unread(
            folder, Problem("dossier.no_record", "there is no incident.yaml or incident.json", str(folder), hint=hint)
        )
    if len(present) > 1:
        return _unread(
            folder,
            Problem(
                "dossier.two_records",
                "there are both an incident.yaml and an incident.json",
                str(folder),
                hint="keep the one you write by hand",
            ),
        )
    loaded = load_record(present[0])
    problems = list(loaded.problems)
    stated = loaded.value.get("id")
    real = folder.resolve().name
    if isinstance(stated, str) and loaded.record is not None and stated != real:
        problems.append(
            Problem(
                "dossier.folder_name",
                f"the folder is called {real!r} but the incident's id is {stated!r}",
                str(present[0]),
                loaded.lines.get("/id"),
                "/id",
                "give the folder the name of the id, so that people find it",
                "note",
            )
        )
    return Dossier(folder, present[0], loaded.record, loaded.value, loaded.lines, tuple(problems))


def _way_in(folder: Path) -> str:
    """What to do where no record is: go one folder down when the dossier is there, else begin one."""
    for child in sorted(folder.iterdir()):
        if child.is_dir() and any((child / name).is_file() for name in RECORD_NAMES):
            return f"go into the dossier's folder first: cd {child.name}"
    return "start with `archive new ID`"


def _unread(folder: Path, problem: Problem) -> Dossier:
    return Dossier(folder, folder / RECORD_NAMES[0], None, {}, {}, (problem,))
