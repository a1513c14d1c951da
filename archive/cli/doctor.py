"""`archive doctor`: what is installed, and which of the configured stores and networks answer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archive.cli.output import JsonOption, print_json, print_result
from archive.errors import ExitCode
from archive.workspace import resolve_workspace


def register(app: typer.Typer) -> None:
    app.command("doctor")(doctor)


def doctor(
    network: Annotated[
        list[str] | None, typer.Option("--network", help="Also ask this network; configured ones are always asked.")
    ] = None,
    json_output: JsonOption = False,
    workspace: Annotated[Path | None, typer.Option("--workspace", help="The workspace folder.")] = None,
) -> ExitCode:
    """Say what is reachable. Exit 3 when something that you configured cannot be reached, 1 when it answers wrongly."""
    from archive.stores.diagnosis import diagnose

    found = diagnose(resolve_workspace(workspace), networks=tuple(network or ()))
    if json_output:
        print_json({"checks": [item.to_json() for item in found]})
    else:
        for item in found:
            print_result(f"{item.status:<11} {item.subject}: {item.detail}")
            if item.hint:
                print_result(f"{'':<11} hint: {item.hint}")
    statuses = {item.status for item in found}
    if "wrong" in statuses:
        return ExitCode.WRONG
    return ExitCode.INCOMPLETE if "unreachable" in statuses else ExitCode.DONE
