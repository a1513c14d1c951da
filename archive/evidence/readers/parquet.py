"""Parquet, row group by row group. Floats are left to `shape`, which takes the shortest decimal of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from archive.errors import InvalidInputError
from archive.evidence.readers.source import Complain, SourceBatch

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = 65_536


@dataclass(frozen=True, slots=True)
class ParquetReader:
    path: Path

    def schema(self) -> pa.Schema:
        """The columns of the file.

        Raises:
            InvalidInputError: `table.parquet`.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            with pq.ParquetFile(self.path, memory_map=False) as file:
                return file.schema_arrow
        except (pa.ArrowException, OSError, ValueError, TypeError) as error:
            raise _wrong(self.path, error) from error

    def read(self, wanted: frozenset[str], *, raw: bool, complain: Complain) -> Iterator[SourceBatch]:
        import pyarrow as pa
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        row = 0
        try:
            with pq.ParquetFile(self.path, memory_map=False) as file:
                names = [name for name in file.schema_arrow.names if name in wanted]
                for batch in file.iter_batches(batch_size=ROWS, columns=names, use_threads=False):
                    if not batch.num_rows:
                        continue
                    rows = pc.cumulative_sum(pa.repeat(pa.scalar(1, pa.int64()), batch.num_rows), start=row)
                    row += batch.num_rows
                    yield SourceBatch(dict(zip(batch.schema.names, batch.columns, strict=True)), rows)
        except (pa.ArrowException, OSError, ValueError, TypeError) as error:
            raise _wrong(self.path, error) from error


def _wrong(path: Path, error: Exception) -> InvalidInputError:
    return InvalidInputError(
        f"{path}: cannot be read as Parquet: {str(error)[:160]}",
        code="table.parquet",
        hint="was the download cut off?",
    )
