"""`tests/vectors/stamps.json`: each stamp has the status and the code that it is written down with."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from archive.bundle import ProofBundle
from archive.stamps.bitcoin import REGTEST
from archive.trust import TimeStampRoot, TrustFile
from archive.verify.clockfacts import BitcoinAnswer, ClockFacts
from archive.verify.facts import Facts
from archive.verify.stamps import check_stamps

FILE = Path(__file__).resolve().parents[2] / "vectors" / "stamps.json"
CASES = json.loads(FILE.read_text(encoding="utf-8"))["cases"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_vector(case: dict[str, Any]) -> None:
    trust = TrustFile(time_stamp_roots=tuple(TimeStampRoot(f"root {n}", pem) for n, pem in enumerate(case["roots"])))
    answers = tuple(
        BitcoinAnswer(known["height"], "the vector", "file", bytes.fromhex(known["header"]))
        for known in case["bitcoin"]
    )
    bundle = ProofBundle(case["root"], "", (), None, (), stamps=(case["stamp"],))
    clocks = ClockFacts(bitcoin=answers, network=replace(REGTEST, proves_time=True))
    facts = Facts("a vector", None, bundle, (), trust, offline=True, clocks=clocks)
    checks = check_stamps(bundle, None, case["root"], facts, ()).checks
    told = [c for c in checks if c.code.split(".")[0] == "stamp"]
    whole = [c for c in told if c.code.count(".") == 1]
    assert [c.status for c in whole] == [case["status"]]
    wrong = [c.code for c in told if c.status == case["status"]]
    assert case["code"] is None or wrong[0] == case["code"]
