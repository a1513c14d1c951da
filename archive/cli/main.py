"""Entry point of the `archive` command: finds the commands, catches errors once, sets the exit code."""

from __future__ import annotations

import importlib
import os
import sys
from typing import NoReturn

import typer

from archive import __version__
from archive.cli.output import json_requested, print_error, print_json
from archive.errors import ArchiveError, ExitCode

# One module per command; each has `register(app)` and imports what it needs inside the command, not at the top.
COMMAND_MODULES = (
    "new",
    "add",
    "check",
    "pack",
    "publish",
    "verify",
    "get",
    "import_car",
    "list",
    "show",
    "schema",
    "contract",
    "wallet",
    "trust",
    "seal",
    "doctor",
)

app = typer.Typer(
    name="archive",
    help="Publish evidence of an incident once, let anyone verify it for good.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"archive {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and exit."
    ),
) -> None:
    pass


for _name in COMMAND_MODULES:
    try:
        importlib.import_module(f"archive.cli.{_name}").register(app)
    except ModuleNotFoundError as _error:  # while the first commands are being written
        if _error.name != f"archive.cli.{_name}":
            raise


def main() -> NoReturn:
    """Run the command line; exits with the codes of `ExitCode`."""
    try:
        result = app(standalone_mode=False)
        code = int(result) if isinstance(result, int) else ExitCode.DONE
    except ArchiveError as error:
        if json_requested():
            print_json({"error": error.to_json()})
        print_error(error)
        code = error.exit_code
    except typer.Abort:
        sys.stderr.write("archive: aborted; nothing more was done\n")
        code = ExitCode.WRONG
    except KeyboardInterrupt:
        sys.stderr.write("\narchive: interrupted\narchive: hint: run the same command again to go on where it stopped\n")
        code = ExitCode.INCOMPLETE
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = ExitCode.DONE
    except Exception as error:
        code = _foreign(error)
    sys.exit(int(code))


def _foreign(error: Exception) -> int:
    from click.exceptions import ClickException, UsageError

    if isinstance(error, ClickException):
        error.show()
        return int(ExitCode.USAGE if isinstance(error, UsageError) else error.exit_code)
    if os.environ.get("ARCHIVE_DEBUG"):
        raise error
    if json_requested():
        message = f"{type(error).__name__}: {error}"
        print_json({"error": {"code": "internal", "message": message, "hint": "set ARCHIVE_DEBUG=1 for a traceback"}})
    sys.stderr.write(f"archive: internal error: {type(error).__name__}: {error}\n")
    sys.stderr.write("archive: hint: set ARCHIVE_DEBUG=1 for a traceback and report it; nothing secret is in it\n")
    return int(ExitCode.INTERNAL)
