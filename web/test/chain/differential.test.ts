import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { to0x, utf8ToBytes } from '../../src/bytes.ts';
import { checkAbsence, readAbsence } from '../../src/chain/absence.ts';
import { checkAnchor, parseAnchorProof } from '../../src/chain/anchor.ts';
import { bytesToHex, concatBytes, keccak } from '../../src/chain/codec.ts';
import { checkConsensus } from '../../src/chain/consensus.ts';
import { parsePin, parseRules } from '../../src/chain/pins.ts';
import { decodeRlp, encodeInt, encodeList, encodeString, items } from '../../src/chain/rlp.ts';
import type { Step } from '../../src/chain/steps.ts';
import { ArchiveError } from '../../src/errors.ts';
import { generator, mutate, noPython } from '../stamps/differential.ts';
import { ROOT, vectors } from '../vectors.ts';
import { hex } from './headers.ts';

// Anchors, exclusion proofs and votes, changed at random but from a seed, shown to both verifiers: every step is the same.

const SEED = Number(process.env['CHAIN_SEED'] ?? 1);
const ROUNDS = Number(process.env['CHAIN_ROUNDS'] ?? 300);

type Json = Record<string, any>;
type Below = (below: number) => number;

const GOLDEN = join(ROOT, 'tests', 'golden');
const STATES: { input: Json }[] = vectors<{ vectors: { input: Json }[] }>('state.json').vectors;
const ANCHORS: Json[] = [
  ...readdirSync(GOLDEN, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.proof.json') && !name.includes('truncated'))
    .flatMap((name): Json[] => JSON.parse(readFileSync(join(GOLDEN, name), 'utf8')).anchors),
  ...STATES.flatMap(({ input }) => input['anchor'] ?? []),
];
const WHOLE = ANCHORS.filter((anchor) => anchor['transaction'] !== undefined);
const ABSENCES: Json[] = STATES.flatMap(({ input }) => input['absence'] ?? []);
const CASES: Json[] = vectors<{ cases: Json[] }>('consensus.json').cases;

function askPython(questions: readonly Json[]): Json[] {
  const done = spawnSync(join(ROOT, '.venv', 'bin', 'python'), [join(ROOT, 'web', 'test', 'chain', 'oracle.py')], {
    cwd: ROOT,
    input: questions.map((question) => JSON.stringify(question)).join('\n') + '\n',
    encoding: 'utf8',
    maxBuffer: 1 << 30,
  });
  if (done.status !== 0) throw new Error(done.stderr);
  return done.stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as Json);
}

function ask(question: Json): Json {
  const told = (steps: readonly Step[]) => steps.map(({ code, status, expected, found }) => [code, status, expected, found]);
  try {
    if (question['kind'] === 'consensus') return { check: final(question) };
    if (question['kind'] === 'absence') {
      const { steps, proven: p } = checkAbsence(readAbsence(utf8ToBytes(JSON.stringify(question['value']))));
      return { steps: told(steps), proven: p && [p.publisher, p.root, p.blockNumber, p.blockHash, p.timestamp, p.codeHash] };
    }
    const { steps, proven: p } = checkAnchor(parseAnchorProof(question['value']));
    const proven = p && [
      p.publisher, p.incidentKey, p.root, p.previous, p.contentDigest, p.ordinal, p.blockNumber, p.blockHash, p.timestamp, p.txHash, p.sender, p.direct,
      p.codeHash,
    ];
    return { steps: told(steps), proven };
  } catch (error) {
    if (error instanceof ArchiveError) return { error: error.code };
    throw error;
  }
}

function final({ rules, pins, block, consensus }: Json): unknown[] {
  const trust = { validatorSets: pins.map(parsePin), consensusRules: [parseRules(rules)] };
  const found = checkConsensus({ chainId: rules.chain_id, genesis: rules.genesis, header: block }, consensus, trust);
  assert.ok(found);
  return [found.status, found.found, found.final === null ? found.note : '', found.final?.votes ?? null];
}

function compare(questions: readonly Json[]): void {
  const python = askPython(questions);
  const seen = new Set<string>();
  const different = questions.flatMap((question, i) => {
    const [ours, theirs] = [ask(question), python[i]!];
    seen.add(theirs['error'] ?? theirs['check']?.[1] ?? theirs['steps']?.at(-1)[0]);
    // What is malformed is told in words of each verifier's own.
    if (ours['check']?.[1] === 'consensus.malformed') ours['check'][2] = theirs['check']?.[2];
    if (JSON.stringify(ours) === JSON.stringify(theirs)) return [];
    return [`here   ${JSON.stringify(ours)}\nPython ${JSON.stringify(theirs)}\n${JSON.stringify(question)}`];
  });
  assert.equal(different.length, 0, `seed ${SEED}: ${different.length} of ${questions.length} differ\n${different.slice(0, 3).join('\n\n')}`);
  assert.ok(seen.size > 5, `only ${[...seen].join(', ')} came up`);
}

/** Some text or number somewhere in a value, changed. */
function changed(value: Json, below: Below): Json {
  const copy = structuredClone(value);
  const places: [Json, string][] = [];
  const walk = (holder: Json): void => {
    for (const [key, inner] of Object.entries(holder)) {
      if (typeof inner === 'object' && inner !== null) walk(inner);
      else places.push([holder, key]);
    }
  };
  walk(copy);
  const [holder, key] = places[below(places.length)]!;
  const old: unknown = holder[key];
  if (typeof old === 'string' && old.startsWith('0x') && below(8) > 0) holder[key] = to0x(mutate(hex(old), below));
  else if (typeof old === 'number') holder[key] = [old + 1, old - 1, 0, -1, 2 ** 53 - 1, true, null, String(old)][below(8)];
  else holder[key] = [null, '', 'x', `${String(old)}0`, 1, [], {}][below(7)];
  return copy;
}

/** Hashes made to fit what was changed, so that later steps are reached. */
function hashed(anchor: Json): Json {
  const copy = structuredClone(anchor);
  for (const [part, of] of [[copy['block'], 'header'], [copy['transaction'], 'raw']] as const) {
    if (typeof part?.[of] === 'string' && /^0x([0-9a-f]{2})+$/.test(part[of])) part.hash = to0x(keccak(hex(part[of])));
  }
  return copy;
}

/** Transaction or receipt changed, and put into a block of its own. */
function replaced(anchor: Json, below: Below): Json {
  const copy = structuredClone(anchor);
  const part = copy[below(2) === 0 ? 'transaction' : 'receipt'];
  const raw = mutate(hex(part.raw), below);
  part.raw = to0x(raw.length === 0 ? new Uint8Array([0]) : raw);
  const key = bytesToHex(encodeInt(copy['transaction'].index));
  const leaf = (text: string): Uint8Array => encodeList([encodeString(hex((key.length % 2 === 0 ? '20' : '3') + key)), encodeString(hex(text))]);
  const [sent, told] = [leaf(copy['transaction'].raw), leaf(copy['receipt'].raw)];
  copy['transaction'].proof = [to0x(sent)];
  copy['receipt'].proof = [to0x(told)];
  const fields = [...items(decodeRlp(hex(copy['block'].header)))].map((field) => field.encoded);
  fields[4] = encodeString(keccak(sent));
  fields[5] = encodeString(keccak(told));
  copy['block'].header = to0x(encodeList(fields));
  return hashed(copy);
}

/** One field of a header changed, its RLP made to fit; or any of its bytes. */
function changedHeader(text: string, below: Below): string {
  if (below(3) === 0) return to0x(mutate(hex(text), below));
  const fields = [...items(decodeRlp(hex(text)))].map((field) => field.payload);
  const place = [12, 12, 12, 8, 11, 7, 13, below(fields.length)][below(8)]!;
  fields[place] = mutate(concatBytes(fields[place]!, new Uint8Array(fields[place]!.length === 0 ? 1 : 0)), below);
  return to0x(encodeList(fields.map(encodeString)));
}

function changedVotes(known: Json, below: Below): Json {
  const copy = structuredClone(known);
  const { headers, epochs } = copy['consensus'];
  const one = (list: string[]): void => {
    const place = below(list.length);
    list[place] = changedHeader(list[place]!, below);
  };
  switch (below(9)) {
    case 0: copy['block'] = changedHeader(copy['block'], below); break;
    case 1: case 2: case 3: one(headers); break;
    case 4: one(epochs[0] ?? headers); break;
    case 5: headers.splice(below(headers.length), 1); break;
    case 6: copy['pins'] = CASES[below(CASES.length)]!['pins']; break;
    case 7: copy['rules'].fork = ['plato', 'london', 'cancun', 'bohr', 'prague', 'lorentz', 'maxwell'][below(7)]; break;
    default: copy['consensus'][['kind', 'headers', 'epochs', 'more'][below(4)]!] = [null, 'x', [], [[]], {}][below(5)];
  }
  return copy;
}

const pick = <T>(list: readonly T[], below: Below): T => list[below(list.length)]!;

test('anchors, word for word, as they are and changed', { skip: noPython }, () => {
  const below = generator(SEED);
  const questions = ANCHORS.map((value): Json => ({ kind: 'anchor', value }));
  for (let i = 0; i < ROUNDS; i++) {
    const once = changed(pick(ANCHORS, below), below);
    questions.push({ kind: 'anchor', value: once }, { kind: 'anchor', value: hashed(once) }, { kind: 'anchor', value: replaced(pick(WHOLE, below), below) });
  }
  compare(questions);
});

test('exclusion proofs, word for word, as they are and changed', { skip: noPython }, () => {
  const below = generator(SEED);
  const changes = Array.from({ length: ROUNDS }, () => changed(pick(ABSENCES, below), below));
  compare([...ABSENCES, ...changes].map((value) => ({ kind: 'absence', value })));
});

test('votes, word for word, as they are and changed', { skip: noPython }, () => {
  const below = generator(SEED);
  compare([...CASES, ...Array.from({ length: ROUNDS / 2 }, () => changedVotes(pick(CASES, below), below))].map((known) => ({ ...known, kind: 'consensus' })));
});
