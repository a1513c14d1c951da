"""Writes `consensus.json`: finality proofs, sound and forged, with what a verifier must say about each.

`python -m tests.vectors.generate_consensus`. Keys are made from seeds (`tests/support/parlia.py`) and all signatures
are deterministic, so the file comes out the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from archive.chain import codec
from archive.chain.consensus.pins import pin_to_json, rules_to_json
from tests.support import parlia
from tests.support.parlia import RULES, Chain, Group, attestation, signer

FILE = Path(__file__).with_name("consensus.json")
OLD, NEW = Group.of([1, 2, 3, 4]), Group.of([3, 4, 5, 6, 7])
MUTE = Group.of([1, 2, 3, 4], mute=[2])


def case(
    name: str, chain: Chain, status: str, code: str | None, *, first: int = 15, last: int = 17,
    epochs: Iterable[int] = (), pins: Iterable[tuple[int, int]] = ((0, 10),), headers: list[bytes] | None = None,
    votes: int | None = None, pinned: Chain | None = None, rules: Any = RULES,
) -> dict[str, Any]:  # fmt: skip
    raws = chain.range(first, last) if headers is None else headers
    return {
        "name": name,
        "rules": rules_to_json(rules),
        "pins": [pin_to_json((pinned or chain).pin(number, end)) for number, end in pins],
        "block": codec.to_hex(raws[0]),
        "consensus": {
            "kind": "parlia",
            "headers": [codec.to_hex(raw) for raw in raws[1:]],
            "epochs": [[codec.to_hex(raw) for raw in chain.range(epoch, epoch + 2)] for epoch in epochs],
        },
        "expected": {"status": status, "code": code, "votes": votes},
    }


def cases() -> list[dict[str, Any]]:
    whole = Chain({0: OLD, 20: NEW}).grow(36)
    out = [
        case("final by the votes two blocks later", whole, "pass", None, votes=4),
        case("final with a later block", whole, "pass", None, first=12, last=18, votes=4),
        case("last block of the old validators", whole, "pass", None, first=22, last=24, epochs=[20], votes=5),
        case("handover in the proof", whole, "pass", None, first=25, last=27, epochs=[20], votes=5),
        case("handover pinned", whole, "pass", None, first=25, last=27, pins=[(0, 10), (20, 20)], votes=5),
        case("a lone pin, an epoch later", whole, "pass", None, first=34, last=36, epochs=[30], pins=[(20, 20)],
             votes=5),
        case("no pin", whole, "unchecked", "consensus.no_validator_set", pins=[]),
        case("a lone pin, in its own epoch", whole, "unchecked", "consensus.no_validator_set", first=25, last=27,
             pins=[(20, 20)]),
        case("a gap between pin and proof", whole, "unchecked", "consensus.no_validator_set", first=34, last=36,
             epochs=[30]),
        case("too few headers", whole, "unchecked", "consensus.not_final", last=16),
        case("a header missing", whole, "fail", "consensus.gap", headers=[whole.headers[15], whole.headers[17]]),
        case("validators of another epoch pinned", whole, "fail", "consensus.wrong_epoch_set", first=25, last=27,
             epochs=[20], pins=[(0, 10), (20, 20)], pinned=Chain({0: OLD}).grow(36)),
    ]  # fmt: skip
    strangers = Chain({0: Group.of([21, 22, 23, 24])}).grow(36)
    out.append(case("strangers", strangers, "fail", "consensus.not_validator", pinned=whole))
    other = Chain({0: OLD}, chain_id=97).grow(20)
    out.append(case("sealed for another chain", other, "fail", "consensus.wrong_chain_id", pinned=whole))

    def changed(name: str, status: str, code: str | None, change: Callable[[Chain], None], **more: Any) -> None:
        chain = Chain({0: OLD, 20: NEW}).grow(19)
        change(chain)
        out.append(case(name, chain, status, code, **more))

    def votes(group: Group, source: int = 15, target: int = 16, **more: Any) -> Callable[[Chain], None]:
        def change(chain: Chain) -> None:
            links = (source, chain.hash(source)), (target, chain.hash(target))
            chain.make(17, votes=attestation(group, *links, **more))

        return change

    changed("three of four", "pass", None, votes(OLD, places=(0, 1, 2)), votes=3)
    changed("two of four", "fail", "consensus.quorum", votes(OLD, places=(0, 1)))
    changed("a signer not marked", "fail", "consensus.dropped_signer", votes(OLD, bits=0b0111))
    changed(
        "a signer marked that is none", "fail", "consensus.vote_signature", votes(OLD, places=(0, 1, 2), bits=0b1111)
    )
    changed("a vote beyond the validators", "fail", "consensus.bit_out_of_range", votes(OLD, bits=0b10111))
    changed("votes of another epoch's validators", "fail", "consensus.wrong_epoch_set", votes(NEW),
            pins=[(0, 10), (20, 20)])  # fmt: skip
    changed("a target that is not the source's child", "unchecked", "consensus.not_final", votes(OLD, 14, 16), first=13)
    changed("another source", "fail", "consensus.source", lambda chain: _link(chain, b"\x01" * 32, chain.hash(16)))
    changed("another target", "fail", "consensus.target", lambda chain: _link(chain, chain.hash(15), b"\x01" * 32))
    changed("wrong difficulty", "fail", "consensus.difficulty", lambda c: _only(c.make(17, difficulty=b"\x01")))
    sealer = signer(99)
    changed("sealed by somebody", "fail", "consensus.not_validator", lambda c: _only(c.make(17, who=sealer)))
    changed("another's seal", "fail", "consensus.seal",
            lambda c: _only(c.make(17, who=sealer, miner=OLD.set.in_turn(17))))  # fmt: skip
    out += _zero_keys()
    out += _targets()
    return out


def _only(made: bytes) -> None:
    """`make` changes the chain; what it returns is not needed."""


def _link(chain: Chain, source: bytes, target: bytes) -> None:
    chain.make(17, votes=attestation(OLD, (15, source), (16, target)))


def _zero_keys() -> list[dict[str, Any]]:
    chain = Chain({0: MUTE}).grow(17)
    sound = case("one of four has no key and three voted", chain, "pass", None, votes=3)
    chain = Chain({0: MUTE}).grow(16)
    links = (15, chain.hash(15)), (16, chain.hash(16))
    chain.make(17, votes=attestation(MUTE, *links, bits=0b1111))
    return [sound, case("a vote of a validator without a key", chain, "fail", "consensus.zero_key")]


def _targets() -> list[dict[str, Any]]:
    out = []
    for back, fork, code in ((3, "fermi", None), (4, "fermi", "consensus.target"), (2, "maxwell", "consensus.target")):
        chain = Chain({0: OLD}).grow(16)
        for number in range(17, 16 + back):
            chain.make(number, votes=b"")
        chain.make(16 + back, votes=attestation(OLD, (15, chain.hash(15)), (16, chain.hash(16))))
        rules = parlia.private_rules(parlia.CHAIN_ID, parlia.GENESIS, fork, parlia.EPOCH)
        told = ("pass", None, 4) if code is None else ("fail", code, None)
        name = f"{fork}: a target {back} blocks back"
        out.append(case(name, chain, *told[:2], last=16 + back, votes=told[2], rules=rules))
    return out


def text() -> str:
    head = "finality proofs of docs/consensus.md; `pins` and `rules` as in a trust file, `consensus` as in a bundle"
    return json.dumps({"about": head, "cases": cases()}, indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(text())
