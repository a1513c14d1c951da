"""k of n nodes: which answers count, which are named, and that no single answer wins. The nodes lie in this process."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from archive.chain import codec
from archive.cli.verify import label_nodes
from archive.errors import InvalidInputError
from archive.trust import TrustFile
from archive.verify.checks import decide
from archive.verify.nodes import KnownChain, Node
from archive.verify.outcome import Check, Outcome
from archive.verify.policy import Policy, parse_policy
from tests.unit.verify.simulator import Chain, Desk, Publication, failed, statuses


def notes(outcome: Outcome, code: str) -> str:
    return " | ".join(c.note or "" for c in outcome.checks if c.code == code)


def header(outcome: Outcome) -> Check:
    (check,) = [c for c in outcome.checks if c.code == "chain.header"]
    return check


def three(made: Publication, **lies: Any) -> list[Node]:
    """Two honest nodes and one that is as told."""
    chain = made.chain
    return [chain.node("a.example"), chain.node("b.example"), chain.node("c.example", **lies)]


LIES = [
    ({"other_hash": True}, "c.example lies, or is on another branch"),
    ({"receipt": {"blockHash": "0x" + "00" * 32}}, "c.example has the block and tells another receipt"),
    ({"lags": 21}, "c.example has no block at height 1000 yet: it lags, its newest is block 999"),
    ({"down": True}, "c.example could not be asked (chain.rpc_unreachable)"),
    ({"genesis": "0x" + "77" * 32}, None),
    ({"code": b"\x00"}, None),
]


@pytest.mark.parametrize(("lies", "named"), LIES, ids=["lies", "log", "lags", "dead", "other-history", "code"])
def test_two_of_three_agree_and_the_third_is_named(desk: Desk, lies: dict[str, Any], named: str | None) -> None:
    made = desk.publish()
    for order in itertools.permutations(three(made, **lies)):
        outcome = desk.verify(made, nodes=order, quorum=2)
        assert outcome.verdict == "pass", notes(outcome, "chain.header")
        assert statuses(outcome, "chain.code") == ["pass"]
        if named:
            assert named in notes(outcome, "chain.node")
            assert "a.example" not in notes(outcome, "chain.node")
            assert statuses(outcome, "chain.node") == ["unchecked"]
            assert "2 of 3 nodes asked, 2 needed" in notes(outcome, "chain.header")


@pytest.mark.parametrize("dead", [1, 2, 3])
def test_a_quorum_that_is_not_reached_is_unchecked_however_fast_one_answers(desk: Desk, dead: int) -> None:
    made = desk.publish()
    nodes = [made.chain.node(f"{n}.example", down=n < dead) for n in range(3)]
    outcome = desk.verify(made, nodes=nodes, quorum=2)
    alive = 3 - dead
    assert statuses(outcome, "chain.header") == ["pass" if alive >= 2 else "unchecked"]
    assert outcome.verdict == ("pass" if alive >= 2 else "incomplete")
    if alive == 1:
        assert "the quorum was not reached: 1 of 2 needed" in notes(outcome, "chain.header")


def test_a_quorum_for_another_block_fails(desk: Desk) -> None:
    made = desk.publish()
    nodes = [made.chain.node(f"{n}.example", other_hash=n > 0) for n in range(3)]
    outcome = desk.verify(made, nodes=nodes, quorum=2)
    assert failed(outcome) == {"chain.header"}
    assert "1.example, 2.example: another block stands at height 1000" in notes(outcome, "chain.header")
    assert "ask the publisher for a new proof bundle" in notes(outcome, "chain.header")


def test_two_quorums_that_contradict_each_other_are_unchecked_never_pass_and_never_fail(desk: Desk) -> None:
    made = desk.publish()
    nodes = [made.chain.node(f"{n}.example", other_hash=n % 2 == 1) for n in range(4)]
    outcome = desk.verify(made, nodes=nodes, quorum=2)
    assert outcome.verdict == "incomplete"
    assert statuses(outcome, "chain.header") == ["unchecked"]
    assert "0.example, 2.example has this block, 1.example, 3.example another" in notes(outcome, "chain.header")


def test_liars_who_do_not_agree_with_each_other_are_no_quorum(desk: Desk) -> None:
    made = desk.publish()

    class Random(Chain):
        pass

    nodes = [made.chain.node("honest.example")]
    for n in range(3):
        chain = Random(blocks={k: v + bytes([n]) for k, v in made.chain.blocks.items()}, heads=made.chain.heads)
        nodes.append(chain.node(f"liar-{n}.example"))
    outcome = desk.verify(made, nodes=nodes, quorum=2)
    assert statuses(outcome, "chain.header") == ["unchecked"]
    assert statuses(outcome, "chain.node") == ["unchecked"] * 3


def test_several_urls_of_one_host_are_one_place(desk: Desk) -> None:
    made = desk.publish()
    nodes = [replace(made.chain.node(f"host.example/{n}"), place="host.example") for n in range(3)]
    outcome = desk.verify(made, nodes=nodes, quorum=2)
    assert statuses(outcome, "chain.header") == ["unchecked"]
    nodes.append(made.chain.node("other.example"))
    assert desk.verify(made, nodes=nodes, quorum=2).verdict == "pass"


def test_a_liar_cannot_outvote_by_many_urls(desk: Desk) -> None:
    made = desk.publish()
    liar = made.chain.node("liar.example", other_hash=True)
    nodes = [replace(liar, source=f"liar.example ({n})", place="liar.example") for n in range(5)]
    nodes += [made.chain.node("a.example"), made.chain.node("b.example")]
    assert desk.verify(made, nodes=nodes, quorum=2).verdict == "pass"


@pytest.mark.parametrize(("count", "need"), [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3)])
def test_without_a_wish_half_of_those_asked_must_agree(desk: Desk, count: int, need: int) -> None:
    made = desk.publish()
    for honest in range(count + 1):
        nodes = [made.chain.node(f"{n}.example", down=n >= honest) for n in range(count)]
        outcome = desk.verify(made, nodes=nodes)
        assert (statuses(outcome, "chain.header") == ["pass"]) == (honest >= need)


def test_the_networks_own_quorum_holds_where_the_reader_said_nothing(desk: Desk) -> None:
    made = desk.publish()
    chains = {97: KnownChain("bsc-testnet", Chain.genesis, 12, quorum=2)}
    one = [made.chain.node("a.example")]
    assert desk.verify(made, nodes=one, chains=chains).verdict == "incomplete"
    assert desk.verify(made, nodes=one, chains=chains, quorum=1).verdict == "pass"


def test_a_policy_asks_for_a_quorum_that_the_command_line_cannot_lower(desk: Desk) -> None:
    made = desk.publish()
    policy = parse_policy(b'{"format": "incident-archive-policy/1", "quorum": 2}')
    one = [made.chain.node("a.example")]
    assert desk.verify(made, nodes=one, policy=policy).verdict == "incomplete"
    assert desk.verify(made, nodes=one, policy=policy, quorum=1).verdict == "incomplete"
    two = [*one, made.chain.node("b.example")]
    assert desk.verify(made, nodes=two, policy=policy).verdict == "pass"
    assert desk.verify(made, nodes=two, policy=policy, quorum=3).verdict == "incomplete"


@pytest.mark.parametrize("quorum", ["0", "65", '"2"', "true", "1.5", "[]"])
def test_a_policy_with_another_quorum_is_refused(quorum: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_policy(f'{{"format": "incident-archive-policy/1", "quorum": {quorum}}}'.encode())
    assert caught.value.code in ("policy.shape", "policy.not_json")


def test_all_nodes_are_asked_at_the_same_time_and_all_are_waited_for(desk: Desk) -> None:
    made = desk.publish()
    together = threading.Barrier(3, timeout=10)
    nodes = three(made)
    for node in nodes:
        inner = node.rpc.call

        def call(method: str, params: Sequence[object] = (), *, ask: Any = inner) -> Any:
            if method == "eth_chainId":
                together.wait()
            return ask(method, params)

        node.rpc.call = call  # type: ignore[method-assign]
    assert "3 of 3 nodes asked" in notes(desk.verify(made, nodes=nodes), "chain.header")


def test_a_dead_node_is_not_waited_for_again_at_the_next_anchor(desk: Desk) -> None:
    made = desk.publish()
    other = desk.publish(chain=Chain(genesis="0x" + "99" * 32))
    both = replace(made, anchors=[*made.anchors, *other.anchors])
    dead = made.chain.node("dead.example", down=True)
    desk.verify(both, nodes=[dead, made.chain.node("a.example")])
    assert dead.rpc.asked == ["eth_chainId"]  # type: ignore[attr-defined]


def test_labels_hold_no_credentials_and_tell_urls_of_one_host_apart() -> None:
    urls = ["https://user:pw@a.example/v3/SECRETKEY1", "https://a.example/v3/SECRETKEY2", "http://b.example:8545"]
    nodes = label_nodes([(url, None) for url in urls])
    assert [n.source for n in nodes] == ["https://a.example/…", "https://a.example/… (key 2)", "http://b.example:8545"]
    assert [n.place for n in nodes] == ["a.example", "a.example", "b.example:8545"]


# The code of the registry


def test_one_node_that_lies_about_the_code_does_not_sink_a_good_package(desk: Desk) -> None:
    made = desk.publish()
    assert desk.verify(made, nodes=three(made, code=b"\x00"), quorum=2).verdict == "pass"


def test_a_quorum_that_has_other_code_fails(desk: Desk) -> None:
    made = desk.publish()
    nodes = [made.chain.node(f"{n}.example", code=b"\x00" if n else None) for n in range(3)]
    assert failed(desk.verify(made, nodes=nodes, quorum=2)) == {"chain.code"}


def test_code_that_too_few_confirm_is_unchecked(desk: Desk) -> None:
    made = desk.publish()
    nodes = [made.chain.node("a.example"), made.chain.node("b.example", code=b"\x00")]
    assert statuses(desk.verify(made, nodes=nodes, quorum=2), "chain.code") == ["unchecked"]
    assert statuses(desk.verify(made, nodes=nodes, quorum=1), "chain.code") == ["unchecked"]


# Finality


@pytest.mark.parametrize(
    ("rule", "node", "status", "told"),
    [
        (12, {"more": 11}, "pass", "12 of 12 confirmations"),
        (12, {"more": 10}, "unchecked", "anchored, not final: node.example: 11 of 12 confirmations"),
        (12, {"more": 0}, "unchecked", "anchored, not final: node.example: 1 of 12 confirmations"),
        ("finalized", {"more": 5, "unfinal": 5}, "pass", "finalized, by the node's word"),
        ("finalized", {"more": 4, "unfinal": 5}, "unchecked", "1 block short of being finalized (5 confirmations)"),
        ("finalized", {"unfinal": None}, "unchecked", "the node does not tell which block is finalized"),
        (None, {"unfinal": 5}, "pass", "finalized, by the node's word"),
        (None, {"unfinal": None}, "unchecked", "which depth is final on this chain is not configured"),
    ],
)
def test_anchored_and_final_are_told_apart_with_depth_and_rule(
    desk: Desk, rule: Any, node: dict[str, Any], status: str, told: str
) -> None:
    made = desk.publish()
    chains = {97: KnownChain("bsc-testnet", Chain.genesis, rule)}
    outcome = desk.verify(made, nodes=[made.chain.node(**node)], chains=chains)
    assert statuses(outcome, "chain.final") == [status]
    assert told in notes(outcome, "chain.final")
    # By default a young anchor is no reason to refuse it; a policy may ask for more.
    assert outcome.verdict == "pass"
    strict = desk.verify(made, nodes=[made.chain.node(**node)], chains=chains, policy=_final_required())
    assert strict.verdict == ("pass" if status == "pass" else "incomplete")


def test_one_node_that_says_final_is_not_enough_for_a_quorum(desk: Desk) -> None:
    made = desk.publish()
    nodes = [made.chain.node("a.example", more=50), made.chain.node("b.example", more=2)]
    assert statuses(desk.verify(made, nodes=nodes, quorum=2), "chain.final") == ["unchecked"]
    nodes.append(made.chain.node("c.example", more=50))
    assert statuses(desk.verify(made, nodes=nodes, quorum=2), "chain.final") == ["pass"]


def test_offline_finality_is_unchecked(desk: Desk) -> None:
    outcome = desk.verify(desk.publish(), offline=True)
    assert statuses(outcome, "chain.final") == ["unchecked"]


def test_a_node_of_an_untrusted_registry_is_asked_too(desk: Desk) -> None:
    made = desk.publish()
    outcome = desk.verify(made, trust=TrustFile(), nodes=three(made), quorum=2)
    assert header(outcome).status == "pass"
    assert codec.to_hex(codec.keccak(made.chain.blocks[1000])) == header(outcome).found


def _final_required() -> Policy:
    return parse_policy(b'{"format": "incident-archive-policy/1", "require": ["chain.final"]}')


@pytest.mark.parametrize(
    ("alive", "quorum", "networks", "status"),
    [(1, 2, None, "unchecked"), (2, 2, None, "pass"), (1, None, 2, "unchecked"), (1, None, None, "unchecked")],
)
def test_that_a_revision_is_the_newest_takes_as_many_nodes_as_its_block(
    desk: Desk, alive: int, quorum: int | None, networks: int | None, status: str
) -> None:
    """One node alone, or two addresses of one host, could hide a later revision."""
    made = desk.publish()
    nodes = [made.chain.node(f"{n}.example", down=n >= alive) for n in range(3)]
    nodes += [replace(node, source=f"again {node.source}", place=node.source) for node in nodes[:1]]
    chains = {97: KnownChain("bsc-testnet", made.chain.genesis, 12, networks)}
    outcome = desk.verify(made, nodes=nodes, quorum=quorum, chains=chains)
    assert statuses(outcome, "history.current") == [status]


def test_the_networks_quorum_counts_where_no_anchor_is_on_it(desk: Desk) -> None:
    """A trusted registry elsewhere may hold a retraction or another history: its network says how many must answer."""
    made = desk.publish()
    elsewhere = Chain(chain_id=56, genesis="0x" + "56" * 32)
    other = replace(Desk.trust(elsewhere).registries[0], name="BSC")
    trust = replace(made.trust, registries=(*made.trust.registries, other))
    nodes = [made.chain.node(), Node("bsc.example", elsewhere.node().rpc, 56)]
    known = KnownChain("bsc-testnet", made.chain.genesis, 12)
    for code in ("history.retracted", "history.fork"):
        for networks, status in ((None, "pass"), (2, "unchecked")):
            chains = {97: known, 56: KnownChain("bsc", elsewhere.genesis, 12, networks)}
            outcome = desk.verify(made, nodes=nodes, trust=trust, chains=chains)
            assert statuses(outcome, code) == [status], notes(outcome, code)


def test_a_policy_is_met_by_one_anchor_and_not_by_two_together() -> None:
    """Any check of an anchor that a policy asks for, not only those that it always has."""

    def checks(anchor: int, *passing: str) -> list[Check]:
        return [Check(code, "pass", "anchor", anchor=anchor) for code in passing]

    common = [Check(code, "pass", "package") for code in ("bytes", "merkle", "content_id")]
    policy = parse_policy(b'{"format":"incident-archive-policy/1","require":["chain.code"]}')
    whole = ("anchor.log", "anchor.registry", "chain.header", "origin.publisher", "origin.trusted")
    two = [*common, *checks(0, *whole), *checks(1, "anchor.log", "anchor.registry", "chain.code")]
    _, verdict, lacking = decide(two, policy)
    assert (verdict, lacking) == ("incomplete", ("chain.code",))
    assert decide([*common, *checks(0, *whole, "chain.code")], policy)[1] == "pass"
