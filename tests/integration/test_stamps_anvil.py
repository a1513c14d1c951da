"""`--not-before` with the finalized block of a real node, and a policy in which only other clocks count."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.publish.conftest import Ran, archive, workspace  # noqa: F401
from tests.cli.stamp.conftest import Clocks, clocks, session_authority  # noqa: F401

Archive = Callable[..., Ran]
pytestmark = pytest.mark.anvil


def status(ran: Ran, code: str) -> list[str]:
    return [c["status"] for c in ran.json["checks"] if c["code"] == code]


def test_a_frozen_package_is_younger_than_the_final_block_that_it_names(
    archive: Archive,  # noqa: F811
    clocks: Clocks,  # noqa: F811
    start_anvil: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    node = start_anvil()
    node.rpc("anvil_mine", hex(100))
    monkeypatch.setenv("ARCHIVE_RPC_ANVIL", node.url)
    evidence = tmp_path / "log.txt"
    evidence.write_text("refused\n")
    assert archive("trust", "add", "authority", clocks.root_file(), "--name", "Ours").code == 0
    frozen = archive("freeze", evidence, "--clock", "tsa", "--not-before", "anvil", "--json")
    assert frozen.code == 0, frozen.err
    bundle = frozen.json["bundle"]

    # As the node has it: an interval between the block and the stamp.
    verified = archive("verify", bundle, "--rpc", node.url, "--json")
    assert status(verified, "time.not_before") == status(verified, "time.clocks") == ["pass"]
    interval = verified.json["interval"]
    block = node.rpc("eth_getBlockByNumber", "finalized", False)
    assert interval["no_earlier_than"]["timestamp"] == int(block["timestamp"], 16)
    assert interval["no_later_than"]["clock"] == "tsa (Ours)"

    # Offline the header fits, and nobody says that its block is in the chain.
    assert status(archive("verify", bundle, "--offline", "--json"), "time.not_before") == ["unchecked"]

    # A node of the same chain id with another history: which of the two is meant, no trusted registry tells.
    other = start_anvil(options=("--timestamp", "1700000000"))
    other.rpc("anvil_mine", hex(100))
    assert status(archive("verify", bundle, "--rpc", other.url, "--json"), "time.not_before") == ["unchecked"]
    both = archive("verify", bundle, "--rpc", node.url, "--rpc", other.url, "--json")
    assert status(both, "time.not_before") == ["unchecked"]
    # The stamp stands whatever became of the chain.
    assert status(both, "stamp.rfc3161") == ["pass"]
