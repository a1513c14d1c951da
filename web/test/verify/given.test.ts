import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesToHex } from '../../src/bytes.ts';
import { dumps } from '../../src/format/canonical.ts';
import { cidOfOneChunk } from '../../src/format/contents.ts';
import { leafHash } from '../../src/format/entries.ts';
import { manifestBytes } from '../../src/format/manifest.ts';
import { merkleRoot } from '../../src/format/merkle.ts';
import { type ByteSource, bytesSource } from '../../src/format/source.ts';
import { directory } from '../../src/format/unixfs.ts';
import { digestBytes } from '../../src/hash/file.ts';
import { fromBrowser, verify } from '../../src/verify/verify.ts';

const text = (value: string): ByteSource => bytesSource(new TextEncoder().encode(value));
const SOME = digestBytes(new TextEncoder().encode('x\n'));

/** A bundle of a package with this many open files, all of the same two bytes; nothing is anchored. */
function bundleOf(count: number): ByteSource {
  const record = { schema_version: '1', id: 'many' };
  const told = digestBytes(dumps(record));
  const paths = Array.from({ length: count }, (_, i) => `f/${String(i).padStart(6, '0')}`);
  const entries = [
    {
      type: 'header', format: 'incident-archive/1', hash: 'sha-256', incident: 'many', revision: 1, previous_root: null,
      leaf_count: count + 2, publisher: null, not_before: [],
    },
    { type: 'record', path: 'record.json', media_type: 'application/json', size: told.size, sha256: told.sha256 },
    ...paths.map((path, i) => ({ type: 'evidence', id: `e-${i}`, path, media_type: 'text/plain', size: 2, sha256: SOME.sha256 })),
  ];
  const manifest = digestBytes(manifestBytes(entries));
  const rows = [
    ...paths.map((path) => ({ path, cid: cidOfOneChunk(SOME.sha256), tsize: 2 })),
    { path: 'manifest.json', cid: manifest.cid, tsize: manifest.tsize },
    { path: 'record.json', cid: told.cid, tsize: told.tsize },
  ];
  const root = bytesToHex(merkleRoot(entries.map((entry) => leafHash(entry))));
  const bundle = { format: 'incident-archive-proof/1', root, content_id: directory(rows).cid, entries, record, directory: rows, anchors: [], stamps: [] };
  return bytesSource(dumps(bundle));
}

test('a package of as many leaves as there may be is reported whole', async () => {
  const report = await verify({ bundle: { name: 'x.proof.json', source: bundleOf(65_534) }, given: { files: [] } });
  const missing = report.checks.filter((check) => check.code === 'package.missing');
  assert.equal(missing.length, 65_534);
  assert.deepEqual(report.checks.filter((c) => c.code === 'merkle' || c.code === 'content_id').map((c) => c.status), ['pass', 'pass']);
});

test('a file that can no more be read is named, and the others count', async () => {
  const gone: ByteSource = { size: 2, read: async () => { throw new DOMException('moved', 'NotFoundError'); } };
  const shrunk: ByteSource = { size: 2, read: async () => new Uint8Array(0) };
  const given = [['f/000000', text('x\n')], ['f/000001', gone], ['f/000002', shrunk]] as const;
  const files = given.map(([path, source]) => ({ name: path, path, full: path, source }));
  const report = await verify({ bundle: { name: 'x.proof.json', source: bundleOf(3) }, given: { files } });
  const found = report.checks.filter((c) => c.code === 'bytes').map((c) => [c.subject, c.status, c.found]);
  assert.deepEqual(found.slice(0, 3), [
    ['f/000001', 'unchecked', 'package.unreadable'],
    ['f/000002', 'unchecked', 'package.changed_while_read'],
    ['f/000000', 'pass', SOME.sha256],
  ]);
});

test('what a user interrupts is no finding about a file', async () => {
  const signal = AbortSignal.abort();
  const files = [{ name: 'a', path: null, full: '/a', source: text('x\n') }];
  await assert.rejects(verify({ bundle: { name: 'x.proof.json', source: bundleOf(1) }, given: { files }, signal }), { name: 'AbortError' });
});

test('files of a folder are known by their place in it, in the order of a walk', () => {
  const file = (name: string, relative: string): File => {
    const made = new File(['x'], name);
    Object.defineProperty(made, 'webkitRelativePath', { value: relative });
    return made;
  };
  const given = fromBrowser([
    file('b', 'p/z/b'), file('one.csv', ''), file('c', 'p/a/b/c'), file('m', 'p/m'), file('b', 'p/a/b.x'), file('a', 'p/z.a'),
  ]);
  assert.deepEqual(given.map(({ name, path }) => [name, path]), [
    ['one.csv', null], ['p/m', 'm'], ['p/z.a', 'z.a'], ['p/a/b.x', 'a/b.x'], ['p/a/b/c', 'a/b/c'], ['p/z/b', 'z/b'],
  ]);
});

test('without wishes nobody is asked', async () => {
  const asked: unknown[] = [];
  const before = globalThis.fetch;
  globalThis.fetch = async (...what) => {
    asked.push(what);
    throw new Error('a request was made');
  };
  try {
    const report = await verify({ bundle: { name: 'x.proof.json', source: bundleOf(1) }, given: { files: [] } });
    assert.equal(report.verdict, 'fail');
  } finally {
    globalThis.fetch = before;
  }
  assert.deepEqual(asked, []);
});
