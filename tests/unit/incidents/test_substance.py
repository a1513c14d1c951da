"""What the sources say that must be found in the records: one test for each thing that would be missed."""

from __future__ import annotations

from typing import Any

import pytest


def _values(rows: dict[str, dict[str, str]], *names: str) -> list[str]:
    return [rows[name].get("value") or rows[name].get("price", "") for name in names]


def _text(item: dict[str, Any]) -> str:
    return str(item["text"]["en"])


def test_error_codes_with_product_and_outcome(liquidations):
    rows = list(liquidations.rows("error-codes.csv").values())
    claimed = {row["code"] for row in rows if row["row_kind"] == "claim"}
    assert claimed == {"-2010", "-2022", "-4118", "-1008", "503", "1008"}
    outcomes = {(row["code"], row["message"][:13]): row["outcome_class"] for row in rows}
    assert outcomes["503", "Unknown error"] == "unknown"
    assert {row["outcome_class"] for row in rows if row["code"] in ("-1006", "-1007")} == {"unknown"}
    products = {row["product"] for row in rows if row["code"] == "-1008" and row["row_kind"] == "documentation"}
    assert products == {"futures", "spot"}
    assert any("2025-10-23" in row["note"] for row in rows if row["code"] == "-1008")


def test_first_rejections_stand_side_by_side(liquidations):
    times = {entry["id"]: entry for entry in liquidations.value["timeline"]}
    assert times["t06-orders-fail"]["at"] == "2025-10-11T04:56:22.438+08:00"
    assert times["t08-first-rejections"]["start"] == "2025-10-11T05:12:00+08:00"


def test_positions(liquidations):
    rows = liquidations.rows("positions-and-losses.csv")
    assert _values(rows, "l01", "l02", "l03", "l04", "l05") == ["3413001", "3000000", "656832", "-266118", "443835"]
    assert _values(rows, "l06", "l07", "l08", "l09") == ["7326.10", "5860.88", "148000", "591835"]
    assert _values(rows, "l15", "l17", "l18", "l19", "l20") == ["4170000", "3900000", "0.22", "2000000", "1800000"]


def test_the_two_losses_of_812_dispute_each_other(liquidations):
    figures = liquidations.section("figures")
    assert figures["f-loss-812"]["value"] == "4170000"
    assert (figures["f-balance-812"]["value"], figures["f-balance-812"]["value_to"]) == ("3900000", "4100000")
    assert figures["f-loss-812"]["disputes"] == ["f-balance-812"]


def test_prices_with_lows_and_upward_wicks(liquidations):
    rows = liquidations.rows("price-points.csv")
    assert _values(rows, "p01", "p02", "p14", "p15") == ["0.01", "0.001", "460", "37"]
    wicks = {
        row["instrument"] for row in rows.values() if row["measure"] == "upward wick" and row["venue"] == "binance"
    }
    assert wicks == {"APT", "WIF", "SAND"}


def test_index_weights_and_windows(liquidations):
    rows = liquidations.rows("index-and-mark.csv")
    assert _values(rows, "i01", "i02", "i03", "i04") == ["60", "0.51282051", "2.5", "1"]
    assert liquidations.section("claims")["c-window-change"]["status"] == "corroborated"


def test_commitments(liquidations):
    assert set(liquidations.section("commitments")) >= {"k-reduce-only-priority", "k-maker-uptime", "k-maker-depth"}
    rows = liquidations.rows("collateral-and-leverage.csv")
    assert (rows["k12"]["value"], rows["k12"]["value_to"]) == ("99", "99.9")
    assert (rows["k13"]["value"], rows["k13"]["value_to"]) == ("10", "20")


def test_order_of_leverage_tiers(liquidations):
    rows = liquidations.rows("collateral-and-leverage.csv").values()
    tiers = [row for row in rows if row["subject"] == "portfolio margin" and row["position_in_order"]]
    assert [row["value"] for row in sorted(tiers, key=lambda row: row["position_in_order"])] == ["2", "1.5", "1"]


def test_usde_campaign(liquidations):
    rows = liquidations.rows("collateral-and-leverage.csv")
    assert _values(rows, "k01", "k02", "k03", "k04", "k11") == ["12", "3.5", "3.5", "5", "24"]


def test_statements_that_changed(liquidations):
    statements = liquidations.section("statements")
    assert len(statements["s-venue-engine"]["versions"]) == 2
    assert len(statements["s-galaxy"]["versions"]) == 2
    assert liquidations.section("figures")["f-rejected-share-cloud"]["value"] == "10"


def test_compensation_windows_and_vouchers(liquidations):
    remedy = liquidations.section("remedies")["r-depeg"]
    assert remedy["window"]["start"] == "2025-10-11T05:36:00+08:00"
    assert remedy["window"]["end"] == "2025-10-11T06:16:00+08:00"
    figures = liquidations.section("figures")
    assert (figures["f-voucher-percent"]["value"], figures["f-voucher-permille"]["value"]) == ("1", "0.1")


def test_causal_chain_is_connected(liquidations):
    """From the first orders of C to the loss of 812 along `causes`."""
    claims = liquidations.section("claims")
    causes = {
        name: {relation["claim"] for relation in claim.get("relations", []) if relation["type"] == "causes"}
        for name, claim in claims.items()
    }
    for start in ("c-risk-orders-given", "c-makers-kept-out", "c-window-change", "c-makers-withdrew"):
        seen, todo = set(), [start]
        while todo:
            name = todo.pop()
            if name not in seen:
                seen.add(name)
                todo.extend(causes[name])
        goal = "c-positions-exposed" if start == "c-risk-orders-given" else "c-loss-812"
        assert goal in seen, start


def test_the_venue_answers(liquidations):
    answered = {
        relation["claim"]
        for claim in liquidations.section("claims").values()
        if claim["claimed_by"] == ["binance"]
        for relation in claim.get("relations", [])
        if relation["type"] == "responds_to"
    }
    assert answered >= {"c-reduce-only-refused", "c-spot-near-zero", "c-index-distorted", "c-unfair-compensation"}


def test_makers_withdrew_and_were_kept_out_contradict_each_other(liquidations):
    claims = liquidations.section("claims")
    for one, other in (("c-makers-withdrew", "c-makers-kept-out"), ("c-makers-kept-out", "c-makers-withdrew")):
        assert {"type": "contradicts", "claim": other} in claims[one]["relations"]


def test_demands_and_questions_with_refusals(liquidations):
    demands = liquidations.section("demands")
    for name in ("d-engine-audit", "d-pm-logs", "d-ten-percent"):
        assert demands[name]["answers"][0]["kind"] == "refusal"
    assert len(liquidations.section("questions")) >= 11


def test_ten_days_of_ftx(ftx):
    days = {entry.get("at", "")[8:] for entry in ftx.value["timeline"] if entry.get("at", "").startswith("2022-11-")}
    assert days >= {"02", "06", "07", "08", "09", "10", "11"}


def test_exposure_and_promises_of_ftx(ftx):
    rows = ftx.rows("exposure.csv")
    assert {rows[name]["institution"] for name in ("x01", "x02", "x03", "x04")} == {
        "sequoia",
        "multicoin",
        "circle",
        "tether",
    }
    promised = {name for name in ftx.section("commitments") if name.startswith("k-por-")}
    assert promised == {f"k-por-{venue}" for venue in ("binance", "okx", "kucoin", "kraken", "crypto-com", "bitmex")}
    assert "c-por-limits" in ftx.section("claims")


def test_six_questions_each_answered_as_a_claim_of_the_author(ftx):
    questions = ftx.section("questions")
    assert len(questions) == 6
    for question in questions.values():
        (answer,) = question["answers"]
        assert answer["by"] == ["review-author"]
        assert _text(answer).startswith("Claim of the author: ")


@pytest.mark.parametrize(("early", "late"), [("f-btc-first", "f-btc-later"), ("f-users-240", "f-users-695")])
def test_bithumb_later_numbers_supersede_the_first(bithumb, early, late):
    figures = bithumb.section("figures")
    assert figures[late]["supersedes"] == [early]
    assert early in figures[late]["disputes"]


def test_bithumb_numbers(bithumb):
    rows = bithumb.rows("figures.csv")
    assert _values(rows, "f02", "f03", "f05", "f06") == ["550000", "240", "620000", "695"]
    assert _values(rows, "f07", "f08") == ["1788", "618212"]
    layers = bithumb.rows("compensation.csv")
    assert _values(layers, "k01", "k02", "k03") == ["110", "20000", "7"]
    assert {row["jurisdiction"] for row in bithumb.rows("supervision.csv").values()} >= {"KR", "HK"}
