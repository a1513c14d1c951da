"""The password of a seal backup: from a file descriptor, the environment or a prompt, never from the command line."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Callable, Mapping

from archive.chain.keystore import read_descriptor
from archive.errors import UsageError

VARIABLE = "ARCHIVE_SEAL_PASSWORD"


def read_password(
    *,
    descriptor: int | None = None,
    confirm: bool = False,
    environment: Mapping[str, str] | None = None,
    prompt: Callable[[str], str] | None = None,
) -> str:
    """A password from a file descriptor (first line), else the environment, else a prompt without echo.

    Raises:
        UsageError: `seal.no_password`, `seal.password_mismatch`, `wallet.bad_descriptor`.
    """
    if descriptor is not None:
        return read_descriptor(descriptor).split("\n", 1)[0].removesuffix("\r")
    value = (os.environ if environment is None else environment).get(VARIABLE)
    if value is not None:
        return value
    if prompt is None:
        if not sys.stdin.isatty():
            raise UsageError(
                "a password is needed and there is no terminal to ask at",
                code="seal.no_password",
                hint=f"give it with --password-fd N or in {VARIABLE}; it is never taken from the command line",
            )
        prompt = getpass.getpass
    first = prompt("Password of the backup: ")
    if confirm and prompt("The same again: ") != first:
        raise UsageError("the two passwords differ", code="seal.password_mismatch", hint="run it again")
    return first
