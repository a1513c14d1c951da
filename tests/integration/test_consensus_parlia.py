"""The whole way on a Parlia chain: publish over a re-sealed Anvil, verify offline by the reader's own validators."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.parlia_server import ParliaNode, serve
from tests.support.parlia import Group
from tools.services import AnvilNode

pytestmark = pytest.mark.anvil
PROJECT = Path(__file__).resolve().parents[2]
CHAIN_ID = 7099
EPOCH = 10
PASSWORD = "a password for tests"
OLD, NEW = Group.of([1, 2, 3, 4]), Group.of([3, 4, 5, 6, 7])
RECORD = """\
schema_version: 1
id: 2025-01-01-parlia
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


@dataclass
class Shell:
    """`archive` as a process of its own, in a workspace of its own."""

    workspace: Path
    rpc: str
    python: Path = Path(sys.executable)

    def run(self, *arguments: str | Path, **environment: str) -> tuple[int, Any, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("ARCHIVE_", "PYTHON", "VIRTUAL_ENV"))}
        own = {"ARCHIVE_WORKSPACE": str(self.workspace), "ARCHIVE_WALLET_PASSWORD": PASSWORD}
        done = subprocess.run(
            [str(self.python), "-c", "from archive.cli.main import main; main()", *map(str, arguments), "--json"],
            env=kept | own | {"ARCHIVE_RPC_PARLIA": self.rpc} | environment,
            cwd=PROJECT if self.python == Path(sys.executable) else self.workspace.parent,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        return done.returncode, json.loads(done.stdout) if done.stdout.strip() else None, done.stderr

    def ok(self, *arguments: str | Path, **environment: str) -> Any:
        code, value, err = self.run(*arguments, **environment)
        assert code == 0, (value, err)
        return value


@pytest.fixture
def dossier(tmp_path: Path) -> Path:
    folder = tmp_path / "dossier"
    (folder / "evidence").mkdir(parents=True)
    (folder / "incident.yaml").write_text(RECORD)
    (folder / "evidence" / "orders.csv").write_text("time,side,price\n2025-01-01T00:00:00Z,buy,1\n")
    return folder


@pytest.fixture
def start(start_anvil: Callable[..., AnvilNode]) -> Iterator[Callable[..., ParliaNode]]:
    """A node at block 12: epoch blocks 10 and 20 announce the old and the new validators."""
    with ExitStack() as stack:

        def begin(blocks: int = 12) -> ParliaNode:
            anvil = start_anvil(chain_id=CHAIN_ID, options=("--base-fee", "0"))
            anvil.rpc("anvil_mine", hex(blocks))
            return stack.enter_context(serve(ParliaNode(anvil, {0: OLD, 20: NEW}, epoch=EPOCH)))

        yield begin


def new_shell(workspace: Path, node: ParliaNode) -> Shell:
    """A publisher's workspace that knows the chain, with a wallet and the registry."""
    workspace.mkdir()
    (workspace / "config.toml").write_text(
        f'[networks.parlia]\nkind = "rpc"\nchain_id = {CHAIN_ID}\ngenesis = "{node.genesis}"\nconfirmations = 3\n'
    )
    shell = Shell(workspace, node.url)
    write_trust(workspace / "trust.json", node, [])
    shell.ok("wallet", "import", ARCHIVE_WALLET_KEY=node.anvil.accounts[1].private_key)
    shell.ok("contract", "deploy", "--network", "parlia", "--yes")
    return shell


def write_trust(path: Path, node: ParliaNode, sets: list[dict[str, Any]], **more: Any) -> Path:
    rules = {"chain_id": CHAIN_ID, "genesis": node.genesis, "fork": "fermi", "epoch_length": EPOCH}
    trust = {"format": "incident-archive-trust/1", "registries": [], "publishers": [], **more}
    path.write_text(json.dumps({**trust, "validator_sets": sets, "consensus_rules": [rules]}))
    return path


def pinned(node: ParliaNode, number: int, group: Group | None, last: int | None = None) -> dict[str, Any]:
    end = number if last is None else last
    members = [] if group is None else group.set.validators
    return {
        "chain_id": CHAIN_ID,
        "genesis": node.genesis,
        "number": number,
        "hash": node.hash(number),
        "last_number": end,
        "last_hash": node.hash(end),
        "turn_length": None if group is None else group.turn,
        "validators": None
        if group is None
        else [{"address": "0x" + v.address.hex(), "bls": "0x" + v.bls.hex()} for v in members],
        "source": "the test",
        "as_of": "2026-11-24T00:00:00Z",
    }


def readers_trust(path: Path, node: ParliaNode, publisher: Shell, sets: list[dict[str, Any]]) -> Path:
    """A trust file that the reader wrote: registry and publisher as told, validators as pinned by itself."""
    own = json.loads((publisher.workspace / "trust.json").read_text())
    wallet = publisher.ok("wallet", "list")["wallets"][0]["address"]
    people = [{"address": wallet, "name": "them"}]
    return write_trust(path, node, sets, registries=own["registries"], publishers=people)


def statuses(report: dict[str, Any], code: str) -> list[tuple[str, str | None]]:
    return [(c["status"], c["found"]) for c in report["checks"] if c["code"] == code]


def publish_at(shell: Shell, node: ParliaNode, dossier: Path, least: int) -> tuple[Path, dict[str, Any]]:
    """Publish once the head is past `least`; the bundle and its anchor."""
    behind = least - int(str(node.anvil.rpc("eth_blockNumber")), 16)
    if behind > 0:
        node.anvil.rpc("anvil_mine", hex(behind))
    result = shell.ok("publish", dossier, "--network", "parlia", "--yes")
    bundle = Path(result["bundle"])
    return bundle, json.loads(bundle.read_text())["anchors"][0]


def test_published_and_verified_offline_over_a_change_of_validators(
    start: Callable[..., ParliaNode], dossier: Path, tmp_path: Path
) -> None:
    node = start()
    shell = new_shell(tmp_path / "publisher", node)
    bundle, anchor = publish_at(shell, node, dossier, 24)
    number = anchor["block"]["number"]
    assert 24 <= number < 40
    assert anchor["consensus"]["kind"] == "parlia"
    assert len(anchor["consensus"]["headers"]) == 2
    epochs = anchor["consensus"]["epochs"]
    assert [len(epoch) for epoch in epochs] == [3]

    # The reader knows only the validators before the change: the bundle's epoch block hands over.
    trust = readers_trust(tmp_path / "trust.json", node, shell, [pinned(node, 10, OLD)])
    reader = Shell(tmp_path / "reader", "http://127.0.0.1:9")
    files = [bundle, dossier / "evidence" / "orders.csv", "--trust", trust]
    report = reader.ok("verify", "--offline", *files)
    assert report["verdict"] == "pass"
    assert statuses(report, "chain.consensus") == [("pass", anchor["block"]["hash"])]
    assert report["anchors"][0]["grade"] == "consensus"
    assert report["anchors"][0]["consensus"]["votes"] == len(NEW.signers)
    assert report["anchors"][0]["consensus"]["set"]["number"] == 20
    assert any("two thirds of those keys" in text for text in report["closing"])

    # No validators of its own: nothing in the bundle stands in for them.
    readers_trust(trust, node, shell, [])
    code, report, _ = reader.run("verify", "--offline", *files)
    assert (code, report["lacking"]) == (3, ["chain.header"])
    assert statuses(report, "chain.consensus") == [("unchecked", "consensus.no_validator_set")]

    # The validators of another epoch, pinned where these should be.
    readers_trust(trust, node, shell, [pinned(node, 10, OLD, 20)])
    code, report, _ = reader.run("verify", "--offline", *files)
    assert code == 1
    assert statuses(report, "chain.consensus") == [("fail", "consensus.wrong_epoch_set")]

    # Pinned by hash alone, the header in the bundle says who they are.
    readers_trust(trust, node, shell, [pinned(node, 10, OLD), pinned(node, 20, None)])
    assert reader.ok("verify", "--offline", *files)["verdict"] == "pass"

    # With a node beside the signatures: one that agrees, and one that lies is named.
    readers_trust(trust, node, shell, [pinned(node, 10, OLD)])
    assert reader.ok("verify", *files, "--rpc", node.url)["verdict"] == "pass"
    node.lie = number
    code, report, _ = reader.run("verify", *files, "--rpc", node.url)
    assert (code, report["lacking"]) == (3, ["chain.header"])
    assert any("disagree" in str(c["note"]) for c in report["checks"] if c["code"] == "chain.header")


def test_altered_bundles_are_refused(start: Callable[..., ParliaNode], dossier: Path, tmp_path: Path) -> None:
    node = start()
    shell = new_shell(tmp_path / "publisher", node)
    bundle, anchor = publish_at(shell, node, dossier, 24)
    trust = readers_trust(tmp_path / "trust.json", node, shell, [pinned(node, 10, OLD)])
    reader = Shell(tmp_path / "reader", "http://127.0.0.1:9")
    proof = anchor["consensus"]
    flipped = proof["headers"][-1][:-2] + ("00" if proof["headers"][-1][-2:] != "00" else "01")
    for changed, status, found in (
        ({**proof, "headers": proof["headers"][:1]}, "unchecked", "consensus.not_final"),
        ({**proof, "headers": proof["headers"][1:]}, "fail", "consensus.gap"),
        ({**proof, "headers": [proof["headers"][0], flipped]}, "fail", "consensus.seal"),
        ({**proof, "epochs": []}, "unchecked", "consensus.no_validator_set"),
        ({**proof, "epochs": [proof["epochs"][0][:1]]}, "unchecked", "consensus.no_validator_set"),
        ({**proof, "epochs": [proof["headers"]]}, "fail", "consensus.not_epoch_block"),
        ({**proof, "more": 1}, "fail", "consensus.malformed"),
        ({**proof, "kind": "tendermint"}, "unchecked", "consensus.unknown_kind"),
        ({}, "fail", "consensus.malformed"),
    ):
        value = json.loads(bundle.read_text())
        value["anchors"][0]["consensus"] = changed
        copy = tmp_path / "altered.proof.json"
        copy.write_text(json.dumps(value))
        code, report, _ = reader.run("verify", "--offline", copy, dossier / "evidence" / "orders.csv", "--trust", trust)
        assert statuses(report, "chain.consensus") == [(status, found)]
        assert code == (1 if status == "fail" else 3)


def test_follow_the_validators(start: Callable[..., ParliaNode], tmp_path: Path) -> None:
    node = start(45)
    node.catch_up()
    trust = write_trust(tmp_path / "trust.json", node, [pinned(node, 10, OLD)])
    reader = Shell(tmp_path / "reader", "http://127.0.0.1:9")
    result = reader.ok("trust", "update", "--trust", trust, "--rpc", node.url)
    assert result["steps"] == 3
    kept = json.loads(trust.read_text())["validator_sets"]
    assert [(p["number"], p["last_number"], len(p["validators"])) for p in kept] == [(10, 10, 4), (20, 40, 5)]
    assert reader.ok("trust", "update", "--trust", trust, "--rpc", node.url)["steps"] == 0

    # A gap: the votes for epoch block 50 are left out of every header, and nothing is skipped.
    node.mute = True
    node.anvil.rpc("anvil_mine", hex(35))
    code, error, _ = reader.run("trust", "update", "--trust", trust, "--rpc", node.url)
    assert (code, error["error"]["code"]) == (3, "consensus.no_votes_yet")

    # Strangers instead: refused, and what was followed before is kept.
    liar = start(45)
    liar.lie = 20
    liar.catch_up()
    write_trust(trust, liar, [pinned(liar, 10, OLD)])
    code, error, _ = reader.run("trust", "update", "--trust", trust, "--rpc", liar.url)
    assert (code, error["error"]["code"]) == (1, "consensus.not_validator")
    # Another node of the same chain goes on from there.
    liar.lie = None
    with serve(ParliaNode(liar.anvil, {0: OLD, 20: NEW}, epoch=EPOCH)) as honest:
        liar.lie = 30
        assert reader.ok("trust", "update", "--trust", trust, "--rpc", liar.url, "--rpc", honest.url)["steps"] == 3

    # A pin that the chain does not have.
    wrong = pinned(node, 10, OLD) | {"hash": "0x" + "11" * 32, "last_hash": "0x" + "11" * 32}
    write_trust(trust, node, [wrong])
    code, error, _ = reader.run("trust", "update", "--trust", trust, "--rpc", node.url)
    assert (code, error["error"]["code"]) == (1, "consensus.wrong_epoch_set")


def test_follow_from_a_hash(start: Callable[..., ParliaNode], tmp_path: Path) -> None:
    node = start(45)
    node.catch_up()
    trust = write_trust(tmp_path / "trust.json", node, [])
    reader = Shell(tmp_path / "reader", "http://127.0.0.1:9")
    code, error, _ = reader.run("trust", "update", "--trust", trust, "--rpc", node.url)
    assert (code, error["error"]["code"]) == (2, "consensus.nothing_pinned")
    block = ["--chain-id", str(CHAIN_ID), "--genesis", node.genesis, "--number", "10", "--hash", node.hash(10)]
    told = ["--as-of", "2026-11-24T00:00:00Z", "--source", "a friend"]
    reader.ok("trust", "add", "epoch", "--trust", trust, *block, *told)
    assert reader.ok("trust", "update", "--trust", trust, "--rpc", node.url)["steps"] == 3
    kept = json.loads(trust.read_text())["validator_sets"]
    assert [p["number"] for p in kept] == [10, 20]


def test_a_node_that_lags_is_waited_for_and_one_without_votes_is_said(
    start: Callable[..., ParliaNode], dossier: Path, tmp_path: Path
) -> None:
    node = start()
    shell = new_shell(tmp_path / "publisher", node)
    node.lag = 2
    _, anchor = publish_at(shell, node, dossier, 24)
    assert len(anchor["consensus"]["headers"]) == 2

    node.lag, node.mute, node.stride = 0, True, 100
    (dossier / "incident.yaml").write_text(RECORD.replace("2025-01-01-parlia", "2025-01-02-mute"))
    code, result, err = shell.run("publish", dossier, "--network", "parlia", "--yes")
    assert code == 0, err
    assert "carries no votes of validators" in err
    assert "consensus" not in json.loads(Path(result["bundle"]).read_text())["anchors"][0]


def test_a_reorganised_anchor_carries_the_votes_of_its_last_block(
    start: Callable[..., ParliaNode], dossier: Path, tmp_path: Path
) -> None:
    node = start()
    shell = new_shell(tmp_path / "publisher", node)
    wait = node.answer
    done: list[str] = []

    def reorganising(method: str, parameters: list[Any]) -> Any:
        # Once, while the publisher waits for finality: the last three blocks are made anew without their transactions.
        found = wait(method, parameters)
        if method == "eth_getTransactionReceipt" and found and int(found["blockNumber"], 16) > 20 and not done:
            done.append(found["blockHash"])
            node.anvil.rpc("anvil_reorg", 2, [])
        return found

    node.answer = reorganising  # type: ignore[method-assign]
    bundle, anchor = publish_at(shell, node, dossier, 24)
    assert done
    assert anchor["block"]["hash"] != done[0]
    # Where it ends up depends on how often the publisher asked; the new validators are in force all the while.
    node.anvil.rpc("anvil_mine", hex(100))
    node.catch_up()
    pins = [pinned(node, 10, OLD), pinned(node, 20, NEW, 100)]
    trust = readers_trust(tmp_path / "trust.json", node, shell, pins)
    reader = Shell(tmp_path / "reader", "http://127.0.0.1:9")
    files = [bundle, dossier / "evidence" / "orders.csv", "--trust", trust]
    assert reader.ok("verify", "--offline", *files)["verdict"] == "pass"


def test_a_node_that_lies_to_the_publisher_is_refused_and_nothing_is_paid_twice(
    start: Callable[..., ParliaNode], dossier: Path, tmp_path: Path
) -> None:
    """The publisher pins validators too: a node on a chain of strangers is found out before a bundle is written."""
    node = start()
    shell = new_shell(tmp_path / "publisher", node)
    own = json.loads((shell.workspace / "trust.json").read_text())
    node.anvil.rpc("anvil_mine", hex(12))
    node.catch_up()
    write_trust(
        shell.workspace / "trust.json", node, [pinned(node, 10, OLD), pinned(node, 20, NEW)],
        registries=own["registries"],
    )  # fmt: skip
    wallet = node.anvil.accounts[1].address
    before = int(str(node.anvil.rpc("eth_getTransactionCount", wallet, "latest")), 16)
    node.lie = 24
    code, error, err = shell.run("publish", dossier, "--network", "parlia", "--yes")
    assert (code, error["error"]["code"]) == (1, "consensus.not_validator"), err
    assert not list((shell.workspace / "bundles").glob("*"))
    node.lie = None
    result = shell.ok("publish", dossier, "--network", "parlia", "--yes")
    assert "consensus" in json.loads(Path(result["bundle"]).read_text())["anchors"][0]
    assert int(str(node.anvil.rpc("eth_getTransactionCount", wallet, "latest")), 16) == before + 1


@pytest.mark.packaging
def test_verified_in_an_empty_environment(
    start: Callable[..., ParliaNode], dossier: Path, source_copy: Path, tmp_path: Path
) -> None:
    """The wheel with the `consensus` extra alone: pure Python checks the votes; without it they are unchecked."""
    node = start()
    shell = new_shell(tmp_path / "publisher", node)
    bundle, _ = publish_at(shell, node, dossier, 24)
    trust = readers_trust(tmp_path / "trust.json", node, shell, [pinned(node, 10, OLD)])
    call = {"capture_output": True, "text": True, "check": True}
    subprocess.run([sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path / "dist", source_copy], **call)  # type: ignore[call-overload]
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], **call)  # type: ignore[call-overload]
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", wheel], **call)  # type: ignore[call-overload]
    reader = Shell(tmp_path / "reader", "http://127.0.0.1:9", python)
    files = [bundle, dossier / "evidence" / "orders.csv", "--trust", trust]
    code, report, _ = reader.run("verify", "--offline", *files)
    assert (code, report["lacking"]) == (3, ["chain.header"])
    assert statuses(report, "chain.consensus") == [("unchecked", "consensus.no_bls")]
    subprocess.run([python, "-m", "pip", "install", "--quiet", f"{wheel}[consensus]"], **call)  # type: ignore[call-overload]
    report = reader.ok("verify", "--offline", *files)
    assert (report["verdict"], report["anchors"][0]["grade"]) == ("pass", "consensus")
    listed = subprocess.run([python, "-m", "pip", "list"], **call).stdout.lower()  # type: ignore[call-overload]
    assert "py-ecc" in listed.replace("_", "-")
    assert "pyblst" not in listed
    assert "web3" not in listed
