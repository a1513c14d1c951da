"""Tokens under chains of certificates put together at random, most with something wrong: questions for both verifiers.

crafted.py SEED COUNT: JSON lines as `oracle.py` takes them. Choices follow from the seed; keys are new each time.
"""

from __future__ import annotations

import base64
import json
import random
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from archive.stamps import der
from archive.stamps.entries import Rfc3161Stamp, Token
from tests.support import tokens as t

ROOT = "5a" * 32
MESSAGE = bytes.fromhex(ROOT)
START, END = datetime(2020, 1, 1, tzinfo=UTC), datetime(2049, 1, 1, tzinfo=UTC)
BEFORE, AFTER = datetime(2026, 11, 24, 11, 59, 59, tzinfo=UTC), datetime(2026, 11, 24, 12, 0, 1, tzinfo=UTC)
KEYS = {
    "rsa": rsa.generate_private_key(65537, 2048),
    "p384": ec.generate_private_key(ec.SECP384R1()),
    "ed": ed25519.Ed25519PrivateKey.generate(),
}
CA = b"\x01\x01\xff"
OTHER_PURPOSES = ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.9", "2.5.29.37.0", "1.2.3.4"]
ANY = "2.5.29.32.0"


class Choices:
    """Mostly the sound thing; `odd` says how often another."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311  # the same choices for a seed

    def pick(self, good: Any, *others: Any, odd: float = 0.06) -> Any:
        return self.random.choice(others) if self.random.random() < odd else good

    def basic(self, *, authority: bool) -> tuple[bytes, ...]:
        sound = t.sequence(CA) if authority else t.sequence()
        others = (
            None,
            t.sequence(CA, t.integer(0)),
            t.sequence(CA, t.integer(1)),
            t.sequence(CA, t.integer(-1)),
            t.sequence() if authority else t.sequence(CA),
            t.sequence(t.integer(0)),
            t.sequence(t.integer(1)),
            t.sequence(b"\x01\x01\x00"),
            b"\x04\x00",
            t.sequence(CA) + b"\x00",
        )
        value = self.pick(sound, *others)
        return () if value is None else (t.extension(t.BASIC_CONSTRAINTS, value, critical=self.pick(True, False)),)

    def usage(self, sound: bytes) -> tuple[bytes, ...]:
        others = (
            None,
            b"\x03\x02\x07\x80",
            b"\x03\x02\x01\x06",
            b"\x03\x02\x06\xc0",
            b"\x03\x02\x00\xff",
            b"\x03\x01\x00",
        )
        others += (b"\x03\x03\x07\x00\x80", b"\x04\x01\x80", b"\x03\x02\x07\x81", b"\x03\x02\x02\x04", b"")
        value = self.pick(sound, *others)
        return () if value is None else (t.extension(t.KEY_USAGE, value, critical=self.pick(True, False)),)

    def purposes(self) -> tuple[bytes, ...]:
        stamping = t.oid(t.TIME_STAMPING)
        others = (
            None,
            t.sequence(),
            t.sequence(stamping, stamping),
            *(t.sequence(stamping, t.oid(other)) for other in OTHER_PURPOSES),
            *(t.sequence(t.oid(other)) for other in OTHER_PURPOSES),
            b"\x04\x00",
        )
        value = self.pick(t.sequence(stamping), *others)
        return () if value is None else (t.extension(t.EXTENDED_KEY_USAGE, value, critical=self.pick(True, False)),)

    def more(self) -> tuple[bytes, ...]:
        names = t.sequence(der.encode(0x82, b"clock.example"))
        point = t.sequence(t.sequence(der.encode(0xA0, der.encode(0xA0, der.encode(0x86, b"http://c.example")))))
        found = []
        for dotted, value in (
            ("1.2.3.4", t.NULL),
            ("2.5.29.17", names),
            ("2.5.29.31", point),
            ("2.5.29.32", t.sequence(t.sequence(t.oid(ANY)))),
            ("2.5.29.36", t.sequence(der.encode(0x80, b"\x00"))),
            ("2.5.29.54", t.integer(0)),
            ("2.5.29.18", names),
            ("1.3.6.1.5.5.7.48.1.5", t.NULL),
            ("1.3.6.1.5.5.7.1.1", t.sequence(t.sequence(t.oid("1.3.6.1.5.5.7.48.1"), der.encode(0x86, b"http://o")))),
        ):
            # Limits on names that are not directory names are left unchecked in the browser.
            if self.random.random() < 0.05 and dotted != "2.5.29.17":
                found.append(t.extension(dotted, value, critical=self.pick(False, True, odd=0.3)))
        return tuple(found)

    def limits(self) -> tuple[bytes, ...]:
        if self.random.random() > 0.2:
            return ()
        names = ["clock", " CLOCK ", "issuing 0", "issuing 1", "other", "cloc"]
        trees = []
        for tag in (0xA0, 0xA1):
            some = self.random.sample(names, self.random.choice([0, 0, 1, 4] if tag == 0xA1 else [0, 3, 4]))
            if some:
                bases = [t.sequence(der.encode(0xA4, t.name(name, tag=self.pick(0x0C, 0x13)))) for name in some]
                trees.append(der.encode(tag, b"".join(bases)))
        return (t.extension("2.5.29.30", t.sequence(*trees), critical=True),) if trees else ()

    def identifiers(self, own: bytes, issuer: t.Party | None) -> tuple[bytes, ...]:
        found = []
        if self.random.random() < 0.5:
            found.append(t.extension("2.5.29.14", self.pick(der.encode(0x04, own), b"\x04\x03odd", b"\x30\x00")))
        if self.random.random() < 0.4:
            of = b"" if issuer is None else issuer.subject
            serial = 1 if issuer is None else issuer.serial
            name_of = of if issuer is None else issuer.issuer
            key = der.encode(0x80, self.pick(of, b"odd"))
            place = der.encode(0xA1, der.encode(0xA4, self.pick(name_of, t.name("odd"))))
            number = der.encode(0x82, t.integer(self.pick(serial, 7))[2:])
            value = self.random.choice([t.sequence(key), t.sequence(), t.sequence(key, place, number), b"\x04\x00"])
            if issuer is None:
                value = self.random.choice([t.sequence(der.encode(0x80, self.pick(own, b"odd"))), t.sequence()])
            found.append(t.extension("2.5.29.35", value))
        return tuple(found)

    def certificate(self, text: str, issuer: t.Party | None, *, authority: bool, key: Any) -> t.Party:
        name = t.name(text, tag=self.pick(0x0C, 0x13, odd=0.1))
        extensions = [
            *self.basic(authority=authority),
            *self.usage(b"\x03\x02\x01\x06" if authority else b"\x03\x02\x07\x80"),
        ]
        if not authority or self.random.random() < 0.05:
            extensions += self.purposes()
        extensions += [*self.more(), *self.identifiers(name, issuer), *(self.limits() if authority else ())]
        if extensions and self.random.random() < 0.03:
            extensions.append(self.random.choice(extensions))
        self.random.shuffle(extensions)
        signer = key if issuer is None else issuer.key
        is_rsa = isinstance(signer, rsa.RSAPrivateKey)
        start, end = self.pick((START, END), (AFTER, END), (START, BEFORE), (START, AFTER), (BEFORE, END))
        return t.issue(
            name,
            issuer,
            key=key,
            version=self.pick(2, 0, 1, 3, odd=0.03),
            valid=(start, end),
            extensions=extensions,
            digest=self.random.choice(["sha256", "sha384", "sha512"]),
            pss=is_rsa and self.random.random() < 0.3,
        )

    def key(self) -> Any:
        return self.random.choice(
            [None, None, None, KEYS["rsa"], KEYS["p384"], KEYS["ed"] if self.random.random() < 0.2 else None]
        )

    def question(self) -> dict[str, Any]:
        path = [
            self.certificate("root", None, authority=True, key=self.key() or ec.generate_private_key(ec.SECP256R1()))
        ]
        for level in range(self.random.choice([0, 1, 1, 2])):
            # Two of one name, told apart by nothing: OpenSSL takes the one that its store happens to give first.
            path.append(self.certificate(f"issuing {level}", path[-1], authority=True, key=self.key()))
        signer = self.certificate("clock", path[-1], authority=False, key=self.key())
        digest = self.random.choice(["sha256", "sha512"])
        raw = t.token(
            t.info(MESSAGE, imprint=self.pick("sha256", "sha512", "sha1")),
            signer,
            self.pick([signer.raw, *(p.raw for p in path[:0:-1])], [signer.raw], [p.raw for p in path]),
            digest=digest,
            listed=self.pick(None, "sha384"),
            signature_digest=self.pick(None, "sha384"),
            version=self.pick(2, 1, 0),
        )
        trusted = self.pick(path[0], path[-1])
        stamp = Rfc3161Stamp(Token("example", None, raw, self.pick((), tuple(p.raw for p in path))))
        return {
            "root": ROOT,
            "stamps": [stamp.to_json()],
            "not_before": [],
            "roots": [{"name": "root", "certificate": pem(trusted.raw), "policies": []}],
            "bitcoin": [],
            "blocks": [],
            "quorum": None,
            "proves_time": True,
        }


def pem(raw: bytes) -> str:
    text = base64.b64encode(raw).decode()
    lines = [text[place : place + 64] for place in range(0, len(text), 64)]
    return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])


def main() -> None:
    seed, count = int(sys.argv[1]), int(sys.argv[2])
    for number in range(count):
        sys.stdout.write(json.dumps(Choices(seed * 1_000_003 + number).question()) + "\n")


if __name__ == "__main__":
    main()
