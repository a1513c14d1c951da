"""Which clocks this user asks: `[stamps.<name>]` and `[bitcoin]` in the workspace's config.toml.

```toml
[stamps]
minimum_calendars = 2             # of the calendars below, how many have to answer; default 1

[stamps.example-tsa]
type = "rfc3161"
url = "https://tsa.example/tsr"
hash = "sha-256"                  # sha-256 | sha-512
revocation = true                 # keep CRLs and OCSP answers with the token; default true

[stamps.example-calendar]
type = "opentimestamps"
url = "https://calendar.example"

[bitcoin]
network = "main"                  # main | regtest, which proves no time
headers = ["headers.txt"]         # files of block headers; relative to the workspace
node = "http://127.0.0.1:8332"    # your own node
cookie = "~/.bitcoin/.cookie"     # its cookie file
sources = ["https://esplora.example/api"]   # servers of others that speak Esplora's protocol
quorum = 2                        # how many of them have to agree; default 2
```
Whom you ask is here; whom you believe is in the trust file. Where no clock is configured, `freeze` and `stamp add` ask
the public ones below, which learn a hash and nothing else; `publish` asks none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

from archive.errors import UsageError
from archive.stamps.bitcoin import MAINNET, NETWORKS, Network
from archive.stores.http import check_url
from archive.workspace import Workspace

ClockType = Literal["rfc3161", "opentimestamps"]
MAX_CLOCKS: Final = 16
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_KEYS: Final[dict[str, frozenset[str]]] = {
    "rfc3161": frozenset({"type", "url", "hash", "revocation"}),
    "opentimestamps": frozenset({"type", "url"}),
}
_BITCOIN_KEYS: Final = frozenset({"network", "headers", "node", "cookie", "sources", "quorum"})
_MINIMUM: Final = "minimum_calendars"


@dataclass(frozen=True, slots=True)
class AuthorityConfig:
    """A time-stamp authority. `hash` is of the imprint; `revocation` whether CRLs and OCSP answers are kept."""

    name: str
    url: str
    hash: Literal["sha-256", "sha-512"] = "sha-256"
    revocation: bool = True


@dataclass(frozen=True, slots=True)
class CalendarConfig:
    """An OpenTimestamps calendar."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class BitcoinConfig:
    """Where headers of Bitcoin come from."""

    network: Network = MAINNET
    headers: tuple[Path, ...] = ()
    node: str | None = None
    cookie: Path | None = None
    sources: tuple[str, ...] = ()
    quorum: int = 2


@dataclass(frozen=True, slots=True)
class ClockConfig:
    """All of it."""

    authorities: tuple[AuthorityConfig, ...] = ()
    calendars: tuple[CalendarConfig, ...] = ()
    minimum_calendars: int = 1
    bitcoin: BitcoinConfig = field(default_factory=BitcoinConfig)

    @property
    def any(self) -> bool:
        return bool(self.authorities or self.calendars)

    @property
    def names(self) -> tuple[str, ...]:
        return (*(a.name for a in self.authorities), *(c.name for c in self.calendars))

    def only(self, names: tuple[str, ...]) -> ClockConfig:
        """Just these clocks. Raises `stamp.unknown_clock`."""
        for name in names:
            if name not in self.names:
                raise UsageError(
                    f"no clock named {name!r} is configured",
                    code="stamp.unknown_clock",
                    hint=f"there are: {', '.join(self.names) or 'none; add [stamps.NAME] to config.toml'}",
                )
        calendars = tuple(c for c in self.calendars if c.name in names)
        return ClockConfig(
            authorities=tuple(c for c in self.authorities if c.name in names),
            calendars=calendars,
            minimum_calendars=min(self.minimum_calendars, len(calendars)) or 1,
            bitcoin=self.bitcoin,
        )


PUBLIC: Final = ClockConfig(
    authorities=(
        AuthorityConfig("freetsa", "https://freetsa.org/tsr"),
        AuthorityConfig("digicert", "http://timestamp.digicert.com"),
    ),
    calendars=(
        CalendarConfig("pool-a", "https://a.pool.opentimestamps.org"),
        CalendarConfig("pool-b", "https://b.pool.opentimestamps.org"),
        CalendarConfig("pool-eternitywall", "https://a.pool.eternitywall.com"),
        CalendarConfig("pool-catallaxy", "https://ots.btc.catallaxy.com"),
    ),
)


def clocks_to_ask(workspace: Workspace) -> ClockConfig:
    """The configured clocks, or the public ones where there are none."""
    config = load_clock_config(workspace)
    return config if config.any else replace(PUBLIC, bitcoin=config.bitcoin)


def load_clock_config(workspace: Workspace) -> ClockConfig:
    """The configured clocks.

    Raises:
        UsageError: `config.unreadable`, `config.syntax`, `config.unknown_key`, `config.bad_clock`, `config.bad_url`.
    """
    value = workspace.read_config()
    stamps = _table(workspace.config_file, value, "stamps")
    authorities: list[AuthorityConfig] = []
    calendars: list[CalendarConfig] = []
    minimum = stamps.get(_MINIMUM, 1)
    for name, table in stamps.items():
        if name == _MINIMUM:
            continue
        clock = _clock(workspace.config_file, name, table)
        if isinstance(clock, AuthorityConfig):
            authorities.append(clock)
        else:
            calendars.append(clock)
    if len(authorities) + len(calendars) > MAX_CLOCKS:
        raise _bad(f"{workspace.config_file}: [stamps]", f"more than {MAX_CLOCKS} clocks")
    if type(minimum) is not int or not 1 <= minimum <= max(1, len(calendars)):
        raise _bad(f"{workspace.config_file}: [stamps]", f"{_MINIMUM} is not a number from 1 to that of the calendars")
    return ClockConfig(tuple(authorities), tuple(calendars), minimum, _bitcoin(workspace, value))


def _clock(path: Path, name: str, table: Any) -> AuthorityConfig | CalendarConfig:
    where = f"{path}: [stamps.{name}]"
    if not _NAME.fullmatch(name):
        raise _bad(where, "not a name for a clock: small letters, digits, hyphens")
    if not isinstance(table, dict) or table.get("type") not in _KEYS:
        raise _bad(where, f"type must be one of {', '.join(_KEYS)}")
    _known(where, table, _KEYS[table["type"]])
    url = table.get("url")
    if not isinstance(url, str):
        raise _bad(where, "url is missing or no text")
    check_url(url, what=where)
    if table["type"] == "opentimestamps":
        return CalendarConfig(name, url)
    digest, revocation = table.get("hash", "sha-256"), table.get("revocation", True)
    if digest not in ("sha-256", "sha-512"):
        raise _bad(where, "hash must be sha-256 or sha-512")
    if not isinstance(revocation, bool):
        raise _bad(where, "revocation is not true or false")
    return AuthorityConfig(name, url, digest, revocation)


def _bitcoin(workspace: Workspace, value: Mapping[str, Any]) -> BitcoinConfig:
    where = f"{workspace.config_file}: [bitcoin]"
    table = _table(workspace.config_file, value, "bitcoin")
    _known(where, table, _BITCOIN_KEYS)
    network, quorum = table.get("network", MAINNET.name), table.get("quorum", 2)
    if network not in NETWORKS:
        raise _bad(where, f"network must be one of {', '.join(NETWORKS)}")
    if type(quorum) is not int or not 1 <= quorum <= MAX_CLOCKS:
        raise _bad(where, f"quorum is not a number from 1 to {MAX_CLOCKS}")
    sources = _texts(where, table, "sources")
    for url in sources:
        check_url(url, what=where)
    node, cookie = table.get("node"), table.get("cookie")
    for key, text in (("node", node), ("cookie", cookie)):
        if text is not None and not isinstance(text, str):
            raise _bad(where, f"{key} is no text")
    if node is not None:
        check_url(node, what=where)
    return BitcoinConfig(
        network=NETWORKS[network],
        headers=tuple(workspace.root / Path(text).expanduser() for text in _texts(where, table, "headers")),
        node=node,
        cookie=None if cookie is None else workspace.root / Path(cookie).expanduser(),
        sources=sources,
        quorum=quorum,
    )


def _texts(where: str, table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    items = table.get(key, [])
    if not isinstance(items, list) or len(items) > MAX_CLOCKS or not all(isinstance(i, str) and i for i in items):
        raise _bad(where, f"{key} is not a list of at most {MAX_CLOCKS} texts")
    return tuple(dict.fromkeys(items))


def _table(path: Path, value: Mapping[str, Any], name: str) -> dict[str, Any]:
    table = value.get(name, {})
    if not isinstance(table, dict):
        raise _bad(f"{path}: [{name}]", "not a table")
    return table


def _known(where: str, table: Mapping[str, Any], keys: frozenset[str]) -> None:
    if unknown := sorted(set(table) - keys):
        raise UsageError(
            f"{where}: unknown key {unknown[0]!r}", code="config.unknown_key", hint=f"known: {', '.join(sorted(keys))}"
        )


def _bad(where: str, what: str) -> UsageError:
    return UsageError(f"{where}: {what}", code="config.bad_clock", hint="docs/stamps.md shows an example")
