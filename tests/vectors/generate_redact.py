"""Writes `redact.json`: texts and what `redact@1` makes of them. Made once; `--check` compares, as a test does.

The texts are those that the corpus of the gate plants, each in a few formats. They stand in hex, so that no scanner of
repositories takes them for leaks.
"""

# ruff: noqa: T201
from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
TARGET = Path(__file__).with_name("redact.json")
SEED = bytes(range(32))


def masked(text: bytes) -> bytes:
    """What the recipe that masks by every rule, and makes tokens of order ids, makes of lines of text."""
    from archive.evidence.redact import MASKABLE, Recipe, Report, SecretTokens, redact

    recipe = Recipe("text", mask=tuple(r for r in MASKABLE if r != "order-id"), tokens={"order-id": "order"})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "text"
        path.write_bytes(text)
        return b"".join(redact(path, recipe, SecretTokens(SEED), Report()))


def _texts() -> list[tuple[str, bytes]]:
    from tests.corpus.formats import FORMATS
    from tests.corpus.planted import look_alikes, planted

    names = list(FORMATS)
    found = []
    for number, item in enumerate((*planted(1), *look_alikes(1))):
        for name in (names[number % len(names)], names[(number * 7 + 3) % len(names)]):
            text = FORMATS[name](item.key, item.value)
            try:
                text.decode("utf-8")
            except UnicodeDecodeError:
                continue
            if b"\x00" not in text and len(text) < 4096:
                found.append((f"{item.kind} in {name}", text))
    return found


def main() -> int:
    sys.path.insert(0, str(PROJECT))
    value = {
        "format": "redact@1",
        "description": "text_hex, redacted as lines of text: every rule masked, order ids as tokens of seed 00..1f",
        "vectors": [
            {
                "name": name,
                "input": {"text_hex": text.hex()},
                "expected": "valid",
                "code": None,
                "output": {"text_hex": masked(text).hex()},
            }
            for name, text in _texts()
        ],
    }
    text = json.dumps(value, indent=1) + "\n"
    if "--check" in sys.argv:
        return 0 if TARGET.read_text() == text else 1
    TARGET.write_text(text)
    print(f"{TARGET.name}: {len(value['vectors'])} vectors")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
