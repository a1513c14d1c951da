"""What Python says of stamps, for the tests of the browser verifier: JSON lines in, one each out.

in: `root`, `stamps`, `not_before`, `roots` [{name, certificate (PEM), policies}], `bitcoin` [{height, source, kind,
header}], `blocks`, `quorum`, `proves_time`.
out: `checks` [[code, status, subject, expected, found, note]], `clocks` [[name, bound, time, margin]], or `crash`.
"""

from __future__ import annotations

import json
import sys
import traceback
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from archive.bundle import ProofBundle
from archive.package.entries import Header, NotBefore
from archive.stamps.bitcoin import REGTEST
from archive.trust import TimeStampRoot, TrustFile
from archive.verify.clockfacts import BitcoinAnswer, BlockAnswer, ClockFacts
from archive.verify.facts import Facts
from archive.verify.stamps import check_stamps


def answer(case: dict[str, Any]) -> dict[str, Any]:
    roots = tuple(TimeStampRoot(r["name"], r["certificate"], tuple(r["policies"])) for r in case["roots"])
    known = tuple(
        BitcoinAnswer(b["height"], b["source"], b["kind"], b["header"] and bytes.fromhex(b["header"]), b.get("problem"))
        for b in case["bitcoin"]
    )
    blocks = tuple(BlockAnswer(**b) for b in case["blocks"])
    header = Header("case", 1, None, 2, None, tuple(NotBefore(**b) for b in case["not_before"]))
    bundle = ProofBundle(case["root"] or "", "", (), None, (), stamps=tuple(case["stamps"]))
    clocks = ClockFacts(known, blocks, replace(REGTEST, proves_time=case["proves_time"]))
    facts = Facts("a case", None, bundle, (), TrustFile(time_stamp_roots=roots), offline=True, clocks=clocks)
    facts = replace(facts, quorum=case["quorum"])
    result = check_stamps(bundle, header, case["root"], facts, ())
    return {
        "checks": [[c.code, c.status, c.subject, c.expected, c.found, c.note] for c in result.checks],
        "clocks": [[c.name, c.bound, c.time, c.margin] for c in result.clocks],
    }


def main() -> None:
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        try:
            said = answer(json.loads(line))
        except Exception:  # noqa: BLE001  # that it breaks is what the tests look for
            said = {"crash": traceback.format_exc()}
        sys.stdout.write(json.dumps(said) + "\n")


if __name__ == "__main__":
    main()
