import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';

export { bytesToHex, concatBytes, utf8ToBytes } from '@noble/hashes/utils.js';

const HEX = /^(?:[0-9a-f]{2})*$/;

/** Bytes of lower-case hex digits without a prefix; null where it is no such text. */
export function fromHex(text: string): Uint8Array | null {
  return HEX.test(text) ? hexToBytes(text) : null;
}

/** Bytes of `0x` and lower-case hex digits; null where it is no such text. */
export function from0x(text: string): Uint8Array | null {
  return text.startsWith('0x') ? fromHex(text.slice(2)) : null;
}

export function to0x(bytes: Uint8Array): string {
  return '0x' + bytesToHex(bytes);
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** The order of byte strings: first difference decides, a prefix comes first. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const common = Math.min(a.length, b.length);
  for (let i = 0; i < common; i++) {
    const difference = a[i]! - b[i]!;
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
