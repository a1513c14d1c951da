/**
 * What `gather` found, as plain values: the only input of the pure rules in `checks`. Nothing here is a judgement: a file
 * is what it hashed to, a node is what it answered, a store is what it sent.
 */
import type { ProofBundle } from '../format/bundle.ts';
import type { Rows } from '../format/rows.ts';
import type { BitcoinAnswer, BitcoinNetwork, BlockAnswer } from '../stamps/types.ts';
import type { Reveal } from '../format/reveal.ts';
import type { TrustFile, TrustedRegistry } from './trust.ts';

export type VariantKind = 'line-ends' | 'byte-order-mark' | 'final-newline' | 'gzip';

/** A harmless-looking change of a file, and the hash it would undo to. */
export interface Variant {
  readonly kind: VariantKind;
  readonly sha256: string;
}

/**
 * One file that was given or fetched. `name` is how the user knows it; `path` is its place inside the given folder or
 * CAR, null for a single file. `full` is the whole path, used to recognise `…/evidence/a.csv`.
 */
export interface FileFact {
  readonly name: string;
  readonly path: string | null;
  readonly full: string;
  readonly size: number;
  readonly sha256: string;
  readonly cid: string;
  readonly variants: readonly Variant[];
}

/** A file or folder that was given and could not be read, or that changed while it was read. */
export interface UnreadableFile {
  readonly name: string;
  readonly code: string;
  readonly message: string;
}

/** A block that something rests on, and whose place in the chain is asked for. */
export interface BlockClaim {
  readonly chainId: number;
  readonly genesis: string;
  readonly blockNumber: number;
  readonly blockHash: string;
}

/** `other_log`: the same block, another receipt than the one proven. `behind`: the node's newest block is an earlier one. */
export type HeaderOutcome =
  | 'same' | 'other' | 'other_log' | 'absent' | 'behind' | 'unreachable' | 'wrong_chain' | 'other_history' | 'bad_answer';

/** What one source said about the block of an anchor; `place` is who runs it: sources of one place count once. */
export interface HeaderAnswer {
  readonly source: string;
  readonly kind: 'rpc' | 'workspace' | 'consensus';
  readonly outcome: HeaderOutcome;
  readonly found: string | null;
  readonly place: string | null;
  readonly number: number | null;
  /** The source's newest block, and the newest that it calls final; null where it did not say. */
  readonly head: number | null;
  readonly finalized: number | null;
}

/** keccak256 of the code one node has at the registry's address, or why it is not known. */
export interface CodeAnswer {
  readonly source: string;
  readonly codeHash: string | null;
  readonly message: string | null;
  readonly place: string | null;
}

/** The registry's newest entry of this publisher and incident, as one node tells it. */
export interface HistoryAnswer {
  readonly source: string;
  readonly current: boolean | null;
  readonly head: string | null;
  readonly message: string | null;
  readonly place: string | null;
}

/** What was asked about one anchor of the bundle, by its index there. */
export interface AnchorFacts {
  readonly index: number;
  readonly headers: readonly HeaderAnswer[];
  readonly codes: readonly CodeAnswer[];
  readonly history: readonly HistoryAnswer[];
  /** Null: not known here; false: a private chain, whose clock proves nothing. */
  readonly publicChain: boolean | null;
  readonly chainName: string | null;
  /** The network's settings: how deep a block is final, how many nodes must agree; null where none is known. */
  readonly rule: number | 'finalized' | null;
  readonly quorum: number | null;
}

/** Another root that the publisher signed for an incident and revision, and where it was found. */
export interface OtherRoot {
  readonly incident: string;
  readonly revision: number;
  readonly root: string;
  readonly publisher: string;
  readonly source: string;
}

/** What one store sent when asked for the package. */
export interface StoreAnswer {
  readonly store: string;
  readonly operator: string;
  readonly outcome: 'good' | 'wrong' | 'absent' | 'unreachable';
  readonly detail: string | null;
}

/** A reveal that was given, or why it cannot be read; `rows` are the lines of its file, when that was given too. */
export interface RevealFact {
  readonly name: string;
  readonly reveal: Reveal | null;
  readonly code: string | null;
  readonly message: string | null;
  readonly rows: Rows | null;
}

/** What was found in the slots of a redacted file: code and words of each fault, none when they are empty. */
export interface RedactionFact {
  readonly id: string;
  readonly faults: readonly (readonly [string, string])[];
}

/** A retraction of this root by `account`: time in seconds since 1970, and the reason where it could be read. */
export interface RetractionFact {
  readonly account: string;
  readonly time: number;
  readonly reason: string | null;
}

/** An endorsement by `account`; `item` is the id of the evidence item it is of, null for the whole root. */
export interface EndorsementFact {
  readonly account: string;
  readonly root: string;
  readonly item: string | null;
  readonly time: number;
  readonly withdrawnTime: number | null;
}

/** The newest anchor of the incident by one of the publisher's keys: first 29 bytes of its root, in hex. */
export interface HeadFact {
  readonly account: string;
  readonly rootPrefix: string;
  readonly ordinal: number;
}

export interface AnchoredFact {
  readonly account: string;
  readonly root: string;
  readonly previous: string | null;
  readonly ordinal: number;
}

/** What one source said about one trusted registry; `message` says why it said nothing. */
export interface RegistryFacts {
  readonly registry: TrustedRegistry;
  readonly source: string;
  readonly place: string | null;
  readonly message: string | null;
  readonly retractions: readonly RetractionFact[];
  readonly endorsements: readonly EndorsementFact[];
  readonly heads: readonly HeadFact[];
  /** Null where the source does not give past events. */
  readonly anchors: readonly AnchoredFact[] | null;
}

/** What was found out about the blocks that stamps and `not_before` speak of. */
export interface ClockFacts {
  readonly bitcoin: readonly BitcoinAnswer[];
  readonly blocks: readonly BlockAnswer[];
  readonly network: BitcoinNetwork | null;
  /** How many nodes must agree on each chain whose network has a setting of its own, by CAIP-2 id. */
  readonly chainQuorums: Readonly<Record<string, number>>;
}

/** Everything the rules look at. */
export interface Facts {
  readonly target: string;
  readonly bundle: ProofBundle;
  readonly files: readonly FileFact[];
  readonly trust: TrustFile;
  readonly offline: boolean;
  readonly unreadable: readonly UnreadableFile[];
  /** A folder with a manifest.json, or a CAR, was given: it must be exact. */
  readonly packageFolder: boolean;
  readonly anchors: readonly AnchorFacts[];
  readonly others: readonly OtherRoot[];
  /** Other bundles among the files that cannot be read. */
  readonly badBundles: readonly UnreadableFile[];
  readonly stores: readonly StoreAnswer[];
  readonly clocks: ClockFacts;
  readonly reveals: readonly RevealFact[];
  readonly redactions: readonly RedactionFact[];
  /** Retractions, endorsements and histories in trusted registries. */
  readonly acts: readonly RegistryFacts[];
  /** How many nodes must agree, where the reader said so. */
  readonly quorum: number | null;
}

export function noAnswers(index: number): AnchorFacts {
  return { index, headers: [], codes: [], history: [], publicChain: null, chainName: null, rule: null, quorum: null };
}
