"""BitMEX's published trees of liabilities: `block_height:N`, then `hash,satoshis` from the root down, row by row.

Source of the format: BitMEX/proof-of-reserves-liabilities, validate_liabilities.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from archive.errors import InvalidInputError
from archive.evidence.readers.opening import Packed
from archive.evidence.readers.source import Complain, SourceBatch

FIRST_LINE = re.compile(rb"block_height:\d{1,12}\s*\Z")
NAMES = ("entry", "level", "position", "hash", "asset", "amount")
ASSET = "XBt"  # BitMEX's name of the satoshi
ROWS = 16_384
_MAX_LINE = 4_096


@dataclass(frozen=True, slots=True)
class SumTreeReader:
    packed: Packed
    rows: int

    def read(self, wanted: frozenset[str], *, raw: bool, complain: Complain) -> Iterator[SourceBatch]:
        import pyarrow as pa

        pending: list[tuple[bytes, ...]] = []
        numbers: list[int] = []
        lines: list[bytes] = []
        height = self.rows.bit_length()

        def batch() -> SourceBatch:
            columns = {name: pa.array([cells[i] for cells in pending], pa.binary()) for i, name in enumerate(NAMES)}
            return SourceBatch(columns, pa.array(numbers, pa.int64()), pa.array(lines, pa.binary()) if raw else None)

        with self.packed.open() as stream:
            stream.readline(_MAX_LINE)
            number = 0
            while line := stream.readline(_MAX_LINE):
                line = line.rstrip(b"\r\n")
                if not line:
                    continue
                number += 1
                cells = line.split(b",")
                if len(cells) != 2:
                    complain("table.columns", f"{len(cells)} cells where 2 are expected", number)
                    continue
                depth = number.bit_length() - 1
                level = height - 1 - depth
                entry = b"root" if depth == 0 else b"leaf" if level == 0 else b"node"
                place = number - (1 << depth)
                pending.append((entry, b"%d" % level, b"%d" % place, cells[0], ASSET.encode(), cells[1]))
                numbers.append(number)
                if raw:
                    lines.append(line)
                if len(numbers) >= ROWS:
                    yield batch()
                    pending, numbers, lines = [], [], []
        if numbers:
            yield batch()


def open_sum_tree(packed: Packed) -> SumTreeReader:
    """Count the rows: where the leaves begin is only known from their number.

    Raises:
        InvalidInputError: `table.container`, `table.unreadable`.
    """
    rows = 0
    with packed.open() as stream:
        stream.readline(_MAX_LINE)
        while line := stream.readline(_MAX_LINE):
            rows += bool(line.strip())
    if rows == 0:
        raise InvalidInputError(f"{packed.path}: a tree without nodes", code="table.empty")
    return SumTreeReader(packed, rows)
