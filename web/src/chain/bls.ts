import { bls12_381 } from '@noble/curves/bls12-381.js';

const DST = 'BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_';
const KEY_SIZE = 48;
const SIGNATURE_SIZE = 96;
const { G1, G2, longSignatures } = bls12_381;
type Key = InstanceType<typeof G1.Point>;
type Signature = InstanceType<typeof G2.Point>;

/**
 * One aggregate signature (96 bytes) over one message (32 bytes). Source: draft-irtf-cfrg-bls-signature-05, sections 3.3.4
 * and 4.2.3.
 */
export class AggregateSignature {
  private readonly signed: Signature | null;
  private readonly hashed: Signature;

  constructor(message: Uint8Array, signature: Uint8Array) {
    this.signed = read(signature, SIGNATURE_SIZE, G2.Point);
    this.hashed = longSignatures.hash(message, DST);
  }

  /**
   * `FastAggregateVerify` of the proof-of-possession scheme with short keys (48 bytes). Keys and signatures that are
   * malformed, outside the group or at infinity are refused, and so is a sum of keys at infinity.
   */
  isOf(keys: readonly Uint8Array[]): boolean {
    if (keys.length === 0 || this.signed === null) return false;
    let total = G1.Point.ZERO;
    for (const key of keys) {
      const point = readKey(key);
      if (point === null) return false;
      total = total.add(point);
    }
    return !total.is0() && longSignatures.verify(this.signed, this.hashed, total);
  }
}

// A validator set is checked against many votes, and a point's group costs more to check than its sum.
const known = new Map<string, Key | null>();
const MAX_KNOWN = 1024;

function readKey(bytes: Uint8Array): Key | null {
  const name = bytes.join();
  let point = known.get(name);
  if (point === undefined) {
    point = read(bytes, KEY_SIZE, G1.Point);
    if (known.size >= MAX_KNOWN) known.clear();
    known.set(name, point);
  }
  return point;
}

function read<P extends { is0(): boolean; assertValidity(): void }>(
  bytes: Uint8Array,
  size: number,
  group: { fromBytes(bytes: Uint8Array): P },
): P | null {
  if (bytes.length !== size) return null;
  try {
    const point = group.fromBytes(bytes);
    point.assertValidity();
    return point.is0() ? null : point;
  } catch {
    return null;
  }
}
