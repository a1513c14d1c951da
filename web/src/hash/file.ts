/** What a package knows of a file: SHA-256 of the whole and UnixFS CID, in one streaming pass. */
import { sha256 as noble } from '@noble/hashes/sha2.js';
import { bytesToHex, concatBytes } from '../bytes.ts';
import { RAW, cidOf, cidText, digestOf, isRaw, rawCid } from '../format/cid.ts';
import { blobSource, type ByteSource } from '../format/source.ts';
import { CHUNK_BYTES, FileBuilder } from '../format/unixfs.ts';
import { sha256 } from './sha256.ts';

/** Size in bytes, SHA-256 (64 hex digits), CID as text, bytes of the whole DAG. */
export interface FileDigest {
  readonly size: number;
  readonly sha256: string;
  readonly cid: string;
  readonly tsize: number;
}

export interface HashOptions {
  /** Bytes hashed so far, and in all; called about once for each read. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Gets each piece in order before it is hashed, to use within the call: for the lines of a table. */
  readonly onData?: (piece: Uint8Array) => void;
  readonly signal?: AbortSignal;
}

/** The digest of bytes in memory, at once. */
export function digestBytes(data: Uint8Array): FileDigest {
  const builder = new FileBuilder();
  for (let start = 0; start < data.length; start += CHUNK_BYTES) {
    const chunk = data.subarray(start, start + CHUNK_BYTES);
    builder.addChunk(rawCid(chunk), chunk.length);
  }
  const root = builder.finish();
  // A file of one chunk is its own block: one hash is both.
  const whole = isRaw(root.cid) ? digestOf(root.cid) : sha256(data);
  return { size: data.length, sha256: bytesToHex(whole), cid: cidText(root.cid), tsize: root.tsize };
}

/** The digest of a file of any size. Throws `package.changed_while_read` when it ends before its size; AbortError. */
export async function hashFile(file: Blob | ByteSource, options: HashOptions = {}): Promise<FileDigest> {
  const source = file instanceof Blob ? blobSource(file) : file;
  const hasher = new FileHasher();
  for (let start = 0; start < source.size; start += CHUNK_BYTES) {
    options.signal?.throwIfAborted();
    const piece = await source.read(start, Math.min(start + CHUNK_BYTES, source.size));
    options.onData?.(piece);
    await hasher.update(piece);
    options.onProgress?.(start + piece.length, source.size);
  }
  return hasher.finish();
}

/** The same, fed by hand with pieces of any length. Await each call before the next. */
export class FileHasher {
  readonly #builder = new FileBuilder();
  readonly #whole = noble.create();
  #open: Uint8Array[] = [];
  #openBytes = 0;

  async update(piece: Uint8Array): Promise<void> {
    this.#whole.update(piece);
    for (let at = 0; at < piece.length; ) {
      const part = piece.slice(at, at + CHUNK_BYTES - this.#openBytes);
      this.#open.push(part);
      this.#openBytes += part.length;
      at += part.length;
      if (this.#openBytes === CHUNK_BYTES) this.#chunk();
    }
  }

  async finish(): Promise<FileDigest> {
    if (this.#openBytes > 0) this.#chunk();
    const root = this.#builder.finish();
    const whole = this.#whole.digest();
    return { size: this.#builder.size, sha256: bytesToHex(whole), cid: cidText(root.cid), tsize: root.tsize };
  }

  #chunk(): void {
    const data = concatBytes(...this.#open);
    this.#builder.addChunk(cidOf(RAW, sha256(data)), data.length);
    this.#open = [];
    this.#openBytes = 0;
  }
}
