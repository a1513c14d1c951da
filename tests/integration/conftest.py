"""Real services for integration tests: each is started once per session, on free ports, with empty state.

A tool that is not installed skips its tests with the reason; with CI set it fails them.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tools import services

T = TypeVar("T")


@contextmanager
def _service(start: Callable[[], AbstractContextManager[T]]) -> Iterator[T]:
    with ExitStack() as stack:
        try:
            service = stack.enter_context(start())
        except services.ToolMissing as missing:
            if os.environ.get("CI"):
                pytest.fail(str(missing), pytrace=False)
            pytest.skip(str(missing))
        yield service


@pytest.fixture(scope="session")
def kubo() -> Iterator[services.KuboNode]:
    """A Kubo daemon: `api_url`, `gateway_url`, `binary`, `repo`, `peer_id`, `cli(…)`, `rpc(…)`."""
    with _service(services.kubo) as node:
        yield node


@pytest.fixture(scope="session")
def kubo_peer(kubo: services.KuboNode) -> Iterator[services.KuboNode]:
    """A second Kubo process, connected to `kubo`: reads what the first one wrote, through its API or plain gateway."""
    with _service(services.kubo) as node:
        node.connect(kubo)
        yield node


@pytest.fixture
def lonely_kubo() -> Iterator[services.KuboNode]:
    """An offline Kubo daemon of one test's own: empty, connected to nothing, may be broken or stopped."""
    with _service(lambda: services.kubo(offline=True)) as node:
        yield node


@pytest.fixture(scope="session")
def ipfs_car() -> Path:
    """The `ipfs-car` command, an independent reader and writer of CAR files."""
    with _service(lambda: _tool("ipfs-car")) as path:
        return path


@pytest.fixture(scope="session")
def arlocal() -> Iterator[services.ArlocalGateway]:
    """An arlocal gateway: `url`, `mint(address, winston)`, `mine(blocks)`, `info()`."""
    with _service(services.arlocal) as gateway:
        yield gateway


@pytest.fixture(scope="session")
def anvil() -> Iterator[services.AnvilNode]:
    """An Anvil node with chain id 31337: `url`, `chain_id`, `accounts`, `rpc(…)`, `send(…)`."""
    with _service(services.anvil) as node:
        yield node


@pytest.fixture
def start_anvil() -> Iterator[Callable[..., services.AnvilNode]]:
    """Start Anvil nodes of one test's own: `start_anvil(chain_id=97, options=["--no-mining"])`."""
    with ExitStack() as stack:

        def start(*, chain_id: int = 31337, options: tuple[str, ...] = ()) -> services.AnvilNode:
            return stack.enter_context(_service(lambda: services.anvil(chain_id=chain_id, options=options)))

        yield start


@pytest.fixture(scope="session")
def anvil_97() -> Iterator[services.AnvilNode]:
    """An Anvil node that says it is chain 97 (BSC testnet)."""
    with _service(lambda: services.anvil(chain_id=97)) as node:
        yield node


@contextmanager
def _tool(name: str) -> Iterator[Path]:
    yield services.require(name)


@pytest.fixture(scope="session")
def source_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what a wheel is built from: what is written into the project meanwhile can't end up in it."""
    source = tmp_path_factory.mktemp("source")
    for name in ("archive", "docs"):
        shutil.copytree(services.PROJECT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copyfile(services.PROJECT / name, source / name)
    return source
