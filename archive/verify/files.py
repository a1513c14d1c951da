"""Are the files the ones of the package: each one's bytes, what is missing, what does not belong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from archive.bundle import JsonObject, ProofBundle
from archive.package import canonical, entries, hashing
from archive.verify.facts import Facts, FileFact
from archive.verify.leaves import Leaves
from archive.verify.matching import Match, Matching, Wanted
from archive.verify.outcome import Check
from archive.verify.record import references
from archive.verify.reveals import Revealed

# What an operating system leaves behind in folders that a person looked into.
_LITTER: Final = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
# A file that could not be read now is not a wrong one.
_NOT_READ: Final = frozenset({"package.unreadable", "package.changed_while_read", "car.unreadable"})
_ASK: Final = "ask for the original file"
_CHANGES: Final = {
    "zip": "it is a compressed copy; unpacked, it is the very file",
    "line-ends": "its line ends were converted (CRLF and LF)",
    "byte-order-mark": "a byte order mark was added or removed at its start",
    "final-newline": "a line end was added or removed at its end",
    "gzip": "it is a compressed copy; unpacked, it is the very file",
}


def check_files(
    bundle: ProofBundle,
    leaves: Leaves,
    wanted: Sequence[Wanted],
    matching: Matching,
    facts: Facts,
    revealed: Revealed,
) -> list[Check]:
    checks = [
        Check("bytes", "unchecked" if f.code in _NOT_READ else "fail", f.name, None, f.code, f.message)
        for f in facts.unreadable
    ]
    by_hash = {w.sha256: w.path for w in wanted}
    checks += [_file(match, by_hash) for match in matching.matches]
    record_given = any(m.wanted.path == entries.RECORD_PATH for m in matching.matches)
    if bundle.record is not None and leaves.record is not None and not record_given:
        checks.append(_record_bytes(bundle.record, leaves.record))
    evidence = [m for m in matching.matches if m.wanted.path not in entries.RESERVED_PATHS]
    if leaves.evidence and not evidence and not any(c.status == "fail" for c in checks):
        wrong = [s for s in facts.stores if s.outcome == "wrong"]
        if wrong:
            sources = ", ".join(s.store for s in wrong)
            note = f"what {sources} sent is not this package, and no other source had it: {_ASK}"
            checks.append(Check("bytes", "fail", "evidence", None, wrong[0].detail, note))
        else:
            note = "no evidence file was given or could be fetched"
            checks.append(Check("bytes", "unchecked", "evidence", None, None, note))
    checks += _completeness(matching, leaves, has_record=bundle.record is not None)
    known = {(sha256, size) for _, sha256, size in references(bundle)} | revealed.files
    veiled = sum(1 for w in leaves.withheld if w.commitment not in revealed.shown)
    checks += [_unlisted(f, facts, veiled) for f in matching.unlisted if (f.sha256, f.size) not in known]
    return checks


def _file(match: Match, by_hash: dict[str, str]) -> Check:
    wanted, file = match.wanted, match.file
    if match.good:
        note = f"given as {file.name}: recognised by its hash" if match.how == "hash" else None
        return Check("bytes", "pass", wanted.path, wanted.sha256, file.sha256, note)
    return Check("bytes", "fail", wanted.path, wanted.sha256, file.sha256, _why_different(wanted, file, by_hash))


def _why_different(wanted: Wanted, file: FileFact, by_hash: dict[str, str]) -> str:
    sizes = f"{file.size:,} bytes instead of {wanted.size:,}"
    change = next((_CHANGES[v.kind] for v in file.variants if v.sha256 == wanted.sha256), None)
    if change is not None:
        reason = change
    elif file.sha256 in by_hash:
        return f"these are the bytes of {by_hash[file.sha256]}: the files were mixed up (given as {file.name})"
    elif file.size == 0:
        reason = "the file is empty"
    elif file.size == wanted.size:
        reason = "same size, other bytes: edited or damaged"
    elif file.size < wanted.size:
        reason = f"{sizes}: cut short, re-compressed or edited"
    else:
        reason = f"{sizes}: re-compressed, re-saved or edited"
    return f"{reason}; {_ASK} (given as {file.name})"


def _record_bytes(record: JsonObject, entry: entries.RecordEntry) -> Check:
    digest = hashing.digest_bytes(canonical.dumps(record))
    good = (digest.sha256, digest.size) == (entry.sha256, entry.size)
    note = "as the bundle carries it" if good else "the record in the bundle is not the one in the package"
    return Check("bytes", "pass" if good else "fail", entries.RECORD_PATH, entry.sha256, digest.sha256, note)


def _completeness(matching: Matching, leaves: Leaves, *, has_record: bool) -> list[Check]:
    """Whether every file of the package was there and right. The manifest follows from the entries and never lacks."""
    missing = [w for w in matching.missing if is_evidence(w) or (w.path == entries.RECORD_PATH and not has_record)]
    good = {m.wanted.path for m in matching.matches if m.good}
    bad = {m.wanted.path for m in matching.matches} - good
    total = len(leaves.evidence)
    found = sum(1 for e in leaves.evidence if e.path in good)
    if not missing and not bad and not leaves.unknown:
        note = f"all {total} evidence files were checked" if total else "the package has no open evidence files"
        return [Check("package.complete", "pass", "package", str(total), str(found), note)]
    lacking = total - found - sum(1 for e in leaves.evidence if e.path in bad)
    note = f"{lacking} of {total} evidence files were not given" if lacking else "not all of it was there and known"
    summary = Check("package.complete", "unchecked", "package", str(total), str(found), note)
    absent = [Check("package.missing", "unchecked", w.path, w.sha256, None, "not given, not checked") for w in missing]
    return [summary, *absent]


def is_evidence(wanted: Wanted) -> bool:
    """Neither the manifest nor the record."""
    return wanted.path not in entries.RESERVED_PATHS


def _unlisted(file: FileFact, facts: Facts, veiled: int) -> Check:
    """`veiled` items are withheld and not revealed: a file alone may be one of them, and nothing here can tell."""
    base = file.full.rsplit("/", 1)[-1]
    if file.path is None and veiled:
        items = "the item" if veiled == 1 else f"one of the {veiled} items"
        note = (
            f"none of the open files of the package; whether it is {items} that the publisher withheld, only a reveal "
            "of it shows"
        )
        return Check("bytes", "unchecked", file.name, None, file.sha256, note)
    if file.path is None:
        note = f"this file is not part of the package, neither by its name nor by its bytes; {_ASK}"
        return Check("bytes", "fail", file.name, None, file.sha256, note)
    if facts.package_folder and base not in _LITTER:
        note = "a file that the package does not have lies among its files"
        return Check("package.unlisted", "fail", file.name, None, file.sha256, note)
    return Check(
        "package.unlisted", "unchecked", file.name, None, file.sha256, "not part of the package: nothing is shown of it"
    )
