"""All twelve methods on files: written in the forms that people have, read by the readers, computed by both engines.

What comes out is, byte for byte, what the pure reference gives on the same rows in memory.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import random
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("duckdb")

from archive.findings.method import Input
from archive.findings.registry import MODULES, find_method
from archive.findings.run import opener
from archive.package import canonical
from archive.record.models import EvidenceItem

START = datetime(2025, 10, 10, 21, 16)
WINDOW = {"start": "2025-10-10T21:20:00Z", "end": "2025-10-10T21:40:00Z"}
Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Case:
    """Inputs of a method as rows by role and kind, fact tables by role, and parameters."""

    tables: tuple[tuple[str, str, Rows], ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    parameters: dict[str, str] = field(default_factory=dict)


def candles(seed: int, venues: Sequence[str], symbol: str, product: str, count: int = 40) -> list[dict[str, Any]]:
    chance = random.Random(seed)
    rows = []
    for venue in venues:
        for minute in range(count):
            opened, closed = (Decimal(chance.randint(90_000, 110_000)) / 100_000 for _ in range(2))
            low = min(opened, closed) * (Decimal("0.65") if venue == venues[0] and minute == 17 else Decimal("0.99"))
            rows.append(
                {
                    "time": START + timedelta(minutes=minute),
                    "venue": venue,
                    "product": product,
                    "symbol": symbol,
                    "open": opened,
                    "high": max(opened, closed) + Decimal("0.01"),
                    "low": low,
                    "close": closed,
                    "volume": Decimal(chance.randint(0, 10**6)) / 1000,
                }
            )
    return rows


ANSWERS = (
    (200, None, "", "accepted", None),
    (400, -1008, "Server is currently overloaded with other requests.", "rejected", None),
    (400, -2022, "ReduceOnly Order is rejected.", "rejected", True),
    (400, -4118, "ReduceOnly Order Failed.", "rejected", True),
    (503, -1007, "Timeout waiting for response from backend server.", "unknown", None),
)


def answers(seed: int, count: int = 120) -> list[dict[str, Any]]:
    chance = random.Random(seed)
    rows = []
    for number in range(count):
        status, code, message, outcome, state = chance.choice(ANSWERS)
        rows.append(
            {
                "time": START + timedelta(seconds=12 * number, milliseconds=chance.randrange(1000)),
                "venue": "binance",
                "product": "usdm",
                "symbol": chance.choice(("BTCUSDT", "DOGEUSDT")),
                "event": "result",
                "operation": "order",
                "method": "POST",
                "endpoint": "/fapi/v1/order",
                "side": "sell",
                "reduce_only": chance.choice((True, False)),
                "http_status": status,
                "code": code,
                "message": message or None,
                "outcome": outcome,
                "client_state": bool(state) if outcome == "rejected" else None,
                "latency": Decimal(chance.randint(1, 90_000)) / 10,
            }
        )
    return rows


def quotes() -> tuple[Rows, Rows, Rows]:
    """Prices of an index, of its contract, and positions: the venue's own price falls for twenty seconds."""
    seconds = range(0, 300, 5)
    index = [
        {
            "time": START + timedelta(seconds=second),
            "symbol": "ATOMUSDT",
            "constituent": name,
            "price": Decimal("0.01") if name == "binance" and 120 <= second < 140 else Decimal(4),
            "weight": Decimal(weight),
        }
        for second in seconds
        for name, weight in (("binance", "0.6"), ("okx", "0.2"), ("coinbase", "0.2"))
    ]
    contract = [
        {
            "time": START + timedelta(seconds=second),
            "symbol": "ATOMUSDT",
            "mark_price": Decimal(4),
            "last_price": Decimal(2 if 120 <= second < 140 else 4),
            "funding_rate": Decimal("0.0001"),
        }
        for second in seconds
    ]
    positions = [
        {"id": name, "symbol": "ATOMUSDT", "side": side, "quantity": Decimal(10), "liquidation_price": Decimal(level)}
        for name, side, level in (("a", "long", "3"), ("b", "long", "0.5"), ("c", "short", "5"))
    ]
    return index, contract, positions


def open_interest() -> Rows:
    values = ((-5, "170"), (0, "160.5"), (3, "80"), (7, "90"), (99, "10"))
    return [
        {
            "time": START + timedelta(minutes=5 + minute),
            "venue": "binance",
            "symbol": "ATOMUSDT",
            "open_interest": Decimal(value) / 4,
            "open_interest_value": Decimal(value),
        }
        for minute, value in values
    ]


def compensation() -> Rows:
    chance = random.Random(5)
    return [
        {
            "time": START + timedelta(minutes=number),
            "account": f"trader-{number}",
            "group": "depeg" if number % 3 else "voucher",
            "unit": "USDT",
            "loss": (loss := Decimal(chance.randint(100, 99_999)) / 100),
            "paid": loss if number % 3 else loss / 100 if number % 2 else Decimal(0),
        }
        for number in range(30)
    ]


def losses() -> Rows:
    chance = random.Random(6)
    return [
        {
            "account": f"trader-{number}",
            "group": chance.choice(("long", "short")),
            "unit": "USDT",
            "amount": Decimal(chance.randint(1, 10**7)) / 100,
            "bound": chance.choice(("exact", "lower", "upper", "estimate")),
        }
        for number in range(40)
    ]


def liabilities() -> tuple[Rows, Rows, str]:
    """Sixteen leaves with their root (BitMEX's scheme), reserves, and the hash of one leaf."""
    from archive.evidence.kinds.reserves import join

    amounts = [random.Random(8).randrange(10**9) for _ in range(16)]
    level = [(hashlib.sha256(f"leaf-{n}".encode()).digest(), amount) for n, amount in enumerate(amounts)]
    rows: list[dict[str, Any]] = [
        {"entry": "leaf", "level": 0, "position": n, "hash": digest.hex(), "asset": "XBt", "amount": Decimal(amount)}
        for n, (digest, amount) in enumerate(level)
    ]
    while len(level) > 1:
        level = [(join(*one, *other), one[1] + other[1]) for one, other in zip(level[::2], level[1::2], strict=True)]
    root = {"entry": "root", "level": 4, "position": 0, "hash": level[0][0].hex(), "asset": "XBt"}
    reserves = [{"entry": "reserve", "asset": "XBt", "amount": Decimal(sum(amounts) // 2)} for _ in range(2)]
    return [*rows, {**root, "amount": Decimal(level[0][1])}], reserves, rows[3]["hash"]


FIGURES = (
    "row,value,value_to,unit,bound,claimed_by\n"
    "m01,160000000,,USD,estimate,a\nm02,90000000,,USD,estimate,a\nm03,50,,percent,lower,a\n"
)
TIMES = (
    "row,start_utc,end_utc,precision,claimed_by,source\n"
    "t09,2025-10-10T21:20:00Z,2025-10-10T21:30:00Z,minute,c,p\nt06,2025-10-10T20:56:22.438Z,,millisecond,h,r\n"
)
INDEX, CONTRACT, POSITIONS = quotes()
LIABILITIES, RESERVES, LEAF = liabilities()
POOL = [{"time": row["time"], "venue": "pool", "symbol": "USDe", "price": Decimal("0.995")} for row in INDEX[::3]]
MARKET = candles(2, ("binance",), "USDEUSDT", "spot")

CASES: dict[str, Case] = {
    "order-rejections@1": Case((("log", "api-log", answers(1)),), parameters={"interval": "300", **WINDOW}),
    "latency@1": Case((("log", "api-log", answers(2)),), parameters=WINDOW),
    "price-deviation@1": Case(
        (("klines", "klines", candles(1, ("binance", "okx", "bybit"), "ATOMUSDT", "spot")),),
        parameters={"venue": "binance", **WINDOW},
    ),
    "spot-perp-basis@1": Case(
        (
            ("spot", "klines", candles(3, ("binance",), "SOLUSDT", "spot")),
            ("perp", "klines", candles(4, ("binance",), "SOLUSDT", "usdm")),
        ),
        parameters={"interval": "600"},
    ),
    "depeg@1": Case(
        (
            ("market", "klines", MARKET),
            ("peer", "klines", candles(9, ("bybit", "okx"), "USDEUSDT", "spot")),
            ("pool", "prices", POOL),
        ),
        parameters=WINDOW,
    ),
    "mark-price-replay@1": Case(
        (
            ("constituents", "index-constituents", INDEX),
            ("contract", "mark-price", CONTRACT),
            ("positions", "positions", POSITIONS),
        ),
        parameters={"symbol": "ATOMUSDT", "scenarios": "as-was: window=60; no-own: window=60 without=binance"},
    ),
    "open-interest-drop@1": Case((("open-interest", "open-interest", open_interest()),), parameters=WINDOW),
    "compensation-parity@1": Case((("compensation", "compensation", compensation()),), parameters=WINDOW),
    "loss-total@1": Case((("losses", "losses", losses()),), parameters={"k": "5"}),
    "reserve-coverage@1": Case(
        (("liabilities", "reserves", LIABILITIES), ("reserves", "reserves", RESERVES)),
        parameters={"tree": "bitmex", "account": LEAF},
    ),
    "timeline-consistency@1": Case(
        (("rows", "api-log", answers(3)),), (("timeline", TIMES),), {"contains": "t09", "where": "code=-1008"}
    ),
    "figure-consistency@1": Case(
        facts=(("figures", FIGURES),),
        parameters={"formula": "(a - b) / a * 100", "a": "m01.value", "b": "m02.value", "stated": "m03.value"},
    ),
}
TABLE_METHODS = sorted(method for method, case in CASES.items() if case.tables)


# Writing


def text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds") + "Z"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def columns(rows: Rows) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def as_csv(rows: Rows, names: Mapping[str, str] | None = None, delimiter: str = ",") -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\r\n")
    chosen = columns(rows)
    writer.writerow([(names or {}).get(name, name) for name in chosen])
    writer.writerows([text(row.get(name)) for name in chosen] for row in rows)
    return out.getvalue().encode()


def as_object(row: Mapping[str, Any]) -> dict[str, Any]:
    plain = (bool, int, type(None))
    return {name: value if isinstance(value, plain) else text(value) for name, value in row.items()}


def zipped(name: str, data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(name), data)
    return out.getvalue()


def as_parquet(rows: Rows) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays = {}
    for name in columns(rows):
        values = [row.get(name) for row in rows]
        kind = pa.decimal128(38, 18) if any(isinstance(value, Decimal) for value in values) else None
        arrays[name] = pa.array(values, kind)
    out = io.BytesIO()
    pq.write_table(pa.table(arrays), out)
    return out.getvalue()


FORMS: dict[str, tuple[str, Callable[[Rows], bytes]]] = {
    "CSV": ("table.csv", as_csv),
    "semicolons": ("table.csv", lambda rows: as_csv(rows, delimiter=";")),
    "TSV in gzip": ("table.tsv.gz", lambda rows: gzip.compress(as_csv(rows, delimiter="\t"), mtime=0)),
    "CSV in zip": ("table.zip", lambda rows: zipped("table.csv", as_csv(rows))),
    "JSON lines": ("table.jsonl", lambda rows: b"".join(json.dumps(as_object(row)).encode() + b"\n" for row in rows)),
    "JSON": ("table.json", lambda rows: json.dumps([as_object(row) for row in rows]).encode()),
    "Parquet": ("table.parquet", as_parquet),
    "raw, mapped": ("bot.csv", lambda rows: as_csv(rows, {name: f"x {name}" for name in columns(rows)})),
}


def on_disk(folder: Path, role: str, kind: str, name: str, data: bytes, **more: Any) -> Input:
    """An input as `archive findings` makes it: an evidence item of a record, and its file."""
    path = folder / role / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    value = {"id": role, "kind": kind, "path": f"evidence/{name}", "media_type": "text/plain", **more}
    return Input(role, role, path, opener(EvidenceItem.model_validate(value), path))


def facts_of(folder: Path, case: Case) -> list[Input]:
    made = []
    for role, data in case.facts:
        path = folder / f"{role}.csv"
        path.write_text(data)
        made.append(Input(role, role, path, lambda kind: pytest.fail(kind)))
    return made


def written(folder: Path, case: Case, form: str) -> list[Input]:
    name, write = FORMS[form]
    made = facts_of(folder, case)
    for role, kind, rows in case.tables:
        more: dict[str, Any] = {}
        if form == "raw, mapped":
            mapping = {"kind": kind, "columns": {name: {"column": f"x {name}"} for name in columns(rows)}}
            made.append(on_disk(folder, role, "raw", name, write(rows), mapping=mapping))
        else:
            made.append(on_disk(folder, role, kind, name, write(rows), **more))
    return made


def computed(method: str, inputs: Sequence[Input], parameters: dict[str, str], engine: Any) -> bytes:
    found = find_method(method)
    assert found is not None
    found.check_inputs([item.role for item in inputs])
    return canonical.dumps(found.compute(inputs, found.parse_parameters(parameters), engine))


def expected(folder: Path, method: str, make_input: Callable[..., Input]) -> bytes:
    """By the reference, on the rows as they stand above."""
    case = CASES[method]
    inputs = facts_of(folder, case) + [make_input(role, kind, rows) for role, kind, rows in case.tables]
    return computed(method, inputs, case.parameters, "reference")


def same_by_both(folder: Path, method: str, inputs: Sequence[Input], make_input: Callable[..., Input]) -> None:
    wanted = expected(folder, method, make_input)
    for engine in ("fast", "reference"):
        assert computed(method, inputs, CASES[method].parameters, engine) == wanted


def test_every_method_is_here() -> None:
    assert set(CASES) == set(MODULES)
    assert len(CASES) == 12


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("method", sorted(CASES))
def test_from_files_of_any_form_comes_what_the_reference_gives(tmp_path, make_input, method, form):
    inputs = written(tmp_path, CASES[method], form)
    same_by_both(tmp_path, method, inputs, make_input)


# The forms in which venues and programs give each kind


def vision(rows: Rows, factor: int) -> bytes:
    """The twelve columns of data.binance.vision, without a header."""
    lines = []
    for row in rows:
        opened = int(row["time"].replace(tzinfo=UTC).timestamp()) * factor
        prices = [text(row[name]) for name in ("open", "high", "low", "close", "volume")]
        lines.append(",".join([str(opened), *prices, str(opened + 60 * factor - 1), "1", "1", "1", "1", "0"]))
    return "".join(f"{line}\n" for line in lines).encode()


def ohlcv(rows: Rows) -> bytes:
    names = ("open", "high", "low", "close", "volume")
    return json.dumps(
        [
            [int(row["time"].replace(tzinfo=UTC).timestamp()) * 1000, *(text(row[name]) for name in names)]
            for row in rows
        ]
    ).encode()


KLINES: dict[str, Callable[[Path, str, str, Rows], Input]] = {
    "data.binance.vision, ms, zip with checksum": lambda folder, role, name, rows: _vision_zip(folder, role, rows),
    "data.binance.vision, µs": lambda folder, role, name, rows: _candles(
        folder, role, "k.csv", vision(rows, 10**6), rows
    ),
    "data.binance.vision, s": lambda folder, role, name, rows: _candles(folder, role, "k.csv", vision(rows, 1), rows),
    "ccxt": lambda folder, role, name, rows: _candles(folder, role, "k.json", ohlcv(rows), rows),
}


def _candles(folder: Path, role: str, name: str, data: bytes, rows: Rows) -> Input:
    context = {key: rows[0][key] for key in ("venue", "product", "symbol")}
    return on_disk(folder, role, "klines", name, data, context=context)


def _vision_zip(folder: Path, role: str, rows: Rows) -> Input:
    name = f"{rows[0]['symbol']}-1m-2025-10-10"
    data = zipped(f"{name}.csv", vision(rows, 10**3))
    (folder / role).mkdir(parents=True, exist_ok=True)
    (folder / role / f"{name}.zip.CHECKSUM").write_text(f"{hashlib.sha256(data).hexdigest()}  {name}.zip\n")
    context = {"venue": rows[0]["venue"], "product": rows[0]["product"]}
    return on_disk(folder, role, "klines", f"{name}.zip", data, context=context)


@pytest.mark.parametrize("form", KLINES)
@pytest.mark.parametrize("method", ["price-deviation@1", "spot-perp-basis@1", "depeg@1"])
def test_candles_as_venues_publish_them(tmp_path, make_input, method, form):
    inputs = []
    for role, kind, rows in CASES[method].tables:
        if kind != "klines":
            inputs.append(on_disk(tmp_path, role, kind, "pool.csv", as_csv(rows)))
            continue
        for venue in dict.fromkeys(row["venue"] for row in rows):
            part = [row for row in rows if row["venue"] == venue]
            made = KLINES[form](tmp_path / venue, role, "", part)
            inputs.append(made)
    same_by_both(tmp_path, method, inputs, make_input)


def binance_connector(row: Mapping[str, Any]) -> str:
    when = row["time"].isoformat(sep=" ", timespec="milliseconds").replace(".", ",")
    order = f"symbol={row['symbol']}&side=SELL&reduceOnly={text(row['reduce_only'])}"
    answer = "{}" if row["code"] is None else f'{{"code":{row["code"]},"msg":"{row["message"]}"}}'
    return (
        f"{when} DEBUG bot: POST https://fapi.binance.com/fapi/v1/order?{order} HTTP/1.1 {row['http_status']} "
        f"took={text(row['latency'])}ms {answer}\n"
    )


def body_in_json(row: Mapping[str, Any]) -> str:
    answer = {"orderId": 1} if row["code"] is None else {"code": row["code"], "msg": row["message"]}
    value = {
        "ts": text(row["time"]),
        "exchange": "binance",
        "market": "usdm",
        "request": {"method": "POST", "path": "/fapi/v1/order"},
        "symbol": row["symbol"],
        "side": "SELL",
        "reduceOnly": row["reduce_only"],
        "status": row["http_status"],
        "latency_ms": text(row["latency"]),
        "body": json.dumps(answer),
    }
    return json.dumps(value) + "\n"


@pytest.mark.parametrize("method", ["order-rejections@1", "latency@1", "timeline-consistency@1"])
@pytest.mark.parametrize(("name", "line"), [("bot.log", binance_connector), ("bot.jsonl", body_in_json)])
def test_logs_as_programs_write_them(tmp_path, make_input, method, name, line):
    """Outcomes come out of status, code and message: those that were planted."""
    ((role, kind, rows),) = CASES[method].tables
    data = "".join(map(line, rows)).encode()
    inputs = [*facts_of(tmp_path, CASES[method]), on_disk(tmp_path, role, kind, name, data)]
    same_by_both(tmp_path, method, inputs, make_input)


def test_open_interest_from_the_metrics_of_the_venue(tmp_path, make_input):
    lines = ["create_time,symbol,sum_open_interest,sum_open_interest_value,count_toptrader_long_short_ratio"]
    for row in open_interest():
        when = row["time"].isoformat(sep=" ")
        lines.append(f"{when},{row['symbol']},{text(row['open_interest'])},{text(row['open_interest_value'])},1.5")
    name, data = "ATOMUSDT-metrics-2025-10-10", "".join(f"{line}\n" for line in lines).encode()
    given = on_disk(
        tmp_path,
        "open-interest",
        "open-interest",
        f"{name}.zip",
        zipped(f"{name}.csv", data),
        context={"venue": "binance"},
    )
    same_by_both(tmp_path, "open-interest-drop@1", [given], make_input)


def test_index_and_mark_price_from_answers_of_the_venue(tmp_path, make_input):
    milliseconds = [int(row["time"].replace(tzinfo=UTC).timestamp() * 1000) for row in CONTRACT]
    index = [
        {
            "symbol": "ATOMUSDT",
            "time": time,
            "constituents": [
                {
                    "exchange": row["constituent"],
                    "symbol": "ATOMUSDT",
                    "price": text(row["price"]),
                    "weight": text(row["weight"]),
                }
                for row in INDEX[3 * place : 3 * place + 3]
            ],
        }
        for place, time in enumerate(milliseconds)
    ]
    marks = [
        {
            "symbol": "ATOMUSDT",
            "time": time,
            "markPrice": "4",
            "lastPrice": text(row["last_price"]),
            "lastFundingRate": "0.0001",
        }
        for time, row in zip(milliseconds, CONTRACT, strict=True)
    ]
    inputs = [
        on_disk(tmp_path, "constituents", "index-constituents", "index.json", json.dumps(index).encode()),
        on_disk(tmp_path, "contract", "mark-price", "marks.json", json.dumps(marks).encode()),
        on_disk(tmp_path, "positions", "positions", "positions.csv", as_csv(POSITIONS)),
    ]
    same_by_both(tmp_path, "mark-price-replay@1", inputs, make_input)
