"""What a user waits for: `archive --help` and `archive check`, beside the time of importing web3."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from bench.measure import PROJECT, Context, Row, Skipped, alternate, python, run, within

BAR = 0.35


def commands(context: Context) -> Iterator[Row]:
    dossiers = sorted((PROJECT / "incidents").glob("*/incident.yaml"), key=lambda path: path.stat().st_size)
    if not dossiers:
        raise Skipped("there is no dossier under incidents/")
    archive = [str(Path(sys.executable).with_name("archive"))]
    check = [*archive, "check", str(dossiers[0].parent)]
    # 1 and 3 are answers too: what is measured is the time until the answer.
    rounds = max(3, context.rounds)
    helped, checked, web3 = alternate(
        rounds,
        lambda: run([*archive, "--help"]),
        lambda: run(check, accept=(0, 1, 3)),
        lambda: run(python("import web3")),
    )
    yield within("archive --help", helped, "import web3", web3, BAR)
    yield within(f"archive check {dossiers[0].parent.name}", checked, "import web3", web3, BAR)
