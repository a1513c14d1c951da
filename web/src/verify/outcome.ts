/** What the verifier hands on: one `Check` for each thing looked at, and the `Outcome` over all of them. */
import type { ProvenAnchor } from '../chain/anchor.ts';
import type { Finality } from '../chain/consensus.ts';
import type { Status } from '../chain/steps.ts';
import type { Header } from '../format/entries.ts';
import type { Clock, Interval } from '../stamps/types.ts';
import type { ArchiveError } from '../errors.ts';

export type { Clock, Interval, Status };

export type Verdict = 'pass' | 'fail' | 'incomplete';
export type Section = 'bytes' | 'time' | 'origin' | 'availability' | 'findings';
/** One node, several nodes that agree, signatures of validators, the workspace that made the chain. */
export type HeaderGrade = 'rpc' | 'rpcs' | 'consensus' | 'workspace';

export const EXIT_OF_VERDICT: Record<Verdict, number> = { pass: 0, fail: 1, incomplete: 3 };
export const LATER = 'of a kind this version does not know; a newer one may check it';

/** A check as a report has it: what it is about, and what was compared, where there is something. */
export interface ReportCheck {
  readonly code: string;
  readonly status: Status;
  readonly subject: string;
  readonly expected: string | null;
  readonly found: string | null;
  readonly note: string | null;
  readonly section: Section;
}

/**
 * One check. `blocking` marks an unchecked thing without which the package is not understood: it keeps a verdict from
 * `pass` though its code is not in the required list. `anchor` is the index of the anchor it belongs to.
 */
export interface Check extends ReportCheck {
  readonly anchor: number | null;
  readonly blocking: boolean;
}

interface More {
  expected?: string | null | undefined;
  found?: string | null | undefined;
  note?: string | null | undefined;
  section?: Section;
  anchor?: number | null;
  blocking?: boolean;
}

export function check(code: string, status: Status, subject: string, more: More = {}): Check {
  return {
    code,
    status,
    subject,
    expected: more.expected ?? null,
    found: more.found ?? null,
    note: more.note ?? null,
    section: more.section ?? 'bytes',
    anchor: more.anchor ?? null,
    blocking: more.blocking ?? false,
  };
}

/** The moment with the clock's error on the safe side. */
export function limitOf(clock: Clock): number {
  return clock.bound === 'no_later' ? clock.time + clock.margin : clock.time - clock.margin;
}

/** How far the sources agree that a block is in the chain; counts are of nodes of different places. */
export interface Agreement {
  readonly status: Status;
  readonly grade: HeaderGrade | null;
  readonly agreed: number;
  readonly asked: number;
  readonly needed: number;
}

/** An anchor whose log was proved. `timeProved` is false on embedded and private chains, null when not known. */
export interface AnchorSummary {
  readonly proven: ProvenAnchor;
  readonly publisherName: string | null;
  readonly registryName: string | null;
  readonly headerAgreed: boolean;
  readonly timeProved: boolean | null;
  readonly workspaceChain: boolean;
  readonly chainName: string | null;
  readonly final: Finality | null;
  readonly agreement: Agreement | null;
  /** True when the anchor can no more be reorganised away. */
  readonly settled: boolean;
  /** Of the anchor in the bundle. */
  readonly index: number;
}

/** Whether its signature, or a trusted registry, says that an anchor is the publisher's: any contract names anybody. */
export function isOfPublisher(anchor: AnchorSummary): boolean {
  return anchor.proven.direct || anchor.registryName !== null;
}

/** All checks in order, the verdict, what was required of it and which of those are not `pass`. */
export interface Outcome {
  readonly checks: readonly Check[];
  readonly verdict: Verdict;
  readonly required: readonly string[];
  readonly lacking: readonly string[];
  readonly root: string | null;
  readonly contentId: string | null;
  readonly header: Header | null;
  readonly anchors: readonly AnchorSummary[];
  readonly filesGiven: number;
  readonly filesTotal: number;
  readonly clocks: readonly Clock[];
  readonly interval: Interval;
}

/** The note of a check on something that a later format may have added. */
export function unknownNote(error: ArchiveError): string {
  return `${error.message}: ${LATER}`;
}
