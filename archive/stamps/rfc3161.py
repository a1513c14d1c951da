"""Checking RFC 3161 tokens against the verifier's own roots. Pure; needs the extra `stamps`.

A token passes when its imprint is of the subject, its nonce is the one that was asked with, the signature holds, the
signer's certificate is for time-stamping and nothing else, and its chain, valid at the time in the token, ends in a
root of the verifier. Certificates in a bundle are never trusted: they only fill the way to a root of one's own.

`rfc3161-client` (OpenSSL) checks signature, chain and purpose; `archive.stamps.cms` checks the signature apart, so that
an unknown root (unchecked) never hides a wrong signature (fail). Both have to agree. The client is shown the token with
the certificates of the chain alone: which others are inside it, and in which order, nothing signs.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from archive.errors import InvalidInputError, MissingDependencyError
from archive.stamps import cms, der, extensions
from archive.stamps.entries import Rfc3161Stamp, Token, subject_message
from archive.stamps.outcome import Checked, Status, Step, worst

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from rfc3161_client import TimeStampResponse

PIP_HINT: Final = "pip install 'incident-archive[stamps]'"
MAX_PATH: Final = 8
# Certificates that issued one another in circles must not keep us busy: steps, and signatures that are checked.
MAX_STEPS: Final = 64
MAX_CHECKS: Final = 128
MAX_POOL: Final = 16
# A token is never taken to be right to less than a second: fractions of its time are cut off.
_LEAST_MARGIN: Final = 1
_HASHES: Final = {
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}


@dataclass(frozen=True, slots=True)
class Root:
    """A root certificate that the verifier believes: its name there, its DER, and the policies it is believed for.

    `policies` are OIDs; none means any.
    """

    name: str
    certificate: bytes
    policies: tuple[str, ...] = ()


def require_library() -> None:
    """Raises `stamp.no_rfc3161` where the extra `stamps` is not installed."""
    try:
        import rfc3161_client  # noqa: F401  # only whether it is there
    except ImportError:
        raise MissingDependencyError(
            "RFC 3161 stamps need the library rfc3161-client", code="stamp.no_rfc3161", hint=PIP_HINT
        ) from None


def decode(token: bytes) -> TimeStampResponse:
    """The token as `rfc3161-client` reads it. Raises `stamp.rfc3161.der`."""
    from rfc3161_client import decode_timestamp_response

    granted = der.encode(der.SEQUENCE, der.encode(der.INTEGER, b"\x00"))
    try:
        response = decode_timestamp_response(der.encode(der.SEQUENCE, granted + cms.in_der_order(token)))
        _ = response.tst_info.gen_time, response.signed_data.certificates
        if response.tst_info.policy is None:
            raise ValueError("it names no policy")
    except ValueError as error:
        raise InvalidInputError(f"time-stamp token: cannot be read: {error}", code="stamp.rfc3161.der") from error
    return response


def check_stamp(stamp: Rfc3161Stamp, root: str, roots: Sequence[Root]) -> Checked:
    """The token over the root and every renewal of it, each against the verifier's roots.

    A renewal is a stamp over the root too: where nobody knows the first root any more, the first renewal that passes
    gives the time.
    """
    require_library()
    message = subject_message(root)
    first = check_token(stamp.first, message, roots)
    results = [first]
    steps = list(first.steps)
    for index, token in enumerate(stamp.renewals):
        result = check_token(token, stamp.renewal_message(message, index), roots)
        steps += result.steps
        steps.append(_renewal(index, stamp, result))
        results.append(result)
    passing = [r for r in results if r.status == "pass"]
    bad = next((s for s in steps if s.status == "fail"), None)
    if bad is not None:
        return Checked("fail", tuple(steps), bad.note, first.clock)
    if not passing:
        return Checked("unchecked", tuple(steps), first.note, first.clock)
    best = passing[0]
    note = best.note if best is first else f"by a renewal of {best.clock}: {best.note}; of the first: {first.note}"
    return Checked("pass", tuple(steps), note, best.clock, best.time, best.margin)


def _renewal(index: int, stamp: Rfc3161Stamp, result: Checked) -> Step:
    """Whether a renewal came after what it renews, and while the certificate before was still valid."""
    code = "stamp.rfc3161.renewal"
    before = stamp.first if index == 0 else stamp.renewals[index - 1]
    name = f"renewal {index + 1}"
    try:
        earlier, later = gen_time(before.token), gen_time(stamp.renewals[index].token)
        signer = signer_of(before)
    except InvalidInputError as error:
        return Step(code, "fail", f"{name}: {error.message}", found=error.code)
    if later < earlier:
        return Step(code, "fail", f"{name} is older than what it renews", earlier.isoformat(), later.isoformat())
    if result.status != "pass":
        return Step(code, result.status, f"{name}: {result.note}")
    if signer is None or later >= signer.not_valid_after_utc:
        return Step(code, "unchecked", f"{name} came after the certificate before it had expired: it adds nothing")
    return Step(code, "pass", f"{name} by {result.clock}, made while the certificate before it was valid")


def check_token(token: Token, message: bytes, roots: Sequence[Root], *, require_nonce: bool = False) -> Checked:
    """One token over a message.

    Args:
        roots: what the verifier believes.
        require_nonce: whether the token must have the nonce; a bundle's may have been asked for without.
    """
    require_library()
    try:
        parsed, response = cms.parse_token(token.token), decode(token.token)
        return _check(token, parsed, response, message, roots, require_nonce=require_nonce)
    except InvalidInputError as error:
        # What nobody here can compute is no proof of anything wrong.
        status: Status = "unchecked" if error.code == "stamp.rfc3161.algorithm" else "fail"
        code, said = error.code, error.message
    except cms.unreadable() as error:
        status, code, said = "fail", "stamp.rfc3161.der", f"time-stamp token: cannot be read: {_first_words(error)}"
    return Checked(status, (Step(code, status, said),), said, token.authority or "time-stamp authority")


def _check(
    token: Token,
    parsed: cms.SignedToken,
    response: TimeStampResponse,
    message: bytes,
    roots: Sequence[Root],
    *,
    require_nonce: bool,
) -> Checked:
    info = response.tst_info
    steps = [_imprint(info, message), _nonce(info, token, require=require_nonce)]
    pool = certificates(token, parsed)
    anchors = [(root.name, load_certificate(root.certificate)) for root in roots]
    signer = parsed.signer([*pool, *(c for _, c in anchors)])
    clock = token.authority or "time-stamp authority"
    moment = info.gen_time
    if signer is None:
        note = "the certificate of its signer is not with it: the signature could not be checked"
        steps.append(Step("stamp.rfc3161.signature", "unchecked", note))
        return Checked(worst(steps), tuple(steps), note, clock)
    wrong = cms.check_signature(parsed, signer)
    steps.append(
        Step("stamp.rfc3161.signature", "fail" if wrong else "pass", wrong or "signed by the certificate's key")
    )
    steps.append(_purpose(signer))
    path, root_name = build_path(signer, pool, anchors)
    chain = _chain(token, path, root_name, moment)
    steps.append(chain)
    accepted = next((root.policies for root in roots if root.name == root_name), ())
    if accepted:
        steps.append(_policy(info.policy.dotted_string, accepted))
    if root_name is not None:
        clock = root_name if token.authority in (None, root_name) else f"{token.authority} ({root_name})"
    from archive.stamps.revocation import check_revocation

    revocation = check_revocation(path, moment, token.crls, token.ocsp)
    status = worst(steps)
    if revocation.status == "fail":
        status = "fail"
    steps.append(revocation)
    if status != "pass":
        bad = next(s for s in steps if s.status == status)
        return Checked(status, tuple(steps), bad.note, clock)
    accuracy = info.accuracy
    margin = _LEAST_MARGIN
    if accuracy is not None:
        stated = (accuracy.seconds or 0) + (accuracy.millis or 0) / 1000 + (accuracy.micros or 0) / 1e6
        margin = max(margin, math.ceil(stated))
    note = f"stamped {moment:%Y-%m-%d %H:%M:%S} UTC, policy {info.policy.dotted_string}"
    return Checked("pass", tuple(steps), note, clock, math.ceil(moment.timestamp()), margin)


def _imprint(info: Any, message: bytes) -> Step:
    code = "stamp.rfc3161.imprint"
    imprint = info.message_imprint
    name = _HASHES.get(imprint.hash_algorithm.dotted_string)
    if name is None:
        oid = imprint.hash_algorithm.dotted_string
        return Step(code, "unchecked", f"the imprint is of an algorithm that is not checked here ({oid})")
    expected, found = hashlib.new(name, message).hexdigest(), bytes(imprint.message).hex()
    if expected != found:
        return Step(code, "fail", "the token is about something else", expected, found)
    return Step(code, "pass", f"the token is about this subject ({name})", expected, found)


def _nonce(info: Any, token: Token, *, require: bool) -> Step:
    code = "stamp.rfc3161.nonce"
    if token.nonce is None and not require:
        return Step(code, "pass", "no nonce was asked with")
    expected = "none" if token.nonce is None else hex(token.nonce)
    found = "none" if info.nonce is None else hex(info.nonce)
    if token.nonce is None or info.nonce != token.nonce:
        return Step(code, "fail", "the token has not the nonce that was asked with", expected, found)
    return Step(code, "pass", "the nonce is the one that was asked with", expected, found)


def _purpose(signer: Certificate) -> Step:
    """RFC 3161 §2.3: extended key usage, critical, with time-stamping and nothing else."""
    code = "stamp.rfc3161.purpose"
    usage = extensions.purposes(signer)
    if usage is None:
        return Step(code, "fail", "the signer's certificate does not say that it is for time-stamping")
    if usage != (True, (extensions.TIME_STAMPING,)):
        return Step(
            code, "fail", "the signer's certificate is not for time-stamping alone (critical extended key usage)"
        )
    return Step(code, "pass", "the signer's certificate is for time-stamping alone")


def _policy(found: str, accepted: Sequence[str]) -> Step:
    """The policy says how carefully the authority keeps its clock and key; which one is enough, the verifier says."""
    expected = ", ".join(accepted)
    if found in accepted:
        return Step("stamp.rfc3161.policy", "pass", "under a policy that your trust file accepts", expected, found)
    note = f"under the policy {found}, which your trust file does not accept of this authority"
    return Step("stamp.rfc3161.policy", "unchecked", note, expected, found)


def certificates(token: Token, parsed: cms.SignedToken) -> list[Certificate]:
    """Those inside the token and those kept beside it; unreadable ones are left out, they prove nothing."""
    found = []
    for raw in (*parsed.certificates[:MAX_POOL], *token.certificates):
        try:
            found.append(load_certificate(raw))
        except InvalidInputError:
            continue
    return found


def build_path(
    signer: Certificate, pool: Sequence[Certificate], anchors: Sequence[tuple[str, Certificate]]
) -> tuple[tuple[Certificate, ...], str | None]:
    """The certificates from the signer up to a root of the verifier, and that root's name.

    Without such a root: as far as it goes, and None.
    """
    known: dict[tuple[bytes, bytes], bool] = {}

    def issued(certificate: Certificate, issuer: Certificate) -> bool:
        pair = (_der(certificate), _der(issuer))
        if certificate.issuer != issuer.subject:
            return False
        if pair not in known:
            known[pair] = len(known) < MAX_CHECKS and _issued(certificate, issuer)
        return known[pair]

    longest: tuple[Certificate, ...] = (signer,)
    todo: list[tuple[Certificate, ...]] = [(signer,)]
    for _ in range(MAX_STEPS):
        if not todo:
            break
        path = todo.pop()
        if len(path) > len(longest):
            longest = path
        for name, root in anchors:
            if issued(path[-1], root):
                return (*path, root), name
        if len(path) < MAX_PATH:
            todo += [(*path, c) for c in pool if c not in path and issued(path[-1], c)]
    return longest, None


def _der(certificate: Certificate) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.DER)


def _issued(certificate: Certificate, issuer: Certificate) -> bool:
    from cryptography.exceptions import InvalidSignature

    if certificate.issuer != issuer.subject:
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except cms.unreadable(InvalidSignature):
        return False
    return True


def _chain(token: Token, path: tuple[Certificate, ...], root_name: str | None, moment: datetime) -> Step:
    code = "stamp.rfc3161.chain"
    if root_name is None:
        top = path[-1].issuer.rfc4514_string()
        note = (
            f"no root of your trust file leads to it (issued by {top}). If you believe that authority, and have its "
            "root certificate by another way: archive trust add authority ROOT.pem --name NAME"
        )
        return Step(code, "unchecked", note, found=top)
    for certificate in path:
        if not certificate.not_valid_before_utc <= moment < certificate.not_valid_after_utc:
            name = certificate.subject.rfc4514_string()
            window = f"{certificate.not_valid_before_utc:%Y-%m-%d} to {certificate.not_valid_after_utc:%Y-%m-%d}"
            return Step(code, "fail", f"{name} was not valid at the time of the token", window, moment.isoformat())
    if not all(extensions.is_authority(c) for c in path[1:]):
        return Step(code, "fail", "a certificate on the way to the root may not issue others")
    if not _issued(path[-1], path[-1]):
        return Step(code, "fail", "the root is not self-signed")
    from rfc3161_client import VerificationError, VerifierBuilder

    verifier = VerifierBuilder(tsa_certificate=path[0], intermediates=list(path[1:-1]), roots=[path[-1]]).build()
    try:
        inside = list(dict.fromkeys(_der(c) for c in path[:-1]))
        shown = decode(cms.with_certificates(token.token, inside))
        # Imprint and nonce are steps of their own: here they only have to be what the token itself says.
        verifier.verify(shown, bytes(shown.tst_info.message_imprint.message))
    except cms.unreadable(VerificationError, InvalidInputError) as error:
        return Step(code, "fail", f"rfc3161-client does not accept it: {_first_words(error)}")
    return Step(code, "pass", f"leads to {root_name!r} of your trust file, and was valid at the time of the token")


def signer_of(token: Token) -> Certificate | None:
    """The certificate of a token's signer, when it is with it."""
    parsed = cms.parse_token(token.token)
    return parsed.signer(certificates(token, parsed))


def gen_time(token: bytes) -> datetime:
    """The time in a token, whether or not it is believed. Raises `stamp.rfc3161.der`."""
    return decode(token).tst_info.gen_time


def load_certificate(raw: bytes) -> Certificate:
    """A certificate from DER. Raises `stamp.rfc3161.certificate`."""
    from cryptography import x509

    try:
        certificate = x509.load_der_x509_certificate(raw)
        # These are read only when they are asked for, and may turn out to be nonsense.
        _ = certificate.subject, certificate.issuer, certificate.not_valid_before_utc, certificate.not_valid_after_utc
        return certificate
    except cms.unreadable() as error:
        raise InvalidInputError(f"a certificate cannot be read: {error}", code="stamp.rfc3161.certificate") from error


def _first_words(error: Exception) -> str:
    """What a library said, cut to a line: OpenSSL's error stacks are long."""
    text = " ".join(str(error).split())
    for mark in ('data: "', 'reason: "'):
        if mark in text:
            return text.partition(mark)[2].partition('"')[0] or text[:200]
    return text[:200]
