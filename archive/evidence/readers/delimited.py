"""CSV and its like: by Arrow's streaming reader, or record by record where the bytes of each record are wanted.

Both give the same rows under the same numbers: blank lines count and are left out, records with too few or too many
cells are complained about and left out.
"""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any, BinaryIO

from archive.errors import ArchiveError, InvalidInputError
from archive.evidence.readers.opening import Packed
from archive.evidence.readers.source import MAX_RECORD_BYTES, Complain, SourceBatch

if TYPE_CHECKING:
    import pyarrow as pa

BLOCK_BYTES = 4 << 20
RAW_ROWS = 16_384
PARSERS = 2
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

    def read(
        self,
        wanted: frozenset[str],
        *,
        raw: bool,
        complain: Complain,
        types: Mapping[str, pa.DataType] | None = None,
    ) -> Iterator[SourceBatch]:
        """As `Reader.read`. Columns of `types` may come in that type, in parts of the file where every cell fits it."""
        names = [name for name in self.names if name in wanted or name in self.anchors] or [self.names[0]]
        with self.packed.open() as stream:
            if raw:
                reading = self._read_raw(stream, names, complain)
            elif types:
                reading = self._read_typed(stream, names, complain, types)
            else:
                reading = self._read_fast(stream, names, complain)
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

    def _read_typed(
        self, stream: BinaryIO, names: Sequence[str], complain: Complain, types: Mapping[str, pa.DataType]
    ) -> Iterator[SourceBatch]:
        """Blocks of whole lines, parsed beside each other; from the first whose cells do not all fit on, as text."""
        from concurrent.futures import Future, ThreadPoolExecutor

        head = stream.readline(MAX_RECORD_BYTES) if self.header else b""
        if b'"' in head and head.count(b'"') % 2:
            # A line end inside a name: the other reader knows where the header ends.
            yield from self._read_fast(_Chained([head], stream), names, complain)
            return
        row = 1
        waiting: deque[tuple[bytes, Future[pa.RecordBatch | None]]] = deque()
        blocks = _blocks(stream, self.block_bytes)
        with ThreadPoolExecutor(PARSERS, thread_name_prefix="archive-csv") as pool:
            while True:
                while len(waiting) <= PARSERS and (block := next(blocks, None)) is not None:
                    waiting.append((block, pool.submit(self._parse, block, names, types)))
                if not waiting:
                    return
                parsed = waiting[0][1].result()
                if parsed is None:
                    break
                waiting.popleft()
                rows, row = _numbers(parsed.num_rows, row, deque())
                kept = _not_null(parsed)
                if kept is not None:
                    parsed, rows = parsed.filter(kept), rows.filter(kept)
                if parsed.num_rows:
                    yield SourceBatch(dict(zip(names, parsed.columns, strict=True)), rows)
        before = row - 1
        rest = _Chained([block for block, _ in waiting], blocks)

        def told(code: str, message: str, number: int) -> None:
            complain(code, message, number + before)

        for batch in replace(self, header=False)._read_fast(rest, names, told):
            yield SourceBatch(batch.columns, _shifted(batch.rows, before))

    def _parse(self, block: bytes, names: Sequence[str], types: Mapping[str, pa.DataType]) -> pa.RecordBatch | None:
        """A block as one typed batch, or None when a cell or record is not as it should be."""
        import pyarrow as pa
        from pyarrow import csv as arrow_csv

        # Quotation marks are for the careful reader; so are blank lines, which Arrow refuses but in a single column.
        if b'"' in block or len(self.names) == 1:
            return None
        try:
            table = arrow_csv.read_csv(
                pa.BufferReader(block),
                read_options=arrow_csv.ReadOptions(
                    use_threads=False, block_size=len(block) + 1, column_names=list(self.names)
                ),
                parse_options=arrow_csv.ParseOptions(delimiter=self.delimiter, ignore_empty_lines=False),
                convert_options=arrow_csv.ConvertOptions(
                    column_types={name: types.get(name, pa.binary()) for name in self.names},
                    include_columns=list(names),
                    null_values=[""],
                    strings_can_be_null=True,
                ),
            )
            # Arrow puts a number of too many digits into a decimal without a word; only this notices.
            for column in table.columns:
                if pa.types.is_decimal(column.type):
                    column.validate(full=True)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            return None
        return table.combine_chunks().to_batches()[0] if table.num_rows else None

    def _read_fast(
        self, stream: BinaryIO | io.RawIOBase, names: Sequence[str], complain: Complain
    ) -> Iterator[SourceBatch]:
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


class _Chained(io.RawIOBase):
    """Bytes that were read already, and what comes after them."""

    def __init__(self, first: Sequence[bytes], rest: Iterable[bytes]) -> None:
        super().__init__()
        self.parts = chain(first, rest)
        self.held = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self.held:
            part = next(self.parts, None)
            if part is None:
                return 0
            self.held = memoryview(part)
        count = min(len(buffer), len(self.held))
        buffer[:count] = self.held[:count]
        self.held = self.held[count:]
        return count


def _blocks(stream: BinaryIO, size: int) -> Iterator[bytes]:
    """Blocks that end with a line; a line longer than a block makes its block longer."""
    left = b""
    while data := stream.read(size):
        cut = data.rfind(b"\n") + 1
        if not cut:
            left += data
            if len(left) > MAX_RECORD_BYTES:
                break
            continue
        yield left + data[:cut]
        left = data[cut:]
    if left:
        yield left
    yield from iter(lambda: stream.read(size), b"")


def _shifted(rows: pa.Array, by: int) -> pa.Array:
    import pyarrow.compute as pc

    return pc.add(rows, by) if by else rows


def _not_null(batch: pa.RecordBatch) -> pa.Array | None:
    """A mask of the records with something in them, or None when all have."""
    import pyarrow.compute as pc

    if not all(column.null_count for column in batch.columns):
        return None
    blank = None
    for column in batch.columns:
        empty = pc.equal(pc.binary_length(column), 0) if str(column.type) == "binary" else pc.is_null(column)
        empty = pc.fill_null(empty, True)
        blank = empty if blank is None else pc.and_(blank, empty)
    return pc.invert(blank) if pc.any(blank).as_py() else None


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
