"""`archive absent` as a user meets it: making a proof, checking it, exit codes, errors with code and hint."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from archive.chain import codec
from archive.cli import main as cli
from archive.trust import TrustedRegistry, TrustFile, save_trust
from tests.support import rpcserver
from tests.support.world import CALL, CODE, GENESIS, PUBLISHER, REGISTRY, World

Run = Callable[..., tuple[int, str, str]]
ROOT = "55" * 32


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ARCHIVE_WORKSPACE", str(tmp_path / "workspace"))
    monkeypatch.delenv("ARCHIVE_TRUST", raising=False)
    trusted = TrustedRegistry("BSC testnet", 97, GENESIS, REGISTRY, codec.to_hex(CODE))
    save_trust(tmp_path / "trust.json", TrustFile((trusted,)))

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["archive", "absent", *arguments])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        out, err = capsys.readouterr()
        return int(str(stop.value.code)), out, err

    return call


@pytest.fixture
def url() -> Iterator[str]:
    with rpcserver.serve(World()) as address:
        yield address


def make(url: str, root: str = ROOT, *more: str) -> list[str]:
    return [root, "--publisher", PUBLISHER, "--registry", REGISTRY, "--rpc", url, "--out", "no.absent.json", *more]


def test_a_root_that_is_not_anchored(run: Run, url: str) -> None:
    code, out, err = run(*make(url), "--trust", "trust.json")
    assert code == 0, out
    assert err == "archive: wrote no.absent.json\n"
    text = " ".join(out.split())
    assert f"publisher {PUBLISHER}" in text
    assert "ok absence.entry" in text
    assert "the registry's storage holds no entry of this key and root" in text
    assert "by the state proof, the registry's code at this block is the one trusted" in text
    assert "Proved: as of block 990 (2025-10-11 00:16:30 UTC) this key had not anchored this root" in text
    assert "Not proved: what came later, what other keys did" in text


def test_the_file_is_checked_again_offline_and_with_nodes(run: Run, url: str) -> None:
    run(*make(url))
    code, out, _ = run("no.absent.json", "--offline", "--trust", "trust.json", "--json")
    report = json.loads(out)
    assert (code, report["verdict"], report["lacking"]) == (3, "incomplete", ["chain.header"])
    assert {"verdict", "checks", "required", "lacking", "trust", "proof", "root", "publisher", "registry"} <= set(
        report
    )
    code, out, _ = run("no.absent.json", "--rpc", url, "--trust", "trust.json", "--json")
    report = json.loads(out)
    assert (code, report["trust"], report["block"]) == (0, "rpc", 990)
    code, out, _ = run("no.absent.json", "--rpc", url, "--json")
    assert (code, json.loads(out)["lacking"]) == (3, ["absence.registry", "chain.code"])


def test_a_changed_file_fails(run: Run, url: str, tmp_path: Path) -> None:
    run(*make(url))
    value = json.loads((tmp_path / "no.absent.json").read_text())
    value["publisher"] = "0x" + "ab" * 20
    (tmp_path / "no.absent.json").write_text(json.dumps(value))
    # Of another key the same path may show absence too; of which key it is said plainly.
    code, out, _ = run("no.absent.json", "--offline", "--trust", "trust.json")
    assert code in (1, 3)
    assert value["publisher"] in out
    value["block"]["hash"] = "0x" + "00" * 32
    (tmp_path / "no.absent.json").write_text(json.dumps(value))
    code, out, _ = run("no.absent.json", "--offline", "--trust", "trust.json")
    assert code == 1
    assert "FAIL absence.header_hash" in out


@pytest.mark.parametrize(
    ("arguments", "exit_code", "code"),
    [
        (lambda url: make(url, CALL.root.hex()), 1, "absence.present"),
        (lambda url: [ROOT, "--rpc", url], 2, "absence.usage"),
        (lambda url: [ROOT, "--publisher", PUBLISHER], 2, "absence.usage"),
        (lambda url: [ROOT, "--publisher", PUBLISHER, "--rpc", url], 2, "chain.no_registry"),
        (lambda url: [ROOT, "--publisher", "0x12", "--rpc", url, "--registry", REGISTRY], 2, "trust.bad_address"),
        (lambda url: make(url, ROOT, "--offline"), 2, "absence.usage"),
        (lambda url: make(url, ROOT, "--quorum", "2"), 2, "verify.quorum"),
        (lambda url: ["no-such-file"], 1, "absence.unreadable"),
        (lambda url: ["trust.json"], 3, "absence.unknown_format"),
        (lambda url: ["trust.json", "--publisher", PUBLISHER], 2, "absence.usage"),
    ],
)
def test_errors_have_code_and_exit_code(
    run: Run, url: str, arguments: Callable[[str], list[str]], exit_code: int, code: str, tmp_path: Path
) -> None:
    status, out, err = run(*arguments(url), "--json")
    error: dict[str, Any] = json.loads(out)["error"]
    assert (status, error["code"]) == (exit_code, code)
    assert err.startswith("archive: error: ")
    assert not (tmp_path / "no.absent.json").exists()
