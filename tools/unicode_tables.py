"""Write web/src/format/unicode_tables.ts: what Unicode 14.0 assigns, and its full case folding.

    python tools/unicode_tables.py            write the file
    python tools/unicode_tables.py --check    compare; exit 1 when another file would be written

A browser has neither: its Unicode is newer with each version, and JavaScript folds no case. Where the Python that runs
this has a later Unicode than 3.11 has, what is assigned comes from `archive.package.unicode14`; how that folds is the
same under every later version.
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

from archive.package.unicode14 import unassigned_ranges

TARGET = Path(__file__).resolve().parent.parent / "web" / "src" / "format" / "unicode_tables.ts"
VERSION = "14.0.0"
CODE_POINTS = 0x110000
WIDTH = 116
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"

HEAD = """// Written by tools/unicode_tables.py from Unicode 14.0.0; `make generated` compares.

/** Lengths in base 36 of alternating runs of code points, from U+0000: assigned, unassigned (Cn), assigned, … */
export const ASSIGNED_RUNS = `
{assigned}
`;

/** Code points that fold to one: `first count step distance` in base 36 for each run of them. */
export const FOLD_RUNS = `
{runs}
`;

/** Code points that fold to several: `from to to …` in base 36, separated by semicolons. */
export const FOLD_MANY = `
{many}
`;
"""


def base36(number: int) -> str:
    if number < 0:
        return "-" + base36(-number)
    head, digit = divmod(number, 36)
    return (base36(head) if head else "") + _DIGITS[digit]


def unassigned_codes() -> set[int]:
    if unicodedata.unidata_version == VERSION:
        return {code for code in range(CODE_POINTS) if unicodedata.category(chr(code)) == "Cn"}
    return {code for first, last in unassigned_ranges() for code in range(first, last + 1)}


def assigned_runs(without: set[int]) -> list[int]:
    """Lengths of alternating runs, the first assigned, that cover all code points."""
    runs = [0]
    unassigned = False
    for code in range(CODE_POINTS):
        if (code in without) != unassigned:
            unassigned = not unassigned
            runs.append(0)
        runs[-1] += 1
    return runs


def folds(without: set[int]) -> dict[int, list[int]]:
    """Code point → what it folds to, where that is not itself."""
    table = {code: [ord(c) for c in chr(code).casefold()] for code in range(CODE_POINTS) if code not in without}
    return {code: target for code, target in table.items() if target != [code]}


def fold_runs(singles: dict[int, int]) -> Iterator[tuple[int, int, int, int]]:
    """(first, count, step, distance): neighbours, or every second one, that fold over the same distance."""
    left = dict(singles)
    for first in sorted(singles):
        if first not in left:
            continue
        distance = left[first] - first
        best = max((1, 2), key=lambda step: _run_length(left, first, step, distance))
        count = _run_length(left, first, best, distance)
        for index in range(count):
            del left[first + index * best]
        yield first, count, best, distance


def _run_length(left: dict[int, int], first: int, step: int, distance: int) -> int:
    count = 0
    while left.get(code := first + count * step) == code + distance:
        count += 1
    return count


def wrap(words: Iterable[str]) -> str:
    lines: list[str] = []
    line = ""
    for word in words:
        if line and len(line) + len(word) > WIDTH:
            lines.append(line.rstrip())
            line = ""
        line += word + " "
    return "\n".join([*lines, line.rstrip()])


def render() -> str:
    without = unassigned_codes()
    table = folds(without)
    singles = {code: target[0] for code, target in table.items() if len(target) == 1}
    many = {code: target for code, target in table.items() if len(target) > 1}
    return HEAD.format(
        assigned=wrap(map(base36, assigned_runs(without))),
        runs=wrap(" ".join(map(base36, run)) for run in fold_runs(singles)),
        many=wrap(" ".join(map(base36, [code, *target])) + ";" for code, target in many.items()),
    )


def main() -> int:
    text = render()
    if "--check" not in sys.argv[1:]:
        TARGET.write_text(text, encoding="utf-8")
        return 0
    if TARGET.read_text(encoding="utf-8") == text:
        return 0
    print(f"{TARGET.name} is not what tools/unicode_tables.py writes; run it without --check", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
