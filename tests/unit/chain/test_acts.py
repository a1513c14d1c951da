"""Requests, acts and batches: against the shared vectors, and for real in the embedded chain's registry."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct
from hypothesis import given
from hypothesis import strategies as st

from archive.chain import eip712, proofs, registry
from archive.chain.acting import is_cancelled, is_done, locate_batch, perform
from archive.chain.acts import ActsReader, endorsement_of_word, retraction_of_word
from archive.chain.batch import Batch, Member, Place, batch_root
from archive.chain.codec import keccak, to_hex
from archive.chain.collect import collect_anchor_proof
from archive.chain.eip712 import AnchorAct, EndorseAct, Request, RetractAct, parse_request
from archive.chain.local import EmbeddedChain
from archive.chain.local_state import LocalState
from archive.chain.networks import get_network
from archive.chain.registry import AnchorCall, BatchCall
from archive.chain.succession import Succession, keys_of, line_to, parse_succession
from archive.chain.writer import RegistryWriter
from archive.errors import ArchiveError, InvalidInputError
from archive.package import merkle

VECTORS = Path(__file__).resolve().parents[2] / "vectors"
SIGNER = Account.from_key(keccak(b"a signer in tests"))
WHO = SIGNER.address.lower()
FAR = 4_000_000_000


def vectors(name: str) -> list[dict[str, Any]]:
    return list(json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))["vectors"])


def code_of(action: Callable[[], object]) -> str:
    with pytest.raises(ArchiveError) as caught:
        action()
    return caught.value.code


def signed(request: Request, account: Any = SIGNER) -> Request:
    return replace(request, signature=bytes(account.sign_typed_data(full_message=request.typed_data()).signature))


# --- vectors


@pytest.mark.parametrize("vector", vectors("requests"), ids=lambda v: v["name"])
def test_requests_are_as_the_vectors_say(vector: dict[str, Any]) -> None:
    request = parse_request(json.dumps(vector["input"]).encode())
    assert request.to_json() == vector["input"]
    told = vector["output"]
    assert to_hex(request.struct_hash()) == told["struct_hash"]
    assert to_hex(request.digest()) == told["digest"]
    assert to_hex(request.relay_call()) == told["calldata"]
    assert (request.signer() == request.act.account) == (vector["expected"] == "valid")


@pytest.mark.parametrize("vector", vectors("batches"), ids=lambda v: v["name"])
def test_batches_are_as_the_vectors_say(vector: dict[str, Any]) -> None:
    members = [Member(*(bytes.fromhex(word[2:]) for word in member.values())) for member in vector["input"]["members"]]
    batch = Batch(members)
    told = vector["output"]
    assert to_hex(batch.root) == told["root"]
    assert [to_hex(member.leaf()) for member in members] == told["leaves"]
    for member, index, path in zip(members, told["indexes"], told["paths"], strict=True):
        place = batch.place(member)
        assert (place.index, [to_hex(node) for node in place.path]) == (index, path)


def test_the_vectors_are_those_that_the_code_makes() -> None:
    command = [sys.executable, str(VECTORS / "generate_requests.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_request_of_another_shape_is_refused() -> None:
    good = vectors("requests")[0]["input"]
    for changes in (
        {"act": "destroy"},
        {"chain_id": 0},
        {"chain_id": True},
        {"registry": good["registry"].upper()},
        {"signature": "0x"},
        {"signature": "0x" + "00" * 8193},
        {"message": {**good["message"], "gas": 1}},
        {"message": {k: v for k, v in good["message"].items() if k != "deadline"}},
        {"message": {**good["message"], "root": "0x" + good["message"]["root"]}},
        {"message": {**good["message"], "deadline": -1}},
        {"more": 1},
    ):
        value = json.dumps({**good, **changes}).encode()
        assert code_of(lambda data=value: parse_request(data)) == "request.shape", changes  # type: ignore[misc]
    assert code_of(lambda: parse_request(b"{}")) == "request.unknown_format"
    assert code_of(lambda: parse_request(b" " * 70_000)) == "request.too_large"
    assert code_of(lambda: parse_request(b'{"format":1.5}')) == "canonical.float"


@pytest.mark.parametrize("reason", ["", "   ", "a\x1bb", "é" * 257, 7])
def test_reasons_that_are_refused(reason: Any) -> None:
    with pytest.raises(ValueError, match="reason"):
        eip712.checked_reason(reason)


# --- batches


@given(st.integers(1, 40), st.data())
def test_every_member_leads_to_the_root_and_no_other_place_does(count: int, data: st.DataObject) -> None:
    members = [Member(*(keccak(f"{word}{n}".encode()) for word in "irc")) for n in range(count)]
    batch = Batch(members)
    assert batch.root == merkle.merkle_root(sorted(member.leaf() for member in members))
    member = data.draw(st.sampled_from(members))
    place = batch.place(member)
    assert batch_root(member, place) == batch.root
    other = replace(member, root=keccak(b"another root"))
    assert batch_root(other, place) != batch.root
    if place.path:
        at = data.draw(st.integers(0, len(place.path) - 1))
        bent = tuple(node if n != at else keccak(node) for n, node in enumerate(place.path))
        assert batch_root(member, replace(place, path=bent)) != batch.root


def test_a_batch_is_the_same_in_any_order() -> None:
    members = [Member(*(keccak(f"{word}{n}".encode()) for word in "irc")) for n in range(9)]
    assert Batch(members).root == Batch(reversed(members)).root


def test_batches_that_are_refused() -> None:
    member = Member(bytes(32), bytes(32), bytes(32))
    assert code_of(lambda: Batch([])) == "batch.empty"
    assert code_of(lambda: Batch([member, member])) == "batch.duplicate"
    assert code_of(lambda: Batch([replace(member, root=b"x")])) == "batch.hash_size"
    assert code_of(lambda: Batch([member]).place(replace(member, root=b"\1" * 32))) == "batch.not_a_member"
    assert code_of(lambda: batch_root(member, Place((bytes(32),), 0, 1))) == "merkle.path_length"
    assert code_of(lambda: batch_root(member, Place((), 1, 1))) == "merkle.index"


def test_a_batch_of_one_is_not_its_members_root() -> None:
    member = Member(keccak(b"i"), keccak(b"r"), keccak(b"c"))
    assert Batch([member]).root not in (member.root, merkle.leaf_hash(member.root))


# --- storage words


def test_words_with_unknown_flags_are_refused() -> None:
    assert endorsement_of_word(0) is None
    assert retraction_of_word(0) is None
    for word in (1 << 64, 0x40, 0x81):
        assert code_of(lambda w=word: endorsement_of_word(w)) == "chain.rpc_bad_answer"  # type: ignore[misc]
        assert code_of(lambda w=word: retraction_of_word(w)) == "chain.rpc_bad_answer"  # type: ignore[misc]


# --- for real, on the embedded chain


@pytest.fixture
def writer(chain: EmbeddedChain) -> RegistryWriter:
    network = get_network(chain.workspace, "local", {})
    return RegistryWriter.open(chain, network, chain.account, registry=chain.registry)


def request_for(writer: RegistryWriter, act: eip712.Act, deadline: int = FAR) -> Request:
    return Request(writer.identity.chain_id, writer.reader.address, act, deadline)


def relay(writer: RegistryWriter, request: Request) -> str:
    act = request.act
    return perform(writer, request.relay_call(), lambda: is_done(writer.reader.rpc, writer.reader.address, act)).status


CALL = AnchorCall(registry.incident_key("2025-10-11-example"), b"\x05" * 32, bytes(32), b"\x03" * 32)


@pytest.mark.parametrize(
    "act",
    [
        AnchorAct(WHO, CALL),
        EndorseAct(WHO, b"\x05" * 32),
        EndorseAct(WHO, b"\x05" * 32, "withdraw"),
        RetractAct(WHO, b"\x05" * 32, "rows were misread, 错"),
    ],
    ids=lambda act: act.name,
)
def test_a_signed_request_is_relayed_once(writer: RegistryWriter, act: eip712.Act) -> None:
    request = signed(request_for(writer, act))
    assert relay(writer, request) == "done"
    assert relay(writer, request) == "already"


def test_a_relayed_anchor_is_proven_by_the_publishers_own_signature(writer: RegistryWriter) -> None:
    request = signed(request_for(writer, AnchorAct(WHO, CALL)))
    receipt = perform(
        writer, request.relay_call(), lambda: is_done(writer.reader.rpc, writer.reader.address, request.act)
    )
    assert receipt.tx_hash is not None
    proof = collect_anchor_proof(writer.reader.rpc, receipt.tx_hash, writer.reader.address)
    proven = proofs.check_anchor_proof(proof)
    assert (proven.publisher, proven.direct) == (WHO, True)
    assert proven.sender == writer.publisher
    assert all(step.status == "pass" for step in proven.steps)


def test_an_anchor_of_another_key_in_the_same_registry_stays_in_the_bundle(
    writer: RegistryWriter, chain: EmbeddedChain
) -> None:
    """It may be the older one, and nobody can make it again from the bundle. A proof of the same one gives way."""
    from archive.bundle import ProofBundle
    from archive.cli.reanchor import _added

    proven = []
    for account in (SIGNER, Account.from_key(keccak(b"another signer"))):
        request = signed(request_for(writer, AnchorAct(account.address.lower(), CALL)), account)
        receipt = perform(writer, request.relay_call(), lambda act=request.act: is_done(chain, chain.registry, act))  # type: ignore[misc]
        assert receipt.tx_hash is not None
        proven.append(collect_anchor_proof(chain, receipt.tx_hash, chain.registry).model_dump(mode="json"))
    first, second = proven
    held = ProofBundle("", "", (), None, (), anchors=(first, second))
    assert _added(held, second) == [first, second]
    assert _added(held, first) == [second, first]
    broken = {**first, "receipt": second["receipt"]}
    assert _added(replace(held, anchors=(broken, second)), first) == [second, first]


def test_requests_that_the_registry_refuses(writer: RegistryWriter) -> None:
    act = EndorseAct(WHO, b"\x07" * 32)
    good = signed(request_for(writer, act))
    other = Account.from_key(keccak(b"somebody else"))
    assert code_of(lambda: relay(writer, signed(good, other))) == "registry.bad_signature"
    assert code_of(lambda: relay(writer, signed(replace(good, deadline=1)))) == "registry.expired"
    assert code_of(lambda: relay(writer, replace(good, deadline=FAR + 1))) == "registry.bad_signature"
    moved = replace(signed(replace(good, chain_id=97)), chain_id=good.chain_id)
    assert code_of(lambda: relay(writer, moved)) == "registry.bad_signature"
    assert relay(writer, good) == "done"


def test_a_cancelled_request_is_refused(writer: RegistryWriter, chain: EmbeddedChain) -> None:
    own = Account.from_key(chain.account.key)
    act = EndorseAct(writer.publisher, b"\x0a" * 32)
    request = signed(request_for(writer, act), own)
    assert not is_cancelled(chain, chain.registry, request)
    perform(writer, eip712.cancel_call(request), lambda: is_cancelled(chain, chain.registry, request))
    assert is_cancelled(chain, chain.registry, request)
    assert code_of(lambda: relay(writer, request)) == "registry.cancelled"
    assert relay(writer, signed(request_for(writer, act, FAR + 1), own)) == "done"


def test_another_act_in_its_place_is_told_apart(writer: RegistryWriter) -> None:
    root = b"\x08" * 32
    relay(writer, signed(request_for(writer, RetractAct(WHO, root, "first"))))
    assert code_of(lambda: relay(writer, signed(request_for(writer, RetractAct(WHO, root, "second"))))) == (
        "registry.already_retracted"
    )
    relay(writer, signed(request_for(writer, EndorseAct(WHO, root, "withdraw"))))
    assert code_of(lambda: relay(writer, signed(request_for(writer, EndorseAct(WHO, root))))) == (
        "registry.already_withdrawn"
    )


def test_the_reader_reads_what_was_done(writer: RegistryWriter, chain: EmbeddedChain) -> None:
    root = b"\x09" * 32
    reader = ActsReader(chain, chain.registry)
    assert reader.endorsement(WHO, root) is reader.retraction(WHO, root) is reader.batch(WHO, root) is None
    relay(writer, signed(request_for(writer, EndorseAct(WHO, root))))
    relay(writer, signed(request_for(writer, RetractAct(WHO, root, "why"))))
    endorsement, retraction = reader.endorsement(WHO, root), reader.retraction(WHO, root)
    assert endorsement is not None
    assert endorsement.stands
    assert retraction is not None
    assert reader.reason(WHO, root, retraction) == "why"
    slot = keccak(root + keccak(registry.address_word(WHO) + registry.int_word(3)))
    assert endorsement_of_word(LocalState(chain.workspace).word(chain.registry, slot)) == endorsement
    assert LocalState(chain.workspace).word(chain.registry, bytes(32)) == 0
    relay(writer, signed(request_for(writer, EndorseAct(WHO, root, "withdraw"))))
    after = reader.endorsement(WHO, root)
    assert after is not None
    assert after.withdrawn
    assert after.time == endorsement.time


def test_a_batch_is_anchored_and_each_member_proven(writer: RegistryWriter, chain: EmbeddedChain) -> None:
    members = [Member(*(keccak(f"{word}{n}".encode()) for word in "irc")) for n in range(5)]
    batch = Batch(members)
    call = BatchCall(batch.root, batch.count)
    reader = ActsReader(chain, chain.registry)

    def done() -> bool:
        return reader.batch(writer.publisher, batch.root) is not None

    # Somebody who anchors a member first, alone, changes nothing.
    writer.anchor(AnchorCall(members[0].incident, members[0].root, bytes(32), members[0].content_digest))
    receipt = perform(writer, call.encode(), done)
    entry = reader.batch(writer.publisher, batch.root)
    assert entry is not None
    assert entry.count == 5
    there = locate_batch(chain, chain.registry, writer.publisher, batch.root, entry)
    assert there.tx_hash == receipt.tx_hash
    for member in members:
        proof = collect_anchor_proof(
            chain, there.tx_hash, chain.registry, root=batch.root.hex(), place=batch.place(member)
        )
        assert proofs.parse_anchor_proof(proof.model_dump(mode="json")) == proof
        proven = proofs.check_anchor_proof(proof)
        assert (proven.root, proven.direct, proven.publisher) == (batch.root.hex(), True, writer.publisher)
        assert proven.place is not None
        assert batch_root(member, proven.place).hex() == proven.root
    short = proof.model_copy(update={"count": 4})
    assert code_of(lambda: proofs.check_anchor_proof(short)) == "anchor.batch_count"
    bare = {k: v for k, v in proof.model_dump(mode="json").items() if k not in ("path", "index", "count")}
    assert code_of(lambda: proofs.parse_anchor_proof(bare)) == "anchor.malformed"
    # The batch's event never proves a package, nor a package's event a batch.
    assert code_of(lambda: proofs.check_anchor_proof(proofs.parse_anchor_proof({**bare, "kind": "anchor"}))) == (
        "anchor.log_topic"
    )


# --- succession


def statement(old: Any, new: str) -> Succession:
    plain = Succession(old.address.lower(), new, "2026-01-01T00:00:00Z")
    return plain.signed(bytes(old.sign_message(encode_defunct(plain.message())).signature))


def test_a_succession_is_signed_by_the_old_key() -> None:
    good = statement(SIGNER, "0x" + "22" * 20)
    assert parse_succession(good.to_json()) == good
    for changes, code in (
        ({"new": "0x" + "33" * 20}, "succession.signature"),
        ({"signed_at": "2026-01-02T00:00:00Z"}, "succession.signature"),
        ({"old": "0x" + "33" * 20}, "succession.signature"),
        ({"old": good.new}, "succession.shape"),
        ({"signature": "0x" + "00" * 64}, "succession.shape"),
        ({"until": None}, "succession.shape"),
        ({"format": "incident-archive-succession/2"}, "succession.unknown_format"),
    ):
        value = {**good.to_json(), **changes}
        assert code_of(lambda v=value: parse_succession(v)) == code, changes  # type: ignore[misc]


def step(old: int, new: int) -> Succession:
    return Succession("0x" + f"{old:02x}" * 20, "0x" + f"{new:02x}" * 20, "2026-01-01T00:00:00Z")


def key(number: int) -> str:
    return "0x" + f"{number:02x}" * 20


def test_lines_of_succession_are_followed_forwards_and_only_where_they_are_clear() -> None:
    assert line_to([step(1, 2), step(2, 3)], [key(1)], key(3)) == (key(1), key(2), key(3))
    assert line_to([step(1, 2)], [key(2)], key(1)) is None
    assert line_to([step(1, 2), step(1, 3)], [key(1)], key(2)) is None
    assert line_to([step(1, 2), step(2, 1)], [key(1)], key(9)) is None
    long = [step(n, n + 1) for n in range(1, 40)]
    assert line_to(long, [key(1)], key(17)) is not None
    assert line_to(long, [key(1)], key(30)) is None
    assert set(keys_of([step(1, 2), step(2, 3), step(8, 9)], key(2))) == {key(1), key(2), key(3)}


def test_foreign_errors_do_not_leak() -> None:
    with pytest.raises(InvalidInputError):
        parse_succession([])


def test_a_request_that_takes_more_gas_than_allowed_is_not_sent(writer: RegistryWriter) -> None:
    """A wallet that is a contract decides what checking its signature costs; whoever relays a folder pays."""
    act = EndorseAct(WHO, b"\x0e" * 32)
    request = signed(request_for(writer, act))

    def relay_with(max_gas: int) -> str:
        done = perform(
            writer,
            request.relay_call(),
            lambda: is_done(writer.reader.rpc, writer.reader.address, act),
            max_gas=max_gas,
        )
        return done.status

    assert code_of(lambda: relay_with(20_000)) == "chain.too_much_gas"
    assert not is_done(writer.reader.rpc, writer.reader.address, act)
    assert relay_with(1_000_000) == "done"
