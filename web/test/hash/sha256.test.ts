// SHA-256 and file digests, with noble and the vectors as the other opinion.
import assert from 'node:assert/strict';
import { sha256 as noble } from '@noble/hashes/sha2.js';
import { test } from 'node:test';
import { bytesToHex, utf8ToBytes } from '../../src/bytes.ts';
import { ArchiveError } from '../../src/errors.ts';
import { bytesSource } from '../../src/format/source.ts';
import { CHUNK_BYTES } from '../../src/format/unixfs.ts';
import { FileHasher, digestBytes, hashFile } from '../../src/hash/file.ts';
import { CONSTANTS, INITIAL_STATE } from '../../src/hash/kernel.ts';
import { createSha256, isFast, sha256, sha256Async } from '../../src/hash/sha256.ts';
import { random, randomBytes } from '../random.ts';
import { vectors } from '../vectors.ts';

const hex = bytesToHex;

test('the constants are those of FIPS 180-4', () => {
  assert.equal(INITIAL_STATE[0], 0x6a09e667);
  assert.equal(INITIAL_STATE[7], 0x5be0cd19);
  assert.equal(CONSTANTS[0], 0x428a2f98);
  assert.equal(CONSTANTS[63], 0xc67178f2);
});

test('the messages of FIPS 180-4', async () => {
  const known = {
    '': 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    abc: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq:
      '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
  };
  for (const [message, digest] of Object.entries(known)) {
    const hash = createSha256();
    hash.update(utf8ToBytes(message));
    assert.equal(hex(hash.digest()), digest);
    assert.equal(hex(await sha256Async(utf8ToBytes(message))), digest);
  }
});

test('WebAssembly is in use here', () => assert.equal(isFast(), true));

test('every length around blocks, groups of blocks and the buffer is hashed as noble does', () => {
  const data = randomBytes(random(1), 1024 * 1024 + 600);
  const lengths = [...Array(600).keys(), 4095, 4096, 4097];
  for (let extra = -70; extra <= 600; extra += 67) lengths.push(1024 * 1024 + extra);
  for (const length of lengths) {
    const message = data.subarray(0, length);
    const hash = createSha256();
    hash.update(message);
    assert.equal(hex(hash.digest()), hex(noble(message)), String(length));
    assert.equal(hex(sha256(message)), hex(noble(message)), String(length));
  }
});

test('in whatever pieces it comes, and with other hashes going on beside it', () => {
  const next = random(2);
  for (let turn = 0; turn < 60; turn++) {
    const messages = [1, 2, 3].map(() => randomBytes(next, next(3000)));
    const hashes = messages.map(() => createSha256());
    const at = messages.map(() => 0);
    while (messages.some((message, i) => at[i]! < message.length)) {
      const i = next(3);
      const end = at[i]! + next(400);
      hashes[i]!.update(messages[i]!.subarray(at[i]!, end));
      at[i] = Math.min(end, messages[i]!.length);
    }
    hashes.forEach((hash, i) => assert.equal(hex(hash.digest()), hex(noble(messages[i]!))));
  }
});

test('a message of more than 2^32 bits', () => {
  const chunk = new Uint8Array(1024 * 1024).fill(7);
  const hash = createSha256();
  for (let i = 0; i < 513; i++) hash.update(chunk);
  // sha256sum of 513 MiB of the byte 7.
  assert.equal(hex(hash.digest()), 'a8c7bb0d00250ce341ec19a41d8603a4fd20d14fdbce3d2cb2c71a927b7968c9');
});

test('a file is the same by whatever way it comes', async () => {
  const data = randomBytes(random(3), 5 * CHUNK_BYTES + 17);
  for (const size of [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 4 * CHUNK_BYTES, 4 * CHUNK_BYTES + 1, data.length]) {
    const part = data.subarray(0, size);
    const wanted = digestBytes(part);
    assert.equal(wanted.sha256, hex(noble(part)));
    const steps: [number, number][] = [];
    const seen = createSha256();
    const options = {
      onProgress: (done: number, total: number) => void steps.push([done, total]),
      onData: (piece: Uint8Array) => seen.update(piece),
    };
    assert.deepEqual(await hashFile(new Blob([part]), options), wanted);
    assert.equal(hex(seen.digest()), wanted.sha256);
    if (size > 0) assert.deepEqual(steps.at(-1), [size, size]);
    assert.deepEqual(await hashFile(bytesSource(part)), wanted);
  }
});

test('a file fed by hand, through one buffer that is used again', async () => {
  const next = random(4);
  const data = randomBytes(next, 3 * CHUNK_BYTES + 5);
  const hasher = new FileHasher();
  const buffer = new Uint8Array(700_000);
  for (let at = 0; at < data.length; ) {
    const part = data.subarray(at, at + 1 + next(buffer.length));
    buffer.set(part);
    await hasher.update(buffer.subarray(0, part.length));
    at += part.length;
  }
  assert.deepEqual(await hasher.finish(), digestBytes(data));
});

test('the files of the vectors, streamed', async () => {
  for (const { input, output } of vectors<{ vectors: { input: any; output: any }[] }>('unixfs.json').vectors) {
    if (!input.file) continue;
    const { size, modulus } = input.file;
    const { cid, tsize, sha256: whole } = await hashFile(
      new Blob([Uint8Array.from({ length: size }, (_, i) => i % modulus)]),
    );
    assert.deepEqual({ cid, tsize, sha256: whole }, output);
  }
});

test('a file that became shorter, and one that cannot be read', async () => {
  const short = { size: CHUNK_BYTES, read: async () => new Uint8Array(10) };
  const codeOf = (code: string) => (error: unknown) => error instanceof ArchiveError && error.code === code;
  await assert.rejects(hashFile(short), codeOf('package.changed_while_read'));
  const gone = new Blob(['x']);
  gone.slice = () => {
    throw new DOMException('gone', 'NotReadableError');
  };
  await assert.rejects(hashFile(gone), codeOf('package.unreadable'));
});

test('it can be stopped', async () => {
  const stop = new AbortController();
  const file = new Blob([new Uint8Array(20 * CHUNK_BYTES)]);
  const hashing = hashFile(file, { signal: stop.signal, onProgress: () => stop.abort() });
  await assert.rejects(hashing, { name: 'AbortError' });
});
