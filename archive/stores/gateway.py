"""A plain HTTP gateway of IPFS, read only: `GET /ipfs/<cid>` (specs.ipfs.tech/http-gateways).

A gateway that sends other bytes is only a nuisance: everything is hashed by the caller, and the next source is asked.
"""

from __future__ import annotations

import time
from typing import BinaryIO

from archive.errors import InvalidInputError
from archive.package.carfile import HEADER_BYTES
from archive.stores.base import MAX_FILE_BYTES, MAX_PACKAGE_BYTES, check_cid
from archive.stores.http import Clock, Http, SessionFactory, Sleep, Timing, default_session, host_of

# order=dfs, no duplicates: what a streaming reader can check with bounded memory
_CAR = "application/vnd.ipld.car; version=1; order=dfs; dups=n"
_RAW = "application/vnd.ipld.raw"
_GONE = (404, 410)
_EMPTY_CAR = HEADER_BYTES + 1  # the header with its length, no block
# the CID of the empty identity block: every gateway answers it, without looking for anything
_PROBE = "bafkqaaa"


class GatewayReader:
    """Reads packages as CAR and files as plain bytes from a gateway."""

    def __init__(
        self,
        url: str,
        *,
        name: str = "gateway",
        operator: str | None = None,
        timing: Timing | None = None,
        clock: Clock = time.monotonic,
        sleep: Sleep = time.sleep,
        session_factory: SessionFactory = default_session,
    ) -> None:
        self._http = Http(
            url,
            code="store.gateway",
            what=f"{name} (gateway)",
            timing=timing,
            clock=clock,
            sleep=sleep,
            session_factory=session_factory,
            attempts=1,
        )
        self.name = name
        self.endpoint = self._http.base_url
        self.operator = operator or host_of(self.endpoint)

    def fetch_package(self, content_id: str, sink: BinaryIO, *, max_bytes: int = MAX_PACKAGE_BYTES) -> None:
        self._fetch(content_id, {"format": "car", "dag-scope": "all"}, _CAR, sink, max_bytes)

    def fetch_file(self, cid: str, sink: BinaryIO, *, max_bytes: int = MAX_FILE_BYTES) -> None:
        # a file of one chunk is its own raw block, which trustless gateways serve too
        if cid.startswith("bafkrei"):
            self._fetch(cid, {"format": "raw"}, _RAW, sink, max_bytes)
        else:
            self._fetch(cid, {}, "*/*", sink, max_bytes)

    def _fetch(self, cid: str, params: dict[str, str], accept: str, sink: BinaryIO, max_bytes: int) -> None:
        started = self._http.clock()
        path = f"/ipfs/{check_cid(cid)}"
        with self._http.stream("GET", path, params=params, headers={"Accept": accept}) as response:
            status = response.status_code
            if status in _GONE:
                raise self._http.unreachable(f"does not hold {cid} ({status})", suffix="not_found")
            if status == 429:
                raise self._http.unreachable("asks us to come back later (429)", suffix="busy")
            if status != 200:
                raise self._http.unreachable(f"answered {status}", suffix="server_error")
            media_type = response.headers.get("Content-Type", "")
            if params.get("format") == "car" and media_type.startswith("text/html"):
                raise InvalidInputError(
                    f"{self._http.what}: answered a web page instead of the package",
                    code="store.gateway.bad_answer",
                    hint="is this a gateway that serves ?format=car?",
                )
            size = self._http.download(response, sink, max_bytes=max_bytes, started=started)
            if params.get("format") == "car" and size <= _EMPTY_CAR:
                # Kubo has said 200 by the time it notices that it lacks the root: a header and no block
                raise self._http.unreachable(f"does not hold {cid} (an empty CAR)", suffix="not_found")

    def has(self, content_id: str) -> bool:
        path = f"/ipfs/{check_cid(content_id)}"
        with self._http.stream("GET", path, params={"format": "raw"}, headers={"Accept": _RAW}) as response:
            if response.status_code in _GONE:
                return False
            if response.status_code != 200:
                raise self._http.unreachable(f"answered {response.status_code}", suffix="server_error")
            return True

    def check(self) -> str:
        status, _ = self._http.ask("GET", f"/ipfs/{_PROBE}", headers={"Accept": _RAW}, params={"format": "raw"})
        if status != 200:
            raise self._http.unreachable(f"answered {status} to an empty block", suffix="server_error")
        return "gateway answers"
