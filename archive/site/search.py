"""A static search index over all records, English and Chinese in one, split so that no part is large. Pure.

```
search/meta.js         archiveSearch.meta({shards, block, incidents, documents})
search/t<n>.js         archiveSearch.terms(n, [[term, postings] …])
search/<lang>-d<n>.js  archiveSearch.documents(n, [[incident, page, id, kind, excerpt] …])
search/<lang>-i<n>.js  archiveSearch.incidents(n, [[slug, title] …])
```
They are scripts, because a page opened from a disk may load scripts beside it and nothing else. A term is a word in
lower case (NFKC, case folded), or two neighbouring characters of Chinese, Japanese or Korean, or one such character
that stands alone. Postings are document numbers in base 36, each but the first as the difference to the one before,
joined by points; `+` at the end says that there are more than are listed. Incidents are the first documents.
A term lies in shard `hash(first two characters) mod shards` (one character for Chinese, Japanese and Korean).
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from archive.site.i18n import say
from archive.site.model import LANGUAGES, Incident, SiteLanguage
from archive.site.text import pick, visible

MAX_POSTINGS: Final = 240
MAX_SHARD_BYTES: Final = 60_000
MAX_SHARDS: Final = 512
BLOCK: Final = 200  # documents, or incidents, in a file
MAX_EXCERPT: Final = 110
MAX_TERM: Final = 40

_WIDE: Final = "\u2e80-\u2fff\u3005-\u3007\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff"
_RUN: Final = re.compile(rf"[{_WIDE}]+|[^\W_{_WIDE}]+(?:[.,][0-9]+)*")
_IS_WIDE: Final = re.compile(rf"[{_WIDE}]")
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"

# What is searched of each kind of item, and the section that it stands in.
_FIELDS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("claims", ("text", "quote")),
    ("figures", ("label", "metric", "instrument")),
    ("statements", ()),
    ("commitments", ("text",)),
    ("remedies", ("what", "to", "terms")),
    ("questions", ("text",)),
    ("demands", ("text",)),
    ("timeline", ("text",)),
    ("findings", ("title",)),
    ("evidence", ("title", "path")),
    ("references", ("title", "author")),
    ("venues", ("name",)),
    ("parties", ("name",)),
)


def fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def terms(text: str) -> Iterator[str]:
    """The terms of a text, in order, with repetitions."""
    for found in _RUN.finditer(fold(text)):
        run = found[0]
        if not _IS_WIDE.match(run):
            run = run.replace(",", "")
            if len(run) > 1:
                yield run[:MAX_TERM]
            continue
        if len(run) == 1:
            yield run
        for at in range(len(run) - 1):
            yield run[at : at + 2]


def shard_of(term: str, shards: int) -> int:
    """Which shard a term lies in; the script computes the same."""
    key = term[0] if _IS_WIDE.match(term) else term[:2]
    value = 0
    for char in key:
        value = (value * 31 + ord(char)) & 0xFFFFFFFF
    return value % shards


@dataclass(frozen=True, slots=True)
class Document:
    """One thing that can be found: an incident (`id` empty), or an item of it, with what is shown in each language."""

    incident: int
    kind: str
    id: str
    page: str
    excerpts: Mapping[SiteLanguage, str]
    terms: frozenset[str]


def documents_of(number: int, incident: Incident, home_of: Mapping[str, str]) -> tuple[Document, ...]:
    """What can be found of an incident, itself first; `home_of` tells the page of an item."""
    return (_head(number, incident), *_items(number, incident, home_of))


def build(incidents: Sequence[Incident], found: Sequence[tuple[Document, ...]]) -> Iterator[tuple[str, bytes]]:
    """The files of the index, by path below the site's folder. `found` has the documents of each incident."""
    documents = [each[0] for each in found] + [document for each in found for document in each[1:]]
    postings: dict[str, list[int]] = {}
    more: set[str] = set()
    for number, document in enumerate(documents):
        for term in document.terms:
            listed = postings.setdefault(term, [])
            if len(listed) < MAX_POSTINGS:
                listed.append(number)
            else:
                more.add(term)
    lines = [[term, _pack(postings[term], term in more)] for term in sorted(postings)]
    shards = _shards(lines)
    meta = {"shards": len(shards), "block": BLOCK, "incidents": len(incidents), "documents": len(documents)}
    yield "search/meta.js", _script("meta", meta)
    for number, shard in enumerate(shards):
        yield f"search/t{number}.js", _script("terms", number, shard)
    for language in LANGUAGES:
        for start in range(0, len(documents), BLOCK):
            rows = [[d.incident, d.page, d.id, d.kind, d.excerpts[language]] for d in documents[start : start + BLOCK]]
            yield f"search/{language}-d{start // BLOCK}.js", _script("documents", start // BLOCK, rows)
        for start in range(0, len(incidents), BLOCK):
            names = [[one.slug, _name(one, language)] for one in incidents[start : start + BLOCK]]
            yield f"search/{language}-i{start // BLOCK}.js", _script("incidents", start // BLOCK, names)


def _name(incident: Incident, language: SiteLanguage) -> str:
    """The title; of a package that only names a publisher it says so, for it may copy the title of a signed one."""
    unsigned = incident.current.published and not incident.current.signed
    return _excerpt(incident.record["title"], language) + (f" – {say(language, 'search_unsigned')}" if unsigned else "")


def _head(number: int, incident: Incident) -> Document:
    record = incident.record
    words = [*_texts(record["title"]), *_texts(record["summary"]), record["id"].replace("-", " "), record["id"]]
    words += [str(alias) for alias in record.get("aliases", ())]
    for key in ("venues", "parties"):
        words += [text for who in record.get(key, ()) for text in _texts(who["name"])]
    return Document(
        number,
        "incident",
        "",
        "index.html",
        {language: _excerpt(record["summary"], language) for language in LANGUAGES},
        _terms(words),
    )


def _items(number: int, incident: Incident, home: Mapping[str, str]) -> Iterator[Document]:
    record = incident.record
    for kind, keys in _FIELDS:
        for item in record.get(kind, ()):
            words = [text for key in keys for text in _texts(item.get(key))]
            shown: Any = next((item[key] for key in keys if key in item), item["id"])
            if kind == "statements":
                words = [text for version in item["versions"] for text in _texts(version["text"])]
                shown = item["versions"][-1]["text"]
            if kind == "figures":
                words += [item["value"], item["unit"]]
            yield Document(
                number,
                kind,
                item["id"],
                home.get(item["id"], "index.html"),
                {language: _excerpt(shown, language) for language in LANGUAGES},
                _terms(words),
            )


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [text for text in value.values() if isinstance(text, str)] if isinstance(value, Mapping) else []


def _terms(words: Sequence[str]) -> frozenset[str]:
    return frozenset(term for text in words for term in terms(text))


def _excerpt(value: object, language: SiteLanguage) -> str:
    text = " ".join(pick(value, language).text.split())
    most = MAX_EXCERPT if language == "en" else MAX_EXCERPT // 2
    return visible(text if len(text) <= most else text[: most - 1].rstrip() + "…")


def _pack(numbers: Sequence[int], more: bool) -> str:
    packed = [_base36(number - before) for number, before in zip(numbers, [0, *numbers], strict=False)]
    return ".".join(packed) + ("+" if more else "")


def _base36(number: int) -> str:
    made = ""
    while number >= 36:
        number, digit = divmod(number, 36)
        made = _DIGITS[digit] + made
    return _DIGITS[number] + made


def _shards(lines: Sequence[list[str]]) -> list[list[list[str]]]:
    """As few shards, a power of two, as keep each below its limit; terms that begin alike stay together."""
    together: dict[str, int] = {}
    for term, packed in lines:
        key = term[0] if _IS_WIDE.match(term) else term[:2]
        together[key] = together.get(key, 0) + len(term.encode()) + len(packed) + 8
    limit = max(MAX_SHARD_BYTES, *together.values(), 0) if together else MAX_SHARD_BYTES
    count = 1
    while True:
        shards: list[list[list[str]]] = [[] for _ in range(count)]
        sizes = [0] * count
        for line in lines:
            at = shard_of(line[0], count)
            shards[at].append(line)
            sizes[at] += len(line[0].encode()) + len(line[1]) + 8
        if max(sizes) <= limit or count >= MAX_SHARDS:
            return shards
        count *= 2


def _script(name: str, *values: object) -> bytes:
    """A call with JSON arguments, as bytes of a script: nothing in it can end a string or the file."""
    parts = [json.dumps(value, ensure_ascii=False, separators=(",", ":")) for value in values]
    text = f"archiveSearch.{name}({','.join(parts)});\n"
    for char in "<\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text.encode("utf-8", "backslashreplace")
