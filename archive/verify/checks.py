"""The rules of verification: facts in, checks and a verdict out. Pure; no file, store or chain is touched here.

Nothing in a bundle decides whether to believe the bundle: the root is recomputed from the entries, the content id from
the directory listing, publisher and time come from the proven log and header, and names from the verifier's trust file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from archive.bundle import JsonObject, ProofBundle
from archive.chain import proofs, registry
from archive.errors import ArchiveError, InvalidInputError
from archive.package import canonical, cid, entries, hashing, manifest, merkle, unixfs
from archive.verify.facts import AnchorFacts, Facts, FileFact, HeaderAnswer
from archive.verify.matching import Match, Matching, Wanted, match_files
from archive.verify.policy import PER_ANCHOR, Policy

Status = Literal["pass", "fail", "unchecked"]
Verdict = Literal["pass", "fail", "incomplete"]
Section = Literal["bytes", "time", "origin", "availability", "findings"]

EXIT_OF_VERDICT: Final[dict[Verdict, int]] = {"pass": 0, "fail": 1, "incomplete": 3}
# A file of one chunk is one raw block, so its CID is its SHA-256 in other clothes.
ONE_BLOCK_BYTES: Final = 1024 * 1024
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


@dataclass(frozen=True, slots=True)
class Check:
    """One check. `subject` is what it is about; `expected` and `found` are what was compared, where there is something.

    `blocking` marks an unchecked thing without which the package is not understood: it keeps a verdict from `pass`
    though its code is not in the required list. `anchor` is the index of the anchor it belongs to.
    """

    code: str
    status: Status
    subject: str
    expected: str | None = None
    found: str | None = None
    note: str | None = None
    section: Section = "bytes"
    anchor: int | None = None
    blocking: bool = False

    def to_json(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "status": self.status,
            "subject": self.subject,
            "expected": self.expected,
            "found": self.found,
            "note": self.note,
            "section": self.section,
        }


@dataclass(frozen=True, slots=True)
class AnchorSummary:
    """An anchor whose log was proved. `time_proved` is False on embedded and private chains, None when not known."""

    proven: proofs.ProvenAnchor
    publisher_name: str | None
    registry_name: str | None
    header_agreed: bool
    time_proved: bool | None
    workspace_chain: bool
    chain_name: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """All checks in order, the verdict, what was required of it and which of those are not `pass`."""

    checks: tuple[Check, ...]
    verdict: Verdict
    required: tuple[str, ...]
    lacking: tuple[str, ...]
    root: str | None
    content_id: str | None
    header: entries.Header | None
    anchors: tuple[AnchorSummary, ...]
    files_given: int
    files_total: int


@dataclass(frozen=True, slots=True)
class Leaves:
    """The leaves as far as they could be understood. Unknown ones still count in the tree."""

    raw: tuple[JsonObject, ...]
    header: entries.Header | None
    record: entries.RecordEntry | None
    evidence: tuple[entries.EvidenceEntry, ...]
    withheld: tuple[entries.WithheldEntry, ...]
    unknown: tuple[tuple[int, InvalidInputError], ...]
    wrong: tuple[tuple[int, InvalidInputError], ...]

    @property
    def format_known(self) -> bool:
        return all(index != 0 for index, _ in self.unknown)


def judge(facts: Facts, policy: Policy) -> Outcome:
    """Apply every rule to the facts."""
    bundle = facts.bundle
    leaves = read_leaves(bundle.entries)
    wanted = wanted_files(leaves)
    matching = match_files(wanted, facts.files)
    root = None
    content_id = None
    checks: list[Check] = []
    if leaves.format_known:
        root, tree = _merkle(bundle, leaves)
        content_id, directory = _content_id(bundle, leaves, wanted, matching)
        checks += _bytes(bundle, leaves, wanted, matching, facts)
        checks += tree
        checks += directory
        checks += _record(bundle, leaves, matching)
        checks += _withheld_and_references(bundle, leaves, matching)
    else:
        error = leaves.unknown[0][1]
        checks.append(
            Check("package.format", "unchecked", "package", entries.FORMAT, None, _unknown(error), blocking=True)
        )
    summaries: list[AnchorSummary] = []
    for index, value in enumerate(bundle.anchors):
        asked = next((a for a in facts.anchors if a.index == index), AnchorFacts(index))
        found, summary = _anchor(index, value, asked, leaves.header, root, content_id, facts)
        checks += found
        summaries += [summary] if summary else []
    checks += _target(facts, root, content_id, summaries)
    checks += _history(facts, leaves.header, root, summaries)
    checks += _stamps(bundle, leaves.header)
    checks += _stores(facts)
    checks += _findings(bundle)
    return _outcome(checks, policy, leaves, matching, root, content_id, summaries)


def unknown_format(code: str, message: str, policy: Policy) -> Outcome:
    """The outcome for a bundle whose format is not known here: every required check is listed, none is skipped."""
    check = Check(code, "unchecked", "proof bundle", None, None, message, blocking=True)
    listed, verdict, lacking = decide([check], policy)
    return Outcome(tuple(listed), verdict, policy.required, lacking, None, None, None, (), 0, 0)


def decide(checks: Sequence[Check], policy: Policy) -> tuple[list[Check], Verdict, tuple[str, ...]]:
    """The verdict over checks, and the checks with the required ones that nobody made listed as unchecked.

    `fail` if a check failed; else `incomplete` if a required one is not `pass`; else `pass`.
    """
    listed = list(checks)
    # An anchor of an unknown kind says nothing either way: it counts only where it is all there is.
    told = {c.anchor for c in checks if c.anchor is not None and c.code != "anchor.unknown"}
    groups: list[int | None] = [*sorted(told)] or [None]
    lacking: list[str] = []
    for code in policy.required:
        if code in PER_ANCHOR:
            for group in groups:
                if not any(c.code == code and c.anchor == group for c in listed):
                    listed.append(_not_made(code, group))
        elif not any(c.code == code for c in listed):
            listed.append(_not_made(code, None))
    lacking += [c for c in policy.required if c not in PER_ANCHOR and not _all_pass(listed, c, None)]
    per_anchor = [code for code in policy.required if code in PER_ANCHOR]
    short: list[list[str]] = [[code for code in per_anchor if not _all_pass(listed, code, group)] for group in groups]
    nearest = min(short, key=len)
    lacking += nearest
    if any(c.status == "fail" for c in listed):
        return listed, "fail", tuple(lacking)
    if lacking or any(c.blocking and c.status != "pass" for c in listed):
        return listed, "incomplete", tuple(lacking)
    return listed, "pass", ()


def _all_pass(checks: Iterable[Check], code: str, group: int | None) -> bool:
    found = [c.status for c in checks if c.code == code and (group is None or c.anchor == group)]
    return bool(found) and all(status == "pass" for status in found)


def _not_made(code: str, group: int | None) -> Check:
    section: Section = "origin" if code.startswith("origin.") else "bytes"
    if code.startswith(("anchor.", "chain.", "time.", "stamp")):
        section = "time"
    note = "the bundle holds nothing to check this with" if group is None else "not reached: an earlier step failed"
    return Check(code, "unchecked", "bundle", None, None, note, section, group)


# --- leaves -----------------------------------------------------------------------------------------------------


def read_leaves(raw: Sequence[JsonObject]) -> Leaves:
    """Parse each leaf; what a later format may have added is set apart from what is wrong."""
    known: dict[int, entries.Entry] = {}
    unknown: list[tuple[int, InvalidInputError]] = []
    wrong: list[tuple[int, InvalidInputError]] = []
    for index, value in enumerate(raw):
        try:
            known[index] = entries.parse_entry(value)
        except InvalidInputError as error:
            (unknown if entries.is_unknown(error.code) else wrong).append((index, error))
    header = known.get(0)
    record = known.get(1)
    if 0 in known and not isinstance(header, entries.Header):
        wrong.append((0, InvalidInputError("the first leaf is not the header", code="manifest.no_header")))
    return Leaves(
        raw=tuple(raw),
        header=header if isinstance(header, entries.Header) else None,
        record=record if isinstance(record, entries.RecordEntry) else None,
        evidence=tuple(e for e in known.values() if isinstance(e, entries.EvidenceEntry)),
        withheld=tuple(e for e in known.values() if isinstance(e, entries.WithheldEntry)),
        unknown=tuple(unknown),
        wrong=tuple(wrong),
    )


def manifest_bytes(raw: Sequence[JsonObject]) -> bytes:
    """`manifest.json` as it follows from the leaves."""
    return canonical.dumps({"header": raw[0], "entries": list(raw[1:])})


def wanted_files(leaves: Leaves) -> list[Wanted]:
    """Every file of the package, the manifest included: that is what the files given are held against."""
    if not leaves.format_known:
        return []
    digest = hashing.digest_bytes(manifest_bytes(leaves.raw))
    wanted = [Wanted(entries.MANIFEST_PATH, digest.size, digest.sha256)]
    if leaves.record is not None:
        wanted.append(Wanted(entries.RECORD_PATH, leaves.record.size, leaves.record.sha256))
    return wanted + [Wanted(e.path, e.size, e.sha256) for e in leaves.evidence]


def _merkle(bundle: ProofBundle, leaves: Leaves) -> tuple[str, list[Check]]:
    """The root recomputed from the entries, and whether entries and claimed root are sound."""
    root = merkle.merkle_root([merkle.leaf_hash(canonical.dumps(value)) for value in leaves.raw]).hex()
    checks = [
        Check("merkle", "fail", f"entry {index}", None, error.code, error.message) for index, error in leaves.wrong
    ]
    checks += [
        Check("package.unknown_entry", "unchecked", f"entry {index}", None, error.code, _unknown(error), blocking=True)
        for index, error in leaves.unknown
    ]
    if not leaves.wrong and not leaves.unknown:
        try:
            manifest.from_leaves(leaves.raw)
        except InvalidInputError as error:
            checks.append(Check("merkle", "fail", "entries", None, error.code, error.message))
    elif leaves.header is not None and leaves.header.leaf_count != len(leaves.raw):
        counts = (str(leaves.header.leaf_count), str(len(leaves.raw)))
        checks.append(Check("merkle", "fail", "entries", *counts, "the header counts other leaves than there are"))
    if root != bundle.root:
        note = "the root that follows from the entries is not the one the bundle claims"
        checks.append(Check("merkle", "fail", "root", bundle.root, root, note))
    elif not any(c.status == "fail" for c in checks):
        checks.append(Check("merkle", "pass", "root", bundle.root, root, f"recomputed from {len(leaves.raw)} entries"))
    return root, checks


def _content_id(
    bundle: ProofBundle, leaves: Leaves, wanted: Sequence[Wanted], matching: Matching
) -> tuple[str | None, list[Check]]:
    """The content id recomputed from the directory listing, and the listing held against what is known of the files."""
    checks: list[Check] = []
    listed = {link.path: link for link in bundle.directory}
    expected = {w.path for w in wanted}
    missing = [w.path for w in wanted if w.path not in listed]
    surplus = [path for path in listed if path not in expected]
    checks += [_listing(path, "listed", "not listed", "the directory listing lacks a file") for path in missing]
    if surplus and not leaves.unknown:
        checks += [_listing(path, "not listed", "listed", "the listing has a file without entry") for path in surplus]
    for path, known in _known_cids(bundle, wanted, matching):
        link = listed.get(path)
        if link is not None and link.cid != known:
            checks.append(_listing(path, link.cid, known, "the directory listing names other bytes"))
    try:
        content_id = unixfs.directory({link.path: (link.cid, link.tsize) for link in bundle.directory}).cid
    except InvalidInputError as error:
        checks.append(Check("content_id", "fail", "directory", bundle.content_id, error.code, error.message))
        return None, checks
    if content_id != bundle.content_id:
        note = "the content id that follows from the directory listing is not the one the bundle claims"
        checks.append(Check("content_id", "fail", "directory", bundle.content_id, content_id, note))
    elif not checks:
        note = f"recomputed from {len(listed)} files"
        checks.append(Check("content_id", "pass", "directory", bundle.content_id, content_id, note))
    return content_id, checks


def _listing(path: str, expected: str, found: str, note: str) -> Check:
    return Check("content_id", "fail", path, expected, found, note)


def _known_cids(bundle: ProofBundle, wanted: Sequence[Wanted], matching: Matching) -> Iterable[tuple[str, str]]:
    """CIDs that follow from hashes which are known: of files of one chunk, of files in hand, of the record."""
    for entry in wanted:
        if entry.size <= ONE_BLOCK_BYTES:
            yield entry.path, cid.to_text(cid.RAW_PREFIX + bytes.fromhex(entry.sha256))
    if bundle.record is not None:
        yield entries.RECORD_PATH, hashing.digest_bytes(canonical.dumps(bundle.record)).cid
    for match in matching.matches:
        if match.good:
            yield match.wanted.path, match.file.cid


def content_digest(content_id: str) -> str:
    """The 32 bytes behind a content id that go on chain, as 64 hex digits."""
    return cid.content_digest(content_id).hex()


# --- bytes ------------------------------------------------------------------------------------------------------


def _bytes(
    bundle: ProofBundle, leaves: Leaves, wanted: Sequence[Wanted], matching: Matching, facts: Facts
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
    checks += _completeness(matching)
    referenced = {(sha256, size) for _, sha256, size in references(bundle)}
    checks += [_unlisted(f, facts) for f in matching.unlisted if (f.sha256, f.size) not in referenced]
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


def _completeness(matching: Matching) -> list[Check]:
    # The manifest follows from the entries and the record is in the bundle: only evidence can be missing.
    missing = [w for w in matching.missing if w.path not in entries.RESERVED_PATHS]
    bad = {m.wanted.path for m in matching.matches} - {m.wanted.path for m in matching.matches if m.good}
    total = sum(1 for w in (*matching.missing, *{m.wanted for m in matching.matches}) if _is_evidence(w))
    if not missing and not bad:
        note = f"all {total} evidence files were checked" if total else "the package has no open evidence files"
        return [Check("package.complete", "pass", "package", str(total), str(total), note)]
    good = total - len(missing) - sum(1 for path in bad if path not in entries.RESERVED_PATHS)
    note = f"{len(missing)} of {total} evidence files were not given" if missing else "a file is not the one listed"
    summary = Check("package.complete", "unchecked", "package", str(total), str(good), note)
    absent = [Check("package.missing", "unchecked", w.path, w.sha256, None, "not given, not checked") for w in missing]
    return [summary, *absent]


def _is_evidence(wanted: Wanted) -> bool:
    return wanted.path not in entries.RESERVED_PATHS


def _unlisted(file: FileFact, facts: Facts) -> Check:
    base = file.full.rsplit("/", 1)[-1]
    if file.path is None:
        note = f"this file is not part of the package, neither by its name nor by its bytes; {_ASK}"
        return Check("bytes", "fail", file.name, None, file.sha256, note)
    if facts.package_folder and base not in _LITTER:
        note = "a file that the package does not have lies among its files"
        return Check("package.unlisted", "fail", file.name, None, file.sha256, note)
    return Check(
        "package.unlisted", "unchecked", file.name, None, file.sha256, "not part of the package: nothing is shown of it"
    )


# --- record -----------------------------------------------------------------------------------------------------


def _record(bundle: ProofBundle, leaves: Leaves, matching: Matching) -> list[Check]:
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


def _withheld_and_references(bundle: ProofBundle, leaves: Leaves, matching: Matching) -> list[Check]:
    items = evidence_items(bundle.record)
    names = {str(item.get("commitment")): str(item.get("id")) for item in items if item.get("withheld")}
    checks = [
        Check(
            f"withheld:{names.get(entry.commitment, entry.commitment)}",
            "unchecked",
            names.get(entry.commitment, "withheld item"),
            entry.commitment,
            None,
            "withheld by the publisher: that it existed is shown, what it says is not",
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


# --- anchors ----------------------------------------------------------------------------------------------------


def _anchor(
    index: int,
    value: JsonObject,
    asked: AnchorFacts,
    header: entries.Header | None,
    root: str | None,
    content_id: str | None,
    facts: Facts,
) -> tuple[list[Check], AnchorSummary | None]:
    name = f"anchor {index + 1}"
    unknown = _unknown_anchor(value)
    if unknown is not None:
        return [Check("anchor.unknown", "unchecked", name, "anchor", unknown, _LATER, "time", index)], None
    try:
        inspection = proofs.inspect_anchor_proof(proofs.parse_anchor_proof(value))
    except InvalidInputError as error:
        return [Check("anchor.log", "fail", name, None, error.code, error.message, "time", index)], None
    checks = [
        Check(
            step.code,
            step.status,
            name,
            step.expected,
            step.found,
            None if step.status == "pass" else proofs.describe(step.code),
            "origin" if step.code in _ORIGIN_STEPS else "time",
            index,
        )
        for step in inspection.steps
    ]
    proven = inspection.proven
    if proven is None:
        return checks, None
    subject = f"{name}, {asked.chain_name or f'chain {proven.chain_id}'} block {proven.block_number}"
    checks += _log(subject, index, proven, header, root, content_id)
    trusted = facts.trust.registry(proven.chain_id, proven.genesis, proven.registry)
    checks += _registry(subject, index, proven, facts)
    checks += _code(subject, index, asked, trusted.code_hash if trusted else None)
    headers = _header(subject, index, proven, asked, facts)
    checks += headers
    checks += _publisher(subject, index, proven, header, facts)
    publisher = facts.trust.publisher(proven.publisher)
    embedded = trusted is not None and trusted.workspace_chain
    return checks, AnchorSummary(
        proven=proven,
        publisher_name=publisher.name if publisher else None,
        registry_name=trusted.name if trusted else None,
        header_agreed=any(c.code == "chain.header" and c.status == "pass" for c in headers),
        time_proved=False if embedded else asked.public_chain,
        workspace_chain=embedded,
        chain_name=asked.chain_name,
    )


_LATER: Final = "of a kind this version does not know; a newer one may check it"
_ORIGIN_STEPS: Final = frozenset(
    {
        "anchor.tx_hash",
        "anchor.tx_chain_id",
        "anchor.tx_signature",
        "anchor.tx_type",
        "anchor.sender",
        "anchor.calldata",
    }
)
_ANCHOR_KEYS: Final = frozenset(proofs.AnchorProof.model_fields)


def _unknown_anchor(value: JsonObject) -> str | None:
    """What a later version may have added: the kind, or a key."""
    if value.get("kind") != "anchor":
        return str(value.get("kind"))[:80]
    surplus = sorted(set(value) - _ANCHOR_KEYS)
    return f"key {surplus[0][:80]!r}" if surplus else None


def _log(
    subject: str,
    index: int,
    proven: proofs.ProvenAnchor,
    header: entries.Header | None,
    root: str | None,
    content_id: str | None,
) -> list[Check]:
    """The proven log must be about exactly this package."""
    if header is None or root is None or content_id is None:
        return []
    key = "0x" + registry.incident_key(header.incident).hex()
    compared = (
        ("root", root, proven.root, "the anchor is of another root"),
        ("previous", header.previous_root or "none", proven.previous or "none", "the anchor follows another revision"),
        ("content digest", content_digest(content_id), proven.content_digest, "the anchor names other content"),
        ("incident", key, proven.incident_key, "the anchor is of another incident"),
    )
    wrong = [
        Check("anchor.log", "fail", f"{subject}: {what}", expected, found, note, "time", index)
        for what, expected, found, note in compared
        if expected != found
    ]
    if wrong:
        return wrong
    note = "the registry's event in this block carries exactly this root, content id and incident"
    return [Check("anchor.log", "pass", subject, root, proven.root, note, "time", index)]


def _registry(subject: str, index: int, proven: proofs.ProvenAnchor, facts: Facts) -> list[Check]:
    found = f"{proven.registry} on chain {proven.chain_id}, genesis {proven.genesis}"
    trusted = facts.trust.registry(proven.chain_id, proven.genesis, proven.registry)
    if trusted is not None:
        note = f"trusted as {trusted.name!r}"
        return [Check("anchor.registry", "pass", subject, found, found, note, "time", index)]
    same = [r for r in facts.trust.registries if r.chain_id == proven.chain_id]
    add = f"--chain-id {proven.chain_id} --genesis {proven.genesis} --address {proven.registry} --code-hash HASH"
    note = (
        "this registry is not in your trust file, and anybody can deploy one that looks the same. If you have "
        f"reason to believe it: archive trust add registry --name NAME {add}"
    )
    expected = "; ".join(f"{r.address} ({r.name})" for r in same) or None
    checks = [Check("anchor.registry", "unchecked", subject, expected, found, note, "time", index)]
    if same and all(r.genesis != proven.genesis for r in same):
        checks.append(_other_history(subject, index, same[0].genesis, proven.genesis, "your trust file"))
    return checks


def _other_history(subject: str, index: int, expected: str, found: str, source: str) -> Check:
    note = (
        f"{source} knows a chain of the same number with another first block: a test network that was reset, or a copy"
    )
    return Check("chain.other_history", "unchecked", subject, expected, found, note, "time", index)


def _code(subject: str, index: int, asked: AnchorFacts, trusted: str | None) -> list[Check]:
    if trusted is None:
        return []
    checks = []
    for answer in asked.codes:
        if answer.code_hash is None:
            checks.append(
                Check(
                    "chain.code",
                    "unchecked",
                    subject,
                    trusted,
                    None,
                    f"{answer.source}: {answer.message}",
                    "time",
                    index,
                )
            )
            continue
        good = answer.code_hash == trusted
        note = (
            f"{answer.source}: the contract at the registry's address is {'the one' if good else 'not the one'} trusted"
        )
        status: Status = "pass" if good else "fail"
        checks.append(Check("chain.code", status, subject, trusted, answer.code_hash, note, "time", index))
    return checks


def _header(subject: str, index: int, proven: proofs.ProvenAnchor, asked: AnchorFacts, facts: Facts) -> list[Check]:
    """Whether the block of the anchor is in the chain: nothing in the bundle can show it."""
    checks: list[Check] = []
    for answer in asked.headers:
        if answer.outcome == "other_history":
            checks.append(_other_history(subject, index, proven.genesis, answer.found or "unknown", answer.source))
    same = [a for a in asked.headers if a.outcome == "same"]
    other = [a for a in asked.headers if a.outcome == "other"]
    expected = proven.block_hash

    def result(status: Status, found: str | None, note: str) -> list[Check]:
        return [*checks, Check("chain.header", status, subject, expected, found, note, "time", index)]

    if other and not same:
        sources = ", ".join(a.source for a in other)
        return result("fail", other[0].found, f"{sources}: another block stands at height {proven.block_number}")
    if other:
        agree, disagree = ", ".join(a.source for a in same), ", ".join(a.source for a in other)
        return result("unchecked", other[0].found, f"the sources disagree: {agree} has this block, {disagree} another")
    if same:
        return result("pass", expected, f"agreed by {', '.join(a.source for a in same)}")
    if asked.headers:
        return result("unchecked", None, "; ".join(_no_answer(a, proven) for a in asked.headers))
    if facts.offline:
        return result("unchecked", None, "offline: no node was asked whether this block is in the chain")
    note = f"no node of chain {proven.chain_id} is configured; name one with --rpc URL"
    return result("unchecked", None, note)


def _no_answer(answer: HeaderAnswer, proven: proofs.ProvenAnchor) -> str:
    what = {
        "absent": f"has no block at height {proven.block_number}",
        "unreachable": f"could not be asked ({answer.found or 'no answer'})",
        "wrong_chain": f"is on another chain ({answer.found})",
        "other_history": "is on a chain of the same number with another history",
        "bad_answer": f"gave an answer that makes no sense ({answer.found})",
    }[answer.outcome]
    return f"{answer.source} {what}"


def _publisher(
    subject: str, index: int, proven: proofs.ProvenAnchor, header: entries.Header | None, facts: Facts
) -> list[Check]:
    checks: list[Check] = []
    if header is not None:
        expected = header.publisher
        if expected is None:
            note = "the package does not name its publisher, so anybody could have anchored it"
            status: Status = "unchecked"
        elif expected == proven.publisher:
            status, note = "pass", "the key named in the package is the key that anchored it"
        else:
            status, note = "fail", "the package names another publisher than the key that anchored it"
        checks.append(Check("origin.publisher", status, subject, expected, proven.publisher, note, "origin", index))
    known = facts.trust.publisher(proven.publisher)
    if known is not None:
        note = f"your trust file knows this key as {known.name!r}"
        checks.append(
            Check("origin.trusted", "pass", subject, proven.publisher, proven.publisher, note, "origin", index)
        )
    else:
        note = (
            f"your trust file does not know the key {proven.publisher}. If the publisher told you, by another way, "
            f"that it is theirs: archive trust add publisher {proven.publisher} --name NAME"
        )
        checks.append(Check("origin.trusted", "unchecked", subject, None, proven.publisher, note, "origin", index))
    return checks


# --- target, history, stamps, stores, findings -------------------------------------------------------------------


def _target(facts: Facts, root: str | None, content_id: str | None, anchors: Sequence[AnchorSummary]) -> list[Check]:
    """What was found must be what was asked for."""
    if facts.asked is None:
        return []
    kind, wanted = facts.asked
    if kind == "transaction":
        hashes = [a.proven.tx_hash for a in anchors]
        found = wanted if wanted in hashes else ", ".join(hashes) or None
    else:
        found = root if kind == "root" else content_id
    good = found == wanted
    note = None if good else f"what was found is not of the {kind.replace('_', ' ')} that was asked for"
    return [Check("target", "pass" if good else "fail", kind.replace("_", " "), wanted, found, note)]


def _history(
    facts: Facts, header: entries.Header | None, root: str | None, anchors: Sequence[AnchorSummary]
) -> list[Check]:
    if header is None or root is None:
        return []
    subject = f"{header.incident} revision {header.revision}"
    publishers = {a.proven.publisher for a in anchors} | ({header.publisher} if header.publisher else set())
    mine = [o for o in facts.others if o.incident == header.incident and o.publisher in publishers and o.root != root]
    checks = [
        Check(
            "history.two_roots",
            "fail",
            subject,
            root,
            other.root,
            f"the same publisher put out another package as revision {other.revision} ({other.source})",
            "origin",
        )
        for other in mine
        if other.revision == header.revision
    ]
    checks += [
        Check(
            "history.two_roots",
            "fail",
            subject,
            f"at most {header.revision}",
            str(anchor.proven.ordinal),
            f"the registry counts this as anchor {anchor.proven.ordinal} of the publisher and incident, so an earlier "
            "one claims the same revision",
            "origin",
        )
        for anchor in anchors
        if anchor.proven.root == root and anchor.proven.ordinal > header.revision
    ]
    checks += [
        Check("history.other_bundle", "unchecked", f.name, None, f.code, f.message, "origin") for f in facts.bad_bundles
    ]
    answers = [answer for asked in facts.anchors for answer in asked.history]
    newer = [a for a in answers if a.current is False]
    later = [o for o in mine if o.revision > header.revision]
    if newer or later:
        found = later[0].root if later else f"{newer[0].head}…"
        source = later[0].source if later else newer[0].source
        note = f"superseded: the publisher put out a later revision ({source}). This one stays what it was"
        checks.append(Check("history.current", "unchecked", subject, root, found, note, "origin"))
        checks.append(Check("history.superseded", "unchecked", subject, root, found, note, "origin"))
    elif any(a.current for a in answers):
        sources = ", ".join(a.source for a in answers if a.current)
        note = f"the newest revision in the registry ({sources}); other registries and keys were not looked at"
        checks.append(Check("history.current", "pass", subject, root, root, note, "origin"))
    else:
        why = "; ".join(f"{a.source}: {a.message}" for a in answers if a.message) or "no node was asked"
        checks.append(Check("history.current", "unchecked", subject, root, None, why, "origin"))
    note = "this version does not look for retractions"
    checks.append(Check("history.retracted", "unchecked", subject, None, None, note, "origin"))
    return checks


def _stamps(bundle: ProofBundle, header: entries.Header | None) -> list[Check]:
    checks = []
    for index, stamp in enumerate(bundle.stamps):
        kind = str(stamp.get("kind"))[:80]
        checks.append(Check("stamp.unknown", "unchecked", f"stamp {index + 1}", None, kind, _LATER, "time"))
    for block in header.not_before if header else ():
        note = "this version does not look up the block that the package says is older than it"
        subject = f"{block.chain} block {block.height}"
        checks.append(Check("time.not_before", "unchecked", subject, block.hash, None, note, "time"))
    return checks


def _stores(facts: Facts) -> list[Check]:
    told: dict[str, tuple[Status, str]] = {
        "good": ("pass", "sent the package, byte for byte"),
        "wrong": ("unchecked", "sent bytes that are not the package; it was not believed"),
        "absent": ("unchecked", "says that it does not have the package"),
        "unreachable": ("unchecked", "could not be asked"),
    }
    checks = []
    for answer in facts.stores:
        status, text = told[answer.outcome]
        found = answer.outcome if answer.detail is None else f"{answer.outcome}: {answer.detail}"
        note = f"{answer.store} ({answer.operator}) {text}"
        checks.append(Check("availability", status, answer.store, "good", found, note, "availability"))
    return checks


def _findings(bundle: ProofBundle) -> list[Check]:
    if bundle.record is None or not bundle.record.get("findings"):
        return []
    note = "this version does not recompute findings"
    return [Check("findings", "unchecked", "findings", None, None, note, "findings")]


def _unknown(error: ArchiveError) -> str:
    return f"{error.message}: {_LATER}"


def _outcome(
    checks: list[Check],
    policy: Policy,
    leaves: Leaves,
    matching: Matching,
    root: str | None,
    content_id: str | None,
    summaries: list[AnchorSummary],
) -> Outcome:
    listed, verdict, lacking = decide(checks, policy)
    given = {m.wanted.path for m in matching.matches if m.good and _is_evidence(m.wanted)}
    return Outcome(
        checks=tuple(listed),
        verdict=verdict,
        required=policy.required,
        lacking=lacking,
        root=root,
        content_id=content_id,
        header=leaves.header,
        anchors=tuple(summaries),
        files_given=len(given),
        files_total=len(leaves.evidence),
    )
