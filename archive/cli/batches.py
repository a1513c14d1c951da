"""`archive publish DIR… --batch`: what the command line adds to `archive.publish.batch`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from archive.cli.output import print_json, print_result, say
from archive.errors import ExitCode
from archive.workspace import Workspace

if TYPE_CHECKING:
    from archive.publish.batch import BatchPlan
    from archive.publish.publish import Options, Published, Talk


def publish_together(
    space: Workspace,
    folders: Sequence[Path],
    options: Options,
    talk: Talk,
    *,
    yes: bool,
    dry_run: bool,
    json_output: bool,
    text: Callable[[Published], str],
) -> tuple[Published, ...]:
    """Publish several dossiers under one anchor; nothing is returned from a dry run."""
    from archive.publish.batch import BatchPlan, publish_batch

    result = publish_batch(space, folders, options, talk, lambda plan: _confirm(plan, yes=yes), dry_run=dry_run)
    if result is None:
        raise typer.Abort
    if isinstance(result, BatchPlan):
        if json_output:
            print_json({"dry_run": True, **result.to_json()})
        else:
            print_result(_render(result))
            say("archive: dry run: nothing was written, signed or sent")
        return ()
    if json_output:
        print_json(result.to_json())
    else:
        print_result("\n\n".join(text(member) for member in result.members))
        print_result(f"\n{len(result.members)} packages under one anchor, batch root {result.root}")
    return result.members


def worst(codes: Sequence[ExitCode]) -> ExitCode:
    """The code of the command over the codes of its members."""
    return ExitCode.WRONG if ExitCode.WRONG in codes else max(codes, default=ExitCode.DONE)


def _render(plan: BatchPlan) -> str:
    from archive.publish.plan import render

    lead = f"{plan.count} packages under one anchor, batch root {plan.root or 'not known before the chain is made'}"
    return "\n\n".join([lead, *(render(one) for one in plan.plans)])


def _confirm(plan: BatchPlan, *, yes: bool) -> bool:
    say(_render(plan))
    say("")
    return yes or typer.confirm("Publish all of this? It cannot be undone.", default=False, err=True)
