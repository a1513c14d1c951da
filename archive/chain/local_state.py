"""The embedded chain's storage and events, read without an EVM, a key or a lock, from its database.

A slot is walked to from the newest header's state root, and the path is then checked like any state proof. Base
libraries only.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from archive.chain import codec, proofs, state
from archive.chain.codec import RlpItem, from_hex, keccak, to_hex
from archive.chain.local_headers import database_path
from archive.errors import InvalidInputError
from archive.workspace import Workspace

_MAX_STEPS: Final = 70


@dataclass(frozen=True, slots=True)
class LocalState:
    """The newest state of this workspace's chain. Raises `chain.local_damaged` where the database does not hold."""

    workspace: Workspace

    def word(self, address: str, slot: bytes) -> int:
        """The value of a storage slot of a contract; 0 when nothing was written."""
        with self._open() as database:
            row = database.execute("SELECT header FROM headers ORDER BY number DESC LIMIT 1").fetchone()
            if row is None:
                raise _damaged("it has no block")
            try:
                state_root = proofs.decode_header(row[0]).state_root
                path = _walk(database, state_root, keccak(from_hex(address)))
                account = state.read_account(state_root, address, path)
                path = _walk(database, account.storage_root, keccak(slot))
                return state.read_slot(account.storage_root, slot, path)
            except ValueError as error:
                raise _damaged(str(error)) from None

    def logs(self, address: str, *, block: int | None = None) -> Iterator[proofs.Log]:
        """The logs of a contract, in order; of one block, or of all."""
        query = "SELECT receipt FROM transactions WHERE block = coalesce(?, block) ORDER BY block, position"
        with self._open() as database:
            for (raw,) in database.execute(query, (block,)):
                try:
                    logs = proofs.decode_receipt(raw).logs
                except ValueError as error:
                    raise _damaged(str(error)) from None
                yield from (log for log in logs if to_hex(log.address) == address)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        path = database_path(self.workspace)
        try:
            with closing(sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=rw", uri=True)) as database:
                yield database
        except sqlite3.Error as error:
            raise _damaged(str(error)) from None


def _walk(database: sqlite3.Connection, root: bytes, key: bytes) -> list[str]:
    """The nodes on the way to a key, as far as it goes, root first; what they show is for the caller to check."""
    nodes: list[str] = []
    path, item = key.hex(), root
    if root == state.EMPTY_TRIE:
        return nodes
    reference: RlpItem = item
    for _ in range(_MAX_STEPS):
        if isinstance(reference, list):
            node = reference
        else:
            row = database.execute("SELECT value FROM state WHERE key = ?", (reference,)).fetchone()
            if row is None:
                raise ValueError("a node of the state is missing")
            nodes.append(to_hex(row[0]))
            node = codec.rlp_list(row[0])
        if len(node) == 17 and path:
            reference, path = node[int(path[0], 16)], path[1:]
        elif len(node) == 2:
            is_leaf, part = state.hex_prefix(node[0])
            if is_leaf or not path.startswith(part):
                return nodes
            reference, path = node[1], path[len(part) :]
        else:
            return nodes
        if reference == b"":
            return nodes
    raise ValueError("the path has no end")


def _damaged(what: str) -> InvalidInputError:
    return InvalidInputError(
        f"the chain of this workspace cannot be read: {what}",
        code="chain.local_damaged",
        hint="restore the workspace from a backup",
    )
