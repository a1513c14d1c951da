"""What every reader gives: batches of columns as the source names them, with the number of each record.

Cells are text (Arrow `binary`, so that a byte that is no text spoils its cell and not its batch) or, from Parquet,
what the file has. A reader complains about records; cells are judged later, by `archive.evidence.shape`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from archive.evidence.mapping import CellRule

if TYPE_CHECKING:
    import pyarrow as pa

# A single record, a line or a JSON value, is never longer than this; what is longer is no log.
MAX_RECORD_BYTES = 16 << 20
# A JSON document that is one object is read whole, up to this.
MAX_DOCUMENT_BYTES = 64 << 20
HEAD_BYTES = 64 * 1024

Complain = Callable[[str, str, int], None]  # code, message, row


@dataclass(frozen=True, slots=True)
class SourceBatch:
    """A part of a file: columns of equal length, the number of each record, and their bytes where asked."""

    columns: Mapping[str, pa.Array]
    rows: pa.Array
    raw: pa.Array | None = None


class Reader(Protocol):
    """Reads a file from its start, any number of times."""

    def read(self, wanted: frozenset[str], *, raw: bool, complain: Complain) -> Iterator[SourceBatch]:
        """Batches of the wanted columns; columns that a batch lacks are empty in it."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file that was recognised.

    format: in words, for reports. rules: our columns, and what each is made of. floats: whether numbers were binary
    floats, of which the shortest decimal is taken. names: the columns it has, where they are known before reading.
    """

    format: str
    reader: Reader
    rules: Mapping[str, CellRule]
    floats: bool = False
    names: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
