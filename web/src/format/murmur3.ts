/**
 * murmur3-x64-64: the first 64 bits of MurmurHash3_x64_128 with seed 0, big-endian, as UnixFS HAMTs use it. Austin
 * Appleby's algorithm, in the public domain.
 */
const MASK = 0xffffffffffffffffn;
const C1 = 0x87c37b91114253d5n;
const C2 = 0x4cf5ad432745937fn;

const rotate = (value: bigint, bits: bigint) => ((value << bits) | (value >> (64n - bits))) & MASK;
const mix1 = (k: bigint) => (rotate((k * C1) & MASK, 31n) * C2) & MASK;
const mix2 = (k: bigint) => (rotate((k * C2) & MASK, 33n) * C1) & MASK;

function finish(value: bigint): bigint {
  value ^= value >> 33n;
  value = (value * 0xff51afd7ed558ccdn) & MASK;
  value ^= value >> 33n;
  value = (value * 0xc4ceb9fe1a85ec53n) & MASK;
  return value ^ (value >> 33n);
}

/** 8 bytes: byte d chooses the slot of a name in a shard at depth d. */
export function murmur3x64(data: Uint8Array): Uint8Array {
  // Filled up with zeros to whole blocks: a zero word leaves the hash as it is, which is what the tail rule comes to.
  const padded = new Uint8Array(Math.ceil(data.length / 16) * 16);
  padded.set(data);
  const view = new DataView(padded.buffer);
  const whole = data.length - (data.length % 16);
  let h1 = 0n;
  let h2 = 0n;
  for (let at = 0; at < padded.length; at += 16) {
    h1 ^= mix1(view.getBigUint64(at, true));
    if (at < whole) h1 = ((rotate(h1, 27n) + h2) * 5n + 0x52dce729n) & MASK;
    h2 ^= mix2(view.getBigUint64(at + 8, true));
    if (at < whole) h2 = ((rotate(h2, 31n) + h1) * 5n + 0x38495ab5n) & MASK;
  }
  h1 ^= BigInt(data.length);
  h2 ^= BigInt(data.length);
  h1 = (h1 + h2) & MASK;
  h2 = (h2 + h1) & MASK;
  const result = new Uint8Array(8);
  new DataView(result.buffer).setBigUint64(0, finish(h1) + finish(h2));
  return result;
}
