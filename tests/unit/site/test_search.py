"""The search index: found by English words and by Chinese characters, and no part of it large."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from archive.site import search
from archive.site.model import Anchor, Incident
from archive.site.plan import make_plan
from bench.site import make_record
from tests.support.shown import HOSTILE, honest, hostile

ANCHOR = Anchor(
    56, "0x" + "22" * 20, "0x" + "11" * 20, "0x" + "33" * 32, 9, "0x" + "44" * 32, 1_700_000_000, 1, signed=True
)


def calls(data: bytes) -> list[Any]:
    """The arguments of the one call in a part of the index."""
    text = data.decode()
    assert text.startswith("archiveSearch.")
    return json.loads("[" + text[text.index("(") + 1 : text.rindex(")")] + "]")


def index(incidents: Sequence[Incident]) -> dict[str, bytes]:
    found = [search.documents_of(n, one, make_plan(one).home_of) for n, one in enumerate(incidents)]
    return dict(search.build(incidents, found))


class Index:
    """Looks terms up as the script does."""

    def __init__(self, incidents: list[Incident]) -> None:
        self.parts = index(incidents)
        self.meta = calls(self.parts["search/meta.js"])[0]

    def documents(self, term: str) -> list[int]:
        shard = search.shard_of(term, self.meta["shards"])
        packed = dict(calls(self.parts[f"search/t{shard}.js"])[1]).get(term)
        found: list[int] = []
        for step in (packed or "").replace("+", "").split("."):
            if step:
                found.append(int(step, 36) + (found[-1] if found else 0))
        return found

    def shown(self, number: int, language: str) -> list[Any]:
        rows = calls(self.parts[f"search/{language}-d{number // search.BLOCK}.js"])[1]
        return rows[number % search.BLOCK]


def test_terms_are_words_and_pairs_of_characters() -> None:
    assert list(search.terms("Reduce-Only orders, -1008")) == ["reduce", "only", "orders", "1008"]
    assert list(search.terms("赔付时段")) == ["赔付", "付时", "时段"]
    assert list(search.terms("１２３ ＢＴＣ x 赔")) == ["123", "btc", "赔"]
    assert list(search.terms("4,170,000.5")) == ["4170000.5"]


def test_items_are_found_in_both_languages(make_incident: Callable[..., Incident]) -> None:
    looked = Index([make_incident()])
    for term in ("refused", "拒单"):
        rows = [looked.shown(number, "en") for number in looked.documents(term)]
        assert any(row[3] == "claims" or row[3] == "timeline" for row in rows), term
    first = looked.documents("拒单")[-1]
    assert looked.shown(first, "en")[:4] == [0, "index.html", "t-first", "timeline"]
    assert looked.shown(first, "zh")[4] == "首次拒单。"
    assert looked.documents("example") == [0]


def test_a_package_that_only_names_its_publisher_is_told_so(
    make_incident: Callable[..., Incident],
) -> None:
    draft = make_incident()
    names = []
    for anchors in ((), (replace(ANCHOR, signed=False),), (ANCHOR,)):
        one = replace(draft, revisions=(replace(draft.current, root="ab" * 32, anchors=anchors),))
        names.append(calls(index([one])["search/en-i0.js"])[1][0][1])
    assert [name.endswith(" – publisher not shown") for name in names] == [True, True, False]
    assert calls(index([draft])["search/en-i0.js"])[1][0][1] == names[2]


def test_many_incidents_keep_every_part_small(make_incident: Callable[..., Incident]) -> None:
    chance = random.Random(3)
    incidents = [make_incident({**make_record(n, chance), "evidence": []}) for n in range(60)]
    looked = Index(incidents)
    assert looked.meta["incidents"] == 60
    assert max(len(data) for data in looked.parts.values()) < 150_000
    listed = looked.documents("orders")
    assert len(listed) == search.MAX_POSTINGS
    assert listed[0] < 60
    packed = dict(calls(looked.parts[f"search/t{search.shard_of('orders', looked.meta['shards'])}.js"])[1])["orders"]
    assert packed.endswith("+")


def test_a_hostile_text_stays_a_string_of_the_script(make_incident: Callable[..., Incident]) -> None:
    record = hostile(honest())
    record["title"]["en"] = f"__proto__ {HOSTILE}\u2028</script>"
    parts = index([make_incident(record)])
    for path, data in parts.items():
        assert b"<" not in data, path
        assert "\u2028" not in data.decode(), path
        assert "\u202e" not in data.decode(), path
        calls(data)


@pytest.mark.parametrize("shards", [1, 8, 512])
def test_a_beginning_lies_where_its_words_lie(shards: int) -> None:
    assert search.shard_of("re", shards) == search.shard_of("refused", shards)
    assert search.shard_of("赔", shards) == search.shard_of("赔付", shards)
