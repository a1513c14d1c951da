"""The chain code against a real Anvil node: mixed blocks, reverts, reorganisations, wrong chains, no funds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from archive.chain import codec, deploy, proofs, registry
from archive.chain.artifact import load_artifact
from archive.chain.collect import collect_anchor_proof
from archive.chain.networks import Network, get_network, open_chain
from archive.chain.rpc import RpcClient
from archive.chain.sending import SignedTransaction
from archive.chain.writer import RegistryWriter
from archive.errors import ArchiveError
from archive.trust import load_trust, to_checksum
from archive.workspace import Workspace

pytestmark = pytest.mark.anvil

ETHER = 10**18


def call_of(incident: str, root: int | None = None, previous: bytes = bytes(32)) -> registry.AnchorCall:
    value = os.urandom(32) if root is None else bytes([root]) * 32
    return registry.AnchorCall(registry.incident_key(incident), value, previous, os.urandom(32))


def code_of(action: Callable[[], object]) -> str:
    with pytest.raises(ArchiveError) as caught:
        action()
    return caught.value.code


class Chain:
    """One Anvil node with the registry deployed on it, and a funded key of our own."""

    def __init__(self, node: Any, workspace: Workspace) -> None:
        self.node = node
        self.client = RpcClient(node.url)
        self.account = self.funded()
        anvil = get_network(workspace, "anvil", {})
        self.network = replace(anvil, chain_id=node.chain_id, rpc_urls=(node.url,))
        deployer = deploy.Deployer(self.client, self.network, self.account, poll=0.02)
        self.deployment = deployer.deploy(deployer.plan())
        self.network = replace(self.network, registry=self.deployment.address)

    def funded(self, ether: int = 100) -> Any:
        account = Account.create()
        self.node.rpc("anvil_setBalance", account.address, hex(ether * ETHER))
        return account

    def writer(self, account: Any = None, network: Network | None = None) -> RegistryWriter:
        return RegistryWriter.open(self.client, network or self.network, account or self.account, poll=0.02)


@pytest.fixture(scope="module")
def chain(anvil: Any, tmp_path_factory: pytest.TempPathFactory) -> Chain:
    return Chain(anvil, Workspace(tmp_path_factory.mktemp("chain")))


@pytest.fixture
def own_chain(start_anvil: Any, tmp_path: Path) -> Chain:
    """A node of the test's own, which it may break."""
    return Chain(start_anvil(), Workspace(tmp_path))


@pytest.fixture
def manual(own_chain: Chain) -> Chain:
    """Blocks are mined when the test says so."""
    own_chain.node.rpc("evm_setAutomine", False)
    return own_chain


def send_raw(chain: Chain, account: Any, *, to: str, **fields: Any) -> Any:
    request = {"chainId": chain.network.chain_id, "gas": 300_000, "value": 0, "data": "0x", **fields}
    signed = account.sign_transaction({**request, "to": to_checksum(to)})
    return chain.client.call("eth_sendRawTransaction", [codec.to_hex(signed.raw_transaction)])


# Deployment


def test_the_registry_is_deployed_at_the_address_that_follows_from_its_code(chain: Chain) -> None:
    assert chain.deployment.address == deploy.deterministic_address()
    assert deploy.compare_code(chain.client, chain.deployment.address).same
    plan = deploy.Deployer(chain.client, chain.network, chain.account).plan()
    assert (plan.method, plan.exists, plan.estimate) == ("deterministic", True, None)


def test_without_the_deployment_proxy_the_account_creates_it(start_anvil: Any, tmp_path: Path) -> None:
    node = start_anvil()
    node.rpc("anvil_setCode", deploy.FACTORY, "0x")
    chain = Chain(node, Workspace(tmp_path))
    assert chain.deployment.address != deploy.deterministic_address()
    assert chain.deployment.block is not None
    assert deploy.compare_code(chain.client, chain.deployment.address).same


def test_deploying_from_the_command_line_twice(start_anvil: Any, tmp_path: Path) -> None:
    node = start_anvil()
    key, password = "7b" * 32, "correct horse battery staple"
    node.rpc("anvil_setBalance", Account.from_key(key).address, hex(10 * ETHER))
    secrets = {"ARCHIVE_WALLET_KEY": key, "ARCHIVE_WALLET_PASSWORD": password}

    def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        variables = {"ARCHIVE_WORKSPACE": str(tmp_path), "ARCHIVE_RPC_ANVIL": node.url, **secrets, **more}
        return subprocess.run(
            [sys.executable, "-c", "from archive.cli.main import main; main()", *arguments],
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    runs = [run("wallet", "import")]
    runs.append(run("contract", "deploy", "--network", "anvil", "--dry-run", "--json"))
    assert json.loads(runs[-1].stdout)["plan"]["exists"] is False
    runs.append(run("contract", "deploy", "--network", "anvil"))
    assert runs[-1].returncode == 1
    assert "stopped at the question" in runs[-1].stderr
    assert node.rpc("eth_getCode", deploy.deterministic_address(), "latest") == "0x"
    runs.append(run("contract", "deploy", "--network", "anvil", "--yes", "--json"))
    assert runs[-1].returncode == 0, runs[-1].stderr
    made = json.loads(runs[-1].stdout)
    assert made["status"] == "deployed"
    runs.append(run("contract", "deploy", "--network", "anvil", "--json"))
    assert json.loads(runs[-1].stdout)["status"] == "found"
    runs.append(run("contract", "info", "--network", "anvil", "--json"))
    info = json.loads(runs[-1].stdout)
    assert info["registry"] == made["deployment"]["address"]
    trusted = load_trust(tmp_path / "trust.json").registry(31337, info["genesis"], info["registry"])
    assert trusted is not None
    assert not trusted.workspace_chain
    runs.append(run("contract", "verify-code", "--network", "anvil"))
    assert runs[-1].returncode == 0
    told = "".join(done.stdout + done.stderr for done in runs)
    assert key not in told
    assert password not in told


# Anchoring


def test_anchoring_and_the_proof_of_it(chain: Chain) -> None:
    call = call_of("one")
    writer = chain.writer()
    receipt = writer.anchor(call)
    proven = proofs.check_anchor_proof(collect_anchor_proof(chain.client, receipt.tx_hash, chain.deployment.address))
    assert proven.root == call.root.hex()
    assert proven.publisher == proven.sender == chain.account.address.lower()
    assert proven.direct
    assert (proven.block_number, proven.block_hash) == (receipt.block_number, receipt.block_hash)
    assert writer.anchor(call).status == "already"
    later = writer.anchor(call_of("one", previous=call.root))
    assert later.status == "anchored"
    assert code_of(lambda: writer.anchor(call_of("one"))) == "registry.not_head"


def test_web3_reads_the_same(chain: Chain) -> None:
    from web3 import Web3

    call = call_of("web3")
    receipt = chain.writer().anchor(call)
    web3 = Web3(Web3.HTTPProvider(chain.node.url))
    address = Web3.to_checksum_address(chain.deployment.address)
    contract = web3.eth.contract(address=address, abi=list(load_artifact().abi))
    entry = contract.functions.entryOf(chain.account.address, call.root).call()
    assert entry == [call.tag, receipt.timestamp, receipt.block_number, 1, 0]


@pytest.mark.parametrize("count", [1, 17, 130])
def test_a_block_of_other_peoples_transactions_of_all_types_and_reverts(manual: Chain, count: int) -> None:
    """Trie indexes cross 127/128; the fees of one sender are equal, since Anvil drops mixed ones in one block."""
    senders = [manual.funded() for _ in range(count)]
    fee = 5 * 10**9
    access = [{"address": "0x" + "11" * 20, "storageKeys": ["0x" + "22" * 32]}]
    kinds: Sequence[dict[str, Any]] = (
        {"gasPrice": fee},
        {"type": 1, "gasPrice": fee, "accessList": access},
        {"type": 2, "maxFeePerGas": fee, "maxPriorityFeePerGas": fee, "accessList": access},
    )
    for at, account in enumerate(senders):
        # Every fourth calls the registry with a zero root, which reverts.
        zero = registry.AnchorCall(b"\x01" * 32, bytes(32), bytes(32), bytes(32)).encode()
        target: dict[str, Any] = {"to": manual.node.accounts[1].address, "value": 1}
        if at % 4 == 3:
            target = {"to": manual.deployment.address, "data": codec.to_hex(zero)}
        send_raw(manual, account, nonce=0, **kinds[at % 3], **target)
    call = call_of("mixed")
    writer = manual.writer()
    signed = writer.sign(call)
    writer.send(signed)
    manual.node.rpc("evm_mine")
    mined = writer.wait_mined(signed, call, deadline=10)
    block = manual.client.call("eth_getBlockByHash", [mined.block_hash, True])
    assert len(block["transactions"]) == count + 1
    proof = collect_anchor_proof(manual.client, signed.hash, manual.deployment.address)
    assert proofs.check_anchor_proof(proof).root == call.root.hex()
    statuses = {receipt["status"] for receipt in manual.client.call("eth_getBlockReceipts", [block["number"]])}
    assert statuses == ({"0x0", "0x1"} if count > 3 else {"0x1"})


def test_a_contract_wallet_is_the_publisher(chain: Chain) -> None:
    """A minimal proxy that passes its calldata on to the registry, deployed by hand."""
    # Copy the calldata, call the registry with it, revert when that does.
    code = f"365f5f375f5f365f5f73{chain.deployment.address[2:]}5af1"
    runtime = f"{code}60{len(code) // 2 + 6:02x}575f5ffd5b00"
    wallet = "0x" + "ba" * 20
    chain.node.rpc("anvil_setCode", wallet, "0x" + runtime)
    call = call_of("wallet")
    nonce = int(chain.client.call("eth_getTransactionCount", [chain.account.address, "latest"]), 16)
    tx_hash = send_raw(
        chain,
        chain.account,
        nonce=nonce,
        to=wallet,
        data=codec.to_hex(call.encode()),
        type=2,
        maxFeePerGas=10**10,
        maxPriorityFeePerGas=10**9,
    )
    while chain.client.call("eth_getTransactionReceipt", [tx_hash]) is None:  # Anvil answers before it has mined
        time.sleep(0.02)
    proven = proofs.check_anchor_proof(collect_anchor_proof(chain.client, tx_hash, chain.deployment.address))
    assert (proven.publisher, proven.sender, proven.direct) == (wallet, chain.account.address.lower(), False)


def test_chain_97_is_written_in_the_transaction(anvil_97: Any, tmp_path: Path) -> None:
    chain = Chain(anvil_97, Workspace(tmp_path))
    call = call_of("bsc testnet id")
    receipt = chain.writer().anchor(call)
    proof = collect_anchor_proof(chain.client, receipt.tx_hash, chain.deployment.address)
    assert proofs.check_anchor_proof(proof).chain_id == 97
    moved = proof.model_copy(update={"chain_id": 56})
    assert code_of(lambda: proofs.check_anchor_proof(moved)) == "anchor.tx_chain_id"


def test_a_node_that_only_says_it_is_bsc_testnet(anvil_97: Any, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    network = get_network(workspace, "bsc-testnet", {"ARCHIVE_RPC_BSC_TESTNET": anvil_97.url})

    def attempt() -> None:
        with open_chain(network, workspace):
            pass

    assert code_of(attempt) == "chain.other_history"


def test_a_development_key_on_chain_97(anvil_97: Any, tmp_path: Path) -> None:
    chain = Chain(anvil_97, Workspace(tmp_path))
    known = Account.from_key("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
    assert code_of(lambda: chain.writer(known)) == "chain.development_key"


# Wrong chains, wrong contracts


def test_a_wrong_chain_id(chain: Chain) -> None:
    assert code_of(lambda: chain.writer(network=replace(chain.network, chain_id=56))) == "chain.wrong_chain_id"


def test_no_contract_and_other_code(chain: Chain) -> None:
    empty, other = "0x" + "ab" * 20, "0x" + "cd" * 20
    chain.node.rpc("anvil_setCode", other, "0x6001600055")
    assert code_of(lambda: chain.writer(network=replace(chain.network, registry=empty))) == "chain.no_contract"
    assert code_of(lambda: chain.writer(network=replace(chain.network, registry=other))) == "chain.other_code"
    report = deploy.compare_code(chain.client, other)
    assert not report.same
    assert report.first_difference is not None


def test_the_second_url_is_used_when_the_first_is_down(chain: Chain, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    network = get_network(workspace, "anvil", {"ARCHIVE_RPC_ANVIL": f"http://127.0.0.1:1 {chain.node.url}"})
    with open_chain(network, workspace) as (_, identity):
        assert identity.chain_id == 31337


# Money and nonces


def test_no_funds(chain: Chain) -> None:
    poor = Account.create()
    with pytest.raises(ArchiveError) as caught:
        chain.writer(poor).anchor(call_of("poor"))
    assert caught.value.code == "chain.no_funds"
    assert poor.address.lower() in (caught.value.hint or "")


def test_funds_that_went_between_estimate_and_sending(chain: Chain) -> None:
    account = chain.funded()
    writer = chain.writer(account)
    signed = writer.sign(call_of("gone"))
    chain.node.rpc("anvil_setBalance", account.address, "0x0")
    assert code_of(lambda: writer.send(signed)) == "chain.no_funds"


def test_a_nonce_that_was_taken(chain: Chain) -> None:
    writer = chain.writer(chain.funded())
    stale = writer.sign(call_of("stale"))
    writer.anchor(call_of("taken"))
    assert code_of(lambda: writer.send(stale)) == "chain.nonce_taken"


def test_a_nonce_taken_by_a_dearer_transaction_while_waiting(manual: Chain) -> None:
    account = manual.funded()
    writer = manual.writer(account)
    call = call_of("replaced")
    signed = writer.sign(call)
    writer.send(signed)
    send_raw(
        manual,
        account,
        nonce=signed.nonce,
        to=manual.node.accounts[1].address,
        type=2,
        maxFeePerGas=10**12,
        maxPriorityFeePerGas=10**11,
    )
    manual.node.rpc("evm_mine")
    assert code_of(lambda: writer.wait_mined(signed, call, deadline=10)) == "chain.nonce_taken"


def test_a_replacement_that_pays_too_little_is_raised_until_taken(manual: Chain) -> None:
    """A transaction of the same key waits with the same nonce; ours replaces it by paying more."""
    account = manual.funded()
    writer = manual.writer(account)
    call = call_of("raised")
    signed = writer.sign(call)
    send_raw(
        manual,
        account,
        nonce=signed.nonce,
        to=manual.node.accounts[1].address,
        type=2,
        maxFeePerGas=5 * 10**9,
        maxPriorityFeePerGas=2 * 10**9,
    )
    kept: list[SignedTransaction] = []

    def keep(new: SignedTransaction) -> None:
        kept.append(new)

    def tell(stage: str, have: int, need: int) -> None:
        manual.node.rpc("evm_mine")

    receipt = writer.anchor(call, resume=signed, on_signed=keep, deadline=10, progress=tell)
    assert receipt.status == "anchored"
    assert {new.nonce for new in kept} == {signed.nonce}


def test_a_mined_revert_is_explained(manual: Chain) -> None:
    account = manual.funded()
    writer = manual.writer(account)
    first, second = call_of("race"), call_of("race")
    one, estimate = writer.sign(first), writer.quote(second)
    two = writer.sender.sign(manual.deployment.address, second.encode(), estimate, nonce=one.nonce + 1)
    writer.send(one)
    writer.send(two)
    manual.node.rpc("evm_mine")
    assert writer.wait_mined(one, first, deadline=10).success
    assert code_of(lambda: writer.wait_mined(two, second, deadline=10)) == "registry.not_head"


# Interruption, confirmations, reorganisations


def test_interrupted_after_signing_the_same_transaction_completes_it(chain: Chain) -> None:
    kept: list[SignedTransaction] = []

    def die(signed: SignedTransaction) -> None:
        kept.append(signed)
        raise KeyboardInterrupt

    call = call_of("interrupted")
    with pytest.raises(KeyboardInterrupt):
        chain.writer().anchor(call, on_signed=die)
    receipt = chain.writer().anchor(call, resume=SignedTransaction.from_raw(kept[0].raw))
    assert receipt.tx_hash == kept[0].hash


def test_confirmations_and_the_finalized_tag(own_chain: Chain) -> None:
    seen: list[tuple[int, int]] = []

    def mine(stage: str, have: int, need: int) -> None:
        if stage == "confirming":
            seen.append((have, need))
        own_chain.node.rpc("anvil_mine", hex(8))

    network = replace(own_chain.network, confirmations=5)
    receipt = own_chain.writer(network=network).anchor(call_of("five"), progress=mine)
    assert receipt.rule == "5 confirmations"
    assert seen[-1] == (5, 5)
    final = replace(own_chain.network, confirmations="finalized")
    receipt = own_chain.writer(network=final).anchor(call_of("final"), progress=mine, deadline=60)
    assert receipt.rule == "finalized"
    block = own_chain.client.call("eth_getBlockByNumber", ["finalized", False])
    assert int(block["number"], 16) >= receipt.block_number


def test_a_reorganisation_drops_the_anchor_and_the_same_transaction_is_sent_again(own_chain: Chain) -> None:
    """Anvil replaces the last blocks by empty ones; the writer notices and sends the same bytes."""
    call = call_of("reorg")
    kept: list[SignedTransaction] = []
    state = {"reorganised": False}

    def disturb(stage: str, have: int, need: int) -> None:
        if stage == "confirming" and have == 1 and not state["reorganised"]:
            state["reorganised"] = True
            own_chain.node.rpc("anvil_reorg", 1, [])
        own_chain.node.rpc("evm_mine")

    network = replace(own_chain.network, confirmations=4)
    writer = own_chain.writer(network=network)
    receipt = writer.anchor(call, on_signed=kept.append, progress=disturb, deadline=30)
    assert state["reorganised"]
    assert len(kept) == 1
    assert receipt.tx_hash == kept[0].hash
    block = own_chain.client.call("eth_getBlockByNumber", [hex(receipt.block_number), False])
    assert block["hash"] == receipt.block_hash
    proof = collect_anchor_proof(own_chain.client, receipt.tx_hash, own_chain.deployment.address)
    assert proofs.check_anchor_proof(proof).root == call.root.hex()
