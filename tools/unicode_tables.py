"""Write web/src/format/unicode_tables.ts: what Unicode 14.0 assigns, and its full case folding.

    python tools/unicode_tables.py            write the file
    python tools/unicode_tables.py --check    compare; exit 1 when another file would be written

A browser has neither: its Unicode is newer with each version, and JavaScript folds no case. Needs a Python whose
`unicodedata` is version 14.0.0, that is 3.11; with another `--check` exits 3 (1 with CI set) and says so.
"""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

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


def assigned_runs() -> list[int]:
    """Lengths of alternating runs, the first assigned, that cover all code points."""
    runs = [0]
    unassigned = False
    for code in range(CODE_POINTS):
        if (unicodedata.category(chr(code)) == "Cn") != unassigned:
            unassigned = not unassigned
            runs.append(0)
        runs[-1] += 1
    return runs


def folds() -> dict[int, list[int]]:
    """Code point → what it folds to, where that is not itself."""
    table = {code: [ord(c) for c in chr(code).casefold()] for code in range(CODE_POINTS)}
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
    table = folds()
    singles = {code: target[0] for code, target in table.items() if len(target) == 1}
    many = {code: target for code, target in table.items() if len(target) > 1}
    return HEAD.format(
        assigned=wrap(map(base36, assigned_runs())),
        runs=wrap(" ".join(map(base36, run)) for run in fold_runs(singles)),
        many=wrap(" ".join(map(base36, [code, *target])) + ";" for code, target in many.items()),
    )


def main() -> int:
    check = "--check" in sys.argv[1:]
    if unicodedata.unidata_version != VERSION:
        print(
            f"unicode tables: needs Unicode {VERSION}, this Python has {unicodedata.unidata_version}", file=sys.stderr
        )
        return 3 if check and not os.environ.get("CI") else 1
    text = render()
    if not check:
        TARGET.write_text(text, encoding="utf-8")
        return 0
    if TARGET.read_text(encoding="utf-8") == text:
        return 0
    print(f"{TARGET.name} is not what tools/unicode_tables.py writes; run it without --check", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
