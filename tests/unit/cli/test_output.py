"""What is printed cannot act on the terminal it is printed to, wherever it came from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from archive.cli import output
from archive.errors import InvalidInputError, Problem

HOSTILE = "a\x1b[31mred\x1b]0;title\x07\x9b2J\u202egnp.exe\u2066\udcff\r"


def acts(text: str) -> bool:
    return any(c in text for c in "\x1b\x07\x9b\u202e\u2066\udcff\r")


@pytest.mark.parametrize("show", [output.print_result, output.say])
def test_escapes_and_direction_marks_are_written_out(show: object, capsys: pytest.CaptureFixture[str]) -> None:
    show(HOSTILE)  # type: ignore[operator]
    told = "".join(capsys.readouterr())
    assert not acts(told)
    assert r"a\x1b[31mred" in told


def test_text_of_any_script_stays_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    text = "币安\n\tمی‌خواهم 👩‍👩‍👧 שלום\u200f"
    output.print_result(text)
    assert capsys.readouterr().out == text + "\n"


def test_a_name_in_an_error_cannot_pass_for_a_line_of_ours(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_error(InvalidInputError("x\narchive: all is well\x1b[2J", code="a.b", hint="y\nz"))
    assert capsys.readouterr().err == "archive: error: x\\narchive: all is well\\x1b[2J [a.b]\narchive: hint: y\\nz\n"


def test_a_problem_is_one_line_and_its_hint_another() -> None:
    problem = Problem("a.b", "m\x1b", path="p\nq", line=3, pointer="/x\u202e", hint="h\n")
    assert output.format_problem(problem) == [r"archive: error: p\nq:3: m\x1b at /x\u202e [a.b]", r"archive: hint: h\n"]


def test_json_says_the_same_without_acting(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"币": HOSTILE.replace("\udcff", ""), "n": [1, None]}
    output.print_json(value)
    told = capsys.readouterr().out
    assert not acts(told)
    assert json.loads(told) == value
    assert "币" in told


def test_a_file_name_that_is_not_text_is_no_internal_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output.say(f"{tmp_path / 'a'}\udcff")
    assert capsys.readouterr().err.endswith("a\\udcff\n")
