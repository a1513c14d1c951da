"""Makes the golden package of a withheld table whose lines are committed to, with reveals of the file and of one line.

    python tests/golden/make_rows.py NEW_FOLDER

As `make.py`: through the real pipeline, once, and frozen once committed.
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

sys.path.insert(0, str(Path(__file__).resolve().parent))

from make import ARCHIVE, PRICES, WAIVED, publish, record

NAME = "2000-01-01-golden-rows"
EVIDENCE = """\
evidence:
  - {id: prices, kind: fact-table, title: {en: Prices}, path: evidence/prices.csv, media_type: text/csv}
  - {id: losses, kind: losses, path: evidence/losses.csv, media_type: text/csv, withheld: true, rows: true}
  - {id: secret, kind: document, path: evidence/secret.txt, media_type: text/plain, withheld: true}
"""
# Quoted cells with commas, an empty line, a line ending of another system, and a last line without one.
LOSSES = (
    b"account,unit,amount,bound\ntrader-1,USDT,10.5,exact\r\n"
    + b'trader-2,USDT,7,"lower"\n\ntrader-3,USDT,0.000001,exact'
)
LINE = 3


def main(out: Path) -> None:
    if out.exists():
        raise SystemExit(f"{out}: is there already, and golden packages are never made again")
    with tempfile.TemporaryDirectory() as base:
        made = Path(base) / "made"
        made.mkdir()
        cases = publish_and_reveal(Path(base), made)
        shutil.copyfile(Path(base) / "workspace" / "trust.json", made / "trust.json")
        (made / "waive-header.json").write_text(json.dumps(WAIVED) + "\n")
        cases += tampered(made)
        (made / "expected.json").write_text(json.dumps(cases, indent=1, ensure_ascii=False) + "\n")
        files = sorted(p for p in made.rglob("*") if p.is_file())
        sums = [f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.relative_to(made).as_posix()}\n" for p in files]
        (made / "SHA256SUMS").write_text("".join(sums))
        shutil.copytree(made, out)


def publish_and_reveal(base: Path, made: Path) -> list[dict[str, Any]]:
    workspace = base / "workspace"
    files = {"prices.csv": PRICES, "losses.csv": LOSSES, "secret.txt": b"Not for everybody.\n"}
    result = publish(base, workspace, made, "rows", record(NAME, EVIDENCE), files)
    (made / "revealed").mkdir()

    def reveal(file: str, target: str, *options: str) -> None:
        command = ["reveal", str(made / "rows" / "bundle.proof.json"), str(base / "rows" / "evidence" / file)]
        command += ["--out", str(made / "revealed" / target), *options, "--json", "--workspace", str(workspace)]
        done = subprocess.run([*ARCHIVE, *command], capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{target}: {done.stdout}{done.stderr}")

    reveal("losses.csv", "losses.reveal.json")
    reveal("losses.csv", "line.reveal.json", "--row", str(LINE))
    reveal("losses.csv", "first-line.reveal.json", "--row", "1")
    reveal("secret.txt", "secret.reveal.json")
    (made / "revealed" / "losses.csv").write_bytes(LOSSES)
    (made / "revealed" / "secret.txt").write_bytes(files["secret.txt"])
    same = {"bundle": "rows/bundle.proof.json", "root": result["root"], "content_id": result["content_id"]}

    def case(*more: str, **expected: Any) -> dict[str, Any]:
        files_given = ["rows/package.car", *(f"revealed/{name}" for name in more)]
        return {**same, "files": files_given, "policy": "waive-header.json", "verdict": "pass", **expected}

    whole = {"reveal.commitment": "pass", "reveal.bytes": "pass", "reveal.rows": "pass"}
    return [
        case(lacking=[]),
        case("line.reveal.json", checks={"reveal.row": "pass"}),
        case("first-line.reveal.json", checks={"reveal.row": "pass"}),
        case("losses.reveal.json", "losses.csv", checks=whole),
        case("secret.reveal.json", "secret.txt", checks={"reveal.commitment": "pass", "reveal.bytes": "pass"}),
        case("losses.reveal.json", checks={**whole, "reveal.bytes": "unchecked", "reveal.rows": "unchecked"}),
    ]


def tampered(made: Path) -> list[dict[str, Any]]:
    """Reveals that must fail for ever, each changed in one thing; and a package whose number of lines lies."""
    line: dict[str, Any] = json.loads((made / "revealed" / "line.reveal.json").read_text())
    first: dict[str, Any] = json.loads((made / "revealed" / "first-line.reveal.json").read_text())
    whole: dict[str, Any] = json.loads((made / "revealed" / "losses.reveal.json").read_text())
    secret: dict[str, Any] = json.loads((made / "revealed" / "secret.reveal.json").read_text())
    bundle: dict[str, Any] = json.loads((made / "rows" / "bundle.proof.json").read_text())
    folder = made / "altered"
    folder.mkdir()
    cases: list[dict[str, Any]] = []

    def add(name: str, base: dict[str, Any], change: Callable[[dict[str, Any]], Any], failed: str, *files: str) -> None:
        value = json.loads(json.dumps(base))
        change(value)
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        (folder / f"{name}.reveal.json").write_text(text + "\n", encoding="utf-8")
        given = ["rows/package.car", f"altered/{name}.reveal.json", *files]
        cases.append({"bundle": "rows/bundle.proof.json", "files": given, "verdict": "fail", "failed": [failed]})

    other = b"trader-2,USDT,7000,lower".hex()
    add("line-of-other-bytes", line, lambda v: v.update(record=other), "reveal.row")
    add("line-at-another-place", line, lambda v: v.update(index=v["index"] - 1), "reveal.row")
    add("line-with-anothers-salt", line, lambda v: v.update(salt=first["salt"]), "reveal.row")
    add("line-with-anothers-path", line, lambda v: v.update(path=first["path"]), "reveal.row")
    add("path-too-short", line, lambda v: v["path"].pop(), "reveal.row")
    add("number-of-lines-lies", line, lambda v: v.update(rows_count=v["rows_count"] + 1), "reveal.row")
    add("lines-of-another-table", line, lambda v: v.update(rows_root="ab" * 32), "reveal.row")
    add("line-of-no-commitment", line, lambda v: v.update(commitment="cd" * 32), "reveal.commitment")
    add("line-of-another-package", line, lambda v: v.update(root="ab" * 32), "reveal.root")
    add("file-with-anothers-salt", whole, lambda v: v.update(salt=secret["salt"]), "reveal.commitment")
    add("file-of-another-size", whole, lambda v: v["entry"].update(size=1), "reveal.commitment")
    add("file-with-another-key", whole, lambda v: v.update(rows_key="ab" * 32), "reveal.rows", "revealed/losses.csv")
    bundle["entries"][-1 if "rows_count" in bundle["entries"][-1] else -2]["rows_count"] += 1
    (folder / "bundle-of-more-lines.proof.json").write_text(json.dumps(bundle, ensure_ascii=False))
    lies = {"bundle": "altered/bundle-of-more-lines.proof.json", "files": ["rows/package.car"]}
    return [*cases, {**lies, "verdict": "fail"}]


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
