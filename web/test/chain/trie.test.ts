import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesToHex, keccak } from '../../src/chain/codec.ts';
import { encodeInt, encodeList, encodeString } from '../../src/chain/rlp.ts';
import { Malformed } from '../../src/chain/steps.ts';
import { indexedValue, keyedValue } from '../../src/chain/trie.ts';
import { TestTrie } from './tries.ts';

const bytes = (size: number, fill: number) => new Uint8Array(size).fill(fill);
const pathOf = (index: number) => bytesToHex(encodeInt(index));

function reason(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof Malformed, String(error));
    return error.message;
  }
  return 'none';
}

for (const count of [1, 2, 17, 129, 300]) {
  test(`every item of a block of ${count} is found by its nodes and by no others`, () => {
    const trie = new TestTrie(Array.from({ length: count }, (_, i) => [pathOf(i), bytes(110 + (i % 90), 1 + (i % 255))] as const));
    for (let i = 0; i < count; i++) {
      const nodes = trie.proof(pathOf(i));
      assert.deepEqual(indexedValue(trie.root, i, nodes), bytes(110 + (i % 90), 1 + (i % 255)));
      assert.notEqual(reason(() => indexedValue(trie.root, i, nodes.slice(0, -1))), 'none');
      assert.equal(reason(() => indexedValue(trie.root, i, [...nodes, nodes[0]!])), 'there are more nodes than the path needs');
      assert.notEqual(reason(() => indexedValue(trie.root, i + 1, nodes)), 'none');
      const altered = nodes.map((node, at) => (at === nodes.length - 1 ? node.map((byte, k) => (k === node.length - 1 ? byte ^ 1 : byte)) : node));
      assert.equal(reason(() => indexedValue(trie.root, i, altered)), 'a node on the path is missing or altered');
    }
    assert.equal(reason(() => indexedValue(trie.root, count, trie.proof(pathOf(count)))), 'the key is absent');
    assert.equal(reason(() => indexedValue(trie.root, 0, [])), 'the path ends before the value');
  });
}

test('keys are found, or proven absent, in a trie whose short nodes stand inside their parents', () => {
  // Values so short that some leaves are embedded; real keys are hashes, these share long prefixes.
  const keys = ['00', '01', '0f', '10', 'ff'].flatMap((end) => ['aa', 'ab', '00'].map((start) => start + '77'.repeat(30) + end));
  const trie = new TestTrie(keys.map((key, i) => [key, bytes(i % 3 === 0 ? 1 : 33, 1 + i)] as const));
  const key = (text: string) => Uint8Array.from(text.match(/../g)!, (pair) => parseInt(pair, 16));
  for (const [i, text] of keys.entries()) {
    const nodes = trie.proof(text);
    assert.deepEqual(keyedValue(trie.root, key(text), nodes), bytes(i % 3 === 0 ? 1 : 33, 1 + i));
    assert.notEqual(reason(() => keyedValue(trie.root, key(text), nodes.slice(0, -1))), 'none');
    assert.equal(reason(() => keyedValue(trie.root, key(text), [...nodes, nodes[0]!])), 'there are more nodes than the path needs');
  }
  for (const text of ['aa' + '77'.repeat(30) + '02', 'ac' + '77'.repeat(30) + '00', 'aa' + '76'.repeat(31), 'f'.repeat(64)]) {
    const nodes = trie.proof(text);
    assert.equal(keyedValue(trie.root, key(text), nodes), null);
    // The same nodes may lead to other keys too, but never show that one is absent that is there.
    for (const [i, other] of keys.entries()) {
      const why = reason(() => assert.deepEqual(keyedValue(trie.root, key(other), nodes), bytes(i % 3 === 0 ? 1 : 33, 1 + i)));
      assert.match(why, /^none$|the path ends|a node on the path is missing|more nodes/);
    }
  }
});

test('an empty trie shows the absence of everything, with no nodes', () => {
  const root = keccak(new Uint8Array([0x80]));
  assert.equal(keyedValue(root, bytes(32, 7), []), null);
  assert.equal(reason(() => keyedValue(root, bytes(32, 7), [new Uint8Array([0x80])])), 'an empty trie has no nodes to show');
});

test('nodes that no trie has are refused', () => {
  const none = encodeString(new Uint8Array());
  const path = encodeString(new Uint8Array([0x20, ...bytes(32, 7)]));
  const one = (node: Uint8Array) => reason(() => keyedValue(keccak(node), bytes(32, 7), [node]));
  assert.equal(one(encodeList([path, none])), 'a leaf without a value');
  assert.equal(one(encodeList([path, encodeList([])])), 'a leaf without a value');
  assert.equal(one(encodeList([path])), 'a node is neither branch, extension nor leaf');
  assert.equal(one(encodeList(Array.from({ length: 18 }, () => none))), 'a node is neither branch, extension nor leaf');
  assert.equal(one(encodeString(bytes(40, 1))), 'a node is neither branch, extension nor leaf');
  for (const first of [0x40, 0x01, 0x2f, 0xff]) {
    assert.equal(one(encodeList([encodeString(new Uint8Array([first, 7])), encodeString(bytes(40, 1))])), "a node's path is not in hex-prefix encoding");
  }
  assert.equal(one(encodeList([encodeString(new Uint8Array([0])), encodeString(bytes(32, 1))])), 'an extension without a path');
  assert.equal(one(encodeList([encodeString(new Uint8Array([0x10])), encodeString(bytes(31, 1))])), "a node's reference is not a hash");
  assert.equal(one(encodeList([encodeString(new Uint8Array([0x10])), encodeString(bytes(32, 1))])), 'the path ends before the key is found or shown absent');
  assert.match(one(encodeList([path, encodeString(bytes(1024, 1))])), /bytes, more than 1024/);
});
