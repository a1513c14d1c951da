"""What changed: between two wordings of a statement, and between two revisions of a record. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Final, Literal

MAX_WORK: Final = 400_000  # tokens of one text times those of the other
MAX_CHANGES: Final = 200

_WIDE: Final = "\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uffef"
_TOKEN: Final = re.compile(rf"\s+|[{_WIDE}]|[^\W{_WIDE}]+|[^\w\s]")

Part = tuple[Literal["same", "removed", "added"], str]


def words(old: str, new: str) -> tuple[Part, ...]:
    """The new text with what was removed and added, by words, and by characters in Chinese, Japanese and Korean.

    What is alike at both ends is set aside first; a middle that would take long to compare is told as a whole.
    """
    first, second = _TOKEN.findall(old), _TOKEN.findall(new)
    shorter = min(len(first), len(second))
    head = next((at for at in range(shorter) if first[at] != second[at]), shorter)
    tail = next((at for at in range(shorter - head) if first[-1 - at] != second[-1 - at]), shorter - head)
    before, after = first[head : len(first) - tail], second[head : len(second) - tail]
    parts: list[Part] = [("same", "".join(first[:head]))]
    if len(before) * len(after) > MAX_WORK:
        parts += [("removed", "".join(before)), ("added", "".join(after))]
    else:
        for kind, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
            if kind == "equal":
                parts.append(("same", "".join(after[c:d])))
            else:
                parts += [("removed", "".join(before[a:b])), ("added", "".join(after[c:d]))]
    parts.append(("same", "".join(first[len(first) - tail :])))
    return tuple(_joined([part for part in parts if part[1]]))


def _joined(parts: Sequence[Part]) -> Iterator[Part]:
    """Changes with nothing but a blank or a mark between them become one, so that a rewritten phrase reads as one."""
    removed, added, between = "", "", ""
    changed = False
    for kind, text in parts:
        if kind == "same" and changed and len(text.strip()) <= 1 and len(text) <= 2:
            between += text
            continue
        if kind == "same":
            yield from _flush(removed, added)
            if between:
                text = between + text
            yield "same", text
            removed, added, between, changed = "", "", "", False
            continue
        removed += between + (text if kind == "removed" else "")
        added += between + (text if kind == "added" else "")
        between, changed = "", True
    yield from _flush(removed, added)
    if between:
        yield "same", between


def _flush(removed: str, added: str) -> Iterator[Part]:
    if removed == added:
        if removed:
            yield "same", removed
        return
    if removed:
        yield "removed", removed
    if added:
        yield "added", added


def is_rewritten(parts: Sequence[Part]) -> bool:
    """Whether so little stayed that the two are better read one after the other."""
    same = sum(len(text) for kind, text in parts if kind == "same")
    return same * 3 < sum(len(text) for _, text in parts)


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that changed. `section` is the record's field; `id` the item's, None for a field of the record itself.

    `fields` names what changed inside, each with the value before and now (None for absent).
    """

    section: str
    id: str | None
    kind: Literal["added", "removed", "changed"]
    value: Any = None
    fields: tuple[tuple[str, Any, Any], ...] = ()


_IGNORED: Final = frozenset({"revision", "supersedes", "revisions", "schema_version"})


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Change, ...]:
    """What changed from one revision to the next, in the order of the record's fields."""
    found: list[Change] = []
    for section in dict.fromkeys([*new, *old]):
        if section in _IGNORED:
            continue
        before, after = old.get(section), new.get(section)
        if before == after:
            continue
        if _has_ids(before) and _has_ids(after):
            found += _items(section, before or [], after or [])
        else:
            found.append(Change(section, None, _kind(before, after), after, ((section, before, after),)))
    return tuple(found)


def _kind(before: Any, after: Any) -> Literal["added", "removed", "changed"]:
    return "added" if before is None else "removed" if after is None else "changed"


def _has_ids(value: Any) -> bool:
    return value is None or (
        isinstance(value, list | tuple) and all(isinstance(v, Mapping) and isinstance(v.get("id"), str) for v in value)
    )


def _items(section: str, before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> Iterator[Change]:
    old = {item["id"]: item for item in before}
    new = {item["id"]: item for item in after}
    for name, item in new.items():
        if name not in old:
            yield Change(section, name, "added", item)
        elif old[name] != item:
            keys = dict.fromkeys([*item, *old[name]])
            fields = tuple(
                (key, old[name].get(key), item.get(key)) for key in keys if old[name].get(key) != item.get(key)
            )
            yield Change(section, name, "changed", item, fields)
    for name, item in old.items():
        if name not in new:
            yield Change(section, name, "removed", item)
