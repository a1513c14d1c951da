"""The source documents are referred to by hash and size, and none of their sentences is copied."""

from __future__ import annotations

import hashlib
import re
from decimal import Decimal
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
FILES = {
    "space-recap-text": "sources/002_89ec911684fe34b6.txt",
    "maker-post-text": "sources/003_46b66011dc1f7caf.txt",
    "usde-minute-binance-file": "data/usde-2025-10-10/usde_minute_binance.parquet",
    "uniswap-usde-file": "data/usde-2025-10-10/uniswap_usde.parquet",
    "ftx-review-text": "sources/001_958b249f5f1dcfe9.txt",
    "bithumb-analysis-text": "sources/000_02e1c529a685c872.txt",
}
RUN = 15
# Names and terms that have no other words.
FIXED_TERMS: tuple[str, ...] = ()


def _chinese(text: str) -> str:
    """Only the Chinese characters: punctuation, digits and Latin letters do not hide a copied sentence."""
    return re.sub(r"[^\u3400-\u9fff]", "", text)


def test_references_are_the_files_byte_for_byte(dossier, shared):
    references = {item["id"]: item["reference"] for item in dossier.value["evidence"] if "reference" in item}
    assert references
    for name, reference in references.items():
        data = (shared / FILES[name]).read_bytes()
        assert reference["sha256"] == hashlib.sha256(data).hexdigest(), name
        assert reference["size"] == len(data), name


def test_all_source_documents_are_referred_to(liquidations, ftx, bithumb):
    named = {
        item["id"]
        for dossier in (liquidations, ftx, bithumb)
        for item in dossier.value["evidence"]
        if "reference" in item
    }
    assert named == set(FILES)


def test_source_documents_carry_no_invented_address(dossier):
    """The documents came without an address: only the market data name one, the commit of their repository."""
    for item in dossier.value["evidence"]:
        if "reference" not in item:
            continue
        if item["media_type"] == "text/plain":
            assert set(item["reference"]) == {"sha256", "size"}, item["id"]
        else:
            assert item["reference"]["url"].endswith("/tree/bc8cbe43ec2668da0addf0d684d53ad15122cd55")


def _runs(text: str) -> set[str]:
    chinese = _chinese(text)
    return {chinese[start : start + RUN] for start in range(len(chinese) - RUN + 1)}


def test_no_sentence_of_the_sources_is_copied(dossier, shared):
    copied = set().union(*(_runs(path.read_text(encoding="utf-8")) for path in (shared / "sources").glob("*.txt")))
    assert copied
    copied -= {run for term in FIXED_TERMS for run in _runs(term)}
    for path in (*dossier.folder.rglob("*"), ROOT / "docs" / "incidents.md"):
        if not path.is_file():
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            assert not _runs(line) & copied, f"{path}:{number}"


def test_readings_come_out_of_the_referenced_data_again(liquidations, shared):
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not among the development requirements")
    folder = shared / "data" / "usde-2025-10-10"
    bars = parquet.read_table(folder / "usde_minute_binance.parquet").to_pylist()
    clock = next(name for name in bars[0] if name not in {"open", "high", "low", "close", "volume"})
    by_minute = {bar[clock].strftime("%Y-%m-%dT%H:%M:%SZ"): bar for bar in bars}
    rows = liquidations.rows("market-data-readings.csv")
    for name, column in {
        "r01": "low",
        "r02": "low",
        "r03": "low",
        "r04": "low",
        "r05": "close",
        "r06": "close",
    }.items():
        assert f"{by_minute[rows[name]['minute_utc']][column]:.4f}" == rows[name]["value"], name
    for name in ("r01", "r04"):
        first, last = rows[name]["from_utc"], rows[name]["to_utc"]
        lows = [bar["low"] for minute, bar in by_minute.items() if first <= minute <= last]
        assert f"{min(lows):.4f}" == rows[name]["value"], name
    pool = parquet.read_table(folder / "uniswap_usde.parquet").to_pylist()
    assert min((row["token1Price"] for row in pool), key=Decimal) == rows["r07"]["value"]
