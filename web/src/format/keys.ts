/** What goes on chain (docs/format.md, section 9). */
import { keccak_256 } from '@noble/hashes/sha3.js';
import { concatBytes, utf8ToBytes } from '../bytes.ts';
import { leafHash } from './merkle.ts';

/** keccak256 of the incident's id. */
export function incidentKey(incident: string): Uint8Array {
  return keccak_256(utf8ToBytes(incident));
}

/** The leaf of a package in a batch: SHA-256(0x00 ‖ "IA1-batch" ‖ incident key ‖ root ‖ content digest). */
export function batchLeaf(key: Uint8Array, root: Uint8Array, contentDigest: Uint8Array): Uint8Array {
  return leafHash(concatBytes(utf8ToBytes('IA1-batch'), key, root, contentDigest));
}
