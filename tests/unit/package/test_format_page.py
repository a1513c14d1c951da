"""docs/format.md and the code name the same codes and limits."""

from __future__ import annotations

import re
from pathlib import Path

from archive.package import carfile, limits, unixfs

PROJECT = Path(__file__).parents[3]
PAGE = (PROJECT / "docs" / "format.md").read_text(encoding="utf-8")


def codes_in_page() -> set[str]:
    section = PAGE[PAGE.index("## 14. Codes") :]
    found = set()
    for area, names in re.findall(r"^- `([a-z0-9]+)\.` ((?:`[a-z_0-9]+`\s*)+)", section, re.MULTILINE):
        found |= {f"{area}.{name}" for name in re.findall(r"`([a-z_0-9]+)`", names)}
    return found


def codes_in_code() -> set[str]:
    """Codes as they are raised: written out, or through a module's `_fail(code, …)` that adds its area."""
    areas = {
        "cid": "cid",
        "unixfs": "unixfs",
        "carfile": "car",
        "entries": "manifest",
        "manifest": "manifest",
        "seal": "seal",
        "hashing": "package",
        "contents": "package",
        "build": "package",
        "rows": "rows",
    }
    found: set[str] = set()
    for path in (PROJECT / "archive" / "package").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        found |= set(re.findall(r"\"((?:canonical|merkle|manifest|seal|cid|unixfs|car|package)\.[a-z_]+)\"", text))
        if area := areas.get(path.stem):
            for name, rest in re.findall(r"_fail\(\s*\"([a-z_0-9]+)\"([^\n]*)", text):
                found.add(f"{'manifest' if 'area=' in rest else area}.{name}")
    found |= {"manifest.unknown_format", "manifest.unknown_hash", "manifest.missing_key", "manifest.type"}
    found |= {"manifest.duplicate_path", "manifest.duplicate_commitment", "canonical.trailing"}
    return found - {"manifest.json"}


def test_every_code_is_in_the_page_and_every_code_of_the_page_exists() -> None:
    assert codes_in_page() == codes_in_code()


def test_limits_are_those_of_the_page() -> None:
    for number in (limits.MAX_LEAVES, limits.MAX_FOLDERS, limits.MAX_PATH_BYTES, unixfs.CHUNK_BYTES):
        assert f"{number:,}" in PAGE
    assert f"{unixfs.HAMT_THRESHOLD_BYTES:,}" in PAGE
    assert (limits.MAX_SEGMENT_BYTES, limits.MAX_DEPTH, limits.MAX_RECORD_DEPTH) == (255, 32, 31)
    assert carfile.HEADER_BYTES == 58
    assert carfile.Limits().block_bytes == 2 * 1024 * 1024
