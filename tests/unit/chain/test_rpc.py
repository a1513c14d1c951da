"""The HTTP client against a small real server that can lie, fail, dawdle and flood."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from archive.chain import rpc
from archive.errors import ArchiveError, ExitCode, InvalidInputError, RefusedError, UnreachableError, UsageError

Responder = Callable[[dict[str, Any]], "tuple[int, bytes]"]


class Server:
    """`respond` gets the parsed request and gives status and body; `release` ends a request that hangs."""

    def __init__(self) -> None:
        self.respond: Responder = lambda request: (200, result(request, "0x1"))
        self.hang = False
        self.release = threading.Event()
        self.requests: list[dict[str, Any]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.requests.append(request)
                if outer.hang:
                    outer.release.wait(30)
                    return
                status, body = outer.respond(request)
                self.send_response(status)
                if status in (301, 302, 307):
                    self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"


def result(request: dict[str, Any], value: object) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": value}).encode()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.release.set()
    server.http.shutdown()
    thread.join()
    server.http.server_close()


def error_of(client: rpc.RpcClient, method: str = "eth_chainId") -> ArchiveError:
    with pytest.raises(ArchiveError) as caught:
        client.call(method)
    return caught.value


def test_an_answer(server: Server) -> None:
    assert rpc.RpcClient(server.url).call("eth_chainId") == "0x1"
    assert server.requests[0]["method"] == "eth_chainId"
    assert server.requests[0]["params"] == []


def test_calls_are_numbered(server: Server) -> None:
    client = rpc.RpcClient(server.url)
    for _ in range(3):
        client.call("eth_chainId")
    assert [request["id"] for request in server.requests] == [1, 2, 3]


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, RefusedError, "chain.rpc_http"),
        (401, RefusedError, "chain.rpc_forbidden"),
        (403, RefusedError, "chain.rpc_forbidden"),
        (404, RefusedError, "chain.rpc_http"),
        (429, UnreachableError, "chain.rpc_busy"),
        (500, UnreachableError, "chain.rpc_unreachable"),
        (503, UnreachableError, "chain.rpc_unreachable"),
        (302, RefusedError, "chain.rpc_http"),
    ],
)
def test_http_errors(server: Server, status: int, kind: type[ArchiveError], code: str) -> None:
    server.respond = lambda request: (status, b"<html>no</html>")
    error = error_of(rpc.RpcClient(server.url))
    assert type(error) is kind
    assert error.code == code


def test_a_json_rpc_error_under_a_4xx_status(server: Server) -> None:
    body = b'{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no such method"}}'
    server.respond = lambda request: (400, body)
    error = error_of(rpc.RpcClient(server.url))
    assert isinstance(error, rpc.RpcError)
    assert error.rpc_code == -32601


def test_a_json_rpc_error_with_data(server: Server) -> None:
    answer = {"jsonrpc": "2.0", "id": 1, "error": {"code": 3, "message": "execution reverted", "data": "0x1234"}}
    server.respond = lambda request: (200, json.dumps(answer).encode())
    error = error_of(rpc.RpcClient(server.url))
    assert isinstance(error, rpc.RpcError)
    assert (error.code, error.rpc_code, error.data) == ("chain.rpc_error", 3, "0x1234")
    assert error.hint


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"id":1,"result":' + b'{"":' * 100_000,
        b'{"jsonrpc":"2.0","id":2,"result":1}',
        b'{"jsonrpc":"2.0","result":1}',
        b'{"jsonrpc":"2.0","id":1}',
        b'{"jsonrpc":"2.0","id":1,"error":"x"}',
        b'{"jsonrpc":"2.0","id":1,"result":NaN}',
    ],
)
def test_answers_that_are_none(server: Server, body: bytes) -> None:
    server.respond = lambda request: (200, body)
    error = error_of(rpc.RpcClient(server.url))
    assert isinstance(error, InvalidInputError)
    assert error.code == "chain.rpc_bad_answer"


def test_an_answer_beyond_the_bound(server: Server) -> None:
    server.respond = lambda request: (200, result(request, "0x" + "00" * 5000))
    error = error_of(rpc.RpcClient(server.url, max_bytes=4096))
    assert error.code == "chain.rpc_too_large"
    assert error.hint


def test_nothing_listens_there(server: Server) -> None:
    error = error_of(rpc.RpcClient("http://127.0.0.1:1"))
    assert error.code == "chain.rpc_unreachable"
    assert error.exit_code is ExitCode.INCOMPLETE


def test_a_node_that_never_answers(server: Server) -> None:
    server.hang = True
    error = error_of(rpc.RpcClient(server.url, timeout=0.05))
    assert error.code == "chain.rpc_timeout"
    assert error.exit_code is ExitCode.INCOMPLETE


def test_a_node_that_drips_bytes_cannot_outlast_the_deadline(server: Server) -> None:
    ticks = iter([0.0, 100.0, 200.0])
    client = rpc.RpcClient(server.url, timeout=10, clock=lambda: next(ticks))
    assert error_of(client).code == "chain.rpc_timeout"


def test_a_node_that_hangs_up(server: Server) -> None:
    server.hang = True
    server.release.set()
    assert error_of(rpc.RpcClient(server.url)).code == "chain.rpc_unreachable"


@pytest.mark.parametrize("url", ["ftp://example.org", "example.org", "file:///etc/passwd", ""])
def test_urls_that_are_no_http(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        rpc.RpcClient(url)
    assert caught.value.code == "chain.rpc_url"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://rpc.example.org", "https://rpc.example.org"),
        ("https://rpc.example.org/", "https://rpc.example.org"),
        ("https://user:SECRET@rpc.example.org:8545", "https://rpc.example.org:8545/…"),
        ("https://rpc.example.org/v3/SECRET", "https://rpc.example.org/…"),
        ("https://rpc.example.org/?key=SECRET", "https://rpc.example.org/…"),
        ("http://[::1]:8545/SECRET", "http://[::1]:8545/…"),
        ("http://host:99999/SECRET", "(malformed URL)"),
    ],
)
def test_urls_are_shown_without_what_may_be_secret(url: str, shown: str) -> None:
    assert rpc.mask_url(url) == shown


def test_no_error_shows_the_key_in_the_url(server: Server) -> None:
    secret = "S3CRETKEY"
    for status, body in ((500, b""), (404, b""), (429, b""), (200, b"x"), (200, None)):
        url = f"{server.url}/v3/{secret}?k={secret}"
        error_body = json.dumps({"jsonrpc": "2.0", "id": 1, "error": {"code": 1, "message": f"bad {url}"}}).encode()
        server.respond = lambda request, status=status, body=body, error_body=error_body: (status, body or error_body)
        client = rpc.RpcClient(url)
        error = error_of(client)
        assert secret not in json.dumps(error.to_json()) + repr(error) + repr(client)
    for dead in (f"http://{secret}:{secret}@127.0.0.1:1/{secret}", f"http://127.0.0.1:1/{secret}"):
        error = error_of(rpc.RpcClient(dead))
        assert secret not in json.dumps(error.to_json()) + repr(error)
        assert error.__cause__ is None


class Fixed:
    """A chain that answers from a table."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers

    def call(self, method: str, params: object = ()) -> Any:
        return self.answers[method]


class Known:
    name = "bsc-testnet"
    chain_id = 97
    genesis: str | None = "0x" + "11" * 32


@pytest.mark.parametrize(
    ("chain_id", "genesis", "code"),
    [
        ("0x38", "0x" + "11" * 32, "chain.wrong_chain_id"),
        ("0x61", "0x" + "22" * 32, "chain.other_history"),
        ("97", "0x" + "11" * 32, "chain.rpc_bad_answer"),
        ("0x61", "0x1234", "chain.rpc_bad_answer"),
        ("0x61", None, "chain.rpc_bad_answer"),
    ],
)
def test_chains_that_are_not_meant(chain_id: str, genesis: str | None, code: str) -> None:
    chain = Fixed({"eth_chainId": chain_id, "eth_getBlockByNumber": {"hash": genesis}})
    with pytest.raises(InvalidInputError) as caught:
        rpc.check_chain(chain, Known())
    assert caught.value.code == code


def test_a_node_without_block_zero() -> None:
    with pytest.raises(InvalidInputError) as caught:
        rpc.check_chain(Fixed({"eth_chainId": "0x61", "eth_getBlockByNumber": None}), Known())
    assert caught.value.code == "chain.rpc_bad_answer"


def test_the_chain_that_is_meant() -> None:
    chain = Fixed({"eth_chainId": "0x61", "eth_getBlockByNumber": {"hash": "0x" + "11" * 32}})
    assert rpc.check_chain(chain, Known()) == rpc.ChainIdentity(97, "0x" + "11" * 32)
