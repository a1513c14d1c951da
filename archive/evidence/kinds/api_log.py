"""`api-log`: what an API answered. JSON lines, CSV, and the lines that people's programs write.

A line is taken apart once: its time at the start, then whatever of method, address, HTTP status, code, message and
order fields it shows. Query strings are never copied into a column: they carry keys and signatures.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from archive.evidence.contracts import CONTRACTS
from archive.evidence.kinds.base import Derivation, Kind, Note
from archive.evidence.kinds.codes import normalise, wording_flag

if TYPE_CHECKING:
    import pyarrow as pa

    from archive.evidence.tables import Table, TableContext

_TIME = re.compile(
    r"\s*[\[(]?(?P<time>\d{4}[-/]\d{2}[-/]\d{2}[T ]\d{2}:\d{2}:\d{2}(?:[.,]\d{1,9})?(?:\s?(?:Z|[+-]\d{2}:?\d{2}|UTC))?"
    r"|\d{10}(?:\.\d{1,9})?(?!\d)|\d{13}(?!\d)|\d{16}(?!\d))[\])]?"
)
_URL = re.compile(r"(?:https?|wss?)://(?P<host>[A-Za-z0-9.:-]{1,255})(?P<path>/[A-Za-z0-9_./-]{0,200})?")
_PATH = re.compile(r'[\s"\'](?P<path>/(?:api|sapi|fapi|dapi|eapi|papi|v\d)/[A-Za-z0-9_./-]{1,200})')
_METHOD = re.compile(r"\b(GET|POST|PUT|DELETE|PATCH)\b")
_STATUS = re.compile(
    r'(?:HTTP/\d(?:\.\d)?"?\s+|\bstatus(?:[ _]?code)?["\']?\s*[=:]\s*|\bhttp(?:[ _]?(?:status|code))?["\']?\s*[=:]\s*)'
    r"(?P<status>[1-5]\d{2})\b",
    re.IGNORECASE,
)
# ccxt: `binance POST https://… 503 Service Unavailable …`
_STATUS_AFTER_URL = re.compile(
    r"(?:https?://[^\s\"']{1,2000}|/(?:api|sapi|fapi|dapi|eapi|papi)/[^\s\"']{1,500})\"?\s+(?P<status>[1-5]\d{2})\b(?P<rest>[^{\"]{0,300})"
)
_CODE = re.compile(r'["\']?\bcode["\']?\s*[=:]\s*["\']?(?P<code>-?\d{1,9})\b', re.IGNORECASE)
# binance-connector: ClientError: (400, -2010, 'Account has …', {…})
_TUPLE = re.compile(r"\((?P<status>[1-5]\d{2}), (?P<code>-\d{1,9}), (?P<q>['\"])(?P<message>.{0,1000}?)(?P=q)")
# python-binance: APIError(code=-2010): Account has …
_API_ERROR = re.compile(r"APIError\(code=(?P<code>-?\d{1,9})\):\s*(?P<message>.{0,1000})")
_CLASS = re.compile(r"ccxt\.base\.errors\.[A-Za-z]{1,60}|\b(?:ExchangeError|RequestTimeout|NetworkError)\b")
_MESSAGE = re.compile(r'["\']?\b(?:msg|message)["\']?\s*[=:]\s*(?P<q>["\'])(?P<message>.{0,1000}?)(?P=q)')
_FIELDS = {
    "symbol": re.compile(r'\bsymbol["\']?\s*[=:]\s*["\']?(?P<value>[A-Z0-9]{2,20}(?:[/:_-][A-Z0-9]{1,20}){0,3})', re.I),
    "side": re.compile(r'\bside["\']?\s*[=:]\s*["\']?(?P<value>BUY|SELL)\b', re.I),
    "order_type": re.compile(r'\btype["\']?\s*[=:]\s*["\']?(?P<value>[A-Z_]{3,30})\b'),
    "reduce_only": re.compile(r'\breduce_?only["\']?\s*[=:]\s*["\']?(?P<value>true|false)\b', re.I),
    "close_position": re.compile(r'\bclose_?position["\']?\s*[=:]\s*["\']?(?P<value>true|false)\b', re.I),
    "client_order_id": re.compile(
        r'\b(?:newClientOrderId|clientOrderId)["\']?\s*[=:]\s*["\']?(?P<value>[\w.:/-]{1,64})'
    ),
    "order_id": re.compile(r'\borderId["\']?\s*[=:]\s*["\']?(?P<value>\d{1,25})'),
    "request_id": re.compile(
        r'\b(?:request[_-]?id|req[_-]?id|x-request-id)["\']?\s*[=:]\s*["\']?(?P<value>[\w.:/-]{1,80})', re.I
    ),
    "price": re.compile(r'\bprice["\']?\s*[=:]\s*["\']?(?P<value>\d{1,20}(?:\.\d{1,18})?)'),
    "quantity": re.compile(r'\b(?:quantity|origQty|qty)["\']?\s*[=:]\s*["\']?(?P<value>\d{1,20}(?:\.\d{1,18})?)'),
    "latency": re.compile(r"\b(?:latency|elapsed|took)[=:\s]+(?P<value>\d{1,9}(?:\.\d{1,9})?)\s?ms\b", re.I),
}
_HOSTS = (
    ("fapi.binance.", ("binance", "usdm")),
    ("dapi.binance.", ("binance", "coinm")),
    ("eapi.binance.", ("binance", "options")),
    ("api.binance.", ("binance", "spot")),
    ("okx.com", ("okx", None)),
    ("bybit.com", ("bybit", None)),
    ("gateio.", ("gate", None)),
    ("kucoin.com", ("kucoin", None)),
    ("coinbase.com", ("coinbase", "spot")),
)
_PATHS = (("/fapi/", "usdm"), ("/dapi/", "coinm"), ("/eapi/", "options"), ("/sapi/", "margin"), ("/api/v", "spot"))
_CCXT = (("binanceusdm", "usdm"), ("binancecoinm", "coinm"), ("binance", None))
_MAX_LINE = 65_536
LINE_NAMES = ("time", "venue", "product", "event", "endpoint", "method", "http_status", "code", "message", *_FIELDS)
# Codes of Binance that answer a new order and nothing else, for logs that do not show the address.
_ORDER_CODES = (
    -2010,
    -2018,
    -2019,
    -2020,
    -2021,
    -2022,
    -2024,
    -2025,
    -2026,
    -4112,
    -4118,
    -4131,
    -4164,
    -5021,
    -5022,
    -6056,
)


def parse_line(line: str) -> Mapping[str, str] | None:
    """One line of a log as cells; None for a blank one.

    Shapes known: python-logging with any layout that begins with a time, python-binance, binance-connector, ccxt
    (errors and verbose), urllib3's debug lines, and JSON after a time.
    """
    line = line[:_MAX_LINE].strip()
    if not line:
        return None
    cells: dict[str, str] = {"event": "other"}
    when = _TIME.match(line)
    rest = line
    if when is not None:
        cells["time"] = when.group("time")
        rest = line[when.end() :]
    _address(rest, cells)
    _answer(rest, cells)
    for name, pattern in _FIELDS.items():
        found = pattern.search(rest)
        if found is not None:
            cells[name] = found.group("value")
    if "http_status" in cells or "code" in cells:
        cells["event"] = "result"
    elif "order_id" in cells and re.search(r'\bstatus["\']?\s*[=:]\s*["\']?(NEW|FILLED|PARTIALLY_FILLED)\b', rest):
        cells["event"], cells["code"] = "result", "0"
    elif _CLASS.search(rest):
        cells["event"], cells["message"] = "result", rest[:500].strip()
    elif "method" in cells or "endpoint" in cells:
        cells["event"] = "request"
    return cells


def _address(rest: str, cells: dict[str, str]) -> None:
    url = _URL.search(rest)
    path = url.group("path") if url is not None else None
    if not path or path == "/":
        found = _PATH.search(rest)
        path = found.group("path") if found is not None else None
    if url is not None:
        host = url.group("host").casefold()
        for ending, (venue, product) in _HOSTS:
            if ending in host:
                cells["venue"] = venue
                if product:
                    cells["product"] = product
                break
    if path:
        cells["endpoint"] = path.rstrip("/.")
        if "product" not in cells:
            for start, product in _PATHS:
                if path.startswith(start):
                    cells["product"] = product
                    break
    method = _METHOD.search(rest)
    if method is not None:
        cells["method"] = method.group(1)
    for name, product in _CCXT:
        if re.search(rf"\b{name}\b", rest[:300]):
            cells.setdefault("venue", "binance")
            if product:
                cells.setdefault("product", product)
            break


def _answer(rest: str, cells: dict[str, str]) -> None:
    found = _TUPLE.search(rest)
    if found is not None:
        cells["http_status"], cells["code"] = found.group("status"), found.group("code")
        cells["message"] = found.group("message")
        return
    found = _API_ERROR.search(rest)
    if found is not None:
        cells["code"], cells["message"] = found.group("code"), found.group("message").strip()
        return
    found = _CODE.search(rest)
    if found is not None:
        cells["code"] = found.group("code")
    found = _MESSAGE.search(rest)
    if found is not None:
        cells["message"] = found.group("message")
    found = _STATUS_AFTER_URL.search(rest) or _STATUS.search(rest)
    if found is not None:
        cells["http_status"] = found.group("status")
        if "message" not in cells and found.re is _STATUS_AFTER_URL:
            cells.update({"message": text} if (text := found.group("rest").strip(" ,;-")) else {})


def expand(value: Any) -> list[Mapping[str, Any]]:
    """One JSON record. A body that is itself JSON text ({"body": "{\\"code\\": -2010 …}"}) is looked into."""
    from archive.evidence.readers.jsontext import decode, flatten

    if not isinstance(value, dict):
        raise TypeError("an object is expected")
    flat = flatten(value)
    for key in [key for key, item in flat.items() if isinstance(item, str) and item[:1] == "{" and len(item) < 65_536]:
        try:
            inner = decode(flat[key])
        except ValueError:
            continue
        if isinstance(inner, dict):
            flat.update({f"{key}.{name}": item for name, item in flatten(inner).items()})
    if not any(key in flat for key in ("event", "outcome")):
        text = next((flat[key] for key in ("message", "msg", "text") if isinstance(flat.get(key), str)), None)
        if text is not None and ("level" in flat or "levelname" in flat):
            flat.update({f"line.{name}": item for name, item in (parse_line(text) or {}).items()})
    return [flat]


def _product_of(path: str) -> str | None:
    return next((product for start, product in _PATHS if path.startswith(start)), None)


def _product(arrays: Mapping[str, Any], context: TableContext) -> dict[str, Any]:
    """Binance's product from the address, where the file names none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    coded = pc.coalesce(arrays["endpoint"], pa.scalar("")).dictionary_encode()
    words = [
        next((product for start, product in _PATHS if path.startswith(start)), None)
        for path in coded.dictionary.to_pylist()
    ]
    found = pa.array(words, pa.string()).take(coded.indices)
    elsewhere = pc.fill_null(pc.not_equal(arrays["venue"], "binance"), context.venue not in (None, "binance"))
    return {"product": pc.coalesce(arrays["product"], pc.if_else(elsewhere, pa.scalar(None, pa.string()), found))}


def _latency(arrays: Mapping[str, Any], context: TableContext) -> dict[str, Any]:
    """From sending to the answer in milliseconds, where the log gives both times and no latency of its own."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = arrays["latency"].type
    passed = pc.subtract(arrays["time"].cast(pa.int64()), arrays["sent_time"].cast(pa.int64()))
    thousandth = pa.scalar(Decimal("0.001"), pa.decimal128(4, 3))
    spent = pc.multiply(passed.cast(pa.decimal128(19, 0)), thousandth).cast(kind)
    return {"latency": pc.coalesce(arrays["latency"], spent)}


def _derive(arrays: Mapping[str, Any], context: TableContext) -> dict[str, Any]:
    return {**_events(arrays), **_operations(arrays)}


def _events(arrays: Mapping[str, Any]) -> dict[str, Any]:
    import pyarrow as pa
    import pyarrow.compute as pc

    answered = pc.or_(
        pc.or_(pc.is_valid(arrays["http_status"]), pc.is_valid(arrays["code"])),
        pc.and_(pc.is_valid(arrays["message"]), pc.is_null(arrays["event"])),
    )
    guessed = pc.if_else(
        answered,
        pa.scalar("result"),
        pc.if_else(
            pc.or_(pc.is_valid(arrays["endpoint"]), pc.is_valid(arrays["method"])),
            pa.scalar("request"),
            pa.scalar("other"),
        ),
    )
    return {"event": pc.coalesce(arrays["event"], guessed)}


def _operations(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """By method and address; where the log shows neither, an order's fields make it an order."""
    import pyarrow as pa
    import pyarrow.compute as pc

    keys = pc.binary_join_element_wise(
        pc.coalesce(arrays["method"], pa.scalar("")), pc.coalesce(arrays["endpoint"], pa.scalar("")), "\n"
    ).dictionary_encode()
    words = pa.array([_operation(*key.split("\n", 1)) for key in keys.dictionary.to_pylist()], pa.string())
    by_address = words.take(keys.indices)
    has_order = pc.or_(
        pc.or_(pc.is_valid(arrays["side"]), pc.is_valid(arrays["order_type"])),
        pc.or_(pc.is_valid(arrays["reduce_only"]), pc.is_valid(arrays["quantity"])),
    )
    answers_order = pc.is_in(arrays["code"], value_set=pa.array(_ORDER_CODES, pa.int64()))
    guessed = pc.if_else(pc.or_(has_order, answers_order), pa.scalar("order"), pa.scalar("other"))
    return {"operation": pc.coalesce(arrays["operation"], by_address, guessed)}


def _operation(method: str, endpoint: str) -> str | None:
    method, path = method.upper(), endpoint.casefold().rstrip("/")
    if not path and not method:
        return None
    if re.search(
        r"order\.(place|test)$|batch-?orders?$|/orders?$|/order/(create|place|test|oco|cancelreplace)$",
        method.casefold() + " " + path,
    ):
        return {"GET": "query", "DELETE": "cancel", "PUT": "amend"}.get(
            method, "order" if "/test" not in path else "other"
        )
    if "cancel" in path or "order.cancel" in method.casefold() or (method == "DELETE" and "order" in path):
        return "cancel"
    if "amend" in path or "modify" in path.rsplit("/", 1)[-1]:
        return "amend"
    if "create" in path and "order" in path:
        return "order"
    return "query" if method == "GET" else "other" if path else None


_ANSWER = ("venue", "product", "code", "http_status", "message", "event")


def _outcomes(arrays: Mapping[str, Any], context: TableContext) -> dict[str, Any]:
    """Each distinct answer is judged once per batch; an outcome that the file states itself stays."""
    import pyarrow as pa
    import pyarrow.compute as pc

    keys = pc.binary_join_element_wise(
        *(
            pc.coalesce(
                arrays[name] if name in ("venue", "product", "event", "message") else arrays[name].cast(pa.string()),
                pa.scalar(""),
            )
            for name in _ANSWER
        ),
        "\x1f",
    ).dictionary_encode()
    judged = [_judge(key) for key in keys.dictionary.to_pylist()]
    outcome = pa.array([one[0] for one in judged], pa.string()).take(keys.indices)
    rule = pa.array([one[1] for one in judged], pa.string()).take(keys.indices)
    client = pa.array([one[2] for one in judged], pa.bool_()).take(keys.indices)
    stated = pc.is_valid(arrays["outcome"])
    return {
        "outcome": pc.coalesce(arrays["outcome"], outcome),
        "outcome_rule": pc.if_else(stated, pc.coalesce(arrays["outcome_rule"], pa.scalar("stated")), rule),
        "client_state": pc.coalesce(arrays["client_state"], client),
    }


def _judge(key: str) -> tuple[str | None, str | None, bool | None]:
    parts = key.split("\x1f")
    venue, product, code, http, event = *parts[:4], parts[-1]
    message = "\x1f".join(parts[4:-1])
    if event != "result":
        return None, None, None
    meaning = normalise(
        venue or None, product or None, int(code) if code else None, int(http) if http else None, message or None
    )
    if meaning is None:
        return "unknown", "nothing_settles_it", None
    return meaning.outcome, meaning.rule, meaning.client_state


class _Checker:
    """Order of the clock, duplicates, request ids, and texts that the day of a line did not have."""

    WINDOW = 200_000

    def __init__(self, table: Table, note: Note) -> None:
        self.table, self.note = table, note
        # A date that is known to the month only decides nothing.
        stated = table.context.date or ""
        self.day = stated[:10] if len(stated) >= 10 else None
        self.last: int | None = None
        self.seen: dict[str, int] = {}
        self.requests = self.without_product = self.without_time = 0
        self.first_row: int | None = None

    def batch(self, batch: pa.RecordBatch) -> None:
        from archive.evidence.checks import backwards

        self.last = backwards(batch, self.last, self.note, "api-log.clock", "the clock goes back", severity="warning")
        rows = batch.column("row").to_pylist()
        ids = batch.column("request_id").to_pylist()
        for row, request in zip(rows, ids, strict=True):
            if request is None:
                continue
            self.requests += 1
            key = str(request)
            if key in self.seen:
                self.note(
                    "api-log.duplicate_request",
                    f"the request id stands in row {self.seen[key]} already",
                    row,
                    "request_id",
                    "warning",
                )
            else:
                if len(self.seen) >= self.WINDOW:
                    self.seen.pop(next(iter(self.seen)))
                self.seen[key] = row
        self._duplicates(batch)
        self._wordings(batch)
        self._exempt(batch)

    def _duplicates(self, batch: pa.RecordBatch) -> None:
        """Two neighbouring records that say the same at the same time."""
        import pyarrow.compute as pc

        if batch.num_rows < 2:
            return
        same = None
        for name in (
            "time",
            "endpoint",
            "symbol",
            "code",
            "message",
            "request_id",
            "client_order_id",
            "order_id",
            "price",
            "quantity",
        ):
            column = batch.column(name)
            one, other = column.slice(0, len(column) - 1), column.slice(1)
            equal = pc.or_kleene(pc.fill_null(pc.equal(one, other), False), pc.and_(pc.is_null(one), pc.is_null(other)))
            same = equal if same is None else pc.and_(same, equal)
        result = pc.equal(batch.column("event"), "result")
        timed = pc.is_valid(batch.column("time"))
        same = pc.and_(same, pc.and_(result, timed).slice(1))
        for place in pc.indices_nonzero(same).to_pylist():
            row = batch.column("row")[place + 1].as_py()
            self.note("api-log.duplicate", "the record says the same as the one before", row, "time", "warning")

    def _wordings(self, batch: pa.RecordBatch) -> None:
        import pyarrow.compute as pc

        mentioned = pc.indices_nonzero(
            pc.fill_null(
                pc.match_substring_regex(batch.column("message"), "(?i)throttled by system|currently overloaded"), False
            )
        ).to_pylist()
        for place in mentioned:
            cells = {name: batch.column(name)[place].as_py() for name in ("row", "time", *_ANSWER)}
            day = cells["time"].date().isoformat() if cells["time"] is not None else self.day
            flag = wording_flag(
                cells["venue"], cells["product"], day, cells["code"], cells["http_status"], cells["message"]
            )
            if flag is not None:
                self.note(
                    "api-log.text_not_of_that_day",
                    f"{flag}: was the line written or edited later?",
                    cells["row"],
                    "message",
                    "warning",
                )
        missing = pc.and_(pc.is_null(batch.column("product")), pc.is_valid(batch.column("code")))
        self.without_product += pc.sum(missing).as_py() or 0
        untimed = pc.and_(pc.equal(batch.column("event"), "result"), pc.is_null(batch.column("time")))
        self.without_time += pc.sum(untimed).as_py() or 0

    def _exempt(self, batch: pa.RecordBatch) -> None:
        """Refusals by overload of orders that Binance's futures documentation exempts from them: told, not judged."""
        import pyarrow as pa
        import pyarrow.compute as pc

        from archive.evidence.checks import tell_rows

        reducing = pc.or_kleene(batch.column("reduce_only"), batch.column("close_position"))
        futures = pc.is_in(batch.column("product"), value_set=pa.array(["usdm", "coinm"]))
        mask = pc.and_kleene(pc.and_(pc.equal(batch.column("code"), -1008), futures), reducing)
        mask = pc.and_kleene(mask, pc.equal(batch.column("venue"), "binance"))
        message = "a reducing order was answered -1008, which is documented as not applying to such orders"
        tell_rows(mask, batch.column("row"), self.note, "api-log.exempt_refused", message, "code", severity="note")

    def finish(self) -> None:
        if self.without_product:
            self.note(
                "api-log.product_unknown",
                f"{self.without_product:,} records have a code and no product, which decides what a code means",
                None,
                "product",
                "warning",
            )


_BODY = ("response.", "body.", "response.body.", "error.", "data.", "line.")


def _aliases(name: str, *others: str) -> tuple[str, ...]:
    names = (name, *others)
    return (*others, *(f"{start}{one}" for start in _BODY for one in names))


API_LOG = Kind(
    CONTRACTS["api-log"],
    aliases={
        "time": (
            "timestamp",
            "ts",
            "asctime",
            "@timestamp",
            "datetime",
            "received_at",
            "response_time",
            "recv_time",
            "time_utc",
            "date",
            "t",
            "line.time",
        ),
        "sent_time": ("sent_at", "request_time", "sent", "start", "started_at"),
        "latency": ("latency_ms", "elapsed_ms", "duration_ms", "rtt_ms", "took_ms", "line.latency"),
        "venue": ("exchange", "line.venue"),
        "product": ("market", "market_type", "line.product"),
        "symbol": _aliases("symbol", "instrument", "inst_id", "pair", "request.symbol", "params.symbol"),
        "event": ("line.event",),
        "operation": ("op", "action"),
        "endpoint": ("path", "url_path", "route", "request.path", "line.endpoint"),
        "method": ("http_method", "verb", "request.method", "line.method"),
        "side": _aliases("side", "request.side", "params.side", "order.side"),
        "order_type": _aliases("order_type", "type", "request.type", "params.type", "ord_type"),
        "reduce_only": _aliases(
            "reduce_only", "request.reduce_only", "params.reduce_only", "order.reduce_only", "is_reduce_only"
        ),
        "close_position": _aliases("close_position", "request.close_position", "params.close_position"),
        "price": _aliases("price", "request.price", "params.price"),
        "quantity": _aliases("quantity", "qty", "amount", "orig_qty", "request.quantity", "params.quantity"),
        "http_status": (
            "http",
            "status_code",
            "status",
            "http_code",
            "http_status_code",
            "response.status_code",
            "response.status",
            "line.http_status",
        ),
        "code": _aliases("code", "error_code", "err_code", "api_code", "ret_code", "s_code", "err"),
        "message": _aliases(
            "msg", "message", "error_message", "err_msg", "ret_msg", "s_msg", "body", "error", "response"
        ),
        "request_id": _aliases("request_id", "req_id", "x_request_id", "id", "trace_id"),
        "client_order_id": _aliases(
            "client_order_id",
            "new_client_order_id",
            "cl_ord_id",
            "request.new_client_order_id",
            "params.new_client_order_id",
        ),
        "order_id": _aliases("order_id", "ord_id"),
        "account": ("account_id", "acct"),
    },
    expand=expand,
    plain_json=True,
    line=parse_line,
    line_names=LINE_NAMES,
    values={
        "product": {
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
        },
        "side": {"b": "buy", "bid": "buy", "long": "buy", "s": "sell", "ask": "sell", "short": "sell"},
    },
    derivations=(
        Derivation(("product",), ("product", "endpoint", "venue"), _product, early=True),
        Derivation(
            ("event", "operation"),
            (
                "event",
                "operation",
                "method",
                "endpoint",
                "side",
                "order_type",
                "reduce_only",
                "quantity",
                "http_status",
                "code",
                "message",
            ),
            _derive,
        ),
        Derivation(("latency",), ("latency", "time", "sent_time"), _latency),
        Derivation(
            ("outcome", "outcome_rule", "client_state"),
            ("outcome", "outcome_rule", "client_state", *_ANSWER),
            _outcomes,
        ),
    ),
    checker=_Checker,
)
