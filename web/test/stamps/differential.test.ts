import assert from 'node:assert/strict';
import { test } from 'node:test';
import { vectors } from '../vectors.ts';
import { ask, askPython, comparable, craft, generator, mutate, noPython, type Question, type Said } from './differential.ts';

// The same stamps, changed at random but from a seed, shown to both verifiers: they say the same, and neither breaks.

const SEED = Number(process.env['STAMPS_SEED'] ?? 1);
const ROUNDS = Number(process.env['STAMPS_ROUNDS'] ?? 4);

interface Case {
  name: string;
  root: string;
  stamp: Record<string, unknown>;
  roots: string[];
  policies: string[];
  bitcoin: Question['bitcoin'];
}

interface Block {
  name: string;
  not_before: Question['not_before'][number];
  stamps: Record<string, unknown>[];
  bitcoin: Question['bitcoin'];
  answers: Question['blocks'];
  quorum: number | null;
}

const FILE = vectors<{ cases: Case[]; blocks: Block[] }>('stamps.json');

/** A vector, or two stamps of different ones over one root, with all that is known of either. */
function question(...known: Case[]): Question {
  const roots = [...new Set(known.flatMap((k) => k.roots))];
  return {
    root: known[0]!.root,
    stamps: known.map((k) => k.stamp),
    not_before: [],
    roots: roots.map((certificate, n) => ({ name: `root ${n}`, certificate, policies: known[0]!.policies })),
    bitcoin: known.flatMap((k) => k.bitcoin),
    blocks: [],
    quorum: null,
    proves_time: true,
  };
}

function blockQuestion(known: Block): Question {
  return {
    root: FILE.cases[0]!.root,
    stamps: known.stamps,
    not_before: [known.not_before],
    roots: [],
    bitcoin: known.bitcoin,
    blocks: known.answers,
    quorum: known.quorum,
    proves_time: true,
  };
}

/** One of the blobs of a stamp, changed. */
function changed(stamp: Record<string, unknown>, below: (n: number) => number): Record<string, unknown> {
  const copy = structuredClone(stamp);
  const places: { holder: Record<string, unknown> | unknown[]; key: string | number }[] = [];
  for (const holder of [copy, ...((copy['renewals'] as Record<string, unknown>[] | undefined) ?? [])]) {
    for (const key of ['token', 'proof']) if (typeof holder[key] === 'string') places.push({ holder, key });
    for (const key of ['certificates', 'crls', 'ocsp']) {
      for (const index of ((holder[key] as unknown[] | undefined) ?? []).keys()) places.push({ holder: holder[key] as unknown[], key: index });
    }
  }
  if (places.length === 0) return copy;
  const { holder, key } = places[below(places.length)]!;
  const at = holder as Record<string | number, unknown>;
  const bytes = mutate(new Uint8Array(Buffer.from(at[key] as string, 'base64')), below);
  at[key] = Buffer.from(bytes).toString('base64');
  return copy;
}

function compare(questions: readonly Question[]): void {
  const python = askPython(questions);
  const different = questions.flatMap((one, i) => {
    const ours = ask(one);
    const theirs = python[i]!;
    if (theirs.crash === undefined && JSON.stringify(comparable(ours)) === JSON.stringify(comparable(theirs))) return [];
    const said = (checks: Said['checks']): string => JSON.stringify(checks.filter((c) => !c[0].startsWith('time.')).map((c) => [c[0], c[1], c[5]]));
    return [`question ${i}\nhere   ${said(ours.checks)}\nPython ${theirs.crash ?? said(theirs.checks)}\n${JSON.stringify(one)}`];
  });
  assert.equal(different.length, 0, `seed ${SEED}: ${different.length} of ${questions.length} differ\n${different.slice(0, 5).join('\n\n')}`);
}

test('every vector, word for word', { skip: noPython }, () => {
  const questions = [...FILE.cases.map((known) => question(known)), ...FILE.blocks.map(blockQuestion)];
  const names = [...FILE.cases, ...FILE.blocks].map((known) => known.name);
  const python = askPython(questions);
  // OpenSSL and the other libraries say why they refuse in words of their own.
  const words = (said: Said): unknown => said.checks.map((c) => (c[1] === 'fail' || c[0] === 'stamp.rfc3161.der' ? c.slice(0, 5) : c));
  questions.forEach((one, i) => {
    const ours = ask(one);
    assert.equal(python[i]!.crash, undefined);
    assert.deepEqual([words(ours), ours.clocks], [words(python[i]!), python[i]!.clocks], names[i]);
  });
});

test('stamps beside one another: the interval, and clocks that contradict', { skip: noPython }, () => {
  const below = generator(SEED);
  const pick = <T>(items: readonly T[]): T => items[below(items.length)]!;
  const same = FILE.cases.filter((k) => k.root === FILE.cases[0]!.root && k.policies.length === 0);
  compare(
    Array.from({ length: 10 * ROUNDS }, () => {
      const stamps = question(pick(same), pick(same));
      const block = blockQuestion(pick(FILE.blocks));
      return { ...stamps, ...block, roots: stamps.roots, stamps: [...stamps.stamps, ...block.stamps], bitcoin: [...stamps.bitcoin, ...block.bitcoin] };
    }),
  );
});

test('changed tokens and proofs', { skip: noPython }, () => {
  const below = generator(SEED);
  const questions: Question[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    for (const known of FILE.cases) questions.push({ ...question(known), stamps: [changed(known.stamp, below)] });
  }
  compare(questions);
});

test('changed headers of blocks', { skip: noPython }, () => {
  const below = generator(SEED);
  compare(
    Array.from({ length: ROUNDS }, () => FILE.blocks).flat().map((known) => ({
      ...blockQuestion(known),
      stamps: known.stamps.map((stamp) => ({ ...stamp, header: `0x${Buffer.from(mutate(Buffer.from(String(stamp['header']).slice(2), 'hex'), below)).toString('hex')}` })),
    })),
  );
});

test('chains of certificates put together at random', { skip: noPython }, () => compare(craft(SEED, Number(process.env['STAMPS_CHAINS'] ?? 120))));
