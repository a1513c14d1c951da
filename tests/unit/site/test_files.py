"""Evidence on a site: what may lie there as it is, what is packed, and what is shown of it."""

from __future__ import annotations

import struct

import pytest

from archive.site.files import Served, picture_size, preview, served_as

PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 640, 480) + b"\x08\x02\x00\x00\x00"


@pytest.mark.parametrize(
    ("media_type", "head"),
    [
        ("text/html", b"<!doctype html><script>1</script>"),
        ("image/svg+xml", b"<svg onload='x'/>"),
        ("application/xhtml+xml", b"<html/>"),
        ("application/pdf", b"%PDF-1.7"),
        ("application/zip", b"PK\x03\x04"),
        ("text/plain", b"  \n<html><script>1</script>"),
        ("text/csv", b"\xef\xbb\xbf<script>"),
        ("application/json", b"<html>"),
        ("text/plain", b"%PDF-1.7"),
        ("text/plain", b"%!PS"),
        ("text/plain", "<script>".encode("utf-16")),
        ("text/plain", b"GIF89a\x00\x01"),
        ("image/png", b"<html>"),
        ("image/jpeg", PNG),
        ("image/png", b"\x89PNG\r\n\x1a\n short"),
        ("text/javascript", b"alert(1)"),
        (None, b"plain"),
    ],
)
def test_what_could_open_by_itself_is_packed(media_type: str | None, head: bytes) -> None:
    assert served_as("item", media_type, head) == Served("item.zip", packed=True)


@pytest.mark.parametrize(
    ("media_type", "head", "name"),
    [
        ("text/csv", b"a,b\n1,2\n", "item.csv"),
        ("text/plain; charset=utf-8", "文本".encode(), "item.txt"),
        ("application/json", b'{"a": "<b>"}', "item.json"),
        ("image/png", PNG, "item.png"),
    ],
)
def test_plain_text_and_pictures_lie_there_as_they_are(media_type: str, head: bytes, name: str) -> None:
    found = served_as("item", media_type, head)
    assert (found.name, found.packed) == (name, False)


@pytest.mark.parametrize(
    ("kind", "head"),
    [
        ("image/png", PNG),
        ("image/gif", b"GIF89a" + struct.pack("<HH", 640, 480)),
        (
            "image/jpeg",
            b"\xff\xd8\xff\xe0\x00\x04\x00\x00\xff\xc0\x00\x0b\x08" + struct.pack(">HH", 480, 640) + b"\x03",
        ),
        ("image/webp", b"RIFF....WEBPVP8X" + b"\x0a\x00\x00\x00....\x7f\x02\x00\xdf\x01\x00"),
    ],
)
def test_the_size_of_a_picture_is_read_from_its_head(kind: str, head: bytes) -> None:
    assert picture_size(head, kind) == (640, 480)


def test_a_picture_of_no_or_too_many_pixels_has_no_size() -> None:
    assert picture_size(PNG[:16] + struct.pack(">II", 0, 5), "image/png") is None
    assert picture_size(PNG[:16] + struct.pack(">II", 10**6, 5), "image/png") is None
    assert picture_size(PNG[:16] + struct.pack(">II", 20_000, 20_000), "image/png") is None  # a bomb


def test_a_table_is_shown_as_rows_and_bounded() -> None:
    data = b"row,value\n" + b"".join(b"r%d,%d\n" % (n, n) for n in range(150))
    shown = preview("text/csv", data, len(data))
    assert shown is not None
    assert (shown.form, shown.columns, len(shown.rows), shown.total, shown.whole) == (
        "table",
        ("row", "value"),
        100,
        150,
        False,
    )


def test_of_a_part_of_a_table_the_last_line_is_left_out() -> None:
    shown = preview("text/csv", b"a,b\n1,2\n3,", 1000)
    assert shown is not None
    assert shown.rows == (("1", "2"),)
    assert shown.total is None


def test_markup_is_shown_as_text_and_bytes_are_not() -> None:
    shown = preview("text/html", b"<script>1</script>", 18)
    assert shown is not None
    assert (shown.form, shown.text, shown.whole) == ("text", "<script>1</script>", True)
    assert preview("application/pdf", b"%PDF", 4) is None
    assert preview("text/plain", b"a\x00b", 3) is None
