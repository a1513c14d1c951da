"""A JSON-RPC node: Anvil's blocks, re-sealed as Parlia headers by test validators. It can lie, lag and reorganise.

State, transactions and receipts are Anvil's own: their roots go into the new headers unchanged. Everything that names a
block hash is rewritten on its way out, and back on its way in. Asking for the head, a receipt or a block to come mines
one, so that votes appear as on a live chain and nothing waits on a clock.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from archive.chain import blocks, codec
from tests.support.parlia import AT, Chain, Group
from tools.services import AnvilNode, ServiceError


class ParliaNode:
    """The re-sealed chain. Epoch `epoch`, groups by epoch block as in `tests.support.parlia.Chain`.

    Set `lag` to hide that many newest blocks, `lie` to a block number whose header and all after it are sealed by
    strangers, `mute` to leave votes out of headers, `stride` to how many blocks are mined at a time.
    """

    def __init__(self, anvil: AnvilNode, groups: Mapping[int, Group], *, epoch: int = 10) -> None:
        self.anvil = anvil
        self.groups = dict(groups)
        self.epoch = epoch
        self.lag = 0
        self._lie: int | None = None
        self.strangers = Group.of([91, 92, 93, 94])
        self.mute = False
        self.stride = 1
        self.url = ""
        self._lock = threading.RLock()
        self._chain = self._new_chain(self.groups)
        self._false = self._new_chain({0: self.strangers})
        self._seen: dict[int, str] = {}
        self.genesis = str(self._block(0)["hash"])

    def _new_chain(self, groups: Mapping[int, Group]) -> Chain:
        return Chain(dict(groups), first=1, chain_id=self.anvil.chain_id, epoch=self.epoch)

    def _block(self, number: int) -> dict[str, Any]:
        block = self.anvil.rpc("eth_getBlockByNumber", hex(number), False)
        if not isinstance(block, dict):
            raise ServiceError(f"Anvil has no block {number}")
        return block

    @property
    def lie(self) -> int | None:
        return self._lie

    @lie.setter
    def lie(self, number: int | None) -> None:
        with self._lock:
            self._lie = number
            self._seen.clear()

    # --- sealing ----------------------------------------------------------------------------------------------------

    def catch_up(self) -> int:
        """Re-seal what Anvil has mined since, and anew from where it reorganised; returns the head."""
        head = int(str(self.anvil.rpc("eth_blockNumber")), 16)
        known = min(head, max(self._seen, default=0))
        while known and self._seen.get(known) != self._block(known)["hash"]:
            known -= 1
        for number in [n for n in self._seen if n > known]:
            del self._seen[number]
        for chain in (self._chain, self._false):
            chain.headers = {n: raw for n, raw in chain.headers.items() if n <= known}
        for number in range(known + 1, head + 1):
            block = self._block(number)
            self._seen[number] = str(block["hash"])
            self._seal(self._chain, number, block)
            if self.lie is not None and number >= self.lie:
                self._seal(self._false, number, block)
            else:
                self._false.headers[number] = self._chain.headers[number]
        return head

    def _seal(self, chain: Chain, number: int, block: Mapping[str, Any]) -> None:
        chain.headers.setdefault(0, self._genesis_header())
        fields = [
            codec.int_bytes(int(block[name], 16)) if size is None else bytes.fromhex(block[name][2:])
            for name, size in blocks.HEADER_FIELDS
            if block.get(name) is not None
        ]
        for name, value in (
            ("baseFeePerGas", b""),
            ("mixHash", bytes(32)),
            ("parentBeaconBlockRoot", bytes(32)),
            ("blobGasUsed", b""),
            ("excessBlobGas", b""),
        ):
            fields[AT[name]] = value
        votes = b"" if self.mute or number < 3 else None
        chain.make(number, fields=fields, votes=votes)

    def _genesis_header(self) -> bytes:
        return blocks.header_from_json(self._block(0))

    @property
    def chain(self) -> Chain:
        """The chain as this node tells it."""
        return self._chain if self.lie is None else self._false

    def hash(self, number: int) -> str:
        return codec.to_hex(codec.keccak(self.chain.headers[number])) if number else self.genesis

    # --- answering --------------------------------------------------------------------------------------------------

    def answer(self, method: str, parameters: list[Any]) -> Any:
        with self._lock:
            if method in ("eth_blockNumber", "eth_getTransactionReceipt"):
                self.anvil.rpc("evm_mine")
            head = self.catch_up()
            shown = max(head - self.lag, 0)
            outward = {self._seen[n]: self.hash(n) for n in self._seen}
            inward = {new: old for old, new in outward.items()}
            if method == "eth_blockNumber":
                return hex(shown)
            if method in ("eth_getBlockByNumber", "eth_getBlockByHash"):
                return self._shown_block(method, parameters, shown, inward, outward)
            if self.lag and method == "eth_estimateGas":
                parameters = [parameters[0], hex(shown)]
            elif self.lag and parameters and parameters[-1] == "latest":
                parameters = [*parameters[:-1], hex(shown)]
            result = _replaced(self.anvil.rpc(method, *_replaced(parameters, inward)), outward)
            number = result.get("blockNumber") if isinstance(result, dict) else None
            if number is None or int(number, 16) <= shown:
                return result
            # Not mined yet, as far as this node tells.
            places = {"blockNumber": None, "blockHash": None, "transactionIndex": None}
            return {**result, **places} if method == "eth_getTransactionByHash" else None

    def _shown_block(
        self, method: str, parameters: list[Any], shown: int, inward: Mapping[str, str], outward: Mapping[str, str]
    ) -> Any:
        key = parameters[0]
        if method == "eth_getBlockByNumber":
            if key in ("latest", "pending", "safe"):
                key = hex(shown)
            elif key == "finalized":
                key = hex(max(shown - 2, 0))
            if int(key, 16) > shown:
                self.anvil.rpc("anvil_mine", hex(self.stride))  # it will be there when asked for again
                return None
        block = self.anvil.rpc(method, inward.get(key, key), *parameters[1:])
        if not isinstance(block, dict):
            return None
        number = int(block["number"], 16)
        if number == 0 or number > shown:
            return block if number == 0 else None
        header = blocks.header_to_json(self.chain.headers[number])
        return {**_replaced(block, outward), **header}


def _replaced(value: Any, table: Mapping[str, str]) -> Any:
    """Strings exchanged by the table, all the way down."""
    if isinstance(value, str):
        return table.get(value, value)
    if isinstance(value, list):
        return [_replaced(item, table) for item in value]
    if isinstance(value, dict):
        return {key: _replaced(item, table) for key, item in value.items()}
    return value


@contextmanager
def serve(node: ParliaNode) -> Iterator[ParliaNode]:
    """Serve the node on a free port of this machine; its `url` is set meanwhile."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer: dict[str, Any] = {"jsonrpc": "2.0", "id": request.get("id")}
            try:
                answer["result"] = node.answer(request["method"], list(request.get("params", [])))
            except ServiceError as error:
                answer["error"] = {"code": -32000, "message": str(error)}
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Silent: what goes wrong is in the answer."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    node.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield node
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
