"""Text of strangers: nothing acts, nothing hides, and the page's language comes first."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.site import text

ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\u200b\ufeff\U000e0041]")
TAG = re.compile(r"<(/?)([a-z]+)((?: [a-z-]+=\"[^\"<>]*\")*)>")


@given(st.text())
def test_no_text_brings_markup_or_acting_characters_into_a_page(plain: str) -> None:
    shown = str(text.inert(plain))
    assert not ACTING.search(shown)
    bare = TAG.sub("", shown)
    assert "<" not in bare
    assert ">" not in bare
    assert {found[1] for found in TAG.findall(shown)} <= {"span"}


def test_what_acts_is_written_out_as_a_code_point() -> None:
    shown = text.inert("a\u202eb\x07")
    assert 'title="right-to-left override">U+202E</span>' in shown
    assert "U+0007" in shown
    assert text.visible("a\u202eb") == "a⟨U+202E⟩b"


def test_a_word_of_mixed_scripts_is_marked_and_a_russian_one_is_not() -> None:
    assert 'class="mixed"' in text.inert("раyраl")
    assert text.inert("привет paypal") == "привет paypal"
    assert 'class="mixed"' not in text.inert("USDT 币安 Binance")


def test_joiners_that_scripts_need_stay() -> None:
    assert text.inert("می\u200cخواهم") == "می\u200cخواهم"


def test_the_language_of_the_page_comes_first_and_another_is_marked() -> None:
    value = {"en": "Hello", "zh-Hant": "您好", "zh-Hans": "你好"}
    assert text.pick(value, "zh") == text.Said("你好", "zh-Hans")
    assert text.pick({"en": "Hello", "zh-Hant": "您好"}, "zh") == text.Said("您好", "zh-Hant")
    assert text.pick({"ko": "안녕"}, "en") == text.Said("안녕", "ko", missing=True)
    assert text.said({"en": "Hello"}, "zh") == (
        '<bdi lang="en">Hello</bdi> <span class="untranslated">（英文；记录此处没有中文文本）</span>'
    )
    assert text.said({"en": "Hello"}, "en") == '<bdi lang="en">Hello</bdi>'


def test_a_long_text_is_cut_and_says_so() -> None:
    shown = text.inert("x" * 9000)
    assert len(shown) < 8100
    assert shown.endswith('<span class="cut">…</span>')


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "data:text/html,<script>1</script>",
        "https://user:pass@example.org/",
        "https://example.org/\u202e",
        'https://example.org/"onmouseover=1',
        "https://[bad",
        "https://example.org:port/",
        "ipfs://bafy/",
        "//example.org",
        "https:///path",
    ],
)
def test_only_plain_web_addresses_become_links(address: str) -> None:
    assert text.web_address(address) is None
    assert "<a " not in text.link(address)


def test_a_link_leads_nowhere_in_silence() -> None:
    shown = text.link("https://example.org/a?b=1&c=2")
    assert 'href="https://example.org/a?b=1&amp;c=2"' in shown
    assert 'rel="noopener noreferrer nofollow"' in shown


def test_a_host_of_look_alikes_is_shown_as_it_is_asked() -> None:
    assert "(xn--" in text.link("https://раураl.com/")


@pytest.mark.parametrize(
    ("value", "shown"),
    [("1234567.50", "1,234,567.50"), ("-0.10", "−0.10"), ("12", "12"), ("1e5", "1e5"), ("<b>", "<b>")],
)
def test_numbers_are_grouped_and_never_rounded(value: str, shown: str) -> None:
    assert text.number(value) == shown


def test_tags_that_are_none_are_not_put_into_an_attribute() -> None:
    assert text.safe_tag('en" onload="x') == ""
    assert text.safe_tag("zh-Hans") == "zh-Hans"
