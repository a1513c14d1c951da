/** SHA-256: in one go, and streamed. */
import { sha256 as noble } from '@noble/hashes/sha2.js';

/** SHA-256 of bytes in memory, 32 bytes. For things that are small; files go through `hash/file.ts`. */
export function sha256(data: Uint8Array): Uint8Array {
  return noble(data);
}
