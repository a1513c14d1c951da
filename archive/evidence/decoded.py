"""Text that escapes or encodings hide: `%40`, `\\u0040`, `&#64;`, quoted-printable, base64. For the scan only."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

_ESCAPE = re.compile(rb"%[2-7][0-9A-Fa-f]|\\u00[2-7][0-9A-Fa-f]|\\x[2-7][0-9A-Fa-f]|&#(?:\d{2,3}|x[0-9A-Fa-f]{2});")
_QUOTED = re.compile(rb"=[2-7][0-9A-F]|=\r?\n")
_BASE64 = re.compile(rb"(?<![A-Za-z0-9+/=_\-])[A-Za-z0-9+/]{24,}+={0,2}(?:\r?\n[A-Za-z0-9+/]{4,}+={0,2})*+(?![\w\-])")
_HEX = re.compile(rb"[0-9a-fA-F]+\Z")
_SIGNS = bytes(97 if (chr(byte).isalnum() and byte < 128) or byte in b"+/" else byte for byte in range(256))
_PRINTABLE = bytes(range(32, 127)) + b"\t\r\n"
_MAX_LINE = 64 * 1024
_MAX_BASE64 = 1 << 20


def decoded_text(chunk: bytes, lowered: bytes, *, full: bool) -> Iterator[tuple[int, bytes]]:
    """0-based line within the chunk and the decoded text, for each line with escapes and each run of base64 text."""
    line, counted, done = 0, 0, -1
    escaped = any(sign in chunk for sign in (b"%", b"\\", b"&#"))
    for match in _ESCAPE.finditer(chunk) if escaped else ():
        if match.start() < done:
            continue
        start = chunk.rfind(b"\n", max(0, match.start() - _MAX_LINE), match.start()) + 1
        end = chunk.find(b"\n", match.start())
        done = end if end >= 0 else len(chunk)
        line += chunk.count(b"\n", counted, match.start())
        counted = match.start()
        yield line, _ESCAPE.sub(_sign, chunk[start : min(done, start + _MAX_LINE)])
    if b"quoted-printable" in lowered:
        yield 0, _QUOTED.sub(lambda m: b"" if m[0][1:2] in b"\r\n" else bytes([int(m[0][1:], 16)]), chunk)
    if full and b"a" * 24 in chunk.translate(_SIGNS):
        yield from _base64(chunk)


def _sign(match: re.Match[bytes]) -> bytes:
    text = match[0]
    if text.startswith(b"&#"):
        number = int(text[3:-1], 16) if text[2:3] == b"x" else int(text[2:-1])
        return bytes([number]) if 32 <= number < 127 else text
    return bytes([int(text[-2:], 16)])


def _base64(chunk: bytes) -> Iterator[tuple[int, bytes]]:
    line, counted = 0, 0
    for match in _BASE64.finditer(chunk):
        packed = re.sub(rb"\s", b"", match[0][:_MAX_BASE64])
        if _HEX.match(packed):
            continue
        try:
            data = base64.b64decode(packed + b"=" * (-len(packed) % 4), validate=True)
        except (binascii.Error, ValueError):
            continue
        if len(data.translate(None, _PRINTABLE)) * 50 > len(data):
            continue
        line += chunk.count(b"\n", counted, match.start())
        counted = match.start()
        yield line, data
