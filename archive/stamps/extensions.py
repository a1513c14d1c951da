"""The extensions of a certificate that a chain of trust asks for, each read by itself. Pure; needs `cryptography`.

The library reads all extensions or none, so that a fault in one that nobody asks for would hide the others.
Source: RFC 5280 §4.2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

from archive.errors import InvalidInputError
from archive.stamps import der

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

TIME_STAMPING: Final = "1.3.6.1.5.5.7.3.8"
OCSP_SIGNING: Final = "1.3.6.1.5.5.7.3.9"
_BASIC_CONSTRAINTS: Final = "2.5.29.19"
_KEY_USAGE: Final = "2.5.29.15"
_EXTENDED_KEY_USAGE: Final = "2.5.29.37"
_BOOLEAN: Final = 0x01
_BIT_STRING: Final = 0x03
_CONTEXT_3: Final = 0xA3
_KEY_CERT_SIGN: Final = 5  # the bit's number in KeyUsage

_T = TypeVar("_T")


def purposes(certificate: Certificate) -> tuple[bool, tuple[str, ...]] | None:
    """Whether the extended key usage is critical, and its OIDs; None where it is missing or cannot be read."""
    found = (_extensions(certificate) or {}).get(_EXTENDED_KEY_USAGE)
    if found is None:
        return None
    critical, value = found
    oids = _read(lambda: tuple(der.oid(node) for node in der.read_all(value, der.SEQUENCE).children()))
    return (critical, oids) if oids else None


def is_authority(certificate: Certificate) -> bool:
    """Whether it may issue others: basic constraints say so, and a key usage, if there is one, lets it sign."""
    found = _extensions(certificate) or {}
    if _BASIC_CONSTRAINTS not in found or not _read(lambda: _is_ca(found[_BASIC_CONSTRAINTS][1])):
        return False
    return _KEY_USAGE not in found or bool(_read(lambda: _signs(found[_KEY_USAGE][1])))


def _is_ca(value: bytes) -> bool:
    parts = der.read_all(value, der.SEQUENCE).children()
    return bool(parts) and parts[0].tag == _BOOLEAN and parts[0].content == b"\xff"


def _signs(value: bytes) -> bool:
    bits = der.read_all(value, _BIT_STRING).content[1:]
    return bool(bits) and bool(bits[0] & 0x80 >> _KEY_CERT_SIGN)


def _extensions(certificate: Certificate) -> dict[str, tuple[bool, bytes]] | None:
    """Each by its OID, with whether it is critical; None where one stands twice."""
    body = der.read_all(certificate.tbs_certificate_bytes, der.SEQUENCE).children()
    if body[-1].tag != _CONTEXT_3:
        return {}
    found: dict[str, tuple[bool, bytes]] = {}
    for node in der.read_all(body[-1].content, der.SEQUENCE).children():
        first, *rest = node.children()
        name = der.oid(first)
        if name in found:
            return None
        found[name] = (len(rest) > 1, rest[-1].content)
    return found


def _read(read: Callable[[], _T]) -> _T | None:
    try:
        return read()
    except InvalidInputError:
        return None
