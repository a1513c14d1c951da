/**
 * The CAR of a package, verified from the first byte to the last (docs/format.md, section 8): nothing in it is believed.
 *
 * Two passes: the first checks every block's hash and notes where it stands, the second walks the directory, holds it
 * against the manifest and hashes the files. A CAR may have its blocks in any order and more than once.
 */
import { bytesToHex, concatBytes, equalBytes } from '../bytes.ts';
import { ArchiveError } from '../errors.ts';
import { digestBytes, type FileDigest } from '../hash/file.ts';
import { createSha256, sha256, sha256Async } from '../hash/sha256.ts';
import * as canonical from './canonical.ts';
import { excerpt, type Json } from './canonical.ts';
import { CID_BYTES, DAG_PB, RAW, cidText, digestOf, isRaw } from './cid.ts';
import * as contents from './contents.ts';
import { MANIFEST_PATH, RECORD_PATH, checkPath } from './entries.ts';
import {
  MAX_FOLDERS, MAX_LEAVES, MAX_MANIFEST_BYTES, MAX_PATH_BYTES, MAX_RECORD_BYTES, MAX_RECORD_DEPTH,
} from './limits.ts';
import { parseManifest, type Manifest } from './manifest.ts';
import { Forward, sourceOf, type ByteSource } from './source.ts';
import * as unixfs from './unixfs.ts';
import { MAX_VARINT_BYTES, WireError, decodeVarint } from './varint.ts';

export interface CarLimits {
  /** Of one block. */
  readonly blockBytes: number;
  readonly blocks: number;
  /** Of all files together. */
  readonly filesBytes: number;
}

const LIMITS: CarLimits = { blockBytes: 2 * 1024 * 1024, blocks: 1_200_000, filesBytes: 2 ** 40 };

export interface VerifyCarOptions {
  readonly limits?: Partial<CarLimits>;
  /** Refuse another root than this: `car.other_root`. */
  readonly contentId?: string;
  /** Bytes done so far, and in all; the CAR counts twice, since it is read twice. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Gets the bytes of each file in order, to use within the call. Believe them only when `verifyCar` has returned. */
  readonly onData?: (path: string, piece: Uint8Array) => void;
  readonly signal?: AbortSignal;
}

export interface CarFile extends FileDigest {
  readonly path: string;
}

/** A package that was verified whole. */
export interface VerifiedPackage {
  readonly root: string;
  readonly contentId: string;
  readonly manifest: Manifest;
  /** The value of record.json. */
  readonly record: Json;
  readonly files: readonly CarFile[];
}

const READ_BYTES = 4 * 1024 * 1024;
const DIGESTS_AHEAD = 8;
const MAX_FILE_DEPTH = 6;
const MAX_HEADER_BYTES = 64 * 1024;
const HEADER_ROOTS = Uint8Array.of(0xa2, 0x65, ...ascii('roots'));
const HEADER_START = concatBytes(HEADER_ROOTS, Uint8Array.of(0x81, 0xd8, 0x2a, 0x58, 0x25, 0x00));
const HEADER_END = Uint8Array.of(0x67, ...ascii('version'), 0x01);
const HEADER_BYTES = HEADER_START.length + CID_BYTES + HEADER_END.length;
const HEADER_VERSION_2 = Uint8Array.of(0xa1, 0x67, ...ascii('version'), 0x02);

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Verifies the CAR of a package. Throws `car.…`, `unixfs.…`, `manifest.…`, `canonical.…`, `cid.…`,
 * `package.missing_file`, `.unexpected_file`, `.size_mismatch`, `.digest_mismatch`; and AbortError.
 */
export async function verifyCar(car: Blob | ByteSource, options: VerifyCarOptions = {}): Promise<VerifiedPackage> {
  const limits = { ...LIMITS, ...options.limits };
  const source = sourceOf(car);
  const progress = new Progress(options, source.size);
  const reader = new Forward(source, READ_BYTES, () => options.signal?.throwIfAborted());
  try {
    const verified = await verifyBlocks(reader, limits, options, progress);
    progress.finish();
    return verified;
  } finally {
    await reader.close();
  }
}

async function verifyBlocks(
  reader: Forward, limits: CarLimits, options: VerifyCarOptions, progress: Progress,
): Promise<VerifiedPackage> {
  const { root, places } = await readBlocks(reader, limits, progress);
  const contentId = cidText(root);
  if (options.contentId !== undefined && contentId !== options.contentId) {
    fail('car.other_root', `its root is ${contentId}, not ${options.contentId}`);
  }
  const blocks = new Blocks(reader, places);
  const listing = await listFiles(blocks, root);
  const manifestJson = await smallFile(blocks, listing, MANIFEST_PATH, MAX_MANIFEST_BYTES);
  const manifest = parseManifest(manifestJson);
  contents.raiseProblems(contents.checkPaths(manifest, listing.keys()));
  const recordJson = await smallFile(blocks, listing, RECORD_PATH, MAX_RECORD_BYTES);
  const record = canonical.loadsCanonical(recordJson, { maxBytes: MAX_RECORD_BYTES, maxDepth: MAX_RECORD_DEPTH });
  const total = [manifest.record, ...manifest.evidence].reduce((sum, entry) => sum + entry.size, 0);
  if (total > limits.filesBytes) fail('car.files_too_large', `the files have ${total} bytes`);
  const files = await hashFiles(blocks, manifest, listing, manifestJson, options, progress);
  blocks.checkAllUsed();
  if (contents.contentIdOf(files) !== contentId) {
    fail('unixfs.layout', 'the package directory is not laid out by the profile unixfs-v1-2025');
  }
  return { root: manifest.root(), contentId, manifest, record, files };
}

// ---------------------------------------------------------------- first pass

interface Place {
  readonly cid: Uint8Array;
  readonly offset: number;
  readonly size: number;
}

/** By the CID in hex. */
type Places = Map<string, Place>;

async function readBlocks(forward: Forward, limits: CarLimits, progress: Progress) {
  const reader = new Sections(forward, progress);
  const root = await readHeader(reader);
  const places: Places = new Map();
  // Hashes under way, in the order of the file: the first fault in the file is the one that is told.
  const hashes: Promise<void>[] = [];
  try {
    for (let count = 1; ; count++) {
      const length = await reader.length();
      if (length === null) break;
      if (count > limits.blocks) fail('car.too_many_blocks', `more than ${limits.blocks} blocks`);
      if (length > limits.blockBytes + CID_BYTES) {
        fail('car.block_too_large', `a block of ${length} bytes; the limit is ${limits.blockBytes}`);
      }
      const section = await reader.take(length);
      const cid = checkCid(section).slice();
      const data = section.subarray(CID_BYTES);
      places.set(bytesToHex(cid), { cid, offset: reader.position - data.length, size: data.length });
      const check = checkHash(cid, data);
      check.catch(() => undefined);
      hashes.push(check);
      if (hashes.length > DIGESTS_AHEAD) await hashes.shift();
    }
    await Promise.all(hashes);
  } catch (error) {
    for (const earlier of hashes) await earlier;
    throw error;
  }
  return { root, places };
}

async function checkHash(cid: Uint8Array, data: Uint8Array): Promise<void> {
  if (!equalBytes(await sha256Async(data), digestOf(cid))) badHash(cid);
}

function badHash(cid: Uint8Array): never {
  fail('car.bad_block_hash', `block ${cidText(cid)}: its data has another hash`);
}

async function readHeader(reader: Sections): Promise<Uint8Array> {
  const length = await reader.length();
  if (length === null) truncated(reader.position);
  if (length === 0) fail('car.bad_header', 'the header is empty');
  if (length > MAX_HEADER_BYTES) fail('car.header_too_large', `a header of ${length} bytes`);
  const header = await reader.take(length);
  if (equalBytes(header, HEADER_VERSION_2)) fail('car.version', 'CAR version 2; packages travel as version 1');
  if (!startsWith(header, HEADER_ROOTS)) fail('car.bad_header', 'the header is not dag-cbor of roots and version');
  const list = header[HEADER_ROOTS.length] ?? 0;
  if (list !== 0x81) {
    // 0x80 to 0x9f begin a list, of as many items as the low bits say.
    if ((list & 0xe0) === 0x80) fail('car.roots', 'a package has exactly one root');
    fail('car.bad_header', "the header's roots are not a list");
  }
  if (!startsWith(header, HEADER_START) || header.length !== HEADER_BYTES) {
    fail('car.bad_header', "the header's root is not a CIDv1 with a 32-byte hash");
  }
  const root = header.slice(HEADER_START.length, HEADER_START.length + CID_BYTES);
  if (!equalBytes(header.subarray(-HEADER_END.length), HEADER_END)) fail('car.version', "the header's version is not 1");
  checkCid(root);
  if (isRaw(root)) fail('car.root_not_directory', 'the root is a single chunk, not a directory');
  return root;
}

/** The CID at the start of a section; only those that a package can hold are let through. */
function checkCid(section: Uint8Array): Uint8Array {
  const [version, codec, hash, length] = section;
  if (version === 0x12 && codec === 0x20) fail('car.cid_version', 'a block has a CIDv0; packages use CIDv1');
  if (section.length < 4) fail('car.bad_cid', 'a section is shorter than a CID');
  if (version !== 1) fail('car.cid_version', `a block has CID version ${version}`);
  if (hash === 0) fail('car.identity_cid', 'a block has an identity CID');
  if (codec !== RAW && codec !== DAG_PB) fail('car.unknown_codec', `a block has codec ${codec}`);
  if (hash !== 0x12 || length !== 32) fail('car.unknown_hash', `a block has hash function ${hash}`);
  if (section.length < CID_BYTES) fail('car.bad_cid', 'a section is shorter than a CID');
  return section.subarray(0, CID_BYTES);
}

/** The sections of a CAR from its start on; what is given out is to be used before the next call. */
class Sections {
  readonly #forward: Forward;
  readonly #progress: Progress;
  position = 0;

  constructor(forward: Forward, progress: Progress) {
    this.#forward = forward;
    this.#progress = progress;
  }

  /** The length of the next section; null at the end. */
  async length(): Promise<number | null> {
    const start = await this.#forward.read(this.position, MAX_VARINT_BYTES + 1);
    if (start.length === 0) return null;
    const last = start.findIndex((byte) => byte < 0x80);
    if (last < 0 && start.length <= MAX_VARINT_BYTES) truncated(this.position + start.length);
    try {
      const [length, bytes] = decodeVarint(start, 0);
      this.#move(bytes);
      return length;
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      fail('car.bad_varint', `at byte ${this.position}: ${error.message}`);
    }
  }

  async take(length: number): Promise<Uint8Array> {
    const data = await this.#forward.read(this.position, length);
    if (data.length < length) truncated(this.position + data.length);
    this.#move(length);
    return data;
  }

  #move(bytes: number): void {
    this.position += bytes;
    this.#progress.add(bytes);
  }
}

// ---------------------------------------------------------------- second pass

class Blocks {
  readonly #forward: Forward;
  readonly #places: Places;
  readonly #used = new Set<string>();

  constructor(forward: Forward, places: Places) {
    this.#forward = forward;
    this.#places = places;
  }

  /**
   * A chunk as it is in the source now, to use before the next call; whoever calls makes sure that it is what it was in
   * the first pass.
   */
  async chunk(cid: Uint8Array): Promise<Uint8Array> {
    const { offset, size } = this.#place(cid);
    return this.#forward.read(offset, size);
  }

  async node(cid: Uint8Array): Promise<unixfs.Node> {
    const { offset, size } = this.#place(cid);
    const data = await this.#forward.readAlone(offset, size);
    if (!equalBytes(sha256(data), digestOf(cid))) badHash(cid);
    return unixfs.decodeNode(data);
  }

  #place(cid: Uint8Array): Place {
    const key = bytesToHex(cid);
    const place = this.#places.get(key);
    if (!place) fail('car.missing_block', `block ${cidText(cid)} is missing`);
    this.#used.add(key);
    return place;
  }

  checkAllUsed(): void {
    for (const [key, place] of this.#places) {
      if (!this.#used.has(key)) fail('car.extra_block', `block ${cidText(place.cid)} is not part of the package`);
    }
  }
}

type Listing = Map<string, unixfs.Link>;

/** Path → link of every file; bounded, and with names that are names. */
async function listFiles(blocks: Blocks, root: Uint8Array): Promise<Listing> {
  const files: Listing = new Map();
  const waiting = [{ prefix: '', cid: root }];
  let folders = 1;
  for (let folder = waiting.pop(); folder; folder = waiting.pop()) {
    const names = new Set<string>();
    for await (const link of directoryLinks(blocks, folder.cid, 0)) {
      const name = fileName(link.name);
      const path = folder.prefix + name;
      if (names.has(name)) fail('unixfs.duplicate_name', `${excerpt(path)} occurs twice in its folder`);
      names.add(name);
      if (path !== MANIFEST_PATH && path !== RECORD_PATH) checkPath(path);
      if (!isRaw(link.cid) && (await blocks.node(link.cid)).kind !== 'file') {
        folders += 1;
        if (folders > MAX_FOLDERS) fail('unixfs.too_many_folders', `more than ${MAX_FOLDERS} folders`);
        waiting.push({ prefix: `${path}/`, cid: link.cid });
      } else {
        files.set(path, link);
        // All leaves but the header are files at most, and the manifest is one more.
        if (files.size > MAX_LEAVES) fail('unixfs.too_many_files', `more than ${MAX_LEAVES} files`);
      }
    }
    if (names.size === 0) fail('unixfs.empty_directory', `folder ${excerpt(folder.prefix)} is empty`);
  }
  return files;
}

async function* directoryLinks(blocks: Blocks, cid: Uint8Array, depth: number): AsyncGenerator<unixfs.Link> {
  if (isRaw(cid)) fail('unixfs.bad_node', "a folder's CID is that of a single chunk");
  const node = await blocks.node(cid);
  if (node.kind === 'directory' && depth === 0) {
    yield* node.links;
    return;
  }
  if (node.kind !== 'hamt' || depth >= unixfs.HAMT_MAX_DEPTH) {
    fail('unixfs.bad_node', "a folder's node is neither a directory nor a HAMT shard");
  }
  if (node.links.length === 0) fail('unixfs.empty_directory', 'a HAMT shard is empty');
  for (const link of node.links) {
    if (link.name.length === 2) yield* directoryLinks(blocks, link.cid, depth + 1);
    else yield { ...link, name: link.name.subarray(2) };
  }
}

function fileName(bytes: Uint8Array): string {
  let name: string;
  try {
    name = decoder.decode(bytes);
  } catch {
    fail('unixfs.bad_name', 'a file name is not UTF-8');
  }
  if (name === '' || name.includes('/') || name === '.' || name === '..' || bytes.length > MAX_PATH_BYTES) {
    fail('unixfs.bad_name', `${excerpt(name, 80)} is not a file name`);
  }
  return name;
}

interface Chunk {
  readonly cid: Uint8Array;
  readonly data: Uint8Array;
}

/**
 * The chunks of a file in order, told to `builder`: every one but the last is whole and none is empty, so a small CAR
 * cannot ask for endless work. Whether they are what they were in the first pass shows in the hash of the whole.
 */
async function* chunksOf(
  blocks: Blocks, file: unixfs.Link, builder: unixfs.FileBuilder, limit: number,
): AsyncGenerator<Uint8Array> {
  for await (const { cid, data } of chunkData(blocks, file)) {
    if (builder.size % unixfs.CHUNK_BYTES !== 0 || data.length > unixfs.CHUNK_BYTES || (data.length === 0 && cid !== file.cid)) {
      fail('unixfs.layout', 'a file is not cut into chunks of 1 MiB');
    }
    if (builder.size + data.length > limit) fail('package.size_mismatch', `a file is larger than ${limit} bytes`);
    builder.addChunk(cid, data.length);
    yield data;
  }
}

/** The raw blocks below a link, from left to right. */
async function* chunkData(blocks: Blocks, file: unixfs.Link): AsyncGenerator<Chunk> {
  // Links still to visit, deepest last: no recursion, and as many entries as depth × 1,024.
  const stack = [{ cid: file.cid, depth: MAX_FILE_DEPTH }];
  for (let here = stack.pop(); here; here = stack.pop()) {
    if (isRaw(here.cid)) {
      yield { cid: here.cid, data: await blocks.chunk(here.cid) };
      continue;
    }
    const { depth } = here;
    const node = await blocks.node(here.cid);
    if (node.kind !== 'file' || depth === 0) fail('unixfs.bad_node', "a file's node is not a file node");
    stack.push(...node.links.map((link) => ({ cid: link.cid, depth: depth - 1 })).reverse());
  }
}

async function smallFile(blocks: Blocks, listing: Listing, path: string, limit: number): Promise<Uint8Array> {
  const link = listing.get(path);
  if (!link) fail('package.missing_file', `${path}: the package does not hold it`);
  const parts: Uint8Array[] = [];
  for await (const chunk of chunksOf(blocks, link, new unixfs.FileBuilder(), limit)) parts.push(chunk.slice());
  return concatBytes(...parts);
}

async function hashFiles(
  blocks: Blocks, manifest: Manifest, listing: Listing, manifestJson: Uint8Array, options: VerifyCarOptions,
  progress: Progress,
): Promise<CarFile[]> {
  const expected = new Map<string, { size: number; sha256: string }>([[MANIFEST_PATH, digestBytes(manifestJson)]]);
  for (const entry of [manifest.record, ...manifest.evidence]) expected.set(entry.path, entry);
  const files: CarFile[] = [];
  const problems: contents.Problem[] = [];
  for (const path of contents.expectedPaths(manifest)) {
    const wanted = expected.get(path)!;
    const link = listing.get(path)!;
    const builder = new unixfs.FileBuilder();
    const whole = createSha256();
    for await (const chunk of chunksOf(blocks, link, builder, wanted.size)) {
      options.onData?.(path, chunk);
      whole.update(chunk);
      progress.add(chunk.length);
    }
    const root = builder.finish();
    const file = { path, size: builder.size, sha256: bytesToHex(whole.digest()), cid: cidText(root.cid), tsize: root.tsize };
    files.push(file);
    if (file.size !== wanted.size) {
      problems.push(contents.problem('size_mismatch', path, `expected ${wanted.size} bytes, found ${file.size}`));
    } else if (file.sha256 !== wanted.sha256) {
      problems.push(contents.problem('digest_mismatch', path, `expected ${wanted.sha256}, found ${file.sha256}`));
    }
    if (file.cid !== cidText(link.cid)) {
      const message = 'the file is not laid out by the profile unixfs-v1-2025';
      problems.push({ code: 'unixfs.layout', path, message });
    }
  }
  contents.raiseProblems(problems);
  return files;
}

// ----------------------------------------------------------------

const PROGRESS_BYTES = 1024 * 1024;

class Progress {
  readonly #options: VerifyCarOptions;
  readonly #total: number;
  #done = 0;
  #told = 0;

  constructor(options: VerifyCarOptions, size: number) {
    this.#options = options;
    this.#total = 2 * size;
  }

  add(bytes: number): void {
    this.#done = Math.min(this.#done + bytes, this.#total);
    if (this.#done < this.#told + PROGRESS_BYTES) return;
    this.#told = this.#done;
    this.#options.onProgress?.(this.#done, this.#total);
  }

  finish(): void {
    this.#options.onProgress?.(this.#total, this.#total);
  }
}

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function startsWith(data: Uint8Array, start: Uint8Array): boolean {
  return equalBytes(data.subarray(0, start.length), start);
}

function truncated(position: number): never {
  throw new ArchiveError(
    'car.truncated',
    `CAR: ends in the middle of a block (after byte ${position})`,
    'the download or copy was cut off; get the file again',
  );
}

// Codes that point to damage on the way; the others to something that never was a package.
const DAMAGE = ['car.bad_block_hash', 'car.missing_block', 'car.bad_varint', 'package.size_mismatch', 'package.digest_mismatch'];

function fail(code: string, message: string): never {
  const hint = DAMAGE.includes(code)
    ? 'it was damaged or changed on its way; get it again, or from another place'
    : 'this is not the CAR of a package; ask whoever gave it to you for that';
  throw new ArchiveError(code, `CAR: ${message}`, hint);
}
