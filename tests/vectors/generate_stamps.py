"""Writes stamps.json. Keys are made anew, so each run gives other tokens with the same verdicts: run it when
the format changes, not to compare.

python tests/vectors/generate_stamps.py
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

from archive.chain import codec
from archive.stamps import bitcoin, cms, der, ots
from archive.stamps.entries import BlockHeader, OtsStamp, Rfc3161Stamp, Token, subject_message
from tests.support import tokens as t
from tests.support.clocks import Authority, Bitcoin, Calendar, double, mine

ROOT = "5a" * 32
OTHER = "5b" * 32
MESSAGE = subject_message(ROOT)
NONCE = bytes(range(16))
TIME = datetime(2026, 11, 24, 12, tzinfo=UTC)
EARLIER, LATER = datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 25, tzinfo=UTC)
FILE = Path(__file__).with_name("stamps.json")
MAGIC = b"\x00OpenTimestamps\x00\x00Proof\x00\xbf\x89\xe2\xe8\x84\xe8\x92\x94"
ABOUT = (
    "Stamps over a root and what a verifier that trusts `roots` (PEM, for `policies`, if any are named) and has the "
    "headers of `bitcoin` says: `status` of the stamp, `code` of the first check of that status, or null where all "
    "pass, and the `clock` that is shown: its time and margin in seconds. `blocks` are what it says of one block of "
    "`not_before`, with the headers in `stamps` and the answers of nodes. The network is Bitcoin's own, or one as easy "
    "as regtest that is taken to prove time"
)

Json = dict[str, Any]


def token(authority: Authority, message: bytes) -> Token:
    request = TimestampRequestBuilder(data=message, hash_algorithm=HashAlgorithm.SHA256).build()
    made = cms.parse_response(authority.reply(request.as_bytes()))[2]
    assert made is not None
    return Token("example", request.nonce, made)


def changed(value: Json, key: str, place: int) -> Json:
    data = bytearray(base64.b64decode(value[key]))
    data[place] ^= 1
    return {**value, key: base64.b64encode(bytes(data)).decode()}


def case(
    name: str,
    stamp: Json,
    roots: Sequence[str],
    status: str,
    code: str | None = None,
    *,
    root: str = ROOT,
    known: Sequence[Json] = (),
    policies: Sequence[str] = (),
    network: str = "regtest",
    clock: tuple[int, int] | None = None,
) -> Json:
    return {
        "name": name,
        "root": root,
        "stamp": stamp,
        "roots": list(roots),
        "policies": list(policies),
        "bitcoin": list(known),
        "network": network,
        "status": status,
        "code": code and f"stamp.{code}",
        "clock": clock,
    }


def openssl_cases(folder: Path) -> list[Json]:
    """Tokens as `openssl ts` makes them."""
    one, two = Authority(folder / "1"), Authority(folder / "2", name="Second")
    first = Rfc3161Stamp(token(one, MESSAGE))
    renewed = Rfc3161Stamp(first.first, (token(two, first.renewal_message(MESSAGE, 0)),))
    good = first.to_json()
    known = [one.root_pem]
    both = [one.root_pem, two.root_pem]
    other = {**renewed.to_json(), "token": token(one, MESSAGE).to_json()["token"], "nonce": None}
    flipped = changed(good, "token", -3)
    return [
        case("a token, its root trusted", good, known, "pass"),
        case("a token, no root trusted", good, [], "unchecked", "rfc3161.chain"),
        case("a token, another root trusted", good, [two.root_pem], "unchecked", "rfc3161.chain"),
        case("a token of another root", good, known, "fail", "rfc3161.imprint", root=OTHER),
        case("another nonce", {**good, "nonce": "0x7"}, known, "fail", "rfc3161.nonce"),
        case("a flipped signature", flipped, known, "fail", "rfc3161.signature"),
        case("a flipped signature, no root trusted", flipped, [], "fail", "rfc3161.signature"),
        case("a token cut short", {**good, "token": good["token"][:400]}, known, "fail", "rfc3161.der"),
        case("renewed by another authority", renewed.to_json(), both, "pass"),
        case("only the renewal's root trusted", renewed.to_json(), [two.root_pem], "pass"),
        case("a renewal of another token", other, both, "fail", "rfc3161.imprint"),
        case("a key of a later version", {**good, "verified": True}, known, "unchecked", "unknown"),
        case("a key missing", {k: v for k, v in good.items() if k != "ocsp"}, known, "fail", "malformed"),
        case("a kind of a later version", {**good, "kind": "sundial"}, known, "unchecked", "unknown"),
        case("a subject of a later version", {**good, "subject": "batch"}, known, "unchecked", "unknown"),
        case("base64 without padding", {**good, "certificates": ["AAA"]}, known, "fail", "malformed"),
        case("base64 with stray bits", {**good, "certificates": ["AAB="]}, known, "fail", "malformed"),
        case("a nonce with a leading zero", {**good, "nonce": "0x07"}, known, "fail", "malformed"),
    ]


class Craft:
    """Tokens and certificates written byte for byte: one root, and what it issues."""

    def __init__(self) -> None:
        self.root = t.issue(t.name("root"), extensions=t.authority())
        self.cases: list[Json] = []

    def signer(self, text: str = "clock", by: t.Party | None = None, **more: Any) -> t.Party:
        return t.issue(t.name(text), by or self.root, **{"extensions": t.time_stamping(), **more})

    def issuer(self, text: str = "issuing", by: t.Party | None = None, **more: Any) -> t.Party:
        return t.issue(t.name(text), by or self.root, **{"extensions": t.authority(), **more})

    def add(
        self,
        name: str,
        status: str,
        code: str | None = None,
        *,
        signer: t.Party | None = None,
        content: bytes | None = None,
        certificates: Sequence[bytes] | None = None,
        root: t.Party | None = None,
        beside: Sequence[bytes] = (),
        crls: Sequence[bytes] = (),
        ocsp: Sequence[bytes] = (),
        renew: Callable[[Rfc3161Stamp], Token] | None = None,
        policies: Sequence[str] = (),
        clock: tuple[int, int] | None = None,
        **more: Any,
    ) -> None:
        """A case of a token by `signer` (a new one if none is given); `more` is for `t.token`."""
        by = signer or self.signer()
        raw = t.token(content or t.info(MESSAGE), by, [by.raw] if certificates is None else certificates, **more)
        stamp = Rfc3161Stamp(Token("example", None, raw, tuple(beside), tuple(crls), tuple(ocsp)))
        if renew is not None:
            stamp = replace(stamp, renewals=(renew(stamp),))
        trusted = [(root or self.root).pem]
        self.cases.append(case(name, stamp.to_json(), trusted, status, code, policies=policies, clock=clock))


def token_cases() -> list[Json]:
    craft = Craft()
    add, signer, issuer, root = craft.add, craft.signer, craft.issuer, craft.root
    at = int(TIME.timestamp())
    accuracy = t.sequence(t.integer(2), b"\x80\x02\x01\xf4")
    add("written by hand", "pass", clock=(at, 1))
    add("its accuracy rounded up", "pass", content=t.info(MESSAGE, accuracy=accuracy), clock=(at, 3))
    exact = t.info(MESSAGE, accuracy=t.sequence(t.integer(0)), time="20261124120000.9Z")
    add("never right to less than a second", "pass", content=exact, clock=(at, 1))
    add("an imprint of SHA-512", "pass", content=t.info(MESSAGE, imprint="sha512"))
    add("an imprint of SHA-1", "unchecked", "rfc3161.imprint", content=t.info(MESSAGE, imprint="sha1"))
    add("an imprint of another message", "fail", "rfc3161.imprint", content=t.info(b"another"))
    add("no policy", "fail", "rfc3161.der", content=t.info(MESSAGE, policy=None))
    add("a time that is none", "fail", "rfc3161.der", content=t.info(MESSAGE, time="20260230120000Z"))
    add("a time without Z", "fail", "rfc3161.der", content=t.info(MESSAGE, time="20261124120000"))
    add("a policy that is accepted", "pass", policies=["1.2.3.9", "1.2.3.4.1"])
    add("a policy that is not accepted", "unchecked", "rfc3161.policy", policies=["1.2.3.9"])

    add("its certificate named by SHA-1", "pass", version=1)
    add("its certificate not named", "fail", "rfc3161.signature", version=0)
    add("another certificate named", "fail", "rfc3161.signature", named=b"another")
    add("signed by SHA-512", "pass", digest="sha512")
    add("signed over another digest than is stated", "fail", "rfc3161.chain", signature_digest="sha384")
    add("its digest not in the list of them", "fail", "rfc3161.chain", listed="sha512")
    pss = t.sequence(t.oid("1.2.840.113549.1.1.10"))
    rsa_key = rsa.generate_private_key(65537, 2048)
    add("signed by RSA", "pass", signer=signer(key=rsa_key))
    add("signed by RSA, its algorithm without a digest", "pass", signer=signer(key=rsa_key), algorithm=_plain_rsa())
    add("signed by RSA-PSS", "unchecked", "rfc3161.algorithm", signer=signer(key=rsa_key), algorithm=pss)
    for curve in (ec.SECP384R1(), ec.SECP521R1()):
        add(f"signed by {curve.name}", "pass", signer=signer(key=ec.generate_private_key(curve)), digest="sha512")
    edwards = signer(key=ed25519.Ed25519PrivateKey.generate())
    add("signed by Ed25519", "unchecked", "rfc3161.algorithm", signer=edwards)

    add("no certificate with it", "unchecked", "rfc3161.signature", certificates=[])
    middle = issuer()
    below = signer(by=middle)
    add("a certificate between", "pass", signer=below, certificates=[below.raw, middle.raw])
    add("certificates in no order", "pass", signer=below, certificates=[middle.raw, root.raw, below.raw])
    add(
        "its certificate beside it, another inside", "pass", signer=below, certificates=[middle.raw], beside=[below.raw]
    )
    add("the certificate between is missing", "unchecked", "rfc3161.chain", signer=below)
    named = signer()
    decoy = signer(serial=named.serial)
    add("another of the same name and number first", "pass", signer=named, certificates=[decoy.raw, named.raw])
    odd = signer(version=1)
    add("a certificate of a version that there is not", "unchecked", "rfc3161.signature", signer=odd)
    bits = t.sequence(t.set_of(t.sequence(t.oid("2.5.4.3"), b"\x03\x02\x00\x01")))
    unread = [t.issue(bits, root).raw, odd.raw, b"\x30\x00"]
    add("certificates beside it that cannot be read", "pass", beside=unread)

    loose = signer(extensions=t.time_stamping(critical=False))
    add("extended key usage not critical", "fail", "rfc3161.purpose", signer=loose)
    twice = signer(extensions=(*t.time_stamping(), *t.time_stamping()))
    add("extensions that stand twice", "fail", "rfc3161.purpose", signer=twice)
    for text, usage, status in (
        ("no key usage", None, "pass"),
        ("key usage for non-repudiation", b"\x03\x02\x06\x40", "pass"),
        ("key usage for encipherment too", b"\x03\x02\x05\xa0", "fail"),
        ("an empty key usage", b"\x03\x01\x00", "fail"),
    ):
        party = signer(extensions=t.time_stamping(usage=usage))
        add(text, status, "rfc3161.chain" if status == "fail" else None, signer=party)
    for critical in (False, True):
        party = signer(extensions=(*t.time_stamping(), t.extension("1.2.3.4", t.NULL, critical=critical)))
        text = f"an unknown extension, {'' if critical else 'not '}critical"
        add(text, "fail" if critical else "pass", "rfc3161.chain" if critical else None, signer=party)

    def through(text: str, status: str, code: str | None, between: t.Party, top: t.Party | None = None) -> None:
        party = signer(by=between)
        add(text, status, code, signer=party, certificates=[party.raw, between.raw], root=top)

    through("an issuer that is no authority", "fail", "rfc3161.chain", issuer(extensions=t.time_stamping()))
    no_basic = issuer(extensions=t.authority()[1:])
    through("an issuer without basic constraints", "fail", "rfc3161.chain", no_basic)
    signs_not = issuer(extensions=t.authority(usage=b"\x03\x02\x07\x80"))
    through("an issuer whose key may not sign certificates", "fail", "rfc3161.chain", signs_not)
    short = t.issue(t.name("short"), extensions=t.authority(length=0))
    add("a path as long as allowed", "pass", signer=signer(by=short), root=short)
    through("a path longer than allowed", "fail", "rfc3161.chain", issuer(by=short), short)
    upper = issuer("upper")
    through("an intermediate as the root", "fail", "rfc3161.chain", issuer(by=upper), upper)
    wrong_key = t.extension("2.5.29.35", t.sequence(der.encode(0x80, b"another")))
    keyed = t.issue(t.name("keyed"), extensions=(*t.authority(), t.extension("2.5.29.14", b"\x04\x03own")))
    party = signer(by=keyed, extensions=(*t.time_stamping(), wrong_key))
    add("another key of its issuer named", "fail", "rfc3161.chain", signer=party, root=keyed)
    own_key = t.extension("2.5.29.35", t.sequence(der.encode(0x80, b"own")))
    party = signer(by=keyed, extensions=(*t.time_stamping(), own_key))
    add("the key of its issuer named", "pass", signer=party, root=keyed)

    for text, limits, allowed in (
        ("a name that its issuer allows", {0xA0: "CLOCK"}, True),
        ("a name that its issuer does not allow", {0xA0: "another"}, False),
        ("a name that its issuer forbids", {0xA1: "clock"}, False),
        ("another name forbidden", {0xA1: "another"}, True),
    ):
        trees = [der.encode(tag, t.sequence(der.encode(0xA4, t.name(name)))) for tag, name in limits.items()]
        limiting = t.extension("2.5.29.30", t.sequence(*trees), critical=True)
        between = issuer(extensions=(*t.authority(), limiting))
        through(text, "pass" if allowed else "fail", None if allowed else "rfc3161.chain", between)

    valid = datetime(2020, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)
    add("expired in the second of the token", "fail", "rfc3161.chain", signer=signer(valid=(valid[0], TIME)))
    add("valid from the second of the token", "pass", signer=signer(valid=(TIME, valid[1])))
    add("not yet valid", "fail", "rfc3161.chain", signer=signer(valid=(LATER, valid[1])))
    old = t.issue(t.name("old"), extensions=t.authority(), valid=(valid[0], EARLIER))
    add("its root expired", "fail", "rfc3161.chain", signer=signer(by=old), root=old)

    by_rsa = t.issue(t.name("RSA"), key=rsa_key, extensions=t.authority())
    for digest, status in (("sha1", "unchecked"), ("sha512", "pass")):
        party = signer(by=by_rsa, digest=digest)
        add(
            f"a root of RSA and {digest}",
            status,
            "rfc3161.chain" if digest == "sha1" else None,
            signer=party,
            root=by_rsa,
        )
    for digest in ("sha256", "sha512"):
        add(f"a root of RSA-PSS and {digest}", "pass", signer=signer(by=by_rsa, digest=digest, pss=True), root=by_rsa)
    return craft.cases


def _plain_rsa() -> bytes:
    return t.sequence(t.oid("1.2.840.113549.1.1.1"), t.NULL)


def renewal_cases() -> list[Json]:
    craft = Craft()
    signer = craft.signer(valid=(datetime(2020, 1, 1, tzinfo=UTC), LATER))

    def renewed(time: str) -> Callable[[Rfc3161Stamp], Token]:
        def renew(stamp: Rfc3161Stamp) -> Token:
            content = t.info(stamp.renewal_message(MESSAGE, 0), time=time)
            by = craft.signer("second")
            return Token(None, None, t.token(content, by, [by.raw]))

        return renew

    at = int(TIME.timestamp())
    craft.add("renewed in time", "pass", signer=signer, renew=renewed("20261124130000Z"), clock=(at, 1))
    craft.add("renewed too late", "unchecked", "rfc3161.revocation", signer=signer, renew=renewed("20261126130000Z"))
    craft.cases[-1].update(status="pass", code=None)
    craft.add("renewed before", "fail", "rfc3161.renewal", signer=signer, renew=renewed("20261124110000Z"))
    return craft.cases


def revocation_cases() -> list[Json]:
    craft = Craft()
    root = craft.root
    party = craft.signer()
    name = x509.load_der_x509_certificate(root.raw).subject

    def crl(*, revoked: datetime | None = None, reason: x509.ReasonFlags | None = None, by: t.Party = root) -> bytes:
        builder = x509.CertificateRevocationListBuilder().issuer_name(name)
        builder = builder.last_update(EARLIER).next_update(LATER)
        if revoked is not None:
            entry = x509.RevokedCertificateBuilder().serial_number(party.serial).revocation_date(revoked)
            if reason is not None:
                entry = entry.add_extension(x509.CRLReason(reason), critical=False)
            builder = builder.add_revoked_certificate(entry.build())
        return builder.sign(by.key, hashes.SHA256()).public_bytes(Encoding.DER)

    def answer(
        *,
        revoked: datetime | None = None,
        reason: x509.ReasonFlags | None = None,
        by: t.Party = root,
        algorithm: hashes.HashAlgorithm | None = None,
    ) -> bytes:
        responder = x509.load_der_x509_certificate(by.raw)
        builder = ocsp.OCSPResponseBuilder().add_response(
            cert=x509.load_der_x509_certificate(party.raw),
            issuer=x509.load_der_x509_certificate(root.raw),
            algorithm=algorithm or hashes.SHA256(),
            cert_status=ocsp.OCSPCertStatus.GOOD if revoked is None else ocsp.OCSPCertStatus.REVOKED,
            this_update=EARLIER,
            next_update=LATER,
            revocation_time=revoked,
            revocation_reason=reason,
        )
        builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, responder)
        if by is not root:
            builder = builder.certificates([responder])
        return builder.sign(by.key, hashes.SHA256()).public_bytes(Encoding.DER)

    flags = x509.ReasonFlags
    other = t.issue(t.name("root"), extensions=t.authority())
    delegated = craft.signer("responder", extensions=(_for_ocsp(),))
    undelegated = craft.signer("responder")
    third = bytearray(crl())
    third[third.index(b"\x02\x01\x01") + 2] = 2

    def add(text: str, status: str = "pass", **kept: tuple[bytes, ...]) -> None:
        craft.add(text, status, "rfc3161.revocation" if status == "fail" else None, signer=party, **kept)

    add("not revoked by a CRL", crls=(crl(),))
    add("not revoked by an OCSP answer", ocsp=(answer(),))
    add("not revoked by an OCSP answer that names it by SHA-1", ocsp=(answer(algorithm=hashes.SHA1()),))
    for form, make in (("crls", crl), ("ocsp", answer)):
        word = "a CRL" if form == "crls" else "an OCSP answer"
        add(f"its key stolen later, by {word}", "fail", **{form: (make(revoked=LATER, reason=flags.key_compromise),)})
        add(f"revoked later without a reason, by {word}", "fail", **{form: (make(revoked=LATER),)})
        add(f"superseded later, by {word}", **{form: (make(revoked=LATER, reason=flags.superseded),)})
        add(f"superseded before, by {word}", "fail", **{form: (make(revoked=EARLIER, reason=flags.superseded),)})
        add(f"superseded in that second, by {word}", "fail", **{form: (make(revoked=TIME, reason=flags.superseded),)})
        stolen = make(revoked=LATER, reason=flags.key_compromise, by=other)
        add(f"revoked by {word} of another of the same name", **{form: (stolen,)})
    stolen = {"revoked": LATER, "reason": flags.key_compromise}
    add("revoked by a responder of its issuer", "fail", ocsp=(answer(**stolen, by=delegated),))
    add("revoked by a responder without the purpose", ocsp=(answer(**stolen, by=undelegated),))
    add("answers that cannot be read", crls=(bytes(third), b"\x30\x00"), ocsp=(b"\x30\x00", b"nonsense"))
    return craft.cases


def _for_ocsp() -> bytes:
    return t.extension(t.EXTENDED_KEY_USAGE, t.sequence(t.oid("1.3.6.1.5.5.7.3.9")))


# --- OpenTimestamps ---------------------------------------------------------------------------------------------------

PENDING = bytes.fromhex("83dfe30d2ef90c8e")
BITCOIN = bytes.fromhex("0588960d73d71901")
LITECOIN = bytes.fromhex("06869a0d73d71b45")


def varint(value: int) -> bytes:
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def varbytes(data: bytes) -> bytes:
    return varint(len(data)) + data


def attestation(tag: bytes, payload: bytes) -> bytes:
    return b"\x00" + tag + varbytes(payload)


def pending(uri: str = "https://calendar.example") -> bytes:
    return attestation(PENDING, varbytes(uri.encode()))


def in_block(height: int, tag: bytes = BITCOIN) -> bytes:
    return attestation(tag, varint(height))


def detached(rest: bytes, digest: bytes | None = None, tag: bytes = b"\x08") -> bytes:
    return MAGIC + b"\x01" + tag + (digest or hashlib.sha256(MESSAGE).digest()) + rest


def known_header(height: int, header: bytes, *, kind: str = "file", source: str = "your file") -> Json:
    return {"height": height, "source": source, "kind": kind, "header": header.hex()}


def proof_cases() -> list[Json]:
    calendar = Calendar(Bitcoin(), "https://calendar.example")
    answer = calendar.handle("POST", "/digest", ots.nonced_digest(ROOT, NONCE))[1]
    promised = ots.new_proof(ROOT, [(calendar.url, answer)], NONCE)
    height = calendar.confirm(at=1_760_140_800)
    complete, _ = ots.complete(promised, lambda p: calendar.handle("GET", f"/timestamp/{p.commitment.hex()}", b"")[1])
    header = calendar.chain.headers[height]
    version = bytearray(complete)
    version[31] = 2
    cases: list[Json] = []

    def add(name: str, proof: bytes, headers: list[bytes], status: str, code: str | None = None, **more: Any) -> None:
        known = [known_header(height, h) for h in headers]
        cases.append(case(name, OtsStamp(proof).to_json(), [], status, code, **{"known": known, **more}))

    block = "opentimestamps.block"
    whole = "opentimestamps"
    add("complete, its block known", complete, [header], "pass", clock=(1_760_140_800, 7200))
    add("complete, no block known", complete, [], "unchecked", block)
    add("complete, another block there", complete, [mine(b"x" * 32, 7)], "fail", block)
    add("no work on the header", complete, [header[:75] + b"\x03" + header[76:]], "fail", block)
    add("a header of little work on Bitcoin's own chain", complete, [header], "fail", block, network="main")
    add("pending, its block known", promised, [header], "unchecked", whole)
    add("of another root", complete, [header], "fail", "opentimestamps.subject", root=OTHER)
    add("cut short", complete[:-3], [header], "fail", whole)
    add("bytes after the end", complete + b"\x00", [header], "fail", whole)
    add("a later version", bytes(version), [header], "unchecked", whole)

    subject = hashlib.sha256(MESSAGE).digest()
    steps = (
        (b"\xf0" + varbytes(b"after"), lambda m: m + b"after"),
        (b"\x02", lambda m: hashlib.sha1(m).digest()),
        (b"\xf1" + varbytes(b"before"), lambda m: b"before" + m),
        (b"\x03", lambda m: hashlib.new("ripemd160", m).digest()),
        (b"\xf3", lambda m: m.hex().encode()),
        (b"\xf2", lambda m: m[::-1]),
        (b"\x67", codec.keccak),
    )
    value = subject
    for _, apply in steps:
        value = apply(value)
    every = mine(value, 1_760_000_000)
    path = b"".join(step for step, _ in steps)
    add("every operation there is", detached(path + in_block(height)), [every], "pass", clock=(1_760_000_000, 7200))
    both = detached(b"\xff" + in_block(height + 1) + in_block(height))
    own = mine(subject, 1_750_000_000)
    two = [known_header(height, own), known_header(height + 1, mine(b"x" * 32, 7))]
    add("beside a block that does not hold, one that does", both, [], "pass", known=two, clock=(1_750_000_000, 7200))
    add("only in a block of another chain", detached(in_block(height, LITECOIN)), [own], "unchecked", whole)
    add("only an attestation not known", detached(attestation(bytes(8), b"word")), [own], "unchecked", whole)
    add("a height that cannot be", detached(in_block(1 << 31)), [own], "fail", whole)
    add("over what is no merkle root", detached(b"\xf0\x01x" + in_block(height)), [own], "fail", whole)
    add("an operation not known", detached(b"\x09" + in_block(height)), [own], "fail", whole)
    add("an operation that adds nothing", detached(b"\xf0\x00" + in_block(height)), [own], "fail", whole)
    add("an operation that adds too much", detached(b"\xf0" + varbytes(bytes(4097)) + pending()), [own], "fail", whole)
    longest = b"\xf0" + varbytes(bytes(4064)) + b"\x08" + in_block(height)
    fits = mine(hashlib.sha256(subject + bytes(4064)).digest(), 1_740_000_000)
    add("a message as long as allowed", detached(longest), [fits], "pass")
    add("a message too long", detached(b"\xf0" + varbytes(bytes(4065)) + b"\x08" + pending()), [own], "fail", whole)
    deep = mine(_many(subject, 255), 1_740_000_000)
    add("as deep as allowed", detached(b"\x08" * 255 + in_block(height)), [deep], "pass")
    add("too deep", detached(b"\x08" * 256 + in_block(height)), [own], "fail", whole)
    crowd = b"".join(b"\xff" + in_block(n) for n in range(100, 163))
    add("as many attestations as allowed", detached(crowd + in_block(height)), [own], "pass")
    add("too many attestations", detached(crowd + b"\xff" + in_block(99) + in_block(height)), [own], "fail", whole)
    add("an address with a character that is not allowed", detached(pending("https://x/?")), [own], "fail", whole)
    add("bytes after an attestation", detached(attestation(BITCOIN, varint(height) + b"\x00")), [own], "fail", whole)
    again = b"\xff\x08" + in_block(height) + b"\x08" + pending()
    hashed = mine(hashlib.sha256(subject).digest(), 1_740_000_000)
    add("an operation twice: the later one counts", detached(again), [hashed], "unchecked", whole)
    short = detached(pending(), hashlib.sha1(MESSAGE).digest(), b"\x02")
    add("over another digest of the root", short, [own], "fail", "opentimestamps.subject")
    add("a digest that files do not have", detached(in_block(height), tag=b"\xf2"), [own], "fail", whole)

    plain = detached(in_block(height))
    other = mine(b"x" * 32, 7)

    def told(*headers: tuple[str, str, bytes]) -> list[Json]:
        return [known_header(height, h, kind=kind, source=source) for source, kind, h in headers]

    sources = told(("a", "source", own), ("b", "source", own))
    add("two sources agree", plain, [], "pass", known=sources)
    add("one source alone", plain, [], "unchecked", block, known=sources[:1])
    add("one source said twice", plain, [], "unchecked", block, known=[sources[0]] * 2)
    against = told(("a", "source", own), ("b", "source", other))
    add("two sources contradict", plain, [], "unchecked", block, known=against)
    against = told(("a", "source", other), ("b", "source", other), ("c", "source", own))
    add("two sources have another block", plain, [], "fail", block, known=against)
    mixed = told(("a", "source", other), ("b", "source", other), ("node", "node", own))
    add("one's own node against sources", plain, [], "pass", known=mixed)
    mixed = told(("file", "file", own), ("node", "node", other))
    add("one's own file against one's own node", plain, [], "unchecked", block, known=mixed)
    add("a header that is none", plain, [], "fail", block, known=told(("file", "file", own[:79])))
    return cases


def _many(message: bytes, times: int) -> bytes:
    for _ in range(times):
        message = hashlib.sha256(message).digest()
    return message


# --- not before -------------------------------------------------------------------------------------------------------


def block_cases() -> list[Json]:
    cases: list[Json] = []

    def add(
        name: str,
        block: Json,
        headers: Sequence[BlockHeader],
        status: str,
        *,
        known: Sequence[Json] = (),
        answers: Sequence[tuple[str, str, str | None]] = (),
        quorum: int | None = None,
        network: str = "regtest",
        clock: tuple[int, int] | None = None,
    ) -> None:
        said = [
            {
                "chain": block["chain"],
                "height": block["height"],
                "source": source,
                "outcome": outcome,
                "found": found,
                "place": source,
            }
            for source, outcome, found in answers
        ]
        cases.append(
            {
                "name": name,
                "not_before": block,
                "stamps": [h.to_json() for h in headers],
                "bitcoin": list(known),
                "answers": said,
                "quorum": quorum,
                "network": network,
                "status": status,
                "clock": clock,
            }
        )

    height, time = 5, 1_760_000_000
    raw = mine(b"m" * 32, time)
    block = {"chain": bitcoin.CHAIN, "height": height, "hash": "0x" + double(raw)[::-1].hex()}
    given = BlockHeader(bitcoin.CHAIN, height, raw)
    known = [known_header(height, raw)]
    other = mine(b"o" * 32, time)
    clock = (time, bitcoin.CLOCK_MARGIN)
    add("a Bitcoin block that the file has", block, [given], "pass", known=known, clock=clock)
    add("a Bitcoin block that nobody has", block, [given], "unchecked")
    add("a Bitcoin block, another there", block, [given], "fail", known=[known_header(height, other)])
    add("a Bitcoin block, its header missing", block, [], "unchecked", known=known)
    add("a Bitcoin block, the header of another", block, [replace(given, header=other)], "fail", known=known)
    add("a Bitcoin block, a header that is none", block, [replace(given, header=raw[:79])], "fail", known=known)
    add("a Bitcoin block of little work", block, [given], "fail", known=known, network="main")
    add(
        "a block of an unknown chain",
        {**block, "chain": "cosmos:hub"},
        [replace(given, chain="cosmos:hub")],
        "unchecked",
    )

    fields = [bytes(32), bytes(32), bytes(20), bytes(32), bytes(32), bytes(32), bytes(256), b"\x01", b"\x03\x84"]
    fields += [b"\x01", b"", time.to_bytes(4, "big"), b"", bytes(32), bytes(8)]
    chain = "eip155:97"

    def evm(raw: bytes, at: int = 900) -> tuple[Json, BlockHeader]:
        return {"chain": chain, "height": at, "hash": codec.to_hex(codec.keccak(raw))}, BlockHeader(chain, at, raw)

    block, given = evm(codec.rlp_encode(fields))
    fork = "0x" + "ab" * 32
    add(
        "an EVM block that a node has",
        block,
        [given],
        "pass",
        answers=[("one", "same", block["hash"])],
        clock=(time, 0),
    )
    add("an EVM block, nobody asked", block, [given], "unchecked")
    add("an EVM block, another there", block, [given], "fail", answers=[("one", "other", fork)])
    add(
        "an EVM block, another there, maybe of another history",
        block,
        [given],
        "unchecked",
        answers=[("one", "unknown_history", fork)],
    )
    split = [("one", "same", block["hash"]), ("two", "other", fork)]
    add("an EVM block, nodes contradict", block, [given], "unchecked", answers=split)
    add("an EVM block, a quorum not reached", block, [given], "unchecked", answers=split[:1], quorum=2)
    three = [*split, ("three", "same", block["hash"])]
    add("an EVM block, a quorum reached", block, [given], "pass", answers=three, quorum=2, clock=(time, 0))
    silent = [("one", "unreachable", None), ("two", "absent", None), ("three", "other_history", None)]
    add("an EVM block, no node can tell", block, [given], "unchecked", answers=silent)
    same = [("one", "same", None)]
    add("an EVM block, its header cut", block, [replace(given, header=given.header[:-1])], "fail", answers=same)
    wrong, header = evm(codec.rlp_encode(fields), 901)
    add("an EVM block of another height", wrong, [header], "fail", answers=same)
    wrong, header = evm(codec.rlp_encode(fields[:14]))
    add("an EVM block with too few fields", wrong, [header], "fail", answers=same)
    wrong, header = evm(b"\xc1\x81\x01")
    add("an EVM block that is no canonical RLP", wrong, [header], "fail", answers=same)
    later, header = evm(codec.rlp_encode([*fields, b"", bytes(32), b"", b"", bytes(32), bytes(32), b"new"]))
    add("an EVM block of a later fork", later, [header], "pass", answers=same, clock=(time, 0))
    return cases


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        cases = openssl_cases(Path(folder))
    cases += token_cases() + renewal_cases() + revocation_cases() + proof_cases()
    value = {"about": ABOUT, "cases": cases, "blocks": block_cases()}
    FILE.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
