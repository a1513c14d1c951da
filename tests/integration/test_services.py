"""The services themselves: each starts, answers, and is gone afterwards."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path

import pytest
from eth_hash.auto import keccak

from tools import services

PROJECT = Path(__file__).resolve().parents[2]

# SHA-256 of "hello world" as a raw-leaf CIDv1: known from the multiformats documentation, not computed by Kubo here.
HELLO_CID = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.kubo
def test_kubo_is_the_pinned_version_and_imports_by_the_profile(kubo: services.KuboNode) -> None:
    assert kubo.rpc("version")["Version"] == "0.42.0"
    assert kubo.cli("add", "-Q", stdin=b"hello world").strip() == HELLO_CID
    assert kubo.cli("config", "Import.UnixFSChunker").strip() == "size-1048576"
    assert kubo.cli("config", "Import.UnixFSFileMaxLinks").strip() == "1024"


@pytest.mark.kubo
def test_a_second_kubo_reads_what_the_first_one_wrote(kubo: services.KuboNode, kubo_peer: services.KuboNode) -> None:
    text = b"written by the first node"
    cid = kubo.cli("add", "-Q", stdin=text).strip()
    assert kubo_peer.pid != kubo.pid
    assert services.http(f"{kubo_peer.gateway_url}/ipfs/{cid}") == text
    assert text in services.http(f"{kubo_peer.gateway_url}/ipfs/{cid}?format=car")


@pytest.mark.kubo
def test_kubo_listens_on_the_loopback_address_only(kubo: services.KuboNode) -> None:
    addresses = kubo.rpc("id")["Addresses"]
    assert isinstance(addresses, list)
    assert addresses
    assert all(str(address).startswith("/ip4/127.0.0.1/") for address in addresses)


@pytest.mark.kubo
def test_a_lonely_kubo_is_offline(lonely_kubo: services.KuboNode) -> None:
    with pytest.raises(services.ServiceError, match="must be run in online mode"):
        lonely_kubo.rpc("swarm/peers")


@pytest.mark.arlocal
def test_arlocal_mines_and_mints(arlocal: services.ArlocalGateway) -> None:
    before = arlocal.info()["height"]
    arlocal.mine()
    assert isinstance(before, int)
    assert arlocal.info()["height"] == before + 1
    arlocal.mint("0" * 43, 5)
    assert services.http(f"{arlocal.url}/wallet/{'0' * 43}/balance") == b"5"


@pytest.mark.anvil
def test_anvil_has_the_asked_chain_id(
    start_anvil: Callable[..., services.AnvilNode], anvil_97: services.AnvilNode
) -> None:
    anvil = start_anvil()  # one that no other test spent from
    assert anvil.rpc("eth_chainId") == hex(31337)
    assert anvil_97.rpc("eth_chainId") == hex(97)
    assert len(anvil.accounts) == 10
    assert anvil.rpc("eth_getBalance", anvil.accounts[0].address, "latest") == hex(10_000 * 10**18)


@pytest.mark.anvil
def test_a_service_is_stopped_when_its_test_fails() -> None:
    if not services.foundry_binary("anvil").exists():
        pytest.skip("anvil is not installed; run: python tools/services.py install node")
    pids = []

    def fail() -> None:
        with services.anvil() as node:
            pids.append(node.pid)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not _is_running(pids[0])


@pytest.mark.anvil
def test_a_service_that_does_not_start_says_what_it_printed() -> None:
    if not services.foundry_binary("anvil").exists():
        pytest.skip("anvil is not installed; run: python tools/services.py install node")
    with (
        pytest.raises(services.ServiceError, match="unexpected argument"),
        services.anvil(options=["--no-such-option"]),
    ):
        pass


def test_a_missing_tool_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INCIDENT_ARCHIVE_CACHE", str(tmp_path))
    with pytest.raises(services.ToolMissing, match=r"python tools/services\.py install kubo"), services.kubo():
        pass
    done = subprocess.run(
        [sys.executable, str(PROJECT / "tools" / "services.py"), "status"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "forge: missing" in done.stdout


@pytest.mark.anvil
def test_the_shipped_bytecode_deploys_to_the_code_that_its_hash_names(anvil: services.AnvilNode) -> None:
    artifact = json.loads((PROJECT / "archive" / "chain" / "artifacts" / "IncidentRegistry.json").read_text())
    registry = anvil.send(data=artifact["bytecode"])["contractAddress"]
    code = str(anvil.rpc("eth_getCode", registry, "latest"))
    assert code == artifact["deployed_bytecode"]
    assert "0x" + keccak(bytes.fromhex(code[2:])).hex() == artifact["code_hash"]


def test_solc_waits_for_input_that_is_not_there_yet(ipfs_car: Path) -> None:
    """Foundry's end of the pipe does not block: solcjs by itself takes an empty pipe for an error (EAGAIN)."""
    source = "// SPDX-License-Identifier: Apache-2.0\npragma solidity 0.8.37;\ncontract A {}\n"
    request = json.dumps({"language": "Solidity", "sources": {"A.sol": {"content": source}}}).encode()
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    environment = os.environ | {"INCIDENT_ARCHIVE_NODE_MODULES": str(services.node_modules())}
    with subprocess.Popen(
        [PROJECT / "tools" / "solc", "--standard-json"],
        stdin=reading,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    ) as solc:
        os.close(reading)
        os.write(writing, request[:20])
        # The rest follows only when the reader has taken the beginning, and so meets an empty pipe.
        left = bytearray(4)
        while not fcntl.ioctl(writing, termios.FIONREAD, left) and int.from_bytes(left, sys.byteorder):
            os.sched_yield()
        for _ in range(50_000):
            os.sched_yield()
        with contextlib.suppress(BrokenPipeError):
            os.write(writing, request[20:])
        os.close(writing)
        answer, told = solc.communicate()
    assert solc.returncode == 0, told.decode()
    assert list(json.loads(answer)["sources"]) == ["A.sol"]
