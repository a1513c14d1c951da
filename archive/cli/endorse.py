"""`archive endorse TARGET`: co-sign a package, or single items of it; `--withdraw` takes it back for good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from archive.cli.acting import (
    DryRunOption,
    NetworkOption,
    PasswordOption,
    Subject,
    TargetArgument,
    WalletOption,
    WorkspaceOption,
    YesOption,
    do_acts,
    open_writer,
    read_subject,
)
from archive.cli.output import JsonOption
from archive.errors import ExitCode, UsageError
from archive.workspace import resolve_workspace

if TYPE_CHECKING:
    from archive.chain.eip712 import Act


def register(app: typer.Typer) -> None:
    app.command("endorse")(endorse)


def endorse(
    target: TargetArgument,
    network: NetworkOption,
    items: Annotated[
        list[str] | None,
        typer.Option("--items", metavar="ID", help="Endorse only this evidence item; may be repeated."),
    ] = None,
    withdraw: Annotated[
        bool, typer.Option("--withdraw", help="Withdraw the endorsement instead. There is no way back.")
    ] = False,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    wallet: WalletOption = None,
    password_fd: PasswordOption = None,
    workspace: WorkspaceOption = None,
    json_output: JsonOption = False,
) -> ExitCode:
    """Endorse a package with your own key: say that you stand behind this root, or behind single items of it.

    An endorsement is of this revision and no other. It can be made once, and withdrawn once.
    """
    from archive.chain.eip712 import EndorseAct

    subject = read_subject(target)
    roots = item_roots(subject, items or []) if items else [(subject.name, bytes.fromhex(subject.root))]
    with open_writer(resolve_workspace(workspace), network, wallet, password_fd) as (chosen, writer):
        acts: list[tuple[str, Act]] = [
            (name, EndorseAct(writer.publisher, root, "withdraw" if withdraw else "endorse")) for name, root in roots
        ]
        return do_acts(
            writer,
            chosen,
            acts,
            dry_run=dry_run,
            yes=yes,
            json_output=json_output,
            question="Withdraw? It is for good." if withdraw else "Endorse? Others will rely on it.",
            done_word="withdrawn" if withdraw else "endorsed",
        )


def item_roots(subject: Subject, items: list[str]) -> list[tuple[str, bytes]]:
    """What stands on chain for single items: the hash of each one's leaf in the package's tree.

    Raises:
        UsageError: `act.no_bundle`, `act.no_such_item`.
    """
    from archive.package.entries import leaf_hash, parse_entry

    if subject.bundle is None:
        raise UsageError("--items needs the proof bundle, not only its root", code="act.no_bundle")
    leaves = {entry.get("id"): entry for entry in subject.bundle.entries if entry.get("type") == "evidence"}
    found = []
    for item in dict.fromkeys(items):
        if item not in leaves:
            raise UsageError(
                f"{item}: no open evidence item of this id in the package",
                code="act.no_such_item",
                hint=f"there are: {', '.join(str(name) for name in leaves) or 'none'}",
            )
        found.append((f"item {item} of {subject.name}", leaf_hash(parse_entry(leaves[item]))))
    return found
