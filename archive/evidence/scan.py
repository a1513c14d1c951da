"""The scan for secrets that must not become permanent; personal data is `archive.evidence.personal`'s, both are
brought together, by rule and column, in `archive.evidence.gate`.

Two levels. The quick one runs the rules below over the first part of each file and needs no library; `archive check`
shows what it finds as warnings. The full one reads every byte, adds the plugins of detect-secrets, and blocks
publishing until each finding is mended or waived by its name, `rule:path`.

A finding never holds the secret: only its rule, place, and the few characters that show which one is meant.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

from archive.errors import InternalError, InvalidInputError
from archive.evidence.personal import SEPARATOR
from archive.evidence.presence import Presence

CHUNK_BYTES = 1 << 20
QUICK_BYTES = 8 << 20
# A line without end is cut here; what lies across a cut is seen because this much is read again.
OVERLAP_BYTES = 4096
MAX_FINDINGS_PER_RULE = 100

_WORDS_FILE = Path(__file__).with_name("bip39_english.txt")
_MIN_SEED_WORDS = 12
# On text whose letters all became `a` and the rest spaces: twelve words of 3 to 8 letters, close together.
_SEED_RUN = re.compile(rb" a{3,8}+(?: {1,8}+a{3,8}+){11,}+")
_LETTERS = bytes(ord("a") if chr(byte).isalpha() and byte < 128 else ord(" ") for byte in range(256))
_WORD = re.compile(rb"[A-Za-z]+")
_BASE58 = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BASE58_SIGNS = bytes(ord("1") if byte in _BASE58 else ord(" ") for byte in range(256))
_WIF_RUN = b"1" * 51


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One suspected secret: the file as named to the scan, the 1-based line, the rule, and a masked excerpt."""

    path: str
    line: int
    rule: str
    excerpt: str

    @property
    def name(self) -> str:
        """What `--waive` takes to let it pass: the rule and the path, not the line, which moves."""
        return f"{self.rule}:{self.path}"


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
        return _compile(self.source, self.flags)


_compile = functools.cache(re.compile)


def _rule(name: str, pattern: bytes, *needles: bytes, flags: int = re.IGNORECASE) -> _Rule:
    return _Rule(name, pattern, flags, (needles,) if needles else ())


def _may_match(presence: Presence, needles: tuple[tuple[bytes, ...], ...]) -> bool:
    return all(any(map(presence.has, group)) for group in needles)


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
    *(
        _rule("service-token", pattern, needle, flags=re.NOFLAG)
        for needle, pattern in (
            (b"akia", rb"AKIA[0-9A-Z]{16}"),
            (b"gh", rb"gh[pousr]_[A-Za-z0-9]{36,}"),
            (b"github_pat_", rb"github_pat_[A-Za-z0-9_]{40,}"),
            (b"xox", rb"xox[abposr]-[A-Za-z0-9-]{10,}"),
            (b"aiza", rb"AIza[0-9A-Za-z_-]{35}"),
            (b"sk_live_", rb"sk_live_[A-Za-z0-9]{16,}"),
            (b"rk_live_", rb"rk_live_[A-Za-z0-9]{16,}"),
            (b"sk-", rb"sk-[A-Za-z0-9_-]{32,}"),
            (b"glpat-", rb"glpat-[A-Za-z0-9_-]{20,}"),
        )
    ),
)
_WIF = re.compile(rb"(?<![1-9A-HJ-NP-Za-km-z])[5KLc9][1-9A-HJ-NP-Za-km-z]{50,51}(?![1-9A-HJ-NP-Za-km-z])")
RULE_NAMES = (*dict.fromkeys(rule.name for rule in _RULES), "wallet-import-key", "seed-phrase")


def scan_paths(paths: Iterable[Path], *, full: bool = True, base: Path | None = None) -> tuple[Finding, ...]:
    """Scan files, sorted by path and line; findings name a file by its path below `base` when that is given.

    Raises:
        InvalidInputError: `scan.unreadable` when a file cannot be read: unread is not clean.
    """
    found: set[Finding] = set()
    for path in paths:
        name = path.relative_to(base).as_posix() if base is not None else str(path)
        found.update(scan_file(path, full=full, name=name))
    return tuple(sorted(found))


def scan_file(path: Path, *, full: bool = True, name: str | None = None) -> tuple[Finding, ...]:
    """Scan one file as a stream; memory does not grow with its size."""
    try:
        with path.open("rb") as handle:
            return scan_stream(handle, name or str(path), full=full)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InvalidInputError(
            f"{name or path}: cannot be read for the safety scan: {reason}", code="scan.unreadable"
        ) from None


def scan_bytes(data: bytes, name: str, *, full: bool = True) -> tuple[Finding, ...]:
    """Scan bytes that are in memory already."""
    import io

    return scan_stream(io.BytesIO(data), name, full=full)


def scan_stream(handle: BinaryIO, name: str, *, full: bool = True) -> tuple[Finding, ...]:
    """Scan a file that is open at its start."""
    counts: dict[str, int] = {}
    found: dict[tuple[str, int], Finding] = {}
    for first_line, _, chunk in chunks(handle, limit=None if full else QUICK_BYTES):
        lowered = chunk.lower()
        for offset, _, rule, excerpt in find_secrets(chunk, lowered, full=full):
            line = first_line + chunk.count(b"\n", 0, offset)
            if (rule, line) not in found:
                counts[rule] = counts.get(rule, 0) + 1
                if counts[rule] > MAX_FINDINGS_PER_RULE:
                    continue
            # One finding a rule and line: what a seam cut short is seen whole in the next piece.
            found[rule, line] = Finding(name, line, rule, excerpt)
    return tuple(sorted(found.values()))


def chunks(handle: BinaryIO, *, limit: int | None) -> Iterator[tuple[int, int, bytes]]:
    """First line, offset and bytes of the pieces of a text; each but the first repeats the end of the one before."""
    encoding = _wide_encoding(handle)
    line, offset, carry, read = 1, 0, b"", 0
    while limit is None or read < limit:
        block = handle.read(CHUNK_BYTES)
        if not block:
            break
        read += len(block)
        if encoding is not None:
            block = block.decode(encoding, "ignore").encode("utf-8", "ignore")
        piece = carry + block
        yield line, offset, piece
        keep = len(piece) - OVERLAP_BYTES
        if keep > 0:
            cut = piece.find(b"\n", keep) + 1 or keep
            line += piece.count(b"\n", 0, cut)
            offset += cut
            carry = piece[cut:]
        else:
            carry = piece


def _wide_encoding(handle: BinaryIO) -> str | None:
    """UTF-16 by its mark, or by every other byte of its start being zero."""
    start = handle.read(512)
    handle.seek(0)
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16-le" if start[:1] == b"\xff" else "utf-16-be"
    if len(start) >= 16:
        even, odd = start[::2].count(0) * 2 / len(start), start[1::2].count(0) * 2 / len(start)
        if odd > 0.7 and even < 0.1:
            return "utf-16-le"
        if even > 0.7 and odd < 0.1:
            return "utf-16-be"
    return None


Hit = tuple[int, int, str, str]


def find_secrets(chunk: bytes, lowered: bytes, *, full: bool, presence: Presence | None = None) -> list[Hit]:
    """Start, end, rule and masked excerpt of each hit in a piece of text, in no order."""
    hits: list[Hit] = []
    presence = presence or Presence(lowered)
    for rule in _RULES:
        if _may_match(presence, rule.needles):
            hits += [(m.start(), m.end(), rule.name, mask(m[0])) for m in rule.pattern.finditer(chunk)]
    if _WIF_RUN in chunk.translate(_BASE58_SIGNS):
        hits += [(m.start(), m.end(), "wallet-import-key", mask(m[0])) for m in _WIF.finditer(chunk) if _is_wif(m[0])]
    for match in _SEED_RUN.finditer(b" " + chunk.translate(_LETTERS)):
        # Behind the added space everything lies one further; the last word may be longer than the pattern takes.
        start, last = match.start(), _WORD.match(chunk, match.end() - 1)
        for offset, end, count in _seed_runs(chunk[start : last.end() if last else match.end() - 1]):
            what = f"{count} words of a recovery phrase in a row"
            hits.append((start + offset, start + end, "seed-phrase", what))
    return hits + _ask_detect_secrets(chunk, presence) if full else hits


def mask(secret: bytes) -> str:
    start = secret[:4].decode("latin-1")
    shown = start if start.isascii() and start.isprintable() else "".join(c if " " <= c <= "~" else "?" for c in start)
    return f"{shown}… ({len(secret)} characters)"


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


_ASSIGNED = (b"key", b"pw", b"pass", b"token")
# The plugins of detect-secrets that know the form of what they look for, with needles as above. Those that guess by
# entropy fire on every order id and hash, and are left out.
_PLUGINS: dict[str, tuple[tuple[bytes, ...], ...]] = {
    "ArtifactoryDetector": ((b"akc", b"ap"),),
    "AWSKeyDetector": ((b"a3t", b"abia", b"acca", b"akia", b"asia", b"aws"),),
    "AzureStorageKeyDetector": ((b"accountkey=",),),
    "BasicAuthDetector": ((b"://",),),
    "CloudantDetector": ((b"cl",), (*_ASSIGNED, b".cloudant.com")),
    "DiscordBotTokenDetector": ((b".",),),
    "GitHubTokenDetector": ((b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_"),),
    "GitLabTokenDetector": ((b"gl", b"gr1348941"), (b"-", b"gr1348941")),
    "IbmCloudIamDetector": ((b"ib", b"iam", b"ia"), _ASSIGNED),
    "IbmCosHmacDetector": ((b"secret",), (b"key",)),
    "JwtTokenDetector": ((b"eyj",),),
    "MailchimpDetector": ((b"-us",),),
    "NpmDetector": ((b"_authtoken",),),
    "OpenAIDetector": ((b"sk-",),),
    "PrivateKeyDetector": ((b"private key", b"putty-user-key-file"),),
    "PypiTokenDetector": ((b"pypi-",),),
    "SendGridDetector": ((b"sg.",),),
    "SlackDetector": ((b"xox", b"hooks.slack.com"),),
    "SoftlayerDetector": ((b"sl", b"softlayer"), (*_ASSIGNED, b"api.softlayer.com")),
    "SquareOAuthDetector": ((b"sq0csp-",),),
    "StripeDetector": ((b"k_live_",),),
    "TelegramBotTokenDetector": ((b":",),),
    "TwilioKeyDetector": ((b"ac", b"sk"),),
}
# Where a plugin's own pattern starts with what is everywhere: a first look from the letters on that are not.
_LOOKS: dict[str, tuple[re.Pattern[str], ...]] = {
    "ArtifactoryDetector": (re.compile(r"AKC[a-zA-Z0-9]{10}"), re.compile(r"AP[0-9A-F][a-zA-Z0-9]{8}")),
    "MailchimpDetector": (re.compile(r"-us[0-9]"),),
    "TelegramBotTokenDetector": (re.compile(r":[0-9A-Za-z_-]{35}"),),
}
# Where it starts with nothing that is rare: what must stand in the text whose letters, digits, `_` and `-` became `a`.
_FORMS = {"DiscordBotTokenDetector": b"." + b"a" * 6 + b"." + b"a" * 27}
_TOKEN_SIGNS = bytes(ord("a") if byte < 128 and (chr(byte).isalnum() or byte in b"_-") else byte for byte in range(256))
_Plugin = tuple[str, Any, tuple[re.Pattern[str], ...], tuple[tuple[bytes, ...], ...]]


@functools.cache
def _plugins() -> tuple[_Plugin, ...]:
    """Our name, the plugin, its patterns for a look over many lines at once, and its needles."""
    from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class

    classes: Any = get_mapping_from_secret_type_to_class()
    by_name: dict[str, Any] = {found.__name__: found for found in classes.values()}
    missing = sorted(_PLUGINS.keys() - by_name.keys())
    if missing:
        raise InternalError(
            f"the installed detect-secrets lacks {', '.join(missing)}",
            code="scan.plugins",
            hint="install a version of detect-secrets that the project names",
        )
    loaded: list[_Plugin] = []
    for name, needles in _PLUGINS.items():
        plugin = by_name[name]()
        looks = _LOOKS.get(name) or tuple(
            re.compile(pattern.pattern, pattern.flags | re.MULTILINE) for pattern in plugin.denylist
        )
        loaded.append((f"detect-secrets/{_slug(str(plugin.secret_type))}", plugin, looks, needles))
    return tuple(loaded)


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _ask_detect_secrets(chunk: bytes, presence: Presence) -> list[Hit]:
    asked = [found for found in _plugins() if _may_match(presence, found[3])]
    if not asked:
        return []
    # Latin-1 keeps one character per byte, so that offsets stay those of the file; every token is ASCII.
    text, signs = chunk.decode("latin-1"), chunk.translate(_TOKEN_SIGNS)
    hits: list[Hit] = []
    for name, plugin, looks, _ in asked:
        if (form := _FORMS.get(type(plugin).__name__)) is not None and form not in signs:
            continue
        seen: set[int] = set()
        for look in looks:
            for match in look.finditer(text):
                start = text.rfind("\n", 0, match.start()) + 1
                if start in seen:
                    continue
                seen.add(start)
                end = text.find("\n", match.start())
                line = text[start : end if end >= 0 else len(text)]
                for secret in plugin.analyze_line(filename="", line=line, line_number=1):
                    value = str(secret.secret_value or "")
                    at = max(text.find(value, start), start)
                    hits.append((at, at + len(value), name, mask(value.encode("latin-1", "ignore"))))
    return hits
