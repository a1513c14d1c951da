// Laws that hold for any input, tried on random ones; the seed is fixed, so a failure comes again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesToHex, utf8ToBytes } from '../../src/bytes.ts';
import { ArchiveError } from '../../src/errors.ts';
import * as canonical from '../../src/format/canonical.ts';
import { CID_BYTES, DAG_PB, RAW, cidOf, cidText, contentDigest, contentIdOfDigest, parseCid } from '../../src/format/cid.ts';
import { checkCollisions } from '../../src/format/manifest.ts';
import * as merkle from '../../src/format/merkle.ts';
import { RowsHasher } from '../../src/format/rows.ts';
import { caselessFold, firstUnassigned } from '../../src/format/unicode.ts';
import { decodeNode, directory } from '../../src/format/unixfs.ts';
import { decodeVarint, encodeVarint } from '../../src/format/varint.ts';
import { random, randomBytes } from '../random.ts';

const codeOf = (code: string) => (error: unknown) => error instanceof ArchiveError && error.code === code;
const flipped = (bytes: Uint8Array, bit: number) => {
  const other = bytes.slice();
  other[bit >> 3]! ^= 1 << (bit & 7);
  return other;
};

test('every inclusion path leads to the root, and no altered one does', () => {
  const next = random(1);
  for (let count = 1; count <= 70; count++) {
    const leaves = Array.from({ length: count }, () => randomBytes(next, 32));
    const root = bytesToHex(merkle.merkleRoot(leaves));
    const builder = new merkle.TreeBuilder();
    for (const leaf of leaves) builder.add(leaf);
    assert.equal(bytesToHex(builder.root()), root);
    for (const [index, leaf] of leaves.entries()) {
      const path = merkle.inclusionPath(leaves, index);
      const from = (...args: Parameters<typeof merkle.rootFromPath>) => bytesToHex(merkle.rootFromPath(...args));
      assert.equal(from(leaf, index, count, path), root);
      const bit = next(256);
      assert.notEqual(from(flipped(leaf, bit), index, count, path), root);
      if (path.length > 0) {
        const at = next(path.length);
        assert.notEqual(from(leaf, index, count, path.with(at, flipped(path[at]!, bit))), root);
        assert.throws(() => from(leaf, index, count, path.slice(1)), codeOf('merkle.path_length'));
      }
      assert.throws(() => from(leaf, index, count, [...path, leaf]), codeOf('merkle.path_length'));
      assert.throws(() => from(leaf, count, count, path), codeOf('merkle.index'));
    }
  }
});

test('an inclusion path in a tree of 2^40 lines is followed without rounding', () => {
  const count = 2 ** 40 - 1;
  const leaf = new Uint8Array(32);
  // The last leaf of 2^40 − 1 stands one level higher than the others: 39 siblings instead of 40.
  const path = Array.from({ length: 39 }, () => leaf);
  assert.equal(merkle.rootFromPath(leaf, count - 1, count, path).length, 32);
  assert.throws(() => merkle.rootFromPath(leaf, count - 2, count, path), codeOf('merkle.path_length'));
});

test('the tree over nothing is SHA-256 of nothing', () => {
  const nothing = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
  assert.equal(bytesToHex(merkle.merkleRoot([])), nothing);
  assert.equal(bytesToHex(new merkle.TreeBuilder().root()), nothing);
});

function randomJson(next: (below: number) => number, depth: number): canonical.Json {
  const text = () => Array.from({ length: next(5) }, () => String.fromCodePoint([0x22, 0x5c, 0x0a, 0x61, 0xe9, 0x4e00, 0x1f600][next(7)]!)).join('');
  switch (depth > 0 ? next(7) : next(5)) {
    case 0:
      return null;
    case 1:
      return next(2) === 1;
    case 2:
      return next(1000) - 500;
    case 3:
      return [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER][next(2)]!;
    case 4:
      return text();
    case 5:
      return Array.from({ length: next(4) }, () => randomJson(next, depth - 1));
    default:
      return Object.fromEntries(Array.from({ length: next(4) }, () => [text(), randomJson(next, depth - 1)]));
  }
}

test('what is written canonically is read back, and is its own canonical form', () => {
  const next = random(2);
  for (let i = 0; i < 2000; i++) {
    const value = randomJson(next, 4);
    const bytes = canonical.dumps(value);
    const again = canonical.loadsCanonical(bytes, { maxBytes: bytes.length });
    assert.deepEqual(JSON.parse(JSON.stringify(again)), JSON.parse(JSON.stringify(value)));
    assert.deepEqual(canonical.dumps(again), bytes);
    assert.throws(() => canonical.loads(bytes, { maxBytes: bytes.length - 1 }), codeOf('canonical.too_large'));
    const loose = utf8ToBytes(' ' + JSON.stringify(value, null, 1));
    assert.throws(() => canonical.loadsCanonical(loose, { maxBytes: 10_000 }), codeOf('canonical.not_canonical'));
  }
});

test('a key that every object inherits is a key like any other', () => {
  const text = '{"__proto__":{"a":1},"constructor":2}';
  const value = canonical.loads(utf8ToBytes(text), { maxBytes: 100 }) as canonical.JsonObject;
  assert.deepEqual(Object.keys(value), ['__proto__', 'constructor']);
  assert.equal(canonical.dumpsText(value), text);
  assert.equal('toString' in value, false);
});

test('values that JSON does not have', () => {
  const wrong = { float: 0.5, integer_range: 2 ** 53, negative_zero: -0, type: undefined, surrogate: '\ud800' };
  for (const [rule, value] of Object.entries(wrong)) {
    assert.throws(() => canonical.dumps([value]), codeOf(`canonical.${rule}`));
  }
  assert.throws(() => canonical.dumps(NaN), codeOf('canonical.float'));
});

test('CIDs have one text, and it says their bytes', () => {
  const next = random(3);
  for (let i = 0; i < 300; i++) {
    const digest = randomBytes(next, 32);
    const cid = cidOf(next(2) === 0 ? RAW : DAG_PB, digest);
    const text = cidText(cid);
    assert.deepEqual(parseCid(text), cid);
    assert.equal(parseCid(text).length, CID_BYTES);
    const last = 'abcdefghijklmnopqrstuvwxyz234567'.indexOf(text.at(-1)!);
    const other = text.slice(0, -1) + 'abcdefghijklmnopqrstuvwxyz234567'[last ^ 1];
    assert.throws(() => parseCid(other), codeOf('cid.syntax'));
    assert.deepEqual(contentDigest(contentIdOfDigest(digest)), digest);
  }
});

test('varints are read back, in their shortest form only', () => {
  for (const value of [0, 1, 127, 128, 300, 2 ** 31, 2 ** 32, 2 ** 53 - 1]) {
    const bytes = encodeVarint(value);
    assert.deepEqual(decodeVarint(bytes, 0), [value, bytes.length]);
    const longer = Uint8Array.of(...bytes.slice(0, -1), bytes.at(-1)! | 0x80, 0);
    assert.throws(() => decodeVarint(longer, 0), /shortest/);
    assert.throws(() => decodeVarint(bytes.subarray(0, -1), 0), /cut off/);
  }
});

test('a directory is the same in whatever order its files come, and each of its nodes is read back', () => {
  const next = random(4);
  for (const count of [1, 3, 40, 6000]) {
    const rows = Array.from({ length: count }, (_, i) => ({
      path: `${count < 100 ? 'd' + next(3) + '/' : ''}f${i}`,
      cid: cidText(cidOf(RAW, randomBytes(next, 32))),
      tsize: next(1_000_000),
    }));
    const made = directory(rows);
    assert.equal(directory(rows.toReversed()).cid, made.cid);
    assert.equal(cidText(made.blocks.at(-1)!.cid), made.cid);
    for (const block of made.blocks) assert(decodeNode(block.data).links.length > 0);
    const changed = rows.with(0, { ...rows[0]!, tsize: rows[0]!.tsize + 1 });
    assert.notEqual(directory(changed).cid, made.cid);
  }
});

test('texts that differ in case or Unicode form have one fold', () => {
  for (const same of [
    ['straße', 'STRASSE', 'Straße', 'STRAẞE'],
    ['Å', 'å', '\u212b', 'a\u030a'],
    ['ΣΑΣ', 'σας', 'σασ'],
    ['ﬁn', 'FIN', 'fin'],
    ['Ꭰ', 'ꭰ'],
  ]) {
    assert.equal(new Set(same.map(caselessFold)).size, 1, same.join());
  }
  assert.notEqual(caselessFold('ı'), caselessFold('i'));
  assert.throws(() => checkCollisions(['A/x', 'a/y']), codeOf('manifest.path_collision'));
  assert.throws(() => checkCollisions(['a', 'a/y']), codeOf('manifest.path_conflict'));
  checkCollisions(['a/x', 'a/y', 'b']);
});

test('code points are judged by Unicode 14.0, not by what runs this', () => {
  assert.equal(firstUnassigned('\u{1fae6}'), null); // assigned in 14.0
  assert.equal(firstUnassigned('a\u{1fae8}'), 0x1fae8); // assigned in 15.0
  assert.equal(firstUnassigned('\uffff'), 0xffff);
  assert.equal(firstUnassigned('\u{10ffff}'), 0x10ffff);
  assert.equal(firstUnassigned('\ue000'), null); // private use
});

test('lines: the same however the file is cut', () => {
  const next = random(5);
  const key = randomBytes(next, 32);
  for (let i = 0; i < 100; i++) {
    const table = Uint8Array.from({ length: 1 + next(60) }, () => (next(5) === 0 ? 0x0a : 0x61));
    const whole = new RowsHasher(key);
    whole.update(table);
    const cut = new RowsHasher(key);
    const buffer = new Uint8Array(7);
    for (let at = 0; at < table.length; ) {
      const part = table.subarray(at, at + 1 + next(7));
      buffer.set(part);
      // One buffer used again and again, as readers do.
      cut.update(buffer.subarray(0, part.length));
      at += part.length;
    }
    assert.deepEqual(cut.finish(), whole.finish());
  }
});

test('a line of more than 1 MiB is refused', () => {
  const hasher = new RowsHasher(new Uint8Array(32));
  hasher.update(new Uint8Array(1024 * 1024));
  assert.throws(() => hasher.update(new Uint8Array(1)), codeOf('rows.too_long'));
});
