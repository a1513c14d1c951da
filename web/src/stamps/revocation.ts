import { equalBytes } from '../bytes.ts';
import { ArchiveError } from '../errors.ts';
import * as der from './der.ts';
import { hashOf, publicKey, signatureHash, verifyEcdsa, verifyRsa, verifySigned } from './keys.ts';
import type { Step } from './outcome.ts';
import { isoTime } from './times.ts';
import { algorithm, OCSP_SIGNING, parseCertificate, purposes, readExtensions, readName, type Algorithm, type Certificate, type Extension } from './x509.ts';

// CRLs and OCSP answers that are kept with a token: was a certificate of its chain revoked? Sources: RFC 5280 section 5,
// RFC 6960, RFC 3161 section 4: after a revocation for a harmless reason the tokens from before it stand; after any other
// none does, since whoever has the key can write any time into a token.

const CODE = 'stamp.rfc3161.revocation';
const CRL_REASON = '2.5.29.21';
const BASIC_OCSP = '1.3.6.1.5.5.7.48.1.1';
const MAX_RESPONDERS = 4;
const MAX_REVOKED = 200_000;
const REASONS = [
  'unspecified', 'keyCompromise', 'cACompromise', 'affiliationChanged', 'superseded', 'cessationOfOperation', 'certificateHold',
  null, 'removeFromCRL', 'privilegeWithdrawn', 'aACompromise',
];
const HARMLESS = new Set(['unspecified', 'affiliationChanged', 'superseded', 'cessationOfOperation']);

/** When and why a certificate was revoked; null: it was not. */
type Answer = { readonly when: number; readonly reason: string | null } | null;

/** What the kept answers say of each certificate below the root. `path`: the signer first, each followed by its issuer. */
export function checkRevocation(path: readonly Certificate[], moment: number, crls: readonly Uint8Array[], ocsp: readonly Uint8Array[]): Step {
  const missing: string[] = [];
  for (const [i, certificate] of path.slice(0, -1).entries()) {
    const issuer = path[i + 1]!;
    const answers = [...byCrl(certificate, issuer, crls), ...byOcsp(certificate, issuer, ocsp)];
    for (const answer of answers) {
      if (answer === null || (answer.reason !== null && HARMLESS.has(answer.reason) && answer.when > moment)) continue;
      const note = `${certificate.subject.text} was revoked (${answer.reason ?? 'no reason stated'})`;
      return { code: CODE, status: 'fail', note, expected: 'not revoked', found: `revoked ${isoTime(answer.when)}` };
    }
    if (answers.length === 0) missing.push(certificate.subject.text);
  }
  if (missing.length > 0 || path.length < 2) {
    return { code: CODE, status: 'unchecked', note: `no answer is kept that says whether ${missing.join(', ') || 'its signer'} was revoked` };
  }
  return { code: CODE, status: 'pass', note: 'not revoked, by the answers kept with the token' };
}

/** What `read` gives; undefined for bytes that are not of the form, which prove nothing. */
function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof ArchiveError) return undefined;
    throw error;
  }
}

function byCrl(certificate: Certificate, issuer: Certificate, crls: readonly Uint8Array[]): Answer[] {
  return crls.flatMap((raw) => {
    const answer = readable(() => crlAnswer(raw, certificate, issuer));
    return answer === undefined ? [] : [answer];
  });
}

/** The answer of one CRL; undefined when it is not this issuer's. Throws `stamp.rfc3161.der`. */
function crlAnswer(raw: Uint8Array, certificate: Certificate, issuer: Certificate): Answer | undefined {
  const outer = new der.Fields(der.readAll(raw, der.SEQUENCE));
  const signed = outer.next();
  const outerAlgorithm = algorithm(outer.next());
  const signature = der.bitString(outer.next()).bytes;
  outer.end();
  const fields = new der.Fields(signed);
  const version = fields.optional(der.INTEGER);
  if (version === undefined || der.integer(version) !== 1n) der.fail('a CRL of a version that there is not');
  const innerAlgorithm = algorithm(fields.next());
  const name = readName(fields.next());
  der.time(fields.next());
  const next = fields.optional(der.UTC_TIME, der.GENERALIZED_TIME);
  if (next !== undefined) der.time(next);
  const revoked = fields.optional(der.SEQUENCE);
  const extensions = fields.optional(der.context(0));
  if (extensions !== undefined) readExtensions(der.inside(extensions));
  fields.end();
  const entries = revoked === undefined ? [] : der.children(revoked, MAX_REVOKED).map(readRevoked);
  if (!name.readable || name.key !== issuer.subject.key || !equalBytes(innerAlgorithm.raw, outerAlgorithm.raw)) return undefined;
  if (verifySigned(publicKey(issuer.key), outerAlgorithm, signed.raw, signature) !== true) return undefined;
  const entry = entries.find((e) => e.serial === certificate.serial);
  return entry === undefined ? null : { when: entry.when, reason: reasonOf(entry.extensions) };
}

interface Revoked {
  readonly serial: bigint;
  readonly when: number;
  readonly extensions: ReadonlyMap<string, Extension> | null;
}

function readRevoked(node: der.Node): Revoked {
  const fields = new der.Fields(node);
  const serial = der.natural(fields.next());
  const when = der.time(fields.next());
  const extensions = fields.optional(der.SEQUENCE);
  fields.end();
  return { serial, when, extensions: extensions === undefined ? new Map() : readExtensions(extensions) };
}

function reasonOf(extensions: ReadonlyMap<string, Extension> | null): string | null {
  const extension = extensions?.get(CRL_REASON);
  if (extension === undefined) return null;
  return readable(() => REASONS[Number(der.natural(der.readAll(extension.value, der.ENUMERATED), der.ENUMERATED))]) ?? null;
}

function byOcsp(certificate: Certificate, issuer: Certificate, answers: readonly Uint8Array[]): Answer[] {
  return answers.flatMap((raw) => {
    const answer = readable(() => ocspAnswer(raw, certificate, issuer));
    return answer === undefined ? [] : [answer];
  });
}

/** The answer of one OCSP response; undefined when it is of others, about another, or says nothing. Throws `stamp.rfc3161.der`. */
function ocspAnswer(raw: Uint8Array, certificate: Certificate, issuer: Certificate): Answer | undefined {
  const basic = readBasic(raw);
  if (basic === undefined || basic.answers.length !== 1) return undefined;
  const [answer] = basic.answers as [SingleAnswer];
  if (answer.serial !== certificate.serial || !isAbout(answer, issuer)) return undefined;
  if (!isSignedBy(basic, issuer)) return undefined;
  if (answer.status.tag === der.contextPrimitive(0)) return null;
  if (answer.status.tag !== der.context(1)) return undefined;
  const fields = new der.Fields(answer.status, der.context(1));
  const when = der.time(der.expect(fields.next(), der.GENERALIZED_TIME));
  const reason = fields.optional(der.context(0));
  fields.end();
  if (reason === undefined) return { when, reason: null };
  const word = REASONS[Number(der.natural(der.inside(reason), der.ENUMERATED))];
  // A reason that there is not makes the whole answer one that cannot be read.
  return word === undefined || word === null ? undefined : { when, reason: word };
}

interface SingleAnswer {
  readonly hash: string;
  readonly issuerName: Uint8Array;
  readonly issuerKey: Uint8Array;
  readonly serial: bigint;
  readonly status: der.Node;
}

interface BasicAnswer {
  readonly signed: Uint8Array;
  readonly answers: readonly SingleAnswer[];
  readonly algorithm: Algorithm;
  readonly signature: Uint8Array;
  readonly certificates: readonly Certificate[];
}

function readBasic(raw: Uint8Array): BasicAnswer | undefined {
  const response = new der.Fields(der.readAll(raw, der.SEQUENCE));
  if (der.natural(response.next(), der.ENUMERATED) !== 0n) return undefined;
  const wrapped = new der.Fields(der.inside(der.expect(response.next(), der.context(0))));
  response.end();
  if (der.oid(wrapped.next()) !== BASIC_OCSP) return undefined;
  const outer = new der.Fields(der.readAll(der.expect(wrapped.next(), der.OCTET_STRING).content, der.SEQUENCE));
  wrapped.end();
  const signed = outer.next();
  const signatureAlgorithm = algorithm(outer.next());
  const signature = der.bitString(outer.next()).bytes;
  const certificates = outer.optional(der.context(0));
  outer.end();
  const fields = new der.Fields(signed);
  const version = fields.optional(der.context(0));
  if (version !== undefined && der.natural(der.inside(version)) === 0n) der.fail('an answer that says what it need not');
  const responder = der.inside(fields.optional(der.context(1)) ?? der.expect(fields.next(), der.context(2)));
  if (responder.tag === der.SEQUENCE) readName(responder);
  else der.expect(responder, der.OCTET_STRING);
  der.time(der.expect(fields.next(), der.GENERALIZED_TIME), true);
  const answers = der.children(der.expect(fields.next(), der.SEQUENCE)).map(readSingle);
  const extensions = fields.optional(der.context(1));
  if (extensions !== undefined) readExtensions(der.inside(extensions));
  fields.end();
  return {
    signed: signed.raw,
    answers,
    algorithm: signatureAlgorithm,
    signature,
    certificates: certificates === undefined ? [] : der.children(der.expect(der.inside(certificates), der.SEQUENCE)).map(parseCertificate),
  };
}

function readSingle(node: der.Node): SingleAnswer {
  const fields = new der.Fields(node);
  const id = new der.Fields(fields.next());
  const hash = algorithm(id.next()).oid;
  const issuerName = der.expect(id.next(), der.OCTET_STRING).content;
  const issuerKey = der.expect(id.next(), der.OCTET_STRING).content;
  const serial = der.natural(id.next());
  id.end();
  const status = fields.next();
  der.time(der.expect(fields.next(), der.GENERALIZED_TIME));
  const next = fields.optional(der.context(0));
  if (next !== undefined) der.time(der.expect(der.inside(next), der.GENERALIZED_TIME));
  const extensions = fields.optional(der.context(1));
  if (extensions !== undefined) readExtensions(der.inside(extensions));
  fields.end();
  return { hash, issuerName, issuerKey, serial, status };
}

/** Whether the answer names this issuer, by the hash that the answer itself uses. */
function isAbout(answer: SingleAnswer, issuer: Certificate): boolean {
  const hash = hashOf(answer.hash)?.hash;
  return hash !== undefined && equalBytes(hash(issuer.subject.raw), answer.issuerName) && equalBytes(hash(issuer.key.bits), answer.issuerKey);
}

/** By the issuer itself, or by a certificate that the issuer made for OCSP (RFC 6960, section 4.2.2.2). */
function isSignedBy(basic: BasicAnswer, issuer: Certificate): boolean {
  const made = basic.certificates
    .slice(0, MAX_RESPONDERS)
    .filter((c) => !equalBytes(c.raw, issuer.raw) && issuedBy(c, issuer) && purposes(c)?.oids.includes(OCSP_SIGNING) === true);
  const key = publicKey((made[made.length - 1] ?? issuer).key);
  const hash = signatureHash(basic.algorithm);
  if (hash === null) return false;
  if (key.kind === 'rsa') return verifyRsa(key, hash, basic.signed, basic.signature);
  return key.kind === 'ec' && verifyEcdsa(key, hash, basic.signed, basic.signature);
}

/** Whether a certificate carries the signature of this issuer, and its name. */
export function issuedBy(certificate: Certificate, issuer: Certificate): boolean {
  if (!certificate.sameAlgorithm || !equalBytes(certificate.issuer.raw, issuer.subject.raw)) return false;
  return readable(() => verifySigned(publicKey(issuer.key), certificate.algorithm, certificate.signed, certificate.signature)) === true;
}
