"""`archive new ID`: begins a dossier."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from archive.cli.output import JsonOption, print_json, print_result, say


def register(app: typer.Typer) -> None:
    app.command("new")(new)


def new(
    incident: Annotated[str, typer.Argument(metavar="ID", help="The incident's id, like 2025-10-11-example-outage.")],
    folder: Annotated[
        Path | None,
        typer.Option("--in", help="Where the dossier's folder is made; by default here.", show_default=False),
    ] = None,
    language: Annotated[
        list[str] | None,
        typer.Option(
            "--language", help="A language of the record (BCP 47); may be repeated. Default: en.", show_default=False
        ),
    ] = None,
    title: Annotated[str | None, typer.Option(help="The title, in the first language.")] = None,
    summary: Annotated[str | None, typer.Option(help="The summary, in the first language.")] = None,
    start: Annotated[str | None, typer.Option(help="When it started: 2025-10-11 or 2025-10-11T05:12:00+08:00.")] = None,
    time_zone: Annotated[str | None, typer.Option(help="The time zone as the source states it.")] = None,
    json: JsonOption = False,
) -> None:
    """Begin a dossier: a folder with a commented incident.yaml. Asks for what is missing on a terminal."""
    from archive.record.new import create_dossier
    from archive.record.scaffold import Start, date_of

    languages = tuple(language or ("en",))
    if sys.stdin.isatty() and sys.stderr.isatty() and not json:
        title = title or _ask(f"Title, in {languages[0]}")
        summary = summary or _ask(f"Summary in a few neutral sentences, in {languages[0]}")
        dated = date_of(incident)
        start = start or _ask("When did it start (2025-10-11 or 2025-10-11T05:12:00+08:00)", dated[0] if dated else "")
    wanted = Start(incident, languages, title, summary, start, time_zone)
    made = create_dossier((folder or Path()) / incident, wanted)
    if json:
        print_json({"dossier": str(made.folder), "record": str(made.record_file), "remaining": list(made.remaining)})
        return
    print_result(f"{made.record_file}: written")
    for line in made.remaining:
        say(f"archive: still to do: {line}")
    say(f"archive: hint: cd {made.folder}, edit {made.record_file.name}, `archive add FILE`, then `archive check`")


def _ask(question: str, default: str = "") -> str | None:
    """An answer, or None when the line is left empty; the question stands on standard error."""
    answer = typer.prompt(f"{question} (Enter to leave it for later)" if not default else question, default, err=True)
    return str(answer).strip() or None
