/**
 * The rules of verification: facts in, checks and a verdict out. Pure.
 *
 * Nothing in a bundle decides whether to believe the bundle: the root is recomputed from the entries, the content id from
 * the directory listing, publisher and time come from the proven log and header, and names from the reader's trust file.
 */
import { ArchiveError } from '../errors.ts';
import { FORMAT } from '../format/entries.ts';
import { checkStamps } from '../stamps/index.ts';
import type { Clock } from '../stamps/types.ts';
import { checkActs } from './acts.ts';
import { type Package, checkOneAnchor } from './anchors.ts';
import { type Facts, noAnswers } from './facts.ts';
import { checkFiles, isEvidence } from './files.ts';
import { checkFindings } from './findings.ts';
import { checkHistory } from './history.ts';
import { checkContentId, checkTree, readLeaves, wantedFiles } from './leaves.ts';
import { matchFiles } from './matching.ts';
import { type AnchorSummary, type Check, type Outcome, type Section, type Verdict, check, isOfPublisher, unknownNote } from './outcome.ts';
import { PER_ANCHOR, type Policy } from './policy.ts';
import { minBy, unique } from './python.ts';
import { checkRecord, checkUnshown } from './record.ts';
import { checkRedactions } from './redaction.ts';
import { checkReveals } from './reveals.ts';

/** Applies every rule to the facts. */
export function judge(given: Facts, policy: Policy): Outcome {
  const quorum = policy.quorum === null ? given.quorum : Math.max(policy.quorum, given.quorum ?? 1);
  const facts: Facts = { ...given, quorum };
  const bundle = facts.bundle;
  const leaves = readLeaves(bundle.entries);
  const wanted = wantedFiles(leaves);
  const matching = matchFiles(wanted, facts.files);
  // Joined by spreading into lists: a call takes fewer arguments than a package may have files.
  let checks: Check[] = [];
  let root: string | null = null;
  let contentId: string | null = null;
  if (leaves.formatKnown) {
    const [ofTree, tree] = checkTree(bundle, leaves);
    const [ofListing, directory] = checkContentId(bundle, wanted, matching, leaves);
    [root, contentId] = [ofTree, ofListing];
    const revealed = checkReveals(bundle, leaves, root, facts.reveals, facts.files);
    checks = [
      ...checkFiles(bundle, leaves, wanted, matching, facts, revealed),
      ...tree,
      ...directory,
      ...checkRecord(bundle, leaves),
      ...checkUnshown(bundle, leaves, matching, revealed.shown),
      ...revealed.checks,
      ...checkRedactions(bundle, leaves, facts.redactions),
    ];
  } else {
    const note = unknownNote(leaves.unknown[0]![1]);
    checks.push(check('package.format', 'unchecked', 'package', { expected: FORMAT, note, blocking: true }));
  }
  const of: Package = { header: leaves.header, root, contentId };
  const summaries: AnchorSummary[] = [];
  const ours: AnchorSummary[] = []; // the anchors of exactly this package
  bundle.anchors.forEach((value, index) => {
    const asked = facts.anchors.find((a) => a.index === index) ?? noAnswers(index);
    const [found, summary] = checkOneAnchor(index, value, asked, of, facts);
    checks.push(...found);
    if (summary === null) return;
    summaries.push(summary);
    if (allPass(found, 'anchor.log', index)) ours.push(summary);
  });
  const signers = new Set(ours.filter(isOfPublisher).map((a) => a.proven.publisher));
  const stamps = checkStamps({
    stamps: bundle.stamps,
    notBefore: leaves.header?.not_before ?? [],
    root,
    roots: facts.trust.timeStampRoots,
    anchors: anchoredClocks(ours),
    bitcoin: facts.clocks.bitcoin,
    blocks: facts.clocks.blocks,
    quorum,
    chainQuorums: facts.clocks.chainQuorums,
    ...(facts.clocks.network === null ? {} : { network: facts.clocks.network }),
  });
  checks = [
    ...checks,
    ...checkHistory(facts, leaves.header, root, summaries, signers),
    ...checkActs(facts, policy, leaves.header, root, summaries),
    ...stamps.checks.map((c) => check(c.code, c.status, c.subject, c)),
    ...storeChecks(facts),
    ...checkFindings(bundle),
  ];
  const { listed, verdict, lacking } = decide(checks, policy);
  const given_ = new Set(matching.matches.filter((m) => m.good && isEvidence(m.wanted)).map((m) => m.wanted.path));
  return {
    checks: listed,
    verdict,
    required: policy.required,
    lacking,
    root,
    contentId,
    header: leaves.header,
    anchors: summaries,
    filesGiven: given_.size,
    filesTotal: leaves.evidence.length,
    clocks: stamps.clocks,
    interval: stamps.interval,
  };
}

/** The outcome for a bundle whose format is not known here: every required check is listed, none is skipped. */
export function unknownFormat(error: ArchiveError, policy: Policy): Outcome {
  const first = check(error.code, 'unchecked', 'proof bundle', { note: error.message, blocking: true });
  const { listed, verdict, lacking } = decide([first], policy);
  return {
    checks: listed,
    verdict,
    required: policy.required,
    lacking,
    root: null,
    contentId: null,
    header: null,
    anchors: [],
    filesGiven: 0,
    filesTotal: 0,
    clocks: [],
    interval: { noEarlier: null, noLater: null, disagree: [] },
  };
}

/**
 * The verdict over checks, and the checks with the required ones that nobody made listed as unchecked: `fail` if a check
 * failed; else `incomplete` if a required one is not `pass`; else `pass`.
 */
export function decide(
  checks: readonly Check[], policy: Policy,
): { listed: Check[]; verdict: Verdict; lacking: readonly string[] } {
  const listed = [...checks];
  const ofAnchors = new Set([...PER_ANCHOR, ...checks.filter((c) => c.anchor !== null).map((c) => c.code)]);
  // An anchor of an unknown kind says nothing either way: it counts only where it is all there is.
  const told = checks.filter((c) => c.anchor !== null && c.code !== 'anchor.unknown').map((c) => c.anchor!);
  const groups: (number | null)[] = told.length > 0 ? unique(told).sort((a, b) => a - b) : [null];
  for (const code of policy.required) {
    if (ofAnchors.has(code)) {
      for (const group of groups) {
        if (!listed.some((c) => c.code === code && c.anchor === group)) listed.push(notMade(code, group));
      }
    } else if (!listed.some((c) => c.code === code)) {
      listed.push(notMade(code, null));
    }
  }
  const perAnchor = policy.required.filter((code) => ofAnchors.has(code));
  const short = groups.map((group) => perAnchor.filter((code) => !allPass(listed, code, group)));
  const lacking = [
    ...policy.required.filter((code) => !ofAnchors.has(code) && !allPass(listed, code, null)),
    ...minBy(short, (codes) => codes.length)!,
  ];
  if (listed.some((c) => c.status === 'fail')) return { listed, verdict: 'fail', lacking };
  const blocked = listed.some((c) => c.blocking && c.status !== 'pass');
  return { listed, verdict: lacking.length > 0 || blocked ? 'incomplete' : 'pass', lacking };
}

function allPass(checks: readonly Check[], code: string, group: number | null): boolean {
  const found = checks.filter((c) => c.code === code && (group === null || c.anchor === group));
  return found.length > 0 && found.every((c) => c.status === 'pass');
}

function notMade(code: string, group: number | null): Check {
  let section: Section = code.startsWith('origin.') ? 'origin' : 'bytes';
  if (['anchor.', 'chain.', 'time.', 'stamp'].some((prefix) => code.startsWith(prefix))) section = 'time';
  const note = group === null ? 'the bundle holds nothing to check this with' : 'not reached: an earlier step failed';
  return check(code, 'unchecked', 'bundle', { note, section, anchor: group });
}

/** Anchors in public chains whose block was agreed: a clock like the others. */
function anchoredClocks(anchors: readonly AnchorSummary[]): Clock[] {
  return anchors
    .filter((a) => a.headerAgreed && a.timeProved === true)
    .map((a) => ({
      name: `block ${a.proven.blockNumber} of ${a.chainName ?? `chain ${a.proven.chainId}`}`,
      kind: 'anchor',
      bound: 'no_later',
      time: a.proven.timestamp,
      margin: 0,
      restsOn: 'the chain of the anchor',
    }));
}

function storeChecks(facts: Facts): Check[] {
  const told = {
    good: ['pass', 'sent the package, byte for byte'],
    wrong: ['unchecked', 'sent bytes that are not the package; it was not believed'],
    absent: ['unchecked', 'says that it does not have the package'],
    unreachable: ['unchecked', 'could not be asked'],
  } as const;
  return facts.stores.map((answer) => {
    const [status, text] = told[answer.outcome];
    const found = answer.detail === null ? answer.outcome : `${answer.outcome}: ${answer.detail}`;
    const note = `${answer.store} (${answer.operator}) ${text}`;
    return check('availability', status, answer.store, { expected: 'good', found, note, section: 'availability' });
  });
}
