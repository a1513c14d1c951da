"""Calendars that answer wrongly: what they send harms neither the proof nor what the other calendars sent."""

from __future__ import annotations

import base64

import pytest

from archive.errors import InvalidInputError
from archive.stamps import ots
from archive.stamps.calendars import Asker
from archive.stamps.config import CalendarConfig, ClockConfig
from archive.stamps.stamping import stamp_root, upgrade
from tests.support.clocks import Bitcoin, Calendar, running_calendar

NONCE = bytes(range(16))
PENDING = bytes.fromhex("00" + "83dfe30d2ef90c8e")
BLOCK = bytes.fromhex("00" + "0588960d73d71901" + "01" + "07")


def promise(uri: str) -> bytes:
    """An answer that promises, and does nothing before."""
    text = uri.encode()
    return PENDING + bytes([len(text) + 1, len(text)]) + text


@pytest.mark.parametrize("depth", [253, 254, 300])
def test_an_answer_too_deep_for_the_whole_proof_is_not_kept(root: str, depth: int) -> None:
    """Each answer is within its bounds; under what the proof has already it would make it unreadable."""
    deep = b"\x08" * depth + promise("https://one.example")
    if depth < 254:
        assert ots.parse_proof(ots.new_proof(root, [("deep", deep)], NONCE)).pending
        return
    with pytest.raises(InvalidInputError) as caught:
        ots.new_proof(root, [("deep", deep)], NONCE)
    assert caught.value.code == "stamp.opentimestamps.answer"


@pytest.mark.parametrize("wrong", [b"\x08" * 254 + BLOCK, b"nonsense", b"\xf0\x01x" + BLOCK])
def test_upgrading_leaves_out_an_answer_that_would_make_the_proof_unreadable(root: str, wrong: bytes) -> None:
    calendars = [Calendar(Bitcoin(), f"https://{name}.example") for name in ("one", "two")]
    digest = ots.nonced_digest(root, NONCE)
    data = ots.new_proof(root, [(c.url, c.handle("POST", "/digest", digest)[1]) for c in calendars], NONCE)
    calendars[1].confirm()
    refused: list[str] = []

    def ask(pending: ots.Pending) -> bytes | None:
        if pending.uri == calendars[0].url:
            return wrong
        return calendars[1].handle("GET", f"/timestamp/{pending.commitment.hex()}", b"")[1]

    upgraded, added = ots.complete(data, ask, refuse=lambda uri, error: refused.append(f"{uri} {error.code}"))
    assert added == 1
    assert refused == ["https://one.example stamp.opentimestamps.answer"]
    proof = ots.parse_proof(upgraded)
    assert len(proof.blocks) == 1
    assert [p.uri for p in proof.pending] == ["https://one.example"]


def test_the_others_are_upgraded_where_one_calendar_answers_nonsense(root: str) -> None:
    good, evil = Calendar(Bitcoin()), Calendar(Bitcoin())
    with running_calendar(good) as one, running_calendar(evil) as two:
        clocks = ClockConfig(calendars=(CalendarConfig("one", one), CalendarConfig("two", two)))
        stamped = stamp_root(root, clocks, [])
        good.confirm()
        evil.answer = b"nonsense"
        done = upgrade(stamped.stamps, [one, two])
    assert done.completed == 1
    assert [(uri, error.code) for uri, error in done.failures] == [(two, "stamp.opentimestamps.answer")]


def test_answers_that_together_are_too_many_leave_out_the_last(root: str) -> None:
    many = b"".join(b"\xff" + promise(f"https://{n}.example/") for n in range(40)) + promise("https://last.example")
    calendars = [Calendar(Bitcoin(), answer=many) for _ in range(2)]
    calendars[1].answer = many.replace(b"example", b"invalid")
    with running_calendar(calendars[0]) as one, running_calendar(calendars[1]) as two:
        clocks = ClockConfig(calendars=(CalendarConfig("one", one), CalendarConfig("two", two)))
        stamped = stamp_root(root, clocks, [])
    (stamp,) = stamped.stamps
    proof = ots.parse_proof(base64.b64decode(stamp["proof"]))
    assert len(proof.pending) == 41
    assert [(name, error.code) for name, error in stamped.failures] == [("two", "stamp.opentimestamps.answer")]


@pytest.mark.parametrize(
    ("uri", "asked"),
    [
        ("https://alice.btc.calendar.opentimestamps.org", True),
        ("https://alice.btc.calendar.opentimestamps.org/", True),
        ("http://alice.btc.calendar.opentimestamps.org", False),
        ("https://evil.example:80.calendar.opentimestamps.org", False),
        ("https://alice.btc.calendar.opentimestamps.org:8443", False),
        ("https://evil.example/.calendar.opentimestamps.org", False),
        ("https://calendar.opentimestamps.org.evil.example", False),
        ("https://127.0.0.1", False),
    ],
)
def test_only_calendars_that_somebody_knows_are_asked(uri: str, asked: bool) -> None:
    assert Asker(["https://own.example"])._may_ask(uri) == asked
    assert Asker([uri])._may_ask(uri)
