"""Bitcoin block headers: what they say, whether work was done on them, and files that hold them. Pure but for reading.

A header is 80 bytes: version, hash of the block before, merkle root, time (seconds, UTC), target in compact form,
nonce; numbers little-endian. Source: developer.bitcoin.org, reference, block chain, block headers. Hashes are shown
byte for byte reversed, as everybody shows them.

Work is checked here, but work alone does not say that a header is in the chain: at the lowest target anybody can make
one. So a header is believed only from the verifier's own sources, see `archive.verify.clocks`.
"""

from __future__ import annotations

import hashlib
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from archive.errors import InvalidInputError

HEADER_BYTES: Final = 80
MAX_HEIGHT: Final = 2**31 - 1
# Headers of the whole chain fit: 80 MB for each million blocks.
MAX_FILE_BYTES: Final = 512 * 1024 * 1024
MAX_TEXT_BYTES: Final = 4 * 1024 * 1024
# A block's time may run ahead of the clocks of the nodes by two hours, and in practice lags by no more.
CLOCK_MARGIN: Final = 2 * 60 * 60
# CAIP-2: the first 32 hex digits of the genesis block's hash.
CHAIN: Final = "bip122:000000000019d6689c085ae165831e93"
_GENESIS: Final = "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"
_LINE: Final = re.compile(r"(?:(?P<height>0|[1-9]\d{0,9})[ \t:,]+)?(?P<header>[0-9a-fA-F]{160})\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Network:
    """Which chain the headers are of: the highest target allowed, and whether its clock proves a time to others."""

    name: str
    limit: int
    proves_time: bool


MAINNET: Final = Network("main", 0xFFFF << 208, True)
# The test chain of Bitcoin's own developers: anybody makes a block at once.
REGTEST: Final = Network("regtest", 0x7FFFFF << 232, False)
NETWORKS: Final = {network.name: network for network in (MAINNET, REGTEST)}


@dataclass(frozen=True, slots=True)
class Header:
    """A parsed header. `merkle_root` and `hash` are bytes in the order of the header, not as shown."""

    raw: bytes
    previous: bytes
    merkle_root: bytes
    time: int
    bits: int
    hash: bytes

    @property
    def shown_hash(self) -> str:
        return shown(self.hash)


def shown(digest: bytes) -> str:
    """A hash as everybody writes it: reversed, in hex."""
    return digest[::-1].hex()


def parse_header(raw: bytes) -> Header:
    """Raises `bitcoin.header` for anything but 80 bytes."""
    if len(raw) != HEADER_BYTES:
        raise InvalidInputError(
            f"a Bitcoin header has {HEADER_BYTES} bytes, this one {len(raw):,}", code="bitcoin.header"
        )
    _, previous, merkle_root, time, bits, _ = struct.unpack("<4s32s32sII4s", raw)
    digest = hashlib.sha256(hashlib.sha256(raw).digest()).digest()
    return Header(raw, previous, merkle_root, time, bits, digest)


def check_work(header: Header, network: Network = MAINNET) -> None:
    """Raises `bitcoin.target` for a target that the chain does not allow, `bitcoin.proof_of_work` for one not met."""
    exponent, mantissa = header.bits >> 24, header.bits & 0x7FFFFF
    negative = bool(header.bits & 0x800000)
    target = mantissa << 8 * (exponent - 3) if exponent >= 3 else mantissa >> 8 * (3 - exponent)
    if negative or not 0 < target <= network.limit:
        raise InvalidInputError(
            f"block {header.shown_hash}: its target {header.bits:#010x} is not one of Bitcoin's chain {network.name!r}",
            code="bitcoin.target",
        )
    if int.from_bytes(header.hash, "little") > target:
        raise InvalidInputError(
            f"block {header.shown_hash}: no work was done on this header (its hash is above its target)",
            code="bitcoin.proof_of_work",
        )


@dataclass(frozen=True, slots=True)
class HeaderFile:
    """A file of headers of the verifier's own.

    Text: a line for each, `HEIGHT HEADER` or the header alone (160 hex digits). Binary: 80 bytes each from block 0 on,
    the form of Electrum's `blockchain_headers`.
    """

    path: Path
    lines: tuple[tuple[int | None, bytes], ...] = ()
    binary: bool = False

    def find(self, height: int, merkle_root: bytes | None = None) -> list[bytes]:
        """The headers at this height; of those without a height, the ones with this merkle root."""
        if self.binary:
            with self.path.open("rb") as handle:
                handle.seek(height * HEADER_BYTES)
                raw = handle.read(HEADER_BYTES)
            # Electrum fills what it has not loaded with zeros.
            return [raw] if len(raw) == HEADER_BYTES and any(raw) else []
        return [
            raw
            for place, raw in self.lines
            if place == height or (place is None and merkle_root is not None and raw[36:68] == merkle_root)
        ]


def read_header_file(path: Path) -> HeaderFile:
    """Open a file of headers.

    Raises:
        InvalidInputError: `bitcoin.header_file`.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as handle:
            start = handle.read(HEADER_BYTES)
            if len(start) == HEADER_BYTES and size % HEADER_BYTES == 0 and parse_header(start).shown_hash == _GENESIS:
                if size > MAX_FILE_BYTES:
                    raise _bad(path, f"is larger than {MAX_FILE_BYTES:,} bytes")
                return HeaderFile(path, binary=True)
            text = start + handle.read(MAX_TEXT_BYTES + 1)
    except OSError as error:
        raise _bad(path, f"cannot be read: {error.strerror}") from error
    if len(text) > MAX_TEXT_BYTES:
        raise _bad(path, f"is larger than {MAX_TEXT_BYTES:,} bytes, and does not begin with Bitcoin's first header")
    lines = []
    for number, line in enumerate(text.decode("ascii", "replace").splitlines(), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        match = _LINE.match(stripped)
        if match is None:
            raise _bad(path, f"line {number} is not a height and 160 hex digits")
        height = match["height"]
        lines.append((None if height is None else int(height), bytes.fromhex(match["header"])))
    return HeaderFile(path, tuple(lines))


def _bad(path: Path, what: str) -> InvalidInputError:
    return InvalidInputError(
        f"{path}: {what}",
        code="bitcoin.header_file",
        hint="lines of HEIGHT and HEADER (bitcoin-cli getblockheader HASH false), or Electrum's blockchain_headers",
    )
