"""Anchoring in a registry: check everything, simulate, sign, hand out the signed bytes, send, wait until final.

Each step can be called by itself (the publication's journal does), or all of them through `anchor`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from archive.chain.artifact import load_artifact
from archive.chain.local import EmbeddedChain
from archive.chain.networks import Network
from archive.chain.reader import AnchorLocation, RegistryReader
from archive.chain.registry import AnchorCall, Head
from archive.chain.rpc import ChainIdentity, Rpc, check_chain
from archive.chain.sending import (
    DEFAULT_DEADLINE,
    Estimate,
    Mined,
    Sender,
    SignedTransaction,
    WaitProgress,
    failed_error,
    format_wei,
)
from archive.errors import RefusedError, UnreachableError, UsageError

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

__all__ = ["AnchorReceipt", "Estimate", "Mined", "RegistryWriter", "SignedTransaction", "format_wei"]

_MAX_RAISES: Final = 6
_RAISE_PERCENT: Final = 25
_MAX_REORGANISATIONS: Final = 10


@dataclass(frozen=True, slots=True)
class AnchorReceipt:
    """A final anchor. `status` is `already` when the registry held this very entry before; nothing was sent then."""

    tx_hash: str
    block_number: int
    block_hash: str
    timestamp: int
    publisher: str
    status: Literal["anchored", "already"]
    rule: str


class RegistryWriter:
    """One registry, one key. Use `open`, which checks chain, genesis, contract code and key first."""

    def __init__(
        self, rpc: Rpc, network: Network, identity: ChainIdentity, registry: str, account: LocalAccount, **timing: Any
    ) -> None:
        self.network = network
        self.identity = identity
        self.reader = RegistryReader(rpc, registry)
        self.sender = Sender(rpc, network, account, **timing)
        self.publisher = self.sender.address

    @classmethod
    def open(
        cls, rpc: Rpc, network: Network, account: LocalAccount, *, registry: str | None = None, **timing: Any
    ) -> RegistryWriter:
        """A writer for a registry whose chain and code are as they should be.

        Args:
            registry: its address; default the network's.
            timing: `clock`, `sleep`, `poll` of `Sender`.

        Raises:
            InvalidInputError: `chain.wrong_chain_id`, `chain.other_history`, `chain.no_contract`, `chain.other_code`.
            RefusedError: `chain.development_key`.
            UsageError: `chain.no_registry`.
        """
        identity = check_chain(rpc, network)
        address = registry or network.registry or (rpc.registry if isinstance(rpc, EmbeddedChain) else None)
        if address is None:
            raise UsageError(
                f"{network.name}: no registry is known on this network",
                code="chain.no_registry",
                hint=f"`archive contract deploy --network {network.name}`, or set registry under "
                f"[networks.{network.name}] in config.toml",
            )
        writer = cls(rpc, network, identity, address, account, **timing)
        # A registry that an earlier version of this program deployed stays good.
        known = (load_artifact().code_hash, network.registry_code_hash)
        writer.reader.check_code(*(code for code in known if code is not None))
        return writer

    def head(self, incident: bytes | str) -> Head | None:
        """This publisher's head of an incident, given by key or id."""
        return self.reader.head(self.publisher, incident)

    def find(self, call: AnchorCall) -> AnchorLocation | None:
        """The anchor that is there already, or None; raises `registry.already_anchored` for one with other values."""
        entry = self.reader.entry(self.publisher, call.root)
        if entry is None:
            return None
        if not entry.is_package or entry.tag != call.tag:
            raise RefusedError(
                f"{call.root.hex()}: this publisher anchored this root before, with another incident, previous root or "
                "content id",
                code="registry.already_anchored",
                hint="an entry never changes: publish a new revision instead",
            )
        return self.reader.find_anchor(self.publisher, call.root)

    def quote(self, call: AnchorCall) -> Estimate:
        """Simulate, and say what it would cost now."""
        self.sender.simulate(self.reader.address, call.encode())
        return self.sender.estimate(self.reader.address, call.encode())

    def sign(self, call: AnchorCall) -> SignedTransaction:
        """Simulate and sign; nothing is sent. Raises `registry.*`, `chain.no_funds`, `chain.gas_price_too_high`."""
        return self.sender.sign(self.reader.address, call.encode(), self.quote(call))

    def send(self, signed: SignedTransaction) -> None:
        """See `Sender.send`."""
        self.sender.send(signed)

    def wait_mined(
        self,
        signed: SignedTransaction,
        call: AnchorCall,
        *,
        deadline: float = DEFAULT_DEADLINE,
        progress: WaitProgress | None = None,
    ) -> Mined:
        """The block of the anchor; a failed transaction is explained, unless the very entry is there by another one."""
        try:
            mined = self.sender.wait_mined(signed, deadline=deadline, progress=progress)
        except RefusedError as error:
            # The same anchor may have come through another transaction of this key.
            there = self.find(call) if error.code == "chain.nonce_taken" else None
            if there is None:
                raise
            return located(there)
        if mined.success:
            return mined
        there = self.find(call)
        if there is not None:
            return located(there)
        self.sender.simulate(self.reader.address, call.encode())
        raise failed_error(mined.tx_hash)

    def wait_final(
        self, mined: Mined, *, deadline: float = DEFAULT_DEADLINE, progress: WaitProgress | None = None
    ) -> Mined | None:
        """See `Sender.wait_final`."""
        return self.sender.wait_final(mined, deadline=deadline, progress=progress)

    def anchor(
        self,
        call: AnchorCall,
        *,
        on_signed: Callable[[SignedTransaction], None] = lambda signed: None,
        resume: SignedTransaction | None = None,
        deadline: float = DEFAULT_DEADLINE,
        progress: WaitProgress | None = None,
    ) -> AnchorReceipt:
        """Anchor, and wait until it is final.

        Args:
            on_signed: called with every transaction before it is sent; keep what it gives.
            resume: what `on_signed` gave in an earlier, interrupted run: it is sent again instead of a new one.
            deadline: seconds for each of the two waits.

        An entry that is there already with the same values is success: nothing is sent.
        """
        there = self.find(call)
        signed = resume
        for _ in range(_MAX_REORGANISATIONS):
            status: Literal["anchored", "already"] = "anchored" if there is None else "already"
            if there is None:
                signed = self._deliver(call, signed, on_signed)
                mined = self.wait_mined(signed, call, deadline=deadline, progress=progress)
            else:
                mined = located(there)
            final = self.wait_final(mined, deadline=deadline, progress=progress)
            if final is not None:
                return AnchorReceipt(
                    final.tx_hash,
                    final.block_number,
                    final.block_hash,
                    final.timestamp,
                    self.publisher,
                    status,
                    self.sender.finality_rule,
                )
            there = self.find(call)
        raise UnreachableError(
            "the chain keeps reorganising; the anchor is not final",
            code="chain.not_final",
            hint="run the same command again: it sends the same transaction",
        )

    def _deliver(
        self, call: AnchorCall, signed: SignedTransaction | None, on_signed: Callable[[SignedTransaction], None]
    ) -> SignedTransaction:
        """Send the kept transaction, or a new one; raise the fee where the node asks for more, up to the cap."""
        nonce = None
        if signed is not None:
            try:
                self.send(signed)
            except RefusedError as error:
                if error.code not in ("chain.nonce_taken", "chain.underpriced"):
                    raise
                if self.find(call) is not None:
                    return signed
                # When the price is raised the nonce stays, so that both can never be mined.
                nonce = signed.nonce if error.code == "chain.underpriced" else None
            else:
                return signed
        raised = 0
        while True:
            quote = self.quote(call)
            if raised:
                quote = replace(quote, fees=self.sender.fees(raise_percent=raised * _RAISE_PERCENT))
            new = self.sender.sign(self.reader.address, call.encode(), quote, nonce=nonce)
            nonce = new.nonce
            on_signed(new)
            try:
                self.send(new)
            except RefusedError as error:
                if error.code != "chain.underpriced" or raised == _MAX_RAISES:
                    raise
                raised += 1
            else:
                return new


def located(there: AnchorLocation) -> Mined:
    """Where an anchor that was found is, in the form that waiting uses."""
    return Mined(there.tx_hash, there.block_number, there.block_hash, there.timestamp, True)
