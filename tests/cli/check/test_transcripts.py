"""Transcripts of `check`, `new`, `add`, `schema`, `findings`, `site`: standard output, standard error and exit code.

A transcript is a text file. `$ ` starts a command, run by bash in a folder of the transcript's own; the lines below it
are its standard output, those with `2| ` its standard error, `[1]` its exit code when it is not 0; `# ` is a remark.
`UPDATE_TRANSCRIPTS=1` writes what really came out; read the difference before you commit it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CLI = Path(__file__).resolve().parents[1]
NAMES = ("check", "new", "add", "schema", "findings", "site")
TRANSCRIPTS = sorted(path for name in NAMES for path in (CLI / name).glob("*.txt"))
ROOT = CLI.parents[1]


def _environment() -> dict[str, str]:
    scripts = Path(sys.executable).parent
    if not (scripts / "archive").exists():
        found = shutil.which("archive")
        assert found is not None, "install the project first"
        scripts = Path(found).parent
    return {
        "PATH": f"{scripts}:{os.environ['PATH']}",
        "HOME": "/nonexistent",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "COLUMNS": "200",
        "ROOT": str(ROOT),
    }


def _run(command: str, folder: Path) -> list[str]:
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    lines = done.stdout.splitlines()
    lines += [f"2| {line}".rstrip() for line in done.stderr.splitlines()]
    if done.returncode:
        lines.append(f"[{done.returncode}]")
    return lines


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_transcript(path: Path, tmp_path: Path) -> None:
    wanted = path.read_text(encoding="utf-8").splitlines()
    came: list[str] = []
    for line in wanted:
        if line.startswith("# ") or not line:
            came.append(line)
        elif line.startswith("$ "):
            came += [line, *_run(line[2:], tmp_path)]
    if os.environ.get("UPDATE_TRANSCRIPTS"):
        path.write_text("\n".join(came) + "\n", encoding="utf-8")
    assert came == wanted


def test_there_are_transcripts_of_every_command() -> None:
    assert {path.parent.name for path in TRANSCRIPTS} == {"check", "new", "add", "schema", "findings", "site"}
