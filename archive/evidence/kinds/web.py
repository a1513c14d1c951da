"""`statement` and `web-capture`: what a page said, when it was captured, what its server said about it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from archive.evidence.contracts import CONTRACTS
from archive.evidence.kinds.base import Kind, Note

if TYPE_CHECKING:
    import pyarrow as pa

    from archive.evidence.tables import Table

_CLOCKS = timedelta(minutes=10)


class _Statement:
    """A statement says something."""

    def __init__(self, table: Table, note: Note) -> None:
        self.note = note
        self.lines = 0

    def batch(self, batch: pa.RecordBatch) -> None:
        self.lines += batch.num_rows

    def finish(self) -> None:
        if not self.lines:
            self.note("statement.empty", "there is no text in it", None, "text", "error")


class _Capture:
    """There is an answer; it has a time; the server's clock agrees with the recorder's."""

    def __init__(self, table: Table, note: Note) -> None:
        self.note = note
        self.answers = 0

    def batch(self, batch: pa.RecordBatch) -> None:
        names = ("row", "time", "record_type", "http_status", "server_date")
        for row, time, record_type, status, sent in zip(
            *(batch.column(name).to_pylist() for name in names), strict=True
        ):
            if record_type not in ("response", "resource", "revisit"):
                continue
            self.answers += 1
            if status is not None and status >= 400:
                self.note("web-capture.status", f"the server answered {status}", row, "http_status", "warning")
            said = _http_date(sent)
            if said is not None and time is not None and abs(said - time.replace(tzinfo=UTC)) > _CLOCKS:
                self.note(
                    "web-capture.clock",
                    f"the server's clock said {said:%Y-%m-%dT%H:%M:%SZ} at that moment",
                    row,
                    "server_date",
                    "warning",
                )

    def finish(self) -> None:
        if not self.answers:
            self.note("web-capture.empty", "no answer of a server is in it", None, "record_type", "error")


def _http_date(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


STATEMENT = Kind(CONTRACTS["statement"], checker=_Statement)
WEB_CAPTURE = Kind(CONTRACTS["web-capture"], checker=_Capture)
