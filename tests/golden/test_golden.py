"""Golden packages: what was published by an earlier version verifies as it did then, for ever.

A generation is never made again (`make.py` refuses). When a case here changes its verdict, the code is wrong.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from archive.cli import main as cli

HERE = Path(__file__).resolve().parent
GENERATIONS = sorted(p.parent for p in HERE.glob("*/expected.json"))


def cases() -> Iterator[Any]:
    for folder in GENERATIONS:
        for number, case in enumerate(json.loads((folder / "expected.json").read_text(encoding="utf-8"))):
            yield pytest.param(folder, case, id=f"{folder.name}-{number}-{Path(case['bundle']).parent.name}")


def test_there_are_golden_packages() -> None:
    assert [p.name for p in GENERATIONS] == ["1", "1-registry", "1-rows"]


@pytest.mark.parametrize("folder", GENERATIONS, ids=lambda p: p.name)
def test_no_golden_file_was_changed(folder: Path) -> None:
    lines = (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    listed = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    found = {
        p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in folder.rglob("*")
        if p.is_file() and p.name != "SHA256SUMS"
    }
    assert found == listed


@pytest.mark.parametrize(("folder", "case"), list(cases()))
def test_verdict_is_what_it_was(
    folder: Path,
    case: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("ARCHIVE_TRUST", raising=False)
    command = ["archive", "verify", str(folder / case["bundle"]), *(str(folder / f) for f in case["files"])]
    command += ["--offline", "--json", "--workspace", str(tmp_path)]
    trust = case.get("trust", "trust.json")
    if trust:
        command += ["--trust", str(folder / trust)]
    if "policy" in case:
        command += ["--policy", str(folder / case["policy"])]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as stop:
        cli.main()
    report = json.loads(capsys.readouterr().out)
    if "error" in case:
        assert (stop.value.code, report["error"]["code"]) == (1, case["error"])
        return
    assert report["verdict"] == case["verdict"]
    assert stop.value.code == {"pass": 0, "fail": 1, "incomplete": 3}[case["verdict"]]
    for key in ("root", "content_id", "lacking"):
        if key in case:
            assert report[key] == case[key], key
    for code, status in case.get("checks", {}).items():
        assert [check["status"] for check in report["checks"] if check["code"] == code] == [status], code
    if "failed" in case:
        assert sorted({c["code"] for c in report["checks"] if c["status"] == "fail"}) == sorted(case["failed"])
