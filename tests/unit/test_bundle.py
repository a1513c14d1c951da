"""The proof bundle's parser: everything that a hostile or broken file can be, each with its code."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.bundle import (
    BUNDLE_FORMAT,
    MAX_BUNDLE_BYTES,
    MAX_LEAVES,
    ProofBundle,
    UnknownBundleFormatError,
    build_bundle,
    parse_bundle,
    read_bundle,
)
from archive.errors import ArchiveError, ExitCode, InvalidInputError

CID = "bafybeie5nqv6kd3qnfjupgvz34woh3oksc3iau6abmyajn7qvtf6d2ho34"
RAW = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"


def value(**changes: Any) -> dict[str, Any]:
    bundle = {
        "format": BUNDLE_FORMAT,
        "root": "ab" * 32,
        "content_id": CID,
        "entries": [{"type": "header"}, {"type": "record"}],
        "record": {"id": "x"},
        "directory": [
            {"path": "manifest.json", "cid": RAW, "tsize": 1},
            {"path": "record.json", "cid": RAW, "tsize": 2},
        ],
        "anchors": [{"kind": "anchor"}],
        "stamps": [],
    }
    return {**bundle, **changes}


def parse(**changes: Any) -> ProofBundle:
    return parse_bundle(json.dumps(value(**changes)).encode())


def code_of(data: bytes) -> str:
    with pytest.raises(ArchiveError) as caught:
        parse_bundle(data)
    assert caught.value.hint
    return caught.value.code


def code(**changes: Any) -> str:
    return code_of(json.dumps(value(**changes)).encode())


def test_round_trip_is_canonical() -> None:
    bundle = parse()
    data = bundle.to_bytes()
    assert parse_bundle(data) == bundle
    assert parse_bundle(data).to_bytes() == data
    assert b" " not in data


def test_build_sorts_the_directory_and_checks_itself() -> None:
    links = [("record.json", RAW, 2), ("manifest.json", RAW, 1)]
    made = build_bundle(root="ab" * 32, content_id=CID, entries=[{"type": "header"}], record=None, directory=links)
    assert [link.path for link in made.directory] == ["manifest.json", "record.json"]
    with pytest.raises(InvalidInputError) as caught:
        build_bundle(root="nonsense", content_id=CID, entries=[{}], record=None, directory=links)
    assert caught.value.code == "bundle.root"


@pytest.mark.parametrize("cut", [1, 20, 200, -1, -2, -40])
def test_truncated(cut: int) -> None:
    assert code_of(json.dumps(value()).encode()[:cut]) == "bundle.truncated"


def test_truncated_inside_a_character() -> None:
    data = json.dumps(value(record={"title": "拒"}), ensure_ascii=False).encode()
    assert code_of(data[: data.index("拒".encode()) + 2]) == "bundle.truncated"


@pytest.mark.parametrize("data", [b"", b"not json", b"<html>busy</html>", b"\xff\xfe{}", b"[1,2", b'{"a":1}}'])
def test_not_json(data: bytes) -> None:
    assert code_of(data) == "bundle.not_json"


def test_duplicate_keys_at_any_depth() -> None:
    text = json.dumps(value())
    assert code_of(text.replace('"stamps"', '"root": "00", "stamps"').encode()) == "bundle.duplicate_key"
    assert code_of(text.replace('{"id": "x"}', '{"id": "x", "id": "y"}').encode()) == "bundle.duplicate_key"


def test_deep_nesting_is_refused_without_recursion() -> None:
    deep = "[" * 100_000 + "]" * 100_000
    assert code_of(json.dumps(value()).replace('{"id": "x"}', deep).encode()) == "bundle.too_deep"


def test_a_million_leaves() -> None:
    data = json.dumps(value()).replace('[{"type": "header"}, {"type": "record"}]', "[" + "{}," * 999_999 + "{}]")
    assert code_of(data.encode()) == "bundle.too_many_leaves"
    assert MAX_LEAVES == 65_536


def test_too_large_is_refused_before_parsing(tmp_path: Path) -> None:
    assert code_of(b"{" + b" " * MAX_BUNDLE_BYTES + b"}") == "bundle.too_large"
    path = tmp_path / "endless.proof.json"
    with path.open("wb") as stream:
        stream.truncate(1 << 40)
    with pytest.raises(InvalidInputError) as caught:
        read_bundle(path)
    assert caught.value.code == "bundle.too_large"


def test_unknown_format_is_incomplete_not_wrong() -> None:
    with pytest.raises(UnknownBundleFormatError) as caught:
        parse(format="incident-archive-proof/2")
    assert caught.value.code == "bundle.unknown_format"
    assert caught.value.exit_code == ExitCode.INCOMPLETE


@pytest.mark.parametrize("key", ["root", "content_id", "entries", "record", "directory", "anchors", "stamps", "format"])
def test_missing_key(key: str) -> None:
    without = value()
    del without[key]
    assert code_of(json.dumps(without).encode()) == "bundle.missing_key"


def test_unknown_key_is_incomplete_not_wrong_and_never_skipped() -> None:
    with pytest.raises(UnknownBundleFormatError) as caught:
        parse(verdict="pass")
    assert caught.value.code == "bundle.unknown_key"
    assert caught.value.exit_code == ExitCode.INCOMPLETE
    assert caught.value.hint


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"root": "AB" * 32}, "bundle.root"),
        ({"root": "0x" + "ab" * 32}, "bundle.root"),
        ({"root": "ab" * 32 + "\n"}, "bundle.root"),
        ({"root": 7}, "bundle.root"),
        ({"content_id": RAW}, "bundle.content_id"),
        ({"content_id": "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG"}, "bundle.content_id"),
        ({"record": "text"}, "bundle.shape"),
        ({"entries": {}}, "bundle.shape"),
        ({"entries": []}, "bundle.shape"),
        ({"entries": [1]}, "bundle.shape"),
        ({"anchors": [{"kind": 1}]}, "bundle.shape"),
        ({"anchors": [{}]}, "bundle.shape"),
        ({"anchors": [{"kind": "anchor"}] * 2}, "bundle.duplicate_proof"),
        ({"anchors": [{"kind": "anchor", "n": n} for n in range(65)]}, "bundle.too_many_proofs"),
        ({"stamps": [{"kind": "x", "n": n} for n in range(65)]}, "bundle.too_many_proofs"),
        ({"directory": {}}, "bundle.directory"),
        ({"directory": [{"path": "a", "cid": RAW}]}, "bundle.directory"),
        ({"directory": [{"path": "a", "cid": RAW, "tsize": -1}]}, "bundle.directory"),
        ({"directory": [{"path": "a", "cid": RAW, "tsize": True}]}, "bundle.directory"),
        ({"directory": [{"path": "", "cid": RAW, "tsize": 1}]}, "bundle.directory"),
        ({"directory": [{"path": "a" * 1025, "cid": RAW, "tsize": 1}]}, "bundle.directory"),
        ({"directory": [{"path": "a", "cid": "x", "tsize": 1}]}, "bundle.directory"),
        ({"directory": [{"path": p, "cid": RAW, "tsize": 1} for p in "ba"]}, "bundle.directory"),
        ({"directory": [{"path": p, "cid": RAW, "tsize": 1} for p in "aa"]}, "bundle.directory"),
        ({"record": {"amount": 0.5}}, "bundle.float"),
        ({"record": {"amount": 2**60}}, "bundle.integer_range"),
        ({"record": {"text": "e\u0301"}}, "bundle.not_nfc"),
    ],
)
def test_wrong_shapes(changes: dict[str, Any], expected: str) -> None:
    assert code(**changes) == expected


def test_true_and_one_are_two_values() -> None:
    assert len(parse(anchors=[{"kind": "anchor", "n": 1}, {"kind": "anchor", "n": True}]).anchors) == 2


def test_unreadable(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError) as caught:
        read_bundle(tmp_path / "absent.proof.json")
    assert caught.value.code == "bundle.unreadable"


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_no_input_raises_anything_foreign(data: bytes) -> None:
    with pytest.raises(ArchiveError):
        parse_bundle(data)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 700), st.binary(min_size=1, max_size=3))
def test_damage_never_raises_anything_foreign(at: int, patch: bytes) -> None:
    data = bytearray(json.dumps(value()).encode())
    at %= len(data)
    data[at : at + len(patch)] = patch
    with contextlib.suppress(ArchiveError):
        parse_bundle(bytes(data))
