"""Everything that is wrong with a table, found in one pass: what cells are, and what they mean together.

Problems that repeat are listed up to a number and counted beyond it, so that the list of a file of any size stays
readable, and the memory of a check bounded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from archive.errors import Severity
from archive.evidence.contracts import Column
from archive.evidence.tables import Table, TableProblem

if TYPE_CHECKING:
    import pyarrow as pa

LISTED = 50
# Codes and columns that are told apart; a hostile file cannot make more than its contract has columns.
_MAX_ROWS_LOOKED_AT = 1_000
_CHECKSUM_BYTES = 4_096


@dataclass(slots=True)
class _Listing:
    """Problems by code and column: the first ones kept until they are handed out, the others counted."""

    path: str
    ready: list[TableProblem] = field(default_factory=list)
    counts: dict[tuple[str, str | None], int] = field(default_factory=dict)
    last: dict[tuple[str, str | None], TableProblem] = field(default_factory=dict)

    def add(self, problem: TableProblem) -> None:
        key = (problem.code, problem.column)
        count = self.counts.get(key, 0) + problem.count
        self.counts[key] = count
        if count - problem.count < LISTED:
            self.ready.append(problem)
        else:
            self.last[key] = problem

    def note(
        self, code: str, message: str, row: int | None, column: str | None, severity: Severity = "error", count: int = 1
    ) -> None:
        where = f"row {row:,}: " if row is not None else ""
        self.add(
            TableProblem(
                code, f"{where}{message}", self.path, line=row, severity=severity, row=row, column=column, count=count
            )
        )

    def take(self) -> list[TableProblem]:
        ready, self.ready = self.ready, []
        return ready

    def rest(self) -> Iterator[TableProblem]:
        for key, problem in self.last.items():
            more = self.counts[key] - LISTED
            yield TableProblem(
                problem.code,
                f"and {more:,} more of these, the last in row {problem.row}",
                self.path,
                line=problem.row,
                severity=problem.severity,
                row=problem.row,
                column=problem.column,
                count=more,
            )


def check(table: Table) -> Iterator[TableProblem]:
    """See `archive.evidence.tables.check_table`."""
    from archive.evidence.kinds import KINDS

    listing = _Listing(str(table.path))
    make = KINDS[table.kind].checker
    checker = make(table, listing.note) if make is not None else None
    required = [column for column in table.contract.columns if column.required]
    _source_notes(table, listing)
    yield from listing.take()
    rows = 0

    def hear(problem: TableProblem) -> None:
        listing.note(problem.code, problem.message, problem.row, problem.column, problem.severity)

    for batch in table.batches(on_problem=hear):
        rows += batch.num_rows
        _required(batch, required, listing)
        if checker is not None:
            checker.batch(batch)
        yield from listing.take()
    if not rows:
        listing.note("table.no_rows", "not one row could be read", None, None)
    if checker is not None:
        checker.finish()
    yield from listing.take()
    yield from listing.rest()


def _required(batch: pa.RecordBatch, required: list[Column], listing: _Listing) -> None:
    import pyarrow.compute as pc

    for column in required:
        cells = batch.column(column.name)
        if cells.null_count:
            tell_rows(
                pc.is_null(cells),
                batch.column("row"),
                listing.note,
                "table.required",
                f"{column.name} is empty",
                column.name,
            )


def tell_rows(
    mask: Any, rows: Any, note: Any, code: str, message: str, column: str, *, severity: Severity = "error"
) -> None:
    """Tell each row where a mask holds; beyond a thousand of a batch, the others as one with their count."""
    import pyarrow.compute as pc

    found = pc.sum(mask).as_py()
    if not found:
        return
    places = rows.filter(pc.fill_null(mask, False))
    for row in places.slice(0, _MAX_ROWS_LOOKED_AT).to_pylist():
        note(code, message, row, column, severity)
    if found > _MAX_ROWS_LOOKED_AT:
        note(code, message, places[found - 1].as_py(), column, severity, found - _MAX_ROWS_LOOKED_AT)


def backwards(
    batch: pa.RecordBatch, last: int | None, note: Any, code: str, message: str, *, severity: Severity = "error"
) -> int | None:
    """Tell the rows whose time is before that of the row above; returns the last time, in microseconds."""
    import pyarrow as pa
    import pyarrow.compute as pc

    times = batch.column("time").cast(pa.int64())
    kept = pc.is_valid(times)
    times, rows = times.filter(kept), batch.column("row").filter(kept)
    if not len(times):
        return last
    head = times if last is None else pa.concat_arrays([pa.array([last], pa.int64()), times])
    if len(head) > 1:
        back = pc.less(head.slice(1), head.slice(0, len(head) - 1))
        tell_rows(back, rows.slice(1) if last is None else rows, note, code, message, "time", severity=severity)
    newest: int = times[len(times) - 1].as_py()
    return newest


def _source_notes(table: Table, listing: _Listing) -> None:
    source = table.source
    if source.floats and source.format == "Parquet":
        listing.note(
            "table.floats",
            "the file has binary floats: the shortest decimal of each is taken",
            None,
            None,
            "note",
        )
    zoneless = table.context.time_zone is None and "time" in source.rules and source.rules["time"].time_zone is None
    if not zoneless and table.context.time_zone is not None:
        listing.note(
            "table.time_zone", f"times without an offset are read as {table.context.time_zone}", None, "time", "note"
        )
    _checksum(table, listing)


def _checksum(table: Table, listing: _Listing) -> None:
    """A `.CHECKSUM` beside a zip archive holds for its bytes: a venue that replaced the archive since shows here."""
    beside = table.path.with_name(table.path.name + ".CHECKSUM")
    if not beside.is_file():
        if table.source.facts.get("archive") and table.path.suffix == ".zip":
            listing.note(
                "klines.no_checksum",
                "no .CHECKSUM stands beside the archive: a later replacement cannot be told",
                None,
                None,
                "note",
            )
        return
    try:
        with beside.open("rb") as handle:
            words = handle.read(_CHECKSUM_BYTES).decode("ascii", "replace").split()
        digest = hashlib.sha256()
        with table.path.open("rb") as handle:
            while chunk := handle.read(1 << 20):
                digest.update(chunk)
    except OSError as error:
        listing.note("table.checksum_unreadable", f"cannot be compared: {error.strerror}", None, None, "warning")
        return
    stated = words[0].casefold() if words else ""
    if stated != digest.hexdigest():
        listing.note(
            "table.checksum",
            f"it is not the archive its .CHECKSUM was made for (stated {stated[:64]}, found {digest.hexdigest()}): "
            "the venue may have replaced it since; keep both and their times of retrieval",
            None,
            None,
        )
