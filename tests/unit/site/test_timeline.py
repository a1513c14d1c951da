"""The chart of the timeline: which entries it shows in the incident's window, and where."""

from __future__ import annotations

from archive.site.timeline import LEFT, MINUTE, RIGHT, WIDTH, bounds, chart, columns
from tests.support.shown import honest


def test_entries_with_a_clock_lie_in_the_window_of_the_incident() -> None:
    record = honest()
    drawn = chart(record, record["timeline"], "en")
    assert drawn is not None
    assert [(bar.mark.id, bar.row) for bar in drawn.bars] == [("t-day", None), ("t-first", 0), ("t-span", 1)]
    assert drawn.hidden == 1
    assert (drawn.offset, drawn.zone) == (480, "UTC+8")
    span = drawn.bars[2]
    scale = (WIDTH - LEFT - RIGHT) / (drawn.end - drawn.start)
    assert span.width == round(40 * MINUTE * scale, 1)
    assert [tick.utc for tick in drawn.ticks][:2] == ["19:00", "19:10"]
    assert [tick.local for tick in drawn.ticks][:2] == ["03:00", "03:10"]


def test_without_a_clock_the_days_are_counted() -> None:
    entries = [{"id": f"d{n}", "at": f"2022-11-0{n}", "precision": "day", "text": {"en": "x"}} for n in (2, 5, 8)]
    record = honest(occurred={"start": "2022-11-02", "end": "2022-11-11", "precision": "day", "time_zone": "UTC"})
    drawn = chart(record, entries, "en")
    assert drawn is not None
    assert all(bar.mark.vague for bar in drawn.bars)
    assert drawn.offset is None
    assert drawn.ticks[0].utc == "2 Nov 2022"


def test_nothing_to_place_is_no_chart() -> None:
    assert chart(honest(), [], "en") is None
    assert chart(honest(), [{"id": "x", "at": "never", "text": {"en": "x"}}], "en") is None


def test_an_interval_that_ends_before_it_starts_is_not_placed() -> None:
    assert bounds({"start": "2025-01-03", "end": "2025-01-01"}) is None


def test_a_year_ends_with_the_year_and_december_with_the_next() -> None:
    year, december = bounds({"at": "2025"}), bounds({"at": "2025-12"})
    assert year is not None
    assert december is not None
    assert year[1] == december[1] == 1_767_225_600_000


def test_words_are_cut_by_columns() -> None:
    assert columns("abcdef", 6) == "abcdef"
    assert columns("abcdefg", 6) == "abcde…"
    assert columns("币安清算", 6) == "币安…"
