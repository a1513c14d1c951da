import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex } from '../../src/bytes.ts';
import { findHits } from '../../src/verify/masks.ts';
import data from '../../src/verify/record_model.json';
import { vectors } from '../vectors.ts';

interface Vector {
  readonly name: string;
  readonly input: { readonly text_hex: string };
  readonly output: { readonly text_hex: string };
}

const SEED = Uint8Array.from({ length: 32 }, (_, i) => i);
const KEY = hmac(sha256, SEED, concatBytes(utf8ToBytes('IA1-token'), Uint8Array.of(0), utf8ToBytes('order')));
const ALL = new Set<string>(data.maskable);

/** The token of an order id, as a publisher makes it. */
function token(value: Uint8Array): string {
  let [out, bits, held] = ['', 0, 0];
  for (const byte of hmac(sha256, KEY, value).subarray(0, 13)) {
    held = ((held << 8) | byte) & 0xffff;
    for (bits += 8; bits >= 5; bits -= 5) out += 'abcdefghijklmnopqrstuvwxyz234567'[(held >> (bits - 5)) & 31];
  }
  return `tok_${out.slice(0, 20)}`;
}

/** What redact@1 makes of lines of text when it masks by every rule. */
function masked(text: Uint8Array): Uint8Array {
  const out: Uint8Array[] = [];
  for (let from = 0; from < text.length; ) {
    const end = text.indexOf(0x0a, from);
    const line = text.subarray(from, end < 0 ? text.length : end + 1);
    from += line.length;
    let done = 0;
    for (const [start, stop, rule] of findHits(line, ALL)) {
      if (start < done) continue;
      const value = rule === 'order-id' ? token(line.subarray(start, stop)) : `[masked:${rule}]`;
      out.push(line.subarray(done, start), utf8ToBytes(value));
      done = stop;
    }
    out.push(line.subarray(done));
  }
  return concatBytes(...out);
}

const cases = vectors<{ vectors: Vector[] }>('redact.json').vectors;

test('redact@1 finds what it found when it was published', () => {
  assert.ok(cases.length > 400);
  const show = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
  for (const { name, input, output } of cases) {
    assert.equal(show(masked(fromHex(input.text_hex)!)), show(fromHex(output.text_hex)!), name);
  }
});

test('only what a recipe names is looked for', () => {
  const text = utf8ToBytes('mail alice.doe@gmail.com or call +86 138 0013 8001');
  assert.deepEqual(new Set(findHits(text, new Set(['phone'])).map(([, , rule]) => rule)), new Set(['phone']));
  assert.deepEqual(findHits(text, new Set()), []);
});
