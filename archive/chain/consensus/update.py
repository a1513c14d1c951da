"""`archive trust update`: the sets of a trust file followed to the newest over one node or another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archive.chain.consensus.follow import Followed, follow
from archive.chain.consensus.pins import history_of, with_shipped
from archive.chain.consensus.rules import rules_of
from archive.chain.consensus.sets import PinnedSet
from archive.chain.rpc import RpcClient, identify
from archive.errors import ArchiveError, UnreachableError, UsageError

if TYPE_CHECKING:
    from archive.trust import TrustFile


@dataclass(frozen=True, slots=True)
class Updated:
    """The trust file with what was followed; `stopped` as in `Followed`."""

    trust: TrustFile
    last: PinnedSet
    steps: int
    stopped: ArchiveError | None


def update_sets(
    trust: TrustFile, urls: Sequence[str], *, limit: int, progress: Callable[[int, int], None] | None = None
) -> Updated:
    """Follow over the first node; where it fails or lies, go on over the next from where it got.

    Raises:
        UsageError: `consensus.no_rules` for a chain without known rules, `consensus.nothing_pinned`.
        ArchiveError: of the last node, when none could be asked at all.
    """
    result: Updated | None = None
    failed: ArchiveError | None = None
    for url in urls:
        steps = 0 if result is None else result.steps
        try:
            current = trust if result is None else result.trust
            done, trust_now = _over(current, url, limit - steps, progress)
        except UsageError:
            raise
        except ArchiveError as error:
            failed = error
            continue
        result = Updated(trust_now, done.last, steps + done.steps, done.stopped)
        if done.stopped is None:
            break
    if result is None:
        raise failed or UnreachableError("no node was named", code="consensus.gap")
    return result


def _over(
    trust: TrustFile, url: str, limit: int, progress: Callable[[int, int], None] | None
) -> tuple[Followed, TrustFile]:
    client = RpcClient(url)
    identity = identify(client)
    rules = rules_of(identity.chain_id, identity.genesis, trust.consensus_rules)
    if rules is None:
        raise UsageError(
            f"chain {identity.chain_id} with genesis {identity.genesis} is not one whose validators can be followed",
            code="consensus.no_rules",
            hint="name a node of BNB Smart Chain (56) or its testnet (97)",
        )
    history = history_of(with_shipped(trust.validator_sets), rules.chain_id, rules.genesis)
    done = follow(client, rules, history, limit=limit, progress=progress)
    return done, trust.with_validator_sets(rules.chain_id, rules.genesis, done.pins)
