"""Stamping a root by all clocks at once, completing what is pending, renewing what ages. Writes no files."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from archive.bundle import ProofBundle, parse_bundle
from archive.errors import ArchiveError, InvalidInputError, UnreachableError, UsageError
from archive.stamps import ots
from archive.stamps.authority import NewToken, request_token
from archive.stamps.calendars import Asker, submit
from archive.stamps.config import AuthorityConfig, CalendarConfig, ClockConfig
from archive.stamps.entries import (
    MAX_RENEWALS,
    OtsStamp,
    Rfc3161Stamp,
    is_unknown,
    parse_stamp,
    subject_message,
)
from archive.stamps.rfc3161 import Root

JsonObject = dict[str, Any]
Random = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Made:
    """What one clock did: `stamped` by an authority, `promised` by a calendar; notes are for the user."""

    clock: str
    kind: str
    state: str
    notes: tuple[str, ...] = ()

    def to_json(self) -> JsonObject:
        return {"clock": self.clock, "kind": self.kind, "state": self.state, "notes": list(self.notes)}


@dataclass(frozen=True, slots=True)
class Stamped:
    """New entries for a bundle's `stamps`, what each clock did, and which did not."""

    stamps: tuple[JsonObject, ...]
    made: tuple[Made, ...]
    failures: tuple[tuple[str, ArchiveError], ...]


def stamp_root(root: str, clocks: ClockConfig, roots: Sequence[Root], *, random: Random = os.urandom) -> Stamped:
    """Ask every configured clock at once; those that cannot be reached are named, the others' stamps are kept.

    Args:
        root: 64 hex digits.
        roots: the time-stamp roots that are trusted here; a token of another authority is kept, and said to be so.

    Raises:
        MissingDependencyError: the extra `stamps` is not installed.
    """
    if clocks.authorities:
        from archive.stamps.rfc3161 import require_library

        require_library()
    if clocks.calendars:
        ots.require_library()
    message = subject_message(root)
    nonce = random(ots.NONCE_BYTES)
    digest = ots.nonced_digest(root, nonce)
    failures: list[tuple[str, ArchiveError]] = []
    made: list[Made] = []
    stamps: list[JsonObject] = []
    with ThreadPoolExecutor(max_workers=max(1, len(clocks.names))) as pool:
        tokens = [(a, pool.submit(request_token, a, message, roots)) for a in clocks.authorities]
        promises = [(c, pool.submit(submit, c, digest)) for c in clocks.calendars]
    for authority, token in tokens:
        try:
            new: NewToken = token.result()
        except ArchiveError as error:
            failures.append((authority.name, error))
            continue
        stamps.append(Rfc3161Stamp(new.token).to_json())
        made.append(Made(authority.name, "rfc3161", new.checked.note, new.notes))
    answers: list[tuple[CalendarConfig, bytes]] = []
    for calendar, promise in promises:
        try:
            answer = promise.result()
            ots.new_proof(root, [*((c.name, a) for c, a in answers), (calendar.name, answer)], nonce)
        except ArchiveError as error:
            failures.append((calendar.name, error))
            continue
        answers.append((calendar, answer))
        made.append(Made(calendar.name, "opentimestamps", "promised: it proves something once it is in a block"))
    if answers:
        proof = ots.new_proof(root, [(c.name, a) for c, a in answers], nonce)
        stamps.append(OtsStamp(proof).to_json())
    if clocks.calendars and len(answers) < clocks.minimum_calendars:
        too_few = UnreachableError(
            f"{len(answers)} of {len(clocks.calendars)} calendars answered, {clocks.minimum_calendars} are asked for",
            code="stamp.too_few_calendars",
            hint="what came is kept; 'archive stamp add BUNDLE' asks again",
        )
        failures.append(("calendars", too_few))
    return Stamped(tuple(stamps), tuple(made), tuple(failures))


def root_of(bundle: ProofBundle) -> str:
    """The root recomputed from the bundle's entries: what a bundle claims is never stamped. Raises `stamp.bundle`."""
    from archive.package import canonical, merkle

    root = merkle.merkle_root([merkle.leaf_hash(canonical.dumps(value)) for value in bundle.entries]).hex()
    if root != bundle.root:
        raise InvalidInputError(
            f"the bundle claims another root than its entries have (expected {bundle.root}, found {root})",
            code="stamp.bundle",
            hint="nothing was stamped; 'archive verify' says more",
        )
    return root


def with_stamps(bundle: ProofBundle, stamps: Sequence[Mapping[str, Any]]) -> ProofBundle:
    """The bundle with these stamps instead, checked like one that was read. The same stamp twice is kept once."""
    kept: list[JsonObject] = []
    for stamp in stamps:
        if stamp not in kept:
            kept.append(dict(stamp))
    return parse_bundle(replace(bundle, stamps=tuple(kept)).to_bytes())


@dataclass(frozen=True, slots=True)
class Upgraded:
    """The stamps after asking the calendars. `completed` counts proofs that gained something.

    `waiting` are calendars that have nothing yet, `strangers` addresses in a proof that were not asked.
    """

    stamps: tuple[JsonObject, ...]
    pending: int
    completed: int
    waiting: tuple[str, ...]
    strangers: tuple[str, ...]
    failures: tuple[tuple[str, ArchiveError], ...]


def upgrade(stamps: Sequence[JsonObject], calendars: Sequence[str], *, again: bool = False) -> Upgraded:
    """Ask the calendars about everything pending.

    Args:
        calendars: addresses that may be asked beside the public ones.
        again: ask also about proofs that are complete, whose blocks may have been wrong.
    """
    asker = Asker(calendars)
    out: list[JsonObject] = []
    completed = pending = 0
    failures: list[tuple[str, ArchiveError]] = []
    for value in stamps:
        stamp = _known(value)
        if not isinstance(stamp, OtsStamp):
            out.append(value)
            continue
        try:
            proof, added = ots.complete(stamp.proof, asker, again=again, refuse=asker.refuse)
            pending += bool(ots.parse_proof(proof).pending)
        except ArchiveError as error:
            failures.append(("proof", error))
            out.append(value)
            continue
        completed += bool(added)
        out.append(OtsStamp(proof).to_json())
    return Upgraded(
        tuple(out),
        pending,
        completed,
        tuple(dict.fromkeys(asker.waiting)),
        tuple(dict.fromkeys(asker.strangers)),
        (*failures, *asker.failures),
    )


@dataclass(frozen=True, slots=True)
class Renewed:
    """The stamps after renewing, what the authority did, and for which it failed."""

    stamps: tuple[JsonObject, ...]
    made: tuple[Made, ...]
    failures: tuple[tuple[str, ArchiveError], ...]


def renew(
    stamps: Sequence[JsonObject],
    root: str,
    authority: AuthorityConfig,
    roots: Sequence[Root],
    *,
    only: int | None = None,
) -> Renewed:
    """A new token over each RFC 3161 stamp and all that it holds.

    Args:
        only: the place of the one stamp to renew, counted from 1.

    Raises:
        UsageError: `stamp.nothing_to_renew`.
    """
    out: list[JsonObject] = []
    made: list[Made] = []
    failures: list[tuple[str, ArchiveError]] = []
    found = False
    for number, value in enumerate(stamps, start=1):
        stamp = _known(value)
        if not isinstance(stamp, Rfc3161Stamp) or only not in (None, number):
            out.append(value)
            continue
        found = True
        if len(stamp.renewals) >= MAX_RENEWALS:
            error = UsageError(f"stamp {number} was renewed {MAX_RENEWALS} times", code="stamp.too_many_renewals")
            failures.append((authority.name, error))
            out.append(value)
            continue
        try:
            new = request_token(authority, stamp.renewal_message(subject_message(root), len(stamp.renewals)), roots)
        except ArchiveError as error:
            failures.append((authority.name, error))
            out.append(value)
            continue
        out.append(replace(stamp, renewals=(*stamp.renewals, new.token)).to_json())
        made.append(Made(authority.name, "rfc3161", f"stamp {number} renewed: {new.checked.note}", new.notes))
    if not found:
        raise UsageError(
            "there is no RFC 3161 stamp to renew",
            code="stamp.nothing_to_renew",
            hint="'archive stamp show BUNDLE' lists the stamps; OpenTimestamps proofs do not age",
        )
    return Renewed(tuple(out), tuple(made), tuple(failures))


def _known(value: JsonObject) -> Rfc3161Stamp | OtsStamp | object:
    """The parsed stamp; of a kind from a later version, nothing: it is carried through as it is."""
    try:
        return parse_stamp(value)
    except InvalidInputError as error:
        if is_unknown(error.code):
            return None
        raise
