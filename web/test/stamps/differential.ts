import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fromHex } from '../../src/bytes.ts';
import { checkStamps, REGTEST, type BitcoinAnswer, type BlockAnswer, type NotBefore } from '../../src/stamps/index.ts';
import { ROOT } from '../vectors.ts';
import { pemToDer } from './support.ts';

/** What both verifiers are asked: plain JSON. */
export interface Question {
  root: string | null;
  stamps: unknown[];
  not_before: NotBefore[];
  roots: { name: string; certificate: string; policies: string[] }[];
  bitcoin: { height: number; source: string; kind: BitcoinAnswer['kind']; header: string | null; problem?: string }[];
  blocks: BlockAnswer[];
  quorum: number | null;
  proves_time: boolean;
}

export type Line = [code: string, status: string, subject: string, expected: string | null, found: string | null, note: string | null];
export interface Said {
  crash?: string;
  checks: Line[];
  clocks: [string, string, number, number][];
}

const PYTHON = join(ROOT, '.venv', 'bin', 'python');
export const noPython: false | string = existsSync(PYTHON) ? false : `${PYTHON} is not there: Python's answers cannot be compared`;

export function ask(question: Question): Said {
  const { checks, clocks } = checkStamps({
    stamps: question.stamps,
    notBefore: question.not_before,
    root: question.root,
    roots: question.roots.map((r) => ({ ...r, certificate: pemToDer(r.certificate) })),
    bitcoin: question.bitcoin.map((b) => ({ ...b, header: b.header === null ? null : fromHex(b.header)! })),
    blocks: question.blocks,
    network: { ...REGTEST, provesTime: question.proves_time },
    quorum: question.quorum,
  });
  return {
    checks: checks.map((c) => [c.code, c.status, c.subject, c.expected, c.found, c.note]),
    clocks: clocks.map((c) => [c.name, c.bound, c.time, c.margin]),
  };
}

/** Questions about chains of certificates that are put together at random. */
export function craft(seed: number, count: number): Question[] {
  return run('crafted.py', [String(seed), String(count)], '').map((line) => JSON.parse(line) as Question);
}

function run(script: string, args: readonly string[], input: string): string[] {
  const done = spawnSync(PYTHON, [join(ROOT, 'web', 'test', 'stamps', script), ...args], { cwd: ROOT, input, encoding: 'utf8', maxBuffer: 1 << 30 });
  if (done.status !== 0) throw new Error(done.stderr);
  return done.stdout.trimEnd().split('\n');
}

/** Python's answers to all questions, from one process. */
export function askPython(questions: readonly Question[]): Said[] {
  return run('oracle.py', [], questions.map((q) => JSON.stringify(q)).join('\n') + '\n').map((line) => JSON.parse(line) as Said);
}

/** What of an answer has to be the same: everything but the words of a chain that OpenSSL, or a library, explains in its own. */
export function comparable(said: Said): unknown {
  return { checks: said.checks.map((c) => c.slice(0, 5)), clocks: said.clocks };
}

/** Numbers from a seed (mulberry32): the same on every machine. */
export function generator(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * below);
  };
}

/** A change of bytes: a bit, a byte, a part taken out, doubled or put in, the end cut off. */
export function mutate(bytes: Uint8Array, below: (n: number) => number): Uint8Array {
  const list = [...bytes];
  for (let i = 1 + below(2); i > 0 && list.length > 0; i--) {
    const place = below(list.length);
    const size = 1 + below(8);
    switch (below(9)) {
      case 0: case 1: case 2: list[place]! ^= 1 << below(8); break;
      case 3: list[place] = below(256); break;
      case 4: list[place] = [0, 1, 0x7f, 0x80, 0xff][below(5)]!; break;
      case 5: list.splice(place, size); break;
      case 6: list.splice(place, 0, ...list.slice(place, place + size)); break;
      case 7: list.splice(place, 0, ...Array.from({ length: size }, () => below(256))); break;
      default: if (below(4) === 0) list.length = place; else list[place] = (list[place]! + 1) & 0xff;
    }
  }
  return Uint8Array.from(list);
}
