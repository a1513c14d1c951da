/** The leaves of a bundle: what they are, the root over them, and the content id of the directory they describe. */
import { bytesToHex } from '../bytes.ts';
import { ArchiveError, isUnknown } from '../errors.ts';
import type { ProofBundle } from '../format/bundle.ts';
import { type JsonObject, dumps } from '../format/canonical.ts';
import { cidOfOneChunk } from '../format/contents.ts';
import {
  type Entry, type EvidenceEntry, type Header, MANIFEST_PATH, RECORD_PATH, type RecordEntry, type WithheldEntry, leafHash,
  parseEntry,
} from '../format/entries.ts';
import { manifestBytes, manifestFromLeaves } from '../format/manifest.ts';
import { merkleRoot } from '../format/merkle.ts';
import { CHUNK_BYTES, directory } from '../format/unixfs.ts';
import { digestBytes } from '../hash/file.ts';
import type { Matching, Wanted } from './matching.ts';
import { type Check, check, unknownNote } from './outcome.ts';

/** The leaves as far as they could be understood. Unknown ones still count in the tree. */
export interface Leaves {
  readonly raw: readonly JsonObject[];
  readonly header: Header | null;
  readonly record: RecordEntry | null;
  readonly evidence: readonly EvidenceEntry[];
  readonly withheld: readonly WithheldEntry[];
  readonly unknown: readonly (readonly [number, ArchiveError])[];
  readonly wrong: readonly (readonly [number, ArchiveError])[];
  readonly formatKnown: boolean;
}

/** Parses each leaf; what a later format may have added is set apart from what is wrong. */
export function readLeaves(raw: readonly JsonObject[]): Leaves {
  const known = new Map<number, Entry>();
  const unknown: [number, ArchiveError][] = [];
  const wrong: [number, ArchiveError][] = [];
  raw.forEach((value, index) => {
    try {
      known.set(index, parseEntry(value));
    } catch (error) {
      if (!(error instanceof ArchiveError)) throw error;
      (isUnknown(error) ? unknown : wrong).push([index, error]);
    }
  });
  const header = known.get(0);
  const record = known.get(1);
  if (header !== undefined && header.type !== 'header') {
    wrong.push([0, new ArchiveError('manifest.no_header', 'the first leaf is not the header')]);
  }
  const all = [...known.values()];
  return {
    raw,
    header: header?.type === 'header' ? header : null,
    record: record?.type === 'record' ? record : null,
    evidence: all.filter((entry) => entry.type === 'evidence'),
    withheld: all.filter((entry) => entry.type === 'withheld'),
    unknown,
    wrong,
    formatKnown: unknown.every(([index]) => index !== 0),
  };
}

/** Every file of the package, the manifest included: that is what the files given are held against. */
export function wantedFiles(leaves: Leaves): Wanted[] {
  if (!leaves.formatKnown) return [];
  const digest = digestBytes(manifestBytes(leaves.raw));
  const record = leaves.record === null ? [] : [{ path: RECORD_PATH, size: leaves.record.size, sha256: leaves.record.sha256 }];
  return [
    { path: MANIFEST_PATH, size: digest.size, sha256: digest.sha256 },
    ...record,
    ...leaves.evidence.map(({ path, size, sha256 }) => ({ path, size, sha256 })),
  ];
}

/** The root recomputed from the entries, and whether entries and claimed root are sound. */
export function checkTree(bundle: ProofBundle, leaves: Leaves): [string, Check[]] {
  const root = bytesToHex(merkleRoot(leaves.raw.map((value) => leafHash(value))));
  const checks = [
    ...leaves.wrong.map(([index, error]) =>
      check('merkle', 'fail', `entry ${index}`, { found: error.code, note: error.message }),
    ),
    ...leaves.unknown.map(([index, error]) =>
      check('package.unknown_entry', 'unchecked', `entry ${index}`, {
        found: error.code,
        note: unknownNote(error),
        blocking: true,
      }),
    ),
  ];
  if (leaves.wrong.length === 0 && leaves.unknown.length === 0) {
    try {
      manifestFromLeaves(leaves.raw);
    } catch (error) {
      if (!(error instanceof ArchiveError)) throw error;
      checks.push(check('merkle', 'fail', 'entries', { found: error.code, note: error.message }));
    }
  } else if (leaves.header !== null && leaves.header.leaf_count !== leaves.raw.length) {
    checks.push(
      check('merkle', 'fail', 'entries', {
        expected: String(leaves.header.leaf_count),
        found: String(leaves.raw.length),
        note: 'the header counts other leaves than there are',
      }),
    );
  }
  if (root !== bundle.root) {
    const note = 'the root that follows from the entries is not the one the bundle claims';
    checks.push(check('merkle', 'fail', 'root', { expected: bundle.root, found: root, note }));
  } else if (checks.every((c) => c.status !== 'fail')) {
    const note = `recomputed from ${leaves.raw.length} entries`;
    checks.push(check('merkle', 'pass', 'root', { expected: bundle.root, found: root, note }));
  }
  return [root, checks];
}

/** The content id recomputed from the listing, and the listing held against what is known of the files. */
export function checkContentId(
  bundle: ProofBundle, wanted: readonly Wanted[], matching: Matching, leaves: Leaves,
): [string | null, Check[]] {
  const checks: Check[] = [];
  const listing = (path: string, expected: string, found: string, note: string): void => {
    checks.push(check('content_id', 'fail', path, { expected, found, note }));
  };
  const listed = new Map(bundle.directory.map((row) => [row.path, row]));
  const paths = new Set(wanted.map((w) => w.path));
  for (const { path } of wanted) if (!listed.has(path)) listing(path, 'listed', 'not listed', 'the directory listing lacks a file');
  if (leaves.unknown.length === 0) {
    for (const path of listed.keys()) {
      if (!paths.has(path)) listing(path, 'not listed', 'listed', 'the listing has a file without entry');
    }
  }
  for (const [path, known] of knownCids(bundle, wanted, matching)) {
    const row = listed.get(path);
    if (row !== undefined && row.cid !== known) listing(path, row.cid, known, 'the directory listing names other bytes');
  }
  let contentId: string;
  try {
    contentId = directory(bundle.directory).cid;
  } catch (error) {
    if (!(error instanceof ArchiveError)) throw error;
    const more = { expected: bundle.content_id, found: error.code, note: error.message };
    return [null, [...checks, check('content_id', 'fail', 'directory', more)]];
  }
  if (contentId !== bundle.content_id) {
    const note = 'the content id that follows from the directory listing is not the one the bundle claims';
    checks.push(check('content_id', 'fail', 'directory', { expected: bundle.content_id, found: contentId, note }));
  } else if (checks.length === 0) {
    const note = `recomputed from ${listed.size} files`;
    checks.push(check('content_id', 'pass', 'directory', { expected: bundle.content_id, found: contentId, note }));
  }
  return [contentId, checks];
}

/** CIDs that follow from hashes which are known: of files of one chunk, of the record, of files in hand. */
function* knownCids(bundle: ProofBundle, wanted: readonly Wanted[], matching: Matching): Generator<[string, string]> {
  for (const { path, size, sha256 } of wanted) if (size <= CHUNK_BYTES) yield [path, cidOfOneChunk(sha256)];
  if (bundle.record !== null) yield [RECORD_PATH, digestBytes(dumps(bundle.record)).cid];
  for (const match of matching.matches) if (match.good) yield [match.wanted.path, match.file.cid];
}
