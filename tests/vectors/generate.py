"""Writes the vectors of format 1 beside this file. `--check` compares instead, and exits 1 where they differ.

The expected verdicts and codes are written down here by hand; the values (hashes, CIDs, CARs) come from the
implementation, which tests hold against independent ones: pymerkle, mmh3, Kubo, the RFC 8785 vectors.
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from eth_hash.auto import keccak

from archive import reveal
from archive.package import build, canonical, car, carfile, entries, manifest, merkle, rows, seal, unixfs, varint
from archive.package import cid as cids
from archive.package.hashing import digest_bytes
from archive.package.murmur3 import murmur3_x64_64

HERE = Path(__file__).parent
Vector = dict[str, Any]
MIB = 1024 * 1024


def vector(name: str, data: object, code: str | None = None, output: object = None) -> Vector:
    """One vector: valid with an output, or invalid with a code."""
    out: Vector = {"name": name, "input": data, "expected": "valid" if code is None else "invalid", "code": code}
    if output is not None:
        out["output"] = output
    return out


# ---------------------------------------------------------------- canonical JSON


def canonical_vectors() -> list[Vector]:
    good = {
        "empty object": b"{}",
        "whitespace goes": b' { "b" : [ 1 , true , null ] , "a" : "x" } ',
        "keys sort by UTF-16 code units": '{"\ufb01":1,"\U0001f600":2,"z":3,"é":4,"":5}'.encode(),
        "escapes become shortest": b'"\\u0041\\/\\u000a\\u001f\\u20ac\\b\\t"',
        "escaped surrogate pair": b'"\\ud83d\\ude00"',
        "largest integers": b"[9007199254740991,-9007199254740991,0]",
        "amount as text": b'{"price":"0.10"}',
        "delete character stays": b'"\x7f"',
        "Unicode 14 text": '"\U0001f9cc 测试 é"'.encode(),
        "depth 32": b"[" * 32 + b"]" * 32,
        "brackets inside text do not count": b'["' + b"[" * 40 + b'\\""]',
    }
    bad = {
        "float": (b"1.5", "canonical.float"),
        "float that is whole": (b"1.0", "canonical.float"),
        "exponent": (b"1e3", "canonical.float"),
        "negative zero": (b"[-0]", "canonical.negative_zero"),
        "negative zero as float": (b"-0.0", "canonical.float"),
        "NaN": (b"[NaN]", "canonical.constant"),
        "Infinity": (b"-Infinity", "canonical.constant"),
        "2^53": (b"9007199254740992", "canonical.integer_range"),
        "minus 2^53": (b"-9007199254740992", "canonical.integer_range"),
        "duplicate key": (b'{"a":1,"a":1}', "canonical.duplicate_key"),
        "duplicate key by escape": (b'{"a":1,"\\u0061":2}', "canonical.duplicate_key"),
        "trailing data": (b"{}{}", "canonical.trailing"),
        "nothing": (b"", "canonical.syntax"),
        "cut off": (b'{"a":', "canonical.syntax"),
        "trailing comma": (b"[1,]", "canonical.syntax"),
        "control character in text": (b'"\x01"', "canonical.syntax"),
        "byte order mark": (b"\xef\xbb\xbf{}", "canonical.bom"),
        "not UTF-8": (b'"\xff"', "canonical.encoding"),
        "surrogate in UTF-8": (b'"\xed\xa0\x80"', "canonical.encoding"),
        "lone surrogate": (b'"\\ud800"', "canonical.surrogate"),
        "lone surrogate in a key": (b'{"\\udfff":1}', "canonical.surrogate"),
        "not NFC": ('"e\u0301"'.encode(), "canonical.not_nfc"),
        "not NFC by escape": (b'"e\\u0301"', "canonical.not_nfc"),
        "composition exclusion is not NFC": ('"\ufb33"'.encode(), "canonical.not_nfc"),
        "unassigned": ('"\u0378"'.encode(), "canonical.unassigned"),
        "assigned only since Unicode 15": ('"\U0001fae8"'.encode(), "canonical.unassigned"),
        "noncharacter": ('"\uffff"'.encode(), "canonical.unassigned"),
        "depth 33": (b"[" * 33 + b"]" * 33, "canonical.depth"),
    }
    out = []
    for name, data in good.items():
        value = canonical.loads(data, max_bytes=10_000)
        out.append(vector(name, {"json_hex": data.hex()}, None, {"canonical_hex": canonical.dumps(value).hex()}))
    return out + [vector(name, {"json_hex": data.hex()}, code) for name, (data, code) in bad.items()]


# ---------------------------------------------------------------- Merkle tree


def merkle_vectors() -> list[Vector]:
    out = []
    for count in (1, 2, 3, 4, 5, 7, 8, 11, 64, 65):
        data = [b"", *(bytes([n]) * n for n in range(1, count))]
        leaves = [merkle.leaf_hash(item) for item in data]
        root = merkle.merkle_root(leaves).hex()
        out.append(vector(f"root of {count} leaves", {"leaf_data_hex": [d.hex() for d in data]}, None, {"root": root}))
    data = [bytes([n]) for n in range(11)]
    leaves = [merkle.leaf_hash(item) for item in data]
    root = merkle.merkle_root(leaves).hex()

    def proof(index: int, path: list[bytes], count: int = 11, leaf: bytes | None = None) -> dict[str, Any]:
        return {
            "leaf_hash": (leaf or leaves[index]).hex(),
            "index": index,
            "count": count,
            "path": [item.hex() for item in path],
            "root": root,
        }

    for index in (0, 7, 8, 10):
        out.append(vector(f"path of leaf {index} of 11", proof(index, merkle.inclusion_path(leaves, index))))
    path = merkle.inclusion_path(leaves, 3)
    out += [
        vector("path too short", proof(3, path[:-1]), "merkle.path_length"),
        vector("path too long", proof(3, [*path, bytes(32)]), "merkle.path_length"),
        vector("index past the end", {**proof(3, path), "index": 11}, "merkle.index"),
        vector("hash of 31 bytes", proof(3, [path[0][:-1], *path[1:]]), "merkle.hash_size"),
        vector("another leaf", proof(3, path, leaf=leaves[4]), "merkle.root_mismatch"),
        vector("another index", {**proof(3, path), "index": 2}, "merkle.root_mismatch"),
        vector("siblings swapped", proof(3, [path[1], path[0], *path[2:]]), "merkle.root_mismatch"),
        vector(
            "node passed off as a leaf",
            {**proof(0, path[1:]), "leaf_hash": merkle.leaf_hash(leaves[2] + leaves[3]).hex(), "index": 1, "count": 6},
            "merkle.root_mismatch",
        ),
    ]
    return out


# ---------------------------------------------------------------- entries and manifest


def header(**changes: object) -> dict[str, Any]:
    value = dict(entries.Header("2025-10-11-example", 1, None, 4, "0x" + "ab" * 20).to_json())
    return {**value, **changes}


def evidence(**changes: object) -> dict[str, Any]:
    value = dict(entries.EvidenceEntry("a", "evidence/a.csv", "text/csv", 3, "11" * 32).to_json())
    return {**value, **changes}


def without(value: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: item for name, item in value.items() if name != key}


RECORD = dict(entries.RecordEntry(2, "22" * 32).to_json())
WITHHELD = dict(entries.WithheldEntry("33" * 32).to_json())
ROWS = {"rows_root": "66" * 32, "rows_count": 3}
BLOCK = {"chain": "eip155:56", "height": 1, "hash": "0x" + "44" * 32}


def entry_vectors() -> list[Vector]:
    good = {
        "header": header(),
        "header with nulls, revision 2": header(revision=2, previous_root="55" * 32, publisher=None),
        "header with a block": header(not_before=[BLOCK]),
        "record": RECORD,
        "evidence": evidence(),
        "evidence, largest size": evidence(size=2**53 - 1),
        "evidence, path in Chinese": evidence(path="evidence/测试 1.csv"),
        "evidence, media type with a parameter": evidence(media_type="text/csv; charset=utf-8"),
        "withheld": WITHHELD,
        "withheld with rows": {**WITHHELD, **ROWS},
        "withheld with the most rows": {**WITHHELD, **ROWS, "rows_count": 2**40},
    }
    bad = {
        "no type": (without(evidence(), "type"), "manifest.missing_key"),
        "unknown type": (evidence(type="hologram"), "manifest.unknown_entry_type"),
        "unknown format": (header(format="incident-archive/2"), "manifest.unknown_format"),
        "unknown hash": (header(hash="blake3"), "manifest.unknown_hash"),
        "unknown key": (evidence(colour="red"), "manifest.unknown_key"),
        "withheld with rows_root only": ({**WITHHELD, "rows_root": "0" * 64}, "manifest.missing_key"),
        "withheld with rows_count only": ({**WITHHELD, "rows_count": 3}, "manifest.missing_key"),
        "withheld with no rows": ({**WITHHELD, **ROWS, "rows_count": 0}, "manifest.bad_value"),
        "withheld with too many rows": ({**WITHHELD, **ROWS, "rows_count": 2**40 + 1}, "manifest.bad_value"),
        "withheld with a count as text": ({**WITHHELD, **ROWS, "rows_count": "3"}, "manifest.type"),
        "withheld with rows that are null": ({**WITHHELD, "rows_root": None, "rows_count": None}, "manifest.type"),
        "withheld with content": ({**WITHHELD, "path": "evidence/a.csv"}, "manifest.unknown_key"),
        "rows of an open file": (evidence(**ROWS), "manifest.unknown_key"),
        "missing key": (without(evidence(), "size"), "manifest.missing_key"),
        "null left out": (without(header(), "publisher"), "manifest.missing_key"),
        "id with capitals": (evidence(id="A"), "manifest.bad_value"),
        "id of 65": (evidence(id="a" * 65), "manifest.bad_value"),
        "incident with a slash": (header(incident="a/b"), "manifest.bad_value"),
        "revision 0": (header(revision=0), "manifest.bad_value"),
        "revision as text": (header(revision="1"), "manifest.type"),
        "revision as boolean": (header(revision=True), "manifest.type"),
        "revision 1 after another": (header(previous_root="0" * 64), "manifest.bad_value"),
        "publisher in capitals": (header(publisher="0x" + "AB" * 20), "manifest.bad_value"),
        "root with prefix": (header(revision=2, previous_root="0x" + "0" * 64), "manifest.bad_value"),
        "one leaf": (header(leaf_count=1), "manifest.bad_value"),
        "65,537 leaves": (header(leaf_count=65_537), "manifest.bad_value"),
        "header above 8 KiB": (header(not_before=[BLOCK] * 200), "manifest.header_too_large"),
        "chain not CAIP-2": (header(not_before=[{**BLOCK, "chain": "bsc"}]), "manifest.bad_value"),
        "record elsewhere": ({**RECORD, "path": "r.json"}, "manifest.bad_value"),
        "record above 4 MiB": ({**RECORD, "size": 4 * MIB + 1}, "manifest.record_too_large"),
        "size 2^53": (evidence(size=2**53), "manifest.bad_value"),
        "negative size": (evidence(size=-1), "manifest.bad_value"),
        "hash in capitals": (evidence(sha256="AA" * 32), "manifest.bad_value"),
        "media type without slash": (evidence(media_type="csv"), "manifest.bad_value"),
        "path with ..": (evidence(path="a/../b"), "manifest.path_dots"),
        "path with .": (evidence(path="./b"), "manifest.path_dots"),
        "absolute path": (evidence(path="/etc/passwd"), "manifest.path_absolute"),
        "empty path": (evidence(path=""), "manifest.path_empty"),
        "empty segment": (evidence(path="a//b"), "manifest.path_empty"),
        "backslash": (evidence(path="a\\b"), "manifest.path_characters"),
        "zero byte": (evidence(path="a\x00b"), "manifest.path_characters"),
        "C1 control": (evidence(path="a\x85b"), "manifest.path_characters"),
        "right-to-left override": (evidence(path="a\u202egpj.exe"), "manifest.path_characters"),
        "path of 1,025 bytes": (evidence(path="/".join(["a"] * 513)), "manifest.path_too_long"),
        "segment of 256 bytes": (evidence(path="é" * 128), "manifest.path_too_long"),
        "path of the manifest": (evidence(path="manifest.json"), "manifest.path_reserved"),
        "path of the record, other case": (evidence(path="Record.json"), "manifest.path_reserved"),
        "path not NFC": (evidence(path="e\u0301"), "canonical.not_nfc"),
        "path not Unicode 14": (evidence(path="\U0001fae8"), "canonical.unassigned"),
    }
    out = []
    for name, value in good.items():
        entry = entries.parse_entry(value)
        leaf = {"leaf_data": entries.leaf_data(entry).decode(), "leaf_hash": entries.leaf_hash(entry).hex()}
        out.append(vector(name, value, None, leaf))
    return out + [vector(name, value, code) for name, (value, code) in bad.items()]


def manifest_vectors() -> list[Vector]:
    b = evidence(id="b", path="evidence/b.csv")
    base = [header(), RECORD, evidence(), WITHHELD]

    def text(leaves: list[dict[str, Any]], **more: object) -> dict[str, str]:
        counted = [{**leaves[0], "leaf_count": len(leaves)}, *leaves[1:]]
        data = canonical.dumps({"header": counted[0], "entries": counted[1:], **more})
        return {"manifest": data.decode()}

    def good(name: str, leaves: list[dict[str, Any]]) -> Vector:
        data = text(leaves)
        parsed = manifest.parse_manifest(data["manifest"].encode())
        hashes = [item.hex() for item in parsed.leaf_hashes()]
        return vector(name, data, None, {"root": parsed.root(), "leaf_hashes": hashes})

    raw = text(base)["manifest"]
    return [
        good("record only", base[:2]),
        good("open and withheld", base),
        good("paths by UTF-8 bytes", [*base[:2], *(evidence(id=f"e{n}", path=p) for n, p in enumerate("Zaé測😀"))]),
        vector("not canonical", {"manifest": raw.replace(":", ": ", 1)}, "canonical.not_canonical"),
        vector("cut off", {"manifest": raw[:-1]}, "canonical.syntax"),
        vector("leaf count lies", {"manifest": raw.replace('leaf_count":4', 'leaf_count":5')}, "manifest.leaf_count"),
        vector("no record", text([base[0], *base[2:]]), "manifest.no_record"),
        vector("record twice", text([*base[:2], RECORD]), "manifest.order"),
        vector("header twice", text([*base[:2], header()]), "manifest.order"),
        vector("evidence out of order", text([*base[:2], b, evidence()]), "manifest.order"),
        vector("withheld before open", text([*base[:2], WITHHELD, evidence()]), "manifest.order"),
        vector(
            "withheld out of order",
            text([*base, {"type": "withheld", "commitment": "22" * 32}]),
            "manifest.order",
        ),
        vector("commitment twice", text([*base, WITHHELD]), "manifest.duplicate_commitment"),
        vector("id twice", text([*base[:3], {**b, "id": "a"}]), "manifest.duplicate_id"),
        vector("path twice", text([*base[:3], {**b, "path": "evidence/a.csv"}]), "manifest.duplicate_path"),
        vector(
            "paths that differ by case",
            text([*base[:2], {**b, "path": "evidence/A.csv"}, evidence()]),
            "manifest.path_collision",
        ),
        vector(
            "folders that differ by case",
            text([*base[:2], {**b, "path": "Evidence/x.csv"}, evidence()]),
            "manifest.path_collision",
        ),
        vector(
            "ß and ss",
            text([*base[:2], evidence(path="MASSE"), {**b, "path": "Maße"}]),
            "manifest.path_collision",
        ),
        vector(
            "file and folder", text([*base[:2], evidence(path="x"), {**b, "path": "x/y"}]), "manifest.path_conflict"
        ),
        vector("root inside", text(base, root="0" * 64), "manifest.unknown_key"),
        vector(
            "a later format",
            text([header(format="incident-archive/2"), *base[1:]], novel=1),
            "manifest.unknown_format",
        ),
        vector("an unknown leaf", text([*base[:2], evidence(type="hologram")]), "manifest.unknown_entry_type"),
    ]


# ---------------------------------------------------------------- UnixFS


def pattern(size: int) -> bytes:
    """Byte i is i mod 251, which repeats out of step with the chunks, so no two chunks are alike."""
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def unixfs_vectors() -> list[Vector]:
    out = []
    for size in (0, 1, 250, 4096, MIB - 1, MIB, MIB + 1, 2 * MIB, 3 * MIB + 7):
        digest = digest_bytes(pattern(size))
        found = {"cid": digest.cid, "tsize": digest.tsize, "sha256": digest.sha256}
        out.append(vector(f"file of {size:,} bytes i mod 251", {"file": {"size": size, "modulus": 251}}, None, found))
    for chunks in (1024, 1025, 2049):
        builder = unixfs.FileBuilder()
        chunk = cids.raw_cid(bytes(MIB))
        for _ in range(chunks):
            builder.add_chunk(chunk, MIB)
        root = builder.finish()
        found = {"cid": cids.to_text(root.cid), "tsize": root.tsize}
        out.append(vector(f"file of {chunks:,} chunks of zeros", {"zero_chunks": chunks}, None, found))
    one = digest_bytes(b"1")
    trees: dict[str, list[str]] = {
        "one file": ["a"],
        "names sort by bytes": ["b", "a-b", "a/x", "B", "é", "測/試", "😀"],
        "the same folder twice": ["one/x", "two/x"],
    }
    for name, paths in trees.items():
        rows = [{"path": path, "cid": one.cid, "tsize": one.tsize} for path in paths]
        result = unixfs.directory(dict.fromkeys(paths, (one.cid, one.tsize)))
        found = {"cid": result.cid, "tsize": result.tsize, "blocks_hex": [block.hex() for _, block in result.blocks]}
        out.append(vector(f"folder: {name}", {"directory": rows}, None, found))
    for count in (4_443, 4_444, 20_000):
        names = [f"file-{number:06}.bin" for number in range(count)]
        result = unixfs.directory(dict.fromkeys(names, (one.cid, one.tsize)))
        rule = {"count": count, "name": "file-%06d.bin, from 0", "cid": one.cid, "tsize": one.tsize}
        found = {"cid": result.cid, "tsize": result.tsize, "blocks": len(result.blocks)}
        out.append(vector(f"folder of {count:,} files", {"directory_of_many": rule}, None, found))
    for text in ("", "a", "hello", "file-000001.bin", "0123456789abcdef", "0123456789abcdef0", "測試.csv"):
        digest8 = murmur3_x64_64(text.encode()).hex()
        out.append(vector(f"murmur3-x64-64 of {text!r}", {"murmur3": text}, None, {"hash": digest8}))
    conflict = [{"path": path, "cid": one.cid, "tsize": 1} for path in ("a", "a/b")]
    out.append(vector("file and folder", {"directory": conflict}, "unixfs.path_conflict"))
    for name, text in {
        "CIDv0": "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG",
        "capitals": one.cid.upper(),
        "stray bits at the end": one.cid[:-1] + chr(ord(one.cid[-1]) + 1),
    }.items():
        out.append(vector(f"CID: {name}", {"directory": [{"path": "a", "cid": text, "tsize": 1}]}, "cid.syntax"))
    other = cids.to_text(b"\x01\x71\x12\x20" + bytes(32))
    out.append(vector("CID: dag-cbor", {"directory": [{"path": "a", "cid": other, "tsize": 1}]}, "cid.unsupported"))
    return out


# ---------------------------------------------------------------- commitments, keys, batch leaves


def commitment_vectors() -> list[Vector]:
    out = []
    seeds = {"00" * 32: 1, bytes(range(32)).hex(): 12}
    for seed, revision in seeds.items():
        for value in (evidence(), evidence(id="chat-log", path="evidence/聊天.txt", media_type="text/plain")):
            salt = seal.salt(bytes.fromhex(seed), revision, value["id"])
            entry = entries.parse_entry(value)
            assert isinstance(entry, entries.EvidenceEntry)
            found = {"salt": salt.hex(), "commitment": seal.commitment(salt, entry)}
            data = {"seed": seed, "revision": revision, "entry": value}
            out.append(vector(f"{value['id']}, revision {revision}", data, None, found))
    out.append(vector("short seed", {"seed": "00", "revision": 1, "entry": evidence()}, "seal.seed"))
    return out


TABLES = {
    "three lines": b"time,price\n1,2\n3,4\n",
    "no line end at the end": b"time,price\n1,2\n3,4",
    "an empty line counts": b"a\n\nb\n",
    "CR belongs to the line": b"a\r\nb\r\n",
    "one line": b"a",
    "not UTF-8": b"\xff\xfe\n\x00\n",
    "eleven lines": b"".join(b"%d\n" % n for n in range(11)),
}


def row_vectors() -> list[Vector]:
    """Tables → root over their salted lines; reveals of one line, sound and not."""
    out: list[Vector] = []
    seed, revision, name = bytes(range(32)), 2, "orders"
    key = rows.row_key(seed, revision, name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table"
        for title, data in TABLES.items():
            path.write_bytes(data)
            tree = rows.digest_rows(path, key)
            table = {"seed": seed.hex(), "revision": revision, "id": name, "table_hex": data.hex()}
            found = {"rows_key": key.hex(), "rows_root": tree.root, "rows_count": tree.count}
            out.append(vector(title, table, None, found))
        path.write_bytes(b"")
        table = {"seed": seed.hex(), "revision": revision, "id": name, "table_hex": ""}
        out.append(vector("an empty table", table, "rows.empty"))
        path.write_bytes(TABLES["eleven lines"])
        made: list[dict[str, Any]] = []
        for index in (0, 7, 10):
            record, proof, tree = rows.prove_row(path, key, index)
            shown = reveal.RowReveal(
                "77" * 32,
                "33" * 32,
                tree.root,
                tree.count,
                index,
                rows.row_salt(key, index).hex(),
                record,
                tuple(node.hex() for node in proof),
            )
            made.append(json.loads(shown.to_bytes()))
            out.append(vector(f"line {index + 1} of 11", {"reveal": made[-1]}, None, {"rows_root": tree.root}))
    sound = made[1]
    bad: dict[str, tuple[dict[str, Any], str]] = {
        "another text": ({**sound, "record": b"8".hex()}, "reveal.row"),
        "another place": ({**sound, "index": 6}, "reveal.row"),
        "another salt": ({**sound, "salt": "00" * 32}, "reveal.row"),
        "another root": ({**sound, "rows_root": "00" * 32}, "reveal.row"),
        "path too short": ({**sound, "path": sound["path"][:-1]}, "merkle.path_length"),
        "path too long": ({**sound, "path": [*sound["path"], "00" * 32]}, "merkle.path_length"),
        "place past the end": ({**sound, "index": 11}, "reveal.bad_value"),
        "place as text": ({**sound, "index": "7"}, "reveal.bad_value"),
        "salt of 31 bytes": ({**sound, "salt": "00" * 31}, "reveal.bad_value"),
        "text that is not hex": ({**sound, "record": "7"}, "reveal.bad_value"),
        "a key too many": ({**sound, "seed": "00" * 32}, "reveal.keys"),
        "a key less": (without(sound, "commitment"), "reveal.keys"),
        "unknown format": ({**sound, "format": "incident-archive-reveal-row/2"}, "reveal.unknown_format"),
    }
    return out + [vector(title, {"reveal": value}, code) for title, (value, code) in bad.items()]


def key_vectors() -> list[Vector]:
    out = []
    for text in ("2025-10-11-binance-liquidations", "x"):
        found = {"incident_key": keccak(text.encode()).hex()}
        out.append(vector(f"incident key of {text}", {"incident": text}, None, found))
    key, root, digest = keccak(b"x"), bytes(range(32)), bytes(range(32, 64))
    found = {"batch_leaf": hashlib.sha256(b"\x00IA1-batch" + key + root + digest).hexdigest()}
    data = {"incident_key": key.hex(), "root": root.hex(), "content_digest": digest.hex()}
    out.append(vector("batch leaf", data, None, found))
    cid = cids.dag_pb_cid(b"x")
    data = {"content_id": cids.to_text(cid)}
    out.append(vector("content digest", data, None, {"content_digest": cid[4:].hex()}))
    data = {"content_id": cids.to_text(cids.raw_cid(b"x"))}
    out.append(vector("content digest of a single chunk", data, "cid.not_directory"))
    return out


# ---------------------------------------------------------------- a whole package, CARs

FILES = {"evidence/a.csv": "time,price\n1,2\n", "evidence/b/测试.txt": "测试\n", "evidence/c.txt": "withheld\n"}
PACKAGE_RECORD = {
    "id": "2025-10-11-example",
    "title": {"en": "Example", "zh-Hans": "示例"},
    "evidence": [
        {"id": "a", "path": "evidence/a.csv", "media_type": "text/csv"},
        {"id": "b", "path": "evidence/b/测试.txt", "media_type": "text/plain"},
        {"id": "c", "path": "evidence/c.txt", "media_type": "text/plain", "withheld": True, "note": "not shown"},
    ],
}


def make_package() -> tuple[build.Package, bytes]:
    with tempfile.TemporaryDirectory() as name:
        items = []
        for item in PACKAGE_RECORD["evidence"]:
            assert isinstance(item, dict)
            source = Path(name) / str(item["id"])
            source.write_bytes(FILES[str(item["path"])].encode())
            items.append(
                build.EvidenceInput(
                    str(item["id"]), str(item["path"]), str(item["media_type"]), source, bool(item.get("withheld"))
                )
            )
        inputs = build.PackageInput(PACKAGE_RECORD, "2025-10-11-example", 1, None, tuple(items))
        package = build.build_package(inputs, seal.Seal(bytes(range(32)), "0x" + "ab" * 20))
        sink = io.BytesIO()
        car.write_car(package, sink)
    return package, sink.getvalue()


def package_vectors() -> list[Vector]:
    package, data = make_package()
    given = {
        "seed": bytes(range(32)).hex(),
        "publisher": "0x" + "ab" * 20,
        "not_before": [],
        "incident": "2025-10-11-example",
        "revision": 1,
        "previous_root": None,
        "record": PACKAGE_RECORD,
        "files": FILES,
    }
    found = {
        "record_json": package.record_json.decode(),
        "manifest_json": package.manifest_json.decode(),
        "root": package.root,
        "content_id": package.content_id,
        "content_digest": package.content_digest.hex(),
        "directory": [{"path": path, "cid": cid, "tsize": tsize} for path, cid, tsize in package.directory],
        "car_hex": data.hex(),
        "car_sha256": hashlib.sha256(data).hexdigest(),
    }
    return [vector("a package with a withheld file", given, None, found)]


def section(cid: bytes, data: bytes) -> bytes:
    return varint.encode(len(cid) + len(data)) + cid + data


def forged_cars(blocks: list[tuple[bytes, bytes]]) -> dict[str, tuple[bytes, str]]:
    """CARs that are sound block by block and hold something that is no package."""
    known = dict(blocks)
    top = list(unixfs.decode_node(blocks[-1][1]).links)

    def folder(
        links: list[unixfs.Link], extra: list[bytes], name: bytes = b""
    ) -> tuple[unixfs.Link, dict[bytes, bytes]]:
        block = unixfs.encode_node(links, b"\x08\x01")
        own = {cids.raw_cid(data): data for data in extra} | {cids.dag_pb_cid(block): block}
        return unixfs.Link(name, cids.dag_pb_cid(block), len(block) + sum(link.tsize for link in links)), own

    def forged(links: list[unixfs.Link], *extra: bytes, more: dict[bytes, bytes] | None = None) -> bytes:
        root, own = folder(links, list(extra))
        used = {cid: data for cid, data in known.items() if cid != blocks[-1][0]} | (more or {}) | own
        return carfile.encode_header(root.cid) + b"".join(section(cid, data) for cid, data in used.items())

    def raw(name: bytes, data: bytes) -> unixfs.Link:
        return unixfs.Link(name, cids.raw_cid(data), len(data))

    symlink = b"\x0a\x0f\x08\x04\x12\x0b/etc/passwd"
    link = unixfs.Link(b"z", cids.dag_pb_cid(symlink), len(symlink))
    empty, empty_block = folder([], [], b"z")
    inner = [item for item in unixfs.decode_node(known[top[0].cid]).links if item.name != b"a.csv"]
    other = FILES["evidence/a.csv"].encode().upper()
    changed, changed_blocks = folder([raw(b"a.csv", other), *inner], [other], b"evidence")
    return {
        "a name that leaves the folder": (forged([raw(b"..", b"x"), *top], b"x"), "unixfs.bad_name"),
        "a name with slashes": (forged([raw(b"../x", b"x"), *top], b"x"), "unixfs.bad_name"),
        "a name with a backslash": (forged([*top, raw(b"z\\x", b"x")], b"x"), "manifest.path_characters"),
        "a symbolic link": (forged([*top, link], more={link.cid: symlink}), "unixfs.symlink"),
        "an empty folder": (forged([*top, empty], more=empty_block), "unixfs.empty_directory"),
        "a file too many": (forged([*top, raw(b"z", b"x")], b"x"), "package.unexpected_file"),
        "no record": (forged(top[:-1]), "package.missing_file"),
        "names out of order": (forged(top[::-1]), "unixfs.layout"),
        "the same name twice": (forged([*top, top[-1]]), "unixfs.duplicate_name"),
        "a file with other bytes": (forged([changed, *top[1:]], more=changed_blocks), "package.digest_mismatch"),
    }


def car_vectors() -> list[Vector]:
    package, data = make_package()
    reader = car.read_car(io.BytesIO(data))
    blocks = [(block.cid, block.data) for block in reader]
    head = carfile.encode_header(reader.root)
    cbor = head[1:]
    body = data[len(head) :]

    def rebuilt(parts: list[tuple[bytes, bytes]], start: bytes = head) -> bytes:
        return start + b"".join(section(cid, block) for cid, block in parts)

    def framed(header_bytes: bytes) -> bytes:
        return bytes([len(header_bytes)]) + header_bytes

    changed = bytearray(data)
    changed[-1] ^= 1
    more = section(cids.raw_cid(b"more"), b"more")
    link = cbor[8 : 8 + 41]
    bad = {
        "empty": (b"", "car.truncated"),
        "cut off in the header": (data[:20], "car.truncated"),
        "cut off in a block": (data[:-1], "car.truncated"),
        "last block missing": (rebuilt(blocks[:-1]), "car.missing_block"),
        "first block missing": (rebuilt(blocks[1:]), "car.missing_block"),
        "one bit changed": (bytes(changed), "car.bad_block_hash"),
        "two roots": (framed(b"\xa2\x65roots\x82" + link + link + b"\x67version\x01") + body, "car.roots"),
        "no root": (framed(b"\xa2\x65roots\x80\x67version\x01") + body, "car.roots"),
        "version 2": (framed(b"\xa1\x67version\x02") + body, "car.version"),
        "root is a single chunk": (
            carfile.encode_header(cids.raw_cid(b"x")) + section(cids.raw_cid(b"x"), b"x"),
            "car.root_not_directory",
        ),
        "a block too many": (data + more, "car.extra_block"),
        "identity CID": (data + section(b"\x01\x55\x00\x04", b"abcd"), "car.identity_cid"),
        "dag-cbor block": (data + section(b"\x01\x71\x12\x20" + bytes(32), b"\xa0"), "car.unknown_codec"),
        "blake2b block": (data + section(b"\x01\x55\xa0\xe4\x02\x20" + bytes(32), b"x"), "car.unknown_hash"),
        "CIDv0 block": (data + section(b"\x12\x20" + bytes(32), b"x"), "car.cid_version"),
        "length not in shortest form": (head + b"\x81\x80\x00", "car.bad_varint"),
        "length of 2^62": (head + b"\x80" * 8 + b"\x40", "car.block_too_large"),
        "zero length": (data + b"\x00", "car.bad_cid"),
    }
    bad |= forged_cars(blocks)
    return [
        vector("as written", {"car_hex": data.hex()}, None, {"root": package.root, "content_id": package.content_id}),
        vector(
            "blocks reversed and repeated",
            {"car_hex": rebuilt([*reversed(blocks), blocks[0]]).hex()},
            None,
            {"root": package.root, "content_id": package.content_id},
        ),
        *(vector(name, {"car_hex": content.hex()}, code) for name, (content, code) in bad.items()),
    ]


FILES_OF_VECTORS = {
    "canonical": ("A JSON text, as bytes → its canonical bytes.", canonical_vectors),
    "merkle": ("Leaf data → root; leaf hash, index, count, path → the given root or not.", merkle_vectors),
    "entries": ("A leaf as a JSON value → the bytes that are hashed, and the leaf hash.", entry_vectors),
    "manifest": ("The text of manifest.json → leaf hashes and root.", manifest_vectors),
    "unixfs": ("Files, chunks and folders → CID and cumulative size under unixfs-v1-2025.", unixfs_vectors),
    "commitments": ("Seed, revision and full evidence entry → salt and commitment.", commitment_vectors),
    "rows": ("Lines of a withheld table → root and count; the reveal of one line → its root.", row_vectors),
    "keys": ("Incident key, batch leaf, content digest.", key_vectors),
    "package": ("A whole small dossier with its seal → all bytes of its package.", package_vectors),
    "car": ("A CAR → root and content id of the package in it.", car_vectors),
}


def render(name: str) -> str:
    description, make = FILES_OF_VECTORS[name]
    value = {"format": entries.FORMAT, "description": description, "vectors": make()}
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


def main() -> int:
    differ = []
    for name in FILES_OF_VECTORS:
        path = HERE / f"{name}.json"
        text = render(name)
        if "--check" in sys.argv[1:]:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                differ.append(path.name)
        else:
            path.write_text(text, encoding="utf-8")
    if differ:
        sys.stderr.write(f"vectors differ from what the code makes: {', '.join(differ)}\n")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
