"""What the verifier hands on: one `Check` for each thing looked at, and the `Outcome` over all of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal

from archive.chain import proofs
from archive.chain.consensus.finality import Finality
from archive.errors import ArchiveError
from archive.package import entries
from archive.verify.clockfacts import Clock, Interval

Status = Literal["pass", "fail", "unchecked"]
Verdict = Literal["pass", "fail", "incomplete"]
Section = Literal["bytes", "time", "origin", "availability", "findings"]
# One node, several nodes that agree, signatures of validators, the workspace that made the chain.
HeaderGrade = Literal["rpc", "rpcs", "consensus", "workspace"]

EXIT_OF_VERDICT: Final[dict[Verdict, int]] = {"pass": 0, "fail": 1, "incomplete": 3}
LATER: Final = "of a kind this version does not know; a newer one may check it"


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
class Agreement:
    """How far the sources agree that a block is in the chain.

    `grade` is the strongest source, None unless `status` is `pass`. `agreed`, `asked` and `needed` count nodes of
    different places.
    """

    status: Status
    grade: HeaderGrade | None
    agreed: int
    asked: int
    needed: int


@dataclass(frozen=True, slots=True)
class AnchorSummary:
    """An anchor whose log was proved. `time_proved` is False on embedded and private chains, None when not known.

    `final` is what validators signed; `agreement` says what the block's place in the chain rests on; `settled` is True
    when the anchor can no more be reorganised away.
    """

    proven: proofs.ProvenAnchor
    publisher_name: str | None
    registry_name: str | None
    header_agreed: bool
    time_proved: bool | None
    workspace_chain: bool
    chain_name: str | None
    final: Finality | None = None
    agreement: Agreement | None = None
    settled: bool = False
    index: int = 0  # of the anchor in the bundle

    @property
    def of_publisher(self) -> bool:
        """Whether its signature, or a trusted registry, says that it is the publisher's: any contract names anybody."""
        return self.proven.direct or self.registry_name is not None

    @property
    def grade(self) -> HeaderGrade | None:
        return self.agreement.grade if self.agreement else None


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
    clocks: tuple[Clock, ...] = ()
    interval: Interval = field(default_factory=Interval)


def unknown_note(error: ArchiveError) -> str:
    """The note of a check on something that a later format may have added."""
    return f"{error.message}: {LATER}"
