from __future__ import annotations

import base64
import hashlib
import io
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.errors import InvalidInputError
from archive.evidence import scan
from archive.evidence.scan import CHUNK_BYTES, OVERLAP_BYTES, Finding, scan_bytes, scan_file, scan_paths, scan_stream

WORDS = (Path(scan.__file__).with_name("bip39_english.txt")).read_text().split()
SEED = " ".join(WORDS[100:112])
HEX64 = hashlib.sha256(b"example").hexdigest()
# Put together here, so that no scanner takes this file for a leak.
PEM = "-----BEGIN " + "EC PRIVATE KEY-----"
TOKEN = "gh" + "p_" + "aB3" * 12
JWT = ".".join(
    base64.urlsafe_b64encode(p).decode().rstrip("=") for p in (b'{"alg":"HS256"}', b'{"sub":"1234567"}', b"x" * 20)
)
WIF = "5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ"


def _rules(text: str | bytes, *, full: bool = False) -> set[str]:
    return {finding.rule for finding in scan_bytes(text.encode() if isinstance(text, str) else text, "x", full=full)}


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (PEM, "private-key"),
        (f"private_key = 0x{HEX64}", "private-key-hex"),
        (f'{{"crypto": {{"ciphertext": "{HEX64}"}}}}', "keystore"),
        (f"X-MBX-APIKEY: {HEX64}", "exchange-api-key"),
        (f"x-mbx-apikey={HEX64}", "exchange-api-key"),
        (f"GET /fapi/v1/order?symbol=X&signature={HEX64}", "request-signature"),
        (f'{{"listenKey": "{HEX64}"}}', "listen-key"),
        (JWT, "json-web-token"),
        (f"Authorization: Bearer {HEX64}", "authorization-header"),
        (f"Cookie: session={HEX64}", "cookie"),
        (f"api_secret: {HEX64}", "assigned-secret"),
        ("password=Tr0ub4dor&3xyz", "assigned-secret"),
        (TOKEN, "service-token"),
        ("AKIA" + "Z" * 16, "service-token"),
        (WIF, "wallet-import-key"),
        (SEED, "seed-phrase"),
        (SEED.upper(), "seed-phrase"),
        (SEED.replace(" ", "\n"), "seed-phrase"),
        (", ".join(f'"{word}"' for word in SEED.split()), "seed-phrase"),
        ("\n".join(f"{n}. {word}" for n, word in enumerate(SEED.split(), 1)), "seed-phrase"),
        (" ".join(WORDS[:24]), "seed-phrase"),
    ],
)
def test_secrets_are_found_and_masked(text: str, rule: str) -> None:
    findings = scan_bytes(b"first line\n" + text.encode() + b"\n", "log.txt", full=False)
    found = [finding for finding in findings if finding.rule == rule]
    assert [(finding.path, finding.line, finding.name) for finding in found] == [("log.txt", 2, f"{rule}:log.txt")]
    assert rule in scan.RULE_NAMES
    for secret in (HEX64, *SEED.split(), WIF, TOKEN, JWT, "ub4dor"):
        assert all(secret[:8] not in finding.excerpt or len(secret) < 8 for finding in findings)


@pytest.mark.parametrize(
    "text",
    [
        f"transaction 0x{HEX64}",
        f"sha256: {HEX64}",
        " ".join(WORDS[100:111]),
        "The quick brown fox jumps over the lazy dog and then goes home to sleep until the morning comes again.",
        "-----BEGIN PUBLIC KEY-----",
        "signature=",
        "the private key was lost, they said",
        "Password: please choose a long one",
        WIF[:-1] + "K",
        "1697000000000,XRP/USDT,1.7000,5860.88,-1008,Server is busy please try again later",
        "订单被拒，错误码 -1008，持续 106 分钟。",
    ],
)
def test_what_is_no_secret_is_left_alone(text: str) -> None:
    assert _rules(text, full=True) == set()


def test_the_full_scan_adds_detect_secrets() -> None:
    text = "https://user:hunter2pass@example.org/\n" + f"token {TOKEN}\n"
    assert _rules(text, full=True) >= {"detect-secrets/basic-auth-credentials", "detect-secrets/github-token"}
    assert _rules(text) == {"service-token"}
    assert all("hunter2" not in str(finding) for finding in scan_bytes(text.encode(), "x", full=True))


def test_the_quick_scan_does_not_load_detect_secrets() -> None:
    code = (
        "import sys; from archive.evidence.scan import scan_bytes; scan_bytes(b'x', 'x', full=False); "
        "sys.exit(any(name.startswith('detect_secrets') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("where", [0, CHUNK_BYTES - 40, CHUNK_BYTES - 1, 2 * CHUNK_BYTES - OVERLAP_BYTES - 30])
@pytest.mark.parametrize("filler", [b"0,1,2,3\n", b"0123456,"])
@pytest.mark.parametrize("secret", [PEM, SEED, f"X-MBX-APIKEY: {HEX64}"])
def test_secrets_across_the_seams_of_a_stream_are_found_once(where: int, filler: bytes, secret: str) -> None:
    before = (filler * (where // len(filler) + 1))[:where] + b"\n"
    data = before + secret.encode() + b"\n" + filler * (2 * CHUNK_BYTES // len(filler))
    findings = scan_bytes(data, "x", full=True)
    own = [finding for finding in findings if "/" not in finding.rule]
    assert len({(finding.rule, finding.line) for finding in own}) == len(own) >= 1
    assert {finding.line for finding in own} == {before.count(b"\n") + 1}


def test_a_file_in_utf_16_is_read() -> None:
    assert _rules(f"\ufeff{PEM}\n".encode("utf-16-le")) == {"private-key"}


def test_memory_does_not_grow_with_the_file() -> None:
    import tracemalloc

    class Endless(io.RawIOBase):
        left = 24 * CHUNK_BYTES

        def read(self, size: int = -1) -> bytes:  # type: ignore[override]
            size = min(size, self.left)
            self.left -= size
            return b"1" * size

        def seek(self, offset: int, whence: int = 0) -> int:
            return 0

    tracemalloc.start()
    scan_stream(Endless(), "x", full=True)  # type: ignore[arg-type]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 24 * CHUNK_BYTES


def test_many_findings_are_cut_off() -> None:
    found = scan_bytes(f"{PEM}\n".encode() * 1000, "x", full=False)
    assert len(found) == scan.MAX_FINDINGS_PER_RULE


def test_paths_are_named_below_a_base_and_sorted(tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt"):
        (tmp_path / name).write_text(PEM)
    paths = [tmp_path / "b.txt", tmp_path / "a.txt"]
    assert [finding.path for finding in scan_paths(paths, full=False, base=tmp_path)] == ["a.txt", "b.txt"]


def test_a_file_that_cannot_be_read_is_not_clean(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError) as caught:
        scan_file(tmp_path / "none")
    assert caught.value.code == "scan.unreadable"


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=2000))
def test_the_scan_is_deterministic_and_never_fails(data: bytes) -> None:
    first = scan_bytes(data, "x", full=True)
    assert first == scan_bytes(data, "x", full=True) == tuple(sorted(first))
    assert all(isinstance(finding, Finding) for finding in first)


def test_the_word_list_is_the_published_one() -> None:
    digest = hashlib.sha256(Path(scan.__file__).with_name("bip39_english.txt").read_bytes()).hexdigest()
    assert digest == "2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda"
    assert len(WORDS) == 2048
