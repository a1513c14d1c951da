"""Short exchanges of bytes with clocks and header servers: bounded, under a deadline, with our own errors."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Final

from archive.stores.http import Http, Timing

# A clock answers in a second or two; whoever freezes evidence waits for the slowest.
CLOCK_TIMING: Final = Timing(connect=5.0, read=20.0, deadline=30.0)


class _Buffer:
    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes, /) -> int:
        self.data += data
        return len(data)


def exchange(
    http: Http,
    method: str,
    path: str,
    *,
    max_bytes: int,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> tuple[int, bytes]:
    """Status and body of one request, asked once.

    Given up at the deadline whatever the server does: one that drips its headers, a byte before each time-out, is left
    to a thread that ends with the program.

    Raises:
        UnreachableError: `<code>.unreachable`, `<code>.timeout`, `<code>.broken_off` …
        InvalidInputError: `store.too_large`.
    """
    done: Future[tuple[int, bytes]] = Future()

    def run() -> None:
        try:
            done.set_result(_exchange(http, method, path, max_bytes=max_bytes, body=body, headers=headers))
        except BaseException as error:  # noqa: BLE001  # raised where it is waited for
            done.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    try:
        return done.result(timeout=http.timing.deadline)
    except TimeoutError:
        raise http.unreachable(f"did not answer within {http.timing.deadline:.0f} s", suffix="timeout") from None


def _exchange(
    http: Http, method: str, path: str, *, max_bytes: int, body: bytes | None, headers: Mapping[str, str] | None
) -> tuple[int, bytes]:
    started = http.clock()
    buffer = _Buffer()
    with http.stream(method, path, body=body, headers=headers) as response:
        status = response.status_code
        http.download(response, buffer, max_bytes=max_bytes, started=started)
    return status, bytes(buffer.data)
