/** What checking stamps takes and gives: the shapes of `archive verify --json`, section "time". */
import type { Status } from '../chain/steps.ts';

export type { Status };

/** One thing looked at, with the keys that Python's report has. `expected` and `found` are what was compared, where there is something. */
export interface StampCheck {
  readonly code: string;
  readonly status: Status;
  readonly subject: string;
  readonly expected: string | null;
  readonly found: string | null;
  readonly note: string | null;
  readonly section: 'time';
}

/** A moment that was shown, in seconds since 1970; `margin` is how far the clock may be off, `restsOn` whom one believes. */
export interface Clock {
  readonly name: string;
  readonly kind: 'anchor' | 'rfc3161' | 'bitcoin' | 'block';
  readonly bound: 'no_later' | 'no_earlier';
  readonly time: number;
  readonly margin: number;
  readonly restsOn: string;
}

/** Between which moments the package came into being, as far as clocks show it, and which clocks contradict. */
export interface Interval {
  readonly noEarlier: Clock | null;
  readonly noLater: Clock | null;
  readonly disagree: readonly string[];
}

/** A root certificate of the trust file: DER; `policies` are OIDs, none means any. */
export interface StampRoot {
  readonly name: string;
  readonly certificate: Uint8Array;
  readonly policies: readonly string[];
}

/** A block that the package's header names (docs/format.md, section 2). */
export interface NotBefore {
  readonly chain: string;
  readonly height: number;
  readonly hash: string;
}

/** What one place says is the Bitcoin block at a height: 80 bytes, or null and why. Only `source` needs others to agree. */
export interface BitcoinAnswer {
  readonly height: number;
  readonly source: string;
  readonly kind: 'trust' | 'file' | 'node' | 'source';
  readonly header: Uint8Array | null;
  readonly problem?: string;
}

/** What one node says of a block of `not_before` on an `eip155:` chain; `place` is who runs it: one place counts once. */
export interface BlockAnswer {
  readonly chain: string;
  readonly height: number;
  readonly source: string;
  readonly outcome: 'same' | 'other' | 'absent' | 'unreachable' | 'bad_answer' | 'other_history' | 'unknown_history';
  readonly found?: string;
  readonly place?: string;
}

/** Which Bitcoin chain headers are of: the highest target allowed, and whether its clock proves a time to others. */
export interface BitcoinNetwork {
  readonly name: string;
  readonly limit: bigint;
  readonly provesTime: boolean;
}

export interface StampsInput {
  /** The bundle's `stamps`, as parsed from JSON. */
  readonly stamps: readonly unknown[];
  /** `not_before` of the header leaf; none where the header could not be read. */
  readonly notBefore: readonly NotBefore[];
  /** Recomputed from the entries; null where it could not be. 64 hex digits. */
  readonly root: string | null;
  readonly roots: readonly StampRoot[];
  /** Clocks of anchors whose block was agreed and whose chain proves time. */
  readonly anchors?: readonly Clock[];
  readonly bitcoin?: readonly BitcoinAnswer[];
  readonly blocks?: readonly BlockAnswer[];
  readonly network?: BitcoinNetwork;
  /** How many sources of others must agree on a Bitcoin header; default 2. */
  readonly bitcoinQuorum?: number;
  /** How many nodes must agree on a block, where the caller or a policy says so; else half of those that answered. */
  readonly quorum?: number | null;
  /** The same for chains whose network has a setting of its own, by CAIP-2 id. */
  readonly chainQuorums?: Readonly<Record<string, number>>;
}

export interface StampsResult {
  readonly checks: readonly StampCheck[];
  readonly clocks: readonly Clock[];
  readonly interval: Interval;
}
