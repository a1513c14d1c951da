import { keccak, MAX_SAFE } from './codec.ts';
import { decodeRlp, listOf, rlpInt, stringOf, type RlpItem } from './rlp.ts';
import { Malformed } from './steps.ts';

export const MAX_HEADER_BYTES = 16 * 1024;
export const MIN_HEADER_FIELDS = 15;
export const MAX_HEADER_FIELDS = 40;

/** Fields of fixed size that every header has, by their place. */
const SIZES: readonly (readonly [number, number])[] = [
  [0, 32], [1, 32], [2, 20], [3, 32], [4, 32], [5, 32], [6, 256], [13, 32], [14, 8],
];

/** The fields of a block header that an anchor rests on; `timestamp` in seconds since 1970. */
export interface BlockHeader {
  readonly hash: Uint8Array;
  readonly number: number;
  readonly timestamp: number;
  readonly stateRoot: Uint8Array;
  readonly transactionsRoot: Uint8Array;
  readonly receiptsRoot: Uint8Array;
}

/** Reads a header of any fork: 15 fields, then more by fork; those that are not known only count in the hash. Throws Malformed. */
export function decodeHeader(raw: Uint8Array): BlockHeader {
  const fields = listOf(decodeRlp(raw, MAX_HEADER_BYTES), MAX_HEADER_FIELDS);
  if (fields === null || fields.length < MIN_HEADER_FIELDS) {
    throw new Malformed(`not a list of ${MIN_HEADER_FIELDS} to ${MAX_HEADER_FIELDS} fields`);
  }
  if (fields.some((field) => field.isList)) throw new Malformed('a field is a list');
  for (const [place, size] of SIZES) {
    const { length } = fields[place]!.payload;
    if (length !== size) throw new Malformed(`field ${place} has ${length} bytes, expected ${size}`);
  }
  const number = rlpInt(fields[8]!);
  const timestamp = rlpInt(fields[11]!);
  if (number > BigInt(MAX_SAFE) || timestamp > BigInt(MAX_SAFE)) throw new Malformed('number or timestamp out of range');
  return {
    hash: keccak(raw),
    number: Number(number),
    timestamp: Number(timestamp),
    stateRoot: bytesAt(fields, 3),
    transactionsRoot: bytesAt(fields, 4),
    receiptsRoot: bytesAt(fields, 5),
  };
}

function bytesAt(fields: readonly RlpItem[], place: number): Uint8Array {
  return stringOf(fields[place])!;
}
