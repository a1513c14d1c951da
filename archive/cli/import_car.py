"""`archive import`: take a package from a disk into the local store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archive.cli.output import JsonOption, print_json, print_result, say
from archive.errors import ExitCode
from archive.workspace import resolve_workspace


def register(app: typer.Typer) -> None:
    app.command("import")(import_car)


def import_car(
    car: Annotated[Path, typer.Argument(metavar="FILE.car", help="The package as a CAR file.")],
    json_output: JsonOption = False,
    workspace: Annotated[Path | None, typer.Option("--workspace", help="The workspace folder.")] = None,
) -> ExitCode:
    """Take a package from a disk into the local store, and proof bundles of it that lie beside it.

    Every block is hashed; a CAR that is cut off, altered or holds more than one package is refused.
    """
    from archive.stores.importing import import_package

    done = import_package(car, resolve_workspace(workspace))
    for error in done.skipped:
        say(f"archive: note: a bundle beside it was not taken: {error.message} [{error.code}]")
    if json_output:
        print_json(done.to_json())
    else:
        print_result(f"content id {done.content_id}")
        print_result(f"in the local store: {done.path}")
        for bundle in done.bundles:
            print_result(f"proof bundle: {bundle}")
        if not done.bundles:
            say("archive: hint: no proof bundle of it lies beside it; without one only the bytes can be checked")
    return ExitCode.DONE
