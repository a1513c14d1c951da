import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex } from '../../src/bytes.ts';
import { bytesToHex } from '../../src/chain/codec.ts';
import {
  decodeRlp, encodeInt, encodeList, encodeString, items, listOf, rlpInt, type RlpItem,
} from '../../src/chain/rlp.ts';
import { Malformed } from '../../src/chain/steps.ts';

type Tree = Uint8Array | Tree[];

function encode(tree: Tree): Uint8Array {
  return tree instanceof Uint8Array ? encodeString(tree) : encodeList(tree.map(encode));
}

function treeOf(item: RlpItem): Tree {
  return item.isList ? [...items(item)].map(treeOf) : item.payload;
}

function hex(text: string): Uint8Array {
  return fromHex(text)!;
}

/** Small numbers in an order that is always the same. */
function* numbers(seed: number): Generator<number> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    yield state >>> 8;
  }
}

test('what is encoded is decoded, and its bytes are the only ones', () => {
  const source = numbers(7);
  const next = (below: number) => source.next().value! % below;
  const tree = (depth: number): Tree => {
    if (depth > 0 && next(3) === 0) return Array.from({ length: next(6) }, () => tree(depth - 1));
    return new Uint8Array([0, 1, 1, 2, 55, 56, 57, 255, 256, 300][next(10)]!).map(() => next(256));
  };
  for (let i = 0; i < 300; i++) {
    const value = tree(4);
    const raw = encode(value);
    assert.deepEqual(treeOf(decodeRlp(raw)), value);
    const at = next(raw.length);
    const altered = raw.map((byte, k) => (k === at ? byte ^ (1 << next(8)) : byte));
    try {
      // Either another value, whose encoding these bytes are, or none.
      assert.deepEqual(encode(treeOf(decodeRlp(altered))), altered);
    } catch (error) {
      assert.ok(error instanceof Malformed);
    }
  }
});

for (const [name, text] of Object.entries({
  'nothing': '',
  'a byte more': '0102',
  'a string cut short': '83aabb',
  'a list cut short': 'c2aa',
  'a single byte as a string': '8105',
  'a short string as a long one': 'b801aa',
  'a short list as a long one': 'f801aa',
  'a length with a leading zero': 'b90038' + 'aa'.repeat(56),
  'a list length with a leading zero': 'f90038' + 'aa'.repeat(56),
  'a length cut short': 'b9ff',
  'a length beyond all numbers': 'bfffffffffffffffff00',
  'a list length beyond all numbers': 'ffffffffffffffffff00',
  'an item that leaves its list': 'c383aabbcc',
  'a list that leaves its list': 'c3c3aabbcc',
  'a wrong item deep inside': 'c4c3c28105',
})) {
  test(`refused: ${name}`, () => assert.throws(() => decodeRlp(hex(text)), Malformed));
}

test('bounds hold before anything is read', () => {
  assert.throws(() => decodeRlp(new Uint8Array(100), 99), /100 bytes, more than 99/);
  let deep: Uint8Array = encodeList([]);
  for (let i = 0; i < 127; i++) deep = encodeList([deep]);
  assert.ok(decodeRlp(deep).isList);
  for (let i = 0; i < 10; i++) deep = encodeList([deep]);
  assert.throws(() => decodeRlp(deep), Malformed);
  // Millions of empty items are not taken apart.
  const many = encodeList(Array.from({ length: 100_000 }, () => encodeList([])));
  assert.equal(listOf(decodeRlp(many), 17), null);
});

test('integers are in their shortest form and of at most 256 bits', () => {
  for (const value of [0n, 1n, 127n, 128n, 255n, 256n, 2n ** 64n, 2n ** 256n - 1n]) assert.equal(rlpInt(decodeRlp(encodeInt(value))), value);
  assert.equal(bytesToHex(encodeInt(0)), '80');
  for (const wrong of [hex('00'), hex('820001'), encodeInt(2n ** 256n), encodeList([])]) {
    assert.throws(() => rlpInt(decodeRlp(wrong)), /not a canonical integer/);
  }
});
