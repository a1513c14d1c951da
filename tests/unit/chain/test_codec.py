from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.chain import codec
from archive.errors import InvalidInputError


@pytest.mark.parametrize("value", [None, 1, "", "0", "0x0g", "0x123", "123", "0x12\n", ["0x12"]])
def test_data_that_is_not_hex(value: object) -> None:
    with pytest.raises(InvalidInputError) as caught:
        codec.data(value, "value")
    assert caught.value.code == "chain.rpc_bad_answer"


def test_data_of_another_size() -> None:
    with pytest.raises(InvalidInputError) as caught:
        codec.data("0x1234", "value", size=32)
    assert caught.value.code == "chain.rpc_bad_answer"


@pytest.mark.parametrize("value", [None, 1, "0x", "0x01", "1", "0x" + "f" * 65, "0x-1", True])
def test_quantities_that_are_not(value: object) -> None:
    with pytest.raises(InvalidInputError) as caught:
        codec.quantity(value, "value")
    assert caught.value.code == "chain.rpc_bad_answer"


def test_a_long_value_is_not_shown_whole() -> None:
    with pytest.raises(InvalidInputError) as caught:
        codec.quantity("x" * 10_000, "value")
    assert len(caught.value.message) < 300


@given(st.integers(0, 2**256 - 1))
def test_quantities_and_rlp_integers_come_back(value: int) -> None:
    assert codec.quantity(hex(value), "value") == value
    assert codec.rlp_int(codec.int_bytes(value)) == value


@pytest.mark.parametrize("raw", [b"", b"\x81\x05", b"\xb8\x01a", b"\xc1", b"\x83ab", b"\x01\x02", b"\xf8\x00"])
def test_rlp_that_is_not_canonical(raw: bytes) -> None:
    with pytest.raises(ValueError, match="RLP"):
        codec.rlp_decode(raw)


def test_rlp_beyond_the_bound() -> None:
    with pytest.raises(ValueError, match="more than"):
        codec.rlp_decode(codec.rlp_encode(b"x" * 100), max_bytes=50)


@pytest.mark.parametrize("item", [[], b"\x00\x01", b"\x01" * 33])
def test_items_that_are_no_integers(item: object) -> None:
    with pytest.raises(ValueError, match="integer"):
        codec.rlp_int(item)  # type: ignore[arg-type]
