"""Networks: those shipped in `networks.toml`, a workspace's own, and what the environment says of either.

Later ones win: the shipped file, deployments recorded by `archive contract deploy`, `<workspace>/config.toml`
(`[networks.NAME]`), the environment (`ARCHIVE_RPC_NAME`, `ARCHIVE_REGISTRY_NAME`; NAME in capitals, `-` as `_`).
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from archive.chain.local_headers import read_registry
from archive.chain.rpc import ChainIdentity, Rpc, RpcClient, check_chain
from archive.errors import InvalidInputError, MissingDependencyError, UnreachableError, UsageError
from archive.workspace import Workspace, write_atomic

GWEI: Final = 10**9
RPC_VARIABLE: Final = "ARCHIVE_RPC_"
REGISTRY_VARIABLE: Final = "ARCHIVE_REGISTRY_"
DEFAULT_NETWORK: Final = "local"

NetworkKind = Literal["embedded", "rpc"]
Confirmations = int | Literal["finalized"]


@dataclass(frozen=True, slots=True)
class Network:
    """One chain and how to reach it.

    `genesis` is None where it is not known beforehand; `registry` is None until one is deployed or named;
    `registry_code_hash` is that of the registry this workspace deployed, if it did. Gas prices are in wei. `rpc_urls`
    may hold credentials: they are left out of `repr`, and only `mask_url` may show them.
    """

    name: str
    kind: NetworkKind
    chain_id: int
    genesis: str | None
    rpc_urls: tuple[str, ...]
    registry: str | None
    confirmations: Confirmations
    symbol: str
    gas_price_floor: int
    gas_price_cap: int
    # How many of its nodes must agree about a block, None for half of those asked.
    quorum: int | None = None
    registry_code_hash: str | None = None

    @property
    def embedded(self) -> bool:
        return self.kind == "embedded"

    @property
    def rpc_variable(self) -> str:
        return RPC_VARIABLE + variable_name(self.name)

    def __repr__(self) -> str:
        return f"Network({self.name!r}, chain_id={self.chain_id})"


@dataclass(frozen=True, slots=True)
class Deployment:
    """A registry that this workspace deployed or found on a network; kept in `deployments/<network>.json`."""

    network: str
    chain_id: int
    genesis: str
    address: str
    code_hash: str
    transaction: str | None
    block: int | None

    def to_json(self) -> dict[str, Any]:
        return {
            "network": self.network,
            "chain_id": self.chain_id,
            "genesis": self.genesis,
            "address": self.address,
            "code_hash": self.code_hash,
            "transaction": self.transaction,
            "block": self.block,
        }


def variable_name(network: str) -> str:
    return network.upper().replace("-", "_")


def deployment_file(workspace: Workspace, network: str) -> Path:
    return workspace.root / "deployments" / f"{network}.json"


def save_deployment(workspace: Workspace, deployment: Deployment) -> Path:
    path = deployment_file(workspace, deployment.network)
    write_atomic(path, (json.dumps(deployment.to_json(), indent=2) + "\n").encode())
    return path


def load_networks(workspace: Workspace, environment: Mapping[str, str] | None = None) -> dict[str, Network]:
    """All networks by name.

    Raises:
        UsageError: `config.unreadable`, `config.syntax`, `chain.config`; what is wrong is named, values that may be
            secret are not.
    """
    found = _settings(workspace, os.environ if environment is None else environment)
    return {name: _network(name, value) for name, value in found.items()}


def get_network(workspace: Workspace, name: str, environment: Mapping[str, str] | None = None) -> Network:
    """One network; raises `chain.unknown_network` with the names that there are."""
    networks = load_networks(workspace, environment)
    if name not in networks:
        raise UsageError(
            f"{name}: no such network",
            code="chain.unknown_network",
            hint=f"known: {', '.join(networks)}; add your own under [networks.NAME] in {workspace.config_file}",
        )
    return networks[name]


@contextmanager
def open_chain(
    network: Network, workspace: Workspace, *, timeout: float | None = None
) -> Iterator[tuple[Rpc, ChainIdentity]]:
    """A way to call the network's chain, checked to be the one that is meant.

    Of several RPC URLs the first that answers is used; one that is on a wrong chain stops everything, since that is a
    mistake in the configuration and not a fault of the network.

    Raises:
        UnreachableError, InvalidInputError: of the last URL tried.
        UsageError: `chain.no_rpc_url`.
    """
    if network.embedded:
        from archive.chain.local import EmbeddedChain

        with EmbeddedChain(workspace) as chain:
            yield chain, check_chain(chain, network)
        return
    if not network.rpc_urls:
        raise UsageError(
            f"{network.name}: no RPC URL",
            code="chain.no_rpc_url",
            hint=f"set {network.rpc_variable}, or rpc_urls under [networks.{network.name}] in {workspace.config_file}",
        )
    for position, url in enumerate(network.rpc_urls):
        client = RpcClient(url) if timeout is None else RpcClient(url, timeout=timeout)
        try:
            identity = check_chain(client, network)
        except UnreachableError:
            if position + 1 == len(network.rpc_urls):
                raise
            continue
        yield client, identity
        return


def _network(name: str, value: Any) -> Network:
    kind: NetworkKind = value.kind
    if value.chain_id is None:
        raise _config_error(f"networks.{name}", "chain_id is missing")
    if kind == "embedded" and name != DEFAULT_NETWORK:
        raise _config_error(f"networks.{name}", "only `local` can be embedded")
    floor, cap = (int(Decimal(price) * GWEI) for price in (value.gas_price_floor_gwei, value.gas_price_cap_gwei))
    if floor > cap:
        raise _config_error(f"networks.{name}", "the gas price floor is above the cap")
    return Network(
        name=name,
        kind=kind,
        chain_id=value.chain_id,
        genesis=value.genesis,
        rpc_urls=tuple(value.rpc_urls),
        registry=value.registry,
        confirmations=value.confirmations,
        symbol=value.symbol,
        gas_price_floor=floor,
        gas_price_cap=cap,
        quorum=value.quorum,
        registry_code_hash=value.registry_code_hash,
    )


def _settings(workspace: Workspace, environment: Mapping[str, str]) -> dict[str, Any]:
    """The merged `[networks.*]` tables, validated; the sources and their order are pydantic-settings'."""
    from pydantic import BaseModel, ConfigDict, Field, ValidationError

    try:
        from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"the configuration of networks needs {error.name}",
            code="chain.no_settings",
            hint="pip install 'incident-archive[publish]'",
        ) from None

    gwei = Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,8})(\.[0-9]{1,9})?$")]

    class NetworkSettings(BaseModel):
        model_config = ConfigDict(extra="forbid")

        kind: NetworkKind = "rpc"
        chain_id: Annotated[int, Field(strict=True, ge=1, le=2**53 - 1)] | None = None
        genesis: Annotated[str, Field(pattern=r"^0x[0-9a-f]{64}$")] | None = None
        rpc_urls: Annotated[list[Annotated[str, Field(pattern=r"^https?://[^\s]+$")]], Field(max_length=16)] = []
        registry: Annotated[str, Field(pattern=r"^0x[0-9a-f]{40}$")] | None = None
        registry_code_hash: Annotated[str, Field(pattern=r"^0x[0-9a-f]{64}$")] | None = None
        confirmations: Annotated[int, Field(strict=True, ge=1, le=10_000)] | Literal["finalized"] = 12
        quorum: Annotated[int, Field(strict=True, ge=1, le=16)] | None = None
        symbol: Annotated[str, Field(min_length=1, max_length=32)] = "ether"
        gas_price_floor_gwei: gwei = "0"
        gas_price_cap_gwei: gwei = "500"

    name_pattern = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]

    class Settings(BaseSettings):
        model_config = SettingsConfigDict(extra="forbid")

        networks: dict[name_pattern, NetworkSettings] = Field(default_factory=dict)

        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            shipped = tomllib.loads(Path(__file__).with_name("networks.toml").read_text(encoding="utf-8"))
            user = workspace.read_config()
            names = [*_tables(shipped), *_tables(user)]
            sources = (
                _from_environment(names, environment),
                {"networks": _tables(user)},
                {"networks": _from_deployments(workspace, names)},
                shipped,
            )
            return tuple(InitSettingsSource(settings_cls, init_kwargs=source) for source in sources)

    try:
        return dict(Settings().networks)
    except ValidationError as error:
        # Only places and rules: the values may hold credentials.
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise _config_error(".".join(str(part) for part in first["loc"]), first["msg"]) from None


def _config_error(where: str, what: str) -> UsageError:
    return UsageError(
        f"configuration of networks: {where}: {what}",
        code="chain.config",
        hint="look at config.toml in the workspace, and at ARCHIVE_RPC_… and ARCHIVE_REGISTRY_… in the environment",
    )


def _tables(config: Mapping[str, Any]) -> dict[str, Any]:
    tables = config.get("networks", {})
    if not isinstance(tables, dict):
        raise _config_error("networks", "is not a table")
    return tables


def _from_environment(names: list[str], environment: Mapping[str, str]) -> dict[str, Any]:
    networks: dict[str, Any] = {}
    for name in names:
        variable = variable_name(name)
        values: dict[str, Any] = {}
        if urls := environment.get(RPC_VARIABLE + variable, "").split():
            values["rpc_urls"] = urls
        if registry := environment.get(REGISTRY_VARIABLE + variable, "").strip():
            values["registry"] = registry.lower()
        if values:
            networks[name] = values
    return {"networks": networks}


def _from_deployments(workspace: Workspace, names: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in names:
        deployment = load_deployment(workspace, name)
        if deployment is not None:
            found[name] = {"registry": deployment.address, "registry_code_hash": deployment.code_hash}
    if (local := read_registry(workspace)) is not None:
        found[DEFAULT_NETWORK] = {"registry": local.address, "registry_code_hash": local.code_hash}
    return found


def load_deployment(workspace: Workspace, network: str) -> Deployment | None:
    """What `save_deployment` wrote; raises `chain.bad_deployment` when the file is damaged."""
    path = deployment_file(workspace, network)
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        return Deployment(**value)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise InvalidInputError(
            f"{path}: damaged: {type(error).__name__}",
            code="chain.bad_deployment",
            hint="delete the file and run `archive contract deploy` again: it finds what is there",
        ) from None
