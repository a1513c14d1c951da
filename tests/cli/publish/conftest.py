"""The command line in this process, a small dossier, and a workspace of one test's own."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

RECORD = """\
schema_version: 1
id: 2025-01-01-test
title:
  en: A test incident
summary:
  en: Users say that orders were refused.
occurred:
  start: 2025-01-01T00:00:00Z
  end: 2025-01-01T01:00:00Z
  precision: minute
  time_zone: UTC
parties:
  - id: trader
    name:
      en: Trader
    kind: person
evidence:
{evidence}
revision: {revision}
{supersedes}revisions:
{revisions}
"""


@dataclass
class Dossier:
    """A dossier that can be written again with other contents."""

    folder: Path
    revision: int = 1
    supersedes: str | None = None
    extra: str = ""

    def write(self) -> Path:
        evidence = (
            "  - id: orders\n    kind: order-log\n    path: evidence/orders.csv\n    media_type: text/csv\n"
            "  - id: notes\n    kind: document\n    path: evidence/notes.txt\n    media_type: text/plain\n"
        ) + self.extra
        revisions = "".join(
            f"  - revision: {number}\n    reason:\n      en: Reason {number}.\n"
            for number in range(1, self.revision + 1)
        )
        text = RECORD.format(
            evidence=evidence.rstrip("\n"),
            revision=self.revision,
            supersedes=f"supersedes: {self.supersedes}\n" if self.supersedes else "",
            revisions=revisions.rstrip("\n"),
        )
        (self.folder / "evidence").mkdir(parents=True, exist_ok=True)
        (self.folder / "incident.yaml").write_text(text)
        for name, content in (("orders.csv", "time,side,price\n00:01,buy,1\n"), ("notes.txt", "Nothing was filled.\n")):
            path = self.folder / "evidence" / name
            if not path.exists():
                path.write_text(content)
        return self.folder

    def withhold(self, name: str = "names.txt", content: str = "Alice\n") -> None:
        self.extra += (
            f"  - id: {name.split('.')[0]}\n    kind: document\n    path: evidence/{name}\n"
            "    media_type: text/plain\n    withheld: true\n"
        )
        self.write()
        (self.folder / "evidence" / name).write_text(content)

    def refer(self) -> None:
        self.extra += (
            "  - id: ticks\n    kind: market-data\n    media_type: text/csv\n    reference:\n      sha256: "
            + "ab" * 32
            + "\n      size: 12345\n"
        )
        self.write()


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> str:
        """The code of the error in `--json` output."""
        return str(self.json["error"]["code"])


@pytest.fixture
def dossier(tmp_path: Path) -> Dossier:
    made = Dossier(tmp_path / "dossier")
    made.write()
    return made


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "workspace"
    monkeypatch.setenv("ARCHIVE_WORKSPACE", str(path))
    for name in ("ARCHIVE_KUBO_API", "ARCHIVE_IPFS_GATEWAYS", "ARCHIVE_ARWEAVE_URL", "ARCHIVE_ARWEAVE_KEYFILE"):
        monkeypatch.delenv(name, raising=False)
    return path


@pytest.fixture
def archive(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ran]:
    """Run `archive …` as `main` would; relative paths are below `tmp_path`."""
    from archive.cli.main import main

    monkeypatch.chdir(tmp_path)

    def run(*arguments: str | Path) -> Ran:
        monkeypatch.setattr(sys, "argv", ["archive", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            main()
        captured = capsys.readouterr()
        return Ran(int(caught.value.code or 0), captured.out, captured.err)

    return run
