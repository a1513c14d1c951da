from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]

MINIMAL = """\
schema_version: 1
id: 2025-10-11-example
title:
  en: Orders refused
summary:
  en: Users say that orders were refused.
occurred:
  start: 2025-10-11T05:12:00+08:00
  end: 2025-10-11T07:02:00+08:00
  precision: minute
  time_zone: UTC+8
parties:
  - id: trader
    name:
      en: Trader
    kind: person
revision: 1
revisions:
  - revision: 1
    reason:
      en: First publication.
"""


@pytest.fixture
def minimal() -> str:
    """A record without problems; tests add to it at its end."""
    return MINIMAL


@pytest.fixture
def guide() -> str:
    """The example of docs/record.md."""
    text = (ROOT / "docs" / "record.md").read_text(encoding="utf-8")
    match = re.search(r"^```yaml\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert match is not None
    return match[1]


@pytest.fixture
def codes() -> Callable[..., list[str]]:
    """Codes of the problems of a record text, in order; warnings and notes are marked with `?`."""
    from archive.record.load import load_record_bytes

    def find(text: str | bytes, *, json: bool = False) -> list[str]:
        data = text.encode("utf-8") if isinstance(text, str) else text
        problems = load_record_bytes(data, "incident.yaml", json=json).problems
        return [p.code + ("" if p.severity == "error" else "?") for p in problems]

    return find


@pytest.fixture
def dossier(tmp_path: Path) -> Callable[..., Path]:
    """Makes a dossier folder from a record text and files."""

    def make(text: str, files: dict[str, bytes] | None = None, name: str = "2025-10-11-example") -> Path:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "incident.yaml").write_text(text, encoding="utf-8")
        for path, data in (files or {}).items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
        return folder

    return make


@pytest.fixture
def find_problem() -> Callable[..., Any]:
    """The one problem with a code."""

    def find(problems: Any, code: str) -> Any:
        found = [problem for problem in problems if problem.code == code]
        assert len(found) == 1, [problem.code for problem in problems]
        return found[0]

    return find
