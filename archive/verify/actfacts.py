"""What registries hold about a package beside its anchor, as plain values: each source's answers, no judgement."""

from __future__ import annotations

from dataclasses import dataclass

from archive.trust import TrustedRegistry


@dataclass(frozen=True, slots=True)
class RetractionFact:
    """A retraction of this root by `account`: time in seconds since 1970, and the reason where it could be read."""

    account: str
    time: int
    reason: str | None


@dataclass(frozen=True, slots=True)
class EndorsementFact:
    """An endorsement by `account`; `item` is the id of the evidence item it is of, None for the whole root.

    `root` is 64 hex digits: this package's root, the root before it, or an item's leaf.
    """

    account: str
    root: str
    item: str | None
    time: int
    withdrawn_time: int | None

    @property
    def stands(self) -> bool:
        return self.withdrawn_time is None


@dataclass(frozen=True, slots=True)
class AnchoredFact:
    """An anchor of the same incident by one of the publisher's keys; `previous` is None for none."""

    account: str
    root: str
    previous: str | None
    ordinal: int


@dataclass(frozen=True, slots=True)
class HeadFact:
    """The newest anchor of the incident by one of the publisher's keys: first 29 bytes of its root, in hex."""

    account: str
    root_prefix: str
    ordinal: int


@dataclass(frozen=True, slots=True)
class RegistryFacts:
    """What one source said about one trusted registry; `message` says why it said nothing.

    `anchors` is None where the source does not give past events.
    """

    registry: TrustedRegistry
    source: str
    place: str | None = None
    message: str | None = None
    retractions: tuple[RetractionFact, ...] = ()
    endorsements: tuple[EndorsementFact, ...] = ()
    heads: tuple[HeadFact, ...] = ()
    anchors: tuple[AnchoredFact, ...] | None = None

    @property
    def answered(self) -> bool:
        return self.message is None
