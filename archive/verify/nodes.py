"""Asking nodes about an anchor: is its block in the chain, is the registry's code there, is there a later revision."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archive.bundle import ProofBundle
from archive.errors import ArchiveError, InvalidInputError
from archive.trust import TrustFile
from archive.verify.facts import AnchorFacts, CodeAnswer, HeaderAnswer, HeaderOutcome, HistoryAnswer
from archive.workspace import Workspace

if TYPE_CHECKING:
    from archive.chain.proofs import ProvenAnchor
    from archive.chain.rpc import ChainIdentity, Rpc


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


def ask_chain(
    bundle: ProofBundle,
    nodes: Sequence[Node],
    chains: Mapping[int, KnownChain],
    trust: TrustFile,
    workspace: Workspace | None,
) -> Iterator[AnchorFacts]:
    """For each anchor that proves something, what every node of its chain says. All are asked, not the first only."""
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
        own = _workspace_header(proven, trust, workspace)
        if own is not None:
            headers.append(own)
        for node in nodes:
            if node.chain_id not in (None, proven.chain_id):
                continue
            answer = _header_answer(node, proven, identities)
            headers.append(answer)
            if answer.outcome in ("wrong_chain", "unreachable", "other_history"):
                continue
            codes.append(_code_answer(node, proven.registry))
            history.append(_history_answer(node, proven))
        known = chains.get(proven.chain_id)
        public = None if known is None else known.genesis == proven.genesis
        name = None if known is None else known.name
        yield AnchorFacts(index, tuple(headers), tuple(codes), tuple(history), public, name)


def _workspace_header(proven: ProvenAnchor, trust: TrustFile, workspace: Workspace | None) -> HeaderAnswer | None:
    """The header as the workspace that made the embedded chain has it; None for any other chain."""
    trusted = trust.registry(proven.chain_id, proven.genesis, proven.registry)
    if trusted is None or not trusted.workspace_chain or workspace is None:
        return None
    from archive.chain import codec
    from archive.chain.local_headers import read_header

    source = "this workspace's own chain"
    try:
        genesis = read_header(workspace, 0)
        header = read_header(workspace, proven.block_number)
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
