"""Times as sources write them, as stretches of instants that they can mean. Used by the methods of version 1.

A full time has an offset. A date has none, so it may start as early as UTC+14 and end as late as UTC-12. A clock
time alone (`05:12`, `04:56:22.438`) is on a day and in a zone that are not said; two of them can be compared.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic_core import PydanticCustomError

from archive.errors import InvalidInputError
from archive.findings.exact import EPOCH, naive
from archive.record.times import parse_time

_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(\.\d{1,6})?)?\Z", re.ASCII)
_STEP = {"hour": timedelta(hours=1), "minute": timedelta(minutes=1), "second": timedelta(seconds=1)}


@dataclass(frozen=True, slots=True)
class Span:
    """The instants a time can mean, in UTC without a zone: earliest ≤ t < latest.

    `written` is the time as it reads: of a date its midnight, of a clock time that time on 1970-01-01. `zoned` is
    False where the source states no offset.
    """

    earliest: datetime
    latest: datetime
    written: datetime
    zoned: bool


def span_of(text: str, place: str, precision: str = "") -> Span:
    """Read a time.

    Args:
        place: where it stands, for the error.
        precision: what the source says of it; coarser than written widens the stretch.

    Raises:
        InvalidInputError: `findings.time`.
    """
    clock = _CLOCK.match(text)
    if clock is not None:
        hours, minutes, seconds, rest = clock.groups()
        microseconds = int((rest or ".")[1:].ljust(6, "0") or 0)
        written = EPOCH + timedelta(
            hours=int(hours), minutes=int(minutes), seconds=int(seconds or 0), microseconds=microseconds
        )
        step = timedelta(milliseconds=1) if rest else _STEP["second" if seconds else "minute"]
        return Span(written, written + step, written, False)
    try:
        found = parse_time(text)
    except PydanticCustomError as error:
        raise InvalidInputError(
            f"{place}: {text[:60]!r} is no time", code="findings.time", hint=error.message()
        ) from None
    earliest, latest = naive(found.earliest), naive(found.latest)
    if found.precision in ("year", "month", "day"):
        padded = "-".join([*text.split("-"), "01", "01"][:3])
        return Span(earliest, latest, datetime.fromisoformat(padded), False)
    if precision in _STEP:
        latest = earliest + _STEP[precision]
    return Span(earliest, latest, earliest, True)
