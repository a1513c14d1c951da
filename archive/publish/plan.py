"""What a publication makes permanent, told before it happens: the value, and its words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from archive.publish.ports import Quote


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A file that becomes public and permanent; `size` in bytes."""

    path: str
    size: int
    media_type: str


@dataclass(frozen=True, slots=True)
class PlannedWithheld:
    """A file that stays here: only a salted commitment is published (None when the seal is still to be made)."""

    id: str
    path: str
    commitment: str | None


@dataclass(frozen=True, slots=True)
class PlannedReference:
    """A file that the record names by hash and size and that is not part of the package."""

    id: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class StoreCost:
    """What a store that is paid asks for `size` bytes: exact decimal amounts of `coin`; None when it did not answer."""

    size: int
    total: str | None
    balance: str | None
    coin: str

    def to_json(self) -> dict[str, Any]:
        return {"size": self.size, "total": self.total, "balance": self.balance, "coin": self.coin}


@dataclass(frozen=True, slots=True)
class PlannedStore:
    """A place that is given the package; `cost` is None where nothing is paid for each package."""

    name: str
    operator: str
    public: bool
    cost: StoreCost | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that is shown before the question.

    `root` and `content_id` are None when they cannot be known yet (a dry run with withheld items and no seal).
    `clocks` are asked for stamps; `not_before` are the blocks that the package names.
    `quote` is None when nothing is left to pay (the anchor is on chain already).
    """

    incident: str
    revision: int
    title: str
    previous_root: str | None
    root: str | None
    content_id: str | None
    files: tuple[PlannedFile, ...]
    withheld: tuple[PlannedWithheld, ...]
    references: tuple[PlannedReference, ...]
    waived: tuple[str, ...]
    stores: tuple[PlannedStore, ...]
    network: str
    chain_id: int
    registry: str | None
    publisher: str | None
    embedded: bool
    quote: Quote | None
    done: tuple[str, ...] = ()
    clocks: tuple[str, ...] = ()
    not_before: tuple[str, ...] = ()

    @property
    def total_size(self) -> int:
        return sum(item.size for item in self.files)

    @property
    def public(self) -> bool:
        return any(store.public for store in self.stores)

    def to_json(self) -> dict[str, Any]:
        quote = self.quote
        return {
            "incident": self.incident,
            "revision": self.revision,
            "previous_root": self.previous_root,
            "root": self.root,
            "content_id": self.content_id,
            "files": [{"path": f.path, "size": f.size, "media_type": f.media_type} for f in self.files],
            "total_size": self.total_size,
            "withheld": [{"id": w.id, "path": w.path, "commitment": w.commitment} for w in self.withheld],
            "references": [{"id": r.id, "size": r.size, "sha256": r.sha256} for r in self.references],
            "waived": list(self.waived),
            "stores": [
                {
                    "name": s.name,
                    "operator": s.operator,
                    "public": s.public,
                    "cost": None if s.cost is None else s.cost.to_json(),
                }
                for s in self.stores
            ],
            "public": self.public,
            "network": self.network,
            "chain_id": self.chain_id,
            "registry": self.registry,
            "publisher": self.publisher,
            "proves_time": not self.embedded,
            "cost": None
            if quote is None
            else {
                "gas": quote.gas,
                "gas_price": units(quote.gas_price, quote.decimals),
                "total": units(quote.cost, quote.decimals),
                "balance": units(quote.balance, quote.decimals),
                "coin": quote.symbol,
            },
            "done": list(self.done),
            "clocks": list(self.clocks),
            "not_before": list(self.not_before),
        }


def units(amount: int, decimals: int) -> str:
    """An amount of smallest units as an exact decimal string: 70648 * 10^8 wei → `0.0000070648`."""
    whole, rest = divmod(amount, 10**decimals)
    fraction = f"{rest:0{decimals}d}".rstrip("0") if decimals else ""
    return f"{whole}.{fraction}" if fraction else str(whole)


def render(plan: Plan) -> str:
    """The plan in words, for somebody who has never seen one."""
    lines = [f"{plan.incident}, revision {plan.revision}", f"  {plan.title}", ""]
    lines += _files(plan)
    lines += _not_published(plan)
    lines += _where(plan)
    lines += _cost(plan)
    return "\n".join(lines)


def _files(plan: Plan) -> list[str]:
    count = len(plan.files)
    heading = "Published, and then permanent" if plan.public else "Packed, and anchored by hash"
    rows = [(f.path, f"{f.size:,}", f.media_type) for f in plan.files]
    lines = [f"{heading}: {count} {_plural(count, 'file')}, {plan.total_size:,} bytes"]
    return [*lines, *_table(rows, right=(1,)), ""]


def _not_published(plan: Plan) -> list[str]:
    lines: list[str] = []
    if plan.withheld:
        lines.append("Withheld: the file stays with you, only a salted hash of it is published")
        lines += _table([(w.path, w.commitment[:16] + "…" if w.commitment else "") for w in plan.withheld])
        lines += ["  Without the seal you can never reveal them: run 'archive seal backup FILE' afterwards.", ""]
    if plan.references:
        lines.append("Not included: named in the record by hash and size only")
        lines += _table([(r.id, f"{r.size:,}", r.sha256[:16] + "…") for r in plan.references], right=(1,))
        lines.append("")
    if plan.waived:
        lines.append("Published although the safety scan found something, because you waived it")
        lines += [f"  {name}" for name in plan.waived]
        lines.append("")
    return lines


def _where(plan: Plan) -> list[str]:
    rows = [("root (fingerprint of all of it)", plan.root or "known once the workspace has its key and seal")]
    rows.append(
        ("content id (address of the files)", plan.content_id or "known once the workspace has its key and seal")
    )
    if plan.previous_root is not None:
        rows.append(("replaces root", plan.previous_root))
    for store in plan.stores:
        note = "public" if store.public else "on this machine, not public"
        rows.append(("store", f"{store.name} ({store.operator}; {note})"))
    rows.append(("network", f"{plan.network} (chain id {plan.chain_id})"))
    if plan.registry is not None:
        rows.append(("registry contract", plan.registry))
    rows.append(("publisher key", plan.publisher or "made for this workspace at the first publication"))
    lines = ["Where", *_table(rows)]
    if plan.clocks:
        lines.append(f"  Clocks that are sent the root's hash: {', '.join(plan.clocks)}")
    if plan.not_before:
        lines.append(f"  Older than the package, by its own word: {', '.join(plan.not_before)}")
    if plan.embedded:
        lines += [
            "  The network 'local' is a chain inside this workspace. It costs nothing and proves no time to anybody;",
            "  use --network bsc-testnet or bsc for that.",
        ]
    else:
        lines += ["  The root, the incident id and the publisher key become public and can never be removed."]
    return [*lines, ""]


def _cost(plan: Plan) -> list[str]:
    rows = []
    quote = plan.quote
    if quote is not None and not plan.embedded:
        rows += [
            ("gas", f"{quote.gas:,} units at {units(quote.gas_price, quote.decimals)} {quote.symbol} each"),
            ("anchor", f"{units(quote.cost, quote.decimals)} {quote.symbol}"),
            ("you have", f"{units(quote.balance, quote.decimals)} {quote.symbol}"),
        ]
        if quote.balance < quote.cost:
            rows.append(("missing", f"{units(quote.cost - quote.balance, quote.decimals)} {quote.symbol}"))
    for store in plan.stores:
        cost = store.cost
        if cost is not None and cost.total is not None:
            rows.append((store.name, f"{cost.total} {cost.coin} for about {cost.size:,} bytes"))
            rows.append(("you have", f"{cost.balance} {cost.coin}"))
        elif cost is not None:
            rows.append((store.name, f"not known now: it did not answer; paid in {cost.coin}"))
    lines = [f"Already done: {', '.join(plan.done)}", ""] if plan.done else []
    return [*lines, "Cost", *_table(rows)] if rows else [*lines, "Cost: nothing"]


def _plural(count: int, word: str) -> str:
    return word if count == 1 else word + "s"


def _table(rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> list[str]:
    """Rows with aligned columns, indented by two; columns in `right` are aligned to the right."""
    if not rows:
        return []
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append(("  " + "  ".join(cells)).rstrip())
    return lines
