"""The little Markdown that the policy is written in, as HTML: headings, paragraphs, lists, tables, links, code. Pure.

Everything is escaped first; there is no way to write HTML in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from markupsafe import Markup, escape

_INLINE: Final = re.compile(r"`([^`]+)`|\*\*([^*]+)\*\*|\[([^\]]+)\]\(([^)\s]+)\)")
_ITEM: Final = re.compile(r"(\s*)(?:[-*]|(\d+)\.)\s+(.*)")


def to_html(source: str) -> Markup:
    """A whole document. Its first heading becomes `h1`."""
    return Markup("\n").join(_blocks(source.splitlines()))


def _blocks(lines: Sequence[str]) -> Iterator[Markup]:
    at = 0
    while at < len(lines):
        line = lines[at]
        if not line.strip():
            at += 1
        elif line.startswith("#"):
            level = min(len(line) - len(line.lstrip("#")), 4)
            yield Markup("<h{0}>{1}</h{0}>").format(level, _inline(line.lstrip("#").strip()))
            at += 1
        elif line.startswith("|"):
            end = _while(lines, at, lambda text: text.startswith("|"))
            yield _table(lines[at:end])
            at = end
        elif _ITEM.match(line):
            end = _while(
                lines, at, lambda text: bool(text.strip()) and (text.startswith(" ") or bool(_ITEM.match(text)))
            )
            yield _list(lines[at:end])
            at = end
        else:
            end = _while(lines, at, lambda text: bool(text.strip()) and not text.startswith(("#", "|", "- ")))
            yield Markup("<p>{}</p>").format(_inline(_unwrapped(lines[at:end])))
            at = end


def _while(lines: Sequence[str], at: int, holds: Callable[[str], bool]) -> int:
    end = at + 1
    while end < len(lines) and holds(lines[end]):
        end += 1
    return end


def _unwrapped(lines: Sequence[str]) -> str:
    """Lines put together: with a blank, and without one between two Chinese characters."""
    made = ""
    for line in lines:
        text = line.strip()
        glue = "" if not made or (ord(made[-1]) > 0x2E7F and text and ord(text[0]) > 0x2E7F) else " "
        made += glue + text
    return made


def _list(lines: Sequence[str]) -> Markup:
    items: list[list[str]] = []
    ordered = False
    for line in lines:
        found = _ITEM.match(line)
        if found and not found[1]:
            ordered = found[2] is not None
            items.append([found[3]])
        elif items:
            items[-1].append(line)
    body = Markup("").join(Markup("<li>{}</li>").format(_inline(_unwrapped(item))) for item in items)
    return Markup("<{0}>{1}</{0}>").format("ol" if ordered else "ul", body)


def _table(lines: Sequence[str]) -> Markup:
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]
    body = [row for row in rows[1:] if not all(re.fullmatch(r":?-+:?", cell) for cell in row)]
    head = Markup("").join(Markup('<th scope="col">{}</th>').format(_inline(cell)) for cell in rows[0])
    made = Markup("").join(
        Markup("<tr>{}</tr>").format(Markup("").join(Markup("<td>{}</td>").format(_inline(cell)) for cell in row))
        for row in body
    )
    return Markup(
        '<div class="scroll" role="region" tabindex="0" aria-label="{}">'
        '<table class="data"><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>'
    ).format(" · ".join(rows[0]), head, made)


def _inline(text: str) -> Markup:
    made, at = Markup(""), 0
    for found in _INLINE.finditer(text):
        made += escape(text[at : found.start()])
        code, strong, label, target = found.groups()
        if code is not None:
            made += Markup("<code>{}</code>").format(code)
        elif strong is not None:
            made += Markup("<strong>{}</strong>").format(strong)
        elif target.startswith(("https://", "http://")):
            made += Markup('<a href="{}" rel="noopener noreferrer nofollow">{}</a>').format(target, label)
        else:
            # A file of the repository, which is not part of a site.
            made += escape(label)
        at = found.end()
    return made + escape(text[at:])
