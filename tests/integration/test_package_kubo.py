"""CIDs and CARs of packages against real Kubo under the profile `unixfs-v1-2025`: Kubo is the oracle."""

from __future__ import annotations

import io
import json
import random
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from archive.errors import InvalidInputError
from archive.package import build, car, hashing, unixfs
from archive.package import cid as cids
from archive.package.seal import Seal
from tools import services

pytestmark = pytest.mark.kubo

MIB = 1024 * 1024
SEAL = Seal(bytes(32), "0x" + "ab" * 20)


def ours(folder: Path) -> unixfs.DirectoryResult:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    digests = hashing.digest_files(paths)
    return unixfs.directory(
        {str(path.relative_to(folder)): (d.cid, d.tsize) for path, d in zip(paths, digests, strict=True)}
    )


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    for path, data in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return folder


def only_hash(kubo: services.KuboNode, path: Path) -> str:
    return kubo.cli("add", "-r", "-Q", "--only-hash", str(path)).strip()


@pytest.mark.parametrize("size", [0, 1, 4096, MIB - 1, MIB, MIB + 1, 2 * MIB, 5 * MIB + 3])
def test_files(kubo: services.KuboNode, tmp_path: Path, size: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(random.Random(size).randbytes(size))
    assert hashing.digest_file(path).cid == only_hash(kubo, path)


@pytest.mark.parametrize("size", [1024 * MIB, 1024 * MIB + 1])
def test_files_of_1024_and_1025_chunks(kubo: services.KuboNode, tmp_path: Path, size: int) -> None:
    path = tmp_path / "file"
    with path.open("wb") as handle:
        handle.truncate(size)
    assert hashing.digest_file(path).cid == only_hash(kubo, path)


def test_cumulative_sizes(kubo: services.KuboNode, tmp_path: Path) -> None:
    folder = write(tmp_path / "d", {"one": b"1", "two": bytes(2 * MIB), "three/below": bytes(MIB + 1)})
    result = ours(folder)
    root = kubo.cli("add", "-r", "-Q", str(folder)).strip()
    assert result.cid == root
    node = json.loads(kubo.cli("dag", "get", root))
    found = {link["Name"]: link["Tsize"] for link in node["Links"]}
    assert found == {link.name.decode(): link.tsize for link in unixfs.decode_node(result.blocks[-1][1]).links}
    assert result.tsize == int(kubo.rpc("files/stat", arg=f"/ipfs/{root}")["CumulativeSize"])  # type: ignore[call-overload]


def test_names_and_folders(kubo: services.KuboNode, tmp_path: Path) -> None:
    names = ["a", "a-b/x", "a.b", "B", "b/c/d/e", "é", "测试/数据 1.csv", "\U0001f4a9", "ﬁ", "~", "x y", "x" * 255]
    folder = write(tmp_path / "d", {f"evidence/{name}": name.encode() for name in names})
    write(folder, {"manifest.json": b"{}", "record.json": b"{}"})
    assert ours(folder).cid == only_hash(kubo, folder)


@pytest.mark.parametrize("extra", [0, 1])
def test_the_largest_plain_folder_and_the_smallest_sharded_one(
    kubo: services.KuboNode, tmp_path: Path, extra: int
) -> None:
    names = [f"{number:0200}" for number in range(1_100)]
    link = len(unixfs.encode_link(unixfs.Link(names[0].encode(), cids.raw_cid(b""), 0)))
    names = names[: (256 * 1024 - 4) // link]
    missing = 256 * 1024 - 4 - link * len(names)
    names[0] += "x" * (missing - missing // 5 * 4)
    for index in range(1, 5):
        names[index] += "x" * (missing // 5)
    names[-1] += "x" * extra
    folder = write(tmp_path / "d", dict.fromkeys(names, b""))
    result = ours(folder)
    assert (len(result.blocks) > 1) == bool(extra)
    assert result.cid == only_hash(kubo, folder)


def test_a_folder_of_10_000_files(kubo: services.KuboNode, tmp_path: Path) -> None:
    folder = write(tmp_path / "d", {f"evidence/file-{n:06}.bin": n.to_bytes(4, "big") for n in range(10_000)})
    result = ours(folder)
    assert len(result.blocks) > 256
    assert result.cid == only_hash(kubo, folder)


def test_sharded_folders_in_sharded_folders(kubo: services.KuboNode, tmp_path: Path) -> None:
    rng = random.Random(11)
    long = "x" * 180
    files = {f"{n:05}-{long}": b"" for n in range(1_500)}
    files |= {f"00700-{long}-dir/{n:05}-测-{long[: rng.randint(100, 180)]}": b"\x01" for n in range(2_000)}
    files |= {f"00700-{long}-dir/00900-deep/{n:05}-{long}": b"\x02" for n in range(1_300)}
    folder = write(tmp_path / "d", files)
    kinds = [unixfs.decode_node(block).kind for _, block in ours(folder).blocks]
    assert kinds.count("hamt") > 3 * 256
    assert ours(folder).cid == only_hash(kubo, folder)


@pytest.mark.parametrize("seed", range(4))
def test_random_trees(kubo: services.KuboNode, tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    alphabet = "abcXYZ019-_ éß测試Ω"
    files: dict[str, bytes] = {}
    for _ in range(rng.randint(1, 120)):
        depth = rng.randint(1, 4)
        path = "/".join("".join(rng.choices(alphabet, k=rng.randint(1, 12))) + str(level) for level in range(depth))
        files[path + ".x"] = rng.randbytes(rng.choice([0, 1, 100, 70_000, MIB + 10]))
    folder = write(tmp_path / "d", files)
    assert ours(folder).cid == only_hash(kubo, folder)


def make_package(folder: Path, files: Mapping[str, bytes]) -> build.Package:
    write(folder, files)
    evidence = tuple(build.EvidenceInput(f"e{n}", path, "text/plain", folder / path) for n, path in enumerate(files))
    record = {"id": "2025-10-11-kubo", "evidence": [{"id": item.id} for item in evidence]}
    return build.build_package(build.PackageInput(record, "2025-10-11-kubo", 1, None, evidence), SEAL)


def test_kubo_takes_our_car_and_gives_the_same_package_back(kubo: services.KuboNode, tmp_path: Path) -> None:
    files = {f"evidence/{n:04}-{'x' * 200}": bytes([n % 251]) for n in range(1_500)}
    package = make_package(tmp_path / "dossier", {**files, "evidence/big": random.Random(5).randbytes(3 * MIB + 1)})
    path = tmp_path / "package.car"
    with path.open("wb") as sink:
        info = car.write_car(package, sink)
    answer = kubo.cli("dag", "import", "--stats", "--enc=json", str(path))
    lines = [json.loads(line) for line in answer.splitlines()]
    assert [line["Root"]["Cid"]["/"] for line in lines if "Root" in line] == [package.content_id]
    assert [line["Stats"]["BlockCount"] for line in lines if "Stats" in line] == [info.blocks]

    kubo.cli("get", "-o", str(tmp_path / "got"), package.content_id)
    assert ours(tmp_path / "got").cid == package.content_id == only_hash(kubo, tmp_path / "got")

    exported = subprocess.run(
        [str(kubo.binary), "dag", "export", "--progress=false", package.content_id],
        capture_output=True,
        env={"IPFS_PATH": str(kubo.repo), "HOME": str(tmp_path)},
        check=True,
    ).stdout
    unpacked = car.unpack_car(io.BytesIO(exported), tmp_path / "out", content_id=package.content_id)
    assert (unpacked.root, unpacked.content_id) == (package.root, package.content_id)

    gateway = services.http(f"{kubo.gateway_url}/ipfs/{package.content_id}?format=car")
    assert car.verify_car(io.BytesIO(gateway)).root == package.root


def test_a_package_added_by_kubo_with_other_settings_is_refused(kubo: services.KuboNode, tmp_path: Path) -> None:
    """The same files under Kubo's old defaults are another DAG: its content id is not the package's."""
    package = make_package(tmp_path / "dossier", {"evidence/big": bytes(2 * MIB)})
    with (tmp_path / "x.car").open("wb") as sink:
        car.write_car(package, sink)
    with (tmp_path / "x.car").open("rb") as source:
        car.unpack_car(source, tmp_path / "out")
    other = kubo.cli("add", "-r", "-Q", "--chunker=size-262144", str(tmp_path / "out")).strip()
    assert other != package.content_id
    exported = services.http(f"{kubo.gateway_url}/ipfs/{other}?format=car")
    with pytest.raises(InvalidInputError) as caught:
        car.verify_car(io.BytesIO(exported))
    assert caught.value.code == "unixfs.layout"


def test_ipfs_car_reads_our_car(ipfs_car: Path, tmp_path: Path) -> None:
    package = make_package(tmp_path / "dossier", {"evidence/a": b"a", "evidence/big": bytes(range(256)) * 8192})
    with (tmp_path / "x.car").open("wb") as sink:
        car.write_car(package, sink)
    subprocess.run([str(ipfs_car), "unpack", str(tmp_path / "x.car"), "-o", str(tmp_path / "out")], check=True)
    found = {str(p.relative_to(tmp_path / "out")): p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert found == {
        file.path: file.data if file.data is not None else package.sources[file.path].read_bytes()
        for file in package.files
    }
