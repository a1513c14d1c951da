"""Write the Python locks: exact versions with hashes for Python 3.11 to 3.13, no index named.

    python tools/lock.py            resolve within the ranges of pyproject.toml, keeping pinned versions that still fit
    python tools/lock.py --upgrade  take the newest versions that fit

`requirements.lock` is everything (all extras and what tests need); `requirements-publish.lock` is the part of it that
`make demo` and a publisher need, at the same versions.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
SOURCES = ("pyproject.toml", "tools/build-requirements.in")
HEADER = "# Written by `make lock` (tools/lock.py). Install with: pip install --require-hashes -r"


def compile_lock(extra: str, output: str, *options: str) -> None:
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if uv is None:
        raise SystemExit("lock: error: uv is not installed; run: pip install uv")
    command = [uv, "pip", "compile", *SOURCES, "--extra", extra, "--universal", "--python-version", "3.11"]
    command += ["--generate-hashes", "--no-header", "--no-emit-index-url", "--no-emit-find-links", "--quiet"]
    subprocess.run([*command, *options, "--output-file", output], cwd=PROJECT, check=True, stdout=subprocess.DEVNULL)
    path = PROJECT / output
    text = path.read_text()
    if "://" in text:
        raise SystemExit(f"lock: error: {output} names an address")
    path.write_text(f"{HEADER} {output}\n{text}")
    print(f"wrote {output}")


def main() -> None:
    upgrade = ["--upgrade"] if "--upgrade" in sys.argv[1:] else []
    compile_lock("dev", "requirements.lock", *upgrade)
    compile_lock("publish", "requirements-publish.lock", "--constraint", "requirements.lock", "--no-annotate")


if __name__ == "__main__":
    main()
