from __future__ import annotations

import hashlib
import hmac

import pytest

from archive.errors import InvalidInputError
from archive.package import canonical, seal
from archive.package.entries import EvidenceEntry, NotBefore

ENTRY = EvidenceEntry("chat-log", "evidence/chat.txt", "text/plain", 5, "1" * 64)


def test_salt_and_commitment_are_as_the_format_says() -> None:
    seed = bytes(range(32))
    salt = hmac.new(seed, b"IA1-salt\x003\x00chat-log", hashlib.sha256).digest()
    assert seal.salt(seed, 3, "chat-log") == salt
    expected = hashlib.sha256(b"\x02" + salt + canonical.dumps(ENTRY.to_json())).hexdigest()
    assert seal.commitment(salt, ENTRY) == expected


def test_salts_differ_by_revision_and_id() -> None:
    seed = bytes(32)
    assert len({seal.salt(seed, revision, name) for revision in (1, 2, 11) for name in ("a", "1", "1-a")}) == 9


def test_seal_file_comes_back() -> None:
    made = seal.Seal.generate("0x" + "0f" * 20)
    assert seal.parse_seal(made.to_bytes()) == made
    with_block = seal.Seal(bytes(32), None, (NotBefore("eip155:97", 5, "0x" + "a" * 64),))
    assert seal.parse_seal(with_block.to_bytes()) == with_block


def test_the_seed_is_not_shown() -> None:
    assert "seed" not in repr(seal.Seal(b"\x01" * 32))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"format": "x"}, "seal.format"),
        ({"seed": "00"}, "seal.seed"),
        ({"seed": None}, "seal.seed"),
        ({"publisher": "0xAB"}, "seal.publisher"),
        ({"publisher": 1}, "seal.keys"),
        ({"not_before": None}, "seal.keys"),
        ({"not_before": [{}]}, "manifest.missing_key"),
        ({"more": 1}, "seal.keys"),
    ],
)
def test_seal_file_refused(change: dict[str, object], code: str) -> None:
    value = {"format": seal.FORMAT, "seed": "0" * 64, "publisher": None, "not_before": [], **change}
    with pytest.raises(InvalidInputError) as caught:
        seal.parse_seal(canonical.dumps(value))
    assert caught.value.code == code


def test_short_secrets_refused() -> None:
    with pytest.raises(InvalidInputError) as caught:
        seal.Seal(b"short")
    assert caught.value.code == "seal.seed"
    with pytest.raises(InvalidInputError) as caught:
        seal.commitment(b"short", ENTRY)
    assert caught.value.code == "seal.salt"
