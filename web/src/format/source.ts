/** Bytes that can be read at any place: a Blob or File of the browser, or bytes in memory. */
export interface ByteSource {
  readonly size: number;
  /** The bytes from `start` up to `end`; fewer only where the source ends, or has shrunk. */
  read(start: number, end: number): Promise<Uint8Array>;
}

export function blobSource(blob: Blob): ByteSource {
  return {
    size: blob.size,
    read: async (start, end) => new Uint8Array(await blob.slice(start, end).arrayBuffer()),
  };
}

export function bytesSource(bytes: Uint8Array): ByteSource {
  return { size: bytes.length, read: async (start, end) => bytes.subarray(start, end) };
}
