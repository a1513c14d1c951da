"""Write the SHA-256 of the browser verifier into both READMEs: `python tools/verifier_hash.py [--check]`."""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
PAGE = PROJECT / "archive" / "site" / "assets" / "verifier.html"
READMES = ("README.md", "README.zh.md")
_STATED = re.compile(r"(?<=SHA-256)([^`\n]*`)([0-9a-zA-Z_]+)(?=`$)", re.MULTILINE)


def stated(text: str) -> str | None:
    """The hash that a README gives; None where it gives none."""
    found = _STATED.search(text)
    return found[2] if found else None


def main(arguments: list[str]) -> int:
    digest = hashlib.sha256(PAGE.read_bytes()).hexdigest()
    code = 0
    for name in READMES:
        path = PROJECT / name
        text = path.read_text(encoding="utf-8")
        if stated(text) is None:
            print(f"{name}: gives no SHA-256 of the verifier", file=sys.stderr)
            code = 1
        elif stated(text) != digest and "--check" in arguments:
            print(f"{name}: gives {stated(text)}, the file has {digest}; run: make web", file=sys.stderr)
            code = 1
        elif stated(text) != digest:
            path.write_text(_STATED.sub(lambda found: found[1] + digest, text), encoding="utf-8")
    print(f"verifier.html: sha256 {digest}")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
