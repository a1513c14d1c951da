"""State and exclusion proofs: what is there is never shown absent, nor the reverse, and no byte can differ."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import rlp
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.chain import absence, codec, registry, state
from archive.chain.absence import AbsenceProof, collect_absence, inspect_absence, parse_absence
from archive.errors import ArchiveError
from tests.support.world import CALL, CODE, PUBLISHER, REGISTRY, World, entry_value, path, secure

KEYS = st.sets(st.binary(min_size=1, max_size=4), max_size=12)


def refused(root: bytes, key: bytes, nodes: Sequence[str]) -> bool:
    try:
        state.trie_get(root, codec.keccak(key), nodes)
    except ValueError:
        return True
    return False


# The trie


@settings(max_examples=150)
@given(KEYS, st.binary(min_size=1, max_size=4), st.booleans())
def test_the_answer_is_the_tries_own_for_every_key(keys: set[bytes], asked: bytes, long: bool) -> None:
    trie = secure({key: key * (20 if long else 1) for key in keys})
    for key in {*keys, asked}:
        found = state.trie_get(trie.root_hash, codec.keccak(key), path(trie, key))
        assert found == (trie[codec.keccak(key)] or None)


@settings(max_examples=60)
@given(st.sets(st.binary(min_size=1, max_size=4), min_size=2, max_size=12), st.data())
def test_the_proof_of_one_key_says_nothing_else_of_another(keys: set[bytes], data: st.DataObject) -> None:
    trie = secure({key: key * 20 for key in keys})
    one, other = data.draw(st.permutations(sorted(keys)))[:2]
    # Where both paths end in the same nodes the answer must be the other key's own, which is never "absent".
    try:
        found = state.trie_get(trie.root_hash, codec.keccak(other), path(trie, one))
    except ValueError:
        return
    assert found == other * 20


@settings(max_examples=60)
@given(st.sets(st.binary(min_size=1, max_size=4), min_size=1, max_size=12), st.binary(min_size=5, max_size=6))
def test_no_node_may_be_missing_doubled_or_added(keys: set[bytes], absent: bytes) -> None:
    trie = secure({key: key * 20 for key in keys})
    for key in (min(keys), absent):
        nodes = path(trie, key)
        for at in range(len(nodes)):
            assert refused(trie.root_hash, key, nodes[:at] + nodes[at + 1 :])
            assert refused(trie.root_hash, key, nodes[: at + 1] + nodes[at:])
        assert refused(trie.root_hash, key, [*nodes, nodes[0]])
        assert refused(trie.root_hash, key, [])


def test_an_empty_trie_shows_absence_without_a_node_and_only_so() -> None:
    assert state.trie_get(state.EMPTY_TRIE, codec.keccak(b"x"), []) is None
    assert refused(state.EMPTY_TRIE, b"x", ["0x80"])
    assert refused(bytes(32), b"x", [])


@pytest.mark.parametrize(
    "node",
    [
        [b""] * 16,
        [b""] * 18,
        [b"\x40", b"value" * 8],
        [b"\x00", b"\x01" * 32],
        [b"", b""],
        [[b"\x20"], b"value" * 8],
        [b""] * 16 + [b"value" * 8],
    ],
)
def test_a_hostile_node_can_only_be_refused_or_show_what_it_hashes_to(node: list[Any]) -> None:
    raw = rlp.encode(node)
    root = codec.keccak(raw)
    with contextlib.suppress(ValueError):
        assert state.trie_get(root, codec.keccak(b"x"), [codec.to_hex(raw)]) is None


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_bytes_that_are_no_node_are_refused(raw: bytes) -> None:
    if raw:
        assert refused(codec.keccak(raw), b"x", [codec.to_hex(raw)])


# The registry


def prove(world: World, root: bytes = b"\x55" * 32, **more: Any) -> AbsenceProof:
    return collect_absence(world, REGISTRY, PUBLISHER, root.hex(), **more)


def code_of(action: Callable[[], object]) -> str:
    with pytest.raises(ArchiveError) as caught:
        action()
    return caught.value.code


@pytest.mark.parametrize("roots", [(), (CALL.root,), tuple(bytes([n]) * 32 for n in range(1, 40))])
def test_a_root_that_is_not_anchored_is_proven_absent(roots: Sequence[bytes]) -> None:
    proof = prove(World(roots))
    proven = inspect_absence(proof).proven
    assert proven is not None
    assert (proven.block_number, proven.code_hash) == (990, codec.to_hex(CODE))
    assert parse_absence(proof.to_bytes()) == proof


def test_a_root_that_is_anchored_is_refused_and_says_since_when() -> None:
    world = World()
    with pytest.raises(ArchiveError) as caught:
        prove(world, CALL.root)
    assert caught.value.code == "absence.present"
    assert "made in block 1000" in caught.value.message


def test_a_proof_that_the_root_is_there_is_no_proof_of_absence() -> None:
    world = World()
    slot = state.entry_slot(PUBLISHER, CALL.root)
    good = prove(world)
    wrong = good.model_copy(
        update={"root": CALL.root.hex(), "state": good.state.model_copy(update={"storage": path(world.storage, slot)})}
    )
    steps = inspect_absence(wrong).steps
    assert [s.code for s in steps if s.status == "fail"] == ["absence.entry"]


def test_the_absence_of_one_root_says_nothing_of_another() -> None:
    for n in range(1, 30):
        world = World([bytes([m]) * 32 for m in range(1, 30)])
        stolen = prove(world, b"\x55" * 32).model_copy(update={"root": (bytes([n]) * 32).hex()})
        assert inspect_absence(stolen).proven is None


def test_another_publishers_absence_is_not_this_ones() -> None:
    world = World([bytes([m]) * 32 for m in range(1, 30)])
    other = collect_absence(world, REGISTRY, "0x" + "ab" * 20, CALL.root.hex())
    stolen = other.model_copy(update={"publisher": PUBLISHER})
    assert inspect_absence(stolen).proven is None


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"registry": "0x" + "c1" * 20}, "absence.account"),
        ({"registry": "0x" + "01" * 20}, "absence.account"),
        ({"block": {"number": 991}}, "absence.block_number"),
        ({"block": {"hash": "0x" + "00" * 32}}, "absence.header_hash"),
    ],
)
def test_what_the_proof_is_about_cannot_be_changed(change: dict[str, Any], code: str) -> None:
    proof = prove(World())
    for key, value in change.items():
        new = getattr(proof, key).model_copy(update=value) if isinstance(value, dict) else value
        proof = proof.model_copy(update={key: new})
    assert [s.code for s in inspect_absence(proof).steps if s.status == "fail"] == [code]


def test_an_account_without_code_is_no_registry() -> None:
    assert code_of(lambda: prove(World(code=state.EMPTY_CODE))) == "absence.bad_proof"


WORLD = World([bytes([n]) * 32 for n in range(1, 20)])
PROOF = prove(WORLD)


@settings(max_examples=300)
@given(st.data())
def test_any_flipped_byte_of_header_or_nodes_is_refused(data: st.DataObject) -> None:
    nodes = [*PROOF.state.account, *PROOF.state.storage, PROOF.block.header]
    which = data.draw(st.integers(0, len(nodes) - 1))
    raw = bytearray(codec.from_hex(nodes[which]))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    nodes[which] = codec.to_hex(bytes(raw))
    count = len(PROOF.state.account)
    changed = PROOF.model_copy(
        update={
            "block": PROOF.block.model_copy(update={"header": nodes[-1]}),
            "state": PROOF.state.model_copy(update={"account": nodes[:count], "storage": nodes[count:-1]}),
        }
    )
    assert inspect_absence(changed).proven is None


@settings(max_examples=200)
@given(st.integers(0, len(PROOF.to_bytes()) - 1), st.integers(1, 255))
def test_any_flipped_byte_of_the_file_is_refused_or_asks_about_something_else(at: int, flip: int) -> None:
    data = bytearray(PROOF.to_bytes())
    data[at] ^= flip
    try:
        changed = parse_absence(bytes(data))
    except ArchiveError:
        return
    # Chain and genesis are claims, held against the trust file and the nodes; a path can end for several roots.
    if inspect_absence(changed).proven is not None:
        about = [(p.chain_id, p.genesis, p.root, p.publisher) for p in (changed, PROOF)]
        assert about[0] != about[1]


# What nodes answer


def test_a_node_without_state_proofs_says_so() -> None:
    world = World()
    world.knows_proofs = False
    assert code_of(lambda: prove(world)) == "absence.no_state"


@pytest.mark.parametrize(
    ("lie", "code"),
    [
        (lambda answer: None, "chain.rpc_bad_answer"),
        (lambda answer: {**answer, "storageProof": []}, "chain.rpc_bad_answer"),
        (lambda answer: {**answer, "address": "0x" + "00" * 20}, "chain.rpc_bad_answer"),
        (lambda answer: {**answer, "accountProof": "0x"}, "chain.rpc_bad_answer"),
        (lambda answer: {**answer, "accountProof": ["0x" + "00" * 2000]}, "chain.rpc_bad_answer"),
        (lambda answer: {**answer, "accountProof": ["0x80"] * 100}, "chain.rpc_bad_answer"),
        (lambda answer: {**answer, "accountProof": answer["accountProof"][:-1]}, "absence.bad_proof"),
        (lambda answer: {**answer, "storageProof": [{"proof": []}]}, "absence.bad_proof"),
    ],
)
def test_what_a_lying_node_gives_is_no_proof(lie: Callable[[dict[str, Any]], Any], code: str) -> None:
    world = World()
    world.lie = lie
    assert code_of(lambda: prove(world)) == code


def test_the_block_is_final_where_the_node_knows_and_the_newest_where_not() -> None:
    world = World()
    assert prove(world).block.number == 990
    world.final = 0
    assert prove(world).block.number == 1000
    world.final = None  # type: ignore[assignment]
    assert prove(world).block.number == 1000
    assert prove(world, block=995).block.number == 995


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "absence.malformed"),
        (b"{}", "absence.malformed"),
        (b'{"format":"incident-archive-absence/2"}', "absence.unknown_format"),
        (b"[" * 5000, "absence.malformed"),
        (b" " * (absence.MAX_BYTES + 1), "absence.too_large"),
        (PROOF.to_bytes().replace(b'"root"', b'"Root"'), "absence.malformed"),
        (PROOF.to_bytes().replace(b'"chain_id":97', b'"chain_id":97,"chain_id":97'), "absence.malformed"),
    ],
)
def test_files_that_are_no_proof(data: bytes, code: str) -> None:
    assert code_of(lambda: parse_absence(data)) == code


# The slot


def test_the_slot_is_that_of_soliditys_nested_mapping() -> None:
    """Source: Solidity documentation, layout of mappings: keccak(h(k) . p) with p = keccak(h(outer) . slot)."""
    root = b"\x01" * 32
    outer = codec.keccak(bytes(12) + b"\xaa" * 20 + bytes(32))
    assert state.entry_slot(PUBLISHER, root) == codec.keccak(root + outer)


def test_an_entry_is_read_from_its_slot_as_the_contract_packs_it() -> None:
    entry = state.decode_slot(entry_value(CALL, time=5, block=6, ordinal=7) | 0x10)
    assert entry == registry.Entry(CALL.tag, 5, 6, 7, 0x10)
