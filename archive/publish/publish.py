"""`archive publish` as one call: check, scan, show, ask, then let the engine do it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archive.bundle import read_bundle
from archive.chain.networks import Network, get_network
from archive.chain.sending import WaitProgress
from archive.errors import ArchiveError, UsageError
from archive.package.build import Package, build_package
from archive.package.entries import EvidenceEntry
from archive.package.hashing import Progress
from archive.package.seal import Seal
from archive.publish import blocks, engine, seals
from archive.publish.findings import require_findings
from archive.publish.history import check_previous, require_previous
from archive.publish.inputs import (
    Draft,
    open_draft,
    package_input,
    parse_waivers,
    require_bytes,
    scan,
    with_waivers,
    write_waivers,
)
from archive.publish.journal import Journal
from archive.publish.keep import local_pin
from archive.publish.plan import Plan, PlannedFile, PlannedReference, PlannedStore, PlannedWithheld
from archive.publish.ports import Intent, Quote
from archive.publish.wiring import (
    LazyAccount,
    RegistryPort,
    StoreTarget,
    choose_stores,
    make_tools,
    open_registry,
    require_clocks,
    store_cost,
)
from archive.stamps.config import load_clock_config
from archive.stamps.stamping import Made
from archive.stores.base import Pin
from archive.stores.config import open_stores
from archive.workspace import Workspace, write_atomic

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount


def _silent(*_: object) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for.

    `stores`: names, empty for all that are configured. `confirmations`: None for the network's own rule. `out`: where
    to put a copy of the proof bundle. `waive`, `reason`, `by`: which hits of the scan may pass, why, and who says so.
    """

    folder: Path
    network: str = "local"
    stores: tuple[str, ...] = ()
    wallet: str | None = None
    waive: tuple[str, ...] = ()
    reason: str | None = None
    by: str | None = None
    confirmations: int | None = None
    out: Path | None = None
    restart: bool = False
    unknown_previous: bool = False
    not_before: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Talk:
    """How the user is spoken with.

    Args:
        confirm: shown the plan before anything permanent; False stops.
        unlock: opens the wallet with this address, asking for its password.
        step: told of each step that is done.
        hashing: bytes done and in all, while files are hashed.
        waiting: told while the chain is waited for.
    """

    confirm: Callable[[Plan], bool]
    unlock: Callable[[Workspace, str], LocalAccount]
    step: Callable[[str], None] = _silent
    hashing: Progress | None = None
    waiting: WaitProgress | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """What is published now. `already` when nothing had to be done; `failures` by store, `clock_failures` by clock."""

    journal: Journal
    bundle: Path
    pins: tuple[Pin, ...]
    already: bool
    failures: tuple[tuple[str, ArchiveError], ...]
    embedded: bool
    withheld: int
    out: Path | None = None
    stamped: tuple[Made, ...] = ()
    clock_failures: tuple[tuple[str, ArchiveError], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The keys that others rely on are in docs/cli.md."""
        journal, packed, final, bundle = self.journal, self.journal.packed, self.journal.final, self.journal.bundle
        if packed is None or final is None or bundle is None:
            raise ValueError("only a finished publication has a result")
        return {
            "incident": journal.incident,
            "revision": journal.revision,
            "network": journal.network,
            "root": packed.root,
            "previous_root": packed.previous_root,
            "content_id": packed.content_id,
            "bundle": str(self.bundle),
            "bundle_cid": bundle.cid,
            "out": None if self.out is None else str(self.out),
            "anchor": {
                "chain_id": journal.chain_id,
                "genesis": journal.genesis,
                "registry": journal.registry,
                "publisher": journal.publisher,
                "transaction": final.transaction,
                "block": final.block,
                "block_hash": final.block_hash,
                "timestamp": final.timestamp,
                "final_by": final.rule,
            },
            "proves_time": not self.embedded,
            "pins": [pin.to_json() for pin in self.pins],
            "bundle_pins": [pin.model_dump(mode="json") for pin in journal.bundle_pins],
            "catalogue": {
                "cid": journal.catalogue.cid if journal.catalogue else None,
                "pins": [pin.model_dump(mode="json") for pin in journal.catalogue_pins],
            },
            "read_back": [check.model_dump(mode="json") for check in journal.read_back],
            "operators": journal.operators,
            "waived": list(journal.waived),
            "already_published": self.already,
            "stamps": [made.to_json() for made in self.stamped],
            "clock_failures": [{"clock": clock, **error.to_json()} for clock, error in self.clock_failures],
            "failures": [{"store": store, **error.to_json()} for store, error in self.failures],
        }


def plan_only(workspace: Workspace, options: Options, talk: Talk) -> Plan:
    """The plan and nothing else: nothing is written, signed or sent, and no password is asked for."""
    draft, waived = _read(workspace, options)
    stores = open_stores(workspace)
    targets = choose_stores(stores, options.stores, announce=talk.step)
    network = _network(workspace, options)
    with _look(workspace, network, options, talk) as (port, publisher):
        seal = _seal(workspace, draft, publisher, options, write=False)
        knows_root = publisher is not None and (seal.kept or not draft.withheld_items)
        package = build_package(package_input(draft), seal.value, progress=talk.hashing)
        quote: Quote | None = None
        done: tuple[str, ...] = ()
        if port is not None:
            journal = engine.check_resumable(workspace, package, port, restart=options.restart)
            done = _done(journal)
            check_previous(workspace, draft.record, port, unknown=options.unknown_previous)
            intent = _intent(package)
            quote = None if port.find(intent) else port.quote(intent)
        return _plan(
            draft,
            package,
            targets,
            network,
            port,
            publisher,
            quote,
            waived,
            done,
            knows_root=knows_root,
            clocks=load_clock_config(workspace).names,
        )


def publish(workspace: Workspace, options: Options, talk: Talk) -> Published | None:
    """Publish a dossier, or go on where an earlier run stopped. None when the user said no.

    Raises:
        InvalidInputError: `publish.check_failed`, `pack.file_missing`, `package.changed_while_read`, …
        RefusedError: `publish.secret_found`, `publish.dossier_changed`, `publish.wrong_previous`,
            `publish.previous_unknown`, what the registry or the chain refuses.
        UnreachableError: the chain does not answer; what was done is in the journal.
    """
    draft, waived = _read(workspace, options)
    stores = open_stores(workspace)
    targets = choose_stores(stores, options.stores, announce=talk.step)
    network = _network(workspace, options)
    _check_out(options.out)
    require_clocks(workspace)
    with (
        workspace.lock("publish"),
        open_registry(
            network,
            workspace,
            _wallet(workspace, network, options, talk),
            progress=talk.waiting,
            warn=talk.step,
        ) as (
            port,
            account,
        ),
    ):
        _check_wallet(options, port)
        seal = _seal(workspace, draft, port.publisher, options)
        package = build_package(package_input(draft), seal.value, progress=talk.hashing)
        journal = engine.check_resumable(workspace, package, port, restart=options.restart)
        if journal is None or not journal.may_be_anchored:
            check_previous(workspace, draft.record, port, unknown=options.unknown_previous)
        if not _agreed(journal, targets):
            intent = _intent(package)
            quote = None
            if not (journal and journal.final) and port.find(intent) is None:
                quote = port.quote(intent)
                port.require_funds(intent)
            plan = _plan(
                draft,
                package,
                targets,
                network,
                port,
                port.publisher,
                quote,
                waived,
                _done(journal),
                clocks=load_clock_config(workspace).names,
            )
            if not talk.confirm(plan):
                return None
        write_waivers(draft)
        seals.save_seal(workspace, draft.record.id, _kept_seal(seal.value, seal.before, network))
        tools = make_tools(workspace, stores, package, account, notify=talk.step, progress=talk.hashing)
        outcome = engine.run(workspace, package, port, targets, tools, waived=waived, restart=options.restart)
    if options.out is not None:
        write_atomic(options.out, outcome.bundle.read_bytes())
    return Published(
        journal=outcome.journal,
        bundle=outcome.bundle,
        pins=(local_pin(stores.local, package.content_id), *_pins(outcome.journal)),
        already=outcome.already,
        failures=outcome.failures,
        stamped=outcome.stamped,
        clock_failures=outcome.clock_failures,
        embedded=port.embedded,
        withheld=len(package.withheld),
        out=options.out,
    )


def _read(workspace: Workspace, options: Options) -> tuple[Draft, tuple[str, ...]]:
    waivers = parse_waivers(options.waive, options.reason, options.by)
    draft = with_waivers(open_draft(options.folder, code="publish.check_failed"), waivers)
    require_previous(workspace, draft.record)
    require_bytes(draft)
    require_findings(draft)
    return draft, scan(draft, waivers.names)


def _network(workspace: Workspace, options: Options) -> Network:
    network = get_network(workspace, options.network)
    # The embedded chain only moves when something is sent: waiting for further blocks would never end.
    if options.confirmations is not None and not network.embedded:
        network = replace(network, confirmations=options.confirmations)
    return network


def _check_wallet(options: Options, port: RegistryPort) -> None:
    if port.embedded and options.wallet is not None and options.wallet.lower() != port.publisher:
        raise UsageError(
            f"--wallet: the network 'local' has one key of its own, {port.publisher}",
            code="publish.wallet_on_local",
            hint="leave --wallet out, or choose another --network",
        )


def _wallet(workspace: Workspace, network: Network, options: Options, talk: Talk) -> LazyAccount | None:
    if network.embedded:
        return None
    from archive.chain.keystore import find_wallet

    address = find_wallet(workspace, options.wallet).address
    return LazyAccount(address, lambda: talk.unlock(workspace, address))


@contextmanager
def _look(
    workspace: Workspace, network: Network, options: Options, talk: Talk
) -> Iterator[tuple[RegistryPort | None, str | None]]:
    """The registry for a look; nothing of it and no key where the embedded chain was never made."""
    if network.embedded:
        from archive.chain.local_headers import database_path

        if not database_path(workspace).exists():
            yield None, None
            return
    with open_registry(network, workspace, _wallet(workspace, network, options, talk)) as (port, _):
        _check_wallet(options, port)
        yield port, port.publisher


@dataclass(frozen=True, slots=True)
class _Sealed:
    value: Seal
    before: Seal | None

    @property
    def kept(self) -> bool:
        return self.before is not None


def _seal(
    workspace: Workspace, draft: Draft, publisher: str | None, options: Options, *, write: bool = True
) -> _Sealed:
    """The incident's seal, with this publisher; a new one, not yet written, when there is none."""
    incident, revision = draft.record.id, draft.record.revision
    held = seals.load_seal(workspace, incident)
    seal = replace(held or seals.new_seal(), publisher=publisher)
    texts, restart = options.not_before, options.restart
    return _Sealed(blocks.into_seal(workspace, seal, incident, revision, texts, restart=restart, write=write), held)


def _kept_seal(seal: Seal, before: Seal | None, network: Network) -> Seal:
    """A rehearsal on the embedded chain does not replace the publisher of a real publication."""
    if network.embedded and before is not None and before.publisher is not None:
        return replace(before, not_before=seal.not_before)
    return seal


def _intent(package: Package) -> Intent:
    header = package.header
    return Intent(header.incident, package.root, header.previous_root, package.content_digest)


def _agreed(journal: Journal | None, targets: Sequence[StoreTarget]) -> bool:
    """Whether the user said yes to this before: then an interrupted run goes on without asking again."""
    return journal is not None and journal.may_be_anchored and {t.name for t in targets} <= set(journal.stores)


def _done(journal: Journal | None) -> tuple[str, ...]:
    if journal is None:
        return ()
    steps = {
        "packed": journal.packed,
        "anchored": journal.final,
        "proof bundle written": journal.bundle,
        **{f"stored in {pin.store}": pin.verified for pin in journal.pins},
    }
    return tuple(name for name, value in steps.items() if value)


def _check_out(out: Path | None) -> None:
    """Before anything is done: a file that is no proof bundle is never overwritten."""
    if out is None:
        return
    if not out.absolute().parent.is_dir():
        raise UsageError(f"--out {out}: there is no such folder", code="publish.bad_out", hint="make the folder first")
    if out.exists():
        try:
            read_bundle(out)
        except ArchiveError:
            raise UsageError(
                f"--out {out}: is there already and is no proof bundle",
                code="publish.bad_out",
                hint="choose another name",
            ) from None


def _pins(journal: Journal) -> tuple[Pin, ...]:
    return tuple(
        Pin(p.store, p.locator, p.content_id, p.operator, p.verified, p.status, p.detail) for p in journal.pins
    )


def _plan(
    draft: Draft,
    package: Package,
    targets: Sequence[StoreTarget],
    network: Network,
    port: RegistryPort | None,
    publisher: str | None,
    quote: Quote | None,
    waived: tuple[str, ...],
    done: tuple[str, ...],
    *,
    knows_root: bool = True,
    clocks: tuple[str, ...] = (),
) -> Plan:
    media = {entry.path: entry.media_type for entry in package.entries if isinstance(entry, EvidenceEntry)}
    files = tuple(
        PlannedFile(file.path, file.digest.size, media.get(file.path, "application/json")) for file in package.files
    )
    withheld = tuple(
        PlannedWithheld(item.entry.id, item.entry.path, item.commitment if knows_root else None)
        for item in package.withheld
    )
    references = tuple(
        PlannedReference(item.id, item.reference.size, item.reference.sha256)
        for item in draft.referenced_items
        if item.reference is not None
    )
    return Plan(
        incident=draft.record.id,
        revision=draft.record.revision,
        title=draft.title,
        previous_root=package.header.previous_root,
        root=package.root if knows_root else None,
        content_id=package.content_id if knows_root else None,
        files=files,
        withheld=withheld,
        references=references,
        waived=waived,
        stores=(
            PlannedStore("local", "this workspace", public=False),
            *(
                PlannedStore(target.name, target.operator, public=True, cost=store_cost(target.writer, package))
                for target in targets
            ),
        ),
        network=network.name,
        chain_id=network.chain_id,
        registry=None if port is None else port.registry,
        publisher=publisher,
        embedded=network.embedded,
        quote=quote,
        done=done,
        clocks=clocks,
        not_before=tuple(f"{b.chain} block {b.height}" for b in package.header.not_before),
    )
