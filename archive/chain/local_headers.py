"""The embedded chain's headers, read without an EVM, a key or a lock: what `verify` needs of a workspace's chain."""

from __future__ import annotations

import sqlite3
from contextlib import closing
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
    path = database_path(workspace)
    if not path.is_file() or not 0 <= number < 2**63:
        return None
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro", uri=True)) as connection:
            row = connection.execute("SELECT header FROM headers WHERE number = ?", (number,)).fetchone()
    except sqlite3.DatabaseError as error:
        if "no such table" in str(error):
            return None
        raise InvalidInputError(
            f"{path}: the embedded chain cannot be read: {error}",
            code="chain.local_damaged",
            hint="restore the file from a backup; bundles made with it stay as they are",
        ) from None
    return None if row is None else bytes(row[0])
