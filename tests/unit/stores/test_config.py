from __future__ import annotations

from pathlib import Path

import pytest

from archive.errors import UsageError
from archive.stores.arweave import ArweaveWriter
from archive.stores.config import load_store_configs, open_stores
from archive.stores.kubo import KuboWriter
from archive.workspace import Workspace


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def configured(space: Workspace, text: str) -> Workspace:
    space.config_file.write_text(text)
    return space


FULL = """
[networks.anvil]
rpc_urls = ["http://127.0.0.1:8545"]
[stores.node]
type = "kubo"
url = "/ip4/127.0.0.1/tcp/5001"
operator = "me"
[stores.peer]
type = "kubo"
url = "http://10.0.0.2:5001"
write = false
[stores.public]
type = "gateway"
url = "https://gateway.example"
[stores.ar]
type = "arweave"
url = "https://arweave.example"
keyfile = "secrets/ar.json"
max_winston = "50000000000000000000"
confirmations = 3
[stores.ar-read]
type = "arweave"
url = "https://other.example"
"""


def test_with_nothing_configured_there_is_the_local_store(space: Workspace) -> None:
    stores = open_stores(space, {})
    assert [reader.name for reader in stores.readers] == ["local"]
    assert list(stores.writers) == [stores.local]
    assert not space.store.exists()


def test_all_kinds_of_stores(space: Workspace) -> None:
    stores = open_stores(configured(space, FULL), {})
    assert [(r.name, r.operator) for r in stores.readers] == [
        ("local", "this workspace"),
        ("node", "me"),
        ("peer", "10.0.0.2"),
        ("public", "gateway.example"),
        ("ar", "arweave.example"),
        ("ar-read", "other.example"),
    ]
    assert [w.name for w in stores.writers] == ["local", "node", "ar"]
    assert isinstance(stores.writers[1], KuboWriter)
    assert isinstance(stores.writers[2], ArweaveWriter)
    by_name = {config.name: config for config in load_store_configs(space, {})}
    assert by_name["ar"].keyfile == space.root / "secrets/ar.json"
    assert by_name["ar"].max_winston == 5 * 10**19
    assert stores.reader("peer").endpoint == "http://10.0.0.2:5001"
    with pytest.raises(UsageError) as caught:
        stores.reader("nope")
    assert caught.value.code == "store.unknown"


def test_the_environment_adds_stores(space: Workspace) -> None:
    env = {
        "ARCHIVE_KUBO_API": "http://127.0.0.1:5001",
        "ARCHIVE_IPFS_GATEWAYS": "https://a.example, dweb=https://b.example,",
        "ARCHIVE_ARWEAVE_URL": "http://127.0.0.1:1984",
        "ARCHIVE_ARWEAVE_KEYFILE": "/keys/ar.json",
    }
    stores = open_stores(space, env)
    assert [r.name for r in stores.readers] == ["local", "kubo", "gateway-1", "dweb", "arweave"]
    assert [w.name for w in stores.writers] == ["local", "kubo", "arweave"]


def test_the_environment_replaces_an_address_and_keeps_the_rest(space: Workspace) -> None:
    configured(space, '[stores.kubo]\ntype="kubo"\nurl="http://a:5001"\noperator="me"\n')
    (config,) = load_store_configs(space, {"ARCHIVE_KUBO_API": "http://b:5001"})
    assert (config.url, config.operator) == ("http://b:5001", "me")


def test_two_ports_of_one_host_are_one_operator(space: Workspace) -> None:
    stores = open_stores(space, {"ARCHIVE_IPFS_GATEWAYS": "http://h.example:1,http://h.example:2"})
    assert {r.operator for r in stores.readers[1:]} == {"h.example"}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[stores", "config.syntax"),
        ("stores = 1", "config.bad_store"),
        ('[stores.x]\ntype="ftp"\nurl="http://a"', "config.bad_store"),
        ('[stores.x]\ntype="kubo"', "config.bad_store"),
        ('[stores.x]\ntype="kubo"\nurl=5', "config.bad_store"),
        ('[stores.x]\ntype="kubo"\nurl="a"', "config.bad_url"),
        ('[stores.x]\ntype="gateway"\nurl="http://u:p@a"', "config.bad_url"),
        ('[stores.x]\ntype="kubo"\nurl="http://a"\nkeyfile="k"', "config.unknown_key"),
        ('[stores.local]\ntype="kubo"\nurl="http://a"', "config.bad_store"),
        ('[stores."../x"]\ntype="kubo"\nurl="http://a"', "config.bad_store"),
        ('[stores.x]\ntype="arweave"\nurl="http://a"\nmax_winston=5', "config.bad_store"),
        ('[stores.x]\ntype="arweave"\nurl="http://a"\nmax_winston="1.5"', "config.bad_store"),
        ('[stores.x]\ntype="arweave"\nurl="http://a"\nconfirmations=0', "config.bad_store"),
        ('[stores.x]\ntype="kubo"\nurl="http://a"\nwrite="no"', "config.bad_store"),
        ("stores = {x = 1}", "config.bad_store"),
    ],
)
def test_mistakes_are_named(space: Workspace, text: str, code: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_store_configs(configured(space, text), {})
    assert caught.value.code == code
    assert "u:p" not in caught.value.message


def test_bytes_that_are_not_utf8(space: Workspace) -> None:
    space.config_file.write_bytes(b"\xff")
    with pytest.raises(UsageError) as caught:
        load_store_configs(space, {})
    assert caught.value.code == "config.syntax"


@pytest.mark.parametrize(
    ("env", "code"),
    [
        ({"ARCHIVE_KUBO_API": "nonsense"}, "config.bad_url"),
        ({"ARCHIVE_ARWEAVE_KEYFILE": "k"}, "config.bad_store"),
        ({"ARCHIVE_IPFS_GATEWAYS": "ftp://x"}, "config.bad_url"),
        ({"ARCHIVE_IPFS_GATEWAYS": "local=http://x"}, "config.bad_store"),
    ],
)
def test_mistakes_in_the_environment(space: Workspace, env: dict[str, str], code: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_store_configs(space, env)
    assert caught.value.code == code


def test_a_name_of_two_kinds(space: Workspace) -> None:
    configured(space, '[stores.kubo]\ntype="gateway"\nurl="http://a"\n')
    with pytest.raises(UsageError) as caught:
        load_store_configs(space, {"ARCHIVE_KUBO_API": "http://b"})
    assert caught.value.code == "config.bad_store"
