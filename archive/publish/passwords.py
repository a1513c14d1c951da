"""The password of a seal backup: from a file descriptor, the environment or a prompt, never from the command line."""

from __future__ import annotations

from functools import partial

from archive.chain import keystore

VARIABLE = "ARCHIVE_SEAL_PASSWORD"

read_password = partial(keystore.read_password, variable=VARIABLE, kind="seal")
