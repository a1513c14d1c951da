"""`tests/vectors/consensus.json`: finality proofs made by our generator, for verifiers in other languages too."""

from __future__ import annotations

import json
from typing import Any

import pytest

from archive.chain import codec
from archive.chain.consensus.finality import Verifier
from archive.chain.consensus.pins import pin_from_json, rules_from_json
from archive.chain.consensus.proof import parse_proof
from archive.chain.consensus.sets import SetHistory
from archive.errors import ArchiveError, InvalidInputError
from tests.vectors.generate_consensus import FILE, text

CASES = json.loads(FILE.read_text())["cases"]


@pytest.mark.parametrize("case", CASES, ids=[case["name"].replace(" ", "-") for case in CASES])
def test_verdict(case: dict[str, Any]) -> None:
    history = SetHistory(pin_from_json(pin, ValueError) for pin in case["pins"])
    verifier = Verifier(rules_from_json(case["rules"], ValueError), history)
    expected = case["expected"]
    try:
        final = verifier.check(codec.from_hex(case["block"]), parse_proof(case["consensus"]))
    except ArchiveError as error:
        status = "fail" if isinstance(error, InvalidInputError) else "unchecked"
        assert {"status": status, "code": error.code, "votes": None} == expected  # noqa: PT017
    else:
        assert {"status": "pass", "code": None, "votes": final.votes} == expected


def test_the_file_is_what_the_generator_makes() -> None:
    assert FILE.read_text() == text()
