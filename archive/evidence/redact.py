"""Redaction by a recipe: the same bytes from the same original every time (`redact@1`, docs/gate.md).

A recipe says which columns were left out, emptied, made coarser or replaced by tokens, and which rules of the scan were
masked. Tokens are made under keys that nobody gets; who has the original but no key still checks every other byte, and
that one value has one token and one token one value. Nothing here says whether the original was complete.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import hmac
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal, InvalidOperation
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, Protocol

from archive import jsontext
from archive.errors import InvalidInputError
from archive.evidence import masks_1
from archive.evidence.images import strip_metadata
from archive.evidence.personal import TOKEN_PREFIX

METHOD = "redact@1"
TOKEN = re.compile(r"tok_[a-z2-7]{20}")
PLACEHOLDER = "tok_" + "0" * 20
MASKABLE = masks_1.RULES
_TOKEN_LABEL = b"IA1-token"
_DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
_MAX_LINE = 16 << 20
_BATCH_ROWS = 512
# Between cells that are looked at together: what stands in one is no context for another.
_JOINT = "\n\x00\n"
_MAX_IMAGE = 256 << 20
_EPOCH = {10: 1, 13: 1_000, 16: 1_000_000, 19: 1_000_000_000}
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)([T ])(\d\d):(\d\d):(\d\d)(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)?")
_STEP = re.compile(r"(?:[1-9]\d{0,17}|0\.\d{0,17}[1-9])")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is done to a file; see `archive.record.models.Recipe` for the fields."""

    format: str
    delimiter: str | None = None
    drop: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    tokens: Mapping[str, str] = field(default_factory=dict)
    coarsen: Mapping[str, str] = field(default_factory=dict)
    mask: tuple[str, ...] = ()
    metadata: str | None = None

    def to_value(self) -> dict[str, Any]:
        """As it stands in a record: nothing that is empty."""
        value = {
            "format": self.format,
            "delimiter": self.delimiter,
            "drop": list(self.drop),
            "empty": list(self.empty),
            "tokens": dict(self.tokens),
            "coarsen": dict(self.coarsen),
            "mask": list(self.mask),
            "metadata": self.metadata,
        }
        return {name: item for name, item in value.items() if item}


@dataclass(slots=True)
class Report:
    """What was done: records read, and how often each thing happened (`mask email`, `token order` …)."""

    records: int = 0
    done: dict[str, int] = field(default_factory=dict)

    def count(self, what: str) -> None:
        self.done[what] = self.done.get(what, 0) + 1


class Tokens(Protocol):
    """Gives the token that stands for a value under a label."""

    def token(self, label: str, value: str) -> str: ...


class SecretTokens:
    """Tokens under keys made from the seal: HMAC(HMAC(seed, "IA1-token" ‖ 0x00 ‖ label), value), 100 bits in base32."""

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._keys: dict[str, bytes] = {}

    def token(self, label: str, value: str) -> str:
        key = self._keys.get(label)
        if key is None:
            key = hmac.digest(self._seed, _TOKEN_LABEL + b"\x00" + label.encode(), "sha256")
            self._keys[label] = key
        code = base64.b32encode(hmac.digest(key, value.encode(), "sha256")[:13])
        return TOKEN_PREFIX + code[:20].decode().lower()


class _Asked:
    """Writes placeholders of the tokens' length, and remembers what each stands for."""

    def __init__(self) -> None:
        self.queue: list[tuple[str, str]] = []

    def token(self, label: str, value: str) -> str:
        self.queue.append((label, value))
        return PLACEHOLDER


def parse_recipe(value: object) -> Recipe:
    """A recipe from its JSON value, or from a `redaction` that holds one.

    Raises:
        InvalidInputError: `redact.recipe`, `redact.unknown_method`.
    """
    from pydantic import ValidationError

    from archive.record.models import Recipe as Model

    if isinstance(value, dict) and "recipe" in value:
        if value.get("method", METHOD) != METHOD:
            _fail("unknown_method", f"this version redacts by {METHOD}, not by {str(value['method'])[:40]}")
        value = value["recipe"]
    try:
        model = Model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        _fail("recipe", f"the recipe is wrong at {'/'.join(map(str, first['loc'])) or 'its top'}: {first['msg']}")
    recipe = Recipe(
        model.format,
        model.delimiter,
        tuple(model.drop),
        tuple(model.empty),
        dict(model.tokens or {}),
        dict(model.coarsen or {}),
        tuple(model.mask),
        model.metadata,
    )
    _check(recipe)
    return recipe


def _check(recipe: Recipe) -> None:
    unknown = sorted(set(recipe.mask) - set(MASKABLE))
    if unknown:
        _fail("recipe", f"no rule of the scan is called {unknown[0]}; there are {', '.join(MASKABLE)}")
    for name, how in recipe.coarsen.items():
        if how not in _SECONDS and not _STEP.fullmatch(how):
            _fail("recipe", f"{name}: coarsen to second, minute, hour, day or a step such as 0.01, not {how}")
    named = [*recipe.drop, *recipe.empty, *recipe.tokens, *recipe.coarsen]
    if len(set(named)) != len(named):
        _fail("recipe", "a column has more than one thing done to it")
    if recipe.format == "text" and (recipe.drop or recipe.empty or recipe.coarsen):
        _fail("recipe", "lines of text have no columns: use mask and tokens, whose names are then rules of the scan")
    if recipe.format == "text" and set(recipe.tokens) - set(MASKABLE):
        _fail("recipe", f"in text, tokens go by rules of the scan: {', '.join(MASKABLE)}")
    if recipe.format == "image" and (named or recipe.mask or recipe.metadata != "strip"):
        _fail("recipe", "of an image only the metadata can be stripped")


def redact(source: Path, recipe: Recipe, tokens: Tokens, report: Report) -> Iterator[bytes]:
    """The bytes of the derivative, in pieces.

    Raises:
        InvalidInputError: `redact.encoding`, `redact.row`, `redact.no_such_column`, `redact.coarsen`, `redact.image`,
            `redact.unreadable`.
    """
    try:
        with source.open("rb") as handle:
            if recipe.format == "csv":
                yield from _csv(handle, recipe, tokens, report)
            elif recipe.format == "jsonl":
                yield from _jsonl(handle, recipe, tokens, report)
            elif recipe.format == "text":
                yield from _lines(handle, recipe, tokens, report)
            else:
                data = handle.read(_MAX_IMAGE + 1)
                if len(data) > _MAX_IMAGE:
                    _fail("image", f"{source}: the image has more than {_MAX_IMAGE >> 20} MiB")
                report.records = 1
                yield strip_metadata(data)
    except OSError as error:
        _fail("unreadable", f"{source}: cannot be read: {error.strerror or type(error).__name__}")
    except UnicodeDecodeError:
        _fail("encoding", f"{source}: is not UTF-8 text; convert it first, and keep the original")


# Delimited rows


def _csv(handle: BinaryIO, recipe: Recipe, tokens: Tokens, report: Report) -> Iterator[bytes]:
    csv.field_size_limit(_MAX_LINE)
    reader = csv.reader(_text_lines(handle), delimiter=_DELIMITERS[recipe.delimiter or "comma"], strict=True)
    out = io.StringIO()
    writer = csv.writer(out, delimiter=_DELIMITERS[recipe.delimiter or "comma"], lineterminator="\n")
    try:
        names = next(reader, [])
        _known(recipe, names)
        kept = [number for number, name in enumerate(names) if name not in recipe.drop]
        changes = {number: _change(recipe, names[number], tokens, report) for number in kept}
        done = {*recipe.empty, *recipe.tokens, *recipe.coarsen}
        plain = [place for place, number in enumerate(kept) if names[number] not in done]
        writer.writerow([names[number] for number in kept])
        batch: list[list[str]] = []
        for row in reader:
            report.records += 1
            if row and len(row) != len(names):
                _fail("row", f"row {report.records} has {len(row)} cells, the header has {len(names)}")
            cells = [changes[number](row[number]) for number in kept] if row else []
            batch.append(cells)
            if len(batch) >= _BATCH_ROWS:
                writer.writerows(_mask_rows(batch, plain, recipe, report))
                batch = []
                yield _taken(out)
        writer.writerows(_mask_rows(batch, plain, recipe, report))
    except csv.Error as error:
        _fail("row", f"row {report.records + 1} cannot be read: {error}")
    yield _taken(out)


def _text_lines(handle: BinaryIO) -> Iterator[str]:
    with io.TextIOWrapper(handle, encoding="utf-8-sig", newline="") as text:
        yield from text


def _taken(out: io.StringIO) -> bytes:
    data = out.getvalue().encode()
    out.seek(0)
    out.truncate()
    return data


def _known(recipe: Recipe, names: list[str]) -> None:
    if len(set(names)) != len(names):
        _fail("row", "two columns of the header have one name")
    missing = [n for n in (*recipe.drop, *recipe.empty, *recipe.tokens, *recipe.coarsen) if n not in names]
    if missing:
        _fail("no_such_column", f"there is no column {missing[0]}; there are {', '.join(names)[:300]}")


def _change(recipe: Recipe, name: str, tokens: Tokens, report: Report) -> Callable[[str], str]:
    """What happens to the cells of a column, an empty one staying empty."""
    if name in recipe.empty:

        def empty(cell: str) -> str:
            if cell:
                report.count(f"empty {name}")
            return ""

        return empty
    if name in recipe.tokens:
        label = recipe.tokens[name]

        def token(cell: str) -> str:
            if cell:
                report.count(f"token {label}")
            return tokens.token(label, cell) if cell else ""

        return token
    if name in recipe.coarsen:
        how = recipe.coarsen[name]
        return lambda cell: coarsen(cell, how, name) if cell else ""
    return lambda cell: cell


def coarsen(text: str, how: str, name: str = "value") -> str:
    """A time floored to second, minute, hour or day (epochs in s, ms, µs, ns too), a number floored to a step.

    Raises:
        InvalidInputError: `redact.coarsen` for what is neither: it would stay as fine as it is.
    """
    if how in _SECONDS:
        scale = _EPOCH.get(len(text)) if text.isascii() and text.isdigit() else None
        if scale is not None:
            unit = scale * _SECONDS[how]
            return str(int(text) // unit * unit)
        match = _TIME.fullmatch(text)
        if match is None:
            _fail("coarsen", f"{name}: {text[:40]!a} is no time")
        day, between, hour, minute, second, _, zone = match.groups()
        level = list(_SECONDS).index(how)
        clock = (hour if level < 3 else "00", minute if level < 2 else "00", second if level < 1 else "00")
        datetime.fromisoformat(day)
        return f"{day}{between}{':'.join(clock)}{zone or ''}"
    try:
        number, step = Decimal(text), Decimal(how)
        steps = (number / step).to_integral_value(ROUND_FLOOR)
    except InvalidOperation:
        _fail("coarsen", f"{name}: {text[:40]!a} is no number")
    if not number.is_finite():
        _fail("coarsen", f"{name}: {text[:40]!a} is no number")
    return f"{steps * step:f}"


# JSON lines


class _Number(str):
    """A number as it was written."""

    __slots__ = ()


class _Made(str):
    """What the recipe put there; nothing more is done to it."""

    __slots__ = ()


def _jsonl(handle: BinaryIO, recipe: Recipe, tokens: Tokens, report: Report) -> Iterator[bytes]:
    changes: dict[str, Callable[[str], str]] = {}
    for name in (*recipe.empty, *recipe.tokens, *recipe.coarsen):
        changes[name] = _change(recipe, name, tokens, report)
    for raw in handle:
        report.records += 1
        line = raw.rstrip(b"\r\n").decode("utf-8-sig" if report.records == 1 else "utf-8")
        if not line.strip():
            yield b"\n"
            continue
        try:
            value = json.loads(line, parse_int=_Number, parse_float=_Number, parse_constant=_Number)
        except (ValueError, RecursionError):
            _fail("row", f"line {report.records} is not JSON")
        changed = _walk(value, recipe, changes, report)
        yield _dumps(_mask_json(changed, recipe, report)).encode() + b"\n"


def _walk(value: Any, recipe: Recipe, changes: Mapping[str, Callable[[str], str]], report: Report) -> Any:
    if isinstance(value, list):
        return [_walk(item, recipe, changes, report) for item in value]
    if not isinstance(value, dict):
        return value
    out: dict[str, Any] = {}
    for name, item in value.items():
        if name in recipe.drop:
            report.count(f"drop {name}")
        elif name in recipe.empty:
            report.count(f"empty {name}")
            out[name] = None
        elif name in changes and item is not None:
            if isinstance(item, (dict, list, bool)):
                _fail("row", f"line {report.records}: {name} is not one value")
            text = changes[name](str(item))
            out[name] = _Number(text) if isinstance(item, _Number) and name in recipe.coarsen else _Made(text)
        else:
            out[name] = _walk(item, recipe, changes, report)
    return out


def _dumps(value: Any) -> str:
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(k, ensure_ascii=False)}:{_dumps(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_dumps, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _mask_json(value: Any, recipe: Recipe, report: Report) -> Any:
    if not recipe.mask:
        return value
    if isinstance(value, list):
        return [_mask_json(item, recipe, report) for item in value]
    if isinstance(value, dict):
        return {name: _mask_json(item, recipe, report) for name, item in value.items()}
    if isinstance(value, str) and not isinstance(value, (_Number, _Made)):
        return _mask_text(value.encode("utf-8", "surrogatepass"), recipe, None, report).decode("utf-8", "surrogatepass")
    return value


# Text


def _lines(handle: BinaryIO, recipe: Recipe, tokens: Tokens, report: Report) -> Iterator[bytes]:
    while line := handle.readline(_MAX_LINE):
        report.records += 1
        yield _mask_text(line, recipe, tokens, report)


def _mask_rows(rows: list[list[str]], plain: list[int], recipe: Recipe, report: Report) -> list[list[str]]:
    """One look over many rows first: where it sees nothing, there is nothing in any of them."""
    text = _JOINT.join([row[number] for row in rows if row for number in plain]).encode()
    if not recipe.mask or not _spans(text, recipe):
        return rows
    return [_mask_cells(row, plain, recipe, report) for row in rows]


def _mask_cells(cells: list[str], plain: list[int], recipe: Recipe, report: Report) -> list[str]:
    """Mask in the cells at `plain`, those that nothing else was done to; most rows need one look."""
    if not recipe.mask or not cells or not _spans(_JOINT.join([cells[n] for n in plain]).encode(), recipe):
        return cells
    for number in plain:
        cells[number] = _mask_text(cells[number].encode(), recipe, None, report).decode()
    return cells


def _mask_text(text: bytes, recipe: Recipe, tokens: Tokens | None, report: Report) -> bytes:
    out, done = [], 0
    for start, end, rule in _spans(text, recipe):
        if start < done:
            continue
        out.append(text[done:start])
        label = recipe.tokens.get(rule) if tokens is not None else None
        if tokens is not None and label is not None:
            report.count(f"token {label}")
            out.append(tokens.token(label, text[start:end].decode("utf-8", "surrogateescape")).encode())
        else:
            report.count(f"mask {rule}")
            out.append(f"[masked:{rule}]".encode())
        done = end
    return b"".join([*out, text[done:]]) if out else text


def _spans(text: bytes, recipe: Recipe) -> list[tuple[int, int, str]]:
    """Hits of the rules that are masked or tokenised, in order; of two that overlap the longer from the left."""
    wanted = {*recipe.mask, *(recipe.tokens if recipe.format == "text" else ())}
    found = [span for span in masks_1.find(text) if span[2] in wanted]
    return sorted(found, key=lambda span: (span[0], -span[1], span[2]))


# Checks


@dataclass(frozen=True, slots=True)
class Checked:
    """An auditor's result: whether the derivative is what the recipe makes of the original, and where not."""

    same: bool
    tokens: int
    where: str | None = None


def check(original: Path, derivative: Path, recipe: Recipe, report: Report) -> Checked:
    """Do it again and compare every byte; tokens, whose keys nobody gives away, are held against each other.

    One value must always have one token and one token one value; 16 bytes are held for each of the two.
    """
    asked = _Asked()
    by_value: dict[bytes, bytes] = {}
    by_token: dict[bytes, bytes] = {}
    marker = PLACEHOLDER.encode()
    offset = count = 0
    with derivative.open("rb") as handle:
        for piece in redact(original, recipe, asked, report):
            given = handle.read(len(piece))
            at = 0
            for label, value in asked.queue:
                place = piece.find(marker, at)
                token = given[place : place + len(marker)]
                if place < 0 or piece[at:place] != given[at:place]:
                    return Checked(False, count, _difference(piece, given, offset, at))
                if not TOKEN.fullmatch(token.decode("latin-1")):
                    return Checked(False, count, f"byte {offset + place:,}: a token stands here, not this")
                name = hashlib.sha256(f"{label}\x00{value}".encode("utf-8", "surrogateescape")).digest()[:16]
                if by_value.setdefault(name, token) != token or by_token.setdefault(token, name) != name:
                    return Checked(False, count, f"byte {offset + place:,}: one value has two tokens, or one token two")
                at = place + len(marker)
                count += 1
            asked.queue.clear()
            if piece[at:] != given[at:]:
                return Checked(False, count, _difference(piece, given, offset, at))
            offset += len(piece)
        if handle.read(1):
            return Checked(False, count, f"byte {offset:,}: the derivative goes on where the recipe ends")
    return Checked(True, count)


def _difference(made: bytes, given: bytes, offset: int, start: int) -> str:
    for number in range(start, len(made)):
        if made[number : number + 1] != given[number : number + 1] and not made.startswith(b"tok_0", number):
            return f"byte {offset + number:,}: other bytes than the recipe makes"
    return f"byte {offset + len(given):,}: the derivative ends too early"


def slot_faults(derivative: Path, recipe: Recipe) -> Iterator[tuple[str, str]]:
    """Content where a recipe says that nothing is: code and words for each column or rule, the first of its kind.

    Raises:
        InvalidInputError: as `redact`, when the derivative is not of the recipe's format.
    """
    told: set[str] = set()

    def once(code: str, what: str) -> Iterator[tuple[str, str]]:
        if f"{code} {what}" not in told:
            told.add(f"{code} {what}")
            yield f"redact.{code}", what

    if recipe.format == "image":
        if strip_metadata(derivative.read_bytes()) != derivative.read_bytes():
            yield from once("slot_metadata", "the picture still holds metadata that the recipe strips")
    elif recipe.format == "text":
        with derivative.open("rb") as handle:
            while line := handle.readline(_MAX_LINE):
                for _, _, rule in _spans(line, recipe):
                    yield from once("slot_not_masked", f"a hit of {rule}, which the recipe masks")
    else:
        for names, pairs in _slots(derivative, recipe):
            for name in recipe.drop:
                if name in names:
                    yield from once("slot_not_dropped", f"the column {name}, which the recipe leaves out")
            for name, cell in pairs:
                if name in recipe.empty and cell:
                    yield from once("slot_not_empty", f"content in {name}, which the recipe empties")
                if name in recipe.tokens and cell and not TOKEN.fullmatch(cell):
                    yield from once("slot_not_token", f"something else than a token in {name}")


def _slots(derivative: Path, recipe: Recipe) -> Iterator[tuple[set[str], list[tuple[str, str]]]]:
    with derivative.open("rb") as handle:
        if recipe.format == "csv":
            csv.field_size_limit(_MAX_LINE)
            reader = csv.reader(_text_lines(handle), delimiter=_DELIMITERS[recipe.delimiter or "comma"])
            try:
                names = next(reader, [])
                yield set(names), []
                for row in reader:
                    yield set(), list(zip(names, row, strict=False))
            except csv.Error as error:
                _fail("row", f"{derivative}: a row cannot be read: {error}")
            return
        for line in handle:
            if line.strip():
                try:
                    pairs = list(_pairs(jsontext.loads(line.decode("utf-8-sig"))))
                except ValueError:
                    _fail("row", f"{derivative}: a line is not JSON")
                yield {name for name, _ in pairs}, pairs


def _pairs(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, list):
        for item in value:
            yield from _pairs(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            plain = item is None or not isinstance(item, (dict, list))
            yield name, "" if item is None else str(item) if plain else "…"
            yield from _pairs(item)


def _fail(code: str, message: str) -> NoReturn:
    raise InvalidInputError(message, code=f"redact.{code}")
