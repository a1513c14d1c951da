"""CSV and its like: by Arrow's streaming reader, or record by record where the bytes of each record are wanted.

Both give the same rows under the same numbers: blank lines count and are left out, records with too few or too many
cells are complained about and left out.
"""

from __future__ import annotations

import csv
import io
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any, BinaryIO

from archive.errors import ArchiveError, InvalidInputError
from archive.evidence.readers.blocks import parsed_blocks
from archive.evidence.readers.opening import Packed
from archive.evidence.readers.source import MAX_RECORD_BYTES, Complain, SourceBatch

if TYPE_CHECKING:
    import pyarrow as pa

BLOCK_BYTES = 4 << 20
RAW_ROWS = 16_384
_PEEK_BYTES = 4096
BOM = b"\xef\xbb\xbf"
_DIGITS = re.compile(rb"\d{9,19}\Z")


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
        times: frozenset[str] = frozenset(),
    ) -> Iterator[SourceBatch]:
        """As `Reader.read`. Columns of `types` may come in that type, in parts of the file where every cell fits it.

        Of these `times` hold times, which come as whole numbers where they count from 1970.
        """
        names = [name for name in self.names if name in wanted or name in self.anchors] or [self.names[0]]
        with self.packed.open() as stream:
            if raw:
                reading = self._read_raw(stream, names, complain)
            elif types:
                reading = self._read_typed(stream, names, wanted, complain, types, times)
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
        self,
        stream: BinaryIO,
        names: Sequence[str],
        wanted: frozenset[str],
        complain: Complain,
        types: Mapping[str, pa.DataType],
        times: frozenset[str],
    ) -> Iterator[SourceBatch]:
        """Blocks of whole lines, parsed beside each other; one whose cells do not all fit is read as text."""
        head = stream.readline(MAX_RECORD_BYTES) if self.header else b""
        if b'"' in head and head.count(b'"') % 2:
            # A line end inside a name: the other reader knows where the header ends.
            yield from self._read_fast(_Chained(chain([head], stream)), names, complain)
            return
        first = stream.peek(_PEEK_BYTES)[:_PEEK_BYTES].split(b"\n", 1)[0]  # type: ignore[attr-defined]
        counted = self._counted(first, types, times)
        lean = [name for name in names if name in wanted] or names[:1]

        def parse(block: bytes) -> pa.RecordBatch | None:
            if _may_be_odd(block, any(kind == "int64" for kind in counted.values())) or len(self.names) == 1:
                return None
            parsed = self._parse(block, lean, counted)
            # Only where all that is wanted of a record is empty do the other columns tell whether it is one.
            if parsed is not None and len(lean) < len(names) and all(column.null_count for column in parsed.columns):
                return self._parse(block, names, counted)
            return parsed

        before = 0

        def told(code: str, message: str, number: int) -> None:
            complain(code, message, number + before)

        blocks = parsed_blocks(self.packed, stream, len(head), self.block_bytes, parse)
        careful = replace(self, header=False)
        for block in blocks:
            if block.parsed is not None:
                rows, following = _numbers(block.parsed.num_rows, before + 1, deque())
                kept, parsed = _not_null(block.parsed), block.parsed
                if kept is not None:
                    parsed, rows = parsed.filter(kept), rows.filter(kept)
                if parsed.num_rows:
                    yield SourceBatch(dict(zip(parsed.schema.names, parsed.columns, strict=True)), rows)
                before = following - 1
                continue
            # A quoted cell may hold line ends, so that from here on nobody knows where blocks could be cut.
            quoted = b'"' in block.data
            data = chain([block.data], (later.data for later in blocks)) if quoted else [block.data]
            for batch in careful._read_fast(_Chained(data), names, told):
                yield SourceBatch(batch.columns, _shifted(batch.rows, before))
            if quoted:
                return
            before += _lines(block.data)

    def _counted(
        self, first: bytes, types: Mapping[str, pa.DataType], times: frozenset[str]
    ) -> Mapping[str, pa.DataType]:
        """The types, with whole numbers for the times that the first record counts from 1970."""
        import pyarrow as pa

        cells = dict(zip(self.names, first.split(self.delimiter.encode()), strict=False))
        counted = {name: pa.int64() for name in times if _DIGITS.match(cells.get(name, b"").strip())}
        return {**types, **counted}

    def _parse(self, block: bytes, names: Sequence[str], types: Mapping[str, pa.DataType]) -> pa.RecordBatch | None:
        """A block as one typed batch, or None when a cell or record is not as it should be."""
        import pyarrow as pa
        from pyarrow import csv as arrow_csv

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
    """Pieces of bytes, one after another."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        super().__init__()
        self.parts = iter(parts)
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


def _may_be_odd(block: bytes, integers: bool) -> bool:
    """Whether only the careful reader reads a block right: quotation marks, numbers in hex, which Arrow takes.

    Blank lines need no look: Arrow refuses them, except in a table of one column.
    """
    if b'"' in block:
        return True
    # One byte is found much faster than two.
    return integers and any(sign in block and b"0" + sign in block for sign in (b"x", b"X"))


def _lines(block: bytes) -> int:
    """How many records a block without quotation marks has, blank ones among them."""
    ends = block.count(b"\n") + block.count(b"\r") - block.count(b"\r\n")
    return ends + (not block.endswith((b"\n", b"\r")))


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
