"""Certificates and time-stamp tokens written byte for byte, so that they can have every flaw that a library would not
write. Keys are those of `cryptography`; values are DER.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from archive.stamps import der

DIGESTS: Final = {
    "sha1": "1.3.14.3.2.26",
    "sha256": "2.16.840.1.101.3.4.2.1",
    "sha384": "2.16.840.1.101.3.4.2.2",
    "sha512": "2.16.840.1.101.3.4.2.3",
}
_ECDSA: Final = {"sha256": "1.2.840.10045.4.3.2", "sha384": "1.2.840.10045.4.3.3", "sha512": "1.2.840.10045.4.3.4"}
_RSA: Final = {
    "sha1": "1.2.840.113549.1.1.5",
    "sha256": "1.2.840.113549.1.1.11",
    "sha384": "1.2.840.113549.1.1.12",
    "sha512": "1.2.840.113549.1.1.13",
}
_HASHES: Final = {
    "sha1": hashes.SHA1(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
TST_INFO: Final = "1.2.840.113549.1.9.16.1.4"
BASIC_CONSTRAINTS: Final = "2.5.29.19"
KEY_USAGE: Final = "2.5.29.15"
EXTENDED_KEY_USAGE: Final = "2.5.29.37"
TIME_STAMPING: Final = "1.3.6.1.5.5.7.3.8"
NULL: Final = b"\x05\x00"
_serials = itertools.count(1000)


def oid(dotted: str) -> bytes:
    first, second, *rest = map(int, dotted.split("."))
    content = b""
    for number in (40 * first + second, *rest):
        digits = [number & 0x7F]
        while number := number >> 7:
            digits.insert(0, number & 0x7F | 0x80)
        content += bytes(digits)
    return der.encode(der.OID, content)


def integer(value: int) -> bytes:
    return der.encode(der.INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def sequence(*parts: bytes) -> bytes:
    return der.encode(der.SEQUENCE, b"".join(parts))


def set_of(*parts: bytes, tag: int = der.SET) -> bytes:
    return der.encode(tag, b"".join(sorted(parts)))


def moment(when: datetime) -> bytes:
    if when.year < 2050:
        return der.encode(0x17, when.strftime("%y%m%d%H%M%SZ").encode())
    return der.encode(0x18, when.strftime("%Y%m%d%H%M%SZ").encode())


def name(text: str, *, tag: int = 0x0C) -> bytes:
    """A distinguished name of one common name."""
    return sequence(set_of(sequence(oid("2.5.4.3"), der.encode(tag, text.encode()))))


def extension(dotted: str, value: bytes, *, critical: bool = False) -> bytes:
    return sequence(oid(dotted), b"\x01\x01\xff" if critical else b"", der.encode(der.OCTET_STRING, value))


def authority(*, length: int | None = None, usage: bytes = b"\x03\x02\x01\x06") -> tuple[bytes, ...]:
    """The extensions of a certificate that issues others."""
    basic = sequence(b"\x01\x01\xff", b"" if length is None else integer(length))
    return extension(BASIC_CONSTRAINTS, basic, critical=True), extension(KEY_USAGE, usage, critical=True)


def time_stamping(*, usage: bytes | None = b"\x03\x02\x07\x80", critical: bool = True) -> tuple[bytes, ...]:
    """The extensions of a time-stamp signer."""
    key_usage = () if usage is None else (extension(KEY_USAGE, usage, critical=True),)
    return (*key_usage, extension(EXTENDED_KEY_USAGE, sequence(oid(TIME_STAMPING)), critical=critical))


def algorithm_of(key: Any, digest: str = "sha256") -> bytes:
    """The AlgorithmIdentifier of a signature by this key."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return sequence(oid("1.3.101.112"))
    if isinstance(key, rsa.RSAPrivateKey):
        return sequence(oid(_RSA[digest]), NULL)
    return sequence(oid(_ECDSA[digest]))


def sign(key: Any, data: bytes, digest: str = "sha256") -> bytes:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(data)
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, padding.PKCS1v15(), _HASHES[digest])
    signature: bytes = key.sign(data, ec.ECDSA(_HASHES[digest]))
    return signature


@dataclass(frozen=True)
class Party:
    """A key and its certificate."""

    key: Any
    raw: bytes
    subject: bytes
    issuer: bytes
    serial: int

    @property
    def pem(self) -> str:
        return x509.load_der_x509_certificate(self.raw).public_bytes(Encoding.PEM).decode()


def issue(
    subject: bytes,
    by: Party | None = None,
    *,
    key: Any = None,
    serial: int | None = None,
    version: int = 2,
    valid: tuple[datetime, datetime] = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2049, 1, 1, tzinfo=UTC)),
    extensions: Sequence[bytes] = (),
    digest: str = "sha256",
    pss: bool = False,
) -> Party:
    """A certificate of a new key (or of `key`), by an authority or by itself."""
    own = key or ec.generate_private_key(ec.SECP256R1())
    serial = next(_serials) if serial is None else serial
    issuer, signer = (subject, own) if by is None else (by.subject, by.key)
    public = own.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    algorithm = algorithm_of(signer, digest)
    if pss:
        hashed = sequence(oid(DIGESTS[digest]), NULL)
        mask = sequence(oid("1.2.840.113549.1.1.8"), hashed)
        salt = der.encode(0xA2, integer(_HASHES[digest].digest_size))
        params = sequence(der.encode(0xA0, hashed), der.encode(0xA1, mask), salt)
        algorithm = sequence(oid("1.2.840.113549.1.1.10"), params)
    parts = [integer(serial), algorithm, issuer, sequence(moment(valid[0]), moment(valid[1])), subject, public]
    if version:
        parts.insert(0, der.encode(der.CONTEXT_0, integer(version)))
    if extensions:
        parts.append(der.encode(0xA3, sequence(*extensions)))
    signed = sequence(*parts)
    if pss:
        padded = padding.PSS(padding.MGF1(_HASHES[digest]), _HASHES[digest].digest_size)
        signature = signer.sign(signed, padded, _HASHES[digest])
    else:
        signature = sign(signer, signed, digest)
    return Party(own, sequence(signed, algorithm, der.encode(0x03, b"\x00" + signature)), subject, issuer, serial)


def info(
    message: bytes,
    *,
    imprint: str = "sha256",
    policy: str | None = "1.2.3.4.1",
    time: str = "20261124120000Z",
    nonce: int | None = None,
    accuracy: bytes = b"",
    more: bytes = b"",
) -> bytes:
    """Time-stamp information over a message."""
    digest = hashlib.new(imprint, message).digest()
    return sequence(
        integer(1),
        b"" if policy is None else oid(policy),
        sequence(sequence(oid(DIGESTS[imprint]), NULL), der.encode(der.OCTET_STRING, digest)),
        integer(1),
        der.encode(0x18, time.encode()),
        accuracy,
        b"" if nonce is None else integer(nonce),
        more,
    )


def token(
    content: bytes,
    signer: Party,
    certificates: Sequence[bytes],
    *,
    digest: str = "sha256",
    listed: str | None = None,
    signature_digest: str | None = None,
    algorithm: bytes | None = None,
    version: int = 2,
    named: bytes | None = None,
) -> bytes:
    """A TimeStampToken over time-stamp information.

    Args:
        listed: the digest in the list that nothing signs, if not the signature's.
        signature_digest: the digest inside the signature's algorithm, if another.
        algorithm: the signature's AlgorithmIdentifier, if another than the key's.
        version: of the attribute that names the certificate: 1 or 2; 0 leaves it out.
        named: the certificate that is named there, if another.
    """
    hashed = sequence(oid(DIGESTS[digest]), NULL)
    attributes = [
        sequence(oid("1.2.840.113549.1.9.3"), set_of(oid(TST_INFO))),
        sequence(
            oid("1.2.840.113549.1.9.4"),
            set_of(der.encode(der.OCTET_STRING, hashlib.new(digest, content).digest())),
        ),
    ]
    if version:
        hash_name, attribute = ("sha1", "12") if version == 1 else ("sha256", "47")
        value = der.encode(der.OCTET_STRING, hashlib.new(hash_name, named or signer.raw).digest())
        attributes.append(
            sequence(oid(f"1.2.840.113549.1.9.16.2.{attribute}"), set_of(sequence(sequence(sequence(value)))))
        )
    signed = set_of(*attributes)
    inside = signature_digest or digest
    signer_info = sequence(
        integer(1),
        sequence(signer.issuer, integer(signer.serial)),
        hashed,
        set_of(*attributes, tag=der.CONTEXT_0),
        algorithm or algorithm_of(signer.key, inside),
        der.encode(der.OCTET_STRING, sign(signer.key, signed, inside)),
    )
    body = sequence(
        integer(3),
        set_of(sequence(oid(DIGESTS[listed or digest]), NULL)),
        sequence(oid(TST_INFO), der.encode(der.CONTEXT_0, der.encode(der.OCTET_STRING, content))),
        der.encode(der.CONTEXT_0, b"".join(certificates)) if certificates else b"",
        set_of(signer_info),
    )
    return sequence(oid("1.2.840.113549.1.7.2"), der.encode(der.CONTEXT_0, body))
