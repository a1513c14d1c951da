"""The JSON Schema of the record (2020-12), made from the models; `schemas/incident/1.json` is this, byte for byte."""

from __future__ import annotations

import json
from typing import Any

from archive.record.models import SCHEMA_ID, IncidentRecord

DIALECT = "https://json-schema.org/draft/2020-12/schema"
# The file below the folder of schemas.
SCHEMA_FILE = "incident/1.json"


def build_schema() -> dict[str, Any]:
    """The schema as a JSON value. It needs no other document, and its `$id` is a name, not an address."""
    schema = _tidy(IncidentRecord.model_json_schema(mode="validation"))
    definitions = schema.pop("$defs")
    definitions["EvidenceItem"]["oneOf"] = _evidence_forms()
    return {
        "$schema": DIALECT,
        "$id": SCHEMA_ID,
        "title": "Incident record, format 1",
        **schema,
        "$defs": dict(sorted(definitions.items())),
    }


def render_schema() -> bytes:
    return (json.dumps(build_schema(), ensure_ascii=False, indent=2) + "\n").encode("utf-8")


def _evidence_forms() -> list[dict[str, Any]]:
    """Open, held locally, withheld, by reference, and withheld in a published record."""
    others = {"held", "withheld", "reference", "commitment"}

    def form(needs: list[str], may_not: set[str]) -> dict[str, Any]:
        return {"required": needs, "not": {"anyOf": [{"required": [name]} for name in sorted(may_not)]}}

    described = ["kind", "media_type"]
    return [
        form([*described, "path"], others),
        form([*described, "path", "held", "size", "sha256"], others - {"held"}),
        form([*described, "path", "withheld"], others - {"withheld"}),
        form([*described, "reference"], others - {"reference"} | {"path", "size", "sha256"}),
        {"required": ["withheld", "commitment"], "maxProperties": 3},
    ]


def _tidy(node: Any, *, names: bool = False) -> Any:
    """Without what pydantic adds for Python's sake: derived titles, null alternatives, defaults.

    `names` is True for a map whose keys are field or definition names, which may be called `title` or `default`.
    """
    if isinstance(node, list):
        return [_tidy(item) for item in node]
    if not isinstance(node, dict):
        return node
    if names:
        return {key: _tidy(item) for key, item in node.items()}
    out = {
        key: _tidy(item, names=key in ("properties", "$defs"))
        for key, item in node.items()
        if key not in ("title", "default")
    }
    choices = out.get("anyOf")
    if isinstance(choices, list) and {"type": "null"} in choices:
        rest = [choice for choice in choices if choice != {"type": "null"}]
        del out["anyOf"]
        out = {**(rest[0] if len(rest) == 1 else {"anyOf": rest}), **out}
    return out
