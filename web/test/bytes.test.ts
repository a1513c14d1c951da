import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareBytes, from0x, fromHex, to0x } from '../src/bytes.ts';

test('hex is lower case, two digits a byte', () => {
  assert.deepEqual(fromHex('00ff'), new Uint8Array([0, 255]));
  for (const wrong of ['0', 'FF', '0x00', 'zz', ' 00']) assert.equal(fromHex(wrong), null);
  assert.equal(from0x('00'), null);
  assert.equal(to0x(from0x('0x0a')!), '0x0a');
});

test('a prefix sorts before what it begins', () => {
  const sorted = [[1, 2], [1], [0, 9], []].map((b) => new Uint8Array(b)).sort(compareBytes);
  assert.deepEqual(sorted.map((b) => [...b]), [[], [0, 9], [1], [1, 2]]);
});
