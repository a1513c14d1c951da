"""Looking up the blocks that stamps and `not_before` speak of, in the verifier's own files, nodes and sources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from archive.bundle import ProofBundle
from archive.errors import ArchiveError, InvalidInputError, MissingDependencyError
from archive.package.entries import Header, NotBefore
from archive.stamps import bitcoin, ots
from archive.stamps.bitcoin import HeaderFile
from archive.stamps.entries import BlockHeader, OtsStamp, parse_stamp
from archive.trust import TrustFile
from archive.verify.clockfacts import BitcoinAnswer, BitcoinKind, BlockAnswer, BlockOutcome, ClockFacts
from archive.verify.nodes import KnownChain, Node

if TYPE_CHECKING:
    from archive.stamps.config import BitcoinConfig
    from archive.stamps.headersources import HeaderSource

# Each is a request to every source.
MAX_HEIGHTS: Final = 128
EVM: Final = "eip155:"


@dataclass(frozen=True, slots=True)
class HeaderSources:
    """Where Bitcoin headers come from. Asking nobody over a network: only `files`, and the trust file."""

    network: bitcoin.Network = bitcoin.MAINNET
    files: tuple[HeaderFile, ...] = ()
    node: HeaderSource | None = None
    others: tuple[HeaderSource, ...] = ()
    quorum: int = 2


def ask_clocks(
    bundle: ProofBundle,
    header: Header | None,
    trust: TrustFile,
    sources: HeaderSources,
    nodes: Sequence[Node],
    chains: Mapping[int, KnownChain] = MappingProxyType({}),
) -> ClockFacts:
    """Everything that is known about the blocks a bundle speaks of; `chains`: the networks, by chain id."""
    wanted = list(dict.fromkeys(_wanted(bundle, header)))[:MAX_HEIGHTS]
    answers = [answer for height, root in wanted for answer in _bitcoin(height, root, trust, sources)]
    blocks = [answer for block in (header.not_before if header else ()) for answer in _block(block, trust, nodes)]
    quorums = tuple((f"{EVM}{number}", chain.quorum) for number, chain in chains.items() if chain.quorum is not None)
    return ClockFacts(tuple(answers), tuple(blocks), sources.network, sources.quorum, quorums)


def _wanted(bundle: ProofBundle, header: Header | None) -> Iterator[tuple[int, bytes | None]]:
    """Heights of Bitcoin, each with the merkle root that is spoken of."""
    roots: dict[int, bytes] = {}
    for value in bundle.stamps:
        try:
            stamp = parse_stamp(value)
            if isinstance(stamp, OtsStamp):
                for block in ots.parse_proof(stamp.proof).blocks:
                    yield block.height, block.merkle_root
            elif isinstance(stamp, BlockHeader) and stamp.chain == bitcoin.CHAIN:
                roots[stamp.height] = bitcoin.parse_header(stamp.header).merkle_root
        except (InvalidInputError, MissingDependencyError):
            continue  # the rules report what is wrong with it
    for named in header.not_before if header else ():
        if named.chain == bitcoin.CHAIN:
            yield named.height, roots.get(named.height)


def _bitcoin(
    height: int, merkle_root: bytes | None, trust: TrustFile, sources: HeaderSources
) -> Iterator[BitcoinAnswer]:
    for pinned in trust.bitcoin_headers:
        if pinned.height == height:
            yield BitcoinAnswer(height, "your trust file", "trust", bytes.fromhex(pinned.header))
    for file in sources.files:
        name = f"your file {file.path.name}"
        try:
            found = file.find(height, merkle_root)
        except OSError as error:
            yield BitcoinAnswer(height, name, "file", None, str(error.strerror))
            continue
        for raw in found:
            yield BitcoinAnswer(height, name, "file", raw)
    if sources.node is not None:
        yield _asked(height, sources.node, "node")
    for source in sources.others:
        yield _asked(height, source, "source")


def _asked(height: int, source: HeaderSource, kind: BitcoinKind) -> BitcoinAnswer:
    try:
        return BitcoinAnswer(height, source.name, kind, source.header(height), "has no block at this height")
    except ArchiveError as error:
        return BitcoinAnswer(height, source.name, kind, None, error.message)


def _block(block: NotBefore, trust: TrustFile, nodes: Sequence[Node]) -> Iterator[BlockAnswer]:
    from archive.chain import codec
    from archive.chain.rpc import identify

    number = block.chain.removeprefix(EVM)
    if not block.chain.startswith(EVM) or not number.isdigit():
        return
    # The package names no first block, so only the trust file tells which history of a chain's number is meant.
    histories = {r.genesis.lower() for r in trust.registries if r.chain_id == int(number)}
    for node in nodes:
        if node.chain_id not in (None, int(number)):
            continue

        def answer(outcome: BlockOutcome, found: str | None = None, node: Node = node) -> BlockAnswer:
            return BlockAnswer(block.chain, block.height, node.source, outcome, found, node.place)

        try:
            identity = identify(node.rpc)
            if identity.chain_id != int(number):
                continue
            if histories and identity.genesis.lower() not in histories:
                yield answer("other_history", identity.genesis)
                continue
            value = node.rpc.call("eth_getBlockByNumber", [hex(block.height), False])
            if value is None:
                yield answer("absent")
                continue
            if not isinstance(value, dict):
                yield answer("bad_answer", "not a block")
                continue
            found = codec.to_hex(codec.data(value.get("hash"), "block hash", size=32))
        except InvalidInputError as error:
            yield answer("bad_answer", error.code)
        except ArchiveError as error:
            yield answer("unreachable", error.code)
        else:
            another: BlockOutcome = "other" if len(histories) == 1 else "unknown_history"
            yield answer("same" if found == block.hash else another, found)


def open_header_sources(config: BitcoinConfig, files: Sequence[Path], *, offline: bool) -> HeaderSources:
    """The sources that are configured, and files named beside them. Nothing is asked yet.

    Raises:
        InvalidInputError: `bitcoin.header_file`.
    """
    read = tuple(bitcoin.read_header_file(path) for path in (*files, *config.headers))
    if offline:
        return HeaderSources(config.network, read, quorum=config.quorum)
    from archive.stamps.headersources import EsploraSource, NodeSource

    return HeaderSources(
        network=config.network,
        files=read,
        node=None if config.node is None else NodeSource(config.node, config.cookie),
        others=tuple(EsploraSource(url) for url in config.sources),
        quorum=config.quorum,
    )
