"""Talking to a node: the one-method protocol that all chain code uses, and its HTTP client.

JSON-RPC 2.0 as Ethereum's execution API has it. Only `requests` is needed, no web3. Nothing a node says is believed
beyond what the caller checks; here it is only bounded in size and time and read as JSON.
"""

from __future__ import annotations

import itertools
import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn, Protocol
from urllib.parse import urlsplit

from archive.errors import ArchiveError, InvalidInputError, RefusedError, UnreachableError, UsageError

DEFAULT_TIMEOUT: Final = 20.0
DEFAULT_MAX_BYTES: Final = 64 * 1024 * 1024
_CHUNK: Final = 64 * 1024
_MAX_DEPTH: Final = 64
_STRUCTURE: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[\]{}]')


class Rpc(Protocol):
    """A chain that answers JSON-RPC calls: a node over HTTP, or the embedded chain in this process."""

    def call(self, method: str, params: Sequence[object] = ()) -> Any:
        """The `result` of the call, a JSON value.

        Raises:
            RpcError: the node answered with a JSON-RPC error (`chain.rpc_error`).
            UnreachableError: no answer in time (`chain.rpc_unreachable`, `chain.rpc_timeout`, `chain.rpc_busy`).
            InvalidInputError: what came back is no JSON-RPC answer (`chain.rpc_bad_answer`, `chain.rpc_too_large`).
        """
        ...


class RpcError(RefusedError):
    """The node understood the call and refused it.

    `rpc_code` and `rpc_message` are the node's own; `data` is the error's data field: for a revert the ABI-encoded
    error, as hex.
    """

    def __init__(self, method: str, rpc_code: int, rpc_message: str, data: object = None) -> None:
        super().__init__(
            f"the node refused {method}: {rpc_message[:300]} ({rpc_code})",
            code="chain.rpc_error",
            hint="the node does not serve this, or not now; try another RPC URL",
        )
        self.method = method
        self.rpc_code = rpc_code
        self.rpc_message = rpc_message
        self.data = data


@dataclass(frozen=True, slots=True)
class ChainIdentity:
    """Which chain a node is on: EIP-155 chain id and the hash of block 0 (`0x` + 64 hex digits)."""

    chain_id: int
    genesis: str


class KnownChain(Protocol):
    """What `check_chain` must know of a network; `archive.chain.networks.Network` and a registry of the trust file fit.

    `genesis` is None where it differs on every start of the node (Anvil).
    """

    @property
    def name(self) -> str: ...

    @property
    def chain_id(self) -> int: ...

    @property
    def genesis(self) -> str | None: ...


def mask_url(url: str) -> str:
    """A URL as it may be shown: scheme, host and port only, because keys hide in user, path and query alike."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or "?"
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "(malformed URL)"
    host = f"[{host}]" if ":" in host else host
    hidden = parts.username is not None or parts.path.strip("/") or parts.query or parts.fragment
    return f"{parts.scheme}://{host}{port}" + ("/…" if hidden else "")


class RpcClient:
    """JSON-RPC over HTTP(S) to one node.

    Args:
        url: `http://` or `https://`; may hold credentials, which are never shown.
        timeout: seconds for one whole call, from connecting to the last byte.
        max_bytes: largest answer that is read.
        clock: monotonic seconds, for tests.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        max_bytes: int = DEFAULT_MAX_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if urlsplit(url).scheme not in ("http", "https"):
            raise UsageError(
                f"{mask_url(url)}: not an HTTP URL",
                code="chain.rpc_url",
                hint="an RPC URL starts with http:// or https://",
            )
        self._url = url
        self.shown_url = mask_url(url)
        self.timeout = timeout
        self.max_bytes = max_bytes
        self._clock = clock
        self._ids = itertools.count(1)
        self._session: Any = None
        self._secrets = _secret_parts(url)

    def __repr__(self) -> str:
        return f"RpcClient({self.shown_url!r})"

    def call(self, method: str, params: Sequence[object] = ()) -> Any:
        number = next(self._ids)
        body = json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)}).encode()
        answer = self._parse(self._post(method, body))
        if answer.get("id") != number:
            self._bad(f"{method}: the answer is to another call")
        error = answer.get("error")
        if error is not None:
            if not isinstance(error, dict):
                self._bad(f"{method}: the error is not an object")
            raise self._refusal(method, error)
        if "result" not in answer:
            self._bad(f"{method}: neither result nor error")
        return answer["result"]

    def _refusal(self, method: str, error: dict[str, Any]) -> RpcError:
        code, message = error.get("code"), error.get("message")
        text = message if isinstance(message, str) else "no message"
        # Nodes repeat what they were asked, the key in the URL too.
        text = text.replace(self._url, self.shown_url)
        for secret in self._secrets:
            text = text.replace(secret, "…")
        return RpcError(method, code if isinstance(code, int) else 0, text, error.get("data"))

    def _post(self, method: str, body: bytes) -> bytes:
        import requests
        import urllib3

        if self._session is None:
            self._session = requests.Session()
            # A proxy set for the internet does not lead to this machine.
            self._session.trust_env = urlsplit(self._url).hostname not in ("localhost", "127.0.0.1", "::1")
        deadline = self._clock() + self.timeout
        try:
            # A redirect could carry a key in the URL to another host.
            with self._session.post(
                self._url,
                data=body,
                headers={"Content-Type": "application/json", "Accept": "application/json"},
                timeout=self.timeout,
                stream=True,
                allow_redirects=False,
            ) as response:
                content = self._read(method, response.raw, deadline)
                status = response.status_code
        except (requests.Timeout, urllib3.exceptions.TimeoutError):
            raise self._timeout(method) from None
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            # The text of these exceptions holds the URL, so only their kind is told.
            raise UnreachableError(
                f"{self.shown_url}: no answer to {method} ({type(error).__name__})",
                code="chain.rpc_unreachable",
                hint="check that the node runs and that the RPC URL is right",
            ) from None
        if status != 200:
            self._http_error(method, status, content)
        return content

    def _read(self, method: str, raw: Any, deadline: float) -> bytes:
        """The whole body, read piece by piece so that a node that drips bytes cannot outlast the deadline."""
        parts: list[bytes] = []
        size = 0
        while chunk := raw.read1(_CHUNK, decode_content=True):
            size += len(chunk)
            if size > self.max_bytes:
                raise InvalidInputError(
                    f"{self.shown_url}: the answer to {method} is larger than {self.max_bytes:,} bytes",
                    code="chain.rpc_too_large",
                    hint="no node needs so much for this; try another RPC URL",
                )
            if self._clock() > deadline:
                raise self._timeout(method)
            parts.append(chunk)
        return b"".join(parts)

    def _timeout(self, method: str) -> UnreachableError:
        return UnreachableError(
            f"{self.shown_url}: {method} was not answered within {self.timeout:g} s",
            code="chain.rpc_timeout",
            hint="the node is slow or overloaded; try again, or use another RPC URL",
        )

    def _http_error(self, method: str, status: int, content: bytes) -> NoReturn:
        where = f"{self.shown_url}: HTTP {status} to {method}"
        if status == 429:
            raise UnreachableError(where, code="chain.rpc_busy", hint="the node limits the rate: wait and try again")
        if status >= 500:
            raise UnreachableError(where, code="chain.rpc_unreachable", hint="the node is failing; try another RPC URL")
        if status in (401, 403):
            raise RefusedError(where, code="chain.rpc_forbidden", hint="the RPC URL needs a key, or its key is wrong")
        # Some nodes answer JSON-RPC errors under 4xx.
        try:
            error = self._parse(content).get("error")
        except ArchiveError:
            error = None
        if isinstance(error, dict):
            raise self._refusal(method, error)
        raise RefusedError(where, code="chain.rpc_http", hint="check the RPC URL")

    def _parse(self, content: bytes) -> dict[str, Any]:
        # Before parsing: where a library has raised the recursion limit, deep nesting would kill the process.
        if _depth(content) > _MAX_DEPTH:
            self._bad(f"nested deeper than {_MAX_DEPTH}")
        try:
            answer = json.loads(content.decode("utf-8"), parse_constant=_refuse_constant)
        except ValueError:
            self._bad("not JSON")
        if not isinstance(answer, dict):
            self._bad("not a JSON object")
        return answer

    def _bad(self, why: str) -> NoReturn:
        raise InvalidInputError(
            f"{self.shown_url}: the answer is malformed: {why}",
            code="chain.rpc_bad_answer",
            hint="check that the URL is a JSON-RPC endpoint of an Ethereum node",
        )


def _secret_parts(url: str) -> tuple[str, ...]:
    """What of a URL may be a key: user, password, and longer pieces of path and query."""
    parts = urlsplit(url)
    pieces = re.split(r"[/?&=#]", f"{parts.path}?{parts.query}")
    named = [parts.username or "", parts.password or ""]
    return tuple(piece for piece in (*named, *(piece for piece in pieces if len(piece) >= 8)) if piece)


def _depth(content: bytes) -> int:
    """How deep JSON text nests, stopping once it is too deep."""
    depth = deepest = 0
    for match in _STRUCTURE.finditer(content):
        first = content[match.start()]
        if first in b"[{":
            depth += 1
            deepest = max(deepest, depth)
            if depth > _MAX_DEPTH:
                break
        elif first in b"]}":
            depth -= 1
    return deepest


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def identify(rpc: Rpc) -> ChainIdentity:
    """Chain id and genesis hash as the node tells them."""
    from archive.chain import codec

    chain_id = codec.quantity(rpc.call("eth_chainId"), "chain id")
    block = rpc.call("eth_getBlockByNumber", ["0x0", False])
    if not isinstance(block, dict):
        raise codec.bad_answer("block 0", "a block", block)
    return ChainIdentity(chain_id, codec.to_hex(codec.data(block.get("hash"), "hash of block 0", size=32)))


def check_chain(rpc: Rpc, network: KnownChain) -> ChainIdentity:
    """Make sure that the node is on the chain that is meant, and return its identity.

    Raises:
        InvalidInputError: `chain.wrong_chain_id`; `chain.other_history` when the id fits and block 0 does not (a test
            network that was started anew, or a private chain that borrows the id).
    """
    found = identify(rpc)
    if found.chain_id != network.chain_id:
        raise InvalidInputError(
            f"{network.name}: the node is on chain {found.chain_id}, expected {network.chain_id}",
            code="chain.wrong_chain_id",
            hint="the RPC URL belongs to another network",
        )
    if network.genesis is not None and found.genesis != network.genesis:
        raise InvalidInputError(
            f"{network.name}: chain {found.chain_id} has another history "
            f"(block 0 is {found.genesis}, expected {network.genesis})",
            code="chain.other_history",
            hint="the network was reset, or the node runs a private chain with the same id",
        )
    return found
