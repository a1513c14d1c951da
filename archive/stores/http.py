"""One careful HTTP client for every store: deadlines, bounded bodies, bounded redirects, our own errors.

`requests` alone has no limit on the time or size of an answer: a server that sends one byte a minute, or never stops,
would hold us for ever.
"""

from __future__ import annotations

import contextlib
import email.utils
import http.client
import ipaddress
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import urlsplit

from archive.errors import ArchiveError, InvalidInputError, UnreachableError, UsageError

if TYPE_CHECKING:
    from requests import Response, Session

Clock = Callable[[], float]
Sleep = Callable[[float], None]
SessionFactory = Callable[[], "Session"]

MAX_REDIRECTS: Final = 3
MAX_TEXT: Final = 1 << 20  # JSON and text answers
_PIECE: Final = 1 << 16


class Sink(Protocol):
    """Anything with `write`."""

    def write(self, data: bytes, /) -> object: ...


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds. `deadline` bounds one whole exchange, retries of it included; the others bound one wait."""

    connect: float = 10.0
    read: float = 60.0
    deadline: float = 1800.0


def check_url(url: str, *, what: str) -> str:
    """The URL without its trailing slash; `config.bad_url` unless it is plain http(s) without a password."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise UsageError(f"{what}: not a URL", code="config.bad_url") from None
    if "@" in parts.netloc:
        # it would end up in messages and logs
        raise UsageError(f"{what}: a URL must not carry a password", code="config.bad_url")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"{what}: {url!r} is not an http(s) URL", code="config.bad_url")
    return url.rstrip("/")


def host_of(url: str) -> str:
    """Host name of a URL: who answers there, as far as we can tell from outside."""
    return urlsplit(url).hostname or url


def is_loopback(url: str) -> bool:
    host = host_of(url)
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def default_session() -> Session:
    import requests

    return requests.Session()


class Http:
    """Requests to one service. `code` is the prefix of its error codes (`store.gateway`), `what` its name in messages.

    `clock` and `sleep` are injectable, so that tests wait for nothing.
    """

    def __init__(
        self,
        base_url: str,
        *,
        code: str,
        what: str,
        timing: Timing | None = None,
        clock: Clock = time.monotonic,
        sleep: Sleep = time.sleep,
        session_factory: SessionFactory = default_session,
        attempts: int = 4,
    ) -> None:
        self.base_url = check_url(base_url, what=what)
        self.code = code
        self.what = what
        self.timing = timing or Timing()
        self.clock = clock
        self.sleep = sleep
        self.attempts = attempts
        self._factory = session_factory
        self._session: Session | None = None

    def _open(self) -> Session:
        if self._session is None:
            self._session = self._factory()
            self._session.max_redirects = MAX_REDIRECTS
            # bytes are hashed as they were stored; a server that recompresses them would change them
            self._session.headers["Accept-Encoding"] = "identity"
            if is_loopback(self.base_url):
                self._session.trust_env = False
        return self._session

    def unreachable(self, why: str, *, suffix: str = "unreachable") -> UnreachableError:
        return UnreachableError(
            f"{self.what}: {why}",
            code=f"{self.code}.{suffix}",
            hint=f"is it running and is the address right ({self.base_url})?"
            if suffix == "unreachable"
            else "ask another source, or try again later",
        )

    @contextlib.contextmanager
    def stream(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timing: Timing | None = None,
    ) -> Iterator[Response]:
        """One request, body not read yet. Foreign exceptions become `<code>.unreachable` or `<code>.timeout`."""
        import requests

        limits = timing or self.timing
        try:
            with self._open().request(
                method,
                self.base_url + path,
                params=params,
                headers=headers,
                data=body,
                stream=True,
                timeout=(limits.connect, limits.read),
                allow_redirects=method == "GET",
            ) as response:
                yield response
        except requests.TooManyRedirects:
            raise self.unreachable(f"more than {MAX_REDIRECTS} redirects", suffix="redirects") from None
        except requests.Timeout:
            raise self.unreachable("did not answer in time", suffix="timeout") from None
        except requests.ConnectionError as error:
            raise self.unreachable(f"cannot be reached ({_reason(error)})") from None
        except requests.RequestException as error:
            raise self.unreachable(f"the answer broke off ({_reason(error)})", suffix="broken_off") from None

    def _read(self, response: Response) -> bytes:
        """The next piece of a body, b"" at its end."""
        import urllib3

        # read1 gives what has arrived: a server that drips bytes cannot outlast the deadline inside one read
        read: Callable[[int], bytes] = getattr(response.raw, "read1", response.raw.read)
        try:
            return read(_PIECE)
        except (urllib3.exceptions.TimeoutError, TimeoutError):
            raise self.unreachable("stopped sending", suffix="timeout") from None
        except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError) as error:
            raise self.unreachable(f"the answer broke off ({_reason(error)})", suffix="broken_off") from None

    def download(
        self,
        response: Response,
        sink: Sink,
        *,
        max_bytes: int,
        started: float,
        deadline: float | None = None,
    ) -> int:
        """Copy a body to `sink`; its size in bytes. Refuses more than `max_bytes` and stops at the deadline."""
        limit = self.timing.deadline if deadline is None else deadline
        encoding = response.headers.get("Content-Encoding", "identity")
        if encoding not in ("", "identity"):
            raise self.unreachable(f"answered in encoding {encoding!r}, which was not asked for", suffix="encoded")
        declared = response.headers.get("Content-Length", "")
        expected = int(declared) if declared.isascii() and declared.isdigit() else None
        if expected is not None and expected > max_bytes:
            raise self._too_large(max_bytes)
        size = 0
        while piece := self._read(response):
            size += len(piece)
            if size > max_bytes:
                raise self._too_large(max_bytes)
            if self.clock() - started > limit:
                raise self.unreachable(f"still sending after {limit:.0f} s", suffix="timeout")
            sink.write(piece)
        if expected is not None and size != expected:
            raise self.unreachable(f"the answer broke off after {size:,} of {expected:,} bytes", suffix="broken_off")
        return size

    def _too_large(self, max_bytes: int) -> InvalidInputError:
        return InvalidInputError(
            f"{self.what}: sent more than {max_bytes:,} bytes", code="store.too_large", hint="ask another source"
        )

    def text(self, response: Response, *, started: float, max_bytes: int = MAX_TEXT) -> str:
        """A short body as text."""
        buffer = bytearray()
        self.download(response, _Buffer(buffer), max_bytes=max_bytes, started=started)
        return buffer.decode("utf-8", errors="replace")

    def ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timing: Timing | None = None,
    ) -> tuple[int, str]:
        """Status and text of a short answer; patient with 429, 5xx and lost connections.

        Only for requests that may be repeated. Waits as `Retry-After` says, else 1, 2, 4 … seconds; gives up after
        `attempts` tries or at the deadline, with the last reason.
        """
        limits = timing or self.timing
        started = self.clock()
        wait = 1.0
        for attempt in range(1, self.attempts + 1):
            asked: float | None = None
            try:
                with self.stream(method, path, params=params, headers=headers, body=body, timing=limits) as response:
                    status = response.status_code
                    if status != 429 and status < 500:
                        return status, self.text(response, started=self.clock())
                    asked = retry_after(response.headers.get("Retry-After"))
                    reason: ArchiveError = self.unreachable(
                        "asks us to come back later (429)" if status == 429 else f"answered {status}",
                        suffix="busy" if status == 429 else "server_error",
                    )
            except UnreachableError as error:
                reason = error
            pause = wait if asked is None else asked
            if attempt == self.attempts or self.clock() - started + pause > limits.deadline:
                raise reason
            self.sleep(pause)
            wait = min(wait * 2, 30.0)
        raise AssertionError("unreachable: the loop returns or raises")

    def close(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None


class _Buffer:
    def __init__(self, buffer: bytearray) -> None:
        self._buffer = buffer

    def write(self, data: bytes, /) -> int:
        self._buffer += data
        return len(data)


def retry_after(value: str | None, *, now: Callable[[], float] = time.time) -> float | None:
    """Seconds of a `Retry-After` header (a number or an HTTP date), at most an hour; None when absent or malformed."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return min(float(text), 3600.0)
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    return min(max(moment.timestamp() - now(), 0.0), 3600.0)


def _reason(error: Any) -> str:
    """The innermost words of a nested network error, without object addresses."""
    text = str(error)
    for mark in ("Connection refused", "Name or service not known", "Connection reset", "certificate verify failed"):
        if mark in text:
            return mark.lower()
    return type(error).__name__
