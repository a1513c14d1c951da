"""The locks hold what pyproject.toml asks for, by hash, and name no place to fetch from."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

PROJECT = Path(__file__).resolve().parents[3]
PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))


def _wanted(*extras: str) -> list[Requirement]:
    """Base requirements and those of the extras; an extra may name others of this project."""
    texts = list(PYPROJECT["project"]["dependencies"])
    open_, seen = list(extras), set(extras)
    while open_:
        for text in PYPROJECT["project"]["optional-dependencies"][open_.pop()]:
            requirement = Requirement(text)
            if requirement.name != PYPROJECT["project"]["name"]:
                texts.append(text)
                continue
            open_ += requirement.extras - seen
            seen |= requirement.extras
    return [Requirement(text) for text in texts]


def _locked(name: str) -> dict[str, list[str]]:
    versions: dict[str, list[str]] = {}
    for line in (PROJECT / name).read_text(encoding="utf-8").splitlines():
        if match := re.match(r"([a-z0-9][a-z0-9._-]*)==(\S+)", line):
            versions.setdefault(match[1], []).append(match[2])
    return versions


@pytest.mark.parametrize(
    ("lock", "extras"), [("requirements.lock", ("dev",)), ("requirements-publish.lock", ("publish",))]
)
def test_lock_satisfies_pyproject(lock: str, extras: tuple[str, ...]) -> None:
    locked = _locked(lock)
    for requirement in _wanted(*extras):
        name = re.sub(r"[-_.]+", "-", requirement.name).lower()
        assert name in locked, f"{requirement} is not in {lock}; run: make lock"
        for version in locked[name]:
            assert requirement.specifier.contains(version, prereleases=True), f"{lock}: {name} {version}: make lock"


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-publish.lock"])
def test_every_version_is_locked_by_hash_and_no_address_is_named(lock: str) -> None:
    text = (PROJECT / lock).read_text(encoding="utf-8")
    assert "://" not in text
    assert "--index" not in text
    for block in re.findall(r"^[a-z0-9][^\n]*==(?:[^\n]*\\\n)*[^\n]*", text, re.MULTILINE):
        assert "--hash=sha256:" in block, block


def test_publish_lock_is_a_part_of_the_whole_lock() -> None:
    whole, part = _locked("requirements.lock"), _locked("requirements-publish.lock")
    assert {name: versions for name, versions in part.items() if whole.get(name) != versions} == {}


def test_npm_lock_is_whole_and_names_no_address() -> None:
    lock = json.loads((PROJECT / "tools" / "node" / "package-lock.json").read_text(encoding="utf-8"))
    package = json.loads((PROJECT / "tools" / "node" / "package.json").read_text(encoding="utf-8"))
    for path, entry in lock["packages"].items():
        if path:
            assert "resolved" not in entry, path
            assert entry.get("integrity", "").startswith("sha512-"), path
    for name, version in package["dependencies"].items():
        assert lock["packages"][f"node_modules/{name}"]["version"] == version
