/**
 * JSON of the reader's own files (trust file, policy), as Python's `archive.jsontext` reads it: UTF-8, at most 512 levels,
 * whole numbers and others told apart, and an object with the same key twice refused.
 */

/** A number with a point or an exponent, or too large to be exact: never what these files ask for. */
export class OtherNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export class JsonError extends Error {}
export class DuplicateKey extends Error {}

export type JsonValue = null | boolean | number | string | OtherNumber | JsonValue[] | JsonMap;
export type JsonMap = { [key: string]: JsonValue };

const MAX_DEPTH = 512;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const SPECIAL = /-?Infinity|NaN/y;
const SPACES = /[ \t\n\r]*/y;
const PLAIN = /[^"\\\x00-\x1f]*/y;

export function readJson(data: Uint8Array): JsonValue {
  try {
    return parseJson(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(data), false);
  } catch (error) {
    if (error instanceof TypeError) throw new JsonError('not UTF-8');
    throw error;
  }
}

/** `lastCounts`: of a key that is there twice the last value counts, as in evidence that others wrote. */
export function parseJson(text: string, lastCounts: boolean): JsonValue {
  return new Reader(text, lastCounts).whole();
}

class Reader {
  private at = 0;
  private readonly text: string;
  private readonly lastCounts: boolean;

  constructor(text: string, lastCounts: boolean) {
    this.text = text;
    this.lastCounts = lastCounts;
  }

  whole(): JsonValue {
    const value = this.value(0);
    this.skip();
    if (this.at !== this.text.length) throw this.wrong('something follows the value');
    return value;
  }

  private value(depth: number): JsonValue {
    if (depth > MAX_DEPTH) throw new JsonError(`nested deeper than ${MAX_DEPTH} levels`);
    this.skip();
    switch (this.text[this.at]) {
      case '{':
        return this.object(depth);
      case '[':
        return this.list(depth);
      case '"':
        return this.string();
      case 't':
        return this.word('true', true);
      case 'f':
        return this.word('false', false);
      case 'n':
        return this.word('null', null);
      default:
        return this.number();
    }
  }

  private object(depth: number): JsonMap {
    const found: JsonMap = Object.create(null) as JsonMap;
    this.at++;
    this.skip();
    if (this.text[this.at] === '}') {
      this.at++;
      return found;
    }
    let twice = false;
    for (;;) {
      this.skip();
      if (this.text[this.at] !== '"') throw this.wrong('a key is expected');
      const key = this.string();
      this.skip();
      if (this.text[this.at++] !== ':') throw this.wrong('a colon is expected');
      const value = this.value(depth + 1);
      if (key in found) twice = true;
      found[key] = value;
      this.skip();
      const next = this.text[this.at++];
      if (next === '}') break;
      if (next !== ',') throw this.wrong('a comma is expected');
    }
    if (twice && !this.lastCounts) throw new DuplicateKey('an object has the same key twice');
    return found;
  }

  private list(depth: number): JsonValue[] {
    const found: JsonValue[] = [];
    this.at++;
    this.skip();
    if (this.text[this.at] === ']') {
      this.at++;
      return found;
    }
    for (;;) {
      found.push(this.value(depth + 1));
      this.skip();
      const next = this.text[this.at++];
      if (next === ']') return found;
      if (next !== ',') throw this.wrong('a comma is expected');
    }
  }

  private string(): string {
    let out = '';
    this.at++;
    for (;;) {
      PLAIN.lastIndex = this.at;
      const plain = PLAIN.exec(this.text)![0];
      out += plain;
      this.at += plain.length;
      const next = this.text[this.at++];
      if (next === '"') return out;
      if (next !== '\\') throw this.wrong('a string is not closed');
      out += this.escape();
    }
  }

  private escape(): string {
    const letter = this.text[this.at++] ?? '';
    const simple = { '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }[letter];
    if (simple !== undefined) return simple;
    const digits = this.text.slice(this.at, this.at + 4);
    if (letter !== 'u' || !/^[0-9a-fA-F]{4}$/.test(digits)) throw this.wrong('an escape is not known');
    this.at += 4;
    return String.fromCharCode(parseInt(digits, 16));
  }

  private number(): JsonValue {
    SPECIAL.lastIndex = this.at;
    const special = SPECIAL.exec(this.text);
    if (special !== null) {
      this.at += special[0].length;
      return new OtherNumber(special[0]);
    }
    NUMBER.lastIndex = this.at;
    const match = NUMBER.exec(this.text);
    if (match === null) throw this.wrong('a value is expected');
    this.at += match[0].length;
    const value = Number(match[0]);
    return /[.eE]/.test(match[0]) || !Number.isSafeInteger(value) ? new OtherNumber(match[0]) : value;
  }

  private word<T>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.at)) throw this.wrong('a value is expected');
    this.at += word.length;
    return value;
  }

  private skip(): void {
    SPACES.lastIndex = this.at;
    this.at += SPACES.exec(this.text)![0].length;
  }

  private wrong(what: string): JsonError {
    return new JsonError(`${what} at character ${this.at}`);
  }
}

export function isMap(value: unknown): value is JsonMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof OtherNumber);
}
