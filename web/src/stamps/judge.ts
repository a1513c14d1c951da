import { keccak_256 } from '@noble/hashes/sha3.js';
import { bytesToHex, to0x } from '../bytes.ts';
import { decodeHeader } from '../chain/header.ts';
import { Malformed } from '../chain/steps.ts';
import { ArchiveError } from '../errors.ts';
import { clip, str } from '../verify/python.ts';
import * as bitcoin from './bitcoin.ts';
import { parseStamp, type BlockHeader, type OtsStamp, type Rfc3161Stamp } from './entries.ts';
import * as ots from './ots.ts';
import { checkStamp } from './rfc3161.ts';
import { plainTime } from './times.ts';
import type { BlockAnswer, Clock, Interval, NotBefore, StampCheck, StampsInput, StampsResult, Status } from './types.ts';

// Stamps and `not_before`: what each clock shows, and the interval they give together. The stamp legs stand alone: they hold
// or fall by the root and the verifier's own roots and headers, whatever became of the chain of the anchor.

const OTS = 'stamp.opentimestamps';
const EVM = 'eip155:';
const LAST_SECOND = 253_402_300_799; // of the year 9999
const LATER = 'of a kind this version does not know; a newer one may check it';
const SAID: Record<BlockAnswer['outcome'], string> = {
  same: 'has this block',
  other: 'has another block',
  absent: 'has no block at this height',
  unreachable: 'could not be asked',
  bad_answer: 'gave an answer that makes no sense',
  other_history: 'is on a chain of the same number with another first block than the trusted one',
  unknown_history: 'has another block, maybe of another history',
};
const NAMELESS_NODE = 'no node of that chain was asked; name one with --rpc URL';

function check(code: string, status: Status, subject: string, note: string, expected: string | null = null, found: string | null = null): StampCheck {
  return { code, status, subject, expected, found, note, section: 'time' };
}

/** Every rule of docs/stamps.md over the stamps of a bundle. Pure, asks nobody, throws for nothing that a bundle can hold. */
export function checkStamps(input: StampsInput): StampsResult {
  const checks: StampCheck[] = [];
  const clocks: Clock[] = [...(input.anchors ?? [])];
  const headers: BlockHeader[] = [];
  const stamped: Status[] = [];
  for (const [index, value] of input.stamps.entries()) {
    const subject = `stamp ${index + 1}`;
    const stamp = readStamp(value, subject);
    if ('code' in stamp) {
      checks.push(stamp);
    } else if (stamp.kind === 'not_before') {
      headers.push(stamp);
    } else if (input.root === null) {
      checks.push(check(`stamp.${stamp.kind}`, 'unchecked', subject, 'the root could not be recomputed, so there is nothing to hold the stamp against'));
    } else {
      const [found, clock] = stamp.kind === 'rfc3161' ? authority(subject, stamp, input.root, input) : openTimestamps(subject, stamp, input.root, input);
      checks.push(...found);
      stamped.push(found[found.length - 1]!.status);
      if (clock !== null) clocks.push(clock);
    }
  }
  if (stamped.length > 0) checks.push(anyOf(stamped));
  for (const block of input.notBefore) {
    const [found, clock] = notBefore(block, headers, input);
    checks.push(found);
    if (clock !== null) clocks.push(clock);
  }
  checks.push(...unnamed(headers, input.notBefore));
  const interval = intervalOf(clocks);
  checks.push(...agreement(clocks, interval));
  return { checks, clocks, interval };
}

/** The Bitcoin blocks that stamps and `not_before` speak of, each with its merkle root (header order) where it is known: whom to ask for what. */
export function wantedBitcoin(stamps: readonly unknown[], named: readonly NotBefore[]): { height: number; merkleRoot: Uint8Array | null }[] {
  const wanted = new Map<string, { height: number; merkleRoot: Uint8Array | null }>();
  const want = (height: number, merkleRoot: Uint8Array | null): void => {
    wanted.set(`${height} ${merkleRoot === null ? '' : bytesToHex(merkleRoot)}`, { height, merkleRoot });
  };
  const roots = new Map<number, Uint8Array>();
  for (const value of stamps) {
    try {
      const stamp = parseStamp(value);
      if (stamp.kind === 'opentimestamps') for (const block of ots.parseProof(stamp.proof).blocks) want(block.height, block.merkleRoot);
      else if (stamp.kind === 'not_before' && stamp.chain === bitcoin.CHAIN) roots.set(stamp.height, bitcoin.parseHeader(stamp.header).merkleRoot);
    } catch (error) {
      if (!(error instanceof ArchiveError)) throw error; // the rules report what is wrong with it
    }
  }
  for (const block of named) if (block.chain === bitcoin.CHAIN) want(block.height, roots.get(block.height) ?? null);
  return [...wanted.values()].slice(0, MAX_HEIGHTS);
}

const MAX_HEIGHTS = 128;

function readStamp(value: unknown, subject: string): ReturnType<typeof parseStamp> | StampCheck {
  try {
    return parseStamp(value);
  } catch (error) {
    if (!(error instanceof ArchiveError)) throw error;
    const kind = typeof value === 'object' && value !== null && 'kind' in value ? value.kind : null;
    const found = clip(str(kind), 80);
    if (error.code === 'stamp.unknown') return check('stamp.unknown', 'unchecked', subject, `${error.message}: ${LATER}`, null, found);
    return check('stamp.malformed', 'fail', subject, error.message, null, found);
  }
}

/** What a policy asks for: a stamp that holds, whichever. One clock may have made several, so clocks are not counted. */
function anyOf(statuses: readonly Status[]): StampCheck {
  const held = statuses.filter((s) => s === 'pass').length;
  const note = held > 0 ? `${held} of ${statuses.length} stamps hold` : 'no stamp holds yet';
  return check('time.stamps', held > 0 ? 'pass' : 'unchecked', 'stamps', note);
}

type Found = [StampCheck[], Clock | null];

function authority(subject: string, stamp: Rfc3161Stamp, root: string, input: StampsInput): Found {
  const checked = checkStamp(stamp, root, input.roots);
  const checks = checked.steps.map((s) => check(s.code, s.status, subject, s.note, s.expected ?? null, s.found ?? null));
  checks.push(check('stamp.rfc3161', checked.status, subject, `${checked.clock}: ${checked.note}`));
  if (checked.time === null) return [checks, null];
  const { clock: name, time, margin } = checked;
  return [checks, { name, kind: 'rfc3161', bound: 'no_later', time, margin, restsOn: `the time-stamp authority ${name}` }];
}

function openTimestamps(subject: string, stamp: OtsStamp, root: string, input: StampsInput): Found {
  const result = (status: Status, note: string, found: string | null = null): StampCheck => check(OTS, status, subject, note, null, found);
  let proof: ots.Proof;
  try {
    proof = ots.parseProof(stamp.proof);
  } catch (error) {
    if (!(error instanceof ArchiveError)) throw error;
    return [[result(error.code === `${OTS}.version` ? 'unchecked' : 'fail', error.message, error.code)], null];
  }
  if (!ots.isAbout(proof, root)) {
    const note = 'the proof starts from another digest than that of this root';
    return [[check(`${OTS}.subject`, 'fail', subject, note, root, bytesToHex(proof.digest)), result('fail', note)], null];
  }
  const checks = [check(`${OTS}.subject`, 'pass', subject, 'the proof starts from this root')];
  const network = input.network ?? bitcoin.MAINNET;
  const verdicts = proof.blocks.map((block) => ({
    block,
    verdict: bitcoin.judgeBlock(block.height, block, input.bitcoin ?? [], network, input.bitcoinQuorum ?? 2),
  }));
  const good = verdicts.flatMap(({ block, verdict }) => (verdict.header === null ? [] : [{ block, verdict, header: verdict.header }]));
  for (const { block, verdict } of verdicts) {
    // Beside an attestation that holds, another that does not is its calendar's fault and takes nothing away.
    const status = good.length > 0 && verdict.status === 'fail' ? 'unchecked' : verdict.status;
    const place = `${subject}, Bitcoin block ${block.height}`;
    checks.push(check(`${OTS}.block`, status, place, verdict.note, bitcoin.shown(block.merkleRoot), verdict.found));
  }
  if (good.length > 0) {
    const { block, verdict, header } = good.reduce((best, next) => (next.header.time < best.header.time ? next : best));
    const note = `in Bitcoin block ${block.height}: ${verdict.note}`;
    if (!network.provesTime) return [[...checks, result('unchecked', `${note}; the chain '${network.name}' proves no time`)], null];
    return [[...checks, result('pass', note)], bitcoinClock(block.height, header, verdict.who, 'bitcoin', 'no_later')];
  }
  const failed = verdicts.find(({ verdict }) => verdict.status === 'fail');
  if (failed !== undefined) return [[...checks, result('fail', failed.verdict.note, failed.verdict.found)], null];
  if (verdicts[0] !== undefined) return [[...checks, result('unchecked', `complete, and ${verdicts[0].verdict.note}`)], null];
  if (proof.pending.length > 0) {
    const calendars = [...new Set(proof.pending.map((p) => p.uri))].join(', ');
    const note = `pending: only promised by ${calendars}, which proves nothing; 'archive stamp upgrade' completes it`;
    return [[...checks, result('unchecked', note, 'pending')], null];
  }
  return [[...checks, result('unchecked', `attests to what this version does not check: ${proof.other.join(', ') || 'nothing'}`)], null];
}

function bitcoinClock(height: number, header: bitcoin.Header, who: string, kind: 'bitcoin' | 'block', bound: Clock['bound']): Clock {
  return {
    name: `Bitcoin block ${height}`,
    kind,
    bound,
    time: header.time,
    margin: bitcoin.CLOCK_MARGIN,
    restsOn: `Bitcoin's chain, as ${who} has it`,
  };
}

// --- not before -----------------------------------------------------------------------------------------------------

type Judged = [StampCheck, Clock | null];
type Result = (status: Status, note: string, found?: string | null) => StampCheck;

function notBefore(block: NotBefore, headers: readonly BlockHeader[], input: StampsInput): Judged {
  const result: Result = (status, note, found = null) => check('time.not_before', status, `${block.chain} block ${block.height}`, note, block.hash, found);
  const header = headers.find((h) => isOf(h, block));
  if (header === undefined) return [result('unchecked', 'the bundle does not hold the header of the block that the package names'), null];
  if (block.chain === bitcoin.CHAIN) return notBeforeBitcoin(block, header, input, result);
  if (block.chain.startsWith(EVM)) return notBeforeEvm(block, header, input, result);
  return [result('unchecked', 'of a chain that this version does not know'), null];
}

function isOf(header: BlockHeader, block: NotBefore): boolean {
  return header.chain === block.chain && header.height === block.height;
}

function notBeforeBitcoin(block: NotBefore, given: BlockHeader, input: StampsInput, result: Result): Judged {
  const network = input.network ?? bitcoin.MAINNET;
  let header: bitcoin.Header;
  try {
    header = bitcoin.parseHeader(given.header);
    const hash = '0x' + bitcoin.shown(header.hash);
    if (hash !== block.hash) return [result('fail', 'the header in the bundle is not of the block that the package names', hash), null];
    bitcoin.checkWork(header, network);
  } catch (error) {
    if (!(error instanceof ArchiveError)) throw error;
    return [result('fail', error.message, error.code), null];
  }
  const verdict = bitcoin.judgeBlock(block.height, { hash: header.hash }, input.bitcoin ?? [], network, input.bitcoinQuorum ?? 2);
  const found = '0x' + (verdict.status === 'fail' ? (verdict.found ?? '') : bitcoin.shown(header.hash));
  if (verdict.header === null) return [result(verdict.status, `the header fits; ${verdict.note}`, found), null];
  const clock = network.provesTime ? bitcoinClock(block.height, header, verdict.who, 'block', 'no_earlier') : null;
  return [result('pass', `the package was assembled after this block: ${verdict.note}`, found), clock];
}

function notBeforeEvm(block: NotBefore, given: BlockHeader, input: StampsInput, result: Result): Judged {
  const found = to0x(keccak_256(given.header));
  if (found !== block.hash) return [result('fail', 'the header in the bundle is not of the block that the package names', found), null];
  let header: ReturnType<typeof decodeHeader>;
  try {
    header = decodeHeader(given.header);
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    return [result('fail', `the header cannot be read: ${error.message}`), null];
  }
  if (header.number !== block.height) return [result('fail', 'the header is of another height', String(header.number)), null];
  const answers = (input.blocks ?? []).filter((a) => a.chain === block.chain && a.height === block.height);
  const need = input.quorum ?? input.chainQuorums?.[block.chain] ?? Math.max(1, Math.floor((places(answers).size + 1) / 2));
  const same = answers.filter((a) => a.outcome === 'same');
  const against = largestGroup(answers.filter((a) => a.outcome === 'other' || a.outcome === 'unknown_history'));
  const holds = places(same).size >= need;
  const denied = places(against).size >= need;
  const names = namesOf(same);
  if (denied && !holds) {
    const note = `${namesOf(against)}: another block stands at this height`;
    const other = against[0]?.found ?? null;
    if (against[0]?.outcome !== 'unknown_history') return [result('fail', note, other), null];
    return [result('unchecked', `${note}; which history of this chain's number is meant, your trust file does not tell`, other), null];
  }
  if (denied) return [result('unchecked', `the sources disagree: ${names} has this block, ${namesOf(against)} another`, found), null];
  if (!holds) {
    const said = answers.map((a) => `${a.source}: ${SAID[a.outcome]}`).join('; ') || NAMELESS_NODE;
    const short = same.length > 0 || against.length > 0 ? `; ${places(same).size} of ${need} needed have this block` : '';
    return [result('unchecked', `the header fits; whether it is in the chain is not known${short}: ${said}`, found), null];
  }
  const clock: Clock = {
    name: `block ${block.height} of ${block.chain}`,
    kind: 'block',
    bound: 'no_earlier',
    time: header.timestamp,
    margin: 0,
    restsOn: `the chain ${block.chain}, as ${names} has it`,
  };
  return [result('pass', `the package was assembled after this block, which ${names} has`, found), clock];
}

function places(answers: readonly BlockAnswer[]): Set<string> {
  return new Set(answers.map((a) => a.place || a.source));
}

function namesOf(answers: readonly BlockAnswer[]): string {
  return [...new Set(answers.map((a) => a.source))].join(', ');
}

/** Those that have the same other block, of the one that most places have. */
function largestGroup(answers: readonly BlockAnswer[]): BlockAnswer[] {
  const groups = new Map<string | undefined, BlockAnswer[]>();
  for (const answer of answers) groups.set(answer.found, [...(groups.get(answer.found) ?? []), answer]);
  return [...groups.values()].reduce((best, next) => (places(next).size > places(best).size ? next : best), []);
}

/** Headers that the package itself does not name show nothing: anybody can put one beside it. */
function unnamed(headers: readonly BlockHeader[], named: readonly NotBefore[]): StampCheck[] {
  return headers
    .filter((h) => !named.some((block) => isOf(h, block)))
    .map((h) => check('stamp.unknown', 'unchecked', `${h.chain} block ${h.height}`, 'the header of a block that the package does not name, which shows nothing'));
}

// --- together -------------------------------------------------------------------------------------------------------

/** The moment with the clock's error on the safe side. */
export function limitOf(clock: Clock): number {
  return clock.bound === 'no_later' ? clock.time + clock.margin : clock.time - clock.margin;
}

function intervalOf(clocks: readonly Clock[]): Interval {
  const later = clocks.filter((c) => c.bound === 'no_later');
  const earlier = clocks.filter((c) => c.bound === 'no_earlier');
  const disagree = new Set<string>();
  for (const late of later) {
    for (const early of earlier) {
      if (limitOf(late) >= limitOf(early)) continue;
      disagree.add(`${late.name} says no later than ${moment(limitOf(late))}, ${early.name} no earlier than ${moment(limitOf(early))}`);
    }
  }
  const first = (list: readonly Clock[], better: (a: Clock, b: Clock) => boolean): Clock | null =>
    list.reduce<Clock | null>((best, next) => (best === null || better(next, best) ? next : best), null);
  return {
    noEarlier: first(earlier, (a, b) => limitOf(a) > limitOf(b)),
    noLater: first(later, (a, b) => limitOf(a) < limitOf(b)),
    disagree: [...disagree],
  };
}

function moment(timestamp: number): string {
  return `${plainTime(Math.max(0, Math.min(timestamp, LAST_SECOND)))} UTC`;
}

/** A clock that puts the package before a block it names is wrong, or lies: which one, nobody can tell from here. */
function agreement(clocks: readonly Clock[], interval: Interval): StampCheck[] {
  if (new Set(clocks.map((c) => c.bound)).size < 2) return [];
  if (interval.disagree.length === 0) return [check('time.clocks', 'pass', 'clocks', 'no clock contradicts another')];
  const note = `clocks contradict each other, so one of them is wrong: ${interval.disagree.join('; ')}`;
  return [check('time.clocks', 'unchecked', 'clocks', note)];
}
