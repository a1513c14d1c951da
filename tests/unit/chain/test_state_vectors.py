"""The state and exclusion proofs of `tests/vectors/state.json`, each with its verdict and code."""

from __future__ import annotations

import json
from typing import Any

import pytest

from archive.chain.absence import inspect_absence, parse_absence
from archive.chain.proofs import inspect_anchor_proof, parse_anchor_proof
from archive.errors import ArchiveError
from tests.vectors.generate_state import FILE, text

VECTORS = json.loads(FILE.read_text())["vectors"]


@pytest.mark.parametrize("vector", VECTORS, ids=[f"{next(iter(v['input']))}: {v['name']}" for v in VECTORS])
def test_each_vector_has_its_verdict_and_code(vector: dict[str, Any]) -> None:
    code, code_hash = judged(vector["input"])
    assert code == vector["code"]
    assert (vector["expected"] == "valid") == (code is None)
    if code is None:
        assert {"code_hash": code_hash} == vector["output"]


def judged(given: dict[str, Any]) -> tuple[str | None, str | None]:
    try:
        if "anchor" in given:
            inspection: Any = inspect_anchor_proof(parse_anchor_proof(given["anchor"]))
        else:
            inspection = inspect_absence(parse_absence(json.dumps(given["absence"]).encode()))
    except ArchiveError as error:
        return error.code, None
    if inspection.proven is None:
        return next(step.code for step in inspection.steps if step.status == "fail"), None
    return None, inspection.proven.code_hash


def test_the_generator_gives_the_same_again() -> None:
    assert FILE.read_text() == text()
