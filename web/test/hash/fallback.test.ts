// Where the page's policy forbids WebAssembly, and where the browser gives no WebCrypto (plain http). A process of its own.
import assert from 'node:assert/strict';
import { sha256 as noble } from '@noble/hashes/sha2.js';
import { test } from 'node:test';
import { bytesToHex } from '../../src/bytes.ts';
import { CHUNK_BYTES } from '../../src/format/unixfs.ts';
import { hashFile } from '../../src/hash/file.ts';
import { isFast, sha256 } from '../../src/hash/sha256.ts';
import { random, randomBytes } from '../random.ts';

test('files are hashed all the same', async () => {
  const data = randomBytes(random(1), CHUNK_BYTES + 9);
  const wanted = await hashFile(new Blob([data.subarray(0, CHUNK_BYTES)]));
  Object.defineProperty(globalThis, 'crypto', { value: undefined });
  const again = await hashFile(new Blob([data.subarray(0, CHUNK_BYTES)]));
  assert.equal(isFast(), false);
  assert.deepEqual(again, wanted);
  assert.equal((await hashFile(new Blob([data]))).sha256, bytesToHex(noble(data)));
  assert.deepEqual(sha256(data), noble(data));
});

// Before the first hash of all: whether there is WebAssembly is found out once.
Object.defineProperty(globalThis, 'WebAssembly', { value: undefined });
