/** The report for programs: the very JSON of `archive verify --json`, and the closing paragraphs in plain words. */
import type { Finality } from '../chain/consensus.ts';
import { buildLadder, gradeOf } from './ladder.ts';
import {
  type AnchorSummary, type Check, type Clock, EXIT_OF_VERDICT, isOfPublisher, limitOf, type Outcome, type ReportCheck, type Status, type Verdict,
} from './outcome.ts';
import { unique } from './python.ts';
import { moment } from './times.ts';

export type Report = ReturnType<typeof toReport>;

/** `target` is null where the bundle is of a format that is not known here. */
export function toReport(outcome: Outcome, target: string | null) {
  const header = outcome.header;
  const verdict: Verdict = outcome.verdict;
  return {
    verdict,
    exit_code: EXIT_OF_VERDICT[outcome.verdict],
    target,
    incident: header?.incident ?? null,
    revision: header?.revision ?? null,
    root: outcome.root,
    content_id: outcome.contentId,
    anchors: outcome.anchors.map(anchorJson),
    clocks: outcome.clocks.map((clock) => ({
      name: clock.name,
      kind: clock.kind,
      bound: clock.bound,
      timestamp: clock.time,
      margin: clock.margin,
      time: moment(limitOf(clock)),
      rests_on: clock.restsOn,
    })),
    interval: {
      no_earlier_than: limitJson(outcome.interval.noEarlier),
      no_later_than: limitJson(outcome.interval.noLater),
      disagree: outcome.interval.disagree,
    },
    ladder: buildLadder(outcome),
    required: outcome.required,
    lacking: outcome.lacking,
    checks: outcome.checks.map(checkJson),
    closing: closing(outcome),
  };
}

export function checkJson(check: Check): ReportCheck {
  const { code, status, subject, expected, found, note, section } = check;
  return { code, status, subject, expected, found, note, section };
}

function anchorJson(anchor: AnchorSummary) {
  const proven = anchor.proven;
  const { agreement } = anchor;
  return {
    chain_id: proven.chainId,
    genesis: proven.genesis,
    registry: proven.registry,
    registry_name: anchor.registryName,
    publisher: proven.publisher,
    publisher_name: anchor.publisherName,
    transaction: proven.txHash,
    block: proven.blockNumber,
    timestamp: proven.timestamp,
    time: moment(proven.timestamp),
    header_agreed: anchor.headerAgreed,
    time_proved: anchor.headerAgreed ? anchor.timeProved : false,
    grade: gradeOf(anchor),
    nodes: agreement === null ? null : { agreed: agreement.agreed, asked: agreement.asked, needed: agreement.needed },
    final: anchor.settled,
    consensus: anchor.final === null ? null : finalJson(anchor.final),
  };
}

function finalJson(final: Finality) {
  return {
    votes: final.votes,
    validators: final.validators,
    source: final.source,
    fork: final.fork,
    set: { number: final.pin.number, hash: final.pin.hash, source: final.pin.source, as_of: final.pin.asOf },
  };
}

/** The moment with the clock's error on the safe side, and whose clock it is. */
function limitJson(clock: Clock | null) {
  if (clock === null) return null;
  return { timestamp: limitOf(clock), time: moment(limitOf(clock)), clock: clock.name, rests_on: clock.restsOn };
}

const NEVER = 'No proof here says that what the files claim is true, only that they are the ones that were published.';

/** Paragraphs that say what was proved and what was not, in plain words. */
export function closing(outcome: Outcome): string[] {
  if (outcome.verdict === 'fail') {
    const bad = unique(outcome.checks.filter((c) => c.status === 'fail').map((c) => `${c.code} (${c.subject})`));
    const more = bad.length > 5 ? ` and ${bad.length - 5} more` : '';
    return [
      `Not proved: ${bad.slice(0, 5).join(', ')}${more} failed. Do not rely on what failed. A file may have been damaged ` +
        'or changed on its way: ask whoever gave it to you for the original, and the publisher for the proof ' +
        'bundle.',
      NEVER,
    ];
  }
  const proved = provedBy(outcome);
  const missing = notProved(outcome);
  return [
    proved.length > 0 ? 'Proved: ' + proved.join(' ') : 'Proved: nothing yet.',
    ...when(outcome),
    ...(missing.length > 0 ? [`Not proved: ${missing.join('; ')}.`] : []),
    ...restsOn(outcome),
    NEVER,
  ];
}

function provedBy(outcome: Outcome): string[] {
  const passed = codes(outcome, 'pass');
  if (outcome.header === null || !passed.has('bytes') || !passed.has('merkle')) return [];
  const parts: string[] = [];
  const package_ = `the package of incident ${outcome.header.incident}, revision ${outcome.header.revision}`;
  if (outcome.filesGiven > 0) {
    const many = outcome.filesGiven !== 1;
    const count = many ? `the ${outcome.filesGiven} evidence files checked are` : 'the evidence file checked is';
    parts.push(`${count}, byte for byte, ${many ? 'those' : 'the one'} in ${package_}.`);
  } else {
    parts.push(`the record is, byte for byte, the one in ${package_}.`);
  }
  for (const anchor of outcome.anchors) {
    if (!anchor.headerAgreed) continue;
    const proven = anchor.proven;
    const who = anchoredBy(anchor);
    const chain = anchor.chainName ?? `chain ${proven.chainId}`;
    if (anchor.timeProved === false) {
      const where = anchor.workspaceChain ? 'the chain inside this workspace' : `${chain}, a private chain`;
      parts.push(
        `It was anchored by ${who} in block ${proven.blockNumber} of ${where}: time is not proved, because ` +
          'whoever runs such a chain sets its clock.',
      );
    } else {
      const unless = anchor.timeProved ? '' : ', if that is a public chain whose clock can be relied on';
      parts.push(
        `It was anchored by ${who} on ${chain}, block ${proven.blockNumber}: it existed no later than ` +
          `${moment(proven.timestamp)}${unless}.`,
      );
    }
  }
  return parts;
}

/** The publisher, where its own signature or a trusted registry says so: any contract can tell of anybody. */
function anchoredBy(anchor: AnchorSummary): string {
  const who = anchor.publisherName ?? anchor.proven.publisher;
  return isOfPublisher(anchor) ? who : `a contract that your trust file does not name, in the name of ${who},`;
}

/** What the independent clocks show, whatever became of the chain, and the interval of all clocks together. */
function when(outcome: Outcome): string[] {
  if (outcome.header === null || !codes(outcome, 'pass').has('merkle')) return [];
  const parts: string[] = [];
  const stamps = outcome.clocks.filter((c) => c.kind === 'rfc3161' || c.kind === 'bitcoin');
  if (stamps.length > 0) {
    const told = stamps.map((c) => `no later than ${moment(limitOf(c))} by ${c.name}`).join('; ');
    parts.push(`Apart from the chain of the anchor, this root existed ${told}.`);
  }
  const { noEarlier: early, noLater: late, disagree } = outcome.interval;
  if (disagree.length > 0) {
    parts.push(
      `Clocks disagree, so one of them is wrong or was lied to: ${disagree.join('; ')}. Which ` +
        'one cannot be told from here.',
    );
  } else if (early !== null) {
    const until = late === null ? '' : `, and no later than ${moment(limitOf(late))} (${late.name})`;
    parts.push(
      `The package was assembled no earlier than ${moment(limitOf(early))}, because it names ${early.name}${until}. ` +
        'What is in it may be older.',
    );
  }
  return parts.length > 0 ? [parts.join(' ')] : [];
}

/** How far the chain leg can be trusted, where nodes or validators were believed. */
function restsOn(outcome: Outcome): string[] {
  const agreed = outcome.anchors.filter((anchor) => anchor.headerAgreed);
  const final = agreed.map((anchor) => anchor.final).find((f) => f !== null);
  if (final !== undefined) {
    return [
      `That the block is in the chain rests on the signatures of ${final.votes} of ${final.validators} ` +
        `validators, of a set pinned on your side (${final.pin.source}, as of ${final.pin.asOf}). Whoever got hold ` +
        'of two thirds of those keys since then could sign another history; only other clocks would show it.',
    ];
  }
  if (agreed.some((anchor) => anchor.agreement?.grade === 'rpc')) {
    return [
      'That the block is in the chain rests on the word of one node. Ask several (--rpc more than once), or ' +
        "verify a bundle that carries the signatures of the chain's validators.",
    ];
  }
  return [];
}

const GAPS: readonly (readonly [string, string])[] = [
  ['chain.header', 'that the block of the anchor is in the chain, and so the time'],
  ['anchor.registry', 'that the registry is the real one, which your trust file does not name'],
  ['origin.trusted', 'who is behind the key that published, which your trust file does not name'],
  ['origin.publisher', 'that the package names the key that anchored it'],
  ['anchor.log', 'that the package was anchored at all'],
];

function notProved(outcome: Outcome): string[] {
  const unchecked = codes(outcome, 'unchecked');
  const parts: string[] = [];
  const missing = outcome.filesTotal - outcome.filesGiven;
  if (missing > 0) parts.push(`${missing} of ${outcome.filesTotal} evidence files, which were not there to check`);
  for (const [code, text] of GAPS) if (outcome.lacking.includes(code)) parts.push(text);
  const young = outcome.checks.find((c) => c.code === 'chain.final' && c.status === 'unchecked' && c.found);
  if (young !== undefined) parts.push(`that it stays: it is anchored, not final (${young.found})`);
  if (unchecked.has('chain.other_history')) parts.push('anything on the chain of the same number but another history that was met');
  const withheld = [...unchecked].filter((code) => code.startsWith('withheld:')).length;
  if (withheld > 0) parts.push(`what is in ${count(withheld, 'item')} that the publisher withheld`);
  const referenced = [...unchecked].filter((code) => code.startsWith('reference:')).length;
  if (referenced > 0) parts.push(`${count(referenced, 'document')} that the record names only by hash, and that nobody gave`);
  for (const c of outcome.checks) {
    if (c.code === 'history.retracted' && c.found && c.status !== 'pass') {
      parts.push(`that its publisher still stands by it: ${c.found}`);
    }
  }
  if (unchecked.has('history.superseded')) {
    parts.push('that this is the last word: the publisher has put out a later revision, read that too');
  } else if (unchecked.has('history.current')) {
    parts.push('whether there is a later revision');
  }
  return parts;
}

function codes(outcome: Outcome, status: Status): Set<string> {
  return new Set(outcome.checks.filter((c) => c.status === status).map((c) => c.code));
}

function count(number: number, noun: string): string {
  return number === 1 ? `1 ${noun}` : `${number} ${noun}s`;
}
