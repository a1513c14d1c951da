"""Pictures: whether one says where it was taken, and the same picture without anything that is not the picture."""

from __future__ import annotations

import io
import struct
from typing import BinaryIO, Literal

from archive.errors import InvalidInputError

IMAGE_SIGNATURES: tuple[tuple[bytes, int], ...] = (
    (b"\xff\xd8\xff", 0),
    (b"\x89PNG\r\n\x1a\n", 0),
    (b"GIF8", 0),
    (b"WEBP", 8),
    (b"II*\x00", 0),
    (b"MM\x00*", 0),
    (b"ftypheic", 4),
    (b"ftypheix", 4),
    (b"ftypmif1", 4),
    (b"ftypavif", 4),
    (b"BM", 0),
)
Location = Literal["located", "nowhere", "unreadable", "no-library"]
_GPS_IFD = 0x8825
_LATITUDE = 2
_XMP_MARK = b"GPSLatitude"
_SEARCHED_BYTES = 16 << 20
_PNG_START = b"\x89PNG\r\n\x1a\n"
# The chunks that are the picture; text, times, EXIF and what nobody knows are not.
_PNG_KEPT = frozenset(
    b"IHDR PLTE IDAT IEND tRNS cHRM gAMA iCCP sBIT sRGB bKGD pHYs hIST sPLT acTL fcTL fdAT cICP mDCv cLLi".split()
)


def location_in(handle: BinaryIO) -> Location:
    """Whether EXIF or XMP of a picture names a place. Needs Pillow (extra `gate`)."""
    if _XMP_MARK in handle.read(_SEARCHED_BYTES):
        return "located"
    handle.seek(0)
    try:
        from PIL import Image
    except ImportError:
        return "no-library"
    try:
        with Image.open(handle) as image:
            return "located" if image.getexif().get_ifd(_GPS_IFD).get(_LATITUDE) else "nowhere"
    except (OSError, ValueError, SyntaxError, struct.error, Image.DecompressionBombError, KeyError, EOFError):
        return "unreadable"


def strip_metadata(data: bytes) -> bytes:
    """A JPEG or PNG without metadata; the picture itself is not encoded again, so every machine gets these bytes.

    Raises:
        InvalidInputError: `redact.image` for anything else, or a damaged file.
    """
    if data.startswith(b"\xff\xd8\xff"):
        return _strip_jpeg(data)
    if data.startswith(_PNG_START):
        return _strip_png(data)
    raise InvalidInputError("neither a JPEG nor a PNG", code="redact.image", hint="convert it to PNG first")


def _strip_jpeg(data: bytes) -> bytes:
    out = io.BytesIO()
    out.write(data[:2])
    position = 2
    while True:
        if position + 4 > len(data) or data[position] != 0xFF:
            raise InvalidInputError("the JPEG is damaged", code="redact.image")
        marker = data[position + 1]
        if marker == 0xFF:
            position += 1
            continue
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        segment = data[position : position + 2 + length]
        if length < 2 or len(segment) != 2 + length:
            raise InvalidInputError("the JPEG is damaged", code="redact.image")
        # APP0 (JFIF), the colour profile in APP2 and Adobe's APP14 change how the picture looks.
        profile = marker == 0xE2 and segment[4:16] == b"ICC_PROFILE\x00"
        kept = marker in (0xE0, 0xEE) or profile or not (0xE0 <= marker <= 0xEF or marker == 0xFE)
        if marker == 0xE0 and segment[4:9] != b"JFIF\x00":
            kept = False
        if kept:
            out.write(segment)
        position += 2 + length
        if marker == 0xDA:
            end = data.rfind(b"\xff\xd9")
            if end < position:
                raise InvalidInputError("the JPEG has no end", code="redact.image")
            # Later scans of a progressive picture stay; what other pictures hide behind the end does not.
            first_end = _end_of_picture(data, position)
            out.write(data[position:first_end])
            return out.getvalue()


def _end_of_picture(data: bytes, position: int) -> int:
    """The place after the first end marker outside of segments."""
    while True:
        position = data.find(b"\xff", position)
        if position < 0 or position + 1 >= len(data):
            raise InvalidInputError("the JPEG has no end", code="redact.image")
        marker = data[position + 1]
        if marker == 0xD9:
            return position + 2
        if marker == 0x00 or marker == 0xFF or 0xD0 <= marker <= 0xD7:
            position += 1 if marker == 0xFF else 2
        elif 0xE0 <= marker <= 0xEF or marker == 0xFE:
            raise InvalidInputError("the JPEG holds metadata between its scans", code="redact.image")
        else:
            position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")


def _strip_png(data: bytes) -> bytes:
    out = io.BytesIO()
    out.write(_PNG_START)
    position = len(_PNG_START)
    while position + 12 <= len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        name = data[position + 4 : position + 8]
        chunk = data[position : position + 12 + length]
        if len(chunk) != 12 + length:
            break
        if name in _PNG_KEPT:
            out.write(chunk)
        if name == b"IEND":
            return out.getvalue()
        position += 12 + length
    raise InvalidInputError("the PNG is damaged", code="redact.image")
