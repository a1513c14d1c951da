"""What is planted: 100 secrets and personal data, and 200 look-alikes that are fine. All of it is made up from seeds.

Secrets are put together when this runs, so that no scanner of repositories takes the file for a leak.
"""

# ruff: noqa: E501 - one line is one kind
from __future__ import annotations

import base64
import hashlib
import random
import string
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from archive.evidence import personal

WORDS = (Path(personal.__file__).with_name("bip39_english.txt")).read_text().split()
ALNUM = string.ascii_letters + string.digits
B58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


@dataclass(frozen=True)
class Planted:
    """`key` is the name it stands under, `value` the thing itself, `rules` of which one must hit."""

    kind: str
    key: str
    value: str
    rules: frozenset[str]


@dataclass(frozen=True)
class LookAlike:
    kind: str
    key: str
    value: str


def _text(rng: random.Random, count: int, signs: str = ALNUM) -> str:
    found = "".join(rng.choice(signs) for _ in range(count - 1))
    return found + "7"


def _digits(rng: random.Random, count: int) -> str:
    return str(rng.randrange(1, 10)) + "".join(str(rng.randrange(10)) for _ in range(count - 1))


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _jwt(rng: random.Random) -> str:
    body = f'{{"sub":"{_digits(rng, 9)}","iat":1760130000}}'
    return ".".join((_b64(b'{"alg":"HS256","typ":"JWT"}'), _b64(body.encode()), _b64(rng.randbytes(32))))


def _base58check(payload: bytes) -> str:
    data = payload + hashlib.sha256(hashlib.sha256(payload).digest()).digest()[:4]
    number, out = int.from_bytes(data, "big"), ""
    while number:
        number, rest = divmod(number, 58)
        out = B58[rest] + out
    return out


def cn_identity(rng: random.Random) -> str:
    body = f"{rng.choice(['110101', '310104', '440305', '510107'])}{rng.randrange(1960, 2005)}"
    body += f"{rng.randrange(1, 13):02}{rng.randrange(1, 29):02}{rng.randrange(1000):03}"
    return next(body + sign for sign in "0123456789X" if personal.is_cn_identity((body + sign).encode()))


def kr_identity(rng: random.Random) -> str:
    body = f"{rng.randrange(60, 100):02}{rng.randrange(1, 13):02}{rng.randrange(1, 29):02}-"
    body += f"{rng.choice('12')}{rng.randrange(10**5):05}"
    return next(body + sign for sign in "0123456789" if personal.is_kr_identity((body + sign).encode()))


def hk_identity(rng: random.Random) -> str:
    body = f"{rng.choice('ABCDEGHKPRVYZ')}{rng.randrange(10**6):06}"
    return next(f"{body}({sign})" for sign in "0123456789A" if personal.is_hk_identity(f"{body}({sign})".encode()))


def tw_identity(rng: random.Random) -> str:
    body = f"{rng.choice('ABCDEFGHIJKLMNOPQRSTUVWXYZ')}{rng.choice('12')}{rng.randrange(10**7):07}"
    return next(body + sign for sign in "0123456789" if personal.is_tw_identity((body + sign).encode()))


def _email(rng: random.Random) -> str:
    name = rng.choice(["wei.zhang", "minji_kim", "j.doe", "trader", "chen", "alice.lee"]) + _digits(rng, 2)
    return f"{name}@{rng.choice(['gmail.com', 'qq.com', 'naver.com', 'proton.me', 'mail.co.kr', '163.com'])}"


def _ip(rng: random.Random) -> str:
    return f"{rng.choice([23, 45, 81, 104, 139, 178, 203])}.{rng.randrange(1, 99)}.{rng.randrange(256)}.{rng.randrange(1, 255)}"


Maker = Callable[[random.Random], str]
# Kind, key, maker, how many, rules of which one must hit.
_PLANTED: tuple[tuple[str, str, Maker, int, str], ...] = (
    ("api key", "X-MBX-APIKEY", lambda r: _text(r, 64), 5, "exchange-api-key assigned-secret"),
    ("api key in a setting", "apiKey", lambda r: _text(r, 64), 3, "exchange-api-key assigned-secret"),
    ("api secret", "apiSecret", lambda r: _text(r, 64), 4, "assigned-secret"),
    ("signature", "signature", lambda r: r.randbytes(32).hex(), 5, "request-signature"),
    ("listen key", "listenKey", lambda r: _text(r, 64), 4, "listen-key"),
    ("json web token", "token", _jwt, 4, "json-web-token detect-secrets/json-web-token"),
    ("cookie", "Cookie", lambda r: f"session={_text(r, 40)}", 3, "cookie"),
    ("login cookie", "p20t", lambda r: f"web.{_digits(r, 9)}.{_text(r, 32)}", 2, "cookie"),
    (
        "private key",
        "key",
        lambda r: "-----BEGIN " + "EC PRIVATE KEY-----",
        2,
        "private-key detect-secrets/private-key",
    ),
    ("raw private key", "private_key", lambda r: "0x" + r.randbytes(32).hex(), 3, "private-key-hex"),
    ("seed phrase", "mnemonic", lambda r: " ".join(r.sample(WORDS, 12)), 4, "seed-phrase"),
    ("long seed phrase", "words", lambda r: " ".join(r.sample(WORDS, 24)), 2, "seed-phrase"),
    ("wallet import key", "wallet", lambda r: _base58check(b"\x80" + r.randbytes(32)), 2, "wallet-import-key"),
    ("extended key", "xprv", lambda r: "xprv" + _text(r, 107, B58), 1, "extended-key"),
    ("code host token", "token", lambda r: "gh" + "p_" + _text(r, 36), 2, "service-token"),
    (
        "cloud key",
        "aws_key",
        lambda r: "AK" + "IA" + _text(r, 16, string.ascii_uppercase + "234567"),
        1,
        "service-token",
    ),
    ("chat token", "slack", lambda r: "xox" + "b-" + _digits(r, 12) + "-" + _text(r, 24), 1, "service-token"),
    ("password", "password", lambda r: "Tr" + _text(r, 14), 3, "assigned-secret"),
    ("bearer", "Authorization", lambda r: f"Bearer {_text(r, 40)}", 2, "authorization-header assigned-secret"),
    ("e-mail", "email", _email, 8, "email"),
    ("mobile, mainland", "phone", lambda r: f"+86 13{_digits(r, 1)} {_digits(r, 4)} {_digits(r, 4)}", 2, "phone"),
    ("mobile, mainland, bare", "phone", lambda r: f"13{_digits(r, 9)}", 2, "phone"),
    ("mobile, Korea", "mobile", lambda r: f"010-{_digits(r, 4)}-{_digits(r, 4)}", 2, "phone"),
    ("mobile, Taiwan", "mobile", lambda r: f"09{_digits(r, 2)}-{_digits(r, 3)}-{_digits(r, 3)}", 1, "phone"),
    ("phone, Hong Kong", "tel", lambda r: f"+852 9{_digits(r, 3)} {_digits(r, 4)}", 2, "phone"),
    ("phone, E.164", "phone", lambda r: f"+4477{_digits(r, 8)}", 2, "phone"),
    ("user id", "uid", lambda r: _digits(r, 9), 5, "user-id"),
    ("account id", "accountId", lambda r: _digits(r, 8), 2, "user-id"),
    ("order id", "orderId", lambda r: _digits(r, 11), 6, "order-id"),
    ("client order id", "clientOrderId", lambda r: "x-" + _text(r, 20), 3, "order-id"),
    ("IP address", "ip", _ip, 5, "ip-address"),
    (
        "IPv6 address",
        "ip",
        lambda r: f"2001:{r.randrange(0x1000, 0xFFFF):x}:85a3::8a2e:{r.randrange(1, 0xFFFF):x}",
        1,
        "ip-address",
    ),
    ("identity number, CN", "id_no", cn_identity, 2, "identity-cn identity-document"),
    ("identity number, KR", "rrn", kr_identity, 2, "identity-kr"),
    ("identity number, HK", "hkid", hk_identity, 1, "identity-hk"),
    ("identity number, TW", "id_no", tw_identity, 1, "identity-tw identity-document"),
)


def planted(seed: int = 0) -> list[Planted]:
    """The 100, in an order that is always the same; another seed has other values."""
    rng = random.Random(20251011 + seed)
    out = []
    for kind, key, make, count, rules in _PLANTED:
        out += [Planted(f"{kind} {n + 1}", key, make(rng), frozenset(rules.split())) for n in range(count)]
    return out


def _wrong(rng: random.Random, make: Maker, good: Callable[[bytes], bool]) -> str:
    """A number of that form whose check digit is wrong."""
    while True:
        text = make(rng)
        at = len(text) - (2 if text.endswith(")") else 1)
        other = text[:at] + str((int(text[at]) + 1) % 10 if text[at].isdigit() else 3) + text[at + 1 :]
        if other != text and not good(other.encode()):
            return other


_FINE: tuple[tuple[str, str, Maker, int], ...] = (
    ("transaction hash", "tx", lambda r: "0x" + r.randbytes(32).hex(), 6),
    ("file hash", "sha256", lambda r: r.randbytes(32).hex(), 6),
    ("commit", "commit", lambda r: r.randbytes(20).hex(), 4),
    ("contract address", "address", lambda r: "0x" + r.randbytes(20).hex(), 6),
    ("UUID", "request", lambda r: str(uuid.UUID(bytes=r.randbytes(16), version=4)), 4),
    ("content id", "cid", lambda r: "bafybei" + "".join(r.choice("abcdefghijklmnopqrstuvwxyz234567") for _ in range(52)), 4),
    ("time in ms", "time", lambda r: str(1760130000000 + r.randrange(10**9)), 8),
    ("time in µs", "T", lambda r: str(1760130000000000 + r.randrange(10**12)), 4),
    ("time", "at", lambda r: f"2025-10-1{r.randrange(10)}T05:{r.randrange(60):02}:{r.randrange(60):02}.{r.randrange(1000):03}Z", 6),
    ("price", "price", lambda r: f"{r.randrange(1, 120000)}.{r.randrange(10**8):08}", 6),
    ("amount of eleven digits", "amount", lambda r: f"1{r.choice('3589')}{_digits(r, 9)}", 6),
    ("volume", "volume", lambda r: f"{_digits(r, 11)}.{_digits(r, 3)}", 4),
    ("trade id", "tradeId", lambda r: _digits(r, 10), 4),
    ("update id", "lastUpdateId", lambda r: _digits(r, 11), 4),
    ("sequence", "seq", lambda r: f"15{_digits(r, 9)}", 4),
    ("block", "block", lambda r: _digits(r, 8), 3),
    ("signed number", "pnl", lambda r: f"+{_digits(r, 10)}.{_digits(r, 2)}", 4),
    ("version of four parts", "version", lambda r: f"v{r.randrange(9)}.{r.randrange(20)}.{r.randrange(99)}.{r.randrange(9999) % 250}", 5),
    ("browser", "agent", lambda r: f"Mozilla/5.0 Chrome/{r.randrange(100, 140)}.0.{r.randrange(10, 255)}.{r.randrange(9, 250)} Safari/537.36", 4),
    ("private address", "host", lambda r: r.choice([f"10.0.{r.randrange(255)}.7", f"192.168.1.{r.randrange(255)}", "127.0.0.1", "172.16.3.9"]), 6),
    ("documentation address", "host", lambda r: f"203.0.113.{r.randrange(255)}", 2),
    ("net", "net", lambda r: f"104.16.{r.randrange(200)}.0/20", 2),
    ("MAC address", "mac", lambda r: ":".join(f"{b:02x}" for b in r.randbytes(6)), 3),
    ("clock time", "clock", lambda r: f"{r.randrange(24):02}:{r.randrange(60):02}:{r.randrange(60):02}", 3),
    ("example mail", "mail", lambda r: f"user{_digits(r, 2)}@example.com", 4),
    ("mailbox of an office", "mail", lambda r: r.choice(["support@binance.com", "press@bithumb.com", "noreply@github.com", "legal@okx.com"]), 4),
    ("picture for dense screens", "src", lambda r: f"icon-{_digits(r, 2)}@2x.png", 3),
    ("repository", "repo", lambda r: f"git@github.com:team/repo{_digits(r, 2)}.git", 2),
    ("handle", "by", lambda r: f"@trader_{_digits(r, 3)}", 4),
    ("web address", "url", lambda r: f"https://x.com/someone/status/{_digits(r, 19)}", 5),
    ("made-up phone", "line", lambda r: f"415-555-01{r.randrange(10, 99)}", 3),
    ("no identity, CN", "ref", lambda r: _wrong(r, cn_identity, personal.is_cn_identity), 4),
    ("no identity, KR", "ref", lambda r: _wrong(r, kr_identity, personal.is_kr_identity), 3),
    ("no identity, HK", "ref", lambda r: _wrong(r, hk_identity, personal.is_hk_identity), 3),
    ("no identity, TW", "ref", lambda r: _wrong(r, tw_identity, personal.is_tw_identity), 3),
    ("eleven words", "remark", lambda r: " ".join(r.sample(WORDS, 11)), 4),
    ("prose", "note", lambda r: "The engine stayed online while orders were refused for a hundred and six minutes, users say.", 2),
    ("prose, Chinese", "note", lambda r: f"订单被拒，错误码 -1008，持续 {_digits(r, 3)} 分钟，接口返回 503。", 4),
    ("prose, Korean", "note", lambda r: f"주문이 거부되었고 {_digits(r, 3)}분 동안 지속되었다.", 2),
    ("public key", "pem", lambda r: "-----BEGIN PUBLIC KEY-----", 2),
    ("stand-in for a key", "apiKey", lambda r: r.choice(["YOUR_API_KEY", "<api-key>", "${API_KEY}", "xxxxxxxx", "********"]), 5),
    ("stand-in for a password", "password", lambda r: r.choice(["********", "<password>", "changeme", "${PASSWORD}"]), 4),
    ("token of a redaction", "orderId", lambda r: "tok_" + "".join(r.choice("abcdefghijklmnopqrstuvwxyz234567") for _ in range(20)), 5),
    ("token of a redaction", "uid", lambda r: "tok_" + "".join(r.choice("abcdefghijklmnopqrstuvwxyz234567") for _ in range(20)), 4),
    ("no order", "orderId", lambda r: r.choice(["0", "-1", "null"]), 3),
    ("system user", "uid", lambda r: r.choice(["0", "1000", "33"]), 3),
    ("error code", "code", lambda r: r.choice(["-1008", "-2010", "-2022", "-4118", "503"]), 4),
    ("symbol", "symbol", lambda r: r.choice(["BTCUSDT", "WBETH/ETH", "BNBSOL-PERP", "1000PEPEUSDT"]), 3),
    ("cookie banner", "note", lambda r: "We use cookies: necessary ones, and those of partners.", 1),
    ("words about signatures", "note", lambda r: "Append signature= to the query, as the documentation says.", 1),
    ("book", "isbn", lambda r: f"978-3-16-{_digits(r, 6)}-0", 2),
    ("decimals", "ratio", lambda r: f"0.{_digits(r, 16)}", 3),
    ("anchor", "signature", lambda r: "0x" + r.randbytes(65).hex(), 2),
)  # fmt: skip


def look_alikes(seed: int = 0) -> list[LookAlike]:
    """The 200, in an order that is always the same; another seed has other values."""
    rng = random.Random(106 + seed)
    out = []
    for kind, key, make, count in _FINE:
        out += [LookAlike(f"{kind} {n + 1}", key, make(rng)) for n in range(count)]
    return out
