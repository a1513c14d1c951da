"""Making a dossier: the folder, its first record, its evidence folder."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from archive.errors import RefusedError, UsageError
from archive.record.load import load_record_bytes
from archive.record.models import ID_PATTERN, LANGUAGE_PATTERN
from archive.record.scaffold import Start, render
from archive.workspace import write_atomic


@dataclass(frozen=True, slots=True)
class NewDossier:
    """A dossier that was made, and what its author still has to fill in."""

    folder: Path
    record_file: Path
    remaining: tuple[str, ...]


def create_dossier(folder: Path, start: Start) -> NewDossier:
    """Write a new dossier; nothing that is there is overwritten.

    Raises:
        UsageError: `new.id`, `new.language`, `new.value` for what cannot stand in a record.
        RefusedError: `new.exists`.
    """
    if not re.match(ID_PATTERN.removesuffix("$") + r"\Z", start.incident):
        raise UsageError(
            f"{start.incident!r} is no id: 1 to 64 of the characters 0-9, a-z and -",
            code="new.id",
            hint="start with the date: 2025-10-11-example-outage",
        )
    for language in start.languages:
        if not re.match(LANGUAGE_PATTERN.removesuffix("$") + r"\Z", language):
            raise UsageError(f"{language!r} is no language tag", code="new.language", hint="en, zh-Hans, ko …")
    record_file = folder / "incident.yaml"
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise RefusedError(f"{folder}: this is not a folder", code="new.exists", hint="choose another place with --in")
    for name in ("incident.yaml", "incident.json", "incident.yml"):
        if (folder / name).exists() or (folder / name).is_symlink():
            raise RefusedError(f"{folder / name}: there is a record already", code="new.exists", hint="edit that one")
    data = render(start).encode("utf-8")
    loaded = load_record_bytes(data, str(record_file), json=False)
    errors = [problem for problem in loaded.problems if problem.severity == "error"]
    wrong = [problem for problem in errors if problem.code != "record.placeholder"]
    if wrong:
        problems = [replace(problem, path=None, line=None) for problem in wrong]
        raise UsageError("this cannot stand in a record", code="new.value", problems=problems)
    (folder / "evidence").mkdir(parents=True, exist_ok=True)
    write_atomic(record_file, data)
    return NewDossier(folder, record_file, tuple(f"line {p.line}: {p.message.partition(': ')[2]}" for p in errors))
