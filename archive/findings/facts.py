"""Fact tables: CSV with a header and a column `row`, as `docs/incidents.md` says. Read with the standard library.

A term of a finding is one cell, `row.column`, or `role:row.column` where a finding has more than one table.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from archive.errors import InvalidInputError
from archive.record.models import DECIMAL_PATTERN

MAX_BYTES = 64 * 1024 * 1024
KEY = "row"
FACT_HINT = "a term is row.column, or role:row.column: for example market:m01.value"
_CELL = re.compile(r"(?:(?P<role>[0-9a-z-]{1,64}):)?(?P<row>[0-9A-Za-z_-]{1,64})(?:\.(?P<column>[0-9a-z_]{1,64}))?\Z")
_DECIMAL = re.compile(DECIMAL_PATTERN.removesuffix("$") + r"\Z")


@dataclass(frozen=True, slots=True)
class FactTable:
    """One table: the evidence item it is, the role it has in the finding, its rows by their id."""

    evidence: str
    role: str
    rows: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell and the row it stands in."""

    evidence: str
    row: str
    column: str
    text: str
    fields: Mapping[str, str]

    def number(self) -> Fraction:
        """The cell as a number. Raises `findings.term`."""
        if not _DECIMAL.match(self.text):
            raise _wrong(f"{self.evidence} {self.row}.{self.column}: {self.text[:40]!r} is not a decimal")
        return Fraction(self.text)

    def to_json(self) -> dict[str, str]:
        """The cell with who says so, as a finding's result shows it."""
        shown = {"evidence": self.evidence, "row": self.row, "column": self.column, "value": self.text}
        # A column `also_stated` is what another speaker says, whom `also_claimed_by` and `also_source` name.
        also = "also_" if self.column.startswith("also_") else ""
        for name, column in (
            ("unit", f"{self.column}_unit" if f"{self.column}_unit" in self.fields else "unit"),
            ("bound", "bound"),
            ("claimed_by", f"{also}claimed_by"),
            ("source", f"{also}source"),
        ):
            if self.fields.get(column):
                shown[name] = self.fields[column]
        return shown


def read_facts(path: Path, evidence: str, role: str) -> FactTable:
    """Read a fact table whole; it is written by hand and small.

    Raises:
        InvalidInputError: `findings.fact_table`.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise _not_a_table(path, "it is larger than 64 MiB")
        data = path.read_bytes().decode("utf-8")
        reader = csv.DictReader(io.StringIO(data, newline=""), strict=True)
        rows = list(reader)
    except OSError as error:
        raise _not_a_table(path, error.strerror or "it cannot be read") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise _not_a_table(path, str(error)) from None
    names = reader.fieldnames or ()
    if KEY not in names or len(set(names)) != len(names):
        raise _not_a_table(path, "its header has no column `row`, or a name twice")
    found: dict[str, Mapping[str, str]] = {}
    for number, row in enumerate(rows, start=2):
        if None in row or None in row.values():
            raise _not_a_table(path, f"record {number} has another number of cells than the header")
        if row[KEY] in found:
            raise _not_a_table(path, f"the row {row[KEY][:40]!r} stands twice")
        found[row[KEY]] = row
    return FactTable(evidence, role, found)


def cell(tables: Sequence[FactTable], term: str, default_column: str = "value") -> Cell:
    """The cell that a term names.

    Raises:
        InvalidInputError: `findings.term`.
    """
    match = _CELL.match(term.strip())
    if match is None:
        raise _wrong(f"{term[:80]!r} names no cell")
    table, fields = _row(tables, match["role"], match["row"], term)
    column = match["column"] or default_column
    if column not in fields:
        raise _wrong(f"{term}: {table.evidence} has no column {column!r}")
    return Cell(table.evidence, match["row"], column, fields[column], fields)


def row(tables: Sequence[FactTable], term: str) -> tuple[FactTable, str, Mapping[str, str]]:
    """The row that a term without a column names: its table, its id, its cells. Raises `findings.term`."""
    match = _CELL.match(term.strip())
    if match is None or match["column"]:
        raise _wrong(f"{term[:80]!r} names no row")
    table, fields = _row(tables, match["role"], match["row"], term)
    return table, match["row"], fields


def _row(tables: Sequence[FactTable], role: str | None, name: str, term: str) -> tuple[FactTable, Mapping[str, str]]:
    asked = [table for table in tables if role is None or table.role == role]
    found = [table for table in asked if name in table.rows]
    if not found:
        raise _wrong(f"{term}: no table{f' of role {role}' if role else ''} has a row {name!r}")
    if len(found) > 1:
        raise _wrong(f"{term}: more than one table has a row {name!r}; write role:{name}")
    return found[0], found[0].rows[name]


def _wrong(message: str) -> InvalidInputError:
    return InvalidInputError(message, code="findings.term", hint=FACT_HINT)


def _not_a_table(path: Path, message: str) -> InvalidInputError:
    return InvalidInputError(f"{path}: not a fact table: {message}", code="findings.fact_table")
