"""Seeded changes to JSON and to bytes: what a careless or hostile hand could do to a bundle, a trust file, a reveal."""

from __future__ import annotations

import copy
import json
from random import Random
from typing import Any

ODD: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2**53 - 1, 2**53, 1.5, "", " ", "x", "0x", "00" * 32, "0x" + "00" * 32,
    "0x" + "ab" * 20, "../a", "a/../b", "evidence/log.txt", "café", "e\u0301", "\u2028", "true", "01", "-0",
    "2025-02-30", "2025-10-10T21:36", "bafkrei" + "a" * 52, [], [[]], {}, {"a": "b"}, {"type": "evidence"},
    "constructor", "__proto__",
)  # fmt: skip
_HEX = "0123456789abcdef"


def change_json(value: Any, random: Random) -> Any:
    """A copy with one thing changed somewhere."""
    out = copy.deepcopy(value)
    places = list(_places(out))
    holder, key = random.choice(places)
    what = random.randrange(7)
    old = holder[key]
    if what == 0:
        del holder[key]
    elif what == 1:
        holder[key] = copy.deepcopy(random.choice(ODD))
    elif what == 2 and isinstance(old, str) and old:
        holder[key] = _change_text(old, random)
    elif what == 3 and isinstance(old, int) and not isinstance(old, bool):
        holder[key] = old + random.choice((-1, 1, 2**31, 10**9))
    elif what == 4 and isinstance(holder, list):
        holder.insert(random.randrange(len(holder) + 1), copy.deepcopy(old))
    elif what == 5 and isinstance(holder, list):
        other = random.randrange(len(holder))
        holder[key], holder[other] = holder[other], holder[key]
    elif isinstance(holder, dict):
        name = random.choice((str(key) + "x", "x", *holder))
        holder[name] = holder.pop(key)
    else:
        holder[key] = copy.deepcopy(random.choice(places)[0])
    return out


def change_bytes(data: bytes, random: Random) -> bytes:
    """One bit flipped, a piece lost or doubled, or something put in."""
    place = random.randrange(max(1, len(data)))
    length = random.choice((1, 2, 7, 64))
    what = random.randrange(5)
    if what == 0 and data:
        return data[:place] + bytes([data[place] ^ 1 << random.randrange(8)]) + data[place + 1 :]
    if what == 1:
        return data[:place]
    if what == 2:
        return data[:place] + data[place + length :]
    if what == 3:
        return data[:place] + data[place : place + length] + data[place:]
    put = random.choice((b"\x00", b'"', b"\\", b"{", b"]", b",", b"\r\n", b"\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80"))
    return data[:place] + put + data[place:]


def to_bytes(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def _change_text(text: str, random: Random) -> str:
    place = random.randrange(len(text))
    old = text[place]
    new = random.choice(_HEX) if old in _HEX else random.choice((old.swapcase(), "-", "é", " "))
    return random.choice(
        (text[:place] + new + text[place + 1 :], text[:place], text + old, text[:place] + text[place + 1 :])
    )


def _places(value: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    todo = [value]
    while todo:
        item = todo.pop()
        keys = list(item) if isinstance(item, dict) else range(len(item))
        for key in keys:
            found.append((item, key))
            if isinstance(item[key], (dict, list)):
                todo.append(item[key])
    return found
