"""The rules that `redact@1` masks and makes tokens by, as they were when it was published.

Frozen: a derivative must come out of its original byte for byte in ten years, so nothing here changes any more, not
even for the better. The rules of the gate (`scan`, `personal`) go on; a redaction by better ones is `redact@2`, with a
module of its own beside this one. `tests/vectors/redact.json` holds what comes out.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path

PERSONAL_RULES = (
    "email",
    "phone",
    "user-id",
    "order-id",
    "ip-address",
    "identity-cn",
    "identity-kr",
    "identity-hk",
    "identity-tw",
    # Names of columns that the gate knows; in text nothing is found by them.
    "identity-document",
    "person-name",
)
SECRET_RULES = (
    "private-key",
    "private-key-hex",
    "keystore",
    "extended-key",
    "exchange-api-key",
    "request-signature",
    "listen-key",
    "json-web-token",
    "authorization-header",
    "cookie",
    "assigned-secret",
    "service-token",
    "wallet-import-key",
    "seed-phrase",
)
RULES = (*PERSONAL_RULES, *SECRET_RULES)


def find(text: bytes) -> list[tuple[int, int, str]]:
    """Start, end and rule of every hit in a piece of text, in no order."""
    lowered, shape = text.lower(), text.translate(_SHAPE)
    spans = list(_emails(text, lowered))
    spans += _phones(text, lowered, shape)
    spans += _ids(text, lowered)
    spans += _addresses(text)
    spans += _identities(text, lowered, shape)
    spans += _secrets(text, lowered)
    return [(span.start, span.end, span.rule) for span in spans]


@dataclass(frozen=True, slots=True)
class Span:
    """A hit: its bytes from `start` to `end`, and the name it stands beside, where that is part of the rule."""

    start: int
    end: int
    rule: str
    column: str | None = None


# What stands between a name and its value: JSON, YAML, query strings, XML, Python, HAR, all of it escaped or not.
SEPARATOR = (
    rb"(?:[\"'\\]{0,3}\s{0,3}(?:[:=]|=>|%3[aAdD]|\xef\xbc\x9a|\xe6\x98\xaf)\s{0,3}[\"'\\]{0,3}|[\"']?>[ \t]{0,3}"
    rb"|[\"']\s{0,2},\s{0,2}[\"']|[\"'],\s{0,2}[\"']value[\"']\s{0,2}:\s{0,2}[\"']?)"
)


_SHAPE = bytes(
    48 if 48 <= byte < 58 else 65 if 65 <= byte < 91 else 97 if 97 <= byte < 123 else byte for byte in range(256)
)


# Compiled when it is first needed, which for most of them is never.
_compiled = functools.cache(re.compile)


# E-mail

_SIGN = re.compile(rb"@")
_AT = re.compile(rb"@|%40|&#64;|&#x40;|&commat;|\\u0040|\s?[\[(]at[\])]\s?", re.IGNORECASE)
_OTHER_SIGNS = (b"%40", b"&#64;", b"&#x40;", b"&commat;", b"\\u0040", b"(at)", b"[at]")
_LOCAL = re.compile(rb"[A-Za-z0-9._%+\-]{1,64}\Z")
_DOMAIN = re.compile(rb"((?:[A-Za-z0-9\-]{1,63}(?:\.|\s?[\[(]dot[\])]\s?)){1,8})([A-Za-z]{2,24})(?![A-Za-z0-9@])")
_NOT_DOMAINS = frozenset(
    b"png jpg jpeg gif svg webp ico css js mjs json html htm pdf csv txt woff woff2 xml yaml yml log tgz gz map".split()
)
_RESERVED = frozenset(b"example invalid test localhost local internal".split())
_ENDS_IN_LETTERS = re.compile(rb"(?:\.|dot[\])]\s?)[a-z]{2,24}\Z")
_EXAMPLES = re.compile(rb"(?:^|\.)example\.(?:com|org|net)\Z", re.IGNORECASE)
_ROLES = frozenset(
    b"git noreply no-reply donotreply do-not-reply support press info contact hello security abuse admin help "
    b"webmaster postmaster hostmaster legal privacy compliance media office sales service team".split()
)


def _emails(chunk: bytes, lowered: bytes) -> Iterator[Span]:
    """E-mail addresses of persons."""
    if any(sign in lowered for sign in _OTHER_SIGNS):
        signs = _AT
    elif b"@" in chunk:
        signs = _SIGN
    else:
        return
    for at in signs.finditer(chunk):
        local = _LOCAL.search(chunk, max(0, at.start() - 64), at.start())
        domain = _DOMAIN.match(chunk, at.end())
        if local is None or domain is None:
            continue
        name = local[0].lower().strip(b".-_%+")
        host, end = (domain[1] + domain[2]).lower(), domain.end()
        while (cut := host.rfind(b".")) > 0 and host[cut + 1 :] in _NOT_DOMAINS:
            # A file's ending behind an address, as in `…@gmail.com.txt`.
            end -= len(host) - cut
            host = host[:cut]
        if not name or name in _ROLES or host.rsplit(b".", 1)[-1] in _RESERVED:
            continue
        if not _ENDS_IN_LETTERS.search(host) or _EXAMPLES.search(host):
            continue
        yield Span(local.start(), end, "email")


# Phone

_COUNTRIES = re.compile(
    rb"1|7|2[07]|2[1-69]\d|3[0-469]|3[578]\d|4[013-9]|42[013]|5[1-8]|5[09]\d|6[0-6]|6[789]\d|8[1246]|85[02356]|88[06]"
    rb"|9[0-58]|9[679]\d"
)
# With a country: +86 138 0013 8000, 0044 7911 123456.
_INTERNATIONAL = re.compile(
    rb"(?<![\w.+\-])(?:\+|00(?=[1-9]\d?[ \-(]))(?=[1-9])(?:[ \-()]{0,2}\d){9,14}+(?![\d%])(?![.,]\d)"
)
# By the shapes that must be there: CN, KR and JP mobiles, TW, HK with its code, North America, the United Kingdom.
_SHAPED: tuple[tuple[tuple[bytes, ...], bytes], ...] = (
    (
        (b"000 0000 0000", b"000-0000-0000"),
        rb"(?<![\w.\-])(?:1[3-9]\d|01[016789]|0[789]0)([ \-])\d{4}\1\d{4}(?![\w\-])",
    ),
    ((b"000 000 0000", b"000-000-0000"), rb"(?<![\w.\-])01[16789]([ \-])\d{3}\1\d{4}(?![\w\-])"),
    ((b"0000 000 000", b"0000-000-000"), rb"(?<![\w.\-])09\d{2}([ \-])\d{3}\1\d{3}(?![\w\-])"),
    (
        (b"000 0000", b"000-0000", b"000) 0000"),
        rb"(?<![\w.\-])\(?852\)?[ \-]{1,2}[5679]\d{3}[ \-]?\d{4}(?![\w\-])",
    ),
    (
        (b"000-000-0000", b"(000) 000-0000", b"(000)000-0000"),
        rb"(?<![\w.\-])(?:\([2-9]\d{2}\) ?|[2-9]\d{2}-)[2-9]\d{2}-(?!01\d\d)\d{4}(?![\w\-])",
    ),
    ((b"00000 000000",), rb"(?<![\w.\-])07\d{3} \d{6}(?!\d)"),
)
# Bare: eleven digits of a mainland mobile count only in prose; no number has the zeros of KR and TW in front.
_BARE = re.compile(
    rb"(?<![\w.\-+#])(?:1(?:3\d|4[5-9]|5[0-35-9]|6[2567]|7[0-8]|8\d|9[0-35-9])\d{8}|01[016789]\d{8}|09\d{8})"
    rb"(?![\w\-]|[.,]\d)",
    re.ASCII,
)
_IN_SUMS = re.compile(rb"[=+*/(<>$~]\s?\Z|\xe2\x89\x88\s?\Z|- \Z")
_AMOUNT_AFTER = re.compile(
    rb"\s?(?:[=+*/<>)%-]|US|usd|BTC|ETH|BNB|wei|KRW|won|yuan|tokens?|shares|contracts|units|bytes|ms|\xe7\xbe\x8e\xe5\x85\x83|\xe5\x85\x83|\xec\x9b\x90)"
)
_AFTER_PHONE = (
    rb"(?:[ _-]?(?:no|number))?(?:" + SEPARATOR + rb"|\s{1,2}(?:is\s)?)(\+?[(\d][\d \-().]{5,18}\d)(?![\w%]|\.\d)"
)
# On lower-case text, each from fixed letters on, which the engine finds fast.
_BESIDE_PHONE = tuple(
    (word, word + rest + _AFTER_PHONE)
    for word, rest in (
        (b"phone", b""),
        (b"mobile", b""),
        (b"cell", b""),
        (b"tel", rb"(?:ephone)?(?:;[a-z=;,]{1,24}(?=:))?"),
        (b"msisdn", b""),
        (b"whatsapp", b""),
        (b"wechat", b""),
        (b"\xe6\x89\x8b\xe6\x9c\xba", rb"(?:\xe5\x8f\xb7)?"),
        (b"\xe7\x94\xb5\xe8\xaf\x9d", rb""),
        (b"\xe6\x89\x8b\xe6\xa9\x9f", rb"(?:\xe8\x99\x9f)?"),
        (b"\xe9\x9b\xbb\xe8\xa9\xb1", rb""),
        (b"\xed\x9c\xb4\xeb\x8c\x80\xed\x8f\xb0", rb""),
        (b"\xec\xa0\x84\xed\x99\x94", rb""),
    )
)
_NUMERIC = re.compile(
    r"id$|^id|time|date|^ts$|stamp|price|qty|quant|amount|amt|vol|trade|order|seq|block|nonce|height|update|size|balance"
    r"|total|fee|pnl|value|count|close|open|high|low|gas|hash|usd|btc|eth|number|rate|^[a-z]$",
    re.IGNORECASE,
)
_WORDS = re.compile(rb"[A-Za-z]{3,}[ ,:;.!?]|[\xe3-\xed][\x80-\xbf]{2}")


def _is_numeric_name(name: str) -> bool:
    """Whether a column or key of this name holds numbers that may look like anything."""
    return _NUMERIC.search(name) is not None


def _phones(chunk: bytes, lowered: bytes, shape: bytes) -> Iterator[Span]:
    if b"+0" in shape or b"+(0" in shape or any(sign in chunk for sign in (b" 00", b'"00')):
        for match in _INTERNATIONAL.finditer(chunk):
            digits = re.sub(rb"\D", b"", match[0])
            if match[0][:1] == b"+":
                bare = match[0][1:].isdigit()
                if not _COUNTRIES.match(digits) or not (10 if bare else 9) <= len(digits) <= 15:
                    continue
                name = _name_before(chunk, match.start())
                if bare and name is not None and _is_numeric_name(name):
                    continue
            if len(set(digits)) > 2:
                yield Span(match.start(), match.end(), "phone")
    for shapes, pattern in _SHAPED:
        if any(part in shape for part in shapes):
            for match in _compiled(pattern).finditer(chunk):
                if len(set(match[0])) > 4:
                    yield Span(match.start(), match.end(), "phone")
    if b"0000000000" in shape:
        for match in _BARE.finditer(chunk):
            if _is_bare_phone(chunk, match):
                yield Span(match.start(), match.end(), "phone")
    for word, pattern in _BESIDE_PHONE:
        if word in lowered:
            for match in _compiled(pattern).finditer(lowered):
                letter = chunk[match.start() - 1 : match.start()]
                if 7 <= sum(48 <= byte < 58 for byte in match[1]) <= 15 and not (letter.isalpha() and word == b"cell"):
                    yield Span(match.start(1), match.end(1), "phone")


def _is_bare_phone(chunk: bytes, match: re.Match[bytes]) -> bool:
    start, end = match.span()
    name = _name_before(chunk, start)
    if name is not None and _is_numeric_name(name):
        return False
    if match[0][:1] == b"0":
        return True
    if (name or "").lower() in _PHONE_NAMES:
        return True
    if b"0000" in match[0] or _IN_SUMS.search(chunk, max(0, start - 3), start) or _AMOUNT_AFTER.match(chunk, end):
        return False
    before, after = chunk[max(0, start - 60) : start], chunk[end : end + 60]
    around = before[before.rfind(b"\n") + 1 :] + b"|" + after.split(b"\n", 1)[0]
    return len(_WORDS.findall(around)) >= 2


# User and order ids

_ID_VALUE = rb"(?!tok_)(?=[a-z_\-]{0,48}\d)([a-z0-9][a-z0-9_\-]{4,63})(?![\w.]\d)"
_PLAIN = rb"(?:\s{1,2}(?:is\s{1,2})?|\s?#\s?)"
_AFTER_ID = rb"(?:" + SEPARATOR + rb"|" + _PLAIN + rb")" + _ID_VALUE
# On lower-case text, each from fixed letters on; whether a word starts there is looked at afterwards.
_NAMED_IDS: tuple[tuple[bytes, bytes, str], ...] = tuple(
    (word, word + rest + _AFTER_ID, rule)
    for word, rest, rule in (
        (b"uid", b"", "user-id"),
        (b"user", rb"[_ -]?(?:id|no|number)", "user-id"),
        (b"account", rb"[_ -]?(?:id|no|number)", "user-id"),
        (b"acct", rb"[_ -]?(?:id|no|number)", "user-id"),
        (b"member", rb"[_ -]?(?:id|no|number)", "user-id"),
        (b"customer", rb"[_ -]?(?:id|no|number)", "user-id"),
        (b"trader", rb"[_ -]?id", "user-id"),
        (b"login", rb"[_ -]?id", "user-id"),
        (b"\xe7\x94\xa8\xe6\x88\xb7", rb"\s?(?:id|\xe7\xbc\x96\xe5\x8f\xb7)", "user-id"),
        (b"\xed\x9a\x8c\xec\x9b\x90\xeb\xb2\x88\xed\x98\xb8", b"", "user-id"),
        (b"ord", rb"(?:er)?[_ -]?(?:link[_ -]?)?(?:id|no|number)", "order-id"),
        (b"algo", rb"[_ -]?id", "order-id"),
        (b"withdraw", rb"(?:al)?[_ -]?(?:order[_ -]?)?id", "order-id"),
        (
            b"\xe8\xae\xa2\xe5\x8d\x95",
            rb"\s?(?:\xe5\x8f\xb7|\xe7\xbc\x96\xe5\x8f\xb7|id)",
            "order-id",
        ),
        (
            b"\xe8\xa8\x82\xe5\x96\xae",
            rb"\s?(?:\xe8\x99\x9f|\xe7\xb7\xa8\xe8\x99\x9f|id)",
            "order-id",
        ),
        (b"\xec\xa3\xbc\xeb\xac\xb8\xeb\xb2\x88\xed\x98\xb8", b"", "order-id"),
    )
)
_PREFIX = re.compile(rb"(?:orig|new|client|cl|exchange|parent|algo|stop|sub|binance|_|-| )*\Z")
_PROSE_NUMBER = rb"\s?(?:no\.?|nr\.?|number)?\s?[#:]?\s?(\d{8,20})(?![\w.\-])"
_ORDER_PROSE = tuple(
    (word, word + _PROSE_NUMBER)
    for word in (
        b"order",
        b"\xe8\xae\xa2\xe5\x8d\x95",
        b"\xe8\xa8\x82\xe5\x96\xae",
        b"\xec\xa3\xbc\xeb\xac\xb8",
    )
)
_REPORTS = (b"executionreport", b"order_trade_update")
_SHORT_ID = re.compile(rb"\"([icC])\"\s?:\s?\"?(?!tok_)([A-Za-z0-9][A-Za-z0-9_\-]{4,63})")


def _ids(chunk: bytes, lowered: bytes) -> Iterator[Span]:
    for word, pattern, rule in _NAMED_IDS:
        if word not in lowered:
            continue
        for match in _compiled(pattern).finditer(lowered):
            start = match.start()
            if not _is_id(match[1]) or not _is_word(chunk, lowered, start):
                continue
            head = max(0, start - 24)
            prefix = _PREFIX.search(lowered, head, start)
            name = chunk[prefix.start() if prefix else start : match.start(1)].rstrip(b" \t\r\n\"'\\:=>,#")
            column = name.lstrip(b" _-").decode("utf-8", "replace")
            yield Span(match.start(1), match.end(1), rule, column if len(column) <= 40 and ":" not in column else None)
    for word, pattern in _ORDER_PROSE:
        if word in lowered:
            for match in _compiled(pattern).finditer(lowered):
                if _is_word(chunk, lowered, match.start()):
                    yield Span(match.start(1), match.end(1), "order-id")
    if any(name in lowered for name in _REPORTS):
        for start, end in _report_lines(chunk):
            for inner in _SHORT_ID.finditer(chunk, start, end):
                if _is_id(inner[2]):
                    yield Span(inner.start(2), inner.end(2), "order-id", inner[1].decode())


def _report_lines(chunk: bytes) -> Iterator[tuple[int, int]]:
    """Start and end of each line that names a report. Not by a pattern: one took the square of a line's length."""
    start = 0
    for line in chunk.split(b"\n"):
        end = start + len(line)
        if b"executionReport" in line or b"ORDER_TRADE_UPDATE" in line:
            yield start, end
        start = end + 1


def _is_word(chunk: bytes, lowered: bytes, start: int) -> bool:
    """Whether a name starts here: at a capital, behind no letter, or behind the words that such names begin with."""
    before = lowered[start - 1 : start] if start else b""
    if not before.isalpha() or (chunk[start : start + 1].isupper() and not chunk[start - 1 : start].isupper()):
        return True
    found = _PREFIX.search(lowered, max(0, start - 24), start)
    return found is not None and found[0] != b"" and not lowered[found.start() - 1 : found.start()].isalpha()


def _is_id(value: bytes) -> bool:
    """An id long enough to be one person's or one order's: five digits, not all the same; no date, no hex hash."""
    digits = [byte for byte in value if 48 <= byte < 58]
    if (len(digits) < 5 and len(value) < 16) or len(set(value)) < 3:
        return False
    # 64 hex digits are a transaction or a file; a time starts like 2025-10-11.
    return not (len(value) >= 64 or re.match(rb"(?:19|20)\d\d-\d\d-\d\d", value))


# IP addresses

_IPV4 = re.compile(rb"\.\d{1,3}\.\d{1,3}\.\d{1,3}(?![\w\-]|\.\d|(?:/|%2[fF])(?:[12]?\d|3[01])(?!\d))")
_IPV4_HEAD = re.compile(rb"(?<![\w.\-/])\d{1,3}\Z")
_IPV6 = re.compile(
    rb"(?<![0-9A-Za-z:.])[23][0-9A-Fa-f]{1,3}:(?:[0-9A-Fa-f]{0,4}:){1,6}[0-9A-Fa-f]{0,4}(?![0-9A-Za-z:/])"
)
_GROUPS = re.compile(rb":[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}:")
_VERSION_BEFORE = re.compile(
    rb"(?:\bv|ver\.?|version|build|release|firmware|chrome|driver|sdk|oid|section|\xc2\xa7|schema|kernel|app)"
    rb"[\s:=\"'/_-]{0,4}\Z",
    re.IGNORECASE,
)
_INSIDE = frozenset(bytes([byte]) for byte in b"0123456789.-/_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_PUBLIC = frozenset({"8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9", "114.114.114.114", "1.2.3.4"})


def _addresses(chunk: bytes) -> Iterator[Span]:
    for match in _IPV4.finditer(chunk):
        head = _IPV4_HEAD.search(chunk, max(0, match.start() - 3), match.start())
        if head is None or chunk[head.start() - 1 : head.start()] in _INSIDE:
            continue
        text = (head[0] + match[0]).decode()
        if text in _PUBLIC or not _is_global(text):
            continue
        if _VERSION_BEFORE.search(chunk, max(0, head.start() - 16), head.start()) is None:
            yield Span(head.start(), match.end(), "ip-address")
    if b"::" in chunk or _GROUPS.search(chunk):
        for match in _IPV6.finditer(chunk):
            text = match[0].decode()
            if ("::" in text or text.count(":") == 7) and _is_global(text):
                yield Span(match.start(), match.end(), "ip-address")


def _is_global(text: str) -> bool:
    """By the networks that were special when this version was made; the standard library's list goes on changing."""
    if ":" in text:
        try:
            number = int(ipaddress.IPv6Address(text))
        except ValueError:
            return False
        return not any(number >> 128 - bits == start >> 128 - bits for start, bits in _SPECIAL_6)
    octets = text.split(".")
    if any(octet != str(int(octet)) or int(octet) > 255 for octet in octets):
        return False
    number = int.from_bytes(bytes(map(int, octets)), "big")
    return not any(number >> 32 - bits == start >> 32 - bits for start, bits in _SPECIAL_4)


def _network(text: str) -> tuple[int, int]:
    found = ipaddress.ip_network(text)
    return int(found.network_address), found.prefixlen


_SPECIAL_4 = tuple(
    map(
        _network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/29",
            "192.0.0.170/31",
            "192.0.2.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "240.0.0.0/4",
        ),
    )
)
_SPECIAL_6 = tuple(map(_network, ("2001::/23", "2001:db8::/32")))


# Identity numbers

_CN = re.compile(
    rb"(?<![\w.])[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?![\w])", re.ASCII
)
_CN_PROVINCES = frozenset(
    b"11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82 83".split()
)
_CN_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_KR = re.compile(rb"(?<![\w.\-])(\d{2})(\d{2})(\d{2})(-?)([1-8])(\d{6})(?![\w\-])")
_KR_CONTEXT = re.compile(
    rb"\xec\xa3\xbc\xeb\xaf\xbc|\xeb\x93\xb1\xeb\xa1\x9d\xeb\xb2\x88\xed\x98\xb8|rrn|resident", re.I
)
_KR_WEIGHTS = (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)
_HK = re.compile(rb"(?<![\w])([A-Z]{1,2})(\d{6})(\(([\dA])\)|[\dA])(?![\w])")
_HK_CONTEXT = re.compile(
    rb"hkid|identity|id[ _-]?(?:card|no|number)|\xe8\xba\xab\xe4\xbb\xbd|\xe8\xad\x89\xe8\x99\x9f", re.IGNORECASE
)
_TW = re.compile(rb"(?<![\w.\-])[A-Z][1289]\d{8}(?![\w\-])")
_TW_LETTERS = "ABCDEFGHJKLMNPQRSTUVXYWZIO"
_CONTEXT_BYTES = 48


def _identities(chunk: bytes, lowered: bytes, shape: bytes) -> Iterator[Span]:
    if b"0" * 17 in shape:
        for match in _CN.finditer(chunk):
            if _is_cn_identity(match[0]):
                yield Span(match.start(), match.end(), "identity-cn")
    if b"000000-0000000" in shape or (b"0" * 13 in shape and not chunk.isascii()):
        for match in _KR.finditer(chunk):
            if _is_kr_identity(match[0]) and (match[4] or _beside(_KR_CONTEXT, lowered, match.start())):
                yield Span(match.start(), match.end(), "identity-kr")
    if b"A000000" in shape:
        for match in _HK.finditer(chunk):
            if _is_hk_identity(match[0]) and (match[4] or _beside(_HK_CONTEXT, lowered, match.start())):
                yield Span(match.start(), match.end(), "identity-hk")
    if b"A000000000" in shape:
        for match in _TW.finditer(chunk):
            if _is_tw_identity(match[0]):
                yield Span(match.start(), match.end(), "identity-tw")


def _beside(pattern: re.Pattern[bytes], text: bytes, start: int) -> bool:
    return pattern.search(text, max(0, start - _CONTEXT_BYTES), start) is not None


def _is_cn_identity(text: bytes) -> bool:
    """GB 11643: province, date of birth, and the check digit of ISO 7064 mod 11-2."""
    if text[:2] not in _CN_PROVINCES or not _is_date(int(text[6:10]), int(text[10:12]), int(text[12:14])):
        return False
    total = sum((byte - 48) * weight for byte, weight in zip(text[:17], _CN_WEIGHTS, strict=True))
    return b"10X98765432"[total % 11] == text.upper()[17]


def _is_kr_identity(text: bytes) -> bool:
    """A date of birth, a digit of century and sex, and the check digit, which numbers since October 2020 lack."""
    digits = text.replace(b"-", b"")
    century = {b"1": 1900, b"2": 1900, b"5": 1900, b"6": 1900}.get(digits[6:7], 2000)
    year = century + int(digits[:2])
    if not _is_date(year, int(digits[2:4]), int(digits[4:6])):
        return False
    total = sum((byte - 48) * weight for byte, weight in zip(digits[:12], _KR_WEIGHTS, strict=True))
    return year >= 2020 or (11 - total % 11) % 10 == digits[12] - 48


def _is_hk_identity(text: bytes) -> bool:
    """One or two letters, six digits, and a check digit mod 11."""
    plain = text.replace(b"(", b"").replace(b")", b"").decode()
    padded = plain.rjust(9)
    total = 0
    for weight, sign in zip(range(9, 0, -1), padded, strict=True):
        number = 36 if sign == " " else 10 if weight == 1 and sign == "A" else int(sign, 36)
        total += weight * number
    return total % 11 == 0


def _is_tw_identity(text: bytes) -> bool:
    """A letter of the place, a digit of sex, seven digits, and a check digit mod 10."""
    place = _TW_LETTERS.find(chr(text[0])) + 10
    digits = [place // 10, place % 10, *(byte - 48 for byte in text[1:])]
    weights = (1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1)
    return sum(d * w for d, w in zip(digits, weights, strict=True)) % 10 == 0


def _is_date(year: int, month: int, day: int) -> bool:
    try:
        born = date(year, month, day)
    except ValueError:
        return False
    # No clock: what is masked today is masked the same in ten years.
    return date(1900, 1, 1) <= born < date(2100, 1, 1)


# Names beside values

_NAME_BEFORE = re.compile(
    rb"([A-Za-z_][A-Za-z0-9_.\-]{0,63})(?:[\"'\\]{0,3}\s{0,2}(?:[:=]|%3[aAdD])\s{0,2}|[\"']?>)[\"'\\]{0,3}"
    rb"[^\"'=:&;,{}\[\]<>\n]{0,48}\Z"
)
_PHONE_NAMES = frozenset({"phone", "mobile", "tel", "cell", "telephone", "msisdn", "contact"})


def _name_before(chunk: bytes, start: int) -> str | None:
    """The name that a value beside it stands under: the last `name=`, `"name":` or `<name>` before it on the line."""
    window = chunk[max(0, start - 130) : start]
    match = _NAME_BEFORE.search(window[window.rfind(b"\n") + 1 :])
    return match[1].decode("ascii") if match else None


# Secrets

_WORDS_FILE = Path(__file__).with_name("bip39_english.txt")
_MIN_SEED_WORDS = 12
# On text whose letters all became `a` and the rest spaces: twelve words of 3 to 8 letters, close together.
_SEED_RUN = re.compile(rb" a{3,8}+(?: {1,8}+a{3,8}+){11,}+")
_LETTERS = bytes(ord("a") if chr(byte).isalpha() and byte < 128 else ord(" ") for byte in range(256))
_WORD = re.compile(rb"[A-Za-z]+")
_BASE58 = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BASE58_SIGNS = bytes(ord("1") if byte in _BASE58 else ord(" ") for byte in range(256))
_WIF_RUN = b"1" * 51


@dataclass(frozen=True, slots=True)
class _Rule:
    """A pattern, and groups of lower-case pieces, one of each of which must be present: a cheap test beforehand."""

    name: str
    source: bytes
    flags: int
    needles: tuple[tuple[bytes, ...], ...]

    @property
    def pattern(self) -> re.Pattern[bytes]:
        """Compiled when it is first needed, which for most rules is never."""
        return _compiled(self.source, self.flags)


def _rule(name: str, pattern: bytes, *needles: bytes, flags: int = re.IGNORECASE) -> _Rule:
    return _Rule(name, pattern, flags, (needles,) if needles else ())


def _may_match(lowered: bytes, needles: tuple[tuple[bytes, ...], ...]) -> bool:
    return all(any(needle in lowered for needle in group) for group in needles)


_VALUE = rb"(?:[\"'\s:=]{1,8}|" + SEPARATOR + rb")"
_RULES = (
    _rule(
        "private-key", rb"-----BEGIN (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----", b"private key", flags=re.NOFLAG
    ),
    _rule(
        "private-key-hex",
        rb"(?:private|priv|secret|signing)[_ -]?key" + _VALUE + rb"(?:0x)?[0-9a-f]{64}(?![0-9a-f])",
        b"privatekey",
        b"private_key",
        b"private-key",
        b"private key",
        b"privkey",
        b"priv_key",
        b"secretkey",
        b"secret_key",
        b"signingkey",
        b"signing_key",
    ),
    _rule("keystore", rb"\"ciphertext\"\s*:\s*\"(?:0x)?[0-9a-f]{32,}\"", b'"ciphertext"'),
    _rule("extended-key", rb"\b[xyzt]prv[1-9A-HJ-NP-Za-km-z]{100,112}\b", b"prv", flags=re.NOFLAG),
    _rule(
        "exchange-api-key",
        rb"x-(?:mbx|bapi|okx)-(?:apikey|api-key)" + _VALUE + rb"[A-Za-z0-9-]{10,}",
        b"apikey",
        b"api-key",
    ),
    _rule(
        "request-signature",
        rb"(?<![a-z])signature(?:(?:=|%3D)(?!%20|0x[0-9a-f]{130})[A-Za-z0-9%+/=_-]{16,}|"
        + SEPARATOR
        + rb"[0-9a-f]{64}(?![0-9a-f]))",
        b"signature",
    ),
    _rule("listen-key", rb"listen_?key" + _VALUE + rb"[A-Za-z0-9]{32,}", b"listenkey", b"listen_key"),
    _rule(
        "json-web-token",
        rb"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
        b"eyj",
        flags=re.NOFLAG,
    ),
    _rule(
        "authorization-header",
        rb"authorization" + _VALUE + rb"(?:bearer|basic|token)(?:\s{1,4}|%20)[A-Za-z0-9._~+/=-]{16,}",
        b"authorization",
    ),
    _rule(
        "cookie",
        rb"\b(?:set-)?cookies?(?:[\"'\\]{0,3}\s{0,3}[:=]\s{0,3}|[\"'\s]|" + SEPARATOR + rb")[\"'\\]{0,3}"
        rb"[A-Za-z0-9_.-]{1,64}=[^\s;\"'\\]{8,}",
        b"cookie",
    ),
    _rule(
        "cookie",
        rb"(?<![A-Za-z0-9])(?:p20t|cr00|jsessionid|phpsessid|sessionid|session_token|csrftoken|connect\.sid"
        rb"|__(?:secure|host)-[a-z0-9_-]{1,40})" + SEPARATOR + rb"[A-Za-z0-9._%+/=-]{16,}",
        b"p20t",
        b"cr00",
        b"sess",
        b"csrftoken",
        b"connect.sid",
        b"__secure-",
        b"__host-",
    ),
    _rule(
        "assigned-secret",
        rb"(?:api[_-]?(?:key|secret)|secret[_-]?key|client[_-]?secret|access[_-]?token|passw(?:or)?d|passphrase)"
        rb"(?:[\"']?\s{0,3}[:=]\s{0,3}[\"']?|" + SEPARATOR + rb")"
        rb"(?!tok_|your|change|example|xxxx|\*\*\*|[$<{]|%24|%3c)(?=[A-Za-z0-9+/_.!@#$%^*-]{0,64}[0-9])[A-Za-z0-9+/_.!@#$%^&*-]{12,}",
        b"apikey",
        b"api_key",
        b"api-key",
        b"secret",
        b"accesstoken",
        b"access_token",
        b"access-token",
        b"passw",
        b"passphrase",
    ),
    # Each starts with fixed letters, which the engine finds faster than a needle.
    *(
        _rule("service-token", pattern, flags=re.NOFLAG)
        for pattern in (
            rb"AKIA[0-9A-Z]{16}",
            rb"gh[pousr]_[A-Za-z0-9]{36,}",
            rb"github_pat_[A-Za-z0-9_]{40,}",
            rb"xox[abposr]-[A-Za-z0-9-]{10,}",
            rb"AIza[0-9A-Za-z_-]{35}",
            rb"sk_live_[A-Za-z0-9]{16,}",
            rb"rk_live_[A-Za-z0-9]{16,}",
            rb"sk-[A-Za-z0-9_-]{32,}",
            rb"glpat-[A-Za-z0-9_-]{20,}",
        )
    ),
)
_WIF = re.compile(rb"(?<![1-9A-HJ-NP-Za-km-z])[5KLc9][1-9A-HJ-NP-Za-km-z]{50,51}(?![1-9A-HJ-NP-Za-km-z])")


def _secrets(chunk: bytes, lowered: bytes) -> Iterator[Span]:
    for rule in _RULES:
        if _may_match(lowered, rule.needles):
            for match in rule.pattern.finditer(chunk):
                yield Span(match.start(), match.end(), rule.name)
    if _WIF_RUN in chunk.translate(_BASE58_SIGNS):
        for match in _WIF.finditer(chunk):
            if _is_wif(match[0]):
                yield Span(match.start(), match.end(), "wallet-import-key")
    for match in _SEED_RUN.finditer(b" " + chunk.translate(_LETTERS)):
        # Behind the added space everything lies one further; the last word may be longer than the pattern takes.
        start, last = match.start(), _WORD.match(chunk, match.end() - 1)
        for offset, end, _ in _seed_runs(chunk[start : last.end() if last else match.end() - 1]):
            yield Span(start + offset, start + end, "seed-phrase")


def _is_wif(text: bytes) -> bool:
    """True when the checksum of a Bitcoin wallet import key holds: base58, 4 bytes of double SHA-256."""
    number = 0
    for sign in text:
        number = number * 58 + _BASE58.index(sign)
    try:
        data = number.to_bytes(38 if text[:1] in b"KLc" else 37, "big")
    except OverflowError:
        return False
    return sha256(sha256(data[:-4]).digest()).digest()[:4] == data[-4:]


@functools.cache
def _seed_words() -> frozenset[bytes]:
    """The 2,048 English words of BIP-39."""
    return frozenset(_WORDS_FILE.read_bytes().split())


def _seed_runs(text: bytes) -> Iterator[tuple[int, int, int]]:
    """Start, end and length, in words, of each run of at least twelve BIP-39 words that are not all the same."""
    known = _seed_words()
    start, end, run = 0, 0, list[bytes]()
    for match in _WORD.finditer(text):
        word = match[0].lower()
        if word in known:
            if not run:
                start = match.start()
            run.append(word)
            end = match.end()
            continue
        if len(run) >= _MIN_SEED_WORDS:
            yield start, end, len(run)
        run = []
    if len(run) >= _MIN_SEED_WORDS:
        yield start, end, len(run)
