"""The kinds of tabular evidence, by name. Importing this needs no library of an extra."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from archive.evidence.kinds.api_log import API_LOG
from archive.evidence.kinds.base import Kind
from archive.evidence.kinds.events import SYSTEM_EVENTS
from archive.evidence.kinds.market import (
    INDEX_CONSTITUENTS,
    KLINES,
    LIQUIDATIONS,
    MARK_PRICE,
    OPEN_INTEREST,
    ORDER_BOOK,
    PRICES,
    TRADES,
)
from archive.evidence.kinds.money import COMPENSATION, LEDGER, LOSSES, POSITIONS
from archive.evidence.kinds.reserves import RESERVES
from archive.evidence.kinds.web import STATEMENT, WEB_CAPTURE

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        kind.contract.kind: kind
        for kind in (
            API_LOG,
            KLINES,
            PRICES,
            TRADES,
            LIQUIDATIONS,
            OPEN_INTEREST,
            ORDER_BOOK,
            INDEX_CONSTITUENTS,
            MARK_PRICE,
            POSITIONS,
            LEDGER,
            COMPENSATION,
            LOSSES,
            RESERVES,
            STATEMENT,
            WEB_CAPTURE,
            SYSTEM_EVENTS,
        )
    }
)
