"""Redacted and withheld slots in a published package: they are empty, or the verifier says so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from archive.bundle import ProofBundle
from archive.verify.facts import FileFact
from archive.verify.leaves import read_leaves
from archive.verify.outcome import Check
from archive.verify.record import check_record
from archive.verify.redaction import check_redactions, read_redactions
from tests.unit.verify.simulator import Desk, Publication

RECIPE = {"format": "csv", "delimiter": "comma", "drop": ["apiKey"], "empty": ["note"], "tokens": {"uid": "account"}}
CLEAN = b"time,uid,note\n1,tok_abcdefghijklmnopqrst,\n2,,\n"


def look(desk: Desk, content: bytes, redaction: dict[str, Any], *, given: bool = True) -> list[Check]:
    made: Publication = desk.publish({"evidence/log.csv": content})
    bundle: ProofBundle = made.bundle()
    assert bundle.record is not None
    items: Any = bundle.record["evidence"]
    bundle = replace(bundle, record={**bundle.record, "evidence": [{**items[0], "redaction": redaction}]})
    leaves = read_leaves(bundle.entries)
    path: Path = made.folder / "evidence" / "log.csv"
    (entry,) = leaves.evidence
    fact = FileFact(str(path), None, str(path), entry.size, entry.sha256, "")
    facts = list(read_redactions(bundle, leaves, [fact] if given else [], [path] if given else []))
    return check_redactions(bundle, leaves, facts)


def stated(**changes: Any) -> dict[str, Any]:
    return {"method": "redact@1", "recipe": RECIPE, "reason": {"en": "x"}, **changes}


def test_empty_slots_pass_and_completeness_is_not_checked(desk: Desk) -> None:
    (check,) = look(desk, CLEAN, stated())
    assert check.status == "pass"
    assert "completeness of the log: not checked" in (check.note or "")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"time,uid,apiKey,note\n1,,k,\n", "redact.slot_not_dropped"),
        (b"time,uid,note\n1,,hello\n", "redact.slot_not_empty"),
        (b"time,uid,note\n1,812345678,\n", "redact.slot_not_token"),
    ],
)
def test_c2pa_content_left_inside_a_redacted_slot_fails(desk: Desk, content: bytes, code: str) -> None:
    (check,) = look(desk, content, stated())
    assert (check.status, check.found) == ("fail", code)


def test_c2pa_content_left_beside_a_commitment_fails(desk: Desk) -> None:
    made = desk.publish(withheld={"evidence/names.txt": b"Alice\n"})
    bundle = made.bundle()
    assert bundle.record is not None
    items: Any = bundle.record["evidence"]
    kept = [{**item, "title": {"en": "Alice"}} if "commitment" in item else item for item in items]
    bundle = replace(bundle, record={**bundle.record, "evidence": kept})
    checks = check_record(bundle, read_leaves(bundle.entries))
    assert [c.found for c in checks if c.status == "fail"] == ["record.evidence_form"]


def test_what_is_not_given_or_not_known_is_unchecked(desk: Desk) -> None:
    (check,) = look(desk, CLEAN, stated(), given=False)
    assert check.status == "unchecked"
    (check,) = look(desk, CLEAN, stated(method="redact@2"))
    assert (check.status, check.found) == ("unchecked", "redact.unknown_method")
    (check,) = look(desk, CLEAN, stated(recipe={"format": "hologram"}))
    assert check.status == "unchecked"


@pytest.mark.parametrize(
    ("content", "form"), [(b"[" * 200_000 + b"\n", "jsonl"), (b"a" * (17 << 20) + b"\n", "csv")], ids=["deep", "long"]
)
def test_a_file_that_cannot_be_read_as_the_recipe_says_is_unchecked(desk: Desk, content: bytes, form: str) -> None:
    (check,) = look(desk, content, stated(recipe={**RECIPE, "format": form}))
    assert (check.status, check.found) == ("unchecked", "redact.row")


def test_a_long_line_of_a_redacted_text_ends_in_time(desk: Desk) -> None:
    """One pattern of the frozen rules took the square of a line's length: hours for this one."""
    recipe = {"format": "text", "mask": ["email"], "tokens": {"order-id": "order"}}
    (check,) = look(desk, b"executionreport " * 40_000 + b"\n", stated(recipe=recipe))
    assert check.status == "pass"
