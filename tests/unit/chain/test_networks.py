from __future__ import annotations

from pathlib import Path

import pytest

from archive.chain import networks
from archive.chain.networks import Deployment, get_network, load_networks, open_chain, save_deployment
from archive.errors import ArchiveError, UsageError
from archive.workspace import Workspace

ADDRESS = "0x" + "ab" * 20


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def write(workspace: Workspace, text: str) -> None:
    workspace.config_file.write_text(text, encoding="utf-8")


def test_the_networks_that_ship(workspace: Workspace) -> None:
    found = load_networks(workspace, {})
    assert list(found) == ["local", "anvil", "bsc-testnet", "bsc"]
    assert [network.chain_id for network in found.values()] == [4800817, 31337, 97, 56]
    assert found["bsc"].confirmations == found["bsc-testnet"].confirmations == "finalized"
    assert found["bsc-testnet"].gas_price_floor == 10**8
    assert found["local"].embedded
    assert not workspace.chain.exists()


def test_genesis_hashes_of_bsc(workspace: Workspace) -> None:
    found = load_networks(workspace, {})
    assert found["bsc"].genesis == "0x0d21840abff46b96c84b2ac9e10e4f5cdaeb5693cb665db62a2f3b02d2d57b5b"
    assert found["bsc-testnet"].genesis == "0x6d3c66c5357ec91d5c43af47e234a939b22557cbb552dc45bebbceeed90fbe34"


def test_the_environment_wins_over_the_file_and_the_file_over_a_deployment(workspace: Workspace) -> None:
    save_deployment(workspace, Deployment("bsc-testnet", 97, "0x" + "11" * 32, ADDRESS, "0x" + "22" * 32, None, None))
    assert get_network(workspace, "bsc-testnet", {}).registry == ADDRESS
    other, third = "0x" + "cd" * 20, "0x" + "EF" * 20
    write(workspace, f'[networks.bsc-testnet]\nregistry = "{other}"\nrpc_urls = ["https://mine.example"]\n')
    found = get_network(workspace, "bsc-testnet", {})
    assert (found.registry, found.rpc_urls) == (other, ("https://mine.example",))
    variables = {
        "ARCHIVE_REGISTRY_BSC_TESTNET": third,
        "ARCHIVE_RPC_BSC_TESTNET": "https://a.example https://b.example",
    }
    found = get_network(workspace, "bsc-testnet", variables)
    assert (found.registry, found.rpc_urls) == (third.lower(), ("https://a.example", "https://b.example"))
    assert found.genesis == networks.load_networks(workspace, {})["bsc-testnet"].genesis


def test_a_network_of_ones_own(workspace: Workspace) -> None:
    write(
        workspace,
        '[networks.mine]\nchain_id = 4242\nrpc_urls = ["http://10.0.0.1:8545"]\nconfirmations = 3\n'
        'gas_price_floor_gwei = "1.5"\n\n[stores.kubo]\nkind = "kubo"\n',
    )
    found = get_network(workspace, "mine", {"ARCHIVE_RPC_MINE": "http://10.0.0.2:8545"})
    assert (found.kind, found.chain_id, found.genesis, found.registry) == ("rpc", 4242, None, None)
    assert found.rpc_urls == ("http://10.0.0.2:8545",)
    assert found.gas_price_floor == 1_500_000_000


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[networks", "config.syntax"),
        ("networks = 3", "chain.config"),
        ("[networks.mine]\nrpc_urls = []", "chain.config"),
        ("[networks.mine]\nchain_id = 0", "chain.config"),
        ('[networks.mine]\nchain_id = "97"', "chain.config"),
        ("[networks.mine]\nchain_id = 97\nunknown = 1", "chain.config"),
        ('[networks.mine]\nchain_id = 97\nrpc_urls = ["ftp://x"]', "chain.config"),
        ('[networks.mine]\nchain_id = 97\ngenesis = "0x12"', "chain.config"),
        ("[networks.mine]\nchain_id = 97\nconfirmations = 0", "chain.config"),
        ('[networks.mine]\nchain_id = 97\nconfirmations = "soon"', "chain.config"),
        ("[networks.mine]\nchain_id = 97\ngas_price_floor_gwei = 0.1", "chain.config"),
        ('[networks.mine]\nchain_id = 97\ngas_price_floor_gwei = "900"', "chain.config"),
        ('[networks.mine]\nchain_id = 97\nkind = "embedded"', "chain.config"),
        ('[networks."Ünicode"]\nchain_id = 97', "chain.config"),
    ],
)
def test_configurations_that_are_wrong(workspace: Workspace, text: str, code: str) -> None:
    write(workspace, text)
    with pytest.raises(UsageError) as caught:
        load_networks(workspace, {})
    assert caught.value.code == code


def test_a_wrong_url_is_not_shown(workspace: Workspace) -> None:
    secret = "S3CRET"
    with pytest.raises(UsageError) as caught:
        load_networks(workspace, {"ARCHIVE_RPC_BSC": f"htps://user:{secret}@host/{secret}"})
    assert caught.value.code == "chain.config"
    assert secret not in str(caught.value.to_json()) + repr(caught.value)
    network = get_network(workspace, "bsc", {"ARCHIVE_RPC_BSC": f"https://user:{secret}@host/{secret}"})
    assert secret not in repr(network) + str(network)


def test_an_unknown_network_names_those_that_are_known(workspace: Workspace) -> None:
    with pytest.raises(UsageError) as caught:
        get_network(workspace, "ethereum", {})
    assert caught.value.code == "chain.unknown_network"
    assert "bsc-testnet" in (caught.value.hint or "")


def test_a_damaged_deployment_file(workspace: Workspace) -> None:
    path = networks.deployment_file(workspace, "bsc")
    path.parent.mkdir()
    path.write_text("{")
    with pytest.raises(ArchiveError) as caught:
        load_networks(workspace, {})
    assert caught.value.code == "chain.bad_deployment"


def test_a_network_without_an_rpc_url(workspace: Workspace) -> None:
    write(workspace, "[networks.mine]\nchain_id = 4242\n")
    with pytest.raises(UsageError) as caught, open_chain(get_network(workspace, "mine", {}), workspace):
        pass
    assert caught.value.code == "chain.no_rpc_url"
    assert "ARCHIVE_RPC_MINE" in (caught.value.hint or "")


def test_the_last_url_that_cannot_be_reached_is_told(workspace: Workspace) -> None:
    network = get_network(workspace, "bsc", {"ARCHIVE_RPC_BSC": "http://127.0.0.1:1 http://127.0.0.1:2"})
    with pytest.raises(ArchiveError) as caught, open_chain(network, workspace, timeout=1):
        pass
    assert caught.value.code == "chain.rpc_unreachable"
    assert "127.0.0.1:2" in caught.value.message
