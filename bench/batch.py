"""A batch of 100,000 packages: the tree and every path, and the path of one."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator

from archive.chain.batch import Batch, Member, batch_root
from bench.measure import Context, Row

PACKAGES = 100_000
TREE_SECONDS = 5.0
LOOKUP_SECONDS = 0.010


def large(context: Context) -> Iterator[Row]:
    def word(label: str, number: int) -> bytes:
        return hashlib.sha256(f"{label} {number}".encode()).digest()

    members = [Member(word("id", n), word("root", n), word("content", n)) for n in range(PACKAGES)]
    whole, single = [], []
    for _ in range(context.rounds):
        started = time.perf_counter()
        batch = Batch(members)
        places = [batch.place(member) for member in members]
        whole.append(time.perf_counter() - started)
        wanted = members[PACKAGES // 3]
        started = time.perf_counter()
        place = batch.place(wanted)
        single.append(time.perf_counter() - started)
        if batch_root(wanted, place) != batch.root or len(places) != PACKAGES:
            raise RuntimeError("a path does not lead to the batch's root")
    name = f"batch of {PACKAGES:,}"
    tree, one = min(whole), min(single)
    yield Row(
        f"{name}: tree and all paths", f"{tree:.2f} s", f"{TREE_SECONDS:g} s", tree / TREE_SECONDS, 1.0, at_most=True
    )
    yield Row(
        f"{name}: path of one",
        f"{one * 1e3:.3f} ms",
        f"{LOOKUP_SECONDS * 1e3:g} ms",
        one / LOOKUP_SECONDS,
        1.0,
        at_most=True,
    )
