/**
 * As much of an assembler for WebAssembly as the kernel of SHA-256 needs: one function, one memory, i32 and v128. The
 * module is put together when the page loads, so there is no compiled file that would have to be believed.
 *
 * Encoding: https://webassembly.github.io/spec/core/binary/ . Operand stack order: operands first, then the operation.
 */
export type Code = number[];

const I32 = 0x7f;
const V128 = 0x7b;
const EMPTY_BLOCK = 0x40;
/** Opcodes of the SIMD extension follow this byte. */
const SIMD = 0xfd;

export function unsigned(value: number): Code {
  const out: Code = [];
  let rest = value >>> 0;
  for (; rest >= 0x80; rest >>>= 7) out.push((rest & 0x7f) | 0x80);
  return [...out, rest];
}

export function signed(value: number): Code {
  const out: Code = [];
  for (let rest = value | 0; ; rest >>= 7) {
    const low = rest & 0x7f;
    if (rest >> 6 === 0 || rest >> 6 === -1) return [...out, low];
    out.push(low | 0x80);
  }
}

const binary = (opcode: number) => (a: Code, b: Code): Code => [...a, ...b, opcode];
const simdBinary = (opcode: number) => (a: Code, b: Code): Code => [...a, ...b, SIMD, ...unsigned(opcode)];
const simdShift = (opcode: number) => (a: Code, bits: number): Code => [...a, ...i32(bits), SIMD, ...unsigned(opcode)];

export const get = (local: number): Code => [0x20, ...unsigned(local)];
export const set = (local: number, value: Code): Code => [...value, 0x21, ...unsigned(local)];
export const tee = (local: number, value: Code): Code => [...value, 0x22, ...unsigned(local)];
export const i32 = (value: number): Code => [0x41, ...signed(value)];

export const add = binary(0x6a);
export const sub = binary(0x6b);
export const and = binary(0x71);
export const xor = binary(0x73);
export const rotateRight = (a: Code, bits: number): Code => binary(0x78)(a, i32(bits));
/** Alignment is a hint of the format: 2^2 bytes for words, 2^0 for vectors that may stand anywhere. */
export const load = (address: Code, offset: number): Code => [...address, 0x28, 2, ...unsigned(offset)];
export const store = (address: Code, offset: number, value: Code): Code => [
  ...address, ...value, 0x36, 2, ...unsigned(offset),
];

export const loadVector = (address: Code, offset: number): Code => [...address, SIMD, 0x00, 0, ...unsigned(offset)];
export const storeVector = (address: Code, offset: number, value: Code): Code => [
  ...address, ...value, SIMD, 0x0b, 0, ...unsigned(offset),
];
export const shuffle = (a: Code, b: Code, lanes: readonly number[]): Code => [...a, ...b, SIMD, 0x0d, ...lanes];
export const addVector = simdBinary(0xae);
export const xorVector = simdBinary(0x51);
export const orVector = simdBinary(0x50);
export const shiftLeftVector = simdShift(0xab);
export const shiftRightVector = simdShift(0xad);

export const isZero = (a: Code): Code => [...a, 0x45];
/** `leave` inside them: out of the block, or back to the start of the loop; depth 0 is the innermost. */
export const block = (body: Code): Code => [0x02, EMPTY_BLOCK, ...body, 0x0b];
export const loop = (body: Code): Code => [0x03, EMPTY_BLOCK, ...body, 0x0b];
export const leave = (depth: number): Code => [0x0c, depth];
export const leaveIf = (condition: Code, depth: number): Code => [...condition, 0x0d, depth];
export const when = (condition: Code, body: Code): Code => [...condition, 0x04, EMPTY_BLOCK, ...body, 0x0b];

export interface Kernel {
  readonly name: string;
  /** Numbered from 0: first the parameters (i32), then locals of i32, then of v128. Locals begin as zero. */
  readonly parameters: number;
  readonly words: number;
  readonly vectors: number;
  readonly body: Code;
}

/** A module that exports the function under its name, and its memory of that many pages as `memory`. */
export function assemble(kernel: Kernel, pages: number): Uint8Array<ArrayBuffer> {
  const text = (value: string): Code => [...unsigned(value.length), ...new TextEncoder().encode(value)];
  const list = (items: Code[]): Code => [...unsigned(items.length), ...items.flat()];
  const sized = (code: Code): Code => [...unsigned(code.length), ...code];
  const section = (id: number, content: Code): Code => [id, ...sized(content)];
  const type = [0x60, ...list(Array.from({ length: kernel.parameters }, () => [I32])), 0];
  const locals = list([[...unsigned(kernel.words), I32], [...unsigned(kernel.vectors), V128]]);
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, list([type])),
    ...section(3, list([[0]])),
    ...section(5, list([[1, ...unsigned(pages), ...unsigned(pages)]])),
    ...section(7, list([[...text(kernel.name), 0, 0], [...text('memory'), 2, 0]])),
    ...section(10, list([sized([...locals, ...kernel.body, 0x0b])])),
  ]);
}
