import { compareBytes, equalBytes } from '../bytes.ts';
import { ArchiveError } from '../errors.ts';
import * as der from './der.ts';

// Certificates as RFC 5280 has them: what a chain of trust needs of them, read strictly. Nothing here says whom to believe.

/** A signature's algorithm; `params` is the value after its name, or null. */
export interface Algorithm {
  readonly oid: string;
  readonly params: der.Node | null;
  readonly raw: Uint8Array;
}

export interface Extension {
  readonly critical: boolean;
  readonly value: Uint8Array;
}

export interface Name {
  /** The DER, as it stood there. */
  readonly raw: Uint8Array;
  /** False where a part of it is no text: `text` and `key` are then of no use. */
  readonly readable: boolean;
  /** As RFC 4514 writes it. */
  readonly text: string;
  /** Equal for names of the same attributes, whatever kind of string they are written in. */
  readonly key: string;
}

/** Times are in seconds since 1970. `extensions` is null where one stands twice. */
export interface Certificate {
  readonly raw: Uint8Array;
  /** False for one of a version that there is not, or with a name that is no text: it proves nothing. */
  readonly usable: boolean;
  readonly signed: Uint8Array;
  readonly serial: bigint;
  readonly issuer: Name;
  readonly subject: Name;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly key: PublicKeyInfo;
  readonly algorithm: Algorithm;
  /** Whether the signed and the unsigned part name the same algorithm. */
  readonly sameAlgorithm: boolean;
  readonly signature: Uint8Array;
  readonly extensions: ReadonlyMap<string, Extension> | null;
}

export interface PublicKeyInfo {
  readonly algorithm: Algorithm;
  /** The bits of the key itself. */
  readonly bits: Uint8Array;
}

export const EXTENDED_KEY_USAGE = '2.5.29.37';
export const KEY_USAGE = '2.5.29.15';
export const BASIC_CONSTRAINTS = '2.5.29.19';
export const AUTHORITY_KEY = '2.5.29.35';
export const SUBJECT_KEY = '2.5.29.14';
export const NAME_CONSTRAINTS = '2.5.29.30';
export const TIME_STAMPING = '1.3.6.1.5.5.7.3.8';
export const OCSP_SIGNING = '1.3.6.1.5.5.7.3.9';

const NULL_OR_NOTHING = new Set([
  '1.3.14.3.2.26', '1.3.14.3.2.29',
  '2.16.840.1.101.3.4.2.1', '2.16.840.1.101.3.4.2.2', '2.16.840.1.101.3.4.2.3', '2.16.840.1.101.3.4.2.4',
  '2.16.840.1.101.3.4.2.7', '2.16.840.1.101.3.4.2.8', '2.16.840.1.101.3.4.2.9', '2.16.840.1.101.3.4.2.10',
  '1.2.840.113549.1.1.1', '1.2.840.113549.1.1.5', '1.2.840.113549.1.1.11', '1.2.840.113549.1.1.12', '1.2.840.113549.1.1.13',
  '1.2.840.113549.1.1.14', '2.16.840.1.101.3.4.3.13', '2.16.840.1.101.3.4.3.14', '2.16.840.1.101.3.4.3.15', '2.16.840.1.101.3.4.3.16',
  '1.2.840.10045.4.3.1', '1.2.840.10045.4.3.2', '1.2.840.10045.4.3.3', '1.2.840.10045.4.3.4',
]);
const NOTHING = new Set([
  '1.3.101.110', '1.3.101.111', '1.3.101.112', '1.3.101.113',
  '2.16.840.1.101.3.4.3.9', '2.16.840.1.101.3.4.3.10', '2.16.840.1.101.3.4.3.11', '2.16.840.1.101.3.4.3.12',
]);
const EC_KEY = '1.2.840.10045.2.1';
// DSA and Diffie-Hellman keys: never used here, but their parameters have a form too.
const NUMBERS = new Set(['1.2.840.10040.4.1', '1.2.840.10046.2.1', '1.2.840.113549.1.3.1']);

/** An algorithm's name and parameters. Throws `stamp.rfc3161.der`, also for parameters that the algorithm does not have. */
export function algorithm(node: der.Node | undefined): Algorithm {
  const fields = der.children(der.expect(node, der.SEQUENCE));
  const name = der.oid(fields[0]);
  const params = fields[1] ?? null;
  if (fields.length > 2) der.fail('an algorithm with more than parameters');
  if (NULL_OR_NOTHING.has(name) ? params !== null && !isNull(params) : NOTHING.has(name) && params !== null) {
    der.fail(`parameters that the algorithm ${name} does not have`);
  }
  if (name === EC_KEY && !isCurve(params)) der.fail('a key without a curve');
  if (NUMBERS.has(name)) der.children(der.expect(params ?? undefined, der.SEQUENCE)).slice(0, 2).forEach((n) => der.natural(n));
  return { oid: name, params, raw: node!.raw };
}

function isCurve(params: der.Node | null): boolean {
  if (params?.tag === der.OID) return der.oid(params) !== '';
  return params !== null && (isNull(params) || params.tag === der.SEQUENCE);
}

function isNull(node: der.Node): boolean {
  return node.tag === der.NULL && node.content.length === 0;
}

/** A certificate from DER. Throws `stamp.rfc3161.certificate`. */
export function readCertificate(raw: Uint8Array): Certificate {
  try {
    const certificate = parseCertificate(der.readAll(raw, der.SEQUENCE));
    return certificate.usable ? certificate : der.fail('a version that there is not, or a name that is no text');
  } catch (error) {
    if (!(error instanceof ArchiveError)) throw error;
    throw new ArchiveError('stamp.rfc3161.certificate', `a certificate cannot be read: ${error.message}`);
  }
}

/** The same of a value inside of another. Throws `stamp.rfc3161.der`. */
export function parseCertificate(node: der.Node): Certificate {
  const outer = new der.Fields(node);
  const signed = outer.next();
  const algorithmNode = algorithm(outer.next());
  const signature = der.bitString(outer.next()).bytes;
  outer.end();
  const tbs = new der.Fields(signed);
  const version = tbs.optional(der.context(0));
  const number = version === undefined ? 0n : der.natural(der.inside(version));
  if ((version !== undefined && number === 0n) || number > 255n) der.fail('a version that is none');
  const serial = der.integer(tbs.next());
  const inner = algorithm(tbs.next());
  const issuer = readName(tbs.next());
  const validity = new der.Fields(tbs.next());
  const notBefore = der.time(validity.next());
  const notAfter = der.time(validity.next());
  validity.end();
  const subject = readName(tbs.next());
  const key = keyInfo(tbs.next());
  for (const n of [1, 2]) {
    const unique = tbs.optional(der.contextPrimitive(n));
    if (unique !== undefined) der.bitString(unique, unique.tag);
  }
  const wrapped = tbs.optional(der.context(3));
  const extensions = wrapped === undefined ? new Map<string, Extension>() : readExtensions(der.inside(wrapped));
  tbs.end();
  return {
    raw: node.raw,
    usable: (number === 0n || number === 2n) && issuer.readable && subject.readable,
    signed: signed.raw,
    serial,
    issuer,
    subject,
    notBefore,
    notAfter,
    key,
    algorithm: algorithmNode,
    sameAlgorithm: equalBytes(inner.raw, algorithmNode.raw),
    signature,
    extensions,
  };
}

function keyInfo(node: der.Node): PublicKeyInfo {
  const fields = new der.Fields(node);
  const info = { algorithm: algorithm(fields.next()), bits: der.bitString(fields.next()).bytes };
  fields.end();
  return info;
}

/** Extensions by name; null where one stands twice. Throws `stamp.rfc3161.der`. */
export function readExtensions(node: der.Node): Map<string, Extension> | null {
  const found = new Map<string, Extension>();
  let twice = false;
  for (const item of der.children(der.expect(node, der.SEQUENCE))) {
    const fields = new der.Fields(item);
    const name = der.oid(fields.next());
    const flag = fields.optional(der.BOOLEAN);
    if (flag !== undefined && !der.boolean(flag)) der.fail('an extension that says what it need not');
    const { content } = der.expect(fields.next(), der.OCTET_STRING);
    fields.end();
    twice ||= found.has(name);
    found.set(name, { critical: flag !== undefined, value: content });
  }
  return twice ? null : found;
}

const SHORT_NAMES: Record<string, string> = {
  '2.5.4.3': 'CN', '2.5.4.7': 'L', '2.5.4.8': 'ST', '2.5.4.10': 'O', '2.5.4.11': 'OU', '2.5.4.6': 'C', '2.5.4.9': 'STREET',
  '0.9.2342.19200300.100.1.25': 'DC', '0.9.2342.19200300.100.1.1': 'UID',
};
const UNIQUE_IDENTIFIER = '2.5.4.45';
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const PRINTABLE = /^[A-Za-z0-9 '()+,\-./:=?]*$/;

/** A distinguished name. Throws `stamp.rfc3161.der`. */
export function readName(node: der.Node | undefined): Name {
  const sequence = der.expect(node, der.SEQUENCE);
  const parts = der.children(sequence).map((part) => {
    const attributes = der.children(der.expect(part, der.SET));
    if (!der.inOrder(attributes, compareBytes)) der.fail('a part of a name that is not in order');
    return attributes.map(readAttribute);
  });
  const keys = parts.map((attributes) => attributes.map((a) => `${a.oid}=${a.value}`).sort());
  const readable = parts.every((part, i) => part.length > 0 && part.every((a) => a.value !== null) && new Set(keys[i]).size === part.length);
  const texts = parts.map((part) => part.map((a) => `${SHORT_NAMES[a.oid] ?? a.oid}=${a.shown}`).join('+'));
  return { raw: sequence.raw, readable, text: texts.reverse().join(','), key: JSON.stringify(keys) };
}

/** An attribute of a name; `value` is null for what is no text. Throws `stamp.rfc3161.der`. */
function readAttribute(node: der.Node): { oid: string; value: string | null; shown: string } {
  const fields = new der.Fields(node);
  const name = der.oid(fields.next());
  const value = fields.next();
  fields.end();
  if (value.tag === der.BIT_STRING) {
    const digits = [...value.content].map((b) => b.toString(16).padStart(2, '0')).join('');
    return { oid: name, value: name === UNIQUE_IDENTIFIER ? `#${digits}` : null, shown: digits === '' ? '' : `#${digits}` };
  }
  const text = attributeText(value);
  return { oid: name, value: text === null ? null : `"${text}`, shown: escaped(text ?? '') };
}

function attributeText(value: der.Node): string | null {
  switch (value.tag) {
    case 0x13: {
      const text = String.fromCharCode(...value.content.subarray(0, 65536));
      if (!PRINTABLE.test(text)) der.fail('a name with a character that its kind of text has not');
      return text;
    }
    case 0x1e:
      return wide(value.content, 2);
    case 0x1c:
      return wide(value.content, 4);
    case 0x04: case 0x0c: case 0x12: case 0x14: case 0x16: case 0x17: case 0x18: case 0x1a:
      try {
        return UTF8.decode(value.content);
      } catch {
        return null;
      }
    default:
      return null;
  }
}

/** Text of two or four bytes a character. */
function wide(bytes: Uint8Array, size: number): string {
  if (bytes.length % size !== 0) der.fail('a name that ends in the middle of a character');
  let text = '';
  for (let i = 0; i < bytes.length; i += size) {
    const code = Number(der.unsigned(bytes.subarray(i, i + size)));
    if (code > 0x10ffff || (size === 4 && code >= 0xd800 && code < 0xe000)) der.fail('a name with a character that there is not');
    text += size === 2 ? String.fromCharCode(code) : String.fromCodePoint(code);
  }
  if (/[\ud800-\udfff]/u.test(text)) der.fail('a name with half a character');
  return text;
}

function escaped(text: string): string {
  if (text === '') return '';
  let out = text.replace(/[\\"+,;<>]/g, '\\$&').replaceAll('\0', '\\00');
  if (out[0] === '#' || (out[0] === ' ' && out.length > 1)) out = '\\' + out;
  return out.endsWith(' ') ? out.slice(0, -1) + '\\ ' : out;
}

// --- extensions -----------------------------------------------------------------------------------------------------

/** The purposes of an extended key usage, or null where it is missing or cannot be read. */
export function purposes(certificate: Certificate): { critical: boolean; oids: string[] } | null {
  const extension = certificate.extensions?.get(EXTENDED_KEY_USAGE);
  if (extension === undefined) return null;
  const oids = attempt(() => der.children(der.readAll(extension.value, der.SEQUENCE)).map(der.oid));
  return oids === null || oids.length === 0 ? null : { critical: extension.critical, oids };
}

/** The bits of a key usage as a number whose bit i is bit i of RFC 5280; undefined where it is missing, null where it cannot be read. */
export function keyUsage(certificate: Certificate): number | null | undefined {
  const extension = certificate.extensions?.get(KEY_USAGE);
  if (extension === undefined) return undefined;
  return attempt(() => {
    const { bytes } = der.bitString(der.readAll(extension.value, der.BIT_STRING));
    let bits = 0;
    for (let i = 0; i < Math.min(9, 8 * bytes.length); i++) if ((bytes[i >> 3]! & (0x80 >> (i & 7))) !== 0) bits |= 1 << i;
    return bits;
  });
}

export const DIGITAL_SIGNATURE = 1 << 0;
export const NON_REPUDIATION = 1 << 1;
export const KEY_CERT_SIGN = 1 << 5;

/** Basic constraints; undefined where they are missing, null where they cannot be read. */
export function basicConstraints(certificate: Certificate): { ca: boolean; pathLength: number | null } | null | undefined {
  const extension = certificate.extensions?.get(BASIC_CONSTRAINTS);
  if (extension === undefined) return undefined;
  return attempt(() => {
    const fields = new der.Fields(der.readAll(extension.value, der.SEQUENCE));
    const flag = fields.optional(der.BOOLEAN);
    if (flag !== undefined && !der.boolean(flag)) der.fail('basic constraints that say what they need not');
    const length = fields.optional(der.INTEGER);
    fields.end();
    const pathLength = length === undefined ? null : Number(der.natural(length));
    return { ca: flag !== undefined, pathLength };
  });
}

/** The identifier of the certificate's own key; undefined where it is missing, null where it cannot be read. */
export function subjectKey(certificate: Certificate): Uint8Array | null | undefined {
  const extension = certificate.extensions?.get(SUBJECT_KEY);
  return extension && attempt(() => der.readAll(extension.value, der.OCTET_STRING).content);
}

/** What the certificate says of its issuer's key. `issuer` are the names that it may have; only directory names count. */
export function authorityKey(
  certificate: Certificate,
): { key: Uint8Array | null; issuer: Name | null; serial: bigint | null } | null | undefined {
  const extension = certificate.extensions?.get(AUTHORITY_KEY);
  return extension && attempt(() => {
    const fields = new der.Fields(der.readAll(extension.value, der.SEQUENCE));
    const key = fields.optional(der.contextPrimitive(0));
    const names = fields.optional(der.context(1));
    const serial = fields.optional(der.contextPrimitive(2));
    fields.end();
    const directory = names && der.children(names).find((n) => n.tag === der.context(4));
    return {
      key: key?.content ?? null,
      issuer: directory === undefined ? null : readName(der.inside(directory)),
      serial: serial === undefined ? null : der.integer(serial, serial.tag),
    };
  });
}

/**
 * The directory names that a certificate allows and forbids under it; undefined where it says nothing, null where it speaks
 * of other kinds of names, of depths, or cannot be read.
 */
export function nameLimits(certificate: Certificate): { permitted: Name[]; excluded: Name[] } | null | undefined {
  const extension = certificate.extensions?.get(NAME_CONSTRAINTS);
  return extension && attempt(() => {
    const fields = new der.Fields(der.readAll(extension.value, der.SEQUENCE));
    const [permitted, excluded] = [0, 1].map((n) => {
      const subtrees = fields.optional(der.context(n));
      return subtrees === undefined ? [] : der.children(subtrees).map(readSubtree);
    }) as [Name[], Name[]];
    fields.end();
    return { permitted, excluded };
  });
}

function readSubtree(node: der.Node): Name {
  const fields = new der.Fields(node);
  const name = readName(der.inside(der.expect(fields.next(), der.context(4))));
  fields.end();
  return name.readable ? name : der.fail('a name that is no text');
}

function attempt<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof ArchiveError) return null;
    throw error;
  }
}
