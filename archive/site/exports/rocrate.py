"""RO-Crate 1.1: the package's files with `ro-crate-metadata.json` (https://w3id.org/ro/crate/1.1).

Written by hand: the metadata is one small JSON-LD graph, and it must be the same bytes each time. The tests read it
with the `rocrate` library.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote

from archive.site.exports import facts
from archive.site.model import Download, Incident, Json

PROFILE: Final = "https://w3id.org/ro/crate/1.1"
METADATA: Final = "ro-crate-metadata.json"


def ro_crate(incident: Incident, url: str | None) -> Iterator[Download]:
    """Every file of the crate, in order of path."""
    files = list(facts.payload(incident))
    graph = metadata(incident, url, files)
    made = Download(METADATA, data=(json.dumps(graph, ensure_ascii=False, indent=1) + "\n").encode())
    yield from sorted([made, *files], key=lambda file: file.path.encode())


def metadata(incident: Incident, url: str | None, files: list[Download]) -> dict[str, Any]:
    """The graph: descriptor, root, licence, identifiers, files, and what is named without its bytes."""
    record, revision = incident.record, incident.current
    known = {f"{facts.PACKAGE}{file.path}": file for file in revision.files if facts.at_hand(file)}
    evidence = facts.about_evidence(record)
    parts = [_part(incident, file, known, evidence) for file in files]
    absent = [
        facts.compact(
            {
                "@id": f"#{file.id}",
                "@type": "CreativeWork",
                "name": _title(evidence.get(file.id), file.path or file.id),
                "description": facts.left_out(file),
                "encodingFormat": file.media_type,
                "sha256": file.sha256,
                "contentSize": None if file.size is None else str(file.size),
            }
        )
        for file in revision.files
        if not facts.at_hand(file) and facts.is_id(file.id)
    ]
    numbers = [
        {"@id": f"#identifier-{number}", "@type": "PropertyValue", "name": label, "propertyID": short, "value": value}
        for number, (short, label, value) in enumerate(facts.identifiers(incident), 1)
    ]
    licence, licences = _licences(record, evidence, files, known)
    date = facts.published(revision)
    title = record.get("title")
    english, chinese = facts.words(title, "en"), facts.words(title, "zh")
    root = facts.compact(
        {
            "@id": "./",
            "@type": "Dataset",
            "name": english or incident.id,
            "alternateName": chinese if chinese != english else None,
            "description": " ".join(filter(None, (facts.words(record.get("summary"), "en"), facts.SAYS_EN))),
            "datePublished": date if len(date) == 10 else None,
            "version": str(revision.number),
            "creativeWorkStatus": facts.state_of(revision),
            "creditText": "; ".join(facts.credits_of(record)),
            "license": {"@id": licence} if licence else None,
            "url": {"@id": url} if url else None,
            "identifier": [{"@id": entry["@id"]} for entry in numbers],
            "hasPart": [{"@id": part["@id"]} for part in parts],
            "mentions": [{"@id": entry["@id"]} for entry in absent],
        }
    )
    return {
        "@context": f"{PROFILE}/context",
        "@graph": [
            {
                "@id": METADATA,
                "@type": "CreativeWork",
                "conformsTo": {"@id": PROFILE},
                "about": {"@id": "./"},
            },
            root,
            *licences,
            *numbers,
            *parts,
            *absent,
        ],
    }


def _part(incident: Incident, file: Download, known: dict[str, Any], evidence: dict[str, Json]) -> dict[str, Any]:
    revision = incident.current
    entry: dict[str, Any] = {"@id": quote(file.path), "@type": "File"}
    if file.path in known:
        item = known[file.path]
        about = evidence.get(item.id, {})
        licence = facts.text(about, "licence")
        entry |= {
            "name": _title(about, str(item.path)),
            "encodingFormat": item.media_type,
            "contentSize": None if item.size is None else str(item.size),
            "sha256": item.sha256,
            "license": {"@id": _licence_id(licence)} if licence else None,
        }
    elif revision.bundle is not None and file.path == revision.bundle.name:
        entry |= {
            "name": "Proof bundle: what a verifier needs besides the files",
            "encodingFormat": "application/json",
            "contentSize": str(revision.bundle.size),
            "sha256": revision.bundle.sha256,
        }
    else:
        entry |= {
            "name": "Incident record" if file.path.endswith("/record.json") else "Manifest of the package",
            "encodingFormat": "application/json",
            "contentSize": str(len(file.data or b"")),
        }
    return facts.compact(entry)


def _title(item: Json | None, path: str) -> str:
    return (facts.words(item.get("title"), "en") if item else "") or facts.one_line(path)


def _licence_id(licence: str) -> str:
    return facts.licence_url(licence) or "#licence-" + quote(licence.lower().replace(" ", "-"))


def _licences(
    record: Json, evidence: dict[str, Json], files: list[Download], known: dict[str, Any]
) -> tuple[str | None, list[dict[str, Any]]]:
    """The record's licence, and an entity for each licence that is named."""
    own = facts.text(record, "licence")
    named = [own] + [
        facts.text(evidence[known[file.path].id], "licence")
        for file in files
        if file.path in known and known[file.path].id in evidence
    ]
    entities = {
        _licence_id(licence): {"@id": _licence_id(licence), "@type": "CreativeWork", "name": licence}
        for licence in named
        if licence
    }
    return (_licence_id(own) if own else None), list(entities.values())
