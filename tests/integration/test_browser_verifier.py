"""The browser verifier against Python's: the same report, key by key, of golden packages, shared cases, changed ones.

The web verifier is bundled for Node.js (`web/src/cli.ts`) and asked many questions in one process. Not compared are the
words of a parser about bytes that it refuses: the two parsers say it each in their own way, under one code.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest
from pathlib import Path
from random import Random
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from archive.record.dossier import load_dossier
from tests.support import mutations
from tests.support.reports import CASES, Case, cases, report_on
from tools import services

GOLDEN = Path(__file__).parents[1] / "golden"
SHARED = {case.name: case for case in cases()}
# Each has something that the others lack: kinds of anchors, clocks, reveals, recipes, people.
CHANGED = (
    "all files, nobody asked", "anchor: with a state proof", "anchor: batch, first",
    "anchor: a good one and one of another root",
    "consensus: signed by pinned validators", "not before: with a token", "stamps: in Bitcoin, the block not known",
    "table: revealed with its lines", "table: one line", "redacted: empty slots", "redacted: empty slots of JSON lines",
    "redacted: a text with an address left",
    "redacted: a picture", "record: all is well", "findings", "a key that a trusted one named its successor",
    "history: a later revision", "policy: endorsers", "a CAR of the package", "a referenced file, given",
)  # fmt: skip
CHANGES_OF_EACH = 20
_CODE = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+\Z")


@dataclass
class Browser:
    """The web verifier in a Node.js process that answers one line with one line."""

    process: subprocess.Popen[str]

    def report_on(
        self, bundle: Path, given: Sequence[Path] = (), *, trust: Path | None = None, policy: Path | None = None
    ) -> dict[str, Any]:
        named = [*(["--trust", str(trust)] if trust else []), *(["--policy", str(policy)] if policy else [])]
        writer, reader = self.process.stdin, self.process.stdout
        assert writer is not None
        assert reader is not None
        writer.write(json.dumps([str(bundle), *map(str, given), *named]) + "\n")
        writer.flush()
        answer: dict[str, Any] = json.loads(reader.readline())
        return answer


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled command line of the web verifier."""
    try:
        services.require("web")
    except services.ToolMissing as missing:
        if os.environ.get("CI"):
            pytest.fail(str(missing), pytrace=False)
        pytest.skip(str(missing))
    out = tmp_path_factory.mktemp("web") / "verifier-cli.mjs"
    command = ["node", "node_modules/esbuild/bin/esbuild", "src/cli.ts", "--bundle", "--platform=node", "--format=esm"]
    command += ["--target=node20", "--log-level=warning", f"--outfile={out}"]
    subprocess.run(command, cwd=services.WEB, check=True, capture_output=True, timeout=120)
    return out


@pytest.fixture(scope="module")
def browser(cli: Path) -> Iterator[Browser]:
    with subprocess.Popen(
        ["node", str(cli), "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as node:
        yield Browser(node)
        assert node.stdin is not None
        node.stdin.close()


def compared(report: dict[str, Any]) -> dict[str, Any]:
    """What must be equal: all of a report but a parser's own words; of an error its code."""
    if "error" in report:
        return {"error": report["error"]["code"]}
    checks = [{**check, "note": None} if _is_parsers(check) else check for check in report["checks"]]
    return {**report, "checks": checks}


def _is_parsers(check: dict[str, Any]) -> bool:
    return check["code"] in ("package.format", "bundle.unknown_format", "bundle.unknown_key") or bool(
        check["found"] and _CODE.match(check["found"])
    )


def hold(python: dict[str, Any], web: dict[str, Any], what: str) -> None:
    hold_equal(compared(python), compared(web) if "crash" not in web else web, what)


def hold_equal(one: dict[str, Any], two: dict[str, Any], what: str) -> None:
    if one != two:
        found = "\n".join(f"{path}: python {a!r}, web {b!r}" for path, a, b in islice(_differences(one, two), 12))
        pytest.fail(f"{what}:\n{found}", pytrace=False)


def _differences(a: Any, b: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    if isinstance(a, dict) and isinstance(b, dict):
        for key in {**a, **b}:
            yield from _differences(a.get(key), b.get(key), f"{path}/{key}")
    elif isinstance(a, list) and isinstance(b, list):
        for index, pair in enumerate(zip_longest(a, b)):
            yield from _differences(*pair, f"{path}/{index}")
    elif a != b:
        yield path, a, b


def golden() -> Iterator[Any]:
    for expected in sorted(GOLDEN.glob("*/expected.json")):
        for number, case in enumerate(json.loads(expected.read_text(encoding="utf-8"))):
            yield pytest.param(expected.parent, case, id=f"{expected.parent.name}-{number}")


@pytest.mark.parametrize(("folder", "case"), list(golden()))
def test_golden_packages(browser: Browser, folder: Path, case: dict[str, Any]) -> None:
    given = [folder / name for name in case["files"]]
    trust = case.get("trust", "trust.json")
    asked = {
        "trust": folder / trust if trust else None,
        "policy": folder / case["policy"] if "policy" in case else None,
    }
    bundle = folder / case["bundle"]
    hold(report_on(bundle, given, **asked), browser.report_on(bundle, given, **asked), case["bundle"])


def run(case: Case, folder: Path, browser: Browser, what: str) -> None:
    """One case, as it lies in the folder."""
    given = [folder / name for name in case.given]
    asked = {
        "trust": folder / case.trust if case.trust else None,
        "policy": folder / case.policy if case.policy else None,
    }
    bundle = folder / case.bundle
    hold(report_on(bundle, given, **asked), browser.report_on(bundle, given, **asked), what)


def test_the_shared_cases_word_by_word(browser: Browser, tmp_path: Path) -> None:
    for number, case in enumerate(SHARED.values()):
        case.lay_out(tmp_path / str(number))
        run(case, tmp_path / str(number), browser, case.name)


@pytest.mark.parametrize("name", CHANGED)
def test_changed_bundles(browser: Browser, tmp_path: Path, name: str) -> None:
    """The bundle, or a file beside it, changed in one place: both must say the same of it."""
    case = SHARED[name]
    for seed in range(CHANGES_OF_EACH):
        random = Random(f"{name} {seed}")
        folder = tmp_path / str(seed)
        case.lay_out(folder)
        # Mostly the bundle; what lies beside it has its turn too.
        target = case.bundle if random.random() < 0.6 else random.choice(sorted(case.files))
        data = (CASES.parent / case.files[target]).read_bytes()
        if target.endswith(".json") and random.random() < 0.85:
            with contextlib.suppress(ValueError):
                data = mutations.to_bytes(mutations.change_json(json.loads(data), random))
        else:
            data = mutations.change_bytes(data, random)
        (folder / target).write_bytes(data)
        run(case, folder, browser, f"{name}, {target} changed with seed {seed}")
        shutil.rmtree(folder)


@pytest.mark.parametrize("dossier", sorted(p.name for p in (CASES.parents[3] / "incidents").iterdir() if p.is_dir()))
def test_changed_records(browser: Browser, tmp_path: Path, dossier: str) -> None:
    """Records as people write them, changed in one place: the same faults under the same codes."""
    case = SHARED["all files, nobody asked"]
    case.lay_out(tmp_path)
    bundle = json.loads((tmp_path / case.bundle).read_bytes())
    record = load_dossier(CASES.parents[3] / "incidents" / dossier).value
    for seed in range(3 * CHANGES_OF_EACH):
        changed = mutations.change_json(record, Random(f"{dossier} {seed}")) if seed else record
        (tmp_path / case.bundle).write_bytes(mutations.to_bytes({**bundle, "record": changed}))
        run(case, tmp_path, browser, f"{dossier} changed with seed {seed}")


def test_the_command_line_answers_like_the_process(cli: Path, tmp_path: Path) -> None:
    case = SHARED["all files, the block not asked for"]
    case.lay_out(tmp_path)
    command = ["node", str(cli), case.bundle, *case.given, "--trust", str(case.trust), "--policy", str(case.policy)]
    done = subprocess.run([*command, "--json"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, json.loads(done.stdout)["verdict"]) == (0, "pass")
