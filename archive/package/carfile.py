"""CARv1 as format 1 reads it (ipld.io/specs/transport/car/carv1): bounded, every block's hash checked.

`varint(length) ‖ dag-cbor {"roots": [CID], "version": 1}`, then per block `varint(length) ‖ CID ‖ data`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, NoReturn

from archive.errors import InvalidInputError
from archive.package import cid as cids
from archive.package import varint

# {"roots": [CID], "version": 1} in dag-cbor: keys by length, a CID is tag 42 over a byte string 0x00 ‖ CID.
_HEADER_START = b"\xa2\x65roots\x81\xd8\x2a\x58\x25\x00"
_HEADER_END = b"\x67version\x01"
HEADER_BYTES = len(_HEADER_START) + cids.CID_BYTES + len(_HEADER_END)
_MAX_HEADER_BYTES = 64 * 1024
_ROOTS_KEY = b"\xa2\x65roots"
_VERSION_2 = b"\xa1\x67version\x02"
_IDENTITY, _SHA256 = 0x00, 0x12
# Codes without their area that point to damage on the way; the others to something that never was a package.
_DAMAGE = frozenset({"bad_block_hash", "missing_block", "bad_varint", "size_mismatch", "digest_mismatch"})


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of what is read. The defaults admit any package of up to 1 TiB."""

    block_bytes: int = 2 * 1024 * 1024
    blocks: int = 1_200_000
    car_bytes: int = 2**40 + 2**34
    files_bytes: int = 2**40


@dataclass(frozen=True, slots=True)
class CarBlock:
    """A block whose data has the hash that its CID says; `offset` is where its data starts in the stream."""

    cid: bytes
    data: bytes = field(repr=False)
    offset: int


class CarReader:
    """Reads the header at once; iterate for the blocks in the order of the file.

    Raises:
        InvalidInputError: `car.truncated`, `.bad_varint`, `.bad_header`, `.header_too_large`, `.version`, `.roots`,
            `.bad_cid`, `.cid_version`, `.unknown_codec`, `.unknown_hash`, `.identity_cid`, `.block_too_large`,
            `.bad_block_hash`, `.too_many_blocks`, `.too_large`.
    """

    def __init__(self, stream: BinaryIO, *, limits: Limits | None = None) -> None:
        self._stream = stream
        self._limits = limits or Limits()
        self.position = 0
        self.root = self._read_header()

    def __iter__(self) -> Iterator[CarBlock]:
        count = 0
        while (length := self._read_length(at_boundary=True)) is not None:
            count += 1
            if count > self._limits.blocks:
                _fail("too_many_blocks", f"more than {self._limits.blocks:,} blocks")
            if length > self._limits.block_bytes + cids.CID_BYTES:
                _fail("block_too_large", f"a block of {length:,} bytes; the limit is {self._limits.block_bytes:,}")
            if self.position + length > self._limits.car_bytes:
                _fail("too_large", f"larger than {self._limits.car_bytes:,} bytes")
            section = self._read(length)
            cid = check_cid(section)
            data = section[cids.CID_BYTES :]
            if hashlib.sha256(data).digest() != cid[4:]:
                _fail("bad_block_hash", f"block {cids.to_text(cid)}: its data has another hash")
            yield CarBlock(cid, data, self.position - len(data))

    def _read_header(self) -> bytes:
        length = self._read_length(at_boundary=False)
        if length is None or length == 0:
            _fail("bad_header", "the header is empty")
        if length > _MAX_HEADER_BYTES:
            _fail("header_too_large", f"a header of {length:,} bytes")
        header = self._read(length)
        if header == _VERSION_2:
            _fail("version", "CAR version 2; packages travel as version 1")
        if not header.startswith(_ROOTS_KEY):
            _fail("bad_header", "the header is not dag-cbor of roots and version")
        count = header[len(_ROOTS_KEY)] if len(header) > len(_ROOTS_KEY) else 0
        if count != 0x81:
            if count & 0xE0 == 0x80:
                _fail("roots", "a package has exactly one root" + (", this CAR has none" if count == 0x80 else ""))
            _fail("bad_header", "the header's roots are not a list")
        root = header[len(_HEADER_START) : -len(_HEADER_END)]
        if not header.startswith(_HEADER_START) or len(header) != HEADER_BYTES:
            _fail("bad_header", "the header's root is not a CIDv1 with a 32-byte hash")
        if not header.endswith(_HEADER_END):
            _fail("version", "the header's version is not 1")
        check_cid(root)
        if root[:4] != cids.DAG_PB_PREFIX:
            _fail("root_not_directory", "the root is a single chunk, not a directory")
        return root

    def _read_length(self, *, at_boundary: bool) -> int | None:
        data = b""
        while True:
            byte = self._stream.read(1)
            if not byte:
                if data or not at_boundary:
                    self._truncated()
                return None
            data += byte
            self.position += 1
            if byte[0] < 0x80 or len(data) > varint.MAX_VARINT_BYTES:
                break
        try:
            return varint.decode(data, 0)[0]
        except ValueError as error:
            _fail("bad_varint", f"at byte {self.position - len(data)}: {error}")

    def _read(self, length: int) -> bytes:
        # Never more at once than a block: a length that lies costs no memory.
        data = self._stream.read(length)
        while 0 < len(data) < length:
            more = self._stream.read(length - len(data))
            if not more:
                break
            data += more
        self.position += len(data)
        if len(data) != length:
            self._truncated()
        return data

    def _truncated(self) -> NoReturn:
        raise InvalidInputError(
            f"CAR ends in the middle of a block (after byte {self.position:,})",
            code="car.truncated",
            hint="the download or copy was cut off; get the file again",
        )


def read_car(stream: BinaryIO, *, limits: Limits | None = None) -> CarReader:
    """A reader over the verified blocks of a CAR; `.root` is the root CID's 36 bytes."""
    return CarReader(stream, limits=limits)


def check_cid(data: bytes) -> bytes:
    """The CID at the start of a section; only those that a package can hold are let through."""
    if len(data) >= 2 and data[:2] == b"\x12\x20":
        _fail("cid_version", "a block has a CIDv0; packages use CIDv1")
    if len(data) < 4:
        _fail("bad_cid", "a section is shorter than a CID")
    if data[0] != 1:
        _fail("cid_version", f"a block has CID version {data[0]}")
    if data[2] == _IDENTITY:
        _fail("identity_cid", "a block has an identity CID")
    if data[1] not in (cids.RAW, cids.DAG_PB):
        _fail("unknown_codec", f"a block has codec 0x{data[1]:02x}; packages use raw and dag-pb")
    if data[2] != _SHA256 or data[3] != 32:
        _fail("unknown_hash", f"a block has hash function 0x{data[2]:02x}; packages use SHA-256")
    if len(data) < cids.CID_BYTES:
        _fail("bad_cid", "a section is shorter than a CID")
    return data[: cids.CID_BYTES]


def car_hint(code: str) -> str:
    """What to do about a CAR that is refused: it was damaged on its way, or it is not one of a package."""
    if code in _DAMAGE:
        return "it was damaged or changed on its way; get it again, or from another place"
    return "not the CAR of a package, which `archive pack` and `archive get` write; ask whoever gave it to you for that"


def encode_header(root: bytes) -> bytes:
    """The header section for one root of 36 bytes."""
    return varint.encode(HEADER_BYTES) + _HEADER_START + root + _HEADER_END


def encode_section_start(cid: bytes, size: int) -> bytes:
    """What stands before a block's data."""
    return varint.encode(cids.CID_BYTES + size) + cid


def _fail(code: str, message: str) -> NoReturn:
    raise InvalidInputError(f"CAR: {message}", code=f"car.{code}", hint=car_hint(code))
