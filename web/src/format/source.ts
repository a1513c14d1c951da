import { ArchiveError } from '../errors.ts';

/** Bytes that can be read at any place: a Blob or File of the browser, or bytes in memory. */
export interface ByteSource {
  readonly size: number;
  /** The bytes from `start` up to `end`; fewer only where the source ends, or has shrunk. */
  read(start: number, end: number): Promise<Uint8Array>;
}

/** A file that was changed, moved or locked since it was chosen cannot be read any more: `package.unreadable`. */
export function blobSource(blob: Blob): ByteSource {
  return {
    size: blob.size,
    read: async (start, end) => {
      try {
        return new Uint8Array(await blob.slice(start, end).arrayBuffer());
      } catch (error) {
        const name = error instanceof Error ? error.name : 'unknown';
        const hint = 'it was changed, moved or locked since it was chosen: choose it again';
        throw new ArchiveError('package.unreadable', `the file cannot be read (${name})`, hint);
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

/** Reads under way at once: one is used while the others come. */
const READS_AHEAD = 3;

/** What the makers give, in their order, with the next few under way already. */
export async function* ahead<T>(makers: Iterable<() => Promise<T>>, count = READS_AHEAD): AsyncGenerator<T> {
  const waiting: Promise<T>[] = [];
  try {
    for (const make of makers) {
      const next = make();
      // It may fail before its turn comes: it is awaited then, and no unhandled rejection until then.
      next.catch(() => undefined);
      waiting.push(next);
      if (waiting.length > count) yield await waiting.shift()!;
    }
    while (waiting.length > 0) yield await waiting.shift()!;
  } finally {
    await Promise.allSettled(waiting);
  }
}

/** A source from its start to its end, in pieces of `bytes` each, the last one shorter. */
export function pieces(source: ByteSource, bytes: number): AsyncGenerator<Uint8Array> {
  function* makers(): Generator<() => Promise<Uint8Array>> {
    for (let start = 0; start < source.size; start += bytes) {
      yield () => source.read(start, Math.min(start + bytes, source.size));
    }
  }
  return ahead(makers());
}
