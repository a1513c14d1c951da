/** The report of a verification: the shape of `archive verify --json`. */
import type { ReportCheck, Status, Verdict } from '../verify/outcome.ts';

export type { ReportCheck, Status, Verdict };
export type RungName = 'bytes' | 'package' | 'inclusion' | 'registry' | 'origin' | 'chain' | 'final' | 'clocks';
export type Grade = 'rpc' | 'rpcs' | 'consensus' | 'workspace';

export interface AnchorJson {
  readonly chain_id: number;
  readonly genesis: string;
  readonly registry: string;
  readonly registry_name: string | null;
  readonly publisher: string;
  readonly publisher_name: string | null;
  readonly transaction: string;
  readonly block: number;
  readonly timestamp: number;
  readonly time: string;
  readonly header_agreed: boolean;
  readonly time_proved: boolean | null;
  readonly grade: Grade | null;
  readonly nodes: { readonly agreed: number; readonly asked: number; readonly needed: number } | null;
  readonly final: boolean;
  readonly consensus: {
    readonly votes: number;
    readonly validators: number;
    readonly source: number;
    readonly fork: string;
    readonly set: { readonly number: number; readonly hash: string; readonly source: string; readonly as_of: string };
  } | null;
}
export interface ClockJson {
  readonly name: string;
  readonly kind: 'anchor' | 'rfc3161' | 'bitcoin' | 'block';
  readonly bound: 'no_later' | 'no_earlier';
  readonly timestamp: number;
  readonly margin: number;
  readonly time: string;
  readonly rests_on: string;
}
export interface LimitJson {
  readonly timestamp: number;
  readonly time: string;
  readonly clock: string;
  readonly rests_on: string;
}
export interface RungJson {
  readonly rung: RungName;
  readonly status: Status;
  readonly says: string;
  readonly depends_on: string;
  readonly trust: Grade | null;
  readonly checks: readonly string[];
}
export interface ReportJson {
  readonly verdict: Verdict;
  readonly exit_code: number;
  readonly target: string | null;
  readonly incident: string | null;
  readonly revision: number | null;
  readonly root: string | null;
  readonly content_id: string | null;
  readonly anchors: readonly AnchorJson[];
  readonly clocks: readonly ClockJson[];
  readonly interval: {
    readonly no_earlier_than: LimitJson | null;
    readonly no_later_than: LimitJson | null;
    readonly disagree: readonly string[];
  };
  readonly ladder: readonly RungJson[];
  readonly required: readonly string[];
  readonly lacking: readonly string[];
  readonly checks: readonly ReportCheck[];
  readonly closing: readonly string[];
}
