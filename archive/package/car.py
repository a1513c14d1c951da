"""CARs of packages: written in one deterministic order, each block once (docs/format.md, section CAR).

Order: the files by the UTF-8 bytes of their path, each file's chunks in order and every inner node right after its
last child; then the directory's own blocks, children before parents; the root is the last block.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NoReturn

from archive import partial
from archive.errors import InvalidInputError, RefusedError
from archive.package import build, unixfs
from archive.package import cid as cids
from archive.package.build import EvidenceInput, Package, PackageFile, PackageInput
from archive.package.carfile import CarBlock, CarReader, Limits, encode_header, encode_section_start, read_car
from archive.package.entries import MANIFEST_PATH
from archive.package.hashing import FileDigest, Progress, digest_file, stream_file
from archive.package.seal import Seal
from archive.package.unpack import UnpackedFile, UnpackedPackage, unpack_car, verify_car

__all__ = [
    "CarBlock",
    "CarInfo",
    "CarReader",
    "Limits",
    "PackedCar",
    "UnpackedFile",
    "UnpackedPackage",
    "pack_file",
    "read_car",
    "unpack_car",
    "verify_car",
    "write_car",
]


@dataclass(frozen=True, slots=True)
class CarInfo:
    """A written CAR: bytes, SHA-256 in hex, number of blocks."""

    size: int
    sha256: str
    blocks: int


@dataclass(frozen=True, slots=True)
class PackedCar:
    """A package and the size in bytes of the CAR that was written in the same pass."""

    package: Package
    size: int


def write_car(package: Package, sink: BinaryIO, *, progress: Progress | None = None) -> CarInfo:
    """Write a package's CAR, reading its evidence files again and hashing them again.

    Raises:
        InvalidInputError: `package.changed_while_read` when a file no longer has the bytes the package was made of.
        RefusedError: `car.write_failed` when the sink does not take the bytes.
    """
    writer = _Writer(sink, hashlib.sha256())
    writer.write(encode_header(cids.parse(package.content_id)))
    done = _Progress(progress, package.size)
    for file in package.files:
        _write_file(file, writer, done)
    _write_directory(package, writer)
    return CarInfo(writer.size, writer.sha256, writer.blocks)


def pack_file(inputs: PackageInput, seal: Seal, target: Path, *, progress: Progress | None = None) -> PackedCar:
    """Build the package and write its CAR to `target`, reading each evidence file once where the order allows it.

    `target` appears whole or not at all; its bytes are those of `write_car`.
    """
    build.check_input(inputs)
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = partial.new_file(target)
    try:
        with os.fdopen(descriptor, "wb") as sink:
            opened = inputs.open_evidence
            # The manifest names the hash of every file: a file after it in path order forces a second pass.
            if opened and opened[-1].path.encode() > MANIFEST_PATH.encode():
                package = build.build_package(inputs, seal)
                size = write_car(package, sink, progress=progress).size
            else:
                package, size = _pack_streaming(inputs, opened, seal, sink, progress)
        temporary.chmod(0o644)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return PackedCar(package, size)


def _pack_streaming(
    inputs: PackageInput, opened: Sequence[EvidenceInput], seal: Seal, sink: BinaryIO, progress: Progress | None
) -> tuple[Package, int]:
    writer = _Writer(sink, None)
    # The root is known last; the header has a fixed length and is filled in then.
    writer.write(encode_header(cids.DAG_PB_PREFIX + bytes(32)))
    done = _Progress(progress, sum(_size(item.source) for item in inputs.evidence))
    digests: dict[str, FileDigest] = {}
    for item in opened:
        digests[item.id] = stream_file(item.source, emit=writer.block, progress=done.add)
    for item in inputs.evidence:
        if item.withheld:
            digests[item.id] = digest_file(item.source)
            done.add(digests[item.id].size)
    package = build.assemble(inputs, seal, digests)
    for file in package.files:
        if file.data is not None:
            _write_data(file.data, writer)
    _write_directory(package, writer)
    sink.seek(0)
    _Writer(sink, None).write(encode_header(cids.parse(package.content_id)))
    return package, writer.size


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0  # opening it says what is wrong


class _Progress:
    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress = progress
        self._total = total
        self._done = 0

    def add(self, more: int) -> None:
        self._done += more
        if self._progress:
            self._progress(self._done, self._total)


class _Writer:
    """Writes sections, each block once."""

    def __init__(self, sink: BinaryIO, digest: hashlib._Hash | None) -> None:
        self._sink = sink
        self._digest = digest
        self._seen: set[bytes] = set()
        self.size = 0

    @property
    def blocks(self) -> int:
        return len(self._seen)

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest() if self._digest else ""

    def block(self, cid: bytes, data: bytes | memoryview) -> None:
        if cid in self._seen:
            return
        self._seen.add(cid)
        self.write(encode_section_start(cid, len(data)))
        self.write(data)

    def write(self, data: bytes | memoryview) -> None:
        try:
            self._sink.write(data)
        except OSError as error:
            raise RefusedError(
                f"the CAR cannot be written: {error.strerror}",
                code="car.write_failed",
                hint="make room on the disk or choose another folder",
            ) from error
        if self._digest:
            self._digest.update(data)
        self.size += len(data)


def _write_file(file: PackageFile, writer: _Writer, done: _Progress) -> None:
    if file.data is not None:
        _write_data(file.data, writer)
        done.add(len(file.data))
    elif file.source is not None:
        # The block hashes cover every byte, so the SHA-256 of the whole is not computed a second time.
        again = stream_file(file.source, emit=writer.block, whole=False, progress=done.add)
        if again.cid != file.digest.cid:
            _changed(file.source)


def _write_data(data: bytes, writer: _Writer) -> None:
    builder = unixfs.FileBuilder(writer.block)
    for start in range(0, max(1, len(data)), unixfs.CHUNK_BYTES):
        chunk = data[start : start + unixfs.CHUNK_BYTES]
        cid = cids.raw_cid(chunk)
        writer.block(cid, chunk)
        builder.add_chunk(cid, len(chunk))
    builder.finish()


def _write_directory(package: Package, writer: _Writer) -> None:
    result = unixfs.directory({path: (cid, tsize) for path, cid, tsize in package.directory})
    for cid, block in result.blocks:
        writer.block(cid, block)


def _changed(path: Path) -> NoReturn:
    raise InvalidInputError(
        f"{path}: changed since the package was built",
        code="package.changed_while_read",
        hint="close the program that writes it, then run the same command again",
    )
