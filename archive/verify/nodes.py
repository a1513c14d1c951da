"""Asking nodes about an anchor: is its block in the chain, is the registry's code there, is there a later revision."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from archive.bundle import ProofBundle
from archive.errors import ArchiveError, InvalidInputError
from archive.trust import TrustFile
from archive.verify.facts import AnchorFacts, BlockClaim, CodeAnswer, HeaderAnswer, HeaderOutcome, HistoryAnswer
from archive.workspace import Workspace

if TYPE_CHECKING:
    from archive.chain.proofs import ProvenAnchor
    from archive.chain.rpc import ChainIdentity, Rpc


MAX_AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True)
class Node:
    """A node to ask.

    `source` is its label, safe to show; `chain_id` is None when the node was only named by its URL; `place` is who runs
    it (its host), None when that is the label itself.
    """

    source: str
    rpc: Rpc
    chain_id: int | None = None
    place: str | None = None


@dataclass(frozen=True, slots=True)
class KnownChain:
    """A chain this installation has a name for.

    `genesis` is None for one that anybody can start anew. `confirmations` is its rule of finality, `quorum` how many of
    its nodes must agree; None where nothing is set.
    """

    name: str
    genesis: str | None
    confirmations: int | Literal["finalized"] | None = None
    quorum: int | None = None


@dataclass(frozen=True, slots=True)
class _Answers:
    """What one node said about one anchor."""

    header: HeaderAnswer
    code: CodeAnswer | None = None
    history: HistoryAnswer | None = None


def ask_chain(
    bundle: ProofBundle,
    nodes: Sequence[Node],
    chains: Mapping[int, KnownChain],
    trust: TrustFile,
    workspace: Workspace | None,
    identities: dict[int, ChainIdentity | ArchiveError] | None = None,
) -> Iterator[AnchorFacts]:
    """For each anchor that proves something, what every node of its chain says.

    All are asked at the same time and all are waited for: the first answer has no more weight than the last.
    """
    from archive.chain import proofs

    identities = {} if identities is None else identities
    for index, value in enumerate(bundle.anchors):
        try:
            proof = proofs.parse_anchor_proof(value)
            proven = proofs.check_anchor_proof(proof)
        except InvalidInputError:
            continue  # the rules report what is wrong with it; there is no block to ask for
        receipt = bytes.fromhex(proof.receipt.raw[2:])
        answers = _ask_all(
            [node for node in nodes if node.chain_id in (None, proven.chain_id)], proven, receipt, identities
        )
        own = _workspace_header(proven, trust, workspace)
        headers = [*([own] if own else []), *(answer.header for answer in answers)]
        known = chains.get(proven.chain_id)
        public = None if known is None else known.genesis == proven.genesis
        yield AnchorFacts(
            index=index,
            headers=tuple(headers),
            codes=tuple(answer.code for answer in answers if answer.code),
            history=tuple(answer.history for answer in answers if answer.history),
            public_chain=public,
            chain_name=None if known is None else known.name,
            rule=None if known is None else known.confirmations,
            quorum=None if known is None else known.quorum,
        )


def _ask_all(
    nodes: Sequence[Node], proven: ProvenAnchor, receipt: bytes, identities: dict[int, ChainIdentity | ArchiveError]
) -> list[_Answers]:
    if len(nodes) < 2:
        return [_ask(node, proven, receipt, identities) for node in nodes]
    with ThreadPoolExecutor(max_workers=min(MAX_AT_ONCE, len(nodes))) as pool:
        return list(pool.map(lambda node: _ask(node, proven, receipt, identities), nodes))


def _ask(
    node: Node, proven: ProvenAnchor, receipt: bytes, identities: dict[int, ChainIdentity | ArchiveError]
) -> _Answers:
    header = _header_answer(node, proven, identities, lambda: _told_receipt(node, proven) in (None, receipt))
    if header.outcome in ("wrong_chain", "unreachable", "other_history"):
        return _Answers(header)
    return _Answers(header, _code_answer(node, proven.registry), _history_answer(node, proven))


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


def ask_block(claim: BlockClaim, nodes: Sequence[Node]) -> tuple[HeaderAnswer, ...]:
    """What every node of the claim's chain says about its block. All are asked at the same time, and waited for."""
    asked = [node for node in nodes if node.chain_id in (None, claim.chain_id)]
    if not asked:
        return ()
    with ThreadPoolExecutor(max_workers=min(MAX_AT_ONCE, len(asked))) as pool:
        return tuple(pool.map(lambda node: _header_answer(node, claim, {}, lambda: True), asked))


def _header_answer(
    node: Node,
    proven: BlockClaim,
    identities: dict[int, ChainIdentity | ArchiveError],
    same_log: Callable[[], bool],
) -> HeaderAnswer:
    from archive.chain import codec

    def answer(outcome: HeaderOutcome, found: str | None = None, **more: int | None) -> HeaderAnswer:
        return HeaderAnswer(node.source, "rpc", outcome, found, node.place, **more)

    try:
        identity = identity_of(node, identities)
        if identity.chain_id != proven.chain_id:
            return answer("wrong_chain", f"chain {identity.chain_id}")
        if identity.genesis != proven.genesis:
            return answer("other_history", identity.genesis)
        block = node.rpc.call("eth_getBlockByNumber", [hex(proven.block_number), False])
        if block is None:
            head = _head(node)
            lags = head is not None and head < proven.block_number
            return answer("behind", f"block {head}") if lags else answer("absent")
        if not isinstance(block, dict):
            return answer("bad_answer", "not a block")
        found = codec.to_hex(codec.data(block.get("hash"), "block hash", size=32))
        if found != proven.block_hash:
            return answer("other", found)
        if not same_log():
            return answer("other_log", found)
        return answer("same", found, number=proven.block_number, head=_head(node), finalized=_finalized(node))
    except InvalidInputError as error:
        return answer("bad_answer", error.code)
    except ArchiveError as error:
        return answer("unreachable", error.code)


def identity_of(node: Node, identities: dict[int, ChainIdentity | ArchiveError]) -> ChainIdentity:
    """Asked once per node: one that is dead is not waited for again at the next anchor."""
    from archive.chain.rpc import identify

    known = identities.get(id(node))
    if known is None:
        try:
            known = identify(node.rpc)
        except ArchiveError as error:
            known = error
        identities[id(node)] = known
    if isinstance(known, ArchiveError):
        raise known
    return known


def _told_receipt(node: Node, proven: ProvenAnchor) -> bytes | None:
    """The receipt of the anchor's transaction as the node tells it; None when it keeps it no more.

    Nodes drop their transaction index after days. A missing receipt is then no contradiction: the bundle proves the
    receipt against the header whose hash the node just confirmed.
    """
    from archive.chain import blocks
    from archive.chain.rpc import RpcError

    try:
        receipt = node.rpc.call("eth_getTransactionReceipt", [proven.tx_hash])
    except RpcError:
        return None
    if receipt is None:
        return None
    if not isinstance(receipt, dict) or receipt.get("blockHash") != proven.block_hash:
        return b""
    return blocks.read_receipt(receipt)[0]


def _head(node: Node) -> int | None:
    """Number of the node's newest block, None when it does not say."""
    from archive.chain import codec

    try:
        return codec.quantity(node.rpc.call("eth_blockNumber"), "block number")
    except ArchiveError:
        return None


def _finalized(node: Node) -> int | None:
    """Number of the newest block that the node calls final, None when it knows no such thing."""
    from archive.chain import codec

    try:
        block = node.rpc.call("eth_getBlockByNumber", ["finalized", False])
        return codec.quantity(block.get("number"), "number") if isinstance(block, dict) else None
    except ArchiveError:
        return None


def _code_answer(node: Node, address: str) -> CodeAnswer:
    from archive.chain import codec

    try:
        code = codec.data(node.rpc.call("eth_getCode", [address, "latest"]), "code")
    except ArchiveError as error:
        return CodeAnswer(node.source, None, error.message, node.place)
    return CodeAnswer(node.source, codec.to_hex(codec.keccak(code)), None, node.place)


def _history_answer(node: Node, proven: ProvenAnchor) -> HistoryAnswer:
    from archive.chain.reader import RegistryReader

    if proven.place is not None:
        return HistoryAnswer(node.source, None, message="a batch stands beside the registry's histories")
    try:
        head = RegistryReader(node.rpc, proven.registry).head(proven.publisher, bytes.fromhex(proven.incident_key[2:]))
    except ArchiveError as error:
        return HistoryAnswer(node.source, None, message=error.message)
    if head is None:
        return HistoryAnswer(node.source, None, message="the registry has no entry of this publisher and incident")
    prefix = head.root_prefix.hex()
    return HistoryAnswer(node.source, proven.root.startswith(prefix), prefix, head.ordinal, place=node.place)
