"""Writes web/src/verify/record_model.json: the fields of a record, as the browser verifier checks them; and
seed_words.json beside it: the words of BIP-39, which are looked for in redacted texts.

It is taken from the models of `archive.record.models`, so that both verifiers know the same record; a test makes it
again and compares. Types, by `t`: `text` (with `pattern`, `code`, `message`), `string` (any text), `decimal`, `time`,
`content` (text that is not empty), `literal`, `integer`, `true`, `flag`, `list`, `map`, `result`, `model`.

    python tools/record_model.py            write both
    python tools/record_model.py --check    compare; exit 1 when they differ
"""

from __future__ import annotations

import inspect
import json
import sys
import types
import typing
from pathlib import Path
from typing import Any

from pydantic import AfterValidator, BaseModel, BeforeValidator
from pydantic.fields import FieldInfo

from archive.evidence.redact import MASKABLE
from archive.record import models

PROJECT = Path(__file__).resolve().parent.parent
TARGET = PROJECT / "web" / "src" / "verify" / "record_model.json"
WORDS = TARGET.with_name("seed_words.json")
_CHECKS = {"_check_decimal": "decimal", "_check_time": "time", "_check_text": "content", "_check_result": "result"}
_READS = {"_parse_integer": "integer", "_parse_true": "true", "_parse_flag": "flag"}


def describe() -> dict[str, Any]:
    """Every model that a record is made of, by name, and the rules of the scan that a recipe may name."""
    found: dict[str, Any] = {}
    todo: list[type[BaseModel]] = [models.IncidentRecord]
    for model in todo:
        found[model.__name__] = {
            name: {"required": field.is_required(), "type": _of_field(field, todo)}
            for name, field in model.model_fields.items()
        }
    return {
        "record": models.IncidentRecord.__name__,
        "maskable": list(MASKABLE),
        "models": dict(sorted(found.items())),
    }


def to_text() -> str:
    """One line for each model."""
    value = describe()
    named = value["models"].items()
    lines = [f"{json.dumps(name)}: {json.dumps(fields, ensure_ascii=False)}" for name, fields in named]
    head = f'"record": {json.dumps(value["record"])},\n"maskable": {json.dumps(value["maskable"])}'
    return f'{{{head},\n"models": {{\n' + ",\n".join(lines) + "\n}}\n"


def words() -> str:
    return json.dumps(" ".join((PROJECT / "archive" / "evidence" / "bip39_english.txt").read_text().split())) + "\n"


def _of_field(field: FieldInfo, todo: list[type[BaseModel]]) -> dict[str, Any]:
    return _of(field.annotation, field.metadata, todo)


def _of(annotation: Any, metadata: list[Any], todo: list[type[BaseModel]]) -> dict[str, Any]:
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        inner, *more = typing.get_args(annotation)
        return _of(inner, [*more, *metadata], todo)
    if origin in (types.UnionType, typing.Union):
        (inner,) = [one for one in typing.get_args(annotation) if one is not types.NoneType]
        return {**_of(inner, metadata, todo), "nullable": True}
    for item in metadata:
        if isinstance(item, (AfterValidator, BeforeValidator)):
            named = _validated(item, metadata)
            if named is not None:
                return named
    if origin is typing.Literal:
        return {"t": "literal", "values": list(typing.get_args(annotation))}
    if origin is tuple:
        least = [item.min_length for item in metadata if hasattr(item, "min_length")]
        return {"t": "list", "of": _of(typing.get_args(annotation)[0], [], todo), "least": least[0] if least else 0}
    if origin is dict:
        key, value = (_of(one, [], todo) for one in typing.get_args(annotation))
        filled = any(isinstance(i, AfterValidator) and i.func is models._no_empty_map for i in metadata)
        return {"t": "map", "key": key, "value": value, "filled": filled}
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if annotation not in todo:
            todo.append(annotation)
        return {"t": "model", "name": annotation.__name__}
    if annotation is str:
        return {"t": "string"}
    raise TypeError(f"no rule for {annotation!r}")


def _validated(item: AfterValidator | BeforeValidator, metadata: list[Any]) -> dict[str, Any] | None:
    """The type that one of the functions of `models` stands for."""
    name = getattr(item.func, "__name__", "")
    if name in _CHECKS:
        return {"t": _CHECKS[name]}
    if name == "_parse_integer":
        flat = [one for part in metadata for one in (part.metadata if isinstance(part, FieldInfo) else [part])]
        low, high = (next(getattr(one, key) for one in flat if hasattr(one, key)) for key in ("ge", "le"))
        return {"t": "integer", "least": low, "most": high}
    if name in _READS:
        return {"t": _READS[name]}
    if name == "check":  # made by `_matching`
        closed = inspect.getclosurevars(item.func).nonlocals
        pattern = closed["found"].__self__.pattern.removesuffix(r"\Z")
        return {"t": "text", "pattern": pattern, "code": closed["code"], "message": closed["message"]}
    return None


def main(arguments: list[str]) -> int:
    made = {TARGET: to_text(), WORDS: words()}
    if arguments == ["--check"]:
        stale = [path.name for path, text in made.items() if path.read_text(encoding="utf-8") != text]
        if stale:
            print(f"not what the models give: {', '.join(stale)}; run: python tools/record_model.py", file=sys.stderr)
        return 1 if stale else 0
    for path, text in made.items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
