"""Lines of a log, each taken apart by its kind. A line that goes on (a traceback) belongs to the one before it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from archive.evidence.readers.opening import Packed
from archive.evidence.readers.source import Complain, SourceBatch

ROWS = 16_384
# Of a longer line the rest is not looked at; `raw` holds at most this too.
MAX_LINE_BYTES = 1 << 20

ParseLine = Callable[[str], Mapping[str, str] | None]


@dataclass(frozen=True, slots=True)
class LinesReader:
    packed: Packed
    names: tuple[str, ...]
    parse: ParseLine

    def read(self, wanted: frozenset[str], *, raw: bool, complain: Complain) -> Iterator[SourceBatch]:
        import pyarrow as pa

        names = [name for name in self.names if name in wanted]
        cells: list[Mapping[str, str]] = []
        numbers: list[int] = []
        lines: list[bytes] = []

        def batch() -> SourceBatch:
            columns = {name: pa.array([_bytes(row.get(name)) for row in cells], pa.binary()) for name in names}
            return SourceBatch(columns, pa.array(numbers, pa.int64()), pa.array(lines, pa.binary()) if raw else None)

        with self.packed.open() as stream:
            number = 0
            while line := stream.readline(MAX_LINE_BYTES):
                number += 1
                if not line.endswith(b"\n") and len(line) == MAX_LINE_BYTES:
                    complain("table.line_too_long", "the line is longer than 1 MiB: its rest is not read", number)
                    while (rest := stream.readline(MAX_LINE_BYTES)) and not rest.endswith(b"\n"):
                        pass
                try:
                    text = line.decode("utf-8")
                except UnicodeDecodeError:
                    complain("table.not_utf8", "the line is not UTF-8 text", number)
                    text = line.decode("utf-8", "replace")
                row = self.parse(text)
                if row is None:
                    continue
                cells.append(row)
                numbers.append(number)
                if raw:
                    lines.append(line.rstrip(b"\r\n"))
                if len(numbers) >= ROWS:
                    yield batch()
                    cells, numbers, lines = [], [], []
        if numbers:
            yield batch()


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode("utf-8", "surrogatepass")
