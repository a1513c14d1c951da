"""What a verdict asks for: the required checks, and a policy file that may ask for more.

```
{format: "incident-archive-policy/1", require: [code …], waive: [code …], quorum: k,
 publishers: [{address, name, from, until} …],
 endorsers: {need: k, keys: [{address, name, from, until} …]}}
```
`publishers`, which may be absent, says whose packages count: the anchor's key must be one of them, and the anchor's
time within its window; this adds the required check `policy.publisher`. `endorsers` asks for endorsements of this very
root by `need` of the keys, each within its window, and adds `policy.endorsers`. `from` and `until` are RFC 3339 times
with `Z`, both included, or null; they and `name` may be absent. Neither list adds trust: a publisher's key must be in
the trust file too.
`quorum`, which may be absent, is how many nodes must agree about a block; the command line can only raise it.
`require` adds checks; `waive` takes required ones away, but never `bytes`, `merkle`, `content_id` or `anchor.log`:
without those nothing was verified. A rule this version does not know is an error: a policy never fails open.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from archive import jsontext
from archive.errors import InvalidInputError

POLICY_FORMAT: Final = "incident-archive-policy/1"
NEVER_WAIVED: Final = ("bytes", "merkle", "content_id", "anchor.log")
REQUIRED: Final = (*NEVER_WAIVED, "anchor.registry", "chain.header", "origin.publisher", "origin.trusted")
# Each anchor has its own; one anchor must have them all, so that no verdict is pieced together from two. So it is with
# any other check of an anchor that a policy asks for.
PER_ANCHOR: Final = frozenset(
    {
        "anchor.log",
        "anchor.registry",
        "chain.header",
        "chain.consensus",
        "chain.final",
        "origin.publisher",
        "origin.trusted",
        "policy.publisher",
    }
)
MAX_KEYS: Final = 64
MAX_QUORUM: Final = 64
_MAX_BYTES: Final = 64 * 1024
_ADDRESS: Final = re.compile(r"0x[0-9a-f]{40}\Z")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z")
_CODE: Final = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)*\Z")


@dataclass(frozen=True, slots=True)
class PolicyKey:
    """A key that counts, from and until when (seconds since 1970, both included; None for no limit)."""

    address: str
    name: str | None = None
    valid_from: int | None = None
    valid_until: int | None = None

    def covers(self, time: int) -> bool:
        return (self.valid_from is None or time >= self.valid_from) and (
            self.valid_until is None or time <= self.valid_until
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """The codes that must all pass, in the order they are shown; who counts, and how many endorsers are needed.

    `publishers` is None where any trusted one does; `need` is 0 where no endorsements are asked for.
    """

    required: tuple[str, ...] = REQUIRED
    quorum: int | None = None
    publishers: tuple[PolicyKey, ...] | None = None
    endorsers: tuple[PolicyKey, ...] = ()
    need: int = 0


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
    if unknown := sorted(set(value) - {"format", "require", "waive", "quorum", "publishers", "endorsers"}):
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
    publishers = _keys(name, "'publishers'", value["publishers"]) if "publishers" in value else None
    need, endorsers = _endorsers(name, value["endorsers"]) if "endorsers" in value else (0, ())
    more = [*(["policy.publisher"] if publishers is not None else []), *(["policy.endorsers"] if need else [])]
    if waived := sorted(set(more) & set(waive)):
        raise _wrong(name, "shape", f"both asks for and waives {waived[0]!r}")
    kept = [code for code in REQUIRED if code not in waive]
    return Policy(tuple(dict.fromkeys([*kept, *more, *require])), quorum, publishers, endorsers, need)


def _endorsers(name: str, value: Any) -> tuple[int, tuple[PolicyKey, ...]]:
    if not isinstance(value, dict) or set(value) != {"need", "keys"}:
        raise _wrong(name, "shape", "'endorsers' does not have exactly the keys need and keys")
    keys = _keys(name, "'endorsers'", value["keys"])
    need = value["need"]
    if type(need) is not int or not 1 <= need <= len(keys):
        raise _wrong(name, "shape", f"'need' is not a whole number from 1 to {len(keys)}, the number of keys")
    return need, keys


def _keys(name: str, where: str, value: Any) -> tuple[PolicyKey, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_KEYS:
        raise _wrong(name, "shape", f"{where} is not a list of 1 to {MAX_KEYS} keys")
    keys = []
    for item in value:
        if not isinstance(item, dict) or not isinstance(item.get("address"), str):
            raise _wrong(name, "shape", f"{where}: a key has no address")
        if unknown := sorted(set(item) - {"address", "name", "from", "until"}):
            raise _wrong(name, "unknown_key", f"{where}: a key has {unknown[0][:80]!r}, which is not known")
        if _ADDRESS.match(item["address"]) is None:
            raise _wrong(name, "shape", f"{where}: an address is not 0x and 40 lower-case hex digits")
        label = item.get("name")
        if label is not None and not (isinstance(label, str) and 0 < len(label) <= 200 and label.isprintable()):
            raise _wrong(name, "shape", f"{where}: a name is not printable text")
        times = [_time(name, where, item.get(key)) for key in ("from", "until")]
        keys.append(PolicyKey(item["address"], label, *times))
    if len({key.address for key in keys}) != len(keys):
        raise _wrong(name, "shape", f"{where} has the same key twice")
    return tuple(keys)


def _time(name: str, where: str, value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, str) and _TIME.match(value):
        try:
            return int(datetime.fromisoformat(value).timestamp())
        except ValueError:
            pass
    raise _wrong(name, "shape", f"{where}: a time is not like 2026-01-31T12:00:00Z")


def _codes(name: str, value: dict[str, Any], key: str) -> list[str]:
    codes = value.get(key, [])
    if not isinstance(codes, list) or not all(isinstance(c, str) and _CODE.match(c) for c in codes):
        raise _wrong(name, "shape", f"{key!r} is not a list of check codes")
    return codes


def _wrong(name: str, rule: str, what: str) -> InvalidInputError:
    return InvalidInputError(f"{name}: {what}", code=f"policy.{rule}", hint="mend the policy file")
