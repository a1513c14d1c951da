"""The wheel alone, in an empty environment without web3 or any store client, checks a dossier and verifies offline."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.packaging
PROJECT = Path(__file__).resolve().parents[2]
GOLDEN = PROJECT / "tests" / "golden" / "1"
HEAVY = ("web3", "eth-account", "eth-tester", "ipfshttpclient", "arweave-python-client", "pydantic-settings", "py-evm")


def run(*command: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("ARCHIVE_", "PYTHON", "VIRTUAL_ENV"))}
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, cwd=cwd, env=clean | environment)


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory, source_copy: Path) -> Path:
    """The interpreter of an environment that holds the wheel and its base dependencies, nothing else."""
    base = tmp_path_factory.mktemp("wheel")
    built = run(sys.executable, "-m", "build", "--wheel", "--outdir", base / "dist", source_copy, cwd=base)
    assert built.returncode == 0, built.stderr
    (wheel,) = (base / "dist").glob("*.whl")
    made = run(sys.executable, "-m", "venv", base / "venv", cwd=base)
    assert made.returncode == 0, made.stderr
    python = base / "venv" / "bin" / "python"
    installed = run(python, "-m", "pip", "install", "--quiet", wheel, cwd=base)
    assert installed.returncode == 0, installed.stderr
    return python


def test_only_the_base_dependencies_are_there(python: Path, tmp_path: Path) -> None:
    listed = json.loads(run(python, "-m", "pip", "list", "--format=json", cwd=tmp_path).stdout)
    names = {item["name"].lower() for item in listed}
    assert "incident-archive" in names
    assert names.isdisjoint(HEAVY)


def archive(python: Path, cwd: Path, *arguments: str | Path) -> tuple[int, dict[str, Any]]:
    done = run(python.parent / "archive", *arguments, "--json", cwd=cwd, ARCHIVE_WORKSPACE=str(cwd / "workspace"))
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_verify_offline_runs_alone(python: Path, tmp_path: Path) -> None:
    files = [GOLDEN / "plain/bundle.proof.json", GOLDEN / "plain/package.car", "--offline"]
    trust = ["--trust", GOLDEN / "trust.json"]
    code, report = archive(python, tmp_path, "verify", *files, *trust)
    assert (code, report["lacking"]) == (3, ["chain.header"])
    code, report = archive(python, tmp_path, "verify", *files, *trust, "--policy", GOLDEN / "waive-header.json")
    assert (code, report["verdict"]) == (0, "pass")
    altered = [GOLDEN / "altered/other-root.proof.json", GOLDEN / "plain/package.car", "--offline"]
    code, report = archive(python, tmp_path, "verify", *altered, *trust)
    assert (code, report["verdict"]) == (1, "fail")


def test_verify_online_without_the_network_settings_still_asks_named_nodes(python: Path, tmp_path: Path) -> None:
    files = [GOLDEN / "plain/bundle.proof.json", GOLDEN / "plain/package.car", "--trust", GOLDEN / "trust.json"]
    code, report = archive(python, tmp_path, "verify", *files, "--rpc", "http://127.0.0.1:9")
    assert (code, report["lacking"]) == (3, ["chain.header"])


def test_check_runs_alone(python: Path, tmp_path: Path) -> None:
    dossier = PROJECT / "incidents" / "2025-10-11-binance-liquidations"
    done = run(python.parent / "archive", "check", dossier, "--format", "json", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    broken = tmp_path / "broken"
    shutil.copytree(dossier, broken)
    (broken / "incident.yaml").write_text("schema_version: '9'\n")
    assert run(python.parent / "archive", "check", broken, cwd=tmp_path).returncode == 1


def test_the_verifiers_page_is_saved_without_what_builds_a_site(python: Path, tmp_path: Path) -> None:
    code, told = archive(python, tmp_path, "site", "verifier", tmp_path / "saved.html")
    assert (code, told["bytes"]) == (0, (tmp_path / "saved.html").stat().st_size)
    code, told = archive(python, tmp_path, "site", "build", tmp_path / "pages", "--incidents", PROJECT / "incidents")
    assert (code, told["error"]["code"]) == (2, "site.extra")
