"""Seals: what a package needs beside its dossier to come out the same again.

A seal is kept per incident in `<workspace>/secrets/seals/<id>.json`, mode 0600:

```
{"format": "incident-archive-seal/1", "incident": …, "seed": 64 hex digits, "publisher": "0x…"|null, "not_before": […]}
```

The seed feeds the salts of withheld items only. Whoever has it can test guesses at withheld facts against the published
commitments; whoever loses it can never reveal a withheld item. So it is never printed, and `backup` encrypts it.

A backup is JSON:

```
{"format": "incident-archive-seal-backup/1", "kdf": "scrypt", "n": …, "r": 8, "p": 1, "salt": hex,
 "cipher": "aes-256-gcm", "nonce": hex, "ciphertext": hex, "tag": hex}
```

The key is scrypt(password in UTF-8 NFKC, salt, n, r, p), 32 bytes; the plaintext is the UTF-8 JSON list of seals; the
canonical JSON of everything but `ciphertext` and `tag` is authenticated with it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from archive.errors import InvalidInputError, RefusedError, UsageError
from archive.workspace import Workspace, write_atomic

FORMAT = "incident-archive-seal/1"
BACKUP_FORMAT = "incident-archive-seal-backup/1"
SEED_BYTES = 32
MAX_BYTES = 16 * 1024 * 1024
# scrypt with 128 MiB: about half a second, out of reach for guessing in bulk.
SCRYPT_N = 1 << 17
SCRYPT_MAX_N = 1 << 20
_SCRYPT_R = 8
_SCRYPT_P = 1

_ID = re.compile(r"[0-9a-z-]{1,64}")
_ADDRESS = re.compile(r"0x[0-9a-f]{40}")
_SEED = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class StoredSeal:
    """One incident's seal. `seed` is 32 bytes; `repr` never shows it."""

    incident: str
    seed: bytes
    publisher: str | None = None
    not_before: tuple[dict[str, Any], ...] = ()

    def __repr__(self) -> str:
        return f"StoredSeal(incident={self.incident!r}, publisher={self.publisher!r}, seed=…)"

    def to_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "incident": self.incident,
            "seed": self.seed.hex(),
            "publisher": self.publisher,
            "not_before": list(self.not_before),
        }


def seal_path(workspace: Workspace, incident: str) -> Path:
    return workspace.secrets / "seals" / f"{incident}.json"


def new_seal(incident: str, *, random: Callable[[int], bytes] = os.urandom) -> StoredSeal:
    """A seal with a fresh seed; nothing is written."""
    return StoredSeal(incident=incident, seed=random(SEED_BYTES))


def load_seal(workspace: Workspace, incident: str) -> StoredSeal | None:
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
    seal = _parse(_read(path), str(path))
    if seal.incident != incident:
        raise InvalidInputError(
            f"{path}: this is the seal of {seal.incident}", code="seal.damaged", hint="restore it from your backup"
        )
    return seal


def save_seal(workspace: Workspace, seal: StoredSeal) -> Path:
    """Write a seal, mode 0600. An existing seal with another seed is never replaced (`seal.exists`)."""
    _check_id(seal.incident)
    held = load_seal(workspace, seal.incident)
    if held is not None and held.seed != seal.seed:
        raise RefusedError(
            f"{seal.incident}: this workspace already has another seal for this incident",
            code="seal.exists",
            hint="with another seed what was withheld before could not be revealed; nothing was changed",
        )
    folder = workspace.make_secrets() / "seals"
    folder.mkdir(mode=0o700, exist_ok=True)
    path = seal_path(workspace, seal.incident)
    write_atomic(path, (json.dumps(seal.to_json(), indent=2) + "\n").encode(), mode=0o600)
    return path


def with_publisher(seal: StoredSeal, publisher: str | None) -> StoredSeal:
    return replace(seal, publisher=publisher)


def list_seals(workspace: Workspace) -> list[StoredSeal]:
    """All seals of the workspace, by incident id."""
    found = []
    for path in sorted((workspace.secrets / "seals").glob("*.json")):
        seal = load_seal(workspace, path.stem)
        if seal is not None:
            found.append(seal)
    return found


def encrypt_backup(
    seals: list[StoredSeal], password: str, *, random: Callable[[int], bytes] = os.urandom, n: int = SCRYPT_N
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
    plaintext = json.dumps([seal.to_json() for seal in seals]).encode()
    key = _key(password, bytes.fromhex(envelope["salt"]), n)
    cipher = AES.new(key, AES.MODE_GCM, nonce=bytes.fromhex(envelope["nonce"]))
    cipher.update(_authenticated(envelope))
    ciphertext, tag = cipher.encrypt_and_digest(plaintext)
    envelope |= {"ciphertext": ciphertext.hex(), "tag": tag.hex()}
    return (json.dumps(envelope, indent=2) + "\n").encode()


def decrypt_backup(data: bytes, password: str, *, source: str) -> list[StoredSeal]:
    """The seals in a backup. Raises `seal.backup_damaged` or `seal.wrong_password`."""
    from Crypto.Cipher import AES

    envelope = _envelope(data, source)
    key = _key(password, bytes.fromhex(envelope["salt"]), envelope["n"])
    cipher = AES.new(key, AES.MODE_GCM, nonce=bytes.fromhex(envelope["nonce"]))
    cipher.update(_authenticated({k: v for k, v in envelope.items() if k not in ("ciphertext", "tag")}))
    try:
        plaintext = cipher.decrypt_and_verify(bytes.fromhex(envelope["ciphertext"]), bytes.fromhex(envelope["tag"]))
    except ValueError:
        raise InvalidInputError(
            f"{source}: the password does not open this backup, or the file was changed",
            code="seal.wrong_password",
            hint="check the password; nothing was restored",
        ) from None
    return [_parse(value, source) for value in json.loads(plaintext)]


def write_backup(path: Path, data: bytes) -> None:
    """Write a backup file, mode 0600, never over an existing file (`seal.backup_exists`)."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        raise RefusedError(
            f"{path}: a file of this name exists already",
            code="seal.backup_exists",
            hint="choose another name; a backup is never overwritten",
        ) from None
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be written: {error.strerror}", code="seal.backup_unwritable", hint="choose another place"
        ) from error
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(data)
        handle.flush()
        os.fsync(handle.fileno())


def restore(workspace: Workspace, seals: list[StoredSeal]) -> tuple[list[str], list[str]]:
    """Put seals into the workspace: (ids restored, ids already there). Refuses before the first write on a conflict."""
    new, held = [], []
    for seal in seals:
        existing = load_seal(workspace, seal.incident)
        if existing is None:
            new.append(seal)
        elif existing.seed == seal.seed:
            held.append(seal.incident)
        else:
            raise RefusedError(
                f"{seal.incident}: this workspace already has another seal for this incident",
                code="seal.exists",
                hint="nothing was restored; use another workspace, or move the seal that is there away first",
            )
    for seal in new:
        save_seal(workspace, seal)
    return [seal.incident for seal in new], held


def _check_id(incident: str) -> None:
    if not _ID.fullmatch(incident):
        raise InvalidInputError(f"{incident!r} is not an incident id", code="seal.damaged")


def _key(password: str, salt: bytes, n: int) -> bytes:
    text = unicodedata.normalize("NFKC", password).encode()
    memory = 256 * n * _SCRYPT_R
    return hashlib.scrypt(text, salt=salt, n=n, r=_SCRYPT_R, p=_SCRYPT_P, maxmem=memory, dklen=32)


def _authenticated(envelope: dict[str, Any]) -> bytes:
    return json.dumps(envelope, sort_keys=True, separators=(",", ":")).encode()


def _read(path: Path) -> Any:
    with path.open("rb") as handle:
        data = handle.read(MAX_BYTES + 1)
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise InvalidInputError(
            f"{path}: the seal cannot be read", code="seal.damaged", hint="restore it from your backup"
        ) from None


def _parse(value: Any, source: str) -> StoredSeal:
    keys = {"format", "incident", "seed", "publisher", "not_before"}
    well_formed = (
        isinstance(value, dict)
        and value.keys() == keys
        and value["format"] == FORMAT
        and isinstance(value["incident"], str)
        and _ID.fullmatch(value["incident"])
        and isinstance(value["seed"], str)
        and _SEED.fullmatch(value["seed"])
        and (
            value["publisher"] is None
            or (isinstance(value["publisher"], str) and _ADDRESS.fullmatch(value["publisher"]))
        )
        and isinstance(value["not_before"], list)
        and all(isinstance(item, dict) for item in value["not_before"])
    )
    if not well_formed:
        raise InvalidInputError(
            f"{source}: this is not a seal of format {FORMAT}", code="seal.damaged", hint="restore it from your backup"
        )
    return StoredSeal(value["incident"], bytes.fromhex(value["seed"]), value["publisher"], tuple(value["not_before"]))


def _envelope(data: bytes, source: str) -> dict[str, Any]:
    damaged = InvalidInputError(
        f"{source}: this is not a seal backup of format {BACKUP_FORMAT}",
        code="seal.backup_damaged",
        hint="use the file that 'archive seal backup' wrote",
    )
    if len(data) > MAX_BYTES:
        raise damaged
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        raise damaged from None
    fixed = {"format": BACKUP_FORMAT, "kdf": "scrypt", "r": _SCRYPT_R, "p": _SCRYPT_P, "cipher": "aes-256-gcm"}
    lengths = {"salt": 32, "nonce": 12, "tag": 16, "ciphertext": None}
    if not isinstance(value, dict) or value.keys() != {*fixed, *lengths, "n"}:
        raise damaged
    n = value["n"]
    # A hostile file must not make us allocate without bound.
    if type(n) is not int or not 2 <= n <= SCRYPT_MAX_N or n & (n - 1) or any(value[k] != v for k, v in fixed.items()):
        raise damaged
    for name, length in lengths.items():
        text = value[name]
        if not isinstance(text, str) or not re.fullmatch(r"([0-9a-f]{2})*", text):
            raise damaged
        if length is not None and len(text) != 2 * length:
            raise damaged
    return value
