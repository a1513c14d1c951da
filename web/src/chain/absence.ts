import type { BlockPart, StateProof } from './anchor.ts';
import type { Step } from './steps.ts';

/** An exclusion proof, its shape checked and nothing more (docs/format.md, section 11). */
export interface AbsenceProof {
  readonly chain_id: number;
  readonly genesis: string;
  readonly registry: string;
  readonly publisher: string;
  readonly root: string;
  readonly block: BlockPart;
  readonly state: StateProof;
}

/** At this block the registry has this code, and no entry of (publisher, root). */
export interface ProvenAbsence {
  readonly chainId: number;
  readonly genesis: string;
  readonly registry: string;
  readonly publisher: string;
  readonly root: string;
  readonly blockNumber: number;
  readonly blockHash: string;
  readonly timestamp: number;
  readonly codeHash: string;
}

export interface AbsenceInspection {
  readonly steps: readonly Step[];
  readonly proven: ProvenAbsence | null;
}

export const ABSENCE_FORMAT = 'incident-archive-absence/1';
/** Limits for reading the file as canonical JSON; what that refuses is `absence.malformed`, a larger file `absence.too_large`. */
export const MAX_ABSENCE_BYTES = 1 << 20;
export const MAX_ABSENCE_DEPTH = 4;

/** Reads the value of an exclusion proof; throws ArchiveError `absence.malformed`, `absence.unknown_format`. */
export function parseAbsence(value: unknown): AbsenceProof {
  throw new Error(`not yet ${typeof value}`);
}

/** Takes every step that can be taken; never throws for a wrong proof. */
export function checkAbsence(proof: AbsenceProof): AbsenceInspection {
  throw new Error(`not yet ${proof.root}`);
}

export function describeAbsenceStep(code: string): string {
  return code;
}
