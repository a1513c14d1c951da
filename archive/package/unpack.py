"""A package out of a CAR, verified again from the first byte to the last: nothing in the CAR is believed.

Two passes over a seekable stream: the first checks every block's hash and notes where it stands, the second walks
the directory, holds it against the manifest and copies the files out. A CAR may have its blocks in any order and more
than once (gateways do so); its content may not differ in one bit.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NoReturn

from archive import partial
from archive.errors import InvalidInputError, Problem, RefusedError
from archive.package import canonical, contents, entries, manifest, unixfs
from archive.package import cid as cids
from archive.package.carfile import CarReader, Limits, car_hint
from archive.package.entries import EvidenceEntry, RecordEntry
from archive.package.limits import (
    MAX_FOLDERS,
    MAX_LEAVES,
    MAX_MANIFEST_BYTES,
    MAX_PATH_BYTES,
    MAX_RECORD_BYTES,
    MAX_RECORD_DEPTH,
)
from archive.package.manifest import Manifest

Progress = Callable[[int, int], None]
_COPY_BYTES = 1024 * 1024
_MAX_FILE_DEPTH = 6


@dataclass(frozen=True, slots=True)
class UnpackedFile:
    """One verified file of a package: path, bytes, SHA-256 in hex, CID as text, cumulative DAG size."""

    path: str
    size: int
    sha256: str
    cid: str
    tsize: int


@dataclass(frozen=True, slots=True)
class UnpackedPackage:
    """A package that was verified whole; `folder` holds its files, or is None when it was only verified."""

    root: str
    content_id: str
    manifest: Manifest
    files: tuple[UnpackedFile, ...]
    folder: Path | None


def unpack_car(
    stream: BinaryIO,
    folder: Path,
    *,
    limits: Limits | None = None,
    content_id: str | None = None,
    progress: Progress | None = None,
) -> UnpackedPackage:
    """Verify a CAR and put its files into `folder`, which must not exist or be empty. All or nothing.

    Raises:
        InvalidInputError: `car.…`, `unixfs.…`, `manifest.…`, `canonical.…`, `cid.…` and `package.missing_file`,
            `.unexpected_file`, `.size_mismatch`, `.digest_mismatch`; `car.other_root` when `content_id` is given and
            is not the root's.
        RefusedError: `car.folder_exists`, `car.no_space`, `car.write_failed`.
    """
    if folder.is_symlink() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
        raise RefusedError(
            f"{folder}: exists already", code="car.folder_exists", hint="name a folder that is not there"
        )
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        held, temporary = partial.new_folder(folder)
    except OSError as error:
        _write_failed(folder, error)
    try:
        result = _verify(stream, temporary, limits or Limits(), content_id, progress)
        try:
            temporary.chmod(0o755)
            temporary.replace(folder)
        except OSError as error:
            _write_failed(folder, error)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    finally:
        os.close(held)
    return UnpackedPackage(result.root, result.content_id, result.manifest, result.files, folder)


def verify_car(
    stream: BinaryIO,
    *,
    limits: Limits | None = None,
    content_id: str | None = None,
    progress: Progress | None = None,
) -> UnpackedPackage:
    """The same checks as `unpack_car`, writing nothing (a spool file where the stream cannot seek)."""
    return _verify(stream, None, limits or Limits(), content_id, progress)


def _verify(
    stream: BinaryIO, folder: Path | None, limits: Limits, content_id: str | None, progress: Progress | None
) -> UnpackedPackage:
    if stream.seekable():
        return _verify_seekable(stream, folder, limits, content_id, progress)
    with tempfile.TemporaryFile(dir=folder.parent if folder else None) as spool:
        shutil.copyfileobj(_Bounded(stream, limits.car_bytes), spool, _COPY_BYTES)
        spool.seek(0)
        return _verify_seekable(spool, folder, limits, content_id, progress)


class _Bounded:
    """A stream that ends in an error when it is longer than allowed."""

    def __init__(self, stream: BinaryIO, limit: int) -> None:
        self._stream = stream
        self._left = limit

    def read(self, size: int = -1, /) -> bytes:
        data = self._stream.read(size)
        self._left -= len(data)
        if self._left < 0:
            _fail("car.too_large", "CAR: larger than allowed")
        return data


def _verify_seekable(
    stream: BinaryIO, folder: Path | None, limits: Limits, content_id: str | None, progress: Progress | None
) -> UnpackedPackage:
    blocks = _Blocks(stream, limits)
    root = cids.to_text(blocks.root)
    if content_id is not None and root != content_id:
        _fail("car.other_root", f"CAR: its root is {root}, not {content_id}")
    listing = _list_files(blocks)
    manifest_json = b"".join(_small_file(blocks, listing, entries.MANIFEST_PATH, MAX_MANIFEST_BYTES))
    parsed = manifest.parse_manifest(manifest_json)
    contents.raise_problems(contents.check_paths(parsed, listing))
    record_json = b"".join(_small_file(blocks, listing, entries.RECORD_PATH, MAX_RECORD_BYTES))
    canonical.loads_canonical(record_json, max_bytes=MAX_RECORD_BYTES, max_depth=MAX_RECORD_DEPTH)
    total = _check_space(parsed, folder, limits)
    files = _copy_files(blocks, parsed, listing, manifest_json, folder, total, progress)
    blocks.check_all_used()
    rebuilt = contents.content_id_of((file.path, file.cid, file.tsize) for file in files)
    if rebuilt != root:
        _fail("unixfs.layout", "the package directory is not laid out by the profile unixfs-v1-2025")
    return UnpackedPackage(parsed.root(), root, parsed, files, None)


class _Blocks:
    """Where each block stands in the stream; made by the first pass, which checked all hashes."""

    def __init__(self, stream: BinaryIO, limits: Limits) -> None:
        start = stream.tell()
        reader = CarReader(stream, limits=limits)
        self.root = reader.root
        self._stream = stream
        self._places = {block.cid: (start + block.offset, len(block.data)) for block in reader}
        self._used: set[bytes] = set()

    def size(self, cid: bytes) -> int:
        place = self._places.get(cid)
        if place is None:
            _fail("car.missing_block", f"CAR: block {cids.to_text(cid)} is missing")
        return place[1]

    def read(self, cid: bytes) -> bytes:
        size = self.size(cid)
        self._used.add(cid)
        self._stream.seek(self._places[cid][0])
        data = self._stream.read(size)
        # The file on disk may have been changed since the first pass.
        if hashlib.sha256(data).digest() != cid[4:]:
            _fail("car.bad_block_hash", f"CAR: block {cids.to_text(cid)}: its data has another hash")
        return data

    def node(self, cid: bytes) -> unixfs.Node:
        return unixfs.decode_node(self.read(cid))

    def check_all_used(self) -> None:
        extra = self._places.keys() - self._used
        if extra:
            first = cids.to_text(min(extra))
            _fail("car.extra_block", f"CAR: {len(extra)} blocks are not part of the package, first {first}")


# ---------------------------------------------------------------- the directory


def _list_files(blocks: _Blocks) -> dict[str, unixfs.Link]:
    """Path → link of every file; bounded, and names that could leave the folder are refused."""
    files: dict[str, unixfs.Link] = {}
    waiting = [("", blocks.root)]
    folders = 1
    while waiting:
        prefix, cid = waiting.pop()
        names: set[str] = set()
        for link in _directory_links(blocks, cid, 0):
            name = _name(link.name)
            if name in names:
                _fail("unixfs.duplicate_name", f"{prefix}{name!a} occurs twice in its folder")
            names.add(name)
            path = prefix + name
            if path not in entries.RESERVED_PATHS:
                entries.check_path(path)
            if link.cid[:4] == cids.DAG_PB_PREFIX and blocks.node(link.cid).kind != "file":
                folders += 1
                if folders > MAX_FOLDERS:
                    _fail("unixfs.too_many_folders", f"more than {MAX_FOLDERS:,} folders")
                waiting.append((path + "/", link.cid))
            else:
                files[path] = link
                # All leaves but the header are files at most, and the manifest is one more.
                if len(files) > MAX_LEAVES:
                    _fail("unixfs.too_many_files", f"more than {MAX_LEAVES:,} files")
        if not names:
            _fail("unixfs.empty_directory", f"folder {prefix!a} is empty")
    return files


def _directory_links(blocks: _Blocks, cid: bytes, depth: int) -> Iterator[unixfs.Link]:
    if cid[:4] != cids.DAG_PB_PREFIX:
        _fail("unixfs.bad_node", "a folder's CID is that of a single chunk")
    node = blocks.node(cid)
    if node.kind == "directory" and depth == 0:
        yield from node.links
        return
    if node.kind != "hamt" or depth >= unixfs.HAMT_MAX_DEPTH:
        _fail("unixfs.bad_node", "a folder's node is neither a directory nor a HAMT shard")
    if not node.links:
        _fail("unixfs.empty_directory", "a HAMT shard is empty")
    for link in node.links:
        if len(link.name) == 2:
            yield from _directory_links(blocks, link.cid, depth + 1)
        else:
            yield unixfs.Link(link.name[2:], link.cid, link.tsize)


def _name(data: bytes) -> str:
    try:
        name = data.decode("utf-8")
    except UnicodeDecodeError:
        _fail("unixfs.bad_name", f"a file name is not UTF-8: {data[:80]!r}")
    if not name or "/" in name or name in (".", "..") or len(data) > MAX_PATH_BYTES:
        _fail("unixfs.bad_name", f"{name[:80]!a} is not a file name")
    return name


# ---------------------------------------------------------------- the files


def _chunks(blocks: _Blocks, link: unixfs.Link, builder: unixfs.FileBuilder, limit: int) -> Iterator[bytes]:
    """The chunks of a file in order, at most `limit` bytes, each told to `builder`.

    Every chunk but the last is whole and none is empty, so a small CAR cannot ask for endless work.
    """
    # A stack of links still to visit, deepest last: no recursion, and as many entries as depth × 1,024.
    stack = [(link, _MAX_FILE_DEPTH)]
    while stack:
        here, depth = stack.pop()
        if here.cid[:4] == cids.RAW_PREFIX:
            chunk = blocks.read(here.cid)
            if builder.size % unixfs.CHUNK_BYTES or len(chunk) > unixfs.CHUNK_BYTES or not (chunk or here is link):
                _fail("unixfs.layout", "a file is not cut into chunks of 1 MiB")
            if builder.size + len(chunk) > limit:
                _fail("package.size_mismatch", f"a file is larger than the {limit:,} bytes it may have")
            builder.add_chunk(here.cid, len(chunk))
            yield chunk
            continue
        node = blocks.node(here.cid)
        if node.kind != "file" or depth == 0:
            _fail("unixfs.bad_node", "a file's node is not a file node")
        stack += [(child, depth - 1) for child in reversed(node.links)]


def _small_file(blocks: _Blocks, listing: dict[str, unixfs.Link], path: str, limit: int) -> Iterator[bytes]:
    if path not in listing:
        _fail("package.missing_file", f"{path}: the package does not hold it")
    return _chunks(blocks, listing[path], unixfs.FileBuilder(), limit)


def _check_space(parsed: Manifest, folder: Path | None, limits: Limits) -> int:
    total = parsed.record.size + sum(entry.size for entry in parsed.evidence)
    if total > limits.files_bytes:
        _fail("car.files_too_large", f"the files have {total:,} bytes; the limit is {limits.files_bytes:,}")
    if folder is not None and total > shutil.disk_usage(folder).free:
        raise RefusedError(f"{folder.parent}: no room for {total:,} bytes", code="car.no_space", hint="make room")
    return total


def _copy_files(
    blocks: _Blocks,
    parsed: Manifest,
    listing: dict[str, unixfs.Link],
    manifest_json: bytes,
    folder: Path | None,
    total: int,
    progress: Progress | None,
) -> tuple[UnpackedFile, ...]:
    sized: list[EvidenceEntry | RecordEntry] = [parsed.record, *parsed.evidence]
    expected = {entry.path: (entry.size, entry.sha256) for entry in sized}
    expected[entries.MANIFEST_PATH] = (len(manifest_json), hashlib.sha256(manifest_json).hexdigest())
    files: list[UnpackedFile] = []
    problems: list[Problem] = []
    done = 0
    for path in contents.expected_paths(parsed):
        size, sha256 = expected[path]
        file = _copy_file(blocks, listing[path], path, size, folder)
        files.append(file)
        if file.size != size:
            problems.append(Problem("package.size_mismatch", f"expected {size:,} bytes, found {file.size:,}", path))
        elif file.sha256 != sha256:
            problems.append(Problem("package.digest_mismatch", f"expected {sha256}, found {file.sha256}", path))
        if file.cid != cids.to_text(listing[path].cid):
            message = "the file is not laid out by the profile unixfs-v1-2025"
            problems.append(Problem("unixfs.layout", message, path))
        done += file.size
        if progress:
            progress(min(done, total), total)
    contents.raise_problems(problems)
    return tuple(files)


def _copy_file(blocks: _Blocks, link: unixfs.Link, path: str, size: int, folder: Path | None) -> UnpackedFile:
    builder = unixfs.FileBuilder()
    digest = hashlib.sha256()
    sink = _create(folder, path) if folder else None
    try:
        for chunk in _chunks(blocks, link, builder, size):
            digest.update(chunk)
            if sink:
                sink.write(chunk)
    except OSError as error:
        _write_failed(Path(path), error)
    finally:
        if sink:
            sink.close()
    root = builder.finish()
    return UnpackedFile(path, builder.size, digest.hexdigest(), cids.to_text(root.cid), root.tsize)


def _create(folder: Path, path: str) -> BinaryIO:
    target = folder / path
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    except OSError as error:
        _write_failed(target, error)
    return os.fdopen(descriptor, "wb")


def _write_failed(path: Path, error: OSError) -> NoReturn:
    raise RefusedError(f"{path}: cannot be written: {error.strerror}", code="car.write_failed") from error


def _fail(code: str, message: str) -> NoReturn:
    raise InvalidInputError(message, code=code, hint=car_hint(code.partition(".")[2]))
