"""Signed requests to a registry: what is signed (EIP-712), and the files they travel in. Base libraries only.

A request is signed without a network and sent by anybody. Its digest binds chain id, registry and account, so it can be
used nowhere else; the registry does each act once for each account and root, so it cannot be used twice.

```
{format: "incident-archive-request/1", chain_id, registry, act: "anchor" | "endorse" | "withdraw" | "retract",
 message: {…}, signature}
```
`message` has the members of the act's type in `TYPES`, in snake case: addresses and the incident key as `0x` + hex,
roots and content digests as 64 hex digits (`previous` may be null), `deadline` as an integer of seconds since 1970.
Source of the types: `contracts/src/interfaces/IIncidentRegistry.sol`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, get_args

from archive.chain import registry
from archive.chain.codec import ZERO_WORD, from_hex, keccak, to_hex
from archive.errors import InvalidInputError

REQUEST_FORMAT: Final = "incident-archive-request/1"
MAX_REQUEST_BYTES: Final = 64 * 1024
MAX_SIGNATURE_BYTES: Final = 8 * 1024
MAX_REASON_BYTES: Final = 512
MAX_DEADLINE: Final = 2**53 - 1
NAME: Final = "IncidentArchive"
VERSION: Final = "1"

ActName = Literal["anchor", "endorse", "withdraw", "retract"]

DOMAIN_TYPE: Final = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
TYPES: Final[dict[ActName, str]] = {
    "anchor": "Anchor(address publisher,bytes32 incident,bytes32 root,bytes32 previous,bytes32 contentDigest,"
    "uint256 deadline)",
    "endorse": "Endorse(address endorser,bytes32 root,uint256 deadline)",
    "withdraw": "Withdraw(address endorser,bytes32 root,uint256 deadline)",
    "retract": "Retract(address publisher,bytes32 root,string reason,uint256 deadline)",
}
ANCHOR_FOR: Final = "anchorFor(address,bytes32,bytes32,bytes32,bytes32,uint256,bytes)"
_RELAYS: Final[dict[ActName, str]] = {
    "anchor": ANCHOR_FOR,
    "endorse": "endorseFor(address,bytes32,uint256,bytes)",
    "withdraw": "withdrawFor(address,bytes32,uint256,bytes)",
    "retract": "retractFor(address,bytes32,string,uint256,bytes)",
}
_ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_ADDRESS: Final = re.compile(r"0x[0-9a-f]{40}\Z")
_KEY: Final = re.compile(r"0x[0-9a-f]{64}\Z")
_HEX64: Final = re.compile(r"[0-9a-f]{64}\Z")
_RAW: Final = re.compile(r"0x(?:[0-9a-f]{2})*\Z")


@dataclass(frozen=True, slots=True)
class AnchorAct:
    """The publisher asks for an anchor; words are 32 bytes, `previous` zero for none."""

    account: str
    call: registry.AnchorCall

    name: Literal["anchor"] = "anchor"

    @property
    def root(self) -> bytes:
        return self.call.root


@dataclass(frozen=True, slots=True)
class EndorseAct:
    """The endorser endorses (`endorse`), or withdraws for good (`withdraw`)."""

    account: str
    root: bytes
    name: Literal["endorse", "withdraw"] = "endorse"


@dataclass(frozen=True, slots=True)
class RetractAct:
    """The publisher takes back a root; the reason has 1 to 512 bytes of UTF-8."""

    account: str
    root: bytes
    reason: str

    name: Literal["retract"] = "retract"


Act: TypeAlias = AnchorAct | EndorseAct | RetractAct


@dataclass(frozen=True, slots=True)
class Request:
    """An act, where and until when it may be done, and the signature (None before it is signed)."""

    chain_id: int
    registry: str
    act: Act
    deadline: int
    signature: bytes | None = None

    def struct_hash(self) -> bytes:
        """hashStruct of EIP-712."""
        act = self.act
        account = registry.address_word(act.account)
        words: tuple[bytes, ...]
        if isinstance(act, AnchorAct):
            call = act.call
            words = (account, call.incident, call.root, call.previous, call.content_digest)
        elif isinstance(act, RetractAct):
            words = (account, act.root, keccak(act.reason.encode()))
        else:
            words = (account, act.root)
        return keccak(keccak(TYPES[act.name].encode()) + b"".join(words) + registry.int_word(self.deadline))

    def digest(self) -> bytes:
        """The 32 bytes that are signed."""
        return keccak(b"\x19\x01" + domain_separator(self.chain_id, self.registry) + self.struct_hash())

    def relay_call(self) -> bytes:
        """Calldata of the registry's `…For`; needs the signature."""
        act = self.act
        account, deadline = registry.address_word(act.account), registry.int_word(self.deadline)
        parts: list[bytes | _Dynamic]
        if isinstance(act, AnchorAct):
            call = act.call
            parts = [account, call.incident, call.root, call.previous, call.content_digest, deadline]
        elif isinstance(act, RetractAct):
            parts = [account, act.root, _Dynamic(act.reason.encode()), deadline]
        else:
            parts = [account, act.root, deadline]
        return registry.selector(_RELAYS[act.name]) + _encode([*parts, _Dynamic(self.signature or b"")])

    def signer(self) -> str | None:
        """The address whose key made the signature; None where it is not one of a key (then a wallet may know it)."""
        return None if self.signature is None else recover(self.digest(), self.signature)

    def typed_data(self) -> dict[str, Any]:
        """The request in the JSON form that wallets take (`eth_signTypedData_v4`)."""
        members = [tuple(part.split(" ")) for part in TYPES[self.act.name].split("(")[1][:-1].split(",")]
        domain = [tuple(part.split(" ")) for part in DOMAIN_TYPE.split("(")[1][:-1].split(",")]
        primary = TYPES[self.act.name].split("(")[0]
        values: dict[str, Any] = {"publisher": self.act.account, "endorser": self.act.account}
        values |= {"root": to_hex(self.act.root), "deadline": self.deadline}
        if isinstance(self.act, AnchorAct):
            call = self.act.call
            values |= {"incident": to_hex(call.incident), "previous": to_hex(call.previous)}
            values |= {"contentDigest": to_hex(call.content_digest)}
        if isinstance(self.act, RetractAct):
            values["reason"] = self.act.reason
        return {
            "types": {
                "EIP712Domain": [{"type": kind, "name": name} for kind, name in domain],
                primary: [{"type": kind, "name": name} for kind, name in members],
            },
            "primaryType": primary,
            "domain": {
                "name": NAME,
                "version": VERSION,
                "chainId": self.chain_id,
                "verifyingContract": self.registry,
            },
            "message": {name: values[name] for _, name in members},
        }

    def to_json(self) -> dict[str, Any]:
        act = self.act
        message: dict[str, Any]
        if isinstance(act, AnchorAct):
            call = act.call
            message = {
                "publisher": act.account,
                "incident": to_hex(call.incident),
                "root": call.root.hex(),
                "previous": None if call.previous == ZERO_WORD else call.previous.hex(),
                "content_digest": call.content_digest.hex(),
            }
        elif isinstance(act, RetractAct):
            message = {"publisher": act.account, "root": act.root.hex(), "reason": act.reason}
        else:
            message = {"endorser": act.account, "root": act.root.hex()}
        return {
            "format": REQUEST_FORMAT,
            "chain_id": self.chain_id,
            "registry": self.registry,
            "act": act.name,
            "message": {**message, "deadline": self.deadline},
            "signature": None if self.signature is None else to_hex(self.signature),
        }


@dataclass(frozen=True, slots=True)
class _Dynamic:
    data: bytes


def _encode(parts: list[bytes | _Dynamic]) -> bytes:
    """ABI encoding of one-word and `bytes`/`string` arguments."""
    head, tail = b"", b""
    for part in parts:
        if isinstance(part, bytes):
            head += part
        else:
            head += registry.int_word(len(parts) * registry.WORD + len(tail))
            padded = part.data + bytes(-len(part.data) % registry.WORD)
            tail += registry.int_word(len(part.data)) + padded
    return head + tail


def retract_call(root: bytes, reason: str) -> bytes:
    """Calldata of `retract(bytes32,string)`."""
    return registry.selector("retract(bytes32,string)") + _encode([root, _Dynamic(reason.encode())])


def cancel_call(request: Request) -> bytes:
    """Calldata of `cancel(bytes32)`, by which the signer makes the request unusable."""
    return registry.encode_call("cancel(bytes32)", (request.digest(),))


def direct_call(act: Act) -> bytes:
    """Calldata of the act as its own account sends it."""
    if isinstance(act, AnchorAct):
        return act.call.encode()
    if isinstance(act, RetractAct):
        return retract_call(act.root, act.reason)
    return registry.encode_call(f"{act.name}(bytes32)", (act.root,))


def domain_separator(chain_id: int, contract: str) -> bytes:
    words = (NAME.encode(), VERSION.encode())
    return keccak(
        keccak(DOMAIN_TYPE.encode())
        + b"".join(keccak(word) for word in words)
        + registry.int_word(chain_id)
        + registry.address_word(contract)
    )


def recover(digest: bytes, signature: bytes) -> str | None:
    """The address whose key signed; None for what the registry refuses too: not 65 bytes, high s, v not 27 or 28."""
    from eth_keys.datatypes import Signature
    from eth_keys.exceptions import BadSignature
    from eth_utils.exceptions import ValidationError

    if len(signature) != 65 or signature[64] not in (27, 28):
        return None
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    if not 0 < r < _ORDER or not 0 < s <= _ORDER // 2:
        return None
    try:
        key = Signature(vrs=(signature[64] - 27, r, s)).recover_public_key_from_msg_hash(digest)
    except (BadSignature, ValidationError):
        return None
    return to_hex(key.to_canonical_address())


def decode_anchor_for(calldata: bytes, chain_id: int, contract: str) -> Request | None:
    """The signed request in a call of `anchorFor` and nothing else, encoded as compilers do; None for any other."""
    words = 7
    start = 4 + words * registry.WORD
    if calldata[:4] != registry.selector(ANCHOR_FOR) or len(calldata) < start + registry.WORD:
        return None
    account, incident, root, previous, digest, deadline, _ = registry.split_words(calldata[4:start], words)
    size = int.from_bytes(calldata[start : start + registry.WORD], "big")
    if size > MAX_SIGNATURE_BYTES or any(account[:12]):
        return None
    signature = calldata[start + registry.WORD :][:size]
    act = AnchorAct(to_hex(account[12:]), registry.AnchorCall(incident, root, previous, digest))
    request = Request(chain_id, contract, act, int.from_bytes(deadline, "big"), signature)
    return request if request.relay_call() == calldata else None


def parse_request(data: bytes, *, name: str = "request") -> Request:
    """Read a request file strictly; the signature is not judged here.

    Raises:
        InvalidInputError: `request.too_large`, `request.unknown_format`, `request.shape`, or a rule of canonical JSON
            (`canonical.…`).
    """
    from archive.package import canonical

    if len(data) > MAX_REQUEST_BYTES:
        raise InvalidInputError(f"{name}: larger than {MAX_REQUEST_BYTES:,} bytes", code="request.too_large")
    value = canonical.loads(data, max_bytes=MAX_REQUEST_BYTES)
    if not isinstance(value, dict) or value.get("format") != REQUEST_FORMAT:
        raise InvalidInputError(f"{name}: not of format {REQUEST_FORMAT!r}", code="request.unknown_format")
    try:
        return _read(value)
    except ValueError as error:
        raise InvalidInputError(
            f"{name}: {error}", code="request.shape", hint="make it again with `archive sign`"
        ) from None


def _read(value: dict[str, Any]) -> Request:
    _exact(value, {"format", "chain_id", "registry", "act", "message", "signature"}, "the request")
    name, message = value["act"], value["message"]
    if name not in get_args(ActName):
        raise ValueError(f"the act {str(name)[:40]!r} is not known")
    chain_id = _integer(value["chain_id"], "chain_id", 1)
    contract = _text(value["registry"], _ADDRESS, "registry")
    signature = None
    if value["signature"] is not None:
        signature = from_hex(_text(value["signature"], _RAW, "signature"))
        if not 0 < len(signature) <= MAX_SIGNATURE_BYTES:
            raise ValueError(f"signature is not 1 to {MAX_SIGNATURE_BYTES} bytes")
    who = "endorser" if name in ("endorse", "withdraw") else "publisher"
    more = {"anchor": {"incident", "previous", "content_digest"}, "retract": {"reason"}}.get(name, set())
    _exact(message, {who, "root", "deadline", *more}, "the message")
    account = _text(message[who], _ADDRESS, who)
    root = bytes.fromhex(_text(message["root"], _HEX64, "root"))
    act: Act
    if name == "anchor":
        previous = message["previous"]
        act = AnchorAct(
            account,
            registry.AnchorCall(
                from_hex(_text(message["incident"], _KEY, "incident")),
                root,
                ZERO_WORD if previous is None else bytes.fromhex(_text(previous, _HEX64, "previous")),
                bytes.fromhex(_text(message["content_digest"], _HEX64, "content_digest")),
            ),
        )
    elif name == "retract":
        act = RetractAct(account, root, checked_reason(message["reason"]))
    else:
        act = EndorseAct(account, root, name)
    return Request(chain_id, contract, act, _integer(message["deadline"], "deadline", 0), signature)


def checked_reason(reason: object) -> str:
    """A reason of 1 to 512 bytes of printable text; raises ValueError."""
    if not isinstance(reason, str) or not reason.strip() or not reason.isprintable():
        raise ValueError("reason is not printable text")
    if len(reason.encode()) > MAX_REASON_BYTES:
        raise ValueError(f"reason is longer than {MAX_REASON_BYTES} bytes")
    return reason


def _exact(value: object, keys: set[str], what: str) -> None:
    if not isinstance(value, dict) or set(value) != keys:
        raise ValueError(f"{what} does not have exactly the keys {', '.join(sorted(keys))}")


def _integer(value: object, what: str, least: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= MAX_DEADLINE:
        raise ValueError(f"{what} is not a whole number in range")
    return value


def _text(value: object, pattern: re.Pattern[str], what: str) -> str:
    if not isinstance(value, str) or pattern.match(value) is None:
        raise ValueError(f"{what} is not lower-case hex of the right size")
    return value


__all__ = [
    "Act",
    "AnchorAct",
    "EndorseAct",
    "Request",
    "RetractAct",
    "cancel_call",
    "checked_reason",
    "decode_anchor_for",
    "direct_call",
    "domain_separator",
    "parse_request",
    "recover",
    "retract_call",
]
