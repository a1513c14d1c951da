"""Aggregate signatures over BLS12-381: `FastAggregateVerify` of the proof-of-possession scheme, minimal public keys.

Two backends with the same verdicts: `py_ecc`, the reference, slow and readable; and `pyblst`, the blst library that
consensus clients run. A key or signature that is malformed, outside the group or the point at infinity is refused by
both, never an error.

Source: draft-irtf-cfrg-bls-signature-05, §3.3.4 and §4.2.3, ciphersuite
`BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_`.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Final, Protocol

from archive.errors import MissingDependencyError

CIPHERSUITE: Final = b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_"
KEY_SIZE: Final = 48
SIGNATURE_SIZE: Final = 96
_INFINITY_KEY: Final = b"\xc0" + bytes(KEY_SIZE - 1)
_INFINITY_SIGNATURE: Final = b"\xc0" + bytes(SIGNATURE_SIZE - 1)
_GENERATOR: Final = bytes.fromhex(
    "97f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb"
)


class Backend(Protocol):
    """A way to verify. `keys` are 48 bytes each, `message` 32, `signature` 96."""

    name: str

    def verify(self, keys: Sequence[bytes], message: bytes, signature: bytes) -> bool: ...


class PyEcc:
    """The reference in pure Python: about a second per verification."""

    name = "py_ecc"

    def verify(self, keys: Sequence[bytes], message: bytes, signature: bytes) -> bool:
        from eth_typing import BLSPubkey, BLSSignature
        from py_ecc.bls.ciphersuites import G2ProofOfPossession

        if not _plausible(keys, signature):
            return False
        points = [BLSPubkey(key) for key in keys]
        return bool(G2ProofOfPossession.FastAggregateVerify(points, message, BLSSignature(signature)))


class Blst:
    """blst through `pyblst`: a few milliseconds. Uncompressing checks encoding, curve and subgroup."""

    name = "blst"

    def verify(self, keys: Sequence[bytes], message: bytes, signature: bytes) -> bool:
        import pyblst

        if not _plausible(keys, signature):
            return False
        try:
            points = [pyblst.BlstP1Element().uncompress(key) for key in keys]
            point = pyblst.BlstP2Element().uncompress(signature)
        except ValueError:
            return False
        total = points[0]
        for other in points[1:]:
            total = total + other
        if bytes(total.compress()) == _INFINITY_KEY:
            return False
        hashed = pyblst.BlstP2Element().hash_to_group(message, CIPHERSUITE)
        generator = pyblst.BlstP1Element().uncompress(_GENERATOR)
        return bool(pyblst.final_verify(pyblst.miller_loop(total, hashed), pyblst.miller_loop(generator, point)))


def _plausible(keys: Sequence[bytes], signature: bytes) -> bool:
    """Sizes, and no point at infinity: as a key it would vote without anybody's secret."""
    sized = bool(keys) and all(len(key) == KEY_SIZE for key in keys) and len(signature) == SIGNATURE_SIZE
    return sized and _INFINITY_KEY not in keys and signature != _INFINITY_SIGNATURE


def backend() -> Backend:
    """The fastest backend that is installed; raises MissingDependencyError `consensus.no_bls` when there is none."""
    if find_spec("pyblst") is not None:
        return Blst()
    if find_spec("py_ecc") is not None:
        return PyEcc()
    raise MissingDependencyError(
        "checking the votes of validators needs a BLS library",
        code="consensus.no_bls",
        hint="pip install 'incident-archive[consensus]'",
    )
