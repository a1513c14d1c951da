"""`archive show`: what a package says, in words."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archive.cli.output import JsonOption, print_json, print_result, say
from archive.errors import ExitCode
from archive.workspace import resolve_workspace


def register(app: typer.Typer) -> None:
    app.command("show")(show)


def show(
    what: Annotated[
        str, typer.Argument(metavar="ID|CID", help="An incident id, or a package's content id (bafybei…).")
    ],
    language: Annotated[str | None, typer.Option("--lang", help="Language tag, such as en or zh-Hans.")] = None,
    revision: Annotated[int | None, typer.Option(help="The revision; the latest known by default.")] = None,
    catalogue: Annotated[
        str | None, typer.Option(help="Look the id up in this catalogue: a file, an http(s) URL, or its CID.")
    ] = None,
    json_output: JsonOption = False,
    workspace: Annotated[Path | None, typer.Option("--workspace", help="The workspace folder.")] = None,
) -> ExitCode:
    """Show the record of a package in words. It says what sources claim; whether that is true is not judged."""
    from archive.stores.config import open_stores
    from archive.stores.describe import describe, languages
    from archive.stores.index import find_package, open_catalogue
    from archive.stores.look import look_inside

    space = resolve_workspace(workspace)
    stores = open_stores(space)
    listed = open_catalogue(catalogue, stores) if catalogue else None
    content_id, _ = find_package(space, what, revision=revision, catalogue=listed)
    inside = look_inside(content_id, stores.readers, sorted(space.bundles.glob("*.proof.json")))
    if json_output:
        print_json(
            {
                "content_id": content_id,
                "root": inside.manifest.root(),
                "id": inside.manifest.header.incident,
                "revision": inside.manifest.header.revision,
                "publisher": inside.manifest.header.publisher,
                "languages": list(languages(inside.record)),
                "files": len(inside.manifest.evidence) + 2,
                "withheld": len(inside.manifest.withheld),
                "record": inside.record,
            }
        )
        return ExitCode.DONE
    for line in describe(inside.record, language):
        print_result(line)
    print_result("")
    print_result(f"root {inside.manifest.root()}")
    print_result(f"content id {content_id}")
    say("archive: note: these are claims of the sources named, not findings of this archive")
    return ExitCode.DONE
