"""Proofs collected from the embedded chain, from nodes that lie, and from real BSC answers."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from archive.chain import blocks, codec, proofs, registry
from archive.chain.collect import collect_anchor_proof
from archive.chain.local import CHAIN_ID, EmbeddedChain
from archive.chain.networks import get_network
from archive.chain.rpc import RpcError
from archive.chain.writer import RegistryWriter
from archive.errors import ArchiveError, InvalidInputError

VECTORS = Path(__file__).parents[4] / "shared" / "vectors" / "bsc"
ROOT = b"\x01" * 32


@pytest.fixture
def anchored(chain: EmbeddedChain) -> str:
    writer = RegistryWriter.open(chain, get_network(chain.workspace, "local", {}), chain.account)
    return writer.anchor(registry.AnchorCall(registry.incident_key("x"), ROOT, bytes(32), b"\x03" * 32)).tx_hash


def code_of(action: Callable[[], object]) -> str:
    with pytest.raises(ArchiveError) as caught:
        action()
    return caught.value.code


def test_a_collected_proof_proves_the_anchor(chain, anchored: str) -> None:
    proof = collect_anchor_proof(chain, anchored, chain.registry)
    proven = proofs.check_anchor_proof(proofs.parse_anchor_proof(json.loads(proof.model_dump_json())))
    assert (proven.chain_id, proven.genesis, proven.registry) == (CHAIN_ID, chain.genesis, chain.registry)
    assert proven.publisher == proven.sender == chain.address
    assert proven.root == ROOT.hex()
    assert proven.direct
    block = chain.call("eth_getBlockByNumber", [hex(proven.block_number)])
    assert (proven.block_hash, proven.timestamp) == (block["hash"], int(block["timestamp"], 16))


def test_the_same_proof_without_block_receipts(chain, anchored: str, faulty) -> None:
    refusing = faulty(eth_getBlockReceipts=RpcError("eth_getBlockReceipts", -32601, "no such method"))
    expected = collect_anchor_proof(chain, anchored, chain.registry)
    assert collect_anchor_proof(refusing, anchored, chain.registry) == expected
    assert "eth_getTransactionReceipt" in refusing.calls


def test_transactions_that_cannot_be_rebuilt_are_asked_for(chain, anchored: str, faulty) -> None:
    def stripped(params: Any) -> Any:
        block = chain.call("eth_getBlockByHash", params)
        for transaction in block["transactions"]:
            del transaction["accessList"]
        return block

    rpc = faulty(eth_getBlockByHash=stripped)
    expected = collect_anchor_proof(chain, anchored, chain.registry)
    assert collect_anchor_proof(rpc, anchored, chain.registry) == expected
    assert "eth_getRawTransactionByHash" in rpc.calls
    for answer in ("0x1234", RpcError("x", -32601, "no such method")):
        rpc = faulty(eth_getBlockByHash=stripped, eth_getRawTransactionByHash=answer)
        assert code_of(lambda rpc=rpc: collect_anchor_proof(rpc, anchored, chain.registry)) == (
            "chain.transactions_mismatch"
        )


def change_block(chain: Any, change: Callable[[dict[str, Any]], None]) -> Callable[[Any], Any]:
    def answer(params: Any) -> Any:
        block = copy.deepcopy(chain.call("eth_getBlockByHash", params))
        change(block)
        return block

    return answer


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda block: block.update(timestamp="0x1"), "chain.header_mismatch"),
        (lambda block: block.update(hash="0x" + "00" * 32), "chain.header_mismatch"),
        (lambda block: block.update(requestsHash=None), "chain.header_mismatch"),
        (lambda block: block.pop("stateRoot"), "chain.rpc_bad_answer"),
        (lambda block: block.update(number="2"), "chain.rpc_bad_answer"),
        (lambda block: block.update(transactions=None), "chain.rpc_bad_answer"),
        (lambda block: block.update(transactions=["0x" + "00" * 32]), "chain.rpc_bad_answer"),
        (lambda block: block.update(transactions=block["transactions"] * 2), "chain.rpc_bad_answer"),
    ],
)
def test_blocks_that_lie(chain, anchored: str, faulty, change: Callable[[dict[str, Any]], None], code: str) -> None:
    rpc = faulty(eth_getBlockByHash=change_block(chain, change))
    assert code_of(lambda: collect_anchor_proof(rpc, anchored, chain.registry)) == code


def test_transactions_that_lie(chain, anchored: str, faulty) -> None:
    other = chain.call("eth_getBlockByNumber", ["0x1", True])["transactions"]
    rpc = faulty(eth_getBlockByHash=change_block(chain, lambda block: block.update(transactions=other)))
    assert code_of(lambda: collect_anchor_proof(rpc, anchored, chain.registry)) == "chain.transactions_mismatch"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda receipt: receipt.update(status="0x0"), "chain.receipts_mismatch"),
        (lambda receipt: receipt.update(logs=[]), "chain.receipts_mismatch"),
        (lambda receipt: receipt.update(type="0x0"), "chain.receipts_mismatch"),
        (lambda receipt: receipt.update(logsBloom="0x"), "chain.rpc_bad_answer"),
        (lambda receipt: receipt.update(type="0xff"), "chain.rpc_bad_answer"),
        (lambda receipt: receipt["logs"][0].update(topics=["0x" + "00" * 32] * 5), "chain.rpc_bad_answer"),
        (lambda receipt: receipt.update(blockHash="0x" + "00" * 32), "chain.rpc_bad_answer"),
    ],
)
def test_receipts_that_lie(chain, anchored: str, faulty, change: Callable[[dict[str, Any]], None], code: str) -> None:
    def answer(params: Any) -> Any:
        receipts = copy.deepcopy(chain.call("eth_getBlockReceipts", params))
        change(receipts[0])
        return receipts

    rpc = faulty(eth_getBlockReceipts=answer)
    assert code_of(lambda: collect_anchor_proof(rpc, anchored, chain.registry)) == code


@pytest.mark.parametrize("answer", [[], [7], "0x", 3])
def test_receipts_of_another_number_or_kind(chain, anchored: str, faulty, answer: Any) -> None:
    rpc = faulty(eth_getBlockReceipts=lambda params: answer)
    assert code_of(lambda: collect_anchor_proof(rpc, anchored, chain.registry)) == "chain.rpc_bad_answer"


def test_a_transaction_that_is_not_mined(chain) -> None:
    assert code_of(lambda: collect_anchor_proof(chain, "0x" + "11" * 32, chain.registry)) == "chain.not_mined"


def test_another_registry_or_root(chain, anchored: str) -> None:
    assert code_of(lambda: collect_anchor_proof(chain, anchored, "0x" + "ee" * 20)) == "chain.no_anchor_event"
    assert code_of(lambda: collect_anchor_proof(chain, anchored, chain.registry, root="22" * 32)) == (
        "chain.no_anchor_event"
    )
    assert collect_anchor_proof(chain, anchored, chain.registry, root=ROOT.hex()).log_index == 0


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_transactions_go_to_json_and_back(chain_values, kind: int) -> None:
    raw = chain_values.sign_transaction(kind, data=b"\x01\x02")
    block = {"hash": "0x" + "00" * 32, "number": "0x1"}
    told = blocks.transaction_to_json(raw, block=block, index=5)
    assert told["from"] == chain_values.publisher()
    assert blocks.transaction_from_json(told) == raw
    for key in ("nonce", "gas", "value", "input", "r", "s", "v"):
        changed = {**told, key: "0x1234"}
        changed.pop("yParity", None)
        assert blocks.transaction_from_json(changed) is None


def test_a_transaction_with_an_access_list_goes_to_json_and_back() -> None:
    from eth_account import Account

    access = [{"address": "0x" + "11" * 20, "storageKeys": ["0x" + "22" * 32, "0x" + "33" * 32]}]
    signed = Account.from_key(b"\x44" * 32).sign_transaction(
        {"type": 2, "chainId": 97, "nonce": 0, "gas": 50_000, "maxFeePerGas": 2, "maxPriorityFeePerGas": 1, "value": 5,
         "to": "0x" + "55" * 20, "data": "0x", "accessList": access}
    )  # fmt: skip
    raw = bytes(signed.raw_transaction)
    told = blocks.transaction_to_json(raw, block={"hash": "0x", "number": "0x1"}, index=0)
    assert told["accessList"] == access
    assert blocks.transaction_from_json(told) == raw


def test_set_code_and_blob_transactions_are_rebuilt() -> None:
    """Other people's transactions of every type stand in the same block, and all count in the trie."""
    from eth_account import Account

    account = Account.from_key(b"\x44" * 32)
    authorization = account.sign_authorization({"chainId": 97, "address": "0x" + "66" * 20, "nonce": 1})
    fees = {"chainId": 97, "nonce": 0, "gas": 90_000, "maxFeePerGas": 2, "maxPriorityFeePerGas": 1, "value": 0}
    signed = account.sign_transaction(
        {
            "type": 4,
            **fees,
            "to": "0x" + "55" * 20,
            "data": "0x",
            "accessList": [],
            "authorizationList": [authorization],
        }
    )
    raw = bytes(signed.raw_transaction)
    told: dict[str, Any] = {
        "type": "0x4", "hash": codec.to_hex(codec.keccak(raw)), "chainId": "0x61", "nonce": "0x0", "gas": hex(90_000),
        "maxFeePerGas": "0x2", "maxPriorityFeePerGas": "0x1", "value": "0x0", "to": "0x" + "55" * 20, "input": "0x",
        "accessList": [], "v": hex(signed.v), "r": hex(signed.r), "s": hex(signed.s),
        "authorizationList": [{
            "chainId": "0x61", "address": "0x" + "66" * 20, "nonce": "0x1", "yParity": hex(authorization.y_parity),
            "r": hex(authorization.r), "s": hex(authorization.s),
        }],
    }  # fmt: skip
    assert blocks.transaction_from_json(told) == raw
    assert blocks.transaction_from_json({**told, "authorizationList": "x"}) is None
    assert blocks.transaction_from_json({**told, "type": "0x50"}) is None


@pytest.mark.skipif(not VECTORS.is_dir(), reason="real BSC answers are not at hand")
def test_real_bsc_blocks_rebuild_their_hashes() -> None:
    seen = 0
    main = json.loads((VECTORS / "bsc_mainnet_31297199_31297221_preLondon.json").read_text())["headers"]
    test = json.loads((VECTORS / "union_bsc_testnet_maxwell_blocks_rpc_json.json").read_text())["blocks"]
    for block in [*main, *test]:
        if "hash" not in block:
            continue
        raw, header = blocks.read_header(block)
        assert codec.to_hex(header.hash) == block["hash"]
        assert blocks.header_to_json(raw)["receiptsRoot"] == block["receiptsRoot"]
        with pytest.raises(InvalidInputError):
            blocks.header_from_json({**block, "gasUsed": "0x1"})
        seen += 1
    assert seen == 51
