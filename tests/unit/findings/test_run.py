"""Computing the findings of a record, filling results in, refusing what does not come out."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from archive.errors import InvalidInputError, RefusedError
from archive.findings.fill import filled
from archive.findings.method import Method, Parameter, Role
from archive.findings.registry import MODULES, find_method
from archive.findings.run import compute_all, first_difference, locate_in
from archive.findings.show import table_lines
from archive.package import canonical
from archive.publish.findings import require_findings
from archive.publish.inputs import open_draft
from archive.record.dossier import load_dossier

RECORD = """schema_version: 1
id: 2025-10-11-test
title: {en: Test}
summary: {en: Made for tests.}
occurred: {start: 2025-10-11, precision: day, time_zone: UTC}
findings:
  - id: drop
    method: open-interest-drop@1
    inputs:
      - {evidence: facts, role: facts}
    parameters:
      before: m01.value
      after: m02.value      # a remark that stays
    note:
      en: >-
        A text over
        two lines.

  # A remark between the findings.
  - id: sum
    method: figure-consistency@1
    inputs:
      - {evidence: facts, role: facts}
    parameters: {formula: a + b, a: m01.value, b: m02.value}
evidence:
  - id: facts
    kind: fact-table
    path: evidence/facts.csv
    media_type: text/csv
revision: 1
revisions:
  - revision: 1
    reason: {en: first}
"""
FACTS = "row,value,unit\nm01,160,USD\nm02,90,USD\n"


@pytest.fixture
def dossier(tmp_path: Path) -> Path:
    folder = tmp_path / "2025-10-11-test"
    (folder / "evidence").mkdir(parents=True)
    (folder / "incident.yaml").write_text(RECORD, encoding="utf-8")
    (folder / "evidence" / "facts.csv").write_text(FACTS, encoding="utf-8")
    return folder


def outcomes(folder: Path):
    draft = load_dossier(folder)
    assert draft.record is not None, draft.problems
    return {item.id: item for item in compute_all(draft.record, locate_in(folder))}


def fill_in(folder: Path) -> None:
    file = folder / "incident.yaml"
    results = {name: item.computed for name, item in outcomes(folder).items()}
    file.write_bytes(filled(file.read_bytes(), results, is_json=False))


def test_results_are_filled_in_and_nothing_else_changes(dossier):
    before = (dossier / "incident.yaml").read_text().splitlines()
    fill_in(dossier)
    after = (dossier / "incident.yaml").read_text().splitlines()
    assert [line for line in after if line in before] == before
    assert {item.status for item in outcomes(dossier).values()} == {"same"}
    again = (dossier / "incident.yaml").read_bytes()
    fill_in(dossier)
    assert (dossier / "incident.yaml").read_bytes() == again


def test_a_json_record_is_filled_in_too(dossier):
    value = load_dossier(dossier).record.to_value()
    (dossier / "incident.yaml").unlink()
    (dossier / "incident.json").write_text(json.dumps(value), encoding="utf-8")
    results = {name: item.computed for name, item in outcomes(dossier).items()}
    file = dossier / "incident.json"
    file.write_bytes(filled(file.read_bytes(), results, is_json=True))
    assert {item.status for item in outcomes(dossier).values()} == {"same"}


def test_findings_in_braces_are_refused(dossier):
    text = RECORD.replace(RECORD[RECORD.index("findings:") : RECORD.index("evidence:\n")], "")
    text = text.replace(
        "evidence:\n",
        "findings: [{id: one, method: figure-consistency@1, inputs: [{evidence: facts, role: f}], "
        "parameters: {formula: 1 + 1}}]\nevidence:\n",
        1,
    )
    (dossier / "incident.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(RefusedError) as error:
        fill_in(dossier)
    assert error.value.code == "findings.record_form"


def test_pack_refuses_a_result_that_is_missing_or_does_not_come_out(dossier):
    with pytest.raises(InvalidInputError) as error:
        require_findings(open_draft(dossier, code="pack.check_failed"))
    assert error.value.code == "findings.not_reproduced"
    assert {problem.code for problem in error.value.problems} == {"findings.no_result"}
    fill_in(dossier)
    assert require_findings(open_draft(dossier, code="pack.check_failed")) == ()
    file = dossier / "incident.yaml"
    file.write_text(file.read_text().replace('"250"', '"251"').replace(": 250", ": 251"), encoding="utf-8")
    with pytest.raises(InvalidInputError) as error:
        require_findings(open_draft(dossier, code="pack.check_failed"))
    (problem,) = error.value.problems
    assert (problem.code, problem.pointer) == ("findings.differs", "/findings/1")
    assert "/computed" in problem.message


def test_pack_builds_what_comes_out(dossier, tmp_path):
    from archive.publish.pack import pack_dossier
    from archive.workspace import resolve_workspace

    space = resolve_workspace(tmp_path / "space")
    with pytest.raises(InvalidInputError) as error:
        pack_dossier(space, dossier, out=tmp_path / "x.car")
    assert error.value.code == "findings.not_reproduced"
    assert not (tmp_path / "x.car").exists()
    fill_in(dossier)
    assert pack_dossier(space, dossier, out=tmp_path / "x.car").car.path.is_file()


def test_the_root_changes_when_a_fact_changes_and_the_finding_notices(dossier):
    fill_in(dossier)
    facts = dossier / "evidence" / "facts.csv"
    facts.write_text(FACTS.replace("90", "80"), encoding="utf-8")
    assert {item.status for item in outcomes(dossier).values()} == {"differs"}


def test_unknown_method_and_absent_file_are_unchecked(dossier):
    file = dossier / "incident.yaml"
    file.write_text(RECORD.replace("open-interest-drop@1", "open-interest-drop@7"), encoding="utf-8")
    assert outcomes(dossier)["drop"].code == "findings.unknown_method"
    assert outcomes(dossier)["drop"].status == "unchecked"
    shutil.rmtree(dossier / "evidence")
    assert outcomes(dossier)["sum"].code == "findings.input_missing"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (("role: facts}", "role: open-interest}"), "findings.parameter"),
        (("kind: fact-table", "kind: market-data"), "findings.role"),
        (("before: m01.value", "before: m09.value"), "findings.term"),
        (("before: m01.value", "begin: m01.value"), "findings.parameter"),
    ],
)
def test_wrong_declarations_by_code(dossier, change, code):
    (dossier / "incident.yaml").write_text(RECORD.replace(*change), encoding="utf-8")
    found = outcomes(dossier)["drop"]
    assert (found.status, found.code) == ("wrong", code)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (("method: open-interest-drop@1", "method: open-interest-drop"), "record.method"),
        (("method: open-interest-drop@1", "method: open-interest-drop@0"), "record.method"),
        (
            (
                "    note:\n      en: >-",
                "    result: {a: [b, {c: d}]}\n    not_recomputable: inputs not published\n    note:\n      en: >-",
            ),
            "record.finding_form",
        ),
        (
            (
                "    inputs:\n      - {evidence: facts, role: facts}\n    parameters:\n      before",
                "    parameters:\n      before",
            ),
            "record.finding_form",
        ),
        (("{evidence: facts, role: facts}", "{evidence: nothing, role: facts}"), "record.unknown_id"),
        (("      before: m01", "      Before: m01"), "record.parameter"),
    ],
)
def test_rules_of_the_record(dossier, change, code):
    assert change[0] in RECORD
    (dossier / "incident.yaml").write_text(RECORD.replace(*change, 1), encoding="utf-8")
    assert code in {problem.code for problem in load_dossier(dossier).problems}


def test_numbers_in_a_result_are_refused_in_json(dossier):
    value = load_dossier(dossier).record.to_value()
    value["findings"][0]["result"] = {"drop": 1}
    (dossier / "incident.yaml").unlink()
    (dossier / "incident.json").write_text(json.dumps(value), encoding="utf-8")
    assert "record.finding_result" in {problem.code for problem in load_dossier(dossier).problems}


@pytest.mark.parametrize("name", MODULES)
def test_every_method_is_what_its_name_says_and_has_a_page(name):
    method = find_method(name)
    assert isinstance(method, Method)
    assert method.id == name
    assert method.roles or method.free_role
    assert all(isinstance(role, Role) for role in method.roles)
    assert all(isinstance(parameter, Parameter) and parameter.description for parameter in method.parameters)
    page = Path(__file__).resolve().parents[3] / "docs" / "findings" / f"{method.name}.md"
    text = page.read_text(encoding="utf-8")
    for heading in ("## Formula", "## Assumptions", "## What it cannot show", "## Source"):
        assert heading in text, page
    for parameter in method.parameters:
        assert f"`{parameter.name}`" in text, (page, parameter.name)
    for role in method.roles:
        assert f"`{role.name}`" in text, (page, role.name)


def test_unknown_method_is_none():
    assert find_method("depeg@999") is None


def test_results_hold_texts_only(dossier):
    def walk(value):
        if isinstance(value, dict):
            assert all(isinstance(key, str) for key in value)
            for part in value.values():
                walk(part)
        elif isinstance(value, list):
            for part in value:
                walk(part)
        else:
            assert isinstance(value, str)
            assert value

    for item in outcomes(dossier).values():
        walk(item.computed)
        assert canonical.dumps(item.computed)
        assert table_lines(item.computed)


def test_first_difference_names_the_place():
    assert first_difference({"a": ["1", {"b": "2"}]}, {"a": ["1", {"b": "3"}]}) == (
        "/a/1/b: the record says '2', computed is '3'"
    )
    assert "computed are 2" in first_difference(["1"], ["1", "2"])
    assert "nothing" in first_difference({}, {"a": "1"})


def test_control_characters_are_not_shown():
    assert "\x1b" not in "".join(table_lines({"a": "\x1b[31mred", "b": [{"c\x07": "\x00"}]}))
