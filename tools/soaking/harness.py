"""Runs the cases. A run draws from seed, case name and run number alone, so it can be repeated alone."""

from __future__ import annotations

import random
import shutil
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

Run = Callable[[random.Random, Path], str]


class Failure(Exception):
    """A run showed something that must not be; the message says what."""


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of long run.

    Attributes:
        name: lower case, stable; part of the seed.
        what: what must hold, in a sentence.
        full: number of runs of `make soak`.
        sample: number of runs of `make test`.
        open: prepares what all runs share in a folder, and gives the function of one run; that function gets a random
            source and an empty folder, returns a short label of what came out, and raises Failure.
        tools: services that must be installed (`ipfs`, `forge`, …).
    """

    name: str
    what: str
    full: int
    sample: int
    open: Callable[[Path], AbstractContextManager[Run]]
    tools: tuple[str, ...] = ()


@dataclass(slots=True)
class Result:
    """What came of a case; `outcomes` counts the labels."""

    name: str
    what: str
    seed: str
    runs: int = 0
    seconds: float = 0.0
    outcomes: dict[str, int] = field(default_factory=dict)
    failures: list[dict[str, Any]] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def run_case(
    case: Case, seed: str, indexes: Sequence[int], *, progress: Callable[[int, int], None] | None = None
) -> Result:
    """Run a case with the given run numbers. A failed run is noted and the next one goes on."""
    result = Result(case.name, case.what, seed)
    counts: Counter[str] = Counter()
    started = time.monotonic()
    place = Path(tempfile.mkdtemp(prefix=f"incident-archive-soak-{case.name}-"))
    try:
        shared = place / "shared"
        shared.mkdir()
        with case.open(shared) as run:
            for done, index in enumerate(indexes, 1):
                folder = place / f"run-{index}"
                folder.mkdir()
                try:
                    counts[run(random.Random(f"{seed}/{case.name}/{index}"), folder)] += 1
                except Failure as failure:
                    counts["FAILED"] += 1
                    result.failures.append({"run": index, "message": str(failure)[:4000]})
                except Exception:  # noqa: BLE001 - a foreign exception is the finding, not the end of the case
                    counts["FAILED"] += 1
                    result.failures.append({"run": index, "message": traceback.format_exc()[-4000:]})
                finally:
                    shutil.rmtree(folder, ignore_errors=True)
                result.runs = done
                if progress:
                    progress(done, len(indexes))
    finally:
        shutil.rmtree(place, ignore_errors=True)
    result.seconds = round(time.monotonic() - started, 2)
    result.outcomes = dict(sorted(counts.items()))
    return result
