"""Blocks that a package names in `not_before`: chosen when it is assembled, their headers kept for the bundle.

A block's hash cannot be known before the block is there, so a package that names it was assembled after it. The headers
lie in `<workspace>/blocks/`, since a node may have forgotten them when the bundle is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from archive.errors import InvalidInputError, UsageError
from archive.package.entries import NotBefore
from archive.package.seal import Seal
from archive.publish.journal import journals_of
from archive.stamps import bitcoin
from archive.stamps.entries import MAX_HEADER_BYTES, BlockHeader
from archive.workspace import Workspace, write_atomic

# Blocks of Bitcoin this deep are not replaced in practice.
BITCOIN_DEPTH = 6
_HINT = "--not-before bitcoin:FILE with lines of HEIGHT and HEADER, bitcoin:node, or the name of a network such as bsc"


def choose(workspace: Workspace, texts: Sequence[str]) -> tuple[BlockHeader, ...]:
    """The blocks that `--not-before` asks for.

    Raises:
        UsageError: `not_before.bad`.
        InvalidInputError: `not_before.no_height`, `bitcoin.…`, a wrong answer of a node.
        UnreachableError: the node does not answer.
    """
    chosen = tuple(_choose(workspace, text) for text in dict.fromkeys(texts))
    chains = [block.chain for block in chosen]
    if len(set(chains)) != len(chains):
        raise UsageError("--not-before: two blocks of one chain", code="not_before.bad", hint="the newer one is enough")
    return chosen


def name(block: BlockHeader) -> NotBefore:
    """How the package's header names it."""
    return NotBefore(block.chain, block.height, block_hash(block))


def block_hash(block: BlockHeader) -> str:
    """`0x` and the hash, of Bitcoin in the order in which everybody shows it."""
    if block.chain == bitcoin.CHAIN:
        return "0x" + bitcoin.parse_header(block.header).shown_hash
    from archive.chain import codec

    return codec.to_hex(codec.keccak(block.header))


def into_seal(
    workspace: Workspace,
    seal: Seal,
    incident: str,
    revision: int,
    texts: Sequence[str],
    *,
    restart: bool = False,
    write: bool = True,
) -> Seal:
    """The seal that names the blocks asked for, their headers kept; the seal as it is when nothing is asked for.

    A publication that has begun keeps the blocks that it named at first: newer ones would give another root.
    """
    begun = any(journal.packed is not None for journal in journals_of(workspace, incident, revision))
    if not texts or (begun and not restart):
        return seal
    chosen = choose(workspace, texts)
    if write:
        keep(workspace, chosen)
    return replace(seal, not_before=tuple(name(block) for block in chosen))


def keep(workspace: Workspace, blocks: Sequence[BlockHeader]) -> None:
    """Write the headers down, under their hashes."""
    for block in blocks:
        write_atomic(_path(workspace, block_hash(block)), block.header)


def stamps(workspace: Workspace, named: Sequence[NotBefore]) -> list[dict[str, Any]]:
    """The bundle's entries for the blocks a package names, of those whose header is here."""
    found = []
    for block in named:
        path = _path(workspace, block.hash)
        if path.is_file() and path.stat().st_size <= MAX_HEADER_BYTES:
            header = BlockHeader(block.chain, block.height, path.read_bytes())
            if block_hash(header) == block.hash:
                found.append(header.to_json())
    return found


def _path(workspace: Workspace, digest: str) -> Path:
    return workspace.root / "blocks" / f"{digest.removeprefix('0x')}.header"


def _choose(workspace: Workspace, text: str) -> BlockHeader:
    kind, separator, rest = text.partition(":")
    if kind == "bitcoin":
        if not separator or not rest:
            raise UsageError(f"--not-before {text}: which header?", code="not_before.bad", hint=_HINT)
        return _from_node(workspace) if rest == "node" else _from_file(workspace, Path(rest))
    if separator:
        raise UsageError(f"--not-before {text}: not known", code="not_before.bad", hint=_HINT)
    return _from_network(workspace, text)


def _from_file(workspace: Workspace, path: Path) -> BlockHeader:
    from archive.stamps.config import load_clock_config

    file = bitcoin.read_header_file(path)
    placed = [(height, raw) for height, raw in file.lines if height is not None]
    if not placed:
        raise InvalidInputError(
            f"{path}: no header with its height",
            code="not_before.no_height",
            hint="a line of the block's height, a space, and the header in hex",
        )
    height, raw = max(placed)
    bitcoin.check_work(bitcoin.parse_header(raw), load_clock_config(workspace).bitcoin.network)
    return BlockHeader(bitcoin.CHAIN, height, raw)


def _from_node(workspace: Workspace) -> BlockHeader:
    from archive.stamps.config import load_clock_config
    from archive.stamps.headersources import NodeSource

    config = load_clock_config(workspace).bitcoin
    if config.node is None:
        raise UsageError(
            "--not-before bitcoin:node: no Bitcoin node is configured",
            code="not_before.bad",
            hint="set 'node' under [bitcoin] in config.toml",
        )
    height, raw = NodeSource(config.node, config.cookie).tip(BITCOIN_DEPTH)
    bitcoin.check_work(bitcoin.parse_header(raw), config.network)
    return BlockHeader(bitcoin.CHAIN, height, raw)


def _from_network(workspace: Workspace, network_name: str) -> BlockHeader:
    """The newest block that the network's node calls final."""
    from archive.chain.blocks import read_header
    from archive.chain.networks import get_network, open_chain

    network = get_network(workspace, network_name)
    if network.embedded:
        raise UsageError(
            f"--not-before {network_name}: the chain inside this workspace proves nothing to anybody",
            code="not_before.bad",
            hint=_HINT,
        )
    with open_chain(network, workspace) as (rpc, _):
        block = rpc.call("eth_getBlockByNumber", ["finalized", False])
    if not isinstance(block, dict):
        raise InvalidInputError(f"{network_name}: no block is final yet", code="not_before.none_final")
    raw, header = read_header(block)
    return BlockHeader(f"eip155:{network.chain_id}", header.number, raw)
