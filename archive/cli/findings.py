"""`archive findings DIR`: compute the findings of a record, fill in or compare their results, draw them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archive.cli.output import JsonOption, print_json, print_result, say
from archive.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from archive.findings.run import Outcome


def register(app: typer.Typer) -> None:
    app.command("findings")(findings)


def findings(
    dossier: Annotated[Path, typer.Argument(metavar="DIR", help="The dossier: the folder with incident.yaml.")],
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Files that are evidence by reference, or kept elsewhere; recognised by their hash."),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; a finding without a result is an error too.")
    ] = False,
    refill: Annotated[
        bool, typer.Option("--refill", help="Replace results that differ by what comes out now.")
    ] = False,
    reference: Annotated[
        bool, typer.Option("--reference", help="Compute with the small Python programs only, without DuckDB's help.")
    ] = False,
    plots: Annotated[
        Path | None, typer.Option("--plots", metavar="OUT", help="Draw each finding into this folder, as PNG and SVG.")
    ] = None,
    json_output: JsonOption = False,
) -> ExitCode:
    """Compute the declared findings: fill in results that are missing, compare the others, print tables.

    Exit codes: 0 all came out, 1 another result came out, 3 an input is not here.
    """
    from archive.errors import InvalidInputError, UsageError
    from archive.findings.fill import fill
    from archive.findings.run import compute_all, locate_in
    from archive.record.dossier import load_dossier

    if check and refill:
        raise UsageError("--check writes nothing, so it does not go with --refill", code="findings.check_refill")
    for path in files or []:
        if not path.is_file():
            raise UsageError(f"{path}: no such file", code="findings.no_such_file")
    draft = load_dossier(dossier)
    if draft.record is None:
        raise InvalidInputError(
            f"{dossier}: the record has errors",
            code="findings.record",
            hint=f"mend them; 'archive check {dossier}' shows them again",
            problems=draft.problems,
        )
    before = draft.record_file.read_bytes()
    outcomes = compute_all(draft.record, locate_in(dossier, files or []), engine="reference" if reference else "fast")
    fresh = {
        outcome.id: outcome.computed
        for outcome in outcomes
        if outcome.computed is not None and (outcome.status == "new" or (refill and outcome.status == "differs"))
    }
    if fresh and not check:
        fill(draft.record_file, before, fresh)
    pictures = _draw(outcomes, plots) if plots is not None else []
    if json_output:
        print_json(
            {
                "incident": draft.record.id,
                "findings": [outcome.to_json() for outcome in outcomes],
                "filled": [] if check else list(fresh),
                "plots": [str(path) for path in pictures],
            }
        )
    else:
        _print(outcomes, filled=set() if check else set(fresh))
    for path in pictures:
        say(f"archive: drawn: {path}")
    return _exit_code(outcomes, filled=set() if check else set(fresh))


def _draw(outcomes: Sequence[Outcome], folder: Path) -> list[Path]:
    from archive.findings.plots import draw

    folder.mkdir(parents=True, exist_ok=True)
    drawn: list[Path] = []
    for outcome in outcomes:
        result = outcome.computed or outcome.declared
        if result is not None:
            drawn += draw(outcome.method, outcome.id, result, folder)
    return drawn


def _print(outcomes: Sequence[Outcome], *, filled: set[str]) -> None:
    from archive.findings.show import table_lines

    words = {
        "same": "came out again",
        "new": "no result in the record yet",
        "differs": "DIFFERS from the record",
        "unchecked": "not computed",
        "wrong": "CANNOT be computed",
    }
    if not outcomes:
        print_result("no findings are declared in the record")
    for outcome in outcomes:
        said = "filled in" if outcome.id in filled else words[outcome.status]
        print_result(f"{outcome.id}  {outcome.method}  {said}")
        if outcome.message:
            print_result(f"  {outcome.message} [{outcome.code}]")
        if outcome.hint and outcome.status != "unchecked":
            print_result(f"  hint: {outcome.hint}")
        result = outcome.computed or outcome.declared
        for line in table_lines(result) if result else ():
            print_result(line)


def _exit_code(outcomes: Sequence[Outcome], *, filled: set[str]) -> ExitCode:
    left = [outcome for outcome in outcomes if outcome.id not in filled]
    if any(outcome.status in ("differs", "wrong", "new") for outcome in left):
        return ExitCode.WRONG
    if any(outcome.status == "unchecked" and not outcome.marked for outcome in left):
        return ExitCode.INCOMPLETE
    return ExitCode.DONE
