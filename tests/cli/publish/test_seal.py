from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from archive.publish import seals

if TYPE_CHECKING:
    from conftest import Dossier


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seals.encrypt_backup, "__kwdefaults__", {"random": os.urandom, "n": 1 << 4})


@pytest.fixture
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHIVE_SEAL_PASSWORD", "correct horse battery")


def seed_of(workspace: Path) -> str:
    return str(json.loads((workspace / "secrets" / "seals" / "2025-01-01-test.json").read_text())["seed"])


@pytest.mark.usefixtures("password")
def test_backup_and_restore_give_the_same_package_elsewhere(
    archive: Callable[..., Any], dossier: Dossier, workspace: Path, tmp_path: Path
) -> None:
    dossier.withhold()
    root = archive("pack", dossier.folder, "--json").json["root"]
    ran = archive("seal", "backup", "seals.json")
    assert ran.code == 0
    assert stat.S_IMODE((tmp_path / "seals.json").stat().st_mode) == 0o600
    assert seed_of(workspace) not in (tmp_path / "seals.json").read_text() + ran.out + ran.err
    other = tmp_path / "other"
    assert archive("seal", "restore", "seals.json", "--workspace", other, "--json").json == {
        "restored": ["2025-01-01-test"],
        "already_there": [],
    }
    assert archive("pack", dossier.folder, "--json", "--workspace", other).json["root"] == root
    again = archive("seal", "restore", "seals.json", "--workspace", other, "--json")
    assert again.json["already_there"] == ["2025-01-01-test"]


@pytest.mark.usefixtures("password")
def test_show_never_prints_the_seed(archive: Callable[..., Any], dossier: Dossier, workspace: Path) -> None:
    dossier.withhold()
    archive("pack", dossier.folder)
    for options in ((), ("--json",)):
        ran = archive("seal", "show", *options)
        assert ran.code == 0
        assert "2025-01-01-test" in ran.out
        assert seed_of(workspace) not in ran.out + ran.err


@pytest.mark.usefixtures("password")
def test_a_backup_is_never_overwritten(archive: Callable[..., Any], dossier: Dossier, tmp_path: Path) -> None:
    dossier.withhold()
    archive("pack", dossier.folder)
    (tmp_path / "seals.json").write_text("precious")
    ran = archive("seal", "backup", "seals.json", "--json")
    assert (ran.code, ran.error) == (1, "seal.backup_exists")
    assert (tmp_path / "seals.json").read_text() == "precious"


def test_a_wrong_password_restores_nothing(
    archive: Callable[..., Any], dossier: Dossier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARCHIVE_SEAL_PASSWORD", "right password")
    dossier.withhold()
    archive("pack", dossier.folder)
    archive("seal", "backup", "seals.json")
    monkeypatch.setenv("ARCHIVE_SEAL_PASSWORD", "wrong password")
    ran = archive("seal", "restore", "seals.json", "--workspace", tmp_path / "other", "--json")
    assert (ran.code, ran.error) == (1, "seal.wrong_password")
    assert not (tmp_path / "other").exists()


@pytest.mark.usefixtures("password")
def test_another_seal_is_never_replaced(archive: Callable[..., Any], dossier: Dossier, tmp_path: Path) -> None:
    dossier.withhold()
    archive("pack", dossier.folder)
    archive("seal", "backup", "seals.json")
    archive("pack", dossier.folder, "--workspace", tmp_path / "other")
    before = seed_of(tmp_path / "other")
    ran = archive("seal", "restore", "seals.json", "--workspace", tmp_path / "other", "--json")
    assert (ran.code, ran.error) == (1, "seal.exists")
    assert seed_of(tmp_path / "other") == before


@pytest.mark.usefixtures("password")
def test_nothing_to_back_up(archive: Callable[..., Any], tmp_path: Path) -> None:
    ran = archive("seal", "backup", "seals.json", "--json")
    assert (ran.code, ran.error) == (2, "seal.none")
    assert not (tmp_path / "seals.json").exists()


def test_a_password_is_asked_for_and_never_taken_from_the_command_line(
    archive: Callable[..., Any], dossier: Dossier
) -> None:
    dossier.withhold()
    archive("pack", dossier.folder)
    ran = archive("seal", "backup", "seals.json", "--json")
    assert (ran.code, ran.error) == (2, "seal.no_password")
    assert archive("seal", "backup", "seals.json", "--password", "x").code == 2


def test_a_password_from_a_file_descriptor(archive: Callable[..., Any], dossier: Dossier) -> None:
    dossier.withhold()
    archive("pack", dossier.folder)
    reading, writing = os.pipe()
    os.write(writing, b"from a pipe\nrest\n")
    os.close(writing)
    assert archive("seal", "backup", "seals.json", "--password-fd", reading).code == 0
    os.close(reading)
    data = Path("seals.json").read_bytes()
    assert list(seals.decrypt_backup(data, "from a pipe", source="seals.json")) == ["2025-01-01-test"]


@pytest.mark.usefixtures("password")
@pytest.mark.parametrize(
    ("content", "code"),
    [(b"{}", "seal.backup_damaged"), (b"\xff\x00", "seal.backup_damaged"), (None, "seal.backup_unreadable")],
)
def test_a_file_that_is_no_backup(
    archive: Callable[..., Any], tmp_path: Path, content: bytes | None, code: str
) -> None:
    if content is not None:
        (tmp_path / "seals.json").write_bytes(content)
    assert archive("seal", "restore", "seals.json", "--json").error == code
