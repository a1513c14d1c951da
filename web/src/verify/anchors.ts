/** One anchor: its proof, its log against the package, registry, block and publisher against what is trusted. */
import { ANCHOR_KEYS, ORIGIN_STEPS, type ProvenAnchor, checkAnchor, describeStep, parseAnchorProof } from '../chain/anchor.ts';
import { type Finality, checkConsensus, signersOf } from '../chain/consensus.ts';
import { batchRoot, incidentKey } from '../chain/registry.ts';
import { lineTo } from '../chain/succession.ts';
import { ArchiveError } from '../errors.ts';
import type { JsonObject } from '../format/canonical.ts';
import { bytesToHex } from '../bytes.ts';
import { contentDigest } from '../format/cid.ts';
import type { Header } from '../format/entries.ts';
import type { AnchorFacts, Facts, HeaderAnswer } from './facts.ts';
import { type AnchorSummary, type Check, LATER, type Status, check } from './outcome.ts';
import { clip, compareText, repr, str, thousands } from './python.ts';
import { checkCode, checkFinal, checkHeader } from './quorum.ts';
import { publisherOf, registryOf } from './trust.ts';

/** What an anchor is held against; null where it could not be recomputed. */
export interface Package {
  readonly header: Header | null;
  readonly root: string | null;
  readonly contentId: string | null;
}

export function checkOneAnchor(
  index: number, value: JsonObject, answers: AnchorFacts, of: Package, facts: Facts,
): [Check[], AnchorSummary | null] {
  const name = `anchor ${index + 1}`;
  const unknown = unknownAnchor(value);
  if (unknown !== null) {
    const more = { expected: 'anchor', found: unknown, note: LATER, section: 'time', anchor: index } as const;
    return [[check('anchor.unknown', 'unchecked', name, more)], null];
  }
  let proof;
  try {
    proof = parseAnchorProof(value);
  } catch (error) {
    if (!(error instanceof ArchiveError)) throw error;
    const more = { found: error.code, note: error.message, section: 'time', anchor: index } as const;
    return [[check('anchor.log', 'fail', name, more)], null];
  }
  const inspection = checkAnchor(proof);
  const checks = inspection.steps.map((step) =>
    check(step.code, step.status, name, {
      expected: step.expected,
      found: step.found,
      note: step.status === 'pass' ? null : describeStep(step.code),
      section: ORIGIN_STEPS.has(step.code) ? 'origin' : 'time',
      anchor: index,
    }),
  );
  const proven = inspection.proven;
  if (proven === null) return [checks, null];
  const subject = `${name}, ${answers.chainName ?? `chain ${proven.chainId}`} block ${proven.blockNumber}`;
  const trusted = registryOf(facts.trust, proven.chainId, proven.genesis, proven.registry);
  checks.push(...checkLog(subject, index, proven, of), ...checkRegistry(subject, index, proven, facts));
  checks.push(...checkCode(subject, index, proven.codeHash, answers, facts, trusted?.codeHash ?? null));
  const claim = { chainId: proven.chainId, genesis: proven.genesis, header: proof.block.header };
  const signed = checkConsensus(claim, proof.consensus, facts.trust);
  if (signed !== null) {
    const more = { expected: proven.blockHash, found: signed.found, note: signed.note, section: 'time', anchor: index } as const;
    checks.push(check('chain.consensus', signed.status, subject, more));
  }
  const final = signed?.final ?? null;
  const asked = final === null ? answers : { ...answers, headers: [...answers.headers, headerAnswer(final)] };
  for (const answer of asked.headers) {
    if (answer.outcome === 'other_history') {
      checks.push(otherHistory(subject, index, proven.genesis, answer.found ?? 'unknown', answer.source));
    }
  }
  const [headers, agreement] = checkHeader(subject, index, proven, asked, facts);
  const finality = checkFinal(subject, index, asked, facts, agreement, final !== null);
  checks.push(...headers, ...finality, ...checkPublisher(subject, index, proven, of.header, facts));
  const embedded = trusted?.workspaceChain ?? false;
  return [
    checks,
    {
      proven,
      publisherName: publisherOf(facts.trust, proven.publisher)?.name ?? null,
      registryName: trusted?.name ?? null,
      headerAgreed: agreement.status === 'pass',
      timeProved: embedded ? false : asked.publicChain,
      workspaceChain: embedded,
      chainName: asked.chainName,
      final,
      agreement,
      settled: finality.some((c) => c.status === 'pass'),
      index,
    },
  ];
}

/** The signatures as one more source about the block. */
function headerAnswer(final: Finality): HeaderAnswer {
  const none = { place: null, number: null, head: null, finalized: null };
  return { source: signersOf(final), kind: 'consensus', outcome: 'same', found: final.hash, ...none };
}

/** What a later version may have added: the kind, or a key. */
function unknownAnchor(value: JsonObject): string | null {
  const kind = value['kind'];
  if (kind !== 'anchor' && kind !== 'batch') return clip(str(kind), 80);
  const surplus = Object.keys(value).filter((key) => !ANCHOR_KEYS.has(key)).sort(compareText)[0];
  return surplus === undefined ? null : `key ${repr(clip(surplus, 80))}`;
}

/** The proven log must be about exactly this package. */
function checkLog(subject: string, index: number, proven: ProvenAnchor, of: Package): Check[] {
  const { header, root, contentId } = of;
  if (header === null || root === null || contentId === null) return [];
  const key = incidentKey(header.incident);
  const digest = bytesToHex(contentDigest(contentId));
  if (proven.place !== null) {
    let found: string;
    try {
      found = batchRoot({ incidentKey: key, root, contentDigest: digest }, proven.place);
    } catch (error) {
      if (!(error instanceof ArchiveError)) throw error;
      found = error.code;
    }
    const good = found === proven.root;
    const note = good
      ? `the registry's event carries a batch of ${thousands(proven.place.count)}, and the path leads to it from exactly ` +
        'this root, content id and incident'
      : 'the path does not lead from this package to the root of the anchored batch';
    const more = { expected: proven.root, found, note, section: 'time', anchor: index } as const;
    return [check('anchor.log', good ? 'pass' : 'fail', good ? subject : `${subject}: batch`, more)];
  }
  const compared: [string, string, string, string][] = [
    ['root', root, proven.root, 'the anchor is of another root'],
    ['previous', header.previous_root ?? 'none', proven.previous ?? 'none', 'the anchor follows another revision'],
    ['content digest', digest, proven.contentDigest, 'the anchor names other content'],
    ['incident', key, proven.incidentKey, 'the anchor is of another incident'],
  ];
  const wrong = compared
    .filter(([, expected, found]) => expected !== found)
    .map(([what, expected, found, note]) =>
      check('anchor.log', 'fail', `${subject}: ${what}`, { expected, found, note, section: 'time', anchor: index }),
    );
  if (wrong.length > 0) return wrong;
  const note = "the registry's event in this block carries exactly this root, content id and incident";
  return [check('anchor.log', 'pass', subject, { expected: root, found: proven.root, note, section: 'time', anchor: index })];
}

function checkRegistry(subject: string, index: number, proven: ProvenAnchor, facts: Facts): Check[] {
  const found = `${proven.registry} on chain ${proven.chainId}, genesis ${proven.genesis}`;
  const trusted = registryOf(facts.trust, proven.chainId, proven.genesis, proven.registry);
  if (trusted !== null) {
    const note = `trusted as ${repr(trusted.name)}`;
    return [check('anchor.registry', 'pass', subject, { expected: found, found, note, section: 'time', anchor: index })];
  }
  const same = facts.trust.registries.filter((r) => r.chainId === proven.chainId);
  const add = `--chain-id ${proven.chainId} --genesis ${proven.genesis} --address ${proven.registry} --code-hash HASH`;
  const note =
    'this registry is not in your trust file, and anybody can deploy one that looks the same. If you have ' +
    `reason to believe it: archive trust add registry --name NAME ${add}`;
  const expected = same.map((r) => `${r.address} (${r.name})`).join('; ') || null;
  const checks = [check('anchor.registry', 'unchecked', subject, { expected, found, note, section: 'time', anchor: index })];
  if (same.length > 0 && same.every((r) => r.genesis !== proven.genesis)) {
    checks.push(otherHistory(subject, index, same[0]!.genesis, proven.genesis, 'your trust file'));
  }
  return checks;
}

function otherHistory(subject: string, index: number, expected: string, found: string, source: string): Check {
  const note =
    `${source} knows a chain of the same number with another first block: a test network that was reset, or a copy`;
  return check('chain.other_history', 'unchecked', subject, { expected, found, note, section: 'time', anchor: index });
}

function checkPublisher(subject: string, index: number, proven: ProvenAnchor, header: Header | null, facts: Facts): Check[] {
  const checks: Check[] = [];
  const add = (code: string, status: Status, expected: string | null, note: string): void => {
    checks.push(check(code, status, subject, { expected, found: proven.publisher, note, section: 'origin', anchor: index }));
  };
  if (header !== null) {
    const expected = header.publisher;
    if (expected === null) {
      add('origin.publisher', 'unchecked', null, 'the package does not name its publisher, so anybody could have anchored it');
    } else if (expected === proven.publisher && !proven.direct && registryOf(facts.trust, proven.chainId, proven.genesis, proven.registry) === null) {
      const note =
        'a contract that is not in your trust file says that the key named in the package anchored it; no ' +
        'signature of that key is there, and any contract can say so';
      add('origin.publisher', 'unchecked', expected, note);
    } else if (expected === proven.publisher) {
      add('origin.publisher', 'pass', expected, 'the key named in the package is the key that anchored it');
    } else {
      add('origin.publisher', 'fail', expected, 'the package names another publisher than the key that anchored it');
    }
  }
  const known = publisherOf(facts.trust, proven.publisher);
  const line = lineTo(facts.trust.successions, facts.trust.publishers.map((p) => p.address), proven.publisher);
  if (known !== null) {
    add('origin.trusted', 'pass', proven.publisher, `your trust file knows this key as ${repr(known.name)}`);
  } else if (line !== null) {
    const first = publisherOf(facts.trust, line[0]!);
    const note = `your trust file knows ${repr(first?.name ?? line[0])}, whose key signed its successor: ${line.join(' → ')}`;
    add('origin.trusted', 'pass', line[0]!, note);
  } else {
    const note =
      `your trust file does not know the key ${proven.publisher}. If the publisher told you, by another way, ` +
      `that it is theirs: archive trust add publisher ${proven.publisher} --name NAME`;
    add('origin.trusted', 'unchecked', null, note);
  }
  return checks;
}
