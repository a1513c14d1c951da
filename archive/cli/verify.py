"""`archive verify`: check files against a proof bundle; reads only, needs no key."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archive.cli.output import JsonOption, print_json, print_result, say
from archive.workspace import Workspace, resolve_workspace

if TYPE_CHECKING:
    from archive.chain.networks import Network
    from archive.stores.base import Reader
    from archive.verify.nodes import Node


def register(app: typer.Typer) -> None:
    app.command("verify")(verify)


def verify(
    target: Annotated[
        str,
        typer.Argument(metavar="BUNDLE|CID|ROOT|TX", help="A proof bundle, or an id to look for."),
    ],
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Files, a folder or a CAR to check. Without any, the package is fetched from the stores."),
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Ask no node and no store over a network.")] = False,
    rpc: Annotated[list[str] | None, typer.Option("--rpc", help="URL of a node to ask; may be repeated.")] = None,
    quorum: Annotated[
        int | None,
        typer.Option(min=1, max=64, help="How many nodes must agree about a block; else half of those asked."),
    ] = None,
    store: Annotated[list[str] | None, typer.Option("--store", help="Ask only this store; may be repeated.")] = None,
    trust: Annotated[
        Path | None, typer.Option("--trust", envvar="ARCHIVE_TRUST", help="Your trust file, else the workspace's.")
    ] = None,
    bitcoin_headers: Annotated[
        list[Path] | None,
        typer.Option("--bitcoin-headers", metavar="FILE", help="A file of Bitcoin headers; may be repeated."),
    ] = None,
    recompute: Annotated[bool, typer.Option("--recompute", help="Compute the findings again from the files.")] = False,
    policy: Annotated[Path | None, typer.Option("--policy", help="A policy file that asks for more.")] = None,
    workspace: Annotated[Path | None, typer.Option("--workspace", help="The workspace folder.")] = None,
    json_output: JsonOption = False,
) -> int:
    """Verify files: that they are the published ones, since when they exist, who published them.

    Exit codes: 0 pass, 1 something is wrong, 3 something required could not be checked.
    """
    from dataclasses import replace

    from archive.bundle import UnknownBundleFormatError
    from archive.cli.output import byte_progress
    from archive.errors import UsageError
    from archive.stamps.config import load_clock_config
    from archive.trust import load_trust
    from archive.verify import report
    from archive.verify.checks import judge, unknown_format
    from archive.verify.clocks import open_header_sources
    from archive.verify.gather import Sources, gather, parse_target
    from archive.verify.nodes import KnownChain
    from archive.verify.outcome import EXIT_OF_VERDICT
    from archive.verify.policy import Policy, read_policy

    if offline and (rpc or store):
        raise UsageError("--offline asks nobody, so it does not go with --rpc or --store", code="verify.offline_rpc")
    if quorum is not None:
        check_quorum(quorum, rpc or [], offline=offline)
    wanted = parse_target(target)
    asked = read_policy(policy) if policy else Policy()
    space = resolve_workspace(workspace)
    if trust is not None and not trust.is_file():
        raise UsageError(f"{trust}: no such trust file", code="trust.no_such_file")
    networks = [] if offline else configured_networks(space)
    sources = Sources(
        trust=load_trust(trust or space.trust_file),
        # Files in hand need no store; an id does, to find what belongs to it.
        readers=tuple(
            _readers(space, offline=offline, names=store or []) if not files or wanted.kind != "bundle" else ()
        ),
        nodes=tuple(_nodes(rpc or [], networks)),
        chains={
            network.chain_id: KnownChain(network.name, network.genesis, network.confirmations, network.quorum)
            for network in networks
        },
        workspace=space,
        headers=open_header_sources(load_clock_config(space).bitcoin, bitcoin_headers or [], offline=offline),
        offline=offline,
        quorum=quorum,
        endorsers=tuple(key.address for key in asked.endorsers),
        progress=byte_progress("hashing"),
    )
    try:
        facts = gather(wanted, files or [], sources)
        if recompute:
            from archive.verify.recompute import recompute as compute_again

            facts = replace(facts, findings=compute_again(facts.bundle, files or [], sources.readers))
        outcome = judge(facts, asked)
    except UnknownBundleFormatError as error:
        facts, outcome = None, unknown_format(error.code, error.message, asked)
    if json_output:
        print_json(report.to_json(outcome, facts))
    else:
        print_result(report.to_text(outcome, facts))
    return EXIT_OF_VERDICT[outcome.verdict]


def _readers(space: Workspace, *, offline: bool, names: list[str]) -> list[Reader]:
    if offline:
        from archive.stores.local import LocalStore

        return [LocalStore(space.store)]
    from archive.stores.config import open_stores

    stores = open_stores(space)
    return [stores.reader(name) for name in names] if names else list(stores.readers)


def configured_networks(space: Workspace) -> list[Network]:
    """The configured networks; none where the library that reads the configuration is not installed."""
    from archive.chain.networks import load_networks
    from archive.errors import MissingDependencyError

    try:
        return list(load_networks(space).values())
    except MissingDependencyError as error:
        say(f"archive: note: {error.message}, which is not installed: only nodes named with --rpc are asked")
        return []


def _nodes(urls: list[str], networks: list[Network]) -> list[Node]:
    """The nodes named with --rpc, else those of the configured networks. Nothing is asked yet."""
    named: list[tuple[str, int | None]] = [(url, None) for url in urls] or [
        (url, network.chain_id) for network in networks for url in network.rpc_urls
    ]
    return label_nodes(named)


def label_nodes(named: list[tuple[str, int | None]]) -> list[Node]:
    """Nodes by URL and chain id. Labels hold no credentials; URLs of one host are numbered, and count as one place."""
    from archive.chain.rpc import RpcClient, mask_url
    from archive.verify.nodes import Node

    nodes: list[Node] = []
    for url, chain_id in dict.fromkeys(named):
        place = _place(url)
        label = mask_url(url)
        taken = {node.source for node in nodes if node.chain_id == chain_id}
        number = 1
        while label in taken:
            number += 1
            label = f"{mask_url(url)} (key {number})"
        nodes.append(Node(label, RpcClient(url), chain_id, place))
    return nodes


def check_quorum(quorum: int, urls: list[str], *, offline: bool) -> None:
    """Refuse a quorum that can never be reached: it would read as a fault of the network."""
    from archive.errors import UsageError

    if offline:
        raise UsageError("--offline asks nobody, so it does not go with --quorum", code="verify.offline_rpc")
    places = {_place(url) for url in urls}
    if urls and quorum > len(places):
        raise UsageError(
            f"--quorum {quorum}: only {len(places)} {'host is' if len(places) == 1 else 'different hosts are'} named "
            "with --rpc",
            code="verify.quorum",
            hint="name more nodes; several URLs of one host count once",
        )


def _place(url: str) -> str:
    """Host and port: who runs a node, as far as its URL tells."""
    from archive.chain.rpc import mask_url

    return mask_url(url).removesuffix("/…").partition("://")[2]
