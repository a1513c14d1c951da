import assert from 'node:assert/strict';
import { test } from 'node:test';
import { to0x, utf8ToBytes } from '../../src/bytes.ts';
import { ActsReader, endorsementOfWord, retractionOfWord } from '../../src/chain/acts.ts';
import { bytesToHex, concatBytes, intWord, keccak, toBigInt } from '../../src/chain/codec.ts';
import { slotOf } from '../../src/chain/registry.ts';
import { RpcClient } from '../../src/chain/rpc.ts';
import { ArchiveError } from '../../src/errors.ts';

const REGISTRY = '0x' + 'c0'.repeat(20);
const ACCOUNT = '0x' + 'aa'.repeat(20);
const ROOT = '55'.repeat(32);
const KEY = new Uint8Array(32).fill(0x55);
const REASON = utf8ToBytes('The file was a draft 草稿');
const TAG = keccak(REASON).subarray(0, 19);

/** A node whose storage and logs these are. */
function reader(storage: Record<string, bigint>, logs: unknown[] | null = []): ActsReader {
  const answer = (method: string, params: any[]): unknown => {
    if (method === 'eth_getStorageAt') return to0x(intWord(params[0] === REGISTRY ? (storage[params[1]] ?? 0n) : 1n));
    return method === 'eth_getLogs' ? logs : null;
  };
  const told = async (_: unknown, init?: RequestInit): Promise<Response> => {
    const { id, method, params } = JSON.parse(String(init?.body));
    return new Response(JSON.stringify({ jsonrpc: '2.0', id, result: answer(method, params) }));
  };
  return new ActsReader(new RpcClient('https://node.example', { fetch: told as typeof fetch }), REGISTRY);
}

const at = (mapping: 'heads' | 'endorsements' | 'retractions') => to0x(slotOf(mapping, ACCOUNT, KEY));

test('an endorsement, one that was withdrawn, and none', async () => {
  const made = (1000n << 64n) | (17n << 24n) | 0x11n;
  const withdrawn = (2000n << 216n) | (18n << 176n) | (1000n << 64n) | (17n << 24n) | 0x03n;
  assert.deepEqual(await reader({ [at('endorsements')]: made }).endorsement(ACCOUNT, ROOT), {
    time: 1000, block: 17, withdrawnTime: 0, withdrawnBlock: 0, withdrawn: false,
  });
  assert.deepEqual(endorsementOfWord(withdrawn), { time: 1000, block: 17, withdrawnTime: 2000, withdrawnBlock: 18, withdrawn: true });
  assert.equal(await reader({}).endorsement(ACCOUNT, ROOT), null);
  for (const flags of [0n, 0x04n, 0x41n]) {
    await assert.rejects(
      reader({ [at('endorsements')]: (1000n << 64n) | flags }).endorsement(ACCOUNT, ROOT),
      (error: ArchiveError) => error.code === 'chain.rpc_bad_answer',
    );
  }
});

test('a retraction, and its reason only where it fits', async () => {
  const word = (toBigInt(TAG) << 104n) | (1000n << 64n) | (17n << 24n) | 0x01n;
  const padded = new Uint8Array(Math.ceil(REASON.length / 32) * 32);
  padded.set(REASON);
  const data = concatBytes(intWord(32), intWord(REASON.length), padded);
  const topics = [to0x(keccak(utf8ToBytes('Retracted(address,bytes32,string)'))), '0x' + '00'.repeat(12) + 'aa'.repeat(20), '0x' + ROOT];
  const log = { address: REGISTRY, topics, data: to0x(data) };
  const found = await reader({ [at('retractions')]: word }).retraction(ACCOUNT, ROOT);
  assert.ok(found);
  assert.deepEqual([bytesToHex(found.reasonTag), found.time, found.block], [bytesToHex(TAG), 1000, 17]);
  assert.equal(await reader({}, [log]).reason(ACCOUNT, ROOT, found), 'The file was a draft 草稿');
  const short = concatBytes(intWord(32), intWord(REASON.length + 200), padded);
  const other = concatBytes(intWord(32), intWord(REASON.length), padded.map((byte, i) => (i === 0 ? byte ^ 1 : byte)));
  for (const wrong of [to0x(short), to0x(other), to0x(data.subarray(0, 40)), '0x']) {
    assert.equal(await reader({}, [{ ...log, data: wrong }]).reason(ACCOUNT, ROOT, found), null);
  }
  assert.equal(await reader({}, []).reason(ACCOUNT, ROOT, found), null);
  assert.equal(await reader({}, null).reason(ACCOUNT, ROOT, found), null);
  assert.equal(retractionOfWord(0n), null);
  assert.throws(() => retractionOfWord(word ^ 0x02n), /flags/);
});

test('a head by storage', async () => {
  const word = (toBigInt(new Uint8Array(29).fill(0x22)) << 24n) | 3n;
  assert.deepEqual(await reader({ [at('heads')]: word }).head(ACCOUNT, '0x' + ROOT), { rootPrefix: '22'.repeat(29), ordinal: 3 });
  assert.equal(await reader({}).head(ACCOUNT, '0x' + ROOT), null);
});
