"""Opening what a file is packed in: nothing, gzip, or a zip archive with one data file.

Streams raise `InvalidInputError` (`table.container`, `table.unreadable`) and nothing else.
"""

from __future__ import annotations

import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from archive.errors import InvalidInputError

_FOREIGN = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    RuntimeError,
    NotImplementedError,
    ValueError,
)
_BESIDE = ("__MACOSX/", ".")
MAX_MEMBERS = 65_536


@dataclass(frozen=True, slots=True)
class Packed:
    """A file and, of a zip archive, the member that is meant."""

    path: Path
    form: str  # plain, gzip, zip
    member: str | None = None

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """The unpacked bytes from their start.

        Raises:
            InvalidInputError: here and from every read: `table.container`, `table.unreadable`.
        """
        with told(self.path, self.form):
            handle: Any = self.path.open("rb")
        try:
            if self.form == "gzip":
                stream: Any = gzip.GzipFile(fileobj=handle)
            elif self.form == "zip":
                with told(self.path, self.form):
                    archive = zipfile.ZipFile(handle)
                    stream = archive.open(self.member or "")
            else:
                stream = handle
            yield io.BufferedReader(_Guarded(stream, self), buffer_size=1 << 18)
        finally:
            handle.close()

    def head(self, size: int) -> bytes:
        with self.open() as stream:
            return stream.read(size)


class _Guarded(io.RawIOBase):
    """A stream whose errors are the archive's."""

    def __init__(self, stream: BinaryIO, packed: Packed) -> None:
        super().__init__()
        self._stream, self._packed = stream, packed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with told(self._packed.path, self._packed.form):
            data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


@contextmanager
def told(path: Path, form: str) -> Iterator[None]:
    try:
        yield
    except _FOREIGN as error:
        if form == "plain":
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise InvalidInputError(f"{path}: cannot be read: {reason}", code="table.unreadable") from error
        raise InvalidInputError(
            f"{path}: the {form} container cannot be unpacked: {str(error)[:200] or type(error).__name__}",
            code="table.container",
            hint="was the download cut off? fetch it again and compare its checksum",
        ) from error


def members(path: Path) -> tuple[zipfile.ZipInfo, ...]:
    """The members of a zip archive.

    Raises:
        InvalidInputError: `table.container`.
    """
    with told(path, "zip"), zipfile.ZipFile(path) as archive:
        listed = archive.infolist()
        if len(listed) > MAX_MEMBERS:
            raise InvalidInputError(f"{path}: the zip archive has {len(listed):,} members", code="table.container")
        return tuple(info for info in listed if not info.is_dir())


def unpack(path: Path) -> Packed:
    """What the file is packed in, and where its data is.

    Raises:
        InvalidInputError: `table.container` for a zip archive that has not exactly one data file.
    """
    head = Packed(path, "plain").head(4)
    if head[:3] == b"\x1f\x8b\x08":
        return Packed(path, "gzip")
    if head[:4] not in (b"PK\x03\x04", b"PK\x05\x06"):
        return Packed(path, "plain")
    data = [info for info in members(path) if not info.filename.startswith(_BESIDE)]
    if len(data) != 1:
        shown = ", ".join(repr(info.filename) for info in data[:5]) or "nothing"
        raise InvalidInputError(
            f"{path}: one data file is expected in the zip archive, found {len(data)}: {shown}",
            code="table.container",
            hint="unpack it and add the files one by one",
        )
    return Packed(path, "zip", data[0].filename)
