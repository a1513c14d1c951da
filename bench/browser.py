"""One large file verified by the page in a real Chromium, beside `archive verify --offline` of the same file.

The page is built from `web/` as it is and opened from the disk, as a saved one is. Its time is from the button to the
verdict; the whole process counts for `archive verify`. Memory is the largest resident set of the page's process (its
workers are threads of it), with what it shares of the browser's program. `BENCH_BROWSER_MIB` sets the size, 2,048
without.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.measure import MIB, PROJECT, Context, Row, Run, Skipped, alternate, memory, python, random_file, run, within

ARCHIVE = str(Path(sys.executable).with_name("archive"))
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SHOWN = "1 of 1 evidence file given, and the published one"

# A bundle without anchor or record: what is measured is the file.
BUNDLE = """
import sys
from pathlib import Path
from archive.bundle import build_bundle
from archive.package import build, seal
source, target = map(Path, sys.argv[1:])
evidence = (build.EvidenceInput("big", "evidence/big.bin", "application/octet-stream", source),)
inputs = build.PackageInput({"id": "bench", "evidence": [{"id": "big"}]}, "bench", 1, None, evidence)
package = build.build_package(inputs, seal.Seal(bytes(32)))
entries = [package.header.to_json(), *(entry.to_json() for entry in package.entries)]
parts = {"root": package.root, "content_id": package.content_id, "entries": entries}
target.write_bytes(build_bundle(**parts, record=None, directory=package.directory).to_bytes())
"""


def large_file(context: Context) -> Iterator[Row]:
    from tools import services

    node, chromium = shutil.which("node"), _chromium()
    try:
        services.require("web")
    except services.ToolMissing as missing:
        raise Skipped(str(missing)) from None
    if node is None or chromium is None:
        raise Skipped("needs Node.js and Chromium (set CHROMIUM to its path)")
    mib = int(os.environ.get("BENCH_BROWSER_MIB", 2048))
    big = context.once(f"{mib}-MiB.bin", random_file(mib * MIB))
    bundle, page = context.folder / "big.proof.json", context.folder / "verifier.html"
    run(python(BUNDLE, str(big), str(bundle)))
    run([node, str(PROJECT / "web" / "build.mjs"), "--out", str(page)])
    ask = [node, str(PROJECT / "bench" / "browser.mjs"), chromium, str(page), str(bundle), str(big)]
    verify = [ARCHIVE, "verify", "--offline", str(bundle), str(big), "--workspace", str(context.folder / "empty")]
    ours, theirs = alternate(context.rounds, lambda: _measured(run(ask)), lambda: run(verify, accept=(3,)))
    yield within(f"{mib:,} MiB verified in the browser", ours, "archive verify --offline", theirs, 3.0)
    yield memory(f"{mib:,} MiB verified in the browser, peak memory", ours, 300)


def _measured(whole: Run) -> Run:
    """The page's own account in place of that of the process which drove the browser."""
    told = json.loads(whole.output)
    if told["verdict"] != "incomplete" or SHOWN not in told["text"]:
        raise RuntimeError(f"the page did not find the file: {told['verdict']}: {told['text'][:500]}")
    return Run(told["seconds"], told["peak_bytes"], whole.output)


def _chromium() -> str | None:
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUM)), None)
