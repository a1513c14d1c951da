"""Proposing a column mapping for somebody's own log: what is known by name, what the user says, what is missing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archive.errors import UsageError
from archive.evidence.contracts import CONTRACTS
from archive.evidence.mapping import TableMapping, parse_mapping

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?'*\Z")
_ATTRIBUTES = frozenset({"unit", "scale", "time_format", "time_zone"})


@dataclass(frozen=True, slots=True)
class Proposal:
    """A mapping as it stands in a record (scalars as text), the columns that are needed and not found, the file's."""

    kind: str
    mapping: Mapping[str, Any]
    missing: tuple[str, ...]
    names: tuple[str, ...]


def propose_mapping(path: Path, kind: str, said: Sequence[str] = ()) -> Proposal:
    """Match the columns of a file with those of a kind.

    Args:
        path: the file.
        kind: the kind that it becomes.
        said: `ours=theirs`, `ours=theirs,unit=ms`, or `ours:=constant`; wins over what is matched by name.

    Raises:
        UsageError: `mapping.said` for words of another form, `table.kind`.
        InvalidInputError: `table.…`, `mapping.…`.
        MissingDependencyError: `table.extra`.
    """
    from archive.evidence.kinds import KINDS
    from archive.evidence.kinds.base import match_columns
    from archive.evidence.readers.sniff import open_source
    from archive.evidence.tables import require_libraries

    require_libraries()
    if kind not in CONTRACTS:
        raise UsageError(
            f"{kind!r} is not a kind with columns", code="table.kind", hint=f"one of {', '.join(CONTRACTS)}"
        )
    contract = CONTRACTS[kind]
    source = open_source(path, contract, TableMapping(kind, None, None, None, (), {}))
    names = source.names
    headless = source.format in ("CSV", "TSV") and all(_NUMBER.match(name) for name in names)
    if headless:
        names = tuple(str(number) for number in range(1, len(names) + 1))
    columns: dict[str, dict[str, str]] = {}
    if not headless:
        columns = {ours: {"column": theirs} for ours, theirs in match_columns(KINDS[kind], names).items()}
    for words in said:
        ours, rule = _said(words)
        columns[ours] = rule
    mapping: dict[str, Any] = {"kind": kind}
    if headless:
        mapping["header"] = "false"
    mapping["columns"] = {name: columns[name] for name in contract.names if name in columns}
    mapping["columns"].update({name: rule for name, rule in columns.items() if name not in mapping["columns"]})
    given = {name for derivation in KINDS[kind].derivations for name in derivation.gives}
    missing = tuple(
        column.name for column in contract.columns if column.required and column.name not in {*columns, *given}
    )
    if mapping["columns"]:
        parse_mapping(mapping, "raw")
    return Proposal(kind, mapping, missing, names)


def _said(words: str) -> tuple[str, dict[str, str]]:
    constant = re.match(r"([a-z_]+):=(.+)\Z", words)
    if constant is not None:
        return constant[1], {"value": constant[2]}
    first, *rest = words.split(",")
    ours, equals, theirs = first.partition("=")
    rule = {"column": theirs}
    for part in rest:
        name, sign, value = part.partition("=")
        if not sign or name not in _ATTRIBUTES:
            equals = ""
        rule[name] = value
    if not equals or not ours or not theirs:
        raise UsageError(
            f"{words!r}: neither a column nor a constant",
            code="mapping.said",
            hint="like time=when, time=when,unit=ms or venue:=binance",
        )
    return ours, rule
