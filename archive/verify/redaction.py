"""Redacted evidence: is what the recipe leaves out really gone? That the log was complete nobody checks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from archive.bundle import JsonObject, ProofBundle
from archive.errors import InvalidInputError
from archive.package import entries
from archive.verify.facts import FileFact, RedactionFact
from archive.verify.leaves import Leaves
from archive.verify.outcome import Check, Status
from archive.verify.record import evidence_items

INCOMPLETE = "completeness of the log: not checked"


def read_redactions(
    bundle: ProofBundle, leaves: Leaves, files: Sequence[FileFact], paths: Sequence[Path]
) -> Iterator[RedactionFact]:
    """Look into the slots of each redacted file that was given as a file."""
    at = {(fact.sha256, fact.size): path for fact, path in zip(files, paths, strict=True)}
    for entry, item in _redacted(bundle, leaves):
        path = at.get((entry.sha256, entry.size))
        if path is None:
            continue
        # Only where a record states one: the modules that redact are not needed otherwise.
        from archive.evidence.redact import parse_recipe, slot_faults

        try:
            recipe = parse_recipe(item["redaction"])
            faults = tuple(slot_faults(path, recipe))
        except InvalidInputError as error:
            yield RedactionFact(entry.id, ((error.code, error.message),))
        except (OSError, UnicodeDecodeError, ValueError) as error:
            yield RedactionFact(entry.id, (("redact.unreadable", str(error)[:200]),))
        else:
            yield RedactionFact(entry.id, faults)


def check_redactions(bundle: ProofBundle, leaves: Leaves, facts: Sequence[RedactionFact]) -> list[Check]:
    """A line for each redacted item: its slots, and what nobody can say."""
    looked = {fact.id: fact for fact in facts}
    checks: list[Check] = []
    for entry, _ in _redacted(bundle, leaves):
        fact = looked.get(entry.id)
        if fact is None:
            note = f"the redacted file was not given; {INCOMPLETE}"
            checks.append(Check("redaction.slots", "unchecked", entry.id, None, None, note))
        elif not fact.faults:
            note = f"what the recipe leaves out is not there; {INCOMPLETE}"
            checks.append(Check("redaction.slots", "pass", entry.id, None, None, note))
        for code, words in fact.faults if fact is not None else ():
            status: Status = "unchecked" if entries.is_unknown(code) or not code.startswith("redact.slot") else "fail"
            checks.append(Check("redaction.slots", status, entry.id, None, code, words))
    return checks


def _redacted(bundle: ProofBundle, leaves: Leaves) -> Iterator[tuple[entries.EvidenceEntry, JsonObject]]:
    items = {str(item.get("id")): item for item in evidence_items(bundle.record) if "redaction" in item}
    for entry in leaves.evidence:
        if entry.id in items:
            yield entry, items[entry.id]
