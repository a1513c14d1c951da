"""Succession of publisher keys: a key signs, off chain, which key comes after it. Base libraries only.

```
{format: "incident-archive-succession/1", old, new, signed_at, signature}
```
`old` and `new` are addresses, `signed_at` is what the old key says (RFC 3339 with `Z`; nothing proves it), `signature`
is the old key's EIP-191 personal message over the JCS of the object without `signature`, 65 bytes `r ‖ s ‖ v` in hex.

A verifier follows statements that it holds from a key that it trusts. It never follows a key that signed two
successors: one of the two may come from a thief, and nothing here can tell which. A stolen key can name a successor of
its own, so a succession carries the trust in the old key on, and no more than that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from archive.chain.codec import from_hex, keccak, to_hex
from archive.chain.eip712 import recover
from archive.errors import InvalidInputError
from archive.package import canonical

SUCCESSION_FORMAT: Final = "incident-archive-succession/1"
MAX_BYTES: Final = 4096
MAX_LENGTH: Final = 16
_ADDRESS: Final = re.compile(r"0x[0-9a-f]{40}\Z")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z")
_SIGNATURE: Final = re.compile(r"0x[0-9a-f]{130}\Z")


@dataclass(frozen=True, slots=True)
class Succession:
    """A signed statement of `old` that `new` comes after it; the signature is checked by `parse_succession`."""

    old: str
    new: str
    signed_at: str
    signature: str = ""

    def to_json(self) -> dict[str, str]:
        return {**self._said(), "signature": self.signature}

    def message(self) -> bytes:
        """What is signed, as an EIP-191 personal message."""
        return canonical.dumps(self._said())

    def signed(self, signature: bytes) -> Succession:
        return replace(self, signature=to_hex(signature))

    def _said(self) -> dict[str, str]:
        return {"format": SUCCESSION_FORMAT, "old": self.old, "new": self.new, "signed_at": self.signed_at}


def read_succession(data: bytes, *, name: str = "succession") -> Succession:
    """Read a statement's file; raises the codes of `parse_succession` and of canonical JSON."""
    return parse_succession(canonical.loads(data, max_bytes=MAX_BYTES), name=name)


def parse_succession(value: Any, *, name: str = "succession") -> Succession:
    """Read a statement strictly, and check its signature.

    Raises:
        InvalidInputError: `succession.unknown_format`, `succession.shape`, `succession.signature`.
    """
    if not isinstance(value, dict) or value.get("format") != SUCCESSION_FORMAT:
        raise InvalidInputError(f"{name}: not of format {SUCCESSION_FORMAT!r}", code="succession.unknown_format")
    patterns = {"old": _ADDRESS, "new": _ADDRESS, "signed_at": _TIME, "signature": _SIGNATURE}
    if set(value) != {"format", *patterns}:
        raise InvalidInputError(f"{name}: has other keys than the format", code="succession.shape")
    for key, pattern in patterns.items():
        if not isinstance(value[key], str) or pattern.match(value[key]) is None:
            raise InvalidInputError(f"{name}: {key} is not as the format says", code="succession.shape")
    found = Succession(value["old"], value["new"], value["signed_at"], value["signature"])
    if found.old == found.new:
        raise InvalidInputError(f"{name}: a key cannot come after itself", code="succession.shape")
    message = found.message()
    digest = keccak(b"\x19Ethereum Signed Message:\n" + str(len(message)).encode() + message)
    if recover(digest, from_hex(found.signature)) != found.old:
        raise InvalidInputError(
            f"{name}: the signature is not that of the old key {found.old}",
            code="succession.signature",
            hint="ask for the statement again, from the holder of the old key",
        )
    return found


def line_to(successions: Iterable[Succession], trusted: Iterable[str], key: str) -> tuple[str, ...] | None:
    """The keys from a trusted one to `key`, both included, each the only successor that the one before named.

    None when there is no such line of at most 16 successions. Statements must have been read by `parse_succession`.
    """
    named: dict[str, set[str]] = {}
    for statement in successions:
        named.setdefault(statement.old, set()).add(statement.new)
    for start in trusted:
        line = [start]
        while len(line) <= MAX_LENGTH + 1:
            if line[-1] == key:
                return tuple(line)
            after = named.get(line[-1], set())
            if len(after) != 1 or (following := next(iter(after))) in line:
                break
            line.append(following)
    return None


def keys_of(successions: Iterable[Succession], key: str) -> tuple[str, ...]:
    """Every key that statements connect with `key`, before or after it; for looking, not for trusting."""
    statements = list(successions)
    found = [key]
    for current in found:
        if len(found) > 2 * MAX_LENGTH:
            break
        for statement in statements:
            for one, other in ((statement.old, statement.new), (statement.new, statement.old)):
                if one == current and other not in found:
                    found.append(other)
    return tuple(found)
