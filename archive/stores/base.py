"""The narrow protocols of a store, and what they hand around.

A reader streams bytes that nobody has checked yet; whoever calls it recomputes hashes. A writer hands back a `Pin`,
which is what the store *said*; only a download (`archive.stores.readback`) shows that the bytes are there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Literal, Protocol, runtime_checkable

from archive.errors import ArchiveError, InvalidInputError, UsageError
from archive.package import cid as cids

MAX_PACKAGE_BYTES: Final = 1 << 38  # 256 GiB: no store may stream for ever
MAX_FILE_BYTES: Final = 64 << 20  # bundles and catalogues: the limit of format 1

PinStatus = Literal["stored", "pending"]


@dataclass(frozen=True, slots=True)
class Pin:
    """What a store said after it was given something.

    `locator` is how that store finds it again (a path, CID or transaction id, never a host name). `status` is
    `pending` while the store has taken the bytes but they are not there for good (an Arweave transaction that is not
    mined). `verified` is true only when the bytes were downloaded again and hashed.
    """

    store: str
    locator: str
    content_id: str
    operator: str
    verified: bool
    status: PinStatus = "stored"
    detail: str | None = None

    def to_json(self) -> dict[str, object]:
        return {
            "store": self.store,
            "locator": self.locator,
            "content_id": self.content_id,
            "operator": self.operator,
            "verified": self.verified,
            "status": self.status,
            "detail": self.detail,
        }

    @classmethod
    def from_json(cls, value: object) -> Pin:
        """Read what `to_json` wrote (a journal)."""
        if not isinstance(value, dict) or value.get("status") not in ("stored", "pending"):
            raise InvalidInputError("a pin in the journal is malformed", code="store.bad_pin")
        detail = value.get("detail")
        return cls(
            store=str(value["store"]),
            locator=str(value["locator"]),
            content_id=str(value["content_id"]),
            operator=str(value["operator"]),
            verified=value["verified"] is True,
            status="stored" if value["status"] == "stored" else "pending",
            detail=None if detail is None else str(detail),
        )


@runtime_checkable
class Reader(Protocol):
    """A place to ask for bytes. Everything it writes to `sink` is untrusted.

    `endpoint` names the process that answers (a URL or folder, never published): a reader at the writer's own
    endpoint is not a second witness. `operator` names who runs it: two readers of one operator count once.

    Errors: `UnreachableError` when it cannot be asked or breaks off (code `….not_found` when it answered that it has
    no such thing), `InvalidInputError` when its answer is wrong in itself.
    """

    @property
    def name(self) -> str: ...
    @property
    def operator(self) -> str: ...
    @property
    def endpoint(self) -> str: ...

    def fetch_package(self, content_id: str, sink: BinaryIO, *, max_bytes: int = MAX_PACKAGE_BYTES) -> None:
        """Write the package as a CAR to `sink`."""
        ...

    def fetch_file(self, cid: str, sink: BinaryIO, *, max_bytes: int = MAX_FILE_BYTES) -> None:
        """Write the plain bytes of one file to `sink`."""
        ...

    def has(self, content_id: str) -> bool:
        """Whether the store says that it holds this; a hint, not a proof."""
        ...

    def check(self) -> str:
        """Ask the store whether it is there; a short line about it (its version)."""
        ...


@runtime_checkable
class Writer(Protocol):
    """A place that takes packages and files. Putting the same thing twice is the same as putting it once."""

    @property
    def name(self) -> str: ...
    @property
    def operator(self) -> str: ...
    @property
    def endpoint(self) -> str: ...

    def put_package(self, car: Path, content_id: str, *, root: str) -> Pin:
        """Store the CAR at path `car`; `root` (64 hex digits) is for tags only."""
        ...

    def put_file(self, path: Path, cid: str) -> Pin:
        """Store one file whose CID was computed here."""
        ...


def check_cid(cid: str) -> str:
    """`cid` itself when it is a CID of format 1; else `store.bad_cid`. Keeps odd text out of paths and URLs."""
    try:
        cids.parse(cid)
    except InvalidInputError:
        raise UsageError(
            f"{cid[:80]!r} is not a content id",
            code="store.bad_cid",
            hint="a content id is a CIDv1 in base32: bafybei… (59 characters)",
        ) from None
    return cid


def is_not_found(error: ArchiveError) -> bool:
    """Whether a reader answered that it does not hold the thing (as opposed to not answering)."""
    return error.code.endswith(".not_found")


def independent_operators(verified: Iterable[tuple[str, str]], *, writers: Iterable[str] = ()) -> int:
    """How many operators hold the bytes independently.

    Args:
        verified: (operator, endpoint) of each reader whose bytes were fetched and matched.
        writers: endpoints of the processes that stored them: a process that reads back its own write shows nothing.
    """
    own = set(writers)
    return len({operator for operator, endpoint in verified if endpoint not in own})


class BoundedSink:
    """A sink that counts and hashes what it is given, and refuses more than `max_bytes` (`store.too_large`)."""

    def __init__(self, inner: BinaryIO | None, *, max_bytes: int, what: str) -> None:
        self._inner = inner
        self._max = max_bytes
        self._what = what
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes, /) -> int:
        self.size += len(data)
        if self.size > self._max:
            raise InvalidInputError(
                f"{self._what}: sent more than {self._max:,} bytes", code="store.too_large", hint="ask another source"
            )
        self._hash.update(data)
        if self._inner is not None:
            self._inner.write(data)
        return len(data)

    @property
    def sha256(self) -> str:
        """SHA-256 of what was written so far, 64 hex digits."""
        return self._hash.hexdigest()
