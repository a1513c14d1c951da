"""Market data: candles, prices, trades, forced orders, open interest, books, index constituents, mark prices.

Layouts without a header are those of data.binance.vision (by number of columns) and of ccxt. Tardis names its columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from archive.evidence.contracts import CONTRACTS
from archive.evidence.kinds.base import Derivation, Kind, Note

if TYPE_CHECKING:
    import pyarrow as pa

    from archive.evidence.tables import Table, TableContext

PRODUCT_WORDS: Mapping[str, str] = {
    "futures": "usdm",
    "usds-m": "usdm",
    "usd-m": "usdm",
    "um": "usdm",
    "fapi": "usdm",
    "usdⓢ-m": "usdm",
    "coin-m": "coinm",
    "cm": "coinm",
    "dapi": "coinm",
    "eapi": "options",
    "perp": "swap",
    "linear": "swap",
}
# Tardis names venue and product in one word.
VENUE_WORDS: Mapping[str, str] = {
    "binance-futures": "binance",
    "binance-delivery": "binance",
    "okex": "okx",
    "okex-swap": "okx",
    "okex-futures": "okx",
    "bybit-spot": "bybit",
    "gate-io": "gate",
    "gate-io-futures": "gate",
}
_VENUE_PRODUCTS: Mapping[str, str] = {
    "binance-futures": "usdm",
    "binance-delivery": "coinm",
    "okex-swap": "swap",
    "okex": "spot",
    "bybit-spot": "spot",
    "gate-io": "spot",
}
_SIDES = {"b": "buy", "bid": "buy", "long": "buy", "s": "sell", "ask": "sell", "short": "sell"}
_TIME = (
    "timestamp",
    "ts",
    "date",
    "datetime",
    "time_utc",
    "t",
    "block_timestamp",
    "block_time",
    "__index_level_0__",
    "index",
)
_PLACE = {
    "venue": ("exchange", "source"),
    "product": ("market", "market_type"),
    "symbol": ("instrument", "pair", "inst_id", "s"),
}
_MICROSECONDS_FROM = 1_735_689_600_000_000  # 2025-01-01: spot archives of Binance count microseconds from then on
_MAX_SYMBOLS = 20_000


def _venue_product(arrays: Mapping[str, Any], context: TableContext) -> dict[str, Any]:
    """`binance-futures` is venue binance, product usdm."""
    import pyarrow as pa
    import pyarrow.compute as pc

    coded = arrays["venue"].dictionary_encode()
    words = coded.dictionary.to_pylist()
    products = pa.array([_VENUE_PRODUCTS.get(word) for word in words], pa.string()).take(coded.indices)
    venues = pa.array([VENUE_WORDS.get(word, word) for word in words], pa.string()).take(coded.indices)
    return {"venue": venues, "product": pc.coalesce(arrays["product"], products)}


_PLACES = Derivation(("venue", "product"), ("venue", "product"), _venue_product, early=True)


def _rows(value: Any, lists: Mapping[int, tuple[str, ...]]) -> Iterator[Mapping[str, Any]]:
    """An object as it is; a list under the names for its length; a list of these, one after another."""
    from archive.evidence.readers.jsontext import flatten

    if isinstance(value, dict):
        yield flatten(value)
    elif isinstance(value, list) and value and isinstance(value[0], (list, dict)):
        for item in value:
            yield from _rows(item, lists)
    elif isinstance(value, list) and len(value) in lists:
        yield dict(zip(lists[len(value)], value, strict=True))
    else:
        raise TypeError("an object, or a list of a known length, is expected")


# Candles

_BINANCE_KLINE = (
    "open_time",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "close_time",
    "quote_volume",
    "count",
    "taker_buy_volume",
    "taker_buy_quote_volume",
    "ignore",
)
_CCXT_KLINE = ("timestamp", "open", "high", "low", "close", "volume")
_KLINE_LISTS = {12: _BINANCE_KLINE, 6: _CCXT_KLINE}


def _expand_klines(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, dict) and isinstance(value.get("k"), dict):  # Binance's stream
        yield {"symbol": value.get("s"), **{f"k_{key}": item for key, item in value["k"].items()}}
        return
    yield from _rows(value, _KLINE_LISTS)


class _Klines:
    """low ≤ open, close ≤ high; gaps, duplicates and order of each instrument; the unit that the venue used then."""

    def __init__(self, table: Table, note: Note) -> None:
        self.table, self.note = table, note
        self.last: dict[tuple[Any, ...], int] = {}
        stated = table.source.facts.get("interval")
        self.step: int | None = int(stated) * 1_000_000 if stated else None
        self.gaps = self.missing = 0
        self.unit_told = False

    def batch(self, batch: pa.RecordBatch) -> None:
        import pyarrow.compute as pc

        column = {name: batch.column(name) for name in ("open", "high", "low", "close")}
        rows = batch.column("row")
        for name in ("open", "close", "high"):
            self._tell(pc.greater(column["low"], column[name]), rows, "klines.low", f"low is above {name}", "low")
        for name in ("open", "close"):
            self._tell(pc.less(column["high"], column[name]), rows, "klines.high", f"high is below {name}", "high")
        for name in column:
            self._tell(
                pc.less_equal(column[name], Decimal(0)), rows, "klines.not_positive", f"{name} is not above zero", name
            )
        for name in ("volume", "quote_volume"):
            self._tell(pc.less(batch.column(name), Decimal(0)), rows, "klines.negative", f"{name} is below zero", name)
        closes = pc.less_equal(batch.column("close_time"), batch.column("time"))
        self._tell(closes, rows, "klines.close_time", "the candle closes before it opens", "close_time")
        self._units(batch)
        for key, part in _by_instrument(batch, self.note, self.last):
            self._steps(key, part)

    def _tell(self, mask: Any, rows: Any, code: str, message: str, name: str) -> None:
        from archive.evidence.checks import tell_rows

        tell_rows(mask, rows, self.note, code, message, name)

    def _units(self, batch: pa.RecordBatch) -> None:
        """Binance's spot archives count microseconds from 2025 on, all others milliseconds."""
        if self.unit_told or not self.table.source.format.startswith("data.binance.vision"):
            return
        import pyarrow as pa
        import pyarrow.compute as pc

        product, last = batch.column("product")[0].as_py(), pc.max(batch.column("time").cast(pa.int64())).as_py()
        if product is None or last is None:
            return
        wanted = "microsecond" if product == "spot" and last >= _MICROSECONDS_FROM else "millisecond"
        found = batch.column("time_precision")[0].as_py()
        if found is not None and found != wanted:
            self.unit_told = True
            self.note(
                "klines.unit",
                f"the times count {found}s where the venue's archives of that product and day count {wanted}s",
                batch.column("row")[0].as_py(),
                "time",
                "warning",
            )

    def _steps(self, key: tuple[Any, ...], part: pa.RecordBatch) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        times = part.column("time").cast(pa.int64())
        rows = part.column("row")
        kept = pc.is_valid(times)
        times, rows = times.filter(kept), rows.filter(kept)
        if not len(times):
            return
        before = self.last.get(key)
        head = times if before is None else pa.concat_arrays([pa.array([before], pa.int64()), times])
        self.last[key] = times[len(times) - 1].as_py()
        if len(head) < 2:
            return
        steps = pc.subtract(head.slice(1), head.slice(0, len(head) - 1))
        places = rows.slice(1) if before is None else rows
        if self.step is None:
            forward = steps.filter(pc.greater(steps, 0))
            self.step = pc.min(forward).as_py() if len(forward) else None
        self._tell(pc.equal(steps, 0), places, "klines.duplicate", "the time is that of the candle before", "time")
        self._tell(pc.less(steps, 0), places, "klines.order", "the time is before that of the candle before", "time")
        if self.step is None:
            return
        odd = pc.greater(steps, self.step)
        for place in pc.indices_nonzero(odd).to_pylist():
            missing = steps[place].as_py() // self.step - 1
            self.gaps += 1
            self.missing += missing
            self.note(
                "klines.gap",
                f"{missing:,} candles are missing before it" if missing else "the step is not that of the others",
                places[place].as_py(),
                "time",
                "warning",
            )

    def finish(self) -> None:
        if self.missing:
            self.note(
                "klines.gaps", f"{self.missing:,} candles are missing in {self.gaps:,} gaps", None, "time", "note"
            )


def _by_instrument(
    batch: pa.RecordBatch, note: Note, known: Mapping[tuple[Any, ...], Any]
) -> Iterator[tuple[tuple[Any, ...], pa.RecordBatch]]:
    """The rows of each venue, product and symbol of a batch, in their order. Number of instruments bounded."""
    import pyarrow as pa
    import pyarrow.compute as pc

    joined = pc.binary_join_element_wise(
        *(pc.coalesce(batch.column(name), pa.scalar("")) for name in ("venue", "product", "symbol")), "\x1f"
    ).dictionary_encode()
    keys = joined.dictionary.to_pylist()
    for number, key in enumerate(keys):
        instrument = (key,)
        if instrument not in known and len(known) >= _MAX_SYMBOLS:
            note(
                "table.many_instruments",
                "more than 20,000 instruments: the others are not followed",
                None,
                "symbol",
                "note",
            )
            return
        yield instrument, batch if len(keys) == 1 else batch.filter(pc.equal(joined.indices, number))


KLINES = Kind(
    CONTRACTS["klines"],
    aliases={
        "time": ("open_time", "opentime", "kline_open_time", "k_t", *_TIME),
        "close_time": ("closetime", "k_T"),
        **_PLACE,
        "open": ("o", "k_o", "open_price"),
        "high": ("h", "k_h", "high_price"),
        "low": ("l", "k_l", "low_price"),
        "close": ("c", "k_c", "close_price"),
        "volume": ("v", "k_v", "base_volume", "base_asset_volume"),
        "quote_volume": ("quote_asset_volume", "k_q", "q", "volume_quote"),
        "trades": ("count", "number_of_trades", "trade_count", "k_n", "n"),
        "taker_buy_volume": ("taker_buy_base_asset_volume", "taker_buy_base_volume", "taker_buy_base", "k_V"),
        "taker_buy_quote_volume": ("taker_buy_quote_asset_volume", "taker_buy_quote", "k_Q"),
    },
    layouts=(("data.binance.vision klines", _BINANCE_KLINE), ("ccxt OHLCV", _CCXT_KLINE)),
    expand=_expand_klines,
    values={"product": PRODUCT_WORDS},
    derivations=(_PLACES,),
    checker=_Klines,
)


# Prices, open interest, mark prices


class _Ordered:
    """Times that do not go back, per instrument, and prices above zero."""

    def __init__(self, table: Table, note: Note) -> None:
        self.table, self.note = table, note
        self.last: dict[tuple[Any, ...], int] = {}
        names = ("price", "mark_price", "index_price", "last_price", "best_bid", "best_ask", "average_price")
        self.positive = [name for name in names if name in table.columns]
        self.not_negative = [
            name for name in table.columns if name in ("quantity", "open_interest", "open_interest_value")
        ]

    def batch(self, batch: pa.RecordBatch) -> None:
        import pyarrow.compute as pc

        from archive.evidence.checks import backwards, tell_rows

        kind, rows = self.table.kind, batch.column("row")
        for name in self.positive:
            mask = pc.less_equal(batch.column(name), Decimal(0))
            tell_rows(mask, rows, self.note, f"{kind}.not_positive", f"{name} is not above zero", name)
        for name in self.not_negative:
            mask = pc.less(batch.column(name), Decimal(0))
            tell_rows(mask, rows, self.note, f"{kind}.negative", f"{name} is below zero", name)
        for key, part in _by_instrument(batch, self.note, self.last):
            last = backwards(
                part, self.last.get(key), self.note, f"{kind}.clock", "the clock goes back", severity="warning"
            )
            if last is not None:
                self.last[key] = last

    def finish(self) -> None:
        """Everything was said row by row."""


PRICES = Kind(
    CONTRACTS["prices"],
    aliases={
        "time": _TIME,
        "venue": ("exchange", "dex"),
        "product": ("market",),
        "symbol": ("pair", "pool"),
        "price": ("token1_price", "p", "last", "close", "value"),
        "block": ("block_number", "blocknumber"),
        "source": ("feed", "pool_address"),
    },
    values={"product": PRODUCT_WORDS},
    derivations=(_PLACES,),
    checker=_Ordered,
)

OPEN_INTEREST = Kind(
    CONTRACTS["open-interest"],
    aliases={
        "time": ("create_time", *_TIME),
        **_PLACE,
        "open_interest": ("sum_open_interest", "oi", "open_interest_amount"),
        "open_interest_value": ("sum_open_interest_value", "oi_value", "open_interest_usd"),
    },
    values={"product": PRODUCT_WORDS},
    derivations=(_PLACES,),
    checker=_Ordered,
)

MARK_PRICE = Kind(
    CONTRACTS["mark-price"],
    aliases={
        "time": ("E", *_TIME),
        **_PLACE,
        "mark_price": ("p", "mark"),
        "index_price": ("i", "index"),
        "last_price": ("contract_price", "last"),
        "best_bid": ("bid", "bid_price"),
        "best_ask": ("ask", "ask_price"),
        "funding_rate": ("last_funding_rate", "r", "predicted_funding_rate"),
        "next_funding_time": ("funding_timestamp", "T"),
    },
    values={"product": PRODUCT_WORDS},
    derivations=(_PLACES,),
    checker=_Ordered,
)


# Trades

_AGG = (
    "agg_trade_id",
    "price",
    "quantity",
    "first_trade_id",
    "last_trade_id",
    "transact_time",
    "is_buyer_maker",
    "is_best_match",
)
_TRADE = ("id", "price", "qty", "quote_qty", "time", "is_buyer_maker", "is_best_match")


def _taker(arrays: Mapping[str, Any], context: TableContext) -> dict[str, Any]:
    """The taker sells when the buyer is the maker. The number is the id where it is a whole one."""
    import pyarrow as pa
    import pyarrow.compute as pc

    made = pc.if_else(arrays["buyer_is_maker"], pa.scalar("sell"), pa.scalar("buy"))
    whole = pc.match_substring_regex(arrays["id"], r"^\d{1,18}$")
    numbers = pc.if_else(whole, arrays["id"], pa.scalar(None, pa.string())).cast(pa.int64())
    return {"side": pc.coalesce(arrays["side"], made), "number": pc.coalesce(arrays["number"], numbers)}


class _Trades(_Ordered):
    """Ids that rise and miss none, besides."""

    def __init__(self, table: Table, note: Note) -> None:
        super().__init__(table, note)
        self.numbers: dict[tuple[Any, ...], int] = {}
        self.missing = 0

    def batch(self, batch: pa.RecordBatch) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        from archive.evidence.checks import tell_rows

        super().batch(batch)
        for key, part in _by_instrument(batch, self.note, self.numbers):
            kept = pc.is_valid(part.column("number"))
            numbers, rows = part.column("number").filter(kept), part.column("row").filter(kept)
            if not len(numbers):
                continue
            before = self.numbers.get(key)
            head = numbers if before is None else pa.concat_arrays([pa.array([before], pa.int64()), numbers])
            places = rows.slice(1) if before is None else rows
            self.numbers[key] = numbers[len(numbers) - 1].as_py()
            if len(head) < 2:
                continue
            steps = pc.subtract(head.slice(1), head.slice(0, len(head) - 1))
            tell_rows(
                pc.equal(steps, 0), places, self.note, "trades.duplicate", "the id is that of the row before", "id"
            )
            tell_rows(
                pc.less(steps, 0), places, self.note, "trades.order", "the id is below that of the row before", "id"
            )
            jumps = pc.greater(steps, 1)
            self.missing += pc.sum(pc.subtract(steps.filter(jumps), 1)).as_py() or 0
            tell_rows(jumps, places, self.note, "trades.gap", "ids are missing before it", "id", severity="warning")
        spans = pc.less(batch.column("last_id"), batch.column("first_id"))
        tell_rows(spans, batch.column("row"), self.note, "trades.span", "last_id is below first_id", "last_id")

    def finish(self) -> None:
        if self.missing:
            self.note("trades.gaps", f"{self.missing:,} ids are missing", None, "id", "note")


TRADES = Kind(
    CONTRACTS["trades"],
    aliases={
        "time": ("transact_time", "trade_time", "T", *_TIME),
        "local_time": ("local_timestamp",),
        **_PLACE,
        "id": ("agg_trade_id", "trade_id", "a", "tid"),
        "price": ("p",),
        "quantity": ("qty", "amount", "size", "q"),
        "quote_quantity": ("quote_qty", "cost"),
        "first_id": ("first_trade_id", "f"),
        "last_id": ("last_trade_id", "l"),
        "side": ("taker_side", "taker_or_maker_side"),
        "buyer_is_maker": ("is_buyer_maker", "buyer_maker", "m", "was_the_buyer_the_maker"),
    },
    layouts=(
        ("data.binance.vision aggTrades", _AGG),
        ("data.binance.vision aggTrades", _AGG[:7]),
        ("data.binance.vision trades", _TRADE),
        ("data.binance.vision trades", _TRADE[:6]),
    ),
    values={"side": _SIDES, "product": PRODUCT_WORDS},
    derivations=(_PLACES, Derivation(("side", "number"), ("side", "buyer_is_maker", "id", "number"), _taker)),
    checker=_Trades,
)


# Forced orders


def _expand_liquidations(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, dict) and isinstance(value.get("data"), dict) and "o" in value["data"]:
        value = value["data"]
    if isinstance(value, dict) and isinstance(value.get("o"), dict) and value.get("e") == "forceOrder":
        order = value["o"]
        yield {
            "time": order.get("T") or value.get("E"),
            "symbol": order.get("s"),
            "side": order.get("S"),
            "price": order.get("p"),
            "average_price": order.get("ap"),
            "quantity": order.get("q"),
            "status": order.get("X"),
            "venue": "binance",
            "bound": "lower",
        }
        return
    yield from _rows(value, {})


# Feeds that leave orders out: at most one a second and symbol, or so sampled.
_THROTTLED = frozenset({"binance", "okx", "bybit"})


def _bound(arrays: Mapping[str, Any], context: TableContext) -> dict[str, Any]:
    """Exact only where the file says so, or the venue's feed is complete; nobody's word makes it lower by accident."""
    import pyarrow as pa
    import pyarrow.compute as pc

    throttled = pc.is_in(pc.coalesce(arrays["venue"], pa.scalar("binance")), value_set=pa.array(sorted(_THROTTLED)))
    guessed = pc.if_else(throttled, pa.scalar("lower"), pa.scalar("exact"))
    return {"bound": pc.coalesce(arrays["bound"], guessed)}


class _Liquidations(_Ordered):
    """Says where sums are lower bounds."""

    def __init__(self, table: Table, note: Note) -> None:
        super().__init__(table, note)
        self.lower = 0

    def batch(self, batch: pa.RecordBatch) -> None:
        import pyarrow.compute as pc

        super().batch(batch)
        self.lower += pc.sum(pc.equal(batch.column("bound"), "lower")).as_py() or 0

    def finish(self) -> None:
        if self.lower:
            self.note(
                "liquidations.lower_bound",
                f"{self.lower:,} rows come from a feed that leaves orders out: their sums are lower bounds",
                None,
                "bound",
                "note",
            )


LIQUIDATIONS = Kind(
    CONTRACTS["liquidations"],
    aliases={
        "time": ("T", *_TIME),
        "local_time": ("local_timestamp",),
        **_PLACE,
        "id": ("liquidation_id", "order_id"),
        "mechanism": ("type", "liquidation_type"),
        "price": ("p", "bankruptcy_price"),
        "average_price": ("avg_price", "ap"),
        "quantity": ("original_quantity", "orig_qty", "qty", "amount", "size", "q", "sz"),
        "quote_quantity": ("notional", "value", "usd"),
        "status": ("order_status", "x"),
        "account": ("user", "trader"),
    },
    expand=_expand_liquidations,
    values={
        "side": _SIDES,
        "product": PRODUCT_WORDS,
        "mechanism": {"auto-deleveraging": "adl", "forced": "liquidation"},
    },
    derivations=(_PLACES, Derivation(("bound",), ("bound", "venue"), _bound)),
    checker=_Liquidations,
)


# Books


def _expand_book(value: Any) -> Iterator[Mapping[str, Any]]:
    """ccxt's and Binance's snapshots, and Binance's changes; one row per level."""
    if isinstance(value, list):
        for item in value:
            yield from _expand_book(item)
        return
    if isinstance(value, dict) and isinstance(value.get("data"), dict) and "bids" not in value:
        value = value["data"]
    change = value.get("e") == "depthUpdate"
    common = {
        "time": value.get("E")
        if value.get("E") is not None
        else value.get("timestamp") or value.get("T") or value.get("time"),
        "symbol": value.get("symbol") or value.get("s"),
        "is_snapshot": not change,
        "sequence": next((value[key] for key in ("u", "lastUpdateId", "nonce") if value.get(key) is not None), None),
        "first_sequence": value.get("U"),
        "previous_sequence": value.get("pu"),
        "venue": value.get("exchange") or value.get("venue"),
    }
    sides = (("bid", "bids", "b"), ("ask", "asks", "a"))
    if not any(key in value for _, *keys in sides for key in keys):
        from archive.evidence.readers.jsontext import flatten

        yield flatten(value)
        return
    for side, long_name, short_name in sides:
        for level in value.get(long_name, value.get(short_name)) or ():
            price, quantity = (
                (level["price"], level.get("quantity", level.get("amount"))) if isinstance(level, dict) else level[:2]
            )
            yield {**common, "side": side, "price": price, "quantity": quantity}


class _Book:
    """Snapshots sorted and not crossed; changes that follow one another; books that stand empty."""

    MAX_LEVELS = 200_000

    def __init__(self, table: Table, note: Note) -> None:
        self.table, self.note = table, note
        self.books: dict[str, dict[str, dict[Decimal, Decimal]]] = {}
        self.message: tuple[Any, ...] | None = None
        self.symbol = ""
        self.sequence: dict[str, int] = {}
        self.row = 0
        self.order: dict[str, Decimal] = {}
        self.crossed: set[str] = set()
        self.vanished: dict[str, int] = {}
        self.levels = 0
        self.followed = True

    def batch(self, batch: pa.RecordBatch) -> None:
        names = (
            "row",
            "time",
            "venue",
            "symbol",
            "is_snapshot",
            "sequence",
            "first_sequence",
            "previous_sequence",
            "side",
            "price",
            "quantity",
        )
        for cells in zip(*(batch.column(name).to_pylist() for name in names), strict=True):
            self._level(*cells)

    def _level(
        self,
        row: int,
        time: datetime | None,
        venue: str | None,
        symbol: str | None,
        snapshot: bool | None,
        sequence: int | None,
        first: int | None,
        previous: int | None,
        side: str | None,
        price: Decimal | None,
        quantity: Decimal | None,
    ) -> None:
        key = f"{venue or ''}\x1f{symbol or ''}"
        message = (key, time, sequence, bool(snapshot))
        if message != self.message:
            self._end_message()
            self._start_message(key, row, bool(snapshot), message, sequence, first, previous)
        if side is None or price is None or quantity is None:
            return
        if quantity < 0:
            self.note("order-book.negative", "the size is below zero", row, "quantity", "error")
            return
        if snapshot:
            last = self.order.get(side)
            if last is not None and (price >= last if side == "bid" else price <= last):
                self.note(
                    "order-book.unsorted", f"the {side} is not sorted away from the middle", row, "price", "error"
                )
            self.order[side] = price
        book = self.books.setdefault(key, {"bid": {}, "ask": {}})[side]
        self.levels -= len(book)
        if quantity == 0:
            book.pop(price, None)
        else:
            book[price] = quantity
        self.levels += len(book)
        self.row = row
        if self.levels > self.MAX_LEVELS:
            self.books.clear()
            self.levels = 0
            if self.followed:
                self.note(
                    "order-book.too_deep",
                    "more than 200,000 levels at once: the book is not followed on",
                    row,
                    "price",
                    "note",
                )
            self.followed = False

    def _start_message(
        self,
        key: str,
        row: int,
        snapshot: bool,
        message: tuple[Any, ...],
        sequence: int | None,
        first: int | None,
        previous: int | None,
    ) -> None:
        before = self.message
        self.message, self.symbol, self.row = message, key, row
        self.order = {}
        if snapshot and (before is None or before[0] != key or not before[3] or before[1] != message[1]):
            old = self.books.pop(key, None)
            self.levels -= sum(len(side) for side in old.values()) if old else 0
        known = self.sequence.get(key)
        if sequence is not None:
            if known is not None and sequence < known:
                self.note("order-book.sequence", "the sequence number goes back", row, "sequence", "error")
            elif known is not None and not snapshot:
                gap = (previous is not None and previous != known) or (
                    previous is None and first is not None and first > known + 1
                )
                if gap:
                    self.note("order-book.gap", "messages are missing before it", row, "sequence", "warning")
            self.sequence[key] = sequence

    def _end_message(self) -> None:
        if self.message is None or not self.followed:
            return
        book = self.books.get(self.symbol)
        if book is None:
            return
        if not book["bid"] or not book["ask"]:
            if self.symbol not in self.vanished:
                side = "bids" if not book["bid"] else "asks"
                self.note("order-book.no_depth", f"from here on there are no {side}", self.row, "quantity", "note")
            self.vanished[self.symbol] = self.row
            return
        self.vanished.pop(self.symbol, None)
        # The best prices are only looked for at the end of a message: within one, a book may cross for a moment.
        if max(book["bid"]) >= min(book["ask"]):
            if self.symbol not in self.crossed:
                self.note("order-book.crossed", "the best bid is not below the best ask", self.row, "price", "error")
            self.crossed.add(self.symbol)
        else:
            self.crossed.discard(self.symbol)

    def finish(self) -> None:
        self._end_message()


ORDER_BOOK = Kind(
    CONTRACTS["order-book"],
    aliases={
        "time": _TIME,
        "local_time": ("local_timestamp",),
        **_PLACE,
        "is_snapshot": ("snapshot",),
        "sequence": ("last_update_id", "u", "nonce"),
        "first_sequence": ("first_update_id",),
        "previous_sequence": ("pu",),
        "quantity": ("amount", "qty", "size"),
    },
    expand=_expand_book,
    values={
        "side": {"buy": "bid", "sell": "ask", "b": "bid", "a": "ask", "bids": "bid", "asks": "ask"},
        "product": PRODUCT_WORDS,
    },
    derivations=(_PLACES,),
    checker=_Book,
)


# Index constituents


def _expand_constituents(value: Any) -> Iterator[Mapping[str, Any]]:
    """GET /fapi/v1/constituents, with the time of its answer."""
    if isinstance(value, list):
        for item in value:
            yield from _expand_constituents(item)
        return
    inner = value.get("data") if isinstance(value.get("data"), dict) else value
    listed = inner.get("constituents")
    if not isinstance(listed, list):
        from archive.evidence.readers.jsontext import flatten

        yield flatten(value)
        return
    for item in listed:
        yield {
            "time": inner.get("time") or inner.get("timestamp"),
            "symbol": inner.get("symbol"),
            "venue": inner.get("venue"),
            "constituent": item.get("exchange"),
            "constituent_symbol": item.get("symbol"),
            "price": item.get("price"),
            "weight": item.get("weight"),
        }


class _Constituents:
    """Weights between zero and one that sum to one, and how much of the index is the venue itself."""

    TOLERANCE = Decimal("0.00001")

    def __init__(self, table: Table, note: Note) -> None:
        self.table, self.note = table, note
        self.group: tuple[Any, ...] | None = None
        self.total = Decimal(0)
        self.rows: tuple[int, int] = (0, 0)
        self.weighted = True
        self.own: tuple[Decimal, int, str] | None = None

    def batch(self, batch: pa.RecordBatch) -> None:
        names = ("row", "time", "venue", "symbol", "constituent", "price", "weight")
        for row, time, venue, symbol, constituent, price, weight in zip(
            *(batch.column(name).to_pylist() for name in names), strict=True
        ):
            if (time, venue, symbol) != self.group:
                self._end()
                self.group, self.total, self.rows, self.weighted = (time, venue, symbol), Decimal(0), (row, row), True
            self.rows = (self.rows[0], row)
            if price is not None and price <= 0:
                self.note("index-constituents.not_positive", "the price is not above zero", row, "price", "error")
            if weight is None:
                self.weighted = False
                continue
            if not 0 <= weight <= 1:
                self.note("index-constituents.weight", "a weight lies between 0 and 1", row, "weight", "error")
            self.total += weight
            name = (constituent or "").casefold()
            own = (venue or self.table.context.venue or "").casefold()
            if own and name == own and (self.own is None or weight > self.own[0]):
                self.own = (weight, row, f"{symbol or 'the index'}")

    def _end(self) -> None:
        if self.group is not None and self.weighted and abs(self.total - 1) > self.TOLERANCE:
            self.note(
                "index-constituents.weights",
                f"the weights of rows {self.rows[0]} to {self.rows[1]} sum to {self.total.normalize():f}, not to 1",
                self.rows[0],
                "weight",
                "error",
            )

    def finish(self) -> None:
        self._end()
        if self.own is not None:
            weight, row, symbol = self.own
            self.note(
                "index-constituents.own_weight",
                f"the venue's own price weighs {weight.normalize():f} in {symbol}, at most",
                row,
                "weight",
                "note",
            )


INDEX_CONSTITUENTS = Kind(
    CONTRACTS["index-constituents"],
    aliases={
        "time": _TIME,
        "venue": ("index_venue",),
        "product": ("market",),
        "symbol": ("index", "index_symbol"),
        "constituent": ("exchange", "component", "source"),
        "constituent_symbol": ("component_symbol", "pair"),
        "price": ("last_price",),
        "weight": ("share",),
    },
    expand=_expand_constituents,
    values={"product": PRODUCT_WORDS},
    derivations=(_PLACES,),
    checker=_Constituents,
)
