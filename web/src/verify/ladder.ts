/**
 * The ladder: from bytes to clocks, what each rung says, whether it holds, and whom or what one believes for it. It
 * summarises checks and judges nothing anew (docs/verifying.md).
 */
import type { AnchorSummary, Check, HeaderGrade, Outcome, Status } from './outcome.ts';
import { maxBy, unique } from './python.ts';

export type RungName = 'bytes' | 'package' | 'inclusion' | 'registry' | 'origin' | 'chain' | 'final' | 'clocks';

/** `checks` are the codes that it must have; `depends_on` whom one believes; `trust` the grade, of `chain`. */
export interface Rung {
  readonly rung: RungName;
  readonly status: Status;
  readonly says: string;
  readonly depends_on: string;
  readonly trust: HeaderGrade | null;
  readonly checks: readonly string[];
}

/** `family` are prefixes of codes that break the rung when they fail, beside those it must have. */
interface Kind {
  readonly name: RungName;
  readonly says: string;
  readonly codes: readonly string[];
  readonly family: readonly string[];
  readonly dependsOn: (outcome: Outcome, anchor: AnchorSummary | null) => string;
}

const HASHES = "SHA-256, and nobody's word";

const KINDS: readonly Kind[] = [
  { name: 'bytes', says: 'the files given are the published ones', codes: ['bytes'], family: ['package.'], dependsOn: () => HASHES },
  {
    name: 'package',
    says: 'they make up exactly this root and content id',
    codes: ['merkle', 'content_id'],
    family: ['manifest.', 'record', 'target'],
    dependsOn: () => HASHES,
  },
  {
    name: 'inclusion',
    says: "the registry's event about this root is in a block",
    codes: ['anchor.log'],
    family: ['anchor.'],
    dependsOn: (_, anchor) => {
      const state = anchor?.proven.codeHash ? ", and so is the registry's storage" : '';
      return `Keccak-256; the event is proven under the block header in the bundle${state}`;
    },
  },
  {
    name: 'registry',
    says: 'the registry is the one you trust',
    codes: ['anchor.registry'],
    family: ['chain.code'],
    dependsOn: (outcome, anchor) => {
      const ours = (c: Check): boolean => c.anchor === null || c.anchor === anchor?.index;
      const compared = outcome.checks.some((c) => c.code === 'chain.code' && c.status === 'pass' && ours(c));
      const by = anchor?.proven.codeHash ? 'by the state proof' : 'by RPC nodes';
      return `your trust file names the contract; its code was ${compared ? `told ${by}` : 'not compared'}`;
    },
  },
  {
    name: 'origin',
    says: 'the key that you know signed it',
    codes: ['origin.publisher', 'origin.trusted'],
    family: ['anchor.tx_', 'anchor.sender', 'anchor.calldata'],
    dependsOn: () => 'secp256k1 signatures; your trust file names the key',
  },
  {
    name: 'chain',
    says: 'the block is in the chain',
    codes: ['chain.header'],
    family: ['chain.consensus'],
    dependsOn: (_, anchor) => {
      const words = trustInWords(anchor);
      if (words === null) {
        return 'nobody was asked, or too few agreed; it could rest on one RPC, k of n RPCs, or consensus signatures';
      }
      return anchor?.timeProved === false ? `${words}; its clock proves no time` : words;
    },
  },
  {
    name: 'final',
    says: 'the block can no more be reorganised away',
    codes: ['chain.final'],
    family: [],
    dependsOn: (_, anchor) => {
      if (anchor !== null && anchor.final !== null) return 'the same signatures of validators';
      if (anchor !== null && anchor.settled && anchor.workspaceChain) return 'this workspace alone';
      return "the RPC nodes that agreed, and the network's rule in your configuration";
    },
  },
  {
    name: 'clocks',
    says: 'clocks apart from the chain show the same root',
    codes: ['time.stamps'],
    family: ['stamp.'],
    dependsOn: (outcome) => {
      const clocks = outcome.clocks.filter((c) => c.kind === 'rfc3161' || c.kind === 'bitcoin').map((c) => c.restsOn);
      return unique(clocks).join('; ') || "time-stamp authorities and Bitcoin, apart from the anchor's chain";
    },
  },
];

/** The rungs, lowest first, for the anchor that gets furthest: none is pieced together from two. */
export function buildLadder(outcome: Outcome): Rung[] {
  const told = unique(outcome.checks.map((c) => c.anchor).filter((a) => a !== null)).sort((a, b) => a - b);
  const groups: (number | null)[] = told.length > 0 ? told : [null];
  const passed = (group: number | null): number => KINDS.filter((kind) => statusOf(outcome.checks, kind, group) === 'pass').length;
  const best = maxBy(groups, passed)!;
  const anchor = outcome.anchors.find((a) => a.index === best) ?? null;
  return KINDS.map((kind) => ({
    rung: kind.name,
    status: statusOf(outcome.checks, kind, best),
    says: kind.says,
    depends_on: kind.dependsOn(outcome, anchor),
    trust: kind.name === 'chain' ? gradeOf(anchor) : null,
    checks: kind.codes,
  }));
}

/** What the chain leg of an anchor rests on, null when its block was not agreed. */
export function gradeOf(anchor: AnchorSummary | null): HeaderGrade | null {
  return anchor !== null && anchor.headerAgreed ? (anchor.agreement?.grade ?? null) : null;
}

function trustInWords(anchor: AnchorSummary | null): string | null {
  const grade = gradeOf(anchor);
  if (anchor === null || grade === null) return null;
  if (grade === 'consensus' && anchor.final !== null) {
    const { votes, validators } = anchor.final;
    return `consensus signatures: ${votes} of ${validators} validators, of a set pinned on your side`;
  }
  if (grade === 'workspace') return 'this workspace, which made the chain';
  const agreement = anchor.agreement;
  if (grade === 'rpc' || agreement === null) {
    return 'one RPC, its word alone; stronger are k of n RPCs, and consensus signatures';
  }
  return (
    `k of n RPCs: ${agreement.agreed} of ${agreement.asked} of different hosts agree, ${agreement.needed} needed; ` +
    'stronger are consensus signatures'
  );
}

// The registry and the origin have rungs of their own.
const ELSEWHERE = ['anchor.registry', 'anchor.tx_', 'anchor.sender', 'anchor.calldata'];

function statusOf(checks: readonly Check[], kind: Kind, anchor: number | null): Status {
  const mine = checks.filter(
    (c) =>
      (kind.codes.includes(c.code) || kind.family.some((prefix) => c.code.startsWith(prefix))) &&
      !(kind.name === 'inclusion' && ELSEWHERE.some((prefix) => c.code.startsWith(prefix))),
  );
  if (mine.some((c) => c.status === 'fail')) return 'fail';
  for (const code of kind.codes) {
    const found = mine.filter((c) => c.code === code && (c.anchor === null || c.anchor === anchor));
    if (found.length === 0 || found.some((c) => c.status !== 'pass')) return 'unchecked';
  }
  return 'pass';
}
