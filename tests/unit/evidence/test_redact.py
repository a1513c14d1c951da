"""Redaction: the same bytes every time, an auditor who repeats it, and slots that stay empty."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import InvalidInputError, UsageError
from archive.evidence.images import strip_metadata
from archive.evidence.recipes import ready_recipe
from archive.evidence.redact import (
    TOKEN,
    Recipe,
    Report,
    SecretTokens,
    check,
    coarsen,
    parse_recipe,
    redact,
    slot_faults,
)

SEED = bytes(range(32))
MAIL = "wei.zhang" + "@" + "gmail.com"
CSV = (
    "time,uid,orderId,apiKey,price,msg\n"
    f'2025-10-10T21:14:33.123Z,812345678,28457293847,{"k" * 63}7,1.50,"refused, ask {MAIL}"\n'
    f'2025-10-10T21:14:34.456Z,812345678,28457293848,,2.75,"said ""no"""\n'
    "2025-10-10T21:15:00.000Z,,28457293847,,3.00,\n"
)
RECIPE = Recipe(
    "csv",
    "comma",
    drop=("apiKey",),
    tokens={"uid": "account", "orderId": "order"},
    coarsen={"time": "minute"},
    mask=("email",),
)


def run(path: Path, recipe: Recipe = RECIPE, seed: bytes = SEED) -> bytes:
    return b"".join(redact(path, recipe, SecretTokens(seed), Report()))


@pytest.fixture
def original(tmp_path: Path) -> Path:
    path = tmp_path / "log.csv"
    path.write_text(CSV)
    return path


def test_a_csv_is_redacted_byte_for_byte(original: Path) -> None:
    made = run(original)
    assert made == run(original)
    account, order, other = (
        SecretTokens(SEED).token(label, value)
        for label, value in (("account", "812345678"), ("order", "28457293847"), ("order", "28457293848"))
    )
    assert made.decode() == (
        "time,uid,orderId,price,msg\n"
        f'2025-10-10T21:14:00Z,{account},{order},1.50,"refused, ask [masked:email]"\n'
        f'2025-10-10T21:14:00Z,{account},{other},2.75,"said ""no"""\n'
        f"2025-10-10T21:15:00Z,,{order},3.00,\n"
    )
    assert TOKEN.fullmatch(account)
    assert b"812345678" not in made


def test_tokens_are_secret_and_of_one_use() -> None:
    tokens, others = SecretTokens(SEED), SecretTokens(bytes(32))
    assert tokens.token("order", "1") == tokens.token("order", "1")
    assert len({tokens.token("order", "1"), tokens.token("account", "1"), others.token("order", "1")}) == 3


def test_these_bytes_never_change() -> None:
    # A new way to redact is redact@2: what redact@1 made must come out again in ten years.
    assert SecretTokens(SEED).token("order", "28457293847") == "tok_" + "y6oijyyosgymnhkhmi6g"


def test_an_auditor_without_the_keys_repeats_it(original: Path, tmp_path: Path) -> None:
    derivative = tmp_path / "made.csv"
    derivative.write_bytes(run(original))
    found = check(original, derivative, RECIPE, Report())
    assert (found.same, found.tokens, found.where) == (True, 5, None)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"1.50", b"1.51"),
        (b"2025-10-10T21:14:00Z", b"2025-10-10T21:13:00Z"),
        (b"[masked:email]", b"[masked:phone]"),
        (b"3.00,\n", b"3.00,\nmore\n"),
        (b"3.00,\n", b""),
        (b"tok_", b"812345678 tok_"),
    ],
)
def test_an_auditor_notices_a_change(original: Path, tmp_path: Path, old: bytes, new: bytes) -> None:
    derivative = tmp_path / "made.csv"
    derivative.write_bytes(run(original).replace(old, new, 1))
    found = check(original, derivative, RECIPE, Report())
    assert not found.same
    assert found.where is not None
    assert "byte" in found.where


def test_an_auditor_notices_tokens_that_join_or_split(original: Path, tmp_path: Path) -> None:
    made = run(original)
    one, other = (SecretTokens(SEED).token("order", value).encode() for value in ("28457293847", "28457293848"))
    derivative = tmp_path / "made.csv"
    derivative.write_bytes(made.replace(other, one))
    assert "two" in (check(original, derivative, RECIPE, Report()).where or "")
    derivative.write_bytes(made[::-1].replace(one[::-1], (b"tok_" + b"a" * 20)[::-1], 1)[::-1])
    assert "two" in (check(original, derivative, RECIPE, Report()).where or "")


def test_json_lines_keep_their_numbers(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(
        '{"a": 1.50, "b": {"orderId": 28457293847, "ip": "x"}, "big": 12345678901234567890.10, "ok": true}\n\n'
        f'{{"t": 1760130873123, "list": ["{MAIL}", null], "orderId": null}}\n'
    )
    recipe = Recipe("jsonl", drop=("ip",), tokens={"orderId": "order"}, coarsen={"t": "hour"}, mask=("email",))
    token = SecretTokens(SEED).token("order", "28457293847")
    assert run(path, recipe).decode() == (
        f'{{"a":1.50,"b":{{"orderId":"{token}"}},"big":12345678901234567890.10,"ok":true}}\n\n'
        '{"t":1760130000000,"list":["[masked:email]",null],"orderId":null}\n'
    )
    derivative = tmp_path / "made.jsonl"
    derivative.write_bytes(run(path, recipe))
    assert check(path, derivative, recipe, Report()).same


def test_lines_of_text_are_masked_in_place(tmp_path: Path) -> None:
    path = tmp_path / "bot.log"
    key = "k" * 63 + "7"
    path.write_text(f"10:00 X-MBX-APIKEY: {key} orderId=28457293847 from {MAIL}\r\n10:01 fine\n")
    made = run(path, ready_recipe("binance-log", path)).decode()
    token = SecretTokens(SEED).token("order", "28457293847")
    assert made == f"10:00 [masked:exchange-api-key] orderId={token} from [masked:email]\r\n10:01 fine\n"


def test_a_picture_loses_its_metadata_and_nothing_else() -> None:
    image = pytest.importorskip("PIL.Image")
    exif = image.Exif()
    exif.get_ifd(0x8825)[2] = (31.0, 14.0, 2.0)
    exif[0x010F] = "Maker"
    for form in ("JPEG", "PNG"):
        picture = image.new("RGB", (8, 8), (200, 10, 10))
        out = io.BytesIO()
        picture.save(out, form, exif=exif)
        data = out.getvalue()
        bare = strip_metadata(data)
        assert strip_metadata(bare) == bare
        assert b"Maker" in data
        assert b"Maker" not in bare
        assert strip_metadata(data + b"hidden behind the end") == bare
        assert image.open(io.BytesIO(bare)).tobytes() == image.open(io.BytesIO(data)).tobytes()
    for data in (b"\xff\xd8\xff\xe1", b"\x89PNG\r\n\x1a\n", b"text"):
        with pytest.raises(InvalidInputError) as caught:
            strip_metadata(data)
        assert caught.value.code == "redact.image"


@pytest.mark.parametrize(
    ("text", "how", "made"),
    [
        ("2025-10-10T21:14:33.123Z", "second", "2025-10-10T21:14:33Z"),
        ("2025-10-11 05:14:33+08:00", "hour", "2025-10-11 05:00:00+08:00"),
        ("2025-10-10T21:14:33Z", "day", "2025-10-10T00:00:00Z"),
        ("1760130873", "minute", "1760130840"),
        ("1760130873123456", "minute", "1760130840000000"),
        ("12.3456", "0.01", "12.34"),
        ("-12.345", "0.01", "-12.35"),
        ("1234567", "1000", "1234000"),
        ("0", "5", "0"),
    ],
)
def test_coarser(text: str, how: str, made: str) -> None:
    assert coarsen(text, how) == made


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**9), max_value=10**9))
def test_a_coarser_number_is_below_by_less_than_a_step(number: Decimal) -> None:
    made = Decimal(coarsen(f"{number:f}", "0.05"))
    assert 0 <= number - made < Decimal("0.05")


@pytest.mark.parametrize(("text", "how"), [("noon", "hour"), ("12:00", "minute"), ("abc", "0.01"), ("Infinity", "1")])
def test_what_cannot_be_coarser_is_an_error(text: str, how: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        coarsen(text, how)
    assert caught.value.code == "redact.coarsen"


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ({"format": "pdf"}, "redact.recipe"),
        ({"format": "csv", "mask": ["nothing"]}, "redact.recipe"),
        ({"format": "csv", "drop": ["a"], "empty": ["a"]}, "redact.recipe"),
        ({"format": "csv", "coarsen": {"a": "week"}}, "redact.recipe"),
        ({"format": "text", "drop": ["a"]}, "redact.recipe"),
        ({"format": "text", "tokens": {"orderId": "order"}}, "redact.recipe"),
        ({"format": "image"}, "redact.recipe"),
        ({"format": "csv", "colour": "red"}, "redact.recipe"),
        ({"method": "redact@2", "recipe": {"format": "csv"}}, "redact.unknown_method"),
    ],
)
def test_recipes_that_are_none(value: object, code: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_recipe(value)
    assert caught.value.code == code


def test_a_recipe_comes_back_from_the_record() -> None:
    assert parse_recipe({"method": "redact@1", "recipe": json.loads(json.dumps(RECIPE.to_value()))}) == RECIPE


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"time,uid\n1\n", "redact.row"),
        (b"a,a\n1,2\n", "redact.row"),
        (b"time,uid\n1,2\n", "redact.no_such_column"),
        (b"\xff\xfe", "redact.encoding"),
        (b'time,uid,orderId,apiKey\n"1', "redact.row"),
    ],
)
def test_files_that_cannot_be_redacted(tmp_path: Path, content: bytes, code: str) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(content)
    recipe = Recipe("csv", "comma", tokens={"uid": "account"}) if code == "redact.row" else RECIPE
    with pytest.raises(InvalidInputError) as caught:
        run(path, recipe)
    assert caught.value.code == code


def test_c2pa_content_left_inside_a_redacted_slot_is_refused(original: Path, tmp_path: Path) -> None:
    # C2PA: an assertion is marked as redacted, and its content is still there.
    recipe = Recipe("csv", "comma", drop=("apiKey",), empty=("msg",), tokens={"uid": "account"})
    derivative = tmp_path / "made.csv"
    derivative.write_bytes(run(original, recipe))
    assert list(slot_faults(derivative, recipe)) == []
    assert {code for code, _ in slot_faults(original, recipe)} == {
        "redact.slot_not_dropped",
        "redact.slot_not_empty",
        "redact.slot_not_token",
    }


def test_ready_recipes_fit_the_columns(original: Path, tmp_path: Path) -> None:
    recipe = ready_recipe("binance-log", original)
    assert (recipe.format, recipe.delimiter, recipe.drop) == ("csv", "comma", ("apiKey",))
    assert recipe.tokens == {"uid": "account", "orderId": "order"}
    ledger = tmp_path / "ledger.csv"
    ledger.write_text("date;account;email;amount\n2025-10-10T21:14:33Z;A12345;x;1.50\n")
    recipe = ready_recipe("ledger", ledger)
    assert (recipe.delimiter, recipe.drop, recipe.coarsen) == ("semicolon", ("email",), {"date": "hour"})
    assert run(ledger, recipe).decode().endswith(";1.50\n")
    with pytest.raises(UsageError) as caught:
        ready_recipe("other", ledger)
    assert caught.value.code == "redact.ready"
