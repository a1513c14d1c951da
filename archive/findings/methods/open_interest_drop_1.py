"""open-interest-drop@1: which share of the open interest was gone, from observations or from two claimed figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from archive.errors import InvalidInputError
from archive.findings.exact import moment, percent, ratio, text
from archive.findings.facts import cell
from archive.findings.method import (
    FACTS,
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

_COLUMNS = ("time", "venue", "product", "symbol", "open_interest", "open_interest_value")
_Key = tuple[str, str, str]
# Time, then value: of two observations of one time the larger is taken, so that the order of rows decides nothing.
_Observation = tuple[datetime, Decimal]


@dataclass(frozen=True, slots=True)
class _Course:
    """Last observation at or before the start, lowest and last one in the window."""

    before: _Observation | None
    lowest: tuple[Decimal, datetime] | None
    last: _Observation | None

    def with_(self, other: _Course) -> _Course:
        return _Course(
            max((one for one in (self.before, other.before) if one is not None), default=None),
            min((one for one in (self.lowest, other.lowest) if one is not None), default=None),
            max((one for one in (self.last, other.last) if one is not None), default=None),
        )


def compute(inputs: Sequence[Input], parameters: Parameters, engine: Engine) -> dict[str, Result]:
    """By instrument for observations; once for claimed figures."""
    observed = [item for item in inputs if item.role == "open-interest"]
    if not observed:
        return _claimed(inputs, parameters)
    start, end, measure = parameters.time("start"), parameters.time("end"), parameters.text("measure")
    if start is None or end is None or measure not in ("value", "quantity"):
        raise InvalidInputError(
            f"{METHOD.id}: observations need `start` and `end`, and a measure",
            code="findings.parameter",
            hint="start: 2025-10-10T21:00:00Z; measure: value or quantity",
        )
    column = "open_interest_value" if measure == "value" else "open_interest"
    found: dict[_Key, _Course] = {}
    for item in observed:
        for key, course in (_fast if engine == "fast" else _reference)(item, column, start, end):
            found[key] = found[key].with_(course) if key in found else course
    shown: list[Result] = [
        _instrument(key, course) for key, course in sorted(found.items()) if course.before and course.lowest
    ]
    if not shown:
        raise no_rows(METHOD.id, "no instrument has an observation before the window and one in it")
    return {"window": {"start": moment(start), "end": moment(end)}, "measure": measure, "instruments": shown}


def _claimed(inputs: Sequence[Input], parameters: Parameters) -> dict[str, Result]:
    tables = [item.facts() for item in inputs]
    before_term, after_term = parameters.maybe("before"), parameters.maybe("after")
    if before_term is None or after_term is None:
        raise InvalidInputError(
            f"{METHOD.id}: figures need `before` and `after`",
            code="findings.parameter",
            hint="before: m01.value; after: m02.value",
        )
    before, after = cell(tables, before_term), cell(tables, after_term)
    lost = before.number() - after.number()
    result: dict[str, Result] = {
        "before": {**before.to_json()},
        "after": {**after.to_json()},
        **present(drop=ratio(lost, before.number()), drop_percent=percent(lost, before.number())),
        "more_than_half": "yes" if lost * 2 > before.number() else "no",
    }
    stated_term = parameters.maybe("stated")
    if stated_term is not None:
        stated = cell(tables, stated_term)
        share = lost / before.number() * 100 if before.number() else Fraction(0)
        bound = stated.fields.get("bound") or "exact"
        agrees = share >= stated.number() if bound == "lower" else share == stated.number()
        result |= {"stated": {**stated.to_json()}, "agrees": "yes" if agrees else "no"}
    return result


def _reference(item: Input, column: str, start: datetime, end: datetime) -> Sequence[tuple[_Key, _Course]]:
    found: dict[_Key, _Course] = {}
    for batch in item.open("open-interest").batches(columns=_COLUMNS):
        for row in batch.to_pylist():
            time, value = row["time"], row[column]
            if time is None or value is None or time >= end:
                continue
            key = (row["venue"] or "", row["product"] or "", row["symbol"] or "")
            early = time <= start
            course = _Course(
                (time, value) if early else None,
                None if early else (value, time),
                None if early else (time, value),
            )
            found[key] = found[key].with_(course) if key in found else course
    return list(found.items())


def _fast(item: Input, column: str, start: datetime, end: datetime) -> Sequence[tuple[_Key, _Course]]:
    from archive.findings.duck import query

    sql = (
        "SELECT coalesce(venue, ''), coalesce(product, ''), coalesce(symbol, ''), "  # noqa: S608 - fixed words
        f"max({{'time': time, 'value': {column}}}) FILTER (time <= ?), "
        f"min({{'value': {column}, 'time': time}}) FILTER (time > ?), "
        f"max({{'time': time, 'value': {column}}}) FILTER (time > ?) "
        f"FROM evidence WHERE time < ? AND {column} IS NOT NULL GROUP BY 1, 2, 3"
    )
    rows = query(item.open("open-interest"), _COLUMNS, sql, [start, start, start, end])
    return [
        (
            (venue, product, symbol),
            _Course(
                (before["time"], before["value"]) if before else None,
                (lowest["value"], lowest["time"]) if lowest else None,
                (last["time"], last["value"]) if last else None,
            ),
        )
        for venue, product, symbol, before, lowest, last in rows
    ]


def _instrument(key: _Key, course: _Course) -> Result:
    assert course.before is not None and course.lowest is not None and course.last is not None  # noqa: S101, PT018
    time, before = course.before
    lowest, lowest_time = course.lowest
    last_time, last = course.last
    return {
        **{name: value for name, value in zip(("venue", "product", "symbol"), key, strict=True) if value},
        "before": text(before),
        "before_time": moment(time),
        "lowest": text(lowest),
        "lowest_time": moment(lowest_time),
        "after": text(last),
        "after_time": moment(last_time),
        **present(
            drop_to_lowest=ratio(Fraction(before) - Fraction(lowest), before),
            drop_to_after=ratio(Fraction(before) - Fraction(last), before),
        ),
    }


METHOD = Method(
    name="open-interest-drop",
    version=1,
    title="Share of the open interest that was gone",
    roles=(Role("open-interest", "open-interest", "observations over time", 0),),
    parameters=(
        Parameter("start", "time", "The last observation at or before this is what there was"),
        Parameter("end", "time", "Observations before this count"),
        Parameter("measure", "text", "value (in quote) or quantity", "value"),
        Parameter("before", "text", "Of figures: the cell of the open interest before: m01.value"),
        Parameter("after", "text", "Of figures: the cell of the open interest after"),
        Parameter("stated", "text", "Of figures: the cell of the claimed share in percent"),
    ),
    compute=compute,
    free_role=FACTS,
    has_fast_path=True,
)
