"""CRLs and OCSP answers that are kept with a token: was a certificate of its chain revoked? Pure.

Source: RFC 5280 §5, RFC 6960, RFC 3161 §4: after a revocation for a harmless reason the tokens from before it stand;
after any other (a stolen key), none does, since whoever has the key can write any time into a token.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from archive.stamps import cms, extensions
from archive.stamps.outcome import Step

if TYPE_CHECKING:
    from cryptography import x509

CODE: Final = "stamp.rfc3161.revocation"


def check_revocation(
    path: Sequence[x509.Certificate], moment: datetime, crls: Sequence[bytes], ocsp: Sequence[bytes]
) -> Step:
    """What the kept answers say of each certificate below the root.

    Args:
        path: the signer first, each followed by its issuer.
        moment: the time in the token.
    """
    missing: list[str] = []
    for certificate, issuer in itertools.pairwise(path):
        name = certificate.subject.rfc4514_string()
        answers = (*_by_crl(certificate, issuer, crls), *_by_ocsp(certificate, issuer, ocsp))
        for revoked in answers:
            if revoked is None:
                continue
            when, harmless, reason = revoked
            if not harmless or when <= moment:
                note = f"{name} was revoked ({reason})"
                return Step(CODE, "fail", note, "not revoked", f"revoked {when.isoformat()}")
        if not answers:
            missing.append(name)
    if missing or len(path) == 1:
        told = ", ".join(missing) or "its signer"
        return Step(CODE, "unchecked", f"no answer is kept that says whether {told} was revoked")
    return Step(CODE, "pass", "not revoked, by the answers kept with the token")


_Revoked = tuple[datetime, bool, str] | None


def _by_crl(certificate: x509.Certificate, issuer: x509.Certificate, crls: Sequence[bytes]) -> list[_Revoked]:
    from cryptography import x509

    found: list[_Revoked] = []
    for raw in crls:
        try:
            crl = x509.load_der_x509_crl(raw)
            public = issuer.public_key()
            if crl.issuer != issuer.subject or not crl.is_signature_valid(public):  # type: ignore[arg-type]
                continue
            entry = crl.get_revoked_certificate_by_serial_number(certificate.serial_number)
        except cms.unreadable():
            continue
        if entry is None:
            found.append(None)
            continue
        reason = None
        with contextlib.suppress(*cms.unreadable(x509.ExtensionNotFound)):
            reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
        found.append((entry.revocation_date_utc, _harmless(reason), _word(reason)))
    return found


def _by_ocsp(certificate: x509.Certificate, issuer: x509.Certificate, answers: Sequence[bytes]) -> list[_Revoked]:
    from cryptography.x509 import ocsp

    found: list[_Revoked] = []
    for raw in answers:
        try:
            answer = ocsp.load_der_ocsp_response(raw)
            if answer.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
                continue
            if answer.serial_number != certificate.serial_number or not _about(answer, certificate, issuer):
                continue
            if not _signed_by(answer, issuer):
                continue
            if answer.certificate_status is ocsp.OCSPCertStatus.GOOD:
                found.append(None)
            elif answer.certificate_status is ocsp.OCSPCertStatus.REVOKED and answer.revocation_time_utc is not None:
                reason = answer.revocation_reason
                found.append((answer.revocation_time_utc, _harmless(reason), _word(reason)))
        except cms.unreadable():
            continue
    return found


def _about(answer: x509.ocsp.OCSPResponse, certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether the answer names this issuer, by the hash that the answer itself uses."""
    from cryptography.x509 import ocsp

    algorithm = answer.hash_algorithm
    request = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, algorithm).build()
    return request.issuer_key_hash == answer.issuer_key_hash and request.issuer_name_hash == answer.issuer_name_hash


def _signed_by(answer: x509.ocsp.OCSPResponse, issuer: x509.Certificate) -> bool:
    """By the issuer itself, or by a certificate that the issuer made for OCSP (RFC 6960 §4.2.2.2)."""
    from cryptography.exceptions import InvalidSignature

    signer = issuer
    for candidate in answer.certificates[:4]:
        if candidate == issuer:
            continue
        try:
            candidate.verify_directly_issued_by(issuer)
        except cms.unreadable(InvalidSignature):
            continue
        usage = extensions.purposes(candidate)
        if usage is not None and extensions.OCSP_SIGNING in usage[1]:
            signer = candidate
    return _verifies(answer, signer)


def _verifies(answer: x509.ocsp.OCSPResponse, signer: x509.Certificate) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

    key, algorithm = signer.public_key(), answer.signature_hash_algorithm
    if algorithm is None:
        return False
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(answer.signature, answer.tbs_response_bytes, padding.PKCS1v15(), algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(answer.signature, answer.tbs_response_bytes, ec.ECDSA(algorithm))
        else:
            return False
    except InvalidSignature:
        return False
    return True


def _harmless(reason: x509.ReasonFlags | None) -> bool:
    """RFC 3161 §4.1: stated reasons that say nothing against the key; without a reason no token stands."""
    from cryptography import x509

    flags = x509.ReasonFlags
    return reason in (
        flags.unspecified,
        flags.affiliation_changed,
        flags.superseded,
        flags.cessation_of_operation,
    )


def _word(reason: x509.ReasonFlags | None) -> str:
    return "no reason stated" if reason is None else str(reason.value)
