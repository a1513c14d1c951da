"""Incidents to show, with the bytes of their evidence."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from archive.package import canonical
from archive.site.model import EvidenceFile, Incident, Revision, Site
from tests.support.shown import honest


@pytest.fixture
def make_incident(tmp_path: Path) -> Callable[..., Incident]:
    """An incident from a record, and the bytes of its open evidence by id."""

    def make(record: dict[str, Any] | None = None, files: Mapping[str, bytes] | None = None, **more: Any) -> Incident:
        value = record or honest()
        held = []
        for item in value.get("evidence", []):
            if "path" not in item:
                held.append(EvidenceFile(item["id"], "withheld", commitment=item.get("commitment")))
                continue
            data = (files or {}).get(item["id"], b"row,value\nr1,5\n")
            source = tmp_path / f"source-{item['id']}"
            source.write_bytes(data)
            digest = hashlib.sha256(data).hexdigest()
            held.append(
                EvidenceFile(item["id"], "open", item["path"], item["media_type"], len(data), digest, source=source)
            )
        revision = Revision(value["revision"], value, canonical.dumps(value), tuple(held))
        return Incident(value["id"], value["id"], (revision,), **more)

    return make


@pytest.fixture
def make_site() -> Callable[[Sequence[Incident]], Site]:
    return lambda incidents: Site(tuple(incidents))
