"""The stamps of a proof bundle: their exact keys and bounds. Pure; needs no library.

```
{kind: "rfc3161", subject: "root", authority: text|null, nonce: "0x…"|null, token, certificates: […], crls: […],
 ocsp: […], renewals: [{authority, nonce, token, certificates, crls, ocsp} …]}
{kind: "opentimestamps", subject: "root", proof}
{kind: "not_before", chain, height, header: "0x…"}
```
`token` (a DER TimeStampToken), `proof` (a detached OpenTimestamps file), certificates, CRLs and OCSP answers are
standard base64 with padding. The subject of both clocks is the file of the 32 raw bytes of the root: its SHA-256 (or
384, 512) is the imprint, so that `openssl ts` and `ots` can check what is in here.

Nothing in a stamp is trusted; `authority` is a label of whoever asked for it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NoReturn

from archive.errors import InvalidInputError
from archive.package import canonical
from archive.package.entries import NotBefore

RFC3161: Final = "rfc3161"
OPENTIMESTAMPS: Final = "opentimestamps"
NOT_BEFORE: Final = "not_before"
SUBJECT_ROOT: Final = "root"

MAX_TOKEN_BYTES: Final = 64 * 1024
MAX_CERTIFICATE_BYTES: Final = 16 * 1024
MAX_CERTIFICATES: Final = 16
MAX_CRL_BYTES: Final = 1024 * 1024
MAX_CRLS: Final = 8
MAX_OCSP_BYTES: Final = 64 * 1024
MAX_OCSP: Final = 16
MAX_RENEWALS: Final = 16
MAX_PROOF_BYTES: Final = 64 * 1024
MAX_HEADER_BYTES: Final = 64 * 1024
MAX_NAME: Final = 200

_TOKEN_KEYS: Final = frozenset({"authority", "nonce", "token", "certificates", "crls", "ocsp"})
_RFC3161_KEYS: Final = _TOKEN_KEYS | {"kind", "subject", "renewals"}
_OTS_KEYS: Final = frozenset({"kind", "subject", "proof"})
_NOT_BEFORE_KEYS: Final = frozenset({"kind", "chain", "height", "header"})
_NONCE: Final = re.compile(r"0x(0|[1-9a-f][0-9a-f]{0,63})\Z")
_HEADER: Final = re.compile(r"0x(?:[0-9a-f]{2})+\Z")
_RENEWAL_LABEL: Final = b"IA1-stamp-renewal\x00"

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Token:
    """One time-stamp token with what is kept beside it. All values are DER; `nonce` is what was asked with."""

    authority: str | None
    nonce: int | None
    token: bytes
    certificates: tuple[bytes, ...] = ()
    crls: tuple[bytes, ...] = ()
    ocsp: tuple[bytes, ...] = ()

    def to_json(self) -> JsonObject:
        return {
            "authority": self.authority,
            "nonce": None if self.nonce is None else hex(self.nonce),
            "token": _text(self.token),
            "certificates": [_text(c) for c in self.certificates],
            "crls": [_text(c) for c in self.crls],
            "ocsp": [_text(c) for c in self.ocsp],
        }


@dataclass(frozen=True, slots=True)
class Rfc3161Stamp:
    """A token over the root, and the tokens that renewed it, oldest first."""

    first: Token
    renewals: tuple[Token, ...] = ()

    def to_json(self) -> JsonObject:
        return {
            "kind": RFC3161,
            "subject": SUBJECT_ROOT,
            **self.first.to_json(),
            "renewals": [r.to_json() for r in self.renewals],
        }

    def renewal_message(self, root: bytes, index: int) -> bytes:
        """What renewal `index` is over: a label, the root, and SHA-512 of everything the stamp held before it."""
        before = replace(self, renewals=self.renewals[:index])
        return _RENEWAL_LABEL + root + hashlib.sha512(canonical.dumps(before.to_json())).digest()


@dataclass(frozen=True, slots=True)
class OtsStamp:
    """A detached OpenTimestamps proof over the file of the 32 bytes of the root."""

    proof: bytes

    def to_json(self) -> JsonObject:
        return {"kind": OPENTIMESTAMPS, "subject": SUBJECT_ROOT, "proof": _text(self.proof)}


@dataclass(frozen=True, slots=True)
class BlockHeader:
    """The header of a block that the package's own header names in `not_before`."""

    chain: str
    height: int
    header: bytes

    def to_json(self) -> JsonObject:
        return {"kind": NOT_BEFORE, "chain": self.chain, "height": self.height, "header": "0x" + self.header.hex()}

    def is_of(self, block: NotBefore) -> bool:
        return (self.chain, self.height) == (block.chain, block.height)


Stamp = Rfc3161Stamp | OtsStamp | BlockHeader


def subject_message(root: str) -> bytes:
    """The bytes that are stamped: the raw 32 bytes of the root."""
    return bytes.fromhex(root)


def is_unknown(code: str) -> bool:
    """Whether an error of `parse_stamp` means a stamp of a later version, which says nothing either way."""
    return code == "stamp.unknown"


def parse_stamp(value: Mapping[str, Any]) -> Stamp:
    """A stamp of the bundle's `stamps`.

    Raises:
        InvalidInputError: `stamp.unknown` for a kind, subject or key that this version does not know;
            `stamp.malformed`.
    """
    kind = value.get("kind")
    if kind == RFC3161:
        _keys(value, _RFC3161_KEYS)
        _subject(value)
        renewals = _list(value, "renewals", MAX_RENEWALS)
        return Rfc3161Stamp(_token(value), tuple(_renewal(item) for item in renewals))
    if kind == OPENTIMESTAMPS:
        _keys(value, _OTS_KEYS)
        _subject(value)
        return OtsStamp(_bytes(value["proof"], "proof", MAX_PROOF_BYTES))
    if kind == NOT_BEFORE:
        _keys(value, _NOT_BEFORE_KEYS)
        chain, height, header = value["chain"], value["height"], value["header"]
        if not isinstance(chain, str) or len(chain) > MAX_NAME:
            _fail("chain is not a short text")
        if not isinstance(height, int) or isinstance(height, bool) or not 0 <= height < 2**53:
            _fail("height is not a whole number")
        if not isinstance(header, str) or len(header) > 2 * MAX_HEADER_BYTES + 2 or not _HEADER.match(header):
            _fail(f"header is not 0x and hex digits of at most {MAX_HEADER_BYTES:,} bytes")
        return BlockHeader(chain, height, bytes.fromhex(header[2:]))
    raise InvalidInputError(f"stamp of kind {str(kind)[:80]!r}", code="stamp.unknown")


def _renewal(value: Any) -> Token:
    if not isinstance(value, Mapping):
        _fail("a renewal is not an object")
    _keys(value, _TOKEN_KEYS)
    return _token(value)


def _token(value: Mapping[str, Any]) -> Token:
    authority, nonce = value["authority"], value["nonce"]
    if authority is not None and not (isinstance(authority, str) and 0 < len(authority) <= MAX_NAME):
        _fail(f"authority is not null or text of 1 to {MAX_NAME} characters")
    if nonce is not None and not (isinstance(nonce, str) and _NONCE.match(nonce)):
        _fail("nonce is not null or 0x and hex digits without leading zeros")
    return Token(
        authority=authority,
        nonce=None if nonce is None else int(nonce, 16),
        token=_bytes(value["token"], "token", MAX_TOKEN_BYTES),
        certificates=_blobs(value, "certificates", MAX_CERTIFICATES, MAX_CERTIFICATE_BYTES),
        crls=_blobs(value, "crls", MAX_CRLS, MAX_CRL_BYTES),
        ocsp=_blobs(value, "ocsp", MAX_OCSP, MAX_OCSP_BYTES),
    )


def _keys(value: Mapping[str, Any], keys: frozenset[str]) -> None:
    if unknown := sorted(set(value) - keys):
        raise InvalidInputError(f"stamp with the key {unknown[0][:80]!r}", code="stamp.unknown")
    if missing := sorted(keys - set(value)):
        _fail(f"{missing[0]} is missing")


def _subject(value: Mapping[str, Any]) -> None:
    if not isinstance(value["subject"], str):
        _fail("subject is not text")
    if value["subject"] != SUBJECT_ROOT:
        raise InvalidInputError(f"stamp over {value['subject'][:80]!r}", code="stamp.unknown")


def _list(value: Mapping[str, Any], key: str, limit: int) -> Sequence[Any]:
    items = value[key]
    if not isinstance(items, list) or len(items) > limit:
        _fail(f"{key} is not a list of at most {limit}")
    return items


def _blobs(value: Mapping[str, Any], key: str, limit: int, max_bytes: int) -> tuple[bytes, ...]:
    return tuple(_bytes(item, key, max_bytes) for item in _list(value, key, limit))


def _bytes(text: Any, what: str, max_bytes: int) -> bytes:
    if not isinstance(text, str) or not text or len(text) > 4 * ((max_bytes + 2) // 3):
        _fail(f"{what} is not base64 of 1 to {max_bytes:,} bytes")
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        _fail(f"{what} is not base64")
    # One value, one text: stray bits at the end would give two bundles for the same stamp.
    if len(data) > max_bytes or _text(data) != text:
        _fail(f"{what} is longer than {max_bytes:,} bytes, or base64 with stray bits")
    return data


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _fail(what: str) -> NoReturn:
    raise InvalidInputError(f"stamp: {what}", code="stamp.malformed")
