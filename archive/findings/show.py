"""Results as tables for a terminal: facts in two columns, lists of maps as rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

MAX_ROWS = 25
MAX_CELL = 44
INDENT = "  "


def table_lines(result: Mapping[str, Any]) -> list[str]:
    """The lines of a result, without colour."""
    return _lines(result, 1)


def _lines(result: Mapping[str, Any], depth: int) -> list[str]:
    pad = INDENT * depth
    plain = {key: part for key, part in result.items() if isinstance(part, str)}
    width = max((len(_title(key)) for key in plain), default=0)
    lines = [f"{pad}{_title(key):<{width}}  {_clean(part)}" for key, part in plain.items()]
    for key, part in result.items():
        if isinstance(part, Mapping):
            lines += [f"{pad}{_title(key)}", *_lines(part, depth + 1)]
        elif isinstance(part, Sequence) and not isinstance(part, str):
            lines += [f"{pad}{_title(key)}" + ("" if part else ": none"), *_list(part, depth + 1)]
    return lines


def _list(items: Sequence[Any], depth: int) -> list[str]:
    pad = INDENT * depth
    shown = items[:MAX_ROWS]
    rows = [_flat(item) for item in shown if isinstance(item, Mapping)]
    if len(rows) == len(shown) and all(row is not None for row in rows):
        lines = [pad + line for line in _table([row for row in rows if row is not None])]
    else:
        lines = []
        for item in shown:
            if isinstance(item, Mapping):
                lines += [f"{pad}-", *_lines(item, depth + 1)]
            else:
                lines.append(f"{pad}{_clean(str(item))}")
    if len(items) > MAX_ROWS:
        lines.append(f"{pad}… and {len(items) - MAX_ROWS} more, all listed with --json")
    return lines


def _flat(item: Mapping[str, Any]) -> dict[str, str] | None:
    """A map as one row, maps inside it as columns of their own; None when it holds lists or is deeper."""
    row: dict[str, str] = {}
    for key, part in item.items():
        if isinstance(part, str):
            row[_title(key)] = part
        elif isinstance(part, Mapping) and all(isinstance(value, str) for value in part.values()):
            row |= {f"{_title(key)} {_title(inner)}": value for inner, value in part.items()}
        else:
            return None
    return row


def _table(rows: Sequence[Mapping[str, str]]) -> list[str]:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    if len(columns) > 9:
        return [line for row in rows for line in _record(row)]
    cells = [[_clean(row.get(column, "")) for column in columns] for row in rows]
    widths = [max(len(line[index]) for line in [columns, *cells]) for index in range(len(columns))]
    return [
        INDENT.join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in [columns, *cells]
    ]


def _record(row: Mapping[str, str]) -> list[str]:
    """A row with too many columns for a line: one line a column."""
    width = max(len(column) for column in row)
    return [
        f"{'-' if index == 0 else ' '} {column:<{width}}  {_clean(row[column])}" for index, column in enumerate(row)
    ]


def _title(key: str) -> str:
    return _clean(key.replace("_", " "))


def _clean(text: str) -> str:
    """Text of others as it may be shown: control characters are written out, long ones are cut."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
    return shown if len(shown) <= MAX_CELL else shown[: MAX_CELL - 1] + "…"
