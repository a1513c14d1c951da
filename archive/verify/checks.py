"""The rules of verification: facts in, checks and a verdict out. Pure; no file, store or chain is touched here.

Nothing in a bundle decides whether to believe the bundle: the root is recomputed from the entries, the content id from
the directory listing, publisher and time come from the proven log and header, and names from the verifier's trust file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from archive.package import entries
from archive.verify.acts import check_acts
from archive.verify.anchors import check_anchor
from archive.verify.facts import AnchorFacts, Facts
from archive.verify.files import check_files, is_evidence
from archive.verify.findings import check_findings
from archive.verify.history import check_history
from archive.verify.leaves import Leaves, check_content_id, check_tree, read_leaves, wanted_files
from archive.verify.matching import Matching, match_files
from archive.verify.outcome import AnchorSummary, Check, Outcome, Section, Status, Verdict, unknown_note
from archive.verify.policy import PER_ANCHOR, Policy
from archive.verify.record import check_record, check_unshown
from archive.verify.redaction import check_redactions
from archive.verify.reveals import check_reveals
from archive.verify.stamps import check_stamps


def judge(facts: Facts, policy: Policy) -> Outcome:
    """Apply every rule to the facts."""
    if policy.quorum is not None:
        facts = replace(facts, quorum=max(policy.quorum, facts.quorum or 1))
    bundle = facts.bundle
    leaves = read_leaves(bundle.entries)
    wanted = wanted_files(leaves)
    matching = match_files(wanted, facts.files)
    root = None
    content_id = None
    checks: list[Check] = []
    if leaves.format_known:
        root, tree = check_tree(bundle, leaves)
        content_id, directory = check_content_id(bundle, leaves, wanted, matching)
        revealed = check_reveals(bundle, leaves, root, facts.reveals, facts.files)
        checks += check_files(bundle, leaves, wanted, matching, facts, revealed)
        checks += tree
        checks += directory
        checks += check_record(bundle, leaves)
        checks += check_unshown(bundle, leaves, matching, revealed.shown)
        checks += revealed.checks
        checks += check_redactions(bundle, leaves, facts.redactions)
    else:
        error = leaves.unknown[0][1]
        checks.append(
            Check("package.format", "unchecked", "package", entries.FORMAT, None, unknown_note(error), blocking=True)
        )
    summaries: list[AnchorSummary] = []
    ours: list[AnchorSummary] = []  # the anchors of exactly this package
    for index, value in enumerate(bundle.anchors):
        asked = next((a for a in facts.anchors if a.index == index), AnchorFacts(index))
        found, summary = check_anchor(index, value, asked, leaves.header, root, content_id, facts)
        checks += found
        summaries += [summary] if summary else []
        ours += [summary] if summary and _all_pass(found, "anchor.log", index) else []
    checks += _target(facts, root, content_id, summaries)
    signed = {summary.proven.publisher for summary in ours if summary.of_publisher}
    checks += check_history(facts, leaves.header, root, summaries, signed=signed)
    checks += check_acts(facts, policy, leaves.header, root, summaries)
    stamps = check_stamps(bundle, leaves.header, root, facts, ours)
    checks += stamps.checks
    checks += _stores(facts)
    checks += check_findings(facts)
    outcome = _outcome(checks, policy, leaves, matching, root, content_id, summaries)
    return replace(outcome, clocks=stamps.clocks, interval=stamps.interval)


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
    of_anchors = PER_ANCHOR | {c.code for c in checks if c.anchor is not None}
    # An anchor of an unknown kind says nothing either way: it counts only where it is all there is.
    told = {c.anchor for c in checks if c.anchor is not None and c.code != "anchor.unknown"}
    groups: list[int | None] = [*sorted(told)] or [None]
    lacking: list[str] = []
    for code in policy.required:
        if code in of_anchors:
            for group in groups:
                if not any(c.code == code and c.anchor == group for c in listed):
                    listed.append(_not_made(code, group))
        elif not any(c.code == code for c in listed):
            listed.append(_not_made(code, None))
    lacking += [c for c in policy.required if c not in of_anchors and not _all_pass(listed, c, None)]
    per_anchor = [code for code in policy.required if code in of_anchors]
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
    given = {m.wanted.path for m in matching.matches if m.good and is_evidence(m.wanted)}
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
