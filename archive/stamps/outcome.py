"""What checking a stamp gives: steps with a code and a status each, and the moment that is shown when all hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Status = Literal["pass", "fail", "unchecked"]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing looked at. `found` and `expected` are what was compared, where there is something."""

    code: str
    status: Status
    note: str
    expected: str | None = None
    found: str | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """The steps of one stamp and what follows from them.

    `time` is in seconds since 1970 (UTC), `margin` the seconds by which the clock may be off; `clock` names it.
    Both times are None unless `status` is `pass`.
    """

    status: Status
    steps: tuple[Step, ...]
    note: str
    clock: str
    time: int | None = None
    margin: int = 0


def worst(steps: Sequence[Step]) -> Status:
    """`fail` before `unchecked` before `pass`."""
    statuses = {step.status for step in steps}
    if "fail" in statuses:
        return "fail"
    return "unchecked" if "unchecked" in statuses else "pass"
