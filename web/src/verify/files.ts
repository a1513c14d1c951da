/** Are the files the ones of the package: each one's bytes, what is missing, what does not belong. */
import type { ProofBundle } from '../format/bundle.ts';
import { type JsonObject, dumps } from '../format/canonical.ts';
import { MANIFEST_PATH, RECORD_PATH, type RecordEntry } from '../format/entries.ts';
import { digestBytes } from '../hash/file.ts';
import type { Facts, FileFact, VariantKind } from './facts.ts';
import type { Leaves } from './leaves.ts';
import { type Match, type Matching, type Wanted, baseOf, hashKey } from './matching.ts';
import { type Check, check } from './outcome.ts';
import { thousands } from './python.ts';
import { references } from './record.ts';
import type { Revealed } from './reveals.ts';

/** What an operating system leaves behind in folders that a person looked into. */
const LITTER = ['.DS_Store', 'Thumbs.db', 'desktop.ini'];
/** A file that could not be read now is not a wrong one. */
const NOT_READ = ['package.unreadable', 'package.changed_while_read', 'car.unreadable'];
const ASK = 'ask for the original file';
const CHANGES: Record<VariantKind, string> = {
  'line-ends': 'its line ends were converted (CRLF and LF)',
  'byte-order-mark': 'a byte order mark was added or removed at its start',
  'final-newline': 'a line end was added or removed at its end',
  gzip: 'it is a compressed copy; unpacked, it is the very file',
};

export function checkFiles(
  bundle: ProofBundle, leaves: Leaves, wanted: readonly Wanted[], matching: Matching, facts: Facts, revealed: Revealed,
): Check[] {
  const byHash = new Map(wanted.map((w) => [w.sha256, w.path]));
  const checks = [
    ...facts.unreadable.map((f) =>
      check('bytes', NOT_READ.includes(f.code) ? 'unchecked' : 'fail', f.name, { found: f.code, note: f.message }),
    ),
    ...matching.matches.map((match) => oneFile(match, byHash)),
  ];
  const recordGiven = matching.matches.some((m) => m.wanted.path === RECORD_PATH);
  if (bundle.record !== null && leaves.record !== null && !recordGiven) checks.push(recordBytes(bundle.record, leaves.record));
  const evidence = matching.matches.filter((m) => isEvidence(m.wanted));
  if (leaves.evidence.length > 0 && evidence.length === 0 && checks.every((c) => c.status !== 'fail')) {
    const wrong = facts.stores.filter((s) => s.outcome === 'wrong');
    if (wrong.length > 0) {
      const sources = wrong.map((s) => s.store).join(', ');
      const note = `what ${sources} sent is not this package, and no other source had it: ${ASK}`;
      checks.push(check('bytes', 'fail', 'evidence', { found: wrong[0]!.detail, note }));
    } else {
      checks.push(check('bytes', 'unchecked', 'evidence', { note: 'no evidence file was given or could be fetched' }));
    }
  }
  const known = new Set([...references(bundle).map(hashKey), ...revealed.files]);
  const veiled = leaves.withheld.filter((w) => !revealed.shown.has(w.commitment)).length;
  return [
    ...checks,
    ...completeness(matching, leaves, bundle.record !== null),
    ...matching.unlisted.filter((f) => !known.has(hashKey(f))).map((f) => unlisted(f, facts, veiled)),
  ];
}

/** Neither the manifest nor the record. */
export function isEvidence(wanted: Wanted): boolean {
  return wanted.path !== MANIFEST_PATH && wanted.path !== RECORD_PATH;
}

function oneFile({ wanted, file, how, good }: Match, byHash: Map<string, string>): Check {
  const compared = { expected: wanted.sha256, found: file.sha256 };
  if (!good) return check('bytes', 'fail', wanted.path, { ...compared, note: whyDifferent(wanted, file, byHash) });
  const note = how === 'hash' ? `given as ${file.name}: recognised by its hash` : null;
  return check('bytes', 'pass', wanted.path, { ...compared, note });
}

function whyDifferent(wanted: Wanted, file: FileFact, byHash: Map<string, string>): string {
  const sizes = `${thousands(file.size)} bytes instead of ${thousands(wanted.size)}`;
  const change = file.variants.find((v) => v.sha256 === wanted.sha256);
  const other = byHash.get(file.sha256);
  let reason: string;
  if (change !== undefined) reason = CHANGES[change.kind];
  else if (other !== undefined) return `these are the bytes of ${other}: the files were mixed up (given as ${file.name})`;
  else if (file.size === 0) reason = 'the file is empty';
  else if (file.size === wanted.size) reason = 'same size, other bytes: edited or damaged';
  else if (file.size < wanted.size) reason = `${sizes}: cut short, re-compressed or edited`;
  else reason = `${sizes}: re-compressed, re-saved or edited`;
  return `${reason}; ${ASK} (given as ${file.name})`;
}

function recordBytes(record: JsonObject, entry: RecordEntry): Check {
  const digest = digestBytes(dumps(record));
  const good = digest.sha256 === entry.sha256 && digest.size === entry.size;
  const note = good ? 'as the bundle carries it' : 'the record in the bundle is not the one in the package';
  return check('bytes', good ? 'pass' : 'fail', RECORD_PATH, { expected: entry.sha256, found: digest.sha256, note });
}

/** Whether every file of the package was there and right. The manifest follows from the entries and never lacks. */
function completeness(matching: Matching, leaves: Leaves, hasRecord: boolean): Check[] {
  const missing = matching.missing.filter((w) => isEvidence(w) || (w.path === RECORD_PATH && !hasRecord));
  const good = new Set(matching.matches.filter((m) => m.good).map((m) => m.wanted.path));
  const bad = new Set(matching.matches.map((m) => m.wanted.path).filter((path) => !good.has(path)));
  const total = leaves.evidence.length;
  const found = leaves.evidence.filter((e) => good.has(e.path)).length;
  const counts = { expected: String(total), found: String(found) };
  if (missing.length === 0 && bad.size === 0 && leaves.unknown.length === 0) {
    const note = total > 0 ? `all ${total} evidence files were checked` : 'the package has no open evidence files';
    return [check('package.complete', 'pass', 'package', { ...counts, note })];
  }
  const lacking = total - found - leaves.evidence.filter((e) => bad.has(e.path)).length;
  const note = lacking !== 0 ? `${lacking} of ${total} evidence files were not given` : 'not all of it was there and known';
  return [
    check('package.complete', 'unchecked', 'package', { ...counts, note }),
    ...missing.map((w) =>
      check('package.missing', 'unchecked', w.path, { expected: w.sha256, note: 'not given, not checked' }),
    ),
  ];
}

/** `veiled` items are withheld and not revealed: a file alone may be one of them, and nothing here can tell. */
function unlisted(file: FileFact, facts: Facts, veiled: number): Check {
  const found = file.sha256;
  if (file.path === null && veiled > 0) {
    const items = veiled === 1 ? 'the item' : `one of the ${veiled} items`;
    const note =
      `none of the open files of the package; whether it is ${items} that the publisher withheld, only a reveal ` +
      'of it shows';
    return check('bytes', 'unchecked', file.name, { found, note });
  }
  if (file.path === null) {
    const note = `this file is not part of the package, neither by its name nor by its bytes; ${ASK}`;
    return check('bytes', 'fail', file.name, { found, note });
  }
  if (facts.packageFolder && !LITTER.includes(baseOf(file.full))) {
    const note = 'a file that the package does not have lies among its files';
    return check('package.unlisted', 'fail', file.name, { found, note });
  }
  return check('package.unlisted', 'unchecked', file.name, { found, note: 'not part of the package: nothing is shown of it' });
}
