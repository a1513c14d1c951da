/** SHA-256: in one go, streamed, and as fast as the browser can. */
import { sha256 as noble } from '@noble/hashes/sha2.js';

/** SHA-256 of bytes in memory, 32 bytes. For things that are small; files go through `hash/file.ts`. */
export function sha256(data: Uint8Array): Uint8Array {
  return noble(data);
}

export interface Sha256 {
  update(data: Uint8Array): void;
  /** 32 bytes; nothing may follow. */
  digest(): Uint8Array;
}

/** A streamed SHA-256. */
export function createSha256(): Sha256 {
  return noble.create();
}

/** SHA-256 of bytes in memory by the browser's own code, on another thread, where it has that (secure contexts). */
export async function sha256Async(data: Uint8Array): Promise<Uint8Array> {
  const subtle = globalThis.crypto?.subtle;
  return subtle ? new Uint8Array(await subtle.digest('SHA-256', data as Uint8Array<ArrayBuffer>)) : sha256(data);
}
