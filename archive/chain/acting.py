"""Doing any act in a registry: look whether it is done, simulate, sign, send, wait until it is final.

An act that is there already, by whomever it was sent, is success and costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from archive.chain import blocks, codec, registry
from archive.chain.acts import ActsReader, BatchEntry
from archive.chain.codec import keccak, to_hex
from archive.chain.eip712 import Act, AnchorAct, Request, RetractAct
from archive.chain.reader import RegistryReader, block_receipts
from archive.chain.rpc import Rpc
from archive.chain.sending import Estimate, Mined, SignedTransaction, WaitProgress, failed_error
from archive.chain.writer import RegistryWriter
from archive.errors import InvalidInputError, RefusedError, UnreachableError

_MAX_REORGANISATIONS: Final = 10


@dataclass(frozen=True, slots=True)
class ActReceipt:
    """A final act. `already` when it was there before; the transaction is then not known, and nothing was sent."""

    status: Literal["done", "already"]
    tx_hash: str | None = None
    block_number: int | None = None
    timestamp: int | None = None
    rule: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "status": self.status,
            "transaction": self.tx_hash,
            "block": self.block_number,
            "timestamp": self.timestamp,
            "final_by": self.rule,
        }


def is_done(rpc: Rpc, address: str, act: Act) -> bool:
    """Whether the registry holds this very act.

    Raises:
        RefusedError: `registry.already_anchored`, `registry.already_retracted`, `registry.already_withdrawn`: another
            act stands in its place for good.
    """
    if isinstance(act, AnchorAct):
        entry = RegistryReader(rpc, address).entry(act.account, act.root)
        if entry is not None and (not entry.is_package or entry.tag != act.call.tag):
            raise _other(act, "anchored this root with another incident, previous root or content id", "anchored")
        return entry is not None
    reader = ActsReader(rpc, address)
    if isinstance(act, RetractAct):
        retraction = reader.retraction(act.account, act.root)
        if retraction is not None and keccak(act.reason.encode())[:19] != retraction.reason_tag:
            raise _other(act, "retracted this root for another reason", "retracted")
        return retraction is not None
    endorsement = reader.endorsement(act.account, act.root)
    if endorsement is None:
        return False
    if act.name == "endorse" and endorsement.withdrawn:
        raise _other(act, "withdrew its endorsement of this root, which cannot be undone", "withdrawn")
    return act.name == "endorse" or endorsement.withdrawn


def is_cancelled(rpc: Rpc, address: str, request: Request) -> bool:
    """Whether the account cancelled this very request."""
    words = (registry.address_word(request.act.account), request.digest())
    calldata = to_hex(registry.encode_call("cancellationSlotOf(address,bytes32)", words))
    answer = rpc.call("eth_call", [{"to": address, "data": calldata}, "latest"])
    return any(codec.data(answer, "cancellation", size=32))


def _other(act: Act, what: str, name: str) -> RefusedError:
    return RefusedError(f"{act.root.hex()}: {act.account} {what}", code=f"registry.already_{name}")


def locate_batch(rpc: Rpc, address: str, publisher: str, root: bytes, entry: BatchEntry) -> Mined:
    """The transaction that anchored a batch, by the block number in its entry.

    Raises:
        InvalidInputError: `chain.anchor_not_found`, where the node does not give the block or its event.
    """
    block = rpc.call("eth_getBlockByNumber", [hex(entry.block), False])
    if isinstance(block, dict):
        _, header = blocks.read_header(block)
        topics = (registry.topic(registry.BATCH_ANCHORED), registry.address_word(publisher), root)
        for receipt in block_receipts(rpc, block):
            if any(
                to_hex(log.address) == address and log.topics == topics for log in blocks.read_receipt(receipt)[1].logs
            ):
                tx_hash = to_hex(codec.data(receipt.get("transactionHash"), "transaction hash", size=32))
                return Mined(tx_hash, entry.block, to_hex(header.hash), header.timestamp, True)
    raise InvalidInputError(
        f"the registry says the batch is in block {entry.block}, but this node does not show its event there",
        code="chain.anchor_not_found",
        hint="the node keeps only recent blocks or receipts: use an archive node",
    )


def quote(writer: RegistryWriter, calldata: bytes, *, max_gas: int | None = None) -> Estimate:
    """Simulate, and say what it would cost now; raises what the registry refuses it with (`registry.*`).

    Raises `chain.too_much_gas` above `max_gas`: where a contract wallet checks a signature, its author decides how much
    of it is used up, and whoever relays pays.
    """
    writer.sender.simulate(writer.reader.address, calldata)
    estimate = writer.sender.estimate(writer.reader.address, calldata)
    if max_gas is not None and estimate.gas > max_gas:
        raise RefusedError(
            f"would take {estimate.gas:,} gas, more than the {max_gas:,} that are allowed",
            code="chain.too_much_gas",
            hint="the wallet that signed makes it cost so much: let its owner send it, or raise --max-gas",
        )
    return estimate


def perform(
    writer: RegistryWriter,
    calldata: bytes,
    done: Callable[[], bool],
    *,
    max_gas: int | None = None,
    resume: SignedTransaction | None = None,
    on_signed: Callable[[SignedTransaction], None] = lambda signed: None,
    progress: WaitProgress | None = None,
) -> ActReceipt:
    """Do what the calldata asks for and wait until it is final, unless it is done.

    Args:
        done: whether the registry holds it now.
        max_gas: refuse to send where more is needed, as `quote` does.
        resume: what `on_signed` gave in an earlier, interrupted run.
        on_signed: called with a transaction before it is sent.

    Raises:
        RefusedError: `registry.*`, `chain.reverted`, `chain.no_funds`, …
        UnreachableError: `chain.not_mined`, `chain.not_final`.
    """
    sender = writer.sender
    signed = resume
    for _ in range(_MAX_REORGANISATIONS):
        if done() and (signed is None or sender.mined(signed.hash) is None):
            return ActReceipt("already")
        if signed is None:
            signed = sender.sign(writer.reader.address, calldata, quote(writer, calldata, max_gas=max_gas))
            on_signed(signed)
        try:
            sender.send(signed)
            mined = sender.wait_mined(signed, progress=progress)
        except RefusedError as error:
            if error.code != "chain.nonce_taken":
                raise
            signed = None
            continue
        if not mined.success:
            # Another may have been faster with the same act.
            if done():
                return ActReceipt("already")
            sender.simulate(writer.reader.address, calldata)
            raise failed_error(mined.tx_hash)
        final = sender.wait_final(mined, progress=progress)
        if final is not None:
            return ActReceipt("done", final.tx_hash, final.block_number, final.timestamp, sender.finality_rule)
    raise UnreachableError(
        "the chain keeps reorganising; the act is not final",
        code="chain.not_final",
        hint="run the same command again: what is done is not done twice",
    )
