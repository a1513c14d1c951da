"""Fetch a package or file from the first store that gives the right bytes; name those that gave others."""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from archive.errors import ArchiveError, InvalidInputError, RefusedError, UnreachableError, UsageError
from archive.package.car import UnpackedPackage, unpack_car
from archive.stores.base import MAX_FILE_BYTES, MAX_PACKAGE_BYTES, BoundedSink, Reader, check_cid
from archive.stores.carcheck import check_file
from archive.stores.local import LocalStore
from archive.stores.readback import ReadBackStatus, classify


@dataclass(frozen=True, slots=True)
class SourceNote:
    """What happened at a store that was asked."""

    store: str
    operator: str
    status: ReadBackStatus
    code: str | None = None
    message: str | None = None

    def to_json(self) -> dict[str, object]:
        return {
            "store": self.store,
            "operator": self.operator,
            "status": self.status,
            "code": self.code,
            "message": self.message,
        }


@dataclass(frozen=True, slots=True)
class Fetched:
    """A package that is on disk now, every block and file hashed here. `source` names the store it came from."""

    package: UnpackedPackage
    folder: Path
    source: str
    notes: tuple[SourceNote, ...]


def fetch_package(
    content_id: str, readers: Sequence[Reader], folder: Path, *, max_bytes: int = MAX_PACKAGE_BYTES
) -> Fetched:
    """Fetch and unpack a package into `folder`, which must not hold anything yet.

    The folder appears only when the whole package is there and right; a run that is stopped leaves nothing and can
    simply be started again.

    Errors: `store.not_available` (nobody has it or could be asked), `store.wrong_bytes` (only wrong answers came),
    `get.folder_not_empty`.
    """
    check_cid(content_id)
    if folder.is_symlink() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
        raise UsageError(
            f"{folder}: is there already", code="get.folder_not_empty", hint="name a new or an empty folder"
        )
    parent = folder.absolute().parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RefusedError(f"{parent}: cannot be written ({error.strerror})", code="get.cannot_write") from None
    notes: list[SourceNote] = []
    for reader in readers:
        try:
            with _package_stream(reader, content_id, parent, max_bytes) as stream:
                package = unpack_car(stream, folder.absolute(), content_id=content_id)
        except (InvalidInputError, UnreachableError) as error:
            notes.append(_note(reader, error))
            continue
        notes.append(SourceNote(reader.name, reader.operator, "verified"))
        return Fetched(package=package, folder=folder, source=reader.name, notes=tuple(notes))
    raise _nobody(content_id, notes)


@contextlib.contextmanager
def _package_stream(reader: Reader, content_id: str, spool_dir: Path, max_bytes: int) -> Iterator[BinaryIO]:
    """What a store gives as a seekable stream: the local file itself, else a spool that has no name on disk."""
    if isinstance(reader, LocalStore):
        with reader.open_package(content_id) as stream, reader.reading(content_id):
            yield stream
        return
    with tempfile.TemporaryFile(dir=spool_dir) as spool:
        sink = BoundedSink(cast(BinaryIO, spool), max_bytes=max_bytes, what=reader.name)
        try:
            reader.fetch_package(content_id, cast(BinaryIO, sink), max_bytes=max_bytes)
        except OSError as error:
            raise RefusedError(
                f"{spool_dir}: the download cannot be kept ({error.strerror})",
                code="get.cannot_write",
                hint="is there room on the disk?",
            ) from None
        spool.seek(0)
        yield cast(BinaryIO, spool)


def fetch_file(
    cid: str, readers: Sequence[Reader], *, max_bytes: int = MAX_FILE_BYTES
) -> tuple[bytes, tuple[SourceNote, ...]]:
    """The bytes of one small file (a bundle, a catalogue), its CID recomputed, and what each asked store did."""
    check_cid(cid)
    notes: list[SourceNote] = []
    for reader in readers:
        buffer = io.BytesIO()
        try:
            reader.fetch_file(cid, buffer, max_bytes=max_bytes)
            check_file(io.BytesIO(buffer.getbuffer()), cid)
        except (InvalidInputError, UnreachableError) as error:
            notes.append(_note(reader, error))
            continue
        notes.append(SourceNote(reader.name, reader.operator, "verified"))
        return buffer.getvalue(), tuple(notes)
    raise _nobody(cid, notes)


def _note(reader: Reader, error: ArchiveError) -> SourceNote:
    return SourceNote(reader.name, reader.operator, classify(error), error.code, error.message)


def _nobody(cid: str, notes: Sequence[SourceNote]) -> ArchiveError:
    said = "; ".join(f"{note.store}: {note.status.replace('_', ' ')}" for note in notes) or "no store is configured"
    if any(note.status == "mismatch" for note in notes):
        return InvalidInputError(
            f"{cid}: only wrong bytes came ({said})",
            code="store.wrong_bytes",
            hint="ask another source, or the publisher for the CAR file (`archive import`)",
        )
    return UnreachableError(
        f"{cid}: no store gave it ({said})",
        code="store.not_available",
        hint="name more stores in config.toml or ARCHIVE_IPFS_GATEWAYS, or ask the publisher for the CAR file",
    )
