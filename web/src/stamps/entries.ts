import { sha512 } from '@noble/hashes/sha2.js';
import { concatBytes, fromHex, utf8ToBytes } from '../bytes.ts';
import { ArchiveError } from '../errors.ts';
import { clip, compareText, countCharacters, repr, str, thousands } from '../verify/python.ts';

// The stamps of a proof bundle: their exact keys and bounds (docs/format.md, section 15). Nothing in a stamp is trusted.

export const MAX_TOKEN_BYTES = 64 * 1024;
export const MAX_CERTIFICATE_BYTES = 16 * 1024;
export const MAX_CERTIFICATES = 16;
export const MAX_CRL_BYTES = 1024 * 1024;
export const MAX_CRLS = 8;
export const MAX_OCSP_BYTES = 64 * 1024;
export const MAX_OCSP = 16;
export const MAX_RENEWALS = 16;
export const MAX_PROOF_BYTES = 64 * 1024;
export const MAX_HEADER_BYTES = 64 * 1024;
const MAX_NAME = 200;

const TOKEN_KEYS = ['authority', 'nonce', 'token', 'certificates', 'crls', 'ocsp'];
const RFC3161_KEYS = [...TOKEN_KEYS, 'kind', 'subject', 'renewals'];
const OTS_KEYS = ['kind', 'subject', 'proof'];
const NOT_BEFORE_KEYS = ['kind', 'chain', 'height', 'header'];
const NONCE = /^0x(?:0|[1-9a-f][0-9a-f]{0,63})$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const RENEWAL_LABEL = utf8ToBytes('IA1-stamp-renewal\0');

type JsonObject = Readonly<Record<string, unknown>>;

/** One time-stamp token with what is kept beside it, in DER; `nonce` is what was asked with, `authority` a label of whoever asked. */
export interface Token {
  readonly authority: string | null;
  readonly nonce: bigint | null;
  readonly token: Uint8Array;
  readonly certificates: readonly Uint8Array[];
  readonly crls: readonly Uint8Array[];
  readonly ocsp: readonly Uint8Array[];
}

export interface Rfc3161Stamp {
  readonly kind: 'rfc3161';
  readonly first: Token;
  /** Oldest first. */
  readonly renewals: readonly Token[];
  readonly value: JsonObject;
}

export interface OtsStamp {
  readonly kind: 'opentimestamps';
  readonly proof: Uint8Array;
}

/** The header of a block that the package's own header names in `not_before`. */
export interface BlockHeader {
  readonly kind: 'not_before';
  readonly chain: string;
  readonly height: number;
  readonly header: Uint8Array;
}

export type Stamp = Rfc3161Stamp | OtsStamp | BlockHeader;

/** The bytes that are stamped: the raw 32 bytes of the root. */
export function subjectMessage(root: string): Uint8Array {
  return fromHex(root)!;
}

/** What renewal `index` is over: a label, the root, and SHA-512 of everything the stamp held before it. */
export function renewalMessage(stamp: Rfc3161Stamp, root: Uint8Array, index: number): Uint8Array {
  const before = { ...stamp.value, renewals: (stamp.value['renewals'] as unknown[]).slice(0, index) };
  return concatBytes(RENEWAL_LABEL, root, sha512(utf8ToBytes(canonical(before))));
}

/** RFC 8785 of a stamp, which holds nothing but objects with ASCII keys, lists, text and null. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const pairs = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${pairs.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join(',')}}`;
}

/** A stamp of the bundle's `stamps`. Throws `stamp.unknown` for a kind, subject or key not known here, `stamp.malformed`. */
export function parseStamp(value: unknown): Stamp {
  if (!isObject(value)) fail('not an object');
  const { kind } = value;
  switch (kind) {
    case 'rfc3161': {
      checkKeys(value, RFC3161_KEYS);
      checkSubject(value);
      const renewals = list(value, 'renewals', MAX_RENEWALS);
      return { kind, first: parseToken(value), renewals: renewals.map(parseRenewal), value };
    }
    case 'opentimestamps':
      checkKeys(value, OTS_KEYS);
      checkSubject(value);
      return { kind, proof: bytes(value['proof'], 'proof', MAX_PROOF_BYTES) };
    case 'not_before':
      return parseBlock(value);
    default:
      throw new ArchiveError('stamp.unknown', `stamp of kind ${repr(clip(str(kind), 80))}`);
  }
}

function parseBlock(value: JsonObject): BlockHeader {
  checkKeys(value, NOT_BEFORE_KEYS);
  const { chain, height, header } = value;
  if (typeof chain !== 'string' || countCharacters(chain) > MAX_NAME) fail('chain is not a short text');
  if (typeof height !== 'number' || !Number.isSafeInteger(height) || height < 0) fail('height is not a whole number');
  const read = typeof header === 'string' && header.length <= 2 * MAX_HEADER_BYTES + 2 && header.startsWith('0x') ? fromHex(header.slice(2)) : null;
  if (read === null || read.length === 0) fail(`header is not 0x and hex digits of at most ${thousands(MAX_HEADER_BYTES)} bytes`);
  return { kind: 'not_before', chain, height, header: read };
}

function parseRenewal(value: unknown): Token {
  if (!isObject(value)) fail('a renewal is not an object');
  checkKeys(value, TOKEN_KEYS);
  return parseToken(value);
}

function parseToken(value: JsonObject): Token {
  const { authority, nonce } = value;
  if (authority !== null && !(typeof authority === 'string' && authority !== '' && countCharacters(authority) <= MAX_NAME)) {
    fail(`authority is not null or text of 1 to ${MAX_NAME} characters`);
  }
  if (nonce !== null && !(typeof nonce === 'string' && NONCE.test(nonce))) fail('nonce is not null or 0x and hex digits without leading zeros');
  return {
    authority,
    nonce: nonce === null ? null : BigInt(nonce),
    token: bytes(value['token'], 'token', MAX_TOKEN_BYTES),
    certificates: blobs(value, 'certificates', MAX_CERTIFICATES, MAX_CERTIFICATE_BYTES),
    crls: blobs(value, 'crls', MAX_CRLS, MAX_CRL_BYTES),
    ocsp: blobs(value, 'ocsp', MAX_OCSP, MAX_OCSP_BYTES),
  };
}

function checkKeys(value: JsonObject, keys: readonly string[]): void {
  const [unknown] = Object.keys(value).filter((key) => !keys.includes(key)).sort(compareText);
  if (unknown !== undefined) throw new ArchiveError('stamp.unknown', `stamp with the key ${repr(clip(unknown, 80))}`);
  const [missing] = keys.filter((key) => !Object.hasOwn(value, key)).sort();
  if (missing !== undefined) fail(`${missing} is missing`);
}

function checkSubject(value: JsonObject): void {
  const { subject } = value;
  if (typeof subject !== 'string') fail('subject is not text');
  if (subject !== 'root') throw new ArchiveError('stamp.unknown', `stamp over ${repr(clip(subject, 80))}`);
}

function list(value: JsonObject, key: string, limit: number): readonly unknown[] {
  const items = value[key];
  if (!Array.isArray(items) || items.length > limit) fail(`${key} is not a list of at most ${limit}`);
  return items;
}

function blobs(value: JsonObject, key: string, limit: number, maxBytes: number): Uint8Array[] {
  return list(value, key, limit).map((item) => bytes(item, key, maxBytes));
}

/** Standard base64 with padding; one text for one value, so without stray bits at the end. */
function bytes(text: unknown, what: string, maxBytes: number): Uint8Array {
  if (typeof text !== 'string' || text === '' || countCharacters(text) > 4 * Math.floor((maxBytes + 2) / 3)) {
    fail(`${what} is not base64 of 1 to ${thousands(maxBytes)} bytes`);
  }
  if (!BASE64.test(text)) fail(`${what} is not base64`);
  const binary = atob(text);
  if (binary.length > maxBytes || btoa(binary) !== text) fail(`${what} is longer than ${thousands(maxBytes)} bytes, or base64 with stray bits`);
  return Uint8Array.from(binary, (c) => c.charCodeAt(0));
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function fail(what: string): never {
  throw new ArchiveError('stamp.malformed', `stamp: ${what}`);
}
