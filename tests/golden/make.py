"""Makes a generation of golden packages: small test packages that must verify for ever.

    python tests/golden/make.py NEW_FOLDER

They go through the real pipeline (`archive publish` on the embedded chain of a fresh workspace), so what is written is
what a user of this version publishes. A folder that exists is never touched: once committed, a generation is frozen,
and a later format or schema makes a new one beside it. What each case must come to is in `expected.json`.

All content is made up for tests; nothing here is an incident.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

ARCHIVE = [sys.executable, "-c", "from archive.cli.main import main; main()"]
PLAIN, VEILED, BARE = "2000-01-01-golden-plain", "2000-01-01-golden-veiled", "2000-01-01-golden-bare"
WAIVED = {"format": "incident-archive-policy/1", "waive": ["chain.header"]}
# More than one chunk of 1 MiB, and as repetitive as git likes it.
LARGE = b"".join(b"%08d,0.%04d\n" % (n, n % 10_000) for n in range(72_000))

Bundle = dict[str, Any]


def record(incident: str, evidence: str, *, revision: int = 1, supersedes: str | None = None) -> str:
    lines = [
        'schema_version: "1"',
        f"id: {incident}",
        "title: {en: A golden test package, zh-Hans: 测试样本}",
        "summary: {en: Made up for tests. No incident., zh-Hans: 仅供测试，并非事件。}",
        "occurred: {start: 2000-01-01T00:00:00Z, end: 2000-01-01T00:01:00Z, precision: second, time_zone: UTC}",
        "venues: [{id: venue-a, name: {en: Venue A}, kind: exchange}]",
        "parties: [{id: party-a, name: {en: Party A}, kind: person}]",
        f"revision: {revision}",
    ]
    if supersedes:
        lines.append(f"supersedes: {supersedes}")
    lines.append("revisions:")
    lines += [f"  - {{revision: {n}, reason: {{en: Reason {n}.}}}}" for n in range(1, revision + 1)]
    return "\n".join(lines) + "\n" + evidence


PLAIN_EVIDENCE = """\
evidence:
  - {id: prices, kind: fact-table, title: {en: Prices}, path: evidence/prices.csv, media_type: text/csv}
  - {id: note, kind: document, title: {en: A note}, path: evidence/笔记.txt, media_type: text/plain}
"""
LARGE_EVIDENCE = """\
  - {id: large, kind: fact-table, title: {en: Large}, path: evidence/deep/er/large.csv, media_type: text/csv}
"""
VEILED_EVIDENCE = """\
evidence:
  - {id: prices, kind: fact-table, title: {en: Prices}, path: evidence/prices.csv, media_type: text/csv}
  - {id: hidden, kind: fact-table, path: evidence/hidden.csv, media_type: text/csv, withheld: true}
  - id: elsewhere
    kind: document
    media_type: text/plain
    reference: {sha256: "abababababababababababababababababababababababababababababababab", size: 7}
"""
PRICES = b"time,price\n00:00:01,0.10\n00:00:02,0.001\n"


def main(out: Path) -> None:
    if out.exists():
        raise SystemExit(f"{out}: is there already, and golden packages are never made again")
    with tempfile.TemporaryDirectory() as base:
        made = Path(base) / "made"
        made.mkdir()
        workspace = Path(base) / "workspace"
        cases = publish_all(Path(base), workspace, made)
        shutil.copyfile(workspace / "trust.json", made / "trust.json")
        (made / "waive-header.json").write_text(json.dumps(WAIVED) + "\n")
        cases += tampered(made)
        (made / "expected.json").write_text(json.dumps(cases, indent=1, ensure_ascii=False) + "\n")
        files = sorted(p for p in made.rglob("*") if p.is_file())
        sums = [f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.relative_to(made).as_posix()}\n" for p in files]
        (made / "SHA256SUMS").write_text("".join(sums))
        shutil.copytree(made, out)


def publish_all(base: Path, workspace: Path, made: Path) -> list[dict[str, Any]]:
    files = {"prices.csv": PRICES, "笔记.txt": "拒绝 is 'rejected'.\n".encode()}
    first = record(PLAIN, PLAIN_EVIDENCE + LARGE_EVIDENCE)
    plain = publish(base, workspace, made, "plain", first, {**files, "deep/er/large.csv": LARGE})
    second = record(PLAIN, PLAIN_EVIDENCE, revision=2, supersedes=plain["root"])
    changed = {**files, "prices.csv": PRICES + b"00:00:03,0.002\n"}
    later = publish(base, workspace, made, "plain-second", second, changed)
    hidden = {"prices.csv": PRICES, "hidden.csv": b"account,loss\n1,2\n"}
    veiled = publish(base, workspace, made, "veiled", record(VEILED, VEILED_EVIDENCE), hidden)
    bare = publish(base, workspace, made, "bare", record(BARE, ""), {})
    cases = []
    for name, result in (("plain", plain), ("plain-second", later), ("veiled", veiled), ("bare", bare)):
        same = {"bundle": f"{name}/bundle.proof.json", "root": result["root"], "content_id": result["content_id"]}
        files_of = [f"{name}/package.car"]
        cases += [
            {**same, "files": files_of, "policy": "waive-header.json", "verdict": "pass", "lacking": []},
            {**same, "files": files_of, "verdict": "incomplete", "lacking": ["chain.header"]},
            {
                **same,
                "files": files_of,
                "trust": None,
                "verdict": "incomplete",
                "lacking": ["anchor.registry", "chain.header", "origin.trusted"],
            },
        ]
    return cases


def publish(base: Path, workspace: Path, made: Path, name: str, text: str, files: dict[str, bytes]) -> dict[str, Any]:
    dossier = base / name
    for path, data in files.items():
        target = dossier / "evidence" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    dossier.mkdir(exist_ok=True)
    (dossier / "incident.yaml").write_text(text, encoding="utf-8")
    command = [*ARCHIVE, "publish", str(dossier), "--yes", "--json", "--workspace", str(workspace)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{name}: {done.stdout}{done.stderr}")
    result: dict[str, Any] = json.loads(done.stdout)
    (made / name).mkdir()
    shutil.copyfile(result["bundle"], made / name / "bundle.proof.json")
    shutil.copyfile(workspace / "store" / "packages" / f"{result['content_id']}.car", made / name / "package.car")
    return result


def tampered(made: Path) -> list[dict[str, Any]]:
    """Bundles that must fail or be refused for ever, each changed in one thing from `plain`."""
    plain: Bundle = json.loads((made / "plain" / "bundle.proof.json").read_text())
    second: Bundle = json.loads((made / "plain-second" / "bundle.proof.json").read_text())

    def other_root(b: Bundle) -> None:
        b["root"] = "ab" * 32

    def leaf_count(b: Bundle) -> None:
        b["entries"][0]["leaf_count"] += 1

    def entry_hash(b: Bundle) -> None:
        b["entries"][2]["sha256"] = "cd" * 32

    def other_anchor(b: Bundle) -> None:
        b["anchors"] = second["anchors"]

    def header_byte(b: Bundle) -> None:
        header = b["anchors"][0]["block"]["header"]
        b["anchors"][0]["block"]["header"] = header[:-2] + ("00" if header[-2:] != "00" else "01")

    def chain_id(b: Bundle) -> None:
        b["anchors"][0]["chain_id"] = 56

    def no_anchor(b: Bundle) -> None:
        b["anchors"] = []

    def future_anchor(b: Bundle) -> None:
        b["anchors"] = [{"kind": "a-later-kind", "value": "x"}]

    def future_format(b: Bundle) -> None:
        b["format"] = "incident-archive-proof/2"

    def future_entry(b: Bundle) -> None:
        b["entries"][0]["format"] = "incident-archive/2"

    all_lacking = ["anchor.log", "anchor.registry", "chain.header", "origin.publisher", "origin.trusted"]
    changes: list[tuple[str, Callable[[Bundle], None], dict[str, Any]]] = [
        ("other-root", other_root, {"verdict": "fail", "failed": ["merkle"]}),
        ("leaf-count-lies", leaf_count, {"verdict": "fail", "failed": ["anchor.log", "bytes", "content_id", "merkle"]}),
        ("entry-of-another-file", entry_hash, {"verdict": "fail"}),
        ("anchor-of-another-root", other_anchor, {"verdict": "fail", "failed": ["anchor.log"]}),
        ("block-header-altered", header_byte, {"verdict": "fail", "failed": ["anchor.header_hash"]}),
        ("another-chains-anchor", chain_id, {"verdict": "fail", "failed": ["anchor.tx_chain_id"]}),
        ("no-anchor", no_anchor, {"verdict": "incomplete", "lacking": all_lacking}),
        ("anchor-of-a-later-kind", future_anchor, {"verdict": "incomplete", "lacking": all_lacking}),
        ("bundle-of-a-later-format", future_format, {"verdict": "incomplete"}),
        ("package-of-a-later-format", future_entry, {"verdict": "incomplete"}),
    ]
    folder = made / "altered"
    folder.mkdir()
    cases = []
    for name, change, expected in changes:
        bundle = json.loads(json.dumps(plain))
        change(bundle)
        (folder / f"{name}.proof.json").write_text(json.dumps(bundle, ensure_ascii=False, separators=(",", ":")))
        cases.append({"bundle": f"altered/{name}.proof.json", "files": ["plain/package.car"], **expected})
    whole = (made / "plain" / "bundle.proof.json").read_bytes()
    (folder / "truncated.proof.json").write_bytes(whole[: len(whole) // 2])
    cases.append({"bundle": "altered/truncated.proof.json", "files": [], "error": "bundle.truncated"})
    doubled = whole.replace(b'"root":', b'"root":"00","root":', 1)
    (folder / "duplicate-key.proof.json").write_bytes(doubled)
    cases.append({"bundle": "altered/duplicate-key.proof.json", "files": [], "error": "bundle.duplicate_key"})
    car = bytearray((made / "veiled" / "package.car").read_bytes())
    car[-1] ^= 1
    (folder / "flipped-byte.car").write_bytes(bytes(car))
    flipped = {"files": ["altered/flipped-byte.car"], "verdict": "fail", "failed": ["bytes"]}
    cases.append({"bundle": "veiled/bundle.proof.json", **flipped})
    mixed = {"files": ["plain-second/package.car"], "verdict": "fail", "failed": ["bytes"]}
    cases.append({"bundle": "plain/bundle.proof.json", **mixed})
    return cases


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
