// Packages and bundles that an earlier version published: read as they are, and the altered ones refused.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { bytesToHex, fromHex } from '../../src/bytes.ts';
import { ArchiveError } from '../../src/errors.ts';
import { parseBundle } from '../../src/format/bundle.ts';
import * as canonical from '../../src/format/canonical.ts';
import { verifyCar } from '../../src/format/car.ts';
import { checkDirectory } from '../../src/format/contents.ts';
import { leafHash } from '../../src/format/entries.ts';
import { manifestFromLeaves } from '../../src/format/manifest.ts';
import { merkleRoot } from '../../src/format/merkle.ts';
import { parseReveal, revealedRoot } from '../../src/format/reveal.ts';
import { RowsHasher } from '../../src/format/rows.ts';
import { bytesSource } from '../../src/format/source.ts';
import { digestBytes } from '../../src/hash/file.ts';
import { ROOT } from '../vectors.ts';

const GOLDEN = join(ROOT, 'tests', 'golden');
const read = (...path: string[]): Uint8Array<ArrayBuffer> => new Uint8Array(readFileSync(join(GOLDEN, ...path)));
const found = (name: string): string[] =>
  readdirSync(GOLDEN, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith(name)).sort();

const codeOf = (code: string) => (error: unknown) => error instanceof ArchiveError && error.code === code;

const packages = found('package.car').map((path) => path.slice(0, -'/package.car'.length));
assert(packages.length >= 8);

for (const folder of packages) {
  test(`package ${folder}`, async () => {
    const bundle = parseBundle(read(folder, 'bundle.proof.json'));
    const manifest = manifestFromLeaves(bundle.entries);
    assert.equal(manifest.root(), bundle.root);
    assert.equal(bytesToHex(merkleRoot(bundle.entries.map(leafHash))), bundle.root);
    assert.equal(checkDirectory(manifest, bundle.directory), bundle.content_id);
    assert.equal(digestBytes(canonical.dumps(bundle.record)).sha256, manifest.record.sha256);
    const steps: number[] = [];
    const unpacked = await verifyCar(new Blob([read(folder, 'package.car')]), {
      contentId: bundle.content_id,
      onProgress: (done) => steps.push(done),
    });
    assert.equal(unpacked.root, bundle.root);
    assert.deepEqual(unpacked.record, bundle.record);
    assert.deepEqual(unpacked.files.map(({ path, cid, tsize }) => ({ path, cid, tsize })), bundle.directory);
    assert.deepEqual(steps, [...steps].sort((a, b) => a - b));
  });

  test(`bundle ${folder}: cut anywhere it is no bundle`, () => {
    const data = read(folder, 'bundle.proof.json');
    for (let length = 1; length < data.length - 1; length += Math.ceil(data.length / 40)) {
      assert.throws(() => parseBundle(data.subarray(0, length)), codeOf('bundle.truncated'));
    }
  });

  test(`package ${folder}: any bit that is flipped is found`, async () => {
    const data = read(folder, 'package.car');
    for (let at = 0; at < data.length; at += Math.ceil(data.length / 80)) {
      const other = data.slice();
      other[at]! ^= 1 << at % 8;
      await assert.rejects(verifyCar(bytesSource(other)), ArchiveError);
    }
  });
}

test('altered bundles of which the shape is at fault', () => {
  const expected = {
    'truncated.proof.json': 'bundle.truncated',
    'duplicate-key.proof.json': 'bundle.duplicate_key',
    'bundle-of-a-later-format.proof.json': 'bundle.unknown_format',
  };
  for (const [name, code] of Object.entries(expected)) {
    assert.throws(() => parseBundle(read('1', 'altered', name)), codeOf(code));
  }
});

test('altered bundles of which only the content is at fault are read', () => {
  const shapes = ['truncated.proof.json', 'duplicate-key.proof.json', 'bundle-of-a-later-format.proof.json'];
  for (const path of found('.proof.json')) {
    if (path.includes('altered') && !shapes.some((name) => path.endsWith(name))) parseBundle(read(path));
  }
});

test('a CAR with a flipped byte, and one of another package', async () => {
  await assert.rejects(verifyCar(bytesSource(read('1', 'altered', 'flipped-byte.car'))), codeOf('car.bad_block_hash'));
  const other = parseBundle(read('1', 'plain-second', 'bundle.proof.json')).content_id;
  const car = bytesSource(read('1', 'plain', 'package.car'));
  await assert.rejects(verifyCar(car, { contentId: other }), codeOf('car.other_root'));
});

/** Throws where a reveal is not sound against the package of tests/golden/1-rows. */
function checkReveal(path: string): void {
  const { root, withheld } = ((manifest) => ({ root: manifest.root(), withheld: manifest.withheld }))(
    manifestFromLeaves(parseBundle(read('1-rows', 'rows', 'bundle.proof.json')).entries),
  );
  const reveal = parseReveal(read(path));
  assert.equal(reveal.root, root);
  const leaf = withheld.find(({ commitment }) => commitment === reveal.commitment);
  assert(leaf);
  if (reveal.kind === 'row') {
    assert.deepEqual([reveal.rows_root, reveal.rows_count], [leaf.rows_root, leaf.rows_count]);
    assert.equal(revealedRoot(reveal), leaf.rows_root);
  } else if (reveal.rows_key !== null) {
    const lines = new RowsHasher(fromHex(reveal.rows_key)!);
    lines.update(read('1-rows', 'revealed', reveal.entry.path.slice('evidence/'.length)));
    assert.deepEqual(lines.finish(), { root: leaf.rows_root, count: leaf.rows_count });
  }
}

test('reveals of a file and of a line are sound, and altered ones are not', () => {
  const reveals = found('.reveal.json');
  assert(reveals.length >= 16);
  for (const path of reveals) {
    if (path.includes('altered')) assert.throws(() => checkReveal(path), Error, path);
    else checkReveal(path);
  }
});
