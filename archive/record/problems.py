"""What the models complain about, as faults with stable codes, plain words and a hint."""

from __future__ import annotations

import difflib
import functools
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from archive.errors import Severity
from archive.record.models import SCHEMA_VERSION, IncidentRecord


@dataclass(frozen=True, slots=True)
class Fault:
    """A problem of a record, addressed by JSON pointer; the loader adds file and line."""

    code: str
    message: str
    pointer: str
    hint: str | None = None
    severity: Severity = "error"


# Explaining a fault costs more than finding it; nobody reads the thousandth.
_MAX_EXPLAINED = 1_000
_HINTS = {
    "record.id": "no capitals, dots, slashes or spaces: 2025-10-11-example-outage",
    "record.decimal": "no exponent, no separators, no leading zeros or plus sign; in JSON as text in quotes",
    "record.time": "for example 2025-10-11T05:12:00+08:00 with seconds; fractions have three digits",
    "record.time_offset": "the record never guesses a time zone",
    "record.language": "en, zh-Hans, zh-Hant, ko, ja, pt-BR …",
    "record.sha256": "`sha256sum FILE` prints it",
    "record.media_type": "text/csv, application/json, image/png, application/pdf …; no parameters",
    "record.url": "leave the line out when the address is not known",
    "record.true": "write `true`; a role, for instance, is always worded as alleged",
    "record.integer": "no quotes, dots or separators: 12",
}


def parse_model(value: Mapping[str, Any]) -> tuple[IncidentRecord | None, list[Fault]]:
    """The record that a value describes, or the faults of its fields, in no order."""
    version = value.get("schema_version")
    if version is not None and version != SCHEMA_VERSION:
        return None, [
            Fault(
                "record.schema_version",
                f"schema version {_show(version)} is not known to this program, which reads {SCHEMA_VERSION!r}",
                "/schema_version",
                'write "1" in quotes' if version == 1 else "upgrade the archive program, or write schema_version: 1",
            )
        ]
    try:
        return IncidentRecord.model_validate(value), []
    except ValidationError as error:
        found = error.errors(include_url=False)
        return None, [_fault(item) for item in found[:_MAX_EXPLAINED]] + [
            Fault("record.invalid", str(item["msg"]), pointer_of(item["loc"])) for item in found[_MAX_EXPLAINED:]
        ]


def _fault(error: Mapping[str, Any]) -> Fault:
    kind = error["type"]
    location = tuple(part for part in error["loc"] if part != "[key]")
    if kind.startswith("record."):
        return Fault(kind, str(error["msg"]), pointer_of(location), _HINTS.get(kind) or None)
    build = _BUILDERS.get(kind)
    if build is not None:
        return build(location, error)
    return Fault("record.invalid", str(error["msg"]), pointer_of(location))


def pointer_of(location: tuple[str | int, ...]) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in location)


def _missing(location: tuple[str | int, ...], error: Mapping[str, Any]) -> Fault:
    name = str(location[-1])
    description = _fields(location[:-1]).get(name)
    return Fault("record.missing_field", f"the field `{name}` is missing", pointer_of(location[:-1]), description)


def _unknown(location: tuple[str | int, ...], error: Mapping[str, Any]) -> Fault:
    name = str(location[-1])
    known = _fields(location[:-1])
    near = difflib.get_close_matches(name[:64], known, n=1)
    hint = f"did you mean `{near[0]}`?" if near else "known here: " + ", ".join(known)
    return Fault("record.unknown_field", f"there is no field `{_clip(name)}` here", pointer_of(location), hint)


def _choice(location: tuple[str | int, ...], error: Mapping[str, Any]) -> Fault:
    expected = str(error["ctx"]["expected"]).replace("'", "")
    return Fault(
        "record.choice", f"{_show(error['input'])} is not one of: {expected}", pointer_of(location), "write one of them"
    )


def _text_expected(location: tuple[str | int, ...], error: Mapping[str, Any]) -> Fault:
    found = error["input"]
    if isinstance(found, (int, float)) and not isinstance(found, bool):
        description = _fields(location[:-1]).get(str(location[-1]), "")
        code = "record.decimal" if "decimal" in description or location[-1] == "value_to" else "record.text_expected"
        return Fault(code, "a number stands where text is expected", pointer_of(location), f'write it as "{found}"')
    return Fault(
        "record.text_expected",
        f"{_kind(found)} stands where text is expected",
        pointer_of(location),
        "write plain text",
    )


def _map_expected(location: tuple[str | int, ...], error: Mapping[str, Any]) -> Fault:
    hint = "write its fields indented below it"
    if isinstance(error["input"], str):
        if "en" in error["input"] or error["type"] == "dict_type":
            hint = "text for readers is a map from language to text: `en: …` on its own, indented line"
        if error["type"] != "dict_type":
            hint = "write its fields, `name: value`, indented below it"
    return Fault(
        "record.map_expected", f"{_kind(error['input'])} stands where a map is expected", pointer_of(location), hint
    )


def _list_expected(location: tuple[str | int, ...], error: Mapping[str, Any]) -> Fault:
    return Fault(
        "record.list_expected",
        f"{_kind(error['input'])} stands where a list is expected",
        pointer_of(location),
        "start each item with `- `, or write [one, two]",
    )


def _too_few(location: tuple[str | int, ...], error: Mapping[str, Any]) -> Fault:
    return Fault("record.too_few", "at least one item is needed here", pointer_of(location), "add one")


def _range(location: tuple[str | int, ...], error: Mapping[str, Any]) -> Fault:
    return Fault("record.range", "the number is out of range", pointer_of(location), str(error["msg"]))


_BUILDERS: Mapping[str, Callable[[tuple[str | int, ...], Mapping[str, Any]], Fault]] = {
    "missing": _missing,
    "extra_forbidden": _unknown,
    "literal_error": _choice,
    "string_type": _text_expected,
    "dict_type": _map_expected,
    "model_type": _map_expected,
    "model_attributes_type": _map_expected,
    "tuple_type": _list_expected,
    "too_short": _too_few,
    "greater_than_equal": _range,
    "less_than_equal": _range,
}


def _fields(location: tuple[str | int, ...]) -> dict[str, str]:
    """Field names and descriptions of the model that a location leads to."""
    model: type[BaseModel] | None = IncidentRecord
    for part in location:
        if isinstance(part, int) or model is None:
            continue
        field = model.model_fields.get(part)
        model = next(_models(field.annotation), None) if field is not None else None
    return _described(model) if model is not None else {}


@functools.cache
def _described(model: type[BaseModel]) -> dict[str, str]:
    return {name: field.description or "" for name, field in model.model_fields.items()}


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _models(argument)


def _kind(value: object) -> str:
    if isinstance(value, str):
        return "text"
    if isinstance(value, dict):
        return "a map"
    if isinstance(value, (list, tuple)):
        return "a list"
    if isinstance(value, bool):
        return "true or false"
    return "a number" if isinstance(value, (int, float)) else "nothing"


def _show(value: object) -> str:
    return repr(_clip(value)) if isinstance(value, str) else _kind(value) if not isinstance(value, int) else str(value)


def _clip(text: str, limit: int = 60) -> str:
    return text if len(text) <= limit else text[:limit] + "…"
