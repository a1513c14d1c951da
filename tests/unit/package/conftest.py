from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from archive.package import build, carfile, entries
from archive.package import cid as cids
from archive.package.seal import Seal

MakeInput = Callable[..., build.PackageInput]


@pytest.fixture
def seal() -> Seal:
    return Seal(bytes(range(32)), "0x" + "ab" * 20)


@pytest.fixture
def make_input(tmp_path: Path) -> MakeInput:
    """A function: {path: bytes}, paths to withhold → a dossier's PackageInput with those files on disk."""

    def make(files: dict[str, bytes] | None = None, withheld: Iterable[str] = (), **changes: Any) -> build.PackageInput:
        files = {"evidence/a.csv": b"a,b\n1,2\n", "evidence/deep/b.txt": b"text"} if files is None else files
        evidence = []
        for number, (path, data) in enumerate(files.items()):
            source = tmp_path / "dossier" / path
            source.parent.mkdir(parents=True, exist_ok=True)
            source.write_bytes(data)
            evidence.append(build.EvidenceInput(f"e{number}", path, "text/plain", source, path in set(withheld)))
        record = {
            "id": "2025-10-11-test",
            "title": {"en": "Test", "zh-Hans": "测试"},
            "evidence": [{"id": item.id, "path": item.path, "note": "as given"} for item in evidence],
        }
        values: dict[str, Any] = {
            "record": record,
            "incident": "2025-10-11-test",
            "revision": 1,
            "previous_root": None,
            "evidence": tuple(evidence),
        }
        return build.PackageInput(**{**values, **changes})

    return make


@pytest.fixture
def make_car() -> Callable[..., bytes]:
    """A function: root, blocks [(cid, data)] → CAR bytes, with no check at all."""

    def make(root: bytes, blocks: Iterable[tuple[bytes, bytes]]) -> bytes:
        out = io.BytesIO()
        out.write(carfile.encode_header(root))
        for cid, data in blocks:
            out.write(carfile.encode_section_start(cid, len(data)) + data)
        return out.getvalue()

    return make


@pytest.fixture
def leaf_values() -> list[dict[str, Any]]:
    """The JSON values of a small valid package's leaves."""
    return [
        dict(entries.Header("2025-10-11-test", 1, None, 5, "0x" + "ab" * 20).to_json()),
        dict(entries.RecordEntry(2, "0" * 64).to_json()),
        dict(entries.EvidenceEntry("a", "evidence/a.csv", "text/csv", 1, "1" * 64).to_json()),
        dict(entries.EvidenceEntry("b", "evidence/b/c.png", "image/png", 0, "2" * 64).to_json()),
        dict(entries.WithheldEntry("3" * 64).to_json()),
    ]


@pytest.fixture
def empty_cid() -> str:
    return cids.to_text(cids.raw_cid(b""))
