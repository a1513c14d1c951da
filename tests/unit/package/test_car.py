from __future__ import annotations

import hashlib
import io
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archive.errors import ArchiveError, InvalidInputError, RefusedError
from archive.package import build, canonical, car, carfile, manifest, unixfs, unpack, varint
from archive.package import cid as cids
from archive.package.hashing import digest_bytes
from archive.package.seal import Seal

MIB = 1024 * 1024
MakeInput = Callable[..., build.PackageInput]
MakeCar = Callable[..., bytes]
Blocks = list[tuple[bytes, bytes]]


@pytest.fixture
def package(make_input: MakeInput, seal: Seal) -> build.Package:
    files = {
        "evidence/a.csv": b"a,b\n1,2\n",
        "evidence/big.bin": random.Random(3).randbytes(2 * MIB + 5),
        "evidence/deep/er/b.txt": b"text",
        "evidence/same.csv": b"a,b\n1,2\n",
        "evidence/void": b"",
        "evidence/hidden": b"hidden",
    }
    return build.build_package(make_input(files, ["evidence/hidden"]), seal)


def car_of(package: build.Package) -> bytes:
    out = io.BytesIO()
    info = car.write_car(package, out)
    data = out.getvalue()
    assert (info.size, info.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    return data


def blocks_of(data: bytes) -> tuple[bytes, Blocks]:
    reader = car.read_car(io.BytesIO(data))
    return reader.root, [(block.cid, block.data) for block in reader]


def refused(call: Callable[[], object]) -> ArchiveError:
    with pytest.raises(ArchiveError) as caught:
        call()
    return caught.value


def code_of(data: bytes, **options: Any) -> str:
    return refused(lambda: car.verify_car(io.BytesIO(data), **options)).code


def test_unpack_gives_back_the_files(package: build.Package, tmp_path: Path) -> None:
    target = tmp_path / "out" / "package"
    unpacked = car.unpack_car(io.BytesIO(car_of(package)), target, content_id=package.content_id)
    assert (unpacked.root, unpacked.content_id, unpacked.folder) == (package.root, package.content_id, target)
    found = {str(path.relative_to(target)): path.read_bytes() for path in target.rglob("*") if path.is_file()}
    expected = {file.path: file.data if file.data is not None else file.source.read_bytes() for file in package.files}  # type: ignore[union-attr]
    assert found == expected
    assert [(file.path, file.cid, file.tsize) for file in unpacked.files] == list(package.directory)
    assert [entry.name for entry in target.parent.iterdir()] == ["package"]


def test_each_block_once_children_first_root_last(package: build.Package) -> None:
    root, blocks = blocks_of(car_of(package))
    names = [cid for cid, _ in blocks]
    assert len(set(names)) == len(names)
    assert names[-1] == root
    seen: set[bytes] = set()
    for cid, data in blocks:
        if cid[1] == cids.DAG_PB:
            assert all(link.cid in seen for link in unixfs.decode_node(data).links)
        seen.add(cid)


def test_the_car_is_deterministic_and_packing_in_one_pass_gives_the_same(
    make_input: MakeInput, seal: Seal, tmp_path: Path
) -> None:
    files = {"evidence/a": b"1", "evidence/big": bytes(3 * MIB), "evidence/z": b"1", "evidence/w": b"w"}
    inputs = make_input(files, ["evidence/w"])
    calls: list[tuple[int, int]] = []
    packed = car.pack_file(inputs, seal, tmp_path / "out" / "one.car", progress=lambda *call: calls.append(call))
    data = (tmp_path / "out" / "one.car").read_bytes()
    assert packed.package == build.build_package(inputs, seal)
    assert data == car_of(packed.package) == car_of(build.build_package(inputs, seal))
    assert packed.size == len(data)
    assert calls[-1] == (3 * MIB + 3, 3 * MIB + 3)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["one.car"]


def test_a_path_after_the_manifest_is_packed_in_two_passes(make_input: MakeInput, seal: Seal, tmp_path: Path) -> None:
    inputs = make_input({"notes/z": b"z", "evidence/a": b"a"})
    packed = car.pack_file(inputs, seal, tmp_path / "x.car")
    assert (tmp_path / "x.car").read_bytes() == car_of(packed.package)
    assert car.verify_car(io.BytesIO(car_of(packed.package))).root == packed.package.root


def test_nothing_is_left_of_a_failed_pack(make_input: MakeInput, seal: Seal, tmp_path: Path) -> None:
    inputs = make_input()
    missing = replace(inputs.evidence[1], source=tmp_path / "missing")
    broken = replace(inputs, evidence=(inputs.evidence[0], missing))
    out = tmp_path / "out"
    assert refused(lambda: car.pack_file(broken, seal, out / "x.car")).code == "package.missing_file"
    assert list(out.iterdir()) == []


@pytest.mark.parametrize("path", ["evidence/a.csv", "evidence/big.bin"])
def test_a_file_changed_after_building(package: build.Package, path: str) -> None:
    source = package.sources[path]
    data = bytearray(source.read_bytes())
    data[-1] ^= 1
    source.write_bytes(bytes(data))
    assert refused(lambda: car.write_car(package, io.BytesIO())).code == "package.changed_while_read"


def test_a_full_disk_is_our_error(package: build.Package) -> None:
    class Full(io.BytesIO):
        def write(self, data: Any) -> int:
            raise OSError(28, "No space left on device")

    assert refused(lambda: car.write_car(package, Full())).code == "car.write_failed"


def test_a_stream_that_cannot_seek(package: build.Package, tmp_path: Path) -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    data = car_of(package)
    assert car.unpack_car(Pipe(data), tmp_path / "out").root == package.root
    small = carfile.Limits(car_bytes=len(data) - 1)
    assert refused(lambda: car.verify_car(Pipe(data), limits=small)).code == "car.too_large"


def test_blocks_in_another_order_and_twice_are_fine(package: build.Package, make_car: MakeCar) -> None:
    root, blocks = blocks_of(car_of(package))
    assert car.verify_car(io.BytesIO(make_car(root, [*reversed(blocks), *blocks]))).root == package.root


def test_truncated_everywhere(package: build.Package) -> None:
    data = car_of(package)
    _, blocks = blocks_of(data)
    header = len(carfile.encode_header(bytes(36)))
    for end in (0, 1, 30, header - 1, header + 1, header + 20, header + 40, len(data) - 1):
        assert code_of(data[:end]) == "car.truncated"
    # Cut between two blocks: every block is sound, some are missing.
    last = len(carfile.encode_section_start(*((blocks[-1][0], len(blocks[-1][1]))))) + len(blocks[-1][1])
    assert code_of(data[:-last]) == "car.missing_block"


ROOT = cids.dag_pb_cid(b"")
HEADER = carfile.encode_header(ROOT)
CBOR = HEADER[1:]


def framed(header: bytes) -> bytes:
    return varint.encode(len(header)) + header


def section(cid: bytes, data: bytes) -> bytes:
    return varint.encode(len(cid) + len(data)) + cid + data


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x00", "bad_header"),
        (framed(b"\xa0"), "bad_header"),
        (framed(b"\xa2\x65roots\x80\x67version\x01"), "roots"),
        (framed(CBOR.replace(b"\x81\xd8", b"\x82\xd8")), "roots"),
        (framed(CBOR.replace(b"\x81\xd8", b"\x01\xd8")), "bad_header"),
        (framed(CBOR.replace(b"\x67version\x01", b"\x67version\x02")), "version"),
        (framed(b"\xa1\x67version\x02"), "version"),
        (framed(CBOR + b"\x00"), "bad_header"),
        (framed(CBOR.replace(b"\x58\x25\x00", b"\x58\x25\x01")), "bad_header"),
        (framed(CBOR.replace(b"\x01\x70\x12", b"\x01\x71\x12")), "unknown_codec"),
        (framed(CBOR.replace(b"\x01\x70\x12", b"\x01\x55\x12")), "root_not_directory"),
        (varint.encode(65_537), "header_too_large"),
        (b"\xff" * 12, "bad_varint"),
        (b"\x80\x00", "bad_varint"),
        (HEADER + b"\x81\x80\x00", "bad_varint"),
        (HEADER + b"\x00", "bad_cid"),
        (HEADER + section(b"\x01\x55\x12\x20", b"short"), "bad_cid"),
        (HEADER + section(b"\x12\x20" + bytes(32), b""), "cid_version"),
        (HEADER + section(b"\x02\x55\x12\x20" + bytes(32), b""), "cid_version"),
        (HEADER + section(b"\x01\x71\x12\x20" + bytes(32), b""), "unknown_codec"),
        (HEADER + section(b"\x01\x55\x1b\x20" + bytes(32), b""), "unknown_hash"),
        (HEADER + section(b"\x01\x55\x12\x10" + bytes(32), b""), "unknown_hash"),
        (HEADER + section(b"\x01\x55\x00\x04", b"abcd"), "identity_cid"),
        (HEADER + section(cids.raw_cid(b"x"), b"y"), "bad_block_hash"),
        (HEADER + varint.encode(2 * MIB + 37), "block_too_large"),
        (HEADER + varint.encode(2**62), "block_too_large"),
        (HEADER + section(cids.raw_cid(b"x"), b"x"), "missing_block"),
    ],
)
def test_bad_cars(data: bytes, code: str) -> None:
    assert code_of(data) == f"car.{code}"


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (HEADER + section(cids.raw_cid(b"x"), b"y"), "damaged"),
        (HEADER + section(cids.raw_cid(b"x"), b"x"), "damaged"),
        (HEADER + b"\x01", "cut off"),
        (HEADER + section(b"\x01\x71\x12\x20" + bytes(32), b""), "not the CAR of a package"),
        (b"\x0a\xa1\x67version\x02", "not the CAR of a package"),
    ],
)
def test_a_car_that_is_refused_comes_with_a_hint(data: bytes, word: str) -> None:
    assert word in (refused(lambda: car.verify_car(io.BytesIO(data))).hint or "")


def test_limits(package: build.Package) -> None:
    data = car_of(package)
    assert code_of(data, limits=carfile.Limits(blocks=3)) == "car.too_many_blocks"
    assert code_of(data, limits=carfile.Limits(car_bytes=1000)) == "car.too_large"
    assert code_of(data, limits=carfile.Limits(files_bytes=1000)) == "car.files_too_large"
    assert code_of(data, limits=carfile.Limits(block_bytes=MIB - 1)) == "car.block_too_large"


def test_another_root_or_block(package: build.Package, make_car: MakeCar, empty_cid: str) -> None:
    data = car_of(package)
    root, blocks = blocks_of(data)
    assert code_of(data, content_id=empty_cid) == "car.other_root"
    assert code_of(make_car(root, [*blocks, (cids.raw_cid(b"more"), b"more")])) == "car.extra_block"
    for index in range(len(blocks)):
        assert code_of(make_car(root, blocks[:index] + blocks[index + 1 :])) == "car.missing_block"


def test_the_folder_is_never_overwritten(package: build.Package, tmp_path: Path) -> None:
    data = car_of(package)
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine").write_bytes(b"x")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "elsewhere")
    for folder in (full, link, full / "mine"):
        assert refused(lambda folder=folder: car.unpack_car(io.BytesIO(data), folder)).code == "car.folder_exists"  # type: ignore[misc]
    (tmp_path / "empty").mkdir()
    assert car.unpack_car(io.BytesIO(data), tmp_path / "empty").folder == tmp_path / "empty"
    assert refused(lambda: car.unpack_car(io.BytesIO(data), full / "mine" / "below")).code == "car.write_failed"


def test_nothing_is_left_of_a_failed_unpack(package: build.Package, tmp_path: Path) -> None:
    data = bytearray(car_of(package))
    data[-1] ^= 1
    out = tmp_path / "out"
    out.mkdir()
    assert refused(lambda: car.unpack_car(io.BytesIO(bytes(data)), out / "x")).code == "car.bad_block_hash"
    assert list(out.iterdir()) == []


def test_no_room_on_the_disk(package: build.Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage:
        free = 10

    monkeypatch.setattr(unpack.shutil, "disk_usage", lambda _path: Usage)
    error = refused(lambda: car.unpack_car(io.BytesIO(car_of(package)), tmp_path / "x"))
    assert (error.code, type(error)) == ("car.no_space", RefusedError)


# ---------------------------------------------------------------- packages forged block by block


class Forge:
    """A CAR that is sound as a CAR and wrong as a package."""

    def __init__(self) -> None:
        self.blocks: dict[bytes, bytes] = {}
        self.record = b"{}"
        self.evidence: dict[str, bytes] = {"evidence/a": b"aa"}
        self.size_of_a = 2

    def file(self, data: bytes) -> unixfs.Link:
        builder = unixfs.FileBuilder(self.blocks.__setitem__)
        for start in range(0, len(data), MIB):
            chunk = data[start : start + MIB]
            builder.add_chunk(self.raw(chunk).cid, len(chunk))
        if not data:
            self.raw(b"")
        return builder.finish()

    def raw(self, data: bytes, name: bytes = b"") -> unixfs.Link:
        cid = cids.raw_cid(data)
        self.blocks[cid] = data
        return unixfs.Link(name, cid, len(data))

    def node(self, name: bytes, links: list[unixfs.Link], data: bytes = b"\x08\x01") -> unixfs.Link:
        block = unixfs.encode_node(links, data)
        cid = cids.dag_pb_cid(block)
        self.blocks[cid] = block
        return unixfs.Link(name, cid, len(block) + sum(link.tsize for link in links))

    def manifest(self) -> bytes:
        leaves = [
            {"type": "evidence", "id": f"e{n}", "path": path, "media_type": "text/csv", "size": self.size_of_a}
            | {"sha256": hashlib.sha256(data).hexdigest()}
            for n, (path, data) in enumerate(self.evidence.items())
        ]
        record = {"type": "record", "path": "record.json", "media_type": "application/json"}
        record |= {"size": len(self.record), "sha256": hashlib.sha256(self.record).hexdigest()}  # type: ignore[dict-item]
        header = {"type": "header", "format": "incident-archive/1", "hash": "sha-256", "incident": "x", "revision": 1}
        header |= {"previous_root": None, "leaf_count": len(leaves) + 2, "publisher": None, "not_before": []}  # type: ignore[dict-item]
        return canonical.dumps({"header": header, "entries": [record, *leaves]})

    def top(self, evidence: unixfs.Link) -> list[unixfs.Link]:
        def named(name: bytes, link: unixfs.Link) -> unixfs.Link:
            return unixfs.Link(name, link.cid, link.tsize)

        return [
            named(b"evidence", evidence),
            named(b"manifest.json", self.file(self.manifest())),
            named(b"record.json", self.file(self.record)),
        ]

    def car(self, root: unixfs.Link) -> bytes:
        out = io.BytesIO()
        out.write(carfile.encode_header(root.cid))
        for cid, data in self.blocks.items():
            out.write(section(cid, data))
        return out.getvalue()


def forged(links: Callable[[Forge], list[unixfs.Link]], **changes: Any) -> bytes:
    forge = Forge()
    for name, value in changes.items():
        setattr(forge, name, value)
    return forge.car(forge.node(b"", links(forge)))


def plain(forge: Forge) -> list[unixfs.Link]:
    return forge.top(forge.node(b"", [forge.raw(b"aa", b"a")]))


def test_the_forge_makes_a_good_package_when_asked_to() -> None:
    data = forged(plain)
    assert car.verify_car(io.BytesIO(data)).manifest.evidence[0].path == "evidence/a"


def entry_named(name: bytes) -> Callable[[Forge], list[unixfs.Link]]:
    return lambda forge: forge.top(forge.node(b"", [forge.raw(b"aa", name)]))


def folder_named(name: bytes) -> Callable[[Forge], list[unixfs.Link]]:
    return lambda forge: [*plain(forge), forge.node(name, [forge.raw(b"x", b"x")])]


def symlink(forge: Forge) -> list[unixfs.Link]:
    return forge.top(forge.node(b"", [forge.node(b"a", [], b"\x08\x04\x12\x0b/etc/passwd")]))


def with_rows(*links: Callable[[Forge], unixfs.Link]) -> Callable[[Forge], list[unixfs.Link]]:
    return lambda forge: forge.top(forge.node(b"", [link(forge) for link in links]))


def small_chunks(forge: Forge) -> unixfs.Link:
    return forge.node(b"a", [forge.raw(b"a"), forge.raw(b"a")], unixfs.file_data([1, 1]))


def bomb(forge: Forge) -> unixfs.Link:
    """A few blocks that would be 1,024^5 empty chunks."""
    link = forge.raw(b"")
    for _ in range(5):
        link = forge.node(b"", [unixfs.Link(b"", link.cid, 0)] * 1024, unixfs.file_data([0] * 1024))
    return unixfs.Link(b"a", link.cid, link.tsize)


def folder_bomb(forge: Forge) -> list[unixfs.Link]:
    """Folders in folders, each listing the one below many times: folders without end from a few blocks."""
    link = forge.node(b"", [forge.raw(b"x", b"x")])
    for _ in range(6):
        link = forge.node(b"", [unixfs.Link(b"%d" % n, link.cid, 0) for n in range(100)])
    return [*plain(forge), unixfs.Link(b"z", link.cid, 0)]


def file_bomb(forge: Forge) -> list[unixfs.Link]:
    link = forge.raw(b"x", b"x")
    for count in (4_000, 20):
        link = forge.node(b"", [unixfs.Link(b"%04d" % n, link.cid, 0) for n in range(count)])
    return [*plain(forge), unixfs.Link(b"z", link.cid, 0)]


def sharded(forge: Forge) -> list[unixfs.Link]:
    return forge.top(forge.node(b"", [forge.raw(b"aa", b"00a")], unixfs.hamt_data(1)))


@pytest.mark.parametrize(
    ("links", "code"),
    [
        (entry_named(b".."), "unixfs.bad_name"),
        (entry_named(b"."), "unixfs.bad_name"),
        (entry_named(b""), "unixfs.bad_name"),
        (entry_named(b"../../etc/x"), "unixfs.bad_name"),
        (entry_named(b"/etc/x"), "unixfs.bad_name"),
        (entry_named(b"\xff"), "unixfs.bad_name"),
        (entry_named(b"a\\b"), "manifest.path_characters"),
        (entry_named(b"a\x00"), "manifest.path_characters"),
        (entry_named(b"n" * 256), "manifest.path_too_long"),
        (entry_named("e\u0301".encode()), "canonical.not_nfc"),
        (entry_named(b"b"), "package.missing_file"),
        (folder_named(b".."), "unixfs.bad_name"),
        (folder_named(b"record.json"), "unixfs.duplicate_name"),
        (folder_named(b"Record.json"), "manifest.path_reserved"),
        (folder_named(b"more"), "package.unexpected_file"),
        (lambda forge: [*plain(forge), forge.node(b"more", [])], "unixfs.empty_directory"),
        (symlink, "unixfs.symlink"),
        (with_rows(lambda f: f.raw(b"aa", b"a"), lambda f: f.raw(b"aa", b"a")), "unixfs.duplicate_name"),
        (with_rows(lambda f: f.raw(b"bb", b"a")), "package.digest_mismatch"),
        (with_rows(lambda f: f.raw(b"b", b"a")), "package.size_mismatch"),
        (with_rows(lambda f: f.raw(b"aaa", b"a")), "package.size_mismatch"),
        (with_rows(small_chunks), "unixfs.layout"),
        (with_rows(bomb), "unixfs.layout"),
        (folder_bomb, "unixfs.too_many_folders"),
        (file_bomb, "unixfs.too_many_files"),
        (sharded, "unixfs.layout"),
        (lambda forge: list(reversed(plain(forge))), "unixfs.layout"),
        (lambda forge: plain(forge)[:2], "package.missing_file"),
        (lambda forge: plain(forge)[::2], "package.missing_file"),
        (
            lambda forge: [unixfs.Link(link.name, link.cid, link.tsize + 1) for link in plain(forge)],
            "unixfs.layout",
        ),
    ],
)
def test_forged_packages(links: Callable[[Forge], list[unixfs.Link]], code: str, tmp_path: Path) -> None:
    data = forged(links)
    assert code_of(data) == code
    out = tmp_path / "out"
    out.mkdir()
    assert refused(lambda: car.unpack_car(io.BytesIO(data), out / "x")).code == code
    assert list(tmp_path.rglob("*")) == [out]


def test_forged_record_and_manifest() -> None:
    assert code_of(forged(plain, record=b'{"b":1,"a":2}')) == "canonical.not_canonical"
    assert code_of(forged(plain, record=b"")) == "canonical.syntax"
    assert code_of(forged(plain, size_of_a=1)) == "package.size_mismatch"
    assert code_of(forged(plain, size_of_a=3)) == "package.size_mismatch"
    assert code_of(forged(plain, evidence={"evidence/a": b"aa", "evidence/b": b"b"})) == "package.missing_file"


def test_all_wrong_files_are_listed() -> None:
    def links(forge: Forge) -> list[unixfs.Link]:
        return forge.top(forge.node(b"", [forge.raw(b"bb", b"a"), forge.raw(b"cc", b"b")]))

    data = forged(links, evidence={"evidence/a": b"aa", "evidence/b": b"bb"})
    error = refused(lambda: car.verify_car(io.BytesIO(data)))
    assert [problem.path for problem in error.problems] == ["evidence/a", "evidence/b"]


def test_a_deep_path_comes_back(make_input: MakeInput, seal: Seal, tmp_path: Path) -> None:
    path = "/".join(["d"] * 512)
    inputs = make_input({"evidence/a": b"a"})
    deep = replace(inputs.evidence[0], path=path)
    package = build.build_package(replace(inputs, evidence=(deep,)), seal)
    assert car.unpack_car(io.BytesIO(car_of(package)), tmp_path / "o").root == package.root


def test_a_sharded_folder_comes_back(make_input: MakeInput, seal: Seal, tmp_path: Path) -> None:
    inputs = make_input({"evidence/a": b"a"})
    many = tuple(
        replace(inputs.evidence[0], id=f"i{number}", path=f"evidence/{number:06}-{'x' * 100}.csv")
        for number in range(2_000)
    )
    package = build.build_package(replace(inputs, evidence=many), seal)
    data = car_of(package)
    kinds = {unixfs.decode_node(block).kind for cid, block in blocks_of(data)[1] if cid[1] == cids.DAG_PB}
    assert "hamt" in kinds
    assert car.unpack_car(io.BytesIO(data), tmp_path / "o").root == package.root


SMALL = forged(plain)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_mutated_car_never_gives_something_else(data: st.DataObject) -> None:
    original = car.verify_car(io.BytesIO(SMALL))
    mutated = bytearray(SMALL)
    for _ in range(data.draw(st.integers(1, 3))):
        kind = data.draw(st.sampled_from(["flip", "cut", "insert", "delete"]))
        at = data.draw(st.integers(0, len(mutated) - 1))
        if kind == "flip":
            mutated[at] ^= 1 << data.draw(st.integers(0, 7))
        elif kind == "cut":
            del mutated[at + 1 :]
        elif kind == "insert":
            mutated[at:at] = data.draw(st.binary(min_size=1, max_size=4))
        else:
            del mutated[at : at + 3]
        if not mutated:
            return
    try:
        result = car.verify_car(io.BytesIO(bytes(mutated)))
    except InvalidInputError:
        return
    assert (result.root, result.files) == (original.root, original.files)


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_raise_our_error(data: bytes, with_header: bool) -> None:
    with pytest.raises(InvalidInputError):
        car.verify_car(io.BytesIO((HEADER if with_header else b"") + data))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(
    st.dictionaries(
        st.lists(st.sampled_from(["a", "b", "é", "测"]), min_size=1, max_size=3).map("/".join),
        st.binary(max_size=40),
        max_size=6,
    )
)
def test_round_trip_of_any_small_package(files: dict[str, bytes]) -> None:
    rows = {path: digest_bytes(data) for path, data in files.items()}
    record = digest_bytes(b"{}")
    leaves: list[Any] = [manifest.RecordEntry(record.size, record.sha256)]
    for number, path in enumerate(sorted(rows, key=str.encode)):
        leaves.append(manifest.EvidenceEntry(f"e{number}", path, "text/csv", rows[path].size, rows[path].sha256))
    header = manifest.Header("x", 1, None, len(leaves) + 1, None)
    try:
        made = manifest.check_leaves([header, *leaves])
    except InvalidInputError as error:
        assert error.code == "manifest.path_conflict"  # noqa: PT017  # most examples do not raise
        return
    data = {**files, "manifest.json": made.to_bytes(), "record.json": b"{}"}
    digests = {path: digest_bytes(content) for path, content in data.items()}
    directory = tuple((path, digests[path].cid, digests[path].tsize) for path in sorted(data, key=str.encode))
    tree = unixfs.directory({path: (cid, tsize) for path, cid, tsize in directory})
    package = build.Package(
        header=header,
        entries=made.entries,
        record_json=b"{}",
        manifest_json=data["manifest.json"],
        root=made.root(),
        content_id=tree.cid,
        content_digest=cids.content_digest(tree.cid),
        directory=directory,
        files=tuple(build.PackageFile(path, digests[path], data=data[path]) for path, _, _ in directory),
    )
    out = io.BytesIO()
    car.write_car(package, out)
    stream: BinaryIO = io.BytesIO(out.getvalue())
    result = car.verify_car(stream, content_id=tree.cid)
    assert (result.root, {file.path: file.sha256 for file in result.files}) == (
        made.root(),
        {path: digest.sha256 for path, digest in digests.items()},
    )
