"""price-deviation and depeg on made markets whose truth is known."""

from __future__ import annotations

import random
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from archive.errors import InvalidInputError

WINDOW = {"start": "2025-10-10T21:36:00Z", "end": "2025-10-10T22:16:00Z"}


def candle(time, venue, symbol, low, high, **more):
    return {"time": time, "venue": venue, "product": "spot", "symbol": symbol, "low": low, "high": high, **more}


def test_low_is_compared_with_the_second_lowest(run_method, make_input):
    rows = [
        candle("2025-10-10T21:20:00Z", "binance", "ATOMUSDT", "0.001", "4"),
        candle("2025-10-10T21:20:00Z", "okx", "ATOM-USDT", "2", "4"),
        candle("2025-10-10T21:20:00Z", "bybit", "ATOMUSDT", "2.5", "4"),
        candle("2025-10-10T21:20:00Z", "coinbase", "ATOM-USD", "2.4", "4.1"),
        candle("2025-10-10T21:20:00Z", "binance", "ETHUSDT", "3400", "4000"),
        candle("2025-10-10T21:20:00Z", "okx", "ETH-USDT", "3500", "4000"),
    ]
    result = run_method(
        "price-deviation@1", [make_input("klines", "klines", rows)], venue="binance", usd_venues="coinbase"
    )
    venue = result["venues"][0]
    assert result["assets_compared"] == "2"
    assert venue["lows"]["beyond"] == [
        {"threshold": "0.1", "assets": "1", "share": "0.5"},
        {"threshold": "0.5", "assets": "1", "share": "0.5"},
    ]
    assert venue["lows"]["furthest"] == [
        {"asset": "ATOM", "price": "0.001", "peer_price": "2", "peer": "okx", "deviation": "0.9995"}
    ]
    assert venue["lows_against_usd"]["furthest"][0]["peer_price"] == "2.4"


def market(seed, deep):
    """Assets at four venues; of `deep` of them one venue prints a low 60% under all others."""
    chance = random.Random(seed)
    rows = []
    for number in range(60):
        price = Decimal(chance.randint(10_000, 9_000_000)).scaleb(-chance.randint(0, 6))
        for venue in ("binance", "okx", "bybit", "gate"):
            for minute in range(3):
                low = price * (Decimal(1) - Decimal(chance.randint(0, 60)) / 1000)
                if venue == "binance" and minute == 1 and number < deep:
                    low = price * Decimal("0.376")
                time = f"2025-10-10T21:{20 + minute}:00Z"
                rows.append(candle(time, venue, f"A{number:02}USDT", low, price))
    chance.shuffle(rows)
    return rows


@pytest.mark.parametrize(("seed", "deep"), [(1, 0), (2, 1), (3, 17), (4, 60)])
def test_counts_are_those_that_were_planted(run_method, make_input, seed, deep):
    rows = market(seed, deep)
    inputs = [make_input("klines", "klines", rows[::2], "one"), make_input("klines", "klines", rows[1::2], "two")]
    result = run_method("price-deviation@1", inputs, venue="binance")
    assert result["rows"] == "720"
    assert [item["assets"] for item in result["venues"][0]["lows"]["beyond"]] == [str(deep), str(deep)]


def test_upward_wick(run_method, make_input):
    rows = [
        candle("2025-10-10T21:20:00Z", "binance", "APTUSDT", "4", "100"),
        candle("2025-10-10T21:20:00Z", "okx", "APT-USDT", "4", "5"),
    ]
    result = run_method("price-deviation@1", [make_input("klines", "klines", rows)], venue="binance")
    assert result["venues"][0]["highs"]["furthest"][0]["deviation"] == "19"


def test_window_is_half_open_and_nothing_in_it_is_an_error(run_method, make_input):
    rows = [candle("2025-10-10T22:16:00Z", "binance", "APTUSDT", "4", "5")]
    with pytest.raises(InvalidInputError) as error:
        run_method("price-deviation@1", [make_input("klines", "klines", rows)], **WINDOW)
    assert error.value.code == "findings.no_rows"


prices = st.decimals("0.0001", "99999", places=6)


@for_all(st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), prices, min_size=2), st.integers(1, 1000))
def test_law_scaling_all_prices_changes_no_share(lows, factor):
    """Shares do not depend on the unit in which prices are written."""
    from archive.findings.methods.price_deviation_1 import METHOD, _below, _Extremes

    def share(scale):
        venues = {name: _Extremes(1, low * scale, low * scale) for name, low in lows.items()}
        first = min(venues)
        return _below("X", first, venues, frozenset(venues) - {first}).share

    assert METHOD.id == "price-deviation@1"
    assert share(1) == share(factor)


def minutes(seed, low_at, low):
    chance = random.Random(seed)
    from datetime import datetime

    start = datetime(2025, 10, 10, 20, 0)
    rows = []
    for number in range(240):
        time = start + timedelta(minutes=number)
        value = Decimal(chance.randint(9950, 10000)).scaleb(-4)
        rows.append(candle(time, "binance", "USDEUSDT", low if number == low_at else value, Decimal(1)))
    return rows


def test_depeg_is_found_with_its_time_and_place(run_method, make_input):
    pool = [{"time": "2025-10-10T21:54:11Z", "venue": "uniswap", "symbol": "USDe/USDT", "price": "0.9941"}]
    result = run_method(
        "depeg@1",
        [make_input("market", "klines", minutes(5, 114, Decimal("0.65"))), make_input("pool", "prices", pool)],
        **WINDOW,
    )
    inside = result["market"][0]["inside"]
    assert (inside["low"], inside["low_time"], inside["depth"]) == ("0.65", "2025-10-10T21:54:00Z", "0.35")
    assert (inside["rows"], inside["rows_below"], inside["seconds_below"]) == ("40", "1", "60")
    assert result["market"][0]["outside"]["rows"] == "200"
    assert result["gap"]["share"] == "0.346142239211"


def test_depeg_takes_the_first_of_equal_lows(run_method, make_input):
    rows = [candle(f"2025-10-10T21:{minute}:00Z", "b", "USDEUSDT", "0.7", "1") for minute in (50, 40, 45)]
    result = run_method("depeg@1", [make_input("market", "klines", rows)], **WINDOW)
    assert result["market"][0]["inside"]["low_time"] == "2025-10-10T21:40:00Z"


@for_all(st.lists(prices, min_size=1, max_size=30), st.decimals("0.01", "0.99", places=4))
def test_law_depth_and_low_agree_and_below_counts_what_is_below(lows, threshold):
    """depth = (peg - low) / peg, and the count is that of the definition."""
    from archive.findings.exact import least_multiple, rounded

    limit = least_multiple(1 - Fraction(threshold))
    assert sum(low < limit for low in lows) == sum(Fraction(low) < 1 - Fraction(threshold) for low in lows)
    assert rounded(1 - Fraction(min(lows))) == rounded(Fraction(1 - min(lows)))
