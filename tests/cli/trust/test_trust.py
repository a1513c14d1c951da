"""`archive trust` as a user meets it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from archive.cli import main as cli

Run = Callable[..., tuple[int, str, str]]
ADDRESS = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
REGISTRY = [
    "add",
    "registry",
    "--name",
    "BSC testnet",
    "--chain-id",
    "97",
    "--genesis",
    "0x" + "ab" * 32,
    "--address",
    ADDRESS,
    "--code-hash",
    "0x" + "cd" * 32,
]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ARCHIVE_WORKSPACE", str(tmp_path / "workspace"))
    monkeypatch.delenv("ARCHIVE_TRUST", raising=False)

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["archive", "trust", *arguments])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        out, err = capsys.readouterr()
        return int(str(stop.value.code)), out, err

    return call


def test_add_show_remove(run: Run, tmp_path: Path) -> None:
    first = run("show")[1].splitlines()
    assert first[0].endswith("(not there yet: no registry, no publisher)")
    # What ships with the package says how old it is.
    assert [line.split(":")[0] for line in first[1::2]] == ["validators  chain 56", "validators  chain 97"]
    assert "newest of 2026-01-24" in first[3]
    assert run("add", "publisher", ADDRESS, "--name", "Desk")[0] == 0
    assert run(*REGISTRY)[0] == 0
    code, out, _ = run("show")
    assert code == 0
    assert out.splitlines()[1:-4] == [
        "registry    BSC testnet",
        f"            address {ADDRESS} on chain 97",
        f"            genesis 0x{'ab' * 32}",
        f"            code    0x{'cd' * 32}",
        "publisher   Desk",
        f"            address {ADDRESS}",
    ]
    assert run("remove", "Desk")[0] == 0
    shown = json.loads(run("show", "--json")[1])
    assert shown["publishers"] == []
    assert shown["registries"][0]["address"] == ADDRESS.lower()
    assert shown["path"] == str(tmp_path / "workspace" / "trust.json")


def test_adding_twice_is_done_and_conflicts_are_refused(run: Run) -> None:
    assert run("add", "publisher", ADDRESS, "--name", "Desk")[0] == 0
    assert run("add", "publisher", ADDRESS.lower(), "--name", "Desk")[0] == 0
    code, _, err = run("add", "publisher", ADDRESS, "--name", "Somebody else")
    assert code == 1
    assert "[trust.conflict]" in err
    assert "archive: hint: " in err


def test_another_file_by_option_and_environment(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("add", "publisher", ADDRESS, "--name", "Desk", "--trust", "mine.json")[0] == 0
    assert (tmp_path / "mine.json").is_file()
    assert not (tmp_path / "workspace").exists()
    monkeypatch.setenv("ARCHIVE_TRUST", "mine.json")
    assert "Desk" in run("show")[1]


@pytest.mark.parametrize(
    ("arguments", "exit_code", "code"),
    [
        (["add", "publisher", ADDRESS[:-1] + "D", "--name", "Desk"], 2, "trust.bad_checksum"),
        (["add", "publisher", "0x12", "--name", "Desk"], 2, "trust.bad_address"),
        (["add", "publisher", ADDRESS, "--name", " "], 2, "trust.bad_name"),
        ([*REGISTRY[:-1], "0x12"], 2, "trust.bad_hash"),
        (["remove", "nobody"], 1, "trust.not_found"),
    ],
)
def test_errors(run: Run, arguments: list[str], exit_code: int, code: str) -> None:
    status, out, err = run(*arguments, "--json")
    assert (status, json.loads(out)["error"]["code"]) == (exit_code, code)
    assert err.startswith("archive: error: ")


def test_a_broken_trust_file_is_named_and_left_alone(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    path.write_text("{")
    code, _, err = run("add", "publisher", ADDRESS, "--name", "Desk", "--trust", str(path))
    assert code == 1
    assert "[trust.not_json]" in err
    assert path.read_text() == "{"
