"""A package's record in words, for a person at a terminal. Pure: takes the JSON value, gives lines.

The record comes from somebody else's package: it is read as plain JSON (a later schema still shows), and control
characters, which could rewrite a terminal, are replaced.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

_WIDTH: Final = 100
_WIDE: Final = (
    "\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6"
)
_TOKENS: Final = re.compile(rf"\s+|[{_WIDE}]|[^\s{_WIDE}]+")
_CLOSING: Final = frozenset("，。、；：！？）》」』】”’…)")


def languages(record: Mapping[str, Any]) -> tuple[str, ...]:
    """The languages of title and summary, sorted."""
    found: set[str] = set()
    for key in ("title", "summary"):
        value = record.get(key)
        if isinstance(value, Mapping):
            found.update(str(tag) for tag in value)
    return tuple(sorted(found))


def clean(text: object) -> str:
    """Text that cannot steer a terminal: control and format characters (bidirectional overrides too) replaced."""
    return "".join(
        "�" if unicodedata.category(c) in ("Cc", "Cf", "Cs") and c not in "\u200c\u200d" else c for c in str(text)
    )


def localized(value: object, language: str | None) -> str:
    """One language of a localized text: the asked one, else a close one, else English, else the first."""
    if not isinstance(value, Mapping):
        return clean(value) if value is not None else ""
    tags = [str(tag) for tag in value]
    wanted = (language or "en").lower()
    base = wanted.split("-")[0]
    for rule in (
        lambda tag: tag.lower() == wanted,
        lambda tag: tag.lower().split("-")[0] == base,
        lambda tag: tag.lower().split("-")[0] == "en",
        lambda tag: True,
    ):
        for tag in tags:
            if rule(tag):
                return clean(value[tag])
    return ""


def describe(record: Mapping[str, Any], language: str | None = None) -> list[str]:
    """Lines that tell what the record says, attributed: title, summary, time, who, timeline, claims, figures …"""
    names = _names(record, language)
    return [
        *_head(record, language),
        *_section("Venues", record, "venues", lambda v: _who(v, language)),
        *_section("Parties", record, "parties", lambda v: _who(v, language)),
        *_section("Timeline", record, "timeline", lambda v: f"{_when(v)}  {localized(v.get('text'), language)}"),
        *_section("Claims", record, "claims", lambda v: _claim(v, names, language)),
        *_section("Statements", record, "statements", lambda v: _statement(v, names, language)),
        *_section("Promised before", record, "commitments", lambda v: _said(v, names, language, "by")),
        *_section("Figures", record, "figures", lambda v: _figure(v, names, language)),
        *_section("Remedies", record, "remedies", lambda v: _remedy(v, names, language)),
        *_section("Demands", record, "demands", lambda v: _request(v, names, language)),
        *_section("Open questions", record, "questions", lambda v: _request(v, names, language)),
        *_section("Evidence", record, "evidence", lambda v: _evidence(v, language)),
        *_section(
            "Revisions",
            record,
            "revisions",
            lambda v: f"r{clean(v.get('revision'))}: {localized(v.get('reason'), language)}",
        ),
    ]


def wrap(text: str, *, first: str = "", rest: str = "") -> Iterator[str]:
    """Lines of at most 100 columns. Chinese, Japanese and Korean characters take two and may be followed by a break."""
    line, used, gap = first, len(first), ""
    for token in _TOKENS.findall(text):
        if token.isspace():
            gap = " "
            continue
        columns = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in token)
        # what may not begin a line (closing brackets, full stops) stays on the one before
        if used + len(gap) + columns > _WIDTH and line not in (first, rest) and token not in _CLOSING:
            yield line
            line, used, gap = rest, len(rest), ""
        if line not in (first, rest):
            line, used = line + gap, used + len(gap)
        line, used, gap = line + token, used + columns, ""
    if line not in (first, rest):
        yield line


def _head(record: Mapping[str, Any], language: str | None) -> Iterator[str]:
    yield localized(record.get("title"), language)
    yield f"{clean(record.get('id', '?'))}, revision {clean(record.get('revision', '?'))}"
    yield f"languages: {', '.join(clean(tag) for tag in languages(record)) or 'none'}"
    occurred = record.get("occurred")
    if isinstance(occurred, Mapping):
        zone = occurred.get("time_zone")
        yield f"occurred: {_when(occurred)}" + (f" (source's time zone: {clean(zone)})" if zone else "")
    yield ""
    yield from wrap(localized(record.get("summary"), language))


def _section(title: str, record: Mapping[str, Any], key: str, line: Any) -> Iterator[str]:
    items = record.get(key)
    if not isinstance(items, Sequence) or isinstance(items, str) or not items:
        return
    yield ""
    yield f"{title} ({len(items)})"
    for item in items:
        if isinstance(item, Mapping):
            yield from wrap(line(item), first="  - ", rest="    ")


def _names(record: Mapping[str, Any], language: str | None) -> dict[str, str]:
    """id → name of venues and parties."""
    names: dict[str, str] = {}
    for key in ("venues", "parties"):
        items = record.get(key)
        for item in items if isinstance(items, list) else []:
            if isinstance(item, Mapping):
                names[str(item.get("id"))] = localized(item.get("name"), language)
    return names


def _people(value: object, names: Mapping[str, str]) -> str:
    ids = [str(v) for v in value] if isinstance(value, list) else [str(value)] if value else []
    return ", ".join(names.get(one) or clean(one) for one in ids) or "unattributed"


def _when(item: Mapping[str, Any]) -> str:
    if item.get("at") is not None:
        return clean(item["at"])
    start, end = item.get("start"), item.get("end")
    if start is None and end is None:
        return "time not stated"
    return f"{clean(start)} – {clean(end)}" if end is not None else f"from {clean(start)}"


def _who(item: Mapping[str, Any], language: str | None) -> str:
    roles = item.get("roles")
    texts = (
        [localized(r.get("text"), language) for r in roles if isinstance(r, Mapping)] if isinstance(roles, list) else []
    )
    said = f": {'; '.join(texts)} (alleged)" if texts else ""
    return f"{localized(item.get('name'), language)}{said}"


def _claim(item: Mapping[str, Any], names: Mapping[str, str], language: str | None) -> str:
    said = f"[{clean(item.get('status', '?'))}] {localized(item.get('text'), language)}"
    return f"{said} ({_people(item.get('claimed_by'), names)})"


def _statement(item: Mapping[str, Any], names: Mapping[str, str], language: str | None) -> str:
    versions = [v for v in item.get("versions") or [] if isinstance(v, Mapping)]
    texts = [
        f"{clean(v.get('made_at') or v.get('seen_at') or 'undated')}: {localized(v.get('text'), language)}"
        for v in versions
    ]
    changed = f" [{len(versions)} versions]" if len(versions) > 1 else ""
    return f"{_people(item.get('party'), names)}{changed}: {' → '.join(texts)}"


def _said(item: Mapping[str, Any], names: Mapping[str, str], language: str | None, key: str) -> str:
    return f"{_people(item.get(key), names)}: {localized(item.get('text'), language)}"


def _figure(item: Mapping[str, Any], names: Mapping[str, str], language: str | None) -> str:
    label = localized(item.get("label"), language) or clean(item.get("metric", "?"))
    to = f" to {clean(item['value_to'])}" if item.get("value_to") is not None else ""
    bound = item.get("bound")
    word = {"lower": "at least ", "upper": "at most ", "estimate": "about "}.get(str(bound), "")
    what = f" {clean(item['instrument'])}" if item.get("instrument") else ""
    return (
        f"{label}{what}: {word}{clean(item.get('value', '?'))}{to} {clean(item.get('unit', ''))} "
        f"({_people(item.get('claimed_by'), names)})"
    )


def _remedy(item: Mapping[str, Any], names: Mapping[str, str], language: str | None) -> str:
    whom, what = localized(item.get("to"), language), localized(item.get("what"), language)
    return f"[{clean(item.get('status', '?'))}] {_people(item.get('by'), names)} to {whom}: {what}"


def _request(item: Mapping[str, Any], names: Mapping[str, str], language: str | None) -> str:
    answers = item.get("answers")
    count = len(answers) if isinstance(answers, list) else 0
    kinds = (
        ", ".join(clean(a.get("kind")) for a in answers if isinstance(a, Mapping)) if isinstance(answers, list) else ""
    )
    said = f"{_people(item.get('by'), names)}: {localized(item.get('text'), language)}"
    return f"{said} [{kinds}]" if count else f"{said} [no answer]"


def _evidence(item: Mapping[str, Any], language: str | None) -> str:
    if item.get("withheld") is True and "commitment" in item:
        return f"{clean(item.get('id'))}: withheld (committed to by hash)"
    title = localized(item.get("title"), language) or clean(item.get("kind", ""))
    if item.get("path"):
        return f"{clean(item.get('id'))}: {title} — {clean(item['path'])}"
    reference = item.get("reference")
    digest = clean(reference.get("sha256", "?")) if isinstance(reference, Mapping) else "?"
    return f"{clean(item.get('id'))}: {title} — by reference, sha256 {digest}"
