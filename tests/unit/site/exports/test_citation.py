from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from jsonschema import Draft7Validator

from archive.site.exports import citation
from archive.site.model import LANGUAGES, Incident, SiteLanguage

# The schema of CSL input data by the Citation Style Language project (MIT licence).
CSL = Draft7Validator(json.loads((Path(__file__).parent / "csl-data.json").read_text()))
URL = "https://example.org/en/2025-01-example/"


def parse_bibtex(text: str) -> dict[str, str]:
    """A strict reading of one entry: balanced braces, one field a line."""
    found = re.fullmatch(r"@misc\{([0-9a-z-]+),\n(.*)\n\}\n", text, re.DOTALL)
    assert found is not None, text
    fields = {"key": found[1]}
    for line in found[2].split(",\n"):
        name, _, value = line.strip().partition(" = ")
        depth = 0
        for char in value:
            depth += {"{": 1, "}": -1}.get(char, 0)
            assert depth >= 0, line
        assert depth == 0, line
        assert "\n" not in value
        fields[name] = value.removeprefix("{").removesuffix("}")
    return fields


def test_bibtex_of_a_publication(make: Callable[..., Incident]) -> None:
    fields = parse_bibtex(citation.bibtex(make(), "en", URL))
    assert fields["key"] == "2025-01-example-r2"
    assert fields["author"] == "{A. Writer}"
    assert fields["title"] == r"{An example \& more}"
    assert (fields["year"], fields["month"], fields["version"]) == ("2025", "mar", "2")
    assert fields["url"] == URL
    assert fields["publisher"] == "Example Desk"
    for part in ("55" * 32, "bafybeiexample", "0x" + "33" * 32, "does not say that a claim is true"):
        assert part in fields["note"]


def test_a_test_chain_dates_nothing(make: Callable[..., Incident]) -> None:
    incident = make(test=True)
    assert citation.csl(incident, "en", URL)[0]["issued"] == {"date-parts": [[2025, 3]]}  # what its author wrote
    assert "publisher" not in citation.csl(incident, "en", URL)[0]
    assert "transaction on chain 97, a test network, 0x" in citation.bibtex(incident, "en", URL)
    assert "链 97 上的交易（测试网络） 0x" in citation.bibtex(incident, "zh", URL)
    assert citation.csl(make(), "en", URL)[0]["issued"] == {"date-parts": [[2025, 3, 3]]}  # the block's day


def test_csl_of_a_publication(make: Callable[..., Incident]) -> None:
    (item,) = citation.csl(make(), "zh", None)
    assert item["title"] == "示例事件"
    assert item["author"] == [{"literal": "A. Writer"}]
    assert item["number"] == "55" * 32
    assert item["archive_location"] == "bafybeiexample"
    assert "URL" not in item
    assert "不说明主张是否为真" in item["note"]
    assert f"根哈希 {'55' * 32}；内容标识 bafybeiexample；" in item["note"]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("url", [None, URL])
def test_all_dossiers_and_a_hostile_one_are_valid(
    dossier: Incident, hostile: Incident, language: SiteLanguage, url: str | None
) -> None:
    for incident in (dossier, hostile):
        assert list(CSL.iter_errors(citation.csl(incident, language, url))) == []
        parse_bibtex(citation.bibtex(incident, language, url))
        assert citation.bibtex(incident, language, url) == citation.bibtex(incident, language, url)


def test_a_draft_and_a_retraction_say_so(dossier: Incident, make: Callable[..., Incident]) -> None:
    assert "draft, not published" in citation.csl(dossier, "en", None)[0]["note"]
    assert "retracted by its publisher" in citation.csl(make(retracted=True), "en", None)[0]["note"]
    assert "已由发布者撤回" in citation.csl(make(retracted=True), "zh", None)[0]["note"]


def test_no_character_acts_in_a_citation(hostile: Incident) -> None:
    made = citation.bibtex(hostile, "en", None) + json.dumps(citation.csl(hostile, "en", None), ensure_ascii=False)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e]", made)
