/** The manifest: all leaves of a package in order, and the root over them (docs/format.md, sections 2 to 4). */
import { bytesToHex, compareBytes } from '../bytes.ts';
import { ArchiveError } from '../errors.ts';
import * as canonical from './canonical.ts';
import { excerpt, isObject } from './canonical.ts';
import * as entries from './entries.ts';
import type { ContentEntry, Entry, EvidenceEntry, Header, RecordEntry, WithheldEntry } from './entries.ts';
import { MAX_FOLDERS, MAX_LEAVES, MAX_MANIFEST_BYTES } from './limits.ts';
import { merkleRoot } from './merkle.ts';
import { caselessFold } from './unicode.ts';

/** Header (leaf 0) and the other leaves. Made by `parseManifest`, `manifestFromLeaves`, `checkLeaves` only. */
export class Manifest {
  readonly header: Header;
  readonly record: RecordEntry;
  readonly evidence: readonly EvidenceEntry[];
  readonly withheld: readonly WithheldEntry[];

  constructor(header: Header, record: RecordEntry, evidence: readonly EvidenceEntry[], withheld: readonly WithheldEntry[]) {
    this.header = header;
    this.record = record;
    this.evidence = evidence;
    this.withheld = withheld;
  }

  /** All leaves but the header, in order. */
  get entries(): readonly ContentEntry[] {
    return [this.record, ...this.evidence, ...this.withheld];
  }

  /** `manifest.json`: JCS({header, entries}). */
  toBytes(): Uint8Array {
    return manifestBytes([this.header, ...this.entries]);
  }

  leafHashes(): Uint8Array[] {
    return [this.header, ...this.entries].map((entry) => entries.leafHash(entry));
  }

  /** The Merkle root, 64 hex digits. */
  root(): string {
    return bytesToHex(merkleRoot(this.leafHashes()));
  }
}

/** `manifest.json` as it follows from leaves, header first; also from leaves of which some are not known. */
export function manifestBytes(leaves: readonly (Entry | canonical.Json)[]): Uint8Array {
  return canonical.dumps({ header: leaves[0], entries: leaves.slice(1) });
}

/** Parses `manifest.json` strictly; throws `canonical.…` for its bytes, `manifest.…` for its content. */
export function parseManifest(data: Uint8Array): Manifest {
  const value = canonical.loadsCanonical(data, { maxBytes: MAX_MANIFEST_BYTES });
  if (!isObject(value)) fail('type', 'the manifest is not a JSON object');
  if (!('header' in value) || !('entries' in value)) fail('missing_key', 'the manifest lacks header or entries');
  const leaves = value['entries'];
  if (!Array.isArray(leaves)) fail('type', "the manifest's entries are not a list");
  checkCount(leaves.length + 1);
  const first = entries.parseEntry(value['header']);
  // After the header: a manifest of a later format is unknown by its format, not by its keys.
  if (Object.keys(value).length > 2) fail('unknown_key', 'the manifest has a key besides header and entries');
  return checkLeaves([first, ...leaves.map(entries.parseEntry)]);
}

/** The manifest from the JSON values of all its leaves, header first, as a proof bundle holds them. */
export function manifestFromLeaves(values: readonly unknown[]): Manifest {
  checkCount(values.length);
  return checkLeaves(values.map(entries.parseEntry));
}

/**
 * The rules over all leaves. Throws `manifest.no_header`, `.no_record`, `.order`, `.leaf_count`, `.too_many_leaves`,
 * `.duplicate_id`, `.duplicate_path`, `.duplicate_commitment`, `.path_collision`, `.path_conflict`, `.too_many_folders`.
 */
export function checkLeaves(leaves: readonly Entry[]): Manifest {
  checkCount(leaves.length);
  const [header, record, ...rest] = leaves;
  if (header?.type !== 'header') fail('no_header', 'the first leaf is not the header');
  if (record?.type !== 'record') fail('no_record', 'the second leaf is not the record');
  if (header.leaf_count !== leaves.length) {
    fail('leaf_count', `the header counts ${header.leaf_count} leaves, there are ${leaves.length}`);
  }
  const evidence: EvidenceEntry[] = [];
  const withheld: WithheldEntry[] = [];
  for (const leaf of rest) {
    if (leaf.type === 'evidence') {
      if (withheld.length > 0) fail('order', 'open evidence stands after withheld evidence');
      evidence.push(leaf);
    } else if (leaf.type === 'withheld') {
      withheld.push(leaf);
    } else {
      fail('order', 'a header or record stands among the evidence');
    }
  }
  checkEvidence(evidence);
  checkSorted(withheld.map((leaf) => leaf.commitment), 'duplicate_commitment');
  return new Manifest(header, record, evidence, withheld);
}

function checkEvidence(evidence: readonly EvidenceEntry[]): void {
  const ids = new Set<string>();
  for (const { id } of evidence) {
    if (ids.has(id)) fail('duplicate_id', `evidence id ${id} occurs twice`);
    ids.add(id);
  }
  checkSorted(evidence.map((entry) => entry.path), 'duplicate_path');
  checkCollisions(evidence.map((entry) => entry.path));
}

/**
 * No two paths, files or folders, may be one on a file system that ignores case or Unicode form: `manifest.path_collision`
 * for two spellings, `.path_conflict` for a path that is a file here and a folder there, `.too_many_folders`.
 */
export function checkCollisions(paths: Iterable<string>): void {
  const spelling = new Map<string, { part: string; isFile: boolean }>();
  let folders = 0;
  for (const path of paths) {
    let isFile = true;
    // From the file upwards: a folder that is known has only known folders above it.
    for (let part = path; part !== ''; part = parentOf(part)) {
      const key = caselessFold(part);
      const known = spelling.get(key);
      if (known === undefined) {
        spelling.set(key, { part, isFile });
        if (!isFile) folders += 1;
      } else if (known.part !== part) {
        fail('path_collision', `paths ${excerpt(known.part)} and ${excerpt(part)} differ by case or form only`);
      } else if (known.isFile !== isFile) {
        fail('path_conflict', `path ${excerpt(part)} is both a file and a folder`);
      } else if (!isFile) {
        break;
      }
      if (folders > MAX_FOLDERS) fail('too_many_folders', `more than ${MAX_FOLDERS} folders`);
      isFile = false;
    }
  }
}

/** The path of the folder that a path is in; empty at the top. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

const encoder = new TextEncoder();

/** The order of texts by their UTF-8 bytes, which is that of their code points and not that of UTF-16. */
export function compareUtf8(a: string, b: string): number {
  return compareBytes(encoder.encode(a), encoder.encode(b));
}

function checkSorted(keys: readonly string[], duplicate: string): void {
  for (let i = 1; i < keys.length; i++) {
    const order = compareUtf8(keys[i - 1]!, keys[i]!);
    if (order === 0) fail(duplicate, `${duplicate.replace('_', ' ')}: ${excerpt(keys[i]!)}`);
    if (order > 0) fail('order', 'the leaves are not sorted');
  }
}

function checkCount(count: number): void {
  if (count > MAX_LEAVES) fail('too_many_leaves', `${count} leaves; the limit is ${MAX_LEAVES}`);
}

function fail(rule: string, message: string): never {
  throw new ArchiveError(`manifest.${rule}`, message);
}
