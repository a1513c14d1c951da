"""`python -m tools.docsite check | build OUT | links`: checks the links of the documentation, or builds its site."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from tools import docsite

PROJECT = Path(__file__).resolve().parents[2]


def main(arguments: list[str]) -> int:
    match arguments:
        case ["links"]:
            print(docsite.write_links(PROJECT).relative_to(PROJECT))
            return 0
        case ["check"]:
            out = None
        case ["build", folder]:
            out = Path(folder)
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    problems = docsite.check(PROJECT)
    for problem in problems:
        print(f"{problem.place}: {problem.code}: {problem.message}", file=sys.stderr)
    if problems:
        return 1
    if out is None:
        print(f"docs: {len(docsite.read(PROJECT))} pages, every link leads somewhere")
        return 0
    if out.exists():
        shutil.rmtree(out)
    print(f"docs: {len(docsite.build(PROJECT, out))} files in {out}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
