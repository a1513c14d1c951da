"""Writes `reports/`: bundles, files, trust files and policies, and the report that a verifier gives of them offline.

`python -m tests.vectors.generate_reports`. Verdict and failures of each case are written here by hand and held against
Python's verifier, which then fills in all checks in order. Time-stamp tokens have new keys each time; run it when a
rule of verifying changes, and look at what changed.
"""

from __future__ import annotations

import copy
import gzip
import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from archive.chain import codec, registry
from archive.chain.succession import Succession
from archive.package.build import EvidenceInput, PackageInput, build_package
from archive.package.entries import EvidenceEntry, NotBefore
from archive.package.seal import Seal, salt
from archive.publish.reveal import Described, make_reveal
from archive.reveal import FileReveal
from archive.stamps import bitcoin, ots
from archive.stamps.entries import BlockHeader, OtsStamp, Rfc3161Stamp, subject_message
from archive.trust import BitcoinHeader, TimeStampRoot, TrustedPublisher, TrustFile
from tests.support import parlia
from tests.support.clocks import Authority, Bitcoin, Calendar
from tests.support.parlia import Group
from tests.support.reports import CASES, Case, outcome_of
from tests.unit.verify import simulator
from tests.unit.verify.simulator import (
    INCIDENT,
    KEY,
    STRANGER,
    Chain,
    Desk,
    Publication,
    address,
    evidence_item,
    record_value,
)
from tests.vectors.generate_stamps import token

GOLDEN = Path(__file__).parents[1] / "golden"
FOLDER = CASES.parent
WAIVE = {"format": "incident-archive-policy/1", "waive": ["chain.header"]}
PRICES, LOG = b"time,price\n21:36,0.10\n21:37,0.001\n", "拒绝 rejected\nline two\n".encode()
FILES = {"evidence/prices.csv": PRICES, "evidence/log.txt": LOG}
TABLE = b"id,amount\n1,0.5\n2,7.25\n3,0.001\n"
SEED = b"\x05" * 32
ABOUT = (
    "Each case is a folder of `files` (name: bytes, below data/). Verified there, with names as given and nobody "
    "asked, `bundle` and the `given` files and folders must give `expected`: the verdict, what lacks, and code, status "
    "and subject of each check in order; or the code of the error for what is no bundle, trust file or policy at all."
)
JsonObject = dict[str, Any]


class Desk2(Desk):
    """Each package on a chain of its own; and packages of withheld tables, of records of one's own."""

    def publish(self, *args: Any, chain: Chain | None = None, **options: Any) -> Publication:
        return super().publish(*args, chain=chain or Chain(), **options)

    def package(
        self,
        files: Mapping[str, bytes],
        *,
        tables: Mapping[str, bytes] | None = None,
        change: Callable[[JsonObject], None] | None = None,
        chain: Chain | None = None,
    ) -> Publication:
        self.count += 1
        folder = self.folder / f"made-{self.count}"
        items, inputs = [], []
        for path, data in {**files, **(tables or {})}.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            hidden = path in (tables or {})
            name = path.rsplit("/", 1)[-1].replace(".", "-")
            items.append(
                evidence_item(name, path=path, **({"withheld": True} if hidden else {"media_type": "text/plain"}))
            )
            inputs.append(EvidenceInput(name, path, "text/plain", target, hidden, hidden))
        record = record_value(items)
        if change is not None:
            change(record)
        package = build_package(PackageInput(record, INCIDENT, 1, None, tuple(inputs)), Seal(SEED, address(KEY)))
        where = chain or Chain()
        call = registry.AnchorCall(
            registry.incident_key(INCIDENT), bytes.fromhex(package.root), bytes(32), package.content_digest
        )
        for path in tables or {}:
            (folder / path).unlink()
        return Publication(folder, package, where, [where.anchor(call)], self.trust(where))


class Book:
    """The cases, written one by one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cases: list[JsonObject] = []
        self.data: dict[str, bytes] = {}
        self.wrong: list[str] = []

    def add(
        self,
        name: str,
        bundle: Publication | bytes,
        files: Mapping[str, bytes] | None = None,
        *given: str,
        trust: TrustFile | bytes | None = None,
        policy: JsonObject | bytes | None = WAIVE,
        verdict: str = "pass",
        failed: tuple[str, ...] = (),
        lacks: tuple[str, ...] = (),
        error: str | None = None,
        has: tuple[tuple[str, str], ...] = (),
        changes: JsonObject | None = None,
    ) -> None:
        """One case. Without `given` all of `files` are given one by one; without `trust` that of the publication."""
        if isinstance(bundle, Publication):
            trust = bundle.trust if trust is None else trust
            value = {**bundle.bundle().to_json(), **(changes or {})}
            bundle = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        laid = {"x.proof.json": bundle, **(files or {})}
        if trust is not None:
            laid["trust.json"] = trust if isinstance(trust, bytes) else trust.to_bytes()
        if policy is not None:
            laid["policy.json"] = policy if isinstance(policy, bytes) else json.dumps(policy).encode()
        case = Case(
            name,
            {path: self._keep(path, data) for path, data in laid.items()},
            "x.proof.json",
            given or tuple(files or {}),
            "trust.json" if trust is not None else None,
            "policy.json" if policy is not None else None,
            {},
        )
        with tempfile.TemporaryDirectory() as place:
            for path, data in laid.items():
                (Path(place) / path).parent.mkdir(parents=True, exist_ok=True)
                (Path(place) / path).write_bytes(data)
            made = outcome_of(case.report(Path(place)))
        if error is not None:
            self._expect(made == {"error": error}, name, made)
        elif "error" in made:
            self._expect(False, name, made)
        else:
            checks = made["checks"]
            found = {code for code, status, _ in checks if status == "fail"}
            right = (made["verdict"], found) == ("fail" if failed else verdict, set(failed))
            self._expect(right, name, (made["verdict"], made["lacking"], sorted(found)))
            self._expect(set(lacks) <= set(made["lacking"]), name, made["lacking"])
            for code, status in has:
                said = [s for c, s, _ in checks if c == code]
                self._expect(status in said, name, (code, said))
        self._expect(all(case.name != other["name"] for other in self.cases), name, "twice")
        self.cases.append(
            {
                "name": name, "files": case.files, "bundle": case.bundle, "given": list(case.given),
                "trust": case.trust, "policy": case.policy, "expected": made,
            }
        )  # fmt: skip

    def _expect(self, holds: bool, name: str, found: object) -> None:
        if not holds:
            self.wrong.append(f"{name}: {found}")

    def _keep(self, path: str, data: bytes) -> str:
        suffix = ".json" if path.endswith(".json") else ".bin"
        name = f"data/{sha256(data)[:16]}{suffix}"
        self.data[name] = data
        return name

    def write(self) -> None:
        shutil.rmtree(FOLDER, ignore_errors=True)
        for name, data in self.data.items():
            target = FOLDER / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in self.cases)
        CASES.write_text(f'{{"about": {json.dumps(ABOUT)}, "cases": [\n{lines}\n]}}\n', encoding="utf-8")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def below(folder: str, files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {f"{folder}/{path}": data for path, data in files.items()}


def whole(made: Publication, folder: str = "p") -> dict[str, bytes]:
    """Every file of the package, in a folder."""
    files = {path.relative_to(made.folder).as_posix(): path.read_bytes()
             for path in made.folder.rglob("*") if path.is_file()}  # fmt: skip
    return below(
        folder,
        {"manifest.json": made.package.manifest_json, "record.json": made.package.record_json, **files},
    )


def files_of(book: Book, desk: Desk2) -> None:
    made = desk.publish(FILES)
    book.add("all files, nobody asked", made, whole(made), "p", policy=None, verdict="incomplete",
             lacks=("chain.header",))  # fmt: skip
    book.add("all files, the block not asked for", made, whole(made), "p")
    book.add("one file of two", made, {"down/evidence/prices.csv": PRICES}, has=(("package.complete", "unchecked"),))
    book.add("no file", made, {}, verdict="incomplete", lacks=("bytes",))
    book.add("a renamed file", made, {"numbers (1).csv": PRICES, "evidence/log.txt": LOG})
    book.add("a file given twice", made, {"a.csv": PRICES, "b.csv": PRICES})
    crlf = PRICES.replace(b"\n", b"\r\n")
    for name, data in {
        "line ends converted": crlf,
        "a byte order mark added": b"\xef\xbb\xbf" + PRICES,
        "the last line end gone": PRICES[:-1],
        "a line end added": PRICES + b"\n",
        "compressed": gzip.compress(PRICES, mtime=0),
        "empty": b"",
        "cut short": PRICES[:9],
        "one digit changed": PRICES.replace(b"0.10", b"0.90"),
        "a line added": PRICES + b"21:38,0.5\n",
        "another file's bytes": LOG,
    }.items():
        book.add(f"a file, {name}", made, below("p", {**FILES, "evidence/prices.csv": data}), "p", failed=("bytes",))
    book.add("renamed and its line ends converted", made, {"x.csv": crlf}, failed=("bytes",))
    book.add("renamed and compressed", made, {"prices.csv.gz": gzip.compress(PRICES, mtime=0)}, failed=("bytes",))
    book.add("by its bare name, changed", made, {"prices.csv": b"1,2\n"}, failed=("bytes",))
    book.add("not of the package", made, {"other.csv": b"1,2\n"}, failed=("bytes",))
    extra = {"p/evidence/more.csv": b"1\n", "p/.DS_Store": b"x"}
    book.add("a surplus file in a package folder", made, {**whole(made), **extra}, "p", failed=("package.unlisted",))
    book.add("surplus files in any other folder", made, {**below("p", FILES), **extra}, "p")
    book.add("what a desktop leaves in a folder", made, {**whole(made), "p/.DS_Store": b"x"}, "p")
    mixed = {"evidence/prices.csv": LOG, "evidence/log.txt": PRICES}
    book.add("two files mixed up", made, below("p", mixed), "p", failed=("bytes",))
    same = desk.publish({"evidence/a.txt": b"same\n", "evidence/b.txt": b"same\n", "top.txt": b"top\n"})
    book.add("two entries of equal bytes, one file", same, {"x.txt": b"same\n", "y.txt": b"top\n"})
    book.add("two entries of equal bytes, two files", same, {"x.txt": b"same\n", "z.txt": b"same\n"})
    car = made.car()
    book.add("a CAR of the package", made, {"p.car": car}, has=(("package.complete", "pass"),))
    book.add("a CAR, one bit flipped", made, {"p.car": car[:-9] + bytes([car[-9] ^ 1]) + car[-8:]}, failed=("bytes",))
    book.add("a CAR cut short", made, {"p.car": car[:-9]}, failed=("bytes",))
    book.add("a CAR of another package", made, {"p.car": same.car()}, failed=("bytes", "package.unlisted"))
    book.add("a CAR inside a folder", made, {**whole(made), "p/p.car": car}, "p", failed=("package.unlisted",))
    book.add("a file only called CAR", made, {"p.car": b"x"}, failed=("bytes",))
    book.add("another manifest in the folder", made, {**whole(made), "p/manifest.json": b"{}"}, "p", failed=("bytes",))


def trust_of(book: Book, desk: Desk2) -> None:
    made = desk.publish(FILES)
    files = below("p", FILES)
    known, people = made.trust.registries, made.trust.publishers

    def case(name: str, trust: Any, **more: Any) -> None:
        book.add(name, made, files, "p", trust=trust, **more)

    case("publisher not trusted", TrustFile(known), verdict="incomplete", lacks=("origin.trusted",))
    case("registry not trusted", TrustFile((), people), verdict="incomplete", lacks=("anchor.registry",))
    book.add("nothing trusted", made.bundle().to_bytes(), files, "p", policy=None, verdict="incomplete",
             lacks=("anchor.registry", "chain.header", "origin.trusted"))  # fmt: skip
    other = replace(known[0], genesis="0x" + "11" * 32)
    case("a chain with another first block trusted", TrustFile((other,), people), verdict="incomplete",
         lacks=("anchor.registry",), has=(("chain.other_history", "unchecked"),))  # fmt: skip
    beside = replace(known[0], name="Another", address="0x" + "c1" * 20)
    case("another registry of that chain trusted", TrustFile((beside,), people), verdict="incomplete")
    embedded = replace(known[0], workspace_chain=True)
    case("the chain inside a workspace, from elsewhere", TrustFile((embedded,), people), policy=None,
         verdict="incomplete", lacks=("chain.header",))  # fmt: skip
    claims = TrustedPublisher(people[0].address, people[0].name, ("dns:example.org", "post:https://example.org/key"))
    case("a publisher with claims", TrustFile(known, (claims,)), has=(("origin.claim", "unchecked"),))
    old = STRANGER
    said = Succession(address(old), people[0].address, "2025-01-01T00:00:00Z")
    message = said.message()
    digest = codec.keccak(b"\x19Ethereum Signed Message:\n" + str(len(message)).encode() + message)
    signature = old.sign_msg_hash(digest)
    signed = said.signed(signature.to_bytes()[:64] + bytes([27 + signature.v]))
    earlier = TrustFile(known, (TrustedPublisher(address(old), "The old key"),), successions=(signed,))
    case("a key that a trusted one named its successor", earlier)
    case("a succession from a key that is not trusted", replace(earlier, publishers=()), verdict="incomplete")
    for name, change, code in (
        ("unknown key", {"more": []}, "trust.unknown_key"),
        ("no publishers", {"publishers": None}, "trust.shape"),
        ("an address in capitals", {"publishers": [{"address": "0x" + "AB" * 20, "name": "x"}]}, "trust.bad_address"),
        ("a name like an address", {"publishers": [{"address": "0x" + "ab" * 20, "name": "0xab"}]}, "trust.bad_name"),
        ("a publisher twice", {"publishers": [people[0].to_json()] * 2}, "trust.duplicate"),
        ("a chain id that is no number", {"registries": [{**known[0].to_json(), "chain_id": 97.0}]},
         "trust.bad_chain_id"),
        ("a forged succession", {"successions": [{**signed.to_json(), "signed_at": "2025-01-02T00:00:00Z"}]},
         "succession.signature"),
        ("another format", {"format": "incident-archive-trust/2"}, "trust.unknown_format"),
        ("no PEM", {"time_stamp_roots": [{"name": "x", "certificate": "x"}]}, "trust.bad_certificate"),
        ("no Bitcoin header", {"bitcoin_headers": [{"height": 1, "header": "00"}]}, "trust.bad_header"),
        ("no validators", {"validator_sets": [{}]}, "trust.validator_set"),
        ("no rules", {"consensus_rules": [{}]}, "trust.consensus_rules"),
    ):  # fmt: skip
        case(f"trust file: {name}", json.dumps({**made.trust.to_json(), **change}).encode(), error=code)
    case("trust file: a key twice", b'{"format":1,"format":2}', error="trust.duplicate_key")
    case("trust file: not JSON", b"{", error="trust.not_json")


def policies_of(book: Book, desk: Desk2) -> None:
    made = desk.publish(FILES)
    files = below("p", FILES)
    mine = made.trust.publishers[0].address

    def case(name: str, policy: JsonObject, **more: Any) -> None:
        book.add(f"policy: {name}", made, files, "p", policy={**WAIVE, **policy}, **more)

    case("finality", {"require": ["chain.final"]}, verdict="incomplete", lacks=("chain.final",))
    case("stamps and consensus", {"require": ["time.stamps", "chain.consensus"]}, verdict="incomplete",
         lacks=("time.stamps", "chain.consensus"))  # fmt: skip
    case("a check of no version", {"require": ["moon.phase"]}, verdict="incomplete", lacks=("moon.phase",))
    case("a publisher that it lists", {"publishers": [{"address": mine, "until": None}]}, verdict="incomplete",
         lacks=("policy.publisher",), has=(("policy.publisher", "unchecked"),))  # fmt: skip
    case("a publisher that it does not list", {"publishers": [{"address": "0x" + "77" * 20}]},
         failed=("policy.publisher",))  # fmt: skip
    case("a publisher after its time", {"publishers": [{"address": mine, "until": "2020-01-01T00:00:00Z"}]},
         failed=("policy.publisher",))  # fmt: skip
    endorsers = {"need": 1, "keys": [{"address": mine, "name": "Desk", "from": "2020-01-01T00:00:00Z"}]}
    case("endorsers", {"endorsers": endorsers}, verdict="incomplete", lacks=("policy.endorsers",))
    case("who published does not matter", {"waive": ["chain.header", "origin.trusted"]})
    for name, policy, code in (
        ("waives bytes", {"waive": ["bytes"]}, "policy.cannot_waive"),
        ("waives what it requires", {"require": ["chain.header"]}, "policy.shape"),
        ("an unknown rule", {"moon": 1}, "policy.unknown_key"),
        ("no quorum", {"quorum": 0}, "policy.shape"),
        ("a day that is none", {"publishers": [{"address": mine, "from": "2025-02-30T00:00:00Z"}]}, "policy.shape"),
        ("more endorsers than there are", {"endorsers": {**endorsers, "need": 2}}, "policy.shape"),
        ("another format", {"format": "x"}, "policy.unknown_format"),
    ):
        case(name, policy, error=code)
    book.add("policy: not JSON", made, files, "p", policy=b"[", error="policy.not_json")
    book.add("policy: a key twice", made, files, "p", policy=b'{"a":1,"a":1}', error="policy.duplicate_key")


def withheld_of(book: Book, desk: Desk2) -> None:
    hidden = b"Alice\n"
    made = desk.publish(FILES, withheld={"evidence/names.txt": hidden})
    files = below("p", FILES)
    left = (("withheld:names-txt", "unchecked"),)
    book.add("a withheld item", made, files, "p", has=left)
    book.add("a file that may be the withheld one", made, {**files, "names.txt": hidden}, "p", "names.txt",
             verdict="incomplete", lacks=("bytes",))  # fmt: skip
    entry = EvidenceEntry("names-txt", "evidence/names.txt", "text/plain", len(hidden), sha256(hidden))
    reveal = FileReveal(made.package.root, entry, salt(SEED, 1, "names-txt").hex())

    def case(name: str, given: bytes, *more: tuple[str, bytes], **expected: Any) -> None:
        extra = {"n.reveal.json": given, **dict(more)}
        book.add(f"reveal: {name}", made, {**files, **extra}, "p", *extra, **expected)

    case("with the file", reveal.to_bytes(), ("names.txt", hidden), has=(("withheld:names-txt", "pass"),))
    case("without the file", reveal.to_bytes(), has=(*left, ("reveal.bytes", "unchecked")))
    case("with another file", reveal.to_bytes(), ("names.txt", b"Bob\n"), failed=("reveal.bytes",))
    case("of another package", replace(reveal, root="00" * 32).to_bytes(), failed=("reveal.root",))
    case("another salt", replace(reveal, salt="00" * 32).to_bytes(), failed=("reveal.commitment",))
    case("not JSON", b"{", failed=("reveal",))
    case("a key missing", b'{"format":"incident-archive-reveal/1"}', failed=("reveal",))
    case("of a later format", b'{"format":"incident-archive-reveal/9"}', has=(("reveal", "unchecked"),))
    renamed = copy.deepcopy(made.bundle().to_json())
    for item in renamed["record"]["evidence"]:
        if "commitment" in item:
            item["id"] = "somebody"
    book.add("reveal: the record names another id", made, {**files, "n.reveal.json": reveal.to_bytes()}, "p",
             "n.reveal.json", changes=renamed, failed=("bytes", "content_id", "reveal.id"))  # fmt: skip

    table = desk.package(FILES, tables={"evidence/losses.csv": TABLE})
    source = desk.folder / "losses.csv"
    source.write_bytes(TABLE)
    told = [Described("losses-csv", "evidence/losses.csv", "text/plain")]
    all_ = make_reveal(table.bundle(), source, Seal(SEED, None), told)
    row = make_reveal(table.bundle(), source, Seal(SEED, None), told, line=3)

    def rows(name: str, given: bytes, *more: tuple[str, bytes], **expected: Any) -> None:
        extra = {"n.reveal.json": given, **dict(more)}
        book.add(f"table: {name}", table, {**files, **extra}, "p", *extra, **expected)

    rows("withheld", b"", failed=("reveal",))
    rows("revealed with its lines", all_.to_bytes(), ("losses.csv", TABLE), has=(("reveal.rows", "pass"),))
    rows("revealed without the file", all_.to_bytes(), has=(("reveal.rows", "unchecked"),))
    another = replace(all_, rows_key="00" * 32)
    rows("another key of the lines", another.to_bytes(), ("losses.csv", TABLE), failed=("reveal.rows",))
    rows("no key of the lines", replace(all_, rows_key=None).to_bytes(), ("losses.csv", TABLE),
         has=(("reveal.rows", "unchecked"),))  # fmt: skip
    rows("one line", row.to_bytes(), has=(("reveal.row", "pass"),))
    for name, change in {
        "altered": {"record": b"2,9.99"},
        "in another place": {"index": 1},
        "with another salt": {"salt": "00" * 32},
        "its path cut": {"path": row.path[:-1]},
        "of other lines": {"rows_root": "00" * 32},
        "of more lines": {"rows_count": 5},
    }.items():
        rows(f"one line, {name}", replace(row, **change).to_bytes(), failed=("reveal.row",))


def named_of(book: Book, desk: Desk2) -> None:
    """References, redactions, findings."""
    far = b"a large file\n"
    reference = {"sha256": sha256(far), "size": len(far)}
    item = evidence_item("far", reference=reference, media_type="text/plain")
    made = desk.publish(FILES, references=[item])
    files = below("p", FILES)
    book.add("a referenced file, not given", made, files, "p", has=(("reference:far", "unchecked"),))
    book.add("a referenced file, given", made, {**files, "far.txt": far}, "p", "far.txt",
             has=(("reference:far", "pass"),))  # fmt: skip

    recipe = {"format": "csv", "drop": ["apiKey"], "empty": ["note"], "tokens": {"uid": "account"}}

    def redacted(name: str, content: bytes, how: JsonObject, *, method: str = "redact@1", given: bool = True,
                 **expected: Any) -> None:  # fmt: skip
        def change(record: JsonObject) -> None:
            record["evidence"][0] |= {
                "derived_from": ["prices-csv"],
                "redaction": {"method": method, "recipe": how, "reason": {"en": "names"}},
            }

        one = desk.package({"evidence/log.csv": content, "evidence/prices.csv": PRICES}, change=change)
        laid = {"p/evidence/prices.csv": PRICES, **({"p/evidence/log.csv": content} if given else {})}
        book.add(f"redacted: {name}", one, laid, "p", **expected)

    good = b"time,uid,note\n1,tok_abcdefghijklmnopqrst,\n2,,\n"
    redacted("empty slots", good, recipe, has=(("redaction.slots", "pass"),))
    redacted("not given", good, recipe, given=False, has=(("redaction.slots", "unchecked"),))
    redacted("by a later method", good, recipe, method="redact@2", has=(("redaction.slots", "unchecked"),))
    redacted("by a recipe that is none", good, {**recipe, "mask": ["moon"]}, has=(("redaction.slots", "unchecked"),))
    redacted("content in all slots", b'time,uid,note,apiKey\n1,8123,"a, ""b""\nc",k\n2,8124,x\n\n3\n', recipe,
             failed=("redaction.slots",))  # fmt: skip
    redacted("bytes that are no text", b"time,uid,note\n\xff\xfe,,\n", recipe, has=(("redaction.slots", "unchecked"),))
    lines = {**recipe, "format": "jsonl"}
    redacted("empty slots of JSON lines", b'\xef\xbb\xbf{"uid":"tok_abcdefghijklmnopqrst","note":null}\n\n', lines,
             has=(("redaction.slots", "pass"),))  # fmt: skip
    redacted("content in slots of JSON lines", b'{"a":[{"uid":12.50,"note":"x"}],"apiKey":{}}\n', lines,
             failed=("redaction.slots",))  # fmt: skip
    redacted("lines that are no JSON", b'{"a":\n', lines, has=(("redaction.slots", "unchecked"),))
    redacted("lines nested without end", b"[" * 2000 + b"\n", lines, has=(("redaction.slots", "unchecked"),))
    lines_of_text = {"format": "text", "mask": ["email", "ip-address"], "tokens": {"order-id": "order"}}
    clean = b"order id tok_abcdefghijklmnopqrst by [masked:email]\n" + "没有\n".encode()
    redacted("a text", clean, lines_of_text, has=(("redaction.slots", "pass"),))
    redacted("a text with an address left", clean + b"ask alice.doe@gmail.com, call +86 138 0013 8001\n", lines_of_text,
             failed=("redaction.slots",))  # fmt: skip
    redacted("a text of which columns are left out", clean, {**lines_of_text, "drop": ["x"]},
             has=(("redaction.slots", "unchecked"),))  # fmt: skip
    chunk = b"\x00\x00\x00\x01IDATx" + bytes(4)
    text = b"\x00\x00\x00\x03tEXta\x00b" + bytes(4)
    end = b"\x00\x00\x00\x00IEND" + bytes(4)
    start = b"\x89PNG\r\n\x1a\n"
    image = {"format": "image", "metadata": "strip"}
    redacted("a picture", start + chunk + end, image, has=(("redaction.slots", "pass"),))
    redacted("a picture with metadata", start + text + chunk + end, image, failed=("redaction.slots",))
    redacted("a picture cut short", start + chunk[:7], image, has=(("redaction.slots", "unchecked"),))

    def found(record: JsonObject) -> None:
        record["findings"] = [
            {"id": "rate", "method": "order-rejections@1", "inputs": [{"evidence": "log-txt", "role": "log"}]},
            {"id": "claimed", "method": "depeg@1", "not_recomputable": "inputs not published"},
        ]

    one = desk.package(FILES, change=found)
    book.add("findings", one, files, "p", has=(("finding:rate", "unchecked"), ("finding:claimed", "unchecked")))


def records_of(book: Book, desk: Desk2) -> None:
    files = below("p", FILES)
    made = desk.publish(FILES)
    good = made.bundle().to_json()
    book.add("no record in the bundle", made, files, "p", changes={"record": None})
    book.add("the record among the files", made, whole(made), "p", changes={"record": None})

    def recorded(name: str, change: Callable[[JsonObject], None], **expected: Any) -> None:
        """A package whose own record is so."""
        one = desk.package(FILES, change=change)
        book.add(f"record: {name}", one, files, "p", **{"failed": ("record.valid",), **expected})

    def put(**fields: Any) -> Callable[[JsonObject], None]:
        def change(record: JsonObject) -> None:
            record.update(fields)

        return change

    recorded("of a later schema", put(schema_version="2"), failed=(), has=(("record.valid", "unchecked"),))
    recorded("an unknown field", put(mood="grim", title={}))
    recorded(
        "texts of other types",
        put(title="x", licence=1, revision="01", related=[""], includes=[{"root": "0"}]),
        failed=("record.valid", "record.matches"),
    )
    recorded("a language that is none", put(summary={"e": "x", "zh-hans": " "}))
    times = {"start": "2025-10-10T21:36:00", "end": "2025-02-30", "precision": "fortnight", "time_zone": "UTC"}
    recorded("times that are none", put(occurred=times))
    claim = {"id": "c", "text": {"en": "x"}, "claimed_by": ["venue-a"], "status": "asserted"}
    entry = {
        "id": "t",
        "at": "2025-10-10T21:40:00Z",
        "precision": "minute",
        "text": {"en": "x"},
        "sources": ["venue-a"],
    }
    figure = {"id": "f", "metric": "m", "value": "10.50", "unit": "USD", "bound": "exact", "claimed_by": ["venue-a"]}
    recorded("all is well", put(claims=[claim], timeline=[entry], figures=[figure]), failed=())
    recorded("ids that are twice, unknown or of the wrong kind", put(claims=[
        claim, {**claim, "evidence_for": ["nobody", "venue-a", "c"]}]))  # fmt: skip
    recorded("contradicted by nothing", put(claims=[{**claim, "status": "contradicted", "relations": [
        {"type": "supports", "claim": "d", "incident": "other"}]}]))  # fmt: skip
    recorded("a timeline out of order and outside", put(timeline=[
        entry, {**entry, "id": "u", "at": "2025-10-10T21:39:00Z"}, {**entry, "id": "v", "at": "2025-10-10T23:00:00Z"},
        {**entry, "id": "w", "start": "2025-10-10T22:00:30Z", "sources": []}]))  # fmt: skip
    recorded(
        "a range backwards", put(figures=[{**figure, "value_to": "-0.7"}, {**figure, "id": "g", "claimed_by": []}])
    )
    recorded("revisions and what it supersedes", put(revision=1, supersedes="00" * 32, revisions=[
        {"revision": 1, "reason": {"en": "x"}}, {"revision": 3, "reason": {"en": "x", "EN": "y"}}]),
        failed=("record.valid", "record.matches"))  # fmt: skip
    recorded("a contact that is none", put(contact={"name": "x"}, related=["NOT AN ID"], reviews=[
        {"evidence": "nothing", "by": "x", "at": "2025", "what": "x"}]))  # fmt: skip
    recorded("findings that cannot be", put(findings=[
        {"id": "a", "method": "depeg@1"},
        {"id": "b", "method": "depeg", "not_recomputable": "inputs not published", "result": {"x": 1}}]))  # fmt: skip
    recorded("findings of a wrong form", put(findings=[
        {"id": "a", "method": "depeg@1"},
        {"id": "b", "method": "depeg@1", "not_recomputable": "inputs not published", "result": {"x": "1"}},
        {"id": "c", "method": "depeg@1", "inputs": [{"evidence": "log-txt", "role": "log"}] * 2}]))  # fmt: skip

    def evidence(*changes: JsonObject) -> Callable[[JsonObject], None]:
        def change(record: JsonObject) -> None:
            for item, fields in zip(record["evidence"], changes, strict=False):
                item.update(fields)
            record["evidence"] += list(changes[len(record["evidence"]) :])

        return change

    recorded("evidence in two forms", evidence(
        {"held": "local", "reference": {"sha256": "00" * 32, "size": "1"}}, {"rows": True},
        {"id": "none", "kind": "image"}, {"id": "ref", "kind": "x", "media_type": "x/y", "size": 3, "path": "a",
                                          "reference": {"sha256": "00" * 32, "size": 1}},
    ), failed=("record.valid", "record.matches"))  # fmt: skip
    recorded("evidence derived from itself", evidence({"derived_from": ["log-txt"]}, {"derived_from": ["prices-csv"]}))
    recorded("paths that are no paths", evidence({}, {}, {"id": "up", "path": "../a", "kind": "image",
        "media_type": "image/png"},
        {"id": "in", "path": "evidence/LOG.txt", "kind": "image", "media_type": "image/png"},
        {"id": "on", "path": "evidence/log.txt/a", "kind": "image", "media_type": "image/png"}),
        failed=("record.valid", "record.matches"))  # fmt: skip
    record = copy.deepcopy(good["record"])
    record["evidence"][0] |= {"sha256": "00" * 32, "size": 5, "media_type": "text/csv"}
    record["evidence"][1]["id"] = "another"
    record |= {"id": "another-incident", "revision": 2}
    book.add("record: of another package", made, files, "p", changes={"record": record},
             failed=("bytes", "content_id", "record.matches", "record.valid"))  # fmt: skip
    odd: dict[str, Any] = {"no list": "x", "a list of texts": ["x", 1], "ids that are maps": [{"id": {"a": [None, 1]}}]}
    for name, value in odd.items():
        record = {**good["record"], "evidence": value}
        book.add(f"record: evidence is {name}", made, files, "p", changes={"record": record},
                 failed=("bytes", "content_id", "record.matches", "record.valid"))  # fmt: skip


def leaves_of(book: Book, desk: Desk2) -> None:
    made = desk.publish(FILES, withheld={"evidence/names.txt": b"Alice\n"})
    files = below("p", FILES)
    good = made.bundle().to_json()
    entries = good["entries"]

    def case(name: str, failed: tuple[str, ...], *, changes: JsonObject, **more: Any) -> None:
        book.add(f"entries: {name}", made, files, "p", changes=changes, failed=failed, **more)

    tree = ("merkle", "content_id", "anchor.log")
    case("the root of another package", ("merkle",), changes={"root": "00" * 32})
    case("one more counted", tree, changes={"entries": [{**entries[0], "leaf_count": 9}, *entries[1:]]})
    case("out of order", tree, changes={"entries": [*entries[:2], entries[3], entries[2], *entries[4:]]})
    case("one lost", (*tree, "record.matches"), changes={"entries": [*entries[:2], *entries[3:]]})
    case("the last lost", (*tree, "record.matches"), changes={"entries": entries[:-1]})
    case("no header", ("merkle", "content_id"), changes={"entries": entries[1:]})
    case(
        "a value of the wrong type",
        (*tree, "record.matches"),
        changes={"entries": [*entries[:2], {**entries[2], "size": "1"}, *entries[3:]]},
    )
    case("another hash", ("bytes", *tree), changes={"entries": [*entries[:2], {**entries[2], "sha256": "00" * 32},
                                                             *entries[3:]]})  # fmt: skip
    later = {"type": "hologram", "seen": True}
    case("one of a later type", ("merkle", "content_id", "anchor.log"), changes={"entries": [*entries, later]},
         has=(("package.unknown_entry", "unchecked"),))  # fmt: skip
    case("a key more", tree, changes={"entries": [*entries[:2], {**entries[2], "more": 1}, *entries[3:]]},
         has=(("package.unknown_entry", "unchecked"),))  # fmt: skip
    case("of a later package format", (), changes={"entries": [{**entries[0], "format": "incident-archive/2"},
                                                               *entries[1:]]}, verdict="incomplete")  # fmt: skip
    listing = good["directory"]
    case("listing: another content id", ("content_id",), changes={"content_id": "bafybei" + "a" * 52})
    case("listing: a file lost", ("content_id", "anchor.log"), changes={"directory": listing[1:]})
    more = sorted([*listing, {"path": "z", "cid": listing[0]["cid"], "tsize": 1}], key=lambda row: row["path"])
    case("listing: a file more", ("content_id", "anchor.log"), changes={"directory": more})
    case("listing: other bytes", ("content_id", "anchor.log"), changes={
        "directory": [{**listing[0], "cid": listing[1]["cid"]}, *listing[1:]]})  # fmt: skip
    case("listing: another size", ("content_id", "anchor.log"), changes={
        "directory": [{**listing[0], "tsize": 77}, *listing[1:]]})  # fmt: skip
    case("listing: file and folder", ("content_id",), changes={
        "directory": sorted([*listing, {"path": "evidence", "cid": listing[0]["cid"], "tsize": 1}],
                            key=lambda row: row["path"])})  # fmt: skip


def anchors_of(book: Book, desk: Desk2) -> None:
    files = below("p", FILES)

    def anchored(name: str, lies: JsonObject, **expected: Any) -> None:
        book.add(f"anchor: {name}", desk.publish(FILES, anchor=lies), files, "p", **expected)

    anchored("the event of another contract", {"address_of_log": "0x" + "de" * 20}, failed=("anchor.log_address",))
    anchored("of a failed transaction", {"status": 0}, failed=("anchor.receipt_failed",))
    anchored("another publisher than the signer", {"publisher": address(STRANGER)},
             failed=("anchor.sender",))  # fmt: skip
    anchored("with a state proof", {"entry": 0}, has=(("chain.code", "pass"),))
    anchored("with the state of another entry", {"entry": 1 << 64}, failed=("anchor.state_entry",))
    code = desk.publish(FILES, anchor={"entry": 0})
    trusted = replace(code.trust.registries[0], code_hash="0x" + "77" * 32)
    book.add("anchor: other code than trusted", code, files, "p", trust=replace(code.trust, registries=(trusted,)),
             failed=("chain.code",))  # fmt: skip
    book.add("anchor: of a key not the header's", desk.publish(FILES, names_publisher="0x" + "77" * 20),
             files, "p", failed=("origin.publisher",))  # fmt: skip
    book.add("anchor: the header names no publisher", desk.publish(FILES, names_publisher=None), files, "p",
             verdict="incomplete", lacks=("origin.publisher",))  # fmt: skip
    made = desk.publish(FILES)
    (good,) = made.anchors
    other = desk.publish({**FILES, "evidence/log.txt": b"other\n"})

    def case(name: str, anchors: list[JsonObject], **expected: Any) -> None:
        book.add(f"anchor: {name}", made, files, "p", changes={"anchors": anchors}, **expected)

    required = ("anchor.log", "anchor.registry", "origin.publisher", "origin.trusted")
    case("none", [], verdict="incomplete", lacks=required)
    case("of a later kind", [{"kind": "moon"}], verdict="incomplete", lacks=required)
    case("of a later kind beside a good one", [{"kind": "moon"}, good])
    case("with a key more", [{**good, "verified": True}], verdict="incomplete", lacks=required)
    case("malformed", [{**good, "log_index": "0"}], failed=("anchor.log",))
    case("of another root", other.anchors, failed=("anchor.log",))
    case("a good one and one of another root", [good, *other.anchors], failed=("anchor.log",))
    case("another chain's number", [{**good, "chain_id": 56}], failed=("anchor.tx_chain_id",))
    flipped = good["block"]["header"][:-1] + f"{int(good['block']['header'][-1], 16) ^ 1:x}"
    case("another header", [{**good, "block": {**good["block"], "header": flipped}}], failed=("anchor.header_hash",))
    case("another block number", [{**good, "block": {**good["block"], "number": 7}}], failed=("anchor.block_number",))
    short = {**good["receipt"], "proof": good["receipt"]["proof"][1:]}
    case("a node of the receipt's path lost", [{**good, "receipt": short}], failed=("anchor.receipt_proof",))
    case("another transaction", [{**good, "transaction": other.anchors[0]["transaction"]}], failed=("anchor.tx_proof",))
    case("another log", [{**good, "log_index": 3}], failed=("anchor.log_missing",))
    broken = {**good, "log_index": 3}
    case("a broken one before a good one", [broken, good], failed=("anchor.log_missing",))
    for name, call in {
        "of another incident": {"incident": b"\x01" * 32},
        "after another revision": {"previous": b"\x01" * 32},
        "of other content": {"content_digest": b"\x01" * 32},
    }.items():
        package = made.package
        right = registry.AnchorCall(registry.incident_key(INCIDENT), bytes.fromhex(package.root), bytes(32),
                                    package.content_digest)  # fmt: skip
        case(name, [Chain().anchor(replace(right, **call))], failed=("anchor.log",))
    batches, trust = GOLDEN / "1-registry", (GOLDEN / "1-registry" / "trust.json").read_bytes()
    for name in ("first", "relayed"):
        book.add(f"anchor: batch, {name}", (batches / name / "bundle.proof.json").read_bytes(), {}, trust=trust,
                 verdict="incomplete", lacks=("bytes",))  # fmt: skip
    wrong = (batches / "altered" / "path-of-another-member.proof.json").read_bytes()
    book.add("anchor: batch, the path of another member", wrong, {}, trust=trust, failed=("anchor.log",))


def history_of(book: Book, desk: Desk2) -> None:
    files = below("p", FILES)
    made = desk.publish(FILES)
    forged = desk.publish({"evidence/log.txt": b"other\n"}, chain=Chain(genesis="0x" + "9f" * 32))
    second = desk.publish({"evidence/log.txt": b"other\n"}, revision=2, previous=made.package.root, chain=made.chain)
    stranger = desk.publish({"evidence/log.txt": b"other\n"}, key=STRANGER)

    def case(name: str, data: bytes, **expected: Any) -> None:
        book.add(f"history: {name}", made, {**files, "other.proof.json": data}, "p", "other.proof.json", **expected)

    case("another root for this revision", forged.bundle().to_bytes(), failed=("history.two_roots",))
    case("a later revision", second.bundle().to_bytes(), has=(("history.superseded", "unchecked"),))
    case("somebody else's package", stranger.bundle().to_bytes())
    case("a bundle that is none", b"{", has=(("history.other_bundle", "unchecked"),))
    case("the same bundle again", made.bundle().to_bytes())
    lie = json.loads(forged.bundle().to_bytes())
    lie["anchors"][0]["log_index"] = 3
    case("another root, its anchor broken", json.dumps(lie).encode())
    book.add("history: a second revision", second, below("p", {"evidence/log.txt": b"other\n"}), "p")
    twice = Chain()
    desk.publish({"evidence/log.txt": b"other\n"}, chain=twice)
    book.add("history: more anchors than revisions", desk.publish(FILES, chain=twice), files, "p",
             failed=("history.two_roots",))  # fmt: skip


class _Sealed(Chain):
    """A chain whose validators seal its blocks."""

    parlia: parlia.Chain

    def header(self, number: int, transactions: bytes, receipts: bytes, state: bytes = b"\xdd" * 32) -> bytes:
        self.parlia.grow(number - 1)
        made = self.parlia.make(number, transactionsRoot=transactions, receiptsRoot=receipts, stateRoot=state)
        self.parlia.grow(number + 2)
        return made


def consensus_of(book: Book, desk: Desk2) -> None:
    chain = _Sealed(chain_id=parlia.CHAIN_ID, genesis=parlia.GENESIS)
    chain.parlia = parlia.Chain({0: Group.of([1, 2, 3, 4])}, first=990)
    made = desk.publish(FILES, chain=chain)
    files = below("p", FILES)
    headers = [codec.to_hex(raw) for raw in chain.parlia.range(1001, 1002)]
    proof = {"kind": "parlia", "headers": headers, "epochs": []}
    pin = chain.parlia.pin(990, 1000)
    knows = replace(made.trust, consensus_rules=(parlia.RULES,), validator_sets=(pin,))

    def case(name: str, consensus: JsonObject | None, trust: TrustFile, **expected: Any) -> None:
        (anchor,) = made.anchors
        given = anchor if consensus is None else {**anchor, "consensus": consensus}
        book.add(f"consensus: {name}", made, files, "p", changes={"anchors": [given]}, trust=trust, policy=None,
                 **expected)  # fmt: skip

    open_ = {"verdict": "incomplete", "lacks": ("chain.header",)}
    case("signed by pinned validators", proof, knows, has=(("chain.final", "pass"), ("chain.consensus", "pass")))
    case("not carried", None, knows, **open_, has=(("chain.consensus", "unchecked"),))
    case("validators not pinned", proof, replace(knows, validator_sets=()), **open_)
    case("rules not known", proof, made.trust, **open_)
    case("too few headers", {**proof, "headers": headers[:1]}, knows, **open_)
    case("a header missing", {**proof, "headers": headers[1:]}, knows, failed=("chain.consensus",))
    case("malformed", {"kind": "parlia"}, knows, failed=("chain.consensus",))
    case("of a later kind", {"kind": "moon"}, knows, **open_)


def stamps_of(book: Book, desk: Desk2) -> None:
    files = below("p", FILES)
    made = desk.publish(FILES)
    root = made.package.root
    with tempfile.TemporaryDirectory() as place:
        one = Authority(Path(place))
        stamp = Rfc3161Stamp(token(one, subject_message(root))).to_json()
        other = Rfc3161Stamp(token(one, subject_message("5a" * 32))).to_json()
        known = replace(made.trust, time_stamp_roots=(TimeStampRoot("Own clock", one.root_pem),))
    calendar = Calendar(Bitcoin(), "https://calendar.example")
    answer = calendar.handle("POST", "/digest", ots.nonced_digest(root, bytes(16)))[1]
    pending = ots.new_proof(root, [(calendar.url, answer)], bytes(16))
    calendar.confirm(at=1_760_140_800)
    done, _ = ots.complete(pending, lambda p: calendar.handle("GET", f"/timestamp/{p.commitment.hex()}", b"")[1])

    def case(name: str, stamps: list[JsonObject], trust: TrustFile | None = None, **expected: Any) -> None:
        book.add(f"stamps: {name}", made, files, "p", changes={"stamps": stamps}, trust=trust, **expected)

    case("a token, its root trusted", [stamp], known, has=(("time.stamps", "pass"),))
    case("a token, no root trusted", [stamp], has=(("time.stamps", "unchecked"),))
    case("a token of another root", [other], known, failed=("stamp.rfc3161.imprint", "stamp.rfc3161"))
    case("a promise", [OtsStamp(pending).to_json()], has=(("stamp.opentimestamps", "unchecked"),))
    case("in Bitcoin, the block not known", [OtsStamp(done).to_json()], has=(("stamp.opentimestamps", "unchecked"),))
    case("a proof cut short", [OtsStamp(done[:-3]).to_json()], failed=("stamp.opentimestamps",))
    case("of a later kind", [{"kind": "sundial"}, {**stamp, "verified": True}], has=(("stamp.unknown", "unchecked"),))
    case("malformed", [{"kind": "rfc3161"}], failed=("stamp.malformed",))
    block = NotBefore(bitcoin.CHAIN, 0, "0x000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f")
    genesis = (
        "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f617fc81bc3"
        "888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c"
    )
    header = BlockHeader(bitcoin.CHAIN, 0, bytes.fromhex(genesis)).to_json()
    case("a block that the package does not name", [header], has=(("stamp.unknown", "unchecked"),))
    with _naming(block):
        after = desk.publish(FILES)
    holds = replace(after.trust, bitcoin_headers=(BitcoinHeader(0, genesis),))

    def named(name: str, stamps: list[JsonObject], trust: TrustFile | None = None, **expected: Any) -> None:
        book.add(f"not before: {name}", after, files, "p", changes={"stamps": stamps}, trust=trust, **expected)

    named("the block known", [header], holds, has=(("time.not_before", "pass"),))
    named("the block not known", [header], has=(("time.not_before", "unchecked"),))
    named("no header", [], holds, has=(("time.not_before", "unchecked"),))
    wrong = BlockHeader(bitcoin.CHAIN, 0, Bitcoin().headers[0]).to_json()
    named("the header of another block", [wrong], holds, failed=("time.not_before",))
    with tempfile.TemporaryDirectory() as place:
        early = Authority(Path(place))
        first = Rfc3161Stamp(token(early, subject_message(after.package.root))).to_json()
        clocks = replace(holds, time_stamp_roots=(TimeStampRoot("Own clock", early.root_pem),))
    named("with a token", [header, first], clocks, has=(("time.clocks", "pass"),))


@contextmanager
def _naming(block: NotBefore) -> Iterator[None]:
    """Packages made here name a block in their header."""
    with patch.object(simulator, "Seal", lambda seed, publisher: Seal(seed, publisher, (block,))):
        yield


def hostile_of(book: Book, desk: Desk2) -> None:
    made = desk.publish(FILES)
    good = made.bundle().to_json()
    text = json.dumps(good, separators=(",", ":"))
    files = below("p", FILES)

    def case(name: str, data: bytes, code: str) -> None:
        book.add(f"bundle: {name}", data, files, "p", trust=made.trust, error=code)

    case("empty", b"", "bundle.not_json")
    case("cut short", text.encode()[:700], "bundle.truncated")
    case("not JSON", b"PK\x03\x04", "bundle.not_json")
    case("not UTF-8", b'{"format":"\xff"}', "bundle.not_json")
    case("a byte order mark", b"\xef\xbb\xbf" + text.encode(), "bundle.not_json")
    case("more after it", text.encode() + b"{}", "bundle.not_json")
    case("a list", b"[]", "bundle.shape")
    case("a number", b"7", "bundle.shape")
    case("an empty map", b"{}", "bundle.missing_key")
    case("a key twice", text.replace('{"format"', '{"root":"x","format"', 1).encode(), "bundle.duplicate_key")
    case("a fraction", json.dumps({**good, "record": {"x": 0.5}}).encode(), "bundle.float")
    case("a number too large", text.replace('"leaf_count":4', '"leaf_count":9007199254740992', 1).encode(),
         "bundle.integer_range")  # fmt: skip
    case("minus zero", text.replace('"leaf_count":4', '"leaf_count":-0', 1).encode(), "bundle.negative_zero")
    case("NaN", text.replace('"leaf_count":4', '"leaf_count":NaN', 1).encode(), "bundle.constant")
    case("text that is not NFC", json.dumps({**good, "record": {"x": "e\u0301"}}).encode(), "bundle.not_nfc")
    case("a lone surrogate", json.dumps({**good, "record": {"x": "\ud800"}}).encode(), "bundle.surrogate")
    case("text of no Unicode yet", json.dumps({**good, "record": {"x": "\U000323b0"}}).encode(), "bundle.unassigned")
    case("nested without end", b"[" * 100_000, "bundle.too_deep")
    deep: Any = None
    for _ in range(40):
        deep = [deep]
    case("nested deeply", json.dumps({**good, "record": {"x": deep}}).encode(), "bundle.too_deep")
    for key in good:
        left = {k: v for k, v in good.items() if k != key}
        case(f"no {key}", json.dumps(left).encode(), "bundle.missing_key")
    for name, change, code in (
        ("root in capitals", {"root": good["root"].upper()}, "bundle.root"),
        ("content id of a file", {"content_id": "bafkrei" + "a" * 52}, "bundle.content_id"),
        ("an empty list of entries", {"entries": []}, "bundle.shape"),
        ("entries that are texts", {"entries": ["x"]}, "bundle.shape"),
        ("the record a list", {"record": []}, "bundle.shape"),
        ("the listing out of order", {"directory": good["directory"][::-1]}, "bundle.directory"),
        ("the listing no list", {"directory": {}}, "bundle.directory"),
        ("a size below zero", {"directory": [{**good["directory"][0], "tsize": -1}]}, "bundle.directory"),
        ("a size true", {"directory": [{**good["directory"][0], "tsize": True}]}, "bundle.directory"),
        ("a CID of another kind", {"directory": [{**good["directory"][0], "cid": "Qm"}]}, "bundle.directory"),
        ("an anchor twice", {"anchors": good["anchors"] * 2}, "bundle.duplicate_proof"),
        ("an anchor without kind", {"anchors": [{}]}, "bundle.shape"),
        (
            "more anchors than are looked at",
            {"anchors": [{"kind": f"k{n}"} for n in range(65)]},
            "bundle.too_many_proofs",
        ),
    ):
        case(name, json.dumps({**good, **change}).encode(), code)
    for name, change in {"of a later format": {"format": "incident-archive-proof/2"}, "a key more": {"x": 1}}.items():
        book.add(f"bundle: {name}", json.dumps({**good, **change}).encode(), files, "p", trust=made.trust,
                 verdict="incomplete", lacks=("bytes", "merkle"))  # fmt: skip
    book.add("bundle: keys with names of JavaScript", json.dumps({**good, "record": {
        "__proto__": {"a": "1"}, "constructor": "x", "toString": [], "hasOwnProperty": "x"}}).encode(), files, "p",
        trust=made.trust, failed=("bytes", "content_id", "record.matches", "record.valid"))  # fmt: skip
    book.add("bundle: as it is", made, files, "p")


def main() -> None:
    parts = (files_of, trust_of, policies_of, withheld_of, named_of, records_of, leaves_of, anchors_of, history_of,
             consensus_of, stamps_of, hostile_of)  # fmt: skip
    with tempfile.TemporaryDirectory() as place:
        book = Book(Path(place))
        for part in parts:
            folder = Path(place) / part.__name__
            folder.mkdir()
            part(book, Desk2(folder))
        if book.wrong:
            raise SystemExit("\n".join(book.wrong))
        book.write()


if __name__ == "__main__":
    main()
