"""What `gather` found, as plain values: the only input of the pure rules in `checks`.

Nothing here is a judgement. A file is what it hashed to, an RPC node is what it answered, a store is what it sent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

from archive.bundle import ProofBundle
from archive.package.rows import Rows
from archive.reveal import Reveal
from archive.trust import TrustFile
from archive.verify.actfacts import RegistryFacts
from archive.verify.clockfacts import ClockFacts


@dataclass(frozen=True, slots=True)
class Variant:
    """A harmless-looking change of a file (`line-ends`, `gzip`, `byte-order-mark` …) and the hash it would undo to."""

    kind: str
    sha256: str


@dataclass(frozen=True, slots=True)
class FileFact:
    """One file that was given or fetched.

    `name` is how the user knows it; `path` is its place inside the given folder or CAR, None for a single file.
    `full` is the absolute path in POSIX form, used to recognise `…/evidence/a.csv`. Hashes are of the bytes as read.
    """

    name: str
    path: str | None
    full: str
    size: int
    sha256: str
    cid: str
    variants: tuple[Variant, ...] = ()


@dataclass(frozen=True, slots=True)
class UnreadableFile:
    """A file or folder that was given and could not be read, or that changed while it was read."""

    name: str
    code: str
    message: str


class BlockClaim(Protocol):
    """A block that something rests on, and whose place in the chain is asked for."""

    @property
    def chain_id(self) -> int: ...
    @property
    def genesis(self) -> str: ...
    @property
    def block_number(self) -> int: ...
    @property
    def block_hash(self) -> str: ...


# `other_log`: the same block, but another receipt of the transaction than the one proven in it. `behind`: the node's
# newest block is an earlier one.
HeaderOutcome = Literal[
    "same",
    "other",
    "other_log",
    "absent",
    "behind",
    "unreachable",
    "wrong_chain",
    "other_history",
    "bad_answer",
]


@dataclass(frozen=True, slots=True)
class HeaderAnswer:
    """What one source said about the block of an anchor. `source` is safe to show.

    `place` is who runs the source, as far as it can be told: sources of one place count once. `number` is the block's,
    `head` the source's newest block, `finalized` the newest that it calls final; None where it did not say.
    """

    source: str
    kind: Literal["rpc", "workspace", "consensus"]
    outcome: HeaderOutcome
    found: str | None = None
    place: str | None = None
    number: int | None = None
    head: int | None = None
    finalized: int | None = None

    @property
    def value(self) -> str | None:
        return self.found


@dataclass(frozen=True, slots=True)
class CodeAnswer:
    """keccak256 of the code one node has at the registry's address, or why it is not known."""

    source: str
    code_hash: str | None
    message: str | None = None
    place: str | None = None

    @property
    def value(self) -> str | None:
        return self.code_hash


@dataclass(frozen=True, slots=True)
class HistoryAnswer:
    """The registry's newest entry of this publisher and incident, as one node tells it.

    `current` is True when it is this root; `head` is the prefix of the newest root, in hex; `place` is whose node it
    is.
    """

    source: str
    current: bool | None
    head: str | None = None
    ordinal: int | None = None
    message: str | None = None
    place: str | None = None


@dataclass(frozen=True, slots=True)
class AnchorFacts:
    """What was asked about one anchor of the bundle, by its index there."""

    index: int
    headers: tuple[HeaderAnswer, ...] = ()
    codes: tuple[CodeAnswer, ...] = ()
    history: tuple[HistoryAnswer, ...] = ()
    # None: not known here; False: an embedded or private chain, whose clock proves nothing.
    public_chain: bool | None = None
    chain_name: str | None = None
    # The network's settings: how deep a block is final, and how many nodes must agree; None where none is known.
    rule: int | Literal["finalized"] | None = None
    quorum: int | None = None


@dataclass(frozen=True, slots=True)
class OtherRoot:
    """Another root that the publisher signed for an incident and revision, and where it was found."""

    incident: str
    revision: int
    root: str
    publisher: str
    source: str


StoreOutcome = Literal["good", "wrong", "absent", "unreachable"]


@dataclass(frozen=True, slots=True)
class StoreAnswer:
    """What one store sent when asked for the package."""

    store: str
    operator: str
    outcome: StoreOutcome
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class RevealFact:
    """A reveal that was given, or why it cannot be read; `rows` are the lines of its file, when that was given too."""

    name: str
    reveal: Reveal | None
    code: str | None = None
    message: str | None = None
    rows: Rows | None = None


@dataclass(frozen=True, slots=True)
class FindingFact:
    """What came of computing one finding again. `expected`, `found`: digests of the declared and computed result."""

    id: str
    method: str
    status: Literal["same", "differs", "wrong", "unchecked"]
    expected: str | None = None
    found: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class RedactionFact:
    """What was found in the slots of a redacted file: code and words of each fault, none when they are empty."""

    id: str
    faults: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the rules look at."""

    target: str
    # What the user asked for by id, which the bundle must then be about.
    asked: tuple[Literal["root", "content_id", "transaction"], str] | None
    bundle: ProofBundle
    files: tuple[FileFact, ...]
    trust: TrustFile
    offline: bool
    unreadable: tuple[UnreadableFile, ...] = ()
    package_folder: bool = False  # a folder with a manifest.json, or a CAR, was given: it must be exact
    anchors: tuple[AnchorFacts, ...] = ()
    others: tuple[OtherRoot, ...] = ()
    bad_bundles: tuple[UnreadableFile, ...] = ()  # other bundles among the files that cannot be read
    stores: tuple[StoreAnswer, ...] = ()
    clocks: ClockFacts = field(default_factory=ClockFacts)
    reveals: tuple[RevealFact, ...] = ()
    redactions: tuple[RedactionFact, ...] = ()
    acts: tuple[RegistryFacts, ...] = ()  # retractions, endorsements and histories in trusted registries
    quorum: int | None = None  # how many nodes must agree, where the reader said so
    findings: tuple[FindingFact, ...] | None = None  # None: nobody asked to compute them again
