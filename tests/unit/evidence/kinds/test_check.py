"""`archive check` and tables: what it says, and what it costs where there are none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from archive.record.check import check_dossier
from archive.record.new import create_dossier
from archive.record.scaffold import Start
from tests.unit.evidence.kinds.conftest import as_csv, make_klines

ITEM = """
evidence:
  - id: table
    kind: {kind}
    title:
      en: A table
    path: evidence/BTCUSDT-1m-2025-10-10.csv
    media_type: text/csv
    context:
      venue: binance
      product: usdm
"""


@pytest.fixture
def dossier(tmp_path: Path) -> Path:
    folder = tmp_path / "2025-10-11-example"
    start = Start("2025-10-11-example", ("en",), "Orders refused", "Users say so.", "2025-10-11", "UTC+8")
    create_dossier(folder, start)
    return folder


def put(dossier: Path, kind: str, text: str, more: str = "") -> list[str]:
    (dossier / "evidence").mkdir(exist_ok=True)
    (dossier / "evidence/BTCUSDT-1m-2025-10-10.csv").write_text(text)
    record = dossier / "incident.yaml"
    head = record.read_text().split("\nevidence:")[0]
    record.write_text(head.rstrip("\n") + "\n" + ITEM.format(kind=kind).rstrip("\n") + "\n" + more)
    return [problem.code for problem in check_dossier(dossier).problems]


def test_a_table_without_a_fault_adds_no_problem(dossier: Path) -> None:
    assert put(dossier, "klines", as_csv(make_klines(1, 50))) == []


def test_faults_of_the_rows_are_problems_of_the_dossier(dossier: Path) -> None:
    rows = make_klines(1, 50)
    rows[3][3] = "99999"
    codes = put(dossier, "klines", as_csv(rows))
    assert set(codes) == {"klines.low"}
    problem = check_dossier(dossier).problems[0]
    assert problem.to_json()["row"] == 4
    assert problem.to_json()["column"] == "low"


def test_a_file_that_is_no_table_of_its_kind_is_told(dossier: Path) -> None:
    assert put(dossier, "klines", "a,b\n1,2\n") == ["table.columns_missing"]
    assert put(dossier, "fact-table", "a,b\n1,2\n") == []


def test_a_mapping_that_makes_no_sense_is_told_at_its_place(dossier: Path) -> None:
    more = "    mapping:\n      kind: trades\n      columns:\n        colour: {column: a}\n"
    assert put(dossier, "raw", "a,b\n1,2\n", more) == ["mapping.column"]
    assert check_dossier(dossier).problems[0].pointer == "/evidence/0/mapping"


def test_without_the_libraries_a_note_says_what_was_not_checked(dossier: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import archive.evidence.tables as module

    monkeypatch.setattr(module, "has_libraries", lambda: False)
    assert put(dossier, "klines", "a,b\n1,2\n") == ["evidence.tables_unchecked"]
    problem = check_dossier(dossier).problems[0]
    assert problem.severity == "note"
    assert "incident-archive[findings]" in str(problem.hint)


def test_arrow_and_duckdb_are_imported_for_tables_only(dossier: Path) -> None:
    put(dossier, "fact-table", "a,b\n1,2\n")
    program = (
        "import sys; from pathlib import Path; from archive.record.check import check_dossier\n"
        f"check_dossier(Path({str(dossier)!r}))\n"
        "print(sorted({name.split('.')[0] for name in sys.modules} & {'pyarrow', 'duckdb', 'warcio', 'wacz'}))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


STATEMENT = """
parties:
  - id: venue
    name: {en: Venue}
    kind: organisation
statements:
  - id: notice
    party: venue
    versions:
      - text: {en: Engines remained online.}
        evidence: [first]
      - text: {en: "Engines remained online, with glitches."}
        evidence: [second]
evidence:
  - {id: first, kind: statement, title: {en: First}, path: evidence/a.html, media_type: text/html}
  - {id: second, kind: statement, title: {en: Second}, path: evidence/b.html, media_type: text/html}
"""


@pytest.mark.parametrize(
    ("later", "code"),
    [
        ("<html><body><p>Core engines remained online.</p><p>Some glitches.</p></body></html>", "statement.changed"),
        ("<html><body><div>Core engines  remained online.</div></body></html>", "statement.same"),
    ],
)
def test_two_versions_of_one_statement_are_compared(dossier: Path, later: str, code: str) -> None:
    (dossier / "evidence").mkdir(exist_ok=True)
    (dossier / "evidence/a.html").write_text("<html><body><p>Core engines remained online.</p></body></html>")
    (dossier / "evidence/b.html").write_text(later)
    record = dossier / "incident.yaml"
    head = record.read_text().split("\nparties:")[0].split("\nevidence:")[0]
    record.write_text(head.rstrip("\n") + "\n" + STATEMENT)
    found = [problem for problem in check_dossier(dossier).problems if problem.code.startswith("statement.")]
    assert [(problem.code, problem.severity) for problem in found] == [(code, "note")]
    assert found[0].pointer == "/statements/0/versions/1"
