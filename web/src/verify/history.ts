/** Is this the newest revision, and does the same publisher claim another root for it? */
import { keysOf } from '../chain/succession.ts';
import type { Header } from '../format/entries.ts';
import type { AnchorFacts, Facts, HistoryAnswer } from './facts.ts';
import { type AnchorSummary, type Check, check } from './outcome.ts';
import { needed, placesOf } from './quorum.ts';

/**
 * Other revisions and roots of the same publisher. `signed`: the keys that provably anchored exactly this root. Only they
 * can have published two roots: a bundle that somebody altered, or anchored under another's name, accuses nobody.
 */
export function checkHistory(
  facts: Facts, header: Header | null, root: string | null, anchors: readonly AnchorSummary[], signed: ReadonlySet<string>,
): Check[] {
  if (header === null || root === null) return [];
  const subject = `${header.incident} revision ${header.revision}`;
  const publishers = connected(facts, [...anchors.map((a) => a.proven.publisher), ...(header.publisher ? [header.publisher] : [])]);
  const mine = facts.others.filter((o) => o.incident === header.incident && publishers.has(o.publisher) && o.root !== root);
  const signers = connected(facts, [...signed]);
  const twoRoots = (expected: string, found: string, note: string): Check =>
    check('history.two_roots', 'fail', subject, { expected, found, note, section: 'origin' });
  const checks = [
    ...mine
      .filter((o) => o.revision === header.revision && signers.has(o.publisher))
      .map((o) =>
        twoRoots(root, o.root, `the same publisher put out another package as revision ${o.revision} (${o.source})`),
      ),
    ...anchors
      // Anybody can deploy a registry that counts as it likes.
      .filter((a) => a.registryName !== null && a.proven.root === root && a.proven.ordinal > header.revision)
      .map((a) =>
        twoRoots(
          `at most ${header.revision}`,
          String(a.proven.ordinal),
          `the registry counts this as anchor ${a.proven.ordinal} of the publisher and incident, so an earlier ` +
            'one claims the same revision',
        ),
      ),
    ...facts.badBundles.map((f) =>
      check('history.other_bundle', 'unchecked', f.name, { found: f.code, note: f.message, section: 'origin' }),
    ),
  ];
  // A contract that nobody trusts can tell of any newest revision.
  const trusted = new Set(anchors.filter((a) => a.registryName !== null).map((a) => a.index));
  const told = facts.anchors.filter((asked) => trusted.has(asked.index));
  const answers: HistoryAnswer[] = told.flatMap((asked) => asked.history);
  const newer = answers.find((a) => a.current === false);
  const later = mine.find((o) => o.revision > header.revision);
  const current = answers.filter((a) => a.current === true);
  if (newer !== undefined || later !== undefined) {
    const found = later?.root ?? `${newer!.head}…`;
    const source = (later ?? newer!).source;
    const note = `superseded: the publisher put out a later revision (${source}). This one stays what it was`;
    for (const code of ['history.current', 'history.superseded']) {
      checks.push(check(code, 'unchecked', subject, { expected: root, found, note, section: 'origin' }));
    }
  } else if (current.length > 0 && tooFew(facts, told) !== null) {
    checks.push(check('history.current', 'unchecked', subject, { expected: root, note: tooFew(facts, told), section: 'origin' }));
  } else if (current.length > 0) {
    const sources = current.map((a) => a.source).join(', ');
    const note = `the newest revision in the registry (${sources}); other registries and keys were not looked at`;
    checks.push(check('history.current', 'pass', subject, { expected: root, found: root, note, section: 'origin' }));
  } else {
    const silent = told.length > 0 || facts.anchors.length === 0 ? 'no node was asked' : 'no node of a trusted registry was asked';
    const note = answers.filter((a) => a.message).map((a) => `${a.source}: ${a.message}`).join('; ') || silent;
    checks.push(check('history.current', 'unchecked', subject, { expected: root, note, section: 'origin' }));
  }
  return checks;
}

/** Why those who call a revision the newest are too few, by the rule for its block; null where they are enough. */
function tooFew(facts: Facts, told: readonly AnchorFacts[]): string | null {
  const counts: string[] = [];
  for (const asked of told) {
    const have = placesOf(asked.history.filter((answer) => answer.current === true)).size;
    const need = needed(asked, facts);
    if (have >= need) return null;
    counts.push(`${have} of ${need} needed`);
  }
  return `too few nodes tell that this is the newest revision (${counts.join('; ')})`;
}

function connected(facts: Facts, keys: readonly string[]): Set<string> {
  return new Set(keys.flatMap((key) => [key, ...keysOf(facts.trust.successions, key)]));
}
