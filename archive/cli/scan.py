"""`archive scan`: what the gate before a publication would say about files, without a dossier."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archive.cli.output import JsonOption, print_json, print_result
from archive.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from archive.evidence.gate import Examined


def register(app: typer.Typer) -> None:
    app.command("scan")(scan)


def scan(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Files, or folders of them.")],
    json_output: JsonOption = False,
) -> ExitCode:
    """Look for secrets and personal data in files: hits by rule and column, with counts and masked examples.

    Exit codes: 0 nothing found, 1 something was found, 3 something takes a person's eyes or ears.
    """
    from archive.evidence.gate import Examined, examine_file

    found = Examined()
    for path in _files(files):
        found += examine_file(path, str(path))
    if json_output:
        print_json(
            {
                "hits": [
                    {
                        "rule": group.rule,
                        "path": group.path,
                        "column": group.column,
                        "count": group.count,
                        "line": group.line,
                        "examples": list(group.examples),
                    }
                    for group in found.groups
                ],
                "unread": [{"path": item.path, "why": item.why} for item in found.unread],
                "refused": [{"path": i.path, "code": i.code, "why": i.why, "hint": i.hint} for i in found.refused],
                "bytes": found.size,
            }
        )
    else:
        print_result(_text(found))
    if found.groups or found.refused:
        return ExitCode.WRONG
    return ExitCode.INCOMPLETE if found.unread else ExitCode.DONE


def _files(paths: list[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(child for child in path.rglob("*") if child.is_file() and not child.is_symlink())
        elif path.is_file():
            found.append(path)
        else:
            raise UsageError(f"{path}: no such file", code="scan.no_such_file")
    return found


def _text(found: Examined) -> str:
    rows = [("rule", "place", "count", "first line", "examples")] if found.groups else []
    rows += [
        (group.rule, group.place, f"{group.count:,}", str(group.line), ", ".join(group.examples))
        for group in found.groups
    ]
    widths = [max((len(row[number]) for row in rows), default=0) for number in range(4)]
    lines = [
        f"{r[0]:<{widths[0]}}  {r[1]:<{widths[1]}}  {r[2]:>{widths[2]}}  {r[3]:>{widths[3]}}  {r[4]}" for r in rows
    ]
    lines += [f"refused: {item.path}: {item.why} ({item.hint})" for item in found.refused]
    lines += [f"not read: {item.path}: {item.why}" for item in found.unread]
    total = sum(group.count for group in found.groups)
    lines.append(f"{found.size:,} bytes of text read; {total:,} hits in {len(found.groups)} groups")
    return "\n".join(lines)
