"""schema.org in JSON-LD: the record as a Dataset, its claims as ClaimReview without a rating.

`creativeWorkStatus` of a ClaimReview is the claim's status in the record: asserted, corroborated, contradicted,
disputed or retracted. There is no `reviewRating`: the archive does not grade claims.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote

from archive.site.exports import facts
from archive.site.model import Incident, Json, SiteLanguage
from archive.site.text import pick

_KINDS: Final = {
    "person": "Person",
    "organisation": "Organization",
    "regulator": "Organization",
    "media": "Organization",
}
_STATUS: Final = {
    "asserted": ("Asserted by whoever is named as its author.", "由所列主张人提出。"),
    "corroborated": ("Asserted, and supported by other sources or by evidence.", "已提出，并有其他来源或证据佐证。"),
    "contradicted": (
        "Asserted, and contradicted by other claims, figures or evidence.",
        "已提出，另有主张、数字或证据与之相反。",
    ),
    "disputed": ("Asserted, and disputed by others.", "已提出，另有人提出异议。"),
    "retracted": ("Taken back by whoever made it.", "已由提出者收回。"),
}


def json_ld(incident: Incident, language: SiteLanguage, url: str | None) -> dict[str, Any]:
    """The whole graph. Put it into a page only through `script_text`."""
    base = url or ""
    return {
        "@context": "https://schema.org",
        "@graph": [
            _dataset(incident, language, base, url),
            *_actors(incident.record, language, base),
            *_references(incident.record, language, base),
            *_claims(incident.record, language, base),
        ],
    }


def script_text(value: dict[str, Any]) -> str:
    """JSON that can stand inside a `script` element: nothing in it can end the element or begin a comment."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def _dataset(incident: Incident, language: SiteLanguage, base: str, url: str | None) -> dict[str, Any]:
    record, revision = incident.record, incident.current
    occurred = record.get("occurred")
    occurred = occurred if isinstance(occurred, dict) else {}
    licence = facts.text(record, "licence")
    return facts.compact(
        {
            "@type": "Dataset",
            "@id": f"{base}#record",
            "name": facts.words(record.get("title"), language) or incident.id,
            "alternateName": [facts.one_line(name) for name in record.get("aliases", ()) if isinstance(name, str)]
            if isinstance(record.get("aliases"), list | tuple)
            else None,
            "description": " ".join(
                part
                for part in (
                    facts.words(record.get("summary"), language),
                    facts.SAYS_EN if language == "en" else facts.SAYS_ZH,
                )
                if part
            ),
            "inLanguage": pick(record.get("title"), language).tag,
            "url": url,
            "identifier": [
                {"@type": "PropertyValue", "propertyID": label, "value": value}
                for _, label, value in facts.identifiers(incident, language)
            ],
            "version": str(revision.number),
            "creativeWorkStatus": facts.state_of(revision),
            "datePublished": facts.published(revision),
            "temporalCoverage": _coverage(occurred),
            "license": facts.licence_url(licence) or licence,
            "creditText": "; ".join(facts.credits_of(record)),
            "mentions": [
                {"@id": f"{base}#{item['id']}"}
                for key in ("venues", "parties")
                for item in facts.items(record, key)
                if facts.is_id(item.get("id"))
            ],
            "citation": [
                {"@id": f"{base}#{item['id']}"}
                for item in facts.items(record, "references")
                if facts.is_id(item.get("id"))
            ],
            "distribution": [
                facts.compact(
                    {
                        "@type": "DataDownload",
                        "name": facts.one_line(file.path),
                        "encodingFormat": file.media_type,
                        "contentSize": None if file.size is None else str(file.size),
                        "sha256": file.sha256,
                        "contentUrl": f"ipfs://{file.cid}" if file.cid else None,
                    }
                )
                for file in revision.files
                if file.held in ("open", "local") and file.path
            ],
        }
    )


def _coverage(occurred: Json) -> str:
    start, end = facts.text(occurred, "start"), facts.text(occurred, "end")
    return f"{start}/{end or '..'}" if facts.date_of(start) else ""


def _actors(record: Json, language: SiteLanguage, base: str) -> Iterator[dict[str, Any]]:
    for key in ("venues", "parties"):
        for item in facts.items(record, key):
            if facts.is_id(item.get("id")):
                kind = facts.text(item, "kind").lower()
                yield facts.compact(
                    {
                        "@type": "Organization" if key == "venues" else _KINDS.get(kind, "Thing"),
                        "@id": f"{base}#{item['id']}",
                        "name": facts.words(item.get("name"), language) or item["id"],
                        "url": _address(item.get("url")),
                    }
                )


def _references(record: Json, language: SiteLanguage, base: str) -> Iterator[dict[str, Any]]:
    for item in facts.items(record, "references"):
        if facts.is_id(item.get("id")):
            yield facts.compact(
                {
                    "@type": "CreativeWork",
                    "@id": f"{base}#{item['id']}",
                    "name": facts.words(item.get("title"), language) or item["id"],
                    "creditText": facts.text(item, "author"),
                    "datePublished": facts.date_of(item.get("published_at")),
                    "inLanguage": facts.text(item, "language"),
                    "url": _address(item.get("url")),
                    "archivedAt": _address(item.get("archived_url")),
                }
            )


def _claims(record: Json, language: SiteLanguage, base: str) -> Iterator[dict[str, Any]]:
    references = {item["id"] for item in facts.items(record, "references") if facts.is_id(item.get("id"))}
    for item in facts.items(record, "claims"):
        words = facts.words(item.get("text"), language)
        if not facts.is_id(item.get("id")) or not words:
            continue
        status = facts.text(item, "status")
        told = _STATUS.get(status)
        yield facts.compact(
            {
                "@type": "ClaimReview",
                "@id": f"{base}#review-{item['id']}",
                "claimReviewed": words,
                "creativeWorkStatus": status,
                "reviewBody": told[0 if language == "en" else 1] if told else None,
                "inLanguage": pick(item.get("text"), language).tag,
                "isPartOf": {"@id": f"{base}#record"},
                "itemReviewed": facts.compact(
                    {
                        "@type": "Claim",
                        "@id": f"{base}#{item['id']}",
                        "text": words,
                        "author": [{"@id": f"{base}#{who}"} for who in facts.ids(item, "claimed_by")],
                        "appearance": [
                            {"@id": f"{base}#{source}"} for source in facts.ids(item, "sources") if source in references
                        ],
                    }
                ),
            }
        )


def _address(value: object) -> str | None:
    if not isinstance(value, str) or not value.startswith(("https://", "http://", "ipfs://", "ar://")):
        return None
    return quote(value, safe=":/?#[]@!$&'()*+,;=%-._~")
