"""The strict reader of DER: what is written is read, and anything else is refused under one code."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import InvalidInputError
from archive.stamps import cms, der, rfc3161
from archive.stamps.entries import Token


@given(st.sampled_from([der.OCTET_STRING, der.SEQUENCE, der.CONTEXT_0]), st.binary(max_size=400), st.binary(max_size=9))
def test_what_is_written_is_read(tag: int, content: bytes, rest: bytes) -> None:
    node, left = der.read(der.encode(tag, content) + rest)
    assert (node.tag, node.content, left) == (tag, content, rest)


@pytest.mark.parametrize(
    ("data", "flaw"),
    [
        ("", "nothing"),
        ("30", "no length"),
        ("3001", "shorter than it says"),
        ("3080", "indefinite length"),
        ("308101", "a length that fits one byte"),
        ("30820001ff", "a length with a leading zero"),
        ("3085000000000100", "a length of five bytes"),
        ("1f0100", "a tag of several bytes"),
    ],
)
def test_refused(data: str, flaw: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        der.read(bytes.fromhex(data))
    assert caught.value.code == "stamp.rfc3161.der", flaw


@pytest.mark.parametrize(
    ("encoded", "dotted"),
    [
        ("06032b6570", "1.3.101.112"),
        ("060b2a864886f70d0109100104", "1.2.840.113549.1.9.16.1.4"),
        ("0603883703", "2.999.3"),
    ],
)
def test_object_identifiers(encoded: str, dotted: str) -> None:
    assert der.oid(der.read_all(bytes.fromhex(encoded), der.OID)) == dotted


@given(st.binary(max_size=300))
def test_any_bytes_are_a_token_or_refused(data: bytes) -> None:
    for read in (cms.parse_token, cms.parse_response, cms.in_der_order):
        code = "stamp.rfc3161.der"
        try:
            read(data)
        except InvalidInputError as error:
            code = error.code
        assert code == "stamp.rfc3161.der"
    assert rfc3161.check_token(Token(None, None, data or b"x"), b"m", []).status == "fail"
