"""Certificates, CRLs and tokens with flaws that a library raises errors of its own for: no bundle breaks the verifier.

What each flaw means is written down in `tests/vectors/stamps.json`; here is what has no place there.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from archive.errors import InvalidInputError
from archive.stamps import cms, extensions, rfc3161
from archive.stamps.entries import Token
from archive.stamps.outcome import Checked
from archive.stamps.roots import read_root
from tests.support import tokens as t

MESSAGE = b"m" * 32


def checked(root: t.Party, signer: t.Party, inside: list[bytes], *, beside: tuple[bytes, ...] = ()) -> Checked:
    token = Token(None, None, t.token(t.info(MESSAGE), signer, inside), beside)
    return rfc3161.check_token(token, MESSAGE, [rfc3161.Root("root", root.raw)])


@pytest.fixture
def root() -> t.Party:
    return t.issue(t.name("root"), extensions=t.authority())


@pytest.mark.parametrize("flaw", [{"version": 1}, {"extensions": (*t.authority(), *t.authority())}])
def test_a_root_that_a_library_breaks_on_is_refused(tmp_path: Path, flaw: dict[str, object]) -> None:
    path = tmp_path / "root.der"
    path.write_bytes(t.issue(t.name("root"), **flaw).raw)  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError) as caught:
        read_root(path)
    assert caught.value.code == "trust.bad_certificate"


def test_a_decoy_of_the_same_name_and_number_changes_nothing_wherever_it_stands(root: t.Party) -> None:
    """The library takes certificates out of a set, whose order changes from one run to the next."""
    signer = t.issue(t.name("clock"), root, extensions=t.time_stamping())
    decoy = t.issue(t.name("clock"), root, serial=signer.serial, extensions=t.time_stamping())
    for inside in ([decoy.raw, signer.raw], [signer.raw, decoy.raw]):
        assert checked(root, signer, inside).status == "pass"
    assert checked(root, signer, [signer.raw], beside=(decoy.raw,)).status == "pass"


def test_a_fault_in_an_extension_that_nobody_asks_for_hides_no_other(root: t.Party) -> None:
    """The library reads all extensions of a certificate, or none."""
    points = t.extension("2.5.29.31", b"\x03\x01\x00")  # no list of distribution points
    party = t.issue(t.name("clock"), root, extensions=(*t.time_stamping(), points))
    certificate = x509.load_der_x509_certificate(party.raw)
    assert extensions.purposes(certificate) == (True, (extensions.TIME_STAMPING,))
    assert not extensions.is_authority(certificate)
    assert extensions.is_authority(x509.load_der_x509_certificate(root.raw))


def test_the_certificates_of_a_token_are_put_in_place_of_others(root: t.Party) -> None:
    signer = t.issue(t.name("clock"), root, extensions=t.time_stamping())
    with_root = t.token(t.info(MESSAGE), signer, [signer.raw, root.raw])
    alone = t.token(t.info(MESSAGE), signer, [])
    for token in (with_root, alone):
        parsed = cms.parse_token(cms.with_certificates(token, [signer.raw]))
        assert parsed.certificates == (signer.raw,)
        assert parsed.signature == cms.parse_token(token).signature


def test_two_certificates_of_one_name_need_two_answers(root: t.Party) -> None:
    """An answer about one of them says nothing of the other."""
    from datetime import UTC, datetime

    from cryptography.hazmat.primitives import hashes

    middle = t.issue(t.name("same"), root, extensions=t.authority())
    signer = t.issue(t.name("same"), middle, extensions=t.time_stamping())
    builder = x509.CertificateRevocationListBuilder()
    builder = builder.issuer_name(x509.load_der_x509_certificate(root.raw).subject)
    builder = builder.last_update(datetime(2026, 1, 1, tzinfo=UTC)).next_update(datetime(2027, 1, 1, tzinfo=UTC))
    crl = builder.sign(root.key, hashes.SHA256()).public_bytes(Encoding.DER)
    token = Token(None, None, t.token(t.info(MESSAGE), signer, [signer.raw, middle.raw]), (), (crl,))
    steps = rfc3161.check_token(token, MESSAGE, [rfc3161.Root("root", root.raw)]).steps
    assert [s.status for s in steps if s.code == "stamp.rfc3161.revocation"] == ["unchecked"]


def test_certificates_that_issue_one_another_cost_a_bounded_number_of_signatures(
    monkeypatch: pytest.MonkeyPatch, root: t.Party
) -> None:
    pool = [x509.load_der_x509_certificate(t.issue(t.name("circle"), key=root.key).raw) for _ in range(32)]
    asked: list[object] = []
    issued = rfc3161._issued

    def counted(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
        asked.append(certificate)
        return issued(certificate, issuer)

    monkeypatch.setattr(rfc3161, "_issued", counted)
    assert rfc3161.build_path(pool[0], pool[1:], [])[1] is None
    assert len(asked) == rfc3161.MAX_CHECKS
