"""OpenTimestamps proofs: real ones, made ones, and hostile ones."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import InvalidInputError
from archive.stamps import bitcoin, ots
from archive.stamps.entries import MAX_PROOF_BYTES
from tests.support.clocks import Bitcoin, Calendar

MAGIC = b"\x00OpenTimestamps\x00\x00Proof\x00\xbf\x89\xe2\xe8\x84\xe8\x92\x94\x01"
NONCE = bytes(range(16))


def code_of(data: bytes) -> str:
    with pytest.raises(InvalidInputError) as caught:
        ots.parse_proof(data)
    return caught.value.code


def asked(calendar: Calendar, digest: bytes) -> bytes:
    status, answer = calendar.handle("POST", "/digest", digest)
    assert status == 200
    return answer


@pytest.fixture
def calendar() -> Calendar:
    return Calendar(Bitcoin(), "http://one.example")


def promised(root: str, *calendars: Calendar) -> bytes:
    digest = ots.nonced_digest(root, NONCE)
    return ots.new_proof(root, [(c.url, asked(c, digest)) for c in calendars], NONCE)


class TestRealProofs:
    def test_hello_world_names_the_merkle_root_of_its_block(self, vectors: Path) -> None:
        folder = vectors / "opentimestamps"
        proof = ots.parse_proof((folder / "hello-world.txt.ots").read_bytes())
        assert proof.digest == hashlib.sha256((folder / "hello-world.txt").read_bytes()).digest()
        assert proof.pending == ()
        assert [b.height for b in proof.blocks] == [358391]
        header = bitcoin.parse_header(bytes.fromhex((folder / "bitcoin-358391.header.hex").read_text().strip()))
        assert proof.blocks[0].merkle_root == header.merkle_root

    @pytest.mark.parametrize(("name", "count"), [("incomplete.txt", 1), ("two-calendars.txt", 2)])
    def test_pending_ones_are_only_promises(self, vectors: Path, name: str, count: int) -> None:
        proof = ots.parse_proof((vectors / "opentimestamps" / f"{name}.ots").read_bytes())
        assert len(proof.pending) == count
        assert proof.blocks == ()

    @pytest.mark.parametrize(
        ("name", "code"), [("bad-major-version", "version"), ("exceeds-max-msg-length", "malformed")]
    )
    def test_invalid_ones(self, vectors: Path, name: str, code: str) -> None:
        data = (vectors / "opentimestamps" / "invalid" / f"{name}.ots").read_bytes()
        assert code_of(data) == f"stamp.opentimestamps.{code}"


def test_a_new_proof_is_about_the_root_and_no_calendar_sees_it(root: str, calendar: Calendar) -> None:
    proof = ots.parse_proof(promised(root, calendar))
    assert proof.is_about(root)
    assert not proof.is_about("00" * 32)
    assert [p.uri for p in proof.pending] == ["http://one.example"]
    plain = hashlib.sha256(bytes.fromhex(root)).digest()
    assert ots.nonced_digest(root, NONCE) not in (plain, bytes.fromhex(root))
    assert ots.nonced_digest(root, NONCE) != ots.nonced_digest(root, bytes(16))


def test_upgrading_completes_what_is_in_a_block_and_keeps_the_rest_pending(root: str, calendar: Calendar) -> None:
    slow = Calendar(Bitcoin(), "http://slow.example")
    data = promised(root, calendar, slow)

    def ask(pending: ots.Pending) -> bytes | None:
        where = calendar if pending.uri == calendar.url else slow
        status, answer = where.handle("GET", f"/timestamp/{pending.commitment.hex()}", b"")
        return answer if status == 200 else None

    assert ots.complete(data, ask) == (data, 0)
    height = calendar.confirm()
    upgraded, added = ots.complete(data, ask)
    assert added == 1
    proof = ots.parse_proof(upgraded)
    assert [b.height for b in proof.blocks] == [height]
    assert proof.blocks[0].merkle_root == calendar.chain.headers[height][36:68]
    assert [p.uri for p in proof.pending] == ["http://slow.example"]
    assert ots.complete(upgraded, ask) == (upgraded, 0)
    slow.confirm()
    both = ots.parse_proof(ots.complete(upgraded, ask)[0])
    assert (len(both.blocks), both.pending) == (2, ())


def test_a_calendar_that_lied_can_be_asked_again(root: str, calendar: Calendar) -> None:
    """The promise stays in the proof: without it, one wrong answer would lose the true one for good."""
    data = promised(root, calendar)
    lie = bytes.fromhex("00" + "0588960d73d71901" + "01" + "07")
    lied, _ = ots.complete(data, lambda pending: lie)
    assert [b.height for b in ots.parse_proof(lied).blocks] == [7]
    calendar.confirm()

    def ask(pending: ots.Pending) -> bytes:
        return calendar.handle("GET", f"/timestamp/{pending.commitment.hex()}", b"")[1]

    assert ots.complete(lied, ask) == (lied, 0)
    again, added = ots.complete(lied, ask, again=True)
    assert added == 1
    merkle_roots = [b.merkle_root for b in ots.parse_proof(again).blocks]
    assert calendar.chain.headers[-1][36:68] in merkle_roots


@pytest.mark.parametrize("answer", [b"", b"\x00", b"nonsense", b"\xf0" * 50, bytes(20_000)])
def test_an_answer_that_is_no_proof_is_named_and_not_kept(root: str, calendar: Calendar, answer: bytes) -> None:
    with pytest.raises(InvalidInputError) as caught:
        ots.new_proof(root, [("evil", answer)], NONCE)
    assert caught.value.code == "stamp.opentimestamps.answer"
    assert "evil" in caught.value.message
    with pytest.raises(InvalidInputError):
        ots.complete(promised(root, calendar), lambda pending: answer)


class TestHostileProofs:
    head = MAGIC + b"\x08" + bytes(32)

    @pytest.mark.parametrize(
        "tail",
        [
            b"",
            b"\x00",
            b"\x08" * 300 + b"\x00",  # deeper than any proof
            b"\xf3" * 40,  # doubles each time
            b"\xf0\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
            b"\x00" + bytes.fromhex("0588960d73d71901") + b"\x0a" + b"\xff" * 9 + b"\x7f",  # a block beyond all others
            b"\xf0\x01a\x00" + bytes.fromhex("0588960d73d71901") + b"\x01\x05",  # over 33 bytes
            b"\x99",
        ],
    )
    def test_malformed(self, tail: bytes) -> None:
        assert code_of(self.head + tail) == "stamp.opentimestamps.malformed"

    def test_too_large(self) -> None:
        assert code_of(bytes(MAX_PROOF_BYTES + 1)) == "stamp.opentimestamps.too_large"
        pending = b"\x00" + bytes.fromhex("83dfe30d2ef90c8e")
        many = b"".join(b"\xff" + pending + bytes([5, 4]) + b"x%03d" % n for n in range(100)) + pending + b"\x02\x01y"
        assert code_of(self.head + many) == "stamp.opentimestamps.too_large"

    def test_bytes_after_the_end(self, root: str, calendar: Calendar) -> None:
        assert code_of(promised(root, calendar) + b"\x00") == "stamp.opentimestamps.malformed"

    @given(st.binary(max_size=200))
    def test_anything_is_read_or_refused_under_a_code(self, tail: bytes) -> None:
        code = "stamp.opentimestamps.read"
        try:
            ots.parse_proof(self.head + tail)
        except InvalidInputError as error:
            code = error.code
        assert code.startswith("stamp.opentimestamps.")
