"""The signature of a time-stamp token, apart from whether its signer is believed.

Source: RFC 5652 (CMS SignedData), RFC 3161, RFC 5035 (SigningCertificateV2). Needs `cryptography`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn

from archive.errors import InvalidInputError
from archive.stamps import der

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_SIGNED_DATA: Final = "1.2.840.113549.1.7.2"
_TST_INFO: Final = "1.2.840.113549.1.9.16.1.4"
_CONTENT_TYPE: Final = "1.2.840.113549.1.9.3"
_MESSAGE_DIGEST: Final = "1.2.840.113549.1.9.4"
_SIGNING_CERTIFICATE: Final = "1.2.840.113549.1.9.16.2.12"
_SIGNING_CERTIFICATE_V2: Final = "1.2.840.113549.1.9.16.2.47"
# SHA-1 is let in only where RFC 2634 has no other: to name the certificate, which the signature covers anyway.
_HASHES: Final = {
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}
_RSA: Final = {
    "1.2.840.113549.1.1.1": None,
    "1.2.840.113549.1.1.11": "sha256",
    "1.2.840.113549.1.1.12": "sha384",
    "1.2.840.113549.1.1.13": "sha512",
}
_ECDSA: Final = {
    "1.2.840.10045.4.3.2": "sha256",
    "1.2.840.10045.4.3.3": "sha384",
    "1.2.840.10045.4.3.4": "sha512",
}


@dataclass(frozen=True, slots=True)
class SignedToken:
    """The parts of a token. `issuer` is the DER of the signer's issuer name; `attributes` by OID, each one value."""

    content: bytes
    certificates: tuple[bytes, ...]
    issuer: bytes
    serial: int
    digest_oid: str
    attributes: dict[str, der.Node]
    signed: bytes
    signature_oid: str
    signature: bytes

    def signer(self, certificates: Iterable[Certificate]) -> Certificate | None:
        """The certificate that the token says signed it: of those with its name, the one whose hash is signed.

        Raises:
            InvalidInputError: `stamp.rfc3161.der` for an attribute that names a certificate and cannot be read.
        """
        named = [
            certificate
            for certificate in certificates
            if certificate.serial_number == self.serial and certificate.issuer.public_bytes() == self.issuer
        ]
        return next((c for c in named if _names(self.attributes, c)), named[0] if named else None)


def unreadable(*others: type[Exception]) -> tuple[type[Exception], ...]:
    """What `cryptography` raises for what it cannot read or has no algorithm for, and these others."""
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm

    flaws = (x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType)
    return ValueError, TypeError, KeyError, UnsupportedAlgorithm, *flaws, *others


def parse_token(token: bytes) -> SignedToken:
    """The parts of a DER TimeStampToken.

    Raises:
        InvalidInputError: `stamp.rfc3161.der` for bytes that are no token.
    """
    outer = der.read_all(token, der.SEQUENCE).children()
    if len(outer) != 2 or der.oid(outer[0]) != _SIGNED_DATA:
        _fail("it is not CMS signed data")
    body = der.read_all(der.expect(outer[1], der.CONTEXT_0).content, der.SEQUENCE).children()
    if len(body) < 4:
        _fail("it lacks parts")
    encapsulated = der.expect(body[2], der.SEQUENCE).children()
    if len(encapsulated) != 2 or der.oid(encapsulated[0]) != _TST_INFO:
        _fail("it does not hold time-stamp information")
    content = der.read_all(der.expect(encapsulated[1], der.CONTEXT_0).content, der.OCTET_STRING).content
    certificates: tuple[bytes, ...] = ()
    for node in body[3:-1]:
        if node.tag == der.CONTEXT_0:
            certificates = tuple(c.raw for c in node.children())
    signers = der.expect(body[-1], der.SET).children()
    if len(signers) != 1:
        _fail(f"{len(signers)} signatures, not one")
    info = signers[0].children()
    if len(info) < 6:
        _fail("the signature has no signed attributes, or lacks parts")
    _, sid, digest, attributes, algorithm, signature = info[:6]
    identity = der.expect(sid, der.SEQUENCE).children()
    if len(identity) != 2:
        _fail("the signer is not named by issuer and serial number")
    der.expect(attributes, der.CONTEXT_0)
    return SignedToken(
        content=content,
        certificates=certificates,
        issuer=identity[0].raw,
        serial=der.integer(identity[1]),
        digest_oid=_algorithm(digest),
        attributes=_attributes(attributes),
        # RFC 5652 §5.4: signed as an explicit SET, not with the implicit tag that it has here.
        signed=der.encode(der.SET, attributes.content),
        signature_oid=_algorithm(algorithm),
        signature=der.expect(signature, der.OCTET_STRING).content,
    )


def parse_response(answer: bytes) -> tuple[int, str, bytes | None]:
    """Status, its words and the token of a TimeStampResp (RFC 3161 §2.4.2).

    Raises:
        InvalidInputError: `stamp.rfc3161.der`.
    """
    parts = der.read_all(answer, der.SEQUENCE).children()
    if not parts:
        _fail("an empty response")
    info = der.expect(parts[0], der.SEQUENCE).children()
    if not info:
        _fail("a response without status")
    words = info[1].children() if len(info) > 1 and info[1].tag == der.SEQUENCE else []
    said = "; ".join(word.content.decode("utf-8", "replace") for word in words)
    return der.integer(info[0]), said, parts[1].raw if len(parts) > 1 else None


def in_der_order(token: bytes) -> bytes:
    """The token with its certificates and CRLs in the order that DER gives to sets.

    Many authorities (OpenSSL among them) write them as they come, which strict readers refuse; no signature covers
    them.
    """
    outer = der.read_all(token, der.SEQUENCE).children()
    if len(outer) != 2:
        _fail("it is not CMS signed data")
    parts = der.read_all(der.expect(outer[1], der.CONTEXT_0).content, der.SEQUENCE).children()
    body = b"".join(_sorted(part) if part.tag in (der.CONTEXT_0, der.CONTEXT_1) else part.raw for part in parts)
    inner = der.encode(der.CONTEXT_0, der.encode(der.SEQUENCE, body))
    return der.encode(der.SEQUENCE, outer[0].raw + inner)


def with_certificates(token: bytes, certificates: Sequence[bytes]) -> bytes:
    """The token with these certificates in place of those inside it, which no signature covers."""
    outer = der.read_all(token, der.SEQUENCE).children()
    parts = der.read_all(der.expect(outer[1], der.CONTEXT_0).content, der.SEQUENCE).children()
    rest = [part.raw for part in parts[3:] if part.tag != der.CONTEXT_0]
    body = b"".join([*(part.raw for part in parts[:3]), der.encode(der.CONTEXT_0, b"".join(certificates)), *rest])
    return der.encode(der.SEQUENCE, outer[0].raw + der.encode(der.CONTEXT_0, der.encode(der.SEQUENCE, body)))


def _sorted(node: der.Node) -> bytes:
    return der.encode(node.tag, b"".join(sorted(child.raw for child in node.children())))


def check_signature(token: SignedToken, certificate: Certificate) -> str | None:
    """None when the token is signed by this certificate's key, else what is wrong.

    Raises:
        InvalidInputError: `stamp.rfc3161.algorithm` for an algorithm that this version does not check.
    """
    name = _HASHES.get(token.digest_oid)
    if name is None:
        raise _unsupported(f"digest {token.digest_oid}")
    attributes = token.attributes
    kind, digest = attributes.get(_CONTENT_TYPE), attributes.get(_MESSAGE_DIGEST)
    if kind is None or der.oid(kind) != _TST_INFO:
        return "the signed content type is not time-stamp information"
    if digest is None or der.expect(digest, der.OCTET_STRING).content != hashlib.new(name, token.content).digest():
        return "the signed digest is not that of the time-stamp information"
    if not _names(attributes, certificate):
        return "the signed attribute that names the certificate is missing, or names another one"
    return None if _verified(token, certificate, name) else "the signature is not of the certificate's key"


def _names(attributes: dict[str, der.Node], certificate: Certificate) -> bool:
    """RFC 3161 §2.4.2: the certificate's hash is signed, so that no other certificate of the key can be put in."""
    from cryptography.hazmat.primitives.serialization import Encoding

    raw = certificate.public_bytes(Encoding.DER)
    for oid, version in ((_SIGNING_CERTIFICATE_V2, 2), (_SIGNING_CERTIFICATE, 1)):
        attribute = attributes.get(oid)
        if attribute is None:
            continue
        parts = der.expect(attribute, der.SEQUENCE).children()
        ids = der.expect(parts[0], der.SEQUENCE).children() if parts else []
        first = der.expect(ids[0], der.SEQUENCE).children() if ids else []
        if not first:
            return False
        name = "sha1" if version == 1 else "sha256"
        if version == 2 and first[0].tag == der.SEQUENCE:
            known = _HASHES.get(_algorithm(first[0]))
            if known is None or len(first) < 2:
                return False
            name, first = known, first[1:]
        return der.expect(first[0], der.OCTET_STRING).content == hashlib.new(name, raw, usedforsecurity=False).digest()
    return False


def _verified(token: SignedToken, certificate: Certificate, digest: str) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

    algorithms = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}
    key, oid = certificate.public_key(), token.signature_oid
    try:
        if isinstance(key, rsa.RSAPublicKey) and oid in _RSA:
            key.verify(token.signature, token.signed, padding.PKCS1v15(), algorithms[_RSA[oid] or digest])
        elif isinstance(key, ec.EllipticCurvePublicKey) and oid in _ECDSA:
            key.verify(token.signature, token.signed, ec.ECDSA(algorithms[_ECDSA[oid]]))
        else:
            raise _unsupported(f"signature {oid} by a key of another kind, or one not known here")
    except InvalidSignature:
        return False
    return True


def _attributes(node: der.Node) -> dict[str, der.Node]:
    found: dict[str, der.Node] = {}
    for attribute in node.children():
        parts = der.expect(attribute, der.SEQUENCE).children()
        if len(parts) != 2:
            _fail("a signed attribute lacks parts")
        oid, values = der.oid(parts[0]), der.expect(parts[1], der.SET).children()
        if oid in found or len(values) != 1:
            _fail(f"the signed attribute {oid} has not one value")
        found[oid] = values[0]
    return found


def _algorithm(node: der.Node) -> str:
    parts = der.expect(node, der.SEQUENCE).children()
    if not parts:
        _fail("an algorithm without a name")
    return der.oid(parts[0])


def _unsupported(what: str) -> InvalidInputError:
    return InvalidInputError(f"time-stamp token: {what}: not checked by this version", code="stamp.rfc3161.algorithm")


def _fail(what: str) -> NoReturn:
    raise InvalidInputError(f"time-stamp token: {what}", code="stamp.rfc3161.der")
