from __future__ import annotations

import subprocess
import sys

_SCRIPT = """
import os, signal, sys
from archive.cli import main as cli

@cli.app.command("press")
def press() -> None:
    try:
        os.kill(os.getpid(), signal.SIGINT)
    except KeyboardInterrupt:
        raise ValueError("a library's own word for it") from None

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
