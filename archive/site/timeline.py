"""The timeline as a list and as a chart: where each entry lies, in milliseconds since 1970. Pure.

The chart is drawn here for the window of the incident, so that it is there without JavaScript; the script moves the
same elements when somebody zooms, by the same rules.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from archive.site.i18n import LANG_TAG, say
from archive.site.model import SiteLanguage
from archive.site.text import pick, visible
from archive.site.times import Moment, date_in_words, moment

WIDTH: Final = 1000
LEFT: Final = 420  # number and words stand to the left of it
RIGHT: Final = 14
TOP: Final = 44
ROW: Final = 24
BOTTOM: Final = 34
MAX_MARKS: Final = 200
MAX_ROWS: Final = 60  # shown at once
MAX_LABEL: Final = 52  # columns; a Chinese character takes two

MINUTE: Final = 60_000
DAY: Final = 24 * 60 * MINUTE
STEPS: Final = tuple(
    minutes * MINUTE
    for minutes in (
        1,
        2,
        5,
        10,
        15,
        30,
        60,
        120,
        180,
        360,
        720,
        1440,
        2880,
        7200,
        14400,
        43200,
        129600,
        525600,
        2628000,
    )
)
MAX_TICKS: Final = 10


@dataclass(frozen=True, slots=True)
class Mark:
    """One entry in the chart: `number` as in the list, times in ms, `vague` when only a day or less is known."""

    number: int
    id: str
    start: int
    end: int
    vague: bool
    label: str
    tag: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A mark as drawn. `row` is None for one that is outside the window."""

    mark: Mark
    row: int | None
    x: float
    width: float
    y: float


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of the time axis with the clock in UTC and in the source's zone."""

    x: float
    utc: str
    local: str


@dataclass(frozen=True, slots=True)
class Chart:
    """The chart for one window. `offset` is the source's zone in minutes, None when it is UTC or there is none."""

    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    start: int
    end: int
    home_start: int
    home_end: int
    all_start: int
    all_end: int
    height: float
    offset: int | None
    zone: str
    rows: int
    hidden: int
    words: str


def bounds(value: Mapping[str, Any]) -> tuple[int, int, bool] | None:
    """Start and end of an entry in ms, and whether it is known by the day or less; None without a time."""
    precision = value.get("precision")
    first = moment(value.get("at") if value.get("at") is not None else value.get("start"), precision)
    last = moment(value.get("end"), precision) or first
    if first is None or last is None:
        return None
    start, end = _earliest(first), _latest(last)
    if start is None or end is None or end < start:
        return None
    return start, end, first.utc is None or first.finest in ("year", "month", "day")


def _earliest(at: Moment) -> int | None:
    if at.millis is not None and at.finest not in ("year", "month", "day"):
        return at.millis
    return _date_millis(at, 0)


def _latest(at: Moment) -> int | None:
    if at.millis is not None and at.finest not in ("year", "month", "day"):
        return at.millis
    return _date_millis(at, 1)


def _date_millis(at: Moment, after: int) -> int | None:
    size = {"year": 1, "month": 2}.get(at.finest, 3)
    parts = at.parts[:size]
    try:
        year, month, day = (*parts, 1, 1)[:3] if len(parts) == 1 else (*parts, 1)[:3] if len(parts) == 2 else parts
        begins = datetime(year, month, day, tzinfo=UTC)
        if after:
            if len(parts) == 1:
                begins = datetime(year + 1, 1, 1, tzinfo=UTC)
            elif len(parts) == 2:
                begins = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
            else:
                begins += timedelta(days=1)
    except (ValueError, OverflowError):
        return None
    return (begins - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def chart(record: Mapping[str, Any], entries: Sequence[Mapping[str, Any]], language: SiteLanguage) -> Chart | None:
    """The chart of a record's timeline in the window of the incident; None where nothing can be placed."""
    marks: list[Mark] = []
    for number, entry in enumerate(entries[: 10 * MAX_MARKS], 1):
        placed = bounds(entry)
        if placed is not None and len(marks) < MAX_MARKS:
            said = pick(entry.get("text"), language)
            short = columns(visible(" ".join(said.text.split())), MAX_LABEL)
            marks.append(Mark(number, str(entry.get("id", "")), *placed, short, said.tag or LANG_TAG[language]))
    if not marks:
        return None
    all_start, all_end = _padded(min(mark.start for mark in marks), max(mark.end for mark in marks))
    home = _home(record, marks)
    start, end = home or (all_start, all_end)
    offset, zone = _zone(entries)
    return _draw(marks, start, end, (all_start, all_end), offset, zone, language)


def columns(text: str, most: int) -> str:
    """The beginning of a text that fits into so many columns; a wide character takes two."""
    used = 0
    for at, char in enumerate(text):
        used += 2 if ord(char) > 0x2E7F else 1
        if used > most:
            return text[: max(at - 1, 0)].rstrip() + "…"
    return text


def _home(record: Mapping[str, Any], marks: Sequence[Mark]) -> tuple[int, int] | None:
    occurred = record.get("occurred")
    placed = bounds(occurred) if isinstance(occurred, Mapping) else None
    if placed is None:
        return None
    start, end, _ = placed
    if end - start < 10 * MINUTE:
        start, end = start - 30 * MINUTE, end + 30 * MINUTE
    inside = [
        mark for mark in marks if mark.end >= start and mark.start <= end and mark.end - mark.start <= end - start
    ]
    return _padded(start, end) if len(inside) > 1 else None


def _padded(start: int, end: int) -> tuple[int, int]:
    pad = max((end - start) // 25, 2 * MINUTE)
    return start - pad, end + pad


def _zone(entries: Sequence[Mapping[str, Any]]) -> tuple[int | None, str]:
    """The offset that most entries are written in: minutes ahead of UTC, and its name."""
    offsets: Counter[tuple[int, str]] = Counter()
    for entry in entries:
        at = moment(entry.get("at") if entry.get("at") is not None else entry.get("start"))
        if at is not None and at.local is not None and at.offset is not None:
            ahead = at.local.utcoffset()
            if ahead is not None:
                offsets[int(ahead.total_seconds() // 60), at.offset] += 1
    if not offsets:
        return None, "UTC"
    (minutes, name), _ = min(offsets.items(), key=lambda item: (-item[1], item[0]))
    return (minutes, name) if minutes else (None, "UTC")


def _draw(
    marks: Sequence[Mark],
    start: int,
    end: int,
    whole: tuple[int, int],
    offset: int | None,
    zone: str,
    language: SiteLanguage,
) -> Chart:
    scale = (WIDTH - LEFT - RIGHT) / max(1, end - start)
    bars = []
    rows = 0
    for mark in marks:
        # A day that covers the whole window says nothing in it.
        shown = mark.end >= start and mark.start <= end and (mark.end - mark.start) <= (end - start) and rows < MAX_ROWS
        row = rows if shown else None
        rows += shown
        first, last = max(mark.start, start), min(mark.end, end)
        x = LEFT + (first - start) * scale
        width = max((last - first) * scale, 0.0)
        y = TOP + (row or 0) * ROW + ROW / 2
        bars.append(Bar(mark, row, round(x, 1), round(width, 1), round(y, 1)))
    return Chart(
        bars=tuple(bars),
        ticks=tuple(_ticks(start, end, scale, offset, language)),
        start=start,
        end=end,
        home_start=start,
        home_end=end,
        all_start=whole[0],
        all_end=whole[1],
        height=TOP + rows * ROW + BOTTOM,
        offset=offset,
        zone=zone,
        rows=rows,
        hidden=sum(bar.row is None for bar in bars),
        words=say(language, "tl_chart_text", n=rows, start=_stamp(start, language), end=_stamp(end, language)),
    )


def _ticks(start: int, end: int, scale: float, offset: int | None, language: SiteLanguage) -> list[Tick]:
    span = end - start
    step = next((step for step in STEPS if span / step <= MAX_TICKS), STEPS[-1])
    ahead = (offset or 0) * MINUTE
    # Days begin in the source's zone where they are what is counted.
    shift = ahead if step >= DAY else 0
    at = -(-(start + shift) // step) * step - shift
    ticks = []
    while at <= end:
        x = round(LEFT + (at - start) * scale, 1)
        ticks.append(Tick(x, _clock(at, step, language), _clock(at + ahead, step, language)))
        at += step
    return ticks


def _clock(at: int, step: int, language: SiteLanguage) -> str:
    moment_ = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at)
    if step >= DAY:
        size = 3 if step < 300 * DAY else 2
        parts = (moment_.year, moment_.month, moment_.day)[:size]
        return date_in_words(parts, language)
    return f"{moment_:%H:%M}"


def _stamp(at: int, language: SiteLanguage) -> str:
    moment_ = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at)
    return f"{date_in_words((moment_.year, moment_.month, moment_.day), language)} {moment_:%H:%M}"
