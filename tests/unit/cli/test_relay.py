"""`archive relay` of a folder of strangers' requests: in which order, and how often, each is tried."""

from __future__ import annotations

import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from archive.chain import registry
from archive.chain.eip712 import AnchorAct, EndorseAct, Request
from archive.cli.relay import _Relay, in_order
from archive.errors import RefusedError

WHO = "0x" + "11" * 20
INCIDENT = registry.incident_key("2025-10-11-example")
Item = tuple[Path, Request]


def word(number: int) -> bytes:
    return number.to_bytes(32, "big")


def anchor(number: int, previous: int, who: str = WHO) -> Item:
    call = registry.AnchorCall(INCIDENT, word(number), word(previous), word(1))
    return Path(f"{number}.json"), Request(97, "0x" + "22" * 20, AnchorAct(who, call), 1)


def history(length: int) -> list[Item]:
    return [anchor(number, number - 1) for number in range(1, length + 1)]


@pytest.fixture
def relay(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A relay to a registry that takes an anchor only after the one it follows; `tried` are all attempts."""
    writer: Any = SimpleNamespace(reader=SimpleNamespace(rpc=None))
    run: Any = _Relay(None, writer, quiet=True, cancel=False, max_gas=1)  # type: ignore[arg-type]
    run.tried = []
    heads = {word(0)}

    def send(path: Path, request: Request) -> None:
        run.tried.append(path.name)
        if isinstance(request.act, AnchorAct):
            if request.act.call.previous not in heads:
                raise RefusedError("not the head", code="registry.not_head")
            heads.add(request.act.root)

    monkeypatch.setattr(run, "_send", send)
    return run


def test_a_long_history_in_the_wrong_order_is_tried_once_each(relay: Any) -> None:
    items = history(200)
    relay.send(items[::-1])
    assert relay.tried == [path.name for path, _ in items]
    assert relay.codes == []


@pytest.mark.parametrize("seed", range(5))
def test_any_order_of_files_comes_out_in_an_order_that_goes(seed: int, relay: Any) -> None:
    items = [*history(30), *(anchor(100 + n, n, WHO) for n in range(1, 30))]
    endorsement = (Path("e.json"), Request(97, "0x" + "22" * 20, EndorseAct(WHO, word(5)), 1))
    random.Random(seed).shuffle(items)
    relay.send([*items, endorsement])
    assert len(relay.tried) == len(items) + 1


def test_what_can_never_go_is_refused_and_holds_up_nothing(relay: Any) -> None:
    circle = [anchor(901, 902), anchor(902, 901)]
    orphan = anchor(950, 949)
    assert sorted(path for path, _ in in_order([*circle, orphan])) == sorted(path for path, _ in [*circle, orphan])
    relay.send([*circle, orphan, *history(3)])
    assert {row["file"] for row in relay.rows} == {"901.json", "902.json", "950.json"}
    assert len(relay.tried) <= 3 * 6
