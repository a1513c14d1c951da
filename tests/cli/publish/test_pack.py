from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Dossier


def test_json_names_root_content_id_and_car(archive: Callable[..., Any], dossier: Dossier, workspace: Path) -> None:
    ran = archive("pack", dossier.folder, "--json")
    assert ran.code == 0
    result = ran.json
    assert len(result["root"]) == 64
    assert result["content_id"].startswith("bafybei")
    car = Path(result["car"])
    assert car == workspace / "store" / "packages" / f"{result['content_id']}.car"
    assert car.stat().st_size == result["car_size"]
    assert result["publisher"] is None


def test_text_says_what_the_words_mean(archive: Callable[..., Any], dossier: Dossier) -> None:
    ran = archive("pack", dossier.folder)
    assert ran.code == 0
    assert "fingerprint of all of it" in ran.out
    assert "address of the files" in ran.out


def test_the_same_dossier_gives_the_same_bytes_in_another_workspace(
    archive: Callable[..., Any], dossier: Dossier, tmp_path: Path
) -> None:
    """With nothing withheld and no not_before the seal adds nothing, and none is made."""
    one = archive("pack", dossier.folder, "--out", "one.car", "--json", "--workspace", tmp_path / "a").json
    two = archive("pack", dossier.folder, "--out", "two.car", "--json", "--workspace", tmp_path / "b").json
    assert one["root"] == two["root"]
    assert (tmp_path / "one.car").read_bytes() == (tmp_path / "two.car").read_bytes()
    assert not (tmp_path / "a").exists()


def test_withheld_items_depend_on_the_seal_and_come_out_again_with_it(
    archive: Callable[..., Any], dossier: Dossier, tmp_path: Path
) -> None:
    dossier.withhold()
    one = archive("pack", dossier.folder, "--json", "--workspace", tmp_path / "a").json
    again = archive("pack", dossier.folder, "--json", "--workspace", tmp_path / "a").json
    other = archive("pack", dossier.folder, "--json", "--workspace", tmp_path / "b").json
    assert one["withheld"] == 1
    assert one["root"] == again["root"] != other["root"]
    car = Path(one["car"]).read_bytes()
    assert b"Alice" not in car
    assert b"names.txt" not in car


def test_out_of_a_package_in_the_store_is_the_same_file(
    archive: Callable[..., Any], dossier: Dossier, tmp_path: Path
) -> None:
    stored = archive("pack", dossier.folder, "--json").json
    written = archive("pack", dossier.folder, "--out", "p.car", "--json").json
    assert written["car"] == "p.car"
    assert (tmp_path / "p.car").read_bytes() == Path(stored["car"]).read_bytes()


def test_a_publisher_can_be_named(archive: Callable[..., Any], dossier: Dossier) -> None:
    address = "0x" + "ab" * 20
    named = archive("pack", dossier.folder, "--wallet", address, "--json").json
    assert named["publisher"] == address
    assert named["root"] != archive("pack", dossier.folder, "--json").json["root"]


def test_errors_of_the_check_are_all_listed_and_nothing_is_written(
    archive: Callable[..., Any], dossier: Dossier, workspace: Path
) -> None:
    (dossier.folder / "evidence" / "orders.csv").unlink()
    (dossier.folder / "evidence" / "stray.txt").write_text("x")
    ran = archive("pack", dossier.folder, "--json")
    assert ran.code == 1
    assert ran.error == "pack.check_failed"
    codes = {problem["code"] for problem in ran.json["error"]["problems"]}
    assert {"evidence.missing", "evidence.unlisted"} <= codes
    assert not workspace.exists()


def test_a_file_held_outside_git_is_needed_now(archive: Callable[..., Any], dossier: Dossier) -> None:
    dossier.extra = (
        "  - id: big\n    kind: market-data\n    path: evidence/big.csv\n    media_type: text/csv\n    held: local\n"
        f"    size: 3\n    sha256: {hashlib.sha256(b'a,b').hexdigest()}\n"
    )
    dossier.write()
    ran = archive("pack", dossier.folder, "--json")
    assert (ran.code, ran.error) == (1, "pack.file_missing")
    (dossier.folder / "evidence" / "big.csv").write_bytes(b"a,b")
    assert archive("pack", dossier.folder, "--json").code == 0


def test_a_folder_that_is_not_there(archive: Callable[..., Any]) -> None:
    ran = archive("pack", "nowhere", "--json")
    assert (ran.code, ran.error) == (1, "pack.check_failed")


def test_out_into_a_missing_folder_is_a_usage_error(archive: Callable[..., Any], dossier: Dossier) -> None:
    ran = archive("pack", dossier.folder, "--out", "nowhere/p.car", "--json")
    assert (ran.code, ran.error) == (2, "pack.bad_out")


def test_evidence_changed_while_it_is_read_leaves_nothing(
    archive: Callable[..., Any], dossier: Dossier, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from archive.publish import pack

    real = pack.build_package

    def build_then_change(*arguments: Any, **options: Any) -> Any:
        package = real(*arguments, **options)
        (dossier.folder / "evidence" / "orders.csv").write_text("time,side,price\n00:01,sell,1\n")
        return package

    monkeypatch.setattr(pack, "build_package", build_then_change)
    ran = archive("pack", dossier.folder, "--json")
    assert (ran.code, ran.error) == (1, "package.changed_while_read")
    assert not [path for path in workspace.rglob("*") if path.is_file() and path.suffix in (".car", ".partial")]
