"""A strict reader of DER (X.690), as much of it as a time-stamp token needs. Pure.

Libraries that check a token's signature check its chain first and in one call, so that an unknown root hides a wrong
signature. This reads the few fields that are needed to tell the two apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NoReturn

from archive.errors import InvalidInputError

INTEGER: Final = 0x02
OCTET_STRING: Final = 0x04
OID: Final = 0x06
SEQUENCE: Final = 0x30
SET: Final = 0x31
CONTEXT_0: Final = 0xA0
CONTEXT_1: Final = 0xA1
_MAX_CHILDREN: Final = 256


@dataclass(frozen=True, slots=True)
class Node:
    """One value: its tag byte, its content, and the whole of it with tag and length."""

    tag: int
    content: bytes
    raw: bytes

    def children(self) -> list[Node]:
        """The values inside a constructed one. Raises `stamp.rfc3161.der`."""
        if not self.tag & 0x20:
            _fail(f"tag {self.tag:#04x} holds no values")
        found = []
        data = self.content
        while data:
            node, data = read(data)
            found.append(node)
            if len(found) > _MAX_CHILDREN:
                _fail(f"more than {_MAX_CHILDREN} values in one")
        return found


def read(data: bytes) -> tuple[Node, bytes]:
    """The first value and what follows it. Raises `stamp.rfc3161.der`."""
    if len(data) < 2:
        _fail("it ends in the middle of a value")
    tag, first, start = data[0], data[1], 2
    if tag & 0x1F == 0x1F:
        _fail("a tag of more than one byte")
    size = first
    if first >= 0x80:
        count = first & 0x7F
        if not 1 <= count <= 4 or len(data) < 2 + count:
            _fail("a length that DER does not have")
        start += count
        size = int.from_bytes(data[2:start], "big")
        if size < 0x80 or data[2] == 0:
            _fail("a length that is not the shortest")
    if len(data) < start + size:
        _fail("it ends in the middle of a value")
    return Node(tag, data[start : start + size], data[: start + size]), data[start + size :]


def read_all(data: bytes, tag: int) -> Node:
    """The one value of this tag that the bytes are. Raises `stamp.rfc3161.der`."""
    node, rest = read(data)
    if rest:
        _fail("bytes follow its end")
    return expect(node, tag)


def expect(node: Node, tag: int) -> Node:
    """The node, if it has this tag. Raises `stamp.rfc3161.der`."""
    if node.tag != tag:
        _fail(f"tag {tag:#04x} was expected, {node.tag:#04x} found")
    return node


def encode(tag: int, content: bytes) -> bytes:
    """One value."""
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def oid(node: Node) -> str:
    """An object identifier in dotted form. Raises `stamp.rfc3161.der`."""
    content = expect(node, OID).content
    if not content or content[-1] & 0x80 or len(content) > 64:
        _fail("an object identifier that is none")
    numbers = []
    value = 0
    for byte in content:
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            numbers.append(value)
            value = 0
    first = min(numbers[0] // 40, 2)
    return ".".join(map(str, (first, numbers[0] - 40 * first, *numbers[1:])))


def integer(node: Node) -> int:
    """A whole number. Raises `stamp.rfc3161.der`."""
    content = expect(node, INTEGER).content
    if not content:
        _fail("a number without bytes")
    return int.from_bytes(content, "big", signed=True)


def _fail(what: str) -> NoReturn:
    raise InvalidInputError(f"time-stamp token: not DER: {what}", code="stamp.rfc3161.der")
