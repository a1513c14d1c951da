"""compensation-parity, loss-total and reserve-coverage on made tables whose truth is known."""

from __future__ import annotations

import hashlib
import random
import struct
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

WINDOW = {"start": "2025-10-10T21:36:00Z", "end": "2025-10-10T22:16:00Z"}


def test_vouchers_of_one_percent_against_105_percent(run_method, make_input):
    rows = [
        {
            "time": "2025-10-10T21:40:00Z",
            "account": "a",
            "group": "depeg",
            "unit": "USDT",
            "loss": "1000",
            "paid": "1050",
        },
        {
            "time": "2025-10-10T21:20:00Z",
            "account": "b",
            "group": "contract",
            "unit": "USDT",
            "loss": "9000",
            "paid": "90",
        },
        {
            "time": "2025-10-10T21:20:00Z",
            "account": "c",
            "group": "contract",
            "unit": "USDT",
            "loss": "1000",
            "paid": "10",
        },
        {"time": None, "account": "d", "group": "contract", "unit": "USDT", "loss": "500", "paid": "0"},
        {"time": None, "account": "e", "group": "contract", "unit": "USDT", "loss": None, "paid": "7"},
    ]
    result = run_method("compensation-parity@1", [make_input("compensation", "compensation", rows)], **WINDOW)
    groups = {(item["group"], item["in_window"]): item for item in result["groups"]}
    assert groups["depeg", "yes"]["paid_share"] == "1.05"
    assert groups["contract", "no"]["paid_share"] == "0.01"
    assert groups["contract", "unknown"]["accounts_paid_nothing"] == "1"
    assert groups["contract", "unknown"]["paid_without_stated_loss"] == "7"
    assert groups["contract", "unknown"]["paid_share"] == "0"
    whole = run_method("compensation-parity@1", [make_input("compensation", "compensation", rows[:3])])
    assert whole["spread"][0]["times"] == "105"


def test_parity_of_claimed_shares(run_method, make_facts):
    table = make_facts("row,value,unit\nc03,5,percent\nc04,1,percent\nc05,0.1,percent\n")
    result = run_method(
        "compensation-parity@1", [table], depeg="100 + c03_value", vouchers="c04_value", low="c05_value"
    )
    assert (result["times"], result["lowest"]["group"]) == ("1050", "low")


amounts = st.decimals("0", "999999", places=2)


@for_all(st.lists(st.tuples(st.sampled_from("ab"), amounts, amounts), min_size=1), st.randoms())
def test_law_sums_of_groups_do_not_depend_on_how_the_rows_are_split(rows, chance):
    from archive.findings.methods.compensation_parity_1 import _Sums

    parts = [_Sums(1, loss, paid, int(paid == 0), 0, Decimal(0)) for _, loss, paid in rows]
    total = parts[0]
    for part in parts[1:]:
        total = total.with_(part)
    assert Fraction(total.loss) == sum(Fraction(loss) for _, loss, _ in rows)
    assert total.unpaid_accounts == sum(paid == 0 for _, _, paid in rows)


def loss(account, group, amount, bound="exact", **more):
    return {"account": account, "group": group, "unit": "USDT", "amount": amount, "bound": bound, **more}


def test_sums_have_bounds(run_method, make_input):
    rows = [
        loss("a", "g", "100"),
        loss("a", "g", "50"),
        loss("b", "g", "10", "lower"),
        loss("c", "g", "30", "upper"),
        loss("d", "g", "5", "estimate", amount_to="9"),
        loss("e", "g", "7", "estimate"),
        loss(None, "g", "1000", accounts=20),
    ]
    result = run_method("loss-total@1", [make_input("losses", "losses", rows)], k="5")
    found = result["units"][0]
    assert (found["accounts"], found["rows"], found["loss_at_least"]) == ("25", "7", "1172")
    assert "loss_at_most" not in found
    assert found["rows_open_ended"] == "1"
    assert found["of_it_estimated"] == "7"
    closed = run_method("loss-total@1", [make_input("losses", "losses", rows[:2] + rows[3:])], k="1")
    assert closed["units"][0]["loss_at_most"] == "1196"


def test_small_groups_are_hidden_and_do_not_follow_by_subtraction(run_method, make_input):
    rows = [loss(f"a{n}", "large", "10") for n in range(9)]
    rows += [loss(f"b{n}", "middle", "10") for n in range(6)]
    rows += [loss("c", "small", "777")]
    result = run_method("loss-total@1", [make_input("losses", "losses", rows)], k="5")
    found = result["units"][0]
    assert [item["group"] for item in found["groups"]] == ["large"]
    assert found["groups_not_shown"] == "2"
    assert found["loss_at_least"] == "927"


@for_all(st.lists(st.tuples(amounts, st.sampled_from(["exact", "lower", "upper", "estimate"])), min_size=1))
def test_law_the_lower_sum_is_never_above_the_upper_one(rows):
    from archive.findings.methods.loss_total_1 import _Sums

    total = _Sums()
    for amount, bound in rows:
        total.add(_Sums(1, 1, Decimal(0) if bound == "upper" else amount, amount, 0, Decimal(0)))
    assert total.least <= total.most


def tree(amounts):
    """Leaves and root of BitMEX's scheme."""
    leaves = [(hashlib.sha256(f"leaf-{n}".encode()).digest(), amount) for n, amount in enumerate(amounts)]
    level = leaves
    while len(level) > 1:
        level = [
            (
                hashlib.sha256(left + struct.pack("<Q", a) + right + struct.pack("<Q", b)).digest(),
                a + b,
            )
            for (left, a), (right, b) in zip(level[::2], level[1::2], strict=True)
        ]
    rows = [
        {"entry": "leaf", "level": 0, "position": n, "hash": digest.hex(), "asset": "XBt", "amount": amount}
        for n, (digest, amount) in enumerate(leaves)
    ]
    return rows, {"entry": "root", "hash": level[0][0].hex(), "asset": "XBt", "amount": level[0][1]}


@pytest.mark.parametrize("seed", range(3))
def test_coverage_root_and_inclusion(run_method, make_input, seed):
    chance = random.Random(seed)
    held = [chance.randrange(10**9) for _ in range(16)]
    rows, root = tree(held)
    chance.shuffle(rows)
    reserves = [{"entry": "reserve", "asset": "XBt", "amount": sum(held) // 2} for _ in range(2)]
    account = rows[0]
    result = run_method(
        "reserve-coverage@1",
        [make_input("liabilities", "reserves", [root, *rows]), make_input("reserves", "reserves", reserves)],
        tree="bitmex",
        account=account["hash"],
    )
    asset, found = result["assets"][0], result["trees"][0]
    assert (asset["liabilities"], asset["total_foots"]) == (str(sum(held)), "yes")
    assert (found["root"], found["root_agrees"]) == (root["hash"], "yes")
    assert (found["account_in_leaves"], found["account_amount"]) == ("yes", str(account["amount"]))
    assert any("debts" in item for item in result["cannot_show"])


def test_a_root_of_the_file_is_never_taken(run_method, make_input):
    rows, root = tree([1, 2, 3, 4])
    rows[2]["amount"] = 1
    result = run_method("reserve-coverage@1", [make_input("liabilities", "reserves", [root, *rows])], tree="bitmex")
    assert result["trees"][0]["root_agrees"] == "no"
    assert result["assets"][0]["total_foots"] == "no"


def test_negative_leaf_is_counted(run_method, make_input):
    rows, _ = tree([5, 6])
    rows[0]["amount"] = -5
    result = run_method("reserve-coverage@1", [make_input("liabilities", "reserves", rows)], tree="bitmex")
    assert result["assets"][0]["negative_leaves"] == "1"
    assert result["trees"][0]["root"].startswith("not computed")


@for_all(st.lists(st.integers(0, 10**6), min_size=4, max_size=4), st.integers(0, 3), st.integers(1, 1000))
def test_law_another_amount_gives_another_root(held, place, more):
    from archive.findings.methods.reserve_coverage_1 import _Leaf, _root

    rows, root = tree(held)
    leaves = [_Leaf(row["position"], row["hash"], Decimal(row["amount"])) for row in rows]
    assert _root(leaves) == root["hash"]
    leaves[place] = _Leaf(place, leaves[place].hash, leaves[place].amount + more)
    assert _root(leaves) != root["hash"]
