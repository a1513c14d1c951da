"""The gate, measured: `python -m tests.corpus` prints the figures over the whole corpus, this takes a part of it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from tests.corpus.formats import FORMATS
from tests.corpus.measure import measure
from tests.corpus.planted import look_alikes, planted


def test_the_corpus_is_as_large_as_it_says() -> None:
    assert (len(planted()), len(look_alikes()), len(FORMATS)) == (100, 200, 40)
    assert planted() == planted()
    assert len({item.value for item in planted()}) >= 95


def test_recall_and_false_alarms() -> None:
    found = measure(every=4)
    assert (found.placed, found.fine) == (1_000, 2_000)
    assert found.recall >= 0.99, found.missed
    assert found.false_alarms < 0.02, found.alarms


def test_values_it_was_not_made_with() -> None:
    found = measure(every=8, seed=7)
    assert found.recall >= 0.99, found.missed
    assert found.false_alarms < 0.02, found.alarms
