import type { Status } from './steps.ts';

export interface Validator {
  readonly address: string;
  readonly bls: string;
}

/** Validators sorted by address, and how many blocks in a row each may seal. */
export interface ValidatorSet {
  readonly validators: readonly Validator[];
  readonly turnLength: number;
}

/** `validator_sets[]` of a trust file, read by `parsePin`; `set` is null where only the hash is pinned. */
export interface PinnedSet {
  readonly chainId: number;
  readonly genesis: string;
  readonly number: number;
  readonly hash: string;
  readonly lastNumber: number;
  readonly lastHash: string;
  readonly set: ValidatorSet | null;
  readonly source: string;
  readonly asOf: string;
}

/** `consensus_rules[]` of a trust file: a private chain that runs one fork from its first block on. */
export interface PrivateRules {
  readonly chainId: number;
  readonly genesis: string;
  readonly fork: string;
  readonly epochLength: number;
}

/** What a verifier trusts; the shipped sets are not in it unless `withShipped` put them there. */
export interface ConsensusTrust {
  readonly validatorSets: readonly PinnedSet[];
  readonly consensusRules: readonly PrivateRules[];
}

/** A block shown to be final by `votes` of `validators` of the set that `pin` holds. */
export interface Finality {
  readonly number: number;
  readonly hash: string;
  readonly source: number;
  readonly votes: number;
  readonly validators: number;
  readonly fork: string;
  readonly pin: PinnedSet;
}

/** The check `chain.consensus` of one anchor: `expected` is its block's hash; `found` that hash, or the code of what is wrong. */
export interface ConsensusCheck {
  readonly status: Status;
  readonly found: string | null;
  readonly note: string;
  readonly final: Finality | null;
}

/** The claims of the anchor that the signatures are about. */
export interface ConsensusClaim {
  readonly chainId: number;
  readonly genesis: string;
  /** RLP of the anchor's block, `0x` + hex. */
  readonly header: string;
}

/**
 * The chain's own signatures (docs/consensus.md): what is wrong fails, what is not known here is unchecked. Null where
 * the anchor carries no proof and its chain has no such signatures, so there is nothing to report.
 */
export function checkConsensus(claim: ConsensusClaim, proof: unknown, trust: ConsensusTrust): ConsensusCheck | null {
  throw new Error(`not yet ${claim.header} ${typeof proof} ${trust.validatorSets.length}`);
}

/** Who made it final, in words: for notes and for the source of a header answer. */
export function signersOf(final: Finality): string {
  return `${final.votes} of ${final.validators} validators of epoch ${final.pin.number} (${final.pin.source}, as of ${final.pin.asOf})`;
}
