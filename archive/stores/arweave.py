"""Arweave: one transaction per package CAR, stored only when it was downloaded again and hashed.

A gateway's 200 means little: it may have taken a wrong data root, may never mine, may lose the chunks. So `put_package`
posts, waits for the transaction to be mined, downloads, and compares. What it could not see to the end is a `pending`
pin, and running it again goes on with the same signed transaction (kept in `state_dir`), which can be paid for only
once. HTTP API: docs.arweave.org/developers/arweave-node-server/http-api.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final

from archive import __version__, jsontext
from archive.errors import (
    ArchiveError,
    InvalidInputError,
    RefusedError,
    UnreachableError,
    UsageError,
)
from archive.stores import arweave_codec as codec
from archive.stores.base import MAX_FILE_BYTES, MAX_PACKAGE_BYTES, BoundedSink, Pin, PinStatus, check_cid
from archive.stores.http import Clock, Http, SessionFactory, Sleep, Timing, default_session, host_of
from archive.workspace import write_atomic

APP_NAME: Final = "incident-archive"
CAR_TYPE: Final = "application/vnd.ipld.car"
_ANCHOR_BLOCKS: Final = 50  # a transaction whose anchor is older can no longer be mined
_ANCHOR_MARGIN: Final = 20
_MAX_CANDIDATES: Final = 16
_PRICE_RISE: Final = (11, 10)  # at most 10 % above the price that was shown
_FATAL_CHUNK: Final = (
    "invalid_json",
    "chunk_too_big",
    "data_path_too_big",
    "offset_too_big",
    "data_size_too_big",
    "chunk_proof_ratio_not_attractive",
    "invalid_proof",
)

CheckCar = Callable[[BinaryIO, str], object]


@dataclass(frozen=True, slots=True)
class ArweaveTiming:
    """Seconds: how long to wait for a transaction to be mined and for its bytes to be served, and how often to ask."""

    mined: float = 3600.0
    served: float = 900.0
    poll: float = 15.0


@dataclass(frozen=True, slots=True)
class Quote:
    """What storing `size` bytes costs now, in winston (10⁻¹² AR), exact."""

    size: int
    price: int
    balance: int
    address: str

    def to_json(self) -> dict[str, object]:
        return {
            "size": self.size,
            "price_winston": str(self.price),
            "price_ar": codec.format_ar(self.price),
            "balance_winston": str(self.balance),
            "address": self.address,
        }


@dataclass(slots=True)
class _State:
    """One upload, as kept in `state_dir` between runs: public facts only."""

    content_id: str
    sha256: str
    size: int
    height: int
    transaction: dict[str, Any]
    posted: bool = False
    chunks_done: int = 0
    path: Path = field(default_factory=Path)

    @property
    def tx_id(self) -> str:
        return codec.check_tx_id(str(self.transaction["id"]))

    def save(self) -> None:
        value = {
            "format": "incident-archive-arweave-upload/1",
            "content_id": self.content_id,
            "sha256": self.sha256,
            "size": self.size,
            "height": self.height,
            "transaction": self.transaction,
            "posted": self.posted,
            "chunks_done": self.chunks_done,
        }
        write_atomic(self.path, json.dumps(value, indent=1).encode(), mode=0o600)

    @classmethod
    def load(cls, path: Path) -> _State | None:
        try:
            value = json.loads(path.read_bytes())
            state = cls(
                content_id=str(value["content_id"]),
                sha256=str(value["sha256"]),
                size=int(value["size"]),
                height=int(value["height"]),
                transaction=dict(value["transaction"]),
                posted=value["posted"] is True,
                chunks_done=int(value["chunks_done"]),
                path=path,
            )
            _ = state.tx_id
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, OSError, InvalidInputError):
            # starting over could pay twice, so a person decides
            raise InvalidInputError(
                f"{path}: the record of an Arweave upload under way is damaged",
                code="store.arweave.bad_state",
                hint="look for the transaction by its Content-Id tag before you delete this file",
            ) from None
        return state


class _Gateway:
    """Requests that reader and writer share."""

    def __init__(self, http: Http) -> None:
        self.http = http

    def info(self) -> dict[str, Any]:
        status, text = self.http.ask("GET", "/info")
        value = _json(text)
        if status != 200 or not isinstance(value, dict) or not isinstance(value.get("network"), str):
            raise InvalidInputError(
                f"{self.http.what}: the answer to /info is not Arweave's",
                code="store.arweave.bad_answer",
                hint="is this an Arweave gateway?",
            )
        return value

    def height(self) -> int:
        value = self.info().get("height")
        return value if isinstance(value, int) else 0

    def download(self, tx_id: str, sink: Any, *, max_bytes: int) -> int:
        started = self.http.clock()
        with self.http.stream("GET", f"/{codec.check_tx_id(tx_id)}") as response:
            status = response.status_code
            if status in (202, 404, 410):
                raise self.http.unreachable(f"does not hold {tx_id} ({status})", suffix="not_found")
            if status != 200:
                raise self.http.unreachable(f"answered {status}", suffix="busy" if status == 429 else "server_error")
            return self.http.download(response, sink, max_bytes=max_bytes, started=started)

    def candidates(self, content_id: str) -> list[str]:
        """Transactions that somebody tagged with this content id (anybody can), oldest first."""
        query = (
            "query($id: [String!]!, $app: [String!]!) { transactions(first: 16, sort: HEIGHT_ASC, tags: "
            '[{name: "App-Name", values: $app}, {name: "Content-Id", values: $id}]) { edges { node { id } } } }'
        )
        body = json.dumps({"query": query, "variables": {"id": [content_id], "app": [APP_NAME]}}).encode()
        status, text = self.http.ask("POST", "/graphql", headers={"Content-Type": "application/json"}, body=body)
        if status != 200:
            raise self.http.unreachable(f"cannot look up by tag (/graphql answered {status})", suffix="not_found")
        try:
            edges = _json(text)["data"]["transactions"]["edges"]
            found = [codec.check_tx_id(str(edge["node"]["id"])) for edge in edges]
        except (KeyError, TypeError):
            raise InvalidInputError(
                f"{self.http.what}: the answer to a GraphQL query cannot be read",
                code="store.arweave.bad_answer",
                hint="ask another gateway",
            ) from None
        return found[:_MAX_CANDIDATES]


class ArweaveReader:
    """Reads by transaction id where a pin named one (`locators`), else by tag. Base dependencies only."""

    def __init__(
        self,
        url: str,
        *,
        name: str = "arweave",
        operator: str | None = None,
        locators: Mapping[str, str] | None = None,
        timing: Timing | None = None,
        clock: Clock = time.monotonic,
        sleep: Sleep = time.sleep,
        session_factory: SessionFactory = default_session,
        check_car: CheckCar | None = None,
    ) -> None:
        self._gateway = _open_gateway(url, name, timing, clock, sleep, session_factory)
        self.name = name
        self.endpoint = self._gateway.http.base_url
        self.operator = operator or host_of(self.endpoint)
        self.locators = dict(locators or {})
        self._check_car = check_car

    def with_locators(self, locators: Mapping[str, str]) -> ArweaveReader:
        """The same reader, told by pins under which transactions things are (content id → transaction id)."""
        other = object.__new__(ArweaveReader)
        other.__dict__.update(self.__dict__)
        other.locators = {**self.locators, **locators}
        return other

    def fetch_package(self, content_id: str, sink: BinaryIO, *, max_bytes: int = MAX_PACKAGE_BYTES) -> None:
        check_cid(content_id)

        def right(stream: BinaryIO) -> bool:
            from archive.stores.carcheck import check_car

            (self._check_car or check_car)(stream, content_id)
            return True

        self._fetch(content_id, sink, max_bytes, right)

    def fetch_file(self, cid: str, sink: BinaryIO, *, max_bytes: int = MAX_FILE_BYTES) -> None:
        check_cid(cid)

        def right(stream: BinaryIO) -> bool:
            from archive.stores.carcheck import check_file

            check_file(stream, cid)
            return True

        self._fetch(cid, sink, max_bytes, right)

    def _fetch(self, cid: str, sink: BinaryIO, max_bytes: int, right: Callable[[BinaryIO], bool]) -> None:
        """Copy the transaction's bytes; among several that claim the same id, the first that really has it."""
        if cid in self.locators:
            self._gateway.download(self.locators[cid], sink, max_bytes=max_bytes)
            return
        found = self._gateway.candidates(cid)
        if not found:
            raise self._gateway.http.unreachable(f"knows no transaction for {cid}", suffix="not_found")
        last: ArchiveError | None = None
        for tx_id in found:
            # anybody can tag anything with our content id, so each is checked before it is handed on
            with tempfile.TemporaryFile() as spool:
                try:
                    self._gateway.download(tx_id, spool, max_bytes=max_bytes)
                    spool.seek(0)
                    right(spool)
                except (InvalidInputError, UnreachableError) as error:
                    last = error
                    continue
                spool.seek(0)
                while piece := spool.read(1 << 20):
                    sink.write(piece)
                return
        if isinstance(last, UnreachableError):
            raise last
        raise InvalidInputError(
            f"{self.name} (Arweave): {len(found)} transaction(s) claim {cid}, none has its bytes",
            code="store.arweave.wrong_bytes",
            hint="anybody can claim an id; ask another source",
        )

    def has(self, content_id: str) -> bool:
        return content_id in self.locators or bool(self._gateway.candidates(check_cid(content_id)))

    def check(self) -> str:
        info = self._gateway.info()
        return f"{info['network'][:40]} at height {info.get('height')}"


class ArweaveWriter:
    """Stores packages and files on Arweave and proves to itself that they can be read again.

    Args:
        url: the gateway or node that takes transactions.
        keyfile: JWK of the paying wallet, readable by its owner only.
        state_dir: where signed transactions are kept until they are stored; without it nothing can be resumed.
        confirmations: how many blocks must have the transaction before it counts as mined.
        max_winston: never pay more than this for one transaction.
    """

    def __init__(
        self,
        url: str,
        keyfile: Path,
        *,
        state_dir: Path,
        name: str = "arweave",
        operator: str | None = None,
        confirmations: int = 1,
        max_winston: int | None = None,
        timing: Timing | None = None,
        waits: ArweaveTiming | None = None,
        clock: Clock = time.monotonic,
        sleep: Sleep = time.sleep,
        session_factory: SessionFactory = default_session,
    ) -> None:
        self._gateway = _open_gateway(url, name, timing, clock, sleep, session_factory)
        self._http = self._gateway.http
        self.name = name
        self.endpoint = self._http.base_url
        self.operator = operator or host_of(self.endpoint)
        self._keyfile = keyfile
        self._state_dir = state_dir
        self._confirmations = confirmations
        self._max_winston = max_winston
        self._waits = waits or ArweaveTiming()
        self._key: codec.Key | None = None
        self._quoted: dict[int, int] = {}

    @property
    def address(self) -> str:
        """The paying wallet's address."""
        return self._load_key().address

    def _load_key(self) -> codec.Key:
        if self._key is None:
            self._key = codec.load_key(self._keyfile)
        return self._key

    def quote(self, size: int) -> Quote:
        """What `size` bytes cost now and what the wallet has. `put_…` refuses a price that rose by more than 10 %."""
        price = self._amount(f"/price/{size}", "price")
        balance = self._amount(f"/wallet/{self.address}/balance", "balance")
        self._quoted.setdefault(size, price)
        return Quote(size=size, price=price, balance=balance, address=self.address)

    def _amount(self, path: str, what: str) -> int:
        status, text = self._http.ask("GET", path)
        if status != 200:
            raise self._http.unreachable(f"answered {status} to {what}", suffix="server_error")
        return codec.parse_winston(text, what=what)

    def put_package(self, car: Path, content_id: str, *, root: str) -> Pin:
        tags = {"Content-Type": CAR_TYPE, **_app_tags(), "Root": root, "Content-Id": check_cid(content_id)}
        return self._put(car, content_id, tags)

    def put_file(self, path: Path, cid: str) -> Pin:
        kind = "application/json" if path.suffix == ".json" else "application/octet-stream"
        return self._put(path, cid, {"Content-Type": kind, **_app_tags(), "Content-Id": check_cid(cid)})

    def _put(self, path: Path, cid: str, tags: Mapping[str, str]) -> Pin:
        key = self._load_key()
        plan = codec.plan_chunks(path)
        state = _State.load(self._state_dir / f"arweave-{self._network()}-{cid}.json")
        if state is not None and (state.sha256 != plan.sha256 or state.size != plan.size):
            raise InvalidInputError(
                f"{path.name}: an Arweave upload of other bytes under {cid} is under way",
                code="store.arweave.other_upload",
                hint=f"it is recorded in {state.path}",
            )
        if state is not None and self._is_dead(state):
            state = None
        if state is None:
            state = self._sign(key, plan, cid, tags)
        if self._status(state.tx_id) is None:
            self._post(state, path, plan)
        elif not state.posted:
            state.posted = True
            state.save()
        self._upload_chunks(state, path, plan)
        return self._settle(state, path, plan)

    def _network(self) -> str:
        name = str(self._gateway.info()["network"])
        return "".join(c if c.isalnum() or c in "._" else "_" for c in name)[:40]

    def _sign(self, key: codec.Key, plan: codec.ChunkPlan, cid: str, tags: Mapping[str, str]) -> _State:
        shown = self._quoted.get(plan.size)
        quote = self.quote(plan.size)
        price = quote.price
        if self._max_winston is not None and price > self._max_winston:
            raise RefusedError(
                f"{self._http.what}: asks {codec.format_ar(price)} AR, more than the most you allow "
                f"({codec.format_ar(self._max_winston)} AR)",
                code="store.arweave.too_dear",
                hint="raise max_winston in config.toml, or try later",
            )
        if shown is not None and price * _PRICE_RISE[1] > shown * _PRICE_RISE[0]:
            raise RefusedError(
                f"{self._http.what}: the price rose from {codec.format_ar(shown)} to {codec.format_ar(price)} AR",
                code="store.arweave.too_dear",
                hint="run it again to see the new price and decide",
            )
        if quote.balance < price:
            raise RefusedError(
                f"{self._http.what}: storing {plan.size:,} bytes costs {codec.format_ar(price)} AR, the wallet has "
                f"{codec.format_ar(quote.balance)} AR",
                code="store.arweave.no_funds",
                hint=f"send AR to {quote.address}",
            )
        height = self._gateway.height()
        status, anchor = self._http.ask("GET", "/tx_anchor")
        if status != 200 or len(anchor.strip()) > 100:
            raise self._http.unreachable(f"answered {status} to /tx_anchor", suffix="server_error")
        signed = codec.sign_transaction(key, plan, anchor=anchor.strip(), reward=price, tags=tags)
        state = _State(
            content_id=cid,
            sha256=plan.sha256,
            size=plan.size,
            height=height,
            transaction=signed,
            path=self._state_dir / f"arweave-{self._network()}-{cid}.json",
        )
        # written down before it is posted: whatever happens next, the same transaction is found again
        state.save()
        return state

    def _is_dead(self, state: _State) -> bool:
        """Whether a transaction of an earlier run can never be mined any more, so that a new one pays only once."""
        if self._status(state.tx_id) is not None:
            return False
        return self._gateway.height() > state.height + _ANCHOR_BLOCKS + _ANCHOR_MARGIN

    def _status(self, tx_id: str) -> int | None:
        """Confirmations of a transaction: 0 while it is waiting, None when the gateway does not know it."""
        status, text = self._http.ask("GET", f"/tx/{tx_id}/status")
        if status == 202:
            return 0
        if status in (404, 410):
            return None
        value = _json(text)
        if status != 200:
            raise self._http.unreachable(f"answered {status} to /tx/…/status", suffix="server_error")
        if isinstance(value, dict) and type(value.get("block_height")) is int:
            count = value.get("number_of_confirmations")
            # arlocal counts the blocks on top, a node counts the block itself too
            return max(count, 1) if type(count) is int else 1
        return 0  # a bare "Pending"

    def _post(self, state: _State, path: Path, plan: codec.ChunkPlan) -> None:
        body = dict(state.transaction)
        if len(plan.chunks) == 1:
            # one chunk goes with the transaction
            body["data"] = codec.b64url(path.read_bytes())
        status, text = self._http.ask(
            "POST", "/tx", headers={"Content-Type": "application/json"}, body=json.dumps(body).encode()
        )
        if status not in (200, 202, 208):
            raise RefusedError(
                f"{self._http.what}: refused the transaction ({status}: {text[:200].strip()})",
                code="store.arweave.refused",
                hint="nothing was paid; run it again to try again",
            )
        state.posted = True
        state.save()

    def _upload_chunks(self, state: _State, path: Path, plan: codec.ChunkPlan, *, again: bool = False) -> None:
        if again:
            state.chunks_done = 0
        elif len(plan.chunks) == 1:
            return  # it went with the transaction
        for index in range(state.chunks_done, len(plan.chunks)):
            status, text = self._http.ask(
                "POST", "/chunk", headers={"Content-Type": "application/json"}, body=plan.body(path, index)
            )
            if status not in (200, 202, 208):
                reason = next((word for word in _FATAL_CHUNK if word in text), text[:100].strip())
                raise RefusedError(
                    f"{self._http.what}: refused chunk {index + 1} of {len(plan.chunks)} ({status}: {reason})",
                    code="store.arweave.refused_chunk",
                    hint="run it again to go on from this chunk; nothing is paid twice",
                )
            state.chunks_done = index + 1
            state.save()

    def _settle(self, state: _State, path: Path, plan: codec.ChunkPlan) -> Pin:
        """Wait until it is mined, download it, compare. `pending` when a deadline passes first."""
        mines_when_asked = str(self._gateway.info()["network"]).startswith("arlocal")
        started = self._http.clock()
        while (self._status(state.tx_id) or 0) < self._confirmations:
            if mines_when_asked:
                self._http.ask("GET", "/mine")
                if (self._status(state.tx_id) or 0) >= self._confirmations:
                    break
            if self._http.clock() - started + self._waits.poll > self._waits.mined:
                return self._pin(state, verified=False, status="pending", detail="not mined yet")
            self._http.sleep(self._waits.poll)
        started = self._http.clock()
        sent_again = False
        while True:
            sink = BoundedSink(None, max_bytes=plan.size, what=self._http.what)
            try:
                self._gateway.download(state.tx_id, sink, max_bytes=plan.size)
            except UnreachableError as error:
                if self._http.clock() - started + self._waits.poll > self._waits.served:
                    return self._pin(state, verified=False, status="pending", detail=error.message)
                if error.code.endswith(".not_found") and not sent_again:
                    # mined, but the bytes are gone: chunks may be sent again, at no cost
                    sent_again = True
                    self._upload_chunks(state, path, plan, again=True)
                self._http.sleep(self._waits.poll)
                continue
            except InvalidInputError as error:
                if error.code != "store.too_large":
                    raise
            if sink.size != plan.size or sink.sha256 != plan.sha256:
                raise InvalidInputError(
                    f"{self._http.what}: returns other bytes for {state.tx_id} "
                    f"(expected {plan.sha256}, found {sink.sha256}, {sink.size:,} bytes)",
                    code="store.arweave.wrong_bytes",
                    hint="not stored there; ask another gateway for the same transaction before you pay again",
                )
            return self._pin(state, verified=True, status="stored", detail=None)

    def _pin(self, state: _State, *, verified: bool, status: PinStatus, detail: str | None) -> Pin:
        return Pin(
            store=self.name,
            locator=state.tx_id,
            content_id=state.content_id,
            operator=self.operator,
            verified=verified,
            status=status,
            detail=detail,
        )

    def check(self) -> str:
        info = self._gateway.info()
        balance = self._amount(f"/wallet/{self.address}/balance", "balance")
        return f"{info['network'][:40]} at height {info.get('height')}, wallet holds {codec.format_ar(balance)} AR"


def _open_gateway(
    url: str, name: str, timing: Timing | None, clock: Clock, sleep: Sleep, session_factory: SessionFactory
) -> _Gateway:
    if not url:
        raise UsageError("Arweave: no gateway is configured", code="config.bad_url", hint="set ARCHIVE_ARWEAVE_URL")
    return _Gateway(
        Http(
            url,
            code="store.arweave",
            what=f"{name} (Arweave)",
            timing=timing,
            clock=clock,
            sleep=sleep,
            session_factory=session_factory,
        )
    )


def _app_tags() -> dict[str, str]:
    return {"App-Name": APP_NAME, "App-Version": __version__}


def _json(text: str) -> Any:
    try:
        return jsontext.loads(text)
    except ValueError:
        return None
