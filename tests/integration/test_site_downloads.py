"""The downloads of a built site, as their readers get them: the libraries accept them, and their files verify."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import bagit
import pytest
from rocrate.rocrate import ROCrate

ROOT = Path(__file__).resolve().parents[2]
INCIDENT = "2026-02-bithumb-btc-payout"


def archive(workspace: Path, *arguments: str) -> str:
    return subprocess.run(
        [str(Path(sys.executable).with_name("archive")), *arguments],
        cwd=ROOT,
        env={**os.environ, "ARCHIVE_WORKSPACE": str(workspace)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("workspace")
    archive(folder, "publish", f"incidents/{INCIDENT}", "--yes")
    archive(folder, "site", "build", str(folder / "site"), "--incidents", f"incidents/{INCIDENT}", "--no-plots")
    return folder


def unpacked(workspace: Path, ending: str, target: Path) -> Path:
    (path,) = (workspace / "site" / "files" / INCIDENT).glob(f"*.{ending}.zip")
    with zipfile.ZipFile(path) as packed:
        packed.extractall(target)
    return target


def test_a_bag_from_the_site_is_whole_and_what_is_in_it_verifies(workspace: Path, tmp_path: Path) -> None:
    (folder,) = unpacked(workspace, "bagit", tmp_path).iterdir()
    bagit.Bag(str(folder)).validate()
    (bundle,) = (folder / "data").glob("*.proof.json")
    report = json.loads(archive(workspace, "verify", str(bundle), str(folder / "data/package"), "--json"))
    assert report["verdict"] == "pass"
    complete = [check["status"] for check in report["checks"] if check["code"] == "package.complete"]
    assert complete == ["pass"]


def test_a_crate_from_the_site_is_read_and_what_is_in_it_verifies(workspace: Path, tmp_path: Path) -> None:
    folder = unpacked(workspace, "ro-crate", tmp_path)
    crate = ROCrate(folder)
    files = {path for path in folder.rglob("*") if path.is_file() and path.name != "ro-crate-metadata.json"}
    assert {Path(str(entity.source)) for entity in crate.data_entities} == files
    (bundle,) = folder.glob("*.proof.json")
    report = json.loads(archive(workspace, "verify", str(bundle), str(folder / "package"), "--json"))
    assert report["verdict"] == "pass"
