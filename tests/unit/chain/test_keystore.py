from __future__ import annotations

import io
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from eth_account import Account

from archive.chain import keystore
from archive.chain.local import EmbeddedChain
from archive.chain.networks import get_network
from archive.errors import ArchiveError
from archive.workspace import Workspace

PASSWORD = "correct horse battery staple"
KEY = "11" * 32


@pytest.fixture(autouse=True)
def quick_scrypt(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real key derivation with the least work: what it costs is not what is tested here."""
    real = Account.encrypt
    monkeypatch.setattr(
        Account, "encrypt", lambda key, password, kdf: real(key, password, kdf=kdf, iterations=2)
    )  # fmt: skip


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


def code_of(action: Callable[[], object]) -> str:
    with pytest.raises(ArchiveError) as caught:
        action()
    return caught.value.code


def pipe(text: str) -> int:
    reader, writer = os.pipe()
    os.write(writer, text.encode())
    os.close(writer)
    return reader


def test_a_new_wallet_opens_with_its_password_only(space: Workspace) -> None:
    wallet = keystore.new_wallet(space, PASSWORD)
    assert keystore.unlock(space, None, lambda: PASSWORD).address.lower() == wallet.address
    assert code_of(lambda: keystore.unlock(space, wallet.address, lambda: PASSWORD + "x")) == "wallet.wrong_password"
    assert code_of(lambda: keystore.unlock(space, wallet.address, lambda: "")) == "wallet.wrong_password"


def test_files_are_for_their_owner_only(space: Workspace) -> None:
    wallet = keystore.new_wallet(space, PASSWORD)
    assert stat.S_IMODE(wallet.path.stat().st_mode) == 0o600
    for folder in (wallet.path.parent, space.secrets):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_file_is_web3_secret_storage_with_scrypt(space: Workspace) -> None:
    wallet = keystore.import_wallet(space, KEY, PASSWORD)
    value = json.loads(wallet.path.read_text())
    assert (value["version"], value["crypto"]["kdf"]) == (3, "scrypt")
    assert Account.decrypt(value, PASSWORD).hex().removeprefix("0x") == KEY
    assert KEY not in wallet.path.read_text()


@pytest.mark.parametrize("secret", [KEY, "0x" + KEY, f"  {KEY.upper()}\n"])
def test_keys_are_imported(space: Workspace, secret: str) -> None:
    assert keystore.import_wallet(space, secret, PASSWORD).address == Account.from_key(KEY).address.lower()


def test_a_keystore_file_is_imported_with_its_password(space: Workspace) -> None:
    text = json.dumps(Account.encrypt(KEY, PASSWORD, kdf="scrypt"))
    assert code_of(lambda: keystore.import_wallet(space, text, "other password")) == "wallet.wrong_password"
    assert keystore.import_wallet(space, text, PASSWORD).address == Account.from_key(KEY).address.lower()


@pytest.mark.parametrize("secret", ["", "11" * 31, "zz" * 32, "00" * 32, "ff" * 32, "test test test junk", "11" * 33])
def test_what_is_no_key(space: Workspace, secret: str) -> None:
    with pytest.raises(ArchiveError) as caught:
        keystore.import_wallet(space, secret, PASSWORD)
    assert caught.value.code == "wallet.bad_key"
    assert not secret or secret not in str(caught.value.to_json())


@pytest.mark.parametrize("text", ["{", "{}", '{"crypto": 1}', '{"version": 3, "crypto": {}}', "{" * 5000])
def test_keystore_files_that_are_damaged(space: Workspace, text: str) -> None:
    assert code_of(lambda: keystore.import_wallet(space, text, PASSWORD)) == "wallet.bad_keystore"
    wallet = keystore.new_wallet(space, PASSWORD)
    wallet.path.write_text(text)
    assert code_of(lambda: keystore.unlock(space, None, lambda: PASSWORD)) == "wallet.bad_keystore"


def test_a_file_with_another_key_than_its_name(space: Workspace) -> None:
    wallet = keystore.new_wallet(space, PASSWORD)
    wallet.path.write_text(json.dumps(Account.encrypt(KEY, PASSWORD, kdf="scrypt")))
    assert code_of(lambda: keystore.unlock(space, None, lambda: PASSWORD)) == "wallet.bad_keystore"


def test_a_wallet_is_never_overwritten(space: Workspace) -> None:
    keystore.import_wallet(space, KEY, PASSWORD)
    assert code_of(lambda: keystore.import_wallet(space, KEY, "another password")) == "wallet.exists"
    assert keystore.unlock(space, None, lambda: PASSWORD)


def test_finding_a_wallet(space: Workspace) -> None:
    assert keystore.list_wallets(space) == ()
    assert code_of(lambda: keystore.find_wallet(space, None)) == "wallet.none"
    first = keystore.new_wallet(space, PASSWORD)
    assert keystore.find_wallet(space, None) == first
    second = keystore.new_wallet(space, PASSWORD)
    (keystore.folder(space) / "notes.txt").write_text("not a wallet")
    assert set(keystore.list_wallets(space)) == {first, second}
    assert code_of(lambda: keystore.find_wallet(space, None)) == "wallet.ambiguous"
    assert keystore.find_wallet(space, second.address.upper().replace("0X", "0x")) == second
    assert code_of(lambda: keystore.find_wallet(space, "0x" + "00" * 20)) == "wallet.not_found"


def test_an_empty_password_is_refused_and_a_weak_one_warned_of(space: Workspace) -> None:
    assert code_of(lambda: keystore.new_wallet(space, "")) == "wallet.empty_password"
    assert keystore.password_warning("short") is not None
    assert keystore.password_warning("aaaaaaaaaaaaaaaa") is not None
    assert keystore.password_warning(PASSWORD) is None


def test_where_a_password_comes_from() -> None:
    variables = {keystore.PASSWORD_VARIABLE: "from the environment"}
    descriptor = pipe("from the pipe\r\nsecond line\n")
    assert keystore.read_password(descriptor=descriptor, environment=variables) == "from the pipe"
    os.close(descriptor)
    assert keystore.read_password(environment=variables) == "from the environment"
    assert keystore.read_password(environment={}, prompt=lambda text: "typed") == "typed"


def test_a_new_password_is_asked_for_twice() -> None:
    answers = iter(["one", "two"])
    assert code_of(lambda: keystore.read_password(environment={}, confirm=True, prompt=lambda text: next(answers))) == (
        "wallet.password_mismatch"
    )


def test_no_terminal_and_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert code_of(lambda: keystore.read_password(environment={})) == "wallet.no_password"
    assert code_of(lambda: keystore.read_secret(environment={})) == "wallet.no_key"


def test_a_descriptor_that_is_not_open() -> None:
    assert code_of(lambda: keystore.read_password(descriptor=987)) == "wallet.bad_descriptor"


def test_where_a_key_to_import_comes_from(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(KEY)
    descriptor = pipe(KEY)
    assert keystore.read_secret(file=file) == KEY
    assert code_of(lambda: keystore.read_secret(file=file, descriptor=descriptor)) == "wallet.two_keys"
    assert keystore.read_secret(descriptor=descriptor) == KEY
    assert keystore.read_secret(environment={keystore.KEY_VARIABLE: KEY}) == KEY
    assert keystore.read_secret(environment={}, prompt=lambda text: KEY) == KEY
    assert code_of(lambda: keystore.read_secret(file=tmp_path / "absent")) == "wallet.bad_key"
    os.close(descriptor)


def test_the_embedded_chain_has_its_own_account(chain: EmbeddedChain) -> None:
    network = get_network(chain.workspace, "local", {})
    assert keystore.open_account(chain.workspace, network, chain).address.lower() == chain.address
    assert code_of(
        lambda: keystore.open_account(chain.workspace, network, chain, address="0x" + "00" * 20)
    ) == "wallet.not_found"  # fmt: skip


def test_a_development_key_is_refused_before_its_password_is_asked_for(space: Workspace) -> None:
    keystore.import_wallet(space, "00" * 31 + "01", PASSWORD)
    network = get_network(space, "bsc-testnet", {})
    assert code_of(lambda: keystore.open_account(space, network, object())) == "chain.development_key"  # type: ignore[arg-type]
