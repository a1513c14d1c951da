"""Bitcoin headers: real ones and changed ones, work, and files that hold them."""

from __future__ import annotations

from pathlib import Path

import pytest

from archive.errors import InvalidInputError
from archive.stamps import bitcoin
from tests.support.clocks import Bitcoin

GENESIS = (
    "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f617fc81bc388"
    "8a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c"
)


def code_of(raw: bytes, network: bitcoin.Network = bitcoin.MAINNET) -> str:
    with pytest.raises(InvalidInputError) as caught:
        bitcoin.check_work(bitcoin.parse_header(raw), network)
    return caught.value.code


def test_the_first_block() -> None:
    header = bitcoin.parse_header(bytes.fromhex(GENESIS))
    bitcoin.check_work(header)
    assert header.shown_hash == "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"
    assert bitcoin.shown(header.merkle_root) == "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b"
    assert header.time == 1_231_006_505
    assert header.shown_hash.startswith(bitcoin.CHAIN.removeprefix("bip122:"))


@pytest.mark.parametrize("place", [0, 4, 36, 68, 76, 79])
def test_a_changed_header_has_no_work(place: int) -> None:
    raw = bytearray.fromhex(GENESIS)
    raw[place] ^= 1
    assert code_of(bytes(raw)) == "bitcoin.proof_of_work"


@pytest.mark.parametrize("bits", ["ffff7f20", "ffff001e", "00000000", "ffff801d", "ffffffff", "01000001"])
def test_a_target_that_the_chain_does_not_allow(bits: str) -> None:
    raw = bytes.fromhex(GENESIS)
    assert code_of(raw[:72] + bytes.fromhex(bits) + raw[76:]) in ("bitcoin.target", "bitcoin.proof_of_work")
    if bits in ("ffff7f20", "ffff001e", "ffffffff"):
        assert code_of(raw[:72] + bytes.fromhex(bits) + raw[76:]) == "bitcoin.target"


def test_a_header_of_regtest_is_none_of_bitcoin() -> None:
    raw = Bitcoin().headers[0]
    bitcoin.check_work(bitcoin.parse_header(raw), bitcoin.REGTEST)
    assert code_of(raw) == "bitcoin.target"


@pytest.mark.parametrize("size", [0, 79, 81])
def test_eighty_bytes(size: int) -> None:
    with pytest.raises(InvalidInputError) as caught:
        bitcoin.parse_header(bytes(size))
    assert caught.value.code == "bitcoin.header"


def test_a_file_of_lines(tmp_path: Path) -> None:
    chain = Bitcoin()
    chain.mine(b"m" * 32)
    path = tmp_path / "headers.txt"
    one, two = chain.headers
    path.write_text(f"# two headers\n0 {one.hex()}\n\n{two.hex().upper()}\n")
    file = bitcoin.read_header_file(path)
    assert file.find(0) == [one]
    assert file.find(5) == []
    assert file.find(5, b"m" * 32) == [two]


def test_a_binary_file_from_the_first_block_on(tmp_path: Path) -> None:
    path = tmp_path / "blockchain_headers"
    second = bytes(range(80))
    path.write_bytes(bytes.fromhex(GENESIS) + second + bytes(80))
    file = bitcoin.read_header_file(path)
    assert (file.find(0), file.find(1), file.find(2), file.find(3)) == ([bytes.fromhex(GENESIS)], [second], [], [])


@pytest.mark.parametrize("text", ["x", "1 00", "01 " + "0" * 160, "-1 " + "0" * 160, "0" * 161])
def test_a_file_that_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "headers.txt"
    path.write_text(text)
    with pytest.raises(InvalidInputError) as caught:
        bitcoin.read_header_file(path)
    assert caught.value.code == "bitcoin.header_file"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError) as caught:
        bitcoin.read_header_file(tmp_path / "none")
    assert caught.value.code == "bitcoin.header_file"
