/** What the user gave: files, folders, CARs; each hashed once. Bundles and reveals among them are told by their names. */
import { bytesToHex } from '../bytes.ts';
import { ArchiveError } from '../errors.ts';
import { BUNDLE_SUFFIX, type ProofBundle } from '../format/bundle.ts';
import { isObject, loads, type JsonObject } from '../format/canonical.ts';
import { verifyCar } from '../format/car.ts';
import { MANIFEST_PATH } from '../format/entries.ts';
import { MAX_RECORD_BYTES, MAX_RECORD_DEPTH } from '../format/limits.ts';
import { REVEAL_SUFFIX } from '../format/reveal.ts';
import { type ByteSource, blobSource } from '../format/source.ts';
import { digestBytes, hashFile } from '../hash/file.ts';
import { createSha256 } from '../hash/sha256.ts';
import type { FileFact, UnreadableFile, Variant, VariantKind } from './facts.ts';
import { readLeaves, wantedFiles } from './leaves.ts';
import { baseOf, matchFiles } from './matching.ts';
import { compareText } from './python.ts';

/** A file to read. `path` is its place inside a given folder, null for a single file; `full` the whole path. */
export interface GivenFile {
  readonly name: string;
  readonly path: string | null;
  readonly full: string;
  readonly source: ByteSource;
}

export interface Given {
  readonly files: readonly GivenFile[];
  /** What the caller could not open, a link for instance. */
  readonly unreadable?: readonly UnreadableFile[];
}

export interface Hashed {
  /** `source` is null for what came out of a CAR. */
  readonly files: readonly { readonly fact: FileFact; readonly source: ByteSource | null }[];
  readonly bundles: readonly GivenFile[];
  readonly reveals: readonly GivenFile[];
  readonly unreadable: readonly UnreadableFile[];
  readonly packageFolder: boolean;
}

export interface Progress {
  /** Name of the file, bytes read of all that was given. */
  readonly onProgress?: ((name: string, done: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Larger files are not searched for the likely reason of a mismatch: it would have to be held in memory. */
const MAX_EXPLAINED_BYTES = 64 * 1024 * 1024;
const CAR_SUFFIX = '.car';
// A CARv1 of a package: header length, map of two, "roots".
const CAR_START = [0x3a, 0xa2, 0x65, 0x72, 0x6f, 0x6f, 0x74, 0x73];

/** Files of the browser: those that came with a folder (`webkitRelativePath`) are known by their place in it. */
export function fromBrowser(files: readonly File[]): GivenFile[] {
  const singles = files.filter((file) => !file.webkitRelativePath);
  const inFolders = files.filter((file) => file.webkitRelativePath);
  const given = inFolders.map((file): GivenFile => {
    const name = file.webkitRelativePath;
    const path = name.slice(name.indexOf('/') + 1);
    return { name, path, full: path, source: blobSource(file) };
  });
  return [
    ...singles.map((file): GivenFile => ({ name: file.name, path: null, full: '/' + file.name, source: blobSource(file) })),
    ...given.sort((a, b) => compareWalk(a.path!, b.path!)),
  ];
}

/** The order in which a folder is walked: its files by name, then its folders by name. */
function compareWalk(a: string, b: string): number {
  const one = a.split('/');
  const two = b.split('/');
  for (let i = 0; ; i++) {
    const [aIsFile, bIsFile] = [i === one.length - 1, i === two.length - 1];
    if (aIsFile !== bIsFile) return aIsFile ? -1 : 1;
    const order = compareText(one[i]!, two[i]!);
    if (order !== 0 || aIsFile) return order;
  }
}

/** Hashes what was given; a file that cannot be read is named, and the others still count. */
export async function hashGiven(given: Given, { onProgress, signal }: Progress = {}): Promise<Hashed> {
  const files: { fact: FileFact; source: ByteSource }[] = [];
  const unpacked: { fact: FileFact; source: null }[] = [];
  const bundles: GivenFile[] = [];
  const reveals: GivenFile[] = [];
  const unreadable: UnreadableFile[] = [...(given.unreadable ?? [])];
  let packageFolder = false;
  const total = given.files.reduce((sum, file) => sum + file.source.size, 0);
  let before = 0;
  for (const file of given.files) {
    const told = onProgress === undefined ? {} : { onProgress: (done: number): void => onProgress(file.name, before + done, total) };
    const options = { ...told, ...(signal === undefined ? {} : { signal }) };
    const base = baseOf(file.full);
    try {
      if (base.endsWith(BUNDLE_SUFFIX)) {
        bundles.push(file);
      } else if (base.endsWith(REVEAL_SUFFIX)) {
        reveals.push(file);
      } else if (file.path === null && (await isCar(file))) {
        const car = await verifyCar(file.source, options);
        packageFolder = true;
        for (const { path, size, sha256, cid } of car.files) {
          unpacked.push({ fact: { name: `${file.name}: ${path}`, path, full: path, size, sha256, cid, variants: [] }, source: null });
        }
      } else {
        const { size, sha256, cid } = await hashFile(file.source, options);
        const { name, path, full } = file;
        files.push({ fact: { name, path, full, size, sha256, cid, variants: [] }, source: file.source });
        packageFolder ||= path === MANIFEST_PATH;
      }
    } catch (error) {
      unreadable.push(unreadableOf(file.name, error, signal));
    }
    before += file.source.size;
  }
  return { files: [...files, ...unpacked], bundles, reveals, unreadable, packageFolder };
}

/** What reading a file threw, as what is said of the file. The user's own interruption goes on. */
export function unreadableOf(name: string, error: unknown, signal?: AbortSignal): UnreadableFile {
  if (signal?.aborted) throw error;
  if (error instanceof ArchiveError) return { name, code: error.code, message: error.message };
  // A File that was moved or changed since it was chosen: NotReadableError, NotFoundError.
  if (error instanceof DOMException) return { name, code: 'package.unreadable', message: `cannot be read: ${error.message}` };
  throw error;
}

async function isCar(file: GivenFile): Promise<boolean> {
  if (!file.full.endsWith(CAR_SUFFIX)) return false;
  const start = await file.source.read(0, Math.min(CAR_START.length, file.source.size));
  return start.length === CAR_START.length && CAR_START.every((byte, i) => start[i] === byte);
}

export async function readAll(source: ByteSource, maxBytes: number): Promise<Uint8Array> {
  return source.read(0, Math.min(source.size, maxBytes));
}

/** A bundle without the record is completed from a given record.json, if it is the very one. */
export async function completeRecord(bundle: ProofBundle, hashed: Hashed): Promise<ProofBundle> {
  const wanted = bundle.record === null ? readLeaves(bundle.entries).record : null;
  if (wanted === null) return bundle;
  for (const { fact, source } of hashed.files) {
    if (source === null || fact.sha256 !== wanted.sha256 || fact.size !== wanted.size) continue;
    const data = await readAll(source, fact.size);
    if (digestBytes(data).sha256 !== wanted.sha256) continue;
    const value = loads(data, { maxBytes: MAX_RECORD_BYTES, maxDepth: MAX_RECORD_DEPTH });
    return isObject(value) ? { ...bundle, record: value as JsonObject } : bundle;
  }
  return bundle;
}

/** For files that are not what the package lists, the hashes that common harmless changes would undo to. */
export async function explain(bundle: ProofBundle, hashed: Hashed): Promise<FileFact[]> {
  const facts = hashed.files.map((file) => file.fact);
  const matching = matchFiles(wantedFiles(readLeaves(bundle.entries)), facts);
  const odd = new Set([...matching.matches.filter((m) => !m.good).map((m) => m.file), ...matching.unlisted]);
  const explained: FileFact[] = [];
  // One after the other: each is held in memory.
  for (const { fact, source } of hashed.files) {
    const look = source !== null && odd.has(fact) && fact.size > 0 && fact.size <= MAX_EXPLAINED_BYTES;
    explained.push(look ? { ...fact, variants: await variantsOf(await readAll(source, fact.size)) } : fact);
  }
  return explained;
}

const BOM = Uint8Array.of(0xef, 0xbb, 0xbf);
const LF = Uint8Array.of(0x0a);
const CRLF = Uint8Array.of(0x0d, 0x0a);
const PIECE_BYTES = 1 << 20;

/** What the file would hash to had it not been changed in one of the usual ways. None of these is held in memory. */
async function variantsOf(data: Uint8Array): Promise<Variant[]> {
  const variants: Variant[] = [];
  const add = (kind: VariantKind, changed: Iterable<Uint8Array>): void => {
    const hash = createSha256();
    for (const piece of changed) hash.update(piece);
    variants.push({ kind, sha256: bytesToHex(hash.digest()) });
  };
  const marked = starts(data, BOM);
  const bare = marked ? data.subarray(BOM.length) : data;
  add('byte-order-mark', marked ? [bare] : [BOM, data]);
  for (const text of marked ? [data, bare] : [data]) {
    add('line-ends', lineEnds(text, LF));
    add('line-ends', lineEnds(text, CRLF));
  }
  add('final-newline', [withoutEnd(data, LF)]);
  add('final-newline', [withoutEnd(data, CRLF)]);
  add('final-newline', [data, LF]);
  add('final-newline', [data, CRLF]);
  if (data[0] === 0x1f && data[1] === 0x8b) {
    const unpacked = await gunzip(data);
    if (unpacked !== null) add('gzip', unpacked);
  }
  return variants;
}

function starts(data: Uint8Array, start: Uint8Array): boolean {
  return start.every((byte, i) => data[i] === byte);
}

function withoutEnd(data: Uint8Array, end: Uint8Array): Uint8Array {
  const rest = data.length - end.length;
  return rest >= 0 && end.every((byte, i) => data[rest + i] === byte) ? data.subarray(0, rest) : data;
}

/** The text with these line ends, CRLF and LF alike, in pieces to use before the next is asked for. */
function* lineEnds(data: Uint8Array, end: Uint8Array): Generator<Uint8Array> {
  const piece = new Uint8Array(PIECE_BYTES);
  let filled = 0;
  for (let i = 0; i < data.length; i++) {
    const byte = data[i]!;
    if (byte === 0x0d && data[i + 1] === 0x0a) continue;
    if (filled + end.length > PIECE_BYTES) {
      yield piece.subarray(0, filled);
      filled = 0;
    }
    if (byte === 0x0a) {
      piece.set(end, filled);
      filled += end.length;
    } else {
      piece[filled++] = byte;
    }
  }
  yield piece.subarray(0, filled);
}

/** Unpacks one compressed stream, at most MAX_EXPLAINED_BYTES of it; null where it is none. */
async function gunzip(data: Uint8Array): Promise<Uint8Array[] | null> {
  const parts: Uint8Array[] = [];
  let size = 0;
  try {
    const stream = new Blob([data as Uint8Array<ArrayBuffer>]).stream().pipeThrough(new DecompressionStream('gzip'));
    for (const reader = stream.getReader(); ; ) {
      const { done, value } = await reader.read();
      if (done) break;
      parts.push(value);
      size += value.length;
      if (size > MAX_EXPLAINED_BYTES) {
        await reader.cancel();
        return null;
      }
    }
  } catch {
    // Not a gzip stream after all, or a damaged one: then it is not the likely reason.
    return null;
  }
  return parts;
}
