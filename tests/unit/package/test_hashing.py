from __future__ import annotations

import hashlib
import itertools
import os
import random
from pathlib import Path

import pytest

from archive.errors import InvalidInputError
from archive.package import cid as cids
from archive.package import hashing, unixfs

MIB = 1024 * 1024


def expected(data: bytes) -> hashing.FileDigest:
    builder = unixfs.FileBuilder()
    for start in range(0, len(data), MIB):
        builder.add_chunk(cids.raw_cid(data[start : start + MIB]), len(data[start : start + MIB]))
    root = builder.finish()
    return hashing.FileDigest(len(data), hashlib.sha256(data).hexdigest(), cids.to_text(root.cid), root.tsize)


@pytest.mark.parametrize("size", [0, 1, 4096, 65_536, 65_537, MIB - 1, MIB, MIB + 1, 2 * MIB, 9 * MIB + 17, 40 * MIB])
def test_digest_of_a_file(tmp_path: Path, size: int) -> None:
    data = random.Random(size).randbytes(size)
    path = tmp_path / "file"
    path.write_bytes(data)
    assert hashing.digest_file(path) == expected(data) == hashing.digest_bytes(data)
    emitted: list[tuple[bytes, int]] = []
    digest = hashing.stream_file(path, emit=lambda cid, block: emitted.append((cid, len(block))))
    assert digest == expected(data)
    assert cids.to_text(emitted[-1][0]) == digest.cid
    assert sum(length for cid, length in emitted if cid[1] == cids.RAW) == size


def test_many_files_keep_their_order_and_progress_adds_up(tmp_path: Path) -> None:
    rng = random.Random(7)
    contents = [rng.randbytes(rng.choice([0, 10, 70_000, 300_000, MIB + 5])) for _ in range(90)]
    paths = []
    for number, data in enumerate(contents):
        paths.append(tmp_path / f"{number}")
        paths[-1].write_bytes(data)
    calls: list[tuple[int, int]] = []
    digests = hashing.digest_files(paths, progress=lambda done, total: calls.append((done, total)))
    assert digests == [expected(data) for data in contents]
    total = sum(map(len, contents))
    assert calls[-1] == (total, total)
    assert all(before[0] <= after[0] for before, after in itertools.pairwise(calls))


def test_no_files() -> None:
    assert hashing.digest_files([]) == []


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_any_number_of_threads_gives_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threads: int) -> None:
    monkeypatch.setattr(hashing, "_thread_count", lambda: threads)
    data = random.Random(1).randbytes(21 * MIB + 3)
    path = tmp_path / "file"
    path.write_bytes(data)
    assert hashing.digest_file(path) == expected(data)


def code_of(path: Path) -> str:
    with pytest.raises(InvalidInputError) as caught:
        hashing.digest_file(path)
    return caught.value.code


def test_what_is_not_a_file_is_refused(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"x")
    link = tmp_path / "link"
    link.symlink_to(target)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    assert code_of(tmp_path / "missing") == "package.missing_file"
    assert code_of(target / "below") == "package.missing_file"
    assert code_of(link) == "package.symlink"
    assert code_of(fifo) == "package.not_regular_file"
    assert code_of(tmp_path) == "package.not_regular_file"
    assert code_of(Path("/dev/zero")) == "package.not_regular_file"


@pytest.mark.usefixtures("bound_by_file_modes")
def test_a_file_without_permission_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x")
    path.chmod(0)
    assert code_of(path) == "package.unreadable"


@pytest.mark.parametrize("size", [100, 3 * MIB])
@pytest.mark.parametrize("change", ["grow", "shrink", "rewrite"])
def test_a_file_that_changes_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, change: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(size))
    real = hashing._open

    def open_then_change(name: str) -> tuple[int, os.stat_result]:
        opened = real(name)
        if change == "rewrite":
            path.write_bytes(b"\x01" * size)
            os.utime(path, ns=(1, opened[1].st_mtime_ns + 1))
        else:
            os.truncate(path, size + 1 if change == "grow" else size - 1)
        return opened

    monkeypatch.setattr(hashing, "_open", open_then_change)
    assert code_of(path) == "package.changed_while_read"


def test_an_error_on_one_thread_stops_all(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(20 * MIB))

    def emit(_cid: bytes, _block: bytes | memoryview) -> None:
        raise RuntimeError("sink is full")

    with pytest.raises(RuntimeError, match="sink is full"):
        hashing.stream_file(path, emit=emit)


def test_an_interrupt_stops_all(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(20 * MIB))

    def progress(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hashing.digest_file(path, progress=progress)
