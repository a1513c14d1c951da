"""JSON of others: the answers of json.loads, and an error where json.loads would end the process."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive import jsontext

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(_VALUES, st.booleans())
def test_same_answer_as_json(value: object, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    assert jsontext.loads(text) == value


@pytest.mark.parametrize("text", ['"[[[["', '"\\"[[["', '["\\\\", "]"]', '{"a": "{"}'])
def test_brackets_inside_strings_are_no_nesting(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsontext, "MAX_DEPTH", 1)
    assert jsontext.loads(text) == json.loads(text)


def test_depth_is_bounded_exactly() -> None:
    jsontext.loads("[" * 512 + "]" * 512)
    with pytest.raises(ValueError, match="nested deeper than 512"):
        jsontext.loads("[" * 513 + "]" * 513)


@pytest.mark.parametrize("data", [b"\xff", b"[", b"", b"[1,]"])
def test_what_is_no_json_is_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        jsontext.loads(data)


def test_a_raised_recursion_limit_does_not_kill_the_process() -> None:
    code = """
import sys
sys.setrecursionlimit(1_000_000)
from archive.errors import ArchiveError
from archive.trust import parse_trust
from archive.verify.policy import parse_policy
for parse, size in ((parse_trust, 500_000), (parse_policy, 60_000)):
    try:
        parse(b"[" * size)
    except ArchiveError as error:
        print(error.code)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()) == (0, ["trust.not_json", "policy.not_json"])
