"""Problems in the forms that other programs show: SARIF 2.1.0 and GitHub's workflow commands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import quote

from archive import __version__
from archive.errors import Problem

SARIF_VERSION = "2.1.0"
SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {"error": "error", "warning": "warning", "note": "note"}
_COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}


def to_sarif(problems: Sequence[Problem]) -> dict[str, object]:
    """One run with a rule for each code that occurs (OASIS SARIF 2.1.0, sections 3.13, 3.14, 3.27)."""
    codes = list(dict.fromkeys(problem.code for problem in problems))
    numbers = {code: number for number, code in enumerate(codes)}
    return {
        "$schema": SARIF_SCHEMA,
        "version": SARIF_VERSION,
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "archive check",
                        "semanticVersion": __version__,
                        "rules": [{"id": code, "name": code} for code in codes],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [_result(problem, numbers[problem.code]) for problem in problems],
            }
        ],
    }


def _result(problem: Problem, rule: int) -> dict[str, object]:
    text = f"{problem.message}. Hint: {problem.hint}" if problem.hint else problem.message
    result: dict[str, object] = {
        "ruleId": problem.code,
        "ruleIndex": rule,
        "level": _LEVELS[problem.severity],
        "message": {"text": text},
    }
    if problem.path is not None:
        place: dict[str, object] = {"artifactLocation": {"uri": _uri(problem.path)}}
        if problem.line is not None:
            place["region"] = {"startLine": problem.line}
        location: dict[str, object] = {"physicalLocation": place}
        if problem.pointer:
            location["logicalLocations"] = [{"fullyQualifiedName": problem.pointer}]
        result["locations"] = [location]
    return result


def _uri(path: str) -> str:
    """A reference relative to the checkout, as code scanning takes it; a `file:` URI when the path is absolute."""
    return f"file://{quote(path)}" if path.startswith("/") else quote(path)


def to_workflow_commands(problems: Sequence[Problem]) -> Iterator[str]:
    """`::error file=…,line=…,title=…::message` lines, which GitHub shows beside the file."""
    for problem in problems:
        properties = {"file": problem.path, "line": problem.line, "title": problem.code}
        shown = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items() if value is not None)
        text = "\n".join(part for part in (_with_pointer(problem), problem.hint) if part)
        yield f"::{_COMMANDS[problem.severity]} {shown}::{_data(text)}"


def _with_pointer(problem: Problem) -> str:
    return f"{problem.message} at {problem.pointer}" if problem.pointer else problem.message


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
