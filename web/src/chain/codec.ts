import { keccak_256 } from '@noble/hashes/sha3.js';
import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import { isObject } from '../format/canonical.ts';
import { Malformed } from './steps.ts';

export const WORD = 32;
export const ZERO_WORD: Uint8Array = new Uint8Array(WORD);
export const MAX_SAFE = Number.MAX_SAFE_INTEGER;
export const ADDRESS = /^0x[0-9a-f]{40}$/;
export const HASH = /^0x[0-9a-f]{64}$/;
export const HEX64 = /^[0-9a-f]{64}$/;
/** At least one byte. */
export const RAW = /^0x(?:[0-9a-f]{2})+$/;

/** Keccak-256, the hash of Ethereum (not SHA3-256). */
export function keccak(data: Uint8Array): Uint8Array {
  return keccak_256(data);
}

export function keccakText(text: string): Uint8Array {
  return keccak(utf8ToBytes(text));
}

/** Bytes of text that is already known to be `0x` + hex of even length. */
export function bytesOf(text: string): Uint8Array {
  return hexToBytes(text.slice(2));
}

export function addressWord(address: string): Uint8Array {
  const word = new Uint8Array(WORD);
  word.set(bytesOf(address), WORD - 20);
  return word;
}

/** An unsigned integer of at most 256 bits as 32 bytes, big-endian. */
export function intWord(value: number | bigint): Uint8Array {
  return hexToBytes(hexWord(BigInt(value)));
}

/** An unsigned integer of at most 256 bits as 64 hex digits. */
export function hexWord(value: bigint): string {
  return value.toString(16).padStart(2 * WORD, '0');
}

export function toBigInt(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt('0x' + bytesToHex(bytes));
}

/** Exactly `count` words of 32 bytes; throws Malformed for any other size. */
export function splitWords(data: Uint8Array, count: number): Uint8Array[] {
  if (data.length !== count * WORD) throw new Malformed(`${data.length} bytes, expected ${count * WORD}`);
  return Array.from({ length: count }, (_, i) => data.subarray(i * WORD, (i + 1) * WORD));
}

export function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

/** Whether the object has exactly these keys. */
export function hasExactly(value: unknown, keys: readonly string[]): value is Record<string, unknown> {
  return isObject(value) && Object.keys(value).length === keys.length && keys.every((key) => Object.hasOwn(value, key));
}

export function isInteger(value: unknown, least = 0, most = MAX_SAFE): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most;
}

export function matches(value: unknown, pattern: RegExp): value is string {
  return typeof value === 'string' && pattern.test(value);
}

// What Python's str.isprintable refuses: Unicode's groups Other and Separator, but for the ASCII space.
const UNPRINTABLE = /[\p{C}\p{Z}]/u;

export function isPrintable(text: string): boolean {
  return !UNPRINTABLE.test(text.replaceAll(' ', ''));
}

export { bytesToHex, concatBytes };
