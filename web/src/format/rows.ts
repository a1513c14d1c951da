/**
 * Lines of a withheld table, committed to one by one (docs/format.md, section 6).
 *
 * A record is a line: the bytes up to the next 0x0A, without it, or up to the end of the file. An empty rest after the
 * last 0x0A is no record; a 0x0D before it belongs to the record.
 */
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, concatBytes, utf8ToBytes } from '../bytes.ts';
import { ArchiveError } from '../errors.ts';
import { MAX_LINE_BYTES, MAX_ROWS } from './limits.ts';
import { TreeBuilder, leafHash } from './merkle.ts';
import { derive } from './seal.ts';

const LINE_FEED = 0x0a;
const KEY_BYTES = 32;

/** The tree over the lines of a file: its root, 64 hex digits, and how many there are. */
export interface Rows {
  readonly root: string;
  readonly count: number;
}

/** The key of one table's salts, 32 bytes; throws `seal.seed`. */
export function rowKey(seed: Uint8Array, revision: number, id: string): Uint8Array {
  return derive('IA1-row', seed, revision, id);
}

/** HMAC-SHA256(key, decimal index), 32 bytes: to know one says nothing about another. */
export function rowSalt(key: Uint8Array, index: number): Uint8Array {
  return hmac(sha256, key, utf8ToBytes(String(index)));
}

/** SHA-256(0x00 ‖ salt ‖ record); throws `rows.salt`. */
export function rowLeaf(salt: Uint8Array, record: Uint8Array): Uint8Array {
  if (salt.length !== KEY_BYTES) fail('salt', `a salt has ${salt.length} bytes, not ${KEY_BYTES}`);
  return leafHash(concatBytes(salt, record));
}

/** The tree over the lines of a file that comes in pieces. Throws `rows.too_long`, `.too_many`, `.empty`. */
export class RowsHasher {
  readonly #start: ReturnType<typeof hmac.create>;
  readonly #tree = new TreeBuilder();
  // The pieces of a line whose end has not come, and their bytes.
  #open: Uint8Array[] = [];
  #openBytes = 0;

  constructor(key: Uint8Array) {
    this.#start = hmac.create(sha256, key);
  }

  update(piece: Uint8Array): void {
    let from = 0;
    for (let end = piece.indexOf(LINE_FEED); end >= 0; end = piece.indexOf(LINE_FEED, from)) {
      this.#extend(piece.subarray(from, end));
      this.#close();
      from = end + 1;
    }
    // Copied: the caller may use its buffer again.
    if (from < piece.length) this.#extend(piece.slice(from));
  }

  finish(): Rows {
    if (this.#openBytes > 0) this.#close();
    if (this.#tree.count === 0) fail('empty', 'the file has no lines to commit to');
    return { root: bytesToHex(this.#tree.root()), count: this.#tree.count };
  }

  #extend(part: Uint8Array): void {
    this.#openBytes += part.length;
    if (this.#openBytes > MAX_LINE_BYTES) fail('too_long', `a line has more than ${MAX_LINE_BYTES} bytes`);
    this.#open.push(part);
  }

  #close(): void {
    if (this.#tree.count >= MAX_ROWS) fail('too_many', `more than ${MAX_ROWS} lines`);
    const salt = this.#start.clone().update(utf8ToBytes(String(this.#tree.count))).digest();
    this.#tree.add(rowLeaf(salt, concatBytes(...this.#open)));
    this.#open = [];
    this.#openBytes = 0;
  }
}

function fail(rule: string, message: string): never {
  throw new ArchiveError(`rows.${rule}`, message);
}
