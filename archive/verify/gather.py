"""Collects what the rules need: reads files, asks stores and nodes, and writes down what each answered.

Everything comes in through narrow reading protocols (`archive.stores.base.Reader`, `archive.chain.rpc.Rpc`). Nothing
here judges, signs, or keeps anything: a package fetched from a store lies in a temporary folder while it is hashed.
"""

from __future__ import annotations

import contextlib
import io
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Literal, cast

from archive.bundle import DirectoryLink, JsonObject, ProofBundle, parse_bundle, read_bundle
from archive.chain.consensus.pins import with_shipped
from archive.errors import ArchiveError, InvalidInputError, UnreachableError, UsageError
from archive.package import canonical, entries, hashing
from archive.package.limits import MAX_RECORD_BYTES, MAX_RECORD_DEPTH
from archive.stores.base import MAX_FILE_BYTES, MAX_PACKAGE_BYTES, BoundedSink, Reader, is_not_found
from archive.trust import TrustFile
from archive.verify.askacts import ask_acts
from archive.verify.clocks import HeaderSources, ask_clocks
from archive.verify.facts import (
    Facts,
    OtherRoot,
    StoreAnswer,
    UnreadableFile,
)
from archive.verify.given import (
    BUNDLE_SUFFIX,
    Found,
    add_package,
    complete_record,
    explain,
    hash_files,
    leave_out,
    read_given,
)
from archive.verify.leaves import read_leaves
from archive.verify.nodes import KnownChain, Node, ask_chain
from archive.verify.redaction import read_redactions
from archive.verify.reveals import read_reveals
from archive.workspace import Workspace

if TYPE_CHECKING:
    from archive.chain.rpc import ChainIdentity
    from archive.package.unpack import UnpackedPackage

TargetKind = Literal["bundle", "root", "content_id", "transaction"]
MAX_LOCAL_BUNDLES: Final = 10_000

_ROOT: Final = re.compile(r"[0-9a-f]{64}")
_TRANSACTION: Final = re.compile(r"0x[0-9a-f]{64}")
_CONTENT_ID: Final = re.compile(r"bafybei[a-z2-7]{52}")


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be verified: a bundle file, or an id to look for."""

    kind: TargetKind
    text: str


@dataclass(frozen=True, slots=True)
class Sources:
    """Where to read from. Without `workspace` no local bundles, catalogue or embedded chain are looked at.

    `quorum` is how many nodes must agree, where the reader said so; `endorsers` are addresses to look for.
    """

    trust: TrustFile
    readers: tuple[Reader, ...] = ()
    nodes: tuple[Node, ...] = ()
    chains: Mapping[int, KnownChain] = field(default_factory=dict)
    workspace: Workspace | None = None
    headers: HeaderSources = field(default_factory=HeaderSources)
    offline: bool = False
    quorum: int | None = None
    endorsers: tuple[str, ...] = ()
    progress: Callable[[int, int], None] | None = None


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
    found = Found()
    read_given(given, found)
    bundle = _bundle(target, sources, found)
    if not given and not found.hashed:  # a package may have been fetched already while looking for its anchor
        _fetch_package(bundle.content_id, sources, found)
    if target.kind == "bundle":
        leave_out(Path(target.text), found)
    hash_files(found, sources.progress)
    bundle = complete_record(bundle, found)
    explain(bundle, found)
    asked: tuple[Literal["root", "content_id", "transaction"], str] | None = None
    if target.kind != "bundle":
        asked = (target.kind, target.text)
    identities: dict[int, ChainIdentity | ArchiveError] = {}
    return Facts(
        target=target.text,
        asked=asked,
        bundle=bundle,
        files=(*found.files, *found.hashed),
        trust=replace(sources.trust, validator_sets=with_shipped(sources.trust.validator_sets)),
        offline=sources.offline,
        quorum=sources.quorum,
        unreadable=tuple(found.unreadable),
        reveals=tuple(read_reveals(found.reveals, found.files, found.paths)),
        redactions=tuple(read_redactions(bundle, read_leaves(bundle.entries), found.files, found.paths)),
        package_folder=found.package_folder,
        anchors=tuple(ask_chain(bundle, sources.nodes, sources.chains, sources.trust, sources.workspace, identities)),
        acts=ask_acts(bundle, sources.nodes, sources.trust, sources.workspace, sources.endorsers, identities),
        # Reads the other bundles, and notes those that cannot be read.
        others=tuple(_other_roots(sources, found)),
        bad_bundles=tuple(found.bad_bundles),
        stores=tuple(found.stores),
        clocks=ask_clocks(
            bundle,
            read_leaves(bundle.entries).header,
            sources.trust,
            sources.headers,
            sources.nodes,
            sources.chains,
        ),
    )


# --- bundle -----------------------------------------------------------------------------------------------------


def _bundle(target: Target, sources: Sources, found: Found) -> ProofBundle:
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


def _from_chain(target: Target, sources: Sources, found: Found) -> ProofBundle:
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


def _not_found(target: Target, found: Found) -> ArchiveError:
    liars = [s.store for s in found.stores if s.outcome == "wrong"]
    if liars:
        return InvalidInputError(
            f"{target.text}: only wrong bytes came, from {', '.join(liars)}",
            code="verify.wrong_bytes",
            hint="ask another store, or the publisher for the proof bundle",
        )
    what = {"root": "root", "content_id": "content id", "transaction": "transaction"}.get(target.kind, target.kind)
    other = "a root is written without 0x; else " if target.kind == "transaction" else ""
    return UnreachableError(
        f"{target.text}: no bundle, anchor or package was found for this {what}",
        code="verify.not_found",
        hint=f"{other}ask the publisher for the proof bundle, or name a node with --rpc and stores in the config file",
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


def _package(content_id: str, sources: Sources, found: Found) -> _Package | None:
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


def _fetch_package(content_id: str, sources: Sources, found: Found) -> tuple[UnpackedPackage, bytes] | None:
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
        add_package(package, reader.name, found)
        return package, record
    return None


def _store_answer(reader: Reader, error: ArchiveError, *, answered: bool) -> StoreAnswer:
    if is_not_found(error) and not answered:
        return StoreAnswer(reader.name, reader.operator, "absent")
    wrong = isinstance(error, InvalidInputError)  # of our own disk nothing is said about the store
    return StoreAnswer(reader.name, reader.operator, "wrong" if wrong else "unreachable", error.message)


# --- other revisions --------------------------------------------------------------------------------------------


def _other_roots(sources: Sources, found: Found) -> Iterator[OtherRoot]:
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
    """What another bundle proves: its own root, by the keys whose signature anchors exactly that root."""
    from archive.chain import proofs, registry
    from archive.package import merkle

    bundle = read_bundle(path)
    header = read_leaves(bundle.entries).header
    if header is None:
        return
    root = merkle.merkle_root([merkle.leaf_hash(canonical.dumps(value)) for value in bundle.entries]).hex()
    key = "0x" + registry.incident_key(header.incident).hex()
    for anchor in bundle.anchors:
        with contextlib.suppress(InvalidInputError):  # an anchor that proves nothing accuses nobody
            proven = proofs.check_anchor_proof(proofs.parse_anchor_proof(anchor))
            # Without the key's own signature the block may be made up by whoever put the bundle there.
            if proven.root == root and proven.incident_key == key and proven.direct:
                yield OtherRoot(header.incident, header.revision, root, proven.publisher, str(path))
