import type { Step } from './steps.ts';

/** `anchors[]` of a proof bundle, its shape checked and nothing more (docs/format.md, section 11). All bytes are `0x` + hex. */
export interface AnchorProof {
  readonly kind: 'anchor' | 'batch';
  readonly chain_id: number;
  readonly genesis: string;
  readonly registry: string;
  readonly block: BlockPart;
  readonly transaction: { readonly hash: string; readonly raw: string; readonly index: number; readonly proof: readonly string[] };
  readonly receipt: { readonly raw: string; readonly proof: readonly string[] };
  readonly log_index: number;
  readonly state: StateProof | null;
  /** For `checkConsensus`; nothing else reads it. */
  readonly consensus: unknown;
  /** Where the package is in its batch; null for kind `anchor`. */
  readonly place: Place | null;
}

export interface BlockPart {
  readonly number: number;
  readonly hash: string;
  readonly header: string;
}

export interface StateProof {
  readonly account: readonly string[];
  readonly storage: readonly string[];
}

/** Sibling hashes from the package's leaf up, 32 bytes each; index from 0. */
export interface Place {
  readonly path: readonly Uint8Array[];
  readonly index: number;
  readonly count: number;
}

/**
 * What the proven bytes say. `root`, `previous` (null for none), `contentDigest` are 64 hex digits; `incidentKey`, hashes
 * and addresses `0x` + hex. `genesis` is claimed, not proven. `sender` signed the transaction (null when its type is not
 * read here); `direct`: a signature of the publisher's own key covers the anchor itself. Of a batch, `root` is the batch's
 * own, `ordinal` 0, `incidentKey` and `contentDigest` zero.
 */
export interface ProvenAnchor {
  readonly publisher: string;
  readonly incidentKey: string;
  readonly root: string;
  readonly previous: string | null;
  readonly contentDigest: string;
  readonly ordinal: number;
  readonly blockNumber: number;
  readonly blockHash: string;
  readonly timestamp: number;
  readonly registry: string;
  readonly chainId: number;
  readonly genesis: string;
  readonly txHash: string;
  readonly sender: string | null;
  readonly direct: boolean;
  /** Hash of the registry's code by the state proof; null without one. */
  readonly codeHash: string | null;
  readonly place: Place | null;
}

/** Every step that could be taken; `proven` is null when one of them failed. */
export interface AnchorInspection {
  readonly steps: readonly Step[];
  readonly proven: ProvenAnchor | null;
}

/** Every key that an anchor may have; another one makes it a thing of a later version (`anchor.unknown`). */
export const ANCHOR_KEYS: ReadonlySet<string> = new Set([
  'kind', 'chain_id', 'genesis', 'registry', 'block', 'transaction', 'receipt', 'log_index', 'state', 'consensus', 'path', 'index', 'count',
]);

/** Reads one item of `anchors[]`; throws ArchiveError `anchor.malformed`. */
export function parseAnchorProof(value: unknown): AnchorProof {
  throw new Error(`not yet ${typeof value}`);
}

/** Takes every step that can be taken; never throws for a wrong proof. */
export function checkAnchor(proof: AnchorProof): AnchorInspection {
  throw new Error(`not yet ${proof.kind}`);
}

/** One sentence for a step that failed or is unchecked: the `note` of the check. */
export function describeStep(code: string): string {
  return code;
}

/** Steps whose check belongs to the section `origin` of a report; all others to `time`. */
export const ORIGIN_STEPS: ReadonlySet<string> = new Set([
  'anchor.tx_hash', 'anchor.tx_chain_id', 'anchor.tx_signature', 'anchor.tx_type', 'anchor.sender', 'anchor.calldata',
]);
