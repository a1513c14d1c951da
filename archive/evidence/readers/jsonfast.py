"""JSON lines by Arrow's parser, where the lines are what their first ones promise.

The first lines tell which type each field has. Arrow then reads a part of the file at a time under exactly these
types; a part in which one line is otherwise (another type, a blank line, a fault) is read line by line in Python
instead, which gives the same cells and says what is wrong. Numbers are integers or exact decimals, never floats.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from archive.errors import InvalidInputError
from archive.evidence.contracts import DECIMAL_PRECISION, DECIMAL_SCALE
from archive.evidence.readers.blocks import parsed_blocks
from archive.evidence.readers.jsontext import BOM, JsonReader
from archive.evidence.readers.source import Complain, Reader, SourceBatch

if TYPE_CHECKING:
    import pyarrow as pa

CHUNK_BYTES = 4 << 20
_SAMPLE_LINES = 200
_WORDS: Mapping[type, str] = {bool: "flag", int: "integer", Decimal: "decimal", str: "text"}


@dataclass(frozen=True, slots=True)
class Field:
    """Where a field stands in the object, and what it is: flag, integer, decimal or text."""

    path: tuple[str, ...]
    type: str


@dataclass(frozen=True, slots=True)
class FastJsonReader:
    slow: JsonReader
    fields: Mapping[str, Field]
    chunk_bytes: int = CHUNK_BYTES

    def read(self, wanted: frozenset[str], *, raw: bool, complain: Complain) -> Iterator[SourceBatch]:
        if raw or not wanted or not wanted <= self.fields.keys():
            yield from self.slow.read(wanted, raw=raw, complain=complain)
            return
        schema = _schema({name: self.fields[name] for name in wanted})
        # A key that is itself written with a point stands for the same name as an inner field.
        pointed = [f'"{name}"'.encode() for name in wanted if len(self.fields[name].path) > 1]

        def parse(chunk: bytes) -> tuple[int, pa.Table | None]:
            lines = chunk.count(b"\n") + (not chunk.endswith(b"\n"))
            return lines, None if any(key in chunk for key in pointed) else _parse(chunk, lines, schema)

        before = 0
        try:
            with self.slow.packed.open() as stream:
                for block in parsed_blocks(self.slow.packed, stream, 0, self.chunk_bytes, parse):
                    lines, table = block.parsed
                    if table is None:
                        values = self.slow.line_values(io.BytesIO(block.data), complain, before)
                        yield from self.slow.batches(values, wanted, raw=False, complain=complain)
                    else:
                        yield self._batch(table, wanted, before)
                    before += lines
        except ValueError as error:
            raise InvalidInputError(
                f"{self.slow.packed.path}: cannot be read as JSON: {error}", code="table.json"
            ) from error

    def _batch(self, table: pa.Table, wanted: frozenset[str], before: int) -> SourceBatch:
        import pyarrow as pa
        import pyarrow.compute as pc

        columns = {}
        for name in wanted:
            array: Any = table
            for step in self.fields[name].path:
                array = array.column(step).combine_chunks() if array is table else pc.struct_field(array, [step])
            columns[name] = array
        rows = pc.cumulative_sum(pa.repeat(pa.scalar(1, pa.int64()), table.num_rows), start=before)
        return SourceBatch(columns, rows)


def fast_reader(slow: JsonReader, head: bytes, used: frozenset[str]) -> Reader:
    """The fast reader where the first lines show what the used fields are; else the slow one."""
    fields: dict[str, Field] = {}
    for line in head.removeprefix(BOM).split(b"\n")[:_SAMPLE_LINES]:
        try:
            value = json.loads(line, parse_float=Decimal)
        except (ValueError, RecursionError):
            continue
        if not isinstance(value, dict):
            return slow
        for name in used:
            found = _find(value, name)
            if found is None:
                continue
            known = fields.setdefault(name, found)
            if known.path != found.path or known.type != found.type:
                if known.path != found.path or {known.type, found.type} != {"integer", "decimal"}:
                    return slow
                fields[name] = Field(found.path, "decimal")
    paths = {field.path for field in fields.values()}
    nested = any(path[:size] in paths for path in paths for size in range(1, len(path)))
    return slow if nested or not used <= fields.keys() else FastJsonReader(slow, fields)


def _find(value: Mapping[str, Any], name: str) -> Field | None:
    """Where a dotted name stands in an object; None when it is absent, empty, or no single value."""
    path = (name,) if name in value else tuple(name.split("."))
    inner: Any = value
    for step in path:
        if not isinstance(inner, dict) or step not in inner:
            return None
        inner = inner[step]
    word = _WORDS.get(type(inner))
    return Field(path, word) if word is not None else None


def _schema(fields: Mapping[str, Field]) -> pa.Schema:
    import pyarrow as pa

    types = {
        "flag": pa.bool_(),
        "integer": pa.int64(),
        "decimal": pa.decimal128(DECIMAL_PRECISION, DECIMAL_SCALE),
        "text": pa.string(),
    }
    tree: dict[str, Any] = {}
    for field in fields.values():
        branch = tree
        for step in field.path[:-1]:
            branch = branch.setdefault(step, {})
        branch[field.path[-1]] = types[field.type]

    def grow(branch: Mapping[str, Any]) -> list[Any]:
        return [
            pa.field(name, pa.struct(grow(part)) if isinstance(part, dict) else part)
            for name, part in sorted(branch.items())
        ]

    return pa.schema(grow(tree))


def _parse(chunk: bytes, lines: int, schema: pa.Schema) -> pa.Table | None:
    """The lines under the schema, one row a line; None when they are not what it says."""
    import pyarrow as pa
    from pyarrow import json as arrow_json

    try:
        table = arrow_json.read_json(
            pa.BufferReader(chunk),
            read_options=arrow_json.ReadOptions(use_threads=False, block_size=len(chunk) + 1),
            parse_options=arrow_json.ParseOptions(
                explicit_schema=schema, newlines_in_values=False, unexpected_field_behavior="ignore"
            ),
        )
        table.validate(full=True)
    except (pa.ArrowException, ValueError, OverflowError):
        return None
    return table if table.num_rows == lines and table.schema.names == schema.names else None
