"""spot-perp-basis@1: the gap between spot and perpetual, candle by candle, and where it was widest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from archive.findings.assets import QUOTES, split_symbol
from archive.findings.exact import EPOCH, from_microseconds, microseconds, moment, rounded, text
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

_MILLION = 1_000_000
_FIELDS = ("open", "high", "low", "close")
# Asset and venue: the two legs of one venue are compared.
_Place = tuple[str, str]
_Prices = dict[_Place, dict[datetime, Decimal]]


@dataclass(frozen=True, slots=True)
class _Point:
    """Both prices at one time; `basis` = (perpetual - spot) / spot."""

    time: datetime
    spot: Decimal
    perp: Decimal
    basis: Fraction

    def to_json(self) -> dict[str, Result]:
        return {
            "time": moment(self.time),
            "spot": text(self.spot),
            "perp": text(self.perp),
            "gap": text(self.perp - self.spot),
            "basis": rounded(self.basis),
        }


def compute(inputs: Sequence[Input], parameters: Parameters, engine: Engine) -> dict[str, Result]:
    """Join the candles of the two legs on their time, compute each basis exactly, and take the extremes."""
    spot = _leg(inputs, "spot", parameters.text("spot_field"), parameters, engine)
    perp = _leg(inputs, "perp", parameters.text("perp_field"), parameters, engine)
    limit = parameters.decimal("threshold")
    step = parameters.integer("interval")
    shown: list[Result] = []
    for place in sorted(set(spot) & set(perp)):
        points = [
            _Point(time, spot[place][time], perp[place][time], _basis(spot[place][time], perp[place][time]))
            for time in sorted(set(spot[place]) & set(perp[place]))
            if spot[place][time]
        ]
        if points:
            shown.append(_asset(place, points, limit, step, parameters))
    if not shown:
        raise no_rows(METHOD.id, "no asset has both legs at one time")
    return {
        "spot_field": parameters.text("spot_field"),
        "perp_field": parameters.text("perp_field"),
        "threshold": rounded(limit),
        "assets": shown,
    }


def _basis(spot: Decimal, perp: Decimal) -> Fraction:
    return (Fraction(perp) - Fraction(spot)) / Fraction(spot) if spot else Fraction(0)


def _leg(inputs: Sequence[Input], role: str, field: str, parameters: Parameters, engine: Engine) -> _Prices:
    if field not in _FIELDS:
        from archive.errors import InvalidInputError

        raise InvalidInputError(
            f"{METHOD.id}: {field!r} is no price of a candle",
            code="findings.parameter",
            hint=f"one of {', '.join(_FIELDS)}",
        )
    start, end, quotes = parameters.time("start"), parameters.time("end"), parameters.list("quotes")
    found: _Prices = {}
    for item in inputs:
        if item.role != role:
            continue
        for venue, symbol, time, price in (_fast if engine == "fast" else _reference)(item, field, start, end):
            parts = split_symbol(symbol, quotes)
            if parts is not None:
                prices = found.setdefault((parts[0], venue), {})
                # Two quotes of one asset at one time: the lower price, whichever is read first.
                prices[time] = min(price, prices.get(time, price))
    return found


_Row = tuple[str, str, datetime, Decimal]


def _reference(item: Input, field: str, start: datetime | None, end: datetime | None) -> list[_Row]:
    return [
        (row["venue"] or "", row["symbol"] or "", row["time"], row[field])
        for batch in item.open("klines").batches(columns=("time", "venue", "symbol", field))
        for row in batch.to_pylist()
        if row["time"] is not None
        and row[field] is not None
        and (start is None or row["time"] >= start)
        and (end is None or row["time"] < end)
    ]


def _fast(item: Input, field: str, start: datetime | None, end: datetime | None) -> list[_Row]:
    from archive.findings.duck import query

    conditions, values = [f"{field} IS NOT NULL", "time IS NOT NULL"], list[object]()
    for bound, sign in ((start, ">="), (end, "<")):
        if bound is not None:
            conditions.append(f"time {sign} ?")
            values.append(bound)
    sql = (
        f"SELECT coalesce(venue, ''), coalesce(symbol, ''), time, min({field}) FROM evidence "  # noqa: S608 - fixed words
        f"WHERE {' AND '.join(conditions)} GROUP BY 1, 2, 3"
    )
    return [
        (venue, symbol, time, price)
        for venue, symbol, time, price in query(item.open("klines"), ("time", "venue", "symbol", field), sql, values)
    ]


def _asset(
    place: _Place, points: list[_Point], limit: Fraction, step: int, parameters: Parameters
) -> dict[str, Result]:
    asset, venue = place
    # Of equal extremes the first one.
    widest = max(points, key=lambda point: (abs(point.basis), -microseconds(point.time)))
    lowest, highest = min(points, key=lambda point: point.basis), max(points, key=lambda point: point.basis)
    beyond = [point for point in points if abs(point.basis) > limit]
    return {
        "asset": asset,
        **present(venue=venue or None),
        "times": str(len(points)),
        "widest": widest.to_json(),
        "lowest_basis": rounded(lowest.basis),
        "highest_basis": rounded(highest.basis),
        "times_beyond": str(len(beyond)),
        **present(
            first_beyond=moment(beyond[0].time) if beyond else None,
            last_beyond=moment(beyond[-1].time) if beyond else None,
            course=_course(points, step, parameters) if step else None,
        ),
    }


def _course(points: list[_Point], step: int, parameters: Parameters) -> Result:
    """The widest point of each interval."""
    origin = microseconds(parameters.time("start") or EPOCH)
    found: dict[int, _Point] = {}
    for point in points:
        interval = (microseconds(point.time) - origin) // (step * _MILLION)
        if interval not in found or abs(point.basis) > abs(found[interval].basis):
            found[interval] = point
    return [
        {"start": moment(from_microseconds(origin + interval * step * _MILLION)), **found[interval].to_json()}
        for interval in sorted(found)[:MAX_LISTED]
    ]


METHOD = Method(
    name="spot-perp-basis",
    version=1,
    title="Gap between spot and perpetual over time, and its maximum",
    roles=(Role("spot", "klines", "candles of the spot market"), Role("perp", "klines", "candles of the perpetual")),
    parameters=(
        Parameter("start", "time", "Candles that open at or after this count"),
        Parameter("end", "time", "Candles that open before this count"),
        Parameter("spot_field", "text", "Price of the spot candle: open, high, low, close", "close"),
        Parameter("perp_field", "text", "Price of the perpetual's candle", "close"),
        Parameter("threshold", "decimal", "Share of the spot price beyond which a gap is counted", "0.01"),
        Parameter("interval", "integer", "Seconds of an interval for the course over time; 0: none", "0"),
        Parameter("quotes", "list", "Quote assets that are taken as one", QUOTES),
    ),
    compute=compute,
    has_fast_path=True,
)
