"""Laws of all kinds: what comes out of a file, exactly, and what never comes out of one."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import zipfile
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.errors import ArchiveError
from archive.evidence.contracts import CONTRACTS
from archive.evidence.readers.delimited import DelimitedReader
from archive.evidence.readers.opening import Packed
from archive.evidence.tables import TableContext, check_table, connect, open_table
from tests.unit.evidence.kinds.conftest import CONTEXT, EXAMPLES, START, Reader, as_csv, make_klines, make_trades

KINDS = sorted(CONTRACTS)
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**19), max_value=10**19, places=18)


def test_every_kind_has_an_example() -> None:
    assert set(EXAMPLES) == set(CONTRACTS) - {"web-capture"}


@pytest.mark.parametrize("kind", sorted(EXAMPLES))
def test_an_example_of_each_kind_is_read_without_an_error(kind: str, read: Reader) -> None:
    found = read(EXAMPLES[kind], kind)
    assert found.rows
    assert [problem for problem in found.problems if problem.severity == "error"] == []
    assert set(found.rows[0]) == {"row", *CONTRACTS[kind].names}


@pytest.mark.parametrize("kind", sorted(EXAMPLES))
def test_the_types_are_those_of_the_contract(kind: str, read: Reader) -> None:
    table = read(EXAMPLES[kind], kind).table
    wanted = {"decimal": "decimal128(38, 18)", "time": "timestamp[us]", "integer": "int64", "boolean": "bool"}
    for batch in table.batches():
        for column in table.contract.columns:
            assert str(batch.schema.field(column.name).type) == wanted.get(column.type.value, "string")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_arbitrary_bytes_give_rows_or_an_archive_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    kind = data.draw(st.sampled_from(KINDS))
    example = EXAMPLES.get(kind, "WARC/1.1\r\n").encode()
    place = data.draw(st.integers(0, len(example)))
    noise = data.draw(st.binary(max_size=300))
    mode = data.draw(st.sampled_from(("noise", "insert", "cut", "gzip", "zip", "json")))
    content = {
        "noise": noise,
        "insert": example[:place] + noise + example[place:],
        "cut": example[:place],
        "gzip": gzip.compress(example, mtime=0)[: place + 5] + noise[:3],
        "zip": b"PK\x03\x04" + noise,
        "json": data.draw(st.sampled_from((b"[", b"{", b"[[", b'{"a":'))) + noise,
    }[mode]
    path = tmp_path_factory.mktemp("bytes") / "file.csv"
    path.write_bytes(content)
    with contextlib.suppress(ArchiveError):
        for batch in open_table(path, kind).batches(raw=data.draw(st.booleans())):
            batch.validate(full=True)
        list(check_table(open_table(path, kind)))


@settings(max_examples=40, deadline=None)
@given(values=st.lists(DECIMALS, min_size=1, max_size=30))
def test_decimals_come_out_as_they_went_in(tmp_path_factory: pytest.TempPathFactory, values: list[Decimal]) -> None:
    path = tmp_path_factory.mktemp("decimals") / "prices.csv"
    path.write_text("time,price\n" + "".join(f"2025-10-10T21:00:00Z,{value:f}\n" for value in values))
    rows = [row for batch in open_table(path, "prices").batches() for row in batch.to_pylist()]
    assert [row["price"] for row in rows] == values


@settings(max_examples=30, deadline=None)
@given(
    cells=st.lists(st.lists(st.text("ab,\"'\n\r é1.", max_size=6), min_size=3, max_size=4), min_size=1, max_size=12),
)
def test_fast_and_raw_reading_give_the_same_rows(
    tmp_path_factory: pytest.TempPathFactory, cells: list[list[str]]
) -> None:
    import csv

    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([["x", "y", "z"], *cells])
    path = tmp_path_factory.mktemp("rows") / "table.csv"
    path.write_text(out.getvalue(), newline="")
    reader = DelimitedReader(Packed(path, "plain"), ("x", "y", "z"))

    def rows(*, raw: bool) -> tuple[list[Any], list[Any]]:
        told: list[Any] = []
        found = [
            (row, *cells)
            for batch in reader.read(frozenset("xyz"), raw=raw, complain=lambda *words: told.append(words))
            for row, *cells in zip(
                batch.rows.to_pylist(), *(batch.columns[name].to_pylist() for name in "xyz"), strict=True
            )
        ]
        return found, sorted(told)

    assert rows(raw=False) == rows(raw=True)


def test_raw_gives_the_bytes_of_each_record(read: Reader) -> None:
    text = 'time,price\r\n2025-10-10T21:00:00Z,1\r\n2025-10-10T21:00:01Z,"2"\r\n'
    table = read(text, "prices").table
    raw = [value for batch in table.batches(raw=True) for value in batch.column("raw").to_pylist()]
    assert raw == [b"2025-10-10T21:00:00Z,1", b'2025-10-10T21:00:01Z,"2"']


def test_rows_keep_their_numbers_over_blank_and_uneven_ones(read: Reader) -> None:
    found = read("time,price\n2025-10-10T21:00:00Z,1\n\n2025-10-10T21:00:01Z\n2025-10-10T21:00:02Z,4\n", "prices")
    assert [row["row"] for row in found.rows] == [1, 4]
    assert found.at("table.columns") == [(3, None)]


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("abc", "table.decimal"),
        ("1,5", "table.columns"),
        ("0x10", "table.decimal"),
        ("Infinity", "table.decimal"),
        ("123456789012345678901", "table.decimal_range"),
        ("1e400", "table.decimal_range"),
        ("1e999999999", "table.decimal"),
        ("1.0000000000000000001", "table.decimal_rounded"),
        ("", "table.required"),
        ("NaN", "table.required"),
    ],
)
def test_a_cell_that_is_no_price_is_told_with_row_and_column(cell: str, code: str, read: Reader) -> None:
    found = read(f"time,price\n2025-10-10T21:00:00Z,1\n2025-10-10T21:00:01Z,{cell}\n", "prices")
    assert found.codes[code] == 1
    assert found.at(code)[0][0] == 2


@pytest.mark.parametrize(
    ("written", "utc", "offset", "precision"),
    [
        ("2025-10-10T21:54:00Z", "2025-10-10T21:54:00", "Z", "second"),
        ("2025-10-11T05:54:00.123+08:00", "2025-10-10T21:54:00.123", "+08:00", "millisecond"),
        ("2025-10-11 05:54:00.123456 +0800", "2025-10-10T21:54:00.123456", "+0800", "microsecond"),
        ("2025-10-10 21:54:00,123", "2025-10-10T21:54:00.123", "assumed Z", "millisecond"),
        ("2025-10-10 21:54:00", "2025-10-10T21:54:00", "assumed Z", "second"),
        ("2025-10-10 21:54", "2025-10-10T21:54:00", "assumed Z", "minute"),
        ("2025-10-10", "2025-10-10T00:00:00", "assumed Z", "day"),
        ("1760133240", "2025-10-10T21:54:00", "epoch", "second"),
        ("1760133240123", "2025-10-10T21:54:00.123", "epoch", "millisecond"),
        ("1760133240123456", "2025-10-10T21:54:00.123456", "epoch", "microsecond"),
        ("1760133240123456789", "2025-10-10T21:54:00.123456", "epoch", "microsecond"),
        ("1760133240.5", "2025-10-10T21:54:00.500", "epoch", "second"),
    ],
)
def test_times_are_utc_and_say_how_they_were_written(
    written: str, utc: str, offset: str, precision: str, read: Reader
) -> None:
    row = read(f'time,price\n"{written}",1\n', "prices").rows[0]
    assert row["time"] == datetime.fromisoformat(utc)
    assert (row["time_offset"], row["time_precision"]) == (offset, precision)


def test_times_without_an_offset_take_the_records(read: Reader) -> None:
    found = read("time,price\n2025-10-11 05:54:00,1\n", "prices", context=TableContext(time_zone="+08:00"))
    assert found.rows[0]["time"] == datetime(2025, 10, 10, 21, 54)
    assert found.rows[0]["time_offset"] == "+08:00"
    assert "table.time_zone" in found.codes


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        (("2025-02-30T00:00:00Z",), "table.time"),
        (("yesterday",), "table.time"),
        (("1760130000000", "1760130000"), "table.time_unit"),
        (("17",), "table.time_range"),
        (("9999-01-01T00:00:00Z",), "table.time_range"),
    ],
)
def test_a_cell_that_is_no_time_is_told(cells: tuple[str, ...], code: str, read: Reader) -> None:
    found = read("time,price\n" + "".join(f"{cell},1\n" for cell in cells), "prices")
    assert found.at(code) == [(len(cells), "time")]


def test_problems_beyond_the_listed_ones_are_counted(read: Reader) -> None:
    found = read("time,price\n" + "2025-10-10T21:00:00Z,x\n" * 3_000, "prices")
    told = [problem for problem in found.problems if problem.code == "table.decimal"]
    assert sum(problem.count for problem in told) == 3_000
    assert len(told) == 51
    assert told[-1].count == 2_950


def test_a_file_larger_than_any_batch_streams(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "trades.csv"
    path.write_text(as_csv(make_trades(7, 60_000)))
    table = open_table(path, "trades")
    import archive.evidence.readers.delimited as module

    sizes = []
    reader = DelimitedReader(table.source.reader.packed, table.source.names, header=False, block_bytes=1 << 16)  # type: ignore[attr-defined]
    for batch in reader.read(frozenset(table.source.names), raw=False, complain=lambda *_: None):
        sizes.append(batch.rows.nbytes + sum(column.nbytes for column in batch.columns.values()))
    assert len(sizes) > 40
    assert max(sizes) < 4 << 16
    assert module.BLOCK_BYTES <= 4 << 20
    assert sum(batch.num_rows for batch in table.batches(batch_rows=1_000)) == 60_000
    assert max(batch.num_rows for batch in table.batches(batch_rows=1_000)) == 1_000


def test_duckdb_reads_it_and_nothing_else(tmp_path: Path) -> None:
    import duckdb

    path = tmp_path / "BTCUSDT-1m-2025-10-10.csv"
    path.write_text(as_csv(make_klines(3, 500)))
    table = open_table(path, "klines", context=CONTEXT)
    with connect() as connection, table.reading():
        relation = table.relation(connection, columns=("time", "low", "symbol"))
        lowest = min(Decimal(row[3]) for row in make_klines(3, 500))
        assert relation.aggregate("symbol, min(low), count(*)").fetchall() == [("BTCUSDT", lowest, 500)]
        assert relation.filter("low > 0").aggregate("count(*)").fetchall() == [(500,)]
    for forbidden in (f"SELECT * FROM read_csv('{path}')", "SET enable_external_access = true", "INSTALL httpfs"):
        with connect() as connection, pytest.raises(duckdb.Error):
            connection.sql(forbidden).fetchall()


def test_an_error_of_the_file_comes_out_of_duckdb_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "trades.csv.gz"
    path.write_bytes(gzip.compress(as_csv(make_trades(1, 50_000)).encode(), mtime=0)[:-2_000])
    table = open_table(path, "trades")
    with connect() as connection, pytest.raises(ArchiveError) as caught, table.reading():
        table.relation(connection).aggregate("count(*)").fetchall()
    assert caught.value.code == "table.container"


def packed(kind: str, data: bytes) -> bytes:
    if kind == "gzip":
        return gzip.compress(data, mtime=0)
    if kind == "zip":
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("inner.csv", data)
        return out.getvalue()
    return data


@pytest.mark.parametrize("form", ["plain", "gzip", "zip"])
def test_what_it_is_packed_in_makes_no_difference(form: str, read: Reader) -> None:
    plain = read(EXAMPLES["klines"], "klines").rows
    assert read(packed(form, EXAMPLES["klines"].encode()), "klines", name="packed").rows == plain


def test_a_zip_archive_with_two_files_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "two.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", EXAMPLES["klines"])
        archive.writestr("b.csv", EXAMPLES["klines"])
    with pytest.raises(ArchiveError) as caught:
        open_table(path, "klines")
    assert caught.value.code == "table.container"


@pytest.mark.parametrize(
    ("content", "kind", "code"),
    [
        (b"", "klines", "table.empty"),
        (b"\xff\xfet\x00i\x00m\x00e\x00", "klines", "table.encoding"),
        (b"a,b\n1,2\n", "klines", "table.columns_missing"),
        (b"\x00\x01\x02", "klines", "table.format"),
        (b"PAR1 and no more", "klines", "table.parquet"),
        (b'{"a": ', "klines", "table.json"),
        (b"x", "document", "table.kind"),
        (b"x", "raw", "table.kind"),
    ],
)
def test_what_is_no_table_of_its_kind_is_refused(content: bytes, kind: str, code: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(ArchiveError) as caught:
        list(open_table(path, kind).batches())
    assert caught.value.code == code


def test_an_unknown_column_is_refused(read: Reader) -> None:
    with pytest.raises(ArchiveError) as caught:
        list(read(EXAMPLES["prices"], "prices").table.batches(columns=("colour",)))
    assert caught.value.code == "table.column"


def test_floats_of_parquet_give_their_shortest_decimals(tmp_path: Path) -> None:
    path = tmp_path / "prices.parquet"
    times = pa.array([START, START + 60_000], pa.timestamp("ms"))
    pq.write_table(pa.table({"timestamp": times, "price": [0.65, 1e-7]}), path)
    table = open_table(path, "prices")
    assert [row["price"] for batch in table.batches() for row in batch.to_pylist()] == [
        Decimal("0.65"),
        Decimal("1E-7"),
    ]
    assert [problem.code for problem in check_table(table)] == ["table.floats"]


def test_json_numbers_stay_exact(read: Reader) -> None:
    text = '{"time": 1760130000000, "price": 0.123456789012345678}\n{"time": 1760130060000, "price": "2.50"}\n'
    found = read(text, "prices", name="a.jsonl")
    assert [row["price"] for row in found.rows] == [Decimal("0.123456789012345678"), Decimal("2.50")]


def test_a_json_list_is_read_element_by_element(read: Reader) -> None:
    klines = [[START + 60_000 * n, "1", "2", "0.5", "1.5", "9"] for n in range(30_000)]
    found = read(json.dumps(klines), "klines", name="ohlcv.json")
    assert len(found.rows) == 30_000
    assert found.rows[-1]["row"] == 30_000
    assert found.problems == []


def test_the_real_minutes_of_usde_have_their_low_at_21_54() -> None:
    path = Path(__file__).parents[5] / "shared/data/usde-2025-10-10/usde_minute_binance.parquet"
    if not path.exists():
        pytest.skip(f"the real data is not here: {path.name}")
    table = open_table(path, "klines", context=TableContext("binance", "spot", "USDEUSDT"))
    with connect() as connection, table.reading():
        relation = table.relation(connection, columns=("time", "low"))
        assert relation.aggregate("min(low), arg_min(time, low), count(*)").fetchall() == [
            (Decimal("0.65"), datetime(2025, 10, 10, 21, 54), 184_125)
        ]
    assert {problem.code for problem in check_table(table) if problem.severity == "error"} == set()


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**65), 2**65),
    st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-1000, max_value=1000).map(float),
    st.sampled_from([1e-7, 1.5, 0.1, "1.5", "", "é", "x", "0x"]),
)
OBJECTS = st.dictionaries(
    st.sampled_from(["a", "b", "c", "c.d"]), st.one_of(VALUES, st.dictionaries(st.sampled_from(["d", "e"]), VALUES))
)
# What is the same in every line, so that the fast way is taken at all.
ALIKE = {"a": 1, "b": "text", "c": {"d": 0.5}}


@settings(max_examples=80, deadline=None)
@given(
    lines=st.lists(st.one_of(st.just(ALIKE), OBJECTS), max_size=6),
    broken=st.sampled_from([b"", b"\n", b"{\n", b'{"a": 1, "a": 2}\n', b'{"b": "\xff"}\n', b"[1]\n"]),
    chunk=st.sampled_from([10, 60, 1 << 20]),
)
def test_fast_and_slow_reading_of_json_lines_give_the_same_text(
    tmp_path_factory: pytest.TempPathFactory, lines: list[dict[str, Any]], broken: bytes, chunk: int
) -> None:
    import dataclasses

    from archive.evidence.readers.jsonfast import FastJsonReader, fast_reader
    from archive.evidence.readers.jsontext import JsonReader, flatten

    start = json.dumps(ALIKE).encode() + b"\n"
    body = b"".join(json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in lines)
    path = tmp_path_factory.mktemp("json") / "a.jsonl"
    path.write_bytes(start + body + broken + start)
    slow = JsonReader(Packed(path, "plain"), True, lambda value: [flatten(value)])
    fast = fast_reader(slow, start, frozenset({"a", "b", "c.d"}))
    assert isinstance(fast, FastJsonReader)
    fast = dataclasses.replace(fast, chunk_bytes=chunk)

    def cells(reader: Any, name: str) -> list[Any]:
        told: list[Any] = []
        out = []
        for batch in reader.read(frozenset({"a", "b", "c.d"}), raw=False, complain=lambda *words: told.append(words)):
            column = batch.columns[name]
            texts = column.cast(pa.string(), safe=False) if not pa.types.is_binary(column.type) else column
            for row, text in zip(batch.rows.to_pylist(), texts.to_pylist(), strict=True):
                value = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
                out.append((row, Decimal(value) if value and name == "c.d" and value[-1:].isdigit() else value))
        return [*out, *told]

    for name in ("a", "b", "c.d"):
        assert cells(fast, name) == cells(slow, name)


@pytest.mark.parametrize("zone", ["UTC+8", "+8", "Asia/Shanghai", ""])
def test_a_time_zone_that_is_no_offset_is_refused(zone: str, read: Reader) -> None:
    with pytest.raises(ArchiveError) as caught:
        read(EXAMPLES["prices"], "prices", context=TableContext(time_zone=zone))
    assert caught.value.code == "table.time_zone_form"
