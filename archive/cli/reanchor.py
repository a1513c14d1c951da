"""`archive reanchor BUNDLE --network NAME`: anchor an old package on another chain, and add the proof to its bundle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archive.cli.acting import (
    DryRunOption,
    NetworkOption,
    PasswordOption,
    WalletOption,
    WorkspaceOption,
    YesOption,
    open_writer,
    read_subject,
)
from archive.cli.output import JsonOption, print_json, print_result, say
from archive.errors import ExitCode, RefusedError
from archive.workspace import resolve_workspace, write_atomic

if TYPE_CHECKING:
    from archive.bundle import ProofBundle
    from archive.chain.proofs import ProvenAnchor
    from archive.chain.registry import AnchorCall


def register(app: typer.Typer) -> None:
    app.command("reanchor")(reanchor)


def reanchor(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="The proof bundle.", show_default=False)],
    network: NetworkOption,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write here instead of over BUNDLE.")] = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    wallet: WalletOption = None,
    password_fd: PasswordOption = None,
    workspace: WorkspaceOption = None,
    json_output: JsonOption = False,
) -> ExitCode:
    """Anchor a published package on another chain, or on a test network that was reset; the root stays the same.

    Where its publisher has anchored it there already (a relay did, say), nothing is sent and only the proof is added.
    """
    from archive.bundle import build_bundle
    from archive.chain.codec import ZERO_WORD
    from archive.chain.collect import collect_anchor_proof
    from archive.chain.registry import AnchorCall, incident_key
    from archive.cli.contract import wait_progress
    from archive.package.cid import content_digest
    from archive.package.entries import Header, parse_entry
    from archive.publish.finality import with_finality
    from archive.trust import load_trust

    space = resolve_workspace(workspace)
    subject = read_subject(str(bundle))
    old = subject.bundle
    header = None if old is None else parse_entry(old.entries[0])
    if old is None or not isinstance(header, Header):
        raise RefusedError(f"{bundle}: the bundle has no header", code="act.bundle")
    previous = ZERO_WORD if header.previous_root is None else bytes.fromhex(header.previous_root)
    call = AnchorCall(
        incident_key(header.incident), bytes.fromhex(subject.root), previous, content_digest(old.content_id)
    )
    _require_same(old, subject.root, call)
    with open_writer(space, network, wallet, password_fd) as (chosen, writer):
        publisher = header.publisher or writer.publisher
        there = writer.find(call) if publisher == writer.publisher else _of_another(writer, publisher, call)
        say(f"package   {subject.name}")
        say(f"network   {chosen.name} (chain {chosen.chain_id}), registry {writer.reader.address}")
        if there is None and publisher != writer.publisher:
            raise RefusedError(
                f"{subject.name}: its publisher {publisher} has not anchored it here, and this key is "
                f"{writer.publisher}",
                code="act.other_publisher",
                hint="choose the publisher's key with --wallet, or relay a request that it signed",
            )
        cost = None if there is not None else writer.quote(call).to_json()
        say(f"anchor    {'there already' if cost is None else 'at most ' + cost['max_cost'] + ' ' + cost['symbol']}")
        if dry_run:
            if json_output:
                print_json({"dry_run": True, "root": subject.root, "already": there is not None, "cost": cost})
            return ExitCode.DONE
        if there is None:
            if not yes:
                typer.confirm("Anchor it there too? It cannot be undone.", abort=True, err=True)
            tx_hash = writer.anchor(call, progress=wait_progress()).tx_hash
        else:
            tx_hash = there.tx_hash
        rpc = writer.reader.rpc
        proof = collect_anchor_proof(rpc, tx_hash, writer.reader.address, root=subject.root).model_dump(mode="json")
        proof = with_finality(rpc, proof, load_trust(space.trust_file), say)
    new = build_bundle(
        root=old.root,
        content_id=old.content_id,
        entries=old.entries,
        record=old.record,
        directory=[(link.path, link.cid, link.tsize) for link in old.directory],
        anchors=_added(old, proof),
        stamps=old.stamps,
    )
    target = out or bundle
    write_atomic(target, new.to_bytes())
    result = {
        "root": subject.root,
        "bundle": str(target),
        "anchors": len(new.anchors),
        "chain_id": proof["chain_id"],
        "registry": proof["registry"],
        "transaction": tx_hash,
        "block": proof["block"]["number"],
        "status": "anchored" if there is None else "already",
    }
    if json_output:
        print_json(result)
    else:
        print_result(f"anchored  {chosen.name}, block {result['block']}, transaction {tx_hash}")
        print_result(f"bundle    {target} ({len(new.anchors)} anchors)")
    return ExitCode.DONE


def _require_same(old: ProofBundle, root: str, call: AnchorCall) -> None:
    """The content id is the one of the anchors that the bundle proves. Raises `act.bundle`."""
    for anchor in old.anchors:
        proven = _proven(anchor)
        if proven is not None and proven.root == root and bytes.fromhex(proven.content_digest) != call.content_digest:
            raise RefusedError(
                "the bundle has another content id than its own anchor",
                code="act.bundle",
                hint="`archive verify` says what is wrong",
            )


def _of_another(writer: Any, publisher: str, call: Any) -> Any:
    """The anchor that the package's publisher made there, with these very values, or None."""
    entry = writer.reader.entry(publisher, call.root)
    if entry is None or not entry.is_package or entry.tag != call.tag:
        return None
    return writer.reader.find_anchor(publisher, call.root)


def _added(old: ProofBundle, proof: dict[str, Any]) -> list[dict[str, Any]]:
    """All anchors with the new one; an earlier proof of the same anchor gives way to it.

    An anchor of another key in the same registry is another anchor: it may be the older one.
    """

    def place(anchor: dict[str, Any]) -> tuple[object, ...]:
        registry = (anchor.get("chain_id"), anchor.get("genesis"), anchor.get("registry"))
        return (anchor.get("kind"), *registry, _publisher(anchor))

    kept = [anchor for anchor in old.anchors if place(anchor) not in (place(proof), (*place(proof)[:-1], None))]
    return [*kept, proof]


def _publisher(anchor: dict[str, Any]) -> str | None:
    """Whose anchor it is, by its proof; None where it proves nothing."""
    proven = _proven(anchor)
    return None if proven is None else proven.publisher


def _proven(anchor: dict[str, Any]) -> ProvenAnchor | None:
    from pydantic import ValidationError

    from archive.chain.proofs import AnchorProof, inspect_anchor_proof

    try:
        return inspect_anchor_proof(AnchorProof.model_validate(anchor)).proven
    except ValidationError:
        return None
