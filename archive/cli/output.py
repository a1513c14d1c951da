"""How commands talk: results on standard output, talk on standard error."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Annotated

import typer

from archive.errors import ArchiveError, Problem

JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]


def json_requested() -> bool:
    """True when this invocation asked for JSON, also when parsing failed before the option was seen."""
    return "--json" in sys.argv[1:]


def print_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")
    sys.stdout.flush()


def print_result(text: str) -> None:
    sys.stdout.write(text + "\n")


def say(text: str) -> None:
    """Talk to the user: never a result, never a secret."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def format_problem(problem: Problem) -> list[str]:
    """Two lines for one problem: the problem itself, and its hint when there is one."""
    place = ":".join(str(part) for part in (problem.path, problem.line) if part is not None)
    pointer = f" at {problem.pointer}" if problem.pointer else ""
    lead = f"{place}: " if place else ""
    lines = [f"archive: {problem.severity}: {lead}{problem.message}{pointer} [{problem.code}]"]
    if problem.hint:
        lines.append(f"archive: hint: {problem.hint}")
    return lines


def print_error(error: ArchiveError) -> None:
    for problem in error.problems:
        for line in format_problem(problem):
            say(line)
    say(f"archive: error: {error.message} [{error.code}]")
    if error.hint:
        say(f"archive: hint: {error.hint}")


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
