"""Findings over many rows, beside the pandas program that one would write first, on the same files.

BENCH_KLINE_ROWS (50,000,000) and BENCH_LOG_ROWS (20,000,000) set how many rows. Both sides are whole processes; they
read candles from CSV and logs from lines of JSON, and their counts must be the same. The pandas program is the one that
is written first: all columns, numbers as floats; a row for information shows what naming the columns gains it. The rows
are made with a fixed seed, with deep lows planted at one venue.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from bench.measure import Context, Row, Run, Skipped, alternate, faster, memory, python, run

KLINE_ROWS = 50_000_000
LOG_ROWS = 20_000_000
MEMORY_MB = 1_500
FACTOR = 3.0
CHUNK = 500_000
VENUES = ("binance", "okx", "bybit", "gate")
ASSETS = 400

_OURS = """
import json, sys
from pathlib import Path
from archive.evidence.tables import TableContext, open_table
from archive.findings.method import Input
from archive.findings.registry import find_method
name, kind, role, parameters, *files = sys.argv[1:]
method = find_method(name)
def opener(f):
    context = TableContext(venue=f.stem, product="spot") if kind == "klines" else TableContext()
    return lambda asked: open_table(f, kind, context=context)
inputs = [Input(f.stem, role, f, opener(f)) for f in map(Path, files)]
result = method.compute(inputs, method.parse_parameters(json.loads(parameters)), "fast")
"""

_DEVIATION = (
    _OURS
    + """
venue = result["venues"][0]
print(json.dumps([result["rows"], result["assets_compared"], [b["assets"] for b in venue["lows"]["beyond"]]]))
"""
)

_PANDAS_DEVIATION = """
import json, sys
import pandas as pd
frame = pd.concat([pd.read_csv(f, parse_dates=["time"]).assign(venue=f.split("/")[-1][:-4]) for f in sys.argv[1:]])
frame = frame[(frame["time"] >= "2025-10-10") & (frame["time"] < "2027-01-01")]
frame["asset"] = frame["symbol"].str.replace("USDT", "").str.replace("-", "")
low = frame.groupby(["asset", "venue"])["low"].min().unstack()
peers = low.drop(columns="binance").min(axis=1)
share = (peers - low["binance"]) / peers
print(json.dumps([str(len(frame)), str(len(low)), [str(int((share > limit).sum())) for limit in (0.1, 0.5)]]))
"""

# For information: the same by someone who tells pandas which columns to read.
_PANDAS_FEW_COLUMNS = _PANDAS_DEVIATION.replace(
    'parse_dates=["time"]', 'parse_dates=["time"], usecols=["time", "symbol", "low", "high"]'
)

_REJECTIONS = (
    _OURS
    + """
print(json.dumps([result["results"], result["rejected"], result["unknown"], len(result["by_interval"])]))
"""
)

_PANDAS_REJECTIONS = """
import json, sys
import pandas as pd
frame = pd.concat(
    part[(part["event"] == "result") & (part["endpoint"] == "/fapi/v1/order")]
    for f in sys.argv[1:]
    for part in pd.read_json(f, lines=True, chunksize=500_000)
)
frame["time"] = pd.to_datetime(frame["time"])
frame["outcome"] = "accepted"
frame.loc[frame["code"].notna(), "outcome"] = "rejected"
frame.loc[frame["code"].isin([-1006, -1007]), "outcome"] = "unknown"
counts = frame["outcome"].value_counts()
for column in ("code", "http_status", "symbol", "reduce_only"):
    frame.groupby([column, "outcome"], dropna=False).size()
course = frame.groupby([frame["time"].dt.floor("600s"), "outcome"]).size().unstack()
print(json.dumps([str(len(frame)), str(counts["rejected"]), str(counts["unknown"]), len(course)]))
"""


def methods(context: Context) -> Iterator[Row]:
    """price-deviation over candles and order-rejections over log lines."""
    _require_pandas()
    klines, logs = _rows("BENCH_KLINE_ROWS", KLINE_ROWS), _rows("BENCH_LOG_ROWS", LOG_ROWS)
    folder = context.once("klines", lambda path: _make_klines(path, klines))
    files = [str(path) for path in sorted(folder.iterdir())]
    parameters = {"venue": "binance", "start": "2025-10-10T00:00:00Z", "end": "2027-01-01T00:00:00Z"}
    yield from _compare(
        context,
        f"price-deviation, {klines:,} candles",
        python(_DEVIATION, "price-deviation@1", "klines", "klines", json.dumps(parameters), *files),
        python(_PANDAS_DEVIATION, *files),
        {"pandas of four columns": python(_PANDAS_FEW_COLUMNS, *files)},
    )
    for path in folder.iterdir():
        path.unlink()
    folder = context.once("logs", lambda path: _make_logs(path, logs))
    files = [str(path) for path in sorted(folder.iterdir())]
    yield from _compare(
        context,
        f"order-rejections, {logs:,} log lines",
        python(_REJECTIONS, "order-rejections@1", "api-log", "log", json.dumps({"interval": "600"}), *files),
        python(_PANDAS_REJECTIONS, *files),
    )


def _rows(name: str, default: int) -> int:
    return int(os.environ.get(name, default))


def _require_pandas() -> None:
    from importlib.util import find_spec

    if find_spec("pandas") is None:
        raise Skipped("pandas is not installed; pip install pandas")
    if find_spec("duckdb") is None or find_spec("pyarrow") is None:
        raise Skipped('DuckDB and Arrow are not installed; pip install "incident-archive[findings]"')


def _compare(
    context: Context, name: str, ours: list[str], theirs: list[str], beside: Mapping[str, list[str]] | None = None
) -> Iterator[Row]:
    makers: list[Callable[[], Run]] = [lambda: run(ours), lambda: run(theirs)]
    mine, pandas = alternate(context.rounds, *makers)
    if mine.output.strip() != pandas.output.strip():
        raise RuntimeError(f"{name}: the two sides count differently: {mine.output!r} and {pandas.output!r}")
    yield faster(name, mine, "pandas", pandas, FACTOR)
    yield memory(f"{name}: peak memory", mine, MEMORY_MB)
    yield Row(f"{name}: peak memory of pandas", "", f"{pandas.peak_bytes / 1e6:,.0f} MB")
    for other, command in (beside or {}).items():
        found = run(command)
        if found.output.strip() != mine.output.strip():
            raise RuntimeError(f"{name}: {other} counts differently: {found.output!r}")
        yield faster(f"{name}: {other}", mine, other, found, None)


def _make_klines(folder: Path, rows: int) -> None:
    """One file a venue, one-minute candles of all assets; a quarter of the assets has one deep low at one venue."""
    import numpy
    import pyarrow as pa
    from pyarrow import csv

    folder.mkdir()
    random = numpy.random.default_rng(11)
    base = numpy.round(random.uniform(1, 1000, ASSETS), 2)
    names = numpy.array([f"A{number:03}" for number in range(ASSETS)])
    start = numpy.datetime64("2025-10-10T00:00:00", "ms")
    each = rows // len(VENUES)
    for venue in VENUES:
        separator = "-" if venue == "okx" else ""
        symbols = pa.array([f"{name}{separator}USDT" for name in names])
        with (folder / f"{venue}.csv").open("wb") as handle:
            for place in range(0, each, CHUNK):
                number = numpy.arange(place, min(each, place + CHUNK))
                asset = number % ASSETS
                price = base[asset]
                low = price * random.uniform(0.96, 0.99, len(number))
                deep = (asset % 4 == 0) & (number // ASSETS == 3) & (venue == "binance")
                low = numpy.where(deep, price * 0.3, low)
                columns = {
                    "time": pa.array(start + (number // ASSETS) * numpy.timedelta64(60_000, "ms")).cast(
                        pa.timestamp("s")
                    ),
                    "symbol": pa.DictionaryArray.from_arrays(pa.array(asset.astype("i4")), symbols),
                    "open": _cents(price),
                    "high": _cents(price * random.uniform(1.0, 1.03, len(number))),
                    "low": _cents(low),
                    "close": _cents(price * random.uniform(0.99, 1.0, len(number))),
                    "volume": _cents(random.uniform(0, 9999, len(number))),
                    "quote_volume": _cents(random.uniform(0, 999_999, len(number))),
                    "trades": random.integers(0, 5_000, len(number)),
                    "taker_buy_volume": _cents(random.uniform(0, 4999, len(number))),
                    "taker_buy_quote_volume": _cents(random.uniform(0, 499_999, len(number))),
                }
                _append(handle, columns, header=place == 0, csv=csv, pa=pa)


def _make_logs(folder: Path, rows: int) -> None:
    """Lines of JSON as a bot writes them: answers to orders over two hours, every tenth to a query."""
    import numpy

    folder.mkdir()
    random = numpy.random.default_rng(12)
    answers = (
        '"http_status":200',
        '"http_status":400,"code":-1008,"message":"Server is currently overloaded with other requests. '
        'Please try again in a few minutes."',
        '"http_status":503,"code":-1007,"message":"Timeout waiting for response from backend server."',
        '"http_status":400,"code":-2022,"message":"ReduceOnly Order is rejected."',
        '"http_status":400,"code":-4118,"message":"ReduceOnly Order Failed."',
    )
    start = numpy.datetime64("2025-10-10T21:00:00.000", "ms")
    with (folder / "log.jsonl").open("w", encoding="ascii") as handle:
        for place in range(0, rows, CHUNK):
            number = numpy.arange(place, min(rows, place + CHUNK))
            times = numpy.datetime_as_string(start + (number * 7_200_000 // rows) * numpy.timedelta64(1, "ms"))
            drawn = random.choice(5, len(number), p=(0.2, 0.4, 0.1, 0.2, 0.1))
            symbols = random.integers(0, 50, len(number))
            waits = random.integers(1, 300_000, len(number))
            handle.writelines(
                f'{{"time":"{time}Z","event":"result","venue":"binance","product":"usdm",'
                f'"method":"{"GET" if index % 10 == 0 else "POST"}",'
                f'"endpoint":"/fapi/v1/{"depth" if index % 10 == 0 else "order"}",'
                f'"symbol":"S{symbol:02}USDT","side":"SELL","reduce_only":{"true" if wait % 2 else "false"},'
                f'"latency":"{wait / 100}",{answers[answer]}}}\n'
                for index, time, answer, symbol, wait in zip(
                    number.tolist(), times.tolist(), drawn.tolist(), symbols.tolist(), waits.tolist(), strict=True
                )
            )


def _cents(values: object) -> object:
    import numpy

    return numpy.round(values, 2)  # type: ignore[call-overload]


def _append(handle: object, columns: dict[str, object], *, header: bool, csv: object, pa: object) -> None:
    table = pa.table(columns)  # type: ignore[attr-defined]
    names = [f.type.value_type if str(f.type).startswith("dictionary") else f.type for f in table.schema]
    table = table.cast(pa.schema(list(zip(table.column_names, names, strict=True))))  # type: ignore[attr-defined]
    csv.write_csv(table, handle, csv.WriteOptions(include_header=header, quoting_style="none"))  # type: ignore[attr-defined]
