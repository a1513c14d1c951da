/** Collects what the rules need out of what was given, and nothing else: not one request is made here. */
import { type ProvenAnchor, checkAnchor, parseAnchorProof } from '../chain/anchor.ts';
import { withShipped } from '../chain/pins.ts';
import { incidentKey } from '../chain/registry.ts';
import { bytesToHex, fromHex } from '../bytes.ts';
import { ArchiveError } from '../errors.ts';
import { type ProofBundle, parseBundle } from '../format/bundle.ts';
import { leafHash } from '../format/entries.ts';
import { MAX_BUNDLE_BYTES } from '../format/limits.ts';
import { merkleRoot } from '../format/merkle.ts';
import { MAX_REVEAL_BYTES, parseReveal } from '../format/reveal.ts';
import { type Rows, RowsHasher } from '../format/rows.ts';
import { hashFile } from '../hash/file.ts';
import type { BitcoinAnswer } from '../stamps/types.ts';
import { type Facts, type FileFact, type OtherRoot, type RedactionFact, type RevealFact, type UnreadableFile, noAnswers } from './facts.ts';
import { type Given, type GivenFile, type Hashed, type Progress, completeRecord, explain, hashGiven, readAll, unreadableOf } from './given.ts';
import { readLeaves } from './leaves.ts';
import { hashKey } from './matching.ts';
import { MAX_LOOKED_INTO, lookIntoSlots, redactedEntries } from './redaction.ts';
import type { TrustFile } from './trust.ts';

/** Reads a bundle; what is said of it names it. Throws ArchiveError `bundle.…`. */
export function readBundle(data: Uint8Array, name: string): ProofBundle {
  try {
    return parseBundle(data);
  } catch (error) {
    if (!(error instanceof ArchiveError)) throw error;
    throw new ArchiveError(error.code, error.message.replace(/^proof bundle(?=:)/, () => name), error.hint);
  }
}

/** The facts about a bundle and the files given for it; `target` is how the bundle is called in the report. */
export async function gather(
  target: string, bundleGiven: ProofBundle, given: Given, trust: TrustFile, progress: Progress = {},
): Promise<Facts> {
  const hashed = await hashGiven(given, progress);
  const bundle = await completeRecord(bundleGiven, hashed);
  const files = await explain(bundle, hashed);
  const badBundles: UnreadableFile[] = [];
  const facts: Facts = {
    target,
    bundle,
    files,
    trust,
    offline: true,
    unreadable: hashed.unreadable,
    packageFolder: hashed.packageFolder,
    anchors: bundle.anchors.flatMap((anchor, index) => (provenBy(anchor) === null ? [] : [noAnswers(index)])),
    reveals: await readReveals(hashed),
    redactions: await readRedactions(bundle, hashed),
    others: await otherRoots(hashed.bundles, badBundles),
    badBundles,
    stores: [],
    clocks: { bitcoin: [], blocks: [], network: null, chainQuorums: {} },
    acts: [],
    quorum: null,
  };
  return withTrust(facts, trust);
}

/** The same files and bundle under another trust file: nothing has to be read again. */
export function withTrust(facts: Facts, trust: TrustFile): Facts {
  const bitcoin = trust.bitcoinHeaders.map(
    ({ height, header }): BitcoinAnswer => ({ height, source: 'your trust file', kind: 'trust', header }),
  );
  return { ...facts, trust: { ...trust, validatorSets: withShipped(trust.validatorSets) }, clocks: { ...facts.clocks, bitcoin } };
}

/** Reveal files, and the lines of a revealed table that was given too. */
async function readReveals(hashed: Hashed): Promise<RevealFact[]> {
  const facts: RevealFact[] = [];
  for (const { name, source } of hashed.reveals) {
    try {
      const reveal = parseReveal(await readAll(source, MAX_REVEAL_BYTES + 1));
      let rows: Rows | null = null;
      if (reveal.kind === 'file' && reveal.rows_key !== null) {
        const file = onDisk(hashed).find(({ fact }) => hashKey(fact) === hashKey(reveal.entry));
        if (file !== undefined) {
          const hasher = new RowsHasher(fromHex(reveal.rows_key)!);
          await hashFile(file.source, { onData: (piece) => hasher.update(piece) });
          rows = hasher.finish();
        }
      }
      facts.push({ name, reveal, code: null, message: null, rows });
    } catch (error) {
      const { code, message } = unreadableOf(name, error);
      facts.push({ name, reveal: null, code, message, rows: null });
    }
  }
  return facts;
}

/** The slots of each redacted file that was given as a file. */
async function readRedactions(bundle: ProofBundle, hashed: Hashed): Promise<RedactionFact[]> {
  const at = new Map(onDisk(hashed).map((file) => [hashKey(file.fact), file.source]));
  const facts: RedactionFact[] = [];
  for (const [entry, item] of redactedEntries(bundle, readLeaves(bundle.entries))) {
    const source = at.get(hashKey(entry));
    if (source === undefined) continue;
    if (source.size > MAX_LOOKED_INTO) {
      const words = 'the file is too large to look into here: `archive verify` does';
      facts.push({ id: entry.id, faults: [['redact.not_here', words]] });
    } else {
      facts.push(lookIntoSlots(entry.id, item['redaction'], await readAll(source, source.size)));
    }
  }
  return facts;
}

function onDisk(hashed: Hashed): { fact: FileFact; source: GivenFile['source'] }[] {
  return hashed.files.flatMap(({ fact, source }) => (source === null ? [] : [{ fact, source }]));
}

/** Roots that a publisher signed for, in other bundles that were given. */
async function otherRoots(bundles: readonly GivenFile[], bad: UnreadableFile[]): Promise<OtherRoot[]> {
  const found: OtherRoot[] = [];
  for (const { name, source } of bundles) {
    try {
      found.push(...rootsOfBundle(readBundle(await readAll(source, MAX_BUNDLE_BYTES + 1), name), name));
    } catch (error) {
      bad.push(unreadableOf(name, error));
    }
  }
  return found;
}

/** What another bundle proves: its own root, by the keys whose signature anchors exactly that root. */
function rootsOfBundle(bundle: ProofBundle, source: string): OtherRoot[] {
  const header = readLeaves(bundle.entries).header;
  if (header === null) return [];
  const root = bytesToHex(merkleRoot(bundle.entries.map((value) => leafHash(value))));
  const key = incidentKey(header.incident);
  return bundle.anchors.flatMap((anchor): OtherRoot[] => {
    // An anchor that proves nothing accuses nobody.
    const proven = provenBy(anchor);
    // Without the key's own signature the block may be made up by whoever put the bundle there.
    if (proven === null || proven.root !== root || proven.incidentKey !== key || !proven.direct) return [];
    return [{ incident: header.incident, revision: header.revision, root, publisher: proven.publisher, source }];
  });
}

/** What an anchor proves, null for nothing. */
function provenBy(anchor: unknown): ProvenAnchor | null {
  try {
    return checkAnchor(parseAnchorProof(anchor)).proven;
  } catch (error) {
    if (error instanceof ArchiveError) return null;
    throw error;
  }
}
