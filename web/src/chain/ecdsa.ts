import { secp256k1 } from '@noble/curves/secp256k1.js';
import { to0x } from '../bytes.ts';
import { keccak, toBigInt } from './codec.ts';
import { Malformed } from './steps.ts';

const ORDER = secp256k1.Point.Fn.ORDER;

/**
 * The address whose key signed a digest of 32 bytes, as chains accept transactions: s in the lower half (EIP-2). Throws
 * Malformed with the reason.
 */
export function recoverStrict(digest: Uint8Array, r: bigint, s: bigint, parity: bigint): string {
  if (parity !== 0n && parity !== 1n) throw new Malformed('the parity is neither 0 nor 1');
  if (r <= 0n || r >= ORDER) throw new Malformed('r is out of range');
  if (s <= 0n || s > ORDER / 2n) throw new Malformed('s is zero, high or out of range');
  const found = recover(digest, r, s, Number(parity));
  if (found === null) throw new Malformed('no key fits the signature');
  return found;
}

/** The address of a message's signature of 65 bytes, v of 27 or 28, low s; null for what a registry refuses too. */
export function recoverMessage(digest: Uint8Array, signature: Uint8Array): string | null {
  if (signature.length !== 65) return null;
  const v = signature[64]!;
  if (v !== 27 && v !== 28) return null;
  const r = toBigInt(signature.subarray(0, 32));
  const s = toBigInt(signature.subarray(32, 64));
  if (s > ORDER / 2n) return null;
  return recover(digest, r, s, v - 27);
}

/** The address whose key made a block's seal, v of 0 or 1; null when no key fits. High s is as good here: nodes take it. */
export function recoverSeal(digest: Uint8Array, seal: Uint8Array): string | null {
  return seal[64]! > 1 ? null : recover(digest, toBigInt(seal.subarray(0, 32)), toBigInt(seal.subarray(32, 64)), seal[64]!);
}

function recover(digest: Uint8Array, r: bigint, s: bigint, parity: number): string | null {
  if (r <= 0n || r >= ORDER || s <= 0n || s >= ORDER) return null;
  let key: Uint8Array;
  try {
    key = new secp256k1.Signature(r, s, parity).recoverPublicKey(digest).toBytes(false);
  } catch {
    // r is no point's x coordinate, or the key would be the point at infinity.
    return null;
  }
  return to0x(keccak(key.subarray(1)).subarray(12));
}
