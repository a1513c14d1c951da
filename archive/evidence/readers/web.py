"""Captured pages and texts: WARC, WACZ, HTML, plain text. Also what a WACZ says of itself, against its bytes.

A statement's text is the visible text of the page: one line per block, white space folded, scripts and styles left
out. Nothing in a page is run or fetched.
"""

from __future__ import annotations

import hashlib
import html.parser
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from archive.errors import InvalidInputError, MissingDependencyError
from archive.evidence.readers.opening import Packed, members
from archive.evidence.readers.source import MAX_DOCUMENT_BYTES, Complain, SourceBatch

CAPTURE_HINT = 'pip install "incident-archive[capture]"'
RECORD_NAMES = (
    "time",
    "url",
    "record_type",
    "http_status",
    "media_type",
    "last_modified",
    "server_date",
    "size",
    "sha256",
)
MAX_RECORDS = 1_000_000
_DATAPACKAGE = "datapackage.json"
_SKIPPED = frozenset({"script", "style", "noscript", "template", "head", "svg"})
_BLOCKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "br",
        "caption",
        "dd",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "header",
        "hr",
        "li",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "legend",
        "main",
        "nav",
        "ol",
        "option",
        "p",
        "pre",
        "section",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "title",
        "tr",
        "ul",
    ]
)


@dataclass(frozen=True, slots=True)
class WarcRecord:
    """One exchange of a capture. `payload` only where it was asked for."""

    time: str
    url: str
    record_type: str
    status: str | None
    media_type: str | None
    last_modified: str | None
    server_date: str | None
    size: int
    sha256: str
    payload: bytes | None = None


def warc_records(path: Path, *, payload_limit: int = 0) -> Iterator[WarcRecord]:
    """The records of a WARC (plain or gzip) or of all WARCs of a WACZ, in order.

    Raises:
        InvalidInputError: `capture.warc`, `table.container`.
        MissingDependencyError: `capture.extra`.
    """
    for name, stream in _warcs(path):
        yield from _read_warc(path, name, stream, payload_limit)


def _warcs(path: Path) -> Iterator[tuple[str, BinaryIO]]:
    if not is_wacz(path):
        with Packed(path, "plain").open() as stream:
            yield path.name, stream
        return
    for info in members(path):
        if info.filename.startswith("archive/") and info.filename.endswith((".warc", ".warc.gz")):
            with Packed(path, "zip", info.filename).open() as stream:
                yield info.filename, stream


def is_wacz(path: Path) -> bool:
    with Packed(path, "plain").open() as stream:
        if stream.read(4) != b"PK\x03\x04":
            return False
    return any(info.filename == _DATAPACKAGE for info in members(path))


def _read_warc(path: Path, name: str, stream: BinaryIO, payload_limit: int) -> Iterator[WarcRecord]:
    try:
        from warcio.archiveiterator import ArchiveIterator
        from warcio.exceptions import ArchiveLoadFailed
    except ImportError as error:
        raise MissingDependencyError(
            "reading a web archive needs warcio, which is not installed", code="capture.extra", hint=CAPTURE_HINT
        ) from error
    foreign = (ArchiveLoadFailed, ValueError, OSError, KeyError, TypeError, AttributeError, IndexError, EOFError)
    try:
        for number, record in enumerate(ArchiveIterator(stream)):
            if number >= MAX_RECORDS:
                raise InvalidInputError(f"{path}: {name}: more than 1,000,000 records", code="capture.warc")
            if record.rec_type in ("response", "resource", "revisit"):
                yield _record(record, payload_limit)
    except foreign as error:
        raise InvalidInputError(
            f"{path}: {name}: not a readable WARC: {str(error)[:160] or type(error).__name__}",
            code="capture.warc",
            hint="was the file cut off?",
        ) from error


def _record(record: Any, payload_limit: int) -> WarcRecord:
    headers = record.http_headers
    digest, size = hashlib.sha256(), 0
    kept = bytearray()
    stream = record.content_stream()
    while chunk := stream.read(1 << 16):
        digest.update(chunk)
        size += len(chunk)
        if size <= payload_limit:
            kept += chunk

    def header(name: str) -> str | None:
        value = headers.get_header(name) if headers is not None else None
        return None if value is None else str(value)

    media_type = header("Content-Type") if headers is not None else record.rec_headers.get_header("Content-Type")
    return WarcRecord(
        time=record.rec_headers.get_header("WARC-Date") or "",
        url=record.rec_headers.get_header("WARC-Target-URI") or "",
        record_type=record.rec_type,
        status=headers.get_statuscode() if headers is not None else None,
        media_type=media_type,
        last_modified=header("Last-Modified"),
        server_date=header("Date"),
        size=size,
        sha256=digest.hexdigest(),
        payload=bytes(kept) if payload_limit and size <= payload_limit else None,
    )


@dataclass(frozen=True, slots=True)
class WebReader:
    """`web-capture`: one row per exchange. An HTML file without its exchange is one row without status."""

    path: Path

    def read(self, wanted: frozenset[str], *, raw: bool, complain: Complain) -> Iterator[SourceBatch]:
        pending: list[WarcRecord] = []
        row = 1
        for record in warc_records(self.path):
            pending.append(record)
            if len(pending) >= 4_096:
                yield _batch(pending, row)
                row += len(pending)
                pending = []
        if pending:
            yield _batch(pending, row)
        if is_wacz(self.path):
            for name, message in wacz_problems(self.path):
                complain(name, message, 1)


def _batch(records: list[WarcRecord], first: int) -> SourceBatch:
    import pyarrow as pa

    rows: list[tuple[str | None, ...]] = [
        (r.time, r.url, r.record_type, r.status, r.media_type, r.last_modified, r.server_date, str(r.size), r.sha256)
        for r in records
    ]
    columns = {name: pa.array([_encoded(row[i]) for row in rows], pa.binary()) for i, name in enumerate(RECORD_NAMES)}
    return SourceBatch(columns, pa.array(range(first, first + len(rows)), pa.int64()))


def _encoded(text: str | None) -> bytes | None:
    return None if text is None else text.encode("utf-8", "replace")


def wacz_problems(path: Path) -> list[tuple[str, str]]:
    """What a WACZ's manifest and its bytes do not agree on: every listed file is read, and none may be unlisted.

    The manifest leads, not the disk: a listed file that is absent is told (a known fault of other checkers).
    """
    problems: list[tuple[str, str]] = []
    with Packed(path, "zip", _DATAPACKAGE).open() as stream:
        data = stream.read(MAX_DOCUMENT_BYTES)
    try:
        package = json.loads(data)
        listed = {str(item["path"]): (str(item["hash"]), int(item["bytes"])) for item in package["resources"]}
    except (ValueError, TypeError, KeyError, RecursionError):
        return [("capture.wacz_manifest", "datapackage.json is not readable as a WACZ manifest")]
    present = {info.filename for info in members(path)}
    for name, (stated, size) in sorted(listed.items()):
        if name not in present:
            problems.append(("capture.wacz_missing", f"{name[:200]} is listed and not in it"))
            continue
        digest, count = hashlib.sha256(), 0
        with Packed(path, "zip", name).open() as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
                count += len(chunk)
        if stated.startswith("sha256:") and (stated.removeprefix("sha256:") != digest.hexdigest() or count != size):
            problems.append(("capture.wacz_digest", f"{name[:200]} is not what the manifest says"))
        elif not stated.startswith("sha256:"):
            problems.append(("capture.wacz_hash", f"{name[:200]} has no SHA-256 in the manifest"))
    for name in sorted(present - set(listed) - {_DATAPACKAGE, "datapackage-digest.json"}):
        problems.append(("capture.wacz_unlisted", f"{name[:200]} is in it and not listed"))
    return problems


class _Text(html.parser.HTMLParser):
    """Visible text by blocks."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[str] = []
        self._words: list[str] = []
        self._skipped: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SKIPPED and tag != "head":
            self._skipped.append(tag)
        if tag in _BLOCKS:
            self._end_line()

    def handle_endtag(self, tag: str) -> None:
        if self._skipped and tag == self._skipped[-1]:
            self._skipped.pop()
        if tag in _BLOCKS:
            self._end_line()

    def handle_data(self, data: str) -> None:
        if not self._skipped:
            self._words.append(data)

    def _end_line(self) -> None:
        line = " ".join("".join(self._words).split())
        if line:
            self.lines.append(line)
        self._words.clear()

    def close(self) -> None:
        super().close()
        self._end_line()


def visible_lines(data: bytes, media_type: str | None = None) -> list[str]:
    """The lines of a page or text. Bytes that are no UTF-8 are replaced: this is for reading and comparing."""
    charset = "utf-8"
    if media_type and "charset=" in media_type.casefold():
        charset = media_type.casefold().split("charset=", 1)[1].split(";", 1)[0].strip(" \"'")
    try:
        text = data.decode(charset, "replace")
    except LookupError:
        text = data.decode("utf-8", "replace")
    text = text.removeprefix("\ufeff")
    head = text[:4096].lstrip().casefold()
    is_html = "html" in (media_type or "") or head.startswith(("<!doctype html", "<html")) or "<body" in head
    if not is_html:
        return [line for line in (" ".join(line.split()) for line in text.splitlines()) if line]
    parser = _Text()
    try:
        parser.feed(text)
        parser.close()
    except (AssertionError, ValueError, RecursionError):
        return [line for line in (" ".join(line.split()) for line in text.splitlines()) if line]
    return parser.lines


def statement_lines(path: Path) -> list[str]:
    """The text of a statement: of a text or HTML file, or of the first page of a capture.

    Raises:
        InvalidInputError: `capture.no_page`, `table.…`.
    """
    with Packed(path, "plain").open() as stream:
        head = stream.read(8)
    if head.startswith((b"WARC/", b"PK\x03\x04")) or head[:2] == b"\x1f\x8b":
        for record in warc_records(path, payload_limit=MAX_DOCUMENT_BYTES):
            kind = (record.media_type or "").casefold()
            if record.payload is not None and record.record_type == "response" and ("html" in kind or "text/" in kind):
                return visible_lines(record.payload, record.media_type)
        raise InvalidInputError(f"{path}: no page with text is in the capture", code="capture.no_page")
    with Packed(path, "plain").open() as stream:
        data = stream.read(MAX_DOCUMENT_BYTES + 1)
    if len(data) > MAX_DOCUMENT_BYTES:
        raise InvalidInputError(f"{path}: a statement of more than 64 MiB", code="table.too_large")
    return visible_lines(data)


@dataclass(frozen=True, slots=True)
class StatementReader:
    path: Path

    def read(self, wanted: frozenset[str], *, raw: bool, complain: Complain) -> Iterator[SourceBatch]:
        import pyarrow as pa

        lines = [line.encode("utf-8", "replace") for line in statement_lines(self.path)]
        if lines:
            rows = pa.array(range(1, len(lines) + 1), pa.int64())
            cells = pa.array(lines, pa.binary())
            yield SourceBatch({"text": cells}, rows, cells if raw else None)


@dataclass(frozen=True, slots=True)
class StatementDiff:
    """What changed between two versions of a statement: lines that went, lines that came, and both in order."""

    removed: tuple[str, ...] = field(default=())
    added: tuple[str, ...] = field(default=())
    unified: tuple[str, ...] = field(default=())

    @property
    def same(self) -> bool:
        return not self.removed and not self.added


def diff_statements(old: Path, new: Path) -> StatementDiff:
    """Compare the visible text of two versions of a statement, line by line.

    Raises:
        InvalidInputError: as `statement_lines`.
    """
    return diff_lines(statement_lines(old), statement_lines(new), str(old), str(new))


def diff_lines(before: list[str], after: list[str], old: str = "before", new: str = "after") -> StatementDiff:
    import difflib

    unified = tuple(difflib.unified_diff(before, after, old, new, lineterm="", n=1))
    body = unified[2:]
    return StatementDiff(
        tuple(line[1:] for line in body if line.startswith("-")),
        tuple(line[1:] for line in body if line.startswith("+")),
        unified,
    )


def zip_bytes(path: Path, name: str, limit: int = MAX_DOCUMENT_BYTES) -> bytes | None:
    """A member of a zip archive, or None when there is none of that name or it is longer than the limit."""
    if all(info.filename != name for info in members(path)):
        return None
    with Packed(path, "zip", name).open() as stream:
        data = stream.read(limit + 1)
    return data if len(data) <= limit else None
