"""`archive freeze FILES…`: stamp files now, describe them later; no YAML, no wallet, no chain."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archive.cli.output import JsonOption, byte_progress, print_error, print_json, print_result, say
from archive.errors import ExitCode
from archive.workspace import resolve_workspace

if TYPE_CHECKING:
    from archive.publish.freeze import Frozen


def register(app: typer.Typer) -> None:
    app.command("freeze")(freeze)


def freeze(
    files: Annotated[list[Path], typer.Argument(metavar="FILES…", help="Files, or folders with files.")],
    id_: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="The incident's id; else one with today's date.")
    ] = None,
    place: Annotated[Path, typer.Option("--in", metavar="DIR", help="Where the dossier's folder goes.")] = Path(),
    clock: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Ask only this clock; may be repeated. Default: all that are configured."),
    ] = None,
    not_before: Annotated[
        list[str] | None,
        typer.Option(
            metavar="BLOCK",
            help="Name a block that is older: bitcoin:FILE, bitcoin:node or a network such as bsc; may be repeated.",
        ),
    ] = None,
    trust: Annotated[
        Path | None, typer.Option("--trust", envvar="ARCHIVE_TRUST", help="Your trust file, else the workspace's.")
    ] = None,
    json_output: JsonOption = False,
    workspace: Annotated[Path | None, typer.Option("--workspace", help="The workspace folder.")] = None,
) -> ExitCode:
    """Freeze files at once: copy them, publish nothing of them, have every reachable clock stamp their salted hashes.

    Describe the incident later and publish it as revision 2. Exit code 3: no clock stamped, what was made is kept.
    """
    from archive.publish import blocks
    from archive.publish.freeze import freeze as run
    from archive.stamps.config import clocks_to_ask
    from archive.stamps.rfc3161 import Root
    from archive.trust import load_trust

    space = resolve_workspace(workspace)
    clocks = clocks_to_ask(space)
    roots = [Root(r.name, r.der, r.policies) for r in load_trust(trust or space.trust_file).time_stamp_roots]
    frozen = run(
        space,
        files,
        clocks.only(tuple(clock)) if clock else clocks,
        roots,
        incident=id_,
        place=place,
        not_before=blocks.choose(space, not_before or []),
        progress=byte_progress("reading files"),
        step=lambda text: say(f"archive: {text}"),
    )
    if json_output:
        print_json(frozen.to_json())
    else:
        print_result(_text(frozen))
    for name, error in frozen.failures:
        say(f"archive: {name} did not stamp")
        print_error(error)
    for made in frozen.made:
        for note in made.notes:
            say(f"archive: note: {made.clock}: {note}")
    say("archive: hint: back up the seal, or what is frozen can never be revealed: archive seal backup FILE")
    if frozen.made:
        return ExitCode.DONE
    say("archive: no clock stamped: nothing shows yet when these files existed; all that was made is kept")
    say(f"archive: hint: as soon as you can: archive stamp add {frozen.copy}")
    return ExitCode.INCOMPLETE


def _text(frozen: Frozen) -> str:
    rows = [
        ("frozen", f"{frozen.incident}, revision 1, {frozen.files} {'file' if frozen.files == 1 else 'files'}"),
        ("root", frozen.root),
        ("dossier", str(frozen.folder)),
        ("bundle", str(frozen.copy)),
        *(("stamp", f"{made.clock} ({made.kind}): {made.state}") for made in frozen.made),
    ]
    lines = [f"{name:<9}{value}" for name, value in rows]
    lines += [
        "",
        f"Next: describe the incident in {frozen.folder / 'incident.yaml'}: set 'revision: 2' and",
        f"'supersedes: {frozen.root}', give a second reason under",
        f"'revisions', then: archive publish {frozen.folder}",
    ]
    if any(made.kind == "opentimestamps" for made in frozen.made):
        lines.append(f"In a few hours: archive stamp upgrade {frozen.copy}")
    return "\n".join(lines)
