"""`python -m bench [NAME…]`: run the benchmarks, print the table, exit 1 when a bar is missed."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import batch, browser, consensus, findings, gate, hashing, site, small_files, startup, verify
from bench.measure import Context, Row, Skipped

BENCHMARKS: dict[str, Callable[[Context], Iterator[Row]]] = {
    "large-file": hashing.large_file,
    "very-large-file": hashing.very_large_file,
    "large-car": hashing.large_car,
    "small-files": small_files.many_files,
    "startup": startup.commands,
    "verify": verify.offline,
    "findings": findings.methods,
    "gate": gate.large_texts,
    "consensus": consensus.offline,
    "batch": batch.large,
    "site": site.thousand,
    "browser": browser.large_file,
}

HEADINGS = ("name", "ours", "baseline", "ratio", "bar", "ok")


def cells(row: Row) -> tuple[str, ...]:
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    bar = "" if row.bar is None else f"{'≤' if row.at_most else '≥'} {row.bar:g}"
    verdict = {None: "", True: "yes", False: "NO"}[row.ok]
    return (row.name, row.ours, row.baseline, ratio, bar, verdict)


def print_table(rows: list[Row], skipped: dict[str, str]) -> None:
    table = [HEADINGS, *(cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in table) for column in range(len(HEADINGS))]
    for line in table:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())
    for name, reason in skipped.items():
        print(f"skipped {name}: {reason}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which ones: {', '.join(BENCHMARKS)}; all by default")
    parser.add_argument("--rounds", type=int, default=2, help="runs of each side; the best counts (default 2)")
    parser.add_argument("--folder", type=Path, help="where the data goes; needs 8 GB (default: the temporary folder)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    unknown = set(options.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    rows: list[Row] = []
    skipped: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="archive-bench-", dir=options.folder) as folder:
        context = Context(Path(folder), options.rounds)
        for name in options.names or BENCHMARKS:
            print(f"bench: {name} …", file=sys.stderr, flush=True)
            try:
                rows += BENCHMARKS[name](context)
            except Skipped as reason:
                skipped[name] = str(reason)
    if options.json:
        value = {
            "cores": os.cpu_count(),
            "load": os.getloadavg()[0],
            "rows": [dict(zip(HEADINGS, cells(row), strict=True)) for row in rows],
            "skipped": skipped,
        }
        print(json.dumps(value, ensure_ascii=False, indent=2))
    else:
        print_table(rows, skipped)
    if any(row.ok is False for row in rows):
        return 1
    return 3 if skipped else 0


if __name__ == "__main__":
    sys.exit(main())
