"""How things are measured: whole processes, ours and the other tool's in turn, the best of some rounds.

Both sides pay for their start. The disk is synced before each run, outside the time. Peak memory is the largest
resident set that the kernel reports for the process.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

MIB = 1024 * 1024
PROJECT = Path(__file__).resolve().parents[1]


class Skipped(Exception):
    """A tool or an input that a benchmark needs is not there; the message says which and what to do."""


@dataclass(frozen=True, slots=True)
class Run:
    """One finished process: wall-clock seconds, peak memory in bytes, what it printed."""

    seconds: float
    peak_bytes: int
    output: str


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `ratio` is ours over the baseline's where smaller is better and the reverse else.

    `bar` is the value the ratio is held against: at least it, or at most it when `at_most`; None when the row is only
    for information.
    """

    name: str
    ours: str
    baseline: str
    ratio: float | None = None
    bar: float | None = None
    at_most: bool = False

    @property
    def ok(self) -> bool | None:
        if self.ratio is None or self.bar is None:
            return None
        return self.ratio <= self.bar if self.at_most else self.ratio >= self.bar


@dataclass(slots=True)
class Context:
    """The folder for data (removed afterwards), the number of rounds, and what was made once for all benchmarks."""

    folder: Path
    rounds: int
    made: dict[str, Path] = field(default_factory=dict)

    def once(self, name: str, make: Callable[[Path], None]) -> Path:
        """A file or folder that is made at the first call."""
        if name not in self.made:
            path = self.folder / name
            make(path)
            self.made[name] = path
        return self.made[name]


def run(command: Sequence[str], *, environment: Mapping[str, str] | None = None, accept: Sequence[int] = (0,)) -> Run:
    """Run a command to its end and measure it; another exit code than those accepted is an error."""
    os.sync()
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            cwd=PROJECT,
            env={**os.environ, **(environment or {})},
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        if process.returncode not in accept:
            told = errors.read().decode(errors="replace")[-2000:]
            raise RuntimeError(f"{' '.join(command)[:200]}: exit code {process.returncode}\n{told}")
        return Run(seconds, usage.ru_maxrss * 1024, output.read().decode(errors="replace"))


def alternate(rounds: int, *makers: Callable[[], Run]) -> list[Run]:
    """The best run of each maker; they take turns, so that a busy moment hits all of them."""
    best: list[Run | None] = [None] * len(makers)
    for _ in range(rounds):
        for index, make in enumerate(makers):
            found, known = make(), best[index]
            if known is None or found.seconds < known.seconds:
                best[index] = found
    return [item for item in best if item is not None]


def python(script: str, *arguments: str) -> list[str]:
    """A command that runs a script with this interpreter."""
    return [sys.executable, "-c", script, *arguments]


def faster(name: str, ours: Run, other: str, theirs: Run, bar: float | None) -> Row:
    """A row that asks to be `bar` times as fast as the other."""
    return Row(name, f"{ours.seconds:.2f} s", f"{other} {theirs.seconds:.2f} s", theirs.seconds / ours.seconds, bar)


def within(name: str, ours: Run, other: str, theirs: Run, bar: float) -> Row:
    """A row that asks to take at most `bar` of the other's time."""
    return Row(
        name, f"{ours.seconds:.2f} s", f"{other} {theirs.seconds:.2f} s", ours.seconds / theirs.seconds, bar, True
    )


def memory(name: str, ours: Run, limit_mb: int) -> Row:
    """A row that asks for a peak memory of at most that many MB."""
    return Row(name, f"{ours.peak_bytes / 1e6:.0f} MB", f"{limit_mb} MB", ours.peak_bytes / 1e6 / limit_mb, 1.0, True)


def tool(name: str) -> str:
    """The path of a tool that tools/services.py installs; raises Skipped when it is not there."""
    from tools import services

    try:
        return str(services.require(name))
    except services.ToolMissing as missing:
        raise Skipped(str(missing)) from None


def new_kubo_repo(context: Context) -> dict[str, str]:
    """An empty Kubo repository under the profile unixfs-v1-2025, as environment for `ipfs`."""
    ipfs = tool("ipfs")
    repo = context.folder / "kubo"
    shutil.rmtree(repo, ignore_errors=True)
    environment = {"IPFS_PATH": str(repo)}
    run([ipfs, "init", "--profile=test"], environment=environment)
    run([ipfs, "config", "profile", "apply", "unixfs-v1-2025"], environment=environment)
    return environment


def random_file(size: int) -> Callable[[Path], None]:
    """A maker of a file of random bytes: nothing in it repeats, nothing in it is sparse."""

    def make(path: Path) -> None:
        with path.open("wb") as handle:
            for _ in range(size // MIB):
                handle.write(os.urandom(MIB))

    return make
