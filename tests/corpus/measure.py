"""Runs the gate over the planted corpus: what it finds, what it misses, and where it cries wolf."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

from archive.evidence.gate import Examined, examine_stream
from tests.corpus.formats import FORMATS
from tests.corpus.planted import look_alikes, planted


@dataclass(frozen=True)
class Measured:
    """Placements in all, those missed, and false alarms, each as `what in which format: rules`."""

    placed: int
    missed: tuple[str, ...]
    fine: int
    alarms: tuple[str, ...]

    @property
    def recall(self) -> float:
        return 1 - len(self.missed) / self.placed

    @property
    def false_alarms(self) -> float:
        return len(self.alarms) / self.fine


def _look(data: bytes) -> Examined:
    return examine_stream(io.BytesIO(data), "x")


def _chosen(number: int, every: int) -> Iterator[str]:
    """The formats of item `number`: all of them, or each `every`-th, another set for each item."""
    for position, name in enumerate(FORMATS):
        if (position + number) % every == 0:
            yield name


def measure(every: int = 1, seed: int = 0) -> Measured:
    """Each planted thing and each look-alike in its formats; `every` 1 is the whole corpus, 4 a quarter of it."""
    missed, alarms, placed, fine = [], [], 0, 0
    for number, item in enumerate(planted(seed)):
        for name in _chosen(number, every):
            placed += 1
            rules = {group.rule for group in _look(FORMATS[name](item.key, item.value)).groups}
            if not rules & item.rules:
                missed.append(f"{item.kind} in {name}: {', '.join(sorted(rules)) or 'nothing'}")
    for number, other in enumerate(look_alikes(seed)):
        for name in _chosen(number, every):
            fine += 1
            groups = _look(FORMATS[name](other.key, other.value)).groups
            if groups:
                alarms.append(f"{other.kind} in {name}: {', '.join(group.name for group in groups)}")
    return Measured(placed, tuple(missed), fine, tuple(alarms))
