"""Slither over the registry, with the pinned compiler: every finding must be one that contracts/SLITHER.md answers.

Slither is not among the locked packages: it is installed by pinned version into the services' cache when it is missing.
Exit 1 for a finding without an answer, and for an answer without its finding.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools import services

VERSION = "0.11.6"
ANSWERED = {
    ("timestamp", "_now"),
    ("timestamp", "_requireSigned"),
    ("assembly", "_isValidForWallet"),
}


def install() -> Path:
    """Slither's executable, installed when it is missing."""
    folder = services.cache_folder() / f"slither-{VERSION}"
    program = folder / "bin" / "slither"
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, f"slither-analyzer=={VERSION}"], check=True)
    return program


def findings() -> set[tuple[str, str]]:
    """(detector, function) of each finding in src/."""
    program = install()
    with tempfile.TemporaryDirectory(prefix="incident-archive-slither-") as name:
        folder = Path(name)
        for part in ("src", "test", "foundry.toml"):
            source = services.CONTRACTS / part
            (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / part)
        options = ["--build-info", "--force", "--out", str(folder / "out"), "--cache-path", str(folder / "cache")]
        built = services.forge(["build", "--skip", "test", "--skip", "script", *options], capture=True)
        if built.returncode != 0:
            raise services.ServiceError(f"forge build failed:\n{built.stdout}\n{built.stderr}")
        path = os.pathsep.join([str(services.require("forge").parent), str(program.parent), os.environ["PATH"]])
        command = [str(program), ".", "--ignore-compile", "--foundry-out-directory", "out"]
        report = folder / "report.json"
        done = subprocess.run(
            [*command, "--filter-paths", "test", "--json", str(report)],
            cwd=folder,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        if not report.exists():
            raise services.ServiceError(f"slither failed:\n{done.stdout}\n{done.stderr}")
        results = json.loads(report.read_text())["results"].get("detectors", [])
    return {(result["check"], result["elements"][0]["name"]) for result in results}


def main() -> int:
    try:
        found = findings()
    except (services.ServiceError, subprocess.CalledProcessError) as error:
        print(f"slither: error: {error}", file=sys.stderr)
        return 1
    for check, name in sorted(found - ANSWERED):
        print(f"slither: error: {name}: {check}: not answered in contracts/SLITHER.md", file=sys.stderr)
    for check, name in sorted(ANSWERED - found):
        print(f"slither: error: {name}: {check}: answered, but not found any more", file=sys.stderr)
    print(f"slither {VERSION}: {len(found)} findings, {len(found & ANSWERED)} of them answered")
    return 0 if found == ANSWERED else 1


if __name__ == "__main__":
    sys.exit(main())
