"""UnixFS under the profile `unixfs-v1-2025` (IPIP-499), written and read by hand (docs/format.md, section UnixFS).

CIDv1, SHA-256; chunks of 1 MiB as raw leaves; balanced file trees of at most 1,024 links a node; a directory whose
dag-pb block would be larger than 256 KiB becomes a HAMT of fanout 256 over murmur3-x64-64 of the names. No modes, no
times. Real Kubo 0.42 is the oracle in tests/integration/test_package_kubo.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from archive.errors import InvalidInputError
from archive.package import cid as cids
from archive.package import varint
from archive.package.limits import MAX_FOLDERS, MAX_PATH_BYTES
from archive.package.murmur3 import murmur3_x64_64

CHUNK_BYTES = 1024 * 1024
MAX_LINKS = 1024
HAMT_THRESHOLD_BYTES = 256 * 1024
HAMT_FANOUT = 256
HAMT_MAX_DEPTH = 8
_MAX_TSIZE = 2**63

_DIRECTORY_DATA = b"\x08\x01"
_TYPE_DIRECTORY, _TYPE_FILE, _TYPE_SYMLINK, _TYPE_HAMT = 1, 2, 4, 5
# hashType = 0x22 (murmur3-x64-64), fanout = 256
_HAMT_TAIL = b"\x28\x22\x30" + varint.encode(HAMT_FANOUT)

Block = tuple[bytes, bytes]
"""(CID of 36 bytes, data)"""


@dataclass(frozen=True, slots=True)
class Link:
    """A dag-pb link: name (UTF-8 bytes, empty in files), target, cumulative size of the target's DAG in bytes."""

    name: bytes
    cid: bytes
    tsize: int


@dataclass(frozen=True, slots=True)
class DirectoryResult:
    """A directory DAG: CID as text, cumulative size, its own blocks (children before parents, root last)."""

    cid: str
    tsize: int
    blocks: tuple[Block, ...]


def encode_link(link: Link) -> bytes:
    """One link as it stands inside a dag-pb node."""
    name = link.name
    body = b"\x0a\x24" + link.cid + b"\x12" + varint.encode(len(name)) + name + b"\x18" + varint.encode(link.tsize)
    return b"\x12" + varint.encode(len(body)) + body


def encode_node(links: Iterable[Link], data: bytes) -> bytes:
    """A dag-pb node: links in the given order, then the UnixFS data."""
    return b"".join(map(encode_link, links)) + b"\x0a" + varint.encode(len(data)) + data


# ---------------------------------------------------------------- files


class FileBuilder:
    """Builds the tree over a file's chunks as they come; holds at most one unfinished node per level.

    `emit` receives each inner node as soon as it is full, so that children always come before parents.
    """

    def __init__(self, emit: Callable[[bytes, bytes], None] | None = None) -> None:
        self._emit = emit
        # Per level, lowest first: the children of the node being filled, each with the file bytes below it.
        self._levels: list[list[tuple[Link, int]]] = [[]]
        self.size = 0

    def add_chunk(self, cid: bytes, size: int) -> None:
        """Append a chunk: its raw CID and its size in bytes."""
        self.size += size
        self._add(0, Link(b"", cid, size), size)

    def _add(self, level: int, link: Link, size: int) -> None:
        if level == len(self._levels):
            self._levels.append([])
        children = self._levels[level]
        # Closed only when another child comes: a file of exactly 1,024 chunks is one node, not two.
        if len(children) == MAX_LINKS:
            self._close(level)
            children = self._levels[level]
        children.append((link, size))

    def _close(self, level: int) -> None:
        children = self._levels[level]
        self._levels[level] = []
        self._add(level + 1, *self._node(children))

    def _node(self, children: Sequence[tuple[Link, int]]) -> tuple[Link, int]:
        size = sum(child_size for _, child_size in children)
        block = encode_node((link for link, _ in children), file_data([child_size for _, child_size in children]))
        cid = cids.dag_pb_cid(block)
        if self._emit:
            self._emit(cid, block)
        return Link(b"", cid, len(block) + sum(link.tsize for link, _ in children)), size

    def finish(self) -> Link:
        """The root of the file; an empty file is one empty raw chunk."""
        if not self.size and not self._levels[0]:
            self.add_chunk(cids.raw_cid(b""), 0)
        level = 0
        while True:
            children = self._levels[level]
            if level == len(self._levels) - 1:
                if len(children) == 1:
                    return children[0][0]
                self._close(level)
            elif children:
                self._close(level)
            level += 1


def file_data(block_sizes: Sequence[int]) -> bytes:
    """UnixFS data of an inner file node: type File, file size, and the file bytes below each link."""
    sizes = b"".join(b"\x20" + varint.encode(size) for size in block_sizes)
    return bytes((0x08, _TYPE_FILE, 0x18)) + varint.encode(sum(block_sizes)) + sizes


# ---------------------------------------------------------------- directories


def directory(files: Mapping[str, tuple[str, int]]) -> DirectoryResult:
    """The directory tree over files: path (`/` between segments) → (CID text, tsize).

    Raises:
        InvalidInputError: `unixfs.path_conflict` when a path is file and folder, `.path_too_long`, `.bad_size`,
            `.too_many_folders`, `.hamt_too_deep` when too many names of one folder share their 64-bit hash, `cid.…`
            for a bad CID.
    """
    folders: dict[str, dict[str, object]] = {"": {}}
    for path, (cid, tsize) in files.items():
        if len(path) > MAX_PATH_BYTES:
            _fail("path_too_long", f"path {path[:80]!a}… is longer than {MAX_PATH_BYTES:,} bytes")
        if not 0 <= tsize < _MAX_TSIZE:
            _fail("bad_size", f"path {path!a} has a size of {tsize}")
        parent, _, name = path.rpartition("/")
        _put(_folder(folders, parent), name, Link(name.encode("utf-8"), cids.parse(cid), tsize))
    blocks: dict[bytes, bytes] = {}
    link = _directory_node(b"", folders[""], blocks)
    return DirectoryResult(cids.to_text(link.cid), link.tsize, tuple(blocks.items()))


def _folder(folders: dict[str, dict[str, object]], path: str) -> dict[str, object]:
    """The folder of that path, made with all above it where it is new: from below upwards, so each is met once."""
    found = folders.get(path)
    if found is not None:
        return found
    made: dict[str, object] = {}
    below = folders[path] = made
    while True:
        if len(folders) > MAX_FOLDERS:
            _fail("too_many_folders", f"more than {MAX_FOLDERS:,} folders")
        parent, _, name = path.rpartition("/")
        above = folders.get(parent)
        if above is not None:
            _put(above, name, below)
            return made
        below = folders[parent] = {name: below}
        path = parent


def _put(folder: dict[str, object], name: str, value: object) -> None:
    if folder.setdefault(name, value) is not value:
        _fail("path_conflict", f"{name!a} is both a file and a folder")


def _directory_node(name: bytes, tree: Mapping[str, object], blocks: dict[bytes, bytes]) -> Link:
    links: list[Link] = []
    for child in sorted(tree, key=lambda text: text.encode("utf-8")):
        value = tree[child]
        if isinstance(value, dict):
            value = _directory_node(child.encode("utf-8"), value, blocks)
        if isinstance(value, Link):
            links.append(value)
    encoded = [encode_link(link) for link in links]
    tail = b"\x0a\x02" + _DIRECTORY_DATA
    if sum(map(len, encoded)) + len(tail) > HAMT_THRESHOLD_BYTES:
        hashed = [(murmur3_x64_64(link.name), link) for link in links]
        return _shard(name, hashed, 0, blocks)
    return _store(name, b"".join(encoded) + tail, links, blocks)


def _shard(name: bytes, hashed: Sequence[tuple[bytes, Link]], depth: int, blocks: dict[bytes, bytes]) -> Link:
    if depth == HAMT_MAX_DEPTH:
        _fail("hamt_too_deep", "names in one folder share a 64-bit hash; rename one of them")
    slots: dict[int, list[tuple[bytes, Link]]] = {}
    for item in hashed:
        slots.setdefault(item[0][depth], []).append(item)
    links: list[Link] = []
    bitfield = 0
    for index in sorted(slots):
        bitfield |= 1 << index
        items = slots[index]
        prefix = b"%02X" % index
        if len(items) == 1:
            link = items[0][1]
            links.append(Link(prefix + link.name, link.cid, link.tsize))
        else:
            links.append(_shard(prefix, items, depth + 1, blocks))
    return _store(name, encode_node(links, hamt_data(bitfield)), links, blocks)


def hamt_data(bitfield: int) -> bytes:
    """UnixFS data of a HAMT node: type, bit field (big-endian, no leading zero bytes), hash type, fanout."""
    bits = bitfield.to_bytes((bitfield.bit_length() + 7) // 8, "big")
    return bytes((0x08, _TYPE_HAMT, 0x12)) + varint.encode(len(bits)) + bits + _HAMT_TAIL


def _store(name: bytes, block: bytes, links: Sequence[Link], blocks: dict[bytes, bytes]) -> Link:
    cid = cids.dag_pb_cid(block)
    blocks[cid] = block
    return Link(name, cid, len(block) + sum(link.tsize for link in links))


# ---------------------------------------------------------------- reading


@dataclass(frozen=True, slots=True)
class Node:
    """A decoded dag-pb node: `kind` is `directory`, `file` or `hamt`; block sizes for files, bit field for HAMTs."""

    kind: str
    links: tuple[Link, ...]
    block_sizes: tuple[int, ...] = ()
    bitfield: int = 0


def decode_node(block: bytes) -> Node:
    """Decode a dag-pb node of the profile. Anything that the profile would not have written is refused.

    Raises:
        InvalidInputError: `unixfs.bad_node`, `.symlink`, `.unsupported_type`, `.not_canonical`.
    """
    try:
        links, data = _decode_dag_pb(block)
        node = _decode_data(links, data)
    except ValueError as error:
        _fail("bad_node", f"not a dag-pb node with UnixFS data: {error}")
    if node.kind == "file":
        again = encode_node(links, file_data(node.block_sizes))
    else:
        again = encode_node(links, hamt_data(node.bitfield) if node.kind == "hamt" else _DIRECTORY_DATA)
    if again != block:
        _fail("not_canonical", "a dag-pb node is not encoded as the profile unixfs-v1-2025 does it")
    return node


def _decode_dag_pb(block: bytes) -> tuple[tuple[Link, ...], bytes]:
    links: list[Link] = []
    data: bytes | None = None
    for number, value in _fields(block):
        if number == 2 and isinstance(value, bytes):
            fields = dict(_fields(value))
            name, cid, tsize = fields.get(2), fields.get(1), fields.get(3)
            if not isinstance(name, bytes) or not isinstance(cid, bytes) or not isinstance(tsize, int):
                raise ValueError("a link lacks name, hash or size")
            if len(cid) != cids.CID_BYTES or cid[:4] not in (cids.RAW_PREFIX, cids.DAG_PB_PREFIX):
                raise ValueError("a link's CID is not CIDv1 with SHA-256")
            links.append(Link(name, cid, tsize))
        elif number == 1 and isinstance(value, bytes) and data is None:
            data = value
        else:
            raise ValueError(f"unexpected field {number}")
    if data is None:
        raise ValueError("no UnixFS data")
    return tuple(links), data


def _decode_data(links: tuple[Link, ...], data: bytes) -> Node:
    fields = list(_fields(data))
    if not fields or fields[0][0] != 1:
        raise ValueError("no UnixFS type")
    kind = fields[0][1]
    if kind == _TYPE_DIRECTORY:
        return Node("directory", links)
    if kind == _TYPE_FILE:
        sizes = tuple(value for number, value in fields if number == 4 and isinstance(value, int))
        if len(sizes) != len(links) or not links:
            raise ValueError("a file node needs one block size for each of its links")
        return Node("file", links, block_sizes=sizes)
    if kind == _TYPE_HAMT:
        bits = dict(fields).get(2)
        if not isinstance(bits, bytes):
            raise ValueError("a HAMT node has no bit field")
        return Node("hamt", links, bitfield=int.from_bytes(bits, "big"))
    if kind == _TYPE_SYMLINK:
        _fail("symlink", "the directory holds a symbolic link")
    raise InvalidInputError(f"UnixFS type {kind!r} does not occur in packages", code="unixfs.unsupported_type")


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Protobuf fields of wire types 0 (varint) and 2 (bytes) in order; raises ValueError."""
    position = 0
    while position < len(data):
        tag, position = varint.decode(data, position)
        value, position = varint.decode(data, position)
        if tag & 7 == 0:
            yield tag >> 3, value
        elif tag & 7 == 2:
            if position + value > len(data):
                raise ValueError("a field is cut off")
            yield tag >> 3, data[position : position + value]
            position += value
        else:
            raise ValueError(f"wire type {tag & 7}")


def _fail(code: str, message: str) -> NoReturn:
    raise InvalidInputError(message, code=f"unixfs.{code}")
