"""What becomes permanent must come out: the findings of a dossier are computed before its package is built."""

from __future__ import annotations

from archive.errors import InvalidInputError, MissingDependencyError, Problem
from archive.publish.inputs import Draft


def require_findings(draft: Draft) -> tuple[Problem, ...]:
    """Compute every finding; notes on those whose inputs are not here come back.

    Raises:
        InvalidInputError: `findings.not_reproduced`, listing each finding whose result is missing or another.
        MissingDependencyError: an extra that reads the inputs is not installed.
    """
    if not draft.record.findings:
        return ()
    from archive.findings.run import compute_all, locate_in

    pointers = {finding.id: f"/findings/{index}" for index, finding in enumerate(draft.record.findings)}
    place = str(draft.dossier.record_file)
    problems: list[Problem] = []
    notes: list[Problem] = []
    for outcome in compute_all(draft.record, locate_in(draft.folder)):
        pointer = pointers[outcome.id]
        line = draft.dossier.lines.get(pointer)
        if outcome.status == "new":
            message, hint = "the finding has no result yet", f"`archive findings {draft.folder}` fills it in"
            problems.append(Problem("findings.no_result", message, place, line, pointer, hint))
        elif outcome.status in ("differs", "wrong"):
            code, message = outcome.code or "findings.differs", outcome.message or ""
            problems.append(Problem(code, f"{outcome.id}: {message}", place, line, pointer, outcome.hint))
        elif outcome.status == "unchecked" and outcome.code == "table.extra":
            raise MissingDependencyError(f"{outcome.id}: {outcome.message}", code="table.extra", hint=outcome.hint)
        elif outcome.status == "unchecked" and not outcome.marked:
            message = f"{outcome.id}: not computed: {outcome.message}"
            notes.append(Problem(outcome.code or "", message, place, line, pointer, outcome.hint, "note"))
    if problems:
        count = "1 finding does" if len(problems) == 1 else f"{len(problems)} findings do"
        raise InvalidInputError(
            f"{draft.folder}: {count} not come out as the record says",
            code="findings.not_reproduced",
            hint=f"nothing was packed; 'archive findings {draft.folder}' shows them",
            problems=problems,
        )
    return tuple(notes)
