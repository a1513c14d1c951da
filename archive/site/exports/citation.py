"""Citations: BibTeX (for biblatex too, UTF-8) and CSL-JSON 1.0.2."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from archive.site.exports import facts
from archive.site.model import Incident, SiteLanguage
from archive.site.text import pick

# Braces count for BibTeX even behind a backslash, so they become words.
_LATEX: Final = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\textbraceleft{}",
        "}": r"\textbraceright{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        **{char: "\\" + char for char in "$&#%_"},
    }
)
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def bibtex(incident: Incident, language: SiteLanguage, url: str | None) -> str:
    """One `@misc` entry. Names stand in braces of their own: BibTeX must not take them apart."""
    revision = incident.current
    year, _, rest = facts.published(revision).partition("-")
    month = rest[:2]
    fields = [
        ("author", " and ".join("{" + _latex(name) + "}" for name in _authors(incident))),
        ("title", "{" + _latex(_title(incident, language)) + "}"),
        ("year", year),
        ("month", _MONTHS[int(month) - 1] if month.isdigit() and 1 <= int(month) <= 12 else ""),
        ("version", str(revision.number)),
        ("howpublished", _latex(_genre(language))),
        ("publisher", _latex(facts.publisher_of(incident))),
        ("url", quote(url, safe=":/?#[]@!$&'()*+,;=%-._~") if url else ""),
        ("language", {"en": "english", "zh": "chinese"}[language]),
        ("note", _latex(_note(incident, language))),
    ]
    lines = [
        f"  {name} = {value if name == 'month' else '{' + value + '}'}"
        for name, value in fields
        if value and value != "{}"
    ]
    return "@misc{" + facts.name_of(incident) + ",\n" + ",\n".join(lines) + "\n}\n"


def csl(incident: Incident, language: SiteLanguage, url: str | None) -> list[dict[str, Any]]:
    """CSL-JSON: a list with one item of type `dataset`."""
    revision = incident.current
    name = facts.name_of(incident)
    date = [int(part) for part in facts.published(revision).split("-") if part]
    item = facts.compact(
        {
            "id": name,
            "citation-key": name,
            "type": "dataset",
            "title": _title(incident, language),
            "author": [{"literal": author} for author in _authors(incident)],
            "issued": {"date-parts": [date]} if date else None,
            "version": str(revision.number),
            "genre": _genre(language),
            "publisher": facts.publisher_of(incident),
            "URL": url,
            "number": revision.root,
            "archive_location": revision.content_id,
            "abstract": facts.words(incident.record.get("summary"), language),
            "language": pick(incident.record.get("title"), language).tag,
            "note": _note(incident, language),
        }
    )
    return [item]


def _latex(text: str) -> str:
    return text.translate(_LATEX)


def _title(incident: Incident, language: SiteLanguage) -> str:
    return facts.words(incident.record.get("title"), language) or incident.id


def _authors(incident: Incident) -> list[str]:
    return facts.credits_of(incident.record, "author")


def _genre(language: SiteLanguage) -> str:
    return "Incident record with evidence" if language == "en" else "附证据的事件记录"


def _note(incident: Incident, language: SiteLanguage) -> str:
    revision = incident.current
    english = language == "en"
    parts = [f"Revision {revision.number}" if english else f"第 {revision.number} 修订版"]
    parts += [f"{label} {value}" for _, label, value in facts.identifiers(incident, language)[1:]]
    if not revision.published:
        parts.append("draft, not published" if english else "草稿，尚未发布")
    elif not revision.signed:
        parts.append("who published it is not shown" if english else "未显示由谁发布")
    if revision.retracted:
        parts.append("retracted by its publisher" if english else "已由发布者撤回")
    return ("; ".join(parts) + ". " + facts.SAYS_EN) if english else ("；".join(parts) + "。" + facts.SAYS_ZH)
