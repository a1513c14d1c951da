"""Nodes of this process behind real HTTP: honest, lying, lagging or dead ones for tests of whole commands."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from archive.chain.rpc import Rpc, RpcError
from archive.errors import ArchiveError


@contextmanager
def serve(rpc: Rpc, *, path: str = "/") -> Iterator[str]:
    """A JSON-RPC server over `rpc` on a free port; its URL. An unreachable `rpc` answers 503, as a proxy would."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, answer = 200, {"jsonrpc": "2.0", "id": request["id"]}
            try:
                answer["result"] = rpc.call(request["method"], request["params"])
            except RpcError as error:
                answer["error"] = {"code": error.rpc_code, "message": error.rpc_message}
            except ArchiveError:
                status = 503
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{path}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
