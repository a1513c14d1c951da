/** The Merkle tree of RFC 9162 §2.1 with SHA-256 (docs/format.md, section 3). All hashes are 32 raw bytes. */
import { ArchiveError } from '../errors.ts';
import { sha256 } from '../hash/sha256.ts';

export const HASH_BYTES = 32;

/** SHA-256(0x00 ‖ data). */
export function leafHash(data: Uint8Array): Uint8Array {
  const message = new Uint8Array(1 + data.length);
  message.set(data, 1);
  return sha256(message);
}

/** SHA-256(0x01 ‖ left ‖ right). */
export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  const message = new Uint8Array(1 + 2 * HASH_BYTES);
  message[0] = 1;
  message.set(left, 1);
  message.set(right, 1 + HASH_BYTES);
  return sha256(message);
}

/** The root over leaf hashes (not leaf data). The root of no leaves is SHA-256 of nothing, as in the RFC. */
export function merkleRoot(leaves: readonly Uint8Array[]): Uint8Array {
  checkHashes(leaves);
  let level = leaves;
  while (level.length > 1) level = nextLevel(level);
  return level[0] ?? sha256(new Uint8Array(0));
}

/** The sibling hashes from leaf `index` up to the root (§2.1.3.1); throws `merkle.index`, `.hash_size`. */
export function inclusionPath(leaves: readonly Uint8Array[], index: number): Uint8Array[] {
  checkHashes(leaves);
  checkIndex(index, leaves.length);
  const path: Uint8Array[] = [];
  let level = leaves;
  for (let node = index; level.length > 1; node >>>= 1) {
    const sibling = level[node ^ 1];
    if (sibling) path.push(sibling);
    level = nextLevel(level);
  }
  return path;
}

/**
 * The root that a leaf hash and its inclusion path lead to (§2.1.3.2); the caller compares it with a root it trusts.
 * Throws `merkle.index`, `.path_length`, `.hash_size`.
 */
export function rootFromPath(leaf: Uint8Array, index: number, count: number, path: readonly Uint8Array[]): Uint8Array {
  checkIndex(index, count);
  checkHashes([leaf, ...path]);
  let current = leaf;
  // Plain arithmetic: a table may have 2^40 lines, more than bit operations hold.
  let node = index;
  let last = count - 1;
  const up = () => {
    node = Math.floor(node / 2);
    last = Math.floor(last / 2);
  };
  for (const sibling of path) {
    if (last === 0) throw new ArchiveError('merkle.path_length', 'inclusion path is too long');
    if (node % 2 === 1 || node === last) {
      current = nodeHash(sibling, current);
      while (node % 2 === 0 && node !== 0) up();
    } else {
      current = nodeHash(current, sibling);
    }
    up();
  }
  if (last !== 0) throw new ArchiveError('merkle.path_length', 'inclusion path is too short');
  return current;
}

/** The root over leaves that come one by one, holding one hash per level. */
export class TreeBuilder {
  // The peaks of the tree so far, highest first.
  readonly #peaks: { height: number; hash: Uint8Array }[] = [];
  count = 0;

  add(leaf: Uint8Array): void {
    let height = 0;
    let hash = leaf;
    for (let peak = this.#peaks.at(-1); peak && peak.height === height; peak = this.#peaks.at(-1)) {
      this.#peaks.pop();
      hash = nodeHash(peak.hash, hash);
      height += 1;
    }
    this.#peaks.push({ height, hash });
    this.count += 1;
  }

  root(): Uint8Array {
    const peaks = this.#peaks.map((peak) => peak.hash);
    return peaks.length === 0 ? sha256(new Uint8Array(0)) : peaks.reduceRight((right, left) => nodeHash(left, right));
  }
}

// Pairing level by level and lifting an odd last node unchanged gives the RFC's split at the largest power of two.
function nextLevel(level: readonly Uint8Array[]): Uint8Array[] {
  const next: Uint8Array[] = [];
  for (let i = 0; i < level.length; i += 2) {
    const right = level[i + 1];
    next.push(right ? nodeHash(level[i]!, right) : level[i]!);
  }
  return next;
}

function checkIndex(index: number, count: number): void {
  if (!(Number.isSafeInteger(index) && index >= 0 && index < count)) {
    throw new ArchiveError('merkle.index', `leaf ${index} of a tree of ${count} leaves`);
  }
}

function checkHashes(hashes: readonly Uint8Array[]): void {
  if (hashes.some((hash) => hash.length !== HASH_BYTES)) {
    throw new ArchiveError('merkle.hash_size', 'a hash in the tree is not 32 bytes long');
  }
}
