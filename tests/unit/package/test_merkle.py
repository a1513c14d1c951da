from __future__ import annotations

import hashlib

import pymerkle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import InvalidInputError
from archive.package import merkle

LEAVES = st.lists(st.binary(max_size=8), min_size=1, max_size=70).map(
    lambda items: [merkle.leaf_hash(item) for item in items]
)


def rfc_root(leaves: list[bytes]) -> bytes:
    """RFC 9162 §2.1.1 word for word."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return merkle.node_hash(rfc_root(leaves[:split]), rfc_root(leaves[split:]))


@given(LEAVES)
def test_root_is_that_of_the_rfc(leaves: list[bytes]) -> None:
    assert merkle.merkle_root(leaves) == rfc_root(leaves)


@given(st.lists(st.binary(max_size=8), min_size=1, max_size=40), st.data())
def test_root_and_path_agree_with_pymerkle(items: list[bytes], data: st.DataObject) -> None:
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    for item in items:
        tree.append_entry(item)
    leaves = [merkle.leaf_hash(item) for item in items]
    assert merkle.merkle_root(leaves) == tree.get_root()
    index = data.draw(st.integers(0, len(items) - 1))
    proof = tree.prove_inclusion(index + 1).serialize()
    # pymerkle's path starts with the leaf itself.
    assert [bytes.fromhex(item) for item in proof["path"][1:]] == merkle.inclusion_path(leaves, index)


@given(LEAVES, st.data())
def test_a_path_leads_to_the_root_and_a_changed_one_does_not(leaves: list[bytes], data: st.DataObject) -> None:
    root = merkle.merkle_root(leaves)
    index = data.draw(st.integers(0, len(leaves) - 1))
    path = merkle.inclusion_path(leaves, index)
    assert merkle.root_from_path(leaves[index], index, len(leaves), path) == root
    changed = [leaves[index], *path]
    position = data.draw(st.integers(0, len(changed) - 1))
    flipped = bytearray(changed[position])
    flipped[data.draw(st.integers(0, 31))] ^= 1 << data.draw(st.integers(0, 7))
    changed[position] = bytes(flipped)
    assert merkle.root_from_path(changed[0], index, len(leaves), changed[1:]) != root


@given(LEAVES, st.data())
def test_another_index_or_length_never_gives_the_root(leaves: list[bytes], data: st.DataObject) -> None:
    distinct = [merkle.leaf_hash(leaf + bytes([i])) for i, leaf in enumerate(leaves)]
    root = merkle.merkle_root(distinct)
    index = data.draw(st.integers(0, len(distinct) - 1))
    path = merkle.inclusion_path(distinct, index)
    other = data.draw(st.integers(0, len(distinct) - 1))
    try:
        found = merkle.root_from_path(distinct[index], other, len(distinct), path)
    except InvalidInputError:
        assert other != index
    else:
        assert (found == root) == (other == index)


@pytest.mark.parametrize("change", [lambda path: path[:-1], lambda path: [*path, bytes(32)]])
def test_a_path_of_another_length_is_refused(change: object) -> None:
    leaves = [merkle.leaf_hash(bytes([i])) for i in range(11)]
    path = merkle.inclusion_path(leaves, 3)
    with pytest.raises(InvalidInputError) as caught:
        merkle.root_from_path(leaves[3], 3, 11, change(path))  # type: ignore[operator]
    assert caught.value.code == "merkle.path_length"


def test_bad_index_and_hash() -> None:
    leaf = bytes(32)
    for call, code in (
        (lambda: merkle.inclusion_path([leaf], 1), "merkle.index"),
        (lambda: merkle.root_from_path(leaf, -1, 1, []), "merkle.index"),
        (lambda: merkle.root_from_path(leaf, 0, 0, []), "merkle.index"),
        (lambda: merkle.merkle_root([b"short"]), "merkle.hash_size"),
        (lambda: merkle.root_from_path(leaf, 0, 2, [b""]), "merkle.hash_size"),
    ):
        with pytest.raises(InvalidInputError) as caught:
            call()
        assert caught.value.code == code


def test_no_leaves_and_many_leaves() -> None:
    assert merkle.merkle_root([]) == hashlib.sha256(b"").digest()
    leaves = [merkle.leaf_hash(i.to_bytes(3, "big")) for i in range(65_536)]
    root = merkle.merkle_root(leaves)
    path = merkle.inclusion_path(leaves, 65_535)
    assert len(path) == 16
    assert merkle.root_from_path(leaves[-1], 65_535, 65_536, path) == root


def test_a_node_is_not_a_leaf() -> None:
    left, right = merkle.leaf_hash(b"l"), merkle.leaf_hash(b"r")
    assert merkle.node_hash(left, right) != merkle.leaf_hash(left + right)
