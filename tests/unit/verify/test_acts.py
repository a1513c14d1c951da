"""What trusted registries hold beside the anchor: retractions, endorsements, forks; policies of keys; successions."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from archive.chain.succession import Succession
from archive.errors import InvalidInputError
from archive.trust import TrustedPublisher
from archive.verify.askacts import ask_acts
from archive.verify.nodes import KnownChain
from archive.verify.outcome import Outcome
from archive.verify.policy import MAX_KEYS, Policy, PolicyKey, parse_policy
from archive.verify.report import closing
from tests.unit.verify.simulator import (
    BLOCK_TIME,
    KEY,
    STRANGER,
    Chain,
    Desk,
    Publication,
    address,
    failed,
    statuses,
)

PUBLISHER, OTHER = address(KEY), address(STRANGER)


def trusting(published: Publication, *keys: tuple[str, str]) -> Any:
    more = tuple(TrustedPublisher(key, name) for key, name in keys)
    return replace(published.trust, publishers=(*published.trust.publishers, *more))


def notes(outcome: Outcome, code: str) -> list[str]:
    return [check.note or "" for check in outcome.checks if check.code == code]


# --- retractions


def test_none_is_told_only_after_asking(desk: Desk) -> None:
    published = desk.publish()
    assert statuses(desk.verify(published), "history.retracted") == ["pass"]
    assert statuses(desk.verify(published, offline=True), "history.retracted") == ["unchecked"]
    down = [published.chain.node(down=True)]
    assert statuses(desk.verify(published, nodes=down), "history.retracted") == ["unchecked"]


def test_a_retracted_package_verifies_and_says_so(desk: Desk) -> None:
    published = desk.publish()
    published.chain.retract(PUBLISHER, published.package.root, "rows were misread")
    outcome = desk.verify(published, nodes=[published.chain.node(keeps_logs=True)])
    assert outcome.verdict == "pass"
    assert statuses(outcome, "history.retracted") == ["unchecked"]
    assert "rows were misread" in notes(outcome, "history.retracted")[0]
    assert any("rows were misread" in text for text in closing(outcome))


def test_a_retraction_stands_without_its_reason(desk: Desk) -> None:
    published = desk.publish()
    published.chain.retract(PUBLISHER, published.package.root, "rows were misread", kept=False)
    outcome = desk.verify(published)
    assert "the reason could not be read" in notes(outcome, "history.retracted")[0]


def test_a_reason_that_does_not_fit_its_tag_is_not_shown(desk: Desk) -> None:
    published = desk.publish()
    published.chain.retract(PUBLISHER, published.package.root, "true reason", kept=False)
    kept = dict(published.chain.acts)
    published.chain.retract(PUBLISHER, published.package.root, "false reason")
    published.chain.acts = kept
    outcome = desk.verify(published, nodes=[published.chain.node(keeps_logs=True)])
    assert "false reason" not in notes(outcome, "history.retracted")[0]


def test_a_stranger_cannot_retract(desk: Desk) -> None:
    published = desk.publish()
    published.chain.retract(OTHER, published.package.root, "not mine")
    assert statuses(desk.verify(published), "history.retracted") == ["pass"]


def test_flags_that_are_not_known_are_refused(desk: Desk) -> None:
    published = desk.publish()
    published.chain.acts[(4, PUBLISHER, bytes.fromhex(published.package.root))] = 0x80
    assert statuses(desk.verify(published), "history.retracted") == ["unchecked"]


def test_a_registry_that_is_not_trusted_is_not_asked(desk: Desk) -> None:
    published = desk.publish()
    published.chain.retract(PUBLISHER, published.package.root, "x")
    outcome = desk.verify(published, trust=replace(published.trust, registries=()))
    assert statuses(outcome, "history.retracted") == ["unchecked"]
    assert "RETRACTED" not in notes(outcome, "history.retracted")[0]


@pytest.mark.parametrize(
    ("places", "quorum", "status"),
    [
        (("a",), 2, "unchecked"),
        (("a", "b"), 2, "pass"),
        (("a", "a"), 2, "unchecked"),
        (("a", "down", "down2"), None, "unchecked"),
        (("a", "b", "down"), None, "pass"),
    ],
)
@pytest.mark.parametrize("code", ["history.retracted", "history.fork"])
def test_nothing_there_needs_a_quorum(
    desk: Desk, places: tuple[str, ...], quorum: int | None, status: str, code: str
) -> None:
    published = desk.publish()
    nodes = [published.chain.node(where, down=where.startswith("down"), keeps_logs=True) for where in places]
    outcome = desk.verify(published, nodes=nodes, quorum=quorum)
    assert statuses(outcome, code) == [status]
    if status == "unchecked":
        assert "too few nodes" in notes(outcome, code)[0]


@pytest.mark.parametrize("code", ["history.retracted", "history.fork"])
def test_nothing_there_needs_a_quorum_in_every_registry(desk: Desk, code: str) -> None:
    published = desk.publish()
    chain, trust = elsewhere(published)
    here = [published.chain.node(where, keeps_logs=True) for where in ("a", "b")]
    there = [chain.node(where, keeps_logs=True) for where in ("c", "d")]
    assert statuses(desk.verify(published, nodes=[*here, *there], trust=trust, quorum=2), code) == ["pass"]
    outcome = desk.verify(published, nodes=[*here, *there[:1]], trust=trust, quorum=2)
    assert statuses(outcome, code) == ["unchecked"]
    assert "Another registry (1 of 2 needed)" in notes(outcome, code)[0]


def test_the_networks_quorum_is_needed_for_nothing_there(desk: Desk) -> None:
    published = desk.publish()
    chains = {97: KnownChain("bsc-testnet", Chain.genesis, 12, 2)}
    assert statuses(desk.verify(published, chains=chains), "history.retracted") == ["unchecked"]


def test_a_retraction_that_one_node_tells_is_shown(desk: Desk) -> None:
    published = desk.publish()
    published.chain.retract(PUBLISHER, published.package.root, "rows were misread")
    outcome = desk.verify(published, nodes=[published.chain.node("a"), published.chain.node("b", storage={})], quorum=2)
    assert statuses(outcome, "history.retracted") == ["unchecked"]
    assert "RETRACTED" in notes(outcome, "history.retracted")[0]


# --- endorsements and policies


def test_an_endorsement_by_a_known_key_is_shown(desk: Desk) -> None:
    published = desk.publish()
    published.chain.endorse(OTHER, published.package.root)
    outcome = desk.verify(published, trust=trusting(published, (OTHER, "A lab")))
    assert statuses(outcome, "origin.endorsed") == ["pass"]
    assert "A lab" in notes(outcome, "origin.endorsed")[0]
    assert statuses(desk.verify(published), "origin.endorsed") == []


def test_a_withdrawn_endorsement_does_not_count(desk: Desk) -> None:
    published = desk.publish()
    published.chain.endorse(OTHER, published.package.root, withdrawn=BLOCK_TIME + 60)
    outcome = desk.verify(published, trust=trusting(published, (OTHER, "A lab")))
    assert statuses(outcome, "origin.endorsed") == ["unchecked"]


def test_endorsements_of_revision_1_are_not_carried_over_to_revision_2(desk: Desk) -> None:
    first = desk.publish()
    second = desk.publish(revision=2, previous=first.package.root)
    first.chain.endorse(OTHER, first.package.root)
    policy = Policy((*Policy().required, "policy.endorsers"), endorsers=(PolicyKey(OTHER),), need=1)
    outcome = desk.verify(second, trust=trusting(second, (OTHER, "A lab")), policy=policy)
    assert statuses(outcome, "origin.endorsed") == []
    assert statuses(outcome, "origin.endorsed_earlier") == ["unchecked"]
    assert (outcome.verdict, outcome.lacking) == ("incomplete", ("policy.endorsers",))


def test_items_are_endorsed_one_by_one(desk: Desk) -> None:
    from archive.package.entries import leaf_hash

    published = desk.publish()
    item = next(entry for entry in published.package.entries if getattr(entry, "id", None) == "prices-csv")
    published.chain.endorse(OTHER, leaf_hash(item).hex())
    outcome = desk.verify(published, trust=trusting(published, (OTHER, "A lab")))
    assert statuses(outcome, "origin.endorsed_item") == ["pass"]
    assert statuses(outcome, "origin.endorsed") == []


def test_one_node_that_says_otherwise_takes_the_endorsement_away(desk: Desk) -> None:
    published = desk.publish()
    published.chain.endorse(OTHER, published.package.root)
    nodes = [published.chain.node("honest"), published.chain.node("lying", storage={})]
    outcome = desk.verify(published, nodes=nodes, trust=trusting(published, (OTHER, "A lab")))
    assert statuses(outcome, "origin.endorsed") == ["unchecked"]


def test_a_quorum_is_asked_of_endorsements_too(desk: Desk) -> None:
    published = desk.publish()
    published.chain.endorse(OTHER, published.package.root)
    outcome = desk.verify(published, trust=trusting(published, (OTHER, "A lab")), quorum=2)
    assert statuses(outcome, "origin.endorsed") == ["unchecked"]


@pytest.mark.parametrize(
    ("need", "made", "window", "verdict"),
    [
        (1, 1, (None, None), "pass"),
        (2, 1, (None, None), "incomplete"),
        (2, 2, (None, None), "pass"),
        (1, 1, (BLOCK_TIME, BLOCK_TIME), "pass"),
        (1, 1, (BLOCK_TIME + 1, None), "incomplete"),
        (1, 1, (None, BLOCK_TIME - 1), "incomplete"),
    ],
)
def test_k_of_n_endorsers(desk: Desk, need: int, made: int, window: tuple[Any, Any], verdict: str) -> None:
    published = desk.publish()
    keys = [OTHER, "0x" + "ab" * 20, "0x" + "cd" * 20]
    for key in keys[:made]:
        published.chain.endorse(key, published.package.root)
    policy = Policy(
        (*Policy().required, "policy.endorsers"), endorsers=tuple(PolicyKey(k, None, *window) for k in keys), need=need
    )
    outcome = desk.verify(published, policy=policy, trust=trusting(published, *((k, k[-4:]) for k in keys)))
    assert outcome.verdict == verdict


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(
    ("alone", "agreed", "withdrawn", "verdict"),
    [(0, 100, None, "incomplete"), (100, 0, None, "pass"), (0, 0, 60, "incomplete")],
)
def test_only_an_agreed_endorsement_is_held_against_the_window(
    desk: Desk, alone: int, agreed: int, withdrawn: int | None, verdict: str, reverse: bool
) -> None:
    """One node tells of the first registry (`alone`), two of the second; the window ends at 50 seconds."""
    published = desk.publish()
    chain, trust = elsewhere(published)
    trust = replace(trust, publishers=(*trust.publishers, TrustedPublisher(OTHER, "A lab")))
    if reverse:
        trust = replace(trust, registries=trust.registries[::-1])
    gone = None if withdrawn is None else BLOCK_TIME + withdrawn
    chain.endorse(OTHER, published.package.root, BLOCK_TIME + alone, gone)
    published.chain.endorse(OTHER, published.package.root, BLOCK_TIME + agreed)
    nodes = [chain.node("a"), published.chain.node("b"), published.chain.node("c")]
    policy = Policy(
        (*Policy().required, "policy.endorsers"), endorsers=(PolicyKey(OTHER, None, None, BLOCK_TIME + 50),), need=1
    )
    outcome = desk.verify(published, nodes=nodes, trust=trust, policy=policy, quorum=2)
    assert outcome.verdict == verdict
    assert statuses(outcome, "policy.endorsers") == ["pass" if verdict == "pass" else "unchecked"]


def test_every_key_that_a_policy_may_list_is_asked_for(desk: Desk) -> None:
    published = desk.publish()
    listed = [f"0x{number:040x}" for number in range(1, MAX_KEYS + 1)]
    published.chain.endorse(listed[-1], published.package.root)
    (facts,) = ask_acts(published.bundle(), [published.chain.node()], published.trust, None, listed)
    assert [one.account for one in facts.endorsements] == [listed[-1]]


def test_the_policy_fails_closed_offline(desk: Desk) -> None:
    published = desk.publish()
    published.chain.endorse(OTHER, published.package.root)
    policy = Policy((*Policy().required, "policy.endorsers"), endorsers=(PolicyKey(OTHER),), need=1)
    outcome = desk.verify(published, policy=policy, offline=True)
    assert outcome.verdict == "incomplete"
    assert "policy.endorsers" in outcome.lacking


@pytest.mark.parametrize(
    ("key", "verdict"),
    [
        (PolicyKey(PUBLISHER), "pass"),
        (PolicyKey(PUBLISHER, "The publisher", BLOCK_TIME, BLOCK_TIME + 10_000), "pass"),
        (PolicyKey(PUBLISHER, None, BLOCK_TIME + 10_000, None), "fail"),
        (PolicyKey(PUBLISHER, None, None, BLOCK_TIME), "fail"),
        (PolicyKey(OTHER), "fail"),
    ],
)
def test_a_policy_names_publishers_and_when_they_count(desk: Desk, key: PolicyKey, verdict: str) -> None:
    policy = Policy((*Policy().required, "policy.publisher"), publishers=(key,))
    outcome = desk.verify(desk.publish(), policy=policy)
    assert outcome.verdict == verdict
    assert failed(outcome) == ({"policy.publisher"} if verdict == "fail" else set())


KEYS = {"keys": [{"address": PUBLISHER, "from": "2026-01-01T00:00:00Z", "until": None}], "need": 1}


def test_a_policy_file_is_read(desk: Desk) -> None:
    value = {"format": "incident-archive-policy/1", "publishers": KEYS["keys"], "endorsers": KEYS}
    policy = parse_policy(json.dumps(value).encode())
    assert policy.required[-2:] == ("policy.publisher", "policy.endorsers")
    assert policy.endorsers == (PolicyKey(PUBLISHER, None, 1_767_225_600, None),)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"endorsers": {**KEYS, "need": 2}}, "policy.shape"),
        ({"endorsers": {**KEYS, "need": 0}}, "policy.shape"),
        ({"endorsers": {**KEYS, "need": True}}, "policy.shape"),
        ({"endorsers": {"keys": KEYS["keys"]}}, "policy.shape"),
        ({"endorsers": {"keys": [], "need": 1}}, "policy.shape"),
        ({"publishers": []}, "policy.shape"),
        ({"publishers": [{"address": PUBLISHER}, {"address": PUBLISHER}]}, "policy.shape"),
        ({"publishers": [{"address": PUBLISHER.upper()}]}, "policy.shape"),
        ({"publishers": [{"address": PUBLISHER, "weight": 2}]}, "policy.unknown_key"),
        ({"publishers": [{"address": PUBLISHER, "from": "2026-02-30T00:00:00Z"}]}, "policy.shape"),
        ({"publishers": [{"address": PUBLISHER, "from": "2026-01-01"}]}, "policy.shape"),
        ({"publishers": [{"address": PUBLISHER, "name": "a\u001bb"}]}, "policy.shape"),
        ({"endorsers": KEYS, "waive": ["policy.endorsers"]}, "policy.shape"),
        ({"witnesses": KEYS}, "policy.unknown_key"),
    ],
)
def test_policy_files_that_are_refused(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_policy(json.dumps({"format": "incident-archive-policy/1", **changes}).encode())
    assert caught.value.code == code


# --- forks


def elsewhere(published: Publication, trust_as: str = "Another registry") -> tuple[Chain, Any]:
    """Another chain with a registry that is trusted too."""
    chain = Chain(chain_id=56, genesis="0x" + "56" * 32)
    there = replace(published.trust.registries[0], name=trust_as, chain_id=56, genesis=chain.genesis)
    return chain, replace(published.trust, registries=(*published.trust.registries, there))


def test_another_history_in_another_trusted_registry_is_a_fork(desk: Desk) -> None:
    published = desk.publish()
    chain, trust = elsewhere(published)
    desk.publish({"evidence/prices.csv": b"another story\n"}, chain=chain)
    nodes = [published.chain.node(keeps_logs=True), chain.node("other.example", keeps_logs=True)]
    outcome = desk.verify(published, nodes=nodes, trust=trust)
    assert outcome.verdict == "fail"
    assert failed(outcome) == {"history.fork"}


def test_without_events_a_head_that_does_not_fit_is_unchecked(desk: Desk) -> None:
    published = desk.publish()
    chain, trust = elsewhere(published)
    desk.publish({"evidence/prices.csv": b"another story\n"}, chain=chain)
    outcome = desk.verify(published, nodes=[published.chain.node(), chain.node("other.example")], trust=trust)
    assert outcome.verdict == "pass"
    assert statuses(outcome, "history.fork") == ["unchecked"]


def test_the_same_root_elsewhere_is_no_fork(desk: Desk) -> None:
    published = desk.publish()
    chain, trust = elsewhere(published)
    desk.publish(chain=chain)
    nodes = [published.chain.node(keeps_logs=True), chain.node("other.example", keeps_logs=True)]
    assert statuses(desk.verify(published, nodes=nodes, trust=trust), "history.fork") == ["pass"]


def test_one_node_alone_against_another_shows_no_fork(desk: Desk) -> None:
    published = desk.publish()
    chain, trust = elsewhere(published)
    empty = Chain(chain_id=56, genesis=chain.genesis)
    desk.publish({"evidence/prices.csv": b"another story\n"}, chain=chain)
    nodes = [chain.node("lying", keeps_logs=True), empty.node("honest", keeps_logs=True)]
    outcome = desk.verify(published, nodes=[published.chain.node(keeps_logs=True), *nodes], trust=trust)
    assert statuses(outcome, "history.fork") == ["unchecked"]
    assert outcome.verdict == "pass"


def test_a_fork_that_fewer_nodes_than_the_quorum_tell_of_sinks_nothing(desk: Desk) -> None:
    published = desk.publish()
    chain, trust = elsewhere(published)
    desk.publish({"evidence/prices.csv": b"another story\n"}, chain=chain)
    here = [published.chain.node(name, keeps_logs=True) for name in ("a", "b")]
    there = [chain.node(name, keeps_logs=True) for name in ("c", "d")]
    outcome = desk.verify(published, nodes=[*here, there[0]], trust=trust, quorum=2)
    assert statuses(outcome, "history.fork") == ["unchecked"]
    assert outcome.verdict == "pass"
    assert failed(desk.verify(published, nodes=[*here, *there], trust=trust, quorum=2)) == {"history.fork"}


def test_another_publishers_history_is_no_fork(desk: Desk) -> None:
    published = desk.publish()
    chain, trust = elsewhere(published)
    desk.publish({"evidence/prices.csv": b"another story\n"}, chain=chain, key=STRANGER)
    nodes = [published.chain.node(keeps_logs=True), chain.node("other.example", keeps_logs=True)]
    assert statuses(desk.verify(published, nodes=nodes, trust=trust), "history.fork") == ["pass"]


# --- succession and claims


def test_a_signed_succession_carries_trust_on(desk: Desk) -> None:
    published = desk.publish(key=STRANGER)
    old = replace(published.trust, publishers=(TrustedPublisher(PUBLISHER, "The publisher"),))
    assert statuses(desk.verify(published, trust=old), "origin.trusted") == ["unchecked"]
    followed = replace(old, successions=(Succession(PUBLISHER, OTHER, "2026-01-01T00:00:00Z"),))
    outcome = desk.verify(published, trust=followed)
    assert statuses(outcome, "origin.trusted") == ["pass"]
    assert outcome.verdict == "pass"


def test_a_succession_is_not_followed_backwards(desk: Desk) -> None:
    published = desk.publish(key=STRANGER)
    trust = replace(
        published.trust,
        publishers=(TrustedPublisher(PUBLISHER, "The publisher"),),
        successions=(Succession(OTHER, PUBLISHER, "2026-01-01T00:00:00Z"),),
    )
    assert statuses(desk.verify(published, trust=trust), "origin.trusted") == ["unchecked"]


def test_forks_are_looked_for_over_all_keys_of_a_publisher(desk: Desk) -> None:
    published = desk.publish()
    chain, trust = elsewhere(published)
    desk.publish({"evidence/prices.csv": b"another story\n"}, chain=chain, key=STRANGER)
    trust = replace(trust, successions=(Succession(PUBLISHER, OTHER, "2026-01-01T00:00:00Z"),))
    nodes = [published.chain.node(keeps_logs=True), chain.node("other.example", keeps_logs=True)]
    assert failed(desk.verify(published, nodes=nodes, trust=trust)) == {"history.fork"}


def test_identity_claims_are_shown_as_unverified(desk: Desk) -> None:
    published = desk.publish()
    known = replace(published.trust.publishers[0], claims=("dns:example.org",))
    outcome = desk.verify(published, trust=replace(published.trust, publishers=(known,)))
    assert statuses(outcome, "origin.claim") == ["unchecked"]
    assert "nothing here checked it" in notes(outcome, "origin.claim")[0]
    assert outcome.verdict == "pass"
