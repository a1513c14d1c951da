"""DuckDB for the fast paths: it filters, counts, takes minima and sums DECIMAL. Quotients never come from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archive.errors import InvalidInputError
from archive.findings.method import Rows

TABLE = "evidence"


def query(table: Rows, columns: Sequence[str], sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
    """Run one query over one table of evidence, which it names `evidence`.

    Raises:
        InvalidInputError: what the reader says of the file; `findings.overflow` when a sum leaves DECIMAL(38,18).
    """
    import duckdb

    from archive.evidence.tables import connect

    with connect() as connection, table.reading():
        table.relation(connection, columns=columns, name=TABLE)
        try:
            return connection.execute(sql, list(values)).fetchall()
        except duckdb.OutOfRangeException as error:
            raise InvalidInputError(
                f"a sum is too large for an exact decimal: {str(error)[:200]}", code="findings.overflow"
            ) from None


def one_row(table: Rows, columns: Sequence[str], sql: str, values: Sequence[object] = ()) -> tuple[Any, ...]:
    """As `query`, for a query that gives one row."""
    return query(table, columns, sql, values)[0]
