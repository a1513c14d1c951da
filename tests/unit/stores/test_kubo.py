from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from archive.errors import ArchiveWarning, InvalidInputError, RefusedError, UnreachableError, UsageError
from archive.stores.http import Timing
from archive.stores.kubo import KuboReader, KuboWriter, api_url, judge_version, parse_version

Serve = Callable[..., Any]


class Node:
    """A fake RPC API: says what it is told to; keeps nothing."""

    def __init__(self, answer: Any, *, version: str = "0.42.0", root: str = "", pin_error: str = "") -> None:
        self.answer = answer
        self.version = version
        self.root = root
        self.pin_error = pin_error
        self.pinned = True

    def __call__(self, request: Any) -> Any:
        command = request.path.split("?")[0].removeprefix("/api/v0/")
        if command == "version":
            return self.json({"Version": self.version})
        if command == "dag/import":
            return self.json({"Root": {"Cid": {"/": self.root}, "PinErrorMsg": self.pin_error}})
        if command == "add":
            return self.json({"Name": "x", "Hash": self.root, "Size": "2"})
        if command == "pin/ls":
            keys = {self.root: {"Type": "recursive"}} if self.pinned else {}
            return self.json({"Keys": keys})
        return self.json({"Message": "unknown command", "Code": 0, "Type": "error"}, status=404)

    def json(self, value: Any, status: int = 200) -> Any:
        body = (json.dumps(value) + "\n").encode()
        return self.answer(status=status, body=body, headers={"Content-Type": "application/json"})


@pytest.fixture
def put(serve: Serve, answer: Any, packed: Any) -> Callable[..., Any]:
    def run(**more: Any) -> Any:
        pinned = more.pop("pinned", True)
        node = Node(answer, **{"root": packed.content_id, **more})
        node.pinned = pinned
        return KuboWriter(serve(node).url).put_package(packed.path, packed.content_id, root=packed.root)

    return run


def test_a_pin_is_not_called_verified(put: Any, packed: Any) -> None:
    pin = put()
    assert (pin.locator, pin.status, pin.verified) == (packed.content_id, "stored", False)


def test_another_cid_is_refused(put: Any, other: Any) -> None:
    with pytest.raises(InvalidInputError) as caught:
        put(root=other.content_id)
    assert caught.value.code == "store.kubo.wrong_cid"
    assert other.content_id in caught.value.message


def test_another_cid_for_a_file_is_refused(serve: Serve, answer: Any, packed: Any, other: Any, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(b"{}")
    writer = KuboWriter(serve(Node(answer, root=other.content_id)).url)
    with pytest.raises(InvalidInputError) as caught:
        writer.put_file(path, packed.content_id)
    assert caught.value.code == "store.kubo.wrong_cid"


@pytest.mark.parametrize("more", [{"pin_error": "block missing"}, {"pinned": False}])
def test_taken_but_not_pinned_is_an_error(put: Any, more: dict[str, Any]) -> None:
    with pytest.raises(RefusedError) as caught:
        put(**more)
    assert caught.value.code == "store.kubo.not_pinned"


def test_too_old_is_refused(put: Any) -> None:
    with pytest.raises(RefusedError) as caught:
        put(version="0.34.1")
    assert caught.value.code == "store.kubo.too_old"


@pytest.mark.parametrize("version", ["0.35.0", "0.43.1", "1.0.0", "0.41.0-rc1"])
def test_an_untried_version_is_warned_about(put: Any, version: str) -> None:
    with pytest.warns(ArchiveWarning, match="tested with 0.42 only"):
        put(version=version)


def test_down_is_unreachable(dead_url: str, packed: Any) -> None:
    with pytest.raises(UnreachableError) as caught:
        KuboWriter(dead_url).put_package(packed.path, packed.content_id, root=packed.root)
    assert caught.value.code == "store.kubo.unreachable"
    assert dead_url in str(caught.value.hint)
    with pytest.raises(UnreachableError) as caught:
        KuboReader(dead_url).fetch_package(packed.content_id, io.BytesIO())
    assert caught.value.code == "store.kubo.unreachable"


def test_a_refusal_is_told_in_the_nodes_words(serve: Serve, answer: Any, packed: Any) -> None:
    body = b'{"Message":"no space left on device","Code":0,"Type":"error"}'
    server = serve(
        lambda r: (
            Node(answer)(r)
            if r.path.endswith("version")
            else answer(status=500, body=body, headers={"Content-Type": "application/json"})
        )
    )
    with pytest.raises(RefusedError) as caught:
        KuboWriter(server.url).put_package(packed.path, packed.content_id, root=packed.root)
    assert caught.value.code == "store.kubo.refused"
    assert "no space left" in caught.value.message


@pytest.mark.parametrize("body", [b"", b"hello", b"[]", b"{}", b'{"Version":7}', b'{"Version":"x"}'])
def test_something_that_is_not_kubo(serve: Serve, answer: Any, packed: Any, body: bytes) -> None:
    server = serve([answer(body=body)])
    with pytest.raises(InvalidInputError) as caught:
        KuboReader(server.url).check()
    assert caught.value.code == "store.kubo.bad_answer"
    with pytest.raises(InvalidInputError) as caught:
        KuboWriter(server.url).put_package(packed.path, packed.content_id, root=packed.root)
    assert caught.value.code == "store.kubo.bad_answer"


def test_an_upload_stops_at_its_deadline(serve: Serve, answer: Any, packed: Any, hasty_time: Any) -> None:
    server = serve(Node(answer, root=packed.content_id))
    writer = KuboWriter(server.url, timing=Timing(deadline=5), clock=hasty_time.clock)
    with pytest.raises(UnreachableError) as caught:
        writer.put_package(packed.path, packed.content_id, root=packed.root)
    assert caught.value.code == "store.kubo.timeout"


def test_what_the_node_does_not_hold_is_not_found(serve: Serve, answer: Any, packed: Any) -> None:
    body = b'{"Message":"block was not found locally (offline): ipld: could not find bafy","Code":0,"Type":"error"}'
    reader = KuboReader(serve([answer(status=500, body=body)]).url)
    assert not reader.has(packed.content_id)
    with pytest.raises(UnreachableError) as caught:
        reader.fetch_package(packed.content_id, io.BytesIO())
    assert caught.value.code == "store.kubo.not_found"


def test_versions() -> None:
    assert parse_version("0.42.0") == (0, 42)
    assert parse_version("0.42.0-dev+abc") == (0, 42)
    for bad in ("", "42", "v0.42", "0.42x", "9" * 9 + ".1"):
        with pytest.raises(InvalidInputError):
            parse_version(bad)
    judge_version("0.42.1")


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("/ip4/127.0.0.1/tcp/5001", "http://127.0.0.1:5001"),
        ("/dns/node.example/tcp/443/https", "https://node.example:443"),
        ("/ip6/::1/tcp/5001/http", "http://[::1]:5001"),
        ("http://localhost:5001/", "http://localhost:5001"),
    ],
)
def test_addresses(address: str, url: str) -> None:
    assert api_url(address) == url


@pytest.mark.parametrize("address", ["", "/ip4/127.0.0.1", "/unix/x/tcp/1", "localhost:5001"])
def test_bad_addresses(address: str) -> None:
    with pytest.raises(UsageError) as caught:
        api_url(address)
    assert caught.value.code == "config.bad_url"
