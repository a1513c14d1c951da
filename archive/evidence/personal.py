"""Personal data in text: e-mail, phone, user and order ids, IP addresses, identity numbers of CN, KR, HK and TW.

Rules look for a form (an address, a checksum) or for a name beside a value (`orderId=…`, `"uid": …`, a column of that
name). What is public by nature is no hit: example domains, role mailboxes, private and reserved addresses, versions,
and the tokens that `archive redact` writes. Nothing here reads files; offsets are those of the bytes given.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from archive.evidence.presence import Presence

TOKEN_PREFIX = "tok_"  # noqa: S105 - the start of a pseudonym, no secret
RULE_NAMES = (
    "email",
    "phone",
    "user-id",
    "order-id",
    "ip-address",
    "identity-cn",
    "identity-kr",
    "identity-hk",
    "identity-tw",
    "identity-document",
    "person-name",
)


class Span(NamedTuple):
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


_DIGITS = b"0123456789"
_SHAPE = bytes(
    48 if 48 <= byte < 58 else 65 if 65 <= byte < 91 else 97 if 97 <= byte < 123 else byte for byte in range(256)
)


# Compiled when it is first needed, which for most of them is never.
_compiled = functools.cache(re.compile)


def find(chunk: bytes, lowered: bytes, presence: Presence | None = None) -> list[Span]:
    """Every hit in a piece of text, in no order."""
    # Most patterns are tried only where their shape (digits as 0, letters as A and a) is there: that is much faster.
    shape = chunk.translate(_SHAPE)
    presence = presence or Presence(lowered)
    spans = list(find_emails(chunk, presence))
    spans += _phones(chunk, lowered, shape, presence)
    spans += _ids(chunk, lowered, presence)
    spans += _addresses(chunk)
    spans += _identities(chunk, lowered, shape)
    return spans


# E-mail

_SIGN = re.compile(rb"@")
_AT = re.compile(rb"@|%40|&#64;|&#x40;|&commat;|\\u0040|\s?[\[(]at[\])]\s?", re.IGNORECASE)
_OTHER_SIGNS = (b"%40", b"&#64;", b"&#x40;", b"&commat;", b"\\u0040", b"(at)", b"[at]")
_LOCAL_SIGNS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._%+-"
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


def find_emails(chunk: bytes, presence: Presence) -> Iterator[Span]:
    """E-mail addresses of persons."""
    if any(map(presence.has, _OTHER_SIGNS)):
        signs = _AT
    elif b"@" in chunk:
        signs = _SIGN
    else:
        return
    for at in signs.finditer(chunk):
        before = chunk[max(0, at.start() - 64) : at.start()]
        local = before[len(before.rstrip(_LOCAL_SIGNS)) :]
        domain = _DOMAIN.match(chunk, at.end()) if local else None
        if domain is None:
            continue
        name = local.lower().strip(b".-_%+")
        host, end = domain[0].lower(), domain.end()
        while (cut := host.rfind(b".")) > 0 and host[cut + 1 :] in _NOT_DOMAINS:
            # A file's ending behind an address, as in `…@gmail.com.txt`.
            end -= len(host) - cut
            host = host[:cut]
        if name and name not in _ROLES and _is_host_of_persons(host):
            yield Span(at.start() - len(local), end, "email")


@functools.lru_cache(4096)
def _is_host_of_persons(host: bytes) -> bool:
    if host.rsplit(b".", 1)[-1] in _RESERVED:
        return False
    return _ENDS_IN_LETTERS.search(host) is not None and not _EXAMPLES.search(host)


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
# One of these is in each of the shapes.
_IN_SHAPES = (b"000 000", b"000-000", b") 000", b")000")
# Bare: eleven digits of a mainland mobile count only in prose; no number has the zeros of KR and TW in front.
_BARE = re.compile(
    # What may not stand before comes behind the first digit: from a digit on the engine searches fast.
    rb"[01](?<![\w.\-+#].)(?:(?<=1)(?:3\d|4[5-9]|5[0-35-9]|6[2567]|7[0-8]|8\d|9[0-35-9])\d{8}"
    rb"|(?<=0)(?:1[016789]\d{8}|9\d{8}))"
    rb"(?![\w\-]|[.,]\d)",
    re.ASCII,
)
_NO_DIGIT = re.compile(rb"[^0]")
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


def is_numeric_name(name: str) -> bool:
    """Whether a column or key of this name holds numbers that may look like anything."""
    return _NUMERIC.search(name) is not None


def _phones(chunk: bytes, lowered: bytes, shape: bytes, presence: Presence) -> Iterator[Span]:
    if _may_have(shape, (b"+0", b"+(0")) or _may_have(chunk, (b" 00", b'"00')):
        for match in _INTERNATIONAL.finditer(chunk):
            digits = re.sub(rb"\D", b"", match[0])
            if match[0][:1] == b"+":
                bare = match[0][1:].isdigit()
                if not _COUNTRIES.match(digits) or not (10 if bare else 9) <= len(digits) <= 15:
                    continue
                name = name_before(chunk, match.start())
                if bare and name is not None and is_numeric_name(name):
                    continue
            if len(set(digits)) > 2:
                yield Span(match.start(), match.end(), "phone")
    spaced = any(part[3:4] in shape and part in shape for part in _IN_SHAPES[:2]) or _may_have(shape, _IN_SHAPES[2:])
    for shapes, pattern in _SHAPED if spaced else ():
        if any(part in shape for part in shapes):
            for match in _compiled(pattern).finditer(chunk):
                if len(set(match[0])) > 4:
                    yield Span(match.start(), match.end(), "phone")
    for start in _runs(shape, 10):
        mobile = _BARE.match(chunk, start)
        if mobile is not None and _is_bare_phone(chunk, mobile):
            yield Span(start, mobile.end(), "phone")
    for word, pattern in _BESIDE_PHONE:
        if presence.has(word):
            for match in _compiled(pattern).finditer(lowered):
                letter = chunk[match.start() - 1 : match.start()]
                if 7 <= sum(48 <= byte < 58 for byte in match[1]) <= 15 and not (letter.isalpha() and word == b"cell"):
                    yield Span(match.start(1), match.end(1), "phone")


def _runs(shape: bytes, least: int) -> Iterator[int]:
    """Where runs of at least so many digits begin: numbers that stand for themselves begin nowhere else."""
    run = b"0" * least
    start = shape.find(run)
    while start >= 0:
        yield start
        end = _NO_DIGIT.search(shape, start + least)
        start = shape.find(run, end.start()) if end is not None else -1


def _may_have(text: bytes, parts: tuple[bytes, ...]) -> bool:
    """Whether one of the parts is in the text; their first byte alone is found, or not, much faster."""
    return any(part[:1] in text and part in text for part in parts)


def _is_bare_phone(chunk: bytes, match: re.Match[bytes]) -> bool:
    start, end = match.span()
    name = name_before(chunk, start)
    if name is not None and is_numeric_name(name):
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


def _ids(chunk: bytes, lowered: bytes, presence: Presence) -> Iterator[Span]:
    for word, pattern, rule in _NAMED_IDS:
        if not presence.has(word):
            continue
        for match in _compiled(pattern).finditer(lowered):
            if not _is_id(match[1]):
                continue
            start, end = match.span(1)
            name = match.start()
            before = chunk[max(0, name - 25) : name]
            known, column = _name(before[len(before.rstrip(_IN_NAMES)) :], chunk[name:start])
            if known:
                yield Span(start, end, rule, column)
    for word, pattern in _ORDER_PROSE:
        if presence.has(word):
            for match in _compiled(pattern).finditer(lowered):
                if _is_word(chunk, lowered, match.start()):
                    yield Span(match.start(1), match.end(1), "order-id")
    if any(map(presence.has, _REPORTS)):
        for match in re.finditer(rb"[^\n]*(?:executionReport|ORDER_TRADE_UPDATE)[^\n]*", chunk):
            for inner in _SHORT_ID.finditer(chunk, match.start(), match.end()):
                if _is_id(inner[2]):
                    yield Span(inner.start(2), inner.end(2), "order-id", inner[1].decode())


_IN_NAMES = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_- "


@functools.lru_cache(4096)
def _name(before: bytes, name: bytes) -> tuple[bool, str | None]:
    """Whether a name starts behind these letters, and the column it names; `name` goes up to the value."""
    text = before + name
    lowered = text.lower()
    if not _is_word(text, lowered, len(before)):
        return False, None
    prefix = _PREFIX.search(lowered, max(0, len(before) - 24), len(before))
    shown = text[prefix.start() if prefix else len(before) :].rstrip(b" \t\r\n\"'\\:=>,#")
    column = shown.lstrip(b" _-").decode("utf-8", "replace")
    return True, column if len(column) <= 40 and ":" not in column else None


def _is_word(chunk: bytes, lowered: bytes, start: int) -> bool:
    """Whether a name starts here: at a capital, behind no letter, or behind the words that such names begin with."""
    before = lowered[start - 1 : start] if start else b""
    if not before.isalpha() or (chunk[start : start + 1].isupper() and not chunk[start - 1 : start].isupper()):
        return True
    found = _PREFIX.search(lowered, max(0, start - 24), start)
    return found is not None and found[0] != b"" and not lowered[found.start() - 1 : found.start()].isalpha()


def _is_id(value: bytes) -> bool:
    """An id long enough to be one person's or one order's: five digits, not all the same; no date, no hex hash."""
    size = len(value)
    # 64 hex digits are a transaction or a file; a time starts like 2025-10-11.
    if size >= 64 or (size < 16 and size - len(value.translate(None, _DIGITS)) < 5) or len(set(value)) < 3:
        return False
    return not (value[:2] in (b"19", b"20") and re.match(rb"\d\d\d\d-\d\d-\d\d", value))


# IP addresses

_IPV4 = re.compile(rb"\.\d{1,3}\.\d{1,3}\.\d{1,3}(?![\w\-]|\.\d|(?:/|%2[fF])(?:[12]?\d|3[01])(?!\d))")
_IPV6 = re.compile(
    rb"(?<![0-9A-Za-z:.])[23][0-9A-Fa-f]{1,3}:(?:[0-9A-Fa-f]{0,4}:){1,6}[0-9A-Fa-f]{0,4}(?![0-9A-Za-z:/])"
)
_GROUPS = re.compile(rb":[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}:")
_VERSION_BEFORE = re.compile(
    rb"(?:\bv|ver\.?|version|build|release|firmware|chrome|driver|sdk|oid|section|\xc2\xa7|schema|kernel|app)"
    rb"[\s:=\"'/_-]{0,4}\Z",
    re.IGNORECASE,
)
# What the pattern above can end with, but for letters, which may not stand there anyway.
_BEHIND_VERSION = frozenset(bytes([byte]) for byte in b" \t\n\r\f\v:=\"'/_-\xa7")
_INSIDE = frozenset(bytes([byte]) for byte in b"0123456789.-/_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_PUBLIC = frozenset({"8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9", "114.114.114.114", "1.2.3.4"})


def _addresses(chunk: bytes) -> Iterator[Span]:
    for match in _IPV4.finditer(chunk):
        rest = match.start()
        first = chunk[max(0, rest - 3) : rest]
        first = first[len(first.rstrip(_DIGITS)) :]
        start = rest - len(first)
        before = chunk[start - 1 : start] if start else b""
        if not first or before in _INSIDE:
            continue
        text = (first + match[0]).decode()
        if text in _PUBLIC or not _is_global_4(text):
            continue
        if before not in _BEHIND_VERSION or _VERSION_BEFORE.search(chunk, max(0, start - 16), start) is None:
            yield Span(start, match.end(), "ip-address")
    if b"::" in chunk or _GROUPS.search(chunk):
        for match in _IPV6.finditer(chunk):
            text = match[0].decode()
            if ("::" in text or text.count(":") == 7) and _is_global(text):
                yield Span(match.start(), match.end(), "ip-address")


# First octets under which no network is special.
_PLAIN_OCTETS = frozenset(
    str(number) for number in range(1, 224) if number not in (10, 100, 127, 169, 172, 192, 198, 203)
)
_OCTETS = frozenset(map(str, range(256)))


def _is_global_4(text: str) -> bool:
    octets = text.split(".")
    if octets[0] in _PLAIN_OCTETS:
        return _OCTETS.issuperset(octets)
    return _is_global(text)


def _is_global(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).is_global
    except ValueError:
        return False


# Identity numbers

_CN = re.compile(
    rb"[1-9](?<![\w.].)\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?![\w])", re.ASCII
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
    for start in _runs(shape, 17):
        number = _CN.match(chunk, start)
        if number is not None and is_cn_identity(number[0]):
            yield Span(start, number.end(), "identity-cn")
    if b"000000-0000000" in shape or (b"0" * 13 in shape and not chunk.isascii()):
        for match in _KR.finditer(chunk):
            if is_kr_identity(match[0]) and (match[4] or _beside(_KR_CONTEXT, lowered, match.start())):
                yield Span(match.start(), match.end(), "identity-kr")
    if b"A000000" in shape:
        for match in _HK.finditer(chunk):
            if is_hk_identity(match[0]) and (match[4] or _beside(_HK_CONTEXT, lowered, match.start())):
                yield Span(match.start(), match.end(), "identity-hk")
    if b"A000000000" in shape:
        for match in _TW.finditer(chunk):
            if is_tw_identity(match[0]):
                yield Span(match.start(), match.end(), "identity-tw")


def _beside(pattern: re.Pattern[bytes], text: bytes, start: int) -> bool:
    return pattern.search(text, max(0, start - _CONTEXT_BYTES), start) is not None


def is_cn_identity(text: bytes) -> bool:
    """GB 11643: province, date of birth, and the check digit of ISO 7064 mod 11-2."""
    if text[:2] not in _CN_PROVINCES or not _is_date(int(text[6:10]), int(text[10:12]), int(text[12:14])):
        return False
    total = sum((byte - 48) * weight for byte, weight in zip(text[:17], _CN_WEIGHTS, strict=True))
    return b"10X98765432"[total % 11] == text.upper()[17]


def is_kr_identity(text: bytes) -> bool:
    """A date of birth, a digit of century and sex, and the check digit, which numbers since October 2020 lack."""
    digits = text.replace(b"-", b"")
    century = {b"1": 1900, b"2": 1900, b"5": 1900, b"6": 1900}.get(digits[6:7], 2000)
    year = century + int(digits[:2])
    if not _is_date(year, int(digits[2:4]), int(digits[4:6])):
        return False
    total = sum((byte - 48) * weight for byte, weight in zip(digits[:12], _KR_WEIGHTS, strict=True))
    return year >= 2020 or (11 - total % 11) % 10 == digits[12] - 48


def is_hk_identity(text: bytes) -> bool:
    """One or two letters, six digits, and a check digit mod 11."""
    plain = text.replace(b"(", b"").replace(b")", b"").decode()
    padded = plain.rjust(9)
    total = 0
    for weight, sign in zip(range(9, 0, -1), padded, strict=True):
        number = 36 if sign == " " else 10 if weight == 1 and sign == "A" else int(sign, 36)
        total += weight * number
    return total % 11 == 0


def is_tw_identity(text: bytes) -> bool:
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
    rb"(?<![A-Za-z_])([A-Za-z_][A-Za-z0-9_.\-]{0,63}+)(?:[\"'\\]{0,3}\s{0,2}(?:[:=]|%3[aAdD])\s{0,2}|[\"']?>)[\"'\\]{0,3}"
    rb"[^\"'=:&;,{}\[\]<>\n]{0,48}\Z"
)
_PHONE_NAMES = frozenset({"phone", "mobile", "tel", "cell", "telephone", "msisdn", "contact"})
_COLUMN_RULES: dict[str, tuple[str, ...]] = {
    "user-id": (
        "uid",
        "userid",
        "userno",
        "accountid",
        "accountno",
        "accountnumber",
        "acctid",
        "memberid",
        "customerid",
        "traderid",
        "subuid",
        "subaccountid",
        "loginid",
        "binanceuid",
        "用户id",
        "用户编号",
        "회원번호",
    ),
    "order-id": (
        "orderid",
        "orderno",
        "ordernumber",
        "ordid",
        "clordid",
        "clientorderid",
        "origclientorderid",
        "newclientorderid",
        "orderlinkid",
        "algoid",
        "withdrawid",
        "withdrawalid",
        "parentorderid",
        "clientalgoid",
        "exchangeorderid",
        "订单号",
        "订单编号",
        "訂單編號",
        "주문번호",
    ),
    "phone": (
        "phone",
        "phonenumber",
        "phoneno",
        "mobile",
        "mobilenumber",
        "tel",
        "telephone",
        "cell",
        "msisdn",
        "手机",
        "手机号",
        "电话",
        "手機",
        "電話",
        "휴대폰",
        "전화번호",
    ),
    "identity-document": (
        "idcard",
        "idcardno",
        "idnumber",
        "identitynumber",
        "nationalid",
        "passport",
        "passportno",
        "passportnumber",
        "ssn",
        "身份证",
        "身份证号",
        "身份證",
        "身份證字號",
        "주민등록번호",
    ),
    "person-name": (
        "realname",
        "fullname",
        "legalname",
        "firstname",
        "lastname",
        "surname",
        "accountholder",
        "姓名",
        "真实姓名",
        "성명",
        "이름",
    ),
    "exchange-api-key": ("apikey", "xmbxapikey", "accesskey", "apitoken"),
    "assigned-secret": ("apisecret", "secretkey", "secret", "password", "passphrase", "clientsecret", "accesstoken"),
    "private-key-hex": ("privatekey", "privkey", "signingkey"),
    "authorization-header": ("authorization",),
    "listen-key": ("listenkey",),
    "request-signature": ("signature", "sign"),
    "cookie": ("cookie", "setcookie", "session", "sessionid", "p20t"),
    "seed-phrase": ("mnemonic", "seedphrase", "recoveryphrase"),
}


@functools.cache
def rule_of_column(name: str) -> str | None:
    """The rule that every filled cell of a column of this name breaks, if there is one."""
    plain = re.sub(r"[\W_]+", "", name.lower())
    return next((rule for rule, names in _COLUMN_RULES.items() if plain in names), None)


_EMPTY_CELLS = frozenset(
    {"", "-", "--", "null", "none", "nan", "n/a", "na", "0", "-1", "true", "false", "unknown", "redacted"}
)


# What breaks the rules of ids beyond doubt: most cells of such columns, told at once.
_SURE = re.compile(rb"[A-Za-z]{0,3}-?[0-9]{5,40}\Z")


def surely_breaks(rule: str, cell: bytes) -> bool:
    """Whether `breaks_rule` is true, as far as can be told cheaply."""
    return (rule == "user-id" or rule == "order-id") and _SURE.match(cell) is not None


def breaks_rule(rule: str, cell: str) -> bool:
    """Whether a cell of a column with that rule holds what the rule is about, and no token, mask or stand-in."""
    text = cell.strip().strip("\"'")
    if text.lower() in _EMPTY_CELLS or text.startswith((TOKEN_PREFIX, "[masked:")) or not text.strip("*xX•.-"):
        return False
    digits = sum(map(str.isdigit, text))
    if rule == "user-id":
        return digits >= 5
    if rule == "order-id":
        return (digits >= 5 or (digits > 0 and len(text) >= 16)) and len(text) < 64
    if rule == "phone":
        return 7 <= digits <= 15
    if rule == "identity-document":
        return len(text) >= 6 and digits >= 5
    if rule == "person-name":
        return any(sign.isalpha() for sign in text)
    if rule == "seed-phrase":
        return len(text.split()) >= 12
    if rule == "request-signature":
        return len(text) >= 40 and not text.startswith("0x")
    return len(text) >= 12 and (digits > 0 or rule == "cookie")


def name_before(chunk: bytes, start: int) -> str | None:
    """The name that a value beside it stands under: the last `name=`, `"name":` or `<name>` before it on the line."""
    window = chunk[max(0, start - 130) : start]
    match = _NAME_BEFORE.search(window[window.rfind(b"\n") + 1 :])
    return match[1].decode("ascii") if match else None
