/** Reveals against the root: was this withheld file, or this one line, committed to when the package was published? */
import { ArchiveError, isUnknown } from '../errors.ts';
import type { ProofBundle } from '../format/bundle.ts';
import type { WithheldEntry } from '../format/entries.ts';
import { type FileReveal, type RowReveal, revealedRoot } from '../format/reveal.ts';
import type { FileFact, RevealFact } from './facts.ts';
import type { Leaves } from './leaves.ts';
import { baseOf, hashKey } from './matching.ts';
import { type Check, check } from './outcome.ts';
import { str, thousands } from './python.ts';
import { evidenceItems } from './record.ts';

/** What reveals showed: the files of sound ones (as `hashKey`), and the commitments whose file was given. */
export interface Revealed {
  readonly checks: readonly Check[];
  readonly files: ReadonlySet<string>;
  readonly shown: ReadonlyMap<string, string>;
}

/** Holds each reveal against the leaves; a fault of one says nothing about the package itself, and is a failure. */
export function checkReveals(
  bundle: ProofBundle, leaves: Leaves, root: string, facts: readonly RevealFact[], given: readonly FileFact[],
): Revealed {
  const checks: Check[] = [];
  const files = new Set<string>();
  const shown = new Map<string, string>();
  const leafOf = new Map(leaves.withheld.map((leaf) => [leaf.commitment, leaf]));
  const ids = new Map(
    evidenceItems(bundle.record)
      .filter((item) => truthy(item['withheld']))
      .map((item) => [str(item['commitment']), str(item['id'])]),
  );
  const byHash = new Map(given.map((f) => [hashKey(f), f.name]));
  for (const fact of facts) {
    const reveal = fact.reveal;
    if (reveal === null) {
      const status = isUnknown(new ArchiveError(fact.code ?? '', '')) ? 'unchecked' : 'fail';
      checks.push(check('reveal', status, fact.name, { found: fact.code, note: fact.message }));
      continue;
    }
    if (reveal.root !== root) {
      const note = 'this reveal is of another package: ask for the one that belongs to this root';
      checks.push(check('reveal.root', 'fail', fact.name, { expected: root, found: reveal.root, note }));
      continue;
    }
    const leaf = leafOf.get(reveal.commitment);
    if (leaf === undefined) {
      const note = 'what it reveals is none of the withheld items of this package';
      checks.push(check('reveal.commitment', 'fail', fact.name, { found: reveal.commitment, note }));
    } else if (reveal.kind === 'row') {
      checks.push(oneRow(fact.name, reveal, leaf, ids.get(leaf.commitment)));
    } else {
      const named = ids.get(leaf.commitment);
      if (named !== undefined && named !== reveal.entry.id) {
        const note = 'the record lists this commitment under another id';
        checks.push(check('reveal.id', 'fail', fact.name, { expected: named, found: reveal.entry.id, note }));
        continue;
      }
      checks.push(...oneFile(fact, reveal, leaf, byHash, instead(reveal, leaves, given)));
      files.add(hashKey(reveal.entry));
      if (byHash.has(hashKey(reveal.entry))) shown.set(leaf.commitment, `revealed as ${reveal.entry.path}`);
    }
  }
  return { checks, files, shown };
}

/** A given file of the revealed one's name that is no file of the package: it was meant to be it. */
function instead(reveal: FileReveal, leaves: Leaves, given: readonly FileFact[]): FileFact | undefined {
  const own = new Set(leaves.evidence.map(hashKey));
  return given.find((f) => baseOf(f.full) === baseOf(reveal.entry.path) && !own.has(hashKey(f)));
}

function oneFile(
  fact: RevealFact, reveal: FileReveal, leaf: WithheldEntry, byHash: Map<string, string>, other: FileFact | undefined,
): Check[] {
  const { path, size, sha256, media_type } = reveal.entry;
  const committed = `${path} (${thousands(size)} bytes, ${media_type}) was committed to when this was published`;
  const compared = { expected: leaf.commitment, found: reveal.commitment, note: committed };
  const checks = [check('reveal.commitment', 'pass', reveal.entry.id, compared)];
  const given = byHash.get(hashKey(reveal.entry));
  if (given === undefined && other !== undefined) {
    const note = `given as ${other.name}: other bytes than those that were committed to; ask for the original file`;
    return [...checks, check('reveal.bytes', 'fail', path, { expected: sha256, found: other.sha256, note })];
  }
  const note = given !== undefined ? `given as ${given}` : 'the revealed file itself was not given, so its bytes are not checked';
  const found = given !== undefined ? sha256 : null;
  checks.push(check('reveal.bytes', given !== undefined ? 'pass' : 'unchecked', path, { expected: sha256, found, note }));
  if (leaf.rows_root === undefined) return checks;
  if (fact.rows === null) {
    const why = 'whether its lines are the ones committed to one by one is not checked: file or key of the lines lacks';
    return [...checks, check('reveal.rows', 'unchecked', path, { expected: leaf.rows_root, note: why })];
  }
  const same = fact.rows.root === leaf.rows_root && fact.rows.count === leaf.rows_count;
  const lines = same ? `all ${thousands(fact.rows.count)} lines` : 'the lines committed to one by one are not those of this file';
  const more = { expected: leaf.rows_root, found: fact.rows.root, note: lines };
  return [...checks, check('reveal.rows', same ? 'pass' : 'fail', path, more)];
}

function oneRow(name: string, reveal: RowReveal, leaf: WithheldEntry, named: string | undefined): Check {
  const subject = `${named || 'withheld table'}, line ${thousands(reveal.index + 1)} of ${thousands(reveal.rows_count)}`;
  if (leaf.rows_root !== reveal.rows_root || leaf.rows_count !== reveal.rows_count) {
    const expected = leaf.rows_root === undefined ? null : `${leaf.rows_root} (${leaf.rows_count})`;
    const note = `${name}: the package commits to other lines of this item, or to none one by one`;
    return check('reveal.row', 'fail', subject, { expected, found: `${reveal.rows_root} (${reveal.rows_count})`, note });
  }
  const expected = reveal.rows_root;
  let found: string;
  try {
    found = revealedRoot(reveal);
  } catch (error) {
    if (!(error instanceof ArchiveError)) throw error;
    return check('reveal.row', 'fail', subject, { expected, found: error.code, note: `${name}: ${error.message}` });
  }
  if (found !== expected) {
    const note = `${name}: this row was not committed: another text, place or salt`;
    return check('reveal.row', 'fail', subject, { expected, found, note });
  }
  const note =
    'row was committed: this very line is in the withheld table; its place and the number of lines show, ' +
    'nothing else of the others';
  return check('reveal.row', 'pass', subject, { expected, found, note });
}

/** What Python takes for true. */
export function truthy(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0;
  return Boolean(value);
}
