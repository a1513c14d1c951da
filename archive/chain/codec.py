"""Bytes of the chain: hex strings, quantities, RLP and Keccak-256, each read strictly and within bounds.

`0x` + lower-case hex is the only form written and, in stored values, the only form read. Answers of an RPC node may use
upper-case digits (EIP-55 addresses do), so `data()` and `quantity()` take both.
"""

from __future__ import annotations

import re
from typing import Any, Final, TypeAlias

from eth_hash.auto import keccak as _keccak

from archive.errors import InvalidInputError

# What RLP decodes to: bytes, or lists of the same.
RlpItem: TypeAlias = "bytes | list[RlpItem]"

ZERO_WORD: Final = bytes(32)
MAX_RLP_BYTES: Final = 4 * 1024 * 1024

_DATA = re.compile(r"0x(?:[0-9a-fA-F]{2})*")
_QUANTITY = re.compile(r"0x(?:0|[1-9a-fA-F][0-9a-fA-F]{0,63})")


def keccak(data: bytes) -> bytes:
    """Keccak-256, the hash of Ethereum (not SHA3-256)."""
    return bytes(_keccak(data))


def to_hex(data: bytes) -> str:
    """`0x` + lower-case hex."""
    return "0x" + data.hex()


def from_hex(text: str) -> bytes:
    """Bytes of a string already known to be `0x` + hex of even length."""
    return bytes.fromhex(text[2:])


def data(value: object, what: str, *, size: int | None = None) -> bytes:
    """Bytes that a node answered as a hex string; anything else is `chain.rpc_bad_answer`."""
    if not isinstance(value, str) or _DATA.fullmatch(value) is None:
        raise bad_answer(what, "hex data", value)
    raw = bytes.fromhex(value[2:])
    if size is not None and len(raw) != size:
        raise bad_answer(what, f"{size} bytes", value)
    return raw


def quantity(value: object, what: str) -> int:
    """An integer that a node answered in the quantity form of Ethereum's JSON-RPC (`0x0`, no leading zeros)."""
    if not isinstance(value, str) or _QUANTITY.fullmatch(value) is None:
        raise bad_answer(what, "a hex quantity", value)
    return int(value, 16)


def bad_answer(what: str, expected: str, found: object) -> InvalidInputError:
    shown = repr(found)
    if len(shown) > 80:
        shown = shown[:77] + "..."
    return InvalidInputError(
        f"the node's answer is malformed: {what} is {shown}, expected {expected}",
        code="chain.rpc_bad_answer",
        hint="the node is broken or is not an Ethereum node; try another RPC URL",
    )


def int_bytes(value: int) -> bytes:
    """Shortest big-endian form; zero is the empty string (integers in RLP)."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def rlp_int(item: RlpItem) -> int:
    """An RLP integer of at most 256 bits; raises ValueError for lists, leading zeros and longer ones."""
    if not isinstance(item, bytes) or len(item) > 32 or item[:1] == b"\0":
        raise ValueError("not a canonical integer")
    return int.from_bytes(item, "big")


def rlp_decode(raw: bytes, *, max_bytes: int = MAX_RLP_BYTES) -> RlpItem:
    """Decode exactly one RLP item; raises ValueError when it is not canonical, too long or too deep."""
    import rlp

    if len(raw) > max_bytes:
        raise ValueError(f"{len(raw)} bytes, more than {max_bytes}")
    try:
        return _thaw(rlp.decode(raw, strict=True))
    except (rlp.exceptions.RLPException, RecursionError, IndexError, TypeError) as error:
        raise ValueError(f"not canonical RLP: {type(error).__name__}") from None


def rlp_list(raw: bytes) -> list[Any]:
    """The items of a list whose shape is known; raises ValueError, or TypeError when it is no list."""
    items = rlp_decode(raw)
    if not isinstance(items, list):
        raise TypeError("not a list")
    return items


def rlp_encode(item: RlpItem) -> bytes:
    import rlp

    return bytes(rlp.encode(item))


def _thaw(item: object) -> RlpItem:
    if isinstance(item, (list, tuple)):
        return [_thaw(part) for part in item]
    if isinstance(item, (bytes, bytearray)):
        return bytes(item)
    raise TypeError(type(item).__name__)
