"""Makes the golden packages of the registry's later acts: members of a batch, and an anchor sent by a relay.

    python tests/golden/make_registry.py NEW_FOLDER

As `make.py`: through the real pipeline, once, and frozen once committed.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from make import ARCHIVE, WAIVED, Bundle, record

NAMES = ("first", "second", "third")
EVIDENCE = """\
evidence:
  - {id: prices, kind: fact-table, title: {en: Prices}, path: evidence/prices.csv, media_type: text/csv}
"""


def main(out: Path) -> None:
    if out.exists():
        raise SystemExit(f"{out}: is there already, and golden packages are never made again")
    with tempfile.TemporaryDirectory() as base:
        made = Path(base) / "made"
        made.mkdir()
        cases = publish_all(Path(base), made)
        shutil.copyfile(Path(base) / "workspace" / "trust.json", made / "trust.json")
        (made / "waive-header.json").write_text(json.dumps(WAIVED) + "\n")
        cases += tampered(made)
        (made / "expected.json").write_text(json.dumps(cases, indent=1, ensure_ascii=False) + "\n")
        files = sorted(p for p in made.rglob("*") if p.is_file())
        sums = [f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.relative_to(made).as_posix()}\n" for p in files]
        (made / "SHA256SUMS").write_text("".join(sums))
        shutil.copytree(made, out)


def publish_all(base: Path, made: Path) -> list[dict[str, Any]]:
    workspace = base / "workspace"

    def run(*arguments: str) -> Any:
        done = subprocess.run(
            [*ARCHIVE, *arguments, "--json", "--workspace", str(workspace)],
            env={**os.environ, "ARCHIVE_WALLET_PASSWORD": "made for golden packages"},
            cwd=base,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"{arguments}: {done.stdout}{done.stderr}")
        return json.loads(done.stdout)

    def keep(name: str, bundle: str, content_id: str) -> None:
        (made / name).mkdir()
        shutil.copyfile(bundle, made / name / "bundle.proof.json")
        shutil.copyfile(workspace / "store" / "packages" / f"{content_id}.car", made / name / "package.car")

    folders = [dossier(base, name) for name in NAMES]
    published = run("publish", *folders, "--batch", "--yes")
    cases: list[dict[str, Any]] = []
    for name, package in zip(NAMES, published["packages"], strict=True):
        keep(name, package["bundle"], package["content_id"])
        cases += expected(name, package["root"], package["content_id"])
    address = run("wallet", "new")["address"]
    signed = run("sign", "anchor", dossier(base, "relayed"), "--network", "local", "--out", "request.json")
    run("relay", "request.json", "--network", "local", "--yes")
    run("reanchor", signed["bundle"], "--network", "local", "--yes")
    run("trust", "add", "publisher", address, "--name", "Golden writer")
    content_id = json.loads(Path(signed["bundle"]).read_bytes())["content_id"]
    keep("relayed", signed["bundle"], content_id)
    return cases + expected("relayed", signed["root"], content_id)


def dossier(base: Path, name: str) -> str:
    folder = base / name
    (folder / "evidence").mkdir(parents=True)
    (folder / "evidence" / "prices.csv").write_bytes(f"time,price\n00:00:01,0.10\n# {name}\n".encode())
    (folder / "incident.yaml").write_text(record(f"2000-01-01-golden-{name}", EVIDENCE), encoding="utf-8")
    return str(folder)


def expected(name: str, root: str, content_id: str) -> list[dict[str, Any]]:
    same = {"bundle": f"{name}/bundle.proof.json", "root": root, "content_id": content_id}
    files = [f"{name}/package.car"]
    return [
        {**same, "files": files, "policy": "waive-header.json", "verdict": "pass", "lacking": []},
        {**same, "files": files, "verdict": "incomplete", "lacking": ["chain.header"]},
    ]


def tampered(made: Path) -> list[dict[str, Any]]:
    """Bundles that must fail or be refused for ever, each changed in one thing."""
    first: Bundle = json.loads((made / "first" / "bundle.proof.json").read_text())
    second: Bundle = json.loads((made / "second" / "bundle.proof.json").read_text())
    relayed: Bundle = json.loads((made / "relayed" / "bundle.proof.json").read_text())
    [own], [others], [sent] = first["anchors"], second["anchors"], relayed["anchors"]

    def path_of_another(a: dict[str, Any]) -> None:
        a.update(path=others["path"], index=others["index"])

    def node(a: dict[str, Any]) -> None:
        a["path"] = ["ab" * 32, *a["path"][1:]]

    def short(a: dict[str, Any]) -> None:
        a["path"] = a["path"][:-1]

    def long(a: dict[str, Any]) -> None:
        a["path"] = [*a["path"], "ab" * 32]

    def index(a: dict[str, Any]) -> None:
        a["index"] = (a["index"] + 1) % a["count"]

    def outside(a: dict[str, Any]) -> None:
        a["index"] = a["count"]

    def count(a: dict[str, Any]) -> None:
        a["count"] += 1

    def bare(a: dict[str, Any]) -> None:
        for key in ("path", "index", "count"):
            del a[key]
        a["kind"] = "anchor"

    def no_path(a: dict[str, Any]) -> None:
        del a["path"]

    def as_batch(a: dict[str, Any]) -> None:
        a.update(kind="batch", path=[], index=0, count=1)

    def request(a: dict[str, Any]) -> None:
        a["transaction"]["raw"] = a["transaction"]["raw"][:-2] + "ff"

    changes: list[tuple[str, Bundle, dict[str, Any], Callable[[dict[str, Any]], None], list[str]]] = [
        ("path-of-another-member", first, own, path_of_another, ["anchor.log"]),
        ("path-node-altered", first, own, node, ["anchor.log"]),
        ("path-too-short", first, own, short, ["anchor.log"]),
        ("path-too-long", first, own, long, ["anchor.log"]),
        ("index-of-another-member", first, own, index, ["anchor.log"]),
        ("index-outside", first, own, outside, ["anchor.log"]),
        ("count-lies", first, own, count, ["anchor.batch_count"]),
        ("batch-as-anchor", first, own, bare, ["anchor.log_topic"]),
        ("batch-without-path", first, own, no_path, ["anchor.log"]),
        ("anchor-as-batch", relayed, sent, as_batch, ["anchor.log_topic"]),
        ("request-altered", relayed, sent, request, ["anchor.tx_hash"]),
    ]
    folder = made / "altered"
    folder.mkdir()
    cases = []
    for name, bundle, anchor, change, failed in changes:
        bent = json.loads(json.dumps(anchor))
        change(bent)
        text = json.dumps({**bundle, "anchors": [bent]}, ensure_ascii=False, separators=(",", ":"))
        (folder / f"{name}.proof.json").write_text(text)
        package = "relayed" if bundle is relayed else "first"
        case = {"bundle": f"altered/{name}.proof.json", "files": [f"{package}/package.car"]}
        cases.append({**case, "verdict": "fail", "failed": failed})
    return cases


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
