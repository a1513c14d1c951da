from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import InvalidInputError
from archive.package import cid as cids
from archive.package import unixfs, varint
from archive.package.murmur3 import murmur3_x64_64

EMPTY_DIRECTORY_RAW = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"


def code_of(call: object, *arguments: object) -> str:
    with pytest.raises(InvalidInputError) as caught:
        call(*arguments)  # type: ignore[operator]
    return caught.value.code


@given(st.binary(min_size=32, max_size=32))
def test_cid_text_is_base32(digest: bytes) -> None:
    for prefix in (cids.RAW_PREFIX, cids.DAG_PB_PREFIX):
        expected = "b" + base64.b32encode(prefix + digest).decode().rstrip("=").lower()
        assert cids.to_text(prefix + digest) == expected
        assert cids.parse(expected) == prefix + digest


def test_cid_text_comes_back() -> None:
    for cid in (cids.raw_cid(b""), cids.raw_cid(b"x"), cids.dag_pb_cid(b"y")):
        assert cids.parse(cids.to_text(cid)) == cid
    assert cids.to_text(cids.raw_cid(b"")) == EMPTY_DIRECTORY_RAW


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "cid.syntax"),
        (None, "cid.syntax"),
        ("QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG", "cid.syntax"),
        (EMPTY_DIRECTORY_RAW.upper(), "cid.syntax"),
        (EMPTY_DIRECTORY_RAW[:-1] + "1", "cid.syntax"),
        (EMPTY_DIRECTORY_RAW + "\n", "cid.syntax"),
        (EMPTY_DIRECTORY_RAW[:-3] + "_" + EMPTY_DIRECTORY_RAW[-2:], "cid.syntax"),
        (EMPTY_DIRECTORY_RAW[:-1] + "v", "cid.syntax"),
        (cids.to_text(b"\x01\x71\x12\x20" + bytes(32)), "cid.unsupported"),
        (cids.to_text(b"\x01\x55\x00\x20" + bytes(32)), "cid.unsupported"),
    ],
)
def test_cid_refused(text: object, code: str) -> None:
    assert code_of(cids.parse, text) == code


def test_content_digest() -> None:
    cid = cids.dag_pb_cid(b"x")
    assert cids.content_digest(cids.to_text(cid)) == cid[4:]
    assert cids.from_digest(cid[4:]) == cids.to_text(cid)
    assert code_of(cids.content_digest, EMPTY_DIRECTORY_RAW) == "cid.not_directory"
    assert code_of(cids.from_digest, b"") == "cid.syntax"


@given(st.integers(0, 2**63 - 1))
def test_varint_comes_back(number: int) -> None:
    data = varint.encode(number)
    assert varint.decode(b"\xff" + data + b"\x80", 1) == (number, 1 + len(data))


@pytest.mark.parametrize("data", [b"", b"\x80", b"\x80\x00", b"\xff" * 10, b"\x81\x80\x00"])
def test_varint_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="varint"):
        varint.decode(data, 0)


@pytest.mark.parametrize(
    ("name", "digest"),
    # First half of MurmurHash3_x64_128 with seed 0, as smhasher and spaolacci/murmur3 give it.
    [(b"", "0000000000000000"), (b"hello", "cbd8a7b341bd9b02"), (b"hello, world", "342fac623a5ebc8e")],
)
def test_murmur3(name: bytes, digest: str) -> None:
    assert murmur3_x64_64(name).hex() == digest


def tree(chunks: int) -> tuple[unixfs.Link, list[bytes]]:
    """A file of equal one-byte-sized entries: only the shape of the tree matters."""
    blocks: list[bytes] = []
    builder = unixfs.FileBuilder(lambda _cid, block: blocks.append(block))
    cid = cids.raw_cid(b"c")
    for _ in range(chunks):
        builder.add_chunk(cid, 1)
    return builder.finish(), blocks


def by_levels(chunks: int) -> bytes:
    """The balanced tree level by level, from the definition instead of from a stream."""
    level = [(unixfs.Link(b"", cids.raw_cid(b"c"), 1), 1)] * chunks
    while len(level) > 1:
        above = []
        for start in range(0, len(level), unixfs.MAX_LINKS):
            part = level[start : start + unixfs.MAX_LINKS]
            sizes = [size for _, size in part]
            block = unixfs.encode_node([link for link, _ in part], unixfs.file_data(sizes))
            tsize = len(block) + sum(link.tsize for link, _ in part)
            above.append((unixfs.Link(b"", cids.dag_pb_cid(block), tsize), sum(sizes)))
        level = above
    return level[0][0].cid


@pytest.mark.parametrize("chunks", [1, 2, 1023, 1024, 1025, 2048, 2049])
def test_file_tree_is_balanced(chunks: int) -> None:
    root, blocks = tree(chunks)
    assert root.cid == by_levels(chunks)
    if blocks:
        assert cids.dag_pb_cid(blocks[-1]) == root.cid


@given(st.integers(2, 5), st.integers(1, 130))
def test_file_tree_is_balanced_at_any_depth(max_links: int, chunks: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unixfs, "MAX_LINKS", max_links)
        assert tree(chunks)[0].cid == by_levels(chunks)


def test_an_empty_file_is_an_empty_chunk() -> None:
    root = unixfs.FileBuilder().finish()
    assert (cids.to_text(root.cid), root.tsize) == (EMPTY_DIRECTORY_RAW, 0)


def test_directory_holds_folders_and_blocks_once() -> None:
    rows = dict.fromkeys(("a/x", "b/x", "c", "a-b/x"), (EMPTY_DIRECTORY_RAW, 0))
    result = unixfs.directory(rows)
    # a, b and a-b are the same folder.
    assert len(result.blocks) == 2
    assert cids.to_text(result.blocks[-1][0]) == result.cid
    node = unixfs.decode_node(result.blocks[-1][1])
    assert [link.name for link in node.links] == [b"a", b"a-b", b"b", b"c"]
    assert unixfs.directory(dict(reversed(rows.items()))) == result


def size_of_directory(names: list[str]) -> int:
    links = [unixfs.Link(name.encode(), cids.raw_cid(b""), 0) for name in names]
    return len(unixfs.encode_node(links, b"\x08\x01"))


def test_a_directory_becomes_a_hamt_above_256_kib_of_block() -> None:
    names = [f"{number:0200}" for number in range(1_100)]
    while size_of_directory(names) > 256 * 1024:
        names.pop()
    # Stretch a name until the block is exactly 256 KiB, the largest plain directory.
    names[-1] += "x" * (256 * 1024 - size_of_directory(names))
    assert size_of_directory(names) == 256 * 1024
    plain = unixfs.directory(dict.fromkeys(names, (EMPTY_DIRECTORY_RAW, 0)))
    assert len(plain.blocks) == 1
    names[-1] += "x"
    sharded = unixfs.directory(dict.fromkeys(names, (EMPTY_DIRECTORY_RAW, 0)))
    assert len(sharded.blocks) > 1
    root = unixfs.decode_node(sharded.blocks[-1][1])
    assert (root.kind, len(root.links)) == ("hamt", root.bitfield.bit_count())


def test_names_that_collide_to_the_end_are_refused() -> None:
    # Under murmur3, blocks can be chosen freely so that hashes collide; 16-byte blocks that differ only in ways that
    # cancel out are known. Here the hash is replaced, the depth rule is what is tested.
    links = [(bytes(8), unixfs.Link(name, cids.raw_cid(b""), 0)) for name in (b"a", b"b")]
    assert code_of(unixfs._shard, b"", links, 0, {}) == "unixfs.hamt_too_deep"


@pytest.mark.parametrize("paths", [["a", "a/b"], ["a/b", "a"]])
def test_a_path_is_not_file_and_folder(paths: list[str]) -> None:
    assert code_of(unixfs.directory, dict.fromkeys(paths, (EMPTY_DIRECTORY_RAW, 0))) == "unixfs.path_conflict"


def test_folders_and_sizes_are_bounded() -> None:
    deep = {f"{number:07}/" + "/".join("d" * 400): (EMPTY_DIRECTORY_RAW, 0) for number in range(200)}
    assert code_of(unixfs.directory, deep) == "unixfs.too_many_folders"
    assert code_of(unixfs.directory, {"a" * 1025: (EMPTY_DIRECTORY_RAW, 0)}) == "unixfs.path_too_long"
    for size in (-1, 2**63):
        assert code_of(unixfs.directory, {"a": (EMPTY_DIRECTORY_RAW, size)}) == "unixfs.bad_size"


LINK = unixfs.encode_link(unixfs.Link(b"a", cids.raw_cid(b""), 0))
DIRECTORY = LINK + b"\x0a\x02\x08\x01"


def test_decode_gives_back_what_was_encoded() -> None:
    assert unixfs.decode_node(DIRECTORY).kind == "directory"
    root, blocks = tree(3)
    node = unixfs.decode_node(blocks[-1])
    assert (node.kind, node.block_sizes, len(node.links)) == ("file", (1, 1, 1), 3)
    assert root.cid == cids.dag_pb_cid(blocks[-1])


@pytest.mark.parametrize(
    ("block", "code"),
    [
        (b"", "bad_node"),
        (LINK, "bad_node"),
        (b"\x0a\x02\x08\x01" + LINK, "not_canonical"),
        (DIRECTORY + b"\x0a\x02\x08\x01", "bad_node"),
        (DIRECTORY + b"\x1a\x00", "bad_node"),
        (DIRECTORY[:-1], "bad_node"),
        (LINK + b"\x0a\x04\x08\x01\x18\x05", "not_canonical"),
        (b"\x0a\x03\x08\x81\x00", "bad_node"),
        (b"\x0a\x02\x08\x04", "symlink"),
        (b"\x0a\x02\x08\x03", "unsupported_type"),
        (b"\x0a\x02\x08\x00", "unsupported_type"),
        (b"\x0a\x02\x18\x00", "bad_node"),
        (b"\x0a\x04\x08\x02\x18\x00", "bad_node"),
        (b"\x0a\x06\x08\x05\x28\x22\x30\x10", "bad_node"),
        (b"\x0a\x0a\x08\x05\x12\x01\x00\x28\x22\x30\x80\x02", "not_canonical"),
        (b"\x0d\x00\x00\x00\x00", "bad_node"),
        (LINK.replace(b"\x01\x55\x12\x20", b"\x01\x71\x12\x20") + b"\x0a\x02\x08\x01", "bad_node"),
    ],
)
def test_decode_refuses(block: bytes, code: str) -> None:
    assert code_of(unixfs.decode_node, block) == f"unixfs.{code}"


@given(st.binary(max_size=80), st.integers(0, len(DIRECTORY) - 1), st.integers(0, 255))
def test_decode_of_anything_is_exact_or_refused(data: bytes, position: int, byte: int) -> None:
    mutated = bytearray(DIRECTORY)
    mutated[position] = byte
    for block in (data, bytes(mutated)):
        try:
            node = unixfs.decode_node(block)
        except InvalidInputError:
            continue
        assert node.kind in ("directory", "file", "hamt")
        assert hashlib.sha256(block).digest()
