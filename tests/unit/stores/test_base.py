from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import ArchiveError, InvalidInputError, UsageError
from archive.stores.base import BoundedSink, Pin, check_cid, independent_operators

CID = "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354"


def test_two_readers_of_one_operator_count_once() -> None:
    verified = [("acme", "http://a"), ("acme", "http://b"), ("other", "http://c")]
    assert independent_operators(verified) == 2


def test_the_writers_own_process_does_not_count() -> None:
    verified = [("me", "http://writer"), ("peer", "http://peer")]
    assert independent_operators(verified, writers=["http://writer"]) == 1
    assert independent_operators([("me", "http://writer")], writers=["http://writer"]) == 0


def test_another_process_of_the_writers_operator_counts_as_that_operator() -> None:
    assert independent_operators([("me", "http://writer"), ("me", "http://peer")], writers=["http://writer"]) == 1


@pytest.mark.parametrize(
    "bad", ["", "../../etc/passwd", "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG", CID.upper(), CID[:-1]]
)
def test_odd_text_is_no_content_id(bad: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_cid(bad)
    assert caught.value.code == "store.bad_cid"


def test_a_content_id_is_itself() -> None:
    assert check_cid(CID) == CID


def test_a_sink_refuses_more_than_its_bound() -> None:
    inner = io.BytesIO()
    sink = BoundedSink(inner, max_bytes=4, what="x")
    sink.write(b"abcd")
    with pytest.raises(InvalidInputError) as caught:
        sink.write(b"e")
    assert caught.value.code == "store.too_large"
    assert inner.getvalue() == b"abcd"


@given(
    st.builds(
        Pin,
        store=st.text(),
        locator=st.text(),
        content_id=st.text(),
        operator=st.text(),
        verified=st.booleans(),
        status=st.sampled_from(["stored", "pending"]),
        detail=st.none() | st.text(),
    )
)
def test_a_pin_survives_the_journal(pin: Pin) -> None:
    assert Pin.from_json(pin.to_json()) == pin


def test_a_malformed_pin_is_named() -> None:
    with pytest.raises(ArchiveError) as caught:
        Pin.from_json({"status": "verified by magic"})
    assert caught.value.code == "store.bad_pin"
