"""The journal of one publication: what has been done, written down before the next thing is begun.

One file per incident, revision and network, `<workspace>/journal/<id>-r<revision>-<network>.json`, replaced atomically
after every step. Each step leaves one frozen value; a value that is there is never computed again, only checked. The
signed transaction is in the journal before it is sent, so that a process killed between sending and hearing back
sends the same bytes again instead of paying for new ones.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from archive.errors import InvalidInputError
from archive.stores.base import Pin
from archive.workspace import Workspace, write_atomic

MAX_BYTES = 16 * 1024 * 1024

_HEX64 = r"^[0-9a-f]{64}$"
_HASH = r"^0x[0-9a-f]{64}$"
_ADDRESS = r"^0x[0-9a-f]{40}$"
_RAW = r"^0x([0-9a-f]{2})+$"


class _Step(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Packed(_Step):
    """The package is built and in the local store."""

    root: str = Field(pattern=_HEX64)
    content_id: str
    previous_root: str | None = Field(pattern=_HEX64)
    header_publisher: str | None = Field(pattern=_ADDRESS)
    car_sha256: str = Field(pattern=_HEX64)
    car_size: int = Field(ge=1)


class Signed(_Step):
    """The anchoring transaction is signed; it may or may not have been sent."""

    transaction: str = Field(pattern=_HASH)
    raw: str = Field(pattern=_RAW)


class Anchored(_Step):
    """The registry holds the entry; the block may still be reorganised away."""

    transaction: str = Field(pattern=_HASH)
    block: int = Field(ge=0)
    block_hash: str = Field(pattern=_HASH)
    timestamp: int = Field(ge=0)


class Final(_Step):
    """The anchor's block is final by the stated rule (`3 confirmations`, `finalized`)."""

    transaction: str = Field(pattern=_HASH)
    block: int = Field(ge=0)
    block_hash: str = Field(pattern=_HASH)
    timestamp: int = Field(ge=0)
    rule: str


class Bundled(_Step):
    """The proof bundle is written: `path` relative to the workspace, `cid` and `sha256` of its bytes."""

    path: str
    cid: str
    sha256: str = Field(pattern=_HEX64)
    size: int = Field(ge=1)


class Pinned(_Step):
    """A store has taken the package (or bundle): `archive.stores.base.Pin` as the journal keeps it."""

    store: str
    locator: str
    content_id: str
    operator: str
    verified: bool
    status: Literal["stored", "pending"] = "stored"
    detail: str | None = None

    @classmethod
    def from_pin(cls, pin: Pin) -> Pinned:
        return cls(
            store=pin.store,
            locator=pin.locator,
            content_id=pin.content_id,
            operator=pin.operator,
            verified=pin.verified,
            status=pin.status,
            detail=pin.detail,
        )


class Catalogued(_Step):
    """The signed catalogue that lists this publication, as it was put into the stores: CID and SHA-256 of its bytes."""

    cid: str
    sha256: str = Field(pattern=_HEX64)
    size: int = Field(ge=1)


class Checked(_Step):
    """What one place gave back when the package was downloaded again; `independent` when nothing was written to it."""

    store: str
    operator: str
    status: Literal["verified", "mismatch", "unreachable", "not_found"]
    independent: bool


class Journal(_Step):
    """All steps of one publication so far; `None` or absent for those still to come.

    `waived` and `stores` are what the publisher agreed to when asked; `stamped` are entries of the bundle's `stamps`.
    """

    format: Literal["incident-archive-journal/1"] = "incident-archive-journal/1"
    incident: str
    revision: int = Field(ge=1)
    network: str
    chain_id: int = Field(ge=1)
    genesis: str = Field(pattern=_HASH)
    registry: str = Field(pattern=_ADDRESS)
    publisher: str = Field(pattern=_ADDRESS)
    waived: tuple[str, ...] = ()
    stores: tuple[str, ...] = ()
    packed: Packed | None = None
    signed: Signed | None = None
    anchored: Anchored | None = None
    final: Final | None = None
    stamped: tuple[dict[str, Any], ...] | None = None
    bundle: Bundled | None = None
    pins: tuple[Pinned, ...] = ()
    bundle_pins: tuple[Pinned, ...] = ()
    read_back: tuple[Checked, ...] = ()
    operators: int = Field(default=0, ge=0)
    catalogued: bool = False
    catalogue: Catalogued | None = None
    catalogue_pins: tuple[Pinned, ...] = ()

    @property
    def may_be_anchored(self) -> bool:
        """True once a transaction was signed: from then on the root may be on chain, whatever else is known."""
        return self.signed is not None or self.anchored is not None

    def pin(self, store: str) -> Pinned | None:
        return next((pin for pin in self.pins if pin.store == store), None)

    def bundle_pin(self, store: str) -> Pinned | None:
        return next((pin for pin in self.bundle_pins if pin.store == store), None)

    def catalogue_pin(self, store: str) -> Pinned | None:
        return next((pin for pin in self.catalogue_pins if pin.store == store), None)


def journal_path(workspace: Workspace, incident: str, revision: int, network: str) -> Path:
    return workspace.journal / f"{incident}-r{revision}-{network}.json"


def load_journal(path: Path) -> Journal | None:
    """The journal at `path`, or None when there is none. Raises `publish.journal_damaged`."""
    try:
        with path.open("rb") as handle:
            data = handle.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    try:
        if len(data) > MAX_BYTES:
            raise ValueError(f"larger than {MAX_BYTES:,} bytes")
        return Journal.model_validate_json(data)
    except (ValidationError, ValueError) as error:
        raise InvalidInputError(
            f"{path}: the journal of this publication cannot be read: {_first_line(error)}",
            code="publish.journal_damaged",
            hint="restore the file from a backup, or use --restart if you know that nothing was anchored",
        ) from error


def save_journal(path: Path, journal: Journal) -> None:
    """Write the journal so that a crash leaves the old one or the new one."""
    text = json.dumps(journal.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"
    write_atomic(path, text.encode(), mode=0o600)


def set_aside(path: Path) -> Path | None:
    """Rename a journal that is being abandoned to the first free `….abandoned-N.json`; None when there is none."""
    if not path.exists():
        return None
    number = 1
    while (aside := path.with_suffix(f".abandoned-{number}")).exists():
        number += 1
    path.rename(aside)
    return aside


def journals_of(workspace: Workspace, incident: str, revision: int) -> list[Journal]:
    """The journals of this revision on every network, by network name."""
    found = []
    for path in sorted(workspace.journal.glob(f"{incident}-r{revision}-*.json")):
        journal = load_journal(path)
        if journal is not None and journal.incident == incident and journal.revision == revision:
            found.append(journal)
    return found


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        return f"{place}: {first['msg']}" if place else first["msg"]
    return str(error)
