import { concatBytes } from '../bytes.ts';
import { toBigInt } from './codec.ts';
import { Malformed } from './steps.ts';

// RLP of the Yellow Paper, appendix B. One item has one encoding: anything else is refused. Lists are not taken apart until
// somebody asks for their items, so that megabytes of tiny items cost nothing.

export const MAX_RLP_BYTES = 4 * 1024 * 1024;
const MAX_DEPTH = 128;
const SHORT = 55;

/** One item: the bytes of a string, or of a list's items; `encoded` is the whole item as it stood there. */
export interface RlpItem {
  readonly isList: boolean;
  readonly payload: Uint8Array;
  readonly encoded: Uint8Array;
}

/** Decodes exactly one item; throws Malformed when it is not canonical, too long or too deep, at any depth. */
export function decodeRlp(raw: Uint8Array, maxBytes: number = MAX_RLP_BYTES): RlpItem {
  if (raw.length > maxBytes) throw new Malformed(`${raw.length} bytes, more than ${maxBytes}`);
  const item = readItem(raw, 0, raw.length);
  if (item.encoded.length !== raw.length) throw notCanonical();
  if (item.isList) checkInside(item.payload);
  return item;
}

/** The items of a list that `decodeRlp` gave, one by one; throws Malformed for a string. */
export function* items(item: RlpItem): Generator<RlpItem> {
  if (!item.isList) throw new Malformed('not a list');
  let at = 0;
  while (at < item.payload.length) {
    const next = readItem(item.payload, at, item.payload.length);
    yield next;
    at += next.encoded.length;
  }
}

/** The items of a list of at most `most`; null for a string or a longer list. */
export function listOf(item: RlpItem, most: number): RlpItem[] | null {
  if (!item.isList) return null;
  const found: RlpItem[] = [];
  for (const next of items(item)) {
    if (found.length === most) return null;
    found.push(next);
  }
  return found;
}

/** The bytes of a string, of `size` bytes where that is given; null for a list and for another size. */
export function stringOf(item: RlpItem | undefined, size?: number): Uint8Array | null {
  if (item === undefined || item.isList || (size !== undefined && item.payload.length !== size)) return null;
  return item.payload;
}

/** An integer of at most 256 bits; throws Malformed for lists, leading zeros and longer ones. */
export function rlpInt(item: RlpItem): bigint {
  const bytes = stringOf(item);
  if (bytes === null || bytes.length > 32 || bytes[0] === 0) throw new Malformed('not a canonical integer');
  return toBigInt(bytes);
}

export function encodeString(bytes: Uint8Array): Uint8Array {
  return bytes.length === 1 && bytes[0]! < 0x80 ? bytes : concatBytes(prefix(0x80, bytes.length), bytes);
}

/** A list of items that are encoded already. */
export function encodeList(encoded: readonly Uint8Array[]): Uint8Array {
  const payload = concatBytes(...encoded);
  return concatBytes(prefix(0xc0, payload.length), payload);
}

/** An integer in its shortest form; zero is the empty string. */
export function encodeInt(value: number | bigint): Uint8Array {
  return encodeString(intBytes(value));
}

/** Shortest big-endian form; zero is no bytes. */
export function intBytes(value: number | bigint): Uint8Array {
  const bytes: number[] = [];
  for (let rest = BigInt(value); rest > 0n; rest >>= 8n) bytes.unshift(Number(rest & 0xffn));
  return new Uint8Array(bytes);
}

function prefix(base: number, length: number): Uint8Array {
  if (length <= SHORT) return new Uint8Array([base + length]);
  const size = intBytes(length);
  return concatBytes(new Uint8Array([base + SHORT + size.length]), size);
}

/** All items inside a list's payload, at every depth, without keeping any of them. */
function checkInside(payload: Uint8Array): void {
  const ends = [payload.length];
  let at = 0;
  while (ends.length > 0) {
    const end = ends.at(-1)!;
    if (at === end) {
      ends.pop();
      continue;
    }
    const { isList, start, length } = readPrefix(payload, at, end);
    if (isList && length > 0) {
      if (ends.length >= MAX_DEPTH) throw new Malformed('not canonical RLP: lists too deep inside each other');
      ends.push(start + length);
      at = start;
    } else {
      at = start + length;
    }
  }
}

function readItem(bytes: Uint8Array, at: number, end: number): RlpItem {
  const { isList, start, length } = readPrefix(bytes, at, end);
  return { isList, payload: bytes.subarray(start, start + length), encoded: bytes.subarray(at, start + length) };
}

/** Where the payload of the item at `at` is; it lies before `end`. */
function readPrefix(bytes: Uint8Array, at: number, end: number): { isList: boolean; start: number; length: number } {
  if (at >= end) throw notCanonical();
  const first = bytes[at]!;
  if (first < 0x80) return { isList: false, start: at, length: 1 };
  const isList = first >= 0xc0;
  const told = first - (isList ? 0xc0 : 0x80);
  let start = at + 1;
  let length = told;
  if (told > SHORT) {
    const size = told - SHORT;
    start += size;
    if (start > end || bytes[at + 1] === 0) throw notCanonical();
    length = 0;
    // Eight bytes of length can exceed what a number holds exactly, but then they exceed the end as well.
    for (let i = at + 1; i < start; i++) length = length * 256 + bytes[i]!;
    if (length <= SHORT) throw notCanonical();
  }
  if (start + length > end) throw notCanonical();
  if (!isList && told === 1 && bytes[start]! < 0x80) throw notCanonical();
  return { isList, start, length };
}

function notCanonical(): Malformed {
  return new Malformed('not canonical RLP: DecodingError');
}
