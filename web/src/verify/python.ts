/** Where a report shows what Python's `str` and `repr` show: the two verifiers' reports are the same text. */

// What str.strip, str.isspace and str.isprintable of Unicode 14 and later go by.
const SPACE = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/u;
const UNPRINTABLE = /[\p{C}\p{Z}]/u;

export function isSpace(character: string): boolean {
  return SPACE.test(character);
}

/** True when text holds nothing but white space. */
export function isBlank(text: string): boolean {
  for (const character of text) if (!SPACE.test(character)) return false;
  return true;
}

export function isPrintable(text: string): boolean {
  for (const character of text) if (character !== ' ' && UNPRINTABLE.test(character)) return false;
  return true;
}

/** The first so many characters, a pair of surrogates being one. */
export function clip(text: string, limit: number): string {
  return text.length <= limit ? text : [...text].slice(0, limit).join('');
}

export function countCharacters(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

export function str(value: unknown): string {
  return typeof value === 'string' ? value : repr(value);
}

export function repr(value: unknown): string {
  if (value === null || value === undefined) return 'None';
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (typeof value === 'string') return quoted(value);
  if (Array.isArray(value)) return `[${value.map(repr).join(', ')}]`;
  if (typeof value === 'object') {
    return `{${Object.entries(value).map(([key, item]) => `${quoted(key)}: ${repr(item)}`).join(', ')}}`;
  }
  return String(value);
}

function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  let out = '';
  for (const character of text) {
    if (character === quote || character === '\\') out += '\\' + character;
    else if (character === '\n') out += '\\n';
    else if (character === '\r') out += '\\r';
    else if (character === '\t') out += '\\t';
    else if (isPrintable(character)) out += character;
    else out += escaped(character);
  }
  return quote + out + quote;
}

function escaped(character: string): string {
  const code = character.codePointAt(0)!;
  if (code < 0x100) return '\\x' + code.toString(16).padStart(2, '0');
  if (code < 0x10000) return '\\u' + code.toString(16).padStart(4, '0');
  return '\\U' + code.toString(16).padStart(8, '0');
}

/** 1234567 as `1,234,567`. */
export function thousands(value: number | bigint): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** Of a list, each once, in the order in which they first stand. */
export function unique<T>(items: Iterable<T>): T[] {
  return [...new Set(items)];
}

/** The order of Python's text: by code points. JavaScript's own is by UTF-16 units. */
export function compareText(a: string, b: string): number {
  const one = [...a];
  const two = [...b];
  for (let i = 0; i < one.length && i < two.length; i++) {
    const difference = one[i]!.codePointAt(0)! - two[i]!.codePointAt(0)!;
    if (difference !== 0) return difference;
  }
  return one.length - two.length;
}

/** The largest by a number, the first of equals; undefined of none. */
export function maxBy<T>(items: Iterable<T>, value: (item: T) => number): T | undefined {
  let best: T | undefined;
  let most = -Infinity;
  for (const item of items) {
    const this_ = value(item);
    if (this_ > most) {
      best = item;
      most = this_;
    }
  }
  return best;
}

export function minBy<T>(items: Iterable<T>, value: (item: T) => number): T | undefined {
  return maxBy(items, (item) => -value(item));
}
