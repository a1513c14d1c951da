/**
 * Which given file is which entry of the package. Pure: it sees names, sizes and hashes only.
 *
 * A file in a folder or CAR is known by its path there, a single file by the end of its path (`…/evidence/a.csv`), and
 * what is left by its hash, so that a renamed file is still recognised. The entries lead, never the files: an entry
 * without a file stays listed as missing.
 */
import type { FileFact } from './facts.ts';

/** One file of the package: its path, size in bytes and SHA-256 (64 hex digits). */
export interface Wanted {
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
}

/** An entry and the file taken for it; `good` when the bytes are the very ones. */
export interface Match {
  readonly wanted: Wanted;
  readonly file: FileFact;
  readonly how: 'path' | 'hash' | 'name' | 'variant';
  readonly good: boolean;
}

/** All matches in package order, the entries no file was given for, and the files that are no entry. */
export interface Matching {
  readonly matches: readonly Match[];
  readonly missing: readonly Wanted[];
  readonly unlisted: readonly FileFact[];
}

function match(wanted: Wanted, file: FileFact, how: Match['how']): Match {
  return { wanted, file, how, good: wanted.sha256 === file.sha256 && wanted.size === file.size };
}

/** Matches files to entries: by path, then by hash, then by bare name, then by a recognised change. */
export function matchFiles(wanted: readonly Wanted[], files: readonly FileFact[]): Matching {
  const byPath = new Map(wanted.map((w) => [w.path, w]));
  const byHash = grouped(wanted, hashKey);
  const matches: Match[] = [];
  const rest: FileFact[] = [];
  for (const file of files) {
    const entry = file.path !== null ? byPath.get(file.path) : bySuffix(byPath, file.full);
    if (entry === undefined) rest.push(file);
    else matches.push(match(entry, file, 'path'));
  }
  const covered = new Set(matches.filter((m) => m.good).map((m) => m.wanted.path));
  const named: FileFact[] = [];
  for (const file of rest) {
    const same = byHash.get(hashKey(file)) ?? [];
    // Entries with equal bytes: take one that still lacks its file, so that two copies cover two entries.
    const entry = same.find((w) => !covered.has(w.path)) ?? same[0];
    if (entry === undefined) {
      named.push(file);
      continue;
    }
    covered.add(entry.path);
    matches.push(match(entry, file, 'hash'));
  }
  const taken = new Set(matches.map((m) => m.wanted.path));
  const bySha256 = new Map(wanted.map((w) => [w.sha256, w]));
  const byName = grouped(wanted, (w) => baseOf(w.path));
  const unlisted: FileFact[] = [];
  for (const file of named) {
    const changed = file.variants.map((v) => bySha256.get(v.sha256)).find((w) => w !== undefined);
    const sameName = (byName.get(baseOf(file.full)) ?? []).filter((w) => !taken.has(w.path));
    if (changed !== undefined) matches.push(match(changed, file, 'variant'));
    else if (sameName.length === 1) matches.push(match(sameName[0]!, file, 'name'));
    else unlisted.push(file);
  }
  const order = new Map(wanted.map((w, i) => [w.path, i]));
  matches.sort((a, b) => order.get(a.wanted.path)! - order.get(b.wanted.path)!);
  const given = new Set(matches.map((m) => m.wanted.path));
  return { matches, missing: wanted.filter((w) => !given.has(w.path)), unlisted };
}

function bySuffix(byPath: Map<string, Wanted>, full: string): Wanted | undefined {
  const parts = full.split('/');
  for (let start = 0; start < parts.length; start++) {
    // A bare file name says too little: `evidence/a.csv` wants its folder too, unless the entry has none.
    const found = byPath.get(parts.slice(start).join('/'));
    if (found !== undefined) return found;
  }
  return undefined;
}

export function baseOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

export function hashKey(of: { readonly sha256: string; readonly size: number }): string {
  return `${of.sha256} ${of.size}`;
}

export function grouped<T>(items: Iterable<T>, key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group === undefined) groups.set(key(item), [item]);
    else group.push(item);
  }
  return groups;
}
