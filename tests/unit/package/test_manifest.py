from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import ArchiveError, InvalidInputError
from archive.package import canonical, manifest, merkle

Leaves = list[dict[str, Any]]


def to_bytes(leaves: Leaves) -> bytes:
    return canonical.dumps({"header": leaves[0], "entries": leaves[1:]})


def refused(data: bytes) -> str:
    with pytest.raises(InvalidInputError) as caught:
        manifest.parse_manifest(data)
    return caught.value.code


def evidence(number: int, path: str) -> dict[str, Any]:
    return {
        "type": "evidence",
        "id": f"x{number}",
        "path": path,
        "media_type": "text/csv",
        "size": 1,
        "sha256": "0" * 64,
    }


def with_evidence(leaves: Leaves, *paths: str) -> Leaves:
    out = [leaves[0], leaves[1], *(evidence(n, path) for n, path in enumerate(paths))]
    return [{**out[0], "leaf_count": len(out)}, *out[1:]]


def test_parse_gives_back_the_bytes(leaf_values: Leaves) -> None:
    data = to_bytes(leaf_values)
    parsed = manifest.parse_manifest(data)
    assert parsed.to_bytes() == data
    assert parsed == manifest.from_leaves(leaf_values)
    assert parsed.root() == merkle.merkle_root([merkle.leaf_hash(canonical.dumps(leaf)) for leaf in leaf_values]).hex()
    assert (len(parsed.evidence), len(parsed.withheld), parsed.record.size) == (2, 1, 2)


def _swap(one: int, two: int) -> Callable[[Leaves], None]:
    def change(leaves: Leaves) -> None:
        leaves[one], leaves[two] = leaves[two], leaves[one]

    return change


def _set(index: int, **changes: Any) -> Callable[[Leaves], None]:
    return lambda leaves: leaves[index].update(changes)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (_swap(2, 3), "order"),
        (_swap(3, 4), "order"),
        (_swap(1, 2), "no_record"),
        (_swap(0, 1), "no_header"),
        (lambda leaves: leaves.__delitem__(1), "no_record"),
        (lambda leaves: leaves.insert(2, leaves[1]), "leaf_count"),
        (lambda leaves: leaves.__setitem__(3, leaves[1]), "order"),
        (lambda leaves: leaves.__setitem__(3, leaves[0]), "order"),
        (lambda leaves: leaves.__setitem__(3, leaves[4]), "duplicate_commitment"),
        (_set(0, leaf_count=4), "leaf_count"),
        (_set(0, leaf_count=65_536), "leaf_count"),
        (_set(3, id="a"), "duplicate_id"),
        (_set(3, path="evidence/a.csv"), "duplicate_path"),
        (_set(2, path="evidence/B/c.png"), "path_collision"),
        (_set(2, path="Evidence/a.csv"), "path_collision"),
        (_set(2, path="evidence/b"), "path_conflict"),
        (_set(2, type="hologram"), "unknown_entry_type"),
        (_set(2, extra=1), "unknown_key"),
        (_set(0, format="incident-archive/9"), "unknown_format"),
    ],
)
def test_rules_over_all_leaves(leaf_values: Leaves, change: Callable[[Leaves], None], code: str) -> None:
    change(leaf_values)
    assert refused(to_bytes(leaf_values)) == f"manifest.{code}"


@pytest.mark.parametrize(
    ("paths", "code"),
    [
        (["STRASSE", "Straße"], "path_collision"),
        (["É", "é"], "path_collision"),
        (["a", "a-b", "a/b"], "path_conflict"),
        (["dir/A/x", "dir/a/y"], "path_collision"),
    ],
)
def test_paths_that_are_one_file_somewhere(leaf_values: Leaves, paths: list[str], code: str) -> None:
    assert refused(to_bytes(with_evidence(leaf_values, *paths))) == f"manifest.{code}"


def test_paths_sort_by_utf8_bytes(leaf_values: Leaves) -> None:
    manifest.from_leaves(with_evidence(leaf_values, "Z", "a", "é", "測", "\U0001f600"))
    with pytest.raises(InvalidInputError) as caught:
        # UTF-16 order, which is not ours.
        manifest.from_leaves(with_evidence(leaf_values, "\U0001f600", "\ufb01"))
    assert caught.value.code == "manifest.order"


def test_withheld_sort_by_commitment(leaf_values: Leaves) -> None:
    leaf_values[3] = {"type": "withheld", "commitment": "4" * 64}
    assert refused(to_bytes(leaf_values)) == "manifest.order"


def test_shape_of_the_file(leaf_values: Leaves) -> None:
    value = {"header": leaf_values[0], "entries": leaf_values[1:]}
    assert refused(b"[]") == "manifest.type"
    assert refused(canonical.dumps({"header": leaf_values[0]})) == "manifest.missing_key"
    assert refused(canonical.dumps({**value, "root": "0" * 64})) == "manifest.unknown_key"
    assert refused(canonical.dumps({**value, "entries": {}})) == "manifest.type"
    assert refused(json.dumps(value).encode()) == "canonical.not_canonical"
    assert refused(to_bytes(leaf_values)[:-1]) == "canonical.syntax"
    later = {**value, "extra": 1, "header": {**leaf_values[0], "format": "incident-archive/2"}}
    assert refused(canonical.dumps(later)) == "manifest.unknown_format"


def test_folders_are_bounded() -> None:
    deep = ["/".join(["d"] * 510) + f"/{number}" for number in range(65_000)]
    manifest.check_collisions(deep)
    with pytest.raises(InvalidInputError) as caught:
        manifest.check_collisions(f"{number:07}/" + "/".join(["d"] * 500) for number in range(200))
    assert caught.value.code == "manifest.too_many_folders"


def test_too_many_leaves(leaf_values: Leaves) -> None:
    with pytest.raises(InvalidInputError) as caught:
        manifest.from_leaves([leaf_values[0]] * 65_537)
    assert caught.value.code == "manifest.too_many_leaves"


@given(st.integers(0, 1_000), st.integers(0, 255))
def test_a_changed_byte_is_refused_or_changes_the_root(position: int, byte: int) -> None:
    leaves: Leaves = [
        {
            "type": "header",
            "format": "incident-archive/1",
            "hash": "sha-256",
            "incident": "x",
            "revision": 1,
            "previous_root": None,
            "leaf_count": 3,
            "publisher": None,
            "not_before": [],
        },
        {
            "type": "record",
            "path": "record.json",
            "media_type": "application/json",
            "size": 2,
            "sha256": "0" * 64,
        },
        evidence(0, "evidence/a"),
    ]
    data = bytearray(to_bytes(leaves))
    root = manifest.from_leaves(leaves).root()
    data[position % len(data)] = byte
    try:
        parsed = manifest.parse_manifest(bytes(data))
    except ArchiveError:
        return
    assert (parsed.root() == root) == (bytes(data) == to_bytes(leaves))
