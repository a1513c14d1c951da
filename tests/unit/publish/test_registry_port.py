"""The chain port over the embedded chain: what is signed, sent, found and proved."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from archive.chain.networks import get_network
from archive.chain.proofs import check_anchor_proof, parse_anchor_proof
from archive.chain.sending import SignedTransaction
from archive.errors import RefusedError
from archive.publish.ports import Intent
from archive.publish.wiring import RegistryPort, open_registry
from archive.workspace import Workspace

FIRST = Intent("2025-01-01-test", "11" * 32, None, b"\x22" * 32)
OTHER = Intent("2025-01-01-test", "33" * 32, None, b"\x22" * 32)


@pytest.fixture
def port(tmp_path: Path) -> Iterator[RegistryPort]:
    workspace = Workspace(tmp_path)
    with open_registry(get_network(workspace, "local", {}), workspace, None) as (opened, _):
        yield opened


def test_signed_sent_mined_final_proved(port: RegistryPort) -> None:
    assert port.find(FIRST) is None
    assert not port.has_history(FIRST.incident)
    assert port.quote(FIRST).gas > 20_000
    signed = port.sign(FIRST)
    assert port.find(FIRST) is None
    port.send(signed)
    port.send(signed)
    anchored = port.wait_mined(signed, FIRST)
    assert port.find(FIRST) == anchored
    assert not port.failed(signed)
    final = port.wait_final(anchored)
    assert final is not None
    assert final.rule == "1 confirmation"
    proven = check_anchor_proof(parse_anchor_proof(port.proof(final)))
    assert (proven.root, proven.publisher, proven.previous) == (FIRST.root, port.publisher, None)
    assert port.has_history(FIRST.incident)


def test_another_first_revision_is_refused_before_it_is_signed(port: RegistryPort) -> None:
    port.send(port.sign(FIRST))
    for act in (port.sign, port.quote):
        with pytest.raises(RefusedError) as caught:
            act(OTHER)
        assert caught.value.code == "registry.not_head"


def test_the_same_root_with_other_values_is_refused(port: RegistryPort) -> None:
    port.send(port.sign(FIRST))
    with pytest.raises(RefusedError) as caught:
        port.find(Intent(FIRST.incident, FIRST.root, None, b"\x99" * 32))
    assert caught.value.code == "registry.already_anchored"


def test_a_replacement_takes_the_same_nonce_and_only_one_is_mined(port: RegistryPort) -> None:
    cheap = port.sign(FIRST)
    dear = port.sign(FIRST, replaces=cheap, raise_percent=25)
    assert cheap.raw != dear.raw
    assert SignedTransaction.from_raw(cheap.raw).nonce == SignedTransaction.from_raw(dear.raw).nonce
    port.send(dear)
    with pytest.raises(RefusedError) as caught:
        port.send(cheap)
    assert caught.value.code == "chain.nonce_taken"


def test_two_signed_for_the_same_place_cannot_both_be_mined(port: RegistryPort) -> None:
    first, second = port.sign(FIRST), port.sign(OTHER)
    port.send(first)
    with pytest.raises(RefusedError) as caught:
        port.send(second)
    assert caught.value.code == "chain.nonce_taken"
    assert not port.failed(second)
