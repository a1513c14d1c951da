"""The gate before a publication: everything that would become public is read, and what is found is put in groups.

A group is a rule and a column of one file (or of one member of an archive, `a.zip!log.csv`), with its count, the line
of the first and masked examples: a log of 2 GB gives a list that a person can read. Memory does not grow with the file.
What no program can read (pictures, sound, films, unknown bytes) is listed too: it takes a person's review.
"""

from __future__ import annotations

import csv
import io
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import IO, BinaryIO, cast

from archive.errors import InvalidInputError
from archive.evidence import personal
from archive.evidence.decoded import decoded_text
from archive.evidence.images import IMAGE_SIGNATURES, location_in
from archive.evidence.presence import Presence
from archive.evidence.scan import OVERLAP_BYTES, QUICK_BYTES, chunks, find_secrets, mask

EXAMPLES = 3
# A larger text is looked through in parts of this size.
PART_BYTES = 64 << 20
MAX_PROCESSES = 2
MAX_GROUPS = 2_000
MAX_DEPTH = 3
MAX_MEMBERS = 20_000
MAX_UNPACKED_BYTES = 16 << 30
MAX_RATIO = 400
# Below this a high ratio is no attack, only a log that repeats itself.
RATIO_FROM_BYTES = 256 << 20
MAX_STRIPPED_BYTES = 32 << 20
_HEAD_BYTES = 8192
_MAX_LINE = 64 * 1024
_MAX_NAME = 64
_INLINE = re.compile(rb"data:(?:image|audio|video)/[a-z0-9.+-]{1,20};base64,[A-Za-z0-9+/]{400}")
_TAGS = re.compile(rb"<[^>]{0,1000}>")


@dataclass(frozen=True, slots=True)
class Group:
    """All hits of one rule in one column of one file. `examples` never show more than the first characters."""

    path: str
    rule: str
    column: str | None
    count: int
    line: int
    examples: tuple[str, ...]

    @property
    def place(self) -> str:
        """The path, with `#` and the column where there is one: what a waiver names."""
        return self.path if self.column is None else f"{self.path}#{self.column}"

    @property
    def name(self) -> str:
        return f"{self.rule}:{self.place}"

    @property
    def order(self) -> tuple[str, str, str]:
        return (self.path, self.rule, self.column or "")


@dataclass(frozen=True, slots=True)
class Unread:
    """Something that no program can look through; a person must."""

    path: str
    why: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Something that cannot be let through at all, reviewed or not."""

    path: str
    code: str
    why: str
    hint: str


@dataclass(frozen=True, slots=True)
class Examined:
    """What was found. `size` counts the bytes that were read as text, unpacked."""

    groups: tuple[Group, ...] = ()
    unread: tuple[Unread, ...] = ()
    refused: tuple[Refused, ...] = ()
    size: int = 0

    def __add__(self, other: Examined) -> Examined:
        return Examined(
            tuple(sorted((*self.groups, *other.groups), key=lambda group: group.order)),
            tuple(sorted({*self.unread, *other.unread}, key=_by_path)),
            tuple(sorted({*self.refused, *other.refused}, key=_by_path)),
            self.size + other.size,
        )


def _by_path(item: Unread | Refused) -> tuple[str, str]:
    return item.path, item.why


def examine_file(path: Path, name: str, *, full: bool = True, allowed: frozenset[bytes] = frozenset()) -> Examined:
    """Read one file; `name` is what groups call it, `allowed` has texts that are public on purpose.

    Raises:
        InvalidInputError: `scan.unreadable`: unread is not clean.
    """
    gate = _Gate(full=full, allowed=allowed)
    try:
        with path.open("rb") as handle:
            if full and path.stat().st_size > PART_BYTES and _is_plain_text(handle):
                gate.parts(path, handle, name)
            else:
                gate.look(handle, name, depth=0)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InvalidInputError(
            f"{name}: cannot be read for the safety scan: {reason}", code="scan.unreadable"
        ) from None
    gate.text(io.BytesIO(name.encode()), f"{name}", what="its name")
    return gate.result()


def examine_stream(
    handle: BinaryIO, name: str, *, full: bool = True, allowed: frozenset[bytes] = frozenset()
) -> Examined:
    """Read a file that is open at its start and can seek."""
    gate = _Gate(full=full, allowed=allowed)
    gate.look(handle, name, depth=0)
    return gate.result()


# Plain classes where nothing but a place for values is needed: making a dataclass costs a short command time.
class _Count:
    __slots__ = ("count", "examples", "line")

    def __init__(self, line: int) -> None:
        self.count, self.line = 0, line
        self.examples: list[str] = []

    def show(self, excerpts: list[str]) -> None:
        for excerpt in excerpts:
            if len(self.examples) < EXAMPLES and excerpt not in self.examples:
                self.examples.append(excerpt)


class _Gate:
    __slots__ = ("allowed", "counts", "full", "members", "refused", "size", "unpacked", "unread")

    def __init__(self, *, full: bool, allowed: frozenset[bytes]) -> None:
        self.full, self.allowed = full, allowed
        self.counts: dict[tuple[str, str, str | None], _Count] = {}
        self.unread: set[Unread] = set()
        self.refused: set[Refused] = set()
        self.size = self.members = self.unpacked = 0

    def result(self) -> Examined:
        groups = (
            Group(path, rule, column, found.count, found.line, tuple(found.examples))
            for (path, rule, column), found in self.counts.items()
        )
        return Examined(
            tuple(sorted(groups, key=lambda group: group.order)),
            tuple(sorted(self.unread, key=_by_path)),
            tuple(sorted(self.refused, key=_by_path)),
            self.size,
        )

    def parts(self, path: Path, handle: BinaryIO, name: str) -> None:
        """A large text in parts, by two processes where there are two processors; the result does not hang on that."""
        head = handle.read(_MAX_LINE)
        asked = [_Part(path, name, head, low, high, self.allowed) for low, high in pairwise(_cuts(handle, PART_BYTES))]
        before = 0
        for found in _looked_through(asked):
            for (rule, column), (count, line, examples) in found.counts.items():
                self._count(name, rule, column, before + line, count).show(examples)
            self.unread |= found.unread
            self.size += found.size
            before += found.lines

    def _count(self, path: str, rule: str, column: str | None, line: int, count: int = 1) -> _Count:
        if column is not None and (len(column) > _MAX_NAME or len(self.counts) >= MAX_GROUPS):
            column = None
        key = (path, rule, column)
        found = self.counts.get(key)
        if found is None:
            found = self.counts[key] = _Count(line)
        found.count += count
        return found

    def add(self, path: str, rule: str, column: str | None, line: int, excerpt: str | bytes) -> None:
        """Count a hit; `excerpt` may be the hit itself, which is masked where it becomes an example."""
        found = self._count(path, rule, column, line)
        if len(found.examples) < EXAMPLES:
            found.show([excerpt if isinstance(excerpt, str) else mask(excerpt)])

    # What it is

    def look(self, handle: BinaryIO, name: str, *, depth: int) -> None:
        head = handle.read(_HEAD_BYTES)
        handle.seek(0)
        kind = _kind(head)
        if kind in ("text", "capture"):
            self.text(handle, name)
            if kind == "capture":
                self.unread.add(Unread(name, _WHY[kind]))
        elif kind in ("zip", "gzip", "bzip2", "xz", "tar"):
            self.unpack(handle, name, kind, depth)
        else:
            if kind == "image":
                self.image(handle, name)
                handle.seek(0)
            self.binary(handle, name)
            self.unread.add(Unread(name, _WHY[kind]))

    def image(self, handle: BinaryIO, name: str) -> None:
        outcome = location_in(handle)
        if outcome == "located":
            self.add(name, "exif-gps", None, 1, "the place where it was taken")
        elif outcome == "no-library":
            self.refused.add(
                Refused(
                    name,
                    "scan.image_library",
                    "whether the picture holds the place where it was taken cannot be read without Pillow",
                    'pip install "incident-archive[gate]"',
                )
            )

    def binary(self, handle: BinaryIO, name: str) -> None:
        """Plain text inside of other bytes: secrets by their form, and addresses that are no accident."""
        for _, _, chunk in chunks(handle, limit=None if self.full else QUICK_BYTES):
            lowered = chunk.lower()
            presence = Presence(lowered)
            for start, end, rule, excerpt in find_secrets(chunk, lowered, full=False, presence=presence):
                if rule != "seed-phrase" and chunk[start:end] not in self.allowed:
                    self.add(name, rule, None, 1, excerpt)
            for span in personal.find_emails(chunk, presence):
                if span.end - span.start >= 12 and chunk[span.start : span.end] not in self.allowed:
                    self.add(name, span.rule, None, 1, mask(chunk[span.start : span.end]))

    # Archives

    def unpack(self, handle: BinaryIO, name: str, kind: str, depth: int) -> None:
        # Most dossiers hold no archive; these modules cost a short command time.
        import lzma
        import tarfile
        import zipfile
        import zlib

        if depth >= MAX_DEPTH:
            self._bomb(name, f"archives lie more than {MAX_DEPTH} deep in each other")
            return
        try:
            if kind == "zip":
                self._unzip(handle, name, depth)
            elif kind == "tar":
                self._untar(handle, name, depth)
            else:
                size = handle.seek(0, io.SEEK_END)
                handle.seek(0)
                with _unpacking(handle, kind) as stream:
                    self._member(stream, f"{name}!", size, depth)
        except _BombError as error:
            self._bomb(name, str(error))
        except (
            OSError,
            EOFError,
            zlib.error,
            lzma.LZMAError,
            zipfile.BadZipFile,
            tarfile.TarError,
            NotImplementedError,
            RuntimeError,
            ValueError,
        ):
            self.unread.add(Unread(name, "an archive that cannot be unpacked: damaged, encrypted, or of another kind"))

    def _bomb(self, name: str, why: str) -> None:
        hint = "publish the files themselves, or withhold the archive"
        self.refused.add(Refused(name, "scan.archive_bomb", why, hint))

    def _unzip(self, handle: BinaryIO, name: str, depth: int) -> None:
        import zipfile

        with zipfile.ZipFile(handle) as archive:
            if archive.comment:
                self.text(io.BytesIO(archive.comment), f"{name}!", what="its comment")
            for info in archive.infolist():
                if info.is_dir():
                    continue
                inner = f"{name}!{info.filename}"
                self.text(io.BytesIO(info.filename.encode("utf-8", "replace")), inner, what="its name")
                with archive.open(info) as stream:
                    self._member(stream, inner, info.compress_size, depth)

    def _untar(self, handle: BinaryIO, name: str, depth: int) -> None:
        import tarfile

        with tarfile.open(fileobj=handle, mode="r:") as archive:
            for info in archive:
                stream = archive.extractfile(info) if info.isfile() else None
                if stream is not None:
                    self._member(stream, f"{name}!{info.name}", info.size, depth)

    def _member(self, stream: IO[bytes], name: str, packed: int, depth: int) -> None:
        self.members += 1
        if self.members > MAX_MEMBERS:
            raise _BombError(f"more than {MAX_MEMBERS:,} files in archives")
        bounded = cast(BinaryIO, io.BufferedReader(_Bounded(stream, self, packed), 1 << 16))
        head = cast(io.BufferedReader, bounded).peek(_HEAD_BYTES)[:_HEAD_BYTES]
        kind = _kind(head)
        if kind == "text" and name.lower().endswith((".xml", ".html", ".htm", ".xhtml", ".rels")):
            data = bounded.read(MAX_STRIPPED_BYTES)
            self.text(io.BytesIO(data), name)
            # A word may be cut by marks inside of it.
            self.text(io.BytesIO(_TAGS.sub(b"", data)), name, only_new=True)
            self.text(cast(BinaryIO, _Forward(bounded)), name)
        elif kind == "text":
            self.text(cast(BinaryIO, _Forward(bounded)), name)
        else:
            # What must be read twice is held on disk.
            import shutil
            import tempfile

            with tempfile.TemporaryFile() as spool:
                shutil.copyfileobj(bounded, spool)
                spool.seek(0)
                self.look(cast(BinaryIO, spool), name, depth=depth + 1)

    # Text

    def text(self, handle: BinaryIO, name: str, *, what: str | None = None, only_new: bool = False) -> None:
        before = {rule for path, rule, _ in self.counts if path == name} if only_new else set()
        reader = _TextReader(self, name, what, before)
        for line, offset, chunk in chunks(handle, limit=None if self.full else QUICK_BYTES):
            reader.chunk(line, offset, chunk)
        reader.finish()


def _unpacking(handle: BinaryIO, kind: str) -> IO[bytes]:
    import bz2
    import gzip
    import lzma

    if kind == "gzip":
        return cast(IO[bytes], gzip.GzipFile(fileobj=handle))
    return cast(IO[bytes], bz2.BZ2File(handle) if kind == "bzip2" else lzma.LZMAFile(handle))


class _BombError(Exception):
    """An archive that grows beyond all bounds."""


class _Bounded(io.RawIOBase):
    """A member of an archive, read no further than the bounds allow."""

    def __init__(self, stream: IO[bytes], gate: _Gate, packed: int) -> None:
        self._stream, self._gate, self._packed, self._read = stream, gate, max(packed, 1), 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast(bytearray, buffer))
        data = self._stream.read(len(view))
        self._read += len(data)
        self._gate.unpacked += len(data)
        if self._gate.unpacked > MAX_UNPACKED_BYTES:
            raise _BombError(f"it holds more than {MAX_UNPACKED_BYTES >> 30} GiB")
        if self._read > RATIO_FROM_BYTES and self._read > MAX_RATIO * self._packed:
            raise _BombError(f"it grows to more than {MAX_RATIO} times its size")
        view[: len(data)] = data
        return len(data)


class _Forward(io.RawIOBase):
    """A stream that cannot seek, with its first bytes kept: enough for a look at the start."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._start, self._kept, self._seen = stream, b"", b"", False

    def read(self, size: int = -1) -> bytes:
        if self._start:
            data, self._start = self._start[:size], self._start[size:] if size >= 0 else b""
            return data
        data = self._stream.read(size)
        if not self._seen:
            self._seen, self._kept = True, data
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        self._start = self._kept
        return 0


@dataclass(frozen=True, slots=True)
class _Part:
    """The bytes of a large text from `low` up to `high`, and the text's first bytes, which may name columns."""

    path: Path
    name: str
    head: bytes
    low: int
    high: int
    allowed: frozenset[bytes]


@dataclass(frozen=True, slots=True)
class _Found:
    """What a part held: by rule and column the count, the line within the part, and examples; its size and lines."""

    counts: dict[tuple[str, str | None], tuple[int, int, list[str]]]
    unread: set[Unread]
    size: int
    lines: int


def _looked_through(parts: list[_Part]) -> Iterator[_Found]:
    """What each part holds, in order."""
    import multiprocessing
    import os
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool

    done = 0
    workers = min(MAX_PROCESSES, os.cpu_count() or 1)
    if workers > 1:
        try:
            with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
                for found in pool.map(_look_through, parts):
                    yield found
                    done += 1
        except BrokenProcessPool:
            # Where no process can be begun, or one was killed, this one does the rest.
            pass
    yield from map(_look_through, parts[done:])


def _look_through(part: _Part) -> _Found:
    gate = _Gate(full=True, allowed=part.allowed)
    with part.path.open("rb") as handle:
        # What lies across a seam belongs to the part in which it begins; a little before it is read for its context.
        start = max(0, part.low - OVERLAP_BYTES)
        handle.seek(start)
        before = handle.read(part.low - start)
        start += before.find(b"\n") + 1
        handle.seek(start)
        bounds = (part.low - start, part.high - start)
        reader = _TextReader(gate, part.name, None, set(), bounds, part.head)
        stream = cast(BinaryIO, _Forward(cast(BinaryIO, _Limited(handle, part.high + OVERLAP_BYTES - start))))
        for line, offset, chunk in chunks(stream, limit=None):
            reader.chunk(line, offset, chunk)
        reader.finish()
        skipped = before.count(b"\n", before.find(b"\n") + 1)
    counts = {
        (rule, column): (found.count, found.line - skipped, found.examples)
        for (_, rule, column), found in gate.counts.items()
    }
    return _Found(counts, gate.unread, gate.size, reader.lines)


def _is_plain_text(handle: BinaryIO) -> bool:
    """Whether the file is text of one byte a sign, which can be read from any line on."""
    head = handle.read(_HEAD_BYTES)
    handle.seek(0)
    return _kind(head) == "text" and b"\x00" not in head and head[:2] not in (b"\xff\xfe", b"\xfe\xff")


def _cuts(handle: BinaryIO, size: int) -> list[int]:
    """Where parts of about this size begin, each behind a line end if there is one near; and the end."""
    end = handle.seek(0, io.SEEK_END)
    cuts = [0]
    while cuts[-1] + size < end:
        place = cuts[-1] + size
        handle.seek(place)
        cuts.append(min(end, place + handle.read(_MAX_LINE).find(b"\n") + 1))
    return [*cuts, end] if cuts[-1] < end else cuts


class _Limited:
    """A stream up to a number of bytes."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream, self._left = stream, size

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(data)
        return data


class _TextReader:
    """One text, chunk by chunk: hits to groups, each hit once although chunks repeat a little.

    Of a part of a text only what begins within its bounds counts; `head` has the whole text's first bytes.
    """

    def __init__(
        self,
        gate: _Gate,
        name: str,
        what: str | None,
        skip: set[str],
        bounds: tuple[int, int] = (0, sys.maxsize),
        head: bytes | None = None,
    ) -> None:
        self.gate, self.name, self.what, self.skip = gate, name, what, skip
        self.low, self.high = bounds
        self.lines = 0
        self.last: dict[str, int] = {}
        self.delimiter: bytes | None = None
        self.names: list[str] = []
        self.rules: dict[int, str] = {}
        # Rows were looked at up to here; what stands behind the last line end waits for the rest.
        self.next_line = self.low
        self.pending = b""
        self.pending_line = 1
        self.started = head is not None
        self.decoded: set[tuple[str, int]] = set()
        if head is not None:
            self._header(head)

    def chunk(self, first_line: int, offset: int, chunk: bytes) -> None:
        if not self.started:
            self.started = True
            self._header(chunk)
        if b"\x00" in chunk:
            self.gate.unread.add(Unread(self.name, _WHY["mixed"]))
        if b";base64," in chunk and _INLINE.search(chunk):
            self.gate.unread.add(Unread(self.name, _WHY["inline"]))
        fresh, stop = max(0, self.next_line - offset), min(len(chunk), self.high - offset)
        if fresh < stop:
            self.gate.size += stop - fresh
            self.lines += chunk.count(b"\n", fresh, stop)
        lowered = chunk.lower()
        presence = Presence(lowered)
        spans = [
            (start, end, rule, excerpt, None)
            for start, end, rule, excerpt in find_secrets(chunk, lowered, full=self.gate.full, presence=presence)
        ]
        spans += [(s.start, s.end, s.rule, None, s.column) for s in personal.find(chunk, lowered, presence)]  # type: ignore[misc]
        spans.sort(key=lambda span: span[:2])
        line, counted = first_line, 0
        on_line: set[tuple[str, int]] = set()
        for start, end, rule, excerpt, column in spans:
            line += chunk.count(b"\n", counted, start)
            counted = start
            on_line.add((rule, line))
            self._hit(chunk, offset, start, end, rule, line, excerpt, column)
        first = chunk.count(b"\n", 0, max(0, self.low - offset))
        last = chunk.count(b"\n", 0, stop) if stop < len(chunk) else sys.maxsize
        for number, text in decoded_text(chunk, lowered, full=self.gate.full):
            if first <= number < last:
                self._decoded(first_line + number, text, on_line)
        self._cells(first_line, offset, chunk, fresh, stop)

    def finish(self) -> None:
        if self.pending and self.rules:
            self._row(self.pending, self.pending_line)

    def _hit(
        self,
        chunk: bytes,
        offset: int,
        start: int,
        end: int,
        rule: str,
        line: int,
        excerpt: str | None,
        column: str | None,
    ) -> None:
        place = offset + start
        if place <= self.last.get(rule, -1) or rule in self.skip or not self.low <= place < self.high:
            return
        self.last[rule] = offset + start
        if chunk[start:end] in self.gate.allowed:
            return
        if column is None:
            column = self._column(chunk, start)
        if rule == "phone" and self.delimiter is not None and _is_whole_cell(chunk, start, end, self.delimiter):
            # Eleven bare digits alone in a cell are a phone only where the column says so, and then they are counted.
            return
        self.gate.add(self.name, rule, self.what or column, line, excerpt or chunk[start:end])

    def _decoded(self, line: int, text: bytes, on_line: set[tuple[str, int]]) -> None:
        """What escapes and encodings hid on a line, where the line itself did not show the same rule already."""
        lowered = text.lower()
        found = [(rule, excerpt) for _, _, rule, excerpt in find_secrets(text, lowered, full=False)]
        found += [(s.rule, mask(text[s.start : s.end])) for s in personal.find(text, lowered)]
        for rule, excerpt in found:
            if (rule, line) not in on_line and (rule, line) not in self.decoded:
                self.decoded.add((rule, line))
                self.gate.add(self.name, rule, self.what, line, excerpt)
        if len(self.decoded) > 100_000:
            self.decoded.clear()

    # Columns

    def _header(self, chunk: bytes) -> None:
        first = chunk[:_MAX_LINE].split(b"\n", 1)[0].strip().removeprefix(b"\xef\xbb\xbf")
        for delimiter in (b"\t", b",", b";", b"|"):
            cells = [cell.strip(b" \"'\r") for cell in first.strip(b"|").split(delimiter)]
            if len(cells) >= 2 and all(_is_name(cell) for cell in cells) and len(set(cells)) == len(cells):
                lead = [""] if delimiter == b"|" and first.startswith(b"|") else []
                self.names = lead + [cell.decode("utf-8", "replace") for cell in cells]
                self.delimiter = delimiter
                rules = ((number, personal.rule_of_column(name)) for number, name in enumerate(self.names))
                self.rules = {number: rule for number, rule in rules if rule is not None}
                return

    def _column(self, chunk: bytes, start: int) -> str | None:
        if self.delimiter is None:
            return personal.name_before(chunk, start)
        line = chunk.rfind(b"\n", max(0, start - _MAX_LINE), start) + 1
        before = chunk[line:start]
        if before.count(b'"') >= 2:
            before = re.sub(rb'"[^"]*"', b"", before)
        if before.count(b'"') % 2:
            before = before[: before.rfind(b'"')]
        index = before.count(self.delimiter)
        return self.names[index] if index < len(self.names) else None

    def _cells(self, first_line: int, offset: int, chunk: bytes, begin: int, end: int) -> None:
        if begin >= end:
            return
        self.next_line = offset + end
        if not self.rules:
            return
        line = first_line + chunk.count(b"\n", 0, begin) - self.pending.count(b"\n")
        rows = (self.pending + chunk[begin:end]).split(b"\n")
        self.pending = rows.pop()
        held = b""
        for row in rows:
            line += 1
            if held:
                row = held + row
                held = b""
            if b'"' in row and row.count(b'"') % 2 and len(row) < _MAX_LINE:
                held = row + b" "
                continue
            self._row(row, line - 1)
        self.pending_line = line
        if held:
            self.pending = held + self.pending

    def _row(self, row: bytes, line: int) -> None:
        if self.delimiter is None:
            return
        if b'"' not in row:
            raw = row.split(self.delimiter)
            for number, rule in self.rules.items():
                if number < len(raw):
                    cell = raw[number]
                    if personal.surely_breaks(rule, cell) and rule not in self.skip and cell not in self.gate.allowed:
                        self.gate.add(self.name, rule, self.what or self.names[number], line, cell)
                    else:
                        self._cell(number, cell.decode("utf-8", "replace"), line)
            return
        text = row.decode("utf-8", "replace").replace("\x00", "")
        cells = next(csv.reader([text], delimiter=self.delimiter.decode()), [])
        for number in self.rules:
            if number < len(cells):
                self._cell(number, cells[number], line)

    def _cell(self, number: int, cell: str, line: int) -> None:
        rule, name = self.rules[number], self.names[number]
        text = cell.strip()
        if text == name or rule in self.skip or not personal.breaks_rule(rule, text):
            return
        data = text.encode()
        if data not in self.gate.allowed:
            self.gate.add(self.name, rule, self.what or name, line, data)


def _is_whole_cell(chunk: bytes, start: int, end: int, delimiter: bytes) -> bool:
    around = delimiter + b'\r\n" '
    return chunk[start:end].isdigit() and chunk[start - 1 : start] in around and chunk[end : end + 1] in around


def _is_name(cell: bytes) -> bool:
    """Whether a cell of the first line looks like a column's name: short, not a number, a time or a sentence."""
    if not cell or len(cell) > _MAX_NAME or cell[:1].isdigit() or cell[:1] in b"+-.{[<@":
        return False
    return b"=" not in cell and cell.count(b" ") <= 3 and b"@" not in cell and b": " not in cell


_WHY = {
    "image": "a picture: what it shows cannot be read by a program",
    "audio": "sound: what is said cannot be read by a program",
    "video": "a film: what it shows and says cannot be read by a program",
    "document": "a document of pages, whose text and pictures cannot be read reliably",
    "archive": "an archive of a kind that is not unpacked here",
    "capture": "recorded web pages: the pictures in them cannot be read by a program",
    "mixed": "text with bytes in it that are no text",
    "inline": "text with pictures or sound inside of it",
    "binary": "bytes of no kind that can be read here",
}
_SIGNATURES: tuple[tuple[bytes, int, str], ...] = (
    (b"PK\x03\x04", 0, "zip"),
    (b"PK\x05\x06", 0, "zip"),
    (b"\x1f\x8b", 0, "gzip"),
    (b"BZh", 0, "bzip2"),
    (b"\xfd7zXZ\x00", 0, "xz"),
    (b"ustar", 257, "tar"),
    (b"7z\xbc\xaf\x27\x1c", 0, "archive"),
    (b"Rar!\x1a\x07", 0, "archive"),
    (b"\x28\xb5\x2f\xfd", 0, "archive"),
    (b"WARC/", 0, "capture"),
    (b"%PDF-", 0, "document"),
    (b"\xd0\xcf\x11\xe0", 0, "document"),
    (b"OggS", 0, "audio"),
    (b"ID3", 0, "audio"),
    (b"fLaC", 0, "audio"),
    (b"\xff\xfb", 0, "audio"),
    (b"\x1aE\xdf\xa3", 0, "video"),
)


def _kind(head: bytes) -> str:
    for signature, at, kind in _SIGNATURES:
        if head.startswith(signature, at):
            return kind
    if any(head.startswith(signature, at) for signature, at in IMAGE_SIGNATURES):
        return "image"
    if head[:4] == b"RIFF":
        return {b"WAVE": "audio", b"AVI ": "video"}.get(head[8:12], "binary")
    if head[4:8] == b"ftyp":
        return "audio" if head[8:12] == b"M4A " else "video"
    return "text" if _is_text(head) else "binary"


def _is_text(head: bytes) -> bool:
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return True
    if b"\x00" in head:
        even, odd = head[::2].count(0), head[1::2].count(0)
        return max(even, odd) * 2 > 0.7 * len(head) and min(even, odd) * 20 < len(head)
    odd_signs = sum(byte < 32 and byte not in (9, 10, 12, 13, 27) for byte in head)
    if odd_signs * 50 > len(head):
        return False
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        # Cut inside a character at the end of the look, or text of an older encoding.
        return error.start >= len(head) - 4 or sum(byte >= 128 for byte in head) * 3 < len(head)
    return True
