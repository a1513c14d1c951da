"""Every vector of tests/vectors, read as another implementation would read it: nothing but the JSON is used."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from eth_hash.auto import keccak

from archive import reveal
from archive.errors import InvalidInputError
from archive.package import build, canonical, car, contents, entries, manifest, merkle, rows, seal, unixfs
from archive.package import cid as cids
from archive.package.hashing import digest_bytes
from archive.package.murmur3 import murmur3_x64_64

FOLDER = Path(__file__).parents[2] / "vectors"
NAMES = ["canonical", "merkle", "entries", "manifest", "unixfs", "commitments", "rows", "keys", "package", "car"]
Values = dict[str, Any]


def run_canonical(data: Values) -> Values:
    value = canonical.loads(bytes.fromhex(data["json_hex"]), max_bytes=10_000)
    return {"canonical_hex": canonical.dumps(value).hex()}


def run_merkle(data: Values) -> Values:
    if "leaf_data_hex" in data:
        leaves = [merkle.leaf_hash(bytes.fromhex(item)) for item in data["leaf_data_hex"]]
        return {"root": merkle.merkle_root(leaves).hex()}
    path = [bytes.fromhex(item) for item in data["path"]]
    found = merkle.root_from_path(bytes.fromhex(data["leaf_hash"]), data["index"], data["count"], path)
    if found.hex() != data["root"]:
        raise InvalidInputError("another root", code="merkle.root_mismatch")
    return {}


def run_entries(data: Values) -> Values:
    entry = entries.parse_entry(data)
    return {"leaf_data": entries.leaf_data(entry).decode(), "leaf_hash": entries.leaf_hash(entry).hex()}


def run_manifest(data: Values) -> Values:
    parsed = manifest.parse_manifest(data["manifest"].encode())
    return {"root": parsed.root(), "leaf_hashes": [item.hex() for item in parsed.leaf_hashes()]}


def run_unixfs(data: Values) -> Values:
    if "file" in data:
        size, modulus = data["file"]["size"], data["file"]["modulus"]
        digest = digest_bytes((bytes(range(modulus)) * (size // modulus + 1))[:size])
        return {"cid": digest.cid, "tsize": digest.tsize, "sha256": digest.sha256}
    if "zero_chunks" in data:
        builder = unixfs.FileBuilder()
        chunk = cids.raw_cid(bytes(1024 * 1024))
        for _ in range(data["zero_chunks"]):
            builder.add_chunk(chunk, 1024 * 1024)
        root = builder.finish()
        return {"cid": cids.to_text(root.cid), "tsize": root.tsize}
    if "murmur3" in data:
        return {"hash": murmur3_x64_64(data["murmur3"].encode()).hex()}
    if "directory" in data:
        result = unixfs.directory({row["path"]: (row["cid"], row["tsize"]) for row in data["directory"]})
        blocks = [block.hex() for _, block in result.blocks]
        return {"cid": result.cid, "tsize": result.tsize, "blocks_hex": blocks}
    rule = data["directory_of_many"]
    names = [f"file-{number:06}.bin" for number in range(rule["count"])]
    result = unixfs.directory(dict.fromkeys(names, (rule["cid"], rule["tsize"])))
    return {"cid": result.cid, "tsize": result.tsize, "blocks": len(result.blocks)}


def run_commitments(data: Values) -> Values:
    made = seal.Seal(bytes.fromhex(data["seed"]))
    entry = entries.parse_entry(data["entry"])
    assert isinstance(entry, entries.EvidenceEntry)
    salt = seal.salt(made.seed, data["revision"], entry.id)
    return {"salt": salt.hex(), "commitment": seal.commitment(salt, entry)}


def run_rows(data: Values) -> Values:
    if "reveal" in data:
        shown = reveal.parse_reveal(canonical.dumps(data["reveal"]))
        assert isinstance(shown, reveal.RowReveal)
        if shown.computed_root() != shown.rows_root:
            raise InvalidInputError("another root", code="reveal.row")
        return {"rows_root": shown.rows_root}
    key = rows.row_key(bytes.fromhex(data["seed"]), data["revision"], data["id"])
    table = bytes.fromhex(data["table_hex"])
    lines = list(rows.read_records(io.BytesIO(table)))
    if not lines:
        raise InvalidInputError("no lines", code="rows.empty")
    leaves = [rows.row_leaf(rows.row_salt(key, number), line) for number, line in enumerate(lines)]
    return {"rows_key": key.hex(), "rows_root": merkle.merkle_root(leaves).hex(), "rows_count": len(lines)}


def run_keys(data: Values) -> Values:
    if "incident" in data:
        return {"incident_key": keccak(data["incident"].encode()).hex()}
    if "content_id" in data:
        return {"content_digest": contents.content_digest(data["content_id"]).hex()}
    parts = (data["incident_key"], data["root"], data["content_digest"])
    return {"batch_leaf": merkle.leaf_hash(b"IA1-batch" + b"".join(map(bytes.fromhex, parts))).hex()}


def run_package(data: Values, folder: Path) -> Values:
    items = []
    for item in data["record"]["evidence"]:
        source = folder / item["id"]
        source.write_bytes(data["files"][item["path"]].encode())
        withheld = item.get("withheld", False)
        items.append(build.EvidenceInput(item["id"], item["path"], item["media_type"], source, withheld))
    inputs = build.PackageInput(data["record"], data["incident"], data["revision"], data["previous_root"], tuple(items))
    package = build.build_package(inputs, seal.Seal(bytes.fromhex(data["seed"]), data["publisher"]))
    sink = io.BytesIO()
    info = car.write_car(package, sink)
    return {
        "record_json": package.record_json.decode(),
        "manifest_json": package.manifest_json.decode(),
        "root": package.root,
        "content_id": package.content_id,
        "content_digest": package.content_digest.hex(),
        "directory": [{"path": path, "cid": cid, "tsize": tsize} for path, cid, tsize in package.directory],
        "car_hex": sink.getvalue().hex(),
        "car_sha256": info.sha256,
    }


def run_car(data: Values) -> Values:
    package = car.verify_car(io.BytesIO(bytes.fromhex(data["car_hex"])))
    return {"root": package.root, "content_id": package.content_id}


RUNNERS: dict[str, Callable[[Values], Values]] = {
    "canonical": run_canonical,
    "merkle": run_merkle,
    "entries": run_entries,
    "manifest": run_manifest,
    "unixfs": run_unixfs,
    "commitments": run_commitments,
    "rows": run_rows,
    "keys": run_keys,
    "car": run_car,
}
VECTORS = [
    pytest.param(name, item, id=f"{name}: {item['name']}")
    for name in NAMES
    for item in json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))["vectors"]
]


@pytest.mark.parametrize(("name", "vector"), VECTORS)
def test_vector(name: str, vector: Values, tmp_path: Path) -> None:
    def run() -> Values:
        return run_package(vector["input"], tmp_path) if name == "package" else RUNNERS[name](vector["input"])

    if vector["expected"] == "valid":
        assert run() == vector.get("output", {})
    else:
        with pytest.raises(InvalidInputError) as caught:
            run()
        assert caught.value.code == vector["code"]


def test_each_file_has_vectors_that_must_fail() -> None:
    for name in NAMES:
        data = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
        assert data["format"] == "incident-archive/1"
        names = [vector["name"] for vector in data["vectors"]]
        assert len(set(names)) == len(names)
        if name != "package":
            assert any(vector["expected"] == "invalid" for vector in data["vectors"])
        for vector in data["vectors"]:
            assert (vector["code"] is None) == (vector["expected"] == "valid")


def test_vectors_are_as_generated() -> None:
    result = subprocess.run(
        [sys.executable, str(FOLDER / "generate.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")


def test_the_car_of_the_package_vector_is_hashed_as_it_says() -> None:
    (vector,) = json.loads((FOLDER / "package.json").read_text(encoding="utf-8"))["vectors"]
    output = vector["output"]
    assert hashlib.sha256(bytes.fromhex(output["car_hex"])).hexdigest() == output["car_sha256"]
