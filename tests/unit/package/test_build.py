from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from archive.errors import InvalidInputError
from archive.package import build, canonical, contents, hashing, manifest
from archive.package import seal as seals
from archive.package.seal import Seal

MakeInput = Callable[..., build.PackageInput]


def code_of(inputs: build.PackageInput, seal: Seal) -> str:
    with pytest.raises(InvalidInputError) as caught:
        build.build_package(inputs, seal)
    return caught.value.code


def test_a_package_is_what_the_format_says(make_input: MakeInput, seal: Seal) -> None:
    inputs = make_input({"evidence/b": b"2", "evidence/a": b"11", "evidence/é/x": b""})
    package = build.build_package(inputs, seal)
    parsed = manifest.parse_manifest(package.manifest_json)
    assert parsed == package.manifest
    assert parsed.root() == package.root
    assert [entry.path for entry in parsed.evidence] == ["evidence/a", "evidence/b", "evidence/é/x"]
    assert parsed.record.sha256 == hashlib.sha256(package.record_json).hexdigest()
    assert canonical.loads_canonical(package.record_json, max_bytes=10_000) == inputs.record
    assert [path for path, _, _ in package.directory] == contents.expected_paths(parsed)
    assert contents.check_directory(parsed, package.directory) == package.content_id
    assert package.content_id == contents.content_id_of(package.directory)
    assert len(package.content_digest) == 32
    assert package.header.publisher == seal.publisher
    assert set(package.sources) == {"evidence/a", "evidence/b", "evidence/é/x"}


def test_the_same_dossier_and_seal_give_the_same_package(make_input: MakeInput, seal: Seal) -> None:
    files = {"evidence/a": b"1", "evidence/b": b"2", "evidence/c": b"3"}
    one = build.build_package(make_input(files, ["evidence/b"]), seal)
    inputs = make_input(files, ["evidence/b"])
    two = build.build_package(replace(inputs, evidence=tuple(reversed(inputs.evidence))), seal)
    assert (one.root, one.content_id, one.manifest_json) == (two.root, two.content_id, two.manifest_json)


def test_the_seed_matters_only_for_what_is_withheld(make_input: MakeInput) -> None:
    one, two = Seal(bytes(32)), Seal(bytes([1]) * 32)
    opened = make_input()
    assert build.build_package(opened, one) == build.build_package(opened, two)
    hidden = make_input(withheld=["evidence/a.csv"])
    assert build.build_package(hidden, one).root != build.build_package(hidden, two).root


def test_withheld_evidence_shows_only_its_commitment(make_input: MakeInput, seal: Seal) -> None:
    inputs = make_input(
        {"evidence/secret-name.txt": b"secret", "evidence/open.txt": b"o"}, ["evidence/secret-name.txt"]
    )
    package = build.build_package(inputs, seal)
    (item,) = package.withheld
    assert item.commitment == seals.commitment(seals.salt(seal.seed, 1, "e0"), item.entry)
    record = json.loads(package.record_json)
    assert record["evidence"][0] == {"id": "e0", "withheld": True, "commitment": item.commitment}
    assert record["evidence"][1]["note"] == "as given"
    for shown in (package.record_json, package.manifest_json, repr(package.directory).encode()):
        assert b"secret" not in shown
        assert hashlib.sha256(b"secret").hexdigest().encode() not in shown
    assert "evidence/secret-name.txt" not in package.sources


def test_another_revision_has_other_commitments(make_input: MakeInput, seal: Seal) -> None:
    first = make_input(withheld=["evidence/a.csv"])
    second = replace(first, revision=2, previous_root="0" * 64)
    one, two = build.build_package(first, seal), build.build_package(second, seal)
    assert one.withheld[0].entry == two.withheld[0].entry
    assert one.withheld[0].commitment != two.withheld[0].commitment


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({"evidence/../x": b""}, "manifest.path_dots"),
        ({"record.json": b""}, "manifest.path_reserved"),
        ({"evidence/a": b"", "evidence/A": b""}, "manifest.path_collision"),
        ({"evidence\\a": b""}, "manifest.path_characters"),
    ],
)
def test_bad_paths(make_input: MakeInput, seal: Seal, files: dict[str, bytes], code: str) -> None:
    assert code_of(make_input(files), seal) == code


def _evidence(inputs: build.PackageInput, **changes: Any) -> build.PackageInput:
    return replace(inputs, evidence=(replace(inputs.evidence[0], **changes), *inputs.evidence[1:]))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda i: _evidence(i, id="e1"), "manifest.duplicate_id"),
        (lambda i: _evidence(i, path="evidence/deep/b.txt"), "manifest.duplicate_path"),
        (lambda i: _evidence(i, path="evidence/deep"), "manifest.path_conflict"),
        (lambda i: _evidence(i, media_type="csv"), "manifest.bad_value"),
        (lambda i: _evidence(i, source=Path("/nonexistent")), "package.missing_file"),
        (lambda i: _evidence(i, id="other", withheld=True), "package.withheld_not_in_record"),
        (lambda i: replace(i, incident="Other"), "package.incident_mismatch"),
        (lambda i: replace(i, revision=0), "manifest.bad_value"),
        (lambda i: replace(i, previous_root="0" * 64), "manifest.bad_value"),
        (lambda i: replace(i, record={**i.record, "price": 1.5}), "canonical.float"),
        (lambda i: replace(i, record={**i.record, "t": "e\u0301"}), "canonical.not_nfc"),
        (lambda i: replace(i, record={**i.record, "t": "x" * 5_000_000}), "package.record_too_large"),
        (
            lambda i: replace(i, record={**i.record, "evidence": [{"id": "e0", "withheld": True}]}),
            "package.withheld_missing",
        ),
    ],
)
def test_bad_input(make_input: MakeInput, seal: Seal, change: Any, code: str) -> None:
    assert code_of(change(make_input()), seal) == code


def test_directory_listing_is_held_against_the_manifest(make_input: MakeInput, seal: Seal) -> None:
    big = bytes(1024 * 1024 + 1)
    package = build.build_package(make_input({"evidence/a": b"1", "evidence/big": big}), seal)
    rows = list(package.directory)
    small = hashing.digest_bytes(b"other")

    def codes(changed: list[tuple[str, str, int]]) -> list[str]:
        with pytest.raises(InvalidInputError) as caught:
            contents.check_directory(package.manifest, changed)
        return [problem.code for problem in caught.value.problems] or [caught.value.code]

    assert codes(rows[1:]) == ["package.missing_file"]
    assert codes([*rows, ("evidence/more", small.cid, 5)]) == ["package.unexpected_file"]
    assert codes([*rows, rows[0]]) == ["package.duplicate_path"]
    for index in range(len(rows)):
        assert codes([*rows[:index], (rows[index][0], small.cid, 5), *rows[index + 1 :]]) == ["package.cid_mismatch"]
    assert codes([(rows[0][0], "bad", 5), *rows[1:]]) == ["package.cid_mismatch"]
    assert codes([("x", small.cid, 5)]) == ["package.missing_file"] * 4 + ["package.unexpected_file"]


PYTHONS = [Path.home() / ".pyenv" / "versions" / version / "bin" / "python" for version in ("3.12.1", "3.13.0")]


@pytest.mark.parametrize("python", PYTHONS, ids=lambda path: path.parts[-3])
def test_another_python_makes_the_same_package(make_input: MakeInput, seal: Seal, tmp_path: Path, python: Path) -> None:
    """Other Unicode tables, other hash seeds: the bytes are the same. Only rfc8785, pure Python, is lent to it."""
    if not python.exists():
        pytest.skip(f"{python} is not installed")
    package = build.build_package(make_input(withheld=["evidence/a.csv"]), seal)
    script = f"""
import sys
from pathlib import Path
sys.path[:0] = {[str(Path(build.__file__).parents[2]), str(tmp_path / "lib")]!r}
from archive.package import build, seal
evidence = tuple(
    build.EvidenceInput(f"e{{n}}", path, "text/plain", Path({str(tmp_path)!r}) / "dossier" / path, n == 0)
    for n, path in enumerate(["evidence/a.csv", "evidence/deep/b.txt"])
)
record = {{
    "id": "2025-10-11-test",
    "title": {{"en": "Test", "zh-Hans": "\\u6d4b\\u8bd5"}},
    "evidence": [{{"id": e.id, "path": e.path, "note": "as given"}} for e in evidence],
}}
inputs = build.PackageInput(record, "2025-10-11-test", 1, None, evidence)
package = build.build_package(inputs, seal.Seal(bytes(range(32)), "0x" + "ab" * 20))
print(package.root, package.content_id)
"""
    (tmp_path / "lib").mkdir()
    import rfc8785

    (tmp_path / "lib" / "rfc8785").symlink_to(Path(rfc8785.__file__).parent)
    environment = {**os.environ, "PYTHONHASHSEED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    result = subprocess.run(
        [str(python), "-c", script], capture_output=True, text=True, env=environment, check=False, cwd=tmp_path
    )
    assert result.stderr == ""
    assert result.stdout.split() == [package.root, package.content_id]


def test_the_package_code_needs_no_network_and_no_upper_layer() -> None:
    script = (
        "import sys; import archive.package.car, archive.package.contents; "
        "print([m for m in sys.modules if m.split('.')[0] in ('socket', 'requests', 'web3', 'pydantic')"
        " or m.startswith('archive.') and m.split('.')[1] not in ('package', 'errors', 'partial')])"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
