"""What a verdict asks for: the required checks, and a policy file that may ask for more.

```
{format: "incident-archive-policy/1", require: [code …], waive: [code …], quorum: k}
```
`quorum`, which may be absent, is how many nodes must agree about a block; the command line can only raise it.
`require` adds checks; `waive` takes required ones away, but never `bytes`, `merkle`, `content_id` or `anchor.log`:
without those nothing was verified. A rule this version does not know is an error: a policy never fails open.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from archive import jsontext
from archive.errors import InvalidInputError

POLICY_FORMAT: Final = "incident-archive-policy/1"
NEVER_WAIVED: Final = ("bytes", "merkle", "content_id", "anchor.log")
REQUIRED: Final = (*NEVER_WAIVED, "anchor.registry", "chain.header", "origin.publisher", "origin.trusted")
# Each anchor has its own; one anchor must have them all, so that no verdict is pieced together from two.
PER_ANCHOR: Final = frozenset(
    {
        "anchor.log",
        "anchor.registry",
        "chain.header",
        "chain.consensus",
        "chain.final",
        "origin.publisher",
        "origin.trusted",
    }
)
MAX_QUORUM: Final = 64
_MAX_BYTES: Final = 64 * 1024
_CODE: Final = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)*\Z")


@dataclass(frozen=True, slots=True)
class Policy:
    """The codes that must all pass, in the order they are shown."""

    required: tuple[str, ...] = REQUIRED
    quorum: int | None = None


def read_policy(path: Path) -> Policy:
    """Read a policy file; raises `policy.unreadable` or any code of `parse_policy`."""
    try:
        with path.open("rb") as handle:
            data = handle.read(_MAX_BYTES + 1)
    except OSError as error:
        raise InvalidInputError(f"{path}: cannot be read: {error.strerror}", code="policy.unreadable") from error
    return parse_policy(data, name=str(path))


def parse_policy(data: bytes, *, name: str = "policy") -> Policy:
    """Parse a policy strictly.

    Raises:
        InvalidInputError: `policy.too_large`, `policy.not_json`, `policy.duplicate_key`, `policy.unknown_format`,
            `policy.unknown_key`, `policy.shape`, `policy.cannot_waive`.
    """
    if len(data) > _MAX_BYTES:
        raise _wrong(name, "too_large", f"is larger than {_MAX_BYTES:,} bytes")

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise _wrong(name, "duplicate_key", "has the same key twice")
        return found

    try:
        value = jsontext.loads(data, object_pairs_hook=unique)
    except ValueError as error:
        raise _wrong(name, "not_json", f"is not JSON: {error}") from error
    if not isinstance(value, dict) or value.get("format") != POLICY_FORMAT:
        raise _wrong(name, "unknown_format", f"is not of format {POLICY_FORMAT!r}")
    if unknown := sorted(set(value) - {"format", "require", "waive", "quorum"}):
        raise _wrong(name, "unknown_key", f"asks for {unknown[0][:80]!r}, which this version cannot check")
    require, waive = _codes(name, value, "require"), _codes(name, value, "waive")
    for code in waive:
        if code in NEVER_WAIVED:
            raise _wrong(name, "cannot_waive", f"cannot waive {code!r}: without it nothing is verified")
        if code in require:
            raise _wrong(name, "shape", f"both requires and waives {code!r}")
    quorum = value.get("quorum")
    if quorum is not None and (type(quorum) is not int or not 1 <= quorum <= MAX_QUORUM):
        raise _wrong(name, "shape", f"'quorum' is not a whole number from 1 to {MAX_QUORUM}")
    kept = [code for code in REQUIRED if code not in waive]
    return Policy(tuple(dict.fromkeys([*kept, *require])), quorum)


def _codes(name: str, value: dict[str, Any], key: str) -> list[str]:
    codes = value.get(key, [])
    if not isinstance(codes, list) or not all(isinstance(c, str) and _CODE.match(c) for c in codes):
        raise _wrong(name, "shape", f"{key!r} is not a list of check codes")
    return codes


def _wrong(name: str, rule: str, what: str) -> InvalidInputError:
    return InvalidInputError(f"{name}: {what}", code=f"policy.{rule}", hint="mend the policy file")
