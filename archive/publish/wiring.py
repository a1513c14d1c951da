"""The real registry writer, stores, catalogue and verifier, fitted to the engine's ports."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from archive.bundle import ProofBundle
from archive.chain.collect import collect_anchor_proof
from archive.chain.networks import Network, open_chain
from archive.chain.registry import AnchorCall, incident_key
from archive.chain.rpc import Rpc
from archive.chain.sending import Estimate, Mined, SignedTransaction, WaitProgress
from archive.chain.writer import RegistryWriter
from archive.errors import ArchiveError, InvalidInputError, UnreachableError, UsageError
from archive.package.build import Package
from archive.package.hashing import Progress, digest_file
from archive.publish import blocks
from archive.publish.engine import FileIdentity, Tools
from archive.publish.finality import with_finality
from archive.publish.journal import Anchored, Final, Journal, Signed
from archive.publish.keep import car_size, keep_car
from archive.publish.plan import StoreCost
from archive.publish.ports import Intent, Quote
from archive.stamps import ots, rfc3161
from archive.stamps.bitcoin import MAINNET
from archive.stamps.bitcoin import Network as BitcoinNetwork
from archive.stamps.config import load_clock_config
from archive.stamps.stamping import Stamped, stamp_root
from archive.stores.arweave import ArweaveReader, ArweaveWriter
from archive.stores.arweave_codec import format_ar
from archive.stores.base import Pin, Reader, Writer
from archive.stores.catalogue import CatalogueEntry, load_catalogue, update_catalogue
from archive.stores.config import Stores
from archive.stores.local import LocalStore
from archive.stores.readback import ReadBack, read_back
from archive.trust import TrustFile, load_trust
from archive.workspace import Workspace

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

_NO_PREVIOUS = bytes(32)
# An anchor proof with the block header, both trie paths, and the directory listing of a small package.
_PROOF_BYTES = 32 * 1024
# A catalogue of some dozen entries.
_CATALOGUE_BYTES = 16 * 1024


class LazyAccount:
    """A wallet whose password is asked for when something has to be signed, and once at most."""

    def __init__(self, address: str, unlock: Callable[[], LocalAccount]) -> None:
        self.address = address
        self._unlock = unlock
        self._account: LocalAccount | None = None

    @property
    def account(self) -> LocalAccount:
        if self._account is None:
            self._account = self._unlock()
        return self._account

    def sign_transaction(self, request: dict[str, Any]) -> Any:
        return self.account.sign_transaction(request)

    def sign_message(self, message: bytes) -> bytes:
        """EIP-191 personal message; 65 bytes r ‖ s ‖ v."""
        from eth_account.messages import encode_defunct

        return bytes(self.account.sign_message(encode_defunct(message)).signature)


class RegistryPort:
    """`ChainPort` over `archive.chain.writer`."""

    def __init__(
        self,
        writer: RegistryWriter,
        rpc: Rpc,
        *,
        progress: WaitProgress | None = None,
        trust: TrustFile | None = None,
        warn: Callable[[str], None] | None = None,
    ) -> None:
        self._writer = writer
        self._rpc = rpc
        self._progress = progress
        self._trust = TrustFile() if trust is None else trust
        self._warn = warn or (lambda text: None)

    @property
    def network(self) -> str:
        return self._writer.network.name

    @property
    def chain_id(self) -> int:
        return self._writer.identity.chain_id

    @property
    def genesis(self) -> str:
        return self._writer.identity.genesis

    @property
    def registry(self) -> str:
        return self._writer.reader.address

    @property
    def publisher(self) -> str:
        return self._writer.publisher

    @property
    def embedded(self) -> bool:
        return self._writer.network.embedded

    def has_history(self, incident: str) -> bool:
        """Whether this publisher has anchored anything of this incident in this registry."""
        return self._writer.head(incident) is not None

    def quote(self, intent: Intent) -> Quote:
        return _quote(self._writer.quote(_call(intent)))

    def require_funds(self, intent: Intent) -> None:
        """Raises `chain.no_funds` and says how much is missing."""
        self._writer.sender.require_funds(self._writer.quote(_call(intent)))

    def find(self, intent: Intent) -> Anchored | None:
        there = self._writer.find(_call(intent))
        if there is None:
            return None
        return Anchored(
            transaction=there.tx_hash, block=there.block_number, block_hash=there.block_hash, timestamp=there.timestamp
        )

    def sign(self, intent: Intent, *, replaces: Signed | None = None, raise_percent: int = 0) -> Signed:
        call = _call(intent)
        nonce = None
        estimate = self._writer.quote(call)
        if replaces is not None:
            nonce = SignedTransaction.from_raw(replaces.raw).nonce
            estimate = replace(estimate, fees=self._writer.sender.fees(raise_percent=raise_percent))
        signed = self._writer.sender.sign(self.registry, call.encode(), estimate, nonce=nonce)
        return Signed(transaction=signed.hash, raw=signed.raw)

    def send(self, signed: Signed) -> None:
        self._writer.send(SignedTransaction.from_raw(signed.raw))

    def wait_mined(self, signed: Signed, intent: Intent) -> Anchored:
        mined = self._writer.wait_mined(SignedTransaction.from_raw(signed.raw), _call(intent), progress=self._progress)
        return _anchored(mined)

    def failed(self, signed: Signed) -> bool:
        mined = self._writer.sender.mined(signed.transaction)
        return mined is not None and not mined.success

    def wait_final(self, anchored: Anchored) -> Final | None:
        mined = Mined(anchored.transaction, anchored.block, anchored.block_hash, anchored.timestamp, True)
        final = self._writer.wait_final(mined, progress=self._progress)
        if final is None:
            return None
        return Final(**_anchored(final).model_dump(), rule=self._writer.sender.finality_rule)

    def stands(self, final: Final) -> bool:
        block = self._rpc.call("eth_getBlockByNumber", [hex(final.block), False])
        # A node that lags, or keeps recent blocks only, does not contradict.
        return not isinstance(block, dict) or block.get("hash") in (None, final.block_hash)

    def proof(self, final: Final) -> dict[str, Any]:
        proof = collect_anchor_proof(self._rpc, final.transaction, self.registry).model_dump(mode="json")
        return with_finality(self._rpc, proof, self._trust, self._warn)


@contextmanager
def open_registry(
    network: Network,
    workspace: Workspace,
    account: LazyAccount | None,
    *,
    progress: WaitProgress | None = None,
    warn: Callable[[str], None] | None = None,
) -> Iterator[tuple[RegistryPort, LazyAccount]]:
    """The registry of a network, chain and code checked; on the embedded chain with the workspace's own key."""
    with open_chain(network, workspace) as (rpc, _):
        registry = network.registry
        if network.embedded:
            from archive.chain.local import EmbeddedChain

            chain = cast(EmbeddedChain, rpc)
            account, registry = LazyAccount(chain.address, lambda: chain.account), chain.registry
        if account is None:
            raise UsageError(
                f"{network.name}: no wallet was named", code="wallet.none", hint="`archive wallet new` makes one"
            )
        writer = RegistryWriter.open(rpc, network, cast("LocalAccount", account), registry=registry)
        trust = load_trust(workspace.trust_file)
        yield RegistryPort(writer, rpc, progress=progress, trust=trust, warn=warn), account


@dataclass(frozen=True, slots=True)
class StoreTarget:
    """`StorePort` over a writer, and the reader of the same name that downloads again what was written.

    `announce` is told `storing:NAME` before a package is given away, `storing slowly:NAME` where that can take an hour.
    """

    writer: Writer
    reader: Reader | None
    announce: Callable[[str], None] = lambda step: None

    @property
    def name(self) -> str:
        return self.writer.name

    @property
    def operator(self) -> str:
        return self.writer.operator

    def put_package(self, car: Path, content_id: str, root: str) -> Pin:
        slow = isinstance(self.writer, ArweaveWriter)
        self.announce(f"storing slowly:{self.name}" if slow else f"storing:{self.name}")
        return self._shown_again(self.writer.put_package(car, content_id, root=root), kind="package")

    def put_file(self, path: Path, cid: str) -> Pin:
        return self._shown_again(self.writer.put_file(path, cid), kind="file")

    def _shown_again(self, pin: Pin, *, kind: Any) -> Pin:
        if pin.verified or pin.status == "pending" or self.reader is None:
            return pin
        result = read_back(pin.content_id, [_told(self.reader, pin)], kind=kind).results[0]
        if result.status == "mismatch":
            raise InvalidInputError(
                f"{pin.store}: gives other bytes than it was given: {result.message}",
                code=result.code or "store.mismatch",
                hint="this place changes what it stores; use another",
            )
        if result.status != "verified":
            raise UnreachableError(
                f"{pin.store}: took it, but does not give it back: {result.message}",
                code=result.code or "store.unreachable",
                hint="run the same command again to go on",
            )
        return replace(pin, verified=True)


def store_cost(writer: Writer, package: Package) -> StoreCost | None:
    """What a paid store asks for the package and, roughly, its bundle and the catalogue; None where nothing is paid."""
    if not isinstance(writer, ArweaveWriter):
        return None
    bundle_size = len(package.record_json) + 2 * len(package.manifest_json) + _PROOF_BYTES
    sizes = (car_size(package), bundle_size, _CATALOGUE_BYTES)
    try:
        quotes = [writer.quote(size) for size in sizes]
    except UnreachableError:
        return StoreCost(sum(sizes), None, None, "AR")
    return StoreCost(sum(sizes), format_ar(sum(quote.price for quote in quotes)), format_ar(quotes[0].balance), "AR")


def choose_stores(
    stores: Stores, names: Sequence[str], *, announce: Callable[[str], None] = lambda step: None
) -> tuple[StoreTarget, ...]:
    """The stores to write to beside the local one: those named, else all that can be written to.

    Raises:
        UsageError: `publish.unknown_store`.
    """
    remote = [writer for writer in stores.writers if not isinstance(writer, LocalStore)]
    readers = {reader.name: reader for reader in stores.readers}
    known = {writer.name: writer for writer in remote}
    for name in names:
        if name != stores.local.name and name not in known:
            raise UsageError(
                f"--store {name}: no store of this name can be written to",
                code="publish.unknown_store",
                hint=f"there are: {', '.join([stores.local.name, *known])}; add stores to config.toml",
            )
    chosen = [known[name] for name in dict.fromkeys(names) if name in known] if names else remote
    return tuple(StoreTarget(writer, readers.get(writer.name), announce) for writer in chosen)


def make_tools(
    workspace: Workspace,
    stores: Stores,
    package: Package,
    account: LazyAccount,
    *,
    notify: Callable[[str], None],
    progress: Progress | None = None,
) -> Tools:
    """Everything the engine does through others."""

    def recall(cid: str) -> bytes | None:
        buffer = io.BytesIO()
        try:
            stores.local.fetch_file(cid, buffer)
        except ArchiveError:
            return None
        return buffer.getvalue()

    def identify(path: Path) -> FileIdentity:
        digest = digest_file(path)
        return FileIdentity(digest.cid, digest.sha256, digest.size)

    def again(journal: Journal) -> ReadBack:
        written = {writer.endpoint for writer in stores.writers}
        pins = [pin for pin in journal.pins if pin.content_id == package.content_id]
        readers = [r for r in stores.readers if not isinstance(r, LocalStore)]
        locators = {pin.store: pin.locator for pin in pins}
        told = [_with_locator(r, package.content_id, locators.get(r.name)) for r in readers]
        return read_back(package.content_id, told, written_by=written)

    return Tools(
        keep=lambda expected: keep_car(stores.local, package, expected, progress=progress),
        keep_file=lambda path, cid: _put_local(stores.local, path, cid),
        recall_file=recall,
        identify=identify,
        read_back=again,
        self_check=lambda bundle: check_own_bundle(bundle, load_clock_config(workspace).bitcoin.network),
        update_catalogue=lambda journal: add_to_catalogue(workspace, journal, account),
        notify=notify,
        stamp=lambda: stamp_package(workspace, package),
    )


def require_clocks(workspace: Workspace) -> None:
    """Before anything permanent: the libraries of the configured clocks. Raises `stamp.no_…` where one is missing."""
    clocks = load_clock_config(workspace)
    if clocks.authorities:
        rfc3161.require_library()
    if clocks.calendars:
        ots.require_library()


def stamp_package(workspace: Workspace, package: Package) -> Stamped:
    """Stamps of the configured clocks, and the headers of the blocks that the package names."""
    clocks = load_clock_config(workspace)
    headers = blocks.stamps(workspace, package.header.not_before)
    roots = [rfc3161.Root(r.name, r.der, r.policies) for r in load_trust(workspace.trust_file).time_stamp_roots]
    done = stamp_root(package.root, clocks, roots) if clocks.any else Stamped((), (), ())
    return replace(done, stamps=(*headers, *done.stamps))


def check_own_bundle(bundle: ProofBundle, bitcoin: BitcoinNetwork = MAINNET) -> None:
    """Hold the bundle against the verifier's rules before anybody else does. Raises `publish.self_check`."""
    from archive.verify.checks import judge
    from archive.verify.clockfacts import ClockFacts
    from archive.verify.facts import Facts
    from archive.verify.policy import NEVER_WAIVED, Policy

    facts = Facts(
        target="the new proof bundle",
        asked=None,
        bundle=bundle,
        files=(),
        trust=TrustFile(),
        offline=True,
        clocks=ClockFacts(network=bitcoin),
    )
    outcome = judge(facts, Policy())
    wrong = [check for check in outcome.checks if check.status == "fail"]
    # No files are given here: their bytes were hashed a moment ago.
    missing = [code for code in NEVER_WAIVED if code != "bytes" and code in outcome.lacking]
    if wrong or missing:
        told = "; ".join(f"{c.code}: expected {c.expected}, found {c.found}" for c in wrong) or ", ".join(missing)
        raise InvalidInputError(
            f"the proof bundle does not hold against our own verifier: {told}",
            code="publish.self_check",
            hint="the anchor stands and nothing is lost; run the same command again, with another node if you can",
        )


def catalogue_path(workspace: Workspace, publisher: str) -> Path:
    """`catalogue.json`; `catalogue-<address>.json` when that one is another key's: a catalogue has one signer."""
    held = load_catalogue(workspace.catalogue_file)
    if held is None or held.publisher == publisher:
        return workspace.catalogue_file
    return workspace.root / f"catalogue-{publisher}.json"


def add_to_catalogue(workspace: Workspace, journal: Journal, account: LazyAccount) -> Path:
    """Add a finished publication to its publisher's catalogue, and sign it; its file."""
    packed, final, bundle = journal.packed, journal.final, journal.bundle
    if packed is None or final is None or bundle is None:
        raise ValueError("only a finished publication can be listed")
    entry = CatalogueEntry(
        id=journal.incident,
        revision=journal.revision,
        root=packed.root,
        content_id=packed.content_id,
        bundle=bundle.cid,
        chain_id=journal.chain_id,
        registry=journal.registry,
        block=final.block,
        transaction=final.transaction,
    )
    path = catalogue_path(workspace, journal.publisher)
    update_catalogue(path, journal.publisher, [entry], account.sign_message)
    return path


def _call(intent: Intent) -> AnchorCall:
    previous = _NO_PREVIOUS if intent.previous_root is None else bytes.fromhex(intent.previous_root)
    return AnchorCall(incident_key(intent.incident), bytes.fromhex(intent.root), previous, intent.content_digest)


def _quote(estimate: Estimate) -> Quote:
    return Quote(gas=estimate.gas, gas_price=estimate.fees.expected, balance=estimate.balance, symbol=estimate.symbol)


def _anchored(mined: Mined) -> Anchored:
    return Anchored(
        transaction=mined.tx_hash, block=mined.block_number, block_hash=mined.block_hash, timestamp=mined.timestamp
    )


def _told(reader: Reader, pin: Pin) -> Reader:
    return _with_locator(reader, pin.content_id, pin.locator)


def _with_locator(reader: Reader, content_id: str, locator: str | None) -> Reader:
    """An Arweave reader has to be told the transaction; looking up by tag lags behind."""
    if isinstance(reader, ArweaveReader) and locator is not None:
        return reader.with_locators({content_id: locator})
    return reader


def _put_local(local: LocalStore, path: Path, cid: str) -> None:
    local.put_file(path, cid)
