"""What a table of evidence looks like, kind by kind: names, types, units, which cells may be empty.

A contract is data. Readers (`archive.evidence.readers`) bring the formats that people have into its columns, methods
of findings rely on them, and `schemas/evidence/<kind>.json` publishes them. Needs no library of an extra.

Types in Arrow and DuckDB: decimal is DECIMAL(38,18), never a float; time is TIMESTAMP in microseconds, always UTC and
without a zone of its own (what the source wrote is in `time_offset`); integer is BIGINT; boolean is BOOLEAN; text and
enum are VARCHAR. An empty cell is NULL, never a stand-in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

CONTRACT_VERSION = "1"
DECIMAL_PRECISION = 38
DECIMAL_SCALE = 18
ROW = "row"
RAW = "raw"
SCHEMA_FOLDER = "evidence"

OUTCOMES = ("accepted", "rejected", "unknown")
PRODUCTS = ("spot", "margin", "usdm", "coinm", "options", "swap", "index", "pool", "other")
TIME_PRECISIONS = ("year", "month", "day", "hour", "minute", "second", "millisecond", "microsecond")
BOUNDS = ("exact", "lower", "upper", "estimate")


class ColumnType(StrEnum):
    """The type of a column; see the module's docstring for what each is in Arrow and DuckDB."""

    DECIMAL = "decimal"
    TIME = "time"
    TEXT = "text"
    ENUM = "enum"
    INTEGER = "integer"
    BOOLEAN = "boolean"


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `required` cells are never empty in a table without problems; `values` are those of an enum."""

    name: str
    type: ColumnType
    description: str
    required: bool = False
    unit: str | None = None
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Contract:
    """The columns of a kind, in order. `row` (1-based, of the source) stands before them in every batch."""

    kind: str
    title: str
    description: str
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """The column of a name. Raises KeyError when there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)


def _decimal(name: str, description: str, unit: str | None = None, *, required: bool = False) -> Column:
    return Column(name, ColumnType.DECIMAL, description, required, unit)


def _text(name: str, description: str, *, required: bool = False) -> Column:
    return Column(name, ColumnType.TEXT, description, required)


def _enum(name: str, values: tuple[str, ...], description: str, *, required: bool = False) -> Column:
    return Column(name, ColumnType.ENUM, description, required, None, values)


def _integer(name: str, description: str, unit: str | None = None, *, required: bool = False) -> Column:
    return Column(name, ColumnType.INTEGER, description, required, unit)


def _boolean(name: str, description: str) -> Column:
    return Column(name, ColumnType.BOOLEAN, description)


def _instant(name: str, description: str, *, required: bool = False) -> Column:
    return Column(name, ColumnType.TIME, description, required, "UTC")


def _time(description: str, *, required: bool = True) -> tuple[Column, ...]:
    """The row's own time, with how the source wrote it."""
    return (
        _instant("time", description, required=required),
        _text("time_offset", "The offset that the source wrote: Z, +08:00; `epoch`; `assumed …` when it wrote none."),
        _enum("time_precision", TIME_PRECISIONS, "The precision of the source's time."),
    )


_VENUE = _text("venue", "The venue, as a slug: binance, okx, uniswap. From the file, or from what the record says.")
_PRODUCT = _enum(
    "product",
    PRODUCTS,
    "The venue's product: usdm and coinm are futures margined in USD stablecoins and in coins, swap those of others.",
)
_SYMBOL = _text("symbol", "The instrument as the venue writes it: BTCUSDT, SOL-USDT-SWAP.")
_PLACE = (_VENUE, _PRODUCT, _SYMBOL)
_LOCAL = _instant("local_time", "When the recorder got it, by the recorder's clock.")
_ACCOUNT = _text("account", "A pseudonym of the account; never a name, number or address that others can look up.")
_GROUP = _text("group", "The group of accounts, where rows are grouped or an account belongs to one.")


_CONTRACTS = (
    Contract(
        "api-log",
        "Log of requests to a venue's API",
        "One row per log record. Only rows whose `event` is `result` have an outcome; count those, never the rest.",
        (
            *_time("When the record was written; for a result, when the answer came."),
            _instant("sent_time", "When the request was sent."),
            _decimal("latency", "From sending to the answer.", "ms"),
            *_PLACE,
            _enum("event", ("request", "result", "other"), "What the record shows.", required=True),
            _enum("operation", ("order", "cancel", "amend", "query", "other"), "What was asked.", required=True),
            _text("endpoint", "Path of the endpoint, without query: /fapi/v1/order."),
            _text("method", "HTTP method, upper case; or the name of the WebSocket call."),
            _enum("side", ("buy", "sell"), "Side of the order."),
            _text("order_type", "Type of the order in the venue's words: LIMIT, MARKET."),
            _boolean("reduce_only", "Whether the order was marked reduce-only."),
            _boolean("close_position", "Whether the order was marked close-position."),
            _decimal("price", "Price of the order.", "quote per base"),
            _decimal("quantity", "Quantity of the order.", "base or contracts"),
            _integer("http_status", "HTTP status of the answer."),
            _integer("code", "The venue's code, with its sign."),
            _text("message", "The venue's message, as it is in the log."),
            _enum("outcome", OUTCOMES, "What became of it, by venue, product, date, code, status and message."),
            _text("outcome_rule", "The rule that gave the outcome: see `docs/evidence.md`."),
            _boolean("client_state", "True where the client's own state can be the reason: no fault follows from it."),
            _text("request_id", "Id of the request, as logged."),
            _text("client_order_id", "The client's own order id, as logged."),
            _text("order_id", "The venue's order id, as logged."),
            _ACCOUNT,
        ),
    ),
    Contract(
        "klines",
        "Candles",
        "One row per candle of one instrument at one venue; several instruments may share a file.",
        (
            *_time("When the candle opens."),
            _instant("close_time", "The last instant of the candle, as the source gives it."),
            *_PLACE,
            _integer("interval", "Length of a candle, where the source tells it.", "s"),
            _decimal("open", "First price.", "quote per base", required=True),
            _decimal("high", "Highest price.", "quote per base", required=True),
            _decimal("low", "Lowest price.", "quote per base", required=True),
            _decimal("close", "Last price.", "quote per base", required=True),
            _decimal("volume", "Traded quantity.", "base or contracts"),
            _decimal("quote_volume", "Traded value.", "quote"),
            _integer("trades", "Number of trades."),
            _decimal("taker_buy_volume", "Quantity bought by takers.", "base or contracts"),
            _decimal("taker_buy_quote_volume", "Value bought by takers.", "quote"),
        ),
    ),
    Contract(
        "prices",
        "Price observations",
        "One row per observed price: a pool's state, an oracle's answer, a ticker.",
        (
            *_time("When the price held."),
            *_PLACE,
            _decimal("price", "The price.", "quote per base", required=True),
            _integer("block", "Block number, for a price on chain."),
            _text("source", "What gave it: pool address, feed, page."),
        ),
    ),
    Contract(
        "trades",
        "Trades",
        "One row per trade or aggregated trade.",
        (
            *_time("When it was executed."),
            _LOCAL,
            *_PLACE,
            _text("id", "The venue's id of the trade or aggregate."),
            _integer("number", "The id as a number, where it is one; it rises within a symbol."),
            _decimal("price", "Price.", "quote per base", required=True),
            _decimal("quantity", "Quantity.", "base or contracts", required=True),
            _decimal("quote_quantity", "Value.", "quote"),
            _integer("first_id", "First trade of an aggregate."),
            _integer("last_id", "Last trade of an aggregate."),
            _enum("side", ("buy", "sell"), "Side of the taker."),
            _boolean("buyer_is_maker", "Whether the buyer was the maker."),
        ),
    ),
    Contract(
        "liquidations",
        "Forced orders",
        "One row per forced order or close. Where `bound` is `lower` the feed is throttled: sums are lower bounds.",
        (
            *_time("When it was executed or pushed."),
            _LOCAL,
            *_PLACE,
            _text("id", "The venue's id."),
            _enum("mechanism", ("liquidation", "adl", "other"), "Liquidation or auto-deleveraging."),
            _enum("side", ("buy", "sell"), "Side of the forced order: sell closes a long."),
            _decimal("price", "Price of the order, or bankruptcy price, as the feed says.", "quote per base"),
            _decimal("average_price", "Average price of execution.", "quote per base"),
            _decimal("quantity", "Quantity.", "base or contracts", required=True),
            _decimal("quote_quantity", "Value, where the source gives it.", "quote"),
            _text("status", "State of the order in the venue's words."),
            _enum("bound", BOUNDS, "lower where the feed leaves orders out.", required=True),
            _ACCOUNT,
        ),
    ),
    Contract(
        "open-interest",
        "Open interest",
        "One row per observation.",
        (
            *_time("When it was observed."),
            *_PLACE,
            _decimal("open_interest", "Open interest.", "base or contracts"),
            _decimal("open_interest_value", "Open interest in value.", "quote"),
        ),
    ),
    Contract(
        "order-book",
        "Order book",
        "One row per level. `quantity` is the new size at the price; 0 means the level is gone.",
        (
            *_time("When the venue sent it.", required=False),
            _LOCAL,
            *_PLACE,
            _boolean("is_snapshot", "True for a row of a full snapshot, false for a change."),
            _integer("sequence", "Last sequence number of the message."),
            _integer("first_sequence", "First sequence number of the message."),
            _integer("previous_sequence", "Sequence number of the message before, as the venue says."),
            _enum("side", ("bid", "ask"), "Side of the book.", required=True),
            _decimal("price", "Price of the level.", "quote per base", required=True),
            _decimal("quantity", "New size at the level.", "base or contracts", required=True),
        ),
    ),
    Contract(
        "index-constituents",
        "Constituents of an index",
        "One row per constituent and time; the weights of one index at one time sum to one.",
        (
            *_time("When the answer was given."),
            *_PLACE,
            _text("constituent", "The venue whose price goes in, as a slug.", required=True),
            _text("constituent_symbol", "The instrument there."),
            _decimal("price", "Its price.", "quote per base"),
            _decimal("weight", "Its weight as a share of one.", "share"),
        ),
    ),
    Contract(
        "mark-price",
        "Mark and index prices",
        "One row per observation.",
        (
            *_time("When it held."),
            *_PLACE,
            _decimal("mark_price", "Mark price.", "quote per base"),
            _decimal("index_price", "Index price.", "quote per base"),
            _decimal("last_price", "Last contract price.", "quote per base"),
            _decimal("best_bid", "Best bid of the contract.", "quote per base"),
            _decimal("best_ask", "Best ask of the contract.", "quote per base"),
            _decimal("funding_rate", "Last or estimated funding rate.", "share"),
            _instant("next_funding_time", "When funding is next due."),
        ),
    ),
    Contract(
        "positions",
        "Positions",
        "One row per position and time.",
        (
            *_time("The time for which it holds.", required=False),
            _text("id", "Id of the position in this file."),
            _ACCOUNT,
            _GROUP,
            *_PLACE,
            _enum("side", ("long", "short"), "Direction.", required=True),
            _decimal("quantity", "Size, not negative.", "base or contracts", required=True),
            _decimal("entry_price", "Average entry price.", "quote per base"),
            _decimal("mark_price", "Mark price at that time.", "quote per base"),
            _decimal("liquidation_price", "Liquidation price as the venue gives it.", "quote per base"),
            _decimal("margin", "Collateral of the position.", "margin asset"),
            _text("margin_asset", "Asset of the collateral."),
            _enum("margin_mode", ("cross", "isolated"), "Margin mode."),
            _decimal("leverage", "Leverage.", "times"),
            _decimal("maintenance_rate", "Maintenance margin rate as a share of value.", "share"),
            _decimal("unrealised_pnl", "Unrealised profit and loss.", "margin asset"),
        ),
    ),
    Contract(
        "ledger",
        "Account ledger",
        "One row per entry; balances foot: balance = balance before + amount, for each account and asset.",
        (
            *_time("When it was booked."),
            _text("id", "The venue's id of the entry."),
            _ACCOUNT,
            _VENUE,
            _text("entry_type", "deposit, withdrawal, trade, fee, funding, pnl, liquidation, transfer, compensation …"),
            Column("asset", ColumnType.TEXT, "The asset.", True),
            _decimal("amount", "Change, negative when it goes out.", "asset", required=True),
            _decimal("balance", "Balance after the entry.", "asset"),
            _SYMBOL,
            _text("reference", "What it belongs to: a trade, a transfer."),
        ),
    ),
    Contract(
        "compensation",
        "Compensation",
        "One row per account (or group) and payment; an account that got nothing has a row with paid 0.",
        (
            *_time("When the loss arose.", required=False),
            _instant("paid_time", "When it was paid."),
            _ACCOUNT,
            _GROUP,
            _VENUE,
            _SYMBOL,
            _text("unit", "Unit of loss and paid: USDT, USD, KRW.", required=True),
            _decimal("loss", "The loss, not negative.", "unit"),
            _decimal("paid", "What was paid, not negative.", "unit", required=True),
            _text("form", "cash, voucher, fee waiver …"),
            _integer("accounts", "Number of accounts, where a row stands for a group."),
        ),
    ),
    Contract(
        "losses",
        "Losses",
        "One row per account (or group) and loss.",
        (
            *_time("When it arose.", required=False),
            _ACCOUNT,
            _GROUP,
            _VENUE,
            _SYMBOL,
            _text("unit", "Unit of the amounts: USDT, USD, KRW.", required=True),
            _decimal("amount", "The loss, not negative; of a range the lower end.", "unit", required=True),
            _decimal("amount_to", "Upper end of a range.", "unit"),
            _enum("bound", BOUNDS, "Whether the amount is exact or a bound.", required=True),
            _integer("accounts", "Number of accounts, where a row stands for a group."),
            _text("basis", "How it is shown: statement, ledger, own word."),
        ),
    ),
    Contract(
        "reserves",
        "Reserves and liabilities",
        "Leaves and nodes of a Merkle sum tree, and reserves held. The root is recomputed from the leaves.",
        (
            *_time("The snapshot's time.", required=False),
            _VENUE,
            _enum("entry", ("leaf", "node", "root", "reserve"), "What the row is.", required=True),
            _integer("level", "Height above the leaves, for a node."),
            _integer("position", "Position from the left, from 0, within its level."),
            _text("hash", "Hash of the leaf or node, in hex, as the file has it."),
            _text("account_hash", "The venue's hashed account id, of a leaf."),
            _text("nonce", "What was hashed with the account id, of a leaf."),
            _text("asset", "The asset.", required=True),
            _decimal("amount", "Liability of a leaf or node; what is held, of a reserve.", "asset", required=True),
            _text("address", "The public address that holds it, of a reserve."),
            _text("network", "Its chain."),
        ),
    ),
    Contract(
        "statement",
        "Statement",
        "One row per line of the statement's text.",
        (_text("text", "The line, without mark-up.", required=True),),
    ),
    Contract(
        "web-capture",
        "Capture of a web page",
        "One row per exchange that was recorded.",
        (
            *_time("When it was captured."),
            _text("url", "Address asked for.", required=True),
            _text("record_type", "Type of the WARC record: response, revisit, resource.", required=True),
            _integer("http_status", "HTTP status."),
            _text("media_type", "Content type as sent."),
            _text("last_modified", "Last-Modified header as sent."),
            _text("server_date", "Date header as sent."),
            _integer("size", "Size of the payload.", "bytes"),
            _text("sha256", "SHA-256 of the payload."),
        ),
    ),
    Contract(
        "system-events",
        "System events of a venue",
        "One row per event: circuit breakers, auctions, outages, announcements.",
        (
            *_time("When it began or was announced."),
            _instant("end_time", "When it ended."),
            *_PLACE,
            _text("id", "The venue's id of the event."),
            _text("event", "circuit-breaker, auction, halt, outage, maintenance, announcement …", required=True),
            _enum("phase", ("begin", "end", "update", "whole"), "Which part of the event the row tells."),
            _text("text", "The venue's words."),
        ),
    ),
)

CONTRACTS: Mapping[str, Contract] = MappingProxyType({contract.kind: contract for contract in _CONTRACTS})


def has_contract(kind: object) -> bool:
    """Whether evidence of this kind is a table with a contract."""
    return isinstance(kind, str) and kind in CONTRACTS


def schema_id(kind: str) -> str:
    return f"urn:incident-archive:schema:evidence:{kind}:{CONTRACT_VERSION}"


def build_schema(kind: str) -> dict[str, Any]:
    """The published contract of a kind: a JSON Schema (2020-12) of one row, written as JSON.

    Decimals and times are strings there; `x-unit` and `x-type` say what JSON Schema cannot.
    """
    from archive.record.models import DECIMAL_PATTERN

    contract = CONTRACTS[kind]
    properties: dict[str, Any] = {
        ROW: {"type": "integer", "minimum": 1, "description": "Number of the record in its source, from 1."}
    }
    for column in contract.columns:
        schema: dict[str, Any]
        if column.type is ColumnType.DECIMAL:
            schema = {"type": "string", "pattern": DECIMAL_PATTERN}
        elif column.type is ColumnType.TIME:
            schema = {"type": "string", "format": "date-time"}
        elif column.type is ColumnType.ENUM:
            schema = {"type": "string", "enum": list(column.values)}
        else:
            schema = {"type": {"integer": "integer", "boolean": "boolean"}.get(column.type.value, "string")}
        schema["description"] = column.description
        schema["x-type"] = column.type.value
        if column.unit:
            schema["x-unit"] = column.unit
        properties[column.name] = schema
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": schema_id(kind),
        "title": contract.title,
        "description": contract.description,
        "type": "object",
        "properties": properties,
        "required": [ROW, *(column.name for column in contract.columns if column.required)],
        "additionalProperties": False,
    }


def render_schema(kind: str) -> bytes:
    """The bytes of `schemas/evidence/<kind>.json`."""
    import json

    return (json.dumps(build_schema(kind), ensure_ascii=False, indent=2) + "\n").encode("utf-8")


def schema_files() -> dict[str, bytes]:
    """Every published contract: path below the folder of schemas to bytes."""
    return {f"{SCHEMA_FOLDER}/{kind}.json": render_schema(kind) for kind in CONTRACTS}
