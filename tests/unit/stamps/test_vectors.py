"""`tests/vectors/stamps.json`: each stamp, and each block, has the status and the code that it is written down with."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from archive.bundle import ProofBundle
from archive.package.entries import Header, NotBefore
from archive.stamps.bitcoin import MAINNET, REGTEST
from archive.trust import TimeStampRoot, TrustFile
from archive.verify.clockfacts import BitcoinAnswer, BlockAnswer, ClockFacts
from archive.verify.facts import Facts
from archive.verify.stamps import Result, check_stamps

FILE = Path(__file__).resolve().parents[2] / "vectors" / "stamps.json"
VECTORS = json.loads(FILE.read_text(encoding="utf-8"))
ROOT = "5a" * 32


def clocks_of(case: dict[str, Any]) -> ClockFacts:
    answers = tuple(
        BitcoinAnswer(known["height"], known["source"], known["kind"], bytes.fromhex(known["header"]))
        for known in case["bitcoin"]
    )
    blocks = tuple(BlockAnswer(**answer) for answer in case.get("answers", ()))
    network = MAINNET if case["network"] == "main" else replace(REGTEST, proves_time=True)
    return ClockFacts(answers, blocks, network)


def told(result: Result) -> list[int] | None:
    """Time and margin of the clock that is shown."""
    return next(([c.time, c.margin] for c in result.clocks), None)


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: str(case["name"]))
def test_stamp(case: dict[str, Any]) -> None:
    policies = tuple(case["policies"])
    roots = tuple(TimeStampRoot(f"root {n}", pem, policies) for n, pem in enumerate(case["roots"]))
    bundle = ProofBundle(case["root"], "", (), None, (), stamps=(case["stamp"],))
    trust = TrustFile(time_stamp_roots=roots)
    facts = Facts("a vector", None, bundle, (), trust, offline=True, clocks=clocks_of(case))
    result = check_stamps(bundle, None, case["root"], facts, ())
    checks = [c for c in result.checks if c.code.split(".")[0] == "stamp"]
    whole = [c for c in checks if c.code.count(".") == 1]
    assert [c.status for c in whole] == [case["status"]]
    wrong = [c.code for c in checks if c.status == case["status"]]
    assert case["code"] is None or wrong[0] == case["code"]
    assert case["clock"] is None or told(result) == case["clock"]
    assert (told(result) is None) == (case["status"] != "pass")


@pytest.mark.parametrize("case", VECTORS["blocks"], ids=lambda case: str(case["name"]))
def test_block(case: dict[str, Any]) -> None:
    bundle = ProofBundle(ROOT, "", (), None, (), stamps=tuple(case["stamps"]))
    header = Header("vector", 1, None, 2, None, (NotBefore(**case["not_before"]),))
    facts = Facts("a vector", None, bundle, (), TrustFile(), offline=False, clocks=clocks_of(case))
    result = check_stamps(bundle, header, ROOT, replace(facts, quorum=case["quorum"]), ())
    assert [(c.code, c.status) for c in result.checks] == [("time.not_before", case["status"])]
    assert told(result) == case["clock"]
