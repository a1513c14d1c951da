"""The artifact that the package ships: its hashes are its own, and it is the contract that the design describes."""

from __future__ import annotations

import hashlib
import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from eth_hash.auto import keccak

PROJECT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def artifact() -> dict[str, Any]:
    text = (files("archive.chain") / "artifacts" / "IncidentRegistry.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def _code(artifact: dict[str, Any], name: str) -> bytes:
    text = artifact[name]
    assert re.fullmatch(r"0x([0-9a-f]{2})+", text)
    return bytes.fromhex(text[2:])


def test_hashes_are_those_of_the_bytecode(artifact: dict[str, Any]) -> None:
    assert hashlib.sha256(_code(artifact, "bytecode")).hexdigest() == artifact["sha256"]
    assert "0x" + keccak(_code(artifact, "deployed_bytecode")).hex() == artifact["code_hash"]


def test_the_deployed_code_is_inside_the_creation_code(artifact: dict[str, Any]) -> None:
    assert _code(artifact, "bytecode").endswith(_code(artifact, "deployed_bytecode"))


def test_no_path_dependent_metadata_is_appended(artifact: dict[str, Any]) -> None:
    # solc's CBOR trailer names the compiler or the metadata hash.
    for marker in (b"ipfs", b"bzzr", b"solc"):
        assert marker not in _code(artifact, "deployed_bytecode")


def test_compiler_and_evm_version_are_pinned(artifact: dict[str, Any]) -> None:
    assert artifact["compiler"] == "0.8.37+commit.f401782d"
    assert artifact["evm_version"] == "cancun"


def test_events_are_those_of_the_design(artifact: dict[str, Any]) -> None:
    events = {item["name"]: item for item in artifact["abi"] if item["type"] == "event"}
    assert not any(event["anonymous"] for event in events.values())
    fields = {
        name: [(field["name"], field["type"], field["indexed"]) for field in event["inputs"]]
        for name, event in events.items()
    }
    assert fields == {
        "Anchored": [
            ("publisher", "address", True),
            ("incident", "bytes32", True),
            ("root", "bytes32", True),
            ("previous", "bytes32", False),
            ("contentDigest", "bytes32", False),
            ("ordinal", "uint256", False),
        ],
        "BatchAnchored": [("publisher", "address", True), ("root", "bytes32", True), ("count", "uint256", False)],
        "Endorsed": [("endorser", "address", True), ("root", "bytes32", True)],
        "EndorsementWithdrawn": [("endorser", "address", True), ("root", "bytes32", True)],
        "Retracted": [("publisher", "address", True), ("root", "bytes32", True), ("reason", "string", False)],
        "Cancelled": [("account", "address", True), ("digest", "bytes32", True)],
    }


def test_only_the_acts_change_state_and_nothing_takes_ether(artifact: dict[str, Any]) -> None:
    functions = {item["name"]: item["stateMutability"] for item in artifact["abi"] if item["type"] == "function"}
    assert {name for name, kind in functions.items() if kind not in ("view", "pure")} == {
        *("anchor", "anchorFor", "anchorBatch", "cancel"),
        *("endorse", "endorseFor", "withdraw", "withdrawFor", "retract", "retractFor"),
    }
    assert "payable" not in functions.values()
    # No constructor arguments, so that one CREATE2 address serves every chain; no receive, no fallback.
    assert {item["type"] for item in artifact["abi"]} == {"function", "event", "error"}


def test_the_code_cannot_call_delegate_destroy_or_create(artifact: dict[str, Any]) -> None:
    found = _opcodes(_code(artifact, "deployed_bytecode"))
    assert not found & {0xF0, 0xF1, 0xF2, 0xF4, 0xF5, 0xFF}
    assert 0xFA in found  # STATICCALL: the recovery of signatures, and the question to a contract wallet


def test_gas_snapshot_is_within_the_limits() -> None:
    gas = json.loads((PROJECT / "contracts" / "snapshots" / "transactions.json").read_text())
    assert gas["anchor_first"] < 72_000
    assert gas["anchor_later"] < 55_500
    assert gas["anchor_batch"] < 50_000


def test_size_snapshot_is_that_of_the_artifact(artifact: dict[str, Any]) -> None:
    sizes = json.loads((PROJECT / "contracts" / "snapshots" / "bytecode.json").read_text())
    assert sizes == {name: len(_code(artifact, name)) for name in ("bytecode", "deployed_bytecode")}


def _opcodes(code: bytes) -> set[int]:
    """Opcodes of the code, without the data of PUSH1 (0x60) … PUSH32 (0x7f)."""
    found, position = set(), 0
    while position < len(code):
        opcode = code[position]
        found.add(opcode)
        position += 1 + (opcode - 0x5F if 0x60 <= opcode <= 0x7F else 0)
    return found


def test_the_compilers_input_holds_the_sources_and_the_settings() -> None:
    source_input = json.loads((files("archive.chain") / "artifacts" / "IncidentRegistry.input.json").read_text())
    names = sorted(
        path.relative_to(PROJECT / "contracts").as_posix() for path in PROJECT.glob("contracts/src/**/*.sol")
    )
    assert sorted(source_input["sources"]) == names
    for name, source in source_input["sources"].items():
        assert source["content"] == (PROJECT / "contracts" / name).read_text(encoding="utf-8")
    settings = source_input["settings"]
    assert (settings["viaIR"], settings["evmVersion"], settings["optimizer"]["runs"]) == (True, "cancun", 1_000_000)
    assert settings["metadata"] == {"bytecodeHash": "none", "appendCBOR": False}
