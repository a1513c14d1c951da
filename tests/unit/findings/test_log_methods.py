"""order-rejections and latency on made logs whose truth is known."""

from __future__ import annotations

import random
from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from archive.errors import InvalidInputError

START = datetime(2025, 10, 10, 21, 12)
CODES = {"rejected": (-1008, -2010, -2022, -4118), "unknown": (-1006, -1007), "accepted": (None,)}


def log(seed, count):
    """Results in the window 05:12-07:02 (UTC+8) with a planted outcome, and rows that must not count."""
    chance = random.Random(seed)
    rows, truth = [], Counter()
    for number in range(count):
        outcome = chance.choices(("accepted", "rejected", "unknown"), (1, 7, 2))[0]
        time = START + timedelta(seconds=chance.randrange(110 * 60), milliseconds=chance.randrange(1000))
        code = chance.choice(CODES[outcome])
        truth[outcome] += 1
        truth[outcome, code] += 1
        rows.append(
            {
                "time": time,
                "event": "result",
                "operation": "order",
                "symbol": chance.choice(("DOGEUSDT", "XRPUSDT", None)),
                "reduce_only": chance.choice((True, False, None)),
                "http_status": 503 if outcome == "unknown" else 400 if outcome == "rejected" else 200,
                "code": code,
                "outcome": None if outcome == "unknown" and number % 3 else outcome,
                "client_state": code in (-2022, -4118),
                "latency": Decimal(chance.randrange(1, 30_000)) / 10,
                "endpoint": chance.choice(("/fapi/v1/order", "/api/v3/order")),
            }
        )
        rows.append({"time": time, "event": "request", "operation": "order"})
        rows.append({"time": time, "event": "result", "operation": "query", "outcome": "rejected"})
    rows.append({"time": START - timedelta(seconds=1), "event": "result", "operation": "order", "outcome": "rejected"})
    chance.shuffle(rows)
    return rows, truth


WINDOW = {"start": "2025-10-11T05:12:00+08:00", "end": "2025-10-11T07:02:00+08:00"}


@pytest.mark.parametrize("seed", range(4))
def test_counts_are_those_that_were_planted(run_method, make_input, seed):
    rows, truth = log(seed, 300)
    inputs = [make_input("log", "api-log", rows[:200], "one"), make_input("log", "api-log", rows[200:], "two")]
    result = run_method("order-rejections@1", inputs, interval="600", **WINDOW)
    assert result["results"] == "300"
    assert {name: int(result[name]) for name in CODES} == {name: truth[name] for name in CODES}
    codes = {item["code"]: int(item["rejected"]) for item in result["by_code"] if item["rejected"] != "0"}
    assert codes == {str(code): truth["rejected", code] for code in CODES["rejected"]}
    assert int(result["rejected_client_state"]) == truth["rejected", -2022] + truth["rejected", -4118]
    assert len(result["by_interval"]) == 11
    assert result["by_interval"][1]["start"] == "2025-10-10T21:22:00Z"
    assert sum(int(item["results"]) for item in result["by_interval"]) == 300


def test_unknown_is_never_counted_as_rejected(run_method, make_input):
    rows = [
        {"time": START, "event": "result", "operation": "order", "http_status": 503, "outcome": "unknown"},
        {"time": START, "event": "result", "operation": "order", "outcome": None},
        {"time": START, "event": "result", "operation": "order", "outcome": "accepted"},
    ]
    result = run_method("order-rejections@1", [make_input("log", "api-log", rows)])
    assert (result["rejected_share"], result["unknown_share"]) == ("0", "0.666666666667")
    assert result["rejected_or_unknown_share"] == "0.666666666667"


def test_only_the_symbols_asked_for(run_method, make_input):
    rows, _ = log(9, 50)
    result = run_method("order-rejections@1", [make_input("log", "api-log", rows)], symbols="XRPUSDT", **WINDOW)
    assert [item["symbol"] for item in result["by_symbol"]] == ["XRPUSDT"]


def test_no_result_in_the_window(run_method, make_input):
    rows = [{"time": START, "event": "request", "operation": "order"}]
    with pytest.raises(InvalidInputError) as error:
        run_method("order-rejections@1", [make_input("log", "api-log", rows)])
    assert error.value.code == "findings.no_rows"


@for_all(st.lists(st.sampled_from(["accepted", "rejected", "unknown", None]), min_size=1), st.integers(1, 7))
def test_law_shares_do_not_change_when_every_row_stands_n_times(outcomes, times):
    from archive.findings.methods.order_rejections_1 import _Asked, _Group, _judge

    def judged(copies):
        counts = Counter(
            _Group(None, None, None, None, None, outcome, None) for outcome in outcomes for _ in range(copies)
        )
        return _judge(counts, _Asked("order", None, None, 0, ()))

    one, many = judged(1), judged(times)
    assert {key: one[key] for key in one if key.endswith("share")} == {
        key: many[key] for key in many if key.endswith("share")
    }
    assert sum(int(one[name]) for name in CODES) == len(outcomes)


@pytest.mark.parametrize("seed", range(3))
def test_quantiles_by_nearest_rank(run_method, make_input, seed):
    rows, _ = log(seed, 200)
    result = run_method("latency@1", [make_input("log", "api-log", rows)], operation="order", **WINDOW)
    for item in result["endpoints"]:
        values = sorted(
            row["latency"] for row in rows if row.get("latency") is not None and row["endpoint"] == item["endpoint"]
        )
        assert int(item["with_latency"]) == len(values)
        for name, share in (("p50", 50), ("p95", 95), ("p99", 99)):
            rank = -(-len(values) * share // 100)
            assert Decimal(item[name]) == values[rank - 1]
        assert Decimal(item["max"]) == values[-1]


def test_bursts_of_errors(run_method, make_input):
    def row(minute, outcome):
        return {
            "time": START + timedelta(minutes=minute),
            "event": "result",
            "operation": "order",
            "endpoint": "/o",
            "outcome": outcome,
            "latency": "5",
        }

    rows = [row(minute, "rejected" if minute in (3, 4, 7) else "accepted") for minute in range(10) for _ in range(20)]
    result = run_method("latency@1", [make_input("log", "api-log", rows)], **WINDOW)
    assert [(item["start"], item["end"], item["failed"]) for item in result["endpoints"][0]["bursts"]] == [
        ("2025-10-10T21:15:00Z", "2025-10-10T21:17:00Z", "40"),
        ("2025-10-10T21:19:00Z", "2025-10-10T21:20:00Z", "20"),
    ]


@for_all(st.lists(st.decimals("0", "9999", places=3), min_size=1, max_size=60), st.integers(1, 100))
def test_law_nearest_rank_is_the_smallest_value_with_that_share_at_or_below(values, percent):
    from archive.findings.exact import nearest_rank

    ordered, share = sorted(values), Fraction(percent, 100)
    found = nearest_rank(ordered, share)
    assert sum(value <= found for value in values) >= share * len(values)
    assert sum(value < found for value in values) < share * len(values)
