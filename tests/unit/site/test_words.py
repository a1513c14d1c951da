"""The table of interface texts, the pictures and the little Markdown."""

from __future__ import annotations

import re
from string import Formatter
from xml.etree import ElementTree

import pytest

from archive.errors import InternalError
from archive.site import charts, i18n
from archive.site.markdown import to_html
from archive.site.model import LANGUAGES

CHINESE = re.compile("[\u4e00-\u9fff]")
SAME = {"colon", "tl_utc", "sha256", "cid", "dl_bibtex", "dl_csl", "dl_jsonld", "bound_exact", "other_language"}


def holes(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("key", i18n.keys())
def test_each_text_has_both_languages_and_the_same_holes(key: str) -> None:
    english, chinese = i18n.pair(key)
    assert holes(english) == holes(chinese)
    if key not in SAME:
        assert not CHINESE.search(english)
        assert CHINESE.search(chinese) or not re.search("[a-z]{2}", english)


def test_an_unknown_text_is_our_mistake() -> None:
    with pytest.raises(InternalError) as caught:
        i18n.say("en", "no_such_text")
    assert caught.value.code == "site.text"


def test_a_stated_zone_is_translated_where_it_can_be() -> None:
    assert i18n.zone_in_words("not stated; UTC+8 inferred", "zh") == ("未注明；UTC+8 系推断", None)
    assert i18n.zone_in_words("Seoul time", "zh") == ("Seoul time", "en")
    assert i18n.zone_in_words("Seoul time", "en") == ("Seoul time", None)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_picture_is_whole_xml_and_holds_nothing_active(language: str) -> None:
    result = {"computed": "10", "stated": {"value": "12", "unit": "</text><script>1</script>"}, "bound": "lower"}
    drawn = charts.picture("figure-consistency@1", result, language)  # type: ignore[arg-type]
    assert drawn is not None
    root = ElementTree.fromstring(drawn.svg)
    assert {element.tag.rpartition("}")[2] for element in root.iter()} == {"svg", "style", "line", "rect", "text"}
    assert drawn == charts.picture("figure-consistency@1", result, language)  # type: ignore[arg-type]


def test_a_result_that_the_method_never_made_has_no_picture() -> None:
    assert charts.picture("figure-consistency@1", {"computed": "ten"}, "en") is None
    assert charts.picture("figure-consistency@1", {"computed": "inf"}, "en") is None
    assert (
        charts.picture("timeline-consistency@1", {"same": [{"a": {"row": "x", "start": "9999-99-99"}}]}, "en") is None
    )
    assert charts.picture("depeg@1", {}, "en") is None
    assert charts.picture("unknown@1", {}, "en") is None


def test_markdown_cannot_bring_html() -> None:
    html = to_html(
        "# A <b>\n\nText with **strong**, `<code>` and [a file](docs/x.md), [site](https://example.org/?a&b)."
    )
    assert html == (
        "<h1>A &lt;b&gt;</h1>\n<p>Text with <strong>strong</strong>, <code>&lt;code&gt;</code> and a file, "
        '<a href="https://example.org/?a&amp;b" rel="noopener noreferrer nofollow">site</a>.</p>'
    )


def test_markdown_lists_tables_and_wrapped_chinese() -> None:
    assert to_html("- one\n  more\n- two") == "<ul><li>one more</li><li>two</li></ul>"
    assert to_html("1. one\n2. two") == "<ol><li>one</li><li>two</li></ol>"
    assert to_html("一行\n二行") == "<p>一行二行</p>"
    table = to_html("| a | b |\n| --- | --- |\n| 1 | 2 |")
    assert '<th scope="col">a</th>' in table
    assert "<td>2</td>" in table
