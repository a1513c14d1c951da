"""Tables in memory with the types of the contracts, and findings over them by both engines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from archive.evidence.contracts import CONTRACTS, ColumnType
from archive.findings.method import ANY, Input
from archive.findings.registry import find_method
from archive.package import canonical

ROOT = Path(__file__).resolve().parents[3]


def arrow_type(column: ColumnType) -> Any:
    import pyarrow as pa

    return {
        ColumnType.DECIMAL: pa.decimal128(38, 18),
        ColumnType.TIME: pa.timestamp("us"),
        ColumnType.INTEGER: pa.int64(),
        ColumnType.BOOLEAN: pa.bool_(),
    }.get(column, pa.string())


@dataclass(frozen=True, slots=True)
class MemoryTable:
    """Stands in for `archive.evidence.tables.Table`: the same columns, types and interface, rows given."""

    kind: str
    table: Any

    def batches(self, *, columns: Sequence[str] | None = None) -> Iterator[Any]:
        chosen = self.table if columns is None else self.table.select(["row", *columns])
        yield from chosen.to_batches(max_chunksize=7)

    def relation(self, connection: Any, *, columns: Sequence[str] | None = None, name: str = "evidence") -> Any:
        connection.register(name, self.table if columns is None else self.table.select(["row", *columns]))
        return connection.table(name)

    @contextmanager
    def reading(self) -> Iterator[MemoryTable]:
        yield self


def memory_table(kind: str, rows: Sequence[Mapping[str, Any]]) -> MemoryTable:
    """Rows as dicts of texts, ints, Decimals, datetimes; what is left out is NULL."""
    import pyarrow as pa

    fields = [pa.field("row", pa.int64())]
    arrays = [pa.array(range(1, len(rows) + 1), pa.int64())]
    for column in CONTRACTS[kind].columns:
        values = [row.get(column.name) for row in rows]
        if column.type is ColumnType.DECIMAL:
            values = [None if value is None else Decimal(value) for value in values]
        elif column.type is ColumnType.TIME:
            values = [at(value) if isinstance(value, str) else value for value in values]
        unknown = {name for row in rows for name in row} - set(CONTRACTS[kind].names)
        assert not unknown, unknown
        fields.append(pa.field(column.name, arrow_type(column.type)))
        arrays.append(pa.array(values, type=arrow_type(column.type)))
    return MemoryTable(kind, pa.Table.from_arrays(arrays, schema=pa.schema(fields)))


def at(text: str) -> datetime:
    """A time in UTC as tables hold it."""
    return datetime.fromisoformat(text.removesuffix("Z"))


def given(role: str, kind: str, rows: Sequence[Mapping[str, Any]], name: str = "") -> Input:
    table = memory_table(kind, rows)
    return Input(
        name or role, role, Path("nowhere"), lambda asked: table if asked in (kind, ANY) else pytest.fail(asked)
    )


def run(method: str, inputs: Sequence[Input], **parameters: str) -> dict[str, Any]:
    """The result by both engines, which must be the same bytes."""
    found = find_method(method)
    assert found is not None
    found.check_inputs([item.role for item in inputs])
    asked = found.parse_parameters(parameters)
    reference = found.compute(inputs, asked, "reference")
    fast = found.compute(inputs, asked, "fast")
    assert canonical.dumps(fast) == canonical.dumps(reference)
    return reference


@pytest.fixture
def run_method() -> Callable[..., dict[str, Any]]:
    pytest.importorskip("duckdb")
    return run


@pytest.fixture
def make_input() -> Callable[..., Input]:
    return given


@pytest.fixture
def make_facts(tmp_path: Path) -> Callable[..., Input]:
    """An input that is a fact table, from the text of a CSV."""

    def make(text: str, role: str = "table") -> Input:
        path = tmp_path / f"{role}.csv"
        path.write_text(text, encoding="utf-8")
        return Input(role, role, path, lambda kind: pytest.fail(kind))

    return make
