"""`archive trust`: which registries and publisher keys the verifier believes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archive.cli.output import JsonOption, print_json, print_result, say
from archive.errors import ExitCode
from archive.workspace import resolve_workspace

TrustOption = Annotated[
    Path | None, typer.Option("--trust", envvar="ARCHIVE_TRUST", help="The trust file, else the workspace's.")
]
WorkspaceOption = Annotated[Path | None, typer.Option("--workspace", help="The workspace folder.")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="The trust file: registries and publisher keys that you believe.", no_args_is_help=True)
    group.command("show")(show)
    group.command("remove")(remove)
    add = typer.Typer(help="Trust a registry or a publisher's key.", no_args_is_help=True)
    add.command("registry")(add_registry)
    add.command("publisher")(add_publisher)
    group.add_typer(add, name="add")
    app.add_typer(group, name="trust")


def show(trust: TrustOption = None, workspace: WorkspaceOption = None, json_output: JsonOption = False) -> ExitCode:
    """List what is trusted."""
    from archive.trust import load_trust, to_checksum

    path = _path(trust, workspace)
    loaded = load_trust(path)
    if json_output:
        print_json({"path": str(path), **loaded.to_json()})
        return ExitCode.DONE
    print_result(f"trust file  {path}" + ("" if path.exists() else " (not there yet: nothing is trusted)"))
    for registry in loaded.registries:
        note = " (the embedded chain of this workspace: proves no time)" if registry.workspace_chain else ""
        print_result(f"registry    {registry.name}{note}")
        print_result(f"            address {to_checksum(registry.address)} on chain {registry.chain_id}")
        print_result(f"            genesis {registry.genesis}")
        print_result(f"            code    {registry.code_hash}")
    for publisher in loaded.publishers:
        print_result(f"publisher   {publisher.name}")
        print_result(f"            address {to_checksum(publisher.address)}")
    return ExitCode.DONE


def add_registry(
    name: Annotated[str, typer.Option(help="What you call it.")],
    chain_id: Annotated[int, typer.Option(min=1, max=2**53 - 1, help="The chain's number, 56 for BSC.")],
    genesis: Annotated[str, typer.Option(help="Hash of the chain's first block, 0x and 64 hex digits.")],
    address: Annotated[str, typer.Option(help="Address of the contract.")],
    code_hash: Annotated[str, typer.Option(help="keccak256 of the contract's code, 0x and 64 hex digits.")],
    trust: TrustOption = None,
    workspace: WorkspaceOption = None,
    json_output: JsonOption = False,
) -> ExitCode:
    """Trust a registry contract on one chain."""
    from archive.trust import TrustedRegistry, checked_address, checked_hash, checked_name, load_trust, save_trust

    new = TrustedRegistry(
        name=checked_name(name),
        chain_id=chain_id,
        genesis=checked_hash(genesis, "--genesis"),
        address=checked_address(address),
        code_hash=checked_hash(code_hash, "--code-hash"),
    )
    path = _path(trust, workspace)
    save_trust(path, load_trust(path).with_registry(new))
    return _done({"added": {"registry": new.to_json()}}, f"{path}: trusts registry {new.name!r}", json_output)


def add_publisher(
    address: Annotated[str, typer.Argument(help="The publisher's address.")],
    name: Annotated[str, typer.Option(help="What you call the publisher.")],
    trust: TrustOption = None,
    workspace: WorkspaceOption = None,
    json_output: JsonOption = False,
) -> ExitCode:
    """Trust a publisher's key. Get the address from the publisher by a way that nobody else can write to."""
    from archive.trust import TrustedPublisher, checked_address, checked_name, load_trust, save_trust

    new = TrustedPublisher(address=checked_address(address), name=checked_name(name))
    path = _path(trust, workspace)
    save_trust(path, load_trust(path).with_publisher(new))
    return _done({"added": {"publisher": new.to_json()}}, f"{path}: trusts publisher {new.name!r}", json_output)


def remove(
    name_or_address: Annotated[str, typer.Argument(metavar="NAME|ADDRESS", help="What to take out.")],
    trust: TrustOption = None,
    workspace: WorkspaceOption = None,
    json_output: JsonOption = False,
) -> ExitCode:
    """Stop trusting a registry or publisher."""
    from archive.trust import load_trust, save_trust

    path = _path(trust, workspace)
    save_trust(path, load_trust(path).without(name_or_address))
    return _done({"removed": name_or_address}, f"{path}: no longer trusts {name_or_address}", json_output)


def _path(trust: Path | None, workspace: Path | None) -> Path:
    return trust or resolve_workspace(workspace).trust_file


def _done(result: dict[str, object], text: str, json_output: bool) -> ExitCode:
    if json_output:
        print_json(result)
    else:
        say(text)
    return ExitCode.DONE
