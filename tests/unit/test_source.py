"""What is published of this project holds no unfinished places."""

from __future__ import annotations

import re
from pathlib import Path

PROJECT = Path(__file__).parents[2]
UNFINISHED = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")


def test_no_unfinished_place_is_left_in_source_or_docs() -> None:
    folders = [
        PROJECT / name for name in ("archive", "contracts/src", "contracts/script", "docs", "tools", "incidents")
    ]
    files = [
        path
        for folder in folders
        for path in folder.rglob("*")
        if path.suffix in {".py", ".sol", ".md", ".yaml", ".csv", ".toml"} and "node_modules" not in path.parts
    ]
    assert len(files) > 100
    found = [
        f"{path.relative_to(PROJECT)}:{number}: {line.strip()[:80]}"
        for path in files
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if UNFINISHED.search(line)
    ]
    assert found == []
