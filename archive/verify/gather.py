"""Collects what the rules need: reads files, asks stores and nodes, and writes down what each answered.

Everything comes in through narrow reading protocols (`archive.stores.base.Reader`, `archive.chain.rpc.Rpc`). Nothing
here judges, signs, or keeps anything: a package fetched from a store lies in a temporary folder while it is hashed.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
import stat
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Literal, cast

from archive.bundle import DirectoryLink, JsonObject, ProofBundle, parse_bundle, read_bundle
from archive.errors import ArchiveError, InvalidInputError, UnreachableError, UsageError
from archive.package import canonical, entries, hashing
from archive.package.limits import MAX_RECORD_BYTES, MAX_RECORD_DEPTH
from archive.stores.base import MAX_FILE_BYTES, MAX_PACKAGE_BYTES, BoundedSink, Reader, is_not_found
from archive.trust import TrustFile
from archive.verify import checks
from archive.verify.facts import (
    AnchorFacts,
    CodeAnswer,
    Facts,
    FileFact,
    HeaderAnswer,
    HeaderOutcome,
    HistoryAnswer,
    OtherRoot,
    StoreAnswer,
    UnreadableFile,
    Variant,
)
from archive.verify.matching import match_files
from archive.workspace import Workspace

if TYPE_CHECKING:
    from archive.chain.proofs import ProvenAnchor
    from archive.chain.rpc import ChainIdentity, Rpc
    from archive.package.unpack import UnpackedPackage

TargetKind = Literal["bundle", "root", "content_id", "transaction"]
BUNDLE_SUFFIX: Final = ".proof.json"
MAX_GIVEN_FILES: Final = 200_000
# Larger files are not searched for the likely reason of a mismatch: it would have to be held in memory.
MAX_EXPLAINED_BYTES: Final = 64 * 1024 * 1024
MAX_LOCAL_BUNDLES: Final = 10_000

_ROOT: Final = re.compile(r"[0-9a-f]{64}")
_TRANSACTION: Final = re.compile(r"0x[0-9a-f]{64}")
_CONTENT_ID: Final = re.compile(r"bafybei[a-z2-7]{52}")
_CAR_START: Final = b"\x3a\xa2eroots"
_CAR_SUFFIX: Final = ".car"
_BOM: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be verified: a bundle file, or an id to look for."""

    kind: TargetKind
    text: str


@dataclass(frozen=True, slots=True)
class Node:
    """A node to ask. `source` is safe to show; `chain_id` is None when the node was only named by its URL."""

    source: str
    rpc: Rpc
    chain_id: int | None = None


@dataclass(frozen=True, slots=True)
class KnownChain:
    """A chain this installation has a name for. `genesis` is None for one that anybody can start anew."""

    name: str
    genesis: str | None


@dataclass(frozen=True, slots=True)
class Sources:
    """Where to read from. Without `workspace` no local bundles, catalogue or embedded chain are looked at."""

    trust: TrustFile
    readers: tuple[Reader, ...] = ()
    nodes: tuple[Node, ...] = ()
    chains: Mapping[int, KnownChain] = field(default_factory=dict)
    workspace: Workspace | None = None
    offline: bool = False
    progress: Callable[[int, int], None] | None = None


@dataclass(slots=True)
class _Found:
    """What was read of files so far: `files` with their `paths` still to hash, `hashed` out of CARs."""

    files: list[FileFact] = field(default_factory=list)
    paths: list[Path] = field(default_factory=list)
    unreadable: list[UnreadableFile] = field(default_factory=list)
    hashed: list[FileFact] = field(default_factory=list)
    bundles: list[Path] = field(default_factory=list)
    bad_bundles: list[UnreadableFile] = field(default_factory=list)
    stores: list[StoreAnswer] = field(default_factory=list)
    package_folder: bool = False


def parse_target(text: str) -> Target:
    """Tell a bundle, content id, root and transaction hash apart, strictly.

    Raises:
        UsageError: `verify.target` for anything else, `verify.ambiguous_target` when an id is also a file's name.
    """
    kind: TargetKind | None = None
    for name, pattern in (("root", _ROOT), ("content_id", _CONTENT_ID), ("transaction", _TRANSACTION)):
        if pattern.fullmatch(text):
            kind = name  # type: ignore[assignment]
    path = Path(text)
    if kind is None:
        if path.is_file():
            return Target("bundle", text)
        raise UsageError(
            f"{text[:200]}: neither a file nor a content id, root or transaction hash",
            code="verify.target",
            hint="name a proof bundle (….proof.json), a content id (bafybei…), a root (64 hex digits) or a transaction "
            "(0x and 64 hex digits)",
        )
    if path.exists():
        raise UsageError(
            f"{text}: an id, and also the name of a file here", code="verify.ambiguous_target", hint=f"write ./{text}"
        )
    return Target(kind, text)


def gather(target: Target, given: Sequence[Path], sources: Sources) -> Facts:
    """Collect the facts about a target and the files given for it.

    Raises:
        ArchiveError: the bundle cannot be read (`bundle.…`), or nothing was found for an id
            (`verify.not_found`, exit 3).
    """
    found = _Found()
    _read_given(given, found)
    bundle = _bundle(target, sources, found)
    if not given and not found.hashed:  # a package may have been fetched already while looking for its anchor
        _fetch_package(bundle.content_id, sources, found)
    if target.kind == "bundle":
        _leave_out(Path(target.text), found)
    _hash(found, sources.progress)
    bundle = _with_record(bundle, found)
    _explain(bundle, found)
    asked: tuple[Literal["root", "content_id", "transaction"], str] | None = None
    if target.kind != "bundle":
        asked = (target.kind, target.text)
    return Facts(
        target=target.text,
        asked=asked,
        bundle=bundle,
        files=(*found.files, *found.hashed),
        trust=sources.trust,
        offline=sources.offline,
        unreadable=tuple(found.unreadable),
        package_folder=found.package_folder,
        anchors=tuple(_ask_chain(bundle, sources)),
        # Reads the other bundles, and notes those that cannot be read.
        others=tuple(_other_roots(sources, found)),
        bad_bundles=tuple(found.bad_bundles),
        stores=tuple(found.stores),
    )


# --- files ------------------------------------------------------------------------------------------------------


def _read_given(given: Sequence[Path], found: _Found) -> None:
    for path in given:
        try:
            mode = path.stat().st_mode
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}", code="verify.no_such_file") from None
        if stat.S_ISDIR(mode):
            _add_folder(path, found)
        elif path.name.endswith(BUNDLE_SUFFIX):
            found.bundles.append(path)
        elif _is_car(path):
            _add_car(path, found)
        else:
            _add(found, path.resolve(), None, str(path))


def _is_car(path: Path) -> bool:
    if path.suffix != _CAR_SUFFIX:
        return False
    with contextlib.suppress(OSError), path.open("rb") as stream:
        return stream.read(len(_CAR_START)) == _CAR_START
    return False


def _add_car(path: Path, found: _Found) -> None:
    from archive.package.unpack import verify_car

    try:
        with path.open("rb") as stream:
            package = verify_car(stream)
    except OSError as error:
        found.unreadable.append(UnreadableFile(str(path), "car.unreadable", str(error.strerror)))
    except InvalidInputError as error:
        found.unreadable.append(UnreadableFile(str(path), error.code, error.message))
    else:
        _add_package(package, str(path), found)


def _add_package(package: UnpackedPackage, shown: str, found: _Found) -> None:
    """The files of a CAR, whose every block was hashed already."""
    found.package_folder = True
    found.hashed += [FileFact(f"{shown}: {f.path}", f.path, f.path, f.size, f.sha256, f.cid) for f in package.files]


def _add_folder(folder: Path, found: _Found) -> None:
    """Every file below the folder. Links are not followed: they could lead anywhere."""
    if (folder / entries.MANIFEST_PATH).is_file():
        found.package_folder = True
    for parent, names, files in folder.walk() if hasattr(folder, "walk") else _walk(folder):
        names.sort()
        files = [*files, *(name for name in names if (parent / name).is_symlink())]
        for name in sorted(files):
            path = parent / name
            inside = path.relative_to(folder).as_posix()
            label = str(path)
            if path.is_symlink() or not path.is_file():
                found.unreadable.append(UnreadableFile(label, "verify.not_regular_file", "a link or no regular file"))
            elif name.endswith(BUNDLE_SUFFIX):
                found.bundles.append(path)
            else:
                _add(found, path, inside, label)


def _walk(folder: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    import os  # Path.walk came with Python 3.12

    for parent, names, files in os.walk(folder):
        yield Path(parent), names, files


def _add(found: _Found, path: Path, inside: str | None, label: str) -> None:
    if len(found.paths) >= MAX_GIVEN_FILES:
        raise UsageError(
            f"more than {MAX_GIVEN_FILES:,} files were given",
            code="verify.too_many_files",
            hint="name the folder of the package",
        )
    found.paths.append(path)
    full = inside if inside is not None else Path(label).absolute().as_posix()
    found.files.append(FileFact(name=label, path=inside, full=full, size=-1, sha256="", cid=""))


def _leave_out(bundle: Path, found: _Found) -> None:
    """The bundle that is being verified may lie among the files; it is none of them, and no second opinion either."""
    found.bundles = [path for path in found.bundles if not path.samefile(bundle)]
    keep = [i for i, path in enumerate(found.paths) if not path.samefile(bundle)]
    found.paths = [found.paths[i] for i in keep]
    found.files = [found.files[i] for i in keep]


def _hash(found: _Found, progress: Callable[[int, int], None] | None) -> None:
    try:
        digests: list[hashing.FileDigest | None] = [*hashing.digest_files(found.paths, progress=progress)]
    except InvalidInputError:
        # One of them is bad: hash one by one, so that the others still count and the bad one is named.
        digests = [_digest_one(path, fact.name, found) for path, fact in zip(found.paths, found.files, strict=True)]
    hashed: list[FileFact] = []
    paths: list[Path] = []
    for path, fact, digest in zip(found.paths, found.files, digests, strict=True):
        if digest is not None:
            hashed.append(replace(fact, size=digest.size, sha256=digest.sha256, cid=digest.cid))
            paths.append(path)
    found.files, found.paths = hashed, paths


def _digest_one(path: Path, name: str, found: _Found) -> hashing.FileDigest | None:
    try:
        return hashing.digest_file(path)
    except InvalidInputError as error:
        found.unreadable.append(UnreadableFile(name, error.code, error.message))
        return None


def _with_record(bundle: ProofBundle, found: _Found) -> ProofBundle:
    """A bundle without the record is completed from a given record.json, if it is the very one."""
    if bundle.record is not None:
        return bundle
    wanted = checks.read_leaves(bundle.entries).record
    for path, fact in zip(found.paths, found.files, strict=True):
        if wanted is not None and (fact.sha256, fact.size) == (wanted.sha256, wanted.size):
            data = path.read_bytes()
            if hashlib.sha256(data).hexdigest() == wanted.sha256:
                value = canonical.loads(data, max_bytes=MAX_RECORD_BYTES, max_depth=MAX_RECORD_DEPTH)
                return replace(bundle, record=value) if isinstance(value, dict) else bundle
    return bundle


def _explain(bundle: ProofBundle, found: _Found) -> None:
    """For files that are not what the package lists, the hashes that common harmless changes would undo to."""
    leaves = checks.read_leaves(bundle.entries)
    matching = match_files(checks.wanted_files(leaves), [*found.files, *found.hashed])
    odd = {id(m.file) for m in matching.matches if not m.good} | {id(f) for f in matching.unlisted}
    for index, fact in enumerate(found.files):
        if id(fact) in odd and 0 < fact.size <= MAX_EXPLAINED_BYTES:
            with contextlib.suppress(OSError):  # the mismatch itself is reported in any case
                data = found.paths[index].read_bytes()
                found.files[index] = replace(fact, variants=tuple(variants(data)))


def variants(data: bytes) -> Iterator[Variant]:
    """What the file would hash to had it not been changed in one of the usual ways."""

    def variant(kind: str, changed: bytes) -> Variant:
        return Variant(kind, hashlib.sha256(changed).hexdigest())

    bare = data.removeprefix(_BOM)
    yield variant("byte-order-mark", bare if bare != data else _BOM + data)
    for text in {data, bare}:
        unix = text.replace(b"\r\n", b"\n")
        yield variant("line-ends", unix)
        yield variant("line-ends", unix.replace(b"\n", b"\r\n"))
    yield variant("final-newline", data.removesuffix(b"\n"))
    yield variant("final-newline", data.removesuffix(b"\r\n"))
    yield variant("final-newline", data + b"\n")
    yield variant("final-newline", data + b"\r\n")
    if data.startswith(b"\x1f\x8b"):
        unpacked = _inflate(data, 31)
        if unpacked is not None:
            yield variant("gzip", unpacked)


def _inflate(data: bytes, bits: int) -> bytes | None:
    """Unpack one compressed stream, at most MAX_EXPLAINED_BYTES of it."""
    unpacker = zlib.decompressobj(bits)
    try:
        unpacked = unpacker.decompress(data, MAX_EXPLAINED_BYTES)
    except zlib.error:
        return None
    return unpacked if unpacker.eof else None


# --- bundle -----------------------------------------------------------------------------------------------------


def _bundle(target: Target, sources: Sources, found: _Found) -> ProofBundle:
    if target.kind == "bundle":
        return read_bundle(Path(target.text))
    local = _local_bundle(target, sources)
    if local is not None:
        return local
    return _from_chain(target, sources, found)


def _local_bundle(target: Target, sources: Sources) -> ProofBundle | None:
    """A bundle of this workspace, or one that its catalogue names and a store has."""
    if sources.workspace is None:
        return None
    for path in _bundle_files(sources.workspace):
        with contextlib.suppress(ArchiveError):  # a damaged bundle that nobody asked for is no reason to stop
            bundle = read_bundle(path)
            if _is_about(bundle, target):
                return bundle
    for entry in _catalogue_entries(sources.workspace):
        if target.text in (entry.root, entry.content_id, entry.transaction):
            for reader in sources.readers:
                with contextlib.suppress(ArchiveError):  # the next store, and then the chain, is asked
                    sink = io.BytesIO()
                    reader.fetch_file(entry.bundle, sink, max_bytes=MAX_FILE_BYTES)
                    if hashing.digest_bytes(sink.getvalue()).cid == entry.bundle:
                        return parse_bundle(sink.getvalue(), name=entry.bundle)
    return None


def _is_about(bundle: ProofBundle, target: Target) -> bool:
    if target.kind == "root":
        return bundle.root == target.text
    if target.kind == "content_id":
        return bundle.content_id == target.text
    return any(_transaction_of(anchor) == target.text for anchor in bundle.anchors)


def _transaction_of(anchor: JsonObject) -> object:
    transaction = anchor.get("transaction")
    return transaction.get("hash") if isinstance(transaction, dict) else None


def _bundle_files(workspace: Workspace) -> list[Path]:
    return sorted(workspace.bundles.rglob(f"*{BUNDLE_SUFFIX}"))[:MAX_LOCAL_BUNDLES]


def _catalogue_entries(workspace: Workspace) -> Sequence[Any]:
    from archive.stores.catalogue import load_catalogue

    catalogue = load_catalogue(workspace.catalogue_file)
    return catalogue.entries if catalogue else ()


def _from_chain(target: Target, sources: Sources, found: _Found) -> ProofBundle:
    """Without a bundle: find the anchor by the trusted registries and keys, and the package in the stores."""
    from archive.verify import lookup

    if target.kind == "content_id":
        package = _package(target.text, sources, found)
        if package is None:
            raise _not_found(target, found)
        root = package.root
        anchors = lookup.anchors_of_root(root, package.publisher, sources.nodes, sources.trust)
        return package.bundle(anchors)
    if target.kind == "root":
        anchors = lookup.anchors_of_root(target.text, None, sources.nodes, sources.trust)
    else:
        anchors = lookup.anchors_of_transaction(target.text, sources.nodes, sources.trust)
    for anchor in anchors:
        package = _package(lookup.content_id_of(anchor), sources, found)
        if package is not None:
            return package.bundle(anchors)
    raise _not_found(target, found)


def _not_found(target: Target, found: _Found) -> ArchiveError:
    liars = [s.store for s in found.stores if s.outcome == "wrong"]
    if liars:
        return InvalidInputError(
            f"{target.text}: only wrong bytes came, from {', '.join(liars)}",
            code="verify.wrong_bytes",
            hint="ask another store, or the publisher for the proof bundle",
        )
    what = {"root": "root", "content_id": "content id", "transaction": "transaction"}.get(target.kind, target.kind)
    return UnreachableError(
        f"{target.text}: no bundle, anchor or package was found for this {what}",
        code="verify.not_found",
        hint="ask the publisher for the proof bundle, or name a node with --rpc and stores in the configuration",
    )


@dataclass(frozen=True, slots=True)
class _Package:
    """A package that was fetched: enough to stand in for a bundle without proofs."""

    content_id: str
    root: str
    publisher: str | None
    entries: tuple[JsonObject, ...]
    record: JsonObject | None
    directory: tuple[DirectoryLink, ...]

    def bundle(self, anchors: Iterable[JsonObject]) -> ProofBundle:
        return ProofBundle(self.root, self.content_id, self.entries, self.record, self.directory, tuple(anchors))


def _package(content_id: str, sources: Sources, found: _Found) -> _Package | None:
    package = _fetch_package(content_id, sources, found)
    if package is None:
        return None
    unpacked, data = package
    record = canonical.loads(data, max_bytes=MAX_RECORD_BYTES, max_depth=MAX_RECORD_DEPTH)
    manifest = unpacked.manifest
    links = [DirectoryLink(f.path, f.cid, f.tsize) for f in unpacked.files]
    return _Package(
        content_id=content_id,
        root=manifest.root(),
        publisher=manifest.header.publisher,
        entries=(manifest.header.to_json(), *(e.to_json() for e in manifest.entries)),
        record=record if isinstance(record, dict) else None,
        directory=tuple(sorted(links, key=lambda link: link.path.encode())),
    )


# --- stores -----------------------------------------------------------------------------------------------------


def _fetch_package(content_id: str, sources: Sources, found: _Found) -> tuple[UnpackedPackage, bytes] | None:
    """Ask one store after the other and write down what each did; the package of the good one and its record."""
    from archive.package.unpack import unpack_car

    for reader in sources.readers:
        answered = False
        try:
            with tempfile.TemporaryDirectory(prefix="archive-verify-") as base, tempfile.TemporaryFile() as spool:
                sink = BoundedSink(cast(BinaryIO, spool), max_bytes=MAX_PACKAGE_BYTES, what=reader.name)
                reader.fetch_package(content_id, cast(BinaryIO, sink), max_bytes=MAX_PACKAGE_BYTES)
                answered = True
                spool.seek(0)
                package = unpack_car(cast(BinaryIO, spool), Path(base) / "package", content_id=content_id)
                record = (Path(base) / "package" / entries.RECORD_PATH).read_bytes()
        except ArchiveError as error:
            found.stores.append(_store_answer(reader, error, answered=answered))
            continue
        found.stores.append(StoreAnswer(reader.name, reader.operator, "good"))
        _add_package(package, reader.name, found)
        return package, record
    return None


def _store_answer(reader: Reader, error: ArchiveError, *, answered: bool) -> StoreAnswer:
    if is_not_found(error) and not answered:
        return StoreAnswer(reader.name, reader.operator, "absent")
    wrong = isinstance(error, InvalidInputError)  # of our own disk nothing is said about the store
    return StoreAnswer(reader.name, reader.operator, "wrong" if wrong else "unreachable", error.message)


# --- chain ------------------------------------------------------------------------------------------------------


def _ask_chain(bundle: ProofBundle, sources: Sources) -> Iterator[AnchorFacts]:
    from archive.chain import proofs

    identities: dict[int, ChainIdentity] = {}
    for index, value in enumerate(bundle.anchors):
        try:
            proof = proofs.parse_anchor_proof(value)
            proven = proofs.check_anchor_proof(proof)
        except InvalidInputError:
            continue  # the rules report what is wrong with it; there is no block to ask for
        headers: list[HeaderAnswer] = []
        codes: list[CodeAnswer] = []
        history: list[HistoryAnswer] = []
        own = _workspace_header(proven, sources)
        if own is not None:
            headers.append(own)
        for node in sources.nodes:
            if node.chain_id not in (None, proven.chain_id):
                continue
            answer = _header_answer(node, proven, identities)
            headers.append(answer)
            if answer.outcome in ("wrong_chain", "unreachable", "other_history"):
                continue
            codes.append(_code_answer(node, proven.registry))
            history.append(_history_answer(node, proven))
        known = sources.chains.get(proven.chain_id)
        public = None if known is None else known.genesis == proven.genesis
        name = None if known is None else known.name
        yield AnchorFacts(index, tuple(headers), tuple(codes), tuple(history), public, name)


def _workspace_header(proven: ProvenAnchor, sources: Sources) -> HeaderAnswer | None:
    """The header as the workspace that made the embedded chain has it; None for any other chain."""
    trusted = sources.trust.registry(proven.chain_id, proven.genesis, proven.registry)
    if trusted is None or not trusted.workspace_chain or sources.workspace is None:
        return None
    from archive.chain import codec
    from archive.chain.local_headers import read_header

    source = "this workspace's own chain"
    try:
        genesis = read_header(sources.workspace, 0)
        header = read_header(sources.workspace, proven.block_number)
    except InvalidInputError as error:
        return HeaderAnswer(source, "workspace", "bad_answer", error.code)
    if genesis is None:
        return HeaderAnswer(source, "workspace", "unreachable", "there is none in this workspace")
    if codec.to_hex(codec.keccak(genesis)) != proven.genesis:
        return HeaderAnswer(source, "workspace", "other_history", codec.to_hex(codec.keccak(genesis)))
    if header is None:
        return HeaderAnswer(source, "workspace", "absent")
    found = codec.to_hex(codec.keccak(header))
    return HeaderAnswer(source, "workspace", "same" if found == proven.block_hash else "other", found)


def _header_answer(node: Node, proven: ProvenAnchor, identities: dict[int, ChainIdentity]) -> HeaderAnswer:
    from archive.chain import codec
    from archive.chain.rpc import identify

    def answer(outcome: HeaderOutcome, found: str | None = None) -> HeaderAnswer:
        return HeaderAnswer(node.source, "rpc", outcome, found)

    try:
        if id(node) not in identities:
            identities[id(node)] = identify(node.rpc)
        identity = identities[id(node)]
        if identity.chain_id != proven.chain_id:
            return answer("wrong_chain", f"chain {identity.chain_id}")
        if identity.genesis != proven.genesis:
            return answer("other_history", identity.genesis)
        block = node.rpc.call("eth_getBlockByNumber", [hex(proven.block_number), False])
        if block is None:
            return answer("absent")
        if not isinstance(block, dict):
            return answer("bad_answer", "not a block")
        found = codec.to_hex(codec.data(block.get("hash"), "block hash", size=32))
    except InvalidInputError as error:
        return answer("bad_answer", error.code)
    except ArchiveError as error:
        return answer("unreachable", error.code)
    return answer("same" if found == proven.block_hash else "other", found)


def _code_answer(node: Node, address: str) -> CodeAnswer:
    from archive.chain import codec

    try:
        code = codec.data(node.rpc.call("eth_getCode", [address, "latest"]), "code")
    except ArchiveError as error:
        return CodeAnswer(node.source, None, error.message)
    return CodeAnswer(node.source, codec.to_hex(codec.keccak(code)))


def _history_answer(node: Node, proven: ProvenAnchor) -> HistoryAnswer:
    from archive.chain.reader import RegistryReader

    try:
        head = RegistryReader(node.rpc, proven.registry).head(proven.publisher, bytes.fromhex(proven.incident_key[2:]))
    except ArchiveError as error:
        return HistoryAnswer(node.source, None, message=error.message)
    if head is None:
        return HistoryAnswer(node.source, None, message="the registry has no entry of this publisher and incident")
    prefix = head.root_prefix.hex()
    return HistoryAnswer(node.source, proven.root.startswith(prefix), prefix, head.ordinal)


# --- other revisions --------------------------------------------------------------------------------------------


def _other_roots(sources: Sources, found: _Found) -> Iterator[OtherRoot]:
    """Roots that a publisher signed for: in the workspace's catalogue, and in other bundles that were given."""
    if sources.workspace is not None:
        from archive.stores.catalogue import load_catalogue

        with contextlib.suppress(ArchiveError):  # a damaged catalogue says nothing; `archive list` reports it
            catalogue = load_catalogue(sources.workspace.catalogue_file)
            if catalogue is not None:
                for entry in catalogue.entries:
                    where = "the publisher's signed catalogue"
                    yield OtherRoot(entry.id, entry.revision, entry.root, catalogue.publisher, where)
    for path in found.bundles:
        try:
            yield from _roots_of_bundle(path)
        except ArchiveError as error:
            found.bad_bundles.append(UnreadableFile(str(path), error.code, error.message))


def _roots_of_bundle(path: Path) -> Iterator[OtherRoot]:
    """What another bundle proves: its own root, by the keys that anchored exactly that root."""
    from archive.chain import proofs, registry
    from archive.package import merkle

    bundle = read_bundle(path)
    header = checks.read_leaves(bundle.entries).header
    if header is None:
        return
    root = merkle.merkle_root([merkle.leaf_hash(canonical.dumps(value)) for value in bundle.entries]).hex()
    key = "0x" + registry.incident_key(header.incident).hex()
    for anchor in bundle.anchors:
        with contextlib.suppress(InvalidInputError):  # an anchor that proves nothing accuses nobody
            proven = proofs.check_anchor_proof(proofs.parse_anchor_proof(anchor))
            if proven.root == root and proven.incident_key == key:
                yield OtherRoot(header.incident, header.revision, root, proven.publisher, str(path))
