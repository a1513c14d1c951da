from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.stores.describe import clean, describe, languages, localized, wrap

RECORD: dict[str, Any] = {
    "id": "x",
    "revision": 2,
    "title": {"en": "Title", "zh-Hans": "标题"},
    "summary": {"zh-Hans": "摘要"},
    "occurred": {"start": "2025-10-11T05:12:00+08:00", "end": "2025-10-11T07:02:00+08:00", "time_zone": "UTC+8"},
    "venues": [{"id": "v", "name": {"en": "Venue"}, "roles": [{"text": {"en": "operator"}, "alleged": True}]}],
    "claims": [{"id": "c", "text": {"en": "Orders failed"}, "status": "disputed", "claimed_by": ["v", "nobody"]}],
    "figures": [
        {
            "id": "f",
            "metric": "rejections",
            "value": "10",
            "value_to": "12",
            "unit": "percent",
            "bound": "lower",
            "claimed_by": ["v"],
        }
    ],
    "statements": [
        {"party": "v", "versions": [{"made_at": "2025-10-12", "text": {"en": "All well"}}, {"text": {"en": "Not so"}}]}
    ],
    "questions": [
        {"by": ["v"], "text": {"en": "Why?"}},
        {"by": ["v"], "text": {"en": "How?"}, "answers": [{"kind": "refusal"}]},
    ],
    "evidence": [
        {"id": "a", "path": "evidence/a.csv", "kind": "table"},
        {"id": "b", "withheld": True, "commitment": "00"},
        {"id": "c", "reference": {"sha256": "ff" * 32}, "title": {"en": "Report"}},
    ],
}


def test_everything_is_attributed() -> None:
    text = "\n".join(describe(RECORD))
    assert "[disputed] Orders failed (Venue, nobody)" in text
    assert "rejections: at least 10 to 12 percent (Venue)" in text
    assert "Venue [2 versions]: 2025-10-12: All well → undated: Not so" in text
    assert "Venue: operator (alleged)" in text
    assert "Why? [no answer]" in text
    assert "How? [refusal]" in text
    assert "b: withheld" in text
    assert "c: Report — by reference" in text
    assert "source's time zone: UTC+8" in text


def test_languages_fall_back() -> None:
    assert languages(RECORD) == ("en", "zh-Hans")
    assert localized({"zh-Hans": "甲"}, "zh-CN") == "甲"
    assert localized({"fr": "a", "en": "b"}, "de") == "b"
    assert localized({"fr": "a"}, None) == "a"
    assert localized(None, None) == ""


@pytest.mark.parametrize("evil", ["\x1b[2J", "\x07", "a\u202eb", "\r", "\x9b31m"])
def test_a_record_cannot_steer_the_terminal(evil: str) -> None:
    assert not any(c in clean(evil) for c in "\x1b\x07\u202e\r\x9b")
    text = "\n".join(
        describe({"id": evil, "title": {"en": evil}, "summary": {"en": evil}, "claims": [{"text": {"en": evil}}]})
    )
    assert "\x1b" not in text
    assert "\u202e" not in text


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*RECORD, "text", "name", "by"]), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(
    st.dictionaries(st.sampled_from([*RECORD, "timeline", "parties", "remedies", "demands", "revisions"]), json_values)
)
def test_any_json_object_can_be_shown(record: dict[str, Any]) -> None:
    assert describe(record)


def columns(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def test_wide_characters_take_two_columns() -> None:
    lines = list(wrap("交易所" * 60 + "。", first="  - ", rest="    "))
    assert len(lines) == 4
    assert all(columns(line) <= 102 for line in lines)
    assert lines[0].startswith("  - 交")
    assert lines[1].startswith("    ")
    assert "".join(line[4:] for line in lines) == "交易所" * 60 + "。"


def test_words_are_not_cut() -> None:
    lines = list(wrap("word " * 50))
    assert all(len(line) <= 100 for line in lines)
    assert " ".join(lines).split() == ["word"] * 50
    assert list(wrap("")) == []
    assert list(wrap("x" * 300)) == ["x" * 300]


@given(st.text())
def test_wrapping_loses_nothing_but_blanks(text: str) -> None:
    assert "".join("".join(wrap(text)).split()) == "".join(text.split())
