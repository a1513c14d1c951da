"""Stamps and `not_before`: what each clock shows, and the interval they give together. Pure.

The stamp legs stand alone: they hold or fall by the root and the verifier's own roots and headers, whatever became of
the chain of the anchor. That a stamp is in the bundle says nothing; only what was recomputed here counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, Protocol

from archive.bundle import JsonObject, ProofBundle
from archive.errors import InvalidInputError, MissingDependencyError
from archive.package.entries import Header, NotBefore
from archive.stamps import bitcoin, ots, rfc3161
from archive.stamps.entries import BlockHeader, OtsStamp, Rfc3161Stamp, is_unknown, parse_stamp
from archive.verify.clockfacts import BitcoinAnswer, BlockAnswer, Clock, ClockFacts, Interval
from archive.verify.clocks import EVM
from archive.verify.facts import Facts
from archive.verify.outcome import AnchorSummary, Check, Status, unknown_note

OTS: Final = "stamp.opentimestamps"
_LAST_SECOND: Final = 253_402_300_799  # of the year 9999
_SAID: Final = {
    "same": "has this block",
    "other": "has another block",
    "absent": "has no block at this height",
    "unreachable": "could not be asked",
    "bad_answer": "gave an answer that makes no sense",
    "other_history": "is on a chain of the same number with another first block than the trusted one",
    "unknown_history": "has another block, maybe of another history",
}
_NAMELESS_NODE: Final = "no node of that chain was asked; name one with --rpc URL"


@dataclass(frozen=True, slots=True)
class Result:
    """Checks of all stamps, the clocks that passed, and what follows from them."""

    checks: tuple[Check, ...]
    clocks: tuple[Clock, ...]
    interval: Interval


def check_stamps(
    bundle: ProofBundle, header: Header | None, root: str | None, facts: Facts, anchors: Sequence[AnchorSummary]
) -> Result:
    """Apply the rules to every stamp and every block that the package names."""
    checks: list[Check] = []
    clocks: list[Clock] = _anchored(anchors)
    headers: list[BlockHeader] = []
    roots = [rfc3161.Root(r.name, r.der, r.policies) for r in facts.trust.time_stamp_roots]
    stamped: list[Status] = []
    for index, value in enumerate(bundle.stamps):
        subject = f"stamp {index + 1}"
        try:
            stamp = parse_stamp(value)
        except InvalidInputError as error:
            checks.append(_unreadable(subject, value, error))
            continue
        if isinstance(stamp, BlockHeader):
            headers.append(stamp)
            continue
        if root is None:
            note = "the root could not be recomputed, so there is nothing to hold the stamp against"
            checks.append(Check(f"stamp.{value['kind']}", "unchecked", subject, note=note, section="time"))
            continue
        if isinstance(stamp, Rfc3161Stamp):
            found, clock = _authority(subject, stamp, root, roots)
        else:
            found, clock = _opentimestamps(subject, stamp, root, facts)
        checks += found
        stamped.append(found[-1].status)
        clocks += [clock] if clock else []
    if stamped:
        checks.append(_any(stamped))
    for block in header.not_before if header else ():
        check, clock = _not_before(block, headers, facts)
        checks.append(check)
        clocks += [clock] if clock else []
    checks += _unnamed(headers, header)
    interval = _interval(clocks)
    checks += _agreement(clocks, interval)
    return Result(tuple(checks), tuple(clocks), interval)


def _unreadable(subject: str, value: JsonObject, error: InvalidInputError) -> Check:
    kind = str(value.get("kind"))[:80]
    if is_unknown(error.code):
        return Check("stamp.unknown", "unchecked", subject, None, kind, unknown_note(error), "time")
    return Check("stamp.malformed", "fail", subject, None, kind, error.message, "time")


def _any(statuses: Sequence[Status]) -> Check:
    """What a policy asks for: a stamp that holds, whichever. One clock may have made several: stamps are counted."""
    held = sum(status == "pass" for status in statuses)
    note = f"{held} of {len(statuses)} stamps hold" if held else "no stamp holds yet"
    return Check("time.stamps", "pass" if held else "unchecked", "stamps", note=note, section="time")


def _anchored(anchors: Sequence[AnchorSummary]) -> list[Clock]:
    """Anchors in public chains whose block was agreed: a clock like the others."""
    return [
        Clock(
            name=f"block {a.proven.block_number} of {a.chain_name or f'chain {a.proven.chain_id}'}",
            kind="anchor",
            bound="no_later",
            time=a.proven.timestamp,
            margin=0,
            rests_on="the chain of the anchor",
        )
        for a in anchors
        if a.header_agreed and a.time_proved is True
    ]


# --- RFC 3161 -----------------------------------------------------------------------------------------------------


def _authority(
    subject: str, stamp: Rfc3161Stamp, root: str, roots: Sequence[rfc3161.Root]
) -> tuple[list[Check], Clock | None]:
    try:
        checked = rfc3161.check_stamp(stamp, root, roots)
    except MissingDependencyError as error:
        return [_no_library("stamp.rfc3161", subject, error)], None
    checks = [Check(s.code, s.status, subject, s.expected, s.found, s.note, "time") for s in checked.steps]
    note = f"{checked.clock}: {checked.note}"
    checks.append(Check("stamp.rfc3161", checked.status, subject, note=note, section="time"))
    if checked.time is None:
        return checks, None
    rests_on = f"the time-stamp authority {checked.clock}"
    return checks, Clock(checked.clock, "rfc3161", "no_later", checked.time, checked.margin, rests_on)


# --- OpenTimestamps -----------------------------------------------------------------------------------------------


def _opentimestamps(subject: str, stamp: OtsStamp, root: str, facts: Facts) -> tuple[list[Check], Clock | None]:
    def result(status: Status, note: str, found: str | None = None) -> Check:
        return Check(OTS, status, subject, None, found, note, "time")

    try:
        proof = ots.parse_proof(stamp.proof)
    except MissingDependencyError as error:
        return [_no_library(OTS, subject, error)], None
    except InvalidInputError as error:
        later = error.code in (f"{OTS}.version", f"{OTS}.operation")
        return [result("unchecked" if later else "fail", error.message, error.code)], None
    if not proof.is_about(root):
        note = "the proof starts from another digest than that of this root"
        wrong = Check(f"{OTS}.subject", "fail", subject, root, proof.digest.hex(), note, "time")
        return [wrong, result("fail", note)], None
    checks = [Check(f"{OTS}.subject", "pass", subject, note="the proof starts from this root", section="time")]
    verdicts = [
        (block, judge_block(block.height, facts.clocks, merkle_root=block.merkle_root)) for block in proof.blocks
    ]
    good = [(block, verdict) for block, verdict in verdicts if verdict.header is not None]
    for block, verdict in verdicts:
        # Beside an attestation that holds, another that does not is its calendar's fault and takes nothing away.
        status: Status = "unchecked" if good and verdict.status == "fail" else verdict.status
        place = f"{subject}, Bitcoin block {block.height}"
        checks.append(
            Check(f"{OTS}.block", status, place, bitcoin.shown(block.merkle_root), verdict.found, verdict.note, "time")
        )
    if good:
        block, best = min(good, key=lambda pair: pair[1].header.time if pair[1].header else 0)
        note = f"in Bitcoin block {block.height}: {best.note}"
        header = best.header
        network = facts.clocks.network
        if header is None or not network.proves_time:
            note += f"; the chain {network.name!r} proves no time"
            return [*checks, result("unchecked", note)], None
        clock = Clock(
            name=f"Bitcoin block {block.height}",
            kind="bitcoin",
            bound="no_later",
            time=header.time,
            margin=bitcoin.CLOCK_MARGIN,
            rests_on=f"Bitcoin's chain, as {best.who} has it",
        )
        return [*checks, result("pass", note)], clock
    failed = [verdict for _, verdict in verdicts if verdict.status == "fail"]
    if failed:
        return [*checks, result("fail", failed[0].note, failed[0].found)], None
    if verdicts:
        return [*checks, result("unchecked", f"complete, and {verdicts[0][1].note}")], None
    if proof.pending:
        calendars = ", ".join(dict.fromkeys(p.uri for p in proof.pending))
        note = f"pending: only promised by {calendars}, which proves nothing; 'archive stamp upgrade' completes it"
        return [*checks, result("unchecked", note, "pending")], None
    what = ", ".join(proof.other) or "nothing"
    return [*checks, result("unchecked", f"attests to what this version does not check: {what}")], None


def _no_library(code: str, subject: str, error: MissingDependencyError) -> Check:
    return Check(
        code, "unchecked", subject, note=f"{error.message}, which is not installed: {error.hint}", section="time"
    )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is held of a Bitcoin block. `header` only where it passed; `who` said so."""

    status: Status
    note: str
    found: str | None = None
    header: bitcoin.Header | None = None
    who: str = ""


def judge_block(
    height: int, clocks: ClockFacts, *, merkle_root: bytes | None = None, block_hash: bytes | None = None
) -> Verdict:
    """Whether the block at this height, as the verifier has it, has this merkle root, or this hash.

    One's own file or node decides alone; of others, `quorum` have to agree. Work is checked on every header.
    """
    good: list[tuple[BitcoinAnswer, bitcoin.Header]] = []
    said: list[str] = []
    broken: str | None = None
    for answer in clocks.bitcoin:
        if answer.height != height:
            continue
        if answer.header is None:
            said.append(f"{answer.source}: {answer.problem}")
            continue
        try:
            header = bitcoin.parse_header(answer.header)
            bitcoin.check_work(header, clocks.network)
        except InvalidInputError as error:
            said.append(f"{answer.source}: {error.message}")
            if answer.kind in ("trust", "file"):
                broken = f"{answer.source}: {error.message} [{error.code}]"
            continue
        good.append((answer, header))

    def fits(header: bitcoin.Header) -> bool:
        return header.merkle_root == merkle_root if block_hash is None else header.hash == block_hash

    def found(header: bitcoin.Header) -> str:
        return bitcoin.shown(header.merkle_root if block_hash is None else header.hash)

    names = ", ".join(dict.fromkeys(a.source for a, h in good if fits(h)))
    others = ", ".join(dict.fromkeys(a.source for a, h in good if not fits(h)))
    own = [(a, h) for a, h in good if a.own]
    if any(fits(h) for _, h in own):
        if any(not fits(h) for _, h in own):
            return Verdict("unchecked", f"the sources disagree: {names} has this block, {others} another")
        header = next(h for _, h in own if fits(h))
        note = f"the block is as {names} has it, and work was done on it"
        return Verdict("pass", note + (f"; {others} has another" if others else ""), found(header), header, names)
    if own:
        return Verdict("fail", f"{others}: another block stands at height {height}", found(own[0][1]))
    if broken is not None:
        return Verdict("fail", broken)
    groups: dict[bytes, list[tuple[BitcoinAnswer, bitcoin.Header]]] = {}
    for answer, header in good:
        groups.setdefault(header.hash, []).append((answer, header))
    agreed = [group for group in groups.values() if len({a.source for a, _ in group}) >= clocks.quorum]
    if len(agreed) == 1:
        header = agreed[0][0][1]
        count = len({a.source for a, _ in agreed[0]})
        if fits(header):
            note = f"{count} sources agree on the block ({names}), and work was done on it"
            return Verdict("pass", note + (f"; {others} has another" if others else ""), found(header), header, names)
        return Verdict("fail", f"{count} sources have another block at height {height} ({others})", found(header))
    if good:
        return Verdict(
            "unchecked", f"{_counts(groups)}; {clocks.quorum} have to agree: {'; '.join(said) or names or others}"
        )
    if said:
        return Verdict("unchecked", "; ".join(said))
    return Verdict(
        "unchecked",
        f"no header of Bitcoin block {height} is known here: name a file of headers with --bitcoin-headers, or set "
        "[bitcoin] in config.toml",
    )


def _counts(groups: dict[bytes, list[tuple[BitcoinAnswer, bitcoin.Header]]]) -> str:
    if len(groups) == 1:
        return f"{len(next(iter(groups.values())))} source has the block"
    return f"the sources disagree ({len(groups)} different blocks)"


# --- not before ---------------------------------------------------------------------------------------------------


def _not_before(block: NotBefore, headers: Sequence[BlockHeader], facts: Facts) -> tuple[Check, Clock | None]:
    subject = f"{block.chain} block {block.height}"

    def result(status: Status, note: str, found: str | None = None) -> Check:
        return Check("time.not_before", status, subject, block.hash, found, note, "time")

    header = next((h for h in headers if h.is_of(block)), None)
    if header is None:
        return result("unchecked", "the bundle does not hold the header of the block that the package names"), None
    if block.chain == bitcoin.CHAIN:
        return _not_before_bitcoin(block, header, facts, result)
    if block.chain.startswith(EVM):
        return _not_before_evm(block, header, facts, result)
    return result("unchecked", "of a chain that this version does not know"), None


class _Result(Protocol):
    """The closure above."""

    def __call__(self, status: Status, note: str, found: str | None = None) -> Check: ...


def _not_before_bitcoin(
    block: NotBefore, given: BlockHeader, facts: Facts, result: _Result
) -> tuple[Check, Clock | None]:
    try:
        header = bitcoin.parse_header(given.header)
        if "0x" + header.shown_hash != block.hash:
            note = "the header in the bundle is not of the block that the package names"
            return result("fail", note, "0x" + header.shown_hash), None
        bitcoin.check_work(header, facts.clocks.network)
    except InvalidInputError as error:
        return result("fail", error.message, error.code), None
    verdict = judge_block(block.height, facts.clocks, block_hash=header.hash)
    found = "0x" + header.shown_hash if verdict.status != "fail" else "0x" + (verdict.found or "")
    if verdict.header is None:
        return result(verdict.status, f"the header fits; {verdict.note}", found), None
    clock = Clock(
        name=f"Bitcoin block {block.height}",
        kind="block",
        bound="no_earlier",
        time=header.time,
        margin=bitcoin.CLOCK_MARGIN,
        rests_on=f"Bitcoin's chain, as {verdict.who} has it",
    )
    note = f"the package was assembled after this block: {verdict.note}"
    return result("pass", note, found), clock if facts.clocks.network.proves_time else None


def _not_before_evm(block: NotBefore, given: BlockHeader, facts: Facts, result: _Result) -> tuple[Check, Clock | None]:
    from archive.chain import codec, proofs

    found = codec.to_hex(codec.keccak(given.header))
    if found != block.hash:
        return result("fail", "the header in the bundle is not of the block that the package names", found), None
    try:
        header = proofs.decode_header(given.header)
    except ValueError as error:
        return result("fail", f"the header cannot be read: {error}"), None
    if header.number != block.height:
        return result("fail", "the header is of another height", str(header.number)), None
    answers = [a for a in facts.clocks.blocks if (a.chain, a.height) == (block.chain, block.height)]
    need = _needed(block.chain, answers, facts)
    same = [a for a in answers if a.outcome == "same"]
    against = _largest_group([a for a in answers if a.outcome in ("other", "unknown_history")])
    holds, denied = len(_places(same)) >= need, len(_places(against)) >= need
    names = _names(same)
    if denied and not holds:
        note = f"{_names(against)}: another block stands at this height"
        if against[0].outcome == "unknown_history":
            note += "; which history of this chain's number is meant, your trust file does not tell"
            return result("unchecked", note, against[0].found), None
        return result("fail", note, against[0].found), None
    if denied:
        note = f"the sources disagree: {names} has this block, {_names(against)} another"
        return result("unchecked", note, found), None
    if not holds:
        said = "; ".join(f"{a.source}: {_SAID[a.outcome]}" for a in answers) or _NAMELESS_NODE
        short = f"; {len(_places(same))} of {need} needed have this block" if same or against else ""
        note = f"the header fits; whether it is in the chain is not known{short}: {said}"
        return result("unchecked", note, found), None
    clock = Clock(
        name=f"block {block.height} of {block.chain}",
        kind="block",
        bound="no_earlier",
        time=header.timestamp,
        margin=0,
        rests_on=f"the chain {block.chain}, as {names} has it",
    )
    note = f"the package was assembled after this block, which {names} has"
    return result("pass", note, found), clock


def _needed(chain: str, answers: Sequence[BlockAnswer], facts: Facts) -> int:
    """How many places must agree, as `archive.verify.quorum.needed` has it for the block of an anchor."""
    if facts.quorum is not None:
        return facts.quorum
    own = dict(facts.clocks.chain_quorums).get(chain)
    if own is not None:
        return own
    return max(1, (len(_places(answers)) + 1) // 2)


def _places(answers: Sequence[BlockAnswer]) -> set[str]:
    return {a.place or a.source for a in answers}


def _names(answers: Sequence[BlockAnswer]) -> str:
    return ", ".join(dict.fromkeys(a.source for a in answers))


def _largest_group(answers: Sequence[BlockAnswer]) -> list[BlockAnswer]:
    """Those that have the same other block, of the one that most places have."""
    groups: dict[str | None, list[BlockAnswer]] = {}
    for answer in answers:
        groups.setdefault(answer.found, []).append(answer)
    return max(groups.values(), key=lambda group: len(_places(group)), default=[])


def _unnamed(headers: Sequence[BlockHeader], header: Header | None) -> list[Check]:
    """Headers that the package itself does not name show nothing: anybody can put one beside it."""
    named = header.not_before if header else ()
    return [
        Check(
            "stamp.unknown",
            "unchecked",
            f"{h.chain} block {h.height}",
            note="the header of a block that the package does not name, which shows nothing",
            section="time",
        )
        for h in headers
        if not any(h.is_of(block) for block in named)
    ]


# --- together -----------------------------------------------------------------------------------------------------


def _interval(clocks: Sequence[Clock]) -> Interval:
    later = [c for c in clocks if c.bound == "no_later"]
    earlier = [c for c in clocks if c.bound == "no_earlier"]
    disagree = dict.fromkeys(
        f"{late.name} says no later than {_moment(late.limit)}, {early.name} no earlier than {_moment(early.limit)}"
        for late in later
        for early in earlier
        if late.limit < early.limit
    )
    interval = Interval(
        no_earlier=max(earlier, key=lambda c: c.limit, default=None),
        no_later=min(later, key=lambda c: c.limit, default=None),
    )
    return replace(interval, disagree=tuple(disagree))


def _moment(timestamp: int) -> str:
    return datetime.fromtimestamp(max(0, min(timestamp, _LAST_SECOND)), UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _agreement(clocks: Sequence[Clock], interval: Interval) -> list[Check]:
    """A clock that puts the package before a block it names is wrong, or lies: which one, nobody can tell from here."""
    if {c.bound for c in clocks} != {"no_later", "no_earlier"}:
        return []
    if interval.disagree:
        note = f"clocks contradict each other, so one of them is wrong: {'; '.join(interval.disagree)}"
        return [Check("time.clocks", "unchecked", "clocks", note=note, section="time")]
    return [Check("time.clocks", "pass", "clocks", note="no clock contradicts another", section="time")]
