"""Writing through the embedded chain for real, with single answers replaced to play a node's bad days."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from eth_account import Account

from archive.chain import codec, registry, sending
from archive.chain.devkeys import DEVELOPMENT_ADDRESSES, refuse_development_key
from archive.chain.local import EmbeddedChain
from archive.chain.networks import Network, get_network
from archive.chain.registry import AnchorCall
from archive.chain.rpc import RpcError
from archive.chain.sending import SignedTransaction, format_wei
from archive.chain.writer import RegistryWriter
from archive.errors import ArchiveError, UnreachableError

INCIDENT = "2025-10-11-example"
JUNK_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"


def call_of(root: int, previous: int = 0, incident: str = INCIDENT, digest: int = 3) -> AnchorCall:
    return AnchorCall(registry.incident_key(incident), bytes([root]) * 32, bytes([previous]) * 32, bytes([digest]) * 32)


@pytest.fixture
def network(chain: EmbeddedChain) -> Network:
    return get_network(chain.workspace, "local", {})


@pytest.fixture
def open_writer(chain: EmbeddedChain, network: Network) -> Callable[..., RegistryWriter]:
    """A writer whose waits take no time: every sleep moves the clock on."""

    def make(rpc: Any = None, *, account: Any = None, **changes: Any) -> RegistryWriter:
        now = [0.0]

        def sleep(seconds: float) -> None:
            now[0] += seconds

        return RegistryWriter.open(
            chain if rpc is None else rpc,
            replace(network, **changes),
            account or chain.account,
            registry=chain.registry,
            clock=lambda: now[0],
            sleep=sleep,
        )

    return make


def code_of(action: Callable[[], object]) -> str:
    with pytest.raises(ArchiveError) as caught:
        action()
    return caught.value.code


def node_error(message: str, code: int = -32000, data: object = None) -> RpcError:
    return RpcError("eth_x", code, message, data)


def test_a_first_revision_and_a_later_one(open_writer, chain) -> None:
    writer = open_writer()
    first = writer.anchor(call_of(1))
    second = writer.anchor(call_of(2, previous=1))
    assert (first.status, second.status) == ("anchored", "anchored")
    assert first.publisher == chain.address
    assert first.rule == "1 confirmation"
    assert second.block_number == first.block_number + 1
    head = writer.head(INCIDENT)
    assert head is not None
    assert head.ordinal == 2
    assert head.is_root(b"\x02" * 32)
    entry = writer.reader.entry(chain.address, "01" * 32)
    assert entry is not None
    assert (entry.block, entry.time, entry.ordinal, entry.tag) == (
        first.block_number,
        first.timestamp,
        1,
        call_of(1).tag,
    )


def test_the_same_anchor_again_is_success_and_sends_nothing(open_writer, faulty) -> None:
    receipt = open_writer().anchor(call_of(1))
    rpc = faulty()
    again = open_writer(rpc).anchor(call_of(1))
    assert (again.status, again.tx_hash) == ("already", receipt.tx_hash)
    assert "eth_sendRawTransaction" not in rpc.calls


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (call_of(1, digest=9), "registry.already_anchored"),
        (call_of(1, incident="another"), "registry.already_anchored"),
        (call_of(2, previous=0), "registry.not_head"),
        (call_of(2, previous=7), "registry.not_head"),
        (call_of(0), "registry.zero_root"),
        (AnchorCall(bytes(32), b"\x05" * 32, bytes(32), bytes(32)), "registry.zero_incident"),
    ],
)
def test_what_the_registry_refuses_costs_nothing(open_writer, faulty, call: AnchorCall, code: str) -> None:
    open_writer().anchor(call_of(1))
    rpc = faulty()
    assert code_of(lambda: open_writer(rpc).anchor(call)) == code
    assert "eth_sendRawTransaction" not in rpc.calls


def test_a_quote_is_exact_and_writes_nothing(open_writer, chain) -> None:
    before = chain.call("eth_blockNumber")
    quote = open_writer().quote(call_of(1))
    told = quote.to_json()
    assert told["cost"] == format_wei(quote.gas * quote.fees.expected)
    assert int(told["cost_wei"]) == quote.cost
    assert quote.max_cost >= quote.cost
    assert chain.call("eth_blockNumber") == before


@pytest.mark.parametrize(
    ("wei", "text"),
    [
        (0, "0"),
        (1, "0.000000000000000001"),
        (10**18, "1"),
        (15 * 10**17, "1.5"),
        (10**24, "1000000"),
        (123456789012345678901234567890123456789, "123456789012345678901.234567890123456789"),
    ],
)
def test_amounts_are_exact_decimals(wei: int, text: str) -> None:
    assert format_wei(wei) == text


def test_the_gas_price_floor_and_cap(open_writer, faulty) -> None:
    assert open_writer(faulty(eth_gasPrice="0x1"), gas_price_floor=10**11).sender.fees().expected == 10**11
    assert code_of(lambda: open_writer(gas_price_cap=1).quote(call_of(1))) == "chain.gas_price_too_high"


def test_no_funds_says_how_much_and_to_whom(open_writer) -> None:
    poor = Account.create()
    with pytest.raises(ArchiveError) as caught:
        open_writer(account=poor).anchor(call_of(1))
    assert caught.value.code == "chain.no_funds"
    assert poor.address.lower() in (caught.value.hint or "")


def test_the_signed_transaction_is_handed_out_before_it_is_sent(open_writer, faulty) -> None:
    kept: list[SignedTransaction] = []
    rpc = faulty(eth_sendRawTransaction=UnreachableError("gone", code="chain.rpc_unreachable"))
    assert code_of(lambda: open_writer(rpc).anchor(call_of(1), on_signed=kept.append)) == "chain.rpc_unreachable"
    assert len(kept) == 1
    assert SignedTransaction.from_raw(kept[0].raw) == kept[0]
    receipt = open_writer().anchor(call_of(1), resume=kept[0])
    assert receipt.tx_hash == kept[0].hash


def test_killed_after_sending_the_same_transaction_is_found_not_paid_twice(open_writer, chain) -> None:
    kept: list[SignedTransaction] = []

    def keep_and_send_and_die(signed: SignedTransaction) -> None:
        kept.append(signed)
        chain.call("eth_sendRawTransaction", [signed.raw])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_writer().anchor(call_of(1), on_signed=keep_and_send_and_die)
    receipt = open_writer().anchor(call_of(1), resume=kept[0], on_signed=kept.append)
    assert receipt.tx_hash == kept[0].hash
    assert len(kept) == 1


def test_a_resumed_transaction_whose_nonce_was_taken_is_signed_anew(open_writer) -> None:
    writer = open_writer()
    stale = writer.sign(call_of(1))
    writer.anchor(call_of(9, incident="other"))
    kept: list[SignedTransaction] = []
    receipt = writer.anchor(call_of(1), resume=stale, on_signed=kept.append)
    assert receipt.tx_hash == kept[0].hash != stale.hash
    assert kept[0].nonce == stale.nonce + 1


def test_sending_the_same_bytes_twice_is_no_error(open_writer) -> None:
    writer = open_writer()
    signed = writer.sign(call_of(1))
    writer.send(signed)
    writer.send(signed)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("nonce too low: next nonce 5, tx nonce 1", "chain.nonce_taken"),
        ("nonce too high", "chain.nonce_gap"),
        ("transaction underpriced: gas tip cap 0, minimum needed 1", "chain.underpriced"),
        ("replacement transaction underpriced", "chain.underpriced"),
        ("max fee per gas less than block base fee", "chain.underpriced"),
        ("insufficient funds for gas * price + value", "chain.no_funds"),
        ("intrinsic gas too low", "chain.rejected"),
    ],
)
def test_what_nodes_say_when_they_refuse(open_writer, faulty, message: str, code: str) -> None:
    signed = open_writer().sign(call_of(1))
    writer = open_writer(faulty(eth_sendRawTransaction=node_error(message)))
    with pytest.raises(ArchiveError) as caught:
        writer.send(signed)
    assert caught.value.code == code
    assert caught.value.hint


@pytest.mark.parametrize("message", ["already known", "known transaction: 1234", "Transaction already imported."])
def test_a_node_that_has_it_already(open_writer, faulty, message: str) -> None:
    signed = open_writer().sign(call_of(1))
    open_writer(faulty(eth_sendRawTransaction=node_error(message))).send(signed)


def test_an_underpriced_transaction_is_raised_with_the_same_nonce(open_writer, faulty) -> None:
    kept: list[SignedTransaction] = []
    refusal = node_error("transaction underpriced")
    rpc = faulty()
    rpc.faults["eth_sendRawTransaction"] = [refusal, refusal, rpc.REAL]
    receipt = open_writer(rpc).anchor(call_of(1), on_signed=kept.append)
    assert [signed.nonce for signed in kept] == [kept[0].nonce] * 3
    assert len({signed.hash for signed in kept}) == 3
    assert receipt.tx_hash == kept[2].hash


def test_raising_stops_at_the_cap(open_writer, faulty) -> None:
    rpc = faulty(eth_sendRawTransaction=node_error("transaction underpriced"), eth_gasPrice=hex(10**9))
    writer = open_writer(rpc, gas_price_cap=10**9 + 10**8)
    assert code_of(lambda: writer.anchor(call_of(1))) == "chain.gas_price_too_high"


def test_a_node_that_always_wants_more(open_writer, faulty) -> None:
    rpc = faulty(eth_sendRawTransaction=node_error("transaction underpriced"))
    assert code_of(lambda: open_writer(rpc).anchor(call_of(1))) == "chain.underpriced"


def test_never_mined(open_writer, faulty) -> None:
    stages: list[str] = []
    rpc = faulty(eth_sendRawTransaction="0x" + "00" * 32, eth_getTransactionReceipt=None)
    writer = open_writer(rpc)
    code = code_of(
        lambda: writer.anchor(call_of(1), deadline=60, progress=lambda stage, have, need: stages.append(stage))
    )
    assert code == "chain.not_mined"
    assert "sent again" in stages
    assert rpc.calls.count("eth_sendRawTransaction") > 2


def test_another_transaction_took_the_place_while_waiting(open_writer, faulty) -> None:
    rpc = faulty(eth_sendRawTransaction="0x" + "00" * 32, eth_getTransactionReceipt=None)
    writer = open_writer(rpc)
    rpc.faults["eth_getTransactionCount"] = ["0x1", "0x2"]
    assert code_of(lambda: writer.anchor(call_of(1))) == "chain.nonce_taken"


def test_the_same_anchor_by_another_transaction_of_the_key_is_success(open_writer, faulty, chain) -> None:
    """Two computers with one key publish the same package at once."""
    writer = open_writer()
    mine = writer.sign(call_of(1))
    other = open_writer().anchor(call_of(1))
    waiting = open_writer(faulty())
    if mine.hash != other.tx_hash:
        assert waiting.wait_mined(mine, call_of(1)).tx_hash == other.tx_hash


def test_a_mined_and_failed_transaction_is_explained(open_writer) -> None:
    writer = open_writer()
    estimate = writer.quote(call_of(2))
    writer.anchor(call_of(1))
    signed = writer.sender.sign(writer.reader.address, call_of(2).encode(), estimate)
    writer.send(signed)
    assert code_of(lambda: writer.wait_mined(signed, call_of(2))) == "registry.not_head"


def test_confirmations_are_counted(open_writer, faulty) -> None:
    seen: list[tuple[int, int]] = []
    rpc = faulty(eth_blockNumber=["0x2", "0x3", "0x4"])
    open_writer(rpc, confirmations=3).anchor(
        call_of(1), progress=lambda stage, have, need: seen.append((have, need)) if stage == "confirming" else None
    )
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_waiting_for_the_finalized_tag(open_writer, faulty, chain) -> None:
    finalized = iter(["0x0", "0x1", "0x2"])

    def block(params: Any) -> Any:
        if params[0] != "finalized":
            return chain.call("eth_getBlockByNumber", params)
        return {"number": next(finalized)}

    receipt = open_writer(faulty(eth_getBlockByNumber=block), confirmations="finalized").anchor(call_of(1))
    assert receipt.rule == "finalized"
    assert next(finalized, None) is None


@pytest.mark.parametrize("answer", [None, node_error("invalid block tag")])
def test_a_node_without_the_finalized_tag(open_writer, faulty, chain, answer: Any) -> None:
    def block(params: Any) -> Any:
        if params[0] != "finalized":
            return chain.call("eth_getBlockByNumber", params)
        if isinstance(answer, Exception):
            raise answer
        return answer

    writer = open_writer(faulty(eth_getBlockByNumber=block), confirmations="finalized")
    assert code_of(lambda: writer.anchor(call_of(1))) == "chain.no_finality"


def test_never_final(open_writer) -> None:
    assert code_of(lambda: open_writer(confirmations=50).anchor(call_of(1), deadline=5)) == "chain.not_final"


def test_a_block_that_is_reorganised_away_the_same_transaction_is_sent_again(open_writer, faulty, chain) -> None:
    """The receipt is there, then gone, then there again in the chain's own block."""
    kept: list[SignedTransaction] = []
    rpc = faulty()
    lost = [{"blockHash": "0x" + "55" * 32, "blockNumber": "0x2", "status": "0x1"}]

    def receipt(params: Any) -> Any:
        return lost.pop() if lost else chain.call("eth_getTransactionReceipt", params)

    def block(params: Any) -> Any:
        return {"timestamp": "0x1"} if params[0] == "0x" + "55" * 32 else chain.call("eth_getBlockByHash", params)

    rpc.faults.update(eth_getTransactionReceipt=receipt, eth_getBlockByHash=block)
    result = open_writer(rpc).anchor(call_of(1), on_signed=kept.append)
    assert len(kept) == 1
    assert result.tx_hash == kept[0].hash
    assert result.block_hash != "0x" + "55" * 32


@pytest.mark.parametrize(
    ("faults", "code"),
    [
        ({"eth_chainId": "0x61"}, "chain.wrong_chain_id"),
        ({"eth_getCode": "0x"}, "chain.no_contract"),
        ({"eth_getCode": "0x6000"}, "chain.other_code"),
        ({"eth_getCode": None}, "chain.rpc_bad_answer"),
    ],
)
def test_a_writer_is_not_opened_on(open_writer, faulty, faults: dict[str, Any], code: str) -> None:
    rpc = faulty(**faults)
    assert code_of(lambda: open_writer(rpc)) == code
    assert "eth_sendRawTransaction" not in rpc.calls


def test_a_chain_of_the_same_id_with_another_genesis(open_writer) -> None:
    assert code_of(lambda: open_writer(genesis="0x" + "00" * 32)) == "chain.other_history"


def test_a_network_without_a_registry(chain, faulty, network) -> None:
    rpc = faulty()
    plain = replace(network, registry=None)
    assert code_of(lambda: RegistryWriter.open(rpc, plain, chain.account)) == "chain.no_registry"


@pytest.mark.parametrize("chain_id", [56, 97])
def test_development_keys_are_refused_on_public_chains(open_writer, faulty, chain_id: int) -> None:
    account = Account.from_key(JUNK_KEY)
    assert account.address.lower() in DEVELOPMENT_ADDRESSES
    rpc = faulty(eth_chainId=hex(chain_id))
    assert code_of(lambda: open_writer(rpc, account=account, chain_id=chain_id)) == "chain.development_key"
    refuse_development_key(account.address, 31337)


def test_development_addresses_are_those_of_the_mnemonics() -> None:
    Account.enable_unaudited_hdwallet_features()
    phrase = "test test test test test test test test test test test junk"
    for at in (0, 9, 19):
        address = Account.from_mnemonic(phrase, account_path=f"m/44'/60'/0'/0/{at}").address
        assert address.lower() in DEVELOPMENT_ADDRESSES
    assert Account.from_key(b"\x00" * 31 + b"\x07").address.lower() in DEVELOPMENT_ADDRESSES
    assert len(DEVELOPMENT_ADDRESSES) == 50


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (node_error("execution reverted", 3, codec.to_hex(registry.selector("ZeroRoot()"))), "registry.zero_root"),
        (node_error("x", -32000, {"data": codec.to_hex(registry.selector("ZeroRoot()"))}), "registry.zero_root"),
        (node_error("execution reverted: no", 3, "0x08c379a0"), "chain.reverted"),
        (node_error("VM Exception: revert", -32015, "0xzz"), "chain.reverted"),
    ],
)
def test_reverts_in_the_forms_that_nodes_use(error: RpcError, code: str) -> None:
    explained = sending.explain_revert(error)
    assert explained is not None
    assert explained.code == code


def test_an_error_that_is_no_revert_stays_the_nodes(open_writer, faulty) -> None:
    rpc = faulty()
    writer = open_writer(rpc)
    rpc.faults["eth_estimateGas"] = node_error("rate limit")
    assert code_of(lambda: writer.quote(call_of(1))) == "chain.rpc_error"


@pytest.mark.parametrize("raw", ["0x", "0x02", "0xc0", "0x02c0", "0x" + "ff" * 40])
def test_a_kept_transaction_that_is_damaged(raw: str) -> None:
    assert code_of(lambda: SignedTransaction.from_raw(raw)) == "chain.bad_transaction"


@pytest.mark.parametrize(
    ("faults", "code"),
    [
        ({"eth_call": "0x"}, "chain.no_contract"),
        ({"eth_call": "0x" + "11" * 160}, "chain.other_code"),
        ({"eth_call": "0x" + "11" * 5}, "chain.other_code"),
    ],
)
def test_a_registry_that_answers_nonsense(open_writer, faulty, faults: dict[str, Any], code: str) -> None:
    rpc = faulty()
    writer = open_writer(rpc)
    rpc.faults.update(faults)
    assert code_of(lambda: writer.find(call_of(1))) == code


def test_a_node_that_no_longer_keeps_the_anchors_block(open_writer, faulty) -> None:
    open_writer().anchor(call_of(1))
    rpc = faulty()
    writer = open_writer(rpc)
    rpc.faults["eth_getBlockByNumber"] = None
    assert code_of(lambda: writer.find(call_of(1))) == "chain.anchor_not_found"
