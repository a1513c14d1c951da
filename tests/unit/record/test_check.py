from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from archive.record.check import check_dossier, find_dossiers

Make = Callable[..., Path]
Find = Callable[..., Any]
DATA = b"a,b\n1,2\n"
SHA = hashlib.sha256(DATA).hexdigest()


def _with(minimal: str, *items: str) -> str:
    return (
        minimal + "evidence:\n" + "".join(f"  - {{id: e{n}, kind: document, {item}}}\n" for n, item in enumerate(items))
    )


def _codes(folder: Path, **options: bool) -> list[str]:
    return [p.code + ("" if p.severity == "error" else "?") for p in check_dossier(folder, **options).problems]


def test_a_sound_dossier(minimal: str, dossier: Make) -> None:
    text = _with(minimal, f"path: evidence/a.csv, media_type: text/csv, size: {len(DATA)}, sha256: {SHA}")
    report = check_dossier(dossier(text, {"evidence/a.csv": DATA, "README.md": b"x"}))
    assert report.problems == ()
    assert (report.ok, report.incident, report.revision) == (True, "2025-10-11-example", 1)
    assert (report.evidence, report.files, report.bytes) == (1, 1, len(DATA))


@pytest.mark.parametrize(
    ("item", "data", "expected"),
    [
        ("media_type: text/csv, path: evidence/none.csv", DATA, ["evidence.missing", "evidence.unlisted"]),
        ("media_type: text/csv, path: evidence/A.csv", DATA, ["evidence.missing", "evidence.unlisted"]),
        ("media_type: text/csv, path: evidence", DATA, ["evidence.not_a_file", "evidence.unlisted"]),
        ("media_type: text/csv, path: evidence/a.csv/b", DATA, ["evidence.missing", "evidence.unlisted"]),
        ("media_type: text/csv, path: evidence/a.csv", b"", ["evidence.empty"]),
        ("media_type: text/csv, path: evidence/a.csv", b"\x89PNG\r\n\x1a\n\0\0", ["evidence.media_type"]),
        ("media_type: image/png, path: evidence/a.csv", DATA, ["evidence.media_type"]),
        ("media_type: text/csv, path: evidence/a.csv, size: 9", DATA, ["evidence.size"]),
        (f"media_type: text/csv, path: evidence/a.csv, sha256: {'0' * 64}", DATA, ["evidence.sha256"]),
    ],
)
def test_a_file_that_is_not_as_listed(minimal: str, dossier: Make, item: str, data: bytes, expected: list[str]) -> None:
    assert _codes(dossier(_with(minimal, item), {"evidence/a.csv": data})) == expected


def test_the_hint_names_the_file_that_differs_by_case(minimal: str, dossier: Make, find_problem: Find) -> None:
    folder = dossier(_with(minimal, "media_type: text/csv, path: evidence/A.csv"), {"evidence/a.csv": DATA})
    problem = find_problem(check_dossier(folder).problems, "evidence.missing")
    assert "'evidence/a.csv'" in problem.hint
    assert (problem.line, problem.pointer) == (23, "/evidence/0/path")


def test_an_unlisted_file_is_an_error(minimal: str, dossier: Make) -> None:
    assert _codes(dossier(minimal, {"evidence/x.bin": b"1", ".hidden": b"1", "LICENSE": b"1"})) == ["evidence.unlisted"]


@pytest.mark.parametrize("which", ["evidence/a.csv", "evidence"])
def test_links_to_files_and_folders_are_refused(minimal: str, dossier: Make, tmp_path: Path, which: str) -> None:
    folder = dossier(_with(minimal, "media_type: text/csv, path: evidence/a.csv"))
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.csv").write_bytes(DATA)
    if which == "evidence":
        (folder / "evidence").symlink_to(outside)
    else:
        (folder / "evidence").mkdir()
        (folder / "evidence/a.csv").symlink_to(outside / "a.csv")
    assert "evidence.symlink" in _codes(folder)
    assert set(_codes(folder)) <= {"evidence.symlink", "evidence.missing"}
    assert check_dossier(folder).files == 0


def test_a_pipe_does_not_make_the_check_wait(minimal: str, dossier: Make) -> None:
    folder = dossier(_with(minimal, "media_type: text/csv, path: evidence/pipe"))
    (folder / "evidence").mkdir()
    os.mkfifo(folder / "evidence/pipe")
    assert _codes(folder) == ["evidence.not_a_file"]


def test_nothing_outside_the_dossier_is_looked_at(minimal: str, dossier: Make, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"x")
    folder = dossier(_with(minimal, "media_type: text/csv, path: ../secret", "media_type: text/csv, path: /etc/hosts"))
    assert _codes(folder) == ["record.path", "record.path"]
    assert check_dossier(folder).files == 0


def test_a_listed_file_whose_name_is_the_other_unicode_form_is_not_taken(minimal: str, dossier: Make) -> None:
    folder = dossier(_with(minimal, "media_type: text/csv, path: evidence/caf\u00e9"), {"evidence/cafe\u0301": DATA})
    assert _codes(folder) == ["evidence.missing", "evidence.unlisted"]


def test_a_name_that_is_no_text_is_reported(minimal: str, dossier: Make) -> None:
    folder = dossier(minimal)
    (folder / "evidence").mkdir()
    (folder / os.fsdecode(b"evidence/\xff")).write_bytes(b"x")
    problem = check_dossier(folder).problems[0]
    assert problem.code == "evidence.unlisted"
    assert problem.path is not None
    problem.path.encode("utf-8")


@pytest.mark.parametrize("ci", [True, False])
def test_evidence_held_locally_may_be_absent(minimal: str, dossier: Make, ci: bool) -> None:
    item = f"path: evidence/big, held: local, size: {len(DATA)}, sha256: {SHA}, media_type: text/csv"
    folder = dossier(_with(minimal, item))
    assert _codes(folder, ci=ci) == ["evidence.held?"]
    assert check_dossier(folder, ci=ci).ok
    (folder / "evidence").mkdir()
    (folder / "evidence/big").write_bytes(DATA.upper())
    assert _codes(folder, ci=ci) == ["evidence.sha256"]


def test_secrets_are_warned_about_and_not_repeated(minimal: str, dossier: Make, find_problem: Find) -> None:
    secret = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
    folder = dossier(
        _with(minimal, "media_type: text/plain, path: evidence/log.txt"),
        {"evidence/log.txt": f"GET /\nX-MBX-APIKEY: {secret}\n".encode()},
    )
    report = check_dossier(folder)
    problem = find_problem(report.problems, "scan.exchange_api_key")
    assert (problem.severity, problem.line) == ("warning", 2)
    assert report.ok
    assert all(secret[:8] not in str(p) for p in report.problems)


def test_evidence_is_checked_although_the_record_has_errors(minimal: str, dossier: Make) -> None:
    text = _with(minimal, "media_type: text/csv, path: evidence/none.csv") + "surprise: 1\n"
    assert _codes(dossier(text)) == ["record.unknown_field", "evidence.missing"]


def test_folders_without_a_record(tmp_path: Path, minimal: str) -> None:
    assert _codes(tmp_path / "none") == ["dossier.no_folder"]
    assert _codes(tmp_path) == ["dossier.no_record"]
    assert _codes(find_dossiers([tmp_path / ("x" * 300)])[0]) == ["dossier.unreadable"]
    (tmp_path / "incident.yaml").write_text(minimal)
    (tmp_path / "incident.json").write_text("{}")
    assert _codes(tmp_path) == ["dossier.two_records"]


def test_a_folder_with_another_name_than_the_id_is_noted(minimal: str, dossier: Make) -> None:
    assert _codes(dossier(minimal, name="other")) == ["dossier.folder_name?"]


def test_dossiers_are_found_in_folders_and_around_files(minimal: str, dossier: Make, tmp_path: Path) -> None:
    folder = dossier(minimal, {"evidence/deep/x": b"1"})
    other = dossier(minimal, name="another")
    assert find_dossiers([tmp_path]) == (folder, other)
    assert find_dossiers([folder / "evidence/deep/x", folder / "incident.yaml", folder]) == (folder,)
    assert find_dossiers([tmp_path / "none"]) == (tmp_path / "none",)


def test_thousands_of_missing_files_are_answered_at_once(minimal: str, dossier: Make) -> None:
    items = [f"media_type: text/csv, path: evidence/{number}.csv" for number in range(3000)]
    folder = dossier(_with(minimal, *items), {f"elsewhere/{number}.csv": b"x" for number in range(1000)})
    report = check_dossier(folder)
    assert [problem.code for problem in report.problems].count("evidence.missing") == 3000
    assert "there is one at elsewhere/7.csv" in {problem.hint for problem in report.problems}
