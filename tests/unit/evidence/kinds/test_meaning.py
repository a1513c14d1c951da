"""What rows mean together: a table without a fault has no problem, and each planted fault has its code, row, column."""

from __future__ import annotations

import hashlib
import json
import random
import struct
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.evidence.kinds.reserves import SumTree, join
from archive.evidence.tables import TableContext, check_table, open_table
from tests.unit.evidence.kinds.conftest import CONTEXT, START, Reader, as_csv, make_klines, make_ledger, make_trades

VISION = "BTCUSDT-1m-2025-10-10.csv"


# klines


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "header",
    [
        None,
        "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore",
    ],
)
def test_candles_without_a_fault_have_no_problem(seed: int, header: str | None, read: Reader) -> None:
    found = read(as_csv(make_klines(seed, 400), header), "klines", name=VISION)
    assert found.problems == []
    assert (found.rows[0]["symbol"], found.rows[0]["interval"], found.rows[0]["venue"]) == ("BTCUSDT", 60, "binance")
    assert found.rows[0]["time"] == datetime(2025, 10, 10, 21)


@pytest.mark.parametrize(
    ("row", "column", "value", "code"),
    [
        (5, 3, "99999", "klines.low"),
        (5, 2, "0.01", "klines.high"),
        (5, 3, "0", "klines.not_positive"),
        (5, 5, "-1", "klines.negative"),
        (5, 0, str(START + 60_000 * 3), "klines.duplicate"),
        (5, 0, str(START + 60_000 * 2), "klines.order"),
        (5, 0, str((START + 60_000 * 4) // 1000), "table.time_unit"),
        (5, 6, "1", "table.time_unit"),
    ],
)
def test_a_planted_fault_of_a_candle_is_found(row: int, column: int, value: str, code: str, read: Reader) -> None:
    rows = make_klines(4, 20)
    rows[row - 1][column] = value
    found = read(as_csv(rows), "klines", name=VISION)
    assert (row, None) == (found.at(code)[0][0], None)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), gap=st.integers(1, 30), size=st.integers(1, 9))
def test_the_number_of_missing_candles_is_the_number_taken_out(
    tmp_path_factory: pytest.TempPathFactory, seed: int, gap: int, size: int
) -> None:
    rows = make_klines(seed, 60)
    del rows[gap : gap + size]
    path = tmp_path_factory.mktemp("gaps") / VISION
    path.write_text(as_csv(rows))
    problems = list(check_table(open_table(path, "klines", context=CONTEXT)))
    assert [problem.code for problem in problems] == ["klines.gap", "klines.gaps"]
    assert f"{size:,} candles are missing" in problems[0].message
    assert problems[0].row == gap + 1


def test_the_unit_that_the_venue_used_then_is_expected(read: Reader) -> None:
    spot = TableContext(venue="binance", product="spot")
    assert read(as_csv(make_klines(1, 9, microseconds=True)), "klines", name=VISION, context=spot).problems == []
    assert read(as_csv(make_klines(1, 9)), "klines", name=VISION, context=spot).codes == {"klines.unit": 1}
    assert read(as_csv(make_klines(1, 9, microseconds=True)), "klines", name=VISION).codes == {"klines.unit": 1}


def test_an_archive_that_was_replaced_since_is_told(tmp_path: Path) -> None:
    import zipfile

    path = tmp_path / "BTCUSDT-1m-2025-10-10.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("BTCUSDT-1m-2025-10-10.csv", as_csv(make_klines(1, 9)))

    def codes() -> list[str]:
        return [problem.code for problem in check_table(open_table(path, "klines", context=CONTEXT))]

    assert codes() == ["klines.no_checksum"]
    beside = path.with_name(path.name + ".CHECKSUM")
    beside.write_text(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n")
    assert codes() == []
    beside.write_text(f"{'0' * 64}  {path.name}\n")
    assert codes() == ["table.checksum"]


# trades, liquidations, books


@pytest.mark.parametrize("seed", range(3))
def test_trades_without_a_fault_have_no_problem(seed: int, read: Reader) -> None:
    rows = make_trades(seed, 500)
    found = read(as_csv(rows), "trades")
    assert found.problems == []
    assert [row["side"] for row in found.rows] == ["sell" if row[6] == "true" else "buy" for row in rows]


@pytest.mark.parametrize(("change", "code"), [(0, "trades.duplicate"), (-5, "trades.order"), (3, "trades.gap")])
def test_ids_that_do_not_rise_by_one_are_told(change: int, code: str, read: Reader) -> None:
    rows = make_trades(2, 12)
    rows[6][0] = str(int(rows[5][0]) + change)
    assert (7, "id") in read(as_csv(rows), "trades").at(code)


def test_tardis_names_venue_and_product_in_one_word(read: Reader) -> None:
    text = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
    text += "binance-futures,BTCUSDT,1760130000000000,1760130000000100,5,buy,100,1\n"
    row = read(text, "trades", context=TableContext(product="spot")).rows[0]
    assert (row["venue"], row["product"], row["number"]) == ("binance", "usdm", 5)


def test_sums_of_a_throttled_feed_are_lower_bounds(read: Reader) -> None:
    order = {"s": "BTCUSDT", "S": "SELL", "q": "1", "p": "100", "ap": "99", "X": "FILLED", "T": START}
    found = read(json.dumps({"e": "forceOrder", "E": START, "o": order}) + "\n", "liquidations", name="a.jsonl")
    assert found.rows[0]["bound"] == "lower"
    assert found.codes == {"liquidations.lower_bound": 1}
    complete = read(
        "time,symbol,side,quantity\n2025-10-10T21:00:00Z,BTC,sell,1\n",
        "liquidations",
        context=TableContext(venue="hyperliquid"),
    )
    assert (complete.rows[0]["bound"], complete.problems) == ("exact", [])


def book(**change: object) -> str:
    value = {"e": "depthUpdate", "E": START, "s": "BTCUSDT", "U": 1, "u": 5, "pu": 0, "b": [], "a": []}
    return json.dumps({**value, **change}) + "\n"


SNAPSHOT = json.dumps(
    {"timestamp": START, "nonce": 5, "symbol": "X", "bids": [["2", "1"], ["1", "1"]], "asks": [["3", "1"]]}
)


def test_a_book_that_is_sorted_and_not_crossed_has_no_problem(read: Reader) -> None:
    assert read(SNAPSHOT + "\n", "order-book", name="a.jsonl").problems == []


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (SNAPSHOT.replace('["2", "1"], ["1", "1"]', '["1", "1"], ["2", "1"]'), "order-book.unsorted"),
        (SNAPSHOT.replace('"3"', '"1.5"'), "order-book.crossed"),
        (SNAPSHOT.replace('[["3", "1"]]', "[]"), "order-book.no_depth"),
        (book(b=[["1", "-1"]]), "order-book.negative"),
        (book(u=5, b=[["1", "1"]], a=[["2", "1"]]) + book(U=7, u=9, pu=6, b=[["1", "2"]]), "order-book.gap"),
        (book(u=9, b=[["1", "1"]], a=[["2", "1"]]) + book(U=2, u=3, b=[["1", "2"]]), "order-book.sequence"),
        (book(u=5, b=[["1", "1"]], a=[["2", "1"]]) + book(U=6, u=9, pu=5, a=[["2", "0"]]), "order-book.no_depth"),
    ],
)
def test_a_planted_fault_of_a_book_is_found(lines: str, code: str, read: Reader) -> None:
    assert code in read(lines, "order-book", name="a.jsonl").codes


# index constituents, marks


def constituents(*weights: str) -> str:
    names = ("binance", "okx", "bybit", "gate")
    listed = [
        {"exchange": name, "symbol": "BTCUSDT", "price": "94057.03", "weight": w}
        for name, w in zip(names, weights, strict=False)
    ]
    return json.dumps({"symbol": "BTCUSDT", "time": 1745401553408, "constituents": listed})


def test_weights_sum_to_one_and_the_venues_own_is_said(read: Reader) -> None:
    found = read(constituents("0.51282051", "0.25641026", "0.23076923"), "index-constituents", name="a.json")
    assert [(problem.code, problem.severity) for problem in found.problems] == [
        ("index-constituents.own_weight", "note")
    ]
    assert "0.51282051" in found.problems[0].message
    wrong = read(constituents("0.6", "0.3"), "index-constituents", name="b.json")
    assert wrong.codes["index-constituents.weights"] == 1
    assert (
        read(constituents("1.5", "-0.5"), "index-constituents", name="c.json").codes["index-constituents.weight"] == 2
    )


def test_mark_prices_of_the_stream_and_the_rest_answer(read: Reader) -> None:
    stream = '{"e":"markPriceUpdate","E":1760130000000,"s":"BTCUSDT","p":"100.5","i":"100.1","T":1760140800000}\n'
    rest = '{"symbol":"BTCUSDT","markPrice":"100.5","indexPrice":"100.1",'
    rest += '"lastFundingRate":"0.0001","nextFundingTime":1760140800000,"time":1760130000000}\n'
    for text in (stream, rest):
        row = read(text, "mark-price", name="a.jsonl").rows[0]
        assert (row["mark_price"], row["index_price"], row["symbol"]) == (Decimal("100.5"), Decimal("100.1"), "BTCUSDT")
        assert row["next_funding_time"] == datetime(2025, 10, 11)


# money


@pytest.mark.parametrize("seed", range(4))
def test_balances_that_foot_have_no_problem(seed: int, read: Reader) -> None:
    text = as_csv(make_ledger(seed, 300), "time,account,asset,amount,balance")
    assert read(text, "ledger").problems == []


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), place=st.integers(20, 90), cents=st.integers(1, 10**6))
def test_a_balance_that_was_changed_is_found(
    tmp_path_factory: pytest.TempPathFactory, seed: int, place: int, cents: int
) -> None:
    rows = make_ledger(seed, 100)
    rows[place][4] = str(Decimal(rows[place][4]) + Decimal(cents) / 100)
    path = tmp_path_factory.mktemp("ledger") / "ledger.csv"
    path.write_text(as_csv(rows, "time,account,asset,amount,balance"))
    found = [problem for problem in check_table(open_table(path, "ledger")) if problem.code == "ledger.balance"]
    alike = [at for at, row in enumerate(rows) if row[1:3] == rows[place][1:3]]
    # The first entry of an account has nothing before it to foot with: the next one shows that it was changed.
    shown = [at + 1 for at in alike if at >= place][alike.index(place) == 0 :]
    assert [problem.row for problem in found] == shown[: 2 if alike.index(place) else 1]


@pytest.mark.parametrize(
    ("account", "told"),
    [
        ("trader-1", False),
        ("a3f9c2", False),
        ("alice@example.org", True),
        ("0x52908400098527886E0F7030069857D2E4169EE7", True),
        ("+82 10 1234 5678", True),
        ("123456789", True),
        ("Erika Mustermann", True),
    ],
)
def test_only_pseudonyms_stand_for_accounts(account: str, told: bool, read: Reader) -> None:
    found = read(f"account,unit,amount,bound\n{account},USDT,1,exact\n", "losses")
    assert ("losses.account" in found.codes) is told


@pytest.mark.parametrize(
    ("kind", "text", "code"),
    [
        ("losses", "unit,amount,bound\nUSDT,-1,exact\n", "losses.negative"),
        ("losses", "unit,amount,amount_to,bound\nUSDT,5,1,estimate\n", "losses.range"),
        ("losses", "unit,amount,bound\nsome dollars,1,exact\n", "losses.unit"),
        ("losses", "unit,amount,bound\nUSDT,1,exact\nusdt,1,exact\n", "losses.unit"),
        ("losses", "unit,amount,bound\nUSDT,1,perhaps\n", "table.enum"),
        ("compensation", "unit,loss,paid\nUSDT,-5,1\n", "compensation.negative"),
        ("compensation", "time,paid_time,unit,paid\n2025-10-10,2025-10-09,USDT,1\n", "compensation.paid_before_loss"),
        ("positions", "account,side,quantity,entry_price\na,long,1,0\n", "positions.not_positive"),
        ("positions", "account,side,quantity\na,sideways,1\n", "table.enum"),
        ("ledger", "time,account,asset,amount,balance\n2025-10-10,a,USDT,1,1\n2025-10-09,a,USDT,1,2\n", "ledger.order"),
        ("system-events", "time,event\n2025-10-10,a\n2025-10-09,b\n", "system-events.order"),
        ("system-events", "time,end_time,event\n2025-10-10,2025-10-09,halt\n", "system-events.window"),
        ("system-events", "time,event,phase\n2025-10-10,halt,end\n", "system-events.not_begun"),
        ("system-events", "time,event,phase\n2025-10-10,halt,begin\n", "system-events.open"),
        ("system-events", "time,event,phase\n2025-10-10,h,begin\n2025-10-10,h,begin\n", "system-events.begun_twice"),
        ("mark-price", "time,mark_price\n2025-10-10,0\n", "mark-price.not_positive"),
        ("open-interest", "time,open_interest\n2025-10-10,-1\n", "open-interest.negative"),
        ("prices", "time,price\n2025-10-10,1\n2025-10-09,1\n", "prices.clock"),
    ],
)
def test_a_planted_fault_is_found(kind: str, text: str, code: str, read: Reader) -> None:
    assert code in read(text, kind).codes


def test_a_negative_size_is_a_short(read: Reader) -> None:
    rows = read("account,symbol,positionAmt,entryPrice\na,BTCUSDT,-2,100\na,ETHUSDT,3,5\n", "positions").rows
    assert [(row["side"], row["quantity"]) for row in rows] == [("short", 2), ("long", 3)]


# reserves


def tree(seed: int, height: int) -> tuple[list[list[tuple[bytes, int]]], str]:
    """A BitMEX tree of liabilities: levels from the root down, and its file."""
    draw = random.Random(seed)
    level = [(draw.randbytes(32), draw.randint(0, 10**12)) for _ in range(2**height)]
    levels = [level]
    while len(level) > 1:
        level = [
            (
                hashlib.sha256(
                    level[i][0] + struct.pack("<Q", level[i][1]) + level[i + 1][0] + struct.pack("<Q", level[i + 1][1])
                ).digest(),
                level[i][1] + level[i + 1][1],
            )
            for i in range(0, len(level), 2)
        ]
        levels.insert(0, level)
    lines = ["block_height:693062", *(f"{digest.hex()},{amount}" for level in levels for digest, amount in level)]
    return levels, "\n".join(lines) + "\n"


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), height=st.integers(0, 7))
def test_the_root_comes_out_of_the_leaves(seed: int, height: int) -> None:
    levels, _ = tree(seed, height)
    for level in levels:
        folded = SumTree()
        for digest, amount in level:
            folded.add(digest, amount)
        assert folded.root() == levels[0][0]


def test_a_published_tree_is_recomputed_from_its_leaves(read: Reader) -> None:
    levels, text = tree(5, 6)
    found = read(text, "reserves", name="liabilities.csv")
    assert found.table.source.format == "BitMEX tree of liabilities"
    assert [row["entry"] for row in found.rows[:2]] == ["root", "node"]
    assert sum(row["amount"] for row in found.rows if row["entry"] == "leaf") == levels[0][0][1]
    assert found.codes == {"reserves.root_recomputed": 1}


@pytest.mark.parametrize(
    ("line", "code"),
    [(1, "reserves.root"), (3, "reserves.root"), (100, "reserves.root"), (127, "reserves.root")],
)
def test_a_changed_amount_anywhere_in_the_tree_is_found(line: int, code: str, read: Reader) -> None:
    _, text = tree(5, 6)
    lines = text.splitlines()
    digest, amount = lines[line].split(",")
    lines[line] = f"{digest},{int(amount) + 1}"
    found = read("\n".join(lines), "reserves", name="liabilities.csv")
    assert {code, "reserves.sum"} & set(found.codes)


def test_a_negative_leaf_is_found_and_a_tree_cut_off_is_no_tree(read: Reader) -> None:
    _, text = tree(5, 3)
    lines = text.splitlines()
    lines[9] = lines[9].split(",")[0] + ",-5"
    assert "reserves.negative" in read("\n".join(lines), "reserves", name="a.csv").codes
    assert "reserves.shape" in read("\n".join(text.splitlines()[:-1]), "reserves", name="b.csv").codes


def test_a_scheme_that_is_not_known_is_said(read: Reader) -> None:
    found = read("entry,asset,amount,hash\nleaf,BTC,1,abc\nleaf,BTC,2,def\nroot,BTC,3,123\n", "reserves")
    assert found.codes == {"reserves.scheme_unknown": 1}
    assert read("entry,asset,amount\nleaf,BTC,1\nroot,BTC,3\n", "reserves").codes["reserves.sum"] == 1


def test_joining_is_bitmexs_rule() -> None:
    left, right = b"\x01" * 32, b"\x02" * 32
    assert join(left, 1, right, 2) == hashlib.sha256(left + b"\x01" + b"\0" * 7 + right + b"\x02" + b"\0" * 7).digest()


# statements


def test_two_versions_of_a_statement_are_compared_by_what_is_read(tmp_path: Path) -> None:
    from archive.evidence.readers.web import diff_statements

    old, new, text = tmp_path / "old.html", tmp_path / "new.html", tmp_path / "new.txt"
    old.write_text("<html><body><p>Core engines   remained\n online.</p><script>1</script></body></html>")
    new.write_text("<html><body><div>Core engines remained online.</div><p>Some glitches.</p></body></html>")
    text.write_text("Core engines remained online.\nSome glitches.\n")
    assert diff_statements(old, new).added == ("Some glitches.",)
    assert diff_statements(old, new).removed == ()
    assert diff_statements(new, text).same


def test_spot_trades_and_aggregated_ones_without_a_header_are_told_apart(read: Reader) -> None:
    spot = read("5,100.5,0.1,10.05,1760130000000000,True,True\n", "trades", name="spot.csv")
    assert (spot.rows[0]["quote_quantity"], spot.rows[0]["side"], spot.rows[0]["first_id"]) == (
        Decimal("10.05"),
        "sell",
        None,
    )
    agg = read("5,100.5,0.1,9,10,1760130000000,false\n", "trades", name="agg.csv")
    assert (agg.rows[0]["first_id"], agg.rows[0]["last_id"], agg.rows[0]["side"]) == (9, 10, "buy")


WIDE = (
    "exchange,symbol,timestamp,local_timestamp,asks[0].price,asks[0].amount,bids[0].price,bids[0].amount,"
    "asks[1].price,asks[1].amount,bids[1].price,bids[1].amount\n"
)


def test_book_snapshots_side_by_side_become_one_row_a_level(read: Reader) -> None:
    lines = "binance-futures,X,1760130000000000,1760130000000001,3,1,2,1,4,1,1,1\n"
    lines += "binance-futures,X,1760130001000000,1760130001000001,3,1,2,1,4,1,,\n"
    found = read(WIDE + lines, "order-book", context=TableContext())
    assert [(row["row"], row["side"], row["price"]) for row in found.rows] == [
        (1, "bid", 2),
        (1, "bid", 1),
        (1, "ask", 3),
        (1, "ask", 4),
        (2, "bid", 2),
        (2, "ask", 3),
        (2, "ask", 4),
    ]
    assert {row["venue"] for row in found.rows} == {"binance"}
    assert found.problems == []
    crossed = read(WIDE + lines.replace(",3,1,2,1,", ",2,1,3,1,"), "order-book", name="c.csv", context=TableContext())
    assert "order-book.crossed" in crossed.codes
