"""What an answer means: by venue, product, date, code, status and message; and lines as programs write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.evidence.contracts import OUTCOMES
from archive.evidence.kinds.api_log import parse_line
from archive.evidence.kinds.codes import (
    INTERNAL_ERROR,
    THROTTLED_NEW,
    THROTTLED_OLD,
    UNAVAILABLE,
    UNKNOWN_ERROR,
    normalise,
    wording_flag,
)
from archive.evidence.tables import TableContext
from tests.unit.evidence.kinds.conftest import Reader


@pytest.mark.parametrize(
    ("product", "code", "http", "message", "outcome", "name"),
    [
        ("usdm", -1008, 503, THROTTLED_OLD, "rejected", "REQUEST_THROTTLED"),
        ("spot", -1008, None, None, "rejected", "SERVER_BUSY"),
        (
            "spot",
            -2010,
            400,
            "Account has insufficient balance for requested action.",
            "rejected",
            "NEW_ORDER_REJECTED",
        ),
        ("usdm", -2022, 400, "ReduceOnly Order is rejected.", "rejected", "REDUCE_ONLY_REJECT"),
        ("spot", -2022, 400, None, "rejected", "ORDER_CANCEL_REPLACE_FAILED"),
        ("usdm", -4118, 400, None, "rejected", "REDUCE_ONLY_MARGIN_CHECK_FAILED"),
        ("coinm", -4112, 400, None, "rejected", "REDUCE_ONLY_MARGIN_CHECK_FAILED"),
        ("options", -6056, 400, None, "rejected", "REDUCE_ONLY_MARGIN_CHECK_FAILED"),
        ("usdm", -4112, 400, None, "unknown", "unlisted"),
        ("usdm", -1006, None, None, "unknown", "UNEXPECTED_RESP"),
        ("usdm", -1007, 408, None, "unknown", "TIMEOUT"),
        ("usdm", None, 503, UNKNOWN_ERROR, "unknown", "unknown_error"),
        ("usdm", None, 503, UNAVAILABLE, "rejected", "documented_body"),
        ("usdm", None, 503, INTERNAL_ERROR, "rejected", "documented_body"),
        ("usdm", None, 503, "Service Temporarily Unavailable", "unknown", "5xx"),
        ("spot", None, 503, UNAVAILABLE, "unknown", "5xx"),
        ("usdm", -1008, 503, UNKNOWN_ERROR, "unknown", "unknown_error"),
        ("usdm", None, 502, None, "unknown", "5xx"),
        ("usdm", None, 429, None, "rejected", "429"),
        ("usdm", None, 200, None, "accepted", "2xx"),
        ("usdm", -99999, 400, None, "unknown", "unlisted"),
    ],
)
def test_the_outcome_of_an_answer_of_binance(
    product: str, code: int | None, http: int | None, message: str | None, outcome: str, name: str
) -> None:
    meaning = normalise("binance", product, code, http, message)
    assert meaning is not None
    assert meaning.outcome == outcome
    assert name in meaning.rule


def test_what_the_clients_own_state_can_explain_is_marked() -> None:
    for code in (-2022, -4118, -2010):
        meaning = normalise("binance", "usdm", code, 400, None)
        assert meaning is not None
        assert meaning.client_state
    overload = normalise("binance", "usdm", -1008, 503, None)
    assert overload is not None
    assert not overload.client_state


@given(
    product=st.sampled_from([None, "spot", "usdm", "coinm", "options", "swap"]),
    code=st.one_of(st.none(), st.integers(-7000, 7000)),
    http=st.one_of(st.none(), st.integers(100, 599)),
    message=st.one_of(st.none(), st.sampled_from([UNKNOWN_ERROR, UNAVAILABLE, "x"])),
)
def test_unknown_is_never_counted_as_failed(
    product: str | None, code: int | None, http: int | None, message: str | None
) -> None:
    meaning = normalise("binance", product, code, http, message)
    if meaning is None:
        assert http is None
        return
    assert meaning.outcome in OUTCOMES
    if code in (-1006, -1007) or (http == 503 and message == UNKNOWN_ERROR):
        assert meaning.outcome == "unknown"


@pytest.mark.parametrize(
    ("day", "text", "flagged"),
    [
        ("2025-10-10", THROTTLED_NEW, True),
        ("2025-10-23", THROTTLED_NEW, False),
        ("2025-10-10", THROTTLED_OLD, False),
        ("2025-11-01", THROTTLED_OLD, True),
        (None, THROTTLED_NEW, False),
        ("2025-10-10", "Server busy", False),
    ],
)
def test_a_text_that_its_day_did_not_have_is_flagged(day: str | None, text: str, flagged: bool) -> None:
    assert (wording_flag("binance", "usdm", day, -1008, 503, text) is not None) is flagged


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        (
            "2025-10-10 21:12:05,123 - bot - ERROR - APIError(code=-2010): Account has insufficient balance.",
            {
                "time": "2025-10-10 21:12:05,123",
                "event": "result",
                "code": "-2010",
                "message": "Account has insufficient balance.",
            },
        ),
        (
            "2025-10-10 21:12:07,100 ERROR binance.error.ClientError: (400, -4118, 'ReduceOnly Order Failed.', {})",
            {"http_status": "400", "code": "-4118", "message": "ReduceOnly Order Failed.", "venue": "binance"},
        ),
        (
            '2025-10-10 21:12:06,1 https://fapi.binance.com:443 "POST /fapi/v1/order?signature=0a1b HTTP/1.1" 503 None',
            {
                "venue": "binance",
                "product": "usdm",
                "endpoint": "/fapi/v1/order",
                "method": "POST",
                "http_status": "503",
            },
        ),
        (
            'ccxt.base.errors.InsufficientFunds: binance {"code":-2019,"msg":"Margin is insufficient."}',
            {"event": "result", "venue": "binance", "code": "-2019", "message": "Margin is insufficient."},
        ),
        (
            "2025-10-10T21:12:08Z binanceusdm POST https://fapi.binance.com/fapi/v1/order 503 Service Unavailable.",
            {"product": "usdm", "http_status": "503", "message": "Service Unavailable.", "method": "POST"},
        ),
        (
            "[2025-10-10 21:12:08.5] sending order symbol=ATOMUSDT side=SELL reduceOnly=true POST /fapi/v1/order",
            {"event": "request", "symbol": "ATOMUSDT", "side": "SELL", "reduce_only": "true"},
        ),
        ("2025-10-10 21:00:00 strategy started", {"event": "other"}),
        (
            "1760130000123 GET /api/v3/account HTTP/1.1 200",
            {"time": "1760130000123", "product": "spot", "http_status": "200"},
        ),
    ],
)
def test_lines_of_the_programs_people_run(line: str, wanted: dict[str, str]) -> None:
    cells = parse_line(line)
    assert cells is not None
    assert {name: cells.get(name) for name in wanted} == wanted
    assert not any("0a1b" in cell or "signature" in cell for cell in cells.values())


@given(st.text(max_size=400))
def test_no_line_breaks_the_parser(line: str) -> None:
    cells = parse_line(line)
    assert (cells is None) == (not line.strip())


def test_a_log_is_read_line_by_line_with_its_raw_lines(read: Reader) -> None:
    text = (
        "2025-10-10 21:12:05,123 ERROR APIError(code=-2022): ReduceOnly Order is rejected.\n"
        "Traceback (most recent call last):\n"
        '2025-10-10 21:12:06,000 DEBUG https://fapi.binance.com "POST /fapi/v1/order HTTP/1.1" 200\n'
    )
    found = read(text, "api-log", name="bot.log")
    assert [(row["row"], row["event"], row["operation"], row["outcome"]) for row in found.rows] == [
        (1, "result", "order", "rejected"),
        (2, "other", "other", None),
        (3, "result", "order", "accepted"),
    ]
    raw = [line for batch in found.table.batches(raw=True) for line in batch.column("raw").to_pylist()]
    assert raw == text.encode().splitlines()


JSON_LINE = (
    '{"ts": 1760130000123, "path": "/fapi/v1/order", "method": "POST", "symbol": "ATOMUSDT", "reduceOnly": true,'
    ' "status": 400, "requestId": "r1", "response": {"code": -2022, "msg": "ReduceOnly Order is rejected."}}\n'
)


def test_json_lines_show_what_was_asked_and_answered(read: Reader) -> None:
    row = read(JSON_LINE, "api-log", name="a.jsonl", context=TableContext(venue="binance")).rows[0]
    assert (row["product"], row["operation"], row["reduce_only"], row["outcome"]) == ("usdm", "order", True, "rejected")
    assert (row["code"], row["http_status"], row["request_id"]) == (-2022, 400, "r1")
    assert row["outcome_rule"] == "binance.-2022.REDUCE_ONLY_REJECT"


def test_a_body_that_is_json_text_is_looked_into(read: Reader) -> None:
    line = (
        '{"time": "2025-10-10T21:00:00Z", "path": "/api/v3/order", "method": "POST", "body": "{\\"code\\": -1007}"}\n'
    )
    row = read(line, "api-log", name="a.jsonl").rows[0]
    assert (row["code"], row["outcome"]) == (-1007, "unknown")


def test_an_outcome_that_the_file_states_stays(read: Reader) -> None:
    row = read("time,outcome,code\n2025-10-10,accepted,-2022\n", "api-log").rows[0]
    assert (row["outcome"], row["outcome_rule"]) == ("accepted", "stated")


def test_clock_duplicates_request_ids_and_wording_are_told(read: Reader) -> None:
    text = "time,endpoint,method,http_status,code,message,request_id\n"
    row = "2025-10-10T21:00:{:02d}Z,/fapi/v1/order,POST,503,-1008,{},{}\n"
    text += row.format(5, "busy", "a") + row.format(4, "busy", "b") + row.format(6, "busy", "a")
    text += row.format(7, THROTTLED_NEW, "c") + row.format(8, "busy", "") * 2
    found = read(text, "api-log")
    assert found.at("api-log.clock") == [(2, "time")]
    assert found.at("api-log.duplicate_request") == [(3, "request_id")]
    assert found.at("api-log.text_not_of_that_day") == [(4, "message")]
    assert found.at("api-log.duplicate") == [(6, "time")]


def test_a_code_without_a_product_is_told(read: Reader) -> None:
    found = read("time,code\n2025-10-10,-2022\n", "api-log", context=TableContext(venue="binance"))
    assert found.codes["api-log.product_unknown"] == 1
    assert found.rows[0]["outcome"] == "rejected"


def test_the_latency_is_the_time_between_two_times_and_exact(read: Reader) -> None:
    text = "sent_time,time,http_status,latency_ms\n"
    text += "2025-10-10T21:00:00.000001Z,2025-10-10T21:00:01.234567Z,200,\n"
    text += "2025-10-10T21:00:00Z,2025-10-10T21:00:01Z,200,7.5\n"
    assert [str(row["latency"].normalize()) for row in read(text, "api-log").rows] == ["1234.566", "7.5"]


def test_a_reducing_order_that_overload_should_not_touch_is_told(read: Reader) -> None:
    text = "time,code,reduce_only\n2025-10-10T21:00:00Z,-1008,true\n2025-10-10T21:00:01Z,-1008,false\n"
    assert read(text, "api-log").at("api-log.exempt_refused") == [(1, "code")]
    spot = read(text, "api-log", context=TableContext(venue="binance", product="spot"))
    assert "api-log.exempt_refused" not in spot.codes
