"""Times in a record: RFC 3339 with an offset, or a partial date, always with a precision.

A time is kept as the string its author wrote. For comparisons it becomes the interval of instants it can mean: a
partial date has no offset, so it may start as early as UTC+14 and end as late as UTC-12.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic_core import PydanticCustomError

_FORM = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)"
    r"(?:T(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)(?:\.(?P<milli>\d{3}))?"
    r"(?P<offset>Z|[+-]\d\d:\d\d))?)?)?\Z",
    re.ASCII,
)
_NO_OFFSET = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?\Z", re.ASCII)
_MONTHS_IN_YEAR = 12
# How far local time is ahead of UTC, and behind it, at most.
AHEAD, BEHIND = timedelta(hours=14), timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Instants:
    """The instants a written time can mean: `earliest` ≤ t < `latest` (t = earliest when both are equal), in UTC."""

    earliest: datetime
    latest: datetime
    precision: str


def parse_time(text: str) -> Instants:
    """Read a time as written; its precision is the finest that its form shows.

    Raises:
        PydanticCustomError: `record.time_offset` when an offset is missing, `record.time` for any other fault.
    """
    match = _FORM.match(text)
    if match is None:
        if _NO_OFFSET.match(text):
            raise PydanticCustomError("record.time_offset", "the time has no offset; add Z or one like +08:00")
        raise PydanticCustomError(
            "record.time", "a time is written 2022, 2022-11, 2022-11-02 or 2025-10-11T05:12:00+08:00"
        )
    try:
        return _instants(match)
    except (ValueError, OverflowError):
        raise PydanticCustomError("record.time", "there is no such date or time") from None


def _instants(match: re.Match[str]) -> Instants:
    part = match.groupdict()
    year = int(part["year"])
    if part["hour"] is not None:
        moment = datetime.fromisoformat(match[0]).astimezone(UTC)
        step = timedelta(milliseconds=1) if part["milli"] else timedelta(seconds=1)
        return Instants(moment, moment + step, "millisecond" if part["milli"] else "second")
    if part["day"] is not None:
        start = datetime(year, int(part["month"]), int(part["day"]), tzinfo=UTC)
        return Instants(start - AHEAD, start + timedelta(days=1) + BEHIND, "day")
    if part["month"] is not None:
        month = int(part["month"])
        start = datetime(year, month, 1, tzinfo=UTC)
        return Instants(start - AHEAD, _next_month(year, month) + BEHIND, "month")
    start = datetime(year, 1, 1, tzinfo=UTC)
    return Instants(start - AHEAD, datetime(year + 1, 1, 1, tzinfo=UTC) + BEHIND, "year")


def _next_month(year: int, month: int) -> datetime:
    if month == _MONTHS_IN_YEAR:
        return datetime(year + 1, 1, 1, tzinfo=UTC)
    return datetime(year, month + 1, 1, tzinfo=UTC)
