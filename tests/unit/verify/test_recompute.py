"""verify --recompute: findings come out of the published bytes, or are told to be wrong or unchecked."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from archive.verify.checks import judge
from archive.verify.gather import Sources, Target, gather
from archive.verify.outcome import Check, Outcome
from archive.verify.policy import Policy
from archive.verify.recompute import recompute
from tests.unit.verify import simulator
from tests.unit.verify.simulator import Desk, Publication

FACTS = b"row,value,unit,bound\nm01,160,USD,exact\nm02,90,USD,exact\n"
RESULT = {
    "formula": "(a - b) / a",
    "computed": "0.4375",
    "terms": [
        {
            "name": "a",
            "evidence": "facts-csv",
            "row": "m01",
            "column": "value",
            "value": "160",
            "unit": "USD",
            "bound": "exact",
        },
        {
            "name": "b",
            "evidence": "facts-csv",
            "row": "m02",
            "column": "value",
            "value": "90",
            "unit": "USD",
            "bound": "exact",
        },
    ],
}


def finding(**changes: Any) -> dict[str, Any]:
    return {
        "id": "drop",
        "method": "figure-consistency@1",
        "inputs": [{"evidence": "facts-csv", "role": "facts"}],
        "parameters": {"formula": "(a - b) / a", "a": "m01.value", "b": "m02.value"},
        "result": RESULT,
        **changes,
    }


@pytest.fixture
def publish(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    """Publish a package whose record declares a finding."""
    plain = simulator.record_value

    def make(declared: dict[str, Any], **more: Any) -> Publication:
        monkeypatch.setattr(simulator, "record_value", lambda items, **k: {**plain(items, **k), "findings": [declared]})
        return desk.publish({"evidence/facts.csv": FACTS}, **more)

    return make


def outcome_of(desk: Desk, publication: Publication, given: list[Path], stores: tuple[Any, ...] = ()) -> Outcome:
    path = desk.folder / "x.proof.json"
    publication.write_bundle(path)
    sources = Sources(trust=publication.trust, readers=stores, nodes=(publication.chain.node(),))
    facts = gather(Target("bundle", str(path)), given, sources)
    return judge(replace(facts, findings=recompute(facts.bundle, given, stores)), Policy())


def check_of(outcome: Outcome) -> Check:
    (check,) = [item for item in outcome.checks if item.section == "findings"]
    assert check.code == "finding:drop"
    return check


def test_it_comes_out_again_from_a_folder_a_file_a_car_and_a_store(desk, publish, tmp_path):
    publication = publish(finding())
    car = tmp_path / "p.car"
    car.write_bytes(publication.car())
    for given in ([publication.folder], [publication.folder / "evidence" / "facts.csv"], [car]):
        check = check_of(outcome_of(desk, publication, given))
        assert (check.status, check.expected) == ("pass", check.found), given
    assert check_of(outcome_of(desk, publication, [], (publication.store(),))).status == "pass"


def test_another_result_fails_and_says_where(desk, publish):
    publication = publish(finding(result={**RESULT, "computed": "0.5"}))
    outcome = outcome_of(desk, publication, [publication.folder])
    check = check_of(outcome)
    assert (check.status, outcome.verdict) == ("fail", "fail")
    assert "/computed: the record says '0.5', computed is '0.4375'" in (check.note or "")
    assert check.expected != check.found


def test_parameters_that_make_no_sense_fail(desk, publish):
    publication = publish(finding(parameters={"formula": "a"}))
    assert check_of(outcome_of(desk, publication, [publication.folder])).status == "fail"


@pytest.mark.parametrize(
    ("declared", "note"),
    [
        (finding(method="figure-consistency@999"), "is not known to this program"),
        (finding(method="tomorrow@1"), "is not known to this program"),
        ({"id": "drop", "method": "latency@1", "not_recomputable": "inputs not published"}, "inputs not published"),
    ],
)
def test_what_cannot_be_computed_is_unchecked_never_passed_and_never_failed(desk, publish, declared, note):
    publication = publish(declared)
    outcome = outcome_of(desk, publication, [publication.folder])
    assert check_of(outcome).status == "unchecked"
    assert note in (check_of(outcome).note or "")
    assert outcome.verdict != "fail"


def test_a_changed_file_is_no_input(desk, publish):
    publication = publish(finding())
    file = publication.folder / "evidence" / "facts.csv"
    file.write_bytes(FACTS.replace(b"160", b"170"))
    check = check_of(outcome_of(desk, publication, [publication.folder]))
    assert check.status == "unchecked"
    assert "is not here" in (check.note or "")


def test_a_link_is_not_followed(desk, publish, tmp_path):
    publication = publish(finding())
    folder = tmp_path / "given"
    folder.mkdir()
    (folder / "facts.csv").symlink_to(publication.folder / "evidence" / "facts.csv")
    assert check_of(outcome_of(desk, publication, [folder])).status == "unchecked"


def test_a_withheld_input_is_not_published(desk, publish):
    declared = finding(inputs=[{"evidence": "secret-csv", "role": "facts"}])
    publication = publish(declared, withheld={"evidence/secret.csv": FACTS})
    check = check_of(outcome_of(desk, publication, [publication.folder]))
    assert (check.status, check.note) == ("unchecked", "not recomputable: inputs not published")


def test_a_referenced_input_is_computed_when_it_is_given(desk, publish, tmp_path):
    reference = {
        "id": "elsewhere",
        "kind": "fact-table",
        "media_type": "text/csv",
        "reference": {"sha256": hashlib.sha256(FACTS).hexdigest(), "size": len(FACTS)},
    }
    terms = [{**term, "evidence": "elsewhere"} for term in RESULT["terms"]]
    declared = finding(inputs=[{"evidence": "elsewhere", "role": "facts"}], result={**RESULT, "terms": terms})
    publication = publish(declared, references=[reference])
    other = tmp_path / "other.csv"
    other.write_bytes(b"row,value\nx,1\n")
    file = tmp_path / "given.csv"
    file.write_bytes(FACTS)
    # The package has a file with the same bytes: only the hash counts, wherever they lie.
    (publication.folder / "evidence" / "facts.csv").unlink()
    check = check_of(outcome_of(desk, publication, [publication.folder, other]))
    assert (check.status, check.note) == ("unchecked", "not recomputable: inputs not published")
    assert check_of(outcome_of(desk, publication, [publication.folder, file])).status == "pass"


def test_nobody_asked(desk, publish):
    publication = publish(finding())
    outcome = desk.verify(publication)
    assert (check_of(outcome).status, outcome.verdict) == ("unchecked", "pass")
    assert "--recompute" in (check_of(outcome).note or "")
