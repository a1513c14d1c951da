"""The Arweave store against arlocal, a real gateway: pay, chunk, mine, download, compare."""

from __future__ import annotations

import hashlib
import io
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from archive.errors import RefusedError
from archive.package.build import EvidenceInput, PackageInput, build_package
from archive.package.car import write_car
from archive.package.hashing import digest_bytes
from archive.package.seal import Seal
from archive.stores.arweave import ArweaveReader, ArweaveTiming, ArweaveWriter
from archive.stores.fetch import fetch_package
from archive.stores.readback import read_back

pytestmark = pytest.mark.arlocal


def make_key(path: Path) -> Path:
    from Crypto.PublicKey import RSA

    key = RSA.generate(2048)

    def number(value: int) -> str:
        return urlsafe_b64encode(value.to_bytes((value.bit_length() + 7) // 8, "big")).rstrip(b"=").decode()

    jwk = {"kty": "RSA", "n": number(key.n), "e": number(key.e), "d": number(key.d), "p": number(key.p)}
    jwk |= {"q": number(key.q), "dp": number(key.d % (key.p - 1)), "dq": number(key.d % (key.q - 1))}
    jwk["qi"] = number(pow(key.q, -1, key.p))
    path.write_text(json.dumps(jwk))
    path.chmod(0o600)
    return path


@pytest.fixture(scope="module")
def keyfile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_key(tmp_path_factory.mktemp("key") / "wallet.json")


@pytest.fixture
def open_writer(arlocal: Any, keyfile: Path, tmp_path: Path) -> Callable[[], ArweaveWriter]:
    def make() -> ArweaveWriter:
        waits = ArweaveTiming(mined=20, served=20, poll=0.2)
        return ArweaveWriter(arlocal.url, keyfile, state_dir=tmp_path / "state", waits=waits)

    return make


@pytest.fixture
def funded(arlocal: Any, open_writer: Callable[[], ArweaveWriter]) -> Callable[[], ArweaveWriter]:
    arlocal.mint(open_writer().address, 10**18)
    return open_writer


def pack(folder: Path, incident: str, size: int) -> Any:
    source = folder / "rows.csv"
    source.write_bytes(hashlib.shake_128(incident.encode()).digest(size))
    evidence = (EvidenceInput(id="rows", path="evidence/rows.csv", media_type="text/csv", source=source),)
    package = build_package(
        PackageInput(record={"id": incident}, incident=incident, revision=1, previous_root=None, evidence=evidence),
        Seal(seed=bytes(32)),
    )
    with (folder / "package.car").open("wb") as sink:
        write_car(package, sink)
    return package


@pytest.mark.parametrize(("name", "size"), [("small", 3_000), ("chunked", 3 << 20)])
def test_a_package_is_stored_and_read_again(
    arlocal: Any, funded: Callable[[], ArweaveWriter], tmp_path: Path, name: str, size: int
) -> None:
    package = pack(tmp_path, f"2026-01-01-arlocal-{name}", size)
    car = tmp_path / "package.car"
    before = funded().quote(car.stat().st_size)
    pin = funded().put_package(car, package.content_id, root=package.root)
    assert (pin.status, pin.verified) == ("stored", True)
    # the same command again neither pays nor posts
    assert funded().put_package(car, package.content_id, root=package.root) == pin
    after = funded().quote(car.stat().st_size)
    assert 0 <= before.balance - after.balance <= before.price

    by_id = ArweaveReader(arlocal.url, name="by-id", locators={package.content_id: pin.locator})
    by_tag = ArweaveReader(arlocal.url, name="by-tag")
    found = read_back(package.content_id, [by_id, by_tag])
    assert [(r.store, r.status, r.message) for r in found.results] == [
        ("by-id", "verified", None),
        ("by-tag", "verified", None),
    ]
    fetched = fetch_package(package.content_id, [by_tag], tmp_path / "out")
    assert fetched.package.root == package.root


def test_the_bundle_is_stored_too(arlocal: Any, funded: Callable[[], ArweaveWriter], tmp_path: Path) -> None:
    data = json.dumps({"format": "incident-archive-proof/1", "x": "y" * 300_000}).encode()
    path = tmp_path / "x-r1.proof.json"
    path.write_bytes(data)
    cid = digest_bytes(data).cid
    pin = funded().put_file(path, cid)
    assert pin.verified
    sink = io.BytesIO()
    ArweaveReader(arlocal.url).fetch_file(cid, sink)
    assert sink.getvalue() == data


def test_without_funds_nothing_is_posted(arlocal: Any, tmp_path: Path) -> None:
    package = pack(tmp_path, "2026-01-01-arlocal-poor", 300_000)
    writer = ArweaveWriter(arlocal.url, make_key(tmp_path / "poor.json"), state_dir=tmp_path / "state")
    arlocal.mint(writer.address, 1)
    with pytest.raises(RefusedError) as caught:
        writer.put_package(tmp_path / "package.car", package.content_id, root=package.root)
    assert caught.value.code == "store.arweave.no_funds"
    assert writer.quote(1).balance == 1
    assert not (tmp_path / "state").exists()


def test_doctor_sees_it(arlocal: Any, funded: Callable[[], ArweaveWriter]) -> None:
    assert "arlocal" in ArweaveReader(arlocal.url).check()
    assert "wallet holds" in funded().check()
