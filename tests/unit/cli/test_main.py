from __future__ import annotations

import subprocess
import sys

_SCRIPT = """
import os, signal, sys
from archive.cli import main as cli

app = cli.build_app(())

@app.command("press")
def press() -> None:
    try:
        os.kill(os.getpid(), signal.SIGINT)
    except KeyboardInterrupt:
        raise ValueError("a library's own word for it") from None

cli.build_app = lambda modules: app
sys.argv = ["archive", "press"]
cli.main()
"""


def test_ctrl_c_that_a_library_turned_into_its_own_error_is_an_interruption() -> None:
    ran = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True, check=False)
    assert ran.returncode == 3
    assert ran.stderr.splitlines() == [
        "archive: interrupted",
        "archive: hint: run the same command again to go on where it stopped",
    ]


def test_a_command_is_made_alone_and_every_command_for_help_and_for_a_typing_error() -> None:
    def run(*arguments: str) -> tuple[int, str]:
        command = [sys.executable, "-c", "from archive.cli.main import main; main()", *arguments]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        return ran.returncode, ran.stdout + ran.stderr

    assert "import_car" not in run("--help")[1]
    assert run("import", "--help")[0] == 0
    assert run("import_car")[0] == 2
    code, told = run("chek")
    assert (code, "No such command 'chek'" in told) == (2, True)
