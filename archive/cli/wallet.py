"""`archive wallet`: publisher keys, encrypted on disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archive.cli.output import JsonOption, print_json, print_result, say
from archive.errors import ExitCode
from archive.workspace import resolve_workspace

if TYPE_CHECKING:
    from archive.chain.keystore import Wallet

WorkspaceOption = Annotated[Path | None, typer.Option("--workspace", help="The workspace folder.")]
PasswordOption = Annotated[
    int | None,
    typer.Option(
        "--password-fd",
        min=0,
        metavar="N",
        help="Read the password from this file descriptor, else ARCHIVE_WALLET_PASSWORD, else ask.",
    ),
]
AddressArgument = Annotated[str | None, typer.Argument(help="Address; may be left out when there is one wallet.")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Keys to publish with, encrypted in the workspace.", no_args_is_help=True)
    group.command("new")(new)
    group.command("import")(import_key)
    group.command("show")(show)
    group.command("list")(list_all)
    app.add_typer(group, name="wallet")


def new(
    password_fd: PasswordOption = None, workspace: WorkspaceOption = None, json_output: JsonOption = False
) -> ExitCode:
    """Make a new key and keep it encrypted with a password."""
    from archive.chain import keystore

    password = _new_password(password_fd)
    return _made(keystore.new_wallet(resolve_workspace(workspace), password), json_output)


def import_key(
    file: Annotated[
        Path | None, typer.Option("--file", help="File with the key: 64 hex digits, or a keystore in JSON.")
    ] = None,
    key_fd: Annotated[
        int | None, typer.Option("--key-fd", min=0, metavar="N", help="Read the key from this file descriptor.")
    ] = None,
    password_fd: PasswordOption = None,
    workspace: WorkspaceOption = None,
    json_output: JsonOption = False,
) -> ExitCode:
    """Keep a key that you have: from a file, a file descriptor, ARCHIVE_WALLET_KEY, or a prompt without echo.

    A keystore file opens with the password that it had, which stays its password.
    """
    from archive.chain import keystore

    secret = keystore.read_secret(file=file, descriptor=key_fd)
    password = _new_password(password_fd)
    return _made(keystore.import_wallet(resolve_workspace(workspace), secret, password), json_output)


def show(
    address: AddressArgument = None, workspace: WorkspaceOption = None, json_output: JsonOption = False
) -> ExitCode:
    """Show a wallet's address and file; nothing is decrypted."""
    from archive.chain import keystore
    from archive.trust import to_checksum

    wallet = keystore.find_wallet(resolve_workspace(workspace), address)
    if json_output:
        print_json({"address": wallet.address, "path": str(wallet.path)})
    else:
        print_result(f"address  {to_checksum(wallet.address)}")
        print_result(f"file     {wallet.path}")
    return ExitCode.DONE


def list_all(workspace: WorkspaceOption = None, json_output: JsonOption = False) -> ExitCode:
    """List the wallets of the workspace."""
    from archive.chain import keystore
    from archive.trust import to_checksum

    wallets = keystore.list_wallets(resolve_workspace(workspace))
    if json_output:
        print_json({"wallets": [{"address": wallet.address, "path": str(wallet.path)} for wallet in wallets]})
        return ExitCode.DONE
    for wallet in wallets:
        print_result(to_checksum(wallet.address))
    if not wallets:
        say("no wallet in this workspace yet; `archive wallet new` makes one")
    return ExitCode.DONE


def _new_password(descriptor: int | None) -> str:
    from archive.chain import keystore

    password = keystore.read_password(descriptor=descriptor, confirm=True)
    warning = keystore.password_warning(password)
    if warning is not None and password:
        say(f"archive: warning: {warning} [wallet.weak_password]")
    return password


def _made(wallet: Wallet, json_output: bool) -> ExitCode:
    from archive.trust import to_checksum

    if json_output:
        print_json({"address": wallet.address, "path": str(wallet.path)})
    else:
        print_result(f"address  {to_checksum(wallet.address)}")
        print_result(f"file     {wallet.path}")
    say("Keep a copy of the file and of its password: without both the key is lost, and with it the publisher's name.")
    return ExitCode.DONE
