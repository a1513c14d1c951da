"""The strict reader of `incident.yaml` and `incident.json`.

YAML is read from parser events, never through a constructor: every scalar stays the string its author wrote. What YAML
can do beyond plain data (anchors, aliases, merge keys, tags, several documents) is refused, and so is everything that
two readers could take differently (a key written twice, a byte order mark). All problems are collected, each with the
line and the JSON pointer of its place.
"""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from json import JSONDecodeError, JSONDecoder
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archive.errors import Problem
from archive.package.limits import MAX_DEPTH, MAX_RECORD_BYTES
from archive.package.unicode14 import unassigned_pattern

if TYPE_CHECKING:
    from archive.record.models import IncidentRecord

_EMPTY_PLAIN = frozenset({"", "~", "null", "Null", "NULL"})
# Stop collecting when a file is hopeless; a person mends the first ones and runs the check again.
MAX_PROBLEMS = 1_000
# Keys, list items and texts together. A record of 4 MiB that people can read has far fewer.
MAX_VALUES = 100_000
# C0 and C1 controls but tab and newline, the zero-width no-break space, and the controls that reorder shown text.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff\u202a-\u202e\u2066-\u2069]")
# Line breaks of YAML 1.1 that nobody sees: in a text they would become a space or a line end.
_HIDDEN_BREAKS = re.compile("[\x85\u2028\u2029]")
# Everything outside blocks that Unicode 14 fills: only then is the large table of unassigned code points needed.
_UNCOMMON = re.compile(
    "[^\t\n -\u0377\u0400-\u052f\u1e00-\u1eff\u2010-\u2027\u2030-\u205e\u2190-\u23ff\u2460-\u27bf"
    "\u3000-\u303f\u3041-\u3096\u3099-\u30ff\u3400-\u9fff\uac00-\ud7a3\uff01-\uffbe]"
)
# What `archive new` writes where the author has to say something.
_PLACEHOLDER = re.compile(r"<fill in ([^<>]{1,200})>\Z")
_FLATTER = "no field of a record is nested like this; is a bracket or an indentation too many?"
_JSON_SPACE = re.compile(r"[ \t\n\r]*")
_JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_JSON_WORDS = {"true": True, "false": False, "null": None}
_JSON_STRINGS = JSONDecoder()
_MAX_INTEGER_DIGITS = 17


@dataclass(frozen=True, slots=True)
class LoadedRecord:
    """A record file as read.

    `record` is None when a problem of severity error stands in the way. `value` is what the file says, with YAML
    scalars as strings; `lines` maps each JSON pointer to the 1-based line where its key or list item starts.
    """

    record: IncidentRecord | None
    value: dict[str, Any]
    lines: Mapping[str, int]
    problems: tuple[Problem, ...]


class _StopReadingError(Exception):
    """Ends the reading of a file whose problem is already noted."""


@dataclass(slots=True)
class _Source:
    """What is gathered while one file is read."""

    name: str
    lines: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    usable: bool = True
    values: int = 0

    def count(self, line: int) -> None:
        """Count one key, item or text, and stop when there are more than any record has."""
        self.values += 1
        if self.values > MAX_VALUES:
            self.fail(
                "record.too_many_values",
                f"the record has more than {MAX_VALUES:,} keys and values",
                line=line,
                hint="move tables into evidence files",
            )

    def note(self, code: str, message: str, *, line: int | None, pointer: str | None, hint: str | None = None) -> None:
        self.problems.append(Problem(code, message, self.name, line, pointer, hint))
        if len(self.problems) >= MAX_PROBLEMS:
            self.stop()

    def fail(self, code: str, message: str, *, line: int | None = None, hint: str | None = None) -> None:
        """Note a problem after which nothing more can be read."""
        self.problems.append(Problem(code, message, self.name, line, None, hint))
        self.stop()

    def stop(self) -> None:
        self.usable = False
        raise _StopReadingError


def load_record(path: Path) -> LoadedRecord:
    """Read and check a record file, cross-field rules included; all faults are in the result's `problems`."""
    source = _Source(str(path))
    try:
        data = _read_file(path, source)
    except _StopReadingError:
        return LoadedRecord(None, {}, {}, tuple(source.problems))
    return _load(data, source, json=path.suffix.lower() == ".json")


def load_record_bytes(data: bytes, name: str, *, json: bool) -> LoadedRecord:
    """As `load_record`, for bytes that are already in memory; `name` stands for the file in problems."""
    source = _Source(name)
    if len(data) > MAX_RECORD_BYTES:
        _too_large(source)
    return _load(data, source, json=json)


def _load(data: bytes, source: _Source, *, json: bool) -> LoadedRecord:
    value: dict[str, Any] = {}
    try:
        if source.problems:
            source.stop()
        text = _decode(data, source)
        top = _JsonReader(text, source).read() if json else _read_yaml(text, source)
        if not isinstance(top, dict):
            source.fail(
                "record.map_expected",
                "the file is not a map of fields such as `id: …`",
                line=1,
                hint="start from `archive new ID`",
            )
        value = top
        _check_texts(value, source)
    except _StopReadingError:
        return LoadedRecord(None, value, source.lines, _ordered(source.problems))
    if not source.usable:
        return LoadedRecord(None, value, source.lines, _ordered(source.problems))
    return _judge(value, source)


def _judge(value: dict[str, Any], source: _Source) -> LoadedRecord:
    from archive.record.problems import parse_model
    from archive.record.rules import check_rules

    record, faults = parse_model(value)
    noted = {problem.pointer for problem in source.problems}
    if record is not None or not any(fault.code == "record.schema_version" for fault in faults):
        faults = [*faults, *check_rules(value)]
    for fault in faults[:MAX_PROBLEMS]:
        if not _is_noted(fault.pointer, noted):
            place = fault.pointer
            source.problems.append(
                Problem(
                    fault.code,
                    fault.message,
                    source.name,
                    line_of(source.lines, place),
                    place,
                    fault.hint,
                    fault.severity,
                )
            )
    if len(faults) > MAX_PROBLEMS:
        more = f"there are {len(faults) - MAX_PROBLEMS:,} more problems"
        source.problems.append(Problem("record.more_problems", more, source.name, hint="mend these first"))
    problems = _ordered(source.problems)
    if any(problem.severity == "error" for problem in problems):
        record = None
    return LoadedRecord(record, value, source.lines, problems)


def _is_noted(pointer: str, noted: set[str | None]) -> bool:
    """True when the reader already complained about this place or one around it."""
    if not noted:
        return False
    while pointer:
        if pointer in noted:
            return True
        pointer = pointer.rpartition("/")[0]
    return False


def line_of(lines: Mapping[str, int], pointer: str) -> int | None:
    """The line of a pointer, or of the nearest place around it."""
    while pointer and pointer not in lines:
        pointer = pointer.rpartition("/")[0]
    return lines.get(pointer)


def escape(key: str) -> str:
    """A key as a JSON pointer segment (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")


def _ordered(problems: list[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(problems, key=lambda problem: (problem.line or 0, problem.pointer or "", problem.code)))


def read_regular_file(path: Path, limit: int) -> bytes:
    """Up to `limit` + 1 bytes of a regular file; links, devices, pipes and folders raise OSError and never block."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as handle:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError("not a regular file")
        return handle.read(limit + 1)


def _read_file(path: Path, source: _Source) -> bytes:
    try:
        data = read_regular_file(path, MAX_RECORD_BYTES)
    except (OSError, ValueError) as error:
        if path.is_symlink():
            source.fail("record.symlink", "the record file is a symbolic link", hint="put the file itself there")
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        source.fail(
            "record.unreadable",
            f"the record file cannot be read: {reason}",
            hint="incident.yaml is a plain text file that you may read",
        )
        raise AssertionError from error  # `fail` always raises
    if len(data) > MAX_RECORD_BYTES:
        _too_large(source)
        source.stop()
    return data


def _too_large(source: _Source) -> None:
    source.problems.append(
        Problem(
            "record.too_large",
            "the record file is larger than 4 MiB",
            source.name,
            hint="move tables and long texts into evidence files",
        )
    )


def _decode(data: bytes, source: _Source) -> str:
    if data.startswith(b"\xef\xbb\xbf"):
        source.fail("record.bom", "the file starts with a byte order mark", line=1, hint="save it as UTF-8 without BOM")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        source.fail("record.not_utf8", "the file is not UTF-8", line=line, hint="save it as UTF-8")
        raise AssertionError from error  # `fail` always raises


def _check_texts(value: dict[str, Any], source: _Source) -> None:
    for pointer, text in _texts(value, ""):
        line = line_of(source.lines, pointer)
        blank = _PLACEHOLDER.match(text) if text.startswith("<") else None
        if blank:
            source.note("record.placeholder", f"still to be filled in: {blank[1]}", line=line, pointer=pointer)
        if text.isascii() and text.isprintable():
            continue
        found = _CONTROLS.search(text)
        if found:
            source.note(
                "record.control_character",
                f"the text holds the control character U+{ord(found[0]):04X}",
                line=line,
                pointer=pointer,
                hint="delete the character; line breaks and tabs are the only controls allowed",
            )
            continue
        found = unassigned_pattern().search(text) if _UNCOMMON.search(text) else None
        if found or not _encodable(text):
            point = f" U+{ord(found[0]):04X}" if found else ""
            source.note(
                "record.unassigned",
                f"the text holds a code point{point} that Unicode 14.0 does not assign",
                line=line,
                pointer=pointer,
                hint="use a character that Unicode 14.0 has",
            )
        elif not unicodedata.is_normalized("NFC", text):
            source.note(
                "record.not_nfc",
                "the text is not in Unicode form NFC",
                line=line,
                pointer=pointer,
                hint="save the text in NFC; a letter and its accent are then one character",
            )


def _encodable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _texts(value: Any, pointer: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield pointer, value
    elif isinstance(value, dict):
        for key, item in value.items():
            place = f"{pointer}/{escape(key)}"
            yield place, key
            yield from _texts(item, place)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _texts(item, f"{pointer}/{number}")


@dataclass(slots=True)
class _Open:
    """A map or list that is being read."""

    value: dict[str, Any] | list[Any]
    pointer: str
    key: str | None = None
    skip: bool = False


def _read_yaml(text: str, source: _Source) -> Any:
    import yaml

    hidden = _HIDDEN_BREAKS.search(text)
    if hidden:
        source.fail(
            "record.control_character",
            f"the file holds the line separator U+{ord(hidden[0]):04X}",
            line=text.count("\n", 0, hidden.start()) + 1,
            hint="delete the character; lines end with a plain line feed",
        )
    loader = getattr(yaml, "CLoader", yaml.Loader)
    try:
        return _YamlReader(source).read(yaml.parse(text, Loader=loader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else None
        what = " ".join(str(part) for part in (error.context, error.problem) if part)
        if "maximum nesting" in what:
            source.fail("record.too_deep", f"the nesting is deeper than {MAX_DEPTH}", line=line, hint=_FLATTER)
        source.fail("record.yaml_syntax", f"this is not valid YAML: {what}", line=line, hint=_yaml_hint(what))
    except yaml.YAMLError as error:
        source.fail("record.yaml_syntax", f"this is not valid YAML: {str(error).splitlines()[0]}")
    raise AssertionError  # `fail` always raises


def _yaml_hint(what: str) -> str:
    if "mapping values are not allowed" in what:
        return "a text that contains `: ` needs quotes around it"
    if "\\t" in what or "tab" in what or "cannot start any token" in what:
        return "indent with spaces, and put quotes around a text that starts with a sign such as @ or `"
    return "check the indentation and the quotes of this line and of the one before"


class _YamlReader:
    """Builds plain data from YAML events and notes whatever is more than plain data."""

    def __init__(self, source: _Source) -> None:
        self._source = source
        self._stack: list[_Open] = []
        self._top: Any = None
        self._documents = 0

    def read(self, events: Iterator[Any]) -> Any:
        for event in events:
            name = type(event).__name__
            line = event.start_mark.line + 1
            self._source.count(line)
            if name == "DocumentStartEvent":
                self._start_document(event, line)
            elif name == "AliasEvent":
                self._refuse("record.yaml_alias", "aliases (`*name`) are not read", line, "write the value out")
                self._source.usable = False
                self._add(line, "", plain=False)
            elif name == "ScalarEvent":
                self._check_properties(event, line)
                self._scalar(event, line)
            elif name in ("SequenceStartEvent", "MappingStartEvent"):
                self._check_properties(event, line)
                self._open({} if name == "MappingStartEvent" else [], line)
            elif name in ("SequenceEndEvent", "MappingEndEvent"):
                self._stack.pop()
        return self._top

    def _start_document(self, event: Any, line: int) -> None:
        self._documents += 1
        if self._documents > 1:
            self._source.fail(
                "record.yaml_documents", "there is a second document after `---`", line=line, hint="keep one document"
            )
        if event.version or event.tags:
            self._refuse("record.yaml_tag", "YAML directives (`%…`) are not read", line, "delete the line")

    def _check_properties(self, event: Any, line: int) -> None:
        if event.anchor is not None:
            self._refuse("record.yaml_anchor", f"anchors (`&{event.anchor}`) are not read", line, "delete the anchor")
        if event.tag is not None:
            self._refuse("record.yaml_tag", f"tags (`{event.tag}`) are not read", line, "delete the tag")

    def _refuse(self, code: str, message: str, line: int, hint: str) -> None:
        self._source.note(code, message, line=line, pointer=self._place(), hint=hint)

    def _place(self) -> str:
        if not self._stack:
            return ""
        parent = self._stack[-1]
        if isinstance(parent.value, list):
            return f"{parent.pointer}/{len(parent.value)}"
        return parent.pointer if parent.key is None else f"{parent.pointer}/{escape(parent.key)}"

    def _scalar(self, event: Any, line: int) -> None:
        parent = self._stack[-1] if self._stack else None
        if parent is not None and isinstance(parent.value, dict) and parent.key is None:
            self._key(parent, event.value, line, plain=event.style is None or event.style == "")
        else:
            self._add(line, event.value, plain=not event.style)

    def _key(self, parent: _Open, key: str, line: int, *, plain: bool) -> None:
        parent.key = key
        parent.skip = key in parent.value
        place = self._place()
        if plain and key == "<<":
            self._source.note(
                "record.yaml_merge", "merge keys (`<<`) are not read", line=line, pointer=place, hint="write it out"
            )
        if parent.skip:
            first = self._source.lines.get(place)
            self._source.note(
                "record.duplicate_key",
                f"the key `{key}` is written twice (first on line {first})",
                line=line,
                pointer=place,
                hint="delete one of the two, or put a list under one key",
            )
        else:
            self._source.lines[place] = line

    def _open(self, value: dict[str, Any] | list[Any], line: int) -> None:
        parent = self._stack[-1] if self._stack else None
        if parent is not None and isinstance(parent.value, dict) and parent.key is None:
            self._source.fail(
                "record.yaml_key", "a key must be plain text", line=line, hint="a `{` or `[` starts a text? quote it"
            )
        if len(self._stack) >= MAX_DEPTH:
            self._source.fail("record.too_deep", f"the nesting is deeper than {MAX_DEPTH}", line=line, hint=_FLATTER)
        place = self._place()
        self._add(line, value, plain=False)
        self._stack.append(_Open(value, place))

    def _add(self, line: int, value: Any, *, plain: bool) -> None:
        place = self._place()
        if plain and value in _EMPTY_PLAIN:
            self._source.note(
                "record.empty_value",
                "there is no value here",
                line=line if place in ("",) else self._source.lines.get(place, line),
                pointer=place,
                hint="write a value, or delete the line; nothing is filled in for you",
            )
        if not self._stack:
            self._top = value
            self._source.lines.setdefault("", line)
            return
        parent = self._stack[-1]
        if isinstance(parent.value, list):
            self._source.lines[place] = line
            parent.value.append(value)
        elif parent.key is None:  # an alias where a key should be
            parent.key = ""
        else:
            if not parent.skip:
                parent.value[parent.key] = value
            parent.key = None


class _JsonReader:
    """A JSON reader (RFC 8259) that keeps the line of every value and finds every repeated key."""

    def __init__(self, text: str, source: _Source) -> None:
        self._text = text
        self._source = source
        self._at = 0
        self._line = 1
        self._counted = 0

    def read(self) -> Any:
        value = self._value("", 0)
        self._skip_space()
        if self._at != len(self._text):
            self._syntax("more text after the end of the value")
        return value

    def _line_here(self) -> int:
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line

    def _syntax(self, what: str) -> None:
        self._source.fail("record.json_syntax", f"this is not valid JSON: {what}", line=self._line_here())

    def _skip_space(self) -> None:
        match = _JSON_SPACE.match(self._text, self._at)
        if match:
            self._at = match.end()

    def _peek(self) -> str:
        self._skip_space()
        return self._text[self._at : self._at + 1]

    def _expect(self, sign: str) -> None:
        if self._peek() != sign:
            self._syntax(f"`{sign}` is expected")
        self._at += 1

    def _value(self, pointer: str, depth: int) -> Any:
        sign = self._peek()
        line = self._line_here()
        self._source.count(line)
        self._source.lines.setdefault(pointer, line)
        if sign == "{":
            return self._object(pointer, depth + 1)
        if sign == "[":
            return self._array(pointer, depth + 1)
        if sign == '"':
            return self._string()
        number = _JSON_NUMBER.match(self._text, self._at)
        if number:
            return self._number(number, pointer)
        for word, value in _JSON_WORDS.items():
            if self._text.startswith(word, self._at):
                self._at += len(word)
                if value is None:
                    self._source.note(
                        "record.empty_value",
                        "there is no value here",
                        line=self._line_here(),
                        pointer=pointer,
                        hint="write a value, or delete the field; nothing is filled in for you",
                    )
                return value
        self._syntax("a value is expected")
        raise AssertionError  # `_syntax` always raises

    def _string(self) -> str:
        try:
            text, self._at = _JSON_STRINGS.raw_decode(self._text, self._at)
        except JSONDecodeError as error:
            self._syntax(error.msg)
        return str(text)

    def _number(self, match: re.Match[str], pointer: str) -> int | str:
        self._at = match.end()
        if match[1] or match[2]:
            self._source.note(
                "record.float",
                f"the number {match[0][:40]} is not an integer",
                line=self._line_here(),
                pointer=pointer,
                hint=f'write it as text: "{match[0][:40]}"',
            )
            return match[0]
        if len(match[0]) > _MAX_INTEGER_DIGITS:
            self._source.note(
                "record.integer",
                "the integer is too large",
                line=self._line_here(),
                pointer=pointer,
                hint="write it as text, in quotes",
            )
            return match[0]
        return int(match[0])

    def _enter(self, depth: int) -> None:
        if depth > MAX_DEPTH:
            self._source.fail(
                "record.too_deep", f"the nesting is deeper than {MAX_DEPTH}", line=self._line_here(), hint=_FLATTER
            )
        self._at += 1

    def _array(self, pointer: str, depth: int) -> list[Any]:
        self._enter(depth)
        items: list[Any] = []
        if self._peek() == "]":
            self._at += 1
            return items
        while True:
            items.append(self._value(f"{pointer}/{len(items)}", depth))
            if self._peek() == "]":
                self._at += 1
                return items
            self._expect(",")

    def _object(self, pointer: str, depth: int) -> dict[str, Any]:
        self._enter(depth)
        items: dict[str, Any] = {}
        if self._peek() == "}":
            self._at += 1
            return items
        while True:
            if self._peek() != '"':
                self._syntax("a key in double quotes is expected")
            line = self._line_here()
            key = self._string()
            place = f"{pointer}/{escape(key)}"
            self._expect(":")
            if key in items:
                self._source.note(
                    "record.duplicate_key",
                    f"the key `{key}` is written twice (first on line {self._source.lines[place]})",
                    line=line,
                    pointer=place,
                    hint="delete one of the two, or put a list under one key",
                )
                self._value(place, depth)
            else:
                self._source.lines[place] = line
                items[key] = self._value(place, depth)
            if self._peek() == "}":
                self._at += 1
                return items
            self._expect(",")
