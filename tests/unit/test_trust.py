"""The trust file: strict to read, atomic to write, and never two meanings for one name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from archive.errors import ArchiveError, InvalidInputError, RefusedError, UsageError
from archive.trust import (
    TRUST_FORMAT,
    TrustedPublisher,
    TrustedRegistry,
    TrustFile,
    checked_address,
    checked_hash,
    checked_name,
    load_trust,
    parse_trust,
    save_trust,
    to_checksum,
)

HASH = "0x" + "ab" * 32
REGISTRY = TrustedRegistry("BSC testnet", 97, HASH, "0x" + "c0" * 20, "0x" + "cd" * 32)
PUBLISHER = TrustedPublisher("0x" + "11" * 20, "Desk")
TRUST = TrustFile((REGISTRY,), (PUBLISHER,))


def code_of(value: Any) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    with pytest.raises(InvalidInputError) as caught:
        parse_trust(data)
    return caught.value.code


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "trust.json"
    save_trust(path, TRUST)
    assert load_trust(path) == TRUST
    assert [p.name for p in path.parent.iterdir()] == ["trust.json"]


def test_a_file_that_is_not_there_trusts_nothing(tmp_path: Path) -> None:
    assert load_trust(tmp_path / "none.json") == TrustFile()


def test_unreadable_is_not_empty(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError) as caught:
        load_trust(tmp_path)
    assert caught.value.code == "trust.unreadable"


def test_lookups_want_the_whole_identity() -> None:
    assert TRUST.registry(97, HASH, REGISTRY.address.upper().replace("0X", "0x")) == REGISTRY
    assert TRUST.registry(56, HASH, REGISTRY.address) is None
    assert TRUST.registry(97, "0x" + "00" * 32, REGISTRY.address) is None
    assert TRUST.publisher(PUBLISHER.address) == PUBLISHER
    assert TRUST.publisher("0x" + "12" * 20) is None


def test_adding_the_same_again_changes_nothing() -> None:
    assert TRUST.with_registry(REGISTRY) is TRUST
    assert TRUST.with_publisher(PUBLISHER) is TRUST


@pytest.mark.parametrize(
    "registry",
    [
        TrustedRegistry("BSC testnet", 97, HASH, REGISTRY.address, "0x" + "00" * 32),
        TrustedRegistry("Other name", 97, HASH, REGISTRY.address, REGISTRY.code_hash),
        TrustedRegistry("BSC testnet", 56, HASH, REGISTRY.address, REGISTRY.code_hash),
    ],
)
def test_conflicting_registry_is_refused(registry: TrustedRegistry) -> None:
    with pytest.raises(RefusedError) as caught:
        TRUST.with_registry(registry)
    assert caught.value.code == "trust.conflict"


@pytest.mark.parametrize(
    "publisher", [TrustedPublisher(PUBLISHER.address, "Else"), TrustedPublisher("0x" + "12" * 20, "Desk")]
)
def test_conflicting_publisher_is_refused(publisher: TrustedPublisher) -> None:
    with pytest.raises(RefusedError) as caught:
        TRUST.with_publisher(publisher)
    assert caught.value.code == "trust.conflict"


def test_remove_by_name_or_address() -> None:
    assert TRUST.without("Desk").publishers == ()
    assert TRUST.without("0x" + "11" * 20).publishers == ()
    assert TRUST.without("BSC testnet").registries == ()
    with pytest.raises(RefusedError) as caught:
        TRUST.without("nobody")
    assert caught.value.code == "trust.not_found"


# Source: EIP-55, test cases.
@pytest.mark.parametrize(
    "address",
    [
        "0x52908400098527886E0F7030069857D2E4169EE7",
        "0xde709f2102306220921060314715629080e2fb77",
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ],
)
def test_checksums_of_eip_55(address: str) -> None:
    assert checked_address(address) == address.lower()
    if address.lower() != address:
        assert to_checksum(address.lower()) == address


def test_wrong_checksum_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        checked_address("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD")
    assert caught.value.code == "trust.bad_checksum"


@pytest.mark.parametrize(
    "text", ["", "0x12", "5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0x" + "g" * 40, "0x" + "1" * 41]
)
def test_not_an_address(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        checked_address(text)
    assert caught.value.code == "trust.bad_address"


def test_names_that_could_mislead_are_refused() -> None:
    assert checked_name("  Desk ") == "Desk"
    for name in ("", " ", "a\nb", "x" * 201, "\u202edesk", "0x" + "11" * 20):
        with pytest.raises(UsageError) as caught:
            checked_name(name)
        assert caught.value.code == "trust.bad_name"


def test_hash_of_a_person() -> None:
    assert checked_hash("0x" + "AB" * 32, "--genesis") == HASH
    with pytest.raises(UsageError) as caught:
        checked_hash("ab" * 32, "--genesis")
    assert caught.value.code == "trust.bad_hash"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda v: v.update(format="other"), "trust.unknown_format"),
        (lambda v: v.update(extra=1), "trust.unknown_key"),
        (lambda v: v.pop("publishers"), "trust.missing_key"),
        (lambda v: v.update(registries={}), "trust.shape"),
        (lambda v: v["registries"].append(1), "trust.shape"),
        (lambda v: v["registries"][0].update(workspace_chain="no"), "trust.shape"),
        (lambda v: v["registries"][0].update(chain_id="97"), "trust.bad_chain_id"),
        (lambda v: v["registries"][0].update(chain_id=True), "trust.bad_chain_id"),
        (lambda v: v["registries"][0].update(chain_id=0), "trust.bad_chain_id"),
        (lambda v: v["registries"][0].update(genesis="0xAB"), "trust.bad_hash"),
        (lambda v: v["registries"][0].update(address=HASH), "trust.bad_address"),
        (lambda v: v["registries"][0].pop("code_hash"), "trust.missing_key"),
        (lambda v: v["publishers"][0].update(address="0x" + "AB" * 20), "trust.bad_address"),
        (lambda v: v["publishers"][0].update(name=""), "trust.bad_name"),
        (lambda v: v["publishers"][0].update(claims=["dns:"]), "trust.bad_claim"),
        (lambda v: v["publishers"][0].update(claims=["fax:1"]), "trust.bad_claim"),
        (lambda v: v["publishers"][0].update(claims=["dns:a b"]), "trust.bad_claim"),
        (lambda v: v["publishers"][0].update(claims=["dns:a"] * 17), "trust.bad_claim"),
        (lambda v: v["publishers"][0].update(claims="dns:a"), "trust.shape"),
        (lambda v: v.update(successions=[{}]), "succession.unknown_format"),
        (lambda v: v.update(successions={}), "trust.shape"),
        (lambda v: v["publishers"].append(v["publishers"][0]), "trust.duplicate"),
        (lambda v: v["registries"].append({**v["registries"][0], "name": "again"}), "trust.duplicate"),
    ],
)
def test_wrong_files(change: Any, expected: str) -> None:
    value = TRUST.to_json()
    change(value)
    assert code_of(value) == expected


def test_not_json_and_duplicate_keys() -> None:
    assert code_of(b"{") == "trust.not_json"
    assert code_of(b"\xff") == "trust.not_json"
    assert code_of(b"[" * 100_000) == "trust.not_json"
    assert code_of(f'{{"format": "{TRUST_FORMAT}", "format": "x"}}'.encode()) == "trust.duplicate_key"
    assert code_of(b" " * (4 * 1024 * 1024 + 1)) == "trust.too_large"


def test_a_bad_value_is_never_written(tmp_path: Path) -> None:
    path = tmp_path / "trust.json"
    save_trust(path, TRUST)
    with pytest.raises(ArchiveError):
        save_trust(path, TrustFile((), (TrustedPublisher("nonsense", "x"),)))
    assert load_trust(path) == TRUST
