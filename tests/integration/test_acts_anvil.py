"""Acts of the registry on a real Anvil: relays that race, batches, retractions over RPC, a chain that was reset."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from archive.chain import deploy
from archive.chain.acting import is_done, perform
from archive.chain.codec import keccak
from archive.chain.eip712 import EndorseAct, Request
from archive.chain.networks import get_network
from archive.chain.rpc import RpcClient
from archive.chain.writer import RegistryWriter
from archive.workspace import Workspace

pytestmark = pytest.mark.anvil

ETHER = 10**18
PASSWORD = "correct horse battery staple"
PROJECT = Path(__file__).resolve().parents[2]
RECORD = """\
schema_version: 1
id: {id}
title: {{en: A test incident}}
summary: {{en: Users say that orders were refused.}}
occurred: {{start: "2025-01-01T00:00:00Z", end: "2025-01-01T01:00:00Z", precision: minute, time_zone: UTC}}
parties:
  - {{id: trader, name: {{en: Trader}}, kind: person}}
evidence:
  - {{id: orders, kind: order-log, path: evidence/orders.csv, media_type: text/csv}}
revision: 1
revisions:
  - {{revision: 1, reason: {{en: Reason.}}}}
"""


def funded(node: Any) -> Any:
    account = Account.create()
    node.rpc("anvil_setBalance", account.address, hex(100 * ETHER))
    return account


def test_relays_that_race_for_one_request_are_both_right(start_anvil: Any, tmp_path: Path) -> None:
    node = start_anvil()
    client = RpcClient(node.url)
    network = replace(get_network(Workspace(tmp_path), "anvil", {}), chain_id=node.chain_id, rpc_urls=(node.url,))
    first = funded(node)
    deployer = deploy.Deployer(client, network, first, poll=0.02)
    network = replace(network, registry=deployer.deploy(deployer.plan()).address)
    writers = [RegistryWriter.open(client, network, one, poll=0.02) for one in (first, funded(node))]
    signer = Account.create()
    act = EndorseAct(signer.address.lower(), keccak(b"root"))
    plain = Request(node.chain_id, writers[0].reader.address, act, 4_000_000_000)
    request = replace(plain, signature=bytes(signer.sign_typed_data(full_message=plain.typed_data()).signature))
    # Both are signed and sent before either is mined.
    node.rpc("evm_setAutomine", False)
    quotes = [writer.sender.estimate(writer.reader.address, request.relay_call()) for writer in writers]
    signed = []
    for writer, quote in zip(writers, quotes, strict=True):
        signed.append(writer.sender.sign(writer.reader.address, request.relay_call(), quote))
        writer.sender.send(signed[-1])
    node.rpc("anvil_mine", "0x1")
    node.rpc("evm_setAutomine", True)

    def done() -> bool:
        return is_done(client, writers[0].reader.address, act)

    results = [
        perform(writer, request.relay_call(), done, resume=one) for writer, one in zip(writers, signed, strict=True)
    ]
    assert sorted(result.status for result in results) == ["already", "done"]


class Publisher:
    """`archive` with a funded wallet, on an Anvil of its own."""

    def __init__(self, folder: Path, node: Any) -> None:
        self.folder = folder
        self.point(node)
        self.key = "7c" * 32
        self.ok("wallet", "import", ARCHIVE_WALLET_KEY=self.key)
        self.fund()
        self.deployed = self.ok("contract", "deploy", "--network", "anvil", "--create2", "--yes")["deployment"]

    def point(self, node: Any) -> None:
        """Use another node from now on."""
        self.node = node
        self.url = node.url

    def fund(self) -> None:
        self.node.rpc("anvil_setBalance", Account.from_key(self.key).address, hex(10 * ETHER))

    def run(self, *arguments: str, **more: str) -> tuple[int, Any]:
        clean = {key: value for key, value in os.environ.items() if not key.startswith("ARCHIVE_")}
        variables = {
            "ARCHIVE_WORKSPACE": str(self.folder / "workspace"),
            "ARCHIVE_RPC_ANVIL": self.url,
            "ARCHIVE_WALLET_PASSWORD": PASSWORD,
            **more,
        }
        done = subprocess.run(
            [sys.executable, "-c", "from archive.cli.main import main; main()", *arguments, "--json"],
            env={**clean, **variables},
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr

    def ok(self, *arguments: str, **more: str) -> Any:
        code, answer = self.run(*arguments, **more)
        assert code == 0, answer
        return answer

    def dossier(self, incident: str) -> str:
        folder = self.folder / incident
        (folder / "evidence").mkdir(parents=True)
        (folder / "incident.yaml").write_text(RECORD.format(id=incident))
        (folder / "evidence" / "orders.csv").write_text(f"time,side\n00:01,{incident}\n")
        return str(folder)


def told(report: Any, code: str) -> list[str]:
    return [check["status"] for check in report["checks"] if check["code"] == code]


def test_a_batch_its_retraction_over_rpc_and_a_chain_that_was_reset(start_anvil: Any, tmp_path: Path) -> None:
    publisher = Publisher(tmp_path, start_anvil())
    assert publisher.deployed["address"] == deploy.deterministic_address()
    folders = [publisher.dossier("2025-01-01-test"), publisher.dossier("2025-01-02-test")]
    done = publisher.ok("publish", *folders, "--batch", "--network", "anvil", "--yes")
    bundle = done["packages"][0]["bundle"]
    address = done["packages"][0]["anchor"]["publisher"]
    publisher.ok("trust", "add", "publisher", address, "--name", "Publisher")
    asked = ("--rpc", publisher.url)
    report = publisher.ok("verify", bundle, folders[0], *asked)
    assert (report["verdict"], told(report, "history.retracted")) == ("pass", ["pass"])
    assert told(report, "history.fork") == ["pass"]
    assert "anchor.state_entry" in {check["code"] for check in report["checks"]}
    publisher.ok("retract", bundle, "--reason", "misread", "--network", "anvil", "--yes")
    publisher.ok("endorse", bundle, "--network", "anvil", "--yes")
    report = publisher.ok("verify", bundle, folders[0], *asked)
    found = [check["found"] for check in report["checks"] if check["code"] == "history.retracted"]
    assert "misread" in found[0]
    assert told(report, "origin.endorsed") == ["pass"]
    # A test network that starts anew: the same package, the same registry address, another history.
    publisher.point(start_anvil())
    publisher.fund()
    publisher.ok("contract", "deploy", "--network", "anvil", "--yes")
    again = publisher.ok("reanchor", bundle, "--network", "anvil", "--yes", "--out", str(tmp_path / "two.proof.json"))
    assert (again["status"], again["anchors"]) == ("anchored", 2)
    report = publisher.ok("verify", str(tmp_path / "two.proof.json"), folders[0], "--rpc", publisher.url)
    assert report["verdict"] == "pass"
    assert told(report, "anchor.log") == ["pass", "pass"]
    assert "unchecked" in told(report, "chain.other_history")
