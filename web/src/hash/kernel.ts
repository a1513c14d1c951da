/**
 * SHA-256 (FIPS 180-4) over whole blocks, for WebAssembly with vectors.
 *
 * The rounds of a block need those of the block before; its message schedule does not. So the schedules of four blocks
 * are made together, one block in each lane of a vector, and the rounds of the four follow one after the other.
 *
 * A page with a strict Content-Security-Policy must allow this with `script-src … 'wasm-unsafe-eval'` (of the worker
 * too); without it `hash/sha256.ts` goes on in JavaScript, several times slower.
 */
import {
  type Code, add, addVector, and, assemble, doWhile, get, i32, load, loadVector, orVector, rotateRight, set,
  shiftLeftVector, shiftRightVector, shuffle, store, storeVector, sub, tee, xor, xorVector,
} from './wasm.ts';

export const BLOCK_BYTES = 64;
/** The kernel takes so many blocks at once. */
export const GROUP_BYTES = 4 * BLOCK_BYTES;
const VECTOR_BYTES = 16;
const PAGE_BYTES = 64 * 1024;

// The memory: state of 8 words · one vector with four times the constant of each round · schedule plus constant, one
// vector for each round with one block in each lane · the data.
export const STATE_AT = 0;
export const CONSTANTS_AT = 64;
const SCHEDULE_AT = CONSTANTS_AT + 64 * VECTOR_BYTES;
export const DATA_AT = 4096;
export const DATA_BYTES = 1024 * 1024;

function primes(count: number): number[] {
  const found: number[] = [];
  for (let n = 2; found.length < count; n++) if (found.every((prime) => n % prime !== 0)) found.push(n);
  return found;
}

/** The first 32 bits of the fraction of a root of each prime. Exact: of a 64-bit float 53 bits are known, 3 + 32 used. */
const fractions = (values: number[], root: (value: number) => number): Uint32Array =>
  Uint32Array.from(values, (value) => Math.floor((root(value) % 1) * 2 ** 32));

export const INITIAL_STATE = fractions(primes(8), Math.sqrt);
export const CONSTANTS = fractions(primes(64), Math.cbrt);

// Parameters and locals of the function: data, groups; words; vectors.
const DATA = 0;
const GROUPS = 1;
const LANE = 2;
const STATE = 3;
const STATE_BEFORE = STATE + 8;
const TEMP = STATE_BEFORE + 8;
const MAJ = TEMP + 1;
const WORDS = MAJ + 2 - LANE;
const SCHEDULE = LANE + WORDS;
const VECTORS = 16 + 4;

/** `compress(data, groups)` takes up `groups` times four blocks into the state; groups ≥ 1. */
export function kernelModule(): Uint8Array<ArrayBuffer> {
  const states = Array.from({ length: 8 }, (_, i) => i);
  const body: Code = [
    ...states.flatMap((i) => set(STATE + i, load(i32(STATE_AT), 4 * i))),
    ...doWhile(
      [
        ...schedules(),
        ...set(LANE, i32(0)),
        ...doWhile(
          [
            ...states.flatMap((i) => set(STATE_BEFORE + i, get(STATE + i))),
            ...rounds(),
            ...states.flatMap((i) => set(STATE + i, add(get(STATE + i), get(STATE_BEFORE + i)))),
          ],
          sub(tee(LANE, add(get(LANE), i32(4))), i32(VECTOR_BYTES)),
        ),
        ...set(DATA, add(get(DATA), i32(GROUP_BYTES))),
      ],
      tee(GROUPS, sub(get(GROUPS), i32(1))),
    ),
    ...states.flatMap((i) => store(i32(STATE_AT), 4 * i, get(STATE + i))),
  ];
  const pages = Math.ceil((DATA_AT + DATA_BYTES) / PAGE_BYTES);
  return assemble({ name: 'compress', parameters: 2, words: WORDS, vectors: VECTORS, body }, pages);
}

// ---------------------------------------------------------------- schedule

const word = (t: number) => SCHEDULE + (t % 16);
const TEMP_VECTOR = SCHEDULE + 16;
const bytesOfWords = (...words: number[]) => words.flatMap((w) => [4 * w, 4 * w + 1, 4 * w + 2, 4 * w + 3]);
const REVERSED_WORDS = [0, 1, 2, 3].flatMap((w) => [4 * w + 3, 4 * w + 2, 4 * w + 1, 4 * w]);

function schedules(): Code {
  const code: Code = [];
  for (let t = 0; t < 16; t += 4) code.push(...readWords(t));
  for (let t = 0; t < 64; t++) {
    if (t >= 16) {
      const sum = addVector(addVector(get(word(t)), get(word(t - 7))), smallSigma0(word(t - 15)));
      code.push(...set(word(t), addVector(sum, smallSigma1(word(t - 2)))));
    }
    const at = t * VECTOR_BYTES;
    code.push(...storeVector(i32(0), SCHEDULE_AT + at, addVector(get(word(t)), loadVector(i32(0), CONSTANTS_AT + at))));
  }
  return code;
}

/** Words t to t+3 of the four blocks, turned from one block in a vector to one block in each lane. */
function readWords(t: number): Code {
  const rows = [0, 1, 2, 3].map((block) => loadVector(get(DATA), block * BLOCK_BYTES + 4 * t));
  const temp = (i: number) => TEMP_VECTOR + i;
  const low = bytesOfWords(0, 4, 1, 5);
  const high = bytesOfWords(2, 6, 3, 7);
  const code: Code = rows.flatMap((row, i) => set(word(t + i), row));
  code.push(...set(temp(0), shuffle(get(word(t)), get(word(t + 1)), low)));
  code.push(...set(temp(1), shuffle(get(word(t + 2)), get(word(t + 3)), low)));
  code.push(...set(temp(2), shuffle(get(word(t)), get(word(t + 1)), high)));
  code.push(...set(temp(3), shuffle(get(word(t + 2)), get(word(t + 3)), high)));
  const pairs = [
    [0, 1, bytesOfWords(0, 1, 4, 5)], [0, 1, bytesOfWords(2, 3, 6, 7)],
    [2, 3, bytesOfWords(0, 1, 4, 5)], [2, 3, bytesOfWords(2, 3, 6, 7)],
  ] as const;
  pairs.forEach(([a, b, lanes], i) => {
    const turned = shuffle(get(temp(a)), get(temp(b)), lanes);
    // Big-endian in the message: tee and get, since one operand stands for both sides of the shuffle.
    code.push(...set(word(t + i), shuffle(tee(word(t + i), turned), get(word(t + i)), REVERSED_WORDS)));
  });
  return code;
}

const rotateVector = (x: Code, bits: number) => orVector(shiftRightVector(x, bits), shiftLeftVector(x, 32 - bits));
const sigma = (local: number, a: number, b: number, shift: number): Code =>
  xorVector(
    xorVector(rotateVector(get(local), a), rotateVector(get(local), b)),
    shiftRightVector(get(local), shift),
  );
const smallSigma0 = (local: number) => sigma(local, 7, 18, 3);
const smallSigma1 = (local: number) => sigma(local, 17, 19, 10);

// ---------------------------------------------------------------- rounds

function rounds(): Code {
  const code: Code = [];
  // a xor b of a round is b xor c of the next: kept, it saves an operation of the majority.
  code.push(...set(MAJ, xor(get(STATE + 1), get(STATE + 2))));
  for (let t = 0; t < 64; t++) {
    // The eight variables move on by one place each round; here their names do.
    const [a, b, c, d, e, f, g, h] = Array.from({ length: 8 }, (_, i) => STATE + ((i + 64 - t) % 8)) as [
      number, number, number, number, number, number, number, number,
    ];
    void c;
    const now = MAJ + ((t + 1) % 2);
    const before = MAJ + (t % 2);
    const choice = xor(get(g), and(get(e), xor(get(f), get(g))));
    const scheduled = add(get(h), load(get(LANE), SCHEDULE_AT + t * VECTOR_BYTES));
    code.push(...set(TEMP, add(add(scheduled, choice), bigSigma(e, 6, 11, 25))));
    code.push(...set(d, add(get(d), get(TEMP))));
    const majority = xor(get(b), and(tee(now, xor(get(a), get(b))), get(before)));
    code.push(...set(h, add(add(get(TEMP), majority), bigSigma(a, 2, 13, 22))));
  }
  return code;
}

/** The three rotations one inside the other: fewer instructions where a rotation needs a copy first. */
function bigSigma(local: number, first: number, second: number, third: number): Code {
  const inner = xor(rotateRight(get(local), third - second), get(local));
  return rotateRight(xor(rotateRight(inner, second - first), get(local)), first);
}
