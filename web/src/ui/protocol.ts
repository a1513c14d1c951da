/** What the page and its worker say to each other. Files go over as `File`: the worker reads them in pieces. */
import type { Role } from './given.ts';
import type { ReportJson, ReportCheck, Verdict } from './report-json.ts';

export interface FileItem {
  readonly file: File;
  readonly name: string;
  readonly folder: string | null;
  readonly path: string | null;
  readonly role: Role;
}

export interface Job {
  readonly kind: 'verify';
  readonly files: readonly FileItem[];
  /** JSON of the trust file, or null for nobody. */
  readonly trust: Uint8Array | null;
  readonly rpc: readonly string[];
  readonly quorum: number | null;
  readonly gateways: readonly string[];
  /** The same files as the last time, only another trust file: they are not read again. */
  readonly again: boolean;
}

export type ToWorker = Job | { readonly kind: 'trust'; readonly data: Uint8Array };

/** A failure that stopped everything: `code` is null for one that has none. */
export interface Failure {
  readonly code: string | null;
  readonly message: string;
  readonly hint: string | null;
}

export type FromWorker =
  | {
      readonly kind: 'progress';
      readonly what: 'read' | 'ask' | 'check';
      readonly name: string;
      readonly done: number;
      readonly all: number;
    }
  | { readonly kind: 'report'; readonly result: Result }
  | { readonly kind: 'trust'; readonly failure: Failure | null }
  | { readonly kind: 'failed'; readonly failure: Failure };

/** A file's place in the tree. */
export interface LeafDetail {
  readonly path: string;
  readonly size: number;
  readonly index: number;
  readonly hash: string;
  readonly proof: readonly string[];
}

/** The bytes of an anchor that a report does not hold. */
export interface AnchorDetail {
  readonly transaction: string;
  readonly header: string;
  readonly raw: string;
  readonly codeHash: string | null;
  readonly place: { readonly index: number; readonly count: number } | null;
}

/** A contract on a chain, as trust files tell them. */
export interface Contract {
  readonly chain_id: number;
  readonly genesis: string;
  readonly registry: string;
}

export interface AbsenceResult {
  readonly name: string;
  readonly verdict: Verdict;
  readonly lacking: readonly string[];
  readonly checks: readonly ReportCheck[];
  /** What the proof is about, null where it is none. */
  readonly about: (Contract & { readonly publisher: string; readonly root: string; readonly block: number }) | null;
  readonly failure: Failure | null;
}

/** Numbers behind the report, from the bundle itself. */
export interface Details {
  readonly leaves: number;
  readonly files: readonly LeafDetail[];
  readonly anchors: readonly AnchorDetail[];
}

export interface Result {
  readonly report: ReportJson | null;
  readonly details: Details | null;
  readonly absences: readonly AbsenceResult[];
}
