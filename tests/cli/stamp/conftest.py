"""The command line with clocks of our own: an authority, two calendars, a Bitcoin chain on regtest."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from tests.cli.publish.conftest import Ran, archive, dossier, workspace  # noqa: F401
from tests.support.clocks import Authority, Bitcoin, BitcoinServer, Calendar, running_calendar, serve


@dataclass
class Clocks:
    """The clocks that run, and the workspace whose config.toml names them."""

    workspace: Path
    authority: Authority
    calendars: tuple[Calendar, Calendar]
    chain: Bitcoin
    server: BitcoinServer
    urls: dict[str, str]

    def configure(self, *names: str, extra: str = "", bitcoin: str = 'network = "regtest"') -> None:
        """Write config.toml with these clocks, else all; `dead` is one that is not running."""
        kinds = {"tsa": "rfc3161", "one": "opentimestamps", "two": "opentimestamps", "dead": "rfc3161"}
        text = "[stamps]\n" + extra + "\n"
        for name in names or ("tsa", "one", "two"):
            text += f'[stamps.{name}]\ntype = "{kinds[name]}"\nurl = "{self.urls[name]}"\n'
        self.workspace.mkdir(parents=True, exist_ok=True)
        (self.workspace / "config.toml").write_text(f"{text}[bitcoin]\n{bitcoin}\n")

    def headers(self) -> Path:
        return self.chain.file(self.workspace / "headers.txt")

    def root_file(self) -> Path:
        path = self.workspace / "tsa-root.pem"
        path.write_text(self.authority.root_pem)
        return path


@pytest.fixture(scope="session")
def session_authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tsa"))


@pytest.fixture
def clocks(workspace: Path, session_authority: Authority) -> Iterator[Clocks]:  # noqa: F811
    chain = Bitcoin()
    session_authority.refuse, session_authority.answer = False, None
    one, two = Calendar(chain), Calendar(chain)
    server = BitcoinServer(chain)
    with (
        serve(session_authority.handle) as tsa,
        running_calendar(one) as first,
        running_calendar(two) as second,
        serve(server.handle) as node,
    ):
        # Port 1 of this machine: nothing listens there.
        urls = {"tsa": tsa, "one": first, "two": second, "node": node, "dead": "http://127.0.0.1:1"}
        made = Clocks(workspace, session_authority, (one, two), chain, server, urls)
        made.configure()
        yield made
