import assert from 'node:assert/strict';
import { test } from 'node:test';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { to0x, utf8ToBytes } from '../../src/bytes.ts';
import { bytesToHex, concatBytes, intWord, keccak } from '../../src/chain/codec.ts';
import { KNOWN_CHAINS, parsePin, parseRules, SHIPPED_SETS, withShipped } from '../../src/chain/pins.ts';
import { keysOf, lineTo, parseSuccession, readSuccession, type Succession } from '../../src/chain/succession.ts';
import { ArchiveError } from '../../src/errors.ts';
import { dumps } from '../../src/format/canonical.ts';
import { vectors } from '../vectors.ts';

// What a reader's own files say of chains and keys.

const pin = vectors<{ cases: any[] }>('consensus.json').cases[0].pins[0];

test('a pin is read strictly', () => {
  assert.equal(parsePin(pin).set?.validators.length, 4);
  assert.equal(parsePin({ ...pin, validators: null, turn_length: null }).set, null);
  const [first, second] = pin.validators;
  for (const [changed, reason] of [
    [{ more: 1 }, /exactly/], [{ number: -1 }, /number/], [{ number: 1.5 }, /number/], [{ chain_id: true }, /chain_id/], [{ hash: pin.hash.slice(2) }, /hash/],
    [{ genesis: pin.genesis.toUpperCase() }, /genesis/], [{ number: 11 }, /before number/], [{ number: 10 }, /two hashes/], [{ source: '' }, /source/],
    [{ source: 'a\u202eb' }, /control/], [{ source: 'x'.repeat(201) }, /source/], [{ as_of: '2026-01-20' }, /as_of/], [{ validators: null }, /together/],
    [{ validators: [] }, /1 to 64/], [{ validators: Array(65).fill(first) }, /1 to 64/], [{ turn_length: 0 }, /turn_length/], [{ turn_length: 256 }, /turn_length/],
    [{ validators: [second, first] }, /sorted/], [{ validators: [first, first] }, /sorted/], [{ validators: [{ ...first, name: 'x' }] }, /address, bls/],
    [{ validators: [{ ...first, bls: '0x' }] }, /bls/], [{ validators: [{ ...first, address: '0x' }] }, /address/],
  ] as const) {
    assert.throws(() => parsePin({ ...pin, ...changed }), reason, JSON.stringify(changed));
  }
});

test('rules are those of private chains only', () => {
  const rules = { chain_id: 7097, genesis: pin.genesis, fork: 'fermi', epoch_length: 10 };
  assert.deepEqual(parseRules(rules), { chainId: 7097, genesis: pin.genesis, fork: 'fermi', epochLength: 10 });
  for (const changed of [{ chain_id: 56 }, { chain_id: 97 }, { chain_id: '1' }, { genesis: '0x' }, { fork: 'verkle' }, { fork: null }, { epoch_length: 1 }, { epoch_length: 100_001 }, { more: 1 }]) {
    assert.throws(() => parseRules({ ...rules, ...changed }), JSON.stringify(changed));
  }
});

test('shipped sets stand in where the reader has no pin of that epoch', () => {
  assert.deepEqual(SHIPPED_SETS.map(({ chainId, number }) => [chainId, number]), [[56, 51_006_000], [97, 86_242_000]]);
  assert.deepEqual(withShipped([]), SHIPPED_SETS);
  const own = { ...SHIPPED_SETS[1]!, number: 86_241_000, lastNumber: 86_243_000, source: 'mine' };
  assert.deepEqual(withShipped([own]), [own, SHIPPED_SETS[0]]);
  assert.equal(withShipped([{ ...own, genesis: '0x' + '00'.repeat(32) }]).length, 3);
});

test('the chains that have a name are those of the documents', () => {
  assert.deepEqual(KNOWN_CHAINS.map(({ name, chainId }) => [name, chainId]), [['local', 4_800_817], ['anvil', 31_337], ['bsc-testnet', 97], ['bsc', 56]]);
  for (const { chainId, genesis } of SHIPPED_SETS) assert.equal(KNOWN_CHAINS.find((chain) => chain.chainId === chainId)?.genesis, genesis);
});

// --- successions ----------------------------------------------------------------------------------------------------

const secret = (value: number) => intWord(value);
const addressOf = (value: number) => to0x(keccak(secp256k1.getPublicKey(secret(value), false).subarray(1)).subarray(12));

function statement(old: number, next: number, changed: Record<string, unknown> = {}): Record<string, unknown> {
  const said = { format: 'incident-archive-succession/1', old: addressOf(old), new: addressOf(next), signed_at: '2026-11-24T00:00:00Z', ...changed };
  const message = dumps(said);
  const digest = keccak(concatBytes(utf8ToBytes(`\x19Ethereum Signed Message:\n${message.length}`), message));
  const signed = secp256k1.sign(digest, secret(old), { prehash: false, format: 'recovered' });
  return { ...said, signature: '0x' + bytesToHex(signed.subarray(1)) + (27 + signed[0]!).toString(16) };
}

function codeOf(run: () => unknown): string | null {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof ArchiveError, String(error));
    return error.code;
  }
  return null;
}

test('a succession is the statement of the old key', () => {
  const good = statement(1, 2);
  assert.deepEqual([parseSuccession(good).old, readSuccession(dumps(good)).new], [addressOf(1), addressOf(2)]);
  const flipped = (good['signature'] as string).slice(0, -4) + '00' + (good['signature'] as string).slice(-2);
  for (const [value, code] of [
    [null, 'unknown_format'], [{ ...good, format: 'incident-archive-succession/2' }, 'unknown_format'], [{ ...good, more: 1 }, 'shape'], [statement(1, 2, { signed_at: 'now' }), 'shape'],
    [statement(1, 1), 'shape'], [{ ...good, new: addressOf(3) }, 'signature'], [{ ...good, old: addressOf(3) }, 'signature'], [{ ...good, signed_at: '2026-11-25T00:00:00Z' }, 'signature'],
    [{ ...good, signature: flipped }, 'signature'], [{ ...good, signature: '0x' + '00'.repeat(65) }, 'signature'], [{ ...good, signature: '0x' }, 'shape'],
    [{ ...good, old: (good['old'] as string).toUpperCase() }, 'shape'],
  ] as const) {
    assert.equal(codeOf(() => parseSuccession(value)), `succession.${code}`, JSON.stringify(value));
  }
});

test('a line of keys is followed as far as each named one successor', () => {
  const link = (old: string, next: string): Succession => ({ old, new: next, signedAt: '', signature: '' });
  const line = [link('a', 'b'), link('b', 'c'), link('b', 'c'), link('c', 'd')];
  assert.deepEqual(lineTo(line, ['a'], 'd'), ['a', 'b', 'c', 'd']);
  assert.deepEqual(lineTo(line, ['x', 'c'], 'd'), ['c', 'd']);
  assert.deepEqual(lineTo([], ['a'], 'a'), ['a']);
  assert.equal(lineTo(line, ['b'], 'a'), null);
  assert.equal(lineTo([...line, link('b', 'thief')], ['a'], 'd'), null);
  assert.deepEqual(lineTo([...line, link('b', 'thief')], ['a'], 'b'), ['a', 'b']);
  assert.equal(lineTo([link('a', 'b'), link('b', 'a')], ['a'], 'c'), null);
  const long = Array.from({ length: 20 }, (_, i) => link(`k${i}`, `k${i + 1}`));
  assert.equal(lineTo(long, ['k0'], 'k16')?.length, 17);
  assert.equal(lineTo(long, ['k0'], 'k17'), null);
  assert.deepEqual([...keysOf(line, 'c')].sort(), ['a', 'b', 'c', 'd']);
  assert.deepEqual(keysOf(line, 'z'), ['z']);
});
