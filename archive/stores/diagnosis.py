"""What `archive doctor` looks at: this machine, the workspace, the configured stores and networks."""

from __future__ import annotations

import os
import platform
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final, Literal

from archive import __version__
from archive.errors import ArchiveError, ArchiveWarning, UnreachableError, UsageError
from archive.workspace import Workspace

Status = Literal["ok", "note", "unreachable", "wrong"]

_LIBRARIES: Final = ("pydantic", "rfc8785", "eth-keys", "trie", "requests")
_PUBLISH_LIBRARIES: Final = ("web3", "eth-account", "ipfshttpclient", "arweave-python-client")
_LOW_DISK: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing looked at. `note` is worth knowing and no fault."""

    subject: str
    status: Status
    detail: str
    code: str | None = None
    hint: str | None = None

    def to_json(self) -> dict[str, object]:
        return {
            "subject": self.subject,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "hint": self.hint,
        }


def diagnose(
    workspace: Workspace, *, networks: tuple[str, ...] = (), environ: Mapping[str, str] | None = None
) -> tuple[Diagnosis, ...]:
    """Look at everything; a fault in one thing does not keep the others from being looked at."""
    env = os.environ if environ is None else environ
    return (*_machine(), *_workspace(workspace), *_stores(workspace, env), *_networks(workspace, networks, env))


def _machine() -> Iterator[Diagnosis]:
    yield Diagnosis("archive", "ok", f"{__version__}, Python {platform.python_version()}")
    for name in (*_LIBRARIES, *_PUBLISH_LIBRARIES):
        try:
            yield Diagnosis(name, "ok", metadata.version(name))
        except metadata.PackageNotFoundError:
            hint = 'pip install "incident-archive[publish]"' if name in _PUBLISH_LIBRARIES else "install it again"
            status: Status = "note" if name in _PUBLISH_LIBRARIES else "wrong"
            yield Diagnosis(name, status, "not installed", code="dependency.missing", hint=hint)


def _workspace(workspace: Workspace) -> Iterator[Diagnosis]:
    nearest = next(
        folder for folder in (workspace.root.absolute(), *workspace.root.absolute().parents) if _is_dir(folder)
    )
    if not os.access(nearest, os.W_OK):
        yield Diagnosis("workspace", "wrong", f"{nearest} cannot be written", code="workspace.read_only")
    else:
        made = "" if workspace.root.exists() else " (not made yet)"
        yield Diagnosis("workspace", "ok", f"{workspace.root}{made}")
    free = shutil.disk_usage(nearest).free
    low = free < _LOW_DISK
    yield Diagnosis(
        "disk", "note" if low else "ok", f"{free / 1e9:.1f} GB free", code="workspace.disk" if low else None
    )


def _is_dir(folder: Path) -> bool:
    try:
        return folder.is_dir()
    except OSError:
        return False


def _stores(workspace: Workspace, env: Mapping[str, str]) -> Iterator[Diagnosis]:
    from archive.stores.config import open_stores

    try:
        stores = open_stores(workspace, env)
    except ArchiveError as error:
        yield _fault("stores", error)
        return
    for reader in stores.readers:
        yield _ask(f"store {reader.name}", reader.check)
    for writer in stores.writers:
        check: Callable[[], str] | None = getattr(writer, "check", None)
        if writer is not stores.local and check is not None:
            yield _ask(f"store {writer.name} (writing)", check)


def _networks(workspace: Workspace, asked: tuple[str, ...], env: Mapping[str, str]) -> Iterator[Diagnosis]:
    try:
        from archive.chain.networks import Network, load_networks, open_chain

        shipped = load_networks(Workspace(workspace.root / "none"), {})
        networks = load_networks(workspace, env)
    except ModuleNotFoundError as error:
        yield Diagnosis("networks", "note", f"not looked at: {error.name} is not installed", code="dependency.missing")
        return
    except ArchiveError as error:
        yield _fault("networks", error)
        return
    for name in asked:
        if name not in networks:
            raise UsageError(
                f"{name}: no such network", code="chain.unknown_network", hint=f"known: {', '.join(networks)}"
            )

    def look(network: Network) -> str:
        with open_chain(network, workspace) as (rpc, identity):
            head = rpc.call("eth_blockNumber")
        return f"chain {identity.chain_id}, block {int(str(head), 16):,}"

    for network in networks.values():
        subject = f"network {network.name}"
        configured = network.name not in shipped or network.rpc_urls != shipped[network.name].rpc_urls
        if network.embedded:
            yield Diagnosis(subject, "ok", "embedded in this program")
        elif configured or network.name in asked:
            yield _ask(subject, lambda network=network: look(network))  # type: ignore[misc]
        else:
            yield Diagnosis(subject, "note", "not configured here, not asked", hint=f"--network {network.name} asks it")


def _ask(subject: str, check: Callable[[], str]) -> Diagnosis:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ArchiveWarning)
        try:
            detail = check()
        except ArchiveError as error:
            return _fault(subject, error)
    said = [str(item.message) for item in caught if issubclass(item.category, ArchiveWarning)]
    return Diagnosis(subject, "note" if said else "ok", detail, hint=said[0] if said else None)


def _fault(subject: str, error: ArchiveError) -> Diagnosis:
    status: Status = "unreachable" if isinstance(error, UnreachableError) else "wrong"
    return Diagnosis(subject, status, error.message, code=error.code, hint=error.hint)
