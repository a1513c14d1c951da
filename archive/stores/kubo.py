"""Kubo (IPFS): CAR import and pin through `ipfshttpclient`, reading through the RPC API with the base libraries.

`ipfshttpclient.connect()` refuses every Kubo since 0.8; `Client()` does not ask, so the version is judged here.
Kubo's answers are not believed: a CID other than the one computed here is an error, and a pin counts for nothing until
`archive.stores.readback` fetched the bytes from another process. RPC API: docs.ipfs.tech/reference/kubo/rpc.
"""

from __future__ import annotations

import ipaddress
import re
import time
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final
from urllib.parse import urlsplit

from archive import jsontext
from archive.errors import (
    ArchiveWarning,
    InvalidInputError,
    MissingDependencyError,
    RefusedError,
    UnreachableError,
    UsageError,
)
from archive.stores.base import MAX_FILE_BYTES, MAX_PACKAGE_BYTES, Pin, check_cid
from archive.stores.http import Clock, Http, SessionFactory, Sleep, Timing, check_url, default_session, host_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from requests import Response

TESTED_VERSION: Final = (0, 42)
OLDEST_VERSION: Final = (0, 35)  # the first whose `add` knows --max-file-links, so that files get our CIDs

# UnixFS profile unixfs-v1-2025, spelled out: a node's own defaults may differ
_CHUNKER: Final = "size-1048576"
_ADD_OPTIONS: Final = {"max-file-links": "1024", "hash": "sha2-256"}
_MISSING: Final = ("not found", "could not find", "not pinned")


def parse_version(text: str) -> tuple[int, int]:
    """(major, minor) of a Kubo version such as `0.42.0-dev`."""
    found = re.match(r"(\d{1,4})\.(\d{1,4})(?:[.\-+]|$)", text)
    if not found:
        raise InvalidInputError(
            f"Kubo: {text[:40]!r} is not a version", code="store.kubo.bad_answer", hint="is this Kubo's RPC API?"
        )
    return int(found[1]), int(found[2])


def judge_version(text: str) -> None:
    """Refuse a Kubo that is too old (`store.kubo.too_old`), warn about one that was never tried."""
    version = parse_version(text)
    if version < OLDEST_VERSION:
        raise RefusedError(
            f"Kubo {text} is too old (oldest accepted: {_dotted(OLDEST_VERSION)})",
            code="store.kubo.too_old",
            hint=f"update Kubo; tested with {_dotted(TESTED_VERSION)}",
        )
    if version != TESTED_VERSION:
        warnings.warn(
            f"Kubo {text}: tested with {_dotted(TESTED_VERSION)} only; every CID is recomputed here all the same",
            ArchiveWarning,
            stacklevel=3,
        )


def _dotted(version: tuple[int, int]) -> str:
    return ".".join(str(part) for part in version)


def api_url(address: str) -> str:
    """The HTTP URL of an RPC address given as URL or multiaddr (`/ip4/127.0.0.1/tcp/5001`)."""
    if not address.startswith("/"):
        return check_url(address, what="Kubo")
    parts = address.strip("/").split("/")
    if len(parts) < 4 or parts[0] not in ("ip4", "ip6", "dns", "dns4", "dns6") or parts[2] != "tcp":
        raise UsageError(
            f"Kubo: {address!r} is no address", code="config.bad_url", hint="such as http://127.0.0.1:5001"
        )
    host = f"[{parts[1]}]" if parts[0] == "ip6" else parts[1]
    scheme = "https" if parts[4:] == ["https"] else "http"
    return check_url(f"{scheme}://{host}:{parts[3]}", what="Kubo")


def _multiaddr(url: str) -> str:
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        kind = f"ip{ipaddress.ip_address(host).version}"
    except ValueError:
        kind = "dns"
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return f"/{kind}/{host}/tcp/{port}/{parts.scheme}"


class KuboReader:
    """Reads packages (`dag/export`) and files (`cat`) from a Kubo node's RPC API. Base dependencies only."""

    def __init__(
        self,
        url: str,
        *,
        name: str = "kubo",
        operator: str | None = None,
        timing: Timing | None = None,
        clock: Clock = time.monotonic,
        sleep: Sleep = time.sleep,
        session_factory: SessionFactory = default_session,
    ) -> None:
        self._http = Http(
            api_url(url),
            code="store.kubo",
            what=f"{name} (Kubo)",
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
        self._fetch("dag/export", {"arg": check_cid(content_id), "progress": "false"}, content_id, sink, max_bytes)

    def fetch_file(self, cid: str, sink: BinaryIO, *, max_bytes: int = MAX_FILE_BYTES) -> None:
        self._fetch("cat", {"arg": check_cid(cid), "progress": "false"}, cid, sink, max_bytes)

    def _fetch(self, command: str, params: dict[str, str], cid: str, sink: BinaryIO, max_bytes: int) -> None:
        started = self._http.clock()
        # Kubo looks through the whole network for a block nobody has; its own deadline makes it answer
        params = {**params, "timeout": f"{int(self._http.timing.deadline)}s"}
        with self._http.stream("POST", f"/api/v0/{command}", params=params) as response:
            if response.status_code != 200:
                raise self._error(response, cid, started)
            self._http.download(response, sink, max_bytes=max_bytes, started=started)

    def _error(self, response: Response, cid: str, started: float) -> UnreachableError:
        message = _message(self._http.text(response, started=started))
        if any(words in message.lower() for words in _MISSING):
            return self._http.unreachable(f"does not hold {cid} ({message})", suffix="not_found")
        return self._http.unreachable(f"answered {response.status_code} ({message})", suffix="server_error")

    def has(self, content_id: str) -> bool:
        params = {"arg": check_cid(content_id), "offline": "true"}
        started = self._http.clock()
        with self._http.stream("POST", "/api/v0/block/stat", params=params) as response:
            if response.status_code == 200:
                return True
            error = self._error(response, content_id, started)
        if error.code.endswith(".not_found"):
            return False
        raise error

    def version(self) -> str:
        """The version the node states."""
        status, text = self._http.ask("POST", "/api/v0/version")
        try:
            value = jsontext.loads(text)
        except ValueError:
            value = None
        if status != 200 or not isinstance(value, dict) or not isinstance(value.get("Version"), str):
            raise InvalidInputError(
                f"{self._http.what}: the answer to `version` is not Kubo's",
                code="store.kubo.bad_answer",
                hint="is this Kubo's RPC API (port 5001 by default), not its gateway?",
            )
        return str(value["Version"])

    def check(self) -> str:
        version = self.version()
        judge_version(version)
        return f"Kubo {version}"


class KuboWriter:
    """Imports a package's CAR and pins it (extra `publish`: needs `ipfshttpclient`)."""

    def __init__(
        self,
        url: str,
        *,
        name: str = "kubo",
        operator: str | None = None,
        timing: Timing | None = None,
        clock: Clock = time.monotonic,
        client_factory: Callable[[str, Timing], Any] | None = None,
    ) -> None:
        self.name = name
        self.endpoint = api_url(url)
        self.operator = operator or host_of(self.endpoint)
        self._timing = timing or Timing()
        self._clock = clock
        self._factory = client_factory or _open_client

    def put_package(self, car: Path, content_id: str, *, root: str) -> Pin:
        check_cid(content_id)
        with self._client() as client, car.open("rb") as stream:
            answer = client.dag.imprt(
                _Deadline(stream, self._clock, self._timing.deadline, self.name), opts={"pin-roots": "true"}
            )
            found, pin_error = _imported_root(answer)
            self._same(found, content_id)
            if pin_error:
                raise RefusedError(
                    f"{self.name} (Kubo): took the package but did not pin it ({pin_error[:200]})",
                    code="store.kubo.not_pinned",
                    hint="is the CAR complete, and is there room on the node's disk?",
                )
            self._assert_pinned(client, content_id)
        return self._pin(content_id)

    def put_file(self, path: Path, cid: str) -> Pin:
        check_cid(cid)
        with self._client() as client, path.open("rb") as stream:
            bounded = _Deadline(stream, self._clock, self._timing.deadline, self.name)
            answer = client.add(
                bounded, raw_leaves=True, cid_version=1, chunker=_CHUNKER, pin=True, opts=dict(_ADD_OPTIONS)
            )
            self._same(str(_field(answer, "Hash")), cid)
            self._assert_pinned(client, cid)
        return self._pin(cid)

    def _pin(self, cid: str) -> Pin:
        return Pin(store=self.name, locator=cid, content_id=cid, operator=self.operator, verified=False)

    def _same(self, found: str, expected: str) -> None:
        if found != expected:
            raise InvalidInputError(
                f"{self.name} (Kubo): answered another content id (expected {expected}, found {found[:80]})",
                code="store.kubo.wrong_cid",
                hint="do not trust this node: it changed the package, or runs other rules than UnixFS unixfs-v1-2025",
            )

    def _assert_pinned(self, client: Any, cid: str) -> None:
        answer = client.pin.ls(f"/ipfs/{cid}", type="recursive")
        keys = _field(answer, "Keys")
        if not isinstance(keys, dict) or cid not in keys:
            raise RefusedError(
                f"{self.name} (Kubo): {cid} is not among its pins", code="store.kubo.not_pinned", hint="pin it again"
            )

    @contextmanager
    def _client(self) -> Iterator[Any]:
        """A client whose exceptions are ours, after the node's version was judged."""
        try:
            import ipfshttpclient.exceptions as theirs
        except ModuleNotFoundError:
            raise MissingDependencyError(
                "writing to Kubo needs ipfshttpclient",
                code="dependency.missing",
                hint='pip install "incident-archive[publish]"',
            ) from None
        what = f"{self.name} (Kubo)"
        hint = f"is it running and is the address right ({self.endpoint})?"
        try:
            client = self._factory(self.endpoint, self._timing)
            judge_version(str(_field(client.version(), "Version")))
            yield client
        except theirs.TimeoutError:
            raise UnreachableError(f"{what}: did not answer in time", code="store.kubo.timeout", hint=hint) from None
        except (theirs.ErrorResponse, theirs.StatusError) as error:
            raise RefusedError(f"{what}: {str(error)[:300]}", code="store.kubo.refused", hint=None) from None
        except theirs.CommunicationError as error:
            raise UnreachableError(
                f"{what}: cannot be reached ({type(error).__name__})", code="store.kubo.unreachable", hint=hint
            ) from None
        except (theirs.Error, AssertionError, LookupError, TypeError, AttributeError) as error:
            # the library asserts and indexes its way through answers
            raise InvalidInputError(
                f"{what}: its answer cannot be read ({type(error).__name__})",
                code="store.kubo.bad_answer",
                hint="is this Kubo's RPC API?",
            ) from error
        except (ConnectionError, TimeoutError) as error:
            raise UnreachableError(
                f"{what}: the connection broke off ({type(error).__name__})", code="store.kubo.unreachable", hint=hint
            ) from None

    def check(self) -> str:
        """The node's version; raises when it is down, too old, or not Kubo."""
        with self._client() as client:
            return f"Kubo {_field(client.version(), 'Version')}"


def _open_client(url: str, timing: Timing) -> Any:
    import ipfshttpclient

    # the library's habit, not the user's concern: urllib3 is held below 3 for it
    warnings.filterwarnings("ignore", message="The 'strict' parameter", category=FutureWarning)
    # `Client`, not `connect`: see the module's docstring. 1 MiB pieces: the default of 8 KiB is slow for big packages
    return ipfshttpclient.Client(_multiaddr(url), timeout=(timing.connect, timing.read), chunk_size=1 << 20)


def _field(answer: Any, key: str) -> Any:
    """One field of an answer of `ipfshttpclient`, as plain JSON."""
    value = answer.as_json() if hasattr(answer, "as_json") else answer
    if not isinstance(value, dict) or key not in value:
        raise InvalidInputError(
            f"Kubo: its answer lacks {key!r}", code="store.kubo.bad_answer", hint="is this Kubo's RPC API?"
        )
    return value[key]


def _imported_root(answer: Any) -> tuple[str, str]:
    """Root CID and pin error of an answer to `dag/import`; exactly one root is expected."""
    root = _field(answer, "Root")
    return str(_field(_field(root, "Cid"), "/")), str(root.get("PinErrorMsg") or "")


def _message(text: str) -> str:
    try:
        value = jsontext.loads(text)
    except ValueError:
        return text[:200]
    return str(value.get("Message", text))[:200] if isinstance(value, dict) else text[:200]


class _Deadline:
    """A file that stops being read when the upload has taken too long."""

    def __init__(self, stream: BinaryIO, clock: Clock, seconds: float, name: str) -> None:
        self._stream = stream
        self._clock = clock
        self._end = clock() + seconds
        self._name = name
        self.name = "package.car"  # the file name in the upload: tells nothing of our disk

    def read(self, size: int = -1) -> bytes:
        if self._clock() > self._end:
            raise UnreachableError(
                f"{self._name} (Kubo): the upload took too long", code="store.kubo.timeout", hint="try again"
            )
        return self._stream.read(size)
