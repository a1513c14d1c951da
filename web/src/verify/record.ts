/** Is the record one, does it fit the entries, and what does it only name: withheld items and references. */
import type { ProofBundle } from '../format/bundle.ts';
import { type JsonObject, isObject } from '../format/canonical.ts';
import { RECORD_PATH } from '../format/entries.ts';
import type { Leaves } from './leaves.ts';
import { type Matching, hashKey } from './matching.ts';
import { type Check, check } from './outcome.ts';
import { clip, str } from './python.ts';
import { SCHEMA_VERSION, checkModel } from './record_model.ts';
import { checkRules } from './record_rules.ts';
import { truthy } from './reveals.ts';

const MAX_FAULTS = 100;

export function checkRecord(bundle: ProofBundle, leaves: Leaves): Check[] {
  const value = bundle.record;
  if (value === null) return [check('record.valid', 'unchecked', RECORD_PATH, { note: 'the bundle does not carry the record' })];
  const version = value['schema_version'];
  if (typeof version === 'string' && version !== SCHEMA_VERSION) {
    const note = `this version reads records of schema version ${SCHEMA_VERSION}`;
    return [check('record.valid', 'unchecked', RECORD_PATH, { expected: SCHEMA_VERSION, found: clip(version, 40), note })];
  }
  const faults = checkModel(value);
  let checks = faults
    .slice(0, MAX_FAULTS)
    .map((f) => check('record.valid', 'fail', '/' + f.loc.join('/'), { found: f.type, note: f.message }));
  if (checks.length === 0) {
    checks = checkRules(value).map((f) => check('record.valid', 'fail', f.pointer || '/', { found: f.code, note: f.message }));
  }
  if (checks.length === 0) {
    const note = `follows schema version ${SCHEMA_VERSION}; whether it is true is not checked`;
    checks = [check('record.valid', 'pass', RECORD_PATH, { note })];
  }
  return [...checks, ...recordMatches(value, leaves)];
}

/** The record and the entries must tell the same: id, revision, and every evidence item. */
function recordMatches(value: JsonObject, leaves: Leaves): Check[] {
  const checks: Check[] = [];
  const differ = (subject: string, expected: unknown, found: unknown, note: string): void => {
    checks.push(check('record.matches', 'fail', subject, { expected: str(expected), found: str(found), note }));
  };
  const { header } = leaves;
  if (header !== null) {
    if (value['id'] !== header.incident) {
      differ('id', header.incident, value['id'], 'the record is of another incident than the header');
    }
    const revision = 'revision' in value ? value['revision'] : header.revision;
    if (revision !== header.revision && revision !== String(header.revision)) {
      differ('revision', header.revision, revision, 'the record is of another revision');
    }
    const supersedes = 'supersedes' in value ? value['supersedes'] : header.previous_root;
    if (supersedes !== header.previous_root) {
      differ('supersedes', header.previous_root, supersedes, 'record and header name different earlier revisions');
    }
  }
  const items = evidenceItems(value);
  const byId = new Map(items.map((item) => [str(item['id']), item]));
  for (const entry of leaves.evidence) {
    const item = byId.get(entry.id);
    if (item === undefined || item['path'] !== entry.path) {
      differ(entry.id, entry.path, item?.['path'], 'the record does not list this evidence file as the package does');
      continue;
    }
    for (const key of ['sha256', 'size', 'media_type'] as const) {
      const said = item[key] ?? null;
      if (said !== null && str(said) !== str(entry[key])) {
        differ(entry.id, entry[key], said, `the record gives another ${key.replace('_', ' ')}`);
      }
    }
  }
  const withheld = items.filter((item) => truthy(item['withheld']));
  const commitments = new Set(withheld.map((item) => str(item['commitment'])));
  for (const { commitment } of leaves.withheld) {
    if (!commitments.has(commitment)) differ('withheld', commitment, null, 'the record does not tell of this withheld item');
  }
  const inPackage = new Set(leaves.evidence.map((e) => e.id));
  const ofLeaves = new Set(leaves.withheld.map((w) => w.commitment));
  for (const item of leaves.unknown.length === 0 ? items : []) {
    const id = str(item['id']);
    const path = item['path'] ?? null;
    if (path !== null && !inPackage.has(id)) differ(id, path, null, 'the record lists a file that the package does not have');
    if (truthy(item['withheld']) && !ofLeaves.has(str(item['commitment']))) {
      differ(id, item['commitment'], null, 'its commitment is not in the package');
    }
  }
  if (checks.length === 0) {
    checks.push(check('record.matches', 'pass', RECORD_PATH, { note: 'record and entries list the same evidence' }));
  }
  return checks;
}

/** What the package only names. `shown` has the commitments that were revealed, with their file, and how. */
export function checkUnshown(
  bundle: ProofBundle, leaves: Leaves, matching: Matching, shown: ReadonlyMap<string, string>,
): Check[] {
  const names = new Map(
    evidenceItems(bundle.record)
      .filter((item) => truthy(item['withheld']))
      .map((item) => [str(item['commitment']), str(item['id'])]),
  );
  const checks = leaves.withheld.map(({ commitment }) => {
    const how = shown.get(commitment);
    const note = how ?? 'withheld by the publisher: that it existed is shown, what it says is not';
    return check(`withheld:${names.get(commitment) ?? commitment}`, how === undefined ? 'unchecked' : 'pass',
      names.get(commitment) ?? 'withheld item', { expected: commitment, found: how === undefined ? null : commitment, note });
  });
  const given = new Map(matching.unlisted.map((f) => [hashKey(f), f.name]));
  for (const reference of references(bundle)) {
    const name = given.get(hashKey(reference));
    const note = name ? `given as ${name}` : 'only named by its hash, not part of the package, not given';
    const compared = { expected: reference.sha256, found: name ? reference.sha256 : null, note };
    checks.push(check(`reference:${reference.id}`, name ? 'pass' : 'unchecked', reference.id, compared));
  }
  return checks;
}

/** The evidence items of a record that may be malformed. */
export function evidenceItems(record: JsonObject | null): JsonObject[] {
  const items = record?.['evidence'];
  return Array.isArray(items) ? items.filter((item): item is JsonObject => isObject(item)) : [];
}

/** Evidence by reference in the record. */
export function references(bundle: ProofBundle): { id: string; sha256: string; size: number }[] {
  return evidenceItems(bundle.record).flatMap((item) => {
    const reference = item['reference'];
    if (!isObject(reference)) return [];
    const size = str(reference['size']);
    return [{ id: str(item['id']), sha256: str(reference['sha256']), size: /^[0-9]{1,16}$/.test(size) ? Number(size) : -1 }];
  });
}
