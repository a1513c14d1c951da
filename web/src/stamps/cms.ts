import { sha1 } from '@noble/hashes/legacy.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { compareBytes, equalBytes } from '../bytes.ts';
import { ArchiveError } from '../errors.ts';
import * as der from './der.ts';
import { DIGESTS, publicKey, signatureHash, verifyEcdsa, verifyRsa, type HashInfo } from './keys.ts';
import { algorithm, parseCertificate, readExtensions, readName, type Algorithm, type Certificate } from './x509.ts';

// A time-stamp token: CMS signed data (RFC 5652) over time-stamp information (RFC 3161). What it says, and whether it is
// signed by a certificate's key; whether that certificate is believed is another question.

const SIGNED_DATA = '1.2.840.113549.1.7.2';
const TST_INFO = '1.2.840.113549.1.9.16.1.4';
const CONTENT_TYPE = '1.2.840.113549.1.9.3';
const MESSAGE_DIGEST = '1.2.840.113549.1.9.4';
const SIGNING_CERTIFICATE = '1.2.840.113549.1.9.16.2.12';
const SIGNING_CERTIFICATE_V2 = '1.2.840.113549.1.9.16.2.47';
const RSA = '1.2.840.113549.1.1.1';
// The signatures of tokens that are checked: fewer than of certificates, RSA-PSS, Ed25519 and SHA-1 are not among them.
const SIGNATURES = new Set([
  RSA, '1.2.840.113549.1.1.11', '1.2.840.113549.1.1.12', '1.2.840.113549.1.1.13',
  '1.2.840.10045.4.3.2', '1.2.840.10045.4.3.3', '1.2.840.10045.4.3.4',
]);

/** What the authority says. `time` in seconds since 1970; the accuracy is rounded up to whole seconds, null where none is stated. */
export interface TimeStampInfo {
  readonly policy: string;
  readonly imprintAlgorithm: string;
  readonly imprint: Uint8Array;
  readonly time: number;
  readonly accuracy: number | null;
  readonly nonce: bigint | null;
}

export interface SignedToken {
  readonly content: Uint8Array;
  readonly info: TimeStampInfo;
  /** In the order in which they stand; nothing signs it. */
  readonly certificates: readonly Certificate[];
  readonly digestAlgorithms: readonly string[];
  readonly issuer: Uint8Array;
  readonly serial: bigint;
  readonly digest: string;
  readonly attributes: ReadonlyMap<string, der.Node>;
  readonly signed: Uint8Array;
  readonly algorithm: Algorithm;
  readonly signature: Uint8Array;
}

/** The parts of a TimeStampToken. Throws `stamp.rfc3161.der`. */
export function parseToken(token: Uint8Array): SignedToken {
  const outer = new der.Fields(der.readAll(token, der.SEQUENCE));
  if (der.oid(outer.next()) !== SIGNED_DATA) der.fail('it is not CMS signed data');
  const body = new der.Fields(der.inside(der.expect(outer.next(), der.context(0))));
  outer.end();
  smallNumber(body.next());
  const algorithms = setOf(body.next(), der.SET);
  const encapsulated = new der.Fields(body.next());
  if (der.oid(encapsulated.next()) !== TST_INFO) der.fail('it does not hold time-stamp information');
  const content = der.expect(der.inside(der.expect(encapsulated.next(), der.context(0))), der.OCTET_STRING).content;
  encapsulated.end();
  const certificates = body.optional(der.context(0));
  body.optional(der.context(1));
  const signers = der.children(der.expect(body.next(), der.SET));
  body.end();
  if (signers.length !== 1) der.fail(`${signers.length} signatures, not one`);
  return {
    content,
    info: parseInfo(der.readAll(content, der.SEQUENCE)),
    // Many authorities write certificates as they come and not in DER's order; no signature covers them.
    certificates: certificates === undefined ? [] : der.children(certificates).map(parseCertificate),
    digestAlgorithms: algorithms.map((node) => algorithm(node).oid),
    ...parseSigner(signers[0]!),
  };
}

function parseSigner(node: der.Node): Omit<SignedToken, 'content' | 'info' | 'certificates' | 'digestAlgorithms'> {
  const fields = new der.Fields(node);
  smallNumber(fields.next());
  const identity = new der.Fields(fields.next());
  const issuer = readName(identity.next());
  const serial = der.integer(identity.next());
  identity.end();
  const digest = algorithm(fields.next());
  const attributes = fields.next();
  const found = parseAttributes(attributes);
  const signatureAlgorithm = algorithm(fields.next());
  const signature = der.expect(fields.next(), der.OCTET_STRING).content;
  const unsigned = fields.optional(der.context(1));
  if (unsigned !== undefined) parseAttributes(unsigned, der.context(1));
  fields.end();
  return {
    issuer: issuer.raw,
    serial,
    digest: digest.oid,
    attributes: found,
    // RFC 5652, section 5.4: signed as an explicit SET, not with the implicit tag that it has here.
    signed: der.encode(der.SET, attributes.content),
    algorithm: signatureAlgorithm,
    signature,
  };
}

/** Attributes by name, each with one value; of unsigned ones only the form is looked at. */
function parseAttributes(node: der.Node, tag: number = der.context(0)): Map<string, der.Node> {
  const found = new Map<string, der.Node>();
  for (const attribute of setOf(node, tag)) {
    const fields = new der.Fields(attribute);
    const name = der.oid(fields.next());
    const values = setOf(fields.next(), der.SET);
    fields.end();
    if (tag !== der.context(0)) continue;
    if (found.has(name) || values.length !== 1) der.fail(`the signed attribute ${name} has not one value`);
    found.set(name, values[0]!);
  }
  return found;
}

function setOf(node: der.Node, tag: number): der.Node[] {
  const values = der.children(der.expect(node, tag));
  if (!der.inOrder(values, compareBytes)) der.fail('not DER: a set that is not in order');
  return values;
}

function smallNumber(node: der.Node): number {
  const value = der.natural(node);
  if (value > 255n) der.fail('a version that is none');
  return Number(value);
}

function parseInfo(node: der.Node): TimeStampInfo {
  const fields = new der.Fields(node);
  smallNumber(fields.next());
  const policy = der.oid(fields.next());
  const imprint = new der.Fields(fields.next());
  const imprintAlgorithm = algorithm(imprint.next()).oid;
  const hashed = der.expect(imprint.next(), der.OCTET_STRING).content;
  imprint.end();
  der.integer(fields.next());
  const time = der.time(der.expect(fields.next(), der.GENERALIZED_TIME), true);
  const accuracy = fields.optional(der.SEQUENCE);
  const ordering = fields.optional(der.BOOLEAN);
  if (ordering !== undefined && !der.boolean(ordering)) der.fail('time-stamp information that says what it need not');
  const nonce = fields.optional(der.INTEGER);
  const authority = fields.optional(der.context(0));
  if (authority !== undefined) generalName(der.inside(authority));
  const extensions = fields.optional(der.context(1));
  if (extensions !== undefined) readExtensions({ ...extensions, tag: der.SEQUENCE });
  fields.end();
  return {
    policy,
    imprintAlgorithm,
    imprint: hashed,
    time,
    accuracy: accuracy === undefined ? null : parseAccuracy(accuracy),
    nonce: nonce === undefined ? null : der.natural(nonce),
  };
}

function parseAccuracy(node: der.Node): number {
  const fields = new der.Fields(node);
  const seconds = fields.optional(der.INTEGER);
  const parts = [0, 1].map((n) => fields.optional(der.contextPrimitive(n)));
  fields.end();
  const [millis, micros] = parts.map((part) => {
    if (part === undefined) return 0;
    const value = der.natural(part, part.tag);
    if (value < 1n || value > 999n) der.fail('an accuracy that is none');
    return Number(value);
  }) as [number, number];
  const whole = seconds === undefined ? 0n : der.natural(seconds);
  return Math.ceil((whole >= 1n << 128n ? 0 : Number(whole)) + millis / 1000 + micros / 1e6);
}

/** The name of the authority inside the token, believed by nobody: only its form is looked at. */
function generalName(node: der.Node): void {
  const form = node.tag & 0x1f;
  const constructed = (node.tag & 0x20) !== 0;
  if ((node.tag & 0xc0) !== 0x80 || form > 8 || constructed !== [0, 3, 4, 5].includes(form)) der.fail('a name of the authority that is none');
  if (form === 4) readName(der.inside(node));
  if (form === 8) der.oid({ ...node, tag: der.OID });
}

/** The certificate that the token names and signs the hash of, of those at hand; else the first that has its name. */
export function findSigner(token: SignedToken, certificates: readonly Certificate[]): Certificate | null {
  const named = certificates.filter((c) => c.serial === token.serial && equalBytes(c.issuer.raw, token.issuer));
  return named.find((c) => namesCertificate(token, c)) ?? named[0] ?? null;
}

/**
 * Null when the token is signed by this certificate's key, else what is wrong. Throws `stamp.rfc3161.algorithm` for what
 * this version does not check, `stamp.rfc3161.der`.
 */
export function checkSignature(token: SignedToken, certificate: Certificate): string | null {
  const digest = DIGESTS.get(token.digest);
  if (digest === undefined) unsupported(`digest ${token.digest}`);
  const kind = token.attributes.get(CONTENT_TYPE);
  if (kind === undefined || der.oid(kind) !== TST_INFO) return 'the signed content type is not time-stamp information';
  if (!isOverContent(token, digest)) return 'the signed digest is not that of the time-stamp information';
  if (!namesCertificate(token, certificate)) return 'the signed attribute that names the certificate is missing, or names another one';
  const { oid } = token.algorithm;
  const key = publicKey(certificate.key);
  const hash = oid === RSA ? digest : signatureHash(token.algorithm);
  let holds: boolean | null = null;
  if (SIGNATURES.has(oid) && key.kind === 'rsa' && oid.startsWith('1.2.840.113549.')) holds = verifyRsa(key, hash!, token.signed, token.signature);
  else if (SIGNATURES.has(oid) && key.kind === 'ec' && oid.startsWith('1.2.840.10045.')) holds = verifyEcdsa(key, hash!, token.signed, token.signature);
  if (holds === null) unsupported(`signature ${oid} by a key of another kind, or one not known here`);
  return holds ? null : "the signature is not of the certificate's key";
}

function isOverContent(token: SignedToken, digest: HashInfo): boolean {
  const hashed = token.attributes.get(MESSAGE_DIGEST);
  return hashed !== undefined && equalBytes(der.expect(hashed, der.OCTET_STRING).content, digest.hash(token.content));
}

/** Whether the signature holds over the digest that the token states, whatever its algorithm says: as OpenSSL reads PKCS #7. */
export function holdsAsStated(token: SignedToken, certificate: Certificate): boolean {
  const digest = DIGESTS.get(token.digest);
  if (digest === undefined || !isOverContent(token, digest)) return false;
  const key = publicKey(certificate.key);
  if (key.kind === 'rsa') return verifyRsa(key, digest, token.signed, token.signature);
  return key.kind === 'ec' && verifyEcdsa(key, digest, token.signed, token.signature);
}

/** RFC 3161, section 2.4.2: the certificate's hash is signed, so that no other certificate of the key can be put in. */
function namesCertificate(token: SignedToken, certificate: Certificate): boolean {
  for (const [name, version] of [[SIGNING_CERTIFICATE_V2, 2], [SIGNING_CERTIFICATE, 1]] as const) {
    const attribute = token.attributes.get(name);
    if (attribute === undefined) continue;
    const parts = der.children(der.expect(attribute, der.SEQUENCE));
    const ids = parts[0] === undefined ? [] : der.children(der.expect(parts[0], der.SEQUENCE));
    const first = ids[0] === undefined ? [] : der.children(der.expect(ids[0], der.SEQUENCE));
    if (first.length === 0) return false;
    let hash: (data: Uint8Array) => Uint8Array = version === 1 ? sha1 : sha256;
    let [value] = first;
    if (version === 2 && first[0]!.tag === der.SEQUENCE) {
      const known = DIGESTS.get(der.oid(der.children(first[0]!)[0]));
      if (known === undefined || first.length < 2) return false;
      hash = known.hash;
      value = first[1];
    }
    return equalBytes(der.expect(value, der.OCTET_STRING).content, hash(certificate.raw));
  }
  return false;
}

function unsupported(what: string): never {
  throw new ArchiveError('stamp.rfc3161.algorithm', `time-stamp token: ${what}: not checked by this version`);
}
