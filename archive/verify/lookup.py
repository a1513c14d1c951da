"""Finds anchors on the chain when no bundle is at hand: by the registries and keys of the trust file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from archive.bundle import JsonObject
from archive.errors import ArchiveError
from archive.package import cid
from archive.trust import TrustedRegistry, TrustFile

if TYPE_CHECKING:
    from archive.verify.nodes import Node


def anchors_of_root(root: str, publisher: str | None, nodes: Sequence[Node], trust: TrustFile) -> list[JsonObject]:
    """Anchor proofs of this root by trusted keys (and the key that the package names) in trusted registries."""
    from archive.chain.reader import RegistryReader

    keys = [p.address for p in trust.publishers]
    if publisher is not None and publisher not in keys:
        keys.insert(0, publisher)
    found: list[JsonObject] = []
    for node, registry in _pairs(nodes, trust):
        for key in keys:
            try:
                place = RegistryReader(node.rpc, registry.address).find_anchor(key, root)
                if place is not None:
                    found.append(_collect(node, place.tx_hash, registry.address, root))
            except ArchiveError:
                break  # this node cannot say; the next one may
    return _unique(found)


def anchors_of_transaction(transaction: str, nodes: Sequence[Node], trust: TrustFile) -> list[JsonObject]:
    """Anchor proofs of the trusted registries' events in this transaction."""
    found: list[JsonObject] = []
    for node, registry in _pairs(nodes, trust):
        try:
            found.append(_collect(node, transaction, registry.address, None))
        except ArchiveError:
            continue  # not on this chain, or not of this registry
    return _unique(found)


def content_id_of(anchor: JsonObject) -> str:
    """The content id that the proven log names."""
    from archive.chain import proofs

    proven = proofs.check_anchor_proof(proofs.parse_anchor_proof(anchor))
    return cid.from_digest(bytes.fromhex(proven.content_digest))


def _pairs(nodes: Sequence[Node], trust: TrustFile) -> Iterator[tuple[Node, TrustedRegistry]]:
    from archive.chain.rpc import identify

    for node in nodes:
        registries = [r for r in trust.registries if node.chain_id in (None, r.chain_id)]
        if not registries:
            continue
        try:
            identity = identify(node.rpc)
        except ArchiveError:
            continue  # not reachable: what it would say stays unknown
        for registry in registries:
            if (registry.chain_id, registry.genesis) == (identity.chain_id, identity.genesis):
                yield node, registry


def _collect(node: Node, transaction: str, registry: str, root: str | None) -> JsonObject:
    from archive.chain.collect import collect_anchor_proof

    return dict(collect_anchor_proof(node.rpc, transaction, registry, root=root).model_dump(mode="json"))


def _unique(anchors: list[JsonObject]) -> list[JsonObject]:
    """One of each: nodes tell the same anchor with and without a state proof, and the longer one is kept."""
    found: dict[str, JsonObject] = {}
    for anchor in anchors:
        bare = json.dumps({key: anchor[key] for key in sorted(anchor) if key not in ("state", "consensus")})
        if len(anchor) > len(found.get(bare, {})):
            found[bare] = anchor
    return list(found.values())
