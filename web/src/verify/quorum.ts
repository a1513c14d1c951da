/**
 * k of n: what several nodes say about one thing, weighed (docs/verifying.md). No answer wins by being the first or by
 * being alone, two URLs of one host are one place, and two quorums that contradict each other settle nothing.
 */
import type { AnchorFacts, BlockClaim, CodeAnswer, Facts, HeaderAnswer } from './facts.ts';
import { grouped } from './matching.ts';
import { type Agreement, type Check, type HeaderGrade, type Status, check } from './outcome.ts';
import { maxBy, unique } from './python.ts';

/** Only what is weighed of the facts: absence proofs have no bundle. */
export type Asked = Pick<Facts, 'quorum' | 'offline'>;

/** How many places must agree: what the reader asked for, else the network's setting, else half of those asked. */
export function needed(asked: AnchorFacts, facts: Asked): number {
  return facts.quorum ?? asked.quorum ?? halfOf(placesOf(nodesOf(asked)).size);
}

export function halfOf(places: number): number {
  return Math.max(1, Math.floor((places + 1) / 2));
}

/** `chain.header`: whether the block is in the chain; `chain.node` names who did not confirm it. */
export function checkHeader(
  subject: string, index: number | null, claim: BlockClaim, asked: AnchorFacts, facts: Asked,
): [Check[], Agreement] {
  const nodes = nodesOf(asked);
  const need = needed(asked, facts);
  const own = asked.headers.filter((a) => a.kind !== 'rpc');
  const same = nodes.filter((a) => a.outcome === 'same');
  const other = nodes.filter((a) => a.outcome === 'other');
  const largest = largestGroup(other, (a) => a.found);
  const ownSame = own.filter((a) => a.outcome === 'same');
  const holds = ownSame.length > 0 || placesOf(same).size >= need;
  const denied = own.some((a) => a.outcome === 'other') || placesOf(largest).size >= need;
  let status: Status = 'unchecked';
  let found: string | null;
  let note: string;
  if (holds && !denied) {
    status = 'pass';
    found = claim.blockHash;
    note = `agreed by ${namesOf([...ownSame, ...same])}`;
    if (placesOf(nodes).size > 1) note += ` (${placesOf(same).size} of ${placesOf(nodes).size} nodes asked, ${need} needed)`;
  } else if (denied && !holds) {
    status = 'fail';
    const against = largest.length > 0 ? largest : own.filter((a) => a.outcome === 'other');
    found = against[0]!.found;
    note =
      `${namesOf(against)}: another block stands at height ${claim.blockNumber}. If the anchor was not final, ` +
      'the chain may have dropped it since: ask the publisher for a new proof bundle';
  } else if (holds) {
    found = largest[0]?.found ?? null;
    const agree = namesOf([...same, ...ownSame]);
    note = `the sources disagree: ${agree} has this block, ${namesOf(largest)} another; one of the two lies`;
  } else {
    found = other[0]?.found ?? null;
    note = shortNote(claim, asked, facts, need);
  }
  const told = nodes.length > 1 || status === 'pass';
  return [
    [
      check('chain.header', status, subject, { expected: claim.blockHash, found, note, section: 'time', anchor: index }),
      ...(told ? dissent(subject, index, claim, asked) : []),
    ],
    {
      status,
      grade: status === 'pass' ? gradeOf(ownSame, same) : null,
      agreed: placesOf(same).size,
      asked: placesOf(nodes).size,
      needed: need,
    },
  ];
}

/** `chain.code`: by the state proof (`codeHash`), else by a quorum; no check where the trust file names no such registry. */
export function checkCode(
  subject: string, index: number | null, codeHash: string | null, asked: AnchorFacts, facts: Asked, trusted: string | null,
): Check[] {
  if (trusted === null) return [];
  const result = (status: Status, found: string | null, note: string): Check[] => [
    check('chain.code', status, subject, { expected: trusted, found, note, section: 'time', anchor: index }),
  ];
  if (codeHash !== null) {
    const good = codeHash === trusted;
    const isIt = good ? 'the one' : 'not the one';
    return result(good ? 'pass' : 'fail', codeHash, `by the state proof, the registry's code at this block is ${isIt} trusted`);
  }
  const known = asked.codes.filter((a) => a.codeHash !== null);
  if (asked.codes.length === 0) return [];
  if (known.length === 0) return result('unchecked', null, asked.codes.map((a) => `${a.source}: ${a.message}`).join('; '));
  const need = needed(asked, facts);
  const same = known.filter((a) => a.codeHash === trusted);
  const other = largestGroup(known.filter((a) => a.codeHash !== trusted), (a) => a.codeHash);
  const holds = placesOf(same).size >= need;
  const denied = placesOf(other).size >= need;
  if (holds && !denied) {
    return result('pass', trusted, `${namesOf(same)}: the contract at the registry's address is the one trusted`);
  }
  if (denied && !holds) {
    return result('fail', other[0]!.codeHash, `${namesOf(other)}: the contract at the registry's address is not the one trusted`);
  }
  const found = other[0]?.codeHash ?? null;
  if (holds) return result('unchecked', found, `the sources disagree about the registry's code: ${namesOf(known)}`);
  return result('unchecked', found, `${placesOf(same).size} of ${need} needed have the trusted code: ${namesOf(known)}`);
}

/** `chain.final`: whether the anchor can still be reorganised away. Never `fail`: a young anchor is no wrong one. */
export function checkFinal(
  subject: string, index: number | null, asked: AnchorFacts, facts: Asked, agreement: Agreement, signed: boolean,
): Check[] {
  const rule = asked.rule;
  const result = (status: Status, found: string | null, note: string): Check[] => {
    const expected = typeof rule === 'number' ? `${rule} confirmations` : rule;
    return [check('chain.final', status, subject, { expected, found, note, section: 'time', anchor: index })];
  };
  if (signed) return result('pass', 'signed by validators', 'the votes in the bundle make the block final');
  if (agreement.grade === 'workspace') return result('pass', 'own chain', 'the chain inside this workspace never drops a block');
  const same = asked.headers.filter((a) => a.kind === 'rpc' && a.outcome === 'same' && a.number !== null);
  if (agreement.status !== 'pass' || same.length === 0) {
    const why = facts.offline ? 'offline: ' : '';
    return result('unchecked', null, `${why}not known: no source agreed that the block is in the chain`);
  }
  const final = same.filter((a) => isFinal(a, rule));
  const told = same.map((a) => `${a.source}: ${depthOf(a, rule)}`).join('; ');
  if (placesOf(final).size >= agreement.needed) return result('pass', depthOf(final[0]!, rule), `final: ${told}`);
  const depth = depthOf(same[0]!, rule);
  if (rule === null) return result('unchecked', depth, `${told}; which depth is final on this chain is not configured`);
  return result('unchecked', depth, `anchored, not final: ${told}`);
}

function isFinal(answer: HeaderAnswer, rule: AnchorFacts['rule']): boolean {
  const number = answer.number ?? 0;
  if (typeof rule === 'number') return answer.head !== null && answer.head - number + 1 >= rule;
  // Where nothing is configured a node's own tag is what there is.
  return answer.finalized !== null && answer.finalized >= number;
}

function depthOf(answer: HeaderAnswer, rule: AnchorFacts['rule']): string {
  const number = answer.number ?? 0;
  const have = answer.head !== null ? Math.max(0, answer.head - number + 1) : 0;
  if (typeof rule === 'number') return `${have} of ${rule} confirmations`;
  if (answer.finalized === null) return `${have} confirmations, and the node does not tell which block is finalized`;
  if (answer.finalized >= number) return `finalized, by the node's word (${have} confirmations)`;
  const short = number - answer.finalized;
  return `${short} block${short === 1 ? '' : 's'} short of being finalized (${have} confirmations)`;
}

/** The nodes of this chain. One that is on another chain altogether is none of them. */
function nodesOf(asked: AnchorFacts): HeaderAnswer[] {
  return asked.headers.filter((a) => a.kind === 'rpc' && a.outcome !== 'wrong_chain');
}

interface Placed {
  readonly source: string;
  readonly place: string | null;
}

export function placesOf(answers: readonly Placed[]): Set<string> {
  return new Set(answers.map((a) => a.place ?? a.source));
}

export function namesOf(answers: readonly { readonly source: string }[]): string {
  return unique(answers.map((a) => a.source)).join(', ');
}

/** Those that say the same other thing, of the thing that most places say. */
function largestGroup<T extends HeaderAnswer | CodeAnswer>(answers: readonly T[], value: (answer: T) => string | null): T[] {
  return maxBy(grouped(answers, (a) => String(value(a))).values(), (group) => placesOf(group).size) ?? [];
}

function shortNote(claim: BlockClaim, asked: AnchorFacts, facts: Asked, need: number): string {
  if (asked.headers.some((a) => a.outcome === 'same' || a.outcome === 'other')) {
    const nodes = nodesOf(asked);
    const same = nodes.filter((a) => a.outcome === 'same');
    const has = same.length > 0 ? `: ${namesOf(same)}` : '';
    return (
      `the quorum was not reached: ${placesOf(same).size} of ${need} needed have this block${has}, of ` +
      `${placesOf(nodes).size} asked`
    );
  }
  if (asked.headers.length > 0) return asked.headers.map((a) => noAnswer(a, claim)).join('; ');
  if (facts.offline) return 'offline: no node was asked whether this block is in the chain';
  return `no node of chain ${claim.chainId} is configured; name one with --rpc URL`;
}

/** Each node that did not confirm the block, by its label and with what is wrong with it. */
function dissent(subject: string, index: number | null, claim: BlockClaim, asked: AnchorFacts): Check[] {
  return asked.headers
    .filter((a) => a.kind === 'rpc' && a.outcome !== 'same' && a.outcome !== 'other_history')
    .map((a) =>
      check('chain.node', 'unchecked', subject, {
        expected: claim.blockHash,
        found: a.found,
        note: `${noAnswer(a, claim)}; it was not counted`,
        section: 'time',
        anchor: index,
      }),
    );
}

function noAnswer(answer: HeaderAnswer, claim: BlockClaim): string {
  const what: Record<HeaderAnswer['outcome'], string> = {
    same: 'has this block',
    other: `lies, or is on another branch: it has another block at height ${claim.blockNumber}`,
    other_log: 'has the block and tells another receipt of the transaction than the one proven in it: it lies',
    absent: `has no block at height ${claim.blockNumber}`,
    behind: `has no block at height ${claim.blockNumber} yet: it lags, its newest is ${answer.found}`,
    unreachable: `could not be asked (${answer.found ?? 'no answer'})`,
    wrong_chain: `is on another chain (${answer.found})`,
    other_history: 'is on a chain of the same number with another history',
    bad_answer: `gave an answer that makes no sense (${answer.found})`,
  };
  return `${answer.source} ${what[answer.outcome]}`;
}

/** What the block's place in the chain rests on, the strongest of what there is. */
function gradeOf(own: readonly HeaderAnswer[], same: readonly HeaderAnswer[]): HeaderGrade | null {
  if (own.some((a) => a.kind === 'consensus')) return 'consensus';
  if (same.length > 0) return placesOf(same).size > 1 ? 'rpcs' : 'rpc';
  return own.length > 0 ? 'workspace' : null;
}
