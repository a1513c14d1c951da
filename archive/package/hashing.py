"""One streaming pass over a file: SHA-256 of the whole and the UnixFS block hashes together, on threads.

A file larger than one chunk goes through a small pipeline: read a chunk into a buffer of a fixed pool and hash it as a
block (any thread), feed it to the hash of the whole file (in order), commit it (in order: add it to the file's tree
and, when a CAR is written, write it out). hashlib and the reads release the GIL, so two cores are busy with two
threads; memory is the pool, whatever the file's size. A file of one chunk needs one hash only: it is both.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from archive.errors import InvalidInputError
from archive.package import cid as cids
from archive.package.limits import MAX_FILE_BYTES
from archive.package.unixfs import CHUNK_BYTES, FileBuilder

Progress = Callable[[int, int], None]
"""(bytes done, bytes in all); called on the calling thread only."""

EmitBlock = Callable[[bytes, "bytes | memoryview"], None]
"""(CID of 36 bytes, data); the data is only valid during the call."""

MAX_THREADS = 4
# Used only as far as one thread runs ahead of the other: on a busy machine either may be kept waiting for a while.
_MAX_BUFFERS = 48
_SMALL_BATCH = 32
# Below this, handing the GIL over costs more than a second core brings (measured: twice as slow on two threads).
_TINY_BYTES = 64 * 1024
# Never follow a symlink, never wait for the other end of a FIFO.
_OPEN_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class FileDigest:
    """What the package needs to know of a file: size in bytes, SHA-256 in hex, CID as text, cumulative DAG size."""

    size: int
    sha256: str
    cid: str
    tsize: int


def digest_bytes(data: bytes) -> FileDigest:
    """The digest of bytes in memory."""
    builder = FileBuilder()
    for start in range(0, len(data), CHUNK_BYTES):
        chunk = memoryview(data)[start : start + CHUNK_BYTES]
        builder.add_chunk(cids.raw_cid(chunk), len(chunk))
    root = builder.finish()
    return FileDigest(len(data), hashlib.sha256(data).hexdigest(), cids.to_text(root.cid), root.tsize)


def digest_file(path: Path, *, progress: Progress | None = None) -> FileDigest:
    """The digest of a regular file, read once.

    Raises:
        InvalidInputError: `package.missing_file`, `.symlink`, `.not_regular_file`, `.unreadable`,
            `.file_too_large`, `.changed_while_read`.
    """
    return digest_files([path], progress=progress)[0]


def digest_files(paths: Sequence[Path], *, progress: Progress | None = None) -> list[FileDigest]:
    """The digests of many files, in their order: tiny ones on this thread, others in batches, large ones by pipeline.

    Raises:
        InvalidInputError: as `digest_file`, for the first bad file met.
    """
    names = [os.fspath(path) for path in paths]
    counter = _Counter(progress, _total_size(names) if progress else 0)
    digests: dict[int, FileDigest] = {}
    tiny = _Batch(names, range(len(names)), _TINY_BYTES, digests, counter)
    _run_threads(1, tiny.work, tiny.fail)
    small = _Batch(names, tiny.larger, CHUNK_BYTES, digests, counter)
    _run_threads(_thread_count() if len(tiny.larger) > 1 else 1, small.work, small.fail)
    for index in small.larger:
        digests[index] = stream_file(paths[index], progress=counter.add)
    counter.finish()
    return [digests[index] for index in range(len(names))]


class _Counter:
    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress = progress
        self._total = total
        self._done = 0

    def add(self, more: int) -> None:
        self._done += more
        if self._progress:
            self._progress(min(self._done, self._total), self._total)

    def finish(self) -> None:
        self.add(self._total - self._done)


def _total_size(paths: Sequence[str]) -> int:
    total = 0
    for path in paths:
        try:
            total += os.stat(path, follow_symlinks=False).st_size  # noqa: PTH116  # 10,000 Path objects cost more
        except OSError as error:
            _refuse(path, error)
    return total


def _thread_count() -> int:
    return max(1, min(MAX_THREADS, os.cpu_count() or 1))


def _run_threads(count: int, work: Callable[[bool], None], fail: Callable[[], None]) -> None:
    """Run `work` on `count` threads, this one included (`work(True)`); raise what the first of them raised."""
    failures: list[BaseException] = []

    def guarded() -> None:
        try:
            work(False)
        except BaseException as error:  # noqa: BLE001  # handed to the caller below
            failures.append(error)
            fail()

    threads = [threading.Thread(target=guarded, name="archive-hash", daemon=True) for _ in range(count - 1)]
    for thread in threads:
        thread.start()
    try:
        work(True)
    except BaseException:  # KeyboardInterrupt too: the others must stop before it goes on
        fail()
        raise
    finally:
        for thread in threads:
            thread.join()
    if failures:
        raise failures[0]


# ---------------------------------------------------------------- small files


class _Batch:
    """Files of at most `limit` bytes, handed out in batches; larger ones are left over in `larger`."""

    def __init__(
        self,
        names: Sequence[str],
        indexes: Sequence[int],
        limit: int,
        digests: dict[int, FileDigest],
        counter: _Counter,
    ) -> None:
        self.larger: list[int] = []
        self._names = names
        self._limit = limit
        self._digests = digests
        self._counter = counter
        self._batches = deque(indexes[at : at + _SMALL_BATCH] for at in range(0, len(indexes), _SMALL_BATCH))
        self._lock = threading.Lock()
        self._unreported = 0
        self._stop = False

    def fail(self) -> None:
        self._stop = True

    def work(self, main: bool) -> None:
        view = memoryview(bytearray(self._limit + 1))
        while not self._stop:
            try:
                batch = self._batches.popleft()
            except IndexError:
                return
            done = {index: digest_small(self._names[index], view) for index in batch}
            with self._lock:
                for index, digest in done.items():
                    if digest is None:
                        self.larger.append(index)
                    else:
                        self._digests[index] = digest
                        self._unreported += digest.size
                self.larger.sort()
                more, self._unreported = (self._unreported, 0) if main else (0, self._unreported)
            if more:
                self._counter.add(more)


def digest_small(path: str, view: memoryview) -> FileDigest | None:
    """The digest of a file that fits into `view` less one byte, at most one chunk; None for a larger one."""
    descriptor, before = _open(path)
    try:
        size = before.st_size
        if size >= len(view):
            return None
        # One byte more than expected: a file that has grown shows itself without another call.
        count = os.readv(descriptor, [view[: size + 1]])
        while 0 < count < size and (more := os.readv(descriptor, [view[count : size + 1]])):
            count += more
        if count != size or not _same(before, os.fstat(descriptor)):
            _changed(path)
    except OSError as error:
        _refuse(path, error)
    finally:
        os.close(descriptor)
    digest = hashlib.sha256(view[:size])
    return FileDigest(size, digest.hexdigest(), cids.to_text(cids.RAW_PREFIX + digest.digest()), size)


# ---------------------------------------------------------------- large files


def stream_file(
    path: Path, *, emit: EmitBlock | None = None, whole: bool = True, progress: Callable[[int], None] | None = None
) -> FileDigest:
    """Digest one file of any size by the pipeline.

    `emit` receives every block in order: chunks as they stand in the file, each inner node after its children.
    With `whole=False` the SHA-256 of the whole is not computed (`sha256` is ""). `progress` is told bytes since the
    last call, on this thread.
    """
    name = os.fspath(path)
    descriptor, before = _open(name)
    try:
        pipeline = _Pipeline(name, descriptor, before.st_size, emit, whole, progress)
        threads = _thread_count() if before.st_size > CHUNK_BYTES else 1
        _run_threads(threads, pipeline.work, pipeline.fail)
        pipeline.report()
        # The size may have grown behind the last chunk, or the bytes been rewritten in place.
        if os.pread(descriptor, 1, before.st_size) or not _same(before, os.fstat(descriptor)):
            _changed(name)
    except OSError as error:
        _refuse(name, error)
    finally:
        os.close(descriptor)
    return pipeline.result()


class _Chunk:
    __slots__ = ("buffer", "cid", "size", "whole_done")

    def __init__(self, buffer: memoryview, size: int, cid: bytes, whole_done: bool) -> None:
        self.buffer = buffer
        self.size = size
        self.cid = cid
        self.whole_done = whole_done


class _Pipeline:
    """The state that the worker threads share; every field but the constants is guarded by `_ready`."""

    def __init__(
        self,
        name: str,
        descriptor: int,
        size: int,
        emit: EmitBlock | None,
        whole: bool,
        progress: Callable[[int], None] | None,
    ) -> None:
        self._name = name
        self._descriptor = descriptor
        self._size = size
        self._emit = emit
        self._progress = progress
        self._count = (size + CHUNK_BYTES - 1) // CHUNK_BYTES
        self._builder = FileBuilder(emit)
        self._hash = hashlib.sha256() if whole else None
        self._ready = threading.Condition()
        # The buffer given back last is taken first: it is the one that a cache still holds.
        self._free: list[memoryview] = []
        self._buffers_left = min(self._count, _MAX_BUFFERS)
        self._chunks: dict[int, _Chunk] = {}
        self._next_read = 0
        self._next_whole = 0
        self._next_commit = 0
        self._whole_busy = False
        self._commit_busy = False
        self._stop = False
        self._unreported = 0

    def result(self) -> FileDigest:
        root = self._builder.finish()
        if self._count == 0 and self._emit:
            self._emit(root.cid, b"")
        sha256 = self._hash.hexdigest() if self._hash else ""
        return FileDigest(self._size, sha256, cids.to_text(root.cid), root.tsize)

    def fail(self) -> None:
        with self._ready:
            self._stop = True
            self._ready.notify_all()

    def work(self, main: bool) -> None:
        while True:
            with self._ready:
                job = self._take()
                while job is None:
                    if self._stop or self._is_done():
                        return
                    self._ready.wait()
                    job = self._take()
            job()
            if main:
                self.report()

    def report(self) -> None:
        """Tell the progress callback what was committed since the last call."""
        if self._progress:
            with self._ready:
                more, self._unreported = self._unreported, 0
            if more:
                self._progress(more)

    def _is_done(self) -> bool:
        return self._next_commit == self._count and (self._hash is None or self._next_whole == self._count)

    def _take(self) -> Callable[[], None] | None:
        """The most urgent job: what must happen in order first, then reading on."""
        if self._stop:
            return None
        chunk = self._chunks.get(self._next_whole)
        if chunk and self._hash and not self._whole_busy:
            self._whole_busy = True
            return lambda: self._feed_whole(chunk)
        head = self._chunks.get(self._next_commit)
        if head and not self._commit_busy:
            self._commit_busy = True
            return lambda: self._commit(head)
        if self._next_read < self._count and (self._free or self._buffers_left):
            buffer = self._free.pop() if self._free else None
            self._buffers_left -= buffer is None
            index = self._next_read
            self._next_read += 1
            return lambda: self._read(index, buffer)
        return None

    def _read(self, index: int, buffer: memoryview | None) -> None:
        """Read a chunk and hash it as a block, while it is in this core's cache."""
        if buffer is None:
            buffer = memoryview(bytearray(min(self._size, CHUNK_BYTES)))
        start = index * CHUNK_BYTES
        size = min(CHUNK_BYTES, self._size - start)
        done = 0
        while done < size:
            count = os.preadv(self._descriptor, [buffer[done:size]], start + done)
            if count == 0:
                _changed(self._name)
            done += count
        chunk = _Chunk(buffer, size, cids.raw_cid(buffer[:size]), self._hash is None)
        with self._ready:
            self._chunks[index] = chunk
            self._ready.notify_all()

    def _feed_whole(self, chunk: _Chunk) -> None:
        if self._hash:
            self._hash.update(chunk.buffer[: chunk.size])
        with self._ready:
            chunk.whole_done = True
            self._whole_busy = False
            self._release(self._next_whole)
            self._next_whole += 1
            self._ready.notify_all()

    def _commit(self, chunk: _Chunk) -> None:
        if self._emit:
            self._emit(chunk.cid, chunk.buffer[: chunk.size])
        self._builder.add_chunk(chunk.cid, chunk.size)
        with self._ready:
            self._commit_busy = False
            self._next_commit += 1
            self._release(self._next_commit - 1)
            self._unreported += chunk.size
            self._ready.notify_all()

    def _release(self, index: int) -> None:
        """Give a chunk's buffer back once it was committed and fed to the whole hash."""
        chunk = self._chunks[index]
        if chunk.whole_done and index < self._next_commit:
            del self._chunks[index]
            self._free.append(chunk.buffer)


# ---------------------------------------------------------------- files on disk


def _open(path: str) -> tuple[int, os.stat_result]:
    try:
        descriptor = os.open(path, _OPEN_FLAGS)
    except OSError as error:
        _refuse(path, error)
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        _fail("not_regular_file", f"{path}: not a regular file")
    if status.st_size > MAX_FILE_BYTES:
        os.close(descriptor)
        _fail("file_too_large", f"{path}: larger than 2^53 − 1 bytes")
    return descriptor, status


def _same(before: os.stat_result, after: os.stat_result) -> bool:
    return before.st_size == after.st_size and before.st_mtime_ns == after.st_mtime_ns


def _changed(path: str) -> NoReturn:
    raise InvalidInputError(
        f"{path}: changed while it was being read",
        code="package.changed_while_read",
        hint="close the program that writes it, then run the same command again",
    )


def _refuse(path: str, error: OSError) -> NoReturn:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        _fail("missing_file", f"{path}: no such file")
    if error.errno == errno.ELOOP:
        _fail("symlink", f"{path}: is a symbolic link", "copy the file itself into the dossier")
    if error.errno in (errno.ENXIO, errno.ENODEV):
        _fail("not_regular_file", f"{path}: not a regular file")
    _fail("unreadable", f"{path}: {error.strerror}")


def _fail(code: str, message: str, hint: str | None = None) -> NoReturn:
    raise InvalidInputError(message, code=f"package.{code}", hint=hint)
