from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from archive.record.models import Decimal, Localized, Time
from archive.record.times import parse_time

DECIMAL = TypeAdapter(Decimal)
TIME = TypeAdapter(Time)


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_every_decimal_in_plain_digits_survives(number: object) -> None:
    text = f"{number:f}"
    if text.startswith("-") and not text.strip("-0."):
        text = text[1:]
    assert DECIMAL.dump_python(DECIMAL.validate_python(text)) == text


@pytest.mark.parametrize(
    "text",
    ["", "-", "-0", "-0.0", "-0.000", "+1", "01", "00", "1.", ".5", "1e3", "1,000", "1 000", "NaN", "١", "1\n", " 1"],
)
def test_other_decimals_are_refused(text: str) -> None:
    with pytest.raises(ValidationError, match=r"decimal|minus zero"):
        DECIMAL.validate_python(text)


@given(
    st.datetimes(min_value=datetime(2, 1, 2), max_value=datetime(9998, 12, 30)),
    st.integers(-23 * 60 - 59, 23 * 60 + 59),
    st.booleans(),
)
def test_times_survive_and_mean_the_same_instant(moment: datetime, offset: int, fine: bool) -> None:
    zoned = moment.replace(tzinfo=timezone(timedelta(minutes=offset)))
    text = zoned.isoformat(timespec="milliseconds" if fine else "seconds")
    assert TIME.validate_python(text) == text
    instants = parse_time(text)
    assert instants.earliest == datetime.fromisoformat(text).astimezone(UTC)
    assert instants.precision == ("millisecond" if fine else "second")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("2025-10-11T05:12:00", "record.time_offset"),
        ("2025-10-11 05:12", "record.time_offset"),
        ("2025-10-11T05:12+08:00", "record.time"),
        ("2025-10-11T05:12:00.4+08:00", "record.time"),
        ("2025-10-11T05:12:00.4381+08:00", "record.time"),
        ("2025-10-11T24:00:00Z", "record.time"),
        ("2025-10-11T05:12:60Z", "record.time"),
        ("2025-10-11t05:12:00z", "record.time"),
        ("2025-02-30", "record.time"),
        ("2025-13", "record.time"),
        ("0000", "record.time"),
        ("9999", "record.time"),
        ("25", "record.time"),
        ("05:12:00", "record.time"),
        ("2025-10-11T05:12:00+0800", "record.time"),
        ("", "record.time"),
    ],
)
def test_other_times_are_refused(text: str, code: str) -> None:
    with pytest.raises(PydanticCustomError) as caught:
        parse_time(text)
    assert caught.value.type == code


def test_a_partial_date_covers_all_time_zones() -> None:
    day = parse_time("2025-10-11")
    for text in ("2025-10-11T00:00:00+14:00", "2025-10-11T23:59:59-12:00"):
        assert day.earliest <= parse_time(text).earliest < day.latest


def test_a_localized_text_needs_a_language() -> None:
    with pytest.raises(ValidationError, match="at least one language"):
        TypeAdapter(Localized).validate_python({})
