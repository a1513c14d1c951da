/** What format 1 needs of Unicode 14.0, whatever version the browser has. Built from the tables when first needed. */
import { ASSIGNED_RUNS, FOLD_MANY, FOLD_RUNS } from './unicode_tables.ts';

const NOT_ASCII = /[^\x00-\x7f]/;

const numbers = (text: string): number[] => text.trim().split(/\s+/).map((word) => parseInt(word, 36));

// Where a run of assigned code points ends and one of unassigned begins, and so on alternately.
let borders: Uint32Array | undefined;
let folds: Map<string, string> | undefined;

/** The first code point of a text that Unicode 14.0 does not assign (general category Cn), or null. */
export function firstUnassigned(text: string): number | null {
  if (!NOT_ASCII.test(text)) return null;
  for (const character of text) {
    const code = character.codePointAt(0)!;
    if (code > 0x7f && !isAssigned(code)) return code;
  }
  return null;
}

function isAssigned(code: number): boolean {
  borders ??= readBorders();
  let low = 0;
  let high = borders.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (borders[middle]! <= code) low = middle + 1;
    else high = middle;
  }
  return low % 2 === 0;
}

/** NFD(casefold(NFD(text))): equal for two texts that differ in case or Unicode form only (D145, full case folding). */
export function caselessFold(text: string): string {
  if (!NOT_ASCII.test(text)) return text.toLowerCase();
  folds ??= readFolds();
  let folded = '';
  for (const character of text.normalize('NFD')) folded += folds.get(character) ?? character;
  return folded.normalize('NFD');
}

function readBorders(): Uint32Array {
  let end = 0;
  return Uint32Array.from(numbers(ASSIGNED_RUNS), (length) => (end += length));
}

function readFolds(): Map<string, string> {
  const table = new Map<string, string>();
  const runs = numbers(FOLD_RUNS);
  for (let i = 0; i < runs.length; i += 4) {
    const [first, count, step, distance] = runs.slice(i, i + 4) as [number, number, number, number];
    for (let k = 0; k < count; k++) {
      const code = first + k * step;
      table.set(String.fromCodePoint(code), String.fromCodePoint(code + distance));
    }
  }
  for (const entry of FOLD_MANY.split(';')) {
    const [from, ...to] = numbers(entry);
    if (to.length > 0) table.set(String.fromCodePoint(from!), String.fromCodePoint(...to));
  }
  return table;
}
