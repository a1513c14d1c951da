"""What a template asks about an incident: words, links, and items put beside one another. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from markupsafe import Markup, escape

from archive.site import charts, diff, i18n, text, times
from archive.site.model import Act, Anchor, EvidenceFile, Incident, Reply, Revision, SiteLanguage
from archive.site.plan import Plan

MAX_LINKS: Final = 40
MAX_SHORT: Final = 90
MAX_COMPARED: Final = 30  # wordings of one statement
MAX_RESULT_ROWS: Final = 40
MAX_DEPTH: Final = 4

Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ref:
    """A link to an item of the record: where, what kind it is, and its name."""

    href: str
    kind: str
    label: Markup


@dataclass(frozen=True, slots=True)
class Beside:
    """Something that speaks against a claim: how, by whom, and where it stands."""

    how: str
    ref: Ref
    text: Markup
    who: Markup
    status: str | None = None


@dataclass(frozen=True, slots=True)
class Wording:
    """A wording of a statement, and how it differs from the one before."""

    number: int
    item: Item
    parts: tuple[diff.Part, ...]
    tag: str


_KINDS: Final = {
    "venues": "venue",
    "parties": "party",
    "timeline": "timeline",
    "claims": "claim",
    "statements": "statement",
    "commitments": "commitment",
    "figures": "figure",
    "remedies": "remedy",
    "demands": "demand",
    "questions": "question",
    "findings": "finding",
    "evidence": "evidence",
    "references": "reference",
}


class View:
    """One incident in one language. `place_of` tells where an item of another incident stands, by its folder and id."""

    def __init__(
        self,
        incident: Incident,
        language: SiteLanguage,
        plan: Plan,
        slugs: Mapping[str, str],
        place_of: Callable[[str, str], str] = lambda slug, item: f"../{slug}/index.html",
    ) -> None:
        self.incident = incident
        self.record: Item = incident.record
        self.language: SiteLanguage = language
        self.plan = plan
        self.slugs = slugs
        self._place_of = place_of
        self._names: dict[str, Markup] = {}
        self._refs: dict[str, Ref] = {}
        self.items: dict[str, tuple[str, Item]] = {}
        for section in _KINDS:
            for item in self.record.get(section, ()):
                self.items[item["id"]] = (section, item)
        self.files: dict[str, EvidenceFile] = {file.id: file for file in incident.current.files}
        self._against = self._find_against()
        self._toward = self._find_toward()
        self._replies: dict[str, list[Reply]] = defaultdict(list)
        for reply in incident.replies:
            self._replies[reply.about].append(reply)

    # ------------------------------------------------------------------------------------------------------- words

    def t(self, key: str, /, **values: object) -> Markup:
        return translate(self.language, key, **values)

    def said(self, value: object) -> Markup:
        return text.said(value, self.language)

    def prose(self, value: object) -> Markup:
        return text.paragraphs(value, self.language)

    def quotes(self, value: object) -> list[tuple[str, Markup]]:
        return text.quoted(value, self.language)

    def word(self, value: object) -> Markup:
        """A plain word; one that is not known here is marked as English on a Chinese page."""
        shown = i18n.word(value, self.language)
        foreign = self.language == "zh" and any(c.isascii() and c.isalpha() for c in shown) and shown == str(value)
        if foreign and not shown.isupper():
            return Markup('<bdi lang="en">{}</bdi>').format(text.inert(shown, limit=200))
        return text.isolated(shown, limit=200)

    def short(self, value: object, most: int = MAX_SHORT) -> Markup:
        """The beginning of a text, for a link."""
        chosen = text.pick(value, self.language)
        plain = " ".join(chosen.text.split())
        wide = self.language == "zh" or (chosen.tag or "").startswith(("zh", "ja", "ko"))
        most = most * 2 // 3 if wide else most
        if len(plain) > most:
            plain = plain[: most - 1]
            # Words stay whole where they are parted by blanks.
            plain = (plain.rpartition(" ")[0] if not wide and " " in plain[-24:] else plain).rstrip() + "…"
        lang = f' lang="{text.safe_tag(chosen.tag)}"' if chosen.missing else ""
        return text.html(f"<bdi{lang}>{text.inert(plain)}</bdi>")

    def joined(self, parts: Iterable[object]) -> Markup:
        return escape("、" if self.language == "zh" else ", ").join(parts)  # type: ignore[arg-type]

    # ------------------------------------------------------------------------------------------------------- links

    def name(self, identifier: str) -> Markup:
        """The name of a venue or party, without a link."""
        if identifier not in self._names:
            self._names[identifier] = self._name(identifier)
        return self._names[identifier]

    def _name(self, identifier: str) -> Markup:
        _, item = self.items.get(identifier, ("", {}))
        return self.short(item["name"]) if "name" in item else text.isolated(identifier)

    def who(self, ids: object) -> Markup:
        """Names of venues and parties, each leading to what is said of it."""
        listed = [ids] if isinstance(ids, str) else list(ids) if isinstance(ids, list | tuple) else []
        return self.joined([self._linked(one, self.name(one)) for one in listed[:MAX_LINKS]] + self._more(listed))

    def _linked(self, identifier: str, label: Markup) -> Markup:
        # An id of a record is of 0-9, a-z and -, a page's name is ours.
        page = self.plan.home_of.get(identifier)
        return text.html(f'<a href="{page}#{identifier}">{label}</a>') if page else label

    def _more(self, listed: Sequence[object]) -> list[Markup]:
        return [self.t("and_more", n=len(listed) - MAX_LINKS)] if len(listed) > MAX_LINKS else []

    def ref(self, identifier: str) -> Ref:
        if identifier not in self._refs:
            self._refs[identifier] = self._ref(identifier)
        return self._refs[identifier]

    def _ref(self, identifier: str) -> Ref:
        section, item = self.items.get(identifier, ("", {}))
        page = self.plan.home_of.get(identifier, "")
        return Ref(f"{page}#{identifier}", _KINDS.get(section, ""), self.label(identifier, section, item))

    def label(self, identifier: str, section: str, item: Item) -> Markup:
        match section:
            case "venues" | "parties":
                return self.name(identifier)
            case "figures":
                return Markup("{}: {}").format(self.short(item.get("label", item["metric"]), 60), self.value(item))
            case "statements":
                return Markup("{}: {}").format(self.name(item["party"]), self.short(item["versions"][-1]["text"], 60))
            case "remedies":
                return self.short(item["what"])
            case "findings" | "evidence" | "references":
                return self.short(item["title"]) if "title" in item else Markup("<bdi>{}</bdi>").format(identifier)
            case "":
                return text.isolated(identifier)
            case _:
                return self.short(item["text"])

    def refs(self, ids: object) -> list[Markup]:
        """Links to items of any kind."""
        listed = list(ids) if isinstance(ids, list | tuple) else []
        return [self._linked(one, self.ref(one).label) for one in listed[:MAX_LINKS]] + self._more(listed)

    def address(self, value: object) -> Markup:
        return text.link(value)

    def related(self, value: str) -> Markup:
        slug = self.slugs.get(value)
        if slug is not None:
            return Markup('<a href="../{}/index.html"><bdi>{}</bdi></a>').format(slug, text.inert(value))
        return text.link(value)

    # ------------------------------------------------------------------------------------------------------- times

    def span(self, item: object) -> Markup:
        """A time in the source's zone, then in UTC where that is another clock."""
        if not isinstance(item, Mapping):
            return Markup("")
        local = times.span(item, self.language)
        utc = times.span(item, self.language, zone="utc")
        if not local:
            return self.t("not_stated")
        if utc and utc not in local and "UTC" in local and not local.endswith("UTC"):
            return Markup('{} <span class="utc">({} UTC)</span>').format(local, utc)
        return escape(local)

    def span_utc(self, item: Item) -> str:
        return times.span(item, self.language, zone="utc")

    def span_local(self, item: Item) -> str:
        return times.span(item, self.language)

    def has_clock(self, item: Item) -> bool:
        at = times.moment(item.get("at") if item.get("at") is not None else item.get("start"), item.get("precision"))
        return at is not None and at.utc is not None and at.finest not in ("year", "month", "day")

    def iso(self, item: Item) -> str:
        return str(item.get("at") if item.get("at") is not None else item.get("start", ""))

    def at(self, value: object, precision: object = None) -> Markup:
        return self.span({"at": value, "precision": precision}) if value is not None else Markup("")

    def zone(self, value: object) -> Markup:
        words, tag = i18n.zone_in_words(str(value), self.language)
        lang = Markup(' lang="{}"').format(tag) if tag else Markup("")
        return Markup("<bdi{}>{}</bdi>").format(lang, text.inert(words, limit=400))

    def unix(self, seconds: int, *, clock: bool = True) -> str:
        return times.of_unix(seconds, self.language, clock=clock)

    # ----------------------------------------------------------------------------------------------------- numbers

    def value(self, figure: Item) -> Markup:
        """`more than 1,000 USD`, `about 3.9 to 4.1 million`: with its bound and unit."""
        amount: object = text.number(figure["value"])
        if "value_to" in figure:
            amount = self.t("range", a=amount, b=text.number(figure["value_to"]))
        unit = i18n.word(figure["unit"], self.language)
        # Long amounts may break before their unit, short ones stay whole.
        gap = "\u202f" if unit.startswith("%") else "\u00a0" if len(str(figure["value"])) < 7 else " "
        shown = Markup("{}{}{}").format(amount, gap, text.isolated(unit, limit=120))
        return self.t(f"bound_{figure['bound']}", value=shown)

    def size(self, count: int) -> Markup:
        if count < 1000:
            return Markup("{} B").format(count)
        return self.t("size_exact", words=text.bytes_in_words(count), n=f"{count:,}")

    # ------------------------------------------------------------------------------------------------------ claims

    def _find_against(self) -> dict[str, list[tuple[str, str]]]:
        """For each claim, what speaks against it: (how, id), from both directions."""
        found: dict[str, dict[str, str]] = defaultdict(dict)
        for claim in self.record.get("claims", ()):
            for other in (*claim.get("contradicted_by", ()), *claim.get("evidence_against", ())):
                found[claim["id"]].setdefault(other, "by_contradicts")
        for claim in self.record.get("claims", ()):
            for other in claim.get("contradicted_by", ()):
                if self.items.get(other, ("",))[0] == "claims":
                    found[other].setdefault(claim["id"], "by_contradicts")
            for relation in claim.get("relations", ()):
                if "root" not in relation and relation["type"] in ("contradicts", "responds_to"):
                    found[relation["claim"]].setdefault(claim["id"], f"by_{relation['type']}")
        return {claim: [(how, other) for other, how in others.items()] for claim, others in found.items()}

    def against(self, claim: Item) -> list[Beside]:
        beside = []
        for how, other in self._against.get(claim["id"], ())[:MAX_LINKS]:
            section, item = self.items.get(other, ("", {}))
            body = self._body(section, item, other)
            speakers = item.get("claimed_by") or item.get("party") or item.get("by") or ()
            beside.append(Beside(how, self.ref(other), body, self.who(speakers), item.get("status")))
        return beside

    def _body(self, section: str, item: Item, identifier: str) -> Markup:
        if section == "statements":
            return self.said(item["versions"][-1]["text"])
        if section == "figures":
            return Markup("{}: <strong>{}</strong>").format(
                self.said(item.get("label", item["metric"])), self.value(item)
            )
        if section in ("findings", "evidence", "references") and "title" in item:
            return self.said(item["title"])
        if "text" in item:
            return self.said(item["text"])
        return self.label(identifier, section, item)

    def _find_toward(self) -> dict[str, list[tuple[str, str]]]:
        """For each claim, other claims that say something of it and are not against it."""
        found: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for claim in self.record.get("claims", ()):
            for relation in claim.get("relations", ()):
                if "root" not in relation and relation["type"] not in ("contradicts", "responds_to"):
                    found[relation["claim"]].append((f"by_{relation['type']}", claim["id"]))
        return found

    def relations(self, claim: Item) -> list[tuple[Markup, Markup]]:
        """How a claim relates to others: (how, link)."""
        told: list[tuple[Markup, Markup]] = []
        for relation in claim.get("relations", ())[:MAX_LINKS]:
            how = self.t(f"rel_{relation['type']}")
            if "root" in relation:
                place = self.t("in_package", root=relation["root"][:12] + "…")
                told.append((how, Markup("{} {}").format(text.inert(relation["claim"]), place)))
            else:
                told.append((how, self._linked(relation["claim"], self.ref(relation["claim"]).label)))
        for key, other in self._toward.get(claim["id"], ())[:MAX_LINKS]:
            told.append((self.t(key), self._linked(other, self.ref(other).label)))
        return told

    def reply_href(self, reply: Reply) -> str:
        """Where the claim of another package stands on this site."""
        return self._place_of(reply.slug, reply.claim)

    def replies(self, claim_id: str) -> list[Reply]:
        return self._replies.get(claim_id, [])[:MAX_LINKS]

    # -------------------------------------------------------------------------------------------------- statements

    def wordings(self, statement: Item) -> list[Wording]:
        found: list[Wording] = []
        before: text.Said | None = None
        for number, version in enumerate(statement["versions"], 1):
            now = text.pick(version["text"], self.language)
            same_tongue = before is not None and before.tag == now.tag
            parts: tuple[diff.Part, ...] = ()
            if before is not None and same_tongue and number <= MAX_COMPARED:
                parts = diff.words(before.text, now.text)
                if diff.is_rewritten(parts):
                    # Hardly a word stayed: the two are better read one after the other.
                    parts = (("removed", before.text), ("same", " "), ("added", now.text))
            found.append(Wording(number, version, parts, text.safe_tag(now.tag)))
            before = now
        return found

    # ---------------------------------------------------------------------------------------------------- findings

    def rows(self, value: object, depth: int = 0) -> list[dict[str, Any]]:
        """A result as rows of a table: key, and a text, a table of maps, or rows again."""
        if not isinstance(value, Mapping):
            return []
        made = []
        for key, part in value.items():
            name, tag = i18n.field(str(key), self.language)
            row: dict[str, Any] = {"key": name, "tag": tag, "text": None, "table": None, "rows": None, "cut": 0}
            if isinstance(part, str):
                row["text"] = self.cell(str(key), part)
            elif isinstance(part, Mapping):
                row["rows"] = self.rows(part, depth + 1) if depth < MAX_DEPTH else []
            elif isinstance(part, list | tuple):
                shown = [item for item in part if isinstance(item, Mapping)][:MAX_RESULT_ROWS]
                row["table"] = self._table(shown) if shown else None
                row["text"] = (
                    None if shown else self.joined([self.cell(str(key), str(v)) for v in part[:MAX_RESULT_ROWS]])
                )
                row["cut"] = max(0, len(part) - MAX_RESULT_ROWS)
            made.append(row)
        return made

    def _table(self, items: Sequence[Item]) -> dict[str, Any]:
        flat = [_flat(item) for item in items]
        keys = list(dict.fromkeys(key for row in flat for key in row))[:14]
        heads = []
        for key in keys:
            parts = [i18n.field(part, self.language) for part in key.split(" ")]
            heads.append((" · ".join(part for part, _ in parts), next((tag for _, tag in parts if tag), None)))
        cells = [
            [self.cell(key.rpartition(" ")[2], row[key]) if key in row else Markup("") for key in keys] for row in flat
        ]
        return {"heads": heads, "cells": cells}

    def cell(self, key: str, value: str) -> Markup:
        if key in ("claimed_by", "source", "evidence") and all(part in self.items for part in value.split(";")):
            return self.joined([self._linked(part, self.ref(part).label) for part in value.split(";")])
        if key in ("value", "computed", "difference", "apart_seconds", "to", "low", "loss_at_least", "loss_at_most"):
            return Markup("{}").format(text.number(value))
        if key == "unit":
            return self.word(value)
        return text.isolated(i18n.plain_value(value, self.language), limit=600)

    def picture(self, finding: Item) -> charts.Picture | None:
        result = finding.get("result")
        if not isinstance(result, Mapping):
            return None
        return charts.picture(finding["method"], result, self.language)

    # ------------------------------------------------------------------------------------------------------- state

    def network(self, anchor: Anchor) -> Markup:
        key = f"network_{anchor.network}"
        if anchor.network is not None and i18n.has(key):
            return self.t(key)
        return self.t("chain_n", n=anchor.chain_id)

    def state(self) -> list[Markup]:
        return state_of(self.incident, self)

    def retraction(self, revision: Revision) -> Act | None:
        return next((act for act in revision.acts if act.kind == "retraction"), None)

    def account(self, act: Act) -> Markup:
        return text.isolated(act.name or act.account)

    # ----------------------------------------------------------------------------------------------------- changes

    def changes(self, old: Revision, new: Revision) -> list[dict[str, Any]]:
        """What changed, one row each: section, link or name, kind, and the fields with old and new words."""
        told = []
        for change in diff.changes(old.record, new.record)[: diff.MAX_CHANGES]:
            section = i18n.field(change.section, self.language)[0]
            about = Markup("")
            if change.id is not None:
                known = change.kind != "removed" and change.id in self.items
                about = self._linked(change.id, self.ref(change.id).label) if known else self._gone(change)
            fields = []
            for key, before, after in change.fields[:20]:
                if key == change.section:
                    fields.append(("", self._plain(before), self._plain(after)))
                else:
                    fields.append((i18n.field(key, self.language)[0], self._plain(before), self._plain(after)))
            told.append({"section": section, "about": about, "kind": change.kind, "fields": fields})
        return told

    def _gone(self, change: diff.Change) -> Markup:
        value = change.value if isinstance(change.value, Mapping) else {}
        for key in ("text", "title", "name", "label", "what"):
            if key in value:
                return self.short(value[key])
        return text.isolated(change.id or "")

    def _plain(self, value: object) -> Markup:
        """Any value of a record in a line, for before and now."""
        if value is None:
            return Markup("")
        if isinstance(value, Mapping) and all(isinstance(part, str) for part in value.values()):
            return self.short(value, 300)
        if isinstance(value, list | tuple) and all(isinstance(part, str) for part in value):
            return self.joined([text.isolated(part, limit=120) for part in value[:20]])
        if isinstance(value, str | int):
            return text.isolated(value, limit=300)
        chosen = [text.inert(part, limit=120) for part in list(text.strings(value, 6))]
        return Markup("<bdi>{}</bdi>").format(Markup(" · ").join(chosen))


def translate(language: SiteLanguage, key: str, /, **values: object) -> Markup:
    """An interface text as HTML; values that are no Markup are escaped."""
    template = _template(language, key)
    return template.format(**values) if values else template


@cache
def _template(language: SiteLanguage, key: str) -> Markup:
    return escape(i18n.say(language, key))


def _flat(item: Item) -> dict[str, str]:
    """A map as one row: maps inside become columns of their own, lists are counted."""
    row: dict[str, str] = {}
    for key, part in item.items():
        if isinstance(part, str):
            row[str(key)] = part
        elif isinstance(part, Mapping):
            row |= {f"{key} {inner}": value for inner, value in part.items() if isinstance(value, str)}
        elif isinstance(part, list | tuple):
            row[str(key)] = str(len(part))
    return row


def state_of(incident: Incident, view: View) -> list[Markup]:
    """Where the record stands: published or not, anchored where and when, retracted."""
    revision = incident.current
    if not revision.published:
        return [view.t("state_draft")]
    told = [view.t("state_published" if revision.signed else "state_unsigned", n=revision.number)]
    if revision.retracted:
        told.insert(0, view.t("state_retracted"))
    if revision.anchors:
        first = min(revision.anchors, key=lambda anchor: (not anchor.in_chain, anchor.test, anchor.time))
        key = "state_anchored" if first.in_chain else "state_anchor_unchecked"
        told.append(view.t(key, network=view.network(first), date=view.unix(first.time, clock=False)))
        if first.test:
            told.append(view.t("state_test"))
    else:
        told.append(view.t("state_no_anchor"))
    return told
