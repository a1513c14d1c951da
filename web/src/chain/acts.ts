import { equalBytes } from '../bytes.ts';
import { addressWord, bytesOf, intWord, keccak, keccakText, toBigInt, WORD } from './codec.ts';
import { slotOf } from './registry.ts';
import type { RpcClient } from './rpc.ts';
import { Malformed } from './steps.ts';
import { ArchiveError } from '../errors.ts';

// Endorsements, retractions and heads as a registry's storage holds them (docs/registry.md). A node's word, not proven.

const RETRACTED = keccakText('Retracted(address,bytes32,string)');
const [SET, WITHDRAWN, RELAYED, WITHDRAWN_RELAYED] = [0x01, 0x02, 0x10, 0x20];
const CLOCK = (1n << 40n) - 1n;

/** An endorsement, withdrawn or not; times in seconds since 1970, 0 for what did not happen. */
export interface Endorsement {
  readonly time: number;
  readonly block: number;
  readonly withdrawnTime: number;
  readonly withdrawnBlock: number;
  readonly withdrawn: boolean;
}

/** A retraction: first 19 bytes of the reason's keccak256, time in seconds since 1970, block number. */
export interface Retraction {
  readonly reasonTag: Uint8Array;
  readonly time: number;
  readonly block: number;
}

/** An endorsement as its slot packs it, null for none; throws Malformed for flags that are not known here. */
export function endorsementOfWord(word: bigint): Endorsement | null {
  if (word === 0n) return null;
  const flags = knownFlags(word, SET | WITHDRAWN | RELAYED | WITHDRAWN_RELAYED);
  return {
    time: clock(word, 64n),
    block: clock(word, 24n),
    withdrawnTime: Number(word >> 216n),
    withdrawnBlock: clock(word, 176n),
    withdrawn: (flags & WITHDRAWN) !== 0,
  };
}

/** A retraction as its slot packs it, null for none; throws Malformed for flags that are not known here. */
export function retractionOfWord(word: bigint): Retraction | null {
  if (word === 0n) return null;
  knownFlags(word, SET | RELAYED);
  return { reasonTag: intWord(word >> 104n).subarray(WORD - 19), time: clock(word, 64n), block: clock(word, 24n) };
}

/** The reason in the data of a log `Retracted`, when it is the one that the retraction's tag is of; else null. */
export function reasonOf(data: Uint8Array, retraction: Retraction): string | null {
  if (data.length < 2 * WORD || toBigInt(data.subarray(0, WORD)) !== BigInt(WORD)) return null;
  const size = toBigInt(data.subarray(WORD, 2 * WORD));
  const text = data.subarray(2 * WORD);
  if (size > BigInt(text.length) || BigInt(text.length) >= size + BigInt(WORD)) return null;
  const reason = text.subarray(0, Number(size));
  return equalBytes(keccak(reason).subarray(0, 19), retraction.reasonTag) ? new TextDecoder().decode(reason) : null;
}

/** What one registry holds beside entries, asked of one node; throws as RpcClient, and `chain.rpc_bad_answer`. */
export class ActsReader {
  private readonly node: RpcClient;
  private readonly registry: string;

  constructor(node: RpcClient, registry: string) {
    this.node = node;
    this.registry = registry;
  }

  /** `root` is 64 hex digits: of a package, or the leaf hash of one evidence item. */
  async endorsement(account: string, root: string): Promise<Endorsement | null> {
    return read(endorsementOfWord, await this.word('endorsements', account, bytesOf('0x' + root)));
  }

  async retraction(account: string, root: string): Promise<Retraction | null> {
    return read(retractionOfWord, await this.word('retractions', account, bytesOf('0x' + root)));
  }

  /** The reason of a retraction, from the event of its block; null when the node keeps it no more. */
  async reason(account: string, root: string, retraction: Retraction): Promise<string | null> {
    const topics = [RETRACTED, addressWord(account), bytesOf('0x' + root)];
    try {
      for (const { data } of await this.node.logs(this.registry, topics, retraction.block)) {
        const reason = reasonOf(data, retraction);
        if (reason !== null) return reason;
      }
    } catch (error) {
      // The retraction stands in storage; its reason is in an event, which nodes keep for days.
      if (!(error instanceof ArchiveError)) throw error;
    }
    return null;
  }

  /** The newest anchor of (account, incident key) by storage: first 29 bytes of its root in hex, and its place. */
  async head(account: string, incidentKey: string): Promise<{ readonly rootPrefix: string; readonly ordinal: number } | null> {
    const word = await this.word('heads', account, bytesOf(incidentKey));
    return word === 0n ? null : { rootPrefix: (word >> 24n).toString(16).padStart(58, '0'), ordinal: Number(word & 0xffffffn) };
  }

  private word(mapping: 'heads' | 'endorsements' | 'retractions', account: string, key: Uint8Array): Promise<bigint> {
    return this.node.word(this.registry, slotOf(mapping, account, key));
  }
}

function clock(word: bigint, at: bigint): number {
  return Number((word >> at) & CLOCK);
}

function knownFlags(word: bigint, known: number): number {
  const flags = Number(word & 0xffn);
  if (flags === 0 || (flags & ~known) !== 0) {
    throw new Malformed(`flags 0x${flags.toString(16)} of a storage word are not known here`);
  }
  return flags;
}

function read<T>(decode: (word: bigint) => T, word: bigint): T {
  try {
    return decode(word);
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    throw new ArchiveError('chain.rpc_bad_answer', `the node's answer is malformed: ${error.message}`);
  }
}
