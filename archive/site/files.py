"""Evidence on a site: which bytes may lie there under which name, and what is shown of them. Pure.

A file of a stranger must never open as a page of this site, on any host. Hosts tell a file's type by its name, and some
by its first bytes, so a file is served as it is only when both say that nothing in it can run: pictures of four kinds
by their magic numbers, and text that does not begin like a document. All else is packed in a ZIP.
"""

from __future__ import annotations

import csv
import io
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

HEAD_BYTES: Final = 64 * 1024  # enough to tell and to preview
MAX_ROWS: Final = 100
MAX_COLUMNS: Final = 40
MAX_CELL: Final = 400
MAX_PREVIEW: Final = 6_000
MAX_TABLE_BYTES: Final = 90_000
MAX_PIXELS: Final = 20_000  # of one side
MAX_AREA: Final = 64_000_000  # pixels: a few bytes can unpack to gigabytes in whoever opens the page

_TEXT_TYPES: Final = {
    "text/csv": "csv",
    "text/tab-separated-values": "tsv",
    "text/plain": "txt",
    "application/json": "json",
    "application/jsonl": "jsonl",
    "application/x-ndjson": "jsonl",
    "text/markdown": "txt",
}
_PICTURES: Final = {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp"}
_SHOWN_AS_TEXT: Final = re.compile(
    r"text/.*|application/(json|jsonl|x-ndjson|xml|xhtml\+xml|javascript|ecmascript|yaml)|image/svg\+xml|.*\+(xml|json)"
)
# What sniffers take for a document although it is called text: markup, PDF, PostScript.
_DOCUMENT: Final = re.compile(rb"\A(\xef\xbb\xbf)?[\s\x00]*(<|%PDF|%!PS|\{\\rtf)")
_BINARY: Final = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


@dataclass(frozen=True, slots=True)
class Served:
    """How a file lies on the site: its name there, packed or not; `picture` with its size in pixels."""

    name: str
    packed: bool
    picture: tuple[int, int] | None = None


def served_as(identifier: str, media_type: str | None, head: bytes) -> Served:
    """The name and form of an evidence file on the site, by its id, stated type and first bytes."""
    kind = (media_type or "").partition(";")[0].strip().lower()
    if kind in _PICTURES and picture_kind(head) == kind:
        size = picture_size(head, kind)
        if size is not None:
            return Served(f"{identifier}.{_PICTURES[kind]}", False, size)
    if kind in _TEXT_TYPES and is_plain(head):
        return Served(f"{identifier}.{_TEXT_TYPES[kind]}", False)
    return Served(f"{identifier}.zip", True)


def is_plain(head: bytes) -> bool:
    """Whether no sniffer takes these bytes for anything but text."""
    return not _DOCUMENT.match(head[:4096]) and not _BINARY.search(head) and not _utf16(head)


def _utf16(head: bytes) -> bool:
    return head[:2] in (b"\xff\xfe", b"\xfe\xff")


def picture_kind(head: bytes) -> str | None:
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return None


def picture_size(head: bytes, kind: str) -> tuple[int, int] | None:
    """Width and height in pixels, so that a page does not jump when it comes; None when they cannot be told."""
    try:
        size = _SIZES[kind](head)
    except (struct.error, IndexError):
        return None
    if size is None or not all(0 < side <= MAX_PIXELS for side in size) or size[0] * size[1] > MAX_AREA:
        return None
    return size


def _png(head: bytes) -> tuple[int, int] | None:
    return struct.unpack(">II", head[16:24]) if head[12:16] == b"IHDR" else None


def _gif(head: bytes) -> tuple[int, int] | None:
    return struct.unpack("<HH", head[6:10])


def _jpeg(head: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(head) and head[at] == 0xFF:
        marker = head[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", head[at + 5 : at + 9])
            return width, height
        at += 2 + struct.unpack(">H", head[at + 2 : at + 4])[0]
    return None


def _webp(head: bytes) -> tuple[int, int] | None:
    form = head[12:16]
    if form == b"VP8X":
        return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
    if form == b"VP8 ":
        width, height = struct.unpack("<HH", head[26:30])
        return width & 0x3FFF, height & 0x3FFF
    if form == b"VP8L":
        bits = struct.unpack("<I", head[21:25])[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return None


_SIZES: Final = {"image/png": _png, "image/jpeg": _jpeg, "image/gif": _gif, "image/webp": _webp}


@dataclass(frozen=True, slots=True)
class Preview:
    """What a page shows of a file: rows of a table, or the beginning as text. `total` counts rows where all were read.

    `whole` is True when nothing was left out.
    """

    form: Literal["table", "text"]
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    text: str = ""
    total: int | None = None
    whole: bool = False
    shown_bytes: int = 0


def preview(media_type: str | None, head: bytes, size: int) -> Preview | None:
    """A bounded look into a file, by its stated type; None for what is not text."""
    kind = (media_type or "").partition(";")[0].strip().lower()
    if not _SHOWN_AS_TEXT.fullmatch(kind) or b"\x00" in head:
        return None
    if kind in ("text/csv", "text/tab-separated-values"):
        table = _table(head, "\t" if kind.endswith("values") else ",", len(head) >= size)
        if table is not None:
            return table
    shown = head[:MAX_PREVIEW]
    return Preview("text", text=shown.decode("utf-8", "replace"), whole=len(shown) >= size, shown_bytes=len(shown))


def _table(head: bytes, delimiter: str, whole: bool) -> Preview | None:
    try:
        text = head.decode("utf-8-sig", "strict" if whole else "replace")
    except UnicodeDecodeError:
        return None
    if not whole:
        text = text.rpartition("\n")[0]
    try:
        lines = list(_lines(text, delimiter))
    except csv.Error:
        return None
    if not lines:
        return None
    columns = tuple(cell[:MAX_CELL] for cell in lines[0][:MAX_COLUMNS])
    rows: list[tuple[str, ...]] = []
    used = 0
    for line in lines[1 : MAX_ROWS + 1]:
        cells = tuple(cell[:MAX_CELL] for cell in line[: len(columns)])
        used += sum(len(cell.encode()) + 20 for cell in cells)
        if used > MAX_TABLE_BYTES:
            break
        rows.append(cells + ("",) * (len(columns) - len(cells)))
    total = len(lines) - 1 if whole else None
    return Preview("table", columns, tuple(rows), total=total, whole=total == len(rows))


def _lines(text: str, delimiter: str) -> Iterator[list[str]]:
    for line in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
        if line:
            yield line
