"""Build the registry with Foundry and write the artifact that the Python package ships.

    python tools/build_contracts.py            compile, write archive/chain/artifacts/IncidentRegistry.json
    python tools/build_contracts.py --check    compile and compare with the committed file; exit 1 when they differ
    python tools/build_contracts.py --gas      print the gas of real `anchor` transactions on Anvil, as JSON

The artifact holds `contract`, `compiler`, `evm_version`, `optimizer`, `abi`, `bytecode` and `deployed_bytecode` (`0x`
hex), `sha256` (of the creation bytecode, 64 hex digits) and `code_hash` (keccak256 of the deployed bytecode, `0x` hex:
what EXTCODEHASH gives, and what a trust file states).

Beside it `IncidentRegistry.input.json`: the compiler's standard-JSON input that gives these very bytes, for source
verification (`archive contract verify-input`).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from eth_hash.auto import keccak

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools import services

ARTIFACT = services.PROJECT / "archive" / "chain" / "artifacts" / "IncidentRegistry.json"
INPUT = ARTIFACT.with_name("IncidentRegistry.input.json")
GAS_SNAPSHOT = services.CONTRACTS / "snapshots" / "transactions.json"
SIZE_SNAPSHOT = services.CONTRACTS / "snapshots" / "bytecode.json"
GAS_LIMITS = {"anchor_first": 72_000, "anchor_later": 55_500, "anchor_batch": 50_000}


def compile_registry() -> tuple[dict[str, Any], dict[str, Any]]:
    """The artifact as built from the sources now, and the compiler's input.

    Raises:
        services.ServiceError: the compiler failed.
        services.ToolMissing: Foundry is not installed.
    """
    with tempfile.TemporaryDirectory(prefix="incident-archive-forge-") as folder:
        # A fresh output folder: what was built before can hide a source that no longer compiles.
        out = Path(folder) / "out"
        options = ["--force", "--out", str(out), "--cache-path", str(Path(folder) / "cache"), "--skip", "test"]
        done = services.forge(["build", *options, "--skip", "script"], capture=True)
        if done.returncode != 0:
            raise services.ServiceError(f"forge build failed:\n{done.stdout}\n{done.stderr}")
        built = json.loads((out / "IncidentRegistry.sol" / "IncidentRegistry.json").read_text())
    settings = built["metadata"]["settings"]
    bytecode = built["bytecode"]["object"]
    deployed = built["deployedBytecode"]["object"]
    sources = {path: {"content": (services.CONTRACTS / path).read_text()} for path in built["metadata"]["sources"]}
    told = {key: value for key, value in settings.items() if key != "compilationTarget"}
    told["outputSelection"] = {"*": {"*": ["abi", "metadata", "evm.bytecode", "evm.deployedBytecode"]}}
    artifact = {
        "contract": "IncidentRegistry",
        "compiler": built["metadata"]["compiler"]["version"],
        "evm_version": settings["evmVersion"],
        "optimizer": {"runs": settings["optimizer"]["runs"], "via_ir": bool(settings.get("viaIR", False))},
        "abi": built["abi"],
        "bytecode": bytecode,
        "deployed_bytecode": deployed,
        "sha256": hashlib.sha256(bytes.fromhex(bytecode[2:])).hexdigest(),
        "code_hash": "0x" + keccak(bytes.fromhex(deployed[2:])).hex(),
    }
    return artifact, {"language": "Solidity", "sources": sources, "settings": told}


def sizes(artifact: dict[str, Any]) -> dict[str, int]:
    """Bytes of the creation and of the deployed code."""
    return {name: len(artifact[name]) // 2 - 1 for name in ("bytecode", "deployed_bytecode")}


def measure_gas(artifact: dict[str, Any]) -> dict[str, int]:
    """Gas used by whole transactions on Anvil: the deployment, a first revision, a later one, a batch, the other acts.

    The arguments are keccak values, so that calldata has the usual share of non-zero bytes; `previous` of a first
    revision is zero.
    """
    with services.anvil() as node:

        def send(**transaction: str) -> dict[str, object]:
            receipt = node.send(**transaction)
            if receipt["status"] != "0x1":
                raise services.ServiceError(f"the transaction failed: {receipt}")
            return receipt

        def anchor(*words: bytes) -> int:
            call = keccak(b"anchor(bytes32,bytes32,bytes32,bytes32)")[:4] + b"".join(words)
            return int(str(send(to=registry, data="0x" + call.hex())["gasUsed"]), 16)

        deployed = send(data=artifact["bytecode"])
        registry = str(deployed["contractAddress"])

        def act(signature: str, *words: bytes) -> int:
            call = keccak(signature.encode())[:4] + b"".join(words)
            return int(str(send(to=registry, data="0x" + call.hex())["gasUsed"]), 16)

        incident, first, second = keccak(b"incident"), keccak(b"first"), keccak(b"second")
        reason = b"rows 12 to 40 were misread"
        text = (64).to_bytes(32, "big") + len(reason).to_bytes(32, "big") + reason.ljust(32, b"\0")
        return {
            "deploy": int(str(deployed["gasUsed"]), 16),
            "anchor_first": anchor(incident, first, bytes(32), keccak(b"content 1")),
            "anchor_later": anchor(incident, second, first, keccak(b"content 2")),
            "anchor_batch": act("anchorBatch(bytes32,uint256)", keccak(b"batch"), (2**24).to_bytes(32, "big")),
            "endorse": act("endorse(bytes32)", first),
            "withdraw": act("withdraw(bytes32)", first),
            "retract": act("retract(bytes32,string)", first, text),
            "cancel": act("cancel(bytes32)", keccak(b"digest")),
        }


def _dump(value: object) -> str:
    return json.dumps(value, indent=2) + "\n"


def _difference(path: Path, wanted: str) -> str | None:
    committed = path.read_text() if path.exists() else None
    if committed == wanted:
        return None
    name = path.relative_to(services.PROJECT)
    return f"{name} {'is missing' if committed is None else 'differs from what the sources give'}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--check", action="store_true", help="compare instead of writing")
    choice.add_argument("--gas", action="store_true", help="only print the gas of real transactions")
    options = parser.parse_args()
    try:
        artifact, source_input = compile_registry()
        gas = measure_gas(artifact)
    except services.ServiceError as error:
        print(f"build_contracts: error: {error}", file=sys.stderr)
        return 1
    if options.gas:
        print(_dump(gas), end="")
        return 0
    outputs = {
        ARTIFACT: _dump(artifact),
        INPUT: _dump(source_input),
        GAS_SNAPSHOT: _dump(gas),
        SIZE_SNAPSHOT: _dump(sizes(artifact)),
    }
    problems = [
        f"{name} costs {gas[name]:,} gas, the limit is {limit:,}"
        for name, limit in GAS_LIMITS.items()
        if gas[name] >= limit
    ]
    if options.check:
        problems += [found for path, text in outputs.items() if (found := _difference(path, text))]
    else:
        for path, text in outputs.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            print(f"wrote {path.relative_to(services.PROJECT)}")
    for problem in problems:
        print(f"build_contracts: error: {problem}", file=sys.stderr)
    if problems:
        if options.check:
            print("build_contracts: hint: run `make contracts` and commit what it writes", file=sys.stderr)
        return 1
    print(f"registry: {sizes(artifact)['deployed_bytecode']} bytes, code hash {artifact['code_hash']}")
    print(f"anchor gas: first revision {gas['anchor_first']:,}, later revision {gas['anchor_later']:,}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
