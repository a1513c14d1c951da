"""What the publication needs from a chain and from a store: two narrow protocols, and the values they exchange.

`archive.publish.wiring` fits the real registry writer and the real stores to them; tests use in-memory ones that can
fail and lie.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from archive.publish.journal import Anchored, Final, Signed
from archive.stores.base import Pin


@dataclass(frozen=True, slots=True)
class Intent:
    """What is to be anchored: the incident's id, `root` and `previous_root` as 64 hex digits, the content digest."""

    incident: str
    root: str
    previous_root: str | None
    content_digest: bytes


@dataclass(frozen=True, slots=True)
class Quote:
    """What anchoring would cost now: `gas` units at `gas_price` wei each, against `balance` wei."""

    gas: int
    gas_price: int
    balance: int
    symbol: str
    decimals: int = 18

    @property
    def cost(self) -> int:
        """In wei."""
        return self.gas * self.gas_price


class ChainPort(Protocol):
    """One registry on one chain, and one key that signs for it."""

    @property
    def network(self) -> str: ...
    @property
    def chain_id(self) -> int: ...
    @property
    def genesis(self) -> str: ...
    @property
    def registry(self) -> str: ...
    @property
    def publisher(self) -> str: ...
    @property
    def embedded(self) -> bool:
        """True for the workspace's own chain, which proves no time."""
        ...

    def quote(self, intent: Intent) -> Quote:
        """Simulates the call; raises what the call would be refused with."""
        ...

    def find(self, intent: Intent) -> Anchored | None:
        """The registry's entry for (publisher, root) when its tag is this intent's; None when there is no entry."""
        ...

    def sign(self, intent: Intent, *, replaces: Signed | None = None, raise_percent: int = 0) -> Signed:
        """Simulate and sign; nothing is sent.

        `replaces` is a transaction that pays too little: the new one takes its nonce, so only one can ever be mined,
        and offers `raise_percent` more than the node asks for.
        """
        ...

    def send(self, signed: Signed) -> None:
        """Send; sending the same bytes again is no error.

        Raises `chain.nonce_taken` when they can never be mined, `chain.underpriced` when they pay too little.
        """
        ...

    def wait_mined(self, signed: Signed, intent: Intent) -> Anchored:
        """Wait for the receipt; `chain.not_mined` (unreachable) when it does not come in time."""
        ...

    def failed(self, signed: Signed) -> bool:
        """True when the transaction was mined and failed: it is spent, and changed nothing."""
        ...

    def wait_final(self, anchored: Anchored) -> Final | None:
        """Wait until the anchor's block is final; None when the block was reorganised away and must be looked for."""
        ...

    def stands(self, final: Final) -> bool:
        """False when another block is at the height of the anchor's; True also when the node cannot tell."""
        ...

    def proof(self, final: Final) -> dict[str, Any]:
        """The anchor proof as JSON, checked by the same code that a verifier uses."""
        ...


class StorePort(Protocol):
    """One place that takes the package after the anchor is final, and shows it again."""

    @property
    def name(self) -> str: ...
    @property
    def operator(self) -> str: ...

    def put_package(self, car: Path, content_id: str, root: str) -> Pin:
        """Store the package and download it again; the pin's `verified` says whether the bytes came back.

        Putting the same thing twice is the same as putting it once, also where it costs.
        """
        ...

    def put_file(self, path: Path, cid: str) -> Pin:
        """The same for one file, the proof bundle."""
        ...
