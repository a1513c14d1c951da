/** What a package directory must hold, recomputed from a listing of it (docs/format.md, sections 4, 7, 10). */
import { hexToBytes } from '@noble/hashes/utils.js';
import { ArchiveError } from '../errors.ts';
import { RAW, cidOf, cidText, isRaw, parseCid } from './cid.ts';
import { MANIFEST_PATH, RECORD_PATH } from './entries.ts';
import { compareUtf8, type Manifest } from './manifest.ts';
import { CHUNK_BYTES, directory, type DirectoryRow } from './unixfs.ts';
import { digestBytes } from '../hash/file.ts';

export interface Problem {
  readonly code: string;
  readonly path: string;
  readonly message: string;
}

/** The content id of a package directory from its files alone; throws as `unixfs.directory`. */
export function contentIdOf(rows: Iterable<DirectoryRow>): string {
  return directory(rows).cid;
}

/** The paths of exactly the files that the package of a manifest holds, by their UTF-8 bytes. */
export function expectedPaths(manifest: Manifest): string[] {
  return [MANIFEST_PATH, RECORD_PATH, ...manifest.evidence.map((entry) => entry.path)].sort(compareUtf8);
}

/** `package.missing_file` and `package.unexpected_file`: all of them. */
export function checkPaths(manifest: Manifest, found: Iterable<string>): Problem[] {
  const wanted = new Set(expectedPaths(manifest));
  const given = new Set(found);
  const missing = [...wanted].filter((path) => !given.has(path));
  const unexpected = [...given].filter((path) => !wanted.has(path));
  return [
    ...missing.map((path) => problem('missing_file', path, 'the manifest lists it, the package does not hold it')),
    ...unexpected.map((path) => problem('unexpected_file', path, 'the package holds it, the manifest does not list it')),
  ];
}

/** The CID of a file that is one chunk: its SHA-256 (64 hex digits) in other clothes. */
export function cidOfOneChunk(sha256: string): string {
  return cidText(cidOf(RAW, hexToBytes(sha256)));
}

/**
 * The content id that a listing leads to, after holding the listing against the manifest. The listing is believed only
 * where nothing else can be known: the CID of a file of more than one chunk. Throws the first of all problems:
 * `package.duplicate_path`, `.missing_file`, `.unexpected_file`, `.cid_mismatch`, or `cid.…`, `unixfs.…`.
 */
export function checkDirectory(manifest: Manifest, rows: readonly DirectoryRow[]): string {
  const listing = new Map(rows.map((row) => [row.path, row]));
  if (listing.size !== rows.length) {
    throw new ArchiveError('package.duplicate_path', 'a path occurs twice in the directory listing');
  }
  const problems = checkPaths(manifest, listing.keys());
  const own = digestBytes(manifest.toBytes());
  const known = [{ path: MANIFEST_PATH, cid: own.cid, tsize: own.tsize }];
  for (const { path, size, sha256 } of [manifest.record, ...manifest.evidence]) {
    const row = listing.get(path);
    if (size <= CHUNK_BYTES) known.push({ path, cid: cidOfOneChunk(sha256), tsize: size });
    else if (row && isRaw(parseCid(row.cid))) {
      problems.push(problem('cid_mismatch', path, 'a file of more than one chunk has the CID of a single chunk'));
    }
  }
  for (const { path, cid, tsize } of known) {
    const row = listing.get(path);
    if (row && (row.cid !== cid || row.tsize !== tsize)) {
      problems.push(problem('cid_mismatch', path, `CID and size should be ${cid}, ${tsize}; are ${row.cid}, ${row.tsize}`));
    }
  }
  raiseProblems(problems);
  return contentIdOf(rows);
}

/** Throws all problems as one error with the first one's code; nothing when there are none. */
export function raiseProblems(problems: readonly Problem[]): void {
  const [first, ...more] = problems;
  if (!first) return;
  const rest = more.length > 0 ? ` (and ${more.length} more)` : '';
  throw new ArchiveError(first.code, `${first.path}: ${first.message}${rest}`);
}

export function problem(rule: string, path: string, message: string): Problem {
  return { code: `package.${rule}`, path, message };
}
