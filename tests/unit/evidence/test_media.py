from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.evidence.media import HEAD_BYTES, contradiction, guess, sniff, sniff_bytes

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


@pytest.mark.parametrize(
    ("data", "media_type", "basis"),
    [
        (PNG, "image/png", "signature"),
        (b"%PDF-1.7\n", "application/pdf", "signature"),
        (b"PK\x03\x04" + b"\0" * 30, "application/zip", "signature"),
        (b"\x1f\x8b\x08\0", "application/gzip", "signature"),
        (b"PAR1\0\0", "application/vnd.apache.parquet", "signature"),
        (b"\0\0\0\x20ftypisom", "video/mp4", "signature"),
        (b"RIFF\0\0\0\0WEBP", "image/webp", "signature"),
        (b"MZ\x90\0\x03", "application/vnd.microsoft.portable-executable", "signature"),
        (b"MZ said hello\n", "text/plain", "text"),
        (b"BZhang said hello\n", "text/plain", "text"),
        (b"time,price\n1,2\n", "text/csv", "text"),
        (b'{"a": 1}', "application/json", "text"),
        (b'[\n {"a": 1},\n {"a": 2}\n]\n', "application/json", "text"),
        (b'{"a": 1}\n{"a": 2}\n', "application/jsonl", "text"),
        (b"<!DOCTYPE html><html>", "text/html", "text"),
        (b"<?xml version='1.0'?>", "application/xml", "text"),
        (b"---\na: 1\n", "application/yaml", "text"),
        ("\ufeff时间,价格\n1,2\n".encode(), "text/csv", "text"),
        ("只是文字。\n".encode(), "text/plain", "text"),
        (b"\xff\xfe\x00\x01\x02\x03\x9c", "application/octet-stream", "none"),
    ],
)
def test_what_bytes_are(data: bytes, media_type: str, basis: str) -> None:
    sniffed = sniff_bytes(data, whole=True)
    assert (sniffed.media_type, sniffed.basis) == (media_type, basis)


@pytest.mark.parametrize(
    ("declared", "data", "wrong"),
    [
        ("text/csv", PNG, True),
        ("image/png", b"a,b\n1,2\n", True),
        ("image/jpeg", PNG, True),
        ("image/png", PNG, False),
        ("text/plain", b"a,b\n1,2\n", False),
        ("text/csv", b"only one column\n", False),
        ("text/markdown", b"# x\n", False),
        ("text/plain", b"\xff\xfe\x00\x01\x02", True),
        ("application/json", b"no json", True),
        ("application/json", b'{"a":1}\n{"a":2}\n', True),
        ("application/jsonl", b'{"a":1}\n{"a":2}\n', False),
        ("application/jsonl", b'{"a":1}\n', False),
        ("application/x-ndjson", b'{"a":1}\n{"a":2}\n', False),
        ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", b"PK\x03\x04\0\0", False),
        ("application/warc", b"\x1f\x8b\x08\0", False),
        ("application/octet-stream", PNG, False),
        ("application/x-own-format", b"a,b\n1,2\n", False),
        ("application/pdf", b"%PDF-1.4", False),
        ("application/pdf", b"<html>", True),
    ],
)
def test_declared_against_found(declared: str, data: bytes, wrong: bool) -> None:
    assert (contradiction(declared, sniff_bytes(data, whole=True)) is not None) == wrong


def test_only_the_start_is_read_and_a_cut_character_is_forgiven(tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    path.write_bytes(b"a" * (HEAD_BYTES - 1) + "é".encode() * 10)
    assert sniff(path).media_type == "text/plain"
    path.write_bytes(b'{"a": ' * 40000)
    assert sniff(path).media_type == "application/json"


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("a.csv", b"only one column\n", "text/csv"),
        ("a.csv", PNG, "image/png"),
        ("a.md", b"# x\n", "text/markdown"),
        ("a.log", b"a,b\n1,2\n", "text/plain"),
        ("a.json", b'{"a":1}\n{"a":2}\n', "application/jsonl"),
        ("a.docx", b"PK\x03\x04\0\0", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("a", b"\x01\x02\x03", "application/octet-stream"),
    ],
)
def test_what_is_written_down_for_a_file(tmp_path: Path, name: str, data: bytes, expected: str) -> None:
    (tmp_path / name).write_bytes(data)
    assert guess(tmp_path / name) == expected


@settings(deadline=None)
@given(st.binary(max_size=300), st.booleans())
def test_sniffing_never_fails_and_agrees_with_itself(data: bytes, whole: bool) -> None:
    sniffed = sniff_bytes(data, whole=whole)
    assert contradiction(sniffed.media_type, sniffed) is None
