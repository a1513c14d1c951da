"""Reading a chain without believing it: three real Anvil nodes that agree, lag, are dead or on another branch; reorgs.

The second and third node are forks of the first: processes of their own with the same history up to the fork.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_publish_services import ROOT, Ran, Shell, new_shell, with_wallet

pytestmark = pytest.mark.anvil

RECORD = """\
schema_version: 1
id: 2025-01-01-reading
title: {en: A test incident}
summary: {en: Users say that orders were refused.}
occurred: {start: 2025-01-01T00:00:00Z, end: 2025-01-01T01:00:00Z, precision: minute, time_zone: UTC}
parties:
  - {id: trader, name: {en: Trader}, kind: person}
evidence:
  - {id: orders, kind: order-log, path: evidence/orders.csv, media_type: text/csv}
revision: 1
revisions:
  - {revision: 1, reason: {en: First publication.}}
"""
# Reorganises the chain right after a step was written to the journal and told.
REORGANISER = """
import sys
from archive.chain.rpc import RpcClient
from archive.cli import main, publish
step, url, depth = sys.argv.pop(1), sys.argv.pop(1), int(sys.argv.pop(1))
tell, done = publish._step, []
def reorganise(name):
    tell(name)
    if name == step and not done:
        done.append(name)
        RpcClient(url).call("anvil_reorg", [depth, []])
publish._step = reorganise
main.main()
"""
DEAD = "http://127.0.0.1:9"


@dataclass
class Published:
    """A publication on a node of its own."""

    shell: Shell
    node: Any
    dossier: Path
    result: dict[str, Any]

    @property
    def block(self) -> int:
        return int(self.result["anchor"]["block"])

    def publish(self) -> dict[str, Any]:
        ran = self.shell.publish(self.dossier)
        assert ran.code == 0, ran.err
        return dict(ran.json)

    def verify(self, *options: str) -> Ran:
        bundle = Path(self.result["bundle"])
        return self.shell.run("verify", bundle, self.dossier / "evidence", *options, "--json")


def make_dossier(folder: Path) -> Path:
    (folder / "evidence").mkdir(parents=True)
    (folder / "incident.yaml").write_text(RECORD)
    (folder / "evidence" / "orders.csv").write_text(f"time,side,price\n{folder},buy,1\n")
    return folder


def published_on(node: Any, folder: Path, *, settings: str = "") -> Published:
    shell = new_shell(folder / "workspace", node)
    address = with_wallet(shell, node.accounts[1])
    if settings:
        (shell.workspace / "config.toml").write_text(settings)
    shell.ok("trust", "add", "publisher", address, "--name", "us")
    made = Published(shell, node, make_dossier(folder / "dossier"), {})
    made.result = made.publish()
    return made


@pytest.fixture
def made(start_anvil: Callable[..., Any], tmp_path: Path) -> Published:
    return published_on(start_anvil(), tmp_path)


def checks(ran: Ran, code: str) -> list[dict[str, Any]]:
    return [check for check in ran.json["checks"] if check["code"] == code]


def nodes(*urls: str, quorum: int) -> list[str]:
    return [*(part for url in urls for part in ("--rpc", url)), "--quorum", str(quorum)]


def test_three_real_nodes_agree_lag_are_dead_or_on_another_branch(
    made: Published, start_anvil: Callable[..., Any]
) -> None:
    first = made.node
    first.rpc("anvil_mine", "0x3")
    second = start_anvil(options=("--fork-url", first.url))
    third = start_anvil(options=("--fork-url", first.url))
    ran = made.verify(*nodes(first.url, second.url, third.url, quorum=2))
    assert ran.code == 0, ran.out
    assert ran.json["anchors"][0]["nodes"] == {"agreed": 3, "asked": 3, "needed": 2}
    assert [rung["trust"] for rung in ran.json["ladder"] if rung["rung"] == "chain"] == ["rpcs"]
    assert checks(ran, "chain.node") == []

    dead = made.verify(*nodes(DEAD, second.url, third.url, quorum=2))
    assert dead.code == 0, dead.out
    assert [check["note"] for check in checks(dead, "chain.node")] == [
        f"{DEAD} could not be asked (chain.rpc_unreachable); it was not counted"
    ]
    assert made.verify(*nodes(DEAD, second.url, quorum=2)).code == 3

    lagging = start_anvil(options=("--fork-url", first.url, "--fork-block-number", str(made.block - 1)))
    behind = made.verify(*nodes(first.url, second.url, lagging.url, quorum=2))
    assert behind.code == 0, behind.out
    assert "it lags" in checks(behind, "chain.node")[0]["note"]
    assert lagging.url in checks(behind, "chain.node")[0]["note"]

    # The same history up to the block before the anchor, and then another one.
    lagging.rpc("anvil_mine", "0x5")
    branched = made.verify(*nodes(lagging.url, first.url, second.url, quorum=2))
    assert branched.code == 0, branched.out
    assert "lies, or is on another branch" in checks(branched, "chain.node")[0]["note"]
    contradicted = made.verify(*nodes(lagging.url, first.url, quorum=1))
    assert (contradicted.code, checks(contradicted, "chain.header")[0]["status"]) == (3, "unchecked")
    alone = made.verify("--rpc", lagging.url)
    assert (alone.code, checks(alone, "chain.header")[0]["status"]) == (1, "fail")
    assert made.verify(*nodes(first.url, first.url + "/", quorum=2)).code == 2


def test_the_configured_nodes_of_a_network_and_its_quorum(made: Published, start_anvil: Callable[..., Any]) -> None:
    second = start_anvil(options=("--fork-url", made.node.url))
    made.shell.environment["ARCHIVE_RPC_ANVIL"] = f"{made.node.url} {second.url}"
    (made.shell.workspace / "config.toml").write_text("[networks.anvil]\nquorum = 2\n")
    ran = made.verify()
    assert ran.code == 0, ran.out
    assert ran.json["anchors"][0]["nodes"] == {"agreed": 2, "asked": 2, "needed": 2}
    made.shell.environment["ARCHIVE_RPC_ANVIL"] = f"{made.node.url} {DEAD}"
    assert made.verify().code == 3


def test_the_bundle_carries_a_state_proof_that_holds_offline(made: Published) -> None:
    anchor = json.loads(Path(made.result["bundle"]).read_text())["anchors"][0]
    assert set(anchor["state"]) == {"account", "storage"}
    ran = made.verify("--offline")
    assert ran.json["lacking"] == ["chain.header"]
    for code in ("anchor.state_account", "anchor.state_slot", "anchor.state_entry", "chain.code"):
        assert [check["status"] for check in checks(ran, code)] == ["pass"], code


def test_anchored_is_told_from_final(start_anvil: Callable[..., Any], tmp_path: Path) -> None:
    node = start_anvil()
    made = published_on(node, tmp_path)
    (made.shell.workspace / "config.toml").write_text("[networks.anvil]\nconfirmations = 4\n")
    young = made.verify()
    assert young.code == 0
    assert "anchored, not final" in checks(young, "chain.final")[0]["note"]
    assert "1 of 4 confirmations" in checks(young, "chain.final")[0]["found"]
    node.rpc("anvil_mine", "0x3")
    assert [check["status"] for check in checks(made.verify(), "chain.final")] == ["pass"]


# Reorganisations


def test_an_anchor_that_was_dropped_later_is_noticed_and_repaired(made: Published) -> None:
    before = made.result
    made.node.rpc("anvil_mine", "0x2")
    made.node.rpc("anvil_reorg", 3, [])
    made.node.rpc("anvil_mine", "0x5")
    wrong = made.verify()
    assert (wrong.code, checks(wrong, "chain.header")[0]["status"]) == (1, "fail")
    assert "ask the publisher for a new proof bundle" in checks(wrong, "chain.header")[0]["note"]
    after = made.publish()
    assert after["already_published"] is False
    assert after["root"] == before["root"]
    assert after["anchor"]["transaction"] == before["anchor"]["transaction"]
    assert after["anchor"]["block_hash"] != before["anchor"]["block_hash"]
    assert after["bundle_cid"] != before["bundle_cid"]
    made.result = after
    assert made.verify().code == 0
    assert len(json.loads(Path(after["bundle"]).read_text())["anchors"]) == 1
    listed = json.loads((made.shell.workspace / "catalogue.json").read_text())["entries"]
    assert [entry["bundle"] for entry in listed] == [after["bundle_cid"]]
    assert made.publish()["already_published"] is True


def test_an_anchor_that_was_moved_to_another_block_is_found_there(made: Published) -> None:
    raw = made.node.rpc("eth_getRawTransactionByHash", made.result["anchor"]["transaction"])
    made.node.rpc("anvil_mine", "0x2")
    made.node.rpc("anvil_reorg", 3, [[raw, 1]])
    after = made.publish()
    assert after["already_published"] is False
    assert after["anchor"]["transaction"] == made.result["anchor"]["transaction"]
    assert after["anchor"]["block"] == made.block + 1
    made.result = after
    assert made.verify().code == 0


@pytest.mark.parametrize("step", ["final", "bundle", "catalogued"])
def test_a_reorganisation_in_the_middle_of_a_publication_is_repaired_in_the_same_run(
    start_anvil: Callable[..., Any], tmp_path: Path, step: str
) -> None:
    node = start_anvil()
    shell = new_shell(tmp_path / "workspace", node)
    address = with_wallet(shell, node.accounts[1])
    shell.ok("trust", "add", "publisher", address, "--name", "us")
    dossier = make_dossier(tmp_path / "dossier")
    done = subprocess.run(
        [
            *(sys.executable, "-c", REORGANISER, step, node.url, "1"),
            *("publish", str(dossier), "--network", "anvil", "--yes", "--json"),
        ],
        env=shell.environment | {"ARCHIVE_WORKSPACE": str(shell.workspace)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "the chain was reorganised" in done.stderr
    made = Published(shell, node, dossier, json.loads(done.stdout))
    ran = made.verify()
    assert ran.code == 0, ran.out
    assert checks(ran, "chain.final")[0]["status"] == "pass"


# Exclusion


def test_a_root_that_is_not_anchored_is_proven_absent_and_checked_offline(made: Published, tmp_path: Path) -> None:
    publisher = made.result["anchor"]["publisher"]
    path = tmp_path / "not.absent.json"
    options = ("--publisher", publisher, "--network", "anvil", "--out", str(path), "--json")
    ran = made.shell.run("absent", "55" * 32, *options)
    assert ran.code == 0, ran.out + ran.err
    assert ran.json["trust"] == "rpc"
    offline = made.shell.run("absent", path, "--offline", "--json")
    assert (offline.code, offline.json["lacking"]) == (3, ["chain.header"])
    there = made.shell.run("absent", made.result["root"], *options)
    assert (there.code, there.json["error"]["code"]) == (1, "absence.present")
    # Before it was anchored it was not.
    early = made.shell.run("absent", made.result["root"], *options, "--block", str(made.block - 1))
    assert early.code == 0, early.out
    other = made.shell.run("absent", made.result["root"], "--publisher", "0x" + "11" * 20, *options[2:])
    assert other.code == 0, other.out


def test_an_exclusion_proof_whose_block_left_the_chain_fails(made: Published, tmp_path: Path) -> None:
    """It stays sound in itself, and the nodes tell that its block is not the chain's."""
    made.node.rpc("anvil_mine", "0x2")
    path = tmp_path / "old.absent.json"
    publisher = made.result["anchor"]["publisher"]
    made.shell.ok("absent", "55" * 32, "--publisher", publisher, "--network", "anvil", "--out", path)
    made.node.rpc("anvil_reorg", 1, [])
    told = made.shell.run("absent", path, "--json")
    assert (told.code, checks(told, "chain.header")[0]["status"]) == (1, "fail")
    assert checks(told, "absence.entry")[0]["status"] == "pass"


def test_the_embedded_chain_has_no_state_proofs(made: Published) -> None:
    made.shell.ok("publish", made.dossier, "--yes")
    ran = made.shell.run("absent", "55" * 32, "--publisher", "0x" + "11" * 20, "--network", "local", "--json")
    assert (ran.code, ran.json["error"]["code"]) == (3, "absence.no_state")
