"""`archive get`: fetch a package to a folder, every byte hashed here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archive.cli.output import JsonOption, print_json, print_result, say
from archive.errors import ExitCode
from archive.workspace import resolve_workspace


def register(app: typer.Typer) -> None:
    app.command("get")(get)


def get(
    what: Annotated[
        str, typer.Argument(metavar="ID|CID", help="An incident id, or a package's content id (bafybei…).")
    ],
    out: Annotated[Path, typer.Argument(help="The folder to make; it must not hold anything yet.")],
    source: Annotated[list[str] | None, typer.Option("--from", help="Ask only this store; may be repeated.")] = None,
    revision: Annotated[int | None, typer.Option(help="The revision; the latest known by default.")] = None,
    catalogue: Annotated[
        str | None, typer.Option(help="Look the id up in this catalogue: a file, an http(s) URL, or its CID.")
    ] = None,
    json_output: JsonOption = False,
    workspace: Annotated[Path | None, typer.Option("--workspace", help="The workspace folder.")] = None,
) -> ExitCode:
    """Fetch a package to a folder. Stores are asked in turn; what they send is hashed here, liars are named."""
    from archive.stores.config import open_stores
    from archive.stores.fetch import fetch_package
    from archive.stores.index import find_package, open_catalogue

    space = resolve_workspace(workspace)
    stores = open_stores(space)
    readers = [stores.reader(name) for name in source] if source else list(stores.readers)
    listed = open_catalogue(catalogue, stores) if catalogue else None
    content_id, known = find_package(space, what, revision=revision, catalogue=listed)
    fetched = fetch_package(content_id, readers, out)
    for note in fetched.notes:
        if note.status == "mismatch":
            say(f"archive: warning: {note.store} sent wrong bytes: {note.message} [{note.code}]")
        elif note.status == "unreachable":
            say(f"archive: note: {note.message} [{note.code}]")
    size = sum(file.size for file in fetched.package.files)
    if json_output:
        print_json(
            {
                "content_id": content_id,
                "id": None if known is None else known.id,
                "revision": None if known is None else known.revision,
                "folder": str(out),
                "source": fetched.source,
                "files": len(fetched.package.files),
                "bytes": size,
                "stores": [note.to_json() for note in fetched.notes],
            }
        )
    else:
        print_result(f"{out}: {len(fetched.package.files)} files, {size:,} bytes, from {fetched.source}")
        print_result(f"content id {content_id}: every block and file was hashed here and matches")
        say("archive: hint: the bytes are right; who published them and when: archive verify BUNDLE")
    return ExitCode.DONE
