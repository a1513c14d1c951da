"""Times are shown in the source's zone and in UTC, never more exact than they are known."""

from __future__ import annotations

from typing import Any

import pytest

from archive.site import times
from archive.site.model import SiteLanguage


@pytest.mark.parametrize(
    ("item", "language", "local", "utc"),
    [
        (
            {"at": "2025-10-11T05:12:00+08:00", "precision": "minute"},
            "en",
            "11 Oct 2025 05:12 UTC+8",
            "10 Oct 2025 21:12",
        ),
        (
            {"at": "2025-10-11T05:12:00+08:00", "precision": "hour"},
            "en",
            "11 Oct 2025 05:00 UTC+8",
            "10 Oct 2025 21:00",
        ),
        (
            {"at": "2025-10-11T04:56:22.438+08:00"},
            "zh",
            "2025年10月11日 04:56:22.438 UTC+8",
            "2025年10月10日 20:56:22.438",
        ),
        ({"at": "2025-10"}, "zh", "2025年10月", "2025年10月"),
        ({"at": "2025-10-11"}, "en", "11 Oct 2025", "11 Oct 2025"),
        (
            {"start": "2025-10-11T05:12:00+08:00", "end": "2025-10-11T07:02:00+08:00", "precision": "minute"},
            "en",
            "11 Oct 2025 05:12–07:02 UTC+8",
            "10 Oct 2025 21:12–23:02",
        ),
        ({"start": "2022-11-02", "end": "2022-11-11"}, "en", "2 Nov 2022 – 11 Nov 2022", "2 Nov 2022 – 11 Nov 2022"),
        ({"at": "2025-01-01T00:00:00-05:30"}, "en", "1 Jan 2025 00:00:00 UTC−5:30", "1 Jan 2025 05:30:00"),
        ({"at": "2025-01-01T00:00:00Z"}, "en", "1 Jan 2025 00:00:00 UTC", "1 Jan 2025 00:00:00"),
    ],
)
def test_a_time_in_both_zones(item: dict[str, Any], language: SiteLanguage, local: str, utc: str) -> None:
    assert times.span(item, language) == local
    assert times.span(item, language, zone="utc") == utc


@pytest.mark.parametrize("value", ["2025-13-01T00:00:00Z", "yesterday", "2025-02-30T00:00:00Z", "", None, 5])
def test_what_is_no_time_is_left_out(value: object) -> None:
    assert times.moment(value) is None
    assert times.span({"at": value}, "en") == ""


def test_a_time_that_no_clock_can_show_is_its_number() -> None:
    assert times.of_unix(10**18, "en") == str(10**18)
    assert times.of_unix(1_760_130_720, "en") == "10 Oct 2025 21:12:00"
