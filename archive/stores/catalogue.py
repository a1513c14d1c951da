"""The catalogue: what a publisher published, signed, so that packages are found without scanning logs.

```
{format: "incident-archive-catalogue/1", publisher,
 entries: [{id, revision, root, content_id, bundle, chain_id, registry, block, transaction} …],
 signature}
```
`signature` is an EIP-191 personal message over the canonical JSON of the object without `signature`: 65 bytes r ‖ s ‖ v
in hex. It proves who wrote the list and nothing about its entries: each is verified by its own bundle.
Entries are sorted by id, revision, chain id, registry, transaction.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final

from archive.errors import InvalidInputError, UsageError
from archive.package import canonical
from archive.workspace import write_atomic

CATALOGUE_FORMAT: Final = "incident-archive-catalogue/1"
MAX_CATALOGUE_BYTES: Final = 16 << 20
MAX_ENTRIES: Final = 65_536

Signer = Callable[[bytes], bytes]
"""Signs the message (not its digest) as an EIP-191 personal message; 65 bytes r ‖ s ‖ v."""

_PATTERNS: Final = {
    "id": re.compile(r"[0-9a-z]([0-9a-z-]{0,62}[0-9a-z])?"),
    "root": re.compile(r"[0-9a-f]{64}"),
    "content_id": re.compile(r"bafybei[a-z2-7]{52}"),
    "bundle": re.compile(r"(bafybei|bafkrei)[a-z2-7]{52}"),
    "registry": re.compile(r"0x[0-9a-f]{40}"),
    "transaction": re.compile(r"0x[0-9a-f]{64}"),
}
_ADDRESS: Final = re.compile(r"0x[0-9a-f]{40}")
_SIGNATURE: Final = re.compile(r"0x[0-9a-f]{130}")
# half the order of secp256k1: of two valid signatures only the lower is accepted
_HALF_ORDER: Final = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


@dataclass(frozen=True, slots=True, order=True)
class CatalogueEntry:
    """One anchored revision. Hashes as everywhere: root bare hex, Ethereum things with `0x`."""

    id: str
    revision: int
    chain_id: int
    registry: str
    transaction: str
    root: str = field(compare=False)
    content_id: str = field(compare=False)
    bundle: str = field(compare=False)
    block: int = field(compare=False)

    def to_json(self) -> dict[str, canonical.Json]:
        return {name: getattr(self, name) for name in _NAMES}

    @property
    def key(self) -> tuple[str, int, int, str]:
        """There is one entry for each revision in each registry."""
        return (self.id, self.revision, self.chain_id, self.registry)


_NAMES: Final = tuple(f.name for f in fields(CatalogueEntry))
_INTEGERS: Final = {"revision": 1, "chain_id": 1, "block": 0}


@dataclass(frozen=True, slots=True)
class Catalogue:
    """A catalogue whose shape was checked. `signature` is None until it is signed."""

    publisher: str
    entries: tuple[CatalogueEntry, ...] = ()
    signature: str | None = None

    def message(self) -> bytes:
        """The bytes that are signed."""
        return canonical.dumps(self._unsigned())

    def to_bytes(self) -> bytes:
        """The file: canonical JSON with the signature; `catalogue.unsigned` when there is none."""
        if self.signature is None:
            raise InvalidInputError("the catalogue is not signed", code="catalogue.unsigned")
        return canonical.dumps({**self._unsigned(), "signature": self.signature})

    def _unsigned(self) -> dict[str, canonical.Json]:
        return {
            "format": CATALOGUE_FORMAT,
            "publisher": self.publisher,
            "entries": [entry.to_json() for entry in self.entries],
        }

    def find(self, incident: str, revision: int | None = None) -> CatalogueEntry | None:
        """The entry of an incident: the given revision, else the latest."""
        found = [e for e in self.entries if e.id == incident and revision in (None, e.revision)]
        return found[-1] if found else None

    def updated(self, new: Iterable[CatalogueEntry]) -> Catalogue:
        """An unsigned catalogue with these entries added, each replacing the one of the same revision and registry."""
        merged = {entry.key: entry for entry in self.entries}
        merged.update({entry.key: entry for entry in new})
        return replace(self, entries=tuple(sorted(merged.values())), signature=None)

    def signed(self, signer: Signer) -> Catalogue:
        """Sign, and make sure that the signature is the publisher's (`catalogue.wrong_signer`)."""
        done = replace(self, signature="0x" + signer(self.message()).hex())
        done.verify()
        return done

    def verify(self) -> None:
        """Raise `catalogue.unsigned`, `catalogue.bad_signature` or `catalogue.wrong_signer`."""
        if self.signature is None:
            raise InvalidInputError("the catalogue is not signed", code="catalogue.unsigned")
        found = recover_signer(self.message(), bytes.fromhex(self.signature[2:]))
        if found != self.publisher:
            raise InvalidInputError(
                f"catalogue: signed by another key (expected {self.publisher}, found {found})",
                code="catalogue.wrong_signer",
                hint="it was changed after signing, or is not this publisher's",
            )


def recover_signer(message: bytes, signature: bytes) -> str:
    """Address that signed `message` as an EIP-191 personal message (`catalogue.bad_signature` when none did)."""
    from eth_hash.auto import keccak
    from eth_keys.datatypes import Signature
    from eth_keys.exceptions import BadSignature
    from eth_utils.exceptions import ValidationError

    digest = keccak(b"\x19Ethereum Signed Message:\n" + str(len(message)).encode() + message)
    bad = InvalidInputError("catalogue: the signature is not a valid one", code="catalogue.bad_signature")
    if len(signature) != 65 or signature[64] not in (27, 28):
        raise bad
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    if s > _HALF_ORDER:
        raise bad
    try:
        public = Signature(vrs=(signature[64] - 27, r, s)).recover_public_key_from_msg_hash(digest)
    except (BadSignature, ValidationError, ValueError):
        raise bad from None
    return str(public.to_address())


def parse_catalogue(data: bytes, *, name: str = "catalogue") -> Catalogue:
    """Read a catalogue strictly; shape, bounds and order only, the signature is `Catalogue.verify`'s."""
    value = canonical.loads(data, max_bytes=MAX_CATALOGUE_BYTES)
    if not isinstance(value, dict) or value.get("format") != CATALOGUE_FORMAT:
        raise _bad(name, "it is not a catalogue of format 1", "catalogue.format")
    if set(value) != {"format", "publisher", "entries", "signature"}:
        raise _bad(name, "its keys are not format, publisher, entries, signature")
    publisher, signature, entries = value["publisher"], value["signature"], value["entries"]
    if not isinstance(publisher, str) or not _ADDRESS.fullmatch(publisher):
        raise _bad(name, "publisher is not an address")
    if not isinstance(signature, str) or not _SIGNATURE.fullmatch(signature):
        raise _bad(name, "signature is not 65 bytes of hex")
    if not isinstance(entries, list) or len(entries) > MAX_ENTRIES:
        raise _bad(name, f"entries is not a list of at most {MAX_ENTRIES:,}")
    parsed = tuple(_entry(name, index, item) for index, item in enumerate(entries))
    if list(parsed) != sorted(parsed) or len({entry.key for entry in parsed}) != len(parsed):
        raise _bad(name, "entries are not sorted, or one is listed twice", "catalogue.order")
    return Catalogue(publisher=publisher, entries=parsed, signature=signature)


def load_catalogue(path: Path) -> Catalogue | None:
    """The catalogue in a file, its signature verified; None when there is no file."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_CATALOGUE_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})", code="catalogue.unreadable") from None
    catalogue = parse_catalogue(data, name=str(path))
    catalogue.verify()
    return catalogue


def save_catalogue(path: Path, catalogue: Catalogue) -> None:
    """Write a signed catalogue; a reader sees the old one or the new one, nothing between."""
    write_atomic(path, catalogue.to_bytes())


def update_catalogue(path: Path, publisher: str, new: Iterable[CatalogueEntry], signer: Signer) -> Catalogue:
    """Add entries to the catalogue at `path` (made when missing), sign it, write it.

    A catalogue of another publisher is never overwritten: `catalogue.other_publisher`.
    """
    old = load_catalogue(path) or Catalogue(publisher=publisher)
    if old.publisher != publisher:
        raise InvalidInputError(
            f"{path}: is the catalogue of {old.publisher}, not of {publisher}",
            code="catalogue.other_publisher",
            hint="publish with the same key, or move the old catalogue away",
        )
    updated = old.updated(new)
    if updated.entries == old.entries and old.signature is not None:
        same = [entry.to_json() for entry in updated.entries] == [entry.to_json() for entry in old.entries]
        if same:
            return old
    done = updated.signed(signer)
    save_catalogue(path, done)
    return done


def _entry(name: str, index: int, item: Any) -> CatalogueEntry:
    where = f"entries[{index}]"
    if not isinstance(item, dict) or set(item) != set(_NAMES):
        raise _bad(name, f"{where}: its keys are not {', '.join(_NAMES)}")
    for key, pattern in _PATTERNS.items():
        if not isinstance(item[key], str) or not pattern.fullmatch(item[key]):
            raise _bad(name, f"{where}.{key} is malformed")
    for key, low in _INTEGERS.items():
        if type(item[key]) is not int or item[key] < low:
            raise _bad(name, f"{where}.{key} is not an integer of at least {low}")
    return CatalogueEntry(**item)


def _bad(name: str, what: str, code: str = "catalogue.malformed") -> InvalidInputError:
    return InvalidInputError(f"{name}: {what}", code=code, hint="fetch it again, or ask its publisher")
