"""The compiled registry that ships with the package: `artifacts/IncidentRegistry.json`, built from `contracts/`."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from archive.chain.codec import from_hex, keccak, to_hex
from archive.errors import InternalError


@dataclass(frozen=True, slots=True)
class Artifact:
    """`bytecode` creates the contract, `deployed_bytecode` is its runtime code, `code_hash` keccak256 of the latter."""

    bytecode: bytes
    deployed_bytecode: bytes
    code_hash: str
    compiler: str
    evm_version: str
    abi: tuple[dict[str, Any], ...]


@cache
def load_artifact() -> Artifact:
    """The artifact, after comparing both of its hashes."""
    value = json.loads((files("archive.chain") / "artifacts" / "IncidentRegistry.json").read_bytes())
    bytecode, deployed = from_hex(value["bytecode"]), from_hex(value["deployed_bytecode"])
    code_hash = to_hex(keccak(deployed))
    if code_hash != value["code_hash"] or hashlib.sha256(bytecode).hexdigest() != value["sha256"]:
        raise InternalError(
            "the registry's bytecode in this installation does not fit its hash",
            code="chain.bad_artifact",
            hint="install the package again",
        )
    return Artifact(bytecode, deployed, code_hash, value["compiler"], value["evm_version"], tuple(value["abi"]))
