"""An in-memory chain and stores that keep count of what they were paid, and can break or lie at any call."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from archive.bundle import ProofBundle
from archive.errors import ArchiveError, RefusedError, UnreachableError
from archive.package.entries import Header, RecordEntry
from archive.publish import engine
from archive.publish.journal import Anchored, Final, Journal, Signed
from archive.publish.ports import Intent, Quote
from archive.stores.base import Pin
from archive.stores.readback import ReadBack, StoreResult
from archive.workspace import Workspace

INCIDENT = "2025-01-01-test"
CONTENT_ID = "bafybei" + "a" * 52
RAW_CID = "bafkrei" + "a" * 52
CATALOGUE_CID = "bafkrei" + "c" * 52


class KilledError(BaseException):
    """Stands for SIGKILL: nothing may catch it."""


class Breaker:
    """Raises at the named point, before or after the effect: `fail["send:after"] = error`."""

    def __init__(self) -> None:
        self.fail: dict[str, BaseException] = {}
        self.calls: Counter[str] = Counter()

    def at(self, point: str) -> None:
        self.calls[point] += 1
        error = self.fail.pop(point, None)
        if error is not None:
            raise error


@dataclass
class FakeChain:
    """A registry with one key. `paid` counts transactions that were mined."""

    breaker: Breaker
    network: str = "local"
    chain_id: int = 1337
    genesis: str = "0x" + "01" * 32
    registry: str = "0x" + "02" * 20
    publisher: str = "0x" + "03" * 20
    embedded: bool = True
    nonce: int = 0
    paid: int = 0
    entries: dict[str, Anchored] = field(default_factory=dict)
    reorganise: int = 0
    moves: int = 0
    signatures: int = 0
    least_price: int = 100
    revert: bool = False
    dead: set[str] = field(default_factory=set)

    def _entry(self, intent: Intent, transaction: str) -> Anchored:
        return Anchored(
            transaction=transaction, block=10 + self.paid, block_hash="0x" + "0a" * 32, timestamp=1_700_000_000
        )

    def quote(self, intent: Intent) -> Quote:
        return Quote(gas=70_648, gas_price=10**8, balance=10**18, symbol="ETH")

    def find(self, intent: Intent) -> Anchored | None:
        self.breaker.at("find")
        return self.entries.get(intent.root)

    def sign(self, intent: Intent, *, replaces: Signed | None = None, raise_percent: int = 0) -> Signed:
        self.breaker.at("sign")
        self.signatures += 1
        nonce = self.nonce if replaces is None else int(replaces.raw[2:6], 16)
        raw = f"{nonce:04x}{intent.root}{100 + raise_percent:04x}"
        return Signed(transaction="0x" + hashlib.sha256(raw.encode()).hexdigest(), raw="0x" + raw)

    def send(self, signed: Signed) -> None:
        self.breaker.at("send")
        nonce, root = int(signed.raw[2:6], 16), signed.raw[6:70]
        if int(signed.raw[70:], 16) < self.least_price:
            raise RefusedError("transaction underpriced", code="chain.underpriced")
        known = self.entries.get(root)
        if known is None or known.transaction != signed.transaction:
            if nonce < self.nonce:
                raise RefusedError("nonce too low", code="chain.nonce_taken")
            self.nonce += 1
            self.paid += 1
            if self.revert:
                self.dead.add(signed.transaction)
                return
            self.entries[root] = self._entry(Intent("", root, None, b""), signed.transaction)
        self.breaker.at("send:after")

    def wait_mined(self, signed: Signed, intent: Intent) -> Anchored:
        self.breaker.at("wait_mined")
        if signed.transaction in self.dead:
            raise RefusedError("reverted", code="registry.not_head")
        return self.entries[intent.root]

    def failed(self, signed: Signed) -> bool:
        return signed.transaction in self.dead

    def wait_final(self, anchored: Anchored) -> Final | None:
        self.breaker.at("wait_final")
        if self.reorganise:
            self.reorganise -= 1
            root = next(iter(self.entries))
            self.entries[root] = anchored.model_copy(update={"block": anchored.block + 1})
            return None
        return Final(**anchored.model_dump(), rule="1 confirmation")

    def stands(self, final: Final) -> bool:
        self.breaker.at("stands")
        return any(entry.block_hash == final.block_hash for entry in self.entries.values())

    def drop(self) -> None:
        """A reorganisation that leaves the anchor out; its transaction may come again."""
        self.entries.clear()
        self.nonce -= 1
        self.paid -= 1

    def move(self) -> None:
        """A reorganisation that puts the anchor into another block."""
        self.moves += 1
        for root, entry in self.entries.items():
            self.entries[root] = entry.model_copy(update={"block_hash": f"0x{self.moves:064x}"})

    def proof(self, final: Final) -> dict[str, Any]:
        self.breaker.at("proof")
        return {
            "kind": "anchor",
            "chain_id": self.chain_id,
            "genesis": self.genesis,
            "registry": self.registry,
            "transaction": {"hash": final.transaction},
            "block": {"hash": final.block_hash},
        }


@dataclass
class FakeStore:
    """Counts uploads; one package uploaded twice under the same id is what must not happen on a store that costs."""

    breaker: Breaker
    name: str = "remote"
    operator: str = "somebody"
    verified: bool = True
    uploads: Counter[str] = field(default_factory=Counter)
    answer: Literal["verified", "mismatch", "unreachable", "not_found"] = "verified"

    def _put(self, point: str, cid: str) -> Pin:
        self.breaker.at(f"{self.name}.{point}")
        if not self.uploads[cid]:
            self.uploads[cid] += 1
        return Pin(self.name, cid, cid, self.operator, self.verified, "stored" if self.verified else "pending")

    def put_package(self, car: Path, content_id: str, root: str) -> Pin:
        return self._put("put_package", content_id)

    def put_file(self, path: Path, cid: str) -> Pin:
        return self._put("put_file", cid)


@dataclass
class FakePackage:
    root: str = "5a" * 32
    revision: int = 1
    previous_root: str | None = None
    content_id: str = CONTENT_ID
    content_digest: bytes = b"\x0c" * 32
    record_json: bytes = b'{"id":"2025-01-01-test"}'
    directory: tuple[tuple[str, str, int], ...] = (("manifest.json", RAW_CID, 10), ("record.json", RAW_CID, 10))

    @property
    def header(self) -> Header:
        return Header(INCIDENT, self.revision, self.previous_root, 2, None)

    @property
    def entries(self) -> tuple[RecordEntry, ...]:
        return (RecordEntry(24, self.root),)


@dataclass
class Bench:
    """A workspace with fakes around the real engine."""

    workspace: Workspace
    breaker: Breaker
    chain: FakeChain
    stores: list[FakeStore]
    package: FakePackage
    steps: list[str] = field(default_factory=list)
    kill_at: str | None = None
    catalogue: list[str] = field(default_factory=list)
    kept: dict[str, bytes] = field(default_factory=dict)
    self_check: Callable[[ProofBundle], None] = lambda bundle: None

    def tools(self) -> engine.Tools:
        def keep(expected: str | None) -> engine.KeptCar:
            self.breaker.at("keep")
            return engine.KeptCar(self.workspace.store / "p.car", 100, self.package.root)

        def keep_file(path: Path, cid: str) -> None:
            self.breaker.at("keep_file")
            self.kept[cid] = path.read_bytes()

        def identify(path: Path) -> engine.FileIdentity:
            data = path.read_bytes()
            cid = CATALOGUE_CID if path.name == "catalogue.json" else RAW_CID
            return engine.FileIdentity(cid, hashlib.sha256(data).hexdigest(), len(data))

        def notify(step: str) -> None:
            self.steps.append(step)
            if step == self.kill_at:
                raise KilledError(step)

        def read_back(journal: Journal) -> ReadBack:
            content_id = self.package.content_id
            self.breaker.at("read_back")
            held = [store for store in self.stores if store.uploads[content_id]]
            results = [StoreResult(s.name, s.operator, s.answer, 100, True, None, None) for s in held]
            return ReadBack(content_id, tuple(results), len({s.operator for s in held}))

        def catalogued(journal: Journal) -> Path:
            self.breaker.at("catalogue")
            if journal.incident not in self.catalogue:
                self.catalogue.append(journal.incident)
            path = self.workspace.catalogue_file
            path.write_text(json.dumps(self.catalogue))
            return path

        return engine.Tools(
            keep=keep,
            keep_file=keep_file,
            recall_file=self.kept.get,
            identify=identify,
            read_back=read_back,
            self_check=self.self_check,
            update_catalogue=catalogued,
            notify=notify,
        )

    def run(self, *, restart: bool = False) -> engine.Outcome:
        return engine.run(self.workspace, self.package, self.chain, self.stores, self.tools(), restart=restart)

    def journal(self) -> dict[str, Any]:
        path = self.workspace.journal / f"{INCIDENT}-r{self.package.revision}-{self.chain.network}.json"
        value: dict[str, Any] = json.loads(path.read_text())
        return value


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    breaker = Breaker()
    return Bench(
        Workspace(tmp_path / "workspace"),
        breaker,
        FakeChain(breaker),
        [FakeStore(breaker, "one"), FakeStore(breaker, "two")],
        FakePackage(),
    )


@pytest.fixture
def killed() -> type[BaseException]:
    return KilledError


@pytest.fixture
def down() -> Callable[[str], ArchiveError]:
    return lambda name: UnreachableError(f"{name}: no answer", code="store.unreachable")
