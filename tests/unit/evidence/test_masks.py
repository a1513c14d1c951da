"""redact@1 masks today what it masked when it was published, whatever becomes of the rules of the gate."""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path

import pytest

from archive.evidence import masks_1, personal, redact, scan
from archive.evidence.redact import MASKABLE, Recipe, Report, SecretTokens

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "redact.json").read_text())["vectors"]
RECIPE = Recipe("text", mask=tuple(rule for rule in MASKABLE if rule != "order-id"), tokens={"order-id": "order"})


def _redacted(path: Path, data: bytes) -> bytes:
    path.write_bytes(data)
    return b"".join(redact.redact(path, RECIPE, SecretTokens(bytes(range(32))), Report()))


def test_redact_1_comes_out_as_when_it_was_published(tmp_path: Path) -> None:
    differ = [
        vector["name"]
        for vector in VECTORS
        if _redacted(tmp_path / "text", bytes.fromhex(vector["input"]["text_hex"])).hex()
        != vector["output"]["text_hex"]
    ]
    assert differ == []
    assert len(VECTORS) == 471


def test_the_rules_of_redact_1_are_not_those_of_the_gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def changed(*_: object, **__: object) -> list[object]:
        raise AssertionError("the rules of the gate, which go on changing")

    monkeypatch.setattr(scan, "find_secrets", changed)
    monkeypatch.setattr(personal, "find", changed)
    mail = b"wei.zhang" + b"@" + b"gmail.com"
    assert _redacted(tmp_path / "text", b"ask " + mail + b"\n") == b"ask [masked:email]\n"


def test_the_frozen_rules_need_nothing_of_this_project() -> None:
    tree = ast.parse(Path(masks_1.__file__).read_text())
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names


@pytest.mark.parametrize(
    ("text", "masked"),
    [("8.8.4.5", True), ("192.0.0.9", True), ("192.0.0.170", False), ("100.64.0.1", False), ("08.8.4.5", False)],
)
def test_which_addresses_are_special_does_not_hang_on_the_standard_library(
    text: str, masked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ipaddress

    monkeypatch.setattr(ipaddress.IPv4Address, "is_global", property(lambda self: not masked))
    assert bool(masks_1.find(f"from {text} on".encode())) is masked
