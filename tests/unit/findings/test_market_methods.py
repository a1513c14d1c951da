"""spot-perp-basis, open-interest-drop and mark-price-replay on made markets whose truth is known."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from archive.errors import InvalidInputError

START = datetime(2025, 10, 10, 21, 16)


def candle(minute, venue, symbol, close, product="spot"):
    time = START + timedelta(minutes=minute)
    return {
        "time": time,
        "venue": venue,
        "product": product,
        "symbol": symbol,
        "close": close,
        "open": close,
        "high": close,
        "low": close,
    }


def test_basis_of_180_against_140(run_method, make_input):
    spot = [candle(minute, "binance", "SOLUSDT", "180") for minute in range(5)]
    perp = [candle(minute, "binance", "SOLUSDT", "140" if minute == 3 else "179", "usdm") for minute in range(5)]
    result = run_method(
        "spot-perp-basis@1",
        [make_input("spot", "klines", spot), make_input("perp", "klines", perp)],
        threshold="0.05",
        interval="120",
        start="2025-10-10T21:16:00Z",
    )
    asset = result["assets"][0]
    assert asset["widest"] == {
        "time": "2025-10-10T21:19:00Z",
        "spot": "180",
        "perp": "140",
        "gap": "-40",
        "basis": "-0.222222222222",
    }
    assert (asset["times"], asset["times_beyond"]) == ("5", "1")
    assert [item["start"][11:16] for item in asset["course"]] == ["21:16", "21:18", "21:20"]


@pytest.mark.parametrize("seed", range(3))
def test_widest_gap_is_the_planted_one(run_method, make_input, seed):
    chance = random.Random(seed)
    deepest = chance.randrange(200)
    spot, perp = [], []
    for minute in range(200):
        price = Decimal(chance.randint(9_000, 11_000)) / 100
        share = Decimal("0.7") if minute == deepest else 1 + Decimal(chance.randint(-90, 90)) / 1000
        spot.append(candle(minute, "okx", "SOL-USDT", price))
        perp.append(candle(minute, "okx", "SOL-USDT-SWAP", price * share, "swap"))
    chance.shuffle(perp)
    inputs = [make_input("spot", "klines", spot), make_input("perp", "klines", perp)]
    result = run_method("spot-perp-basis@1", inputs, threshold="0.1")
    assert result["assets"][0]["widest"]["basis"] == "-0.3"
    assert result["assets"][0]["times_beyond"] == "1"


positive = st.decimals("0.01", "99999", places=4)


@for_all(st.lists(st.tuples(positive, positive), min_size=1, max_size=20))
def test_law_basis_is_within_its_extremes(pairs):
    from archive.findings.methods.spot_perp_basis_1 import _basis

    for spot, perp in pairs:
        assert Fraction(spot) * (1 + _basis(spot, perp)) == Fraction(perp)


def test_open_interest_by_instrument(run_method, make_input):
    values = [(-5, "170"), (0, "160"), (3, "80"), (7, "90"), (99, "10")]
    rows = [
        {"time": START + timedelta(minutes=m), "venue": "binance", "symbol": "ATOMUSDT", "open_interest_value": v}
        for m, v in values
    ]
    random.Random(1).shuffle(rows)
    result = run_method(
        "open-interest-drop@1",
        [make_input("open-interest", "open-interest", rows)],
        start="2025-10-10T21:16:00Z",
        end="2025-10-10T22:16:00Z",
    )
    found = result["instruments"][0]
    assert (found["before"], found["lowest"], found["after"]) == ("160", "80", "90")
    assert (found["drop_to_lowest"], found["drop_to_after"]) == ("0.5", "0.4375")


def test_open_interest_of_claimed_figures(run_method, make_facts):
    table = make_facts(
        "row,value,unit,bound,claimed_by\nm01,160000000,USD,estimate,a\nm02,90000000,USD,estimate,a\n"
        "m03,50,percent,lower,a\n"
    )
    result = run_method("open-interest-drop@1", [table], before="m01.value", after="m02.value", stated="m03.value")
    assert (result["drop_percent"], result["more_than_half"], result["agrees"]) == ("43.75", "no", "no")


@for_all(st.lists(st.tuples(st.integers(0, 50), positive), min_size=2, max_size=30), st.randoms())
def test_law_the_order_of_observations_decides_nothing(observations, chance):
    from archive.findings.methods.open_interest_drop_1 import _Course

    parts = [_Course((START + timedelta(minutes=m), v), (v, START), (START, v)) for m, v in observations]
    whole = parts[0]
    for part in parts[1:]:
        whole = whole.with_(part)
    chance.shuffle(parts)
    again = parts[0]
    for part in parts[1:]:
        again = part.with_(again)
    assert again == whole


def index_rows(seconds, prices, weights):
    return [
        {
            "time": START + timedelta(seconds=second),
            "symbol": "ATOMUSDT",
            "constituent": name,
            "price": price(second),
            "weight": weights.get(name),
        }
        for second in seconds
        for name, price in prices.items()
    ]


def crash(second):
    """The venue's own spot falls to near zero for twenty seconds."""
    return "0.01" if 120 <= second < 140 else "4"


def contract(seconds):
    return [
        {
            "time": START + timedelta(seconds=second),
            "symbol": "ATOMUSDT",
            "last_price": "2" if 120 <= second < 140 else "4",
        }
        for second in seconds
    ]


POSITIONS = [
    {"id": "a", "symbol": "ATOMUSDT", "side": "long", "quantity": "10", "liquidation_price": "3"},
    {"id": "b", "symbol": "ATOMUSDT", "side": "long", "quantity": "10", "liquidation_price": "0.5"},
    {"id": "c", "symbol": "ATOMUSDT", "side": "short", "quantity": "10", "liquidation_price": "5"},
    {
        "id": "d",
        "symbol": "ATOMUSDT",
        "side": "long",
        "quantity": "10",
        "entry_price": "4",
        "margin": "8",
        "maintenance_rate": "0.05",
    },
    {"id": "e", "symbol": "OTHER", "side": "long", "quantity": "1", "liquidation_price": "3"},
]


def test_who_is_liquidated_under_each_scenario(run_method, make_input):
    seconds = range(0, 300, 5)
    prices = {"binance": crash, "okx": lambda second: "4", "coinbase": lambda second: "4"}
    weights = {"binance": "0.6", "okx": "0.2", "coinbase": "0.2"}
    result = run_method(
        "mark-price-replay@1",
        [
            make_input("constituents", "index-constituents", index_rows(seconds, prices, weights)),
            make_input("contract", "mark-price", contract(seconds)),
            make_input("positions", "positions", POSITIONS),
        ],
        symbol="ATOMUSDT",
        scenarios="as-was: window=60; long: window=150; no-own: window=60 without=binance; "
        "usd: window=60 only=coinbase",
    )
    by_name = {item["scenario"]: item for item in result["scenarios"]}
    assert result["positions"] == "4"
    assert by_name["as-was"]["lowest_index"] == "1.606"
    assert by_name["as-was"]["liquidated"] == "2"
    assert [item["position"] for item in by_name["as-was"]["positions"]] == ["a", "d"]
    # Without the venue's own price the index stands at 4, and the mark is its median with the contract.
    assert by_name["no-own"]["lowest_index"] == "4"
    assert by_name["no-own"]["fewer_than_first"] == by_name["usd"]["fewer_than_first"] == "1"


def test_liquidation_level_of_an_isolated_position():
    from archive.findings.methods.mark_price_replay_1 import _level

    position = {**POSITIONS[3], "liquidation_price": None}
    for side, sign in (("long", 1), ("short", -1)):
        level = _level(
            {
                **position,
                "side": side,
                "quantity": Decimal(10),
                "entry_price": Decimal(4),
                "margin": Decimal(8),
                "maintenance_rate": Decimal("0.05"),
            }
        )
        assert 8 + sign * 10 * (level - 4) == Fraction(5, 100) * 10 * level


def test_a_scenario_that_cannot_be_read(run_method, make_input):
    rows = index_rows([0], {"okx": lambda second: "4"}, {})
    inputs = [
        make_input("constituents", "index-constituents", rows),
        make_input("contract", "mark-price", contract([0])),
    ]
    for scenarios in ("window=60", "a: window=0", "a: sources=1 window=5", "a: window=5; a: window=6", ""):
        with pytest.raises(InvalidInputError) as error:
            run_method("mark-price-replay@1", inputs, symbol="ATOMUSDT", scenarios=scenarios or " ")
        assert error.value.code == "findings.parameter"


@for_all(st.lists(positive, min_size=1, max_size=12), st.integers(1, 60))
def test_law_with_one_price_everywhere_the_mark_is_that_price(contracts, window):
    """When index and contract agree at each time, every window gives the contract price back."""
    from archive.findings.methods.mark_price_replay_1 import _Quote, _replay, _Scenario, _Tick

    times = [START + timedelta(seconds=n) for n in range(len(contracts))]
    quotes = [_Quote(time, "okx", price, None) for time, price in zip(times, contracts, strict=True)]
    ticks = [_Tick(time, Fraction(price), None, None, None) for time, price in zip(times, contracts, strict=True)]
    scenario = _Scenario("x", window, None, None, frozenset())
    assert [point.mark for point in _replay(scenario, quotes, ticks, 28800)] == [Fraction(p) for p in contracts]
