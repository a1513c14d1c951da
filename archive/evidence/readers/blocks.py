"""Blocks of whole lines, read and parsed beside each other on a few threads and handed out in their order.

Of a plain file each thread reads its own part; what is packed comes from one stream. Either way the blocks are the same
bytes one after another, cut behind line ends.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, Generic, TypeVar

from archive.evidence.readers.opening import Packed, told
from archive.evidence.readers.source import MAX_RECORD_BYTES

PARSERS = 2
TOO_LONG = "a line is longer than 16 MiB"
_LOOK_BYTES = 1 << 14
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Block(Generic[T]):
    """Whole lines, and what the parser made of them."""

    data: bytes
    parsed: T


def parsed_blocks(
    packed: Packed, stream: BinaryIO, start: int, size: int, parse: Callable[[bytes], T]
) -> Iterator[Block[T]]:
    """The blocks from byte `start` on, which is where `stream` stands, each parsed.

    Raises:
        InvalidInputError: `table.unreadable`, `table.container`, and what `parse` raises.
        ValueError: a line longer than 16 MiB.
    """
    from concurrent.futures import Future, ThreadPoolExecutor

    waiting: deque[Future[Block[T]]] = deque()
    # The threads end before the file they read is closed.
    with _plainly_open(packed) as plain, ThreadPoolExecutor(PARSERS, thread_name_prefix="archive-lines") as pool:
        for work in _works(packed, plain, stream, start, size, parse):
            waiting.append(pool.submit(work))
            if len(waiting) > PARSERS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _works(
    packed: Packed, plain: int | None, stream: BinaryIO, start: int, size: int, parse: Callable[[bytes], T]
) -> Iterator[Callable[[], Block[T]]]:
    """What is to be done for each block, in order."""
    if plain is None:
        for data in _from_stream(stream, size):
            yield partial(_parsed, parse, data)
        return
    place, end = start, os.fstat(plain).st_size
    while place < end:
        stop = _line_start(packed, plain, min(place + size, end), end)
        yield partial(_read_and_parsed, parse, packed, plain, place, stop)
        place = stop


@contextmanager
def _plainly_open(packed: Packed) -> Iterator[int | None]:
    """The number of the open file; None where it is packed in something."""
    if packed.form != "plain":
        yield None
        return
    with told(packed.path, packed.form):
        handle = packed.path.open("rb", buffering=0)
    with handle:
        yield handle.fileno()


def _parsed(parse: Callable[[bytes], T], data: bytes) -> Block[T]:
    return Block(data, parse(data))


def _read_and_parsed(parse: Callable[[bytes], T], packed: Packed, number: int, start: int, stop: int) -> Block[T]:
    return _parsed(parse, _read(packed, number, start, stop))


def _line_start(packed: Packed, number: int, place: int, end: int) -> int:
    """The first place from this one on where a line begins, or the end of the file."""
    seen = place - 1
    while seen < end:
        if seen - place > MAX_RECORD_BYTES:
            raise ValueError(TOO_LONG)
        data = _read(packed, number, seen, min(seen + _LOOK_BYTES, end))
        found = data.find(b"\n")
        if found >= 0:
            return seen + found + 1
        seen += len(data)
    return end


def _read(packed: Packed, number: int, start: int, stop: int) -> bytes:
    """Exactly these bytes of the open file."""
    with told(packed.path, packed.form):
        data = os.pread(number, stop - start, start)
        while len(data) < stop - start:
            more = os.pread(number, stop - start - len(data), start + len(data))
            if not more:
                raise EOFError
            data += more
    return data


def _from_stream(stream: BinaryIO, size: int) -> Iterator[bytes]:
    """Blocks that end with a line; a line longer than a block makes its block longer."""
    while data := stream.read(size):
        if not data.endswith(b"\n"):
            rest = stream.readline(MAX_RECORD_BYTES + 1)
            if len(rest) > MAX_RECORD_BYTES:
                raise ValueError(TOO_LONG)
            data += rest
        yield data
