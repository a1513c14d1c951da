"""The pages of a site as bytes, by path below its folder. Pure: the same values give the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from markupsafe import Markup

from archive.site import diff, i18n, text, times
from archive.site.exports import citation
from archive.site.files import Preview, Served
from archive.site.model import LANGUAGES, Incident, Revision, Site, SiteLanguage
from archive.site.plan import PagePlan, Plan, make_plan
from archive.site.timeline import chart
from archive.site.view import View, state_of, translate

if TYPE_CHECKING:
    from jinja2 import Environment

CARDS_PER_PAGE: Final = 40
MAX_ITEM_BYTES: Final = 110_000
MAX_INLINE_JSONLD: Final = 60_000
MAX_PAIRS: Final = 4
CSP: Final = (
    "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)
_SECTION_WORDS: Final = {
    "overview": "sec_overview",
    "claims": "sec_claims",
    "statements": "sec_statements",
    "figures": "sec_figures",
    "remedies": "sec_remedies",
    "questions": "sec_questions",
    "findings": "sec_findings",
    "evidence": "sec_evidence",
    "parties": "parties",
    "proof": "sec_proof",
}
_COUNTED: Final = {
    "claims": ("claims",),
    "statements": ("statements", "commitments"),
    "figures": ("figures",),
    "remedies": ("remedies",),
    "questions": ("questions", "demands"),
    "findings": ("findings",),
    "evidence": ("evidence",),
    "parties": ("venues", "parties"),
}
_SEARCH_KINDS: Final = (
    ("incident", "nav_home"),
    ("claims", "sec_claims"),
    ("figures", "one_figure"),
    ("statements", "statements"),
    ("commitments", "commitments"),
    ("remedies", "remedies"),
    ("questions", "questions"),
    ("demands", "open_demands"),
    ("timeline", "timeline"),
    ("findings", "sec_findings"),
    ("evidence", "sec_evidence"),
    ("references", "references"),
    ("venues", "venues"),
    ("parties", "parties"),
)


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture of a finding: its path from the site's folder, size, and whether its words are English only."""

    path: str
    width: int
    height: int
    english: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """A download of an incident: key of its label, path from the site's folder, name to save as, size.

    `path` is None for one that was not made because it would be larger than `limit`.
    """

    key: str
    path: str | None
    name: str
    size: int = 0
    limit: int = 0


@dataclass(frozen=True, slots=True)
class Extras:
    """What the build puts beside an incident's pages.

    `served` are the evidence files with their folder, `previews` what is shown of them; `too_large` those left out.
    `linked` is the linked data as it may stand inside a `script` element.
    """

    served: Mapping[str, tuple[str, Served]] = field(default_factory=dict)
    previews: Mapping[str, Preview] = field(default_factory=dict)
    too_large: Mapping[str, int] = field(default_factory=dict)
    plots: Mapping[SiteLanguage, Mapping[str, Plot]] = field(default_factory=dict)
    downloads: Mapping[SiteLanguage, tuple[Link, ...]] = field(default_factory=dict)
    linked: Mapping[SiteLanguage, Markup] = field(default_factory=dict)


@lru_cache(maxsize=len(LANGUAGES))
def environment(language: SiteLanguage) -> Environment:
    """The templates with the interface texts of one language put in."""
    from archive.site.templating import make_environment

    return make_environment(language)


@lru_cache(maxsize=64)
def table_html(preview: Preview) -> Markup:
    """Head and body of a preview's table: the same in both languages, and too many cells to call a template for."""
    head = "".join(f'<th scope="col">{text.isolated(cell)}</th>' for cell in preview.columns)
    rows = []
    for row in preview.rows:
        cells = "".join(f"<td>{text.isolated(cell)}</td>" for cell in row[1:])
        rows.append(f'<tr><th scope="row">{text.isolated(row[0])}</th>{cells}</tr>' if row else "<tr></tr>")
    return text.html(f"<thead><tr>{head}</tr></thead>\n<tbody>\n" + "\n".join(rows) + "\n</tbody>")


class Pages:
    """Renders one site. `policy` is the policy as HTML by language, empty where there is none."""

    def __init__(self, site: Site, policy: Mapping[SiteLanguage, Markup]) -> None:
        self.site = site
        self.policy = policy
        self.slugs = {incident.slug: incident.slug for incident in site.incidents}
        self._by_slug = {incident.slug: incident for incident in site.incidents}
        self._plans: dict[str, Plan] = {}

    def plan(self, incident: Incident) -> Plan:
        if incident.slug not in self._plans:
            self._plans[incident.slug] = make_plan(incident)
        return self._plans[incident.slug]

    def home_of(self, incident: Incident) -> Mapping[str, str]:
        return self.plan(incident).home_of

    def place_of(self, slug: str, item: str) -> str:
        """The link from another incident's page to an item."""
        incident = self._by_slug.get(slug)
        page = self.home_of(incident).get(item) if incident is not None else None
        return f"../{slug}/{page}#{item}" if page else f"../{slug}/index.html"

    # ------------------------------------------------------------------------------------------------------ frames

    def _render(self, template: str, language: SiteLanguage, path: str, **values: Any) -> tuple[str, bytes]:
        """A page at `<language>/<path>`, with the frame's values."""
        root = "../" * (path.count("/") + 1)
        other: SiteLanguage = "zh" if language == "en" else "en"

        html = (
            environment(language)
            .get_template(template)
            .render(
                t=partial(translate, language),
                language=language,
                tag=i18n.LANG_TAG[language],
                csp=CSP,
                root=root,
                home=f"{root}{language}/index.html",
                policy=f"{root}{language}/policy.html",
                has_policy=bool(self.policy),
                has_verifier=self.site.verifier is not None,
                canonical=self.address(f"{language}/{path}"),
                alternates=[{"tag": i18n.LANG_TAG[one], "href": f"{root}{one}/{path}"} for one in LANGUAGES],
                other_language={"tag": i18n.LANG_TAG[other], "href": f"{root}{other}/{path}"},
                **values,
            )
        )
        return f"{language}/{path}", html.encode("utf-8", "replace")

    def address(self, path: str) -> str | None:
        """The full address of a page, or None where the site's is not known."""
        if self.site.base_url is None:
            return None
        return self.site.base_url + quote(path.removesuffix("index.html"))

    def choose(self) -> tuple[str, bytes]:
        """The first page: a choice of language."""
        say = {language: {key: i18n.say(language, key) for key in ("site_name", "site_line")} for language in LANGUAGES}
        return "index.html", environment("en").get_template("choose.html").render(csp=CSP, say=say).encode()

    def policies(self) -> Iterator[tuple[str, bytes]]:
        for language, body in self.policy.items():
            title = i18n.say(language, "policy_title")
            name = i18n.say(language, "site_name")
            yield self._render(
                "policy.html",
                language,
                "policy.html",
                title=f"{title} – {name}",
                description=title,
                here="policy",
                body=body,
            )

    # -------------------------------------------------------------------------------------------------------- home

    def homes(self, language: SiteLanguage, cards: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, bytes]]:
        """The list of incidents, the latest first, on as many pages as are needed; `cards` are `card` by folder."""
        ordered = sorted(self.site.incidents, key=_latest_first)
        count = max(1, -(-len(ordered) // CARDS_PER_PAGE))
        name = i18n.say(language, "site_name")
        for number in range(1, count + 1):
            first = (number - 1) * CARDS_PER_PAGE
            path = home_path(number)
            base = "" if number == 1 else "../"
            title = name if number == 1 else f"{i18n.say(language, 'page_n', n=number)} – {name}"
            yield self._render(
                "home.html",
                language,
                path,
                title=title,
                description=i18n.say(language, "site_line"),
                here="home" if number == 1 else "",
                total=len(ordered),
                first=first + 1,
                cards=[
                    {**cards[one.slug], "href": f"{base}{one.slug}/index.html"}
                    for one in ordered[first : first + CARDS_PER_PAGE]
                ],
                pages=[{"number": n, "href": base + home_path(n), "here": n == number} for n in range(1, count + 1)],
                kinds=";".join(f"{kind}={i18n.say(language, key)}" for kind, key in _SEARCH_KINDS),
            )

    def card(self, incident: Incident, language: SiteLanguage) -> dict[str, Any]:
        """What the list says of an incident."""
        view = View(incident, language, self.plan(incident), self.slugs)
        pairs, disputed = figure_pairs(view, 2)
        return {
            "title": view.said(view.record["title"]),
            "when": view.span(view.record["occurred"]),
            "summary": view.short(view.record["summary"], 320),
            "pairs": pairs,
            "disputed": disputed,
            "venues": view.joined([view.name(venue["id"]) for venue in view.record.get("venues", ())[:8]]),
            "state": state_of(incident, view),
            "counts": counts(view),
        }

    # ---------------------------------------------------------------------------------------------------- incident

    def incident(self, incident: Incident, language: SiteLanguage, extras: Extras) -> Iterator[tuple[str, bytes]]:
        """All pages of an incident in one language."""
        plan = self.plan(incident)
        view = View(incident, language, plan, self.slugs, self.place_of)
        common = self._common(view, extras)
        for page in plan.pages:
            yield self._section(view, page, common, extras)
        for item in view.record.get("evidence", ()):
            if item["id"] in common["looked"]:
                yield self._file(view, item, common, extras)

    def _common(self, view: View, extras: Extras) -> dict[str, Any]:
        root = "../../"
        return {
            "v": view,
            "here": "",
            "served": {
                name: {
                    "href": root + quote(f"{folder}/{one.name}"),
                    "name": one.name,
                    "packed": one.packed,
                }
                for name, (folder, one) in extras.served.items()
            },
            "too_large": {name: text.bytes_in_words(size) for name, size in extras.too_large.items()},
            "looked": {
                *extras.previews,
                *(name for name, (_, one) in extras.served.items() if one.picture is not None),
            },
            "plots": {
                name: {
                    "href": root + quote(plot.path),
                    "width": plot.width,
                    "height": plot.height,
                    "english": plot.english,
                }
                for name, plot in extras.plots.get(view.language, {}).items()
            },
            "reviews": _reviews(view.record),
            "bounded": _bounded(view),
        }

    def _section(self, view: View, page: PagePlan, common: Mapping[str, Any], extras: Extras) -> tuple[str, bytes]:
        language, incident = view.language, view.incident
        title = text.visible(text.pick(view.record["title"], language).text)
        section = i18n.say(language, _SECTION_WORDS[page.section])
        shown = title if page.section == "overview" and page.number == 1 else f"{section} – {title}"
        if page.number > 1:
            shown = f"{i18n.say(language, 'page_n', n=page.number)} – {shown}"
        values: dict[str, Any] = {
            **common,
            "page": page,
            "siblings": view.plan.of_section(page.section),
            "sections": self._sections(view, page.section),
            "title": f"{shown} – {i18n.say(language, 'site_name')}",
            "description": text.visible(text.pick(view.record["summary"], language).text)[:300],
            "jsonld": None,
            "linked_data": self._linked_data(view, extras),
        }
        template = "section.html"
        if page.section == "overview" and page.number == 1:
            values |= self._overview(view, extras)
        if page.section == "proof":
            template = "proof.html"
            values |= self._proof(view, extras)
        return self._render(template, language, f"{incident.slug}/{page.name}", **values)

    def _sections(self, view: View, here: str) -> list[dict[str, Any]]:
        made = []
        for section, key in _SECTION_WORDS.items():
            pages = view.plan.of_section(section)
            if pages:
                count = sum(len(view.record.get(name, ())) for name in _COUNTED.get(section, ()))
                made.append(
                    {"href": pages[0].name, "name": view.t(key), "here": section == here, "count": count or None}
                )
        return made

    def _overview(self, view: View, extras: Extras) -> dict[str, Any]:
        pairs, disputed = figure_pairs(view, MAX_PAIRS)
        data = extras.linked.get(view.language)
        return {
            "chart": chart(view.record, view.record.get("timeline", ()), view.language),
            "venue_links": [view.who([venue["id"]]) for venue in view.record.get("venues", ())[:12]],
            "related": [view.related(one) for one in view.record.get("related", ())[:40]],
            "counts": counts(view),
            "pairs": pairs if disputed else [],
            "jsonld": data if data is not None and len(data.encode()) <= MAX_INLINE_JSONLD else None,
        }

    def _proof(self, view: View, extras: Extras) -> dict[str, Any]:
        incident, revision = view.incident, view.incident.current
        files = [file for file in revision.files if file.held in ("open", "local")]
        url = self.address(f"{view.language}/{incident.slug}/index.html")
        return {
            "at_hand": sum(file.source is not None for file in files),
            "open_files": len(files),
            "history": [self._revision(view, number, incident.revisions) for number in range(len(incident.revisions))],
            "bibtex": citation.bibtex(incident, view.language, url),
            "downloads": [self._download(view, link) for link in extras.downloads.get(view.language, ())],
            "verify_link": self._verify_link(view, extras),
        }

    def _linked_data(self, view: View, extras: Extras) -> str | None:
        links = extras.downloads.get(view.language, ())
        path = next((link.path for link in links if link.key == "dl_jsonld"), None)
        return "../../" + quote(path) if path else None

    def _verify_link(self, view: View, extras: Extras) -> str:
        """The verifier with this bundle and the plain files named; it asks before it reads anything."""
        links = extras.downloads.get(view.language, ())
        bundle = next((link.path for link in links if link.key == "dl_bundle" and link.path), None)
        parts = [("bundle", bundle)] if bundle else []
        plain = [f"{folder}/{one.name}" for folder, one in extras.served.values() if not one.packed]
        parts += [("files", path) for path in plain[:40]]
        query = "".join(f"{key}={quote(str(path))}&" for key, path in parts)
        return f"../../verifier.html#{query}lang={view.language}"

    def _revision(self, view: View, at: int, revisions: Sequence[Revision]) -> dict[str, Any]:
        revision = revisions[at]
        told = next((one for one in view.record["revisions"] if one["revision"] == revision.number), None)
        before = revisions[at - 1] if at and revisions[at - 1].number == revision.number - 1 else None
        changes = view.changes(before, revision) if before is not None else None
        total = len(diff.changes(before.record, revision.record)) if before is not None else 0
        return {
            "number": revision.number,
            "root": revision.root,
            "retracted": revision.retracted,
            "when": view.at(told.get("at"), told.get("precision")) if told else None,
            "reason": view.said(told["reason"]) if told else None,
            "changes": changes,
            "more": max(0, total - diff.MAX_CHANGES),
        }

    def _download(self, view: View, link: Link) -> dict[str, Any]:
        return {
            "label": view.t(link.key),
            "href": "../../" + quote(link.path) if link.path else None,
            "name": link.name,
            "size": text.bytes_in_words(link.size),
            "why": view.t("dl_too_large", size=text.bytes_in_words(link.limit)),
        }

    def _file(
        self, view: View, item: Mapping[str, Any], common: Mapping[str, Any], extras: Extras
    ) -> tuple[str, bytes]:
        folder, one = extras.served.get(item["id"], ("", None))
        preview = extras.previews.get(item["id"])
        shown = text.visible(text.pick(item.get("title", item["id"]), view.language).text)
        picture = None
        if one is not None and one.picture is not None:
            width, height = one.picture
            picture = {
                "href": "../../" + quote(f"{folder}/{one.name}"),
                "width": width,
                "height": height,
                "name": shown,
            }
        return self._render(
            "file.html",
            view.language,
            f"{view.incident.slug}/file-{item['id']}.html",
            **common,
            page=PagePlan("evidence", f"file-{item['id']}.html", (), 1, 1),
            siblings=(),
            sections=self._sections(view, "evidence"),
            title=f"{shown} – {i18n.say(view.language, 'sec_evidence')} – {i18n.say(view.language, 'site_name')}",
            description=shown[:300],
            jsonld=None,
            linked_data=None,
            item=item,
            picture=picture,
            preview=preview,
            table=table_html(preview) if preview is not None and preview.form == "table" else None,
        )


def home_path(number: int) -> str:
    return "index.html" if number == 1 else f"page/{number}.html"


def _latest_first(incident: Incident) -> tuple[int, str]:
    start = times.moment(incident.record["occurred"].get("start"))
    parts = (*start.parts, 1, 1, 1)[:3] if start is not None else (0, 1, 1)
    return (-(parts[0] * 10_000 + parts[1] * 100 + parts[2]), incident.slug)


def _reviews(record: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for review in record.get("reviews", ()):
        found.setdefault(review["evidence"], []).append(review)
    return found


def _bounded(view: View) -> Callable[[Markup, str, str], Markup]:
    """Keeps one item from filling a page: what is longer is replaced by where it can be read."""

    def bounded(html: Markup, identifier: str, element: str) -> Markup:
        if len(html.encode("utf-8", "replace")) <= MAX_ITEM_BYTES:
            return html
        name = Markup(element)  # noqa: S704 - `li` or `div`, from the template
        return Markup('<{0} class="notice" id="{1}"><p>{2}</p></{0}>').format(name, identifier, view.t("cut_item"))

    return bounded


def counts(view: View) -> list[Markup]:
    """What the record holds, in numbers: claims and speakers, contested ones, what nobody answered."""
    claims = view.record.get("claims", ())
    told = []
    if claims:
        speakers = {who for claim in claims for who in claim["claimed_by"]}
        told.append(view.t("count_claims", n=len(claims), who=len(speakers)))
        contested = sum(claim["status"] in ("contradicted", "disputed") for claim in claims)
        if contested:
            told.append(view.t("count_contested", n=contested))
    asked = [*view.record.get("questions", ()), *view.record.get("demands", ())]
    silent = sum(not one.get("answers") for one in asked)
    if silent:
        told.append(view.t("count_unanswered", n=silent))
    return told


def figure_pairs(view: View, most: int) -> tuple[list[list[dict[str, Any]]], bool]:
    """Figures that dispute each other, side by side; where none do, the first few by themselves."""
    figures = view.record.get("figures", ())
    by_id = {figure["id"]: figure for figure in figures}
    pairs: list[list[dict[str, Any]]] = []
    used: set[str] = set()
    for figure in figures:
        others = [name for name in figure.get("disputes", ()) if name in by_id and name not in used]
        if figure["id"] not in used and others:
            used |= {figure["id"], *others}
            pairs.append([_figure(view, one) for one in (figure, *(by_id[name] for name in others[:2]))])
    if pairs:
        return pairs[:most], True
    return [[_figure(view, figure)] for figure in figures[:most]], False


def _figure(view: View, figure: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "href": view.ref(figure["id"]).href,
        "value": view.value(figure),
        "label": view.short(figure.get("label", figure["metric"]), 60),
        "who": view.joined([view.name(who) for who in figure.get("claimed_by", ())[:4]]),
    }
