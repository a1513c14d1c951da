"""`archive wallet` and `archive contract` as a user runs them, on the embedded chain, in a process of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PASSWORD = "correct horse battery staple"
KEY = "5a" * 32


def run(workspace: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("ARCHIVE_")}
    return subprocess.run(
        [sys.executable, "-c", "from archive.cli.main import main; main()", *arguments],
        env={**clean, "ARCHIVE_WORKSPACE": str(workspace), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def answer(done: subprocess.CompletedProcess[str]) -> Any:
    return json.loads(done.stdout)


def test_a_key_is_imported_shown_and_listed_and_never_told(tmp_path: Path) -> None:
    secrets = {"ARCHIVE_WALLET_PASSWORD": PASSWORD, "ARCHIVE_WALLET_KEY": KEY}
    made = run(tmp_path, "wallet", "import", "--json", **secrets)
    shown = run(tmp_path, "wallet", "show")
    listed = run(tmp_path, "wallet", "list", "--json")
    again = run(tmp_path, "wallet", "import", **secrets)
    assert [made.returncode, shown.returncode, listed.returncode, again.returncode] == [0, 0, 0, 1]
    assert answer(listed)["wallets"] == [answer(made)]
    assert answer(made)["address"] in shown.stdout.lower()
    assert "[wallet.exists]" in again.stderr
    told = "".join(done.stdout + done.stderr for done in (made, shown, listed, again))
    assert PASSWORD not in told
    assert KEY not in told


def test_a_weak_password_is_warned_of(tmp_path: Path) -> None:
    done = run(tmp_path, "wallet", "new", ARCHIVE_WALLET_PASSWORD="short")
    assert done.returncode == 0
    assert "[wallet.weak_password]" in done.stderr
    assert "short\n" not in done.stdout


def test_without_a_terminal_and_a_password_nothing_is_made(tmp_path: Path) -> None:
    done = run(tmp_path, "wallet", "new", "--json")
    assert done.returncode == 2
    assert answer(done)["error"]["code"] == "wallet.no_password"
    assert not (tmp_path / "secrets").exists()


def test_a_password_on_the_command_line_is_not_taken(tmp_path: Path) -> None:
    assert run(tmp_path, "wallet", "new", "--password", PASSWORD).returncode == 2
    assert run(tmp_path, "wallet", "import", KEY, ARCHIVE_WALLET_PASSWORD=PASSWORD).returncode == 2


def test_the_embedded_registry(template: Path, tmp_path: Path) -> None:
    info = answer(run(template, "contract", "info", "--network", "local", "--json"))
    assert info["chain_id"] == 4800817
    assert info["code_hash"] == info["expected_code_hash"]
    verified = run(template, "contract", "verify-code", "--network", "local", "--json")
    assert verified.returncode == 0
    assert answer(verified) | {"same": True} == answer(verified)
    deployed = answer(run(template, "contract", "deploy", "--network", "local", "--json"))
    assert deployed["deployment"]["address"] == info["registry"]


def test_code_at_another_address_is_not_the_registrys(template: Path) -> None:
    done = run(
        template, "contract", "verify-code", "--network", "local", "--address", "0x" + "00" * 19 + "77", "--json"
    )
    assert done.returncode == 1
    assert answer(done)["found"] == {"code_hash": None, "size": 0}


@pytest.mark.parametrize(
    ("arguments", "code", "exit_code"),
    [
        (("info", "--network", "nowhere"), "chain.unknown_network", 2),
        (("info", "--network", "anvil"), "chain.rpc_unreachable", 3),
        (("deploy", "--network", "anvil"), "chain.rpc_unreachable", 3),
        (("verify-code", "--network", "local", "--address", "0x12"), "trust.bad_address", 2),
    ],
)
def test_contract_errors(template: Path, arguments: tuple[str, ...], code: str, exit_code: int) -> None:
    done = run(template, "contract", *arguments, "--json", ARCHIVE_RPC_ANVIL="http://127.0.0.1:1")
    assert done.returncode == exit_code
    assert answer(done)["error"]["code"] == code


def test_a_key_in_the_rpc_url_is_never_told(template: Path) -> None:
    done = run(template, "contract", "info", "--network", "bsc", ARCHIVE_RPC_BSC="http://u:S3CRET@127.0.0.1:1/S3CRET")
    assert done.returncode == 3
    assert "S3CRET" not in done.stdout + done.stderr
