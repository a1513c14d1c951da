from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest

from archive.errors import InvalidInputError, UnreachableError, UsageError
from archive.stores.http import Http, Timing, check_url, host_of, is_loopback, retry_after

Serve = Callable[..., Any]


def client(url: str, time: Any, **more: Any) -> Http:
    return Http(url, code="store.test", what="test", clock=time.clock, sleep=time.sleep, **more)


def download(http: Http, path: str = "/", max_bytes: int = 1 << 20) -> bytes:
    buffer = io.BytesIO()
    started = http.clock()
    with http.stream("GET", path) as response:
        http.download(response, buffer, max_bytes=max_bytes, started=started)
    return buffer.getvalue()


def test_bytes_come_through(serve: Serve, answer: Any, fake_time: Any) -> None:
    server = serve([answer(body=b"hello" * 1000)])
    assert download(client(server.url, fake_time)) == b"hello" * 1000


def test_chunked_bytes_come_through(serve: Serve, answer: Any, fake_time: Any) -> None:
    server = serve([answer(body=b"hello", chunked=True)])
    assert download(client(server.url, fake_time)) == b"hello"


def test_a_429_is_waited_out_as_the_server_asks(serve: Serve, answer: Any, fake_time: Any) -> None:
    server = serve([answer(status=429, headers={"Retry-After": "7"}), answer(body=b"ok")])
    assert client(server.url, fake_time).ask("GET", "/") == (200, "ok")
    assert fake_time.slept == [7.0]


def test_a_500_is_retried_with_growing_pauses_then_named(serve: Serve, answer: Any, fake_time: Any) -> None:
    server = serve([answer(status=500)])
    with pytest.raises(UnreachableError) as caught:
        client(server.url, fake_time).ask("GET", "/")
    assert caught.value.code == "store.test.server_error"
    assert fake_time.slept == [1.0, 2.0, 4.0]
    assert len(server.seen) == 4


def test_a_retry_after_beyond_the_deadline_gives_up_at_once(serve: Serve, answer: Any, fake_time: Any) -> None:
    server = serve([answer(status=429, headers={"Retry-After": "3000"})])
    with pytest.raises(UnreachableError) as caught:
        client(server.url, fake_time, timing=Timing(deadline=60)).ask("GET", "/")
    assert caught.value.code == "store.test.busy"
    assert fake_time.slept == []


def test_a_dead_server_is_unreachable(dead_url: str, fake_time: Any) -> None:
    with pytest.raises(UnreachableError) as caught:
        client(dead_url, fake_time).ask("GET", "/")
    assert caught.value.code == "store.test.unreachable"
    assert dead_url in str(caught.value.hint)


def test_an_endless_answer_is_cut_at_the_bound(serve: Serve, answer: Any, fake_time: Any) -> None:
    server = serve([answer(endless=True)])
    with pytest.raises(InvalidInputError) as caught:
        download(client(server.url, fake_time), max_bytes=300_000)
    assert caught.value.code == "store.too_large"


def test_a_slow_endless_answer_stops_at_the_deadline(serve: Serve, answer: Any, hasty_time: Any) -> None:
    server = serve([answer(endless=True)])
    with pytest.raises(UnreachableError) as caught:
        download(client(server.url, hasty_time, timing=Timing(deadline=60)), max_bytes=1 << 40)
    assert caught.value.code == "store.test.timeout"


def test_a_declared_size_beyond_the_bound_is_refused_before_a_byte(serve: Serve, answer: Any, fake_time: Any) -> None:
    server = serve([answer(body=b"x" * 100)])
    with pytest.raises(InvalidInputError) as caught:
        download(client(server.url, fake_time), max_bytes=99)
    assert caught.value.code == "store.too_large"


@pytest.mark.parametrize("chunked", [False, True])
def test_an_answer_that_breaks_off_is_not_taken_for_whole(
    serve: Serve, answer: Any, fake_time: Any, chunked: bool
) -> None:
    server = serve([answer(body=b"x" * 1000, cut=400, chunked=chunked)])
    with pytest.raises(UnreachableError) as caught:
        download(client(server.url, fake_time))
    assert caught.value.code == "store.test.broken_off"


def test_redirects_are_bounded(serve: Serve, answer: Any, fake_time: Any) -> None:
    server = serve([answer(status=302, headers={"Location": "/again"})])
    with pytest.raises(UnreachableError) as caught:
        download(client(server.url, fake_time))
    assert caught.value.code == "store.test.redirects"
    assert len(server.seen) == 4


def test_a_redirect_is_followed(serve: Serve, answer: Any, fake_time: Any) -> None:
    server = serve(
        lambda r: answer(body=b"there") if r.path == "/new" else answer(status=301, headers={"Location": "/new"})
    )
    assert download(client(server.url, fake_time), "/old") == b"there"


def test_a_recompressed_answer_is_refused(serve: Serve, answer: Any, fake_time: Any) -> None:
    server = serve([answer(body=b"\x1f\x8b", headers={"Content-Encoding": "gzip"})])
    with pytest.raises(UnreachableError) as caught:
        download(client(server.url, fake_time))
    assert caught.value.code == "store.test.encoded"
    assert server.seen[0].headers["Accept-Encoding"] == "identity"


def test_a_sinks_own_disk_error_is_not_blamed_on_the_network(serve: Serve, answer: Any, fake_time: Any) -> None:
    class FullDisk(io.BytesIO):
        def write(self, data: Any, /) -> int:
            raise OSError(28, "No space left on device")

    server = serve([answer(body=b"x")])
    http = client(server.url, fake_time)
    with pytest.raises(OSError, match="No space"), http.stream("GET", "/") as response:
        http.download(response, FullDisk(), max_bytes=10, started=0)


@pytest.mark.parametrize("bad", ["ftp://x", "x", "http://", "http://user:secret@host"])
def test_bad_urls_are_refused_and_passwords_not_repeated(bad: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_url(bad, what="x")
    assert caught.value.code == "config.bad_url"
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("5", 5.0),
        ("999999", 3600.0),
        ("Thu, 01 Jan 1970 00:02:00 GMT", 20.0),
        ("soon", None),
        (None, None),
        ("-1", None),
    ],
)
def test_retry_after(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, now=lambda: 100.0) == seconds


def test_hosts() -> None:
    assert host_of("https://dweb.link/ipfs") == "dweb.link"
    found = [is_loopback(f"http://{host}") for host in ("127.0.0.1:1", "[::1]:1", "localhost", "10.0.0.1", "dweb.link")]
    assert found == [True, True, True, False, False]
