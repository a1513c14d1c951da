"""The real parts fitted to the engine: what counts as stored, whose catalogue it is, when a password is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from eth_account import Account

from archive.bundle import ProofBundle
from archive.errors import ArchiveError, InvalidInputError, UnreachableError, UsageError
from archive.package.hashing import digest_bytes
from archive.publish import wiring
from archive.publish.journal import Bundled, Final, Journal, Packed
from archive.stores.base import Pin
from archive.stores.catalogue import load_catalogue
from archive.stores.config import Stores
from archive.stores.local import LocalStore
from archive.workspace import Workspace

DATA = b"a proof bundle"
CID = digest_bytes(DATA).cid
TAKEN = Pin("remote", CID, CID, "somebody", False)


@dataclass
class Store:
    """A store that takes a file and gives back whatever it is told to."""

    name: str = "remote"
    operator: str = "somebody"
    endpoint: str = "http://remote"
    gives: bytes | ArchiveError = DATA
    pin: Pin = TAKEN
    puts: list[str] = field(default_factory=list)

    def put_file(self, path: Path, cid: str) -> Pin:
        self.puts.append(cid)
        return self.pin

    def put_package(self, car: Path, content_id: str, *, root: str) -> Pin:
        return self.put_file(car, content_id)

    def fetch_file(self, cid: str, sink: BinaryIO, *, max_bytes: int = 0) -> None:
        if isinstance(self.gives, ArchiveError):
            raise self.gives
        sink.write(self.gives)

    fetch_package = fetch_file


def put(store: Store, tmp_path: Path, *, reader: Any = None) -> Pin:
    path = tmp_path / "b.json"
    path.write_bytes(DATA)
    return wiring.StoreTarget(store, reader or store).put_file(path, CID)  # type: ignore[arg-type]


def test_stored_means_downloaded_again_and_hashed(tmp_path: Path) -> None:
    assert put(Store(), tmp_path).verified


def test_other_bytes_are_a_wrong_answer_not_an_outage(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError):
        put(Store(gives=b"other bytes"), tmp_path)


def test_a_store_that_does_not_give_it_back_is_unreachable(tmp_path: Path) -> None:
    error = UnreachableError("no", code="store.remote.not_found")
    with pytest.raises(UnreachableError) as caught:
        put(Store(gives=error), tmp_path)
    assert caught.value.code == "store.remote.not_found"


def test_pending_stays_pending(tmp_path: Path) -> None:
    pin = Pin("remote", "tx", CID, "somebody", False, "pending", "not mined yet")
    assert put(Store(pin=pin), tmp_path) == pin


def test_what_the_store_verified_itself_is_not_downloaded_twice(tmp_path: Path) -> None:
    pin = Pin("remote", "tx", CID, "somebody", True)
    assert put(Store(pin=pin, gives=UnreachableError("no", code="x")), tmp_path) == pin


def test_without_a_reader_nothing_is_called_verified(tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    path.write_bytes(DATA)
    assert not wiring.StoreTarget(Store(), None).put_file(path, CID).verified  # type: ignore[arg-type]


@pytest.fixture
def stores(tmp_path: Path) -> Stores:
    local = LocalStore(tmp_path / "store")
    one, two = Store("one"), Store("two")
    return Stores(local=local, readers=(local, one), writers=(local, one, two))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("names", "expected"),
    [((), ["one", "two"]), (("two",), ["two"]), (("local",), []), (("two", "one", "two"), ["two", "one"])],
)
def test_stores_are_those_named_or_all(stores: Stores, names: tuple[str, ...], expected: list[str]) -> None:
    assert [target.name for target in wiring.choose_stores(stores, names)] == expected


def test_a_store_that_is_not_configured_is_a_usage_error(stores: Stores) -> None:
    with pytest.raises(UsageError) as caught:
        wiring.choose_stores(stores, ("three",))
    assert caught.value.code == "publish.unknown_store"
    assert "local, one, two" in (caught.value.hint or "")


def test_the_password_is_asked_for_once_and_only_to_sign() -> None:
    asked: list[int] = []
    account = Account.from_key(b"\x07" * 32)

    def unlock() -> Any:
        asked.append(1)
        return account

    lazy = wiring.LazyAccount(account.address.lower(), unlock)
    assert lazy.address == account.address.lower()
    assert asked == []
    assert lazy.sign_message(b"x") == lazy.sign_message(b"x")
    assert asked == [1]


def finished(publisher: str, network: str = "local") -> Journal:
    digest = "0x" + "22" * 32
    return Journal(
        incident="2025-01-01-test",
        revision=1,
        network=network,
        chain_id=5,
        genesis=digest,
        registry="0x" + "33" * 20,
        publisher=publisher,
        packed=Packed(
            root="44" * 32,
            content_id="bafybei" + "a" * 52,
            previous_root=None,
            header_publisher=publisher,
            car_sha256="44" * 32,
            car_size=1,
        ),
        final=Final(transaction=digest, block=2, block_hash=digest, timestamp=3, rule="finalized"),
        bundle=Bundled(path="bundles/x", cid=CID, sha256="44" * 32, size=1),
    )


@pytest.fixture
def signer() -> Callable[[int], wiring.LazyAccount]:
    def make(number: int) -> wiring.LazyAccount:
        account = Account.from_key(bytes([number]) * 32)
        return wiring.LazyAccount(account.address.lower(), lambda: account)

    return make


def test_each_key_signs_a_catalogue_of_its_own(tmp_path: Path, signer: Callable[[int], wiring.LazyAccount]) -> None:
    workspace = Workspace(tmp_path)
    one, two = signer(1), signer(2)
    wiring.add_to_catalogue(workspace, finished(one.address), one)
    before = workspace.catalogue_file.read_bytes()
    wiring.add_to_catalogue(workspace, finished(two.address), two)
    assert workspace.catalogue_file.read_bytes() == before
    other = load_catalogue(tmp_path / f"catalogue-{two.address}.json")
    assert other is not None
    assert other.publisher == two.address
    wiring.add_to_catalogue(workspace, finished(one.address), one)
    assert workspace.catalogue_file.read_bytes() == before


def test_a_bundle_without_an_anchor_does_not_pass_our_own_check() -> None:
    bundle = ProofBundle(
        root="11" * 32, content_id="bafybei" + "a" * 52, entries=({"type": "header"},), record=None, directory=()
    )
    with pytest.raises(InvalidInputError) as caught:
        wiring.check_own_bundle(bundle)
    assert caught.value.code == "publish.self_check"
