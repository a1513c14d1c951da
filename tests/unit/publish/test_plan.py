from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.publish.plan import (
    Plan,
    PlannedFile,
    PlannedReference,
    PlannedStore,
    PlannedWithheld,
    StoreCost,
    render,
    units,
)
from archive.publish.ports import Quote

PLAN = Plan(
    incident="2025-01-01-test",
    revision=2,
    title="A test",
    previous_root="11" * 32,
    root="22" * 32,
    content_id="bafybei" + "a" * 52,
    files=(PlannedFile("evidence/a.csv", 1_234_567, "text/csv"), PlannedFile("record.json", 10, "application/json")),
    withheld=(PlannedWithheld("names", "evidence/names.txt", "33" * 32),),
    references=(PlannedReference("ticks", 99, "44" * 32),),
    waived=("cookie:evidence/a.csv",),
    stores=(PlannedStore("local", "this workspace", False), PlannedStore("kubo", "me", True)),
    network="bsc",
    chain_id=56,
    registry="0x" + "55" * 20,
    publisher="0x" + "66" * 20,
    embedded=False,
    quote=Quote(gas=70_648, gas_price=50_000_000, balance=10**18, symbol="BNB"),
)


@pytest.mark.parametrize(
    ("amount", "decimals", "expected"),
    [
        (0, 18, "0"),
        (1, 18, "0.000000000000000001"),
        (10**18, 18, "1"),
        (1_500_000_000_000_000_000, 18, "1.5"),
        (70_648 * 10**8, 18, "0.0000070648"),
        (12, 0, "12"),
    ],
)
def test_amounts_are_exact(amount: int, decimals: int, expected: str) -> None:
    assert units(amount, decimals) == expected


@given(st.integers(min_value=0, max_value=2**256), st.integers(min_value=0, max_value=30))
def test_amounts_come_back(amount: int, decimals: int) -> None:
    whole, _, fraction = units(amount, decimals).partition(".")
    assert int(whole) * 10**decimals + int(fraction.ljust(decimals, "0") or "0") == amount
    assert not fraction.endswith("0")


def test_everything_that_becomes_permanent_is_named() -> None:
    text = render(PLAN)
    for piece in (
        "2025-01-01-test, revision 2",
        "Published, and then permanent: 2 files, 1,234,577 bytes",
        "evidence/a.csv  1,234,567  text/csv",
        "evidence/names.txt",
        "ticks",
        "cookie:evidence/a.csv",
        "22" * 32,
        "11" * 32,
        "kubo (me; public)",
        "bsc (chain id 56)",
        "0x" + "55" * 20,
        "0x" + "66" * 20,
        "0.0000035324 BNB",
        "can never be removed",
    ):
        assert piece in text, piece
    assert max(len(line) for line in text.splitlines()) <= 120


def test_the_embedded_chain_is_said_to_prove_no_time() -> None:
    text = render(dataclasses.replace(PLAN, embedded=True, network="local"))
    assert "proves no time to anybody" in text
    assert "Cost: nothing" in text


def test_what_is_done_is_not_paid_again() -> None:
    text = render(dataclasses.replace(PLAN, quote=None, done=("packed", "anchored")))
    assert "Already done: packed, anchored" in text


def test_without_a_public_store_nothing_is_said_to_be_published() -> None:
    local = dataclasses.replace(PLAN, stores=PLAN.stores[:1])
    assert not local.public
    assert "Packed, and anchored by hash" in render(local)


def test_what_is_missing_is_said() -> None:
    poor = dataclasses.replace(PLAN, quote=Quote(gas=2, gas_price=10**17, balance=10**17, symbol="BNB"))
    assert "missing   0.1 BNB" in render(poor)
    assert "missing" not in render(PLAN)


def test_a_store_that_is_paid_says_its_price() -> None:
    paid = PlannedStore("arweave", "a gateway", True, StoreCost(1_000_000, "0.000123", "1", "AR"))
    silent = PlannedStore("other", "a gateway", True, StoreCost(1_000_000, None, None, "AR"))
    plan = dataclasses.replace(PLAN, stores=(*PLAN.stores, paid, silent), embedded=True)
    text = render(plan)
    assert "arweave   0.000123 AR for about 1,000,000 bytes" in text
    assert "you have  1 AR" in text
    assert "other     not known now" in text
    assert plan.to_json()["stores"][2]["cost"]["total"] == "0.000123"


def test_json_holds_amounts_as_strings() -> None:
    value = json.loads(json.dumps(PLAN.to_json()))
    assert value["cost"] == {
        "gas": 70_648,
        "gas_price": "0.00000000005",
        "total": "0.0000035324",
        "balance": "1",
        "coin": "BNB",
    }
    assert value["public"] is True
    assert value["total_size"] == 1_234_577
    assert value["withheld"][0]["commitment"] == "33" * 32
