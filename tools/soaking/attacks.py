"""Tampering: no change to a bundle or to the files beside it lets `archive verify` say more than it should."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools.soaking import samples
from tools.soaking.harness import Case, Failure, Run
from tools.soaking.mutate import json_bytes, spoil_bytes, spoil_json

_VERDICTS = {0: "pass", 1: "fail", 3: "incomplete"}


def _verify(published: samples.Published, bundle: Path, files: Path, folder: Path) -> tuple[str, dict[str, Any]]:
    done = samples.archive(
        published.workspace, "verify", str(bundle), str(files), "--offline", "--json", cwd=folder, expect=None
    )
    if done.code not in _VERDICTS:
        raise Failure(f"verify: exit {done.code}\n{done.out[-2000:]}\n{done.err[-2000:]}")
    answer = done.json()
    verdict = str(answer.get("verdict") or f"refused {answer['error']['code']}")
    if "verdict" in answer and verdict != _VERDICTS[done.code]:
        raise Failure(f"verdict {verdict} with exit code {done.code}")
    return verdict, answer


@contextlib.contextmanager
def _open_bundle(shared: Path) -> Iterator[Run]:
    published = samples.published()
    files = shared / "files"
    samples.archive(published.workspace, "get", str(published.result["content_id"]), str(files), cwd=shared)
    original = published.bundle.read_bytes()
    verdict, _ = _verify(published, published.bundle, files, shared)
    if verdict != "pass":
        raise Failure(f"the untouched bundle gives {verdict} in the workspace that made it")

    def run(rng: random.Random, folder: Path) -> str:
        spoiled = (
            json_bytes(rng, spoil_json(rng, json.loads(original))) if rng.random() < 0.8 else spoil_bytes(rng, original)
        )
        bundle = folder / "spoiled.proof.json"
        bundle.write_bytes(spoiled)
        verdict, answer = _verify(published, bundle, files, folder)
        if verdict == "pass" and not _means_the_same(original, spoiled):
            raise Failure(f"a changed bundle passes:\n{spoiled.decode(errors='replace')[:3000]}\n{answer}")
        return verdict

    yield run


def _means_the_same(original: bytes, spoiled: bytes) -> bool:
    """A bundle may pass when root, content, leaves and the record are what they were; spare anchors are no lie."""
    before, after = json.loads(original), json.loads(spoiled)
    same = all(before[key] == after.get(key) for key in ("format", "root", "content_id", "entries", "directory"))
    anchors = [anchor for anchor in after.get("anchors", []) if anchor in before["anchors"]]
    return same and after.get("record") in (before["record"], None) and bool(anchors)


@contextlib.contextmanager
def _open_files(shared: Path) -> Iterator[Run]:
    published = samples.published()
    original = shared / "files"
    samples.archive(published.workspace, "get", str(published.result["content_id"]), str(original), cwd=shared)
    paths = sorted(path.relative_to(original) for path in original.rglob("*") if path.is_file())

    def run(rng: random.Random, folder: Path) -> str:
        files = folder / "files"
        shutil.copytree(original, files)
        victim = files / rng.choice(paths)
        before = victim.read_bytes()
        after = spoil_bytes(rng, before, before)
        victim.write_bytes(after)
        verdict, answer = _verify(published, published.bundle, files, folder)
        wanted = "pass" if after == before else "fail"
        if verdict != wanted:
            raise Failure(f"{victim.name} changed: {after != before}, verdict {verdict}, not {wanted}: {answer}")
        if wanted == "fail" and not any(check["status"] == "fail" for check in answer["checks"]):
            raise Failure(f"the verdict is fail and no check is: {answer}")
        return verdict

    yield run


CASES = (
    Case("tamper-bundle", "no changed bundle passes", 400, 4, _open_bundle),
    Case("tamper-files", "every changed byte of a file is found, and an unchanged copy passes", 400, 4, _open_files),
)
