"""Every number that the editors computed comes out again from the numbers it was computed from, exactly."""

from __future__ import annotations

import re
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

D = Decimal


def _round(value: Decimal, computed: str) -> Decimal:
    return value.quantize(D(computed), ROUND_HALF_EVEN)


def _minutes(clock: str) -> Decimal:
    hours, minutes, *seconds = clock.split(":")
    return D(hours) * 60 + D(minutes) + (D(seconds[0]) / 60 if seconds else D(0))


def _evaluate(formula: str, inputs: list[str]) -> Decimal:
    """The value of a formula of the tables; only the formulas that they use, each written out."""
    if formula == "minutes from first to second":
        return _minutes(inputs[1]) - _minutes(inputs[0])
    if formula == "seconds from first to second":
        return (_minutes(inputs[1]) - _minutes(inputs[0])) * 60
    if formula == "days counted, both ends included":
        return D((date.fromisoformat(inputs[1]) - date.fromisoformat(inputs[0])).days + 1)
    numbers = [D(item) for item in inputs]
    if formula.startswith("sum of the five/"):
        return sum(numbers[:5], D(0)) / numbers[5] * 100
    return _infix(formula)


def _infix(formula: str) -> Decimal:
    """Plus, minus, times, divided by and parentheses over decimals, left to right."""
    tokens = re.findall(r"\d+(?:\.\d+)?|[-+*/()]", formula)
    assert "".join(tokens) == formula, formula
    place = 0

    def factor() -> Decimal:
        nonlocal place
        token = tokens[place]
        place += 1
        if token == "(":
            value = total()
            assert tokens[place] == ")"
            place += 1
            return value
        return D(token)

    def product() -> Decimal:
        nonlocal place
        value = factor()
        while place < len(tokens) and tokens[place] in "*/":
            operator = tokens[place]
            place += 1
            right = factor()
            value = value * right if operator == "*" else value / right
        return value

    def total() -> Decimal:
        nonlocal place
        value = product()
        while place < len(tokens) and tokens[place] in "+-":
            operator = tokens[place]
            place += 1
            right = product()
            value = value + right if operator == "+" else value - right
        return value

    result = total()
    assert place == len(tokens), formula
    return result


def test_each_computed_number_comes_out_of_its_formula(dossier):
    table = next(name for name in ("source-contradictions.csv", "source-checks.csv") if name in dossier.tables)
    arithmetic = [row for row in dossier.tables[table] if row["row_kind"] == "arithmetic"]
    assert arithmetic
    with localcontext() as context:
        context.prec = 50
        for row in arithmetic:
            inputs = row["inputs"].split(";")
            value = _evaluate(row["formula"], inputs)
            assert _round(value, row["computed"]) == D(row["computed"]), row["row"]
            for item in inputs:
                if ":" not in item and "-" not in item and "sum" not in row["formula"]:
                    assert item in row["formula"], (row["row"], item)


def test_inputs_of_the_arithmetic_stand_in_the_other_tables(dossier):
    """A computed number may only use numbers that a source gives."""
    table = next(name for name in ("source-contradictions.csv", "source-checks.csv") if name in dossier.tables)
    given = {
        row.get(column, "").lstrip("-")
        for name, rows in dossier.tables.items()
        if name != table
        for row in rows
        for column in ("value", "value_to", "price", "price_to")
    }
    # Factors of a conversion, and counts that stand in the text of a row of the timeline.
    free = {"100", "200", "100000000", "164", "2000", "249"}
    for row in dossier.tables[table]:
        for item in filter(None, row["inputs"].split(";")):
            if ":" not in item and "-" not in item:
                assert item in given | free, (row["row"], item)


def test_windows_of_10_11(liquidations):
    rows = liquidations.rows("source-contradictions.csv")
    assert rows["x01"]["computed"] == "110"
    assert rows["x02"]["computed"] == "106"
    figures = liquidations.section("figures")
    assert "f-window-clock" in figures["f-window-stated"]["disputes"]
    assert (figures["f-window-stated"]["value"], figures["f-window-clock"]["value"]) == ("106", "110")


def test_xrp_gap_is_not_over_40_percent(liquidations):
    high, low = D("1.7"), D("1.4")
    assert _round((high - low) / high * 100, "0.0001") == D("17.6471")
    assert _round((high - low) / low * 100, "0.0001") == D("21.4286")
    claim = liquidations.section("claims")["c-xrp-over-40"]
    assert claim["status"] == "contradicted"
    assert set(claim["contradicted_by"]) == {"f-xrp-gap-high", "f-xrp-gap-low"}


def test_fall_of_open_interest_is_44_percent(liquidations):
    assert (D(160) - D(90)) / D(160) * 100 == D("43.75")
    assert liquidations.section("figures")["f-oi-atom-cleared"]["value"] == "43.75"


def test_losses_of_c(liquidations):
    rows = liquidations.rows("positions-and-losses.csv")
    assert D(rows["l05"]["value"]) + D(rows["l08"]["value"]) == D(rows["l09"]["value"]) == D(591835)
    assert D(rows["l07"]["value"]) / D(rows["l06"]["value"]) == D("0.8")
    assert _round(D(rows["l08"]["value"]) / D(rows["l06"]["value"]), "0.1") == D("20.2")


def test_yi_is_a_hundred_million(liquidations, bithumb):
    row = liquidations.rows("market-figures.csv")["m11"]
    assert (D(row["value"]), D(row["value_to"])) == (100 * D(10) ** 8, 200 * D(10) ** 8)
    figures = bithumb.rows("figures.csv")
    assert D(figures["f16"]["value"]) == 1000 * D(10) ** 8
    assert D(figures["f17"]["value"]) == 100 * D(10) ** 8
    assert D(figures["f16"]["value"]) / D(figures["f18"]["value"]) == D(100)


def test_bithumb_paid_less_recovered_is_what_was_sold(bithumb):
    rows = bithumb.rows("figures.csv")
    assert D(rows["f05"]["value"]) - D(rows["f08"]["value"]) == D(rows["f07"]["value"]) == D(1788)


def test_ftx_components(ftx):
    rows = ftx.rows("exposure.csv")
    ftt = D(rows["x10"]["value"]) + D(rows["x11"]["value"])
    sol = sum((D(rows[name]["value"]) for name in ("x12", "x13", "x14")), D(0))
    assets = D(rows["x08"]["value"])
    assert _round(ftt / assets * 100, "0.0001") == D("39.8630")
    assert _round((ftt + sol) / assets * 100, "0.0001") == D("48.0548")
