"""A withheld table, shown later: whole, or one line of it, against the root that is published already."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Dossier

TABLE = "account,loss\n" + "".join(f"trader-{n},{n}.50\n" for n in range(20))
Archive = Callable[..., Any]


@pytest.fixture
def bundle(archive: Archive, dossier: Dossier, workspace: Path) -> Path:
    dossier.extra += (
        "  - id: losses\n    kind: other\n    path: evidence/losses.csv\n    media_type: text/csv\n"
        "    withheld: true\n    rows: true\n"
    )
    dossier.write()
    (dossier.folder / "evidence" / "losses.csv").write_text(TABLE)
    done = archive("publish", dossier.folder, "--yes", "--json")
    assert done.code == 0
    return Path(done.json["bundle"])


def checks(ran: Any) -> dict[str, tuple[str, str]]:
    return {check["code"]: (check["status"], check["subject"]) for check in ran.json["checks"]}


def test_one_line_is_shown_and_nothing_else(archive: Archive, dossier: Dossier, bundle: Path) -> None:
    leaf = json.loads(bundle.read_text())["entries"][-1]
    assert leaf.keys() == {"type", "commitment", "rows_root", "rows_count"}
    assert leaf["rows_count"] == 21
    table = dossier.folder / "evidence" / "losses.csv"
    made = archive("reveal", bundle, table, "--row", 6, "--out", "six.reveal.json", "--json")
    assert (made.code, made.json["row"]) == (0, 6)
    text = Path("six.reveal.json").read_text()
    assert bytes.fromhex(json.loads(text)["record"]) == b"trader-4,4.50"
    assert b"trader-5".hex() not in text
    ran = archive("verify", bundle, dossier.folder / "evidence" / "notes.txt", "six.reveal.json", "--json")
    assert checks(ran)["reveal.row"] == ("pass", "losses, line 6 of 21")
    assert checks(ran)["withheld:losses"][0] == "unchecked"
    told = archive("verify", bundle, dossier.folder / "evidence" / "notes.txt", "six.reveal.json")
    assert "row was committed" in told.out
    changed = json.loads(text) | {"record": b"trader-4,9.50".hex()}
    Path("lie.reveal.json").write_text(json.dumps(changed))
    ran = archive("verify", bundle, "lie.reveal.json", "--json")
    assert (ran.code, checks(ran)["reveal.row"][0]) == (1, "fail")


def test_the_whole_file_is_shown_with_its_lines(archive: Archive, dossier: Dossier, bundle: Path) -> None:
    table = dossier.folder / "evidence" / "losses.csv"
    assert archive("reveal", bundle, table, "--out", "all.reveal.json").code == 0
    Path("sent").mkdir()
    sent = Path("sent/losses.csv")
    sent.write_text(TABLE)
    ran = archive("verify", bundle, sent, "all.reveal.json", "--json")
    found = checks(ran)
    for code in ("reveal.commitment", "reveal.bytes", "reveal.rows", "withheld:losses"):
        assert found[code][0] == "pass", code
    assert "fail" not in {status for status, _ in found.values()}
    ran = archive("verify", bundle, "all.reveal.json", "--json")
    assert checks(ran)["reveal.bytes"][0] == "unchecked"
    sent.write_text(TABLE.replace("4.50", "9.50"))
    ran = archive("verify", bundle, sent, "all.reveal.json", "--json")
    assert (ran.code, checks(ran)["reveal.bytes"][0]) == (1, "fail")


def test_what_cannot_be_revealed(archive: Archive, dossier: Dossier, bundle: Path, tmp_path: Path) -> None:
    table = dossier.folder / "evidence" / "losses.csv"
    assert archive("reveal", bundle, table, "--row", 22, "--json").error == "rows.index"
    assert archive("reveal", bundle, dossier.folder / "evidence" / "notes.txt", "--json").error == "reveal.no_match"
    ran = archive("reveal", bundle, table, "--workspace", tmp_path / "other", "--json")
    assert (ran.code, ran.error) == (2, "reveal.no_seal")
    loose = tmp_path / "loose.csv"
    loose.write_text(TABLE)
    assert archive("reveal", bundle, loose, "--json").error == "reveal.no_dossier"
    ran = archive("reveal", bundle, loose, "--dossier", dossier.folder, "--out", "x.json", "--json")
    assert ran.error == "reveal.bad_out"
    options = ("--id", "losses", "--path", "evidence/losses.csv", "--media-type", "text/csv")
    assert archive("reveal", bundle, loose, *options, "--out", "x.reveal.json").code == 0


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"format": "incident-archive-reveal/2"}, "unchecked"),
        ({"seed": "00" * 32}, "fail"),
        ({"root": "00" * 32}, "fail"),
        ({"salt": "00" * 32}, "fail"),
    ],
)
def test_reveals_that_are_wrong_or_unknown(
    archive: Archive, dossier: Dossier, bundle: Path, change: dict[str, str], status: str
) -> None:
    assert archive("reveal", bundle, dossier.folder / "evidence" / "losses.csv", "--out", "a.reveal.json").code == 0
    Path("b.reveal.json").write_text(json.dumps(json.loads(Path("a.reveal.json").read_text()) | change))
    ran = archive("verify", bundle, dossier.folder / "evidence" / "notes.txt", "b.reveal.json", "--json")
    assert status in {check["status"] for check in ran.json["checks"] if check["code"].startswith("reveal")}


def test_the_seed_stays_secret(archive: Archive, dossier: Dossier, bundle: Path, workspace: Path) -> None:
    seed = json.loads((workspace / "secrets" / "seals" / "2025-01-01-test.json").read_text())["seed"]
    ran = archive("reveal", bundle, dossier.folder / "evidence" / "losses.csv", "--out", "a.reveal.json")
    assert seed not in Path("a.reveal.json").read_text() + ran.out + ran.err
