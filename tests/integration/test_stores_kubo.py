"""The Kubo store against real Kubo: import, pin, read back through a second process that did not write."""

from __future__ import annotations

import hashlib
import io
import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from archive.errors import ArchiveWarning, InvalidInputError, RefusedError, UnreachableError
from archive.package.build import EvidenceInput, PackageInput, build_package
from archive.package.car import write_car
from archive.package.hashing import digest_bytes
from archive.package.seal import Seal
from archive.stores.fetch import fetch_package
from archive.stores.gateway import GatewayReader
from archive.stores.http import Timing
from archive.stores.kubo import KuboReader, KuboWriter
from archive.stores.local import LocalStore
from archive.stores.readback import read_back

pytestmark = pytest.mark.kubo


@dataclass(frozen=True)
class Packed:
    content_id: str
    root: str
    path: Path


def pack(folder: Path, incident: str, files: dict[str, bytes]) -> Packed:
    folder.mkdir()
    evidence = []
    for number, (name, data) in enumerate(files.items()):
        source = folder / f"{number}.bin"
        source.write_bytes(data)
        evidence.append(EvidenceInput(id=f"e{number}", path=f"evidence/{name}", media_type="text/csv", source=source))
    package = build_package(
        PackageInput(
            record={"id": incident}, incident=incident, revision=1, previous_root=None, evidence=tuple(evidence)
        ),
        Seal(seed=bytes(32)),
    )
    path = folder / "package.car"
    with path.open("wb") as sink:
        write_car(package, sink)
    return Packed(package.content_id, package.root, path)


def noise(size: int, seed: str) -> bytes:
    """Bytes that no other test has put into the node."""
    return hashlib.shake_128(seed.encode()).digest(size)


@pytest.fixture
def small(tmp_path: Path) -> Packed:
    return pack(tmp_path / "small", "2026-01-01-kubo-small", {"a.csv": noise(2_000, "kubo small"), "文件.csv": b"x\n"})


@pytest.fixture
def big(tmp_path: Path) -> Packed:
    return pack(tmp_path / "big", "2026-01-01-kubo-big", {"big.csv": noise(3 << 20, "kubo big")})


@pytest.fixture(params=["small", "big"])
def packed(request: pytest.FixtureRequest) -> Packed:
    found: Packed = request.getfixturevalue(request.param)
    return found


def test_pinned_by_one_process_and_read_back_through_others(kubo: Any, kubo_peer: Any, packed: Packed) -> None:
    writer = KuboWriter(kubo.api_url, name="ours", operator="us")
    pin = writer.put_package(packed.path, packed.content_id, root=packed.root)
    assert (pin.locator, pin.status, pin.verified) == (packed.content_id, "stored", False)
    assert packed.content_id in kubo.rpc("pin/ls", type="recursive")["Keys"]
    readers = [
        KuboReader(kubo.api_url, name="ours", operator="us"),
        KuboReader(kubo_peer.api_url, name="peer", operator="peer"),
        GatewayReader(kubo_peer.gateway_url, name="peer-gateway", operator="peer"),
    ]
    found = read_back(packed.content_id, readers, written_by=[writer.endpoint])
    assert [(r.store, r.status, r.message) for r in found.results] == [
        ("ours", "verified", None),
        ("peer", "verified", None),
        ("peer-gateway", "verified", None),
    ]
    assert [r.independent for r in found.results] == [False, True, True]
    assert found.operators == 1


def test_importing_twice_is_importing_once(kubo: Any, small: Packed) -> None:
    writer = KuboWriter(kubo.api_url)
    first = writer.put_package(small.path, small.content_id, root=small.root)
    assert writer.put_package(small.path, small.content_id, root=small.root) == first


@pytest.mark.parametrize("size", [700, 3 << 20])
def test_the_bundle_is_pinned_too_under_the_cid_computed_here(
    kubo: Any, kubo_peer: Any, tmp_path: Path, size: int
) -> None:
    data = json.dumps({"rows": noise(size // 2, f"bundle {size}").hex()}).encode()
    path = tmp_path / "x-r1.proof.json"
    path.write_bytes(data)
    cid = digest_bytes(data).cid
    writer = KuboWriter(kubo.api_url, name="ours")
    assert writer.put_file(path, cid).locator == cid
    readers = [KuboReader(kubo_peer.api_url, name="peer"), GatewayReader(kubo_peer.gateway_url, name="gateway")]
    found = read_back(cid, readers, kind="file", written_by=[writer.endpoint])
    assert [(r.store, r.status, r.size) for r in found.results] == [
        ("peer", "verified", len(data)),
        ("gateway", "verified", len(data)),
    ]


def test_a_package_is_fetched_into_an_empty_workspace(kubo: Any, kubo_peer: Any, big: Packed, tmp_path: Path) -> None:
    KuboWriter(kubo.api_url).put_package(big.path, big.content_id, root=big.root)
    readers = [LocalStore(tmp_path / "empty"), GatewayReader(kubo_peer.gateway_url, name="gateway")]
    fetched = fetch_package(big.content_id, readers, tmp_path / "out")
    assert fetched.source == "gateway"
    assert fetched.package.root == big.root
    assert (tmp_path / "out/evidence/big.csv").read_bytes() == noise(3 << 20, "kubo big")


def test_a_wrong_content_id_is_noticed(kubo: Any, small: Packed, big: Packed) -> None:
    with pytest.raises(InvalidInputError) as caught:
        KuboWriter(kubo.api_url).put_package(small.path, big.content_id, root=small.root)
    assert caught.value.code == "store.kubo.wrong_cid"


def test_a_truncated_car_is_no_success(lonely_kubo: Any, small: Packed, tmp_path: Path) -> None:
    cut = tmp_path / "cut.car"
    cut.write_bytes(small.path.read_bytes()[:-10])
    with pytest.raises(RefusedError) as caught:
        KuboWriter(lonely_kubo.api_url).put_package(cut, small.content_id, root=small.root)
    assert caught.value.code in ("store.kubo.refused", "store.kubo.not_pinned")


def test_what_nobody_has_is_not_found(lonely_kubo: Any, small: Packed) -> None:
    reader = KuboReader(lonely_kubo.api_url, timing=Timing(deadline=20))
    assert not reader.has(small.content_id)
    with pytest.raises(UnreachableError) as caught:
        reader.fetch_package(small.content_id, io.BytesIO())
    assert caught.value.code == "store.kubo.not_found"
    found = read_back(small.content_id, [GatewayReader(lonely_kubo.gateway_url, timing=Timing(deadline=20))])
    assert (found.results[0].status, found.results[0].code) == ("not_found", "store.gateway.not_found")
    assert found.operators == 0


def test_a_block_lost_on_the_nodes_disk_is_noticed(lonely_kubo: Any, small: Packed) -> None:
    writer = KuboWriter(lonely_kubo.api_url)
    writer.put_package(small.path, small.content_id, root=small.root)
    lonely_kubo.rpc("pin/rm", arg=small.content_id)
    lost = digest_bytes(b"x\n").cid
    lonely_kubo.rpc("block/rm", arg=lost, force="true")
    reader = KuboReader(lonely_kubo.api_url, timing=Timing(deadline=20))
    found = read_back(small.content_id, [reader])
    assert found.results[0].status != "verified"
    assert found.operators == 0


def test_the_tested_version_is_not_warned_about(kubo: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", ArchiveWarning)
        assert KuboReader(kubo.api_url).check().startswith("Kubo 0.42")
        assert KuboWriter(kubo.api_url).check().startswith("Kubo 0.42")
        assert GatewayReader(kubo.gateway_url).check() == "gateway answers"


def test_the_gateway_given_as_api_is_named(kubo: Any, small: Packed) -> None:
    with pytest.raises(InvalidInputError) as caught:
        KuboReader(kubo.gateway_url).check()
    assert caught.value.code == "store.kubo.bad_answer"
