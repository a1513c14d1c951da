"""Publisher keys on disk: Web3 secret storage (version 3, scrypt) in `<workspace>/secrets/keystore/`, mode 0600.

A password comes from a prompt, a file descriptor or `ARCHIVE_WALLET_PASSWORD`, never from the command line, and is
never stored, logged or shown; nor is a key.
"""

from __future__ import annotations

import getpass
import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from archive.chain.devkeys import refuse_development_key
from archive.chain.networks import Network
from archive.chain.recursion import account_class
from archive.chain.rpc import Rpc
from archive.errors import InvalidInputError, RefusedError, UsageError
from archive.workspace import Workspace, write_atomic

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

PASSWORD_VARIABLE: Final = "ARCHIVE_WALLET_PASSWORD"  # noqa: S105 - the name of a variable
KEY_VARIABLE: Final = "ARCHIVE_WALLET_KEY"
MIN_PASSWORD_LENGTH: Final = 12
_MAX_SECRET_BYTES: Final = 64 * 1024
_FILE = re.compile(r"[0-9a-f]{40}\.json")
_KEY = re.compile(r"(?:0x)?[0-9a-fA-F]{64}")
_ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@dataclass(frozen=True, slots=True)
class Wallet:
    """One encrypted key: its address (`0x` + lower-case hex) and file."""

    address: str
    path: Path


def folder(workspace: Workspace) -> Path:
    return workspace.secrets / "keystore"


def list_wallets(workspace: Workspace) -> tuple[Wallet, ...]:
    """The workspace's wallets, by address; nothing is decrypted."""
    found = folder(workspace)
    if not found.is_dir():
        return ()
    names = sorted(path for path in found.iterdir() if _FILE.fullmatch(path.name))
    return tuple(Wallet("0x" + path.name[:40], path) for path in names)


def find_wallet(workspace: Workspace, address: str | None) -> Wallet:
    """The wallet with this address, or the only one; raises `wallet.not_found`, `wallet.ambiguous`, `wallet.none`."""
    wallets = list_wallets(workspace)
    if not wallets:
        raise UsageError(
            f"{workspace.root}: this workspace has no wallet",
            code="wallet.none",
            hint="`archive wallet new` makes a key, `archive wallet import` takes one you have",
        )
    if address is None:
        if len(wallets) > 1:
            raise UsageError(
                "this workspace has several wallets",
                code="wallet.ambiguous",
                hint="name one by its address: " + ", ".join(wallet.address for wallet in wallets),
            )
        return wallets[0]
    found = [wallet for wallet in wallets if wallet.address == address.lower()]
    if not found:
        raise UsageError(
            f"{address}: no such wallet in this workspace", code="wallet.not_found", hint="see `archive wallet list`"
        )
    return found[0]


def new_wallet(workspace: Workspace, password: str) -> Wallet:
    """Make a key from the system's randomness and keep it encrypted."""
    return _keep(workspace, account_class().create(), password)


def import_wallet(workspace: Workspace, secret: str, password: str) -> Wallet:
    """Keep a key given as 64 hex digits, or as a Web3 secret storage file that opens with the same password.

    Raises:
        InvalidInputError: `wallet.bad_key`, `wallet.bad_keystore`, `wallet.wrong_password`.
        RefusedError: `wallet.exists`.
    """
    text = secret.strip()
    if text.startswith("{"):
        return _keep(workspace, account_class().from_key(_decrypt(text, password, "the key file")), password)
    if _KEY.fullmatch(text) is None or not 0 < int(text, 16) < _ORDER:
        raise InvalidInputError(
            "what was given is not a private key",
            code="wallet.bad_key",
            hint="a key is 64 hex digits, or a keystore file in JSON; a seed phrase is not taken",
        )
    return _keep(workspace, account_class().from_key(bytes.fromhex(text.removeprefix("0x"))), password)


def unlock(workspace: Workspace, address: str | None, password: Callable[[], str]) -> LocalAccount:
    """Decrypt a wallet; `password` is only called when there is one to open.

    Raises:
        InvalidInputError: `wallet.wrong_password`, `wallet.bad_keystore`.
    """
    wallet = find_wallet(workspace, address)
    try:
        text = wallet.path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(
            f"{wallet.path}: cannot be read: {type(error).__name__}", code="wallet.bad_keystore"
        ) from None
    account: LocalAccount = account_class().from_key(_decrypt(text, password(), str(wallet.path)))
    if account.address.lower() != wallet.address:
        raise InvalidInputError(
            f"{wallet.path}: the file holds the key of another address",
            code="wallet.bad_keystore",
            hint="restore the file from a backup",
        )
    return account


def open_account(
    workspace: Workspace, network: Network, rpc: Rpc, *, address: str | None = None, descriptor: int | None = None
) -> LocalAccount:
    """The account that signs on a network: the embedded chain's own, or a wallet opened with its password."""
    from archive.chain.local import EmbeddedChain

    if isinstance(rpc, EmbeddedChain):
        if address is not None and address.lower() != rpc.address:
            raise UsageError(
                f"{network.name}: this chain has one account, {rpc.address}",
                code="wallet.not_found",
                hint="leave the wallet out, or choose another network",
            )
        return rpc.account
    refuse_development_key(find_wallet(workspace, address).address, network.chain_id)
    return unlock(workspace, address, lambda: read_password(descriptor=descriptor))


def _keep(workspace: Workspace, account: Any, password: str) -> Wallet:
    if not password:
        raise UsageError("an empty password protects nothing", code="wallet.empty_password")
    address = str(account.address).lower()
    path = folder(workspace) / f"{address[2:]}.json"
    if path.exists():
        raise RefusedError(
            f"{path}: a wallet with this address is there already",
            code="wallet.exists",
            hint="move the file away first if it is to be replaced",
        )
    encrypted = account_class().encrypt(account.key, password, kdf="scrypt")
    workspace.make_secrets()
    folder(workspace).mkdir(mode=0o700, exist_ok=True)
    write_atomic(path, (json.dumps(encrypted) + "\n").encode(), mode=0o600)
    return Wallet(address, path)


def _decrypt(text: str, password: str, name: str) -> bytes:
    try:
        value = json.loads(text)
        if not isinstance(value, dict) or not isinstance(value.get("crypto", value.get("Crypto")), dict):
            raise TypeError
        return bytes(account_class().decrypt(value, password))
    except ValueError as error:
        if "MAC" in str(error):
            raise InvalidInputError(
                f"{name}: wrong password",
                code="wallet.wrong_password",
                hint="nobody can recover a password; without it the key is lost, and a backup has the same one",
            ) from None
        raise _bad_keystore(name) from None
    except (TypeError, KeyError, NotImplementedError, RecursionError, MemoryError, AttributeError):
        raise _bad_keystore(name) from None


def _bad_keystore(name: str) -> InvalidInputError:
    return InvalidInputError(
        f"{name}: not a Web3 secret storage file of version 3",
        code="wallet.bad_keystore",
        hint="restore the file from a backup, or import the key again",
    )


def read_password(
    *,
    descriptor: int | None = None,
    confirm: bool = False,
    environment: Mapping[str, str] | None = None,
    prompt: Callable[[str], str] | None = None,
    variable: str = PASSWORD_VARIABLE,
    kind: Literal["wallet", "seal"] = "wallet",
) -> str:
    """A password from a file descriptor (first line), else the environment, else a prompt without echo.

    Args:
        confirm: ask twice at the prompt.
        variable: the environment's name for it.
        kind: what it opens, a wallet or a backup of seals; the codes of errors begin with it.

    Raises:
        UsageError: `wallet.no_password`, `wallet.password_mismatch` (or `seal.…`), `wallet.bad_descriptor`.
    """
    if descriptor is not None:
        return read_descriptor(descriptor).split("\n", 1)[0].removesuffix("\r")
    value = (os.environ if environment is None else environment).get(variable)
    if value is not None:
        return value
    if prompt is None:
        if not sys.stdin.isatty():
            raise UsageError(
                "a password is needed and there is no terminal to ask at",
                code=f"{kind}.no_password",
                hint=f"give it with --password-fd N or in {variable}; it is never taken from the command line",
            )
        prompt = getpass.getpass
    first = prompt(f"Password of the {'wallet' if kind == 'wallet' else 'backup'}: ")
    if confirm and prompt("The same again: ") != first:
        raise UsageError("the two passwords differ", code=f"{kind}.password_mismatch", hint="run it again")
    return first


def read_secret(
    *,
    file: Path | None = None,
    descriptor: int | None = None,
    environment: Mapping[str, str] | None = None,
    prompt: Callable[[str], str] | None = None,
) -> str:
    """A key to import, from a file, a file descriptor, `ARCHIVE_WALLET_KEY`, or a prompt without echo.

    Raises:
        UsageError: `wallet.no_key`, `wallet.bad_descriptor`, `wallet.two_keys`.
        InvalidInputError: `wallet.bad_key` when the file cannot be read.
    """
    if file is not None and descriptor is not None:
        raise UsageError("give the key by a file or by a file descriptor, not both", code="wallet.two_keys")
    if descriptor is not None:
        return read_descriptor(descriptor)
    if file is not None:
        try:
            with file.open("rb") as handle:
                return handle.read(_MAX_SECRET_BYTES).decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInputError(f"{file}: cannot be read: {type(error).__name__}", code="wallet.bad_key") from None
    value = (os.environ if environment is None else environment).get(KEY_VARIABLE)
    if value is not None:
        return value
    if prompt is None:
        if not sys.stdin.isatty():
            raise UsageError(
                "no key was given and there is no terminal to ask at",
                code="wallet.no_key",
                hint=f"give it with --file, --key-fd N or in {KEY_VARIABLE}; it is never taken from the command line",
            )
        prompt = getpass.getpass
    return prompt("Private key (64 hex digits): ")


def read_descriptor(descriptor: int) -> str:
    """Text from an open file descriptor, at most 64 KiB; raises `wallet.bad_descriptor`."""
    try:
        with os.fdopen(descriptor, "rb", closefd=False) as handle:
            return handle.read(_MAX_SECRET_BYTES).decode("utf-8")
    except (OSError, ValueError) as error:
        raise UsageError(
            f"file descriptor {descriptor} cannot be read: {type(error).__name__}",
            code="wallet.bad_descriptor",
            hint="open it in the shell, like `--password-fd 3 3<file`",
        ) from None


def password_warning(password: str) -> str | None:
    """What to tell the user about a weak new password, or None."""
    if len(password) < MIN_PASSWORD_LENGTH:
        return f"the password is shorter than {MIN_PASSWORD_LENGTH} characters; whoever gets the file can guess it"
    if len(set(password)) < 5:
        return "the password repeats few characters; whoever gets the file can guess it"
    return None
