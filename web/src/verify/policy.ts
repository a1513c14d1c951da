/** What a verdict asks for: the required checks, and a policy file that may ask for more (docs/verifying.md). */
import { ArchiveError } from '../errors.ts';
import { DuplicateKey, JsonError, type JsonMap, type JsonValue, isMap, readJson } from './json.ts';
import { clip, compareText, countCharacters, isPrintable, repr, unique } from './python.ts';

export const POLICY_FORMAT = 'incident-archive-policy/1';
export const NEVER_WAIVED = ['bytes', 'merkle', 'content_id', 'anchor.log'];
export const REQUIRED = [...NEVER_WAIVED, 'anchor.registry', 'chain.header', 'origin.publisher', 'origin.trusted'];
/** Each anchor has its own; one anchor must have them all, so that no verdict is pieced together from two; and so any other check of one. */
export const PER_ANCHOR: ReadonlySet<string> = new Set([
  'anchor.log', 'anchor.registry', 'chain.header', 'chain.consensus', 'chain.final', 'origin.publisher', 'origin.trusted',
  'policy.publisher',
]);
export const MAX_KEYS = 64;
export const MAX_QUORUM = 64;
const MAX_BYTES = 64 * 1024;
const ADDRESS = /^0x[0-9a-f]{40}$/;
const TIME = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$/;
const CODE = /^[a-z0-9_]+(\.[a-z0-9_]+)*$/;

/** A key that counts, from and until when (seconds since 1970, both included; null for no limit). */
export interface PolicyKey {
  readonly address: string;
  readonly name: string | null;
  readonly validFrom: number | null;
  readonly validUntil: number | null;
}

export function covers(key: PolicyKey, time: number): boolean {
  return (key.validFrom === null || time >= key.validFrom) && (key.validUntil === null || time <= key.validUntil);
}

/** `publishers` is null where any trusted one does; `need` is 0 where no endorsements are asked for. */
export interface Policy {
  readonly required: readonly string[];
  readonly quorum: number | null;
  readonly publishers: readonly PolicyKey[] | null;
  readonly endorsers: readonly PolicyKey[];
  readonly need: number;
}

export const DEFAULT_POLICY: Policy = { required: REQUIRED, quorum: null, publishers: null, endorsers: [], need: 0 };

/** Parses a policy strictly; throws ArchiveError `policy.…`. A rule this version does not know is an error: never open. */
export function parsePolicy(data: Uint8Array, name = 'policy'): Policy {
  const wrong = (rule: string, what: string): ArchiveError =>
    new ArchiveError(`policy.${rule}`, `${name}: ${what}`, 'mend the policy file');
  if (data.length > MAX_BYTES) throw wrong('too_large', 'is larger than 65,536 bytes');
  let value: JsonValue;
  try {
    value = readJson(data);
  } catch (error) {
    if (error instanceof DuplicateKey) throw wrong('duplicate_key', 'has the same key twice');
    if (error instanceof JsonError) throw wrong('not_json', `is not JSON: ${error.message}`);
    throw error;
  }
  if (!isMap(value) || value['format'] !== POLICY_FORMAT) throw wrong('unknown_format', `is not of format '${POLICY_FORMAT}'`);
  const unknown = surplus(value, ['format', 'require', 'waive', 'quorum', 'publishers', 'endorsers']);
  if (unknown !== undefined) {
    throw wrong('unknown_key', `asks for ${repr(clip(unknown, 80))}, which this version cannot check`);
  }
  const require = codes(value, 'require', wrong);
  const waive = codes(value, 'waive', wrong);
  for (const code of waive) {
    if (NEVER_WAIVED.includes(code)) throw wrong('cannot_waive', `cannot waive ${repr(code)}: without it nothing is verified`);
    if (require.includes(code)) throw wrong('shape', `both requires and waives ${repr(code)}`);
  }
  const quorum = value['quorum'] ?? null;
  if (quorum !== null && (typeof quorum !== 'number' || quorum < 1 || quorum > MAX_QUORUM)) {
    throw wrong('shape', `'quorum' is not a whole number from 1 to ${MAX_QUORUM}`);
  }
  const publishers = 'publishers' in value ? keys("'publishers'", value['publishers']!, wrong) : null;
  let need = 0;
  let endorsers: PolicyKey[] = [];
  if ('endorsers' in value) {
    const asked = value['endorsers'];
    if (!isMap(asked) || Object.keys(asked).sort().join() !== 'keys,need') {
      throw wrong('shape', "'endorsers' does not have exactly the keys need and keys");
    }
    endorsers = keys("'endorsers'", asked['keys']!, wrong);
    const count = asked['need'];
    if (typeof count !== 'number' || count < 1 || count > endorsers.length) {
      throw wrong('shape', `'need' is not a whole number from 1 to ${endorsers.length}, the number of keys`);
    }
    need = count;
  }
  const more = [...(publishers !== null ? ['policy.publisher'] : []), ...(need > 0 ? ['policy.endorsers'] : [])];
  const waived = more.filter((code) => waive.includes(code)).sort(compareText)[0];
  if (waived !== undefined) throw wrong('shape', `both asks for and waives ${repr(waived)}`);
  const kept = REQUIRED.filter((code) => !waive.includes(code));
  return { required: unique([...kept, ...more, ...require]), quorum, publishers, endorsers, need };
}

type Wrong = (rule: string, what: string) => ArchiveError;

function surplus(value: JsonMap, known: string[]): string | undefined {
  return Object.keys(value).filter((key) => !known.includes(key)).sort(compareText)[0];
}

function codes(value: JsonMap, key: string, wrong: Wrong): string[] {
  const found = key in value ? value[key] : [];
  if (!Array.isArray(found) || !found.every((c): c is string => typeof c === 'string' && CODE.test(c))) {
    throw wrong('shape', `${repr(key)} is not a list of check codes`);
  }
  return found;
}

function keys(where: string, value: JsonValue, wrong: Wrong): PolicyKey[] {
  if (!Array.isArray(value) || value.length < 1 || value.length > MAX_KEYS) {
    throw wrong('shape', `${where} is not a list of 1 to ${MAX_KEYS} keys`);
  }
  const found = value.map((item): PolicyKey => {
    if (!isMap(item) || typeof item['address'] !== 'string') throw wrong('shape', `${where}: a key has no address`);
    const unknown = surplus(item, ['address', 'name', 'from', 'until']);
    if (unknown !== undefined) {
      throw wrong('unknown_key', `${where}: a key has ${repr(clip(unknown, 80))}, which is not known`);
    }
    if (!ADDRESS.test(item['address'])) {
      throw wrong('shape', `${where}: an address is not 0x and 40 lower-case hex digits`);
    }
    const label = item['name'] ?? null;
    if (label !== null && !(typeof label === 'string' && label !== '' && countCharacters(label) <= 200 && isPrintable(label))) {
      throw wrong('shape', `${where}: a name is not printable text`);
    }
    return {
      address: item['address'],
      name: label,
      validFrom: moment(item['from'] ?? null, where, wrong),
      validUntil: moment(item['until'] ?? null, where, wrong),
    };
  });
  if (new Set(found.map((key) => key.address)).size !== found.length) throw wrong('shape', `${where} has the same key twice`);
  return found;
}

function moment(value: JsonValue, where: string, wrong: Wrong): number | null {
  if (value === null) return null;
  if (typeof value === 'string' && TIME.test(value) && !value.startsWith('0000')) {
    const time = Date.parse(value);
    // Date.parse takes 31 February for 3 March; what is written must be what is meant.
    if (!Number.isNaN(time) && new Date(time).toISOString() === value.replace('Z', '.000Z')) return time / 1000;
  }
  throw wrong('shape', `${where}: a time is not like 2026-01-31T12:00:00Z`);
}
