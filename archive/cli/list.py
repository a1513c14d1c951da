"""`archive list`: which packages are known here, and which of them the local store holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archive.cli.output import JsonOption, print_json, print_result, say
from archive.errors import ExitCode
from archive.workspace import resolve_workspace


def register(app: typer.Typer) -> None:
    app.command("list")(list_packages)


def list_packages(
    catalogue: Annotated[
        str | None, typer.Option(help="List this catalogue instead: a file, an http(s) URL, or its CID.")
    ] = None,
    json_output: JsonOption = False,
    workspace: Annotated[Path | None, typer.Option("--workspace", help="The workspace folder.")] = None,
) -> ExitCode:
    """List known packages: from the signed catalogue, from proof bundles, and from the local store."""
    from archive.stores.config import open_stores
    from archive.stores.index import from_catalogue, known_packages, open_catalogue

    space = resolve_workspace(workspace)
    stores = open_stores(space)
    nameless: tuple[str, ...] = ()
    if catalogue:
        listed = open_catalogue(catalogue, stores)
        packages = from_catalogue(listed)
        say(f"archive: catalogue signed by {listed.publisher}")
    else:
        packages, errors = known_packages(space)
        for error in errors:
            say(f"archive: warning: {error.message} [{error.code}]")
        named = {package.content_id for package in packages}
        nameless = tuple(cid for cid in stores.local.packages() if cid not in named)
    held = set(stores.local.packages())
    if json_output:
        rows = [{**package.to_json(), "held": package.content_id in held} for package in packages]
        print_json({"packages": rows, "unnamed": list(nameless)})
        return ExitCode.DONE
    for package in packages:
        where = f"chain {package.chain_id}" if package.chain_id is not None else "no anchor listed"
        mark = "held here" if package.content_id in held else "not held here"
        print_result(f"{package.id} r{package.revision}  {package.content_id}  {where}, {mark}")
    for cid in nameless:
        print_result(f"(no bundle)  {cid}  held here")
    if not packages and not nameless:
        say("archive: nothing here yet; archive publish DIR, archive import FILE.car, or --catalogue of a publisher")
    return ExitCode.DONE
