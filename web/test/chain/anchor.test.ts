import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkAnchor, describeStep, parseAnchorProof, type AnchorInspection } from '../../src/chain/anchor.ts';
import { batchRoot, incidentKey } from '../../src/chain/registry.ts';
import { ArchiveError } from '../../src/errors.ts';
import { contentDigest } from '../../src/format/cid.ts';
import { bytesToHex } from '../../src/chain/codec.ts';
import { ROOT } from '../vectors.ts';

type Json = Record<string, any>;

const GOLDEN = join(ROOT, 'tests', 'golden');
const bundles = readdirSync(GOLDEN, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.proof.json'))
  .sort();

function read(name: string): Json | null {
  try {
    return JSON.parse(readFileSync(join(GOLDEN, name), 'utf8'));
  } catch {
    return null;
  }
}

function inspect(value: unknown): AnchorInspection | string {
  try {
    return checkAnchor(parseAnchorProof(value));
  } catch (error) {
    if (error instanceof ArchiveError) return error.code;
    throw error;
  }
}

/** Codes of steps that are not passed; a code alone where the proof has not the right form. */
function problems(value: unknown): string[] {
  const found = inspect(value);
  return typeof found === 'string' ? [found] : found.steps.filter((step) => step.status !== 'pass').map((step) => step.code);
}

/** Altered bundles whose anchors do not hold by themselves; in all others each anchor does. */
const WRONG: Readonly<Record<string, string[]>> = {
  '1/altered/anchor-of-a-later-kind': ['anchor.malformed'],
  '1/altered/another-chains-anchor': ['anchor.tx_chain_id'],
  '1/altered/block-header-altered': ['anchor.header_hash'],
  '1-registry/altered/anchor-as-batch': ['anchor.log_topic'],
  '1-registry/altered/batch-as-anchor': ['anchor.log_topic'],
  '1-registry/altered/batch-without-path': ['anchor.malformed'],
  '1-registry/altered/count-lies': ['anchor.batch_count'],
  '1-registry/altered/request-altered': ['anchor.tx_hash'],
};

for (const name of bundles) {
  const bundle = read(name);
  test(`golden anchors: ${name}`, () => {
    if (bundle === null) {
      assert.match(name, /truncated/);
      return;
    }
    const expected = WRONG[name.replace('.proof.json', '')] ?? [];
    for (const anchor of bundle['anchors']) assert.deepEqual(problems(anchor), expected);
  });
}

const PLAIN = read('1/plain/bundle.proof.json')!;
const GOOD = bundles.filter((name) => name.endsWith('/bundle.proof.json')).map((name) => [name, read(name)!] as const);

for (const [name, { anchors, entries, root, content_id }] of GOOD) {
  test(`what is proven is about the package: ${name}`, () => {
    const header = entries[0];
    for (const anchor of anchors) {
      const found = inspect(anchor) as AnchorInspection;
      const { proven } = found;
      assert.ok(proven);
      assert.ok(proven.direct);
      assert.equal(proven.publisher, header.publisher ?? proven.publisher);
      assert.equal(proven.blockHash, anchor.block.hash);
      const member = { incidentKey: incidentKey(header.incident), root, contentDigest: bytesToHex(contentDigest(content_id)) };
      if (proven.place === null) {
        assert.deepEqual(
          [proven.root, proven.previous, proven.contentDigest, proven.incidentKey],
          [root, header.previous_root, member.contentDigest, member.incidentKey],
        );
      } else {
        assert.equal(batchRoot(member, proven.place), proven.root);
      }
    }
  });
}

/** Places of hex text inside a value that the proof covers; `genesis` is claimed and compared with a trust file. */
function* covered(value: unknown, at: (string | number)[] = []): Generator<(string | number)[]> {
  if (typeof value === 'string') {
    if (!['kind', 'genesis'].includes(String(at[0]))) yield at;
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, inner] of Object.entries(value)) yield* covered(inner, [...at, Array.isArray(value) ? Number(key) : key]);
  }
}

function changed(value: Json, at: readonly (string | number)[], change: (old: any) => unknown): Json {
  const copy = structuredClone(value);
  let inner: any = copy;
  for (const key of at.slice(0, -1)) inner = inner[key];
  inner[at.at(-1)!] = change(inner[at.at(-1)!]);
  return copy;
}

/** Whether the anchor still proves something of this package. */
function stands(anchor: Json, bundle: Json): boolean {
  const found = inspect(anchor);
  if (typeof found === 'string' || found.proven === null) return false;
  const { proven } = found;
  if (proven.place === null) return true;
  const member = { incidentKey: incidentKey(bundle['entries'][0].incident), root: bundle['root'], contentDigest: bytesToHex(contentDigest(bundle['content_id'])) };
  try {
    return batchRoot(member, proven.place) === proven.root;
  } catch (error) {
    assert.ok(error instanceof ArchiveError);
    return false;
  }
}

// Not every byte, for most cost the recovery of a signer: every 5th or so, from a start that differs from field to field.
const STRIDE = 6;

for (const [name, bundle] of GOOD) {
  test(`no byte of a proof can be altered: ${name}`, () => {
    let start = 0;
    for (const anchor of bundle['anchors']) {
      for (const at of covered(anchor)) {
        start += 1;
        const text: string = at.reduce((inner: any, key) => inner[key], anchor);
        const first = text.startsWith('0x') ? 2 : 0;
        for (let place = first + (start % (2 * STRIDE)); place < text.length; place += 2 * STRIDE - 1) {
          const bit = 1 << place % 4;
          const flip = (old: string) => old.slice(0, place) + (parseInt(old[place]!, 16) ^ bit).toString(16) + old.slice(place + 1);
          assert.ok(!stands(changed(anchor, at, flip), bundle), `${at.join('/')} at ${place}`);
        }
        for (const other of [text.slice(0, -2), text + '00', first === 2 ? '0x' + text.slice(4) : text.slice(2), text.toUpperCase(), '']) {
          assert.ok(!stands(changed(anchor, at, () => other), bundle), `${at.join('/')} as ${other.slice(0, 20)}`);
        }
      }
      for (const at of [['block', 'number'], ['transaction', 'index'], ['log_index'], ['chain_id'], ...(anchor.kind === 'batch' ? [['index'], ['count']] : [])]) {
        for (const other of [(old: number) => old + 1, (old: number) => old - 1, (old: number) => old + 256, String, () => true, () => null, () => 1.5]) {
          assert.ok(!stands(changed(anchor, at, other), bundle), at.join('/'));
        }
      }
      for (const part of ['transaction', 'receipt']) {
        const doubled = (nodes: string[]) => [...nodes, nodes[0]!];
        assert.ok(!stands(changed(anchor, [part, 'proof'], doubled), bundle));
        assert.ok(!stands(changed(anchor, [part, 'proof'], () => []), bundle));
      }
    }
  });
}

test('an anchor of another form is malformed, and says where', () => {
  const anchor: Json = PLAIN['anchors'][0];
  const why = (value: unknown): string => {
    try {
      parseAnchorProof(value);
    } catch (error) {
      assert.ok(error instanceof ArchiveError);
      assert.equal(error.code, 'anchor.malformed');
      return error.message;
    }
    return '';
  };
  assert.equal(why(anchor), '');
  for (const key of Object.keys(anchor)) assert.match(why(changed(anchor, [key], () => null)), new RegExp(key));
  for (const value of [null, [], 'anchor', { ...anchor, more: 1 }, { ...anchor, state: null }, { ...anchor, path: [] }]) assert.notEqual(why(value), '');
  assert.match(why({ ...anchor, consensus: [] }), /consensus/);
  assert.match(why(changed(anchor, ['block', 'header'], () => '0x' + '00'.repeat(16 * 1024 + 1))), /block/);
  assert.match(why(changed(anchor, ['receipt', 'proof'], (nodes) => Array(11).fill(nodes[0]))), /receipt/);
});

test('a receipt and a transaction that are both wrong are both told', () => {
  const anchor: Json = PLAIN['anchors'][0];
  const both = changed(changed(anchor, ['receipt', 'raw'], (old) => old + '00'), ['transaction', 'raw'], (old) => old + '00');
  assert.deepEqual(problems(both), ['anchor.receipt_proof', 'anchor.tx_hash']);
  const { steps } = inspect(both) as AnchorInspection;
  assert.deepEqual(steps[0], { code: 'anchor.header_hash', status: 'pass', expected: anchor['block'].hash, found: anchor['block'].hash });
  assert.ok(steps.every((step) => describeStep(step.code) !== step.code));
});
