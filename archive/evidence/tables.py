"""Tables of evidence: whatever the file is, batches of the contract's columns come out.

    table = open_table(path, "klines", context=TableContext(venue="binance", product="spot"))
    for batch in table.batches(columns=("time", "low")): ...        # pyarrow.RecordBatch: row, then these columns
    with connect() as connection, table.reading():                  # DuckDB without file or network access
        table.relation(connection, columns=("time", "low")).aggregate("min(low)").fetchall()

Nothing here holds a whole file: a reader (`archive.evidence.readers`) turns a part of it into text columns, and
`archive.evidence.shape` turns those into typed ones. A cell that cannot be what its column is becomes NULL and a
problem; a file that cannot be read at all raises an ArchiveError.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archive.errors import ArchiveError, InvalidInputError, MissingDependencyError, Problem, UsageError
from archive.evidence.contracts import CONTRACTS, RAW, ROW, Contract

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from archive.evidence.mapping import TableMapping
    from archive.evidence.readers.source import Source

BATCH_ROWS = 65_536
TABLE_NAME = "evidence"
MEMORY_LIMIT = "1GB"
_CONTEXT = ("venue", "product", "symbol", "date", "time_zone")
EXTRA_HINT = 'pip install "incident-archive[findings]"'


@dataclass(frozen=True, slots=True)
class TableContext:
    """What the record knows and the file may not say. A value in the file wins.

    venue, product, symbol: fill the columns of that name. date: `YYYY-MM-DD` that decides which wording of a code
    was in force, for lines without a time of their own. time_zone: the offset (`+08:00`, `Z`) of times that state
    none; without it they are read as UTC and `time_offset` says that this was assumed.
    """

    venue: str | None = None
    product: str | None = None
    symbol: str | None = None
    date: str | None = None
    time_zone: str | None = None


def table_context(item: Mapping[str, Any]) -> TableContext:
    """The context that an evidence item of a record states (`context:`); nothing where it states none."""
    stated = item.get("context")
    known = {name: stated.get(name) for name in _CONTEXT} if isinstance(stated, Mapping) else {}
    texts = {name: value for name, value in known.items() if isinstance(value, str)}
    return TableContext(**texts)


@dataclass(frozen=True, slots=True)
class TableProblem(Problem):
    """A problem in a table: `row` of the source (1-based), `column` of the contract, `count` of the same one."""

    row: int | None = None
    column: str | None = None
    count: int = 1


OnProblem = Callable[[TableProblem], None]


def _ignore(problem: TableProblem) -> None:
    """A reader of values alone: `check_table` is who lists what is wrong."""


@dataclass(slots=True)
class Table:
    """One file, read as the table of a kind. It can be read any number of times, each time from the start."""

    kind: str
    path: Path
    contract: Contract
    context: TableContext
    source: Source
    error: ArchiveError | None = field(default=None, init=False)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the contract's columns, in order, without `row`."""
        return self.contract.names

    def schema(self, *, columns: Sequence[str] | None = None, raw: bool = False) -> pa.Schema:
        """The Arrow schema of the batches: `row`, the columns asked for (all by default), `raw` where asked."""
        from archive.evidence.shape import arrow_schema

        return arrow_schema(self.contract, self._chosen(columns), raw=raw)

    def batches(
        self,
        *,
        columns: Sequence[str] | None = None,
        raw: bool = False,
        batch_rows: int = BATCH_ROWS,
        on_problem: OnProblem = _ignore,
    ) -> Iterator[pa.RecordBatch]:
        """Read the file from its start.

        Args:
            columns: the contract's columns that are wanted; a few of them are read much faster than all.
            raw: add the column `raw`, the record's own bytes without its line end, where the format has lines.
            batch_rows: rows of a batch at most.
            on_problem: told of each cell or record that could not be read as it should.

        Raises:
            InvalidInputError: `table.…` when the file cannot be read on.
        """
        from archive.evidence.shape import shape

        return shape(self, self._chosen(columns), raw=raw, batch_rows=batch_rows, on_problem=on_problem)

    def relation(
        self,
        connection: duckdb.DuckDBPyConnection,
        *,
        columns: Sequence[str] | None = None,
        raw: bool = False,
        name: str = TABLE_NAME,
    ) -> duckdb.DuckDBPyRelation:
        """Register the table in a DuckDB connection, and return it as a relation.

        Each query streams through the file once; nothing is kept. Run queries inside `reading()`, so that an error of
        the file comes out as it is and not as one of DuckDB.
        """
        connection.register(name, _Stream(self, tuple(columns) if columns is not None else None, raw))
        return connection.table(name)

    @contextmanager
    def reading(self) -> Iterator[Table]:
        """Turn DuckDB's report of an error in the stream back into that error.

        Raises:
            InvalidInputError: what the reader raised, or `table.query` when DuckDB itself refused.
        """
        import duckdb

        self.error = None
        try:
            yield self
        except duckdb.Error as error:
            if self.error is not None:
                raise self.error from None
            first = str(error).strip().split("\n", 1)[0]
            raise InvalidInputError(f"{self.path}: the query failed: {first[:300]}", code="table.query") from error

    def _chosen(self, columns: Sequence[str] | None) -> tuple[str, ...]:
        if columns is None:
            return self.columns
        wanted = set(columns)
        unknown = sorted(wanted - set(self.columns))
        if unknown:
            raise UsageError(
                f"{self.kind}: no such column: {', '.join(unknown)}",
                code="table.column",
                hint=f"the columns are {', '.join(self.columns)}",
            )
        return tuple(name for name in self.columns if name in wanted)


@dataclass(frozen=True, slots=True)
class _Stream:
    """What DuckDB scans: each scan opens the file anew (the Arrow C stream interface)."""

    table: Table
    columns: tuple[str, ...] | None
    raw: bool

    def __arrow_c_stream__(self, requested_schema: object = None) -> Any:
        import pyarrow as pa

        schema = self.table.schema(columns=self.columns, raw=self.raw)
        return pa.RecordBatchReader.from_batches(schema, self._read()).__arrow_c_stream__(requested_schema)

    def _read(self) -> Iterator[pa.RecordBatch]:
        try:
            yield from self.table.batches(columns=self.columns, raw=self.raw)
        except ArchiveError as error:
            self.table.error = error
            raise


def open_table(
    path: Path,
    kind: str,
    *,
    mapping: Mapping[str, Any] | None = None,
    context: TableContext = TableContext(),
) -> Table:
    """Open a file as the table of a kind; only its start is read.

    Args:
        path: the file: CSV, TSV, JSON, JSON lines, log lines, Parquet, WARC, WACZ, HTML, text; plain, zip or gzip.
        kind: a kind with a contract; or `raw`, whose mapping names the kind that it becomes.
        mapping: the column mapping of the evidence item (`archive.evidence.mapping`).
        context: what the record says about the file.

    Raises:
        UsageError: `table.kind` for a kind without a contract.
        InvalidInputError: `table.…` for a file that is none of the formats of its kind, `mapping.…` for the mapping.
        MissingDependencyError: `table.extra` when DuckDB or Arrow is not installed.
    """
    require_libraries()
    from archive.evidence.mapping import is_offset, parse_mapping
    from archive.evidence.readers.sniff import open_source

    if context.time_zone is not None and not is_offset(context.time_zone):
        raise InvalidInputError(
            f"{path}: {context.time_zone[:40]!r} is not an offset",
            code="table.time_zone_form",
            hint="for example +08:00 or Z",
        )
    parsed: TableMapping | None = parse_mapping(mapping, kind) if mapping is not None else None
    becomes = parsed.kind if parsed is not None else kind
    contract = CONTRACTS.get(becomes)
    if contract is None:
        raise UsageError(
            f"{path}: evidence of kind {becomes!r} is not read as a table",
            code="table.kind",
            hint=f"kinds with a contract: {', '.join(CONTRACTS)}; `raw` needs a mapping",
        )
    return Table(becomes, path, contract, context, open_source(path, contract, parsed))


@contextmanager
def connect(*, threads: int = 2, memory_limit: str = MEMORY_LIMIT) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB connection in memory that can read no file, open no network and change no setting.

    Raises:
        MissingDependencyError: `table.extra` when DuckDB is not installed.
    """
    require_libraries()
    import duckdb

    connection = duckdb.connect(
        ":memory:",
        config={
            "threads": threads,
            "memory_limit": memory_limit,
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "enable_external_access": "false",
        },
    )
    # A progress bar would be drawn on standard output, among the results. It can only be set once connected.
    connection.execute("SET enable_progress_bar = false")
    connection.execute("SET lock_configuration = true")
    try:
        yield connection
    finally:
        connection.close()


def check_table(table: Table) -> Iterator[TableProblem]:
    """Everything that is wrong with a table, in one pass: cells, records, and what they mean together.

    The first `archive.evidence.checks.LISTED` problems of each code and column come out one by one, the others as one
    with their count.

    Raises:
        InvalidInputError: `table.…` when the file cannot be read to its end.
    """
    from archive.evidence.checks import check

    return check(table)


def has_libraries() -> bool:
    """Whether the libraries that read tables are installed, without importing them."""
    from importlib.util import find_spec

    return find_spec("pyarrow") is not None and find_spec("duckdb") is not None


def require_libraries() -> None:
    if not has_libraries():
        raise MissingDependencyError(
            "reading tables of evidence needs DuckDB and Arrow, which are not installed",
            code="table.extra",
            hint=EXTRA_HINT,
        )


__all__ = [
    "BATCH_ROWS",
    "RAW",
    "ROW",
    "Table",
    "TableContext",
    "TableProblem",
    "check_table",
    "connect",
    "has_libraries",
    "open_table",
    "table_context",
]
