from __future__ import annotations

import pytest


@pytest.mark.parametrize("kind", [0, 1, 2])
@pytest.mark.parametrize(("index", "count"), [(0, 1), (3, 5), (127, 140), (128, 140), (139, 140)])
def test_a_sound_proof_proves_the_anchor(make_block, kind: int, index: int, count: int) -> None:
    from archive.chain import proofs

    proven = proofs.check_anchor_proof(make_block(kind=kind, index=index, count=count).proof())
    assert proven.sender == proven.publisher
    assert proven.direct
    assert proven.root == "01" * 32
    assert proven.previous is None
    assert proven.timestamp == 1_760_140_800
    assert {step.status for step in proven.steps} == {"pass"}
