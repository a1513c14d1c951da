"""Exchanges with clocks end at their deadline."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from archive.errors import InvalidInputError, UnreachableError
from archive.stamps.http import exchange
from archive.stores.http import Http, Timing
from tests.support.clocks import serve


@contextlib.contextmanager
def dripping() -> Iterator[str]:
    """A server that begins an answer and sends a byte of its headers again and again, as long as somebody listens."""
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def answer() -> None:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while not stop.wait(0.01):
                connection.sendall(b".")

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        stop.set()
        thread.join()
        listener.close()


def client(url: str, **timing: float) -> Http:
    return Http(url, code="stamp.authority", what="slow", timing=Timing(connect=5, read=5, **timing))


def test_headers_that_never_end_are_given_up_at_the_deadline() -> None:
    with dripping() as url, pytest.raises(UnreachableError) as caught:
        exchange(client(url, deadline=0.2), "GET", "", max_bytes=100)
    assert caught.value.code == "stamp.authority.timeout"


def test_what_goes_wrong_in_the_exchange_is_raised_where_it_is_waited_for() -> None:
    with serve(lambda method, path, body: (200, bytes(101))) as url:
        assert exchange(client(url, deadline=30), "GET", "", max_bytes=101) == (200, bytes(101))
        with pytest.raises(InvalidInputError) as caught:
            exchange(client(url, deadline=30), "GET", "", max_bytes=100)
    assert caught.value.code == "store.too_large"
