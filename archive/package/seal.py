"""The seal: what a package needs beside the dossier to come out the same again (docs/format.md, section Withheld)."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from archive.errors import InvalidInputError
from archive.package import canonical
from archive.package.entries import EvidenceEntry, NotBefore, parse_not_before

FORMAT = "incident-archive-seal/1"
SEED_BYTES = 32
_SALT_LABEL = b"IA1-salt"
_MAX_SEAL_BYTES = 64 * 1024
_PUBLISHER = re.compile(r"0x[0-9a-f]{40}")
_SEED = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Seal:
    """Seed for the salts (32 bytes, secret), the publisher's address or None, and blocks seen before packing."""

    seed: bytes = field(repr=False)
    publisher: str | None = None
    not_before: tuple[NotBefore, ...] = ()

    def __post_init__(self) -> None:
        if len(self.seed) != SEED_BYTES:
            _fail("seed", f"the seal's seed has {len(self.seed)} bytes, not {SEED_BYTES}")
        if self.publisher is not None and not _PUBLISHER.fullmatch(self.publisher):
            _fail("publisher", "the seal's publisher is not 0x and 40 lower-case hex digits")

    @classmethod
    def generate(cls, publisher: str | None = None) -> Seal:
        """A seal with a fresh random seed."""
        return cls(secrets.token_bytes(SEED_BYTES), publisher)

    def to_bytes(self) -> bytes:
        """The seal's own file: canonical JSON. It holds a secret; write it with mode 0600."""
        return canonical.dumps(
            {
                "format": FORMAT,
                "seed": self.seed.hex(),
                "publisher": self.publisher,
                "not_before": [block.to_json() for block in self.not_before],
            }
        )


def parse_seal(data: bytes) -> Seal:
    """A seal from its file; raises `seal.…` or `canonical.…`."""
    value = canonical.loads(data, max_bytes=_MAX_SEAL_BYTES)
    if not isinstance(value, Mapping) or value.get("format") != FORMAT:
        _fail("format", f"not a seal of format {FORMAT}")
    if value.keys() != {"format", "seed", "publisher", "not_before"}:
        _fail("keys", "the seal must have exactly format, seed, publisher, not_before")
    seed, publisher, blocks = value["seed"], value["publisher"], value["not_before"]
    if not isinstance(seed, str) or not _SEED.fullmatch(seed):
        _fail("seed", "the seal's seed is not 64 lower-case hex digits")
    if not (publisher is None or isinstance(publisher, str)) or not isinstance(blocks, list):
        _fail("keys", "the seal's publisher must be text or null and not_before a list")
    return Seal(bytes.fromhex(seed), publisher, tuple(parse_not_before(block) for block in blocks))


def salt(seed: bytes, revision: int, evidence_id: str) -> bytes:
    """HMAC-SHA256(seed, "IA1-salt" ‖ 0x00 ‖ decimal revision ‖ 0x00 ‖ id), 32 bytes."""
    message = b"\x00".join((_SALT_LABEL, str(revision).encode("ascii"), evidence_id.encode("utf-8")))
    return hmac.new(seed, message, hashlib.sha256).digest()


def commitment(salt32: bytes, entry: EvidenceEntry) -> str:
    """SHA-256(0x02 ‖ salt ‖ JCS(full entry)), 64 hex digits; raises `seal.salt`."""
    if len(salt32) != SEED_BYTES:
        _fail("salt", f"a salt has {len(salt32)} bytes, not {SEED_BYTES}")
    return hashlib.sha256(b"\x02" + salt32 + canonical.dumps(entry.to_json())).hexdigest()


def _fail(code: str, message: str) -> NoReturn:
    raise InvalidInputError(message, code=f"seal.{code}")
