"""Sending one transaction from one account: fees, funds, nonce, signing, sending, waiting. The only code that signs.

A signed transaction is handed to the caller before it is sent, so that an interrupted command can send the same bytes
again; they can be mined once at most.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from archive.chain import codec, proofs
from archive.chain.codec import from_hex, to_hex
from archive.chain.devkeys import refuse_development_key
from archive.chain.networks import Network
from archive.chain.registry import Refusal, decode_revert
from archive.chain.rpc import Rpc, RpcError
from archive.errors import InvalidInputError, RefusedError, UnreachableError

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

WaitStage = Literal["waiting", "confirming", "sent again"]
# Stage, and of the confirmations how many there are and how many are asked for (0 of 0 while waiting).
WaitProgress = Callable[[WaitStage, int, int], None]

DEFAULT_DEADLINE: Final = 600.0
DEFAULT_POLL: Final = 1.0
# Estimates are of a state that may move before the transaction is mined.
_GAS_MARGIN_PERCENT: Final = 20
_RESEND_EVERY: Final = 15
# How nodes say that they have the transaction already.
_KNOWN: Final = ("already known", "known transaction", "already imported", "alreadyknown")


@dataclass(frozen=True, slots=True)
class Fees:
    """Wei per unit of gas: what is expected to be paid, and the two limits that are signed (EIP-1559)."""

    expected: int
    max_fee: int
    max_priority_fee: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a transaction would cost, in wei; `gas` is the limit, with its margin, so `cost` is an upper estimate."""

    gas: int
    fees: Fees
    balance: int
    symbol: str

    @property
    def cost(self) -> int:
        return self.gas * self.fees.expected

    @property
    def max_cost(self) -> int:
        """What the account must hold for the transaction to be taken."""
        return self.gas * self.fees.max_fee

    def to_json(self) -> dict[str, Any]:
        """Exact decimal strings, no floats."""
        return {
            "gas": self.gas,
            "gas_price_wei": str(self.fees.expected),
            "cost_wei": str(self.cost),
            "cost": format_wei(self.cost),
            "max_cost": format_wei(self.max_cost),
            "balance": format_wei(self.balance),
            "symbol": self.symbol,
        }


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """`raw` and `hash` as `0x` + hex; enough to send it again at any time."""

    hash: str
    raw: str
    nonce: int

    @classmethod
    def from_raw(cls, raw: str) -> SignedTransaction:
        """Read back what was kept; raises `chain.bad_transaction`."""
        try:
            data = from_hex(raw)
            transaction = proofs.decode_transaction(data)
            fields = codec.rlp_list(data[1:] if transaction.kind else data)
            nonce = codec.rlp_int(fields[1 if transaction.kind else 0])
        except (ValueError, TypeError, IndexError):
            raise InvalidInputError("the kept transaction cannot be read", code="chain.bad_transaction") from None
        return cls(to_hex(codec.keccak(data)), raw, nonce)


@dataclass(frozen=True, slots=True)
class Mined:
    """A transaction in a block; `timestamp` in seconds since 1970; `success` is its status."""

    tx_hash: str
    block_number: int
    block_hash: str
    timestamp: int
    success: bool
    contract: str | None = None


def format_wei(wei: int) -> str:
    """Whole units of 10^18 as an exact decimal string."""
    whole, rest = divmod(wei, 10**18)
    return f"{whole}.{rest:018d}".rstrip("0").rstrip(".")


def explain_revert(error: RpcError) -> RefusedError | None:
    """The registry's error in a node's answer; `chain.reverted` for another revert; None when it is no revert."""
    data = error.data
    # Some nodes nest the data once more.
    if isinstance(data, dict):
        data = data.get("data") or data.get("result")
    raw = b""
    if isinstance(data, str) and data.startswith("0x"):
        try:
            raw = bytes.fromhex(data[2:])
        except ValueError:
            raw = b""
    refusal = decode_revert(raw)
    if refusal is not None:
        return refused(refusal)
    if raw or error.rpc_code == 3 or "revert" in error.rpc_message.lower():
        return RefusedError(
            f"the contract refuses the call: {error.rpc_message[:200]}",
            code="chain.reverted",
            hint="check the registry's address and the network",
        )
    return None


def refused(refusal: Refusal) -> RefusedError:
    return RefusedError(f"the registry refuses: {refusal.message}", code=refusal.code, hint=refusal.hint)


def failed_error(tx_hash: str) -> RefusedError:
    """A transaction that is in a block and changed nothing, for no reason that a simulation tells."""
    return RefusedError(
        f"{tx_hash}: the transaction was mined and failed",
        code="chain.reverted",
        hint="run the same command again; if it fails again, look at the transaction in an explorer",
    )


class Sender:
    """One account on one chain.

    Args:
        rpc: the chain, already checked with `check_chain`.
        network: its name, fee bounds and finality rule.
        account: the key. A development key is refused on public chains (`chain.development_key`).
        clock, sleep, poll: monotonic seconds, and how long to wait between two questions to the node.
    """

    def __init__(
        self,
        rpc: Rpc,
        network: Network,
        account: LocalAccount,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        poll: float = DEFAULT_POLL,
    ) -> None:
        self.rpc = rpc
        self.network = network
        self._account = account
        self.address = str(account.address).lower()
        refuse_development_key(self.address, network.chain_id)
        self._clock = clock
        self._sleep = sleep
        self._poll = poll

    def fees(self, *, raise_percent: int = 0) -> Fees:
        """What to offer now: the node's gas price or the network's floor, whichever is more, raised by a percentage.

        Raises `chain.gas_price_too_high` above the network's cap.
        """
        price = codec.quantity(self.rpc.call("eth_gasPrice"), "gas price")
        block = self.rpc.call("eth_getBlockByNumber", ["latest", False])
        base = block.get("baseFeePerGas") if isinstance(block, dict) else None
        base_fee = 0 if base is None else codec.quantity(base, "base fee")
        expected = max(price, self.network.gas_price_floor, base_fee) * (100 + raise_percent) // 100
        if expected > self.network.gas_price_cap:
            raise RefusedError(
                f"{self.network.name}: the gas price is {expected} wei, above the limit of "
                f"{self.network.gas_price_cap} wei",
                code="chain.gas_price_too_high",
                hint=f"wait, or set gas_price_cap_gwei under [networks.{self.network.name}] in config.toml",
            )
        # The base fee may rise by an eighth per block: room for it to double.
        priority = expected - base_fee
        return Fees(expected, expected + base_fee, priority)

    def balance(self) -> int:
        return codec.quantity(self.rpc.call("eth_getBalance", [self.address, "latest"]), "balance")

    def simulate(self, to: str, data: bytes) -> None:
        """Run the call against the present state; raises what it would be refused with (`registry.*`)."""
        try:
            self.rpc.call("eth_call", [self._request(to, data), "latest"])
        except RpcError as error:
            raise explain_revert(error) or error from None

    def estimate(self, to: str | None, data: bytes) -> Estimate:
        """Gas, price and balance; raises what the call would be refused with, but not for lack of funds."""
        try:
            gas = codec.quantity(self.rpc.call("eth_estimateGas", [self._request(to, data)]), "gas estimate")
        except RpcError as error:
            raise explain_revert(error) or error from None
        gas += gas * _GAS_MARGIN_PERCENT // 100
        return Estimate(gas, self.fees(), self.balance(), self.network.symbol)

    def require_funds(self, estimate: Estimate) -> None:
        """Raise `chain.no_funds`, saying how much is missing."""
        if estimate.balance < estimate.max_cost:
            missing = format_wei(estimate.max_cost - estimate.balance)
            raise RefusedError(
                f"{self.address} has {format_wei(estimate.balance)} {estimate.symbol} on {self.network.name} and needs "
                f"{format_wei(estimate.max_cost)}",
                code="chain.no_funds",
                hint=f"send at least {missing} {estimate.symbol} to {self.address}, then run the same command again",
            )

    def sign(self, to: str | None, data: bytes, estimate: Estimate, *, nonce: int | None = None) -> SignedTransaction:
        """Sign, after `require_funds`; nothing is sent. The nonce is the account's next unless given."""
        self.require_funds(estimate)
        if nonce is None:
            nonce = codec.quantity(self.rpc.call("eth_getTransactionCount", [self.address, "pending"]), "nonce")
        request: dict[str, Any] = {
            "type": 2,
            "chainId": self.network.chain_id,
            "nonce": nonce,
            "maxFeePerGas": estimate.fees.max_fee,
            "maxPriorityFeePerGas": estimate.fees.max_priority_fee,
            "gas": estimate.gas,
            "value": 0,
            "data": to_hex(data),
        }
        if to is not None:
            from archive.trust import to_checksum

            request["to"] = to_checksum(to)
        signed = self._account.sign_transaction(request)
        return SignedTransaction(to_hex(signed.hash), to_hex(signed.raw_transaction), nonce)

    def send(self, signed: SignedTransaction) -> None:
        """Send; sending the same bytes again is no error.

        Raises:
            RefusedError: `chain.nonce_taken` when another transaction took its place, `chain.nonce_gap`,
                `chain.underpriced`, `chain.no_funds`, `chain.rejected`.
            UnreachableError: the node may or may not have it; send the same bytes again.
        """
        try:
            self.rpc.call("eth_sendRawTransaction", [signed.raw])
        except RpcError as error:
            known = any(words in error.rpc_message.lower() for words in _KNOWN)
            if not known and not self._has(signed):
                raise self._send_error(error) from None

    def _has(self, signed: SignedTransaction) -> bool:
        return self.rpc.call("eth_getTransactionByHash", [signed.hash]) is not None

    def _send_error(self, error: RpcError) -> RefusedError:
        text = error.rpc_message.lower()
        if "nonce too low" in text or "nonce is too low" in text:
            return self._nonce_taken()
        if "nonce too high" in text or "nonce is too high" in text:
            return RefusedError(
                "an earlier transaction of this account has to be mined first",
                code="chain.nonce_gap",
                hint="wait for it, or send it again, then run the same command again",
            )
        # A replacement that pays too little and a price below the node's policy are both told this way.
        if any(words in text for words in ("underpriced", "less than block base fee", "fee too low", "price too low")):
            return RefusedError(
                f"the node wants a higher gas price: {error.rpc_message[:200]}",
                code="chain.underpriced",
                hint="another transaction of this account may be waiting; wait for it or run the same command again",
            )
        if "insufficient funds" in text or "insufficient balance" in text:
            return RefusedError(
                f"{self.address} cannot pay for the transaction: {error.rpc_message[:200]}",
                code="chain.no_funds",
                hint=f"send {self.network.symbol} to {self.address}, then run the same command again",
            )
        return RefusedError(
            f"the node refuses the transaction: {error.rpc_message[:200]}",
            code="chain.rejected",
            hint="try another RPC URL, or look at the account in an explorer; then run the same command again",
        )

    def _nonce_taken(self) -> RefusedError:
        return RefusedError(
            "another transaction of this account took the place (nonce) of this one, which can never be mined",
            code="chain.nonce_taken",
            hint="is the same key used elsewhere? run the same command again to sign a new one",
        )

    def mined(self, tx_hash: str) -> Mined | None:
        """Where the transaction is, as the node tells it now, or None."""
        receipt = self.rpc.call("eth_getTransactionReceipt", [tx_hash])
        if receipt is None:
            return None
        if not isinstance(receipt, dict):
            raise codec.bad_answer("receipt", "an object", receipt)
        block_hash = to_hex(codec.data(receipt.get("blockHash"), "block hash", size=32))
        block = self.rpc.call("eth_getBlockByHash", [block_hash, False])
        if not isinstance(block, dict):
            return None
        contract = receipt.get("contractAddress")
        return Mined(
            tx_hash,
            codec.quantity(receipt.get("blockNumber"), "block number"),
            block_hash,
            codec.quantity(block.get("timestamp"), "timestamp"),
            codec.quantity(receipt.get("status"), "status") == 1,
            to_hex(codec.data(contract, "contract address", size=20)) if isinstance(contract, str) else None,
        )

    def wait_mined(
        self, signed: SignedTransaction, *, deadline: float = DEFAULT_DEADLINE, progress: WaitProgress | None = None
    ) -> Mined:
        """Wait until the transaction is in a block, sending it again when the node has forgotten it.

        Raises:
            UnreachableError: `chain.not_mined` after `deadline` seconds.
            RefusedError: `chain.nonce_taken`.
        """
        end = self._clock() + deadline
        turn = 0
        while True:
            turn += 1
            mined = self.mined(signed.hash)
            if mined is not None:
                return mined
            used = codec.quantity(self.rpc.call("eth_getTransactionCount", [self.address, "latest"]), "nonce")
            # Asked again because the block may have come between the two questions.
            if used > signed.nonce and self.mined(signed.hash) is None:
                raise self._nonce_taken()
            if turn % _RESEND_EVERY == 0 and not self._has(signed):
                self.send(signed)
                _tell(progress, "sent again", 0, 0)
            _tell(progress, "waiting", 0, 0)
            if self._clock() >= end:
                raise UnreachableError(
                    f"{signed.hash}: not mined within {deadline:g} s",
                    code="chain.not_mined",
                    hint="run the same command again: it waits for the same transaction and never pays twice",
                )
            self._sleep(self._poll)

    @property
    def finality_rule(self) -> str:
        """The network's rule in words: `finalized`, or `3 confirmations`."""
        rule = self.network.confirmations
        return rule if isinstance(rule, str) else f"{rule} confirmation{'s' if rule > 1 else ''}"

    def wait_final(
        self, mined: Mined, *, deadline: float = DEFAULT_DEADLINE, progress: WaitProgress | None = None
    ) -> Mined | None:
        """Wait until the block is final by the network's rule; None when it was reorganised away.

        Raises:
            UnreachableError: `chain.not_final` after `deadline` seconds.
            RefusedError: `chain.no_finality` when the node does not know the `finalized` tag.
        """
        rule = self.network.confirmations
        end = self._clock() + deadline
        while True:
            now = self.mined(mined.tx_hash)
            if now is None or now.block_hash != mined.block_hash:
                return None
            have, need = self._depth(mined, rule)
            _tell(progress, "confirming", have, need)
            if have >= need:
                return now
            if self._clock() >= end:
                raise UnreachableError(
                    f"{mined.tx_hash}: block {mined.block_number} is not final after {deadline:g} s "
                    f"({have} of {need} blocks)",
                    code="chain.not_final",
                    hint="run the same command again: it goes on waiting",
                )
            self._sleep(self._poll)

    def _depth(self, mined: Mined, rule: int | str) -> tuple[int, int]:
        """Confirmations there are, and needed; for `finalized`, 0 of the number of blocks still to be finalized."""
        if isinstance(rule, int):
            head = codec.quantity(self.rpc.call("eth_blockNumber"), "block number")
            return max(0, min(head - mined.block_number + 1, rule)), rule
        try:
            block = self.rpc.call("eth_getBlockByNumber", ["finalized", False])
        except RpcError:
            block = None
        if not isinstance(block, dict):
            raise RefusedError(
                f"{self.network.name}: the node does not tell which block is finalized",
                code="chain.no_finality",
                hint=f"set confirmations to a number under [networks.{self.network.name}] in config.toml",
            )
        final = codec.quantity(block.get("number"), "number of the finalized block")
        return (1, 1) if final >= mined.block_number else (0, mined.block_number - final)

    def _request(self, to: str | None, data: bytes) -> Mapping[str, str]:
        request = {"from": self.address, "data": to_hex(data)}
        return request if to is None else {**request, "to": to}


def _tell(progress: WaitProgress | None, stage: WaitStage, have: int, need: int) -> None:
    if progress is not None:
        progress(stage, have, need)
