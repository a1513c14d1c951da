"""Tardis's book snapshots: one line a snapshot, its levels side by side (`asks[0].price`, `asks[0].amount`, …).

Each line becomes one row per level, best first, bids before asks, all under the number of the line. Levels that a
snapshot does not have are empty cells and give no row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from archive.evidence.readers.delimited import DelimitedReader
from archive.evidence.readers.source import Complain, SourceBatch

_LEVEL = re.compile(r"(?P<side>asks|bids)\[(?P<level>\d{1,4})\]\.(?P<what>price|amount)\Z")
_MADE = ("side", "price", "amount", "is_snapshot")


def is_wide_book(names: Sequence[str]) -> bool:
    return {"asks[0].price", "asks[0].amount", "bids[0].price", "bids[0].amount"} <= set(names)


@dataclass(frozen=True, slots=True)
class WideBookReader:
    inner: DelimitedReader

    @property
    def names(self) -> tuple[str, ...]:
        common = tuple(name for name in self.inner.names if not _LEVEL.match(name))
        return (*common, *(name for name in _MADE if name not in common))

    def read(self, wanted: frozenset[str], *, raw: bool, complain: Complain) -> Iterator[SourceBatch]:
        levels = sorted(
            {
                (found["side"] == "asks", int(found["level"]))
                for name in self.inner.names
                if (found := _LEVEL.match(name)) is not None
            }
        )
        pairs = [(is_ask, f"{'asks' if is_ask else 'bids'}[{level}]") for is_ask, level in levels]
        asked = {name for name in wanted if name in self.inner.names}
        asked |= {f"{place}.{what}" for _, place in pairs for what in ("price", "amount")} & set(self.inner.names)
        for batch in self.inner.read(frozenset(asked), raw=raw, complain=complain):
            yield _unfold(batch, pairs, wanted)


def _unfold(batch: SourceBatch, pairs: Sequence[tuple[bool, str]], wanted: frozenset[str]) -> SourceBatch:
    import pyarrow as pa
    import pyarrow.compute as pc

    count = len(batch.rows)
    empty = pa.nulls(count, pa.binary())
    # Every column level after level, then put in the order of the lines.
    lines = pc.cumulative_sum(pa.repeat(pa.scalar(1, pa.int64()), count), start=-1)
    order = pc.sort_indices(
        pa.table(
            {
                "line": pa.concat_arrays([lines] * len(pairs)),
                "level": pa.concat_arrays([pa.repeat(pa.scalar(at, pa.int64()), count) for at in range(len(pairs))]),
            }
        ),
        sort_keys=[("line", "ascending"), ("level", "ascending")],
    )

    def spread(parts: Sequence[pa.Array]) -> pa.Array:
        return pa.concat_arrays(list(parts)).take(order)

    prices = spread([batch.columns.get(f"{place}.price", empty) for _, place in pairs])
    there = pc.fill_null(pc.greater(pc.binary_length(prices), 0), False)
    columns = {
        name: spread([batch.columns.get(name, empty)] * len(pairs)).filter(there) for name in wanted - set(_MADE)
    }
    columns["price"] = prices.filter(there)
    columns["amount"] = spread([batch.columns.get(f"{place}.amount", empty) for _, place in pairs]).filter(there)
    sides = [pa.repeat(pa.scalar(b"ask" if is_ask else b"bid", pa.binary()), count) for is_ask, _ in pairs]
    columns["side"] = spread(sides).filter(there)
    columns["is_snapshot"] = pa.repeat(pa.scalar(b"true", pa.binary()), len(columns["price"]))
    raw = spread([batch.raw] * len(pairs)).filter(there) if batch.raw is not None else None
    return SourceBatch(columns, spread([batch.rows] * len(pairs)).filter(there), raw)
