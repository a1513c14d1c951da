"""The embedded chain's headers, read without an EVM, a key or a lock: what `verify` needs of a workspace's chain."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from archive.errors import InvalidInputError
from archive.workspace import Workspace

DATABASE_NAME = "chain.sqlite"


def database_path(workspace: Workspace) -> Path:
    return workspace.chain / DATABASE_NAME


def read_header(workspace: Workspace, number: int) -> bytes | None:
    """RLP of the header of block `number` of this workspace's chain; None when there is no such block, or no chain.

    Raises:
        InvalidInputError: `chain.local_damaged`.
    """
    if not 0 <= number < 2**63:
        return None
    value = _read(workspace, "SELECT header FROM headers WHERE number = ?", number)
    return value if isinstance(value, bytes) else None


@dataclass(frozen=True, slots=True)
class LocalRegistry:
    """The registry on the embedded chain: its address, and keccak256 of its code as it was deployed."""

    address: str
    code_hash: str


def read_registry(workspace: Workspace) -> LocalRegistry | None:
    """The registry on this workspace's chain, None when there is no chain yet.

    Raises:
        InvalidInputError: `chain.local_damaged`.
    """
    query = "SELECT value FROM meta WHERE key = ?"
    address, code_hash = _read(workspace, query, "registry"), _read(workspace, query, "code_hash")
    return LocalRegistry(address, code_hash) if isinstance(address, str) and isinstance(code_hash, str) else None


def _read(workspace: Workspace, query: str, parameter: object) -> object:
    path = database_path(workspace)
    if not path.is_file():
        return None
    try:
        # Not mode=ro: after a kill in the middle of a block SQLite first has to take the half-written pages back.
        with closing(sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=rw", uri=True)) as connection:
            row = connection.execute(query, (parameter,)).fetchone()
    except sqlite3.DatabaseError as error:
        # A process was killed before the chain was made.
        if "no such table" in str(error):
            return None
        raise InvalidInputError(
            f"{path}: the embedded chain cannot be read: {error}",
            code="chain.local_damaged",
            hint="restore the file from a backup; bundles made with it stay as they are",
        ) from None
    return None if row is None else row[0]
