"""The chain's own signatures: whether validators that the reader pinned made the anchor's block final."""

from __future__ import annotations

from archive.bundle import JsonObject
from archive.chain import proofs
from archive.chain.codec import from_hex
from archive.chain.consensus.finality import Finality, Verifier
from archive.chain.consensus.pins import history_of
from archive.chain.consensus.proof import parse_proof
from archive.chain.consensus.rules import PUBLIC, rules_of
from archive.errors import ArchiveError, InvalidInputError
from archive.verify.facts import Facts, HeaderAnswer
from archive.verify.outcome import Check, Status


def check_consensus(
    subject: str, index: int, value: JsonObject, proven: proofs.ProvenAnchor, facts: Facts
) -> tuple[list[Check], Finality | None]:
    """`chain.consensus` of one anchor, and what it shows; no check on chains that have no such signatures.

    What is wrong fails; what is not known here (a newer fork, the validators of that time, no library) is unchecked.
    """
    proof = value.get("consensus")
    rules = rules_of(proven.chain_id, proven.genesis, facts.trust.consensus_rules)

    def result(status: Status, found: str | None, note: str) -> list[Check]:
        return [Check("chain.consensus", status, subject, proven.block_hash, found, note, "time", index)]

    if proof is None:
        if rules is None:
            return [], None
        return result("unchecked", None, "the bundle does not carry the votes of validators for this block"), None
    if rules is None:
        note = f"the rules of chain {proven.chain_id}, genesis {proven.genesis}, are not known here"
        return result("unchecked", "consensus.no_rules", note), None
    history = history_of(facts.trust.validator_sets, proven.chain_id, proven.genesis)
    others = {*PUBLIC, *(r.chain_id for r in facts.trust.consensus_rules)}
    try:
        verifier = Verifier(rules, history, others=others)
        final = verifier.check(from_hex(value["block"]["header"]), parse_proof(proof))
    except InvalidInputError as error:
        return result("fail", error.code, error.message), None
    except ArchiveError as error:
        note = f"{error.message}; {error.hint}" if error.hint else error.message
        return result("unchecked", error.code, note), None
    return result("pass", final.hash, f"{_signers(final)} made it final"), final


def header_answer(final: Finality) -> HeaderAnswer:
    """The signatures as one more source about the block."""
    return HeaderAnswer(_signers(final), "consensus", "same", final.hash)


def _signers(final: Finality) -> str:
    return (
        f"{final.votes} of {final.validators} validators of epoch {final.pin.number} "
        f"({final.pin.source}, as of {final.pin.as_of})"
    )
