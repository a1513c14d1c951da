from __future__ import annotations

import html.parser
import json
from collections.abc import Callable, Iterator
from importlib import resources
from typing import Any

import pytest

from archive.site.exports import jsonld
from archive.site.model import LANGUAGES, Incident, SiteLanguage

URL = "https://example.org/en/2025-01-example/"
# Every term of schema.org, as the RO-Crate library ships it.
TERMS = json.loads((resources.files("rocrate") / "data" / "ro-crate.jsonld").read_text())["@context"]


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from nodes(item)
    elif isinstance(value, list):
        for item in value:
            yield from nodes(item)


def of_type(graph: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [node for node in nodes(graph) if node.get("@type") == kind]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("url", [None, URL])
def test_only_terms_of_schema_org_and_no_rating(
    dossier: Incident, hostile: Incident, language: SiteLanguage, url: str | None
) -> None:
    for incident in (dossier, hostile):
        graph = jsonld.json_ld(incident, language, url)
        assert graph["@context"] == "https://schema.org"
        for node in nodes(graph):
            for key, value in node.items():
                assert key in ("@context", "@graph", "@id") or key in TERMS or key == "@type", key
                assert key != "@type" or value in TERMS
                assert "rating" not in key.lower()
                assert value not in (None, "", [], {})


def test_each_claim_stands_with_its_status_and_its_speaker(dossier: Incident) -> None:
    graph = jsonld.json_ld(dossier, "en", URL)
    reviews = of_type(graph, "ClaimReview")
    assert [review["creativeWorkStatus"] for review in reviews] == [c["status"] for c in dossier.record["claims"]]
    known = {node["@id"] for node in graph["@graph"]}
    for review in reviews:
        assert review["reviewBody"]
        assert review["itemReviewed"]["author"]
        for link in (*review["itemReviewed"]["author"], *review["itemReviewed"].get("appearance", ())):
            assert link["@id"] in known


def test_every_link_inside_of_a_graph_leads_to_a_node(make: Callable[..., Incident]) -> None:
    graph = jsonld.json_ld(make(), "zh", URL)
    known = {node["@id"] for node in nodes(graph) if "@id" in node and len(node) > 1}
    assert {node["@id"] for node in nodes(graph) if set(node) == {"@id"}} <= known
    (review,) = of_type(graph, "ClaimReview")
    assert review["claimReviewed"] == "全部被拒。"
    assert review["itemReviewed"]["appearance"] == [{"@id": URL + "#post-1"}]


def test_files_are_named_by_hash_and_no_host(make: Callable[..., Incident]) -> None:
    files = of_type(jsonld.json_ld(make(), "en", None), "DataDownload")
    assert [file["name"] for file in files] == ["evidence/log a.csv", "evidence/far.bin"]
    assert files[0]["contentUrl"] == "ipfs://bafkreia"
    assert all(len(file["sha256"]) == 64 for file in files)


def test_a_retraction_shows(make: Callable[..., Incident]) -> None:
    (record,) = of_type(jsonld.json_ld(make(retracted=True), "en", None), "Dataset")
    assert record["creativeWorkStatus"] == "retracted"


def test_nothing_in_it_ends_a_script_element(hostile: Incident) -> None:
    text = jsonld.script_text(jsonld.json_ld(hostile, "en", URL))
    ends: list[str] = []

    class Reader(html.parser.HTMLParser):
        def handle_endtag(self, tag: str) -> None:
            ends.append(tag)

    reader = Reader()
    reader.feed(f'<script type="application/ld+json">{text}</script><p>after</p>')
    assert ends == ["script", "p"]
    assert json.loads(text) == jsonld.json_ld(hostile, "en", URL)


def test_addresses_that_run_are_left_out(make: Callable[..., Incident]) -> None:
    parties = [{"id": "p", "name": {"en": "P"}, "kind": "person", "url": "javascript:alert(1)"}]
    assert "javascript" not in json.dumps(jsonld.json_ld(make(parties=parties), "en", None))
