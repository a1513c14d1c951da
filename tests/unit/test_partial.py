"""What a killed writer left is swept by the next one; what a living one is writing is not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from archive import partial
from archive.package.hashing import digest_file
from archive.stores.local import LocalStore
from archive.workspace import write_atomic


def leave(path: Path, *, old: bool = True) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    if old:
        os.utime(path, (1, 1))
    return path


def test_what_a_killed_writer_left_is_swept_by_the_next(tmp_path: Path) -> None:
    left = leave(tmp_path / ".a.json.abc12345.partial")
    write_atomic(tmp_path / "a.json", b"new")
    assert not left.exists()
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_only_leftovers_of_the_same_name_are_ours_in_a_folder_of_others(tmp_path: Path) -> None:
    kept = [leave(tmp_path / name) for name in (".b.json.abc12345.partial", "a.json.partial", ".a.json.swp")]
    write_atomic(tmp_path / "a.json", b"new")
    assert all(path.exists() for path in kept)


def test_the_local_store_sweeps_all_that_was_left_in_it(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    left = leave(store.folder / "files" / ".whatever.partial")
    source = leave(tmp_path / "source")
    cid = digest_file(source).cid
    store.put_file(source, cid)
    assert not left.exists()
    assert store.files() == (cid,)


def test_a_file_that_is_young_or_being_written_is_left_alone(tmp_path: Path) -> None:
    young = leave(tmp_path / ".a.young.partial", old=False)
    descriptor, held = partial.new_file(tmp_path / "a")
    os.utime(held, (1, 1))
    partial.sweep(tmp_path, ".a.")
    assert young.exists()
    assert held.exists()
    os.close(descriptor)
    partial.sweep(tmp_path, ".a.")
    assert not held.exists()


def test_a_folder_of_a_killed_process_is_swept_and_links_are_not_followed(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from archive import partial\n"
        "_, path = partial.new_folder(Path(sys.argv[1])); (path / 'x').write_bytes(b'x'); os.utime(path, (1, 1))\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "out")], check=False)
    assert [p.name.endswith(".partial") for p in tmp_path.iterdir()] == [True]
    elsewhere = leave(tmp_path / "elsewhere" / "file")
    (tmp_path / ".out.link.partial").symlink_to(elsewhere.parent)
    descriptor, path = partial.new_folder(tmp_path / "out")
    os.close(descriptor)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([".out.link.partial", "elsewhere", path.name])
    assert elsewhere.exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_under_such_a_name_neither_blocks_nor_vanishes(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".a.pipe.partial")
    partial.sweep(tmp_path, ".a.")
    assert (tmp_path / ".a.pipe.partial").exists()
