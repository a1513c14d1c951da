"""mark-price-replay@1: index and mark price under given weights, sources and averaging windows, and who is liquidated.

At each time of the contract's rows: index = weighted mean of the constituents' latest prices; basis = contract price -
index; price 2 = index + mean of the basis over the averaging window; price 1 = index * (1 + funding rate * time to the
next funding / funding interval), or the index without a rate; mark = median of price 1, price 2 and contract price.
Index and mean are rounded to 18 places, half to even.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from archive.errors import InvalidInputError
from archive.findings.exact import SCALE, microseconds, moment, rounded, text
from archive.findings.method import (
    MAX_LISTED,
    Engine,
    Input,
    Method,
    Parameter,
    Parameters,
    Result,
    Role,
    no_rows,
    present,
)

_CONSTITUENTS = ("time", "symbol", "constituent", "constituent_symbol", "price", "weight")
_CONTRACT = ("time", "symbol", "last_price", "best_bid", "best_ask", "funding_rate", "next_funding_time", "mark_price")
_POSITIONS = (
    "id",
    "account",
    "time",
    "symbol",
    "side",
    "quantity",
    "entry_price",
    "liquidation_price",
    "margin",
    "maintenance_rate",
)
_SCENARIO = re.compile(r"\s*(?P<name>[a-z0-9][a-z0-9-]{0,63})\s*:\s*(?P<rules>[^;]*)\Z")
_UNITS = 10**SCALE


@dataclass(frozen=True, slots=True)
class _Scenario:
    """One way to compute: `weights` None takes those of the file, equal where it has none; `only` None takes all."""

    name: str
    window: int
    weights: dict[str, Fraction] | None
    only: frozenset[str] | None
    without: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Quote:
    """A constituent's price and weight from a time on."""

    time: datetime
    name: str
    price: Decimal
    weight: Decimal | None


@dataclass(frozen=True, slots=True)
class _Tick:
    """The contract at one time; `price` is the middle of the book, else the last price."""

    time: datetime
    price: Fraction
    funding_rate: Decimal | None
    next_funding: datetime | None
    published: Decimal | None


@dataclass(frozen=True, slots=True)
class _Mark:
    time: datetime
    index: Fraction
    mark: Fraction


def compute(inputs: Sequence[Input], parameters: Parameters, engine: Engine) -> dict[str, Result]:
    """Replay every scenario over the same rows, and apply each course of the mark price to the same positions."""
    symbol, start, end = parameters.text("symbol"), parameters.time("start"), parameters.time("end")
    load = _fast if engine == "fast" else _reference

    def rows(role: str, kind: str, columns: tuple[str, ...]) -> list[dict[str, Any]]:
        return [row for item in inputs if item.role == role for row in load(item, kind, columns, symbol)]

    quotes = sorted(_quotes(rows("constituents", "index-constituents", _CONSTITUENTS)), key=_order)
    ticks = sorted(_ticks(rows("contract", "mark-price", _CONTRACT), start, end), key=lambda tick: tick.time)
    positions = rows("positions", "positions", _POSITIONS)
    if not quotes or not ticks:
        raise no_rows(METHOD.id, f"there are no constituents or no contract prices of {symbol}")
    interval = parameters.integer("funding_interval")
    scenarios = _scenarios(parameters.text("scenarios"))
    shown: list[Result] = []
    first: frozenset[str] | None = None
    for scenario in scenarios:
        course = list(_replay(scenario, quotes, ticks, interval))
        if not course:
            raise no_rows(METHOD.id, f"scenario {scenario.name}: no constituent has a price at any of the times")
        gone = _liquidated(course, positions)
        names = frozenset(gone)
        first = names if first is None else first
        shown.append(_scenario(scenario, course, gone, first, len(positions)))
    return {
        "symbol": symbol,
        "times": str(len(ticks)),
        "positions": str(len(positions)),
        "scenarios": shown,
        **present(published=_published(ticks)),
    }


def _order(quote: _Quote) -> tuple[datetime, str, Decimal, Decimal]:
    return quote.time, quote.name, quote.price, quote.weight if quote.weight is not None else Decimal(-1)


def _reference(item: Input, kind: str, columns: tuple[str, ...], symbol: str) -> list[dict[str, Any]]:
    return [
        row
        for batch in item.open(kind).batches(columns=columns)
        for row in batch.to_pylist()
        if row["symbol"] == symbol
    ]


def _fast(item: Input, kind: str, columns: tuple[str, ...], symbol: str) -> list[dict[str, Any]]:
    from archive.findings.duck import query

    names = ("row", *columns)
    sql = f"SELECT {', '.join(names)} FROM evidence WHERE symbol = ? ORDER BY row"  # noqa: S608 - names of the contract
    return [dict(zip(names, row, strict=True)) for row in query(item.open(kind), columns, sql, [symbol])]


def _quotes(rows: Sequence[dict[str, Any]]) -> Iterator[_Quote]:
    for row in rows:
        if row["time"] is not None and row["price"] is not None and row["constituent"]:
            yield _Quote(row["time"], row["constituent"], row["price"], row["weight"])


def _ticks(rows: Sequence[dict[str, Any]], start: datetime | None, end: datetime | None) -> Iterator[_Tick]:
    for row in rows:
        time, bid, ask = row["time"], row["best_bid"], row["best_ask"]
        if time is None or (start is not None and time < start) or (end is not None and time >= end):
            continue
        if bid is not None and ask is not None:
            price = (Fraction(bid) + Fraction(ask)) / 2
        elif row["last_price"] is not None:
            price = Fraction(row["last_price"])
        else:
            continue
        yield _Tick(time, price, row["funding_rate"], row["next_funding_time"], row["mark_price"])


def _scenarios(written: str) -> list[_Scenario]:
    """`as-was: window=60; longer: window=150; no-own: window=60 without=binance; usd: only=coinbase,kraken`."""
    found: list[_Scenario] = []
    for part in written.split(";"):
        if not part.strip():
            continue
        match = _SCENARIO.match(part)
        if match is None:
            raise _bad(part, "name: key=value …")
        rules: dict[str, str] = {}
        for rule in match["rules"].split():
            key, sign, value = rule.partition("=")
            if not sign or not value or key not in ("window", "weights", "only", "without") or key in rules:
                raise _bad(rule, "keys: window (seconds), weights, only, without")
            rules[key] = value
        window = rules.get("window", "0")
        if not re.fullmatch(r"[1-9][0-9]{0,5}", window):
            raise _bad(part, "window=60: the seconds over which the basis is averaged")
        only = frozenset(rules["only"].split(",")) if "only" in rules else None
        weights = _weights(rules["weights"]) if "weights" in rules else None
        without = frozenset(rules.get("without", "").split(",")) - {""}
        found.append(_Scenario(match["name"], int(window), weights, only, without))
    if not found or len({scenario.name for scenario in found}) < len(found):
        raise _bad(written, "one scenario or more, each with a name of its own")
    return found


def _weights(written: str) -> dict[str, Fraction]:
    """`binance:0.6,okx:0.2`."""
    found: dict[str, Fraction] = {}
    for part in written.split(","):
        name, sign, share = part.partition(":")
        if not sign or not re.fullmatch(r"(0|[1-9]\d{0,5})(\.\d{1,12})?", share) or name in found:
            raise _bad(part, "weights=binance:0.6,okx:0.4")
        found[name] = Fraction(share)
    return found


def _bad(part: str, hint: str) -> InvalidInputError:
    return InvalidInputError(
        f"{METHOD.id}: the scenario {part.strip()[:80]!r} cannot be read", code="findings.parameter", hint=hint
    )


def _replay(scenario: _Scenario, quotes: Sequence[_Quote], ticks: Sequence[_Tick], interval: int) -> Iterator[_Mark]:
    latest: dict[str, _Quote] = {}
    place = 0
    bases: deque[tuple[datetime, Fraction]] = deque()
    total = Fraction(0)
    window = timedelta(seconds=scenario.window)
    for tick in ticks:
        while place < len(quotes) and quotes[place].time <= tick.time:
            latest[quotes[place].name] = quotes[place]
            place += 1
        index = _index(scenario, latest)
        if index is None:
            continue
        basis = tick.price - index
        bases.append((tick.time, basis))
        total += basis
        # Half-open at its old end: the samples of the last `window` seconds.
        while bases[0][0] <= tick.time - window:
            total -= bases.popleft()[1]
        second = index + _to_scale(total / len(bases))
        first = index
        if tick.funding_rate is not None and tick.next_funding is not None:
            left = Fraction(microseconds(tick.next_funding) - microseconds(tick.time), 1_000_000)
            first = _to_scale(index * (1 + Fraction(tick.funding_rate) * left / interval))
        yield _Mark(tick.time, index, sorted((first, second, tick.price))[1])


def _to_scale(value: Fraction) -> Fraction:
    return Fraction(round(value * _UNITS), _UNITS)


def _index(scenario: _Scenario, latest: dict[str, _Quote]) -> Fraction | None:
    top = bottom = Fraction(0)
    for name, quote in latest.items():
        if name in scenario.without or (scenario.only is not None and name not in scenario.only):
            continue
        if scenario.weights is not None:
            weight = scenario.weights.get(name, Fraction(0))
        else:
            weight = Fraction(quote.weight) if quote.weight is not None else Fraction(1)
        top += weight * Fraction(quote.price)
        bottom += weight
    return _to_scale(top / bottom) if bottom else None


def _liquidated(course: Sequence[_Mark], positions: Sequence[dict[str, Any]]) -> dict[str, datetime]:
    """Position to the first time at which the mark price takes it; positions are open from their time on."""
    gone: dict[str, datetime] = {}
    for position in positions:
        level = _level(position)
        if level is None:
            continue
        long = position["side"] == "long"
        opened = position["time"]
        for point in course:
            if opened is not None and point.time < opened:
                continue
            if (point.mark <= level) if long else (point.mark >= level):
                gone[position["id"] or position["account"] or f"row-{position['row']}"] = point.time
                break
    return gone


def _level(position: dict[str, Any]) -> Fraction | None:
    """The liquidation price: the venue's, else of an isolated position, where margin + profit = maintenance margin."""
    if position["liquidation_price"] is not None:
        return Fraction(position["liquidation_price"])
    if any(position[name] is None for name in ("quantity", "entry_price", "margin", "maintenance_rate")):
        return None
    quantity, rate = Fraction(position["quantity"]), Fraction(position["maintenance_rate"])
    value = quantity * Fraction(position["entry_price"])
    sign = 1 if position["side"] == "long" else -1
    divisor = quantity * (sign - rate)
    return (sign * value - Fraction(position["margin"])) / divisor if divisor else None


def _scenario(
    scenario: _Scenario, course: Sequence[_Mark], gone: dict[str, datetime], first: frozenset[str], positions: int
) -> Result:
    lowest = min(course, key=lambda point: (point.mark, point.time))
    highest = max(course, key=lambda point: (point.mark, -microseconds(point.time)))
    names = frozenset(gone)
    listed: list[Result] = [
        {"position": name, "time": moment(time)}
        for name, time in sorted(gone.items(), key=lambda pair: (pair[1], pair[0]))[:MAX_LISTED]
    ]
    return {
        "scenario": scenario.name,
        "window_seconds": str(scenario.window),
        "lowest_index": rounded(min(point.index for point in course)),
        "lowest_mark": rounded(lowest.mark),
        "lowest_mark_time": moment(lowest.time),
        "highest_mark": rounded(highest.mark),
        "highest_mark_time": moment(highest.time),
        "liquidated": str(len(gone)),
        "not_liquidated": str(positions - len(gone)),
        "more_than_first": str(len(names - first)),
        "fewer_than_first": str(len(first - names)),
        "positions": listed,
    }


def _published(ticks: Sequence[_Tick]) -> Result | None:
    """The venue's own mark price, for comparison."""
    known = [(tick.published, tick.time) for tick in ticks if tick.published is not None]
    if not known:
        return None
    low, time = min(known)
    return {"lowest_mark": text(low), "lowest_mark_time": moment(time)}


METHOD = Method(
    name="mark-price-replay",
    version=1,
    title="Index and mark price under other weights, sources and windows, and which positions each would liquidate",
    roles=(
        Role("constituents", "index-constituents", "prices and weights of the index"),
        Role("contract", "mark-price", "prices of the contract, and funding"),
        Role("positions", "positions", "positions to be tried", 0),
    ),
    parameters=(
        Parameter("symbol", "text", "The contract, as in the files", required=True),
        Parameter(
            "scenarios",
            "text",
            "as-was: window=60; longer: window=150; no-own: window=60 without=binance",
            required=True,
        ),
        Parameter("start", "time", "Contract prices from this time on count"),
        Parameter("end", "time", "Contract prices before this time count"),
        Parameter("funding_interval", "integer", "Seconds between two fundings", "28800", least=1),
    ),
    compute=compute,
    has_fast_path=True,
)
