"""The verifier's trust file: which registries and which publisher keys this reader believes, by name.

```
{format: "incident-archive-trust/1",
 registries: [{name, chain_id, genesis, address, code_hash, workspace_chain}],
 publishers: [{address, name}],                      `claims` may follow: what the publisher says of itself elsewhere
 validator_sets: [...], consensus_rules: [...],      both optional: `archive.chain.consensus.pins`
 time_stamp_roots: [{name, certificate, policies?}], optional: root certificates of RFC 3161 authorities, as PEM
 bitcoin_headers: [{height, header}],                optional: headers of Bitcoin blocks, 160 hex digits each
 successions: [...]}                                 optional: signed statements, `archive.chain.succession`
```
Addresses and hashes are `0x` and lower-case hex. `code_hash` is keccak256 of the runtime code at the address.
A claim is `dns:NAME`, `ens:NAME` or `post:URL`: a note for the reader, shown as unverified and never looked up.
`workspace_chain` marks the embedded chain of the workspace the file lies in: it proves nothing about time.

Anybody can deploy a look-alike registry and emit the same event, so a registry or key that is not named here is
reported as unknown, never believed because a bundle says so.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from archive import jsontext
from archive.chain.consensus.pins import (
    history_of,
    pin_from_json,
    pin_to_json,
    rules_from_json,
    rules_to_json,
)
from archive.chain.consensus.rules import ChainRules
from archive.chain.consensus.sets import PinnedSet
from archive.chain.succession import Succession, parse_succession
from archive.errors import InvalidInputError, RefusedError, UsageError
from archive.workspace import write_atomic

TRUST_FORMAT: Final = "incident-archive-trust/1"
ENVIRONMENT_VARIABLE: Final = "ARCHIVE_TRUST"
MAX_TRUST_BYTES: Final = 4 * 1024 * 1024

_ADDRESS: Final = re.compile(r"0x[0-9a-f]{40}\Z")
_HASH: Final = re.compile(r"0x[0-9a-f]{64}\Z")
_MAX_NAME: Final = 200
_MAX_PEM: Final = 32 * 1024
_MAX_POLICIES: Final = 16
_OID: Final = re.compile(r"[0-2](\.(0|[1-9][0-9]{0,19})){1,20}\Z", re.ASCII)
_PEM: Final = re.compile(
    r"-----BEGIN CERTIFICATE-----\n((?:[A-Za-z0-9+/=]{1,76}\n)+)-----END CERTIFICATE-----\n\Z", re.ASCII
)
_OPTIONAL: Final = {"validator_sets", "consensus_rules", "time_stamp_roots", "bitcoin_headers", "successions"}
_CLAIM: Final = re.compile(r"(?:dns|ens|post):[!-~]{1,500}\Z")
_MAX_CLAIMS: Final = 16
_MAX_CHAIN_ID: Final = 2**53 - 1


@dataclass(frozen=True, slots=True)
class TrustedRegistry:
    """A registry contract the verifier believes, on one chain told by id and genesis block hash."""

    name: str
    chain_id: int
    genesis: str
    address: str
    code_hash: str
    workspace_chain: bool = False

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "chain_id": self.chain_id,
            "genesis": self.genesis,
            "address": self.address,
            "code_hash": self.code_hash,
            "workspace_chain": self.workspace_chain,
        }

    @property
    def key(self) -> tuple[int, str, str]:
        """What makes it this registry and no other."""
        return (self.chain_id, self.genesis, self.address)


@dataclass(frozen=True, slots=True)
class TrustedPublisher:
    """A publisher's key (its address), the name the verifier knows it by, and what the publisher claims to be."""

    address: str
    name: str
    claims: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        out: dict[str, Any] = {"address": self.address, "name": self.name}
        return {**out, "claims": list(self.claims)} if self.claims else out


@dataclass(frozen=True, slots=True)
class TimeStampRoot:
    """A root certificate of a time-stamp authority (PEM) and the name the verifier knows it by.

    `policies` are the OIDs of the policies that are accepted of it; none means any.
    """

    name: str
    certificate: str
    policies: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        out: dict[str, Any] = {"name": self.name, "certificate": self.certificate}
        return {**out, "policies": list(self.policies)} if self.policies else out

    @property
    def der(self) -> bytes:
        return pem_to_der(self.certificate)


@dataclass(frozen=True, slots=True)
class BitcoinHeader:
    """The 80 bytes of a Bitcoin block's header, in hex, and its height."""

    height: int
    header: str

    def to_json(self) -> dict[str, Any]:
        return {"height": self.height, "header": self.header}


@dataclass(frozen=True, slots=True)
class TrustFile:
    """A trust file. Values are never changed in place: each change returns a new one."""

    registries: tuple[TrustedRegistry, ...] = ()
    publishers: tuple[TrustedPublisher, ...] = ()
    validator_sets: tuple[PinnedSet, ...] = ()
    consensus_rules: tuple[ChainRules, ...] = ()
    time_stamp_roots: tuple[TimeStampRoot, ...] = ()
    bitcoin_headers: tuple[BitcoinHeader, ...] = ()
    successions: tuple[Succession, ...] = ()

    def to_json(self) -> dict[str, Any]:
        out: dict[str, Any] = {
            "format": TRUST_FORMAT,
            "registries": [r.to_json() for r in self.registries],
            "publishers": [p.to_json() for p in self.publishers],
        }
        if self.validator_sets:
            out["validator_sets"] = [pin_to_json(pin) for pin in self.validator_sets]
        if self.consensus_rules:
            out["consensus_rules"] = [rules_to_json(rules) for rules in self.consensus_rules]
        if self.time_stamp_roots:
            out["time_stamp_roots"] = [root.to_json() for root in self.time_stamp_roots]
        if self.bitcoin_headers:
            out["bitcoin_headers"] = [header.to_json() for header in self.bitcoin_headers]
        if self.successions:
            out["successions"] = [statement.to_json() for statement in self.successions]
        return out

    def to_bytes(self) -> bytes:
        return (json.dumps(self.to_json(), ensure_ascii=False, indent=2) + "\n").encode()

    def registry(self, chain_id: int, genesis: str, address: str) -> TrustedRegistry | None:
        """The trusted registry with this chain id, genesis and address, or None."""
        key = (chain_id, genesis.lower(), address.lower())
        return next((r for r in self.registries if r.key == key), None)

    def publisher(self, address: str) -> TrustedPublisher | None:
        """The trusted publisher with this address, or None."""
        return next((p for p in self.publishers if p.address == address.lower()), None)

    def with_registry(self, new: TrustedRegistry) -> TrustFile:
        """Add a registry; adding the same one again changes nothing.

        Raises:
            RefusedError: `trust.conflict`, when the same registry is there with other values, or its name is taken.
        """
        for old in self.registries:
            if old == new:
                return self
            if old.key == new.key:
                raise RefusedError(
                    f"registry {new.address} on chain {new.chain_id} is already trusted as {old.name!r} "
                    f"with code hash {old.code_hash}",
                    code="trust.conflict",
                    hint=f"look which one is right; `archive trust remove {old.name!r}` takes the old one out first",
                )
            if old.name == new.name:
                raise _name_taken(new.name)
        return replace(self, registries=(*self.registries, new))

    def with_publisher(self, new: TrustedPublisher) -> TrustFile:
        """Add a publisher key; adding the same one again changes nothing.

        Raises:
            RefusedError: `trust.conflict`, when the key is there under another name, or the name is taken.
        """
        for old in self.publishers:
            if old == new:
                return self
            if old.address == new.address:
                raise RefusedError(
                    f"publisher {new.address} is already trusted as {old.name!r}",
                    code="trust.conflict",
                    hint=f"`archive trust remove {new.address}` takes it out, then add it under the new name",
                )
            if old.name == new.name:
                raise _name_taken(new.name)
        return replace(self, publishers=(*self.publishers, new))

    def with_time_stamp_root(self, new: TimeStampRoot) -> TrustFile:
        """Add a root of a time-stamp authority; adding the same one again changes nothing.

        Raises:
            RefusedError: `trust.conflict`, when the certificate is there under another name, or the name is taken.
        """
        for old in self.time_stamp_roots:
            if old == new:
                return self
            if old.certificate == new.certificate:
                raise RefusedError(
                    f"this certificate is already trusted as {old.name!r}",
                    code="trust.conflict",
                    hint=f"`archive trust remove {old.name!r}` takes it out, then add it under the new name",
                )
            if old.name == new.name:
                raise _name_taken(new.name)
        return replace(self, time_stamp_roots=(*self.time_stamp_roots, new))

    def with_bitcoin_header(self, new: BitcoinHeader) -> TrustFile:
        """Add a Bitcoin header; adding the same one again changes nothing. Raises `trust.conflict`."""
        for old in self.bitcoin_headers:
            if old == new:
                return self
            if old.height == new.height:
                raise RefusedError(
                    f"another header is already trusted for Bitcoin block {new.height}",
                    code="trust.conflict",
                    hint=f"look which one is right; `archive trust remove bitcoin:{new.height}` takes the old one out",
                )
        return replace(self, bitcoin_headers=(*self.bitcoin_headers, new))

    def with_succession(self, new: Succession) -> TrustFile:
        """Add a signed succession; adding the same one again changes nothing.

        Raises:
            RefusedError: `trust.conflict`, when the same key named another successor.
        """
        for old in self.successions:
            if old == new:
                return self
            if old.old == new.old and old.new != new.new:
                raise RefusedError(
                    f"{new.old} is known to have named another successor, {old.new}",
                    code="trust.conflict",
                    hint="one of the two may come from a thief of the key: ask its holder by another way",
                )
        return replace(self, successions=(*self.successions, new))

    def without(self, name_or_address: str) -> TrustFile:
        """Take out everything with this name or address; `bitcoin:HEIGHT` is a Bitcoin header.

        Raises:
            RefusedError: `trust.not_found`, when there is none.
        """
        wanted = name_or_address.lower()
        registries = tuple(r for r in self.registries if r.name != name_or_address and r.address != wanted)
        publishers = tuple(p for p in self.publishers if p.name != name_or_address and p.address != wanted)
        roots = tuple(r for r in self.time_stamp_roots if r.name != name_or_address)
        headers = tuple(h for h in self.bitcoin_headers if f"bitcoin:{h.height}" != wanted)
        left = replace(
            self,
            registries=registries,
            publishers=publishers,
            time_stamp_roots=roots,
            bitcoin_headers=headers,
            successions=tuple(s for s in self.successions if wanted not in (s.old, s.new)),
        )
        if left == self:
            raise RefusedError(
                f"{name_or_address}: nothing of that name or address is trusted",
                code="trust.not_found",
                hint="`archive trust show` lists what is",
            )
        return left

    def with_validator_set(self, new: PinnedSet) -> TrustFile:
        """Add a pin; adding the same one again changes nothing.

        Raises:
            RefusedError: `trust.conflict`, when another pin covers the same epoch block.
        """
        held = history_of(self.validator_sets, new.chain_id, new.genesis)
        old = held.covering(new.number)
        if old is not None:
            known = {old.number: old.hash, old.last_number: old.last_hash}.get(new.number)
            if known == new.hash:
                return self
            raise RefusedError(
                f"epoch block {new.number} of chain {new.chain_id} is already pinned ({old.source})",
                code="trust.conflict",
                hint="one of the two is wrong: find out which, and take the wrong one out of the file",
            )
        return self.with_validator_sets(new.chain_id, new.genesis, (*held.pins, new))

    def with_validator_sets(self, chain_id: int, genesis: str, pins: Iterable[PinnedSet]) -> TrustFile:
        """All pins of one chain replaced by these."""
        others = [p for p in self.validator_sets if (p.chain_id, p.genesis) != (chain_id, genesis)]
        return replace(self, validator_sets=(*others, *sorted(pins, key=lambda pin: pin.number)))


def load_trust(path: Path) -> TrustFile:
    """Read a trust file; one that does not exist trusts nothing.

    Raises:
        InvalidInputError: `trust.unreadable`, or any code of `parse_trust`.
    """
    try:
        with path.open("rb") as handle:
            data = handle.read(MAX_TRUST_BYTES + 1)
    except FileNotFoundError:
        return TrustFile()
    except OSError as error:
        raise InvalidInputError(f"{path}: cannot be read: {error.strerror}", code="trust.unreadable") from error
    return parse_trust(data, name=str(path))


def save_trust(path: Path, trust: TrustFile) -> None:
    """Write a trust file atomically, after reading it back through the strict parser."""
    data = trust.to_bytes()
    parse_trust(data, name=str(path))
    write_atomic(path, data)


def parse_trust(data: bytes, *, name: str = "trust file") -> TrustFile:
    """Parse a trust file strictly.

    Raises:
        InvalidInputError: `trust.too_large`, `trust.not_json`, `trust.duplicate_key`, `trust.unknown_format`,
            `trust.unknown_key`, `trust.missing_key`, `trust.shape`, `trust.bad_address`, `trust.bad_hash`,
            `trust.bad_chain_id`, `trust.bad_name`, `trust.duplicate`, `trust.validator_set`,
            `trust.consensus_rules`, `trust.bad_policy`, `trust.bad_certificate`, `trust.bad_header`, `trust.bad_claim`,
            `succession.…`.
    """
    if len(data) > MAX_TRUST_BYTES:
        raise _wrong(name, "too_large", f"is larger than {MAX_TRUST_BYTES:,} bytes")

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise _wrong(name, "duplicate_key", "has an object with the same key twice")
        return found

    try:
        value = jsontext.loads(data, object_pairs_hook=unique)
    except ValueError as error:
        raise _wrong(name, "not_json", f"is not JSON: {error}") from error
    if not isinstance(value, dict) or value.get("format") != TRUST_FORMAT:
        raise _wrong(name, "unknown_format", f"is not of format {TRUST_FORMAT!r}")
    _exact(name, "the file", value, {"format", "registries", "publishers"}, _OPTIONAL)
    registries = tuple(_registry(name, i, item) for i, item in enumerate(_list(name, value, "registries")))
    publishers = tuple(_publisher(name, i, item) for i, item in enumerate(_list(name, value, "publishers")))
    pins = tuple(
        pin_from_json(item, partial(_bad_item, name, "validator_set", i))
        for i, item in enumerate(_list(name, value, "validator_sets"))
    )
    rules = tuple(
        rules_from_json(item, partial(_bad_item, name, "consensus_rules", i))
        for i, item in enumerate(_list(name, value, "consensus_rules"))
    )
    roots = tuple(_root(name, i, item) for i, item in enumerate(_list(name, value, "time_stamp_roots")))
    headers = tuple(_header(name, i, item) for i, item in enumerate(_list(name, value, "bitcoin_headers")))
    successions = tuple(
        parse_succession(item, name=f"{name}: succession {i}")
        for i, item in enumerate(_list(name, value, "successions"))
    )
    for what, values in (
        ("registry", [r.key for r in registries]),
        ("registry name", [r.name for r in registries]),
        ("publisher", [p.address for p in publishers]),
        ("publisher name", [p.name for p in publishers]),
        ("validator set", [(p.chain_id, p.genesis, p.number) for p in pins]),
        ("chain's rules", [(r.chain_id, r.genesis) for r in rules]),
        ("time-stamp root", [r.certificate for r in roots]),
        ("time-stamp root's name", [r.name for r in roots]),
        ("Bitcoin block", [h.height for h in headers]),
    ):
        if len(set(values)) != len(values):
            raise _wrong(name, "duplicate", f"has the same {what} twice")
    return TrustFile(registries, publishers, pins, rules, roots, headers, successions)


def pem_to_der(pem: str) -> bytes:
    """The bytes of one PEM certificate. Raises ValueError where the text is none."""
    match = _PEM.match(pem)
    if match is None:
        raise ValueError("not one PEM certificate")
    try:
        return base64.b64decode(match[1].replace("\n", ""), validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error


def checked_address(text: str) -> str:
    """An address from a person: lower case, after checking the EIP-55 checksum when the case is mixed.

    Raises:
        UsageError: `trust.bad_address`, `trust.bad_checksum`.
    """
    if not re.fullmatch(r"0x[0-9a-fA-F]{40}", text):
        raise UsageError(f"{text[:80]}: not an address (0x and 40 hex digits)", code="trust.bad_address")
    digits = text[2:]
    if digits not in (digits.lower(), digits.upper()) and text != to_checksum(text):
        raise UsageError(
            f"{text}: the capital letters do not fit the address (EIP-55 checksum); a character may be wrong",
            code="trust.bad_checksum",
            hint="copy the address again from its owner",
        )
    return text.lower()


def to_checksum(address: str) -> str:
    """The address with its EIP-55 capitals. Source: EIP-55."""
    from eth_hash.auto import keccak

    digits = address[2:].lower()
    digest = keccak(digits.encode()).hex()
    return "0x" + "".join(c.upper() if int(h, 16) >= 8 else c for c, h in zip(digits, digest, strict=False))


def checked_hash(text: str, what: str) -> str:
    """A 32-byte hash from a person, in lower case.

    Raises:
        UsageError: `trust.bad_hash`.
    """
    if not re.fullmatch(r"0x[0-9a-fA-F]{64}", text):
        raise UsageError(f"{what}: {text[:80]} is not 0x and 64 hex digits", code="trust.bad_hash")
    return text.lower()


def checked_claim(text: str) -> str:
    """An identity claim from a person. Raises `trust.bad_claim`."""
    if not _CLAIM.match(text):
        raise UsageError(f"{text[:80]}: a claim is dns:NAME, ens:NAME or post:URL", code="trust.bad_claim")
    return text


def checked_name(text: str) -> str:
    """A name from a person, trimmed.

    Raises:
        UsageError: `trust.bad_name`.
    """
    trimmed = text.strip()
    if not _good_name(trimmed):
        raise UsageError(f"a name is 1 to {_MAX_NAME} printable characters, found {text[:80]!r}", code="trust.bad_name")
    return trimmed


def _registry(name: str, index: int, item: Any) -> TrustedRegistry:
    where = f"registry {index}"
    _exact(name, where, item, {"name", "chain_id", "genesis", "address", "code_hash", "workspace_chain"})
    chain_id = item["chain_id"]
    if not isinstance(chain_id, int) or isinstance(chain_id, bool) or not 0 < chain_id <= _MAX_CHAIN_ID:
        raise _wrong(name, "bad_chain_id", f"{where}: chain_id is not a positive whole number")
    if not isinstance(item["workspace_chain"], bool):
        raise _wrong(name, "shape", f"{where}: workspace_chain is not true or false")
    return TrustedRegistry(
        name=_name(name, where, item["name"]),
        chain_id=chain_id,
        genesis=_hash(name, where, item["genesis"]),
        address=_address(name, where, item["address"]),
        code_hash=_hash(name, where, item["code_hash"]),
        workspace_chain=item["workspace_chain"],
    )


def _publisher(name: str, index: int, item: Any) -> TrustedPublisher:
    where = f"publisher {index}"
    _exact(name, where, item, {"address", "name"}, {"claims"})
    claims = _list(name, item, "claims")
    if len(claims) > _MAX_CLAIMS or not all(isinstance(claim, str) and _CLAIM.match(claim) for claim in claims):
        raise _wrong(name, "bad_claim", f"{where}: a claim is dns:NAME, ens:NAME or post:URL; at most {_MAX_CLAIMS}")
    return TrustedPublisher(_address(name, where, item["address"]), _name(name, where, item["name"]), tuple(claims))


def _root(name: str, index: int, item: Any) -> TimeStampRoot:
    where = f"time-stamp root {index}"
    _exact(name, where, item, {"name", "certificate"}, {"policies"})
    policies = _list(name, item, "policies")
    if len(policies) > _MAX_POLICIES or not all(isinstance(p, str) and _OID.match(p) for p in policies):
        raise _wrong(name, "bad_policy", f"{where}: policies is not a list of at most {_MAX_POLICIES} OIDs")
    certificate = item["certificate"]
    try:
        if not isinstance(certificate, str) or len(certificate) > _MAX_PEM:
            raise ValueError("not a short text")
        pem_to_der(certificate)
    except ValueError as error:
        raise _wrong(name, "bad_certificate", f"{where}: certificate is not one PEM certificate: {error}") from error
    return TimeStampRoot(_name(name, where, item["name"]), certificate, tuple(policies))


def _header(name: str, index: int, item: Any) -> BitcoinHeader:
    where = f"Bitcoin header {index}"
    _exact(name, where, item, {"height", "header"})
    height, header = item["height"], item["header"]
    if not isinstance(height, int) or isinstance(height, bool) or not 0 <= height < 2**31:
        raise _wrong(name, "bad_header", f"{where}: height is not a whole number")
    if not isinstance(header, str) or not re.fullmatch(r"[0-9a-f]{160}", header):
        raise _wrong(name, "bad_header", f"{where}: header is not 160 lower-case hex digits")
    return BitcoinHeader(height, header)


def _bad_item(name: str, rule: str, index: int, what: str) -> InvalidInputError:
    return _wrong(name, rule, f"{rule.replace('_', ' ')} {index}: {what}")


def _exact(name: str, where: str, item: Any, keys: set[str], optional: set[str] | None = None) -> None:
    if not isinstance(item, dict):
        raise _wrong(name, "shape", f"{where} is not an object")
    if missing := sorted(keys - set(item)):
        raise _wrong(name, "missing_key", f"{where} has no {missing[0]!r}")
    if unknown := sorted(set(item) - keys - (optional or set())):
        raise _wrong(name, "unknown_key", f"{where} has a key {unknown[0][:80]!r} that is not known")


def _list(name: str, value: dict[str, Any], key: str) -> list[Any]:
    items = value.get(key, [])
    if not isinstance(items, list):
        raise _wrong(name, "shape", f"{key!r} is not a list")
    return items


def _address(name: str, where: str, value: Any) -> str:
    if not isinstance(value, str) or not _ADDRESS.match(value):
        raise _wrong(name, "bad_address", f"{where}: address is not 0x and 40 lower-case hex digits")
    return value


def _hash(name: str, where: str, value: Any) -> str:
    if not isinstance(value, str) or not _HASH.match(value):
        raise _wrong(name, "bad_hash", f"{where}: a hash is not 0x and 64 lower-case hex digits")
    return value


def _name(name: str, where: str, value: Any) -> str:
    if not isinstance(value, str) or not _good_name(value):
        raise _wrong(name, "bad_name", f"{where}: name is not 1 to {_MAX_NAME} printable characters")
    return value


def _good_name(text: str) -> bool:
    # Names are printed beside verdicts: one that looks like an address or holds control characters could mislead.
    return 0 < len(text) <= _MAX_NAME and text.isprintable() and not text.lower().startswith("0x")


def _name_taken(name: str) -> RefusedError:
    return RefusedError(
        f"the name {name!r} is already in the trust file for something else",
        code="trust.conflict",
        hint="choose another name; `archive trust show` lists those in use",
    )


def _wrong(name: str, rule: str, what: str) -> InvalidInputError:
    return InvalidInputError(
        f"{name}: {what}", code=f"trust.{rule}", hint="mend the file, or write it anew with `archive trust add`"
    )
