"""What Python says of chain proofs, for the tests of the browser verifier: JSON lines in, one each out.

in: `kind` `anchor` or `absence` and its `value`; or `consensus` with `rules`, `pins`, `block` and `consensus` as in
`tests/vectors/consensus.json`.
out: `steps` [[code, status, expected, found]] and `proven`; or `check` [status, code, note, votes]; or `error`, a code;
or `crash`.
"""

from __future__ import annotations

import json
import sys
import traceback
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from archive.chain.absence import inspect_absence, parse_absence
from archive.chain.codec import from_hex
from archive.chain.consensus.finality import Verifier
from archive.chain.consensus.pins import history_of, pin_from_json, rules_from_json
from archive.chain.consensus.proof import parse_proof
from archive.chain.consensus.rules import PUBLIC
from archive.chain.proofs import inspect_anchor_proof, parse_anchor_proof
from archive.errors import ArchiveError, InvalidInputError

ANCHOR = [
    "publisher",
    "incident_key",
    "root",
    "previous",
    "content_digest",
    "ordinal",
    "block_number",
    "block_hash",
    "timestamp",
    "tx_hash",
    "sender",
    "direct",
    "code_hash",
]
ABSENCE = ["publisher", "root", "block_number", "block_hash", "timestamp", "code_hash"]


def inspected(inspection: Any, names: list[str]) -> dict[str, Any]:
    steps = [[step.code, step.status, step.expected, step.found] for step in inspection.steps]
    proven = inspection.proven
    return {"steps": steps, "proven": None if proven is None else [getattr(proven, name) for name in names]}


def final(case: dict[str, Any]) -> list[Any]:
    rules = rules_from_json(case["rules"], ValueError)
    history = history_of([pin_from_json(pin, ValueError) for pin in case["pins"]], rules.chain_id, rules.genesis)
    verifier = Verifier(rules, history, others={*PUBLIC, rules.chain_id})
    try:
        found = verifier.check(from_hex(case["block"]), parse_proof(case["consensus"]))
    except InvalidInputError as error:
        return ["fail", error.code, error.message, None]
    except ArchiveError as error:
        return ["unchecked", error.code, f"{error.message}; {error.hint}" if error.hint else error.message, None]
    return ["pass", found.hash, "", found.votes]


def answer(case: dict[str, Any]) -> dict[str, Any]:
    try:
        if case["kind"] == "anchor":
            return inspected(inspect_anchor_proof(parse_anchor_proof(case["value"])), ANCHOR)
        if case["kind"] == "absence":
            data = json.dumps(case["value"], ensure_ascii=False).encode()
            return inspected(inspect_absence(parse_absence(data)), ABSENCE)
        return {"check": final(case)}
    except ArchiveError as error:
        return {"error": error.code}


def main() -> None:
    for line in sys.stdin:
        try:
            said = answer(json.loads(line))
        except Exception:  # noqa: BLE001  # that it breaks is what the tests look for
            said = {"crash": traceback.format_exc()}
        sys.stdout.write(json.dumps(said) + "\n")


if __name__ == "__main__":
    main()
