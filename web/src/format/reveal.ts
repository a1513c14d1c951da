/** Reveals: what shows a withheld file, or one line of it, against a root (docs/format.md, section 6). */
import { hexToBytes } from '@noble/hashes/utils.js';
import { bytesToHex } from '../bytes.ts';
import { ArchiveError } from '../errors.ts';
import * as canonical from './canonical.ts';
import { excerpt, isObject } from './canonical.ts';
import { parseEntry, type EvidenceEntry } from './entries.ts';
import { MAX_LINE_BYTES, MAX_ROWS } from './limits.ts';
import { rootFromPath } from './merkle.ts';
import { rowLeaf } from './rows.ts';
import * as seal from './seal.ts';

export const REVEAL_SUFFIX = '.reveal.json';
export const FILE_REVEAL_FORMAT = 'incident-archive-reveal/1';
export const ROW_REVEAL_FORMAT = 'incident-archive-reveal-row/1';
export const MAX_REVEAL_BYTES = 4 * 1024 * 1024;
const MAX_PATH = 64;

/** The entry and salt behind a commitment; `rows_key` (64 hex digits) where its lines are committed to. */
export interface FileReveal {
  readonly kind: 'file';
  readonly root: string;
  readonly entry: EvidenceEntry;
  readonly salt: string;
  readonly rows_key: string | null;
  /** Computed from entry and salt. */
  readonly commitment: string;
}

/** One line of a withheld table: its index from 0, its bytes, its salt, its path to the root of the lines. */
export interface RowReveal {
  readonly kind: 'row';
  readonly root: string;
  readonly commitment: string;
  readonly rows_root: string;
  readonly rows_count: number;
  readonly index: number;
  readonly salt: string;
  readonly record: Uint8Array;
  readonly path: readonly string[];
}

export type Reveal = FileReveal | RowReveal;

const HEX32 = /^[0-9a-f]{64}$/;
const HEX = /^(?:[0-9a-f]{2})*$/;

/**
 * Parses a reveal strictly. Throws `canonical.…` for its bytes, `reveal.unknown_format`, `reveal.keys`,
 * `reveal.bad_value`, `manifest.…` for its entry.
 */
export function parseReveal(data: Uint8Array): Reveal {
  const value = canonical.loads(data, { maxBytes: MAX_REVEAL_BYTES });
  const format = isObject(value) ? value['format'] : undefined;
  if (!isObject(value) || typeof format !== 'string') fail('keys', 'this is no reveal: it names no format');
  if (format === FILE_REVEAL_FORMAT) return parseFile(value);
  if (format === ROW_REVEAL_FORMAT) return parseRow(value);
  fail('unknown_format', `reveal format ${excerpt(format, 40)} is not known here`);
}

/** The root of the lines that a revealed line leads to, 64 hex digits; throws `merkle.…` for a path of wrong length. */
export function revealedRoot(reveal: RowReveal): string {
  const leaf = rowLeaf(hexToBytes(reveal.salt), reveal.record);
  return bytesToHex(rootFromPath(leaf, reveal.index, reveal.rows_count, reveal.path.map(hexToBytes)));
}

function parseFile(value: Record<string, unknown>): FileReveal {
  checkKeys(value, ['format', 'root', 'entry', 'salt', 'rows_key']);
  const entry = parseEntry(value['entry']);
  if (entry.type !== 'evidence') fail('bad_value', 'the entry of a reveal is not an evidence entry');
  const rows_key = value['rows_key'] === null ? null : hash(value, 'rows_key');
  const salt = hash(value, 'salt');
  const commitment = seal.commitment(hexToBytes(salt), entry);
  return { kind: 'file', root: hash(value, 'root'), entry, salt, rows_key, commitment };
}

function parseRow(value: Record<string, unknown>): RowReveal {
  checkKeys(value, [
    'format', 'root', 'commitment', 'rows_root', 'rows_count', 'index', 'salt', 'record', 'path',
  ]);
  const { rows_count: count, index, record, path } = value;
  if (typeof count !== 'number' || typeof index !== 'number' || !(0 <= index && index < count && count <= MAX_ROWS)) {
    fail('bad_value', 'index and rows_count of a reveal do not fit together');
  }
  if (typeof record !== 'string' || record.length > 2 * MAX_LINE_BYTES || !HEX.test(record)) {
    fail('bad_value', 'the record of a reveal is not hex');
  }
  if (!Array.isArray(path) || path.length > MAX_PATH || !path.every(isHash)) {
    fail('bad_value', 'the path of a reveal is no list of hashes');
  }
  return {
    kind: 'row',
    root: hash(value, 'root'),
    commitment: hash(value, 'commitment'),
    rows_root: hash(value, 'rows_root'),
    rows_count: count,
    index,
    salt: hash(value, 'salt'),
    record: hexToBytes(record),
    path,
  };
}

function checkKeys(value: Record<string, unknown>, keys: readonly string[]): void {
  const odd = keys.find((key) => !(key in value)) ?? Object.keys(value).find((key) => !keys.includes(key));
  if (odd !== undefined) fail('keys', `a reveal has exactly ${keys.join(', ')} (see ${excerpt(odd, 40)})`);
}

function isHash(value: unknown): value is string {
  return typeof value === 'string' && HEX32.test(value);
}

function hash(value: Record<string, unknown>, key: string): string {
  const text = value[key];
  if (!isHash(text)) fail('bad_value', `${key} of a reveal is not 64 lower-case hex digits`);
  return text;
}

function fail(rule: string, message: string): never {
  throw new ArchiveError(`reveal.${rule}`, message);
}
