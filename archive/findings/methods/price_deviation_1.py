"""price-deviation@1: each venue's low against the lowest of the others, its high against their highest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from archive.findings.assets import QUOTES, split_symbol
from archive.findings.exact import moment, ratio, rounded, text
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

_COLUMNS = ("time", "venue", "product", "symbol", "high", "low")
_Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class _Extremes:
    """Lowest low and highest high of one instrument, or of one asset at one venue."""

    rows: int
    low: Decimal
    high: Decimal

    def with_(self, other: _Extremes | None) -> _Extremes:
        if other is None:
            return self
        return _Extremes(self.rows + other.rows, min(self.low, other.low), max(self.high, other.high))


def compute(inputs: Sequence[Input], parameters: Parameters, engine: Engine) -> dict[str, Result]:
    """Take lowest and highest prices by instrument, then by asset and venue, and compare the venues of each asset."""
    start, end = parameters.time("start"), parameters.time("end")
    found: dict[_Key, _Extremes] = {}
    rows = 0
    for item in inputs:
        scan = _fast if engine == "fast" else _reference
        for key, extremes in scan(item, start, end):
            found[key] = extremes.with_(found.get(key))
            rows += extremes.rows
    if not rows:
        raise no_rows(METHOD.id, "no candle lies in the window")
    return _judge(found, rows, parameters)


def _reference(item: Input, start: datetime | None, end: datetime | None) -> Iterable[tuple[_Key, _Extremes]]:
    found: dict[_Key, _Extremes] = {}
    for batch in item.open("klines").batches(columns=_COLUMNS):
        for row in batch.to_pylist():
            time, low, high = row["time"], row["low"], row["high"]
            if low is None or high is None or (start and (time is None or time < start)):
                continue
            if end and (time is None or time >= end):
                continue
            key = (row["venue"] or "", row["product"] or "", row["symbol"] or "")
            found[key] = _Extremes(1, low, high).with_(found.get(key))
    return found.items()


def _fast(item: Input, start: datetime | None, end: datetime | None) -> Iterable[tuple[_Key, _Extremes]]:
    from archive.findings.duck import query

    conditions = ["low IS NOT NULL", "high IS NOT NULL"]
    values: list[object] = []
    for bound, sign in ((start, ">="), (end, "<")):
        if bound is not None:
            conditions.append(f"time {sign} ?")
            values.append(bound)
    sql = (
        "SELECT coalesce(venue, ''), coalesce(product, ''), coalesce(symbol, ''), count(*), min(low), max(high) "  # noqa: S608 - fixed words
        f"FROM evidence WHERE {' AND '.join(conditions)} GROUP BY ALL"
    )
    for venue, product, symbol, rows, low, high in query(item.open("klines"), _COLUMNS, sql, values):
        yield (venue, product, symbol), _Extremes(rows, low, high)


def _judge(found: dict[_Key, _Extremes], rows: int, parameters: Parameters) -> dict[str, Result]:
    quotes = parameters.list("quotes")
    product = parameters.text("product")
    assets: dict[str, dict[str, _Extremes]] = {}
    skipped = 0
    for (place, kind, symbol), extremes in sorted(found.items()):
        parts = split_symbol(symbol, quotes)
        if parts is None or (product != "any" and kind not in ("", product)):
            skipped += 1
            continue
        venue = place or "not named"
        venues = assets.setdefault(parts[0], {})
        venues[venue] = extremes.with_(venues.get(venue))
    compared = {asset: venues for asset, venues in assets.items() if len(venues) > 1}
    asked = parameters.list("venue") or tuple(sorted({venue for venues in compared.values() for venue in venues}))
    return {
        **present(start=_moment(parameters, "start"), end=_moment(parameters, "end")),
        "rows": str(rows),
        "instruments": str(len(found)),
        "instruments_left_out": str(skipped),
        "assets": str(len(assets)),
        "assets_compared": str(len(compared)),
        "venues": [_venue(venue, compared, parameters) for venue in asked],
    }


def _moment(parameters: Parameters, name: str) -> str | None:
    found = parameters.time(name)
    return None if found is None else moment(found)


@dataclass(frozen=True, slots=True)
class _Gap:
    """How far a venue's price of one asset went beyond its peers': a share of theirs, positive when beyond."""

    asset: str
    price: Decimal
    peer: Decimal
    peer_venue: str
    share: Fraction

    def to_json(self) -> Result:
        return {
            "asset": self.asset,
            "price": text(self.price),
            "peer_price": text(self.peer),
            "peer": self.peer_venue,
            "deviation": rounded(self.share),
        }


def _venue(venue: str, compared: dict[str, dict[str, _Extremes]], parameters: Parameters) -> Result:
    mine = {asset: venues for asset, venues in compared.items() if venue in venues}
    usd = frozenset(parameters.list("usd_venues"))
    lows = [_below(asset, venue, venues, frozenset(venues) - {venue}) for asset, venues in mine.items()]
    highs = [_above(asset, venue, venues, frozenset(venues) - {venue}) for asset, venues in mine.items()]
    against_usd = [
        _below(asset, venue, venues, (usd & frozenset(venues)) - {venue})
        for asset, venues in mine.items()
        if (usd & frozenset(venues)) - {venue}
    ]
    return {
        "venue": venue,
        "assets": str(len(mine)),
        "lows": _summary(lows, parameters),
        "highs": _summary(highs, parameters),
        **present(lows_against_usd=_summary(against_usd, parameters) if usd else None),
    }


def _below(asset: str, venue: str, venues: dict[str, _Extremes], peers: frozenset[str]) -> _Gap:
    """The venue's low under the lowest low of its peers: for the lowest venue that is the second lowest of all."""
    peer = min(sorted(peers), key=lambda name: venues[name].low)
    low, other = venues[venue].low, venues[peer].low
    return _Gap(asset, low, other, peer, _share(Fraction(other) - Fraction(low), other))


def _above(asset: str, venue: str, venues: dict[str, _Extremes], peers: frozenset[str]) -> _Gap:
    peer = max(sorted(peers), key=lambda name: venues[name].high)
    high, other = venues[venue].high, venues[peer].high
    return _Gap(asset, high, other, peer, _share(Fraction(high) - Fraction(other), other))


def _share(distance: Fraction, of: Decimal) -> Fraction:
    """Prices are not negative; a peer at zero has no share, and nothing can be further out than it."""
    return distance / Fraction(of) if of else Fraction(0)


def _summary(gaps: list[_Gap], parameters: Parameters) -> Result:
    limits = sorted(Fraction(limit) for limit in parameters.list("thresholds"))
    ordered = sorted(gaps, key=lambda gap: (-gap.share, gap.asset))
    listed = [gap for gap in ordered if gap.share > (limits[0] if limits else 0)]
    most = min(parameters.integer("list"), MAX_LISTED)
    return {
        "assets": str(len(gaps)),
        "beyond": [
            {
                "threshold": rounded(limit),
                "assets": str(count := sum(gap.share > limit for gap in gaps)),
                **present(share=ratio(count, len(gaps))),
            }
            for limit in limits
        ],
        "furthest": [gap.to_json() for gap in listed[:most]],
        "not_listed": str(max(0, len(listed) - most)),
    }


METHOD = Method(
    name="price-deviation",
    version=1,
    title="Each venue's lows and highs against those of its peers",
    roles=(Role("klines", "klines", "candles of several venues, in one file or more"),),
    parameters=(
        Parameter("start", "time", "Candles that open at or after this count"),
        Parameter("end", "time", "Candles that open before this count"),
        Parameter("venue", "list", "The venues to show; all by default"),
        Parameter("usd_venues", "list", "Venues that quote in USD, compared with on their own"),
        Parameter("thresholds", "list", "Shares of the peer's price, beyond which assets are counted", "0.1,0.5"),
        Parameter("product", "text", "The product compared, or any", "spot"),
        Parameter("quotes", "list", "Quote assets that are taken as one", QUOTES),
        Parameter("list", "integer", "How many assets are listed at most", "100"),
    ),
    compute=compute,
    has_fast_path=True,
)
