"""`reserves`: Merkle sum trees of liabilities, and reserves.

The root that a file states is what is checked, never what is used: it is computed anew from the leaves, and from every
level between, each with a stack no deeper than the tree. Known scheme, of BitMEX's published trees
(BitMEX/proof-of-reserves-liabilities): SHA-256(left hash ‖ left sum, u64 LE ‖ right hash ‖ right sum, u64 LE).
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from archive.evidence.contracts import CONTRACTS
from archive.evidence.kinds.base import Kind, Note

if TYPE_CHECKING:
    import pyarrow as pa

    from archive.evidence.tables import Table

_HASH_BYTES = 32
_MAX_SUM = 2**64
_MAX_LEVELS = 40
MAX_ASSETS = 10_000


@dataclass(slots=True)
class SumTree:
    """The root over nodes that are given from left to right: pairs are joined as soon as both are there."""

    stack: list[tuple[int, bytes, int]] = field(default_factory=list)
    count: int = 0
    broken: bool = False

    def add(self, digest: bytes, amount: int) -> None:
        level = 0
        self.count += 1
        while self.stack and self.stack[-1][0] == level:
            _, left, left_sum = self.stack.pop()
            digest, amount, level = join(left, left_sum, digest, amount), left_sum + amount, level + 1
            if amount >= _MAX_SUM:
                self.broken = True
                return
        self.stack.append((level, digest, amount))

    def root(self) -> tuple[bytes, int] | None:
        """The root and its sum, or None when the number of nodes is no power of two."""
        if self.broken or len(self.stack) != 1:
            return None
        return self.stack[0][1], self.stack[0][2]


def join(left: bytes, left_sum: int, right: bytes, right_sum: int) -> bytes:
    """The hash of the node above two others. Sums are unsigned and below 2^64."""
    return hashlib.sha256(left + struct.pack("<Q", left_sum) + right + struct.pack("<Q", right_sum)).digest()


class _Reserves:
    """No negative leaf; leaves sum to the root; the root comes out of the leaves."""

    def __init__(self, table: Table, note: Note) -> None:
        self.table, self.note = table, note
        self.leaves: dict[str, Decimal] = {}
        self.roots: dict[str, tuple[Decimal, str | None, int]] = {}
        self.trees: dict[int, SumTree] = {}
        self.hashed = True
        self.count = 0

    def batch(self, batch: pa.RecordBatch) -> None:
        names = ("row", "entry", "level", "hash", "asset", "amount")
        for row, entry, level, digest, asset, amount in zip(
            *(batch.column(name).to_pylist() for name in names), strict=True
        ):
            if amount is None or entry is None or asset is None:
                continue
            if amount < 0:
                self.note("reserves.negative", f"a {entry} below zero hides liabilities", row, "amount", "error")
                self.hashed = False
            if entry == "leaf":
                self.count += 1
                if asset in self.leaves or len(self.leaves) < MAX_ASSETS:
                    self.leaves[asset] = self.leaves.get(asset, Decimal(0)) + amount
            elif entry == "root":
                if asset in self.roots:
                    self.note("reserves.roots", "the file has two roots for one asset", row, "entry", "error")
                self.roots[asset] = (amount, digest, row)
            if entry in ("leaf", "node"):
                self._hash(0 if entry == "leaf" else level, digest, amount)

    def _hash(self, level: int | None, digest: str | None, amount: Decimal) -> None:
        if not self.hashed:
            return
        try:
            data = bytes.fromhex((digest or "").removeprefix("0x"))
        except ValueError:
            data = b""
        whole = amount == amount.to_integral_value() and 0 <= amount < _MAX_SUM
        if level is None or not 0 <= level <= _MAX_LEVELS or len(data) != _HASH_BYTES or not whole:
            self.hashed = False
            return
        self.trees.setdefault(level, SumTree()).add(data, int(amount))

    def finish(self) -> None:
        for asset, (amount, _, row) in self.roots.items():
            total = self.leaves.get(asset)
            if total is not None and total != amount:
                self.note(
                    "reserves.sum",
                    f"the leaves sum to {total.normalize():f} {asset}, the root says {amount.normalize():f}",
                    row,
                    "amount",
                    "error",
                )
        if not self.count:
            return
        if not self.hashed or len(self.leaves) != 1:
            self.note(
                "reserves.scheme_unknown",
                "the root was not computed anew: how the leaves of this file are hashed is not known here",
                None,
                "hash",
                "note",
            )
            return
        self._roots(next(iter(self.leaves)))

    def _roots(self, asset: str) -> None:
        stated = self.roots.get(asset)
        known = self.table.source.facts.get("scheme") is not None
        for level, tree in sorted(self.trees.items()):
            where = "the leaves" if level == 0 else f"level {level}"
            found = tree.root()
            if found is None:
                self.note(
                    "reserves.shape",
                    f"{where}: {tree.count:,} nodes are no whole level",
                    None,
                    "level",
                    "error" if known else "note",
                )
                continue
            text = found[0].hex()
            if stated is None or not stated[1]:
                self.note(
                    "reserves.root_computed",
                    f"the root over {where} is {text}; the file states none",
                    None,
                    "hash",
                    "note",
                )
            elif stated[1].removeprefix("0x").casefold() == text:
                if level == 0:
                    self.note(
                        "reserves.root_recomputed",
                        f"the root comes out of {tree.count:,} leaves: {text}",
                        stated[2],
                        "hash",
                        "note",
                    )
            elif known:
                self.note(
                    "reserves.root",
                    f"the root over {where} is {text}, the file says {stated[1][:66]}",
                    stated[2],
                    "hash",
                    "error",
                )
            else:
                self.note(
                    "reserves.scheme_unknown",
                    f"the root does not come out of {where} by the schemes known here",
                    stated[2],
                    "hash",
                    "note",
                )
                return


RESERVES = Kind(
    CONTRACTS["reserves"],
    aliases={
        "time": ("timestamp", "snapshot_time", "date", "as_of"),
        "venue": ("exchange",),
        "entry": ("type", "kind", "node_type"),
        "level": ("height", "depth"),
        "position": ("index", "leaf_index"),
        "hash": ("leaf_hash", "node_hash", "merkle_leaf"),
        "account_hash": ("hashed_id", "user_hash", "record_id", "audit_id"),
        "asset": ("coin", "currency", "symbol"),
        "amount": ("balance", "sum", "value"),
        "network": ("chain",),
    },
    values={"entry": {"liability": "leaf", "asset": "reserve", "wallet": "reserve", "inner": "node"}},
    checker=_Reserves,
)
