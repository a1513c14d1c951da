"""`python -m tests.corpus`: recall and false alarms of the gate over the planted corpus. `--all` lists each fault."""

# ruff: noqa: T201, E501
from __future__ import annotations

import sys

from tests.corpus.formats import FORMATS
from tests.corpus.measure import measure
from tests.corpus.planted import look_alikes, planted


def main() -> int:
    found = measure()
    print(
        f"planted      {len(planted())} secrets and personal data, {len(look_alikes())} look-alikes, {len(FORMATS)} formats"
    )
    print(f"recall       {found.recall:.4f}  ({found.placed - len(found.missed):,} of {found.placed:,} placements)")
    print(f"false alarms {found.false_alarms:.4f}  ({len(found.alarms):,} of {found.fine:,} placements)")
    shown = slice(None) if "--all" in sys.argv else slice(10)
    for fault in [f"missed: {text}" for text in found.missed][shown]:
        print(fault)
    for fault in [f"alarm:  {text}" for text in found.alarms][shown]:
        print(fault)
    return 0 if found.recall >= 0.99 and found.false_alarms < 0.02 else 1


if __name__ == "__main__":
    sys.exit(main())
