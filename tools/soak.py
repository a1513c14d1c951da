"""Long seeded runs: kills, fuzzing, tampering, load. Writes soak/report.json; exit 1 when a run failed.

python tools/soak.py                                   all cases in full, with a new seed
python tools/soak.py --seed S                          the same runs again
python tools/soak.py --only fuzz-car --run 17 --seed S one run again
python tools/soak.py --scale 0.1                       a tenth of the runs
python tools/soak.py --sample                          what `make test` runs
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import secrets
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools import services
from tools.soaking import attacks, fuzz, kills, load
from tools.soaking.harness import Case, Result, run_case

CASES: tuple[Case, ...] = (*fuzz.CASES, *attacks.CASES, *kills.CASES, *load.CASES)
REPORT = services.PROJECT / "soak" / "report.json"


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=services.PROJECT, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _progress(name: str) -> None:
    print(f"soak: {name} …", file=sys.stderr, flush=True)


def _show(result: Result) -> None:
    outcomes = ", ".join(
        f"{label} {count}" for label, count in sorted(result.outcomes.items(), key=lambda o: -o[1])[:8]
    )
    state = "FAILED" if result.failures else "held"
    print(f"{result.name}: {state}: {result.runs} runs in {result.seconds:.1f} s ({outcomes})", flush=True)
    for failure in result.failures[:5]:
        print(f"  run {failure['run']}: {failure['message']}", flush=True)
        print(f"  again: python tools/soak.py --only {result.name} --run {failure['run']} --seed {result.seed}")


def write_report(results: list[Result], seed: str, started: datetime, seconds: float, skipped: list[str]) -> None:
    """Write the report: commit, machine, and each case with counts, seed, duration and failures."""
    REPORT.parent.mkdir(exist_ok=True)
    report = {
        "format": "incident-archive-soak/1",
        "commit": _git("rev-parse", "HEAD"),
        "uncommitted_changes": bool(_git("status", "--porcelain")),
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(seconds, 1),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "seed": seed,
        "runs": sum(result.runs for result in results),
        "failed": sum(len(result.failures) for result in results),
        "skipped": skipped,
        "cases": [result.to_json() for result in results],
    }
    REPORT.write_text(json.dumps(report, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    print(f"wrote {REPORT.relative_to(services.PROJECT)}: {report['runs']} runs, {report['failed']} failed")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", default=None, help="any text; printed and reported when it is chosen here")
    parser.add_argument("--only", action="append", metavar="CASE", help="a case by name; may be repeated")
    parser.add_argument("--run", type=int, metavar="NUMBER", help="one run of one case")
    parser.add_argument("--scale", type=float, default=1.0, help="how many of the runs, 1 = all")
    parser.add_argument("--sample", action="store_true", help="the few runs of `make test`")
    parser.add_argument("--list", action="store_true", help="list the cases")
    options = parser.parse_args()
    if options.list:
        for case in CASES:
            print(f"{case.name:18} {case.full:6} runs  {case.what}")
        return 0
    unknown = set(options.only or ()) - {case.name for case in CASES}
    if unknown or (options.run is not None and len(options.only or ()) != 1):
        parser.error(f"no such case: {', '.join(sorted(unknown))}" if unknown else "--run needs one --only")
    seed = options.seed or secrets.token_hex(8)
    print(f"seed {seed}")
    started, clock = datetime.now(UTC), time.monotonic()
    results, skipped = [], []
    for case in CASES:
        if options.only and case.name not in options.only:
            continue
        try:
            for tool in case.tools:
                services.require(tool)
        except services.ToolMissing as missing:
            if os.environ.get("CI"):
                raise SystemExit(f"soak: error: {missing}") from missing
            print(f"{case.name}: skipped: {missing}")
            skipped.append(case.name)
            continue
        count = case.sample if options.sample else max(1, round(case.full * options.scale))
        if count == 0:
            continue
        _progress(case.name)
        results.append(run_case(case, seed, [options.run] if options.run is not None else range(count)))
        _show(results[-1])
    if options.run is None:
        write_report(results, seed, started, time.monotonic() - clock, skipped)
    return 1 if any(result.failures for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
