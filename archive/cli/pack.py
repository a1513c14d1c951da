"""`archive pack DIR`: build the package; no network, no key."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archive.cli.output import JsonOption, byte_progress, format_problem, print_json, print_result, say
from archive.errors import ExitCode
from archive.workspace import resolve_workspace

if TYPE_CHECKING:
    from archive.package.build import Package
    from archive.publish.pack import CarFile


def register(app: typer.Typer) -> None:
    app.command("pack")(pack)


def pack(
    dossier: Annotated[Path, typer.Argument(metavar="DIR", help="The dossier: the folder with incident.yaml.")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE.car", help="Where to write the package; else the local store.")
    ] = None,
    wallet: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="The publisher named in the package; else the one it was published with, else nobody.",
        ),
    ] = None,
    not_before: Annotated[
        list[str] | None,
        typer.Option(
            metavar="BLOCK",
            help="Name a block that is older: bitcoin:FILE, bitcoin:node or a network such as bsc; may be repeated.",
        ),
    ] = None,
    json_output: JsonOption = False,
    workspace: Annotated[Path | None, typer.Option("--workspace", help="The workspace folder.")] = None,
) -> ExitCode:
    """Build the package of a dossier: its root, its content id, one CAR file. Uses no network and no key."""
    from archive.publish.pack import pack_dossier

    packed = pack_dossier(
        resolve_workspace(workspace),
        dossier,
        out=out,
        publisher=wallet,
        not_before=tuple(not_before or ()),
        progress=byte_progress("reading files"),
    )
    for problem in packed.notes:
        for line in format_problem(problem):
            say(line)
    package, car = packed.package, packed.car
    if package.header.publisher is None:
        say("archive: note: this package names no publisher; 'publish' names its key, so the root there is another")
    if json_output:
        print_json(
            {
                "incident": package.header.incident,
                "revision": package.header.revision,
                "root": package.root,
                "content_id": package.content_id,
                "publisher": package.header.publisher,
                "previous_root": package.header.previous_root,
                "car": str(car.path),
                "car_size": car.size,
                "files": len(package.files),
                "withheld": len(package.withheld),
            }
        )
    else:
        print_result(_text(package, car))
    return ExitCode.DONE


def _text(package: Package, car: CarFile) -> str:
    header = package.header
    withheld = f", {len(package.withheld)} withheld" if package.withheld else ""
    rows = [
        ("packed", f"{header.incident}, revision {header.revision}"),
        ("files", f"{len(package.files)}{withheld}; {package.size:,} bytes"),
        ("root", f"{package.root}  (fingerprint of all of it)"),
        ("content id", f"{package.content_id}  (address of the files)"),
        ("publisher", header.publisher or "not named"),
        ("CAR file", f"{car.path}  ({car.size:,} bytes)"),
    ]
    return "\n".join(f"{name:<12}{value}" for name, value in rows)
