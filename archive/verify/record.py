"""Is the record one, does it fit the entries, and what does it only name: withheld items and references."""

from __future__ import annotations

from collections.abc import Mapping

from archive.bundle import JsonObject, ProofBundle
from archive.package import entries
from archive.verify.leaves import Leaves
from archive.verify.matching import Matching
from archive.verify.outcome import Check, Status


def check_record(bundle: ProofBundle, leaves: Leaves) -> list[Check]:
    value = bundle.record
    if value is None:
        note = "the bundle does not carry the record"
        return [Check("record.valid", "unchecked", entries.RECORD_PATH, None, None, note)]
    from archive.record.models import SCHEMA_VERSION, IncidentRecord
    from archive.record.rules import check_rules

    version = value.get("schema_version")
    if isinstance(version, str) and version != SCHEMA_VERSION:
        note = f"this version reads records of schema version {SCHEMA_VERSION}"
        return [Check("record.valid", "unchecked", entries.RECORD_PATH, SCHEMA_VERSION, version[:40], note)]
    from pydantic import ValidationError

    try:
        IncidentRecord.model_validate(value)
        faults = [f for f in check_rules(value, published=True) if f.severity == "error"]
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False, include_context=False)
        checks = [
            Check("record.valid", "fail", "/" + "/".join(map(str, p["loc"])), None, p["type"], p["msg"])
            for p in problems[:100]
        ]
    else:
        checks = [Check("record.valid", "fail", f.pointer or "/", None, f.code, f.message) for f in faults]
    if not checks:
        note = f"follows schema version {SCHEMA_VERSION}; whether it is true is not checked"
        checks = [Check("record.valid", "pass", entries.RECORD_PATH, None, None, note)]
    return checks + _record_matches(value, leaves)


def _record_matches(value: JsonObject, leaves: Leaves) -> list[Check]:
    """The record and the entries must tell the same: id, revision, and every evidence item."""
    checks: list[Check] = []

    def differ(subject: str, expected: object, found: object, note: str) -> None:
        checks.append(Check("record.matches", "fail", subject, str(expected), str(found), note))

    if leaves.header is not None:
        if value.get("id") != leaves.header.incident:
            differ("id", leaves.header.incident, value.get("id"), "the record is of another incident than the header")
        if value.get("revision", leaves.header.revision) not in (leaves.header.revision, str(leaves.header.revision)):
            differ("revision", leaves.header.revision, value.get("revision"), "the record is of another revision")
        if value.get("supersedes", leaves.header.previous_root) != leaves.header.previous_root:
            note = "record and header name different earlier revisions"
            differ("supersedes", leaves.header.previous_root, value.get("supersedes"), note)
    items = evidence_items(value)
    by_id = {str(item.get("id")): item for item in items}
    for entry in leaves.evidence:
        item = by_id.get(entry.id)
        if item is None or item.get("path") != entry.path:
            found = None if item is None else item.get("path")
            differ(entry.id, entry.path, found, "the record does not list this evidence file as the package does")
            continue
        for key in ("sha256", "size", "media_type"):
            said = item.get(key)
            if said is not None and str(said) != str(getattr(entry, key)):
                differ(entry.id, getattr(entry, key), said, f"the record gives another {key.replace('_', ' ')}")
    commitments = {str(item.get("commitment")) for item in items if item.get("withheld")}
    for withheld in leaves.withheld:
        if withheld.commitment not in commitments:
            differ("withheld", withheld.commitment, None, "the record does not tell of this withheld item")
    in_package = {e.id for e in leaves.evidence}
    leaf_commitments = {w.commitment for w in leaves.withheld}
    for item in items:
        if item.get("path") is not None and str(item.get("id")) not in in_package and not leaves.unknown:
            differ(
                str(item.get("id")), item.get("path"), None, "the record lists a file that the package does not have"
            )
        if item.get("withheld") and str(item.get("commitment")) not in leaf_commitments and not leaves.unknown:
            differ(str(item.get("id")), item.get("commitment"), None, "its commitment is not in the package")
    if not checks:
        note = "record and entries list the same evidence"
        checks.append(Check("record.matches", "pass", entries.RECORD_PATH, None, None, note))
    return checks


def check_unshown(bundle: ProofBundle, leaves: Leaves, matching: Matching, shown: Mapping[str, str]) -> list[Check]:
    """What the package only names. `shown` has the commitments that were revealed, with their file, and how."""
    items = evidence_items(bundle.record)
    names = {str(item.get("commitment")): str(item.get("id")) for item in items if item.get("withheld")}
    checks = [
        Check(
            f"withheld:{names.get(entry.commitment, entry.commitment)}",
            "pass" if entry.commitment in shown else "unchecked",
            names.get(entry.commitment, "withheld item"),
            entry.commitment,
            entry.commitment if entry.commitment in shown else None,
            shown.get(entry.commitment) or "withheld by the publisher: that it existed is shown, what it says is not",
        )
        for entry in leaves.withheld
    ]
    given = {(f.sha256, f.size): f.name for f in matching.unlisted}
    for subject, sha256, size in references(bundle):
        name = given.get((sha256, size))
        status: Status = "pass" if name else "unchecked"
        note = f"given as {name}" if name else "only named by its hash, not part of the package, not given"
        checks.append(Check(f"reference:{subject}", status, subject, sha256, sha256 if name else None, note))
    return checks


def evidence_items(record: JsonObject | None) -> list[JsonObject]:
    """The evidence items of a record that may be malformed."""
    items = (record or {}).get("evidence")
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def references(bundle: ProofBundle) -> list[tuple[str, str, int]]:
    """Evidence by reference in the record: id, SHA-256, size."""
    found = []
    for item in evidence_items(bundle.record):
        reference = item.get("reference")
        if isinstance(reference, dict):
            size = str(reference.get("size"))
            length = int(size) if size.isdecimal() and len(size) < 17 else -1
            found.append((str(item.get("id")), str(reference.get("sha256")), length))
    return found
