"""Which part of a record stands on which page: no page grows past its budget, every link finds its place. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from archive.site.model import LANGUAGES, Incident
from archive.site.text import MAX_TEXT, pick

# Bytes of HTML that the parts of one page may come to, by the estimate of `weight`; a page stays under 200 KB with it.
PAGE_BUDGET: Final = 120_000
_OVERHEAD: Final = 800
_PER_LINK: Final = 110
_MARKUP: Final = re.compile(r"[&<>\"']")
_TAG: Final = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*\Z")

SECTIONS: Final = (
    "overview",
    "claims",
    "statements",
    "figures",
    "remedies",
    "questions",
    "findings",
    "evidence",
    "parties",
    "proof",
)


@dataclass(frozen=True, slots=True)
class Block:
    """What is shown together: `kind` says how, `items` are items of the record, `group` the heading it stands under."""

    kind: str
    items: tuple[Mapping[str, Any], ...]
    group: str
    number: int = 0


@dataclass(frozen=True, slots=True)
class PagePlan:
    """One page of a section: its file name and blocks. `number` counts from 1, of `count`."""

    section: str
    name: str
    blocks: tuple[Block, ...]
    number: int
    count: int

    @property
    def groups(self) -> list[tuple[str, list[Block]]]:
        """Blocks under their headings, in order."""
        found: list[tuple[str, list[Block]]] = []
        for block in self.blocks:
            if not found or found[-1][0] != block.group:
                found.append((block.group, []))
            found[-1][1].append(block)
        return found


@dataclass(frozen=True, slots=True)
class Plan:
    """All pages of an incident, and for every id of the record the page that it stands on."""

    pages: tuple[PagePlan, ...]
    home_of: Mapping[str, str]

    def of_section(self, section: str) -> tuple[PagePlan, ...]:
        return tuple(page for page in self.pages if page.section == section)


def make_plan(incident: Incident) -> Plan:
    """The pages of the present revision: the same in each language, so that each has its counterpart."""
    record = incident.record
    pages: list[PagePlan] = []
    for section in SECTIONS:
        blocks = list(_BLOCKS[section](record))
        if not blocks and section not in ("overview", "proof"):
            continue
        pages += _pages(section, blocks, reserve=_reserve(section, record))
    home = {item["id"]: page.name for page in pages for block in page.blocks for item in block.items if "id" in item}
    return Plan(tuple(pages), home)


def _reserve(section: str, record: Mapping[str, Any]) -> int:
    """What the first page of a section holds besides its blocks."""
    if section != "overview":
        return 6_000
    entries = min(len(record.get("timeline", ())), 200)
    # The linked data of the record may stand there too.
    return 40_000 + _longest(record.get("summary")) + 420 * entries


def _pages(section: str, blocks: Sequence[Block], *, reserve: int) -> list[PagePlan]:
    chunks: list[list[Block]] = [[]]
    room = PAGE_BUDGET - reserve
    for block in blocks:
        needed = sum(weight(item) for item in block.items)
        if chunks[-1] and needed > room:
            chunks.append([])
            room = PAGE_BUDGET - 6_000
        chunks[-1].append(block)
        room -= needed
    return [
        PagePlan(section, file_name(section, number), tuple(chunk), number, len(chunks))
        for number, chunk in enumerate(chunks, 1)
    ]


def file_name(section: str, number: int) -> str:
    if section == "overview":
        return "index.html" if number == 1 else f"timeline-{number}.html"
    return f"{section}.html" if number == 1 else f"{section}-{number}.html"


def cost(text: str) -> int:
    """Bytes of a text as HTML, about."""
    text = text[:MAX_TEXT]
    return len(text.encode("utf-8", "replace")) + 5 * len(_MARKUP.findall(text))


def weight(item: Mapping[str, Any]) -> int:
    """Bytes that an item makes on a page, about, and rather too many; in the language in which it is longest."""
    return _OVERHEAD + _weigh(item)


def _longest(value: object) -> int:
    return max(cost(pick(value, language).text) for language in LANGUAGES)


def _weigh(value: Any) -> int:
    if isinstance(value, str):
        return cost(value) + _PER_LINK
    if isinstance(value, Mapping):
        if value and all(isinstance(text, str) and _TAG.match(tag) for tag, text in value.items()) and _is_text(value):
            return _longest(value) + _PER_LINK
        return sum(_weigh(part) for part in value.values())
    if isinstance(value, list | tuple):
        return sum(_weigh(part) for part in value)
    return 20


def _is_text(value: Mapping[str, Any]) -> bool:
    return "en" in value or any(tag.lower().startswith("zh") for tag in value)


# ------------------------------------------------------------------------------------------------- blocks by section


def _overview(record: Mapping[str, Any]) -> Iterator[Block]:
    for number, entry in enumerate(record.get("timeline", ()), 1):
        yield Block("event", (entry,), "timeline", number)


def _claims(record: Mapping[str, Any]) -> Iterator[Block]:
    for number, claim in enumerate(record.get("claims", ()), 1):
        yield Block("claim", (claim,), "sec_claims", number)


def _statements(record: Mapping[str, Any]) -> Iterator[Block]:
    for statement in record.get("statements", ()):
        yield Block("statement", (statement,), "statements")
    for promise in record.get("commitments", ()):
        yield Block("commitment", (promise,), "commitments")


def _figures(record: Mapping[str, Any]) -> Iterator[Block]:
    disputed, together, alone = [], [], []
    for group in figure_groups(record.get("figures", ())):
        if any("disputes" in figure for figure in group):
            disputed.append(group)
        elif len(group) > 1:
            together.append(group)
        else:
            alone += group
    for heading, listed in (("figures_disputed", disputed), ("figures_same", together), ("figures", [alone])):
        for group in listed:
            for start in range(0, len(group), 9):
                yield Block("figures", tuple(group[start : start + 9]), heading)


def _remedies(record: Mapping[str, Any]) -> Iterator[Block]:
    remedies = record.get("remedies", ())
    for start in range(0, len(remedies), 6):
        yield Block("remedies", tuple(remedies[start : start + 6]), "remedies")


def figure_groups(figures: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Figures of one metric, or that dispute or replace one another, together; in the order of the record."""
    of: dict[str, int] = {}
    parent: list[int] = []

    def root(at: int) -> int:
        while parent[at] != at:
            parent[at] = parent[parent[at]]
            at = parent[at]
        return at

    for figure in figures:
        parent.append(len(parent))
        of[figure["id"]] = len(parent) - 1
    metrics: dict[tuple[str, str], int] = {}
    for at, figure in enumerate(figures):
        near = [metrics.setdefault((figure["metric"], figure.get("instrument", "")), at)]
        near += [of[name] for key in ("disputes", "supersedes") for name in figure.get(key, ()) if name in of]
        for other in near:
            low, high = sorted((root(at), root(other)))
            parent[high] = low
    groups: dict[int, list[Mapping[str, Any]]] = {}
    for at, figure in enumerate(figures):
        groups.setdefault(root(at), []).append(figure)
    return list(groups.values())


def _questions(record: Mapping[str, Any]) -> Iterator[Block]:
    for key, open_group, answered in (
        ("questions", "questions", "answered_questions"),
        ("demands", "open_demands", "answered_demands"),
    ):
        asked = record.get(key, ())
        for group, wanted in ((open_group, False), (answered, True)):
            for one in asked:
                if bool(one.get("answers")) is wanted:
                    yield Block("request", (one,), group)


def _findings(record: Mapping[str, Any]) -> Iterator[Block]:
    for finding in record.get("findings", ()):
        yield Block("finding", (finding,), "sec_findings")


def _evidence(record: Mapping[str, Any]) -> Iterator[Block]:
    for item in record.get("evidence", ()):
        yield Block("evidence", (item,), "sec_evidence")
    for reference in record.get("references", ()):
        yield Block("reference", (reference,), "references")


def _parties(record: Mapping[str, Any]) -> Iterator[Block]:
    for venue in record.get("venues", ()):
        yield Block("actor", (venue,), "venues")
    for party in record.get("parties", ()):
        yield Block("actor", (party,), "parties")


def _proof(record: Mapping[str, Any]) -> Iterator[Block]:
    return iter(())


_BLOCKS: Final = {
    "overview": _overview,
    "claims": _claims,
    "statements": _statements,
    "figures": _figures,
    "remedies": _remedies,
    "questions": _questions,
    "findings": _findings,
    "evidence": _evidence,
    "parties": _parties,
    "proof": _proof,
}
