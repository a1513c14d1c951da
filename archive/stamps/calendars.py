"""Asking OpenTimestamps calendars: `POST /digest` for a promise, `GET /timestamp/<hex>` for what came of it."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Final
from urllib.parse import urlsplit

from archive.errors import ArchiveError, InvalidInputError
from archive.stamps.config import CalendarConfig
from archive.stamps.http import CLOCK_TIMING, exchange
from archive.stamps.ots import MAX_ANSWER_BYTES, Pending
from archive.stores.http import Http

# The calendars that the public pools hand their promises to; the reference client knows the same.
KNOWN: Final = ("*.calendar.opentimestamps.org", "*.calendar.eternitywall.com", "*.calendar.catallaxy.com")
_ACCEPT: Final = {"Accept": "application/vnd.opentimestamps.v1"}


def submit(config: CalendarConfig, digest: bytes) -> bytes:
    """The calendar's promise for a 32-byte digest, as it sent it.

    Raises:
        UnreachableError: `stamp.calendar.unreachable`, `stamp.calendar.timeout` …
        InvalidInputError: `stamp.calendar.bad_answer`, `store.too_large`.
    """
    http = _http(config.url, config.name)
    try:
        status, answer = exchange(http, "POST", "/digest", body=digest, headers=_ACCEPT, max_bytes=MAX_ANSWER_BYTES)
    finally:
        http.close()
    if status != 200:
        raise InvalidInputError(
            f"{config.name}: answered with HTTP status {status}",
            code="stamp.calendar.bad_answer",
            hint=f"is {config.url} the address of an OpenTimestamps calendar?",
        )
    return answer


class Asker:
    """Asks the calendars that promised something, unless nobody here knows them: an address in a proof is anybody's."""

    def __init__(self, known: Iterable[str]) -> None:
        self._known = {url.rstrip("/") for url in known}
        self.failures: list[tuple[str, ArchiveError]] = []
        self.waiting: list[str] = []
        self.strangers: list[str] = []

    def __call__(self, pending: Pending) -> bytes | None:
        """The answer to `GET /timestamp/<hex>`; None when there is none yet, or the calendar is not to be asked."""
        if not self._may_ask(pending.uri):
            self.strangers.append(pending.uri)
            return None
        try:
            http = _http(pending.uri, pending.uri)
            status, answer = exchange(
                http, "GET", f"/timestamp/{pending.commitment.hex()}", headers=_ACCEPT, max_bytes=MAX_ANSWER_BYTES
            )
        except ArchiveError as error:
            self.failures.append((pending.uri, error))
            return None
        if status == 404:
            self.waiting.append(pending.uri)
            return None
        if status != 200:
            wrong = InvalidInputError(
                f"{pending.uri}: answered with HTTP status {status}", code="stamp.calendar.bad_answer"
            )
            self.failures.append((pending.uri, wrong))
            return None
        return answer

    def refuse(self, uri: str, error: ArchiveError) -> None:
        """An answer that cannot be kept."""
        self.failures.append((uri, error))

    def _may_ask(self, uri: str) -> bool:
        if uri.rstrip("/") in self._known:
            return True
        try:
            parts = urlsplit(uri)
        except ValueError:
            return False
        host = parts.hostname or ""
        # With nothing beside the host: a port is part of what a pattern with a star would match too.
        plain = parts.scheme == "https" and parts.netloc == host and parts.path in ("", "/")
        return plain and not (parts.query or parts.fragment) and any(fnmatchcase(host, pattern) for pattern in KNOWN)


def _http(url: str, name: str) -> Http:
    return Http(url, code="stamp.calendar", what=name, timing=CLOCK_TIMING)
