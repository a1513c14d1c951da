/**
 * What a package knows of a file: SHA-256 of the whole and UnixFS CID, in one streaming pass. Run it in a worker: the
 * thread that runs it is busy. Memory is a few pieces of 4 MiB, whatever the file's size.
 */
import { bytesToHex } from '../bytes.ts';
import { ArchiveError } from '../errors.ts';
import { RAW, cidOf, cidText, digestOf, isRaw, rawCid } from '../format/cid.ts';
import { pieces, sourceOf, type ByteSource } from '../format/source.ts';
import { CHUNK_BYTES, FileBuilder } from '../format/unixfs.ts';
import { createSha256, sha256, sha256Async } from './sha256.ts';

/** Size in bytes, SHA-256 (64 hex digits), CID as text, bytes of the whole DAG. */
export interface FileDigest {
  readonly size: number;
  readonly sha256: string;
  readonly cid: string;
  readonly tsize: number;
}

export interface HashOptions {
  /** Bytes hashed so far, and in all; called once for each piece that was read. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Gets each piece in order before it is hashed, to use within the call: for the lines of a table. */
  readonly onData?: (piece: Uint8Array) => void;
  readonly signal?: AbortSignal;
}

const READ_BYTES = 4 * CHUNK_BYTES;
/** Chunks that are being hashed on other threads at once. */
const CHUNKS_AHEAD = 8;

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

/**
 * The digest of a file of any size. Throws `package.changed_while_read` when it ends before its size,
 * `package.unreadable`; and AbortError.
 */
export async function hashFile(file: Blob | ByteSource, options: HashOptions = {}): Promise<FileDigest> {
  const source = sourceOf(file);
  const hasher = new FileHasher();
  let done = 0;
  for await (const piece of pieces(source, READ_BYTES)) {
    options.signal?.throwIfAborted();
    options.onData?.(piece);
    await hasher.update(piece);
    done += piece.length;
    options.onProgress?.(done, source.size);
  }
  if (done !== source.size) {
    throw new ArchiveError(
      'package.changed_while_read', 'the file changed while it was being read',
      'close the program that writes it, then choose the file again',
    );
  }
  return hasher.finish();
}

/** The same, fed by hand with pieces of any length. Await each call before the next. */
export class FileHasher {
  readonly #builder = new FileBuilder();
  readonly #whole = createSha256();
  /** The chunk that is not full yet, when it came in more than one piece. */
  #open: Uint8Array<ArrayBuffer> | undefined;
  #openBytes = 0;
  readonly #waiting: { readonly digest: Promise<Uint8Array>; readonly size: number }[] = [];

  async update(piece: Uint8Array): Promise<void> {
    for (let at = 0; at < piece.length; ) {
      const part = piece.subarray(at, at + CHUNK_BYTES - this.#openBytes);
      // Under way on another thread, while this one goes on with the whole.
      if (part.length === CHUNK_BYTES) this.#chunk(part);
      else this.#collect(part);
      this.#whole.update(part);
      at += part.length;
      while (this.#waiting.length > CHUNKS_AHEAD) await this.#take();
    }
  }

  async finish(): Promise<FileDigest> {
    if (this.#open && this.#openBytes > 0) this.#chunk(this.#open.subarray(0, this.#openBytes));
    while (this.#waiting.length > 0) await this.#take();
    const root = this.#builder.finish();
    const whole = bytesToHex(this.#whole.digest());
    return { size: this.#builder.size, sha256: whole, cid: cidText(root.cid), tsize: root.tsize };
  }

  #collect(part: Uint8Array): void {
    this.#open ??= new Uint8Array(CHUNK_BYTES);
    this.#open.set(part, this.#openBytes);
    this.#openBytes += part.length;
    if (this.#openBytes < CHUNK_BYTES) return;
    this.#chunk(this.#open);
    this.#openBytes = 0;
  }

  /** The browser copies the bytes within the call: they may be used again after it. */
  #chunk(data: Uint8Array): void {
    this.#waiting.push({ digest: sha256Async(data), size: data.length });
  }

  async #take(): Promise<void> {
    const { digest, size } = this.#waiting.shift()!;
    this.#builder.addChunk(cidOf(RAW, await digest), size);
  }
}
