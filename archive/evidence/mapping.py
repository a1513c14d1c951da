"""Column mappings: how the columns of somebody's own log become those of a contract.

    mapping:
      kind: api-log
      format: csv
      columns:
        time: {column: ts, unit: ms}
        code: {column: err}
        side: {column: s, values: {B: buy, S: sell}}
        venue: {value: binance}

It stands in the record beside the file, so anyone who holds both reads the same table. Needs no library of an extra.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from archive.errors import InvalidInputError
from archive.evidence.contracts import CONTRACTS, Column, ColumnType

FORMATS = ("csv", "tsv", "jsonl", "json", "parquet")
TIME_UNITS: Mapping[str, int] = MappingProxyType({"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1})
# Factor from their unit to ours, by our unit.
_FACTORS: Mapping[str, Mapping[str, Decimal]] = MappingProxyType(
    {
        "ms": {"s": Decimal(1000), "ms": Decimal(1), "us": Decimal("0.001"), "ns": Decimal("0.000001")},
        "share": {"share": Decimal(1), "percent": Decimal("0.01"), "bps": Decimal("0.0001")},
    }
)
_OFFSET = re.compile(r"(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])\Z")
_SCALE = re.compile(r"(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?\Z")
_KEYS = frozenset({"column", "value", "time_format", "time_zone", "unit", "scale", "values"})
# What strptime directives a format may use: numbers only, so that no locale takes part.
_DIRECTIVES = re.compile(r"%(.)")
_ALLOWED_DIRECTIVES = frozenset("YmdHMSfzyjpI%")


@dataclass(frozen=True, slots=True)
class CellRule:
    """Where one of our cells comes from: a column of theirs or a constant, and what is done to its text.

    time_unit: of a number that counts from 1970; None: told by its size. time_format: a strptime format of digits.
    factor: what a number is multiplied by. values: their words to ours.
    """

    column: str | None = None
    value: str | None = None
    time_unit: str | None = None
    time_format: str | None = None
    time_zone: str | None = None
    factor: Decimal | None = None
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TableMapping:
    """A mapping that was read and makes sense for its contract."""

    kind: str
    format: str | None
    delimiter: str | None
    header: bool | None
    names: tuple[str, ...]
    rules: Mapping[str, CellRule]


def parse_mapping(value: Mapping[str, Any], kind: str) -> TableMapping:
    """Read the mapping of an evidence item of a kind.

    Raises:
        InvalidInputError: `mapping.kind`, `mapping.column`, `mapping.rule`, `mapping.format`.
    """
    becomes = value.get("kind", kind)
    if not isinstance(becomes, str) or becomes not in CONTRACTS:
        raise _wrong("kind", f"{becomes!r} is not a kind with columns", f"one of {', '.join(CONTRACTS)}")
    if kind != "raw" and becomes != kind:
        raise _wrong("kind", f"the evidence is of kind {kind!r} and its mapping makes {becomes!r} of it", None)
    contract = CONTRACTS[becomes]
    form = value.get("format")
    if form is not None and form not in FORMATS:
        raise _wrong("format", f"{form!r} is not a format", f"one of {', '.join(FORMATS)}")
    delimiter = value.get("delimiter")
    if delimiter is not None and (not isinstance(delimiter, str) or len(delimiter) != 1 or delimiter in '"\r\n'):
        raise _wrong("format", "a delimiter is one character", "for a tab write format: tsv")
    columns = value.get("columns")
    if not isinstance(columns, Mapping) or not columns:
        raise _wrong("column", "columns maps none", "columns: {time: {column: ts}, …}")
    rules: dict[str, CellRule] = {}
    for name, rule in columns.items():
        if name not in contract.names:
            raise _wrong("column", f"{becomes} has no column {name!r}", f"one of {', '.join(contract.names)}")
        rules[name] = _rule(contract.column(name), rule)
    names = value.get("names") or ()
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
        raise _wrong("column", "names lists the columns of a file without a header, in order", None)
    return TableMapping(becomes, form, delimiter, _header(value.get("header"), names), tuple(names), rules)


def _header(value: object, names: object) -> bool | None:
    if value is None:
        return False if names else None
    if value in (True, "true"):
        return True
    if value in (False, "false"):
        return False
    raise _wrong("format", "header is true or false", None)


def _rule(column: Column, rule: object) -> CellRule:
    name = column.name
    if isinstance(rule, str):
        return CellRule(column=rule)
    if not isinstance(rule, Mapping) or set(rule) - _KEYS or len({"column", "value"} & set(rule)) != 1:
        raise _wrong("rule", f"{name}: either column or value is needed", f"keys: {', '.join(sorted(_KEYS))}")
    texts = {key: item for key, item in rule.items() if key != "values" and item is not None}
    if not all(isinstance(item, str) for item in texts.values()):
        raise _wrong("rule", f"{name}: its parts are texts", None)
    values = rule.get("values") or {}
    if not isinstance(values, Mapping) or not all(isinstance(item, str) for pair in values.items() for item in pair):
        raise _wrong("rule", f"{name}: values maps their words to ours", None)
    foreign = sorted(set(values.values()) - set(column.values)) if column.type is ColumnType.ENUM else []
    if foreign:
        raise _wrong("rule", f"{name}: {foreign[0]!r} is not one of its values", f"one of {', '.join(column.values)}")
    return CellRule(
        column=texts.get("column"),
        value=texts.get("value"),
        time_unit=_time_unit(column, texts.get("unit")),
        time_format=_time_format(column, texts.get("time_format")),
        time_zone=_time_zone(name, texts.get("time_zone")),
        factor=_factor(column, texts.get("unit"), texts.get("scale")),
        values=dict(values),
    )


def _time_unit(column: Column, unit: str | None) -> str | None:
    if column.type is not ColumnType.TIME or unit is None:
        return None
    if unit not in TIME_UNITS:
        raise _wrong("rule", f"{column.name}: {unit!r} is not a unit of time", f"one of {', '.join(TIME_UNITS)}")
    return unit


def _time_format(column: Column, form: str | None) -> str | None:
    if form is None:
        return None
    if column.type is not ColumnType.TIME:
        raise _wrong("rule", f"{column.name}: only a time has a time_format", None)
    if not set(_DIRECTIVES.findall(form)) <= _ALLOWED_DIRECTIVES or form.endswith("%") or "%" not in form:
        raise _wrong("rule", f"{column.name}: a time_format is like %d.%m.%Y %H:%M:%S", "months and days as numbers")
    return form


def is_offset(zone: str) -> bool:
    """Whether a text is an offset from UTC: Z, +08:00."""
    return _OFFSET.match(zone) is not None


def _time_zone(name: str, zone: str | None) -> str | None:
    if zone is not None and not is_offset(zone):
        raise _wrong("rule", f"{name}: {zone!r} is not an offset", "for example +08:00 or Z")
    return zone


def _factor(column: Column, unit: str | None, scale: str | None) -> Decimal | None:
    if column.type is not ColumnType.DECIMAL:
        if scale is not None or (unit is not None and column.type is not ColumnType.TIME):
            raise _wrong("rule", f"{column.name}: only numbers have a unit or scale", None)
        return None
    factor = Decimal(1)
    if unit is not None and unit != column.unit:
        known = _FACTORS.get(column.unit or "", {})
        if unit not in known:
            raise _wrong(
                "rule",
                f"{column.name}: the unit {unit!r} cannot be turned into {column.unit or 'its unit'}",
                f"known: {', '.join(known)}" if known else "say what to multiply by: scale: 0.01",
            )
        factor = known[unit]
    if scale is not None:
        if not _SCALE.match(scale) or not Decimal(scale):
            raise _wrong("rule", f"{column.name}: a scale is a positive decimal like 0.01", None)
        factor *= Decimal(scale)
    return None if factor == 1 else factor


def check_mapping(value: Mapping[str, Any], kind: str) -> InvalidInputError | None:
    """What is wrong with a mapping, or None."""
    try:
        parse_mapping(value, kind)
    except InvalidInputError as error:
        return error
    return None


def _wrong(what: str, message: str, hint: str | None) -> InvalidInputError:
    return InvalidInputError(f"mapping: {message}", code=f"mapping.{what}", hint=hint)


def refuse_foreign_columns(mapping: TableMapping, present: frozenset[str]) -> None:
    """Refuse a mapping that names columns the file does not have.

    Raises:
        InvalidInputError: `mapping.column`.
    """
    for ours, rule in mapping.rules.items():
        if rule.column is not None and rule.column not in present:
            shown = ", ".join(sorted(present)[:20])
            raise _wrong("column", f"{ours}: the file has no column {rule.column!r}", f"it has {shown}")
