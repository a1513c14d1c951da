"""Validator sets in a trust file, and those that this package ships.

```
validator_sets: [{chain_id, genesis, number, hash, last_number, last_hash,
                  turn_length, validators: [{address, bls}],        both null when only the hash is pinned
                  source, as_of}]
consensus_rules: [{chain_id, genesis, fork, epoch_length}]          private Parlia chains only
```
Shipped sets are a starting point and say how old they are. Where the reader's own file has a pin for the same epoch
block, the reader's counts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, Final

from archive.chain.consensus.rules import FORKS, PUBLIC, ChainRules, private_rules
from archive.chain.consensus.sets import PinnedSet, SetHistory, Validator, ValidatorSet

SHIPPED: Final = "shipped with archive"
MAX_VALIDATORS: Final = 64
_MAX_NUMBER: Final = 2**53 - 1
_ADDRESS: Final = re.compile(r"0x[0-9a-f]{40}\Z")
_KEY: Final = re.compile(r"0x[0-9a-f]{96}\Z")
_HASH: Final = re.compile(r"0x[0-9a-f]{64}\Z")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z")
_PIN_KEYS: Final = frozenset(
    ("chain_id", "genesis", "number", "hash", "last_number", "last_hash", "turn_length", "validators", "source",
     "as_of")
)  # fmt: skip


def pin_to_json(pin: PinnedSet) -> dict[str, Any]:
    return {
        "chain_id": pin.chain_id,
        "genesis": pin.genesis,
        "number": pin.number,
        "hash": "0x" + pin.hash.hex(),
        "last_number": pin.last_number,
        "last_hash": "0x" + pin.last_hash.hex(),
        "turn_length": None if pin.set is None else pin.set.turn_length,
        "validators": None
        if pin.set is None
        else [{"address": "0x" + v.address.hex(), "bls": "0x" + v.bls.hex()} for v in pin.set.validators],
        "source": pin.source,
        "as_of": pin.as_of,
    }


def pin_from_json(item: Any, wrong: Callable[[str], Exception]) -> PinnedSet:
    """Read one pin strictly; raises what `wrong` makes of the reason."""

    def need(good: bool, what: str) -> None:
        if not good:
            raise wrong(what)

    need(isinstance(item, dict) and set(item) == _PIN_KEYS, f"does not have exactly {', '.join(sorted(_PIN_KEYS))}")
    for key in ("chain_id", "number", "last_number"):
        need(_is_number(item[key]), f"{key} is not a whole number")
    for key in ("genesis", "hash", "last_hash"):
        need(_matches(_HASH, item[key]), f"{key} is not 0x and 64 lower-case hex digits")
    need(item["number"] <= item["last_number"], "last_number is before number")
    need(item["number"] < item["last_number"] or item["hash"] == item["last_hash"], "one block has two hashes")
    need(isinstance(item["source"], str) and 0 < len(item["source"]) <= 200, "source is not a short text")
    need(item["source"].isprintable(), "source holds control characters")
    need(_matches(_TIME, item["as_of"]), "as_of is not a time like 2026-01-31T12:00:00Z")
    need((item["validators"] is None) == (item["turn_length"] is None), "validators and turn_length go together")
    announced = None
    if item["validators"] is not None:
        members = item["validators"]
        need(isinstance(members, list) and 1 <= len(members) <= MAX_VALIDATORS, "validators is not a list of 1 to 64")
        need(_is_number(item["turn_length"]) and 1 <= item["turn_length"] <= 255, "turn_length is not 1 to 255")
        for member in members:
            need(isinstance(member, dict) and set(member) == {"address", "bls"}, "a validator is not {address, bls}")
            need(_matches(_ADDRESS, member["address"]), "a validator's address is not 0x and 40 hex digits")
            need(_matches(_KEY, member["bls"]), "a validator's bls key is not 0x and 96 hex digits")
        pairs = [(bytes.fromhex(m["address"][2:]), bytes.fromhex(m["bls"][2:])) for m in members]
        need(
            pairs == sorted(pairs) and len({a for a, _ in pairs}) == len(pairs), "validators are not sorted by address"
        )
        announced = ValidatorSet(tuple(Validator(*pair) for pair in pairs), item["turn_length"])
    return PinnedSet(
        item["chain_id"],
        item["genesis"],
        item["number"],
        bytes.fromhex(item["hash"][2:]),
        item["last_number"],
        bytes.fromhex(item["last_hash"][2:]),
        announced,
        item["source"],
        item["as_of"],
    )


def rules_to_json(rules: ChainRules) -> dict[str, Any]:
    return {
        "chain_id": rules.chain_id,
        "genesis": rules.genesis,
        "fork": rules.forks[0].fork,
        "epoch_length": rules.epoch_length,
    }


def rules_from_json(item: Any, wrong: Callable[[str], Exception]) -> ChainRules:
    """Read the rules of a private chain; raises what `wrong` makes of the reason."""
    if not isinstance(item, dict) or set(item) != {"chain_id", "genesis", "fork", "epoch_length"}:
        raise wrong("does not have exactly chain_id, epoch_length, fork, genesis")
    if not _is_number(item["chain_id"]) or item["chain_id"] in PUBLIC:
        raise wrong("chain_id is not that of a private chain: the rules of 56 and 97 are built in")
    if not _matches(_HASH, item["genesis"]):
        raise wrong("genesis is not 0x and 64 lower-case hex digits")
    if item["fork"] not in FORKS:
        raise wrong(f"fork is not one of {', '.join(FORKS)}")
    if not _is_number(item["epoch_length"]) or not 2 <= item["epoch_length"] <= 100_000:
        raise wrong("epoch_length is not 2 to 100000")
    return private_rules(item["chain_id"], item["genesis"], item["fork"], item["epoch_length"])


@cache
def shipped_sets() -> tuple[PinnedSet, ...]:
    """The sets in this package, from `shipped_sets.json`."""
    from importlib.resources import files

    value = json.loads(files("archive.chain.consensus").joinpath("shipped_sets.json").read_text(encoding="utf-8"))
    return tuple(pin_from_json(item, ValueError) for item in value["validator_sets"])


def with_shipped(pins: Iterable[PinnedSet]) -> tuple[PinnedSet, ...]:
    """The reader's pins, and the shipped ones of epochs that the reader's say nothing about."""
    own = tuple(pins)
    more = (p for p in shipped_sets() if history_of(own, p.chain_id, p.genesis).covering(p.number) is None)
    return (*own, *more)


def history_of(pins: Iterable[PinnedSet], chain_id: int, genesis: str) -> SetHistory:
    """The pins of one chain."""
    return SetHistory(p for p in pins if (p.chain_id, p.genesis) == (chain_id, genesis))


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MAX_NUMBER


def _matches(pattern: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and pattern.match(value) is not None
