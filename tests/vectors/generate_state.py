"""Writes `state.json`: state proofs of anchors, and exclusion proofs, sound and forged.

`python -m tests.vectors.generate_state`. Blocks and tries are made by hand, and so are expected verdicts and codes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from archive.chain import registry, state
from archive.chain.absence import collect_absence
from archive.chain.proofs import decode_header
from tests.support.world import CALL, PUBLISHER, REGISTRY, World, path
from tests.unit.verify.simulator import Chain

FILE = Path(__file__).with_name("state.json")
ABOUT = (
    "docs/format.md, sections Anchor proof and Exclusion proof. `anchor` is an anchor proof with `state`, `absence` an "
    "exclusion proof; both -> `code_hash`, that of the registry's code."
)


def vector(name: str, given: dict[str, Any], code: str | None, output: dict[str, Any] | None = None) -> dict[str, Any]:
    made = {"name": name, "input": given, "expected": "invalid" if code else "valid", "code": code}
    return made if output is None else {**made, "output": output}


def flipped(node: str) -> str:
    """One bit of the last byte."""
    return node[:-1] + f"{int(node[-1], 16) ^ 1:x}"


def anchors() -> list[dict[str, Any]]:
    def make(entry: int, root: int = 1) -> dict[str, Any]:
        call = registry.AnchorCall(registry.incident_key("a-b"), bytes([root]) * 32, bytes(32), b"\x02" * 32)
        return Chain().anchor(call, entry=entry)

    def with_state(anchor: dict[str, Any], **parts: list[str]) -> dict[str, Any]:
        return {"anchor": {**anchor, "state": {**anchor["state"], **parts}}}

    good = make(0)
    account, storage = good["state"]["account"], good["state"]["storage"]
    code_hash = state.read_account(_state_root(good), good["registry"], account).code_hash
    return [
        vector("entry and code are in the state", {"anchor": good}, None, {"code_hash": code_hash}),
        vector("another ordinal in the slot", {"anchor": make(1 << 8)}, "anchor.state_entry"),
        vector("another tag in the slot", {"anchor": make(1 << 104)}, "anchor.state_entry"),
        vector("a batch in the slot", {"anchor": make(1)}, "anchor.state_entry"),
        vector("the state of another block", with_state(good, **make(0, 3)["state"]), "anchor.state_account"),
        vector("a bit of the account", with_state(good, account=[*account[:-1], flipped(account[-1])]),
               "anchor.state_account"),
        vector("a bit of the slot", with_state(good, storage=[*storage[:-1], flipped(storage[-1])]),
               "anchor.state_slot"),
        vector("a node too few", with_state(good, storage=storage[:-1]), "anchor.state_slot"),
        vector("a node too many", with_state(good, storage=[*storage, storage[-1]]), "anchor.state_slot"),
        vector("an empty path", with_state(good, storage=[]), "anchor.state_slot"),
        vector("no account", with_state(good, account=[]), "anchor.state_account"),
    ]  # fmt: skip


def _state_root(anchor: dict[str, Any]) -> bytes:
    return decode_header(bytes.fromhex(anchor["block"]["header"][2:])).state_root


def absences() -> list[dict[str, Any]]:
    roots = [CALL.root, *(bytes([n]) * 32 for n in range(2, 20))]
    world, empty = World(roots), World(())

    def make(where: World) -> dict[str, Any]:
        return collect_absence(where, REGISTRY, PUBLISHER, "55" * 32).model_dump(mode="json")

    good, bare = make(world), make(empty)
    inspected = {
        "code_hash": state.read_account(world.accounts.root_hash, REGISTRY, good["state"]["account"]).code_hash
    }
    there = path(world.storage, state.entry_slot(PUBLISHER, CALL.root))

    def change(value: dict[str, Any], **parts: Any) -> dict[str, Any]:
        changed = dict(value)
        for key, part in parts.items():
            changed[key] = {**value[key], **part} if isinstance(part, dict) else part
        return {"absence": changed}

    storage = good["state"]["storage"]
    return [
        vector("absent among entries", {"absence": good}, None, inspected),
        vector("absent in an empty storage", {"absence": bare}, None, inspected),
        vector("the root is anchored", change(good, root=CALL.root.hex(), state={"storage": there}), "absence.entry"),
        vector("absence of one root told of an anchored one", change(good, root=CALL.root.hex()), "absence.slot"),
        vector("the path to another entry", change(good, state={"storage": there}), "absence.slot"),
        vector("a node too few", change(good, state={"storage": storage[:-1]}), "absence.slot"),
        vector("a node too many", change(good, state={"storage": [*storage, storage[-1]]}), "absence.slot"),
        vector("no nodes", change(good, state={"storage": []}), "absence.slot"),
        vector("another registry", change(good, registry="0x" + "c1" * 20), "absence.account"),
        vector("an account without a contract", change(good, registry="0x" + "01" * 20), "absence.account"),
        vector("another block number", change(good, block={"number": 991}), "absence.block_number"),
        vector("a bit of the header", change(good, block={"header": flipped(good["block"]["header"])}),
               "absence.header_hash"),
        vector("a key that is not known", change(good, more=1), "absence.malformed"),
        vector("a later format", change(good, format="incident-archive-absence/2"), "absence.unknown_format"),
    ]  # fmt: skip


def text() -> str:
    made = {"format": "incident-archive/1", "description": ABOUT, "vectors": [*anchors(), *absences()]}
    return json.dumps(made, indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(text())
