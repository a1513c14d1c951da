/** Unsigned LEB128 varints as protobuf and CAR use them, in their shortest form only. */
export const MAX_VARINT_BYTES = 9;

/** What is wrong with bytes that should be a varint or protobuf; those who call give it a code. */
export class WireError extends Error {}

export function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) length += 1;
  return length;
}

/** Writes a varint and returns the position after it. */
export function writeVarint(target: Uint8Array, at: number, value: number): number {
  let rest = value;
  while (rest >= 0x80) {
    target[at++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  target[at++] = rest;
  return at;
}

export function encodeVarint(value: number): Uint8Array {
  const bytes = new Uint8Array(varintLength(value));
  writeVarint(bytes, 0, value);
  return bytes;
}

/** The number, and the position after it. Above 2^53−1 it is rounded: too large for anything in a package. */
export function decodeVarint(data: Uint8Array, start: number): [value: number, next: number] {
  let value = 0;
  let scale = 1;
  for (let i = 0; i < MAX_VARINT_BYTES; i++) {
    const byte = data[start + i];
    if (byte === undefined) throw new WireError('varint is cut off');
    value += (byte & 0x7f) * scale;
    scale *= 0x80;
    if (byte < 0x80) {
      if (byte === 0 && i > 0) throw new WireError('varint is not in shortest form');
      return [value, start + i + 1];
    }
  }
  throw new WireError('varint is too long');
}
