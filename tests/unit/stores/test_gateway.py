from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest

from archive.errors import ArchiveError, InvalidInputError, UnreachableError
from archive.package import varint
from archive.stores.gateway import GatewayReader
from archive.stores.readback import read_back

Serve = Callable[..., Any]


def reader(url: str, time: Any) -> GatewayReader:
    return GatewayReader(url, clock=time.clock, sleep=time.sleep)


def test_a_package_is_asked_for_as_car(serve: Serve, answer: Any, fake_time: Any, packed: Any) -> None:
    server = serve([answer(body=packed.car, headers={"Content-Type": "application/vnd.ipld.car"})])
    sink = io.BytesIO()
    reader(server.url, fake_time).fetch_package(packed.content_id, sink)
    assert sink.getvalue() == packed.car
    assert server.seen[0].path == f"/ipfs/{packed.content_id}?format=car&dag-scope=all"
    assert server.seen[0].headers["Accept"].startswith("application/vnd.ipld.car")


def test_a_file_of_one_block_is_asked_for_raw(serve: Serve, answer: Any, fake_time: Any) -> None:
    from archive.package.hashing import digest_bytes

    small, big = digest_bytes(b"{}").cid, digest_bytes(b"x" * (1 << 21)).cid
    server = serve([answer(body=b"{}")])
    gateway = reader(server.url, fake_time)
    gateway.fetch_file(small, io.BytesIO())
    gateway.fetch_file(big, io.BytesIO())
    assert [request.path for request in server.seen] == [f"/ipfs/{small}?format=raw", f"/ipfs/{big}"]


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (404, "store.gateway.not_found"),
        (410, "store.gateway.not_found"),
        (429, "store.gateway.busy"),
        (500, "store.gateway.server_error"),
        (504, "store.gateway.server_error"),
    ],
)
def test_refusals_are_told_apart(
    serve: Serve, answer: Any, fake_time: Any, packed: Any, status: int, code: str
) -> None:
    server = serve([answer(status=status)])
    with pytest.raises(UnreachableError) as caught:
        reader(server.url, fake_time).fetch_package(packed.content_id, io.BytesIO())
    assert caught.value.code == code


def test_a_web_page_is_no_package(serve: Serve, answer: Any, fake_time: Any, packed: Any) -> None:
    server = serve([answer(body=b"<html>", headers={"Content-Type": "text/html; charset=utf-8"})])
    with pytest.raises(InvalidInputError) as caught:
        reader(server.url, fake_time).fetch_package(packed.content_id, io.BytesIO())
    assert caught.value.code == "store.gateway.bad_answer"


def test_a_car_without_any_block_means_that_it_has_nothing(
    serve: Serve, answer: Any, fake_time: Any, packed: Any
) -> None:
    server = serve([answer(body=packed.car[:59], chunked=True)])
    with pytest.raises(UnreachableError) as caught:
        reader(server.url, fake_time).fetch_package(packed.content_id, io.BytesIO())
    assert caught.value.code == "store.gateway.not_found"


def test_a_car_that_lacks_a_block_is_no_lie(serve: Serve, answer: Any, fake_time: Any, packed: Any) -> None:
    car = packed.car
    length, start = varint.decode(car, 59)
    server = serve([answer(body=car[:59] + car[start + length :])])
    found = read_back(packed.content_id, [reader(server.url, fake_time)])
    assert (found.results[0].status, found.results[0].code) == ("not_found", "car.missing_block")


def test_an_endless_stream_is_cut(serve: Serve, answer: Any, fake_time: Any, packed: Any) -> None:
    server = serve([answer(endless=True)])
    with pytest.raises(InvalidInputError) as caught:
        reader(server.url, fake_time).fetch_package(packed.content_id, io.BytesIO(), max_bytes=1 << 20)
    assert caught.value.code == "store.too_large"


def test_an_id_that_is_none_is_not_put_into_a_url(serve: Serve, answer: Any, fake_time: Any) -> None:
    server = serve([answer()])
    with pytest.raises(ArchiveError) as caught:
        reader(server.url, fake_time).fetch_package("../api/v0/shutdown", io.BytesIO())
    assert caught.value.code == "store.bad_cid"
    assert server.seen == []


def test_has(serve: Serve, answer: Any, fake_time: Any, packed: Any) -> None:
    server = serve([answer(body=b"x"), answer(status=404)])
    gateway = reader(server.url, fake_time)
    assert gateway.has(packed.content_id)
    assert not gateway.has(packed.content_id)


def test_doctor_asks_for_an_empty_block(serve: Serve, answer: Any, fake_time: Any) -> None:
    assert reader(serve([answer()]).url, fake_time).check() == "gateway answers"
    with pytest.raises(UnreachableError):
        reader(serve([answer(status=403)]).url, fake_time).check()


class TestReadBack:
    def test_lies_failures_and_honest_answers_are_told_apart(
        self, serve: Serve, answer: Any, fake_time: Any, dead_url: str, packed: Any, other: Any
    ) -> None:
        flipped = bytearray(packed.car)
        flipped[-40] ^= 1
        answers = {
            "good": answer(body=packed.car),
            "flipped": answer(body=bytes(flipped)),
            "other": answer(body=other.car),
            "cut": answer(body=packed.car, cut=100),
            "short": answer(body=packed.car[:-7]),
            "gone": answer(status=404),
        }
        readers = [
            GatewayReader(serve([one]).url, name=name, operator=name, clock=fake_time.clock, sleep=fake_time.sleep)
            for name, one in answers.items()
        ]
        readers.append(GatewayReader(dead_url, name="dead", clock=fake_time.clock, sleep=fake_time.sleep))
        found = read_back(packed.content_id, readers)
        assert {result.store: (result.status, result.code) for result in found.results} == {
            "good": ("verified", None),
            "flipped": ("mismatch", "car.bad_block_hash"),
            "other": ("mismatch", "car.other_root"),
            "cut": ("unreachable", "store.gateway.broken_off"),
            "short": ("unreachable", "car.truncated"),
            "gone": ("not_found", "store.gateway.not_found"),
            "dead": ("unreachable", "store.gateway.unreachable"),
        }
        assert found.operators == 1
        assert {liar.store for liar in found.liars} == {"flipped", "other"}
