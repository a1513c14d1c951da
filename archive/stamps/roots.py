"""Reading the root certificate of an authority that somebody is about to trust. Needs the extra `stamps`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from archive.errors import InvalidInputError
from archive.stamps import cms
from archive.stamps.rfc3161 import require_library

_MAX_BYTES: Final = 64 * 1024


def read_root(path: Path) -> tuple[str, str]:
    """The certificate of a PEM or DER file as PEM, and its subject with the SHA-256 of its DER for a person to compare.

    Raises:
        InvalidInputError: `trust.bad_certificate`: unreadable, not one certificate, or no root (not self-signed, or not
            of an authority).
        MissingDependencyError: `stamp.no_rfc3161`.
    """
    require_library()
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import Encoding

    try:
        with path.open("rb") as handle:
            data = handle.read(_MAX_BYTES + 1)
    except OSError as error:
        raise _bad(path, f"cannot be read: {error.strerror}") from error
    try:
        if b"-----BEGIN" in data:
            found = x509.load_pem_x509_certificates(data[:_MAX_BYTES])
        else:
            found = [x509.load_der_x509_certificate(data[:_MAX_BYTES])]
        if len(found) != 1:
            raise _bad(path, f"holds {len(found)} certificates; name a file with the root alone")
        (root,) = found
        root.verify_directly_issued_by(root)
        if not root.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            raise _bad(path, "is not the certificate of an authority")
    except cms.unreadable(InvalidSignature, x509.ExtensionNotFound):
        raise _bad(path, "is no root certificate (self-signed, of an authority)") from None
    digest = root.fingerprint(hashes.SHA256()).hex()
    return root.public_bytes(Encoding.PEM).decode("ascii"), f"{root.subject.rfc4514_string()}, SHA-256 {digest}"


def _bad(path: Path, what: str) -> InvalidInputError:
    return InvalidInputError(
        f"{path}: {what}", code="trust.bad_certificate", hint="get the root certificate from the authority's own site"
    )
