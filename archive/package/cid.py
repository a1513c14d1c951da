"""CIDs of format 1: CIDv1, SHA-256, codec raw (a chunk) or dag-pb (a file of many chunks, a directory).

Inside the package code a CID is its 36 bytes: 0x01, codec, 0x12 0x20, digest. The text form is base32, lower case.
"""

from __future__ import annotations

import hashlib
import re
from typing import NoReturn

from archive.errors import InvalidInputError

RAW = 0x55
DAG_PB = 0x70
CID_BYTES = 36
RAW_PREFIX = bytes((1, RAW, 0x12, 0x20))
DAG_PB_PREFIX = bytes((1, DAG_PB, 0x12, 0x20))
_TEXT_LENGTH = 59
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_TEXT = re.compile(r"b[a-z2-7]{58}")
# base64.b32encode and b32decode take most of the time of hashing small files. Here: two characters a look-up, and
# int() with base 32, whose digits are 0-9a-v.
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]
_SHIFTS = range(280, -1, -10)
_TO_INT = str.maketrans(_ALPHABET, "0123456789abcdefghijklmnopqrstuv")
_SPARE_BITS = 2


def raw_cid(data: bytes | memoryview) -> bytes:
    return RAW_PREFIX + hashlib.sha256(data).digest()


def dag_pb_cid(block: bytes) -> bytes:
    return DAG_PB_PREFIX + hashlib.sha256(block).digest()


def to_text(cid: bytes) -> str:
    """`bafkrei…` or `bafybei…`."""
    number = int.from_bytes(cid, "big") << _SPARE_BITS
    return "b" + "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])


def parse(text: object) -> bytes:
    """The 36 bytes of a CID in its canonical text form; raises `cid.syntax`, `cid.unsupported`."""
    if not isinstance(text, str) or not _TEXT.fullmatch(text):
        _fail("syntax", f"not a base32 CIDv1 of {_TEXT_LENGTH} characters: {str(text)[:80]!a}")
    number = int(text[1:].translate(_TO_INT), 32)
    if number & (1 << _SPARE_BITS) - 1:
        _fail("syntax", f"not the canonical form of a CID: {text!a}")
    cid = (number >> _SPARE_BITS).to_bytes(CID_BYTES, "big")
    if cid[:4] not in (RAW_PREFIX, DAG_PB_PREFIX):
        _fail("unsupported", f"{text} is not CIDv1 with SHA-256 and codec raw or dag-pb")
    return cid


def content_digest(content_id: str) -> bytes:
    """The 32 bytes of a package's content id that go on chain; raises `cid.…`, `cid.not_directory` for a raw CID."""
    cid = parse(content_id)
    if cid[:4] != DAG_PB_PREFIX:
        _fail("not_directory", f"{content_id} names a single chunk, not a package directory")
    return cid[4:]


def from_digest(digest: bytes) -> str:
    """The content id whose digest is on chain."""
    if len(digest) != CID_BYTES - 4:
        _fail("syntax", f"a content digest has {len(digest)} bytes, not 32")
    return to_text(DAG_PB_PREFIX + digest)


def _fail(code: str, message: str) -> NoReturn:
    raise InvalidInputError(message, code=f"cid.{code}")
