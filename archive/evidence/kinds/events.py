"""`system-events`: what a venue did to its own market: circuit breakers, auctions, halts, announcements."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from archive.evidence.contracts import CONTRACTS
from archive.evidence.kinds.base import Kind, Note
from archive.evidence.kinds.market import PRODUCT_WORDS

if TYPE_CHECKING:
    import pyarrow as pa

    from archive.evidence.tables import Table

_MAX_OPEN = 20_000


class _Events:
    """In order; a window ends after it begins; what began ends once, and nothing ends that did not begin."""

    def __init__(self, table: Table, note: Note) -> None:
        self.table, self.note = table, note
        self.last: int | None = None
        self.open: dict[tuple[Any, ...], tuple[int, datetime | None]] = {}

    def batch(self, batch: pa.RecordBatch) -> None:
        import pyarrow.compute as pc

        from archive.evidence.checks import backwards, tell_rows

        self.last = backwards(
            batch, self.last, self.note, "system-events.order", "it is before the event above", severity="warning"
        )
        inverted = pc.less(batch.column("end_time"), batch.column("time"))
        tell_rows(
            inverted, batch.column("row"), self.note, "system-events.window", "it ends before it begins", "end_time"
        )
        names = ("row", "time", "venue", "product", "symbol", "event", "phase")
        for row, time, venue, product, symbol, event, phase in zip(
            *(batch.column(name).to_pylist() for name in names), strict=True
        ):
            key = (venue, product, symbol, event)
            if phase == "begin":
                if key in self.open:
                    self.note(
                        "system-events.begun_twice",
                        f"it began in row {self.open[key][0]} and has not ended",
                        row,
                        "phase",
                        "warning",
                    )
                elif len(self.open) < _MAX_OPEN:
                    self.open[key] = (row, time)
            elif phase == "end":
                if key not in self.open:
                    self.note(
                        "system-events.not_begun", "it ends without having begun in this file", row, "phase", "warning"
                    )
                else:
                    _, begun = self.open.pop(key)
                    if begun is not None and time is not None and time < begun:
                        self.note("system-events.window", "it ends before it begins", row, "time", "error")

    def finish(self) -> None:
        for row, _ in self.open.values():
            self.note("system-events.open", "it does not end in this file", row, "phase", "note")


SYSTEM_EVENTS = Kind(
    CONTRACTS["system-events"],
    aliases={
        "time": ("timestamp", "ts", "start", "start_time", "begin", "created_at", "at", "datetime", "date"),
        "end_time": ("end", "until", "resolved_at", "stop"),
        "venue": ("exchange",),
        "product": ("market",),
        "symbol": ("instrument", "pair"),
        "id": ("event_id",),
        "event": ("type", "kind", "name", "category"),
        "phase": ("state", "status", "action"),
        "text": ("message", "description", "title", "note"),
    },
    values={
        "phase": {
            "start": "begin",
            "started": "begin",
            "triggered": "begin",
            "stop": "end",
            "stopped": "end",
            "resolved": "end",
            "ended": "end",
        },
        "product": PRODUCT_WORDS,
    },
    checker=_Events,
)
