from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from archive.errors import ArchiveError
from archive.record import add as add_module
from archive.record.add import Wish, carry_out, plan_additions
from archive.record.check import check_dossier
from archive.record.new import create_dossier
from archive.record.scaffold import Start

Make = Callable[..., Path]
CSV = b"a,b\n1,2\n"


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    path = tmp_path / "Order Log.csv"
    path.write_bytes(CSV)
    os.utime(path, (1760130000, 1760130000))
    return path


def _add(folder: Path, file: Path, **wish: str) -> None:
    carry_out(plan_additions(folder, [(file, Wish(**wish))]))


def _errors(folder: Path) -> list[str]:
    return [p.code for p in check_dossier(folder).problems if p.severity == "error"]


def test_a_new_dossier_says_exactly_what_remains(tmp_path: Path) -> None:
    made = create_dossier(tmp_path / "x", Start("2025-10-11-x", ("en", "zh-Hans")))
    assert len(made.remaining) == 4
    assert set(_errors(tmp_path / "x")) == {"record.placeholder"}


def test_a_new_dossier_with_its_texts_passes_at_once(tmp_path: Path) -> None:
    create_dossier(tmp_path / "2022-11-x", Start("2022-11-x", ("ko",), 'A: "b"', "- c #d"))
    report = check_dossier(tmp_path / "2022-11-x")
    assert report.problems == ()
    assert "  start: 2022-11\n" in (tmp_path / "2022-11-x/incident.yaml").read_text()


def test_every_commented_example_of_the_scaffold_is_valid(tmp_path: Path) -> None:
    create_dossier(tmp_path / "2025-10-11-x", Start("2025-10-11-x", ("en",), "a", "b", "2025-10-11T05:12:00+08:00"))
    path = tmp_path / "2025-10-11-x/incident.yaml"
    lines = path.read_text().splitlines()
    first = lines.index("# venues:")
    uncommented = [
        line[2:]
        if line.startswith(("#   ", "# venues:", "# parties:", "# timeline:", "# claims:", "# figures:", "# contact:"))
        else line
        for line in lines[first:]
    ]
    path.write_text("\n".join([*lines[:first], *uncommented]) + "\n")
    assert [p.code for p in check_dossier(path.parent).problems] == []
    assert len(uncommented) - len([line for line in uncommented if line.startswith("#")]) > 40


@pytest.mark.parametrize(
    ("start", "code"),
    [
        (Start("A", ("en",)), "new.id"),
        (Start("../x", ("en",)), "new.id"),
        (Start("x", ("english language",)), "new.language"),
        (Start("x", ("en",), start="yesterday"), "new.value"),
    ],
)
def test_what_cannot_stand_in_a_record_is_refused_before_anything_is_made(
    tmp_path: Path, start: Start, code: str
) -> None:
    with pytest.raises(ArchiveError) as caught:
        create_dossier(tmp_path / "made", start)
    assert caught.value.code == code
    assert not (tmp_path / "made").exists()


def test_a_record_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "incident.json").write_text("{}")
    with pytest.raises(ArchiveError) as caught:
        create_dossier(tmp_path, Start("x", ("en",)))
    assert caught.value.code == "new.exists"


ITEM = "evidence:\n  - id: a\n    kind: document\n    media_type: text/plain\n    path: evidence/a.txt\n"
ENDINGS = {
    "no list": "",
    "no newline at the end": "licence: x",
    "empty list": "evidence: []  # none yet\nlicence: x\n",
    "indented": ITEM.replace(":\n", ":\n  # first\n", 1) + "\n# after\nlicence: x\n",
    "not indented": ITEM.replace("\n  ", "\n") + "licence: x # y\n",
    "block text": ITEM + "    note:\n      en: |\n        two\n        lines\n\nlicence: x\n",
    "folded text at the end": ITEM + "    note:\n      en: >-\n        two\n        lines\n",
    "short form": "evidence:\n  - {id: a, kind: document, media_type: text/plain,\n     path: evidence/a.txt}\n# end\n",
    "quotes": ITEM + '    title: {en: "x\n      y"}\n',
    "document end": "...\n",
}


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS.keys())
def test_an_item_is_inserted_and_nothing_else_changes(dossier: Make, minimal: str, csv: Path, ending: str) -> None:
    text = "# my own words\n" + minimal + ending
    folder = dossier(text, {"evidence/a.txt": b"x"} if "a.txt" in ending else None)
    _add(folder, csv, title="Orders: 1")
    after = (folder / "incident.yaml").read_text()
    assert _errors(folder) == []
    kept = [line.replace("[]", "").rstrip() for line in text.splitlines() if line.strip()]
    remaining = iter(line.rstrip() for line in after.splitlines())
    assert all(any(line == other for other in remaining) for line in kept), after
    assert (folder / "evidence/Order Log.csv").read_bytes() == CSV
    _add(folder, _other(csv))
    assert _errors(folder) == []


def _other(csv: Path) -> Path:
    other = csv.with_name("second.json")
    other.write_text('{"a": 1}')
    return other


def test_what_is_filled_in(dossier: Make, minimal: str, csv: Path) -> None:
    folder = dossier(minimal)
    item = plan_additions(folder, [(csv, Wish())]).additions[0].json_item
    assert item == {
        "id": "order-log",
        "kind": "fact-table",
        "title": {"en": "Order Log.csv"},
        "path": "evidence/Order Log.csv",
        "media_type": "text/csv",
        "size": len(CSV),
        "sha256": "492d5ea496056f1a6a6592241032fab764c321596317930b4fa0e1e8bc3b7470",
        "captured": {
            "at": "2025-10-10T21:00:00Z",
            "how": {"en": "modification time of the file when it was added"},
        },
    }
    assert not (folder / "evidence").exists()


@pytest.mark.parametrize("form", ["held", "withheld", "reference"])
def test_other_forms(dossier: Make, minimal: str, csv: Path, form: str) -> None:
    folder = dossier(minimal)
    _add(folder, csv, form=form)
    assert _errors(folder) == []
    assert (folder / "evidence/Order Log.csv").exists() == (form != "reference")


def test_a_json_record_takes_items_too(tmp_path: Path, dossier: Make, minimal: str, csv: Path) -> None:
    from archive.record.load import load_record_bytes

    record = load_record_bytes(minimal.encode(), "x", json=False).record
    assert record is not None
    folder = dossier(minimal)
    (folder / "incident.yaml").unlink()
    (folder / "incident.json").write_text(json.dumps(record.to_value()))
    _add(folder, csv)
    assert _errors(folder) == []


@pytest.mark.parametrize("again", ["same", "renamed", "reference"])
def test_the_same_file_is_not_listed_twice(dossier: Make, minimal: str, csv: Path, again: str) -> None:
    folder = dossier(minimal)
    _add(folder, csv)
    before = (folder / "incident.yaml").read_bytes()
    if again == "renamed":
        csv = csv.rename(csv.with_name("renamed.csv"))
    with pytest.raises(ArchiveError) as caught:
        _add(folder, csv, form="reference" if again == "reference" else "open")
    assert caught.value.code == "add.duplicate"
    assert caught.value.hint
    assert (folder / "incident.yaml").read_bytes() == before


def test_two_files_of_one_command_cannot_be_the_same(dossier: Make, minimal: str, csv: Path) -> None:
    folder = dossier(minimal)
    with pytest.raises(ArchiveError) as caught:
        plan_additions(folder, [(csv, Wish()), (csv, Wish())])
    assert caught.value.code == "add.duplicate"


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        (Wish(id="trader"), "add.id_taken"),
        (Wish(id="A/b"), "add.value"),
        (Wish(kind="Bad Kind"), "add.value"),
        (Wish(media_type="csv"), "add.value"),
        (Wish(captured_at="yesterday"), "add.value"),
        (Wish(language="not a tag"), "add.value"),
    ],
)
def test_options_that_cannot_stand_in_a_record(dossier: Make, minimal: str, csv: Path, wish: Wish, code: str) -> None:
    folder = dossier(minimal)
    with pytest.raises(ArchiveError) as caught:
        carry_out(plan_additions(folder, [(csv, wish)]))
    assert caught.value.code == code
    assert (folder / "incident.yaml").read_text() == minimal
    assert not (folder / "evidence").exists()


def test_files_that_are_none(dossier: Make, minimal: str, tmp_path: Path) -> None:
    folder = dossier(minimal)
    (tmp_path / "empty").touch()
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    os.mkfifo(tmp_path / "pipe")
    expected = {"empty": "add.empty", "link": "add.not_a_file", "pipe": "add.not_a_file", "none": "add.unreadable"}
    for name, code in expected.items():
        with pytest.raises(ArchiveError) as caught:
            plan_additions(folder, [(tmp_path / name, Wish())])
        assert caught.value.code == code, name
        assert caught.value.hint


def test_another_file_at_the_same_place_is_kept(dossier: Make, minimal: str, csv: Path) -> None:
    folder = dossier(minimal, {"evidence/Order Log.csv": b"other"})
    with pytest.raises(ArchiveError) as caught:
        plan_additions(folder, [(csv, Wish())])
    assert caught.value.code == "add.exists"


def test_a_record_that_cannot_be_read_or_extended_is_left_alone(dossier: Make, minimal: str, csv: Path) -> None:
    folder = dossier(minimal + "id: twice\n")
    with pytest.raises(ArchiveError) as caught:
        plan_additions(folder, [(csv, Wish())])
    assert (caught.value.code, caught.value.problems[0].code) == ("add.record", "record.duplicate_key")
    (folder / "incident.yaml").write_text(minimal + "evidence: [{id: a, path: b}]\n")
    with pytest.raises(ArchiveError) as caught:
        plan_additions(folder, [(csv, Wish())])
    assert caught.value.code == "add.record_form"


def test_what_changes_while_it_is_added_is_noticed_and_nothing_is_left_behind(
    dossier: Make, minimal: str, csv: Path
) -> None:
    folder = dossier(minimal)
    plan = plan_additions(folder, [(csv, Wish())])
    csv.write_bytes(CSV + b"3,4\n")
    with pytest.raises(ArchiveError) as caught:
        carry_out(plan)
    assert caught.value.code == "add.changed"
    csv.write_bytes(CSV)
    (folder / "incident.yaml").write_text(minimal + "licence: x\n")
    with pytest.raises(ArchiveError) as caught:
        carry_out(plan)
    assert caught.value.code == "add.changed"
    assert list((folder / "evidence").iterdir()) == []


def test_after_an_interruption_the_same_command_completes(
    dossier: Make, minimal: str, csv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = dossier(minimal)

    def interrupt(*args: object, **options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(add_module, "write_atomic", interrupt)
        with pytest.raises(KeyboardInterrupt):
            _add(folder, csv)
    assert (folder / "incident.yaml").read_text() == minimal
    # A kill leaves the copy behind; the command takes it for what it is.
    (folder / "evidence/Order Log.csv").write_bytes(CSV)
    _add(folder, csv)
    assert _errors(folder) == []


def test_a_file_that_lies_in_the_dossier_stays_where_it_is(dossier: Make, minimal: str) -> None:
    folder = dossier(minimal, {"data/prices.csv": CSV})
    _add(folder, folder / "data/prices.csv")
    assert _errors(folder) == []
    assert not (folder / "evidence").exists()
