"""Judging an exclusion proof: its own steps, the registry against the trust file, its block against the nodes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from archive.bundle import ProofBundle
from archive.chain.absence import MESSAGES, AbsenceInspection, AbsenceProof, ProvenAbsence
from archive.trust import TrustFile
from archive.verify.facts import AnchorFacts, Facts, HeaderAnswer
from archive.verify.nodes import KnownChain
from archive.verify.outcome import Agreement, Check, Verdict
from archive.verify.quorum import check_code, check_final, check_header

REQUIRED: Final = ("absence.entry", "absence.registry", "chain.code", "chain.header")
_NOTHING: Final = ProofBundle("", "", (), None, ())


@dataclass(frozen=True, slots=True)
class AbsenceOutcome:
    """All checks, the verdict, and which of the required ones are not `pass`."""

    checks: tuple[Check, ...]
    verdict: Verdict
    lacking: tuple[str, ...]
    proven: ProvenAbsence | None
    agreement: Agreement | None

    def to_json(self) -> dict[str, Any]:
        return {
            "verdict": self.verdict,
            "required": list(REQUIRED),
            "lacking": list(self.lacking),
            "trust": self.agreement.grade if self.agreement else None,
            "checks": [check.to_json() for check in self.checks],
        }


def judge_absence(
    proof: AbsenceProof,
    inspection: AbsenceInspection,
    trust: TrustFile,
    answers: Sequence[HeaderAnswer],
    *,
    known: KnownChain | None = None,
    quorum: int | None = None,
    offline: bool = False,
) -> AbsenceOutcome:
    """The verdict over an exclusion proof; the rules about nodes are those of anchors."""
    subject = f"{known.name if known else f'chain {proof.chain_id}'} block {proof.block.number}"
    checks = [
        Check(step.code, step.status, subject, step.expected, step.found, _note(step.code, step.status), "time")
        for step in inspection.steps
    ]
    proven, agreement = inspection.proven, None
    if proven is not None:
        facts = Facts("", None, _NOTHING, (), trust, offline, quorum=quorum)
        asked = AnchorFacts(
            index=0,
            headers=tuple(answers),
            rule=known.confirmations if known else None,
            quorum=known.quorum if known else None,
        )
        trusted = trust.registry(proven.chain_id, proven.genesis, proven.registry)
        where = f"{proven.registry} on chain {proven.chain_id}, genesis {proven.genesis}"
        note = f"trusted as {trusted.name!r}" if trusted else "this registry is not in your trust file"
        checks.append(Check("absence.registry", "pass" if trusted else "unchecked", subject, None, where, note, "time"))
        checks += check_code(subject, None, proven.code_hash, asked, facts, trusted.code_hash if trusted else None)
        headers, agreement = check_header(subject, None, proven, asked, facts)
        checks += headers
        checks += check_final(subject, None, asked, facts, agreement, signed=False)
    lacking = tuple(code for code in REQUIRED if not any(c.code == code and c.status == "pass" for c in checks))
    verdict: Verdict = "incomplete" if lacking else "pass"
    if any(c.status == "fail" for c in checks):
        verdict = "fail"
    return AbsenceOutcome(tuple(replace(c, anchor=None) for c in checks), verdict, lacking, proven, agreement)


def _note(code: str, status: str) -> str | None:
    if status != "pass":
        return MESSAGES[code]
    if code == "absence.entry":
        return "the registry's storage holds no entry of this key and root"
    return None
