/** The verifier's trust file: which registries, keys, validators and clocks this reader believes (docs/verifying.md). */
import { fromHex } from '../bytes.ts';
import { Malformed } from '../chain/steps.ts';
import type { PinnedSet, PrivateRules } from '../chain/consensus.ts';
import { parsePin, parseRules } from '../chain/pins.ts';
import { type Succession, parseSuccession } from '../chain/succession.ts';
import { ArchiveError } from '../errors.ts';
import { DuplicateKey, JsonError, type JsonMap, type JsonValue, isMap, readJson } from './json.ts';
import { clip, compareText, countCharacters, isPrintable, repr } from './python.ts';

export const TRUST_FORMAT = 'incident-archive-trust/1';
export const MAX_TRUST_BYTES = 4 * 1024 * 1024;

/** A registry contract the verifier believes, on one chain told by id and genesis block hash. */
export interface TrustedRegistry {
  readonly name: string;
  readonly chainId: number;
  readonly genesis: string;
  readonly address: string;
  readonly codeHash: string;
  /** The embedded chain of some workspace: it proves nothing about time. */
  readonly workspaceChain: boolean;
}

export interface TrustedPublisher {
  readonly address: string;
  readonly name: string;
  readonly claims: readonly string[];
}

/** A root certificate of a time-stamp authority, as DER; `policies` are the OIDs accepted of it, none means any. */
export interface TimeStampRoot {
  readonly name: string;
  readonly certificate: Uint8Array;
  readonly policies: readonly string[];
}

export interface BitcoinHeader {
  readonly height: number;
  readonly header: Uint8Array;
}

export interface TrustFile {
  readonly registries: readonly TrustedRegistry[];
  readonly publishers: readonly TrustedPublisher[];
  readonly validatorSets: readonly PinnedSet[];
  readonly consensusRules: readonly PrivateRules[];
  readonly timeStampRoots: readonly TimeStampRoot[];
  readonly bitcoinHeaders: readonly BitcoinHeader[];
  readonly successions: readonly Succession[];
}

/** What a reader without a trust file trusts. */
export const NOTHING: TrustFile = {
  registries: [],
  publishers: [],
  validatorSets: [],
  consensusRules: [],
  timeStampRoots: [],
  bitcoinHeaders: [],
  successions: [],
};

const OPTIONAL = ['validator_sets', 'consensus_rules', 'time_stamp_roots', 'bitcoin_headers', 'successions'];
const ADDRESS = /^0x[0-9a-f]{40}$/;
const HASH = /^0x[0-9a-f]{64}$/;
const CLAIM = /^(?:dns|ens|post):[!-~]{1,500}$/;
const OID = /^[0-2](\.(0|[1-9][0-9]{0,19})){1,20}$/;
const PEM = /^-----BEGIN CERTIFICATE-----\n((?:[A-Za-z0-9+/=]{1,76}\n)+)-----END CERTIFICATE-----\n$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const MAX_NAME = 200;
const MAX_LISTED = 16;
const MAX_PEM = 32 * 1024;

export function registryOf(trust: TrustFile, chainId: number, genesis: string, address: string): TrustedRegistry | null {
  return trust.registries.find((r) => r.chainId === chainId && r.genesis === genesis && r.address === address) ?? null;
}

export function publisherOf(trust: TrustFile, address: string): TrustedPublisher | null {
  return trust.publishers.find((p) => p.address === address) ?? null;
}

/** Parses a trust file strictly; throws ArchiveError `trust.…` or `succession.…`. */
export function parseTrust(data: Uint8Array, name = 'trust file'): TrustFile {
  return new Reader(name).file(data);
}

/** The bytes of one PEM certificate; null where the text is none. */
export function pemToDer(pem: string): Uint8Array | null {
  const match = PEM.exec(pem);
  if (match === null) return null;
  const text = match[1]!.replaceAll('\n', '');
  return BASE64.test(text) ? Uint8Array.from(atob(text), (c) => c.charCodeAt(0)) : null;
}

class Reader {
  private readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  file(data: Uint8Array): TrustFile {
    if (data.length > MAX_TRUST_BYTES) throw this.wrong('too_large', 'is larger than 4,194,304 bytes');
    const value = this.json(data);
    if (!isMap(value) || value['format'] !== TRUST_FORMAT) {
      throw this.wrong('unknown_format', `is not of format '${TRUST_FORMAT}'`);
    }
    this.exact('the file', value, ['format', 'registries', 'publishers'], OPTIONAL);
    const trust: TrustFile = {
      registries: this.list(value, 'registries').map((item, i) => this.registry(item, i)),
      publishers: this.list(value, 'publishers').map((item, i) => this.publisher(item, i)),
      validatorSets: this.list(value, 'validator_sets').map((item, i) => this.chain('validator_set', i, () => parsePin(item))),
      consensusRules: this.list(value, 'consensus_rules').map((item, i) => this.chain('consensus_rules', i, () => parseRules(item))),
      timeStampRoots: this.list(value, 'time_stamp_roots').map((item, i) => this.root(item, i)),
      bitcoinHeaders: this.list(value, 'bitcoin_headers').map((item, i) => this.header(item, i)),
      successions: this.list(value, 'successions').map((item) => parseSuccession(item)),
    };
    const values: [string, string[]][] = [
      ['registry', trust.registries.map((r) => `${r.chainId} ${r.genesis} ${r.address}`)],
      ['registry name', trust.registries.map((r) => r.name)],
      ['publisher', trust.publishers.map((p) => p.address)],
      ['publisher name', trust.publishers.map((p) => p.name)],
      ['validator set', trust.validatorSets.map((p) => `${p.chainId} ${p.genesis} ${p.number}`)],
      ["chain's rules", trust.consensusRules.map((r) => `${r.chainId} ${r.genesis}`)],
      ['time-stamp root', trust.timeStampRoots.map((r) => r.certificate.join())],
      ["time-stamp root's name", trust.timeStampRoots.map((r) => r.name)],
      ['Bitcoin block', trust.bitcoinHeaders.map((h) => String(h.height))],
    ];
    for (const [what, listed] of values) {
      if (new Set(listed).size !== listed.length) throw this.wrong('duplicate', `has the same ${what} twice`);
    }
    return trust;
  }

  private json(data: Uint8Array): JsonValue {
    try {
      return readJson(data);
    } catch (error) {
      if (error instanceof DuplicateKey) throw this.wrong('duplicate_key', 'has an object with the same key twice');
      if (error instanceof JsonError) throw this.wrong('not_json', `is not JSON: ${error.message}`);
      throw error;
    }
  }

  private registry(item: JsonValue, index: number): TrustedRegistry {
    const where = `registry ${index}`;
    const map = this.exact(where, item, ['name', 'chain_id', 'genesis', 'address', 'code_hash', 'workspace_chain']);
    const chainId = map['chain_id'];
    if (typeof chainId !== 'number' || chainId <= 0) {
      throw this.wrong('bad_chain_id', `${where}: chain_id is not a positive whole number`);
    }
    const workspaceChain = map['workspace_chain'];
    if (typeof workspaceChain !== 'boolean') throw this.wrong('shape', `${where}: workspace_chain is not true or false`);
    return {
      name: this.label(where, map['name']),
      chainId,
      genesis: this.hash(where, map['genesis']),
      address: this.address(where, map['address']),
      codeHash: this.hash(where, map['code_hash']),
      workspaceChain,
    };
  }

  private publisher(item: JsonValue, index: number): TrustedPublisher {
    const where = `publisher ${index}`;
    const map = this.exact(where, item, ['address', 'name'], ['claims']);
    const claims = this.list(map, 'claims');
    if (claims.length > MAX_LISTED || !claims.every((c): c is string => typeof c === 'string' && CLAIM.test(c))) {
      throw this.wrong('bad_claim', `${where}: a claim is dns:NAME, ens:NAME or post:URL; at most ${MAX_LISTED}`);
    }
    return { address: this.address(where, map['address']), name: this.label(where, map['name']), claims };
  }

  private root(item: JsonValue, index: number): TimeStampRoot {
    const where = `time-stamp root ${index}`;
    const map = this.exact(where, item, ['name', 'certificate'], ['policies']);
    const policies = this.list(map, 'policies');
    if (policies.length > MAX_LISTED || !policies.every((p): p is string => typeof p === 'string' && OID.test(p))) {
      throw this.wrong('bad_policy', `${where}: policies is not a list of at most ${MAX_LISTED} OIDs`);
    }
    const text = map['certificate'];
    const certificate = typeof text === 'string' && text.length <= MAX_PEM ? pemToDer(text) : null;
    if (certificate === null) throw this.wrong('bad_certificate', `${where}: certificate is not one PEM certificate`);
    return { name: this.label(where, map['name']), certificate, policies };
  }

  private header(item: JsonValue, index: number): BitcoinHeader {
    const where = `Bitcoin header ${index}`;
    const { height, header } = this.exact(where, item, ['height', 'header']);
    if (typeof height !== 'number' || height < 0 || height >= 2 ** 31) {
      throw this.wrong('bad_header', `${where}: height is not a whole number`);
    }
    const bytes = typeof header === 'string' ? fromHex(header) : null;
    if (bytes?.length !== 80) throw this.wrong('bad_header', `${where}: header is not 160 lower-case hex digits`);
    return { height, header: bytes };
  }

  private chain<T>(rule: string, index: number, read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (error instanceof Malformed) throw this.wrong(rule, `${rule.replaceAll('_', ' ')} ${index}: ${error.message}`);
      throw error;
    }
  }

  private exact(where: string, item: JsonValue | undefined, keys: string[], optional: string[] = []): JsonMap {
    if (!isMap(item)) throw this.wrong('shape', `${where} is not an object`);
    const missing = keys.filter((key) => !(key in item)).sort(compareText)[0];
    if (missing !== undefined) throw this.wrong('missing_key', `${where} has no ${repr(missing)}`);
    const unknown = Object.keys(item).filter((key) => !keys.includes(key) && !optional.includes(key)).sort(compareText)[0];
    if (unknown !== undefined) {
      throw this.wrong('unknown_key', `${where} has a key ${repr(clip(unknown, 80))} that is not known`);
    }
    return item;
  }

  private list(value: JsonMap, key: string): JsonValue[] {
    const items = key in value ? value[key] : [];
    if (!Array.isArray(items)) throw this.wrong('shape', `${repr(key)} is not a list`);
    return items;
  }

  private address(where: string, value: JsonValue | undefined): string {
    if (typeof value !== 'string' || !ADDRESS.test(value)) {
      throw this.wrong('bad_address', `${where}: address is not 0x and 40 lower-case hex digits`);
    }
    return value;
  }

  private hash(where: string, value: JsonValue | undefined): string {
    if (typeof value !== 'string' || !HASH.test(value)) {
      throw this.wrong('bad_hash', `${where}: a hash is not 0x and 64 lower-case hex digits`);
    }
    return value;
  }

  /** Names are printed beside verdicts: one that looks like an address or holds control characters could mislead. */
  private label(where: string, value: JsonValue | undefined): string {
    const good =
      typeof value === 'string' &&
      value !== '' &&
      countCharacters(value) <= MAX_NAME &&
      isPrintable(value) &&
      !value.toLowerCase().startsWith('0x');
    if (!good) throw this.wrong('bad_name', `${where}: name is not 1 to ${MAX_NAME} printable characters`);
    return value;
  }

  private wrong(rule: string, what: string): ArchiveError {
    return new ArchiveError(`trust.${rule}`, `${this.name}: ${what}`, 'mend the file, or write it anew with `archive trust add`');
  }
}
