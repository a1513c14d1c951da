"""JSON: lines of it, or one document. Numbers stay the text that they are.

A document whose outermost value is a list is read element by element; one that is an object is read whole, up to
64 MiB, and a list inside it (`data`, `result`, `rows` …) stands for it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from archive.errors import InvalidInputError
from archive.evidence.readers.opening import Packed
from archive.evidence.readers.source import MAX_DOCUMENT_BYTES, MAX_RECORD_BYTES, Complain, SourceBatch

ROWS = 8_192
MAX_DEPTH = 8
_LISTS = ("data", "result", "rows", "klines", "ohlcv", "list", "items", "records")
_SPACE = re.compile(r"[ \t\r\n]*")
BOM = b"\xef\xbb\xbf"

# From one JSON value to the flat rows it stands for.
Expand = Callable[[Any], Iterable[Mapping[str, Any]]]


def decode(text: str) -> Any:
    """One JSON value, numbers as text. Raises ValueError."""
    try:
        return _DECODER.decode(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


_DECODER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)


def flatten(value: Mapping[str, Any]) -> dict[str, Any]:
    """Inner objects become dotted names: {"o": {"s": 1}} is {"o.s": 1}; lists become their JSON."""
    flat: dict[str, Any] = {}
    stack: list[tuple[str, Any, int]] = [("", value, 0)]
    while stack:
        prefix, inner, depth = stack.pop()
        for key, item in inner.items():
            name = f"{prefix}{key}"
            if isinstance(item, dict) and depth < MAX_DEPTH:
                stack.append((f"{name}.", item, depth + 1))
            else:
                flat[name] = item
    return flat


def cell(value: Any) -> bytes | None:
    """The text of one JSON value as the bytes of a cell."""
    if value is None:
        return None
    if value is True:
        return b"true"
    if value is False:
        return b"false"
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    return json.dumps(value, ensure_ascii=True).encode("ascii")


@dataclass(frozen=True, slots=True)
class JsonReader:
    """Lines (`lines` True) or one document, each value expanded into flat rows."""

    packed: Packed
    lines: bool
    expand: Expand

    def read(self, wanted: frozenset[str], *, raw: bool, complain: Complain) -> Iterator[SourceBatch]:
        with self.packed.open() as stream:
            yield from self.batches(self._values(stream, complain), wanted, raw=raw, complain=complain)

    def batches(
        self, values: Iterable[tuple[int, Any, bytes]], wanted: frozenset[str], *, raw: bool, complain: Complain
    ) -> Iterator[SourceBatch]:
        """Batches of values that were read, each with its number and its line."""
        import pyarrow as pa

        cells: dict[str, list[bytes | None]] = {name: [] for name in wanted}
        rows: list[int] = []
        lines: list[bytes] = []

        def batch() -> SourceBatch:
            columns = {name: pa.array(values, pa.binary()) for name, values in cells.items()}
            return SourceBatch(
                columns, pa.array(rows, pa.int64()), pa.array(lines, pa.binary()) if raw and self.lines else None
            )

        for number, value, line in values:
            for flat in self._rows(value, number, complain):
                for name, column in cells.items():
                    column.append(cell(flat.get(name)))
                rows.append(number)
                if raw:
                    lines.append(line)
                if len(rows) >= ROWS:
                    yield batch()
                    cells, rows, lines = {name: [] for name in wanted}, [], []
        if rows:
            yield batch()

    def names(self, limit: int = 200) -> tuple[str, ...]:
        """The names of the first rows' columns, in the order in which they appear."""
        found: dict[str, None] = {}
        count = 0
        with self.packed.open() as stream:
            for number, value, _ in self._values(stream, _quiet):
                for flat in self._rows(value, number, _quiet):
                    found.update(dict.fromkeys(flat))
                    count += 1
                    if count >= limit:
                        return tuple(found)
        return tuple(found)

    def _rows(self, value: Any, number: int, complain: Complain) -> Iterator[Mapping[str, Any]]:
        try:
            yield from self.expand(value)
        except (ValueError, TypeError, KeyError, IndexError, AttributeError):
            complain("table.record", "the JSON value has not the form of this kind", number)

    def _values(self, stream: BinaryIO, complain: Complain) -> Iterator[tuple[int, Any, bytes]]:
        if self.lines:
            yield from self.line_values(stream, complain)
        else:
            yield from self._document_values(stream)

    def line_values(self, stream: BinaryIO, complain: Complain, number: int = 0) -> Iterator[tuple[int, Any, bytes]]:
        """The values of lines, numbered after `number`."""
        while line := stream.readline(MAX_RECORD_BYTES + 1):
            if len(line) > MAX_RECORD_BYTES:
                raise _unreadable(self.packed, "a line is longer than 16 MiB")
            number += 1
            text = line.removeprefix(BOM).strip() if number == 1 else line.strip()
            if not text:
                continue
            try:
                value = decode(text.decode("utf-8"))
            except ValueError as error:
                complain("table.record", f"the line is not JSON: {str(error)[:80]}", number)
                continue
            yield number, value, line.rstrip(b"\r\n")

    def _document_values(self, stream: BinaryIO) -> Iterator[tuple[int, Any, bytes]]:
        try:
            first = stream.peek(64)[:64].removeprefix(BOM).lstrip()  # type: ignore[attr-defined]
            if first.startswith(b"["):
                for number, value in enumerate(_elements(stream), 1):
                    yield number, value, b""
                return
            data = stream.read(MAX_DOCUMENT_BYTES + 1)
            if len(data) > MAX_DOCUMENT_BYTES:
                raise _unreadable(self.packed, "a JSON object of more than 64 MiB")
            value = decode(data.decode("utf-8-sig"))
        except (ValueError, RecursionError) as error:
            raise _unreadable(self.packed, str(error)[:120]) from error
        inner = (
            next((value[key] for key in _LISTS if isinstance(value.get(key), list)), None)
            if isinstance(value, dict)
            else None
        )
        for number, item in enumerate(inner if inner is not None else [value], 1):
            yield number, item, b""


def _elements(stream: BinaryIO) -> Iterator[Any]:
    """The elements of a list, one after another, without the list as a whole. Raises ValueError."""
    import codecs

    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    text, place, ended = "", 0, False

    def more() -> None:
        nonlocal text, place, ended
        data = stream.read(1 << 20)
        ended = not data
        text, place = text[place:] + decoder.decode(data, final=ended), 0
        if len(text) > MAX_RECORD_BYTES + (1 << 21):
            raise ValueError("an element is longer than 16 MiB")

    def token() -> str:
        nonlocal place
        while True:
            place = _SPACE.match(text, place).end()  # type: ignore[union-attr]
            if place < len(text):
                return text[place]
            if ended:
                raise ValueError("the document ends too early")
            more()

    if token() != "[":
        raise ValueError("a list is expected")
    place += 1
    while token() != "]":
        while True:
            try:
                value, end = _DECODER.raw_decode(text, place)
            except RecursionError:
                raise ValueError("nested too deeply") from None
            except json.JSONDecodeError:
                if ended:
                    raise
                more()
                continue
            if end == len(text) and not ended:  # a number may go on
                more()
                continue
            break
        yield value
        place = end
        if token() == ",":
            place += 1
        elif text[place] != "]":
            raise ValueError("a comma is expected between elements")


def _quiet(code: str, message: str, row: int) -> None:
    """Problems are listed when the file is read, not when its first rows are looked at."""


def _unreadable(packed: Packed, why: str) -> InvalidInputError:
    return InvalidInputError(f"{packed.path}: cannot be read as JSON: {why}", code="table.json")
