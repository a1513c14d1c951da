import shipped from './shipped.json';
import type { PrivateRules } from './consensus.ts';
import { ChainError } from './consensus-error.ts';

// What holds at a block, by number and time (docs/consensus.md). Two things are never guessed: what holds after a fork that
// is not listed here, and the epoch length in the hour after a fork that changes it.

const EPOCH_SWITCH_SECONDS = 3600;
/** Last of the 32 vanity bytes: CRC-32 of genesis and forks (EIP-2124). */
export const FORK_ID_SIZE = 4;

/** What a header must look like, and how votes count. */
export interface Rules {
  readonly fork: string;
  /** Fields of the header's RLP list. */
  readonly fields: number;
  readonly epochLength: number;
  /** Epoch blocks carry one. */
  readonly turnLength: boolean;
  /** mixHash holds them. */
  readonly milliseconds: boolean;
  /** How many blocks back a vote's target may lie. */
  readonly targetDepth: number;
}

function rules(fork: string, fields: number, epochLength: number, turnLength: boolean, milliseconds: boolean, targetDepth = 1): [string, Rules] {
  return [fork, { fork, fields, epochLength, turnLength, milliseconds, targetDepth }];
}

// Plato is the first fork whose votes count; before it nothing can be shown by them.
export const FORKS: ReadonlyMap<string, Rules> = new Map([
  rules('plato', 15, 200, false, false),
  rules('london', 16, 200, false, false),
  rules('cancun', 19, 200, false, false),
  rules('bohr', 20, 200, true, false),
  rules('prague', 21, 200, true, false),
  rules('lorentz', 21, 500, true, true),
  rules('maxwell', 21, 1000, true, true),
  rules('fermi', 21, 1000, true, true, 3),
  // Osaka and Mendel change nothing that is checked here.
  rules('osaka', 21, 1000, true, true, 3),
]);

/** Where a fork begins: at a block number, or at a block's time in seconds since 1970. */
interface Activation {
  readonly fork: string;
  readonly number: number | null;
  readonly time: number | null;
}

function isActive(fork: Activation, number: number, time: number): boolean {
  if (fork.number !== null) return number >= fork.number;
  return fork.time !== null && time >= fork.time;
}

/** The forks of one chain, oldest first; the chain is told by id and hash of its first block. */
export class ChainRules {
  readonly chainId: number;
  readonly genesis: string;
  /** What headers after the last fork announce, in hex; null for a private chain, which has no later fork. */
  readonly forkId: string | null;
  private readonly forks: readonly Activation[];
  private readonly epochLength: number | null;

  constructor(chainId: number, genesis: string, forks: readonly Activation[], forkId: string | null, epochLength: number | null) {
    this.chainId = chainId;
    this.genesis = genesis;
    this.forks = forks;
    this.forkId = forkId;
    this.epochLength = epochLength;
  }

  /** The rules for a block; throws ChainError `consensus.before_finality`, `consensus.epoch_switch`, both unchecked. */
  at(number: number, time: number): Rules {
    const current = this.forks.filter((fork) => isActive(fork, number, time));
    const last = current.at(-1);
    if (last === undefined) {
      throw ChainError.unknown('before_finality', `block ${number} is older than the votes of validators that a proof rests on`);
    }
    const found = FORKS.get(last.fork)!;
    if (this.epochLength !== null) return { ...found, epochLength: this.epochLength };
    for (const [i, fork] of current.slice(1).entries()) {
      const changed = FORKS.get(fork.fork)!.epochLength !== FORKS.get(current[i]!.fork)!.epochLength;
      if (changed && fork.time !== null && time < fork.time + EPOCH_SWITCH_SECONDS) {
        throw ChainError.unknown('epoch_switch', `block ${number} follows the ${fork.fork} fork so closely that its epoch length is not certain`);
      }
    }
    return found;
  }

  /** True where a fork that is not known here could be in force. */
  afterLastFork(number: number, time: number): boolean {
    return this.forkId !== null && isActive(this.forks.at(-1)!, number, time);
  }
}

export const PUBLIC: readonly ChainRules[] = shipped.chains.map(
  (chain) => new ChainRules(chain.chain_id, chain.genesis, chain.forks, chain.fork_id, null),
);

/** The rules of a chain: of a public one, else of one that the reader's trust file names; null when unknown. */
export function rulesOf(chainId: number, genesis: string, own: readonly PrivateRules[]): ChainRules | null {
  const known = PUBLIC.find((chain) => chain.chainId === chainId && chain.genesis === genesis);
  if (known !== undefined) return known;
  const named = own.find((chain) => chain.chainId === chainId && chain.genesis === genesis);
  if (named === undefined) return null;
  return new ChainRules(chainId, genesis, [{ fork: named.fork, number: 0, time: null }], null, named.epochLength);
}
