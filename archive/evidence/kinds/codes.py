"""What a venue's answer means, by venue, product, date, code, HTTP status and message.

Unknown is never counted as failed: where the venue's documentation says that the order may have been executed, or
where nothing known settles it, the outcome is `unknown`. A refusal that the client's own state can explain is marked:
no fault of the venue follows from it. Sources: Binance's pages of error codes and general information (spot, USDⓈ-M,
COIN-M, options), as noted in `docs/evidence.md`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

_SPOT = frozenset({"spot", "margin"})
_FUTURES = frozenset({"usdm", "coinm"})
_USDM = frozenset({"usdm"})
_COINM = frozenset({"coinm"})
_OPTIONS = frozenset({"options"})
_ALL = _SPOT | _FUTURES | _OPTIONS


@dataclass(frozen=True, slots=True)
class Meaning:
    """accepted, rejected or unknown; by which rule; whether the client's own state can be the reason."""

    outcome: str
    rule: str
    client_state: bool = False


@dataclass(frozen=True, slots=True)
class CodeRule:
    """One code of Binance in some of its products."""

    code: int
    products: frozenset[str]
    outcome: str
    name: str
    client_state: bool = False


@dataclass(frozen=True, slots=True)
class Wording:
    """A message text that the venue used for a code (or HTTP status) from a day on, or up to and without a day."""

    text: str
    products: frozenset[str]
    code: int | None = None
    http: int | None = None
    since: str | None = None
    until: str | None = None


def _rules(products: frozenset[str], outcome: str, codes: dict[int, str], *, client: bool = False) -> list[CodeRule]:
    return [CodeRule(code, products, outcome, name, client) for code, name in codes.items()]


BINANCE_CODES: tuple[CodeRule, ...] = (
    *_rules(_ALL, "unknown", {-1000: "UNKNOWN", -1001: "DISCONNECTED", -1006: "UNEXPECTED_RESP", -1007: "TIMEOUT"}),
    *_rules(_ALL, "rejected", {-1003: "TOO_MANY_REQUESTS", -1015: "TOO_MANY_ORDERS"}, client=True),
    *_rules(_ALL, "rejected", {-1016: "SERVICE_SHUTTING_DOWN"}),
    *_rules(_SPOT, "rejected", {-1008: "SERVER_BUSY"}),
    *_rules(_FUTURES, "rejected", {-1008: "REQUEST_THROTTLED"}),
    *_rules(
        _ALL,
        "rejected",
        {
            -1002: "UNAUTHORIZED",
            -1013: "INVALID_MESSAGE",
            -1014: "UNKNOWN_ORDER_COMPOSITION",
            -1020: "UNSUPPORTED_OPERATION",
            -1021: "INVALID_TIMESTAMP",
            -1022: "INVALID_SIGNATURE",
            -1100: "ILLEGAL_CHARS",
            -1102: "MANDATORY_PARAM_EMPTY_OR_MALFORMED",
            -1106: "PARAM_NOT_REQUIRED",
            -1111: "BAD_PRECISION",
            -1121: "BAD_SYMBOL",
            -2014: "BAD_API_KEY_FMT",
            -2015: "REJECTED_MBX_KEY",
        },
        client=True,
    ),
    *_rules(_ALL, "rejected", {-2010: "NEW_ORDER_REJECTED", -2011: "CANCEL_REJECTED"}, client=True),
    *_rules(_ALL, "rejected", {-2013: "NO_SUCH_ORDER"}, client=True),
    *_rules(_SPOT, "rejected", {-2021: "ORDER_CANCEL_REPLACE_PARTIALLY_FAILED"}, client=True),
    *_rules(_SPOT, "rejected", {-2022: "ORDER_CANCEL_REPLACE_FAILED"}, client=True),
    *_rules(
        _FUTURES,
        "rejected",
        {
            -2018: "BALANCE_NOT_SUFFICIENT",
            -2019: "MARGIN_NOT_SUFFICIENT",
            -2020: "UNABLE_TO_FILL",
            -2021: "ORDER_WOULD_IMMEDIATELY_TRIGGER",
            -2022: "REDUCE_ONLY_REJECT",
            -2023: "USER_IN_LIQUIDATION",
            -2024: "POSITION_NOT_SUFFICIENT",
            -2025: "MAX_OPEN_ORDER_EXCEEDED",
            -2026: "REDUCE_ONLY_ORDER_TYPE_NOT_SUPPORTED",
            -2027: "MAX_LEVERAGE_RATIO",
            -2028: "MIN_LEVERAGE_RATIO",
            -4131: "MARKET_ORDER_REJECT",
            -4164: "MIN_NOTIONAL",
            -5021: "FOK_ORDER_REJECT",
            -5022: "GTX_ORDER_REJECT",
        },
        client=True,
    ),
    *_rules(_USDM, "rejected", {-4118: "REDUCE_ONLY_MARGIN_CHECK_FAILED"}, client=True),
    *_rules(_COINM, "rejected", {-4112: "REDUCE_ONLY_MARGIN_CHECK_FAILED"}, client=True),
    *_rules(_OPTIONS, "rejected", {-6056: "REDUCE_ONLY_MARGIN_CHECK_FAILED"}, client=True),
)

UNKNOWN_ERROR = "Unknown error, please check your request or try again later."
UNAVAILABLE = "Service Unavailable."
INTERNAL_ERROR = "Internal error; unable to process your request. Please try again."
THROTTLED_NEW = (
    "Request throttled by system-level protection. Reduce-only/close-position orders are exempt. Please try again."
)
THROTTLED_OLD = "Server is currently overloaded with other requests. Please try again in a few minutes."
# The day on which the text of futures -1008 changed.
THROTTLED_CHANGED = "2025-10-23"

BINANCE_WORDINGS: tuple[Wording, ...] = (
    Wording(THROTTLED_NEW, _FUTURES, code=-1008, since=THROTTLED_CHANGED),
    Wording(THROTTLED_NEW, _FUTURES, http=503, since=THROTTLED_CHANGED),
    Wording(THROTTLED_OLD, _FUTURES, code=-1008, until=THROTTLED_CHANGED),
    Wording(UNKNOWN_ERROR, _FUTURES, http=503),
    Wording(UNAVAILABLE, _FUTURES, http=503),
    Wording(INTERNAL_ERROR, _FUTURES, http=503),
)
# Bodies of a 503 of futures, and what the documentation says of each.
_BODIES_503 = {
    UNKNOWN_ERROR: "unknown",
    UNAVAILABLE: "rejected",
    INTERNAL_ERROR: "rejected",
    THROTTLED_NEW: "rejected",
}
_HTTP_TIMEOUT, _HTTP_LIMIT, _HTTP_BANNED, _HTTP_WAF = 408, 429, 418, 403


def _plain(message: str | None) -> str:
    return " ".join((message or "").split()).casefold()


_PLAIN_BODIES = {_plain(text): outcome for text, outcome in _BODIES_503.items()}


@lru_cache(maxsize=16_384)
def normalise(
    venue: str | None, product: str | None, code: int | None, http: int | None, message: str | None
) -> Meaning | None:
    """The outcome of one answer, or None when it carries neither status nor code.

    The date takes no part in it: no code of Binance is known to have changed its outcome. What changed is wording,
    and `wording_flag` tells a text that the day of the record did not have.
    """
    body = _PLAIN_BODIES.get(_plain(message))
    if http == 503 and body == "unknown":
        return Meaning("unknown", "http.503.unknown_error")
    if code is not None and code < 0 and venue in (None, "binance"):
        found = _by_code(product, code)
        if found is not None:
            return found
    if http == 503 and body is not None and venue in (None, "binance") and product in (None, *sorted(_FUTURES)):
        return Meaning(body, "http.503.documented_body")
    if code not in (None, 0, 200) and (venue == "binance" or http is None or not 400 <= http < 500):
        return Meaning("unknown", "code.unlisted")
    if http is None:
        return Meaning("accepted", "code.ok") if code in (0, 200) else None
    return _by_status(http)


def _by_status(http: int) -> Meaning:
    if 200 <= http < 300:
        return Meaning("accepted", "http.2xx")
    if http == _HTTP_TIMEOUT:
        return Meaning("unknown", "http.408")
    if http in (_HTTP_LIMIT, _HTTP_BANNED, _HTTP_WAF):
        return Meaning("rejected", f"http.{http}", client_state=True)
    if 400 <= http < 500:
        return Meaning("rejected", "http.4xx", client_state=True)
    return Meaning("unknown", "http.5xx" if 500 <= http < 600 else "http.other")


def _by_code(product: str | None, code: int) -> Meaning | None:
    rules = [rule for rule in BINANCE_CODES if rule.code == code and (product is None or product in rule.products)]
    if not rules:
        return None
    outcomes = {rule.outcome for rule in rules}
    if len(outcomes) > 1:
        return Meaning("unknown", f"binance.{code}.product_needed")
    names = {rule.name for rule in rules}
    name = names.pop() if len(names) == 1 else "product_decides_name"
    return Meaning(rules[0].outcome, f"binance.{code}.{name}", any(rule.client_state for rule in rules))


def wording_flag(
    venue: str | None, product: str | None, day: str | None, code: int | None, http: int | None, message: str | None
) -> str | None:
    """Why a message cannot have been sent on its day, or None. A line that is quoted later, or edited, shows so."""
    if day is None or not message or venue not in (None, "binance"):
        return None
    plain = _plain(message)
    for wording in BINANCE_WORDINGS:
        if plain != _plain(wording.text) or (product is not None and product not in wording.products):
            continue
        if not (wording.code is not None and wording.code == code) and not (wording.http and wording.http == http):
            continue
        if wording.since is not None and day < wording.since:
            return f"this text is known only from {wording.since} on"
        if wording.until is not None and day >= wording.until:
            return f"this text was replaced on {wording.until}"
    return None
