import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bls12_381 } from '@noble/curves/bls12-381.js';
import { AggregateSignature } from '../../src/chain/bls.ts';

const { G1, G2, longSignatures } = bls12_381;
const DST = 'BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_';
const message = new Uint8Array(32).fill(7);
const secrets = [3n, 5n, 1234567n];
const keys = secrets.map((secret) => G1.Point.BASE.multiply(secret).toBytes());
const hashed = longSignatures.hash(message, DST);
const signature = hashed.multiply(secrets.reduce((a, b) => a + b)).toBytes();
const [first, second, third] = keys as [Uint8Array, Uint8Array, Uint8Array];

function fastAggregateVerify(signers: readonly Uint8Array[], over: Uint8Array, signed: Uint8Array): boolean {
  return new AggregateSignature(over, signed).isOf(signers);
}

function altered(bytes: Uint8Array, place: number, change: (byte: number) => number): Uint8Array {
  return bytes.map((byte, i) => (i === place ? change(byte) : byte));
}

/** A point on the curve that is outside the group, and its negative. */
function outside(): [Uint8Array, Uint8Array] {
  for (let x = 1; ; x++) {
    const bytes = new Uint8Array(48);
    bytes[0] = 0x80;
    bytes[47] = x;
    try {
      G1.Point.fromBytes(bytes);
    } catch (error) {
      if (String(error).includes('subgroup')) return [bytes, altered(bytes, 0, (byte) => byte ^ 0x20)];
    }
  }
}

test('all signers together, in any order, and nobody else', () => {
  assert.ok(fastAggregateVerify(keys, message, signature));
  assert.ok(fastAggregateVerify([third, first, second], message, signature));
  assert.ok(!fastAggregateVerify([first, second], message, signature));
  assert.ok(!fastAggregateVerify([...keys, first], message, signature));
  assert.ok(!fastAggregateVerify(keys, new Uint8Array(32).fill(8), signature));
  assert.ok(!fastAggregateVerify([], message, signature));
});

test('the ciphersuite is the one of proofs of possession', () => {
  const other = longSignatures.hash(message, DST.replace('POP', 'NUL')).multiply(secrets[0]!).toBytes();
  assert.ok(fastAggregateVerify([first], message, hashed.multiply(secrets[0]!).toBytes()));
  assert.ok(!fastAggregateVerify([first], message, other));
});

test('keys at infinity or outside the group are refused, though their sum is that of the signers', () => {
  const infinity = new Uint8Array(48);
  infinity[0] = 0xc0;
  assert.ok(!fastAggregateVerify([...keys, infinity], message, signature));
  assert.ok(!fastAggregateVerify([...keys, ...outside()], message, signature));
  // A key and its negative are in the group, and cancel out as any other pair of keys may.
  const negative = altered(first, 0, (byte) => byte ^ 0x20);
  assert.ok(fastAggregateVerify([...keys, first, negative], message, signature));
  const nothing = new Uint8Array(96);
  nothing[0] = 0xc0;
  assert.ok(!fastAggregateVerify([first, negative], message, nothing));
  assert.ok(!fastAggregateVerify([first, negative], message, signature));
});

test('encodings that no point has are refused', () => {
  const p = bls12_381.fields.Fp.ORDER;
  const x = BigInt('0x' + Buffer.from(altered(first, 0, (byte) => byte & 0x1f)).toString('hex'));
  const unreduced = Uint8Array.from(Buffer.from((x + p).toString(16).padStart(96, '0'), 'hex'));
  const wrong = [
    new Uint8Array(48), first.subarray(1), new Uint8Array([...first, 0]), altered(first, 0, (byte) => byte & 0x7f), altered(first, 0, (byte) => byte | 0x40),
    altered(first, 0, (byte) => byte ^ 0x20), G1.Point.fromBytes(first).toBytes(false),
  ];
  if (unreduced[0]! < 0x20) wrong.push(altered(unreduced, 0, (byte) => byte | (first[0]! & 0xe0)));
  for (const key of wrong) assert.ok(!fastAggregateVerify([key, second, third], message, signature));
  const bad = [
    new Uint8Array(96), signature.subarray(1), new Uint8Array([...signature, 0]), altered(signature, 0, (byte) => byte & 0x7f),
    altered(signature, 0, (byte) => byte | 0x40), altered(signature, 0, (byte) => byte ^ 0x20), altered(signature, 95, (byte) => byte ^ 1),
    G2.Point.fromBytes(signature).toBytes(false),
  ];
  for (const signed of bad) assert.ok(!fastAggregateVerify(keys, message, signed));
});
