"""Publish for real, then verify from a second, empty workspace that has only the bundle, the stores and a node."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

INCIDENT = "2000-01-01-verify-test"
COMMAND = [sys.executable, "-c", "from archive.cli.main import main; main()"]
PASSWORD = "correct horse battery staple"


@dataclass
class Person:
    """Somebody with a workspace and an environment of their own."""

    workspace: Path
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, expect: int | None = 0) -> dict[str, Any]:
        clean = {k: v for k, v in os.environ.items() if not k.startswith("ARCHIVE_")}
        clean |= {"ARCHIVE_WORKSPACE": str(self.workspace), "ARCHIVE_WALLET_PASSWORD": PASSWORD, **self.environment}
        done = subprocess.run([*COMMAND, *arguments, "--json"], capture_output=True, text=True, env=clean)
        assert expect is None or done.returncode == expect, done.stdout + done.stderr
        result: dict[str, Any] = json.loads(done.stdout)
        return result


def dossier(folder: Path, *, revision: int = 1, supersedes: str | None = None, extra: str = "") -> Path:
    (folder / "evidence").mkdir(parents=True, exist_ok=True)
    (folder / "evidence/prices.csv").write_text(f"time,price\n21:36,0.10{extra}\n")
    lines = [
        'schema_version: "1"',
        f"id: {INCIDENT}",
        "title: {en: A test, zh-Hans: 测试}",
        "summary: {en: Made up for tests., zh-Hans: 仅供测试。}",
        "occurred: {start: 2000-01-01T00:00:00Z, end: 2000-01-01T00:01:00Z, precision: second, time_zone: UTC}",
        "venues: [{id: venue-a, name: {en: Venue A}, kind: exchange}]",
        f"revision: {revision}",
        *([f"supersedes: {supersedes}"] if supersedes else []),
        "revisions:",
        *(f"  - {{revision: {n}, reason: {{en: Reason {n}.}}}}" for n in range(1, revision + 1)),
        "evidence:",
        "  - {id: prices, kind: fact-table, title: {en: Prices}, path: evidence/prices.csv, media_type: text/csv}",
    ]
    (folder / "incident.yaml").write_text("\n".join(lines) + "\n")
    return folder


def statuses(report: dict[str, Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for check in report["checks"]:
        found.setdefault(check["code"], []).append(check["status"])
    return found


def same_but(report: dict[str, Any], other: dict[str, Any], codes: set[str]) -> None:
    """Two reports tell the same, but for these checks."""
    skip = codes | {"availability", "chain.code", "chain.final", "reference"}
    left, right = (
        {c: s for c, s in statuses(r).items() if c not in skip and not c.startswith("history.")}
        for r in (report, other)
    )
    assert left == right


@pytest.mark.kubo
def test_second_workspace_with_bundle_and_stores_is_incomplete_where_the_anchor_is_local(
    kubo: Any, kubo_peer: Any, tmp_path: Path
) -> None:
    publisher = Person(tmp_path / "one", {"ARCHIVE_KUBO_API": kubo.api_url})
    published = publisher.run("publish", str(dossier(tmp_path / "dossier")), "--yes")
    first = publisher.run("verify", published["bundle"])
    assert first["verdict"] == "pass"
    assert any("time is not proved" in text for text in first["closing"])

    reader = Person(tmp_path / "two", {"ARCHIVE_IPFS_GATEWAYS": f"mirror={kubo_peer.gateway_url}"})
    bundle = tmp_path / "only" / "bundle.proof.json"
    bundle.parent.mkdir()
    shutil.copyfile(published["bundle"], bundle)
    second = reader.run("verify", str(bundle), expect=3)
    assert second["verdict"] == "incomplete"
    assert second["lacking"] == ["anchor.registry", "chain.header", "origin.trusted"]
    assert second["root"] == first["root"]
    same_but(first, second, {"anchor.registry", "chain.header", "origin.trusted"})
    stores = {c["subject"]: c["status"] for c in second["checks"] if c["code"] == "availability"}
    assert stores == {"local": "unchecked", "mirror": "pass"}


@pytest.mark.anvil
@pytest.mark.kubo
def test_anchored_on_a_node_and_verified_from_nothing_but_ids(
    start_anvil: Any, kubo: Any, kubo_peer: Any, tmp_path: Path
) -> None:
    anvil = start_anvil()
    publisher = Person(tmp_path / "one", {"ARCHIVE_KUBO_API": kubo.api_url, "ARCHIVE_RPC_ANVIL": anvil.url})
    wallet = publisher.run("wallet", "new")["address"]
    anvil.rpc("anvil_setBalance", wallet, hex(10**20))
    publisher.run("contract", "deploy", "--network", "anvil", "--yes")
    folder = dossier(tmp_path / "dossier", extra="1")
    published = publisher.run("publish", str(folder), "--network", "anvil", "--yes")
    first = publisher.run("verify", published["bundle"], expect=None)

    # A reader who was told the registry and the key, and has a node and a gateway of somebody else's.
    reader = Person(
        tmp_path / "two",
        {"ARCHIVE_IPFS_GATEWAYS": f"mirror={kubo_peer.gateway_url}", "ARCHIVE_RPC_ANVIL": anvil.url},
    )
    anchor = first["anchors"][0]
    unknown = reader.run("verify", published["bundle"], expect=3)
    assert unknown["lacking"] == ["anchor.registry", "origin.trusted"]
    info = publisher.run("contract", "info", "--network", "anvil")
    reader.run("trust", "add", "publisher", anchor["publisher"], "--name", "Desk")
    registry = ["--chain-id", str(anchor["chain_id"]), "--genesis", anchor["genesis"], "--address", anchor["registry"]]
    reader.run("trust", "add", "registry", "--name", "Registry", *registry, "--code-hash", info["code_hash"])
    targets = (published["bundle"], published["root"], published["content_id"], published["anchor"]["transaction"])
    for target in targets:
        report = reader.run("verify", target)
        assert report["verdict"] == "pass", target
        assert report["root"] == published["root"]
        found = statuses(report)
        assert found["chain.header"] == found["chain.code"] == found["history.current"] == ["pass"]
        assert any("time is not proved" in text for text in report["closing"])  # a private chain

    # The same with a node that is down is incomplete, with a wrong one too, and never wrong.
    down = reader.run("verify", published["bundle"], "--rpc", "http://127.0.0.1:9", expect=3)
    assert down["lacking"] == ["chain.header"]

    # A later revision: the first still passes, and says that there is a newer one.
    later = dossier(tmp_path / "later", revision=2, supersedes=published["root"], extra="2")
    newer = publisher.run("publish", str(later), "--network", "anvil", "--yes")
    report = reader.run("verify", published["bundle"])
    assert statuses(report)["history.superseded"] == ["unchecked"]
    assert report["verdict"] == "pass"
    assert statuses(reader.run("verify", newer["bundle"]))["history.current"] == ["pass"]

    # A chain that was started anew under the same number is another history, not a lie.
    other = start_anvil()
    report = reader.run("verify", published["bundle"], "--rpc", other.url, expect=3)
    assert statuses(report)["chain.other_history"] == ["unchecked"]
    assert not [c for c in report["checks"] if c["status"] == "fail"]


@pytest.mark.anvil
def test_reorganised_block_fails_and_the_node_is_named(start_anvil: Any, tmp_path: Path) -> None:
    anvil = start_anvil()
    publisher = Person(tmp_path / "one", {"ARCHIVE_RPC_ANVIL": anvil.url})
    wallet = publisher.run("wallet", "new")["address"]
    anvil.rpc("anvil_setBalance", wallet, hex(10**20))
    publisher.run("contract", "deploy", "--network", "anvil", "--yes")
    publisher.run("trust", "add", "publisher", wallet, "--name", "Myself")
    published = publisher.run("publish", str(dossier(tmp_path / "d")), "--network", "anvil", "--yes")
    assert publisher.run("verify", published["bundle"])["verdict"] == "pass"
    depth = int(str(anvil.rpc("eth_blockNumber")), 16) - published["anchor"]["block"] + 1
    anvil.rpc("anvil_reorg", depth, [])
    report = publisher.run("verify", published["bundle"], expect=1)
    failed = [c for c in report["checks"] if c["status"] == "fail"]
    assert [c["code"] for c in failed] == ["chain.header"]
    assert "127.0.0.1" in failed[0]["note"]
