"""The gate over files: groups, archives and their bombs, pictures, and memory that does not grow."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import os
import random
import tarfile
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from archive.errors import InvalidInputError
from archive.evidence import gate, personal
from archive.evidence.gate import Examined, examine_file, examine_stream
from archive.evidence.scan import CHUNK_BYTES

MAIL = b"wei.zhang" + b"@" + b"gmail.com"


def look(data: bytes, *, full: bool = True, allowed: frozenset[bytes] = frozenset()) -> Examined:
    return examine_stream(io.BytesIO(data), "x", full=full, allowed=allowed)


def zipped(*members: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return out.getvalue()


def test_one_group_for_a_column_whatever_its_length() -> None:
    rows = b"".join(b"%d,81234%05d,1.5\n" % (n, n) for n in range(100_000))
    (group,) = look(b"time,uid,price\n" + rows).groups
    assert (group.name, group.count, group.line) == ("user-id:x#uid", 100_000, 2)
    assert len(group.examples) == gate.EXAMPLES or group.examples == ("8123… (10 characters)",)


def test_hits_at_the_seams_of_chunks_count_once() -> None:
    line = b"12:00 filler filler filler\n"
    data = (line * (CHUNK_BYTES // len(line))) + MAIL + b"\n" + line * 10 + MAIL + b"\n" + line * 50_000
    (group,) = look(data).groups
    assert (group.rule, group.count) == ("email", 2)
    rows = b"".join(b"%d,8123456%03d,x\n" % (n, n % 1000) for n in range(150_000))
    (group,) = look(b"time,uid,note\n" + rows.rstrip(b"\n")).groups
    assert group.count == 150_000


def test_rows_with_quotes_and_line_ends_inside() -> None:
    data = b'note,uid,price\n"a, ""b""\nc",812345678,1\n"d",812345679,2\n,,\n'
    (group,) = look(data).groups
    assert (group.column, group.count) == ("uid", 2)


def test_columns_of_json_logs_and_queries() -> None:
    groups = look(b'{"mail": "' + MAIL + b'"}\nGET /x?ip=104.28.12.7&a=1\n').groups
    assert {(g.rule, g.column) for g in groups} == {("email", "mail"), ("ip-address", "ip")}


def test_many_columns_do_not_make_many_groups() -> None:
    data = b"".join(b'"c%d": "%s"\n' % (n, MAIL) for n in range(5_000))
    found = look(data)
    assert len(found.groups) <= gate.MAX_GROUPS + 1
    assert sum(group.count for group in found.groups) == 5_000


def test_examples_show_little_and_what_is_allowed_is_no_hit() -> None:
    (group,) = look(b"ask " + MAIL).groups
    assert group.examples == (f"wei.… ({len(MAIL)} characters)",)
    assert look(b"ask " + MAIL, allowed=frozenset({MAIL})).groups == ()


def test_a_name_of_a_file_counts_too(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"fine\n")
    (group,) = examine_file(path, f"evidence/{MAIL.decode()}.txt").groups
    assert group.column == "its name"
    with pytest.raises(InvalidInputError) as caught:
        examine_file(tmp_path / "none", "none")
    assert caught.value.code == "scan.unreadable"


def test_archives_are_looked_into_to_a_depth() -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        info = tarfile.TarInfo("logs/bot.log")
        info.size = len(MAIL)
        archive.addfile(info, io.BytesIO(MAIL))
    for data, name in (
        (zipped(("a.log", MAIL)), "x!a.log"),
        (gzip.compress(MAIL, mtime=0), "x!"),
        (bz2.compress(MAIL), "x!"),
        (zipped(("b.zip", zipped(("a.log", MAIL)))), "x!b.zip!a.log"),
        (out.getvalue(), "x!!logs/bot.log"),
    ):
        found = look(data)
        assert [group.path for group in found.groups] == [name]
        assert found.unread == found.refused == ()
    deep = MAIL
    for _ in range(6):
        deep = zipped(("in.zip", deep))
    (refused,) = look(deep).refused
    assert refused.code == "scan.archive_bomb"


@pytest.fixture
def small_bounds(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(gate, "RATIO_FROM_BYTES", 1 << 20)
    monkeypatch.setattr(gate, "MAX_UNPACKED_BYTES", 8 << 20)
    monkeypatch.setattr(gate, "MAX_MEMBERS", 50)
    return


@pytest.mark.usefixtures("small_bounds")
@pytest.mark.parametrize(
    "data",
    [
        pytest.param(lambda: zipped(("zeros", b"a" * (4 << 20))), id="ratio"),
        pytest.param(lambda: gzip.compress(b"a" * (4 << 20)), id="gzip"),
        pytest.param(lambda: zipped(*((f"{n}", b"a") for n in range(60))), id="members"),
        pytest.param(lambda: zipped(*((f"{n}", b"ab\n" * (1 << 18)) for n in range(20))), id="total"),
        pytest.param(lambda: zipped(("b.zip", zipped(("zeros", b"\x00" * (6 << 20))))), id="inner"),
    ],
)
def test_bombs_are_refused(data: object) -> None:
    assert callable(data)
    (refused,) = look(data()).refused
    assert refused.code == "scan.archive_bomb"


@pytest.mark.parametrize(
    "data",
    [
        b"OggS" + bytes(99),
        b"%PDF-1.7\n" + bytes(99),
        b"\x1aE\xdf\xa3" + bytes(99),
        b"7z\xbc\xaf\x27\x1c" + bytes(99),
        b"PK\x03\x04 cut off",
        b"\x1f\x8b cut off",
        bytes(range(256)) * 4,
        b"WARC/1.0\r\nWARC-Type: response\r\n",
        b"a,b\n1,2\n" * 2000 + bytes(range(256)),
        b'<img src="data:image/png;base64,' + b"iVBORw0KGgo" * 60 + b'">',
        gzip.compress(b"WARC/1.0\r\n", mtime=0),
        zipped(("photo.bin", bytes(range(256)))),
    ],
)
def test_what_cannot_be_read_is_never_clean(data: bytes) -> None:
    assert look(data).unread != ()


def test_text_inside_of_other_bytes_is_found() -> None:
    found = look(b"%PDF-1.7\n" + bytes(range(256)) + b"\n" + MAIL + b"\n" + bytes(20))
    assert [group.rule for group in found.groups] == ["email"]


def test_a_picture_that_says_where_it_was_taken() -> None:
    image = pytest.importorskip("PIL.Image")
    for place in (True, False):
        exif = image.Exif()
        if place:
            exif.get_ifd(0x8825).update({1: "N", 2: (31.0, 14.0, 2.0), 3: "E", 4: (121.0, 28.0, 9.0)})
        out = io.BytesIO()
        image.new("RGB", (8, 8)).save(out, "JPEG", exif=exif)
        found = look(out.getvalue())
        assert [group.rule for group in found.groups] == ["exif-gps"] * place
        assert len(found.unread) == 1


def test_without_pillow_a_picture_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    (refused,) = look(b"\xff\xd8\xff\xe0" + bytes(99)).refused
    assert (refused.code, refused.hint) == ("scan.image_library", 'pip install "incident-archive[gate]"')


class _Endless(io.RawIOBase):
    """A log of a size, made while it is read."""

    def __init__(self, size: int) -> None:
        line = b'{"time": 1760130873123, "uid": 812345678, "code": -1008, "msg": "overloaded"}\n'
        self._block, self._left, self._at = line * (CHUNK_BYTES // len(line)), size, 0

    def read(self, size: int = -1) -> bytes:
        size = min(size, self._left) if size >= 0 else self._left
        data = (self._block[self._at :] + self._block * (size // len(self._block) + 1))[:size]
        self._at = (self._at + size) % len(self._block)
        self._left -= size
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        self._left, self._at = self._left + 512, 0
        return 0


def test_memory_does_not_grow_with_the_file() -> None:
    peaks = []
    for size in (6 << 20, 24 << 20):
        tracemalloc.start()
        found = _examined(size)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert [group.rule for group in found.groups] == ["user-id"]
    assert peaks[1] < peaks[0] * 1.3


def _examined(size: int) -> Examined:
    reader = gate._Gate(full=True, allowed=frozenset())
    reader.text(_Endless(size), "x")  # type: ignore[arg-type]
    return reader.result()


def _long_table(rows: int) -> bytes:
    chance = random.Random(7)
    lines = ["time,uid,orderId,ip,note"]
    for number in range(rows):
        note = chance.choice(["", '"said ""no"", twice"', "a%40b", f"user{number}" + "@" + "gmail.com"])
        address = ".".join(str(chance.randrange(11, 99)) for _ in range(4))
        lines.append(f"2025-10-10T21:{number % 60:02}:00Z,{10**8 + number},{10**10 + number},{address},{note}")
        if number % 211 == 0:
            lines.append(base64.b64encode(b"write to " + b"li.na" + b"@" + b"gmail.com today").decode())
    return ("\n".join(lines)).encode()


@pytest.mark.parametrize("size", [5_000, 20_000, 70_001])
def test_parts_of_a_large_text_find_what_the_whole_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(_long_table(3_000))
    whole = examine_file(path, "log.csv")
    assert {group.rule for group in whole.groups} == {"user-id", "order-id", "ip-address", "email"}
    monkeypatch.setattr(gate, "PART_BYTES", size)
    monkeypatch.setattr(gate, "MAX_PROCESSES", 1)
    assert examine_file(path, "log.csv") == whole


def test_what_lies_across_a_seam_of_parts_is_found_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = " ".join((Path(personal.__file__).with_name("bip39_english.txt")).read_text().split()[:24:2])
    secret = "\n".join(words.split())
    mail = "wei.zhang" + "@" + "gmail.com"
    monkeypatch.setattr(gate, "MAX_PROCESSES", 1)
    for size in range(8_190, 8_330, 7):
        path = tmp_path / "log.txt"
        path.write_text("7\n" * 4_096 + secret + f"\n{mail}\n" + "7\n" * 9_000)
        monkeypatch.setattr(gate, "PART_BYTES", size)
        assert [(group.rule, group.count, group.line) for group in examine_file(path, "log.txt").groups] == [
            ("email", 1, 4_109),
            ("seed-phrase", 1, 4_097),
        ]


def test_two_processes_give_what_one_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(_long_table(2_000))
    monkeypatch.setattr(gate, "PART_BYTES", 40_000)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    two = examine_file(path, "log.csv")
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    assert examine_file(path, "log.csv") == two
