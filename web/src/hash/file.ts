/**
 * What a package knows of a file: SHA-256 of the whole and UnixFS CID, in one streaming pass. Run it in a worker: the
 * thread that runs it is busy. Memory is a few pieces of 4 MiB, whatever the file's size. A large file takes a second
 * worker, made from a `blob:` address: a page with a Content-Security-Policy allows it with `worker-src blob:`, and is
 * slower else.
 */
import { bytesToHex } from '../bytes.ts';
import { ArchiveError } from '../errors.ts';
import { RAW, cidOf, cidText, digestOf, isRaw, rawCid } from '../format/cid.ts';
import { Pool, pieces, sourceOf, type ByteSource } from '../format/source.ts';
import { CHUNK_BYTES, FileBuilder } from '../format/unixfs.ts';
import { BLOCK_BYTES } from './kernel.ts';
import { createSha256, kernelStart, resumeSha256, sha256, sha256Async, type Sha256 } from './sha256.ts';
import { HashThread } from './thread.ts';

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
/** From here on a thread of its own pays for its start. */
const LARGE_BYTES = 32 * CHUNK_BYTES;
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
  const isLarge = source.size >= LARGE_BYTES && source.stream !== undefined;
  const pool = new Pool(Math.min(READ_BYTES, Math.max(source.size, 1)), isLarge ? 6 : 2);
  const thread = isLarge ? await openThread(pool) : null;
  try {
    return await hashPieces(source, pool, thread, options);
  } finally {
    thread?.close();
  }
}

async function openThread(pool: Pool): Promise<HashThread | null> {
  const kernel = kernelStart();
  return kernel && HashThread.open(kernel.module, kernel.start, (buffer) => pool.give(buffer));
}

async function hashPieces(
  source: ByteSource, pool: Pool, thread: HashThread | null, options: HashOptions,
): Promise<FileDigest> {
  const chunks = new Chunks();
  // A file of one chunk is its own block: one hash is both.
  const local = thread || source.size <= CHUNK_BYTES ? null : createSha256();
  const reading = pieces(source, pool);
  let done = 0;
  let tail = new Uint8Array(0);
  try {
    for (;;) {
      const { value: piece } = await (thread ? Promise.race([reading.next(), thread.broken]) : reading.next());
      if (!piece) break;
      options.signal?.throwIfAborted();
      options.onData?.(piece);
      done += piece.length;
      await chunks.add(piece);
      if (thread) {
        const whole = piece.length - (piece.length % BLOCK_BYTES);
        // Only the last piece has one.
        tail = piece.slice(whole);
        thread.update(piece.buffer, whole);
      } else {
        local?.update(piece);
        pool.give(piece.buffer);
      }
      options.onProgress?.(done, source.size);
    }
    if (done !== source.size) {
      throw new ArchiveError(
        'package.changed_while_read', 'the file changed while it was being read',
        'close the program that writes it, then choose the file again',
      );
    }
    const rest = thread ? resumeSha256(await thread.state(), done - tail.length) : local;
    rest?.update(tail);
    return await chunks.finish(rest);
  } finally {
    // Not waited for: what it waits for may be a buffer that a broken thread has.
    void reading.return(undefined).catch(() => undefined);
  }
}

/** The same, fed by hand with pieces of any length. Await each call before the next. */
export class FileHasher {
  readonly #chunks = new Chunks();
  readonly #whole = createSha256();

  async update(piece: Uint8Array): Promise<void> {
    await this.#chunks.add(piece);
    this.#whole.update(piece);
  }

  async finish(): Promise<FileDigest> {
    return this.#chunks.finish(this.#whole);
  }
}

/** The chunks of a file, hashed by the browser on threads of its own. */
class Chunks {
  readonly #builder = new FileBuilder();
  /** The chunk that is not full yet, when it came in more than one piece. */
  #open: Uint8Array<ArrayBuffer> | undefined;
  #openBytes = 0;
  readonly #waiting: { readonly digest: Promise<Uint8Array>; readonly size: number }[] = [];

  /** Takes up a piece of any length; the bytes may be used again after the call has returned. */
  async add(piece: Uint8Array): Promise<void> {
    for (let at = 0; at < piece.length; ) {
      const part = piece.subarray(at, at + CHUNK_BYTES - this.#openBytes);
      if (part.length === CHUNK_BYTES) this.#hash(part);
      else this.#collect(part);
      at += part.length;
      while (this.#waiting.length > CHUNKS_AHEAD) await this.#take();
    }
  }

  /** With the hash of the whole, or null when it is known that there is one chunk at most. */
  async finish(whole: Sha256 | null): Promise<FileDigest> {
    if (this.#open && this.#openBytes > 0) this.#hash(this.#open.subarray(0, this.#openBytes));
    while (this.#waiting.length > 0) await this.#take();
    const root = this.#builder.finish();
    const digest = whole ? whole.digest() : digestOf(root.cid);
    return { size: this.#builder.size, sha256: bytesToHex(digest), cid: cidText(root.cid), tsize: root.tsize };
  }

  #collect(part: Uint8Array): void {
    this.#open ??= new Uint8Array(CHUNK_BYTES);
    this.#open.set(part, this.#openBytes);
    this.#openBytes += part.length;
    if (this.#openBytes < CHUNK_BYTES) return;
    this.#hash(this.#open);
    this.#openBytes = 0;
  }

  /** The browser copies the bytes within the call. */
  #hash(data: Uint8Array): void {
    const digest = sha256Async(data);
    // It may fail before its turn comes: it is awaited then.
    digest.catch(() => undefined);
    this.#waiting.push({ digest, size: data.length });
  }

  async #take(): Promise<void> {
    const { digest, size } = this.#waiting.shift()!;
    this.#builder.addChunk(cidOf(RAW, await digest), size);
  }
}
