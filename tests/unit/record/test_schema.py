from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from archive.record.load import load_record_bytes
from archive.record.schema import DIALECT, SCHEMA_FILE, build_schema, render_schema

ROOT = Path(__file__).resolve().parents[3]
SCHEMA = build_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def _properties(node: Any, place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, list):
        for number, item in enumerate(node):
            yield from _properties(item, f"{place}/{number}")
    elif isinstance(node, dict):
        for name, field in (node.get("properties") or {}).items():
            yield f"{place}/{name}", field
        for name, item in node.items():
            yield from _properties(item, f"{place}/{name}")


def test_the_file_is_what_the_models_say() -> None:
    assert (ROOT / "schemas" / SCHEMA_FILE).read_bytes() == render_schema(), "run `archive schema export`"


def test_every_field_is_described() -> None:
    fields = list(_properties(SCHEMA, ""))
    assert len(fields) > 150
    assert [place for place, field in fields if not field.get("description")] == []
    assert [name for name, model in SCHEMA["$defs"].items() if not model.get("description")] == []


def test_the_schema_stands_alone() -> None:
    assert SCHEMA["$schema"] == DIALECT
    assert SCHEMA["$id"] == "urn:incident-archive:schema:incident:1"
    text = render_schema().decode()
    assert {part.split('"')[0] for part in text.split('"$ref": "')[1:]} <= {
        f"#/$defs/{name}" for name in SCHEMA["$defs"]
    }
    assert '"null"' not in text
    assert '"default"' not in text


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    tool = Path(sys.executable).with_name("check-jsonschema")
    done = subprocess.run([tool, "--check-metaschema", ROOT / "schemas" / SCHEMA_FILE], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def _value(text: str) -> dict[str, Any]:
    record = load_record_bytes(text.encode(), "x", json=False).record
    assert record is not None
    return record.to_value()


def test_good_records_are_valid(guide: str, minimal: str) -> None:
    for text in (guide, minimal):
        assert [error.message for error in VALIDATOR.iter_errors(_value(text))] == []


def test_published_records_with_withheld_items_are_valid(minimal: str) -> None:
    value = {**_value(minimal), "evidence": [{"id": "e", "withheld": True, "commitment": "0" * 64}]}
    assert VALIDATOR.is_valid(value)


@pytest.mark.parametrize(
    ("section", "change"),
    [
        ("figures", {"value": 0.1}),
        ("figures", {"value": "1e3"}),
        ("figures", {"value": "-0"}),
        ("figures", {"value": "-0.00"}),
        ("figures", {"bound": "about"}),
        ("timeline", {"precision": "week"}),
        ("timeline", {"at": "2025-10-11T05:12:00"}),
        ("timeline", {"at": "2025-13"}),
        ("claims", {"claimed_by": []}),
        ("claims", {"id": "a/b"}),
        ("claims", {"text": {}}),
        ("claims", {"text": {"en": " "}}),
        ("claims", {"text": {"en_US": "x"}}),
        ("claims", {"surprise": "x"}),
        ("evidence", {"sha256": "ABC"}),
        ("evidence", {"held": "local"}),
        ("evidence", {"size": -1}),
        ("evidence", {"media_type": "csv"}),
        ("references", {"url": "javascript:alert(1)"}),
        ("venues", {"roles": [{"text": {"en": "x"}, "alleged": False}]}),
        ("contact", {"email": "nobody"}),
    ],
)
def test_bad_records_are_bad_for_models_and_schema_alike(guide: str, section: str, change: dict[str, Any]) -> None:
    value = _value(guide)
    part = value[section] if isinstance(value[section], dict) else value[section][0]
    part.update(change)
    assert not VALIDATOR.is_valid(value)
    problems = load_record_bytes(json.dumps(value).encode(), "x", json=True).problems
    assert any(problem.severity == "error" for problem in problems)
