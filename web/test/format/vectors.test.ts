// Every vector of the format, with the same verdict, code and output as the file says.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesToHex, concatBytes, fromHex, utf8ToBytes } from '../../src/bytes.ts';
import { ArchiveError } from '../../src/errors.ts';
import * as canonical from '../../src/format/canonical.ts';
import { verifyCar } from '../../src/format/car.ts';
import { contentDigest, rawCid, cidText } from '../../src/format/cid.ts';
import { checkDirectory } from '../../src/format/contents.ts';
import { leafData, leafHash, parseEntry, type EvidenceEntry } from '../../src/format/entries.ts';
import { batchLeaf, incidentKey } from '../../src/format/keys.ts';
import { manifestFromLeaves, parseManifest } from '../../src/format/manifest.ts';
import * as merkle from '../../src/format/merkle.ts';
import { murmur3x64 } from '../../src/format/murmur3.ts';
import { parseReveal, revealedRoot } from '../../src/format/reveal.ts';
import { RowsHasher, rowKey } from '../../src/format/rows.ts';
import * as seal from '../../src/format/seal.ts';
import { bytesSource } from '../../src/format/source.ts';
import { FileBuilder, directory, type DirectoryRow } from '../../src/format/unixfs.ts';
import { digestBytes, hashFile } from '../../src/hash/file.ts';
import { vectors } from '../vectors.ts';

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- each file has inputs of its own shape
type Input = any;
interface Vector {
  name: string;
  input: Input;
  expected: 'valid' | 'invalid';
  code: string | null;
  output?: unknown;
}

const bytes = (hex: string): Uint8Array => fromHex(hex)!;

const RUN: Record<string, (input: Input) => unknown> = {
  canonical: ({ json_hex }) => {
    const value = canonical.loads(bytes(json_hex), { maxBytes: 10_000 });
    return { canonical_hex: bytesToHex(canonical.dumps(value)) };
  },
  merkle: (input) => {
    if ('leaf_data_hex' in input) {
      const leaves = input.leaf_data_hex.map((hex: string) => merkle.leafHash(bytes(hex)));
      return { root: bytesToHex(merkle.merkleRoot(leaves)) };
    }
    const found = merkle.rootFromPath(bytes(input.leaf_hash), input.index, input.count, input.path.map(bytes));
    if (bytesToHex(found) !== input.root) throw new ArchiveError('merkle.root_mismatch', 'another root');
    return {};
  },
  entries: (input) => {
    const entry = parseEntry(input);
    return { leaf_data: new TextDecoder().decode(leafData(entry)), leaf_hash: bytesToHex(leafHash(entry)) };
  },
  manifest: ({ manifest }) => {
    const parsed = parseManifest(utf8ToBytes(manifest));
    return { root: parsed.root(), leaf_hashes: parsed.leafHashes().map(bytesToHex) };
  },
  unixfs: (input) => {
    if ('file' in input) {
      const { size, modulus } = input.file;
      const { cid, tsize, sha256 } = digestBytes(Uint8Array.from({ length: size }, (_, i) => i % modulus));
      return { cid, tsize, sha256 };
    }
    if ('zero_chunks' in input) {
      const builder = new FileBuilder();
      const chunk = rawCid(new Uint8Array(1024 * 1024));
      for (let i = 0; i < input.zero_chunks; i++) builder.addChunk(chunk, 1024 * 1024);
      const root = builder.finish();
      return { cid: cidText(root.cid), tsize: root.tsize };
    }
    if ('murmur3' in input) return { hash: bytesToHex(murmur3x64(utf8ToBytes(input.murmur3))) };
    if ('directory' in input) {
      const { cid, tsize, blocks } = directory(input.directory as DirectoryRow[]);
      return { cid, tsize, blocks_hex: blocks.map((block) => bytesToHex(block.data)) };
    }
    const { count, cid: file, tsize: size } = input.directory_of_many;
    const name = (i: number) => `file-${String(i).padStart(6, '0')}.bin`;
    const rows = Array.from({ length: count }, (_, i) => ({ path: name(i), cid: file, tsize: size }));
    const { cid, tsize, blocks } = directory(rows);
    return { cid, tsize, blocks: blocks.length };
  },
  commitments: ({ seed, revision, entry }) => {
    const parsed = parseEntry(entry) as EvidenceEntry;
    const salt = seal.salt(bytes(seed), revision, parsed.id);
    return { salt: bytesToHex(salt), commitment: seal.commitment(salt, parsed) };
  },
  rows: (input) => {
    if ('reveal' in input) {
      const reveal = parseReveal(canonical.dumps(input.reveal));
      assert(reveal.kind === 'row');
      if (revealedRoot(reveal) !== reveal.rows_root) throw new ArchiveError('reveal.row', 'another root');
      return { rows_root: reveal.rows_root };
    }
    const key = rowKey(bytes(input.seed), input.revision, input.id);
    const table = bytes(input.table_hex);
    const results = [1, 7, table.length + 1].map((step) => {
      const hasher = new RowsHasher(key);
      for (let at = 0; at < table.length; at += step) hasher.update(table.subarray(at, at + step));
      return hasher.finish();
    });
    for (const other of results) assert.deepEqual(other, results[0]);
    return { rows_key: bytesToHex(key), rows_root: results[0]!.root, rows_count: results[0]!.count };
  },
  keys: (input) => {
    if ('incident' in input) return { incident_key: bytesToHex(incidentKey(input.incident)) };
    if ('content_id' in input) return { content_digest: bytesToHex(contentDigest(input.content_id)) };
    const parts = [input.incident_key, input.root, input.content_digest].map(bytes) as [Uint8Array, Uint8Array, Uint8Array];
    return { batch_leaf: bytesToHex(batchLeaf(...parts)) };
  },
  car: async ({ car_hex }) => {
    const { root, contentId } = await verifyCar(bytesSource(bytes(car_hex)));
    return { root, content_id: contentId };
  },
};

for (const [file, run] of Object.entries(RUN)) {
  for (const { name, input, expected, code, output } of vectors<{ vectors: Vector[] }>(`${file}.json`).vectors) {
    test(`${file}: ${name}`, async () => {
      if (expected === 'valid') {
        assert.deepEqual(await run(input), output ?? {});
      } else {
        await assert.rejects(
          async () => run(input),
          (error) => error instanceof ArchiveError && (assert.equal(error.code, code), true),
        );
      }
    });
  }
}

test('package: every byte of it, from the files and the seal', async () => {
  const [vector] = vectors<{ vectors: Vector[] }>('package.json').vectors;
  const { seed, record, files, incident, revision, previous_root, publisher, not_before } = vector!.input;
  const output = vector!.output as Record<string, string> & { directory: DirectoryRow[] };
  const open: EvidenceEntry[] = [];
  const withheld: { id: string; commitment: string }[] = [];
  for (const { id, path, media_type, withheld: hidden } of record.evidence) {
    const { size, sha256 } = digestBytes(utf8ToBytes(files[path]));
    const entry: EvidenceEntry = { type: 'evidence', id, path, media_type, size, sha256 };
    if (hidden) withheld.push({ id, commitment: seal.commitment(seal.salt(bytes(seed), revision, id), entry) });
    else open.push(entry);
  }
  const shown = record.evidence.map(
    (item: { id: string }) => {
      const hidden = withheld.find(({ id }) => id === item.id);
      return hidden ? { id: item.id, withheld: true, commitment: hidden.commitment } : item;
    },
  );
  const recordJson = canonical.dumps({ ...record, evidence: shown });
  assert.equal(new TextDecoder().decode(recordJson), output['record_json']);
  const { size, sha256 } = digestBytes(recordJson);
  const header = {
    type: 'header', format: 'incident-archive/1', hash: 'sha-256', incident, revision, previous_root,
    leaf_count: 2 + open.length + withheld.length, publisher, not_before,
  };
  const manifest = manifestFromLeaves([
    header,
    { type: 'record', path: 'record.json', media_type: 'application/json', size, sha256 },
    ...open,
    ...withheld.map(({ commitment }) => ({ type: 'withheld', commitment })),
  ]);
  assert.equal(new TextDecoder().decode(manifest.toBytes()), output['manifest_json']);
  assert.equal(manifest.root(), output['root']);
  assert.equal(checkDirectory(manifest, output.directory), output['content_id']);
  assert.equal(bytesToHex(contentDigest(output['content_id']!)), output['content_digest']);

  const car = bytes(output['car_hex']!);
  assert.equal((await hashFile(bytesSource(car))).sha256, output['car_sha256']);
  const seen = new Map<string, Uint8Array[]>();
  const add = (path: string, piece: Uint8Array) => seen.set(path, [...(seen.get(path) ?? []), piece.slice()]);
  const unpacked = await verifyCar(bytesSource(car), { onData: add });
  assert.deepEqual(unpacked.files.map(({ path, cid, tsize }) => ({ path, cid, tsize })), output.directory);
  for (const { path } of open) assert.deepEqual(concatBytes(...seen.get(path)!), utf8ToBytes(files[path]));
});
