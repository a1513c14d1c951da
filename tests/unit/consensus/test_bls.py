"""The two BLS backends: the same verdict on every input, right or malformed."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.chain.consensus import bls
from archive.errors import MissingDependencyError
from tests.support.parlia import sign_votes, signer

blst = pytest.importorskip("pyblst", reason="pyblst is not installed")
MESSAGE = b"\x07" * 32
SIGNERS = [signer(seed) for seed in (1, 2, 3)]
KEYS = [s.bls for s in SIGNERS]
SIGNATURE = sign_votes(tuple(s.secret for s in SIGNERS), MESSAGE)
INFINITY = b"\xc0" + bytes(47)
# On the curve, outside the group of prime order.
OUTSIDE = bytes.fromhex("80" + "00" * 46 + "04")
MODULUS = 0x1A0111EA397FE69A4B1BA7B6434BACD764774B84F38512BF6730D2A0F6B0F6241EABFFFEB153FFFFB9FEFFFFFFFFAAAB


def negated(key: bytes) -> bytes:
    return bytes([key[0] ^ 0x20]) + key[1:]


CASES = {
    "good": (KEYS, MESSAGE, SIGNATURE, True),
    "one key": (KEYS[:1], MESSAGE, sign_votes((SIGNERS[0].secret,), MESSAGE), True),
    "twice the same": ([KEYS[0]] * 2, MESSAGE, sign_votes((SIGNERS[0].secret,) * 2, MESSAGE), True),
    "signer missing": (KEYS[:2], MESSAGE, SIGNATURE, False),
    "other message": (KEYS, b"\x08" * 32, SIGNATURE, False),
    "no keys": ([], MESSAGE, SIGNATURE, False),
    "no keys, no signature": ([], MESSAGE, b"\xc0" + bytes(95), False),
    "zero key": ([*KEYS, bytes(48)], MESSAGE, SIGNATURE, False),
    "key at infinity": ([*KEYS, INFINITY], MESSAGE, SIGNATURE, False),
    "keys that cancel": ([KEYS[0], negated(KEYS[0])], MESSAGE, b"\xc0" + bytes(95), False),
    "keys that cancel, any signature": ([KEYS[0], negated(KEYS[0])], MESSAGE, SIGNATURE, False),
    "key outside the group": ([OUTSIDE], MESSAGE, SIGNATURE, False),
    "key beyond the field": ([(MODULUS | 1 << 383).to_bytes(48, "big")], MESSAGE, SIGNATURE, False),
    "key uncompressed": ([bytes([KEYS[0][0] & 0x7F]) + KEYS[0][1:]], MESSAGE, SIGNATURE, False),
    "short key": ([KEYS[0][:-1]], MESSAGE, SIGNATURE, False),
    "negated signature": (KEYS, MESSAGE, negated(SIGNATURE), False),
    "zero signature": (KEYS, MESSAGE, bytes(96), False),
    "signature at infinity": (KEYS, MESSAGE, b"\xc0" + bytes(95), False),
    "long signature": (KEYS, MESSAGE, SIGNATURE + b"\0", False),
}


@pytest.mark.parametrize("backend", [bls.Blst(), bls.PyEcc()], ids=lambda b: b.name)
@pytest.mark.parametrize("name", CASES)
def test_verdicts(name: str, backend: bls.Backend) -> None:
    keys, message, signature, expected = CASES[name]
    assert backend.verify(keys, message, signature) is expected


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 48 * 8 - 1), st.integers(0, 2))
def test_a_flipped_bit_of_a_key_is_refused_by_both(bit: int, which: int) -> None:
    key = bytearray(KEYS[which])
    key[bit // 8] ^= 1 << bit % 8
    keys = [*KEYS[:which], bytes(key), *KEYS[which + 1 :]]
    assert bls.Blst().verify(keys, MESSAGE, SIGNATURE) is False
    if bit < 3:  # the flags are where libraries could differ
        assert bls.PyEcc().verify(keys, MESSAGE, SIGNATURE) is False


def test_the_fastest_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert bls.backend().name == "blst"
    monkeypatch.setattr(bls, "find_spec", lambda name: None if name == "pyblst" else object())
    assert bls.backend().name == "py_ecc"
    monkeypatch.setattr(bls, "find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError) as caught:
        bls.backend()
    assert caught.value.code == "consensus.no_bls"
    assert "incident-archive[consensus]" in (caught.value.hint or "")


def test_importing_costs_no_library() -> None:
    import subprocess

    told = (
        "import sys; import archive.chain.consensus.bls; print([m for m in ('py_ecc', 'pyblst') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
