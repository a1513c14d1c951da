"""One anchor: its proof, its log against the package, registry, block and publisher against what is trusted."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from archive.bundle import JsonObject
from archive.chain import batch, proofs, registry
from archive.chain.succession import line_to
from archive.errors import InvalidInputError
from archive.package import cid, entries
from archive.verify.consensus import check_consensus, header_answer
from archive.verify.facts import AnchorFacts, Facts
from archive.verify.outcome import LATER, AnchorSummary, Check, Status
from archive.verify.quorum import check_code, check_final, check_header

_ORIGIN_STEPS: Final = frozenset(
    {
        "anchor.tx_hash",
        "anchor.tx_chain_id",
        "anchor.tx_signature",
        "anchor.tx_type",
        "anchor.sender",
        "anchor.calldata",
    }
)
_ANCHOR_KEYS: Final = frozenset(proofs.AnchorProof.model_fields)


def check_anchor(
    index: int,
    value: JsonObject,
    asked: AnchorFacts,
    header: entries.Header | None,
    root: str | None,
    content_id: str | None,
    facts: Facts,
) -> tuple[list[Check], AnchorSummary | None]:
    name = f"anchor {index + 1}"
    unknown = _unknown_anchor(value)
    if unknown is not None:
        return [Check("anchor.unknown", "unchecked", name, "anchor", unknown, LATER, "time", index)], None
    try:
        inspection = proofs.inspect_anchor_proof(proofs.parse_anchor_proof(value))
    except InvalidInputError as error:
        return [Check("anchor.log", "fail", name, None, error.code, error.message, "time", index)], None
    checks = [
        Check(
            step.code,
            step.status,
            name,
            step.expected,
            step.found,
            None if step.status == "pass" else proofs.describe(step.code),
            "origin" if step.code in _ORIGIN_STEPS else "time",
            index,
        )
        for step in inspection.steps
    ]
    proven = inspection.proven
    if proven is None:
        return checks, None
    subject = f"{name}, {asked.chain_name or f'chain {proven.chain_id}'} block {proven.block_number}"
    checks += _log(subject, index, proven, header, root, content_id)
    trusted = facts.trust.registry(proven.chain_id, proven.genesis, proven.registry)
    checks += _registry(subject, index, proven, facts)
    checks += check_code(subject, index, proven.code_hash, asked, facts, trusted.code_hash if trusted else None)
    signed, final = check_consensus(subject, index, value, proven, facts)
    checks += signed
    if final is not None:
        asked = replace(asked, headers=(*asked.headers, header_answer(final)))
    checks += [
        _other_history(subject, index, proven.genesis, answer.found or "unknown", answer.source)
        for answer in asked.headers
        if answer.outcome == "other_history"
    ]
    headers, agreement = check_header(subject, index, proven, asked, facts)
    finality = check_final(subject, index, asked, facts, agreement, signed=final is not None)
    checks += headers + finality
    checks += _publisher(subject, index, proven, header, facts)
    publisher = facts.trust.publisher(proven.publisher)
    embedded = trusted is not None and trusted.workspace_chain
    return checks, AnchorSummary(
        proven=proven,
        publisher_name=publisher.name if publisher else None,
        registry_name=trusted.name if trusted else None,
        header_agreed=agreement.status == "pass",
        time_proved=False if embedded else asked.public_chain,
        workspace_chain=embedded,
        chain_name=asked.chain_name,
        final=final,
        agreement=agreement,
        settled=any(c.status == "pass" for c in finality),
        index=index,
    )


def _unknown_anchor(value: JsonObject) -> str | None:
    """What a later version may have added: the kind, or a key."""
    if value.get("kind") not in ("anchor", "batch"):
        return str(value.get("kind"))[:80]
    surplus = sorted(set(value) - _ANCHOR_KEYS)
    return f"key {surplus[0][:80]!r}" if surplus else None


def _log(
    subject: str,
    index: int,
    proven: proofs.ProvenAnchor,
    header: entries.Header | None,
    root: str | None,
    content_id: str | None,
) -> list[Check]:
    """The proven log must be about exactly this package."""
    if header is None or root is None or content_id is None:
        return []
    if proven.place is not None:
        return _in_batch(subject, index, proven, proven.place, header, root, content_id)
    key = "0x" + registry.incident_key(header.incident).hex()
    digest = cid.content_digest(content_id).hex()
    compared = (
        ("root", root, proven.root, "the anchor is of another root"),
        ("previous", header.previous_root or "none", proven.previous or "none", "the anchor follows another revision"),
        ("content digest", digest, proven.content_digest, "the anchor names other content"),
        ("incident", key, proven.incident_key, "the anchor is of another incident"),
    )
    wrong = [
        Check("anchor.log", "fail", f"{subject}: {what}", expected, found, note, "time", index)
        for what, expected, found, note in compared
        if expected != found
    ]
    if wrong:
        return wrong
    note = "the registry's event in this block carries exactly this root, content id and incident"
    return [Check("anchor.log", "pass", subject, root, proven.root, note, "time", index)]


def _in_batch(
    subject: str,
    index: int,
    proven: proofs.ProvenAnchor,
    place: batch.Place,
    header: entries.Header,
    root: str,
    content_id: str,
) -> list[Check]:
    """The path must lead from exactly this package to the batch that the log tells of."""
    incident, digest = registry.incident_key(header.incident), cid.content_digest(content_id)
    member = batch.Member(incident, bytes.fromhex(root), digest)
    try:
        found: str = batch.batch_root(member, place).hex()
    except InvalidInputError as error:
        found = error.code
    if found != proven.root:
        note = "the path does not lead from this package to the root of the anchored batch"
        return [Check("anchor.log", "fail", f"{subject}: batch", proven.root, found, note, "time", index)]
    note = (
        f"the registry's event carries a batch of {place.count:,}, and the path leads to it from exactly this root, "
        "content id and incident"
    )
    return [Check("anchor.log", "pass", subject, proven.root, found, note, "time", index)]


def _registry(subject: str, index: int, proven: proofs.ProvenAnchor, facts: Facts) -> list[Check]:
    found = f"{proven.registry} on chain {proven.chain_id}, genesis {proven.genesis}"
    trusted = facts.trust.registry(proven.chain_id, proven.genesis, proven.registry)
    if trusted is not None:
        note = f"trusted as {trusted.name!r}"
        return [Check("anchor.registry", "pass", subject, found, found, note, "time", index)]
    same = [r for r in facts.trust.registries if r.chain_id == proven.chain_id]
    add = f"--chain-id {proven.chain_id} --genesis {proven.genesis} --address {proven.registry} --code-hash HASH"
    note = (
        "this registry is not in your trust file, and anybody can deploy one that looks the same. If you have "
        f"reason to believe it: archive trust add registry --name NAME {add}"
    )
    expected = "; ".join(f"{r.address} ({r.name})" for r in same) or None
    checks = [Check("anchor.registry", "unchecked", subject, expected, found, note, "time", index)]
    if same and all(r.genesis != proven.genesis for r in same):
        checks.append(_other_history(subject, index, same[0].genesis, proven.genesis, "your trust file"))
    return checks


def _other_history(subject: str, index: int, expected: str, found: str, source: str) -> Check:
    note = (
        f"{source} knows a chain of the same number with another first block: a test network that was reset, or a copy"
    )
    return Check("chain.other_history", "unchecked", subject, expected, found, note, "time", index)


def _publisher(
    subject: str, index: int, proven: proofs.ProvenAnchor, header: entries.Header | None, facts: Facts
) -> list[Check]:
    checks: list[Check] = []
    trusted = facts.trust.registry(proven.chain_id, proven.genesis, proven.registry) is not None
    if header is not None:
        expected = header.publisher
        if expected is None:
            note = "the package does not name its publisher, so anybody could have anchored it"
            status: Status = "unchecked"
        elif expected == proven.publisher and (proven.direct or trusted):
            status, note = "pass", "the key named in the package is the key that anchored it"
        elif expected == proven.publisher:
            status, note = (
                "unchecked",
                "a contract that is not in your trust file says that the key named in the package anchored it; no "
                "signature of that key is there, and any contract can say so",
            )
        else:
            status, note = "fail", "the package names another publisher than the key that anchored it"
        checks.append(Check("origin.publisher", status, subject, expected, proven.publisher, note, "origin", index))
    known = facts.trust.publisher(proven.publisher)
    line = line_to(facts.trust.successions, (p.address for p in facts.trust.publishers), proven.publisher)
    if known is None and line is not None:
        first = facts.trust.publisher(line[0])
        note = (
            f"your trust file knows {first.name if first else line[0]!r}, whose key signed its successor: "
            f"{' → '.join(line)}"
        )
        checks.append(Check("origin.trusted", "pass", subject, line[0], proven.publisher, note, "origin", index))
    elif known is not None:
        note = f"your trust file knows this key as {known.name!r}"
        checks.append(
            Check("origin.trusted", "pass", subject, proven.publisher, proven.publisher, note, "origin", index)
        )
    else:
        note = (
            f"your trust file does not know the key {proven.publisher}. If the publisher told you, by another way, "
            f"that it is theirs: archive trust add publisher {proven.publisher} --name NAME"
        )
        checks.append(Check("origin.trusted", "unchecked", subject, None, proven.publisher, note, "origin", index))
    return checks
