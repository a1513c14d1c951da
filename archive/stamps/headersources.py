"""Servers that are asked for Bitcoin headers: one's own node (JSON-RPC), and servers of others (Esplora's protocol)."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any, Final, Protocol

from archive import jsontext
from archive.errors import InvalidInputError, UnreachableError, UsageError
from archive.stamps.bitcoin import parse_header
from archive.stamps.http import CLOCK_TIMING, exchange
from archive.stores.http import Http, host_of

_HASH: Final = re.compile(r"[0-9a-f]{64}\Z")
_HEADER: Final = re.compile(r"[0-9a-f]{160}\Z")
_MAX_ANSWER: Final = 64 * 1024


class HeaderSource(Protocol):
    """Something that knows the block at a height. `name` is safe to show."""

    @property
    def name(self) -> str: ...

    def header(self, height: int) -> bytes | None:
        """80 bytes that hash to what the source calls the block at this height; None when it has none."""
        ...


class NodeSource:
    """A Bitcoin node of one's own."""

    def __init__(self, url: str, cookie: Path | None = None) -> None:
        self.name = f"your node {host_of(url)}"
        self._http = Http(url, code="bitcoin.node", what=self.name, timing=CLOCK_TIMING)
        self._cookie = cookie

    def header(self, height: int) -> bytes | None:
        block = self._call("getblockhash", [height])
        if block is None:
            return None
        return _checked(self.name, _text(self.name, block), self._call("getblockheader", [block, False]))

    def tip(self, depth: int) -> tuple[int, bytes]:
        """Height and header of the block this many below the newest."""
        count = self._call("getblockcount", [])
        if not isinstance(count, int) or isinstance(count, bool) or count < depth:
            raise _bad(self.name, "its height makes no sense")
        header = self.header(count - depth)
        if header is None:
            raise _bad(self.name, "it does not have its own block")
        return count - depth, header

    def _call(self, method: str, params: list[object]) -> Any:
        headers = {"Content-Type": "application/json"}
        if self._cookie is not None:
            try:
                secret = self._cookie.read_bytes().strip()
            except OSError as error:
                raise UsageError(
                    f"{self._cookie}: the cookie of the Bitcoin node cannot be read: {error.strerror}",
                    code="bitcoin.cookie",
                ) from None
            headers["Authorization"] = "Basic " + base64.b64encode(secret).decode("ascii")
        body = json.dumps({"jsonrpc": "1.0", "id": 0, "method": method, "params": params}).encode()
        status, answer = exchange(self._http, "POST", "", body=body, headers=headers, max_bytes=_MAX_ANSWER)
        if status in (401, 403):
            raise UnreachableError(f"{self.name}: refuses us", code="bitcoin.node.refused", hint="set 'cookie'")
        try:
            value = jsontext.loads(answer)
        except ValueError:
            raise _bad(self.name, "its answer is not JSON") from None
        if not isinstance(value, dict):
            raise _bad(self.name, "its answer is no object")
        refusal = value.get("error")
        if isinstance(refusal, dict) and refusal.get("code") == -8:  # block height out of range
            return None
        if refusal is not None:
            raise UnreachableError(f"{self.name}: {str(refusal)[:200]}", code="bitcoin.node.error")
        return value.get("result")


class EsploraSource:
    """A server of others that speaks Esplora's HTTP protocol."""

    def __init__(self, url: str) -> None:
        self.name = host_of(url)
        self.operator = self.name
        self._http = Http(url, code="bitcoin.source", what=self.name, timing=CLOCK_TIMING)

    def header(self, height: int) -> bytes | None:
        status, answer = exchange(self._http, "GET", f"/block-height/{height}", max_bytes=_MAX_ANSWER)
        if status == 404:
            return None
        block = _text(self.name, answer.decode("ascii", "replace").strip() if status == 200 else status)
        status, answer = exchange(self._http, "GET", f"/block/{block}/header", max_bytes=_MAX_ANSWER)
        if status == 404:
            return None
        return _checked(self.name, block, answer.decode("ascii", "replace").strip() if status == 200 else status)


def _text(name: str, block: object) -> str:
    if not isinstance(block, str) or not _HASH.match(block):
        raise _bad(name, "what it calls a block hash is none")
    return block


def _checked(name: str, block: str, header: object) -> bytes:
    if not isinstance(header, str) or not _HEADER.match(header):
        raise _bad(name, "what it calls a header is none")
    parsed = parse_header(bytes.fromhex(header))
    if parsed.shown_hash != block:
        raise _bad(name, "its header does not hash to the block that it named")
    return parsed.raw


def _bad(name: str, what: str) -> InvalidInputError:
    return InvalidInputError(f"{name}: {what}", code="bitcoin.bad_answer", hint="ask another source")
