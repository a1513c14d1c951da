"""Entry point of the `archive` command: finds the commands, catches errors once, sets the exit code."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
import warnings
from collections.abc import Sequence
from typing import NoReturn

import typer
from typer.exceptions import TyperException

from archive import __version__
from archive.cli.output import json_requested, print_error, print_json, say
from archive.errors import ArchiveError, ArchiveWarning, ExitCode, UsageError

# No plugin of another package takes part in reading a record; looking for some costs a tenth of a short command.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")

# One module per command; each has `register(app)` and imports what it needs inside the command, not at the top.
COMMAND_MODULES = (
    "new",
    "add",
    "capture",
    "check",
    "findings",
    "freeze",
    "pack",
    "publish",
    "stamp",
    "sign",
    "relay",
    "endorse",
    "retract",
    "reanchor",
    "verify",
    "absent",
    "get",
    "import_car",
    "list",
    "show",
    "schema",
    "contract",
    "wallet",
    "trust",
    "seal",
    "reveal",
    "redact",
    "scan",
    "doctor",
    "site",
)

# What typer makes of Ctrl-C; none of our exit codes.
_TYPER_INTERRUPTED = 130


def _version(value: bool) -> None:
    if value:
        typer.echo(f"archive {__version__}")
        raise typer.Exit


def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and exit."
    ),
) -> None:
    pass


def build_app(modules: Sequence[str] = COMMAND_MODULES) -> typer.Typer:
    """The command line with the commands of these modules."""
    app = typer.Typer(
        name="archive",
        help="Publish evidence of an incident once, let anyone verify it for good.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for name in modules:
        importlib.import_module(f"archive.cli.{name}").register(app)
    return app


def _modules_for(arguments: Sequence[str]) -> Sequence[str]:
    """The one module of the command that is named, else all: making every command costs half of a short one's time."""
    name = "import_car" if arguments[:1] == ["import"] else "".join(arguments[:1])
    return (name,) if name in COMMAND_MODULES and arguments[0] != "import_car" else COMMAND_MODULES


def _say_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: object = None,
    line: object = None,
) -> None:
    if issubclass(category, ArchiveWarning):
        say(f"archive: warning: {message}")


def main() -> NoReturn:
    """Run the command line; exits with the codes of `ExitCode`."""
    warnings.showwarning = _say_warning
    pressed: list[int] = []

    def note_interrupt(number: int, frame: object) -> None:
        pressed.append(number)
        raise KeyboardInterrupt

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, note_interrupt)
    try:
        result = build_app(_modules_for(sys.argv[1:]))(standalone_mode=False)
        code = int(result) if isinstance(result, int) else ExitCode.DONE
        if code == _TYPER_INTERRUPTED:
            code = _interrupted()
    except ArchiveError as error:
        if json_requested():
            print_json({"error": error.to_json()})
        print_error(error)
        code = error.exit_code
    except TyperException as error:
        code = _usage(error)
    except typer.Abort as error:
        code = _interrupted() if isinstance(error.__cause__, KeyboardInterrupt) else _declined()
    except KeyboardInterrupt:
        code = _interrupted()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = ExitCode.DONE
    except Exception as error:  # noqa: BLE001 - the last resort: our own mistake, told without a traceback
        # Libraries turn an interrupt that reaches them into errors of their own.
        code = _interrupted() if pressed else _foreign(error)
    sys.exit(int(code))


def _usage(error: TyperException) -> int:
    message = error.format_message().rstrip(".")
    if message:
        context = getattr(error, "ctx", None)
        command = getattr(context, "command_path", None) or "archive"
        usage = UsageError(message, code="usage", hint=f"see '{command} --help'")
        if json_requested():
            print_json({"error": usage.to_json()})
        print_error(usage)
    return int(ExitCode.USAGE)


def _declined() -> int:
    say("archive: stopped at the question; nothing more was done")
    return int(ExitCode.WRONG)


def _interrupted() -> int:
    say("archive: interrupted")
    say("archive: hint: run the same command again to go on where it stopped")
    return int(ExitCode.INCOMPLETE)


def _foreign(error: Exception) -> int:
    if os.environ.get("ARCHIVE_DEBUG"):
        raise error
    if json_requested():
        message = f"{type(error).__name__}: {error}"
        print_json({"error": {"code": "internal", "message": message, "hint": "set ARCHIVE_DEBUG=1 for a traceback"}})
    say(f"archive: internal error: {type(error).__name__}: {error}")
    say("archive: hint: set ARCHIVE_DEBUG=1 for a traceback and report it")
    return int(ExitCode.INTERNAL)
