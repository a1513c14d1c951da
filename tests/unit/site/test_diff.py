"""Differences: whatever stays, was removed and was added is the old and the new text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from archive.site import diff
from tests.support.shown import honest


@given(st.text(alphabet="ab 币安。,x", max_size=60), st.text(alphabet="ab 币安。,x", max_size=60))
def test_the_parts_give_both_texts(old: str, new: str) -> None:
    parts = diff.words(old, new)
    assert "".join(text for kind, text in parts if kind != "added") == old
    assert "".join(text for kind, text in parts if kind != "removed") == new


def test_words_in_english_and_characters_in_chinese() -> None:
    assert diff.words("a brief problem", "a long problem") == (
        ("same", "a "),
        ("removed", "brief"),
        ("added", "long"),
        ("same", " problem"),
    )
    assert ("removed", "短暂") in diff.words("引擎短暂故障", "引擎没有故障")


def test_a_rewritten_text_is_told_as_one() -> None:
    assert diff.is_rewritten(diff.words("one two three", "four five six"))
    assert not diff.is_rewritten(diff.words("one two three four", "one two three five"))


def test_very_long_texts_are_not_compared_word_by_word() -> None:
    assert diff.words("a " * 4000, "b " * 4000) == (
        ("removed", "a " * 3999 + "a"),
        ("added", "b " * 3999 + "b"),
        ("same", " "),
    )
    same = "word " * 4000
    assert diff.words(same + "old", same + "new") == (("same", same), ("removed", "old"), ("added", "new"))


def test_changes_between_revisions_are_named() -> None:
    old = honest()
    new = honest(licence="CC-BY-4.0", revision=2)
    new["claims"] = [*old["claims"][1:], {**old["claims"][0], "status": "retracted"}]
    new["questions"] = old["questions"][:1]
    new["figures"] = [*old["figures"], {**old["figures"][0], "id": "f-new"}]
    told = {(change.section, change.id, change.kind) for change in diff.changes(old, new)}
    assert told == {
        ("claims", "c-refused", "changed"),
        ("questions", "q-when", "removed"),
        ("figures", "f-new", "added"),
        ("licence", None, "added"),
    }
    claim = next(change for change in diff.changes(old, new) if change.id == "c-refused")
    assert claim.fields == (("status", "contradicted", "retracted"),)
    assert diff.changes(old, old) == ()
