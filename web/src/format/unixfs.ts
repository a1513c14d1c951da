/** UnixFS under the profile `unixfs-v1-2025`, written and read by hand (docs/format.md, section 7). */
import { bytesToHex, compareBytes, concatBytes, equalBytes } from '../bytes.ts';
import { ArchiveError } from '../errors.ts';
import { excerpt } from './canonical.ts';
import { CID_BYTES, DAG_PB, RAW, cidText, dagPbCid, parseCid, rawCid } from './cid.ts';
import { MAX_FOLDERS, MAX_PATH_BYTES } from './limits.ts';
import { parentOf } from './manifest.ts';
import { murmur3x64 } from './murmur3.ts';
import { WireError, decodeVarint, encodeVarint, varintLength, writeVarint } from './varint.ts';

export const CHUNK_BYTES = 1024 * 1024;
export const MAX_LINKS = 1024;
export const HAMT_THRESHOLD_BYTES = 256 * 1024;
export const HAMT_MAX_DEPTH = 8;

const TYPE_DIRECTORY = 1;
const TYPE_FILE = 2;
const TYPE_SYMLINK = 4;
const TYPE_HAMT = 5;
const DIRECTORY_DATA = Uint8Array.of(0x08, TYPE_DIRECTORY);
const NO_NAME = new Uint8Array(0);

/** A dag-pb link: name (UTF-8, empty in files), target, and the bytes of the target's whole DAG. */
export interface Link {
  readonly name: Uint8Array;
  readonly cid: Uint8Array;
  readonly tsize: number;
}

export interface Block {
  readonly cid: Uint8Array;
  readonly data: Uint8Array;
}

/** What stands in a bundle for one file of the package: `cid` as text. */
export interface DirectoryRow {
  readonly path: string;
  readonly cid: string;
  readonly tsize: number;
}

/** A directory: its CID as text, the bytes of its DAG, its own blocks, each once, children before parents, root last. */
export interface DirectoryResult {
  readonly cid: string;
  readonly tsize: number;
  readonly blocks: readonly Block[];
}

/** A dag-pb node: links in the given order, then the UnixFS data. */
export function encodeNode(links: readonly Link[], data: Uint8Array): Uint8Array {
  const node = new Uint8Array(nodeLength(links, data));
  let at = 0;
  for (const link of links) {
    node[at++] = 0x12;
    at = writeVarint(node, at, bodyLength(link));
    node[at++] = 0x0a;
    node[at++] = CID_BYTES;
    node.set(link.cid, at);
    at += CID_BYTES;
    node[at++] = 0x12;
    at = writeVarint(node, at, link.name.length);
    node.set(link.name, at);
    at += link.name.length;
    node[at++] = 0x18;
    at = writeVarint(node, at, link.tsize);
  }
  node[at++] = 0x0a;
  at = writeVarint(node, at, data.length);
  node.set(data, at);
  return node;
}

function bodyLength(link: Link): number {
  return 2 + CID_BYTES + 1 + varintLength(link.name.length) + link.name.length + 1 + varintLength(link.tsize);
}

function nodeLength(links: readonly Link[], data: Uint8Array): number {
  let length = 1 + varintLength(data.length) + data.length;
  for (const link of links) {
    const body = bodyLength(link);
    length += 1 + varintLength(body) + body;
  }
  return length;
}

// ---------------------------------------------------------------- files

interface Child {
  readonly link: Link;
  /** Bytes of the file below the link. */
  readonly size: number;
}

/** The tree over a file's chunks as they come; holds at most one unfinished node of each level. */
export class FileBuilder {
  readonly #emit: ((block: Block) => void) | undefined;
  readonly #levels: Child[][] = [[]];
  size = 0;

  /** `emit` gets each inner node as soon as it is whole: children come before parents. */
  constructor(emit?: (block: Block) => void) {
    this.#emit = emit;
  }

  addChunk(cid: Uint8Array, size: number): void {
    this.size += size;
    this.#add(0, { link: { name: NO_NAME, cid, tsize: size }, size });
  }

  /** The root of the file; a file without chunks is one empty chunk. */
  finish(): Link {
    if (this.#levels.length === 1 && this.#levels[0]!.length === 0) this.addChunk(rawCid(NO_NAME), 0);
    for (let level = 0; ; level++) {
      const children = this.#levels[level]!;
      if (level === this.#levels.length - 1 && children.length === 1) return children[0]!.link;
      if (children.length > 0) this.#close(level);
    }
  }

  #add(level: number, child: Child): void {
    const children = (this.#levels[level] ??= []);
    // Closed only when another child comes: a file of exactly 1,024 chunks is one node, not two.
    if (children.length === MAX_LINKS) this.#close(level);
    this.#levels[level]!.push(child);
  }

  #close(level: number): void {
    const children = this.#levels[level]!;
    this.#levels[level] = [];
    const links = children.map((child) => child.link);
    const data = encodeNode(links, fileData(children.map((child) => child.size)));
    const cid = dagPbCid(data);
    this.#emit?.({ cid, data });
    this.#add(level + 1, {
      link: { name: NO_NAME, cid, tsize: data.length + sum(links.map((link) => link.tsize)) },
      size: sum(children.map((child) => child.size)),
    });
  }
}

/** UnixFS data of an inner file node: the file's size, and the bytes below each link. */
export function fileData(blockSizes: readonly number[]): Uint8Array {
  const size = sum(blockSizes);
  const length = blockSizes.reduce((total, one) => total + 1 + varintLength(one), 3 + varintLength(size));
  const data = new Uint8Array(length);
  data.set([0x08, TYPE_FILE, 0x18]);
  let at = writeVarint(data, 3, size);
  for (const one of blockSizes) {
    data[at++] = 0x20;
    at = writeVarint(data, at, one);
  }
  return data;
}

// ---------------------------------------------------------------- directories

type Folder = Map<string, Folder | Link>;

/**
 * The directory over files. Throws `unixfs.path_conflict` when a path is file and folder, or twice there,
 * `.path_too_long`, `.bad_size`, `.too_many_folders`, `.hamt_too_deep`, `cid.…` for a bad CID.
 */
export function directory(files: Iterable<DirectoryRow>): DirectoryResult {
  const encoder = new TextEncoder();
  const folders = new Map<string, Folder>([['', new Map()]]);
  for (const { path, cid, tsize } of files) {
    if (encoder.encode(path).length > MAX_PATH_BYTES) fail('path_too_long', `path ${excerpt(path)} is too long`);
    if (!(Number.isSafeInteger(tsize) && tsize >= 0)) fail('bad_size', `path ${excerpt(path)} has a size of ${tsize}`);
    const name = path.slice(path.lastIndexOf('/') + 1);
    put(folderAt(folders, parentOf(path)), name, { name: encoder.encode(name), cid: parseCid(cid), tsize });
  }
  const blocks = new Map<string, Block>();
  const root = directoryNode(NO_NAME, folders.get('')!, blocks, encoder);
  return { cid: cidText(root.cid), tsize: root.tsize, blocks: [...blocks.values()] };
}

/** The folder of that path, made with all above it where it is new: from below upwards, so that each is met once. */
function folderAt(folders: Map<string, Folder>, path: string): Folder {
  const found = folders.get(path);
  if (found) return found;
  const made: Folder = new Map();
  folders.set(path, made);
  for (let here = path, below = made; ; ) {
    if (folders.size > MAX_FOLDERS) fail('too_many_folders', `more than ${MAX_FOLDERS} folders`);
    const parent = parentOf(here);
    const name = here.slice(here.lastIndexOf('/') + 1);
    const above = folders.get(parent);
    if (above) {
      put(above, name, below);
      return made;
    }
    below = new Map([[name, below]]);
    folders.set(parent, below);
    here = parent;
  }
}

function put(folder: Folder, name: string, value: Folder | Link): void {
  if (folder.has(name)) fail('path_conflict', `${excerpt(name)} is both a file and a folder`);
  folder.set(name, value);
}

function directoryNode(name: Uint8Array, folder: Folder, blocks: Map<string, Block>, encoder: TextEncoder): Link {
  const links: Link[] = [];
  for (const [child, value] of folder) {
    links.push(value instanceof Map ? directoryNode(encoder.encode(child), value, blocks, encoder) : value);
  }
  links.sort((a, b) => compareBytes(a.name, b.name));
  if (nodeLength(links, DIRECTORY_DATA) > HAMT_THRESHOLD_BYTES) {
    const hashed = links.map((link) => ({ hash: murmur3x64(link.name), link }));
    return shard(name, hashed, 0, blocks);
  }
  return store(name, encodeNode(links, DIRECTORY_DATA), links, blocks);
}

interface Hashed {
  readonly hash: Uint8Array;
  readonly link: Link;
}

function shard(name: Uint8Array, names: readonly Hashed[], depth: number, blocks: Map<string, Block>): Link {
  if (depth === HAMT_MAX_DEPTH) fail('hamt_too_deep', 'names in one folder share a 64-bit hash; rename one of them');
  const slots: Hashed[][] = Array.from({ length: 256 }, () => []);
  for (const item of names) slots[item.hash[depth]!]!.push(item);
  const bits = new Uint8Array(32);
  const links: Link[] = [];
  for (const [slot, items] of slots.entries()) {
    if (items.length === 0) continue;
    // A big-endian number: bit 0 is the lowest bit of the last byte.
    bits[31 - (slot >> 3)]! |= 1 << (slot & 7);
    const prefix = new TextEncoder().encode(slot.toString(16).toUpperCase().padStart(2, '0'));
    const only = items[0]!.link;
    if (items.length > 1) links.push(shard(prefix, items, depth + 1, blocks));
    else links.push({ name: concatBytes(prefix, only.name), cid: only.cid, tsize: only.tsize });
  }
  return store(name, encodeNode(links, hamtData(bits)), links, blocks);
}

/** UnixFS data of a HAMT node: type, bit field without leading zero bytes, hash type murmur3-x64-64, fanout 256. */
function hamtData(bits: Uint8Array): Uint8Array {
  const used = withoutLeadingZeros(bits);
  const length = encodeVarint(used.length);
  return concatBytes(Uint8Array.of(0x08, TYPE_HAMT, 0x12), length, used, Uint8Array.of(0x28, 0x22, 0x30, 0x80, 0x02));
}

function store(name: Uint8Array, data: Uint8Array, links: readonly Link[], blocks: Map<string, Block>): Link {
  const cid = dagPbCid(data);
  const key = bytesToHex(cid);
  if (!blocks.has(key)) blocks.set(key, { cid, data });
  return { name, cid, tsize: data.length + sum(links.map((link) => link.tsize)) };
}

// ---------------------------------------------------------------- reading

/** A decoded dag-pb node. */
export interface Node {
  readonly kind: 'directory' | 'file' | 'hamt';
  readonly links: readonly Link[];
}

/**
 * Decodes a dag-pb node of the profile. What the profile would not have written is refused: `unixfs.bad_node`,
 * `.symlink`, `.unsupported_type`, `.not_canonical`.
 */
export function decodeNode(block: Uint8Array): Node {
  let node: Node;
  let data: Uint8Array;
  try {
    const [links, found] = decodeDagPb(block);
    [node, data] = decodeData(links, found);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    fail('bad_node', `not a dag-pb node with UnixFS data: ${error.message}`);
  }
  if (!equalBytes(encodeNode(node.links, data), block)) {
    fail('not_canonical', 'a dag-pb node is not encoded as the profile unixfs-v1-2025 does it');
  }
  return node;
}

function decodeDagPb(block: Uint8Array): [links: Link[], data: Uint8Array] {
  const links: Link[] = [];
  let data: Uint8Array | undefined;
  for (const [number, value] of fields(block)) {
    if (number === 2 && typeof value !== 'number') links.push(decodeLink(value));
    else if (number === 1 && typeof value !== 'number' && data === undefined) data = value;
    else throw new WireError(`unexpected field ${number}`);
  }
  if (data === undefined) throw new WireError('no UnixFS data');
  return [links, data];
}

function decodeLink(body: Uint8Array): Link {
  const found = new Map(fields(body));
  const cid = found.get(1);
  const name = found.get(2);
  const tsize = found.get(3);
  if (!(cid instanceof Uint8Array) || !(name instanceof Uint8Array) || typeof tsize !== 'number') {
    throw new WireError('a link lacks name, hash or size');
  }
  const known = cid[0] === 1 && (cid[1] === RAW || cid[1] === DAG_PB) && cid[2] === 0x12 && cid[3] === 0x20;
  if (cid.length !== CID_BYTES || !known) throw new WireError("a link's CID is not CIDv1 with SHA-256");
  return { name, cid, tsize };
}

/** The node, and its UnixFS data as the profile writes them. */
function decodeData(links: Link[], data: Uint8Array): [node: Node, again: Uint8Array] {
  const found = [...fields(data)];
  if (found[0]?.[0] !== 1) throw new WireError('no UnixFS type');
  const type = found[0][1];
  if (type === TYPE_DIRECTORY) return [{ kind: 'directory', links }, DIRECTORY_DATA];
  if (type === TYPE_FILE) {
    const sizes = found.flatMap(([number, value]) => (number === 4 && typeof value === 'number' ? [value] : []));
    if (sizes.length !== links.length || links.length === 0) {
      throw new WireError('a file node needs one block size for each of its links');
    }
    return [{ kind: 'file', links }, fileData(sizes)];
  }
  if (type === TYPE_HAMT) {
    const bits = found.findLast(([number]) => number === 2)?.[1];
    if (!(bits instanceof Uint8Array)) throw new WireError('a HAMT node has no bit field');
    return [{ kind: 'hamt', links }, hamtData(bits)];
  }
  if (type === TYPE_SYMLINK) fail('symlink', 'the directory holds a symbolic link');
  fail('unsupported_type', 'a UnixFS type that does not occur in packages');
}

/** Protobuf fields of wire types 0 (varint) and 2 (bytes), in order. */
function* fields(data: Uint8Array): Generator<[field: number, value: number | Uint8Array]> {
  for (let at = 0; at < data.length; ) {
    let tag: number;
    let value: number;
    [tag, at] = decodeVarint(data, at);
    [value, at] = decodeVarint(data, at);
    const field = Math.floor(tag / 8);
    if (tag % 8 === 0) {
      yield [field, value];
    } else if (tag % 8 === 2) {
      if (at + value > data.length) throw new WireError('a field is cut off');
      yield [field, data.subarray(at, at + value)];
      at += value;
    } else {
      throw new WireError(`wire type ${tag % 8}`);
    }
  }
}

function withoutLeadingZeros(bytes: Uint8Array): Uint8Array {
  const first = bytes.findIndex((byte) => byte !== 0);
  return bytes.subarray(first < 0 ? bytes.length : first);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function fail(rule: string, message: string): never {
  throw new ArchiveError(`unixfs.${rule}`, message);
}
