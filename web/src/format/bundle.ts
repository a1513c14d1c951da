/**
 * The proof bundle (docs/format.md, section 10): shape and bounds only, nothing in it is believed. Leaves, anchors and
 * stamps stay plain JSON objects, so that a kind this version does not know can be reported as unchecked.
 */
import { ArchiveError } from '../errors.ts';
import * as canonical from './canonical.ts';
import { excerpt, isObject, type JsonObject } from './canonical.ts';
import { MAX_BUNDLE_BYTES, MAX_LEAVES, MAX_PATH_BYTES, MAX_PROOFS } from './limits.ts';
import { compareUtf8 } from './manifest.ts';
import type { DirectoryRow } from './unixfs.ts';

export const BUNDLE_FORMAT = 'incident-archive-proof/1';
export const BUNDLE_SUFFIX = '.proof.json';

/** An anchor or stamp: its `kind` is text, nothing more is checked here. */
export type Proof = JsonObject & { kind: string };

export interface ProofBundle {
  readonly root: string;
  readonly content_id: string;
  /** All leaves in order, the header first; not parsed. */
  readonly entries: readonly JsonObject[];
  readonly record: JsonObject | null;
  readonly directory: readonly DirectoryRow[];
  readonly anchors: readonly Proof[];
  readonly stamps: readonly Proof[];
}

const KEYS = ['format', 'root', 'content_id', 'entries', 'record', 'directory', 'anchors', 'stamps'];
const HEX32 = /^[0-9a-f]{64}$/;
const CONTENT_ID = /^bafybei[a-z2-7]{52}$/;
const CID = /^baf[a-z2-7]{56}$/;
const ASK_AGAIN = 'fetch the proof bundle again, or ask its publisher for it';
const NEWER = 'use a newer version of the verifier, or ask the publisher for the proof bundle';
// Rules of canonical JSON whose names would say too little here.
const RULES: Readonly<Record<string, string>> = {
  depth: 'too_deep', syntax: 'not_json', trailing: 'not_json', bom: 'not_json', encoding: 'not_json',
};

/**
 * Parses a bundle strictly and within bounds. Throws `bundle.too_large`, `.truncated`, `.not_json`, `.duplicate_key`,
 * `.too_deep`, `.too_many_leaves`, `.too_many_proofs`, `.duplicate_proof`, `.missing_key`, `.shape`, `.root`,
 * `.content_id`, `.directory`, another rule of canonical JSON (`bundle.float`, …), and for what a later format may have
 * added `.unknown_format`, `.unknown_key` (see `isUnknown`: nothing could be checked).
 */
export function parseBundle(data: Uint8Array): ProofBundle {
  const value = load(data);
  if (!isObject(value)) fail('shape', `is a JSON ${kind(value)}, not an object`);
  const format = value['format'];
  if (typeof format !== 'string') fail('missing_key', "has no 'format': it is not a proof bundle");
  if (format !== BUNDLE_FORMAT) {
    fail('unknown_format', `format ${excerpt(format, 80)} is not known here; this version reads ${BUNDLE_FORMAT}`, NEWER);
  }
  for (const key of KEYS) if (!(key in value)) fail('missing_key', `has no '${key}'`);
  for (const key of Object.keys(value)) {
    if (!KEYS.includes(key)) fail('unknown_key', `has a key ${excerpt(key, 80)} that this version does not know`, NEWER);
  }
  const { root, content_id, record } = value;
  if (typeof root !== 'string' || !HEX32.test(root)) fail('root', "'root' is not 64 lower-case hex digits");
  if (typeof content_id !== 'string' || !CONTENT_ID.test(content_id)) {
    fail('content_id', "'content_id' is not a CIDv1 of a directory (bafybei…)");
  }
  if (record !== null && !isObject(record)) fail('shape', `'record' is a JSON ${kind(record)}, not an object or null`);
  const entries = objects(value, 'entries', MAX_LEAVES, 'too_many_leaves');
  if (entries.length === 0) fail('shape', "'entries' is empty: the header entry is missing");
  return {
    root,
    content_id,
    entries,
    record: record as JsonObject | null,
    directory: parseDirectory(value['directory']),
    anchors: proofs(value, 'anchors'),
    stamps: proofs(value, 'stamps'),
  };
}

function load(data: Uint8Array): unknown {
  if (data.length > MAX_BUNDLE_BYTES) fail('too_large', `is larger than ${MAX_BUNDLE_BYTES} bytes`);
  try {
    return canonical.loads(data, { maxBytes: MAX_BUNDLE_BYTES });
  } catch (error) {
    if (!(error instanceof ArchiveError)) throw error;
    const rule = error.code.slice(error.code.lastIndexOf('.') + 1);
    if ((rule === 'syntax' || rule === 'encoding') && isCutShort(data)) {
      fail('truncated', 'ends in the middle: the file was cut short');
    }
    throw new ArchiveError(`bundle.${RULES[rule] ?? rule}`, `proof bundle: ${error.message}`, ASK_AGAIN);
  }
}

/** JSON that opens more than it closes: the remedy is to fetch it again, so it is worth telling apart. */
function isCutShort(data: Uint8Array): boolean {
  const { isOpen, first } = canonical.outline(data);
  return isOpen && first === 0x7b;
}

function parseDirectory(value: unknown): DirectoryRow[] {
  if (!Array.isArray(value)) fail('directory', `'directory' is a JSON ${kind(value)}, not a list`);
  if (value.length > MAX_LEAVES) fail('directory', `'directory' lists more than ${MAX_LEAVES} files`);
  const encoder = new TextEncoder();
  return value.map((item: unknown, index): DirectoryRow => {
    const where = `'directory' entry ${index}`;
    if (!isObject(item) || Object.keys(item).sort().join() !== 'cid,path,tsize') {
      fail('directory', `${where} does not have exactly path, cid and tsize`);
    }
    const { path, cid, tsize } = item;
    if (typeof path !== 'string' || path === '' || encoder.encode(path).length > MAX_PATH_BYTES) {
      fail('directory', `${where}: path is not text of 1 to ${MAX_PATH_BYTES} bytes`);
    }
    if (typeof cid !== 'string' || !CID.test(cid)) fail('directory', `${where}: cid is not a CIDv1 in base32`);
    if (typeof tsize !== 'number' || tsize < 0) fail('directory', `${where}: tsize is not a whole number`);
    const before: unknown = index > 0 ? value[index - 1].path : '';
    if (compareUtf8(before as string, path) >= 0) {
      fail('directory', `${where}: ${excerpt(path, 80)} is listed twice or out of order`);
    }
    return { path, cid, tsize };
  });
}

function proofs(value: Record<string, unknown>, key: string): Proof[] {
  const seen = new Set<string>();
  return objects(value, key, MAX_PROOFS, 'too_many_proofs').map((proof, index) => {
    if (typeof proof['kind'] !== 'string') fail('shape', `'${key}' entry ${index} does not say its kind`);
    const text = canonical.dumpsText(proof);
    if (seen.has(text)) fail('duplicate_proof', `'${key}' entry ${index} is there twice`);
    seen.add(text);
    return proof as Proof;
  });
}

function objects(value: Record<string, unknown>, key: string, limit: number, code: string): JsonObject[] {
  const items = value[key];
  if (!Array.isArray(items)) fail('shape', `'${key}' is a JSON ${kind(items)}, not a list`);
  if (items.length > limit) fail(code, `'${key}' has ${items.length} items, more than ${limit}`);
  const odd = items.findIndex((item) => !isObject(item));
  if (odd >= 0) fail('shape', `'${key}' entry ${odd} is a JSON ${kind(items[odd])}, not an object`);
  return items as JsonObject[];
}

function kind(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'list' : typeof value;
}

function fail(rule: string, what: string, hint = ASK_AGAIN): never {
  throw new ArchiveError(`bundle.${rule}`, `proof bundle: ${what}`, hint);
}
