/**
 * SHA-256 (FIPS 180-4) over whole blocks, for WebAssembly with vectors.
 *
 * The rounds of a block need those of the block before; its message schedule does not. So the schedules of four blocks
 * are made together, one block in each lane of a vector; and they are made while the rounds of the four blocks before
 * run, step by step between them, since a processor has other units for vectors than for words.
 *
 * A page with a strict Content-Security-Policy must allow this with `script-src … 'wasm-unsafe-eval'` (of the worker
 * too); without it `hash/sha256.ts` goes on in JavaScript, several times slower.
 */
import {
  type Code, add, addVector, and, assemble, block, get, i32, isZero, leave, leaveIf, load, loadVector, loop, orVector,
  rotateRight, set, shiftLeftVector, shiftRightVector, shuffle, store, storeVector, sub, tee, when, xor, xorVector,
} from './wasm.ts';

export const BLOCK_BYTES = 64;
/** Blocks whose schedules are made together. */
const LANES = 4;
const ROUNDS = 64;
const WORD_BYTES = 4;
const VECTOR_BYTES = 16;
const PAGE_BYTES = 64 * 1024;
/** One vector for each round, with one block in each lane. */
const SCHEDULE_BYTES = ROUNDS * VECTOR_BYTES;

// The memory: the state, 8 words · for each round a vector with its constant four times · two schedules (words plus
// constants), of which one is used and one made · the data, and after it room for a group that is read and not used.
export const STATE_AT = 0;
export const CONSTANTS_AT = 64;
const SCHEDULES_AT = 2048;
export const DATA_AT = SCHEDULES_AT + 2 * SCHEDULE_BYTES;
export const DATA_BYTES = 1024 * 1024;
const MEMORY_BYTES = DATA_AT + DATA_BYTES + 2 * LANES * BLOCK_BYTES;

function primes(count: number): number[] {
  const found: number[] = [];
  for (let n = 2; found.length < count; n++) if (found.every((prime) => n % prime !== 0)) found.push(n);
  return found;
}

/** The first 32 bits of the fraction of a root of each prime; a float has 53 bits, and the roots are below 2^5. */
const fractions = (count: number, root: (prime: number) => number): Uint32Array =>
  Uint32Array.from(primes(count), (prime) => Math.floor((root(prime) % 1) * 2 ** 32));

export const INITIAL_STATE = fractions(8, Math.sqrt);
export const CONSTANTS = fractions(ROUNDS, Math.cbrt);

// Parameters and locals of the function.
const DATA = 0;
const BLOCKS = 1;
/** Where the words of this block stand: in the schedule that is used, the first vector, its lane. */
const USED = 2;
const MADE = 3;
const CONSTANT = 4;
const LEFT = 5;
const STARTED = 6;
const STATE = 7;
const BEFORE = STATE + 8;
const DIFFERENCE = BEFORE + 8;
const FIRST_VECTOR = DIFFERENCE + 2;
const TURNED = FIRST_VECTOR + 16;

const STATES = [0, 1, 2, 3, 4, 5, 6, 7];

/** A module with `compress(data, blocks)`, which takes up that many blocks, one at least, into the state. */
export function kernelModule(): Uint8Array<ArrayBuffer> {
  const body: Code = [
    // The first turn makes the first schedule; its rounds run over nothing, and what they give is dropped.
    ...set(BLOCKS, add(get(BLOCKS), i32(LANES))),
    ...set(MADE, i32(SCHEDULES_AT)),
    ...set(USED, i32(SCHEDULES_AT + SCHEDULE_BYTES)),
    ...block(
      loop([
        ...oneBlock(readWords()),
        ...leaveIf(lastBlock(), 1),
        ...set(CONSTANT, i32(CONSTANTS_AT)),
        ...set(LEFT, i32(LANES - 1)),
        ...loop([
          ...set(CONSTANT, add(get(CONSTANT), i32(16 * VECTOR_BYTES))),
          ...set(MADE, add(get(MADE), i32(16 * VECTOR_BYTES))),
          ...set(USED, add(get(USED), i32(WORD_BYTES))),
          ...oneBlock(extendWords()),
          ...leaveIf(lastBlock(), 2),
          ...leaveIf(tee(LEFT, sub(get(LEFT), i32(1))), 0),
        ]),
        ...when(isZero(get(STARTED)), [
          ...STATES.flatMap((i) => set(STATE + i, load(i32(STATE_AT), WORD_BYTES * i))),
          ...set(STARTED, i32(1)),
        ]),
        ...set(DATA, add(get(DATA), i32(LANES * BLOCK_BYTES))),
        // The two schedules change places, each back at its start.
        ...set(LEFT, sub(get(MADE), i32((LANES - 1) * 16 * VECTOR_BYTES))),
        ...set(MADE, sub(get(USED), i32((LANES - 1) * WORD_BYTES))),
        ...set(USED, get(LEFT)),
        ...leave(0),
      ]),
    ),
    ...STATES.flatMap((i) => store(i32(STATE_AT), WORD_BYTES * i, get(STATE + i))),
  ];
  const words = FIRST_VECTOR - USED;
  const pages = Math.ceil(MEMORY_BYTES / PAGE_BYTES);
  return assemble({ name: 'compress', parameters: 2, words, vectors: 16 + 4, body }, pages);
}

const lastBlock = (): Code => isZero(tee(BLOCKS, sub(get(BLOCKS), i32(1))));

/** The rounds of one block, with a step of the next schedule after each of the first. */
function oneBlock(steps: readonly Code[]): Code {
  const code: Code = [];
  code.push(...STATES.flatMap((i) => set(BEFORE + i, get(STATE + i))));
  // a xor b of a round is b xor c of the next: kept, it saves an operation.
  code.push(...set(DIFFERENCE, xor(get(STATE + 1), get(STATE + 2))));
  for (let t = 0; t < ROUNDS; t++) code.push(...round(t), ...(steps[t] ?? []));
  code.push(...STATES.flatMap((i) => set(STATE + i, add(get(STATE + i), get(BEFORE + i)))));
  return code;
}

// ---------------------------------------------------------------- rounds

/** Order and form of these were chosen by measuring: others are the same to SHA-256 and up to a third slower. */
function round(t: number): Code {
  // The eight variables move on by one place each round; here their names do. c is only met as `before`.
  const place = (i: number) => STATE + ((i + ROUNDS - t) % 8);
  const [a, b, d, e, f, g, h] = [place(0), place(1), place(3), place(4), place(5), place(6), place(7)] as const;
  const now = DIFFERENCE + ((t + 1) % 2);
  const before = DIFFERENCE + (t % 2);
  const choice = xor(get(g), and(get(e), xor(get(f), get(g))));
  const majority = xor(get(b), and(tee(now, xor(get(a), get(b))), get(before)));
  return [
    ...set(h, add(get(h), load(get(USED), t * VECTOR_BYTES))),
    ...set(h, add(get(h), choice)),
    ...set(h, add(get(h), xor(xor(rotateRight(get(e), 6), rotateRight(get(e), 11)), rotateRight(get(e), 25)))),
    ...set(d, add(get(d), get(h))),
    // Rotations by 2, 13 and 22, one inside the other.
    ...set(h, add(get(h), rotateRight(xor(rotateRight(xor(rotateRight(get(a), 9), get(a)), 11), get(a)), 2))),
    ...set(h, add(get(h), majority)),
  ];
}

// ---------------------------------------------------------------- schedule

const word = (t: number) => FIRST_VECTOR + (t % 16);
const lanes = (...words: number[]) => words.flatMap((w) => [4 * w, 4 * w + 1, 4 * w + 2, 4 * w + 3]);
const BIG_ENDIAN = [0, 1, 2, 3].flatMap((w) => [4 * w + 3, 4 * w + 2, 4 * w + 1, 4 * w]);

/** Steps to words 0 to 15 of four blocks: read with a block in each vector, turned to a block in each lane. */
function readWords(): Code[] {
  const steps: Code[] = [];
  for (let t = 0; t < 16; t += 4) {
    const [w0, w1, w2, w3] = [word(t), word(t + 1), word(t + 2), word(t + 3)] as const;
    [w0, w1, w2, w3].forEach((w, i) => steps.push(set(w, loadVector(get(DATA), i * BLOCK_BYTES + WORD_BYTES * t))));
    steps.push(
      set(TURNED, shuffle(get(w0), get(w1), lanes(0, 4, 1, 5))),
      set(TURNED + 1, shuffle(get(w2), get(w3), lanes(0, 4, 1, 5))),
      set(TURNED + 2, shuffle(get(w0), get(w1), lanes(2, 6, 3, 7))),
      set(TURNED + 3, shuffle(get(w2), get(w3), lanes(2, 6, 3, 7))),
    );
    for (let i = 0; i < 4; i++) {
      const from = TURNED + 2 * (i >> 1);
      const turned = shuffle(get(from), get(from + 1), i % 2 === 0 ? lanes(0, 1, 4, 5) : lanes(2, 3, 6, 7));
      const w = word(t + i);
      // A shuffle takes two vectors; here both are the same.
      steps.push(set(w, shuffle(tee(w, turned), get(w), BIG_ENDIAN)), keep(t + i, i32(CONSTANTS_AT)));
    }
  }
  return steps;
}

/** Steps to the next 16 words, each in the place of the word 16 before; every fourth step is empty, to spread them. */
function extendWords(): Code[] {
  const steps: Code[] = [];
  for (let t = 0; t < 16; t++) {
    const w = word(t);
    steps.push(
      set(w, addVector(addVector(get(w), get(word(t + 9))), sigma(word(t + 1), 7, 18, 3))),
      set(w, addVector(get(w), sigma(word(t + 14), 17, 19, 10))),
      keep(t, get(CONSTANT)),
      [],
    );
  }
  return steps;
}

const keep = (t: number, constants: Code): Code =>
  storeVector(get(MADE), t * VECTOR_BYTES, addVector(get(word(t)), loadVector(constants, t * VECTOR_BYTES)));

const rotateVector = (x: Code, bits: number) => orVector(shiftRightVector(x, bits), shiftLeftVector(x, 32 - bits));

function sigma(local: number, first: number, second: number, shift: number): Code {
  const rotated = xorVector(rotateVector(get(local), first), rotateVector(get(local), second));
  return xorVector(rotated, shiftRightVector(get(local), shift));
}
