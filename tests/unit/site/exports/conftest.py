"""Incidents to export: the published dossiers as drafts, one publication with every kind of file, a hostile one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from archive.package import canonical
from archive.record.load import load_record
from archive.site.model import Act, Anchor, BundleFile, EvidenceFile, Incident, Revision

ROOT = Path(__file__).resolve().parents[4]
IDS = ("2022-11-ftx-collapse", "2025-10-11-binance-liquidations", "2026-02-bithumb-btc-payout")
# Ends elements, strings, groups and lines in every format at once; acts on terminals and on reading direction.
HOSTILE = "</script><script>alert(1)</script>\"'}]{$\\%&#_~^\n\r\n\u2028\x1b[31m\u202eevil\u0000-->]]>"


def draft(incident: str) -> Incident:
    folder = ROOT / "incidents" / incident
    loaded = load_record(folder / "incident.yaml")
    assert loaded.record is not None
    record = loaded.record.to_value()
    files = []
    for item in record["evidence"]:
        if "path" in item:
            path = folder / item["path"]
            data = path.read_bytes()
            digest = hashlib.sha256(data).hexdigest()
            files.append(
                EvidenceFile(item["id"], "open", item["path"], item.get("media_type"), len(data), digest, source=path)
            )
        else:
            reference = item["reference"]
            files.append(
                EvidenceFile(
                    item["id"], "reference", None, item.get("media_type"), reference["size"], reference["sha256"]
                )
            )
    return Incident(incident, incident, (Revision(1, record, canonical.dumps(record), tuple(files)),))


@pytest.fixture(params=IDS)
def dossier(request: pytest.FixtureRequest) -> Incident:
    return draft(request.param)


def record(**more: Any) -> dict[str, Any]:
    return {
        "schema_version": "1",
        "id": "2025-01-example",
        "title": {"zh-Hans": "示例事件", "en": "An example & more"},
        "summary": {"en": "Orders were refused, users say.", "zh-Hans": "用户称订单被拒。"},
        "occurred": {"start": "2025-01-02T03:04:00+08:00", "precision": "minute", "time_zone": "UTC+8"},
        "venues": [{"id": "example-exchange", "name": {"en": "Example Exchange"}, "kind": "exchange"}],
        "parties": [{"id": "trader-a", "name": {"en": "Trader A"}, "kind": "person"}],
        "claims": [
            {
                "id": "refused",
                "text": {"en": "All were refused.", "zh-Hans": "全部被拒。"},
                "claimed_by": ["trader-a"],
                "status": "disputed",
                "sources": ["post-1", "trader-a"],
            }
        ],
        "evidence": [
            {"id": "log", "path": "evidence/log a.csv", "title": {"en": "Order log"}, "licence": "CC-BY-4.0"},
            {"id": "withheld-one", "withheld": True, "commitment": "ab" * 32},
            {"id": "post-1-text", "reference": {"sha256": "cd" * 32, "size": 10}},
        ],
        "references": [{"id": "post-1", "type": "post", "title": {"en": "A post"}, "author": "Trader A"}],
        "credits": [{"name": "A. Writer", "role": "author"}, {"name": "B. Reader", "role": "reviewer"}],
        "licence": "CC-BY-4.0",
        "revision": 2,
        "revisions": [
            {"revision": 1, "at": "2025-02-01", "reason": {"en": "First."}},
            {"revision": 2, "at": "2025-03", "reason": {"en": "A correction."}},
        ],
        **more,
    }


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Incident]:
    """A published second revision: one open file, one open but not at hand, one withheld, one by reference."""

    def made(*, time: int = 1_741_000_000, test: bool = False, retracted: bool = False, **more: Any) -> Incident:
        log = tmp_path / "log.csv"
        log.write_bytes(b"a,b\n1,2\n")
        bundle = tmp_path / "bundle.json"
        bundle.write_bytes(b"{}")
        value = record(**more)
        anchor = Anchor(
            97,
            "0x" + "11" * 20,
            "0x" + "22" * 20,
            "0x" + "33" * 32,
            5,
            "0x" + "44" * 32,
            time,
            0,
            test=test,
            signed=True,
            in_chain=True,
        )
        files = (
            EvidenceFile(
                "log",
                "open",
                "evidence/log a.csv",
                "text/csv",
                8,
                hashlib.sha256(log.read_bytes()).hexdigest(),
                "bafkreia",
                source=log,
            ),
            EvidenceFile("far", "local", "evidence/far.bin", "application/octet-stream", 9, "ef" * 32),
            EvidenceFile("withheld-one", "withheld", commitment="ab" * 32),
            EvidenceFile("post-1-text", "reference", None, None, 10, "cd" * 32),
        )
        acts = (Act("retraction", "0x" + "22" * 20, time, "0x" + "11" * 20, "node"),) if retracted else ()
        revision = Revision(
            2,
            value,
            canonical.dumps(value),
            files,
            root="55" * 32,
            content_id="bafybeiexample",
            publisher="0x" + "22" * 20,
            previous_root="66" * 32,
            manifest_json=b"{}",
            bundle=BundleFile("2025-01-example-r2.proof.json", hashlib.sha256(b"{}").hexdigest(), 2, bundle),
            anchors=(anchor,),
            acts=acts,
        )
        first = replace(revision, number=1, root="66" * 32)
        return Incident("2025-01-example", "2025-01-example", (first, revision), publisher_name="Example Desk")

    return made


def _poisoned(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: item if key in ("id", "schema_version") else _poisoned(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_poisoned(item) for item in value]
    return HOSTILE if isinstance(value, str) else value


@pytest.fixture
def hostile(make: Callable[..., Incident]) -> Incident:
    """Every text of the record is hostile, and several values are of another form than the schema's."""
    made = make()
    value = {
        **_poisoned(record()),
        "aliases": "not a list",
        "parties": [7, {"id": "../x"}, {"id": "p", "name": HOSTILE, "kind": {}}],
        "occurred": "then",
        "revisions": {"a": 1},
    }
    revision = replace(made.current, record=value, record_json=canonical.dumps({"id": "x"}))
    return replace(made, revisions=(revision,), publisher_name=HOSTILE)
