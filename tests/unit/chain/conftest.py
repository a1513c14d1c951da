"""Blocks made by hand: signed transactions, receipts, both tries and a header, so that proofs can be made to lie."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import rlp
from eth_keys import keys
from trie import HexaryTrie

from archive.chain import codec, proofs, registry
from archive.chain.local import EmbeddedChain
from archive.workspace import Workspace

REGISTRY = "0x" + "c0" * 20
GENESIS = "0x" + "9e" * 32
CHAIN_ID = 97
KEY = keys.PrivateKey(b"\x11" * 32)
CALL = registry.AnchorCall(registry.incident_key("2025-10-11-example"), b"\x01" * 32, bytes(32), b"\x03" * 32)


def publisher(key: Any = KEY) -> str:
    return codec.to_hex(key.public_key.to_canonical_address())


def sign_transaction(
    kind: int,
    *,
    key: Any = KEY,
    chain_id: int | None = CHAIN_ID,
    to: str = REGISTRY,
    data: bytes = b"",
    high_s: bool = False,
    nonce: int = 7,
) -> bytes:
    """A raw signed transaction of type 0, 1 or 2 (or, unsigned in its meaning, any higher type byte)."""
    recipient, number = codec.from_hex(to), codec.int_bytes
    if kind == 0:
        body = [number(nonce), number(10**8), number(100_000), recipient, b"", data]
        bound = [] if chain_id is None else [number(chain_id), b"", b""]
        sighash = codec.keccak(rlp.encode([*body, *bound]))
    else:
        fees = [number(10**8)] if kind == 1 else [number(10**8), number(10**8)]
        body = [number(chain_id or 0), number(nonce), *fees, number(100_000), recipient, b"", data, []]
        sighash = codec.keccak(bytes([kind]) + rlp.encode(body))
    signature = key.sign_msg_hash(sighash)
    v, r, s = signature.v, signature.r, signature.s
    if high_s:
        v, s = 1 - v, proofs._ORDER - s
    if kind == 0:
        v = 27 + v if chain_id is None else 35 + 2 * chain_id + v
    raw = rlp.encode([*body, number(v), number(r), number(s)])
    return bytes([kind]) + raw if kind else raw


def make_log(
    call: registry.AnchorCall = CALL, *, address: str = REGISTRY, who: str | None = None, ordinal: int = 1
) -> list[Any]:
    topics = [
        registry.topic(registry.ANCHORED),
        registry.address_word(who or publisher()),
        call.incident,
        call.root,
    ]
    return [codec.from_hex(address), topics, call.previous + call.content_digest + registry.int_word(ordinal)]


def make_receipt(kind: int, logs: Sequence[Any], *, status: int = 1, gas: int = 50_000) -> bytes:
    raw = rlp.encode([codec.int_bytes(status), codec.int_bytes(gas), bytes(256), list(logs)])
    return bytes([kind]) + raw if kind else raw


def make_header(transactions_root: bytes, receipts_root: bytes, *, number: int = 45_000_000, extra: int = 6) -> bytes:
    """A header of 15 + `extra` fields."""
    fields = [
        b"\xaa" * 32,
        b"\xbb" * 32,
        b"\xcc" * 20,
        b"\xdd" * 32,
        transactions_root,
        receipts_root,
        bytes(256),
        b"\x02",
        codec.int_bytes(number),
        codec.int_bytes(30_000_000),
        codec.int_bytes(50_000),
        codec.int_bytes(1_760_140_800),
        b"extra data",
        bytes(32),
        bytes(8),
    ]
    later = [b"", b"\x01" * 32, b"", b"", b"\x02" * 32, b"\x03" * 32] + [b"\x07"] * 40
    return rlp.encode(fields + later[:extra])


def make_trie(values: Sequence[bytes]) -> HexaryTrie:
    trie = HexaryTrie({})
    for index, value in enumerate(values):
        trie[rlp.encode(codec.int_bytes(index))] = value
    return trie


def trie_proof(trie: HexaryTrie, index: int) -> list[str]:
    return [codec.to_hex(rlp.encode(node)) for node in trie.get_proof(rlp.encode(codec.int_bytes(index)))]


@dataclass
class Block:
    """A block of other people's transactions with ours at `index`; change a part, then ask for the proof."""

    kind: int = 2
    index: int = 3
    count: int = 5
    transaction: bytes | None = None
    receipt: bytes | None = None
    log_index: int = 0
    extra_fields: int = 6
    changes: dict[str, Any] = field(default_factory=dict)

    def value(self) -> dict[str, Any]:
        """The JSON value of the anchor proof."""
        others = [sign_transaction(n % 3, data=bytes([n]) * 50, nonce=n) for n in range(self.count)]
        receipts = [make_receipt(n % 3, [], status=n % 2, gas=21_000 * n) for n in range(self.count)]
        raw = self.transaction or sign_transaction(self.kind, data=CALL.encode())
        receipt = self.receipt or make_receipt(self.kind, [make_log()])
        others[self.index], receipts[self.index] = raw, receipt
        transaction_trie, receipt_trie = make_trie(others), make_trie(receipts)
        header = make_header(transaction_trie.root_hash, receipt_trie.root_hash, extra=self.extra_fields)
        return {
            "kind": "anchor",
            "chain_id": CHAIN_ID,
            "genesis": GENESIS,
            "registry": REGISTRY,
            "block": {
                "number": 45_000_000,
                "hash": codec.to_hex(codec.keccak(header)),
                "header": codec.to_hex(header),
            },
            "transaction": {
                "hash": codec.to_hex(codec.keccak(raw)),
                "raw": codec.to_hex(raw),
                "index": self.index,
                "proof": trie_proof(transaction_trie, self.index),
            },
            "receipt": {"raw": codec.to_hex(receipt), "proof": trie_proof(receipt_trie, self.index)},
            "log_index": self.log_index,
            **self.changes,
        }

    def proof(self) -> proofs.AnchorProof:
        return proofs.parse_anchor_proof(self.value())


@pytest.fixture(scope="session")
def chain_values() -> Any:
    """This module: makers of signed transactions, receipts, logs, headers and tries."""
    return sys.modules[__name__]


@pytest.fixture(scope="session")
def flip_subject() -> dict[str, Any]:
    """A sound proof out of a block of 140 transactions, as JSON value."""
    return Block(count=140, index=130).value()


class Clock:
    """Seconds since 1970 that stand still until told otherwise."""

    def __init__(self) -> None:
        self.now = 1_760_140_800.5

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which the embedded chain was just made; copied for every test that changes it."""
    folder = tmp_path_factory.mktemp("template") / "workspace"
    with EmbeddedChain(Workspace(folder), clock=Clock()):
        pass
    return folder


@pytest.fixture
def workspace(template: Path, tmp_path: Path) -> Workspace:
    folder = tmp_path / "workspace"
    shutil.copytree(template, folder)
    return Workspace(folder)


@pytest.fixture
def chain(workspace: Workspace, clock: Clock) -> Iterator[EmbeddedChain]:
    with EmbeddedChain(workspace, clock=clock) as chain:
        yield chain


class FaultyRpc:
    """A chain with some of its answers replaced: a value, an exception, or a function of the parameters.

    A list is used up one answer per call, its last one for ever; `REAL` asks the chain behind.
    """

    REAL = object()

    def __init__(self, behind: Any, faults: dict[str, Any] | None = None) -> None:
        self.behind = behind
        self.faults = dict(faults or {})
        self.calls: list[str] = []

    def call(self, method: str, params: Sequence[object] = ()) -> Any:
        self.calls.append(method)
        fault = self.faults.get(method, self.REAL)
        if isinstance(fault, list):
            fault = fault.pop(0) if len(fault) > 1 else fault[0]
        if isinstance(fault, Exception):
            raise fault
        if callable(fault):
            return fault(params)
        return self.behind.call(method, params) if fault is self.REAL else fault


@pytest.fixture
def faulty(chain: EmbeddedChain) -> Callable[..., FaultyRpc]:
    return lambda **faults: FaultyRpc(chain, faults)


@pytest.fixture
def make_block() -> Callable[..., Block]:
    return Block
