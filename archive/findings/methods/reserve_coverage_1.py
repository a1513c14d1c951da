"""reserve-coverage@1: reserves held against liabilities in a sum tree, and whether one account is in the tree.

Tree `bitmex`: the hash above two nodes is SHA-256(left hash ‖ left sum ‖ right hash ‖ right sum), sums as unsigned
64-bit little-endian integers (BitMEX/proof-of-reserves-liabilities). The root comes from the leaves, never from a file.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from archive.errors import InvalidInputError
from archive.findings.exact import ratio, text
from archive.findings.method import Engine, Input, Method, Parameter, Parameters, Result, Role, no_rows, present

_COLUMNS = ("entry", "level", "position", "hash", "asset", "amount")
_HASH = re.compile(r"[0-9a-f]{64}\Z")
_MOST = 2**64
_ZERO = Decimal(0)
# What a sum tree leaves open, whatever the numbers are; part of every result, so that no table is read without it.
CANNOT_SHOW = (
    "that no liability was left out of the tree",
    "that reserves are free of debts, pledges and loans taken for the day",
    "that reserves and liabilities are of the same moment",
    "who controls the keys of the addresses",
)


@dataclass(slots=True)
class _Asset:
    leaves: int = 0
    negative: int = 0
    liabilities: Decimal = _ZERO
    reserves: Decimal = _ZERO
    reserve_rows: int = 0
    stated_root: Decimal | None = None

    def add(self, other: _Asset) -> None:
        self.leaves += other.leaves
        self.negative += other.negative
        self.liabilities += other.liabilities
        self.reserves += other.reserves
        self.reserve_rows += other.reserve_rows
        if other.stated_root is not None:
            self.stated_root = other.stated_root


@dataclass(frozen=True, slots=True)
class _Leaf:
    position: int
    hash: str
    amount: Decimal


@dataclass(slots=True)
class _Tree:
    """The tree's leaves from left to right, and the root that the file states."""

    leaves: list[_Leaf] = field(default_factory=list)
    stated: str | None = None


def compute(inputs: Sequence[Input], parameters: Parameters, engine: Engine) -> dict[str, Result]:
    """Sums by asset; the root over the leaves where the tree's scheme is known; the place of one account."""
    assets: dict[str, _Asset] = {}
    for item in inputs:
        for name, found in (_fast if engine == "fast" else _reference)(item).items():
            assets.setdefault(name, _Asset()).add(found)
    if not any(found.leaves for found in assets.values()):
        raise no_rows(METHOD.id, "there is no leaf in the files")
    result: dict[str, Result] = {"assets": [_asset(name, found) for name, found in sorted(assets.items())]}
    scheme = parameters.text("tree")
    if scheme not in ("bitmex", "none"):
        raise InvalidInputError(
            f"{METHOD.id}: the tree {scheme!r} is not known", code="findings.parameter", hint="bitmex, or none"
        )
    if scheme == "bitmex":
        result |= _trees([item for item in inputs if item.role == "liabilities"], parameters)
    return {**result, "cannot_show": list(CANNOT_SHOW)}


def _reference(item: Input) -> dict[str, _Asset]:
    found: dict[str, _Asset] = {}
    for batch in item.open("reserves").batches(columns=_COLUMNS):
        for row in batch.to_pylist():
            amount, entry = row["amount"], row["entry"]
            if amount is None or entry == "node":
                continue
            asset = found.setdefault(row["asset"] or "none", _Asset())
            if entry == "leaf":
                asset.add(_Asset(1, int(amount < 0), amount))
            elif entry == "reserve":
                asset.add(_Asset(reserves=amount, reserve_rows=1))
            elif entry == "root":
                asset.stated_root = amount if asset.stated_root is None else max(asset.stated_root, amount)
    return found


def _fast(item: Input) -> dict[str, _Asset]:
    from archive.findings.duck import query

    sql = (
        "SELECT coalesce(nullif(asset, ''), 'none'), count(*) FILTER (entry = 'leaf'), "
        "count(*) FILTER (entry = 'leaf' AND amount < 0), coalesce(sum(amount) FILTER (entry = 'leaf'), 0), "
        "coalesce(sum(amount) FILTER (entry = 'reserve'), 0), count(*) FILTER (entry = 'reserve'), "
        "max(amount) FILTER (entry = 'root') "
        "FROM evidence WHERE amount IS NOT NULL AND entry IN ('leaf', 'reserve', 'root') GROUP BY 1"
    )
    return {name: _Asset(*values) for name, *values in query(item.open("reserves"), _COLUMNS, sql)}


def _asset(name: str, found: _Asset) -> Result:
    shown: dict[str, Result] = {
        "asset": name,
        "leaves": str(found.leaves),
        "negative_leaves": str(found.negative),
        "liabilities": text(found.liabilities),
    }
    if found.stated_root is not None:
        shown["stated_total"] = text(found.stated_root)
        shown["total_foots"] = "yes" if found.stated_root == found.liabilities else "no"
    if found.reserve_rows:
        shown["reserves"] = text(found.reserves)
        shown |= present(coverage=ratio(found.reserves, found.liabilities))
        shown["difference"] = text(found.reserves - found.liabilities)
    return shown


def _trees(inputs: Sequence[Input], parameters: Parameters) -> dict[str, Result]:
    shown: list[Result] = []
    wanted = parameters.maybe("account")
    for item in inputs:
        tree = _read_tree(item)
        if tree.leaves:
            shown.append(_tree(item.evidence, tree, wanted))
    return present(trees=shown or None)


def _read_tree(item: Input) -> _Tree:
    tree = _Tree()
    for batch in item.open("reserves").batches(columns=_COLUMNS):
        for row in batch.to_pylist():
            if row["entry"] == "leaf" and row["hash"] is not None and row["amount"] is not None:
                place = row["position"] if row["position"] is not None else len(tree.leaves)
                tree.leaves.append(_Leaf(place, row["hash"].lower(), row["amount"]))
            elif row["entry"] == "root" and row["hash"] is not None:
                tree.stated = row["hash"].lower()
    tree.leaves.sort(key=lambda leaf: leaf.position)
    return tree


def _tree(evidence: str, tree: _Tree, wanted: str | None) -> Result:
    shown: dict[str, Result] = {"evidence": evidence, "leaves": str(len(tree.leaves))}
    root = _root(tree.leaves)
    if root is None:
        shown["root"] = "not computed: the leaves are no full tree of this scheme"
    else:
        shown["root"] = root
        if tree.stated is not None:
            shown["stated_root"] = tree.stated
            shown["root_agrees"] = "yes" if root == tree.stated else "no"
    if wanted is not None:
        found = next((leaf for leaf in tree.leaves if leaf.hash == wanted.lower()), None)
        shown["account"] = wanted.lower()
        shown["account_in_leaves"] = "yes" if found is not None else "no"
        if found is not None:
            shown["account_position"] = str(found.position)
            shown["account_amount"] = text(found.amount)
    return shown


def _root(leaves: Sequence[_Leaf]) -> str | None:
    """The root's hash; None when positions have gaps, the number is no power of two, or a sum does not fit."""
    if [leaf.position for leaf in leaves] != list(range(len(leaves))) or len(leaves) & (len(leaves) - 1):
        return None
    level: list[tuple[bytes, int]] = []
    for leaf in leaves:
        if not _HASH.match(leaf.hash) or leaf.amount != int(leaf.amount) or not 0 <= leaf.amount < _MOST:
            return None
        level.append((bytes.fromhex(leaf.hash), int(leaf.amount)))
    while len(level) > 1:
        above: list[tuple[bytes, int]] = []
        for (left, left_sum), (right, right_sum) in zip(level[::2], level[1::2], strict=True):
            if left_sum + right_sum >= _MOST:
                return None
            data = left + struct.pack("<Q", left_sum) + right + struct.pack("<Q", right_sum)
            above.append((hashlib.sha256(data).digest(), left_sum + right_sum))
        level = above
    return level[0][0].hex()


METHOD = Method(
    name="reserve-coverage",
    version=1,
    title="Reserves against liabilities, inclusion of one account, and what neither can show",
    roles=(
        Role("liabilities", "reserves", "leaves of the tree of liabilities"),
        Role("reserves", "reserves", "reserves held, in files of their own", 0),
    ),
    parameters=(
        Parameter("tree", "text", "Scheme of the tree: bitmex, or none", "none"),
        Parameter("account", "text", "Hash of the leaf of one account, in hex"),
    ),
    compute=compute,
    has_fast_path=True,
)
