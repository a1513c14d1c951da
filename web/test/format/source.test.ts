// Reading: the same bytes by each way, in buffers that are used again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ArchiveError } from '../../src/errors.ts';
import { Forward, Pool, blobSource, bytesSource, pieces, type ByteSource } from '../../src/format/source.ts';
import { random, randomBytes } from '../random.ts';

const data = randomBytes(random(1), 10_007);
const WAYS: Record<string, ByteSource> = {
  stream: blobSource(new Blob([data])),
  'reads of a blob': { size: data.length, read: blobSource(new Blob([data])).read },
  memory: bytesSource(data),
};

const isUnreadable = (error: unknown) => error instanceof ArchiveError && error.code === 'package.unreadable';

for (const [name, source] of Object.entries(WAYS)) {
  test(`pieces by ${name}`, async () => {
    for (const [bytes, start] of [[1000, 0], [10_007, 0], [20_000, 0], [999, 9990], [7, 10_007]] as const) {
      const pool = new Pool(bytes, 2);
      const found: number[] = [];
      for await (const piece of pieces(source, pool, start)) {
        assert.equal(piece.byteOffset, 0);
        assert.equal(piece.length, Math.min(bytes, data.length - start - found.length));
        found.push(...piece);
        pool.give(piece.buffer);
      }
      assert.deepEqual(Uint8Array.from(found), data.subarray(start));
    }
  });

  test(`forward reading by ${name}`, async () => {
    const next = random(2);
    let read = 0;
    const forward = new Forward(source, 512, (bytes) => (read += bytes));
    let at = 0;
    for (let i = 0; i < 400; i++) {
      // Mostly on, sometimes a little or far ahead, sometimes back.
      at = next(10) === 0 ? next(data.length + 50) : at + (next(4) === 0 ? next(700) : 0);
      const length = next(5) === 0 ? next(2000) : next(80);
      assert.deepEqual(await forward.read(at, length), data.slice(at, at + length));
      at += length;
      if (at > data.length) at = 0;
    }
    assert(read > 0);
    await forward.close();
  });

  test(`left off in the middle by ${name}`, async () => {
    const pool = new Pool(100, 3);
    for await (const piece of pieces(source, pool)) {
      assert.deepEqual(piece, data.slice(0, 100));
      break;
    }
  });
}

test('what is read from one end to the other is read once', async () => {
  let read = 0;
  const forward = new Forward(WAYS['stream']!, 512, (bytes) => (read += bytes));
  for (let at = 0; at < data.length; at += 41) await forward.read(at, Math.min(41, data.length - at));
  assert.equal(read, data.length);
});

test('a pool gives no more buffers than it may', async () => {
  const pool = new Pool(10, 2);
  const first = await pool.take();
  await pool.take();
  const third = pool.take();
  pool.give(first);
  assert.equal(await third, first);
});

test('a file that cannot be read any more', async () => {
  const gone = { ...WAYS['memory']!, stream: undefined };
  const broken: ByteSource = {
    ...gone,
    stream: () => new ReadableStream({ type: 'bytes', pull: () => { throw new DOMException('gone', 'NotReadableError'); } })
      .getReader({ mode: 'byob' }),
  };
  await assert.rejects(new Forward(broken, 100).read(0, 10), isUnreadable);
});
