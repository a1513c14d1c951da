"""docs/registry.md states gas and address as they are."""

from __future__ import annotations

import json
from pathlib import Path

from archive.chain.deploy import deterministic_address

PROJECT = Path(__file__).resolve().parents[3]
PAGE = (PROJECT / "docs" / "registry.md").read_text(encoding="utf-8")


def test_gas_is_that_of_the_snapshot() -> None:
    gas = json.loads((PROJECT / "contracts" / "snapshots" / "transactions.json").read_text())
    for name in ("anchor_first", "anchor_later", "anchor_batch", "endorse", "withdraw", "retract", "cancel"):
        assert f"{gas[name]:,}" in PAGE, name


def test_address_is_the_one_that_follows_from_the_code() -> None:
    assert deterministic_address() in PAGE
