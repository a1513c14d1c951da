"""The ladder: from bytes to clocks, what each rung says, whether it holds, and whom or what one believes for it.

Each rung stands on those below it. It summarises checks and judges nothing anew: `fail` when one of its checks failed,
`pass` when those it must have all passed for one and the same anchor, else `unchecked`. The rung `chain` is graded: the
word of one RPC node, k of n RPC nodes of different hosts, signatures of the chain's validators.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

from archive.verify.outcome import AnchorSummary, Check, HeaderGrade, Outcome, Status

RungName = Literal["bytes", "package", "inclusion", "registry", "origin", "chain", "final", "clocks"]
_HASHES: Final = "SHA-256, and nobody's word"


@dataclass(frozen=True, slots=True)
class Rung:
    """One rung. `codes` are the checks it must have; `depends_on` whom one believes; `trust` the grade, of `chain`."""

    name: RungName
    status: Status
    says: str
    depends_on: str
    codes: tuple[str, ...]
    trust: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "rung": self.name,
            "status": self.status,
            "says": self.says,
            "depends_on": self.depends_on,
            "trust": self.trust,
            "checks": list(self.codes),
        }


@dataclass(frozen=True, slots=True)
class _Kind:
    """`family` are prefixes of codes that break the rung when they fail, beside those it must have."""

    name: RungName
    says: str
    codes: tuple[str, ...]
    family: tuple[str, ...]
    depends_on: Callable[[Outcome, AnchorSummary | None], str]


def _on_inclusion(outcome: Outcome, anchor: AnchorSummary | None) -> str:
    state = ", and so is the registry's storage" if anchor and anchor.proven.code_hash else ""
    return f"Keccak-256; the event is proven under the block header in the bundle{state}"


def _on_registry(outcome: Outcome, anchor: AnchorSummary | None) -> str:
    ours = (None, anchor.index if anchor else None)
    compared = any(c.code == "chain.code" and c.status == "pass" and c.anchor in ours for c in outcome.checks)
    by = "by the state proof" if anchor and anchor.proven.code_hash else "by RPC nodes"
    return f"your trust file names the contract; its code was {f'told {by}' if compared else 'not compared'}"


def _on_chain(outcome: Outcome, anchor: AnchorSummary | None) -> str:
    words = trust_in_words(anchor)
    if words is None:
        return "nobody was asked, or too few agreed; it could rest on one RPC, k of n RPCs, or consensus signatures"
    return words if anchor is None or anchor.time_proved is not False else f"{words}; its clock proves no time"


def _on_final(outcome: Outcome, anchor: AnchorSummary | None) -> str:
    if anchor is not None and anchor.final is not None:
        return "the same signatures of validators"
    if anchor is not None and anchor.settled and anchor.workspace_chain:
        return "this workspace alone"
    return "the RPC nodes that agreed, and the network's rule in your configuration"


def _on_clocks(outcome: Outcome, anchor: AnchorSummary | None) -> str:
    clocks = [c.rests_on for c in outcome.clocks if c.kind in ("rfc3161", "bitcoin")]
    return "; ".join(dict.fromkeys(clocks)) or "time-stamp authorities and Bitcoin, apart from the anchor's chain"


_KINDS: Final = (
    _Kind("bytes", "the files given are the published ones", ("bytes",), ("package.",), lambda *_: _HASHES),
    _Kind(
        "package",
        "they make up exactly this root and content id",
        ("merkle", "content_id"),
        ("manifest.", "record", "target"),
        lambda *_: _HASHES,
    ),
    _Kind(
        "inclusion", "the registry's event about this root is in a block", ("anchor.log",), ("anchor.",), _on_inclusion
    ),
    _Kind("registry", "the registry is the one you trust", ("anchor.registry",), ("chain.code",), _on_registry),
    _Kind(
        "origin",
        "the key that you know signed it",
        ("origin.publisher", "origin.trusted"),
        ("anchor.tx_", "anchor.sender", "anchor.calldata"),
        lambda *_: "secp256k1 signatures; your trust file names the key",
    ),
    _Kind("chain", "the block is in the chain", ("chain.header",), ("chain.consensus",), _on_chain),
    _Kind("final", "the block can no more be reorganised away", ("chain.final",), (), _on_final),
    _Kind("clocks", "clocks apart from the chain show the same root", ("time.stamps",), ("stamp.",), _on_clocks),
)


def build_ladder(outcome: Outcome) -> tuple[Rung, ...]:
    """The rungs, lowest first, for the anchor that gets furthest."""
    groups: list[int | None] = [*sorted({c.anchor for c in outcome.checks if c.anchor is not None})] or [None]
    best = max(groups, key=lambda group: sum(_status(outcome.checks, kind, group) == "pass" for kind in _KINDS))
    anchor = next((one for one in outcome.anchors if one.index == best), None)
    return tuple(
        Rung(
            name=kind.name,
            status=_status(outcome.checks, kind, best),
            says=kind.says,
            depends_on=kind.depends_on(outcome, anchor),
            codes=kind.codes,
            trust=grade_of(anchor) if kind.name == "chain" else None,
        )
        for kind in _KINDS
    )


def grade_of(anchor: AnchorSummary | None) -> HeaderGrade | None:
    """What the chain leg of an anchor rests on, None when its block was not agreed."""
    return anchor.grade if anchor is not None and anchor.header_agreed else None


def trust_in_words(anchor: AnchorSummary | None) -> str | None:
    """The grade of the chain leg in words, or None."""
    grade = grade_of(anchor)
    if anchor is None or grade is None:
        return None
    if grade == "consensus" and anchor.final is not None:
        final = anchor.final
        return f"consensus signatures: {final.votes} of {final.validators} validators, of a set pinned on your side"
    if grade == "workspace":
        return "this workspace, which made the chain"
    agreement = anchor.agreement
    if grade == "rpc" or agreement is None:
        return "one RPC, its word alone; stronger are k of n RPCs, and consensus signatures"
    return (
        f"k of n RPCs: {agreement.agreed} of {agreement.asked} of different hosts agree, {agreement.needed} needed; "
        "stronger are consensus signatures"
    )


def _status(checks: Iterable[Check], kind: _Kind, anchor: int | None) -> Status:
    mine = [c for c in checks if c.code in kind.codes or c.code.startswith(kind.family)]
    if kind.name == "inclusion":
        # The registry and the origin have rungs of their own.
        elsewhere = ("anchor.registry", "anchor.tx_", "anchor.sender", "anchor.calldata")
        mine = [c for c in mine if not c.code.startswith(elsewhere)]
    if any(c.status == "fail" for c in mine):
        return "fail"
    of_anchor = [c for c in mine if c.anchor in (None, anchor)]
    for code in kind.codes:
        found = [c.status for c in of_anchor if c.code == code]
        if not found or any(status != "pass" for status in found):
            return "unchecked"
    return "pass"
