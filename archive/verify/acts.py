"""What registries say beside the anchor: retraction, endorsements, other histories; and what a policy asks of keys.

Nothing here is proven by the bundle: it is what nodes answer about trusted registries. Sources that disagree settle
nothing, and silence is never read as "none".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from archive.package import entries
from archive.verify.actfacts import AnchoredFact, EndorsementFact, RegistryFacts, RetractionFact
from archive.verify.facts import Facts
from archive.verify.outcome import AnchorSummary, Check, Status
from archive.verify.policy import Policy

_RegistryKey = tuple[int, str, str]
_Told = tuple[RegistryFacts, EndorsementFact]
_NO_KEY: Final = (
    "the package names no publisher, and no anchor of it in a registry that you trust tells of one: there is no key to "
    "look for"
)


def check_acts(
    facts: Facts,
    policy: Policy,
    header: entries.Header | None,
    root: str | None,
    anchors: Sequence[AnchorSummary],
) -> list[Check]:
    """Every check on what trusted registries hold about this root."""
    if header is None or root is None:
        return []
    view = _View(facts, policy, header, root, anchors)
    return [
        *view.retracted(),
        *view.fork(),
        *view.endorsements(),
        *view.policy_endorsers(),
        *(check for anchor in anchors for check in view.policy_publisher(anchor)),
        *view.claims(),
    ]


@dataclass(frozen=True, slots=True)
class _View:
    facts: Facts
    policy: Policy
    header: entries.Header
    root: str
    anchors: Sequence[AnchorSummary]

    @property
    def subject(self) -> str:
        return f"{self.header.incident} revision {self.header.revision}"

    @property
    def owners(self) -> set[str]:
        """The publisher that the package names, else whoever anchored it in trusted registries."""
        if self.header.publisher is not None:
            return {self.header.publisher}
        return {anchor.proven.publisher for anchor in self.anchors if anchor.registry_name is not None}

    @property
    def answered(self) -> list[RegistryFacts]:
        return [fact for fact in self.facts.acts if fact.answered]

    def why_silent(self) -> str:
        """Why nothing is known of the registries."""
        told = [f"{fact.source}: {fact.message}" for fact in self.facts.acts if not fact.answered]
        if told:
            return "; ".join(told)
        return "offline: no registry was asked" if self.facts.offline else "no node of a trusted registry was asked"

    # ------------------------------------------------------------------------------------------------- retraction

    def retracted(self) -> list[Check]:
        told = [(fact, one) for fact in self.answered for one in fact.retractions]
        if told:
            fact, one = told[0]
            return [self._check("history.retracted", "unchecked", "not retracted", _said(one), self._note(fact, one))]
        if not self.owners:
            return [self._check("history.retracted", "unchecked", None, None, _NO_KEY)]
        if not self.answered:
            return [self._check("history.retracted", "unchecked", None, None, self.why_silent())]
        if short := self._too_few():
            return [self._check("history.retracted", "unchecked", None, None, short)]
        note = f"no retraction by the publisher in the registries that you trust, as {_sources(self.answered)} tells"
        return [self._check("history.retracted", "pass", "not retracted", "not retracted", note)]

    def _note(self, fact: RegistryFacts, one: RetractionFact) -> str:
        who = self._name(one.account)
        reason = f": “{one.reason}”" if one.reason is not None else "; the reason could not be read any more"
        own = "" if one.account in self.owners else ", a key that a succession connects with the publisher"
        return f"RETRACTED by {who}{own} on {_day(one.time)}{reason} ({fact.registry.name}, told by {fact.source})"

    # ----------------------------------------------------------------------------------------------------- quorum

    def _needed(self, key: _RegistryKey) -> int:
        """How many places must answer for a registry, by the rule of `quorum.needed`; its own database is enough."""
        here = [fact for fact in self.facts.acts if fact.registry.key == key]
        if any(fact.registry.workspace_chain for fact in here):
            return 1
        if self.facts.quorum is not None:
            return self.facts.quorum
        network = dict(self.facts.clocks.chain_quorums).get(f"eip155:{key[0]}")
        return max(1, (len(_places(here)) + 1) // 2) if network is None else network

    def _too_few(self) -> str | None:
        """Which registries were answered for by fewer places than are needed to say that something is not there."""
        registries = {fact.registry.key: fact.registry.name for fact in self.facts.acts}
        short = []
        for key, name in registries.items():
            have, need = len(_places([f for f in self.answered if f.registry.key == key])), self._needed(key)
            if have < need:
                short.append(f"{name} ({have} of {need} needed)")
        return f"too few nodes answered for {', '.join(short)}" if short else None

    # ----------------------------------------------------------------------------------------------------- forks

    def fork(self) -> list[Check]:
        """Another root with the same place in the history, in any trusted registry, by any key of the publisher."""
        forks = [
            (fact, one)
            for fact in self.answered
            for one in fact.anchors or ()
            if one.root != self.root and one.previous == self.header.previous_root
        ]
        if forks:
            agreed = {(fact.registry.key, one.root): (fact, one) for fact, one in forks}
            return [self._fork(fact, one) for fact, one in agreed.values()]
        if not self.owners:
            return [self._check("history.fork", "unchecked", None, None, _NO_KEY)]
        if not self.answered:
            return [self._check("history.fork", "unchecked", None, None, self.why_silent())]
        unclear = [text for fact in self.answered if fact.anchors is None for text in self._unclear(fact)]
        if unclear:
            return [self._check("history.fork", "unchecked", None, None, "; ".join(unclear))]
        if short := self._too_few():
            return [self._check("history.fork", "unchecked", None, None, short)]
        keys = {one.account for fact in self.answered for one in fact.anchors or ()} | self.owners
        note = (
            f"no other history of this incident in {_count(len({f.registry.key for f in self.answered}), 'registry')} "
            f"that you trust, for {_count(len(keys), 'key')} of the publisher ({_sources(self.answered)})"
        )
        return [self._check("history.fork", "pass", None, None, note)]

    def _fork(self, fact: RegistryFacts, one: AnchoredFact) -> Check:
        after = "as a first revision" if one.previous is None else f"after {one.previous}"
        note = (
            f"{self._name(one.account)} also anchored another root {after}, in {fact.registry.name} (told by "
            f"{fact.source}): two histories of one incident"
        )
        here = [f for f in self.answered if f.registry.key == fact.registry.key and f.anchors is not None]
        against = [f for f in here if all(other.root != one.root for other in f.anchors or ())]
        if against:
            note += f"; but {_sources(against)} knows nothing of it, so one of them lies or lags"
            return self._check("history.fork", "unchecked", self.root, one.root, note)
        have, need = len(_places([f for f in here if f not in against])), self._needed(fact.registry.key)
        if have < need:
            note += f"; too few nodes tell of it ({have} of {need} needed)"
            return self._check("history.fork", "unchecked", self.root, one.root, note)
        return self._check("history.fork", "fail", self.root, one.root, note)

    def _unclear(self, fact: RegistryFacts) -> list[str]:
        """Heads that are neither this revision nor the one before; in the anchor's own registry history is linear."""
        own = {
            (a.proven.chain_id, a.proven.genesis, a.proven.registry, a.proven.publisher)
            for a in self.anchors
            if a.proven.place is None
        }
        known = [self.root, *([self.header.previous_root] if self.header.previous_root else [])]
        return [
            f"{fact.registry.name} has {_count(head.ordinal, 'revision')} of {self._name(head.account)}, the newest "
            f"{head.root_prefix[:16]}…, which is neither this one nor the one before it; {fact.source} does not show "
            "the events between"
            for head in fact.heads
            if (*fact.registry.key, head.account) not in own
            and not any(root.startswith(head.root_prefix) for root in known)
        ]

    # ----------------------------------------------------------------------------------------------- endorsements

    def endorsements(self) -> list[Check]:
        checks = []
        for account, root, item in sorted(self._endorsed(), key=str):
            agreed, told = self._weigh(account, root, item)
            who = self._name(account)
            if not told:
                continue
            fact, first = next((pair for pair in told if not pair[1].stands), (agreed or told)[0])
            same = [f for f, one in told if f.registry.key == fact.registry.key and one == first]
            where = f"{fact.registry.name}, {_sources(same)}"
            if not first.stands:
                note = f"{who} endorsed it on {_day(first.time)} and withdrew that on {_day(first.withdrawn_time or 0)}"
                checks.append(self._check("origin.endorsed", "unchecked", None, account, f"{note} ({where})"))
            elif not agreed:
                note = f"the sources do not agree, or are too few, on an endorsement by {who}"
                checks.append(self._check("origin.endorsed", "unchecked", None, account, note))
            elif root == self.root:
                note = f"endorsed by {who} on {_day(first.time)} ({where})"
                checks.append(self._check("origin.endorsed", "pass", account, account, note))
            elif item is not None:
                note = f"the item {item!r} is endorsed by {who} since {_day(first.time)} ({where})"
                checks.append(self._check("origin.endorsed_item", "pass", account, account, note))
            else:
                note = (
                    f"the revision before this one was endorsed by {who} on {_day(first.time)}; that is not carried "
                    f"over to this one ({where})"
                )
                checks.append(self._check("origin.endorsed_earlier", "unchecked", self.root, root, note))
        return checks

    def _endorsed(self) -> set[tuple[str, str, str | None]]:
        return {(one.account, one.root, one.item) for fact in self.answered for one in fact.endorsements}

    def _weigh(self, account: str, root: str, item: str | None) -> tuple[list[_Told], list[_Told]]:
        """Who told of it in registries where enough say that it stands and none says otherwise; and all who told."""
        agreed: list[_Told] = []
        told: list[_Told] = []
        for key in dict.fromkeys(fact.registry.key for fact in self.answered):
            here = [fact for fact in self.answered if fact.registry.key == key]
            pairs = [(fact, self._find(fact, account, root, item)) for fact in here]
            found = [(fact, one) for fact, one in pairs if one is not None]
            told += found
            places = _places([fact for fact, one in found if one.stands])
            same = len({one for _, one in found}) == 1 and len(found) == len(here)
            if same and len(places) >= self._needed(key):
                agreed += found
        return agreed, told

    @staticmethod
    def _find(fact: RegistryFacts, account: str, root: str, item: str | None) -> EndorsementFact | None:
        wanted = (account, root, item)
        return next((one for one in fact.endorsements if (one.account, one.root, one.item) == wanted), None)

    # ----------------------------------------------------------------------------------------------------- policy

    def policy_endorsers(self) -> list[Check]:
        if not self.policy.need:
            return []
        good = []
        for key in self.policy.endorsers:
            agreed, told = self._weigh(key.address, self.root, None)
            # A withdrawal told of any trusted registry takes the key away; only an agreed time can bring it in.
            if all(one.stands for _, one in told) and any(key.covers(one.time) for _, one in agreed):
                good.append(self._name(key.address))
        count, need = len(good), self.policy.need
        status: Status = "pass" if count >= need else "unchecked"
        found = f"{count} ({', '.join(good)})" if good else "0"
        note = f"the policy asks for {need} of {len(self.policy.endorsers)} endorsers of this very root"
        if status == "unchecked" and not self.answered:
            note += f"; {self.why_silent()}"
        return [self._check("policy.endorsers", status, f"at least {need}", found, note)]

    def policy_publisher(self, anchor: AnchorSummary) -> list[Check]:
        if self.policy.publishers is None:
            return []
        proven = anchor.proven
        key = next((one for one in self.policy.publishers if one.address == proven.publisher), None)
        if key is None:
            status: Status = "fail"
            note = "the policy does not list this key as a publisher"
        elif not key.covers(proven.timestamp):
            status = "fail"
            note = f"the policy lists this key, but not for {_day(proven.timestamp)}"
        elif not anchor.of_publisher:
            status = "unchecked"
            note = "the policy lists this key, which signed nothing here: a contract that is not trusted names it"
        elif not anchor.header_agreed:
            status = "unchecked"
            note = "the policy lists this key, but the time of the anchor rests on a block that is not agreed"
        else:
            status, note = "pass", "the policy lists this key, for this time"
        found = f"{proven.publisher} at {_day(proven.timestamp)}"
        return [Check("policy.publisher", status, self.subject, None, found, note, "origin", anchor.index)]

    # ----------------------------------------------------------------------------------------------------- claims

    def claims(self) -> list[Check]:
        """What the publisher says to be elsewhere: for the reader to follow up, and never a reason to believe."""
        publishers = {anchor.proven.publisher for anchor in self.anchors}
        return [
            self._check(
                "origin.claim", "unchecked", None, claim, f"{known.name} claims {claim}; nothing here checked it"
            )
            for known in self.facts.trust.publishers
            if known.address in publishers
            for claim in known.claims
        ]

    # ------------------------------------------------------------------------------------------------------ words

    def _name(self, account: str) -> str:
        known = self.facts.trust.publisher(account)
        listed = next(
            (k.name for k in (*self.policy.endorsers, *(self.policy.publishers or ())) if k.address == account), None
        )
        name = known.name if known is not None else listed
        return account if name is None else f"{name} ({account})"

    def _check(self, code: str, status: Status, expected: str | None, found: str | None, note: str) -> Check:
        return Check(code, status, self.subject, expected, found, note, "origin")


def _said(one: RetractionFact) -> str:
    return f"retracted on {_day(one.time)}" + (f": {one.reason}" if one.reason else "")


def _places(facts: Sequence[RegistryFacts]) -> set[str]:
    return {fact.place or fact.source for fact in facts}


def _sources(facts: Sequence[RegistryFacts]) -> str:
    return ", ".join(dict.fromkeys(fact.source for fact in facts))


def _day(time: int) -> str:
    try:
        return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (OverflowError, ValueError, OSError):
        return f"{time} seconds after 1970"


def _count(number: int, noun: str) -> str:
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun[:-1]}ies" if noun.endswith("y") and noun != "key" else f"{number} {noun}s"
