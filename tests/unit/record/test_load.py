from __future__ import annotations

import json
import os
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.errors import Problem
from archive.record.load import LoadedRecord, load_record, load_record_bytes


def test_the_example_of_the_guide_is_valid(guide: str) -> None:
    loaded = load_record_bytes(guide.encode(), "incident.yaml", json=False)
    assert loaded.problems == ()
    assert loaded.record is not None
    assert loaded.record.figures[0].value == "100"


def test_yaml_scalars_stay_what_the_author_wrote(minimal: str) -> None:
    text = minimal + (
        "aliases: [21:54:00, no, 0010, 0.10, 1e3, 2025-10-11, 0x1f, 1_000, true, .inf]\n"
        "figures:\n  - {id: f, metric: rate, value: 0.10, unit: percent, bound: exact, claimed_by: [trader]}\n"
    )
    loaded = load_record_bytes(text.encode(), "x", json=False)
    assert loaded.problems == ()
    assert loaded.record is not None
    value = loaded.record.to_value()
    expected = ["21:54:00", "no", "0010", "0.10", "1e3", "2025-10-11", "0x1f", "1_000", "true", ".inf"]
    assert value["aliases"] == expected
    assert value["figures"][0]["value"] == "0.10"
    assert value["revision"] == 1


def test_the_record_value_holds_nothing_that_the_author_did_not_write(minimal: str) -> None:
    loaded = load_record_bytes(minimal.encode(), "x", json=False)
    assert loaded.record is not None
    value = loaded.record.to_value()
    assert sorted(value) == sorted(
        ["schema_version", "id", "title", "summary", "occurred", "parties", "revision", "revisions"]
    )
    assert value["parties"] == [{"id": "trader", "name": {"en": "Trader"}, "kind": "person"}]


def test_yaml_and_json_give_the_same_record(guide: str) -> None:
    first = load_record_bytes(guide.encode(), "x", json=False).record
    assert first is not None
    again = load_record_bytes(json.dumps(first.to_value()).encode(), "x", json=True)
    assert again.problems == ()
    assert again.record == first


@pytest.mark.parametrize(
    ("addition", "code"),
    [
        ("id: other\n", "record.duplicate_key"),
        ("aliases: &a [x]\n", "record.yaml_anchor"),
        ("aliases: !!python/object/apply:os.system [x]\n", "record.yaml_tag"),
        ("aliases: [!x y]\n", "record.yaml_tag"),
        ("---\nid: second\n", "record.yaml_documents"),
        ("? [a, b]\n: c\n", "record.yaml_key"),
        ("aliases: [a\n", "record.yaml_syntax"),
        ("aliases:\n\t- a\n", "record.yaml_syntax"),
        ("aliases:\n", "record.empty_value"),
        ("licence: ~\n", "record.empty_value"),
        ("licence: null\n", "record.empty_value"),
        ("licence: <fill in the licence of the record>\n", "record.placeholder"),
        ("aliases: " + "[" * 40 + "]" * 40 + "\n", "record.too_deep"),
        ("aliases: " + "[" * 100_000 + "\n", "record.too_deep"),
        ("aliases:\n" + "- a\n" * 200_000, "record.too_many_values"),
        ('licence: "a\\u0000b"\n', "record.control_character"),
        ('licence: "a\\u202eb"\n', "record.control_character"),
        ("licence: cafe\u0301\n", "record.not_nfc"),
        ("licence: \U0001fae8\n", "record.unassigned"),
    ],
)
def test_yaml_beyond_plain_data_is_refused(
    minimal: str, codes: Callable[..., list[str]], addition: str, code: str
) -> None:
    assert codes(minimal + addition) == [code]


@pytest.mark.parametrize("hidden", ["\x85", "\u2028", "\u2029"])
def test_line_breaks_that_nobody_sees_are_refused_not_rewritten(
    minimal: str, codes: Callable[..., list[str]], hidden: str
) -> None:
    assert codes(minimal + f'licence: "CC{hidden}BY"\n') == ["record.control_character"]


def test_a_quoted_null_is_text(minimal: str, codes: Callable[..., list[str]]) -> None:
    assert codes(minimal + 'licence: "null"\n') == []


def test_aliases_do_not_explode(minimal: str, codes: Callable[..., list[str]]) -> None:
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{n}: &{n} [{','.join([f'*{p}'] * 9)}]\n" for p, n in zip("abcdefgh", "bcdefghi", strict=True)
    )
    found = codes(bomb)
    assert set(found) == {"record.yaml_anchor", "record.yaml_alias"}


def test_merge_keys_are_refused(codes: Callable[..., list[str]], minimal: str) -> None:
    assert "record.yaml_merge" in codes(minimal + "contact:\n  <<: {text: x}\n")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\xef\xbb\xbfid: x\n", "record.bom"),
        (b"id: \xff\xfe\n", "record.not_utf8"),
        ("id: x\n".encode("utf-16"), "record.not_utf8"),
        (b"- a\n- b\n", "record.map_expected"),
        (b"", "record.map_expected"),
        (b"#" * (4 * 1024 * 1024 + 1), "record.too_large"),
    ],
)
def test_files_that_are_no_record(codes: Callable[..., list[str]], data: bytes, code: str) -> None:
    assert codes(data) == [code]


def test_a_huge_file_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "incident.yaml"
    with path.open("wb") as handle:
        handle.truncate(100 * 1024 * 1024)
    assert [p.code for p in load_record(path).problems] == ["record.too_large"]


def test_links_and_pipes_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("id: x\n")
    (tmp_path / "link.yaml").symlink_to(tmp_path / "real")
    os.mkfifo(tmp_path / "pipe.yaml")
    assert [p.code for p in load_record(tmp_path / "link.yaml").problems] == ["record.symlink"]
    assert [p.code for p in load_record(tmp_path / "pipe.yaml").problems] == ["record.unreadable"]
    assert [p.code for p in load_record(tmp_path / "none.yaml").problems] == ["record.unreadable"]


@pytest.mark.parametrize(
    ("member", "code"),
    [
        ('"figures": [{"id": "f", "metric": "m", "value": 0.1, "unit": "u", "bound": "exact"}]', "record.float"),
        ('"figures": [{"id": "f", "metric": "m", "value": 1e3, "unit": "u", "bound": "exact"}]', "record.float"),
        ('"figures": [{"id": "f", "metric": "m", "value": 5, "unit": "u", "bound": "exact"}]', "record.decimal"),
        ('"revision": 123456789012345678901234567890', "record.integer"),
        ('"licence": null', "record.empty_value"),
        ('"licence": NaN', "record.json_syntax"),
        ('"licence": "a\x01"', "record.json_syntax"),
        ('"licence": "a", "licence": "b"', "record.duplicate_key"),
        ('"licence": "\\ud800"', "record.unassigned"),
        ('"licence": "a",', "record.json_syntax"),
        ('"licence": ' + "[" * 40 + "]" * 40, "record.too_deep"),
        ('"schema_version": 1', "record.schema_version"),
    ],
)
def test_json_faults_have_codes(codes: Callable[..., list[str]], member: str, code: str) -> None:
    assert code in codes("{\n" + member + "\n}", json=True)


def test_each_problem_has_line_pointer_and_hint(minimal: str) -> None:
    text = minimal.replace("kind: person", "kind: person\n    age: 5").replace("precision: minute", "precision: weekly")
    problems = load_record_bytes(text.encode(), "d/incident.yaml", json=False).problems
    assert [(p.code, p.path, p.line, p.pointer) for p in problems] == [
        ("record.choice", "d/incident.yaml", 10, "/occurred/precision"),
        ("record.unknown_field", "d/incident.yaml", 17, "/parties/0/age"),
    ]
    assert all(p.hint for p in problems)


@pytest.mark.parametrize("addition", ["x: " + "[" * 40 + "]" * 40, "x: " + "[" * 100_000, "a: [", "- b", "---\nc: d"])
def test_a_record_that_cannot_be_read_at_all_comes_with_a_hint(minimal: str, addition: str) -> None:
    problems = load_record_bytes((minimal + addition + "\n").encode(), "d/incident.yaml", json=False).problems
    assert problems
    assert all(p.hint for p in problems), problems


def test_lines_are_known_for_every_pointer_in_json() -> None:
    loaded = load_record_bytes(b'{\n "a": {\n  "b/c": [\n   1,\n   "x"\n  ]\n }\n}', "x", json=True)
    assert loaded.lines == {"": 1, "/a": 2, "/a/b~1c": 3, "/a/b~1c/0": 4, "/a/b~1c/1": 5}


def test_an_unknown_version_is_the_only_complaint(minimal: str, codes: Callable[..., list[str]]) -> None:
    assert codes(minimal.replace("schema_version: 1", "schema_version: 2\nnovelty: x")) == ["record.schema_version"]


def test_faults_of_fields_and_of_rules_are_listed_together(minimal: str, codes: Callable[..., list[str]]) -> None:
    text = minimal + "surprise: 1\nclaims:\n  - {id: c, text: {en: x}, claimed_by: [nobody], status: contradicted}\n"
    assert codes(text) == [
        "record.unknown_field",
        "record.contradicted_by_missing",
        "record.unattributed?",
        "record.unknown_id",
    ]


@pytest.mark.parametrize("bad", ["A", "a/b", "..", "a.b", "a b", "ä", "a" * 65, "../x"])
def test_ids_with_other_signs_are_refused(minimal: str, codes: Callable[..., list[str]], bad: str) -> None:
    assert codes(minimal.replace("id: 2025-10-11-example", f'id: "{bad}"')) == ["record.id"]


def _check(loaded: LoadedRecord) -> None:
    assert all(isinstance(problem, Problem) for problem in loaded.problems)
    assert loaded.record is not None or any(problem.severity == "error" for problem in loaded.problems)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400), st.booleans())
def test_any_bytes_give_problems_and_never_an_exception(data: bytes, json: bool) -> None:
    _check(load_record_bytes(data, "x", json=json))


_SIGNS = st.text(alphabet=st.sampled_from("abc:-[]{}#&*!|>'\"%@`,? \n\t\0\\~<1.é\u202e"), max_size=120)


@settings(max_examples=150, deadline=None)
@given(_SIGNS, st.booleans())
def test_any_text_gives_problems_and_never_an_exception(text: str, json: bool) -> None:
    _check(load_record_bytes(text.encode("utf-8", "ignore"), "x", json=json))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.floats(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["id", "claims", "timeline", "evidence", "at", "path", "occurred", "revision", "title", "sources"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["id", "claims", "timeline", "evidence", "figures", "occurred", "revisions"]), _JSON
    )
)
def test_any_shape_gives_problems_and_never_an_exception(value: dict[str, object]) -> None:
    _check(load_record_bytes(json.dumps(value).encode(), "x", json=True))


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=1, max_size=30))
def test_text_survives_yaml_or_is_refused(text: str) -> None:
    from archive.record.scaffold import quote

    loaded = load_record_bytes(f"licence: {quote(text)}\n".encode("utf-8", "surrogatepass"), "x", json=False)
    refused = {
        "record.yaml_syntax",
        "record.control_character",
        "record.unassigned",
        "record.not_nfc",
        "record.not_utf8",
    }
    if not refused & {problem.code for problem in loaded.problems}:
        assert loaded.value["licence"] == text
        assert unicodedata.is_normalized("NFC", text)


def test_what_passes_without_the_large_table_is_assigned() -> None:
    from archive.package.unicode14 import unassigned_pattern
    from archive.record.load import _UNCOMMON

    common = _UNCOMMON.sub("", "".join(chr(point) for point in range(0x10000)))
    assert len(common) > 40_000
    assert unassigned_pattern().search(common) is None


def test_the_thousandth_problem_is_counted_not_explained(minimal: str) -> None:
    text = minimal + "timeline:\n" + "- a\n" * 3000
    problems = load_record_bytes(text.encode(), "x", json=False).problems
    assert len(problems) == 1001
    assert [p.message for p in problems if p.code == "record.more_problems"] == ["there are 2,000 more problems"]


def test_angle_brackets_alone_are_no_placeholder(minimal: str, codes: Callable[..., list[str]]) -> None:
    assert codes(minimal + "licence: <redacted>\n") == []
