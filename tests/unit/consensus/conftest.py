"""Chains made by hand (`tests/support/parlia.py`), and the real headers of the shared vectors."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(PROJECT))

from archive.chain import blocks, codec  # noqa: E402
from tests.support.parlia import Chain, Group  # noqa: E402

VECTORS = PROJECT.parent / "shared" / "vectors" / "bsc"


@pytest.fixture(scope="session")
def old() -> Group:
    return Group.of([1, 2, 3, 4])


@pytest.fixture(scope="session")
def new() -> Group:
    return Group.of([3, 4, 5, 6, 7])


@pytest.fixture
def chain(old: Group, new: Group) -> Chain:
    """Epoch blocks 0 and 10 announce four validators, 20 and later ones announce five."""
    return Chain({0: old, 20: new}).grow(36)


def header_of(item: Any) -> bytes:
    """The RLP of one header of the vectors, whose forms differ from file to file."""
    if isinstance(item, str):
        return bytes.fromhex(item.removeprefix("0x"))
    if "rlp" in item:
        return bytes.fromhex(item["rlp"].removeprefix("0x"))
    fields: list[codec.RlpItem] = []
    for name, size in blocks.HEADER_FIELDS:
        value = item.get(name)
        if value is None:
            break
        fields.append(codec.int_bytes(int(value, 16)) if size is None else bytes.fromhex(value[2:]))
    return codec.rlp_encode(fields)


@pytest.fixture(scope="session")
def vectors() -> Callable[[str], tuple[dict[str, Any], dict[int, bytes]]]:
    """`vectors(name)` gives a file's value and its headers by number; skipped where the vectors are not."""

    def load(name: str) -> tuple[dict[str, Any], dict[int, bytes]]:
        path = VECTORS / name
        if not path.is_file():
            pytest.skip(f"{path} is not here")
        value = json.loads(path.read_text())
        items = value.get("headersRlp") or value.get("headers") or value.get("blocks")
        raws = [header_of(item) for item in items]
        numbers = [codec.rlp_int(codec.rlp_list(raw)[8]) for raw in raws]
        return value, dict(zip(numbers, raws, strict=True))

    return load
