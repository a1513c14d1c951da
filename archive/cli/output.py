"""How commands talk: results on standard output, talk on standard error."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable
from typing import Annotated, Final

import typer

from archive.errors import ArchiveError, Problem

JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]

# What can move the cursor, colour or hide text, or turn its direction: names, records and answers come from strangers.
# Line ends, tabs and the joiners and marks that scripts need stay.
_ACTING: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def json_requested() -> bool:
    """True when this invocation asked for JSON, also when parsing failed before the option was seen."""
    return "--json" in sys.argv[1:]


def inert(text: str, *, one_line: bool = False) -> str:
    """Text that can be shown on a terminal: what would act there is written out (`\\x1b`, `\\u202e`).

    `one_line` writes out line ends too, so that a name cannot pass for a line of ours.
    """
    text = _ACTING.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)
    return text.replace("\n", "\\n").replace("\t", "\\t") if one_line else text


def print_json(value: object) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=2)
    sys.stdout.write(_ACTING.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n")
    sys.stdout.flush()


def print_result(text: str) -> None:
    sys.stdout.write(inert(text) + "\n")


def say(text: str) -> None:
    """Talk to the user: never a result, never a secret."""
    sys.stderr.write(inert(text) + "\n")
    sys.stderr.flush()


def format_problem(problem: Problem) -> list[str]:
    """Two lines for one problem: the problem itself, and its hint when there is one."""
    place = ":".join(str(part) for part in (problem.path, problem.line) if part is not None)
    pointer = f" at {problem.pointer}" if problem.pointer else ""
    lead = f"{place}: " if place else ""
    lines = [f"archive: {problem.severity}: {lead}{problem.message}{pointer} [{problem.code}]"]
    if problem.hint:
        lines.append(f"archive: hint: {problem.hint}")
    return [inert(line, one_line=True) for line in lines]


def print_error(error: ArchiveError) -> None:
    for problem in error.problems:
        for line in format_problem(problem):
            say(line)
    say(inert(f"archive: error: {error.message} [{error.code}]", one_line=True))
    if error.hint:
        say(inert(f"archive: hint: {error.hint}", one_line=True))


def byte_progress(label: str, *, clock: Callable[[], float] = time.monotonic) -> Callable[[int, int], None]:
    """A callback (done, total) in bytes that redraws one line on a terminal and is silent elsewhere."""
    if not sys.stderr.isatty():
        return lambda done, total: None
    last = [0.0]

    def report(done: int, total: int) -> None:
        now = clock()
        if done < total and now - last[0] < 0.1:
            return
        last[0] = now
        share = 100 * done // total if total else 100
        sys.stderr.write(f"\r{label}: {share:3d}% of {total:,} bytes")
        if done >= total:
            sys.stderr.write("\n")
        sys.stderr.flush()

    return report
