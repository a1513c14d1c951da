from __future__ import annotations

import contextlib
import copy
import json
from pathlib import Path
from typing import Any

import pytest
import rlp
from eth_keys import keys
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.chain import codec, proofs, registry
from archive.errors import InvalidInputError

VECTORS = Path(__file__).parents[4] / "shared" / "vectors" / "bsc"


def code_of(proof: proofs.AnchorProof) -> str:
    with pytest.raises(InvalidInputError) as caught:
        proofs.check_anchor_proof(proof)
    return caught.value.code


@pytest.mark.parametrize("kind", [0, 1, 2])
@pytest.mark.parametrize(("index", "count"), [(0, 1), (3, 5), (127, 140), (128, 140), (139, 140)])
def test_a_sound_proof_proves_the_anchor(make_block, chain_values, kind: int, index: int, count: int) -> None:
    proven = proofs.check_anchor_proof(make_block(kind=kind, index=index, count=count).proof())
    assert proven.sender == proven.publisher == chain_values.publisher()
    assert proven.direct
    assert proven.root == "01" * 32
    assert proven.previous is None
    assert proven.content_digest == "03" * 32
    assert proven.ordinal == 1
    assert proven.timestamp == 1_760_140_800
    assert proven.block_number == 45_000_000
    assert {step.status for step in proven.steps} == {"pass"}


def test_a_proof_survives_json(make_block) -> None:
    proof = make_block().proof()
    assert proofs.parse_anchor_proof(json.loads(json.dumps(proof.model_dump(mode="json")))) == proof


@pytest.mark.parametrize("extra", [0, 1, 4, 5, 6, 7, 25])
def test_headers_of_any_fork_hash_right_also_unknown_ones(make_block, extra: int) -> None:
    assert proofs.check_anchor_proof(make_block(extra_fields=extra).proof()).block_number == 45_000_000


def hex_places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[tuple[Any, ...], int]]:
    """Path and size in bytes of every hex string in the proof."""
    if isinstance(value, dict):
        return [place for key, item in value.items() for place in hex_places(item, (*path, key))]
    if isinstance(value, list):
        return [place for at, item in enumerate(value) for place in hex_places(item, (*path, at))]
    return [(path, len(value) // 2 - 1)] if isinstance(value, str) and value.startswith("0x") else []


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_any_flipped_bit_is_refused(flip_subject, data: st.DataObject) -> None:
    """`genesis` is the one side field that no proven byte states: the trust file is what it is compared with."""
    value = copy.deepcopy(flip_subject)
    places = [place for place in hex_places(value) if place[0] != ("genesis",)]
    path, size = data.draw(st.sampled_from(places))
    at, bit = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, 7))
    holder = value
    for key in path[:-1]:
        holder = holder[key]
    raw = bytearray(codec.from_hex(holder[path[-1]]))
    raw[at] ^= 1 << bit
    holder[path[-1]] = codec.to_hex(bytes(raw))
    code = code_of(proofs.parse_anchor_proof(value))
    assert code.startswith("anchor.")


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_shortened_or_lengthened_part_is_refused(flip_subject, data: st.DataObject) -> None:
    value = copy.deepcopy(flip_subject)
    places = [place for place in hex_places(value) if place[0] != ("genesis",)]
    path, size = data.draw(st.sampled_from(places))
    holder = value
    for key in path[:-1]:
        holder = holder[key]
    text = holder[path[-1]]
    cut = data.draw(st.integers(1, size))
    holder[path[-1]] = data.draw(st.sampled_from([text[: -2 * cut], text + "00", text[:-1], text.upper()]))
    with pytest.raises(InvalidInputError):
        proofs.check_anchor_proof(proofs.parse_anchor_proof(value))


def test_another_genesis_is_reported_as_claimed(make_block) -> None:
    other = "0x" + "77" * 32
    assert proofs.check_anchor_proof(make_block(changes={"genesis": other}).proof()).genesis == other


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"chain_id": 56}, "anchor.tx_chain_id"),
        ({"registry": "0x" + "c1" * 20}, "anchor.log_address"),
        ({"log_index": 1}, "anchor.log_missing"),
    ],
)
def test_side_fields_that_lie(make_block, changes: dict[str, Any], code: str) -> None:
    assert code_of(make_block(changes=changes).proof()) == code


def test_another_block_number(make_block) -> None:
    value = make_block().value()
    value["block"]["number"] += 1
    assert code_of(proofs.parse_anchor_proof(value)) == "anchor.block_number"


@pytest.mark.parametrize("part", ["transaction", "receipt"])
def test_nodes_missing_superfluous_or_reordered(make_block, part: str) -> None:
    sound = make_block(count=140, index=130).value()
    nodes = sound[part]["proof"]
    code = {"transaction": "anchor.tx_proof", "receipt": "anchor.receipt_proof"}[part]
    for changed in (nodes[:-1], nodes[1:], [*nodes, nodes[0]], nodes[::-1], [*nodes, "0x80"], ["0xc0"], ["0x80"]):
        value = copy.deepcopy(sound)
        value[part]["proof"] = changed
        assert code_of(proofs.parse_anchor_proof(value)) == code


@pytest.mark.parametrize("count", [1, 2, 5, 17, 129, 300])
def test_values_are_found_and_absences_refused_as_the_trie_library_builds_them(chain_values, count: int) -> None:
    """An absent key has a sound path that ends beside it; taken for a value it would prove anything."""
    values = [bytes([number % 251]) * (33 + number) for number in range(count)]
    trie = chain_values.make_trie(values)
    for index in {0, 1, 15, 16, 127, 128, 129, 255, 256, 299, 300, 70_000, count - 1, count}:
        nodes = [codec.from_hex(node) for node in chain_values.trie_proof(trie, index)]
        if index < count:
            assert proofs.trie_value(trie.root_hash, index, nodes) == values[index]
        else:
            with pytest.raises(ValueError, match=r"absent|ends"):
                proofs.trie_value(trie.root_hash, index, nodes)


ITEMS = st.recursive(st.binary(max_size=70), lambda inner: st.lists(inner, max_size=18), max_leaves=30)
PATHS = st.sampled_from([b"", b"\x00", b"\x20", b"\x00\x80", b"\x20\x80", b"\x38", b"\x3a\xbc", b"\x1f", b"\x40"])
NODES = st.one_of(ITEMS, st.tuples(PATHS, ITEMS).map(list), st.lists(ITEMS, min_size=17, max_size=17))


@settings(max_examples=300, deadline=None)
@given(st.lists(NODES, min_size=1, max_size=4), st.sampled_from([0, 1, 127, 128, 300]))
def test_hostile_nodes_raise_nothing_but_a_refusal(nodes: list[Any], index: int) -> None:
    """Whoever makes up a header makes up its roots too: every node below them may be anything."""
    raws = [rlp.encode(node) for node in nodes]
    try:
        assert proofs.trie_value(codec.keccak(raws[0]), index, raws)
    except ValueError as error:
        assert str(error)  # noqa: PT017 - either way is right, anything else is not


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=80), ITEMS.map(rlp.encode)), st.sampled_from([b"", b"\x01", b"\x02", b"\x7f"]))
def test_hostile_bytes_raise_nothing_but_a_refusal(raw: bytes, prefix: bytes) -> None:
    for decode in (proofs.decode_header, proofs.decode_receipt, proofs.decode_transaction):
        with contextlib.suppress(ValueError):
            decode(prefix + raw)


@settings(max_examples=200, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
        max_leaves=10,
    )
)
def test_hostile_json_raises_nothing_but_a_refusal(value: Any) -> None:
    with pytest.raises(InvalidInputError) as caught:
        proofs.parse_anchor_proof(value)
    assert caught.value.code == "anchor.malformed"


def test_an_index_that_is_not_in_the_block(make_block) -> None:
    value = make_block(count=5, index=3).value()
    value["transaction"]["index"] = 4_000_000
    assert code_of(proofs.parse_anchor_proof(value)) == "anchor.receipt_proof"


def test_a_proof_of_another_index_of_the_same_block(make_block) -> None:
    value = make_block(count=5, index=3).value()
    value["transaction"]["index"] = 2
    failed = [step.code for step in proofs.inspect_anchor_proof(proofs.parse_anchor_proof(value)).failures]
    assert failed == ["anchor.receipt_proof", "anchor.tx_proof"]


def test_all_failures_are_listed_not_the_first(make_block, chain_values) -> None:
    raw = chain_values.sign_transaction(2, chain_id=56, data=chain_values.CALL.encode())
    receipt = chain_values.make_receipt(2, [chain_values.make_log()], status=0)
    inspection = proofs.inspect_anchor_proof(make_block(transaction=raw, receipt=receipt).proof())
    assert [step.code for step in inspection.failures] == ["anchor.receipt_failed", "anchor.tx_chain_id"]
    assert inspection.proven is None


def test_the_receipt_of_a_failed_transaction(make_block, chain_values) -> None:
    receipt = chain_values.make_receipt(2, [chain_values.make_log()], status=0)
    assert code_of(make_block(receipt=receipt).proof()) == "anchor.receipt_failed"


def test_a_receipt_from_before_status_codes(make_block, chain_values) -> None:
    receipt = rlp.encode([b"\x05" * 32, b"\x01", bytes(256), [chain_values.make_log()]])
    assert code_of(make_block(receipt=receipt).proof()) == "anchor.receipt_failed"


@pytest.mark.parametrize(
    ("receipt", "code"),
    [
        (b"\x02" + rlp.encode([b"\x01", b"\x01", bytes(256)]), "anchor.receipt_shape"),
        (b"\x02" + rlp.encode([b"\x01", b"\x01", bytes(255), []]), "anchor.receipt_shape"),
        (b"\x02" + rlp.encode([b"\x00\x01", b"\x01", bytes(256), []]), "anchor.receipt_shape"),
        (b"\x02" + rlp.encode([b"\x01", b"\x01", bytes(256), [[b"x", [], b""]]]), "anchor.receipt_shape"),
        (b"\x02" + rlp.encode([b"\x01", b"\x01", bytes(256), [[bytes(20), [b"y"], b""]]]), "anchor.receipt_shape"),
        (b"\x02" + rlp.encode([b"\x01", b"\x01", bytes(256), []]) + b"\x00", "anchor.receipt_shape"),
        (b"\x00" + rlp.encode([b"\x01", b"\x01", bytes(256), []]), "anchor.receipt_shape"),
        (b"\x02" + rlp.encode([b"\x01", b"\x01", bytes(256), []]), "anchor.log_missing"),
    ],
)
def test_receipts_of_a_wrong_shape(make_block, receipt: bytes, code: str) -> None:
    assert code_of(make_block(receipt=receipt).proof()) == code


def test_logs_of_a_wrong_shape(make_block, chain_values) -> None:
    address, topics, data = chain_values.make_log()
    cases = [
        ([address, [], data], "anchor.log_topic"),
        ([address, [b"\x09" * 32, *topics[1:]], data], "anchor.log_topic"),
        ([address, topics[:3], data], "anchor.log_shape"),
        ([address, topics, data + b"\x00"], "anchor.log_shape"),
        ([address, topics, data[:-1]], "anchor.log_shape"),
        ([address, [topics[0], b"\x01" * 32, *topics[2:]], data], "anchor.log_shape"),
        ([address, [*topics[:3], bytes(32)], data], "anchor.log_shape"),
        ([address, topics, data[:64] + b"\xff" * 32], "anchor.log_shape"),
    ]
    for log, code in cases:
        assert code_of(make_block(receipt=chain_values.make_receipt(2, [log])).proof()) == code


def test_a_look_alike_event_of_another_contract(make_block, chain_values) -> None:
    receipt = chain_values.make_receipt(2, [chain_values.make_log(address="0x" + "ee" * 20)])
    assert code_of(make_block(receipt=receipt).proof()) == "anchor.log_address"


def test_the_named_log_counts_not_the_first(make_block, chain_values) -> None:
    other = registry.AnchorCall(chain_values.CALL.incident, b"\x55" * 32, bytes(32), bytes(32))
    wallet = "0x" + "77" * 20
    logs = [
        chain_values.make_log(address="0x" + "ee" * 20),
        chain_values.make_log(other, who=wallet),
        chain_values.make_log(who=wallet, ordinal=2),
    ]
    raw = chain_values.sign_transaction(2, to=wallet, data=b"batch")
    block = make_block(transaction=raw, receipt=chain_values.make_receipt(2, logs), log_index=2)
    proven = proofs.check_anchor_proof(block.proof())
    assert (proven.root, proven.ordinal) == ("01" * 32, 2)


def test_a_contract_wallet_is_the_publisher_and_the_signer_is_told_apart(make_block, chain_values) -> None:
    wallet = "0x" + "77" * 20
    raw = chain_values.sign_transaction(2, to=wallet, data=b"execute")
    block = make_block(transaction=raw, receipt=chain_values.make_receipt(2, [chain_values.make_log(who=wallet)]))
    proven = proofs.check_anchor_proof(block.proof())
    assert proven.publisher == wallet
    assert proven.sender == chain_values.publisher()
    assert not proven.direct
    assert [step.code for step in proven.steps if step.status == "unchecked"] == ["anchor.sender"]


def test_a_direct_anchor_signed_by_another_key(make_block, chain_values) -> None:
    raw = chain_values.sign_transaction(2, key=keys.PrivateKey(b"\x22" * 32), data=chain_values.CALL.encode())
    assert code_of(make_block(transaction=raw).proof()) == "anchor.sender"


def test_a_direct_anchor_of_another_root_than_its_event(make_block, chain_values) -> None:
    other = registry.AnchorCall(chain_values.CALL.incident, b"\x55" * 32, bytes(32), bytes(32))
    raw = chain_values.sign_transaction(2, data=other.encode())
    assert code_of(make_block(transaction=raw).proof()) == "anchor.calldata"


def test_a_transaction_that_is_bound_to_no_chain(make_block, chain_values) -> None:
    raw = chain_values.sign_transaction(0, chain_id=None, data=chain_values.CALL.encode())
    receipt = chain_values.make_receipt(0, [chain_values.make_log()])
    assert code_of(make_block(transaction=raw, receipt=receipt).proof()) == "anchor.tx_chain_id"


def test_a_signature_with_high_s(make_block, chain_values) -> None:
    raw = chain_values.sign_transaction(2, data=chain_values.CALL.encode(), high_s=True)
    assert code_of(make_block(transaction=raw).proof()) == "anchor.tx_signature"


@pytest.mark.parametrize("parts", [(2, 5, 5), (0, 0, 5), (0, 5, 0), (0, proofs._ORDER, 5), (0, 5, proofs._ORDER)])
def test_signatures_out_of_range(make_block, parts: tuple[int, int, int]) -> None:
    number = codec.int_bytes
    body = [number(97), b"", b"", b"", b"", bytes(20), b"", b"", [], *(number(part) for part in parts)]
    assert code_of(make_block(transaction=b"\x02" + rlp.encode(body)).proof()) == "anchor.tx_signature"


@pytest.mark.parametrize("kind", [3, 4, 0x50])
def test_transaction_types_that_are_not_read_leave_the_signer_unchecked(make_block, chain_values, kind: int) -> None:
    raw = bytes([kind]) + chain_values.sign_transaction(2, data=chain_values.CALL.encode())[1:]
    proven = proofs.check_anchor_proof(make_block(transaction=raw).proof())
    assert proven.sender is None
    assert not proven.direct
    assert [step.code for step in proven.steps if step.status == "unchecked"] == ["anchor.tx_type", "anchor.sender"]


@pytest.mark.parametrize(
    "raw",
    [
        b"\x02" + rlp.encode([b"a" * 4] * 11),
        b"\x02" + rlp.encode([b"a" * 4] * 12),
        b"\x02" + b"\xff" * 40,
        rlp.encode([b"a" * 4] * 8 + [[]]),
        b"\x01" + rlp.encode([[b"a" * 4]] * 11),
    ],
)
def test_transactions_of_a_wrong_shape(make_block, raw: bytes) -> None:
    assert code_of(make_block(transaction=raw).proof()) == "anchor.tx_shape"


@pytest.mark.parametrize("fields", [14, 41])
def test_headers_with_too_few_or_too_many_fields(make_block, fields: int) -> None:
    value = make_block().value()
    header = rlp.encode([b"\x01"] * fields)
    value["block"].update(header=codec.to_hex(header), hash=codec.to_hex(codec.keccak(header)))
    assert code_of(proofs.parse_anchor_proof(value)) == "anchor.header_shape"


def test_a_header_nested_too_deep(make_block) -> None:
    header = b"\xc0"
    while len(header) < 15_000:
        size = len(header)
        length = codec.int_bytes(size)
        header = (bytes([0xC0 + size]) if size < 56 else bytes([0xF7 + len(length)]) + length) + header
    value = make_block().value()
    value["block"].update(header=codec.to_hex(header), hash=codec.to_hex(codec.keccak(header)))
    assert code_of(proofs.parse_anchor_proof(value)) == "anchor.header_shape"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("kind",), "stamp"),
        (("chain_id",), True),
        (("chain_id",), 0),
        (("chain_id",), 2**53),
        (("chain_id",), "97"),
        (("registry",), "0x" + "C0" * 20),
        (("registry",), "0x" + "c0" * 21),
        (("block", "number"), -1),
        (("block", "number"), 1.5),
        (("block", "header"), "0x"),
        (("block", "header"), "0x" + "00" * 20_000),
        (("block", "hash"), "0x" + "00" * 32 + "\n"),
        (("transaction", "proof"), []),
        (("transaction", "proof"), ["0xc0"] * 11),
        (("transaction", "index"), 2**24),
        (("receipt", "proof"), "0xc0"),
        (("log_index",), 65_536),
        (("more",), 1),
    ],
)
def test_forms_that_are_not_a_proof(make_block, path: tuple[str, ...], value: Any) -> None:
    sound = make_block().value()
    holder = sound
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    with pytest.raises(InvalidInputError) as caught:
        proofs.parse_anchor_proof(sound)
    assert caught.value.code == "anchor.malformed"


def test_every_failing_code_has_a_sentence() -> None:
    assert all(proofs.describe(code) and code.startswith("anchor.") for code in proofs._MESSAGES)


@pytest.mark.skipif(not VECTORS.is_dir(), reason="real BSC headers are not at hand")
def test_real_bsc_headers_hash_to_their_hashes() -> None:
    seen = 0
    for name in ("bsc_testnet_bohr_45214600.json", "union_bsc_testnet_2026_fermi.json"):
        for item in json.loads((VECTORS / name).read_text())["headers"]:
            header = proofs.decode_header(bytes.fromhex(item["rlp"].removeprefix("0x")))
            assert codec.to_hex(header.hash) == item["hash"]
            assert header.number == item["number"]
            seen += 1
    assert seen == 16
