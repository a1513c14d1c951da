from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from archive.errors import InvalidInputError, UnreachableError, UsageError
from archive.package.hashing import digest_bytes
from archive.stores.fetch import fetch_file, fetch_package
from archive.stores.local import LocalStore
from archive.stores.readback import read_back


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_operators_are_counted_once_and_the_writer_not_at_all(packed: Any, memory_store: Any) -> None:
    held = {packed.content_id: packed.car}
    readers = [
        memory_store("writer", held, operator="me"),
        memory_store("a1", held, operator="acme"),
        memory_store("a2", held, operator="acme"),
        memory_store("b", held),
    ]
    found = read_back(packed.content_id, readers, written_by=["memory:writer"])
    assert len(found.verified) == 4
    assert found.operators == 2
    assert [result.independent for result in found.results] == [False, True, True, True]
    assert found.to_json()["independent_operators"] == 2
    assert found.results[0].size == len(packed.car)


def test_a_store_that_streams_too_much_is_a_mismatch(packed: Any, memory_store: Any) -> None:
    found = read_back(packed.content_id, [memory_store("m", {packed.content_id: packed.car})], max_bytes=100)
    assert (found.results[0].status, found.results[0].code) == ("mismatch", "store.too_large")


def test_files_are_read_back_too(memory_store: Any) -> None:
    data = b'{"a":1}'
    cid = digest_bytes(data).cid
    found = read_back(cid, [memory_store("m", {cid: data}), memory_store("liar", {cid: b"{}"})], kind="file")
    assert [result.status for result in found.results] == ["verified", "mismatch"]
    assert found.results[1].code == "store.wrong_file"


def test_a_liar_is_named_and_the_next_source_asked(packed: Any, other: Any, memory_store: Any, tmp_path: Path) -> None:
    cid = packed.content_id
    readers = [
        memory_store("down", {}, fail="unreachable"),
        memory_store("empty", {}),
        memory_store("liar", {cid: other.car}),
        memory_store("good", {cid: packed.car}),
        memory_store("never-asked", {cid: packed.car}),
    ]
    fetched = fetch_package(cid, readers, tmp_path / "out")
    assert fetched.source == "good"
    assert [(note.store, note.status) for note in fetched.notes] == [
        ("down", "unreachable"),
        ("empty", "not_found"),
        ("liar", "mismatch"),
        ("good", "verified"),
    ]
    assert readers[-1].asked == 0
    assert (tmp_path / "out/evidence/rows.csv").read_bytes() == b"a,b\n1,2\n"
    assert names(tmp_path) == ["out"]


def test_only_wrong_bytes_is_a_mismatch_and_leaves_nothing(
    packed: Any, other: Any, memory_store: Any, tmp_path: Path
) -> None:
    readers = [memory_store("down", {}, fail="timeout"), memory_store("liar", {packed.content_id: other.car})]
    with pytest.raises(InvalidInputError) as caught:
        fetch_package(packed.content_id, readers, tmp_path / "out")
    assert caught.value.code == "store.wrong_bytes"
    assert "liar: mismatch" in caught.value.message
    assert names(tmp_path) == []


def test_nobody_answering_is_never_called_a_mismatch(packed: Any, memory_store: Any, tmp_path: Path) -> None:
    with pytest.raises(UnreachableError) as caught:
        fetch_package(packed.content_id, [memory_store("down", {}, fail="timeout")], tmp_path / "out")
    assert caught.value.code == "store.not_available"
    assert names(tmp_path) == []


def test_a_folder_with_something_in_it_is_left_alone(packed: Any, memory_store: Any, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UsageError) as caught:
        fetch_package(packed.content_id, [memory_store("m", {packed.content_id: packed.car})], tmp_path)
    assert caught.value.code == "get.folder_not_empty"
    assert names(tmp_path) == ["mine.txt"]


def test_an_empty_folder_is_taken(packed: Any, memory_store: Any, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    fetch_package(packed.content_id, [memory_store("m", {packed.content_id: packed.car})], tmp_path / "out")
    assert (tmp_path / "out/record.json").exists()


def test_ctrl_c_while_downloading_leaves_nothing_and_a_second_run_completes(
    packed: Any, memory_store: Any, tmp_path: Path
) -> None:
    store = memory_store("m", {packed.content_id: packed.car})
    give = store.fetch_package

    def interrupted(cid: str, sink: Any, **_: Any) -> None:
        sink.write(packed.car[:50])
        raise KeyboardInterrupt

    store.fetch_package = interrupted
    with pytest.raises(KeyboardInterrupt):
        fetch_package(packed.content_id, [store], tmp_path / "out")
    assert names(tmp_path) == []
    store.fetch_package = give
    assert fetch_package(packed.content_id, [store], tmp_path / "out").source == "m"


def test_a_damaged_local_copy_is_named_and_another_source_asked(packed: Any, memory_store: Any, tmp_path: Path) -> None:
    local = LocalStore(tmp_path / "store")
    local.put_package(packed.path, packed.content_id, root=packed.root)
    path = local.package_path(packed.content_id)
    path.write_bytes(path.read_bytes()[:-30])
    good = memory_store("good", {packed.content_id: packed.car})
    fetched = fetch_package(packed.content_id, [local, good], tmp_path / "out")
    assert fetched.source == "good"
    assert fetched.notes[0].code == "store.local.corrupt"


def test_files_are_fetched_from_the_first_honest_store(memory_store: Any) -> None:
    cid = digest_bytes(b"{}").cid
    data, notes = fetch_file(cid, [memory_store("liar", {cid: b"[]"}), memory_store("good", {cid: b"{}"})])
    assert data == b"{}"
    assert [note.status for note in notes] == ["mismatch", "verified"]
