from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_hash.auto import keccak
from eth_keys.datatypes import PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import ArchiveError, InvalidInputError
from archive.stores.catalogue import (
    Catalogue,
    CatalogueEntry,
    load_catalogue,
    parse_catalogue,
    recover_signer,
    save_catalogue,
    update_catalogue,
)

KEY = PrivateKey(bytes(31) + b"\x07")
PUBLISHER = KEY.public_key.to_address()
CID = "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354"


def sign(message: bytes, key: PrivateKey = KEY) -> bytes:
    digest = keccak(b"\x19Ethereum Signed Message:\n" + str(len(message)).encode() + message)
    signature = key.sign_msg_hash(digest)
    return signature.to_bytes()[:64] + bytes([27 + signature.v])


def entry(name: str = "2026-01-01-test", revision: int = 1, **more: Any) -> CatalogueEntry:
    base: dict[str, Any] = {
        "id": name,
        "revision": revision,
        "root": "ab" * 32,
        "content_id": CID,
        "bundle": CID,
        "chain_id": 97,
        "registry": "0x" + "11" * 20,
        "block": 5,
        "transaction": "0x" + "22" * 32,
    }
    return CatalogueEntry(**{**base, **more})


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue(PUBLISHER).updated([entry("b-x", 2), entry("b-x", 1), entry("a-x")]).signed(sign)


def test_it_survives_its_bytes_and_is_canonical(catalogue: Catalogue) -> None:
    data = catalogue.to_bytes()
    again = parse_catalogue(data)
    assert again == catalogue
    again.verify()
    assert data == json.dumps(json.loads(data), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def test_entries_are_sorted_and_found(catalogue: Catalogue) -> None:
    assert [(e.id, e.revision) for e in catalogue.entries] == [("a-x", 1), ("b-x", 1), ("b-x", 2)]
    latest, first = catalogue.find("b-x"), catalogue.find("b-x", 1)
    assert latest is not None
    assert first is not None
    assert (latest.revision, first.revision) == (2, 1)
    assert catalogue.find("c-x") is None
    assert catalogue.find("a-x", 9) is None


def test_a_revision_is_replaced_not_doubled(catalogue: Catalogue) -> None:
    changed = catalogue.updated([entry("a-x", bundle=CID[:-1] + "a", transaction="0x" + "33" * 32)])
    assert len(changed.entries) == 3
    assert changed.signature is None


def test_it_is_signed_as_eth_account_would(catalogue: Catalogue) -> None:
    messages = pytest.importorskip("eth_account.messages")
    account = pytest.importorskip("eth_account").Account.from_key(KEY.to_bytes())
    theirs = account.sign_message(messages.encode_defunct(catalogue.message())).signature
    assert recover_signer(catalogue.message(), bytes(theirs)) == PUBLISHER
    assert catalogue.signed(lambda message: bytes(theirs)).signature == "0x" + bytes(theirs).hex()


def test_a_changed_entry_is_noticed(catalogue: Catalogue) -> None:
    changed = replace(catalogue, entries=(replace(catalogue.entries[0], root="cd" * 32), *catalogue.entries[1:]))
    with pytest.raises(InvalidInputError) as caught:
        changed.verify()
    assert caught.value.code == "catalogue.wrong_signer"


def test_anothers_signature_is_noticed(catalogue: Catalogue) -> None:
    other = PrivateKey(bytes(31) + b"\x08")
    with pytest.raises(InvalidInputError) as caught:
        catalogue.signed(lambda message: sign(message, other))
    assert caught.value.code == "catalogue.wrong_signer"


def test_malleable_and_malformed_signatures_are_refused(catalogue: Catalogue) -> None:
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    good = bytes.fromhex(str(catalogue.signature)[2:])
    high = good[:32] + (order - int.from_bytes(good[32:64], "big")).to_bytes(32, "big") + bytes([55 - good[64]])
    for bad in (high, good[:64] + b"\x00", good[:64] + b"\x1d", bytes(64) + b"\x1b", b"\xff" * 64 + b"\x1b", b""):
        with pytest.raises(InvalidInputError) as caught:
            recover_signer(catalogue.message(), bad)
        assert caught.value.code == "catalogue.bad_signature"


def mutated(catalogue: Catalogue, change: Any) -> bytes:
    value = json.loads(catalogue.to_bytes())
    change(value)
    return json.dumps(value).encode()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda v: v.update(format="incident-archive-catalogue/2"), "catalogue.format"),
        (lambda v: v.update(extra=1), "catalogue.malformed"),
        (lambda v: v.pop("signature"), "catalogue.malformed"),
        (lambda v: v.update(publisher="0xABC"), "catalogue.malformed"),
        (lambda v: v.update(signature="0x00"), "catalogue.malformed"),
        (lambda v: v.update(entries={}), "catalogue.malformed"),
        (lambda v: v["entries"].append(1), "catalogue.malformed"),
        (lambda v: v["entries"][0].update(id="../x"), "catalogue.malformed"),
        (lambda v: v["entries"][0].update(id="x" * 65), "catalogue.malformed"),
        (lambda v: v["entries"][0].update(revision=0), "catalogue.malformed"),
        (lambda v: v["entries"][0].update(revision=True), "catalogue.malformed"),
        (lambda v: v["entries"][0].update(block="5"), "catalogue.malformed"),
        (lambda v: v["entries"][0].update(url="http://x"), "catalogue.malformed"),
        (lambda v: v["entries"][0].update(root="AB" * 32), "catalogue.malformed"),
        (lambda v: v["entries"].reverse(), "catalogue.order"),
        (lambda v: v["entries"].append(v["entries"][-1]), "catalogue.order"),
    ],
)
def test_anything_odd_is_refused(catalogue: Catalogue, change: Any, code: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_catalogue(mutated(catalogue, change))
    assert caught.value.code == code


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b'{"a":1,"a":2}', b"\xff", b"[" * 100_000])
def test_what_is_no_json_object_is_refused(data: bytes) -> None:
    with pytest.raises(ArchiveError):
        parse_catalogue(data)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_only_ever_raise_our_errors(data: bytes) -> None:
    with pytest.raises(ArchiveError):
        parse_catalogue(data)


def test_files_are_verified_when_loaded(catalogue: Catalogue, tmp_path: Path) -> None:
    path = tmp_path / "catalogue.json"
    assert load_catalogue(path) is None
    save_catalogue(path, catalogue)
    assert load_catalogue(path) == catalogue
    path.write_bytes(mutated(catalogue, lambda v: v["entries"][0].update(block=6)))
    with pytest.raises(InvalidInputError) as caught:
        load_catalogue(path)
    assert caught.value.code == "catalogue.wrong_signer"


def test_updating_twice_signs_once(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.json"
    signed: list[bytes] = []

    def signer(message: bytes) -> bytes:
        signed.append(message)
        return sign(message)

    first = update_catalogue(path, PUBLISHER, [entry()], signer)
    assert update_catalogue(path, PUBLISHER, [entry()], signer) == first
    assert len(signed) == 1
    update_catalogue(path, PUBLISHER, [entry(block=6)], signer)
    assert len(signed) == 2
    assert load_catalogue(path).entries[0].block == 6  # type: ignore[union-attr]
    assert [p.name for p in tmp_path.iterdir()] == ["catalogue.json"]


def test_anothers_catalogue_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.json"
    update_catalogue(path, PUBLISHER, [entry()], sign)
    before = path.read_bytes()
    with pytest.raises(InvalidInputError) as caught:
        update_catalogue(path, "0x" + "99" * 20, [entry()], sign)
    assert caught.value.code == "catalogue.other_publisher"
    assert path.read_bytes() == before


def test_an_unsigned_catalogue_is_not_written() -> None:
    with pytest.raises(InvalidInputError) as caught:
        Catalogue(PUBLISHER).to_bytes()
    assert caught.value.code == "catalogue.unsigned"
    with pytest.raises(InvalidInputError):
        Catalogue(PUBLISHER).verify()
