"""CSV and its like: by Arrow's streaming reader, or record by record where the bytes of each record are wanted.

Both give the same rows under the same numbers: blank lines count and are left out, records with too few or too many
cells are complained about and left out.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from archive.errors import ArchiveError, InvalidInputError
from archive.evidence.readers.opening import Packed
from archive.evidence.readers.source import MAX_RECORD_BYTES, Complain, SourceBatch

if TYPE_CHECKING:
    import pyarrow as pa

BLOCK_BYTES = 4 << 20
RAW_ROWS = 16_384
BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class DelimitedReader:
    """Columns in order, whether the first line names them, and those of which a record cannot be without."""

    packed: Packed
    names: tuple[str, ...]
    delimiter: str = ","
    header: bool = True
    anchors: frozenset[str] = frozenset()
    block_bytes: int = BLOCK_BYTES

    def read(self, wanted: frozenset[str], *, raw: bool, complain: Complain) -> Iterator[SourceBatch]:
        names = [name for name in self.names if name in wanted or name in self.anchors] or [self.names[0]]
        with self.packed.open() as stream:
            reading = self._read_raw(stream, names, complain) if raw else self._read_fast(stream, names, complain)
            try:
                yield from reading
            except ArchiveError:
                raise
            except (ValueError, OSError, csv.Error) as error:
                raise InvalidInputError(
                    f"{self.packed.path}: cannot be read on as delimited text: {str(error)[:200]}",
                    code="table.delimited",
                    hint="is a quotation mark not closed, or a line longer than 4 MiB?",
                ) from error

    def _read_fast(self, stream: BinaryIO, names: Sequence[str], complain: Complain) -> Iterator[SourceBatch]:
        import pyarrow as pa
        from pyarrow import csv as arrow_csv

        first = 2 if self.header else 1
        skipped: deque[int] = deque()

        def refuse(row: arrow_csv.InvalidRow) -> str:
            number = row.number - first + 1
            skipped.append(number)
            complain("table.columns", _uneven(row.expected_columns, row.actual_columns), number)
            return "skip"

        try:
            reader = arrow_csv.open_csv(
                stream,
                read_options=arrow_csv.ReadOptions(
                    use_threads=False,
                    block_size=self.block_bytes,
                    column_names=list(self.names),
                    skip_rows=1 if self.header else 0,
                ),
                parse_options=arrow_csv.ParseOptions(
                    delimiter=self.delimiter,
                    newlines_in_values=True,
                    ignore_empty_lines=False,
                    invalid_row_handler=refuse,
                ),
                convert_options=arrow_csv.ConvertOptions(
                    column_types=dict.fromkeys(self.names, pa.binary()), include_columns=list(names)
                ),
            )
        except pa.ArrowInvalid as error:
            if "Empty CSV file" in str(error):
                return
            raise
        row = 1
        for batch in reader:
            rows, row = _numbers(batch.num_rows, row, skipped)
            kept = _not_blank(batch)
            if kept is not None:
                batch, rows = batch.filter(kept), rows.filter(kept)
            if batch.num_rows:
                yield SourceBatch(dict(zip(names, batch.columns, strict=True)), rows)

    def _read_raw(self, stream: BinaryIO, names: Sequence[str], complain: Complain) -> Iterator[SourceBatch]:
        import pyarrow as pa

        places = [self.names.index(name) for name in names]
        pending: list[tuple[int, bytes, list[str]]] = []

        def batch() -> SourceBatch:
            cells = {
                name: pa.array([_bytes(record[2][place]) for record in pending], pa.binary())
                for name, place in zip(names, places, strict=True)
            }
            rows = pa.array([record[0] for record in pending], pa.int64())
            return SourceBatch(cells, rows, pa.array([record[1] for record in pending], pa.binary()))

        for number, line, record in self._records(stream):
            if len(record) != len(self.names):
                complain("table.columns", _uneven(len(self.names), len(record)), number)
                continue
            if any(record[place] for place in places):
                pending.append((number, line, record))
            if len(pending) >= RAW_ROWS:
                yield batch()
                pending.clear()
        if pending:
            yield batch()

    def _records(self, stream: BinaryIO) -> Iterator[tuple[int, bytes, list[str]]]:
        """Number, bytes and cells of each record that is not a blank line."""
        taken: list[bytes] = []

        def lines() -> Iterator[str]:
            first = True
            while line := stream.readline(MAX_RECORD_BYTES + 1):
                if len(line) > MAX_RECORD_BYTES:
                    raise ValueError("a line is longer than 16 MiB")
                if first and line.startswith(BOM):
                    line = line[len(BOM) :]
                first = False
                taken.append(line)
                yield line.decode("utf-8", "surrogateescape")

        number = 0 if self.header else 1
        for record in csv.reader(lines(), delimiter=self.delimiter):
            line = b"".join(taken).rstrip(b"\r\n")
            taken.clear()
            if number and record:
                yield number, line, record
            number += 1


def _bytes(cell: str) -> bytes:
    return cell.encode("utf-8", "surrogateescape")


def _uneven(expected: int, found: int) -> str:
    return f"{found} cells where {expected} are expected"


def _numbers(count: int, row: int, skipped: deque[int]) -> tuple[pa.Array, int]:
    """The numbers of the next `count` records that were kept, and the number after them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not skipped:
        return pc.cumulative_sum(pa.repeat(pa.scalar(1, pa.int64()), count), start=row - 1), row + count
    numbers: list[int] = []
    while len(numbers) < count:
        while skipped and skipped[0] == row:
            skipped.popleft()
            row += 1
        numbers.append(row)
        row += 1
    return pa.array(numbers, pa.int64()), row


def _not_blank(batch: pa.RecordBatch) -> pa.Array | None:
    """A mask of the records with something in them, or None when all have."""
    import pyarrow.compute as pc

    blank = None
    for column in batch.columns:
        empty = pc.equal(pc.binary_length(column), 0)
        blank = empty if blank is None else pc.and_(blank, empty)
        if not pc.any(blank).as_py():
            return None
    return pc.invert(blank)
