"""Unsigned LEB128 varints as protobuf and CAR use them, in their shortest form only."""

from __future__ import annotations

MAX_VARINT_BYTES = 9


def encode(number: int) -> bytes:
    """The varint of a number from 0 to 2^63 − 1."""
    if number < 0x80:
        return bytes((number,))
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def decode(data: bytes | memoryview, position: int) -> tuple[int, int]:
    """(number, position after it); raises ValueError when it is cut off, too long or not in shortest form."""
    number = 0
    for index in range(MAX_VARINT_BYTES):
        if position + index >= len(data):
            raise ValueError("varint is cut off")
        byte = data[position + index]
        number |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            if byte == 0 and index:
                raise ValueError("varint is not in shortest form")
            return number, position + index + 1
    raise ValueError("varint is too long")
