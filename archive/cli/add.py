"""`archive add FILE…`: takes files into a dossier and writes their items into its record."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archive.cli.output import JsonOption, format_problem, print_json, print_result, say
from archive.errors import UsageError

if TYPE_CHECKING:
    from archive.record.add import Plan, Wish


class Sensitivity(StrEnum):
    """Who may be harmed by the file."""

    PUBLIC = "public"
    PERSONAL = "personal"
    CONFIDENTIAL = "confidential"


def register(app: typer.Typer) -> None:
    app.command("add")(add)


def add(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Files to add.", show_default=False)],
    dossier: Annotated[Path, typer.Option("--dossier", help="The dossier's folder.")] = Path(),
    kind: Annotated[str | None, typer.Option(help="Kind of evidence: order-log, market-data, screenshot …")] = None,
    title: Annotated[str | None, typer.Option(help="Title for the reader; by default the file's name.")] = None,
    language: Annotated[str, typer.Option(help="Language of the title (BCP 47).")] = "en",
    id_: Annotated[str | None, typer.Option("--id", help="Id of the item; by default from the file's name.")] = None,
    media_type: Annotated[str | None, typer.Option(help="Media type; by default what the bytes are.")] = None,
    captured_at: Annotated[str | None, typer.Option(help="When it was captured; by default the file's time.")] = None,
    captured_by: Annotated[str | None, typer.Option(help="Who captured it.")] = None,
    captured_how: Annotated[str | None, typer.Option(help="With what and how it was captured.")] = None,
    licence: Annotated[str | None, typer.Option(help="Its licence.")] = None,
    sensitivity: Annotated[Sensitivity | None, typer.Option(help="Whether it holds personal data or secrets.")] = None,
    held: Annotated[
        bool, typer.Option("--held", help="Keep the file outside git; size and hash are recorded.")
    ] = False,
    withheld: Annotated[bool, typer.Option("--withheld", help="Publish only a commitment to the file.")] = False,
    rows: Annotated[
        bool,
        typer.Option("--rows", help="With --withheld: commit to each line too, so that one can be revealed alone."),
    ] = False,
    reference: Annotated[
        bool, typer.Option("--reference", help="Record hash and size only; the file is not taken in.")
    ] = False,
    map_: Annotated[
        str | None,
        typer.Option("--map", help="Read a log of any form as this kind (api-log, trades …): writes a column mapping."),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(help="With --map: ours=theirs, ours=theirs,unit=ms, or ours:=constant; may be repeated."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be written; write nothing.")] = False,
    json: JsonOption = False,
) -> None:
    """Add evidence files: copies them to evidence/, fills in kind, media type, size, hash. Asks on a terminal."""
    from archive.record.add import Wish, carry_out, describe, plan_additions, remarks

    chosen = [name for name, on in (("held", held), ("withheld", withheld), ("reference", reference)) if on]
    if len(chosen) > 1:
        raise UsageError(f"--{chosen[0]} and --{chosen[1]} exclude each other", code="add.options")
    if rows and not withheld:
        raise UsageError(
            "--rows needs --withheld", code="add.options", hint="the lines of an open file are there for everybody"
        )
    if len(files) > 1 and (title or id_):
        raise UsageError("--title and --id are for one file", code="add.options", hint="add the files one by one")
    if column and map_ is None:
        raise UsageError(
            "--column needs --map", code="add.options", hint="say which kind the file becomes: --map trades"
        )
    if map_ is not None and len(files) > 1:
        raise UsageError("--map is for one file", code="add.options", hint="add the files one by one")
    ask = sys.stdin.isatty() and sys.stderr.isatty() and not json
    wish = Wish(
        kind=kind if map_ is None else kind or "raw",
        title=title,
        language=language,
        id=id_,
        media_type=media_type,
        captured_at=captured_at,
        captured_by=captured_by,
        captured_how=captured_how,
        licence=licence,
        sensitivity=sensitivity.value if sensitivity else None,
        form=chosen[0] if chosen else "open",
        rows=rows,
        mapping=None if map_ is None else _map(files[0], map_, column or [], ask=ask),
    )
    plan = plan_additions(dossier, [(file, _ask(file, wish) if ask else wish) for file in files])
    if not json:
        for problem in remarks(plan):
            for line in format_problem(problem):
                say(line)
    if not dry_run:
        carry_out(plan)
    if json:
        print_json(_to_json(plan, dry_run=dry_run))
    elif dry_run:
        print_result(describe(plan).rstrip())
        say(f"archive: nothing was written; without --dry-run this goes into {plan.dossier.record_file}")
    else:
        for addition in plan.additions:
            item = addition.item
            what = f"{item['kind']}, {item['media_type']}, {addition.size:,} bytes"
            print_result(f"{addition.path or addition.source}: added as `{item['id']}` ({what})")


def _map(file: Path, kind: str, said: list[str], *, ask: bool) -> Mapping[str, Any]:
    """A mapping for the file; what is needed and not known by its name is asked for, or told."""
    from archive.evidence.propose import propose_mapping

    proposal = propose_mapping(file, kind, said)
    if proposal.missing and ask:
        say(f"{file}: its columns are {', '.join(proposal.names)}")
        answers = [f"{name}={typer.prompt(f'  Which of them is {name}', err=True)!s}" for name in proposal.missing]
        proposal = propose_mapping(file, kind, [*said, *answers])
    if proposal.missing:
        raise UsageError(
            f"{file}: which column is {', '.join(proposal.missing)} is not known (it has {', '.join(proposal.names)})",
            code="add.map",
            hint=f"say it: --column {proposal.missing[0]}=…",
        )
    return proposal.mapping


def _ask(file: Path, wish: Wish) -> Wish:
    """Questions for what the options left open; Enter takes what stands in brackets."""
    say(f"{file}:")
    if wish.title is None:
        wish = replace(wish, title=str(typer.prompt(f"  Title, in {wish.language}", file.name, err=True)).strip())
    if wish.captured_by is None:
        answer = typer.prompt("  Who captured it (Enter: not known)", "", show_default=False, err=True)
        wish = replace(wish, captured_by=str(answer).strip() or None)
    if wish.captured_how is None:
        answer = typer.prompt("  How was it captured (Enter: not known)", "", show_default=False, err=True)
        wish = replace(wish, captured_how=str(answer).strip() or None)
    if wish.sensitivity is None:
        answer = typer.prompt(
            "  Does it hold personal data or secrets: public, personal, confidential", "public", err=True
        )
        wish = replace(wish, sensitivity=str(answer).strip() or None)
    return wish


def _to_json(plan: Plan, *, dry_run: bool) -> dict[str, object]:
    return {
        "record": str(plan.dossier.record_file),
        "written": not dry_run,
        "added": [{"source": str(one.source), "path": one.path, "item": one.json_item} for one in plan.additions],
    }
