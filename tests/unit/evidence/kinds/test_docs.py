"""docs/evidence.md names every code that tables, mappings and captures give."""

from __future__ import annotations

import re
from pathlib import Path

from archive.evidence.contracts import CONTRACTS

ROOT = Path(__file__).resolve().parents[4]
AREAS = "|".join(sorted({*CONTRACTS, "table", "mapping", "capture"}))


def test_every_code_and_kind_is_documented() -> None:
    page = (ROOT / "docs/evidence.md").read_text()
    sources = [*(ROOT / "archive/evidence").rglob("*.py"), ROOT / "archive/cli/capture.py"]
    codes = {code for path in sources for code in re.findall(rf'"((?:{AREAS})\.[a-z_]+)"', path.read_text())}
    assert len(codes) > 80
    assert sorted(code for code in codes if f"`{code}`" not in page) == []
    assert [kind for kind in CONTRACTS if f"`{kind}`" not in page] == []
