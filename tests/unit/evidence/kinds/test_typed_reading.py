"""Cells that come typed from the parser are those that the careful reader gives, whatever stands in the file."""

from __future__ import annotations

import gzip
import random
from dataclasses import replace
from pathlib import Path

import pytest

from archive.errors import InvalidInputError
from archive.evidence import shape
from archive.evidence.readers import blocks
from archive.evidence.readers.delimited import DelimitedReader
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
    "1760000000000000",
    "0x19a0",
    "é",
)


def _file(chance: random.Random, *, odd: bool) -> str:
    lines = ["time,venue,product,symbol,open,high,low,close,trades"]
    unit = chance.choice([None, 10**3, 10**6, 10**9])
    for number in range(chance.randrange(1, 60)):
        written = f"2025-10-10 21:{number:02}:00" if unit is None else str((1_760_130_000 + 60 * number) * unit)
        cells = [written, "binance", "spot", "A", "1", "2.5", chance.choice("15"), "1", "7"]
        if odd and chance.random() < 0.06:
            cells[chance.randrange(9)] = chance.choice(ODD)
        lines.append(",".join(cells))
        if odd and chance.random() < 0.03:
            lines.append(chance.choice(["", ",,,,,,,,", "a,b"]))
    return chance.choice(["\n", "\r\n"]).join(lines) + chance.choice(["", "\n"])


def _read(path: Path, block: int, columns: tuple[str, ...] = COLUMNS):
    problems = []
    table = open_table(path, "klines")
    table.source = replace(table.source, reader=replace(table.source.reader, block_bytes=block))
    rows = [row for batch in table.batches(columns=columns, on_problem=problems.append) for row in batch.to_pylist()]
    return rows, sorted((problem.row or 0, problem.code, problem.column or "") for problem in problems)


def _written(tmp_path: Path, seed: int) -> Path:
    path = tmp_path / "k.csv"
    path.write_text(_file(random.Random(seed), odd=seed % 4 != 0), encoding="utf-8", newline="")
    return path


@pytest.mark.parametrize("columns", [COLUMNS, ("venue", "low"), ("time", "time_offset", "time_precision")])
@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("block", [300, 4 << 20])
def test_same_rows_and_problems(tmp_path, monkeypatch, seed, block, columns):
    path = _written(tmp_path, seed)
    typed = _read(path, block, columns)
    monkeypatch.setattr(shape, "_plain_types", lambda table, needed: ({}, frozenset()))
    careful = _read(path, block, columns)
    assert typed == careful


@pytest.mark.parametrize("seed", range(0, 60, 5))
@pytest.mark.parametrize("block", [120, 300])
def test_parts_of_a_plain_file_are_those_of_a_stream(tmp_path, seed, block):
    path = _written(tmp_path, seed)
    packed = tmp_path / "k.csv.gz"
    packed.write_bytes(gzip.compress(path.read_bytes(), mtime=0))
    assert _read(path, block) == _read(packed, block)


def test_one_bad_record_leaves_the_other_parts_typed(tmp_path, monkeypatch):
    path = tmp_path / "k.csv"
    lines = ["time,symbol,open,high,low,close", *(f"2025-10-10 21:{n:02}:00,A,1,2,1,1" for n in range(60))]
    lines[31] = "2025-10-10 21:30:00,A,1,2,x,1"
    path.write_text("\n".join(lines))
    carefully = []
    slow = DelimitedReader._read_fast
    monkeypatch.setattr(DelimitedReader, "_read_fast", lambda self, *rest: carefully.append(self) or slow(self, *rest))
    rows, problems = _read(path, 300, ("low",))
    assert (len(rows), problems) == (60, [(31, "table.decimal", "low")])
    assert len(carefully) == 1


def test_a_line_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(blocks, "MAX_RECORD_BYTES", 1 << 16)
    path = tmp_path / "k.csv"
    path.write_bytes(b"time,symbol,open,high,low,close\n" + b"1" * (1 << 18))
    with pytest.raises(InvalidInputError) as caught:
        _read(path, 1 << 10)
    assert caught.value.code == "table.delimited"
