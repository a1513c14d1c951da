"""`archive retract TARGET --reason TEXT`: the publisher takes back a package, for all to see and for good."""

from __future__ import annotations

from typing import Annotated

import typer

from archive.cli.acting import (
    DryRunOption,
    NetworkOption,
    PasswordOption,
    TargetArgument,
    WalletOption,
    WorkspaceOption,
    YesOption,
    do_acts,
    open_writer,
    read_subject,
    require_own,
)
from archive.cli.output import JsonOption
from archive.errors import ExitCode, UsageError
from archive.workspace import resolve_workspace


def register(app: typer.Typer) -> None:
    app.command("retract")(retract)


def retract(
    target: TargetArgument,
    network: NetworkOption,
    reason: Annotated[str, typer.Option(help="Why, in words; public and permanent, at most 512 bytes.")],
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    wallet: WalletOption = None,
    password_fd: PasswordOption = None,
    workspace: WorkspaceOption = None,
    json_output: JsonOption = False,
) -> ExitCode:
    """Retract what you published: verifiers that ask the registry will show it, and the reason.

    Nothing is deleted: the package still verifies, as one that its publisher took back. Works for members of batches.
    """
    from archive.chain.eip712 import RetractAct, checked_reason

    subject = read_subject(target)
    try:
        text = checked_reason(reason)
    except ValueError as error:
        raise UsageError(f"--reason: {error}", code="act.reason") from None
    with open_writer(resolve_workspace(workspace), network, wallet, password_fd) as (chosen, writer):
        require_own(subject, writer.publisher)
        return do_acts(
            writer,
            chosen,
            [(subject.name, RetractAct(writer.publisher, bytes.fromhex(subject.root), text))],
            dry_run=dry_run,
            yes=yes,
            json_output=json_output,
            question=f"Retract, with the reason {text!r}? It is public and cannot be undone.",
            done_word="retracted",
        )
