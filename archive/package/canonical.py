"""Canonical JSON of format 1: RFC 8785, and stricter (docs/format.md, section Canonical JSON).

No floats, integers within ±(2^53−1), text in NFC and of code points assigned in Unicode 14.0. What does not fit is
refused, never rewritten. A value is nested dicts, lists, strings, ints, bools and None.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any, NoReturn, TypeAlias

import rfc8785

from archive.errors import InvalidInputError
from archive.package.limits import MAX_DEPTH, MAX_SAFE_INTEGER
from archive.package.unicode14 import unassigned_pattern

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | bool | None"

# A string (escapes skipped as pairs) or one bracket: enough to know the depth before the recursive parser runs.
_STRUCTURE = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{]|[\]}]', re.DOTALL)
_BOM = b"\xef\xbb\xbf"
_MAX_INTEGER_DIGITS = 17


def dumps(value: object, *, max_depth: int = MAX_DEPTH) -> bytes:
    """The canonical bytes of a value.

    Raises:
        InvalidInputError: `canonical.float`, `.integer_range`, `.not_nfc`, `.unassigned`, `.surrogate`, `.type`,
            `.depth`.
    """
    check(value, max_depth=max_depth)
    return rfc8785.dumps(value)  # type: ignore[arg-type]  # checked just above


def check(value: object, *, max_depth: int = MAX_DEPTH) -> None:
    """Raise what `dumps` would raise, without building the bytes."""
    _check(value, max_depth)


def _check(value: object, depth_left: int) -> None:
    kind = type(value)
    if kind is str:
        _check_text(value)  # type: ignore[arg-type]
    elif value is None or kind is bool:
        pass
    elif kind is int:
        if not -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER:  # type: ignore[operator]
            _fail("canonical.integer_range", "an integer is outside ±(2^53−1)", "write it as a string")
    elif kind is dict:
        if depth_left < 1:
            _too_deep()
        for key, item in value.items():  # type: ignore[attr-defined]
            if type(key) is not str:
                _fail("canonical.type", f"an object key is a {type(key).__name__}, not text")
            _check_text(key)
            _check(item, depth_left - 1)
    elif kind is list or kind is tuple:
        if depth_left < 1:
            _too_deep()
        for item in value:  # type: ignore[attr-defined]
            _check(item, depth_left - 1)
    elif kind is float:
        _fail("canonical.float", f"a float ({value!r}) in canonical JSON", "write amounts and rates as strings")
    else:
        _fail("canonical.type", f"a {kind.__name__} has no canonical JSON form")


def _check_text(text: str) -> None:
    if text.isascii():
        return
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        _fail("canonical.surrogate", f"lone surrogate U+{ord(text[error.start]):04X} in text {_excerpt(text)}")
    # Before the NFC test: normalisation is the same under every Unicode version only for text assigned in 14.0.
    found = unassigned_pattern().search(text)
    if found:
        _fail(
            "canonical.unassigned",
            f"code point U+{ord(found[0]):04X} is not assigned in Unicode 14.0, in text {_excerpt(text)}",
            "use characters that Unicode 14.0 has",
        )
    if not unicodedata.is_normalized("NFC", text):
        _fail("canonical.not_nfc", f"text is not in NFC: {_excerpt(text)}", "save the text in Unicode form NFC")


def loads(data: bytes, *, max_bytes: int, max_depth: int = MAX_DEPTH) -> Json:
    """Parse JSON strictly; the text need not be in canonical form (see `loads_canonical`).

    Raises:
        InvalidInputError: what `dumps` raises, and `canonical.too_large`, `.bom`, `.encoding`, `.depth`,
            `.duplicate_key`, `.constant`, `.negative_zero`, `.trailing`, `.syntax`.
    """
    if len(data) > max_bytes:
        _fail("canonical.too_large", f"JSON of {len(data):,} bytes; the limit is {max_bytes:,}")
    if data.startswith(_BOM):
        _fail("canonical.bom", "JSON starts with a byte order mark", "save it as UTF-8 without BOM")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        _fail("canonical.encoding", f"JSON is not UTF-8 (byte {error.start})")
    _check_depth(data, max_depth)
    try:
        value: Json = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        code = "canonical.trailing" if error.msg == "Extra data" else "canonical.syntax"
        _fail(code, f"not JSON: {error.msg} (line {error.lineno}, column {error.colno})")
    check(value, max_depth=max_depth)
    return value


def loads_canonical(data: bytes, *, max_bytes: int, max_depth: int = MAX_DEPTH) -> Json:
    """Parse JSON that must be its own canonical form, byte for byte; else `canonical.not_canonical`."""
    value = loads(data, max_bytes=max_bytes, max_depth=max_depth)
    if rfc8785.dumps(value) != data:
        _fail("canonical.not_canonical", "JSON is valid but not in canonical form (RFC 8785)")
    return value


def _check_depth(data: bytes, max_depth: int) -> None:
    depth = 0
    for match in _STRUCTURE.finditer(data):
        first = data[match.start()]
        if first in b"[{":
            depth += 1
            if depth > max_depth:
                _too_deep()
        elif first in b"]}":
            depth -= 1


def _unique_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                _fail("canonical.duplicate_key", f"object key {_excerpt(key)} occurs twice")
            seen.add(key)
    return result


def _refuse_float(literal: str) -> NoReturn:
    _fail("canonical.float", f"a float ({literal[:40]}) in JSON", "write amounts and rates as strings")


def _refuse_constant(literal: str) -> NoReturn:
    _fail("canonical.constant", f"{literal} is not JSON")


def _parse_integer(literal: str) -> int:
    if literal == "-0":
        _fail("canonical.negative_zero", "-0 in JSON", "write 0")
    # Checked before int(), whose time grows with the square of the digits.
    if len(literal) > _MAX_INTEGER_DIGITS:
        _fail("canonical.integer_range", "an integer is outside ±(2^53−1)", "write it as a string")
    return int(literal)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique_object,
    parse_float=_refuse_float,
    parse_int=_parse_integer,
    parse_constant=_refuse_constant,
    strict=True,
)


def _too_deep() -> NoReturn:
    _fail("canonical.depth", "JSON is nested too deeply")


def _excerpt(text: str) -> str:
    return ascii(text if len(text) <= 60 else text[:60] + "…")


def _fail(code: str, message: str, hint: str | None = None) -> NoReturn:
    raise InvalidInputError(message, code=code, hint=hint)
