"""The EVM of the embedded chain: py-evm over a key-value store in SQLite. Imported only where a state is needed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any, Final

from eth_keys.datatypes import PrivateKey
from eth_utils.exceptions import ValidationError
from rlp.exceptions import RLPException
from trie.exceptions import MissingTrieNode

from archive.chain import proofs
from archive.chain.recursion import kept_recursion_limit

with kept_recursion_limit():
    from eth.chains.base import MiningChain
    from eth.constants import POST_MERGE_DIFFICULTY, POST_MERGE_MIX_HASH, POST_MERGE_NONCE, ZERO_ADDRESS
    from eth.db.atomic import AtomicDB
    from eth.db.backends.base import BaseDB
    from eth.exceptions import CanonicalHeadNotFound, HeaderNotFound, Revert, StateRootNotFound, VMError
    from eth.vm.forks.prague import PragueVM
    from eth.vm.spoof import SpoofTransaction

GAS_LIMIT: Final = 30_000_000
INITIAL_BALANCE: Final = 10**24
PRIORITY_FEE: Final = 10**9

# What py-evm raises when keys are missing from its store.
DAMAGE: Final = (CanonicalHeadNotFound, StateRootNotFound, MissingTrieNode)


class InvalidTransactionError(Exception):
    """The chain refuses the transaction; the text says why, in the words that nodes use."""


class RevertedError(Exception):
    """A call reverted; `data` is the ABI-encoded error."""

    def __init__(self, data: bytes) -> None:
        super().__init__("execution reverted")
        self.data = data


class PendingStore(BaseDB):
    """The table `state`, with writes held back until `flush`, so that one SQLite transaction takes a whole block."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._cache: dict[bytes, bytes | None] = {}
        self._pending: dict[bytes, bytes | None] = {}

    def __getitem__(self, key: bytes) -> bytes:
        value = self._lookup(key)
        if value is None:
            raise KeyError(key)
        return value

    def __setitem__(self, key: bytes, value: bytes) -> None:
        if self._lookup(key) != value:
            self._pending[bytes(key)] = bytes(value)

    def __delitem__(self, key: bytes) -> None:
        self._pending[bytes(key)] = None

    def _exists(self, key: bytes) -> bool:
        return self._lookup(key) is not None

    def __iter__(self) -> Iterator[bytes]:
        raise NotImplementedError

    def _lookup(self, key: bytes) -> bytes | None:
        if key in self._pending:
            return self._pending[key]
        if key not in self._cache:
            row = self._connection.execute("SELECT value FROM state WHERE key = ?", (key,)).fetchone()
            self._cache[key] = None if row is None else bytes(row[0])
        return self._cache[key]

    def flush(self) -> None:
        """Write what is pending, inside the caller's SQLite transaction."""
        gone = [(key,) for key, value in self._pending.items() if value is None]
        kept = [(key, value) for key, value in self._pending.items() if value is not None]
        self._connection.executemany("DELETE FROM state WHERE key = ?", gone)
        self._connection.executemany("INSERT OR REPLACE INTO state VALUES (?, ?)", kept)
        self._cache.update(self._pending)
        self._pending.clear()

    def discard(self) -> None:
        self._pending.clear()


class MinedBlock:
    """A block as bytes: header RLP, and its transactions and receipts in order."""

    def __init__(self, number: int, header: bytes, transactions: list[bytes], receipts: list[bytes]) -> None:
        self.number = number
        self.header = header
        self.transactions = transactions
        self.receipts = receipts


class Evm:
    """The chain over one store. Reads are of the head's state unless a block number is given."""

    def __init__(self, store: PendingStore, chain_id: int) -> None:
        self._store = store
        self._class = _chain_class(chain_id)
        self._chain: Any = None

    def create(self, *, key: bytes, timestamp: int, extra_data: bytes) -> MinedBlock:
        """Write block 0, in which the key's account is funded."""
        account = PrivateKey(key).public_key.to_canonical_address()
        params: dict[str, Any] = {
            "coinbase": ZERO_ADDRESS,
            "difficulty": POST_MERGE_DIFFICULTY,
            "extra_data": extra_data,
            "gas_limit": GAS_LIMIT,
            "mix_hash": POST_MERGE_MIX_HASH,
            "nonce": POST_MERGE_NONCE,
            "timestamp": timestamp,
        }
        funded: dict[Any, Any] = {account: {"balance": INITIAL_BALANCE, "nonce": 0, "code": b"", "storage": {}}}
        self._chain = self._class.from_genesis(AtomicDB(self._store), params, funded)
        return MinedBlock(0, _encode(self._chain.get_canonical_block_header_by_number(0)), [], [])

    @property
    def chain(self) -> Any:
        if self._chain is None:
            self._chain = self._class(AtomicDB(self._store))
        return self._chain

    def deployment(self, key: bytes, code: bytes) -> bytes:
        """A signed transaction that creates a contract, first of the key's account."""
        builder = self.chain.get_vm().get_transaction_builder()
        unsigned = builder.new_unsigned_dynamic_fee_transaction(
            chain_id=self._class.chain_id,
            nonce=0,
            max_priority_fee_per_gas=PRIORITY_FEE,
            max_fee_per_gas=10 * PRIORITY_FEE,
            gas=3_000_000,
            to=b"",
            value=0,
            data=code,
            access_list=(),
        )
        return bytes(unsigned.as_signed_transaction(PrivateKey(key)).encode())

    def mine(self, raw: bytes, now: int) -> MinedBlock:
        """Mine a block with this one transaction; its time is `now`, or a second after its parent's if that is later.

        Raises:
            InvalidTransactionError: nothing was mined and nothing is pending.
        """
        try:
            # py-evm does not compare a typed transaction's chain id.
            if proofs.decode_transaction(raw).chain_id != self._class.chain_id:
                raise InvalidTransactionError("invalid transaction: signed for another chain")
        except ValueError as error:
            raise InvalidTransactionError(f"invalid transaction: {error}") from None
        chain = self.chain
        try:
            transaction = chain.get_vm().get_transaction_builder().decode(raw)
            self._check(transaction)
            parent = chain.get_canonical_head()
            chain.set_header_timestamp(max(now, parent.timestamp + 1))
            result, receipts, _ = chain.mine_all([transaction])
        except (ValidationError, RLPException, VMError) as error:
            self._store.discard()
            self._chain = None
            raise InvalidTransactionError(f"invalid transaction: {error}") from None
        except BaseException:
            self._store.discard()
            self._chain = None
            raise
        block = result.imported_block
        return MinedBlock(block.number, _encode(block.header), [raw], [bytes(r.encode()) for r in receipts])

    def _check(self, transaction: Any) -> None:
        """The refusals that callers tell apart, in the words of go-ethereum."""
        state = self.chain.get_vm(self.chain.get_canonical_head()).state
        sender = transaction.sender
        nonce = state.get_nonce(sender)
        if transaction.nonce < nonce:
            raise InvalidTransactionError(f"nonce too low: next nonce {nonce}, tx nonce {transaction.nonce}")
        if transaction.nonce > nonce:
            # This chain has no pool that could hold it back.
            raise InvalidTransactionError(f"nonce too high: next nonce {nonce}, tx nonce {transaction.nonce}")
        price = getattr(transaction, "max_fee_per_gas", None)
        cost = transaction.gas * (transaction.gas_price if price is None else price) + transaction.value
        if cost > state.get_balance(sender):
            raise InvalidTransactionError("insufficient funds for gas * price + value")

    def _header(self, number: int | None) -> Any:
        chain = self.chain
        try:
            return chain.get_canonical_head() if number is None else chain.get_canonical_block_header_by_number(number)
        except HeaderNotFound:
            raise InvalidTransactionError("header not found") from None

    def state(self, number: int | None) -> Any:
        return self.chain.get_vm(self._header(number)).state

    def execute(self, call: Mapping[str, Any], number: int | None) -> bytes:
        """The output of a call; raises RevertedError, InvalidTransactionError."""
        try:
            return bytes(self.chain.get_transaction_result(self._spoof(call, number), self._header(number)))
        except Revert as error:
            raise RevertedError(_revert_data(error)) from None
        except (VMError, ValidationError) as error:
            raise InvalidTransactionError(str(error)) from None

    def estimate(self, call: Mapping[str, Any]) -> int:
        """Gas that the call takes; raises RevertedError, InvalidTransactionError."""
        try:
            return int(self.chain.estimate_gas(self._spoof(call), self._header(None)))
        except Revert as error:
            raise RevertedError(_revert_data(error)) from None
        except (VMError, ValidationError) as error:
            raise InvalidTransactionError(str(error)) from None

    def gas_price(self) -> int:
        return int(self.chain.header.base_fee_per_gas) + PRIORITY_FEE

    def _spoof(self, call: Mapping[str, Any], number: int | None = None) -> Any:
        unsigned = self.chain.create_unsigned_transaction(
            nonce=self.state(number).get_nonce(call["from"]),
            gas_price=0,
            gas=GAS_LIMIT // 2,
            to=call["to"],
            value=call["value"],
            data=call["data"],
        )
        return SpoofTransaction(unsigned, from_=call["from"])


def _revert_data(error: Revert) -> bytes:
    return bytes(error.args[0]) if error.args and isinstance(error.args[0], bytes) else b""


def _encode(header: Any) -> bytes:
    import rlp

    return bytes(rlp.encode(header))


def _chain_class(number: int) -> Any:
    class EmbeddedMiningChain(MiningChain):
        chain_id = number
        vm_configuration = ((0, PragueVM),)  # type: ignore[assignment]

        def create_header_from_parent(self, parent_header: Any, **params: Any) -> Any:
            # A constant gas limit; py-evm would let it drift with use.
            return super().create_header_from_parent(parent_header, **{**params, "gas_limit": parent_header.gas_limit})

    return EmbeddedMiningChain
