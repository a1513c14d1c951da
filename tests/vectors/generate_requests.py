"""Writes `requests.json` and `batches.json` beside this file; `--check` compares, and exits 1 where they differ.

Both are read by pytest and by Foundry's tests of the contract: a request that is valid here must be accepted there, by
the very calldata given, and an invalid one refused. Signatures come from eth-account, not from the code under test.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_hash.auto import keccak

from archive.chain import registry
from archive.chain.batch import Batch, Member
from archive.chain.eip712 import Act, AnchorAct, EndorseAct, Request, RetractAct

HERE = Path(__file__).parent
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
REGISTRY = "0x" + keccak(b"a registry")[:20].hex()
OTHER_REGISTRY = "0x" + keccak(b"another registry")[:20].hex()
KEY = keccak(b"the key of a publisher in tests")
OTHER_KEY = keccak(b"the key of somebody else in tests")
DEADLINE = 2_000_000_000


def signed(request: Request, key: bytes = KEY) -> Request:
    typed = request.typed_data()
    return replace(request, signature=bytes(Account.sign_typed_data(key, full_message=typed).signature))


def requests() -> list[dict[str, Any]]:
    account = Account.from_key(KEY).address.lower()
    call = registry.AnchorCall(keccak(b"incident"), keccak(b"root"), bytes(32), keccak(b"content"))
    later = replace(call, root=keccak(b"root 2"), previous=keccak(b"root"))
    acts: dict[str, Act] = {
        "anchor": AnchorAct(account, call),
        "anchor with a previous root": AnchorAct(account, later),
        "endorse": EndorseAct(account, keccak(b"root")),
        "withdraw": EndorseAct(account, keccak(b"root"), "withdraw"),
        "retract": RetractAct(account, keccak(b"root"), "rows 12 to 40 were misread"),
        "retract, a reason of 32 bytes": RetractAct(account, keccak(b"root"), "x" * 32),
        "retract, a reason of 512 bytes in Chinese and Latin": RetractAct(account, keccak(b"root"), "错" * 170 + "ab"),
    }
    out = []
    for name, act in acts.items():
        for chain_id in (56, 97, 2**53 - 1):
            out.append(told(f"{name}, chain {chain_id}", signed(Request(chain_id, REGISTRY, act, DEADLINE))))
    good = signed(Request(97, REGISTRY, acts["anchor"], DEADLINE))
    assert good.signature is not None
    r, s, v = good.signature[:32], int.from_bytes(good.signature[32:64], "big"), good.signature[64]
    bad = {
        "high s": r + (ORDER - s).to_bytes(32, "big") + bytes([55 - v]),
        "other parity": good.signature[:64] + bytes([55 - v]),
        "v of 0 or 1": good.signature[:64] + bytes([v - 27]),
        "v of 29": good.signature[:64] + bytes([29]),
        "one byte short": good.signature[:64],
        "one byte more": good.signature + b"\0",
        "compact, 64 bytes": r + (s | (v - 27) << 255).to_bytes(32, "big"),
        "zero r": bytes(32) + good.signature[32:],
        "zero s": r + bytes(32) + bytes([v]),
        "r of the order": ORDER.to_bytes(32, "big") + good.signature[32:],
        "all zero": bytes(65),
        "signed for another chain": signed(replace(good, chain_id=56)).signature,
        "signed for another registry": signed(replace(good, registry=OTHER_REGISTRY)).signature,
        "signed with another deadline": signed(replace(good, deadline=DEADLINE + 1)).signature,
        "signed by another key": signed(good, OTHER_KEY).signature,
        "signed as an endorsement": signed(replace(good, act=acts["endorse"])).signature,
        "signed with another root": signed(replace(good, act=AnchorAct(account, later))).signature,
    }
    out += [told(name, replace(good, signature=signature), "request.signature") for name, signature in bad.items()]
    nobody = replace(good, act=AnchorAct("0x" + "00" * 20, call), signature=bytes(65))
    out.append(told("for address zero", nobody, "request.signature"))
    return out


def told(name: str, request: Request, code: str | None = None) -> dict[str, Any]:
    return {
        "name": name,
        "input": request.to_json(),
        "expected": "valid" if code is None else "invalid",
        "code": code,
        "output": {
            "struct_hash": "0x" + request.struct_hash().hex(),
            "digest": "0x" + request.digest().hex(),
            "calldata": "0x" + request.relay_call().hex(),
        },
    }


def batches() -> list[dict[str, Any]]:
    out = []
    for count in (1, 2, 3, 4, 5, 7, 8, 13):
        members = [Member(*(keccak(f"{word} {i}".encode()) for word in ("id", "root", "cid"))) for i in range(count)]
        batch = Batch(members)
        places = [batch.place(member) for member in members]
        out.append(
            {
                "name": f"batch of {count}",
                "input": {
                    "members": [
                        {
                            "incident_key": "0x" + member.incident.hex(),
                            "root": "0x" + member.root.hex(),
                            "content_digest": "0x" + member.content_digest.hex(),
                        }
                        for member in members
                    ]
                },
                "expected": "valid",
                "code": None,
                "output": {
                    "root": "0x" + batch.root.hex(),
                    "leaves": ["0x" + member.leaf().hex() for member in members],
                    "indexes": [place.index for place in places],
                    "paths": [["0x" + node.hex() for node in place.path] for place in places],
                },
            }
        )
    return out


FILES = {
    "requests": ("A signed request → its EIP-712 hashes and the calldata of the relay.", requests),
    "batches": ("Members → root of their batch, and each one's leaf, index and path.", batches),
}


def main() -> int:
    differ = []
    for name, (description, make) in FILES.items():
        path = HERE / f"{name}.json"
        value = {"format": "incident-archive/1", "description": description, "vectors": make()}
        text = json.dumps(value, ensure_ascii=False, indent=1) + "\n"
        if "--check" not in sys.argv[1:]:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            differ.append(path.name)
    if differ:
        sys.stderr.write(f"vectors differ from what the code makes: {', '.join(differ)}\n")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
