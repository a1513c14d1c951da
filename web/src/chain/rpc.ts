import type { Entry, Head } from './registry.ts';

export interface RpcOptions {
  /** For one whole call; default 20,000. */
  readonly timeoutMs?: number;
  /** Largest answer that is read; default 64 MiB. */
  readonly maxBytes?: number;
  /** Ends all calls. */
  readonly signal?: AbortSignal;
  /** In place of the global one, for tests. */
  readonly fetch?: typeof fetch;
}

export interface ChainIdentity {
  readonly chainId: number;
  readonly genesis: string;
}

/** A block as a node tells it. */
export interface NodeBlock {
  readonly number: number;
  readonly hash: string;
}

/**
 * JSON-RPC to one node that the user named. Nothing is asked unless a method is called, one call at a time, never batched.
 * Throws ArchiveError `chain.rpc_…`; which codes mean that a node could not be asked, `isUnreachable` tells.
 */
export interface Node {
  /** Scheme, host and port only: safe to show. */
  readonly shownUrl: string;
  call(method: string, params?: readonly unknown[]): Promise<unknown>;
  identify(): Promise<ChainIdentity>;
  /** By number, hash (`0x` + 64 hex) or tag; null when the node has none. */
  block(which: number | string): Promise<NodeBlock | null>;
  /** Number of the newest block. */
  head(): Promise<number>;
  /** keccak256 of the code at an address. */
  codeHash(address: string): Promise<string>;
  /** The receipt's bytes as in the trie, and the block it is in; null when the node keeps it no more. */
  receipt(txHash: string): Promise<{ readonly blockHash: string; readonly raw: string | null } | null>;
  entry(registry: string, publisher: string, root: string): Promise<Entry | null>;
  registryHead(registry: string, publisher: string, incidentKey: string): Promise<Head | null>;
  /** One word of storage. */
  word(address: string, slot: string): Promise<bigint>;
}

export function openNode(url: string, options: RpcOptions = {}): Node {
  throw new Error(`not yet ${url} ${options.timeoutMs}`);
}
