from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from archive.errors import ArchiveError, InvalidInputError, RefusedError, UnreachableError
from archive.package.hashing import digest_bytes
from archive.stores.local import LocalStore


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


def fetched(store: LocalStore, content_id: str) -> bytes:
    sink = io.BytesIO()
    store.fetch_package(content_id, sink)
    return sink.getvalue()


def leftovers(store: LocalStore) -> list[str]:
    return [path.name for path in store.folder.rglob(".*")]


def test_a_package_comes_back_byte_for_byte(store: LocalStore, packed: Any) -> None:
    pin = store.put_package(packed.path, packed.content_id, root=packed.root)
    assert pin.locator == f"packages/{packed.content_id}.car"
    assert pin.verified
    assert fetched(store, packed.content_id) == packed.car
    assert store.has(packed.content_id)
    assert store.packages() == (packed.content_id,)
    assert leftovers(store) == []


def test_putting_twice_writes_once(store: LocalStore, packed: Any) -> None:
    store.put_package(packed.path, packed.content_id, root=packed.root)
    before = store.package_path(packed.content_id).stat()
    store.put_package(packed.path, packed.content_id, root=packed.root)
    assert store.package_path(packed.content_id).stat().st_ino == before.st_ino


def test_a_corrupt_file_is_named_and_not_used(store: LocalStore, packed: Any) -> None:
    store.put_package(packed.path, packed.content_id, root=packed.root)
    path = store.package_path(packed.content_id)
    data = bytearray(packed.car)
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(InvalidInputError) as caught:
        fetched(store, packed.content_id)
    assert caught.value.code == "store.local.corrupt"


@pytest.mark.parametrize("keep", [1, 60, 200, -1, -400])
def test_a_cut_file_is_named(store: LocalStore, packed: Any, keep: int) -> None:
    store.put_package(packed.path, packed.content_id, root=packed.root)
    store.package_path(packed.content_id).write_bytes(packed.car[:keep])
    with pytest.raises(InvalidInputError) as caught:
        fetched(store, packed.content_id)
    assert caught.value.code == "store.local.corrupt"


def test_a_corrupt_copy_is_replaced_when_the_package_is_put_again(store: LocalStore, packed: Any) -> None:
    store.put_package(packed.path, packed.content_id, root=packed.root)
    store.package_path(packed.content_id).write_bytes(packed.car[:-1])
    store.put_package(packed.path, packed.content_id, root=packed.root)
    assert fetched(store, packed.content_id) == packed.car


def test_another_package_is_not_taken(store: LocalStore, packed: Any, other: Any) -> None:
    with pytest.raises(InvalidInputError) as caught:
        store.put_package(other.path, packed.content_id, root=packed.root)
    assert caught.value.code == "car.other_root"
    assert store.packages() == ()
    assert leftovers(store) == []


def test_a_truncated_package_is_not_taken(store: LocalStore, packed: Any, tmp_path: Path) -> None:
    cut = tmp_path / "cut.car"
    cut.write_bytes(packed.car[:-5])
    with pytest.raises(InvalidInputError) as caught:
        store.put_package(cut, packed.content_id, root=packed.root)
    assert caught.value.code == "car.truncated"
    assert store.packages() == ()


def test_a_package_can_be_written_in_place(store: LocalStore, packed: Any) -> None:
    with store.new_package(packed.content_id) as sink:
        sink.write(packed.car)
    assert fetched(store, packed.content_id) == packed.car


def test_an_interrupted_write_leaves_nothing(store: LocalStore, packed: Any) -> None:
    def interrupted() -> None:
        with store.new_package(packed.content_id) as sink:
            sink.write(packed.car[:100])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert store.packages() == ()
    assert leftovers(store) == []


def test_files_are_kept_by_their_cid(store: LocalStore, tmp_path: Path) -> None:
    path = tmp_path / "bundle.json"
    path.write_bytes(b"{}" * 700_000)  # two chunks
    cid = digest_bytes(path.read_bytes()).cid
    assert store.put_file(path, cid).locator == f"files/{cid}"
    sink = io.BytesIO()
    store.fetch_file(cid, sink)
    assert sink.getvalue() == path.read_bytes()
    assert store.files() == (cid,)
    store.file_path(cid).write_bytes(b"{}")
    with pytest.raises(InvalidInputError) as caught:
        store.fetch_file(cid, io.BytesIO())
    assert caught.value.code == "store.local.corrupt"


def test_a_file_under_a_wrong_cid_is_not_taken(store: LocalStore, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(b"{}")
    with pytest.raises(InvalidInputError) as caught:
        store.put_file(path, digest_bytes(b"[]").cid)
    assert caught.value.code == "store.wrong_file"
    assert store.files() == ()


def test_what_is_not_there_is_not_found(store: LocalStore, packed: Any) -> None:
    with pytest.raises(UnreachableError) as caught:
        fetched(store, packed.content_id)
    assert caught.value.code == "store.local.not_found"
    assert not store.has(packed.content_id)


@pytest.mark.parametrize("bad", ["../../../etc/passwd", "x", ""])
def test_an_id_cannot_leave_the_folder(store: LocalStore, bad: str) -> None:
    with pytest.raises(ArchiveError) as caught:
        store.fetch_package(bad, io.BytesIO())
    assert caught.value.code == "store.bad_cid"


def test_a_store_that_cannot_be_written_says_so(tmp_path: Path, packed: Any) -> None:
    (tmp_path / "store").write_text("a file is in the way")
    with pytest.raises(RefusedError) as caught:
        LocalStore(tmp_path / "store").put_package(packed.path, packed.content_id, root=packed.root)
    assert caught.value.code == "store.local.write_failed"
