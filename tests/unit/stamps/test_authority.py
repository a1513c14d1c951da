"""Authorities that answer wrongly: what they send does no harm to a bundle."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509

from archive.errors import InvalidInputError
from archive.stamps import rfc3161
from archive.stamps.authority import request_token
from archive.stamps.config import AuthorityConfig
from archive.stamps.entries import subject_message
from tests.support.clocks import Answer, Authority, serve


def test_a_signer_that_its_own_answers_call_revoked_is_refused(tmp_path: Path, root: str) -> None:
    """Kept, it would make every later verification of the bundle fail."""
    made: list[Authority] = []

    def handle(method: str, path: str, body: bytes) -> Answer:
        (tsa,) = made
        if path == "/crl":
            return 200, tsa.crl(revoked=datetime.now(UTC), reason=x509.ReasonFlags.key_compromise)
        return tsa.handle(method, path, body)

    with serve(handle) as url:
        made.append(Authority(tmp_path / "tsa", crl_url=f"{url}/crl"))
        config = AuthorityConfig("tsa", url)
        roots = [rfc3161.Root("root", made[0].root_der)]
        with pytest.raises(InvalidInputError) as caught:
            request_token(config, subject_message(root), roots)
    assert caught.value.code == "stamp.authority.bad_token"
    assert "revoked" in caught.value.message


def test_an_address_of_answers_that_is_none_is_noted(tmp_path: Path, root: str) -> None:
    tsa = Authority(tmp_path / "tsa", crl_url="http://[", ocsp_url="ldap://directory.example")
    with serve(tsa.handle) as url:
        roots = [rfc3161.Root("root", tsa.root_der)]
        new = request_token(AuthorityConfig("tsa", url), subject_message(root), roots)
    assert new.checked.status == "pass"
    assert new.token.crls == new.token.ocsp == ()
    assert sum("no revocation answer" in note for note in new.notes) == 2
