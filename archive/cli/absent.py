"""`archive absent`: make, or check, a proof that a key has not anchored a root."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archive.cli.output import JsonOption, print_json, print_result, say
from archive.cli.verify import label_nodes
from archive.errors import InvalidInputError, UsageError
from archive.workspace import Workspace, resolve_workspace, write_atomic

if TYPE_CHECKING:
    from archive.chain.absence import AbsenceProof
    from archive.chain.networks import Network
    from archive.verify.absence import AbsenceOutcome

_ROOT = re.compile(r"[0-9a-f]{64}")


def register(app: typer.Typer) -> None:
    app.command("absent")(absent)


def absent(
    target: Annotated[
        str, typer.Argument(metavar="ROOT|FILE", help="A root to make a proof for, or a proof to check.")
    ],
    publisher: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="With ROOT: the key that has not anchored it.")
    ] = None,
    network: Annotated[
        str | None, typer.Option(metavar="NAME", help="With ROOT: the network, whose registry and nodes are used.")
    ] = None,
    registry: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="With ROOT: the registry, else the network's.")
    ] = None,
    block: Annotated[
        int | None, typer.Option(min=0, help="With ROOT: the block, else the newest that is final.")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="With ROOT: where to write the proof.")] = None,
    rpc: Annotated[list[str] | None, typer.Option("--rpc", help="URL of a node to ask; may be repeated.")] = None,
    quorum: Annotated[
        int | None, typer.Option(min=1, max=64, help="How many nodes must agree about the block; else half of them.")
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Ask no node: check the proof's bytes only.")] = False,
    trust: Annotated[
        Path | None, typer.Option("--trust", envvar="ARCHIVE_TRUST", help="Your trust file, else the workspace's.")
    ] = None,
    json_output: JsonOption = False,
    workspace: Annotated[Path | None, typer.Option("--workspace", help="The workspace folder.")] = None,
) -> int:
    """Prove that a key has not anchored a root in a registry, as of a block; or check such a proof.

    Exit codes: 0 proven, 1 the root is anchored or the proof is wrong, 3 something could not be checked.
    """
    from archive.chain.absence import inspect_absence
    from archive.cli.verify import check_quorum, configured_networks
    from archive.trust import load_trust
    from archive.verify.absence import judge_absence
    from archive.verify.nodes import KnownChain, ask_block
    from archive.verify.outcome import EXIT_OF_VERDICT

    if quorum is not None:
        check_quorum(quorum, rpc or [], offline=offline)
    space = resolve_workspace(workspace)
    networks = [] if offline else configured_networks(space)
    if _ROOT.fullmatch(target):
        if offline:
            raise UsageError("--offline checks a proof; making one asks a node", code="absence.usage")
        proof, path = _make(space, networks, target, publisher, network, registry, rpc or [], block, out)
    else:
        if publisher or network or registry or out or block is not None:
            raise UsageError(
                "--publisher, --network, --registry, --block and --out belong to making a proof, of a root",
                code="absence.usage",
                hint="a root is 64 hex digits",
            )
        proof, path = _read(Path(target)), Path(target)
    named: list[tuple[str, int | None]] = [(url, None) for url in rpc or []]
    if not named:
        named = [(url, n.chain_id) for n in networks if n.chain_id == proof.chain_id for url in n.rpc_urls]
    inspection = inspect_absence(proof)
    answers = () if offline or inspection.proven is None else ask_block(inspection.proven, label_nodes(named))
    same = [n for n in networks if n.chain_id == proof.chain_id]
    outcome = judge_absence(
        proof,
        inspection,
        load_trust(trust or space.trust_file),
        answers,
        known=KnownChain(same[0].name, same[0].genesis, same[0].confirmations, same[0].quorum) if same else None,
        quorum=quorum,
        offline=offline,
    )
    if json_output:
        print_json({"proof": str(path), "block": proof.block.number, **_subject(proof), **outcome.to_json()})
    else:
        print_result(_text(proof, path, outcome))
    return EXIT_OF_VERDICT[outcome.verdict]


def _make(
    space: Workspace,
    networks: list[Network],
    root: str,
    publisher: str | None,
    name: str | None,
    registry: str | None,
    urls: list[str],
    block: int | None,
    out: Path | None,
) -> tuple[AbsenceProof, Path]:
    from archive.chain.absence import collect_absence
    from archive.chain.networks import get_network, open_chain
    from archive.chain.rpc import RpcClient
    from archive.trust import checked_address

    if publisher is None:
        raise UsageError("whose? an entry belongs to a key", code="absence.usage", hint="add --publisher ADDRESS")
    known = get_network(space, name) if name is not None else None
    if known is None and not urls:
        raise UsageError("on which chain?", code="absence.usage", hint="add --network NAME, or --rpc URL --registry …")
    address = registry or (known.registry if known else None)
    if address is None:
        raise UsageError("no registry is known there", code="chain.no_registry", hint="name it with --registry ADDRESS")
    wanted = (checked_address(address), checked_address(publisher), root)
    if known is None or urls:
        proof = collect_absence(RpcClient(urls[0]), *wanted, block=block)
    else:
        with open_chain(known, space) as (chain, _):
            proof = collect_absence(chain, *wanted, block=block)
    path = out or Path(f"{root[:16]}-{proof.block.number}.absent.json")
    write_atomic(path, proof.to_bytes())
    say(f"archive: wrote {path}")
    return proof, path


def _read(path: Path) -> AbsenceProof:
    from archive.chain.absence import MAX_BYTES, parse_absence

    try:
        with path.open("rb") as handle:
            data = handle.read(MAX_BYTES + 1)
    except OSError as error:
        raise InvalidInputError(
            f"{path}: cannot be read: {error.strerror}",
            code="absence.unreadable",
            hint="name a root (64 hex digits) or a file that `archive absent` wrote",
        ) from None
    return parse_absence(data, name=str(path))


def _subject(proof: AbsenceProof) -> dict[str, object]:
    return {
        "root": proof.root,
        "publisher": proof.publisher,
        "registry": proof.registry,
        "chain_id": proof.chain_id,
        "genesis": proof.genesis,
    }


def _text(proof: AbsenceProof, path: Path, outcome: AbsenceOutcome) -> str:
    from archive.verify.report import check_lines, moment

    rows = [("proof", str(path)), *((key.replace("_", " "), str(value)) for key, value in _subject(proof).items())]
    lines = [f"{key:<11} {value}" for key, value in rows]
    lines += ["", *check_lines(outcome.checks), "", outcome.verdict.upper()]
    if outcome.lacking:
        lines.append(f"  still needed: {', '.join(outcome.lacking)}")
    if outcome.verdict == "pass" and outcome.proven is not None:
        when = f"block {outcome.proven.block_number} ({moment(outcome.proven.timestamp)})"
        lines += [
            "",
            f"Proved: as of {when} this key had not anchored this root in this registry by itself.",
            "Not proved: what came later, what other keys did, and batches that the root may be a member of.",
        ]
    return "\n".join(lines)
