"""Laws: no single change in a file or in a bundle leaves a verdict of pass."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from archive.bundle import parse_bundle
from archive.errors import ArchiveError
from archive.verify.checks import judge
from archive.verify.gather import Sources, Target, gather
from archive.verify.policy import Policy
from tests.unit.verify.simulator import FILES, Desk, Publication

HEX = "0123456789abcdef"


@pytest.fixture(scope="module")
def published() -> Iterator[tuple[Publication, Sources, bytes]]:
    with tempfile.TemporaryDirectory() as folder:
        made = Desk(Path(folder)).publish(withheld={"evidence/secret.csv": b"x"}, anchor={"entry": 0})
        sources = Sources(trust=made.trust, nodes=(made.chain.node(),))
        yield made, sources, made.bundle().to_bytes()


def verdict(made: Publication, sources: Sources, data: bytes) -> str:
    """The verdict over a bundle's bytes and the files as they lie there; a refused bundle counts as fail."""
    path = made.folder.parent / "bundle.proof.json"
    path.write_bytes(data)
    try:
        return judge(gather(Target("bundle", str(path)), [made.folder], sources), Policy()).verdict
    except ArchiveError as error:
        return {1: "fail", 3: "incomplete"}[error.exit_code]


def test_unchanged_is_pass(published: tuple[Publication, Sources, bytes]) -> None:
    assert verdict(*published) == "pass"


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(FILES)), st.integers(0, 10**9), st.integers(1, 255))
def test_no_flipped_byte_of_a_file_passes(
    published: tuple[Publication, Sources, bytes], path: str, at: int, flip: int
) -> None:
    made, sources, bundle = published
    target = made.folder / path
    good = FILES[path]
    bad = bytearray(good)
    bad[at % len(good)] ^= flip
    target.write_bytes(bytes(bad))
    try:
        assert verdict(made, sources, bundle) == "fail"
    finally:
        target.write_bytes(good)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**9), st.integers(1, 15))
@example(0, 1)
def test_no_changed_hex_digit_of_a_bundle_passes(
    published: tuple[Publication, Sources, bytes], at: int, step: int
) -> None:
    """Each run of 40 hex digits or more in the bundle: hashes, addresses, headers, receipts, trie nodes."""
    made, sources, bundle = published
    text = bundle.decode()
    places = [i for match in re.finditer(r"[0-9a-f]{40,}", text) for i in range(*match.span())]
    where = places[at % len(places)]
    other = HEX[(HEX.index(text[where]) + step) % 16]
    changed = text[:where] + other + text[where + 1 :]
    assert verdict(made, sources, changed.encode()) != "pass"


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**9), st.integers(1, 255))
def test_no_flipped_byte_of_a_bundle_passes(published: tuple[Publication, Sources, bytes], at: int, flip: int) -> None:
    made, sources, bundle = published
    changed = bytearray(bundle)
    changed[at % len(bundle)] ^= flip
    if verdict(made, sources, bytes(changed)) == "pass":
        # White space between tokens carries no meaning; nothing else may differ.
        assert parse_bundle(bytes(changed)) == parse_bundle(bundle)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**9))
def test_no_cut_bundle_passes(published: tuple[Publication, Sources, bytes], length: int) -> None:
    made, sources, bundle = published
    assert verdict(made, sources, bundle[: length % len(bundle)]) == "fail"


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.text(max_size=5),
    st.just("0x"),
    st.just("ab" * 32),
    st.just([]),
    st.just({}),
    st.just([{}]),
    st.just({"kind": "anchor"}),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value in a JSON value."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield (*path, key)
        yield from places(child, (*path, key))


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10**9), VALUES, st.sampled_from(["replace", "delete", "repeat"]))
def test_no_replaced_value_passes_or_raises_anything_foreign(
    published: tuple[Publication, Sources, bytes], at: int, new: Any, how: str
) -> None:
    made, sources, data = published
    bundle = json.loads(data)
    ways = list(places(bundle))
    *way, last = ways[at % len(ways)]
    here = bundle
    for key in way:
        here = here[key]
    if how == "delete":
        del here[last]
    elif how == "repeat" and isinstance(here, list):
        here.append(here[last])
    else:
        here[last] = new
    changed = json.dumps(bundle).encode()
    # A bundle may leave the record out: the files stay what they are, and the record is listed as missing. So it may
    # the state proof: nodes are asked instead.
    if how == "delete" and last == "state":
        return
    if json.loads(changed) != json.loads(data) and bundle.get("record", "absent") is not None:
        assert verdict(made, sources, changed) != "pass"
