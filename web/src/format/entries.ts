/**
 * The leaves of a package (docs/format.md, section 2). A parsed leaf is its JSON value, with exactly these keys.
 *
 * Parsing is strict. What a later format may have added has a code of its own, `manifest.unknown_…`: see `isUnknown`.
 */
import { ArchiveError } from '../errors.ts';
import * as canonical from './canonical.ts';
import { excerpt, isObject, own } from './canonical.ts';
import * as limits from './limits.ts';
import * as merkle from './merkle.ts';
import { caselessFold } from './unicode.ts';

export const FORMAT = 'incident-archive/1';
export const HASH = 'sha-256';
export const RECORD_PATH = 'record.json';
export const MANIFEST_PATH = 'manifest.json';
export const RECORD_MEDIA_TYPE = 'application/json';

/** A block that the publisher had seen when packing; `chain` is a CAIP-2 id. */
export interface NotBefore {
  readonly chain: string;
  readonly height: number;
  readonly hash: string;
}

/** Leaf 0. `leaf_count` counts all leaves, this one included. */
export interface Header {
  readonly type: 'header';
  readonly format: typeof FORMAT;
  readonly hash: typeof HASH;
  readonly incident: string;
  readonly revision: number;
  readonly previous_root: string | null;
  readonly leaf_count: number;
  readonly publisher: string | null;
  readonly not_before: readonly NotBefore[];
}

/** Leaf 1. */
export interface RecordEntry {
  readonly type: 'record';
  readonly path: typeof RECORD_PATH;
  readonly media_type: typeof RECORD_MEDIA_TYPE;
  readonly size: number;
  readonly sha256: string;
}

/** An open evidence file; also the value that a withheld commitment hides. */
export interface EvidenceEntry {
  readonly type: 'evidence';
  readonly id: string;
  readonly path: string;
  readonly media_type: string;
  readonly size: number;
  readonly sha256: string;
}

/** A withheld file: the salted commitment to its entry; of a table also the root over its salted lines, and their count. */
export interface WithheldEntry {
  readonly type: 'withheld';
  readonly commitment: string;
  readonly rows_root?: string;
  readonly rows_count?: number;
}

export type ContentEntry = RecordEntry | EvidenceEntry | WithheldEntry;
export type Entry = Header | ContentEntry;

const KEYS: Readonly<Record<Entry['type'], readonly string[]>> = {
  header: ['type', 'format', 'hash', 'incident', 'revision', 'previous_root', 'leaf_count', 'publisher', 'not_before'],
  record: ['type', 'path', 'media_type', 'size', 'sha256'],
  evidence: ['type', 'id', 'path', 'media_type', 'size', 'sha256'],
  withheld: ['type', 'commitment'],
};
const ROWS_KEYS = ['rows_root', 'rows_count'];

const ID = /^[0-9a-z-]{1,64}$/;
const HEX32 = /^[0-9a-f]{64}$/;
const ADDRESS = /^0x[0-9a-f]{40}$/;
const BLOCK_HASH = /^0x[0-9a-f]{64}$/;
const CHAIN = /^[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}$/;
const MEDIA_TYPE =
  /^[a-z0-9][a-z0-9!#$&^_.+-]{0,126}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}(?:; ?[a-z0-9_.-]+=[A-Za-z0-9_.-]+)*$/;
// C0 and C1 controls, the backslash, and what can disguise a name on a screen: line and bidirectional controls.
const BAD_IN_PATH = /[\u0000-\u001f\u007f-\u009f\\\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

const encoder = new TextEncoder();

/** The canonical bytes that are hashed into the leaf. */
export function leafData(entry: Entry): Uint8Array {
  return canonical.dumps(entry);
}

/** SHA-256(0x00 ‖ JCS(entry)), 32 bytes; takes any JSON value, since an unknown leaf counts in the tree too. */
export function leafHash(entry: Entry | canonical.Json): Uint8Array {
  return merkle.leafHash(canonical.dumps(entry));
}

/**
 * One leaf from its JSON value. Throws `manifest.unknown_entry_type`, `.unknown_format`, `.unknown_hash`,
 * `.unknown_key`, `.missing_key`, `.type`, `.bad_value`, `.path_…`, `.header_too_large`, `.record_too_large`,
 * `canonical.…` for a path.
 */
export function parseEntry(value: unknown): Entry {
  if (!isObject(value)) fail('type', 'an entry is not a JSON object');
  const type = own(value, 'type');
  if (typeof type !== 'string') fail(Object.hasOwn(value, 'type') ? 'type' : 'missing_key', 'an entry has no type');
  if (!isEntryType(type)) fail('unknown_entry_type', `entry type ${excerpt(type, 40)} is not known to format 1`);
  if (type === 'header') {
    // Before the keys: another format may well have other keys.
    for (const [key, known] of [['format', FORMAT], ['hash', HASH]] as const) {
      const found = own(value, key);
      if (typeof found === 'string' && found !== known) {
        fail(`unknown_${key}`, `${key} ${excerpt(found, 40)} is not known; this is ${known}`);
      }
    }
  }
  const table = type === 'withheld' && ROWS_KEYS.some((key) => Object.hasOwn(value, key));
  checkKeys(value, table ? [...KEYS.withheld, ...ROWS_KEYS] : KEYS[type], `${type} entry`);
  switch (type) {
    case 'header':
      return parseHeader(value);
    case 'record':
      return parseRecord(value);
    case 'evidence':
      return parseEvidence(value);
    case 'withheld':
      return parseWithheld(value, table);
  }
}

function isEntryType(text: string): text is Entry['type'] {
  return Object.hasOwn(KEYS, text);
}

function checkKeys(value: Record<string, unknown>, keys: readonly string[], what: string): void {
  const missing = keys.filter((key) => !Object.hasOwn(value, key));
  if (missing.length > 0) fail('missing_key', `${what} lacks ${missing.sort().join(', ')}`);
  const extra = Object.keys(value).find((key) => !keys.includes(key));
  if (extra !== undefined) fail('unknown_key', `${what} has unknown key ${excerpt(extra, 40)}`);
}

function parseHeader(value: Record<string, unknown>): Header {
  if (value['format'] !== FORMAT || value['hash'] !== HASH) fail('type', 'header: format and hash must be text');
  const blocks = value['not_before'];
  if (!Array.isArray(blocks)) fail('type', 'header: not_before is not a list');
  const header: Header = {
    type: 'header',
    format: FORMAT,
    hash: HASH,
    incident: match(value, 'incident', ID),
    revision: integer(value, 'revision', 1, Number.MAX_SAFE_INTEGER),
    previous_root: matchOrNull(value, 'previous_root', HEX32),
    leaf_count: integer(value, 'leaf_count', 2, limits.MAX_LEAVES),
    publisher: matchOrNull(value, 'publisher', ADDRESS),
    not_before: blocks.map(parseNotBefore),
  };
  if (header.revision === 1 && header.previous_root !== null) {
    fail('bad_value', 'header: revision 1 has a previous_root');
  }
  if (leafData(header).length > limits.MAX_HEADER_BYTES) {
    fail('header_too_large', `header is larger than ${limits.MAX_HEADER_BYTES} bytes`);
  }
  return header;
}

/** One element of the header's `not_before`. */
export function parseNotBefore(value: unknown): NotBefore {
  if (!isObject(value)) fail('type', 'header: not_before holds something that is not an object');
  checkKeys(value, ['chain', 'height', 'hash'], 'header: a not_before block');
  return {
    chain: match(value, 'chain', CHAIN),
    height: integer(value, 'height', 0, Number.MAX_SAFE_INTEGER),
    hash: match(value, 'hash', BLOCK_HASH),
  };
}

function parseRecord(value: Record<string, unknown>): RecordEntry {
  if (value['path'] !== RECORD_PATH || value['media_type'] !== RECORD_MEDIA_TYPE) {
    fail('bad_value', `the record entry must be ${RECORD_PATH}, ${RECORD_MEDIA_TYPE}`);
  }
  const size = integer(value, 'size', 0, limits.MAX_FILE_BYTES);
  const sha256 = match(value, 'sha256', HEX32);
  if (size > limits.MAX_RECORD_BYTES) {
    fail('record_too_large', `${RECORD_PATH} of ${size} bytes; the limit is ${limits.MAX_RECORD_BYTES}`);
  }
  return { type: 'record', path: RECORD_PATH, media_type: RECORD_MEDIA_TYPE, size, sha256 };
}

function parseEvidence(value: Record<string, unknown>): EvidenceEntry {
  return {
    type: 'evidence',
    id: match(value, 'id', ID),
    path: checkPath(value['path']),
    media_type: match(value, 'media_type', MEDIA_TYPE, limits.MAX_MEDIA_TYPE),
    size: integer(value, 'size', 0, limits.MAX_FILE_BYTES),
    sha256: match(value, 'sha256', HEX32),
  };
}

function parseWithheld(value: Record<string, unknown>, table: boolean): WithheldEntry {
  const commitment = match(value, 'commitment', HEX32);
  if (!table) return { type: 'withheld', commitment };
  const rows_root = match(value, 'rows_root', HEX32);
  return { type: 'withheld', commitment, rows_root, rows_count: integer(value, 'rows_count', 1, limits.MAX_ROWS) };
}

/**
 * A path inside a package. Throws `manifest.path_type`, `.path_empty`, `.path_absolute`, `.path_dots`,
 * `.path_characters`, `.path_too_long`, `.path_reserved`, or a `canonical.…` code for its text.
 */
export function checkPath(path: unknown): string {
  if (typeof path !== 'string') fail('path_type', 'a path is not text');
  const shown = excerpt(path, 80);
  canonical.checkText(path);
  if (path === '') fail('path_empty', 'a path is empty');
  if (BAD_IN_PATH.test(path)) fail('path_characters', `path ${shown} holds a backslash or a control character`);
  if (path.startsWith('/')) fail('path_absolute', `path ${shown} is absolute`);
  if (encoder.encode(path).length > limits.MAX_PATH_BYTES) {
    fail('path_too_long', `path ${shown} is longer than ${limits.MAX_PATH_BYTES} bytes`);
  }
  const segments = path.split('/');
  for (const segment of segments) {
    if (segment === '') fail('path_empty', `path ${shown} has an empty segment`);
    if (segment === '.' || segment === '..') fail('path_dots', `path ${shown} holds '${segment}'`);
    if (encoder.encode(segment).length > limits.MAX_SEGMENT_BYTES) {
      fail('path_too_long', `a segment of path ${shown} is longer than ${limits.MAX_SEGMENT_BYTES} bytes`);
    }
  }
  const first = caselessFold(segments[0]!);
  if (first === MANIFEST_PATH || first === RECORD_PATH) {
    fail('path_reserved', `path ${shown} is taken by the package itself`);
  }
  return path;
}

/** True for the ids of incidents and evidence. */
export function isId(text: string): boolean {
  return ID.test(text);
}

function match(value: Record<string, unknown>, key: string, pattern: RegExp, limit = 1024): string {
  const text = value[key];
  if (typeof text !== 'string') fail('type', `${key} is not text`);
  if (text.length > limit || !pattern.test(text)) {
    fail('bad_value', `${key} ${excerpt(text, 80)} does not have the form that format 1 asks for`);
  }
  return text;
}

function matchOrNull(value: Record<string, unknown>, key: string, pattern: RegExp): string | null {
  return value[key] === null ? null : match(value, key, pattern);
}

function integer(value: Record<string, unknown>, key: string, low: number, high: number): number {
  const number = value[key];
  if (typeof number !== 'number' || !Number.isInteger(number)) fail('type', `${key} is not an integer`);
  if (!(number >= low && number <= high)) fail('bad_value', `${key} is ${number}; it must be from ${low} to ${high}`);
  return number;
}

function fail(rule: string, message: string): never {
  throw new ArchiveError(`manifest.${rule}`, message);
}
