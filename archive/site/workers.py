"""Spreads independent work over the processors where there is much of it; results come in the order of the work."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Final, TypeVar

from archive.errors import InternalError

MANY: Final = 24  # pieces from which on several processes are worth their start
MAX_WORKERS: Final = 8

T = TypeVar("T")
R = TypeVar("R")

# A forked process has the work and its pieces already: only numbers go there, and results come back.
_shared: list[tuple[Callable[[Any], Any], Sequence[Any]]] = []


def spread(work: Callable[[T], R], pieces: Sequence[T]) -> Iterator[R]:
    """`work` of every piece, in order. A result, or an error, that leaves another process must bear pickling.

    Raises:
        InternalError: `site.worker`, a process was killed.
    """
    workers = min(os.cpu_count() or 1, MAX_WORKERS)
    if len(pieces) < MANY or workers == 1 or "fork" not in multiprocessing.get_all_start_methods():
        yield from map(work, pieces)
        return
    _shared.append((work, pieces))
    try:
        with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("fork")) as pool:
            yield from pool.map(_one, range(len(pieces)), chunksize=8)
    except BrokenProcessPool as error:
        raise InternalError(f"a process that built a part of the site died: {error}", code="site.worker") from error
    finally:
        _shared.clear()


def _one(number: int) -> Any:
    work, pieces = _shared[-1]
    return work(pieces[number])
