from __future__ import annotations

import hashlib
import json
import runpy
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import InvalidInputError
from archive.package import canonical, unicode14

JCS = Path(__file__).parents[4] / "shared" / "vectors" / "jcs"
GENERATOR = Path(__file__).with_name("generate_unicode14.py")
# Those with floats, or with text that is not NFC (weird.json has U+FB33 as a key), must be refused by us.
REFUSED_VECTORS = {
    "structures": "canonical.float",
    "unicode": "canonical.not_nfc",
    "values": "canonical.float",
    "weird": "canonical.not_nfc",
}
TABLE_SHA256 = "2e68414698e0ef0eeb1cf53945fa6d030f0fcdf02ee6b009a8d37dd1177b4bf8"

TEXT = (
    st.text()
    .map(lambda text: unicodedata.normalize("NFC", text))
    .filter(lambda text: not unicode14.unassigned_pattern().search(text))
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


def loads(text: str | bytes, **options: int) -> object:
    return canonical.loads(text.encode() if isinstance(text, str) else text, **{"max_bytes": 10_000, **options})


@given(VALUES)
def test_parse_of_dump_is_the_same_value(value: object) -> None:
    data = canonical.dumps(value)
    assert canonical.loads_canonical(data, max_bytes=len(data)) == value
    assert canonical.dumps(json.loads(data)) == data


@given(st.binary(max_size=200))
def test_any_bytes_parse_or_raise_our_error(data: bytes) -> None:
    try:
        value = canonical.loads(data, max_bytes=1000)
    except InvalidInputError:
        return
    assert canonical.loads(canonical.dumps(value), max_bytes=10_000) == value


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"a":1,"a":2}', "duplicate_key"),
        ('{"x":{"a":1,"\\u0061":2}}', "duplicate_key"),
        ("1.0", "float"),
        ("1e3", "float"),
        ("-0.0", "float"),
        ("1E400", "float"),
        ("-0", "negative_zero"),
        ("[-0]", "negative_zero"),
        ("NaN", "constant"),
        ("[Infinity]", "constant"),
        ("-Infinity", "constant"),
        ("9007199254740992", "integer_range"),
        ("-9007199254740992", "integer_range"),
        ("9" * 5000, "integer_range"),
        ("{} {}", "trailing"),
        ("1]", "trailing"),
        ("", "syntax"),
        ("{", "syntax"),
        ("[1,]", "syntax"),
        ("{'a':1}", "syntax"),
        ("01", "trailing"),
        ('"a\nb"', "syntax"),
        ('"\\x41"', "syntax"),
        ("\ufeff{}", "bom"),
        (b'"\xff"', "encoding"),
        (b'"\xed\xa0\x80"', "encoding"),
        ('"\\ud800"', "surrogate"),
        ('{"\\udfff":1}', "surrogate"),
        ('"e\u0301"', "not_nfc"),
        ('{"e\\u0301":1}', "not_nfc"),
        ('"\u212b"', "not_nfc"),
        ('"\u0378"', "unassigned"),
        ('"\U0001fae8"', "unassigned"),  # shaking face: Unicode 15
        ('"\uffff"', "unassigned"),  # a noncharacter
    ],
)
def test_refused(text: str | bytes, code: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        loads(text)
    assert caught.value.code == f"canonical.{code}"


@pytest.mark.parametrize(
    "text", ['"\U0001f9cc"', '"测试"', '"é"', '"\\ud83e\\udd23"', '"\ue000"', "9007199254740991", "[]"]
)
def test_accepted(text: str) -> None:
    loads(text)


def test_depth_is_bounded_without_recursion() -> None:
    assert loads("[" * 32 + "]" * 32)
    for deep in ("[" * 33 + "]" * 33, "[" * 5_000, '{"a":' * 5_000):
        with pytest.raises(InvalidInputError) as caught:
            loads(deep, max_bytes=10**6)
        assert caught.value.code == "canonical.depth"
    assert loads('["' + "[" * 100 + '\\"' + "{" * 100 + '"]')


def test_size_is_bounded() -> None:
    with pytest.raises(InvalidInputError) as caught:
        loads(b" " * 11, max_bytes=10)
    assert caught.value.code == "canonical.too_large"


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (1.5, "float"),
        ({"a": [0.0]}, "float"),
        ({1: "a"}, "type"),
        (b"x", "type"),
        ({"a": {1, 2}}, "type"),
        (2**53, "integer_range"),
        ("\ud800", "surrogate"),
    ],
)
def test_values_refused(value: object, code: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        canonical.dumps(value)
    assert caught.value.code == f"canonical.{code}"


def test_value_depth_refused() -> None:
    value: object = []
    for _ in range(40):
        value = [value]
    with pytest.raises(InvalidInputError) as caught:
        canonical.dumps(value)
    assert caught.value.code == "canonical.depth"


def test_not_canonical() -> None:
    for text in ('{"b":1,"a":2}', '{"a": 1}', '"\\u0041"', "[1]\n"):
        with pytest.raises(InvalidInputError) as caught:
            canonical.loads_canonical(text.encode(), max_bytes=100)
        assert caught.value.code == "canonical.not_canonical"


def test_keys_sort_by_utf16() -> None:
    assert canonical.dumps({"\ufb01": 1, "\U0001f600": 2, "z": 3}) == '{"z":3,"\U0001f600":2,"\ufb01":1}'.encode()


@pytest.mark.skipif(not JCS.is_dir(), reason="the RFC 8785 vectors are not present")
@pytest.mark.parametrize("name", ["arrays", "french", "structures", "unicode", "values", "weird"])
def test_rfc_8785_vectors(name: str) -> None:
    source = (JCS / "input" / f"{name}.json").read_bytes()
    expected = REFUSED_VECTORS.get(name)
    if expected is None:
        value = canonical.loads(source, max_bytes=100_000)
        assert canonical.dumps(value) == (JCS / "output" / f"{name}.json").read_bytes()
    else:
        with pytest.raises(InvalidInputError) as caught:
            canonical.loads(source, max_bytes=100_000)
        assert caught.value.code == expected


def test_unassigned_table_is_that_of_unicode_14() -> None:
    ranges = unicode14.unassigned_ranges()
    assert sum(b - a + 1 for a, b in ranges) == 829_834 == 0x110000 - 284_278
    text = ",".join(f"{a:x}-{b:x}" for a, b in ranges)
    assert hashlib.sha256(text.encode()).hexdigest() == TABLE_SHA256


@pytest.mark.skipif(unicodedata.unidata_version != "14.0.0", reason="needs a Python with Unicode 14.0.0 (3.11)")
def test_unassigned_table_is_as_generated() -> None:
    module = runpy.run_path(str(GENERATOR))
    assert module["TARGET"].read_text(encoding="utf-8") == module["render"]()
