"""Asking a time-stamp authority (RFC 3161 §3.4), and keeping what says whether its certificates are revoked."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from archive.errors import ArchiveError, InvalidInputError, RefusedError
from archive.stamps import cms, rfc3161
from archive.stamps.config import AuthorityConfig
from archive.stamps.entries import MAX_CRL_BYTES, MAX_CRLS, MAX_OCSP, MAX_OCSP_BYTES, MAX_TOKEN_BYTES, Token
from archive.stamps.http import CLOCK_TIMING, exchange
from archive.stamps.outcome import Checked
from archive.stores.http import Http, host_of

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

# An authority whose clock is off by more than this is named when it stamps.
MAX_SKEW_SECONDS: Final = 300
_GRANTED: Final = (0, 1)


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token that was just given, how it holds against the trusted roots, and what is to be said about it."""

    token: Token
    checked: Checked
    notes: tuple[str, ...]


def request_token(
    config: AuthorityConfig,
    message: bytes,
    roots: Sequence[rfc3161.Root],
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> NewToken:
    """Ask for a token over a message and check it at once.

    Raises:
        UnreachableError: `stamp.authority.unreachable`, `stamp.authority.timeout` …
        RefusedError: `stamp.authority.refused`.
        InvalidInputError: `stamp.authority.bad_answer`, `stamp.authority.bad_token`.
        MissingDependencyError: `stamp.no_rfc3161`.
    """
    rfc3161.require_library()
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

    algorithm = HashAlgorithm.SHA512 if config.hash == "sha-512" else HashAlgorithm.SHA256
    request = TimestampRequestBuilder(data=message, hash_algorithm=algorithm).build()
    http = _http(config.url, config.name)
    try:
        status, answer = exchange(
            http,
            "POST",
            "",
            body=request.as_bytes(),
            headers={"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"},
            max_bytes=MAX_TOKEN_BYTES,
        )
    finally:
        http.close()
    if status != 200:
        raise _bad_answer(config, f"answered with HTTP status {status}")
    token = Token(config.name, request.nonce, _token(config, answer))
    checked = _check(config, token, message, roots)
    notes = [] if checked.status == "pass" else [f"kept, and not believed here: {checked.note}"]
    skew = round((rfc3161.gen_time(token.token) - now()).total_seconds())
    if abs(skew) > MAX_SKEW_SECONDS:
        notes.append(f"its clock and this machine's disagree by {abs(skew):,} seconds")
    if config.revocation and checked.status == "pass":
        token, more = _with_revocation(token, roots)
        notes += more
        # The answers may say that the signer was revoked: kept, such a token fails wherever it is verified.
        checked = _check(config, token, message, roots)
    return NewToken(token, checked, tuple(notes))


def _check(config: AuthorityConfig, token: Token, message: bytes, roots: Sequence[rfc3161.Root]) -> Checked:
    checked = rfc3161.check_token(token, message, roots, require_nonce=True)
    if checked.status == "fail":
        bad = next(step for step in checked.steps if step.status == "fail")
        raise InvalidInputError(
            f"{config.name}: its token does not hold: {bad.note} [{bad.code}]",
            code="stamp.authority.bad_token",
            hint="use another authority",
        )
    return checked


def _token(config: AuthorityConfig, answer: bytes) -> bytes:
    try:
        status, said, token = cms.parse_response(answer)
    except InvalidInputError:
        raise _bad_answer(config, "its answer is no time-stamp response") from None
    if status not in _GRANTED:
        words = "".join(c if c.isprintable() else " " for c in said)[:200]
        raise RefusedError(
            f"{config.name}: refused to stamp (status {status}{': ' + words if words else ''})",
            code="stamp.authority.refused",
            hint="look at its terms, or use another authority",
        )
    if token is None:
        raise _bad_answer(config, "its answer holds no token")
    return token


def _with_revocation(token: Token, roots: Sequence[rfc3161.Root]) -> tuple[Token, list[str]]:
    """The token with the OCSP answers and CRLs that the certificates of its chain point to, as far as they come.

    Only after the chain led to a trusted root: addresses in other certificates are not followed.
    """
    parsed = cms.parse_token(token.token)
    pool = rfc3161.certificates(token, parsed)
    anchors = [(root.name, rfc3161.load_certificate(root.certificate)) for root in roots]
    signer = parsed.signer([*pool, *(c for _, c in anchors)])
    if signer is None:
        return token, []
    path, _ = rfc3161.build_path(signer, pool, anchors)
    crls: list[bytes] = []
    ocsp: list[bytes] = []
    notes: list[str] = []
    for certificate, issuer in itertools.pairwise(path):
        for url in _ocsp_urls(certificate)[:1]:
            if (answer := _fetch(url, notes, MAX_OCSP_BYTES, _ocsp_request(certificate, issuer))) is not None:
                ocsp.append(answer)
        for url in _crl_urls(certificate)[:2]:
            if (crl := _fetch(url, notes, MAX_CRL_BYTES)) is not None:
                crls.append(crl)
    return replace(token, crls=tuple(crls[:MAX_CRLS]), ocsp=tuple(ocsp[:MAX_OCSP])), notes


def _fetch(url: str, notes: list[str], max_bytes: int, body: bytes | None = None) -> bytes | None:
    headers = {} if body is None else {"Content-Type": "application/ocsp-request"}
    try:
        http = _http(url, _shown(url))
        with contextlib.closing(http):
            status, answer = exchange(
                http, "GET" if body is None else "POST", "", max_bytes=max_bytes, body=body, headers=headers
            )
    except ArchiveError as error:
        notes.append(f"no revocation answer: {error.message}")
        return None
    if status != 200 or not answer:
        notes.append(f"no revocation answer: {_shown(url)}: HTTP status {status}")
        return None
    return answer


def _shown(url: str) -> str:
    try:
        return host_of(url)[:200]
    except ValueError:
        return "an address that is none"


def _ocsp_request(certificate: Certificate, issuer: Certificate) -> bytes:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509 import ocsp

    # RFC 5019: responders are bound to know SHA-1 names only; nothing rests on the hash.
    builder = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, hashes.SHA1())  # noqa: S303
    return builder.build().public_bytes(Encoding.DER)


def _ocsp_urls(certificate: Certificate) -> list[str]:
    from cryptography import x509
    from cryptography.x509.oid import AuthorityInformationAccessOID

    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except cms.unreadable(x509.ExtensionNotFound):
        return []
    return [str(d.access_location.value) for d in access if d.access_method == AuthorityInformationAccessOID.OCSP]


def _crl_urls(certificate: Certificate) -> list[str]:
    from cryptography import x509

    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except cms.unreadable(x509.ExtensionNotFound):
        return []
    names = [name for point in points for name in point.full_name or ()]
    return [str(n.value) for n in names if str(n.value).startswith(("http://", "https://"))]


def _http(url: str, name: str) -> Http:
    return Http(url, code="stamp.authority", what=name, timing=CLOCK_TIMING)


def _bad_answer(config: AuthorityConfig, what: str) -> InvalidInputError:
    return InvalidInputError(
        f"{config.name}: {what}",
        code="stamp.authority.bad_answer",
        hint=f"is {config.url} the address of a time-stamp authority (RFC 3161)?",
    )
