"""Text of strangers on a page: escaped, isolated, with what would act or hide made visible. Pure.

Everything that a record says goes through here. The result is `Markup`, so that a template cannot escape it twice, and
a plain string that was not treated is escaped by Jinja itself.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

from markupsafe import Markup, escape

from archive.site.i18n import name_of_language, say
from archive.site.model import SiteLanguage

MAX_TEXT: Final = 8_000  # characters of one text on a page; the rest is in record.json
MAX_URL: Final = 2_000

# C0, C1, soft hyphen, Arabic letter mark, zero-width and direction marks, line separators, direction overrides and
# isolates, invisible operators, BOM, tags, variation selectors supplement. ZWJ and ZWNJ stay: scripts need them.
_ACTING: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-"
    "\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
)
_WORD: Final = re.compile(r"[^\W\d_]+")
# Scripts with letters that look like Latin ones.
_ALIKE: Final = (
    ("GREEK", re.compile("[\u0370-\u03ff\u1f00-\u1fff]")),
    ("CYRILLIC", re.compile("[\u0400-\u052f\u1c80-\u1c8f\u2de0-\u2dff\ua640-\ua69f]")),
    ("ARMENIAN", re.compile("[\u0530-\u058f]")),
    ("CHEROKEE", re.compile("[\u13a0-\u13ff\uab70-\uabbf]")),
)
_ANY_ALIKE: Final = re.compile("|".join(pattern.pattern for _, pattern in _ALIKE))
_LATIN: Final = re.compile("[A-Za-z\u00c0-\u024f]")
_NEWLINES: Final = re.compile(r"\n{2,}")


def html(text: str) -> Markup:
    """HTML out of parts that are escaped already: several times as fast as `Markup.format`, and used as often."""
    return Markup(text)  # noqa: S704 - the one place; every caller escapes what it puts in


def visible(text: str) -> str:
    """The same text as plain characters, with what acts or hides written as ⟨U+202E⟩: for attributes and data."""
    return _ACTING.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", text)


def inert(text: object, *, limit: int = MAX_TEXT) -> Markup:
    """Text as HTML: escaped, acting characters shown as marked code points, mixed scripts pointed out."""
    plain = str(text)
    cut = len(plain) > limit
    plain = plain[:limit]
    made = escape(plain) if plain.isascii() and not _ACTING.search(plain) else _treated(plain)
    return made + Markup('<span class="cut">…</span>') if cut else made


def _treated(plain: str) -> Markup:
    if not _ACTING.search(plain):
        return _words(plain)
    parts: list[Markup] = []
    at = 0
    for found in _ACTING.finditer(plain):
        parts.append(_words(plain[at : found.start()]))
        point = ord(found[0])
        name = unicodedata.name(found[0], "control character").lower()
        parts.append(Markup('<span class="code-point" title="{}">U+{:04X}</span>').format(name, point))
        at = found.end()
    parts.append(_words(plain[at:]))
    return Markup("").join(parts)


def _words(plain: str) -> Markup:
    if not _ANY_ALIKE.search(plain):
        return escape(plain)
    parts: list[Markup] = []
    at = 0
    for found in _WORD.finditer(plain):
        other = next((name for name, pattern in _ALIKE if pattern.search(found[0])), None)
        if other is not None and _LATIN.search(found[0]):
            title = f"mixed scripts: Latin and {other.title()}"
            parts += [escape(plain[at : found.start()]), Markup('<span class="mixed" title="{}">').format(title)]
            parts += [escape(found[0]), Markup("</span>")]
            at = found.end()
    parts.append(escape(plain[at:]))
    return Markup("").join(parts)


@dataclass(frozen=True, slots=True)
class Said:
    """One text of a record, in the language of the page where the record has it.

    `tag` is the BCP 47 tag it is in, None where the record does not say. `missing` is True when the record has no text
    in the language of the page, and another language is shown in its place.
    """

    text: str
    tag: str | None = None
    missing: bool = False

    def __bool__(self) -> bool:
        return bool(self.text)


@lru_cache(maxsize=256)
def _base(tag: str) -> str:
    return tag.lower().split("-")[0]


def pick(value: object, language: SiteLanguage) -> Said:
    """The text in the page's language; for `zh` simplified before traditional; else English, else the first tag."""
    if isinstance(value, str):
        return Said(value)
    if not isinstance(value, Mapping):
        return Said("")
    usual = "en" if language == "en" else "zh-Hans"
    if isinstance(value.get(usual), str):
        return Said(value[usual], usual)
    texts = {tag: text for tag, text in value.items() if isinstance(tag, str) and isinstance(text, str)}
    same = sorted((tag for tag in texts if _base(tag) == language), key=lambda tag: (_rank(tag), tag))
    if same:
        return Said(texts[same[0]], same[0])
    others = sorted(texts, key=lambda tag: (_base(tag) != "en", tag))
    return Said(texts[others[0]], others[0], missing=True) if others else Said("")


def _rank(tag: str) -> int:
    lower = tag.lower()
    return 0 if lower in ("zh-hans", "en", "zh-cn") else 1 if lower in ("zh", "en-us", "en-gb") else 2


def said(value: object, language: SiteLanguage) -> Markup:
    """A text of the record as HTML, with its language; says so where the record lacks the page's language."""
    chosen = pick(value, language)
    if not chosen:
        return Markup("")
    body = inert(chosen.text)
    if chosen.tag is None:
        return html(f"<bdi>{body}</bdi>")
    shown = html(f'<bdi lang="{safe_tag(chosen.tag)}">{body}</bdi>')
    return shown + _untranslated(chosen, language, "span") if chosen.missing else shown


def _untranslated(chosen: Said, language: SiteLanguage, element: str) -> Markup:
    note = say(language, "no_translation", language=name_of_language(chosen.tag or "", language))
    return Markup(' <{0} class="untranslated">{1}</{0}>').format(element, note)


def isolated(value: object, *, limit: int = MAX_TEXT) -> Markup:
    """A short text of no stated language, kept apart from the direction of what stands around it."""
    return html(f"<bdi>{inert(value, limit=limit)}</bdi>")


def quoted(value: object, language: SiteLanguage) -> list[tuple[str, Markup]]:
    """A quote in every language it is given in, under its tag: a source's own words are never translated away."""
    if not isinstance(value, Mapping):
        return []
    return [
        (name_of_language(tag, language), Markup('<bdi lang="{}">{}</bdi>').format(safe_tag(tag), inert(text)))
        for tag, text in sorted(value.items())
        if isinstance(tag, str) and isinstance(text, str)
    ]


def paragraphs(value: object, language: SiteLanguage) -> Markup:
    """A longer text: blank lines make paragraphs."""
    chosen = pick(value, language)
    lang = Markup(' lang="{}"').format(safe_tag(chosen.tag)) if chosen.tag else Markup("")
    parts = [part for part in _NEWLINES.split(chosen.text) if part.strip()]
    shown = Markup("").join(Markup('<p{} dir="auto">{}</p>').format(lang, inert(part)) for part in parts)
    return shown + _untranslated(chosen, language, "p") if chosen.missing else shown


@lru_cache(maxsize=256)
def safe_tag(tag: str | None) -> str:
    """A language tag for the `lang` attribute; empty (unknown) when it is none."""
    return tag if tag is not None and re.fullmatch(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,6}", tag) else ""


def web_address(value: object) -> str | None:
    """An address that may be a link: http or https, with a host, without user or acting characters; else None."""
    if not isinstance(value, str) or len(value) > MAX_URL or _ACTING.search(value) or not value.isprintable():
        return None
    if re.search(r"[\s<>\"'\\]", value):
        return None
    try:
        parts = urlsplit(value)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        return None
    if parts.scheme.lower() not in ("http", "https") or not host or "@" in parts.netloc:
        return None
    return value


def host_of(address: str) -> str:
    """The host as it is really asked: letters beyond ASCII as punycode, so that look-alikes show."""
    host = urlsplit(address).hostname or ""
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return visible(host)


def link(value: object) -> Markup:
    """A web address of a record as a link that says where it leads; anything else as text."""
    address = web_address(value)
    if address is None:
        return Markup('<bdi class="address">{}</bdi>').format(inert(value, limit=MAX_URL))
    host = host_of(address)
    shown = inert(address, limit=120)
    extra = (
        Markup(' <span class="host">({})</span>').format(host)
        if not (urlsplit(address).hostname or "").isascii()
        else ""
    )
    return Markup('<a class="address" href="{}" rel="noopener noreferrer nofollow"><bdi>{}</bdi></a>{}').format(
        address, shown, extra
    )


def number(value: object) -> str:
    """An exact decimal with its digits in groups of three, as both languages write them; never rounded."""
    text = str(value)
    found = re.fullmatch(r"(-?)([0-9]+)(\.[0-9]+)?", text)
    if found is None or len(text) > 200:
        return visible(text[:200])
    whole = f"{int(found[2]):,}" if len(found[2]) <= 60 else found[2]
    return f"{'−' if found[1] else ''}{whole}{found[3] or ''}"


def bytes_in_words(size: int) -> str:
    """A size for people: 5.9 kB."""
    if size < 1000:
        return f"{size} B"
    amount = float(size)
    for unit in ("kB", "MB", "GB", "TB"):
        amount /= 1000
        if amount < 1000:
            return f"{amount:.1f} {unit}"
    return f"{amount / 1000:.1f} PB"


def strings(value: object, limit: int = 10_000) -> Iterable[str]:
    """Every text in a JSON value, in order, at most `limit`."""
    todo: list[Any] = [value]
    while todo and limit:
        item = todo.pop()
        if isinstance(item, str):
            limit -= 1
            yield item
        elif isinstance(item, Mapping):
            todo += reversed(list(item.values()))
        elif isinstance(item, list | tuple):
            todo += reversed(item)
