"""figure-consistency and timeline-consistency on fact tables."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from archive.errors import InvalidInputError

TABLE = (
    "row,value,value_to,unit,bound,claimed_by\n"
    "m01,160000000,,USD,estimate,a\nm02,90000000,,USD,estimate,a\nm03,50,,percent,lower,a\n"
    "p01,1.7,,USD,exact,b\np02,1.4,,USD,exact,b\np03,40,,percent,lower,b\n"
    "l14,106,,minutes,exact,c\nk01,10,20,levels,exact,c\nr01,99.7,,percent,exact,d\n"
    "s01,618212,,BTC,exact,d\ns02,620000,,BTC,estimate,d\n"
)
TIMES = (
    "row,start_utc8,end_utc8,start_utc,end_utc,precision,claimed_by,source\n"
    "t09,2025-10-11T05:12:00+08:00,2025-10-11T07:02:00+08:00,2025-10-10T21:12:00Z,2025-10-10T23:02:00Z,minute,c,p\n"
    "t06,2025-10-11T04:56:22.438+08:00,,2025-10-10T20:56:22.438Z,,millisecond,h,r\n"
    "t08,2025-10-11T05:12:00+08:00,2025-10-11T05:16:00+08:00,2025-10-10T21:12:00Z,2025-10-10T21:16:00Z,minute,c,p\n"
    "w01,2025-10-11T04:50:00+08:00,,2025-10-10T16:50:00Z,,minute,x,p\n"
    "w02,,,2025-10-10T20:50:00Z,,minute,y,p\n"
    "d01,2022-11-08,,2022-11-08,,day,a,p\nd02,2022-11-09,,2022-11-09,,day,b,p\nd03,2022-11-12,,2022-11-12,,day,b,p\n"
)


@pytest.mark.parametrize(
    ("formula", "terms", "stated", "computed", "agrees"),
    [
        ("(a - b) / a * 100", {"a": "m01.value", "b": "m02.value"}, "m03.value", "43.75", "no"),
        ("(a - b) / a * 100", {"a": "p01.value", "b": "p02.value"}, "p03.value", "17.647058823529", "no"),
        ("(a - b) / b * 100", {"a": "p01.value", "b": "p02.value"}, "p03.value", "21.428571428571", "no"),
        ("a / b * 100", {"a": "s01", "b": "s02"}, "r01.value", "99.711612903226", "yes"),
        ("15", {}, "k01.value", "15", "yes"),
        ("25", {}, "k01.value", "25", "no"),
    ],
)
def test_stated_against_computed(run_method, make_facts, formula, terms, stated, computed, agrees):
    result = run_method("figure-consistency@1", [make_facts(TABLE)], formula=formula, stated=stated, **terms)
    assert (result["computed"], result["agrees"]) == (computed, agrees)
    assert [item["name"] for item in result["terms"]] == list(terms)


def test_length_of_a_window(run_method, make_facts):
    inputs = [make_facts(TIMES, "timeline"), make_facts(TABLE, "losses")]
    terms = {"start": "timeline:t09.start_utc", "end": "timeline:t09.end_utc"}
    result = run_method(
        "figure-consistency@1", inputs, formula="minutes(start, end)", stated="losses:l14.value", **terms
    )
    assert (result["computed"], result["stated"]["value"], result["difference"]) == ("110", "106", "4")
    assert result["agrees"] == "no"


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"formula": "a / 0", "a": "m01.value"}, "findings.formula"),
        ({"formula": "a +", "a": "m01.value"}, "findings.formula"),
        ({"formula": "a ** 2", "a": "m01.value"}, "findings.formula"),
        ({"formula": "__import__"}, "findings.formula"),
        ({"formula": "(" * 60 + "1" + ")" * 60}, "findings.formula"),
        ({"formula": "a"}, "findings.term"),
        ({"formula": "a", "a": "m01.unit"}, "findings.term"),
        ({"formula": "a", "a": "zz.value"}, "findings.term"),
        ({"formula": "a", "a": "m01.nothing"}, "findings.term"),
        ({"formula": "1", "a": "m01.value"}, "findings.parameter"),
        ({"formula": "minutes(a, b)", "a": "m01.value", "b": "m01.value"}, "findings.time"),
        ({"a": "m01.value"}, "findings.parameter"),
    ],
)
def test_what_cannot_be_computed_is_told_by_code(run_method, make_facts, parameters, code):
    with pytest.raises(InvalidInputError) as error:
        run_method("figure-consistency@1", [make_facts(TABLE)], **parameters)
    assert error.value.code == code


numbers = st.decimals("-9999", "9999", places=3)


@for_all(numbers, numbers, numbers)
def test_law_formulas_follow_the_rules_of_fractions(a, b, c):
    from archive.findings.expression import evaluate

    values = {"a": Fraction(a), "b": Fraction(b), "c": Fraction(c)}

    def value(formula):
        return evaluate(formula, values.__getitem__, lambda name, arguments: Fraction(0))

    assert value("a * (b + c)") == value("a * b + a * c") == values["a"] * (values["b"] + values["c"])
    assert value("a - b - c") == value("a - (b + c)")
    if values["b"]:
        assert value("a / b * b") == values["a"]


def test_two_accounts_of_one_event(run_method, make_facts):
    result = run_method("timeline-consistency@1", [make_facts(TIMES)], same="t06 t08; d01 d02; d01 d03; w01 w02")
    assert [item["agrees"] for item in result["same"]] == ["no", "yes", "no", "no"]
    assert result["same"][0]["apart_seconds"] == "937.562"
    # Days without a zone overlap, so 8 and 9 November can be one moment.
    assert result["same"][3]["zone_difference_hours"] == "4"
    assert result["contradictions"] == "3"


def test_orders_and_zone_columns(run_method, make_facts):
    result = run_method("timeline-consistency@1", [make_facts(TIMES)], order="t06 t08; t08 t06", zones="yes")
    assert [item["agrees"] for item in result["order"]] == ["yes", "no"]
    assert [(item["row"], item["apart_seconds"]) for item in result["zones"]] == [("w01", "14400")]


def test_rows_of_evidence_against_a_claimed_window(run_method, make_facts, make_input):
    rows = [
        {"time": f"2025-10-10T21:{minute}:00Z", "event": "result", "operation": "order", "code": -1008}
        for minute in (10, 15, 40)
    ]
    rows.append({"time": "2025-10-10T20:00:00Z", "event": "result", "operation": "order", "code": -2010})
    result = run_method(
        "timeline-consistency@1",
        [make_facts(TIMES), make_input("rows", "api-log", rows)],
        contains="t09",
        where="code=-1008",
    )
    found = result["evidence"][0]
    assert (found["rows"], found["rows_inside"], found["agrees"]) == ("3", "2", "no")
    assert (found["first"], found["last"]) == ("2025-10-10T21:10:00Z", "2025-10-10T21:40:00Z")


@for_all(st.integers(0, 3000), st.integers(0, 3000))
def test_law_agreement_of_two_times_does_not_depend_on_their_order(one, other):
    from datetime import timedelta

    from archive.findings.exact import EPOCH, moment
    from archive.findings.methods.timeline_consistency_1 import _Event, _same
    from archive.findings.spans import span_of

    def event(seconds):
        span = span_of(moment(EPOCH + timedelta(seconds=seconds)), "x", "minute")
        return _Event("x", "t", span.earliest, span.latest, span.written, True, {})

    first, second = event(one), event(other)
    assert _same(first, second)["agrees"] == _same(second, first)["agrees"]
    assert (_same(first, second)["agrees"] == "yes") == (abs(one - other) < 60)
