"""A whole publication in memory: a dossier, a package, a chain that can lie, stores that can lie, the bundle.

Used in place of patches: every test of the verifier's rules changes one thing of a `Publication` and looks at the
verdict. Blocks are built by hand (header, both tries, signed transactions), so no EVM is needed.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

import rlp
from eth_keys import keys
from trie import HexaryTrie

from archive.bundle import ProofBundle, build_bundle
from archive.chain import codec, registry
from archive.chain.acts import RETRACTED
from archive.chain.rpc import RpcError
from archive.chain.state import EMPTY_CODE, EMPTY_TRIE, entry_slot
from archive.errors import UnreachableError
from archive.package.build import EvidenceInput, Package, PackageInput, build_package
from archive.package.car import write_car
from archive.package.seal import Seal
from archive.stores.catalogue import Catalogue, CatalogueEntry, save_catalogue
from archive.trust import TrustedPublisher, TrustedRegistry, TrustFile
from archive.verify.checks import judge
from archive.verify.gather import Sources, Target, gather
from archive.verify.nodes import KnownChain, Node
from archive.verify.outcome import Outcome
from archive.verify.policy import Policy
from archive.workspace import Workspace

REGISTRY = "0x" + "c0" * 20
CODE = bytes.fromhex("6001600155")
KEY = keys.PrivateKey(b"\x11" * 32)
STRANGER = keys.PrivateKey(b"\x22" * 32)
INCIDENT = "2025-10-11-test-incident"
BLOCK_TIME = 1_760_140_800  # 2025-10-11 00:00:00 UTC


def address(key: Any) -> str:
    return codec.to_hex(key.public_key.to_canonical_address())


def sign(chain_id: int, key: Any, to: str, data: bytes, nonce: int = 7) -> bytes:
    """A raw signed EIP-1559 transaction."""
    fees = [codec.int_bytes(10**8)] * 2
    body = [codec.int_bytes(chain_id), codec.int_bytes(nonce), *fees, codec.int_bytes(100_000)]
    body += [codec.from_hex(to), b"", data, []]
    signature = key.sign_msg_hash(codec.keccak(b"\x02" + rlp.encode(body)))
    parts = [codec.int_bytes(part) for part in (signature.v, signature.r, signature.s)]
    return b"\x02" + rlp.encode([*body, *parts])


def receipt_of(logs: Sequence[Any], status: int = 1) -> bytes:
    return b"\x02" + rlp.encode([codec.int_bytes(status), codec.int_bytes(50_000), bytes(256), list(logs)])


def trie_of(values: Sequence[bytes]) -> HexaryTrie:
    trie = HexaryTrie({})
    for index, value in enumerate(values):
        trie[rlp.encode(codec.int_bytes(index))] = value
    return trie


def path_in(trie: HexaryTrie, index: int) -> list[str]:
    return [codec.to_hex(rlp.encode(node)) for node in trie.get_proof(rlp.encode(codec.int_bytes(index)))]


@dataclass
class Chain:
    """A chain of blocks made by hand; `heads` is what its registry answers for (publisher, incident key).

    `acts` is what else its registry holds, by (number of the mapping, account, key); `logs` are its events.
    """

    chain_id: int = 97
    genesis: str = "0x" + "9e" * 32
    blocks: dict[int, bytes] = field(default_factory=dict)
    heads: dict[tuple[str, bytes], tuple[bytes, int]] = field(default_factory=dict)
    code: bytes = CODE
    acts: dict[tuple[int, str, bytes], int] = field(default_factory=dict)
    logs: list[dict[str, Any]] = field(default_factory=list)

    def storage(self) -> dict[bytes, int]:
        """The registry's storage, by slot."""
        words = {
            (1, who, incident): int.from_bytes(root[:29], "big") << 24 | ordinal
            for (who, incident), (root, ordinal) in self.heads.items()
        }
        return {
            codec.keccak(key + codec.keccak(registry.address_word(who) + registry.int_word(number))): word
            for (number, who, key), word in {**words, **self.acts}.items()
        }

    def log(self, topics: Sequence[bytes], data: bytes) -> None:
        words = [codec.to_hex(topic) for topic in topics]
        self.logs.append({"address": REGISTRY, "topics": words, "data": codec.to_hex(data)})

    def endorse(self, who: str, root: str, time: int = BLOCK_TIME, withdrawn: int | None = None) -> None:
        word = time << 64 | 1000 << 24 | 1
        word |= 0 if withdrawn is None else withdrawn << 216 | 1001 << 176 | 2
        self.acts[(3, who, bytes.fromhex(root))] = word

    def retract(self, who: str, root: str, reason: str, *, kept: bool = True) -> None:
        said = reason.encode()
        tag = int.from_bytes(codec.keccak(said)[:19], "big")
        self.acts[(4, who, bytes.fromhex(root))] = tag << 104 | BLOCK_TIME << 64 | 1000 << 24 | 1
        if kept:
            data = registry.int_word(32) + registry.int_word(len(said)) + said + bytes(-len(said) % 32)
            self.log([registry.topic(RETRACTED), registry.address_word(who), bytes.fromhex(root)], data)

    def anchor(
        self,
        call: registry.AnchorCall,
        *,
        key: Any = KEY,
        publisher: str | None = None,
        address_of_log: str = REGISTRY,
        status: int = 1,
        others: int = 4,
        entry: int | None = None,
        through: str = REGISTRY,
    ) -> dict[str, Any]:
        """Mine a block that holds the anchor; the JSON of its proof. The transaction is sent to `through`.

        With `entry` (0 for the right one, else what its slot is changed by) the block has a state, and the proof shows
        the registry's entry in it.
        """
        who = publisher or address(key)
        ordinal = self.heads.get((who, call.incident), (b"", 0))[1] + 1
        self.heads[(who, call.incident)] = (call.root, ordinal)
        log: list[Any] = [
            codec.from_hex(address_of_log),
            [registry.topic(registry.ANCHORED), registry.address_word(who), call.incident, call.root],
            call.previous + call.content_digest + registry.int_word(ordinal),
        ]
        if status == 1 and address_of_log == REGISTRY:
            self.log(log[1], log[2])
        ours = sign(self.chain_id, key, through, call.encode())
        raws = [sign(self.chain_id, STRANGER, REGISTRY, bytes([n]) * 40, n) for n in range(others)] + [ours]
        receipts = [receipt_of([], n % 2) for n in range(others)] + [receipt_of([log], status)]
        transactions, results = trie_of(raws), trie_of(receipts)
        number = 1000 + len(self.blocks)
        state, state_root = (None, b"\xdd" * 32) if entry is None else self.state(call, who, number, ordinal, entry)
        header = self.header(number, transactions.root_hash, results.root_hash, state_root)
        self.blocks[number] = header
        return {
            "kind": "anchor",
            "chain_id": self.chain_id,
            "genesis": self.genesis,
            "registry": REGISTRY,
            "block": {"number": number, "hash": codec.to_hex(codec.keccak(header)), "header": codec.to_hex(header)},
            "transaction": {
                "hash": codec.to_hex(codec.keccak(ours)),
                "raw": codec.to_hex(ours),
                "index": others,
                "proof": path_in(transactions, others),
            },
            "receipt": {"raw": codec.to_hex(receipts[others]), "proof": path_in(results, others)},
            "log_index": 0,
            **({} if state is None else {"state": state}),
        }

    def state(
        self, call: registry.AnchorCall, who: str, number: int, ordinal: int, change: int
    ) -> tuple[dict[str, list[str]], bytes]:
        """The nodes to the entry in the registry's storage, and the state root."""
        value = int.from_bytes(call.tag, "big") << 104 | BLOCK_TIME + number << 64 | number << 24 | ordinal << 8
        slot = entry_slot(who, call.root)
        storage, accounts = HexaryTrie({}), HexaryTrie({})
        storage[codec.keccak(slot)] = rlp.encode(codec.int_bytes(value ^ change))
        for n in range(20):
            storage[codec.keccak(bytes([n]) * 32)] = rlp.encode(codec.int_bytes(value + n))
            accounts[codec.keccak(bytes([n]) * 20)] = rlp.encode([b"", b"\x05", EMPTY_TRIE, EMPTY_CODE])
        account = rlp.encode([b"\x01", b"", storage.root_hash, codec.keccak(self.code)])
        key = codec.keccak(codec.from_hex(REGISTRY))
        accounts[key] = account
        nodes = {
            "account": [codec.to_hex(rlp.encode(node)) for node in accounts.get_proof(key)],
            "storage": [codec.to_hex(rlp.encode(node)) for node in storage.get_proof(codec.keccak(slot))],
        }
        return nodes, accounts.root_hash

    def header(self, number: int, transactions: bytes, receipts: bytes, state: bytes = b"\xdd" * 32) -> bytes:
        fields = [b"\xaa" * 32, b"\xbb" * 32, b"\xcc" * 20, state, transactions, receipts, bytes(256)]
        numbers = [2, number, 30_000_000, 50_000, BLOCK_TIME + number]
        return rlp.encode([*fields, *map(codec.int_bytes, numbers), b"extra", bytes(32), bytes(8)])

    def node(self, source: str = "node.example", **lies: Any) -> Node:
        return Node(source, SimulatedRpc(self, **lies), self.chain_id)


@dataclass
class SimulatedRpc:
    """A node of a chain; its lies: another block hash or receipt, another genesis, another chain, no answers at all.

    `lags` is how many of the newest blocks it does not have yet; `more` how many blocks follow the newest anchor, of
    which all but `unfinal` are final (None: it knows no such tag). `receipt` is what it tells of every transaction.
    `storage` stands in place of the registry's; without `keeps_logs` it refuses to search for events.
    """

    chain: Chain
    other_hash: bool = False
    genesis: str | None = None
    chain_id: int | None = None
    down: bool = False
    code: bytes | None = None
    lags: int = 0
    more: int = 20
    unfinal: int | None = 5
    receipt: dict[str, Any] | None = None
    keeps_logs: bool = False
    storage: dict[bytes, int] | None = None
    asked: list[str] = field(default_factory=list)

    def call(self, method: str, params: Sequence[object] = ()) -> Any:
        self.asked.append(method)
        if self.down:
            raise UnreachableError("node.example: no answer", code="chain.rpc_unreachable")
        if method == "eth_chainId":
            return hex(self.chain_id or self.chain.chain_id)
        head = max(self.chain.blocks, default=0) + self.more - self.lags
        if method == "eth_blockNumber":
            return hex(head)
        if method == "eth_getBlockByNumber" and params[0] == "finalized":
            return None if self.unfinal is None else {"number": hex(head - self.unfinal), "hash": "0x" + "f1" * 32}
        if method == "eth_getBlockByNumber":
            number = int(str(params[0]), 16)
            if number == 0:
                return {"number": "0x0", "hash": self.genesis or self.chain.genesis}
            header = self.chain.blocks.get(number)
            if header is None or number > head:
                return None
            digest = codec.keccak(header + b"x" if self.other_hash else header)
            return {"number": hex(number), "hash": codec.to_hex(digest)}
        if method == "eth_getCode":
            return codec.to_hex(self.chain.code if self.code is None else self.code)
        if method == "eth_call":
            call = params[0]
            assert isinstance(call, dict)
            words = bytes.fromhex(call["data"][10:])
            if call["data"].startswith(codec.to_hex(registry.selector(registry.ENTRY_OF))):
                return codec.to_hex(bytes(5 * 32))
            root, ordinal = self.chain.heads.get((codec.to_hex(words[12:32]), words[32:64]), (bytes(32), 0))
            return codec.to_hex(root[:29] + bytes(3) + registry.int_word(ordinal))
        if method == "eth_getTransactionReceipt":
            return self.receipt
        if method == "eth_getStorageAt":
            slot = bytes.fromhex(str(params[1])[2:])
            held = self.chain.storage() if self.storage is None else self.storage
            return "0x" + held.get(slot, 0).to_bytes(32, "big").hex()
        if method == "eth_getLogs":
            if not self.keeps_logs:
                raise RpcError("eth_getLogs", -32005, "limit exceeded", None)
            wanted = params[0]
            assert isinstance(wanted, dict)
            topics = wanted["topics"]
            return [log for log in self.chain.logs if log["topics"][: len(topics)] == topics]
        raise AssertionError(method)


@dataclass
class SimulatedStore:
    """A store in memory. `lie` changes the CAR before it is sent; `down` never answers."""

    name: str = "mirror"
    operator: str = "somebody"
    endpoint: str = "memory"
    cars: dict[str, bytes] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    lie: Callable[[bytes], bytes] | None = None
    down: bool = False

    def fetch_package(self, content_id: str, sink: BinaryIO, *, max_bytes: int = 1 << 30) -> None:
        if self.down:
            raise UnreachableError(f"{self.name}: no answer", code="store.mirror.unreachable")
        if content_id not in self.cars:
            raise UnreachableError(f"{self.name}: not here", code="store.mirror.not_found")
        car = self.cars[content_id]
        sink.write(self.lie(car) if self.lie else car)

    def fetch_file(self, cid: str, sink: BinaryIO, *, max_bytes: int = 1 << 30) -> None:
        if cid not in self.files:
            raise UnreachableError(f"{self.name}: not here", code="store.mirror.not_found")
        sink.write(self.lie(self.files[cid]) if self.lie else self.files[cid])

    def has(self, content_id: str) -> bool:
        return content_id in self.cars

    def check(self) -> str:
        return "in memory"


def record_value(evidence: list[dict[str, Any]], *, revision: int = 1, previous: str | None = None) -> dict[str, Any]:
    """A small valid record."""
    record: dict[str, Any] = {
        "schema_version": "1",
        "id": INCIDENT,
        "title": {"en": "A test incident", "zh-Hans": "测试事件"},
        "summary": {"en": "Made for tests.", "zh-Hans": "仅供测试。"},
        "venues": [{"id": "venue-a", "name": {"en": "Venue A"}, "kind": "exchange"}],
        "occurred": {
            "start": "2025-10-10T21:36:00Z",
            "end": "2025-10-10T22:16:00Z",
            "precision": "minute",
            "time_zone": "UTC",
        },
        "evidence": evidence,
        "revision": revision,
        "revisions": [{"revision": n, "reason": {"en": "A reason."}} for n in range(1, revision + 1)],
    }
    if previous is not None:
        record["supersedes"] = previous
    return record


def evidence_item(item_id: str, **fields: Any) -> dict[str, Any]:
    return {"id": item_id, "kind": "fact-table", "title": {"en": "A table"}, **fields}


FILES = {
    "evidence/prices.csv": b"time,price\n21:36,0.10\n21:37,0.001\n",
    "evidence/log.txt": "拒绝 rejected\nline two\n".encode(),
    "evidence/large.bin": bytes(range(256)) * 4400,  # more than one chunk
}


@dataclass
class Publication:
    """A published package with its files on disk; `anchors` may be replaced before `bundle()`."""

    folder: Path
    package: Package
    chain: Chain
    anchors: list[dict[str, Any]]
    trust: TrustFile

    def bundle(self, **changes: Any) -> ProofBundle:
        package = self.package
        made = build_bundle(
            root=package.root,
            content_id=package.content_id,
            entries=[package.header.to_json(), *(e.to_json() for e in package.entries)],
            record=json.loads(package.record_json),
            directory=package.directory,
            anchors=self.anchors,
        )
        return replace(made, **changes) if changes else made

    def write_bundle(self, path: Path, **changes: Any) -> Path:
        path.write_bytes(self.bundle(**changes).to_bytes())
        return path

    def car(self) -> bytes:
        sink = io.BytesIO()
        write_car(self.package, sink)
        return sink.getvalue()

    def store(self, name: str = "mirror", **changes: Any) -> SimulatedStore:
        return SimulatedStore(name=name, cars={self.package.content_id: self.car()}, **changes)


class Desk:
    """A folder in which packages are made, published on a simulated chain, and verified."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.chain = Chain()
        self.count = 0

    def publish(
        self,
        files: dict[str, bytes] | None = None,
        *,
        key: Any = KEY,
        names_publisher: str | None = "own",
        revision: int = 1,
        previous: str | None = None,
        withheld: dict[str, bytes] | None = None,
        references: list[dict[str, Any]] | None = None,
        chain: Chain | None = None,
        anchor: dict[str, Any] | None = None,
    ) -> Publication:
        self.count += 1
        folder = self.folder / f"dossier-{self.count}"
        shown = FILES if files is None else files
        items, inputs = [], []
        for path, data in {**shown, **(withheld or {})}.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            item_id = path.rsplit("/", 1)[-1].replace(".", "-")
            hidden = path in (withheld or {})
            extra = {"withheld": True} if hidden else {"media_type": "text/plain"}
            items.append(evidence_item(item_id, path=path, **extra))
            inputs.append(EvidenceInput(item_id, path, "text/plain", target, hidden))
        items += references or []
        record = record_value(items, revision=revision, previous=previous)
        publisher = address(key) if names_publisher == "own" else names_publisher
        package = build_package(
            PackageInput(record, INCIDENT, revision, previous, tuple(inputs)), Seal(b"\x05" * 32, publisher)
        )
        for path in withheld or {}:
            (folder / path).unlink()
        where = chain or self.chain
        call = registry.AnchorCall(
            registry.incident_key(INCIDENT),
            bytes.fromhex(package.root),
            bytes.fromhex(previous) if previous else bytes(32),
            package.content_digest,
        )
        proof = where.anchor(call, key=key, **(anchor or {}))
        return Publication(folder, package, where, [proof], self.trust(where, key))

    @staticmethod
    def trust(chain: Chain, key: Any = KEY) -> TrustFile:
        code_hash = codec.to_hex(codec.keccak(chain.code))
        trusted = TrustedRegistry("BSC testnet", chain.chain_id, chain.genesis, REGISTRY, code_hash)
        return TrustFile((trusted,), (TrustedPublisher(address(key), "The publisher"),))

    def verify(
        self,
        publication: Publication,
        given: Sequence[Path] | None = None,
        *,
        nodes: Sequence[Node] | None = None,
        trust: TrustFile | None = None,
        stores: Sequence[Any] = (),
        offline: bool = False,
        workspace: Workspace | None = None,
        policy: Policy | None = None,
        bundle: dict[str, Any] | None = None,
        target: str | None = None,
        chains: dict[int, KnownChain] | None = None,
        quorum: int | None = None,
    ) -> Outcome:
        """Verify as the command does; by default with all files, the right trust file and an honest node."""
        path = self.folder / f"bundle-{self.count}.proof.json"
        publication.write_bundle(path, **(bundle or {}))
        asked = [] if offline else ([publication.chain.node()] if nodes is None else nodes)
        sources = Sources(
            trust=publication.trust if trust is None else trust,
            readers=tuple(stores),
            nodes=tuple(asked),
            chains={97: KnownChain("bsc-testnet", Chain.genesis, 12)} if chains is None else chains,
            workspace=workspace,
            offline=offline,
            quorum=quorum,
        )
        files = [publication.folder] if given is None else given
        return judge(gather(Target("bundle", target or str(path)), files, sources), policy or Policy())


def write_catalogue(workspace: Workspace, *entries: CatalogueEntry, key: Any = KEY) -> None:
    """A catalogue signed by the publisher, in a workspace."""

    def signer(message: bytes) -> bytes:
        digest = codec.keccak(b"\x19Ethereum Signed Message:\n" + str(len(message)).encode() + message)
        signature = key.sign_msg_hash(digest)
        return signature.r.to_bytes(32, "big") + signature.s.to_bytes(32, "big") + bytes([27 + signature.v])

    save_catalogue(workspace.catalogue_file, Catalogue(address(key), entries).signed(signer))


def catalogue_entry(publication: Publication, *, bundle: str = "bafkrei" + "a" * 52, **changes: Any) -> CatalogueEntry:
    package, anchor = publication.package, publication.anchors[0]
    entry = CatalogueEntry(
        id=INCIDENT,
        revision=package.header.revision,
        chain_id=97,
        registry=REGISTRY,
        transaction=anchor["transaction"]["hash"],
        root=package.root,
        content_id=package.content_id,
        bundle=bundle,
        block=anchor["block"]["number"],
    )
    return replace(entry, **changes)


def statuses(outcome: Outcome, code: str) -> list[str]:
    return [c.status for c in outcome.checks if c.code == code]


def failed(outcome: Outcome) -> set[str]:
    return {c.code for c in outcome.checks if c.status == "fail"}
