import { ed25519 } from '@noble/curves/ed25519.js';
import { brainpoolP256r1, brainpoolP384r1, brainpoolP512r1 } from '@noble/curves/misc.js';
import { p256, p384, p521 } from '@noble/curves/nist.js';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { sha1 } from '@noble/hashes/legacy.js';
import { sha224, sha256, sha384, sha512 } from '@noble/hashes/sha2.js';
import { sha3_224, sha3_256, sha3_384, sha3_512 } from '@noble/hashes/sha3.js';
import { concatBytes, equalBytes, fromHex } from '../bytes.ts';
import { ArchiveError } from '../errors.ts';
import * as der from './der.ts';
import type { Algorithm, PublicKeyInfo } from './x509.ts';

// Signatures by keys of certificates. Plain BigInt and @noble: works the same where a page has no WebCrypto.

export type Hash = (data: Uint8Array) => Uint8Array;

/** The hashes of imprints and signed digests, by their OID. */
export const DIGESTS: ReadonlyMap<string, HashInfo> = new Map([
  ['2.16.840.1.101.3.4.2.1', info('sha256', sha256, '2.16.840.1.101.3.4.2.1')],
  ['2.16.840.1.101.3.4.2.2', info('sha384', sha384, '2.16.840.1.101.3.4.2.2')],
  ['2.16.840.1.101.3.4.2.3', info('sha512', sha512, '2.16.840.1.101.3.4.2.3')],
]);

export interface HashInfo {
  readonly name: string;
  readonly hash: Hash;
  readonly oid: string;
}

function info(name: string, hash: Hash, oid: string): HashInfo {
  return { name, hash, oid };
}

const SHA1 = info('sha1', sha1, '1.3.14.3.2.26');
/** Certificates, CRLs and OCSP answers may be signed over these, but for SHA-1, which only names issuers in OCSP answers. */
const ALL: ReadonlyMap<string, HashInfo> = new Map([
  ...DIGESTS,
  [SHA1.oid, SHA1],
  ...[
    info('sha224', sha224, '2.16.840.1.101.3.4.2.4'),
    info('sha3-224', sha3_224, '2.16.840.1.101.3.4.2.7'),
    info('sha3-256', sha3_256, '2.16.840.1.101.3.4.2.8'),
    info('sha3-384', sha3_384, '2.16.840.1.101.3.4.2.9'),
    info('sha3-512', sha3_512, '2.16.840.1.101.3.4.2.10'),
  ].map((h): [string, HashInfo] => [h.oid, h]),
]);

/** A hash by the OID of its algorithm, of those that name a certificate in an OCSP answer or a signature over one. */
export function hashOf(oid: string): HashInfo | null {
  return ALL.get(oid) ?? null;
}

const RSA = '1.2.840.113549.1.1.1';
const RSA_PSS = '1.2.840.113549.1.1.10';
const MGF1 = '1.2.840.113549.1.1.8';
const EC = '1.2.840.10045.2.1';
const ED25519 = '1.3.101.112';

const byName = (name: string): HashInfo => [...ALL.values()].find((h) => h.name === name)!;
const RSA_HASHES = new Map(
  Object.entries({
    '1.2.840.113549.1.1.14': 'sha224', '1.2.840.113549.1.1.11': 'sha256',
    '1.2.840.113549.1.1.12': 'sha384', '1.2.840.113549.1.1.13': 'sha512', '2.16.840.1.101.3.4.3.13': 'sha3-224',
    '2.16.840.1.101.3.4.3.14': 'sha3-256', '2.16.840.1.101.3.4.3.15': 'sha3-384', '2.16.840.1.101.3.4.3.16': 'sha3-512',
  }).map(([oid, name]) => [oid, byName(name)] as const),
);
const ECDSA_HASHES = new Map(
  Object.entries({
    '1.2.840.10045.4.3.1': 'sha224', '1.2.840.10045.4.3.2': 'sha256', '1.2.840.10045.4.3.3': 'sha384', '1.2.840.10045.4.3.4': 'sha512',
    '2.16.840.1.101.3.4.3.9': 'sha3-224', '2.16.840.1.101.3.4.3.10': 'sha3-256', '2.16.840.1.101.3.4.3.11': 'sha3-384',
    '2.16.840.1.101.3.4.3.12': 'sha3-512',
  }).map(([oid, name]) => [oid, byName(name)] as const),
);

type Curve = typeof p256;
const CURVES: Record<string, Curve> = {
  '1.2.840.10045.3.1.7': p256,
  '1.3.132.0.34': p384,
  '1.3.132.0.35': p521,
  '1.3.132.0.10': secp256k1,
  '1.3.36.3.3.2.8.1.1.7': brainpoolP256r1,
  '1.3.36.3.3.2.8.1.1.11': brainpoolP384r1,
  '1.3.36.3.3.2.8.1.1.13': brainpoolP512r1,
};

export type PublicKey =
  | { readonly kind: 'rsa'; readonly modulus: bigint; readonly exponent: bigint; readonly bytes: number }
  | { readonly kind: 'ec'; readonly curve: Curve; readonly point: Uint8Array }
  | { readonly kind: 'ed25519'; readonly point: Uint8Array }
  | { readonly kind: 'other' };

const MIN_RSA_BITS = 1024;
const MAX_RSA_BITS = 16384;
const BIG_RSA_BITS = 3072;
const MAX_EXPONENT_BITS = 64;

/** The key of a certificate. Throws `stamp.rfc3161.der` for one that is malformed; kinds not known here are `other`. */
export function publicKey(key: PublicKeyInfo): PublicKey {
  const { oid, params } = key.algorithm;
  if (oid === RSA || oid === RSA_PSS) return rsaKey(key.bits);
  if (oid === EC) {
    const curve = params!.tag === der.OID ? CURVES[der.oid(params!)] : undefined;
    if (curve === undefined) return { kind: 'other' };
    try {
      curve.Point.fromBytes(key.bits);
    } catch {
      der.fail('a key that is not on its curve');
    }
    return { kind: 'ec', curve, point: key.bits };
  }
  if (oid === ED25519) {
    if (key.bits.length !== 32) der.fail('a key of the wrong length');
    return { kind: 'ed25519', point: key.bits };
  }
  return { kind: 'other' };
}

function rsaKey(bits: Uint8Array): PublicKey {
  const fields = new der.Fields(der.readAll(bits, der.SEQUENCE));
  const modulus = der.natural(fields.next());
  const exponent = der.natural(fields.next());
  fields.end();
  const size = bitLength(modulus);
  if (size < MIN_RSA_BITS || size > MAX_RSA_BITS || (modulus & 1n) === 0n) der.fail('an RSA key that is none, or too short or long');
  if (exponent < 3n || (exponent & 1n) === 0n || exponent >= modulus) der.fail('an RSA key with an exponent that is none');
  if (size > BIG_RSA_BITS && bitLength(exponent) > MAX_EXPONENT_BITS) der.fail('an RSA key with an exponent that is too large');
  return { kind: 'rsa', modulus, exponent, bytes: Math.ceil(size / 8) };
}

function bitLength(value: bigint): number {
  return value === 0n ? 0 : value.toString(2).length;
}

/** Whether a signature over a certificate, CRL or OCSP answer is of this key; null where nobody here can tell. */
export function verifySigned(key: PublicKey, algorithm: Algorithm, data: Uint8Array, signature: Uint8Array): boolean | null {
  const { oid } = algorithm;
  if (oid === RSA_PSS) return key.kind === 'rsa' ? verifyPss(key, algorithm, data, signature) : null;
  const rsa = RSA_HASHES.get(oid);
  if (rsa !== undefined) return key.kind === 'rsa' ? verifyRsa(key, rsa, data, signature) : null;
  const ecdsa = ECDSA_HASHES.get(oid);
  if (ecdsa !== undefined) return key.kind === 'ec' ? verifyEcdsa(key, ecdsa, data, signature) : null;
  if (oid === ED25519) return key.kind === 'ed25519' ? verifyEd25519(key.point, data, signature) : null;
  return null;
}

/** The hash that a signature's algorithm is over, null where it has none or it is not known. */
export function signatureHash(algorithm: Algorithm): HashInfo | null {
  if (algorithm.oid === RSA_PSS) return pssParameters(algorithm)?.hash ?? null;
  return RSA_HASHES.get(algorithm.oid) ?? ECDSA_HASHES.get(algorithm.oid) ?? null;
}

type RsaKey = Extract<PublicKey, { kind: 'rsa' }>;
type EcKey = Extract<PublicKey, { kind: 'ec' }>;

/** RSASSA-PKCS1-v1_5 of RFC 8017: the whole encoded message is compared, nothing of it is parsed. */
export function verifyRsa(key: RsaKey, hash: HashInfo, data: Uint8Array, signature: Uint8Array): boolean {
  const encoded = opened(key, signature);
  if (encoded === null) return false;
  const name = der.encode(der.SEQUENCE, concatBytes(encodeOid(hash.oid), Uint8Array.of(der.NULL, 0)));
  const digest = der.encode(der.SEQUENCE, concatBytes(name, der.encode(der.OCTET_STRING, hash.hash(data))));
  const padding = key.bytes - digest.length - 3;
  if (padding < 8) return false;
  return equalBytes(encoded, concatBytes(Uint8Array.of(0, 1), new Uint8Array(padding).fill(0xff), Uint8Array.of(0), digest));
}

function verifyPss(key: RsaKey, algorithm: Algorithm, data: Uint8Array, signature: Uint8Array): boolean | null {
  const parameters = pssParameters(algorithm);
  if (parameters === null) return null;
  const { hash, mask, salt } = parameters;
  const encoded = opened(key, signature);
  if (encoded === null) return false;
  const digest = hash.hash(data);
  const bits = bitLength(key.modulus) - 1;
  const message = encoded.subarray(encoded.length - Math.ceil(bits / 8));
  if (encoded.length > message.length && encoded[0] !== 0) return false;
  const masked = message.subarray(0, message.length - digest.length - 1);
  const zeros = masked.length - salt - 1;
  if (zeros < 0 || message[message.length - 1] !== 0xbc) return false;
  const seed = message.subarray(masked.length, message.length - 1);
  const block = generate(mask, seed, masked.length).map((byte, i) => byte ^ masked[i]!);
  const top = 8 * message.length - bits;
  if ((masked[0]! & (0xff << (8 - top) & 0xff)) !== 0) return false;
  block[0]! &= 0xff >> top;
  if (block.subarray(0, zeros).some((byte) => byte !== 0) || block[zeros] !== 1) return false;
  return equalBytes(hash.hash(concatBytes(new Uint8Array(8), digest, block.subarray(zeros + 1))), seed);
}

/** MGF1 of RFC 8017. */
function generate(mask: HashInfo, seed: Uint8Array, size: number): Uint8Array {
  const parts: Uint8Array[] = [];
  let made = 0;
  for (let i = 0; made < size; i++) {
    const part = mask.hash(concatBytes(seed, Uint8Array.of(i >>> 24, i >>> 16, i >>> 8, i)));
    parts.push(part);
    made += part.length;
  }
  return concatBytes(...parts).slice(0, size);
}

function pssParameters(algorithm: Algorithm): PssParameters | null {
  return algorithm.params === null ? null : readPss(algorithm.params);
}

interface PssParameters {
  readonly hash: HashInfo;
  readonly mask: HashInfo;
  readonly salt: number;
}

/** The parameters of RSASSA-PSS (RFC 4055, section 3.1); null for hashes not known here. Throws `stamp.rfc3161.der`. */
function readPss(node: der.Node): PssParameters | null {
  const fields = new der.Fields(node);
  const [hash, mask, salt, trailer] = [0, 1, 2, 3].map((n) => {
    const field = fields.optional(der.context(n));
    return field && der.inside(field);
  });
  fields.end();
  if (trailer !== undefined) der.natural(trailer);
  const length = salt === undefined ? 20n : der.natural(salt);
  if (length > 0xffffn) der.fail('a salt that is too long');
  let maskHash: HashInfo | null = SHA1;
  if (mask !== undefined) {
    const [name, of, ...more] = der.children(der.expect(mask, der.SEQUENCE));
    maskHash = der.oid(name) === MGF1 && more.length === 0 ? namedHash(of) : null;
  }
  const named = hash === undefined ? SHA1 : namedHash(hash);
  return named === null || maskHash === null ? null : { hash: named, mask: maskHash, salt: Number(length) };
}

function namedHash(node: der.Node | undefined): HashInfo | null {
  return hashOf(der.oid(der.children(der.expect(node, der.SEQUENCE))[0]));
}

/** signature^exponent mod modulus, as long as the modulus; null where the signature is no number below it. */
function opened(key: RsaKey, signature: Uint8Array): Uint8Array | null {
  if (signature.length !== key.bytes) return null;
  const value = der.unsigned(signature);
  if (value >= key.modulus) return null;
  return fromHex(power(value, key.exponent, key.modulus).toString(16).padStart(2 * key.bytes, '0'));
}

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  for (const bit of exponent.toString(2)) {
    result = (result * result) % modulus;
    if (bit === '1') result = (result * base) % modulus;
  }
  return result;
}

export function verifyEcdsa(key: EcKey, hash: HashInfo, data: Uint8Array, signature: Uint8Array): boolean {
  const compact = compactSignature(signature, key.curve.Point.Fn.BYTES);
  if (compact === null) return false;
  try {
    return key.curve.verify(compact, hash.hash(data), key.point, { prehash: false, lowS: false, format: 'compact' });
  } catch {
    return false;
  }
}

/** r and s of a signature in strict DER, each of so many bytes; null where it is none. */
function compactSignature(signature: Uint8Array, size: number): Uint8Array | null {
  try {
    const fields = new der.Fields(der.readAll(signature, der.SEQUENCE));
    const numbers = [der.natural(fields.next()), der.natural(fields.next())].map((n) => n.toString(16).padStart(2 * size, '0'));
    fields.end();
    return numbers.some((text) => text.length > 2 * size) ? null : fromHex(numbers.join(''));
  } catch (error) {
    if (error instanceof ArchiveError) return null;
    throw error;
  }
}

function verifyEd25519(point: Uint8Array, data: Uint8Array, signature: Uint8Array): boolean {
  try {
    return ed25519.verify(signature, data, point, { zip215: false });
  } catch {
    return false;
  }
}

function encodeOid(dotted: string): Uint8Array {
  const [first, second, ...rest] = dotted.split('.').map(Number) as [number, number, ...number[]];
  const bytes: number[] = [];
  for (const number of [40 * first + second, ...rest]) {
    const digits = [number & 0x7f];
    for (let left = Math.floor(number / 128); left > 0; left = Math.floor(left / 128)) digits.unshift((left & 0x7f) | 0x80);
    bytes.push(...digits);
  }
  return der.encode(der.OID, Uint8Array.from(bytes));
}
