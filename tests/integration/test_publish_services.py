"""The whole way through real services: Anvil, two Kubo peers, arlocal; killed, down, poor, on a wrong chain."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "a password for tests"
INCIDENT = "2025-01-01-services"
RECORD = f"""\
schema_version: 1
id: {INCIDENT}
title: {{en: A test incident}}
summary: {{en: Users say that orders were refused.}}
occurred: {{start: 2025-01-01T00:00:00Z, end: 2025-01-01T01:00:00Z, precision: minute, time_zone: UTC}}
parties:
  - {{id: trader, name: {{en: Trader}}, kind: person}}
evidence:
  - {{id: orders, kind: order-log, path: evidence/orders.csv, media_type: text/csv}}
  - {{id: raw, kind: market-data, path: evidence/raw.csv, media_type: text/csv}}
  - {{id: names, kind: document, path: evidence/names.txt, media_type: text/plain, withheld: true}}
revision: 1
revisions:
  - {{revision: 1, reason: {{en: First publication.}}}}
"""
# Kills the process right after a step was written to the journal and told.
KILLER = """
import os, signal, sys
from archive.cli import main, publish
step = sys.argv.pop(1)
tell = publish._step
def kill(done):
    tell(done)
    if done == step:
        os.kill(os.getpid(), signal.SIGKILL)
publish._step = kill
main.main()
"""


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Shell:
    """`archive` as a process of its own, in a workspace of its own."""

    workspace: Path
    environment: dict[str, str]

    def run(self, *arguments: str | Path, kill_after: str | None = None) -> Ran:
        plain = ["-c", "from archive.cli.main import main; main()"]
        start = plain if kill_after is None else ["-c", KILLER, kill_after]
        done = subprocess.run(
            [sys.executable, *start, *map(str, arguments)],
            env=self.environment | {"ARCHIVE_WORKSPACE": str(self.workspace)},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def ok(self, *arguments: str | Path) -> Any:
        """The JSON result of a command that must succeed."""
        ran = self.run(*arguments, "--json")
        assert ran.code == 0, ran.out + ran.err
        return ran.json

    def publish(self, dossier: Path, *options: str, kill_after: str | None = None) -> Ran:
        return self.run("publish", dossier, "--network", "anvil", "--yes", "--json", *options, kill_after=kill_after)


@pytest.fixture
def dossier(tmp_path: Path) -> Path:
    folder = tmp_path / "dossier"
    (folder / "evidence").mkdir(parents=True)
    (folder / "incident.yaml").write_text(RECORD)
    (folder / "evidence" / "orders.csv").write_text(f"time,side,price\n{tmp_path},buy,1\n")
    # Several chunks for IPFS and for Arweave.
    (folder / "evidence" / "raw.csv").write_bytes(b"time,price\n" + b"2025-01-01T00:00:00Z,1.00\n" * 60_000)
    (folder / "evidence" / "names.txt").write_text("Alice\n")
    return folder


@pytest.fixture(scope="module")
def arweave_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from Crypto.PublicKey import RSA

    key = RSA.generate(2048)

    def number(value: int) -> str:
        return urlsafe_b64encode(value.to_bytes((value.bit_length() + 7) // 8, "big")).rstrip(b"=").decode()

    parts = {"n": key.n, "e": key.e, "d": key.d, "p": key.p, "q": key.q, "dp": key.d % (key.p - 1)}
    parts |= {"dq": key.d % (key.q - 1), "qi": pow(key.q, -1, key.p)}
    path = tmp_path_factory.mktemp("key") / "arweave.json"
    path.write_text(json.dumps({"kty": "RSA", **{name: number(value) for name, value in parts.items()}}))
    path.chmod(0o600)
    return path


def new_shell(workspace: Path, node: Any, **environment: str) -> Shell:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ARCHIVE_")}
    return Shell(workspace, kept | {"ARCHIVE_RPC_ANVIL": node.url, "ARCHIVE_WALLET_PASSWORD": PASSWORD} | environment)


def with_wallet(shell: Shell, account: Any) -> str:
    """Import a development key and deploy the registry; the wallet's address."""
    shell.environment["ARCHIVE_WALLET_KEY"] = account.private_key
    address = str(shell.ok("wallet", "import")["address"])
    del shell.environment["ARCHIVE_WALLET_KEY"]
    shell.ok("contract", "deploy", "--network", "anvil", "--yes")
    return address


def sent_by(node: Any, address: str) -> int:
    return int(str(node.rpc("eth_getTransactionCount", address, "latest")), 16)


@pytest.fixture
def services(
    tmp_path: Path, anvil: Any, kubo: Any, kubo_peer: Any, arlocal: Any, arweave_key: Path
) -> Callable[[str], Shell]:
    """A shell with Kubo and Arweave to write to, and a second Kubo process, through its gateway, to read from."""
    from archive.stores.arweave import ArweaveWriter

    arlocal.mint(ArweaveWriter(arlocal.url, arweave_key, state_dir=tmp_path).address, 10**18)

    def make(name: str) -> Shell:
        return new_shell(
            tmp_path / name,
            anvil,
            ARCHIVE_KUBO_API=kubo.api_url,
            ARCHIVE_IPFS_GATEWAYS=f"peer={kubo_peer.gateway_url}",
            ARCHIVE_ARWEAVE_URL=arlocal.url,
            ARCHIVE_ARWEAVE_KEYFILE=str(arweave_key),
        )

    return make


@pytest.mark.kubo
@pytest.mark.arlocal
@pytest.mark.anvil
def test_the_whole_way_and_back_from_a_second_empty_workspace(
    services: Callable[[str], Shell], dossier: Path, anvil: Any, tmp_path: Path
) -> None:
    shell = services("publisher")
    address = with_wallet(shell, anvil.accounts[1])
    plan = shell.ok("publish", dossier, "--network", "anvil", "--dry-run")
    assert plan["public"] is True
    assert [store["name"] for store in plan["stores"]] == ["local", "kubo", "arweave"]
    assert plan["stores"][2]["cost"]["coin"] == "AR"
    assert plan["stores"][2]["cost"]["total"] is not None
    nonce = sent_by(anvil, address)
    ran = shell.publish(dossier)
    assert ran.code == 0, ran.err
    result = ran.json
    assert sent_by(anvil, address) == nonce + 1
    assert [(pin["store"], pin["verified"]) for pin in result["pins"]] == [
        ("local", True),
        ("kubo", True),
        ("arweave", True),
    ]
    assert {check["store"]: check["status"] for check in result["read_back"]}["peer"] == "verified"
    assert result["operators"] >= 1
    assert result["anchor"]["publisher"] == address
    assert result["anchor"]["chain_id"] == 31337

    # Somebody else: no files, no key, another workspace, only the bundle and the stores.
    reader = services("reader")
    bundle = tmp_path / "sent.proof.json"
    bundle.write_bytes(Path(result["bundle"]).read_bytes())
    unknown = reader.run("verify", bundle, "--json")
    assert (unknown.code, unknown.json["verdict"]) == (3, "incomplete")
    trust = json.loads((shell.workspace / "trust.json").read_text())["registries"][0]
    reader.ok("trust", "add", "registry", "--name", "theirs", "--chain-id", str(trust["chain_id"]), "--genesis",
              trust["genesis"], "--address", trust["address"], "--code-hash", trust["code_hash"])  # fmt: skip
    reader.ok("trust", "add", "publisher", address, "--name", "them")
    verified = reader.run("verify", bundle, "--json")
    assert (verified.code, verified.json["verdict"]) == (0, "pass"), verified.out
    copy = tmp_path / "copy"
    fetched = reader.run("get", result["content_id"], copy, "--from", "peer", "--json")
    assert fetched.code == 0, fetched.err
    assert (copy / "evidence" / "raw.csv").read_bytes() == (dossier / "evidence" / "raw.csv").read_bytes()
    assert not (copy / "evidence" / "names.txt").exists()

    again = shell.publish(dossier)
    assert again.code == 0
    assert again.json["already_published"] is True
    assert sent_by(anvil, address) == nonce + 1


@pytest.mark.kubo
@pytest.mark.arlocal
@pytest.mark.anvil
def test_killed_at_every_step_it_is_completed_and_nothing_is_paid_twice(
    services: Callable[[str], Shell], dossier: Path, anvil: Any
) -> None:
    shell = services("publisher")
    address = with_wallet(shell, anvil.accounts[2])
    nonce = sent_by(anvil, address)
    steps = (
        "packed",
        "signed",
        "sent",
        "anchored",
        "final",
        "bundle",
        "pinned:kubo",
        "bundle pinned:kubo",
        "pinned:arweave",
        "bundle pinned:arweave",
        "read back",
    )
    for step in steps:
        assert shell.publish(dossier, kill_after=step).code == -signal.SIGKILL, step
    ran = shell.publish(dossier)
    assert ran.code == 0, ran.err
    assert sent_by(anvil, address) == nonce + 1
    uploads = [json.loads(path.read_text()) for path in sorted((shell.workspace / "journal" / "arweave").glob("*"))]
    locators = {pin["locator"] for pin in (*ran.json["pins"], *ran.json["bundle_pins"]) if pin["store"] == "arweave"}
    assert {upload["transaction"]["id"] for upload in uploads} >= locators
    assert len(locators) == 2


@pytest.mark.kubo
@pytest.mark.anvil
def test_a_store_that_comes_back_is_given_what_it_missed(
    tmp_path: Path, dossier: Path, start_anvil: Callable[..., Any], lonely_kubo: Any
) -> None:
    node = start_anvil()
    shell = new_shell(tmp_path / "publisher", node, ARCHIVE_KUBO_API="http://127.0.0.1:9")
    address = with_wallet(shell, node.accounts[0])
    down = shell.publish(dossier)
    assert down.code == 3
    assert [failure["store"] for failure in down.json["failures"]] == ["kubo"]
    nonce = sent_by(node, address)
    shell.environment["ARCHIVE_KUBO_API"] = lonely_kubo.api_url
    up = shell.publish(dossier)
    assert up.code == 0, up.err
    assert [pin["store"] for pin in up.json["pins"]] == ["local", "kubo"]
    assert up.json["operators"] == 0
    assert sent_by(node, address) == nonce
    held = lonely_kubo.cli("pin", "ls", "--type=recursive", "-q").split()
    assert {up.json["content_id"], up.json["bundle_cid"]} <= set(held)


@pytest.mark.anvil
def test_confirmations_are_waited_for(tmp_path: Path, dossier: Path, start_anvil: Callable[..., Any]) -> None:
    node = start_anvil(options=("--block-time", "1"))
    shell = new_shell(tmp_path / "publisher", node)
    with_wallet(shell, node.accounts[0])
    ran = shell.publish(dossier, "--confirmations", "3")
    assert ran.code == 0, ran.err
    assert ran.json["anchor"]["final_by"] == "3 confirmations"
    assert int(str(node.rpc("eth_blockNumber")), 16) >= ran.json["anchor"]["block"] + 2


@pytest.mark.anvil
def test_refusals_leave_nothing_anchored(tmp_path: Path, dossier: Path, start_anvil: Callable[..., Any]) -> None:
    node = start_anvil()
    shell = new_shell(tmp_path / "publisher", node)
    rich = with_wallet(shell, node.accounts[0])
    poor = str(shell.ok("wallet", "new")["address"])

    def code(*options: str, **environment: str) -> tuple[int, str]:
        saved = dict(shell.environment)
        shell.environment.update(environment)
        ran = shell.publish(dossier, *options)
        shell.environment = saved
        return ran.code, str(ran.json["error"]["code"])

    before = sent_by(node, rich)
    assert code() == (2, "wallet.ambiguous")
    assert code("--wallet", poor) == (1, "chain.no_funds")
    assert code("--wallet", rich, ARCHIVE_WALLET_PASSWORD="wrong") == (1, "wallet.wrong_password")
    assert code("--wallet", rich, ARCHIVE_REGISTRY_ANVIL="0x" + "12" * 20) == (1, "chain.no_contract")
    assert code("--wallet", rich, ARCHIVE_RPC_ANVIL="http://127.0.0.1:9") == (3, "chain.rpc_unreachable")
    other = start_anvil(chain_id=97)
    assert code("--wallet", rich, ARCHIVE_RPC_ANVIL=other.url) == (1, "chain.wrong_chain_id")
    assert sent_by(node, rich) == before
    ran = shell.publish(dossier, "--wallet", rich)
    assert ran.code == 0, ran.err
    assert sent_by(node, rich) == before + 1

    # The chain is thrown away and begun again: the journal does not mistake one for the other.
    fresh = start_anvil()
    shell.environment["ARCHIVE_RPC_ANVIL"] = fresh.url
    shell.ok("contract", "deploy", "--network", "anvil", "--wallet", rich, "--yes")
    reset = shell.publish(dossier, "--wallet", rich)
    assert (reset.code, reset.json["error"]["code"]) == (1, "publish.other_chain")
    again = shell.publish(dossier, "--wallet", rich, "--restart")
    assert again.code == 0, again.err
    assert len(json.loads(Path(again.json["bundle"]).read_text())["anchors"]) == 2
