"""`archive reveal`: show a withheld file, or one line of it, against the root that is published already."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archive.cli.output import JsonOption, print_json, print_result, say
from archive.errors import ExitCode, UsageError
from archive.workspace import resolve_workspace


def register(app: typer.Typer) -> None:
    app.command("reveal")(reveal)


def reveal(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="The proof bundle of the package.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file that was withheld, unchanged.")],
    row: Annotated[
        int | None, typer.Option("--row", min=1, metavar="N", help="Reveal only line N of it; the header is line 1.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where to write; else beside you, ….reveal.json.")
    ] = None,
    seal: Annotated[
        Path | None, typer.Option("--seal", metavar="FILE", help="The seal's file; else the workspace's.")
    ] = None,
    dossier: Annotated[
        Path | None, typer.Option("--dossier", metavar="DIR", help="The dossier; else the one around the file.")
    ] = None,
    evidence: Annotated[str | None, typer.Option("--id", help="The id under which it was listed.")] = None,
    path: Annotated[str | None, typer.Option("--path", help="The path under which it was listed.")] = None,
    media_type: Annotated[
        str | None, typer.Option("--media-type", help="The media type under which it was listed.")
    ] = None,
    workspace: Annotated[Path | None, typer.Option("--workspace", help="The workspace folder.")] = None,
    json_output: JsonOption = False,
) -> ExitCode:
    """Reveal a withheld file, or one line of a withheld table: entry and salt that fit its published commitment."""
    from archive.bundle import read_bundle
    from archive.publish.reveal import describe, make_reveal, read_seal
    from archive.publish.seals import load_seal
    from archive.reveal import SUFFIX, FileReveal
    from archive.workspace import write_atomic

    proof = read_bundle(bundle)
    header = proof.entries[0]
    incident, revision = str(header.get("incident")), header.get("revision")
    if seal is not None:
        sealed = read_seal(seal)
    else:
        held = load_seal(resolve_workspace(workspace), incident)
        if held is None:
            raise UsageError(
                f"this workspace has no seal for {incident}",
                code="reveal.no_seal",
                hint="restore it with 'archive seal restore FILE', or name it with --seal",
            )
        sealed = held
    described = describe(file, dossier=dossier, evidence=evidence, path=path, media_type=media_type)
    made = make_reveal(proof, file, sealed, described, line=row)
    ids = {str(i.get("commitment")): str(i.get("id")) for i in _items(proof.record)}
    named = ids.get(made.commitment, made.commitment[:16])
    part = f"-line-{row}" if row is not None else ""
    target = out or Path(f"{incident}-r{revision}-{named}{part}{SUFFIX}")
    if not target.name.endswith(SUFFIX):
        raise UsageError(f"--out {target}: the name must end in {SUFFIX}", code="reveal.bad_out")
    if target.exists():
        raise UsageError(f"{target}: is there already", code="reveal.bad_out", hint="choose another name with --out")
    write_atomic(target, made.to_bytes())
    if json_output:
        print_json({"reveal": str(target), "root": made.root, "id": named, "commitment": made.commitment, "row": row})
        return ExitCode.DONE
    if isinstance(made, FileReveal):
        print_result(f"{target}: reveals {made.entry.path} ({made.entry.size:,} bytes); hand it on with the file")
        if made.rows_key is not None:
            say("archive: note: with the file, every one of its lines can now be checked against the package")
    else:
        print_result(f"{target}: reveals line {row} of {made.rows_count:,} of {named}, and nothing else of it")
        say("archive: note: the line's place and the number of lines show too")
    return ExitCode.DONE


def _items(record: object) -> list[dict[str, object]]:
    items = record.get("evidence") if isinstance(record, dict) else None
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
