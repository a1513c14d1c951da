/** Salts and commitments of withheld evidence (docs/format.md, section 6). */
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, concatBytes, utf8ToBytes } from '../bytes.ts';
import { ArchiveError } from '../errors.ts';
import { sha256 } from '../hash/sha256.ts';
import * as canonical from './canonical.ts';
import type { EvidenceEntry } from './entries.ts';

const SEED_BYTES = 32;

/** HMAC-SHA256(seed, label ‖ 0x00 ‖ decimal revision ‖ 0x00 ‖ id), 32 bytes; throws `seal.seed`. */
export function derive(label: string, seed: Uint8Array, revision: number, id: string): Uint8Array {
  if (seed.length !== SEED_BYTES) throw new ArchiveError('seal.seed', `a seed has ${seed.length} bytes, not 32`);
  return hmac(nobleSha256, seed, utf8ToBytes(`${label}\0${revision}\0${id}`));
}

/** The salt of a withheld item; throws `seal.seed`. */
export function salt(seed: Uint8Array, revision: number, id: string): Uint8Array {
  return derive('IA1-salt', seed, revision, id);
}

/** SHA-256(0x02 ‖ salt ‖ JCS(full entry)), 64 hex digits; throws `seal.salt`. */
export function commitment(salt32: Uint8Array, entry: EvidenceEntry): string {
  if (salt32.length !== SEED_BYTES) throw new ArchiveError('seal.salt', `a salt has ${salt32.length} bytes, not 32`);
  return bytesToHex(sha256(concatBytes(Uint8Array.of(2), salt32, canonical.dumps(entry))));
}
