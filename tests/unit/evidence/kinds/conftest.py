"""Writing small tables, reading them back, and seeded generators for each kind (ground truth, tests only)."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("duckdb")

from archive.evidence.tables import Table, TableContext, TableProblem, check_table, open_table

START = 1_760_130_000_000  # 2025-10-10T21:00:00Z in milliseconds
CONTEXT = TableContext(venue="binance", product="usdm", symbol="BTCUSDT")


@dataclass(frozen=True)
class Read:
    """A table that was read: its rows, and what is wrong with it."""

    table: Table
    rows: list[dict[str, Any]]
    problems: list[TableProblem]

    @property
    def codes(self) -> Counter[str]:
        return Counter(problem.code for problem in self.problems)

    def at(self, code: str) -> list[tuple[int | None, str | None]]:
        return [(problem.row, problem.column) for problem in self.problems if problem.code == code]


Reader = Callable[..., Read]


@pytest.fixture
def read(tmp_path: Path) -> Reader:
    """Write bytes or text under a name and read them as a kind."""

    def run(
        data: bytes | str,
        kind: str,
        *,
        name: str = "table.csv",
        context: TableContext = CONTEXT,
        mapping: Mapping[str, Any] | None = None,
    ) -> Read:
        path = tmp_path / name
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        table = open_table(path, kind, context=context, mapping=mapping)
        rows = [row for batch in table.batches() for row in batch.to_pylist()]
        return Read(table, rows, list(check_table(table)))

    return run


def make_klines(seed: int, count: int, *, microseconds: bool = False) -> list[list[str]]:
    """Candles without a fault, in the twelve columns of data.binance.vision."""
    draw = random.Random(seed)
    factor = 1_000 if microseconds else 1
    price, rows = draw.randint(1_000, 9_000), []
    for number in range(count):
        steps = [price, *(max(price + draw.randint(-30, 30), 1) for _ in range(3))]
        opened, closed, low, high = steps[0], steps[3], min(steps), max(steps)
        price = closed
        at = (START + 60_000 * number) * factor
        values = [at, *(f"{part / 100:.2f}" for part in (opened, high, low, closed))]
        rest = [draw.randint(0, 99), at + 60_000 * factor - 1, draw.randint(0, 999), draw.randint(0, 9), 1, 2, 0]
        rows.append([str(value) for value in (*values, *rest)])
    return rows


def make_trades(seed: int, count: int) -> list[list[str]]:
    """Aggregated trades without a fault, in the seven columns of data.binance.vision."""
    draw = random.Random(seed)
    number, at, rows = draw.randint(1, 10**9), START, []
    for _ in range(count):
        number, at = number + 1, at + draw.randint(0, 500)
        rows.append(
            [
                str(number),
                f"{draw.randint(1, 10**6) / 100:.2f}",
                f"{draw.randint(1, 1000) / 1000:.3f}",
                str(number * 2),
                str(number * 2 + 1),
                str(at),
                draw.choice(("true", "false")),
            ]
        )
    return rows


def make_ledger(seed: int, count: int) -> list[list[str]]:
    """Entries of three accounts and two assets whose balances foot: time, account, asset, amount, balance."""
    draw = random.Random(seed)
    balances: dict[tuple[str, str], int] = {}
    rows = []
    for number in range(count):
        key = (f"trader-{draw.randint(1, 3)}", draw.choice(("USDT", "BTC")))
        amount = draw.randint(-10_000, 10_000)
        balances[key] = balances.get(key, 0) + amount
        at = f"2025-10-10T21:{number // 60 % 60:02d}:{number % 60:02d}Z"
        rows.append([at, *key, f"{amount / 100:.2f}", f"{balances[key] / 100:.2f}"])
    return rows


def as_csv(rows: list[list[str]], header: str | None = None) -> str:
    return "".join(f"{line}\n" for line in ([header] if header else []) + [",".join(row) for row in rows])


EXAMPLES: dict[str, str] = {
    "api-log": "time,endpoint,method,http_status\n2025-10-10T21:00:00Z,/fapi/v1/order,POST,200\n",
    "klines": as_csv(make_klines(1, 5)),
    "prices": "timestamp,price,block\n2025-10-10T21:00:00Z,0.9941,23550000\n",
    "trades": as_csv(make_trades(1, 5)),
    "liquidations": "time,symbol,side,price,quantity\n2025-10-10T21:00:00Z,BTCUSDT,SELL,100,1\n",
    "open-interest": "create_time,symbol,sum_open_interest\n2025-10-10 21:00:00,ATOMUSDT,160000000\n",
    "order-book": "time,side,price,amount,is_snapshot\n1760130000000,bid,1,1,true\n1760130000000,ask,2,1,true\n",
    "index-constituents": "time,symbol,constituent,weight\n2025-10-10T21:00:00Z,BTCUSDT,okx,1\n",
    "mark-price": "time,symbol,mark_price,index_price\n2025-10-10T21:00:00Z,BTCUSDT,100,100.1\n",
    "positions": "account,symbol,side,quantity,entry_price\ntrader-1,BTCUSDT,long,1,100\n",
    "ledger": as_csv(make_ledger(1, 5), "time,account,asset,amount,balance"),
    "compensation": "account,group,unit,loss,paid\ntrader-1,voucher,USDT,100,1\n",
    "losses": "account,unit,amount,bound\ntrader-1,USDT,100,lower\n",
    "reserves": "entry,asset,amount,hash\nleaf,BTC,1,\nreserve,BTC,2,\n",
    "statement": "Core engines remained online.\n",
    "system-events": "time,event,phase\n2025-10-10T21:00:00Z,halt,begin\n2025-10-10T21:05:00Z,halt,end\n",
}
