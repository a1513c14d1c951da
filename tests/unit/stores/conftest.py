"""Remotes that lie or fail: a threaded HTTP server on loopback that plays a script. No test waits: clocks are fakes."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from archive.bundle import ProofBundle, build_bundle
from archive.errors import UnreachableError
from archive.package.build import EvidenceInput, Package, PackageInput, build_package
from archive.package.car import write_car
from archive.package.seal import Seal


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Answer:
    """One answer. `cut` closes the connection before all of the declared length was sent; `endless` never stops."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    endless: bool = False
    chunked: bool = False


Script = Callable[[Request], Answer]


class FakeServer:
    """Answers each request by `script`; keeps all requests in `seen`."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.seen: list[Request] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # one packet for headers and body: no delayed acknowledgements

            def _serve(self) -> None:
                length = self.headers.get("Content-Length")
                if self.headers.get("Transfer-Encoding") == "chunked":
                    body = b""
                    while size := int(self.rfile.readline().strip() or b"0", 16):
                        body += self.rfile.read(size)
                        self.rfile.readline()
                    self.rfile.readline()
                else:
                    body = self.rfile.read(int(length)) if length else b""
                request = Request(self.command, self.path, dict(self.headers), body)
                outer.seen.append(request)
                self._answer(outer.script(request))

            do_GET = do_POST = _serve  # noqa: N815

            def _answer(self, answer: Answer) -> None:
                self.send_response(answer.status)
                for key, value in answer.headers.items():
                    self.send_header(key, value)
                if answer.endless:
                    self.send_header("Connection", "close")
                    self.end_headers()
                    self.close_connection = True
                    with contextlib.suppress(OSError):
                        while True:
                            self.wfile.write(b"\0" * 65536)
                    return
                if answer.chunked:
                    self.send_header("Transfer-Encoding", "chunked")
                    self.end_headers()
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(answer.body), answer.body))
                    if answer.cut is None:
                        self.wfile.write(b"0\r\n\r\n")
                    else:
                        self.close_connection = True
                    return
                if "Content-Length" not in answer.headers:
                    self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body if answer.cut is None else answer.body[: answer.cut])
                if answer.cut is not None:
                    self.close_connection = True

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def paths(self) -> list[str]:
        return [request.path.split("?")[0] for request in self.seen]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class FakeTime:
    """A clock that moves only when something sleeps, or by `step` seconds each time it is read."""

    def __init__(self, step: float = 0.0) -> None:
        self.now = 0.0
        self.step = step
        self.slept: list[float] = []

    def clock(self) -> float:
        self.now += self.step
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def fake_time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def hasty_time() -> FakeTime:
    """A clock by which ten seconds pass between any two looks."""
    return FakeTime(step=10.0)


@pytest.fixture
def serve() -> Iterator[Callable[[Script], FakeServer]]:
    """Start a server for a script; a list of answers is given in turn, its last one for ever."""
    servers: list[FakeServer] = []

    def start(script: Script | list[Answer]) -> FakeServer:
        if isinstance(script, list):
            answers = list(script)

            def play(_: Request) -> Answer:
                return answers.pop(0) if len(answers) > 1 else answers[0]

            server = FakeServer(play)
        else:
            server = FakeServer(script)
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def answer() -> type[Answer]:
    return Answer


@pytest.fixture
def dead_url() -> str:
    """An address on which nothing listens."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    port = server.server_address[1]
    server.server_close()
    return f"http://127.0.0.1:{port}"


@pytest.fixture(scope="session")
def jwk() -> dict[str, str]:
    """An RSA key as JWK; 2048 bits, since making 4096 takes seconds and nothing here depends on the length."""
    from base64 import urlsafe_b64encode

    from Crypto.PublicKey import RSA

    key = RSA.generate(2048)

    def number(value: int) -> str:
        return urlsafe_b64encode(value.to_bytes((value.bit_length() + 7) // 8, "big")).rstrip(b"=").decode()

    return {
        "kty": "RSA",
        "n": number(key.n),
        "e": number(key.e),
        "d": number(key.d),
        "p": number(key.p),
        "q": number(key.q),
        "dp": number(key.d % (key.p - 1)),
        "dq": number(key.d % (key.q - 1)),
        "qi": number(pow(key.q, -1, key.p)),
    }


@pytest.fixture
def keyfile(tmp_path: Path, jwk: dict[str, str]) -> Path:
    path = tmp_path / "wallet.json"
    path.write_text(json.dumps(jwk))
    path.chmod(0o600)
    return path


@dataclass(frozen=True)
class Packed:
    """A small package as CAR bytes, with what is needed to check it."""

    content_id: str
    root: str
    car: bytes
    path: Path
    package: Package


def make_package(folder: Path, *, incident: str = "2026-01-01-test", rows: bytes = b"a,b\n1,2\n") -> Packed:
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / "rows.csv"
    source.write_bytes(rows)
    record = {
        "schema_version": "1",
        "id": incident,
        "title": {"en": "A test", "zh-Hans": "测试"},
        "summary": {"en": "Nothing happened.", "zh-Hans": "什么都没有发生。"},
        "occurred": {"start": "2026-01-01T00:00:00Z", "precision": "second", "time_zone": "UTC"},
        "revision": 1,
        "revisions": [{"revision": 1, "reason": {"en": "first publication"}}],
        "evidence": [{"id": "rows", "kind": "table", "path": "evidence/rows.csv", "media_type": "text/csv"}],
    }
    evidence = (EvidenceInput(id="rows", path="evidence/rows.csv", media_type="text/csv", source=source),)
    package = build_package(
        PackageInput(record=record, incident=incident, revision=1, previous_root=None, evidence=evidence),
        Seal(seed=bytes(32), publisher=None, not_before=()),
    )
    buffer = io.BytesIO()
    write_car(package, buffer)
    path = folder / "package.car"
    path.write_bytes(buffer.getvalue())
    return Packed(package.content_id, package.root, buffer.getvalue(), path, package)


@pytest.fixture(scope="session")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Packed:
    return make_package(tmp_path_factory.mktemp("packed"))


@pytest.fixture(scope="session")
def other(tmp_path_factory: pytest.TempPathFactory) -> Packed:
    """Another package: what a liar sends instead."""
    return make_package(tmp_path_factory.mktemp("other"), incident="2026-01-02-other", rows=b"x\n")


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Packed:
    """A package of several Arweave chunks and UnixFS blocks."""
    rows = b"".join(b"%08d,%08d\n" % (n, n * 7919) for n in range(170_000))
    return make_package(tmp_path_factory.mktemp("large"), incident="2026-01-03-large", rows=rows)


@dataclass(frozen=True)
class Ran:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class MemoryStore:
    """A reader that holds bytes in memory and may lie, be down, or know nothing."""

    def __init__(
        self, name: str, packages: dict[str, bytes], *, operator: str | None = None, fail: str | None = None
    ) -> None:
        self.name = name
        self.operator = operator or name
        self.endpoint = f"memory:{name}"
        self.held = packages
        self.fail = fail
        self.asked = 0

    def fetch_package(self, content_id: str, sink: BinaryIO, *, max_bytes: int = 1 << 40) -> None:
        self._give(content_id, sink)

    def fetch_file(self, cid: str, sink: BinaryIO, *, max_bytes: int = 1 << 40) -> None:
        self._give(cid, sink)

    def _give(self, cid: str, sink: BinaryIO) -> None:
        self.asked += 1
        if self.fail:
            raise UnreachableError(f"{self.name}: down", code=f"store.test.{self.fail}")
        if cid not in self.held:
            raise UnreachableError(f"{self.name}: does not hold {cid}", code="store.test.not_found")
        sink.write(self.held[cid])

    def has(self, content_id: str) -> bool:
        return content_id in self.held

    def check(self) -> str:
        return "in memory"


@pytest.fixture
def memory_store() -> type[MemoryStore]:
    return MemoryStore


@pytest.fixture
def bundle_of() -> Callable[[Packed], ProofBundle]:
    """A proof bundle of a package, without anchors."""

    def build(packed: Packed) -> ProofBundle:
        package = packed.package
        leaves = [package.header.to_json(), *(entry.to_json() for entry in package.entries)]
        return build_bundle(
            root=package.root,
            content_id=package.content_id,
            entries=leaves,
            record=json.loads(package.record_json),
            directory=package.directory,
        )

    return build


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., Ran]:
    """Run `archive …` in this process, with an empty workspace and no stores from the environment."""
    for name in [name for name in os.environ if name.startswith("ARCHIVE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ARCHIVE_WORKSPACE", str(tmp_path / "workspace"))

    def start(*arguments: str) -> Ran:
        from archive.cli.main import main

        monkeypatch.setattr(sys, "argv", ["archive", *arguments])
        with pytest.raises(SystemExit) as stopped:
            main()
        out, err = capsys.readouterr()
        return Ran(int(stopped.value.code or 0), out, err)

    return start
