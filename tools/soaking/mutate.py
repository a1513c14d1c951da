"""Ways to spoil bytes and JSON values."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

_TOKENS = (
    *(b"\x00", b"\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\r\n", b"{", b"}", b"[", b"]", b'"', b",", b":", b"null"),
    *(b"NaN", b"-Infinity", b"1e999", b"0.1", b"-0", b"9007199254740993", b'"\\ud800"', b'"\\u0000"', b"&a [*a, *a]"),
    *(b"!!python/object:os.system", b"<<: *a", b"---\n", b"[" * 200, b"9" * 5000, b"e\xcc\x81", b"\xe2\x80\xae"),
)
_VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        0,
        -1,
        1,
        2**53,
        2**64,
        10**400,
        0.5,
        "",
        "0",
        "0x",
        "0x" + "00" * 32,
        "a/../b",
        "/etc/passwd",
        "\x00",
    ),
    *("e\u0301", "\ud800", "z" * 70_000, [], {}, [[]], {"": ""}, {"type": "header"}, {"type": "unknown"}),
)


def spoil_bytes(rng: random.Random, data: bytes, other: bytes = b"") -> bytes:
    """The bytes with one to eight random changes."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        position = rng.randrange(len(out) + 1)
        end = min(len(out), position + rng.choice((1, 2, 4, 32, 1000)))
        match rng.randrange(8):
            case 0 if out:
                out[min(position, len(out) - 1)] ^= 1 << rng.randrange(8)
            case 1:
                out[position:end] = rng.randbytes(end - position)
            case 2:
                del out[position:end]
            case 3:
                del out[position:]
            case 4:
                out[position:position] = rng.choice(_TOKENS)
            case 5:
                out[position:end] = rng.choice(_TOKENS)
            case 6:
                out[position:position] = out[position:end]
            case _:
                piece = rng.randrange(len(other) + 1)
                out[position:end] = other[piece : piece + rng.choice((1, 8, 200))]
    return bytes(out)


def spoil_json(rng: random.Random, value: Any) -> Any:
    """A copy of the JSON value with one to three nodes changed."""
    out = copy.deepcopy(value)
    for _ in range(rng.choice((1, 1, 2, 3))):
        places = list(_places(out))
        if not places:
            return rng.choice(_VALUES)
        parent, key = rng.choice(places)
        match rng.randrange(6):
            case 0:
                del parent[key]
            case 1:
                parent[key] = copy.deepcopy(rng.choice(_VALUES))
            case 2:
                parent[key] = _near(rng, parent[key])
            case 3:
                other, place = rng.choice(places)
                if not isinstance(other, list) or place < len(other):
                    parent[key] = copy.deepcopy(other.get(place) if isinstance(other, dict) else other[place])
            case 4 if isinstance(parent, list):
                parent.insert(rng.randrange(len(parent) + 1), copy.deepcopy(parent[key]))
            case _ if isinstance(parent, dict):
                parent[rng.choice(("x", "type", "path", "sha256", "id", key + " "))] = copy.deepcopy(
                    rng.choice(_VALUES)
                )
            case _:
                rng.shuffle(parent)
    return out


def json_bytes(rng: random.Random, value: Any) -> bytes:
    """The value as JSON text, canonical or not; a lone surrogate stays escaped."""
    compact = rng.random() < 0.7
    return json.dumps(
        value,
        ensure_ascii=rng.random() < 0.3 or _has_surrogate(value),
        sort_keys=compact,
        separators=(",", ":") if compact else None,
    ).encode()


def _places(value: Any) -> list[tuple[Any, Any]]:
    found, open_ = [], [value]
    while open_:
        node = open_.pop()
        items = (
            list(node.items()) if isinstance(node, dict) else list(enumerate(node)) if isinstance(node, list) else []
        )
        for key, child in items:
            found.append((node, key))
            open_.append(child)
    return found


def _near(rng: random.Random, value: Any) -> Any:
    """A value of the same kind that is almost the same."""
    if isinstance(value, bool) or value is None:
        return not value
    if isinstance(value, int):
        return value + rng.choice((-1, 1, 2**32))
    if isinstance(value, str) and value:
        place = rng.randrange(len(value))
        return value[:place] + rng.choice("0123456789abcdefxyz/ .-ÄZ") + value[place + 1 :]
    return [value]


def _has_surrogate(value: Any) -> bool:
    return any(0xD800 <= ord(sign) <= 0xDFFF for sign in json.dumps(value, ensure_ascii=False))
