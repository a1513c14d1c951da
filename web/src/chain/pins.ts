import type { PinnedSet, PrivateRules } from './consensus.ts';

/** Reads one of `validator_sets` strictly; throws Malformed with the reason (a trust file's code is `trust.validator_set`). */
export function parsePin(value: unknown): PinnedSet {
  throw new Error(`not yet ${typeof value}`);
}

/** Reads one of `consensus_rules` strictly; throws Malformed with the reason (`trust.consensus_rules`). */
export function parseRules(value: unknown): PrivateRules {
  throw new Error(`not yet ${typeof value}`);
}

/** The reader's pins, and the shipped ones of epochs that the reader's say nothing about. */
export function withShipped(pins: readonly PinnedSet[]): readonly PinnedSet[] {
  return pins;
}

/** A chain that this verifier has a name for, as Python's networks.toml has it. `genesis` is null where it differs on every start. */
export interface KnownChain {
  readonly name: string;
  readonly chainId: number;
  readonly genesis: string | null;
  readonly confirmations: number | 'finalized';
}

export const KNOWN_CHAINS: readonly KnownChain[] = [];
