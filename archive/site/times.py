"""Times of a record as people read them: in UTC and as the source gives them, never more exact than they are. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from archive.site.model import SiteLanguage

_FORM: Final = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d):(\d\d)(?:\.(\d{3}))?(Z|[+-]\d\d:\d\d))?)?)?\Z", re.ASCII
)
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_CLOCK: Final = {"hour": 2, "minute": 5, "second": 8, "millisecond": 12}


@dataclass(frozen=True, slots=True)
class Moment:
    """A time as written. `utc` is None for a partial date, which has no zone; `offset` is `UTC+8`, None likewise.

    `iso` is for the `datetime` attribute. `finest` is how exactly it is known, from year to millisecond.
    """

    iso: str
    utc: datetime | None
    local: datetime | None
    offset: str | None
    finest: str
    parts: tuple[int, ...]

    @property
    def millis(self) -> int | None:
        """Milliseconds since 1970."""
        if self.utc is None:
            return None
        return (self.utc - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def moment(value: object, precision: object = None) -> Moment | None:
    """Read a time of a record; None when it is none. `precision` may only make it coarser than it is written."""
    if not isinstance(value, str):
        return None
    found = _FORM.match(value)
    if found is None:
        return None
    year, month, day, hour, _, _, milli, zone = found.groups()
    written = "year" if month is None else "month" if day is None else "day" if hour is None else "second"
    if milli:
        written = "millisecond"
    finest = _coarser(written, precision)
    if hour is None:
        parts = tuple(int(part) for part in (year, month, day) if part is not None)
        return Moment(value, None, None, None, finest if finest in ("year", "month", "day") else written, parts)
    try:
        local = datetime.fromisoformat(value)
        utc = local.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return Moment(value, utc, local, _offset(str(zone)), finest, (local.year, local.month, local.day))


_ORDER: Final = ("year", "month", "day", "hour", "minute", "second", "millisecond")


def _coarser(written: str, precision: object) -> str:
    if precision in _ORDER and _ORDER.index(str(precision)) < _ORDER.index(written):
        return str(precision)
    return written


def _offset(zone: str) -> str:
    if zone in ("Z", "+00:00", "-00:00"):
        return "UTC"
    sign, hours, minutes = ("−" if zone[0] == "-" else "+"), int(zone[1:3]), zone[4:]
    return f"UTC{sign}{hours}" + ("" if minutes == "00" else f":{minutes}")


def date_in_words(parts: tuple[int, ...], language: SiteLanguage) -> str:
    """A date or part of one: 11 Oct 2025, 2025年10月11日."""
    if language == "zh":
        return "".join(f"{part}{unit}" for part, unit in zip(parts, "年月日", strict=False))
    year = str(parts[0])
    if len(parts) == 1 or not 1 <= parts[1] <= 12:
        return year
    month = _MONTHS[parts[1] - 1]
    return f"{month} {year}" if len(parts) == 2 else f"{parts[2]} {month} {year}"


def _written(at: datetime, finest: str, language: SiteLanguage) -> str:
    if finest in ("year", "month", "day"):
        return date_in_words((at.year, at.month, at.day)[: _ORDER.index(finest) + 1], language)
    clock = f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}"[: _CLOCK[finest]]
    clock += ":00" if finest == "hour" else ""
    return f"{date_in_words((at.year, at.month, at.day), language)} {clock}"


def in_utc(at: Moment, language: SiteLanguage) -> str | None:
    """`10 Oct 2025 21:12`, or None for a date without a zone."""
    return None if at.utc is None else _written(at.utc, at.finest, language)


def in_zone(at: Moment, language: SiteLanguage) -> str:
    """`11 Oct 2025 05:12 UTC+8`, or the date alone."""
    if at.local is None:
        return date_in_words(at.parts, language)
    return f"{_written(at.local, at.finest, language)} {at.offset}"


def clock_only(at: Moment) -> str | None:
    """The clock of an instant in its own zone, for the second end of an interval of one day."""
    if at.local is None or at.finest in ("year", "month", "day"):
        return None
    return f"{at.local:%H:%M:%S}.{at.local.microsecond // 1000:03d}"[: _CLOCK[at.finest]]


def span(value: Mapping[str, Any], language: SiteLanguage, *, zone: str = "source") -> str:
    """`at`, or start to end, in the source's zone or in UTC; empty when nothing is stated."""
    precision = value.get("precision")
    write = in_zone if zone == "source" else _utc_or_date
    if value.get("at") is not None:
        at = moment(value["at"], precision)
        return write(at, language) if at else ""
    start, end = moment(value.get("start"), precision), moment(value.get("end"), precision)
    if start is None:
        return ""
    if end is None:
        return f"{write(start, language)} –" if value.get("start") is not None else ""
    first, last = write(start, language), write(end, language)
    if first == last:
        return first
    same_day = first.rpartition(" ")[0]
    if zone != "source" and start.utc and end.utc and start.utc.date() == end.utc.date():
        return f"{first}–{_tail(last)}"
    if zone == "source" and start.local and end.local and start.local.date() == end.local.date() and same_day:
        clock = clock_only(end)
        if clock and start.offset == end.offset and clock_only(start):
            return f"{_written(start.local, start.finest, language)}–{clock} {end.offset}"
    return f"{first} – {last}"


def _tail(text: str) -> str:
    return text.rpartition(" ")[2]


def _utc_or_date(at: Moment, language: SiteLanguage) -> str:
    return in_utc(at, language) or date_in_words(at.parts, language)


def of_unix(seconds: int, language: SiteLanguage, *, clock: bool = True) -> str:
    """A block's time in UTC."""
    try:
        at = datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return str(seconds)
    return _written(at, "second" if clock else "day", language)
