import { to0x } from '../bytes.ts';
import { concatBytes, keccak } from './codec.ts';
import { decodeRlp, encodeInt, encodeList, encodeString, listOf, rlpInt, stringOf } from './rlp.ts';
import { Malformed } from './steps.ts';

export const MAX_TRANSACTION_BYTES = 1024 * 1024;
const NONE = encodeString(new Uint8Array());

/** A decoded transaction. `chainId` is null for a legacy one without EIP-155; `to` is null for a creation. */
export interface SignedTransaction {
  readonly chainId: bigint | null;
  readonly to: string | null;
  readonly calldata: Uint8Array;
  /** What was signed. */
  readonly digest: Uint8Array;
  readonly r: bigint;
  readonly s: bigint;
  readonly parity: bigint;
}

/** Place of the recipient, and number of fields, by type. */
const SHAPES: Readonly<Record<number, readonly [number, number]>> = { 0: [3, 9], 1: [4, 11], 2: [5, 12] };

/** Reads a signed transaction of type 0 (legacy, EIP-155), 1 (EIP-2930) or 2 (EIP-1559); throws Malformed. */
export function decodeTransaction(raw: Uint8Array): SignedTransaction {
  const kind = raw.length > 0 && raw[0]! < 0xc0 ? raw[0]! : 0;
  const item = decodeRlp(kind === 0 ? raw : raw.subarray(1), MAX_TRANSACTION_BYTES);
  const shape = SHAPES[kind];
  if (shape === undefined) throw new Malformed(`type ${kind}`);
  const [toAt, count] = shape;
  const fields = listOf(item, count);
  if (fields === null || fields.length !== count) throw new Malformed(`not a list of ${count} fields`);
  const to = stringOf(fields[toAt]);
  const calldata = stringOf(fields[toAt + 2]);
  if (to === null || (to.length !== 0 && to.length !== 20) || calldata === null) {
    throw new Malformed('recipient or data of the wrong kind');
  }
  const [v, r, s] = fields.slice(-3).map(rlpInt) as [bigint, bigint, bigint];
  const unsigned = fields.slice(0, -3).map((field) => field.encoded);
  const told = { to: to.length === 0 ? null : to0x(to), calldata, r, s };
  if (kind !== 0) {
    return { ...told, chainId: rlpInt(fields[0]!), digest: keccak(concatBytes(new Uint8Array([kind]), encodeList(unsigned))), parity: v };
  }
  if (v < 35n) return { ...told, chainId: null, digest: keccak(encodeList(unsigned)), parity: v - 27n };
  const chainId = (v - 35n) / 2n;
  return { ...told, chainId, digest: keccak(encodeList([...unsigned, encodeInt(chainId), NONE, NONE])), parity: (v - 35n) % 2n };
}
