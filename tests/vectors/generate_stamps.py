"""Writes stamps.json. Keys are made anew, so each run gives other tokens with the same verdicts: run it when
the format changes, not to compare.

python tests/vectors/generate_stamps.py
"""

from __future__ import annotations

import base64
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

from archive.stamps import cms, ots
from archive.stamps.entries import OtsStamp, Rfc3161Stamp, Token, subject_message
from tests.support.clocks import Authority, Bitcoin, Calendar, mine

ROOT = "5a" * 32
NONCE = bytes(range(16))
FILE = Path(__file__).with_name("stamps.json")


def token(authority: Authority, message: bytes) -> Token:
    request = TimestampRequestBuilder(data=message, hash_algorithm=HashAlgorithm.SHA256).build()
    made = cms.parse_response(authority.reply(request.as_bytes()))[2]
    assert made is not None
    return Token("example", request.nonce, made)


def changed(value: dict[str, Any], key: str, place: int) -> dict[str, Any]:
    data = bytearray(base64.b64decode(value[key]))
    data[place] ^= 1
    return {**value, key: base64.b64encode(bytes(data)).decode()}


def main() -> None:
    cases: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        one, two = Authority(Path(name) / "1"), Authority(Path(name) / "2", name="Second")
        first = Rfc3161Stamp(token(one, subject_message(ROOT)))
        message = first.renewal_message(subject_message(ROOT), 0)
        renewed = Rfc3161Stamp(first.first, (token(two, message),))
        good = first.to_json()
        known = [one.root_pem]
        both = [one.root_pem, two.root_pem]

        def rfc(
            case: str, stamp: dict[str, Any], roots: list[str], status: str, code: str | None, root: str = ROOT
        ) -> None:
            cases.append(
                {
                    "name": case,
                    "root": root,
                    "stamp": stamp,
                    "roots": roots,
                    "bitcoin": [],
                    "status": status,
                    "code": code,
                }
            )

        rfc("a token, its root trusted", good, known, "pass", None)
        rfc("a token, no root trusted", good, [], "unchecked", "stamp.rfc3161.chain")
        rfc("a token, another root trusted", good, [two.root_pem], "unchecked", "stamp.rfc3161.chain")
        rfc("a token of another root", good, known, "fail", "stamp.rfc3161.imprint", "5b" * 32)
        rfc("another nonce", {**good, "nonce": "0x7"}, known, "fail", "stamp.rfc3161.nonce")
        rfc("a flipped signature", changed(good, "token", -3), known, "fail", "stamp.rfc3161.signature")
        rfc("a flipped signature, no root trusted", changed(good, "token", -3), [], "fail", "stamp.rfc3161.signature")
        rfc("a token cut short", {**good, "token": good["token"][:400]}, known, "fail", "stamp.rfc3161.der")
        rfc("renewed by another authority", renewed.to_json(), both, "pass", None)
        rfc("only the renewal's root trusted", renewed.to_json(), [two.root_pem], "pass", None)
        other = {**renewed.to_json(), "token": token(one, subject_message(ROOT)).to_json()["token"]}
        other["nonce"] = None
        rfc("a renewal of another token", other, both, "fail", "stamp.rfc3161.imprint")
        rfc("a key of a later version", {**good, "verified": True}, known, "unchecked", "stamp.unknown")
        rfc("a key missing", {k: v for k, v in good.items() if k != "ocsp"}, known, "fail", "stamp.malformed")

    calendar = Calendar(Bitcoin(), "https://calendar.example")
    answer = calendar.handle("POST", "/digest", ots.nonced_digest(ROOT, NONCE))[1]
    pending = ots.new_proof(ROOT, [(calendar.url, answer)], NONCE)
    height = calendar.confirm(at=1_760_140_800)
    complete, _ = ots.complete(pending, lambda p: calendar.handle("GET", f"/timestamp/{p.commitment.hex()}", b"")[1])
    header = calendar.chain.headers[height]

    def ots_case(
        case: str, proof: bytes, headers: list[bytes], status: str, code: str | None, root: str = ROOT
    ) -> None:
        bitcoin = [{"height": height, "header": h.hex()} for h in headers]
        stamp = OtsStamp(proof).to_json()
        cases.append(
            {
                "name": case,
                "root": root,
                "stamp": stamp,
                "roots": [],
                "bitcoin": bitcoin,
                "status": status,
                "code": code,
            }
        )

    ots_case("complete, its block known", complete, [header], "pass", None)
    ots_case("complete, no block known", complete, [], "unchecked", "stamp.opentimestamps.block")
    ots_case("complete, another block there", complete, [mine(b"x" * 32, 7)], "fail", "stamp.opentimestamps.block")
    ots_case(
        "no work on the header", complete, [header[:75] + b"\x03" + header[76:]], "fail", "stamp.opentimestamps.block"
    )
    ots_case("pending, its block known", pending, [header], "unchecked", "stamp.opentimestamps")
    ots_case("of another root", complete, [header], "fail", "stamp.opentimestamps.subject", "5b" * 32)
    ots_case("cut short", complete[:-3], [header], "fail", "stamp.opentimestamps")
    ots_case("bytes after the end", complete + b"\x00", [header], "fail", "stamp.opentimestamps")
    version = bytearray(complete)
    version[31] = 2
    ots_case("a later version", bytes(version), [header], "unchecked", "stamp.opentimestamps")
    about = (
        "Stamps over a root and what a verifier that trusts `roots` (PEM) and has the headers of `bitcoin` (of "
        "a chain as easy as regtest, taken to prove time) says: `status` of the stamp, and `code` of the first check "
        "that is not pass, or null"
    )
    FILE.write_text(json.dumps({"about": about, "cases": cases}, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
