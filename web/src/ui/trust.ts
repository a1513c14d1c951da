/** Whom the reader trusts in this page: a trust file as JSON, until the page is closed. What it means the verifier judges. */

export interface Registry {
  readonly name: string;
  readonly chain_id: number;
  readonly genesis: string;
  readonly address: string;
  readonly code_hash: string;
  readonly workspace_chain: boolean;
}
export interface Publisher {
  readonly address: string;
  readonly name: string;
}
/** Other keys of the file are kept as they are. */
export interface TrustJson {
  readonly format: string;
  readonly registries: readonly Registry[];
  readonly publishers: readonly Publisher[];
  readonly [key: string]: unknown;
}

export const EMPTY: TrustJson = { format: 'incident-archive-trust/1', registries: [], publishers: [] };
const OTHERS = ['validator_sets', 'consensus_rules', 'time_stamp_roots', 'bitcoin_headers', 'successions'];

export function isEmpty(trust: TrustJson): boolean {
  return trust.registries.length === 0 && trust.publishers.length === 0 && otherEntries(trust) === 0;
}

export function otherEntries(trust: TrustJson): number {
  return OTHERS.reduce((sum, key) => sum + (Array.isArray(trust[key]) ? (trust[key] as unknown[]).length : 0), 0);
}

export function toBytes(trust: TrustJson): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(trust, null, 2) + '\n');
}

/** A name as a trust file may have it: 1 to 200 characters that can be seen. */
export function goodName(name: string): boolean {
  return name.trim() !== '' && [...name].length <= 200 && !/[\p{C}\p{Zl}\p{Zp}]/u.test(name) && !/[^\S ]/u.test(name);
}

/** A name that the list does not have yet: a trust file has none twice. */
export function freeName(name: string, taken: readonly { readonly name: string }[]): string {
  let free = name;
  for (let n = 2; taken.some((item) => item.name === free); n++) free = `${name} (${n})`;
  return free;
}

export function addRegistry(trust: TrustJson, registry: Registry): TrustJson {
  return { ...trust, registries: [...trust.registries, { ...registry, name: freeName(registry.name, trust.registries) }] };
}

export function addPublisher(trust: TrustJson, publisher: Publisher): TrustJson {
  return { ...trust, publishers: [...trust.publishers, { ...publisher, name: freeName(publisher.name, trust.publishers) }] };
}

export function without(trust: TrustJson, which: Registry | Publisher): TrustJson {
  return {
    ...trust,
    registries: trust.registries.filter((r) => r !== which),
    publishers: trust.publishers.filter((p) => p !== which),
  };
}
