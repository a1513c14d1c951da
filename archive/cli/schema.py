"""`archive schema`: export the record's JSON Schema, or compare it with the file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archive.cli.output import JsonOption, print_json, print_result
from archive.errors import InvalidInputError

_FOLDER = Path("schemas")


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Export and check the JSON Schema of the incident record.", no_args_is_help=True)
    group.command("export")(export)
    group.command("check")(check)
    app.add_typer(group, name="schema")


def export(
    to: Annotated[Path, typer.Option("--to", help="The folder of schemas.")] = _FOLDER,
    check_only: Annotated[bool, typer.Option("--check", help="Write nothing; fail when the file differs.")] = False,
    json: JsonOption = False,
) -> None:
    """Write schemas/incident/1.json as the models say it."""
    from archive.record.schema import SCHEMA_FILE, render_schema
    from archive.workspace import write_atomic

    path, wanted = to / SCHEMA_FILE, render_schema()
    try:
        present = path.read_bytes()
    except FileNotFoundError:
        present = None
    if check_only and present != wanted:
        what = "there is no such file" if present is None else "the file differs from what the models say"
        raise InvalidInputError(f"{path}: {what}", code="schema.differs", hint="run `archive schema export`")
    if present != wanted:
        write_atomic(path, wanted)
    if json:
        print_json({"path": str(path), "changed": present != wanted})
    else:
        print_result(f"{path}: {'as the models say' if present == wanted else 'written'}")


def check(
    to: Annotated[Path, typer.Option("--to", help="The folder of schemas.")] = _FOLDER, json: JsonOption = False
) -> None:
    """Fail when schemas/incident/1.json differs from what the models say."""
    export(to, check_only=True, json=json)
