// The inputs of tests/vectors/reports, as the verifier takes them.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bytesSource } from '../../src/format/source.ts';
import { type GivenFile, type Named, type Report, verify } from '../../src/verify/verify.ts';
import { ROOT, vectors } from '../vectors.ts';

export interface Case {
  readonly name: string;
  readonly files: Record<string, string>;
  readonly bundle: string;
  readonly given: readonly string[];
  readonly trust: string | null;
  readonly policy: string | null;
  readonly expected: unknown;
}

export const { cases } = vectors<{ cases: Case[] }>('reports/cases.json');

function named(of: Case, name: string): Named {
  const data = readFileSync(join(ROOT, 'tests', 'vectors', 'reports', of.files[name]!));
  return { name, source: bytesSource(new Uint8Array(data)) };
}

/** Files of a folder as it is walked: its own by name, then its folders by name. */
function walk(of: Case, folder: string): GivenFile[] {
  const key = (name: string): string =>
    name
      .split('/')
      .map((part, i, all) => (i === all.length - 1 ? `0${part}` : `1${part}`))
      .join('/');
  return Object.keys(of.files)
    .filter((name) => name.startsWith(`${folder}/`))
    .sort((a, b) => (key(a) < key(b) ? -1 : 1))
    .map((name) => {
      const path = name.slice(folder.length + 1);
      return { ...named(of, name), path, full: path };
    });
}

/** The report of one case; throws ArchiveError where there is none. */
export async function reportOf(of: Case): Promise<Report> {
  const files = of.given.flatMap((name) =>
    name in of.files ? [{ ...named(of, name), path: null, full: `/${name}` }] : walk(of, name),
  );
  return verify({
    bundle: named(of, of.bundle),
    given: { files },
    trust: of.trust === null ? null : named(of, of.trust),
    policy: of.policy === null ? null : named(of, of.policy),
  });
}
