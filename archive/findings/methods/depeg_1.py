"""depeg@1: how deep and how long a price left its peg at one venue, inside and outside a window, and elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from archive.findings.exact import least_multiple, moment, rounded, text
from archive.findings.method import Engine, Input, Method, Parameter, Parameters, Result, Role, no_rows, present

_PLACES = ("venue", "product", "symbol")
_Key = tuple[str, str, str, bool]


@dataclass(frozen=True, slots=True)
class _Part:
    """One instrument inside or outside the window. `first`, `last`: rows below the limit; None when there are none."""

    rows: int
    low: Decimal
    low_time: datetime
    below: int
    first: datetime | None
    last: datetime | None

    def with_(self, other: _Part | None) -> _Part:
        if other is None:
            return self
        low, low_time = min((self.low, self.low_time), (other.low, other.low_time))
        firsts = [time for time in (self.first, other.first) if time is not None]
        lasts = [time for time in (self.last, other.last) if time is not None]
        return _Part(
            self.rows + other.rows,
            low,
            low_time,
            self.below + other.below,
            min(firsts, default=None),
            max(lasts, default=None),
        )


@dataclass(frozen=True, slots=True)
class _Asked:
    start: datetime
    end: datetime
    since: datetime | None
    until: datetime | None
    limit: Decimal


def compute(inputs: Sequence[Input], parameters: Parameters, engine: Engine) -> dict[str, Result]:
    """Lows by instrument, inside and outside the window; then depth, duration and the distance to the peers."""
    start, end = parameters.instant("start"), parameters.instant("end")
    peg = parameters.decimal("peg")
    limit = peg * (1 - parameters.decimal("threshold"))
    asked = _Asked(start, end, parameters.time("since"), parameters.time("until"), least_multiple(limit))
    market = _scan([item for item in inputs if item.role == "market"], "klines", "low", asked, engine)
    peers = _scan([item for item in inputs if item.role == "peer"], "klines", "low", asked, engine)
    pools = _scan([item for item in inputs if item.role == "pool"], "prices", "price", asked, engine)
    if not market:
        raise no_rows(METHOD.id, "the market has no row in the time looked at")
    step = parameters.integer("interval")
    shown = [_instrument(key, parts, peg, step) for key, parts in market.items()]
    others = [_instrument(key, parts, peg, step) for key, parts in peers.items()]
    others += [_instrument(key, parts, peg, None) for key, parts in pools.items()]
    return {
        "peg": rounded(peg),
        "below": rounded(limit),
        "window": {"start": moment(start), "end": moment(end)},
        "market": shown,
        **present(elsewhere=others or None, gap=_gap(market, {**peers, **pools})),
    }


_Instruments = dict[tuple[str, str, str], dict[bool, _Part]]


def _scan(inputs: Sequence[Input], kind: str, price: str, asked: _Asked, engine: Engine) -> _Instruments:
    found: _Instruments = {}
    for item in inputs:
        for (venue, product, symbol, inside), part in (_fast if engine == "fast" else _reference)(
            item, kind, price, asked
        ):
            parts = found.setdefault((venue, product, symbol), {})
            parts[inside] = part.with_(parts.get(inside))
    return dict(sorted(found.items()))


def _reference(item: Input, kind: str, price: str, asked: _Asked) -> Sequence[tuple[_Key, _Part]]:
    found: dict[_Key, _Part] = {}
    for batch in item.open(kind).batches(columns=("time", *_PLACES, price)):
        for row in batch.to_pylist():
            time, value = row["time"], row[price]
            if time is None or value is None:
                continue
            if (asked.since and time < asked.since) or (asked.until and time >= asked.until):
                continue
            key = (*(row[name] or "" for name in _PLACES), asked.start <= time < asked.end)
            below = value < asked.limit
            part = _Part(1, value, time, int(below), time if below else None, time if below else None)
            found[key] = part.with_(found.get(key))
    return list(found.items())


def _fast(item: Input, kind: str, price: str, asked: _Asked) -> Sequence[tuple[_Key, _Part]]:
    from archive.findings.duck import query

    conditions = ["time IS NOT NULL", f"{price} IS NOT NULL"]
    values: list[object] = [asked.start, asked.end, asked.limit, asked.limit, asked.limit]
    for bound, sign in ((asked.since, ">="), (asked.until, "<")):
        if bound is not None:
            conditions.append(f"time {sign} ?")
            values.append(bound)
    # The smallest pair of price and time: the low, and the first time it was printed.
    sql = (
        "SELECT coalesce(venue, ''), coalesce(product, ''), coalesce(symbol, ''), time >= ? AND time < ? AS inside, "  # noqa: S608 - fixed words
        f"count(*), min({{'price': {price}, 'time': time}}), count(*) FILTER ({price} < ?), "
        f"min(time) FILTER ({price} < ?), max(time) FILTER ({price} < ?) "
        f"FROM evidence WHERE {' AND '.join(conditions)} GROUP BY 1, 2, 3, 4"
    )
    return [
        ((venue, product, symbol, inside), _Part(rows, low["price"], low["time"], below, first, last))
        for venue, product, symbol, inside, rows, low, below, first, last in query(
            item.open(kind), ("time", *_PLACES, price), sql, values
        )
    ]


def _instrument(key: tuple[str, str, str], parts: dict[bool, _Part], peg: Fraction, step: int | None) -> Result:
    shown: dict[str, Result] = {name: value for name, value in zip(_PLACES, key, strict=True) if value}
    for inside, name in ((True, "inside"), (False, "outside")):
        if inside in parts:
            shown[name] = _part(parts[inside], peg, step)
    return shown


def _part(part: _Part, peg: Fraction, step: int | None) -> Result:
    return {
        "rows": str(part.rows),
        "low": text(part.low),
        "low_time": moment(part.low_time),
        "depth": rounded((peg - Fraction(part.low)) / peg),
        "rows_below": str(part.below),
        **present(
            seconds_below=str(part.below * step) if step is not None else None,
            first_below=moment(part.first) if part.first is not None else None,
            last_below=moment(part.last) if part.last is not None else None,
        ),
    }


def _gap(market: _Instruments, others: _Instruments) -> Result | None:
    """The market's low in the window under the lowest price that the others had in the window."""
    mine = [(parts[True].low, key) for key, parts in market.items() if True in parts]
    theirs = [(parts[True].low, key) for key, parts in others.items() if True in parts]
    if not mine or not theirs:
        return None
    (low, _), (other, place) = min(mine), min(theirs)
    shown: dict[str, Result] = {"low": text(low), "elsewhere": text(other), "difference": text(other - low)}
    if other:
        shown["share"] = rounded((Fraction(other) - Fraction(low)) / Fraction(other))
    shown["place"] = " ".join(part for part in place if part) or "not named"
    return shown


METHOD = Method(
    name="depeg",
    version=1,
    title="Depth and duration of a depeg, inside and outside a window, against other venues and pools",
    roles=(
        Role("market", "klines", "candles of the venue in question"),
        Role("peer", "klines", "candles of other venues", 0),
        Role("pool", "prices", "prices of pools or oracles", 0),
    ),
    parameters=(
        Parameter("start", "time", "Start of the window, for example of a compensation", required=True),
        Parameter("end", "time", "End of the window; a candle that opens then is outside", required=True),
        Parameter("since", "time", "Rows before this are left out"),
        Parameter("until", "time", "Rows from this on are left out"),
        Parameter("peg", "decimal", "The price it should have", "1"),
        Parameter("threshold", "decimal", "The share below the peg from which a row counts as below", "0.05"),
        Parameter("interval", "integer", "Length of a candle in seconds", "60"),
    ),
    compute=compute,
    has_fast_path=True,
)
