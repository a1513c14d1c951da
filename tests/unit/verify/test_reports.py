"""The shared report cases: whoever verifies offline must say this of them, the browser verifier too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.reports import CASES, Case, cases, outcome_of


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in cases()])
def test_the_report_is_what_the_case_expects(case: Case, tmp_path: Path) -> None:
    case.lay_out(tmp_path)
    assert outcome_of(case.report(tmp_path)) == case.expected


def test_every_file_of_the_cases_is_used() -> None:
    used = {data for case in cases() for data in case.files.values()}
    assert used == {path.relative_to(CASES.parent).as_posix() for path in (CASES.parent / "data").iterdir()}


def test_the_browsers_data_are_those_of_python() -> None:
    from tools import record_model

    assert record_model.TARGET.read_text(encoding="utf-8") == record_model.to_text()
    assert record_model.WORDS.read_text(encoding="utf-8") == record_model.words()
    assert json.loads(record_model.to_text())["record"] == "IncidentRecord"
