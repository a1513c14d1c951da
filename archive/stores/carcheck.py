"""Recompute what a store gave: a package's CAR, or one file's CID. `archive.package` does the work."""

from __future__ import annotations

from typing import BinaryIO, Protocol

from archive.errors import InvalidInputError
from archive.package import cid as cids
from archive.package.car import UnpackedPackage, read_car, verify_car
from archive.package.unixfs import CHUNK_BYTES, FileBuilder


class Readable(Protocol):
    """Anything with `read`."""

    def read(self, size: int = -1, /) -> bytes: ...


class Writable(Protocol):
    """Anything with `write`."""

    def write(self, data: bytes, /) -> object: ...


def check_car(stream: BinaryIO, content_id: str) -> UnpackedPackage:
    """Verify a seekable CAR whole: every block, the directory, the manifest, every file; `car.…`, `package.…`."""
    return verify_car(stream, content_id=content_id)


def check_file(stream: Readable, cid: str) -> int:
    """Hash a file's bytes under UnixFS `unixfs-v1-2025`; its size. `store.wrong_file` when they are another file's."""
    builder = FileBuilder()
    while chunk := _read_chunk(stream):
        builder.add_chunk(cids.raw_cid(chunk), len(chunk))
    found = cids.to_text(builder.finish().cid)
    if found != cid:
        raise InvalidInputError(
            f"other bytes came than {cid} stands for (found {found})",
            code="store.wrong_file",
            hint="ask another source",
        )
    return builder.size


def copy_car(stream: BinaryIO, sink: Writable, content_id: str) -> None:
    """Copy a CAR in one pass, hashing every block on the way, and make sure that its root is among them.

    The receiver verifies the package whole; this tells apart a damaged disk from a bad package.
    """
    reader = read_car(_Tee(stream, sink))  # type: ignore[arg-type]  # only `read` is used
    seen_root = False
    for block in reader:
        seen_root = seen_root or block.cid == reader.root
    if cids.to_text(reader.root) != content_id:
        raise InvalidInputError(
            f"CAR: its root is {cids.to_text(reader.root)}, not {content_id}", code="car.other_root"
        )
    if not seen_root:
        raise InvalidInputError("CAR: cut off before its root block", code="car.truncated")


def copy_file(stream: BinaryIO, sink: Writable, cid: str) -> None:
    """Copy one file, hashing it on the way (`store.wrong_file`)."""
    check_file(_Tee(stream, sink), cid)


def car_root(stream: BinaryIO) -> str:
    """The content id that a CAR's header names; nothing else of it is looked at."""
    return cids.to_text(read_car(stream).root)


def _read_chunk(stream: Readable) -> bytes:
    chunk = stream.read(CHUNK_BYTES)
    while 0 < len(chunk) < CHUNK_BYTES:
        more = stream.read(CHUNK_BYTES - len(chunk))
        if not more:
            break
        chunk += more
    return chunk


class _Tee:
    """A readable stream that copies what is read from it."""

    def __init__(self, stream: BinaryIO, sink: Writable) -> None:
        self._stream = stream
        self._sink = sink

    def read(self, size: int = -1, /) -> bytes:
        data = self._stream.read(size)
        self._sink.write(data)
        return data
