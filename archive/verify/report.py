"""The result in words, for a reader who knows nothing of hashes, and as JSON for programs."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from archive.chain.consensus.finality import Finality
from archive.verify.clockfacts import Clock
from archive.verify.facts import Facts
from archive.verify.ladder import build_ladder, grade_of
from archive.verify.outcome import EXIT_OF_VERDICT, AnchorSummary, Check, Outcome, Section

MAX_LINES_OF_A_CODE: Final = 25
_WIDTH: Final = 100
_MARK: Final = {"pass": "ok", "fail": "FAIL", "unchecked": "?"}
_TITLES: Final[dict[Section, str]] = {
    "bytes": "Bytes: are these the files that were published?",
    "time": "Time: since when have they existed?",
    "origin": "Origin: who published them, and is there anything newer?",
    "availability": "Availability: where can they be fetched?",
    "findings": "Findings: do the numbers come out again?",
}
_VERDICTS: Final = {
    "pass": "PASS: every check that the verdict asks for passed",
    "fail": "FAIL: something does not fit",
    "incomplete": "INCOMPLETE: nothing was found wrong, but not all could be checked",
}
# Steps of a proof that say nothing to a reader when they pass; they are in the JSON.
_QUIET: Final = ("anchor.", "stamp.rfc3161.", "stamp.opentimestamps.")
_LOUD: Final = ("anchor.log", "anchor.registry", "anchor.unknown")


def to_json(outcome: Outcome, facts: Facts | None) -> dict[str, Any]:
    """The report for programs; `verdict` and `checks[]` {code, status, subject, expected, found} are stable."""
    header = outcome.header
    return {
        "verdict": outcome.verdict,
        "exit_code": EXIT_OF_VERDICT[outcome.verdict],
        "target": facts.target if facts else None,
        "incident": header.incident if header else None,
        "revision": header.revision if header else None,
        "root": outcome.root,
        "content_id": outcome.content_id,
        "anchors": [_anchor_json(a) for a in outcome.anchors],
        "clocks": [_clock_json(c) for c in outcome.clocks],
        "interval": {
            "no_earlier_than": _limit_json(outcome.interval.no_earlier),
            "no_later_than": _limit_json(outcome.interval.no_later),
            "disagree": list(outcome.interval.disagree),
        },
        "ladder": [rung.to_json() for rung in build_ladder(outcome)],
        "required": list(outcome.required),
        "lacking": list(outcome.lacking),
        "checks": [c.to_json() for c in outcome.checks],
        "closing": closing(outcome),
    }


def _anchor_json(anchor: AnchorSummary) -> dict[str, Any]:
    proven = anchor.proven
    return {
        "chain_id": proven.chain_id,
        "genesis": proven.genesis,
        "registry": proven.registry,
        "registry_name": anchor.registry_name,
        "publisher": proven.publisher,
        "publisher_name": anchor.publisher_name,
        "transaction": proven.tx_hash,
        "block": proven.block_number,
        "timestamp": proven.timestamp,
        "time": moment(proven.timestamp),
        "header_agreed": anchor.header_agreed,
        "time_proved": anchor.time_proved if anchor.header_agreed else False,
        "grade": grade_of(anchor),
        "nodes": _agreement_json(anchor),
        "final": anchor.settled,
        "consensus": None if anchor.final is None else _final_json(anchor.final),
    }


def _agreement_json(anchor: AnchorSummary) -> dict[str, int] | None:
    agreement = anchor.agreement
    if agreement is None:
        return None
    return {"agreed": agreement.agreed, "asked": agreement.asked, "needed": agreement.needed}


def _clock_json(clock: Clock) -> dict[str, Any]:
    return {
        "name": clock.name,
        "kind": clock.kind,
        "bound": clock.bound,
        "timestamp": clock.time,
        "margin": clock.margin,
        "time": moment(clock.limit),
        "rests_on": clock.rests_on,
    }


def _limit_json(clock: Clock | None) -> dict[str, Any] | None:
    """The moment with the clock's error on the safe side, and whose clock it is."""
    if clock is None:
        return None
    return {"timestamp": clock.limit, "time": moment(clock.limit), "clock": clock.name, "rests_on": clock.rests_on}


def _final_json(final: Finality) -> dict[str, Any]:
    return {
        "votes": final.votes,
        "validators": final.validators,
        "source": final.source,
        "fork": final.fork,
        "set": {
            "number": final.pin.number,
            "hash": "0x" + final.pin.hash.hex(),
            "source": final.pin.source,
            "as_of": final.pin.as_of,
        },
    }


def to_text(outcome: Outcome, facts: Facts | None) -> str:
    """The report for people: what it is, each section's checks, the verdict, and what was proved and what not."""
    lines = _head(outcome, facts)
    for section, title in _TITLES.items():
        found = [c for c in outcome.checks if c.section == section]
        lines += ["", title, *_section(section, found)]
    lines += ["", "From bytes to clocks: each rung stands on those above it, and on what is named", *_ladder(outcome)]
    lines += ["", _VERDICTS[outcome.verdict]]
    if outcome.verdict == "incomplete" and outcome.lacking:
        lines.append(f"  still needed: {', '.join(outcome.lacking)}")
    lines += ["", *(textwrap.fill(plain(paragraph), _WIDTH, break_on_hyphens=False) for paragraph in closing(outcome))]
    return "\n".join(lines)


def _head(outcome: Outcome, facts: Facts | None) -> list[str]:
    header = outcome.header
    rows = [
        ("incident", f"{header.incident}, revision {header.revision}" if header else "not known"),
        ("root", outcome.root or "not known"),
        ("content id", outcome.content_id or "not known"),
    ]
    if facts:
        rows.insert(0, ("verifying", facts.target))
    return [f"{name:<11} {plain(value)}" for name, value in rows]


def plain(text: str) -> str:
    """Text of others as it may be shown on a terminal: control characters are written out, so none can act."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def check_lines(checks: Sequence[Check]) -> list[str]:
    """One paragraph for each check, as the sections of a report have them."""
    return [line for check in checks for line in _row(check, [check.subject])]


def _section(section: Section, found: Sequence[Check]) -> list[str]:
    if not found:
        text = {
            "availability": "no store was asked: the files were given",
            "findings": "no findings are declared in the record; nothing was recomputed",
            "time": "the bundle holds no anchor",
            "origin": "nothing to check",
            "bytes": "nothing could be checked",
        }[section]
        return [f"  {_MARK['unchecked']:<4} {text}"]
    lines: list[str] = []
    # `withheld:<id>` and `reference:<id>` have the id as their subject already.
    for code in dict.fromkeys(_family(c) for c in found):
        rows = [c for c in found if _family(c) == code]
        if code.startswith(_QUIET) and code not in _LOUD:
            rows = [c for c in rows if c.status != "pass"]
        # Failures come first, and are never cut.
        for check in [c for c in rows if c.status == "fail"]:
            lines += _row(check, [check.subject])
        passed = [c for c in rows if c.status == "pass"]
        for check in passed[:MAX_LINES_OF_A_CODE]:
            lines += _row(check, [check.subject])
        if len(passed) > MAX_LINES_OF_A_CODE:
            lines.append(f"       … and {len(passed) - MAX_LINES_OF_A_CODE} more of {code}, all listed with --json")
        unchecked = [c for c in rows if c.status == "unchecked"]
        for note in dict.fromkeys(c.note for c in unchecked):
            same = [c for c in unchecked if c.note == note]
            lines += _row(same[0], [c.subject for c in same])
    return lines


def _ladder(outcome: Outcome) -> list[str]:
    lines: list[str] = []
    for rung in build_ladder(outcome):
        label = f"  {_MARK[rung.status]:<4} {rung.name:<10} "
        text = plain(f"{rung.says} [{rung.depends_on}]")
        pad = " " * len(label)
        lines += textwrap.wrap(
            text, _WIDTH, initial_indent=label, subsequent_indent=pad, break_long_words=False, break_on_hyphens=False
        )
    return lines


def _family(check: Check) -> str:
    return check.code.partition(":")[0]


def _row(check: Check, subjects: Sequence[str]) -> list[str]:
    label = f"  {_MARK[check.status]:<4} {_family(check):<18} "
    names = ", ".join(subjects[:MAX_LINES_OF_A_CODE])
    if len(subjects) > MAX_LINES_OF_A_CODE:
        names += f" and {len(subjects) - MAX_LINES_OF_A_CODE} more"
    lines = textwrap.wrap(
        plain(f"{names}: {check.note}" if check.note else names),
        _WIDTH,
        initial_indent=label,
        subsequent_indent=" " * len(label),
        break_long_words=False,
        break_on_hyphens=False,
    )
    if check.status == "fail" and (check.expected or check.found):
        pad = " " * len(label)
        lines += [f"{pad}expected {plain(check.expected or '-')}", f"{pad}found    {plain(check.found or '-')}"]
    return lines


def closing(outcome: Outcome) -> list[str]:
    """Paragraphs that say what was proved and what was not, in plain words."""
    if outcome.verdict == "fail":
        bad = list(dict.fromkeys(f"{c.code} ({c.subject})" for c in outcome.checks if c.status == "fail"))
        more = f" and {len(bad) - 5} more" if len(bad) > 5 else ""
        return [
            f"Not proved: {', '.join(bad[:5])}{more} failed. Do not rely on what failed. A file may have been damaged "
            "or changed on its way: ask whoever gave it to you for the original, and the publisher for the proof "
            "bundle.",
            _NEVER,
        ]
    proved = _proved(outcome)
    paragraphs = ["Proved: " + " ".join(proved)] if proved else ["Proved: nothing yet."]
    paragraphs += _when(outcome)
    missing = _not_proved(outcome)
    if missing:
        paragraphs.append(f"Not proved: {'; '.join(missing)}.")
    paragraphs += _rests_on(outcome)
    paragraphs.append(_NEVER)
    return paragraphs


_NEVER: Final = "No proof here says that what the files claim is true, only that they are the ones that were published."


def _proved(outcome: Outcome) -> list[str]:
    passed = {c.code for c in outcome.checks if c.status == "pass"}
    parts: list[str] = []
    if outcome.header is None or not {"bytes", "merkle"} <= passed:
        return parts
    package = f"the package of incident {outcome.header.incident}, revision {outcome.header.revision}"
    if outcome.files_given:
        many = outcome.files_given != 1
        count = f"the {outcome.files_given} evidence files checked are" if many else "the evidence file checked is"
        parts.append(f"{count}, byte for byte, {'those' if many else 'the one'} in {package}.")
    else:
        parts.append(f"the record is, byte for byte, the one in {package}.")
    for anchor in outcome.anchors:
        proven = anchor.proven
        who = _anchored_by(anchor)
        chain = anchor.chain_name or f"chain {proven.chain_id}"
        if not anchor.header_agreed:
            continue
        if anchor.time_proved is False:
            where = "the chain inside this workspace" if anchor.workspace_chain else f"{chain}, a private chain"
            parts.append(
                f"It was anchored by {who} in block {proven.block_number} of {where}: time is not proved, because "
                "whoever runs such a chain sets its clock."
            )
        else:
            unless = "" if anchor.time_proved else ", if that is a public chain whose clock can be relied on"
            parts.append(
                f"It was anchored by {who} on {chain}, block {proven.block_number}: it existed no later than "
                f"{moment(proven.timestamp)}{unless}."
            )
    return parts


def _anchored_by(anchor: AnchorSummary) -> str:
    """The publisher, where its own signature or a trusted registry says so: any contract can tell of anybody."""
    who = anchor.publisher_name or anchor.proven.publisher
    if anchor.of_publisher:
        return who
    return f"a contract that your trust file does not name, in the name of {who},"


def _when(outcome: Outcome) -> list[str]:
    """What the independent clocks show, whatever became of the chain, and the interval of all clocks together."""
    passed = {c.code for c in outcome.checks if c.status == "pass"}
    if outcome.header is None or "merkle" not in passed:
        return []
    stamps = [c for c in outcome.clocks if c.kind in ("rfc3161", "bitcoin")]
    parts = []
    if stamps:
        told = "; ".join(f"no later than {moment(c.limit)} by {c.name}" for c in stamps)
        parts.append(f"Apart from the chain of the anchor, this root existed {told}.")
    if outcome.interval.disagree:
        parts.append(
            f"Clocks disagree, so one of them is wrong or was lied to: {'; '.join(outcome.interval.disagree)}. Which "
            "one cannot be told from here."
        )
    early, late = outcome.interval.no_earlier, outcome.interval.no_later
    if early is not None and not outcome.interval.disagree:
        until = f", and no later than {moment(late.limit)} ({late.name})" if late else ""
        parts.append(
            f"The package was assembled no earlier than {moment(early.limit)}, because it names {early.name}{until}. "
            "What is in it may be older."
        )
    return [" ".join(parts)] if parts else []


def _rests_on(outcome: Outcome) -> list[str]:
    """How far the chain leg can be trusted, where nodes or validators were believed."""
    agreed = [anchor for anchor in outcome.anchors if anchor.header_agreed]
    signed = [anchor.final for anchor in agreed if anchor.final is not None]
    if signed:
        final = signed[0]
        return [
            f"That the block is in the chain rests on the signatures of {final.votes} of {final.validators} "
            f"validators, of a set pinned on your side ({final.pin.source}, as of {final.pin.as_of}). Whoever got hold "
            "of two thirds of those keys since then could sign another history; only other clocks would show it."
        ]
    if any(anchor.grade == "rpc" for anchor in agreed):
        return [
            "That the block is in the chain rests on the word of one node. Ask several (--rpc more than once), or "
            "verify a bundle that carries the signatures of the chain's validators."
        ]
    return []


def _not_proved(outcome: Outcome) -> list[str]:
    unchecked = {c.code for c in outcome.checks if c.status == "unchecked"}
    parts: list[str] = []
    missing = outcome.files_total - outcome.files_given
    if missing:
        parts.append(f"{missing} of {outcome.files_total} evidence files, which were not there to check")
    for code, text in _GAPS:
        if code in outcome.lacking:
            parts.append(text)
    young = [c for c in outcome.checks if c.code == "chain.final" and c.status == "unchecked" and c.found]
    if young:
        parts.append(f"that it stays: it is anchored, not final ({young[0].found})")
    if "chain.other_history" in unchecked:
        parts.append("anything on the chain of the same number but another history that was met")
    withheld = sum(1 for c in unchecked if c.startswith("withheld:"))
    if withheld:
        parts.append(f"what is in {_count(withheld, 'item')} that the publisher withheld")
    referenced = sum(1 for c in unchecked if c.startswith("reference:"))
    if referenced:
        parts.append(f"{_count(referenced, 'document')} that the record names only by hash, and that nobody gave")
    retracted = [c for c in outcome.checks if c.code == "history.retracted" and c.found and c.status != "pass"]
    parts += [f"that its publisher still stands by it: {check.found}" for check in retracted]
    if "history.superseded" in unchecked:
        parts.append("that this is the last word: the publisher has put out a later revision, read that too")
    elif "history.current" in unchecked:
        parts.append("whether there is a later revision")
    return parts


_GAPS: Final = (
    ("chain.header", "that the block of the anchor is in the chain, and so the time"),
    ("anchor.registry", "that the registry is the real one, which your trust file does not name"),
    ("origin.trusted", "who is behind the key that published, which your trust file does not name"),
    ("origin.publisher", "that the package names the key that anchored it"),
    ("anchor.log", "that the package was anchored at all"),
)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def moment(timestamp: int) -> str:
    """A block's time for reading."""
    try:
        return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError, OSError):
        return f"{timestamp} seconds after 1970"
