"""The gate in front of `archive publish`, and redaction with a withheld original, as a user meets them."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from conftest import Dossier

Archive = Callable[..., Any]
MAIL = "wei.zhang" + "@" + "gmail.com"


def problems(ran: Any) -> list[tuple[str, str]]:
    return [(p["code"], p["message"]) for p in ran.json["error"]["problems"]]


def item(dossier: Dossier, name: str, data: bytes, media: str, extra: str = "") -> None:
    dossier.extra += (
        f"  - id: {name.split('.')[0]}\n    kind: other\n    path: evidence/{name}\n    media_type: {media}\n{extra}"
    )
    dossier.write()
    (dossier.folder / "evidence" / name).write_bytes(data)


def add_to_record(dossier: Dossier, value: dict[str, Any]) -> None:
    path = dossier.folder / "incident.yaml"
    path.write_text(path.read_text() + yaml.safe_dump(value))


def test_hits_are_grouped_by_rule_and_column(archive: Archive, dossier: Dossier, workspace: Path) -> None:
    rows = "".join(f"{n},81234{n:04},{n}.5\n" for n in range(1000, 4000))
    item(dossier, "log.csv", f"time,uid,price\n{rows}".encode(), "text/csv")
    ran = archive("publish", dossier.folder, "--yes", "--json")
    assert (ran.code, ran.error) == (1, "publish.personal_data")
    (found,) = problems(ran)
    assert found[0] == "publish.personal_data"
    assert found[1].startswith("user-id in uid: 3,000 times, 8123… (9 characters)")
    assert "812341000" not in ran.out
    assert archive("publish", dossier.folder, "--dry-run", "--yes", "--json").error == "publish.personal_data"


def test_a_waiver_in_the_record_is_honoured_and_published(archive: Archive, dossier: Dossier, workspace: Path) -> None:
    (dossier.folder / "evidence" / "notes.txt").write_text(f"Written by {MAIL}.\n")
    waiver = {"rule": "email", "place": "evidence/notes.txt", "reason": "he wants to be named", "by": "editor"}
    add_to_record(dossier, {"waivers": [waiver]})
    done = archive("publish", dossier.folder, "--yes", "--json")
    assert (done.code, done.json["waived"]) == (0, ["email:evidence/notes.txt"])
    assert json.loads(Path(done.json["bundle"]).read_text())["record"]["waivers"] == [waiver]


def test_a_waiver_of_the_command_line_goes_into_the_record(archive: Archive, dossier: Dossier, workspace: Path) -> None:
    (dossier.folder / "evidence" / "notes.txt").write_text(f"Written by {MAIL}.\n")
    waive = ("--waive", "email:evidence/notes.txt", "--reason", "he wants to be named", "--by", "editor")
    record = dossier.folder / "incident.yaml"
    before = record.read_text()
    planned = archive("publish", dossier.folder, "--dry-run", "--json", *waive)
    assert (planned.code, record.read_text()) == (0, before)
    done = archive("publish", dossier.folder, "--yes", "--json", *waive)
    assert (done.code, done.json["waived"]) == (0, ["email:evidence/notes.txt"])
    waiver = {"rule": "email", "place": "evidence/notes.txt", "reason": "he wants to be named", "by": "editor"}
    assert json.loads(Path(done.json["bundle"]).read_text())["record"]["waivers"] == [waiver]
    assert record.read_text().startswith(before)
    assert yaml.safe_load(record.read_text())["waivers"] == [waiver]
    # The same command again, and one without it, publish the same.
    for options in (waive, ()):
        again = archive("publish", dossier.folder, "--yes", "--json", *options)
        assert (again.code, again.json["root"], again.json["already_published"]) == (0, done.json["root"], True)
    assert archive("pack", dossier.folder, "--json").json["root"] == done.json["root"]


def test_a_waiver_that_fits_nothing_is_not_written(archive: Archive, dossier: Dossier, workspace: Path) -> None:
    before = (dossier.folder / "incident.yaml").read_bytes()
    waive = ("--waive", "email:evidence/notes.txt", "--reason", "?", "--by", "editor")
    ran = archive("publish", dossier.folder, "--yes", "--json", *waive)
    assert (ran.code, ran.error) == (2, "publish.unknown_waiver")
    assert "in the record" not in ran.json["error"]["message"]
    assert (dossier.folder / "incident.yaml").read_bytes() == before


def test_what_a_waiver_says_is_looked_at_too(archive: Archive, dossier: Dossier, workspace: Path) -> None:
    (dossier.folder / "evidence" / "notes.txt").write_text(f"Written by {MAIL}.\n")
    waive = ("--waive", "email:evidence/notes.txt", "--reason", f"ask {MAIL}", "--by", "editor")
    ran = archive("publish", dossier.folder, "--yes", "--json", *waive)
    assert (ran.code, ran.error) == (1, "publish.personal_data")
    assert {Path(problem["path"]).name for problem in ran.json["error"]["problems"]} == {"incident.yaml"}


def test_a_waiver_of_one_column_lets_no_other_pass(archive: Archive, dossier: Dossier, workspace: Path) -> None:
    item(dossier, "log.csv", b"uid,orderId\n812345678,28457293847\n", "text/csv")
    waiver = {"rule": "user-id", "place": "evidence/log.csv#uid", "reason": "a test account", "by": "editor"}
    add_to_record(dossier, {"waivers": [waiver]})
    ran = archive("publish", dossier.folder, "--yes", "--json")
    assert [message.split(":")[0] for _, message in problems(ran)] == ["order-id in orderId"]


def test_a_waiver_in_the_record_that_fits_nothing_is_refused(
    archive: Archive, dossier: Dossier, workspace: Path
) -> None:
    add_to_record(dossier, {"waivers": [{"rule": "email", "place": "evidence/notes.txt", "reason": "?", "by": "x"}]})
    ran = archive("publish", dossier.folder, "--yes", "--json")
    assert (ran.code, ran.error) == (2, "publish.unknown_waiver")


def test_the_contact_of_the_record_is_meant_to_be_public(archive: Archive, dossier: Dossier, workspace: Path) -> None:
    add_to_record(dossier, {"contact": {"email": MAIL}})
    assert archive("publish", dossier.folder, "--yes", "--json").code == 0


def test_escapes_of_yaml_hide_nothing(archive: Archive, dossier: Dossier, workspace: Path) -> None:
    path = dossier.folder / "incident.yaml"
    path.write_text(path.read_text() + 'licence: "ask wei.zhang\\x40gmail.com"\n')
    assert archive("publish", dossier.folder, "--yes", "--json").error == "publish.personal_data"


def test_what_no_program_can_read_takes_a_review(archive: Archive, dossier: Dossier, workspace: Path) -> None:
    item(dossier, "talk.ogg", b"OggS" + bytes(range(256)) * 20, "audio/ogg")
    ran = archive("publish", dossier.folder, "--yes", "--json")
    assert (ran.code, ran.error) == (1, "publish.review_needed")
    review = {"evidence": "talk", "by": "editor", "at": "2025-10-12", "what": "heard all of it: no names"}
    add_to_record(dossier, {"reviews": [review]})
    assert archive("publish", dossier.folder, "--yes", "--json").code == 0


def test_archives_are_looked_into(archive: Archive, dossier: Dossier, workspace: Path, tmp_path: Path) -> None:
    path = tmp_path / "logs.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("bot.log", f"login of {MAIL}\n")
    item(dossier, "logs.zip", path.read_bytes(), "application/zip")
    ran = archive("publish", dossier.folder, "--yes", "--json")
    assert ran.error == "publish.personal_data"
    assert ran.json["error"]["problems"][0]["path"].endswith("evidence/logs.zip!bot.log")


def test_a_redacted_log_with_its_original_withheld(archive: Archive, dossier: Dossier, workspace: Path) -> None:
    log = "time,uid,orderId,code\n2025-01-01T00:00:07Z,812345678,28457293847,-1008\n"
    item(dossier, "full.csv", log.encode(), "text/csv", "    withheld: true\n")
    original = dossier.folder / "evidence" / "full.csv"
    made = archive("redact", original, "--ready", "binance-log", "--json").json["redacted"][0]
    derivative = Path(made["derivative"])
    assert derivative.name == "full.redacted.csv"
    stated = {"method": made["method"], "recipe": made["recipe"], "reason": {"en": "accounts of customers"}}
    extra = f"    derived_from: [full]\n    redaction: {json.dumps(stated)}\n"
    item(dossier, "open.csv", derivative.read_bytes(), "text/csv", extra)
    derivative.unlink()
    done = archive("publish", dossier.folder, "--yes", "--json")
    assert done.code == 0, done.out
    bundle = Path(done.json["bundle"])
    record = json.loads(bundle.read_text())["record"]
    assert {"id": "full", "withheld": True}.items() <= next(i for i in record["evidence"] if i["id"] == "full").items()
    published = dossier.folder / "evidence" / "open.csv"
    ran = archive("verify", bundle, published, "--json")
    (slots,) = [c for c in ran.json["checks"] if c["code"] == "redaction.slots"]
    assert slots["status"] == "pass"
    assert "completeness of the log: not checked" in slots["note"]
    # An auditor who gets the original later, without any key:
    audit = archive("redact", original, "--check", published, "--recipe", bundle, "--json")
    assert (audit.code, audit.json["same"], audit.json["tokens"]) == (0, True, 2)
    assert (
        "completeness of the log: not checked"
        in archive("redact", original, "--check", published, "--recipe", bundle).out
    )
    original.write_text(log.replace("-1008", "-2010"))
    audit = archive("redact", original, "--check", published, "--recipe", bundle, "--json")
    assert (audit.code, audit.json["same"]) == (1, False)


def test_content_in_a_redacted_slot_is_not_published(archive: Archive, dossier: Dossier, workspace: Path) -> None:
    recipe = {"format": "csv", "delimiter": "comma", "drop": ["note"], "empty": ["who"]}
    stated = {"method": "redact@1", "recipe": recipe, "reason": {"en": "names"}}
    extra = f"    derived_from: [orders]\n    redaction: {json.dumps(stated)}\n"
    item(dossier, "open.csv", b"time,who,note\n1,Alice,hello\n", "text/csv", extra)
    ran = archive("publish", dossier.folder, "--yes", "--json")
    assert [code for code, _ in problems(ran)] == ["redact.slot_not_dropped", "redact.slot_not_empty"]


def test_scan_says_it_without_a_dossier(archive: Archive, tmp_path: Path) -> None:
    path = tmp_path / "bot.log"
    path.write_text(f"login of {MAIL}\n" * 3)
    ran = archive("scan", path, "--json")
    assert ran.code == 1
    assert [(hit["rule"], hit["count"], hit["line"]) for hit in ran.json["hits"]] == [("email", 3, 1)]
    told = archive("scan", path)
    assert "3 hits in 1 groups" in told.out
    assert MAIL not in told.out
    path.write_text("nothing here\n")
    assert archive("scan", path).code == 0
    (tmp_path / "a.ogg").write_bytes(b"OggS" + bytes(99))
    assert archive("scan", tmp_path / "a.ogg").code == 3
    assert archive("scan", tmp_path / "none", "--json").error == "scan.no_such_file"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ((), "redact.which"),
        (("--ready", "x", "--recipe", "y"), "redact.which"),
        (("--ready", "other"), "redact.ready"),
        (("--recipe", "none.yaml"), "redact.recipe"),
        (("--ready", "ledger"), "redact.no_incident"),
    ],
)
def test_redact_that_cannot_be(archive: Archive, tmp_path: Path, options: tuple[str, ...], code: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text("uid,amount\n812345678,1\n")
    assert archive("redact", path, *options, "--json").error == code
