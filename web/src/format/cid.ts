/** CIDs of format 1 (docs/format.md, section 7): inside the code their 36 bytes, in JSON base32 text of 59 characters. */
import { ArchiveError } from '../errors.ts';
import { sha256 } from '../hash/sha256.ts';
import { excerpt } from './canonical.ts';

export const RAW = 0x55;
export const DAG_PB = 0x70;
export const CID_BYTES = 36;

const TEXT = /^b[a-z2-7]{58}$/;
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';

/** The CID of a block with this SHA-256, of 32 bytes. */
export function cidOf(codec: typeof RAW | typeof DAG_PB, digest: Uint8Array): Uint8Array {
  const cid = new Uint8Array(CID_BYTES);
  cid.set([1, codec, 0x12, 0x20]);
  cid.set(digest, 4);
  return cid;
}

export const rawCid = (data: Uint8Array): Uint8Array => cidOf(RAW, sha256(data));
export const dagPbCid = (block: Uint8Array): Uint8Array => cidOf(DAG_PB, sha256(block));
export const digestOf = (cid: Uint8Array): Uint8Array => cid.subarray(4);
export const isRaw = (cid: Uint8Array): boolean => cid[1] === RAW;

/** `bafkrei…` or `bafybei…`. */
export function cidText(cid: Uint8Array): string {
  let text = 'b';
  let bits = 0;
  let held = 0;
  for (const byte of cid) {
    held = ((held << 8) | byte) & 0xfff;
    for (bits += 8; bits >= 5; bits -= 5) text += ALPHABET[(held >> (bits - 5)) & 31];
  }
  return bits > 0 ? text + ALPHABET[(held << (5 - bits)) & 31] : text;
}

/** The 36 bytes of a CID in its one text form; throws `cid.syntax`, `cid.unsupported`. */
export function parseCid(text: unknown): Uint8Array {
  if (typeof text !== 'string' || !TEXT.test(text)) {
    fail('syntax', `not a base32 CIDv1 of 59 characters: ${excerpt(String(text), 80)}`);
  }
  const cid = new Uint8Array(CID_BYTES);
  let at = 0;
  let bits = 0;
  let held = 0;
  for (const character of text.slice(1)) {
    held = ((held << 5) | ALPHABET.indexOf(character)) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      cid[at++] = held >> bits;
    }
  }
  // 58 characters hold two bits more than 36 bytes have.
  if ((held & 3) !== 0) fail('syntax', `not the canonical form of a CID: ${text}`);
  if (cid[0] !== 1 || (cid[1] !== RAW && cid[1] !== DAG_PB) || cid[2] !== 0x12 || cid[3] !== 0x20) {
    fail('unsupported', `${text} is not CIDv1 with SHA-256 and codec raw or dag-pb`);
  }
  return cid;
}

/** The 32 bytes of a content id that go on chain; throws as `parseCid`, and `cid.not_directory` for a raw CID. */
export function contentDigest(contentId: string): Uint8Array {
  const cid = parseCid(contentId);
  if (isRaw(cid)) fail('not_directory', `${contentId} names a single chunk, not a package directory`);
  return digestOf(cid);
}

/** The content id whose digest is on chain. */
export function contentIdOfDigest(digest: Uint8Array): string {
  if (digest.length !== 32) fail('syntax', `a content digest has ${digest.length} bytes, not 32`);
  return cidText(cidOf(DAG_PB, digest));
}

function fail(rule: string, message: string): never {
  throw new ArchiveError(`cid.${rule}`, message);
}
