from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.chain import registry
from archive.chain.artifact import load_artifact
from archive.chain.codec import to_hex

WORDS = st.binary(min_size=32, max_size=32)


def signatures(kind: str) -> set[str]:
    found = [item for item in load_artifact().abi if item["type"] == kind]
    return {f"{item['name']}({','.join(part['type'] for part in item['inputs'])})" for item in found}


def test_the_signatures_here_are_those_of_the_compiled_contract() -> None:
    assert {registry.ANCHOR, registry.ENTRY_OF, registry.HEAD_OF} <= signatures("function")
    assert registry.ANCHORED in signatures("event")
    assert {error[0] for error in registry.ERRORS} <= signatures("error")


def test_which_event_fields_are_indexed() -> None:
    event = next(item for item in load_artifact().abi if item["type"] == "event" and item["name"] == "Anchored")
    assert [part["indexed"] for part in event["inputs"]] == [True, True, True, False, False, False]


@given(WORDS, WORDS, WORDS, WORDS)
def test_calls_encode_as_the_abi_library_does(incident: bytes, root: bytes, previous: bytes, digest: bytes) -> None:
    from eth_abi.abi import encode
    from eth_utils.crypto import keccak

    call = registry.AnchorCall(incident, root, previous, digest)
    expected = keccak(text=registry.ANCHOR)[:4] + encode(["bytes32"] * 4, [incident, root, previous, digest])
    assert call.encode() == expected
    assert registry.AnchorCall.decode(call.encode()) == call
    assert call.tag == keccak(encode(["bytes32"] * 3, [incident, previous, digest]))[:19]


@pytest.mark.parametrize("calldata", [b"", b"\x00" * 132, registry.selector(registry.ANCHOR), b"\xfe" * 200])
def test_other_calls_are_not_anchors(calldata: bytes) -> None:
    assert registry.AnchorCall.decode(calldata) is None


@given(
    st.binary(min_size=19, max_size=19),
    st.integers(0, 2**40 - 1),
    st.integers(0, 2**40 - 1),
    st.integers(1, 2**16 - 1),
    st.integers(0, 255),
)
def test_entries_decode_as_the_abi_library_encodes(tag: bytes, time: int, block: int, ordinal: int, flags: int) -> None:
    from eth_abi.abi import encode

    answer = encode(["bytes19", "uint40", "uint40", "uint16", "uint8"], [tag, time, block, ordinal, flags])
    entry = registry.decode_entry(answer)
    assert entry == registry.Entry(tag, time, block, ordinal, flags)
    assert entry.is_package == (flags in (0x00, 0x10))


def test_no_entry_and_no_head() -> None:
    assert registry.decode_entry(bytes(160)) is None
    assert registry.decode_head(bytes(64)) is None


def test_heads_are_compared_by_their_prefix() -> None:
    head = registry.decode_head(b"\x07" * 29 + bytes(3) + registry.int_word(2))
    assert head == registry.Head(b"\x07" * 29, 2)
    assert head.is_root(b"\x07" * 29 + b"\x01\x02\x03")
    assert not head.is_root(b"\x08" * 32)


@pytest.mark.parametrize("answer", [b"", bytes(159), bytes(161), b"\x01" * 160, bytes(32) + b"\xff" * 128])
def test_entries_of_a_wrong_shape(answer: bytes) -> None:
    with pytest.raises(ValueError, match=r"bytes|range"):
        registry.decode_entry(answer)


@pytest.mark.parametrize("answer", [b"", bytes(63), b"\x01" * 64, bytes(32) + b"\xff" * 32])
def test_heads_of_a_wrong_shape(answer: bytes) -> None:
    with pytest.raises(ValueError, match=r"bytes|range"):
        registry.decode_head(answer)


@pytest.mark.parametrize(("signature", "code"), [(error[0], error[1]) for error in registry.ERRORS])
def test_custom_errors_have_codes(signature: str, code: str) -> None:
    refusal = registry.decode_revert(registry.selector(signature) + bytes(64))
    assert refusal is not None
    assert refusal.code == code


def test_other_reverts_are_not_the_registrys() -> None:
    assert registry.decode_revert(b"") is None
    assert registry.decode_revert(b"\x08\xc3\x79\xa0" + bytes(64)) is None


def test_the_incident_key_is_that_of_the_format() -> None:
    # keccak256("2025-10-11-binance-liquidations"), computed once with another library.
    from eth_utils.crypto import keccak

    text = "2025-10-11-binance-liquidations"
    assert to_hex(registry.incident_key(text)) == to_hex(keccak(text=text))
