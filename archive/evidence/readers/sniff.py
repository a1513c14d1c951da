"""Which form a file has, told from its start: nobody has to say it, and a mapping may.

Order: what the container is, Parquet, web archives, JSON, known log lines, delimited text with or without a header.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from pathlib import Path

from archive.errors import InvalidInputError
from archive.evidence.contracts import CONTRACTS, Contract
from archive.evidence.kinds import KINDS
from archive.evidence.kinds.base import Kind, match_columns
from archive.evidence.mapping import CellRule, TableMapping, refuse_foreign_columns
from archive.evidence.readers.delimited import DelimitedReader
from archive.evidence.readers.jsonfast import fast_reader
from archive.evidence.readers.jsontext import JsonReader, decode, flatten
from archive.evidence.readers.lines import LinesReader
from archive.evidence.readers.opening import Packed, unpack
from archive.evidence.readers.parquet import ParquetReader
from archive.evidence.readers.source import HEAD_BYTES, Source
from archive.evidence.readers.sumtree import FIRST_LINE, NAMES, open_sum_tree
from archive.evidence.readers.web import RECORD_NAMES, StatementReader, WebReader
from archive.evidence.readers.widebook import WideBookReader, is_wide_book

MAX_COLUMNS = 1_024
_DELIMITERS = ",;\t|"
_BOMS = (b"\xff\xfe", b"\xfe\xff")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?\Z")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
# BTCUSDT-1m-2025-10-10.zip, BTCUSDT-aggTrades-2025-10.csv, BTCUSD_PERP-1h-2025-10-10.zip
_VISION_NAME = re.compile(
    r"(?P<symbol>[A-Z0-9]{3,30}(?:_[A-Z0-9]{1,10})?)-"
    r"(?:(?P<interval>\d{1,2}[smhdw])|aggTrades|trades|metrics|bookDepth|bookTicker|liquidationSnapshot)"
    r"-\d{4}-\d{2}(?:-\d{2})?\.(?:csv|zip)\Z"
)
_HEAD_LINES = 20
# How many of a kind's columns a header must name before the file counts as one of that kind.
_ENOUGH = 2


def open_source(path: Path, contract: Contract, mapping: TableMapping | None) -> Source:
    """Recognise a file.

    Raises:
        InvalidInputError: `table.…` when it is none of the formats of its kind, `mapping.column`.
    """
    kind = KINDS[contract.kind]
    if not path.is_file():
        raise InvalidInputError(f"{path}: there is no such file", code="table.unreadable")
    if contract.kind == "statement":
        return Source("text", StatementReader(path), {"text": CellRule(column="text")}, names=("text",))
    if contract.kind == "web-capture":
        rules = {name: CellRule(column=name) for name in RECORD_NAMES}
        return Source("web archive", WebReader(path), rules, names=RECORD_NAMES)
    packed = unpack(path)
    head = packed.head(HEAD_BYTES)
    facts = _facts(path)
    if head.startswith(b"PAR1") and packed.form == "plain":
        return _parquet(kind, path, mapping, facts)
    if not head.strip():
        raise InvalidInputError(f"{path}: the file is empty", code="table.empty")
    if head.startswith(_BOMS):
        raise InvalidInputError(
            f"{path}: the text is UTF-16", code="table.encoding", hint="ask for the original, or derive a UTF-8 copy"
        )
    if contract.kind == "reserves" and FIRST_LINE.match(head.split(b"\n", 1)[0] + b"\n"):
        rules = {name: CellRule(column=name) for name in NAMES}
        source_facts = {**facts, "scheme": "bitmex", "venue": "bitmex"}
        return Source("BitMEX tree of liabilities", open_sum_tree(packed), rules, names=NAMES, facts=source_facts)
    form = mapping.format if mapping is not None else None
    if form in ("json", "jsonl") or (form is None and _looks_like_json(head)):
        return _json(kind, packed, head, mapping, facts, lines=form == "jsonl" or (form is None and _is_lines(head)))
    # A mapping names columns, which lines of a log do not have.
    if mapping is None and kind.line is not None and _looks_like_log(kind, head):
        names = kind.line_names
        rules = {name: CellRule(column=name) for name in names}
        return Source("log lines", LinesReader(packed, names, kind.line), rules, names=names, facts=facts)
    return _delimited(kind, packed, head, mapping, facts)


def _facts(path: Path) -> dict[str, str]:
    """What a name given by data.binance.vision says."""
    found = _VISION_NAME.match(path.name)
    if found is None:
        return {}
    facts = {"symbol": found.group("symbol"), "venue": "binance", "archive": "data.binance.vision"}
    if interval := found.group("interval"):
        facts["interval"] = str(int(interval[:-1]) * _SECONDS[interval[-1]])
    return facts


def _parquet(kind: Kind, path: Path, mapping: TableMapping | None, facts: Mapping[str, str]) -> Source:
    import pyarrow as pa

    reader = ParquetReader(path)
    schema = reader.schema()
    rules = _rules(kind, path, tuple(schema.names), mapping)
    used = {rule.column for rule in rules.values()}
    floats = any(pa.types.is_floating(field.type) for field in schema if field.name in used)
    return Source("Parquet", reader, rules, floats=floats, names=tuple(schema.names), facts=facts)


def _looks_like_json(head: bytes) -> bool:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text[:1] == b"{":
        return True
    return text[:1] == b"[" and re.match(rb"\[\s*(?:[\[{\]]|-?\d[\d.eE+-]*\s*,)", text) is not None


def _is_lines(head: bytes) -> bool:
    """JSON lines: the first line is a whole value (and is not all there is, or stands for itself)."""
    lines = head.removeprefix(b"\xef\xbb\xbf").lstrip().split(b"\n")
    first = lines[0].strip()
    if len(lines) == 1 and len(head) >= HEAD_BYTES:
        return False
    try:
        value = decode(first.decode("utf-8"))
    except ValueError:
        return False
    rest = b"".join(lines[1:]).strip()
    return bool(rest) or (isinstance(value, dict) and not any(isinstance(item, list) for item in value.values()))


def _json(
    kind: Kind, packed: Packed, head: bytes, mapping: TableMapping | None, facts: Mapping[str, str], *, lines: bool
) -> Source:
    # A mapping names the file's own columns, so nothing is made of them first.
    expand = kind.expand if kind.expand is not None and mapping is None else _flat
    reader = JsonReader(packed, lines, expand)
    names = reader.names()
    if not names:
        raise InvalidInputError(
            f"{packed.path}: none of its first records can be read as {kind.contract.kind}",
            code="table.format",
            hint="describe its columns by a mapping: `archive add --map`",
        )
    rules = _rules(kind, packed.path, names, mapping)
    if lines and (expand is _flat or kind.plain_json):
        used = frozenset(rule.column for rule in rules.values() if rule.column is not None)
        return Source("JSON lines", fast_reader(reader, head, used), rules, floats=True, names=names, facts=facts)
    return Source("JSON lines" if lines else "JSON", reader, rules, floats=True, names=names, facts=facts)


def _flat(value: object) -> list[dict[str, object]]:
    if isinstance(value, dict):
        return [flatten(value)]
    if isinstance(value, list):
        return [{str(place): item for place, item in enumerate(value[:MAX_COLUMNS])}]
    raise TypeError("an object or a list is expected")


def _looks_like_log(kind: Kind, head: bytes) -> bool:
    lines = head.decode("utf-8", "replace").splitlines()[:_HEAD_LINES]
    if not lines or kind.line is None:
        return False
    if len(match_columns(kind, _split(lines[0], _delimiter(lines[0])))) >= _ENOUGH:
        return False
    told = [kind.line(line) for line in lines]
    return any(cells is not None and ("time" in cells or cells.get("event") != "other") for cells in told)


def _delimiter(line: str) -> str:
    counts = {delimiter: line.count(delimiter) for delimiter in _DELIMITERS}
    return max(counts, key=lambda delimiter: counts[delimiter]) if any(counts.values()) else ","


def _split(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []


def _delimited(
    kind: Kind, packed: Packed, head: bytes, mapping: TableMapping | None, facts: Mapping[str, str]
) -> Source:
    try:
        # The last line of the head may be cut in the middle of a character.
        text = head.decode("utf-8-sig", "surrogateescape")
    except UnicodeDecodeError:
        raise _no_format(kind, packed.path) from None
    if "\x00" in text:
        raise _no_format(kind, packed.path)
    first = text.split("\n", 1)[0].rstrip("\r")
    delimiter = _delimiter(first)
    if mapping is not None:
        delimiter = mapping.delimiter or ("\t" if mapping.format == "tsv" else delimiter)
    cells = _split(first, delimiter)
    if not cells or len(cells) > MAX_COLUMNS:
        raise _no_format(kind, packed.path)
    label = "TSV" if delimiter == "\t" else "CSV"
    if mapping is not None and mapping.names:
        names, header = mapping.names, bool(mapping.header)
        if len(names) != len(cells):
            raise InvalidInputError(
                f"{packed.path}: the mapping names {len(names)} columns, the file has {len(cells)}",
                code="mapping.column",
            )
    elif mapping is not None and mapping.header is False:
        names, header = tuple(str(number) for number in range(1, len(cells) + 1)), False
    elif mapping is None and (layout := _layout(kind, cells)) is not None:
        label, names, header = f"{layout[0]}, without header", layout[1], False
    else:
        names, header = tuple(cells), True
    names = _unique(tuple(_printable(name) for name in names))
    if kind.contract.kind == "order-book" and mapping is None and is_wide_book(names):
        wide = WideBookReader(DelimitedReader(packed, names, delimiter, header))
        rules = _rules(kind, packed.path, wide.names, None)
        return Source("Tardis book snapshots", wide, rules, names=wide.names, facts=facts)
    rules = _rules(kind, packed.path, names, mapping)
    if "archive" in facts and not label.startswith(facts["archive"]):
        label = f"{facts['archive']} {label}"
    anchors = frozenset(
        rule.column for name, rule in rules.items() if rule.column is not None and kind.contract.column(name).required
    )
    return Source(label, DelimitedReader(packed, names, delimiter, header, anchors), rules, names=names, facts=facts)


def _printable(name: str) -> str:
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace").strip()


def _unique(names: tuple[str, ...]) -> tuple[str, ...]:
    seen: set[str] = set()
    out = []
    for place, name in enumerate(names, 1):
        candidate = name or f"column {place}"
        while candidate in seen:
            candidate += "'"
        seen.add(candidate)
        out.append(candidate)
    return tuple(out)


def _layout(kind: Kind, cells: list[str]) -> tuple[str, tuple[str, ...]] | None:
    """The layout of a file without a header: its first line is all numbers and flags, each where it should be."""
    for label, names in kind.layouts:
        if len(names) == len(cells) and all(map(_fits, names, cells)):
            return label, names
    return None


def _fits(name: str, cell: str) -> bool:
    word = cell.strip()
    if name.startswith("is_"):
        return word.casefold() in ("true", "false")
    return not word or _NUMBER.match(word) is not None


def _rules(kind: Kind, path: Path, names: tuple[str, ...], mapping: TableMapping | None) -> Mapping[str, CellRule]:
    if mapping is not None:
        refuse_foreign_columns(mapping, frozenset(names))
        return mapping.rules
    rules = {ours: CellRule(column=theirs) for ours, theirs in match_columns(kind, names).items()}
    needed = [column.name for column in kind.contract.columns if column.required and column.name not in _derived(kind)]
    missing = [name for name in needed if name not in rules]
    if missing:
        shown = ", ".join(names[:20])
        raise InvalidInputError(
            f"{path}: no column is known as {', '.join(missing)} of {kind.contract.kind} (the file has {shown[:400]})",
            code="table.columns_missing",
            hint="say which column is which by a mapping: `archive add --map`",
        )
    return rules


def _derived(kind: Kind) -> frozenset[str]:
    return frozenset(name for derivation in kind.derivations for name in derivation.gives if name not in ("venue",))


def _no_format(kind: Kind, path: Path) -> InvalidInputError:
    return InvalidInputError(
        f"{path}: none of the formats of {kind.contract.kind}",
        code="table.format",
        hint="kinds: " + ", ".join(CONTRACTS),
    )
