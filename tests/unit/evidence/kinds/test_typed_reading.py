"""Cells that come typed from the parser are those that the careful reader gives, whatever stands in the file."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from archive.evidence import shape
from archive.evidence.tables import open_table

COLUMNS = ("time", "venue", "product", "symbol", "high", "low", "trades")
ODD = (
    "",
    " 1 ",
    "nan",
    "NULL",
    "1e3",
    "-0",
    "+5",
    '"q"',
    '"a,b"',
    "123456789012345678901",
    "0.1234567890123456789",
    "x",
    "2025-10-10T21:00:00Z",
    "1760000000000",
    "é",
)


def _file(chance: random.Random, *, odd: bool) -> str:
    lines = ["time,venue,product,symbol,open,high,low,close,trades"]
    for number in range(chance.randrange(1, 60)):
        cells = [f"2025-10-10 21:{number:02}:00", "binance", "spot", "A", "1", "2.5", chance.choice("15"), "1", "7"]
        if odd and chance.random() < 0.06:
            cells[chance.randrange(9)] = chance.choice(ODD)
        lines.append(",".join(cells))
        if odd and chance.random() < 0.03:
            lines.append(chance.choice(["", ",,,,,,,,", "a,b"]))
    return chance.choice(["\n", "\r\n"]).join(lines) + chance.choice(["", "\n"])


def _read(path: Path, block: int):
    problems = []
    table = open_table(path, "klines")
    table.source = replace(table.source, reader=replace(table.source.reader, block_bytes=block))
    rows = [row for batch in table.batches(columns=COLUMNS, on_problem=problems.append) for row in batch.to_pylist()]
    return rows, sorted((problem.row or 0, problem.code, problem.column or "") for problem in problems)


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("block", [300, 4 << 20])
def test_same_rows_and_problems(tmp_path, monkeypatch, seed, block):
    path = tmp_path / "k.csv"
    path.write_text(_file(random.Random(seed), odd=seed % 4 != 0), encoding="utf-8", newline="")
    typed = _read(path, block)
    monkeypatch.setattr(shape, "_plain_types", lambda table, needed: {})
    careful = _read(path, block)
    assert typed == careful
