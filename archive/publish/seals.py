"""Seals: what a package needs beside its dossier to come out the same again.

A seal is kept per incident in `<workspace>/secrets/seals/<id>.json`, mode 0600, in the form of
`archive.package.seal.Seal`. Its seed feeds the salts of withheld items only. Whoever has it can test guesses at
withheld facts against the published commitments; whoever loses it can never reveal a withheld item. So it is never
printed, and a backup is encrypted:

```
{"format": "incident-archive-seal-backup/1", "kdf": "scrypt", "n": …, "r": 8, "p": 1, "salt": hex,
 "cipher": "aes-256-gcm", "nonce": hex, "ciphertext": hex, "tag": hex}
```

The key is scrypt(password in UTF-8 NFKC, salt, n, r, p), 32 bytes; the plaintext is the canonical JSON object of
incident id → seal; the canonical JSON of everything but `ciphertext` and `tag` is authenticated with it.
"""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from archive.errors import ArchiveError, InvalidInputError, RefusedError, UsageError
from archive.package import canonical
from archive.package.entries import is_id
from archive.package.seal import SEED_BYTES, Seal, parse_seal
from archive.workspace import Workspace, write_atomic

BACKUP_FORMAT = "incident-archive-seal-backup/1"
MAX_BYTES = 16 * 1024 * 1024
# scrypt with 128 MiB: about half a second, out of reach for guessing in bulk.
SCRYPT_N = 1 << 17
SCRYPT_MAX_N = 1 << 20
_SCRYPT_R = 8
_SCRYPT_P = 1


def seal_path(workspace: Workspace, incident: str) -> Path:
    return workspace.secrets / "seals" / f"{incident}.json"


def new_seal(*, random: Callable[[int], bytes] = os.urandom) -> Seal:
    """A seal with a fresh seed; nothing is written."""
    return Seal(seed=random(SEED_BYTES))


def load_seal(workspace: Workspace, incident: str) -> Seal | None:
    """The seal of this incident, or None when the workspace has none. Raises `seal.damaged`, `seal.readable`."""
    path = seal_path(workspace, incident)
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    if status.st_mode & 0o077:
        raise RefusedError(
            f"{path}: the seal can be read by other users of this machine",
            code="seal.readable",
            hint=f"chmod 600 {path}; if others may have read it, treat what is withheld as open to guessing",
        )
    try:
        return parse_seal(path.read_bytes())
    except ArchiveError as error:
        raise InvalidInputError(
            f"{path}: the seal is damaged: {error.message}", code="seal.damaged", hint="restore it from your backup"
        ) from error


def save_seal(workspace: Workspace, incident: str, seal: Seal) -> Path:
    """Write a seal, mode 0600. An existing seal with another seed is never replaced (`seal.exists`)."""
    if not is_id(incident):
        raise InvalidInputError(f"{incident[:80]!a} is not an incident id", code="seal.damaged")
    held = load_seal(workspace, incident)
    if held is not None and held.seed != seal.seed:
        raise _conflict(incident)
    folder = workspace.make_secrets() / "seals"
    folder.mkdir(mode=0o700, exist_ok=True)
    path = seal_path(workspace, incident)
    write_atomic(path, seal.to_bytes(), mode=0o600)
    return path


def all_seals(workspace: Workspace) -> dict[str, Seal]:
    """All seals of the workspace by incident id, in order."""
    found = {}
    for path in sorted((workspace.secrets / "seals").glob("*.json")):
        seal = load_seal(workspace, path.stem)
        if seal is not None:
            found[path.stem] = seal
    return found


def encrypt_backup(
    seals: Mapping[str, Seal], password: str, *, random: Callable[[int], bytes] = os.urandom, n: int = SCRYPT_N
) -> bytes:
    """The bytes of a backup file of these seals. Raises `seal.empty_password`."""
    from Crypto.Cipher import AES

    if not password:
        raise UsageError("an empty password protects nothing", code="seal.empty_password", hint="choose a password")
    envelope: dict[str, Any] = {
        "format": BACKUP_FORMAT,
        "kdf": "scrypt",
        "n": n,
        "r": _SCRYPT_R,
        "p": _SCRYPT_P,
        "salt": random(32).hex(),
        "cipher": "aes-256-gcm",
        "nonce": random(12).hex(),
    }
    plaintext = canonical.dumps({k: canonical.loads(v.to_bytes(), max_bytes=MAX_BYTES) for k, v in seals.items()})
    key = _key(password, bytes.fromhex(envelope["salt"]), n)
    cipher = AES.new(key, AES.MODE_GCM, nonce=bytes.fromhex(envelope["nonce"]))
    cipher.update(canonical.dumps(envelope))
    ciphertext, tag = cipher.encrypt_and_digest(plaintext)
    return canonical.dumps(envelope | {"ciphertext": ciphertext.hex(), "tag": tag.hex()}) + b"\n"


def decrypt_backup(data: bytes, password: str, *, source: str) -> dict[str, Seal]:
    """The seals in a backup, by incident id. Raises `seal.backup_damaged` or `seal.wrong_password`."""
    from Crypto.Cipher import AES

    envelope = _envelope(data, source)
    ciphertext, tag = bytes.fromhex(envelope.pop("ciphertext")), bytes.fromhex(envelope.pop("tag"))
    key = _key(password, bytes.fromhex(envelope["salt"]), envelope["n"])
    cipher = AES.new(key, AES.MODE_GCM, nonce=bytes.fromhex(envelope["nonce"]))
    cipher.update(canonical.dumps(envelope))
    try:
        plaintext = cipher.decrypt_and_verify(ciphertext, tag)
    except ValueError:
        raise InvalidInputError(
            f"{source}: the password does not open this backup, or the file was changed",
            code="seal.wrong_password",
            hint="check the password; nothing was restored",
        ) from None
    seals = canonical.loads(plaintext, max_bytes=MAX_BYTES)
    if not isinstance(seals, dict) or not all(is_id(incident) for incident in seals):
        raise _damaged(source)
    return {incident: parse_seal(canonical.dumps(value)) for incident, value in seals.items()}


def refuse_existing(path: Path) -> None:
    """Raise `seal.backup_exists` before a password is asked for."""
    if path.exists() or path.is_symlink():
        raise RefusedError(
            f"{path}: a file of this name exists already",
            code="seal.backup_exists",
            hint="choose another name; a backup is never overwritten",
        )


def read_backup(path: Path) -> bytes:
    """The bytes of a backup file, bounded. Raises `seal.backup_unreadable`."""
    try:
        with path.open("rb") as handle:
            return handle.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be read: {error.strerror}", code="seal.backup_unreadable", hint="check the name"
        ) from None


def write_backup(path: Path, data: bytes) -> None:
    """Write a backup file, mode 0600, never over an existing file (`seal.backup_exists`)."""
    refuse_existing(path)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be written: {error.strerror}", code="seal.backup_unwritable", hint="choose another place"
        ) from error
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(data)
        handle.flush()
        os.fsync(handle.fileno())


def restore(workspace: Workspace, seals: Mapping[str, Seal]) -> tuple[list[str], list[str]]:
    """Put seals into the workspace: (ids restored, ids already there). Refuses before the first write on a conflict."""
    new, held = [], []
    for incident, seal in seals.items():
        existing = load_seal(workspace, incident)
        if existing is None:
            new.append(incident)
        elif existing.seed == seal.seed:
            held.append(incident)
        else:
            raise _conflict(incident)
    for incident in new:
        save_seal(workspace, incident, seals[incident])
    return new, held


def _conflict(incident: str) -> RefusedError:
    return RefusedError(
        f"{incident}: this workspace already has another seal for this incident",
        code="seal.exists",
        hint="with another seed what was withheld before could not be revealed; nothing was changed",
    )


def _damaged(source: str) -> InvalidInputError:
    return InvalidInputError(
        f"{source}: this is not a seal backup of format {BACKUP_FORMAT}",
        code="seal.backup_damaged",
        hint="use the file that 'archive seal backup' wrote",
    )


def _key(password: str, salt: bytes, n: int) -> bytes:
    text = unicodedata.normalize("NFKC", password).encode()
    memory = 256 * n * _SCRYPT_R
    return hashlib.scrypt(text, salt=salt, n=n, r=_SCRYPT_R, p=_SCRYPT_P, maxmem=memory, dklen=32)


def _envelope(data: bytes, source: str) -> dict[str, Any]:
    try:
        value = canonical.loads(data, max_bytes=MAX_BYTES)
    except ArchiveError:
        raise _damaged(source) from None
    fixed = {"format": BACKUP_FORMAT, "kdf": "scrypt", "r": _SCRYPT_R, "p": _SCRYPT_P, "cipher": "aes-256-gcm"}
    lengths = {"salt": 32, "nonce": 12, "tag": 16, "ciphertext": None}
    if not isinstance(value, dict) or value.keys() != {*fixed, *lengths, "n"}:
        raise _damaged(source)
    n = value["n"]
    # A hostile file must not make us allocate without bound.
    if type(n) is not int or not 2 <= n <= SCRYPT_MAX_N or n & (n - 1) or any(value[k] != v for k, v in fixed.items()):
        raise _damaged(source)
    for name, length in lengths.items():
        text = value[name]
        if not isinstance(text, str) or not re.fullmatch(r"([0-9a-f]{2})*", text):
            raise _damaged(source)
        if length is not None and len(text) != 2 * length:
            raise _damaged(source)
    return value
