"""Asks every trusted registry what it holds about a package: retractions, endorsements, other histories.

Storage words are read (`eth_getStorageAt`), and the embedded chain's from its own database; both are decoded by the
same rules. A node is one source among others: what several say is weighed in `acts`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from archive.bundle import ProofBundle
from archive.chain import codec, proofs, registry
from archive.chain.acts import RETRACTED, Endorsement, Retraction, endorsement_of_word, reason_of, retraction_of_word
from archive.chain.codec import keccak, to_hex
from archive.chain.registry import AnchoredEvent, address_word, int_word, topic
from archive.chain.succession import keys_of
from archive.errors import ArchiveError, InvalidInputError
from archive.package import entries
from archive.trust import TrustedRegistry, TrustFile
from archive.verify.actfacts import AnchoredFact, EndorsementFact, HeadFact, RegistryFacts, RetractionFact
from archive.verify.leaves import read_leaves
from archive.verify.nodes import MAX_AT_ONCE, Node
from archive.verify.policy import MAX_KEYS
from archive.workspace import Workspace

if TYPE_CHECKING:
    from archive.chain.rpc import ChainIdentity

# Each is one question to each node. Keys: as many as a policy may list, and those come first.
MAX_ITEM_QUESTIONS: Final = 64
MAX_LOGS: Final = 1024
HEADS_SLOT, ENDORSEMENTS_SLOT, RETRACTIONS_SLOT = 1, 3, 4


class _Source(Protocol):
    """Storage and events of one chain."""

    def word(self, address: str, slot: bytes) -> int: ...

    def logs(self, address: str, *, block: int | None = None, topics: Sequence[bytes] = ()) -> Iterator[proofs.Log]:
        """Logs of one block, or of all of the chain's past; raises ArchiveError where the source has them no more."""
        ...


@dataclass(frozen=True, slots=True)
class _NodeSource:
    node: Node

    def word(self, address: str, slot: bytes) -> int:
        answer = self.node.rpc.call("eth_getStorageAt", [address, to_hex(slot), "latest"])
        return int.from_bytes(codec.data(answer, "storage word", size=32), "big")

    def logs(self, address: str, *, block: int | None = None, topics: Sequence[bytes] = ()) -> Iterator[proofs.Log]:
        span = {"fromBlock": "0x0", "toBlock": "latest"}
        if block is not None:
            span = {"fromBlock": hex(block), "toBlock": hex(block)}
        wanted = [to_hex(word) for word in topics]
        answer = self.node.rpc.call("eth_getLogs", [{"address": address, "topics": wanted, **span}])
        if not isinstance(answer, list) or len(answer) > MAX_LOGS:
            raise codec.bad_answer("logs", f"a list of at most {MAX_LOGS}", answer)
        for item in answer:
            if not isinstance(item, dict) or not isinstance(item.get("topics"), list):
                raise codec.bad_answer("log", "an object with topics", item)
            words = tuple(codec.data(word, "topic", size=32) for word in item["topics"])
            place = codec.data(item.get("address"), "address", size=20)
            if to_hex(place) == address and words[: len(topics)] == tuple(topics):
                yield proofs.Log(place, words, codec.data(item.get("data"), "data"))


@dataclass(frozen=True, slots=True)
class _LocalSource:
    workspace: Workspace

    def word(self, address: str, slot: bytes) -> int:
        from archive.chain.local_state import LocalState

        return LocalState(self.workspace).word(address, slot)

    def logs(self, address: str, *, block: int | None = None, topics: Sequence[bytes] = ()) -> Iterator[proofs.Log]:
        from archive.chain.local_state import LocalState

        for log in LocalState(self.workspace).logs(address, block=block):
            if log.topics[: len(topics)] == tuple(topics):
                yield log


@dataclass(frozen=True, slots=True)
class _Questions:
    """What is asked: 32-byte words, and the keys to ask for."""

    root: bytes
    previous: bytes | None
    incident: bytes
    publishers: tuple[str, ...]
    endorsers: tuple[str, ...]
    items: tuple[tuple[str, bytes], ...]


def ask_acts(
    bundle: ProofBundle,
    nodes: Sequence[Node],
    trust: TrustFile,
    workspace: Workspace | None,
    endorsers: Sequence[str] = (),
    identities: dict[int, ChainIdentity | ArchiveError] | None = None,
) -> tuple[RegistryFacts, ...]:
    """What each source says of each trusted registry of its chain.

    Args:
        endorsers: addresses to look for beside the trust file's publishers.
        identities: of nodes that were asked before, so that a dead one is not waited for again.
    """
    questions = _questions(bundle, trust, endorsers)
    if questions is None:
        return ()
    known = {} if identities is None else identities
    here = [place for place in trust.registries if place.workspace_chain]
    found = [
        _ask(_LocalSource(workspace), "this workspace's own chain", None, place, questions)
        for place in here
        if workspace is not None and _is_here(workspace, place)
    ]
    pairs = [
        (node, place)
        for place in trust.registries
        for node in nodes
        if place not in here and node.chain_id in (None, place.chain_id)
    ]
    if pairs:
        with ThreadPoolExecutor(max_workers=min(MAX_AT_ONCE, len(pairs))) as pool:
            for answers in pool.map(lambda pair: _ask_node(pair[0], pair[1], questions, known), pairs):
                found += answers
    return tuple(found)


def _questions(bundle: ProofBundle, trust: TrustFile, endorsers: Sequence[str]) -> _Questions | None:
    leaves = read_leaves(bundle.entries)
    header = leaves.header
    if not leaves.format_known or header is None:
        return None
    keys = [key for owner in _owners(bundle, header, trust) for key in keys_of(trust.successions, owner)]
    asked = tuple(dict.fromkeys((*endorsers, *(p.address for p in trust.publishers))))[:MAX_KEYS]
    items = [(leaf.id, entries.leaf_hash(leaf)) for leaf in leaves.evidence if isinstance(leaf, entries.EvidenceEntry)]
    if len(items) * len(asked) > MAX_ITEM_QUESTIONS:
        items = []
    return _Questions(
        root=bytes.fromhex(bundle.root),
        previous=bytes.fromhex(header.previous_root) if header.previous_root else None,
        incident=registry.incident_key(header.incident),
        publishers=tuple(dict.fromkeys(keys)),
        endorsers=asked,
        items=tuple(items),
    )


def _owners(bundle: ProofBundle, header: entries.Header, trust: TrustFile) -> Iterator[str]:
    """The publisher that the package names, else whoever anchored it in trusted registries."""
    if header.publisher is not None:
        yield header.publisher
        return
    for value in bundle.anchors[:MAX_KEYS]:
        try:
            proven = proofs.check_anchor_proof(proofs.parse_anchor_proof(value))
        except InvalidInputError:
            continue  # the rules report what is wrong with it
        if trust.registry(proven.chain_id, proven.genesis, proven.registry) is not None:
            yield proven.publisher


def _is_here(workspace: Workspace, place: TrustedRegistry) -> bool:
    """Whether the trusted registry is the one on this workspace's chain, and no other's."""
    from archive.chain.local_headers import read_header

    try:
        genesis = read_header(workspace, 0)
    except InvalidInputError:
        return False
    return genesis is not None and to_hex(keccak(genesis)) == place.genesis


def _ask_node(
    node: Node, place: TrustedRegistry, questions: _Questions, identities: dict[int, ChainIdentity | ArchiveError]
) -> list[RegistryFacts]:
    from archive.verify.nodes import identity_of

    try:
        identity = identity_of(node, identities)
    except ArchiveError as error:
        return [RegistryFacts(place, node.source, node.place, message=error.message)]
    if (identity.chain_id, identity.genesis) != (place.chain_id, place.genesis):
        return []
    return [_ask(_NodeSource(node), node.source, node.place, place, questions)]


def _ask(source: _Source, name: str, where: str | None, place: TrustedRegistry, asked: _Questions) -> RegistryFacts:
    try:
        return RegistryFacts(
            registry=place,
            source=name,
            place=where,
            retractions=tuple(_retractions(source, place.address, asked)),
            endorsements=tuple(_endorsements(source, place.address, asked)),
            heads=tuple(_heads(source, place.address, asked)),
            anchors=_anchors(source, place.address, asked),
        )
    except ArchiveError as error:
        return RegistryFacts(place, name, where, message=error.message)


def _slot(mapping: int, account: str, key: bytes) -> bytes:
    return keccak(key + keccak(address_word(account) + int_word(mapping)))


def _retractions(source: _Source, address: str, asked: _Questions) -> Iterator[RetractionFact]:
    for account in asked.publishers:
        word = source.word(address, _slot(RETRACTIONS_SLOT, account, asked.root))
        found: Retraction | None = retraction_of_word(word)
        if found is not None:
            yield RetractionFact(account, found.time, _reason(source, address, account, asked.root, found))


def _reason(source: _Source, address: str, account: str, root: bytes, found: Retraction) -> str | None:
    topics = (topic(RETRACTED), address_word(account), root)
    try:
        for log in source.logs(address, block=found.block, topics=topics):
            reason = reason_of(log.data, found)
            if reason is not None:
                return reason
    except ArchiveError:
        # The retraction stands in storage; its reason is in an event, which nodes keep for days.
        return None
    return None


def _endorsements(source: _Source, address: str, asked: _Questions) -> Iterator[EndorsementFact]:
    roots: list[tuple[str | None, bytes]] = [(None, asked.root), *asked.items]
    if asked.previous is not None:
        roots.append((None, asked.previous))
    for account in asked.endorsers:
        for item, root in roots:
            word = source.word(address, _slot(ENDORSEMENTS_SLOT, account, root))
            found: Endorsement | None = endorsement_of_word(word)
            # Withdrawn before it was made: never an endorsement.
            if found is not None and found.time:
                withdrawn = found.withdrawn_time if found.withdrawn else None
                yield EndorsementFact(account, root.hex(), item, found.time, withdrawn)


def _heads(source: _Source, address: str, asked: _Questions) -> Iterator[HeadFact]:
    for account in asked.publishers:
        word = source.word(address, _slot(HEADS_SLOT, account, asked.incident))
        if word:
            yield HeadFact(account, (word >> 24).to_bytes(29, "big").hex(), word & 0xFFFFFF)


def _anchors(source: _Source, address: str, asked: _Questions) -> tuple[AnchoredFact, ...] | None:
    found = []
    try:
        for account in asked.publishers:
            topics = (topic(registry.ANCHORED), address_word(account), asked.incident)
            for log in source.logs(address, topics=topics):
                event = AnchoredEvent.decode(log.topics, log.data)
                previous = event.previous.hex() if event.has_previous else None
                found.append(AnchoredFact(account, event.root.hex(), previous, event.ordinal))
    except (ArchiveError, ValueError):
        # Public nodes give no past events, or few: heads are looked at instead.
        return None
    return tuple(found)
