"""Is this the newest revision, and does the same publisher claim another root for it?"""

from __future__ import annotations

from collections.abc import Sequence, Set

from archive.chain.succession import keys_of
from archive.package import entries
from archive.verify.facts import AnchorFacts, Facts, HistoryAnswer
from archive.verify.outcome import AnchorSummary, Check
from archive.verify.quorum import needed


def check_history(
    facts: Facts, header: entries.Header | None, root: str | None, anchors: Sequence[AnchorSummary], *, signed: Set[str]
) -> list[Check]:
    """Other revisions and roots of the same publisher.

    `signed`: the keys that provably anchored exactly this root. Only they can have published two roots: a bundle that
    somebody altered, or anchored under another's name, accuses nobody.
    """
    if header is None or root is None:
        return []
    subject = f"{header.incident} revision {header.revision}"
    publishers = {a.proven.publisher for a in anchors} | ({header.publisher} if header.publisher else set())
    publishers |= {key for publisher in publishers for key in keys_of(facts.trust.successions, publisher)}
    mine = [o for o in facts.others if o.incident == header.incident and o.publisher in publishers and o.root != root]
    signers = {key for publisher in signed for key in (publisher, *keys_of(facts.trust.successions, publisher))}
    checks = [
        Check(
            "history.two_roots",
            "fail",
            subject,
            root,
            other.root,
            f"the same publisher put out another package as revision {other.revision} ({other.source})",
            "origin",
        )
        for other in mine
        if other.revision == header.revision and other.publisher in signers
    ]
    checks += [
        Check(
            "history.two_roots",
            "fail",
            subject,
            f"at most {header.revision}",
            str(anchor.proven.ordinal),
            f"the registry counts this as anchor {anchor.proven.ordinal} of the publisher and incident, so an earlier "
            "one claims the same revision",
            "origin",
        )
        for anchor in anchors
        # Anybody can deploy a registry that counts as it likes.
        if anchor.registry_name is not None and anchor.proven.root == root and anchor.proven.ordinal > header.revision
    ]
    checks += [
        Check("history.other_bundle", "unchecked", f.name, None, f.code, f.message, "origin") for f in facts.bad_bundles
    ]
    # A contract that nobody trusts can tell of any newest revision.
    trusted = {anchor.index for anchor in anchors if anchor.registry_name is not None}
    told = [asked for asked in facts.anchors if asked.index in trusted]
    answers = [answer for asked in told for answer in asked.history]
    own = [
        HistoryAnswer(fact.source, root.startswith(head.root_prefix), head.root_prefix, head.ordinal)
        for fact in facts.acts
        if fact.registry.workspace_chain
        for head in fact.heads
        if head.account in publishers and not (header.previous_root or "").startswith(head.root_prefix)
    ]
    answers += own
    newer = [a for a in answers if a.current is False]
    later = [o for o in mine if o.revision > header.revision]
    if newer or later:
        found = later[0].root if later else f"{newer[0].head}…"
        source = later[0].source if later else newer[0].source
        note = f"superseded: the publisher put out a later revision ({source}). This one stays what it was"
        checks.append(Check("history.current", "unchecked", subject, root, found, note, "origin"))
        checks.append(Check("history.superseded", "unchecked", subject, root, found, note, "origin"))
    elif any(a.current for a in answers) and (short := _too_few(facts, told, own)):
        checks.append(Check("history.current", "unchecked", subject, root, None, short, "origin"))
    elif any(a.current for a in answers):
        sources = ", ".join(a.source for a in answers if a.current)
        note = f"the newest revision in the registry ({sources}); other registries and keys were not looked at"
        checks.append(Check("history.current", "pass", subject, root, root, note, "origin"))
    else:
        why = "; ".join(f"{a.source}: {a.message}" for a in answers if a.message)
        why = why or ("no node was asked" if told or not facts.anchors else "no node of a trusted registry was asked")
        checks.append(Check("history.current", "unchecked", subject, root, None, why, "origin"))
    return checks


def _too_few(facts: Facts, told: Sequence[AnchorFacts], own: Sequence[HistoryAnswer]) -> str | None:
    """Why those who call a revision the newest are too few, by the rule for its block; one's own chain is enough."""
    if any(answer.current for answer in own):
        return None
    counts = []
    for asked in told:
        have = len({answer.place or answer.source for answer in asked.history if answer.current})
        need = needed(asked, facts)
        if have >= need:
            return None
        counts.append(f"{have} of {need} needed")
    return f"too few nodes tell that this is the newest revision ({'; '.join(counts)})"
