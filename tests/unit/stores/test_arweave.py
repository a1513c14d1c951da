from __future__ import annotations

import hashlib
import io
import json
import signal
import subprocess
import sys
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from archive.errors import ArchiveError, InvalidInputError, RefusedError, UnreachableError, UsageError
from archive.stores import arweave_codec as codec
from archive.stores.arweave import ArweaveReader, ArweaveTiming, ArweaveWriter
from archive.stores.http import Timing

Serve = Callable[..., Any]
ROOT = "ab" * 32


def unb64(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Gateway:
    """A small Arweave node: checks signatures and chunk proofs as a real one does, and can misbehave."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.balance = 10**15
        self.rate = 1000
        self.height = 100
        self.transactions: dict[str, dict[str, Any]] = {}
        self.chunks: dict[str, dict[int, bytes]] = {}
        self.mined_after = 1
        self.asked: dict[str, int] = {}
        self.serve_bytes: Callable[[bytes], bytes] = lambda data: data
        self.before: Callable[[Any], Any] = lambda request: None
        self.candidates: list[str] = []
        self.paid = 0

    def __call__(self, request: Any) -> Any:
        special = self.before(request)
        if special is not None:
            return special
        path = request.path
        if path == "/info":
            return self.json({"network": "fake.N.1", "height": self.height})
        if path.startswith("/price/"):
            return self.text(str(int(path.split("/")[2]) * self.rate))
        if path.startswith("/wallet/"):
            return self.text(str(self.balance))
        if path == "/tx_anchor":
            return self.text(urlsafe_b64encode(bytes(48)).decode())
        if path == "/tx":
            return self.post(json.loads(request.body))
        if path == "/chunk":
            return self.chunk(json.loads(request.body))
        if path == "/graphql":
            edges = [{"node": {"id": tx}} for tx in self.candidates]
            return self.json({"data": {"transactions": {"edges": edges}}})
        if path.endswith("/status"):
            return self.status(path.split("/")[2])
        return self.data(path[1:])

    def text(self, text: str) -> Any:
        return self.answer(body=text.encode())

    def json(self, value: Any) -> Any:
        return self.answer(body=json.dumps(value).encode())

    def post(self, tx: dict[str, Any]) -> Any:
        from arweave.deep_hash import deep_hash
        from Crypto.Hash import SHA256
        from Crypto.PublicKey import RSA
        from Crypto.Signature import pss

        tags = [[unb64(t["name"]), unb64(t["value"])] for t in tx["tags"]]
        money = [b"0", tx["reward"].encode(), unb64(tx["last_tx"])]
        data = [tx["data_size"].encode(), unb64(tx["data_root"])]
        message = deep_hash([b"2", unb64(tx["owner"]), b"", *money, tags, *data])
        signature = unb64(tx["signature"])
        key = RSA.construct((int.from_bytes(unb64(tx["owner"]), "big"), 65537))
        pss.new(key).verify(SHA256.new(message), signature)
        assert unb64(tx["id"]) == hashlib.sha256(signature).digest()
        if tx["id"] in self.transactions:
            return self.answer(status=208, body=b"Transaction already processed")
        self.transactions[tx["id"]] = tx
        self.paid += int(tx["reward"])
        if tx["data"]:
            self.chunks[tx["data_root"]] = {0: unb64(tx["data"])}
        return self.text("OK")

    def chunk(self, chunk: dict[str, Any]) -> Any:
        from arweave.merkle import validate_path

        data, size, offset = unb64(chunk["chunk"]), int(chunk["data_size"]), int(chunk["offset"])
        path = unb64(chunk["data_path"])
        assert len(path) <= len(data), "chunk_proof_ratio_not_attractive"
        found = validate_path(unb64(chunk["data_root"]), offset, 0, size, path)
        assert found, "invalid_proof"
        assert found.chunk_size == len(data) <= 256 * 1024
        self.chunks.setdefault(chunk["data_root"], {})[found.left_bound] = data
        return self.text("OK")

    def status(self, tx_id: str) -> Any:
        if tx_id not in self.transactions:
            return self.answer(status=404, body=b"Not Found.")
        self.asked[tx_id] = self.asked.get(tx_id, 0) + 1
        if self.asked[tx_id] <= self.mined_after:
            return self.answer(status=202, body=b"Pending")
        return self.json({"block_height": 101, "number_of_confirmations": 3})

    def data(self, tx_id: str) -> Any:
        tx = self.transactions.get(tx_id)
        parts = self.chunks.get(tx["data_root"], {}) if tx else {}
        data = b"".join(parts[start] for start in sorted(parts))
        if tx is None or len(data) != int(tx["data_size"]):
            return self.answer(status=404)
        return self.answer(body=self.serve_bytes(data))


@pytest.fixture
def gateway(answer: Any) -> Gateway:
    return Gateway(answer)


@pytest.fixture
def open_writer(serve: Serve, gateway: Gateway, keyfile: Path, tmp_path: Path, fake_time: Any) -> Callable[..., Any]:
    server = serve(gateway)

    def make(**more: Any) -> ArweaveWriter:
        writer = ArweaveWriter(
            server.url,
            keyfile,
            state_dir=tmp_path / "state",
            clock=fake_time.clock,
            sleep=fake_time.sleep,
            **{"waits": ArweaveTiming(mined=600, served=120, poll=15), **more},
        )
        writer.server = server  # type: ignore[attr-defined]
        return writer

    return make


def test_a_small_package_goes_up_in_one_piece_and_is_read_again(
    open_writer: Any, gateway: Gateway, packed: Any
) -> None:
    writer = open_writer()
    pin = writer.put_package(packed.path, packed.content_id, root=packed.root)
    assert (pin.status, pin.verified, pin.content_id) == ("stored", True, packed.content_id)
    tx = gateway.transactions[pin.locator]
    tags = {unb64(t["name"]).decode(): unb64(t["value"]).decode() for t in tx["tags"]}
    assert tags["Content-Type"] == "application/vnd.ipld.car"
    assert tags["App-Name"] == "incident-archive"
    assert (tags["Root"], tags["Content-Id"]) == (packed.root, packed.content_id)
    assert set(tags) == {"Content-Type", "App-Name", "App-Version", "Root", "Content-Id"}
    assert unb64(tx["data"]) == packed.car
    assert "/chunk" not in writer.server.paths()


def test_a_large_package_goes_up_in_chunks(open_writer: Any, gateway: Gateway, large: Any) -> None:
    pin = open_writer().put_package(large.path, large.content_id, root=large.root)
    assert pin.verified
    tx = gateway.transactions[pin.locator]
    assert tx["data"] == ""
    assert len(gateway.chunks[tx["data_root"]]) == len(codec.chunk_sizes(len(large.car))) > 8


def test_putting_it_again_pays_nothing(open_writer: Any, gateway: Gateway, packed: Any) -> None:
    first = open_writer().put_package(packed.path, packed.content_id, root=packed.root)
    paid = gateway.paid
    assert open_writer().put_package(packed.path, packed.content_id, root=packed.root) == first
    assert gateway.paid == paid


def test_a_bundle_is_tagged_as_json(open_writer: Any, gateway: Gateway, tmp_path: Path) -> None:
    from archive.package.hashing import digest_bytes

    path = tmp_path / "x.proof.json"
    path.write_bytes(b"{}")
    pin = open_writer().put_file(path, digest_bytes(b"{}").cid)
    tags = {unb64(t["name"]): unb64(t["value"]) for t in gateway.transactions[pin.locator]["tags"]}
    assert tags[b"Content-Type"] == b"application/json"


class TestMisbehaviour:
    def test_500_is_retried_and_then_named(self, open_writer: Any, gateway: Gateway, packed: Any, answer: Any) -> None:
        gateway.before = lambda request: answer(status=500) if request.path == "/tx" else None
        with pytest.raises(UnreachableError) as caught:
            open_writer().put_package(packed.path, packed.content_id, root=packed.root)
        assert caught.value.code == "store.arweave.server_error"
        gateway.before = lambda request: None
        assert open_writer().put_package(packed.path, packed.content_id, root=packed.root).verified
        assert len(gateway.transactions) == 1

    def test_429_is_waited_out(
        self, open_writer: Any, gateway: Gateway, large: Any, answer: Any, fake_time: Any
    ) -> None:
        busy = iter([True, True, False, True])

        def before(request: Any) -> Any:
            if request.path == "/chunk" and next(busy, False):
                return answer(status=429, headers={"Retry-After": "11"})
            return None

        gateway.before = before
        assert open_writer().put_package(large.path, large.content_id, root=large.root).verified
        assert fake_time.slept.count(11.0) == 3

    def test_other_bytes_coming_back_is_not_stored(self, open_writer: Any, gateway: Gateway, packed: Any) -> None:
        gateway.serve_bytes = lambda data: data[:-1] + bytes([data[-1] ^ 1])
        with pytest.raises(InvalidInputError) as caught:
            open_writer().put_package(packed.path, packed.content_id, root=packed.root)
        assert caught.value.code == "store.arweave.wrong_bytes"

    @pytest.mark.parametrize("change", [lambda d: d + b"x", lambda d: d[:-1], lambda d: b""])
    def test_more_or_fewer_bytes_coming_back_is_not_stored(
        self, open_writer: Any, gateway: Gateway, packed: Any, change: Any
    ) -> None:
        gateway.serve_bytes = change
        with pytest.raises(InvalidInputError) as caught:
            open_writer().put_package(packed.path, packed.content_id, root=packed.root)
        assert caught.value.code in ("store.arweave.wrong_bytes", "store.too_large")

    def test_never_mined_is_pending_and_a_later_run_completes_without_paying_again(
        self, open_writer: Any, gateway: Gateway, packed: Any, fake_time: Any
    ) -> None:
        gateway.mined_after = 10**9
        pin = open_writer().put_package(packed.path, packed.content_id, root=packed.root)
        assert (pin.status, pin.verified, pin.detail) == ("pending", False, "not mined yet")
        assert fake_time.now <= 600
        gateway.mined_after = 0
        again = open_writer().put_package(packed.path, packed.content_id, root=packed.root)
        assert (again.status, again.verified, again.locator) == ("stored", True, pin.locator)
        assert gateway.paid == int(gateway.transactions[pin.locator]["reward"])

    def test_mined_but_not_served_is_pending_after_the_chunks_were_sent_again(
        self, open_writer: Any, gateway: Gateway, large: Any
    ) -> None:
        lost = {"times": 0}

        def before(request: Any) -> Any:
            if request.path == "/chunk":
                lost["times"] += 1
                return gateway.answer(body=b"OK")  # says OK and drops it
            return None

        gateway.before = before
        pin = open_writer().put_package(large.path, large.content_id, root=large.root)
        assert (pin.status, pin.verified) == ("pending", False)
        assert lost["times"] == 2 * len(codec.chunk_sizes(len(large.car)))
        gateway.before = lambda request: None
        assert open_writer().put_package(large.path, large.content_id, root=large.root).verified
        assert len(gateway.transactions) == 1

    def test_a_refused_chunk_names_its_reason(
        self, open_writer: Any, gateway: Gateway, large: Any, answer: Any
    ) -> None:
        gateway.before = lambda r: answer(status=400, body=b'{"error":"invalid_proof"}') if r.path == "/chunk" else None
        with pytest.raises(RefusedError) as caught:
            open_writer().put_package(large.path, large.content_id, root=large.root)
        assert caught.value.code == "store.arweave.refused_chunk"
        assert "invalid_proof" in caught.value.message

    def test_a_refused_transaction_is_no_success(
        self, open_writer: Any, gateway: Gateway, packed: Any, answer: Any
    ) -> None:
        gateway.before = lambda r: answer(status=400, body=b"Invalid hash") if r.path == "/tx" else None
        with pytest.raises(RefusedError) as caught:
            open_writer().put_package(packed.path, packed.content_id, root=packed.root)
        assert caught.value.code == "store.arweave.refused"

    def test_a_dead_gateway_is_unreachable(
        self, dead_url: str, keyfile: Path, tmp_path: Path, packed: Any, fake_time: Any
    ) -> None:
        writer = ArweaveWriter(
            dead_url, keyfile, state_dir=tmp_path / "s", clock=fake_time.clock, sleep=fake_time.sleep
        )
        with pytest.raises(UnreachableError) as caught:
            writer.put_package(packed.path, packed.content_id, root=packed.root)
        assert caught.value.code == "store.arweave.unreachable"

    def test_something_that_is_no_gateway(
        self, serve: Serve, answer: Any, keyfile: Path, tmp_path: Path, packed: Any, fake_time: Any
    ) -> None:
        writer = ArweaveWriter(serve([answer(body=b"hello")]).url, keyfile, state_dir=tmp_path / "s")
        with pytest.raises(InvalidInputError) as caught:
            writer.put_package(packed.path, packed.content_id, root=packed.root)
        assert caught.value.code == "store.arweave.bad_answer"


class TestMoney:
    def test_no_funds_is_refused_before_anything_is_signed(
        self, open_writer: Any, gateway: Gateway, packed: Any, tmp_path: Path
    ) -> None:
        gateway.balance = 5
        with pytest.raises(RefusedError) as caught:
            open_writer().put_package(packed.path, packed.content_id, root=packed.root)
        assert caught.value.code == "store.arweave.no_funds"
        assert "0.000000000005 AR" in caught.value.message
        assert gateway.transactions == {}
        assert not (tmp_path / "state").exists()

    def test_a_price_above_the_allowed_is_refused(self, open_writer: Any, gateway: Gateway, packed: Any) -> None:
        with pytest.raises(RefusedError) as caught:
            open_writer(max_winston=10).put_package(packed.path, packed.content_id, root=packed.root)
        assert caught.value.code == "store.arweave.too_dear"
        assert gateway.transactions == {}

    def test_a_price_that_rose_since_it_was_shown_is_refused(
        self, open_writer: Any, gateway: Gateway, packed: Any
    ) -> None:
        writer = open_writer()
        shown = writer.quote(len(packed.car))
        assert shown.price == len(packed.car) * 1000
        gateway.rate = 1101
        with pytest.raises(RefusedError) as caught:
            writer.put_package(packed.path, packed.content_id, root=packed.root)
        assert caught.value.code == "store.arweave.too_dear"
        gateway.rate = 1100
        assert writer.put_package(packed.path, packed.content_id, root=packed.root).verified

    @pytest.mark.parametrize("text", ["", "1.5", "-1", "0x10", "1e9", "٣", "007", "9" * 40])
    def test_amounts_are_exact_integers(self, text: str) -> None:
        with pytest.raises(InvalidInputError) as caught:
            codec.parse_winston(text, what="price")
        assert caught.value.code == "store.arweave.bad_answer"

    @pytest.mark.parametrize(
        ("winston", "ar"),
        [(0, "0"), (1, "0.000000000001"), (10**12, "1"), (15 * 10**11, "1.5"), (10**30, "1" + "0" * 18)],
    )
    def test_amounts_are_shown_exactly(self, winston: int, ar: str) -> None:
        assert codec.format_ar(winston) == ar


class TestResumption:
    def test_killed_after_the_post_goes_on_with_the_same_transaction(
        self, open_writer: Any, gateway: Gateway, large: Any
    ) -> None:
        sent = {"chunks": 0}

        def before(request: Any) -> Any:
            if request.path == "/chunk":
                sent["chunks"] += 1
                if sent["chunks"] == 4:
                    raise ConnectionAbortedError
            return None

        gateway.before = before
        writer = open_writer(timing=Timing(deadline=0))
        with pytest.raises(UnreachableError):
            writer.put_package(large.path, large.content_id, root=large.root)
        gateway.before = lambda request: sent.update(chunks=sent["chunks"] + (request.path == "/chunk"))
        sent["chunks"] = 0
        pin = open_writer().put_package(large.path, large.content_id, root=large.root)
        assert pin.verified
        assert sent["chunks"] == len(codec.chunk_sizes(len(large.car))) - 3
        assert len(gateway.transactions) == 1

    def test_an_answer_lost_after_the_gateway_took_it_does_not_pay_twice(
        self, open_writer: Any, gateway: Gateway, packed: Any
    ) -> None:
        def before(request: Any) -> Any:
            if request.path == "/tx":
                gateway.post(json.loads(request.body))
                raise ConnectionAbortedError
            return None

        gateway.before = before
        with pytest.raises(UnreachableError):
            open_writer(timing=Timing(deadline=0)).put_package(packed.path, packed.content_id, root=packed.root)
        gateway.before = lambda request: None
        assert open_writer().put_package(packed.path, packed.content_id, root=packed.root).verified
        assert len(gateway.transactions) == 1

    def test_a_transaction_that_can_never_be_mined_is_replaced(
        self, open_writer: Any, gateway: Gateway, packed: Any
    ) -> None:
        gateway.mined_after = 10**9
        first = open_writer().put_package(packed.path, packed.content_id, root=packed.root)
        gateway.transactions.clear()  # dropped from the pool
        gateway.height += 30
        gateway.before = lambda r: gateway.answer(status=400, body=b"bad anchor") if r.path == "/tx" else None
        with pytest.raises(RefusedError):  # it might still be mined elsewhere: no new one yet
            open_writer().put_package(packed.path, packed.content_id, root=packed.root)
        gateway.before = lambda request: None
        gateway.height += 100
        gateway.mined_after = 0
        second = open_writer().put_package(packed.path, packed.content_id, root=packed.root)
        assert second.verified
        assert second.locator != first.locator

    def test_a_damaged_record_stops_for_a_person(
        self, open_writer: Any, gateway: Gateway, packed: Any, tmp_path: Path
    ) -> None:
        open_writer().put_package(packed.path, packed.content_id, root=packed.root)
        (state,) = (tmp_path / "state").iterdir()
        assert state.stat().st_mode & 0o777 == 0o600
        state.write_text("{")
        with pytest.raises(InvalidInputError) as caught:
            open_writer().put_package(packed.path, packed.content_id, root=packed.root)
        assert caught.value.code == "store.arweave.bad_state"
        assert len(gateway.transactions) == 1

    def test_other_bytes_under_the_same_id_are_not_mixed_up(self, open_writer: Any, packed: Any, other: Any) -> None:
        open_writer().put_package(packed.path, packed.content_id, root=packed.root)
        with pytest.raises(InvalidInputError) as caught:
            open_writer().put_package(other.path, packed.content_id, root=packed.root)
        assert caught.value.code == "store.arweave.other_upload"


class TestCtrlC:
    """Interrupted at any request, before it leaves or after it was taken: the same command completes, and pays once."""

    @pytest.mark.parametrize("sent", [False, True])
    @pytest.mark.parametrize(("size", "step"), [("packed", 1), ("large", 4)])
    def test_anywhere(
        self,
        open_writer: Any,
        gateway: Gateway,
        keyfile: Path,
        request: pytest.FixtureRequest,
        monkeypatch: pytest.MonkeyPatch,
        size: str,
        step: int,
        sent: bool,
    ) -> None:
        package = request.getfixturevalue(size)
        key = codec.load_key(keyfile)  # reading a key takes a third of a second
        monkeypatch.setattr(codec, "load_key", lambda path: key)
        interrupted = 0
        for stop_at in range(1, 60, step):
            gateway.__init__(gateway.answer)  # type: ignore[misc]  # an empty node
            state = open_writer()._state_dir
            for path in state.glob("*"):
                path.unlink()
            factory = interrupting_session(stop_at, sent=sent)
            try:
                pin = open_writer(session_factory=factory).put_package(
                    package.path, package.content_id, root=package.root
                )
            except KeyboardInterrupt:
                interrupted += 1
                pin = open_writer().put_package(package.path, package.content_id, root=package.root)
            else:
                break
            assert pin.verified, stop_at
            assert len(gateway.transactions) == 1, stop_at
            assert gateway.paid == int(gateway.transactions[pin.locator]["reward"])
        assert interrupted >= 5


def interrupting_session(stop_at: int, *, sent: bool) -> Callable[[], Any]:
    import requests

    count = {"requests": 0}

    class Session(requests.Session):
        def request(self, *arguments: Any, **more: Any) -> Any:
            count["requests"] += 1
            if count["requests"] == stop_at and not sent:
                raise KeyboardInterrupt
            answer = super().request(*arguments, **more)
            if count["requests"] == stop_at:
                answer.close()
                raise KeyboardInterrupt
            return answer

    return Session


class TestKey:
    def test_a_key_others_can_read_is_refused(self, open_writer: Any, keyfile: Path, packed: Any) -> None:
        keyfile.chmod(0o644)
        with pytest.raises(RefusedError) as caught:
            open_writer().put_package(packed.path, packed.content_id, root=packed.root)
        assert caught.value.code == "store.arweave.keyfile_permissions"
        assert "chmod 600" in str(caught.value.hint)

    @pytest.mark.parametrize("change", ["", "[]", "{}", '{"kty":"RSA"}', "drop-q", "garble"])
    def test_a_broken_key_is_named_and_never_quoted(self, keyfile: Path, jwk: dict[str, str], change: str) -> None:
        if change == "drop-q":
            change = json.dumps({k: v for k, v in jwk.items() if k != "q"})
        elif change == "garble":
            change = json.dumps({**jwk, "n": "AAAA"})
        keyfile.write_text(change)
        with pytest.raises(UsageError) as caught:
            codec.load_key(keyfile)
        assert caught.value.code == "store.arweave.keyfile"
        assert jwk["d"][:16] not in str(caught.value)
        assert caught.value.__cause__ is None

    def test_a_missing_key_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError) as caught:
            codec.load_key(tmp_path / "none.json")
        assert caught.value.code == "store.arweave.keyfile"

    def test_nothing_secret_in_repr_logs_or_state(
        self, open_writer: Any, keyfile: Path, jwk: dict[str, str], packed: Any, tmp_path: Path, caplog: Any
    ) -> None:
        caplog.set_level("DEBUG")
        writer = open_writer()
        writer.put_package(packed.path, packed.content_id, root=packed.root)
        state = "".join(path.read_text() for path in (tmp_path / "state").iterdir())
        for text in (repr(codec.load_key(keyfile)), caplog.text, state):
            for part in ("d", "p", "q", "dp", "dq", "qi"):
                assert jwk[part] not in text

    def test_the_address_is_the_hash_of_the_modulus(self, keyfile: Path, jwk: dict[str, str]) -> None:
        expected = urlsafe_b64encode(hashlib.sha256(unb64(jwk["n"])).digest()).rstrip(b"=").decode()
        assert codec.load_key(keyfile).address == expected


class TestReader:
    def reader(self, serve: Serve, gateway: Gateway, time: Any, **more: Any) -> ArweaveReader:
        return ArweaveReader(serve(gateway).url, clock=time.clock, sleep=time.sleep, **more)

    def test_by_transaction_id(
        self, serve: Serve, gateway: Gateway, open_writer: Any, packed: Any, fake_time: Any
    ) -> None:
        pin = open_writer().put_package(packed.path, packed.content_id, root=packed.root)
        reader = self.reader(serve, gateway, fake_time).with_locators({packed.content_id: pin.locator})
        sink = io.BytesIO()
        reader.fetch_package(packed.content_id, sink)
        assert sink.getvalue() == packed.car

    def test_by_tag_passing_over_squatters(
        self, serve: Serve, gateway: Gateway, open_writer: Any, packed: Any, other: Any, fake_time: Any
    ) -> None:
        squatter = open_writer().put_package(other.path, other.content_id, root=other.root)
        pin = open_writer().put_package(packed.path, packed.content_id, root=packed.root)
        gateway.candidates = ["A" * 43, squatter.locator, pin.locator]
        sink = io.BytesIO()
        self.reader(serve, gateway, fake_time).fetch_package(packed.content_id, sink)
        assert sink.getvalue() == packed.car

    def test_only_squatters_is_wrong_bytes(
        self, serve: Serve, gateway: Gateway, open_writer: Any, packed: Any, other: Any, fake_time: Any
    ) -> None:
        gateway.candidates = [open_writer().put_package(other.path, other.content_id, root=other.root).locator]
        with pytest.raises(InvalidInputError) as caught:
            self.reader(serve, gateway, fake_time).fetch_package(packed.content_id, io.BytesIO())
        assert caught.value.code == "store.arweave.wrong_bytes"

    def test_unknown_is_not_found(self, serve: Serve, gateway: Gateway, packed: Any, fake_time: Any) -> None:
        reader = self.reader(serve, gateway, fake_time)
        assert not reader.has(packed.content_id)
        with pytest.raises(UnreachableError) as caught:
            reader.fetch_package(packed.content_id, io.BytesIO())
        assert caught.value.code == "store.arweave.not_found"

    @pytest.mark.parametrize(
        "body", [b"", b"[]", b'{"data":null}', b'{"data":{"transactions":{"edges":[{"node":{"id":"../x"}}]}}}']
    )
    def test_a_bad_graphql_answer_is_an_error(
        self, serve: Serve, answer: Any, packed: Any, fake_time: Any, body: bytes
    ) -> None:
        reader = ArweaveReader(serve([answer(body=body)]).url, clock=fake_time.clock, sleep=fake_time.sleep)
        with pytest.raises(ArchiveError) as caught:
            reader.fetch_package(packed.content_id, io.BytesIO())
        assert caught.value.code in ("store.arweave.bad_answer", "store.arweave.bad_tx_id")


class TestChunks:
    @pytest.mark.parametrize(
        ("size", "sizes"),
        [
            (1, [1]),
            (262_144, [262_144]),
            (262_145, [131_073, 131_072]),
            (262_144 + 32_768, [262_144, 32_768]),
            (2 * 262_144, [262_144, 262_144]),
            (2 * 262_144 + 1, [262_144, 131_073, 131_072]),
        ],
    )
    def test_the_tail_is_never_too_short(self, size: int, sizes: list[int]) -> None:
        assert codec.chunk_sizes(size) == sizes

    def test_the_data_root_is_the_librarys_where_both_cut_alike(self, tmp_path: Path) -> None:
        from arweave.merkle import compute_root_hash

        path = tmp_path / "x"
        path.write_bytes(bytes(range(256)) * 4096)
        assert codec.plan_chunks(path).data_root == codec.b64url(compute_root_hash(io.BytesIO(path.read_bytes())))

    def test_a_file_that_changes_between_chunks_is_named(self, large: Any, tmp_path: Path) -> None:
        path = tmp_path / "x"
        path.write_bytes(large.car)
        plan = codec.plan_chunks(path)
        path.write_bytes(b"\0" * len(large.car))
        with pytest.raises(InvalidInputError) as caught:
            plan.body(path, 0)
        assert caught.value.code == "store.changed_while_read"

    def test_an_empty_file_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "x").touch()
        with pytest.raises(UsageError) as caught:
            codec.plan_chunks(tmp_path / "x")
        assert caught.value.code == "store.arweave.empty"


def test_importing_the_library_does_not_change_sigpipe() -> None:
    before = signal.getsignal(signal.SIGPIPE)
    codec._library()
    assert signal.getsignal(signal.SIGPIPE) is before


def test_reading_needs_no_publish_libraries() -> None:
    code = (
        "import sys, archive.stores.config as c, archive.stores.fetch, archive.stores.readback, pathlib\n"
        "from archive.workspace import Workspace\n"
        "env = {'ARCHIVE_KUBO_API': 'http://x', 'ARCHIVE_IPFS_GATEWAYS': 'http://y', 'ARCHIVE_ARWEAVE_URL': 'http://z'}\n"
        "assert len(c.open_stores(Workspace(pathlib.Path('/nonexistent')), env).readers) == 4\n"
        "bad = {'web3', 'arweave', 'ipfshttpclient', 'eth_account'} & set(sys.modules)\n"
        "assert not bad, bad\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
