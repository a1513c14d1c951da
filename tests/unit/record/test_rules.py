from __future__ import annotations

from collections.abc import Callable

import pytest

from archive.record.load import load_record_bytes
from archive.record.rules import check_rules

Codes = Callable[..., list[str]]

EVENT = "  - {{id: {id}, at: {at}, precision: {precision}, text: {{en: x}}, sources: [trader]{more}}}\n"


def _timeline(*entries: tuple[str, str, str]) -> str:
    lines = [
        EVENT.format(id=f"e{number}", at=at, precision=precision, more=more)
        for number, (at, precision, more) in enumerate(entries)
    ]
    return "timeline:\n" + "".join(lines)


def test_ids_are_unique_over_all_sections(minimal: str, codes: Codes) -> None:
    text = minimal + "venues:\n  - {id: trader, name: {en: x}, kind: exchange}\n"
    assert codes(text) == ["record.duplicate_id"]


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        ("claimed_by: [nobody]", "record.unknown_id"),
        ("claimed_by: [c]", "record.wrong_kind"),
        ("claimed_by: [trader], evidence_for: [c]", "record.self_reference"),
        ("claimed_by: [trader], relations: [{type: causes, claim: other}]", "record.unknown_id"),
        ("claimed_by: [trader], relations: [{type: causes, claim: trader}]", "record.wrong_kind"),
        ("claimed_by: [trader], relations: [{type: responds_to, claim: x, incident: y}]", "record.relation_root"),
        ("claimed_by: [trader], evidence_against: [trader]", "record.wrong_kind"),
        ("claimed_by: []", "record.too_few"),
    ],
)
def test_every_mentioned_id_exists_and_is_of_the_right_kind(
    minimal: str, codes: Codes, claim: str, expected: str
) -> None:
    text = minimal + f"claims:\n  - {{id: c, text: {{en: x}}, status: asserted, sources: [trader], {claim}}}\n"
    assert expected in codes(text)


def test_a_claim_in_another_package_is_not_looked_for_here(minimal: str, codes: Codes) -> None:
    relation = f"{{type: responds_to, claim: elsewhere, root: {'0' * 64}, incident: x}}"
    text = minimal + (
        "claims:\n  - {id: c, text: {en: x}, status: asserted, claimed_by: [trader], sources: [trader], "
        f"relations: [{relation}]}}\n"
    )
    assert codes(text) == []


def test_unknown_ids_come_with_the_nearest_known(minimal: str) -> None:
    text = minimal + "claims:\n  - {id: c, text: {en: x}, claimed_by: [tradr], status: asserted, sources: [trader]}\n"
    problems = load_record_bytes(text.encode(), "x", json=False).problems
    assert problems[0].hint == "did you mean `trader`?"


def test_a_contradicted_claim_names_what_contradicts_it(minimal: str, codes: Codes) -> None:
    claim = "claims:\n  - {id: c, text: {en: x}, claimed_by: [trader], sources: [trader], status: contradicted"
    assert codes(minimal + claim + "}\n") == ["record.contradicted_by_missing"]
    other = "\n  - {id: d, text: {en: x}, claimed_by: [trader], sources: [trader], status: asserted}\n"
    assert codes(minimal + claim + ", contradicted_by: [d]}" + other) == []


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        (
            (("2025-10-11T05:20:00+08:00", "minute", ""), ("2025-10-11T05:16:00+08:00", "minute", "")),
            "record.timeline_order",
        ),
        ((("2025-10-11T05:11:00+08:00", "minute", ""),), "record.outside_occurred"),
        ((("2025-10-11T07:03:00+08:00", "minute", ""),), "record.outside_occurred"),
        ((("2025-05-05", "day", ""),), "record.outside_occurred"),
        ((("2025-05-05", "day", ", outside_occurred: true"),), None),
        ((("2025-10-11", "day", ""),), None),
        ((("2025-10", "month", ""), ("2025-10-11T05:16:00+08:00", "minute", "")), None),
        ((("2025-10-10T21:12:00Z", "minute", ""), ("2025-10-11T05:12:00+08:00", "minute", "")), None),
        ((("2025-10-11T05:12:30+08:00", "minute", ""),), "record.precision"),
        ((("2025-10-11T05:12:00.438+08:00", "second", ""),), "record.precision"),
        ((("2025-10-11T05:12:00+08:00", "day", ""),), "record.precision"),
        ((("2025-10", "day", ""),), "record.precision"),
        ((("2025-10-11T05:12:00+08:00", "millisecond", ""),), "record.precision"),
        ((("2025-10-11T05:12:00.000+08:00", "millisecond", ""),), None),
    ],
)
def test_times_are_in_order_inside_occurred_and_as_precise_as_stated(
    minimal: str, codes: Codes, entries: tuple[tuple[str, str, str], ...], expected: str | None
) -> None:
    assert codes(minimal + _timeline(*entries)) == ([expected] if expected else [])


@pytest.mark.parametrize(
    "times",
    ["start: 2025-10-11T05:16:00+08:00", "at: 2025-10-11T05:16:00+08:00, end: 2025-10-11T05:17:00+08:00"],
)
def test_an_entry_is_an_instant_or_an_interval(minimal: str, codes: Codes, times: str) -> None:
    text = minimal + f"timeline:\n  - {{id: e, {times}, precision: minute, text: {{en: x}}, sources: [trader]}}\n"
    assert codes(text) == ["record.timeline_time"]


def test_nothing_ends_before_it_starts(minimal: str, codes: Codes) -> None:
    assert codes(minimal.replace("end: 2025-10-11T07:02:00+08:00", "end: 2025-10-11T07:02:00+14:00")) == [
        "record.time_order"
    ]


def test_versions_of_a_statement_are_in_order(minimal: str, codes: Codes) -> None:
    text = minimal + (
        "statements:\n  - id: s\n    party: trader\n    versions:\n"
        "      - {made_at: 2025-10-13, text: {en: x}}\n      - {made_at: 2025-10-11, text: {en: y}}\n"
        "      - {made_at: 2025-10-15, seen_at: 2025-10-12, text: {en: y}}\n"
    )
    assert codes(text) == ["record.time_order", "record.time_order"]


FIGURE = "  - {{id: {id}, metric: loss, value: {value}, unit: USD, bound: estimate{more}}}\n"


def test_figures_that_disagree_stand_side_by_side_when_attributed(minimal: str, codes: Codes) -> None:
    both = FIGURE.format(id="a", value="4170000", more=", claimed_by: [trader], disputes: [b]")
    both += FIGURE.format(id="b", value="3900000", more=", value_to: 4100000, claimed_by: [trader], disputes: [a]")
    assert codes(minimal + "figures:\n" + both) == []
    alone = FIGURE.format(id="a", value="4170000", more="")
    assert codes(minimal + "figures:\n" + alone) == ["record.unattributed"]


def test_a_range_runs_upwards(minimal: str, codes: Codes) -> None:
    figure = FIGURE.format(id="a", value="10", more=", value_to: 9.5, claimed_by: [trader]")
    assert codes(minimal + "figures:\n" + figure) == ["record.figure_range"]


HASH = "0" * 64


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ("path: evidence/a.csv", []),
        (f"path: evidence/a.csv, held: local, size: 1, sha256: {HASH}", []),
        ("path: evidence/a.csv, held: local", ["record.evidence_form"] * 2),
        ("path: evidence/a.csv, withheld: true", []),
        ("path: evidence/a.csv, withheld: false", ["record.true"]),
        ("withheld: true", ["record.evidence_form"]),
        (f"reference: {{size: 1, sha256: {HASH}}}", []),
        (f"reference: {{size: 1, sha256: {HASH}}}, path: a", ["record.evidence_form"]),
        (f"reference: {{size: 1, sha256: {HASH}}}, size: 1", ["record.evidence_form"]),
        (f"path: a, held: local, size: 1, sha256: {HASH}, withheld: true", ["record.evidence_form"]),
        (f"path: a, withheld: true, commitment: {HASH}", ["record.evidence_form"]),
        ("note: {en: x}", ["record.evidence_form"]),
        ("path: ../a", ["record.path"]),
        ("path: /etc/passwd", ["record.path"]),
        ("path: evidence//a", ["record.path"]),
        ("path: evidence/./a", ["record.path"]),
        ("path: record.json", ["record.path"]),
        ("path: Manifest.JSON", ["record.path"]),
        (f"path: {'a' * 256}", ["record.path"]),
        ("path: 'evidence\\a'", ["record.path"]),
    ],
)
def test_an_evidence_item_has_one_form(minimal: str, codes: Codes, item: str, expected: list[str]) -> None:
    text = minimal + f"evidence:\n  - {{id: e, kind: document, media_type: text/csv, {item}}}\n"
    assert codes(text) == expected


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("evidence/a", "evidence/a", "record.duplicate_path"),
        ("evidence/a", "evidence/A", "record.path_collision"),
        ("evidence/stra\u00dfe", "evidence/STRASSE", "record.path_collision"),
        ("evidence/a", "evidence/a/b", "record.path_collision"),
    ],
)
def test_two_items_cannot_be_one_file(minimal: str, codes: Codes, first: str, second: str, expected: str) -> None:
    items = "".join(
        f"  - {{id: e{number}, kind: document, media_type: text/csv, path: {path}}}\n"
        for number, path in enumerate((first, second))
    )
    assert codes(minimal + "evidence:\n" + items) == [expected]


def test_nothing_is_derived_from_itself(minimal: str, codes: Codes) -> None:
    item = "  - {{id: {0}, kind: document, media_type: text/csv, path: {0}, derived_from: [{1}]}}\n"
    text = minimal + "evidence:\n" + item.format("a", "b") + item.format("b", "c") + item.format("c", "a")
    assert codes(text) == ["record.derived_cycle"]


def test_an_unknown_kind_of_evidence_is_only_a_warning(minimal: str, codes: Codes) -> None:
    text = minimal + "evidence:\n  - {id: e, kind: order-logs, media_type: text/csv, path: a}\n"
    assert codes(text) == ["record.evidence_kind?"]


@pytest.mark.parametrize(
    ("revisions", "expected"),
    [
        ("revision: 2\nrevisions:\n  - {revision: 1, reason: {en: x}}\n", ["record.supersedes?", "record.revisions"]),
        ("revision: 1\nrevisions:\n  - {revision: 2, reason: {en: x}}\n", ["record.revisions"]),
        (
            f"revision: 1\nsupersedes: {HASH}\nrevisions:\n  - {{revision: 1, reason: {{en: x}}}}\n",
            ["record.supersedes"],
        ),
        ("revision: 0\nrevisions: []\n", ["record.range", "record.too_few"]),
        ("revision: 1.0\nrevisions:\n  - {revision: 1, reason: {en: x}}\n", ["record.integer"]),
    ],
)
def test_each_revision_has_its_reason(minimal: str, codes: Codes, revisions: str, expected: list[str]) -> None:
    assert codes(minimal[: minimal.index("revision: 1")] + revisions) == expected


@pytest.mark.parametrize(
    ("addition", "expected"),
    [
        ("contact: {name: x}\n", "record.contact"),
        ("contact: {email: x}\n", "record.email"),
        ("related: [not an id]\n", "record.related"),
        (f"includes: [{{root: {HASH}}}, {{root: {HASH}}}]\n", "record.duplicate_include"),
        ("includes: [{root: ABC}]\n", "record.sha256"),
        ("references: [{id: r, type: post, title: {en: x}, url: javascript:alert(1)}]\n", "record.url"),
        ("contact: {text: {zh-Hans: x, zh-hans: y}}\n", "record.language_twice"),
        ("contact: {text: {english_text: x}}\n", "record.language"),
        ("contact: {text: plain}\n", "record.map_expected"),
        ("aliases: plain\n", "record.list_expected"),
        ("licence: [a]\n", "record.text_expected"),
        ("licence: ' '\n", "record.empty_text"),
        ("venues: [{id: v, name: {en: x}, kind: y, roles: [{text: {en: x}, alleged: false}]}]\n", "record.true"),
        ("venues: [{id: v, name: {en: x}, kind: y, roles: [{text: {en: x}}]}]\n", "record.missing_field"),
    ],
)
def test_other_rules(minimal: str, codes: Codes, addition: str, expected: str) -> None:
    assert codes(minimal + addition) == [expected]


def test_title_and_summary_in_different_languages_are_a_warning(minimal: str, codes: Codes) -> None:
    assert codes(minimal.replace("  en: Orders refused", "  en: Orders refused\n  ko: x")) == ["record.languages?"]


def test_a_published_record_shows_withheld_items_only_by_commitment(minimal: str) -> None:
    loaded = load_record_bytes(minimal.encode(), "x", json=False)
    value = {**loaded.value, "evidence": [{"id": "e", "withheld": True, "commitment": HASH}]}
    assert check_rules(value, published=True) == []
    assert [fault.code for fault in check_rules(value)] == ["record.evidence_form"]
    value["evidence"] = [{"id": "e", "withheld": True, "commitment": HASH, "kind": "document"}]
    assert [fault.code for fault in check_rules(value, published=True)] == ["record.evidence_form"]


def test_rules_pass_over_what_has_the_wrong_shape() -> None:
    value = {"claims": "x", "timeline": [1, {"at": []}], "occurred": [], "evidence": {"a": 1}, "related": [{}]}
    assert [fault.code for fault in check_rules(value)] == ["record.unattributed"]
