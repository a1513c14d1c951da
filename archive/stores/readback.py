"""Read back: the only proof that a store has something is to download it again and hash it here.

A store that answers with other bytes is named (`mismatch`) and the others are asked all the same; one that cannot be
asked is `unreachable`, never `mismatch`, and the reverse.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, cast

from archive.errors import ArchiveError, InvalidInputError, UnreachableError
from archive.stores.base import (
    MAX_FILE_BYTES,
    MAX_PACKAGE_BYTES,
    BoundedSink,
    Reader,
    check_cid,
    independent_operators,
    is_not_found,
)
from archive.stores.carcheck import check_car, check_file

ReadBackStatus = Literal["verified", "mismatch", "unreachable", "not_found"]


@dataclass(frozen=True, slots=True)
class StoreResult:
    """What one store gave back. `size` in bytes as received; `independent` is false for the writer's own process."""

    store: str
    operator: str
    status: ReadBackStatus
    size: int
    independent: bool
    code: str | None = None
    message: str | None = None

    def to_json(self) -> dict[str, object]:
        return {
            "store": self.store,
            "operator": self.operator,
            "status": self.status,
            "size": self.size,
            "independent": self.independent,
            "code": self.code,
            "message": self.message,
        }


@dataclass(frozen=True, slots=True)
class ReadBack:
    """The results of all stores for one content id or file CID."""

    content_id: str
    results: tuple[StoreResult, ...]
    operators: int
    """Independent operators whose bytes were downloaded and matched."""

    @property
    def verified(self) -> tuple[StoreResult, ...]:
        return tuple(result for result in self.results if result.status == "verified")

    @property
    def liars(self) -> tuple[StoreResult, ...]:
        """Stores that answered with other bytes."""
        return tuple(result for result in self.results if result.status == "mismatch")

    def to_json(self) -> dict[str, object]:
        return {
            "content_id": self.content_id,
            "independent_operators": self.operators,
            "stores": [result.to_json() for result in self.results],
        }


def read_back(
    content_id: str,
    readers: Sequence[Reader],
    *,
    kind: Literal["package", "file"] = "package",
    written_by: Iterable[str] = (),
    max_bytes: int | None = None,
    spool_dir: Path | None = None,
) -> ReadBack:
    """Download a package (or single file) from every reader and recompute its id.

    Args:
        content_id: the id computed here when it was packed.
        readers: each is asked, also after one was found good or bad.
        written_by: endpoints of the processes that stored it (`Writer.endpoint`): they count for nothing.
        max_bytes: no answer may be larger.
        spool_dir: where one download at a time is kept while it is hashed; the system's folder by default.
    """
    check_cid(content_id)
    own = frozenset(written_by)
    limit = max_bytes if max_bytes is not None else (MAX_PACKAGE_BYTES if kind == "package" else MAX_FILE_BYTES)
    results: list[StoreResult] = []
    verified: list[tuple[str, str]] = []
    for reader in readers:
        error, size = _download(reader, content_id, kind, limit, spool_dir)
        status = "verified" if error is None else classify(error)
        if error is None:
            verified.append((reader.operator, reader.endpoint))
        results.append(
            StoreResult(
                store=reader.name,
                operator=reader.operator,
                status=status,
                size=size,
                independent=reader.endpoint not in own,
                code=None if error is None else error.code,
                message=None if error is None else error.message,
            )
        )
    return ReadBack(content_id, tuple(results), independent_operators(verified, writers=own))


def classify(error: ArchiveError) -> ReadBackStatus:
    """A wrong answer, no answer, or "I do not have it".

    A gateway that lacks a block sends a CAR without it, and one whose connection breaks sends the start of one: every
    byte of either is true, so it is not called a lie.
    """
    if is_not_found(error) or error.code == "car.missing_block":
        return "not_found"
    if error.code == "car.truncated":
        return "unreachable"
    return "mismatch" if isinstance(error, InvalidInputError) else "unreachable"


def _download(
    reader: Reader, cid: str, kind: Literal["package", "file"], limit: int, spool_dir: Path | None
) -> tuple[ArchiveError | None, int]:
    fetch: Callable[..., None] = reader.fetch_package if kind == "package" else reader.fetch_file
    check: Callable[[BinaryIO, str], object] = check_car if kind == "package" else check_file
    with tempfile.TemporaryFile(dir=spool_dir) as spool:
        bounded = BoundedSink(cast(BinaryIO, spool), max_bytes=limit, what=reader.name)
        try:
            fetch(cid, cast(BinaryIO, bounded), max_bytes=limit)
            spool.seek(0)
            check(cast(BinaryIO, spool), cid)
        except ArchiveError as error:
            return error, bounded.size
        except OSError as error:
            # our own disk, not the store's: the store stays unjudged
            return UnreachableError(
                f"{reader.name}: the download could not be kept ({error.strerror})",
                code="store.spool",
                hint="is there room in the temporary folder?",
            ), bounded.size
    return None, bounded.size
