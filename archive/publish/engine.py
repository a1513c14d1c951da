"""The state machine that drives a package from the local store onto the chain and out to the stores.

Steps, in order; each is written to the journal before the next begins:

```
packed → signed → anchored → final → stamped → bundle → pinned (each store: package, then bundle) → read back
       → catalogued → catalogue pinned (each store)
```
The bundle comes before the uploads because nodes forget transactions and receipts within days or hours, and an upload
can take long. Nothing is public before `final`: nobody can anchor a package they saw on a store first.

Finality by a number of confirmations can be lost to a deep reorganisation. Whether the anchor's block still stands is
asked at the start, after the bundle was collected and at the end; where it does not, the steps from `anchored` on are
done again, with the same signed transaction.

Running it again after a crash at any point does what is missing and nothing twice: the registry is asked before
anything is signed, the signed bytes are kept and sent again, and stores take the same bytes as often as they are given.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from archive.bundle import ProofBundle, build_bundle, read_bundle
from archive.errors import ArchiveError, InternalError, InvalidInputError, RefusedError, UnreachableError
from archive.package import canonical
from archive.package.entries import ContentEntry, Header
from archive.publish.journal import (
    Anchored,
    Bundled,
    Catalogued,
    Checked,
    Journal,
    Packed,
    Pinned,
    Signed,
    journal_path,
    load_journal,
    save_journal,
    set_aside,
)
from archive.publish.keep import KeptCar
from archive.publish.ports import ChainPort, Intent, StorePort
from archive.stamps.stamping import Made, Stamped
from archive.stores.base import Pin
from archive.stores.readback import ReadBack
from archive.workspace import Workspace, write_atomic

# A reorganisation or a replaced transaction sends the anchor step back to asking the registry; not for ever.
MAX_ANCHOR_ROUNDS = 5
MAX_PRICE_RAISES = 6
PRICE_RAISE_PERCENT = 25


class PackagePort(Protocol):
    """The built package, as `archive.package.build.Package` is."""

    @property
    def header(self) -> Header: ...
    @property
    def root(self) -> str: ...
    @property
    def content_id(self) -> str: ...
    @property
    def content_digest(self) -> bytes: ...
    @property
    def record_json(self) -> bytes: ...
    @property
    def directory(self) -> Sequence[tuple[str, str, int]]: ...

    @property
    def entries(self) -> Sequence[ContentEntry]:
        """All leaves after the header."""
        ...


@dataclass(frozen=True, slots=True)
class FileIdentity:
    """CID, SHA-256 (64 hex digits) and size in bytes of a file."""

    cid: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Tools:
    """What the engine does through others.

    Args:
        keep: puts the package into the local store; quick when a CAR of the given SHA-256 is there.
        keep_file: puts a file into the local store.
        recall_file: the bytes of a file that was put there, by CID, or None.
        read_back: downloads the package again from every other place that can be asked; not called without stores.
        identify: CID, hash and size of a file.
        self_check: raises when the verifier's pure checks do not hold for the bundle.
        update_catalogue: adds this publication to the signed catalogue and returns its file; adding it again changes
            nothing.
        notify: told of each step once it is written down.
        stamp: has the configured clocks stamp the root; with none configured it gives nothing.
    """

    keep: Callable[[str | None], KeptCar]
    keep_file: Callable[[Path, str], None]
    recall_file: Callable[[str], bytes | None]
    identify: Callable[[Path], FileIdentity]
    read_back: Callable[[Journal], ReadBack]
    self_check: Callable[[ProofBundle], None]
    update_catalogue: Callable[[Journal], Path]
    notify: Callable[[str], None] = field(default=lambda step: None)
    stamp: Callable[[], Stamped] = field(default=lambda: Stamped((), (), ()))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done.

    `already` is True when nothing had to be done. `failures` names each store that did not take the package (or
    bundle), with the error; everything else is done and stays done. `stamped` and `clock_failures` are of this run.
    """

    journal: Journal
    bundle: Path
    already: bool
    failures: tuple[tuple[str, ArchiveError], ...]
    stamped: tuple[Made, ...] = ()
    clock_failures: tuple[tuple[str, ArchiveError], ...] = ()


def run(
    workspace: Workspace,
    package: PackagePort,
    chain: ChainPort,
    stores: Sequence[StorePort],
    tools: Tools,
    *,
    waived: Sequence[str] = (),
    restart: bool = False,
) -> Outcome:
    """Publish, or go on with a publication that was interrupted.

    Raises:
        RefusedError: `publish.dossier_changed`, `publish.other_chain`, `publish.other_wallet`,
            `publish.cannot_restart`, or what the registry refuses.
        InvalidInputError: `publish.journal_damaged`, `publish.self_check`, or a wrong answer of a node.
        UnreachableError: the chain does not answer; everything so far is in the journal.
    """
    publication = _Publication(workspace, package, chain, stores, tools)
    return publication.run(tuple(waived), restart=restart)


def check_resumable(
    workspace: Workspace, package: PackagePort, chain: ChainPort, *, restart: bool = False
) -> Journal | None:
    """The journal that `run` would go on with, or None for a fresh start; raises where `run` would refuse."""
    header = package.header
    path = journal_path(workspace, header.incident, header.revision, chain.network)
    try:
        journal = load_journal(path)
    except InvalidInputError:
        if restart:
            return None
        raise
    if journal is None:
        return None
    refusal = _refusal(journal, package, chain)
    if refusal is None:
        return journal
    if not restart:
        raise refusal
    if journal.may_be_anchored and refusal.code != "publish.other_chain":
        raise RefusedError(
            f"{header.incident} revision {header.revision}: cannot be begun again: its anchor is signed or on chain",
            code="publish.cannot_restart",
            hint=_new_revision_hint(journal),
        )
    return None


def _refusal(journal: Journal, package: PackagePort, chain: ChainPort) -> RefusedError | None:
    """Why this journal does not fit this package and chain, or None."""
    name = f"{journal.incident} revision {journal.revision}"
    if (journal.chain_id, journal.genesis, journal.registry) != (chain.chain_id, chain.genesis, chain.registry):
        return RefusedError(
            f"{name}: was begun on another chain or registry of the name {journal.network!r} "
            f"(registry {journal.registry}, genesis {journal.genesis}; now {chain.registry}, {chain.genesis})",
            code="publish.other_chain",
            hint="check the network's configuration; if that chain is gone (a test chain that was reset), "
            "add --restart: the old journal is kept beside the new one",
        )
    if journal.publisher != chain.publisher:
        return RefusedError(
            f"{name}: was begun with the key {journal.publisher}, not {chain.publisher}",
            code="publish.other_wallet",
            hint=f"use --wallet {journal.publisher}",
        )
    if journal.packed is not None and journal.packed.root != package.root:
        hint = _new_revision_hint(journal)
        if not journal.may_be_anchored:
            hint = "nothing was anchored yet: add --restart to publish the dossier as it is now"
        return RefusedError(
            f"{name}: the dossier has changed since its publication began "
            f"(root then {journal.packed.root}, now {package.root})",
            code="publish.dossier_changed",
            hint=hint,
        )
    return None


def _new_revision_hint(journal: Journal) -> str:
    root = journal.packed.root if journal.packed else "ROOT"
    if journal.final is None:
        return (
            "put the dossier back as it was and run the same command to complete it; then publish the change as "
            f"revision {journal.revision + 1} with 'supersedes: {root}'"
        )
    return (
        f"published revisions never change: set 'revision: {journal.revision + 1}' and 'supersedes: {root}' in the "
        "dossier, and add a reason under 'revisions'"
    )


class _Publication:
    def __init__(
        self,
        workspace: Workspace,
        package: PackagePort,
        chain: ChainPort,
        stores: Sequence[StorePort],
        tools: Tools,
    ) -> None:
        header = package.header
        self._workspace = workspace
        self._package = package
        self._chain = chain
        self._stores = stores
        self._tools = tools
        self._path = journal_path(workspace, header.incident, header.revision, chain.network)
        self._journal = Journal(
            incident=header.incident,
            revision=header.revision,
            network=chain.network,
            chain_id=chain.chain_id,
            genesis=chain.genesis,
            registry=chain.registry,
            publisher=chain.publisher,
        )
        self._intent = Intent(header.incident, package.root, header.previous_root, package.content_digest)
        self._worked = False
        self._pinned = False
        self._clocks = Stamped((), (), ())

    def run(self, waived: tuple[str, ...], *, restart: bool) -> Outcome:
        held = check_resumable(self._workspace, self._package, self._chain, restart=restart)
        if held is None:
            set_aside(self._path)
        else:
            self._journal = held
        agreed = tuple(dict.fromkeys((*self._journal.stores, *(store.name for store in self._stores))))
        self._journal = self._journal.model_copy(update={"stores": agreed})
        car = self._keep(waived)
        for _ in range(MAX_ANCHOR_ROUNDS):
            self._drop_what_was_reorganised()
            self._anchor()
            bundle = self._bundle()
            if bundle is None:
                continue
            failures = self._pin(car, bundle)
            failures += self._read_back()
            failures += self._catalogue({name for name, _ in failures})
            # Uploads can take long, and what was published must still be true at their end.
            if not self._drop_what_was_reorganised():
                already = not self._worked and not failures
                clocks = self._clocks
                return Outcome(self._journal, bundle, already, tuple(failures), clocks.made, clocks.failures)
        raise self._unsettled()

    def _drop_what_was_reorganised(self) -> bool:
        """Forget anchor, bundle and catalogue entry when the chain no longer has the anchor's block. True if it had to.

        Finality by confirmations is a wager, and it can be lost. The signed transaction is kept: when it was dropped it
        is sent again, when it is in another block now the registry tells where.
        """
        final = self._journal.final
        if final is None or self._chain.stands(final):
            return False
        self._write(
            "reorganised",
            anchored=None,
            final=None,
            bundle=None,
            catalogued=False,
            catalogue=None,
            catalogue_pins=(),
        )
        return True

    def _unsettled(self) -> UnreachableError:
        return UnreachableError(
            f"{self._intent.incident}: the anchor did not stay in the chain in {MAX_ANCHOR_ROUNDS} attempts",
            code="publish.unsettled",
            hint="the chain is being reorganised; run the same command again later to go on",
        )

    def _write(self, step: str, **changes: object) -> None:
        self._journal = self._journal.model_copy(update=changes)
        save_journal(self._path, self._journal)
        self._worked = True
        self._tools.notify(step)

    def _keep(self, waived: tuple[str, ...]) -> KeptCar:
        held = self._journal.packed
        car = self._tools.keep(held.car_sha256 if held else None)
        if held is None:
            packed = Packed(
                root=self._package.root,
                content_id=self._package.content_id,
                previous_root=self._package.header.previous_root,
                header_publisher=self._package.header.publisher,
                car_sha256=car.sha256,
                car_size=car.size,
            )
            self._write("packed", packed=packed, waived=waived)
        elif held.car_sha256 != car.sha256:
            raise InternalError(
                f"{self._package.content_id}: the CAR differs from the one packed before "
                f"(expected {held.car_sha256}, found {car.sha256})",
                code="publish.car_differs",
            )
        return car

    def _anchor(self) -> None:
        """From packed to final. Safe to enter in any state; the registry decides what is left to do."""
        for _ in range(MAX_ANCHOR_ROUNDS):
            if self._journal.final is not None:
                return
            anchored = self._chain.find(self._intent) or self._mine()
            if anchored is None:
                continue
            if anchored != self._journal.anchored:
                self._write("anchored", anchored=anchored)
            final = self._chain.wait_final(anchored)
            if final is not None:
                self._write("final", final=final)
        if self._journal.final is None:
            raise self._unsettled()

    def _mine(self) -> Anchored | None:
        """Sign (once), send and wait. None when the signed transaction can never be mined and was dropped."""
        signed = self._journal.signed
        if signed is None:
            signed = self._chain.sign(self._intent)
            self._write("signed", signed=signed)
        try:
            signed = self._send(signed)
            self._tools.notify("sent")
            return self._chain.wait_mined(signed, self._intent)
        except ArchiveError as error:
            if error.code != "chain.nonce_taken":
                last = self._journal.signed
                if isinstance(error, RefusedError) and last is not None and self._chain.failed(last):
                    self._write("signature dropped", signed=None)
                raise
        # Another transaction of this key took the nonce, so these bytes are dead and a new signature pays only once.
        self._write("signature dropped", signed=None)
        return None

    def _send(self, signed: Signed) -> Signed:
        """Send; where the node wants a higher price, sign anew for the same nonce, up to the network's cap."""
        for turn in range(1, MAX_PRICE_RAISES + 1):
            try:
                self._chain.send(signed)
            except RefusedError as error:
                if error.code != "chain.underpriced" or turn == MAX_PRICE_RAISES:
                    raise
                signed = self._chain.sign(self._intent, replaces=signed, raise_percent=turn * PRICE_RAISE_PERCENT)
                self._write("signed", signed=signed)
            else:
                break
        return signed

    def _bundle(self) -> Path | None:
        """Write the proof bundle unless the one in the journal is still there; None when the anchor's block is gone."""
        done = self._journal.bundle
        if done is not None:
            path = self._workspace.root / done.path
            if path.exists() and read_bundle(path).root == self._package.root:
                return path
            # From the local store first: a node may have forgotten the transaction by now.
            kept = self._tools.recall_file(done.cid)
            if kept is not None and hashlib.sha256(kept).hexdigest() == done.sha256:
                write_atomic(path, kept)
                return path
        final = self._journal.final
        if final is None:
            raise InternalError("the bundle was asked for before the anchor was final", code="publish.order")
        try:
            proof = self._chain.proof(final)
        except ArchiveError:
            # The node could not show it because there is nothing to show.
            if self._drop_what_was_reorganised():
                return None
            raise
        if self._drop_what_was_reorganised():
            return None
        path = self._bundle_path()
        anchors: list[Mapping[str, Any]] = [proof]
        stamps = self._stamps()
        if path.exists():
            before = read_bundle(path)
            anchors = _merged(before.anchors, proof)
            stamps = [*before.stamps, *(stamp for stamp in stamps if stamp not in before.stamps)]
        bundle = build_bundle(
            root=self._package.root,
            content_id=self._package.content_id,
            entries=[leaf.to_json() for leaf in (self._package.header, *self._package.entries)],
            record=canonical.loads(self._package.record_json, max_bytes=len(self._package.record_json)),  # type: ignore[arg-type]
            directory=self._package.directory,
            anchors=anchors,
            stamps=stamps,
        )
        self._tools.self_check(bundle)
        write_atomic(path, bundle.to_bytes())
        identity = self._tools.identify(path)
        self._tools.keep_file(path, identity.cid)
        recorded = Bundled(
            path=str(path.relative_to(self._workspace.root)),
            cid=identity.cid,
            sha256=identity.sha256,
            size=identity.size,
        )
        self._write("bundle", bundle=recorded)
        return path

    def _stamps(self) -> list[dict[str, Any]]:
        """The stamps of the configured clocks, asked once; a clock that is down never holds up a publication."""
        if self._journal.stamped is None:
            self._clocks = self._tools.stamp()
            if not self._clocks.stamps:
                return []
            self._write("stamped", stamped=self._clocks.stamps)
        return list(self._journal.stamped or ())

    def _bundle_path(self) -> Path:
        """`bundles/<id>-r<revision>.proof.json`; a bundle of another root there (a rehearsal) is not overwritten."""
        name = f"{self._journal.incident}-r{self._journal.revision}"
        path = self._workspace.bundles / f"{name}.proof.json"
        if path.exists() and read_bundle(path).root != self._package.root:
            return self._workspace.bundles / f"{name}-{self._journal.network}.proof.json"
        return path

    def _pin(self, car: KeptCar, bundle: Path) -> list[tuple[str, ArchiveError]]:
        failures: list[tuple[str, ArchiveError]] = []
        for store in self._stores:
            try:
                self._pin_one(store, car, bundle)
            except ArchiveError as error:
                # One store that is down must not keep the others from having the package.
                failures.append((store.name, error))
        return failures

    def _read_back(self) -> list[tuple[str, ArchiveError]]:
        """Ask every reader for the package until each gave it back after the last pin; a liar is named."""
        recorded = self._journal.read_back
        settled = bool(recorded) and all(check.status == "verified" for check in recorded)
        if not self._journal.pins or (settled and not self._pinned):
            return []
        worked = self._worked
        result = self._tools.read_back(self._journal)
        checks = tuple(
            Checked(store=r.store, operator=r.operator, status=r.status, independent=r.independent)
            for r in result.results
        )
        self._write("read back", read_back=checks, operators=result.operators)
        self._worked = worked
        return [
            (
                liar.store,
                InvalidInputError(
                    f"{liar.store}: gave other bytes than were published: {liar.message}",
                    code=liar.code or "publish.read_back",
                    hint="the publication stands; do not point readers to this place",
                ),
            )
            for liar in result.liars
        ]

    def _catalogue(self, failed: set[str]) -> list[tuple[str, ArchiveError]]:
        """List the publication, and put the catalogue where the package is: it is what makes the package findable.

        A store that did not take the package is not asked again in this run.
        """
        if not self._journal.catalogued:
            self._tools.update_catalogue(self._journal)
            self._write("catalogued", catalogued=True)
        asked = [store for store in self._stores if store.name not in failed]
        held = {pin.store for pin in self._journal.catalogue_pins if pin.verified}
        missing = [store for store in asked if store.name not in held]
        if not missing and self._journal.catalogue is not None:
            return []
        path = self._tools.update_catalogue(self._journal)
        identity = self._tools.identify(path)
        # A later publication of the same key may have added to it since an interrupted run: the newest is given.
        catalogue = Catalogued(cid=identity.cid, sha256=identity.sha256, size=identity.size)
        if catalogue != self._journal.catalogue:
            self._tools.keep_file(path, identity.cid)
            self._write("catalogue kept", catalogue=catalogue)
        failures: list[tuple[str, ArchiveError]] = []
        for store in missing:
            try:
                pin = store.put_file(path, identity.cid)
                self._write(f"catalogue pinned:{store.name}", catalogue_pins=_with(self._journal.catalogue_pins, pin))
                _require_verified(pin)
            except ArchiveError as error:
                failures.append((store.name, error))
        return failures

    def _pin_one(self, store: StorePort, car: KeptCar, bundle: Path) -> None:
        recorded = self._journal.bundle
        if recorded is None:
            raise InternalError("stores were asked before the bundle was written", code="publish.order")
        held = self._journal.pin(store.name)
        if held is None or not held.verified:
            pin = store.put_package(car.path, self._package.content_id, self._package.root)
            self._pinned = True
            self._write(f"pinned:{store.name}", pins=_with(self._journal.pins, pin))
            _require_verified(pin)
        held = self._journal.bundle_pin(store.name)
        if held is None or not held.verified or held.content_id != recorded.cid:
            pin = store.put_file(bundle, recorded.cid)
            self._write(f"bundle pinned:{store.name}", bundle_pins=_with(self._journal.bundle_pins, pin))
            _require_verified(pin)


def _merged(anchors: Sequence[Mapping[str, Any]], new: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The anchors with `new` in place of an earlier proof of the same registry on the same chain."""

    def place(anchor: Mapping[str, Any]) -> tuple[object, ...]:
        return (anchor.get("kind"), anchor.get("chain_id"), anchor.get("genesis"), anchor.get("registry"))

    return [anchor for anchor in anchors if place(anchor) != place(new)] + [new]


def _with(pins: tuple[Pinned, ...], pin: Pin) -> tuple[Pinned, ...]:
    return (*(held for held in pins if held.store != pin.store), Pinned.from_pin(pin))


def _require_verified(pin: Pin) -> None:
    if not pin.verified:
        detail = f": {pin.detail}" if pin.detail else ""
        raise UnreachableError(
            f"{pin.store}: took it, but it could not be downloaded again yet{detail}",
            code="publish.pin_unverified",
            hint="run the same command again later; it asks this store again and sends nothing twice",
        )
