"""Keeping Python's recursion limit where it was.

py-evm and py_ecc, which eth-account imports, raise it to 12,288 and 100,000 frames when they are imported. Python's C
code counts against the same limit, so after that `json.loads` of deeply nested brackets from anywhere overflows the C
stack and kills the process instead of raising RecursionError.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eth_account import Account


@contextmanager
def kept_recursion_limit() -> Iterator[None]:
    """Set the limit back on leaving; wrap imports that change it."""
    before = sys.getrecursionlimit()
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def account_class() -> type[Account]:
    """eth-account's `Account`, imported on first use."""
    with kept_recursion_limit():
        from eth_account import Account
    return Account
