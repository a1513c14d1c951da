"""The gate over large texts: `archive scan` of an ordinary table, and of tables in which every line has hits.

BENCH_GATE_MB (2,000) sets the size of the ordinary one; the others have a quarter of it. Rates are of the file's bytes
over the time of the whole process, imports included. All values are made up from a fixed seed.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.measure import Context, Row, memory, run

ARCHIVE = str(Path(sys.executable).with_name("archive"))
MEGABYTES = 2_000
ORDINARY, EVERY_LINE = 30.0, 15.0
MEMORY_MB = 200
# Made once and repeated: the gate reads each line anew, and making 2 GB of different ones would take longer than it.
BLOCK_LINES = 100_000


def large_texts(context: Context) -> Iterator[Row]:
    """An ordinary table, an order log with two hits a line, a ledger with five."""
    size = int(os.environ.get("BENCH_GATE_MB", MEGABYTES))
    yield from _measure(context, "trades.csv", _trades, size, ORDINARY, 0)
    yield from _measure(context, "orders.jsonl", _orders, size // 4, EVERY_LINE, 2)
    yield from _measure(context, "ledger.csv", _ledger, size // 4, None, 5)


def _measure(
    context: Context,
    name: str,
    line: Callable[[random.Random, int], str],
    megabytes: int,
    bar: float | None,
    hits: int,
) -> Iterator[Row]:
    path = context.folder / name
    lines = _make(path, line, megabytes)
    # 1: hits were found.
    best = min(
        (run([ARCHIVE, "scan", str(path), "--json"], accept=(0, 1)) for _ in range(context.rounds)), key=_seconds
    )
    counted = sum(group["count"] for group in json.loads(best.output)["hits"])
    if counted != hits * lines:
        raise RuntimeError(f"{name}: {counted:,} hits counted, {hits * lines:,} are there")
    rate = path.stat().st_size / 1e6 / best.seconds
    path.unlink()
    what = f"gate, {name} of {megabytes:,} MB, {hits} hits a line"
    yield Row(what, f"{best.seconds:.1f} s", f"{rate:.1f} MB/s", rate, bar)
    yield memory(f"{what}: peak memory of a process", best, MEMORY_MB)


def _seconds(measured: object) -> float:
    return float(getattr(measured, "seconds", 0))


def _make(path: Path, line: Callable[[random.Random, int], str], megabytes: int) -> int:
    """Write the file; how many lines it has besides a header."""
    chance = random.Random(11)
    header = _HEADERS[line]
    block = "".join(line(chance, number) for number in range(BLOCK_LINES)).encode()
    blocks = max(1, megabytes * 1_000_000 // len(block))
    with path.open("wb") as handle:
        handle.write(header.encode())
        for _ in range(blocks):
            handle.write(block)
    return blocks * BLOCK_LINES


def _when(number: int) -> str:
    return f"2025-10-10T21:{number % 3600 // 60:02}:{number % 60:02}.{number % 1000:03}Z"


def _hex(chance: random.Random, digits: int) -> str:
    return f"{chance.getrandbits(4 * digits):0{digits}x}"


def _trades(chance: random.Random, number: int) -> str:
    message = chance.choice(("", "Service Unavailable.", "Server is currently overloaded with other requests."))
    return (
        f"{_when(number)},BTC-USDT,{chance.choice(('BUY', 'SELL'))},{chance.uniform(90_000, 120_000):.2f},"
        f"{chance.uniform(0, 5):.5f},{chance.uniform(0, 99_999):.4f},{4_000_000_000 + number},"
        f"{chance.choice(('true', 'false'))},{chance.uniform(1, 3_000):.1f},"
        f"{chance.choice((200, 400, 503))},{message}\n"
    )


def _orders(chance: random.Random, number: int) -> str:
    return (
        f'{{"time":"{_when(number)}","venue":"binance","orderId":{chance.randrange(10**10, 10**11)},'
        f'"clientOrderId":"x-{_hex(chance, 20)}7","symbol":"BTCUSDT","side":"SELL",'
        f'"price":"{chance.uniform(90_000, 120_000):.2f}","status":"NEW","http_status":200}}\n'
    )


def _ledger(chance: random.Random, number: int) -> str:
    address = ".".join(str(chance.randrange(11, 99)) for _ in range(4))
    return (
        f"{_when(number)},{chance.randrange(10**7, 10**9)},{chance.randrange(10**10, 10**11)},"
        f"x-{_hex(chance, 20)}7,BTC-USDT,{chance.uniform(90_000, 120_000):.2f},{address},"
        f"user{chance.randrange(10**6)}@{chance.choice(('gmail', 'outlook'))}.com\n"
    )


_HEADERS: dict[Callable[[random.Random, int], str], str] = {
    _trades: "time,symbol,side,price,quantity,quote_volume,trade_id,is_maker,latency,status,message\n",
    _orders: "",
    _ledger: "time,uid,order_id,client_order_id,symbol,price,ip,email\n",
}
