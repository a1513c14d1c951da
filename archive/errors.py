"""The archive's errors and problems.

Every error that a user can meet is an `ArchiveError` with a stable code, a message and, where there is something to
do about it, a hint. Foreign exceptions are turned into one of these where they arise; `archive.cli.main` catches them
once and turns the kind into the exit code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import ClassVar, Literal

Severity = Literal["error", "warning", "note"]


class ExitCode(IntEnum):
    """Exit codes of every command (design.md, section Verifying)."""

    DONE = 0
    WRONG = 1
    USAGE = 2
    INCOMPLETE = 3
    INTERNAL = 4


class ArchiveWarning(UserWarning):
    """A warning that our own code raises through `warnings`; an error in tests."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with an input, addressed so that a person can go and mend it.

    `path` is the file as the user named it, `line` is 1-based, `pointer` is an RFC 6901 JSON pointer into the file.
    Only problems of severity `error` make a check fail.
    """

    code: str
    message: str
    path: str | None = None
    line: int | None = None
    pointer: str | None = None
    hint: str | None = None
    severity: Severity = "error"

    def to_json(self) -> dict[str, object]:
        return asdict(self)


class ArchiveError(Exception):
    """Base of all errors shown to a user.

    Args:
        message: what happened, starting with the thing concerned (`evidence/a.csv: digest mismatch (…)`).
        code: stable dotted code, lower case (`package.digest_mismatch`).
        hint: what the user can do about it, or None.
        problems: the problems found, when there may be more than one.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.INTERNAL

    def __init__(self, message: str, *, code: str, hint: str | None = None, problems: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.hint = hint
        self.problems = tuple(problems)

    def to_json(self) -> dict[str, object]:
        """The `error` object of `--json` output."""
        out: dict[str, object] = {"code": self.code, "message": self.message, "hint": self.hint}
        if self.problems:
            out["problems"] = [p.to_json() for p in self.problems]
        return out


class UsageError(ArchiveError):
    """The command line or the configuration asks for something that makes no sense. Exit 2."""

    exit_code = ExitCode.USAGE


class InvalidInputError(ArchiveError):
    """An input was read and is wrong: a record, package, bundle, CAR, proof, key or remote answer. Exit 1."""

    exit_code = ExitCode.WRONG


class RefusedError(ArchiveError):
    """The other side answered and refused: a revert, no funds, a policy. Exit 1."""

    exit_code = ExitCode.WRONG


class UnreachableError(ArchiveError):
    """A store or node could not be reached, or did not answer in time; nothing is known to be wrong. Exit 3."""

    exit_code = ExitCode.INCOMPLETE


class MissingDependencyError(ArchiveError):
    """A library of an optional extra is not installed. Exit 2."""

    exit_code = ExitCode.USAGE


class InternalError(ArchiveError):
    """Our own mistake. Exit 4."""

    exit_code = ExitCode.INTERNAL
