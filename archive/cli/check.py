"""`archive check DIR…`: the record, its rules, its evidence files, a first look for secrets."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archive.cli.output import JsonOption, format_problem, print_json, print_result
from archive.errors import ExitCode

if TYPE_CHECKING:
    from archive.errors import Problem
    from archive.record.check import CheckReport


class Format(StrEnum):
    """How the result is written."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"
    SARIF = "sarif"


def register(app: typer.Typer) -> None:
    app.command("check")(check)


def check(
    dossiers: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[DIR]…",
            help="Dossiers, folders of dossiers, or files inside a dossier; by default this folder.",
            show_default=False,
        ),
    ] = None,
    format_: Annotated[Format, typer.Option("--format", help="How to write the result.")] = Format.TEXT,
    json: JsonOption = False,
    ci: Annotated[
        bool, typer.Option("--ci", help="Evidence that is held locally, outside git, is not expected to be here.")
    ] = False,
) -> int:
    """Check dossiers: record, cross-field rules, evidence files. Lists every problem; exit 1 when one is an error."""
    from archive.record.check import check_dossier, find_dossiers

    reports = [check_dossier(folder, ci=ci) for folder in find_dossiers(dossiers or [Path()])]
    problems = [problem for report in reports for problem in report.problems]
    chosen = Format.JSON if json else format_
    if chosen is Format.JSON:
        print_json(
            {"ok": all(report.ok for report in reports), "dossiers": _summaries(reports), "problems": _json(problems)}
        )
    elif chosen is Format.SARIF:
        from archive.record.sarif import to_sarif

        print_json(to_sarif(problems))
    elif chosen is Format.GITHUB:
        from archive.record.sarif import to_workflow_commands

        for line in to_workflow_commands(problems):
            print_result(line)
        _print_summary(reports)
    else:
        for problem in problems:
            for line in format_problem(problem):
                print_result(line)
        _print_summary(reports)
    return ExitCode.DONE if all(report.ok for report in reports) else ExitCode.WRONG


def _json(problems: Sequence[Problem]) -> list[dict[str, object]]:
    return [problem.to_json() for problem in problems]


def _summaries(reports: Sequence[CheckReport]) -> list[dict[str, object]]:
    return [
        {
            "folder": str(report.folder),
            "incident": report.incident,
            "revision": report.revision,
            "ok": report.ok,
            "evidence": report.evidence,
            "files": report.files,
            "bytes": report.bytes,
        }
        for report in reports
    ]


def _print_summary(reports: Sequence[CheckReport]) -> None:
    for report in reports:
        counts = [
            _count(sum(problem.severity == severity for problem in report.problems), severity)
            for severity in ("error", "warning", "note")
        ]
        found = ", ".join(count for count in counts if count) or "no problems"
        evidence = _count(report.evidence, "evidence item") or "no evidence"
        if report.files:
            evidence += f", {_count(report.files, 'file')} of {report.bytes:,} bytes"
        print_result(f"{report.folder}: {'ok' if report.ok else 'not ok'}: {found}; {evidence}")


def _count(number: int, name: str) -> str:
    return f"{number} {name}{'' if number == 1 else 's'}" if number else ""
