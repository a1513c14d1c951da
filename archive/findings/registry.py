"""Every method this program knows, by name and version. Nothing is ever taken out of here."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from archive.findings.method import Method

# Method to the module below archive.findings.methods that holds it as METHOD.
MODULES: Mapping[str, str] = MappingProxyType(
    {
        "order-rejections@1": "order_rejections_1",
        "latency@1": "latency_1",
        "price-deviation@1": "price_deviation_1",
        "spot-perp-basis@1": "spot_perp_basis_1",
        "depeg@1": "depeg_1",
        "mark-price-replay@1": "mark_price_replay_1",
        "open-interest-drop@1": "open_interest_drop_1",
        "compensation-parity@1": "compensation_parity_1",
        "loss-total@1": "loss_total_1",
        "reserve-coverage@1": "reserve_coverage_1",
        "timeline-consistency@1": "timeline_consistency_1",
        "figure-consistency@1": "figure_consistency_1",
    }
)


def find_method(name: str) -> Method | None:
    """The method `name@version`; None when this program does not know it."""
    module = MODULES.get(name)
    if module is None:
        return None
    method: Method = importlib.import_module(f"archive.findings.methods.{module}").METHOD
    return method
