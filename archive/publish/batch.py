"""`archive publish DIR… --batch`: several packages under one anchor, each with its own bundle, stores and journal.

Each package goes through the same engine as one that is published alone; only its way into the registry differs. Where
the same folders are published again after an interruption, the same batch comes out and the same transaction is used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from archive.chain.acting import locate_batch
from archive.chain.acts import ActsReader, BatchEntry
from archive.chain.batch import Batch, Member
from archive.chain.collect import collect_anchor_proof
from archive.chain.local_headers import database_path
from archive.chain.registry import BatchCall, incident_key
from archive.chain.sending import Estimate, Mined, SignedTransaction, failed_error
from archive.errors import RefusedError, UsageError
from archive.package.build import Package, build_package
from archive.publish import engine, publish, seals
from archive.publish.finality import with_finality
from archive.publish.history import check_previous
from archive.publish.inputs import Draft, package_input, write_waivers
from archive.publish.journal import Anchored, Final, Signed
from archive.publish.keep import local_pin
from archive.publish.plan import Plan
from archive.publish.ports import Intent, Quote
from archive.publish.publish import Options, Published, Talk
from archive.publish.wiring import RegistryPort, choose_stores, make_tools, open_registry, require_clocks
from archive.stores.config import open_stores
from archive.workspace import Workspace


class BatchPort(RegistryPort):
    """`ChainPort` of the members of one batch: all of them have the batch's anchor for theirs."""

    def __init__(self, port: RegistryPort, batch: Batch) -> None:
        super().__init__(port._writer, port._rpc, progress=port._progress, trust=port._trust, warn=port._warn)
        self._batch = batch
        self._call = BatchCall(batch.root, batch.count)

    def quote(self, intent: Intent) -> Quote:
        estimate = self._estimate()
        return Quote(
            gas=estimate.gas, gas_price=estimate.fees.expected, balance=estimate.balance, symbol=estimate.symbol
        )

    def require_funds(self, intent: Intent) -> None:
        self._writer.sender.require_funds(self._estimate())

    def find(self, intent: Intent) -> Anchored | None:
        there = ActsReader(self._rpc, self.registry).batch(self.publisher, self._batch.root)
        return None if there is None else self._locate(there)

    def sign(self, intent: Intent, *, replaces: Signed | None = None, raise_percent: int = 0) -> Signed:
        nonce = None
        estimate = self._estimate()
        if replaces is not None:
            nonce = SignedTransaction.from_raw(replaces.raw).nonce
            estimate = replace(estimate, fees=self._writer.sender.fees(raise_percent=raise_percent))
        signed = self._writer.sender.sign(self.registry, self._call.encode(), estimate, nonce=nonce)
        return Signed(transaction=signed.hash, raw=signed.raw)

    def send(self, signed: Signed) -> None:
        from archive.chain import proofs

        calldata = proofs.decode_transaction(bytes.fromhex(signed.raw[2:])).calldata
        if BatchCall.decode(calldata) != self._call:
            raise RefusedError(
                "an interrupted run signed another anchor for this package",
                code="publish.other_batch",
                hint="run the command again with the same folders as then",
            )
        super().send(signed)

    def wait_mined(self, signed: Signed, intent: Intent) -> Anchored:
        mined = self._writer.sender.wait_mined(SignedTransaction.from_raw(signed.raw), progress=self._progress)
        if not mined.success:
            there = self.find(intent)
            if there is not None:
                return there
            self._writer.sender.simulate(self.registry, self._call.encode())
            raise failed_error(mined.tx_hash)
        return _anchored(mined)

    def proof(self, final: Final) -> dict[str, Any]:
        raise NotImplementedError("the proof of a member needs the member: see MemberPort")

    def _estimate(self) -> Estimate:
        self._writer.sender.simulate(self.registry, self._call.encode())
        return self._writer.sender.estimate(self.registry, self._call.encode())

    def _locate(self, entry: BatchEntry) -> Anchored:
        return _anchored(locate_batch(self._rpc, self.registry, self.publisher, self._batch.root, entry))


class MemberPort(BatchPort):
    """The batch as one member sees it."""

    def __init__(self, port: RegistryPort, batch: Batch, member: Member) -> None:
        super().__init__(port, batch)
        self._place = batch.place(member)

    def proof(self, final: Final) -> dict[str, Any]:
        proof = collect_anchor_proof(
            self._rpc, final.transaction, self.registry, root=self._batch.root.hex(), place=self._place
        )
        return with_finality(self._rpc, proof.model_dump(mode="json"), self._trust, self._warn)


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """What would be published together; the batch's root is None while it is not known. The first plan has the cost."""

    root: str | None
    count: int
    plans: tuple[Plan, ...]

    def to_json(self) -> dict[str, Any]:
        return {"batch": {"root": self.root, "count": self.count}, "packages": [plan.to_json() for plan in self.plans]}


@dataclass(frozen=True, slots=True)
class PublishedBatch:
    """The published batch and its members, in the order of the folders."""

    root: str
    members: tuple[Published, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "batch": {"root": self.root, "count": len(self.members)},
            "packages": [member.to_json() for member in self.members],
        }


@dataclass(frozen=True, slots=True)
class _Member:
    options: Options
    draft: Draft
    waived: tuple[str, ...]
    package: Package
    seal: publish._Sealed

    @property
    def key(self) -> Member:
        header = self.package.header
        return Member(incident_key(header.incident), bytes.fromhex(self.package.root), self.package.content_digest)


def publish_batch(
    workspace: Workspace,
    folders: Sequence[Path],
    options: Options,
    talk: Talk,
    confirm: Callable[[BatchPlan], bool],
    *,
    dry_run: bool = False,
) -> PublishedBatch | BatchPlan | None:
    """Publish several dossiers under one anchor, or go on with it. None when the user said no.

    Raises:
        UsageError: `publish.batch_out`, `publish.batch_twice`.
        RefusedError: `publish.other_batch`, and what publishing one raises.
    """
    if options.out is not None:
        raise UsageError(
            "--out is for one proof bundle, and a batch has several",
            code="publish.batch_out",
            hint="leave it out: the bundles are written into the workspace",
        )
    each = [replace(options, folder=folder) for folder in folders]
    drafts = [publish._read(workspace, one) for one in each]
    incidents = [draft.record.id for draft, _ in drafts]
    if twice := sorted({incident for incident in incidents if incidents.count(incident) > 1}):
        raise UsageError(
            f"{twice[0]}: the same incident is in the batch twice",
            code="publish.batch_twice",
            hint="a later revision follows an earlier one: publish them one after the other",
        )
    stores = open_stores(workspace)
    targets = choose_stores(stores, options.stores, announce=talk.step)
    network = publish._network(workspace, options)
    if dry_run and network.embedded and not database_path(workspace).exists():
        plans = [publish.plan_only(workspace, one, talk) for one in each]
        return BatchPlan(None, len(plans), tuple(plans))
    require_clocks(workspace)
    with ExitStack() as stack:
        stack.enter_context(workspace.lock("publish"))
        wallet = publish._wallet(workspace, network, options, talk)
        port, account = stack.enter_context(
            open_registry(network, workspace, wallet, progress=talk.waiting, warn=talk.step)
        )
        publish._check_wallet(options, port)
        members = []
        for one, (draft, waived) in zip(each, drafts, strict=True):
            seal = publish._seal(workspace, draft, port.publisher, one, write=not dry_run)
            package = build_package(package_input(draft), seal.value, progress=talk.hashing)
            members.append(_Member(one, draft, waived, package, seal))
        batch = Batch(member.key for member in members)
        shared = BatchPort(port, batch)
        journals = [
            engine.check_resumable(workspace, member.package, shared, restart=options.restart) for member in members
        ]
        for member, journal in zip(members, journals, strict=True):
            if journal is None or not journal.may_be_anchored:
                check_previous(workspace, member.draft.record, shared, unknown=options.unknown_previous)
        if dry_run or not all(publish._agreed(journal, targets) for journal in journals):
            intent = publish._intent(members[0].package)
            quote = shared.quote(intent) if shared.find(intent) is None else None
            if quote is not None and not dry_run:
                shared.require_funds(intent)
            plans = [
                publish._plan(
                    member.draft,
                    member.package,
                    targets,
                    network,
                    shared,
                    shared.publisher,
                    quote if at == 0 else None,
                    member.waived,
                    publish._done(journal),
                )
                for at, (member, journal) in enumerate(zip(members, journals, strict=True))
            ]
            plan = BatchPlan(batch.root.hex(), batch.count, tuple(plans))
            if dry_run:
                return plan
            if not confirm(plan):
                return None
        all_tools = []
        for member, journal in zip(members, journals, strict=True):
            write_waivers(member.draft)
            kept = publish._kept_seal(member.seal.value, member.seal.before, network)
            seals.save_seal(workspace, member.draft.record.id, kept)
            tools = make_tools(workspace, stores, member.package, account, notify=talk.step, progress=talk.hashing)
            # Every member is in the local store before any of them is anchored.
            tools.keep(journal.packed.car_sha256 if journal is not None and journal.packed is not None else None)
            all_tools.append(tools)
        published = []
        for member, tools in zip(members, all_tools, strict=True):
            talk.step(f"member: {member.draft.record.id}")
            outcome = engine.run(
                workspace,
                member.package,
                MemberPort(port, batch, member.key),
                targets,
                tools,
                waived=member.waived,
                restart=options.restart,
            )
            published.append(
                Published(
                    journal=outcome.journal,
                    bundle=outcome.bundle,
                    pins=(
                        local_pin(stores.local, member.package.content_id),
                        *publish._pins(outcome.journal),
                    ),
                    already=outcome.already,
                    failures=outcome.failures,
                    stamped=outcome.stamped,
                    clock_failures=outcome.clock_failures,
                    embedded=port.embedded,
                    withheld=len(member.package.withheld),
                )
            )
    return PublishedBatch(batch.root.hex(), tuple(published))


def _anchored(mined: Mined) -> Anchored:
    return Anchored(
        transaction=mined.tx_hash, block=mined.block_number, block_hash=mined.block_hash, timestamp=mined.timestamp
    )
