"""The embedded chain: an EVM in this process that runs the same registry bytecode and survives between commands.

Made on first use, per workspace: a key (`secrets/local-chain.key`, mode 0600) funded in a genesis block that no other
workspace shares, the registry deployed in block 1, and the entries of the trust file. It is the default network, needs
no configuration, and proves nothing about time, since whoever has the workspace sets its clock.

Everything is in one SQLite file. A block is written in one SQLite transaction, so a process killed at any point leaves
the chain before the block or after it. The tables `headers` and `transactions` can be read without an EVM; py-evm is
only started for calls that need a state.
"""

from __future__ import annotations

import inspect
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Final

from archive.chain import blocks, codec
from archive.chain.codec import from_hex, to_hex
from archive.chain.local_headers import database_path
from archive.chain.recursion import account_class
from archive.chain.rpc import RpcError
from archive.errors import InvalidInputError, MissingDependencyError, RefusedError
from archive.workspace import Workspace, write_atomic

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

    from archive.chain.local_evm import Evm, MinedBlock, PendingStore

# "IA1" in ASCII; the same number as in networks.toml.
CHAIN_ID: Final = 4800817
KEY_NAME: Final = "local-chain.key"
MAX_TRANSACTION_BYTES: Final = 128 * 1024
_TAGS: Final = ("latest", "pending", "safe", "finalized")
# JSON-RPC error codes, as nodes use them.
_REVERTED: Final = 3
_REFUSED: Final = -32000
_NO_METHOD: Final = -32601
_BAD_PARAMS: Final = -32602

_SCHEMA: Final = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE state (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE headers (number INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, header BLOB NOT NULL);
CREATE TABLE transactions (
    hash BLOB PRIMARY KEY, block INTEGER NOT NULL REFERENCES headers, position INTEGER NOT NULL,
    raw BLOB NOT NULL, receipt BLOB NOT NULL
) WITHOUT ROWID;
"""


class EmbeddedChain:
    """The workspace's chain, held under an exclusive lock; use it as a context manager.

    Args:
        workspace: made on first use.
        clock: seconds since 1970; a block's time is this, but always later than its parent's.
        entropy: source of the key and of what sets this genesis apart from others.

    Raises (on entering):
        RefusedError: `workspace.locked`; `chain.local_key_missing` when the chain is there and its key is not.
        InvalidInputError: `chain.local_damaged`.
        MissingDependencyError: `chain.no_evm` when the extra `publish` is not installed.
    """

    def __init__(
        self,
        workspace: Workspace,
        *,
        clock: Callable[[], float] = time.time,
        entropy: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self.workspace = workspace
        self.path = database_path(workspace)
        self._clock = clock
        self._entropy = entropy
        self._stack = ExitStack()
        self._db: sqlite3.Connection | None = None
        self._evm: Evm | None = None
        self._store: PendingStore | None = None
        self._key = b""
        self._methods: dict[str, Callable[..., Any]] = {
            "web3_clientVersion": lambda: "incident-archive/embedded",
            "eth_chainId": lambda: hex(CHAIN_ID),
            "eth_blockNumber": lambda: hex(self._head()),
            "eth_getBlockByNumber": self._block_by_number,
            "eth_getBlockByHash": self._block_by_hash,
            "eth_getBlockReceipts": self._block_receipts,
            "eth_getTransactionByHash": self._transaction,
            "eth_getRawTransactionByHash": self._raw_transaction,
            "eth_getTransactionReceipt": self._receipt,
            "eth_gasPrice": lambda: hex(self._run(lambda evm: evm.gas_price())),
            "eth_getBalance": lambda who, at="latest": hex(self._state("get_balance", who, at)),
            "eth_getTransactionCount": lambda who, at="latest": hex(self._state("get_nonce", who, at)),
            "eth_getCode": lambda who, at="latest": to_hex(self._state("get_code", who, at)),
            "eth_call": self._eth_call,
            "eth_estimateGas": self._estimate,
            "eth_sendRawTransaction": self._send,
        }

    # The workspace's own chain

    def __enter__(self) -> EmbeddedChain:
        with ExitStack() as stack:
            stack.enter_context(self.workspace.lock("chain"))
            self.path.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(self._errors())
            self._db = stack.enter_context(_closing(sqlite3.connect(self.path, isolation_level=None)))
            # A block that was reported as mined must survive a power cut.
            self._db.execute("PRAGMA synchronous = FULL")
            if not self._meta_exists():
                self._create()
            self._key = self._read_key()
            self._write_trust()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._evm = None
        self._store = None
        self._db = None
        self._stack.close()

    @property
    def address(self) -> str:
        """The account that this workspace publishes with."""
        return self._meta("account")

    @property
    def registry(self) -> str:
        return self._meta("registry")

    @property
    def genesis(self) -> str:
        return self._meta("genesis")

    @property
    def account(self) -> LocalAccount:
        """The account with its key, able to sign."""
        account: LocalAccount = account_class().from_key(self._key)
        return account

    def call(self, method: str, params: Sequence[object] = ()) -> Any:
        """Answer as a node would; see `archive.chain.rpc.Rpc`."""
        handler = self._methods.get(method)
        if handler is None:
            raise RpcError(method, _NO_METHOD, f"the method {method} does not exist")
        with self._errors():
            try:
                inspect.signature(handler).bind(*params)
            except TypeError as error:
                raise RpcError(method, _BAD_PARAMS, f"invalid parameters: {error}") from None
            try:
                return handler(*params)
            except _CallError as error:
                raise RpcError(method, error.code, str(error), error.data) from None

    # Making and opening

    def _create(self) -> None:
        from archive.chain.artifact import load_artifact

        key_file = self.workspace.secrets / KEY_NAME
        if key_file.exists():
            key = self._read_key()
        else:
            key = self._entropy(32)
            self.workspace.make_secrets()
            write_atomic(key_file, (key.hex() + "\n").encode(), mode=0o600)
        artifact = load_artifact()
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in _SCHEMA.split(";"):
                connection.execute(statement)
            evm = self._engine()
            now = int(self._clock())
            genesis = evm.create(key=key, timestamp=now, extra_data=self._entropy(32))
            self._write_block(genesis)
            deployed = evm.mine(evm.deployment(key, artifact.bytecode), now)
            self._write_block(deployed)
            account = _address_of(key)
            values = {
                "account": account,
                "registry": _created_address(account, 0),
                "code_hash": artifact.code_hash,
                "genesis": to_hex(codec.keccak(genesis.header)),
                "trust": "missing",
            }
            connection.executemany("INSERT INTO meta VALUES (?, ?)", values.items())
            connection.execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise

    def _write_trust(self) -> None:
        """Trust this chain's registry and key, once; what its user takes out again stays out."""
        if self._meta("trust") == "written":
            return
        from archive.trust import TrustedPublisher, TrustedRegistry, load_trust, save_trust

        trust = load_trust(self.workspace.trust_file)
        if trust.registry(CHAIN_ID, self.genesis, self.registry) is None:
            trust = trust.with_registry(
                TrustedRegistry(
                    name=f"this workspace's chain ({self.genesis[2:10]})",
                    chain_id=CHAIN_ID,
                    genesis=self.genesis,
                    address=self.registry,
                    code_hash=self._meta("code_hash"),
                    workspace_chain=True,
                )
            )
        if trust.publisher(self.address) is None:
            trust = trust.with_publisher(
                TrustedPublisher(address=self.address, name=f"this workspace ({self.address[2:10]})")
            )
        save_trust(self.workspace.trust_file, trust)
        self._connection.execute("UPDATE meta SET value = 'written' WHERE key = 'trust'")

    def _read_key(self) -> bytes:
        path = self.workspace.secrets / KEY_NAME
        hint = "restore it from a backup; or move the folder `chain` away to start a new chain, with a key of its own"
        try:
            key = bytes.fromhex(path.read_text(encoding="ascii").strip())
        except FileNotFoundError:
            raise RefusedError(
                f"{path}: the key of the embedded chain is missing", code="chain.local_key_missing", hint=hint
            ) from None
        except (OSError, ValueError):
            key = b""
        if len(key) != 32 or not any(key):
            raise InvalidInputError(f"{path}: not a key", code="chain.local_damaged", hint=hint)
        if self._meta_exists() and _address_of(key) != self._meta("account"):
            raise InvalidInputError(
                f"{path}: the key is of another chain than the one in {self.path}",
                code="chain.local_damaged",
                hint=hint,
            )
        return key

    @property
    def _connection(self) -> sqlite3.Connection:
        if self._db is None:
            raise RefusedError(f"{self.path}: the embedded chain is not open", code="chain.local_closed")
        return self._db

    def _meta_exists(self) -> bool:
        found = self._connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone()
        return found is not None

    def _meta(self, key: str) -> str:
        row = self._connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return str(row[0])

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, KeyError, IndexError) as error:
            raise InvalidInputError(
                f"{self.path}: the embedded chain cannot be read or written: {error or type(error).__name__}",
                code="chain.local_damaged",
                hint="look whether the disk is full; else restore the file from a backup",
            ) from None

    def _engine(self) -> Evm:
        if self._evm is None:
            try:
                from archive.chain.local_evm import Evm, PendingStore
            except ModuleNotFoundError as error:
                raise MissingDependencyError(
                    f"the embedded chain needs {error.name}",
                    code="chain.no_evm",
                    hint="pip install 'incident-archive[publish]'",
                ) from None
            self._store = PendingStore(self._connection)
            self._evm = Evm(self._store, CHAIN_ID)
        return self._evm

    def _write_block(self, block: MinedBlock) -> None:
        """Inside the caller's transaction: the state's new keys, the header, the transactions."""
        if self._store is not None:
            self._store.flush()
        connection = self._connection
        connection.execute(
            "INSERT INTO headers VALUES (?, ?, ?)", (block.number, codec.keccak(block.header), block.header)
        )
        pairs = zip(block.transactions, block.receipts, strict=True)
        connection.executemany(
            "INSERT INTO transactions VALUES (?, ?, ?, ?, ?)",
            [(codec.keccak(raw), block.number, at, raw, receipt) for at, (raw, receipt) in enumerate(pairs)],
        )

    # Answers from the tables

    def _head(self) -> int:
        return int(self._connection.execute("SELECT max(number) FROM headers").fetchone()[0])

    def _number(self, tag: object) -> int:
        if tag in _TAGS:
            return self._head()
        if tag == "earliest":
            return 0
        return codec.quantity(tag, "block number")

    def _block_by_number(self, tag: object, full: object = False) -> dict[str, Any] | None:
        number = self._number(tag)
        row = self._connection.execute("SELECT header FROM headers WHERE number = ?", (number,)).fetchone()
        return None if row is None else self._block_json(bytes(row[0]), number, full)

    def _block_by_hash(self, digest: object, full: object = False) -> dict[str, Any] | None:
        wanted = codec.data(digest, "block hash", size=32)
        row = self._connection.execute("SELECT number, header FROM headers WHERE hash = ?", (wanted,)).fetchone()
        return None if row is None else self._block_json(bytes(row[1]), int(row[0]), full)

    def _rows(self, number: int) -> list[tuple[bytes, bytes]]:
        query = "SELECT raw, receipt FROM transactions WHERE block = ? ORDER BY position"
        return [(bytes(raw), bytes(receipt)) for raw, receipt in self._connection.execute(query, (number,))]

    def _block_json(self, header: bytes, number: int, full: object) -> dict[str, Any]:
        block = blocks.header_to_json(header)
        raws = [raw for raw, _ in self._rows(number)]
        block["uncles"] = []
        block["withdrawals"] = []
        block["transactions"] = (
            [blocks.transaction_to_json(raw, block=block, index=at) for at, raw in enumerate(raws)]
            if full
            else [to_hex(codec.keccak(raw)) for raw in raws]
        )
        return block

    def _find(self, digest: object) -> tuple[int, int, bytes] | None:
        wanted = codec.data(digest, "transaction hash", size=32)
        query = "SELECT block, position, raw FROM transactions WHERE hash = ?"
        row = self._connection.execute(query, (wanted,)).fetchone()
        return None if row is None else (int(row[0]), int(row[1]), bytes(row[2]))

    def _transaction(self, digest: object) -> dict[str, Any] | None:
        found = self._find(digest)
        if found is None:
            return None
        block = self._block_by_number(hex(found[0]), True)
        transaction: dict[str, Any] | None = block["transactions"][found[1]] if block else None
        return transaction

    def _raw_transaction(self, digest: object) -> str | None:
        found = self._find(digest)
        return None if found is None else to_hex(found[2])

    def _receipt(self, digest: object) -> dict[str, Any] | None:
        found = self._find(digest)
        if found is None:
            return None
        receipts = self._block_receipts(hex(found[0]))
        return receipts[found[1]] if receipts else None

    def _block_receipts(self, tag: object) -> list[dict[str, Any]] | None:
        by_hash = isinstance(tag, str) and len(tag) == 66
        block = self._block_by_hash(tag, True) if by_hash else self._block_by_number(tag, True)
        if block is None:
            return None
        receipts = [receipt for _, receipt in self._rows(int(block["number"], 16))]
        return blocks.receipts_to_json(block, block["transactions"], receipts)

    # Answers from the state

    def _state(self, what: str, who: object, at: object) -> Any:
        address, number = _address(who), self._number(at)
        return self._run(lambda evm: getattr(evm.state(number), what)(address))

    def _eth_call(self, call: object, at: object = "latest") -> str:
        request = _call_request(call)
        return to_hex(self._run(lambda evm: evm.execute(request, self._number(at))))

    def _estimate(self, call: object, at: object = "latest") -> str:
        request = _call_request(call)
        return hex(self._run(lambda evm: evm.estimate(request)))

    def _send(self, raw_hex: object) -> str:
        raw = codec.data(raw_hex, "transaction")
        if len(raw) > MAX_TRANSACTION_BYTES:
            raise _CallError(_REFUSED, "oversized data")
        digest = to_hex(codec.keccak(raw))
        if self._find(digest) is not None:
            raise _CallError(_REFUSED, "already known")
        block = self._run(lambda evm: evm.mine(raw, int(self._clock())))
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            self._write_block(block)
            connection.execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise
        return digest

    def _roll_back(self) -> None:
        # An interrupt may come when the block is already committed.
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        self._evm = self._store = None

    def _run(self, action: Callable[[Evm], Any]) -> Any:
        evm = self._engine()
        from archive.chain.local_evm import DAMAGE, InvalidTransactionError, RevertedError

        try:
            return action(evm)
        except RevertedError as error:
            raise _CallError(_REVERTED, "execution reverted", to_hex(error.data)) from None
        except InvalidTransactionError as error:
            raise _CallError(_REFUSED, str(error)) from None
        except DAMAGE as error:
            raise KeyError(str(error)) from None


class _CallError(Exception):
    """Becomes an RpcError of the method that was called."""

    def __init__(self, code: int, message: str, data: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.data = data


@contextmanager
def _closing(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    try:
        yield connection
    finally:
        connection.close()


def _address(value: object) -> bytes:
    return codec.data(value, "address", size=20)


def _call_request(call: object) -> dict[str, Any]:
    if not isinstance(call, dict):
        raise _CallError(_BAD_PARAMS, "the call is not an object")
    to = call.get("to")
    return {
        "from": _address(call.get("from", "0x" + "00" * 20)),
        "to": b"" if to is None else _address(to),
        "value": codec.quantity(call.get("value", "0x0"), "value"),
        "data": codec.data(call.get("data", call.get("input", "0x")), "data"),
    }


def _address_of(key: bytes) -> str:
    from eth_keys.datatypes import PrivateKey

    return to_hex(PrivateKey(key).public_key.to_canonical_address())


def _created_address(sender: str, nonce: int) -> str:
    """The address of a contract that an account creates (Yellow Paper §7)."""
    return to_hex(codec.keccak(codec.rlp_encode([from_hex(sender), codec.int_bytes(nonce)]))[12:])
