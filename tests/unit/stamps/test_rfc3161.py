"""RFC 3161 tokens: real ones, and those of an authority of our own with every flaw that matters."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder, decode_timestamp_response

from archive.stamps import cms, rfc3161
from archive.stamps.entries import Rfc3161Stamp, Token, subject_message
from archive.stamps.outcome import Checked
from tests.support.clocks import Authority

MakeAuthority = Callable[..., Authority]


def token_of(
    authority: Authority, message: bytes, *, algorithm: HashAlgorithm = HashAlgorithm.SHA256, name: str | None = "tsa"
) -> Token:
    request = TimestampRequestBuilder(data=message, hash_algorithm=algorithm).build()
    status, said, token = cms.parse_response(authority.reply(request.as_bytes()))
    assert token is not None, (status, said)
    return Token(name, request.nonce, token)


def roots_of(*authorities: Authority) -> list[rfc3161.Root]:
    return [rfc3161.Root(f"{a.name} authority", a.root_der) for a in authorities]


def status_of(checked: Checked, code: str) -> list[str]:
    return [s.status for s in checked.steps if s.code == f"stamp.rfc3161.{code}"]


def failed(checked: Checked) -> set[str]:
    return {s.code for s in checked.steps if s.status == "fail"}


class TestRealTokens:
    """The answers of a real authority over the text "hello"."""

    @staticmethod
    def token(folder: Path, name: str, *, with_certificate: bool = False) -> tuple[Token, list[rfc3161.Root]]:
        response = decode_timestamp_response((folder / "rfc3161" / f"{name}.tsr").read_bytes())
        chain = x509.load_pem_x509_certificates((folder / "rfc3161" / "ts_chain.pem").read_bytes())
        signer, root = (c.public_bytes(Encoding.DER) for c in chain)
        kept = (signer,) if with_certificate else ()
        token = Token("sigstage", response.tst_info.nonce, bytes(response.time_stamp_token()), kept)
        return token, [rfc3161.Root("sigstage", root)]

    @pytest.mark.parametrize(("name", "time"), [("response-sha256", 1_746_791_935), ("response-sha512", 1_746_791_936)])
    def test_it_passes_with_its_root(self, vectors: Path, name: str, time: int) -> None:
        token, roots = self.token(vectors, name)
        checked = rfc3161.check_token(token, b"hello", roots)
        assert (checked.status, checked.time, checked.margin) == ("pass", time, 1)
        assert checked.clock == "sigstage"

    def test_an_invalid_signature_fails(self, vectors: Path) -> None:
        token, roots = self.token(vectors, "response-invalid-signature")
        checked = rfc3161.check_token(token, b"hello", roots)
        assert checked.status == "fail"
        assert checked.time is None
        assert "stamp.rfc3161.signature" in failed(checked)

    def test_an_unknown_root_does_not_hide_an_invalid_signature(self, vectors: Path) -> None:
        token, _ = self.token(vectors, "response-invalid-signature")
        assert failed(rfc3161.check_token(token, b"hello", [])) == {"stamp.rfc3161.signature"}

    def test_an_unknown_root_is_unchecked(self, vectors: Path, authority: MakeAuthority) -> None:
        token, _ = self.token(vectors, "response-sha256")
        for roots in ([], roots_of(authority())):
            checked = rfc3161.check_token(token, b"hello", roots)
            assert (checked.status, checked.time) == ("unchecked", None)
            assert status_of(checked, "chain") == ["unchecked"]
            assert status_of(checked, "signature") == ["pass"]

    def test_its_own_root_in_the_bundle_is_not_believed(self, vectors: Path) -> None:
        token, roots = self.token(vectors, "response-sha256")
        with_root = replace(token, certificates=(roots[0].certificate,))
        assert rfc3161.check_token(with_root, b"hello", []).status == "unchecked"

    def test_a_token_without_its_certificate_needs_it_beside_it(self, vectors: Path) -> None:
        token, roots = self.token(vectors, "response-no-embedded-cert")
        assert rfc3161.check_token(token, b"hello", roots).status == "unchecked"
        token, roots = self.token(vectors, "response-no-embedded-cert", with_certificate=True)
        assert rfc3161.check_token(token, b"hello", roots).status == "pass"

    def test_other_text_and_other_nonce_fail(self, vectors: Path) -> None:
        token, roots = self.token(vectors, "response-sha256")
        assert failed(rfc3161.check_token(token, b"hello!", roots)) >= {"stamp.rfc3161.imprint"}
        other = replace(token, nonce=7)
        assert failed(rfc3161.check_token(other, b"hello", roots)) >= {"stamp.rfc3161.nonce"}


@pytest.mark.parametrize("algorithm", list(HashAlgorithm))
@pytest.mark.parametrize("ess", ["sha1", "sha256", "sha512"])
def test_a_local_authority_passes_through_its_intermediate(
    authority: MakeAuthority, algorithm: HashAlgorithm, ess: str
) -> None:
    tsa = authority(ess=ess)
    checked = rfc3161.check_token(token_of(tsa, b"message", algorithm=algorithm), b"message", roots_of(tsa))
    assert checked.status == "pass", checked.steps
    assert checked.clock == "tsa (Test authority)"
    assert abs(checked.time - datetime.now(UTC).timestamp()) < 60  # type: ignore[operator]


@pytest.mark.parametrize("keys", ["rsa", "ec384"])
def test_keys_of_other_kinds(authority: MakeAuthority, keys: str) -> None:
    tsa = authority(keys=keys)
    token = token_of(tsa, b"message")
    kept = replace(token, crls=(tsa.crl(), tsa.crl(of_root=True)), ocsp=(tsa.ocsp(),))
    checked = rfc3161.check_token(kept, b"message", roots_of(tsa))
    assert (checked.status, status_of(checked, "revocation")) == ("pass", ["pass"])
    data = bytearray(token.token)
    data[-5] ^= 1
    broken = rfc3161.check_token(replace(token, token=bytes(data)), b"message", roots_of(tsa))
    assert failed(broken) >= {"stamp.rfc3161.signature"}


@pytest.mark.parametrize(
    "settings",
    [
        {"critical": False},
        {"purposes": ()},
        {"purposes": (ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.CODE_SIGNING)},
    ],
    ids=["not-critical", "absent", "for-code-too"],
)
def test_a_certificate_that_is_not_for_time_stamping_alone_fails(
    authority: MakeAuthority, settings: dict[str, object]
) -> None:
    # `openssl ts` itself refuses to sign with such a certificate: the good token is re-signed with the bad one.
    good, bad = authority(), authority(**settings)
    checked = rfc3161.check_token(resigned(good, bad, b"message"), b"message", roots_of(bad))
    assert failed(checked) >= {"stamp.rfc3161.purpose"}
    assert checked.status == "fail"


def resigned(
    good: Authority, signer: Authority, message: bytes, *, certificate: x509.Certificate | None = None
) -> Token:
    """The token of one authority, signed anew by another's key as if the certificate were sound."""
    import hashlib

    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    from archive.stamps import cms, der

    token = token_of(good, message)
    parsed = cms.parse_token(token.token)
    own = certificate or signer.signer
    raw = own.public_bytes(Encoding.DER)
    algorithm = der.encode(der.SEQUENCE, bytes.fromhex("0609608648016503040201"))
    ess = der.encode(
        der.SEQUENCE,
        der.encode(der.SEQUENCE, der.encode(der.SEQUENCE, der.encode(der.OCTET_STRING, hashlib.sha256(raw).digest()))),
    )
    attributes = [
        (bytes.fromhex("06092a864886f70d010903"), bytes.fromhex("060b2a864886f70d0109100104")),
        (
            bytes.fromhex("06092a864886f70d010904"),
            der.encode(der.OCTET_STRING, hashlib.sha256(parsed.content).digest()),
        ),
        (bytes.fromhex("060b2a864886f70d010910022f"), ess),
    ]
    encoded = b"".join(sorted(der.encode(der.SEQUENCE, oid + der.encode(der.SET, value)) for oid, value in attributes))
    signature = signer.key.sign(der.encode(der.SET, encoded), ec.ECDSA(hashes.SHA256()))
    serial = own.serial_number.to_bytes(own.serial_number.bit_length() // 8 + 1, "big")
    info = der.encode(
        der.SEQUENCE,
        b"\x02\x01\x01"
        + der.encode(der.SEQUENCE, own.issuer.public_bytes() + der.encode(der.INTEGER, serial))
        + algorithm
        + der.encode(der.CONTEXT_0, encoded)
        + der.encode(der.SEQUENCE, bytes.fromhex("06082a8648ce3d040302"))
        + der.encode(der.OCTET_STRING, signature),
    )
    content = der.encode(
        der.SEQUENCE,
        bytes.fromhex("060b2a864886f70d0109100104")
        + der.encode(der.CONTEXT_0, der.encode(der.OCTET_STRING, parsed.content)),
    )
    certificates = der.encode(der.CONTEXT_0, raw + signer.middle.public_bytes(Encoding.DER))
    body = der.encode(
        der.SEQUENCE,
        b"\x02\x01\x03" + der.encode(der.SET, algorithm) + content + certificates + der.encode(der.SET, info),
    )
    outer = bytes.fromhex("06092a864886f70d010702") + der.encode(der.CONTEXT_0, body)
    return replace(token, token=der.encode(der.SEQUENCE, outer))


def test_a_token_signed_anew_by_a_sound_certificate_passes(authority: MakeAuthority) -> None:
    """The helper above makes good tokens: what fails below fails for its flaw."""
    one, two = authority(), authority(name="Second")
    assert rfc3161.check_token(resigned(one, two, b"m"), b"m", roots_of(two)).status == "pass"


def test_a_certificate_that_had_expired_at_the_time_fails(authority: MakeAuthority) -> None:
    good, expired = authority(), authority(valid=(20, -10))
    checked = rfc3161.check_token(resigned(good, expired, b"m"), b"m", roots_of(expired))
    assert failed(checked) == {"stamp.rfc3161.chain"}


def test_a_certificate_that_expired_since_does_not_matter(vectors: Path) -> None:
    """The chain is looked at as of the time in the token (the vector is of May 2025), not as of today."""
    token, roots = TestRealTokens.token(vectors, "response-sha256")
    assert rfc3161.check_token(token, b"hello", roots).status == "pass"


def test_another_certificate_of_the_same_key_cannot_be_put_in(authority: MakeAuthority) -> None:
    """The signed attribute names one certificate; the token's own certificate list is not signed."""
    tsa, other = authority(), authority(name="Second")
    token = resigned(tsa, tsa, b"m")
    swapped = resigned(tsa, other, b"m")
    assert rfc3161.check_token(token, b"m", roots_of(tsa)).status == "pass"
    # Names the certificate of `tsa`, holds the signature of `other`.
    from archive.stamps import cms

    parsed = cms.parse_token(swapped.token)
    assert cms.check_signature(parsed, tsa.signer) is not None


def test_an_intermediate_as_root_leads_nowhere_for_openssl(authority: MakeAuthority) -> None:
    """Only self-signed certificates end a chain; the trust file takes no other."""
    tsa = authority()
    roots = [rfc3161.Root("middle", tsa.middle.public_bytes(Encoding.DER))]
    assert rfc3161.check_token(token_of(tsa, b"m"), b"m", roots).status == "fail"


def test_no_flipped_byte_passes_or_crashes(authority: MakeAuthority) -> None:
    tsa = authority()
    token = token_of(tsa, b"message")
    chooser = random.Random(7)
    for _ in range(150):
        place = chooser.randrange(len(token.token))
        data = bytearray(token.token)
        data[place] ^= 1 << chooser.randrange(8)
        checked = rfc3161.check_token(replace(token, token=bytes(data)), b"message", roots_of(tsa))
        if checked.status == "pass":
            # What is not signed: the certificates that were not needed, and the list of digest algorithms.
            assert rfc3161.gen_time(bytes(data)) == rfc3161.gen_time(token.token)
    for size in range(0, len(token.token), 37):
        assert rfc3161.check_token(replace(token, token=token.token[:size]), b"message", roots_of(tsa)).status == "fail"


def test_a_policy_that_the_verifier_does_not_accept_is_unchecked(authority: MakeAuthority) -> None:
    tsa = authority()
    token = token_of(tsa, b"m")
    (root,) = roots_of(tsa)
    for policies, status in ((("1.2.3.4.1",), "pass"), (("1.2.3.9", "1.2.3.4.1"), "pass"), (("1.2.3.9",), "unchecked")):
        checked = rfc3161.check_token(token, b"m", [replace(root, policies=policies)])
        assert (checked.status, status_of(checked, "policy")) == (status, [status])


def test_certificates_that_issue_one_another_in_circles_end(authority: MakeAuthority) -> None:
    """Sixteen certificates of one name and key: without a bound there are 16^7 ways through them."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "circle")])

    def certificate() -> x509.Certificate:
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number())
        now = datetime.now(UTC)
        builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        return builder.sign(key, hashes.SHA256())

    pool = [certificate() for _ in range(17)]
    path, root = rfc3161.build_path(pool[0], pool[1:], [])
    assert root is None
    assert len(path) == rfc3161.MAX_PATH


class TestRevocation:
    @staticmethod
    def checked(tsa: Authority, **kept: tuple[bytes, ...]) -> Checked:
        return rfc3161.check_token(replace(token_of(tsa, b"m"), **kept), b"m", roots_of(tsa))

    def test_nothing_kept_is_unchecked_and_does_not_sink_the_stamp(self, authority: MakeAuthority) -> None:
        checked = self.checked(authority())
        assert (checked.status, status_of(checked, "revocation")) == ("pass", ["unchecked"])

    def test_crls_and_ocsp_answers_that_say_good_pass(self, authority: MakeAuthority) -> None:
        tsa = authority()
        over_middle = tsa.crl(of_root=True)
        for kept in ({"crls": (tsa.crl(), over_middle)}, {"crls": (over_middle,), "ocsp": (tsa.ocsp(),)}):
            assert status_of(self.checked(tsa, **kept), "revocation") == ["pass"]

    @pytest.mark.parametrize("form", ["crls", "ocsp"])
    def test_a_stolen_key_sinks_every_token_whenever_it_was_revoked(self, authority: MakeAuthority, form: str) -> None:
        tsa = authority()
        make = tsa.crl if form == "crls" else tsa.ocsp
        for reason in (x509.ReasonFlags.key_compromise, None):
            answer = make(revoked=datetime.now(UTC) + timedelta(hours=2), reason=reason)
            checked = self.checked(tsa, **{form: (answer,)})
            assert failed(checked) == {"stamp.rfc3161.revocation"}
            assert checked.status == "fail"

    @pytest.mark.parametrize("form", ["crls", "ocsp"])
    def test_a_harmless_revocation_leaves_the_tokens_from_before(self, authority: MakeAuthority, form: str) -> None:
        tsa = authority()
        make = tsa.crl if form == "crls" else tsa.ocsp
        reason = x509.ReasonFlags.superseded
        later = make(revoked=datetime.now(UTC) + timedelta(hours=2), reason=reason)
        earlier = make(revoked=datetime.now(UTC) - timedelta(hours=2), reason=reason)
        assert self.checked(tsa, **{form: (later,)}).status == "pass"
        assert failed(self.checked(tsa, **{form: (earlier,)})) == {"stamp.rfc3161.revocation"}

    def test_answers_of_others_and_nonsense_say_nothing(self, authority: MakeAuthority) -> None:
        tsa, other = authority(), authority(name="Second")
        revoked = other.crl(revoked=datetime.now(UTC), reason=x509.ReasonFlags.key_compromise)
        checked = self.checked(tsa, crls=(revoked, b"nonsense"), ocsp=(other.ocsp(), b"nonsense"))
        assert (checked.status, status_of(checked, "revocation")) == ("pass", ["unchecked"])


class TestRenewal:
    @staticmethod
    def renewed(root: str, first: Authority, second: Authority) -> Rfc3161Stamp:
        stamp = Rfc3161Stamp(token_of(first, subject_message(root)))
        message = stamp.renewal_message(subject_message(root), 0)
        return replace(stamp, renewals=(token_of(second, message, algorithm=HashAlgorithm.SHA512),))

    def test_a_chain_of_tokens_passes_with_the_time_of_the_first(self, authority: MakeAuthority, root: str) -> None:
        one, two = authority(), authority(name="Second")
        stamp = self.renewed(root, one, two)
        checked = rfc3161.check_stamp(stamp, root, roots_of(one, two))
        assert checked.status == "pass"
        assert checked.clock == "tsa (Test authority)"
        assert status_of(checked, "renewal") == ["pass"]
        again = replace(
            stamp, renewals=(*stamp.renewals, token_of(one, stamp.renewal_message(subject_message(root), 1)))
        )
        assert status_of(rfc3161.check_stamp(again, root, roots_of(one, two)), "renewal") == ["pass", "pass"]

    def test_the_renewal_stands_when_nobody_knows_the_first_root_any_more(
        self, authority: MakeAuthority, root: str
    ) -> None:
        one, two = authority(), authority(name="Second")
        checked = rfc3161.check_stamp(self.renewed(root, one, two), root, roots_of(two))
        assert checked.status == "pass"
        assert "by a renewal" in checked.note

    def test_a_renewal_of_another_stamp_fails(self, authority: MakeAuthority, root: str) -> None:
        one, two = authority(), authority(name="Second")
        stamp = self.renewed(root, one, two)
        other = replace(stamp, first=token_of(one, subject_message(root)))
        assert failed(rfc3161.check_stamp(other, root, roots_of(one, two))) >= {"stamp.rfc3161.imprint"}
        # What is kept with a token is covered too: nothing can be taken out or put in after the renewal.
        with_crl = replace(stamp, first=replace(stamp.first, crls=(one.crl(),)))
        assert failed(rfc3161.check_stamp(with_crl, root, roots_of(one, two))) >= {"stamp.rfc3161.imprint"}

    def test_an_invalid_renewal_fails_though_the_first_token_is_good(self, authority: MakeAuthority, root: str) -> None:
        one, two = authority(), authority(name="Second")
        stamp = self.renewed(root, one, two)
        data = bytearray(stamp.renewals[0].token)
        data[-3] ^= 1
        broken = replace(stamp, renewals=(replace(stamp.renewals[0], token=bytes(data)),))
        assert rfc3161.check_stamp(broken, root, roots_of(one, two)).status == "fail"
