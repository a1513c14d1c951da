/**
 * Canonical JSON of format 1: RFC 8785, and stricter (docs/format.md, section 1).
 *
 * No fractions or exponents, integers within ±(2^53−1), text in NFC and of code points that Unicode 14.0 assigns. What
 * does not fit is refused, never rewritten. Objects that `loads` returns have no prototype: a key such as `constructor`
 * is there only when the text holds it.
 */
import { equalBytes } from '../bytes.ts';
import { ArchiveError } from '../errors.ts';
import { MAX_DEPTH } from './limits.ts';
import { firstUnassigned } from './unicode.ts';

export type Json = null | boolean | number | string | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json;
}

export interface ReadOptions {
  maxBytes: number;
  maxDepth?: number;
}

const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?/y;
const SPACE = /[ \t\n\r]*/y;
// What may stand in a string without an escape: no quote, no backslash, no C0 control.
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const HEX4 = /[0-9a-fA-F]{4}/y;
const CONSTANT = /NaN|-?Infinity/y;
const MAX_INTEGER_CHARACTERS = 17;
const ASCII = /^[\x00-\x7f]*$/;
const LONE_SURROGATE = /[\ud800-\udfff]/u;
const ESCAPES: Record<string, string> = { '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** The canonical bytes of a value; throws as `check`. */
export function dumps(value: unknown, maxDepth: number = MAX_DEPTH): Uint8Array {
  return encoder.encode(dumpsText(value, maxDepth));
}

/** The canonical text of a value; throws as `check`. */
export function dumpsText(value: unknown, maxDepth: number = MAX_DEPTH): string {
  check(value, maxDepth);
  const parts: string[] = [];
  write(value as Json, parts);
  return parts.join('');
}

/**
 * Throws what `dumps` would throw, without making the text: `canonical.float`, `.integer_range`, `.negative_zero`,
 * `.not_nfc`, `.unassigned`, `.surrogate`, `.type`, `.depth`.
 */
export function check(value: unknown, depthLeft: number = MAX_DEPTH): void {
  if (typeof value === 'string') {
    checkText(value);
  } else if (typeof value === 'number') {
    checkNumber(value);
  } else if (Array.isArray(value)) {
    if (depthLeft < 1) tooDeep();
    for (const item of value) check(item, depthLeft - 1);
  } else if (isObject(value)) {
    if (depthLeft < 1) tooDeep();
    for (const key of Object.keys(value)) {
      checkText(key);
      check(value[key], depthLeft - 1);
    }
  } else if (value !== null && typeof value !== 'boolean') {
    fail('type', `a ${typeof value} has no canonical JSON form`);
  }
}

/** `canonical.surrogate`, `.unassigned`, `.not_nfc`, in that order. */
export function checkText(text: string): void {
  if (ASCII.test(text)) return;
  if (LONE_SURROGATE.test(text)) fail('surrogate', `a lone surrogate in text ${excerpt(text)}`);
  // Before the NFC test: normalisation is the same under every Unicode version only for text assigned in 14.0.
  const found = firstUnassigned(text);
  if (found !== null) {
    const shown = found.toString(16).toUpperCase().padStart(4, '0');
    fail('unassigned', `code point U+${shown} is not assigned in Unicode 14.0, in text ${excerpt(text)}`);
  }
  if (text.normalize('NFC') !== text) fail('not_nfc', `text is not in NFC: ${excerpt(text)}`);
}

/**
 * Parses JSON strictly; the text need not be in canonical form (see `loadsCanonical`). Throws what `check` throws, and
 * `canonical.too_large`, `.bom`, `.encoding`, `.duplicate_key`, `.constant`, `.trailing`, `.syntax`.
 */
export function loads(data: Uint8Array, { maxBytes, maxDepth = MAX_DEPTH }: ReadOptions): Json {
  if (data.length > maxBytes) fail('too_large', `JSON of ${data.length} bytes; the limit is ${maxBytes}`);
  if (data[0] === 0xef && data[1] === 0xbb && data[2] === 0xbf) fail('bom', 'JSON starts with a byte order mark');
  let text: string;
  try {
    text = decoder.decode(data);
  } catch {
    fail('encoding', 'JSON is not UTF-8');
  }
  // Before all else that is wrong: what comes after must not go deeper than this.
  if (outline(data).depth > maxDepth) tooDeep();
  const value = new Parser(text).parse();
  check(value, maxDepth);
  return value;
}

/** How JSON is nested, of bytes that may be no JSON at all. */
export interface Outline {
  /** The deepest nesting of objects and lists. */
  readonly depth: number;
  /** More is opened than closed, or a string has no end. */
  readonly isOpen: boolean;
  /** The first byte that is not white space; 0 when there is none. */
  readonly first: number;
}

export function outline(data: Uint8Array): Outline {
  let deepest = 0;
  let depth = 0;
  let inString = false;
  let first = 0;
  for (let i = 0; i < data.length; i++) {
    const byte = data[i]!;
    if (inString) {
      if (byte === 0x5c) i += 1;
      else if (byte === 0x22) inString = false;
      continue;
    }
    if (byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d) continue;
    first ||= byte;
    if (byte === 0x22) inString = true;
    else if (byte === 0x7b || byte === 0x5b) deepest = Math.max(deepest, ++depth);
    else if (byte === 0x7d || byte === 0x5d) depth -= 1;
  }
  return { depth: deepest, isOpen: inString || depth > 0, first };
}

/** Parses JSON that must be its own canonical form, byte for byte; else `canonical.not_canonical`. */
export function loadsCanonical(data: Uint8Array, options: ReadOptions): Json {
  const value = loads(data, options);
  const parts: string[] = [];
  write(value, parts);
  if (!equalBytes(encoder.encode(parts.join('')), data)) {
    fail('not_canonical', 'JSON is valid but not in canonical form (RFC 8785)');
  }
  return value;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value of a key that the object itself has; what it inherits does not count. */
export function own(value: Record<string, unknown>, key: string): unknown {
  return Object.hasOwn(value, key) ? value[key] : undefined;
}

function write(value: Json, parts: string[]): void {
  if (Array.isArray(value)) {
    parts.push('[');
    for (let i = 0; i < value.length; i++) {
      if (i > 0) parts.push(',');
      write(value[i]!, parts);
    }
    parts.push(']');
  } else if (typeof value === 'object' && value !== null) {
    let before = '{';
    // Array.prototype.sort compares UTF-16 code units, as RFC 8785 asks.
    for (const key of Object.keys(value).sort()) {
      parts.push(before, JSON.stringify(key), ':');
      write(value[key]!, parts);
      before = ',';
    }
    parts.push(before === '{' ? '{}' : '}');
  } else {
    // JSON.stringify escapes exactly as RFC 8785 does, since that was taken from it.
    parts.push(JSON.stringify(value));
  }
}

/** A parser of its own: JSON.parse keeps the last of two equal keys, and turns `1.0` into an integer. */
class Parser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): Json {
    this.#space();
    const value = this.#value();
    this.#space();
    if (this.#at < this.#text.length) fail('trailing', `not JSON: more text after the value (position ${this.#at})`);
    return value;
  }

  #value(): Json {
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object();
      case '[':
        return this.#list();
      case '"':
        return this.#string();
      case 't':
        return this.#word('true', true);
      case 'f':
        return this.#word('false', false);
      case 'n':
        return this.#word('null', null);
      default:
        return this.#number();
    }
  }

  #object(): JsonObject {
    const result = Object.create(null) as JsonObject;
    let twice: string | undefined;
    this.#at += 1;
    this.#space();
    if (!this.#skip('}')) {
      do {
        this.#space();
        if (this.#text[this.#at] !== '"') this.#syntax('a key in quotes');
        const key = this.#string();
        if (key in result) twice ??= key;
        this.#space();
        if (!this.#skip(':')) this.#syntax("':'");
        this.#space();
        result[key] = this.#value();
        this.#space();
      } while (this.#skip(','));
      if (!this.#skip('}')) this.#syntax("',' or '}'");
    }
    if (twice !== undefined) fail('duplicate_key', `object key ${excerpt(twice)} occurs twice`);
    return result;
  }

  #list(): Json[] {
    const result: Json[] = [];
    this.#at += 1;
    this.#space();
    if (!this.#skip(']')) {
      do {
        this.#space();
        result.push(this.#value());
        this.#space();
      } while (this.#skip(','));
      if (!this.#skip(']')) this.#syntax("',' or ']'");
    }
    return result;
  }

  #string(): string {
    let result = '';
    this.#at += 1;
    for (;;) {
      result += this.#match(PLAIN)!;
      const next = this.#text[this.#at];
      this.#at += 1;
      if (next === '"') return result;
      if (next !== '\\') {
        this.#at -= 1;
        this.#syntax(next === undefined ? 'the end of a string' : 'no control character in a string');
      }
      const escape = this.#text[this.#at] ?? '';
      this.#at += 1;
      if (escape === 'u') {
        const digits = this.#match(HEX4);
        if (digits === null) this.#syntax('four hex digits');
        result += String.fromCharCode(parseInt(digits, 16));
      } else {
        const plain = Object.hasOwn(ESCAPES, escape) ? ESCAPES[escape] : undefined;
        if (plain === undefined) this.#syntax('an escape of JSON');
        result += plain;
      }
    }
  }

  #number(): number {
    if (this.#match(CONSTANT) !== null) fail('constant', 'NaN and Infinity are not JSON');
    NUMBER.lastIndex = this.#at;
    const found = NUMBER.exec(this.#text);
    if (found === null) this.#syntax('a value');
    const literal = found[0];
    this.#at += literal.length;
    if (found[1] !== undefined || found[2] !== undefined) fail('float', `a float (${literal.slice(0, 40)}) in JSON`);
    if (literal === '-0') fail('negative_zero', '-0 in JSON');
    if (literal.length > MAX_INTEGER_CHARACTERS) fail('integer_range', 'an integer is outside ±(2^53−1)');
    // Others are held against the range by `check`: Number() rounds, but never from outside the safe integers to one of them.
    return Number(literal);
  }

  #word<T extends Json>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) this.#syntax('a value');
    this.#at += word.length;
    return value;
  }

  #space(): void {
    SPACE.lastIndex = this.#at;
    SPACE.test(this.#text);
    this.#at = SPACE.lastIndex;
  }

  #skip(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #match(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found === null) return null;
    this.#at += found[0].length;
    return found[0];
  }

  #syntax(wanted: string): never {
    fail('syntax', `not JSON: expected ${wanted} at position ${this.#at}`);
  }
}

function checkNumber(value: number): void {
  if (Object.is(value, -0)) fail('negative_zero', '-0 in canonical JSON');
  if (!Number.isSafeInteger(value)) {
    if (Number.isInteger(value)) fail('integer_range', 'an integer is outside ±(2^53−1)');
    fail('float', `a float (${value}) in canonical JSON`);
  }
}

function tooDeep(): never {
  fail('depth', 'JSON is nested too deeply');
}

/** Text for a message, of ASCII only: what it holds may be made to mislead. */
export function excerpt(text: string, length = 60): string {
  const shown = text.length <= length ? text : text.slice(0, length) + '…';
  return JSON.stringify(shown).replace(/[^\x20-\x7e]/g, (c) => '\\u' + c.charCodeAt(0).toString(16).padStart(4, '0'));
}

function fail(rule: string, message: string): never {
  throw new ArchiveError(`canonical.${rule}`, message);
}
