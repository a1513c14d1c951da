"""Valid inputs to start from: dossiers of random content, a package of one, and what a real publication left behind."""

from __future__ import annotations

import atexit
import functools
import io
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.soaking.harness import Failure

PROJECT = Path(__file__).resolve().parents[2]
# Sizes around the chunk size of the profile, where an off-by-one would be.
SIZES = (0, 1, 31, 4096, 65_537, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, (3 << 20) + 7)
NAMES = (
    "a.csv",
    "b.txt",
    "tief/verschachtelt/ä.txt",
    "日志/拒单.csv",
    "with space.txt",
    "UPPER.TXT",
    "0",
    "z" * 200 + ".txt",
)


def example_record() -> bytes:
    """The worked example of docs/record.md: it uses every field of the record."""
    text = (PROJECT / "docs" / "record.md").read_text(encoding="utf-8")
    found = re.search(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    if found is None:
        raise Failure("docs/record.md has no YAML example")
    return found.group(1).encode()


def text_bytes(rng: random.Random, size: int) -> bytes:
    """Bytes that look like a log: no secret and no other media type is found in them by chance."""
    line = b"2025-10-10T21:36:%02d.%03dZ ORDER %06d REJECTED\n"
    lines = bytearray()
    while len(lines) < min(size, 1 << 16):
        lines += line % (rng.randrange(60), rng.randrange(1000), rng.randrange(1_000_000))
    repeated = bytes(lines) * (size // max(1, len(lines)) + 1)
    return repeated[:size]


def make_dossier(
    folder: Path, rng: random.Random, *, files: int, sizes: tuple[int, ...] = SIZES, incident: str
) -> Path:
    """Write a valid dossier with `files` open evidence files."""
    items: list[dict[str, Any]] = []
    for name in rng.sample(NAMES, files):
        path = folder / "evidence" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text_bytes(rng, max(1, rng.choice(sizes))))
        items.append(
            {
                "id": f"item-{len(items)}",
                "kind": "fact-table" if name.endswith(".csv") else "log",
                "title": {"en": f"File {len(items)}"},
                "path": f"evidence/{name}",
                "media_type": "text/csv" if name.endswith(".csv") else "text/plain",
            }
        )
    record = {
        "schema_version": "1",
        "id": incident,
        "title": {"en": "A soak incident"},
        "summary": {"en": "Made for long runs."},
        "venues": [{"id": "venue-a", "name": {"en": "Venue A"}, "kind": "exchange"}],
        "occurred": {
            "start": "2025-10-10T21:36:00Z",
            "end": "2025-10-10T22:16:00Z",
            "precision": "minute",
            "time_zone": "UTC",
        },
        "evidence": items,
        "revision": 1,
        "revisions": [{"revision": 1, "reason": {"en": "First publication."}}],
    }
    (folder / "incident.json").write_text(json.dumps(record, ensure_ascii=False, indent=1), encoding="utf-8")
    return folder


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    def json(self) -> dict[str, Any]:
        return dict(json.loads(self.out))

    @property
    def error_code(self) -> str | None:
        try:
            return str(self.json()["error"]["code"])
        except (ValueError, KeyError):
            return None


def start(workspace: Path, *arguments: str, cwd: Path) -> subprocess.Popen[str]:
    """Start an `archive` command of the environment that runs this, as a user would."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ARCHIVE_")}
    environment["ARCHIVE_WORKSPACE"] = str(workspace)
    return subprocess.Popen(
        [str(Path(sys.executable).with_name("archive")), *arguments],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> Done:
    out, err = process.communicate(timeout=300)
    return Done(process.returncode, out, err)


def archive(workspace: Path, *arguments: str, cwd: Path, expect: int | None = 0) -> Done:
    """Run an `archive` command to its end; Failure when it does not exit with `expect`."""
    done = finish(start(workspace, *arguments, cwd=cwd))
    if expect is not None and done.code != expect:
        raise Failure(f"archive {' '.join(arguments)}: exit {done.code}, expected {expect}\n{done.out}\n{done.err}")
    return done


@dataclass(frozen=True, slots=True)
class Published:
    """A dossier that was published once, on the embedded chain and the local store of `workspace`."""

    dossier: Path
    workspace: Path
    bundle: Path
    car: bytes
    result: dict[str, Any]


@functools.cache
def published() -> Published:
    """One publication that all cases of this process share and none of them changes."""
    folder = Path(tempfile.mkdtemp(prefix="incident-archive-soak-published-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return publish_one(folder, "shared")


def publish_one(folder: Path, seed: str) -> Published:
    """Publish a small dossier of fixed content for its seed."""
    dossier = make_dossier(
        folder / "dossier", random.Random(seed), files=3, sizes=(4096, 65_537), incident="2025-10-11-soak"
    )
    workspace, bundle = folder / "workspace", folder / "soak.proof.json"
    done = archive(workspace, "publish", str(dossier), "--yes", "--json", "--out", str(bundle), cwd=folder)
    result = done.json()
    return Published(dossier, workspace, bundle, car_of(workspace, str(result["content_id"])), result)


def car_of(workspace: Path, content_id: str) -> bytes:
    """The CAR of a package as the workspace's local store gives it."""
    from archive.stores.local import LocalStore

    sink = io.BytesIO()
    LocalStore(workspace / "store").fetch_package(content_id, sink)
    return sink.getvalue()
