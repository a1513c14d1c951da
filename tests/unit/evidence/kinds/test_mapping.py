"""A mapping makes any log a table: what it can say, and what it may not."""

from __future__ import annotations

import contextlib
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import InvalidInputError
from archive.evidence.contracts import CONTRACTS, schema_files
from archive.evidence.mapping import parse_mapping
from tests.unit.evidence.kinds.conftest import Reader

KEYS = st.sampled_from(
    ["kind", "format", "delimiter", "header", "names", "columns", "column", "value", "unit", "scale", "values", "time"]
)
TRADES: dict[str, Any] = {
    "kind": "trades",
    "columns": {
        "time": {"column": "when", "time_format": "%d.%m.%Y %H:%M:%S", "time_zone": "+08:00"},
        "price": {"column": "px", "scale": "0.01"},
        "quantity": "sz",
        "side": {"column": "sd", "values": {"B": "buy", "S": "sell"}},
        "venue": {"value": "binance"},
    },
}


def test_any_log_becomes_trades(read: Reader) -> None:
    text = "when;px;sz;sd\n11.10.2025 05:54:00;6500;100;B\n11.10.2025 05:54:01;6400;7;S\n"
    found = read(text, "raw", mapping=TRADES)
    assert found.problems == []
    first = found.rows[0]
    assert (first["time"], first["price"], first["side"]) == (datetime(2025, 10, 10, 21, 54), Decimal(65), "buy")
    assert (first["time_offset"], first["time_precision"], first["venue"]) == ("+08:00", "second", "binance")


def test_a_file_without_a_header_is_named_by_the_mapping(read: Reader) -> None:
    mapping = {"kind": "prices", "names": ["t", "p"], "columns": {"time": {"column": "t", "unit": "s"}, "price": "p"}}
    assert read("1760130000,0.65\n", "raw", mapping=mapping).rows[0]["price"] == Decimal("0.65")
    by_number = {"kind": "prices", "header": "false", "columns": {"time": "1", "price": "2"}}
    assert read("1760130000,0.65\n", "raw", mapping=by_number).rows[0]["price"] == Decimal("0.65")


def test_inner_fields_of_json_lines_are_dotted(read: Reader) -> None:
    mapping = {
        "kind": "api-log",
        "format": "jsonl",
        "columns": {
            "time": {"column": "req.at", "unit": "us"},
            "latency": {"column": "took", "unit": "s"},
            "code": "resp.err.c",
            "venue": {"value": "binance"},
            "product": {"value": "usdm"},
        },
    }
    line = '{"req": {"at": 1760130000000001}, "took": 0.25, "resp": {"err": {"c": -1007}}}\n'
    row = read(line, "raw", name="a.jsonl", mapping=mapping).rows[0]
    assert (row["latency"], row["code"], row["outcome"]) == (Decimal(250), -1007, "unknown")
    assert row["time"] == datetime(2025, 10, 10, 21, 0, 0, 1)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"kind": "photo"}, "mapping.kind"),
        ({"format": "xml"}, "mapping.format"),
        ({"delimiter": ";;"}, "mapping.format"),
        ({"header": "maybe"}, "mapping.format"),
        ({"columns": {}}, "mapping.column"),
        ({"columns": {"colour": "c"}}, "mapping.column"),
        ({"columns": {"time": {}}}, "mapping.rule"),
        ({"columns": {"time": {"column": "a", "value": "b"}}}, "mapping.rule"),
        ({"columns": {"time": {"column": "a", "unit": "weeks"}}}, "mapping.rule"),
        ({"columns": {"time": {"column": "a", "time_zone": "Berlin"}}}, "mapping.rule"),
        ({"columns": {"time": {"column": "a", "time_format": "%B"}}}, "mapping.rule"),
        ({"columns": {"price": {"column": "a", "time_format": "%Y"}}}, "mapping.rule"),
        ({"columns": {"price": {"column": "a", "scale": "0"}}}, "mapping.rule"),
        ({"columns": {"price": {"column": "a", "scale": "1e3"}}}, "mapping.rule"),
        ({"columns": {"price": {"column": "a", "unit": "cents"}}}, "mapping.rule"),
        ({"columns": {"side": {"column": "a", "values": {"B": "up"}}}}, "mapping.rule"),
        ({"columns": {"symbol": {"column": "a", "scale": "2"}}}, "mapping.rule"),
    ],
)
def test_a_mapping_that_makes_no_sense_is_refused(change: dict[str, Any], code: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_mapping({**TRADES, **change}, "raw")
    assert caught.value.code == code


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.sampled_from(["time", "a", "ms", "%Y", "+08:00", "1"]))
PARTS = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner), max_leaves=8)


@given(mapping=st.dictionaries(KEYS, PARTS, max_size=6), kind=st.sampled_from(["raw", "trades", "document"]))
def test_no_mapping_breaks_the_reader_of_mappings(mapping: dict[str, Any], kind: str) -> None:
    with contextlib.suppress(InvalidInputError):
        parse_mapping(mapping, kind)


def test_a_mapping_of_columns_that_the_file_lacks_is_refused(read: Reader) -> None:
    with pytest.raises(InvalidInputError) as caught:
        read("a,b\n1,2\n", "raw", mapping=TRADES)
    assert caught.value.code == "mapping.column"


def test_the_published_contracts_are_valid_schemas_and_accept_a_row() -> None:
    import json

    import jsonschema

    for name, data in schema_files().items():
        schema = json.loads(data)
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["$id"].endswith(f"{name.split('/')[1].removesuffix('.json')}:1")
    validator = jsonschema.Draft202012Validator(json.loads(schema_files()["evidence/prices.json"]))
    assert validator.is_valid({"row": 1, "time": "2025-10-10T21:54:00Z", "price": "0.65"})
    assert not validator.is_valid({"row": 1, "time": "2025-10-10T21:54:00Z", "price": 0.65})
    assert len(schema_files()) == len(CONTRACTS)
