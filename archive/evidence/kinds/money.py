"""Accounts and money: positions, ledgers, compensation, losses. Balances foot, units are named, ids are pseudonyms."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from archive.evidence.contracts import CONTRACTS
from archive.evidence.kinds.base import Derivation, Kind, Note
from archive.evidence.kinds.market import PRODUCT_WORDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from archive.evidence.tables import Table, TableContext

MAX_ACCOUNTS = 2_000_000
_UNIT = re.compile(r"[A-Za-z0-9.₮$-]{1,20}\Z")
# What others can look up is no pseudonym. Judged by form only: the gate of `archive publish` looks deeper.
_NO_PSEUDONYM = (
    ("an e-mail address", re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+\Z")),
    (
        "an address on a chain",
        re.compile(r"(0x[0-9a-fA-F]{40}|(bc1|[13])[a-zA-HJ-NP-Z0-9]{25,60}|T[1-9A-HJ-NP-Za-km-z]{33})\Z"),
    ),
    ("a telephone number", re.compile(r"\+\d[\d ().-]{6,20}\Z")),
    ("a number as venues give to accounts", re.compile(r"\d{7,20}\Z")),
    ("a name", re.compile(r"[A-Z][a-z]+ [A-Z][a-z]+\Z")),
)


def why_no_pseudonym(account: str) -> str | None:
    """What an account id looks like, if it is not a pseudonym."""
    text = account.strip()
    return next((what for what, pattern in _NO_PSEUDONYM if pattern.match(text)), None)


class _Money:
    """Pseudonyms, units, amounts that cannot be negative."""

    NOT_NEGATIVE: tuple[str, ...] = ()

    def __init__(self, table: Table, note: Note) -> None:
        self.table, self.note = table, note
        self.kind = table.kind
        self.units: dict[str, int] = {}

    def batch(self, batch: pa.RecordBatch) -> None:
        import pyarrow.compute as pc

        from archive.evidence.checks import tell_rows

        rows = batch.column("row")
        for name in self.NOT_NEGATIVE:
            mask = pc.less(batch.column(name), Decimal(0))
            tell_rows(mask, rows, self.note, f"{self.kind}.negative", f"{name} is below zero", name)
        for word, place in _first_places(batch.column("account")):
            what = why_no_pseudonym(word)
            if what is not None:
                message = f"the account id looks like {what}; a pseudonym is expected"
                self.note(f"{self.kind}.account", message, rows[place].as_py(), "account", "warning")
        unit_name = next((name for name in ("unit", "asset") if name in self.table.columns), None)
        if unit_name is not None:
            for word, place in _first_places(batch.column(unit_name)):
                if word not in self.units and len(self.units) < MAX_ACCOUNTS:
                    self.units[word] = rows[place].as_py()
                    if not _UNIT.match(word):
                        self.note(
                            f"{self.kind}.unit",
                            f"{word[:40]!r} is no unit or asset",
                            self.units[word],
                            unit_name,
                            "error",
                        )
        self.more(batch)

    def more(self, batch: pa.RecordBatch) -> None:
        """What a kind adds."""

    def finish(self) -> None:
        """Units that differ only by case are told: a sum by unit would fall apart."""
        folded: dict[str, str] = {}
        for unit in self.units:
            other = folded.setdefault(unit.casefold(), unit)
            if other != unit:
                self.note(
                    f"{self.kind}.unit",
                    f"{unit!r} and {other!r} differ only by case",
                    self.units[unit],
                    "unit",
                    "warning",
                )


def _first_places(column: pa.Array) -> list[tuple[str, int]]:
    """Each distinct word of a column, with the place where it stands first."""
    import pyarrow.compute as pc

    coded = column.dictionary_encode()
    return [
        (word, pc.index(coded.indices, number).as_py())
        for number, word in enumerate(coded.dictionary.to_pylist())
        if word is not None
    ]


class _Positions(_Money):
    NOT_NEGATIVE = ("quantity", "margin", "leverage", "maintenance_rate")

    def more(self, batch: pa.RecordBatch) -> None:
        import pyarrow.compute as pc

        from archive.evidence.checks import tell_rows

        for name in ("entry_price", "mark_price"):
            mask = pc.less_equal(batch.column(name), Decimal(0))
            tell_rows(mask, batch.column("row"), self.note, "positions.not_positive", f"{name} is not above zero", name)


class _Ledger(_Money):
    """balance = balance before + amount, for each account and asset, in the order of the file."""

    def __init__(self, table: Table, note: Note) -> None:
        super().__init__(table, note)
        self.balances: dict[tuple[Any, ...], tuple[Decimal, Any]] = {}
        self.newest_first: bool | None = None
        self.full = False

    def more(self, batch: pa.RecordBatch) -> None:
        names = ("row", "time", "account", "venue", "asset", "amount", "balance")
        for row, time, account, venue, asset, amount, balance in zip(
            *(batch.column(name).to_pylist() for name in names), strict=True
        ):
            if balance is None or amount is None:
                continue
            key = (account, venue, asset)
            before = self.balances.get(key)
            if before is None:
                if len(self.balances) >= MAX_ACCOUNTS:
                    if not self.full:
                        self.note(
                            "ledger.many_accounts",
                            "more than 2,000,000 accounts: the others are not footed",
                            row,
                            "account",
                            "note",
                        )
                    self.full = True
                    continue
            elif before[1] is not None and time is not None and time < before[1]:
                self.note(
                    "ledger.order",
                    "the entry is older than the one before it: balances cannot foot",
                    row,
                    "time",
                    "warning",
                )
            elif before[0] + amount != balance:
                shown = [f"{n.normalize():f}" for n in (before[0], amount, before[0] + amount, balance)]
                message = "{} and {} make {}, not {}".format(*shown)
                self.note("ledger.balance", message, row, "balance", "error")
            self.balances[key] = (balance, time)


class _Compensation(_Money):
    NOT_NEGATIVE = ("loss", "paid", "accounts")

    def more(self, batch: pa.RecordBatch) -> None:
        import pyarrow.compute as pc

        from archive.evidence.checks import tell_rows

        early = pc.less(batch.column("paid_time"), batch.column("time"))
        tell_rows(
            early,
            batch.column("row"),
            self.note,
            "compensation.paid_before_loss",
            "paid before the loss arose",
            "paid_time",
        )


class _Losses(_Money):
    NOT_NEGATIVE = ("amount", "amount_to", "accounts")

    def more(self, batch: pa.RecordBatch) -> None:
        import pyarrow.compute as pc

        from archive.evidence.checks import tell_rows

        inverted = pc.less(batch.column("amount_to"), batch.column("amount"))
        tell_rows(inverted, batch.column("row"), self.note, "losses.range", "amount_to is below amount", "amount_to")


_TIME = ("timestamp", "ts", "date", "datetime", "time_utc", "as_of")
_ACCOUNT = ("account_id", "user", "trader", "pseudonym", "victim")
_PLACE = {"venue": ("exchange",), "product": ("market", "market_type"), "symbol": ("instrument", "pair", "contract")}


def _long_or_short(arrays: Mapping[str, Any], context: TableContext) -> dict[str, Any]:
    """Venues write a short as a negative size."""
    import pyarrow as pa
    import pyarrow.compute as pc

    signed = pc.and_(pc.is_null(arrays["side"]), pc.is_valid(arrays["quantity"]))
    negative = pc.less(arrays["quantity"], Decimal(0))
    word = pc.if_else(negative, pa.scalar("short"), pa.scalar("long"))
    size = pc.if_else(pc.and_(signed, negative), pc.negate(arrays["quantity"]), arrays["quantity"])
    return {"side": pc.if_else(signed, word, arrays["side"]), "quantity": size}


POSITIONS = Kind(
    CONTRACTS["positions"],
    aliases={
        "time": ("update_time", *_TIME),
        "id": ("position_id",),
        "account": _ACCOUNT,
        "group": ("cohort", "category"),
        **_PLACE,
        "side": ("direction", "position_side"),
        "quantity": ("position_amt", "contracts", "size", "amount", "qty"),
        "entry_price": ("avg_entry_price", "average_price"),
        "liquidation_price": ("liq_price",),
        "margin": ("collateral", "isolated_margin", "initial_margin"),
        "margin_mode": ("margin_type",),
        "maintenance_rate": ("maintenance_margin_rate", "mmr", "maint_margin_rate", "maintenance_margin_percentage"),
        "unrealised_pnl": ("unrealized_profit", "unrealized_pnl", "un_realized_profit", "upnl"),
    },
    values={
        "side": {"buy": "long", "sell": "short", "l": "long", "s": "short", "both": ""},
        "product": PRODUCT_WORDS,
        "margin_mode": {"crossed": "cross"},
    },
    derivations=(Derivation(("side", "quantity"), ("side", "quantity"), _long_or_short),),
    checker=_Positions,
)

LEDGER = Kind(
    CONTRACTS["ledger"],
    aliases={
        "time": ("utc_time", *_TIME),
        "id": ("tran_id", "txid", "entry_id", "transaction_id"),
        "account": _ACCOUNT,
        "venue": ("exchange",),
        "entry_type": ("type", "operation", "income_type", "category"),
        "asset": ("coin", "currency", "unit"),
        "amount": ("change", "income", "delta"),
        "balance": ("balance_after", "after", "bal"),
        "symbol": ("instrument", "pair"),
        "reference": ("info", "remark", "trade_id", "ref"),
    },
    checker=_Ledger,
)

COMPENSATION = Kind(
    CONTRACTS["compensation"],
    aliases={
        "time": ("loss_time", *_TIME),
        "paid_time": ("paid_at", "payment_time"),
        "account": _ACCOUNT,
        "group": ("cohort", "category", "asset_group"),
        "venue": ("exchange",),
        "symbol": ("instrument", "asset", "pair"),
        "unit": ("currency",),
        "loss": ("loss_amount", "claimed_loss"),
        "paid": ("compensation", "amount_paid", "paid_amount"),
        "form": ("type", "kind"),
        "accounts": ("count", "users"),
    },
    checker=_Compensation,
)

LOSSES = Kind(
    CONTRACTS["losses"],
    aliases={
        "time": _TIME,
        "account": _ACCOUNT,
        "group": ("cohort", "category"),
        "venue": ("exchange", "platform"),
        "symbol": ("instrument", "asset", "pair"),
        "unit": ("currency",),
        "amount": ("loss", "loss_amount", "value"),
        "amount_to": ("loss_to", "value_to"),
        "accounts": ("count", "users"),
        "basis": ("evidence", "source"),
    },
    checker=_Losses,
)
