from __future__ import annotations

import hashlib
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import InvalidInputError
from archive.package import entries, merkle, unicode14

FOLD_SHA256 = "4131f4ed210006946a0a7b4faab4b0839f7b88577ce7d6caaa7a73991753c243"
HEADER: dict[str, Any] = dict(
    entries.Header(
        "2025-10-11-test", 2, "a" * 64, 3, None, (entries.NotBefore("eip155:56", 7, "0x" + "0" * 64),)
    ).to_json()
)
EVIDENCE: dict[str, Any] = dict(entries.EvidenceEntry("a", "evidence/a.csv", "text/csv", 1, "1" * 64).to_json())
RECORD: dict[str, Any] = dict(entries.RecordEntry(1, "1" * 64).to_json())


def refused(value: object) -> str:
    with pytest.raises(InvalidInputError) as caught:
        entries.parse_entry(value)
    return caught.value.code


@pytest.mark.parametrize("value", [HEADER, EVIDENCE, RECORD, {"type": "withheld", "commitment": "0" * 64}])
def test_parse_gives_back_the_value(value: dict[str, Any]) -> None:
    entry = entries.parse_entry(value)
    assert entry.to_json() == value
    assert entries.leaf_hash(entry) == merkle.leaf_hash(entries.leaf_data(entry))
    for key in value:
        code = refused({name: item for name, item in value.items() if name != key})
        assert code == "manifest.missing_key"
    assert refused({**value, "colour": "0" * 64}) == "manifest.unknown_key"


def test_rows_of_a_withheld_table_come_both_or_neither() -> None:
    value = {"type": "withheld", "commitment": "0" * 64, "rows_root": "1" * 64, "rows_count": 3}
    entry = entries.parse_entry(value)
    assert entry == entries.WithheldEntry("0" * 64, "1" * 64, 3)
    assert entry.to_json() == value
    for key in ("rows_root", "rows_count"):
        assert refused({name: item for name, item in value.items() if name != key}) == "manifest.missing_key"
    for other in (HEADER, EVIDENCE, RECORD):
        assert refused({**other, "rows_root": "1" * 64, "rows_count": 3}) == "manifest.unknown_key"


@pytest.mark.parametrize("content", ["path", "id", "sha256", "size", "media_type", "note"])
def test_c2pa_content_left_inside_a_redacted_slot_is_refused(content: str) -> None:
    # C2PA: a redacted assertion whose slot still holds content. A withheld leaf has room for nothing.
    assert refused({"type": "withheld", "commitment": "0" * 64, content: "x"}) == "manifest.unknown_key"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"format": "incident-archive/2"}, "unknown_format"),
        ({"format": "incident-archive/2", "novel": 1}, "unknown_format"),
        ({"hash": "sha-512"}, "unknown_hash"),
        ({"format": 1}, "type"),
        ({"incident": "A"}, "bad_value"),
        ({"incident": "a" * 65}, "bad_value"),
        ({"incident": "a/b"}, "bad_value"),
        ({"incident": ""}, "bad_value"),
        ({"incident": "a\n"}, "bad_value"),
        ({"revision": 0}, "bad_value"),
        ({"revision": True}, "type"),
        ({"revision": "1"}, "type"),
        ({"revision": 1}, "bad_value"),
        ({"previous_root": "A" * 64}, "bad_value"),
        ({"previous_root": "0x" + "a" * 62}, "bad_value"),
        ({"leaf_count": 1}, "bad_value"),
        ({"leaf_count": 65_537}, "bad_value"),
        ({"publisher": "0x" + "AB" * 20}, "bad_value"),
        ({"publisher": 5}, "type"),
        ({"not_before": {}}, "type"),
        ({"not_before": [1]}, "type"),
        ({"not_before": [{"chain": "eip155:56", "height": 1}]}, "missing_key"),
        ({"not_before": [{"chain": "eip155:56", "height": 1, "hash": "0x" + "0" * 64, "x": 1}]}, "unknown_key"),
        ({"not_before": [{"chain": "56", "height": 1, "hash": "0x" + "0" * 64}]}, "bad_value"),
        ({"not_before": [{"chain": "eip155:56", "height": 1, "hash": "0x" + "0" * 64}] * 200}, "header_too_large"),
    ],
)
def test_header_refused(changes: dict[str, Any], code: str) -> None:
    assert refused({**HEADER, **changes}) == f"manifest.{code}"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"type": "photo"}, "unknown_entry_type"),
        ({"type": 3}, "type"),
        ({"id": "UPPER"}, "bad_value"),
        ({"media_type": "csv"}, "bad_value"),
        ({"media_type": "text/csv; x"}, "bad_value"),
        ({"size": -1}, "bad_value"),
        ({"size": 2**53}, "bad_value"),
        ({"size": 1.0}, "type"),
        ({"sha256": "0x" + "1" * 62}, "bad_value"),
        ({"sha256": "G" * 64}, "bad_value"),
    ],
)
def test_evidence_refused(changes: dict[str, Any], code: str) -> None:
    assert refused({**EVIDENCE, **changes}) == f"manifest.{code}"


@pytest.mark.parametrize("value", [None, 1, "x", [], {}])
def test_not_an_entry(value: object) -> None:
    assert refused(value) in ("manifest.type", "manifest.missing_key")


def test_record_refused() -> None:
    assert refused({**RECORD, "path": "record2.json"}) == "manifest.bad_value"
    assert refused({**RECORD, "media_type": "text/json"}) == "manifest.bad_value"
    assert refused({**RECORD, "size": 4 * 1024 * 1024 + 1}) == "manifest.record_too_large"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("", "manifest.path_empty"),
        ("/etc/passwd", "manifest.path_absolute"),
        ("a//b", "manifest.path_empty"),
        ("a/", "manifest.path_empty"),
        ("../a", "manifest.path_dots"),
        ("a/../b", "manifest.path_dots"),
        ("a/./b", "manifest.path_dots"),
        ("..", "manifest.path_dots"),
        ("a\\b", "manifest.path_characters"),
        ("a\x00b", "manifest.path_characters"),
        ("a\nb", "manifest.path_characters"),
        ("a\x7fb", "manifest.path_characters"),
        ("a\x85b", "manifest.path_characters"),
        ("a\u202eb", "manifest.path_characters"),
        ("manifest.json", "manifest.path_reserved"),
        ("record.json", "manifest.path_reserved"),
        ("Record.JSON", "manifest.path_reserved"),
        ("record.json/x", "manifest.path_reserved"),
        ("a" * 256, "manifest.path_too_long"),
        ("é" * 128, "manifest.path_too_long"),
        ("/".join(["a"] * 513), "manifest.path_too_long"),
        ("e\u0301", "canonical.not_nfc"),
        ("\u0378", "canonical.unassigned"),
        ("\ud800", "canonical.surrogate"),
        (7, "manifest.path_type"),
    ],
)
def test_path_refused(path: object, code: str) -> None:
    assert refused({**EVIDENCE, "path": path}) == code


@pytest.mark.parametrize(
    "path", ["a", "evidence/测试 1.csv", "a" * 255, "/".join(["a"] * 512), "...", "a/.b", "x/record.json"]
)
def test_path_accepted(path: str) -> None:
    assert entries.check_path(path) == path


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*HEADER, *EVIDENCE]), inner, max_size=12)
        ),
    )
)
def test_any_value_parses_or_raises_our_error(value: object) -> None:
    try:
        entry = entries.parse_entry(value)
    except InvalidInputError:
        return
    assert entry.to_json() == value


def test_unknown_codes_are_told_apart() -> None:
    assert entries.is_unknown("manifest.unknown_key")
    assert not entries.is_unknown("manifest.bad_value")


@pytest.mark.parametrize(("one", "two"), [("A.csv", "a.csv"), ("Straße", "STRASSE"), ("Ünï", "üNÏ"), ("ΣΑΣ", "σας")])
def test_fold_finds_names_that_differ_by_case(one: str, two: str) -> None:
    assert entries.fold(one) == entries.fold(two)


def test_folding_is_the_same_under_every_unicode_version() -> None:
    """Case folding and normalisation of what Unicode 14 assigns are stable by Unicode's policy; here is the proof."""
    unassigned = unicode14.unassigned_pattern()
    digest = hashlib.sha256()
    for code in range(0x110000):
        text = chr(code)
        if not 0xD800 <= code < 0xE000 and not unassigned.match(text):
            digest.update(entries.fold(text).encode())
            digest.update(unicodedata.normalize("NFC", text).encode())
    assert digest.hexdigest() == FOLD_SHA256
