"""The validators' votes for a new anchor, collected into its proof where the chain is one that has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from archive.chain.codec import from_hex
from archive.chain.consensus.collect import Patience, collect_finality_proof
from archive.chain.consensus.pins import history_of, with_shipped
from archive.chain.consensus.rules import UnknownRulesError, rules_of
from archive.chain.rpc import Rpc
from archive.errors import MissingDependencyError, UnreachableError
from archive.trust import TrustFile


def with_finality(
    rpc: Rpc,
    proof: dict[str, Any],
    trust: TrustFile,
    warn: Callable[[str], None],
    *,
    patience: Patience | None = None,
) -> dict[str, Any]:
    """The anchor proof with `consensus`; as it was where the chain has no known rules, or, said so, votes can't be had.

    Raises:
        InvalidInputError: a `consensus.*` code: the node's headers or votes are wrong, so its anchor is not believed.
    """
    chain_id, genesis = proof["chain_id"], proof["genesis"]
    rules = rules_of(chain_id, genesis, trust.consensus_rules)
    if rules is None:
        return proof
    history = history_of(with_shipped(trust.validator_sets), chain_id, genesis)
    try:
        votes = collect_finality_proof(rpc, from_hex(proof["block"]["header"]), rules, history, patience=patience)
    except (UnreachableError, UnknownRulesError, MissingDependencyError) as error:
        warn(f"the proof bundle carries no votes of validators: {error.message} [{error.code}]")
        return proof
    return {**proof, "consensus": votes.model_dump(mode="json")}
