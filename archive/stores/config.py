"""Which stores this user has: `[stores.<name>]` in the workspace's config.toml, and the environment.

```toml
[stores.kubo]
type = "kubo"                     # kubo | gateway | arweave
url = "http://127.0.0.1:5001"
operator = "me"                   # who runs it; readers of one operator count once
write = true                      # kubo only: false for a peer that is only read
[stores.arweave]
type = "arweave"
url = "https://arweave.net"
keyfile = "secrets/arweave.json"  # relative to the workspace; without it the store is read only
max_winston = "50000000000"       # never pay more for one transaction
confirmations = 3
```
Environment: `ARCHIVE_KUBO_API`, `ARCHIVE_IPFS_GATEWAYS` (comma separated, each `url` or `name=url`),
`ARCHIVE_ARWEAVE_URL`, `ARCHIVE_ARWEAVE_KEYFILE`; they set or replace the stores `kubo`, `gateway-1` … and `arweave`.
The local store is always there, and is always asked first.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, cast

from archive.errors import UsageError
from archive.stores.base import Reader, Writer
from archive.stores.local import LocalStore
from archive.workspace import Workspace

StoreType = Literal["kubo", "gateway", "arweave"]
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_KEYS: Final[dict[str, frozenset[str]]] = {
    "kubo": frozenset({"type", "url", "operator", "write"}),
    "gateway": frozenset({"type", "url", "operator"}),
    "arweave": frozenset({"type", "url", "operator", "keyfile", "max_winston", "confirmations", "write"}),
}


@dataclass(frozen=True, slots=True)
class StoreConfig:
    """One configured store; `operator` None means: the host of its URL."""

    name: str
    type: StoreType
    url: str
    operator: str | None = None
    keyfile: Path | None = None
    max_winston: int | None = None
    confirmations: int = 1
    write: bool = True


@dataclass(frozen=True, slots=True)
class Stores:
    """The opened stores, the local one first in both. Opening asks nothing over a network."""

    local: LocalStore
    readers: tuple[Reader, ...]
    writers: tuple[Writer, ...]

    def reader(self, name: str) -> Reader:
        """The reader of this name (`store.unknown`)."""
        for reader in self.readers:
            if reader.name == name:
                return reader
        known = ", ".join(reader.name for reader in self.readers)
        raise UsageError(f"no store named {name!r} is configured", code="store.unknown", hint=f"there are: {known}")


def load_store_configs(workspace: Workspace, environ: Mapping[str, str] | None = None) -> tuple[StoreConfig, ...]:
    """The stores of config.toml and the environment, by name."""
    env = os.environ if environ is None else environ
    found = {config.name: config for config in _from_file(workspace)}
    if api := env.get("ARCHIVE_KUBO_API"):
        found["kubo"] = _with_url(found.get("kubo"), "kubo", "kubo", api)
    gateways = [text.strip() for text in env.get("ARCHIVE_IPFS_GATEWAYS", "").split(",") if text.strip()]
    for number, text in enumerate(gateways, start=1):
        named = re.match(r"([a-z0-9][a-z0-9-]{0,31})=(.+)", text)
        name, url = (named[1], named[2]) if named else (f"gateway-{number}", text)
        if name == "local":
            raise UsageError("ARCHIVE_IPFS_GATEWAYS: no gateway can be named local", code="config.bad_store")
        found[name] = _with_url(found.get(name), name, "gateway", url)
    url, keyfile = env.get("ARCHIVE_ARWEAVE_URL"), env.get("ARCHIVE_ARWEAVE_KEYFILE")
    if url:
        found["arweave"] = _with_url(found.get("arweave"), "arweave", "arweave", url)
    if keyfile:
        if "arweave" not in found:
            raise UsageError(
                "ARCHIVE_ARWEAVE_KEYFILE is set but no Arweave gateway is",
                code="config.bad_store",
                hint="set ARCHIVE_ARWEAVE_URL too",
            )
        found["arweave"] = replace(found["arweave"], keyfile=Path(keyfile))
    return tuple(found.values())


def open_stores(workspace: Workspace, environ: Mapping[str, str] | None = None) -> Stores:
    """Open the local store and all configured ones; asks nothing over a network."""
    from archive.stores.arweave import ArweaveReader, ArweaveWriter
    from archive.stores.gateway import GatewayReader
    from archive.stores.kubo import KuboReader, KuboWriter

    local = LocalStore(workspace.store)
    readers: list[Reader] = [local]
    writers: list[Writer] = [local]
    for config in load_store_configs(workspace, environ):
        if config.type == "kubo":
            readers.append(KuboReader(config.url, name=config.name, operator=config.operator))
            if config.write:
                writers.append(KuboWriter(config.url, name=config.name, operator=config.operator))
        elif config.type == "gateway":
            readers.append(GatewayReader(config.url, name=config.name, operator=config.operator))
        else:
            readers.append(ArweaveReader(config.url, name=config.name, operator=config.operator))
            if config.write and config.keyfile is not None:
                writers.append(
                    ArweaveWriter(
                        config.url,
                        config.keyfile,
                        state_dir=workspace.journal / "arweave",
                        name=config.name,
                        operator=config.operator,
                        confirmations=config.confirmations,
                        max_winston=config.max_winston,
                    )
                )
    return Stores(local=local, readers=tuple(readers), writers=tuple(writers))


def _with_url(old: StoreConfig | None, name: str, kind: StoreType, url: str) -> StoreConfig:
    if old is not None and old.type != kind:
        raise UsageError(
            f"store {name!r} is of type {old.type} in config.toml, the environment wants {kind}",
            code="config.bad_store",
            hint="rename the store in config.toml",
        )
    _check_url(name, kind, url)
    return replace(old, url=url) if old is not None else StoreConfig(name=name, type=kind, url=url)


def _check_url(name: str, kind: StoreType, url: str) -> None:
    from archive.stores.http import check_url
    from archive.stores.kubo import api_url

    if kind == "kubo":
        api_url(url)
    else:
        check_url(url, what=name)


def _from_file(workspace: Workspace) -> list[StoreConfig]:
    path = workspace.config_file
    stores = workspace.read_config().get("stores", {})
    if not isinstance(stores, dict):
        raise UsageError(f"{path}: [stores] is not a table", code="config.bad_store")
    return [_store(path, workspace, name, table) for name, table in stores.items()]


def _store(path: Path, workspace: Workspace, name: str, table: Any) -> StoreConfig:
    where = f"{path}: [stores.{name}]"
    if not _NAME.fullmatch(name) or name == "local":
        raise UsageError(
            f"{where}: not a name for a store",
            code="config.bad_store",
            hint="small letters, digits, hyphens; not local",
        )
    if not isinstance(table, dict) or table.get("type") not in _KEYS:
        raise UsageError(f"{where}: type must be one of {', '.join(_KEYS)}", code="config.bad_store")
    kind = cast(StoreType, table["type"])
    unknown = sorted(set(table) - _KEYS[kind])
    if unknown:
        raise UsageError(
            f"{where}: unknown key {unknown[0]!r}",
            code="config.unknown_key",
            hint=f"a {kind} store knows: {', '.join(sorted(_KEYS[kind]))}",
        )
    url = _text(where, table, "url", required=True) or ""
    _check_url(name, kind, url)
    keyfile = _text(where, table, "keyfile")
    limit = _text(where, table, "max_winston")
    confirmations, write = table.get("confirmations", 1), table.get("write", True)
    if limit is not None and not (limit.isascii() and limit.isdigit()):
        raise UsageError(f"{where}: max_winston is not a whole number in quotes", code="config.bad_store")
    if type(confirmations) is not int or confirmations < 1:
        raise UsageError(f"{where}: confirmations is not a number of at least 1", code="config.bad_store")
    if not isinstance(write, bool):
        raise UsageError(f"{where}: write is not true or false", code="config.bad_store")
    return StoreConfig(
        name=name,
        type=kind,
        url=url,
        operator=_text(where, table, "operator"),
        keyfile=None if keyfile is None else workspace.root / Path(keyfile).expanduser(),
        max_winston=None if limit is None else int(limit),
        confirmations=confirmations,
        write=write,
    )


def _text(where: str, table: Mapping[str, Any], key: str, *, required: bool = False) -> str | None:
    value = table.get(key)
    if value is None and not required:
        return None
    if not isinstance(value, str) or not value:
        raise UsageError(f"{where}: {key} is missing or no text", code="config.bad_store")
    return value
