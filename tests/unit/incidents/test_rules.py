"""The editorial rules of docs/incidents.md that a program can hold: form, attribution, languages, tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from archive.record.check import check_dossier

ROOT = Path(__file__).resolve().parents[3]
INCIDENTS = ROOT / "incidents"
ROW_KINDS = {"claim", "documentation", "public-report", "dataset-reading", "arithmetic", "side-by-side"}
BOUNDS = {"exact", "lower", "upper", "estimate"}
DECIMAL = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?\Z")
NUMBER_COLUMNS = ("value", "value_to", "price", "price_to", "computed", "within", "position_in_order")
LANGUAGES = {"en", "zh-Hans"}


def _localized(value: Any, pointer: str = "") -> Iterator[tuple[str, dict[str, str]]]:
    if isinstance(value, dict):
        if "en" in value:
            yield pointer, value
            return
        for name, item in value.items():
            yield from _localized(item, f"{pointer}/{name}")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _localized(item, f"{pointer}/{number}")


def _all_ids(value: dict[str, Any], *sections: str) -> set[str]:
    return {item["id"] for section in sections for item in value.get(section, [])}


def test_every_folder_is_one_of_the_dossiers(dossier):
    assert dossier.folder.name == dossier.value["id"]
    folders = {path.name for path in INCIDENTS.iterdir() if path.is_dir()}
    assert dossier.value["id"] in folders


def test_check_finds_nothing_not_even_a_warning(dossier):
    report = check_dossier(dossier.folder)
    assert report.problems == ()


def test_everything_for_readers_is_in_english_and_chinese(dossier):
    missing = [pointer for pointer, text in _localized(dossier.value) if set(text) < LANGUAGES]
    assert missing == []


def test_roles_are_allegations_with_a_source(dossier):
    for section in ("venues", "parties"):
        for item in dossier.section(section).values():
            assert item["roles"], item["id"]
            for role in item["roles"]:
                assert role["alleged"] is True
                assert role["sources"], item["id"]


def test_claims_and_figures_say_who_and_where(dossier):
    for section in ("claims", "figures"):
        for item in dossier.section(section).values():
            assert item["claimed_by"], item["id"]
            assert item["sources"], item["id"]


def test_disputes_between_figures_are_mutual(dossier):
    figures = dossier.section("figures")
    for name, figure in figures.items():
        for other in figure.get("disputes", []):
            assert name in figures[other].get("disputes", []), (name, other)


def test_editors_make_no_claims(dossier):
    """The archive finds nothing: its editors appear only as those who did arithmetic or read a referenced file."""
    for claim in dossier.section("claims").values():
        assert "editors" not in claim["claimed_by"], claim["id"]


def test_what_is_said_is_not_worded_as_a_verdict(dossier):
    words = re.compile(r"\b(guilty of|proves that|is to blame|fraudster|scam)\b", re.IGNORECASE)
    for pointer, text in _localized(dossier.value):
        assert not words.search(text["en"]), pointer


def test_tables_are_utf8_with_unix_lines_and_a_header(dossier):
    for path in (dossier.folder / "evidence").glob("*"):
        data = path.read_bytes()
        assert path.suffix == ".csv", path
        assert data.decode("utf-8").endswith("\n")
        assert b"\r" not in data
        assert not data.startswith(b"\xef\xbb\xbf")


def test_every_row_says_what_it_is_who_claims_it_and_where(dossier):
    speakers = _all_ids(dossier.value, "parties", "venues")
    documents = _all_ids(dossier.value, "references")
    for table, rows in dossier.tables.items():
        assert rows, table
        assert len({row["row"] for row in rows}) == len(rows), table
        for row in rows:
            where = (table, row["row"])
            assert None not in row, where
            assert row["row_kind"] in ROW_KINDS, where
            assert row["bound"] in BOUNDS, where
            assert "note" in row, where
            assert row["claimed_by"], where
            assert set(row["claimed_by"].split(";")) <= speakers, where
            assert row["source"] in documents, where
            for other in filter(None, row.get("also_claimed_by", "").split(";")):
                assert other in speakers, where
            for other in filter(None, row.get("also_source", "").split(";")):
                assert other in documents, where


def test_numbers_are_decimal_strings(dossier):
    for table, rows in dossier.tables.items():
        for row in rows:
            for column in NUMBER_COLUMNS:
                if row.get(column):
                    assert DECIMAL.match(row[column]), (table, row["row"], column)


def test_no_row_is_a_log_line_or_a_bar(dossier):
    """Nothing generated or reconstructed: no table has the columns of klines, trades or order logs."""
    forbidden = {"open", "high", "low", "close", "volume", "order_id", "trade_id", "latency_ms", "http_body"}
    for table, rows in dossier.tables.items():
        assert not forbidden & set(rows[0]), table


def test_tables_are_declared_as_fact_tables_transcribed_from_the_sources(dossier):
    items = {item["path"]: item for item in dossier.value["evidence"] if "path" in item}
    references = {item["id"] for item in dossier.value["evidence"] if "reference" in item}
    assert {Path(path).name for path in items} == set(dossier.tables)
    for item in items.values():
        assert item["kind"] == "fact-table"
        assert item["licence"] == "CC-BY-4.0"
        assert item["media_type"] == "text/csv"
        assert item["captured"]["by"] == "editors"
        assert set(item["derived_from"]) <= references
        assert item["derived_from"]


def test_each_figure_stands_in_a_table_it_names(dossier):
    paths = {item["id"]: Path(item["path"]).name for item in dossier.value["evidence"] if "path" in item}
    for figure in dossier.section("figures").values():
        named = [row for item in figure.get("evidence", []) for row in dossier.tables[paths[item]]]
        if not figure.get("evidence"):
            continue
        pair = (figure["value"], figure.get("value_to", ""))
        found = {
            (
                row.get("value") or row.get("price") or row.get("computed") or row.get("within") or "",
                row.get("value_to") or row.get("price_to") or "",
            )
            for row in named
        }
        assert pair in found, figure["id"]


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize("local", ["utc8", "utc9"])
def test_local_and_utc_columns_are_the_same_instant(dossier, local):
    for table, rows in dossier.tables.items():
        for row in rows:
            for edge in ("start", "end"):
                here, there = row.get(f"{edge}_{local}", ""), row.get(f"{edge}_utc", "")
                if "T" in here and there:
                    assert _instant(here) == _instant(there), (table, row["row"])
                    assert there.endswith("Z")
                    assert here.endswith({"utc8": "+08:00", "utc9": "+09:00"}[local])


def test_timeline_of_the_record_is_the_timeline_table(dossier):
    rows = dossier.rows("timeline.csv")
    entries = {item["id"].split("-")[0]: item for item in dossier.value["timeline"]}
    assert set(entries) == set(rows)
    for name, row in rows.items():
        start = next(row[column] for column in ("start_utc8", "start_utc9", "start") if column in row)
        written = entries[name].get("at") or entries[name]["start"]
        assert start.startswith(written), name
        assert entries[name]["precision"] == row["precision"], name
        assert row["source"] in entries[name]["sources"], name


def test_no_links_to_groups_and_no_affiliate_links(dossier):
    text = (dossier.folder / "incident.yaml").read_text(encoding="utf-8")
    assert not re.search(r"t\.me/|telegram|[?&](cid|ref|invite)=|okxdog|/link/chat", text, re.IGNORECASE)


def test_no_account_numbers(dossier):
    text = (dossier.folder / "incident.yaml").read_text(encoding="utf-8")
    assert not re.search(r"\bUID\W{0,3}\d", text)


def test_decimals_of_the_record_parse_exactly(dossier):
    for figure in dossier.section("figures").values():
        assert str(Decimal(figure["value"])) == figure["value"]


def test_windows_do_not_end_before_they_start(dossier):
    for table, rows in dossier.tables.items():
        for row in rows:
            start, end = row.get("start_utc", ""), row.get("end_utc", "")
            if "T" in start and "T" in end:
                assert timedelta(0) < _instant(end) - _instant(start) < timedelta(days=40), (table, row["row"])


def test_nobody_corroborates_themselves(dossier):
    """A claim is corroborated by others or by evidence, not by another statement of those who make it."""
    statements = dossier.section("statements")
    for name, claim in dossier.section("claims").items():
        if claim["status"] == "corroborated":
            speakers = {statements[e]["party"] if e in statements else e for e in claim["evidence_for"]}
            assert speakers - set(claim["claimed_by"]), name
