import { concatBytes } from '../bytes.ts';
import { ArchiveError } from '../errors.ts';

// A strict reader of DER (X.690), as much of it as tokens, certificates, CRLs and OCSP answers need.

export const BOOLEAN = 0x01;
export const INTEGER = 0x02;
export const BIT_STRING = 0x03;
export const OCTET_STRING = 0x04;
export const NULL = 0x05;
export const OID = 0x06;
export const ENUMERATED = 0x0a;
export const UTC_TIME = 0x17;
export const GENERALIZED_TIME = 0x18;
export const SEQUENCE = 0x30;
export const SET = 0x31;
/** The tag of [n]: constructed, as explicit tags and implicit ones of lists are. */
export const context = (n: number): number => 0xa0 | n;
/** The tag of an implicit [n] over a value that holds no others. */
export const contextPrimitive = (n: number): number => 0x80 | n;

const MAX_CHILDREN = 256;
const MAX_OID_BYTES = 63;

/** One value: its tag byte, its content, and the whole of it with tag and length. */
export interface Node {
  readonly tag: number;
  readonly content: Uint8Array;
  readonly raw: Uint8Array;
}

export function fail(what: string): never {
  throw new ArchiveError('stamp.rfc3161.der', `time-stamp token: ${what}`);
}

function notDer(what: string): never {
  return fail(`not DER: ${what}`);
}

/** The first value and what follows it. Throws `stamp.rfc3161.der`. */
export function read(data: Uint8Array): [Node, Uint8Array] {
  if (data.length < 2) notDer('it ends in the middle of a value');
  const tag = data[0]!;
  let size = data[1]!;
  let start = 2;
  if ((tag & 0x1f) === 0x1f) notDer('a tag of more than one byte');
  if (size >= 0x80) {
    const count = size & 0x7f;
    if (count < 1 || count > 4 || data.length < 2 + count) notDer('a length that DER does not have');
    start += count;
    size = 0;
    for (let i = 2; i < start; i++) size = size * 256 + data[i]!;
    if (size < 0x80 || data[2] === 0) notDer('a length that is not the shortest');
  }
  const end = start + size;
  if (data.length < end) notDer('it ends in the middle of a value');
  return [{ tag, content: data.subarray(start, end), raw: data.subarray(0, end) }, data.subarray(end)];
}

/** The values inside a constructed one, of at most so many. Throws `stamp.rfc3161.der`. */
export function children(node: Node, most: number = MAX_CHILDREN): Node[] {
  if ((node.tag & 0x20) === 0) notDer(`tag ${hexByte(node.tag)} holds no values`);
  const found: Node[] = [];
  let data = node.content;
  while (data.length > 0) {
    const [next, rest] = read(data);
    found.push(next);
    if (found.length > most) notDer(`more than ${most} values in one`);
    data = rest;
  }
  return found;
}

/** The one value of this tag that the bytes are. Throws `stamp.rfc3161.der`. */
export function readAll(data: Uint8Array, tag: number): Node {
  const [node, rest] = read(data);
  if (rest.length > 0) notDer('bytes follow its end');
  return expect(node, tag);
}

/** The node, if it has this tag. Throws `stamp.rfc3161.der`. */
export function expect(node: Node | undefined, tag: number): Node {
  if (node === undefined) notDer('a value is missing');
  if (node.tag !== tag) notDer(`tag ${hexByte(tag)} was expected, ${hexByte(node.tag)} found`);
  return node;
}

export function encode(tag: number, content: Uint8Array): Uint8Array {
  const size = content.length;
  if (size < 0x80) return concatBytes(Uint8Array.of(tag, size), content);
  const length: number[] = [];
  for (let rest = size; rest > 0; rest = Math.floor(rest / 256)) length.unshift(rest & 0xff);
  return concatBytes(Uint8Array.of(tag, 0x80 | length.length, ...length), content);
}

/** An object identifier in dotted form. Throws `stamp.rfc3161.der`. */
export function oid(node: Node | undefined): string {
  const { content } = expect(node, OID);
  if (content.length === 0 || content.length > MAX_OID_BYTES || (content[content.length - 1]! & 0x80) !== 0) {
    notDer('an object identifier that is none');
  }
  const numbers: bigint[] = [];
  let value = 0n;
  let begins = true;
  for (const byte of content) {
    if (begins && byte === 0x80) notDer('an object identifier that is not the shortest');
    value = (value << 7n) | BigInt(byte & 0x7f);
    begins = (byte & 0x80) === 0;
    if (begins) {
      numbers.push(value);
      value = 0n;
    }
  }
  const first = numbers[0]! < 80n ? numbers[0]! / 40n : 2n;
  return [first, numbers[0]! - 40n * first, ...numbers.slice(1)].join('.');
}

/** A whole number in its shortest form. Throws `stamp.rfc3161.der`. */
export function integer(node: Node | undefined, tag: number = INTEGER): bigint {
  const { content } = expect(node, tag);
  const [first, second] = content;
  if (first === undefined) notDer('a number without bytes');
  if (second !== undefined && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80))) {
    notDer('a number that is not the shortest');
  }
  const value = unsigned(content);
  return first < 0x80 ? value : value - (1n << BigInt(8 * content.length));
}

/** A whole number that is not negative. Throws `stamp.rfc3161.der`. */
export function natural(node: Node | undefined, tag: number = INTEGER): bigint {
  const value = integer(node, tag);
  if (value < 0n) notDer('a negative number');
  return value;
}

/** The number that the bytes are, the highest first. */
export function unsigned(bytes: Uint8Array): bigint {
  let digits = '';
  for (const byte of bytes) digits += byte.toString(16).padStart(2, '0');
  return digits === '' ? 0n : BigInt('0x' + digits);
}

export function boolean(node: Node | undefined): boolean {
  const { content } = expect(node, BOOLEAN);
  if (content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff)) notDer('a truth value that is neither');
  return content[0] === 0xff;
}

/** The bits of a string: its bytes and how many bits at its end are unused, which are zero. Throws `stamp.rfc3161.der`. */
export function bitString(node: Node | undefined, tag: number = BIT_STRING): { bytes: Uint8Array; unused: number } {
  const { content } = expect(node, tag);
  const unused = content[0];
  if (unused === undefined || unused > 7 || (content.length === 1 && unused > 0)) notDer('a bit string that is none');
  if (unused > 0 && (content[content.length - 1]! & ((1 << unused) - 1)) !== 0) notDer('bits after the end of a bit string');
  return { bytes: content.subarray(1), unused };
}

/** A moment in seconds since 1970; fractions are cut off, and allowed only where `fractions` says so. Throws `stamp.rfc3161.der`. */
export function time(node: Node | undefined, fractions = false): number {
  if (node === undefined) notDer('a time is missing');
  const text = String.fromCharCode(...node.content.subarray(0, 64));
  const form = node.tag === UTC_TIME ? UTC_FORM : node.tag === GENERALIZED_TIME ? (fractions ? FRACTION_FORM : GENERAL_FORM) : null;
  const match = node.content.length <= 64 ? form?.exec(text) : null;
  if (match === null || match === undefined) notDer('a time that is none');
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [number, number, number, number, number, number];
  const full = node.tag === UTC_TIME ? year + (year >= 50 ? 1900 : 2000) : year;
  const moment = new Date(0);
  moment.setUTCFullYear(full, month - 1, day);
  moment.setUTCHours(hour, minute, second);
  const same = moment.getUTCFullYear() === full && moment.getUTCMonth() === month - 1 && moment.getUTCDate() === day;
  if (!same || hour > 23 || minute > 59 || second > 59 || full < 1) notDer('a time that is none');
  return moment.getTime() / 1000;
}

const UTC_FORM = /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/;
const GENERAL_FORM = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/;
const FRACTION_FORM = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.\d{0,8}[1-9])?Z$/;

/** Reads the fields of a sequence one after the other. Throws `stamp.rfc3161.der`. */
export class Fields {
  private readonly nodes: Node[];
  private at = 0;

  constructor(node: Node | undefined, tag: number = SEQUENCE) {
    this.nodes = children(expect(node, tag));
  }

  /** The next field; throws when there is none. */
  next(): Node {
    const node = this.nodes[this.at++];
    if (node === undefined) notDer('a value is missing');
    return node;
  }

  /** The next field if it has this tag. */
  optional(...tags: number[]): Node | undefined {
    const node = this.nodes[this.at];
    if (node === undefined || !tags.includes(node.tag)) return undefined;
    this.at++;
    return node;
  }

  /** Throws when a field is left. */
  end(): void {
    if (this.at < this.nodes.length) notDer('more values than there should be');
  }
}

/** The one value inside an explicit tag. Throws `stamp.rfc3161.der`. */
export function inside(node: Node): Node {
  const [value, rest] = read(node.content);
  if (rest.length > 0) notDer('bytes follow its end');
  return value;
}

/** Whether the values of a set stand in the order that DER gives them: by their bytes. */
export function inOrder(nodes: readonly Node[], compare: (a: Uint8Array, b: Uint8Array) => number): boolean {
  return nodes.every((node, i) => i === 0 || compare(nodes[i - 1]!.raw, node.raw) <= 0);
}

function hexByte(byte: number): string {
  return '0x' + byte.toString(16).padStart(2, '0');
}
