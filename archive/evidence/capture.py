"""Recording a web page as WACZ: every answer of the server as it was sent, what the page shows, and a picture.

The page is fetched without cookies, keys or referrer; then what it is made of (images, styles, scripts), up to limits.
Redirects are recorded hop by hop. A page of the open network cannot send the recorder into the private one.
"""

from __future__ import annotations

import contextlib
import hashlib
import html.parser
import io
import ipaddress
import json
import os
import socket
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit, urlunsplit

from archive import __version__
from archive.errors import InvalidInputError, MissingDependencyError, RefusedError, UnreachableError, UsageError
from archive.evidence.capture_browser import Screenshot, take_screenshot
from archive.evidence.readers.web import (
    CAPTURE_HINT,
    StatementDiff,
    WarcRecord,
    diff_lines,
    is_wacz,
    visible_lines,
    wacz_problems,
    warc_records,
    zip_bytes,
)

if TYPE_CHECKING:
    import requests

MEDIA_TYPE = "application/wacz"
USER_AGENT = f"incident-archive/{__version__} (capture)"
MAX_HOPS = 10
MAX_PARTS = 200
MAX_PART_BYTES = 32 << 20
MAX_PAGE_BYTES = 64 << 20
MAX_TOTAL_BYTES = 256 << 20
TIMEOUT_S = (10.0, 30.0)
FULL_PAGE = "urn:fullpage:"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_LISTED = 20


@dataclass(frozen=True, slots=True)
class Capture:
    """A recorded page. `skipped` says what was left out and why."""

    path: Path
    url: str
    final_url: str
    captured_at: datetime
    status: int
    title: str | None
    records: int
    size: int
    sha256: str
    screenshot: Screenshot
    skipped: tuple[str, ...] = ()

    @property
    def how(self) -> str:
        """The words for the record's `captured.how`."""
        if self.screenshot.png is None:
            picture = f"no screenshot: {self.screenshot.skipped}"
        else:
            picture = f"screenshot of a second visit by {self.screenshot.browser}"
            picture += ", cut at 16,384 pixels" if self.screenshot.cut else ""
        return f"archive capture {__version__} (warcio, wacz), {self.records} answers; {picture}"


@dataclass(frozen=True, slots=True)
class Change:
    """What changed between two captures of one page."""

    url: str
    before: str
    after: str
    status: tuple[str | None, str | None]
    last_modified: tuple[str | None, str | None]
    text: StatementDiff
    parts_changed: tuple[str, ...] = ()
    parts_gone: tuple[str, ...] = ()
    parts_new: tuple[str, ...] = ()
    same_bytes: bool = False

    @property
    def changed(self) -> bool:
        """Whether what a reader sees or the server's answer differs; parts alone are told, not counted."""
        return not self.text.same or self.status[0] != self.status[1]


@dataclass(slots=True)
class _Recorder:
    """One WARC being written, and what was left out."""

    session: requests.Session
    writer: Any
    private_allowed: bool
    records: int = 0
    bytes: int = 0
    times: dict[str, str] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)

    def skip(self, what: str) -> None:
        if len(self.skipped) < _LISTED:
            self.skipped.append(what)


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.casefold() == name.casefold()), None)


def capture_page(url: str, folder: Path, *, screenshot: bool = True, name: str | None = None) -> Capture:
    """Record a page into a new WACZ file.

    Args:
        url: http or https address without user information.
        folder: where the file goes; made when it is not there.
        screenshot: whether a Chromium that is installed takes a picture.
        name: the file's name; by default host and time.

    Raises:
        UsageError: `capture.url`.
        UnreachableError: `capture.unreachable`, `capture.timeout`.
        RefusedError: `capture.private`, `capture.redirects`, `capture.exists`.
        InvalidInputError: `capture.too_large`.
        MissingDependencyError: `capture.extra`.
    """
    url = _check_url(url)
    require_libraries()
    at = datetime.now(UTC).replace(microsecond=0)
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / (name or f"{_slug(url)}-{at:%Y%m%dT%H%M%SZ}.wacz")
    if target.exists():
        raise RefusedError(f"{target}: there is such a file already", code="capture.exists")
    with tempfile.TemporaryDirectory(prefix="archive-capture-", ignore_cleanup_errors=True) as temporary:
        work = Path(temporary)
        warc = work / "data.warc.gz"
        with warc.open("wb") as sink, _recorder(sink, url) as recorder:
            final, answer = _record_page(recorder, url)
            page = _decoded(answer)
            for part in _parts(page, final, answer):
                _record_part(recorder, part)
            shot = take_screenshot(url) if screenshot else Screenshot(None, "not asked for")
            if shot.png is not None:
                _write_resource(recorder, FULL_PAGE + url, "image/png", shot.png)
        title = _title(page, answer)
        made = work / "made.wacz"
        _make_wacz(made, warc, final, recorder.times[final], title)
        data = made.read_bytes()
        _write_new(target, data)
    return Capture(
        target,
        url,
        final,
        at,
        answer.status,
        title,
        recorder.records,
        len(data),
        hashlib.sha256(data).hexdigest(),
        shot,
        tuple(recorder.skipped),
    )


def page_url(path: Path) -> str:
    """The address of the page that a capture is of.

    Raises:
        InvalidInputError: `capture.no_page`, `capture.warc`, `table.container`.
    """
    return _page_record(path)[0].url


def compare(old: Path, new: Path) -> Change:
    """What changed from one capture to a later one: status, text, headers, parts.

    Raises:
        InvalidInputError: `capture.no_page`, `capture.warc`, `capture.wacz`, `table.container`.
    """
    before, before_parts = _page_record(old)
    after, after_parts = _page_record(new)
    text = diff_lines(
        visible_lines(before.payload or b"", before.media_type),
        visible_lines(after.payload or b"", after.media_type),
        f"{before.url} {before.time}",
        f"{after.url} {after.time}",
    )
    both = before_parts.keys() & after_parts.keys()
    return Change(
        after.url,
        before.time,
        after.time,
        (before.status, after.status),
        (before.last_modified, after.last_modified),
        text,
        tuple(sorted(name for name in both if before_parts[name] != after_parts[name])),
        tuple(sorted(before_parts.keys() - after_parts.keys())),
        tuple(sorted(after_parts.keys() - before_parts.keys())),
        before.sha256 == after.sha256,
    )


def require_libraries() -> None:
    from importlib.util import find_spec

    if find_spec("warcio") is None or find_spec("wacz") is None:
        raise MissingDependencyError(
            "recording a page needs warcio and wacz, which are not installed", code="capture.extra", hint=CAPTURE_HINT
        )


def _check_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or port == 0:
        raise UsageError(
            f"{url[:200]}: not the address of a page",
            code="capture.url",
            hint="an address starts with https:// or http:// and holds no name or password",
        )
    return urlunsplit((parts.scheme, parts.netloc, parts.path or "/", parts.query, ""))


def _slug(url: str) -> str:
    host = urlsplit(url).hostname or "page"
    return "".join(char if char.isalnum() else "-" for char in host.casefold())[:60].strip("-") or "page"


def _write_new(target: Path, data: bytes) -> None:
    """A file that was not there: written beside and linked into place, so that none is ever overwritten."""
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=".capture-")
    try:
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        Path(name).chmod(0o644)
        os.link(name, target)
    except FileExistsError:
        raise RefusedError(f"{target}: there is such a file already", code="capture.exists") from None
    finally:
        Path(name).unlink(missing_ok=True)


# Fetching and recording


@contextlib.contextmanager
def _recorder(sink: Any, url: str) -> Iterator[_Recorder]:
    import requests
    from warcio.warcwriter import WARCWriter

    with requests.Session() as session:
        session.headers.clear()
        session.headers.update({"User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "gzip, deflate"})
        session.trust_env = False  # no keys of a .netrc are sent anywhere
        recorder = _Recorder(session, WARCWriter(sink, gzip=True), _is_private(url))
        info = {"software": USER_AGENT, "format": "WARC File Format 1.1"}
        recorder.writer.write_record(recorder.writer.create_warcinfo_record("data.warc.gz", info))
        yield recorder


def _is_private(url: str) -> bool:
    """Whether an address leads to this machine or a private network; one that has no address leads nowhere."""
    host = urlsplit(url).hostname or ""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return False
    return any(not ipaddress.ip_address(str(entry[4][0]).split("%", 1)[0]).is_global for entry in found)


def _record_page(recorder: _Recorder, url: str) -> tuple[str, _Answer]:
    for _ in range(MAX_HOPS):
        answer = _fetch(recorder, url, MAX_PAGE_BYTES)
        place = answer.header("Location")
        if answer.status not in _REDIRECTS or not place:
            return url, answer
        url = _check_url(urljoin(url, place))
        if not recorder.private_allowed and _is_private(url):
            raise RefusedError(
                f"{url[:200]}: a page of the open network leads into a private one", code="capture.private"
            )
    raise RefusedError(f"{url[:200]}: more than {MAX_HOPS} redirects", code="capture.redirects")


def _record_part(recorder: _Recorder, url: str) -> None:
    if recorder.bytes > MAX_TOTAL_BYTES:
        recorder.skip(f"{url[:200]}: the capture has 256 MiB already")
        return
    try:
        url = _check_url(url)
        if not recorder.private_allowed and _is_private(url):
            recorder.skip(f"{url[:200]}: leads into a private network")
            return
        answer = _fetch(recorder, url, MAX_PART_BYTES)
        if answer.status in _REDIRECTS:
            recorder.skip(f"{url[:200]}: leads elsewhere; recorded, not followed")
    except (UsageError, UnreachableError, InvalidInputError) as error:
        recorder.skip(error.message)


def _fetch(recorder: _Recorder, url: str, limit: int) -> _Answer:
    import requests

    try:
        with recorder.session.get(url, stream=True, timeout=TIMEOUT_S, allow_redirects=False) as response:
            body = bytearray()
            while chunk := response.raw.read(1 << 16, decode_content=False):
                body += chunk
                if len(body) > limit:
                    raise InvalidInputError(f"{url[:200]}: longer than {limit >> 20} MiB", code="capture.too_large")
            headers = tuple((str(key), str(value)) for key, value in response.raw.headers.items())
            answer = _Answer(response.status_code, headers, bytes(body))
            reason, version = response.reason or "", response.raw.version
    except requests.Timeout as error:
        raise UnreachableError(f"{url[:200]}: no answer in time", code="capture.timeout") from error
    except (requests.RequestException, OSError, ValueError) as error:
        raise _unreachable(url, error) from error
    except Exception as error:
        # urllib3 raises its own errors from the raw stream.
        if type(error).__module__.startswith("urllib3"):
            raise _unreachable(url, error) from error
        raise
    _write_answer(recorder, url, answer, reason, version)
    return answer


def _unreachable(url: str, error: Exception) -> UnreachableError:
    return UnreachableError(f"{url[:200]}: cannot be fetched: {type(error).__name__}", code="capture.unreachable")


def _write_answer(recorder: _Recorder, url: str, answer: _Answer, reason: str, version: int) -> None:
    from warcio.statusandheaders import StatusAndHeaders

    protocol = "HTTP/1.0" if version == 10 else "HTTP/1.1"
    # The stream was unchunked on the way; its header is kept under another name, so that nobody does it again.
    headers = [
        (f"X-Archive-Orig-{key}" if key.casefold() == "transfer-encoding" else key, value)
        for key, value in answer.headers
    ]
    asked = StatusAndHeaders(
        f"GET {urlunsplit(('', '', *urlsplit(url)[2:4], '')) or '/'} HTTP/1.1",
        [("Host", urlsplit(url).netloc), ("User-Agent", USER_AGENT), ("Accept-Encoding", "gzip, deflate")],
        is_http_request=True,
    )
    said = StatusAndHeaders(f"{answer.status} {reason}".strip(), headers, protocol=protocol)
    make = recorder.writer.create_warc_record
    response = make(url, "response", payload=io.BytesIO(answer.body), http_headers=said)
    request = make(url, "request", http_headers=asked)
    recorder.writer.write_request_response_pair(request, response)
    recorder.times[url] = response.rec_headers.get_header("WARC-Date")
    recorder.records += 1
    recorder.bytes += len(answer.body)


def _write_resource(recorder: _Recorder, name: str, media_type: str, data: bytes) -> None:
    record = recorder.writer.create_warc_record(
        name, "resource", payload=io.BytesIO(data), warc_content_type=media_type, length=len(data)
    )
    recorder.writer.write_record(record)


def _decoded(answer: _Answer) -> bytes:
    """The page's bytes without their compression, for reading only; broken compression gives nothing."""
    import zlib

    coding = (answer.header("Content-Encoding") or "").strip().casefold()
    if coding not in ("gzip", "deflate"):
        return answer.body
    try:
        inflater = zlib.decompressobj(47 if coding == "gzip" else 15)
        return inflater.decompress(answer.body, MAX_PAGE_BYTES)
    except zlib.error:
        return b""


class _Page(html.parser.HTMLParser):
    """The title, and the addresses of what a page is made of."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: dict[str, None] = {}
        self.base: str | None = None
        self.title = ""
        self._in_title = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {key: value for key, value in attrs if value}
        if tag == "title":
            self._in_title = True
        elif tag == "base" and self.base is None:
            self.base = known.get("href")
        elif tag in ("img", "script", "source", "iframe", "embed") and "src" in known:
            self._add(known["src"])
        elif tag == "link" and {"stylesheet", "icon"} & set((known.get("rel") or "").casefold().split()):
            self._add(known.get("href"))

    def handle_endtag(self, tag: str) -> None:
        if tag == "title":
            self._in_title = False

    def handle_data(self, data: str) -> None:
        if self._in_title and len(self.title) < 500:
            self.title += data

    def _add(self, address: str | None) -> None:
        if address and len(self.parts) <= MAX_PARTS and not address.strip().casefold().startswith("data:"):
            self.parts[address.strip()] = None


def _read_page(page: bytes, answer: _Answer) -> _Page | None:
    if "html" not in (answer.header("Content-Type") or "").casefold():
        return None
    parser = _Page()
    try:
        parser.feed(page.decode("utf-8", "replace"))
        parser.close()
    except (AssertionError, ValueError, RecursionError):
        return None
    return parser


def _parts(page: bytes, url: str, answer: _Answer) -> Sequence[str]:
    parser = _read_page(page, answer)
    if parser is None:
        return ()
    found: dict[str, None] = {}
    for address in list(parser.parts)[:MAX_PARTS]:
        with contextlib.suppress(ValueError):
            joined = urljoin(urljoin(url, parser.base) if parser.base else url, address).split("#", 1)[0]
            if joined.startswith(("http://", "https://")) and joined != url:
                found[joined] = None
    return tuple(found)


def _title(page: bytes, answer: _Answer) -> str | None:
    parser = _read_page(page, answer)
    title = " ".join(parser.title.split())[:500] if parser is not None else ""
    return title or None


# WACZ


def _make_wacz(target: Path, warc: Path, url: str, stamp: str, title: str | None) -> None:
    from wacz.main import main as wacz_main

    pages = warc.with_name("pages.jsonl")
    header = {"format": "json-pages-1.0", "id": "pages", "title": "All Pages"}
    page = {"id": uuid.uuid4().hex, "url": url, "ts": stamp, **({"title": title} if title else {})}
    pages.write_text("".join(json.dumps(line) + "\n" for line in (header, page)), encoding="utf-8")
    words = ["create", "-o", str(target), "-f", str(warc), "-p", str(pages), "--copy-pages", "--hash-type", "sha256"]
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            failed = wacz_main(words)
    except (Exception, SystemExit) as error:
        raise _no_wacz(str(error) or type(error).__name__) from error
    if failed:
        raise _no_wacz(said.getvalue().strip().rsplit("\n", 1)[-1])
    problems = wacz_problems(target)
    if problems:
        raise _no_wacz(problems[0][1])


def _no_wacz(why: str) -> InvalidInputError:
    return InvalidInputError(f"the recording could not be made into a WACZ: {why[:200]}", code="capture.wacz")


def _page_record(path: Path) -> tuple[WarcRecord, dict[str, str]]:
    """The record of a capture's page with its payload, and the hashes of all its other parts by address."""
    if not path.is_file():
        raise InvalidInputError(f"{path}: there is no such file", code="capture.no_page")
    wanted = _listed_page(path) if is_wacz(path) else None
    page: WarcRecord | None = None
    parts: dict[str, str] = {}
    for record in warc_records(path, payload_limit=MAX_PAGE_BYTES):
        if record.record_type == "response":
            is_page = record.url == wanted if wanted else record.status not in {str(code) for code in _REDIRECTS}
            if page is None and is_page:
                page = record
                continue
            parts[record.url] = record.sha256
    if page is None:
        raise InvalidInputError(f"{path}: no page is in the capture", code="capture.no_page")
    return page, parts


def _listed_page(path: Path) -> str | None:
    for line in (zip_bytes(path, "pages/pages.jsonl") or b"").splitlines():
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and isinstance(value.get("url"), str):
            return str(value["url"])
    return None
