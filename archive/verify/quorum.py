"""k of n: what several nodes say about one thing, weighed. No answer wins by being the first or by being alone.

A value stands when at least `need` different places gave it, and no other value has that many. Two URLs of one host are
one place: whoever runs it can lie through both. Rules, in this order:

| the expected value | another value | result |
| --- | --- | --- |
| has a quorum | has none | `pass`; who differs, lags or does not answer is named and not counted |
| has none | has a quorum | `fail` |
| has a quorum | has a quorum | `unchecked`: two quorums contradict each other, and nobody here can say which lies |
| has none | has none | `unchecked`: the quorum was not reached |

The workspace's own chain, and signatures of validators that the reader pinned, are a quorum of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar

from archive.verify.facts import AnchorFacts, BlockClaim, CodeAnswer, Facts, HeaderAnswer
from archive.verify.outcome import Agreement, Check, HeaderGrade, Status

_Answer = TypeVar("_Answer", HeaderAnswer, CodeAnswer)
_NOT_A_NODE_OF_IT: Final = ("wrong_chain",)


def needed(asked: AnchorFacts, facts: Facts) -> int:
    """How many places must agree: what the reader asked for, else the network's setting, else half of those asked."""
    if facts.quorum is not None:
        return facts.quorum
    if asked.quorum is not None:
        return asked.quorum
    return max(1, (len(_places(_nodes(asked))) + 1) // 2)


def check_header(
    subject: str, index: int | None, proven: BlockClaim, asked: AnchorFacts, facts: Facts
) -> tuple[list[Check], Agreement]:
    """`chain.header`: whether the block of the anchor is in the chain; `chain.node` names who did not confirm it."""
    nodes, need = _nodes(asked), needed(asked, facts)
    own = [a for a in asked.headers if a.kind != "rpc"]
    same = [a for a in nodes if a.outcome == "same"]
    other = [a for a in nodes if a.outcome == "other"]
    largest = _largest_group(other)
    holds = any(a.outcome == "same" for a in own) or len(_places(same)) >= need
    denied = any(a.outcome == "other" for a in own) or len(_places(largest)) >= need
    found: str | None
    if holds and not denied:
        status: Status = "pass"
        found, note = proven.block_hash, _agreed_note(own, same, nodes, need)
    elif denied and not holds:
        against = largest or [a for a in own if a.outcome == "other"]
        status, found = "fail", against[0].found
        note = (
            f"{_names(against)}: another block stands at height {proven.block_number}. If the anchor was not final, "
            "the chain may have dropped it since: ask the publisher for a new proof bundle"
        )
    elif holds and denied:
        status, found = "unchecked", largest[0].found if largest else None
        agree = _names([*same, *(a for a in own if a.outcome == "same")])
        note = f"the sources disagree: {agree} has this block, {_names(largest)} another; one of the two lies"
    else:
        status, found, note = "unchecked", other[0].found if other else None, _short_note(proven, asked, facts, need)
    checks = [Check("chain.header", status, subject, proven.block_hash, found, note, "time", index)]
    checks += _dissent(subject, index, proven, asked, told=len(nodes) > 1 or status == "pass")
    agreement = Agreement(
        status=status,
        grade=_grade(own, same) if status == "pass" else None,
        agreed=len(_places(same)),
        asked=len(_places(nodes)),
        needed=need,
    )
    return checks, agreement


def check_code(
    subject: str, index: int | None, code_hash: str | None, asked: AnchorFacts, facts: Facts, trusted: str | None
) -> list[Check]:
    """`chain.code`: whether the registry's code is the one trusted, by the state proof, else by a quorum of nodes.

    Args:
        code_hash: what the state proof shows, None without one.
        trusted: what the trust file says, None where it does not name the registry: then there is no check.
    """
    if trusted is None:
        return []

    def result(status: Status, found: str | None, note: str) -> list[Check]:
        return [Check("chain.code", status, subject, trusted, found, note, "time", index)]

    if code_hash is not None:
        good = code_hash == trusted
        is_it = "the one" if good else "not the one"
        note = f"by the state proof, the registry's code at this block is {is_it} trusted"
        return result("pass" if good else "fail", code_hash, note)
    known = [a for a in asked.codes if a.code_hash is not None]
    if not asked.codes:
        return []
    if not known:
        return result("unchecked", None, "; ".join(f"{a.source}: {a.message}" for a in asked.codes))
    need = needed(asked, facts)
    same = [a for a in known if a.code_hash == trusted]
    other = _largest_group([a for a in known if a.code_hash != trusted])
    holds, denied = len(_places(same)) >= need, len(_places(other)) >= need
    if holds and not denied:
        return result("pass", trusted, f"{_names(same)}: the contract at the registry's address is the one trusted")
    if denied and not holds:
        note = f"{_names(other)}: the contract at the registry's address is not the one trusted"
        return result("fail", other[0].code_hash, note)
    found = other[0].code_hash if other else None
    if holds:
        return result("unchecked", found, f"the sources disagree about the registry's code: {_names(known)}")
    return result("unchecked", found, f"{len(_places(same))} of {need} needed have the trusted code: {_names(known)}")


def check_final(
    subject: str, index: int | None, asked: AnchorFacts, facts: Facts, agreement: Agreement, *, signed: bool
) -> list[Check]:
    """`chain.final`: whether the anchor can still be reorganised away. Never `fail`: a young anchor is no wrong one."""
    rule = asked.rule

    def result(status: Status, found: str | None, note: str) -> list[Check]:
        expected = f"{rule} confirmations" if isinstance(rule, int) else rule
        return [Check("chain.final", status, subject, expected, found, note, "time", index)]

    if signed:
        return result("pass", "signed by validators", "the votes in the bundle make the block final")
    if agreement.grade == "workspace":
        return result("pass", "own chain", "the chain inside this workspace never drops a block")
    same = [a for a in asked.headers if a.kind == "rpc" and a.outcome == "same" and a.number is not None]
    if agreement.status != "pass" or not same:
        why = "offline: " if facts.offline else ""
        return result("unchecked", None, f"{why}not known: no source agreed that the block is in the chain")
    final = [a for a in same if _is_final(a, rule)]
    told = "; ".join(f"{a.source}: {_depth(a, rule)}" for a in same)
    if len(_places(final)) >= agreement.needed:
        return result("pass", _depth(final[0], rule), f"final: {told}")
    if rule is None:
        return result(
            "unchecked", _depth(same[0], rule), f"{told}; which depth is final on this chain is not configured"
        )
    return result("unchecked", _depth(same[0], rule), f"anchored, not final: {told}")


def _is_final(answer: HeaderAnswer, rule: int | str | None) -> bool:
    number = answer.number or 0
    if isinstance(rule, int):
        return answer.head is not None and answer.head - number + 1 >= rule
    # Where nothing is configured a node's own tag is what there is.
    return answer.finalized is not None and answer.finalized >= number


def _depth(answer: HeaderAnswer, rule: int | str | None) -> str:
    number = answer.number or 0
    have = max(0, answer.head - number + 1) if answer.head is not None else 0
    if isinstance(rule, int):
        return f"{have} of {rule} confirmations"
    if answer.finalized is None:
        return f"{have} confirmations, and the node does not tell which block is finalized"
    if answer.finalized >= number:
        return f"finalized, by the node's word ({have} confirmations)"
    short = number - answer.finalized
    return f"{short} block{'' if short == 1 else 's'} short of being finalized ({have} confirmations)"


def _nodes(asked: AnchorFacts) -> list[HeaderAnswer]:
    """The nodes of this chain. One that is on another chain altogether is none of them."""
    return [a for a in asked.headers if a.kind == "rpc" and a.outcome not in _NOT_A_NODE_OF_IT]


def _places(answers: Sequence[HeaderAnswer | CodeAnswer]) -> set[str]:
    return {a.place or a.source for a in answers}


def _names(answers: Sequence[HeaderAnswer | CodeAnswer]) -> str:
    return ", ".join(dict.fromkeys(a.source for a in answers))


def _largest_group(answers: Sequence[_Answer]) -> list[_Answer]:
    """Those that say the same other thing, of the thing that most places say."""
    groups: dict[str | None, list[_Answer]] = {}
    for answer in answers:
        groups.setdefault(answer.value, []).append(answer)
    return max(groups.values(), key=lambda group: len(_places(group)), default=[])


def _agreed_note(
    own: Sequence[HeaderAnswer], same: Sequence[HeaderAnswer], nodes: Sequence[HeaderAnswer], need: int
) -> str:
    sources = [a for a in own if a.outcome == "same"]
    note = f"agreed by {_names([*sources, *same])}"
    if len(_places(nodes)) > 1:
        note += f" ({len(_places(same))} of {len(_places(nodes))} nodes asked, {need} needed)"
    return note


def _short_note(proven: BlockClaim, asked: AnchorFacts, facts: Facts, need: int) -> str:
    answered = [a for a in asked.headers if a.outcome in ("same", "other")]
    if answered:
        same = [a for a in _nodes(asked) if a.outcome == "same"]
        has = f": {_names(same)}" if same else ""
        return (
            f"the quorum was not reached: {len(_places(same))} of {need} needed have this block{has}, of "
            f"{len(_places(_nodes(asked)))} asked"
        )
    if asked.headers:
        return "; ".join(_no_answer(a, proven) for a in asked.headers)
    if facts.offline:
        return "offline: no node was asked whether this block is in the chain"
    return f"no node of chain {proven.chain_id} is configured; name one with --rpc URL"


def _dissent(subject: str, index: int | None, proven: BlockClaim, asked: AnchorFacts, *, told: bool) -> list[Check]:
    """Each node that did not confirm the block, by its label and with what is wrong with it."""
    if not told:
        return []
    return [
        Check(
            "chain.node",
            "unchecked",
            subject,
            proven.block_hash,
            answer.found,
            f"{_no_answer(answer, proven)}; it was not counted",
            "time",
            index,
        )
        for answer in asked.headers
        if answer.kind == "rpc" and answer.outcome not in ("same", "other_history")
    ]


def _no_answer(answer: HeaderAnswer, proven: BlockClaim) -> str:
    what = {
        "same": "has this block",
        "other": f"lies, or is on another branch: it has another block at height {proven.block_number}",
        "other_log": "has the block and tells another receipt of the transaction than the one proven in it: it lies",
        "absent": f"has no block at height {proven.block_number}",
        "behind": f"has no block at height {proven.block_number} yet: it lags, its newest is {answer.found}",
        "unreachable": f"could not be asked ({answer.found or 'no answer'})",
        "wrong_chain": f"is on another chain ({answer.found})",
        "other_history": "is on a chain of the same number with another history",
        "bad_answer": f"gave an answer that makes no sense ({answer.found})",
    }[answer.outcome]
    return f"{answer.source} {what}"


def _grade(own: Sequence[HeaderAnswer], same: Sequence[HeaderAnswer]) -> HeaderGrade | None:
    """What the block's place in the chain rests on, the strongest of what there is."""
    kinds = [a.kind for a in own if a.outcome == "same"]
    if "consensus" in kinds:
        return "consensus"
    if same:
        return "rpcs" if len(_places(same)) > 1 else "rpc"
    return "workspace" if kinds else None
