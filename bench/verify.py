"""`archive verify --offline` of the 10/11 bundle with all its evidence files, beside the time of importing web3."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.measure import PROJECT, Context, Row, Skipped, alternate, memory, python, run, within

DOSSIER = PROJECT / "incidents" / "2025-10-11-binance-liquidations"
ARCHIVE = str(Path(sys.executable).with_name("archive"))


def offline(context: Context) -> Iterator[Row]:
    if not (DOSSIER / "incident.yaml").exists():
        raise Skipped(f"{DOSSIER.relative_to(PROJECT)} is not there")
    workspace = context.folder / "workspace"
    # Published on the embedded chain; only the verifying is measured.
    published = run([ARCHIVE, "publish", str(DOSSIER), "--yes", "--json", "--workspace", str(workspace)])
    bundle = json.loads(published.output)["bundle"]
    verify = [ARCHIVE, "verify", "--offline", bundle, str(DOSSIER), "--json", "--workspace", str(workspace)]
    verified, web3 = alternate(
        max(3, context.rounds), lambda: run(verify, accept=(0, 3)), lambda: run(python("import web3"))
    )
    verdict = json.loads(verified.output)["verdict"]
    if verdict not in ("pass", "incomplete"):
        raise RuntimeError(f"the bundle that was just published does not verify: {verdict}")
    yield within(f"archive verify --offline ({verdict})", verified, "import web3", web3, 1.0)
    yield memory("archive verify --offline, peak memory", verified, 200)
