"""Validator sets on the command line: pin an epoch block, see how old a set is, follow over nodes that fail."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from archive.cli import main as cli

Run = Callable[..., tuple[int, str, str]]
HASH = "0x" + "ab" * 32
EPOCH = ["add", "epoch", "--chain-id", "97", "--number", "86300000", "--hash", HASH, "--as-of", "2026-01-24T12:00:00Z"]


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


def test_pin_an_epoch_block_and_see_it(run: Run) -> None:
    code, out, _ = run(*EPOCH, "--source", "two explorers", "--json")
    assert code == 0
    pin = json.loads(out)["added"]["validator_set"]
    assert (pin["number"], pin["last_number"], pin["validators"], pin["turn_length"]) == (
        86300000,
        86300000,
        None,
        None,
    )
    assert pin["genesis"].startswith("0x6d3c66c5")
    shown = run("show")[1]
    assert "validators  chain 97: 2 pinned, newest of 2026-01-24T12:00:00Z (hash only)" in shown
    assert "epoch block 86300000, two explorers" in shown
    assert json.loads(run("show", "--json")[1])["validator_sets"] == [pin]
    assert run(*EPOCH, "--source", "two explorers")[0] == 0
    code, _, err = run(*EPOCH[:7], "0x" + "cd" * 32, *EPOCH[8:], "--source", "somebody")
    assert code == 1
    assert "[trust.conflict]" in err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([*EPOCH, "--source", ""], "trust.validator_set"),
        ([*EPOCH[:-1], "yesterday", "--source", "x"], "trust.validator_set"),
        ([*EPOCH[:7], "0x12", *EPOCH[8:], "--source", "x"], "trust.bad_hash"),
        ([*EPOCH[:3], "7097", *EPOCH[4:], "--source", "x"], "trust.bad_hash"),
        ([*EPOCH, "--source", "x", "--genesis", "0x12"], "trust.bad_hash"),
    ],
)
def test_what_is_no_pin(run: Run, arguments: list[str], code: str) -> None:
    status, out, _ = run(*arguments, "--json")
    assert (status, json.loads(out)["error"]["code"]) == (2, code)


def test_no_node_answers(run: Run, tmp_path: Path) -> None:
    status, out, _ = run("update", "--rpc", "http://127.0.0.1:9", "--rpc", "http://127.0.0.1:9", "--json")
    assert (status, json.loads(out)["error"]["code"]) == (3, "chain.rpc_unreachable")
    assert not (tmp_path / "workspace" / "trust.json").exists()
