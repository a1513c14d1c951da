"""The embedded chain for real: py-evm, SQLite, the compiled registry."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from archive.chain import blocks, codec, local, local_headers, proofs, registry
from archive.chain.artifact import load_artifact
from archive.chain.local import CHAIN_ID, EmbeddedChain
from archive.chain.networks import get_network
from archive.chain.rpc import RpcError
from archive.chain.writer import RegistryWriter
from archive.errors import ArchiveError, InvalidInputError, RefusedError
from archive.trust import TrustFile, load_trust, save_trust
from archive.workspace import Workspace


def call_of(number: int, incident: str = "2025-10-11-example") -> registry.AnchorCall:
    return registry.AnchorCall(registry.incident_key(incident), bytes([number]) * 32, bytes(32), b"\x03" * 32)


def anchor(chain: EmbeddedChain, call: registry.AnchorCall) -> str:
    network = get_network(chain.workspace, "local", {})
    return RegistryWriter.open(chain, network, chain.account).anchor(call).tx_hash


def test_a_new_chain_has_a_key_a_registry_and_trust(workspace: Workspace) -> None:
    with EmbeddedChain(workspace) as chain:
        code = codec.data(chain.call("eth_getCode", [chain.registry]), "code")
        assert code == load_artifact().deployed_bytecode
        assert chain.call("eth_chainId") == hex(CHAIN_ID)
        assert chain.account.address.lower() == chain.address
        trust = load_trust(workspace.trust_file)
        trusted = trust.registry(CHAIN_ID, chain.genesis, chain.registry)
        assert trusted is not None
        assert trusted.workspace_chain
        assert trusted.code_hash == load_artifact().code_hash
        assert trust.publisher(chain.address) is not None
    key = workspace.secrets / local.KEY_NAME
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(workspace.secrets.stat().st_mode) == 0o700


def test_the_chain_id_here_is_that_of_the_network_file(workspace: Workspace) -> None:
    assert get_network(workspace, "local", {}).chain_id == CHAIN_ID


def test_no_two_workspaces_share_a_genesis_even_with_one_clock(tmp_path: Path, clock) -> None:
    found = set()
    for name in ("a", "b"):
        with EmbeddedChain(Workspace(tmp_path / name), clock=clock) as chain:
            found.add((chain.genesis, chain.address))
    assert len({genesis for genesis, _ in found}) == len({address for _, address in found}) == 2


def test_the_same_key_in_another_chain_still_has_another_genesis(tmp_path: Path, clock) -> None:
    first, second = Workspace(tmp_path / "a"), Workspace(tmp_path / "b")
    with EmbeddedChain(first, clock=clock) as chain:
        genesis = chain.genesis
    second.make_secrets()
    (second.secrets / local.KEY_NAME).write_bytes((first.secrets / local.KEY_NAME).read_bytes())
    with EmbeddedChain(second, clock=clock) as chain:
        assert chain.genesis != genesis


def test_it_survives_between_commands(workspace: Workspace, clock) -> None:
    with EmbeddedChain(workspace, clock=clock) as chain:
        first = anchor(chain, call_of(1))
        before = chain.call("eth_getBlockByNumber", ["latest", True])
    with EmbeddedChain(workspace, clock=clock) as chain:
        assert chain.call("eth_getBlockByNumber", ["latest", True]) == before
        assert chain.call("eth_getTransactionReceipt", [first])["status"] == "0x1"
        writer = RegistryWriter.open(chain, get_network(workspace, "local", {}), chain.account)
        assert writer.find(call_of(1)).tx_hash == first
        assert writer.anchor(call_of(1)).status == "already"
        assert writer.head("2025-10-11-example").ordinal == 1


def test_a_registry_that_an_earlier_version_deployed_stays_good(workspace: Workspace) -> None:
    """The shipped code changed since this chain was made: its own registry is still the one that it trusts."""
    import dataclasses

    old = dataclasses.replace(load_artifact(), code_hash="0x" + "77" * 32)
    with pytest.MonkeyPatch.context() as patch, EmbeddedChain(workspace) as chain:
        patch.setattr("archive.chain.writer.load_artifact", lambda: old)
        assert anchor(chain, call_of(1))


def test_block_times_follow_the_clock_and_always_rise(chain: EmbeddedChain, clock) -> None:
    def mined_at(number: int) -> int:
        receipt = chain.call("eth_getTransactionReceipt", [anchor(chain, call_of(number, str(number)))])
        return int(chain.call("eth_getBlockByHash", [receipt["blockHash"]])["timestamp"], 16)

    clock.now += 100
    first = mined_at(1)
    assert first == int(clock.now)
    assert mined_at(2) == first + 1
    clock.now -= 10_000
    assert mined_at(3) == first + 2


def test_two_processes_cannot_have_it_at_once(chain: EmbeddedChain) -> None:
    with pytest.raises(RefusedError) as caught, EmbeddedChain(chain.workspace):
        pass
    assert caught.value.code == "workspace.locked"


def test_headers_are_read_without_the_lock_or_an_evm(chain: EmbeddedChain) -> None:
    tip = int(chain.call("eth_blockNumber"), 16)
    for number in range(tip + 1):
        header = local_headers.read_header(chain.workspace, number)
        assert header is not None
        assert codec.to_hex(codec.keccak(header)) == chain.call("eth_getBlockByNumber", [hex(number)])["hash"]
    assert local_headers.read_header(chain.workspace, tip + 1) is None
    assert local_headers.read_header(chain.workspace, -1) is None
    registry_there = local_headers.read_registry(chain.workspace)
    assert registry_there == local_headers.LocalRegistry(chain.registry, load_artifact().code_hash)


def test_reading_headers_makes_no_chain(tmp_path: Path) -> None:
    assert local_headers.read_header(Workspace(tmp_path), 0) is None
    assert local_headers.read_registry(Workspace(tmp_path)) is None
    assert list(tmp_path.iterdir()) == []


def test_reading_headers_needs_neither_web3_nor_an_evm(workspace: Workspace) -> None:
    script = (
        "import sys; from pathlib import Path; from archive.workspace import Workspace; "
        "from archive.chain import local_headers, proofs, rpc, reader, collect, networks, local; "
        "assert local_headers.read_header(Workspace(Path(sys.argv[1])), 0); "
        "print([m for m in ('web3', 'eth', 'eth_account', 'eth_tester', 'requests', 'trie') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(workspace.root)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_its_answers_rebuild_the_same_bytes(chain: EmbeddedChain) -> None:
    digest = anchor(chain, call_of(1))
    block = chain.call("eth_getBlockByNumber", ["latest", True])
    header = blocks.header_from_json(block)
    assert codec.to_hex(codec.keccak(header)) == block["hash"]
    raw = blocks.transaction_from_json(block["transactions"][0])
    assert codec.to_hex(raw) == chain.call("eth_getRawTransactionByHash", [digest])
    assert chain.call("eth_getTransactionByHash", [digest]) == block["transactions"][0]
    receipts = chain.call("eth_getBlockReceipts", [block["number"]])
    assert receipts == chain.call("eth_getBlockReceipts", [block["hash"]])
    receipt = proofs.decode_receipt(blocks.receipt_from_json(receipts[0]))
    assert receipt.status == 1
    assert len(receipt.logs) == 1
    assert proofs.decode_header(header).timestamp == int(block["timestamp"], 16)


def test_what_is_not_there_is_null(chain: EmbeddedChain) -> None:
    missing = "0x" + "00" * 32
    assert chain.call("eth_getBlockByNumber", ["0xffff", False]) is None
    assert chain.call("eth_getBlockByHash", [missing, False]) is None
    assert chain.call("eth_getBlockReceipts", ["0xffff"]) is None
    for method in ("eth_getTransactionByHash", "eth_getRawTransactionByHash", "eth_getTransactionReceipt"):
        assert chain.call(method, [missing]) is None


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("eth_getLogs", [{}], -32601),
        ("eth_getBalance", [], -32602),
        ("eth_call", ["0x"], -32602),
        ("eth_getBalance", ["0x" + "00" * 20, "0xffff"], -32000),
        ("eth_sendRawTransaction", ["0x" + "00" * 200_000], -32000),
        ("eth_sendRawTransaction", ["0x02"], -32000),
        ("eth_sendRawTransaction", ["0xc0"], -32000),
    ],
)
def test_calls_that_it_refuses(chain: EmbeddedChain, method: str, params: list[object], code: int) -> None:
    with pytest.raises(RpcError) as caught:
        chain.call(method, params)
    assert caught.value.rpc_code == code


def test_a_revert_carries_its_data(chain: EmbeddedChain) -> None:
    call = registry.AnchorCall(bytes(32), b"\x01" * 32, bytes(32), bytes(32))
    with pytest.raises(RpcError) as caught:
        chain.call("eth_call", [{"to": chain.registry, "data": codec.to_hex(call.encode())}])
    assert caught.value.rpc_code == 3
    assert caught.value.data == codec.to_hex(registry.selector("ZeroIncident()"))


def test_a_refused_transaction_leaves_nothing_behind(chain: EmbeddedChain, chain_values) -> None:
    before = chain.call("eth_getBlockByNumber", ["latest", False])
    stranger = chain_values.sign_transaction(2, chain_id=CHAIN_ID, to=chain.registry, nonce=0)
    with pytest.raises(RpcError, match="insufficient funds"):
        chain.call("eth_sendRawTransaction", [codec.to_hex(stranger)])
    fees = {"maxFeePerGas": 10**10, "maxPriorityFeePerGas": 1}
    other_chain = {"type": 2, "chainId": 97, "nonce": 1, "gas": 30_000, "value": 0, "data": "0x", **fees}
    signed = chain.account.sign_transaction({**other_chain, "to": chain.account.address})
    with pytest.raises(RpcError, match="invalid transaction"):
        chain.call("eth_sendRawTransaction", [codec.to_hex(bytes(signed.raw_transaction))])
    assert chain.call("eth_getBlockByNumber", ["latest", False]) == before
    assert anchor(chain, call_of(1))


def test_a_kill_while_a_block_is_written_leaves_the_chain_before_it(workspace: Workspace) -> None:
    """The process dies inside the SQLite transaction, after the state's keys were written."""
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from archive.workspace import Workspace\n"
        "from archive.chain import local\n"
        "from archive.chain.registry import AnchorCall, incident_key\n"
        "from archive.chain.networks import get_network\n"
        "from archive.chain.writer import RegistryWriter\n"
        "space = Workspace(Path(sys.argv[1]))\n"
        "with local.EmbeddedChain(space) as chain:\n"
        "    writer = RegistryWriter.open(chain, get_network(space, 'local', {}), chain.account)\n"
        "    real = chain._write_block\n"
        "    def dying(block):\n"
        "        real(block)\n"
        "        os._exit(9)\n"
        "    chain._write_block = dying\n"
        "    writer.anchor(AnchorCall(incident_key('x'), b'\\x01' * 32, bytes(32), bytes(32)))\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(workspace.root)], check=False)
    assert done.returncode == 9
    with EmbeddedChain(workspace) as chain:
        assert chain.call("eth_blockNumber") == "0x1"
        assert anchor(chain, call_of(1))
        assert chain.call("eth_blockNumber") == "0x2"


def test_headers_are_read_after_a_kill_in_the_middle_of_writing_pages(workspace: Workspace) -> None:
    """The file holds half-written pages and a journal to take them back with."""
    before = local_headers.read_header(workspace, 1)
    script = (
        "import os, sqlite3, sys\n"
        "connection = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "connection.execute('PRAGMA cache_size = 1')\n"
        "connection.execute('BEGIN IMMEDIATE')\n"
        "connection.execute('DELETE FROM headers')\n"
        "for number in range(3000):\n"
        "    connection.execute('INSERT INTO state VALUES (?, ?)', (os.urandom(32), os.urandom(500)))\n"
        "os._exit(9)\n"
    )
    path = local_headers.database_path(workspace)
    assert subprocess.run([sys.executable, "-c", script, str(path)], check=False).returncode == 9
    assert path.with_name(path.name + "-journal").exists()
    assert local_headers.read_header(workspace, 1) == before
    with EmbeddedChain(workspace) as chain:
        assert chain.call("eth_blockNumber") == "0x1"


def test_a_kill_while_the_chain_is_made_starts_over(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from archive.workspace import Workspace\n"
        "from archive.chain import local\n"
        "local._created_address = lambda *a: os._exit(9)\n"
        "with local.EmbeddedChain(Workspace(Path(sys.argv[1]))): pass\n"
    )
    assert subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False).returncode == 9
    assert local_headers.read_header(workspace, 0) is None
    with EmbeddedChain(workspace) as chain:
        assert chain.call("eth_blockNumber") == "0x1"


def test_trust_is_written_once_and_a_removal_is_respected(workspace: Workspace) -> None:
    save_trust(workspace.trust_file, TrustFile())
    with EmbeddedChain(workspace):
        assert load_trust(workspace.trust_file) == TrustFile()


def test_trust_is_written_after_a_kill_between_chain_and_trust_file(workspace: Workspace) -> None:
    workspace.trust_file.unlink()
    connection = sqlite3.connect(local_headers.database_path(workspace))
    connection.execute("UPDATE meta SET value = 'missing' WHERE key = 'trust'")
    connection.commit()
    connection.close()
    with EmbeddedChain(workspace) as chain:
        assert load_trust(workspace.trust_file).publisher(chain.address) is not None


def code_on_open(workspace: Workspace) -> str:
    with pytest.raises(ArchiveError) as caught, EmbeddedChain(workspace):
        pass
    return caught.value.code


def test_a_chain_whose_key_is_gone(workspace: Workspace) -> None:
    (workspace.secrets / local.KEY_NAME).unlink()
    assert code_on_open(workspace) == "chain.local_key_missing"


@pytest.mark.parametrize("text", ["", "zz", "00" * 32, "11" * 31, "22" * 32])
def test_a_key_file_that_is_damaged_or_of_another_chain(workspace: Workspace, text: str) -> None:
    (workspace.secrets / local.KEY_NAME).write_text(text)
    assert code_on_open(workspace) == "chain.local_damaged"


def test_a_database_that_is_damaged(workspace: Workspace) -> None:
    local_headers.database_path(workspace).write_bytes(b"not a database" * 100)
    assert code_on_open(workspace) == "chain.local_damaged"
    with pytest.raises(InvalidInputError) as caught:
        local_headers.read_header(workspace, 0)
    assert caught.value.code == "chain.local_damaged"


def test_state_that_is_missing_is_told_as_damage(workspace: Workspace) -> None:
    connection = sqlite3.connect(local_headers.database_path(workspace))
    connection.execute("DELETE FROM state")
    connection.commit()
    connection.close()
    with EmbeddedChain(workspace) as chain, pytest.raises(InvalidInputError) as caught:
        chain.call("eth_getCode", [chain.registry])
    assert caught.value.code == "chain.local_damaged"


@pytest.mark.usefixtures("bound_by_file_modes")
def test_a_folder_that_cannot_be_written(workspace: Workspace) -> None:
    workspace.chain.chmod(0o500)
    with EmbeddedChain(workspace) as chain, pytest.raises(InvalidInputError) as caught:
        anchor(chain, call_of(1))
    assert caught.value.code == "chain.local_damaged"


def test_evm_and_account_leave_the_recursion_limit_where_it_was(workspace: Workspace) -> None:
    """With py-evm's limit a node that answers deeply nested JSON would kill the process."""
    script = (
        "import json, sys\n"
        "from pathlib import Path\n"
        "from archive.workspace import Workspace\n"
        "from archive.chain.local import EmbeddedChain\n"
        "before = sys.getrecursionlimit()\n"
        "with EmbeddedChain(Workspace(Path(sys.argv[1]))) as chain:\n"
        "    chain.call('eth_getCode', [chain.registry])\n"
        "    assert chain.account.address\n"
        "assert 'eth' in sys.modules and sys.getrecursionlimit() == before\n"
        "try:\n"
        "    json.loads('[' * 1_000_000)\n"
        "except RecursionError:\n"
        "    print('refused')\n"
    )
    command = [sys.executable, "-c", script, str(workspace.root)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "refused\n"


def test_web3_sees_the_same_chain(chain: EmbeddedChain) -> None:
    """web3 as an independent reader of the registry, through its own ABI code."""
    from web3 import Web3
    from web3.providers.base import JSONBaseProvider

    class Provider(JSONBaseProvider):
        def make_request(self, method, params):
            return {"jsonrpc": "2.0", "id": 1, "result": chain.call(method, list(params))}

    digest = anchor(chain, call_of(7))
    web3 = Web3(Provider())
    contract = web3.eth.contract(address=Web3.to_checksum_address(chain.registry), abi=list(load_artifact().abi))
    tag, time, block, ordinal, flags = contract.functions.entryOf(chain.account.address, b"\x07" * 32).call()
    assert (tag, ordinal, flags) == (call_of(7).tag, 1, 0)
    receipt = web3.eth.get_transaction_receipt(digest)
    assert (receipt["blockNumber"], receipt["status"]) == (block, 1)
    event = contract.events.Anchored().process_receipt(receipt)[0]["args"]
    assert event["publisher"].lower() == chain.address
    assert (event["root"], event["contentDigest"], event["ordinal"]) == (b"\x07" * 32, b"\x03" * 32, 1)
    assert web3.eth.get_block(block)["timestamp"] == time
