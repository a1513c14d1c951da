/** Bytes that can be read at any place, and from a place on: a Blob or File of the browser, or bytes in memory. */
import { ArchiveError } from '../errors.ts';

export interface ByteSource {
  readonly size: number;
  /** The bytes from `start` up to `end`; fewer only where the source ends, or has shrunk. */
  read(start: number, end: number): Promise<Uint8Array>;
  /** The bytes from `start` on, as a stream that takes buffers, where the browser has such; else null. */
  stream?(start: number): ReadableStreamBYOBReader | null;
}

/** A file that was changed, moved or locked since it was chosen cannot be read any more: `package.unreadable`. */
export function blobSource(blob: Blob): ByteSource {
  return {
    size: blob.size,
    read: async (start, end) => new Uint8Array(await readable(() => blob.slice(start, end).arrayBuffer())),
    stream: (start) => {
      try {
        return blob.slice(start).stream().getReader({ mode: 'byob' });
      } catch {
        return null;
      }
    },
  };
}

export function bytesSource(bytes: Uint8Array): ByteSource {
  return { size: bytes.length, read: async (start, end) => bytes.subarray(start, end) };
}

export function sourceOf(file: Blob | ByteSource): ByteSource {
  return file instanceof Blob ? blobSource(file) : file;
}

async function readable<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const name = error instanceof Error ? error.name : 'unknown';
    const hint = 'it was changed, moved or locked since it was chosen: choose it again';
    throw new ArchiveError('package.unreadable', `the file cannot be read (${name})`, hint);
  }
}

/**
 * Buffers that are used again and again. Browsers free what is thrown away late: a file read into new buffers costs
 * hundreds of megabytes.
 */
export class Pool {
  readonly #free: ArrayBuffer[] = [];
  readonly #asked: ((buffer: ArrayBuffer) => void)[] = [];
  readonly bytes: number;
  #left: number;

  constructor(bytes: number, count: number) {
    this.bytes = bytes;
    this.#left = count;
  }

  /** A buffer, as soon as one is free. */
  async take(): Promise<ArrayBuffer> {
    const free = this.#free.pop();
    if (free) return free;
    if (this.#left > 0) {
      this.#left -= 1;
      return new ArrayBuffer(this.bytes);
    }
    return new Promise((resolve) => this.#asked.push(resolve));
  }

  give(buffer: ArrayBuffer): void {
    const first = this.#asked.shift();
    if (first) first(buffer);
    else this.#free.push(buffer);
  }
}

/**
 * A source from `start` to its end, in pieces of the pool's size, the last one shorter; the next is read meanwhile. Each
 * fills the beginning of a buffer of the pool: give that back when done with it.
 */
export async function* pieces(source: ByteSource, pool: Pool, start = 0): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const reader = source.stream?.(start) ?? null;
  let at = start;
  const fill = async (): Promise<Uint8Array<ArrayBuffer>> => {
    const buffer = await pool.take();
    if (reader) return readable(() => fillFrom(reader, buffer));
    const end = Math.min(at + buffer.byteLength, source.size);
    const data = at < end ? await source.read(at, end) : new Uint8Array(0);
    // Fewer bytes than asked for: nothing more comes.
    at = data.length < end - at ? source.size : end;
    const piece = new Uint8Array(buffer, 0, data.length);
    piece.set(data);
    return piece;
  };
  let next = fill();
  try {
    for (;;) {
      const piece = await next;
      if (piece.length === 0) {
        pool.give(piece.buffer);
        return;
      }
      next = fill();
      // It may fail before its turn comes: it is awaited then.
      next.catch(() => undefined);
      yield piece;
    }
  } finally {
    await reader?.cancel().catch(() => undefined);
  }
}

async function fillFrom(reader: ReadableStreamBYOBReader, buffer: ArrayBuffer): Promise<Uint8Array<ArrayBuffer>> {
  let whole = buffer;
  let filled = 0;
  while (filled < whole.byteLength) {
    // The buffer goes into the stream and comes out as another object.
    const { value, done } = await reader.read(new Uint8Array(whole, filled, whole.byteLength - filled));
    if (!value) return new Uint8Array(0);
    whole = value.buffer as ArrayBuffer;
    filled += value.length;
    if (done) break;
  }
  return new Uint8Array(whole, 0, filled);
}

/** A gap that is read over rather than jumped. */
const GAP_BYTES = 256 * 1024;

/** Reads that mostly go forward: through a stream where one follows on another, by themselves where they jump. */
export class Forward {
  readonly #source: ByteSource;
  readonly #pieceBytes: number;
  readonly #onRead: (bytes: number) => void;
  #pool: Pool;
  #pieces: AsyncGenerator<Uint8Array<ArrayBuffer>> | undefined;
  #piece: Uint8Array<ArrayBuffer> | undefined;
  #pieceAt = 0;
  #end = 0;
  #joined = new Uint8Array(0);

  /** `onRead` is told how many bytes each read from the source brought. */
  constructor(source: ByteSource, pieceBytes: number, onRead: (bytes: number) => void = () => undefined) {
    this.#source = source;
    this.#pieceBytes = pieceBytes;
    this.#onRead = onRead;
    this.#pool = new Pool(pieceBytes, 3);
  }

  /** So many bytes from a place on, to use before the next call; fewer where the source ends. */
  async read(start: number, length: number): Promise<Uint8Array> {
    const follows = start >= this.#end && start <= this.#end + GAP_BYTES;
    this.#end = start + length;
    const held = this.#piece?.length ?? 0;
    const isNear = this.#pieces && start >= this.#pieceAt && start <= this.#pieceAt + held + GAP_BYTES;
    if (!isNear) {
      if (!follows) return this.readAlone(start, length);
      await this.#open(start);
    }
    let filled = 0;
    while (filled < length) {
      const from = start + filled - this.#pieceAt;
      if (from >= (this.#piece?.length ?? 0)) {
        if (!(await this.#next())) break;
        continue;
      }
      const part = this.#piece!.subarray(from, from + length - filled);
      if (part.length === length) return part;
      if (this.#joined.length < length) this.#joined = new Uint8Array(length);
      this.#joined.set(part, filled);
      filled += part.length;
    }
    return this.#joined.subarray(0, filled);
  }

  /** The same by a read of its own, for single things far from each other; it stays as it is. */
  async readAlone(start: number, length: number): Promise<Uint8Array> {
    const data = await this.#source.read(start, Math.min(start + length, this.#source.size));
    this.#onRead(data.length);
    return data;
  }

  async close(): Promise<void> {
    const open = this.#pieces;
    this.#pieces = undefined;
    this.#piece = undefined;
    await open?.return(undefined);
  }

  async #open(start: number): Promise<void> {
    await this.close();
    // A new one: a stream that was left off keeps a buffer.
    this.#pool = new Pool(this.#pieceBytes, 3);
    this.#pieces = pieces(this.#source, this.#pool, start);
    this.#pieceAt = start;
  }

  async #next(): Promise<boolean> {
    if (this.#piece) {
      this.#pieceAt += this.#piece.length;
      this.#pool.give(this.#piece.buffer);
      this.#piece = undefined;
    }
    const { value } = await this.#pieces!.next();
    if (!value) return false;
    this.#piece = value;
    this.#onRead(value.length);
    return true;
  }
}
