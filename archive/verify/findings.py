"""Do the numbers come out again? What `recompute` found, as checks."""

from __future__ import annotations

from archive.verify.facts import Facts
from archive.verify.outcome import Check, Status

_MAX = 1_000


def check_findings(facts: Facts) -> list[Check]:
    """One check `finding:<id>` for each finding that the record declares; all unchecked when nobody asked."""
    record = facts.bundle.record or {}
    declared = record.get("findings")
    if not isinstance(declared, list) or not declared:
        return []
    if facts.findings is None:
        return [
            Check(
                f"finding:{_word(item, 'id')}",
                "unchecked",
                _word(item, "id"),
                None,
                None,
                f"not recomputable: {_word(item, 'not_recomputable')}"
                if "not_recomputable" in item
                else "not computed again; --recompute does",
                "findings",
            )
            for item in declared[:_MAX]
            if isinstance(item, dict)
        ]
    told: dict[str, tuple[Status, str]] = {
        "same": ("pass", "came out again by {method}"),
        "differs": ("fail", "{method}: {note}"),
        "wrong": ("fail", "{method}: cannot be computed from these files: {note}"),
        "unchecked": ("unchecked", "{note}"),
    }
    checks = []
    for fact in facts.findings:
        status, text = told[fact.status]
        note = text.format(method=fact.method, note=fact.note or "")
        checks.append(Check(f"finding:{fact.id}", status, fact.id, fact.expected, fact.found, note, "findings"))
    return checks


def _word(item: dict[str, object], name: str) -> str:
    return str(item.get(name, "?"))[:80]
