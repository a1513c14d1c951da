"""timeline-consistency@1: claims whose times contradict each other, a stated order, or the evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import pairwise

from archive.errors import InvalidInputError
from archive.findings.exact import moment, rounded
from archive.findings.facts import FactTable, cell, row
from archive.findings.method import ANY, FACTS, Engine, Input, Method, Parameter, Parameters, Result, Role, present
from archive.findings.spans import span_of

_STARTS = ("start_utc", "at_utc", "start", "at", "minute_utc")
_ENDS = ("end_utc", "end")
_HOUR = timedelta(hours=1)
_MICROSECOND = timedelta(microseconds=1)
# A zone is at most this far from another, and a mislabelled one is off by whole quarters of an hour.
_MOST_ZONE = timedelta(hours=26)
_QUARTER = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class _Event:
    """What one source says about when: the stretch from the earliest start to the latest end that it can mean."""

    name: str
    evidence: str
    earliest: datetime
    latest: datetime
    written: datetime
    zoned: bool
    said: dict[str, Result]


def compute(inputs: Sequence[Input], parameters: Parameters, engine: Engine) -> dict[str, Result]:
    """Compare the events of each group that are said to be the same, of each order, and of the rows of evidence."""
    tables = [item.facts() for item in inputs if item.role != "rows"]
    rows = [item for item in inputs if item.role == "rows"]
    pairs: list[Result] = []
    for group in _groups(parameters.maybe("same")):
        events = [_event(tables, name) for name in group]
        pairs += [_same(a, b) for index, a in enumerate(events) for b in events[index + 1 :]]
    orders: list[Result] = []
    for group in _groups(parameters.maybe("order")):
        events = [_event(tables, name) for name in group]
        orders += [_ordered(a, b) for a, b in pairwise(events)]
    zones = [found for table in tables for found in _zone_columns(table)] if parameters.text("zones") == "yes" else []
    held: list[Result] = []
    inside = parameters.maybe("contains")
    if inside is not None:
        if not rows:
            raise InvalidInputError(
                "timeline-consistency@1: `contains` needs an input of role rows", code="findings.role"
            )
        held = [_hold(_event(tables, inside), item, parameters, engine) for item in rows]
    if not (pairs or orders or held or parameters.text("zones") == "yes"):
        raise InvalidInputError(
            "timeline-consistency@1: nothing is asked of it",
            code="findings.parameter",
            hint="same: t06 t08; order: t10 t13; contains: t09; zones: yes",
        )
    found = [*pairs, *orders, *zones, *held]
    contradictions = sum(isinstance(item, dict) and item.get("agrees") == "no" for item in found)
    return {
        "compared": str(len(found)),
        "contradictions": str(contradictions),
        **present(same=pairs or None, order=orders or None, zones=zones or None, evidence=held or None),
    }


def _groups(text: str | None) -> list[list[str]]:
    groups = [part.split() for part in (text or "").replace(",", " ").split(";")]
    found = [group for group in groups if group]
    for group in found:
        if len(group) < 2:
            raise InvalidInputError(
                f"timeline-consistency@1: {group[0]!r} stands alone",
                code="findings.parameter",
                hint="name at least two times, and part groups by ;",
            )
    return found


def _event(tables: Sequence[FactTable], term: str) -> _Event:
    """A row with a start (and end), or one cell that holds a time."""
    if "." in term:
        found = cell(tables, term)
        span = span_of(found.text, term)
        said: dict[str, Result] = {**found.to_json()}
        return _Event(term, found.evidence, span.earliest, span.latest, span.written, span.zoned, said)
    table, name, fields = row(tables, term)
    start = next((column for column in _STARTS if fields.get(column)), None)
    if start is None:
        raise InvalidInputError(f"{term}: the row of {table.evidence} has no time", code="findings.term")
    precision = fields.get("precision", "")
    span = span_of(fields[start], term, precision)
    end = next((column for column in _ENDS if fields.get(column)), None)
    last = span_of(fields[end], term, precision) if end is not None else span
    said = {"evidence": table.evidence, "row": name, "start": fields[start]}
    for column, shown in ((end, "end"), ("claimed_by", "claimed_by"), ("source", "source"), ("bound", "bound")):
        if column is not None and fields.get(column):
            said[shown] = fields[column]
    return _Event(term, table.evidence, span.earliest, last.latest, span.written, span.zoned, said)


def _seconds(length: timedelta) -> str:
    return rounded(Fraction(length // _MICROSECOND, 1_000_000))


def _gap(a: _Event, b: _Event) -> timedelta:
    """How far the two stretches lie apart at least; zero when they meet."""
    return max(a.earliest - b.latest + _MICROSECOND, b.earliest - a.latest + _MICROSECOND, timedelta(0))


def _same(a: _Event, b: _Event) -> dict[str, Result]:
    """Two accounts of one event agree when some instant fits both."""
    gap = _gap(a, b)
    apart = b.written - a.written
    quarter_off = gap > timedelta(0) and abs(apart) <= _MOST_ZONE and not apart % _QUARTER
    return {
        "a": a.said,
        "b": b.said,
        "apart_seconds": _seconds(apart),
        "agrees": "no" if gap else "yes",
        # A difference of whole quarters of an hour is what a mislabelled time zone looks like; it is no proof of one.
        **present(
            zone_difference_hours=rounded(Fraction(apart // _MICROSECOND, _HOUR // _MICROSECOND))
            if quarter_off
            else None,
            zone_stated="yes" if a.zoned and b.zoned else "no",
        ),
    }


def _ordered(a: _Event, b: _Event) -> dict[str, Result]:
    """The first is said to come before the second: contradicted when it certainly does not."""
    agrees = a.earliest < b.latest
    return {"first": a.said, "second": b.said, "agrees": "yes" if agrees else "no"}


def _zone_columns(table: FactTable) -> list[Result]:
    """Rows that give one time in UTC and in another zone: the two must be the same instant."""
    found: list[Result] = []
    for name, fields in table.rows.items():
        for column, text in fields.items():
            edge, _, zone = column.partition("_utc")
            if edge not in ("start", "end", "at") or not zone.isdigit() or "T" not in text:
                continue
            there = fields.get(f"{edge}_utc", "")
            if "T" not in there:
                continue
            here_span, there_span = span_of(text, column), span_of(there, column)
            apart = here_span.earliest - there_span.earliest
            if apart:
                found.append(
                    {
                        "evidence": table.evidence,
                        "row": name,
                        "column": column,
                        "value": text,
                        "utc": there,
                        "apart_seconds": _seconds(apart),
                        "agrees": "no",
                    }
                )
    return found


def _hold(event: _Event, item: Input, parameters: Parameters, engine: Engine) -> dict[str, Result]:
    """The first and last time of the rows of an input against a stretch that a source names."""
    column, _, value = (parameters.maybe("where") or "").partition("=")
    found = (_fast if engine == "fast" else _reference)(item, column.strip(), value.strip(), event)
    first, last, count, inside = found
    shown: dict[str, Result] = {"stated": event.said, "evidence": item.evidence, "rows": str(count)}
    if first is None or last is None:
        return {**shown, "agrees": "no"}
    return {
        **shown,
        "first": moment(first),
        "last": moment(last),
        "rows_inside": str(inside),
        "agrees": "yes" if inside == count else "no",
    }


_Found = tuple[datetime | None, datetime | None, int, int]


def _reference(item: Input, column: str, value: str, event: _Event) -> _Found:
    first = last = None
    count = inside = 0
    for batch in item.open(ANY).batches(columns=("time", column) if column else ("time",)):
        for one in batch.to_pylist():
            if one["time"] is None or (column and (one[column] is None or _as_text(one[column]) != value)):
                continue
            count += 1
            first = one["time"] if first is None else min(first, one["time"])
            last = one["time"] if last is None else max(last, one["time"])
            inside += event.earliest <= one["time"] < event.latest
    return first, last, count, inside


def _as_text(value: object) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _fast(item: Input, column: str, value: str, event: _Event) -> _Found:
    from archive.findings.duck import one_row

    where = f'WHERE time IS NOT NULL AND CAST("{column}" AS VARCHAR) = ?' if column else "WHERE time IS NOT NULL"
    sql = f"SELECT min(time), max(time), count(*), count(*) FILTER (time >= ? AND time < ?) FROM evidence {where}"  # noqa: S608 - a name of the contract
    values: list[object] = [event.earliest, event.latest, *([value] if column else [])]
    first, last, count, inside = one_row(item.open(ANY), ("time", column) if column else ("time",), sql, values)
    return first, last, count, inside


METHOD = Method(
    name="timeline-consistency",
    version=1,
    title="Claims whose times contradict each other or the evidence",
    roles=(Role("rows", ANY, "a table of evidence with times, for `contains`", 0),),
    parameters=(
        Parameter("same", "text", "Rows (or cells) that tell of one event: t06 t08; t14 x27.stated"),
        Parameter("order", "text", "Rows (or cells) said to follow each other: t07 t10 t13"),
        Parameter("contains", "text", "The row whose stretch must hold all rows of the evidence"),
        Parameter("where", "text", "Only rows whose column has a value: code=-1008"),
        Parameter("zones", "text", "yes: compare the columns of two time zones of each row", "no"),
    ),
    compute=compute,
    free_role=FACTS,
    has_fast_path=True,
)
