"""`archive schema`: export the JSON Schemas of the record and of tables of evidence, or compare them with the files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archive.cli.output import JsonOption, print_json, print_result
from archive.errors import InvalidInputError

_FOLDER = Path("schemas")


def register(app: typer.Typer) -> None:
    group = typer.Typer(
        help="Export and check the JSON Schemas of the incident record and of tables.", no_args_is_help=True
    )
    group.command("export")(export)
    group.command("check")(check)
    app.add_typer(group, name="schema")


def export(
    to: Annotated[Path, typer.Option("--to", help="The folder of schemas.")] = _FOLDER,
    check_only: Annotated[bool, typer.Option("--check", help="Write nothing; fail when the file differs.")] = False,
    json: JsonOption = False,
) -> None:
    """Write schemas/incident/1.json and schemas/evidence/*.json as the models and contracts say it."""
    from archive.evidence.contracts import SCHEMA_FOLDER, schema_files
    from archive.record.schema import SCHEMA_FILE, render_schema
    from archive.workspace import write_atomic

    wanted = {SCHEMA_FILE: render_schema(), **schema_files()}
    changed: dict[str, bool] = {}
    for name, data in wanted.items():
        path = to / name
        try:
            present = path.read_bytes()
        except FileNotFoundError:
            present = None
        if check_only and present != data:
            what = "there is no such file" if present is None else "the file differs from what the models say"
            raise InvalidInputError(f"{path}: {what}", code="schema.differs", hint="run `archive schema export`")
        if present != data:
            write_atomic(path, data)
        changed[str(path)] = present != data
    main = changed.pop(str(to / SCHEMA_FILE))
    written = sum(changed.values())
    if json:
        print_json({"path": str(to / SCHEMA_FILE), "changed": main, "tables": len(changed), "tables_changed": written})
    else:
        print_result(f"{to / SCHEMA_FILE}: {'written' if main else 'as the models say'}")
        tables = f"{written} of {len(changed)} written" if written else f"{len(changed)}, as the contracts say"
        print_result(f"{to / SCHEMA_FOLDER}/*.json: {tables}")


def check(
    to: Annotated[Path, typer.Option("--to", help="The folder of schemas.")] = _FOLDER, json: JsonOption = False
) -> None:
    """Fail when a published schema differs from what the models and contracts say."""
    export(to, check_only=True, json=json)
